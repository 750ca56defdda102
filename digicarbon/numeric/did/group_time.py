"""Effects of cohorts in single periods by Callaway and Sant'Anna (2021), with outcome regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
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


@dataclass(frozen=True, eq=False)
class _Cell:
    """A cohort in a period.

    Attributes
    ----------
    cohort, event : int
        Its first treated period, and periods since then.
    place, start : int
        The period, and the one that it is compared with.
    own, others : ndarray of bool, shape (N,)
        Treated units, and units of comparison.
    """

    cohort: int
    event: int
    place: int
    start: int
    own: NDArray[np.bool_]
    others: NDArray[np.bool_]

    @cached_property
    def units(self) -> float:
        """Units of the cohort."""
        return float(self.own.sum())

    @property
    def earlier(self) -> int:
        """The period whose controls are taken."""
        return min(self.place, self.start)


@dataclass(frozen=True, eq=False)
class Comparisons:
    """What cohorts are compared with in which periods.

    Attributes
    ----------
    cells : tuple of _Cell
    groups : tuple of ndarray of int
        Cells with the same units of comparison.
    code : ndarray of int, shape (rows,)
        Each row's place among the periods.
    periods : int
    """

    cells: tuple[_Cell, ...]
    groups: tuple[IntArray, ...]
    code: IntArray
    periods: int


def comparisons(
    at: IntArray,
    first: IntArray,
    compare: Compare = "never",
    base: Base = "varying",
    anticipation: int = 0,
    reference: int = -1,
) -> Comparisons:
    """Return what the effect of each cohort in each period is made of.

    Parameters
    ----------
    at : ndarray of int, shape (rows,)
        The place of each row's period on the calendar.
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
    """
    periods, code = np.unique(at, return_inverse=True)
    cells: list[_Cell] = []
    groups: dict[bytes, list[int]] = {}
    for cohort in np.unique(first[first <= periods[-1]]).tolist():
        fixed = np.flatnonzero(periods <= cohort + reference - anticipation)
        if not len(fixed):
            continue
        own = first == cohort
        for place, period in enumerate(periods.tolist()):
            before = period < cohort - anticipation and base == "varying"
            start = place - 1 if before else int(fixed[-1])
            if start < 0 or start == place:
                continue
            last = int(max(period, periods[start])) + anticipation
            others = first == NEVER if compare == "never" else (first > last) & ~own
            groups.setdefault(others.tobytes(), []).append(len(cells))
            cells.append(_Cell(cohort, period - cohort, place, start, own, others))
    return Comparisons(tuple(cells), tuple(map(np.array, groups.values())), code, len(periods))


def group_time(y: FloatArray, x: FloatArray, unit: IntArray, chosen: Comparisons) -> GroupTime:
    """Return the effect of each cohort in each period.

    Parameters
    ----------
    y : ndarray, shape (rows,)
    x : ndarray, shape (rows, k)
        Controls; those of the earlier of two periods are taken.
    unit : ndarray of int, shape (rows,)
        Each row's unit; rows are sorted by unit, then by period.
    chosen : Comparisons

    Notes
    -----
    In a cell the change of y since the base period is regressed on the controls among units of comparison; its effect
    is the mean of what treated units changed beyond this. Units that lack one of the two periods are left out of a
    cell. The influence of a treated unit is (r - ATT)/n, of a unit of comparison -e x′(X′X)⁻¹x̄, x̄ the mean of the
    treated.
    """
    n, cells = int(unit[-1]) + 1, chosen.cells
    wide = np.full((n, chosen.periods), np.nan)
    wide[unit, chosen.code] = y
    known = np.full((n, chosen.periods, 1 + x.shape[1]), np.nan)
    known[unit, chosen.code] = np.column_stack([np.ones(len(y)), x])
    att, influence = np.full(len(cells), np.nan), np.zeros((n, len(cells)))
    for group in chosen.groups:
        some = [cells[at] for at in group.tolist()]
        together = _together(wide, known, some) if len(y) == wide.size else None
        att[group], influence[:, group] = _one_by_one(wide, known, some) if together is None else together
    there = np.isfinite(att)
    kept = [cell for cell, is_there in zip(cells, there.tolist(), strict=True) if is_there]
    cohorts, events = np.array([(cell.cohort, cell.event) for cell in kept], dtype=np.int64).reshape(-1, 2).T
    units = np.array([cell.units for cell in kept])
    left_out = len(cells) - len(kept)
    return GroupTime(Cells(cohorts, events, units, units), att[there], influence[:, there], left_out)


def _one_by_one(wide: FloatArray, known: FloatArray, cells: Sequence[_Cell]) -> tuple[FloatArray, FloatArray]:
    """Return the effects of cells, not-a-number where they are not identified, and the influence of units on them."""
    att, influence = np.full(len(cells), np.nan), np.zeros((len(wide), len(cells)))
    for at, cell in enumerate(cells):
        change = wide[:, cell.place] - wide[:, cell.start]
        result = _cell(change, known[:, cell.earlier], cell.own, cell.others)
        if result is not None:
            att[at], influence[:, at] = result
    return att, influence


def _together(wide: FloatArray, known: FloatArray, cells: Sequence[_Cell]) -> tuple[FloatArray, FloatArray] | None:
    """Return what `_one_by_one` does, for cells of a balanced panel with the same units of comparison.

    None where these do not identify the effect of each cell.
    """
    others, k = cells[0].others, known.shape[2]
    if others.sum() < k:
        return None
    # changes between the same periods, and controls of the same period, are those of several cells
    pairs, pair = np.unique([(cell.place, cell.start) for cell in cells], axis=0, return_inverse=True)
    times, time = np.unique(pairs.min(axis=1), return_inverse=True)
    design = known[:, times].transpose(1, 0, 2)
    if k == 1:
        inverse = np.full((len(times), 1, int(others.sum())), 1 / others.sum())
    else:
        left, sizes, right = np.linalg.svd(design[:, others], full_matrices=False)
        if (sizes[:, -1] <= 1e-10 * sizes[:, 0]).any():
            return None
        inverse = (left / sizes[:, None] @ right).transpose(0, 2, 1)
    change = (wide[:, pairs[:, 0]] - wide[:, pairs[:, 1]]).T
    beta = inverse[time] @ change[:, others, None]
    beyond = (change - (design[time] @ beta)[:, :, 0])[pair]
    cohorts = {cell.cohort: cell.own for cell in cells}
    share = np.stack([own / own.sum() for own in cohorts.values()])
    of_cell = [list(cohorts).index(cell.cohort) for cell in cells]
    att = np.einsum("cn,cn->c", share[of_cell], beyond)
    influence = share[of_cell] * (beyond - att[:, None])
    means = share @ design
    lines = means[time[pair], of_cell][:, None] @ inverse[time[pair]]
    influence[:, others] = -beyond[:, others] * lines[:, 0]
    return att, influence.T


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
