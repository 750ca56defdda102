"""How well a panel regression fits, and the joint test of its slopes."""

from __future__ import annotations

import numpy as np
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.model._panel_columns import Columns
from digicarbon.numeric.linear.least_squares import Fit
from digicarbon.result import Inference, Role


def goodness(columns: Columns, fit: Fit, df_resid: int, random: bool) -> dict[str, float]:
    """Return R², the error variance, and with fixed effects or none the log-likelihood and information criteria.

    Parameters
    ----------
    columns : Columns
    fit : Fit
    df_resid : int
    random : bool
        Whether effects are random.
    """
    nobs, y, weighting = len(columns.values), columns.unscaled[:, -1], columns.weighting
    total = y if random else columns.outcome
    if weighting is None:
        around = float(((total - total.mean()) ** 2).sum())
        inner = float(((y - y.mean()) ** 2).sum())
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
    loglik = -nobs / 2 * (np.log(2 * np.pi * fit.ssr / nobs) + 1)
    if weighting is not None:
        # variances of errors are one over the weights, as in R's logLik
        loglik += float(np.log(weighting.values).sum()) / 2
    parameters = nobs - df_resid
    return found | {
        "loglik": float(loglik),
        "aic": 2.0 * parameters - 2 * float(loglik),
        "bic": float(np.log(nobs)) * parameters - 2 * float(loglik),
    }


def joint_test(
    roles: tuple[Role, ...], coef: FloatArray, covariance: FloatArray, inference: Inference
) -> dict[str, float]:
    """Return the test that all slopes are zero: F, or chi² where the normal distribution is taken."""
    slopes = [j for j, role in enumerate(roles) if role.kind == "regressor"]
    k = len(slopes)
    _, solved, failed = scipy.linalg.lapack.dposv(covariance[np.ix_(slopes, slopes)], coef[slopes])
    if failed:
        # fewer clusters than slopes: the joint test does not exist
        return {}
    wald = float(coef[slopes] @ solved)
    if inference.df is None:
        return {"chi2": wald, "chi2_p": float(scipy.special.chdtrc(k, wald))}
    return {"f": wald / k, "f_p": float(scipy.special.fdtrc(k, inference.df, wald / k))}
