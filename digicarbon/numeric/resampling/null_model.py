"""The model without its focal regressors, and what its residuals are made of for draws of outcomes.

Under the null the structural errors of different units are exchangeable once spatial dependence has been filtered out,
whatever their correlation over time. A draw therefore gives each unit the whole time path of another unit's structural
residuals, and passes them through the inverse of the filter (Freedman & Lane 1983, by blocks).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    star_log_determinants,
)
from digicarbon.numeric.spatial.operator import DenseOperator, SpatialOperator

DEPENDENT = 1e-10
"""Singular value, relative to the largest, below which columns are dependent."""
GRID = 9
"""Places of ρ in one refinement of the search under a restriction."""
REFINEMENTS = 2


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


class LagWeights:
    """The weights g(ρ) with which coefficients b make an effect g(ρ)′b of a lag model.

    ``at``: from places of ρ, shape (p,), to g there, shape (p, m). ``coarse``, two arrays of shape (q,): places that
    cover the range of ρ, and the log-determinant of one period there.
    """

    def __init__(self, at: Callable[[FloatArray], FloatArray], coarse: tuple[FloatArray, FloatArray]) -> None:
        self.at, self.coarse = at, coarse

    @cached_property
    def at_nodes(self) -> FloatArray:
        """The weights at the coarse places, shape (q, m)."""
        return self.at(self.coarse[0])


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

    def restricted(self, values: Sequence[float], weights: Sequence[LagWeights]) -> list[NullModel]:
        """Return null models in which y is ρWy + xb + …, in each of which some weights g(ρ)′b are equal to a value.

        ``weights``: of each, with the same coarse places.

        Restricted maximum likelihood: at each ρ the sum of squares is that of free b plus (value - g′b̂)²/(g′(x′x)⁻¹g).
        """
        gram, free, free_lag, (a, b, c) = self._free
        periods, size = self.sample.periods, self.sample.size
        wanted, kinds = np.array(values)[:, None], list(dict.fromkeys(weights))
        own = [[place for place, one in enumerate(weights) if one is kind] for kind in kinds]

        def heights(rho: FloatArray, g: FloatArray, log_determinants: FloatArray) -> FloatArray:
            gap = wanted - np.einsum("epm,epm->ep", g, free - rho[..., None] * free_lag)
            ssr = a - 2 * rho * b + rho**2 * c + gap**2 / np.einsum("epm,epm->ep", g @ gram, g)
            return np.asarray(periods * log_determinants - size / 2 * np.log(ssr))

        def weights_at(places: FloatArray) -> FloatArray:
            out = np.empty((*places.shape, len(free)))
            for kind, chosen in zip(kinds, own, strict=True):
                out[chosen] = kind.at(places[chosen].ravel()).reshape(len(chosen), places.shape[1], -1)
            return out

        def at(places: FloatArray) -> FloatArray:
            log_determinants = star_log_determinants(self._w, places.ravel(), self.sample).reshape(places.shape)
            return heights(places, weights_at(places), log_determinants)

        nodes, log_determinants = weights[0].coarse
        coarse = heights(nodes[None], np.stack([one.at_nodes for one in weights]), log_determinants)
        rho = highest(nodes, coarse, at)
        found = zip(values, rho.tolist(), weights_at(rho[:, None])[:, 0], strict=True)
        return [self._restricted_at(value, place, g) for value, place, g in found]

    def _restricted_at(self, value: float, rho: float, g: FloatArray) -> NullModel:
        """Return the null model at a ρ."""
        gram, free, free_lag, _ = self._free
        unrestricted = free - rho * free_lag
        along = gram @ g / (g @ gram @ g)
        own = unrestricted + along * (value - g @ unrestricted)
        residuals = self._y[:, 0] - rho * self._wy[:, 0] - self.x @ own
        basis = with_free(self.basis, self.x, g)
        return self._at(residuals, basis, rho, float(residuals @ residuals))

    @cached_property
    def _free(self) -> tuple[FloatArray, FloatArray, FloatArray, tuple[float, float, float]]:
        """(x′x)⁻¹, the coefficients of y and of Wy on x, and what is left of y′y, y′Wy and (Wy)′Wy."""
        gram = np.asarray(np.linalg.inv(self.x.T @ self.x), dtype=np.float64)
        free, free_lag = (gram @ (self.x.T @ side[:, 0]) for side in (self._y, self._wy))
        rest, rest_lag = self._y[:, 0] - self.x @ free, self._wy[:, 0] - self.x @ free_lag
        return gram, free, free_lag, (float(rest @ rest), float(rest @ rest_lag), float(rest_lag @ rest_lag))

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


def highest(nodes: FloatArray, heights: FloatArray, at: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Return the ρ under each of e restrictions, at which its function is highest, shape (e,).

    ``heights``, shape (e, q), are the functions at places that cover the range; ``at`` returns them, up to constants,
    at places between two nodes, shape (e, p). An effect has a pole where I - ρW is singular: the ends are no places for
    an interior maximum.
    """
    every = np.arange(len(heights))
    best = 1 + heights[:, 1:-1].argmax(axis=1)
    left, right = nodes[best - 1], nodes[best + 1]
    for _ in range(REFINEMENTS):
        places = np.linspace(left, right, GRID, axis=1)
        heights = at(places)
        best = np.clip(heights.argmax(axis=1), 1, GRID - 2)
        left, right = places[every, best - 1], places[every, best + 1]
    three = best[:, None] + np.arange(-1, 2)
    return _vertex(np.take_along_axis(places, three, axis=1), np.take_along_axis(heights, three, axis=1))


def with_free(basis: FloatArray, x: FloatArray, g: FloatArray) -> FloatArray:
    """Return a basis with the combinations of x that the restriction g′b = value leaves free."""
    if x.shape[1] == 1:
        return basis
    if x.shape[1] == 2:
        free = x @ np.array([[-g[1]], [g[0]]])
        size = float(np.linalg.norm(free))
        return np.column_stack([basis, free / size]) if size > 0 else basis
    return np.column_stack([basis, orthonormal(x @ scipy.linalg.null_space(g[None]))])


def _vertex(places: FloatArray, heights: FloatArray) -> FloatArray:
    """Return where the parabola through three points is highest, within them; places and heights of shape (e, 3)."""
    left, middle, right = heights.T
    bend = left - 2 * middle + right
    bent = bend < 0
    step = (places[:, 1] - places[:, 0]) * (left - right) / (2 * np.where(bent, bend, 1.0))
    return np.asarray(places[:, 1] + np.where(bent, step, 0.0))
