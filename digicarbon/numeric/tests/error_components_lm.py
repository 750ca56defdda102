"""Lagrange multiplier tests of random unit and time effects after pooled least squares."""

from __future__ import annotations

import math
from dataclasses import dataclass

import scipy

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.linear.statistic import Statistic, chi2, normal

NONE = Statistic(math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class ErrorComponents:
    """Tests that no variance component of unit, of period, or of either kind exists.

    Tests of units are not-a-number where there is one unit or no unit is observed twice; tests of periods likewise;
    tests of both kinds where one of these is not-a-number. Breusch and Pagan's are two-sided, χ² with 1, 1 and 2
    degrees of freedom; ``half`` is Stata's ``xttest0``: a variance cannot be negative, so that the statistic is cut at
    zero and p is half of χ²'s. Honda's and King and Wu's are one-sided, standard normal (with one kind of effects the
    same); Gourieroux, Holly and Monfort's is one-sided for both kinds, a mixture of χ² with 0, 1 and 2 degrees of
    freedom.
    """

    breusch_pagan_unit: Statistic
    breusch_pagan_time: Statistic
    breusch_pagan_two_way: Statistic
    half_unit: Statistic
    half_time: Statistic
    honda_unit: Statistic
    honda_time: Statistic
    honda_two_way: Statistic
    king_wu_two_way: Statistic
    gourieroux_holly_monfort: Statistic


def error_components(residuals: FloatArray, unit_codes: IntArray, period_codes: IntArray) -> ErrorComponents:
    """Return Lagrange multiplier tests of random effects, of residuals of pooled least squares with a constant.

    The panel may be unbalanced. With A = Σ_g (Σ e)²/Σ e² - 1 over groups g of sizes n_g, LM = R A / √(2(Σ n_g² - R)), R
    rows (Baltagi 2021, sec. 4.2 and 9.5): Breusch & Pagan (1980) and Baltagi & Li (1990) LM², Honda (1985) LM, both
    kinds (LM₁ + LM₂)/√2; King & Wu (1997) weights by √(Σ n_g² - R); Gourieroux, Holly & Monfort (1982) max(0, LM₁)² +
    max(0, LM₂)².
    """
    one, one_weight = _score(residuals, unit_codes)
    two, two_weight = _score(residuals, period_codes)
    both = math.hypot(one_weight, two_weight)
    return ErrorComponents(
        breusch_pagan_unit=_squared(one**2, 1),
        breusch_pagan_time=_squared(two**2, 1),
        breusch_pagan_two_way=_squared(one**2 + two**2, 2),
        half_unit=_half(one),
        half_time=_half(two),
        honda_unit=_one_sided(one),
        honda_time=_one_sided(two),
        honda_two_way=_one_sided((one + two) / math.sqrt(2)),
        king_wu_two_way=_one_sided((one_weight * one + two_weight * two) / both),
        gourieroux_holly_monfort=_mixture(_positive(one) ** 2 + _positive(two) ** 2),
    )


def _score(residuals: FloatArray, codes: IntArray) -> tuple[float, float]:
    """Return the standardised score of a variance component and the root of its information."""
    group = Groups.coded(codes)
    rows = len(residuals)
    if group.count < 2 or group.count == rows:
        return math.nan, math.nan
    sums = group.sums(residuals[:, None])[:, 0]
    excess = float(sums @ sums) / float(residuals @ residuals) - 1
    information = math.sqrt(float((group.sizes**2).sum()) - rows)
    return rows * excess / (math.sqrt(2) * information), information


def _positive(score: float) -> float:
    return score if math.isnan(score) else max(0.0, score)


def _squared(value: float, df: int) -> Statistic:
    return NONE if math.isnan(value) else chi2(value, df)


def _one_sided(score: float) -> Statistic:
    return NONE if math.isnan(score) else normal(score, "greater")


def _half(score: float) -> Statistic:
    if math.isnan(score):
        return NONE
    value = max(0.0, score) ** 2
    return Statistic(value, 1.0, float(scipy.special.chdtrc(1, value)) / 2 if score > 0 else 1.0)


def _mixture(value: float) -> Statistic:
    if math.isnan(value):
        return NONE
    p = scipy.special.chdtrc(1, value) / 2 + scipy.special.chdtrc(2, value) / 4 if value > 0 else 1.0
    return Statistic(value, math.nan, float(p))
