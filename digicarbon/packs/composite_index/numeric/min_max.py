"""Indicators on min-max scales, so that they can be added."""

from __future__ import annotations

import numpy as np

from digicarbon.arrays import BoolArray, FloatArray


def min_max(values: FloatArray, negative: BoolArray, shift: float = 0.0) -> FloatArray:
    """Return (x - min)/(max - min) for each indicator, or (max - x)/(max - min) where less is better, plus ``shift``.

    Parameters
    ----------
    values : ndarray, shape (n, k)
        Finite; each column has at least two values.
    negative : ndarray of bool, shape (k,)
        Whether less is better.
    shift : float
        Added to every cell: the smallest one is then not zero, whose logarithm does not exist.

    Returns
    -------
    ndarray, shape (n, k)
        From ``shift`` to 1 + ``shift``.
    """
    low, high = values.min(axis=0), values.max(axis=0)
    return np.asarray(np.where(negative, high - values, values - low) / (high - low) + shift)
