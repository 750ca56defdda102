"""Pictures of coefficients over quantiles, with those of least squares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import numpy as np

from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.report.picture._figure import BLUE, GREY, ORANGE, NamedFrame, Words, new_figure, picture
from digicarbon.result import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 3
"""Most panels side by side."""
LINES = {"in_location": (0, (5, 2)), "in_location_low": (0, (1, 2)), "in_location_high": (0, (1, 2))}
"""Dashes of the coefficient of least squares and of the ends of its interval."""


@picture
def plot_quantiles(result: Result, **frame: Unpack[NamedFrame]) -> Figure:
    """Draw the coefficients of each focal term over quantiles with their intervals, and those of least squares.

    Parameters
    ----------
    result : Result
        Of `digicarbon.PanelQuantile`.
    **frame
        As in `plot_coefficients`.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each focal term. The dashed lines are the coefficient of least squares and its interval.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, or the result has no quantiles.
    """
    found = result.tables.get("quantiles")
    means = result.tables.get("location_scale")
    if found is None or means is None:
        raise ConfigError(Note("no_quantiles"))
    taus = np.array([float(tau) for tau in found.index])
    names = [str(name) for name in result.tables["equality"].index if name in means.index]
    places = {term: place for place, term in enumerate(result.terms)}
    numbers = {name: result.estimate_columns[name] for name in ("coef", "low", "high")}
    words = Words.of(frame)
    across = min(len(names), COLUMNS)
    down = -(-len(names) // across)
    figure = new_figure(max(4.8, 3.0 * across), 0.6 + 2.6 * down)
    panels = figure.subplots(down, across, sharex=True, squeeze=False).ravel()
    for name, axes in zip(names, panels, strict=False):
        at = [places[f"{name}[{tau}]"] for tau in found.index]
        coef, low, high = (numbers[key][at] for key in ("coef", "low", "high"))
        axes.fill_between(taus, low, high, color=BLUE, alpha=0.15, linewidth=0)
        axes.plot(taus, coef, color=BLUE, linewidth=1.2, marker="o", markersize=3.5)
        row = means.index.tolist().index(name)
        for key, style in LINES.items():
            axes.axhline(means[key].to_numpy()[row], color=ORANGE, linewidth=0.9, linestyle=style)
        bottom, top = axes.get_ylim()
        if bottom < 0 < top:
            axes.axhline(0, color=GREY, linewidth=0.6)
        axes.set_title(words(name), fontsize=9, loc="left")
        axes.set_xticks(taus, found.index.tolist())
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    for axes in panels[max(0, len(names) - across) : len(names)]:
        axes.tick_params(labelbottom=True)
        axes.set_xlabel(words.say("quantile"))
    handles = [panels[0].lines[0], panels[0].lines[1]]
    labels = [words.say("quantiles by moments"), words.say("least squares")]
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure
