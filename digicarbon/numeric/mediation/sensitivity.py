"""How strong an unobserved confounder would have to be to take a mediated effect away."""

from __future__ import annotations

import numpy as np
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.numeric.mediation.paths import Paths


def rho_at_zero(fit: Paths) -> FloatArray:
    """Return the correlation of the errors of mediator and outcome at which the indirect effect is zero, shape (m,).

    Notes
    -----
    It is the correlation of the residuals of the mediator and of the outcome on all other regressors, the other
    mediators among them (with one mediator: Imai, Keele & Yamamoto 2010, section 5).
    """
    return _moments(fit)[0]


def indirect_at(fit: Paths, rho: FloatArray) -> FloatArray:
    """Return indirect effects if the errors of mediator and outcome are correlated, shape (r, f, m).

    Parameters
    ----------
    fit : Paths
    rho : ndarray, shape (r,)
        Correlations, within (-1, 1).

    Notes
    -----
    a s₁/s₂ (ρ̃ - ρ √((1 - ρ̃²)/(1 - ρ²))), with s₁ and s₂ the standard deviations of the residuals of outcome and
    mediator and ρ̃ their correlation, on all other regressors (Imai, Keele & Yamamoto 2010, theorem 4). At ρ = 0 it
    is the estimate.

    References
    ----------
    Imai, Keele & Yamamoto (2010), Statistical Science 25.
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


def robustness_value(t: FloatArray, df: int, level: float | None = None) -> FloatArray:
    """Return the robustness values of coefficients with classic t statistics, of the shape of t.

    Parameters
    ----------
    t : ndarray
    df : int
        Residual degrees of freedom.
    level : float, optional
        Of the interval that is to reach zero; None: the estimate itself is to be zero.

    Notes
    -----
    A confounder that explains this share of what is left of both the regressor and the outcome takes the effect to
    zero: ½(√(f⁴ + 4f²) - f²) with f = |t|/√df, less the critical value over √(df - 1) where the interval is to reach
    zero. Where f times the critical f_c is above 1 it is (f² - f_c²)/(1 + f²), as in their sensemakr.

    References
    ----------
    Cinelli & Hazlett (2020), Journal of the Royal Statistical Society B 82.
    """
    f = np.abs(t) / np.sqrt(df)
    if level is None:
        return _root(f)
    critical = scipy.special.stdtrit(df - 1, 0.5 + level / 2) / np.sqrt(df - 1)
    extreme = (f**2 - critical**2) / (1 + f**2)
    # beyond the bound the confounder is limited by the outcome's share alone
    reached = np.where(f * critical > 1, extreme, _root(np.maximum(f - critical, 0.0)))
    return np.asarray(reached)


def _root(f: FloatArray) -> FloatArray:
    return np.asarray((np.sqrt(f**4 + 4 * f**2) - f**2) / 2)
