"""Imputation of what treated rows would have been, from untreated ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.errors import EstimationError
from digicarbon.model.base import refuse_unidentified
from digicarbon.note import Note, cut
from digicarbon.numeric.linear.within import Rows, absorb, vanishing
from digicarbon.numeric.tests.equality import WaldTest
from digicarbon.packs.policies.model._by_unit import ByUnit, OfUnits, level_dummies
from digicarbon.packs.policies.model._effects import pretest, reported, treated_cells
from digicarbon.packs.policies.model._fields import Exposure, _PolicyModel
from digicarbon.packs.policies.model._timing import Timing
from digicarbon.packs.policies.numeric.aggregation import aggregation, binned
from digicarbon.packs.policies.numeric.imputation import Block, Imputation, Regression, Untreated
from digicarbon.result import MadeOf, Result


class ImputedRows(ByUnit):
    """Means of the differences between treated rows and what they are imputed to have been.

    With spillovers, rows that the policies of others reach are imputed, too (Butts 2023): what is left without is the
    comparison.
    """

    def __init__(self, model: _PolicyModel, timing: Timing, reached: Exposure) -> None:
        super().__init__(model, timing, reached)
        panel = timing.panel
        self._exposed = panel.array(tuple(reached.columns))
        # what spillovers reach does not follow from dates alone
        dates = timing.changed() if reached.columns else timing
        key = (model.anticipation, timing.weights)
        self._rows = dates.once(("untreated", key), self._untreated_rows)
        known = self._rows.known
        if not (known & (timing.event >= 0)).any():
            raise EstimationError(Note("did_no_untreated", policy=model.policy))
        means_key = ("means of imputed", key, model.aggregate, model.overall, model.leads, model.lags)
        means = dates.once(means_key, lambda: _means(model, timing, known))
        self._of_rows, self._cell = means.of_rows, means.cell
        self.reported, self.controls = means.reported, self.names
        if reached.columns:
            self._add_spillovers(reached, means.cells)
        self._untreated = Imputation(panel.array(self.names), self._rows)
        nothing = np.empty((len(timing.at), 0))
        alone = dates.once(("rank of untreated", key), lambda: Imputation(nothing, self._rows).rank)
        if self.names:
            self._refuse_unidentified(alone)
        self._weights = self._untreated.weights(self._of_rows)
        columns = zip(self.reported, self._weights.T, strict=True)
        unknown = [term for term, column in columns if np.isnan(column).any()]
        if unknown:
            raise EstimationError(Note("did_not_imputed", terms=cut(unknown)))
        early_key = ("leads of imputed", key, model.base_event, model.leads)
        self._before, dummies = dates.once(early_key, lambda: _leads(model, timing, self._rows))
        self._leads: Regression | None = self._untreated.leads(dummies) if self._before else None
        self._order: list[int] = [*range(len(self.reported))]
        self._count = len(self._order)
        if self._leads is not None and model.aggregate == "event":
            whole = {**reported(timing, sorted({*self._before, *means.levels}), "event"), **reached.made_of}
            before = [*reported(timing, self._before, "event")][1:]
            self._order = [[*self.reported, *before].index(term) for term in whole]
            self.reported = whole

    @property
    def used(self) -> NDArray[np.bool_]:
        """Rows that no policy reaches, and those that can be imputed."""
        rows = self._rows.known.copy()
        rows[self._rows.free] = True
        return rows

    def _untreated_rows(self) -> Untreated:
        """Return the rows that no policy reaches."""
        timing, panel = self.timing, self.timing.panel
        imputed: NDArray[np.bool_] = (timing.event >= -self.model.anticipation) | (self._exposed > 0).any(axis=1)
        return Untreated(panel.unit_codes, panel.period_codes, imputed, timing.observation_weights)

    def _refuse_unidentified(self, alone: int) -> None:
        """Refuse controls that units and periods absorb in untreated rows, or that depend on others.

        ``alone``: rank of the regression without controls.
        """
        panel, free = self.timing.panel, self._rows.free
        raw = panel.array(self.names)[free]
        if self._untreated.rank == alone + len(self.names) and not vanishing(self._untreated.free, raw):
            return
        codes = [np.unique(codes[free], return_inverse=True)[1] for codes in (panel.unit_codes, panel.period_codes)]
        rows = Rows(codes[0], codes[1], int(codes[0].max()) + 1, int(codes[1].max()) + 1)
        refuse_unidentified(self.names, absorb(raw, rows, "two_way"), raw, "two_way")

    def _add_spillovers(self, reached: Exposure, cells: int) -> None:
        """Add the mean of the rows that are exposed in each way to the effects."""
        there = (self._exposed > 0) & self._rows.known[:, None]
        counts = self.timing.weight @ there
        if not counts.all():
            lacking = [term for term, count in zip(reached.columns, counts, strict=True) if not count]
            raise EstimationError(Note("did_exposed_not_imputed", terms=cut(lacking)))
        self._of_rows = np.column_stack([self._of_rows, self.timing.weight[:, None] * there / counts])
        self.reported = {**self.reported, **reached.made_of}
        self.spillover = dict(zip(reached.columns, (counts / counts.sum()).tolist(), strict=True))
        # rows of a ring and a period are taken as alike
        ring, panel = there.argmax(axis=1), self.timing.panel
        self._cell = np.where(there.any(axis=1), cells + ring * panel.shape[1] + panel.period_codes, self._cell)

    @property
    def nbytes(self) -> int:
        """The size of its arrays, those of the controls in three forms among them."""
        return int(self._weights.nbytes + self._of_rows.nbytes + 3 * 8 * len(self._cell) * (1 + len(self.names)))

    def fits(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return effects, those before the policy among them, and slopes of outcomes, and influences on them."""
        effects, residuals = self._untreated.fit(y)
        coef = self._of_rows.T @ np.nan_to_num(effects)
        influence = self.by_cluster(self._untreated.influence(residuals, self._weights, self._cell, self.cluster))
        if len(self._order) > self._count and self._leads is not None:
            leads, of_leads = self._leads.coefficients(y, slice(len(self._before)), self.cluster)
            coef, influence = np.concatenate([coef, leads]), np.concatenate([influence, self.summed(of_leads)], axis=1)
        slopes, of_slopes = self._untreated.slopes(y, self.cluster)
        order = self._order
        influence = np.concatenate([influence[:, order], self.summed(of_slopes)], axis=1)
        return np.concatenate([coef[order], slopes]), influence

    def columns(self, place: int) -> FloatArray:
        """Return dummies of the levels that are reported, those before the policy for these alone, and controls."""
        before = place < len(self._order) and self._order[place] >= self._count
        levels = level_dummies(self.model, self.timing, before)
        return np.column_stack([levels, self._exposed, self.timing.panel.array(self.names)])

    def fitted(self, coef: FloatArray, influence: FloatArray) -> tuple[Result, WaldTest | None]:
        """Return statistics and notes, and the joint test that nothing happened before the policy."""
        model, notes, lost = self.model, [], len(self._rows.known) - len(self._rows.free) - int(self._rows.known.sum())
        if lost:
            notes.append(Note("did_rows_not_imputed", rows=lost))
        if self._before and self._leads is None:
            notes.append(Note("did_leads_unknown", policy=model.policy))
        errors = Note("did_conservative_by", by=self.by) if self.by else Note("did_conservative")
        fitted = self.base(errors, notes)
        if self._leads is None:
            return fitted, None
        shown = [place for place, which in enumerate(self._order) if which >= self._count]
        if shown:
            early, own = coef[shown], influence[:, shown]
        else:
            leads = self._leads.coefficients(self.y[:, None], slice(len(self._before)), self.cluster)
            early, own = (numbers[..., 0] for numbers in leads)
            own = self.summed(own)
        return fitted, pretest(np.eye(len(early)), early, own.T @ own, fitted.inference)


class Imputing(OfUnits):
    """Differences between treated rows and what they are imputed to have been."""

    takes_long = True
    wild_work = 3.5

    reads = ("reference", "leads", "lags")
    marks_exposed = True
    on_rows = ImputedRows

    def reference(self, events: Collection[float]) -> dict[str, float]:
        """Return the event time that those before the policy are compared with; others with all untreated rows."""
        before = any(event < -self.model.anticipation for event in events)
        return {"reference_of_leads": float(self.model.base_event)} if before else {}


class _Means(NamedTuple):
    """Means of the effects of imputed rows."""

    reported: Mapping[str, MadeOf]
    levels: tuple[int, ...]
    of_rows: FloatArray
    """Weights of rows in each mean, shape (rows, q)."""
    cell: IntArray
    """Cohort and period of an imputed row, -1 for others, shape (rows,)."""
    cells: int


def _means(model: _PolicyModel, timing: Timing, known: NDArray[np.bool_]) -> _Means:
    cells, cell = treated_cells(timing, known & (timing.event >= -model.anticipation))
    chosen = aggregation(cells, model.aggregate, model.leads, model.lags, model.overall)
    # a cell's effect is the mean of its rows
    of_rows = timing.weight[:, None] * (chosen.weights / cells.size).T[cell]
    terms = reported(timing, chosen.levels, model.aggregate)
    return _Means(terms, chosen.levels, np.where(cell[:, None] >= 0, of_rows, 0.0), cell, len(cells.size))


def _leads(model: _PolicyModel, timing: Timing, rows: Untreated) -> tuple[tuple[int, ...], Block]:
    """Return event times before the policy that untreated rows have, and their dummies with those of periods."""
    event, free = binned(timing.event, model.leads, None), np.zeros(len(timing.event), dtype=bool)
    free[rows.free] = True
    base = max(model.base_event, -model.leads) if model.leads else model.base_event
    there = np.unique(event[timing.treated & free & (event < -model.anticipation) & (event != base)])
    dummies = (timing.treated & (event == there[:, None])).T.astype(np.float64)
    return tuple(there.tolist()), rows.with_periods(dummies)
