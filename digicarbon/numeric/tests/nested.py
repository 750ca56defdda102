"""Likelihood-ratio and Wald tests of restrictions, and the Hausman statistic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.note import Note
from digicarbon.numeric.linear.statistic import Statistic, chi2

_SINGULAR = Note("test_covariance_singular")


def likelihood_ratio(full: float, restricted: float, df: int) -> Statistic:
    """Return the likelihood-ratio test from two log-likelihoods of the same sample."""
    return chi2(2 * (full - restricted), df)


def wald(value: FloatArray, covariance: FloatArray) -> Statistic:
    """Return the Wald test that restrictions, shape (m,), are zero; a covariance without inverse is refused."""
    variance = covariance.diagonal()
    if not (variance > 0).all():
        raise EstimationError(_SINGULAR)
    scale = np.sqrt(variance)
    scaled, d = covariance / np.outer(scale, scale), value / scale
    if np.linalg.eigvalsh(scaled)[0] <= 1e-13:
        raise EstimationError(_SINGULAR)
    return chi2(float(d @ np.linalg.solve(scaled, d)), len(value))


def common_factor(beta: FloatArray, theta: FloatArray, rho: float, covariance: FloatArray) -> Statistic:
    """Return the Wald test of θ + ρβ = 0, under which a spatial Durbin model is a spatial error model.

    The covariance is that of (β, θ, ρ), shape (2k + 1, 2k + 1). Delta method with the gradient (ρI, I, β) (Burridge
    1981; Elhorst 2014, p. 9).
    """
    identity = np.eye(len(beta))
    gradient = np.column_stack([rho * identity, identity, beta])
    return wald(theta + rho * beta, gradient @ covariance @ gradient.T)


@dataclass(frozen=True)
class Hausman:
    """The Hausman statistic and whether its difference of covariances is a covariance.

    ``statistic``: negative, without a p value, where the difference of covariances is far from positive definite.
    ``definite``: whether the difference of covariances is positive definite.
    """

    statistic: Statistic
    definite: bool


def hausman(difference: FloatArray, covariance: FloatArray) -> Hausman:
    """Return d′V⁻¹d for consistent less efficient estimates d and the difference V of their covariances.

    Hausman (1978). An indefinite V is not repaired: neither by a generalised inverse nor by an absolute value. One
    without inverse is refused.
    """
    scale = np.sqrt(np.abs(covariance.diagonal()))
    scale = np.where(scale > 0, scale, 1.0)
    scaled = covariance / np.outer(scale, scale)
    d = difference / scale
    roots = np.linalg.eigvalsh(scaled)
    if np.abs(roots).min() <= 1e-15:
        raise EstimationError(Note("hausman_no_difference"))
    definite = bool(roots.min() > 1e-12)
    return Hausman(chi2(float(d @ np.linalg.solve(scaled, d)), len(difference)), definite)
