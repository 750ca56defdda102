"""Coefficients of policies that other units might have had instead, many at once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from digicarbon.arrays import FloatArray, IntArray, Removes
from digicarbon.numeric.linear.within import Rows, absorb, absorb_weighted, vanishing
from digicarbon.numeric.resampling.null_model import without
from digicarbon.numeric.slices import slices

COLUMNS_AT_ONCE = 250
"""Policies whose columns are in memory together."""


def number_of_assignments(kinds: IntArray) -> int:
    """Return how many ways there are to give units their policies; equal kinds, shape (N,), are one policy."""
    sizes = np.unique(kinds, return_counts=True)[1].tolist()
    return math.factorial(len(kinds)) // math.prod(math.factorial(size) for size in sizes)


def every_other(kinds: IntArray) -> IntArray:
    """Return whose policy each unit gets in all assignments but the one that is there, (M - 1, N); kinds as above."""
    n = len(kinds)
    # the first unit of each policy stands for all that have it
    _, representatives, sizes = np.unique(kinds, return_index=True, return_counts=True)

    def fill(free: tuple[int, ...], place: int) -> Iterator[dict[int, int]]:
        if place == len(sizes):
            yield {}
            return
        for chosen in combinations(free, int(sizes[place])):
            own = dict.fromkeys(chosen, int(representatives[place]))
            for others in fill(tuple(unit for unit in free if unit not in own), place + 1):
                yield own | others

    found = [[given[unit] for unit in range(n)] for given in fill(tuple(range(n)), 0)]
    given = np.array(found, dtype=np.int64).reshape(-1, n)
    return np.asarray(given[(kinds[given] != kinds).any(axis=1)])


def assignments(units: int, draws: int, rng: np.random.Generator) -> IntArray:
    """Return which unit's policy each unit gets, at random, shape (draws, units); each policy is given once."""
    return np.asarray(rng.permuted(np.tile(np.arange(units), (draws, 1)), axis=1))


def placebo_effects(
    y: FloatArray, x: FloatArray, paths: FloatArray, given: IntArray, rows: Rows, weights: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return the two-way coefficient of each assignment of policies to units, and its standard error, shape (draws,).

    A coefficient is not-a-number where the effects leave nothing of a policy. Errors are clustered by unit, without a
    small-sample factor. ``x``, shape (rows, k): controls, of full rank after effects are removed. ``paths``, shape (N,
    T): each unit's policy over all periods. ``given``, shape (draws, N): whose policy each unit gets. ``weights``,
    shape (rows,): by which rows weigh; they stay where they are.

    Effects and controls are removed from the outcome once. A coefficient is then r′d / d′d with r what is left of the
    outcome and d of the policy (Frisch, Waugh and Lovell): products of matrices for all draws together.
    """

    def without_effects(columns: FloatArray) -> FloatArray:
        if weights is None:
            return absorb(columns, rows, "two_way")
        return np.sqrt(weights)[:, None] * absorb_weighted(columns, rows, "two_way", weights)

    own = without_effects(np.column_stack([x, y]))
    basis = np.linalg.qr(own[:, :-1])[0]
    left = without(basis, own[:, -1])
    parts = []
    for some in slices(len(given), COLUMNS_AT_ONCE):
        whose = given[some].T[rows.unit_codes]
        parts.append(_effects(left, basis, paths[whose, rows.period_codes[:, None]], rows, without_effects))
    coef, se = (np.concatenate(one) for one in zip(*parts, strict=True))
    return coef, se


def _effects(
    left: FloatArray, basis: FloatArray, policies: FloatArray, rows: Rows, without_effects: Removes
) -> tuple[FloatArray, FloatArray]:
    """Return coefficients and standard errors of policies, shape (rows, M)."""
    inner = without_effects(policies)
    gone = vanishing(inner, policies)
    inner = without(basis, inner)
    square = np.einsum("rm,rm->m", inner, inner)
    square[gone] = math.nan
    coef = (left @ inner) / square
    # scores of a unit: its rows of d(r - bd), summed
    scores = rows.sums(left[:, None] * inner, "unit") - coef * rows.sums(inner * inner, "unit")
    return coef, np.sqrt((scores**2).sum(axis=0)) / square
