"""Effects of cohorts in single periods by Callaway and Sant'Anna (2021), with outcome regression."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.did.aggregation import NEVER, Aggregation, Cells, influence_of_means

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
    """How the effect of a cell is made of the outcome in two periods.

    Attributes
    ----------
    place, start : int
        The period, and the one it is compared with.
    own, others : ndarray of int
        Treated units and units of comparison that have both.
    share : ndarray, shape (own,)
        Weights of treated units in their mean.
    design : ndarray, shape (own + others, 1 + k)
    inverse : ndarray, shape (1 + k, others)
        From what the outcome of comparisons changed to the coefficients.
    """

    place: int
    start: int
    own: IntArray
    others: IntArray
    share: FloatArray
    design: FloatArray
    inverse: FloatArray


class GroupTimes:
    """The comparison of each cohort in each period.

    Parameters
    ----------
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
    weight : ndarray, shape (N,), or None
        Weights of units in regressions, means and sizes of cohorts; None: all alike.

    Attributes
    ----------
    cells : Cells
    left_out : int
        Cells that lack a comparison.

    Notes
    -----
    In a cell the change of y since the base period is regressed on the controls among units of comparison; its effect
    is the mean of what treated units changed beyond this. Units that lack one of the two periods are left out of a
    cell. The influence of a treated unit is (r - ATT)/n, of a unit of comparison -e x′(X′X)⁻¹x̄, x̄ the mean of the
    treated.
    """

    def __init__(
        self,
        x: FloatArray,
        unit: IntArray,
        at: IntArray,
        first: IntArray,
        compare: Compare = "never",
        base: Base = "varying",
        anticipation: int = 0,
        reference: int = -1,
        weight: FloatArray | None = None,
    ) -> None:
        periods, code = np.unique(at, return_inverse=True)
        self._unit, self._code, self._first = unit, code, first
        self._weight = np.ones(len(first)) if weight is None else weight
        known = np.full((len(first), len(periods), 1 + x.shape[1]), np.nan)
        known[unit, code] = np.column_stack([np.ones(len(unit)), x])
        cells: list[tuple[int, int, float]] = []
        self._cells: list[_Cell] = []
        self.left_out = 0
        for cohort in np.unique(first[first <= periods[-1]]).tolist():
            fixed = np.flatnonzero(periods <= cohort + reference - anticipation)
            if not len(fixed):
                continue
            units = float(self._weight[first == cohort].sum())
            for place, period in enumerate(periods.tolist()):
                before = period < cohort - anticipation and base == "varying"
                start = place - 1 if before else int(fixed[-1])
                if start < 0 or start == place:
                    continue
                last = int(max(period, periods[start])) + anticipation
                others = first == NEVER if compare == "never" else (first > last) & (first != cohort)
                cell = self._cell(known, place, start, first == cohort, others)
                if cell is None:
                    self.left_out += 1
                    continue
                cells.append((cohort, period - cohort, units))
                self._cells.append(cell)
        table = np.array(cells, dtype=np.float64).reshape(-1, 3)
        whole = table[:, :2].astype(np.int64)
        self.cells = Cells(whole[:, 0], whole[:, 1], table[:, 2], table[:, 2])

    def fit(self, y: FloatArray) -> GroupTime:
        """Return the effect of each cohort in each period; y of shape (rows,)."""
        pairs = list(self._fits(y[:, None]))
        att = np.array([effect[0] for effect, _ in pairs])
        none = np.empty((len(self._first), 0))
        influence = np.column_stack([one for _, one in pairs]) if pairs else none
        return GroupTime(self.cells, att, influence, self.left_out)

    def means(self, chosen: Aggregation, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the overall effect and the means of many outcomes, and the influence of units on them.

        Parameters
        ----------
        chosen : Aggregation
        y : ndarray, shape (rows, M)

        Returns
        -------
        ndarray, shape (1 + levels, M)
        ndarray, shape (N, 1 + levels, M)
        """
        att = np.empty((len(self._cells), y.shape[1]))
        parts = np.zeros((len(self._first), len(chosen.parts), y.shape[1]))
        for place, (effects, influence) in enumerate(self._fits(y)):
            att[place] = effects
            for mean in np.flatnonzero(chosen.parts[:, place]):
                parts[:, mean] += chosen.parts[mean, place] * influence
        return chosen.weights @ att, influence_of_means(chosen, self.cells, att, parts, self._first, self._weight)

    def _fits(self, y: FloatArray) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield the effect of each cell, shape (M,), and the influence of units on it, shape (N, M)."""
        n = len(self._first)
        wide = np.full((n, int(self._code.max()) + 1, y.shape[1]), np.nan)
        wide[self._unit, self._code] = y
        for cell in self._cells:
            count = len(cell.own)
            used = np.concatenate([cell.own, cell.others])
            change = wide[used, cell.place] - wide[used, cell.start]
            beyond = change - cell.design @ (cell.inverse @ change[count:])
            att = cell.share @ beyond[:count]
            influence = np.zeros((n, y.shape[1]))
            influence[cell.own] = cell.share[:, None] * (beyond[:count] - att)
            line = (cell.share @ cell.design[:count]) @ cell.inverse
            influence[cell.others] = -beyond[count:] * line[:, None]
            yield att, influence

    def _cell(
        self, known: FloatArray, place: int, start: int, treated: NDArray[np.bool_], others: NDArray[np.bool_]
    ) -> _Cell | None:
        """Return how the effect of a cell is made; None where it is not identified."""
        z = known[:, min(place, start)]
        here = np.isfinite(z).all(axis=1) & np.isfinite(known[:, [place, start], 0]).all(axis=1)
        own, compared = np.flatnonzero(treated & here), np.flatnonzero(others & here)
        if not len(own) or len(compared) < z.shape[1]:
            return None
        weight = self._weight[compared]
        if z.shape[1] == 1:
            inverse = (weight / weight.sum())[None, :]
        else:
            root = np.sqrt(weight)
            left, sizes, right = np.linalg.svd(z[compared] * root[:, None], full_matrices=False)
            if sizes[-1] <= 1e-10 * sizes[0]:
                return None
            inverse = right.T @ (left / sizes).T * root
        share = self._weight[own] / self._weight[own].sum()
        return _Cell(place, start, own, compared, share, z[np.concatenate([own, compared])], inverse)
