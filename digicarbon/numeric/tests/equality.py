"""Wald tests of linear restrictions, and of equal coefficients in several groups."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy

from digicarbon.arrays import FloatArray


@dataclass(frozen=True)
class WaldTest:
    """A Wald test.

    ``statistic``: F, or χ² where the model's reference distribution is normal; not-a-number where the covariance of the
    restrictions is singular. ``df``: number of restrictions. ``df_denominator``: not-a-number for χ².
    """

    statistic: float
    df: float
    df_denominator: float
    p: float


def wald_test(restrictions: FloatArray, coef: FloatArray, covariance: FloatArray, df: float | None) -> WaldTest:
    """Return the test of Rb = 0.

    ``restrictions``, shape (q, p): R, of full row rank. ``coef``: shape (p,). ``covariance``: shape (p, p). ``df``:
    degrees of freedom of the model's t distribution: W/q is F(q, df). None: W is χ²(q).
    """
    q = len(restrictions)
    denominator = math.nan if df is None else float(df)
    distance = restrictions @ coef
    variance = restrictions @ covariance @ restrictions.T
    scale = np.sqrt(np.maximum(np.diag(variance), 0.0))
    # a clustered covariance has at most as many dimensions as clusters less one
    if not (scale > 0).all() or np.linalg.eigvalsh(variance / np.outer(scale, scale))[0] < 1e-10:
        return WaldTest(math.nan, float(q), denominator, math.nan)
    value = float(distance @ np.linalg.solve(variance, distance))
    if df is None:
        return WaldTest(value, float(q), denominator, float(scipy.special.chdtrc(q, value)))
    return WaldTest(value / q, float(q), denominator, float(scipy.special.fdtrc(q, df, value / q)))


def equality(coef: FloatArray, covariance: FloatArray, terms: int, groups: int, df: float | None) -> WaldTest:
    """Return the test that each term has one coefficient in all groups; they are ordered by term, then by group."""
    return wald_test(against_first(terms, groups), coef, covariance, df)


def against_first(terms: int, groups: int) -> FloatArray:
    """Return the differences of each term's coefficients from that of the first group, shape (q, terms · groups)."""
    differences = np.column_stack([-np.ones(groups - 1), np.eye(groups - 1)])
    return np.asarray(np.kron(np.eye(terms), differences), dtype=np.float64)
