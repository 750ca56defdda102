"""Effects of cohorts in single periods by Callaway and Sant'Anna (2021), with outcome regression."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.resampling.null_model import without
from digicarbon.numeric.slices import slices
from digicarbon.packs.policies.numeric.aggregation import NEVER, Aggregation, Cells, influence_of_means

Compare = Literal["never", "not_yet"]
Base = Literal["varying", "universal"]


@dataclass(frozen=True, eq=False)
class Comparisons:
    """What cohorts are compared with in which periods."""

    code: IntArray
    """Each row's place among the periods, shape (rows,)."""
    first: IntArray
    """Each unit's first treated period; `NEVER` for none. Shape (N,)."""
    cohort: IntArray
    event: IntArray
    """`cohort`, `event`: the cohort of a cell, and periods since it came under the policy, shape (cells,)."""
    place: IntArray
    start: IntArray
    """`place`, `start`: the period, and the one that it is compared with, shape (cells,)."""
    sets: NDArray[np.bool_]
    """Units of comparison, shape (sets, N)."""
    chosen: IntArray
    """The set of a cell, shape (cells,)."""


def comparisons(
    at: IntArray,
    first: IntArray,
    compare: Compare = "never",
    base: Base = "varying",
    anticipation: int = 0,
    reference: int = -1,
) -> Comparisons:
    """Return what cohorts are compared with in which periods.

    ``at``: the place of each row's period on the calendar, shape (rows,). ``first``: each unit's first treated period;
    `NEVER` for none; shape (N,). ``compare``: with units that are never treated, or with all that are not treated yet.
    ``base``: periods before the policy are compared with the period before them, or with the reference as all others.
    ``anticipation``: periods before the first one in which units may react already. ``reference``: the event time,
    before any anticipation, that periods under the policy are compared with.
    """
    periods, code = np.unique(at, return_inverse=True)
    cells: list[tuple[int, int, int, int, int]] = []
    # the last period in which a unit of comparison is not treated, and the cohort that is none
    sets: dict[tuple[int, int], int] = {}
    for cohort in np.unique(first[first <= periods[-1]]).tolist():
        fixed = np.flatnonzero(periods <= cohort + reference - anticipation)
        if not len(fixed):
            continue
        for place, period in enumerate(periods.tolist()):
            before = period < cohort - anticipation and base == "varying"
            start = place - 1 if before else int(fixed[-1])
            if start < 0 or start == place:
                continue
            last = int(max(period, periods[start])) + anticipation
            # a cohort that is treated by then is none of the units anyway
            key = (NEVER - 1, NEVER) if compare == "never" else (last, cohort if cohort > last else NEVER)
            cells.append((cohort, period - cohort, place, start, sets.setdefault(key, len(sets))))
    table = np.array(cells, dtype=np.int64).reshape(-1, 5)
    units = [(first > last) & ((first != but) | (but == NEVER)) for last, but in sets]
    cohorts, events, places, starts, chosen = table.T
    masks = np.array(units, dtype=bool).reshape(len(sets), len(first))
    return Comparisons(code, first, cohorts, events, places, starts, masks, chosen)


class GroupTimes:
    """The comparison of each cohort in each period.

    ``x``: controls, of which those of the earlier of two periods are taken, shape (rows, k). ``unit``: shape (rows,).
    ``weight``: of units in regressions, means and sizes of cohorts; None: all alike; shape (N,).

    ``left_out``: cells that lack a comparison. ``dropped``: controls that have no coefficient in a cell, since among
    its units of comparison they are constant, or depend on others before them; shape (cells, k). ``half``: cells whose
    standard error has one side of the comparison alone: a cohort of one unit, or no more units of comparison than their
    regression has coefficients, does not differ from what is computed of it; shape (cells,).

    In a cell the change of y since the base period is regressed on the controls among units of comparison; its effect
    is the mean of what treated units changed beyond this. Units that lack one of the two periods are left out of a
    cell, and so are controls that its units of comparison do not identify. The influence of a treated unit is
    (r - ATT)/n, of a unit of comparison -e x′(X′X)⁻¹x̄, x̄ the mean of the treated.
    """

    def __init__(self, x: FloatArray, unit: IntArray, compared: Comparisons, weight: FloatArray | None = None) -> None:
        first, code = compared.first, compared.code
        n, t = len(first), int(code.max()) + 1
        self._unit, self._code, self._first = unit, code, first
        self._weight = np.ones(n) if weight is None else weight
        self._known = np.zeros((t, n, 1 + x.shape[1]))
        self._known[code, unit, 0] = 1.0
        self._known[code, unit, 1:] = x
        present = self._known[:, :, 0] > 0
        # a regression is that of all cells with its units, and controls of its period
        pairs = np.column_stack([compared.place, compared.start])
        early, late = pairs.min(axis=1), np.zeros_like(compared.place) if present.all() else pairs.max(axis=1)
        some, own = np.unique((compared.chosen * t + early) * t + late, return_index=True, return_inverse=True)[1:]
        others = compared.sets[compared.chosen[some]] & present[early[some]] & present[pairs[some].max(axis=1)]
        inverse, identified, dropped = self._inverses(early[some], others)
        treated = (first == compared.cohort[:, None]) & present[compared.place] & present[compared.start]
        keep = identified[own] & treated.any(axis=1)
        self.left_out = int((~keep).sum())
        self._place, self._start, self._early = compared.place[keep], compared.start[keep], early[keep]
        share = treated[keep] * self._weight
        self._share = share / share.sum(axis=1, keepdims=True)
        self._inverse, self._regression = inverse, own[keep]
        self.dropped = dropped[self._regression]
        spent = others.sum(axis=1) <= 1 + (~dropped).sum(axis=1)
        self.half = spent[self._regression] | (treated[keep].sum(axis=1) < 2)
        means = np.einsum("cn,cnk->ck", self._share, self._known[self._early])
        # what is beyond the regression in a unit moves the effect by this
        self._moves = self._share - (means[:, None] @ inverse[self._regression])[:, 0]
        cohort = compared.cohort[keep]
        units = (first == cohort[:, None]) @ self._weight
        self.cells = Cells(cohort, compared.event[keep], units, units)

    @property
    def nbytes(self) -> int:
        """The size of its arrays."""
        return sum(array.nbytes for array in vars(self).values() if isinstance(array, np.ndarray))

    def fit(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the effect of each cohort in each period, and the influence of units; y of shape (rows,).

        The cross product of the influence, shape (N, cells), is the covariance of the effects.
        """
        att, influence = np.empty(len(self._place)), np.empty((len(self._first), len(self._place)))
        for some, effects, of_units in self._fits(y[:, None]):
            att[some], influence[:, some] = effects[:, 0], of_units[..., 0].T
        return att, influence

    def means(self, chosen: Aggregation, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return overall effect and means of outcomes, (1 + levels, M), and units' influence, (N, 1 + levels, M)."""
        att = np.empty((len(self._place), y.shape[1]))
        parts = np.zeros((len(chosen.parts), len(self._first), y.shape[1]))
        for some, effects, influence in self._fits(y):
            att[some] = effects
            parts += np.tensordot(chosen.parts[:, some], influence, 1)
        moved = influence_of_means(chosen, self.cells, att, parts.transpose(1, 0, 2), self._first, self._weight)
        return chosen.weights @ att, moved

    def _fits(self, y: FloatArray) -> Iterator[tuple[slice, FloatArray, FloatArray]]:
        """Yield cells, their effects, shape (cells, M), and the influence of units on them, shape (cells, N, M)."""
        t, n, k = self._known.shape
        wide = np.zeros((t, n, y.shape[1]))
        wide[self._code, self._unit] = y
        for some in slices(len(self._place), 2**20 // (n * (y.shape[1] + k))):
            change = wide[self._place[some]] - wide[self._start[some]]
            slopes = self._inverse[self._regression[some]] @ change
            beyond = change - self._known[self._early[some]] @ slopes
            share = self._share[some]
            att = np.einsum("cn,cnm->cm", share, beyond)
            yield some, att, self._moves[some, :, None] * beyond - share[:, :, None] * att[:, None]

    def _inverses(
        self, time: IntArray, others: NDArray[np.bool_]
    ) -> tuple[FloatArray, NDArray[np.bool_], NDArray[np.bool_]]:
        """Return what makes coefficients of the outcomes of all units, whether these are enough, and what is not used.

        ``time``: the period of the controls, shape (regressions,). ``others``: shape (regressions, N). The result is
        zero in the rows of controls that are not used, shape (regressions, 1 + k, N); shape (regressions,); shape
        (regressions, k).
        """
        k = self._known.shape[2]
        enough = others.sum(axis=1) >= k
        dropped = np.zeros((len(time), k - 1), dtype=bool)
        if k == 1:
            weight = others * self._weight
            total = weight.sum(axis=1)
            return (weight / np.where(total > 0, total, 1.0)[:, None])[:, None], enough, dropped
        root = others * np.sqrt(self._weight)
        columns = self._known[time] * root[:, :, None]
        left, sizes, right = np.linalg.svd(columns, full_matrices=False)
        solved = (left / np.where(sizes > 0, sizes, 1.0)[:, None]) @ right
        inverse = solved.transpose(0, 2, 1) * root[:, None]
        for place in np.flatnonzero(enough & (sizes[:, -1] <= 1e-10 * sizes[:, 0])).tolist():
            kept = independent(columns[place])
            dropped[place] = ~kept[1:]
            inverse[place] = 0.0
            inverse[place, kept] = np.linalg.pinv(columns[place][:, kept]) * root[place]
        return inverse, enough, dropped


def independent(columns: FloatArray) -> NDArray[np.bool_]:
    """Return which columns are no combination of columns before them, shape (k,). ``columns``: shape (n, k)."""
    basis = np.empty((len(columns), 0))
    kept = np.zeros(columns.shape[1], dtype=bool)
    for place, column in enumerate(columns.T):
        left = without(basis, column)
        # once more: the first pass leaves rounding of the size of the column
        left = without(basis, left)
        size = np.linalg.norm(left)
        kept[place] = size > 1e-9 * np.linalg.norm(column)
        if kept[place]:
            basis = np.column_stack([basis, left / size])
    return kept
