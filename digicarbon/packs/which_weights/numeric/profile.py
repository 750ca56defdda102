"""Maximised likelihoods of every kind of spatial model, of one or of many outcomes at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.polynomial import chebyshev

from digicarbon.arrays import FloatArray
from digicarbon.numeric.spatial.operator import coarse_nodes
from digicarbon.packs.which_weights.numeric.space import LAG_OF_ERROR, LAG_OF_Y, ChoiceKind, Space

SINGLE: tuple[ChoiceKind, ...] = ("ols", "slx", "sar", "sdm", "sem", "sdem")
"""Kinds with one spatial parameter at most."""
NODES = 33
"""Chebyshev nodes of the logarithm of the sum of squares of an error model, as a function of λ."""
FINE, AROUND = 201, 9
"""Places of the search over the whole range, and between the neighbours of the best of them, three times."""


@dataclass(frozen=True, eq=False)
class Maximum:
    """The maxima of M likelihoods.

    ``loglik``, ``spatial``, shape (M,): with all constants; ρ or λ, zero where a kind has neither.
    """

    loglik: FloatArray
    spatial: FloatArray


@dataclass(frozen=True, eq=False)
class Fit:
    """One fit.

    ``fitted``, ``residuals``, shape (R,): Zβ, and the structural residuals. ``parameters``: number of parameters, σ²
    among them. ``by_unit``, shape (N,): each unit's part of the log-likelihood; the log-determinant is shared equally.
    """

    loglik: float
    spatial: float
    sigma2: float
    fitted: FloatArray
    residuals: FloatArray
    parameters: int
    by_unit: FloatArray


@dataclass(frozen=True, eq=False)
class Profile:
    """The likelihood of a kind in a space, of outcomes with effects removed, shape (R, M)."""

    space: Space
    kind: ChoiceKind

    @cached_property
    def columns(self) -> tuple[FloatArray, FloatArray]:
        """Z and WZ."""
        places = self.space.columns(self.kind)
        return self.space.level[:, places], self.space.lagged[:, places]

    @cached_property
    def parameters(self) -> int:
        """Number of parameters, σ² among them."""
        return int(self.columns[0].shape[1]) + 1 + (self.kind in LAG_OF_Y) + (self.kind in LAG_OF_ERROR)

    @cached_property
    def basis(self) -> FloatArray:
        """An orthonormal basis of Z."""
        return np.linalg.qr(self.columns[0])[0]

    @cached_property
    def _bases(self) -> tuple[FloatArray, FloatArray]:
        """Chebyshev nodes of λ, and a basis of the filtered Z at each."""
        low, high = self.space.bounds
        nodes = (low + high) / 2 + (high - low) / 2 * chebyshev.chebpts1(NODES)
        level, lagged = self.columns
        return nodes, np.linalg.qr(level - nodes[:, None, None] * lagged)[0]

    @cached_property
    def _fine(self) -> tuple[FloatArray, FloatArray]:
        places = coarse_nodes(self.space.bounds, FINE)
        return places, self.space.log_determinants(places)

    def maximum(self, y: FloatArray, lagged: FloatArray | None = None) -> Maximum:
        """Return the maxima for outcomes of shape (R, M); ``lagged`` is Wy where it is known."""
        size = self.space.sample.size
        constant = -size / 2 * (np.log(2 * np.pi / size) + 1)
        if self.kind in ("ols", "slx"):
            rest = (y**2).sum(axis=0) - ((self.basis.T @ y) ** 2).sum(axis=0)
            return Maximum(constant - size / 2 * np.log(rest), np.zeros(y.shape[1]))
        log_squares = self._log_squares(y, self.space.lag(y) if lagged is None else lagged)
        places, jacobian = self._fine
        heights = jacobian[:, None] - size / 2 * log_squares(np.repeat(places[:, None], y.shape[1], axis=1))
        best = heights.argmax(axis=0)
        low, high = places[np.maximum(best - 1, 0)], places[np.minimum(best + 1, FINE - 1)]
        draws = np.arange(y.shape[1])
        for _ in range(3):
            around = low + (high - low) * np.linspace(0, 1, AROUND)[:, None]
            jacobian = self.space.log_determinants(around.ravel()).reshape(around.shape)
            heights = jacobian - size / 2 * log_squares(around)
            best = np.clip(heights.argmax(axis=0), 1, AROUND - 2)
            low, high = around[best - 1, draws], around[best + 1, draws]
        # the top of the parabola through three neighbours
        left, middle, right = (heights[best + step, draws] for step in (-1, 0, 1))
        bend = np.minimum(left - 2 * middle + right, -1e-300)
        shift = np.clip((left - right) / (2 * bend), -1, 1)
        top = middle - (right - left) * shift / 4
        flat = shift * (high - low) / 2
        return Maximum(constant + np.maximum(top, heights.max(axis=0)), around[best, draws] + flat)

    def _log_squares(self, y: FloatArray, lagged: FloatArray) -> Callable[[FloatArray], FloatArray]:
        """Return the logarithm of the sum of squared residuals as a function of places, shape (m, M)."""
        if self.kind in LAG_OF_Y:
            of_y, of_lag = self.basis.T @ y, self.basis.T @ lagged
            a = (y**2).sum(axis=0) - (of_y**2).sum(axis=0)
            b = (y * lagged).sum(axis=0) - (of_y * of_lag).sum(axis=0)
            c = (lagged**2).sum(axis=0) - (of_lag**2).sum(axis=0)
            return lambda at: np.asarray(np.log(a - 2 * at * b + at**2 * c))
        nodes, bases = self._bases
        total = [(y**2).sum(axis=0), (y * lagged).sum(axis=0), (lagged**2).sum(axis=0)]
        logs = np.empty((NODES, y.shape[1]))
        for place, (lam, basis) in enumerate(zip(nodes, bases, strict=True)):
            inside = basis.T @ y - lam * (basis.T @ lagged)
            logs[place] = np.log(total[0] - 2 * lam * total[1] + lam**2 * total[2] - (inside**2).sum(axis=0))
        low, high = self.space.bounds
        vander = chebyshev.chebvander(chebyshev.chebpts1(NODES), NODES - 1)
        coefficients = np.linalg.solve(vander, logs)

        def value(at: FloatArray) -> FloatArray:
            scaled = (2 * at - low - high) / (high - low)
            if (at[:, :1] == at).all():
                return np.asarray(chebyshev.chebvander(scaled[:, 0], NODES - 1) @ coefficients)
            return np.asarray(chebyshev.chebval(scaled, coefficients[:, None, :], tensor=False))

        return value

    def estimates(self, y: FloatArray, found: Maximum, at: float) -> FloatArray:
        """Return what identifies the estimates of each outcome, shape (M, p): the spatial parameter, β and ln σ².

        β stands as coordinates in a basis of the regressors, of an error model filtered at the one place ``at``.
        """
        size = self.space.sample.size
        spatial = found.spatial
        columns, jacobian = [], np.zeros(len(spatial))
        basis, place = self.basis, spatial
        if self.kind in LAG_OF_ERROR:
            level, lagged = self.columns
            basis, place = np.linalg.qr(level - at * lagged)[0], np.full(len(spatial), at)
        if self.kind in (*LAG_OF_Y, *LAG_OF_ERROR):
            jacobian = self.space.log_determinants(spatial)
            columns.append(spatial)
            y = y - place * self.space.lag(y)
        return np.column_stack([*columns, (basis.T @ y).T, 2 / size * (jacobian - found.loglik)])

    def fit(self, y: FloatArray) -> Fit:
        """Return the fit of one outcome, shape (R,)."""
        space, sample = self.space, self.space.sample
        of_y = space.lag(y[:, None])[:, 0]
        found = self.maximum(y[:, None], of_y[:, None])
        spatial = float(found.spatial[0])
        rho = spatial if self.kind in LAG_OF_Y else 0.0
        lam = spatial if self.kind in LAG_OF_ERROR else 0.0
        z, lagged = self.columns
        beta = np.linalg.lstsq(z - lam * lagged, y - (rho + lam) * of_y, rcond=None)[0]
        residuals = y - (rho + lam) * of_y - (z - lam * lagged) @ beta
        sigma2 = float(residuals @ residuals) / sample.size
        jacobian = float(space.log_determinants(np.array([spatial]))[0]) if spatial else 0.0
        shared = (jacobian - sample.size / 2 * np.log(2 * np.pi * sigma2)) / sample.n
        own = (residuals.reshape(sample.n, -1) ** 2).sum(axis=1)
        by_unit = shared - own / (2 * sigma2)
        return Fit(float(by_unit.sum()), spatial, sigma2, z @ beta, residuals, self.parameters, by_unit)

    def unfiltered(self, fit: Fit, errors: FloatArray) -> FloatArray:
        """Return the outcomes that a fit has with other errors, shape (R, M)."""
        n = self.space.sample.n
        inner = errors if self.kind in LAG_OF_ERROR else fit.fitted[:, None] + errors
        if fit.spatial:
            stacked = inner.reshape(n, -1)
            moved = stacked + fit.spatial * self.space.lags.w.apply_g(fit.spatial, stacked)
            inner = self.space.lags.centre(moved).reshape(inner.shape)
        return fit.fitted[:, None] + inner if self.kind in LAG_OF_ERROR else inner
