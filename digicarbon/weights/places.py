"""The locations of units, and the base of weights that are built from them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd
import scipy
from pydantic import model_validator

from digicarbon.arrays import FloatArray
from digicarbon.country import country
from digicarbon.disk.text import TextFormat
from digicarbon.errors import WeightsError
from digicarbon.note import Note
from digicarbon.numeric.spatial.operator import Normalise
from digicarbon.numeric.spatial.proximity import Metric, Pairs, linked, nearest_pairs, pairs_within, without_neighbour
from digicarbon.panel import Panel
from digicarbon.source._read import read_table, require_column
from digicarbon.weights.base import (
    Islands,
    IslandsPlaced,
    Weights,
    WeightsSpec,
    as_known,
    check_coverage,
    file_labels,
    refuse_twice,
    rest,
)
from digicarbon.weights.nearby import LATITUDE, LONGITUDE, place_columns
from digicarbon.weights.spelling import as_spelt

Decay = Callable[[FloatArray], FloatArray]
"""Takes distances and returns weights of the same shape."""
_NO_INVERSE = Note("weights_no_inverse")


@dataclass(frozen=True, eq=False)
class Places:
    """The locations of the units of a panel.

    ``units``: the N unit labels. ``coordinates``, shape (N, 2): longitude and latitude in degrees, or x and y.
    ``notes``: how the units were found in a file.
    """

    units: tuple[str, ...]
    coordinates: FloatArray
    metric: Metric
    notes: tuple[Note, ...] = ()

    def distances(self) -> FloatArray:
        """Return all distances, shape (N, N)."""
        pairs = self.within()
        return np.asarray(pairs.matrix(pairs.distance).toarray())

    def within(self, radius: float | None = None) -> Pairs:
        """Return all pairs of units, or those no farther apart than ``radius``."""
        return pairs_within(self.coordinates, self.metric, radius)

    def nearest(self, k: int = 1) -> Pairs:
        """Return each unit with its k nearest ones, in the order of units; in a tie the first unit is taken.

        Raises WeightsError if there are not more than ``k`` units.
        """
        n = len(self.units)
        if k >= n:
            remedy = Note("weights_k_at_most", most=n - 1) if n > 1 else Note("weights_two_units")
            raise WeightsError(Note("weights_k_too_many", key="weights.k", k=k, units=n, remedy=remedy))
        return nearest_pairs(self.coordinates, self.metric, k)

    def smallest_band(self) -> float:
        """Return the smallest radius within which each unit has a neighbour: the largest distance to a nearest unit."""
        return float(self.nearest().distance.max())

    def refuse_same(self, why: Note = _NO_INVERSE) -> None:
        """Raise if two units have the same location; ``why`` says why the weights do not allow it.

        Raises WeightsError.
        """
        if same := self.same():
            raise WeightsError(Note("weights_same_place", start=same[0], end=same[1], why=why))

    def same(self) -> tuple[str, str] | None:
        """Return the first two units that have the same location; None if no two have."""
        pairs = self.nearest()
        # as near as rounding of the coordinates: an inverse distance would outweigh all others
        span = np.abs(self.coordinates).max()
        same = np.flatnonzero(pairs.distance <= 1e-12 * span)
        return (self.units[pairs.origin[same[0]]], self.units[pairs.destination[same[0]]]) if len(same) else None

    def weighted(
        self, decay: Decay, radius: float | None = None, islands: IslandsPlaced = "keep"
    ) -> scipy.sparse.csr_array:
        """Return weights that are a function of distance, shape (N, N).

        ``decay``: distances of shape (m,) to weights of shape (m,). ``radius``: pairs farther apart weigh 0.
        ``islands``: if ``"nearest"``, a unit without neighbour and the unit nearest to it become neighbours of each
        other, with the weight that their distance gives.
        """
        pairs = self.within(radius)
        matrix = pairs.matrix(decay(pairs.distance))
        return joined(matrix, self.nearest(), decay) if islands == "nearest" else matrix


def joined(matrix: scipy.sparse.csr_array, nearest_ones: Pairs, decay: Decay) -> scipy.sparse.csr_array:
    """Return a matrix in which each unit without neighbour and the one nearest to it are neighbours of each other.

    ``matrix``: shape (N, N). ``nearest_ones``: each unit with its nearest one, in the order of units. ``decay``:
    distances to weights.
    """
    alone = without_neighbour(matrix)
    destination, weight = nearest_ones.destination[alone], decay(nearest_ones.distance[alone])
    return linked(matrix, alone, destination, weight)


class PlacedWeights(WeightsSpec):
    """Weights that are built from the locations of units.

    Attributes
    ----------
    coordinates : str or None
        A table with a row per unit; rows of units that the panel lacks are ignored. With None, units of a known country
        have the places on record, e.g. of their capitals (units may then be named in any of their spellings); for other
        units, the panel's own columns of longitude and latitude are used.
    unit : str
        The column of the label.
    longitude : str
        The column of degrees east, or of x for the Euclidean metric. Where neither this nor the next column is there
        and both have their default, ``lon`` and ``lat`` and the like are taken.
    latitude : str
        The column of degrees north, or of y for the Euclidean metric.
    metric : {"great_circle", "euclidean"}
        Kilometres on a sphere of 6,371 km, or the straight line in the unit of the coordinates.
    encoding : str or None
        The encoding of a text file; UTF-8 if None, or else GB18030 or cp1252.
    """

    reads: ClassVar[tuple[str, ...]] = ("coordinates",)
    references: ClassVar[tuple[str, ...]] = ("anselin1988",)

    coordinates: str | None = None
    unit: str = "unit"
    longitude: str = "longitude"
    latitude: str = "latitude"
    metric: Metric = "great_circle"
    encoding: str | None = None

    @model_validator(mode="after")
    def _check_metric(self) -> Self:
        if self.metric == "euclidean" and self.coordinates is None:
            raise ValueError(Note("weights_places_in_degrees", key="metric"))
        return self

    def places(self, panel: Panel) -> Places:
        """Return the places of the panel's units, in its order.

        Raises DataError if the file cannot be read; WeightsError if a unit has no row or more than one, a column is
        missing, a coordinate is missing, text or no degree, or a unit moves over time in the panel's own columns.
        """
        if self.coordinates is None:
            return self._in_panel(panel) if self._has_places(panel) else self._in_country(panel)
        file = Path(self.coordinates).name
        written = TextFormat(self.encoding)
        frame = read_table(self.coordinates, "weights", [self.unit], written=written, key="coordinates").frame
        names = self._columns(frame.columns)
        for key, name in zip(("unit", "longitude", "latitude"), (self.unit, *names), strict=True):
            require_column(name, frame.columns, file, f"weights.{key}", WeightsError)
        labels = file_labels(frame[self.unit], file)
        unit, notes = as_spelt(labels, panel.units, file)
        labels = [unit[one] for one in labels]
        check_coverage(panel.units, labels, file)
        table = frame[list(names)].set_axis(labels, axis=0)
        own = table[table.index.isin(panel.units)]
        refuse_twice(list(own.index), file)
        return Places(panel.units, self._degrees(own.loc[list(panel.units)], file), self.metric, notes)

    def _columns(self, names: Collection[str]) -> tuple[str, str]:
        """Return the columns of longitude and latitude in a table with these names."""
        own = (self.longitude, self.latitude)
        if own != (LONGITUDE[0], LATITUDE[0]) or set(own) <= set(names):
            return own
        return place_columns(names) or own

    def _in_country(self, panel: Panel) -> Places:
        names = as_known(
            panel.units,
            Note("field_of_value", key="weights.coordinates", value="null"),
            Note("weights_name_places", key="weights.coordinates", longitude=self.longitude, latitude=self.latitude),
        )
        table = country().places.loc[names]
        return Places(panel.units, table[["longitude", "latitude"]].to_numpy(dtype=np.float64), self.metric)

    def _has_places(self, panel: Panel) -> bool:
        """Return whether to use coordinates of the panel: it has them, and units that the country does not know."""
        known = set(self._columns(panel.names)) <= set(panel.names)
        return known and bool(country().strangers(panel.units))

    def _in_panel(self, panel: Panel) -> Places:
        names = list(self._columns(panel.names))
        values = np.column_stack([panel.column(name) for name in names])
        # rows are sorted by unit
        first = np.searchsorted(panel.unit_codes, np.arange(len(panel.units)))
        moved = np.argwhere((values != values[first][panel.unit_codes]) & ~np.isnan(values))
        if len(moved):
            row, column = moved[0]
            unit = panel.units[panel.unit_codes[row]]
            raise WeightsError(Note("weights_unit_moves", key="weights.coordinates", column=names[column], unit=unit))
        table = pd.DataFrame(values[first], index=list(panel.units), columns=names)
        return Places(panel.units, self._degrees(table, Note("weights_the_panel")), self.metric)

    def _degrees(self, table: pd.DataFrame, file: str | Note) -> FloatArray:
        values = np.asarray(table.apply(pd.to_numeric, errors="coerce"), dtype=np.float64)
        bad = np.argwhere(~np.isfinite(values))
        if len(bad):
            row, column = bad[0]
            cell = table.iloc[row, column]
            missing = pd.isna(cell) or cell == ""
            why = Note("weights_degree_missing") if missing else Note("weights_degree_no_number", value=repr(cell))
            raise WeightsError(
                Note("weights_no_degree", file=file, column=table.columns[column], unit=table.index[row], why=why)
            )
        if self.metric == "great_circle":
            outside = np.argwhere(np.abs(values) > np.array([360.0, 90.0]))
            if len(outside):
                row, column = outside[0]
                raise WeightsError(
                    Note(
                        "weights_beyond_degrees",
                        file=file,
                        column=table.columns[column],
                        unit=table.index[row],
                        value=values[row, column],
                    )
                )
        return values


class FromPlaces(PlacedWeights):
    """Weights that are a matrix of the places of units.

    Attributes
    ----------
    normalise : {"row", "spectral", "minmax", "none"}
        How weights are scaled, see `Weights.from_matrix`.
    """

    normalise: Normalise = "row"

    @property
    @abstractmethod
    def title(self) -> str | Note:
        """What the weights are called."""

    @property
    def alone(self) -> Islands:
        """What to do with a unit that has no neighbour in the matrix."""
        return "refuse"

    @abstractmethod
    def matrix(self, places: Places, panel: Panel) -> scipy.sparse.csr_array | FloatArray:
        """Return the weights before they are normalised, shape (N, N)."""

    def compute(self, panel: Panel) -> Weights:
        """Return the weights among the panel's units, labelled and ordered as the panel.

        Raises DataError or WeightsError if places are not known, see `PlacedWeights.places`, the matrix cannot be made
        of them, or a unit has no neighbour in it.
        """
        places = self.places(panel)
        matrix = self.matrix(places, panel)
        made = Weights.from_matrix(matrix, panel.units, islands=self.alone, name=self.title, normalise=self.normalise)
        return made.noting(*places.notes)


class NearPlaces(FromPlaces):
    """Weights of units that are near enough.

    Attributes
    ----------
    islands : {"refuse", "keep", "nearest"}
        What to do with a unit that has no other near enough; ``"nearest"`` makes it and the unit nearest to it
        neighbours of each other, whatever their distance, with the weight that it gives.
    """

    islands: IslandsPlaced = "refuse"

    @property
    def alone(self) -> Islands:
        """What to do with a unit that is still without neighbour."""
        return rest(self.islands)
