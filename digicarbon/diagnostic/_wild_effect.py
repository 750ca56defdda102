"""Critical values of an effect along a moderator by the wild bootstrap of units, at each place and for all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.model import Model
from digicarbon.model.batch import Estimand
from digicarbon.model.tested import Tested
from digicarbon.model.wild import one_thread
from digicarbon.numeric.resampling.unit_wild import alpha_of, critical, p_value
from digicarbon.numeric.shape.moderation import Effect
from digicarbon.panel import Panel
from digicarbon.weights import Weights


@dataclass(frozen=True, eq=False)
class Drawn:
    """|t| of draws in which the effect is the estimated one, (m, M), at each place; infinite where a draw has none."""

    sizes: FloatArray

    def critical(self, level: float) -> FloatArray:
        """Return the critical value at each place, shape (m,)."""
        return np.array([critical(one, alpha_of(level)) for one in self.sizes])

    def uniform(self, places: int, level: float) -> float:
        """Return the critical value of the largest |t| over the first places."""
        return critical(self.sizes[:places].max(axis=0), alpha_of(level))

    def p(self, statistics: FloatArray) -> FloatArray:
        """Return the share of draws that are at least as large, at each place, shape (m,)."""
        return np.array([p_value(float(one), own) for one, own in zip(statistics, self.sizes, strict=True)])


def wild_effect(
    model: Model | None, panel: Panel, weights: Weights | None, names: Sequence[str], effect: Effect, places: FloatArray
) -> Drawn | None:
    """Return draws of an effect of k coefficients at m places; None where p is from standard errors or draws are slow.

    Draws are y - ε̂ + ε*, with ε̂ the residuals of the model itself and ε* those of `Draws` of (I - H_ii)^(-1/2) ε̂ by
    unit; t* is the distance of the effect from the estimated one, in its own standard errors. The variance of a
    combination is a quadratic form: those of d + 1 combinations and of their sums by pairs give it at every place.
    """
    if not isinstance(model, Tested) or model.test != "wild":
        return None
    contrasts = model.contrasts(panel, weights)
    if contrasts is None or not contrasts.fast:
        return None
    draws = model.draws_for(contrasts.units, weights)
    middle, scale = float(places.min() + places.max()) / 2, float(np.ptp(places)) / 2 or 1.0
    basis = effect.moved(middle, scale)
    # axes of length one in the metric of the covariance: nothing cancels in the sums
    variances = np.einsum("ij,jk,ik->i", basis, effect.covariance, basis)
    lengths = np.sqrt(np.where(variances > 0, variances, 1.0))
    axes = basis / lengths[:, None]
    first, second = np.triu_indices(len(axes), 1)
    combinations = np.vstack([axes, axes[first] + axes[second]])
    estimands = [Estimand.combination(dict(zip(names, row, strict=True))) for row in combinations.tolist()]
    with one_thread():
        centre, fits = contrasts.drawn(estimands, draws)
    powers = np.vander((places - middle) / scale, len(axes), increasing=True) * lengths
    moved = np.array([fits[k][0] - centre[k] for k in range(len(axes))])
    own = np.array([fits[k][1] ** 2 for k in range(len(axes))])
    variance = powers**2 @ own
    for pair, (i, j) in enumerate(zip(first, second, strict=True), start=len(axes)):
        both = fits[pair][1] ** 2 - own[i] - own[j]
        variance += (powers[:, i] * powers[:, j])[:, None] * both
    with np.errstate(divide="ignore", invalid="ignore"):
        sizes = np.abs(powers @ moved) / np.sqrt(variance)
    # a place where the effect is zero by construction has no t, in no draw
    sizes[effect.at(places)[1] == 0] = 0.0
    return Drawn(np.nan_to_num(sizes, nan=np.inf))
