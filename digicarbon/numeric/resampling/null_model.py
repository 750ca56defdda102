"""The model without its focal regressors, and what its residuals are made of for draws of outcomes.

Under the null the structural errors of different units are exchangeable once spatial dependence has been filtered out,
whatever their correlation over time. A draw therefore gives each unit the whole time path of another unit's structural
residuals, and passes them through the inverse of the filter (Freedman & Lane 1983, by blocks).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import scipy

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.linear.within import EffectsKind, Rows, absorb, demean
from digicarbon.numeric.resampling.patterns import Patterns
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

PRECISION = 1e-5
"""Of a ρ that is looked for under a restriction."""
DEPENDENT = 1e-10
"""Singular value, relative to the largest, below which columns are dependent."""


@dataclass(frozen=True, eq=False)
class NullModel:
    """A fitted null model."""

    y: FloatArray
    """The outcome, rows sorted by unit and then by period. Shape (rows,)."""
    residuals: FloatArray
    """Structural residuals, effects removed. Shape (rows,)."""
    rows: Rows
    basis: FloatArray
    """An orthonormal basis of the regressors that the residuals are orthogonal to, effects removed. Shape (rows, k)."""
    by_time: bool
    """Whether time effects were removed."""
    filters: tuple[tuple[SpatialOperator, float], ...] = ()
    """Each is a factor I - ρW, in the order in which they are applied to y."""
    loglik: float = float("nan")
    """Not-a-number where the model has no spatial parameter."""
    shared: FloatArray | None = field(default=None, kw_only=True)
    """The basis without its last column, where null models that differ in that column have the same array.
    Shape (rows, k - 1)."""
    patterns: Patterns | None = field(default=None, kw_only=True)
    """Patterns in space whose weights draws take; None where each unit has a weight."""

    def parts(self, residuals: FloatArray) -> tuple[FloatArray | None, FloatArray]:
        """Return P, shape (N, C), and paths, shape (C, T), of residuals, shape (rows,), see `Patterns.parts`.

        P is None where a path is that of a unit's residuals.
        """
        grid = in_cells(residuals, self.rows)
        return (None, grid) if self.patterns is None else self.patterns.parts(grid, self.rows)

    @property
    def spatial(self) -> bool:
        """Whether a change of one unit's error changes the outcomes of its neighbours."""
        return bool(self.filters)

    @property
    def root(self) -> float:
        """The largest modulus of the roots by which the past dies out; 0 where the model has no past."""
        return 0.0

    def unfiltered(self, change: FloatArray) -> FloatArray:
        """Return S⁻¹ times columns, shape (rows, M)."""
        for operator, parameter in reversed(self.filters):
            stacked = change.reshape(self.rows.n, -1)
            change = (stacked + parameter * operator.apply_g(parameter, stacked)).reshape(change.shape)
        return change

    def outcomes(self, permutations: IntArray) -> FloatArray:
        """Return y* = y + S⁻¹(Pε̂ - ε̂), shape (rows, M).

        ``permutations``, shape (M, N): the unit whose residuals each unit gets; units with different periods must not
        be exchanged.

        Since y = S⁻¹(Zβ̂ + effects + ε̂), this is S⁻¹(Zβ̂ + effects + Pε̂): only the residuals change.
        """
        starts = np.searchsorted(self.rows.unit_codes, np.arange(self.rows.n))
        within = np.arange(len(self.y)) - starts[self.rows.unit_codes]
        exchanged_residuals = self.residuals[starts[permutations.T][self.rows.unit_codes] + within[:, None]]
        return np.asarray(self.y[:, None] + self.unfiltered(exchanged_residuals - self.residuals[:, None]))


def linear_null(y: FloatArray, z: FloatArray, rows: Rows, effects: EffectsKind) -> NullModel:
    """Fit y = Zβ + effects + ε to a panel that need not be balanced; Z, shape (rows, k), may have no column."""
    within = absorb(np.column_stack([z, y]), rows, effects)
    basis = orthonormal(within[:, :-1])
    return NullModel(y, without(basis, within[:, -1:])[:, 0], rows, basis, by_time(effects))


def lag_null(y: FloatArray, z: FloatArray, rows: Rows, w: SpatialOperator, sample: Sample) -> NullModel:
    """Fit y = ρWy + Zβ + WZθ + effects + ε to a balanced panel; arguments as in `linear_null`.

    With the lags of all regressors it has the lag model, the error model and the model without spatial parameter as
    special cases, so that its errors are free of spatial dependence whichever of them is true. Lags are left out where
    they would take half of the observations.
    """
    return LagNulls(y, z, np.empty((len(y), 0)), rows, w, sample).shifted(np.empty(0))


class LagNulls:
    """The null models y = ρWy + Zβ + WZθ + effects + ε of a balanced panel in which x contributes something known.

    ``y``: shape (rows,). ``z``: shape (rows, k). ``x``, shape (rows, m): columns whose coefficients are given.
    """

    def __init__(
        self, y: FloatArray, z: FloatArray, x: FloatArray, rows: Rows, w: SpatialOperator, sample: Sample
    ) -> None:
        self.y, self.rows, self.sample = y, rows, sample
        self._w, self._used = w, in_sample(w, sample)
        k, m = z.shape[1], x.shape[1]
        cubes = cube(np.column_stack([z, x, y]), rows)
        lagged = w.lag(cubes)
        # with their lags regressors would take half of the observations
        if 4 * k >= sample.size:
            lagged = lagged[..., k:]
            lags = 0
        else:
            lags = k
        within = demean(np.concatenate([cubes[..., :k], lagged, cubes[..., k:]], axis=2), sample.effects)
        flat = np.ascontiguousarray(within.transpose(1, 0, 2)).reshape(-1, within.shape[2])
        self.basis = orthonormal(flat[:, : k + lags])
        rest = without(self.basis, flat[:, k + lags :])
        # an interval asks for many null models, whose sums read whole columns
        parts = np.split(rest, [m, m + 1, 2 * m + 1], axis=1)
        self._wx, self._wy, self.x, self._y = map(np.ascontiguousarray, parts)

    def shifted(self, b: FloatArray) -> NullModel:
        """Return the null model of y - xb: what x contributes is outside the spatial process of the errors."""
        y, wy = self._y[:, 0] - self.x @ b, self._wy[:, 0] - self._wx @ b
        moments = float(y @ y), float(y @ wy), float(wy @ wy)
        rho, _ = maximise_lag(moments, self._w, self.sample)
        ssr = moments[0] - 2 * rho * moments[1] + rho**2 * moments[2]
        return self._at(y - rho * wy, self.basis, rho, ssr)

    def restricted(self, value: float, at: Callable[[float], FloatArray], bounds: tuple[float, float]) -> NullModel:
        """Return the null model in which y is ρWy + xb + …, and g(ρ)′b is equal to a value.

        ``at`` returns g, shape (m,). ``bounds``: of ρ, near its estimate, which is consistent whatever the value is; a
        ρ without bounds would come near one, where any effect has almost any value. ρ is where the restricted
        likelihood is highest within them, and b where the value adds least to the sum of squares.
        """
        gram, free, free_lag = self._free

        def fitted(rho: float) -> tuple[FloatArray, FloatArray]:
            """Return g and the residuals at a ρ."""
            g, unrestricted = at(rho), free - rho * free_lag
            own = unrestricted + gram @ g / (g @ gram @ g) * (value - g @ unrestricted)
            return g, self._y[:, 0] - rho * self._wy[:, 0] - self.x @ own

        def negative(rho: float) -> float:
            _, residuals = fitted(rho)
            return -concentrated(
                float(residuals @ residuals), star_log_determinant(self._w, rho, self.sample), self.sample
            )

        rho = bounds[0]
        if bounds[1] > rho:
            rho = float(
                scipy.optimize.minimize_scalar(
                    negative, bounds=bounds, method="bounded", options={"xatol": PRECISION}
                ).x
            )
        g, residuals = fitted(rho)
        return self._at(residuals, with_free(self.basis, self.x, g), rho, float(residuals @ residuals))

    @cached_property
    def _free(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(x′x)⁻¹, and the coefficients of y and of Wy on x."""
        gram = np.asarray(np.linalg.inv(self.x.T @ self.x), dtype=np.float64)
        free, free_lag = (gram @ (self.x.T @ side[:, 0]) for side in (self._y, self._wy))
        return gram, free, free_lag

    def _at(self, residuals: FloatArray, basis: FloatArray, rho: float, ssr: float) -> NullModel:
        loglik = concentrated(ssr, star_log_determinant(self._w, rho, self.sample), self.sample)
        filters = ((self._used, rho),)
        shared = self.basis if basis.shape[1] == self.basis.shape[1] + 1 else None
        return NullModel(
            self.y, residuals, self.rows, basis, by_time(self.sample.effects), filters, loglik, shared=shared
        )


def error_null(y: FloatArray, z: FloatArray, rows: Rows, m: SpatialOperator, sample: Sample) -> NullModel:
    """Fit y = Zβ + effects + u, u = λMu + ε to a balanced panel; arguments as in `linear_null`."""
    cubes = cube(np.column_stack([z, y]), rows)
    level, lagged = demean(cubes, sample.effects), demean(m.lag(cubes), sample.effects)
    fit = fit_error(level, lagged, m, sample)
    filtered = in_rows(level[..., :-1] - fit.spatial * lagged[..., :-1])
    filters = ((in_sample(m, sample), fit.spatial),)
    basis, time = orthonormal(filtered), by_time(sample.effects)
    return NullModel(y, in_rows(fit.residuals).ravel(), rows, basis, time, filters, fit.loglik)


def combined_null(
    y: FloatArray,
    z: FloatArray,
    rows: Rows,
    w: DenseOperator,
    m: DenseOperator,
    sample: Sample,
    known: FloatArray | None = None,
) -> NullModel:
    """Fit y = ρWy + Zβ + effects + u, u = λMu + ε to a balanced panel; arguments as in `linear_null`.

    ``known``, shape (rows,), is what further regressors add to ρWy + Zβ.
    """
    cubes = cube(np.column_stack([z, y if known is None else y - known]), rows)
    raw = np.concatenate([cubes, w.lag(cube(y[:, None], rows))], axis=2)
    fit = fit_combined(demean(raw, sample.effects), demean(m.lag(raw), sample.effects), w, m, sample)
    filters = (in_sample(w, sample), fit.rho), (in_sample(m, sample), fit.lam)
    basis = orthonormal(in_rows(fit.z.reshape(sample.t, sample.n, -1)))
    return NullModel(y, in_rows(fit.residuals).ravel(), rows, basis, by_time(sample.effects), filters, fit.loglik)


def by_time(effects: EffectsKind) -> bool:
    """Return whether there are time effects."""
    return effects in ("time", "two_way")


def in_cells(residuals: FloatArray, rows: Rows) -> FloatArray:
    """Return residuals, shape (rows,), by unit and period, shape (N, T); cells without a row are zero."""
    if rows.balanced:
        return residuals.reshape(rows.n, rows.t)
    out = np.zeros((rows.n, rows.t))
    out[rows.unit_codes, rows.period_codes] = residuals
    return out


def cube(columns: FloatArray, rows: Rows) -> FloatArray:
    """Return columns of a balanced panel with periods first, shape (T, N, k)."""
    return np.ascontiguousarray(columns.reshape(rows.n, rows.t, -1).transpose(1, 0, 2))


def in_rows(values: FloatArray) -> FloatArray:
    """Return values with periods first, shape (T, N, …), in the order of rows: shape (rows, k)."""
    return np.ascontiguousarray(np.swapaxes(values, 0, 1)).reshape(values.shape[0] * values.shape[1], -1)


def orthonormal(columns: FloatArray) -> FloatArray:
    """Return an orthonormal basis of columns that may depend on each other, shape (rows, r)."""
    norms = np.linalg.norm(columns, axis=0)
    # a column in small units must not be taken for a dependent one
    scaled = columns[:, norms > 0] / norms[norms > 0]
    if not scaled.shape[1]:
        return np.empty((len(columns), 0))
    vectors, sizes, _ = np.linalg.svd(scaled, full_matrices=False)
    return np.asarray(vectors[:, sizes > DEPENDENT * sizes[0]])


def without(basis: FloatArray, columns: FloatArray) -> FloatArray:
    """Return columns less their projection on an orthonormal basis."""
    return np.asarray(columns - basis @ (basis.T @ columns))


def with_free(basis: FloatArray, x: FloatArray, g: FloatArray) -> FloatArray:
    """Return a basis with the combinations of x that the restriction g′b = value leaves free."""
    if x.shape[1] == 1:
        return basis
    if x.shape[1] == 2:
        free = x @ np.array([[-g[1]], [g[0]]])
        size = float(np.linalg.norm(free))
        return np.column_stack([basis, free / size]) if size > 0 else basis
    return np.column_stack([basis, orthonormal(x @ scipy.linalg.null_space(g[None]))])
