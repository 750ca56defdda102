"""Random against fixed effects: Hausman's contrast in its forms, and the regression that can be made robust."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.errors import EstimationError
from digicarbon.note import Note
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.linear.random_effects import FIXED, Components, Method, RandomEffects, components, quasi_demean
from digicarbon.numeric.linear.statistic import Statistic, f
from digicarbon.numeric.linear.within import without_effects
from digicarbon.numeric.tests.auxiliary_regression import Regression, identified, regress
from digicarbon.numeric.tests.nested import Hausman, hausman, wald

HausmanForm = Literal["classic", "sigmamore", "sigmaless"]
AuxiliaryCovariance = Literal["classic", "hc0", "sss", "stata"]


@dataclass(frozen=True, eq=False)
class Contrast:
    """A fixed and a random effects fit of the same rows.

    ``fixed`` is of the columns without effects, those compared first; ``random`` of the quasi-demeaned columns, the
    constant first. ``compared`` says which columns of x vary beside the fixed effects; only these are compared.
    """

    components: Components
    fixed: Regression
    random: Regression
    fixed_df: int
    random_df: int
    compared: tuple[int, ...]
    unit_codes: IntArray


def contrast(
    y: FloatArray,
    x: FloatArray,
    unit_codes: IntArray,
    period_codes: IntArray,
    effects: RandomEffects = "random",
    method: Method = "swamy_arora",
    held: FloatArray | None = None,
) -> Contrast:
    """Fit the fixed and the random effects model; see `digicarbon.numeric.linear.random_effects.components`.

    x, shape (rows, k), has no constant and independent columns; ``held`` are columns of both models that are not
    compared, e.g. period dummies, whose coefficients do not differ. An `EstimationError` says that one of the two does
    not exist, or no regressor varies beside the fixed effects.
    """
    every = x if held is None else np.column_stack([x, held])
    variances = components(y, every, unit_codes, period_codes, effects, method)
    columns = np.column_stack([y, every])
    within, absorbed = without_effects(columns, unit_codes, period_codes, FIXED[effects])
    varying = identified(within[:, 1:], every)
    compared = tuple(j for j in varying if j < x.shape[1])
    if not compared:
        raise EstimationError(Note("nothing_to_contrast"))
    fixed = regress(within[:, 0], within[:, 1:][:, varying])
    demeaned = quasi_demean(np.column_stack([y, np.ones(len(y)), every]), unit_codes, period_codes, variances)
    random = regress(demeaned[:, 0], demeaned[:, 1:])
    rows, k = every.shape
    return Contrast(variances, fixed, random, rows - absorbed - len(varying), rows - k - 1, compared, unit_codes)


def hausman_contrast(fits: Contrast, form: HausmanForm = "classic") -> Hausman:
    """Return Hausman's statistic d′(V_FE - V_RE)⁻¹d (Hausman 1978).

    ``classic``: each covariance with its own σ² (Stata's ``hausman``, plm's ``phtest``); the difference can be
    indefinite. ``sigmamore``: both with the random effects' σ²; ``sigmaless``: both with the fixed effects'. With one
    σ² the difference is a covariance. plm's ``phtest`` takes the absolute value of a negative statistic; ours is
    reported as it is.
    """
    fixed_sigma2 = fits.fixed.ssr / fits.fixed_df
    random_sigma2 = fits.random.ssr / fits.random_df
    if form == "sigmamore":
        fixed_sigma2 = random_sigma2
    elif form == "sigmaless":
        random_sigma2 = fixed_sigma2
    m, positions = len(fits.compared), [j + 1 for j in fits.compared]
    difference = fits.fixed.coef[:m] - fits.random.coef[positions]
    covariance = (
        fixed_sigma2 * fits.fixed.inverse[:m, :m] - random_sigma2 * fits.random.inverse[np.ix_(positions, positions)]
    )
    return hausman(difference, covariance)


def auxiliary(fits: Contrast, covariance: AuxiliaryCovariance = "classic") -> Statistic:
    """Return the regression form of the Hausman test.

    The covariance is homoskedastic; clustered by unit without a factor (``hc0``, plm's ``vcovHC``); clustered with
    G/(G-1)·(R-1)/(R-K), R rows (``sss``, plm's ``type = "sss"``); the same with F and G - 1 degrees of freedom in place
    of χ² (``stata``), as ``test`` after ``regress, vce(cluster)`` in Stata, which rejects less often with few units.

    The quasi-demeaned outcome on the quasi-demeaned regressors and the regressors without effects, whose coefficients
    are zero if random effects hold (Wooldridge 2010, sec. 10.7.3). The clustered forms allow for heteroskedasticity and
    serial correlation, under which Hausman's contrast has no χ² distribution. In an unbalanced panel the constant is
    quasi-demeaned like any other column; plm's ``phtest(method = "aux")`` leaves it at one.
    """
    response = fits.random.residuals + fits.random.design @ fits.random.coef
    compared = fits.fixed.design[:, : len(fits.compared)]
    fit = regress(response, np.column_stack([fits.random.design, compared]))
    rows, k = fit.design.shape
    groups = Groups.coded(fits.unit_codes).count
    factor = groups / (groups - 1) * (rows - 1) / (rows - k) if covariance in ("sss", "stata") else 1.0
    clustered = factor * fit.clustered(fits.unit_codes)
    used_covariance = fit.ssr / (rows - k) * fit.inverse if covariance == "classic" else clustered
    last = slice(k - len(fits.compared), k)
    if (clustered.diagonal()[last] <= 1e-12 * fit.ssr / (rows - k) * fit.inverse.diagonal()[last]).any():
        raise EstimationError(Note("scores_cancel", units=groups))
    statistic = wald(fit.coef[last], used_covariance[last, last])
    m = len(fits.compared)
    return f(statistic.value / m, m, groups - 1) if covariance == "stata" else statistic
