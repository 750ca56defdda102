"""Wild tests of combinations of coefficients: slopes of curves, equal groups; and models without any."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import classic as dc
import numpy as np
import pytest

from digicarbon.diagnostic import TurningPoints
from digicarbon.model import NoModel
from digicarbon.model.batch import Estimand, OneByOne
from digicarbon.numeric.resampling.signs import signs_of
from digicarbon.numeric.resampling.unit_wild import p_value, upper_p
from digicarbon.numeric.shape.turning_points import Curve, fieller, inverted

Y, X, Z = "log(gsp)", "log(emp)", "log(pc)"
WILD: dict[str, Any] = {"cov": "cluster", "test": "wild", "draws": 199}


@pytest.fixture(scope="module")
def powers(produc: dc.Panel) -> dc.Panel:
    """Produc with an outcome whose curve turns within the sample."""
    made = produc.with_terms([Y, X, Z])
    x, noise = made.array([X])[:, 0], np.random.default_rng(1).standard_normal(len(made.unit_codes))
    return made.with_columns({"y": (x - np.median(x)) ** 2 + 0.3 * noise})


def square(**fields: Any) -> dc.PanelRegression:
    return dc.PanelRegression(**{"y": "y", "x": (X, f"{X}^2"), "controls": (Z,), **WILD, **fields})


@pytest.mark.parametrize("fields", [{}, {"effects": "none"}, {"effects": "unit", "estimator": "first_difference"}])
def test_a_slope_is_the_coefficient_of_a_curve_that_is_centred_there(powers: dc.Panel, fields: dict[str, Any]) -> None:
    model = square(**fields)
    result = model.fit(powers)
    rows = dc.turning_points(result, powers, X, model)
    low = powers.array([X]).min()
    moved = powers.with_columns({"z1": powers.array([X])[:, 0] - low})
    centred = square(x=("z1", "z1^2"), **fields).fit(moved).estimates.loc["z1"]
    slope = rows.loc["slope at the smallest value"]
    assert slope[["coef", "se", "low", "high"]].to_list() == pytest.approx(
        centred[["coef", "se", "low", "high"]].to_list(), rel=1e-5
    )
    # on the side that the estimate is on there are at most as many draws as on both
    assert 1 / 200 <= slope["p"] <= centred["p"]
    ends = [rows.loc[f"slope at the {end} value", "p"] for end in ("smallest", "largest")]
    assert rows.loc["Lind-Mehlum test", "p"] == max(ends)
    assert "wild bootstrap" in rows.loc["Lind-Mehlum test", "note"]


def test_a_turning_point_that_is_not_rejected_is_in_the_region(powers: dc.Panel) -> None:
    """At the ends of the region the test of a zero slope, of another regression, just rejects."""
    model = square(draws=399)
    rows = dc.turning_points(model.fit(powers), powers, X, model)
    region, width = rows.loc["turning point, wild"], rows.loc["turning point, Fieller"]
    assert region["low"] < rows.loc["turning point", "coef"] < region["high"]
    assert 0.5 < (region["high"] - region["low"]) / (width["high"] - width["low"]) < 2
    for end, step in ((region["low"], -0.05), (region["high"], 0.05)):
        at = {}
        for name, place in (("in", end - step * 0.02), ("out", end + step)):
            moved = powers.with_columns({"z1": powers.array([X])[:, 0] - place})
            at[name] = square(x=("z1", "z1^2"), draws=399, intervals=False).fit(moved).estimates.loc["z1", "p"]
        assert at["in"] >= 0.05 > at["out"] or at["in"] == pytest.approx(0.05, abs=0.01)


def test_without_a_model_the_rows_say_that_they_rest_on_standard_errors(powers: dc.Panel) -> None:
    result = square(intervals=False).fit(powers)
    rows = dc.turning_points(result, powers, X)
    assert "standard errors, not the wild bootstrap" in rows.loc["Lind-Mehlum test", "note"]
    plain = square(test="errors")
    usual = dc.turning_points(plain.fit(powers), powers, X, plain)
    assert rows.drop(columns="note").equals(usual.drop(columns="note"))
    assert "bootstrap" not in usual.loc["Lind-Mehlum test", "note"]


def test_the_band_is_of_the_wild_tests_and_is_drawn(powers: dc.Panel) -> None:
    model = square()
    tables = TurningPoints(model=model).tables(powers)
    band = tables["curve_band"]
    assert (band["low"] < band["coef"]).all()
    assert (band["coef"] < band["high"]).all()
    figure = dc.plot_curve(replace(model.fit(powers), tables=tables), powers, X)
    labels = figure.axes[0].get_legend_handles_labels()[1]
    assert "95% band, pointwise, wild bootstrap" in labels
    assert any("wild bootstrap" in label and "turning point" in label for label in labels)
    # at a place, the band is the interval of the curve less its mean: one coefficient of another regression
    x, place = powers.array([X])[:, 0], band.index[3]
    g = np.array([place - x.mean(), place**2 - (x**2).mean()])
    columns = {"a": x / g[0], "b": x**2 - g[1] / g[0] * x}
    other = square(x=("a", "b")).fit(powers.with_columns(columns)).estimates.loc["a"]
    assert band.loc[place, ["coef", "low", "high"]].to_list() == pytest.approx(
        other[["coef", "low", "high"]].to_list(), rel=1e-4
    )
    assert set(TurningPoints(model=square(intervals=False)).tables(powers)) == {"turning_points"}


def test_a_cube_has_the_region_of_its_inflection_point(powers: dc.Panel) -> None:
    model = square(x=(X, f"{X}^2", f"{X}^3"))
    rows = dc.turning_points(model.fit(powers), powers, X, model)
    assert "inflection point, wild" in rows.index
    assert "wild bootstrap" in rows.loc["slope at the inflection point", "note"]


@pytest.mark.parametrize("seed", range(20))
def test_with_one_critical_value_a_region_is_fiellers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(2, 2))
    curve = Curve(rng.normal(size=2) * [3, 1], root @ root.T * 0.1)

    def excess(g: np.ndarray) -> float:
        return float(abs(g @ curve.b) / np.sqrt(g @ curve.covariance @ g) - curve.quantile)

    found, expected = inverted(curve, excess), fieller(curve)
    assert found.kind == expected.kind
    if expected.kind != "line":
        for one, other in ((found.low, expected.low), (found.high, expected.high)):
            g = np.array([1.0, 2 * one])
            assert one == pytest.approx(other, rel=0.02) or abs(excess(g)) < 0.01


def test_one_side() -> None:
    drawn = np.array([-2.0, -1.0, 0.0, 1.0, np.nan, 2.0, 3.0])
    assert upper_p(1.0, drawn) == 5 / 8
    assert upper_p(-1.0, -drawn) == 6 / 8
    assert p_value(1.0, drawn) == 7 / 8


@pytest.mark.parametrize("fields", [{}, {"cov": "classic"}, {"cluster": "both"}, {"effects": "none"}])
def test_two_equal_groups_are_a_difference_of_zero(produc: dc.Panel, fields: dict[str, Any]) -> None:
    made = produc.with_terms([Y, X, Z])
    east = np.array([float(unit < "M") for unit in made.units])[made.unit_codes]
    by = {unit: "east" if unit < "M" else "west" for unit in made.units}
    settings = {"y": Y, "x": (X,), "controls": (Z,), **WILD, **fields}
    found = dc.GroupedRegression(**settings, by=by).fit(made)
    columns = {"apart": made.array([X])[:, 0] * east, "east": east}
    more = ("east",) if fields.get("effects") == "none" else ()
    wide = dc.PanelRegression(**settings | {"x": ("apart",), "controls": (X, Z, *more)})
    expected = wide.fit(made.with_columns(columns)).estimates.loc["apart", "p"]
    assert found.statistics["equal_wild_p"] == pytest.approx(expected, abs=1e-12)
    assert found.statistics["equal_p"] != found.statistics["equal_wild_p"]


def test_several_restrictions_are_those_of_single_fits(produc: dc.Panel) -> None:
    """The Wald statistics of a batch are those of fits one by one, with each kind of covariance."""
    made = produc.with_terms([Y, X, Z])
    outcomes = np.random.default_rng(2).standard_normal((len(made.unit_codes), 3)) + made.array([X])
    estimands = [Estimand.combination({X: 1.0, Z: -1.0}), Estimand("coefficient", Z)]
    for fields in ({"cov": "classic"}, {"cov": "robust"}, {"cov": "cluster"}, {"cov": "cluster", "cluster": "both"}):
        model = dc.PanelRegression(y=Y, x=(X,), controls=(Z,), **fields)
        batch, single = model.batch(made, None, estimands[0]), OneByOne(model, made, None, estimands[0])
        found = batch.wald(batch.prepare(outcomes), estimands)
        np.testing.assert_allclose(found, single.wald(outcomes, estimands), rtol=1e-8)
        pairs = zip(batch.several(batch.prepare(outcomes), estimands), single.several(outcomes, estimands), strict=True)
        for one, other in pairs:
            np.testing.assert_allclose(one, other, rtol=1e-8)


def test_combined_outcomes_are_those_that_are_formed(produc: dc.Panel) -> None:
    made = produc.with_terms([Y, X, Z])
    rng, estimand = np.random.default_rng(3), Estimand("coefficient", X)
    basis, weights = rng.standard_normal((len(made.unit_codes), 4)), rng.standard_normal((4, 6))
    for fields in ({"cov": "classic"}, {"cov": "robust"}, {"cov": "cluster"}, {"cov": "cluster", "cluster": "both"}):
        batch = dc.PanelRegression(y=Y, x=(X,), controls=(Z,), **fields).batch(made, None, estimand)
        combined = batch.fit(batch.combine(batch.prepare(basis), weights))
        np.testing.assert_allclose(combined, batch.fit(batch.prepare(basis @ weights)), rtol=1e-9)


def test_a_combination_is_tested_by_a_plain_loop(produc: dc.Panel) -> None:
    """The slope's one-sided p by a loop over draws that shares only the signs."""
    frame = produc.with_terms([Y, X, Z])
    y, x, z = (frame.array([name])[:, 0] for name in (Y, X, Z))
    units, periods = frame.unit_codes, frame.period_codes
    dummies = np.column_stack([np.eye(units.max() + 1)[units], np.eye(periods.max() + 1)[periods][:, 1:]])
    at = x.min()
    g = np.array([1.0, 2 * at])

    def annihilated(columns: np.ndarray) -> np.ndarray:
        return np.asarray(columns - dummies @ np.linalg.lstsq(dummies, columns, rcond=None)[0])

    full = annihilated(np.column_stack([x, x**2, z]))

    def t(outcome: np.ndarray) -> float:
        inverse = np.linalg.inv(full.T @ full)
        b = inverse @ full.T @ outcome
        scores = full * (outcome - full @ b)[:, None]
        sums = np.stack([scores[units == unit].sum(axis=0) for unit in range(units.max() + 1)])
        covariance = inverse @ sums.T @ sums @ inverse
        return float(g @ b[:2] / np.sqrt(g @ covariance[:2, :2] @ g))

    null = annihilated(np.column_stack([x**2 - 2 * at * x, z]))
    within = annihilated(y)
    fit = null @ np.linalg.lstsq(null, within, rcond=None)[0]
    rest, safe = within - fit, np.empty_like(within)
    inverse = np.linalg.inv(null.T @ null)
    for unit in range(units.max() + 1):
        own = units == unit
        hat = null[own] @ inverse @ null[own].T + np.eye(own.sum()) / (units.max() + 1)
        values, vectors = np.linalg.eigh(np.eye(own.sum()) - hat)
        safe[own] = vectors @ np.diag(np.where(values > 1e-8, np.abs(values), np.inf) ** -0.5) @ vectors.T @ rest[own]
    signs = signs_of(frame.units, 49, 1)
    drawn = np.array([t(annihilated(fit + safe * one[units])) for one in signs])
    fields = WILD | {"draws": 49, "intervals": False}
    model = dc.PanelRegression(y=Y, x=(X, f"{X}^2"), controls=(Z,), **fields)
    row = dc.turning_points(model.fit(frame), frame, X, model).loc["slope at the smallest value"]
    wanted = 1.0 if row["note"].startswith("one-sided, > 0") else -1.0
    assert row["p"] == (1 + (wanted * drawn >= wanted * t(within)).sum()) / 50


def test_models_without_a_wild_bootstrap_say_so(produc: dc.Panel) -> None:
    assert NoModel(test="wild").fit(produc).has_note("none_without_wild")
    assert not NoModel(test="errors").fit(produc).notes
