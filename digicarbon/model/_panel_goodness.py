"""How well a panel regression fits, and the joint test of its slopes."""

from __future__ import annotations

import math

import numpy as np
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.model._panel_columns import Columns
from digicarbon.numeric.linear.least_squares import Fit
from digicarbon.result import Inference, Role


def goodness(columns: Columns, fit: Fit, df_resid: int, random: bool) -> dict[str, float]:
    """Return R², the error variance, and with fixed effects or none the log-likelihood and information criteria."""
    nobs, y, weighting = len(columns.values), columns.unscaled[:, -1], columns.weighting
    total = y if random else columns.outcome
    if weighting is None:
        around, inner = map(variation, (total, y))
    else:
        around, inner = map(weighting.variation, (total, y))
    found = {
        "r2": 1 - fit.ssr / around,
        "r2_within": 1 - fit.ssr / inner,
        "sigma2": fit.ssr / df_resid,
        "df_resid": float(df_resid),
    }
    if random:
        del found["r2_within"]
        return found
    loglik = -nobs / 2 * (math.log(2 * math.pi * fit.ssr / nobs) + 1) if fit.ssr > 0 else math.inf
    if weighting is not None:
        # variances of errors are one over the weights, as in R's logLik
        loglik += float(np.log(weighting.values).sum()) / 2
    return found | criteria(loglik, nobs - df_resid, nobs)


def criteria(loglik: float, parameters: int, size: int) -> dict[str, float]:
    """Return a log-likelihood and the criteria of Akaike and Schwarz."""
    return {
        "loglik": loglik,
        "aic": 2 * parameters - 2 * loglik,
        "bic": parameters * math.log(size) - 2 * loglik,
    }


def variation(values: FloatArray) -> float:
    """Return the sum of squared deviations from the mean."""
    around = values - np.add.reduce(values) / len(values)
    return float(around @ around)


def joint_test(
    roles: tuple[Role, ...], coef: FloatArray, covariance: FloatArray, inference: Inference
) -> dict[str, float]:
    """Return the test that all slopes are zero: F, or chi² where the normal distribution is taken."""
    slopes = [j for j, role in enumerate(roles) if role.kind == "regressor"]
    k = len(slopes)
    if k < len(roles):
        covariance, coef = covariance[np.ix_(slopes, slopes)], coef[slopes]
    _, solved, failed = scipy.linalg.lapack.dposv(covariance, coef)
    if failed:
        # fewer clusters than slopes: the joint test does not exist
        return {}
    wald = float(coef @ solved)
    if inference.df is None:
        return {"chi2": wald, "chi2_p": float(scipy.special.chdtrc(k, wald))}
    return {"f": wald / k, "f_p": float(scipy.special.fdtrc(k, inference.df, wald / k))}
