"""Weighted two-stage least squares against dummies in linearmodels, copies of rows, and loops over draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from classic import PanelIV
from linearmodels.iv import IV2SLS, IVLIML

import digicarbon as dc
from digicarbon.errors import DataError
from digicarbon.numeric.resampling.signs import signs_of

N, T = 18, 7


def frame(share: float = 0.0) -> pd.DataFrame:
    """Return units whose regressor moves with the error, and weights that change over time; some rows are missing."""
    rng = np.random.default_rng(5)
    unit, year = np.repeat(np.arange(N), T), np.tile(np.arange(2001, 2001 + T), N)
    z, q, error, other = rng.normal(size=(4, N * T))
    x = z + 0.5 * error + 0.3 * q + other + 0.1 * unit
    out = pd.DataFrame({"unit": [f"u{one:02d}" for one in unit], "year": year, "x": x, "z": z, "q": q})
    out["more"] = z + rng.normal(size=N * T)
    out["y"] = 0.5 * x - 0.2 * q + error + 0.2 * unit
    out["people"] = rng.integers(1, 5, size=N * T)
    return out[rng.uniform(size=N * T) >= share].reset_index(drop=True)


FRAMES = {"balanced": frame(), "gaps": frame(0.2)}


def panel_of(table: pd.DataFrame) -> dc.Panel:
    return dc.Panel.from_frame(table, unit="unit", time="year", gaps="keep")


def model(**fields: Any) -> PanelIV:
    start = {"y": "y", "x": ("x",), "controls": ("q",), "instruments": ("z", "more"), "cov": "robust"}
    return PanelIV(**{**start, "small_sample": "none", "observation_weights": "people", **fields})


def dummies(table: pd.DataFrame, effects: str) -> pd.DataFrame:
    """Return the exogenous columns with a dummy of each unit and each period in place of effects."""
    parts = [table[["q"]]]
    if effects in ("unit", "two_way"):
        parts.append(pd.get_dummies(table["unit"], dtype=float))
    if effects in ("time", "two_way"):
        periods = pd.get_dummies(table["year"], dtype=float)
        parts.append(periods.iloc[:, 1:] if effects == "two_way" else periods)
    if effects == "none":
        parts.append(pd.DataFrame({"const": np.ones(len(table))}))
    return pd.concat(parts, axis=1)


@pytest.mark.parametrize("rows", FRAMES)
@pytest.mark.parametrize("effects", ["none", "unit", "time", "two_way"])
@pytest.mark.parametrize("method", ["2sls", "liml"])
def test_weighted_fits_are_those_of_dummies(rows: str, effects: str, method: str) -> None:
    table = FRAMES[rows]
    found = model(effects=effects, method=method, test="errors").fit(panel_of(table)).estimates
    of = IV2SLS if method == "2sls" else IVLIML
    outside = table[["z", "more"]]
    peer = of(table["y"], dummies(table, effects), table[["x"]], outside, weights=table["people"])
    fit = peer.fit(cov_type="robust", debiased=False)
    for term in ("x", "q", *(["const"] if effects == "none" else [])):
        assert found.loc[term, "coef"] == pytest.approx(fit.params[term], rel=1e-8)
        assert found.loc[term, "se"] == pytest.approx(fit.std_errors[term], rel=1e-7)


def test_weights_of_one_are_no_weights_whatever_their_unit() -> None:
    table = FRAMES["gaps"].assign(people=1000.0)
    weighted = model(cov="cluster", draws=99).fit(panel_of(table))
    plain = model(cov="cluster", draws=99, observation_weights=None).fit(panel_of(table))
    for one in ("coef", "se", "p", "low", "high"):
        np.testing.assert_allclose(weighted.estimates[one], plain.estimates[one], rtol=1e-6)
    for name, value in plain.statistics.items():
        assert weighted.statistics[name] == pytest.approx(value, rel=1e-6), name


def test_tests_of_instruments_are_those_of_rows_multiplied_by_the_roots_of_weights() -> None:
    table = FRAMES["balanced"]
    panel = panel_of(table)
    found = model(test="errors").fit(panel)
    root = np.sqrt(table["people"].to_numpy(dtype=float))
    columns = table[["y", "x", "q", "z", "more"]].to_numpy() * root[:, None]
    scaled = dummies(table, "two_way").drop(columns="q").to_numpy() * root[:, None]
    y, x, q, *z = (columns - scaled @ np.linalg.lstsq(scaled, columns, rcond=None)[0]).T
    outside = np.column_stack([q, *z])
    first = outside @ np.linalg.lstsq(outside, x, rcond=None)[0]
    rest = x - first
    meat = np.linalg.inv(outside.T @ outside) @ (outside.T * rest**2) @ outside @ np.linalg.inv(outside.T @ outside)
    coef = np.linalg.lstsq(outside, x, rcond=None)[0][1:]
    wald = coef @ np.linalg.solve(meat[1:, 1:], coef) / 2
    slope = np.linalg.lstsq(np.column_stack([q, first]), y, rcond=None)[0]
    ssr = float(((y - q * slope[0] - x * slope[1]) ** 2).sum())
    assert found.statistics["first_stage_f"] == pytest.approx(wald, rel=1e-6)
    assert found.statistics["r2_within"] == pytest.approx(1 - ssr / (y @ y), rel=1e-8)


def test_a_weighted_draw_is_a_loop_over_units() -> None:
    """p by signs of units: the null model, its leverage and each draw from columns with a dummy of each effect."""
    table, seed = FRAMES["balanced"].assign(y=lambda one: one["y"] - 0.4 * one["x"]), 3
    panel = panel_of(table)
    own = model(instruments=("z",), cov="cluster", signs="units", draws=199, seed=seed, test="wild", intervals=False)
    found = own.fit(panel)
    w = table["people"].to_numpy(dtype=float)
    w, root = w / w.mean(), np.sqrt(w / w.mean())
    effects = dummies(table, "two_way").drop(columns="q").to_numpy() * root[:, None]

    def without(columns: np.ndarray) -> np.ndarray:
        return np.asarray(columns - effects @ np.linalg.lstsq(effects, columns, rcond=None)[0])

    y, x, q, z = (without(table[[name]].to_numpy() * root[:, None])[:, 0] for name in ("y", "x", "q", "z"))
    units = table["unit"].to_numpy()
    periods = pd.get_dummies(table["year"], dtype=float).to_numpy() * root[:, None]

    def corrected(residuals: np.ndarray, regressors: np.ndarray) -> np.ndarray:
        basis = np.linalg.qr(np.column_stack([regressors, periods]))[0]
        out = residuals.copy()
        for unit in np.unique(units):
            rows = units == unit
            sizes, vectors = np.linalg.eigh(np.eye(rows.sum()) - basis[rows] @ basis[rows].T)
            out[rows] = vectors @ ((vectors.T @ residuals[rows]) / np.sqrt(sizes))
        return out

    def statistic(outcome: np.ndarray, regressor: np.ndarray) -> float:
        inside, outside = np.column_stack([q, regressor]), np.column_stack([q, z])
        fitted = outside @ np.linalg.lstsq(outside, inside, rcond=None)[0]
        bread = np.linalg.inv(fitted.T @ fitted)
        coef = bread @ fitted.T @ outcome
        scores = fitted * (outcome - inside @ coef)[:, None]
        sums = np.array([scores[units == unit].sum(axis=0) for unit in np.unique(units)])
        return float(coef[1] / np.sqrt((bread @ (sums.T @ sums) @ bread)[1, 1]))

    null = q * (q @ y) / (q @ q)
    residuals = y - null
    exogenous = np.column_stack([q, z])
    first = np.linalg.lstsq(np.column_stack([exogenous, residuals]), x, rcond=None)[0][:2]
    explained = exogenous @ first
    structural, reduced = corrected(residuals, q[:, None]), corrected(x - explained, exogenous)
    signs = signs_of(panel.units, 199, seed).T[panel.unit_codes]
    observed, more = abs(statistic(y, x)), 0
    for drawn in signs.T:
        moved = explained + without((drawn * reduced)[:, None])[:, 0]
        more += abs(statistic(null + without((drawn * structural)[:, None])[:, 0], moved)) >= observed * (1 - 1e-9)
    assert found.estimates.loc["x", "p"] == pytest.approx((1 + more) / 200, abs=1e-12)
    assert more > 3


def test_rows_without_weight_are_left_out_and_said() -> None:
    table = FRAMES["balanced"].copy()
    table.loc[[3, 50], "people"] = 0
    found = model(test="errors").fit(panel_of(table))
    kept = model(test="errors").fit(panel_of(table[table["people"] > 0]))
    np.testing.assert_allclose(found.coef, kept.coef, rtol=1e-10)
    assert {"weighted_by", "observation_weights_left_out"} <= {note.code for note in found.notes}
    table.loc[3, "people"] = -1
    with pytest.raises(DataError, match="cannot be negative"):
        model().check(panel_of(table))
