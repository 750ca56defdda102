"""Wald tests of equal coefficients."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from digicarbon.numeric.tests.equality import equality, wald_test


def test_classic_f_is_the_ratio_of_sums_of_squares() -> None:
    rng = np.random.default_rng(1)
    x, group = rng.normal(size=(60, 2)), np.repeat([0, 1, 2], 20)
    split = np.column_stack([x[:, [j]] * (group[:, None] == np.arange(3)) for j in range(2)])
    y = x @ [1.0, 2.0] + rng.normal(size=60)
    bread = np.linalg.inv(split.T @ split)
    beta = bread @ split.T @ y
    full = float(((y - split @ beta) ** 2).sum())
    restricted = float(np.linalg.lstsq(x, y, rcond=None)[1][0])
    found = equality(beta, bread * full / 54, terms=2, groups=3, df=54.0)
    f = (restricted - full) / 4 / (full / 54)
    assert found.statistic == pytest.approx(f, rel=1e-10)
    assert (found.df, found.df_denominator) == (4.0, 54.0)
    assert found.p == pytest.approx(stats.f.sf(f, 4, 54), rel=1e-10)


def test_without_degrees_of_freedom_it_is_chi2() -> None:
    found = wald_test(np.eye(2), np.array([1.0, 2.0]), np.diag([0.5, 2.0]), None)
    assert found.statistic == pytest.approx(4.0)
    assert math.isnan(found.df_denominator)
    assert found.p == pytest.approx(stats.chi2.sf(4.0, 2), rel=1e-12)


def test_a_singular_covariance_has_no_statistic() -> None:
    found = wald_test(np.eye(2), np.ones(2), np.ones((2, 2)), 5.0)
    assert math.isnan(found.statistic)
    assert math.isnan(found.p)
    assert found.df == 2
