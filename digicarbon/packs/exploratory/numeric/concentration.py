"""Geary's c, and Getis and Ord's G: whether neighbours are alike, and where high and low values gather."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.random import Generator

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.statistic import Sides, normal
from digicarbon.packs.exploratory.numeric.moran import (
    Moments,
    Sparse,
    neighbour_draws,
    permutation_moments,
    weight_sums,
)

EQUAL = 1e-12
"""A draw that differs from the value by less, relatively, is as extreme."""
BLOCK = 20_000_000
"""Largest number of cells of a block of permuted values."""


@dataclass(frozen=True)
class Association:
    """A statistic of one cross-section, with its moments."""

    value: float
    expected: float
    variance: float
    z: float
    p: float


@dataclass(frozen=True, eq=False)
class LocalG:
    """Local statistics of N units with their moments, each of shape (N,).

    Variance, z and p are not-a-number of a unit without links, or with all others linked by equal weights.
    """

    value: FloatArray
    expected: FloatArray
    variance: FloatArray
    z: FloatArray
    p: FloatArray


def geary(values: FloatArray, w: Sparse, moments: Moments, sides: Sides, rng: Generator, draws: int) -> Association:
    """Return Geary's c and its test against no spatial autocorrelation; moments as in `moran`.

    c = (N - 1) Σᵢⱼ wᵢⱼ (xᵢ - xⱼ)² / (2 S₀ Σ zᵢ²); moments from Cliff & Ord (1981), pp. 17-21. ``greater`` asks whether
    neighbours are more alike than others, i.e. whether c is below 1.
    """
    z = values - values.mean()
    n, s0 = len(z), float(w.sum())
    sums = np.asarray(w.sum(axis=0)) + np.asarray(w.sum(axis=1))

    def value(rows: FloatArray) -> FloatArray:
        gaps = np.square(rows) @ sums - 2 * np.einsum("mi,im->m", rows, w @ rows.T)
        return np.asarray((n - 1) * gaps / (2 * s0 * float(z @ z)))

    c = float(value(z[None, :])[0])
    if moments == "permutation":
        drawn = np.concatenate([value(rows) for rows in _permuted(z, rng, draws)])
        # alike neighbours have a small c
        return _drawn(-c, -drawn, sides, -1.0)
    s1, s2 = weight_sums(w)
    if moments == "normal":
        variance = ((2 * s1 + s2) * (n - 1) - 4 * s0**2) / (2 * (n + 1) * s0**2)
    else:
        k = float((z**4).mean() / (z**2).mean() ** 2)
        first = (n - 1) * s1 * (n**2 - 3 * n + 3 - (n - 1) * k)
        second = (n - 1) * s2 * (n**2 + 3 * n - 6 - (n**2 - n + 2) * k) / 4
        third = s0**2 * (n**2 - 3 - (n - 1) ** 2 * k)
        variance = (first - second + third) / (n * (n - 2) * (n - 3) * s0**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        score = float(np.divide(c - 1, np.sqrt(variance)))
    return Association(c, 1.0, variance, score, normal(-score, sides).p)


def getis_ord(values: FloatArray, w: Sparse, permute: bool, sides: Sides, rng: Generator, draws: int) -> Association:
    """Return Getis and Ord's global G of positive values: whether high values have high neighbours.

    G = Σᵢⱼ wᵢⱼ xᵢ xⱼ / Σᵢ≠ⱼ xᵢ xⱼ; mean, variance and p are those over permutations, or moments under randomisation
    from Getis & Ord (1992), pp. 194-195, with p from the normal distribution.
    """
    x, n, s0 = values, len(values), float(w.sum())
    m1, m2, m3, m4 = (float((x**power).sum()) for power in (1, 2, 3, 4))
    pairs = m1**2 - m2

    def value(rows: FloatArray) -> FloatArray:
        return np.asarray(np.einsum("mi,im->m", rows, w @ rows.T) / pairs)

    g = float(value(x[None, :])[0])
    if permute:
        return _drawn(g, np.concatenate([value(rows) for rows in _permuted(x, rng, draws)]), sides)
    s1, s2 = weight_sums(w)
    b = (
        (n**2 - 3 * n + 3) * s1 - n * s2 + 3 * s0**2,
        -((n**2 - n) * s1 - 2 * n * s2 + 6 * s0**2),
        -(2 * n * s1 - (n + 3) * s2 + 6 * s0**2),
        4 * (n - 1) * s1 - 2 * (n + 1) * s2 + 8 * s0**2,
        s1 - s2 + s0**2,
    )
    square = b[0] * m2**2 + b[1] * m4 + b[2] * m1**2 * m2 + b[3] * m1 * m3 + b[4] * m1**4
    expected = s0 / (n * (n - 1))
    variance = square / (pairs**2 * n * (n - 1) * (n - 2) * (n - 3)) - expected**2
    with np.errstate(divide="ignore", invalid="ignore"):
        score = float(np.divide(g - expected, np.sqrt(variance)))
    return Association(g, expected, variance, score, normal(score, sides).p)


def local_getis_ord(
    values: FloatArray, w: Sparse, star: bool, permute: bool, sides: Sides, rng: Generator, draws: int
) -> LocalG:
    """Return the local G of each unit: the share of its neighbours in the sum of values, which are positive.

    Gᵢ = Σⱼ wᵢⱼ xⱼ / Σⱼ xⱼ, j other units, or all of them for G* (``star``), where the unit itself is among its
    neighbours with the largest weight of its row; z from Ord & Getis (1995), eq. 5 and 6. A unit's z does not depend on
    the scale of its row. p is that over permutations of the other units' values, or of z from the normal distribution.
    """
    x, n = values, len(values)
    rows = np.diff(w.indptr)
    own = np.where(rows > 0, np.asarray(w.max(axis=1).todense()).ravel(), 0.0) if star else np.zeros(n)
    sums, squares = np.asarray(w.sum(axis=1)) + own, np.asarray(w.multiply(w).sum(axis=1)) + own**2
    gathered = np.asarray(w @ x) + own * x
    if star:
        size, total, mean = n, np.full(n, x.sum()), np.full(n, x.mean())
        spread = np.full(n, x.var())
    else:
        size, total = n - 1, x.sum() - x
        mean = total / size
        spread = (np.square(x).sum() - x**2) / size - mean**2
    value, expected = gathered / total, sums * mean / total
    inner = (size * squares - sums**2) / (size - 1)
    # equal weights for all the others: G is the same however values are exchanged
    free = inner > EQUAL * np.maximum(sums**2, 1e-300)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.where(free, spread * inner / total**2, np.nan)
        z = (value - expected) / np.sqrt(variance)
    if not permute:
        p = 2 * scipy.special.ndtr(-np.abs(z)) if sides == "two" else scipy.special.ndtr(-z)
        return LocalG(value, expected, variance, z, np.where(free, p, np.nan))
    drawn = neighbour_draws(x, w, rng, draws) + (own * x)[:, None]
    p = permutation_moments(value, drawn / total[:, None], sides, EQUAL * np.abs(value))[2]
    return LocalG(value, expected, variance, z, np.where(free, p, np.nan))


def _permuted(values: FloatArray, rng: Generator, draws: int) -> list[FloatArray]:
    """Return permutations in blocks of rows."""
    block = max(1, BLOCK // len(values))
    sizes = [min(block, draws - start) for start in range(0, draws, block)]
    return [rng.permuted(np.broadcast_to(values, (size, len(values))), axis=1) for size in sizes]


def _drawn(value: float, drawn: FloatArray, sides: Sides, sign: float = 1.0) -> Association:
    """Return a statistic with its moments over draws; ``sign`` turns it to what is shown."""
    slack = np.array([EQUAL * (1 + abs(value))])
    moments = permutation_moments(np.array([value]), drawn[None, :], sides, slack)
    expected, variance, p = (float(numbers[0]) for numbers in moments)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = float(np.divide(value - expected, np.sqrt(variance)))
    return Association(sign * value, sign * expected, variance, sign * z, p)
