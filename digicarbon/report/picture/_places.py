"""The areas of a map: squares on a grid for the units of a country, or polygons from a package or a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.country import country
from digicarbon.errors import ConfigError, DataError
from digicarbon.note import Note, columns_there, cut, suggestion
from digicarbon.panel import label

TILES = "tiles"
"""The value of `shapes` for a grid of squares."""
TINY = 1e-3
"""Parts with a smaller share of the whole area do not widen the map; they are shown in an inset."""


@dataclass(frozen=True, eq=False)
class Areas:
    """Areas of a map, in the units of a plane."""

    rings: Mapping[str, list[FloatArray]]
    """The outlines of each area, each of shape (m, 2), by its label."""
    texts: Mapping[str, str]
    """What is written into an area; empty for nothing."""
    window: tuple[float, float, float, float]
    """Left, right, bottom and top of what is shown."""
    inset: tuple[float, float, float, float] | None
    """The window of areas far away."""
    source: str
    """For notes, e.g. the file's name; empty for the grid."""
    lacking: tuple[str, ...] = ()
    """Places of the country of which a map of all its units has no polygon."""


def areas_of(units: Sequence[str], shapes: str | None, key: str | None, language: str) -> Areas | None:
    """Return the areas of a map, with the labels of the units where areas are units; None if there are none.

    ``shapes``: ``tiles``, a map that the country knows, or a file of polygons; None takes tiles if all units are the
    country's. ``key``: the column of labels of a file; None takes the one that matches most of the units. ``language``:
    of the texts in tiles. Raises ConfigError if units are not the country's where they must be, its map is not
    installed, or a file lacks the column; DataError if a file is missing, cannot be read, or matches none of the units.
    """
    home = country()
    strangers = home.strangers(units)
    if shapes is None:
        return None if strangers else _grid(units, language)
    if shapes in (TILES, *home.outlines) and strangers:
        raise ConfigError(
            Note(
                "shapes_of_others",
                key="report.shapes",
                shapes=shapes,
                places=home.many,
                strangers=cut(strangers),
                hint=suggestion(strangers[0], home.names),
            )
        )
    if shapes == TILES:
        return _grid(units, language)
    if shapes in home.outlines:
        source, polygons = home.outlines[shapes]
        return _areas(units, polygons(), source)
    return _areas(units, _of_file(Path(shapes), units, key), Path(shapes).name)


def short_names(units: Sequence[str], language: str) -> list[str]:
    """Return the codes of the country's units, or short Chinese names; other units keep their names."""
    table = country().tiles.set_index("place")["name_zh" if language == "zh" else "code"]
    return [unit if (place := country().find(unit)) is None else str(table[place]) for unit in units]


def long_names(places: Sequence[str], language: str) -> list[str]:
    """Return the names of the country's units in a language; places that are not all such units keep their names."""
    if any(country().find(place) is None for place in places):
        return list(places)
    table = country().tiles.set_index("place")["name_zh"]
    own = {place: _canonical(place) for place in places}
    return [
        str(table[own[place]]) if language == "zh" and own[place] in table.index else own[place] for place in places
    ]


def _grid(units: Sequence[str], language: str) -> Areas:
    labels = {place: unit for unit in units if (place := country().find(unit)) is not None}
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]) * 0.94 + 0.03
    rings, texts = {}, {}
    for row in country().tiles.to_dict("records"):
        unit = labels.get(str(row["place"]), str(row["place"]))
        rings[unit] = [corners + np.array([float(row["column"]), -float(row["row"])])]
        texts[unit] = str(row["name_zh" if language == "zh" else "code"])
    left, right, bottom, top = _bounds(rings.values())
    return Areas(rings, texts, (left - 0.05, right + 0.05, bottom - 0.05, top + 0.05), None, "")


def _areas(units: Sequence[str], shapes: Mapping[str, Any], source: str) -> Areas:
    """Return areas from shapely polygons, in an equal-area projection."""
    import shapely

    unit_of = {_canonical(unit): unit for unit in units}
    project = _projection(np.array(shapely.total_bounds(list(shapes.values()))))
    plane = {unit_of.get(_canonical(name), name): shapely.transform(shape, project) for name, shape in shapes.items()}
    parts = np.array([part for shape in plane.values() for part in shapely.get_parts(shape)], dtype=object)
    size = shapely.area(parts)
    large = parts[size >= TINY * size.sum()]
    window = _margin(tuple(shapely.total_bounds(large)))
    outside = parts[~shapely.intersects(parts, shapely.box(window[0], window[2], window[1], window[3]))]
    lines = {name: shapely.get_parts(shapely.boundary(shape)) for name, shape in plane.items()}
    rings = {name: [shapely.get_coordinates(line) for line in every] for name, every in lines.items()}
    inset = None
    if len(outside):
        # with the nearest land, so that one sees where the inset is
        shore = large[shapely.distance(large, shapely.union_all(outside)).argmin()]
        inset = _margin(tuple(shapely.total_bounds(np.append(outside, shore))))
    return Areas(rings, dict.fromkeys(rings, ""), window, inset, source, _lacking(shapes))


def _lacking(shapes: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the country's places without a polygon; none if units lack one, too: such a map is a part on purpose."""
    mapped = {_canonical(name) for name in shapes}
    whole = set(country().names) <= mapped
    return tuple(str(place) for place in country().tiles["place"] if place not in mapped) if whole else ()


def _canonical(name: str) -> str:
    return country().find(name) or name


def _bounds(rings: Any) -> tuple[float, float, float, float]:
    points = np.concatenate([ring for each in rings for ring in each])
    (left, bottom), (right, top) = points.min(axis=0), points.max(axis=0)
    return float(left), float(right), float(bottom), float(top)


def _margin(bounds: tuple[float, ...]) -> tuple[float, float, float, float]:
    left, bottom, right, top = bounds
    rim = 0.02 * max(right - left, top - bottom)
    return left - rim, right + rim, bottom - rim, top + rim


def _projection(bounds: FloatArray) -> Any:
    """Return Albers' equal-area conic for degrees, parallels a sixth from either end; planes stay as they are.

    Snyder (1987), Map Projections: A Working Manual, pp. 98-100; the sphere.
    """
    left, bottom, right, top = bounds
    if np.abs(bounds[[0, 2]]).max() > 360 or np.abs(bounds[[1, 3]]).max() > 90:
        return lambda points: points
    low, high = np.radians(bottom + (top - bottom) / 6), np.radians(top - (top - bottom) / 6)
    middle = np.radians((left + right) / 2)
    n = (np.sin(low) + np.sin(high)) / 2
    if abs(n) < 0.02:
        # a cone becomes a cylinder at the equator: Lambert's
        return lambda points: np.column_stack([np.radians(points[:, 0]), np.sin(np.radians(points[:, 1]))])
    c = np.cos(low) ** 2 + 2 * n * np.sin(low)

    def project(points: FloatArray) -> FloatArray:
        angle = n * (np.radians(points[:, 0]) - middle)
        radius = np.sqrt(np.maximum(c - 2 * n * np.sin(np.radians(points[:, 1])), 0)) / n
        return np.column_stack([radius * np.sin(angle), -radius * np.cos(angle)])

    return project


def _of_file(file: Path, units: Sequence[str], key: str | None) -> Mapping[str, Any]:
    from digicarbon.weights.contiguity import read_polygons

    if not file.is_file():
        raise DataError(Note("no_file_of_shapes", key="report.shapes", file=file.absolute()))
    frame = read_polygons(file)
    columns = [str(name) for name in frame.columns if name != frame.geometry.name]
    if key is not None and key not in columns:
        raise ConfigError(
            Note(
                "shapes_without_column",
                key="report.key",
                file=file.name,
                column=key,
                hint=suggestion(key, columns),
                columns=columns_there(columns),
            )
        )
    places = {_canonical(unit) for unit in units}
    hits = {
        name: len(places & {_canonical(label(item)) for item in frame[name]}) for name in ([key] if key else columns)
    }
    # prefer names to numbers if both match the units
    best = max(hits, key=lambda name: (hits[name], not frame[name].astype(str).str.isdigit().all()), default="")
    if not hits or not hits[best]:
        raise DataError(
            Note("shapes_know_no_unit", file=file.name, units=cut(units, 3), columns=columns_there(columns))
        )
    frame = frame[frame.geometry.notna() & frame.geom_type.isin(["Polygon", "MultiPolygon"])]
    labels = [label(item) for item in frame[best]]
    # the parts of a region may be separate rows
    joined = frame.geometry.groupby(pd.Series(labels, index=frame.index), sort=False).agg(lambda part: part.union_all())
    return {str(name): shape for name, shape in joined.items()}
