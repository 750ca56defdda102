"""Maximum likelihood of spatial panels with random unit effects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.least_squares import solve as least_squares_solve
from digicarbon.numeric.linear.least_squares import triangular
from digicarbon.numeric.spatial.likelihood import Sample, inverse_information, maximise_lag, near_end, root_between
from digicarbon.numeric.spatial.operator import DenseOperator, SpatialOperator

Moments = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class RandomFit:
    """Estimates of a spatial panel with random unit effects.

    ``beta`` are coefficients of the columns of Z, a constant among them, ``spatial`` ρ or λ, ``phi`` the variance of
    the unit effects over that of the errors, σ_μ²/σ². ``covariance``, shape (k + 3, k + 3), is the inverse of the
    expected information, order β, spatial parameter, φ, σ²; ``ssr`` of generalised least squares residuals.
    ``residuals``, shape (T, N), are Sy - Zβ in the lag model, y - Zβ in the error models: unit effects are part of
    them.
    """

    beta: FloatArray
    spatial: float
    phi: float
    sigma2: float
    covariance: FloatArray
    loglik: float
    ssr: float
    residuals: FloatArray
    boundary: bool


def fit_lag_random(columns: FloatArray, w: SpatialOperator) -> RandomFit:
    """Fit y = ρWy + Zβ + μ + ε, μ random (SAR; SDM if Z contains WX), to Z, y and Wy, shape (T, N, k + 2).

    Columns are raw or centred: centring subtracts a multiple of Z's constant. A singular information matrix is refused.
    Elhorst (2014), sec. 3.3.3: at given ψ = 1/√(1 + Tφ) the data, quasi-demeaned over time, follow a lag model. The
    score in ψ is that of Breusch's iteration, N/ψ - NTψ·b/(a + ψ²b), with a the within and ψ²b the between sum of
    squares.
    """
    t, n, width = columns.shape
    k = width - 2
    sample = Sample(n, t, "none", "none")
    mean = columns.mean(axis=0, keepdims=True)
    within = triangular_any((columns - mean).reshape(t * n, width))
    between = triangular_any(np.sqrt(t) * mean[0])

    def solve(psi: float) -> tuple[FloatArray, bool]:
        r = triangular(np.concatenate([within, psi * between]))
        moments: Moments = (r[k, k] ** 2, r[k, k] * r[k, k + 1], r[k, k + 1] ** 2 + r[k + 1, k + 1] ** 2)
        rho, at_end = maximise_lag(moments, w, sample)
        beta = scipy.linalg.lapack.dtrtrs(r[:k, :k], r[:k, k] - rho * r[:k, k + 1])[0]
        return np.concatenate([beta, [-1.0, rho]]), at_end

    psi = _maximise_psi(lambda value: _sums(within, between, solve(value)[0]), n, t)
    weights, at_end = solve(psi)
    a, b = _sums(within, between, weights)
    ssr = a + psi**2 * b
    sigma2 = ssr / (n * t)
    rho = float(weights[-1])
    residuals = -(columns @ weights)
    # GZβ = Wy - Gε, also where the columns were centred
    q = columns[..., -1] - w.apply_g(rho, residuals.T).T
    covariance = _covariance(
        _quasi_demeaned(columns[..., :k], psi), _quasi_demeaned(q[..., None], psi)[:, 0], rho, psi, sigma2, w, t
    )
    loglik = _loglik(ssr, n, t, psi, w.log_determinant(rho))
    phi = (1 / psi**2 - 1) / t
    return RandomFit(weights[:k], rho, phi, sigma2, covariance, loglik, ssr, residuals, at_end or near_end(rho, w))


def fit_error_random(
    level: FloatArray, lagged: FloatArray, w: DenseOperator, structure: Literal["baltagi", "kkp"]
) -> RandomFit:
    """Fit y = Zβ + u with random unit effects and spatially autoregressive errors to Z, y, and their lags.

    Columns, shape (T, N, k + 1), are raw or centred. A singular information matrix is refused. ``baltagi``: u = μ + (I
    - λW)⁻¹ε (Baltagi, Song & Koh 2003); ``kkp``: u = (I - λW)⁻¹(μ + ε) (Kapoor, Kelejian & Prucha 2007).
    """
    fit = _fit_kkp if structure == "kkp" else _fit_baltagi
    return fit(level, lagged, w)


def triangular_any(columns: FloatArray) -> FloatArray:
    """Return the triangular factor also where there are fewer rows than columns or a column is zero."""
    return np.asarray(np.linalg.qr(columns, mode="r"))


def _fit_kkp(level: FloatArray, lagged: FloatArray, w: DenseOperator) -> RandomFit:
    t, n, width = level.shape
    k = width - 1
    both = np.concatenate([level, lagged], axis=2)
    mean = both.mean(axis=0, keepdims=True)
    within = triangular_any((both - mean).reshape(t * n, 2 * width))
    between = triangular_any(np.sqrt(t) * mean[0])

    def at(lam: float) -> tuple[float, FloatArray, float]:
        """Return ψ, the weights (β, -1) and the log-likelihood at λ."""
        inside = within[:, :width] - lam * within[:, width:]
        outside = between[:, :width] - lam * between[:, width:]

        def weights(psi: float) -> FloatArray:
            stacked = np.concatenate([inside, psi * outside])
            beta = least_squares_solve(stacked[:, :k], stacked[:, k])
            return np.concatenate([beta, [-1.0]])

        psi = _maximise_psi(lambda value: _sums(inside, outside, weights(value)), n, t)
        best_weights = weights(psi)
        a, b = _sums(inside, outside, best_weights)
        return psi, best_weights, _loglik(a + psi**2 * b, n, t, psi, w.log_determinant(lam))

    lam = _maximiser(lambda value: at(value)[2], w)
    psi, weights, loglik = at(lam)
    filtered = level - lam * lagged
    residuals = -(filtered @ weights)
    tilde = _quasi_demeaned(residuals[..., None], psi)[:, 0]
    ssr = float(tilde @ tilde)
    z = _quasi_demeaned(filtered[..., :k], psi)
    covariance = _covariance(z, np.zeros(t * n), lam, psi, ssr / (n * t), w, t)
    phi = (1 / psi**2 - 1) / t
    raw = -(level @ weights)
    return RandomFit(weights[:k], lam, phi, ssr / (n * t), covariance, loglik, ssr, raw, near_end(lam, w))


def _fit_baltagi(level: FloatArray, lagged: FloatArray, w: DenseOperator) -> RandomFit:
    """Fit errors with variance V = (B′B)⁻¹ + Tφ·I between and (B′B)⁻¹ within units, B = I - λW, both in units of σ².

    BVB′ = I + TφBB′ is positive definite for all λ and φ ≥ 0, also at the ends of λ's range, where B has no inverse.
    """
    t, n, width = level.shape
    k = width - 1
    both = np.concatenate([level, lagged], axis=2)
    mean = both.mean(axis=0)
    within = triangular_any((both - mean).reshape(t * n, 2 * width))
    between = np.sqrt(t) * mean

    def profile(lam: float) -> tuple[Callable[[float], tuple[FloatArray, float, float]], float]:
        """Return a function of φ for weights (β, -1), sum of squares and log-likelihood, and the best φ."""
        b = np.eye(n) - lam * w.w
        squares, axes = np.linalg.eigh(b @ b.T)
        squares = np.maximum(squares, 0.0)
        inside = within[:, :width] - lam * within[:, width:]
        outside = axes.T @ (between[:, :width] - lam * between[:, width:])
        log_determinant = t * w.log_determinant(lam)

        def at(phi: float) -> tuple[FloatArray, float, float]:
            variances = 1 + t * phi * squares
            stacked = np.concatenate([inside, outside / np.sqrt(variances)[:, None]])
            beta = least_squares_solve(stacked[:, :k], stacked[:, k])
            weights = np.concatenate([beta, [-1.0]])
            e = stacked @ weights
            ssr = float(e @ e)
            jacobian = log_determinant - float(np.log(variances).sum()) / 2
            return weights, ssr, -n * t / 2 * float(np.log(2 * np.pi * ssr / (n * t)) + 1) + jacobian

        optimum = scipy.optimize.minimize_scalar(
            lambda log_phi: -at(float(np.exp(log_phi)))[2],
            bounds=(-12.0, 12.0),
            method="bounded",
            options={"xatol": 1e-10},
        )
        return at, float(np.exp(optimum.x))

    def height(lam: float) -> float:
        at, phi = profile(lam)
        return at(phi)[2]

    lam = _maximiser(height, w)
    at, phi = profile(lam)
    weights, ssr, loglik = at(phi)
    covariance = _baltagi_covariance((level, lagged), lam, phi, ssr / (n * t), w)
    raw = -(level @ weights)
    return RandomFit(weights[:k], lam, phi, ssr / (n * t), covariance, loglik, ssr, raw, near_end(lam, w))


def _maximiser(loglik: Callable[[float], float], w: DenseOperator) -> float:
    """Return the maximiser of a smooth function over the range of the spatial parameter."""
    nodes = w.coarse[0]
    heights = np.array([loglik(float(node)) for node in nodes])
    best = int(heights.argmax())
    left, right = float(nodes[max(best - 1, 0)]), float(nodes[min(best + 1, len(nodes) - 1)])
    optimum = scipy.optimize.minimize_scalar(
        lambda value: -loglik(value), bounds=(left, right), method="bounded", options={"xatol": 1e-11}
    )
    return float(optimum.x)


def _maximise_psi(sums: Callable[[float], tuple[float, float]], n: int, t: int) -> float:
    """Return ψ in (0, 1] at which the score of the concentrated likelihood is zero."""

    def score(psi: float) -> float:
        a, b = sums(psi)
        return n - n * t * psi**2 * b / (a + psi**2 * b)

    # at zero unit effects would have an infinite variance
    low = 1e-4
    if score(1.0) >= 0:
        return 1.0
    return root_between(score, low, 1.0, 1e-14, 8.9e-16)


def _sums(within: FloatArray, between: FloatArray, weights: FloatArray) -> tuple[float, float]:
    """Return the within and the between sum of squares of residuals."""
    inside, outside = within @ weights, between @ weights
    return float(inside @ inside), float(outside @ outside)


def _quasi_demeaned(cube: FloatArray, psi: float) -> FloatArray:
    """Return columns with the share 1 - ψ of their unit means removed, shape (T·N, k)."""
    mean = cube.mean(axis=0, keepdims=True)
    return np.asarray((cube - (1 - psi) * mean).reshape(-1, cube.shape[2]))


def _loglik(ssr: float, n: int, t: int, psi: float, log_determinant: float) -> float:
    # N ln ψ is the determinant of quasi-demeaning (Elhorst 2014, sec. 3.3.3)
    size = n * t
    return float(-size / 2 * (np.log(2 * np.pi * ssr / size) + 1) + n * np.log(psi) + t * log_determinant)


def _covariance(
    z: FloatArray, q: FloatArray, spatial: float, psi: float, sigma2: float, w: SpatialOperator, t: int
) -> FloatArray:
    """Return the covariance of (β, ρ or λ, φ, σ²) of a model whose errors are filtered and quasi-demeaned.

    z, shape (T·N, k), are quasi-demeaned (and filtered) regressors, q quasi-demeaned GZβ, 0 in the error model. In the
    variances σ² (within) and σ₁² = σ²/ψ² (between) the information is diagonal, N(T - 1)/(2σ⁴) and N/(2σ₁⁴); its cross
    terms with ρ are (T - 1)tr G/σ² and tr G/σ₁²; φ = (σ₁²/σ² - 1)/T by the delta method.
    """
    k, n = z.shape[1], w.n
    between = sigma2 / psi**2
    trace, square = w.traces(spatial)
    out = np.zeros((k + 3, k + 3))
    out[:k, :k] = z.T @ z / sigma2
    out[:k, k] = z.T @ q / sigma2
    out[k, k] = t * (square + w.trace_gg(spatial)) + q @ q / sigma2
    out[k, k + 1] = trace / between
    out[k, k + 2] = (t - 1) * trace / sigma2
    out[k + 1, k + 1] = n / (2 * between**2)
    out[k + 2, k + 2] = n * (t - 1) / (2 * sigma2**2)
    covariance = inverse_information(np.triu(out) + np.triu(out, 1).T)
    gradient = np.eye(k + 3)
    gradient[k + 1, k + 1] = 1 / (t * sigma2)
    gradient[k + 1, k + 2] = -between / (t * sigma2**2)
    return np.asarray(gradient @ covariance @ gradient.T)


def _baltagi_covariance(
    cubes: tuple[FloatArray, FloatArray], lam: float, phi: float, sigma2: float, w: DenseOperator
) -> FloatArray:
    """Return the covariance of (β, λ, φ, σ²): generalised least squares, and ½ tr(V⁻¹V_r V⁻¹V_s) for the variances."""
    level, lagged = cubes
    t, n, width = level.shape
    k = width - 1
    b = np.eye(n) - lam * w.w
    # with C = BVB′: tr(V⁻¹V_r V⁻¹V_s) = tr(C⁻¹(BV_rB′)C⁻¹(BV_sB′)), and B(d(B′B)⁻¹/dλ)B′ = G + G′
    spread = np.eye(n) + t * phi * (b @ b.T)
    g = w.g(lam)
    slope = g + g.T
    filtered = level[..., :k] - lam * lagged[..., :k]
    mean = filtered.mean(axis=0)
    within = (filtered - mean).reshape(t * n, k)
    information = np.zeros((k + 3, k + 3))
    information[:k, :k] = (within.T @ within + t * mean.T @ np.linalg.solve(spread, mean)) / sigma2
    inside = [slope, np.zeros((n, n)), np.eye(n) / sigma2]
    outside = [np.linalg.solve(spread, part) for part in (slope, t * (b @ b.T), spread / sigma2)]
    for r in range(3):
        for s in range(r, 3):
            value = ((t - 1) * np.sum(inside[r] * inside[s].T) + np.sum(outside[r] * outside[s].T)) / 2
            information[k + r, k + s] = information[k + s, k + r] = value
    return inverse_information(information)
