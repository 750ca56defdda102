"""Panels of a few units and periods."""

from __future__ import annotations

import numpy as np
import pandas as pd

import digicarbon as dc
from digicarbon.arrays import FloatArray


def pairs(n: int) -> FloatArray:
    """Return neighbours two by two; the last of an odd number has the one before it."""
    w = np.kron(np.eye((n + 1) // 2), 1 - np.eye(2))[:n, :n]
    w[-1, -2] = 1.0
    return w


def tiny(shape: FloatArray, periods: int, seed: int) -> tuple[dc.Panel, dc.Weights]:
    """Return independent columns of a few periods, q an instrument of x, and weights."""
    n, rng = len(shape), np.random.default_rng(seed)
    units = [f"u{unit}" for unit in range(n)]
    index = pd.MultiIndex.from_product([range(periods), units], names=["year", "unit"])
    x, c, q, e = rng.normal(size=(4, n * periods))
    frame = pd.DataFrame({"y": x + 0.5 * c + e, "x": x + q + 0.3 * e, "c": c, "q": q}, index=index).reset_index()
    return dc.Panel.from_frame(frame, "unit", "year"), dc.Weights.from_matrix(shape, units)
