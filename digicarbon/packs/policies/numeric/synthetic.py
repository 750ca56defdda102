"""Synthetic difference-in-differences (Arkhangelsky, Athey, Hirshberg, Imbens and Wager 2021), cohort by cohort."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import daxpy

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.latest import Latest
from digicarbon.numeric.linear.absorbed import Groups

FIRST_STEPS, MOST_STEPS = 100, 10_000
"""Steps before small weights are set to zero, and after it."""
SPARSE = 0.25
"""Share of the largest weight up to which weights are set to zero."""
FLAT = 1e-10
"""Slope, relative to the mean curvature, up to which a minimum is reached."""
CLOSE = 1e-5
"""Steps end where they lower the root of the objective by less than this share of the noise."""
PULL = 1e-6
"""How large ζ² must be, relative to the mean curvature, so that any set of weights has a minimum of its own."""
SMALL = 1e-9
"""A common factor of weights below this is multiplied out."""
ENTRY = 200
"""What weights that are kept take beside their numbers, bytes."""


@dataclass(frozen=True, eq=False)
class Regularised:
    """How far weights are pulled towards equal ones, and where the search for them ends."""

    units: float
    times: float
    """`units`, `times`: ζ of the weights of units and of periods."""
    least: float
    """The smallest decrease of the objective that a step must bring."""


@dataclass(frozen=True, eq=False)
class Synthetic:
    """Effects of one cohort."""

    effects: FloatArray
    """Shape (periods after,)."""
    units: FloatArray
    """Their weights in the synthetic unit, shape (units without the policy,)."""
    times: FloatArray
    """Their weights in the synthetic period before, shape (periods before,)."""


def regularised(others: FloatArray, treated: int, after: int) -> Regularised:
    """Return the regularisation of a cohort of so many treated units and periods after.

    ``others``: outcomes of units without the policy, shape (units, periods before). ζ = (units × periods after)^¼ times
    the standard deviation of changes from one period to the next (eq. 5).
    """
    noise = float(np.diff(others, axis=1).std(ddof=1))
    return Regularised((treated * after) ** 0.25 * noise, 1e-6 * noise, (CLOSE * noise) ** 2)


def synthetic(others: FloatArray, own: FloatArray, before: int, how: Regularised, minimum: bool = False) -> Synthetic:
    """Return the effects of a cohort.

    ``others``: outcomes of units without the policy, shape (N, T). ``own``: means of the cohort, shape (T,).
    ``before``: periods before; the others are after. ``minimum``: whether weights are the minimum itself, not where the
    steps of synthdid end shortly before it.
    """
    late, early = others[:, before:].mean(axis=1), others[:, :before]
    times = _weights(early, late, how.times, how.least, minimum)
    units = _weights(early.T, own[:before], how.units, how.least, minimum)
    return of_weights(others, own, units, times)


def of_weights(others: FloatArray, own: FloatArray, units: FloatArray, times: FloatArray) -> Synthetic:
    """Return the effects for given weights; arguments as in `synthetic`."""
    before = len(times)
    gap = own - units @ others
    return Synthetic(gap[before:] - times @ gap[:before], units, times)


def _weights(a: FloatArray, b: FloatArray, zeta: float, least: float, minimum: bool) -> FloatArray:
    """Return the weights w on the simplex that minimise |a w - b - c|²/n + ζ²|w|² over w and c, a of shape (n, m).

    Published numbers are those of synthdid in R, whose steps end a little before the minimum. They take a hundred times
    as long as the minimum itself, which draws for a standard error take.
    """
    a, b = a - a.mean(axis=0), b - b.mean()
    gram, right, size = a.T @ a / len(b), a.T @ b / len(b), float(b @ b) / len(b)
    gram = gram + zeta**2 * np.eye(len(right))
    if minimum:
        return on_simplex(gram, right, from_all=zeta**2 > PULL * np.trace(gram) / len(right))
    # fits without one unit search again for what the unit has no part in
    key = (*_digests(gram, right), size, least)
    return _SEARCHES.once(key, lambda: _searched(gram, right, size, least), lambda made: made.nbytes + ENTRY)


def _searched(gram: FloatArray, right: FloatArray, size: float, least: float) -> FloatArray:
    first = _frank_wolfe(gram, right, size, least, FIRST_STEPS, np.full(len(right), 1 / len(right)))
    sparse = np.where(first > first.max() * SPARSE, first, 0.0)
    found = _frank_wolfe(gram, right, size, least, MOST_STEPS, sparse / sparse.sum())
    found.setflags(write=False)
    return found


def _digests(*arrays: FloatArray) -> tuple[bytes, ...]:
    return tuple(blake2b(one.tobytes(), digest_size=20).digest() for one in arrays)


_SEARCHES = Latest(most=2**17, most_bytes=2**25)
"""Weights that were searched for last."""


def on_simplex(gram: FloatArray, right: FloatArray, from_all: bool = False) -> FloatArray:
    """Return the w on the simplex that minimises w′Gw - 2r′w, by active sets; G is positive definite.

    ``gram``: shape (m, m). ``right``: shape (m,). ``from_all``: whether the first set has all weights, which is faster
    where most of them are positive; G must not be close to a singular one.
    """
    m = len(right)
    scale = np.trace(gram) / m
    gram, right = gram / scale, right / scale
    w, used = np.zeros(m), np.full(m, from_all)
    if from_all:
        places, new, _ = _of_set(gram, right, used)
        while (new <= 0).any():
            used[places[new <= 0]] = False
            places, new, _ = _of_set(gram, right, used)
        w[places] = new
    else:
        at = int((np.diag(gram) / 2 - right).argmin())
        w[at], used[at] = 1.0, True
    # each set of positive weights comes at most once; the bound only stops rounding from going round in a circle
    for _ in range(50 * m):
        places, new, level = _of_set(gram, right, used)
        old = w[places]
        falls = new <= 0
        if falls.any():
            ratio = old[falls] / (old[falls] - new[falls])
            w[places] = old + ratio.min() * (new - old)
            gone = places[falls][ratio <= ratio.min()]
            w[gone], used[gone] = 0.0, False
            continue
        w[places] = new
        slope = gram @ w - right + level
        slope[places] = 0.0
        at = int(slope.argmin())
        if slope[at] >= -FLAT:
            break
        used[at] = True
    return w


def _of_set(gram: FloatArray, right: FloatArray, used: NDArray[np.bool_]) -> tuple[IntArray, FloatArray, float]:
    """Return the places of a set, the weights of the minimum in which the others are zero, and minus its slope."""
    places = np.flatnonzero(used)
    k = len(places)
    system = np.ones((k + 1, k + 1))
    system[:k, :k], system[k, k] = gram[np.ix_(places, places)], 0.0
    solved = np.linalg.solve(system, np.append(right[places], 1.0))
    return places, solved[:k], float(solved[k])


def _frank_wolfe(
    gram: FloatArray, right: FloatArray, size: float, least: float, steps: int, start: FloatArray
) -> FloatArray:
    """Minimise w′Gw - 2r′w + s over the simplex, by at most so many steps.

    A step multiplies all weights by a factor and adds to one of them. Weights and the slope Gw - r are kept without
    this factor, and w′Gw and r′w follow from those before the step: there are ten thousand steps on a hundred numbers,
    whose time is that of calls.
    """
    slope, rows = gram @ start - right, list(np.ascontiguousarray(gram - right))
    corners, towards, w = gram.diagonal().tolist(), right.tolist(), start.tolist()
    squares, product = float(start @ gram @ start), float(right @ start)
    factor, value = 1.0, math.inf
    for _ in range(steps):
        # towards the corner of the simplex in which the objective falls most
        to = int(slope.argmin())
        lowest, corner = factor * slope.item(to), corners[to]
        along = lowest - squares + product
        if along >= 0:
            break
        made = lowest + towards[to]
        curve = corner - 2 * made + squares
        step = -along / curve if curve > -along else 1.0
        rest = 1 - step
        factor *= rest
        if factor < SMALL:
            slope *= factor
            w, factor = [factor * one for one in w], 1.0
        share = step / factor
        slope = daxpy(rows[to], slope, a=share)
        w[to] += share
        squares = rest * rest * squares + step * (2 * rest * made + step * corner)
        product = rest * product + step * towards[to]
        last, value = value, squares - 2 * product + size
        if last - value < least:
            break
    return factor * np.array(w)


@dataclass(frozen=True, eq=False)
class Cohort:
    """A cohort as places among units and periods."""

    units: IntArray
    periods: IntArray
    """Those that are used, in their order."""
    before: int
    """How many of them are before the policy."""


class SyntheticCohorts:
    """Effects of cohorts, each against units that never come under the policy.

    ``y``: shape (N, T). ``cluster``: units of one number are left out or drawn together, shape (N,); None: each alone.
    """

    def __init__(
        self, y: FloatArray, cohorts: Sequence[Cohort], never: IntArray, cluster: IntArray | None = None
    ) -> None:
        self._y, self._cohorts, self._never = y, cohorts, never
        self._groups = Groups.coded(np.arange(len(y)) if cluster is None else cluster)
        self._how = [
            regularised(y[np.ix_(never, one.periods[: one.before])], len(one.units), len(one.periods) - one.before)
            for one in cohorts
        ]
        self.found = [
            synthetic(self._rows(one, never), self._own(one, one.units), one.before, how)
            for one, how in zip(cohorts, self._how, strict=True)
        ]

    @property
    def effects(self) -> FloatArray:
        """Effects of cohorts in periods after, one cohort after the other, shape (cells,)."""
        return np.concatenate([one.effects for one in self.found])

    def placebo(self, draws: int, rng: np.random.Generator) -> FloatArray:
        """Return effects of clusters without the policy that are drawn in place of those with it, (draws, cells).

        No cluster may have units of two cohorts, or with and without the policy.
        """
        codes, members = self._groups.codes, self._members()
        ends = np.cumsum([len(np.unique(codes[one.units])) for one in self._cohorts])
        free = np.unique(codes[self._never])
        out = []
        for _ in range(draws):
            order = free[rng.permutation(len(free))]
            parts = np.split(order, ends)
            units = [np.concatenate([members[cluster] for cluster in part]) for part in parts]
            out.append(self._again(units[:-1], units[-1]))
        return np.array(out)

    def bootstrap(self, draws: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Return effects of clusters drawn with replacement, (draws, cells), and how many units each cohort then has.

        Draws without a unit of some cohort, or without two others, are drawn again.
        """
        count, members = self._groups.count, self._members()
        effects: list[FloatArray] = []
        counts: list[list[int]] = []
        while len(effects) < draws:
            clusters = np.sort(rng.integers(count, size=count))
            drawn = np.concatenate([members[cluster] for cluster in clusters])
            others = drawn[np.isin(drawn, self._never)]
            units = [drawn[np.isin(drawn, one.units)] for one in self._cohorts]
            if len(others) < 2 or not all(map(len, units)):
                continue
            effects.append(self._again(units, others))
            counts.append([len(one) for one in units])
        return np.array(effects), np.array(counts, dtype=np.float64)

    def jackknife(self) -> tuple[FloatArray, FloatArray]:
        """Return effects without each cluster, (G, cells), by the same weights, and units of cohorts, (G, cohorts).

        Every cohort must have units in two clusters, and units without the policy must have weights in two.
        """
        effects, counts = [], []
        for one, found in zip(self._cohorts, self.found, strict=True):
            others, each = self._rows(one, self._never), self._rows(one, one.units)
            weights = found.units[:, None]
            # the weights of the others are one together again
            total = weights.sum() - self._sums(self._never, weights)
            made = (found.units @ others - self._sums(self._never, weights * others)) / total
            count = len(each) - self._sums(one.units, np.ones((len(each), 1)))
            gap = (len(each) * self._own(one, one.units) - self._sums(one.units, each)) / count - made
            effects.append(gap[:, one.before :] - (gap[:, : one.before] @ found.times)[:, None])
            counts.append(count)
        return np.hstack(effects), np.hstack(counts)

    @property
    def weighted(self) -> int:
        """How many clusters without the policy have weights, of the cohort with the fewest."""
        return min(int((self._sums(self._never, found.units[:, None]) > 0).sum()) for found in self.found)

    def _members(self) -> list[IntArray]:
        """Return the units of each cluster."""
        codes = self._groups.codes
        return np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])

    def _sums(self, units: IntArray, columns: FloatArray) -> FloatArray:
        """Return sums of columns of some units by cluster, shape (G, k)."""
        return Groups(self._groups.codes[units], self._groups.count).sums(columns)

    def _again(self, units: Sequence[IntArray], others: IntArray) -> FloatArray:
        """Return effects of other units of each cohort; ``others``: units of comparison."""
        parts = []
        for one, own, how in zip(self._cohorts, units, self._how, strict=True):
            compared = self._rows(one, others)
            parts.append(synthetic(compared, self._own(one, own), one.before, how, minimum=True).effects)
        return np.concatenate(parts)

    def _own(self, cohort: Cohort, units: IntArray) -> FloatArray:
        return np.asarray(self._rows(cohort, units).mean(axis=0))

    def _rows(self, cohort: Cohort, units: IntArray) -> FloatArray:
        """Return outcomes of units in a cohort's periods."""
        return np.asarray(self._y[np.ix_(units, cohort.periods)])
