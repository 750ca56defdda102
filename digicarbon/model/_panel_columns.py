"""The columns that least squares is run on: within, between, first-difference, dummies, quasi-demeaned."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Literal

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.errors import DataError, EstimationError
from digicarbon.model._absorption import Absorption
from digicarbon.model._observation_weights import Weighting
from digicarbon.note import Note, cut
from digicarbon.numeric.linear.absorbed import Absorber, Groups
from digicarbon.numeric.linear.cluster_leverage import Corrected, corrected
from digicarbon.numeric.linear.covariance import score_sums
from digicarbon.numeric.linear.least_squares import Fit, cholesky, least_squares
from digicarbon.numeric.linear.leverage import clearly_even
from digicarbon.numeric.linear.random_effects import Method, RandomEffects, components, quasi_demean
from digicarbon.numeric.linear.within import (
    EFFECTS_OF,
    EffectsKind,
    Rows,
    absorb,
    absorb_weighted,
    absorbed_rank,
    clear_products,
    vanish,
    varies,
)
from digicarbon.panel import Column, Panel
from digicarbon.result import CONSTANT, DUMMY, REGRESSOR, Role

Estimator = Literal["within", "lsdv", "between", "first_difference"]
Transform = Callable[[FloatArray], FloatArray]
"""Columns of shape (rows, M) with effects removed, or their means or differences."""
MANY = 16
"""Number of focal columns from which their inner products are kept."""


@dataclass(frozen=True, eq=False)
class Columns:
    """What least squares is run on."""

    names: tuple[str, ...]
    """Of the k regressors."""
    values: FloatArray
    """Regressors and the outcome, effects removed. Shape (rows, k + 1)."""
    levels: FloatArray | Callable[[], FloatArray]
    """The same before effects were removed, or what makes it: dozens of dummies are not copied in vain.
    Shape (rows, k + 1)."""
    rows: Rows
    removed: EffectsKind
    """Fixed effects that were removed."""
    absorbed: int = 0
    """How many parameters these are."""
    statistics: dict[str, float] = field(default_factory=dict)
    """Variance components."""
    notes: tuple[Note, ...] = ()
    slopes: int = 0
    """How many of the first regressors have dummies after them that add up to the constant."""
    constant: bool = False
    """Whether the first regressor is the constant."""
    transform: Transform | None = None
    """What made the outcome of ``values`` out of the raw one, where that is linear and depends on nothing else."""
    estimator: Estimator = "within"
    """Of which kind that is."""
    weighting: Weighting | None = None
    """By which rows weigh: those of ``values`` are multiplied by its roots."""
    shared: FloatArray | None = None
    """Inner products of the first columns of ``values`` where these are many, and the same in other models."""
    sizes: FloatArray | None = None
    """Sums of squares of the levels, where they are known. Shape (k + 1,)."""
    y: FloatArray | None = None
    """The level of the outcome, where it is at hand. Shape (rows,)."""
    absorption: Absorption | None = None
    """Further effects that were removed with the fixed ones."""
    clusters: tuple[Groups, ...] = ()
    """Clusters of columns; none where they are units or periods."""

    @cached_property
    def raw(self) -> FloatArray:
        """The columns before effects were removed, shape (rows, k + 1)."""
        return self.levels() if callable(self.levels) else self.levels

    @property
    def outcome(self) -> FloatArray:
        """The outcome before effects were removed, shape (rows,)."""
        return self.raw[:, -1] if self.y is None else self.y

    @property
    def squares(self) -> FloatArray:
        """Sums of squares of the columns before effects were removed, shape (k + 1,)."""
        return np.einsum("ij,ij->j", self.raw, self.raw) if self.sizes is None else self.sizes

    @property
    def without_means(self) -> bool:
        """Whether effects took the means out of all columns."""
        absorbs = self.removed != "none" or self.absorption is not None
        return absorbs and not self.constant and self.weighting is None

    @cached_property
    def gram(self) -> FloatArray:
        """Inner products of the columns of ``values``, shape (k + 1, k + 1)."""
        first = 0 if self.shared is None else len(self.shared)
        if first < MANY:
            return np.asarray(self.values.T @ self.values)
        out = np.empty((self.values.shape[1],) * 2)
        out[:first, :first] = self.shared
        out[first:] = self.values[:, first:].T @ self.values
        out[:first, first:] = out[first:, :first].T
        return out

    @cached_property
    def fit(self) -> Fit:
        """The least-squares fit, which models that differ in their standard errors share."""
        return least_squares(self.values, self.slopes, None if self.slopes else self._cholesky)

    @cached_property
    def _cholesky(self) -> FloatArray | None:
        return cholesky(self.gram)

    @cached_property
    def clear(self) -> bool:
        """Whether regressors are so far from vanishing and from dependence that no further check is needed."""
        own, squares = self.gram.diagonal()[:-1], self.squares[:-1]
        if self._cholesky is not None:
            # columns that are far from dependence with the outcome are so without it
            return not vanish(own, squares)
        return clear_products(self.gram[:-1, :-1], squares)

    @property
    def varies(self) -> bool:
        """Whether the outcome varies by more than rounding once effects are removed."""
        # the range of what has no mean is at least its root mean square
        least = len(self.values) * 1e-20 * max(float(self.squares[-1]), 1.0)
        if self.without_means and self.gram[-1, -1] > least:
            return True
        return varies(self.unscaled[:, -1], self.outcome)

    def clearly_even(self, names: tuple[str, ...]) -> bool:
        """Return whether it is clear that no unit has much of what is left of each of some regressors."""
        if names not in self._even:
            z, root, rows = self.values[:, :-1], self.fit.root, self.rows
            places = map(self.names.index, names)
            self._even[names] = (
                rows.balanced
                and self.without_means
                and self.clear
                # what is left of a regressor is Z(Z′Z)⁻¹'s column, up to its size
                and all(clearly_even((z @ (root @ root[place])).reshape(rows.n, rows.t)) for place in places)
            )
        return self._even[names]

    @cached_property
    def _even(self) -> dict[tuple[str, ...], bool]:
        return {}

    def score_sums(self, by: Literal["unit", "time"]) -> FloatArray:
        """Return the sums of the regressors times the residuals over clusters, shape (groups, k)."""
        if by not in self._score_sums:
            self._score_sums[by] = score_sums(self.values[:, :-1], self.fit.residuals, self.rows, by)
        return self._score_sums[by]

    @cached_property
    def _score_sums(self) -> dict[str, FloatArray]:
        return {}

    def corrected(self, by: Literal["unit", "time"], power: float) -> Corrected:
        """Return the regressors' basis, corrected for what each cluster weighs; ``by`` holds where no column does."""
        key = by, power
        if key not in self._corrected:
            clusters = self.clusters[0] if self.clusters else Groups(*self.rows.groups(by))
            q = self.values[:, :-1] @ self.fit.root
            self._corrected[key] = corrected(q, clusters, power, self.absorber)
        return self._corrected[key]

    @cached_property
    def _corrected(self) -> dict[tuple[str, float], Corrected]:
        return {}

    @property
    def absorber(self) -> Absorber | None:
        """The projection that removed the effects; None where there are none."""
        if self.absorption is not None:
            return self.absorption.kernel
        effects = [Groups(*self.rows.groups(by)) for by in EFFECTS_OF[self.removed]]
        return Absorber(effects, None if self.weighting is None else self.weighting.values) if effects else None

    @property
    def unscaled(self) -> FloatArray:
        """The values before rows were multiplied by the roots of their weights."""
        return self.values if self.weighting is None else self.values / self.weighting.root[:, None]

    @property
    def roles(self) -> tuple[Role, ...]:
        """What each regressor is."""
        dummies = len(self.names) - self.slopes if self.slopes else 0
        slopes = len(self.names) - dummies - self.constant
        return (*(CONSTANT,) * self.constant, *(REGRESSOR,) * slopes, *(DUMMY,) * dummies)


def within(
    panel: Panel,
    names: tuple[str, ...],
    y: str,
    effects: EffectsKind,
    constant: bool = False,
    focal: int = 0,
    absorption: Absorption | None = None,
) -> Columns:
    """Return columns with fixed effects removed; with a constant where there are none, or where it is asked for.

    The inner products of the first ``focal`` ones are kept if they are many: dummies of a policy in all its models.
    A constant beside fixed effects is that of Stata's xtreg: grand means are added back to the demeaned columns.
    Further effects are removed with these.
    """
    rows = rows_of(panel)
    transform = partial(absorb, rows=rows, effects=effects) if absorption is None else absorption.kernel
    if effects == "none" and absorption is None:
        raw = panel.array((*names, y))
        raw = np.column_stack([np.ones(len(raw)), raw])
        return Columns(("const", *names), raw, raw, rows, effects, constant=True, transform=transform)
    of = partial(Columns, rows=rows, removed=effects, transform=transform, absorption=absorption)
    panel.require((*names, y))
    columns = [panel.columns[name] for name in (*names, y)]
    values = demeaned(columns, rows, effects, absorption)
    absorbed, notes = _absorbed(panel, rows, effects, absorption)
    levels = partial(_side_by_side, [column.values for column in columns])
    if constant:
        raw = levels()
        ones = np.ones((len(raw), 1))
        values, raw = np.hstack([ones, values + raw.mean(axis=0)]), np.hstack([ones, raw])
        return of(("const", *names), values, raw, absorbed=absorbed - 1, notes=notes, constant=True)
    kind = effects if absorption is None else absorption.key
    shared = _inner_products(columns[:focal], values[:, :focal], kind) if focal >= MANY else None
    sizes, last = np.array([column.square for column in columns]), columns[-1].values
    return of(names, values, levels, absorbed=absorbed, notes=notes, shared=shared, sizes=sizes, y=last)


def demeaned(
    columns: Sequence[Column], rows: Rows, effects: EffectsKind, absorption: Absorption | None = None
) -> FloatArray:
    """Return columns with fixed effects removed, and with further ones if there are some, shape (rows, k)."""
    key: Hashable = effects if absorption is None else absorption.key
    new = [column for column in columns if key not in column.memory]
    if new:
        # a column is demeaned once, whatever the number of models and panels that read it
        raw = np.ascontiguousarray(np.array([column.values for column in new]).T)
        found = absorb(raw, rows, effects) if absorption is None else absorption.kernel(raw)
        # each of them in one piece
        lines = np.ascontiguousarray(found.T)
        for column, left in zip(new, lines, strict=True):
            column.memory[key] = left
        if len(new) == len(columns):
            return np.asarray(lines.T)
    return _side_by_side([column.memory[key] for column in columns])


def _absorbed(
    panel: Panel, rows: Rows, effects: EffectsKind, absorption: Absorption | None
) -> tuple[int, tuple[Note, ...]]:
    """Return how many parameters the removed effects are, and the notes on them."""
    notes = _singletons(panel, effects)
    if absorption is None:
        return absorbed_rank(rows, effects), notes
    return absorption.kernel.rank, (*absorption.notes, *notes)


def _inner_products(columns: list[Column], values: FloatArray, kind: Hashable) -> FloatArray:
    memory, key = columns[0].memory, ("inner products", kind, *columns)
    if key not in memory:
        memory[key] = values.T @ values
    return np.asarray(memory[key])


def _side_by_side(columns: Sequence[FloatArray]) -> FloatArray:
    """Return columns as an array of shape (rows, k), each of them in one piece: dozens are copied many times faster."""
    out = np.empty((len(columns), len(columns[0])))
    for place, column in enumerate(columns):
        out[place] = column
    return out.T


def weighted(
    panel: Panel,
    names: tuple[str, ...],
    y: str,
    effects: EffectsKind,
    weighting: Weighting,
    constant: bool = False,
    absorption: Absorption | None = None,
) -> Columns:
    """Return what `within` does for weighted least squares: rows are multiplied by the roots of their weights."""
    rows, raw, root = rows_of(panel), panel.array((*names, y)), weighting.root[:, None]

    def removed(columns: FloatArray) -> FloatArray:
        if absorption is not None:
            return absorption.kernel(columns)
        return absorb_weighted(columns, rows, effects, weighting.values)

    def transform(columns: FloatArray) -> FloatArray:
        return root * removed(columns)

    absorbed, notes = _absorbed(panel, rows, effects, absorption)
    inner = removed(raw)
    if constant or (effects == "none" and absorption is None):
        ones, names = np.ones((len(raw), 1)), ("const", *names)
        if constant:
            inner, absorbed = inner + weighting.means(raw), absorbed - 1
        inner, raw = np.hstack([ones, inner]), np.hstack([ones, raw])
    of = partial(Columns, transform=transform, weighting=weighting, absorption=absorption)
    return of(names, root * inner, raw, rows, effects, absorbed, notes=notes, constant=names[0] == "const")


def scaled(columns: Columns, weighting: Weighting) -> Columns:
    """Return columns without effects removed for weighted least squares."""
    root, plain = weighting.root[:, None], columns.transform
    assert plain is not None

    def transform(outcomes: FloatArray) -> FloatArray:
        return root * plain(outcomes)

    return replace(columns, values=root * columns.values, transform=transform, weighting=weighting)


def of_rows(columns: Columns, panel: Panel, weights: str) -> Columns:
    """Return columns of the rows with a positive weight, whose outcomes come with all rows of a panel."""
    transform, weighting, keep = columns.transform, columns.weighting, panel.column(weights) > 0
    assert transform is not None
    assert weighting is not None

    def of_all(outcomes: FloatArray) -> FloatArray:
        return transform(outcomes[keep])

    return replace(columns, transform=of_all, weighting=replace(weighting, digest=panel.columns[weights].digest))


def dummies(panel: Panel, names: tuple[str, ...], y: str, effects: EffectsKind) -> Columns:
    """Return raw columns with dummies: of every unit, or of every period, with both of the periods but the first."""
    rows, raw = rows_of(panel), panel.array((*names, y))
    found, labels = [], []
    if effects in ("unit", "two_way"):
        found.append(np.eye(rows.n)[rows.unit_codes])
        labels += [f"unit[{unit}]" for unit in panel.units]
    if effects in ("time", "two_way"):
        first = 1 if effects == "two_way" else 0
        found.append(np.eye(rows.t)[rows.period_codes][:, first:])
        labels += [f"time[{period}]" for period in panel.periods[first:]]
    values = np.column_stack([raw[:, :-1], *found, raw[:, -1]])
    transform = partial(absorb, rows=rows, effects="none")
    notes = _singletons(panel, effects)
    return Columns((*names, *labels), values, values, rows, "none", notes=notes, slopes=len(names), transform=transform)


def between(panel: Panel, names: tuple[str, ...], y: str, effects: EffectsKind) -> Columns:
    """Return the means of units, or of periods, with a constant."""
    by: Literal["unit", "time"] = "time" if effects == "time" else "unit"
    rows = rows_of(panel)
    transform = partial(rows.means, by=by)
    means = transform(panel.array((*names, y)))
    count = np.arange(len(means))
    one = np.zeros(len(means), dtype=np.int64)
    grouped = Rows(count, one, len(means), 1) if by == "unit" else Rows(one, count, 1, len(means))
    values = np.column_stack([np.ones(len(means)), means])
    own: Estimator = "between"
    names = ("const", *names)
    return Columns(names, values, values, grouped, "none", constant=True, transform=transform, estimator=own)


def first_difference(panel: Panel, names: tuple[str, ...], y: str, effects: EffectsKind) -> Columns:
    """Return differences from the unit's previous period: with a constant, or with period effects removed."""
    before = panel.rows_before(1)
    later = before >= 0
    if not later.any():
        raise DataError(Note("no_consecutive_periods", periods=cut(panel.periods)))
    own: Estimator = "first_difference"

    def differences(columns: FloatArray) -> FloatArray:
        return np.asarray(columns[later] - columns[before[later]])

    difference = differences(panel.array((*names, y)))
    rows = rows_of(panel).some(later)
    if effects == "unit":
        values = np.column_stack([np.ones(len(difference)), difference])
        names = ("const", *names)
        return Columns(names, values, values, rows, "none", constant=True, transform=differences, estimator=own)

    def without_periods(columns: FloatArray) -> FloatArray:
        return absorb(differences(columns), rows, "time")

    values = absorb(difference, rows, "time")
    return Columns(names, values, difference, rows, "time", rows.t, transform=without_periods, estimator=own)


def quasi_demeaned(panel: Panel, names: tuple[str, ...], y: str, effects: RandomEffects, method: Method) -> Columns:
    """Return columns for generalised least squares with random effects, a constant among them."""
    rows, raw = rows_of(panel), panel.array((*names, y))
    constant = [name for name, column in zip(names, raw.T, strict=False) if np.ptp(column) == 0]
    if constant:
        raise EstimationError(Note("beside_constant", terms=cut(constant)))
    found = components(raw[:, -1], raw[:, :-1], rows.unit_codes, rows.period_codes, effects, method)
    raw = np.column_stack([np.ones(len(raw)), raw])
    values = quasi_demean(raw, rows.unit_codes, rows.period_codes, found)
    statistics = {"sigma2_idiosyncratic": found.idiosyncratic}
    for kind, variance, theta in (("unit", found.unit, found.theta_unit), ("time", found.time, found.theta_time)):
        if effects in ("random_two_way", {"unit": "random", "time": "random_time"}[kind]):
            statistics |= {f"sigma2_{kind}": variance, f"theta_{kind}": float(np.mean(theta))}
    if effects == "random_two_way":
        statistics["theta_total"] = float(np.mean(found.theta_total))
    notes = tuple(Note("no_random_effects", kind=kind) for kind in found.negative)
    return Columns(("const", *names), values, raw, rows, "none", 0, statistics, notes, constant=True)


def rows_of(panel: Panel) -> Rows:
    """Return which unit and period each row of a panel belongs to, without a calendar where none is known."""
    index = panel.index
    known = len(index.periods) > 1 and index.ordered
    calendar = partial(getattr, index.calendar, "positions") if known else None
    return Rows(index.unit_codes, index.period_codes, *panel.shape, calendar)


def _singletons(panel: Panel, effects: EffectsKind) -> tuple[Note, ...]:
    """Return a note on units or periods that have a single row, which their own effect explains without rest."""
    if panel.balanced:
        return ()
    notes = []
    for kind, codes, labels in (("unit", panel.unit_codes, panel.units), ("time", panel.period_codes, panel.periods)):
        if effects not in (kind, "two_way"):
            continue
        single = np.flatnonzero(np.bincount(codes, minlength=len(labels)) == 1)
        if len(single):
            notes.append(Note("singletons", labels=cut(labels[code] for code in single), kind=kind))
    return tuple(notes)
