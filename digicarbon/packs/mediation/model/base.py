"""Mediation: effects of x on the outcome through mediators."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

import numpy as np
import pandas as pd
import scipy
from pydantic import model_validator

from digicarbon.arrays import FloatArray
from digicarbon.model._absorption import OWN_CLUSTERS, Clusters
from digicarbon.model._latest import LATEST
from digicarbon.model._panel_columns import Columns
from digicarbon.model._panel_covariance import REPAIRED, factor_of, factors_of_both
from digicarbon.model.base import COLUMN, Other, Terms, require_panel, sentences
from digicarbon.model.batch import Estimand, JointBatch, Null, OneByOne
from digicarbon.model.panel_regression import PanelRegression
from digicarbon.model.tested import Clustered
from digicarbon.note import Note, cut
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.linear.covariance import SmallSample, nearest_semidefinite
from digicarbon.numeric.linear.robustness_value import robustness_value
from digicarbon.numeric.linear.within import EffectsKind, Rows
from digicarbon.packs.mediation.model._mediators import at_zero, earlier_outcomes, fault
from digicarbon.packs.mediation.numeric.outcomes import IndirectBatch
from digicarbon.packs.mediation.numeric.paths import Paths, Products, paths, products, sobel
from digicarbon.packs.mediation.numeric.sensitivity import indirect_at, rho_at_zero
from digicarbon.panel import Panel, numbered
from digicarbon.result import EFFECTS, Constituent, Effects, MadeOf, Quantity, Result, Role, roles_made_of
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from digicarbon.packs.mediation.model._outcomes import MediatedFits

_Made = TypeVar("_Made")
_OF_REGRESSION = ("effects", "cov", "cluster", "small_sample", "df", "level")
_OF_TEST = ("test", "draws", "signs", "weights", "seed", "intervals")
RHO = np.round(np.arange(-0.9, 0.91, 0.1), 1) + 0.0  # no minus zero
"""Correlations of errors at which the table ``rho`` has indirect effects."""
_RHO = pd.Index(RHO, name="rho")


class Mediation(Clustered):
    """The effect of x on the outcome, taken apart into what goes through mediators and the rest.

    Attributes
    ----------
    y, x, controls
        As in `Model`. Each focal term has effects of its own; controls are in every equation.
    mediators : tuple of str
        Variables through which x may have its effect, side by side: none of them explains another. No powers, no
        products, and nothing that is made of x, of another mediator in the same period, or of y in the same or a later
        one.
    equations : {"full", "first_step"}
        All equations; or only those of the mediators on x, which some call a mechanism regression: it says nothing of
        the outcome.
    effects : {"none", "unit", "time", "two_way"}
        Fixed effects of every equation.
    cov : {"classic", "robust", "cluster"}
        Standard errors, and covariances of coefficients of different equations, which are made of the same scores.
    cluster, small_sample, df
        As in `PanelRegression`; each equation has its own small-sample factor, all the degrees of freedom of the
        largest one.
    test, draws, weights, seed, intervals, level
        As in `digicarbon.model.tested.Tested`. With ``wild``, coefficients and total effects have the test of
        `PanelRegression`. For indirect effects mediators and outcome are redrawn with independent signs.

    Notes
    -----
    See docs/mediation.md for what is assumed, and for the coverage that was measured.
    """

    lacks: ClassVar[Mapping[str, Note]] = {"observation_weights": Note("unweighted_mediation")}
    scripts: ClassVar[Mapping[str, str]] = {
        "r": "digicarbon.packs.mediation.script.mediation_r:script",
        "stata": "digicarbon.packs.mediation.script.mediation_stata:script",
    }
    references: ClassVar[tuple[str, ...]] = ("baron1986", "imai2010", "sobel1982")

    mediators: Terms
    equations: Literal["full", "first_step"] = "full"
    effects: EffectsKind = "two_way"
    cov: Literal["classic", "robust", "cluster"] = "cluster"
    cluster: Clusters = "unit"
    small_sample: SmallSample = "stata"
    df: Literal["auto", "residual"] = "auto"

    @model_validator(mode="after")
    def _mediators_are_others(self) -> Mediation:
        problem = fault(self.mediators, self.y, self.x, self.controls, "mediators")
        if problem is not None:
            raise ValueError(problem)
        return self

    @property
    def offers(self) -> Mapping[str, tuple[object, ...]]:
        """What this model takes of a request: clusters of one column, never of two."""
        return {**super().offers, "cluster": (*OWN_CLUSTERS, COLUMN) if self.cov == "cluster" else ("unit",)}

    @property
    def terms(self) -> tuple[str, ...]:
        """All columns that the model reads, those of clusters among them."""
        return (*super().terms, *map(numbered, self.own_clusters))

    @property
    def regressors(self) -> tuple[str, ...]:
        """All terms on the right-hand side of the outcome: x, mediators, controls."""
        return (*self.x, *self.mediators, *self.controls)

    @property
    def ignored(self) -> frozenset[str]:
        """Fields that mean nothing for the standard errors."""
        return self.untested | (self.outcome_equation.ignored & {"cluster", "small_sample", "df"})

    @property
    def no_arrangements(self) -> Note:
        """Why x does not move over units: its mediators would have other values, which nobody knows."""
        return Note("randomised_of_parts")

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The coefficient, and the direct, indirect and total effect where the outcome has an equation."""
        return ("coefficient", *EFFECTS) if self.equations == "full" else ("coefficient",)

    @property
    def outcome_equation(self) -> PanelRegression:
        """The regression of the outcome on x, mediators and controls."""
        return self.regression(self.y, self.x, (*self.mediators, *self.controls))

    @property
    def total_equation(self) -> PanelRegression:
        """The regression of the outcome without mediators."""
        return self.regression(self.y, self.x, self.controls)

    def regression(self, y: str, x: Sequence[str], controls: Sequence[str], wild: bool = False) -> PanelRegression:
        """Return one equation, with the standard errors of this model, or with its wild bootstrap."""
        names = (*_OF_REGRESSION, *(_OF_TEST if wild else ()))
        fields = tuple(getattr(self, name) for name in names)
        return _equation(y, tuple(x), tuple(controls), names, fields)

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise a sentence if an equation cannot be fitted; fit nothing."""
        require_panel(panel)
        self.outcome_equation.check(panel, weights)
        self.check_test(panel, weights)

    @sentences
    def fit(self, panel: Panel, weights: Weights | None = None) -> Result:
        """Fit all equations to a panel, balanced or not.

        Weights are for the spatial dependence of the errors in the wild bootstrap of coefficients and total effects.

        Returns
        -------
        Result
            Terms are those of the equation of the outcome, ``m[x]`` for the coefficient of x in the equation of each
            mediator, and ``x[m]`` for the indirect effect through it. ``spatial_effects`` has the direct, indirect and
            total effect of each focal term; tables are ``mediation``, ``equations``, ``sensitivity`` and ``rho``. Of
            first steps only ``m[x]`` and ``equations``.
        """
        require_panel(panel)
        fitted = _Fitted.of(self, panel, weights)
        result = fitted.result()
        if self.test == "errors":
            cautions = fitted.once("cautions", lambda: self.cautions(result, panel, weights))
            return replace(result, notes=(*result.notes, *cautions))
        from digicarbon.packs.mediation.model._wild import resampled

        return resampled(self, result, fitted, panel, weights)

    def filters(self, panel: Panel, weights: Weights) -> bool:
        """Return whether the panel is balanced and these weights hold its units."""
        return self.outcome_equation.filters(panel, weights)

    def null(self, panel: Panel, weights: Weights | None, candidates: Sequence[Weights]) -> Null | None:
        """Return the regression of the outcome without focal terms and mediators; None of first steps."""
        return self.total_equation.null(panel, weights, candidates) if self.equations == "full" else None

    def batch(self, panel: Panel, weights: Weights | None, estimand: Estimand) -> JointBatch:
        """Return what fits effects to many outcomes.

        Outcomes are fitted one by one for indirect effects with clusters of units and of periods, whose covariance may
        have to be made semidefinite, for what is of the mediators alone, and for combinations with that.
        """
        if self.equations == "full":
            fitted = _Fitted.of(self, panel, weights)
            if estimand in fitted.sums:
                many = fitted.many(estimand, panel, weights)
                if many is not None:
                    return many
            elif estimand.quantity == "total":
                return self.total_equation.batch(panel, weights, Estimand("coefficient", estimand.term))
            elif estimand.weights and {term for term, _ in estimand.weights} <= set(fitted.outcome.terms):
                return self.outcome_equation.batch(panel, weights, estimand)
            elif not estimand.weights and estimand.term in fitted.outcome.terms:
                return self.outcome_equation.batch(panel, weights, Estimand("coefficient", estimand.term))
        return OneByOne(self.by_errors, panel, weights, estimand)

    def as_a(self, kind: type[Other]) -> Other | None:
        """Return the equation of the outcome with mediators as a regression; none of first steps."""
        regression = self.outcome_equation if self.equations == "full" else None
        return super().as_a(kind) or (regression if isinstance(regression, kind) else None)

    def cautions(self, result: Result, panel: Panel, weights: Weights | None) -> list[Note]:
        """Return those of the equation of the outcome."""
        return self.outcome_equation.looked_for(result, panel) if self.equations == "full" else []


def on(mediator: str, x: str) -> str:
    """Return the name of the coefficient of x in the equation of a mediator."""
    return f"{mediator}[{x}]"


def through(x: str, mediator: str) -> str:
    """Return the name of the indirect effect of x through a mediator."""
    return f"{x}[{mediator}]"


@lru_cache(maxsize=1024)
def _equation(
    y: str, x: tuple[str, ...], controls: tuple[str, ...], names: tuple[str, ...], fields: tuple[Any, ...]
) -> PanelRegression:
    # a run asks several times for its equations, and checking their fields takes as long as fitting them
    given = dict(zip(names, fields, strict=True))
    return PanelRegression(y=y, x=x, controls=controls, **{"test": "errors"} | given)


class _Design:
    """The equations of one outcome, for models that differ only in their standard errors and intervals.

    ``fit``: all regressors but mediators taken as focal.
    """

    def __init__(self, fit: Paths, rows: Rows) -> None:
        self.fit, self._rows = fit, rows
        self._sums: dict[tuple[str, bool], FloatArray] = {}
        self.made: dict[Hashable, Any] = {}

    @property
    def nbytes(self) -> int:
        """The size of its largest arrays: design, basis and influence, and sums by row."""
        return 4 * int(self.fit.design.nbytes)

    def sums(self, by: Literal["row", "unit", "time"], corrected: bool) -> FloatArray:
        """Return sums of what rows add to each parameter, shape (rows or groups, q); corrected as in HC3."""
        key = by, corrected
        if key not in self._sums:
            every = self.fit.influence(corrected)
            self._sums[key] = every if by == "row" else self._rows.sums(every, by)
        return self._sums[key]


@dataclass(frozen=True, eq=False)
class _Fitted:
    """All equations of a mediation, fitted."""

    model: Mediation
    panel: Panel
    """With every term."""
    columns: Columns
    """Of the equation of the outcome."""
    outcome: Result
    """That equation."""
    base: tuple[str, ...]
    mediators: tuple[str, ...]
    """`base`, `mediators`: regressors without mediators, and the mediators, as their columns are called."""
    focal: tuple[str, ...]

    @classmethod
    def of(cls, model: Mediation, panel: Panel, weights: Weights | None) -> _Fitted:
        made = panel.with_terms(model.terms)
        equation = model.outcome_equation
        outcome = equation.estimated(panel, weights)
        mediators = made.expanded(model.mediators, among=model.terms)
        base = tuple(name for name in outcome.terms if name not in mediators)
        columns = equation.design(panel, weights)
        return cls(model, made, columns, outcome, base, mediators, outcome.focal)

    @cached_property
    def _design(self) -> _Design:
        # columns are the same object in models that differ only in their standard errors
        key = ("mediation", self.columns, self.base, self.mediators)
        return LATEST.once(key, self._made, lambda made: made.nbytes)

    def _made(self) -> _Design:
        names, values = self.columns.names, self.columns.values
        order = [names.index(name) for name in (*self.base, *self.mediators)]
        fit = paths(values[:, order], values[:, -1], len(self.mediators), tuple(range(len(self.base))))
        return _Design(fit, self.columns.rows)

    def once(self, what: Hashable, make: Callable[[], _Made]) -> _Made:
        """Return what does not depend on standard errors and intervals, made if no model of the same design has it."""
        key = what, self.focal
        if key not in self._design.made:
            self._design.made[key] = make()
        made: _Made = self._design.made[key]
        return made

    @property
    def every(self) -> Paths:
        """The equations, all regressors but mediators taken as focal."""
        return self._design.fit

    @cached_property
    def paths(self) -> Paths:
        """The equations."""
        return replace(self.every, focal=tuple(self.base.index(name) for name in self.focal))

    @cached_property
    def _repaired(self) -> tuple[FloatArray, bool]:
        covariance = self._covariance()
        # only a difference of covariances can be indefinite
        both = self.model.cov == "cluster" and self.model.cluster == "both"
        return nearest_semidefinite(covariance) if both else (covariance, False)

    @property
    def every_covariance(self) -> FloatArray:
        """The covariance of all coefficients of all equations."""
        return self._repaired[0]

    def _covariance(self) -> FloatArray:
        columns, rule, fit = self.columns, self.model.outcome_equation.rule, self.every
        p, others = len(fit.outcome), self._df_others
        if rule.cov == "classic":
            return fit.classic(self._df, others)
        small, sums = self.without_mediators, partial(self._design.sums, corrected=rule.small_sample == "hc3")

        def scaled(values: FloatArray, large_factor: float, small_factor: float) -> FloatArray:
            factors = np.full(values.shape[1], small_factor)
            factors[:p] = large_factor
            values = values * np.sqrt(factors)
            return np.asarray(values.T @ values)

        if rule.cov == "cluster" and rule.cluster == "both":
            parts = zip(
                (sums("unit"), sums("time"), sums("row")),
                factors_of_both(columns, rule),
                factors_of_both(small, rule),
                strict=True,
            )
            by_unit, by_time, overlap = (scaled(*part) for part in parts)
            return by_unit + by_time - overlap
        if self.clusters is not None:
            added = self.clusters.sums(sums("row"))
        else:
            by: Literal["unit", "time"] = "time" if rule.cluster == "time" else "unit"
            added = sums("row" if rule.cov == "robust" else by)
        return scaled(added, factor_of(columns, rule), factor_of(small, rule))

    @cached_property
    def without_mediators(self) -> Columns:
        """Columns of as many regressors as the other equations have, for their small-sample factors."""
        return replace(self.columns, values=self.columns.values[:, : self.every.k + 1])

    @property
    def clusters(self) -> Groups | None:
        """The clusters of a column; None where there are none."""
        return self.columns.clusters[0] if self.columns.clusters else None

    @property
    def _df(self) -> int:
        return len(self.columns.values) - len(self.every.outcome) - self.columns.absorbed

    @property
    def _df_others(self) -> int:
        return self._df + len(self.mediators)

    @cached_property
    def sums(self) -> dict[Estimand, tuple[int, FloatArray]]:
        """Indirect effects as sums of products: the place of the focal term, and weights of mediators."""
        m = len(self.mediators)
        every = {Estimand("indirect", x): (place, np.ones(m)) for place, x in enumerate(self.focal)}
        each = zip(self.mediators, np.eye(m), strict=True)
        return every | {
            Estimand("coefficient", through(x, mediator)): (place, weights)
            for mediator, weights in each
            for place, x in enumerate(self.focal)
        }

    def many(self, estimand: Estimand, panel: Panel, weights: Weights | None) -> MediatedFits | None:
        """Return what fits indirect effects to many outcomes; None for clusters of units and of periods."""
        from digicarbon.model._panel_batch import LinearFits, linear_rule
        from digicarbon.packs.mediation.model._outcomes import MediatedFits

        model, rule = self.model, self.model.outcome_equation.rule
        of_outcome, of_others = linear_rule(self.columns, rule), linear_rule(self.without_mediators, rule)
        coefficient = Estimand("coefficient", self.focal[0])
        outcome, total = (
            equation.batch(panel, weights, coefficient) for equation in (model.outcome_equation, model.total_equation)
        )
        if of_outcome is None or of_others is None or of_outcome.middle == "both":
            return None
        if not isinstance(outcome, LinearFits) or not isinstance(total, LinearFits):
            return None
        indirect = IndirectBatch(self.paths, self.columns.rows, of_outcome, of_others, self.clusters)
        return MediatedFits(outcome, total, indirect, self.sums, estimand)

    @cached_property
    def products(self) -> Products:
        """Indirect effects, and the covariance of everything that focal terms have a part in."""
        p, k, m = len(self.every.outcome), self.every.k, len(self.mediators)
        places = self.paths.focal
        chosen = [
            *range(p),
            *(p + place * m + j for place in places for j in range(m)),
            *(p + k * m + place for place in places),
        ]
        return products(self.paths, self.every_covariance[np.ix_(chosen, chosen)])

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """Focal terms and mediators, by focal term."""
        return [(x, mediator) for x in self.focal for mediator in self.mediators]

    def result(self) -> Result:
        """Return the result with p values from the standard errors."""
        model, fit = self.model, self.paths
        full = model.equations == "full"
        p, f, m = len(fit.outcome), *fit.a.shape
        made = self.panel.made_of(model.regressors, among=model.terms)
        first = {on(mediator, x): _at(made[mediator], x) for x, mediator in self.pairs}
        if not full:
            at = p + np.arange(f * m)
            notes = (
                Note("mediation_first_step", y=model.y, mediators=cut(self.mediators)),
                *at_zero(model.x, model.controls),
            )
            notes = (*notes, *self._binary())
            return replace(
                self.outcome,
                kind="mechanism_regression",
                focal=tuple(first),
                terms=tuple(first),
                coef=fit.a.ravel(),
                covariance=self.products.covariance[np.ix_(at, at)],
                roles=roles_made_of(tuple(first), (), first),
                statistics={name: self.outcome.statistics[name] for name in ("nobs", "n_units", "n_periods")},
                tables={"equations": self._equations(first_only=True), "fits": self._fits(first_only=True)},
                listings=("equations", "fits"),
                residuals=None,
                notes=(*self.outcome.notes, *notes),
            )
        via = {through(x, mediator): _at(made[x], mediator) for x, mediator in self.pairs}
        known = dict(zip(self.outcome.terms, self.outcome.roles, strict=True))
        # terms in the order in which the model names them
        order = [(*self.base, *self.mediators).index(name) for name in self.outcome.terms]
        places = [*order, *range(p, p + f * m), *(p + f * m + f + np.arange(f * m))]
        covariance = self.products.covariance
        return replace(
            self.outcome,
            kind="mediation",
            terms=(*self.outcome.terms, *first, *via),
            coef=np.concatenate([fit.outcome[order], fit.a.ravel(), self.products.via.ravel()]),
            covariance=covariance[np.ix_(places, places)],
            roles=(*known.values(), *(Role(made_of=of) for of in (*first.values(), *via.values()))),
            statistics={**self.outcome.statistics, **self._shares()},
            spatial_effects=self._effects(),
            tables=self._tables(),
            listings=("mediation", "equations", "fits", "rho"),
            notes=(
                *self.outcome.notes,
                *(() if REPAIRED in self.outcome.notes or not self._repaired[1] else (REPAIRED,)),
                Note("mediation_assumes", mediators=cut(self.mediators), y=model.y),
                *at_zero(model.x, model.controls),
                *earlier_outcomes(model.mediators, model.y),
                *((Note("mediation_in_parallel", mediators=cut(self.mediators)),) if m > 1 else ()),
                *self._binary(),
                Note("mediation_delta"),
            ),
        )

    def _errors(self, place: int, count: int) -> FloatArray:
        """Return standard errors of some parameters of `products`."""
        variance = np.diag(self.products.covariance)[place : place + count]
        return np.sqrt(np.maximum(variance, 0.0))

    def _effects(self) -> Effects:
        fit, found = self.paths, self.products
        p, f, m = len(fit.outcome), *fit.a.shape
        direct = np.sqrt(np.diag(found.covariance)[list(fit.focal)])
        coef = np.stack([fit.direct, found.indirect, fit.total])
        se = np.stack([direct, self._errors(p + f * m + f + f * m, f), self._errors(p + f * m, f)])
        return Effects(self.focal, coef, se, EFFECTS, in_space=False)

    def _shares(self) -> dict[str, float]:
        """Return the share mediated of the first focal term."""
        share = float(self.products.share[0])
        if not np.isfinite(share):
            return {}
        first = len(self._shown["se"]) - len(self.focal)
        names = {"mediated_share_se": "se", "mediated_share_low": "low", "mediated_share_high": "high"}
        return {"mediated_share": share, **{name: float(self._shown[column][first]) for name, column in names.items()}}

    @cached_property
    def _shown(self) -> dict[str, FloatArray]:
        """Columns of all products, in the order of their covariance: one distribution function for all of them."""
        found = self.products
        coef = np.concatenate([found.via.ravel(), found.indirect, found.shares.ravel(), found.share])
        count = len(coef)
        return self.outcome.inference.columns(coef, self._errors(len(found.covariance) - count, count))

    def _tables(self) -> dict[str, pd.DataFrame]:
        return {
            "mediation": self._mediation(),
            "equations": self._equations(),
            "fits": self._fits(),
            "sensitivity": self._by_pair(self._sensitivity()),
            "rho": pd.DataFrame(
                self.once("rho", lambda: indirect_at(self.paths, RHO).reshape(len(RHO), -1)).copy(),
                index=_RHO.view(),
                columns=_names(tuple(through(*pair) for pair in self.pairs)),
            ),
        }

    def _by_pair(self, numbers: Mapping[str, FloatArray]) -> pd.DataFrame:
        return _frame(list(numbers.values()), ("x", "mediator"), tuple(self.pairs), tuple(numbers))

    def _mediation(self) -> pd.DataFrame:
        """Return a row for each path: a, b, their product with its interval, textbook z statistics, the share."""
        fit, found = self.paths, self.products
        p, f, m = len(fit.outcome), *fit.a.shape
        a, b = fit.a.ravel(), np.tile(fit.b, f)
        se_a, se_b = self._errors(p, f * m), np.tile(self._errors(fit.k, m), f)
        shown = {name: column[: f * m] for name, column in self._shown.items()}
        numbers = {"path_a": a, "path_a_se": se_a, "path_b": b, "path_b_se": se_b, "indirect": shown["coef"]}
        numbers |= {name: shown[name] for name in ("se", "p", "low", "high")}
        for name, value in sobel(a, b, se_a, se_b).items():
            numbers |= {f"{name}_z": value, f"{name}_p": 2 * scipy.special.ndtr(-np.abs(value))}
        known, at = np.isfinite(found.shares.ravel()), slice(f * m + f, 2 * f * m + f)
        for name, column in (("share_mediated", "coef"), ("share_low", "low"), ("share_high", "high")):
            numbers[name] = np.where(known, self._shown[column][at], np.nan)
        return self._by_pair(numbers)

    def _equations(self, first_only: bool = False) -> pd.DataFrame:
        """Return all coefficients: of the outcome without mediators, of each mediator, of the outcome with them."""
        fit, k, m = self.every, self.every.k, len(self.mediators)
        p = len(fit.outcome)
        se = np.sqrt(np.maximum(np.diag(self.every_covariance), 0.0))
        y, base = self.model.y, self.base
        total = [(y, fit.whole, se[p + k * m :], base)]
        first = [
            (mediator, fit.first[:, j], se[p : p + k * m].reshape(k, m)[:, j], base)
            for j, mediator in enumerate(self.mediators)
        ]
        order = [(*base, *self.mediators).index(name) for name in self.outcome.terms]
        last = [(y, fit.outcome[order], se[:p][order], self.outcome.terms)]
        blocks = first if first_only else [*total, *first, *last]
        index = tuple((str(place), block[0], name) for place, block in enumerate(blocks, 1) for name in block[3])
        shown = self.outcome.inference.columns(
            np.concatenate([block[1] for block in blocks]), np.concatenate([block[2] for block in blocks])
        )
        names = ("coef", "se", "stat", "p")
        return _frame([shown[name] for name in names], ("equation", "explained", "term"), index, names)

    def _fits(self, first_only: bool = False) -> pd.DataFrame:
        """Return the R² of each equation: of what is left without its effects, or of the outcome if it has none."""
        return self.once(("fits", first_only), lambda: self._goodness_of_fit(first_only)).copy()

    def _goodness_of_fit(self, first_only: bool) -> pd.DataFrame:
        fit, values, names = self.every, self.columns.values, self.columns.names
        y = values[:, -1]
        explained = [
            (self.model.y, y, fit.whole_residuals),
            *((name, values[:, names.index(name)], fit.first_residuals[:, j]) for j, name in enumerate(self.mediators)),
            (self.model.y, y, fit.outcome_residuals),
        ]
        chosen = explained[1:-1] if first_only else explained
        shares = [1 - float(left @ left) / float(((own - own.mean()) ** 2).sum()) for _, own, left in chosen]
        rows = tuple((str(place), name) for place, (name, _, _) in enumerate(chosen, 1))
        return _frame([np.array(shares)], ("equation", "explained"), rows, ("r2_within",))

    def _binary(self) -> tuple[Note, ...]:
        """Return the note on mediators that are 0 or 1."""
        binary = [name for name in self.mediators if self.panel.is_binary(name)]
        return (Note("mediation_binary", mediators=cut(binary)),) if binary else ()

    def _sensitivity(self) -> dict[str, FloatArray]:
        """Return, for each path, how strong a confounder would have to be; its interval is that of the table."""
        fit, (f, m) = self.paths, self.paths.a.shape
        left_x = (fit.focal_influence**2).sum(axis=0)
        left_m = (fit.root[fit.k :] ** 2).sum(axis=1)
        ssr_m = (fit.first_residuals**2).sum(axis=0)
        ssr_y = float(fit.outcome_residuals @ fit.outcome_residuals)
        classic_a = np.sqrt(left_x[:, None] * ssr_m / self._df_others).ravel()
        classic_b = np.tile(np.sqrt(left_m * ssr_y / self._df), f)
        a, b = fit.a.ravel(), np.tile(fit.b, f)
        se_a, se_b = self._errors(len(fit.outcome), f * m), np.tile(self._errors(fit.k, m), f)
        numbers = {"rho_zero": self.once("rho_zero", lambda: np.tile(rho_at_zero(fit), f))}
        own = self.model.cov == "classic"
        for name, coef, se, classic, df in (
            ("a", a, se_a, classic_a, self._df_others),
            ("b", b, se_b, classic_b, self._df),
        ):
            t, inference = coef / classic, self.outcome.inference
            # a confounder takes a degree of freedom
            critical = replace(inference, df=df - 1).critical if own else inference.critical * (se / classic)
            numbers |= {
                f"partial_r2_{name}": t**2 / (t**2 + df),
                f"rv_{name}": robustness_value(t, df),
                f"rv_{name}_level": robustness_value(t, df, critical=critical),
            }
        return numbers


def _frame(
    columns: list[FloatArray], levels: tuple[str, ...], rows: tuple[tuple[str, ...], ...], names: tuple[str, ...]
) -> pd.DataFrame:
    """Return numbers as a table with rows of several levels."""
    # the arrays are of this table alone, so that they need no copy; an index of it can be renamed by a reader
    values = np.array(columns)
    return pd.DataFrame(values.T, index=_index(levels, rows).copy(), columns=_names(names), copy=False)


@lru_cache(maxsize=256)
def _names(names: tuple[str, ...]) -> pd.Index:
    return pd.Index(names)


@lru_cache(maxsize=256)
def _index(names: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> pd.MultiIndex:
    # making it takes longer than a fit, and specifications of a sweep have few different ones
    return pd.MultiIndex.from_tuples(rows, names=names)


def _at(made_of: MadeOf, level: str) -> tuple[Constituent, ...]:
    """Return what a term is made of, at a level."""
    return tuple(replace(part, level=level) for part in made_of)
