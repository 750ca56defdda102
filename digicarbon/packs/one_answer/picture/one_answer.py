"""Pictures of one answer from many specifications: averages and shares, searches, and the curve without each unit."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.report.picture._figure import (
    BLUE,
    GREY,
    ORANGE,
    Frame,
    Words,
    drawable,
    new_figure,
    picture_without_terms,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HALF = 1.959963984540054
"""Half an interval of 95 % in standard deviations."""
WIDTH = 44
"""Letters of a line of words beside a path."""


@picture_without_terms
def plot_averages(
    averages: Mapping[str, tuple[float, float]],
    estimates: FloatArray,
    shares: Mapping[str, float],
    rest: float,
    **frame: Unpack[Frame],
) -> Figure:
    """Draw averages over models with their intervals, and the share of each choice in the variance of the estimates.

    Parameters
    ----------
    averages : mapping of str to (float, float)
        Mean and standard deviation, by how models are weighted.
    estimates : ndarray, shape (M,)
        Of the models that are averaged.
    shares : mapping of str to float
        Shapley shares by choice; empty for a single panel.
    rest : float
        The share of combinations of choices.
    **frame
        As in `plot_coefficients`.
    """
    words = Words.of(frame)
    lines = max(len(averages) + 1, len(shares) + 1)
    figure = new_figure(8.0, 1.2 + 0.3 * lines)
    panels = figure.subplots(1, 2 if shares else 1, squeeze=False)[0]
    axes: Axes = panels[0]
    place = np.arange(len(averages))
    mean, sd = (np.array([one[at] for one in averages.values()]) for at in (0, 1))
    axes.axvline(0, color=GREY, linewidth=0.6)
    axes.hlines(place, mean - HALF * sd, mean + HALF * sd, color=BLUE, linewidth=1.8)
    axes.plot(mean, place, "o", color=BLUE, markersize=5)
    axes.plot(estimates, np.full(len(estimates), float(len(averages))), "|", color=GREY, markersize=9, alpha=0.6)
    names = [*map(drawable, averages), words.say("each model")]
    axes.set_yticks([*place, len(averages)], names)
    axes.set_ylim(len(averages) + 0.6, -0.6)
    axes.set_xlabel(words.say("mean and 95% of the mixture"))
    if shares:
        other: Axes = panels[1]
        order = sorted(shares, key=lambda name: -shares[name])
        values = [*(shares[name] for name in order), max(rest, 0.0)]
        colours = [BLUE] * len(order) + [GREY]
        other.barh(np.arange(len(values)), values, color=colours, height=0.6)
        for at, value in enumerate(values):
            other.text(value, at, f" {value:.0%}", va="center", fontsize=8)
        other.set_yticks(range(len(values)), [*map(drawable, order), words.say("combinations of choices")])
        other.set_ylim(len(values) - 0.4, -0.6)
        other.set_xlim(0, 1.12 * max(*values, 0.01))
        other.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        other.set_xlabel(words.say("Shapley share of the variance"))
    return figure


@picture_without_terms
def plot_paths(
    estimates: FloatArray,
    paths: Mapping[str, tuple[FloatArray, Sequence[str]]],
    beyond: Mapping[str, float],
    **frame: Unpack[Frame],
) -> Figure:
    """Draw the search for the extremes: the estimate after each change of a choice, and what was changed.

    Parameters
    ----------
    estimates : ndarray, shape (M,)
        All of them, as ticks at the bottom of each panel.
    paths : mapping of str to (ndarray, sequence of str)
        Estimates of the start and after each step, and words for the steps, by the direction of the search.
    beyond : mapping of str to float
        The extreme of a direction whose search does not reach it.
    **frame
        As in `plot_coefficients`.
    """
    words = Words.of(frame)
    names = {
        name: [filled(drawable(text), WIDTH) for text in (words.say("main specification"), *steps)]
        for name, (_, steps) in paths.items()
    }
    heights = [sum(text.count("\n") + 1.4 for text in own) + 1.5 for own in names.values()]
    figure = new_figure(7.2, 0.9 + 0.19 * sum(heights))
    panels = figure.subplots(len(paths), 1, squeeze=False, sharex=True, height_ratios=heights)[:, 0]
    for axes, (name, (values, _)) in zip(panels, paths.items(), strict=True):
        place = np.arange(len(values))
        colour = ORANGE if len(values) > 1 and values[-1] < values[0] else BLUE
        axes.axvline(0, color=GREY, linewidth=0.6)
        axes.plot(values, place, "-o", color=colour, markersize=5, linewidth=1.2)
        axes.plot(estimates, np.full(len(estimates), len(values) - 0.1), "|", color=GREY, markersize=7, alpha=0.5)
        if name in beyond:
            axes.plot(beyond[name], len(values) - 0.1, "o", mfc="none", color=colour, markersize=7)
        axes.set_yticks(place, names[name])
        axes.set_ylim(len(values) + 0.3, -0.6)
        axes.set_title(words.say(name), loc="left")
    below = "estimate; ticks are all specifications"
    panels[-1].set_xlabel(words.say(f"{below}; a circle is an extreme beyond the path" if beyond else below))
    return figure


def filled(text: str, width: int) -> str:
    """Return a text in lines of at most a width in Latin letters; Chinese signs are two wide and stand alone.

    Lines end between words, or between Chinese signs, but not before a mark.
    """
    lines = [""]
    for piece in re.findall(r"\s+|[^\s\u2e80-\uffef]+[\uff00-\uff0f\u3001\u3002\uff1a-\uff1f]*|.[，。；：、）]*", text):
        if lines[-1] and _wide(lines[-1] + piece.rstrip()) > width:
            lines.append(piece.lstrip())
        else:
            lines[-1] += piece
    return "\n".join(line.rstrip() for line in lines)


def _wide(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


@picture_without_terms
def plot_left_out(rows: pd.DataFrame, median: float, **frame: Unpack[Frame]) -> Figure:
    """Draw what a curve is without each unit.

    Parameters
    ----------
    rows : DataFrame
        A row per unit, from the top: median, baseline (with the unit, of the same specifications), signs, significance.
    median : float
        Of all units.
    **frame
        As in `plot_coefficients`.
    """
    words = Words.of(frame)
    figure = new_figure(7.2, 1.4 + 0.24 * len(rows))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[3, 2])
    place = np.arange(len(rows))
    left.axvline(0, color=GREY, linewidth=0.6)
    left.axvline(median, color=GREY, linewidth=0.9, linestyle="--")
    left.hlines(place, rows["baseline"], rows["median"], color=BLUE, linewidth=1.2)
    left.plot(rows["median"], place, "o", color=BLUE, markersize=5)
    left.set_yticks(place, [drawable(str(name)) for name in rows.index])
    left.set_ylim(len(rows) - 0.4, -0.6)
    left.set_xlabel(words.say("median without the unit"))
    right.plot(rows["signs"], place, "s", color=ORANGE, markersize=5, label=words.say("signs that change"))
    label = words.say("significance changes")
    right.plot(rows["significance"], place, "o", mfc="none", color=BLUE, markersize=7, label=label)
    right.tick_params(axis="y", length=0)
    right.set_xlabel(words.say("specifications"))
    right.set_xlim(left=-0.05 * max(1.0, float(rows[["signs", "significance"]].to_numpy().max())))
    right.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower right", ncols=2)
    return figure
