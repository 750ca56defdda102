"""Estimators that are a two-way regression on dummies: effects are combinations of its coefficients."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.model._panel_restrictions import Contrasts, joint_null
from digicarbon.model.batch import Batch, Estimand, Fits, Fitted, JointBatch
from digicarbon.model.panel_regression import PanelRegression
from digicarbon.model.restrictions import Projected, Restrictions
from digicarbon.note import Note
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.tests.equality import WaldTest
from digicarbon.packs.policies.model._effects import (
    PolicyEffects,
    Restricted,
    estimands_of,
    have_errors,
    joint_wild,
    pretest,
    reported,
    treated_cells,
)
from digicarbon.packs.policies.model._estimator import PolicyEstimator
from digicarbon.packs.policies.model._fields import Exposure
from digicarbon.packs.policies.model._timing import Timing
from digicarbon.packs.policies.numeric.aggregation import NEVER, Cells, aggregation, binned
from digicarbon.panel import Column, Panel
from digicarbon.result import Constituent, MadeOf, Mean
from digicarbon.weights import Weights

Combination = Mapping[str, float]
"""Weights of coefficients by term."""


@dataclass(frozen=True, eq=False)
class Expanded(Restricted):
    """The regression on dummies that an estimator is."""

    model: PanelRegression
    panel: Panel
    """With the dummies."""
    dummies: tuple[str, ...]
    reported: Mapping[str, MadeOf]
    """Terms and what they are made of, as `reported` returns them."""
    weights: FloatArray
    """Of the dummies' coefficients in each effect, shape (m, dummies)."""
    leads: FloatArray
    """Which combinations of coefficients are zero if nothing happened before the policy; none where q is 0. Shape (q,
    dummies)."""
    spillover: Combination = field(default_factory=dict)
    """Weights of dummies' coefficients in the mean spillover; none where the model has no spillovers."""

    @cached_property
    def combinations(self) -> Mapping[str, Combination]:
        """What each effect is, by term: dummies, and the weights of their coefficients."""
        return {
            term: {name: float(weight) for name, weight in zip(self.dummies, row, strict=True) if weight}
            for term, row in zip(self.reported, self.weights, strict=True)
        }

    def check(self, weights: Weights | None) -> None:
        """Raise a sentence if the regression cannot be fitted."""
        self.model.check(self.panel, weights)

    def effects(self, weights: Weights | None = None) -> PolicyEffects:
        """Return the effects from the fit of the regression."""
        fitted = self.model.estimated(self.panel, weights)
        at = [fitted.terms.index(name) for name in self.dummies]
        others = [place for place in range(len(fitted.terms)) if place not in set(at)]
        count = len(self.reported)
        pick = np.zeros((count + len(others), len(fitted.terms)))
        pick[:count, at] = self.weights
        pick[count:, others] = np.eye(len(others))
        covariance = fitted.covariance[np.ix_(at, at)]
        return PolicyEffects(
            self.reported,
            pick @ fitted.coef,
            pick @ fitted.covariance @ pick.T,
            tuple(fitted.terms[place] for place in others),
            pretest(self.leads, fitted.coef[at], covariance, fitted.inference),
            fitted,
            self.spillover,
        )

    def restrictions(self, weights: Weights | None) -> list[Restrictions]:
        """Return each effect as a restriction."""
        contrasts = self._contrasts(weights)

        def restricted(combination: Combination, estimands: tuple[Estimand, ...]) -> Projected:
            one = contrasts.of(combination)
            assert isinstance(one, Projected)
            batch, same = self._batch(one.batch, estimands[0]), np.ones((len(estimands), 1))
            return replace(one, estimands=estimands, batch=batch, weights=same)

        combinations = [*self.combinations.values(), *([self.spillover] if self.spillover else [])]
        estimands = estimands_of(self.reported, self.spillover)
        return [restricted(*both) for both in zip(combinations, estimands, strict=True)]

    def _contrasts(self, weights: Weights | None) -> Contrasts:
        # the share of neighbours is a spatial lag of the policy, and rings are nearly one
        made = self.panel.with_terms(self.model.terms)
        return Contrasts(self.model.by_errors, made, weights, lags=not self.spillover)

    def drawn(self, terms: Sequence[str], weights: Weights | None, draws: Draws) -> tuple[FloatArray, Fits]:
        """Return effects in draws around the fit of the regression."""
        return self._contrasts(weights).drawn([Estimand.combination(self.combinations[term]) for term in terms], draws)

    def wild_leads(self, weights: Weights | None, draws: Draws) -> WaldTest | None:
        """Return the wild test that nothing happened before the policy."""
        leads = self._leads_with_errors(weights)
        if not len(leads):
            return None
        made, model = self.panel.with_terms(self.model.terms), self.model.by_errors
        null = joint_null(model, made, leads, self.dummies, weights, lags=not self.spillover)
        estimands = [Estimand.combination(dict(zip(self.dummies, row, strict=True))) for row in leads.tolist()]
        batch: Any = model.batch(made, weights, estimands[0])
        return joint_wild(batch, null, estimands, draws)

    def _leads_with_errors(self, weights: Weights | None) -> FloatArray:
        """Return the rows of ``leads`` that have a standard error."""
        if not len(self.leads):
            return self.leads
        fitted = self.model.estimated(self.panel, weights)
        at = [fitted.terms.index(name) for name in self.dummies]
        variances = np.einsum("ij,jk,ik->i", self.leads, fitted.covariance[np.ix_(at, at)], self.leads)
        return self.leads[have_errors(self.leads @ fitted.coef[at], variances)]

    @property
    def units(self) -> tuple[str, ...]:
        """Whose sign each unit has in the wild bootstrap."""
        return self.model.levels_of_signs(self.panel.with_terms(self.model.terms))

    def _batch(self, inner: Batch, estimand: Estimand) -> EffectsBatch:
        return EffectsBatch(inner, self.combinations, estimand, self.spillover)

    def batch(self, weights: Weights | None, estimand: Estimand) -> EffectsBatch:
        """Return what fits the effects to many outcomes at once."""
        inner = self.model.batch(self.panel, weights, Estimand("coefficient", self.dummies[0]))
        return self._batch(inner, estimand)


class EffectsBatch(Fitted[Any]):
    """Effects as combinations of the coefficients of a regression that is fitted to many outcomes.

    ``inner``: restrictions of the regression. ``combinations``: what each effect is, by term. ``spillover``: what the
    mean spillover is.
    """

    def __init__(
        self, inner: Any, combinations: Mapping[str, Combination], estimand: Estimand, spillover: Combination
    ) -> None:
        self._inner: JointBatch = inner
        self._combinations, self._estimand, self._spillover = combinations, estimand, spillover
        self.key: Hashable = inner.key

    def prepare(self, outcomes: FloatArray) -> Any:
        """Return outcomes as the regression takes them."""
        return self._inner.prepare(outcomes)

    def several(self, prepared: Any, estimands: Sequence[Estimand]) -> Fits:
        """Return several effects."""
        return self._inner.several(prepared, [self._of(estimand) for estimand in estimands])

    def wald(self, prepared: Any, estimands: Sequence[Estimand]) -> FloatArray:
        """Return the Wald statistic that all effects are zero, for each outcome, shape (M,)."""
        return self._inner.wald(prepared, [self._of(estimand) for estimand in estimands])

    def _of(self, estimand: Estimand) -> Estimand:
        if estimand.quantity == "spillover":
            return Estimand.combination(self._spillover)
        total: dict[str, float] = {}
        for term, weight in estimand.weights or ((estimand.term, 1.0),):
            for name, own in self._combinations.get(term, {term: 1.0}).items():
                total[name] = total.get(name, 0.0) + weight * own
        return Estimand.combination(total)


def with_spillovers(own: Expanded, reached: Exposure) -> Expanded:
    """Return a regression with the columns, which its panel has, of how policies of others reach rows, each a term."""
    if not reached.columns:
        return own
    names, count = tuple(reached.columns), len(reached.columns)
    m, dummies = own.weights.shape
    weights = np.zeros((m + count, dummies + count))
    weights[:m, :dummies], weights[m:, dummies:] = own.weights, np.eye(count)
    return replace(
        own,
        model=own.model.model_copy(update={"x": (*own.dummies, *names)}),
        dummies=(*own.dummies, *names),
        reported={**own.reported, **reached.made_of},
        weights=weights,
        leads=np.pad(own.leads, ((0, 0), (0, count))),
        spillover=reached.mean,
    )


@dataclass(frozen=True, eq=False)
class _Dummies:
    """Dummies of a policy, and what is reported of them; attributes as in `Expanded`."""

    dummies: Mapping[str, Column]
    reported: Mapping[str, MadeOf]
    weights: FloatArray
    leads: FloatArray


class OnDummies(PolicyEstimator):
    """A two-way regression of the panel's own rows on dummies."""

    regression = True
    has_wild = True

    @abstractmethod
    def expanded(self, timing: Timing) -> Expanded:
        """Return the regression on the rows of a policy."""

    def design(self, timing: Timing, panel: Panel, reached: Exposure) -> Expanded:
        """Return the regression, with the columns of how the policies of others reach its rows."""

        def make() -> Expanded:
            return with_spillovers(self.expanded(timing), reached)

        # all but dummies, which are kept anyway, is small; the level of intervals is that of the result
        return self.model.latest(panel, reached, frozenset(), make, lambda _: 0)

    def of_dummies(self, timing: Timing, make: Callable[[], _Dummies]) -> Expanded:
        """Return the regression on dummies that models with the same dates share."""
        model = self.model
        ends = (model.leads, model.lags, model.anticipation, model.aggregate, model.overall)
        made = timing.once((model.estimator, model.base_event, ends, timing.weights), make)
        names = tuple(made.dummies)
        panel = timing.panel.with_columns(made.dummies)
        return Expanded(model.regression(names), panel, names, made.reported, made.weights, made.leads)

    def of_cells(self, timing: Timing, dummies: Mapping[str, Column], cells: Cells) -> _Dummies:
        """Return dummies, one for each cell, with what is reported of them."""
        model = self.model
        if not (cells.event >= 0).any():
            raise EstimationError(Note("did_nothing_after", policy=model.policy))
        chosen = aggregation(cells, model.aggregate, model.leads, model.lags, model.overall)
        terms = reported(timing, chosen.levels, model.aggregate)
        by_event = aggregation(cells, "event", overall="levels")
        leads = by_event.parts[np.array(by_event.levels) < -model.anticipation]
        return _Dummies(dummies, terms, chosen.weights, leads)


class TwoWay(OnDummies):
    """One dummy with effects of units and periods; a share as it is."""

    levels = ("overall",)
    takes_shares = True
    one_effect = True

    @property
    def one_dummy(self) -> PanelRegression | None:
        """The regression, where nothing else is in it."""
        model = self.model
        return None if model.anticipation or model.spillovers != "none" else model.regression((model.policy,))

    def on(self, panel: Panel, reached: Exposure) -> tuple[Timing | None, Expanded]:
        """Return the rows that are used, and the regression; its coefficient is the effect of a share of one."""
        if self.model.is_share(panel):
            return None, with_spillovers(self._one(panel), reached)
        timing = self.timing(panel)
        return timing, self.design(timing, panel, reached)

    def timing(self, panel: Panel) -> Timing:
        """Return the timing of all units."""
        return self.dates(panel)

    def expanded(self, timing: Timing) -> Expanded:
        """Return the regression on one dummy."""
        model, own = self.model, timing.panel.columns[self.model.policy]

        def dummy() -> Column:
            made = timing.dummy(-model.anticipation, NEVER)
            # the policy's own column where it is the dummy: effects are removed from it once for all models
            return own if np.array_equal(own.values, made.values) else made

        column = timing.once(("single", model.anticipation), dummy)
        return self._one(timing.panel if column is own else timing.panel.with_columns({model.policy: column}))

    def _one(self, panel: Panel) -> Expanded:
        policy = self.model.policy
        terms = {policy: (Constituent(policy),)}
        return Expanded(self.model.regression((policy,)), panel, (policy,), terms, np.ones((1, 1)), np.empty((0, 1)))

    def mean(self, covers: bool) -> Mean:
        """Return the mean by the variance of the policy."""
        return "variance"

    def said_of(self, mean: Mean, timing: Timing) -> list[Note]:
        """Return the note on units that come under the policy at different times."""
        return [Note("did_staggered", policy=self.model.policy)] if len(timing.cohorts) > 1 else []


class EventDummies(OnDummies):
    """Dummies of event times with effects of units and periods."""

    levels = ("overall", "event")
    reads = ("reference", "leads", "lags")
    one_effect = True

    @property
    def by_event(self) -> bool:
        """Whether effects by event time are estimated: the overall one is their mean."""
        return True

    def expanded(self, timing: Timing) -> Expanded:
        """Return the regression on dummies of event times."""
        model = self.model
        if timing.ever.all() and model.leads is None and model.lags is None:
            raise EstimationError(Note("did_event_study_needs_never", policy=model.policy))
        return self.of_dummies(timing, lambda: self._events(timing))

    def _events(self, timing: Timing) -> _Dummies:
        model = self.model
        event, base = binned(timing.event, model.leads, model.lags), model.base_event
        if not (timing.treated & (event == base)).any():
            raise EstimationError(Note("did_no_reference", event=base))
        there = timing.treated & (event != base)
        levels, place = np.unique(event[there], return_inverse=True)
        weights = timing.observation_weights
        counts = np.bincount(place, None if weights is None else weights[there], minlength=len(levels))
        dummies = {
            f"{model.policy}[{level}]": timing.dummy(
                -NEVER if model.leads is not None and level <= -model.leads else level,
                NEVER if model.lags is not None and level >= model.lags else level,
            )
            for level in levels.tolist()
        }
        # an event time is a cell that all cohorts share
        cells = Cells(np.zeros_like(levels), levels, counts.astype(np.float64), np.ones(len(levels)))
        return self.of_cells(timing, dummies, cells)


class SunAbraham(OnDummies):
    """Dummies of cohorts by event times; without never treated units the last cohort is the comparison."""

    reads = ("compare", "reference", "leads", "lags")
    needs_reference = True

    @property
    def compares_alone(self) -> bool:
        """Whether the units that are never treated, or the last cohort for them, are the comparison: always."""
        return True

    def compared(self, timing: Timing) -> Timing:
        """Return the rows before the last cohort is treated where no unit is never treated."""
        if not timing.ever.all():
            return timing
        self.refuse_without_never(timing)
        model = self.model
        if len(timing.cohorts) == 1:
            raise EstimationError(Note("did_all_at_once", policy=model.policy))
        last = timing.cohorts[-1]
        note = Note("did_last_cohort", policy=model.policy, period=timing.label(last))
        cut_off = timing.rows(timing.at < last - model.anticipation, note)
        return cut_off.changed(first=np.where(cut_off.first == last, NEVER, cut_off.first))

    def expanded(self, timing: Timing) -> Expanded:
        """Return the regression on dummies of cohorts by event times."""
        return self.of_dummies(timing, lambda: self._cohorts_by_events(timing))

    def _cohorts_by_events(self, timing: Timing) -> _Dummies:
        model = self.model
        cells, _ = treated_cells(timing, timing.treated & (timing.event != model.base_event))
        dummies = {
            f"{model.policy}[{first},{event}]": timing.dummy(event, event, first)
            for first, event in zip(cells.first.tolist(), cells.event.tolist(), strict=True)
        }
        return self.of_cells(timing, dummies, cells)
