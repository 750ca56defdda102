"""Dynamic panels by the generalised method of moments."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, field_validator, model_validator

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.model._panel_grid import columns_read, covers
from digicarbon.model.base import Level, Model, Terms, sentences
from digicarbon.model.tested import Test
from digicarbon.note import Note, cut, suggestion
from digicarbon.numeric.linear.statistic import Statistic
from digicarbon.packs.gmm.model._gmm_design import CONSTANT, GmmDesign, Lags, design
from digicarbon.packs.gmm.numeric import estimator as numeric
from digicarbon.packs.gmm.numeric import tests
from digicarbon.packs.gmm.numeric.equations import Kind, Transformation
from digicarbon.panel import Panel, canonical
from digicarbon.result import Inference, Result, Role
from digicarbon.weights import Weights

LagRange = Annotated[tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)] | None], Field(strict=False)]
"""First and last lag; ``[2, null]`` takes all from the second."""

DIFFERENCE_COLUMNS = ("without", "without_df", "without_p", "difference", "difference_df", "difference_p")
FEWEST_UNITS = 5
"""With fewer units a covariance clustered by unit says nothing, as with fewer clusters of a regression."""
FIRST_VALID = {"outcome": 2, "predetermined": 1, "endogenous": 2}
"""The nearest lag of a variable that is not correlated with the errors of the transformed equation."""
_ROLES = {
    "outcome": Note("role_outcome"),
    "predetermined": Note("role_predetermined"),
    "endogenous": Note("role_endogenous"),
}


class DynamicPanel(Model):
    """A panel regression on the outcome's own past, by difference or system GMM.

    y_it = Σ_s a_s y_i,t-s + x_it′b + unit effect + (period effect) + e_it. Errors are independent over time, and lags
    of what they are correlated with are instruments.

    Attributes
    ----------
    y, x, controls
        As in `Model`. Lags of regressors are terms, ``L.w``; all rows stay in the panel for the sake of lags.
    lags : int
        Lags of the outcome among the regressors; they are called ``L.y``, ``L2.y``.
    kind : {"difference", "system"}
        Arellano and Bond's estimator, or Blundell and Bond's with the equation in levels beside it.
    steps : {1, 2}
        One step, or two with the efficient weight.
    transformation : {"difference", "orthogonal_deviations"}
        What removes unit effects. Forward orthogonal deviations keep more rows where units have gaps.
    effects : {"unit", "two_way"}
        ``two_way`` adds a dummy for each period, which instruments itself.
    instrument_lags : [first, last]
        Lags of the outcome that instrument the transformed equation, ``null`` for all that there are.
    predetermined : tuple of str
        Regressors that are correlated with past errors. A variable's name covers its lags among the regressors. All
        regressors that are neither predetermined nor endogenous count as strictly exogenous and instrument themselves.
    endogenous : tuple of str
        Regressors that are correlated with present and past errors; their lags are covered as well.
    predetermined_lags : [first, last]
        Lags of the predetermined regressors that instrument the transformed equation.
    endogenous_lags : [first, last]
        Those of the endogenous regressors.
    lag_ranges : mapping of str to [first, last]
        Ranges of single ``predetermined`` or ``endogenous`` variables that differ from these; ``null`` for one whose
        lags are no instruments, which is for others to identify.
    instruments : tuple of str
        Further terms that are no regressors and instrument as strictly exogenous ones do.
    exogenous_equation : {"both", "transformed"}
        What strictly exogenous regressors and further instruments instrument in system GMM. In levels they must not be
        correlated with unit effects; ``transformed`` spares them that (xtabond2's ``iv(…, equation(diff))``).
    collapse : bool
        One instrument per lag instead of one per lag and period.
    convention : {"xtabond2", "pgmm"}
        Where Stata's xtabond2 and R's plm differ, see Notes.
    cov : {"classic", "robust"}
        Covariance of one-step estimates: of independent errors with one variance, or clustered by unit.
    windmeijer : bool
        Whether the covariance of two-step estimates is corrected for the estimated weight.
    ar_orders : int
        Up to which order serial correlation of differenced errors is tested.
    test : {"errors", "wild"}
        These models have no wild bootstrap: with ``wild`` a note says that p values rest on the standard errors.
    level : float
        Coverage of the intervals.

    Notes
    -----
    Instruments of the equation in levels are the differences of a variable, one lag less than its first in the
    transformed equation (``pgmm``: always one lag). Strictly exogenous regressors and period dummies have one column
    through both equations and the constant is a regressor and instrument of levels; with ``pgmm`` they have a column in
    each equation, dummies and the constant instrument levels only, and without dummies there is no constant. ``pgmm``
    leaves rows out that come before the first instrument, inverts singular weights as R's MASS::ginv does, and counts
    the observations of both equations. Formulas, references and what peers do otherwise: docs/dynamic_panel.md.
    """

    # robust errors are those of moments added up by unit
    lacks: ClassVar[Mapping[str, Note]] = {"observation_weights": Note("unweighted_gmm")}
    same: ClassVar[Mapping[str, Mapping[str, str]]] = {"cov": {"cluster": "robust"}}
    scripts: ClassVar[Mapping[str, str]] = {
        "extract": "digicarbon.packs.gmm.script.gmm:extract",
        "r": "digicarbon.packs.gmm.script.gmm_r:script",
        "stata": "digicarbon.packs.gmm.script.gmm_stata:script",
    }
    references: ClassVar[tuple[str, ...]] = ("arellano1991", "roodman2009", "windmeijer2005")
    references_by: ClassVar[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
        **Model.references_by,
        "kind": {"system": ("blundell1998",)},
    }

    takes_weights: ClassVar[bool] = False
    without: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("null", "batch"), "the outcome's own past is among the regressors, and a draw under the null would change it"
    )

    lags: Annotated[int, Field(ge=1)] = 1
    kind: Kind = "difference"
    steps: Literal[1, 2] = 1
    transformation: Transformation = "difference"
    effects: Literal["unit", "two_way"] = "two_way"
    instrument_lags: LagRange = (2, None)
    predetermined: Terms = ()
    predetermined_lags: LagRange = (1, None)
    endogenous: Terms = ()
    endogenous_lags: LagRange = (2, None)
    lag_ranges: dict[str, LagRange | None] = Field(default_factory=dict)
    instruments: Terms = ()
    exogenous_equation: Literal["both", "transformed"] = "both"
    collapse: bool = True
    convention: Literal["xtabond2", "pgmm"] = "xtabond2"
    cov: Literal["classic", "robust"] = "robust"
    windmeijer: bool = True
    ar_orders: Annotated[int, Field(ge=1)] = 2
    test: Test = "wild"
    level: Level = 0.95

    @field_validator("instrument_lags", "predetermined_lags", "endogenous_lags")
    @classmethod
    def _range(cls, lags: Lags) -> Lags:
        return _not_empty(lags)

    @field_validator("lag_ranges")
    @classmethod
    def _ranges(cls, ranges: dict[str, Lags | None]) -> dict[str, Lags | None]:
        return {canonical(name): lags and _not_empty(lags, name) for name, lags in ranges.items()}

    @model_validator(mode="after")
    def _roles(self) -> Self:
        named = [*self.predetermined, *self.endogenous]
        for field in ("predetermined", "endogenous"):
            for name in getattr(self, field):
                if name == self.y:
                    raise ValueError(Note("names_the_outcome", key=field, name=name))
                if not any(covers(name, term) for term in self.regressors):
                    about = {"hint": suggestion(name, self.regressors), "regressors": cut(self.regressors, 20)}
                    raise ValueError(Note("not_among_regressors", key=field, name=name, **about))
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise ValueError(Note("two_roles", terms=cut(twice)))
        for name in self.lag_ranges:
            if name not in named:
                raise ValueError(Note("lag_range_of_other", key="lag_ranges", name=name, hint=suggestion(name, named)))
        own = [name for name in self.instruments if name in (self.y, *self.regressors)]
        if own:
            raise ValueError(Note("instruments_in_regression", key="instruments", terms=cut(own)))
        for term in (*self.regressors, *self.instruments):
            if self.y in columns_read(term):
                raise ValueError(Note("made_of_the_outcome", term=term, y=self.y))
        if self.convention == "pgmm" and self.transformation != "difference":
            raise ValueError(Note("pgmm_transformation", key="convention"))
        if CONSTANT in self.regressors:
            raise ValueError(Note("constant_of_system"))
        return self

    @property
    def offers(self) -> Mapping[str, tuple[object, ...]]:
        """What this model takes of a request: p values from its standard errors alone."""
        return {"test": ("errors",)}

    @property
    def ignored(self) -> frozenset[str]:
        """Fields that mean nothing for the kind, its steps and the roles of its regressors."""
        meaningless = {
            "cov": self.steps == 2,
            "windmeijer": self.steps == 1,
            "exogenous_equation": self.kind == "difference",
            "predetermined_lags": set(self.predetermined) <= set(self.lag_ranges),
            "endogenous_lags": set(self.endogenous) <= set(self.lag_ranges),
        }
        return frozenset(name for name, holds in meaningless.items() if holds)

    @property
    def terms(self) -> tuple[str, ...]:
        """All columns that the model reads; it takes lags itself, so that no row is lost to them before."""
        read = [self.y]
        for term in (*self.regressors, *self.instruments):
            read += columns_read(term)
        return tuple(dict.fromkeys(read))

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise a sentence if the model cannot be fitted; the coefficients are tried, nothing is returned."""
        self._estimated(panel)

    @sentences
    def fit(self, panel: Panel, weights: Weights | None = None) -> Result:
        """Fit the model to a panel, balanced or not, with gaps or not; it takes no weights and ignores them.

        Returns
        -------
        Result
            Terms are the outcome's lags, the regressors and, in system GMM, ``const``. Estimates are normal as the
            number of units grows, hence z. Statistics: ``ar1``, ``ar1_p`` and so on; ``sargan`` (one step) and
            ``hansen`` (two steps, also beside robust one-step estimates), each with ``_df`` and ``_p``; ``wald`` of the
            slopes and ``wald_time`` of the period dummies; ``n_instruments`` (their rank), ``n_units``, ``nobs``.
            Tables: ``difference_in_hansen`` by set of instruments; ``time_effects``, the period dummies' coefficients.
            Residuals are those of the transformed equation, for the periods that are left.
        """
        found, fit, used, covariance = self._estimated(panel)
        slope = found.is_slope()
        statistics = self._statistics(found, fit, used, covariance)
        coef, whole = found.with_means(used.coef, covariance)
        return Result(
            kind=f"{self.kind}_gmm",
            y=self.y,
            focal=found.focal,
            terms=tuple(np.array(found.names, dtype=object)[slope]),
            coef=coef[slope],
            covariance=whole[np.ix_(slope, slope)],
            inference=Inference(None, self.level),
            statistics=statistics,
            tables=self._tables(found, fit, used, covariance, panel.time_name),
            absorbed=("unit", "time") if self.effects == "two_way" else ("unit",),
            notes=(
                *self._notes(found, fit),
                *((Note("gmm_without_wild"),) if self.test == "wild" else ()),
                *self._lag_notes(),
                *self._serial_notes(found, statistics),
            ),
            residuals=found.block(used.residuals),
            roles=tuple(
                Role("constant") if name == CONSTANT else Role(made_of=found.made_of.get(name, ()))
                for name in np.array(found.names, dtype=object)[slope]
            ),
        )

    @property
    def ranges(self) -> Mapping[str, Lags | None]:
        """Lags that instrument, None for none, by predetermined or endogenous variable; the outcome's are the first."""
        own: dict[str, Lags | None] = dict.fromkeys(self.predetermined, self.predetermined_lags)
        own |= dict.fromkeys(self.endogenous, self.endogenous_lags)
        return {self.y: self.instrument_lags, **own, **self.lag_ranges}

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Names of the outcome's lags."""
        return tuple(f"L{'' if lag == 1 else lag}.{self.y}" for lag in range(1, self.lags + 1))

    @property
    def as_pgmm(self) -> bool:
        """Whether rows and instruments are those of R's pgmm."""
        return self.convention == "pgmm"

    @property
    def has_constant(self) -> bool:
        """Whether the equation in levels has a constant."""
        return self.kind == "system" and (self.effects == "two_way" or not self.as_pgmm)

    @property
    def _inverse(self) -> numeric.Inverse:
        return "plm" if self.as_pgmm else "scaled"

    @property
    def _classic(self) -> bool:
        return self.steps == 1 and self.cov == "classic"

    def _estimated(self, panel: Panel) -> tuple[GmmDesign, numeric.GmmFit, numeric.Step, FloatArray]:
        """Return data, both steps, the step that is reported and its covariance."""
        found = design(self, panel)
        self._refuse_few_units(found.units)
        try:
            fit = numeric.gmm(found.moments, found.rows, self.transformation == "difference", self._inverse)
        except numeric.NotIdentifiedError as error:
            raise EstimationError(Note("gmm_not_identified")) from error
        return (found, fit, *self._reported(found, fit))

    def _refuse_few_units(self, units: int) -> None:
        """Refuse units that are too few for what is clustered by unit."""
        if units < FEWEST_UNITS and not self._classic:
            facts = {"units": units, "fewest": FEWEST_UNITS}
            raise EstimationError(
                Note("few_units_for_robust" if self.steps == 1 else "few_units_for_two_steps", **facts)
            )

    def _reported(self, found: GmmDesign, fit: numeric.GmmFit) -> tuple[numeric.Step, FloatArray]:
        """Return the step that is reported, and its covariance."""
        if self.steps == 1:
            return fit.one, fit.sigma2 * fit.one.bread if self.cov == "classic" else fit.covariance_one
        if fit.two is None or fit.windmeijer is None:
            raise EstimationError(
                Note("two_steps_without_rank", parameters=len(found.names), units=found.units, rank=fit.second.rank)
            )
        return fit.two, fit.windmeijer if self.windmeijer else fit.two.bread

    def _statistics(
        self, found: GmmDesign, fit: numeric.GmmFit, used: numeric.Step, covariance: FloatArray
    ) -> dict[str, float]:
        out = {
            "nobs": float(found.observations("rows" if self.as_pgmm else "equation")),
            "n_units": float(found.units),
            "n_instruments": float(fit.first.rank),
        }
        sigma2 = fit.sigma2 if self._classic else None
        for order in range(1, self.ar_orders + 1):
            ar = tests.serial_correlation(order, fit, used, found.moments, found.differences, covariance, sigma2)
            out |= {f"ar{order}": ar.value, f"ar{order}_p": ar.p}
        k, rank = len(found.names), fit.first.rank
        out |= _flat("sargan", tests.overidentification(fit.one.criterion / fit.sigma2, rank, k))
        if not self._classic and fit.two is not None:
            out |= _flat("hansen", tests.overidentification(fit.two.criterion, rank, k))
        slopes = np.array([name != CONSTANT for name in found.names]) & found.is_slope()
        for name, chosen in (("wald", slopes), ("wald_time", ~found.is_slope())):
            if chosen.any():
                out |= _flat(name, tests.wald(used.coef[chosen], covariance[np.ix_(chosen, chosen)]))
        return {**out, "sigma2": fit.sigma2}

    def _tables(
        self, found: GmmDesign, fit: numeric.GmmFit, used: numeric.Step, covariance: FloatArray, time_name: str
    ) -> dict[str, pd.DataFrame]:
        out = {}
        if found.dummies:
            dummy = ~found.is_slope()
            effects = Inference(None, self.level).columns(used.coef[dummy], _errors(covariance)[dummy])
            out["time_effects"] = pd.DataFrame(effects, index=pd.Index(found.dummies, name=time_name))
        if not self._classic and fit.two is not None:
            out["difference_in_hansen"] = self._differences(found, fit, fit.two)
        return out

    def _differences(self, found: GmmDesign, fit: numeric.GmmFit, two: numeric.Step) -> pd.DataFrame:
        """Return Hansen's test without each set of instruments, and the difference to the test with it."""
        rows = {}
        for name, tested in found.tested().items():
            rest = tests.without(~tested, found.moments, fit, self._inverse)
            if rest is not None:
                hansen, left = rest
                difference = tests.overidentification(two.criterion - hansen.value, fit.first.rank, left)
                rows[name] = (hansen.value, hansen.df, hansen.p, difference.value, difference.df, difference.p)
        return pd.DataFrame(
            list(rows.values()), index=pd.Index(rows, name="set", dtype=object), columns=list(DIFFERENCE_COLUMNS)
        )

    def _lag_notes(self) -> Iterator[Note]:
        """Yield what is wrong by construction with lags that instrument, whatever the data are."""
        for name, lags in self.ranges.items():
            role = "outcome" if name == self.y else "predetermined" if name in self.predetermined else "endogenous"
            key = "lag_ranges" if name in self.lag_ranges else "instrument_lags" if name == self.y else f"{role}_lags"
            if lags is None or lags[0] >= FIRST_VALID[role]:
                continue
            said = {"term": name, "role": _ROLES[role], "lag": lags[0], "first": FIRST_VALID[role]}
            levels = self.kind == "system" and role != "predetermined" and self.convention == "xtabond2"
            yield Note("invalid_lag_and_levels" if levels else "invalid_lag", field=f"model.{key}", **said)

    def _serial_notes(self, found: GmmDesign, statistics: Mapping[str, float]) -> Iterator[Note]:
        """Yield which tests of serial correlation do not exist, and why."""
        periods = found.differences.rows.period
        span = int(periods.max() - periods.min()) if len(periods) else 0
        lacking = [order for order in range(1, self.ar_orders + 1) if math.isnan(statistics[f"ar{order}"])]
        for order in lacking:
            apart, none = Note("no_residuals_apart", periods=order), Note("no_pairs_of_residuals")
            yield Note("no_ar_test", order=order, why=apart if order > span else none)

    def _notes(self, found: GmmDesign, fit: numeric.GmmFit) -> tuple[Note, ...]:
        one = Note("gmm_classic") if self._classic else Note("gmm_robust")
        two = Note("gmm_windmeijer") if self.windmeijer else Note("gmm_two_steps")
        notes = [Note("errors_gmm", errors=one if self.steps == 1 else two)]
        rank, columns = fit.first.rank, found.moments.Z.shape[1]
        if rank > found.units:
            notes.append(Note("many_instruments", instruments=rank, units=found.units))
        if found.units < len(found.names) and not self._classic:
            notes.append(Note("few_units_for_parameters", units=found.units, parameters=len(found.names)))
        if found.units < FEWEST_UNITS:
            notes.append(Note("few_units", units=found.units))
        if rank < columns:
            notes.append(Note("dependent_instruments", instruments=columns, independent=rank))
        if not self._classic and fit.second.rank < rank:
            notes.append(Note("singular_moments", rank=fit.second.rank, instruments=rank))
        if rank == len(found.names):
            notes.append(Note("exactly_identified"))
        if found.units < found.shape[0]:
            notes.append(Note("units_without_periods", units=found.shape[0] - found.units))
        return tuple(notes)


def _not_empty(lags: Lags, whose: str = "") -> Lags:
    first, last = lags
    if last is not None and last < first:
        if not whose:
            raise ValueError(Note("empty_lag_range", first=first, last=last))
        raise ValueError(Note("empty_lag_range_of", name=whose, first=first, last=last))
    return lags


def _errors(covariance: FloatArray) -> FloatArray:
    # Windmeijer's correction can make a variance negative in a few units
    variance = covariance.diagonal()
    return np.sqrt(np.where(variance >= 0, variance, np.nan))


def _flat(name: str, found: Statistic) -> dict[str, float]:
    return {name: found.value, f"{name}_df": found.df, f"{name}_p": found.p}
