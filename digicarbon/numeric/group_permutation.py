"""Permutation test of a difference of coefficients between two groups of units."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digicarbon.numeric.within import EffectsKind

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

TIES = 1e-9
"""Statistics that differ by less, relative to the observed one, are equal: a split has many orders of summation."""

CELLS = 4_000_000
"""Numbers that one block of splits may hold."""


@dataclass(frozen=True, eq=False)
class PermutationTest:
    """Differences of coefficients, first group less second, with their permutation p values.

    Attributes
    ----------
    difference : ndarray, shape (k,)
    p : ndarray, shape (k,)
        Two-sided: of all splits the share with a difference at least as large; of B draws (b + 1)/(B + 1).
    splits : int
        Splits that were made: all there are, or the draws.
    exact : bool
        Whether these are all splits.
    """

    difference: FloatArray
    p: FloatArray
    splits: int
    exact: bool


@dataclass(frozen=True, eq=False)
class UnitMoments:
    """Cross products by unit, from which any set of units is fitted.

    Attributes
    ----------
    gram : ndarray, shape (N, k + 1, k + 1)
        Of regressors and y, unit effects removed.
    cross : ndarray, shape (N, d, k + 1)
        Of d dummies that a set of units has in common (a constant, or periods) with these columns.
    dummies : ndarray, shape (N, d, d)
    """

    gram: FloatArray
    cross: FloatArray
    dummies: FloatArray


def unit_moments(
    columns: FloatArray, unit_codes: IntArray, period_codes: IntArray, effects: EffectsKind
) -> UnitMoments:
    """Return cross products by unit, of a panel that need not be balanced.

    Parameters
    ----------
    columns : ndarray, shape (rows, k + 1)
        Regressors without a constant, then y; raw.
    unit_codes, period_codes : ndarray of int, shape (rows,)
        Rows of a unit stand together.
    effects : {"none", "unit", "time", "two_way"}
    """
    if effects in ("time", "two_way"):
        common = np.eye(int(period_codes.max()) + 1)[period_codes]
    else:
        common = np.ones((len(columns), int(effects == "none")))
    d = common.shape[1]
    whole = np.column_stack([common, columns])
    starts = np.flatnonzero(np.r_[True, np.diff(unit_codes) != 0])
    if effects in ("unit", "two_way"):
        counts = np.diff(np.r_[starts, len(columns)])
        means = np.add.reduceat(whole, starts, axis=0) / counts[:, None]
        whole = whole - np.repeat(means, counts, axis=0)
    gram = np.stack([block.T @ block for block in np.split(whole, starts[1:])])
    return UnitMoments(gram[:, d:, d:], gram[:, :d, d:], gram[:, :d, :d])


def coefficients(moments: UnitMoments, members: FloatArray) -> FloatArray:
    """Return the coefficients of one regression for each set of units.

    Parameters
    ----------
    moments : UnitMoments
    members : ndarray, shape (B, N)
        One where a unit belongs to the set, zero elsewhere.

    Returns
    -------
    ndarray, shape (B, k)
        Not-a-number where a set does not identify them.
    """
    gram, cross, dummies = (
        np.tensordot(members, array, axes=1) for array in (moments.gram, moments.cross, moments.dummies)
    )
    size = np.einsum("bjj->bj", gram).copy()
    if dummies.shape[1]:
        # a pseudo-inverse: unit effects take one period, and a set need not have every period
        gram = gram - np.swapaxes(cross, 1, 2) @ np.linalg.pinv(dummies, rcond=1e-10, hermitian=True) @ cross
    left, right = gram[:, :-1, :-1], gram[:, :-1, -1]
    scale = np.sqrt(np.where(size[:, :-1] > 0, size[:, :-1], 1.0))
    scaled = left / scale[:, :, None] / scale[:, None, :]
    identified = np.linalg.eigvalsh(scaled)[:, 0] > 1e-11
    safe = np.where(identified[:, None, None], scaled, np.eye(left.shape[1]))
    found = np.linalg.solve(safe, (right / scale)[..., None])[..., 0] / scale
    return np.where(identified[:, None], found, np.nan)


def permutation_test(
    moments: UnitMoments, first: NDArray[np.bool_], draws: int, rng: np.random.Generator
) -> PermutationTest:
    """Return the test that two groups have the same coefficients, from splits of their units at random.

    Parameters
    ----------
    moments : UnitMoments
        Of the N units of both groups.
    first : ndarray of bool, shape (N,)
        The units of the first group.
    draws : int
        Splits at random; where there are no more than this number in all, each is made once.
    rng : Generator

    Notes
    -----
    Fisher's randomisation of whole units, the sizes of the groups kept: under the null the units of both groups are
    draws from one distribution of whole time paths. The statistic is the difference of the coefficients of two separate
    regressions. (b + 1)/(B + 1): Phipson & Smyth (2010), Statistical Applications in Genetics 9.
    """
    n, size = len(first), int(first.sum())
    observed = _differences(moments, first[None].astype(float))[0]
    exact = math.comb(n, size) <= draws
    larger = np.zeros(len(observed))
    made = 0
    bound = np.abs(observed) * (1 - TIES)
    for members in _all_splits(n, size) if exact else _drawn_splits(n, size, draws, rng):
        # a split that does not identify a coefficient says nothing against the null
        found = np.abs(_differences(moments, members))
        larger += (~(found < bound)).sum(axis=0)
        made += len(members)
    p = larger / made if exact else (larger + 1) / (made + 1)
    return PermutationTest(observed, np.where(np.isfinite(observed), p, np.nan), made, exact)


def _differences(moments: UnitMoments, members: FloatArray) -> FloatArray:
    return coefficients(moments, members) - coefficients(moments, 1 - members)


def _block(n: int) -> int:
    return max(1, CELLS // (n * n))


def _all_splits(n: int, size: int) -> itertools.chain[FloatArray] | list[FloatArray]:
    chosen = np.array(list(itertools.combinations(range(n), size)))
    members = np.zeros((len(chosen), n))
    members[np.arange(len(chosen))[:, None], chosen] = 1.0
    return [members[start : start + _block(n)] for start in range(0, len(members), _block(n))]


def _drawn_splits(n: int, size: int, draws: int, rng: np.random.Generator) -> list[FloatArray]:
    ranks = rng.random((draws, n)).argsort(axis=1).argsort(axis=1)
    members = (ranks < size).astype(float)
    return [members[start : start + _block(n)] for start in range(0, draws, _block(n))]
