"""A test statistic with its degrees of freedom and p value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import scipy

Sides = Literal["two", "greater"]


@dataclass(frozen=True)
class Statistic:
    """Outcome of a test.

    ``df``: degrees of freedom of χ², or of F's numerator; not-a-number where the reference distribution has none.
    ``p``: not-a-number where the value cannot come from the reference distribution. ``df2``: degrees of freedom of F's
    denominator.
    """

    value: float
    df: float
    p: float
    df2: float = math.nan


def chi2(value: float, df: int) -> Statistic:
    """Return a statistic that is χ² with ``df`` degrees of freedom under the null; a negative one has no p value."""
    return Statistic(value, float(df), float(scipy.special.chdtrc(df, value)) if value >= 0 else math.nan)


def f(value: float, df: int, df2: int) -> Statistic:
    """Return a statistic that is F with ``df`` and ``df2`` degrees of freedom under the null."""
    return Statistic(value, float(df), float(scipy.special.fdtrc(df, df2, value)), float(df2))


def normal(value: float, sides: Sides = "two") -> Statistic:
    """Return a statistic that is standard normal under the null."""
    p = 2 * scipy.special.ndtr(-abs(value)) if sides == "two" else scipy.special.ndtr(-value)
    return Statistic(value, math.nan, float(p))
