"""Estimators whose standard errors are those of units' influence: Callaway and Sant'Anna's, and imputation.

Both are linear in the outcome and leave nothing of unit and period effects. So what they make of the columns of a null
model says which combination of its coefficients an effect is, and many outcomes are fitted at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.errors import EstimationError
from digicarbon.model._observation_weights import weighted_by
from digicarbon.model._panel_batch import LinearOutcomes
from digicarbon.model._panel_restrictions import nulls_of
from digicarbon.model.base import refuse_unidentified
from digicarbon.model.batch import Estimand, Fits, Fitted
from digicarbon.model.restrictions import Nulls, Projected, Restrictions, moved
from digicarbon.note import Note, cut
from digicarbon.numeric.linear.within import Rows, absorb, vanishing
from digicarbon.numeric.resampling.null_model import NullModel
from digicarbon.numeric.tests.equality import WaldTest
from digicarbon.packs.policies.model._effects import (
    PolicyEffects,
    Reported,
    have_errors,
    joint_wild,
    pretest,
    treated_cells,
)
from digicarbon.packs.policies.model._spillovers import NOTHING, Exposure
from digicarbon.packs.policies.model._timing import Timing
from digicarbon.packs.policies.numeric.aggregation import aggregation, binned
from digicarbon.packs.policies.numeric.group_time import GroupTime, GroupTimes, comparisons
from digicarbon.packs.policies.numeric.imputation import Block, Imputation, Regression, Untreated
from digicarbon.result import Inference, Result
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from digicarbon.packs.policies.model.base import DiD


class ByUnit(ABC):
    """An estimator on the rows of a policy.

    Parameters
    ----------
    model : DiD
    timing : Timing
    reached : Exposure
        How the policies of others reach the rows.

    Raises
    ------
    DataError
        If the outcome or a control is not finite in some row.

    Attributes
    ----------
    model, timing, reached
    names : tuple of str
        Controls.
    reported : Reported
    controls : tuple of str
        Those that have coefficients, behind the effects.
    spillover : mapping of str to float
        Weights of terms in the mean spillover; none where the model has no spillovers.
    """

    reported: Reported
    controls: tuple[str, ...] = ()
    spillover: Mapping[str, float] = MappingProxyType({})

    def __init__(self, model: DiD, timing: Timing, reached: Exposure = NOTHING) -> None:
        self.model, self.timing, self.reached = model, timing, reached
        self.names = timing.panel.expanded(model.controls, among=model.terms)
        timing.panel.require((*self.names, model.y))
        self._effects: PolicyEffects | None = None

    @abstractmethod
    def fits(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the coefficients of outcomes, and the influence of units on them.

        Parameters
        ----------
        y : ndarray, shape (rows, M)

        Returns
        -------
        ndarray, shape (p, M)
        ndarray, shape (N, p, M)
        """

    @abstractmethod
    def columns(self, place: int) -> FloatArray:
        """Return the columns of which the null model of an effect is made, shape (rows, k)."""

    @abstractmethod
    def fitted(self, coef: FloatArray, influence: FloatArray) -> tuple[Result, WaldTest | None]:
        """Return statistics and notes, and the joint test that nothing happened before the policy.

        Parameters
        ----------
        coef : ndarray, shape (p,)
        influence : ndarray, shape (N, p)
            Those of `fits` for the outcome.
        """

    @property
    @abstractmethod
    def used(self) -> NDArray[np.bool_]:
        """The rows that have a part in the effects, shape (rows,)."""

    @property
    def terms(self) -> tuple[str, ...]:
        """Effects and controls."""
        return (*self.reported.terms, *self.controls)

    @property
    def y(self) -> FloatArray:
        """The outcome, shape (rows,)."""
        return self.timing.panel.column(self.model.y)

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """The size of its arrays."""

    def effects(self) -> PolicyEffects:
        """Return the effects in the outcome; computed once."""
        if self._effects is None:
            self._effects = self._made_effects()
        return self._effects

    def _made_effects(self) -> PolicyEffects:
        coef, influence = (numbers[..., 0] for numbers in self.fits(self.y[:, None]))
        fitted, leads = self.fitted(coef, influence)
        reported = self.reported
        covariance = influence.T @ influence
        return PolicyEffects(
            reported.terms, reported.made_of, coef, covariance, self.controls, leads, fitted, self.spillover, self.used
        )

    def restrictions(self, weights: Weights | None) -> list[Restrictions]:
        """Return each effect as a restriction of a two-way regression.

        Notes
        -----
        The effect of Zγ is g′γ, g what the estimator makes of Z. The null model g′γ = τ has the columns ZN, N a basis
        of what is orthogonal to g, and the known part Zg τ/(g′g).
        """
        asked: list[tuple[Estimand, ...]] = [(Estimand("coefficient", term),) for term in self.reported.terms]
        if self.spillover:
            policy = self.reported.terms[0]
            asked[0] = (*asked[0], Estimand("direct", policy))
            asked.append((Estimand("spillover", policy),))
        return [self._restricted(place, estimands, weights) for place, estimands in enumerate(asked)]

    def wild_leads(self, weights: Weights | None, signs: FloatArray) -> WaldTest | None:
        """Return the wild test that all effects by event time before the policy are zero; None where there are none.

        Parameters
        ----------
        weights : Weights or None
        signs : ndarray, shape (M, N)
        """
        own = by_unit(self.model.model_copy(update={"aggregate": "event"}), self.timing, self.reached)
        levels = [own.reported.made_of[term][-1].number for term in own.reported.terms]
        last = -self.model.anticipation
        found, count = own.effects(), len(levels)
        known = have_errors(found.coef[:count], np.diag(found.covariance)[:count])
        before = [level is not None and level < last for level in levels]
        places = np.flatnonzero(before & known).tolist()
        if not places:
            return None
        leads = [Estimand("coefficient", own.reported.terms[place]) for place in places]
        picks = np.array([own.weights_of(estimand) for estimand in leads])
        null = own.nulls(picks, places[0], weights).shifted(np.zeros(len(picks)))
        return joint_wild(UnitBatch(own, leads[0]), null, leads, signs)

    @property
    def units(self) -> tuple[str, ...]:
        """Units whose signs the wild bootstrap changes."""
        return self.timing.panel.units

    def _restricted(self, place: int, estimands: tuple[Estimand, ...], weights: Weights | None) -> Projected:
        nulls = self.nulls(self.weights_of(estimands[0])[None, :], place, weights)
        several, one = np.ones((len(estimands), 1)), np.ones((1, 1))
        return Projected(estimands, UnitBatch(self, estimands[0]), nulls, several, np.ones(1), one)

    def nulls(self, picks: FloatArray, place: int, weights: Weights | None) -> ExactNulls:
        """Return the null models in which some combinations of effects have given values.

        Parameters
        ----------
        picks : ndarray, shape (q, p)
            Weights of the terms in each combination.
        place : int
            Of a term among them, which says of which columns the null model is made.
        weights : Weights or None
        """
        z = self.columns(place)
        g = picks @ self.fits(z)[0]
        free, known = np.linalg.svd(g)[2][len(g) :].T, z @ np.linalg.pinv(g)
        lags = not self.spillover
        inner = nulls_of(self.timing.panel, self.y, z @ free, known, "two_way", weights, lags)
        return ExactNulls(inner, known, self, picks)

    def weights_of(self, estimand: Estimand) -> FloatArray:
        """Return the weights of the terms in an estimand, shape (p,); not-a-number where it has other terms."""
        combination = estimand.weights or ((estimand.term, 1.0),)
        if estimand.quantity == "spillover":
            combination = tuple(self.spillover.items())
        pick = np.zeros(len(self.terms))
        for term, weight in combination:
            if term not in self.terms:
                return np.full(len(self.terms), np.nan)
            pick[self.terms.index(term)] += weight
        return pick

    def base(self, errors: Note, notes: Sequence[Note], tables: dict[str, pd.DataFrame] | None = None) -> Result:
        """Return a result without coefficients."""
        n, t = self.timing.panel.shape
        errors_note, weights = Note("errors_are", errors=errors), self.model.observation_weights
        weighted = [] if weights is None else [weighted_by(weights)]
        return Result(
            kind="",
            y=self.model.y,
            inference=Inference(None, self.model.level),
            statistics={"nobs": float(len(self.timing.at)), "n_units": float(n), "n_periods": float(t)},
            tables=tables or {},
            absorbed=("unit", "time"),
            notes=(errors_note, *weighted, *notes),
            errors_note=errors_note,
        )


@dataclass(frozen=True, eq=False)
class ExactNulls:
    """Null models in which effects have values to the last digit, with a filter for spatial dependence, too.

    Attributes
    ----------
    inner : Nulls
    known : ndarray, shape (rows, q)
        Columns of which the estimator makes one of an effect, and nothing of the others.
    estimator : ByUnit
    picks : ndarray, shape (q, p)
        Weights of the estimator's terms in each effect.
    """

    inner: Nulls
    known: FloatArray
    estimator: ByUnit
    picks: FloatArray

    def shifted(self, b: FloatArray) -> NullModel:
        """Return the null model in which the effects are b, shape (q,)."""
        null = self.inner.shifted(b)
        made = null.y - null.unfiltered(null.residuals[:, None])[:, 0]
        gap = b - (self.picks @ self.estimator.fits(made[:, None])[0])[:, 0]
        return moved(null, null.y + self.known @ gap)


class UnitBatch(Fitted[LinearOutcomes]):
    """Effects that are fitted to many outcomes.

    Parameters
    ----------
    estimator : ByUnit
    estimand : Estimand
    """

    key: Hashable = "by unit"

    def __init__(self, estimator: ByUnit, estimand: Estimand) -> None:
        self._estimator, self._estimand = estimator, estimand

    def prepare(self, outcomes: FloatArray) -> LinearOutcomes:
        """Return the outcomes as they are."""
        return LinearOutcomes(outcomes)

    def several(self, prepared: LinearOutcomes, estimands: Sequence[Estimand]) -> Fits:
        """Return several effects."""
        coef, influence = self._numbers(prepared, estimands)
        return list(zip(coef, np.sqrt((influence**2).sum(axis=0)), strict=True))

    def wald(self, prepared: LinearOutcomes, estimands: Sequence[Estimand]) -> FloatArray:
        """Return the Wald statistic that all effects are zero, for each outcome, shape (M,)."""
        coef, influence = self._numbers(prepared, estimands)
        if not np.isfinite(coef).all():
            return np.full(coef.shape[1], np.nan)
        covariance = np.einsum("nqm,nrm->mqr", influence, influence)
        singular = np.linalg.matrix_rank(covariance, hermitian=True) < len(coef)
        covariance[singular] = np.eye(len(coef))
        solved = np.linalg.solve(covariance, coef.T[..., None])[..., 0]
        return np.where(singular, np.nan, np.einsum("qm,mq->m", coef, solved))

    def _numbers(self, prepared: LinearOutcomes, estimands: Sequence[Estimand]) -> tuple[FloatArray, FloatArray]:
        """Return effects, shape (q, M), and the influence of units on them, shape (N, q, M)."""
        pick = np.array([self._estimator.weights_of(estimand) for estimand in estimands])
        coef, influence = self._estimator.fits(prepared.columns)
        coef, influence = pick @ coef, np.einsum("qp,npm->nqm", pick, influence)
        if prepared.weights is None:
            return coef, influence
        return coef @ prepared.weights, influence @ prepared.weights


class CallawaySantanna(ByUnit):
    """Means of the effects of cohorts in periods."""

    def __init__(self, model: DiD, timing: Timing) -> None:
        super().__init__(model, timing)
        panel = timing.panel
        how = (model.compare, model.base_period, model.anticipation, model.reference)
        compared = timing.once(("comparisons", how), lambda: comparisons(timing.at, timing.first, *how))
        weight = None if timing.observation_weights is None else timing.unit_weight
        self._times = GroupTimes(panel.array(self.names), panel.unit_codes, compared, weight)
        cells = self._times.cells
        if not (cells.event >= 0).any():
            raise EstimationError(Note("did_no_cell", policy=model.policy, compare=model.compare))
        self._chosen = aggregation(cells, model.aggregate, model.leads, model.lags, model.overall)
        self.reported = Reported.of(timing, self._chosen.levels, model.aggregate)

    @property
    def nbytes(self) -> int:
        """The size of its arrays."""
        return self._times.nbytes

    def fits(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the effects of outcomes, and the influence of units on them."""
        return self._times.means(self._chosen, y)

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
        return np.column_stack([_levels(self.model, self.timing, self.model.aggregate == "event"), by_period])

    def fitted(self, coef: FloatArray, influence: FloatArray) -> tuple[Result, WaldTest | None]:
        """Return statistics and notes, and the joint test that nothing happened before the policy."""
        model, estimated = self.model, self._times.fit(self.y)
        never = model.compare == "never"
        notes = [Note("did_compare_never" if never else "did_compare_not_yet", policy=model.policy)]
        half, before = self._times.half, estimated.cells.event < -model.anticipation
        if (before & half).any():
            notes.append(Note("did_single_left_out"))
        if estimated.left_out:
            notes.append(Note("did_cells_left_out", cells=estimated.left_out))
        notes += self._dropped_controls()
        fitted = self.base(Note("did_influence"), notes, {"group_time": _table(self.timing, estimated)})
        if not before.any():
            return fitted, None
        tested = before & ~half
        own = estimated.influence[:, tested]
        # there are leads, which the wild bootstrap can test
        none = WaldTest(np.nan, 0.0, np.nan, np.nan)
        return fitted, pretest(np.eye(own.shape[1]), estimated.att[tested], own.T @ own, fitted.inference) or none

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


class Imputing(ByUnit):
    """Means of the differences between treated rows and what they are imputed to have been.

    With spillovers, rows that the policies of others reach are imputed, too (Butts 2023): what is left without is the
    comparison.
    """

    def __init__(self, model: DiD, timing: Timing, reached: Exposure) -> None:
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
        columns = zip(self.reported.terms, self._weights.T, strict=True)
        unknown = [term for term, column in columns if np.isnan(column).any()]
        if unknown:
            raise EstimationError(Note("did_not_imputed", terms=cut(unknown)))
        early_key = ("leads of imputed", key, model.base_event, model.leads)
        early = dates.once(early_key, lambda: _leads(model, timing, self._rows))
        self._before = early.levels
        self._leads: Regression | None = self._untreated.leads(early.dummies) if self._before else None
        self._order: list[int] = [*range(len(self.reported.terms))]
        self._count = len(self._order)
        if self._leads is not None and model.aggregate == "event":
            whole = Reported.of(timing, sorted({*self._before, *means.levels}), "event")
            whole = Reported((*whole.terms, *reached.columns), {**whole.made_of, **reached.made_of})
            before = Reported.of(timing, self._before, "event").terms[1:]
            self._order = [[*self.reported.terms, *before].index(term) for term in whole.terms]
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

        Parameters
        ----------
        alone : int
            Rank of the regression without controls.
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
        self.reported = Reported((*self.reported.terms, *reached.columns), {**self.reported.made_of, **reached.made_of})
        self.spillover = dict(zip(reached.columns, (counts / counts.sum()).tolist(), strict=True))
        # rows of a ring and a period are taken as alike
        ring, panel = there.argmax(axis=1), self.timing.panel
        self._cell = np.where(there.any(axis=1), cells + ring * panel.shape[1] + panel.period_codes, self._cell)

    @property
    def nbytes(self) -> int:
        """The size of its arrays, those of the controls in three forms among them."""
        return int(self._weights.nbytes + self._of_rows.nbytes + 3 * 8 * len(self._cell) * (1 + len(self.names)))

    def fits(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return effects, those before the policy among them, and slopes of outcomes, and the influence of units."""
        imputed = self._untreated.fit(y)
        coef = self._of_rows.T @ np.nan_to_num(imputed.effects)
        influence = self._untreated.influence(imputed, self._weights, self._cell)
        if len(self._order) > self._count and self._leads is not None:
            leads = self._leads.coefficients(y, slice(len(self._before)))
            coef, influence = np.concatenate([coef, leads.coef]), np.concatenate([influence, leads.influence], axis=1)
        slopes = self._untreated.slopes(y)
        return (
            np.concatenate([coef[self._order], slopes.coef]),
            np.concatenate([influence[:, self._order], slopes.influence], axis=1),
        )

    def columns(self, place: int) -> FloatArray:
        """Return dummies of the levels that are reported, those before the policy for these alone, and controls."""
        before = place < len(self._order) and self._order[place] >= self._count
        levels = _levels(self.model, self.timing, before)
        return np.column_stack([levels, self._exposed, self.timing.panel.array(self.names)])

    def fitted(self, coef: FloatArray, influence: FloatArray) -> tuple[Result, WaldTest | None]:
        """Return statistics and notes, and the joint test that nothing happened before the policy."""
        model, notes, lost = self.model, [], len(self._rows.known) - len(self._rows.free) - int(self._rows.known.sum())
        if lost:
            notes.append(Note("did_rows_not_imputed", rows=lost))
        if self._before and self._leads is None:
            notes.append(Note("did_leads_unknown", policy=model.policy))
        fitted = self.base(Note("did_conservative"), notes)
        if self._leads is None:
            return fitted, None
        reported = [place for place, which in enumerate(self._order) if which >= self._count]
        if reported:
            early, own = coef[reported], influence[:, reported]
        else:
            leads = self._leads.coefficients(self.y[:, None], slice(len(self._before)))
            early, own = leads.coef[:, 0], leads.influence[..., 0]
        return fitted, pretest(np.eye(len(early)), early, own.T @ own, fitted.inference)


def by_unit(model: DiD, timing: Timing, reached: Exposure) -> ByUnit:
    """Return an estimator on the rows of a policy."""
    return Imputing(model, timing, reached) if model.estimator == "imputation" else CallawaySantanna(model, timing)


def _levels(model: DiD, timing: Timing, early: bool) -> FloatArray:
    """Return dummies of treated rows by the levels that effects are reported for, shape (rows, m).

    Event times are told apart to their ends: changes within a bin are none of its own dummy.

    Parameters
    ----------
    model : DiD
    timing : Timing
    early : bool
        Whether there are dummies of all event times before the policy but the reference.
    """
    event = timing.event
    before = event != model.base_event if early else event >= -model.anticipation
    keep = timing.ever[timing.panel.unit_codes] & ((event >= 0) | before)
    levels = {
        "overall": np.zeros_like(event),
        "event": event,
        "cohort": timing.first[timing.panel.unit_codes],
        "calendar": timing.at,
    }[model.aggregate]
    level = np.where(event < 0, event, levels)
    return np.asarray(keep[:, None] & (level[:, None] == np.unique(level[keep])), dtype=np.float64)


class _Means(NamedTuple):
    """Means of the effects of imputed rows.

    Attributes
    ----------
    reported : Reported
    levels : tuple of int
    of_rows : ndarray, shape (rows, q)
        Weights of rows in each mean.
    cell : ndarray of int, shape (rows,)
        Cohort and period of an imputed row, -1 for others.
    cells : int
    """

    reported: Reported
    levels: tuple[int, ...]
    of_rows: FloatArray
    cell: IntArray
    cells: int


def _means(model: DiD, timing: Timing, known: NDArray[np.bool_]) -> _Means:
    cells, cell = treated_cells(timing, known & (timing.event >= -model.anticipation))
    chosen = aggregation(cells, model.aggregate, model.leads, model.lags, model.overall)
    # a cell's effect is the mean of its rows
    of_rows = timing.weight[:, None] * (chosen.weights / cells.size).T[cell]
    reported = Reported.of(timing, chosen.levels, model.aggregate)
    return _Means(reported, chosen.levels, np.where(cell[:, None] >= 0, of_rows, 0.0), cell, len(cells.size))


class _Leads(NamedTuple):
    """Event times before the policy that untreated rows have, and their dummies with those of periods."""

    levels: tuple[int, ...]
    dummies: Block


def _leads(model: DiD, timing: Timing, rows: Untreated) -> _Leads:
    event, free = binned(timing.event, model.leads, None), np.zeros(len(timing.event), dtype=bool)
    free[rows.free] = True
    base = max(model.base_event, -model.leads) if model.leads else model.base_event
    there = np.unique(event[timing.treated & free & (event < -model.anticipation) & (event != base)])
    dummies = (timing.treated & (event == there[:, None])).T.astype(np.float64)
    return _Leads(tuple(there.tolist()), rows.with_periods(dummies))


def _table(timing: Timing, estimated: GroupTime) -> pd.DataFrame:
    """Return the effects of cohorts in periods as a table."""
    cells = estimated.cells
    periods = cells.first + cells.event
    variance = (estimated.influence**2).sum(axis=0)
    se = np.sqrt(np.where(have_errors(estimated.att, variance), variance, np.nan))

    def first_table() -> pd.DataFrame:
        labels = ([timing.label(one) for one in of.tolist()] for of in (cells.first, periods))
        text = dict(zip(("cohort", "period"), labels, strict=True))
        return pd.DataFrame(text | {"event": cells.event, "coef": estimated.att, "se": se})

    # columns of text take longer than the fit
    table = timing.once(("table", cells.first.tobytes(), periods.tobytes()), first_table).copy(deep=False)
    for name, values in (("coef", estimated.att), ("se", se)):
        table.isetitem(list(table).index(name), values)
    return table
