"""Slopes, turning points and the band of a curve by the wild bootstrap of units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from digicarbon.arrays import FloatArray
from digicarbon.model import Model
from digicarbon.model.restrictions import Combinations
from digicarbon.model.tested import Tested
from digicarbon.model.wild import fits
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.unit_wild import alpha_of, critical, upper_p, wild_test
from digicarbon.numeric.shape.turning_points import (
    Cubic,
    Curve,
    Fieller,
    Quadratic,
    Slope,
    contrast_weights,
    inverted,
    powers,
)
from digicarbon.panel import Panel
from digicarbon.weights import Weights

BAND_POINTS = 25
"""Places at which a band is computed; it is interpolated between them, in standard errors."""


class WildCurve:
    """Tests of combinations of a variable's and its powers' coefficients by the same draws, inverted for intervals."""

    def __init__(
        self, contrasts: Combinations, names: tuple[str, ...], curve: Curve, draws: Draws, intervals: bool
    ) -> None:
        self._contrasts, self._names, self._curve = contrasts, names, curve
        self._draws, self.intervals = draws, intervals

    def quadratic(self, found: Quadratic) -> Quadratic:
        """Return the slopes and the test of a parabola with wild p values and intervals."""
        lower, upper = self._slope(found.lower), self._slope(found.upper)
        weaker = lower if lower.p >= upper.p else upper
        return replace(found, lower=lower, upper=upper, statistic=weaker.statistic, p=weaker.p)

    def cubic(self, found: Cubic) -> Cubic:
        """Return the slopes of a cubic with wild p values and intervals."""
        return replace(
            found, lower=self._slope(found.lower), middle=self._slope(found.middle), upper=self._slope(found.upper)
        )

    def region(self, order: int = 1) -> Fieller | None:
        """Return where the test does not reject a zero derivative, the wild counterpart of Fieller's region."""
        if not self.intervals:
            return None
        with threadpool_limits(1):
            return inverted(self._curve, self._excess, order)

    def band(self, x: FloatArray) -> pd.DataFrame | None:
        """Return the pointwise band of the curve less its mean over the observed x, by inversion of tests.

        It has coef, low and high by place. There is none without intervals, and where draws are fitted one by one.
        """
        if not self.intervals or not self._contrasts.fast:
            return None
        at = np.linspace(x.min(), x.max(), BAND_POINTS)
        with threadpool_limits(1):
            rows = [self._tested(g)[1:] for g in contrast_weights(len(self._curve.b), at, x)]
        return pd.DataFrame(rows, columns=["coef", "low", "high"], index=pd.Index(at, name="at"))

    def _slope(self, slope: Slope) -> Slope:
        sign = 1.0 if slope.alternative == "greater" else -1.0
        with threadpool_limits(1):
            drawn, _, low, high = self._tested(powers(slope.at, len(self._curve.b), 1))
        return replace(slope, p=upper_p(slope.statistic, sign * drawn), low=low, high=high)

    def _tested(self, g: FloatArray) -> tuple[FloatArray, float, float, float]:
        """Return t of the draws in which a combination is zero, its estimate and its interval."""
        at_zero = self._drawn(g, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            drawn = at_zero[0] / at_zero[1]
        estimate, se = float(g @ self._curve.b), float(np.sqrt(g @ self._curve.covariance @ g))

        def at(value: float) -> tuple[FloatArray, FloatArray]:
            return self._drawn(g, value)

        test = wild_test(estimate, se, at_zero, at if self.intervals else None, self._curve.level)
        return drawn, estimate, test.low, test.high

    def _excess(self, g: FloatArray) -> float:
        estimate, se = self._drawn(g, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            limit = critical(estimate / se, alpha_of(self._curve.level))
        return abs(float(g @ self._curve.b)) / float(np.sqrt(g @ self._curve.covariance @ g)) - limit

    def _drawn(self, g: FloatArray, value: float) -> tuple[FloatArray, FloatArray]:
        restrictions = self._contrasts.of(dict(zip(self._names, g.tolist(), strict=True)))
        return fits(restrictions, restrictions.null_at(0, value), [0], self._draws)[0]


def wild_curve(
    model: Model | None, panel: Panel, weights: Weights | None, names: Sequence[str], curve: Curve
) -> WildCurve | None:
    """Return the wild tests of a curve of a variable and its powers; None where p values are from standard errors."""
    if not isinstance(model, Tested) or model.test != "wild":
        return None
    contrasts = model.contrasts(panel, weights)
    if contrasts is None:
        return None
    return WildCurve(contrasts, tuple(names), curve, model.draws_for(contrasts.units, weights), model.intervals)
