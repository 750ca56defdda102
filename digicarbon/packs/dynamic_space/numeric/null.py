"""Null models of dynamic spatial panels: what changes in an error moves all later outcomes, too."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.within import Rows, demean
from digicarbon.numeric.resampling.null_model import NullModel, by_time, in_rows, orthonormal, without
from digicarbon.numeric.spatial.operator import SpatialOperator
from digicarbon.packs.dynamic_space.numeric.effects import stability
from digicarbon.packs.dynamic_space.numeric.estimator import Setting, fit_dynamic
from digicarbon.packs.dynamic_space.numeric.robust import responses


@dataclass(frozen=True, eq=False)
class DynamicNull(NullModel):
    """A null model whose errors are passed on in space and time."""

    theta: FloatArray = field(default_factory=lambda: np.zeros(3))
    """ρ, τ, η, shape (3,)."""
    w: SpatialOperator | None = None

    @property
    def spatial(self) -> bool:
        """Whether a change of one unit's error changes the outcomes of its neighbours."""
        return self.w is not None

    @property
    def root(self) -> float:
        """The largest modulus of the roots by which the past dies out."""
        return 0.0 if self.w is None else stability(self.theta, self.w)

    def unfiltered(self, change: FloatArray) -> FloatArray:
        """Return what changes of errors, shape (rows, M), make of outcomes: δ_t = Aδ_{t-1} + S⁻¹v_t from the first."""
        if self.w is None:
            return change
        cube = np.ascontiguousarray(change.reshape(self.rows.n, self.rows.t, -1).transpose(1, 0, 2))
        return in_rows(responses(self.theta, cube, self.w)).reshape(change.shape)


class DynamicNulls:
    """The null models of an outcome in which columns x contribute something known.

    ``y``, ``before``: the outcome and its lag, shape (T, N). ``z``: regressors that stay, shape (T, N, k). ``x``:
    columns whose coefficients are given, shape (T, N, m).
    """

    def __init__(
        self,
        y: FloatArray,
        before: FloatArray,
        z: FloatArray,
        x: FloatArray,
        rows: Rows,
        w: SpatialOperator,
        setting: Setting,
    ) -> None:
        self._y, self._rows, self._w, self._setting = y, rows, w, setting
        lags = lags_of(y, before, w, setting)
        self._fixed = demean(np.concatenate([z, lags], axis=2), setting.effects)
        self._x, self._outcome = demean(x, setting.effects), demean(y, setting.effects)
        self._k = z.shape[2]
        # the past is a regressor, too; Wy is not
        columns = [*range(self._k), *range(self._k + 1, self._fixed.shape[2])]
        self._basis = orthonormal(in_rows(self._fixed[..., columns]))

    def shifted(self, b: FloatArray) -> DynamicNull:
        """Return the null model with xb on its right-hand side."""
        outcome = (self._outcome - self._x @ b)[..., None]
        fit = fit_dynamic(np.concatenate([self._fixed, outcome], axis=2), self._w, self._setting)
        return self._null(in_rows(fit.residuals[..., None])[:, 0], self._basis, fit.theta, fit.loglik)

    def at(self, b: FloatArray, theta: FloatArray) -> DynamicNull:
        """Return the null model in which ρ, τ and η, shape (3,), are given, too."""
        lags = self._fixed[..., self._k :] @ theta[list(self._setting.active)]
        left = in_rows((self._outcome - self._x @ b - lags)[..., None])
        return self._null(without(self._basis_of_z, left)[:, 0], self._basis_of_z, theta, float("nan"))

    @cached_property
    def _basis_of_z(self) -> FloatArray:
        return orthonormal(in_rows(self._fixed[..., : self._k]))

    def _null(self, residuals: FloatArray, basis: FloatArray, theta: FloatArray, loglik: float) -> DynamicNull:
        outcome = in_rows(self._y[..., None])[:, 0]
        time = by_time(self._setting.effects)
        return DynamicNull(outcome, residuals, self._rows, basis, time, (), loglik, theta, self._w)


def lags_of(y: FloatArray, before: FloatArray, w: SpatialOperator, setting: Setting) -> FloatArray:
    """Return those of Wy, y_{-1} and Wy_{-1} that are in the model, raw, shape (T, N, q)."""
    both = w.lag(np.stack([y, before], axis=2))
    every = np.stack([both[..., 0], before, both[..., 1]], axis=2)
    return np.ascontiguousarray(every[..., list(setting.active)])
