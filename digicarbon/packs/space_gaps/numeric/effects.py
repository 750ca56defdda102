"""Effects of units and periods of an unbalanced panel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from digicarbon.arrays import BoolArray, FloatArray
from digicarbon.numeric.linear.within import EffectsKind
from digicarbon.numeric.resampling.null_model import without


@dataclass(frozen=True, eq=False)
class Effects:
    """The effects of units and periods that an unbalanced panel has, and how they are removed."""

    present: BoolArray
    """Shape (T, N)."""
    kind: EffectsKind
    basis: FloatArray
    """An orthonormal basis L of the dummies, so that Q = I - LL′ removes them, shape (T, N, r)."""
    shares: FloatArray
    """One over the number of a unit's periods; zero without effects of units. Shape (N,)."""
    times: FloatArray
    """The part of the basis that effects of periods add, shape (T, N, q)."""

    @classmethod
    def of(cls, present: BoolArray, kind: EffectsKind) -> Effects:
        """Return the effects of a kind for the cells that are observed."""
        t, n = present.shape
        units, times, shares = np.empty((t, n, 0)), np.empty((t, n, 0)), np.zeros(n)
        counts = present.sum(axis=0)
        if kind in ("unit", "two_way"):
            units = present[:, :, None] * (np.eye(n) / np.sqrt(np.maximum(counts, 1)))[None]
            units = units[:, :, counts > 0]
            shares = np.where(counts > 0, 1 / np.maximum(counts, 1), 0.0)
        if kind in ("time", "two_way"):
            times = present[:, :, None] * np.eye(t)[:, None, :]
            if kind == "two_way":
                times = times - np.where(present[:, :, None], times.sum(axis=0) / np.maximum(counts, 1)[:, None], 0.0)
            vectors, sizes, _ = np.linalg.svd(times.reshape(t * n, t), full_matrices=False)
            # parts of a panel that share no unit have a dummy less for each of them
            times = vectors[:, sizes > 1e-9 * max(float(sizes[0]), 1e-300)].reshape(t, n, -1)
        basis = np.ascontiguousarray(np.concatenate([units, times], axis=2))
        return cls(present, kind, basis, shares, np.ascontiguousarray(times))

    @cached_property
    def size(self) -> int:
        """Number of observations."""
        return int(self.present.sum())

    @cached_property
    def degrees(self) -> int:
        """The trace of Q: observations less independent effects."""
        return self.size - int(self.basis.shape[2])

    def remove(self, cube: FloatArray) -> FloatArray:
        """Return Qx for x of shape (T, N, …)."""
        if not self.basis.shape[2]:
            return cube
        flat, basis = cube.reshape(self.present.size, -1), self.basis.reshape(self.present.size, self.basis.shape[2])
        return without(basis, flat).reshape(cube.shape)
