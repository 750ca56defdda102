"""Fits of one spatial lag model to many outcomes at once: permutation tests, bootstraps, Monte Carlo.

With the same regressors and weights only three moments of each outcome enter the concentrated likelihood, so thousands
of fits are a few matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray
from scipy.linalg import lapack, solve_triangular

from digicarbon.numeric.spatial_likelihood import Sample
from digicarbon.numeric.spatial_operator import DenseOperator

FloatArray = NDArray[np.float64]
EffectName = Literal["direct", "indirect", "total"]

NODES = 16
"""Chebyshev nodes over the draws' range of ρ for what the standard errors need of G: 1e-10 relative on [-0.3, 0.9]."""
CHUNK = 2000
"""Draws handled at a time: their arrays stay in the processor's cache."""


@dataclass(frozen=True, eq=False)
class BatchFit:
    """Estimates of M fits.

    Attributes
    ----------
    beta : ndarray, shape (M, k)
    rho, sigma2 : ndarray, shape (M,)
    rho_se : ndarray, shape (M,)
    effect, effect_se : ndarray, shape (M,)
        The chosen effect of the focal variable and its delta-method standard error.
    """

    beta: FloatArray
    rho: FloatArray
    sigma2: FloatArray
    rho_se: FloatArray
    effect: FloatArray
    effect_se: FloatArray


class LagBatch:
    """A spatial lag model (SAR or SDM) with fixed regressors and weights, to be fitted to many outcomes.

    Parameters
    ----------
    z : ndarray, shape (T, N, k)
        Raw regressors, spatial lags of x among them.
    w : DenseOperator
        With constant row sums where there are time effects.
    sample : Sample
        With ``correction`` ``lee_yu`` or ``none``.

    Notes
    -----
    Fixed effects are removed by the within transformation; the formulas are those of
    `digicarbon.numeric.spatial_likelihood.fit_lag`, to which each fit is equal to rounding.
    """

    def __init__(self, z: FloatArray, w: DenseOperator, sample: Sample) -> None:
        self.w = w
        self.sample = sample
        # an orthonormal contraction of time has the same inner products as demeaning, in one period less
        self._time = _contraction(sample.t) if sample.effects in ("unit", "two_way") else np.eye(sample.t)
        centre = np.eye(w.n) - 1 / w.n if sample.effects in ("time", "two_way") else np.eye(w.n)
        self._stack = np.concatenate([centre, centre @ w.w])
        self._centre = centre
        self._z = centre @ np.tensordot(self._time, z, axes=1)
        flat = self._z.reshape(-1, z.shape[2])
        self._q, self._r = np.linalg.qr(flat)

    def fit(self, outcomes: FloatArray, focal: int, lag: int | None, effect: EffectName = "total") -> BatchFit:
        """Fit the model to each outcome.

        Parameters
        ----------
        outcomes : ndarray, shape (M, T, N)
        focal : int
            Column of z of the focal variable.
        lag : int or None
            Column of z of its spatial lag, if the model has one.
        effect : {"direct", "indirect", "total"}

        Returns
        -------
        BatchFit
        """
        parts = [self._moments(outcomes[start : start + CHUNK]) for start in range(0, len(outcomes), CHUNK)]
        beta, rho, sigma2 = (np.concatenate([part[i] for part in parts]) for i in range(3))
        rho_variance, d_focal, d_lag = self._precision(beta, rho, sigma2, focal, lag)
        theta = beta[:, lag] if lag is not None else np.zeros(len(beta))
        first, second, slope_first, slope_second = self._effect_weights(rho, effect)
        values = beta[:, focal] * first + theta * second
        inverse = self._inverse
        spread = first**2 * inverse[focal, focal]
        if lag is not None:
            spread = spread + 2 * first * second * inverse[focal, lag] + second**2 * inverse[lag, lag]
        slope = beta[:, focal] * slope_first + theta * slope_second - first * d_focal - second * d_lag
        variance = sigma2 * spread + rho_variance * slope**2
        return BatchFit(beta, rho, sigma2, np.sqrt(rho_variance), values, np.sqrt(variance))

    @cached_property
    def _inverse(self) -> FloatArray:
        upper = np.triu(lapack.dpotri(np.ascontiguousarray(self._r), lower=0)[0])
        return np.asarray(upper + np.triu(upper, 1).T)

    @cached_property
    def _roots(self) -> FloatArray:
        """Eigenvalues of W in the (transformed) sample."""
        values = np.asarray(self.w.eigenvalues.real, dtype=np.float64)
        if not self.sample.drops_constant:
            return values
        gone = int(np.abs(values - float(self.w.constant_row_sum or 0.0)).argmin())
        return np.delete(values, gone)

    def _moments(self, outcomes: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return β (M, k), ρ (M,) and σ² (M,) of a chunk."""
        m = len(outcomes)
        contracted = np.tensordot(self._time, outcomes, axes=([1], [1])).transpose(0, 2, 1)
        both = self._stack @ contracted
        n = self.w.n
        level, lagged = both[:, :n].reshape(-1, m), both[:, n:].reshape(-1, m)
        p0, p1 = self._q.T @ level, self._q.T @ lagged
        a = np.einsum("im,im->m", level, level) - np.einsum("im,im->m", p0, p0)
        b = np.einsum("im,im->m", level, lagged) - np.einsum("im,im->m", p0, p1)
        c = np.einsum("im,im->m", lagged, lagged) - np.einsum("im,im->m", p1, p1)
        rho = self._maximise(a, b, c)
        beta = solve_triangular(self._r, p0 - rho * p1).T
        return beta, rho, (a - 2 * rho * b + rho**2 * c) / self.sample.size

    def _maximise(self, a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray:
        """Return ρ̂ of each draw by safeguarded Newton steps from the best coarse node."""
        nodes, log_determinants = self.w.coarse
        removed = float(self.w.constant_row_sum or 0.0) if self.sample.drops_constant else 0.0
        jacobian = self.sample.periods * (log_determinants - np.log(1 - nodes * removed))
        ssr = a[:, None] - 2 * nodes * b[:, None] + nodes**2 * c[:, None]
        best = (jacobian - self.sample.size / 2 * np.log(ssr)).argmax(axis=1)
        left, right = nodes[np.maximum(best - 1, 0)], nodes[np.minimum(best + 1, len(nodes) - 1)]
        rho = nodes[best].copy()
        for _ in range(40):
            ssr_at = a - 2 * rho * b + rho**2 * c
            pull = (b - rho * c) / ssr_at
            first, second = self._traces(rho)
            score = self.sample.size * pull - self.sample.periods * first
            slope = self.sample.size * (2 * pull**2 - c / ssr_at) - self.sample.periods * second
            left, right = np.where(score > 0, rho, left), np.where(score > 0, right, rho)
            step = rho - score / slope
            following = np.where((step > left) & (step < right), step, (left + right) / 2)
            moved = float(np.abs(following - rho).max())
            rho = following
            if moved < 1e-13:
                break
        return np.asarray(rho)

    def _traces(self, rho: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return tr G* and tr G*² of each draw."""
        roots = self._roots / (1 - rho[:, None] * self._roots)
        return roots.sum(axis=1), np.asarray(np.einsum("mi,mi->m", roots, roots))

    def _precision(
        self, beta: FloatArray, rho: FloatArray, sigma2: FloatArray, focal: int, lag: int | None
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return Var(ρ̂) and the elements of d = (Z′Z)⁻¹Z′GZβ for the focal variable and its lag."""
        k = beta.shape[1]
        low, high = float(rho.min()), float(rho.max())
        half = max((high - low) / 2, 1e-8)
        points = (low + high) / 2 + half * chebyshev.chebpts1(NODES)
        rows = [focal, *([] if lag is None else [lag])]
        table = np.stack([self._at_node(float(point), rows) for point in points])
        weights = np.linalg.inv(chebyshev.chebvander(chebyshev.chebpts1(NODES), NODES - 1)) @ table
        basis = chebyshev.chebvander((rho - (low + high) / 2) / half, NODES - 1)
        values = basis @ weights
        norm, quadratic = values[:, 0], values[:, 1 : 1 + k * k].reshape(-1, k, k)
        d = np.einsum("mrk,mk->mr", values[:, 1 + k * k :].reshape(-1, len(rows), k), beta)
        surplus = np.einsum("mk,mkl,ml->m", beta, quadratic, beta)
        first, second = self._traces(rho)
        periods, size = self.sample.periods, self.sample.size
        precision = periods * (second + norm) - 2 * (periods * first) ** 2 / size + surplus / sigma2
        return 1 / precision, d[:, 0], d[:, 1] if lag is not None else np.zeros(len(rho))

    def _at_node(self, rho: float, rows: list[int]) -> FloatArray:
        """Return ‖G*‖², (GZ)′M(GZ) and rows of (Z′Z)⁻¹Z′GZ, flat."""
        star = self._centre @ self.w.g(rho)
        gz = (star @ self._z).reshape(-1, self._z.shape[2])
        projected = self._q.T @ gz
        quadratic = gz.T @ gz - projected.T @ projected
        d = solve_triangular(self._r, projected)[rows]
        norm = np.vdot(star, star) if self.sample.drops_constant else np.vdot(self.w.g(rho), self.w.g(rho))
        return np.concatenate([[norm], quadratic.ravel(), d.ravel()])

    def _effect_weights(self, rho: FloatArray, effect: EffectName) -> tuple[FloatArray, ...]:
        """Return the weights of β and θ in an effect and their derivatives in ρ."""
        n = self.w.n
        first, second = self._traces(rho)
        c = float(self.w.constant_row_sum or 0.0)
        root = c / (1 - c * rho)
        if self.sample.drops_constant:
            first, second = first + root, second + root**2
        v, slope_v = first / n, second / n
        direct = (1 + rho * v, v, v + rho * slope_v, slope_v)
        total = (1 + rho * root, root, root + rho * root**2, root**2)
        if effect == "direct":
            return direct
        if effect == "total":
            return total
        return tuple(t - d for t, d in zip(total, direct, strict=True))


def _contraction(t: int) -> FloatArray:
    """Return an orthonormal basis of the vectors of length T that add up to zero, shape (T - 1, T) (Helmert)."""
    rows = np.tril(np.ones((t - 1, t)))
    rows[np.arange(t - 1), np.arange(1, t)] = -np.arange(1, t)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))
