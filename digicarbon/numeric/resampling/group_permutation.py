"""Permutation test of a difference of coefficients between two groups of units."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.linear.within import EffectsKind
from digicarbon.numeric.slices import slices

PermutationStatistic = Literal["difference", "studentised"]

TIES = 1e-9
"""Statistics that differ by less, relative to the observed one, are equal: equal splits may be summed differently."""

CELLS = 4_000_000
"""Numbers that one block of splits may hold."""


@dataclass(frozen=True, eq=False)
class PermutationTest:
    """Differences of k coefficients, first group less second, with their two-sided permutation p values.

    p is of all splits the share with a difference at least as large, of B draws (b + 1)/(B + 1). ``splits`` are all
    possible ones where ``exact``, else the draws.
    """

    difference: FloatArray
    p: FloatArray
    splits: int
    exact: bool


@dataclass(frozen=True, eq=False)
class UnitMoments:
    """Cross products by unit, from which a regression on any set of units is computed.

    ``gram``, shape (N, k + 1, k + 1), is of regressors and y, unit effects removed; ``cross``, shape (N, d, k + 1), of
    d dummies that all units of a set share (a constant, or periods) with these columns; ``dummies``, shape (N, d, d),
    of these among themselves; ``rows`` the observations of each unit.
    """

    gram: FloatArray
    cross: FloatArray
    dummies: FloatArray
    rows: FloatArray
    unit_effects: bool


def unit_moments(
    columns: FloatArray, unit_codes: IntArray, period_codes: IntArray, effects: EffectsKind
) -> UnitMoments:
    """Return cross products by unit, of a panel that need not be balanced.

    Columns, shape (rows, k + 1), are raw regressors without a constant, then y; the rows of a unit are adjacent.
    """
    if effects in ("time", "two_way"):
        common = np.eye(int(period_codes.max()) + 1)[period_codes]
    else:
        common = np.ones((len(columns), int(effects == "none")))
    d = common.shape[1]
    whole = np.column_stack([common, columns])
    starts = np.flatnonzero(np.r_[True, np.diff(unit_codes) != 0])
    counts = np.diff(np.r_[starts, len(columns)])
    unit_effects = effects in ("unit", "two_way")
    if unit_effects:
        means = np.add.reduceat(whole, starts, axis=0) / counts[:, None]
        whole = whole - np.repeat(means, counts, axis=0)
    gram = np.stack([block.T @ block for block in np.split(whole, starts[1:])])
    return UnitMoments(gram[:, d:, d:], gram[:, :d, d:], gram[:, :d, :d], counts.astype(np.float64), unit_effects)


def regressions(moments: UnitMoments, members: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the coefficients of one regression for each of B sets of units, and their classic variances, (B, k).

    ``members``, shape (B, N), are one where a unit belongs to the set, zero elsewhere. Coefficients that a set does not
    identify are not-a-number; variances also where no degree of freedom is left.
    """
    gram, cross, dummies = (
        np.tensordot(members, array, axes=1) for array in (moments.gram, moments.cross, moments.dummies)
    )
    size = np.einsum("bjj->bj", gram)[:, :-1].copy()
    absorbed = members.sum(axis=1) if moments.unit_effects else np.zeros(len(members))
    if dummies.shape[1]:
        # a pseudo-inverse: unit effects take one period, and a set need not have every period
        values, vectors = np.linalg.eigh(dummies)
        nonzero = values > 1e-10 * values[:, -1:]
        projection = np.swapaxes(vectors, 1, 2) @ cross * np.sqrt(nonzero / np.where(nonzero, values, 1.0))[..., None]
        gram = gram - np.swapaxes(projection, 1, 2) @ projection
        absorbed = absorbed + nonzero.sum(axis=1)
    k = gram.shape[1] - 1
    scale = np.sqrt(np.where(size > 0, size, 1.0))
    scaled = gram[:, :-1, :-1] / scale[:, :, None] / scale[:, None, :]
    identified = np.linalg.eigvalsh(scaled)[:, 0] > 1e-11
    inverse = np.linalg.inv(np.where(identified[:, None, None], scaled, np.eye(k)))
    right = gram[:, :-1, -1] / scale
    slopes = np.einsum("bij,bj->bi", inverse, right)
    df = members @ moments.rows - k - absorbed
    ssr = gram[:, -1, -1] - np.einsum("bj,bj->b", slopes, right)
    sigma2 = np.where(df > 0, ssr / np.where(df > 0, df, 1.0), np.nan)
    variances = sigma2[:, None] * np.einsum("bjj->bj", inverse) / scale**2
    return np.where(identified[:, None], slopes / scale, np.nan), np.where(identified[:, None], variances, np.nan)


def permutation_test(
    moments: UnitMoments,
    first: NDArray[np.bool_],
    draws: int,
    rng: np.random.Generator,
    statistic: PermutationStatistic = "difference",
) -> PermutationTest:
    """Return the test that two groups have the same coefficients, from splits of their units at random.

    ``first``, shape (N,), marks the units of the first group. If no more than ``draws`` splits exist, each is used
    once. The statistic is the difference of the coefficients of two separate regressions, or its ratio to its classic
    standard error.

    Fisher's randomisation of whole units, the sizes of the groups kept: under the null the units of both groups are
    draws from one distribution of whole time paths. Groups with equal coefficients but a different spread of regressors
    or errors are not, and the difference then rejects too often; the studentised statistic keeps its size there in
    large samples (Chung & Romano 2013, Annals of Statistics 41). (b + 1)/(B + 1): Phipson & Smyth (2010), Statistical
    Applications in Genetics 9.
    """
    n, size = len(first), int(first.sum())
    difference, observed = _statistics(moments, first[None].astype(float), statistic)
    exact = math.comb(n, size) <= draws
    larger = np.zeros(observed.shape[1])
    count = 0
    bound = np.abs(observed) * (1 - TIES)
    for members in _all_splits(n, size) if exact else _random_splits(n, size, draws, rng):
        # a split that does not identify a coefficient is no evidence against the null
        values = np.abs(_statistics(moments, members, statistic)[1])
        larger += (~(values < bound)).sum(axis=0)
        count += len(members)
    p = larger / count if exact else (larger + 1) / (count + 1)
    return PermutationTest(difference[0], np.where(np.isfinite(observed[0]), p, np.nan), count, exact)


def _statistics(
    moments: UnitMoments, members: FloatArray, statistic: PermutationStatistic
) -> tuple[FloatArray, FloatArray]:
    """Return differences of coefficients and the statistic of the test, both of shape (B, k)."""
    (one, variance), (two, other) = regressions(moments, members), regressions(moments, 1 - members)
    difference = one - two
    if statistic == "difference":
        return difference, difference
    sum_of_variances = variance + other
    return difference, difference / np.sqrt(np.where(sum_of_variances > 0, sum_of_variances, np.nan))


def _all_splits(n: int, size: int) -> itertools.chain[FloatArray] | list[FloatArray]:
    combinations = np.array(list(itertools.combinations(range(n), size)))
    members = np.zeros((len(combinations), n))
    members[np.arange(len(combinations))[:, None], combinations] = 1.0
    return [members[some] for some in slices(len(members), CELLS // (n * n))]


def _random_splits(n: int, size: int, draws: int, rng: np.random.Generator) -> list[FloatArray]:
    ranks = rng.random((draws, n)).argsort(axis=1).argsort(axis=1)
    members = (ranks < size).astype(float)
    return [members[some] for some in slices(draws, CELLS // (n * n))]
