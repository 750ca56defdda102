"""Instrumental variables against Stata's ivreg2, linearmodels, pyfixest and ivmodels."""

from __future__ import annotations

from typing import Any

import classic as dc
import fields
import numpy as np
import pandas as pd
import pytest
from conftest import REFERENCE, reference
from linearmodels.iv import IV2SLS, IVLIML, common
from scipy import stats

from digicarbon.errors import DataError, EstimationError
from digicarbon.model._iv_statistics import made_of

# two routes to the same algebra in double precision, condition numbers about 1e5
TOLERANCE = 1e-8
# Stata's abdata hold logarithms in single precision, R's copy of the data rounds levels: seven digits at best; small p
# values multiply the difference
SINGLE = 2e-5

R = reference("instruments")
X = ("log(pcap)",)
CONTROLS = ("log(pc)", "log(emp)", "unemp")
LAGS = ("L.log(pcap)", "L2.log(pcap)")


@pytest.fixture(scope="module")
def firms() -> dc.Panel:
    """Arellano and Bond's 140 firms, 7 to 9 years each (R package plm), with logarithms as in Stata's abdata."""
    frame = pd.read_csv(REFERENCE / "empluk.csv")
    for name, level in {"n": "emp", "w": "wage", "k": "capital", "ys": "output"}.items():
        frame[name] = np.log(frame[level])
    return dc.Panel.from_frame(frame, unit="firm", time="year", gaps="keep")


@pytest.fixture(scope="module")
def women() -> dc.Panel:
    """Mroz's 428 women with a wage, as a panel of one period."""
    from linearmodels.datasets import mroz

    frame = mroz.load().dropna(subset=["lwage"]).reset_index(names="woman").assign(year=1975)
    return dc.Panel.from_frame(frame, unit="woman", time="year")


@pytest.fixture(scope="module")
def gappy(produc: dc.Panel) -> dc.Panel:
    """Produc without a few rows."""
    frame = produc.frame().reset_index().drop(index=[3, 50, 51, 400, 401, 700])
    return dc.Panel.from_frame(frame, "state", "year", gaps="keep")


def firm_model(**fields: Any) -> dc.PanelIV:
    return dc.PanelIV(
        y="n", x=("w", "k", "ys"), instruments=("D.w", "D.k", "D.ys", "D2.w", "D2.k", "D2.ys"), effects="none", **fields
    )


def woman_model(**fields: Any) -> dc.PanelIV:
    fields = {"instruments": ("age", "kidslt6", "kidsge6"), **fields}
    return dc.PanelIV(y="lwage", x=("educ",), controls=("exper", "expersq"), effects="none", **fields)


def state_model(**fields: Any) -> dc.PanelIV:
    return dc.PanelIV(y="log(gsp)", x=X, controls=CONTROLS, **{"instruments": LAGS, **fields})


# --- Stata


@pytest.mark.parametrize("method", ["2sls", "liml"])
def test_clustered_estimates_equal_stata(firms: dc.Panel, method: str) -> None:
    found = firm_model(method=method, cov="cluster").fit(firms)
    expected = R[f"ab.{method}.cluster"]
    for column in ("coef", "se"):
        values = pd.Series(expected[column])
        np.testing.assert_allclose(found.estimates.loc[values.index, column], values, rtol=SINGLE)
    assert found.statistics["nobs"] == 751
    for name in set(expected) & set(found.statistics):
        assert found.statistics[name] == pytest.approx(expected[name], rel=SINGLE), name


@pytest.mark.parametrize("cov", ["classic", "robust", "cluster"])
def test_first_stages_of_three_endogenous_regressors_equal_stata(firms: dc.Panel, cov: str) -> None:
    found = firm_model(cov=cov).fit(firms).tables["first_stage"]
    for name, values in R[f"ab.first_stage.{cov}"].items():
        rtol = 10 * SINGLE if name.endswith("_p") else SINGLE
        np.testing.assert_allclose(found[name], values, rtol=rtol)


@pytest.mark.parametrize("cov", ["classic", "robust"])
def test_tests_of_one_endogenous_regressor_equal_stata(women: dc.Panel, cov: str) -> None:
    found = woman_model(cov=cov).fit(women)
    expected = R[f"mroz.{cov}"]
    shared = set(expected) & set(found.statistics)
    assert len(shared) >= 4
    for name in shared:
        assert found.statistics[name] == pytest.approx(expected[name], rel=1e-6), name


def test_robust_standard_error_equals_stata_with_its_factor(women: dc.Panel) -> None:
    expected = R["mroz.robust"]
    educ = woman_model(cov="robust").fit(women).estimates.loc["educ"]
    assert educ["coef"] == pytest.approx(expected["coef"], rel=1e-6)
    assert educ["se"] == pytest.approx(expected["se_without_small"] * np.sqrt(428 / 424), rel=1e-6)


def test_effective_f_equals_stata(women: dc.Panel) -> None:
    found = woman_model(cov="robust").fit(women).statistics
    expected = R["mroz.effective_f"]
    # printed with three decimals
    assert found["effective_f"] == pytest.approx(expected["effective_f"], abs=5e-4)
    assert found["first_stage_f"] == pytest.approx(expected["robust_f"], abs=5e-4)


def test_robust_effective_f_of_one_instrument_is_the_first_stage_f(women: dc.Panel) -> None:
    found = woman_model(cov="robust", instruments=("age",)).fit(women).statistics
    assert found["effective_f"] == pytest.approx(found["first_stage_f"], rel=TOLERANCE)
    # K_eff = 1: the noncentral chi2 of one degree of freedom
    assert found["effective_f_critical"] == pytest.approx(stats.ncx2.ppf(0.95, 1, 10), rel=1e-6)


# --- linearmodels


def dummies(panel: dc.Panel, effects: str) -> pd.DataFrame:
    frame = panel.frame().reset_index()
    columns = {"none": [], "unit": ["state"], "time": ["year"], "two_way": ["state", "year"]}[effects]
    constant = pd.DataFrame({"const": np.ones(len(frame))})
    if not columns:
        return constant
    return pd.concat([constant, pd.get_dummies(frame[columns].astype(str), drop_first=True, dtype=float)], axis=1)


def explicit(panel: dc.Panel, effects: str, method: str) -> Any:
    """The model with dummies for every effect, in linearmodels."""
    made = panel.with_terms(LAGS)
    frame = made.frame().reset_index()
    exogenous = pd.concat([frame[list(CONTROLS)], dummies(made, effects)], axis=1)
    kind = IV2SLS if method == "2sls" else IVLIML
    return kind(frame["log(gsp)"], exogenous, frame[list(X)], frame[list(LAGS)]), made


@pytest.mark.parametrize("method", ["2sls", "liml"])
@pytest.mark.parametrize("effects", ["none", "unit", "time", "two_way"])
def test_effects_equal_explicit_dummies_in_an_unbalanced_panel(gappy: dc.Panel, effects: str, method: str) -> None:
    model, made = explicit(gappy, effects, method)
    names = [*X, *CONTROLS]
    for cov, kind in (("classic", "unadjusted"), ("robust", "robust")):
        found = state_model(effects=effects, method=method, cov=cov).fit(gappy)
        theirs = model.fit(cov_type=kind, debiased=True)
        np.testing.assert_allclose(found.estimates.loc[names, "coef"], theirs.params[names], rtol=1e-6)
        np.testing.assert_allclose(found.estimates.loc[names, "se"], theirs.std_errors[names], rtol=1e-6)
        assert found.statistics["df_resid"] == theirs.df_resid
    clustered = state_model(effects=effects, method=method, cov="cluster", small_sample="none", df="residual").fit(
        gappy
    )
    theirs = model.fit(cov_type="clustered", clusters=made.unit_codes, debiased=False)
    np.testing.assert_allclose(clustered.estimates.loc[names, "se"], theirs.std_errors[names], rtol=1e-6)


@pytest.mark.parametrize("method", ["2sls", "liml"])
def test_two_ways_of_clustering_equal_linearmodels(gappy: dc.Panel, method: str) -> None:
    model, made = explicit(gappy, "unit", method)
    names = [*X, *CONTROLS]
    codes = np.column_stack([made.unit_codes, made.period_codes])
    theirs = model.fit(cov_type="clustered", clusters=codes, debiased=False)
    fields = {"effects": "unit", "method": method, "cov": "cluster", "cluster": "both"}
    found = state_model(small_sample="none", **fields).fit(gappy)
    np.testing.assert_allclose(found.estimates.loc[names, "se"], theirs.std_errors[names], rtol=1e-6)
    # the smaller number of clusters counts, and unit effects are nested in one of the two
    stata = state_model(**fields).fit(gappy)
    t, n = made.shape[1], len(made.unit_codes)
    factor = t / (t - 1) * (n - 1) / (n - 4 - 1)
    np.testing.assert_allclose(stata.vcov, found.vcov * factor, rtol=1e-10)
    assert stata.tables["first_stage"]["df2"].iloc[0] == t - 1


@pytest.mark.parametrize("cov", ["robust", "cluster"])
def test_small_sample_rules_are_those_of_the_panel_regression(produc: dc.Panel, cov: str) -> None:
    made = produc.with_terms(LAGS)
    reference_model = dc.PanelRegression(y="log(gsp)", x=X, controls=CONTROLS, cov=cov)
    one = state_model(cov=cov, small_sample="none").fit(made)
    base = reference_model.model_copy(update={"small_sample": "none"}).fit(made)
    for rule in ("stata", "g", "full", "sss", "hc1"):
        ours = state_model(cov=cov, small_sample=rule).fit(made).vcov.iloc[0, 0] / one.vcov.iloc[0, 0]
        theirs = reference_model.model_copy(update={"small_sample": rule}).fit(made).vcov.iloc[0, 0]
        assert ours == pytest.approx(theirs / base.vcov.iloc[0, 0], rel=1e-10), rule


@pytest.mark.parametrize("effects", ["none", "unit", "two_way"])
def test_classic_tests_equal_linearmodels(gappy: dc.Panel, effects: str) -> None:
    model, made = explicit(gappy, effects, "2sls")
    theirs = model.fit(cov_type="unadjusted", debiased=True)
    found = state_model(effects=effects).fit(gappy)
    s = found.statistics
    rows = s["nobs"]
    share = (rows - {"none": 0, "unit": made.shape[0], "two_way": sum(made.shape) - 1}[effects]) / rows
    assert s["overid"] == pytest.approx(theirs.sargan.stat * share, rel=1e-6)
    assert s["endogeneity"] == pytest.approx(theirs.wu_hausman().stat, rel=1e-4)
    first = theirs.first_stage.diagnostics.loc[X[0]]
    assert s["first_stage_f"] == pytest.approx(first["f.stat"], rel=1e-6)
    assert s["partial_r2"] == pytest.approx(first["partial.rsquared"], rel=1e-6)
    assert s["cragg_donald_f"] == pytest.approx(s["first_stage_f"], rel=1e-6)
    assert s["effective_f"] == pytest.approx(s["first_stage_f"], rel=1e-6)


@pytest.mark.parametrize(("cov", "kind"), [("robust", "robust"), ("cluster", "clustered")])
def test_rank_statistics_equal_linearmodels(firms: dc.Panel, cov: str, kind: str) -> None:
    model = firm_model(cov=cov)
    made = firms.with_terms(model.terms)
    config = {"clusters": made.unit_codes} if cov == "cluster" else None
    arrays = made.array(model.x), made.array(model.instruments), np.ones((len(made.unit_codes), 1))
    found = model.fit(firms).statistics
    lm = common.kleibergen_paap(*arrays, cov_type=kind, cov_config=config)
    assert found["kleibergen_paap_lm"] == pytest.approx(lm.stat, rel=TOLERANCE)
    assert found["kleibergen_paap_lm_p"] == pytest.approx(lm.pval, rel=TOLERANCE)
    assert found["kleibergen_paap_f"] == pytest.approx(
        common.kleibergen_paap_f(*arrays, cov_type=kind, cov_config=config), rel=TOLERANCE
    )


# --- pyfixest, ivmodels


@pytest.mark.parametrize(("name", "lags"), [("one", LAGS[:1]), ("two", LAGS)])
@pytest.mark.parametrize(("cov", "theirs"), [("classic", "iid"), ("robust", "hetero"), ("cluster", "cluster")])
def test_two_way_effects_equal_pyfixest(
    produc: dc.Panel, name: str, lags: tuple[str, ...], cov: str, theirs: str
) -> None:
    expected = R[f"pyfixest.{name}.{theirs}"]
    found = state_model(instruments=lags, cov=cov).fit(produc.with_terms(LAGS))
    named = {"lpcap": "log(pcap)", "lpc": "log(pc)", "lemp": "log(emp)", "unemp": "unemp"}
    for column in ("coef", "se"):
        values = pd.Series(expected[column]).rename(named)
        np.testing.assert_allclose(found.estimates.loc[values.index, column], values, rtol=1e-6)
    assert found.statistics["first_stage_f"] == pytest.approx(expected["f"], rel=1e-6)
    if name == "one" and cov != "classic":
        # with two instruments pyfixest weights by instruments that still hold the controls; Stata's number is ours
        assert found.statistics["effective_f"] == pytest.approx(expected["effective_f"], rel=1e-6)


@pytest.mark.parametrize("case", ["bounded", "bounded_two", "weak", "just"])
def test_anderson_rubin_equals_ivmodels(produc: dc.Panel, case: str) -> None:
    expected = R[f"ar.{case}"]
    model = dc.PanelIV(
        y="log(gsp)",
        x=(expected["x"],),
        controls=tuple(expected["controls"]),
        instruments=tuple(expected["instruments"]),
        effects="none",
    )
    found = model.fit(produc)
    assert found.statistics["nobs"] == expected["nobs"]
    assert found.statistics["anderson_rubin"] == pytest.approx(expected["f"], rel=1e-6)
    assert found.statistics["anderson_rubin_p"] == pytest.approx(expected["p"], rel=1e-6, abs=1e-14)
    intervals = found.tables["anderson_rubin"][["low", "high"]].to_numpy()
    theirs = np.array(
        [[-np.inf if a is None else a, np.inf if b is None else b] for a, b in expected["intervals"]]
    ).reshape(-1, 2)
    np.testing.assert_allclose(intervals, theirs, rtol=1e-6)


# --- properties


@pytest.mark.parametrize("cov", ["classic", "robust", "cluster"])
@pytest.mark.parametrize("instruments", [("L.log(pcap)",), LAGS, ("L.unemp", "L2.unemp"), ("L.unemp",)])
def test_ends_of_the_anderson_rubin_set_are_where_the_test_is_at_its_level(
    produc: dc.Panel, cov: str, instruments: tuple[str, ...]
) -> None:
    model = state_model(instruments=instruments, cov=cov, effects="unit")
    made = produc.with_terms(model.terms)
    found = model.fit(made)
    table = found.tables["anderson_rubin"]
    ends = table[["low", "high"]].to_numpy().ravel()

    def p_at(b: float) -> float:
        moved = made.with_columns({"moved": made.array(["log(gsp)"])[:, 0] - b * made.array(X)[:, 0]})
        return model.model_copy(update={"y": "moved"}).fit(moved).statistics["anderson_rubin_p"]

    for end in ends[np.isfinite(ends)]:
        assert p_at(end) == pytest.approx(0.05, abs=1e-5)
    for low, high in table[["low", "high"]].to_numpy():
        if np.isfinite([low, high]).all():
            assert p_at((low + high) / 2) > 0.05
            assert p_at(high + 0.1 * (high - low)) < 0.05
    first = found.tables["first_stage"].iloc[0]
    assert np.isinf(ends).any() == (first["p"] > 0.05)


@pytest.mark.parametrize("cov", ["classic", "robust", "cluster"])
def test_other_bases_of_the_same_instruments_change_nothing(produc: dc.Panel, cov: str) -> None:
    made = produc.with_terms(LAGS)
    one, two = made.array(LAGS).T
    mixed = made.with_columns({"z1": 3 * one - two, "z2": 0.01 * two + one})
    a, b = state_model(cov=cov).fit(mixed), state_model(cov=cov, instruments=("z1", "z2")).fit(mixed)
    np.testing.assert_allclose(a.vcov, b.vcov, rtol=1e-6)
    for name, value in a.statistics.items():
        assert b.statistics[name] == pytest.approx(value, rel=1e-5), name


@pytest.mark.parametrize("cov", ["classic", "cluster"])
def test_exactly_identified_liml_is_2sls_and_has_no_overidentification_test(produc: dc.Panel, cov: str) -> None:
    liml, tsls = (state_model(instruments=LAGS[:1], method=m, cov=cov).fit(produc) for m in ("liml", "2sls"))
    np.testing.assert_allclose(liml.estimates, tsls.estimates, rtol=1e-6, atol=1e-12)
    assert "overid" not in tsls.statistics
    assert "Overidentification" not in tsls.tables["tests"].index
    s = tsls.statistics
    assert s["kleibergen_paap_f"] == pytest.approx(s["first_stage_f"], rel=1e-6)
    # the first-stage t statistic squared
    row = tsls.tables["first_stage_coefficients"].loc[(X[0], LAGS[0])]
    assert s["first_stage_f"] == pytest.approx(row["stat"] ** 2, rel=1e-6)


def test_row_order_does_not_matter(gappy: dc.Panel) -> None:
    shuffled = gappy.frame().reset_index().sample(frac=1, random_state=1)
    again = dc.Panel.from_frame(shuffled, "state", "year", gaps="keep")
    a, b = state_model(cov="cluster").fit(gappy), state_model(cov="cluster").fit(again)
    pd.testing.assert_frame_equal(a.estimates, b.estimates)
    assert a.statistics == b.statistics


def test_residuals_are_those_of_the_structural_equation(produc: dc.Panel) -> None:
    made = produc.with_terms(LAGS)
    found = state_model().fit(made)
    assert found.residuals is not None
    assert found.residuals.shape == (15, 48)
    np.testing.assert_allclose(found.residuals.sum(axis=0), 0, atol=1e-10)
    ssr = float((found.residuals**2).sum())
    assert found.statistics["sigma2"] == pytest.approx(ssr / found.statistics["df_resid"])


def test_endogenous_may_be_a_control(produc: dc.Panel) -> None:
    model = dc.PanelIV(
        y="log(gsp)",
        x=X,
        controls=CONTROLS,
        endogenous=("unemp",),
        instruments=("L.unemp",),
    )
    found = model.fit(produc)
    assert list(found.tables["first_stage"].index) == ["unemp"]
    assert found.focal == X
    assert "unemp instrumented by L.unemp" in str(found.notes[1])


# --- sentences


def test_weak_instruments_are_named(women: dc.Panel) -> None:
    found = woman_model().fit(women)
    text = " ".join(tuple(map(str, found.notes)))
    assert "That the instruments affect lwage through it alone is a claim that the data cannot prove" in text
    assert "Weak instruments: the effective F of the first stage is 4.34, below the rule of thumb of 10" in text
    assert "The Cragg-Donald F of 4.34 is below Stock and Yogo's 22.30" in text
    assert "Anderson-Rubin 95% set of educ, valid with weak instruments: -0.2709 to 0.4287" in text
    assert "A lag" not in text


def test_strong_instruments_and_absorbed_effects_are_told(produc: dc.Panel) -> None:
    text = " ".join(tuple(map(str, state_model().fit(produc).notes)))
    assert "First stage: the effective F is 11248.41, above the rule of thumb of 10" in text
    assert "A lag is a valid instrument only if the error has no memory that reaches back to it, and after unit" in text
    assert "errors of all 15 periods" in text
    pooled = " ".join(tuple(map(str, state_model(effects="time").fit(produc).notes)))
    assert "no memory that reaches back to it." in pooled
    assert "χ² tests count 658 observations, 62 less for the absorbed effects" in text


def test_unbounded_sets_are_told(produc: dc.Panel) -> None:
    model = dc.PanelIV(y="log(gsp)", x=("log(pcap)",), controls=("log(pc)",), instruments=("unemp",), effects="none")
    assert "below -0.2303 and above 1.7124." in str(model.fit(produc).notes[-1])


def test_fewer_clusters_than_instruments_leaves_joint_tests_out(produc: dc.Panel) -> None:
    few = produc.select(units=produc.units[:5])
    lags = tuple(f"L{lag}.{name}" for lag in (1, 2) for name in ("unemp", "log(emp)", "log(pc)"))
    found = state_model(instruments=lags, cov="cluster", effects="unit").fit(few)
    assert np.isnan(found.statistics["anderson_rubin"])
    assert np.isnan(found.statistics["overid"])
    assert "There are too few clusters for these instruments" in str(found.notes[-1])
    assert "anderson_rubin" not in found.tables


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"instruments": ()}, r"instruments is empty; .* model\.instruments=\[L\.ln_e\]"),
        ({"instruments": ("unemp",)}, "unemp is a regressor and an instrument at once"),
        ({"instruments": ("log(gsp)",)}, r"log\(gsp\) is the outcome; it cannot be an instrument"),
        ({"instruments": ("L.unemp", "L.unemp")}, "instruments names L.unemp more than once"),
        ({"endogenous": ("unempl",)}, r"endogenous names unempl, which is neither .* Did you mean 'unemp'\?"),
        (
            {"endogenous": ("log(pcap)", "unemp"), "instruments": ("L.unemp",)},
            r"1 instrument \(L\.unemp\) cannot identify 2 endogenous regressors \(log\(pcap\), unemp\)",
        ),
        ({"instruments": ("const",)}, "'const' is the constant"),
    ],
)
def test_a_wrong_specification_is_refused(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        state_model(**fields)


def refused(panel: dc.Panel, sentence: str, kind: type[Exception] = EstimationError, **fields: Any) -> None:
    model = state_model(**fields)
    with pytest.raises(kind, match=sentence):
        model.check(panel)
    with pytest.raises(kind, match=sentence):
        model.fit(panel)


def test_bad_instruments_are_named_before_a_fit(produc: dc.Panel) -> None:
    x = produc.array(["log(pcap)"])[:, 0]
    rng = np.random.default_rng(0)
    panel = produc.with_columns(
        {
            "area": produc.unit_codes.astype(float),
            "twice": 2 * produc.array(["unemp"])[:, 0] + produc.period_codes,
            "same": 3 * x - 1,
            "noise": rng.normal(size=len(x)),
        }
    )
    panel = panel.with_columns({"flat": np.full(len(x), 7.3)})
    refused(panel, "flat does not vary, so the constant absorbs it", effects="none", instruments=("noise", "flat"))
    refused(panel, "area does not vary within units and periods, so two_way effects absorb it", instruments=("area",))
    refused(panel, "twice is collinear with unemp after two_way effects", instruments=("twice",))
    refused(panel, r"log\(pcap\) is an exact linear combination of the instruments", instruments=("same",))
    refused(panel, r"no column 'unempl'. Did you mean 'unemp'\?", DataError, instruments=("unempl",))
    refused(panel, "No row of the panel has L20.unemp", DataError, instruments=("L20.unemp",))
    refused(panel, "needs? at least two periods", DataError, instruments=("L16.unemp",))
    refused(panel.select(units=panel.units[:3]), "3 clusters by unit are too few", cov="cluster")
    refused(panel.select(periods=[1970, 1971], units=panel.units[:4]), "cannot identify", instruments=("noise",))


def test_irrelevant_instruments_are_refused(produc: dc.Panel) -> None:
    rng = np.random.default_rng(1)
    cube = rng.normal(size=(len(produc.unit_codes), 3))
    basis, _ = np.linalg.qr(np.column_stack([np.ones(len(cube)), cube]))
    panel = produc.with_columns({"a": basis[:, 1], "b": basis[:, 2], "y": basis[:, 3] + basis[:, 1]})
    model = dc.PanelIV(y="y", x=("a",), instruments=("b",), effects="none")
    with pytest.raises(EstimationError, match="The instruments b are uncorrelated with a"):
        model.check(panel)


def test_instruments_that_do_not_tell_regressors_apart_are_refused(produc: dc.Panel) -> None:
    rng = np.random.default_rng(2)
    basis, _ = np.linalg.qr(np.column_stack([np.ones(len(produc.unit_codes)), rng.normal(size=(816, 5))]))
    z1, z2, u, v, e = basis[:, 1:].T
    panel = produc.with_columns({"z1": z1, "z2": z2, "a": z1 + u, "b": 2 * z1 + v, "y": u + e})
    model = dc.PanelIV(y="y", x=("a", "b"), instruments=("z1", "z2"), effects="none")
    with pytest.raises(EstimationError, match="do not tell b apart from a"):
        model.check(panel)


@pytest.mark.parametrize(
    ("x", "instruments", "named"),
    [
        (("log(pcap)",), ("log(pcap)^2",), {"log(pcap)^2": "log(pcap)"}),
        (("log(pcap)",), ("log(pcap):unemp", "L.log(pcap)"), {"log(pcap):unemp": "log(pcap)"}),
        (("log(pcap)^2",), ("log(pcap)",), {"log(pcap)": "log(pcap)^2"}),
        (("log(pcap)",), ("D.log(pcap)",), {"D.log(pcap)": "log(pcap)"}),
        # the level before is what Anderson and Hsiao instrument a difference by
        (("D.log(pcap)",), ("L.log(pcap)", "L2.log(pcap)"), {}),
        (("log(pcap)",), ("L.log(pcap)^2",), {}),
        (("log(pcap):unemp",), ("L.log(pcap):unemp",), {}),
    ],
)
def test_instruments_made_of_the_endogenous_term_are_told_of(
    produc: dc.Panel, x: tuple[str, ...], instruments: tuple[str, ...], named: dict[str, str]
) -> None:
    found = dc.PanelIV(y="log(gsp)", x=x, controls=("log(emp)",), instruments=instruments).fit(produc)
    told = [note for note in tuple(map(str, found.notes)) if "is made of the endogenous" in note]
    assert len(told) == len(named)
    for note, (instrument, term) in zip(told, named.items(), strict=True):
        assert note.startswith(f"{instrument} is made of the endogenous {term} of the same period; it is not exogenous")


def test_a_logarithm_and_its_variable_are_the_same_source() -> None:
    assert made_of(["e", "L.ln_e", "ln_e^2"], ["ln_e"]) == {"e": "ln_e", "ln_e^2": "ln_e"}


def test_a_first_stage_with_an_indefinite_covariance_is_repaired_as_a_note_says() -> None:
    """With two-way clusters and few periods a variance can come out below zero."""
    short = fields.panel().select(periods=fields.panel().periods[:5])
    noise = np.random.default_rng(10).normal(size=len(short.unit_codes))
    model = dc.PanelIV(
        y="y", x=("x",), controls=("q",), instruments=("z", "noise"), effects="none", cov="cluster", cluster="both"
    )
    result = model.fit(short.with_columns({"noise": noise}))
    assert result.tables["first_stage_coefficients"].notna().all(axis=None)
    assert result.has_note("covariance_repaired")
