"""Pictures of spatial correlation: Moran's I by period, and the scatter of a variable against its neighbours' mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

import numpy as np
import pandas as pd
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut, note_of
from digicarbon.numeric.significance import is_significant
from digicarbon.packs.exploratory.diagnostic.moran import moran
from digicarbon.panel import Panel
from digicarbon.report.picture._figure import (
    BLUE,
    GREY,
    ORANGE,
    Frame,
    NamedFrame,
    Words,
    drawable,
    grid_of,
    new_figure,
    one_panel,
    picture,
    picture_without_terms,
    series,
    with_minus,
)
from digicarbon.report.picture._places import short_names
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DASHES = ("--", ":", "-.", (0, (1, 3)))
NAMED = 6
"""How many units of a scatter are named: those farthest from the middle."""


@picture_without_terms
def plot_moran(
    tables: pd.DataFrame | Mapping[str, pd.DataFrame], level: float = 0.95, **frame: Unpack[Frame]
) -> Figure:
    """Draw Moran's I by period, a line for each weight matrix.

    Parameters
    ----------
    tables : DataFrame or mapping of str to DataFrame
        As from `digicarbon.moran`, index period, columns i, expected, variance, p; a mapping names the matrices.
    level : float
        Coverage of the band; points with p of at least 1 minus this are hollow.
    **frame
        As in `plot_coefficients`.

    Returns
    -------
    matplotlib.figure.Figure
        Lines over the band in which values are expected without spatial correlation (expected value plus and minus
        the normal quantile times the standard deviation).

    Raises
    ------
    ConfigError
        If matplotlib is not installed, or a table is not one of Moran's I.
    """
    by_name = {"": tables} if isinstance(tables, pd.DataFrame) else dict(tables)
    for name, table in by_name.items():
        missing = [column for column in ("i", "expected", "variance", "p") if column not in table.columns]
        if missing:
            raise ConfigError(Note("table_is_no_moran", table=name, columns=cut(missing)))
    figure, axes, words = one_panel(frame, 6.0, 3.6)
    _draw_moran(axes, by_name, level, words)
    axes.set_ylabel(words.say("moran"))
    handles, labels = axes.get_legend_handles_labels()
    # lines to the left, their bands to the right
    order = [*range(0, 2 * len(by_name), 2), *range(1, 2 * len(by_name), 2), *range(2 * len(by_name), len(labels))]
    figure.legend(
        [handles[i] for i in order], [labels[i] for i in order], loc="outside lower center", ncols=2, fontsize=7.5
    )
    return figure


def _draw_moran(axes: Axes, by_name: Mapping[str, pd.DataFrame], level: float, words: Words) -> None:
    periods = list(dict.fromkeys(str(period) for table in by_name.values() for period in table.index))
    quantile = float(scipy.special.ndtri(0.5 + level / 2))
    p_words = words.say("hollow", p=f"{1 - level:.2g}")
    with_hollow = False
    for position, (name, table) in enumerate(by_name.items()):
        colour, marker = series(position)
        at = np.array([periods.index(str(period)) for period in table.index])
        half = quantile * np.sqrt(table["variance"].to_numpy())
        expected = table["expected"].to_numpy()
        axes.fill_between(at, expected - half, expected + half, color=colour, alpha=0.12, linewidth=0)
        for bound in (expected - half, expected + half):
            axes.plot(at, bound, color=colour, linewidth=0.8, linestyle=_DASHES[position % len(_DASHES)])
        axes.plot(at, table["i"], color=colour, linewidth=1.2, zorder=2)
        within = is_significant(table["p"], 1 - level)
        with_hollow = with_hollow or not within.all()
        for mask, face in ((within, colour), (~within, "white")):
            axes.plot(
                at[mask], table["i"].to_numpy()[mask], linestyle="", marker=marker, markersize=6, zorder=3,
                markerfacecolor=face, markeredgecolor=colour,
            )  # fmt: skip
        # the line of the legend, with its marker
        label = drawable(name) or words.say("moran")
        axes.plot([], [], color=colour, linewidth=1.2, marker=marker, markersize=6, label=label)
        band = words.say("moran bounds", level=f"{level:.0%}", w=label)
        axes.plot([], [], color=colour, linewidth=0.8, linestyle=_DASHES[position % len(_DASHES)], label=band)
    if with_hollow:
        axes.plot([], [], linestyle="", marker="o", markerfacecolor="white", markeredgecolor="black", label=p_words)
    axes.axhline(0, color=GREY, linewidth=0.6, zorder=0)
    axes.set_xticks(range(len(periods)), periods, rotation=45 if len(periods) > 12 else 0)


@picture
def plot_moran_scatter(
    panel: Panel, weights: Weights, variable: str, periods: Sequence[int | str] = (), **frame: Unpack[NamedFrame]
) -> Figure:
    """Draw a variable against its neighbours' mean, a panel per period.

    Parameters
    ----------
    panel : Panel
        Balanced.
    weights : Weights
        For exactly the panel's units, in any order.
    variable : str
        A column or term, e.g. ``"ln_ci"``.
    periods : sequence
        By default the first and the last one.
    **frame
        As in `plot_coefficients`.

    Returns
    -------
    matplotlib.figure.Figure
        The slope of each line is Moran's I; units far from the middle are named.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, or the panel lacks a period.
    DataError, WeightsError
        As `digicarbon.moran` does.
    """
    extended = panel if panel.has(variable) else panel.with_terms([variable])
    chosen = chosen_periods(extended, periods)
    table = moran(extended, weights, variable)
    z, lag = standardised_and_lag(extended, weights, variable)
    words = Words.of(frame)
    rows, columns = grid_of(len(chosen))
    figure = new_figure(3.1 * columns + 0.4, 3.1 * rows + 0.3)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    names = short_names(extended.units, words.language)
    for axes, period in zip(grid, chosen, strict=False):
        row = extended.periods.index(period)
        i, p = (float(table[name].iloc[row]) for name in ("i", "p"))
        _draw_scatter(axes, z[row], lag[row], i, names)
        axes.set_title(_caption(period, i, p), loc="left")
    for axes in grid[len(chosen) :]:
        axes.remove()
    figure.supxlabel(words.say("standardised", y=words(variable)), fontsize=9)
    named = drawable(note_of(weights.called).text(words.language))
    label = words.say("neighbours standardised", y=words(variable), w=named)
    figure.supylabel(label, fontsize=9)
    return figure


def standardised_and_lag(panel: Panel, weights: Weights, variable: str) -> tuple[FloatArray, FloatArray]:
    """Return a variable standardised in each period and its spatial lag, each of shape (T, N).

    The lag is scaled so that the slope of its regression on the variable is Moran's I for any row sums.
    """
    w = weights.align(panel).matrix
    x = panel.cube([variable])[..., 0]
    z = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    return z, np.asarray((w @ z.T).T) * (w.shape[0] / w.sum())


def chosen_periods(panel: Panel, periods: Sequence[int | str]) -> list[int | str]:
    """Return periods of a panel, the first and last one if none is named.

    Raises
    ------
    ConfigError
        If the panel lacks one.
    """
    unknown = [period for period in periods if period not in panel.periods]
    if unknown:
        raise ConfigError(Note("picture_lacks_periods", unknown=cut(unknown), periods=cut(panel.periods, 20)))
    return list(periods) or list(dict.fromkeys((panel.periods[0], panel.periods[-1])))


def _draw_scatter(axes: Axes, z: FloatArray, lag: FloatArray, slope: float, names: Sequence[str]) -> None:
    axes.axhline(0, color=GREY, linewidth=0.6)
    axes.axvline(0, color=GREY, linewidth=0.6)
    ends = np.array([z.min(), z.max()])
    # the mean of the lag is not 0 if the row sums differ
    axes.plot(ends, lag.mean() + slope * ends, color=ORANGE, linewidth=1.5, linestyle="--")
    axes.plot(z, lag, linestyle="", marker="o", markersize=4, color=BLUE, markeredgecolor="white", markeredgewidth=0.4)
    _name_far_units(axes, z, lag, names)


def _name_far_units(axes: Axes, z: FloatArray, lag: FloatArray, names: Sequence[str]) -> None:
    """Write the names of units far from the middle, where there is room beside their points."""
    # points of a panel 2.6 inches wide
    points = np.column_stack([z / np.ptp(z), lag / max(float(np.ptp(lag)), 1e-300)]) * 170
    boxes: list[FloatArray] = []
    for i in np.argsort(-np.hypot(*points.T), kind="stable"):
        if len(boxes) == NAMED:
            return
        width = 4.0 + sum(5.0 if letter.isascii() else 8.0 for letter in names[i])
        # right, left, above, below: centre of the text from the point
        for shift in ((width / 2 + 4, 0.0), (-width / 2 - 4, 0.0), (0.0, 8.0), (0.0, -8.0)):
            centre, reach = points[i] + shift, np.array([width / 2 + 2, 5.0])
            free = not (np.abs(np.delete(points, i, axis=0) - centre) < reach).all(axis=1).any()
            if free and all((np.abs(box[:2] - centre) >= box[2:] + reach).any() for box in boxes):
                boxes.append(np.concatenate([centre, reach]))
                axes.annotate(
                    names[i], (z[i], lag[i]), shift, textcoords="offset points", ha="center", va="center", fontsize=7
                )
                break


def _caption(period: int | str, i: float, p: float) -> str:
    shown = f"p = {p:.3f}" if p >= 0.001 else "p < 0.001"
    return f"{period}: I = {with_minus(f'{i:.3f}')}, {shown}"
