"""Arrays of a dynamic spatial panel, and what is estimated from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.model._spatial_result import picked
from digicarbon.model.base import refuse_pole
from digicarbon.model.batch import Estimand
from digicarbon.note import Note
from digicarbon.numeric.linear.covariance import nearest_semidefinite
from digicarbon.numeric.linear.within import demean
from digicarbon.numeric.spatial.effects import EffectEstimates
from digicarbon.numeric.spatial.likelihood import near_end
from digicarbon.numeric.spatial.operator import SpatialOperator
from digicarbon.packs.dynamic_space.numeric.effects import (
    LONG,
    SHORT,
    Factors,
    RatioTest,
    long_factors,
    ratio_tests,
    short_factors,
    stability,
)
from digicarbon.packs.dynamic_space.numeric.estimator import DynamicFit, Setting, fit_dynamic
from digicarbon.packs.dynamic_space.numeric.null import lags_of
from digicarbon.packs.dynamic_space.numeric.robust import robust_covariance
from digicarbon.result import Effects

DYNAMIC = ("rho", "lag_y", "W_lag_y")
"""What ρ, τ and η are called."""


@dataclass(frozen=True, eq=False)
class Design:
    """Checked arrays of one fit."""

    level: FloatArray
    """The columns of Z; raw. Shape (T, N, k)."""
    within: FloatArray
    """The same with fixed effects removed, shape (T, N, k)."""
    y: FloatArray
    before: FloatArray
    """`y`, `before`: the outcome and its lag; raw. Shape (T, N)."""
    names: tuple[str, ...]
    """Names of Z's columns."""
    terms: tuple[str, ...]
    """The regressors, without their lags."""
    w: SpatialOperator
    setting: Setting
    robust: bool
    """Whether third and fourth moments of the errors count."""

    @property
    def tail(self) -> tuple[str, ...]:
        """Names of the parameters that are no coefficients of Z."""
        order = sorted(self.setting.active, key=lambda place: (place == 0, place))
        return (*(DYNAMIC[place] for place in order), "sigma2")


@dataclass(frozen=True, eq=False)
class Estimates:
    """A fit with its covariance."""

    fit: DynamicFit
    covariance: FloatArray
    """As that of the fit; robust if asked."""
    design: Design

    @property
    def named(self) -> tuple[FloatArray, FloatArray]:
        """Coefficients and covariance in the order of names: those of Z, then ``design.tail``."""
        design, fit = self.design, self.fit
        k, active = len(design.names), list(design.setting.active)
        coef = np.concatenate([fit.beta, fit.theta[active], [fit.sigma2]])
        places = [DYNAMIC.index(name) for name in design.tail[:-1]]
        order = [*range(k), *(k + active.index(place) for place in places), len(coef) - 1]
        return coef[order], self.covariance[np.ix_(order, order)]

    @property
    def parts(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Coefficients of each regressor and of its lag, shape (k,), and their covariance with ρ, τ, η."""
        design = self.design
        k = len(design.terms)
        names = (*design.names, *(DYNAMIC[place] for place in design.setting.active))
        coef = np.concatenate([self.fit.beta, self.fit.theta[list(design.setting.active)]])
        wanted = (*design.terms, *(f"W_{term}" for term in design.terms), *DYNAMIC)
        point, covariance = picked(wanted, names, coef, self.covariance)
        return point[:k], point[k : 2 * k], covariance

    @property
    def stability(self) -> float:
        """The largest modulus of A's roots."""
        return stability(self.fit.theta, self.design.w)

    @property
    def beyond(self) -> bool:
        """Whether ρ, inside the range of its likelihood, is at or beyond the end of the range of W itself."""
        drops = self.design.setting.drops_constant and not self.fit.boundary
        return bool(drops and near_end(float(self.fit.theta[0]), self.design.w))

    def factors(self, always: bool = False) -> Factors | None:
        """Return the factors of all effects, the short run first; without the long run where there is none.

        ``always`` is for draws, see `digicarbon.packs.dynamic_space.numeric.batch.DynamicBatch.several`.
        """
        if self.fit.boundary or (self.beyond and not always):
            return None
        short = short_factors(self.fit.theta, self.design.w)
        if not (always or self.stability < 1):
            return short
        long = long_factors(self.fit.theta, self.design.w)
        return Factors(np.concatenate([short.values, long.values]), np.concatenate([short.slopes, long.slopes]))

    def effects(self, always: bool = False) -> Effects | None:
        """Return the effects of every regressor; None at the end of ρ's range."""
        factors = self.factors(always)
        if factors is None:
            return None
        beta, lagged, covariance = self.parts
        found: EffectEstimates = factors.estimates(beta, lagged, covariance)
        names = (*SHORT, *LONG)[: len(found.coef)]
        return Effects(self.design.terms, found.coef, found.se, names)

    def ratios(self, critical: float) -> RatioTest:
        """Return tests and intervals of the long-run effects."""
        beta, lagged, covariance = self.parts
        factors = long_factors(self.fit.theta, self.design.w)
        return ratio_tests(factors, self.fit.theta, (beta, lagged), covariance, self.design.w, critical)


def estimate(design: Design, y: FloatArray | None = None) -> Estimates:
    """Fit a design; to another outcome of the same first period where one is given, shape (T, N).

    Raises EstimationError if nothing is left to explain at an end of ρ's range, or a robust covariance is indefinite.
    """
    if y is None:
        y, before = design.y, design.before
    else:
        before = np.concatenate([design.before[:1], y[:-1]])
    effects = design.setting.effects
    lags = lags_of(y, before, design.w, design.setting)
    moving = demean(np.concatenate([lags, y[..., None]], axis=2), effects)
    columns = np.concatenate([design.within, moving], axis=2)
    fit = fit_dynamic(columns, design.w, design.setting)
    if fit.boundary:
        refuse_pole(("rho",), float(np.vdot(fit.residuals, fit.residuals)), moving[..., -1])
    if not design.robust:
        return Estimates(fit, fit.covariance, design)
    covariance = robust_covariance(columns, fit, design.w, design.setting)
    if nearest_semidefinite(covariance)[1]:
        raise EstimationError(Note("quasi_indefinite", key="model.cov"))
    return Estimates(fit, covariance, design)


def several(design: Design, y: FloatArray, estimands: Sequence[Estimand], lasting: bool = False) -> FloatArray:
    """Return estimates and standard errors of a fit to one outcome, shape (estimands, 2)."""
    found = estimate(design, y)
    out = np.full((len(estimands), 2), np.nan)
    effects = found.effects(always=True)
    if effects is None:
        return out
    for place, estimand in enumerate(estimands):
        if estimand.quantity == "coefficient":
            at = design.names.index(estimand.term)
            out[place] = found.fit.beta[at], np.sqrt(found.covariance[at, at])
        elif lasting and estimand.quantity in LONG and (found.beyond or not found.stability < 1):
            continue
        elif estimand.quantity in effects.names:
            row, column = effects.names.index(estimand.quantity), effects.terms.index(estimand.term)
            out[place] = effects.coef[row, column], effects.se[row, column]
    return out
