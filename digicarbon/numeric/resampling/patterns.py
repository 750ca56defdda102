"""Patterns in space: what random weights are given to where draws are to lie together as the sample's errors do."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.linear.within import Rows

MOST_UNITS = 1000
"""Units up to which patterns are computed and rotated."""
POWER = 0.5
"""Power of a unit's scale that patterns leave to the unit: 0 mixes units of unequal variance, 1 all of a large one."""
LEAST = 1e-9
"""Share of the largest scale below which no unit's scale is taken: a unit without errors has no scale."""
EQUAL = 1e-8
"""Distance of eigenvalues, as a share of their range, up to which they are equal."""
WIDEST = 3
"""Neighbouring patterns that are rotated among each other.

A sign for each pattern alone would keep the size of each exactly, and leave a statistic little to vary: half of the
power of total effects is lost. Three patterns of nearly the same smoothness exchange their errors at random.
"""


@dataclass(frozen=True, eq=False)
class Patterns:
    """The patterns of a W.

    ``vectors``, shape (N, K): K orthonormal columns, from the smoothest to the roughest; of a sample of its units their
    rows alone, N <= K.
    """

    vectors: FloatArray

    def of(self, places: IntArray) -> Patterns:
        """Return the patterns of a sample of units, given by their places, shape (N,)."""
        return Patterns(self.vectors[places])

    def parts(self, residuals: FloatArray, rows: Rows) -> tuple[FloatArray, FloatArray]:
        """Return P, shape (N, C), and paths, shape (C, T), of residuals, shape (N, T), zero where there is no row.

        With V the patterns and D the units' root mean squares to the power `POWER` residuals are DV(V′D⁻¹ε), and a draw
        is DVRV′D⁻¹ε = Σ_c r_c P_c path_c, R a random rotation within bands of neighbouring patterns and r its entries
        (`rotations`). Each period's errors keep, on average, how much of them lies in each band, so that they are as
        smooth as the sample's, and each pattern keeps its path over time. D keeps large errors with the units that have
        them (after Wagner & Dray 2015, Methods in Ecology and Evolution 6, who give signs to the patterns of a
        variable). Where N_t of K units have a row, draws are larger by √(K/N_t): others would take a part of them.
        """
        n, k = self.vectors.shape
        counts = np.bincount(rows.unit_codes, minlength=n)
        size = np.sqrt(np.einsum("nt,nt->n", residuals, residuals) / np.maximum(counts, 1))
        scale = np.maximum(size, LEAST * size.max()) ** POWER if size.any() else np.ones(n)
        target, origin = _entries(k)
        paths = (self.vectors.T @ (residuals / scale[:, None]))[origin]
        if not rows.balanced or n < k:
            paths *= np.sqrt(k / np.bincount(rows.period_codes, minlength=rows.t))
        return scale[:, None] * self.vectors[:, target], paths


def centred(w: FloatArray) -> FloatArray:
    """Return M(W + W′)M/2, M = I - 11′/N, of a W of shape (N, N).

    Moran's I of its eigenvectors are proportional to their eigenvalues (Griffith 2003, Spatial Autocorrelation and
    Spatial Filtering).
    """
    middle = (w + w.T) / 2
    middle = middle - middle.mean(axis=0)
    return np.asarray(middle - middle.mean(axis=1, keepdims=True))


def patterns_in(w: FloatArray) -> Patterns:
    """Return the patterns of a W, shape (N, N): the eigenvectors of `centred` weights; the constant is one of them.

    Libraries of linear algebra choose other signs, and other vectors of equal eigenvalues. So that draws are the same
    everywhere, those of an eigenvalue are what the projections of cos(i²j), i the place of a unit, j = 1, 2, …, are
    made orthonormal to.
    """
    values, vectors = (part[..., ::-1] for part in np.linalg.eigh(centred(w)))
    last = np.flatnonzero(np.diff(values) < -EQUAL * np.ptp(values)) + 1
    out = []
    for own in np.split(vectors, last, axis=1):
        fixed = np.cos(np.arange(1, len(own) + 1)[:, None] ** 2 * np.arange(1, own.shape[1] + 1))
        q, r = np.linalg.qr(own.T @ fixed)
        out.append(own @ (q * np.where(np.diag(r) < 0, -1.0, 1.0)))
    return Patterns(np.concatenate(out, axis=1))


def bands(n: int) -> list[IntArray]:
    """Return the places of neighbouring patterns that are rotated among each other, `WIDEST` or one fewer of them."""
    return np.array_split(np.arange(n), -(-n // WIDEST))


@lru_cache(maxsize=8)
def _entries(n: int) -> tuple[IntArray, IntArray]:
    """Return the row and the column of each entry of a rotation within bands, each of shape (C,)."""
    pairs = [np.meshgrid(band, band, indexing="ij") for band in bands(n)]
    rows, columns = (np.concatenate([pair[side].ravel() for pair in pairs]) for side in (0, 1))
    return rows, columns


@lru_cache(maxsize=8)
def rotations(n: int, draws: int, seed: int, name: str = "") -> FloatArray:
    """Return the entries within bands of random orthogonal matrices, uniform in each band, shape (draws, C).

    The numbers of a band depend on the seed, the name and its place alone, so that draws of several specifications of
    one W belong together.
    """
    out = []
    for place, band in enumerate(bands(n)):
        key = int.from_bytes(hashlib.blake2b(f"{name}band {place}".encode(), digest_size=8).digest(), "little")
        rng = np.random.Generator(np.random.Philox(key=[seed, key]))
        out.append(_orthogonal(rng, draws, len(band)).reshape(draws, -1))
    return np.concatenate(out, axis=1)


def _orthogonal(rng: np.random.Generator, draws: int, size: int) -> FloatArray:
    """Return orthogonal matrices of one to three rows, uniform over all of them, shape (draws, size, size)."""
    # the fourth number is for the side: half of the matrices turn a band over
    q = rng.normal(size=(5, draws))
    side = np.where(q[4] < 0, -1.0, 1.0)
    if size == 1:
        return side[:, None, None]
    if size == 2:
        cos, sin = q[:2] / np.hypot(q[0], q[1])
        return np.stack([np.stack([cos, -sin], 1), np.stack([side * sin, side * cos], 1)], 1)
    # a rotation from a uniform unit quaternion (Shoemake 1992, Graphics Gems III)
    a, b, c, d = q[:4] / np.sqrt((q[:4] ** 2).sum(axis=0))
    turn = np.array(
        [
            [1 - 2 * (c * c + d * d), 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), 1 - 2 * (b * b + d * d), 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), 1 - 2 * (b * b + c * c)],
        ]
    )
    return np.ascontiguousarray((side * turn).transpose(2, 0, 1))
