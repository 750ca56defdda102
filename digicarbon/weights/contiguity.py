"""Contiguity of polygons in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
import scipy
from pydantic import Field, model_validator

from digicarbon.errors import DataError, WeightsError
from digicarbon.note import Note, cut
from digicarbon.numeric.spatial.proximity import linked, without_neighbour
from digicarbon.panel import Panel
from digicarbon.source._read import check_present, require_column
from digicarbon.weights.base import (
    POLYGON,
    FileWeights,
    IslandsPlaced,
    Weights,
    check_coverage,
    file_labels,
    refuse_extra,
    refuse_twice,
    rest,
)
from digicarbon.weights.spelling import as_spelt

if TYPE_CHECKING:
    from geopandas import GeoSeries

_POLYGONS = ("Polygon", "MultiPolygon")


class ContiguityWeights(FileWeights):
    """Polygons that touch weigh 1.

    Neighbours share a point (queen) or an edge (rook) of their outlines, vertex for vertex, as in libpysal. Outlines
    that were simplified or digitised one by one no longer share vertices: set a tolerance, and compare the links
    (`Weights.summary`) with a map.

    Attributes
    ----------
    path : str
        A GeoJSON, shapefile, GeoPackage or other file of polygons, one per unit.
    unit : str
        The column of the labels.
    rule : {"queen", "rook"}
        Queen: a common point of two outlines makes neighbours; rook: a common edge.
    tolerance : float or None
        If set, polygons no farther apart than this, in the unit of the file's coordinates, are neighbours; with 0,
        those that touch or overlap. For the queen rule only.
    islands : {"refuse", "keep", "nearest"}
        What to do with a polygon that touches none; ``"nearest"`` makes it and the polygon whose outline is nearest, in
        the file's coordinates, neighbours of each other.
    extra : {"refuse", "drop"}
        What to do with polygons that are not units of the panel.
    """

    unit: str
    rule: Literal["queen", "rook"] = "queen"
    tolerance: Annotated[float, Field(ge=0)] | None = None
    islands: IslandsPlaced = "refuse"

    @model_validator(mode="after")
    def _check_tolerance(self) -> Self:
        if self.tolerance is not None and self.rule == "rook":
            raise ValueError(Note("weights_tolerance_of_rook", key="tolerance"))
        return self

    def compute(self, panel: Panel) -> Weights:
        """Return the weights among the panel's units, labelled and ordered as the panel.

        Raises DataError if the file cannot be read; WeightsError if the labels of file and panel differ, a unit has no
        polygon, or touches none and ``islands`` is ``"refuse"``.
        """
        shapes, notes = self._shapes(panel)
        matrix = contiguous(shapes, self.rule) if self.tolerance is None else within_tolerance(shapes, self.tolerance)
        if self.islands == "nearest":
            matrix = joined_to_nearest(matrix, shapes)
        made = Weights.from_matrix(
            matrix, panel.units, islands=rest(self.islands), name=self.rule, normalise=self.normalise
        )
        return made.noting(*notes)

    def _shapes(self, panel: Panel) -> tuple[GeoSeries, tuple[Note, ...]]:
        """Return a polygon per unit in the panel's order, and notes on how the units were found."""
        file = Path(self.path)
        check_present(file, "weights.path")
        frame = read_polygons(file)
        columns = [name for name in frame.columns if name != frame.geometry.name]
        require_column(self.unit, columns, file.name, "weights.unit", WeightsError)
        labels = file_labels(frame[self.unit], file.name)
        unit, notes = as_spelt(labels, panel.units, file.name)
        labels = [unit[one] for one in labels]
        check_coverage(panel.units, labels, file.name)
        refuse_extra(panel.units, labels, file.name, self.extra)
        shapes = frame.geometry.set_axis(labels, axis=0)
        shapes = shapes[shapes.index.isin(panel.units)]
        refuse_twice(list(shapes.index), file.name, POLYGON)
        other = [str(name) for name, kind in shapes.geom_type.items() if kind not in _POLYGONS]
        if other:
            raise WeightsError(
                Note(
                    "weights_no_polygon",
                    file=file.name,
                    units=cut(other),
                    kind=shapes.geom_type[other[0]] or Note("weights_nothing"),
                )
            )
        return shapes.loc[list(panel.units)], notes


def contiguous(shapes: GeoSeries, rule: Literal["queen", "rook"]) -> scipy.sparse.csr_array:
    """Return 0-1 contiguity by shared vertices (queen) or edges (rook), in the order of the polygons.

    Returns shape (N, N).
    """
    from libpysal.graph import Graph

    graph: Any = Graph.build_contiguity(shapes.reset_index(drop=True), rook=rule == "rook")
    links = graph.adjacency[graph.adjacency > 0]
    return _links(
        np.asarray(links.index.get_level_values("focal")), np.asarray(links.index.get_level_values("neighbor")), shapes
    )


def within_tolerance(shapes: GeoSeries, tolerance: float) -> scipy.sparse.csr_array:
    """Return 0-1 weights between polygons no farther apart than ``tolerance``, shape (N, N)."""
    from shapely import STRtree

    areas: Any = shapes.to_numpy()
    origin, destination = STRtree(areas).query(areas, predicate="dwithin", distance=tolerance)
    other = origin != destination
    return _links(origin[other], destination[other], shapes)


def joined_to_nearest(matrix: scipy.sparse.csr_array, shapes: GeoSeries) -> scipy.sparse.csr_array:
    """Return a matrix in which a polygon without neighbour and the nearest one are neighbours of each other.

    In a tie the polygon that comes first in the order of ``shapes`` is the nearest one.

    ``matrix``: shape (N, N).
    """
    import shapely

    areas: Any = shapes.to_numpy()
    alone = without_neighbour(matrix)
    distance = np.array(
        [np.where(np.arange(len(areas)) == i, np.inf, shapely.distance(areas[i], areas)) for i in alone]
    )
    if not len(alone) or len(areas) == 1:
        return matrix
    return linked(matrix, alone, distance.argmin(axis=1), np.ones(len(alone)))


def _links(origin: Any, destination: Any, shapes: GeoSeries) -> scipy.sparse.csr_array:
    n = len(shapes)
    return scipy.sparse.csr_array((np.ones(len(origin)), (origin, destination)), shape=(n, n))


def read_polygons(file: Path) -> Any:
    """Return a file of polygons as a GeoDataFrame.

    Raises DataError if it cannot be read, or holds no polygons.
    """
    import geopandas
    from pyogrio.errors import DataSourceError

    try:
        frame = geopandas.read_file(file)
    except (DataSourceError, ValueError, OSError) as error:
        raise DataError(Note("polygons_unreadable", file=file.name, reason=str(error))) from error
    if not isinstance(frame, geopandas.GeoDataFrame):
        raise DataError(Note("no_polygons", file=file.name))
    return frame
