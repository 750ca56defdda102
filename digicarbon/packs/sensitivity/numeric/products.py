"""Least squares from inner products of columns, for many samples at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.within import Rows
from digicarbon.numeric.resampling.units import counts_of_units

_DEPENDENT = 1e-11
"""Share of the largest eigenvalue of a correlation matrix below which a combination of columns is no variation."""


def remaining(gram: FloatArray, of: Sequence[int], on: Sequence[int]) -> FloatArray:
    """Return inner products of what is left of columns after least squares on others, which may depend on each other.

    Inner products of all columns have shape (..., K, K).
    """
    whole = gram[..., of, :][..., of]
    if not len(on):
        return whole
    size = np.sqrt(np.diagonal(gram[..., on, :][..., on], axis1=-2, axis2=-1))
    scale = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
    inner = gram[..., on, :][..., on] * scale[..., :, None] * scale[..., None, :]
    cross = gram[..., on, :][..., of] * scale[..., :, None]
    explained = np.swapaxes(cross, -1, -2) @ np.linalg.pinv(inner, rcond=_DEPENDENT, hermitian=True) @ cross
    return np.asarray(whole - explained)


def by_unit(columns: FloatArray, rows: Rows) -> FloatArray:
    """Return the inner products of each unit's rows, shape (N, K, K), of columns of shape (rows, K)."""
    cube = np.zeros((rows.n, rows.t, columns.shape[1]))
    cube[rows.unit_codes, rows.period_codes] = columns
    return np.asarray(np.swapaxes(cube, 1, 2) @ cube)


def resampled(products: FloatArray, draws: int, rng: np.random.Generator) -> FloatArray:
    """Return inner products, shape (B, K, K), in samples of whole units with replacement, from those of each unit."""
    n, k, _ = products.shape
    times = counts_of_units(n, draws, rng)
    return np.asarray((times @ products.reshape(n, -1)).reshape(draws, k, k))
