"""Direct, indirect and total effects of models by period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.packs.space_gaps.numeric.weights import PeriodWeights


@dataclass(frozen=True, eq=False)
class Multipliers:
    """What coefficients count in mean effects, by period."""

    direct: FloatArray
    total: FloatArray
    """`direct`, `total`: sums over a period's units of the diagonal and of the row sums of S⁻¹ and of S⁻¹W_r, shape (T,
    R + 1)."""
    slopes: FloatArray
    """Derivatives of both in each ρ; zero without a spatial lag of y. Shape (2, T, R + 1, R)."""

    def of_period(self, place: int) -> Multipliers:
        """Return those of one period."""
        own = slice(place, place + 1)
        return Multipliers(self.direct[own], self.total[own], self.slopes[:, own])


def multipliers(weights: PeriodWeights, rho: FloatArray | None) -> Multipliers:
    """Return the multipliers at ρ; None stands for a model without a spatial lag of y."""
    r, which = weights.several, weights.which
    t = len(which)
    present = weights.present.astype(np.float64)
    columns = present[..., None]
    counts = present.sum(axis=1)
    lagged = (weights.blocks[:, which] @ columns)[..., 0]
    direct, total, slopes = np.zeros((t, r + 1)), np.zeros((t, r + 1)), np.zeros((2, t, r + 1, r))
    if rho is None:
        direct[:, 0] = total[:, 0] = counts
        total[:, 1:] = (lagged * present).sum(axis=2).T
        return Multipliers(direct, total, slopes)
    solved = weights.solved(rho)
    inverse, g = solved.inverse, solved.g
    turned = np.swapaxes(inverse, 1, 2)
    # units that are not observed have a one on the diagonal of the inverse
    absent = present.shape[1] - counts
    direct[:, 0] = np.trace(inverse, axis1=1, axis2=2)[which] - absent
    # traces of S⁻¹W_r are those of G_r = W_rS⁻¹, those of S⁻¹W_sS⁻¹W_r of G_sG_r
    direct[:, 1:] = np.trace(g, axis1=2, axis2=3)[:, which].T
    left = (turned[which] @ columns)[..., 0]
    along = np.stack([present, *lagged])
    right = (inverse[which] @ along[..., None])[..., 0]
    total[:] = np.einsum("ti,rti->tr", left, along)
    for s in range(r):
        slopes[0, :, 0, s] = np.einsum("pij,pij->p", turned, g[s])[which]
        for u in range(r):
            slopes[0, :, 1 + u, s] = np.einsum("pij,pji->p", g[s], g[u])[which]
        moved = (weights.blocks[s][which] @ right[..., None])[..., 0]
        slopes[1, :, :, s] = np.einsum("ti,rti->tr", left, moved)
    return Multipliers(direct, total, slopes)


def mean_effects(
    coefficients: FloatArray, covariance: FloatArray, of: Multipliers, counts: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return direct, indirect and total effects and their delta errors, each of shape (3, k).

    ``coefficients``: β and θ_r of each variable; zero where x has no such lag; shape (k, R + 1). ``covariance``: of the
    coefficients by variable, then of ρ. ``of``: those of the periods of the mean. ``counts``: observed units of these
    periods, shape (T,).

    Means are over observations: a period counts as many times as it has units.
    """
    k, width = coefficients.shape
    values, errors = np.empty((3, k)), np.empty((3, k))
    n = float(counts.sum())
    levels = [of.direct.sum(axis=0) / n, of.total.sum(axis=0) / n]
    slopes = [part.sum(axis=0) / n for part in of.slopes]
    levels, slopes = [levels[0], levels[1] - levels[0], levels[1]], [slopes[0], slopes[1] - slopes[0], slopes[1]]
    for place, (level, slope) in enumerate(zip(levels, slopes, strict=True)):
        for variable in range(k):
            gradient = np.zeros(len(covariance))
            gradient[variable * width : (variable + 1) * width] = level
            gradient[k * width :] = coefficients[variable] @ slope
            values[place, variable] = coefficients[variable] @ level
            errors[place, variable] = np.sqrt(max(float(gradient @ covariance @ gradient), 0.0))
    return values, errors
