"""Spatial panel models by maximum likelihood."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from digicarbon.errors import DataError, WeightsError
from digicarbon.inference import SPATIAL_REFERENCES
from digicarbon.model._absorption import groups_of_units
from digicarbon.model._durbin import DURBIN_KINDS, WithLags, refuse_names
from digicarbon.model._latest import LATEST, columns_of
from digicarbon.model._panel_columns import Columns, rows_of
from digicarbon.model._panel_goodness import variation
from digicarbon.model._spatial_estimates import (
    MOST_UNITS,
    ROLES,
    Covariance,
    Design,
    ErrorStructure,
    Estimates,
    Kind,
    dense,
    estimate,
    squared_correlation,
)
from digicarbon.model._spatial_result import ends_of, picked, roles_of, sizes, without_errors
from digicarbon.model.base import (
    Model,
    in_order,
    needed,
    refuse_constant,
    refuse_too_small,
    refuse_unidentified,
    require_panel,
    sentences,
)
from digicarbon.model.batch import Batch, Estimand, Null, OneByOne, columns_key, under_null
from digicarbon.model.tested import ClusteredUnits
from digicarbon.note import Note
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.linear.within import EFFECTS_OF, EffectsKind, absorb, absorbed_count, demean
from digicarbon.numeric.spatial.effects import effects_by_unit, lag_effects, local_effects, simulated_errors
from digicarbon.numeric.spatial.likelihood import Correction, Demeaning, Sample, in_sample, near_end, twin
from digicarbon.numeric.spatial.operator import SpatialOperator
from digicarbon.panel import Panel
from digicarbon.result import Effects, Inference, Result
from digicarbon.spec import under
from digicarbon.weights import Weights, WeightsSpec
from digicarbon.weights.base import Node

if TYPE_CHECKING:
    from digicarbon.model._group_quantities import GroupQuantities
    from digicarbon.model.restrictions import Redrawn, Restrictions
    from digicarbon.numeric.resampling.null_model import NullModel


NO_PHI = 1e-5
"""A phi below this one is at the end of its range, zero; that of sem, effects outside, is sought from exp(-12) on."""
SpatialEffects = Literal["none", "unit", "time", "two_way", "random"]
_ERRORS: Mapping[Covariance, Note] = {
    "classic": Note("errors_information"),
    "observed": Note("errors_observed"),
    "robust": Note("errors_quasi"),
}


_OF_ERRORS = frozenset({*ClusteredUnits.model_fields, "cov", "effects_se", "effects_draws"} - {*Model.model_fields})
"""Fields that change nothing of the arrays of a design."""


@lru_cache(64)
def _sample(n: int, t: int, effects: EffectsKind, correction: Correction) -> Sample:
    """Return a sample, which knows its sizes when it is met again."""
    return Sample(n, t, effects, correction)


class SpatialPanel(WithLags, ClusteredUnits):
    """A static spatial panel model fitted by maximum likelihood.

    Attributes
    ----------
    kind : {"slx", "sar", "sem", "sdm", "sdem", "sac"}
        Spatial lags of x; of y; spatial error; lags of y and x (Durbin); lags of x with spatial error; lag of y with
        spatial error (SARAR).
    effects : {"none", "unit", "time", "two_way", "random"}
        Fixed effects, or random unit effects (sar, sdm, sem and sdem).
    bias_correction : {"lee_yu", "none", "bias_corrected"}
        Lee & Yu's transformation likelihood; direct maximum likelihood; the direct estimate with Lee & Yu's correction.
        Without fixed effects the three are the same.
    demeaning : {"exact", "first"}
        ``exact`` takes spatial lags of raw data and demeans afterwards, the likelihood of the model with dummies;
        ``first`` demeans y before it is lagged, as splm does. They differ under time and two-way effects.
    error_structure : {"baltagi", "kkp"}
        Of random effects with spatial error: effects outside (Baltagi, Song & Koh 2003) or inside (Kapoor, Kelejian &
        Prucha 2007) the spatial process.
    error_weights : mapping or None
        A node with a ``_target_``, the weights of the error in ``sem``, ``sdem`` and ``sac`` where they are not those
        of the lag.
    cov : {"classic", "observed", "robust", "cluster"}
        Inverse of the expected information; of the observed one, minus the Hessian of the log-likelihood; quasi-maximum
        likelihood with third and fourth moments of the errors; errors that are independent between units, and of any
        variance and correlation within them (see `digicarbon.numeric.spatial.robust.unit_clustered`).
    cluster : "unit" or the name of a column
        What is independent of what else with ``cov="cluster"``: units, or groups of units, at least five, whose errors
        may depend on each other in any way; the wild bootstrap then has a sign for each group.
    effects_se : {"delta", "simulation"}
        Standard errors of effects: exact delta method, or from draws of the parameters.
    effects_draws : int
        Draws of the simulation.
    test, draws, weights, seed, intervals, level
        As in `digicarbon.model.tested.Tested`; the seed is that of the simulation, too.

    References
    ----------
    Elhorst (2014), Spatial Econometrics, ch. 3; Lee & Yu (2010), Journal of Econometrics 154; LeSage & Pace (2009).
    """

    scripts: ClassVar[Mapping[str, str]] = {
        "extract": "digicarbon.replication.part.spatial:extract",
        "r": "digicarbon.replication.part.spatial_r:script",
        "stata": "digicarbon.replication.part.spatial_stata:script",
    }
    former: ClassVar[Mapping[str, str]] = {**ClusteredUnits.former, "draws": "effects_draws"}
    references: ClassVar[tuple[str, ...]] = ("elhorst2014", "lee2010panel", "lesage2009")
    references_by: ClassVar[Mapping[str, Mapping[str, tuple[str, ...]]]] = SPATIAL_REFERENCES

    share_of_p: ClassVar[float] = 0.16

    kind: Kind
    effects: SpatialEffects = "two_way"
    bias_correction: Correction = "lee_yu"
    demeaning: Demeaning = "exact"
    error_structure: ErrorStructure = "baltagi"
    error_weights: Node | None = None
    cov: Covariance = "cluster"
    effects_se: Literal["delta", "simulation"] = "delta"
    effects_draws: Annotated[int, Field(ge=100)] = 1000

    @model_validator(mode="after")
    def _consistent(self) -> SpatialPanel:
        if self.demeaning == "first" and self.bias_correction != "none" and self.effects in ("time", "two_way"):
            raise ValueError(Note("first_without_lee_yu", key="demeaning"))
        if self.effects == "random" and self.kind in ("sac", "slx"):
            raise ValueError(Note("random_not_of_kind", kind=self.kind))
        if self.cov != "classic" and self.effects == "random":
            raise ValueError(Note("cov_not_of_random", key="cov", cov=self.cov))
        if self.bias_correction == "bias_corrected" and self.kind in ("sac", "slx") and self.fixed != "none":
            raise ValueError(Note("bias_corrected_not_of_kind", kind=self.kind))
        own = {"const", "rho", "lambda", "phi", "sigma2", *(f"W_{name}" for name in self.lagged)}
        refuse_names(own, self.regressors)
        if self.error_weights is not None and not self.has_error:
            raise ValueError(Note("error_weights_not_of_kind", key="error_weights", kind=self.kind))
        return self

    @property
    def ignored(self) -> frozenset[str]:
        """Fields that mean nothing for the kind, its effects and its standard errors."""
        plain = self.fixed == "none"
        meaningless = {
            "durbin": self.kind not in DURBIN_KINDS,
            "bias_correction": plain,
            # means over time are taken from a lag as from what is lagged
            "demeaning": self.fixed in ("none", "unit") or self.kind == "slx",
            "error_structure": self.effects != "random" or not self.has_error,
            "effects_draws": self.effects_se == "delta",
            "cluster": self.cov != "cluster",
        }
        untested = self.untested - {"seed"} if self.effects_se == "simulation" else self.untested
        return untested | {name for name, holds in meaningless.items() if holds}

    @sentences
    def fit(self, panel: Panel, weights: Weights | None = None, error_weights: Weights | None = None) -> Result:
        """Fit the model to a balanced panel.

        Parameters
        ----------
        panel : Panel
        weights : Weights
            For exactly the panel's units, in any order.
        error_weights : Weights, optional
            Those of the spatial error; by default the same.

        Returns
        -------
        Result
            Terms are the regressors, ``W_<name>`` for their spatial lags, then of ``rho``, ``lambda``, ``phi``
            (variance of random effects over that of errors) those that the kind has, and ``sigma2``.

        Raises
        ------
        DataError, WeightsError, EstimationError
        """
        if error_weights is not None and self.test != "errors":
            raise WeightsError(Note("wild_with_given_error_weights"))
        if type(self) is not SpatialPanel:
            return self.tested(self.estimated(panel, weights, error_weights), panel, weights)
        design = self.design(panel, weights, error_weights)
        result = self._estimated(design)
        if self.test == "errors" and self._clearly_even(design):
            return result
        return self.tested(result, panel, weights)

    def estimated(self, panel: Panel, weights: Weights | None, error_weights: Weights | None = None) -> Result:
        """Return the fit with p values from its standard errors."""
        return self._estimated(self.design(panel, weights, error_weights))

    def _estimated(self, design: Design) -> Result:
        found = estimate(self.kind, design, self.demeaning, self.cov, self.error_structure)
        covariance = without_errors(
            found.covariance, [len(design.names) + found.tail.index(name) for name in found.boundary]
        )
        beyond = self._beyond(found, design)
        return Result(
            kind=self.kind,
            y=self.y,
            focal=self.x,
            terms=(*design.names, *found.tail),
            coef=found.coef,
            covariance=covariance,
            inference=Inference(None, self.level),
            statistics=self._statistics(found, design),
            # at ρ's boundary I - ρW is singular: numbers would be noise of the inverse. At λ's no error can be trusted,
            # and beyond the range of W shocks of neighbours do not die out
            spatial_effects=None if beyond or found.boundary else self._effects(found, design),
            absorbed=("random",) if self.effects == "random" else EFFECTS_OF[self.effects],
            random=("unit",) if self.effects == "random" else (),
            notes=self._notes(found, design, beyond),
            residuals=found.residuals,
            boundary=found.boundary,
            beyond=beyond,
            roles=roles_of(
                self.fixed == "none", self.regressors, self.lagged, tuple(ROLES[name] for name in found.tail)
            ),
        )

    def null(self, panel: Panel, weights: Weights | None, candidates: Sequence[Weights]) -> Null | None:
        """Return the model without its focal terms and their spatial lags; random effects are left in the errors."""
        from digicarbon.model._spatial_batch import fit_null, null_sample

        design = self.design(panel, weights)
        panel = panel.with_terms(self.terms)
        stay = under_null(self.x, self.regressors)
        family = "error" if self.kind in ("sem", "sdem") else "combined" if self.kind == "sac" else "lag"
        # the null model of a lag has the lags of all regressors of its own
        own = [name for name in self.lagged if name in stay and family != "lag"]
        names = [*stay, *(f"W_{name}" for name in own), "const"]
        keep = [place for place, name in enumerate(design.names) if name in names]
        shared = (
            columns_key(panel, stay),
            columns_key(panel, own),
            panel.columns[self.y].digest,
            # the operators themselves: a number of theirs could be given to a later one
            design.w,
            design.m if family != "lag" else None,
        )

        def fit() -> NullModel:
            # made anew: thousands of null models that wait to be fitted hold no arrays
            return fit_null(self.kind, self.design(panel, weights), keep, rows_of(panel))

        return Null((family, null_sample(design), *shared), fit)

    def batch(self, panel: Panel, weights: Weights | None, estimand: Estimand) -> Batch:
        """Return what fits the model to many outcomes at once, one by one where its kind has no faster way."""
        return self.fits(panel, weights, estimand) or OneByOne(self.by_errors, panel, weights, estimand)

    def fits(
        self, panel: Panel, weights: Weights | None, estimand: Estimand, of: GroupQuantities | None = None
    ) -> Batch | None:
        """Return what fits the model to many outcomes at once; None where its kind has no such way."""
        from digicarbon.model._panel_batch import LinearFits
        from digicarbon.model._spatial_batch import CombinedFits, ErrorFits, LagFits, contrast_of
        from digicarbon.numeric.linear.linear_batch import LinearRule

        # Lee & Yu's corrected estimate is not where the likelihood is highest
        off = self.bias_correction == "bias_corrected" and self.fixed != "none"
        if (
            self.cov == "robust"
            or (self.cov == "observed" and off)
            or self.effects_se != "delta"
            or self.effects == "random"
        ):
            return None
        design = self.design(panel, weights)
        if self.kind == "slx":
            columns = self._linear(design, panel)
            groups = design.sample.n if design.clusters is None else design.clusters.count
            rule = (
                LinearRule("groups" if columns.clusters else "unit", (groups / (groups - 1),))
                if self.cov == "cluster"
                else LinearRule("classic", (1 / design.sample.size,))
            )
            transform = partial(absorb, rows=columns.rows, effects=columns.removed)
            return LinearFits(columns, transform, partial(contrast_of, design, of=of), estimand, rule)
        operator = design.w if self.has_lag else design.m
        if design.clusters is not None and operator.n > MOST_UNITS:
            return None
        by_time = self.fixed in ("time", "two_way")
        if self.demeaning == "first" or (by_time and operator.constant_row_sum is None):
            return None
        if self.kind == "sac":
            uneven = by_time and design.m.constant_row_sum is None
            small = operator.n <= MOST_UNITS
            return CombinedFits(design, estimand, self.cov, of) if small and not uneven else None
        fits = ErrorFits if self.has_error else LagFits
        return fits(design, estimand, self.cov, of)

    @property
    def no_wild(self) -> Note | None:
        """Why there is no wild bootstrap of this specification."""
        if self.effects == "random":
            return Note("wild_not_of_random")
        return Note("wild_not_of_simulation") if self.effects_se == "simulation" else None

    def restrictions(self, panel: Panel, weights: Weights | None, result: Result) -> Sequence[Restrictions | Redrawn]:
        """Return the coefficients and the effects of each focal term as restrictions."""
        from digicarbon.model._spatial_restrictions import restrictions_of

        design = self.design(panel, weights)
        made = panel.with_terms(self.terms)
        return [restrictions_of(self, design, result, term, made, weights) for term in self.x]

    def _needs_no_caution(self, result: Result, panel: Panel, weights: Weights | None) -> bool:
        """Return whether the design says already that no unit has much of the variation of a focal term."""
        return type(self) is SpatialPanel and self._clearly_even(self.design(panel, weights))

    def _clearly_even(self, design: Design) -> bool:
        # with time effects alone there is another caution
        if self.fixed not in ("unit", "two_way"):
            return False
        return design.clearly_even(len(self.regressors), tuple(map(self.regressors.index, self.x)))

    @property
    def lag_of_one_variance(self) -> bool:
        """Whether it has a spatial lag and effects, and its standard errors suppose one variance: see docs/size.md."""
        return self.has_lag and self.effects != "random" and self.cov in ("classic", "observed")

    def cautions(self, result: Result, panel: Panel, weights: Weights | None) -> list[Note]:
        """Return what a reader must know before the p values of the wild bootstrap."""
        alike = self.lag_of_one_variance and self.test == "wild" and self.no_wild is None
        errors = [Note("wild_of_one_variance")] if alike else []
        if self._needs_no_caution(result, panel, weights):
            return errors
        from digicarbon.model.cautions import Filters, leverage, unit_effects_left_out

        made, filters = panel.with_terms(self.terms), None
        if weights is not None and self.fixed == "time":
            filters = Filters.of(result, weights.align(made).operator)
        terms = made.expanded(self.regressors, among=self.terms)
        return [
            *errors,
            *leverage(made, result.focal, terms, self.fixed, None, None),
            *unit_effects_left_out(made, self.y, terms, self.fixed, filters),
        ]

    def _linear(self, design: Design, panel: Panel) -> Columns:
        """Return the columns of a model that is least squares, in the order of a panel's rows."""
        values, raw = (
            np.ascontiguousarray(cube.transpose(1, 0, 2)).reshape(-1, cube.shape[2])
            for cube in (design.within, design.level)
        )
        rows = rows_of(panel)
        clusters = () if design.clusters is None else (Groups.coded(design.clusters.codes[rows.unit_codes]),)
        return Columns(design.names, values, raw, rows, self.fixed, clusters=clusters)

    def unit_effects(self, result: Result, panel: Panel, weights: Weights) -> pd.DataFrame:
        """Return the effects of each unit, of a result of `fit` with the same panel and weights, by (unit, term).

        Columns own (∂y_i/∂x_i), received (Σ_j ∂y_i/∂x_j) and sent (Σ_j ∂y_j/∂x_i), j other units.
        """
        coef = dict(zip(result.terms, result.coef, strict=True))
        beta = np.array([coef[name] for name in self.regressors])
        theta = np.array([coef.get(f"W_{name}", 0.0) for name in self.regressors])
        values = effects_by_unit(beta, theta, float(coef.get("rho", 0.0)), weights.align(panel).operator)
        index = pd.MultiIndex.from_product([panel.units, self.regressors], names=[panel.unit_name, "term"])
        return pd.DataFrame(values.reshape(3, -1).T, index=index, columns=["own", "received", "sent"])

    def design(self, panel: Panel, weights: Weights | None, error_weights: Weights | None = None) -> Design:
        """Return checked arrays in the panel's order."""
        weights = needed(weights, self.kind)
        require_panel(panel)
        columns, own = columns_of(panel, self.terms), type(self) is SpatialPanel and self.error_weights is None
        if columns is None or not (own and isinstance(error_weights, Weights | None)):
            # another class may read more
            return self._design(panel, weights, error_weights)
        fields = (value for name, value in self.__dict__.items() if name not in _OF_ERRORS)
        key = (SpatialPanel, *fields, *columns, weights, error_weights)
        return LATEST.once(key, lambda: self._design(panel, weights, error_weights), lambda made: 2 * made.level.nbytes)

    def _design(self, panel: Panel, weights: Weights, error_weights: Weights | None) -> Design:
        effects = "unit" if self.effects == "random" else self.effects
        panel, weights = in_order(panel, weights, self.kind, self.terms, effects)
        if error_weights is not None and not self.has_error:
            raise WeightsError(Note("no_spatial_error", kind=self.kind))
        w = weights.operator
        m = self._error_operator(panel, error_weights) or w
        n, t = panel.shape
        sample = _sample(n, t, self.fixed, self.bias_correction)
        if self._needs_constant_rows(sample) and (w.constant_row_sum is None or m.constant_row_sum is None):
            raise WeightsError(Note("weights_unequal_rows", weights=weights.called))
        raw = panel.cube((*self.regressors, self.y))
        lagged = w.lag(raw)
        constant = ("const",) if self.fixed == "none" else ()
        names = (*constant, *self.regressors, *(f"W_{name}" for name in self.lagged))
        absorbed = 0 if sample.transformed else absorbed_count(n, t, self.fixed)
        refuse_too_small(sample.size - absorbed, len(names) + 1 + (self.kind == "sac"), self.effects)
        of_x = lagged[..., :-1]
        if self.lagged != self.regressors:
            of_x = of_x[..., [self.regressors.index(name) for name in self.lagged]]
        ones = [np.ones((t, n, 1))] * len(constant)
        level = np.concatenate([*ones, raw[..., :-1], of_x, raw[..., -1:], lagged[..., -1:]], axis=2)
        clusters = groups_of_units(panel, self.own_clusters)
        made = Design(level, demean(level, self.fixed), names, w, m, sample, self.effects == "random", clusters)
        if not made.clear:
            self._refuse_unidentified(made)
        return made

    def _refuse_unidentified(self, made: Design) -> None:
        raw, removed = (cube.reshape(-1, cube.shape[2]) for cube in (made.raw, made.removed))
        refuse_unidentified(made.names, removed[:, :-2], raw[:, :-2], self.fixed)
        refuse_constant(self.y, removed[:, -2], raw[:, -2], self.effects, DataError)
        if self.has_lag:
            # what regressors say exactly leaves nothing that tells ρ
            left, before = (np.delete(columns, -2, axis=1) for columns in (removed, raw))
            refuse_unidentified((*made.names, f"W_{self.y}"), left, before, self.fixed)

    def _needs_constant_rows(self, sample: Sample) -> bool:
        # a spatial error filters the time effects, too: centring removes them only if W1 is constant
        by_time = sample.effects in ("time", "two_way")
        return by_time and self.kind != "slx" and (sample.correction != "none" or self.has_error)

    def _error_operator(self, panel: Panel, given: Weights | None) -> SpatialOperator | None:
        if given is None and self.error_weights is not None:
            with under("model.error_weights", WeightsSpec):
                given = self.error_weights.compute(panel)
        return None if given is None else given.align(panel).operator

    def _effects(self, found: Estimates, design: Design) -> Effects:
        """Return effects of every regressor, its own spatial lag taken into account."""
        k, wanted = len(self.regressors), (*self.regressors, *(f"W_{name}" for name in self.regressors), "rho")
        point, covariance = picked(wanted, (*design.names, *found.tail), found.coef, found.covariance)
        beta, theta = point[:k], point[k : 2 * k]
        values = (
            lag_effects(beta, theta, float(point[-1]), covariance, design.w)
            if self.has_lag
            else local_effects(beta, theta, covariance[:-1, :-1], design.w)
        )
        if self.effects_se == "delta":
            return Effects(self.regressors, values.coef, values.se)
        return Effects(
            self.regressors, values.coef, simulated_errors(point, covariance, design.w, self.effects_draws, self.seed)
        )

    def _statistics(self, found: Estimates, design: Design) -> dict[str, float]:
        k = len(found.coef)
        sample = design.sample
        y = design.within[..., -1]
        absorbed = 0 if sample.transformed else absorbed_count(sample.n, sample.t, self.fixed)
        tail = dict(zip(found.tail, found.coef[len(design.names) :], strict=True))
        return {
            # effective observations: likelihoods of one transformation can be compared, others not
            **sizes(sample.n, sample.t, sample.size, found.loglik, k, sample.size),
            # random effects take nothing out of y, so that there is no share of what they leave
            **({} if design.random else {"r2_within": 1 - found.ssr / variation(y.ravel())}),
            "r2_corr": self._squared_correlation(found, design),
            **{name: float(value) for name, value in tail.items()},
            "df_resid": float(sample.size - len(design.names) - (self.kind != "slx") - absorbed),
        }

    def _squared_correlation(self, found: Estimates, design: Design) -> float:
        """Return the squared correlation of y and S⁻¹Zβ, both with fixed effects removed (Elhorst 2014, sec. 3.4)."""
        fitted = design.level[..., :-1] @ found.coef[: len(design.names)]
        if "rho" in found.tail:
            rho = float(found.coef[len(design.names)])
            fitted = fitted + rho * design.w.apply_g(rho, fitted.T).T
        return squared_correlation(design.within[..., -1], demean(fitted, self.fixed))

    def _notes(self, found: Estimates, design: Design, beyond: tuple[str, ...]) -> tuple[Note, ...]:
        notes = [self.errors_note(self.kind != "slx") if self.cov == "cluster" else _ERRORS[self.cov]]
        if design.sample.transformed:
            notes.append(Note("lee_yu_likelihood", observations=design.sample.size))
        if self.bias_correction == "bias_corrected" and self.fixed != "none":
            notes.append(Note("bias_corrected"))
        notes.extend(self._precision(found, design))
        for name in found.boundary:
            bounds = self._range(design.w if name == "rho" else design.m, design.sample)
            notes.append(Note("at_boundary", parameter=name, **ends_of(bounds)))
        if "lambda" in found.tail and not design.random:
            lam = float(found.coef[len(design.names) + found.tail.index("lambda")])
            other = twin(lam, design.m, design.sample)
            if other != lam and not math.isnan(other):
                notes.append(Note("lambda_twin", value=other))
        if "phi" in found.tail and found.coef[len(design.names) + found.tail.index("phi")] < NO_PHI:
            notes.append(Note("phi_at_zero"))
        for name in beyond:
            bounds = (design.w if name == "rho" else design.m).bounds
            notes.append(Note("rho_beyond" if name == "rho" else "lambda_beyond", **ends_of(bounds)))
        return tuple(notes)

    def _range(self, operator: SpatialOperator, sample: Sample) -> tuple[float, float]:
        """Return the range of a spatial parameter in the likelihood."""
        return in_sample(dense(operator) if self.kind == "sac" else operator, sample).bounds

    def _beyond(self, found: Estimates, design: Design) -> tuple[str, ...]:
        """Return which of ρ and λ, inside the range of the likelihood, are at or beyond the end of that of W itself."""
        if not design.sample.drops_constant:
            return ()
        operators = {"rho": design.w, "lambda": design.m}
        values = zip(found.tail, found.coef[len(design.names) :], strict=True)
        return tuple(
            name
            for name, value in values
            if name in operators and name not in found.boundary and near_end(float(value), operators[name])
        )

    def _precision(self, found: Estimates, design: Design) -> list[Note]:
        """Return a note where W was too large for an exact information matrix."""
        if self.kind not in ("sar", "sdm", "sem", "sdem") or self.effects == "random":
            return []
        spatial = float(found.coef[len(design.names)])
        operator = design.w if self.has_lag else design.m
        error = operator.trace_gg_error(spatial)
        if error == 0:
            return []
        share = 100 * error / operator.trace_gg(spatial)
        return [Note("estimated_trace", error=share, half=share / 2)]
