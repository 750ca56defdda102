"""Callaway and Sant'Anna's estimator: each cohort in each period, compared with units that are not treated."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.note import Note, cut
from digicarbon.numeric.tests.equality import WaldTest
from digicarbon.packs.policies.model._by_unit import ByUnit, OfUnits, level_dummies
from digicarbon.packs.policies.model._effects import have_errors, pretest, reported
from digicarbon.packs.policies.model._fields import Exposure, _PolicyModel
from digicarbon.packs.policies.model._timing import Timing
from digicarbon.packs.policies.numeric.aggregation import Cells, aggregation
from digicarbon.packs.policies.numeric.group_time import GroupTimes, comparisons
from digicarbon.panel import Panel
from digicarbon.result import Result


class CohortsInPeriods(ByUnit):
    """Means of the effects of cohorts in periods."""

    def __init__(self, model: _PolicyModel, timing: Timing, reached: Exposure) -> None:
        super().__init__(model, timing, reached)
        panel = timing.panel
        how = (model.compare, model.base_period, model.anticipation, model.reference)
        compared = timing.once(("comparisons", how), lambda: comparisons(timing.at, timing.first, *how))
        weight = None if timing.observation_weights is None else timing.unit_weight
        self._times = GroupTimes(panel.array(self.names), panel.unit_codes, compared, weight)
        cells = self._times.cells
        if not (cells.event >= 0).any():
            raise EstimationError(Note("did_no_cell", policy=model.policy, compare=model.compare))
        self._chosen = aggregation(cells, model.aggregate, model.leads, model.lags, model.overall)
        self.reported = reported(timing, self._chosen.levels, model.aggregate)

    @property
    def nbytes(self) -> int:
        """The size of its arrays."""
        return self._times.nbytes

    def fits(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the effects of outcomes, and the influence of units or clusters on them."""
        coef, influence = self._times.means(self._chosen, y)
        return coef, self.by_cluster(influence)

    @property
    def used(self) -> NDArray[np.bool_]:
        """Rows of the event times of a cohort that have an effect, or are what effects are compared with."""
        event, cells = self.timing.event, self._times.cells
        # one number for a cohort and a period
        periods = int(self.timing.at.max()) + 1
        cell = self.timing.first[self.timing.panel.unit_codes] * periods + self.timing.at
        known = np.isin(cell, cells.first * periods + cells.first + cells.event)
        compared = (event == self.model.base_event) & np.isin(self.timing.first, cells.first)[
            self.timing.panel.unit_codes
        ]
        return np.asarray(known | compared, dtype=np.bool_)

    def columns(self, place: int) -> FloatArray:
        """Return dummies of the levels that are reported, and controls by period."""
        x, period = self.timing.panel.array(self.names), self.timing.panel.period_codes
        by_period = (x[:, :, None] * np.eye(int(period.max()) + 1)[period][:, None, :]).reshape(len(x), -1)
        return np.column_stack([level_dummies(self.model, self.timing, self.model.aggregate == "event"), by_period])

    def fitted(self, coef: FloatArray, influence: FloatArray) -> tuple[Result, WaldTest | None]:
        """Return statistics and notes, and the joint test that nothing happened before the policy."""
        model, times = self.model, self._times
        att, of_units = times.fit(self.y)
        of_units = self.by_cluster(of_units)
        never = model.compare == "never"
        notes = [Note("did_compare_never" if never else "did_compare_not_yet", policy=model.policy)]
        half, before = times.half, times.cells.event < -model.anticipation
        if (before & half).any():
            notes.append(Note("did_single_left_out"))
        if times.left_out:
            notes.append(Note("did_cells_left_out", cells=times.left_out))
        notes += self._dropped_controls()
        errors = Note("did_influence_by", by=self.by) if self.by else Note("did_influence")
        fitted = self.base(errors, notes, {"group_time": _table(self.timing, times.cells, att, of_units)})
        if not before.any():
            return fitted, None
        tested = before & ~half
        own = of_units[:, tested]
        # there are leads, which the wild bootstrap can test
        none = WaldTest(np.nan, 0.0, np.nan, np.nan)
        return fitted, pretest(np.eye(own.shape[1]), att[tested], own.T @ own, fitted.inference) or none

    def _dropped_controls(self) -> list[Note]:
        """Return the note that names controls that a comparison does not use, and where."""
        dropped, cells = self._times.dropped, self._times.cells
        controls = []
        for name, lacking in zip(self.names, dropped.T, strict=True):
            cohorts = [self.timing.label(one) for one in np.unique(cells.first[lacking]).tolist()]
            if cohorts:
                facts = {"cells": int(lacking.sum()), "every": len(lacking), "cohorts": cut(cohorts)}
                controls.append(Note("did_control_not_used", control=name, **facts))
        return [Note("did_controls_not_used", controls=cut(controls))] if controls else []


class CallawaySantanna(OfUnits):
    """Outcome regressions by cohort and period."""

    wild_work = 2.4

    reads = ("compare", "reference", "leads", "lags", "base_period")
    by_compare = True
    on_rows = CohortsInPeriods

    def timing(self, panel: Panel) -> Timing:
        """Return the timing without units that the estimator cannot use; weights may not change over time."""
        self.dates(panel).refuse_weights_that_change()
        return super().timing(panel)


def _table(timing: Timing, cells: Cells, att: FloatArray, influence: FloatArray) -> pd.DataFrame:
    """Return the effects of cohorts in periods as a table."""
    periods = cells.first + cells.event
    variance = (influence**2).sum(axis=0)
    se = np.sqrt(np.where(have_errors(att, variance), variance, np.nan))

    def first_table() -> pd.DataFrame:
        labels = ([timing.label(one) for one in of.tolist()] for of in (cells.first, periods))
        text = dict(zip(("cohort", "period"), labels, strict=True))
        return pd.DataFrame(text | {"event": cells.event, "coef": att, "se": se})

    # columns of text take longer than the fit
    table = timing.once(("table", cells.first.tobytes(), periods.tobytes()), first_table).copy(deep=False)
    for name, values in (("coef", att), ("se", se)):
        table.isetitem(list(table).index(name), values)
    return table
