"""Estimates by period, and those of a model without a spatial parameter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.spatial.likelihood import gaussian
from digicarbon.packs.space_gaps.numeric.effects import Effects


@dataclass(frozen=True, eq=False)
class PeriodFit:
    """Estimates of a spatial panel by periods."""

    beta: FloatArray
    """Shape (k,)."""
    spatial: FloatArray
    """ρ of each W, or λ; empty without a spatial parameter. Shape (R,)."""
    sigma2: float
    covariance: FloatArray
    """Order β, spatial parameters, σ², shape (k + R + 1, k + R + 1)."""
    loglik: float
    """Of the model with dummies, at the estimates, with all constants; with the adjusted score σ² is of that one."""
    residuals: FloatArray
    """Effects removed; zero where a unit is not observed. Shape (T, N)."""
    boundary: bool
    bread: FloatArray
    """Inverse of minus the mean slope of the scores; without ρ, which is given, at an end of its range. Shape (k + R +
    1, k + R + 1)."""
    linear: FloatArray
    """What errors are multiplied by in the scores of β and ρ, times σ², shape (T, N, k + R)."""


def fit_linear(columns: FloatArray, effects: Effects, adjusted: bool) -> PeriodFit:
    """Fit y = Zβ + effects + ε by least squares; ``columns``, shape (T, N, k + 1), are Z and y, effects removed."""
    k = columns.shape[2] - 1
    flat = columns.reshape(-1, k + 1)
    beta = np.asarray(np.linalg.lstsq(flat[:, :k], flat[:, k], rcond=None)[0], dtype=np.float64)
    e = flat[:, k] - flat[:, :k] @ beta
    degrees = effects.degrees if adjusted else effects.size
    sigma2 = float(e @ e) / degrees
    covariance = np.zeros((k + 1, k + 1))
    covariance[:k, :k] = sigma2 * np.linalg.inv(flat[:, :k].T @ flat[:, :k])
    covariance[k, k] = 2 * sigma2**2 / degrees
    residuals, loglik = e.reshape(columns.shape[:2]), gaussian(float(e @ e), 0.0, effects.size)
    return PeriodFit(beta, np.empty(0), sigma2, covariance, loglik, residuals, False, covariance, columns[..., :k])
