"""Positions and neighbours of the units of the simulated study, the same for every seed."""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.china import facts
from digicarbon.numeric.spatial.geography import EARTH_RADIUS_KM, great_circle_km
from digicarbon.numeric.spatial.proximity import triangulated

Size = Literal["provinces", "cities", "counties"]

COUNTS: dict[Size, int] = {"provinces": 30, "cities": 285, "counties": 2800}
SINGULAR: dict[Size, str] = {"provinces": "province", "cities": "city", "counties": "county"}

FARTHEST_KM = 300.0
"""The largest distance of a unit from its province's capital."""
GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


@cache
def _table(size: Size) -> pd.DataFrame:
    provinces = facts.provinces()[["province", "region", "longitude", "latitude"]]
    if size == "provinces":
        return provinces.assign(unit=provinces["province"])
    each, rest = divmod(COUNTS[size], len(provinces))
    counts = np.full(len(provinces), each)
    counts[:rest] += 1
    distance = great_circle_km(provinces["longitude"], provinces["latitude"])
    np.fill_diagonal(distance, np.inf)
    radius = np.minimum(distance.min(axis=1) / 2, FARTHEST_KM)
    spirals = [_spiral(int(n), float(reach)) for n, reach in zip(counts, radius, strict=True)]
    table = provinces.loc[provinces.index.repeat(counts)].reset_index(drop=True)
    east, north = np.concatenate(spirals).T
    degree = np.pi / 180 * EARTH_RADIUS_KM
    longitude = table["longitude"] + east / (degree * np.cos(np.radians(table["latitude"])))
    word = SINGULAR[size].capitalize()
    digits = len(str(COUNTS[size]))
    # rounded to a decimetre, so that neighbours do not depend on the last bit of a cosine
    return table.assign(
        unit=[f"{word} {number:0{digits}d}" for number in range(1, len(table) + 1)],
        longitude=longitude.round(6),
        latitude=(table["latitude"] + north / degree).round(6),
    )


def places(size: Size) -> pd.DataFrame:
    """Return a row per unit, in the order of labels (provinces in the usual order).

    The cities or counties of a province are on a sunflower spiral of even density around its capital, the first one in
    the capital itself. None is farther away than half the distance to the next capital: provinces do not overlap.

    Returns
    -------
    DataFrame
        Columns ``unit``, ``province``, ``region``, ``longitude`` and ``latitude`` (degrees).
    """
    return _table(size).copy()


def adjacency() -> FloatArray:
    """Return W1 of the 30 provinces, row-standardised, shape (30, 30)."""
    units = facts.provinces()["province"].tolist()
    position = {unit: index for index, unit in enumerate(units)}
    pairs = facts.adjacency()
    i, j = (pairs[name].map(position).to_numpy() for name in ("province", "neighbour"))
    w = np.zeros((len(units), len(units)))
    w[i, j] = w[j, i] = 1.0
    return row_standardised(w)


@cache
def delaunay(size: Size) -> FloatArray:
    """Return the row-standardised weights of units whose Thiessen polygons touch, shape (N, N), read-only."""
    pairs = triangulated(_table(size)[["longitude", "latitude"]].to_numpy(dtype=np.float64), "great_circle")
    w = row_standardised(pairs.matrix(1.0).toarray())
    w.flags.writeable = False
    return w


def row_standardised(w: FloatArray) -> FloatArray:
    """Return weights over their row sums."""
    return np.asarray(w / w.sum(axis=1, keepdims=True))


def _spiral(n: int, radius: float) -> FloatArray:
    """Return n points in a disc, kilometres east and north of its middle, shape (n, 2), after Vogel (1979)."""
    k = np.arange(n)
    reach, angle = radius * np.sqrt(k / n), k * GOLDEN_ANGLE
    return np.column_stack([reach * np.cos(angle), reach * np.sin(angle)])
