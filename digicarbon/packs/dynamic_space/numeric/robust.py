"""Covariances of dynamic spatial panels that do not assume normal errors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.within import centred, demean
from digicarbon.numeric.spatial.likelihood import Sample
from digicarbon.numeric.spatial.operator import DenseOperator, SpatialOperator
from digicarbon.numeric.spatial.robust import error_moments, least_fourth, weight_power
from digicarbon.packs.dynamic_space.numeric.estimator import DynamicFit, Setting
from digicarbon.packs.dynamic_space.numeric.spectrum import Values

CONDITION, REBUILT = 1e6, 1e-11
"""Largest condition of eigenvectors that are used, and how exactly they give W back."""


@dataclass(frozen=True, eq=False)
class Vectors:
    """The decomposition W = VΩV⁻¹."""

    roots: Values
    """Shape (N,)."""
    vectors: Values
    inverse: Values
    """`vectors`, `inverse`: shape (N, N)."""

    def diagonals(self, by_time: bool) -> Values:
        """Return P with diag f(W) = P f(ω), shape (N, N); of Jf(W)J with time effects, where W has equal row sums."""
        own = self.vectors - self.vectors.mean(axis=0) if by_time else self.vectors
        return own * self.inverse.T


@lru_cache(maxsize=16)
def vectors_of(w: SpatialOperator) -> Vectors | None:
    """Return the eigenvectors of W; None where they are no well conditioned basis, or W is not dense."""
    if not isinstance(w, DenseOperator):
        return None
    if w.balance is not None:
        root = np.sqrt(w.balance)
        similar = w.w * (root[:, None] / root)
        values, own = np.linalg.eigh((similar + similar.T) / 2)
        return Vectors(values, own / root[:, None], own.T * root)
    roots, vectors = np.linalg.eig(w.w)
    if np.linalg.cond(vectors) > CONDITION:
        return None
    inverse = np.linalg.inv(vectors)
    exact = np.abs((vectors * roots) @ inverse - w.w).max() < REBUILT * max(float(np.abs(w.w).max()), 1e-300)
    return Vectors(roots, vectors, inverse) if exact else None


class Surplus:
    """What third and fourth moments of the errors add to variances, for many outcomes.

    ``vectors``: eigenvectors of a W with equal row sums.

    As `robust_covariance`, for one combination of the parameters: its linear and its quadratic form in the errors are
    vectors, which the eigenvectors of W turn into T products for all outcomes.
    """

    def __init__(self, vectors: Vectors, setting: Setting) -> None:
        self._vectors, self._setting = vectors, setting
        self._diagonals = vectors.diagonals(setting.effects != "unit")
        self._sample = Sample(setting.n, setting.t, setting.effects, "none")
        over_time = 1 - 1 / setting.t if setting.unit_effects else 1.0
        self._share = over_time * (1 - 1 / setting.n if setting.effects != "unit" else 1.0)

    def at(self, theta: FloatArray, sigma2: FloatArray, residuals: FloatArray) -> SurplusAt:
        """Return what is common to all combinations; theta of shape (M, 3), residuals of shape (T, N, M)."""
        t, roots = self._setting.t, self._vectors.roots[:, None]
        rho, tau, eta = theta.T
        u = 1 / (1 - roots * rho)
        a = (tau + roots * eta) * u
        passed = np.empty(residuals.shape, dtype=np.result_type(u, self._vectors.vectors))
        sums = np.empty_like(passed)
        before, power, total = np.zeros_like(u), u, np.zeros_like(u)
        for period in range(t):
            before = a * before + u * (self._vectors.inverse @ residuals[period])
            passed[period] = before
            total = total + power
            sums[period] = total
            power = power * a
        second, third, fourth = (weight_power(self._sample, power) for power in (2, 3, 4))
        squares = residuals * residuals
        mean3, mean4 = (squares * residuals).mean(axis=(0, 1)), (squares * squares).mean(axis=(0, 1))
        skewness = mean3 / third
        found = (mean4 - 3 * sigma2**2 * (second**2 - fourth)) / fourth
        excess = np.maximum(found, least_fourth(sigma2, skewness)) - 3 * sigma2**2
        return SurplusAt(self, sigma2, u, sums, passed, skewness, excess)


@dataclass(frozen=True, eq=False)
class SurplusAt:
    """The same at given parameters."""

    whole: Surplus
    sigma2: FloatArray
    """Shape (M,)."""
    u: Values
    """1/(1 - ρω), shape (N, M)."""
    sums: Values
    passed: Values
    """`sums`, `passed`: sums of aʰu, and V⁻¹ times what errors make of outcomes, shape (T, N, M)."""
    skewness: FloatArray
    excess: FloatArray
    """`skewness`, `excess`: μ₃ and μ₄ - 3σ⁴, shape (M,)."""

    def of(self, weights: FloatArray, columns: FloatArray, variance: FloatArray) -> FloatArray:
        """Return h′Sh, S the surplus of the score's variance, for each outcome, shape (M,).

        ``weights``: h of ρ, τ and η, shape (M, 3). ``columns``: the columns of Z and of the lags times their h, shape
        (T, N, M). ``variance``: h of σ², shape (M,).
        """
        setting, vectors = self.whole._setting, self.whole._vectors
        t, roots = setting.t, vectors.roots[:, None]
        of_now, of_past = roots * weights[:, 0], weights[:, 1] + roots * weights[:, 2]
        constant = self.whole._share / (2 * self.sigma2**2) * variance
        linear, quadratic = np.empty(columns.shape), np.empty(columns.shape)
        for period in range(t):
            noise = of_now * self.passed[period]
            form = of_now * self.u
            if period:
                noise = noise + of_past * self.passed[period - 1]
            if setting.unit_effects:
                form = form - of_now * self.sums[t - 1 - period] / t
                if period < t - 1:
                    form = form - of_past * self.sums[t - 2 - period] / t
            linear[period] = (vectors.vectors @ noise).real
            quadratic[period] = (self.whole._diagonals @ form).real / self.sigma2 + constant
        linear = (columns - demean(linear, setting.effects)) / self.sigma2
        cross = (linear * quadratic).sum(axis=(0, 1))
        square = (quadratic * quadratic).sum(axis=(0, 1))
        return np.asarray(2 * self.skewness * cross + self.excess * square)


def robust_covariance(columns: FloatArray, fit: DynamicFit, w: SpatialOperator, setting: Setting) -> FloatArray:
    """Return the covariance with third and fourth moments of the errors.

    ``columns``: as those of `fit_dynamic`, shape (T, N, k + q + 1). ``w``: up to a thousand units: powers of A are
    formed.

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
