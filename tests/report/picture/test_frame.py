"""The frame of all pictures: title and mark above what a function draws, whose arguments stay as they are written."""

import inspect
import warnings
from typing import Unpack

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

import digicarbon as dc
from digicarbon.report.picture import Language, NamedFrame, new_figure, picture, rendered

# a picture of a pack is there if the pack is
PICTURES = [name for name in dir(dc) if name.startswith("plot_") and hasattr(dc, name)]


@picture
def plot_nothing(size: float, *, room: float = 0.0, **frame: Unpack[NamedFrame]) -> Figure:
    """Draw nothing."""
    assert mpl.rcParams["axes.linewidth"] == 0.6
    return new_figure(size + room, size)


def test_a_title_and_the_mark_of_simulated_data_are_written_above() -> None:
    figure = plot_nothing(3.0, "Nothing", simulated=True)
    assert figure.get_suptitle() == "Nothing (SIMULATED data)"
    assert plot_nothing(3.0).get_suptitle() == ""
    assert mpl.rcParams["axes.linewidth"] != 0.6, "the style is left after the picture"


@pytest.mark.parametrize("name", PICTURES)
def test_all_pictures_are_framed_and_show_their_arguments(name: str) -> None:
    plot = getattr(dc, name)
    assert plot.__wrapped__.__doc__ == plot.__doc__
    assert {"title", "simulated", "language"} <= set(inspect.signature(plot).parameters)


@pytest.mark.parametrize("framed", [True, False])
@pytest.mark.parametrize(
    ("scale", "limits", "texts"),
    [
        ("log", (0.01, 1e6), {"10⁻²", "10⁶"}),
        ("log", (2.0, 30.0), {"10¹", "3 × 10⁰", "2 × 10¹"}),
        ("symlog", (-1000.0, 1000.0), {"−10³", "0", "10²"}),
        ("logit", (1e-4, 1 - 1e-4), {"10⁻³", "1/2", "1−10⁻³"}),
    ],
)
def test_logarithmic_scales_are_written_without_formulas(
    scale: str, limits: tuple[float, float], texts: set[str], framed: bool
) -> None:
    @picture
    def plot_scale(title: str = "", simulated: bool = False, language: Language = "en") -> Figure:
        """Draw a scale."""
        return drawn(new_figure(4, 3))

    def drawn(figure: Figure) -> Figure:
        axes = figure.subplots()
        axes.set(yscale=scale, ylim=limits, ylabel="$ of 2015 $")
        return figure

    figure = plot_scale() if framed else drawn(Figure())
    content = rendered(figure, "svg").decode()
    ticks = {tick.get_text() for minor in (False, True) for tick in figure.axes[0].yaxis.get_ticklabels(minor=minor)}
    assert texts <= ticks
    assert not [text for text in ticks if "$" in text]
    assert "mathdefault" not in content
    assert figure.axes[0].get_ylabel() == "$ of 2015 $"
    assert rendered(figure, "svg").decode() == content


@pytest.mark.usefixtures("chinese_font")
def test_a_figure_without_the_frame_has_chinese_letters_too() -> None:
    figure = Figure()
    axes = figure.subplots()
    axes.set(xlabel="系数", title="数字经济", xticks=[0, 1], xticklabels=["东部", "西部"])
    axes.plot([0, 1], [0, 1], label="碳强度")
    axes.legend()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert rendered(figure, "png")


def test_a_frame_is_given_by_name_or_by_place_before_what_has_only_a_name() -> None:
    names = ["size", "title", "simulated", "language", "naming", "room"]
    assert list(inspect.signature(plot_nothing).parameters) == names
    assert plot_nothing(3.0, "Nothing", True, room=1.0).get_suptitle() == "Nothing (SIMULATED data)"
    with pytest.raises(TypeError, match="titel"):
        plot_nothing(3.0, titel="Nothing")
