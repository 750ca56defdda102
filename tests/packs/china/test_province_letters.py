"""Chinese names of provinces on maps."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from digicarbon.packs.china import facts
from digicarbon.report.picture import _figure, plot_map, rendered
from digicarbon.report.picture._figure import drawable


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
def test_without_a_chinese_font_provinces_have_their_english_names() -> None:
    assert drawable("北京") == "Beijing"
    rendered(plot_map(a_map(lambda i: str(facts.provinces()["name_zh"][i])), language="zh"), "png")


@pytest.mark.usefixtures("chinese_font")
def test_names_of_provinces_are_drawn_in_an_installed_font() -> None:
    figure = plot_map(a_map(lambda i: str(facts.provinces()["name_zh"][i])), language="zh")
    assert figure.axes[0].get_title(loc="left") == "指数, 2012"
    assert {"北京", "黑龙江"} <= {text.get_text() for text in figure.axes[0].texts}
