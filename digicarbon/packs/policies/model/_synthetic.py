"""Synthetic difference-in-differences: cohorts against weighted units without the policy, and weighted periods."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.errors import EstimationError
from digicarbon.model._absorption import groups_of_units
from digicarbon.note import Note, cut
from digicarbon.packs.policies.model._effects import Design, PolicyEffects, reported, unfitted
from digicarbon.packs.policies.model._estimator import PolicyEstimator
from digicarbon.packs.policies.model._fields import Exposure, SyntheticVariance, _PolicyModel
from digicarbon.packs.policies.model._timing import Timing
from digicarbon.packs.policies.numeric.aggregation import Cells, aggregation
from digicarbon.packs.policies.numeric.imputation import Imputation, Untreated
from digicarbon.packs.policies.numeric.synthetic import Cohort, SyntheticCohorts
from digicarbon.panel import Panel
from digicarbon.result import Inference, Result
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
        groups = groups_of_units(frame, model.own_clusters)
        codes = np.arange(len(y)) if groups is None else groups.codes
        kinds = variances_of(model, codes[never], [codes[one.units] for one in cohorts])
        return Comparison(model, timing, y, at, never, cohorts, cells, codes, kinds)

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
    codes: IntArray
    """Each unit's cluster, shape (N,)."""
    kinds: tuple[SyntheticVariance, ...]
    """Standard errors that there are, the one that is asked for first."""

    def effects(self, weights: Weights | None = None) -> PolicyEffects:
        """Return the effects of cohorts, averaged."""
        model, timing = self.model, self.timing
        found = SyntheticCohorts(self.y, self.cohorts, self.never, self.codes)
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
        if model.own_clusters:
            result = replace(result, inference=Inference(float(self.codes.max()), model.level))
        return PolicyEffects(terms, coef, covariance, (), None, result)


def variances_of(model: _PolicyModel, never: IntArray, cohorts: Sequence[IntArray]) -> tuple[SyntheticVariance, ...]:
    """Return which standard errors of ``synthetic_did`` there are, the one that the model asks for first.

    ``never``: clusters of the units that never come under the policy, a unit being one where no column is given.
    ``cohorts``: those of each cohort's units. Raises EstimationError if they are too few for what the model asks for.
    """
    without, *each = (np.unique(codes) for codes in (never, *cohorts))
    treated = sum(map(len, each))
    whole = len(np.unique(np.concatenate([without, *each]))) == len(without) + treated
    there: list[SyntheticVariance] = []
    if min(map(len, (without, *each))) > 1:
        there += ["jackknife", "bootstrap"]
    # as many placebos as units with the policy would leave no unit to compare with
    if whole and len(without) > treated:
        there.append("placebo")
    asked = model.sdid_variance
    if there and asked == "auto":
        return tuple(there)
    if asked in there:
        return (asked, *(kind for kind in there if kind != asked))
    if there:
        way_out = Note("did_choose_variance", kinds=cut(there))
    else:
        way_out = Note("choose_more_clusters" if model.own_clusters else "did_put_together")
    facts = {"key": "model.sdid_variance", "policy": model.policy, "who": _who(model), "way_out": way_out}
    if asked in ("jackknife", "bootstrap"):
        raise EstimationError(Note("did_few_for_resampling", variance=asked, **facts))
    if not whole:
        raise EstimationError(Note("did_mixed_for_placebo", **facts))
    raise EstimationError(Note("did_few_for_placebo", never=len(without), treated=treated, **facts))


def _who(model: _PolicyModel) -> Note:
    """Return what is left out, drawn or dealt as a whole, in words."""
    by = "".join(model.own_clusters)
    return Note("did_whole_clusters", by=by) if by else Note("of_units")


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
    """Return the standard errors that there are: a single cluster with all weights cannot be left out."""
    kind, *others = design.kinds
    if kind != "jackknife" or found.weighted > 1:
        return kind
    if model.sdid_variance == "auto" and "placebo" in others:
        return "placebo"
    way_out = Note("did_choose_variance", kinds=cut(others))
    facts = {"key": "model.sdid_variance", "policy": model.policy, "who": _who(model), "way_out": way_out}
    raise EstimationError(Note("did_one_weight", **facts))


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
        effects, counts = found.jackknife()
        # a mean depends on how many units of each cohort are left, and not on which
        sizes, which = np.unique(counts, axis=0, return_inverse=True)
        left = np.einsum("nmc,nc->nm", np.array([weights(size) for size in sizes])[which.ravel()], effects)
        # (G - 1)/G Σ (τ₋g - mean)², Arkhangelsky et al. (2021), algorithm 3
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
        "placebo": Note("did_placebo_errors", draws=model.sdid_draws, who=_who(model)),
        "bootstrap": Note("did_bootstrap_errors", draws=model.sdid_draws, who=_who(model)),
        "jackknife": Note("did_jackknife_errors", who=_who(model)),
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
