"""A picture of a specification curve: estimates in order with their intervals, and the choices behind each below."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digicarbon.arrays import BoolArray
from digicarbon.report.picture._figure import BLUE, GREY, ORANGE, Language, Words, drawable, drawing, head, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


FEW = 120
"""Up to so many specifications each has a marker and a bar; with more, a band replaces the bars."""
MANY = 20
"""From so many specifications on, a few extreme ends do not determine the range of the axis."""
THICK, GAP = 21, 4
"""Height of a strip and of the gap between two strips, in rows of the image of all choices."""
BINS = 400
"""Columns of the choice panel for many specifications: each shows the share that has the choice."""
DRAWN = 4000
"""Points of a line at most."""
KINDS = (
    ("significant, positive", BLUE, "^"),
    ("significant, negative", ORANGE, "v"),
    ("not significant", GREY, "o"),
)


@dataclass(frozen=True, eq=False)
class Strip:
    """A row of the choice panel.

    Attributes
    ----------
    group : str
        The choice; its rows are adjacent.
    label : str
    there : ndarray of bool, shape (M,)
        Which specifications have it.
    """

    group: str
    label: str
    there: BoolArray


def plot_specification_curve(
    estimates: pd.DataFrame,
    strips: Sequence[Strip],
    facet: pd.Series[Any] | None = None,
    band: pd.DataFrame | None = None,
    level: float = 0.05,
    estimand: str = "coefficient",
    title: str = "",
    simulated: bool = False,
    language: Language = "en",
    tests: Mapping[str, BoolArray] | None = None,
) -> Figure:
    """Draw estimates in order of size over the choices that led to them.

    Parameters
    ----------
    estimates : DataFrame
        A row per specification: coef, low, high, p. In any order.
    strips : sequence of Strip
    facet : Series, optional
        A value for each specification; each value gets a curve beside the others, on the same scale. An arrow marks
        what is beyond the ends of the axis.
    band : DataFrame, optional
        Columns low, median, high by rank: the sorted curve under no effect. Drawn on each curve of as many estimates.
    level : float
        The largest p value that counts as significant.
    estimand : str
        What the vertical axis shows.
    title : str
    simulated : bool
    language : {"en", "zh"}
    tests : mapping of str to ndarray of bool, shape (M,), optional
        Which specifications are significant by further tests, in rows above the choices.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ConfigError
        If matplotlib is not installed.
    """
    values = ["" for _ in estimates.index] if facet is None else facet.astype(str).tolist()
    names = list(dict.fromkeys(values))
    with drawing():
        words = Words(language)
        significant = words.say("significant at", level=f"{level:g}")
        passed = [Strip(significant, words.say(name), there) for name, there in (tests or {}).items()]
        strips = [*passed, *strips]
        groups = [(group, list(rows)) for group, rows in groupby(strips, key=lambda strip: strip.group)]
        lines = sum(len(rows) + 1 for _, rows in groups)
        upper, lower = 3.0, 0.16 * lines
        figure = new_figure(7.2 if len(names) == 1 else min(3.6 * len(names) + 1, 14), upper + lower + 0.9)
        grid = figure.subplots(
            2 if lines else 1,
            len(names),
            squeeze=False,
            sharex="col",
            sharey="row",
            gridspec_kw={"height_ratios": [upper, lower]} if lines else None,
        )
        orders = [_order(estimates, np.array(values) == name) for name in names]
        curves = [
            (estimates.iloc[order], band if band is not None and len(band) == len(order) else None) for order in orders
        ]
        ends = _axis(curves)
        for place, (name, order, (rows, own)) in enumerate(zip(names, orders, curves, strict=True)):
            _draw_curve(grid[0, place], rows, level, words, len(names) == 1)
            if own is not None:
                _draw_band(grid[0, place], own, words)
            grid[0, place].set_ylim(*ends)
            _mark_beyond(grid[0, place], rows, words)
            if name:
                grid[0, place].set_title(drawable(name), loc="left")
            if lines:
                _draw_choices(grid[1, place], groups, order)
            last = grid[-1, place]
            last.set_xlabel(f"{len(order):,} {words.say('specifications, in order of the estimate')}")
        grid[0, 0].set_ylabel(words.say(estimand))
        if lines:
            _name_choices(grid[1, 0], groups)
        handles = {label: handle for handle, label in _legend(grid[0])}
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3)
        head(figure, title, simulated, words.language)
    return figure


def _order(estimates: pd.DataFrame, mask: BoolArray) -> NDArray[np.int64]:
    """Return the positions of the chosen estimates in order of size."""
    positions = np.flatnonzero(mask)
    return positions[np.argsort(estimates["coef"].to_numpy()[positions], kind="stable")]


def _draw_curve(axes: Axes, rows: pd.DataFrame, level: float, words: Words, alone: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    coef, low, high, p = (rows[name].to_numpy(dtype=np.float64) for name in ("coef", "low", "high", "p"))
    x = np.arange(1, len(coef) + 1, dtype=np.float64)
    kinds = (coef > 0) & (p < level), (coef < 0) & (p < level), ~(p < level)
    axes.axhline(0, color="black", linewidth=0.6)
    many = len(coef) > FEW
    if many:
        sample = np.unique(np.linspace(0, len(coef) - 1, DRAWN).astype(int))
        axes.fill_between(
            x[sample], low[sample], high[sample], color=GREY, alpha=0.25, linewidth=0, label=words.say("interval")
        )
    for (kind, colour, marker), mask in zip(KINDS, kinds, strict=True):
        if not mask.any():
            continue
        if not many:
            axes.vlines(x[mask], low[mask], high[mask], color=colour, linewidth=0.8, alpha=0.6)
        positions = np.flatnonzero(mask)
        positions = positions[np.unique(np.linspace(0, len(positions) - 1, DRAWN).astype(int))]
        size = 3.0 if not many else 1.2
        axes.plot(
            x[positions],
            coef[positions],
            linestyle="",
            marker=marker,
            markersize=size,
            color=colour,
            label=words.say(kind),
        )
    middle = float(np.median(coef))
    # several curves share a legend but have different medians
    label = f"{words.say('median')} {middle:.4g}" if alone else words.say("median")
    axes.axhline(middle, color="black", linewidth=0.8, linestyle=(0, (4, 2)), label=label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlim(0.5 - 0.01 * len(coef), len(coef) + 0.5 + 0.01 * len(coef))


def _axis(curves: Sequence[tuple[pd.DataFrame, pd.DataFrame | None]]) -> tuple[float, float]:
    """Return the ends of the axis that all curves share; each comes with its band under no effect, if any."""
    ends = np.array([_reached(rows, band) for rows, band in curves])
    bottom, top = float(ends[:, 0].min()), float(ends[:, 1].max())
    margin = 0.03 * (top - bottom or 1.0)
    return bottom - margin, top + margin


def _reached(rows: pd.DataFrame, band: pd.DataFrame | None) -> tuple[float, float]:
    """Return the range of a curve: its estimates and intervals, without a few extreme ones.

    On each side, intervals may extend it by the range of the estimates, and the band by twice that range.
    """
    first, last = _span(rows["coef"], rows["coef"], 0.0, 0.0)
    room = last - first or 1.0
    low, high = _span(rows["low"], rows["high"], first, last)
    low, high = max(low, first - room), min(high, last + room)
    if band is not None:
        lower, upper = _span(band["low"], band["high"], first, last)
        low, high = min(low, max(lower, first - 2 * room)), max(high, min(upper, last + 2 * room))
    return low, high


def _span(lower: pd.Series[float], upper: pd.Series[float], first: float, last: float) -> tuple[float, float]:
    """Return the smallest and the largest of the finite numbers, ``first`` and ``last``.

    With many numbers, one in 200 at each end is left out if that more than halves the span.
    """
    low, high = (np.sort(values[np.isfinite(values)]) for values in (lower.to_numpy(), upper.to_numpy()))
    if not len(low) or not len(high):
        return first, last
    whole = min(float(low[0]), first), max(float(high[-1]), last)
    fewest = min(len(low), len(high))
    if fewest < MANY:
        return whole
    cut = -(-fewest // 200)
    inner = min(float(low[cut]), first), max(float(high[-1 - cut]), last)
    return inner if whole[1] - whole[0] > 2 * (inner[1] - inner[0]) else whole


def _mark_beyond(axes: Axes, rows: pd.DataFrame, words: Words) -> None:
    """Mark estimates and intervals beyond the axis with arrows at its ends, and write how many there are."""
    bottom, top = axes.get_ylim()
    coef, low, high = (rows[name].to_numpy(dtype=np.float64) for name in ("coef", "low", "high"))
    x = np.arange(1, len(coef) + 1, dtype=np.float64)
    over, under = np.fmax(coef, high) > top, np.fmin(coef, low) < bottom
    for beyond, marker, end in ((over, "^", top), (under, "v", bottom)):
        ends = np.full(int(beyond.sum()), end)
        (arrows,) = axes.plot(x[beyond], ends, linestyle="", marker=marker, markersize=4, color="black", clip_on=False)
        arrows.set_in_layout(False)
    if (over | under).any():
        count_text = words.say("beyond the axis", n=f"{int((over | under).sum()):,}")
        axes.set_title(count_text, loc="right", fontsize=8)


def _draw_band(axes: Axes, band: pd.DataFrame, words: Words) -> None:
    x = band["rank"].to_numpy(dtype=np.float64)
    low, middle, high = (band[name].to_numpy(dtype=np.float64) for name in ("low", "median", "high"))
    label = words.say("curve under no effect, 95 %")
    axes.plot(x, middle, color="black", linewidth=0.8, linestyle=":", label=words.say("its median"))
    axes.plot(x, low, color="black", linewidth=0.6, linestyle="-.", label=label)
    axes.plot(x, high, color="black", linewidth=0.6, linestyle="-.")


def _draw_choices(axes: Axes, groups: Sequence[tuple[str, list[Strip]]], order: NDArray[np.int64]) -> None:
    count = len(order)
    lines = sum(len(rows) + 1 for _, rows in groups)
    edges = np.linspace(0, count, min(BINS, count) + 1).astype(int)
    # one image for all strips: each image is rendered at the size of the whole picture
    shares = np.zeros((lines, THICK + GAP, len(edges) - 1))
    for y, strip in _placed(groups):
        has_choice = strip.there[order]
        if count <= FEW:
            x = np.flatnonzero(has_choice) + 1.0
            axes.plot(x, np.full(len(x), y), linestyle="", marker="|", markersize=5, color="black", markeredgewidth=0.9)
        else:
            shares[y, GAP // 2 : THICK + GAP // 2] = np.add.reduceat(
                has_choice.astype(np.float64), edges[:-1]
            ) / np.diff(edges)
    if count > FEW:
        extent = (0.5, count + 0.5, lines - 0.5, -0.5)
        image = shares.reshape(-1, shares.shape[2])
        axes.imshow(image, cmap="Greys", vmin=0, vmax=1, aspect="auto", extent=extent, interpolation="nearest")
    axes.set_ylim(lines - 0.4, -0.6)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _name_choices(axes: Axes, groups: Sequence[tuple[str, list[Strip]]]) -> None:
    places: list[int] = []
    labels: list[str] = []
    heads: list[int] = []
    y = 0
    for group, rows in groups:
        heads.append(len(places))
        places += [y, *(y + 1 + i for i in range(len(rows)))]
        labels += [group, *(strip.label for strip in rows)]
        y += len(rows) + 1
    axes.set_yticks(places, [drawable(_short(label)) for label in labels])
    for number, text in enumerate(axes.get_yticklabels()):
        if number in heads:
            text.set_fontweight("bold")


def _placed(groups: Sequence[tuple[str, list[Strip]]]) -> Iterator[tuple[int, Strip]]:
    y = 0
    for _, rows in groups:
        for place, strip in enumerate(rows, start=1):
            yield y + place, strip
        y += len(rows) + 1


def _short(text: str, most: int = 34) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _legend(axes: Sequence[Axes]) -> Iterator[tuple[Any, str]]:
    for one in axes:
        yield from zip(*one.get_legend_handles_labels(), strict=True)
