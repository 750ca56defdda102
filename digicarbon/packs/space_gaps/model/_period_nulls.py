"""Null models of spatial panels by period, and the restrictions that a wild bootstrap tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.model.batch import Batch, Estimand
from digicarbon.model.restrictions import Projected, Restrictions
from digicarbon.numeric.linear.within import Rows
from digicarbon.numeric.resampling.null_model import PRECISION, NullModel, by_time, orthonormal, with_free, without
from digicarbon.numeric.spatial.likelihood import gaussian
from digicarbon.packs.space_gaps.model._period_design import PeriodDesign, lags_of
from digicarbon.packs.space_gaps.numeric.lag import fit_lags
from digicarbon.packs.space_gaps.numeric.mean_effects import multipliers
from digicarbon.packs.space_gaps.numeric.surface import Values
from digicarbon.result import EFFECTS

if TYPE_CHECKING:
    from digicarbon.packs.space_gaps.model.unbalanced_spatial import UnbalancedSpatialPanel
    from digicarbon.panel import Panel
    from digicarbon.result import Result
    from digicarbon.weights import Weights


NODES = 9
"""Places at which a trace is known between two ρ, for Simpson's rule."""


@dataclass(frozen=True, eq=False)
class PeriodNull(NullModel):
    """A null model whose filter differs between periods."""

    design: PeriodDesign | None = None
    inverse: FloatArray | None = None
    """Of the filter in each period, shape (T, N, N)."""

    @property
    def spatial(self) -> bool:
        """Whether a change of one unit's error changes the outcomes of its neighbours."""
        return self.inverse is not None

    def unfiltered(self, change: FloatArray) -> FloatArray:
        """Return S⁻¹ times columns, shape (rows, M)."""
        if self.design is None or self.inverse is None:
            return change
        return self.design.rows(self.inverse @ self.design.cube(change))


@dataclass(frozen=True, eq=False)
class PeriodNulls:
    """Null models of given coefficients b of some of a design's columns."""

    design: PeriodDesign
    stay: list[int]
    own: list[int]
    """`stay`, `own`: the columns of Z that stay, and those whose coefficients are given."""
    rows: Rows
    error: bool
    """Whether the errors have the spatial process, else the outcome."""

    def shifted(self, b: FloatArray) -> NullModel:
        """Return the null model of the outcome less xb: what x contributes is outside of a spatial lag."""
        return null_at(self.design, self.stay, self.own, b, self.rows, self.error)


def null_at(design: PeriodDesign, stay: list[int], own: list[int], b: FloatArray, rows: Rows, error: bool) -> NullModel:
    """Fit the null model of a design whose columns ``own`` have the coefficients b.

    As in a balanced panel, a model with a spatial lag of y, and one without a spatial parameter, has the lags of all
    regressors under the null, unless these would take half of the observations.
    """
    space = design.space
    w, effects = space.weights, space.effects
    y = design.level[..., -1]
    rest = y - design.level[..., own] @ b
    outcome = design.rows(y)
    time = by_time(effects.kind)
    if error:
        model = design.errors(design.level[..., stay])
        fit = model.fit(rest)
        inverse = w.inverse(fit.spatial)[w.which]
        left = orthonormal(design.rows(model.filtered(float(fit.spatial[0]))))
        residuals = design.rows(fit.residuals)
        return PeriodNull(outcome, residuals, rows, left, time, (), fit.loglik, design, inverse)
    left = lagged_basis(design, stay)
    basis = design.cube(left)
    lags = [w.lag(rest[..., None], place) for place in range(w.several)]
    outcomes = effects.remove(np.concatenate([rest[..., None], *lags], axis=2))
    fit = fit_lags(np.concatenate([basis, outcomes], axis=2), w, effects, space.adjusted, space.traces_of_one)
    inverse = w.inverse(fit.spatial)[w.which]
    return PeriodNull(outcome, design.rows(fit.residuals), rows, left, time, (), fit.loglik, design, inverse)


@dataclass(frozen=True, eq=False)
class PeriodLagged:
    """Restrictions of effects g(ρ)′b of a model with spatial lags of y by period."""

    estimands: tuple[Estimand, ...]
    batch: Batch
    """What fits them."""
    nulls: PeriodNulls
    spatial: FloatArray
    """The estimate of ρ, shape (R,)."""
    near: float
    """How far from its estimate ρ may be under a value, as `digicarbon.model.restrictions.Lagged` says."""
    places: Sequence[int]
    """The place of each coefficient of x among β and θ_1, …, θ_R."""

    def null(self) -> NullModel:
        """Return the null model in which the term and its lags have no coefficient."""
        return self.nulls.shifted(np.zeros(len(self.nulls.own)))

    def null_at(self, place: int, value: float) -> NullModel:
        """Return the null model in which one quantity has a value."""
        known, rho = self._known, self._rho(self.estimands[place], value)
        g, residuals = self._fitted(self.estimands[place], value, rho)
        basis = with_free(known.basis, known.x, g)
        design, rows = self.nulls.design, self.nulls.rows
        w, kind = design.space.weights, design.space.effects.kind
        inverse = w.inverse(rho)
        # det S⁻¹ of each different block
        loglik = gaussian(
            float(residuals @ residuals), -float(np.linalg.slogdet(inverse)[1] @ w.times), design.space.effects.size
        )
        outcome = design.rows(design.level[..., -1])
        return PeriodNull(outcome, residuals, rows, basis, by_time(kind), (), loglik, design, inverse[w.which])

    def _fitted(self, estimand: Estimand, value: float, rho: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return g, shape (m,), and residuals, shape (rows,), of the b nearest to the free one that have the value."""
        known, g = self._known, self._weights(estimand, rho)
        free = known.free - known.free_lag @ rho
        own = free + known.gram @ g / (g @ known.gram @ g) * (value - g @ free)
        return g, known.y - known.wy @ rho - known.x @ own

    def _rho(self, estimand: Estimand, value: float) -> FloatArray:
        """Return the place of the highest adjusted likelihood near the estimate of ρ."""
        if self.near == 0:
            return self.spatial
        space, (centre,) = self.nulls.design.space, self.spatial
        bounds = space.weights.bounds

        def negative(rho: float) -> float:
            _, residuals = self._fitted(estimand, value, np.array([rho]))
            # what the traces add up to from the estimate on
            places = np.linspace(centre, rho, NODES)
            spread = scipy.integrate.simpson(space.traces.at(places)[0], x=places) if rho != centre else 0.0
            return float(space.degrees / 2 * np.log(residuals @ residuals) + spread)

        within = max(centre - self.near, bounds[0]), min(centre + self.near, bounds[1])
        found = scipy.optimize.minimize_scalar(negative, bounds=within, method="bounded", options={"xatol": PRECISION})
        return np.array([found.x])

    def _weights(self, estimand: Estimand, rho: FloatArray) -> FloatArray:
        """Return what each coefficient counts at a ρ, shape (m,)."""
        names, own = self.nulls.design.names, self.nulls.own
        if estimand.quantity == "coefficient":
            return np.array([float(names[place] == estimand.term) for place in own])
        values = Values.of(self.nulls.design.space.surface.numbers(rho[None]), len(rho))
        return np.asarray(values.levels[0, EFFECTS.index(estimand.quantity)][list(self.places)])

    @cached_property
    def _known(self) -> _Known:
        design, own = self.nulls.design, self.nulls.own
        space, y = design.space, design.level[..., -1:]
        basis = lagged_basis(design, self.nulls.stay)
        lags = [space.weights.lag(y, place) for place in range(space.weights.several)]
        cube = np.concatenate([design.level[..., own], *lags, y], axis=2)
        columns = without(basis, design.rows(space.effects.remove(cube)))
        x, wy, rest = columns[:, : len(own)], columns[:, len(own) : -1], columns[:, -1]
        gram = np.asarray(np.linalg.inv(x.T @ x), dtype=np.float64)
        free, free_lag = gram @ (x.T @ rest), gram @ (x.T @ wy)
        return _Known(basis, x, wy, rest, gram, free, free_lag)


@dataclass(frozen=True, eq=False)
class _Known:
    """What null models of all values share: columns without the regressors that stay, and least squares on x."""

    basis: FloatArray
    x: FloatArray
    wy: FloatArray
    y: FloatArray
    gram: FloatArray
    free: FloatArray
    free_lag: FloatArray


def lagged_basis(design: PeriodDesign, stay: list[int]) -> FloatArray:
    """Return an orthonormal basis of the columns that stay under the null, with their lags, shape (rows, k)."""
    space = design.space
    z = design.level[..., stay]
    if 4 * len(stay) < space.effects.degrees:
        # a constant's lag may be the constant itself
        z = np.concatenate([z, *(space.weights.lag(z, place) for place in range(space.weights.several))], axis=2)
    return orthonormal(design.rows(space.effects.remove(z)))


def restrictions_of(
    model: UnbalancedSpatialPanel,
    design: PeriodDesign,
    result: Result,
    term: str,
    panel: Panel,
    weights: Weights | None,
) -> Restrictions:
    """Return the restrictions of a focal term."""
    from digicarbon.model._panel_columns import rows_of

    names = design.names
    several = design.space.weights.several
    called = lags_of(term, several)
    own = [names.index(name) for name in (term, *called) if name in names]
    error = model.has_error
    lags = set() if error else {name for role, name in zip(result.roles, result.terms, strict=True) if role.of}
    stay = [place for place, name in enumerate(names) if place not in own and name not in lags]
    estimands = Estimand.of_term(term, [names[place] for place in own], model.quantities)
    there = [0, *(place for place, name in enumerate(called, start=1) if name in names)]
    nulls = PeriodNulls(design, stay, own, rows_of(panel), error)
    batch = model.batch(panel, weights, estimands[0])
    if model.has_lag:
        spatial = np.array([float(result.coef[result.terms.index(name)]) for name in result.terms_of("lag_y")])
        place = result.terms.index(result.terms_of("lag_y")[0])
        near = float(np.sqrt(result.covariance[place, place])) if len(own) == several == 1 else 0.0
        return PeriodLagged(estimands, batch, nulls, spatial, near, there)
    of = multipliers(design.space.weights, None)
    n = design.space.effects.size
    direct, total = of.direct.sum(axis=0) / n, of.total.sum(axis=0) / n
    by = {"direct": direct, "indirect": total - direct, "total": total}
    g = np.stack([*np.eye(len(own)), *(by[one.quantity][there] for one in estimands[len(own) :])])
    spread = result.covariance[np.ix_(own, own)]
    return Projected(estimands, batch, nulls, g, result.coef[own], spread)
