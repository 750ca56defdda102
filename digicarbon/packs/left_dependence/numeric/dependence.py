"""Whether residuals of different units still move together: their products, summed over patterns of pairs of units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from digicarbon.arrays import FloatArray, IntArray, Removes
from digicarbon.numeric.linear.within import Rows
from digicarbon.numeric.slices import slices

Pairs = scipy.sparse.csr_array | tuple[tuple[int, IntArray], ...]
"""Which pairs of N units are added up: a symmetric pattern, shape (N, N), zero on the diagonal; or signs of partitions
of the units, codes of shape (N,): a sum over partitions, so that pairs of many units need no matrix. Pairs within
regions are the partition into regions less that into units."""
CELLS = 1 << 22
"""Numbers of a block of draws."""
NOISE = 1e-9
"""A statistic that differs less than this between draws is no test: its p is 1."""


@dataclass(frozen=True, eq=False)
class Dependence:
    """A test of one pattern: the statistic, its mean and standard deviation over draws, z, p, and z of the draws."""

    statistic: float
    expected: float
    deviation: float
    drawn: FloatArray

    @property
    def z(self) -> float:
        """How many deviations the statistic is above what independent units would have."""
        return (self.statistic - self.expected) / self.deviation

    @property
    def p(self) -> float:
        """The share of draws, with the sample among them, that are as far from their mean, two-sided."""
        extreme = np.abs(self.drawn) >= abs(self.z) * (1 - 1e-12)
        return (1 + int(extreme.sum())) / (1 + len(self.drawn))


def dependence_left(
    residuals: FloatArray, rows: Rows, remove: Removes, pairs: Sequence[Pairs], signs: FloatArray
) -> list[Dependence]:
    """Test whether units' residuals are independent, by patterns of pairs.

    ``residuals``, shape (rows,): structural ones. ``rows``: need not be balanced. ``remove``: removes effects and
    regressors from columns, shape (rows, M). ``pairs``: those within regions, neighbours, and so on. ``signs``, shape
    (M, N): draws of one sign for each unit, or for each cluster of units that may depend on each other.

    The statistic is I = N/Σa_ij · Σ a_ij e_i′e_j / Σ e_i′e_i: Moran's I where the pattern is W, and for pairs within
    regions Pesaran's CD with products in place of correlations. Effects make residuals add up to zero, of which the
    normal approximation of CD knows nothing (Juodis and Reese 2022, Journal of Business & Economic Statistics 40); here
    each draw gives each unit's path one sign, and effects and regressors are removed from it again. Correlations would
    not do: period effects put parts of noisy units into the residuals of all others, which is little in products, but
    much in the correlations of quiet units (rejections .22 to .48 of true nulls where standard deviations are
    lognormal).
    """
    every = np.vstack([np.ones(rows.n), signs])
    values = np.empty((len(pairs), len(every)))
    for block in slices(len(every), CELLS // len(residuals)):
        drawn = remove(residuals[:, None] * every[block].T[rows.unit_codes])
        whole = np.zeros((rows.n, rows.t, drawn.shape[1]))
        whole[rows.unit_codes, rows.period_codes] = drawn / np.sqrt((drawn * drawn).sum(axis=0))
        for place, one in enumerate(pairs):
            values[place, block] = _sums(whole, one) * rows.n / count(one)
    found = []
    for own in values:
        expected, deviation = float(own[1:].mean()), float(own[1:].std(ddof=1))
        # what effects fix is the same in every draw, to rounding
        deviation = deviation if deviation > NOISE else np.inf
        found.append(Dependence(float(own[0]), expected, deviation, (own[1:] - expected) / deviation))
    return found


def count(pairs: Pairs) -> float:
    """Return how many pairs there are, each counted from both of its ends."""
    if isinstance(pairs, tuple):
        return float(sum(sign * (np.bincount(codes) ** 2).sum() for sign, codes in pairs))
    return float(pairs.sum())


def _sums(whole: FloatArray, pairs: Pairs) -> FloatArray:
    """Return Σ a_ij e_i′e_j of each of M draws; ``whole``, shape (N, T, M)."""
    flat = whole.reshape(len(whole), -1)
    if not isinstance(pairs, tuple):
        return np.asarray(np.einsum("ntm,ntm->m", whole, (pairs @ flat).reshape(whole.shape)))
    total = np.zeros(whole.shape[2])
    for sign, codes in pairs:
        members = scipy.sparse.csr_array((np.ones(len(codes)), (codes, np.arange(len(codes)))))
        sums = np.asarray(members @ flat).reshape(-1, *whole.shape[1:])
        total += sign * (sums * sums).sum(axis=(0, 1))
    return total
