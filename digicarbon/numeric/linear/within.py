"""Removing unit and time effects from a panel, and finding regressors that vanish or become dependent by this."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import scipy

from digicarbon.arrays import BoolArray, FloatArray, IntArray

EffectsKind = Literal["none", "unit", "time", "two_way"]
GroupedBy = Literal["unit", "time"]
EFFECTS_OF: dict[EffectsKind, tuple[GroupedBy, ...]] = {
    "none": (),
    "unit": ("unit",),
    "time": ("time",),
    "two_way": ("unit", "time"),
}
"""Of what there are effects."""
_CONNECTED = 1e-12
"""Share of the largest eigenvalue below which parts of a panel are not connected."""
FEW_COLUMNS = 100
"""Number of columns up to which their sums over units are found without numpy's general way."""
_EXCHANGED: dict[EffectsKind, EffectsKind] = {"unit": "time", "time": "unit", "two_way": "two_way"}


def fixed_among(effects: str) -> EffectsKind:
    """Return the fixed effects; none where effects are random."""
    return next((kind for kind in EFFECTS_OF if kind == effects), "none")


def demean(cube: FloatArray, effects: EffectsKind) -> FloatArray:
    """Remove fixed effects from balanced columns, shape (T, N, ...).

    The within transformation: unit means over time, period means over units, or both with the grand mean added back
    (Baltagi 2021, eq. 3.3).
    """
    out = cube
    # numpy's mean without the overhead of its method: a fit calls this several times
    if effects in ("unit", "two_way"):
        out = out - np.add.reduce(out, axis=0, keepdims=True) / out.shape[0]
    if effects in ("time", "two_way"):
        means = _sums_over_units(out) / out.shape[1]
        # what unit means were taken from is no longer the caller's
        out = np.subtract(out, means, out=out if effects == "two_way" else None)
    return out


def _sums_over_units(cube: FloatArray) -> FloatArray:
    """Return sums of a cube, shape (T, N, ...), over units, shape (T, 1, ...)."""
    if cube.ndim == 3 and 1 < cube.shape[2] <= FEW_COLUMNS:
        # the same sums, two or three times as fast
        return np.asarray(np.einsum("tnk->tk", cube)[:, None])
    return np.asarray(np.add.reduce(cube, axis=1, keepdims=True))


@dataclass(frozen=True, eq=False)
class Rows:
    """Which unit and period each row of a panel belongs to; rows are sorted by unit, then by period.

    ``unit_codes``, ``period_codes``: shape (rows,). ``n``, ``t``: units and periods, each of which has a row.
    ``calendar``: returns the positions of the periods on the calendar, shape (t,); None if they are consecutive.
    """

    unit_codes: IntArray
    period_codes: IntArray
    n: int
    t: int
    calendar: Callable[[], IntArray] | None = None

    @property
    def balanced(self) -> bool:
        """Whether each unit has each period."""
        return len(self.unit_codes) == self.n * self.t

    def groups(self, by: GroupedBy) -> tuple[IntArray, int]:
        """Return each row's unit or period, and how many there are."""
        return (self.unit_codes, self.n) if by == "unit" else (self.period_codes, self.t)

    def before(self, lag: int) -> IntArray:
        """Return the row of the same unit ``lag`` periods before each row, shape (rows,); -1 where there is none."""
        at = self.period_codes if self.calendar is None else self.calendar()[self.period_codes]
        return rows_before(self.unit_codes, at, lag)

    def some(self, keep: BoolArray) -> Rows:
        """Return the units and periods of those rows that are kept, shape (rows,)."""
        units, unit_codes = np.unique(self.unit_codes[keep], return_inverse=True)
        periods, period_codes = np.unique(self.period_codes[keep], return_inverse=True)
        calendar = None if self.calendar is None else partial(np.take, self.calendar(), periods)
        return Rows(unit_codes, period_codes, len(units), len(periods), calendar)

    def sums(self, columns: FloatArray, by: GroupedBy) -> FloatArray:
        """Return sums of columns, shape (rows, k), by unit or period: shape (groups, k)."""
        if self.balanced:
            return np.asarray(columns.reshape(self.n, self.t, -1).sum(axis=1 if by == "unit" else 0))
        codes, groups = self.groups(by)
        membership = scipy.sparse.csr_array(
            (np.ones(len(codes)), (codes, np.arange(len(codes)))), shape=(groups, len(codes))
        )
        return np.asarray(membership @ columns)

    def means(self, columns: FloatArray, by: GroupedBy) -> FloatArray:
        """Return means of columns, shape (rows, k), by unit or period: shape (groups, k)."""
        codes, groups = self.groups(by)
        return self.sums(columns, by) / np.bincount(codes, minlength=groups)[:, None]


def rows_before(unit_codes: IntArray, at: IntArray, lag: int) -> IntArray:
    """Return the row of the same unit ``lag`` periods before each row, shape (rows,); -1 where there is none.

    ``at`` is the place of each row's period on the calendar; a negative lag is a lead.
    """
    row_of = np.full((int(unit_codes.max()) + 1, int(at.max()) + 1), -1, dtype=np.int64)
    row_of[unit_codes, at] = np.arange(len(at))
    target = at - lag
    inside = (target >= 0) & (target < row_of.shape[1])
    return np.where(inside, row_of[unit_codes, np.where(inside, target, 0)], -1)


def absorb(columns: FloatArray, rows: Rows, effects: EffectsKind) -> FloatArray:
    """Remove fixed effects from columns of a panel that need not be balanced, shape (rows, k).

    Two-way effects of an unbalanced panel: the dummies of the smaller dimension are demeaned by the larger one and
    partialled out of the demeaned columns (Frisch, Waugh and Lovell), which is exact.
    """
    if effects == "none":
        return columns
    if rows.balanced:
        cube = columns.reshape(rows.n, rows.t, -1)
        # here units come first, in `demean` periods: the two kinds of effects are exchanged
        return demean(cube, _EXCHANGED[effects]).reshape(columns.shape)
    if effects != "two_way":
        return columns - rows.means(columns, effects)[rows.groups(effects)[0]]
    large: GroupedBy = "unit" if rows.n >= rows.t else "time"
    small: GroupedBy = "time" if large == "unit" else "unit"
    # Frisch, Waugh and Lovell: dummies of the smaller dimension, which are few, without the means of the larger one
    codes, groups = rows.groups(small)
    both = np.column_stack([columns, np.eye(groups)[codes]])
    both = both - rows.means(both, large)[rows.groups(large)[0]]
    inner, dummies = both[:, : columns.shape[1]], both[:, columns.shape[1] :]
    return np.asarray(inner - dummies @ np.linalg.lstsq(dummies, inner, rcond=None)[0])


def absorb_weighted(columns: FloatArray, rows: Rows, effects: EffectsKind, weights: FloatArray) -> FloatArray:
    """Remove fixed effects by weighted least squares.

    ``columns``: shape (rows, k). ``weights``, shape (rows,): positive. Returns shape (rows, k): orthogonal to the
    dummies of effects if rows are weighted; not yet scaled.

    Weights of a balanced panel that are a number of the unit times one of the period have a closed form: weighted means
    are removed by one dimension, then by the other. Otherwise the dummies of the smaller dimension are partialled out
    of columns without the larger one, by their normal equations. A second pass removes what rounding has left.
    """
    if effects == "none":
        return columns
    by = EFFECTS_OF[effects]
    if effects != "two_way" or _of_products(rows, weights):
        for one in by:
            columns = columns - _weighted_means(columns, rows, one, weights)
        return columns
    large: GroupedBy = "unit" if rows.n >= rows.t else "time"
    small: GroupedBy = "time" if large == "unit" else "unit"
    (outer, many), (codes, groups) = rows.groups(large), rows.groups(small)
    scale = 1 / np.sqrt(np.bincount(codes, weights))
    # scaled to correlations: a period of small weights must not be taken for one without
    cells = scale[codes] * weights / np.sqrt(np.bincount(outer, weights))[outer]
    links = scipy.sparse.csr_array((cells, (outer, codes)), shape=(many, groups))
    gram = np.eye(groups) - (links.T @ links).toarray()
    for _ in range(2):
        columns = columns - _weighted_means(columns, rows, large, weights)
        sums = scale[:, None] * rows.sums(weights[:, None] * columns, small)
        columns = columns - (scale[:, None] * np.linalg.lstsq(gram, sums, rcond=_CONNECTED)[0])[codes]
    return np.asarray(columns - _weighted_means(columns, rows, large, weights))


def _of_products(rows: Rows, weights: FloatArray) -> bool:
    """Return whether each weight of a balanced panel is a number of its unit times one of its period."""
    if not rows.balanced:
        return False
    square = weights.reshape(rows.n, rows.t)
    products = np.outer(square.sum(axis=1), square.sum(axis=0)) / square.sum()
    return bool(np.allclose(square, products, rtol=1e-13, atol=0))


def _weighted_means(columns: FloatArray, rows: Rows, by: GroupedBy, weights: FloatArray) -> FloatArray:
    """Return each row's weighted mean of its unit or period, shape (rows, k)."""
    sums = rows.sums(np.column_stack([weights[:, None] * columns, weights]), by)
    return np.asarray((sums[:, :-1] / sums[:, -1:])[rows.groups(by)[0]])


def absorbed_rank(rows: Rows, effects: EffectsKind) -> int:
    """Return how many parameters the fixed effects of any panel use: two-way ones N + T less the connected parts."""
    if effects != "two_way" or rows.balanced:
        return absorbed_count(rows.n, rows.t, effects)
    ones, nodes = np.ones(len(rows.unit_codes)), rows.n + rows.t
    links = scipy.sparse.csr_array((ones, (rows.unit_codes, rows.n + rows.period_codes)), shape=(nodes, nodes))
    return nodes - int(scipy.sparse.csgraph.connected_components(links, directed=False)[0])


def without_effects(
    columns: FloatArray, unit_codes: IntArray, period_codes: IntArray, effects: EffectsKind
) -> tuple[FloatArray, int]:
    """Return columns less the least-squares fit of unit and period dummies, or of a constant, and the dummies' rank.

    Columns have the shape (rows, k), codes (rows,); rows are sorted by unit, then by period.
    """
    if effects == "none":
        return columns - columns.mean(axis=0), 1
    rows = Rows(unit_codes, period_codes, int(unit_codes.max()) + 1, int(period_codes.max()) + 1)
    return absorb(columns, rows, effects), absorbed_rank(rows, effects)


def centred(matrix: FloatArray) -> FloatArray:
    """Return JAJ, J = I - 11′/N, for A of shape (N, N): the operator A among deviations from the mean over units."""
    rows = matrix - matrix.mean(axis=0, keepdims=True)
    return np.asarray(rows - rows.mean(axis=1, keepdims=True))


def absorbed_count(n: int, t: int, effects: EffectsKind) -> int:
    """Return how many parameters the fixed effects use: N, T or N + T - 1."""
    return {"none": 0, "unit": n, "time": t, "two_way": n + t - 1}[effects]


def clearly_independent(within: FloatArray, before: FloatArray) -> bool:
    """Return whether columns are so far from vanishing and from dependence that no further check is needed.

    ``within``, ``before``, shape (rows, k): the demeaned columns and the columns before.
    """
    return clear_products(within.T @ within, np.einsum("ij,ij->j", before, before))


def clear_products(gram: FloatArray, squares: FloatArray) -> bool:
    """Return what `clearly_independent` does, from inner products.

    ``gram``, shape (k, k): of the demeaned columns. ``squares``, shape (k,): sums of squares of the columns before.
    """
    own = gram.diagonal()
    if vanish(own, squares):
        return False
    factor, failed = scipy.linalg.lapack.dpotrf(gram, lower=0)
    return bool(not failed and (factor.diagonal() > 1e-5 * np.sqrt(own)).all())


def varies(within: FloatArray, before: FloatArray) -> bool:
    """Return whether an outcome varies by more than rounding once effects are removed.

    ``within``, ``before``: the demeaned outcome and the outcome before, each with an element for each row.
    """
    spread = float(np.maximum.reduce(within, axis=None) - np.minimum.reduce(within, axis=None))
    size = max(float(np.maximum.reduce(before, axis=None)), -float(np.minimum.reduce(before, axis=None)), 1.0)
    return not spread < 1e-12 * size


def vanish(own: FloatArray, before: FloatArray) -> bool:
    """Return whether some columns may vanish by demeaning, from sums of squares after and before it, shape (k,)."""
    return not (own > 1e-12 * before).all()


def vanishing(within: FloatArray, before: FloatArray, tolerance: float = 1e-9) -> list[int]:
    """Return the columns whose variation vanishes by demeaning.

    ``within``, ``before``, shape (rows, k): the demeaned columns and the columns before. ``tolerance``: largest ratio
    of norms that counts as no variation.
    """
    size = np.linalg.norm(before, axis=0)
    rest = np.linalg.norm(within, axis=0)
    return [int(j) for j in np.flatnonzero(rest <= tolerance * np.where(size > 0, size, 1.0))]


def singular(within: FloatArray, before: FloatArray) -> bool:
    """Return whether columns vanish or depend on each other; arguments as in `vanishing`."""
    return not clearly_independent(within, before) and bool(vanishing(within, before) or dependent(within))


def dependent(columns: FloatArray, tolerance: float = 1e-8) -> list[tuple[int, list[int]]]:
    """Return each column that is a linear combination of columns before it, with those columns.

    ``columns``, shape (rows, k): None of them zero. ``tolerance``: largest residual norm, relative to the column's own,
    that counts as dependence.
    """
    scaled = columns / np.linalg.norm(columns, axis=0)
    independent: list[int] = []
    result: list[tuple[int, list[int]]] = []
    for j in range(scaled.shape[1]):
        base = scaled[:, independent]
        weights = np.linalg.lstsq(base, scaled[:, j], rcond=None)[0]
        if np.linalg.norm(scaled[:, j] - base @ weights) <= tolerance:
            result.append((j, [independent[i] for i in np.flatnonzero(np.abs(weights) > 1e-6)]))
        else:
            independent.append(j)
    return result
