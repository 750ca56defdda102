"""Covariances of dynamic spatial panels that do not assume normal errors."""

from __future__ import annotations

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.dynamic_space.estimator import DynamicFit, Setting
from digicarbon.numeric.linear.within import centred, demean
from digicarbon.numeric.spatial.likelihood import Sample
from digicarbon.numeric.spatial.operator import SpatialOperator
from digicarbon.numeric.spatial.robust import error_moments


def robust_covariance(columns: FloatArray, fit: DynamicFit, w: SpatialOperator, setting: Setting) -> FloatArray:
    """Return the covariance with third and fourth moments of the errors.

    Parameters
    ----------
    columns : ndarray, shape (T, N, k + q + 1)
        As those of `fit_dynamic`.
    fit : DynamicFit
    w : SpatialOperator
        Up to a thousand units: powers of A are formed.
    setting : Setting

    Notes
    -----
    The score is a sum of linear and quadratic forms in the errors, b′v + v′Bv: for z_a they are (Qm_a)′v and v′L_a′Qv,
    m_a = z_a - L_av. A linear and a quadratic form have the covariance μ₃ Σ b_i B_ii, two quadratic ones a surplus of
    (μ₄ - 3σ⁴) Σ B_ii C_ii (Lee & Yu 2010, eq. 22).
    """
    t, n, width = columns.shape
    active = list(setting.active)
    q = len(active)
    k, size, sigma2 = width - q - 1, t * n, fit.sigma2
    linear, diagonal = np.zeros((size, width)), np.zeros((size, width))
    linear[:, :k] = columns[..., :k].reshape(size, k) / sigma2
    noise = demean(_responses(fit.theta, fit.residuals, w), setting.effects)[..., active]
    linear[:, k:-1] = (columns[..., k:-1] - noise).reshape(size, q) / sigma2
    diagonal[:, k:-1] = _diagonals(fit.theta, w, setting).reshape(size, 3)[:, active] / sigma2
    share = (1 - 1 / t if setting.unit_effects else 1.0) * (1 - 1 / n if setting.effects != "unit" else 1.0)
    diagonal[:, -1] = share / (2 * sigma2**2)
    third, fourth = error_moments(fit.residuals, sigma2, Sample(n, t, setting.effects, "none"))
    cross = linear.T @ diagonal
    surplus = third * (cross + cross.T) + (fourth - 3 * sigma2**2) * diagonal.T @ diagonal
    return np.asarray(fit.covariance + fit.bread @ surplus @ fit.bread / setting.small_sample(k))


def _responses(theta: FloatArray, errors: FloatArray, w: SpatialOperator) -> FloatArray:
    """Return what errors, shape (T, N), add to Wy, y_{-1} and Wy_{-1}, shape (T, N, 3)."""
    out = np.zeros((*errors.shape, 3))
    before = np.zeros(errors.shape[1])
    for period, error in enumerate(responses(theta, errors[..., None], w)[..., 0]):
        out[period, :, 1] = before
        before = error
    out[..., 2] = w.lag(out[..., 1:2])[..., 0]
    out[:-1, :, 0] = out[1:, :, 2]
    out[-1, :, 0] = w.lag(before[None, :, None])[0, :, 0]
    return out


def responses(theta: FloatArray, errors: FloatArray, w: SpatialOperator) -> FloatArray:
    """Return what errors, shape (T, N, m), add to outcomes: δ_t = Aδ_{t-1} + S⁻¹v_t with δ_0 = 0."""
    rho, tau, eta = (float(value) for value in theta)
    out = np.empty(errors.shape)
    before = np.zeros(errors.shape[1:])
    for period, error in enumerate(errors):
        right = error + tau * before
        if eta:
            right = right + eta * w.lag(before[None])[0]
        before = right + rho * w.apply_g(rho, right)
        out[period] = before
    return out


def _diagonals(theta: FloatArray, w: SpatialOperator, setting: Setting) -> FloatArray:
    """Return the diagonals of QL_a for a = ρ, τ, η, shape (T, N, 3)."""
    t, n = setting.t, setting.n
    by_time = setting.effects != "unit"
    rho, tau, eta = (float(value) for value in theta)
    eye = np.eye(n)
    inverse = eye + rho * w.apply_g(rho, eye)
    step = inverse @ (tau * eye + eta * w.lag(eye[None])[0])
    own = np.empty((t, n, 2))
    power = inverse
    for h in range(t if setting.unit_effects else 1):
        pair = power, w.lag(power[None])[0]
        for place, matrix in enumerate(pair):
            own[h, :, place] = np.diagonal(centred(matrix) if by_time else matrix)
        power = step @ power
    out = np.zeros((t, n, 3))
    out[..., 0] = own[0, :, 1]
    if not setting.unit_effects:
        return out
    sums = own.cumsum(axis=0)
    for period in range(t):
        # of an error its effects in this and later periods count in the mean
        out[period, :, 0] -= sums[t - 1 - period, :, 1] / t
        if period < t - 1:
            out[period, :, 1:] = -sums[t - 2 - period] / t
    return out
