"""Stacks of a staggered policy (Cengiz et al. 2019): a cohort and its clean comparison in a window around its start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.did.aggregation import NEVER
from digicarbon.numeric.did.group_time import Compare
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


@dataclass(frozen=True, eq=False)
class Stacks:
    """Rows of a panel, one stack after the other; a row may be in several stacks.

    Attributes
    ----------
    row : ndarray of int, shape (m,)
        Which row of the panel it is.
    stack : ndarray of int, shape (m,)
    event : ndarray of int, shape (m,)
        Periods since the first treated one of the stack's cohort.
    own : ndarray of bool, shape (m,)
        Whether the row is of the cohort itself.
    """

    row: IntArray
    stack: IntArray
    event: IntArray
    own: NDArray[np.bool_]


def stacks(
    unit: IntArray,
    at: IntArray,
    first: IntArray,
    compare: Compare,
    leads: int | None,
    lags: int | None,
    anticipation: int = 0,
) -> Stacks:
    """Return the stacks of all cohorts that have a comparison, a period before and one after.

    Parameters
    ----------
    unit, at : ndarray of int, shape (rows,)
        Each row's unit, and the place of its period on the calendar.
    first : ndarray of int, shape (N,)
        Each unit's first treated period; `NEVER` for none.
    compare : {"never", "not_yet"}
        Clean units: those that are never treated, or those too that are not treated within the window.
    leads, lags : int or None
        The window around the first period; None: all periods.
    anticipation : int
    """
    low, high = int(at.min()), int(at.max())
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
            continue
        parts.append((rows, np.full(len(rows), len(parts)), event, own))
    if not parts:
        empty = np.empty(0, dtype=np.int64)
        return Stacks(empty, empty, empty, np.empty(0, dtype=bool))
    return Stacks(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


@dataclass(frozen=True)
class StackEffects:
    """How many effects of units and of periods there are in all stacks.

    Attributes
    ----------
    units, periods : int
    stacks : int
    rank : int
        Parameters that they use.
    """

    units: int
    periods: int
    stacks: int
    rank: int


def absorb_stacks(
    columns: FloatArray, unit: IntArray, at: IntArray, stack: IntArray, weights: FloatArray | None = None
) -> tuple[FloatArray, StackEffects]:
    """Remove effects of units and of periods from columns, in each stack by itself.

    Parameters
    ----------
    columns : ndarray, shape (m, k)
    unit, at, stack : ndarray of int, shape (m,)
        The panel's unit and period of each row, and its stack; rows are sorted by stack, unit and period.
    weights : ndarray, shape (m,), or None
        By which rows weigh.

    Returns
    -------
    ndarray, shape (m, k)
    StackEffects
    """
    out, counts = np.empty_like(columns), []
    for one in range(int(stack.max()) + 1):
        own = stack == one
        codes = [np.unique(labels[own], return_inverse=True)[1] for labels in (unit, at)]
        rows = Rows(codes[0], codes[1], int(codes[0].max()) + 1, int(codes[1].max()) + 1)
        if weights is None:
            out[own] = absorb(columns[own], rows, "two_way")
        else:
            out[own] = absorb_weighted(columns[own], rows, "two_way", weights[own])
        counts.append((rows.n, rows.t, 1, absorbed_rank(rows, "two_way")))
    return out, StackEffects(*(sum(column) for column in zip(*counts, strict=True)))


def covariance_of_stacks(
    z: FloatArray,
    fit: Fit,
    df_resid: int,
    unit: IntArray,
    at: IntArray,
    effects: StackEffects,
    cov: Covariance,
    cluster: ClusterBy,
    rule: SmallSample,
) -> tuple[FloatArray, int | None]:
    """Return the covariance of coefficients of a regression on stacks, and its clusters (None without any).

    Parameters
    ----------
    z : ndarray, shape (m, k)
        Regressors with effects removed.
    fit : Fit
    df_resid : int
    unit, at : ndarray of int, shape (m,)
        The panel's unit and period of each row: a unit that is in several stacks is one cluster.
    effects : StackEffects
    cov : {"classic", "robust", "cluster"}
    cluster, rule
        As in `digicarbon.numeric.linear.covariance`.
    """
    if cov == "classic":
        return fit.ssr / df_resid * fit.inverse, None
    nobs, k = z.shape
    scaled, e = z @ fit.root, fit.residuals
    if rule == "hc3":
        e = e / (1 - leverages(scaled))

    def factor(groups: int, nested: int) -> float:
        return small_sample_factor(rule, groups, nobs, k, effects.rank, nested)

    if cov == "robust":
        return fit.root @ white(scaled, e) @ fit.root.T * factor(nobs, 0), None
    scores = scaled * e[:, None]
    units, periods = (np.unique(codes, return_inverse=True)[1] for codes in (unit, at))
    n, t = int(units.max()) + 1, int(periods.max()) + 1
    of_units, of_periods = effects.units - effects.stacks, effects.periods - effects.stacks
    if cluster != "both":
        codes, groups, nested = (units, n, of_units) if cluster == "unit" else (periods, t, of_periods)
        return fit.root @ _summed(scores, codes) @ fit.root.T * factor(groups, nested), groups
    cells = np.unique(units * t + periods, return_inverse=True)[1]
    own = rule == "sss"
    parts = [
        sign * factor(groups if own else min(n, t), of_units + of_periods) * _summed(scores, codes)
        for sign, codes, groups in ((1, units, n), (1, periods, t), (-1, cells, nobs))
    ]
    return nearest_semidefinite(fit.root @ sum(parts) @ fit.root.T)[0], min(n, t)


def _summed(scores: FloatArray, codes: IntArray) -> FloatArray:
    """Return the cross product of sums of scores by group."""
    sums = np.zeros((int(codes.max()) + 1, scores.shape[1]))
    np.add.at(sums, codes, scores)
    return np.asarray(sums.T @ sums)
