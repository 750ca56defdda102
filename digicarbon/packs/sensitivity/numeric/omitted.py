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

    Attributes
    ----------
    coef : float
    se : float
        By the classic covariance, of which partial R² are made.
    df : float
        Residual degrees of freedom.
    scale : float
        How many times larger the standard error is that is shown.
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
        """Return the partial R² with both which a confounder needs to take away a share of the coefficient.

        Parameters
        ----------
        q : float
            The share.
        critical : float
            Instead of the coefficient being down to 1 - q of itself: its t statistic against that falls to this.

        Returns
        -------
        float
            Between 0 and 1.
        """
        return float(robustness_value(np.array(self.coef / self.se), self.df, q, critical * self.scale))

    def adjusted(self, of_x: FloatArray, of_y: FloatArray, reduce: bool = True) -> FloatArray:
        """Return the coefficient with a confounder in the regression; arrays of partial R² are broadcast.

        Parameters
        ----------
        of_x, of_y : ndarray
            Partial R² of the confounder with the regressor, and with the outcome beside the regressor.
        reduce : bool
            Whether the confounder pulls the estimate away from zero, so that the coefficient without bias is smaller.
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
    """Return the partial R² of confounders that are some times as strong as observed controls.

    Parameters
    ----------
    of_x : float
        Partial R² of the controls with the regressor, beside the other controls.
    of_y : float
        With the outcome, beside the regressor and the other controls.
    times_x, times_y : ndarray
        How many times as strong, for the regressor and for the outcome.

    Returns
    -------
    tuple of ndarray
        Partial R² with the regressor and with the outcome; not a number where no confounder is as strong, since one of
        them would have to be one or more. sensemakr sets that with the outcome to one, warns, and gives a standard
        error of zero.

    Notes
    -----
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
