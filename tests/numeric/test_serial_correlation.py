"""Tests for serial correlation against plm, statsmodels and a dense likelihood."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from conftest import reference
from panel_arrays import Arrays, grunfeld, produc, with_constant
from scipy import optimize

from digicarbon.errors import EstimationError
from digicarbon.numeric.linear.statistic import Statistic
from digicarbon.numeric.linear.within import without_effects
from digicarbon.numeric.tests.auxiliary_regression import Regression, regress
from digicarbon.numeric.tests.serial_correlation import (
    baltagi_li,
    breusch_godfrey,
    wooldridge_difference,
    wooldridge_stata,
    wooldridge_within,
)

# closed forms on both sides
TOLERANCE = 1e-9
PLM = reference("produc_panel_tests")


def within(arrays: Arrays) -> Regression:
    columns, _ = without_effects(np.column_stack([arrays.y, arrays.x]), arrays.unit, arrays.period, "unit")
    return regress(columns[:, 0], columns[:, 1:])


def assert_equal(found: Statistic, record: str, tolerance: float = TOLERANCE) -> None:
    assert found.value == pytest.approx(PLM[record]["statistic"], rel=tolerance)
    df = PLM[record]["df"]
    assert [found.df, found.df2] == df if isinstance(df, list) else found.df == df
    assert found.p == pytest.approx(PLM[record]["p"], rel=1e-6)


def test_equals_plm() -> None:
    arrays = produc()
    fit = within(arrays)
    assert_equal(wooldridge_within(fit.residuals, arrays.unit, 17), "a.pwartest.fe_ind")
    assert_equal(wooldridge_difference(arrays.y, arrays.x, arrays.unit, "differences"), "a.pwfdtest")
    assert_equal(breusch_godfrey(fit.residuals, fit.design), "a.pbgtest.fe_ind")
    # nlme stops at about nine digits of the likelihood
    assert_equal(baltagi_li(arrays.y, arrays.x, 48), "a.pbltest", 1e-8)


def test_grunfeld_equals_plm_also_unbalanced(data_folder: Path) -> None:
    """Printed by plm's own test of pwartest and pwfdtest."""
    arrays = grunfeld(data_folder)
    found = wooldridge_within(within(arrays).residuals, arrays.unit, 20)
    assert found.value == pytest.approx(76.929, rel=1e-5)
    assert (found.df, found.df2) == (1, 188)
    found = wooldridge_difference(arrays.y, arrays.x, arrays.unit, "differences")
    assert found.value == pytest.approx(16.483, rel=3e-5)
    # two firms of ten years made of the first one, the third row left out
    keep = np.flatnonzero(np.arange(20) != 2)
    unit = np.repeat([0, 1], 10)[keep]
    found = wooldridge_difference(arrays.y[keep], arrays.x[keep], unit, "differences")
    assert found.value == pytest.approx(6.3967, rel=1e-5)
    assert found.df2 == 13


def test_stata_form_is_two_clustered_regressions_without_constants() -> None:
    """The two regressions of Drukker (2003), by statsmodels; gaps break differences and lags."""
    arrays = produc().rows(np.random.default_rng(2).random(816) > 0.15)
    row = {(u, t): i for i, (u, t) in enumerate(zip(arrays.unit, arrays.period, strict=True))}
    pairs = [(i, row[u, t - 1], (u, t)) for (u, t), i in row.items() if (u, t - 1) in row]
    now, before, keys = (list(column) for column in zip(*pairs, strict=True))
    first = sm.OLS(arrays.y[now] - arrays.y[before], arrays.x[now] - arrays.x[before]).fit()
    residual = dict(zip(keys, first.resid, strict=True))
    later = [(u, t) for u, t in keys if (u, t - 1) in residual]
    response = np.array([residual[key] for key in later])
    lagged = np.array([residual[u, t - 1] for u, t in later])
    units = np.array([u for u, _ in later])
    peer = sm.OLS(response, lagged).fit(cov_type="cluster", cov_kwds={"groups": units}, use_t=True)
    expected = peer.f_test("x1 = -0.5")
    found = wooldridge_stata(*arrays)
    assert found.value == pytest.approx(float(expected.fvalue), rel=TOLERANCE)
    assert (found.df, found.df2) == (1, len(set(units)) - 1)
    assert found.p == pytest.approx(float(expected.pvalue), rel=1e-6)


def test_breusch_godfrey_equals_statsmodels() -> None:
    arrays = produc()
    z = with_constant(arrays.x)
    peer = sm.OLS(arrays.y, z).fit()
    lags = sm.tsa.lagmat(peer.resid, 3, trim="forward")
    r2 = sm.OLS(peer.resid, np.column_stack([z, lags])).fit().rsquared
    found = breusch_godfrey(peer.resid, z, 3)
    assert found.value == pytest.approx(len(arrays.y) * r2, rel=1e-8)
    assert found.df == 3


def short(seed: int, rho: float) -> Arrays:
    rng = np.random.default_rng(seed)
    e = rng.normal(size=(60, 5))
    for t in range(1, 5):
        e[:, t] += rho * e[:, t - 1]
    x = rng.normal(size=(300, 2))
    unit, period = np.repeat(np.arange(60), 5), np.tile(np.arange(5), 60)
    return Arrays(x.sum(axis=1) + rng.normal(size=60)[unit] + e.ravel(), x, unit, period)


def test_baltagi_li_is_the_score_test_of_the_dense_likelihood() -> None:
    """The score of ρ in the likelihood of first-order autoregressive errors, by differences, at ρ = 0."""
    arrays = short(1, 0.2)
    z = with_constant(arrays.x)

    def likelihood(rho: float, log_error: float, log_unit: float) -> float:
        lags = np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
        omega = np.exp(log_error) * rho**lags / (1 - rho**2) + np.exp(log_unit)
        inverse, (_, log_det) = np.linalg.inv(omega), np.linalg.slogdet(omega)
        cube_z, cube_y = z.reshape(60, 5, 3), arrays.y.reshape(60, 5)
        gram = np.einsum("itk,ts,isl->kl", cube_z, inverse, cube_z)
        beta = np.linalg.solve(gram, np.einsum("itk,ts,is->k", cube_z, inverse, cube_y))
        e = cube_y - cube_z @ beta
        return float(-60 / 2 * log_det - np.einsum("it,ts,is->", e, inverse, e) / 2)

    null = optimize.minimize(lambda at: -likelihood(0.0, *at), [0.0, 0.0], method="Nelder-Mead", tol=1e-12).x
    step = 1e-4
    at = np.array([0.0, *null])
    score = (likelihood(step, *null) - likelihood(-step, *null)) / (2 * step)
    hessian = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            moves = [(a, b) for a in (1, -1) for b in (1, -1)]
            parts = [a * b * likelihood(*(at + 1e-3 * a * np.eye(3)[i] + 1e-3 * b * np.eye(3)[j])) for a, b in moves]
            hessian[i, j] = sum(parts) / (4 * 1e-6)
    observed = score**2 * np.linalg.inv(-hessian)[0, 0]
    # ours has the expected information, this one the observed
    assert baltagi_li(arrays.y, arrays.x, 60).value == pytest.approx(observed, rel=0.2)


@pytest.mark.parametrize(("rho", "least", "most"), [(0.0, 0.0, 0.12), (0.5, 0.85, 1.0)])
def test_size_and_power(rho: float, least: float, most: float) -> None:
    rejected = np.zeros(3)
    for seed in range(200):
        arrays = short(seed, rho)
        p = [
            wooldridge_stata(*arrays).p,
            wooldridge_within(within(arrays).residuals, arrays.unit, 5).p,
            baltagi_li(arrays.y, arrays.x, 60).p,
        ]
        rejected += np.array(p) < 0.05
    assert (rejected / 200 >= least).all()
    assert (rejected / 200 <= most).all()


def test_a_random_walk_has_no_correlated_differences() -> None:
    rng = np.random.default_rng(3)
    unit = np.repeat(np.arange(100), 8)
    x = rng.normal(size=(800, 1))
    y = x[:, 0] + np.cumsum(rng.normal(size=(100, 8)), axis=1).ravel()
    assert wooldridge_difference(y, x, unit, "differences").p > 0.05
    assert wooldridge_difference(y, x, unit, "levels").p < 1e-6


def test_too_short_panels_are_refused() -> None:
    arrays = produc().rows(produc().period < 2)
    with pytest.raises(EstimationError, match="2 periods are too few"):
        wooldridge_within(arrays.y, arrays.unit, 2)
    with pytest.raises(EstimationError, match="2 periods are too few"):
        baltagi_li(arrays.y, arrays.x, 48)
    with pytest.raises(EstimationError, match="neighbouring periods"):
        wooldridge_stata(*arrays)
    with pytest.raises(EstimationError, match="neighbouring periods"):
        wooldridge_difference(*arrays[:3])
