"""Global Moran's I with its normal, randomisation and permutation moments, of one variable or of two."""

from __future__ import annotations

from typing import Literal

import numpy as np
import scipy
from numpy.random import Generator

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.statistic import Sides, normal
from digicarbon.numeric.tests.residual_moran import Moran

Sparse = scipy.sparse.csr_array
Moments = Literal["normal", "randomisation", "permutation"]


def moran(
    values: FloatArray,
    w: Sparse,
    moments: Moments = "normal",
    sides: Sides = "two",
    rng: Generator | None = None,
    draws: int = 999,
) -> Moran:
    """Return Moran's I of values, shape (N,), and its test against no spatial autocorrelation.

    ``moments``: variance under normality, under random permutation of the values (exact moments), or mean, variance and
    p value over ``draws`` random permutations. ``rng``: for permutations; a generator of seed 0 by default.

    I = (N/S₀) Σᵢⱼ wᵢⱼ zᵢ zⱼ / Σ zᵢ², z = (I - E I)/√Var I (the study's Eq 11-12); moments from Cliff & Ord (1981), pp.
    42-46.
    """
    z = values - values.mean()
    i = _index(z, z, w)
    if moments == "permutation":
        return permuted(i, z, z, w, sides, rng or np.random.default_rng(0), draws)
    n = len(values)
    s0, (s1, s2) = float(w.sum()), weight_sums(w)
    expected = -1.0 / (n - 1)
    if moments == "normal":
        variance = (n**2 * s1 - n * s2 + 3 * s0**2) / ((n**2 - 1) * s0**2) - expected**2
    else:
        kurtosis = float((z**4).mean() / (z**2).mean() ** 2)
        first = n * ((n**2 - 3 * n + 3) * s1 - n * s2 + 3 * s0**2)
        second = kurtosis * ((n**2 - n) * s1 - 2 * n * s2 + 6 * s0**2)
        variance = (first - second) / ((n - 1) * (n - 2) * (n - 3) * s0**2) - expected**2
    # the study's Eq 12
    score = (i - expected) / float(np.sqrt(variance))
    return Moran(i, expected, variance, score, normal(score, sides).p)


def bivariate_moran(
    x: FloatArray, y: FloatArray, w: Sparse, rng: Generator, draws: int = 999, sides: Sides = "two"
) -> Moran:
    """Return the bivariate Moran's I of x with its neighbours' y, moments and p value by permutation.

    I = (N/S₀) Σᵢⱼ wᵢⱼ zˣᵢ zʸⱼ / √(Σ(zˣᵢ)² Σ(zʸᵢ)²) (Anselin, Syabri & Smirnov 2002). The x are permuted over units and
    the lags of y are fixed, so that a correlation of x and y within a unit is not preserved.
    """
    zx, zy = x - x.mean(), y - y.mean()
    return permuted(_index(zx, zy, w), zx, zy, w, sides, rng, draws)


def permuted(i: float, zx: FloatArray, zy: FloatArray, w: Sparse, sides: Sides, rng: Generator, draws: int) -> Moran:
    """Return moments and p value of ``i`` over permutations of ``zx``; ``zy`` moves along if it is the same array."""
    same = zx is zy
    statistics = np.empty((1, draws))
    for draw in range(draws):
        permutation = rng.permutation(zx)
        statistics[0, draw] = _index(permutation, permutation if same else zy, w)
    moments = permutation_moments(np.array([i]), statistics, sides)
    expected, variance, p = (float(values[0]) for values in moments)
    return Moran(i, expected, variance, (i - expected) / float(np.sqrt(variance)), p)


def permutation_moments(
    i: FloatArray, statistics: FloatArray, sides: Sides, slack: FloatArray | float = 0.0
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return means and variances over permutations, and p values of ``i``, each (m,), of statistics (m, draws).

    A draw that is less extreme by at most ``slack`` counts as equal.
    """
    expected, variance = statistics.mean(axis=1), statistics.var(axis=1, ddof=1)
    if sides == "two":
        extreme = np.abs(statistics - expected[:, None]) >= (np.abs(i - expected) - slack)[:, None]
    else:
        extreme = statistics >= (i - slack)[:, None]
    return expected, variance, (1 + extreme.sum(axis=1)) / (statistics.shape[1] + 1)


def weight_sums(w: Sparse) -> tuple[float, float]:
    """Return S₁ = Σᵢⱼ (wᵢⱼ + wⱼᵢ)²/2 and S₂ = Σᵢ (Σⱼ wᵢⱼ + Σⱼ wⱼᵢ)² of weights (Cliff & Ord 1981)."""
    both, sums = w + w.T, np.asarray(w.sum(axis=0)) + np.asarray(w.sum(axis=1))
    return float(both.multiply(both).sum()) / 2, float((sums**2).sum())


def neighbour_draws(values: FloatArray, w: Sparse, rng: Generator, draws: int) -> FloatArray:
    """Return Σⱼ wᵢⱼ x_π(j) over permutations π of the other units, shape (N, draws)."""
    n, counts = len(values), np.diff(w.indptr)
    # one set of ranks serves every unit: the p values of two units are then dependent, each is right
    ranks = np.argsort(rng.random((draws, n - 1)), axis=1)[:, : int(counts.max(initial=0))]
    out = np.empty((n, draws))
    for unit in range(n):
        weights = w.data[w.indptr[unit] : w.indptr[unit + 1]]
        out[unit] = np.delete(values, unit)[ranks[:, : counts[unit]]] @ weights
    return out


def _index(zx: FloatArray, zy: FloatArray, w: Sparse) -> float:
    size = float(np.sqrt((zx @ zx) * (zy @ zy)))
    return len(zx) / float(w.sum()) * float(zx @ (w @ zy)) / size
