"""Synthetic difference-in-differences: cohorts against weighted units without the policy, and weighted periods."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.errors import EstimationError
from digicarbon.note import Note, cut
from digicarbon.packs.policies.model._effects import Design, PolicyEffects, reported, unfitted
from digicarbon.packs.policies.model._estimator import PolicyEstimator
from digicarbon.packs.policies.model._fields import Exposure, SyntheticVariance, _PolicyModel
from digicarbon.packs.policies.model._timing import Timing
from digicarbon.packs.policies.numeric.aggregation import Cells, aggregation
from digicarbon.packs.policies.numeric.imputation import Imputation, Untreated
from digicarbon.packs.policies.numeric.synthetic import Cohort, SyntheticCohorts
from digicarbon.panel import Panel
from digicarbon.result import Result
from digicarbon.weights import Weights


class SyntheticDiD(PolicyEstimator):
    """Weighted units without the policy and weighted periods before it, which together move as each cohort did."""

    own_errors = True
    takes_long = True
    weighs = False
    # a synthetic unit needs a change before the policy
    fewest = 2

    @property
    def reads(self) -> Collection[str]:
        """Fields that mean something: draws and their seed where errors are drawn."""
        drawn = self.model.sdid_variance != "jackknife"
        return {"lags", "sdid_variance"} | ({"sdid_draws", "seed"} if drawn else set())

    @property
    def ends(self) -> tuple[int | None, int | None]:
        """The last event time alone: the period before the policy is a mean of several."""
        return None, self.model.lags

    def design(self, timing: Timing, panel: Panel, reached: Exposure) -> Comparison:
        """Return what is compared; search for no weights.

        Raises EstimationError if the panel is not balanced, there are no two units without the policy, or too few for a
        standard error.
        """
        model, frame = self.model, timing.panel
        if not frame.balanced:
            raise EstimationError(Note("did_synthetic_unbalanced", policy=model.policy))
        never = np.flatnonzero(~timing.ever)
        if len(never) < 2:
            raise EstimationError(Note("did_synthetic_needs_never", policy=model.policy))
        at, y = timing.at.reshape(frame.shape)[0], _outcome(model, timing).reshape(frame.shape)
        cohorts, cells = _cohorts(model, timing, at)
        if not all(np.diff(y[np.ix_(never, one.periods[: one.before])], axis=1).std() > 0 for one in cohorts):
            raise EstimationError(Note("did_synthetic_constant", policy=model.policy))
        kind = variance_of(model, len(never), [len(one.units) for one in cohorts])
        return Comparison(model, timing, y, at, never, cohorts, cells, kind)

    def reference(self, events: Collection[float]) -> dict[str, float]:
        """Return none: a synthetic period before the policy is the mean of several."""
        return {}


@dataclass(frozen=True, eq=False)
class Comparison(Design):
    """What is compared with what."""

    model: _PolicyModel
    timing: Timing
    y: FloatArray
    """Shape (N, T)."""
    at: IntArray
    """Places of the periods on the calendar, shape (T,)."""
    never: IntArray
    """Units that never come under the policy."""
    cohorts: list[Cohort]
    cells: Cells
    kind: SyntheticVariance
    """Of the standard errors."""

    def effects(self, weights: Weights | None = None) -> PolicyEffects:
        """Return the effects of cohorts, averaged."""
        model, timing = self.model, self.timing
        found = SyntheticCohorts(self.y, self.cohorts, self.never)
        chosen = aggregation(self.cells, model.aggregate, None, model.lags, model.overall)
        terms = reported(timing, chosen.levels, model.aggregate)
        kind = _possible(model, found, self)
        covariance = _covariance(model, found, self.cells, kind)
        units = [str(timing.panel.units[unit]) for unit in self.never.tolist()]
        periods = [[timing.label(int(place)) for place in self.at[one.periods[: one.before]]] for one in self.cohorts]
        labels = [timing.label(place) for place in timing.cohorts]
        tables = {
            "unit_weights": _table("unit", labels, [units] * len(labels), [one.units for one in found.found]),
            "time_weights": _table("period", labels, periods, [one.times for one in found.found]),
        }
        result, coef = _fitted(model, timing, kind, tables), chosen.weights @ found.effects
        return PolicyEffects(terms, coef, covariance, (), None, result)


def variance_of(model: _PolicyModel, never: int, cohorts: Sequence[int]) -> SyntheticVariance:
    """Return which standard errors of ``synthetic_did`` there are for so many units.

    ``never``: units that never come under the policy. ``cohorts``: units of each cohort. Raises EstimationError if
    there are too few for those that the model asks for.
    """
    kind = model.sdid_variance
    enough = {"placebo": never > sum(cohorts), "jackknife": min(cohorts) > 1, "bootstrap": min(cohorts) > 1}
    if kind == "auto":
        # as many placebos as units with the policy would leave no unit to compare with
        kind = "jackknife" if enough["jackknife"] else "placebo"
    if enough[kind]:
        return kind
    about = {"key": "model.sdid_variance", "policy": model.policy}
    if kind == "placebo":
        raise EstimationError(Note("did_few_for_placebo", never=never, treated=sum(cohorts), **about))
    raise EstimationError(Note("did_few_for_resampling", variance=kind, **about))


def _outcome(model: _PolicyModel, timing: Timing) -> FloatArray:
    """Return the outcome less what controls make of it, their coefficients being those of untreated rows."""
    panel, names = timing.panel, timing.panel.expanded(model.controls, among=model.terms)
    panel.require((*names, model.y))
    y = panel.column(model.y)
    if not names:
        return y
    x, treated = panel.array(names), timing.event >= -model.anticipation
    slopes, _ = Imputation(x, Untreated(panel.unit_codes, panel.period_codes, treated)).slopes(y[:, None])
    return np.asarray(y - x @ slopes[:, 0])


def _cohorts(model: _PolicyModel, timing: Timing, at: IntArray) -> tuple[list[Cohort], Cells]:
    """Return cohorts, and their effects in periods after as cells."""
    cohorts, first, event, size = [], [], [], []
    for place in timing.cohorts:
        units = np.flatnonzero(timing.first == place)
        before, after = np.flatnonzero(at < place - model.anticipation), np.flatnonzero(at >= place)
        cohorts.append(Cohort(units, np.concatenate([before, after]), len(before)))
        first += [place] * len(after)
        event += (at[after] - place).tolist()
        size += [float(len(units))] * len(after)
    return cohorts, Cells(np.array(first), np.array(event), np.array(size), np.array(size))


def _possible(model: _PolicyModel, found: SyntheticCohorts, design: Comparison) -> SyntheticVariance:
    """Return the standard errors that there are: a single unit with a weight cannot be left out."""
    if design.kind != "jackknife" or all((one.units > 0).sum() > 1 for one in found.found):
        return design.kind
    if model.sdid_variance == "auto" and len(design.never) > sum(len(one.units) for one in design.cohorts):
        return "placebo"
    raise EstimationError(Note("did_one_weight", key="model.sdid_variance", policy=model.policy))


def _covariance(model: _PolicyModel, found: SyntheticCohorts, cells: Cells, kind: SyntheticVariance) -> FloatArray:
    """Return the covariance of the overall effect and the means."""
    rng = np.random.default_rng(model.seed)
    firsts = np.unique(cells.first)

    def weights(units: FloatArray) -> FloatArray:
        size = units[np.searchsorted(firsts, cells.first)]
        own = Cells(cells.first, cells.event, size, size)
        return aggregation(own, model.aggregate, None, model.lags, model.overall).weights

    units = np.array([cells.units[cells.first == one][0] for one in firsts.tolist()])
    if kind == "jackknife":
        effects, cohort = found.jackknife()
        # a mean depends on the size of the cohort that the unit is of, and not on the unit
        each = np.array([weights(units - (np.arange(len(units)) == place)) for place in range(-1, len(units))])
        left = np.einsum("nmc,nc->nm", each[1 + cohort], effects)
        # (n - 1)/n Σ (τ₋ᵢ - mean)², Arkhangelsky et al. (2021), algorithm 3
        return np.atleast_2d(np.cov(left.T, ddof=0)) * (len(left) - 1)
    if kind == "bootstrap":
        drawn = [
            weights(counts) @ effects for effects, counts in zip(*found.bootstrap(model.sdid_draws, rng), strict=True)
        ]
    else:
        drawn = list(found.placebo(model.sdid_draws, rng) @ weights(units).T)
    # without a degree of freedom less, as synthdid has it
    return np.atleast_2d(np.cov(np.array(drawn).T, ddof=0))


def _fitted(model: _PolicyModel, timing: Timing, kind: SyntheticVariance, tables: dict[str, pd.DataFrame]) -> Result:
    how = {
        "placebo": Note("did_placebo_errors", draws=model.sdid_draws),
        "bootstrap": Note("did_bootstrap_errors", draws=model.sdid_draws),
        "jackknife": Note("did_jackknife_errors"),
    }[kind]
    notes = [Note("did_synthetic", policy=model.policy)]
    if model.controls:
        notes.append(Note("did_regressed_out", controls=cut(model.controls)))
    return unfitted(timing, model.y, model.level, how, notes, tables)


def _table(
    of: str, cohorts: Sequence[str], names: Sequence[Sequence[str]], weights: Sequence[FloatArray]
) -> pd.DataFrame:
    """Return the weights of units without the policy, or of periods before it, a row for each that a cohort uses."""
    rows = [
        (cohort, name, weight)
        for cohort, own, each in zip(cohorts, names, weights, strict=True)
        for name, weight in zip(own, each.tolist(), strict=True)
        if weight > 0
    ]
    return pd.DataFrame(rows, columns=["cohort", of, "weight"])
