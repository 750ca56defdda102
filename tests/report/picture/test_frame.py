"""The frame of all pictures: title and mark above what a function draws, whose arguments stay as they are written."""

import inspect

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

import digicarbon as dc
from digicarbon.report.picture import Language
from digicarbon.report.picture._figure import new_figure, picture

PICTURES = [name for name in dir(dc) if name.startswith("plot_")]


@picture
def plot_nothing(size: float, title: str = "", simulated: bool = False, language: Language = "en") -> Figure:
    """Draw nothing."""
    assert mpl.rcParams["axes.linewidth"] == 0.6
    return new_figure(size, size)


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
