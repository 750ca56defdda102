"""A test for heteroskedasticity."""

from __future__ import annotations

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.statistic import Statistic, chi2
from digicarbon.numeric.tests.auxiliary_regression import regress


def studentized_breusch_pagan(residuals: FloatArray, x: FloatArray) -> Statistic:
    """Return Koenker's form of the Breusch–Pagan test; x, shape (rows, k), is what the variance may depend on.

    Rows times R² of the regression of squared residuals on a constant and x (Koenker 1981): does not need normal
    errors, unlike Breusch & Pagan (1979). R's ``lmtest::bptest``; Stata's ``estat hettest, rhs iid``.
    """
    squares = residuals**2
    fit = regress(squares, np.column_stack([np.ones(len(squares)), x]))
    total = float(((squares - squares.mean()) ** 2).sum())
    return chi2(len(squares) * (1 - fit.ssr / total), x.shape[1])
