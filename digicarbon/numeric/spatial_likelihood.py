"""Maximum likelihood of static spatial panels with fixed effects, by exact log-determinant.

The spatial lag is taken on raw data and the effects are removed afterwards, which is the likelihood of the model with
unit and time dummies; Lee & Yu's (2010) orthonormal transformation changes the effective sample and, with time effects,
the log-determinant, and leaves the moments of the demeaned data as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

from digicarbon.numeric.spatial_matrix import SpatialMatrix
from digicarbon.numeric.within import EffectsKind, demean

FloatArray = NDArray[np.float64]
Correction = Literal["none", "lee_yu"]
Demeaning = Literal["exact", "first"]


@dataclass(frozen=True)
class Sample:
    """The size of the likelihood's sample.

    Attributes
    ----------
    n, t : int
        Units and periods.
    effects : {"none", "unit", "time", "two_way"}
    correction : {"none", "lee_yu"}
    """

    n: int
    t: int
    effects: EffectsKind
    correction: Correction

    @property
    def transformed(self) -> bool:
        """Whether the likelihood is that of the transformed sample."""
        return self.correction == "lee_yu" and self.effects != "none"

    @property
    def drops_constant(self) -> bool:
        """Whether the transformation removes the constant vector from each period."""
        return self.transformed and self.effects in ("time", "two_way")

    @property
    def periods(self) -> int:
        """Number of periods in the log-determinant: T, or T - 1 without unit effects (Lee & Yu 2010, eq. 9)."""
        return self.t - 1 if self.transformed and self.effects in ("unit", "two_way") else self.t

    @property
    def size(self) -> int:
        """Effective observations."""
        return (self.n - 1 if self.drops_constant else self.n) * self.periods


@dataclass(frozen=True, eq=False)
class SpatialFit:
    """Estimates of a spatial panel.

    Attributes
    ----------
    beta : ndarray, shape (k,)
        Coefficients of the columns of Z.
    spatial : float
        ρ of the lag model or λ of the error model.
    sigma2 : float
    covariance : ndarray, shape (k + 2, k + 2)
        Inverse of the expected information, order β, spatial parameter, σ².
    loglik : float
        With all constants.
    ssr : float
        Sum of squared residuals in the demeaned (and filtered) model.
    residuals : ndarray, shape (T, N)
        Residuals with fixed effects removed.
    boundary : bool
        Whether the spatial parameter lies at the end of its range.
    """

    beta: FloatArray
    spatial: float
    sigma2: float
    covariance: FloatArray
    loglik: float
    ssr: float
    residuals: FloatArray
    boundary: bool


def fit_lag(
    y: FloatArray, z: FloatArray, w: SpatialMatrix, sample: Sample, demeaning: Demeaning = "exact"
) -> SpatialFit:
    """Fit y = ρWy + Zβ + effects + ε by maximum likelihood (SAR; SDM when Z holds WX).

    Parameters
    ----------
    y : ndarray, shape (T, N)
        Raw outcome.
    z : ndarray, shape (T, N, k)
        Raw regressors, spatial lags of x among them.
    w : SpatialMatrix
    sample : Sample
    demeaning : {"exact", "first"}
        ``exact``: lag raw data, then demean. ``first``: demean, then lag and do not demean again (splm).

    Returns
    -------
    SpatialFit

    Notes
    -----
    The concentrated log-likelihood is Elhorst (2014), eq. 3.32; the information matrix Lee & Yu (2010), eq. 21, with
    G* = F′GF in the transformed sample.
    """
    within = demean(z, sample.effects).reshape(-1, z.shape[-1])
    ys = demean(y, sample.effects)
    lagged = w.lag(ys) if demeaning == "first" else demean(w.lag(y), sample.effects)
    q, r = np.linalg.qr(within)
    e0, e1 = (_residual(q, column.ravel()) for column in (ys, lagged))
    a, b, c = e0 @ e0, e0 @ e1, e1 @ e1

    def ssr(rho: float) -> float:
        return float(a - 2 * rho * b + rho**2 * c)

    def score(rho: float) -> float:
        return float(sample.size * (b - rho * c)) / ssr(rho) - sample.periods * _trace(w, rho, sample)

    rho, boundary = _maximise(lambda value: _concentrated(ssr(value), w, value, sample), score, w.bounds)
    e = e0 - rho * e1
    sigma2 = float(e @ e) / sample.size
    beta = linalg.solve_triangular(r, q.T @ (ys.ravel() - rho * lagged.ravel()))
    g = w.g(rho)
    # G(Zβ + effects) = Wy - Gε holds also where the effects do not vanish, i.e. when W's row sums differ
    noise = np.einsum("ij,tj->ti", g, e.reshape(y.shape))
    fitted_lag = (lagged - (noise if demeaning == "first" else demean(noise, sample.effects))).ravel()
    information = _information(within, fitted_lag, g, sigma2, sample, _trace(w, rho, sample))
    return SpatialFit(
        beta, rho, sigma2, _inverse(information), _concentrated(float(e @ e), w, rho, sample), float(e @ e),
        e.reshape(y.shape), boundary,
    )  # fmt: skip


def fit_error(
    y: FloatArray, z: FloatArray, w: SpatialMatrix, sample: Sample, demeaning: Demeaning = "exact"
) -> SpatialFit:
    """Fit y = Zβ + effects + u, u = λWu + ε by maximum likelihood (SEM; SDEM when Z holds WX).

    Parameters and result are those of `fit_lag`.

    Notes
    -----
    Elhorst (2014), eq. 3.39-3.42; at given λ, β is generalised least squares.
    """
    k = z.shape[-1]
    within = demean(np.concatenate([z, y[..., None]], axis=2), sample.effects)
    raw = np.concatenate([z, y[..., None]], axis=2)
    lagged = w.lag(within) if demeaning == "first" else demean(w.lag(raw), sample.effects)
    level, lag = within.reshape(-1, k + 1), lagged.reshape(-1, k + 1)

    def solve(lam: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        filtered = level - lam * lag
        beta: FloatArray = np.asarray(np.linalg.lstsq(filtered[:, :k], filtered[:, k], rcond=None)[0], np.float64)
        return beta, filtered[:, k] - filtered[:, :k] @ beta, filtered[:, :k]

    def loglik(lam: float) -> float:
        e = solve(lam)[1]
        return _concentrated(float(e @ e), w, lam, sample)

    def score(lam: float) -> float:
        beta, e, _ = solve(lam)
        slope = float(e @ (lag[:, k] - lag[:, :k] @ beta))
        return sample.size * slope / float(e @ e) - sample.periods * _trace(w, lam, sample)

    lam, boundary = _maximise(loglik, score, w.bounds)
    beta, e, filtered = solve(lam)
    sigma2 = float(e @ e) / sample.size
    information = _information(filtered, np.zeros(len(e)), w.g(lam), sigma2, sample, _trace(w, lam, sample))
    return SpatialFit(beta, lam, sigma2, _inverse(information), loglik(lam), float(e @ e), e.reshape(y.shape), boundary)


def _residual(q: FloatArray, column: FloatArray) -> FloatArray:
    return column - q @ (q.T @ column)


def _inverse(information: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.inv(information), np.float64)


def _constant_root(w: SpatialMatrix, sample: Sample) -> float:
    """Return the eigenvalue that Lee & Yu's transformation over units removes, 0 where it removes none."""
    return float(w.constant_row_sum or 0.0) if sample.drops_constant else 0.0


def _trace(w: SpatialMatrix, rho: float, sample: Sample) -> float:
    """Return tr G* in the (transformed) sample of one period."""
    c = _constant_root(w, sample)
    return w.trace_g(rho) - c / (1 - rho * c)


def _concentrated(ssr: float, w: SpatialMatrix, rho: float, sample: Sample) -> float:
    c = _constant_root(w, sample)
    jacobian = w.log_determinant(rho) - np.log(1 - rho * c)
    return float(-sample.size / 2 * (np.log(2 * np.pi * ssr / sample.size) + 1) + sample.periods * jacobian)


def _information(
    z: FloatArray, fitted_lag: FloatArray, g: FloatArray, sigma2: float, sample: Sample, trace: float
) -> FloatArray:
    """Return the expected information of (β, ρ, σ²), shape (k + 2, k + 2)."""
    k = z.shape[1]
    # F′GF and JGJ have the same traces of products
    star = g - g.mean(axis=0, keepdims=True) if sample.drops_constant else g
    star = star - star.mean(axis=1, keepdims=True) if sample.drops_constant else star
    out = np.zeros((k + 2, k + 2))
    out[:k, :k] = z.T @ z / sigma2
    out[:k, k] = out[k, :k] = z.T @ fitted_lag / sigma2
    out[k, k] = sample.periods * ((star * star.T).sum() + (star**2).sum()) + fitted_lag @ fitted_lag / sigma2
    out[k, k + 1] = out[k + 1, k] = sample.periods * trace / sigma2
    out[k + 1, k + 1] = sample.size / (2 * sigma2**2)
    return out


def _maximise(
    loglik: Callable[[float], float], score: Callable[[float], float], bounds: tuple[float, float]
) -> tuple[float, bool]:
    """Return the maximiser of a concentrated log-likelihood and whether it lies at the end of the range.

    Within a thousandth of the range I - ρW is so near to singular that effects are noise: that is the end, too.
    """
    low, high = bounds
    margin = 1e-6 * (high - low)
    # denser near the ends, where the log-determinant bends
    nodes = (low + high) / 2 - (high - low - 2 * margin) / 2 * np.cos(np.linspace(0, np.pi, 25))
    best = int(np.argmax([loglik(node) for node in nodes]))
    left, right = nodes[max(best - 1, 0)], nodes[min(best + 1, len(nodes) - 1)]
    if score(left) <= 0 or score(right) >= 0:
        return float(nodes[best]), True
    found = float(optimize.brentq(score, left, right, xtol=1e-14, rtol=8.9e-16))
    return found, min(found - low, high - found) < 1e-3 * (high - low)
