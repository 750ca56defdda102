"""Spatial panels by period as bootstraps take them: null models, and fits to many outcomes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.model._period_design import PeriodDesign
from digicarbon.model._spatial_estimates import ERROR_KINDS, LAG_KINDS
from digicarbon.model.batch import Estimand, Fits
from digicarbon.model.restrictions import Projected
from digicarbon.numeric.linear.within import Rows
from digicarbon.numeric.resampling.null_model import NullModel, by_time, orthonormal
from digicarbon.numeric.spatial.by_period.clustered import of_sums
from digicarbon.numeric.spatial.by_period.error_batch import ErrorPeriodBatch
from digicarbon.numeric.spatial.by_period.lag import fit_lags
from digicarbon.numeric.spatial.by_period.lag_batch import LagBatch
from digicarbon.numeric.spatial.by_period.mean_effects import multipliers

if TYPE_CHECKING:
    from digicarbon.model.unbalanced_spatial import UnbalancedSpatialPanel
    from digicarbon.panel import Panel
    from digicarbon.result import Result
    from digicarbon.weights import Weights


@dataclass(frozen=True, eq=False)
class PeriodNull(NullModel):
    """A null model whose filter differs between periods.

    Attributes
    ----------
    design : PeriodDesign or None
    inverse : ndarray, shape (T, N, N), or None
        Of the filter in each period.
    """

    design: PeriodDesign | None = None
    inverse: FloatArray | None = None

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
    """Null models of given coefficients b of some of a design's columns.

    Attributes
    ----------
    design : PeriodDesign
    stay, own : list of int
        The columns of Z that stay, and those whose coefficients are given.
    rows : Rows
    error : bool
        Whether the errors have the spatial process, else the outcome.
    """

    design: PeriodDesign
    stay: list[int]
    own: list[int]
    rows: Rows
    error: bool

    def shifted(self, b: FloatArray) -> NullModel:
        """Return the null model of the outcome less xb."""
        return null_at(self.design, self.stay, self.own, b, self.rows, self.error)


def null_at(design: PeriodDesign, stay: list[int], own: list[int], b: FloatArray, rows: Rows, error: bool) -> NullModel:
    """Fit the null model of a design whose columns ``own`` have the coefficients b.

    As in a balanced panel, a model with a spatial lag of y, and one without a spatial parameter, has the lags of all
    regressors under the null, unless these would take half of the observations.
    """
    space = design.space
    w, effects = space.weights, space.effects
    y = design.level[..., -1]
    z, rest = design.level[..., stay], y - design.level[..., own] @ b
    outcome = design.rows(y)
    time = by_time(effects.kind)
    if error:
        model = design.errors(z)
        fit = model.fit(rest)
        inverse = w.inverse(fit.spatial)[w.which]
        left = orthonormal(design.rows(model.filtered(float(fit.spatial[0]))))
        residuals = design.rows(fit.residuals)
        return PeriodNull(outcome, residuals, rows, left, time, (), fit.loglik, design, inverse)
    if 4 * len(stay) < effects.degrees:
        # a constant's lag may be the constant itself
        z = np.concatenate([z, *(w.lag(z, place) for place in range(w.several))], axis=2)
    within = effects.remove(z)
    left = orthonormal(design.rows(within))
    basis = design.cube(left)
    lags = [w.lag(rest[..., None], place) for place in range(w.several)]
    outcomes = effects.remove(np.concatenate([rest[..., None], *lags], axis=2))
    fit = fit_lags(np.concatenate([basis, outcomes], axis=2), w, effects, space.adjusted, space.traces_of_one)
    inverse = w.inverse(fit.spatial)[w.which]
    return PeriodNull(outcome, design.rows(fit.residuals), rows, left, time, (), fit.loglik, design, inverse)


class PeriodFits:
    """A SAR or SDM by period, of one W or several, that is fitted to many outcomes.

    Parameters
    ----------
    design : PeriodDesign
    estimand : Estimand
    by_unit : bool
        Whether standard errors are clustered by unit.
    """

    def __init__(self, design: PeriodDesign, estimand: Estimand, by_unit: bool) -> None:
        self._design, self._estimand = design, estimand
        space = design.space
        z = design.columns[..., : len(design.names)]
        self._batch = LagBatch(z, space.surface, space.adjusted, by_unit, space.traces_of_one)
        self.key: Hashable = ("periods", space)

    def prepare(self, outcomes: FloatArray) -> FloatArray:
        """Return outcomes, shape (rows, M), and their lags with effects removed, shape (1 + R, T·N, M)."""
        space = self._design.space
        level = self._design.cube(outcomes)
        lags = (space.weights.lag(level, place) for place in range(space.weights.several))
        every = np.stack([space.effects.remove(one) for one in (level, *lags)])
        return every.reshape(len(every), -1, outcomes.shape[1])

    def combine(self, prepared: FloatArray, weights: FloatArray) -> FloatArray:
        """Return linear combinations of outcomes, weights of shape (M, draws)."""
        return np.asarray(prepared @ weights)

    def fit(self, prepared: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the estimate and its standard error for each outcome, each of shape (M,)."""
        return self.several(prepared, [self._estimand])[0]

    def several(self, prepared: FloatArray, estimands: Sequence[Estimand]) -> Fits:
        """Return several estimands, as `fit` returns its own."""
        names, asked = self._design.names, []
        for estimand in estimands:
            called = lags_of(estimand.term, self._design.space.weights.several)
            lags = tuple(names.index(lag) if lag in names else None for lag in called)
            asked.append((names.index(estimand.term), lags, estimand.quantity))
        return self._batch.several(prepared, asked)


class LocalFits(ABC):
    """A model without a spatial lag of y that is fitted to many outcomes: effects are combinations of coefficients.

    Parameters
    ----------
    design : PeriodDesign
    estimand : Estimand
    by_unit : bool
        Whether standard errors are clustered by unit.
    """

    key: Hashable

    def __init__(self, design: PeriodDesign, estimand: Estimand, by_unit: bool) -> None:
        self._design, self._estimand, self._by_unit = design, estimand, by_unit

    @abstractmethod
    def prepare(self, outcomes: FloatArray) -> FloatArray:
        """Return outcomes, shape (rows, M), as a cube, shape (T·N, M)."""

    @abstractmethod
    def combined(self, prepared: FloatArray, contrasts: Sequence[FloatArray]) -> Fits:
        """Return combinations of the coefficients of Z, each of shape (k,)."""

    def combine(self, prepared: FloatArray, weights: FloatArray) -> FloatArray:
        """Return linear combinations of outcomes, weights of shape (M, draws)."""
        return np.asarray(prepared @ weights)

    def fit(self, prepared: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the estimate and its standard error for each outcome, each of shape (M,)."""
        return self.several(prepared, [self._estimand])[0]

    def several(self, prepared: FloatArray, estimands: Sequence[Estimand]) -> Fits:
        """Return several estimands, as `fit` returns its own."""
        return self.combined(prepared, [self._contrast(estimand) for estimand in estimands])

    def _contrast(self, estimand: Estimand) -> FloatArray:
        names, space = self._design.names, self._design.space
        out = np.zeros(len(names))
        if estimand.quantity != "indirect":
            out[names.index(estimand.term)] = 1.0
        if estimand.quantity in ("indirect", "total"):
            sums = multipliers(space.weights, None).total.sum(axis=0) / space.effects.size
            for place, called in enumerate(lags_of(estimand.term, space.weights.several), start=1):
                if called in names:
                    out[names.index(called)] = sums[place]
        return out


class LinearPeriodFits(LocalFits):
    """An SLX by period that is fitted to many outcomes."""

    def __init__(self, design: PeriodDesign, estimand: Estimand, by_unit: bool) -> None:
        super().__init__(design, estimand, by_unit)
        z = design.columns[..., : len(design.names)]
        self._q, r = np.linalg.qr(z.reshape(-1, z.shape[2]))
        self._root = np.linalg.inv(r)
        self.key = ("linear periods", design.space)

    def prepare(self, outcomes: FloatArray) -> FloatArray:
        """Return outcomes, shape (rows, M), with effects removed, shape (T·N, M)."""
        cube = self._design.space.effects.remove(self._design.cube(outcomes))
        return cube.reshape(-1, outcomes.shape[1])

    def combined(self, prepared: FloatArray, contrasts: Sequence[FloatArray]) -> Fits:
        """Return combinations of the coefficients of Z, each of shape (k,)."""
        along = self._q.T @ prepared
        rest = prepared - self._q @ along
        space = self._design.space
        if self._by_unit:
            out = []
            for g in contrasts:
                cells = (self._q @ (g @ self._root))[:, None] * rest
                sums = cells.reshape(*space.effects.present.shape, -1).sum(axis=0)
                out.append((g @ self._root @ along, np.sqrt(of_sums(sums, space.effects))))
            return out
        sigma = np.sqrt(np.einsum("im,im->m", rest, rest) / space.degrees)
        return [(g @ self._root @ along, sigma * float(np.linalg.norm(g @ self._root))) for g in contrasts]


class ErrorPeriodFits(LocalFits):
    """A SEM or SDEM by period that is fitted to many outcomes."""

    def __init__(self, design: PeriodDesign, estimand: Estimand, by_unit: bool) -> None:
        super().__init__(design, estimand, by_unit)
        self._batch = ErrorPeriodBatch(design.errors(design.level[..., :-1]), by_unit)
        self.key = ("periods with errors", design.space)

    def prepare(self, outcomes: FloatArray) -> FloatArray:
        """Return outcomes, shape (rows, M), as a cube, shape (T·N, M)."""
        return self._design.cube(outcomes).reshape(-1, outcomes.shape[1])

    def combined(self, prepared: FloatArray, contrasts: Sequence[FloatArray]) -> Fits:
        """Return combinations of the coefficients of Z, each of shape (k,)."""
        return self._batch.several(prepared, contrasts)


def lags_of(term: str, several: int) -> list[str]:
    """Return what the spatial lags of a term by each W are called."""
    return [f"W{place if place > 1 else ''}_{term}" for place in range(1, several + 1)]


def restrictions_of(
    model: UnbalancedSpatialPanel,
    design: PeriodDesign,
    result: Result,
    term: str,
    panel: Panel,
    weights: Weights | None,
) -> Projected:
    """Return the restrictions of a focal term.

    Effects are restricted with the multipliers at the estimate of ρ.
    """
    from digicarbon.model._panel_columns import rows_of

    names = design.names
    several = design.space.weights.several
    called = lags_of(term, several)
    own = [names.index(name) for name in (term, *called) if name in names]
    error = model.kind in ERROR_KINDS
    lags = set() if error else {name for role, name in zip(result.roles, result.terms, strict=True) if role.of}
    stay = [place for place, name in enumerate(names) if place not in own and name not in lags]
    effects = [quantity for quantity in model.quantities if quantity != "coefficient"]
    estimands = tuple(
        [Estimand("coefficient", names[place]) for place in own] + [Estimand(effect, term) for effect in effects]
    )
    spatial = np.array([float(result.coef[result.terms.index(name)]) for name in result.terms_of("lag_y")])
    of = multipliers(design.space.weights, spatial if model.kind in LAG_KINDS else None)
    n = design.space.effects.size
    direct, total = of.direct.sum(axis=0) / n, of.total.sum(axis=0) / n
    by = {"direct": direct, "indirect": total - direct, "total": total}
    there = [0, *(place for place, name in enumerate(called, start=1) if name in names)]
    g = np.stack([*np.eye(len(own)), *(by[effect][there] for effect in effects)])
    nulls = PeriodNulls(design, stay, own, rows_of(panel), error)
    spread = result.covariance[np.ix_(own, own)]
    batch = model.batch(panel, weights, estimands[0])
    return Projected(estimands, batch, nulls, g, result.coef[own], spread)
