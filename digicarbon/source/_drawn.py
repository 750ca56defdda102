"""What simulated panels have in common: places and neighbours, errors with a memory, a frame of units by years."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.numeric.spatial.proximity import triangulated

BOX = (100.0, 115.0), (25.0, 37.0)
"""Longitudes and latitudes of the places, degrees."""


def remembered(white: FloatArray, memory: float) -> FloatArray:
    """Return an autoregression over years, of variance 1 if the draws have it.

    Parameters
    ----------
    white : ndarray, shape (N, T)
        Independent draws.
    memory : float
        Correlation of successive years.
    """
    out = white.copy()
    for t in range(1, white.shape[1]):
        out[:, t] = memory * out[:, t - 1] + np.sqrt(1 - memory**2) * white[:, t]
    return out


def frame(n: int, periods: int, first_year: int, columns: Mapping[str, FloatArray]) -> pd.DataFrame:
    """Return a frame with unit (u01, …), time and columns, sorted by unit and time.

    Parameters
    ----------
    n, periods : int
        N and T.
    first_year : int
    columns : mapping of str to ndarray
        Each of shape (N, T), (N, 1) for what does not change, or (1, T) for what all units share.
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


def neighbours(places: FloatArray) -> FloatArray:
    """Return the row-standardised weights of places whose Thiessen polygons touch, shape (N, N)."""
    w = triangulated(places, "great_circle").matrix(1.0).toarray()
    return np.asarray(w / w.sum(axis=1, keepdims=True))
