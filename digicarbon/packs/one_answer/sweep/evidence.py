"""The evidence for each specification of a sweep: what it can be compared with, and how well the data support it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from digicarbon import pack, progress
from digicarbon.errors import DigicarbonError
from digicarbon.executor import Executor
from digicarbon.model import PanelRegression, SpatialPanel
from digicarbon.model.batch import Estimand
from digicarbon.model.dependence import dependence_pair, design_effect_of
from digicarbon.note import Note, note_of
from digicarbon.numeric.averaging import log_dilution
from digicarbon.numeric.linear.within import EffectsKind, Rows, absorb
from digicarbon.packs.one_answer.report.evidence import Evidence, EvidenceRequest, Support
from digicarbon.packs.one_answer.sweep.left_out import Fit, left_out, numbers_of
from digicarbon.panel import Panel
from digicarbon.plan.runs import Run
from digicarbon.result import Result
from digicarbon.spec import identity
from digicarbon.sweep.joint import Specification, estimand_of, estimate_key
from digicarbon.weights import Weights

LogMarginal = Callable[..., tuple[float, float]]
"""Of a spatial model, a panel, weights, and the kind of model that has its columns: the log marginal likelihood and the
highest log-likelihood of the same rows."""
BEYOND = ("lag_y", "lag_error")
"""Roles of parameters of which degrees of freedom count one at most."""


def evidence(fits: Iterable[tuple[Run, Result]], request: EvidenceRequest, executor: Executor) -> Evidence:
    """Return the evidence for each run that has the requested estimate; fits are read once.

    The executor fits specifications again without each unit, if this is requested.
    """
    again: dict[Hashable, Fit] = {}
    chosen: list[tuple[Run, Estimand, Result]] = []
    for place, (run, result) in enumerate(fits):
        estimand, _ = estimand_of(run, result, request.quantity, request.term)
        numbers = None if estimand is None else numbers_of(result, estimand)
        if estimand is None or numbers is None or not np.isfinite(numbers).all():
            continue
        chosen.append((run, estimand, replace(result, tables={}, covariance=np.empty((0, 0)))))
        if request.leave_out:
            # the same estimate with other standard errors is no further specification
            key = estimate_key(Specification(place, run, estimand, *numbers[:2]))
            again.setdefault(key, Fit(run, estimand, numbers))
    found = (run.prepared.weights for run, _, _ in chosen)
    supports = Supports(list({one.digest: one for one in found if one is not None}.values()))
    with progress.phase(Note("phase_support"), len(chosen)) as advance:
        each = []
        for run, _, result in chosen:
            each.append(supports.of(run, result))
            advance(len(each))
    left = left_out(list(again.values()), executor) if again else None
    return Evidence(request.quantity, request.term, tuple(each), left)


@dataclass(eq=False)
class Supports:
    """Collects how well the data support each run.

    A regression without W takes the sample of a spatial model of the same data with one of the candidate weights.
    """

    candidates: Sequence[Weights]
    _correlations: dict[Hashable, float] = field(default_factory=dict)
    _design_effects: dict[Hashable, float] = field(default_factory=dict)

    def of(self, run: Run, result: Result) -> Support:
        """Return the support of a run."""
        model = run.specs.model
        panel = run.prepared.panel.with_terms(model.terms)
        marginal, (value, highest), why_marginal = self._marginal(run, panel)
        one = Support(
            label=run.label,
            marginal=marginal,
            why=Note("why_no_likelihood", model=run.options["model"]),
            why_marginal=why_marginal,
            log_marginal=value,
            marginal_loglik=highest,
            correlation=self._correlation(run, result, panel),
        )
        if not {"loglik", "nobs", "df_resid"} <= set(result.statistics):
            return one
        loglik, parameters, observations = _criterion(result)
        likelihood = _likelihood_key(run, result, panel, observations)
        one = replace(
            one,
            why=None,
            likelihood=likelihood,
            loglik=loglik,
            parameters=parameters,
            observations=observations,
            design_effect=self._design_effect(run, panel),
            size=len(panel.index) - result.statistics["df_resid"],
        )
        regression = model.as_a(PanelRegression)
        if regression is not model or not _plain(regression) or effects_of(result) == "none":
            return one
        return _within(one, run, result, panel)

    def _design_effect(self, run: Run, panel: Panel) -> float:
        """Return k of a run, from fits that differ in their standard errors alone; not-a-number where there is none."""
        weights = run.prepared.weights
        pair = dependence_pair(run.specs.model)
        if pair is None:
            return float("nan")
        key = identity(pair[0]), panel.digest_of(panel.expanded(pair[0].terms)), weights and weights.digest
        if key not in self._design_effects:
            self._design_effects[key] = design_effect_of(pair, panel, weights)
        return self._design_effects[key]

    def _marginal(self, run: Run, panel: Panel) -> tuple[str, tuple[float, float], Note | None]:
        """Return the key of comparable runs, and the log marginal and the highest likelihood, or why there is none."""
        model, none = run.specs.model, (float("nan"), float("nan"))
        spatial, regression = model.as_a(SpatialPanel), model.as_a(PanelRegression)
        known = pack.offered("log_marginal")
        if not known:
            return "", none, Note("why_no_marginal", model=run.options["model"])
        log_marginal: LogMarginal = known[0]
        try:
            if spatial is model:
                value = log_marginal(spatial, panel, run.prepared.weights)
                return _marginal_key(panel, model.y, spatial.effects), value, None
            # the regression that stands for another kind of model has other columns
            if regression is None or regression is not model or not _plain(regression):
                return "", none, Note("why_no_marginal", model=run.options["model"])
            weights = next((one for one in self.candidates if one.labels == panel.units), None)
            if weights is None:
                return "", none, Note("why_no_space")
            # the spatial lag model with the regression's columns and effects; as ``ols`` it is the regression itself
            y, x, controls = regression.y, regression.x, regression.controls
            same = SpatialPanel(y=y, x=x, controls=controls, kind="sar", effects=regression.fixed, test="errors")
            return _marginal_key(panel, model.y, same.effects), log_marginal(same, panel, weights, "ols"), None
        except DigicarbonError as error:
            return "", none, note_of(error)

    def _correlation(self, run: Run, result: Result, panel: Panel) -> float:
        """Return ln |R| of the regressors of a run, after the effects of units and periods are taken out."""
        model = run.specs.model
        names = panel.expanded(model.regressors, among=model.terms)
        effects = effects_of(result)
        key = panel.digest_of(names), effects
        if key not in self._correlations:
            n, t = panel.shape
            rows = Rows(panel.unit_codes, panel.period_codes, n, t)
            self._correlations[key] = log_dilution(absorb(panel.array(names), rows, effects), 1.0)
        return self._correlations[key]


def effects_of(result: Result) -> EffectsKind:
    """Return the fixed effects of units and periods in a result."""
    unit, time = ("unit" in result.absorbed), ("time" in result.absorbed)
    if unit and time:
        return "two_way"
    return "unit" if unit else "time" if time else "none"


def _plain(regression: object) -> bool:
    """Return whether a panel regression is least squares on rows with no more than effects of units and periods."""
    return (
        getattr(regression, "estimator", "") in ("within", "lsdv")
        and not getattr(regression, "absorbs", True)
        and getattr(regression, "observation_weights", None) is None
        and getattr(regression, "fixed", "") == getattr(regression, "effects", None)
    )


def _criterion(result: Result) -> tuple[float, float, float]:
    """Return log-likelihood, parameters beside the variance, and observations.

    A variance is in every model. Fixed effects that are coefficients count; those that a transformation took out
    before the likelihood do not.
    """
    statistics = result.statistics
    observations = statistics.get("nobs_effective", statistics["nobs"])
    kinds = [role.kind for role in result.roles] or ["regressor"] * len(result.terms)
    own = sum(kind not in ("variance", *BEYOND) for kind in kinds)
    beyond = sum(kind in BEYOND for kind in kinds)
    absorbed = observations - statistics["df_resid"] - own - min(beyond, 1)
    return statistics["loglik"], own + beyond + absorbed, observations


def _within(one: Support, run: Run, result: Result, panel: Panel) -> Support:
    """Return the support of a regression with its likelihood in the rows that Lee and Yu's transformation leaves.

    There a spatial model without spatial dependence is this regression, with as many observations.
    """
    # a constant beside fixed effects is their mean
    slopes = len(result.terms_of("regressor"))
    observations = one.observations - (one.parameters - slopes)
    ssr = result.statistics["sigma2"] * result.statistics["df_resid"]
    return replace(
        one,
        within=_transformed_key(run, panel, "SpatialPanel ", effects_of(result), observations),
        within_loglik=-observations / 2 * (float(np.log(2 * np.pi * ssr / observations)) + 1),
        within_parameters=float(slopes),
        within_observations=observations,
    )


def _likelihood_key(run: Run, result: Result, panel: Panel, observations: float) -> str:
    """Return what is equal for runs that explain the same values of the same outcome by a likelihood of the same kind.

    A likelihood of all rows can be compared whatever the effects. One of rows that were transformed, or of which the
    first period is taken as given, is that of its own kind of model and effects.
    """
    model = run.specs.model
    effects = effects_of(result)
    if observations == len(panel.index) and not result.transformed:
        return panel.digest_of((model.y,))[:16]
    family = "SpatialPanel" if model.as_a(SpatialPanel) is not None else type(model).__name__
    family += f" {getattr(model, 'estimator', '')}"
    return _transformed_key(run, panel, family, effects, observations)


def _transformed_key(run: Run, panel: Panel, family: str, effects: str, observations: float) -> str:
    return f"{panel.digest_of((run.specs.model.y,))[:16]} {family} {effects} {observations:.0f}"


def _marginal_key(panel: Panel, y: str, effects: str) -> str:
    return f"{panel.digest_of((y,))[:16]} {effects}"
