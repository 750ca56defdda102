"""What estimators share whose standard errors are those of influences: Callaway and Sant'Anna's, and imputation.

Influences are those of units, or of the clusters that units lie in: the sums of their units'.

Both are linear in the outcome and leave nothing of unit and period effects. So what they make of the columns of a null
model says which combination of its coefficients an effect is, and many outcomes are fitted at once.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.model._absorption import groups_of_units
from digicarbon.model._observation_weights import weighted_by
from digicarbon.model._panel_batch import LinearOutcomes
from digicarbon.model._panel_covariance import OF_ERRORS
from digicarbon.model._panel_restrictions import nulls_of
from digicarbon.model.batch import Estimand, Fits, Fitted
from digicarbon.model.restrictions import Nulls, Projected, Restrictions, moved
from digicarbon.note import Note
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.null_model import NullModel
from digicarbon.numeric.tests.equality import WaldTest
from digicarbon.packs.policies.model._effects import (
    PolicyEffects,
    Restricted,
    estimands_of,
    have_errors,
    joint_wild,
    unfitted,
)
from digicarbon.packs.policies.model._estimator import PolicyEstimator
from digicarbon.packs.policies.model._fields import Exposure, _PolicyModel
from digicarbon.packs.policies.model._timing import Timing
from digicarbon.packs.policies.numeric.imputation import members
from digicarbon.panel import Panel
from digicarbon.result import Inference, MadeOf, Result
from digicarbon.weights import Weights


class ByUnit(Restricted):
    """An estimator on the rows of a policy. Raises DataError if the outcome or a control is not finite in some row.

    ``reached``: how the policies of others reach the rows.
    """

    reported: Mapping[str, MadeOf]
    """Effects and what they are made of, as `reported` returns them."""
    names: tuple[str, ...]
    """Controls."""
    controls: tuple[str, ...] = ()
    """Controls that have coefficients, behind the effects."""
    spillover: Mapping[str, float] = MappingProxyType({})
    """Weights of terms in the mean spillover; none where the model has no spillovers."""

    def __init__(self, model: _PolicyModel, timing: Timing, reached: Exposure) -> None:
        self.model, self.timing, self.reached = model, timing, reached
        self.names = timing.panel.expanded(model.controls, among=model.terms)
        timing.panel.require((*self.names, model.y))
        groups = groups_of_units(timing.panel, model.own_clusters)
        self.cluster = None if groups is None else groups.codes
        self._sums = None if groups is None else members(groups.codes, groups.count)

    @property
    def root(self) -> float:
        """By which influences of clusters on effects grow: √(G/(G - 1)), so that their squares are Stata's; 1 of units.

        Packages leave units without a factor, and so do we, to equal them; thirty clusters need it to hold their size.
        """
        if self.cluster is None:
            return 1.0
        groups = float(self.cluster.max()) + 1
        return float(np.sqrt(groups / (groups - 1)))

    def by_cluster(self, influence: FloatArray) -> FloatArray:
        """Return the influence of clusters on effects, shape (G, …), from that of units; itself where these are all."""
        if self._sums is None:
            return influence
        return self.root * self.summed(influence)

    def summed(self, influence: FloatArray) -> FloatArray:
        """Return what `by_cluster` does, of an influence that has its factor."""
        if self._sums is None:
            return influence
        summed = self._sums @ influence.reshape(len(influence), np.prod(influence.shape[1:], dtype=int))
        return np.asarray(summed.reshape(len(summed), *influence.shape[1:]))

    @abstractmethod
    def fits(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return coefficients (p, M) of outcomes (rows, M), and the influence of units or clusters, (G, p, M)."""

    @abstractmethod
    def columns(self, place: int) -> FloatArray:
        """Return the columns of which the null model of an effect is made, shape (rows, k)."""

    @abstractmethod
    def fitted(self, coef: FloatArray, influence: FloatArray) -> tuple[Result, WaldTest | None]:
        """Return statistics, notes and the joint test that nothing happened before the policy, of what `fits` gives."""

    @property
    @abstractmethod
    def used(self) -> NDArray[np.bool_]:
        """The rows that have a part in the effects, shape (rows,)."""

    @property
    def terms(self) -> tuple[str, ...]:
        """Effects and controls."""
        return (*self.reported, *self.controls)

    @property
    def y(self) -> FloatArray:
        """The outcome, shape (rows,)."""
        return self.timing.panel.column(self.model.y)

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """The size of its arrays."""

    def effects(self, weights: Weights | None = None) -> PolicyEffects:
        """Return the effects in the outcome; computed once."""
        return self._effects

    @cached_property
    def _effects(self) -> PolicyEffects:
        coef, influence = (numbers[..., 0] for numbers in self.fits(self.y[:, None]))
        fitted, leads = self.fitted(coef, influence)
        own = (coef, influence.T @ influence, self.controls, leads, fitted, self.spillover, self.used)
        return PolicyEffects(self.reported, *own)

    def restrictions(self, weights: Weights | None) -> list[Restrictions]:
        """Return each effect as a restriction of a two-way regression.

        The effect of Zγ is g′γ, g what the estimator makes of Z. The null model g′γ = τ has the columns ZN, N a basis
        of what is orthogonal to g, and the known part Zg τ/(g′g).
        """
        every = enumerate(estimands_of(self.reported, self.spillover))
        return [self._restricted(place, estimands, weights) for place, estimands in every]

    def wild_leads(self, weights: Weights | None, draws: Draws) -> WaldTest | None:
        """Return the wild test that nothing happened before the policy."""
        own = type(self)(self.model.model_copy(update={"aggregate": "event"}), self.timing, self.reached)
        levels = [made[-1].number for made in own.reported.values()]
        last = -self.model.anticipation
        found, count = own.effects(), len(levels)
        known = have_errors(found.coef[:count], np.diag(found.covariance)[:count])
        before = [level is not None and level < last for level in levels]
        places = np.flatnonzero(before & known).tolist()
        if not places:
            return None
        leads = [Estimand("coefficient", own.terms[place]) for place in places]
        picks = np.array([own.weights_of(estimand) for estimand in leads])
        null = own.nulls(picks, places[0], weights).shifted(np.zeros(len(picks)))
        return joint_wild(UnitBatch(own, leads[0]), null, leads, draws)

    def drawn(self, terms: Sequence[str], weights: Weights | None, draws: Draws) -> tuple[FloatArray, Fits]:
        """Return effects in draws from the model in which they are as estimated, to the last digit."""
        from digicarbon.model.wild import drawn

        # columns of effects before the policy are those of all
        places = sorted((self.terms.index(term) for term in terms), key=lambda place: self.terms[place] in self.early)
        estimands = [Estimand("coefficient", term) for term in terms]
        picks = np.array([self.weights_of(estimand) for estimand in estimands])
        free = self.nulls(picks, places[-1], weights).shifted(picks @ self._effects.coef)
        return drawn(UnitBatch(self, estimands[0]), free, estimands, draws)

    @property
    def early(self) -> frozenset[str]:
        """Terms of event times before the policy."""
        levels = ((term, made[0].number) for term, made in self.reported.items())
        return frozenset(term for term, level in levels if level is not None and level < -self.model.anticipation)

    @property
    def units(self) -> tuple[str, ...]:
        """Whose sign each unit has in the wild bootstrap."""
        return self.model.levels_of_signs(self.timing.panel)

    def batch(self, weights: Weights | None, estimand: Estimand) -> UnitBatch:
        """Return what fits the effects to many outcomes at once."""
        return UnitBatch(self, estimand)

    def _restricted(self, place: int, estimands: tuple[Estimand, ...], weights: Weights | None) -> Projected:
        nulls = self.nulls(self.weights_of(estimands[0])[None, :], place, weights)
        several, one = np.ones((len(estimands), 1)), np.ones((1, 1))
        return Projected(estimands, UnitBatch(self, estimands[0]), nulls, several, np.ones(1), one)

    def nulls(self, picks: FloatArray, place: int, weights: Weights | None) -> ExactNulls:
        """Return the null models in which some combinations of effects have given values.

        ``picks``: weights of the terms in each combination, shape (q, p). ``place``: of a term among them, which says
        of which columns the null model is made.
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

    @property
    def by(self) -> str:
        """The column that clusters are read from; empty where they are units."""
        return "".join(self.model.own_clusters)

    def base(self, errors: Note, notes: Sequence[Note], tables: dict[str, pd.DataFrame] | None = None) -> Result:
        """Return a result without coefficients."""
        model, weights = self.model, self.model.observation_weights
        weighted = [] if weights is None else [weighted_by(weights)]
        made = unfitted(self.timing, model.y, model.level, errors, (*weighted, *notes), tables or {})
        if self.cluster is None:
            return made
        return replace(made, inference=Inference(float(self.cluster.max()), model.level))


@dataclass(frozen=True, eq=False)
class ExactNulls:
    """Null models in which effects have values to the last digit, with a filter for spatial dependence, too."""

    inner: Nulls
    known: FloatArray
    """Columns of which the estimator makes one of an effect, and nothing of the others, shape (rows, q)."""
    estimator: ByUnit
    picks: FloatArray
    """Weights of the estimator's terms in each effect, shape (q, p)."""

    def shifted(self, b: FloatArray) -> NullModel:
        """Return the null model in which the effects are b, shape (q,)."""
        null = self.inner.shifted(b)
        made = null.y - null.unfiltered(null.residuals[:, None])[:, 0]
        gap = b - (self.picks @ self.estimator.fits(made[:, None])[0])[:, 0]
        return moved(null, null.y + self.known @ gap)


class UnitBatch(Fitted[LinearOutcomes]):
    """Effects that are fitted to many outcomes."""

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
        # b′V⁻¹b with V the sum over units or clusters of ψψ′
        covariance = np.einsum("nqm,nrm->mqr", influence, influence)
        singular = np.linalg.matrix_rank(covariance, hermitian=True) < len(coef)
        covariance[singular] = np.eye(len(coef))
        solved = np.linalg.solve(covariance, coef.T[..., None])[..., 0]
        return np.where(singular, np.nan, np.einsum("qm,mq->m", coef, solved))

    def _numbers(self, prepared: LinearOutcomes, estimands: Sequence[Estimand]) -> tuple[FloatArray, FloatArray]:
        """Return effects, shape (q, M), and the influence on them, shape (G, q, M)."""
        pick = np.array([self._estimator.weights_of(estimand) for estimand in estimands])
        coef, influence = self._estimator.fits(prepared.columns)
        coef, influence = pick @ coef, np.einsum("qp,npm->nqm", pick, influence)
        if prepared.weights is None:
            return coef, influence
        return coef @ prepared.weights, influence @ prepared.weights


class OfUnits(PolicyEstimator):
    """An estimator whose standard errors are those of units' influence."""

    own_errors = True
    has_wild = True
    on_rows: type[ByUnit]
    """What it is on the rows of a policy."""

    def design(self, timing: Timing, panel: Panel, reached: Exposure) -> ByUnit:
        """Return the estimator on the rows that are used."""
        make = partial(self.on_rows, self.model, timing, reached)
        return self.model.latest(panel, reached, OF_ERRORS - {"cluster"}, make, lambda own: own.nbytes)


def level_dummies(model: _PolicyModel, timing: Timing, early: bool) -> FloatArray:
    """Return dummies of treated rows by the levels that effects are reported for, shape (rows, m).

    Event times are told apart to their ends: changes within a bin are none of its own dummy. ``early``: whether there
    are dummies of all event times before the policy but the reference.
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
