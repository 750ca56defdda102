"""A picture of a specification curve: estimates in order with their intervals, and the choices behind each below."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digicarbon.arrays import BoolArray, FloatArray
from digicarbon.numeric.significance import is_significant
from digicarbon.report.picture._figure import (
    BLUE,
    GREY,
    ORANGE,
    Frame,
    Language,
    Words,
    drawable,
    new_figure,
    picture_without_terms,
    with_minus,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


FEW = 120
"""Up to so many specifications each has a marker and a bar; with more, bands replace the bars."""
MANY = 20
"""From so many specifications on, the axis starts from quantiles of the estimates; below, from the extreme ones."""
MOST = 0.8
"""The axis of few specifications holds this share of their intervals."""
TAILS = (0.1, 0.9)
"""The quantiles of estimates from which the axis of many starts."""
UP, DOWN = r"$\uparrow$", r"$\downarrow$"
"""Marks of estimates beyond the axis."""
ROOMY = 1.5
"""All of a curve is on the axis if that makes it at most so many times as long."""
ROW = 0.8
"""Height of the marks of a choice, of the distance between two rows."""
DRAWN = 4000
"""Points of a line at most."""
LIGHT, PALE, DARK = "#C4C4C4", "#E4E4E4", "#404040"
GROUND = "#F4F4F4"
KINDS = (
    ("significant positive", BLUE, "^"),
    ("significant negative", ORANGE, "v"),
    ("insignificant", GREY, "o"),
)
"""Kinds of estimates: filled triangles, which point to their side of zero, and hollow circles."""


@dataclass(frozen=True, eq=False)
class Strip:
    """A row of the choice panel."""

    group: str
    """The choice; its rows are adjacent."""
    label: str
    there: BoolArray
    """Which specifications have it, shape (M,)."""


@dataclass(frozen=True, eq=False)
class _Row:
    """A line of the choice panel: the name of a choice, or one of its values below it."""

    y: int
    label: str
    there: BoolArray | None
    peers: tuple[BoolArray, ...] = ()


@picture_without_terms
def plot_specification_curve(
    estimates: pd.DataFrame,
    strips: Sequence[Strip],
    facet: pd.Series[Any] | None = None,
    level: float = 0.05,
    estimand: str = "coefficient",
    *,
    tests: Mapping[str, BoolArray] | None = None,
    coverage: Sequence[float] = (),
    remarks: Sequence[str] = (),
    bands: Mapping[str, pd.DataFrame] | None = None,
    pale: Collection[str] = (),
    **frame: Unpack[Frame],
) -> Figure:
    """Draw estimates in order of size over the choices that led to them.

    Parameters
    ----------
    estimates : DataFrame
        A row per specification: coef, low, high, p. In any order.
    strips : sequence of Strip
        Those that all specifications have, or none, are not drawn.
    facet : Series, optional
        A value for each specification; each value gets a curve beside the others, on the same scale.
    level : float
        The largest p value that counts as significant.
    estimand : str
        What the vertical axis shows.
    **frame
        As in `plot_coefficients`.
    tests : mapping of str to ndarray of bool, shape (M,), optional
        Which specifications are significant by further tests, in rows above the choices.
    coverage : sequence of float
        What the intervals cover, e.g. 0.95, for the legend; empty where it is not known.
    remarks : sequence of str
        Sentences below the picture, e.g. what is not on the curve.
    bands : mapping of str to DataFrame, optional
        By facet, or of an empty name without one: the sorted curve under no effect, columns low, median, high by rank;
        drawn where it is of as many estimates.
    pale : collection of str
        Facets that are drawn on grey ground, as they are not counted with the others.

    Returns
    -------
    matplotlib.figure.Figure
        The axis reaches beyond the 10 % and the 90 % quantile of the estimates by the distance between them, or as far
        as a usual interval does. Marks at its ends show what lies beyond, and a line above the picture
        counts it. Of more than 120 specifications the choice panel shows, along the curve, the share that has a choice.
    """
    values = ["" for _ in estimates.index] if facet is None else facet.astype(str).tolist()
    names = list(dict.fromkeys(values))
    words = Words.of(frame)
    orders = [_order(estimates, np.array(values) == name) for name in names]
    significant = words.say("significant at", level=f"{level:g}")
    many = max(map(len, orders)) > FEW
    passed = [Strip(significant, words.say(name), there) for name, there in (tests or {}).items()]
    low = is_significant(estimates["p"], level)
    if many and low.any() and not low.all():
        # the markers of so many cannot be told apart
        passed.insert(0, Strip(significant, words.say("own p value"), low))
    shown = [*passed, *(strip for strip in strips if strip.there.any() and not strip.there.all())]
    rows = _rows(shown)
    upper, lower = 3.2, (0.2 if many else 0.17) * len(rows)
    width = 7.6 if len(names) == 1 else min(3.6 * len(names) + 1, 14)
    reading = [words.say("shares along the curve")] if many and rows else []
    lines = _wrapped([*reading, *remarks], width, words.language)
    figure = new_figure(width, upper + lower + 1.0 + 0.14 * len(lines))
    grid = figure.subplots(
        2 if rows else 1,
        len(names),
        squeeze=False,
        sharex="col",
        sharey="row",
        gridspec_kw={"height_ratios": [upper, lower]} if rows else None,
    )
    curves = [
        (estimates.iloc[order], _fitting((bands or {}).get(name), len(order)))
        for name, order in zip(names, orders, strict=True)
    ]
    ends = _axis(curves)
    interval = words.levels(coverage) if coverage else words.say("interval")
    for place, (order, (curve, own)) in enumerate(zip(orders, curves, strict=True)):
        # what is not counted has no common median
        median = None if names[place] in pale else _median_words(curve, words, len(names) == 1)
        _draw_curve(grid[0, place], curve, level, interval, words, median)
        if own is not None:
            _draw_band(grid[0, place], own, words)
        grid[0, place].set_ylim(*ends)
        _mark_beyond(grid[0, place], curve, words)
        if names[place] in pale:
            for axes in grid[:, place]:
                axes.set_facecolor(GROUND)
        if rows:
            _draw_choices(grid[1, place], rows, order)
        grid[-1, place].set_xlabel(f"{len(order):,} {words.say('specifications, in order of the estimate')}")
    beside_counts = any(axes.get_title(loc="right") for axes in grid[0])
    for axes, name in zip(grid[0], names, strict=True):
        # counts of what is beyond the axis have the lower line for themselves
        axes.set_title(f"{drawable(name)}\n" if name and beside_counts else drawable(name), loc="left")
    grid[0, 0].set_ylabel(drawable(words.say(estimand)))
    handles = {label: handle for handle, label in _legend(grid[0])}
    kinds = [label for kind, _, _ in KINDS if (label := words.say(kind, p=f"{level:g}")) in handles]
    order_of_legend = list(dict.fromkeys([*kinds, *handles]))
    below: dict[str, Any] = {"loc": "outside lower left", "ncols": 3, "alignment": "left"}
    below |= {"title": "\n".join(lines) or None, "title_fontsize": 8}
    below["markerscale"] = 2.0 if min(map(len, orders)) > FEW else 1.0
    figure.legend([handles[label] for label in order_of_legend], order_of_legend, **below)
    if rows:
        if len(names) == 1:
            _write_medians(grid[1, 0], rows, estimates["coef"].to_numpy(), words)
        _name_choices(figure, grid[1, 0], rows)
    return figure


def _fitting(band: pd.DataFrame | None, count: int) -> pd.DataFrame | None:
    """Return a band if it is of as many estimates as a curve."""
    return band if band is not None and len(band) == count else None


def _order(estimates: pd.DataFrame, mask: BoolArray) -> NDArray[np.int64]:
    """Return the positions of the chosen estimates in order of size."""
    positions = np.flatnonzero(mask)
    return positions[np.argsort(estimates["coef"].to_numpy()[positions], kind="stable")]


def _rows(strips: Sequence[Strip]) -> list[_Row]:
    """Return the lines of the choice panel from top to bottom: each choice, then its values."""
    rows: list[_Row] = []
    for group, members in groupby(strips, key=lambda strip: strip.group):
        values = list(members)
        rows.append(_Row(len(rows), group, None))
        peers = tuple(strip.there for strip in values)
        rows += [_Row(len(rows) + place, strip.label, strip.there, peers) for place, strip in enumerate(values)]
    return rows


def _wrapped(remarks: Sequence[str], width: float, language: Language) -> list[str]:
    """Return sentences as lines that fit a width in inches; Chinese letters are as wide as two others."""
    most = int(width * (8.2 if language == "zh" else 16.5))
    lines = []
    for remark in remarks:
        lines += textwrap.wrap(drawable(remark), most)
    return lines


def _median_words(rows: pd.DataFrame, words: Words, alone: bool) -> str:
    # several curves share a legend but have different medians
    return f"{words.say('median')} {_signed(float(rows['coef'].median()))}" if alone else words.say("median")


def _draw_curve(axes: Axes, rows: pd.DataFrame, level: float, interval: str, words: Words, median: str | None) -> None:
    from matplotlib.ticker import MaxNLocator

    coef, low, high, p = (rows[name].to_numpy(dtype=np.float64) for name in ("coef", "low", "high", "p"))
    x = np.arange(1, len(coef) + 1, dtype=np.float64)
    within = is_significant(p, level)
    kinds = (coef > 0) & within, (coef < 0) & within, ~within
    axes.axhline(0, color="black", linewidth=0.8)
    many = len(coef) > FEW
    if many:
        # what has no interval must not cut the bands of others; one without an end goes on far beyond the axis
        there = np.flatnonzero(~np.isnan(low) & ~np.isnan(high))
        far = 100 * float(np.abs(coef).max())
        ends = np.clip(low[there], -far, far), np.clip(high[there], -far, far)
        if len(there):
            sample = np.unique(np.linspace(0, len(there) - 1, DRAWN).astype(int))
            label = words.say("of each", what=interval)
            axes.fill_between(x[there][sample], ends[0][sample], ends[1][sample], color=PALE, linewidth=0, label=label)
            middle, typical = _typical(x[there], coef[there], *ends)
            label = words.say("median of neighbours", what=interval)
            axes.fill_between(middle, *typical, color=LIGHT, linewidth=0, label=label)
    # significant ones last, so that they lie above the others
    for (kind, colour, marker), mask in reversed(list(zip(KINDS, kinds, strict=True))):
        if not mask.any():
            continue
        hollow = kind == "insignificant"
        if not many:
            width, colour_of_bar = (0.8, LIGHT) if hollow else (1.2, colour)
            # all bars have one entry in the legend
            entry = "" if axes.get_legend_handles_labels()[1] else interval
            axes.vlines(x[mask], low[mask], high[mask], color=colour_of_bar, linewidth=width, label=entry)
        positions = np.flatnonzero(mask)
        positions = positions[np.unique(np.linspace(0, len(positions) - 1, DRAWN).astype(int))]
        size = (4.0 if hollow else 5.0) if not many else (0.9 if hollow else 2.8)
        face, edge = ("white", 0.9) if hollow and not many else (colour, 0.0)
        look: dict[str, Any] = {"marker": marker, "markersize": size, "color": colour, "markerfacecolor": face}
        label = words.say(kind, p=f"{level:g}")
        axes.plot(x[positions], coef[positions], linestyle="", markeredgewidth=edge, label=label, **look)
    if median is not None:
        axes.axhline(float(np.median(coef)), color="black", linewidth=0.8, linestyle=(0, (4, 2)), label=median)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlim(0.5 - 0.01 * len(coef), len(coef) + 0.5 + 0.01 * len(coef))


def _typical(
    x: FloatArray, coef: FloatArray, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, tuple[FloatArray, FloatArray]]:
    """Return places along a curve, and there the estimate with the median lengths of the intervals' two sides."""
    edges = _edges(len(x))
    middle = np.array([x[a:b].mean() for a, b in pairwise(edges)])
    level = np.array([np.median(coef[a:b]) for a, b in pairwise(edges)])
    sides = []
    for side in (low - coef, high - coef):
        sides.append(np.array([np.median(np.abs(side[a:b])) for a, b in pairwise(edges)]))
    return middle, (level - sides[0], level + sides[1])


def _edges(count: int) -> NDArray[np.int64]:
    """Return where parts of a curve begin and end: up to 80 parts of 10 or more specifications."""
    return np.linspace(0, count, min(80, max(12, count // 10), count) + 1).astype(np.int64)


def _axis(curves: Sequence[tuple[pd.DataFrame, pd.DataFrame | None]]) -> tuple[float, float]:
    """Return the ends of the axis that all curves share; each comes with its band under no effect, if any."""
    ends = np.array([_reached(rows, band) for rows, band in curves])
    bottom, top = float(ends[:, 0].min()), float(ends[:, 1].max())
    margin = 0.03 * (top - bottom or 1.0)
    return bottom - margin, top + margin


def _reached(rows: pd.DataFrame, band: pd.DataFrame | None) -> tuple[float, float]:
    """Return the range of a curve, from quantiles of the estimates: a few extreme ones do not flatten all others.

    Intervals extend it as far as a usual one reaches, of many at most by twice the distance of the quantiles; of few,
    which are read one by one, as far as most reach. The band extends it by twice the range. Zero is always in it. Where
    all that is drawn is not much longer, nothing is cut off.
    """
    coef, low, high = (rows[name].to_numpy(dtype=np.float64) for name in ("coef", "low", "high"))
    first, last = np.quantile(coef, TAILS) if len(coef) >= MANY else (coef.min(), coef.max())
    span = float(last - first)
    lengths = np.concatenate([(coef - low), (high - coef)])
    lengths = lengths[np.isfinite(lengths)]
    if len(coef) > FEW:
        usual = 1.1 * float(np.median(lengths)) if len(lengths) else 0.0
        room = max(span, min(usual, 2 * span) if span else usual)
    else:
        room = max(span, 1.1 * float(np.quantile(lengths, MOST, method="lower")) if len(lengths) else 0.0)
    lowest, highest = np.concatenate([coef, low[np.isfinite(low)]]), np.concatenate([coef, high[np.isfinite(high)]])
    whole = min(float(lowest.min()), 0.0), max(float(highest.max()), 0.0)
    bottom, top = max(min(first - room, 0.0), whole[0]), min(max(last + room, 0.0), whole[1])
    if whole[1] - whole[0] <= ROOMY * (top - bottom):
        bottom, top = whole
    if band is not None:
        reach = 2 * (top - bottom)
        ends = band[["low", "high"]].to_numpy(dtype=np.float64)
        ends = ends[np.isfinite(ends)]
        if len(ends):
            bottom, top = min(bottom, max(ends.min(), bottom - reach)), max(top, min(ends.max(), top + reach))
    return float(bottom), float(top)


def _mark_beyond(axes: Axes, rows: pd.DataFrame, words: Words) -> None:
    """Mark what is beyond the axis at its ends: arrows for estimates, ticks for intervals; and write how many."""
    bottom, top = axes.get_ylim()
    coef, low, high = (rows[name].to_numpy(dtype=np.float64) for name in ("coef", "low", "high"))
    x = np.arange(1, len(coef) + 1, dtype=np.float64)
    outside = (coef > top) | (coef < bottom)
    cut = ~outside & ((high > top) | (low < bottom))
    marks = (
        (coef > top, UP, top, 7.0),
        (coef < bottom, DOWN, bottom, 7.0),
        (~outside & (high > top), "|", top, 4.0),
        (~outside & (low < bottom), "|", bottom, 4.0),
    )
    for beyond, marker, end, size in marks:
        if beyond.any():
            at = np.full(int(beyond.sum()), end)
            line: dict[str, Any] = {"marker": marker, "markersize": size, "color": DARK, "markeredgewidth": 0.6}
            (artist,) = axes.plot(x[beyond], at, linestyle="", clip_on=False, **line)
            artist.set_in_layout(False)
    if outside.any() or cut.any():
        counts = {"estimates": f"{int(outside.sum()):,}", "intervals": f"{int(cut.sum()):,}"}
        axes.set_title(words.say("beyond the axis", **counts), loc="right", fontsize=8)


def _draw_band(axes: Axes, band: pd.DataFrame, words: Words) -> None:
    x = band["rank"].to_numpy(dtype=np.float64)
    low, middle, high = (band[name].to_numpy(dtype=np.float64) for name in ("low", "median", "high"))
    label = words.say("curve under no effect, 95 %")
    axes.plot(x, middle, color="black", linewidth=0.8, linestyle=":", label=words.say("its median"))
    axes.plot(x, low, color="black", linewidth=0.8, linestyle="-.", label=label)
    axes.plot(x, high, color="black", linewidth=0.8, linestyle="-.")


def _draw_choices(axes: Axes, rows: Sequence[_Row], order: NDArray[np.int64]) -> None:
    """Draw a mark for each specification that has a choice; of many, the share that has it along the curve."""
    count = len(order)
    edges = _edges(count)
    for row in rows:
        if row.there is None:
            continue
        axes.axhline(row.y + ROW / 2 if count > FEW else row.y, color=PALE, linewidth=0.6, zorder=0)
        if count <= FEW:
            x = np.flatnonzero(row.there[order]) + 1.0
            marks: dict[str, Any] = {"color": "black", "markeredgewidth": 1.4 if count < 60 else 0.9}
            axes.plot(x, np.full(len(x), row.y), linestyle="", marker="|", markersize=7, **marks)
            continue
        # the values of a choice have one scale
        most = max(float(_shares(peer[order], edges).max()) for peer in row.peers) or 1.0
        base, height = row.y + ROW / 2, ROW / most
        shares = _shares(row.there[order], edges)
        tops = base - height * np.append(shares, shares[-1])
        axes.fill_between(edges + 0.5, tops, base, step="post", color=DARK, linewidth=0)
        usual = base - height * float(row.there[order].mean())
        axes.plot([0.5, count + 0.5], [usual, usual], color="#A6A6A6", linewidth=0.7)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _shares(there: BoolArray, edges: NDArray[np.int64]) -> FloatArray:
    """Return the share of true values between each two edges."""
    shares: FloatArray = np.add.reduceat(there.astype(np.float64), edges[:-1]) / np.diff(edges)
    return shares


def _write_medians(axes: Axes, rows: Sequence[_Row], coef: FloatArray, words: Words) -> None:
    """Write to the right of each choice how many specifications have it, and the median of their estimates."""
    columns = [(1.09, words.say("number of runs"), rows[0].y)], [(1.19, words.say("median"), rows[0].y)]
    medians = {row.y: float(np.median(coef[row.there])) for row in rows if row.there is not None and row.there.any()}
    largest = max(map(abs, medians.values()), default=0.0)
    decimals = min(max(2 - int(np.floor(np.log10(largest))), 0), 9) if largest else 0
    for row in rows:
        if row.there is not None:
            columns[0].append((1.09, f"{int(row.there.sum()):,}", row.y))
        if row.y in medians:
            columns[1].append((1.19, with_minus(f"{medians[row.y]:z,.{decimals}f}"), row.y))
    for x, text, y in (*columns[0], *columns[1]):
        how: dict[str, Any] = {"ha": "right", "va": "center_baseline", "fontsize": 7}
        axes.annotate(text, (x, y), xycoords=axes.get_yaxis_transform(), **how)


def _name_choices(figure: Figure, axes: Axes, rows: Sequence[_Row]) -> None:
    """Write choices to the left in bold, and their values below, set in from them."""
    names = [drawable(_short(row.label)) for row in rows]
    texts = [name if row.there is None else f"   {name}" for name, row in zip(names, rows, strict=True)]
    labels = [tick.label1 for tick in axes.set_yticks([row.y for row in rows], texts)]
    for row, label in zip(rows, labels, strict=True):
        if row.there is None:
            label.set_fontweight("bold")
        else:
            # not every font with Chinese letters has bold ones
            label.set_color(DARK)
    widest = max(label.get_window_extent().width for label in labels)
    axes.tick_params(axis="y", pad=4 + widest * 72 / figure.dpi)
    for label in labels:
        label.set_horizontalalignment("left")


def _short(text: str, most: int = 38) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _signed(value: float) -> str:
    return with_minus(f"{value:.4g}")


def _legend(axes: Sequence[Axes]) -> Iterator[tuple[Any, str]]:
    for one in axes:
        yield from zip(*one.get_legend_handles_labels(), strict=True)
