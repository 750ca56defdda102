"""Dynamic spatial panels by quasi-maximum likelihood with bias corrections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import model_validator

from digicarbon.arrays import FloatArray
from digicarbon.errors import DataError, EstimationError, WeightsError
from digicarbon.model._durbin import WithLags, refuse_names
from digicarbon.model._panel_columns import rows_of
from digicarbon.model._spatial_estimates import MOST_UNITS
from digicarbon.model._spatial_result import ends_of, roles_of, sizes, without_errors
from digicarbon.model.base import in_order, refuse_constant, refuse_too_small, refuse_unidentified, sentences
from digicarbon.model.batch import Batch, Estimand, Null, columns_key, under_null
from digicarbon.note import Note
from digicarbon.numeric.linear.within import EFFECTS_OF, absorbed_count, demean
from digicarbon.numeric.spatial.likelihood import in_sample
from digicarbon.packs.dynamic_space.model._estimates import DYNAMIC, Design, Estimates, estimate
from digicarbon.packs.dynamic_space.numeric.effects import LONG, SHORT
from digicarbon.packs.dynamic_space.numeric.estimator import Correction, Setting
from digicarbon.packs.dynamic_space.numeric.null import DynamicNulls
from digicarbon.packs.dynamic_space.numeric.spectrum import spectrum_of
from digicarbon.panel import Panel
from digicarbon.result import LAG_Y, VARIANCE, Inference, Quantity, Resampled, Result, Role
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from digicarbon.numeric.resampling.null_model import NullModel
    from digicarbon.packs.dynamic_space.model._batch import DynamicRestrictions

ROLES = {"rho": LAG_Y, "lag_y": Role("past_y"), "W_lag_y": Role("past_lag_y"), "sigma2": VARIANCE}
SAME_LAG = 1e-9
"""Relative difference up to which a lag is the row before."""


class DynamicSpatialPanel(WithLags):
    r"""A spatial panel model with the outcome's own past and its neighbours' past.

    .. math::
        y_t = \rho W y_t + \tau y_{t-1} + \eta W y_{t-1} + X_t \beta + W X_t \theta + c + \alpha_t 1 + v_t

    Attributes
    ----------
    y, x, controls
        As in `Model`. The first period of the panel is where the outcome's past begins.
    kind : {"sar", "sdm"}
        Spatial lag of y; of y and x (Durbin).
    effects : {"unit", "time", "two_way"}
        Fixed effects.
    time_lag : bool
        Whether the outcome's own past, y_{t-1}, is in the model.
    space_time_lag : bool
        Whether its neighbours' past, W y_{t-1}, is in the model.
    bias_correction : {"score", "lee_yu", "none"}
        ``none``: quasi-maximum likelihood with dummies, whose estimates have a bias of the order 1/T. ``lee_yu``: its
        correction in one step by the expected information, which leaves a bias of the order 1/T². ``score``: the
        estimate at which the score equals its exact expectation, without bias whatever T is. The latter two take time
        effects out by Lee & Yu's transformation, which needs equal row sums of W.
    cov : {"classic", "robust"}
        Of the information under normal errors, the observed one, or with ``lee_yu`` the expected one; with third and
        fourth moments of the errors.

    References
    ----------
    Yu, de Jong & Lee (2008), Journal of Econometrics 146; Lee & Yu (2010), Econometric Theory 26; Yang (2018), Journal
    of Econometrics 205; Dhaene & Jochmans (2016), Econometric Theory 32.
    """

    scripts: ClassVar[Mapping[str, str]] = {
        "extract": "digicarbon.packs.dynamic_space.script.dynamic_space:extract",
        "r": "digicarbon.packs.dynamic_space.script.dynamic_space:r_script",
        "stata": "digicarbon.packs.dynamic_space.script.dynamic_space:stata_script",
    }
    references: ClassVar[tuple[str, ...]] = ("dhaene2016", "lee2010dynamic", "yang2018", "yu2008")

    kind: Literal["sar", "sdm"] = "sdm"
    effects: Literal["unit", "time", "two_way"] = "two_way"
    time_lag: bool = True
    space_time_lag: bool = True
    bias_correction: Correction = "score"
    cov: Literal["classic", "robust"] = "classic"

    @model_validator(mode="after")
    def _consistent(self) -> DynamicSpatialPanel:
        if not (self.time_lag or self.space_time_lag):
            raise ValueError(Note("dynamic_without_lags"))
        refuse_names((*ROLES, *(f"W_{name}" for name in self.lagged)), self.regressors)
        if self.past in self.regressors:
            raise ValueError(Note("dynamic_lag_given", key="x" if self.past in self.x else "controls", term=self.past))
        return self

    @property
    def past(self) -> str:
        """The term of the outcome's lag."""
        return f"L.{self.y}"

    @property
    def terms(self) -> tuple[str, ...]:
        """All columns that the model reads, the outcome's lag among them."""
        return (self.y, self.past, *super().terms[1:])

    @property
    def ignored(self) -> frozenset[str]:
        """Fields that mean nothing for the kind."""
        return self.untested | (frozenset({"durbin"}) if self.kind == "sar" else frozenset())

    @sentences
    def fit(self, panel: Panel, weights: Weights | None = None) -> Result:
        """Fit the model to a balanced panel.

        Parameters
        ----------
        panel : Panel
        weights : Weights
            For exactly the panel's units, in any order.

        Returns
        -------
        Result
            Terms are the regressors, ``W_<name>`` for their spatial lags, ``lag_y``, ``W_lag_y``, ``rho`` and
            ``sigma2``. Effects are ``direct``, ``indirect`` and ``total`` at once, and with ``long_`` before it in the
            long run, where the model is stable. The statistic ``stability`` is the largest modulus of the roots by
            which the past dies out; ``persistence`` is τ + (ρ + η)c, c the row sum of W, where all rows have the same.

        Raises
        ------
        DataError, WeightsError, EstimationError
        """
        return self.tested(self.estimated(panel, weights), panel, weights)

    def tested(self, result: Result, panel: Panel, weights: Weights | None) -> Result:
        """Return a result with p values by the model's test, and a note where a null model has no long run."""
        out = super().tested(result, panel, weights)
        if self.test == "errors" or out.resampled is None or not set(LONG) <= set(out.effect_names):
            return out
        roots = [one.null().root for one in self.restrictions(panel, weights, result)]
        if max(roots, default=0.0) < 1:
            return out
        return replace(out, notes=(*out.notes, Note("long_run_null_unstable", largest=round(max(roots), 4))))

    def estimated(self, panel: Panel, weights: Weights | None) -> Result:
        """Return the fit with p values from its standard errors."""
        design = self.design(panel, weights)
        found = estimate(design)
        coef, covariance = found.named
        boundary = ("rho",) if found.fit.boundary else ()
        covariance = without_errors(covariance, [len(design.names) + design.tail.index(name) for name in boundary])
        effects = found.effects()
        inference = Inference(None, self.level)
        resampled = None
        if effects is not None and len(effects.names) > len(SHORT):
            ratios = found.ratios(inference.critical)
            numbers = np.full((3, *effects.coef.shape), np.nan)
            numbers[0, len(SHORT) :] = inference.columns(ratios.stat, np.ones_like(ratios.stat))["p"]
            numbers[1, len(SHORT) :], numbers[2, len(SHORT) :] = ratios.low, ratios.high
            resampled = Resampled(np.full((3, len(coef)), np.nan), numbers, wild=False)
        return Result(
            kind=f"dynamic_{self.kind}",
            y=self.y,
            focal=self.x,
            terms=(*design.names, *design.tail),
            coef=coef,
            covariance=covariance,
            inference=inference,
            statistics=self._statistics(found),
            spatial_effects=effects,
            absorbed=EFFECTS_OF[self.effects],
            notes=self._notes(found, resampled),
            residuals=found.fit.residuals,
            boundary=boundary,
            beyond=("rho",) * found.beyond,
            resampled=resampled,
            roles=roles_of(False, self.regressors, self.lagged, tuple(ROLES[name] for name in design.tail)),
        )

    def null(self, panel: Panel, weights: Weights | None, candidates: Sequence[Weights]) -> Null | None:
        """Return the model without its focal terms and their spatial lags."""
        design = self.design(panel, weights)
        made = panel.with_terms(self.terms)
        stay = under_null(self.x, self.regressors)
        own = [name for name in self.lagged if name in stay]
        names = [*stay, *(f"W_{name}" for name in own)]
        keep = [place for place, name in enumerate(design.names) if name in names]
        key = (
            "dynamic",
            design.setting,
            columns_key(made, stay),
            columns_key(made, own),
            columns_key(made, (self.y, self.past)),
            design.w,
        )

        def fit() -> NullModel:
            again = self.design(panel, weights)
            nothing = np.empty((*again.y.shape, 0))
            nulls = DynamicNulls(
                again.y, again.before, again.level[..., keep], nothing, rows_of(made), again.w, again.setting
            )
            return nulls.shifted(np.empty(0))

        return Null(key, fit)

    def batch(self, panel: Panel, weights: Weights | None, estimand: Estimand) -> Batch:
        """Return what fits the model to many outcomes of the same first period."""
        from digicarbon.packs.dynamic_space.model._batch import batch_of

        return batch_of(self.design(panel, weights), estimand)

    def restrictions(self, panel: Panel, weights: Weights | None, result: Result) -> list[DynamicRestrictions]:
        """Return the coefficients and the effects of each focal term as restrictions."""
        from digicarbon.packs.dynamic_space.model._batch import DynamicRestrictions, batch_of

        design, rows = self.design(panel, weights), rows_of(panel.with_terms(self.terms))
        found, out = estimate(design), []
        for term in self.x:
            own = [name for name in (term, f"W_{term}") if name in design.names]
            estimands = Estimand.of_term(term, own, self.quantities)
            out.append(DynamicRestrictions(estimands, batch_of(design, estimands[0]), found, rows, term))
        return out

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The coefficient, the effects in the long run and those at once."""
        return ("coefficient", *LONG, *SHORT)

    def cautions(self, result: Result, panel: Panel, weights: Weights | None) -> list[Note]:
        """Return what a reader must know before the p values of the wild bootstrap."""
        from digicarbon.model.cautions import Filters, unit_effects_left_out

        if weights is None or self.effects != "time":
            return []
        made = panel.with_terms(self.terms)
        of_now = Filters.of(result, weights.align(made).operator)
        filters = replace(of_now, lagged=of_now.lagged | ({self.past} if self.space_time_lag else set()))
        terms = (*made.expanded(self.regressors, among=self.terms), self.past)
        return unit_effects_left_out(made, self.y, terms, self.effects, filters)

    def estimates(self, panel: Panel, weights: Weights | None) -> Estimates:
        """Return the fit, from which effects and responses follow."""
        return estimate(self.design(panel, weights))

    def design(self, panel: Panel, weights: Weights | None) -> Design:
        """Return checked arrays in the panel's order."""
        panel, weights = in_order(panel, weights, f"dynamic_{self.kind}", self.terms, self.effects, lagged=True)
        w = weights.operator
        n, t = panel.shape
        setting = Setting(n, t, self.effects, self.bias_correction, self.time_lag, self.space_time_lag)
        if setting.drops_constant and w.constant_row_sum is None:
            raise WeightsError(Note("dynamic_unequal_rows", weights=weights.called))
        raw = panel.cube((*self.regressors, self.y, self.past))
        y, before = raw[..., -2], raw[..., -1]
        self._refuse_apart(y, before)
        lagged = w.lag(raw)
        names = (*self.regressors, *(f"W_{name}" for name in self.lagged))
        refuse_too_small(n * t - absorbed_count(n, t, self.effects), len(names) + len(setting.active), self.effects)
        own = [self.regressors.index(name) for name in self.lagged]
        level = np.concatenate([raw[..., :-2], lagged[..., own]], axis=2)
        k, lags = level.shape[2], {1: raw[..., -1:], 2: lagged[..., -1:]}
        past = [place for place in setting.active if place]
        every = np.concatenate([level, *(lags[place] for place in past), y[..., None]], axis=2)
        both = demean(every, self.effects)
        within = np.ascontiguousarray(both[..., :k])
        refuse_constant(self.y, both[..., -1], y, self.effects, DataError)
        rows, before_effects = (cube[..., :-1].reshape(n * t, -1) for cube in (both, every))
        refuse_unidentified((*names, *(DYNAMIC[place] for place in past)), rows, before_effects, self.effects)
        if self.bias_correction != "none" and setting.unit_effects:
            # of a large W without real eigenvalues there are no traces
            spectrum_of(w, setting.drops_constant)
        robust = self.cov == "robust"
        if robust and n > MOST_UNITS:
            raise WeightsError(Note("too_many_for_moments", key="model.cov", units=n, most=MOST_UNITS))
        if robust and ((setting.unit_effects and t == 2) or (self.effects != "unit" and n == 2)):
            raise EstimationError(Note("third_moments_unknown", key="model.cov"))
        return Design(level, within, y, before, names, self.regressors, w, setting, robust)

    def _refuse_apart(self, y: FloatArray, before: FloatArray) -> None:
        """Refuse periods that do not follow each other: the lag is then not the row before."""
        scale = max(float(np.abs(y).max()), 1.0)
        apart = np.abs(before[1:] - y[:-1]).max(axis=1, initial=0.0) > SAME_LAG * scale
        if apart.any():
            raise DataError(Note("dynamic_periods_apart", y=self.y, count=int(apart.sum())))

    def _statistics(self, found: Estimates) -> dict[str, float]:
        design, fit, setting = found.design, found.fit, found.design.setting
        k = len(design.names) + len(setting.active) + 1
        y = demean(design.y, self.effects)
        sample = setting.direct
        corrected = setting.correction == "score" or sample.drops_constant
        absorbed = absorbed_count(setting.n, setting.t, self.effects)
        size = setting.size if corrected else sample.size - absorbed
        rho, tau, eta = (float(value) for value in fit.theta)
        tail, c = dict(zip(DYNAMIC, (rho, tau, eta), strict=True)), design.w.constant_row_sum
        return {
            **sizes(setting.n, setting.t, setting.size, fit.loglik, k, sample.size),
            "r2_within": 1 - float((fit.residuals**2).sum()) / float(((y - y.mean()) ** 2).sum()),
            **{DYNAMIC[place]: tail[DYNAMIC[place]] for place in setting.active},
            "sigma2": fit.sigma2,
            **({} if c is None else {"persistence": tau + (rho + eta) * c}),
            "stability": found.stability,
            "df_resid": float(size - k + 1),
        }

    def _notes(self, found: Estimates, resampled: Resampled | None) -> tuple[Note, ...]:
        fit, setting = found.fit, found.design.setting
        bare = np.array_equal(fit.theta, fit.quasi)
        one_step = setting.unit_effects and not bare and (fit.lost or self.bias_correction == "lee_yu")
        plain = Note("errors_information") if one_step else Note("dynamic_errors")
        notes = [Note("errors_quasi") if self.cov == "robust" else plain]
        if self.effects == "time":
            notes += [Note("dynamic_time_only")]
        elif self.bias_correction == "none":
            stable = found.stability < 1
            notes += [Note("dynamic_uncorrected" if stable else "dynamic_uncorrected_unstable", periods=setting.t)]
        elif self.bias_correction == "lee_yu":
            lost = Note("dynamic_no_correction", periods=setting.t)
            notes += [lost if fit.lost else Note("dynamic_lee_yu", periods=setting.t)]
        elif fit.lost:
            notes += [Note("dynamic_neither", periods=setting.t) if bare else Note("dynamic_no_maximum")]
        else:
            notes += [Note("dynamic_score")]
        if self.bias_correction != "none" and setting.unit_effects:
            error = spectrum_of(found.design.w, setting.drops_constant).error
            if error > 0:
                notes.append(Note("dynamic_estimated_traces", error=100 * error))
        if fit.boundary:
            notes.append(
                Note("at_boundary", parameter="rho", **ends_of(in_sample(found.design.w, setting.direct).bounds))
            )
        if found.beyond:
            notes.append(Note("rho_beyond", **ends_of(found.design.w.bounds)))
        if not found.stability < 1:
            notes.append(Note("dynamic_unstable", largest=round(found.stability, 4)))
        if resampled is not None and self.test == "wild" and self.intervals:
            notes.append(Note("long_run_wild"))
        if resampled is not None and self.test == "errors":
            notes.append(Note("long_run_ratio"))
            if np.isinf(resampled.effects[1:]).any():
                notes.append(Note("long_run_unbounded"))
        return tuple(notes)
