"""Effects through mediators in spatial models.

With S = (I - ρW)⁻¹ of the outcome and S_j of mediator j, a mediator is S_j(a_j I + φ_j W)x, and the outcome
S(c I + ψW)x + Σ S(b_j I + θ_j W)m_j. The derivative of the outcome through mediator j is the matrix
S(b_j I + θ_j W)S_j(a_j I + φ_j W).
"""

from __future__ import annotations

import numpy as np

from digicarbon.arrays import FloatArray


def spatial_paths(
    w: FloatArray, outcome: FloatArray, of_outcome: FloatArray, first: FloatArray, of_first: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return direct, spillover and total effects, and their standard errors by the delta method, shape (m + 3, 3).

    Rows are the paths through each of m mediators, their sum, the path beside them, and the sum of all; columns the
    mean diagonal, the mean sum of a row without it, and both.

    ``w``: shape (N, N). ``outcome``, shape (2m + 3,): c, b_1, …, b_m, their spatial lags ψ, θ_1, …, θ_m, and ρ.
    ``of_outcome``, shape (2m + 3, 2m + 3): their covariance; zero for a parameter that the model does not have.
    ``first``, shape (m, 3): a, φ and ρ of each mediator. ``of_first``, shape (m, 3, 3): their covariances; estimates of
    different equations are taken as uncorrelated.

    All matrices are functions of W, so that they commute, and dS/dρ = SWS.
    """
    m = len(first)
    own, lag, rho = outcome[: m + 1], outcome[m + 1 : -1], outcome[-1]
    s = _inverse(w, rho)
    sw = s @ w
    coef, gradient = np.zeros((m + 3, 2)), np.zeros((m + 3, 2, 2 * m + 3 + 3 * m))
    for j, (a, phi, rho_j) in enumerate(first):
        s_j = _inverse(w, rho_j)
        sw_j = s_j @ w
        of_mediator, of_outcome_j = a * s_j + phi * sw_j, own[j + 1] * s + lag[j + 1] * sw
        whole = of_outcome_j @ of_mediator
        at = 2 * m + 3 + 3 * j
        coef[j] = _means(whole, None)
        gradient[j, :, j + 1], gradient[j, :, m + 2 + j] = _means(s, of_mediator), _means(sw, of_mediator)
        gradient[j, :, 2 * m + 2] = _means(sw, whole)
        gradient[j, :, at], gradient[j, :, at + 1] = _means(of_outcome_j, s_j), _means(of_outcome_j, sw_j)
        gradient[j, :, at + 2] = _means(sw_j, whole)
    beside = own[0] * s + lag[0] * sw
    coef[m + 1] = _means(beside, None)
    gradient[m + 1, :, 0], gradient[m + 1, :, m + 1] = _means(s, None), _means(sw, None)
    gradient[m + 1, :, 2 * m + 2] = _means(sw, beside)
    for of_paths in (coef, gradient):
        of_paths[m] = of_paths[:m].sum(axis=0)
        of_paths[m + 2] = of_paths[m] + of_paths[m + 1]
    covariance = np.zeros((2 * m + 3 + 3 * m,) * 2)
    covariance[: 2 * m + 3, : 2 * m + 3] = of_outcome
    for j, block in enumerate(of_first):
        at = 2 * m + 3 + 3 * j
        covariance[at : at + 3, at : at + 3] = block
    coef, gradient = (np.stack([part[:, 0], part[:, 1] - part[:, 0], part[:, 1]], axis=1) for part in (coef, gradient))
    variance = np.einsum("rei,ij,rej->re", gradient, covariance, gradient)
    return coef, np.sqrt(np.maximum(variance, 0.0))


def _inverse(w: FloatArray, rho: float) -> FloatArray:
    return np.asarray(np.linalg.inv(np.eye(len(w)) - rho * w)) if rho else np.eye(len(w))


def _means(left: FloatArray, right: FloatArray | None) -> tuple[float, float]:
    """Return the mean diagonal and the mean row sum of a matrix, or of a product that is not formed."""
    n = len(left)
    if right is None:
        return float(np.trace(left)) / n, float(left.sum()) / n
    return float(np.vdot(left, right.T)) / n, float(left.sum(axis=0) @ right.sum(axis=1)) / n
