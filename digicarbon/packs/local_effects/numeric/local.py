"""Effects of each unit in a spatial model, with exact delta-method standard errors.

The derivatives of the outcome in one variable are E = S⁻¹(βI + θW) = βI + (βρ + θ)G, with dG/dρ = G². A unit's own
effect is a diagonal element; it receives the rest of its row and sends the rest of its column. A number of E, with g
in its place in G and g₂ in G², has the gradient (i + ρg, g, βg + (βρ + θ)g₂) in (β, θ, ρ), where i is 1 on the
diagonal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.spatial.operator import SpatialOperator, unit_blocks


@dataclass(frozen=True, eq=False)
class LocalEffects:
    """Effects of N units."""

    coef: FloatArray
    se: FloatArray
    """`coef`, `se`: own, received and sent effects, shape (3, N)."""


def by_unit(
    beta: float, theta: float, rho: float, covariance: FloatArray, w: SpatialOperator, block: int = 256
) -> LocalEffects:
    """Return each unit's own effect, what it receives from and what it sends to others, of one variable.

    ``beta``, ``theta``, ``rho``: θ or ρ is 0 in a model without the lag. ``covariance``: of (β, θ, ρ), shape (3, 3).
    ``block``: units whose columns of G are held at a time.
    """
    n = w.n
    ones = np.ones((n, 1))
    rows, columns = w.apply_g(rho, ones), w.apply_gt(rho, ones)
    g = np.stack([np.empty(n), rows[:, 0], columns[:, 0]])
    g2 = np.stack([np.empty(n), w.apply_g(rho, rows)[:, 0], w.apply_gt(rho, columns)[:, 0]])
    for units, at in unit_blocks(n, block):
        once, own = w.apply_g(rho, at), units - units[0]
        g[0, units] = once[units, own]
        g2[0, units] = w.apply_g(rho, once)[units, own]
    # what is received and sent is without the diagonal
    g[1:] -= g[0]
    g2[1:] -= g2[0]
    return _of(beta, theta, rho, covariance, g, g2, np.array([[1.0], [0.0], [0.0]]))


def felt(
    beta: float, theta: float, rho: float, covariance: FloatArray, w: SpatialOperator, unit: int
) -> tuple[FloatArray, FloatArray]:
    """Return what a change in one unit does to every unit, and its standard errors, each of shape (N,).

    ``beta``, ``theta``, ``rho``, ``covariance``, ``w``: as in `by_unit`. ``unit``: position of the unit in which the
    variable changes.
    """
    at = np.zeros((w.n, 1))
    at[unit] = 1.0
    once = w.apply_g(rho, at)
    found = _of(beta, theta, rho, covariance, once.T, w.apply_g(rho, once).T, at.T)
    return found.coef[0], found.se[0]


def _of(
    beta: float, theta: float, rho: float, covariance: FloatArray, g: FloatArray, g2: FloatArray, own: FloatArray
) -> LocalEffects:
    reach = beta * rho + theta
    gradient = np.stack([own + rho * g, g + 0 * own, beta * g + reach * g2])
    variance = np.einsum("aij,ab,bij->ij", gradient, covariance, gradient)
    return LocalEffects(beta * own + reach * g, np.sqrt(np.maximum(variance, 0.0)))
