"""Spatial panel models as a joint test takes them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.model._durbin import LAG_KINDS
from digicarbon.model._group_quantities import GroupQuantities
from digicarbon.model._spatial_estimates import MOST_UNITS, Design, Kind, dense
from digicarbon.model.batch import Estimand, Fits, Fitted
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.linear.within import Rows
from digicarbon.numeric.resampling.null_model import NullModel, combined_null, error_null, lag_null
from digicarbon.numeric.spatial.batch import Errors, LagBatch
from digicarbon.numeric.spatial.combined_batch import CombinedBatch, CombinedOutcomes
from digicarbon.numeric.spatial.error_batch import ErrorBatch
from digicarbon.numeric.spatial.lag_outcomes import LagOutcomes
from digicarbon.numeric.spatial.lag_space import Asked, Combination, LagSpace
from digicarbon.numeric.spatial.largest import largest
from digicarbon.numeric.spatial.likelihood import Sample, inner, near_end
from digicarbon.numeric.spatial.operator import SpatialOperator


def solved(w: SpatialOperator) -> SpatialOperator:
    """Return W as many outcomes take it: dense up to a size, beyond it as it is."""
    return w if w.n > MOST_UNITS else dense(w)


@lru_cache(maxsize=8)
def space_of(operator: SpatialOperator, sample: Sample, clusters: Groups | None = None) -> LagSpace:
    """Return the space of a W, a sample and clusters, one for all models that share them."""
    return LagSpace(operator, sample, clusters)


class LagFits(Fitted[LagOutcomes]):
    """A SAR or SDM that is fitted to many outcomes; parameters as in `ErrorFits`."""

    forms = True

    def __init__(
        self, design: Design, estimand: Estimand, errors: Errors = "classic", of: GroupQuantities | None = None
    ) -> None:
        operator = solved(design.w)
        self.space = space_of(operator, design.sample, design.clusters)
        self.batch = LagBatch(design.level[..., :-1], operator, design.sample, self.space)
        self._design, self._estimand, self._errors, self._of = design, estimand, errors, of
        self.key: Hashable = ("spatial", operator, design.sample)

    def prepare(self, outcomes: FloatArray) -> LagOutcomes:
        """Return outcomes, shape (rows, M), in the likelihood's sample."""
        return _prepared(self.space, outcomes)

    def basis(self, null: NullModel, residuals: FloatArray) -> LagOutcomes:
        """Return the basis of draws from a null model."""
        space = self.space
        if len(null.filters) != 1 or null.filters[0][0] is not space.used or not null.rows.balanced:
            return super().basis(null, residuals)
        y, own = (part.reshape(space.w.n, -1) for part in (null.y, null.residuals))
        return space.drawn(y, own, null.parts(residuals), null.filters[0][1])

    def several(self, prepared: LagOutcomes, estimands: Sequence[Estimand]) -> Fits:
        """Return several estimands, as `fit` returns its own."""
        every, rho = self.batch.several(prepared, [self._asked(estimand) for estimand in estimands], self._errors)
        # a single fit has no focal number where ρ is at the end of its range
        lost = near_end(rho, self.space.w)
        return [(np.where(lost, np.nan, effect), np.where(lost, np.nan, se)) for effect, se in every]

    def largest(self, asked: Sequence[tuple[LagOutcomes, Estimand, float]], count: int) -> Fits:
        """Return estimands; errors are clustered where |estimate - value|/error is among the largest."""
        plain = self._errors == "cluster" and self.space.clusters is None
        if not plain or self.space.sample.correction == "bias_corrected" or count == 0:
            return super().largest(asked, count)
        wanted = [(prepared, self._asked(estimand), value) for prepared, estimand, value in asked]
        out = []
        for effect, se, rho in largest(self.batch, wanted, count):
            lost = near_end(rho, self.space.w)
            out.append((np.where(lost, np.nan, effect), np.where(lost, np.nan, se)))
        return out

    def _asked(self, estimand: Estimand) -> Asked | Combination:
        names, lag = self._design.names, f"W_{estimand.term}"
        if self._of is not None and estimand.quantity != "coefficient":
            return self._of.combination(estimand)
        return names.index(estimand.term), names.index(lag) if lag in names else None, estimand.quantity


class ErrorFits(Fitted[LagOutcomes]):
    """A SEM or SDEM that is fitted to many outcomes; ``of`` is for effects where slopes differ between groups."""

    def __init__(
        self, design: Design, estimand: Estimand, errors: Errors = "classic", of: GroupQuantities | None = None
    ) -> None:
        operator = solved(design.m)
        self._space = space_of(operator, design.sample, design.clusters)
        self._batch = ErrorBatch(design.level[..., :-1], self._space)
        self._design, self._estimand, self._errors, self._of = design, estimand, errors, of
        self.key: Hashable = ("spatial", operator, design.sample)

    def prepare(self, outcomes: FloatArray) -> LagOutcomes:
        """Return outcomes, shape (rows, M), in the likelihood's sample."""
        return _prepared(self._space, outcomes)

    def several(self, prepared: LagOutcomes, estimands: Sequence[Estimand]) -> Fits:
        """Return several estimands, as `fit` returns its own."""
        contrasts = [contrast_of(self._design, estimand, self._of) for estimand in estimands]
        every, lam = self._batch.several(prepared, contrasts, self._errors)
        # a single fit has no focal number where λ is at or beyond the end of its range
        lam = inner(lam, self._space.w)
        lost = near_end(lam, self._space.used) | near_end(lam, self._space.w)
        return [(np.where(lost, np.nan, estimate), np.where(lost, np.nan, se)) for estimate, se in every]


class CombinedFits(Fitted[CombinedOutcomes]):
    """A SAC model that is fitted to many outcomes; parameters as in `ErrorFits`."""

    def __init__(
        self, design: Design, estimand: Estimand, errors: Errors = "classic", of: GroupQuantities | None = None
    ) -> None:
        operators = dense(design.w), dense(design.m)
        spaces = [space_of(operator, design.sample, design.clusters) for operator in operators]
        self._batch = CombinedBatch(design.level[..., :-1], *spaces)
        self._design, self._estimand, self._errors, self._of = design, estimand, errors, of
        self.key: Hashable = ("combined", *operators, design.sample)

    def prepare(self, outcomes: FloatArray) -> CombinedOutcomes:
        """Return outcomes, shape (rows, M), in the likelihood's sample."""
        return self._batch.outcomes(outcomes.reshape(self._design.w.n, -1, outcomes.shape[1]))

    def several(self, prepared: CombinedOutcomes, estimands: Sequence[Estimand]) -> Fits:
        """Return several estimands, as `fit` returns its own."""
        names, space, of_error = self._design.names, self._batch.space, self._batch.of_error
        asked: list[Asked | Combination] = [
            (names.index(each.term), None, each.quantity)
            if self._of is None or each.quantity == "coefficient"
            else self._of.combination(each)
            for each in estimands
        ]
        every, rho, lam = self._batch.several(prepared, asked, self._errors)
        # a single fit has no focal number where ρ or λ is at or beyond the end of its range
        lost = near_end(rho, space.used) | near_end(rho, space.w)
        lam = inner(lam, of_error.w)
        lost |= near_end(lam, of_error.used) | near_end(lam, of_error.w)
        return [(np.where(lost, np.nan, effect), np.where(lost, np.nan, se)) for effect, se in every]


def contrast_of(design: Design, estimand: Estimand, of: GroupQuantities | None = None) -> FloatArray:
    """Return the combination of coefficients that an effect is where y has no spatial lag, shape (k,)."""
    if of is not None and estimand.quantity != "coefficient":
        return of.contrast(estimand, len(design.names))
    out = np.zeros(len(design.names))
    if estimand.quantity != "indirect":
        out[design.names.index(estimand.term)] = 1.0
    lag = f"W_{estimand.term}"
    if estimand.quantity in ("indirect", "total") and lag in design.names:
        w = design.w
        sums = w.lag(np.ones((1, w.n, 1))) if w.constant_row_sum is None else np.array([w.constant_row_sum])
        out[design.names.index(lag)] = float(sums.mean())
    return out


def fit_null(kind: Kind, design: Design, keep: list[int], rows: Rows) -> NullModel:
    """Fit the null model of a spatial specification, in which the columns ``keep`` of Z stay.

    Models with a lag of y, and those without spatial parameter (SLX), have the null model of the spatial Durbin model:
    errors are exchangeable only where nothing spatial is left in them.
    """
    columns = np.concatenate([design.level[..., keep], design.level[..., -1:]], axis=2)
    flat = np.ascontiguousarray(columns.transpose(1, 0, 2)).reshape(-1, columns.shape[2])
    z, y = flat[:, :-1], np.ascontiguousarray(flat[:, -1])
    sample = null_sample(design)
    if kind == "sac":
        return combined_null(y, z, rows, dense(design.w), dense(design.m), sample)
    if kind in LAG_KINDS or kind == "slx":
        return lag_null(y, z, rows, design.w, sample)
    return error_null(y, z, rows, design.m, sample)


def null_sample(design: Design) -> Sample:
    """Return the sample of the null model: transformed wherever W allows it, for an estimate of ρ without bias."""
    s = design.sample
    by_time = s.effects in ("time", "two_way")
    allowed = not by_time or design.w.constant_row_sum is not None
    return Sample(s.n, s.t, s.effects, "lee_yu" if allowed else "none")


def _prepared(space: LagSpace, outcomes: FloatArray) -> LagOutcomes:
    return space.outcomes(outcomes.reshape(space.w.n, -1, outcomes.shape[1]))
