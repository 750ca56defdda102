"""The model without its focal regressors, and outcomes that it could produce: residuals exchanged between units.

Under the null the structural errors of different units are exchangeable once spatial dependence has been filtered out,
whatever their correlation over time. A draw therefore gives each unit the whole time path of another unit's structural
residuals, and passes them through the inverse of the filter (Freedman & Lane 1983, by blocks).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.linear.least_squares import solve
from digicarbon.numeric.linear.within import EffectsKind, Rows, absorb, demean
from digicarbon.numeric.spatial.combined import fit_combined
from digicarbon.numeric.spatial.likelihood import (
    Sample,
    concentrated,
    fit_error,
    in_sample,
    maximise_lag,
    star_log_determinant,
)
from digicarbon.numeric.spatial.operator import DenseOperator, SpatialOperator


@dataclass(frozen=True, eq=False)
class NullModel:
    """A fitted null model.

    Attributes
    ----------
    y : ndarray, shape (rows,)
        The outcome, rows sorted by unit and then by period.
    residuals : ndarray, shape (rows,)
        Structural residuals, effects removed.
    rows : Rows
    filters : tuple of (SpatialOperator, float)
        Each is a factor I - ρW, in the order in which they are applied to y.
    loglik : float
        Not-a-number where the model has no spatial parameter.
    """

    y: FloatArray
    residuals: FloatArray
    rows: Rows
    filters: tuple[tuple[SpatialOperator, float], ...] = ()
    loglik: float = float("nan")

    def outcomes(self, permutations: IntArray) -> FloatArray:
        """Return y* = y + S⁻¹(Pε̂ - ε̂), shape (rows, M).

        Parameters
        ----------
        permutations : ndarray of int, shape (M, N)
            The unit whose residuals each unit gets; units with different periods must not be exchanged.

        Notes
        -----
        Since y = S⁻¹(Zβ̂ + effects + ε̂), this is S⁻¹(Zβ̂ + effects + Pε̂): only the residuals change.
        """
        starts = np.searchsorted(self.rows.unit_codes, np.arange(self.rows.n))
        within = np.arange(len(self.y)) - starts[self.rows.unit_codes]
        exchanged_residuals = self.residuals[starts[permutations.T][self.rows.unit_codes] + within[:, None]]
        change = exchanged_residuals - self.residuals[:, None]
        for operator, parameter in reversed(self.filters):
            stacked = change.reshape(self.rows.n, -1)
            change = (stacked + parameter * operator.apply_g(parameter, stacked)).reshape(change.shape)
        return np.asarray(self.y[:, None] + change)


def linear_null(y: FloatArray, z: FloatArray, rows: Rows, effects: EffectsKind) -> NullModel:
    """Fit y = Zβ + effects + ε.

    Parameters
    ----------
    y : ndarray, shape (rows,)
    z : ndarray, shape (rows, k)
        k may be 0.
    rows : Rows
        Of a panel that need not be balanced.
    effects : {"none", "unit", "time", "two_way"}
    """
    within = absorb(np.column_stack([z, y]), rows, effects)
    return NullModel(y, _residuals(within[:, :-1], within[:, -1:])[:, 0], rows)


def lag_null(y: FloatArray, z: FloatArray, rows: Rows, w: SpatialOperator, sample: Sample) -> NullModel:
    """Fit y = ρWy + Zβ + WZθ + effects + ε to a balanced panel; arguments as in `linear_null`.

    With the lags of all regressors it has the lag model, the error model and the model without spatial parameter as
    special cases, so that its errors are free of spatial dependence whichever of them is true. Lags are left out where
    they would take half of the observations.
    """
    cubes = _cube(np.column_stack([z, y]), rows)
    lagged = w.lag(cubes)
    if 4 * z.shape[1] >= sample.size:
        lagged = lagged[..., -1:]
    within = demean(
        np.concatenate([cubes[..., :-1], lagged[..., :-1], cubes[..., -1:], lagged[..., -1:]], axis=2), sample.effects
    )
    flat = within.reshape(-1, within.shape[2])
    rest = _residuals(flat[:, :-2], flat[:, -2:])
    a, b, c = float(rest[:, 0] @ rest[:, 0]), float(rest[:, 0] @ rest[:, 1]), float(rest[:, 1] @ rest[:, 1])
    rho, _ = maximise_lag((a, b, c), w, sample)
    loglik = concentrated(a - 2 * rho * b + rho**2 * c, star_log_determinant(w, rho, sample), sample)
    return NullModel(
        y, _rows((rest[:, 0] - rho * rest[:, 1]).reshape(sample.t, -1)), rows, ((in_sample(w, sample), rho),), loglik
    )


def error_null(y: FloatArray, z: FloatArray, rows: Rows, m: SpatialOperator, sample: Sample) -> NullModel:
    """Fit y = Zβ + effects + u, u = λMu + ε to a balanced panel; arguments as in `linear_null`."""
    cubes = _cube(np.column_stack([z, y]), rows)
    lagged = demean(m.lag(cubes), sample.effects)
    fit = fit_error(demean(cubes, sample.effects), lagged, m, sample)
    return NullModel(y, _rows(fit.residuals), rows, ((in_sample(m, sample), fit.spatial),), fit.loglik)


def combined_null(
    y: FloatArray, z: FloatArray, rows: Rows, w: DenseOperator, m: DenseOperator, sample: Sample
) -> NullModel:
    """Fit y = ρWy + Zβ + effects + u, u = λMu + ε to a balanced panel; arguments as in `linear_null`."""
    cubes = _cube(np.column_stack([z, y]), rows)
    raw = np.concatenate([cubes, w.lag(cubes[..., -1:])], axis=2)
    fit = fit_combined(demean(raw, sample.effects), demean(m.lag(raw), sample.effects), w, m, sample)
    filters = (in_sample(w, sample), fit.rho), (in_sample(m, sample), fit.lam)
    return NullModel(y, _rows(fit.residuals), rows, filters, fit.loglik)


def _cube(columns: FloatArray, rows: Rows) -> FloatArray:
    """Return columns of a balanced panel with periods first, shape (T, N, k)."""
    return np.ascontiguousarray(columns.reshape(rows.n, rows.t, -1).transpose(1, 0, 2))


def _rows(residuals: FloatArray) -> FloatArray:
    """Return (T, N) values in the order of rows."""
    return np.ascontiguousarray(residuals.T).ravel()


def _residuals(z: FloatArray, columns: FloatArray) -> FloatArray:
    """Return columns less their projection on z; columns of z may depend on each other."""
    return columns - z @ solve(z, columns)
