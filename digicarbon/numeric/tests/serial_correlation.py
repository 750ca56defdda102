"""Tests for serial correlation of the errors of a panel regression."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import scipy

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.errors import EstimationError
from digicarbon.note import Note
from digicarbon.numeric.linear.statistic import Statistic, chi2, f
from digicarbon.numeric.tests.auxiliary_regression import regress

DifferenceNull = Literal["levels", "differences"]


def wooldridge_within(residuals: FloatArray, unit_codes: IntArray, periods: int) -> Statistic:
    """Return Wooldridge's test after fixed effects, of residuals of a balanced panel of three periods or more.

    Without serial correlation the within residuals of a unit correlate with -1/(T - 1). The test is that this is the
    slope of a residual on the previous one, with a covariance clustered by unit (Wooldridge 2010, sec. 10.5.4; plm's
    ``pwartest``, whose F has the residual degrees of freedom of that regression). Rows are sorted by unit and period.
    """
    _refuse_short(periods)
    return _slope_test(residuals, unit_codes, _before(unit_codes), -1 / (periods - 1))


def wooldridge_difference(
    y: FloatArray, x: FloatArray, unit_codes: IntArray, null: DifferenceNull = "levels"
) -> Statistic:
    """Return Wooldridge's test after first differences between neighbouring rows of a unit.

    The null is no serial correlation of the errors in levels (slope -1/2), or of their differences (slope 0).
    Wooldridge (2010, sec. 10.6.3); plm's ``pwfdtest`` with ``h0 = "fe"`` and ``"fd"``. Both regressions have a
    constant.
    """
    later = _before(unit_codes)
    _refuse_few(len(later) - x.shape[1])
    dy, dx, codes = y[later] - y[later - 1], x[later] - x[later - 1], unit_codes[later]
    residuals = regress(dy, np.column_stack([np.ones(len(dy)), dx])).residuals
    return _slope_test(residuals, codes, _before(codes), -0.5 if null == "levels" else 0.0)


def wooldridge_stata(y: FloatArray, x: FloatArray, unit_codes: IntArray, period_codes: IntArray) -> Statistic:
    """Return the test for serial correlation of errors in levels as in Stata's ``xtserial``.

    Drukker (2003): no constants, the slope of a differenced residual on the previous one is -1/2 under the null, its
    covariance is clustered by unit with G/(G - 1), and F has G - 1 degrees of freedom. Rows are sorted by unit and
    period; a difference needs two neighbouring periods.
    """
    rows = _next(unit_codes, period_codes)
    _refuse_few(len(rows) - x.shape[1])
    residuals = regress(y[rows] - y[rows - 1], x[rows] - x[rows - 1]).residuals
    codes = unit_codes[rows]
    later = _next(codes, period_codes[rows])
    _refuse_few(len(later))
    fit = regress(residuals[later], residuals[later - 1][:, None])
    clusters = _dense(codes[later])
    groups = int(clusters.max()) + 1
    _refuse_one(groups)
    variance = float(fit.clustered(clusters)[0, 0]) * groups / (groups - 1)
    return f(float(fit.coef[0] + 0.5) ** 2 / variance, 1, groups - 1)


def breusch_godfrey(residuals: FloatArray, design: FloatArray, order: int = 1) -> Statistic:
    """Return the Breusch–Godfrey test on the (quasi-)demeaned regression, rows sorted by unit and period.

    R² times rows of the regression of residuals on the design, transformed alike, and so many of their lags, zero where
    there is none (Breusch 1978; Godfrey 1978); plm's ``pbgtest``. As there, lags run over the boundary between units,
    and the correlation of -1/(T - 1) that demeaning causes is not corrected for: the test is for long panels only.
    """
    lags = [np.concatenate([np.zeros(lag), residuals[:-lag]]) for lag in range(1, order + 1)]
    fit = regress(residuals, np.column_stack([design, *lags]))
    total = float(residuals @ residuals)
    return chi2(len(residuals) * (1 - fit.ssr / total), order)


def baltagi_li(y: FloatArray, x: FloatArray, units: int) -> Statistic:
    """Return Baltagi & Li's test for serial correlation beside random unit effects, of a balanced panel sorted by unit.

    Two-sided Lagrange multiplier test for first-order autoregressive or moving-average errors with random effects, at
    the maximum-likelihood estimates (Baltagi & Li 1995, Journal of Econometrics 68, LM₄ squared); plm's ``pbltest``. x
    has no constant.
    """
    t = len(y) // units
    _refuse_short(t)
    _refuse_one(units)
    errors = _maximum_likelihood_errors(y, np.column_stack([np.ones(len(y)), x]), units).reshape(units, t)
    between = errors.mean(axis=1)
    within = errors - between[:, None]
    sigma2 = float((within**2).sum()) / (units * (t - 1))
    sigma1 = t * float((between**2).sum()) / units
    if sigma1 <= 1e-12 * sigma2:
        raise EstimationError(Note("means_explained", units=units))
    weighted = within / sigma2 + between[:, None] / sigma1
    # e′(I ⊗ A G A)e with G ones beside the diagonal: twice the product of neighbours
    neighbours = 2 * float((weighted[:, 1:] * weighted[:, :-1]).sum())
    score = units * (t - 1) / t * (sigma1 - sigma2) / sigma1 + sigma2 / 2 * neighbours
    a = (sigma2 - sigma1) / (t * sigma1)
    rho = units * (2 * a**2 * (t - 1) ** 2 + 2 * a * (2 * t - 3) + (t - 1))
    unit = units * (t - 1) * sigma2 / sigma1**2
    error = units * (t - 1) / t * sigma2 * (1 / sigma1**2 - 1 / sigma2**2)
    unit_unit, unit_error = units * t**2 / (2 * sigma1**2), units * t / (2 * sigma1**2)
    error_error = units / 2 * (1 / sigma1**2 + (t - 1) / sigma2**2)
    information = np.array([[rho, unit, error], [unit, unit_unit, unit_error], [error, unit_error, error_error]])
    scale = np.sqrt(information.diagonal())
    inverse = np.linalg.inv(information / np.outer(scale, scale))[0, 0] / rho
    return chi2(score**2 * float(inverse), 1)


def _maximum_likelihood_errors(y: FloatArray, z: FloatArray, units: int) -> FloatArray:
    """Return y - Zβ̂ of the random effects model by maximum likelihood, shape (rows,)."""
    t = len(y) // units
    columns = np.column_stack([y, z]).reshape(units, t, -1)
    between = columns.mean(axis=1, keepdims=True)
    within = (columns - between).reshape(len(y), -1)
    # between columns on the same scale as the within ones, with the weight φ²
    between = between[:, 0] * math.sqrt(t)

    def slopes(phi: float) -> tuple[FloatArray, float]:
        stacked = np.vstack([within, phi * between])
        fit = regress(stacked[:, 0], stacked[:, 1:])
        return fit.coef, fit.ssr

    def deviance(log_phi: float) -> float:
        return len(y) * math.log(slopes(math.exp(log_phi))[1]) - 2 * units * log_phi

    # φ² = σ²_ν/(σ²_ν + Tσ²_μ) is between 0 and 1
    optimum = scipy.optimize.minimize_scalar(deviance, bounds=(-12.0, 0.0), method="bounded", options={"xatol": 1e-10})
    return np.asarray(y - z @ slopes(math.exp(float(optimum.x)))[0])


def _slope_test(residuals: FloatArray, codes: IntArray, later: IntArray, null: float) -> Statistic:
    _refuse_few(len(later))
    _refuse_one(len(np.unique(codes[later])))
    fit = regress(residuals[later], np.column_stack([np.ones(len(later)), residuals[later - 1]]))
    variance = float(fit.clustered(_dense(codes[later]))[1, 1])
    return f(float(fit.coef[1] - null) ** 2 / variance, 1, len(later) - 2)


def _before(unit_codes: IntArray) -> IntArray:
    """Return the rows that follow a row of the same unit."""
    return np.flatnonzero(unit_codes[1:] == unit_codes[:-1]) + 1


def _next(unit_codes: IntArray, period_codes: IntArray) -> IntArray:
    """Return the rows that follow a row of the same unit in the period before."""
    later = _before(unit_codes)
    return np.asarray(later[period_codes[later] == period_codes[later - 1] + 1])


def _dense(codes: IntArray) -> IntArray:
    return np.unique(codes, return_inverse=True)[1].astype(np.int64)


def _refuse_short(periods: int) -> None:
    if periods < 3:
        raise EstimationError(Note("few_periods_for_serial", periods=periods))


def _refuse_few(rows: int) -> None:
    if rows < 3:
        raise EstimationError(Note("few_neighbouring_periods"))


def _refuse_one(units: int) -> None:
    if units < 2:
        raise EstimationError(Note("serial_one_unit"))
