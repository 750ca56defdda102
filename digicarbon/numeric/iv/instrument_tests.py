"""Tests of overidentifying restrictions and of endogeneity."""

from __future__ import annotations

import math

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.iv.reduced_form import ErrorStructure, FTest, middle, quadratic_form, reduced_form
from digicarbon.numeric.linear.least_squares import solve
from digicarbon.numeric.linear.statistic import Statistic, chi2


def overidentification(
    y: FloatArray, x: FloatArray, z: FloatArray, residuals: FloatArray, errors: ErrorStructure
) -> Statistic:
    """Test that the excluded instruments are uncorrelated with the error.

    ``y``, ``residuals``, shape (rows,): the outcome, effects and included exogenous regressors partialled out, and the
    residuals of the fit. ``x``, shape (rows, m): endogenous regressors, likewise partialled out. ``z``, shape (rows,
    q): excluded instruments, likewise.

    Returns χ² with q - m degrees of freedom; not-a-number where the equation is exactly identified or the moments'
    covariance is singular.

    Classic errors: Sargan's (1958) statistic. Otherwise Hansen's (1982) J of the two-step GMM estimator whose weights
    come from ``residuals``, as Stata's ivreg2 prints after 2SLS and LIML.
    """
    rows, extra = len(y), z.shape[1] - x.shape[1]
    if extra == 0:
        return Statistic(math.nan, 0.0, math.nan)
    share = errors.effective(rows) / rows
    if errors.kind == "classic":
        moments = z.T @ residuals
        explained = moments @ np.linalg.solve(z.T @ z, moments)
        return chi2(float(rows * share * explained / (residuals @ residuals)), extra)
    covariance = middle(z, residuals[:, None], errors)
    if math.isnan(quadratic_form(np.ones(len(covariance)), covariance)):
        return Statistic(math.nan, float(extra), math.nan)
    slopes, start = z.T @ x, z.T @ y
    solution = np.linalg.solve(covariance, np.column_stack([slopes, start]))
    estimate = np.linalg.solve(slopes.T @ solution[:, :-1], slopes.T @ solution[:, -1])
    return chi2(share * quadratic_form(start - slopes @ estimate, covariance), extra)


def endogeneity(y: FloatArray, x: FloatArray, z: FloatArray, errors: ErrorStructure, partialled: int) -> FTest:
    """Test that the regressors are exogenous: first-stage residuals have no effect beside them (Durbin, Wu, Hausman).

    ``y``, ``x``, ``z``: as in `overidentification`. ``partialled``: included exogenous regressors that were partialled
    out, the constant among them.

    The regression form (Hausman 1978; Wooldridge 2010, sec. 6.3.1) with the model's covariance: Wu and Hausman's F
    where that is classic, Stata's ``estat endogenous`` after ``ivregress``.
    """
    m = x.shape[1]
    control = x - z @ solve(z, x)
    form = reduced_form(y[:, None], np.column_stack([x, control]), errors, partialled)
    covariance = form.covariance[0, m:, 0, m:]
    return FTest.of(quadratic_form(form.coef[m:, 0], covariance), m, form.df)
