"""Bias from an omitted variable by its partial R² with the outcome and with the regressor (Cinelli & Hazlett 2020)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.robustness_value import robustness_value


@dataclass(frozen=True)
class Estimate:
    """A coefficient.

    ``se``: by the classic covariance, of which partial R² are made. ``df``: residual degrees of freedom. ``scale``: how
    many times larger the standard error is that is shown.
    """

    coef: float
    se: float
    df: float
    scale: float = 1.0

    @property
    def partial_r2(self) -> float:
        """Partial R² of the regressor with the outcome; also what a confounder that explains all of y must reach."""
        squared = (self.coef / self.se) ** 2
        return squared / (squared + self.df)

    def robustness(self, q: float = 1.0, critical: float = 0.0) -> float:
        """Return the partial R² with both which a confounder needs to take away a share q of the coefficient.

        With a critical value: so that the t statistic against 1 - q of the coefficient falls to it.
        """
        return float(robustness_value(np.array(self.coef / self.se), self.df, q, critical * self.scale))

    def adjusted(self, of_x: FloatArray, of_y: FloatArray, reduce: bool = True) -> FloatArray:
        """Return the coefficient with a confounder in the regression; arrays of partial R² are broadcast.

        They are those with the regressor, and with the outcome beside the regressor. ``reduce``: the confounder pulls
        the estimate away from zero, so that the coefficient without bias is smaller.
        """
        bias = np.sqrt(of_y * of_x / (1 - of_x) * self.df) * self.se
        return np.asarray(np.sign(self.coef) * (abs(self.coef) - bias if reduce else abs(self.coef) + bias))

    def adjusted_se(self, of_x: FloatArray, of_y: FloatArray) -> FloatArray:
        """Return the standard error with a confounder in the regression, times ``scale``."""
        ratio = np.sqrt((1 - of_y) / (1 - of_x) * self.df / (self.df - 1))
        return np.asarray(self.scale * self.se * ratio)

    def adjusted_t(self, of_x: FloatArray, of_y: FloatArray, reduce: bool = True, null: float = 0.0) -> FloatArray:
        """Return the t statistic of a null with a confounder in the regression."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((self.adjusted(of_x, of_y, reduce) - null) / self.adjusted_se(of_x, of_y))

    def critical(self, level: float, df: float | None = None) -> float:
        """Return the critical value of t, two-sided, with one degree of freedom less; or with others, or the normal."""
        free = self.df - 1 if df is None else df
        return float(scipy.stats.t.ppf((1 + level) / 2, free))


def bounds(of_x: float, of_y: float, times_x: FloatArray, times_y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the partial R², with the regressor and with the outcome, of confounders as strong as controls some times.

    ``of_x`` and ``of_y`` are those of the controls, beside the other controls (and the regressor). Not a number where
    no confounder is as strong, since one of them would have to be one or more. sensemakr sets that with the outcome to
    one, warns, and gives a standard error of zero.

    Cinelli & Hazlett (2020), section 4.4, the confounder orthogonal to the controls.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        with_x = times_x * of_x / (1 - of_x)
        shared = times_x * of_x**2 / ((1 - times_x * of_x) * (1 - of_x))
        possible = (with_x < 1) & (shared < 1) & (times_x * of_x < 1)
        factor = (np.sqrt(times_y) + np.sqrt(np.where(possible, shared, np.nan))) / np.sqrt(1 - shared)
        with_y = factor**2 * of_y / (1 - of_y)
        possible &= with_y < 1
    return np.where(possible, with_x, np.nan), np.where(possible, with_y, np.nan)
