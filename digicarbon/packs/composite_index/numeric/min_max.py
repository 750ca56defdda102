"""Indicators on min-max scales, so that they can be added."""

from __future__ import annotations

import numpy as np

from digicarbon.arrays import BoolArray, FloatArray


def min_max(values: FloatArray, negative: BoolArray, shift: float = 0.0) -> FloatArray:
    """Return (x - min)/(max - min) for each indicator, or (max - x)/(max - min) where less is better, plus ``shift``.

    ``values``, shape (n, k): finite; each column has at least two values. ``negative``, shape (k,): whether less is
    better. ``shift``: added to every cell: the smallest one is then not zero, whose logarithm does not exist. Returns
    shape (n, k): from ``shift`` to 1 + ``shift``.
    """
    low, high = values.min(axis=0), values.max(axis=0)
    return np.asarray(np.where(negative, high - values, values - low) / (high - low) + shift)
