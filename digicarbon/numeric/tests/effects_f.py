"""F tests of fixed effects, and the unit effects themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.errors import EstimationError
from digicarbon.note import Note
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.linear.statistic import Statistic, f
from digicarbon.numeric.linear.within import EffectsKind, without_effects
from digicarbon.numeric.tests.auxiliary_regression import identified, regress


def effects_f(
    y: FloatArray,
    x: FloatArray,
    unit_codes: IntArray,
    period_codes: IntArray,
    larger: EffectsKind,
    smaller: EffectsKind = "none",
) -> Statistic:
    """Return the F test of the effects that a larger model has beyond a smaller one; ``none`` is that with a constant.

    ``x``, shape (rows, k): without a constant, columns independent of each other. The panel may be unbalanced. Raises
    EstimationError if no degree of freedom is left.

    F = ((S₀ - S₁)/(d₀ - d₁)) / (S₁/d₁) with sums of squared residuals S and degrees of freedom d of the smaller and the
    larger model (Baltagi 2021, eq. 2.12 and 3.9); plm's ``pFtest`` and the F test below Stata's ``xtreg, fe``. It
    assumes errors that are neither heteroskedastic nor serially correlated.
    """
    restricted, df0 = _sum_of_squares(y, x, unit_codes, period_codes, smaller)
    squares, df1 = _sum_of_squares(y, x, unit_codes, period_codes, larger)
    if df1 <= 0:
        raise EstimationError(Note("f_without_df", effects=larger, observations=len(y)))
    if squares <= 1e-20 * restricted:
        raise EstimationError(Note("f_exact_fit", effects=larger))
    if df0 <= df1:
        raise EstimationError(Note("effects_add_nothing", larger=larger, smaller=smaller))
    return f((restricted - squares) / squares / (df0 - df1) * df1, df0 - df1, df1)


def _sum_of_squares(
    y: FloatArray, x: FloatArray, unit_codes: IntArray, period_codes: IntArray, effects: EffectsKind
) -> tuple[float, int]:
    columns = np.column_stack([y, x])
    within, absorbed = without_effects(columns, unit_codes, period_codes, effects)
    varying = identified(within[:, 1:], x)
    fit = regress(within[:, 0], within[:, 1:][:, varying])
    return fit.ssr, len(y) - absorbed - len(varying)


@dataclass(frozen=True, eq=False)
class UnitEffects:
    """Unit effects of a regression with unit dummies, as deviations from their mean, with classic standard errors.

    p is of the two-sided t test that a unit is like the average unit.
    """

    values: FloatArray
    se: FloatArray
    p: FloatArray


def unit_effects(y: FloatArray, x: FloatArray, unit_codes: IntArray) -> UnitEffects:
    """Return the unit effects of a least-squares dummy-variable regression.

    What does not vary within units is part of their effects. α̂_i = ȳ_i - x̄_i′β̂ less the mean of all α̂; the
    covariance is that of ``regress y x i.unit``, where each unit is compared with the first one. The mean does not
    depend on which unit is called the first.
    """
    group = Groups.coded(unit_codes)
    if group.count < 2:
        raise EstimationError(Note("one_unit_effect"))
    columns = np.column_stack([y, x])
    means = group.averages(columns)
    within = columns - means[unit_codes]
    varying = identified(within[:, 1:], x)
    means, within = means[:, [0, *(j + 1 for j in varying)]], within[:, [0, *(j + 1 for j in varying)]]
    fit = regress(within[:, 0], within[:, 1:])
    df = len(y) - group.count - len(varying)
    if df <= 0:
        raise EstimationError(Note("unit_effects_without_df", effects=group.count, observations=len(y)))
    alpha = means[:, 0] - means[:, 1:] @ fit.coef
    deviations = means[:, 1:] - means[:, 1:].mean(axis=0)
    shares = 1 / group.sizes
    # the variance of α̂_i less the mean of all α̂: first the part of the means, then the part of the slopes
    mean_variance = shares * (1 - 2 / group.count) + shares.sum() / group.count**2
    variance = fit.ssr / df * (mean_variance + np.einsum("ij,jk,ik->i", deviations, fit.inverse, deviations))
    values, se = alpha - alpha.mean(), np.sqrt(variance)
    return UnitEffects(values, se, np.asarray(2 * scipy.special.stdtr(df, -np.abs(values / se))))
