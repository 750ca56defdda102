"""Spatial panel models by instrumental variables and generalised moments."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from digicarbon.arrays import FloatArray
from digicarbon.model._durbin import DURBIN_KINDS, WithLags, refuse_names
from digicarbon.model._instrumented import ByInstruments
from digicarbon.model._iv_statistics import (
    FoundTests,
    first_stage,
    intervals_of,
    notes,
    refuse_instruments,
    statistics,
    tables,
)
from digicarbon.model._panel_columns import rows_of
from digicarbon.model._panel_covariance import REPAIRED, Rule
from digicarbon.model._spatial_estimates import squared_correlation
from digicarbon.model._spatial_result import ends_of, picked, roles_of, without_errors
from digicarbon.model.base import Terms, sentences
from digicarbon.model.batch import Batch, Estimand, Null, OneByOne, columns_key, under_null
from digicarbon.model.panel_iv import Columns
from digicarbon.note import Note, cut
from digicarbon.numeric.iv.anderson_rubin import Interval
from digicarbon.numeric.iv.reduced_form import ErrorStructure, reduced_form
from digicarbon.numeric.linear.covariance import Kernel
from digicarbon.numeric.linear.within import EFFECTS_OF, demean
from digicarbon.numeric.spatial.effects import lag_effects, local_effects
from digicarbon.numeric.spatial.likelihood import near_end
from digicarbon.packs.endogenous_space.model._design import SpatialDesign, design_of, lag_of
from digicarbon.packs.endogenous_space.model._estimates import InstrumentedFit, by_instruments, by_moments
from digicarbon.packs.endogenous_space.numeric.projection import EFFECTS, EVERY, ProjectedSets, projected_sets
from digicarbon.panel import Panel
from digicarbon.result import LAG_ERROR, LAG_Y, Effects, Inference, Result, Role
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from digicarbon.model.restrictions import Redrawn
    from digicarbon.numeric.resampling.null_model import NullModel

Kind = Literal["sar", "sdm", "sem", "sdem", "sarar", "gns"]
Cov = Literal["classic", "robust", "cluster", "driscoll_kraay", "conley"]
_MOMENTS: Mapping[str, Note] = {"classic": Note("errors_moments"), "robust": Note("errors_moments_robust")}


class SpatialIV(WithLags, ByInstruments):
    """A spatial panel model fitted by instruments and generalised moments.

    Attributes
    ----------
    kind : {"sar", "sdm", "sem", "sdem", "sarar", "gns"}
        Spatial lag of y; of y and x (Durbin); spatial error; lags of x with spatial error; lag of y with spatial error;
        lags of y and x with spatial error.
    endogenous : tuple of str
        Which of ``x`` and ``controls`` are endogenous; none by default. The lag of y always is, and so is the lag of
        an endogenous regressor.
    lags : int
        How many spatial lags of each exogenous regressor are instruments: by default Wx and W²x; W²x and W³x of a
        regressor whose Wx is in the model. With 0 ``instruments`` alone must identify the lag of y, too.
    lag_instruments : bool
        Whether as many spatial lags of ``instruments`` are instruments, too.
    effects : {"none", "unit", "time", "two_way", "random"}
        Fixed effects, removed from every column after the lags were taken; random unit effects with a spatial error
        inside of which they lie (Kapoor, Kelejian & Prucha 2007; ``sem`` and ``sdem``, by spreg).
    estimator : {"2sls", "gmm"}
        Two-stage least squares, or two-step GMM whose weights are those of ``cov``. With a spatial error: two-stage
        least squares of filtered columns.
    cov : {"classic", "robust", "cluster", "driscoll_kraay", "conley"}
        Homoskedastic; heteroskedastic; clustered; by period with its past; by neighbours, who are those of the model's
        weights (Kelejian & Prucha 2007). With a spatial error each but classic is robust to heteroskedasticity, and
        with random effects all are classic; a note says so.
    bandwidth : int or None
        Lags of Driscoll & Kraay's and of Conley's covariance; None takes ⌊4(T/100)^(2/9)⌋, and 0 for Conley.
    kernel : {"uniform", "weights"}
        Of Conley's covariance, as in `PanelRegression`.
    small_sample
        As in `digicarbon.model.panel_iv.PanelIV`; ``none`` divides by the number of rows less effects.
    test, draws, weights, seed, intervals
        As in `digicarbon.model.tested.Tested`; ``sar`` and ``sdm`` by two-stage least squares with classic, robust and
        clustered errors. Draws of y are made anew through (I - ρW)⁻¹, those of endogenous regressors by their reduced
        form.

    Notes
    -----
    The standard error of λ is this package's: of the covariance of the coefficients' and λ's moments together (Kelejian
    & Prucha 2010), at λ itself. With ``cov`` other than classic it is spreg's, too, up to spreg's search of λ. Random
    effects are computed by spreg, which gives λ without a standard error: λ is then among the statistics only.

    References
    ----------
    Kelejian & Prucha (1998; 2007; 2010); Arraiz, Drukker, Kelejian & Prucha (2010); Mutl & Pfaffermayr (2011).
    """

    scripts: ClassVar[Mapping[str, str]] = {
        "extract": "digicarbon.packs.endogenous_space.script.spatial_iv:extract",
        "r": "digicarbon.packs.endogenous_space.script.spatial_iv:r",
        "stata": "digicarbon.packs.endogenous_space.script.spatial_iv:stata",
    }
    references: ClassVar[tuple[str, ...]] = (
        "anderson1949",
        "arraiz2010",
        "dufour2005",
        "kelejian1998",
        "kelejian2010",
        "lesage2009",
        "mutl2011",
    )

    takes_long: ClassVar[bool] = True

    kind: Kind = "sar"
    instruments: Terms = ()
    lags: Annotated[int, Field(ge=0, le=4)] = 2
    lag_instruments: bool = True
    effects: Literal["none", "unit", "time", "two_way", "random"] = "two_way"
    estimator: Literal["2sls", "gmm"] = "2sls"
    cov: Cov = "cluster"
    bandwidth: Annotated[int, Field(ge=0)] | None = None
    kernel: Kernel = "uniform"

    @model_validator(mode="after")
    def _consistent(self) -> SpatialIV:
        refuse_instruments(self.y, self.regressors, self.endogenous, self.instruments)
        if self.endogenous and not self.instruments:
            raise ValueError(Note("no_instruments_in_space", key="instruments"))
        if self.instruments and not self.endogenous:
            raise ValueError(Note("instruments_of_nothing", key="instruments", instruments=cut(self.instruments)))
        if self.effects == "random" and (self.kind not in ("sem", "sdem") or self.endogenous):
            raise ValueError(Note("random_by_moments", key="effects", kind=self.kind))
        if self.has_error and self.estimator == "gmm":
            raise ValueError(Note("moments_estimator", key="estimator", kind=self.kind))
        own = {"const", "rho", "lambda", lag_of(self.y), *map(lag_of, self.lagged)}
        own |= {lag_of(name, order) for name, order in self.spatial_instruments}
        refuse_names(own, (*self.regressors, *self.instruments))
        return self

    @property
    def cov_used(self) -> Cov:
        """The covariance: moments of spatial errors have a classic and a robust one, random effects a classic one."""
        if not self.has_error or self.cov == "classic":
            return self.cov
        return "classic" if self.effects == "random" else "robust"

    @property
    def spatial_instruments(self) -> tuple[tuple[str, int], ...]:
        """The terms whose spatial lags are instruments, each with the order of W."""
        of_x = [
            (name, order)
            for order in range(1, self.lags + 2)
            for name in self.regressors
            if name not in self.endogenous and (name in self.lagged) < order <= self.lags + (name in self.lagged)
        ]
        of_own = [(name, order) for order in range(1, self.lags + 1) for name in self.instruments]
        return (*of_x, *(of_own if self.lag_instruments else ()))

    @property
    def highest_order(self) -> int:
        """The highest order of W that the columns need."""
        return max([1, *(order for _, order in self.spatial_instruments)])

    @property
    def rule(self) -> Rule:
        """How the covariance is made."""
        return Rule(self.cov_used, self.cluster, self.bandwidth, self.kernel, self.small_sample)

    @property
    def counts_effects(self) -> bool:
        """Whether effects alone, and no coefficients, are counted in a classic covariance."""
        return self.small_sample == "none"

    @property
    def ignored(self) -> frozenset[str]:
        """Fields that mean nothing for the kind and its standard errors."""
        meaningless = {
            "durbin": self.kind not in DURBIN_KINDS,
            "lag_instruments": not self.instruments or not self.lags,
            "lags": not (self.has_lag or self.endogenous),
            "cluster": self.cov_used != "cluster",
            "df": self.cov_used not in ("cluster", "driscoll_kraay"),
            "bandwidth": self.cov_used not in ("driscoll_kraay", "conley"),
            "kernel": self.cov_used != "conley",
            "small_sample": self.cov_used == "classic" and self.small_sample != "none",
        }
        return self.untested | {name for name, holds in meaningless.items() if holds}

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise a sentence if the model cannot be fitted; fit nothing.

        A column is missing, W has no links, there are too few instruments, rows or clusters, effects absorb a column,
        columns are collinear, or instruments do not move the endogenous regressors.
        """
        design = self.design(panel, weights)
        self.error_structure(design.columns, weights)
        self.check_test(panel, weights)

    @sentences
    def fit(self, panel: Panel, weights: Weights | None = None) -> Result:
        """Fit the model to a balanced panel, with weights for exactly its units, in any order.

        Returns
        -------
        Result
            Terms are ``const`` without fixed effects, the regressors, ``W_<name>`` for their spatial lags, ``rho`` and
            ``lambda``. Tables as `PanelIV` has them; the lag of y is called ``W_<y>`` there. Where one regressor is
            endogenous beside it and errors are not spatial, ``weak_sets`` has sets of its coefficient, of ρ and of its
            effects that hold however weak the instruments are.
        """
        return self.tested(self.estimated(panel, weights), panel, weights)

    def estimated(self, panel: Panel, weights: Weights | None) -> Result:
        """Return the fit with p values from its standard errors."""
        design = self.design(panel, weights)
        if self.effects == "random":
            return self._random(design)
        errors = self.error_structure(design.columns, weights)
        if self.has_error:
            fit, _ = by_moments(design, "robust" if self.cov_used == "robust" else "classic")
        else:
            fit = by_instruments(design.columns, errors, self.estimator)
        return self._result(design, fit, errors)

    def design(self, panel: Panel, weights: Weights | None) -> SpatialDesign:
        """Return the checked columns."""
        return design_of(self, panel, weights)

    def null(self, panel: Panel, weights: Weights | None, candidates: Sequence[Weights]) -> Null | None:
        """Return the spatial Durbin model without the focal terms; None where regressors are endogenous.

        They move with the errors, and a draw under the null would move the errors alone.
        """
        from digicarbon.numeric.resampling.null_model import in_rows, lag_null
        from digicarbon.numeric.spatial.likelihood import Sample

        if self.endogenous:
            return None
        design = self.design(panel, weights)
        made = panel.with_terms(self.terms)
        stay = under_null(self.x, self.regressors)
        names = [*(("const",) if self.fixed == "none" else ()), *stay]
        by_time = self.fixed in ("time", "two_way")
        n, t = made.shape
        allowed = not by_time or design.w.constant_row_sum is not None
        sample = Sample(n, t, self.fixed, "lee_yu" if allowed else "none")

        def fit() -> NullModel:
            own = self.design(panel, weights)
            flat = in_rows(own.level)
            keep = [own.columns.names.index(name) for name in names]
            return lag_null(made.column(self.y), flat[:, keep], rows_of(made), own.w, sample)

        key = (columns_key(made, stay), columns_key(made, ()), made.columns[self.y].digest, design.w, None)
        return Null(("lag", sample, *key), fit)

    def batch(self, panel: Panel, weights: Weights | None, estimand: Estimand) -> Batch:
        """Return what fits the model to many outcomes at once, one by one where its kind has no faster way."""
        from digicarbon.packs.endogenous_space.model._many import InstrumentedFits

        if self.no_wild is not None or self.endogenous:
            return OneByOne(self.by_errors, panel, weights, estimand)
        design = self.design(panel, weights)
        return InstrumentedFits(self, design, self.error_structure(design.columns, weights), estimand)

    @property
    def no_wild(self) -> Note | None:
        """Why there is no wild bootstrap of this specification."""
        if self.has_error:
            return Note("wild_not_of_moments")
        if self.estimator == "gmm" or self.cov in ("driscoll_kraay", "conley"):
            return Note("wild_not_of_two_steps")
        return None

    def filters(self, panel: Panel, weights: Weights) -> bool:
        """Return False: errors have no spatial filter."""
        return False

    def null_note(self, panel: Panel, weights: Weights | None) -> Note:
        """Return that draws of y are made through its lag."""
        return Note("wild_through_lag")

    def restrictions(self, panel: Panel, weights: Weights | None, result: Result) -> Sequence[Redrawn]:
        """Return the coefficients and effects of each focal term with draws of all equations."""
        from digicarbon.packs.endogenous_space.model._many import SpatialDraws

        design = self.design(panel, weights)
        errors = self.error_structure(design.columns, weights)
        return [SpatialDraws(self, design, errors, term) for term in self.x]

    def _random(self, design: SpatialDesign) -> Result:
        from digicarbon.packs.endogenous_space.model._spreg import SEARCHED, random_error

        found = random_error(design.level, design.matrix)
        columns = design.columns
        coef, covariance = columns.with_means(self.y, columns.names, found.coef, found.covariance)
        n, t = columns.panel.shape
        rows, k = n * t, len(coef)
        # its search knows nothing of W's range
        beyond = ("lambda",) * bool(near_end(found.lam, design.w))
        boundary = ("lambda",) * (found.at_end and not beyond)
        return Result(
            kind=f"iv_{self.kind}",
            y=self.y,
            focal=self.x,
            terms=design.terms,
            coef=coef,
            covariance=covariance,
            inference=Inference(None, self.level),
            statistics={
                "nobs": float(rows),
                "n_units": float(n),
                "n_periods": float(t),
                "lambda": found.lam,
                "sigma2": found.sigma2,
                "df_resid": float(rows - k),
            },
            spatial_effects=None if beyond or boundary else self._effects(design, coef, covariance),
            random=("unit",),
            notes=(
                Note("random_moments"),
                *((Note("random_moments_classic", cov=self.cov),) * (self.cov != "classic")),
                *((Note("lambda_outside", **ends_of(design.w.bounds)),) * len(beyond)),
                *((Note("at_boundary", parameter="lambda", low=-SEARCHED, high=SEARCHED),) * len(boundary)),
            ),
            residuals=found.innovations,
            boundary=boundary,
            beyond=beyond,
            roles=self._roles(),
        )

    def _result(self, design: SpatialDesign, fit: InstrumentedFit, errors: ErrorStructure) -> Result:
        columns, rows = design.columns, len(fit.residuals)
        k = len(columns.names)
        coef, covariance = columns.with_means(self.y, columns.names, fit.coef, fit.covariance)
        boundary = ("lambda",) if fit.boundary else ()
        covariance = without_errors(covariance, [-1] * len(boundary))
        n, t = columns.panel.shape
        rho = float(coef[design.terms.index("rho")]) if self.has_lag else 0.0
        beyond = ("rho",) * (self.has_lag and bool(near_end(rho, design.w)))
        df_resid = rows - k - errors.absorbed
        ssr = float(fit.residuals @ fit.residuals)
        found = fit.columns.tests(errors, fit.first, self.level) if fit.columns.endogenous else None
        made, repaired = self._tables(design, fit.columns, errors, found) if found else ({}, False)
        sets = None
        # with too few clusters there is no joint test, which another note says
        tested = found is not None and not math.isnan(found.anderson_rubin.test.value)
        if tested and self._has_sets(design):
            sets = self._sets(design, fit, errors)
            made["weak_sets"] = _sets_table(sets, self.level)
        return Result(
            kind=f"iv_{self.kind}",
            y=self.y,
            focal=self.x,
            terms=(*design.terms, *(("lambda",) if self.has_error else ())),
            coef=coef,
            covariance=covariance,
            inference=Inference(None if self.has_error else float(errors.df(k)), self.level),
            statistics={
                "nobs": float(rows),
                "n_units": float(n),
                "n_periods": float(t),
                "r2_corr": self._squared_correlation(design, fit.coef[:k], rho),
                "sigma2": ssr / df_resid,
                "df_resid": float(df_resid),
                **({"rho": rho} if self.has_lag else {}),
                **({"lambda": float(coef[-1])} if self.has_error else {}),
                **(statistics(found) if found else {}),
            },
            spatial_effects=None if beyond or boundary else self._effects(design, coef, covariance),
            tables=made,
            absorbed=EFFECTS_OF[self.fixed],
            notes=(
                *self._notes(design, fit, errors, found, beyond, fit.repaired or repaired),
                *(self._sets_notes(design, sets) if tested else ()),
            ),
            residuals=fit.residuals.reshape(n, t).T,
            boundary=boundary,
            beyond=beyond,
            roles=self._roles(),
        )

    def _roles(self) -> tuple[Role, ...]:
        of_error = self.has_error and self.effects != "random"
        tail = (*(LAG_Y,) * self.has_lag, *(LAG_ERROR,) * of_error)
        return roles_of(self.fixed == "none", self.regressors, self.lagged, tail)

    def _effects(self, design: SpatialDesign, coef: FloatArray, covariance: FloatArray) -> Effects:
        """Return effects of every regressor, its own spatial lag taken into account."""
        k, wanted = len(self.regressors), (*self.regressors, *map(lag_of, self.regressors), "rho")
        point, spread = picked(wanted, design.terms, coef, np.nan_to_num(covariance))
        if self.has_lag:
            values = lag_effects(point[:k], point[k : 2 * k], float(point[-1]), spread, design.w)
        else:
            values = local_effects(point[:k], point[k : 2 * k], spread[:-1, :-1], design.w)
        return Effects(self.regressors, values.coef, values.se)

    def _squared_correlation(self, design: SpatialDesign, coef: FloatArray, rho: float) -> float:
        """Return the squared correlation of y and S⁻¹Zβ, both with fixed effects removed."""
        keep = [place for place, name in enumerate(design.columns.names) if name != design.lag]
        fitted = design.level[..., keep] @ coef[keep]
        if rho and not near_end(rho, design.w):
            fitted = fitted + rho * design.w.apply_g(rho, fitted.T).T
        return squared_correlation(design.within[..., -1], demean(fitted, self.fixed))

    def _tables(
        self, design: SpatialDesign, columns: Columns, errors: ErrorStructure, found: FoundTests
    ) -> tuple[dict[str, pd.DataFrame], bool]:
        """Return the tables, and whether the covariance of a first stage was repaired."""
        coefficients, repaired = columns.first_stages(errors, self.level)
        return {
            **tables(found, design.called(columns.endogenous), self.y, self.level),
            # the first stage explains the lag itself, and not its coefficient
            "first_stage": first_stage(found, columns.endogenous),
            "first_stage_coefficients": coefficients,
        }, repaired

    def _notes(
        self,
        design: SpatialDesign,
        fit: InstrumentedFit,
        errors: ErrorStructure,
        found: FoundTests | None,
        beyond: tuple[str, ...],
        repaired: bool,
    ) -> tuple[Note, ...]:
        columns = design.columns
        out = [_MOMENTS[self.cov_used] if self.has_error else self.rule.note(columns.panel.shape[1])]
        if design.moments is not None and len(design.moments.matrices) == 1:
            out.append(Note("moments_one"))
        if self.cov_used != self.cov:
            out.append(Note("moments_cov", cov=self.cov))
        if repaired:
            out.append(REPAIRED)
        if found is not None:
            asked = self.asked(columns, design.called(columns.endogenous), "2sls")
            # the first one names columns; which lags are instruments is shorter to say
            out += [self._instruments_note(design), *notes(found, asked, errors, len(fit.residuals))[1:]]
            out.append(self._weakest(design, found))
        if self.estimator == "gmm":
            out.append(Note("two_step_weights"))
        if design.dropped:
            out.append(Note("spatial_lags_dropped", terms=cut(design.dropped)))
        if fit.boundary:
            out.append(Note("at_boundary", parameter="lambda", **ends_of(design.w.bounds)))
        if beyond:
            out.append(Note("rho_outside", **ends_of(design.w.bounds)))
        return tuple(out)

    def _has_sets(self, design: SpatialDesign) -> bool:
        """Return whether one regressor is endogenous beside the lag of y, and no estimate filters the errors."""
        return self.has_lag and not self.has_error and len(design.columns.endogenous) == 2

    def _sets(self, design: SpatialDesign, fit: InstrumentedFit, errors: ErrorStructure) -> ProjectedSets:
        """Return sets that hold with weak instruments of the endogenous regressor and of the lag of y."""
        columns = design.columns
        y, x, z = columns.partialled()
        form = reduced_form(np.column_stack([y, x]), z, errors, len(columns.exogenous))
        start = fit.coef[[columns.names.index(name) for name in columns.endogenous]]
        return projected_sets(form, self.level, start, design.w)

    def _sets_notes(self, design: SpatialDesign, sets: ProjectedSets | None) -> tuple[Note, ...]:
        """Return the sets that hold with weak instruments in words, or that there are none of single coefficients."""
        if not self.endogenous or not self.has_lag:
            return ()
        if sets is None:
            return (Note("weak_sets_of_several", terms=cut(self.endogenous)),)
        low, high = design.w.bounds
        said: dict[str, Any] = {
            "level": self.level,
            "term": design.columns.endogenous[0],
            "y": self.y,
            "bottom": low,
            "top": high,
        }
        if not sets.rho:
            return (Note("weak_sets_empty", **said),)
        said |= {"coefficient": intervals_of(sets.coefficient), "rho": intervals_of(sets.rho)}
        if sets.effects is None:
            return (Note("weak_sets_unbounded", **said),)
        effects = {effect: intervals_of(intervals) for effect, intervals in sets.effects.items()}
        return (Note("weak_sets", **said, **effects),)

    def _weakest(self, design: SpatialDesign, found: FoundTests) -> Note:
        """Return whose the first-stage F of the main table is."""
        lag_of_x = {lag_of(name): name for name in self.lagged}
        stages, endogenous = found.strength.first_stages, design.columns.endogenous
        name = endogenous[min(range(len(stages)), key=lambda place: stages[place].f.value)]
        of = self.y if name == design.lag else lag_of_x.get(name)
        if len(stages) == 1:
            return Note("first_stage_of", term=name) if of is None else Note("first_stage_of_lag", term=of)
        if of is None:
            return Note("first_stage_smallest", term=name, count=len(stages))
        return Note("first_stage_smallest_lag", term=of, count=len(stages))

    def _instruments_note(self, design: SpatialDesign) -> Note:
        kept = set(design.columns.instruments)
        lags = [(name, order) for name, order in self.spatial_instruments if lag_of(name, order) in kept]
        orders: dict[str, tuple[int, ...]] = {}
        for name, order in lags:
            orders[name] = (*orders.get(name, ()), order)
        of_orders = tuple(
            Note(
                "lags_of_orders",
                lagged=cut([name for name in orders if orders[name] == same], 20),
                orders=", ".join(map(str, same)),
            )
            for same in dict.fromkeys(orders.values())
        )
        if not self.endogenous:
            return Note("instruments_in_space", y=self.y, lags=of_orders)
        own = {"y": self.y, "endogenous": cut(self.endogenous), "own": cut(self.instruments)}
        if not lags and len(design.columns.endogenous) > len(self.endogenous):
            return Note("own_instruments_of_all", **own)
        if not lags:
            return Note("own_instruments_in_space", **own)
        return Note("all_instruments_in_space", **own, lags=of_orders)


def _sets_table(sets: ProjectedSets, level: float) -> pd.DataFrame:
    """Return a row for each interval, by quantity and its number."""
    every: dict[str, Sequence[Interval]] = {
        "coefficient": sets.coefficient,
        "rho": sets.rho,
        **(dict.fromkeys(EFFECTS, EVERY) if sets.effects is None else sets.effects),
    }
    rows = {
        (name, place): (*interval, level)
        for name, intervals in every.items()
        for place, interval in enumerate(intervals, start=1)
    }
    index = pd.MultiIndex.from_tuples(list(rows), names=["quantity", "interval"])
    return pd.DataFrame(list(rows.values()), columns=["low", "high", "level"], index=index, dtype=float)
