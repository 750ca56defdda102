"""Direct, indirect and total effects of spatial panels with exact delta-method standard errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.spatial.operator import DenseOperator, SpatialOperator, unit_blocks

Multipliers = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, eq=False)
class EffectEstimates:
    """Direct, indirect and total effects of k variables, shape (3, k)."""

    coef: FloatArray
    se: FloatArray


def lag_effects(
    beta: FloatArray, theta: FloatArray, rho: float, covariance: FloatArray, w: SpatialOperator
) -> EffectEstimates:
    """Return the effects in a model with a spatial lag of y.

    ``beta``, ``theta``, shape (k,): coefficients of x and of Wx (0 where x has no lag). ``covariance``, shape (2k + 1,
    2k + 1): of (β, θ, ρ); zero rows where there is no Wx.

    The matrix of derivatives of variable r is S⁻¹(β_r I + θ_r W) (LeSage & Pace 2009, eq. 2.30). With
    S⁻¹ = I + ρG and S⁻¹W = G, the mean diagonal is β_r u + θ_r v with v = tr(G)/N and u = 1 + ρv, the mean row sum
    β_r p + θ_r q with q = 1′G1/N and p = 1 + ρq; dG/dρ = G².
    """
    first, second = w.traces(rho)
    v, dv = first / w.n, second / w.n
    q, dq = _mean_row_sums(rho, w)
    direct = (1 + rho * v, v), (v + rho * dv, dv)
    total = (1 + rho * q, q), (q + rho * dq, dq)
    return _estimates(beta, theta, direct, total, covariance)


def decay_effects(
    beta: FloatArray, theta: FloatArray, rho: float, covariance: FloatArray, w: DenseOperator, slope: FloatArray
) -> EffectEstimates:
    """Return the effects in a model with a spatial lag of y whose weights depend on an estimated parameter γ.

    As `lag_effects`; the covariance is that of (β, θ, ρ, γ), rows of W sum to one at each γ, so that total effects do
    not depend on it, and ``slope`` is dW/dγ. dG/dγ = S⁻¹ (dW/dγ) S⁻¹, whose mean diagonal is the change of v.
    """
    n = w.n
    inverse = np.eye(n) + rho * w.g(rho)
    change = float(np.einsum("ij,ji->", inverse @ slope, inverse)) / n
    first, second = w.traces(rho)
    v, dv, q = first / n, second / n, 1 / (1 - rho)
    direct = (1 + rho * v, v), (v + rho * dv, dv)
    total = (1 + rho * q, q), (q + rho * q**2, q**2)
    return _estimates(beta, theta, direct, total, covariance, (beta * rho + theta) * change)


def local_effects(beta: FloatArray, theta: FloatArray, covariance: FloatArray, w: SpatialOperator) -> EffectEstimates:
    """Return the effects in a model without a spatial lag of y (SLX, SDEM, SEM): β, θ·1′W1/N and their sum.

    ``beta``, ``theta``: shape (k,). ``covariance``, shape (2k, 2k): of (β, θ).
    """
    mean_row_sum = _mean_row_sums(0.0, w)[0]
    padded = np.zeros((2 * len(beta) + 1, 2 * len(beta) + 1))
    padded[:-1, :-1] = covariance
    still = (0.0, 0.0)
    return _estimates(beta, theta, ((1.0, 0.0), still), ((1.0, mean_row_sum), still), padded)


def multipliers(rho: float, w: SpatialOperator) -> FloatArray:
    """Return what β and θ count in direct, indirect and total effects.

    ``rho``: 0 in a model without a spatial lag of y. Returns shape (3, 2, 2): by effect: the factors of β and θ, and
    their derivatives in ρ. See `lag_effects`.
    """
    first, second = w.traces(rho)
    own = [(first / w.n, second / w.n), _mean_row_sums(rho, w)]
    direct, total = (np.array([[1 + rho * v, v], [v + rho * dv, dv]]) for v, dv in own)
    return np.stack([direct, total - direct, total])


def simulated_errors(
    estimates: FloatArray, covariance: FloatArray, w: SpatialOperator, draws: int, seed: int
) -> FloatArray:
    """Return standard errors of direct, indirect and total effects, (3, k), from draws of the parameters (β, θ, ρ).

    Of the draws those count whose ρ is within its range. LeSage & Pace (2009), sec. 5.6.2.
    """
    k = (len(estimates) - 1) // 2
    rng = np.random.default_rng(seed)
    # a covariance with zero rows, where x has no lag, has no Cholesky factor
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    points = estimates + rng.standard_normal((draws, len(estimates))) @ root.T
    low, high = w.bounds
    points = points[(points[:, -1] > low) & (points[:, -1] < high)]
    rho = points[:, -1]
    v = np.array([w.traces(value)[0] for value in rho]) / w.n
    q = np.array([_mean_row_sums(value, w)[0] for value in rho])
    beta, theta = points[:, :k], points[:, k : 2 * k]
    direct = beta * (1 + rho * v)[:, None] + theta * v[:, None]
    total = beta * (1 + rho * q)[:, None] + theta * q[:, None]
    return np.stack([direct.std(axis=0, ddof=1), (total - direct).std(axis=0, ddof=1), total.std(axis=0, ddof=1)])


def effects_by_unit(beta: FloatArray, theta: FloatArray, rho: float, w: SpatialOperator) -> FloatArray:
    """Return each unit's own effect, what it receives from and what it sends to the others, shape (3, N, k).

    They are the diagonal, the row sum without diagonal (spill-in) and the column sum without diagonal (spill-out) of
    S⁻¹(βI + θW).
    """
    ones = np.ones((w.n, 1))
    diagonal, rows, columns = diagonal_of_g(rho, w), w.apply_g(rho, ones)[:, 0], w.apply_gt(rho, ones)[:, 0]
    # the diagonal, row sums and column sums of S⁻¹ = I + ρG are those of G, times ρ, plus 1
    direct, row, column = (np.outer(1 + rho * part, beta) + np.outer(part, theta) for part in (diagonal, rows, columns))
    return np.stack([direct, row - direct, column - direct])


def diagonal_of_g(rho: float, w: SpatialOperator) -> FloatArray:
    """Return the diagonal of G, shape (N,), by solving for a block of units at a time."""
    out = np.empty(w.n)
    for units, columns in unit_blocks(w.n):
        out[units] = w.apply_g(rho, columns)[units, units - units[0]]
    return out


def _mean_row_sums(rho: float, w: SpatialOperator) -> tuple[float, float]:
    """Return 1′G1/N and 1′G²1/N."""
    c = w.constant_row_sum
    if c is not None:
        # G1 = c/(1 - ρc) 1
        return c / (1 - rho * c), (c / (1 - rho * c)) ** 2
    ones = np.ones((w.n, 1))
    rows, columns = w.apply_g(rho, ones), w.apply_gt(rho, ones)
    return float(rows.sum()) / w.n, float(np.vdot(columns, rows)) / w.n


def _estimates(
    beta: FloatArray,
    theta: FloatArray,
    direct: Multipliers,
    total: Multipliers,
    covariance: FloatArray,
    by_decay: FloatArray | None = None,
) -> EffectEstimates:
    """Return effects βm₀ + θm₁ and their standard errors.

    ``direct`` and ``total`` are (m₀, m₁), and their derivatives in ρ; the covariance is that of (β, θ, ρ), and of γ
    where there is one, with derivatives of the direct effects in γ.
    """
    k, width = len(beta), len(covariance)
    values, gradients = np.empty((3, k)), np.zeros((3, k, width))
    for place, (weight, slope) in ((0, direct), (2, total)):
        flat = gradients[place].reshape(-1)
        # the diagonals of the blocks of β and θ
        flat[:: width + 1] = weight[0]
        flat[k :: width + 1] = weight[1]
        gradients[place, :, 2 * k] = beta * slope[0] + theta * slope[1]
        values[place] = beta * weight[0] + theta * weight[1]
    if by_decay is not None:
        gradients[0, :, -1] = by_decay
    values[1], gradients[1] = values[2] - values[0], gradients[2] - gradients[0]
    variance = np.add.reduce((gradients @ covariance) * gradients, axis=2)
    return EffectEstimates(values, np.sqrt(np.maximum(variance, 0.0)))
