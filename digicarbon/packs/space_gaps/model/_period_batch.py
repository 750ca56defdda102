"""Spatial panels by period as bootstraps take them: null models, and fits to many outcomes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Sequence

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.model.batch import Estimand, Fits, Fitted
from digicarbon.packs.space_gaps.model._period_design import PeriodDesign, lags_of
from digicarbon.packs.space_gaps.numeric.clustered import of_sums
from digicarbon.packs.space_gaps.numeric.error_batch import ErrorPeriodBatch
from digicarbon.packs.space_gaps.numeric.lag_batch import LagBatch
from digicarbon.packs.space_gaps.numeric.mean_effects import multipliers


class PeriodFits(Fitted[FloatArray]):
    """A SAR or SDM by period, of one W or several, that is fitted to many outcomes.

    ``by_unit``: whether standard errors are clustered by unit.
    """

    def __init__(self, design: PeriodDesign, estimand: Estimand, by_unit: bool) -> None:
        self._design, self._estimand = design, estimand
        space = design.space
        z = design.columns[..., : len(design.names)]
        self._batch = LagBatch(z, space.surface, space.adjusted, by_unit, space.traces_of_one, design.clusters)
        self.key: Hashable = ("periods", space)

    def prepare(self, outcomes: FloatArray) -> FloatArray:
        """Return outcomes, shape (rows, M), and their lags with effects removed, shape (1 + R, T·N, M)."""
        space = self._design.space
        level = self._design.cube(outcomes)
        lags = (space.weights.lag(level, place) for place in range(space.weights.several))
        every = np.stack([space.effects.remove(one) for one in (level, *lags)])
        return every.reshape(len(every), -1, outcomes.shape[1])

    def several(self, prepared: FloatArray, estimands: Sequence[Estimand]) -> Fits:
        """Return several estimands, as `fit` returns its own."""
        names, asked = self._design.names, []
        for estimand in estimands:
            called = lags_of(estimand.term, self._design.space.weights.several)
            lags = tuple(names.index(lag) if lag in names else None for lag in called)
            asked.append((names.index(estimand.term), lags, estimand.quantity))
        return self._batch.several(prepared, asked)


class LocalFits(Fitted[FloatArray]):
    """A model without a spatial lag of y that is fitted to many outcomes: effects are combinations of coefficients.

    ``by_unit``: whether standard errors are clustered by unit.
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
                out.append((g @ self._root @ along, np.sqrt(of_sums(sums, space.effects, self._design.clusters))))
            return out
        sigma = np.sqrt(np.einsum("im,im->m", rest, rest) / space.degrees)
        return [(g @ self._root @ along, sigma * float(np.linalg.norm(g @ self._root))) for g in contrasts]


class ErrorPeriodFits(LocalFits):
    """A SEM or SDEM by period that is fitted to many outcomes."""

    def __init__(self, design: PeriodDesign, estimand: Estimand, by_unit: bool) -> None:
        super().__init__(design, estimand, by_unit)
        self._batch = ErrorPeriodBatch(design.errors(design.level[..., :-1]), by_unit, design.clusters)
        self.key = ("periods with errors", design.space)

    def prepare(self, outcomes: FloatArray) -> FloatArray:
        """Return outcomes, shape (rows, M), as a cube, shape (T·N, M)."""
        return self._design.cube(outcomes).reshape(-1, outcomes.shape[1])

    def combined(self, prepared: FloatArray, contrasts: Sequence[FloatArray]) -> Fits:
        """Return combinations of the coefficients of Z, each of shape (k,)."""
        return self._batch.several(prepared, contrasts)
