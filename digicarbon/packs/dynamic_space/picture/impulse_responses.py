"""Picture of the responses of an outcome to a change of x in the years after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.report.picture._figure import BLUE, GREY, ORANGE, Language, Naming, Words, drawing, head, new_figure
from digicarbon.result import EFFECTS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINES = {"impulse_responses": (BLUE, "-", "o"), "cumulated_responses": (ORANGE, (0, (4, 2)), "s")}
"""Colour, dashes and markers of each table."""


def plot_impulse_responses(
    tables: Mapping[str, pd.DataFrame],
    title: str = "",
    simulated: bool = False,
    language: Language = "en",
    naming: Naming = None,
) -> Figure:
    """Draw direct, indirect and total responses by years after a change of x, and their sums, with intervals.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        With ``impulse_responses`` and ``cumulated_responses``, as from `digicarbon.diagnostic.ImpulseResponses`.
    title : str
        Above the picture; empty for none.
    simulated : bool
        Whether the data are simulated, which the picture then says.
    language : {"en", "zh"}
    naming : mapping, callable or None
        What terms are called.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each focal term, a panel for each effect.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, or a table is missing.
    """
    for name in LINES:
        if name not in tables:
            raise ConfigError(Note("picture_without_table", table=name, option="impulse_responses"))
    terms = list(dict.fromkeys(tables["impulse_responses"].index.get_level_values("x")))
    with drawing():
        words = Words(language, naming)
        figure = new_figure(8.4, 0.9 + 2.4 * len(terms))
        panels = figure.subplots(len(terms), 3, sharex=True, squeeze=False)
        for row, term in zip(panels, terms, strict=True):
            for axes, effect in zip(row, EFFECTS, strict=True):
                for name, (colour, style, marker) in LINES.items():
                    part = tables[name].xs((term, effect), level=("x", "effect"))
                    years = np.array([int(year) for year in part.index])
                    axes.fill_between(years, part["low"], part["high"], color=colour, alpha=0.13, linewidth=0)
                    axes.plot(
                        years,
                        part["coef"],
                        color=colour,
                        linewidth=1.2,
                        linestyle=style,
                        marker=marker,
                        markersize=3.0,
                    )
                axes.axhline(0, color=GREY, linewidth=0.6)
                axes.set_title(words.say(effect), fontsize=9, loc="left")
                axes.xaxis.get_major_locator().set_params(integer=True)
            row[0].set_ylabel(words(str(term)))
        for axes in panels[-1]:
            axes.set_xlabel(words.say("years after"))
        handles = panels[0][0].lines[:2]
        figure.legend(
            handles, [words.say("response"), words.say("sum of responses")], loc="outside lower center", ncols=2
        )
        head(figure, title, simulated, words.language)
    return figure
