"""Rotemberg weights and AKM errors against plain loops, and AKM errors against the code of R's ShiftShareSE."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from conftest import reference
from scipy.optimize import brentq
from scipy.stats import norm

from digicarbon.arrays import FloatArray
from digicarbon.packs.shift_share.numeric.akm import akm, residual_shocks
from digicarbon.packs.shift_share.numeric.rotemberg import by_sector, rotemberg

N, T, K = 60, 3, 20


def draw(seed: int = 1) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return shares (N, K), shocks (T, K), periods of rows and columns y, x, z without their means."""
    rng = np.random.default_rng(seed)
    shares, shocks = rng.dirichlet(np.ones(K), N), rng.standard_normal((T, K))
    z = (shares @ shocks.T).ravel()
    x = z + 0.5 * rng.standard_normal(N * T)
    y = 0.7 * x + rng.standard_normal(N * T)
    columns = np.column_stack([y, x, z])
    return shares, shocks, np.tile(np.arange(T), N), columns - columns.mean(axis=0)


def test_weights_are_those_of_a_loop_and_their_mean_is_the_estimate() -> None:
    shares, shocks, periods, columns = draw()
    rows = np.repeat(shares, T, axis=0)
    found = rotemberg(by_sector(rows, periods, T, columns[:, [1, 0]]), shocks)
    y, x, z = columns.T
    total = sum(shocks[t, k] * sum(shares[i, k] * x[i * T + t] for i in range(N)) for t in range(T) for k in range(K))
    for t in range(T):
        for k in range(K):
            zx = sum(shares[i, k] * x[i * T + t] for i in range(N))
            zy = sum(shares[i, k] * y[i * T + t] for i in range(N))
            assert found.weights[t, k] == pytest.approx(shocks[t, k] * zx / total, rel=1e-12)
            assert found.coefficients[t, k] == pytest.approx(zy / zx, rel=1e-10)
    assert found.estimate == pytest.approx(z @ y / (z @ x), rel=1e-12)
    assert found.weights.sum() == pytest.approx(1.0, rel=1e-12)
    for weights, coefficients in ((found.weights, found.coefficients), found.by_sector, found.by_period):
        assert (weights * coefficients).sum() == pytest.approx(found.estimate, rel=1e-10)
    for k in range(K):
        part = rows[:, k] * shocks[periods, k]
        assert found.by_sector[1][k] == pytest.approx(part @ y / (part @ x), rel=1e-10)


def by_hand(
    columns: FloatArray, shares: FloatArray, by: Literal["sector", "shock"], null: float
) -> tuple[FloatArray, float, float, float, float]:
    """Return scores of residuals, first stage, estimate, se of AKM, and se under a null, as ivreg_ss.fit has them."""
    y, x, z = columns.T
    # the matrix of shares has a column for each sector and period
    wide = np.zeros((N * T, T * K))
    for i in range(N):
        for t in range(T):
            wide[i * T + t, t * K : (t + 1) * K] = shares[i]
    hx = np.linalg.solve(wide.T @ wide, wide.T @ z)
    first = float((z * x).sum())
    beta = float((z * y).sum()) / first

    def scores(errors: FloatArray) -> FloatArray:
        each = hx * (wide.T @ errors)
        if by == "shock":
            return each
        return np.array([sum(each[t * K + k] for t in range(T)) for k in range(K)])

    own = scores(y - beta * x)
    return (
        own,
        first,
        beta,
        np.sqrt((own**2).sum()) / abs(first),
        np.sqrt((scores(y - null * x) ** 2).sum()) / abs(first),
    )


@pytest.mark.parametrize("by", ["sector", "shock"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("regressor", [1, 2], ids=["instrument", "regressor"])
def test_errors_are_those_of_the_formulas(by: Literal["sector", "shock"], sign: float, regressor: int) -> None:
    shares, _, periods, columns = draw()
    columns = columns[:, [0, regressor, 2]] * [1.0, 1.0, sign if regressor == 1 else 1.0]
    rows = np.repeat(shares, T, axis=0)
    shocks = residual_shocks(rows, periods, T, columns[:, 2])
    assert shocks is not None
    found = akm(columns, rows, periods, shocks, by=by, null=0.4)
    _, _, beta, se, at_null = by_hand(columns, shares, by, 0.4)
    assert found.coefficient == pytest.approx(beta, rel=1e-12)
    assert found.se == pytest.approx(se, rel=1e-10)
    assert found.p_null == pytest.approx(2 * norm.sf(abs(beta - 0.4) / at_null), rel=1e-8)
    assert found.kind == "interval"

    def outside(null: float) -> float:
        return abs(beta - null) / by_hand(columns, shares, by, null)[4] - norm.ppf(0.975)

    # ends of the set are where the test with the null imposed just rejects
    far = 50 * se
    ends = brentq(outside, beta - far, beta - 1e-9), brentq(outside, beta + 1e-9, beta + far)
    assert (found.low_null, found.high_null) == pytest.approx(ends, rel=1e-8)
    assert found.se_null == pytest.approx((ends[1] - ends[0]) / (2 * norm.ppf(0.975)), rel=1e-8)


def test_a_weak_first_stage_has_a_set_that_is_no_interval() -> None:
    shares, _, periods, columns = draw()
    rng = np.random.default_rng(3)
    columns = np.column_stack([columns[:, 0], rng.standard_normal(N * T), columns[:, 2]])
    rows = np.repeat(shares, T, axis=0)
    shocks = residual_shocks(rows, periods, T, columns[:, 2])
    assert shocks is not None
    found = akm(columns, rows, periods, shocks, by="shock")
    assert found.kind != "interval"
    assert np.isnan(found.se_null)
    inside = [
        abs(found.coefficient - null) <= norm.ppf(0.975) * by_hand(columns, shares, "shock", null)[4]
        for null in (found.coefficient, -1e6, 1e6)
    ]
    assert all(inside)


def test_collinear_shares_have_no_shocks() -> None:
    shares, _, periods, columns = draw()
    rows = np.repeat(np.column_stack([shares, shares[:, 0] + shares[:, 1]]), T, axis=0)
    assert residual_shocks(rows, periods, T, columns[:, 2]) is None


IN_R = reference("shift_share_se")


def of_formulas(kind: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return columns y, x, z without effects, shares of rows and periods, as the reference makes them in R."""
    n, k = 24, 6
    i, t, sector = np.repeat(np.arange(1, n + 1), T), np.tile(np.arange(1, T + 1), n), np.arange(1, k + 1)
    unit, period = np.arange(1, n + 1)[:, None], np.arange(1, T + 1)[:, None]
    shares = 1.0 + (7 * unit + 5 * unit * sector + 3 * sector**2) % 11
    shares /= shares.sum(axis=1, keepdims=True)
    z = (shares @ np.sin(3 * period + 2 * sector * period + sector**2).T).ravel()
    noise = 0.3 * np.sin(5 * i + 11 * t**2)
    y = 0.5 * (z + noise) + np.sin(i**2 + 7 * t) / 2
    x = {"regressor": z, "instrument": z + noise, "weak": 0.03 * z + noise}[kind]
    dummies = np.column_stack([i[:, None] == unit.T, t[:, None] == period.T[:, 1:]]).astype(float)
    columns = np.column_stack([y, x, z])
    return columns - dummies @ np.linalg.lstsq(dummies, columns, rcond=None)[0], shares[i - 1], t - 1


@pytest.mark.parametrize("name", IN_R)
def test_errors_are_those_of_r(name: str) -> None:
    kind, by = name.split(".")
    columns, shares, periods = of_formulas(kind)
    shocks = residual_shocks(shares, periods, T, columns[:, 2])
    assert shocks is not None
    found = akm(columns, shares, periods, shocks, by="sector" if by == "sector" else "shock", null=0.4)
    values: dict[str, Any] = dict(IN_R[name])
    ends = [values.pop(end) for end in ("low_null", "high_null")]
    for field, value in values.items():
        assert getattr(found, field) == pytest.approx(value, rel=1e-8)
    if None in ends:
        assert found.kind == "everything"
    else:
        # R writes the ends of a gap the other way round
        assert found.kind == ("interval" if ends[0] < ends[1] else "outside")
        assert (found.low_null, found.high_null) == pytest.approx(sorted(ends), rel=1e-8)


def test_the_reference_has_each_kind_of_set() -> None:
    ends = [(values["low_null"], values["high_null"]) for values in IN_R.values()]
    assert (None, None) in ends
    assert any(low is not None and low > high for low, high in ends)
    assert any(low is not None and low < high for low, high in ends)
