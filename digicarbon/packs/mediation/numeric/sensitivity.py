"""How strong an unobserved confounder would have to be to take a mediated effect away."""

from __future__ import annotations

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.packs.mediation.numeric.paths import Paths


def rho_at_zero(fit: Paths) -> FloatArray:
    """Return the correlation of the errors of mediator and outcome at which the indirect effect is zero, shape (m,).

    It is the correlation of the residuals of the mediator and of the outcome on all other regressors, the other
    mediators among them (with one mediator: Imai, Keele & Yamamoto 2010, section 5).
    """
    return _moments(fit)[0]


def indirect_at(fit: Paths, rho: FloatArray) -> FloatArray:
    """Return indirect effects if the errors of mediator and outcome have correlations ``rho``: shape (r, f, m).

    a s₁/s₂ (ρ̃ - ρ √((1 - ρ̃²)/(1 - ρ²))), with s₁ and s₂ the standard deviations of the residuals of outcome and
    mediator and ρ̃ their correlation, on all other regressors (Imai, Keele & Yamamoto 2010, Statistical Science 25,
    theorem 4). At ρ = 0 it is the estimate.
    """
    zero, ratio = _moments(fit)
    slope = ratio * (zero - rho[:, None] * np.sqrt((1 - zero**2) / (1 - rho[:, None] ** 2)))
    return np.asarray(fit.a * slope[:, None, :])


def _moments(fit: Paths) -> tuple[FloatArray, FloatArray]:
    """Return correlations of residuals on all other regressors, and s₁/s₂, each of shape (m,)."""
    # 1/(Z'Z)⁻¹_jj is the sum of squares of what other regressors leave of a mediator
    left = 1 / (fit.root[fit.k :] ** 2).sum(axis=1)
    explained = fit.b**2 * left
    whole = float(fit.outcome_residuals @ fit.outcome_residuals) + explained
    return np.sign(fit.b) * np.sqrt(explained / whole), np.sqrt(whole / left)
