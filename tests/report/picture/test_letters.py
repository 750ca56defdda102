"""Letters of pictures: what no installed font has is never drawn as an empty box."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pandas as pd
import pytest

from digicarbon.report.picture import _figure, no_letters, plot_map, rendered
from digicarbon.report.picture._figure import Words, drawable, head, new_figure


@pytest.fixture
def latin_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a font that has Chinese letters."""
    monkeypatch.setattr(_figure, "families", lambda: ("DejaVu Sans",))


def a_map(unit: Callable[[int], str]) -> pd.DataFrame:
    index = pd.MultiIndex.from_product(
        [["指数"], [2012], [unit(i) for i in range(3)]], names=["variable", "period", "unit"]
    )
    return pd.DataFrame({"value": [1.0, 2.0, 3.0]}, index=index)


@pytest.mark.usefixtures("latin_only")
def test_without_a_chinese_font_labels_are_english_and_a_sentence_says_so() -> None:
    said = Words("zh", {"e": "数字经济"})
    assert (said.language, said("e"), said.say("no data")) == ("en", "e", "no data")
    assert drawable("指数 A") == "U+6307 U+6570  A"
    assert "No installed font has Chinese letters: the pictures have English labels." in str(no_letters(["e"], "zh")[0])
    assert no_letters(["e"], "en") == ()
    assert "No installed font has the letters of 指数" in str(no_letters(["e", "指数"], "en")[0])
    # warnings are errors here: a letter that a font lacks would be one
    rendered(plot_map(a_map(lambda i: f"区{i}"), language="zh"), "png")


@pytest.mark.usefixtures("chinese_font")
def test_letters_of_an_installed_font_are_drawn() -> None:
    assert (drawable("指数"), no_letters(["指数"], "zh")) == ("指数", ())
    assert Words("zh", {"e": "数字经济"})("e") == "数字经济"
    figure = plot_map(a_map(lambda i: f"区{i}"), language="zh", simulated=True)
    # the English word in any language: nobody may take drawn numbers for real ones
    assert figure.get_suptitle() == "SIMULATED：模拟数据"
    rendered(figure, "svg")


def test_a_dollar_sign_is_a_letter() -> None:
    figure = plot_map(a_map(str), units={"指数": "US$ per $1"})
    assert figure.axes[0].get_xlabel().endswith("(US$ per $1)")
    rendered(figure, "png")


def test_a_font_without_a_bold_cut_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    with _figure.drawing():
        logging.getLogger("matplotlib.font_manager").warning("findfont: Failed to find font weight bold")
    assert not caplog.records
    logging.getLogger("matplotlib.font_manager").warning("findfont: something else")
    assert len(caplog.records) == 1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_long_title_is_within_the_picture(language: _figure.Language) -> None:
    words = Words(language, None).language
    with _figure.drawing():
        figure = new_figure(4.8, 3)
        head(figure, "各分位数处的效应" * 6 if words == "zh" else "Effects at quantiles of " * 6, True, words)
        figure.draw_without_rendering()
        (title,) = figure.texts
        assert title.get_window_extent().x1 <= figure.bbox.x1
    read_aloud = rendered(figure, "svg").decode().split("<title>")[1].split("</title>")[0]
    assert "SIMULATED" in read_aloud
    assert "\n" not in read_aloud
