"""What simulated panels have in common: their fields, places and neighbours, lags, errors with a memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.arrays import FloatArray
from digicarbon.note import Note
from digicarbon.numeric.spatial.proximity import triangulated
from digicarbon.source.base import Inputs, Source
from digicarbon.spec import Seed

BOX = (100.0, 115.0), (25.0, 37.0)
"""Longitudes and latitudes of the places, degrees."""


class SimulatedPanel(Source):
    """SIMULATED units by years.

    Attributes
    ----------
    seed : int
        The seed of the generator.
    n : int
        Number of units.
    periods : int
        Number of years.
    first_year : int
        The first year.
    """

    seed: Seed = 1
    n: Annotated[int, Field(ge=6)] = 100
    periods: Annotated[int, Field(ge=2)] = 10
    first_year: int = 2011

    def inputs(
        self, source: str, columns: Mapping[str, FloatArray], *notes: Note, places: FloatArray | None = None
    ) -> Inputs:
        """Return what was drawn, as a source of this name delivers it, with the truth as notes; columns as in `frame`.

        ``places``, shape (N, 2), become the columns longitude and latitude.
        """
        if places is not None:
            columns = {**columns, "longitude": places[:, :1], "latitude": places[:, 1:]}
        drawn = frame(self.n, self.periods, self.first_year, columns)
        return Inputs(drawn, source=source, time_name="year", simulated=True, notes=notes)

    @property
    def size(self) -> Mapping[str, int]:
        """What the note on every panel says: how many units and periods there are, and the seed."""
        return {"units": self.n, "periods": self.periods, "seed": self.seed}


def remembered(white: FloatArray, memory: float) -> FloatArray:
    """Return an autoregression over years of independent draws, (N, T), of variance 1 if these have it.

    ``memory`` is the correlation of successive years.
    """
    out = white.copy()
    for t in range(1, white.shape[1]):
        out[:, t] = memory * out[:, t - 1] + np.sqrt(1 - memory**2) * white[:, t]
    return out


def frame(n: int, periods: int, first_year: int, columns: Mapping[str, FloatArray]) -> pd.DataFrame:
    """Return a frame with unit (u01, …), time and columns, sorted by unit and time.

    Columns have the shape (N, T), (N, 1) for what does not change, or (1, T) for what all units share.
    """
    labels = [f"u{place:0{len(str(n))}d}" for place in range(1, n + 1)]
    return pd.DataFrame(
        {
            "unit": np.repeat(labels, periods),
            "time": np.tile(first_year + np.arange(periods), n),
            **{name: np.broadcast_to(values, (n, periods)).ravel() for name, values in columns.items()},
        }
    )


def places_of(rng: np.random.Generator, n: int) -> FloatArray:
    """Return longitudes and latitudes of units, shape (n, 2)."""
    (west, east), (south, north) = BOX
    return np.column_stack([rng.uniform(west, east, n), rng.uniform(south, north, n)])


def multiplied(w: FloatArray, coefficient: float, values: FloatArray) -> FloatArray:
    """Return what a spatial lag makes of values: y with y = coefficient · W y + values, shape (N, T)."""
    return np.asarray(np.linalg.solve(np.eye(len(w)) - coefficient * w, values))


def neighbours(places: FloatArray) -> FloatArray:
    """Return the row-standardised weights of places whose Thiessen polygons touch, shape (N, N)."""
    w = triangulated(places, "great_circle").matrix(1.0).toarray()
    return np.asarray(w / w.sum(axis=1, keepdims=True))
