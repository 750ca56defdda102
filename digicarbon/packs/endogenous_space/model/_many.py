"""Spatial models by instruments that are fitted to many outcomes, and draws of y, its lag and endogenous regressors."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.model._panel_columns import rows_of
from digicarbon.model._spatial_batch import solved, space_of
from digicarbon.model.batch import Estimand, Fits, Fitted
from digicarbon.model.restrictions import Redrawn
from digicarbon.numeric.iv.many import Equations, Quantity
from digicarbon.numeric.iv.reduced_form import ErrorStructure
from digicarbon.numeric.linear.least_squares import solve
from digicarbon.numeric.linear.within import absorb
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.null_model import NullModel, by_time, orthonormal
from digicarbon.numeric.resampling.unit_wild import CELLS, corrected
from digicarbon.numeric.slices import slices
from digicarbon.numeric.spatial.lag_space import LagSpace
from digicarbon.numeric.spatial.likelihood import Sample, near_end
from digicarbon.numeric.spatial.operator import SpatialOperator
from digicarbon.packs.endogenous_space.model._design import SpatialDesign, lag_of

if TYPE_CHECKING:
    from digicarbon.packs.endogenous_space.model.base import SpatialIV

RESTRICTED = 50
"""Rounds in which coefficients that give a quantity a value are looked for."""
CLOSE = 1e-8
"""Standard errors by which they may still move."""


def equations_of(design: SpatialDesign, errors: ErrorStructure) -> Equations:
    """Return the equation of a design, whose last endogenous regressor is the lag of y."""
    c = design.columns
    return Equations(c.y, c.w, c.x, c.z, rows_of(c.panel), design.effects, errors)


class Quantities:
    """Quantities of an equation with a lag of y as functions of its coefficients, exogenous regressors first."""

    def __init__(self, design: SpatialDesign) -> None:
        c = design.columns
        self._names = (*c.exogenous, *c.endogenous)
        n, t = c.panel.shape
        self._space: LagSpace = space_of(solved(design.w), Sample(n, t, design.effects, "none"))
        self._w = design.w

    def unit(self, terms: Sequence[str]) -> FloatArray:
        """Return unit vectors of the coefficients of terms, shape (terms, k)."""
        return np.eye(len(self._names))[[self._names.index(term) for term in terms]]

    def weights(self, estimand: Estimand, rho: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return weights of coefficients in a quantity at each ρ, and their derivatives, each of shape (M, k)."""
        out, slopes = (np.zeros((len(rho), len(self._names))) for _ in range(2))
        if estimand.quantity == "coefficient":
            out[:, self._names.index(estimand.term)] = 1.0
            return out, slopes
        first, second, of_first, of_second = self._space.effect_weights(rho, estimand.quantity)
        lag = lag_of(estimand.term)
        pairs = [(estimand.term, first, of_first), (lag, second, of_second)]
        for name, weight, slope in pairs:
            if name in self._names:
                at = self._names.index(name)
                out[:, at], slopes[:, at] = weight, slope
        return out, slopes

    def of(self, estimand: Estimand, lost_at_end: bool = True) -> Quantity:
        """Return a quantity and its derivatives in the coefficients of many fits.

        It is not-a-number where ρ is at or beyond the end of its range, unless ``lost_at_end`` is False.
        """

        def quantity(coef: FloatArray) -> tuple[FloatArray, FloatArray]:
            rho = coef[:, -1]
            lost = near_end(rho, self._w)
            weights, slopes = self.weights(estimand, np.where(lost, 0.0, rho))
            gradient = weights.copy()
            gradient[:, -1] += np.einsum("mk,mk->m", slopes, coef)
            values = np.einsum("mk,mk->m", weights, coef)
            # a single fit has no focal number where ρ is at the end of its range
            return np.where(lost, np.nan, values) if lost_at_end else values, gradient

        return quantity


@dataclass(frozen=True, eq=False)
class LaggedOutcomes:
    """Outcomes and their lags with effects removed, each of shape (rows, M)."""

    y: FloatArray
    lagged: FloatArray

    def __matmul__(self, weights: FloatArray) -> LaggedOutcomes:
        """Return linear combinations of the outcomes, weights of shape (M, draws)."""
        return LaggedOutcomes(self.y @ weights, self.lagged @ weights)


def lag_rows(w: SpatialOperator, columns: FloatArray) -> FloatArray:
    """Return the lags of columns of a balanced panel in the order of its rows, shape (rows, M)."""
    return np.asarray(w.lag(columns.reshape(w.n, -1)[None])[0].reshape(columns.shape))


class InstrumentedFits(Fitted[LaggedOutcomes]):
    """A model without endogenous regressors but the lag of y that is fitted to many outcomes."""

    def __init__(self, model: SpatialIV, design: SpatialDesign, errors: ErrorStructure, estimand: Estimand) -> None:
        self._equations, self._quantities = equations_of(design, errors), Quantities(design)
        self._w, self._effects, self._estimand = design.w, design.effects, estimand
        self.key: Hashable = ("lagged outcomes", design.w, design.effects)

    def prepare(self, outcomes: FloatArray) -> LaggedOutcomes:
        """Return raw outcomes, shape (rows, M), and their lags without effects."""
        both = (outcomes, lag_rows(self._w, outcomes))
        if self._effects == "none":
            return LaggedOutcomes(*(columns - columns.mean(axis=0) for columns in both))
        rows = self._equations.rows
        return LaggedOutcomes(*(absorb(columns, rows, self._effects) for columns in both))

    def several(self, prepared: LaggedOutcomes, estimands: Sequence[Estimand]) -> Fits:
        """Return several estimands, as `fit` returns its own."""
        return [
            self._equations.fits(prepared.y, prepared.lagged[None], self._quantities.of(estimand))
            for estimand in estimands
        ]


class SpatialDraws(Redrawn):
    """Coefficients and effects of a focal term, drawn under values that they are restricted to.

    Davidson & MacKinnon's (2010) restricted efficient bootstrap for endogenous regressors, errors drawn as `Draws` has
    them; y is (I - ρ̃W)⁻¹ of the right-hand side of its equation, so that its lag is that of the y that was drawn.
    Where the restricted ρ̃ is beyond its range, ρ is that of the unrestricted equation. Effects are tested given that ρ
    is inside.
    """

    def __init__(self, model: SpatialIV, design: SpatialDesign, errors: ErrorStructure, term: str) -> None:
        self._equations, self._quantities = equations_of(design, errors), Quantities(design)
        self._design = design
        self._terms = terms = (term, *((lag_of(term),) if term in model.lagged else ()))
        self.estimands = Estimand.of_term(term, terms, model.quantities)
        c = design.columns
        self._y = c.panel.column(model.y)
        self._own = c.panel.array(model.endogenous) if model.endogenous else np.empty((len(c.y), 0))
        self._lagged = [place for place, name in enumerate(model.endogenous) if name in model.lagged]
        every = (*model.endogenous, *(lag_of(model.endogenous[place]) for place in self._lagged), design.lag)
        # as the design has them: endogenous regressors, lags of some of them, the lag of y
        self._means = np.array([c.means[name] for name in every]) if design.effects == "none" else None
        self._mean = c.means[model.y] if design.effects == "none" else 0.0

    def fits(self, place: int, value: float, draws: Draws) -> tuple[FloatArray, FloatArray]:
        """Return a quantity and its standard error for every draw in which it has a value."""
        estimand, own = self.estimands[place], self._equations
        coef, structural, projected = self._restricted(estimand, value)
        exogenous = np.column_stack([own.w, own.z])
        x = absorb(self._own, own.rows, own.effects)
        if self._means is not None:
            x = x - self._means[: x.shape[1]]
        first = solve(np.column_stack([exogenous, structural]), x)[:-1]
        reduced = x - exogenous @ first
        safe = self._corrected(structural, projected)
        safe_reduced = np.column_stack([self._corrected(rest, exogenous) for rest in reduced.T]) if x.size else reduced
        parts = [
            self._fits(estimand, coef, (structural, safe), (reduced, safe_reduced), draws, some)
            for some in slices(len(draws.weights), CELLS // (len(own.y) * (2 + 2 * x.shape[1])))
        ]
        estimates, errors = (np.concatenate(side) for side in zip(*parts, strict=True))
        # a sample whose ρ is beyond its range has no effects to be tested, and so has such a draw
        inside = np.isfinite(estimates)
        return estimates[inside], errors[inside]

    def _fits(
        self,
        estimand: Estimand,
        coef: FloatArray,
        structural: tuple[FloatArray, FloatArray],
        reduced: tuple[FloatArray, FloatArray],
        draws: Draws,
        some: slice,
    ) -> tuple[FloatArray, FloatArray]:
        own, w, rho = self._equations, self._design.w, float(coef[-1])
        m = self._own.shape[1]
        moves = [
            draws.errors(safe, own.rows, some) - rest[:, None]
            for rest, safe in zip(reduced[0].T, reduced[1].T, strict=True)
        ]
        lags = [lag_rows(w, moves[place]) for place in self._lagged]
        # endogenous regressors stand after the exogenous ones, the lag of y last
        slopes = coef[own.w.shape[1] : -1]
        change = draws.errors(structural[1], own.rows, some) - structural[0][:, None]
        for slope, move in zip(slopes, [*moves, *lags], strict=True):
            change = change + slope * move
        stacked = change.reshape(w.n, -1)
        # (I - ρW)⁻¹ = I + ρG with G = W(I - ρW)⁻¹
        y = self._y[:, None] + (stacked + rho * w.apply_g(rho, stacked)).reshape(change.shape)
        levels = [self._own[:, [place]] + moves[place] for place in range(m)]
        levels += [lag_rows(w, self._own[:, [place]]) + lag for place, lag in zip(self._lagged, lags, strict=True)]
        levels.append(lag_rows(w, y))
        x = np.stack([absorb(level, own.rows, own.effects) for level in levels])
        y = absorb(y, own.rows, own.effects)
        if self._means is not None:
            x, y = x - self._means[:, None, None], y - self._mean
        # a coefficient has a value whatever ρ was drawn: without such draws its distribution would be cut
        return own.fits(y, x, self._quantities.of(estimand, estimand.quantity != "coefficient"))

    def _restricted(self, estimand: Estimand, value: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return coefficients by 2SLS under a restriction, residuals, and what instruments explain of the rest.

        At zero the term has neither a coefficient nor one of its lag, as in maximum likelihood. At another value the
        quantity's first derivatives stand in its place until the coefficients stay; not-a-number where they do not.
        """
        own = self._equations
        regressors = np.column_stack([own.w, own.x])
        basis = np.linalg.qr(np.column_stack([own.w, own.z]))[0]
        slopes, outcome = basis.T @ regressors, basis.T @ own.y
        free = solve(slopes, outcome)
        spread = np.asarray(np.linalg.inv(slopes.T @ slopes), dtype=np.float64)
        if value == 0.0:
            restriction = self._quantities.unit(self._terms)
            coef = _nearest(free, spread, restriction, restriction @ free)
        else:
            coef, restriction = self._at(estimand, value, free, spread)
        if not np.isfinite(coef[-1]) or near_end(coef[-1], self._design.w):
            coef, restriction = self._with_rho(estimand, value, free, spread)
        rest = np.linalg.svd(restriction)[2][len(restriction) :].T
        return coef, own.y - regressors @ coef, basis @ (slopes @ rest)

    def _at(
        self, estimand: Estimand, value: float, free: FloatArray, spread: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        quantity = self._quantities.of(estimand)
        coef, low_high = free, self._design.w.bounds
        size = np.sqrt(spread.diagonal())
        for _ in range(RESTRICTED):
            inside = coef.copy()
            inside[-1] = np.clip(inside[-1], 0.99 * low_high[0], 0.99 * low_high[1])
            estimate, slopes = quantity(inside[None])
            gap = slopes[0] @ (free - inside) + estimate[0] - value
            if not slopes[0] @ spread @ slopes[0] > 0:
                break
            moved, coef = coef, _nearest(free, spread, slopes, np.array([gap]))
            if np.abs((coef - moved) / size).max() < CLOSE:
                return coef, slopes
        return np.full_like(free, np.nan), slopes

    def _with_rho(
        self, estimand: Estimand, value: float, free: FloatArray, spread: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return what `_at` returns with ρ as it is without a restriction, which makes every quantity linear.

        Without its regressor an equation may ask for a ρ at which there is no y.
        """
        quantities = self._quantities
        at = quantities.unit(self._terms) if value == 0.0 else quantities.weights(estimand, free[-1:])[0]
        restriction = np.vstack([at, np.eye(len(free))[-1:]])
        values = np.append(np.full(len(at), value), free[-1])
        return _nearest(free, spread, restriction, restriction @ free - values), restriction

    def _corrected(self, residuals: FloatArray, regressors: FloatArray) -> FloatArray:
        own = self._equations
        null = NullModel(residuals, residuals, own.rows, orthonormal(regressors), by_time(own.effects))
        return corrected(null)


def _nearest(free: FloatArray, spread: FloatArray, restriction: FloatArray, gap: FloatArray) -> FloatArray:
    """Return the coefficients nearest to the free ones, in the metric of their covariance, that close a gap."""
    along = spread @ restriction.T
    return np.asarray(free - along @ np.linalg.solve(restriction @ along, gap))
