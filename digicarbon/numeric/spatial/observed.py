"""Covariance of spatial maximum likelihood from the observed information."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.spatial.likelihood import Sample


def observed_covariance(
    slopes: FloatArray,
    bends: Sequence[tuple[int, FloatArray]],
    residuals: FloatArray,
    sigma2: float,
    squares: Sequence[float],
    sample: Sample,
) -> FloatArray:
    """Return the inverse of minus the Hessian of the log-likelihood in (β, spatial parameters, σ²), shape (p, p).

    ``slopes``, shape (T·N, p - 1), are minus the derivatives of the residuals in each parameter but σ², effects
    removed; ``bends`` the column of λ and the second derivatives of the residuals in λ and each parameter, of the same
    shape; ``squares`` tr G*² of the spatial parameters, the last columns of ``slopes``.

    The log-likelihood is -size/2 ln σ² - ε′ε/(2σ²) and log-determinants, whose second derivatives are -T* tr G*².
    """
    p = slopes.shape[1]
    products = slopes.T @ slopes
    for column, bend in bends:
        change = bend.T @ residuals
        products[column] += change
        products[:, column] += change
    out = np.empty((p + 1, p + 1))
    out[:p, :p] = products / sigma2
    spatial = np.arange(p - len(squares), p)
    out[spatial, spatial] += sample.periods * np.array(squares)
    out[:p, p] = out[p, :p] = slopes.T @ residuals / sigma2**2
    out[p, p] = residuals @ residuals / sigma2**3 - sample.size / (2 * sigma2**2)
    return np.asarray(np.linalg.inv(out), dtype=np.float64)
