"""Picture of the responses of an outcome to a change of x in the years after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Unpack

import numpy as np
import pandas as pd

from digicarbon.report.picture._figure import BLUE, GREY, ORANGE, NamedFrame, Words, needed_table, new_figure, picture
from digicarbon.result import EFFECTS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINES = {"impulse_responses": (BLUE, "-", "o"), "cumulated_responses": (ORANGE, (0, (4, 2)), "s")}
"""Colour, dashes and markers of each table."""


@picture
def plot_impulse_responses(tables: Mapping[str, pd.DataFrame], **frame: Unpack[NamedFrame]) -> Figure:
    """Draw direct, indirect and total responses by years after a change of x, and their sums, with intervals.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        With ``impulse_responses`` and ``cumulated_responses``, as from `digicarbon.diagnostic.ImpulseResponses`.
    **frame
        As in `plot_coefficients`.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each focal term, a panel for each effect. Dark areas are intervals of one year, wide light ones the
        band of all.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, or a table is missing.
    """
    parts = {name: needed_table(tables, name, "impulse_responses") for name in LINES}
    terms = list(dict.fromkeys(parts["impulse_responses"].index.get_level_values("x")))
    words = Words.of(frame)
    figure = new_figure(8.4, 0.9 + 2.4 * len(terms))
    band = None
    panels = figure.subplots(len(terms), 3, sharex=True, squeeze=False)
    for row, term in zip(panels, terms, strict=True):
        for axes, effect in zip(row, EFFECTS, strict=True):
            for name, (colour, style, marker) in LINES.items():
                part = parts[name].xs((term, effect), level=("x", "effect"))
                years = np.array([int(year) for year in part.index])
                # those of earlier versions have none
                if "low_uniform" in part:
                    ends = (part["low_uniform"], part["high_uniform"])
                    band = axes.fill_between(years, *ends, color=colour, alpha=0.07, linewidth=0)
                axes.fill_between(years, part["low"], part["high"], color=colour, alpha=0.13, linewidth=0)
                look = {"color": colour, "linestyle": style, "marker": marker}
                axes.plot(years, part["coef"], linewidth=1.2, markersize=3.0, **look)
            axes.axhline(0, color=GREY, linewidth=0.6)
            axes.set_title(words.say(effect), fontsize=9, loc="left")
            axes.xaxis.get_major_locator().set_params(integer=True)
        row[0].set_ylabel(words(str(term)))
    for axes in panels[-1]:
        axes.set_xlabel(words.say("years after"))
    handles = panels[0][0].lines[:2]
    labels = [words.say("response"), words.say("sum of responses")]
    if band is not None:
        handles, labels = [*handles, band], [*labels, words.say("uniform band")]
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure
