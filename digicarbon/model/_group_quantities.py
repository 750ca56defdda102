"""Effects of a spatial panel's slopes by group, as combinations of coefficients that a batch fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.model.batch import Estimand
from digicarbon.numeric.spatial.group_effects import GroupCurve
from digicarbon.numeric.spatial.lag_space import Combination
from digicarbon.result import EFFECTS


@dataclass(frozen=True, eq=False)
class Slope:
    """One group's slope of a term.

    ``own`` is the place of its coefficient among those of the design, ``lags`` those of the coefficients of the term's
    spatial lag, by the group that receives.
    """

    group: int
    own: int
    lags: Mapping[int, int]


@dataclass(frozen=True, eq=False)
class GroupQuantities:
    """What effects of terms by group are made of: a curve of the lag of y, and slopes by coefficient, ``x[east]``."""

    curve: GroupCurve
    slopes: Mapping[str, Slope]

    def combination(self, estimand: Estimand) -> Combination:
        """Return an effect for fits that have a ρ of their own."""
        slope = self.slopes[estimand.term]
        return Combination((slope.own, *slope.lags.values()), partial(self.weights, estimand))

    def contrast(self, estimand: Estimand, size: int) -> FloatArray:
        """Return an effect as weights of all coefficients, shape (size,), where y has no spatial lag."""
        combination, out = self.combination(estimand), np.zeros(size)
        out[list(combination.columns)] = combination.weights(np.zeros(1))[0][:, 0]
        return out

    def weights(self, estimand: Estimand, rho: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the weights of a term's own coefficient and of its lags' at each ρ, and derivatives, shape (m, M)."""
        slope, effect = self.slopes[estimand.term], EFFECTS.index(estimand.quantity)
        values, slopes = (
            np.stack([each[0, slope.group], *(each[1, group] for group in slope.lags)])
            for each in (part[effect, slope.group] for part in self.curve.at(rho))
        )
        return values, slopes
