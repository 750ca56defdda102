"""Effects of cohorts in single periods by Callaway and Sant'Anna (2021), with outcome regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.did.aggregation import NEVER, Cells

Compare = Literal["never", "not_yet"]
Base = Literal["varying", "universal"]


@dataclass(frozen=True, eq=False)
class GroupTime:
    """Effects of cohorts in periods.

    Attributes
    ----------
    cells : Cells
    att : ndarray, shape (cells,)
    influence : ndarray, shape (N, cells)
        Of units; its cross product is the covariance of the effects.
    left_out : int
        Cells that lack a comparison.
    """

    cells: Cells
    att: FloatArray
    influence: FloatArray
    left_out: int


def group_time(
    y: FloatArray,
    x: FloatArray,
    unit: IntArray,
    at: IntArray,
    first: IntArray,
    compare: Compare = "never",
    base: Base = "varying",
    anticipation: int = 0,
    reference: int = -1,
) -> GroupTime:
    """Return the effect of each cohort in each period.

    Parameters
    ----------
    y : ndarray, shape (rows,)
    x : ndarray, shape (rows, k)
        Controls; those of the earlier of two periods are taken.
    unit, at : ndarray of int, shape (rows,)
        Each row's unit, and the place of its period on the calendar.
    first : ndarray of int, shape (N,)
        Each unit's first treated period; `NEVER` for none.
    compare : {"never", "not_yet"}
        With units that are never treated, or with all that are not treated yet.
    base : {"varying", "universal"}
        What periods before the policy are compared with: the period before them, or the reference as all others.
    anticipation : int
        Periods before the first one in which units may react already.
    reference : int
        The event time, before any anticipation, that periods under the policy are compared with.

    Notes
    -----
    In a cell the change of y since the base period is regressed on the controls among units of comparison; its effect
    is the mean of what treated units changed beyond this. Units that lack one of the two periods are left out of a
    cell. The influence of a treated unit is (r - ATT)/n, of a unit of comparison -e x′(X′X)⁻¹x̄, x̄ the mean of the
    treated.
    """
    periods, code = np.unique(at, return_inverse=True)
    wide = np.full((len(first), len(periods)), np.nan)
    wide[unit, code] = y
    known = np.full((len(first), len(periods), 1 + x.shape[1]), np.nan)
    known[unit, code] = np.column_stack([np.ones(len(y)), x])
    cells: list[tuple[int, int, float]] = []
    effects: list[float] = []
    columns: list[FloatArray] = []
    left_out = 0
    for cohort in np.unique(first[first <= periods[-1]]).tolist():
        fixed = np.flatnonzero(periods <= cohort + reference - anticipation)
        if not len(fixed):
            continue
        units = float((first == cohort).sum())
        for place, period in enumerate(periods.tolist()):
            before = period < cohort - anticipation and base == "varying"
            start = place - 1 if before else int(fixed[-1])
            if start < 0 or start == place:
                continue
            last = int(max(period, periods[start])) + anticipation
            others = first == NEVER if compare == "never" else (first > last) & (first != cohort)
            cell = _cell(wide[:, place] - wide[:, start], known[:, min(place, start)], first == cohort, others)
            if cell is None:
                left_out += 1
                continue
            cells.append((cohort, period - cohort, units))
            effects.append(cell[0])
            columns.append(cell[1])
    table = np.array(cells, dtype=np.float64).reshape(-1, 3)
    whole = table[:, :2].astype(np.int64)
    influence = np.column_stack(columns) if columns else np.empty((len(first), 0))
    return GroupTime(Cells(whole[:, 0], whole[:, 1], table[:, 2], table[:, 2]), np.array(effects), influence, left_out)


def _cell(
    change: FloatArray, z: FloatArray, treated: NDArray[np.bool_], others: NDArray[np.bool_]
) -> tuple[float, FloatArray] | None:
    """Return the effect of a cell and the influence of units on it, shape (N,); None where it is not identified."""
    here = np.isfinite(change) & np.isfinite(z).all(axis=1)
    treated, others = treated & here, others & here
    design = z[others]
    if not treated.any() or len(design) < z.shape[1]:
        return None
    if z.shape[1] == 1:
        inverse = np.full((1, len(design)), 1 / len(design))
    else:
        left, sizes, right = np.linalg.svd(design, full_matrices=False)
        if sizes[-1] <= 1e-10 * sizes[0]:
            return None
        inverse = right.T @ (left / sizes).T
    beta = inverse @ change[others]
    beyond = change - z @ beta
    att = float(beyond[treated].mean())
    influence = np.zeros(len(change))
    influence[treated] = (beyond[treated] - att) / treated.sum()
    influence[others] = -beyond[others] * (z[treated].mean(axis=0) @ inverse)
    return att, influence
