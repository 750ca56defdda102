"""Stacks of a staggered policy (Cengiz et al. 2019): a cohort and its clean comparison in a window around its start."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import scipy
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.linear.covariance import (
    ClusterBy,
    Covariance,
    SmallSample,
    leverages,
    nearest_semidefinite,
    small_sample_factor,
    white,
)
from digicarbon.numeric.linear.least_squares import Fit
from digicarbon.numeric.linear.within import Rows, absorb, absorb_weighted, absorbed_rank
from digicarbon.packs.policies.numeric.aggregation import NEVER
from digicarbon.packs.policies.numeric.group_time import Compare
from digicarbon.packs.policies.numeric.imputation import members


@dataclass(frozen=True, eq=False)
class Stacks:
    """Rows of a panel, one stack after the other; a row may be in several stacks."""

    row: IntArray
    """Which row of the panel it is, shape (m,)."""
    stack: IntArray
    """Shape (m,)."""
    event: IntArray
    """Periods since the first treated one of the stack's cohort, shape (m,)."""
    own: NDArray[np.bool_]
    """Whether the row is of the cohort itself, shape (m,)."""
    without: tuple[int, ...] = ()
    """Cohorts that have no stack because they lack a comparison, a period before or one after."""
    incomplete: tuple[int, ...] = ()
    """Cohorts that have no stack because the panel does not have their whole window."""


def stacks(
    unit: IntArray,
    at: IntArray,
    first: IntArray,
    compare: Compare,
    leads: int | None,
    lags: int | None,
    anticipation: int = 0,
    whole: bool = False,
) -> Stacks:
    """Return the stacks of all cohorts that have a comparison, a period before and one after.

    ``unit``, ``at``: each row's unit, and the place of its period on the calendar, shape (rows,). ``first``: each
    unit's first treated period; `NEVER` for none; shape (N,). ``compare``: clean units are those that are never
    treated, or those too that are not treated within the window. ``leads``, ``lags``: the window around the first
    period; None: all periods. ``whole``: whether a cohort needs its whole window, so that each event time is of the
    same cohorts.
    """
    low, high = int(at.min()), int(at.max())
    without: list[int] = []
    incomplete: list[int] = []
    parts: list[tuple[IntArray, IntArray, IntArray, NDArray[np.bool_]]] = []
    for cohort in np.unique(first[first <= high]).tolist():
        start = low if leads is None else max(low, cohort - leads)
        end = high if lags is None else min(high, cohort + lags)
        clean = first == NEVER if compare == "never" else first - anticipation > end
        inside = (at >= start) & (at <= end)
        rows = np.flatnonzero(inside & ((first == cohort) | clean)[unit])
        own = (first == cohort)[unit[rows]]
        event = at[rows] - cohort
        if own.all() or not own.any() or not (event[own] < -anticipation).any() or not (event[own] >= 0).any():
            without.append(cohort)
            continue
        early = leads is not None and start > cohort - leads
        late = lags is not None and end < cohort + lags
        if whole and (early or late):
            incomplete.append(cohort)
            continue
        parts.append((rows, np.full(len(rows), len(parts)), event, own))
    if not parts:
        empty = np.empty(0, dtype=np.int64)
        return Stacks(empty, empty, empty, np.empty(0, dtype=bool), tuple(without), tuple(incomplete))
    row, stack, own_event, of_cohort = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return Stacks(row, stack, own_event, of_cohort, tuple(without), tuple(incomplete))


def corrective_weights(
    chosen: Stacks, weights: FloatArray | None = None, anticipation: int = 0, windows: bool = True
) -> FloatArray:
    """Return weights of rows by which each cohort counts by its treated rows, shape (m,).

    ``weights``: further weights of rows, shape (m,). ``anticipation``: periods before the first one that count as
    treated. ``windows``: whether stacks of unequal windows are weighted so that the coefficient of one dummy is the
    mean over all treated rows.

    Wing, Freedman & Hollingsworth (2024, NBER Working Paper 32054): rows of the cohort weigh 1, those of its comparison
    its share in all rows of cohorts over their share in all rows of comparison. Least squares then weighs stack a by
    N p q / (p + q), where N is the number of units of the cohort, p and q its periods before and after. Times
    (p + q) / p, which is the same for all stacks of equal windows, it weighs by the treated rows N q.
    """
    counts = np.ones(len(chosen.stack)) if weights is None else weights

    def total(which: NDArray[np.bool_]) -> FloatArray:
        sums = np.bincount(chosen.stack[which], counts[which], minlength=int(chosen.stack[-1]) + 1)
        return np.asarray(sums, dtype=np.float64)

    own, others = total(chosen.own), total(~chosen.own)
    share = (own / own.sum()) / (others / others.sum())
    out = np.where(chosen.own, 1.0, share[chosen.stack])
    if not windows:
        return out
    before = total(chosen.own & (chosen.event < -anticipation))
    return np.asarray(out * ((own / before) / (own.sum() / before.sum()))[chosen.stack])


@dataclass(frozen=True)
class StackEffects:
    """How many effects of units and of periods there are in all stacks."""

    units: int
    periods: int
    stacks: int
    rank: int
    """Parameters that they use."""


class StackRows:
    """Units and periods of the rows of stacks.

    ``unit``, ``at``, ``stack``, shape (m,): the panel's unit and period of each row, and its stack; rows are sorted by
    stack, unit and period. ``weights``, shape (m,): weights of rows. ``units``, ``periods``, shape (m,): codes from
    0 without gaps. ``n``, ``t``: how many units and periods there are in all stacks together.
    """

    def __init__(self, unit: IntArray, at: IntArray, stack: IntArray, weights: FloatArray | None = None) -> None:
        self.weights = weights
        ends = np.searchsorted(stack, np.arange(int(stack[-1]) + 2))
        self._parts: list[tuple[slice, Rows]] = []
        for start, end in pairwise(ends.tolist()):
            own = slice(start, end)
            codes = [np.unique(labels[own], return_inverse=True)[1] for labels in (unit, at)]
            self._parts.append((own, Rows(codes[0], codes[1], int(codes[0].max()) + 1, int(codes[1].max()) + 1)))
        counts = [(rows.n, rows.t, 1, absorbed_rank(rows, "two_way")) for _, rows in self._parts]
        self.effects = StackEffects(*(sum(column) for column in zip(*counts, strict=True)))
        self.units, self.periods = (np.unique(codes, return_inverse=True)[1] for codes in (unit, at))
        self.n, self.t = int(self.units.max()) + 1, int(self.periods.max()) + 1

    @cached_property
    def of_units(self) -> scipy.sparse.csr_array:
        """The matrix that sums rows by unit, shape (n, m)."""
        return members(self.units, self.n)

    @cached_property
    def of_periods(self) -> scipy.sparse.csr_array:
        """The matrix that sums rows by period, shape (t, m)."""
        return members(self.periods, self.t)

    @cached_property
    def of_cells(self) -> scipy.sparse.csr_array:
        """The matrix that sums rows of the same unit and period, shape (cells, m)."""
        cells, codes = np.unique(self.units * self.t + self.periods, return_inverse=True)
        return members(codes, len(cells))

    def absorb(self, columns: FloatArray) -> FloatArray:
        """Remove effects of units and of periods from columns, shape (m, k), in each stack by itself.

        Rows that weigh differently are multiplied by the roots of their weights afterwards.
        """
        out, weights = np.empty_like(columns), self.weights
        for own, rows in self._parts:
            if weights is None:
                out[own] = absorb(columns[own], rows, "two_way")
            else:
                out[own] = absorb_weighted(columns[own], rows, "two_way", weights[own])
        return out if weights is None else np.sqrt(weights)[:, None] * out


def covariance_of_stacks(
    z: FloatArray,
    fit: Fit,
    df_resid: int,
    rows: StackRows,
    cov: Covariance,
    cluster: ClusterBy | Groups,
    rule: SmallSample,
) -> tuple[FloatArray, int | None]:
    """Return the covariance of coefficients of a regression on stacks, and its clusters (None without any).

    ``z``: regressors with effects removed, shape (m, k). ``rows``: a unit that is in several stacks is one cluster.
    ``cluster``, ``rule``: as in `digicarbon.numeric.linear.covariance`; or groups of rows that hold whole units.
    """
    if cov == "classic":
        return fit.ssr / df_resid * fit.inverse, None
    nobs, k = z.shape
    e, effects = fit.residuals, rows.effects

    def factor(groups: int, nested: int) -> float:
        return small_sample_factor(rule, groups, nobs, k, effects.rank, nested)

    if cov == "robust" or rule == "hc3":
        scaled = z @ fit.root
        e = e / (1 - leverages(scaled)) if rule == "hc3" else e
        if cov == "robust":
            return fit.root @ white(scaled, e) @ fit.root.T * factor(nobs, 0), None
    scores = z * e[:, None]
    n, t = rows.n, rows.t
    of_units, of_periods = effects.units - effects.stacks, effects.periods - effects.stacks
    if cluster != "both":
        if isinstance(cluster, Groups):
            sums, groups, nested = members(cluster.codes, cluster.count), cluster.count, of_units
        elif cluster == "unit":
            sums, groups, nested = rows.of_units, n, of_units
        else:
            sums, groups, nested = rows.of_periods, t, of_periods
        return fit.root @ _summed(scores, sums, fit.root) @ fit.root.T * factor(groups, nested), groups
    own = rule == "sss"
    # by unit plus by period less by cell (Cameron, Gelbach & Miller 2011)
    parts = [
        sign * factor(groups if own else min(n, t), of_units + of_periods) * _summed(scores, sums, fit.root)
        for sign, sums, groups in ((1, rows.of_units, n), (1, rows.of_periods, t), (-1, rows.of_cells, nobs))
    ]
    return nearest_semidefinite(fit.root @ sum(parts) @ fit.root.T)[0], min(n, t)


def _summed(scores: FloatArray, sums: scipy.sparse.csr_array, root: FloatArray) -> FloatArray:
    """Return the cross product of sums of scores by group, each times P."""
    summed = (sums @ scores) @ root
    return np.asarray(summed.T @ summed)
