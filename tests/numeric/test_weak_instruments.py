"""Parts of the tests of instruments that need no panel."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from digicarbon.numeric.iv.anderson_rubin import confidence_set
from digicarbon.numeric.iv.reduced_form import ErrorStructure, FTest, partial_out, quadratic_form, reduced_form
from digicarbon.numeric.iv.weak_instruments import stock_yogo, strength
from digicarbon.numeric.tests.association import correlations, inflation_factors

# plain linear algebra of well-conditioned matrices
TOLERANCE = 1e-9


def classic(rows: int) -> ErrorStructure:
    return ErrorStructure("classic", (), 0, lambda k: rows / (rows - k), lambda k: rows - k)


def test_quadratic_form_is_scaled_and_knows_what_is_singular() -> None:
    rng = np.random.default_rng(0)
    root = rng.normal(size=(4, 4)) * np.array([1e-6, 1, 1, 1e6])
    covariance, vector = root.T @ root, np.array([1e-6, 1.0, -1.0, 1e6])
    scale = np.array([1e6, 1, 1, 1e-6])
    exact = np.linalg.solve(covariance * np.outer(scale, scale), vector * scale) @ (vector * scale)
    assert quadratic_form(vector, covariance) == pytest.approx(exact, rel=1e-6)
    assert math.isnan(quadratic_form(np.ones(2), np.ones((2, 2))))
    assert math.isnan(quadratic_form(np.ones(2), np.zeros((2, 2))))
    assert math.isnan(FTest.of(math.nan, 2, 10).p)


def test_partialling_out_is_a_regression_on_all() -> None:
    rng = np.random.default_rng(1)
    z, w, y = rng.normal(size=(60, 2)), rng.normal(size=(60, 3)), rng.normal(size=(60, 1))
    form = reduced_form(partial_out(y, w), partial_out(z, w), classic(60), 3)
    full = reduced_form(y, np.column_stack([z, w]), classic(60), 0)
    np.testing.assert_allclose(form.coef, full.coef[:2], rtol=TOLERANCE)
    np.testing.assert_allclose(form.covariance[0, :, 0, :], full.covariance[0, :2, 0, :2], rtol=TOLERANCE)
    assert form.df == full.df == 55
    assert partial_out(y, np.empty((60, 0))) is y


def test_classic_f_is_the_textbook_comparison_of_sums_of_squares() -> None:
    rng = np.random.default_rng(2)
    z = rng.normal(size=(80, 3))
    x = z @ np.array([[0.5], [0.2], [0.0]]) + rng.normal(size=(80, 1))
    found = strength(x, z, classic(80), 0).first_stages[0].f
    ssr = np.linalg.lstsq(z, x, rcond=None)[1][0]
    f = (float((x**2).sum()) - ssr) / 3 / (ssr / 77)
    assert found.value == pytest.approx(f, rel=TOLERANCE)
    assert found.p == pytest.approx(stats.f.sf(f, 3, 77), rel=1e-6)


def test_critical_value_of_equally_spread_instruments_is_a_noncentral_chi2() -> None:
    rng = np.random.default_rng(3)
    z = rng.normal(size=(80, 3))
    x = z.sum(axis=1, keepdims=True) + rng.normal(size=(80, 1))
    # homoskedastic errors: K_eff is the number of instruments
    found = strength(x, z, classic(80), 0).effective_critical
    assert found == pytest.approx(stats.ncx2.ppf(0.95, 3, 30) / 3, rel=1e-6)


@pytest.mark.parametrize(
    ("m", "q", "method", "value"),
    [
        # Stata's ivreg2 prints these (its s_cdsy tables)
        (1, 1, "2sls", 16.38),
        (1, 5, "2sls", 26.87),
        (2, 3, "2sls", 13.43),
        (2, 4, "2sls", 16.87),
        (1, 2, "liml", 8.68),
        (2, 5, "liml", 4.32),
    ],
)
def test_stock_yogo_values_are_those_of_ivreg2(m: int, q: int, method: str, value: float) -> None:
    assert stock_yogo(m, q, method) == value


def test_stock_yogo_values_end() -> None:
    assert math.isnan(stock_yogo(3, 4, "2sls"))
    assert math.isnan(stock_yogo(1, 6, "liml"))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("power", [0.0, 0.1, 1.0])
def test_confidence_set_agrees_with_the_test_on_a_grid(seed: int, power: float) -> None:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(50, 3))
    v = rng.normal(size=50)
    x = power * z.sum(axis=1) + v
    y = x + 0.9 * v + (0.3 + np.abs(z[:, 0])) * rng.normal(size=50) + (seed % 3) * 0.2 * z[:, 2]
    errors = ErrorStructure("robust", (), 0, lambda k: 50 / (50 - k), lambda k: 50 - k)
    intervals = confidence_set(reduced_form(np.column_stack([y, x]), z, errors, 0), 0.9)
    for b in np.concatenate([np.linspace(-20, 20, 401), [-1e4, 1e4]]):
        inside = any(low <= b <= high for low, high in intervals)
        p = reduced_form((y - b * x)[:, None], z, errors, 0).f_test(0).p
        assert inside == (p >= 0.1), (b, p, intervals)


def test_correlations_of_gaps_and_constants() -> None:
    nan = math.nan
    columns = np.array([[1.0, 2.0, 1.0], [2.0, 1.0, 1.0], [3.0, nan, 1.0], [4.0, 5.0, 1.0]])
    found = correlations(columns)
    r, p = stats.pearsonr([1, 2, 4], [2, 1, 5])
    assert (found.r[0, 1], found.p[0, 1], found.count[0, 1]) == (pytest.approx(r), pytest.approx(p), 3)
    assert math.isnan(found.r[0, 2])
    assert math.isnan(found.p[0, 2])
    assert math.isnan(correlations(columns, lost=1).p[0, 1])


def test_inflation_factors_of_orthogonal_columns_are_one() -> None:
    basis, _ = np.linalg.qr(np.random.default_rng(4).normal(size=(30, 4)))
    np.testing.assert_allclose(inflation_factors(basis * np.array([1, 1e6, 1e-6, 5])), 1, rtol=TOLERANCE)
