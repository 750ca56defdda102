"""The wild restricted efficient bootstrap of instrumental variables, against a plain loop and least squares."""

from __future__ import annotations

import itertools
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.errors import ConfigError
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.signs import signs_of

UNITS, PERIODS = 14, 6
WILD: dict[str, Any] = {"cov": "cluster", "test": "wild", "draws": 99}
FIELDS: dict[str, Any] = {"y": "y", "x": ("x",), "controls": ("c",), "instruments": ("z", "z2")}


@pytest.fixture(scope="module")
def panel() -> dc.Panel:
    """A few units, some rows missing; x moves with the error."""
    rng = np.random.default_rng(5)
    index = pd.MultiIndex.from_product([[f"u{n:02d}" for n in range(UNITS)], range(2000, 2000 + PERIODS)])
    e, v, c, z, z2 = rng.standard_normal((5, len(index)))
    x = z + 0.5 * z2 + 0.7 * e + v
    frame = pd.DataFrame({"y": 0.3 * x + 0.5 * c + e, "x": x, "c": c, "z": z, "z2": z2, "near": x + 1e-7 * v, "v": v})
    frame[["unit", "year"]] = index.to_frame().to_numpy()
    return dc.Panel.from_frame(frame.drop(index=[3, 17, 40]), unit="unit", time="year", gaps="keep")


COVARIANCES: list[dict[str, Any]] = [
    {"cov": "classic"},
    {"cov": "robust"},
    {"cov": "cluster"},
    {"cov": "cluster", "cluster": "time"},
]
TWO_WAY: dict[str, Any] = {"cov": "cluster", "cluster": "both"}
DESIGNS: list[dict[str, Any]] = [
    {},
    {"effects": "none"},
    {"x": ("x", "v"), "instruments": ("z", "z2", "near"), "endogenous": ("x", "v")},
    {"x": ("c",), "controls": ("x",), "endogenous": ("x",)},
]


@pytest.mark.parametrize(
    ("design", "cov"),
    # first stages of other designs have no covariance with two-way clusters of so few periods
    [*itertools.product(DESIGNS, COVARIANCES), *itertools.product((DESIGNS[0], DESIGNS[3]), (TWO_WAY,))],
)
def test_many_fits_are_single_fits(panel: dc.Panel, design: dict[str, Any], cov: dict[str, Any]) -> None:
    model = dc.PanelIV(**FIELDS | design | cov)
    columns = model._columns(panel)
    equations = model._equations(columns)
    expected = model.fit(panel).estimates
    for place, name in enumerate((*columns.exogenous, *columns.endogenous)):
        contrast = np.eye(equations.w.shape[1] + equations.x.shape[1])[place]
        y, x = np.column_stack([equations.y, 2 * equations.y]), np.stack([equations.x] * 2, axis=2).transpose(1, 0, 2)
        coef, se = equations.fits(y, x, contrast)
        if name != "const":
            assert (coef[0], se[0]) == pytest.approx(tuple(expected.loc[name, ["coef", "se"]]), rel=1e-8)
        assert (coef[1], se[1]) == pytest.approx((2 * coef[0], 2 * se[0]), rel=1e-8)


def plain(panel: dc.Panel, value: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients and t of x, and Anderson and Rubin's statistics, of draws under a value, by a loop with dummies."""
    y, x, c, z, z2 = (panel.column(name) for name in ("y", "x", "c", "z", "z2"))
    units, periods = panel.unit_codes, panel.period_codes
    dummies = np.column_stack([np.eye(UNITS)[units], np.eye(PERIODS)[periods][:, 1:]])

    def within(columns: np.ndarray) -> np.ndarray:
        return np.asarray(columns - dummies @ np.linalg.pinv(dummies) @ columns)

    y, x, w, instruments = within(y), within(x), within(c)[:, None], within(np.column_stack([z, z2, c]))

    def safe(rest: np.ndarray, regressors: np.ndarray) -> np.ndarray:
        out, inverse = np.empty_like(rest), np.linalg.inv(regressors.T @ regressors)
        present = np.bincount(periods)
        for unit in range(UNITS):
            own = units == unit
            hat = regressors[own] @ inverse @ regressors[own].T + np.diag(1 / present[periods[own]])
            values, vectors = np.linalg.eigh(np.eye(own.sum()) - hat)
            out[own] = vectors @ np.diag(values**-0.5) @ vectors.T @ rest[own]
        return out

    def clustered(columns: np.ndarray, rest: np.ndarray) -> np.ndarray:
        scores = columns * rest[:, None]
        sums = np.stack([scores[units == unit].sum(axis=0) for unit in range(UNITS)])
        inverse = np.linalg.inv(columns.T @ columns)
        return np.asarray(inverse @ sums.T @ sums @ inverse)

    target = y - value * x
    gamma = np.linalg.pinv(w) @ target
    first = target - w @ gamma
    beta = np.linalg.pinv(np.column_stack([instruments, first])) @ x
    explained = instruments @ beta[:-1]
    one, two = safe(first, w), safe(x - explained, instruments)
    coefs, ts, rubins = [], [], []
    for sign in signs_of(panel.units, WILD["draws"], 1):
        new_x = within(explained + two * sign[units])
        new_y = within(value * new_x + w @ gamma + one * sign[units])
        regressors = np.column_stack([w[:, 0], new_x])
        projected = instruments @ np.linalg.pinv(instruments) @ regressors
        b = np.linalg.pinv(projected) @ new_y
        coefs.append(b[1])
        ts.append((b[1] - value) / np.sqrt(clustered(projected, new_y - regressors @ b)[1, 1]))
        outcome = within(one * sign[units])
        r = np.linalg.pinv(instruments) @ outcome
        variance = clustered(instruments, outcome - instruments @ r)[:2, :2]
        rubins.append(r[:2] @ np.linalg.solve(variance, r[:2]))
    return np.array(coefs), np.array(ts), np.array(rubins)


@pytest.mark.parametrize("value", [0.0, 0.4])
def test_draws_are_those_of_a_plain_loop(panel: dc.Panel, value: float) -> None:
    model = dc.PanelIV(**FIELDS, **WILD, small_sample="none")
    result = model.fit(panel)
    restrictions = model.restrictions(panel, None, result)[0]
    signs = signs_of(panel.units, WILD["draws"], 1)
    coef, se = restrictions.fits(0, value, Draws(signs))
    coefs, ts, rubins = plain(panel, value)
    np.testing.assert_allclose(coef, coefs, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose((coef - value) / se, ts, rtol=1e-6, atol=1e-9)
    if value == 0:
        row = result.estimates.loc["x"]
        assert row["p"] == (1 + (np.abs(ts) >= abs(row["stat"])).sum()) / 100
        observed = result.statistics["anderson_rubin"] * 2
        assert result.statistics["anderson_rubin_wild_p"] == (1 + (rubins >= observed).sum()) / 100


@pytest.mark.parametrize("effects", ["two_way", "unit"])
def test_an_instrument_that_is_the_regressor_is_least_squares(panel: dc.Panel, effects: str) -> None:
    """Two-stage least squares with x as its own instrument is least squares, and so are its draws."""
    fields = FIELDS | {"instruments": ("near",), "effects": effects} | WILD
    found = dc.PanelIV(**fields).fit(panel).estimates.loc["x"]
    del fields["instruments"]
    expected = dc.PanelRegression(**fields).fit(panel).estimates.loc["x"]
    assert found[["coef", "se", "p"]].to_list() == pytest.approx(expected[["coef", "se", "p"]].to_list(), rel=1e-4)
    assert found[["low", "high"]].to_list() == pytest.approx(expected[["low", "high"]].to_list(), rel=0.02)


def test_the_set_ends_where_the_test_begins_to_reject(panel: dc.Panel) -> None:
    model = dc.PanelIV(**FIELDS, **WILD | {"draws": 399})
    result = model.fit(panel)
    table = result.tables["anderson_rubin_wild"]
    assert result.tables["tests"].loc["Anderson-Rubin, wild", "p"] == result.statistics["anderson_rubin_wild_p"]
    assert result.has_note("wild_anderson_rubin")
    [(low, high)] = table[["low", "high"]].to_numpy()
    assert (low, high) == pytest.approx(tuple(result.tables["anderson_rubin"].loc[:, ["low", "high"]].iloc[0]), abs=0.2)
    for end, away in ((low, -1), (high, 1)):
        p = {}
        for side, step in (("in", -0.03), ("out", 0.03)):
            value = end + away * step
            moved = panel.with_columns({"y": panel.column("y") - value * panel.column("x")})
            p[side] = model.fit(moved).statistics["anderson_rubin_wild_p"]
        assert p["in"] > 0.05 >= p["out"] or abs(p["in"] - 0.05) < 0.01


def test_weak_instruments_leave_the_set_open(panel: dc.Panel) -> None:
    weak = panel.with_columns({"z": np.random.default_rng(8).standard_normal(len(panel.unit_codes))})
    result = dc.PanelIV(**FIELDS | {"instruments": ("z",)}, **WILD).fit(weak)
    ends = result.tables["anderson_rubin_wild"][["low", "high"]].to_numpy()
    assert np.isinf(ends).any()


def test_liml_says_that_it_has_none(panel: dc.Panel) -> None:
    with pytest.raises(ConfigError, match="PanelIV does not have test=wild; it offers errors"):
        dc.PanelIV(**FIELDS, **WILD, method="liml").fit(panel)
    assert dc.PanelIV(**FIELDS, method="liml").fit(panel).resampled is None
