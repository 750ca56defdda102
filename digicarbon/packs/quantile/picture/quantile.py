"""Pictures of coefficients over quantiles, with those of least squares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import numpy as np
import pandas as pd

from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.numeric.shape.uniform import joint_critical, uniform_ends
from digicarbon.report.picture._figure import BLUE, GREY, ORANGE, NamedFrame, Words, new_figure, picture
from digicarbon.result import SHOWN, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 3
"""Most panels side by side."""
LINES = {"in_location": (0, (5, 2)), "in_location_low": (0, (1, 2)), "in_location_high": (0, (1, 2))}
"""Dashes of the coefficient of least squares and of the ends of its interval."""


def quantile_numbers(result: Result) -> pd.DataFrame:
    """Return the coefficients of focal terms over quantiles: index term and quantile; columns below.

    They are coef, se, p, low, high, uniform_critical, low_uniform and high_uniform: the band that holds a term's
    coefficients at all quantiles. Its critical value is from the bootstrap samples of the run where there are some
    (``uniform_critical.TERM`` of its statistics), else of normal or t variables with their joint covariance.

    Raises
    ------
    ConfigError
        If the result has no quantiles.
    """
    found, means = result.tables.get("quantiles"), result.tables.get("location_scale")
    if found is None or means is None:
        raise ConfigError(Note("no_quantiles"))
    frames = {}
    for name in (str(name) for name in result.tables["equality"].index if name in means.index):
        places = [result.terms.index(f"{name}[{tau}]") for tau in found.index]
        frame = pd.DataFrame({key: result.estimate_columns[key][places] for key in SHOWN}, found.index)
        known, own = result.statistics.get(f"uniform_critical.{name}"), result.covariance[np.ix_(places, places)]
        inference = result.inference
        critical = joint_critical(own, inference.df, inference.level) if known is None else known
        coef, se, low, high = frame[["coef", "se", "low", "high"]].to_numpy().T
        low, high = uniform_ends(coef, se, low, high, critical)
        frames[name] = frame.assign(uniform_critical=critical, low_uniform=low, high_uniform=high)
    return pd.concat(frames, names=["term"])


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
        A panel for each focal term: dark areas are intervals of one quantile, wide light ones the band of all
        (`quantile_numbers`). The dashed lines are the coefficient of least squares and its interval.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, or the result has no quantiles.
    """
    numbers, means = quantile_numbers(result), result.tables["location_scale"]
    quantiles = result.tables["quantiles"].index.tolist()
    taus = np.array([float(tau) for tau in quantiles])
    names = list(dict.fromkeys(numbers.index.get_level_values("term")))
    words = Words.of(frame)
    across = min(len(names), COLUMNS)
    down = -(-len(names) // across)
    figure = new_figure(max(4.8, 3.0 * across), 0.6 + 2.6 * down)
    panels = figure.subplots(down, across, sharex=True, squeeze=False).ravel()
    for name, axes in zip(names, panels, strict=False):
        own = numbers.loc[name]
        band = axes.fill_between(taus, own["low_uniform"], own["high_uniform"], color=BLUE, alpha=0.1, linewidth=0)
        axes.fill_between(taus, own["low"], own["high"], color=BLUE, alpha=0.15, linewidth=0)
        axes.plot(taus, own["coef"], color=BLUE, linewidth=1.2, marker="o", markersize=3.5)
        row = means.index.tolist().index(name)
        for key, style in LINES.items():
            axes.axhline(means[key].to_numpy()[row], color=ORANGE, linewidth=0.9, linestyle=style)
        bottom, top = axes.get_ylim()
        if bottom < 0 < top:
            axes.axhline(0, color=GREY, linewidth=0.6)
        axes.set_title(words(name), fontsize=9, loc="left")
        axes.set_xticks(taus, quantiles)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    for axes in panels[max(0, len(names) - across) : len(names)]:
        axes.tick_params(labelbottom=True)
        axes.set_xlabel(words.say("quantile"))
    handles = [panels[0].lines[0], band, panels[0].lines[1]]
    labels = [words.say("quantiles by moments"), words.say("uniform band"), words.say("least squares")]
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure
