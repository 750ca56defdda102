"""Difference and system GMM against plm, xtabond2, pydynpd, exact moments and linearmodels."""

from __future__ import annotations

from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
from conftest import reference
from linearmodels.iv import IV2SLS

from digicarbon.packs.gmm.model._gmm_design import design
from digicarbon.packs.gmm.numeric import estimator as numeric
from digicarbon.packs.gmm.numeric.tests import without

# plm and pydynpd invert the covariance of moments and lose digits to it; ours works on its root and is within 2e-11 of
# arithmetic in 50 digits on the worst case here
TOLERANCE = 1e-8
# printed outputs of xtabond2: seven digits of coefficients from logarithms in single precision, two digits of tests
PRINTED, PRINTED_TEST = 2e-5, 0.006
# the moments in numpy were inverted, too: 6e-7 from arithmetic in 50 digits with period dummies in system GMM
INVERTED = 2e-6

PGMM = {name: v for name, v in reference("empluk_pgmm").items() if "sargan" not in name.split(".")[1]}
SARGAN = {name.split(".")[0]: v for name, v in reference("empluk_pgmm").items() if name.endswith("_hand")}
HOUSES = reference("houseprices_gmm")
XTABOND2 = reference("xtabond2_gmm")
PYDYNPD = reference("pydynpd_gmm")

FIRMS: dict[str, dict[str, Any]] = {
    "AB_a": {"lags": 2, "x": ("w", "L.w"), "controls": ("k", "L.k", "L2.k", "ys", "L.ys", "L2.ys")},
    "AB_b": {"lags": 2, "x": ("w", "L.w"), "controls": ("k", "ys", "L.ys")},
    "BB": {"x": ("w", "L.w"), "controls": ("k", "L.k"), "kind": "system", "endogenous": ("w", "k")},
}
RANGES: dict[str, Any] = {
    "lags": 2, "x": ("w", "k"), "predetermined": ("w",), "predetermined_lags": (1, 3), "instrument_lags": (2, 4),
    "effects": "unit",
}  # fmt: skip


def firms(**fields: Any) -> dc.DynamicPanel:
    return dc.DynamicPanel(**{"y": "n", **fields})


def houses(**fields: Any) -> dc.DynamicPanel:
    given = {"y": "lprice", "x": ("lincome", "intrate"), "instrument_lags": (2, 4), "collapse": True}
    return dc.DynamicPanel(**{**given, **fields})


def r_name(term: str, record: dict[str, float]) -> str:
    """The name that plm gives a term of EmplUK."""
    lag, _, variable = term.rpartition(".")
    order = int(lag.removeprefix("L") or 1) if lag else 0
    column = {"n": "emp", "w": "wage", "k": "capital", "ys": "output"}[variable]
    found = [
        name
        for name in record
        if f"log({column})" in name
        and (
            name.endswith(f"){order}") or (name == f"log({column})" and order == 0) or name == f"lag(log({column}), 1)"
        )
    ]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("record", PGMM)
def test_equals_plm_on_firms(empluk: dc.Panel, record: str) -> None:
    values = PGMM[record]
    name, steps, effect, collapse = record.split(".")
    spec = {
        **FIRMS[name],
        "steps": {"onestep": 1, "twosteps": 2}[steps],
        "effects": {"individual": "unit", "twoways": "two_way"}[effect],
        "collapse": collapse == "collapseTRUE",
        "convention": "pgmm",
    }
    found = firms(**spec).fit(empluk)
    slopes = found.estimates.drop("const", errors="ignore")
    names = [r_name(term, values["coef"]) for term in slopes.index]
    np.testing.assert_allclose(slopes["coef"], [values["coef"][n] for n in names], rtol=TOLERANCE)
    np.testing.assert_allclose(slopes["se"], [values["se_robust"][n] for n in names], rtol=TOLERANCE)
    if effect == "twoways":
        effects = found.tables["time_effects"]
        assert list(effects.index) == [n for n in values["coef"] if n.isdigit()]
        np.testing.assert_allclose(effects["coef"], [values["coef"][n] for n in effects.index], rtol=TOLERANCE)
        np.testing.assert_allclose(effects["se"], [values["se_robust"][n] for n in effects.index], rtol=TOLERANCE)
        assert found.statistics["wald_time"] == pytest.approx(values["robust"]["wald_td"]["statistic"], rel=1e-6)
        assert found.statistics["wald_time_df"] == values["robust"]["wald_td"]["df"]
    if "(Intercept)" in values["coef"]:
        assert found.estimates.loc["const", "coef"] == pytest.approx(values["coef"]["(Intercept)"], rel=TOLERANCE)
        assert found.estimates.loc["const", "se"] == pytest.approx(values["se_robust"]["(Intercept)"], rel=TOLERANCE)
    assert found.statistics["wald"] == pytest.approx(values["robust"]["wald_coef"]["statistic"], rel=1e-6)
    assert found.statistics["n_instruments"] == values["n_instruments"]
    assert found.statistics["nobs"] == values["nobs"]
    assert found.statistics["hansen_df"] == values["sargan_second_weight"]["df"]
    plain = firms(**spec, windmeijer=False, cov="classic").fit(empluk)
    ratio = plain.estimates["se"].drop("const", errors="ignore") / [values["se_plain"][n] for n in names]
    if spec["steps"] == 2:
        np.testing.assert_allclose(ratio, 1, rtol=TOLERANCE)
        assert found.statistics["hansen"] == pytest.approx(values["sargan_second_weight"]["statistic"], rel=1e-6)
        assert found.statistics["hansen_p"] == pytest.approx(values["sargan_second_weight"]["p"], rel=1e-6)
    else:
        # plm's plain one-step errors have 1/N where the variance of the errors belongs
        np.testing.assert_allclose(ratio, np.sqrt(140 * plain.statistics["sigma2"]), rtol=TOLERANCE)
    if name != "BB":
        # plm's tests of system models leave the rows in levels out of the variance, see test_equals_xtabond2
        for ours, theirs in (("ar1", "m1"), ("ar2", "m2")):
            assert found.statistics[ours] == pytest.approx(values["robust"][theirs]["statistic"], rel=1e-6)
            assert found.statistics[f"{ours}_p"] == pytest.approx(values["robust"][theirs]["p"], rel=1e-6)
            if spec["steps"] == 2:
                assert plain.statistics[ours] == pytest.approx(values["plain"][theirs]["statistic"], rel=1e-6)


@pytest.mark.parametrize("name", SARGAN)
def test_sargan_has_degrees_of_freedom_in_the_variance(empluk: dc.Panel, name: str) -> None:
    """65.8 for Arellano and Bond's (a1), the value of their Table 4; xtabond2 prints 67.59, with n for n - k."""
    found = firms(**FIRMS[name]).fit(empluk).statistics
    assert found["sargan"] == pytest.approx(SARGAN[name]["sargan"], rel=1e-6)
    k = 16 if name == "AB_a" else 13
    assert found["sargan"] * 611 / (611 - k) == pytest.approx(SARGAN[name]["sargan_nobs"], rel=1e-6)


def _houses_spec(record: str) -> dict[str, Any]:
    parts = record.split(".")
    return {
        "kind": "system" if "system" in parts else "difference",
        "effects": "two_way" if "twoways" in parts else "unit",
        "convention": "xtabond2" if parts[-1] == "own_xtabond2_style" else "pgmm",
    }


def _in_order(result: dc.Result, column: str) -> np.ndarray:
    """Estimates as the references order them: lag, regressors, period dummies, constant."""
    own = result.estimates[column]
    dummies = result.tables["time_effects"][column] if "time_effects" in result.tables else pd.Series(dtype=float)
    return np.concatenate([own.drop("const", errors="ignore"), dummies, own[own.index == "const"]])


@pytest.mark.parametrize("record", [name for name in HOUSES if "own" in name])
def test_equals_exact_moments_on_house_prices(houseprices: dc.Panel, record: str) -> None:
    values, spec = HOUSES[record], _houses_spec(record)
    tolerance = INVERTED if "system" in record else TOLERANCE
    order = np.argsort([name == "const" for name in values["names"]], kind="stable")
    one, two = houses(**spec).fit(houseprices), houses(**spec, steps=2).fit(houseprices)
    classic = houses(**spec, cov="classic").fit(houseprices)
    plain = houses(**spec, steps=2, windmeijer=False).fit(houseprices)
    for result, column, name in (
        (one, "coef", "coef_onestep"),
        (one, "se", "se_onestep_robust"),
        (classic, "se", "se_onestep_classic"),
        (two, "coef", "coef_twostep"),
        (two, "se", "se_twostep_windmeijer"),
        (plain, "se", "se_twostep_plain"),
    ):
        np.testing.assert_allclose(_in_order(result, column), np.array(values[name])[order], rtol=0, atol=tolerance)
    for result, name, suffix in (
        (one, "onestep", "robust"),
        (two, "twostep", "windmeijer"),
        (plain, "twostep", "plain"),
    ):
        for test in ("ar1", "ar2"):
            expected = values[f"{test}_{name}_{suffix}"]
            assert result.statistics[test] == pytest.approx(expected, rel=2 * INVERTED, abs=1e-8)
    for result in (one, two, plain):
        assert result.statistics["hansen"] == pytest.approx(values["hansen_twostep"], rel=1e-6)
        assert result.statistics["sargan"] == pytest.approx(values["sargan_onestep"], rel=1e-6)
        assert result.statistics["hansen_df"] == result.statistics["sargan_df"] == values["df"]
        assert result.statistics["n_instruments"] == values["n_instr"] == values["rank_first_weight"]
    assert "hansen" not in classic.statistics


@pytest.mark.parametrize("record", [name for name in HOUSES if name.endswith(".pgmm")])
def test_equals_plm_on_house_prices(houseprices: dc.Panel, record: str) -> None:
    values = HOUSES[record]
    found = houses(**_houses_spec(record), steps=1 if "onestep" in record else 2).fit(houseprices)
    expected = np.array(list(values["coef"].values()))
    errors = np.array(list(values["se_robust"].values()))
    order = np.argsort([name == "(Intercept)" for name in values["coef"]], kind="stable")
    np.testing.assert_allclose(_in_order(found, "coef"), expected[order], rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(_in_order(found, "se"), errors[order], rtol=0, atol=TOLERANCE)
    assert found.statistics["n_instruments"] == values["n_instruments"]


XTABOND2_SPECS: dict[str, dict[str, Any]] = {
    "A": FIRMS["AB_a"],
    "B": {**FIRMS["AB_a"], "endogenous": ("w", "k")},
    # dummies that instrument levels only are plm's way, too
    "C": {**FIRMS["BB"], "convention": "pgmm"},
    "D": {**RANGES, "steps": 2},
    "F": {
        **FIRMS["AB_a"], "kind": "system", "steps": 2, "effects": "unit", "predetermined": ("w", "k"),
        "endogenous": ("ys",), "lag_ranges": {"ys": None},
    },
}  # fmt: skip


@pytest.mark.parametrize("record", XTABOND2)
def test_equals_printed_xtabond2(empluk: dc.Panel, record: str) -> None:
    values, spec = XTABOND2[record], dict(XTABOND2_SPECS[record])
    panel = empluk
    if record == "F":
        # this user's own choice of year dummies
        year = np.array(panel.periods)[panel.period_codes]
        panel = panel.with_columns({f"yr{y}": (year == y).astype(float) for y in range(1980, 1985)})
        spec["controls"] = (*spec["controls"], *(f"yr{y}" for y in range(1980, 1985)))
    found = firms(**spec).fit(panel)
    units, nobs = values["n_units"], values["nobs"]
    small = 1.0
    if "small_parameters" in values:
        small = np.sqrt((nobs - 1) / (nobs - values["small_parameters"]) * units / (units - 1))
    for term, coef in values["coef"].items():
        if term != "const" or record == "F":
            assert found.estimates.loc[term, "coef"] == pytest.approx(coef, abs=PRINTED)
    for term, se in values["se"].items():
        assert found.estimates.loc[term, "se"] * small == pytest.approx(se, abs=PRINTED)
    for name in ("ar1", "ar2", "hansen", "hansen_df", "n_units", "n_instruments"):
        if name in values:
            assert found.statistics[name] == pytest.approx(values[name], abs=PRINTED_TEST)
    if "sargan" in values:
        parameters = len(found.terms) + len(found.tables.get("time_effects", ()))
        assert found.statistics["sargan"] * nobs / (nobs - parameters) == pytest.approx(
            values["sargan"], abs=PRINTED_TEST
        )
    for name, expected in values.get("difference", {}).items():
        np.testing.assert_allclose(_difference(firms(**spec), panel, found, name), expected, atol=PRINTED_TEST)


def _difference(model: dc.DynamicPanel, panel: dc.Panel, found: dc.Result, name: str) -> list[float]:
    """Hansen without a set, its df, the difference and its df; sets joined by + are left out together."""
    if " + " not in name:
        return list(
            found.tables["difference_in_hansen"].loc[name, ["without", "without_df", "difference", "difference_df"]]
        )
    made = design(model, panel)
    left_out = np.concatenate([np.full(s.columns.shape[1], s.name in name.split(" + ")) for s in made.sets])
    fit = numeric.gmm(made.moments, made.rows, doubled=True)
    rest = without(~left_out, made.moments, fit, "scaled")
    assert rest is not None
    full = found.statistics
    return [rest[0].value, rest[0].df, full["hansen"] - rest[0].value, full["n_instruments"] - rest[1]]


@pytest.mark.parametrize("record", PYDYNPD)
def test_equals_pydynpd(empluk: dc.Panel, houseprices: dc.Panel, record: str) -> None:
    values, parts = PYDYNPD[record], record.split(".")
    spec = {
        "steps": {"onestep": 1, "twosteps": 2}[parts[-1]],
        "kind": "system" if "system" in parts else "difference",
        "transformation": "orthogonal_deviations" if "fod" in parts else "difference",
        "effects": "two_way" if "timedumm" in parts else "unit",
    }
    on_firms = parts[0] == "emp"
    found = firms(**{**RANGES, **spec}).fit(empluk) if on_firms else houses(**spec).fit(houseprices)
    slopes = found.estimates.drop("const", errors="ignore")
    k = len(slopes)
    np.testing.assert_allclose(slopes["coef"], values["coef"][:k], rtol=TOLERANCE)
    np.testing.assert_allclose(slopes["se"], values["se"][:k], rtol=TOLERANCE)
    assert found.statistics["hansen"] == pytest.approx(values["hansen"], rel=1e-6)
    assert found.statistics["hansen_df"] == values["hansen_df"]
    assert found.statistics["n_instruments"] == values["n_instruments"]
    if spec["steps"] == 2:
        # beside one-step estimates pydynpd tests with the second step's moments
        assert [found.statistics["ar1"], found.statistics["ar2"]] == pytest.approx(values["ar"], rel=1e-6)


def test_exactly_identified_is_instrumental_variables(houseprices: dc.Panel) -> None:
    model = houses(instrument_lags=(2, 2), effects="unit")
    found = model.fit(houseprices)
    wide = houseprices.frame().sort_index()
    by = wide.groupby("id")
    frame = pd.DataFrame(
        {
            "dy": by["lprice"].diff(),
            "dx": by["lincome"].diff(),
            "dr": by["intrate"].diff(),
            "dl": by["lprice"].shift(1) - by["lprice"].shift(2),
            "z": by["lprice"].shift(2),
        }
    ).dropna()
    clusters = pd.Series(pd.factorize(frame.index.get_level_values("id"))[0], index=frame.index)
    theirs = IV2SLS(frame["dy"], frame[["dx", "dr"]], frame["dl"], frame["z"]).fit(
        cov_type="clustered", clusters=clusters, debiased=False
    )
    for ours, name in (("L.lprice", "dl"), ("lincome", "dx"), ("intrate", "dr")):
        assert found.estimates.loc[ours, "coef"] == pytest.approx(theirs.params[name], rel=TOLERANCE)
        assert found.estimates.loc[ours, "se"] == pytest.approx(theirs.std_errors[name], rel=TOLERANCE)
    assert found.statistics["sargan_df"] == 0
    assert np.isnan(found.statistics["hansen_p"])
    assert any("As many instruments as parameters" in note for note in tuple(map(str, found.notes)))
    two = model.model_copy(update={"steps": 2}).fit(houseprices)
    np.testing.assert_allclose(two.coef, found.coef, rtol=TOLERANCE)


def test_both_transformations_agree_where_all_lags_instrument(houseprices: dc.Panel) -> None:
    """Arellano & Bover (1995): with all lags and no gaps, estimates do not depend on the transformation."""
    short = houseprices.select(periods=range(1975, 1980))
    spec = {
        "instrument_lags": (2, None), "predetermined": ("lincome", "intrate"), "effects": "unit", "collapse": False,
    }  # fmt: skip
    difference = houses(**spec).fit(short)
    deviations = houses(**spec, transformation="orthogonal_deviations").fit(short)
    np.testing.assert_allclose(deviations.coef, difference.coef, rtol=1e-7)
    np.testing.assert_allclose(deviations.covariance, difference.covariance, rtol=1e-6)
    for name in ("ar1", "ar2", "hansen", "n_instruments"):
        assert deviations.statistics[name] == pytest.approx(difference.statistics[name], rel=1e-6)


@pytest.mark.parametrize("kind", ["difference", "system"])
def test_order_and_units_of_measurement_do_not_matter(empluk: dc.Panel, kind: str) -> None:
    # 140 firms and more instruments than that: the weight is a generalised inverse
    spec = {**FIRMS["BB"], "kind": kind, "steps": 2, "predetermined": ("ys",), "controls": ("k", "L.k", "ys")}
    found = firms(**spec).fit(empluk)
    frame = empluk.frame().reset_index()
    labels = dict(zip(frame["firm"].unique(), np.random.default_rng(5).permutation(140), strict=True))
    shuffled = frame.assign(firm=frame["firm"].map(labels)).sample(frac=1, random_state=1)
    again = firms(**spec).fit(dc.Panel.from_frame(shuffled, "firm", "year", gaps="keep"))
    np.testing.assert_allclose(again.coef, found.coef, rtol=1e-6)
    np.testing.assert_allclose(again.estimates["se"], found.estimates["se"], rtol=1e-6)
    assert again.statistics == pytest.approx(found.statistics, rel=1e-6)
    scaled = firms(**spec).fit(empluk.with_columns({"ys": empluk.column("ys") * 1e6}))
    np.testing.assert_allclose(scaled.coef[: -1 - (kind == "system")], found.coef[: -1 - (kind == "system")], rtol=1e-5)
    assert scaled.estimates.loc["ys", "coef"] * 1e6 == pytest.approx(found.estimates.loc["ys", "coef"], rel=1e-5)
    assert scaled.statistics["hansen"] == pytest.approx(found.statistics["hansen"], rel=1e-5)


def test_many_instruments_are_told_of_and_collapsing_uses_fewer(empluk: dc.Panel) -> None:
    spec = {**FIRMS["BB"], "steps": 2, "predetermined": ("ys",), "controls": ("k", "L.k", "ys")}
    many, few = firms(**spec).fit(empluk), firms(**spec, collapse=True).fit(empluk)
    assert many.statistics["n_instruments"] > 140 > few.statistics["n_instruments"]
    assert any("instruments exceed 140 units" in note for note in tuple(map(str, many.notes)))
    assert any("generalised inverse" in note for note in tuple(map(str, many.notes)))
    assert len(tuple(map(str, few.notes))) == 1
    pgmm = firms(**spec, convention="pgmm").fit(empluk)
    assert np.isfinite(pgmm.covariance).all()


def test_difference_in_hansen_adds_up(empluk: dc.Panel) -> None:
    found = firms(**FIRMS["BB"], instruments=("ys",), steps=2).fit(empluk)
    table = found.tables["difference_in_hansen"]
    assert list(table.index) == ["differences in levels", "lags of n", "lags of w", "lags of k", "instruments"]
    np.testing.assert_allclose(table["without"] + table["difference"], found.statistics["hansen"], rtol=1e-9)
    np.testing.assert_allclose(table["without_df"] + table["difference_df"], found.statistics["hansen_df"])
    assert (table["difference"] >= 0).all()
    assert table.loc["instruments", "difference_df"] == 1


def test_lags_among_regressors_lose_no_instrument(empluk: dc.Panel) -> None:
    """A row without a lag of w still has an outcome, which instruments later rows."""
    long = firms(x=("L.w",)).fit(empluk)
    assert long.statistics["n_instruments"] == firms(x=("w",)).fit(empluk).statistics["n_instruments"]
    assert firms(x=("L.w", "L.w^2:k")).terms == ("n", "w", "k")
    by_hand = empluk.with_columns({"w_squared": empluk.column("w") ** 2})
    powers = firms(x=("w^2", "D.k")).fit(empluk)
    np.testing.assert_allclose(powers.coef, firms(x=("w_squared", "D.k")).fit(by_hand).coef, rtol=1e-9)
    assert powers.terms == ("L.n", "w^2", "D.k")


def test_transformed_equation_only_changes_system_models(houseprices: dc.Panel) -> None:
    for kind in ("difference", "system"):
        both = houses(kind=kind).fit(houseprices)
        transformed = houses(kind=kind, exogenous_equation="transformed").fit(houseprices)
        assert np.allclose(both.coef, transformed.coef) == (kind == "difference")
        assert both.statistics["n_instruments"] == transformed.statistics["n_instruments"]


def test_result_has_residuals_and_normal_inference(houseprices: dc.Panel) -> None:
    found = houses(kind="system").fit(houseprices)
    assert found.kind == "system_gmm"
    assert found.focal == ("lincome", "intrate")
    assert found.inference.df is None
    assert found.absorbed == ("unit", "time")
    assert found.residuals is not None
    assert found.residuals.shape == (27, 49)
    frame = houseprices.frame().sort_index()
    effects = found.tables["time_effects"]["coef"]
    lagged = frame["lprice"].groupby("id").shift(1)
    fitted = found.coef[:3] @ np.array([lagged, frame["lincome"], frame["intrate"]])
    dummies = frame.index.get_level_values("t").astype(str).map(effects).fillna(0.0).to_numpy(dtype=float)
    levels = frame["lprice"] - fitted - dummies
    expected = levels.groupby("id").diff().unstack("id").dropna()
    np.testing.assert_allclose(np.sort(found.residuals, axis=None), np.sort(expected.to_numpy(), axis=None), atol=1e-9)


def test_classic_tests_agree_with_robust_ones_under_equal_variances() -> None:
    rng = np.random.default_rng(0)
    n, t = 1500, 7
    effect, y = rng.normal(size=n), np.zeros((n, t + 20))
    x = rng.normal(size=(n, t + 20))
    for s in range(1, t + 20):
        y[:, s] = 0.4 * y[:, s - 1] + effect + x[:, s] + rng.normal(size=n)
    frame = pd.DataFrame(
        {"u": np.repeat(range(n), t), "t": np.tile(range(t), n), "y": y[:, 20:].ravel(), "x": x[:, 20:].ravel()}
    )
    panel = dc.Panel.from_frame(frame, "u", "t")
    for kind in ("difference", "system"):
        for transformation in ("difference", "orthogonal_deviations"):
            spec = {"kind": kind, "transformation": transformation, "collapse": True, "effects": "unit"}
            robust = dc.DynamicPanel(y="y", x=("x",), **spec).fit(panel)
            classic = dc.DynamicPanel(y="y", x=("x",), cov="classic", **spec).fit(panel)
            assert classic.statistics["sigma2"] == pytest.approx(1, abs=0.05)
            # differences are serially correlated of order one, so that only the second order has its null
            assert classic.statistics["ar2"] == pytest.approx(robust.statistics["ar2"], rel=0.1)
            if kind == "difference":
                # in levels the classic form leaves the variance of unit effects out
                np.testing.assert_allclose(classic.estimates["se"], robust.estimates["se"], rtol=0.1)
