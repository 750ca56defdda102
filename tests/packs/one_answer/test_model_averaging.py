"""Averages over models against enumeration, a peer, and simulation."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from digicarbon.numeric.averaging import average, bic, design_effect, inclusion, log_dilution

REFERENCE = Path(__file__).parents[2] / "reference"


def test_bms_averages_of_all_models_of_attitude() -> None:
    """R's BMS with Zellner's prior, g = n: the marginal likelihood of a model has a closed form."""
    data = pd.read_csv(REFERENCE / "attitude.csv")
    peer = json.loads((REFERENCE / "attitude.json").read_text())["bms"]
    names = list(data.columns[1:])
    y = data["rating"].to_numpy() - data["rating"].mean()
    x = (data[names] - data[names].mean()).to_numpy()
    n = g = len(y)
    subsets = [list(one) for size in range(7) for one in itertools.combinations(range(6), size)]
    log, coef, se = np.zeros(len(subsets)), np.zeros((len(subsets), 6)), np.zeros((len(subsets), 6))
    for row, chosen in enumerate(subsets):
        own = x[:, chosen]
        beta = np.linalg.lstsq(own, y, rcond=None)[0]
        ssr = float(((y - own @ beta) ** 2).sum())
        total = float(y @ y)
        left = (ssr + total / g) / (1 + 1 / g)
        log[row] = -len(chosen) / 2 * np.log(1 + g) - (n - 1) / 2 * np.log(left)
        variance = left / (n - 3) * g / (1 + g) * np.diag(np.linalg.inv(own.T @ own)) if chosen else []
        coef[row, chosen], se[row, chosen] = g / (1 + g) * beta, np.sqrt(variance)
    columns = np.array([[place in chosen for place in range(6)] for chosen in subsets], dtype=np.float64)
    for place, name in enumerate(names):
        found = average(coef[:, place], se[:, place], np.ones(len(log)), log)
        assert inclusion(found.weights, columns)[place] == pytest.approx(peer["probability"][name], rel=1e-9)
        assert found.mean == pytest.approx(peer["mean"][name], rel=1e-9)
        assert found.sd == pytest.approx(peer["sd"][name], rel=1e-9)


def test_weights_are_those_of_statsmodels_bic() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(80, 4))
    y = x @ [0.5, 0.2, 0.0, -0.1] + rng.normal(size=80)
    fits = [
        sm.OLS(y, sm.add_constant(x[:, [0, *more]])).fit()
        for size in range(4)
        for more in itertools.combinations([1, 2, 3], size)
    ]
    theirs = np.array([fit.bic for fit in fits])
    loglik, parameters = np.array([fit.llf for fit in fits]), np.array([len(fit.params) for fit in fits], dtype=float)
    ours = bic(loglik, parameters, np.full(len(fits), 80.0))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    coef, se = (np.array([getattr(fit, name)[1] for fit in fits]) for name in ("params", "bse"))
    found = average(coef, se, np.ones(len(coef)), -ours / 2)
    weights = np.exp(-theirs / 2) / np.exp(-theirs / 2).sum()
    assert found.mean == pytest.approx(weights @ coef)
    assert found.sd**2 == pytest.approx(weights @ (se**2 + coef**2) - (weights @ coef) ** 2)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 8), st.integers(0, 1000))
def test_moments_are_those_of_the_mixture(models: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    coef, se, log = rng.normal(size=models), rng.uniform(0.1, 1, models), rng.normal(size=models)
    p = 2 * norm.sf(np.abs(coef) / se)
    found = average(coef, se, p, log)
    drawn = rng.choice(models, 200_000, p=found.weights)
    sample = coef[drawn] + se[drawn] * rng.normal(size=len(drawn))
    assert found.mean == pytest.approx(sample.mean(), abs=0.02)
    assert found.sd == pytest.approx(sample.std(), abs=0.02)
    assert found.positive == pytest.approx((sample > 0).mean(), abs=0.01)
    # a constant in the logarithms changes nothing
    assert average(coef, se, p, log - 1e4).mean == pytest.approx(found.mean)
    assert 1 <= found.effective <= models + 1e-9


def test_equal_weights_are_as_many_models_as_there_are() -> None:
    found = average(np.arange(5.0), np.ones(5), np.ones(5), np.zeros(5))
    assert (found.mean, found.effective) == (pytest.approx(2), pytest.approx(5))
    assert found.between == pytest.approx(np.std(np.arange(5)))
    assert average(np.arange(2.0), np.ones(2), np.ones(2), np.array([0.0, -1e6])).effective == pytest.approx(1)


def test_the_probability_above_zero_is_that_of_the_p_values() -> None:
    """Draws say p = .05 where the standard errors, three times too small, would say .999."""
    found = average(np.array([1.0, -1.0]), np.full(2, 0.33), np.array([0.05, 0.5]), np.zeros(2))
    assert found.positive == pytest.approx((0.975 + 0.25) / 2)


def test_the_design_effect_is_the_mean_of_twice_the_gain_in_likelihood() -> None:
    """Regressors without effect that are constant over a unit's ten rows, as its errors nearly are."""
    rng = np.random.default_rng(3)
    gains, effects = [], []
    for _ in range(300):
        x = np.repeat(rng.normal(size=(100, 2)), 10, axis=0)
        y = np.repeat(rng.normal(size=100), 10) + rng.normal(size=1000)
        fit = sm.OLS(y, x).fit()
        clusters = {"groups": np.repeat(np.arange(100), 10)}
        clustered = fit.get_robustcov_results("cluster", **clusters).cov_params()
        effects.append(design_effect(clustered, fit.cov_params()))
        gains.append(1000 * np.log((y @ y) / fit.ssr) / 2)
    # errors of variance two, half of it shared by ten rows: 1 + 9/2
    assert np.mean(effects) == pytest.approx(5.5, rel=0.05)
    assert np.mean(gains) == pytest.approx(5.5, rel=0.12)
    assert design_effect(np.eye(2) / 2, np.eye(2)) == 1


def test_near_equal_controls_are_diluted() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(200, 3)) * [1, 20, 0.1] + 7
    _, expected = np.linalg.slogdet(np.corrcoef(x.T))
    assert log_dilution(x, 0.5) == pytest.approx(0.5 * expected)
    assert log_dilution(x[:, :1], 1) == log_dilution(x, 0) == 0
    near = np.column_stack([x, x[:, 0] + 1e-3 * rng.normal(size=200)])
    assert log_dilution(near, 1) < log_dilution(x, 1) - 10
    # a model with a control and its copy has no weight
    equal = np.column_stack([x, x[:, 0]])
    assert np.exp(log_dilution(equal, 1)) < 1e-12
