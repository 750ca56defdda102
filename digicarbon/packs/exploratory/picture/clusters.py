"""Maps of clusters of local Moran's I, and of hot and cold spots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import pandas as pd

from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut
from digicarbon.numeric.significance import is_significant
from digicarbon.report.picture import Words, new_figure, picture_without_terms
from digicarbon.report.picture._figure import grid_of
from digicarbon.report.picture._places import areas_of
from digicarbon.report.picture.maps import EDGE, draw_areas, legend_of_blanks, shown_periods, size_of, without_polygon

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from digicarbon.report.picture import Frame

CLUSTERS: Mapping[str, Mapping[str, Any]] = {
    "high high": {"facecolor": "#B2182B", "hatch": ""},
    "high low": {"facecolor": "#FDDBC7", "hatch": "\\\\\\\\"},
    "low high": {"facecolor": "#D1E5F0", "hatch": "...."},
    "low low": {"facecolor": "#4393C3", "hatch": ""},
    "insignificant": {"facecolor": "#F2F2F2", "hatch": ""},
}
"""Red for high, blue for low values; in print without colour, lightness and hatches differ."""
SPOTS: Mapping[str, Mapping[str, Any]] = {
    "hot spot": {"facecolor": "#B2182B", "hatch": ""},
    "cold spot": {"facecolor": "#4393C3", "hatch": "...."},
    "insignificant": {"facecolor": "#F2F2F2", "hatch": ""},
}


@picture_without_terms
def plot_lisa(
    table: pd.DataFrame,
    periods: Sequence[int | str] = (),
    shapes: str | None = None,
    key: str | None = None,
    level: float = 0.05,
    **frame: Unpack[Frame],
) -> Figure:
    """Draw the clusters of local Moran's I by period.

    Parameters
    ----------
    table : DataFrame
        As from `digicarbon.local_moran`: index period, unit; columns p and quadrant.
    periods : sequence
        By default the first and the last one.
    shapes, key
        As in `plot_map`; units of no known country need a file.
    level : float
        Regions with p above this are not significant.
    **frame
        As in `plot_coefficients`.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, the table is not one of local Moran's I, or there are no polygons.
    DataError
        If a file of polygons cannot be used.
    """
    return _clusters(clusters_of(table, level), CLUSTERS, periods, (shapes, key), level, Words.of(frame))


@picture_without_terms
def plot_hot_spots(
    table: pd.DataFrame,
    periods: Sequence[int | str] = (),
    shapes: str | None = None,
    key: str | None = None,
    level: float = 0.05,
    **frame: Unpack[Frame],
) -> Figure:
    """Draw hot and cold spots by period.

    Parameters
    ----------
    table : DataFrame
        As from `digicarbon.local_getis_ord`: index period, unit; columns p and spot.
    periods, shapes, key, level, **frame
        As in `plot_lisa`.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, the table has no hot spots, or there are no polygons.
    DataError
        If a file of polygons cannot be used.
    """
    return _clusters(spots_of(table, level), SPOTS, periods, (shapes, key), level, Words.of(frame))


def spots_of(table: pd.DataFrame, level: float) -> pd.Series:
    """Return ``hot spot``, ``cold spot`` or ``insignificant`` of each unit by period.

    Raises
    ------
    ConfigError
        If the table has no hot spots.
    """
    lacking = [name for name in ("p", "spot") if name not in table.columns]
    if lacking:
        raise ConfigError(Note("table_lacks_spots", columns=cut(lacking)))
    return (table["spot"].astype(str) + " spot").where(is_significant(table["p"], level), "insignificant")


def _clusters(
    clusters: pd.Series,
    looks: Mapping[str, Mapping[str, Any]],
    periods: Sequence[int | str],
    polygons: tuple[str | None, str | None],
    level: float,
    words: Words,
) -> Figure:
    """Draw the cluster of each unit, a map for each period."""
    from matplotlib.patches import Patch

    shown = shown_periods(clusters.rename_axis(["period", "unit"]), periods)
    regions = list(dict.fromkeys(clusters.index.get_level_values(1)))
    areas = areas_of(regions, *polygons, words.language)
    if areas is None:
        raise ConfigError(Note("map_needs_polygons"))
    rows, columns = grid_of(len(shown))
    figure = new_figure(*size_of(areas, rows, columns, 0.0), maps=True)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, period in zip(grid, shown, strict=False):
        here = clusters[clusters.index.get_level_values(0) == period].droplevel(0)
        fills = {str(unit): looks[str(cluster)] for unit, cluster in here.items()}
        draw_areas(axes, areas, fills)
        axes.set_title(str(period), loc="left")
    for axes in grid[len(shown) :]:
        axes.remove()
    handles: list[Any] = [
        Patch(label=words.say(name, p=f"{level:g}"), edgecolor=EDGE, linewidth=0.4, **look)
        for name, look in looks.items()
    ]
    blank = [place for place in areas.rings if place not in regions]
    legend_of_blanks(figure, blank, without_polygon(regions, areas), handles, words)
    return figure


def clusters_of(table: pd.DataFrame, level: float) -> pd.Series:
    """Return the cluster of each unit by period: e.g. ``high high`` (own value, neighbours), or ``insignificant``.

    Raises
    ------
    ConfigError
        If the table is not one of local Moran's I.
    """
    lacking = [name for name in ("p", "quadrant") if name not in table.columns]
    if lacking:
        raise ConfigError(Note("table_lacks_moran", columns=cut(lacking)))
    words = table["quadrant"].map(lambda code: " ".join(str(code).lower().replace("-", " ").split()[:2]))
    return words.where(is_significant(table["p"], level), "insignificant")
