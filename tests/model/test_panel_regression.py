"""Panel regressions against R (plm, fixest) on the Produc panel."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import classic as dc
import numpy as np
import pandas as pd
import pytest
from conftest import reference

from digicarbon.errors import ConfigError, DataError, EstimationError, WeightsError
from digicarbon.numeric.linear.covariance import nearest_semidefinite
from digicarbon.numeric.linear.within import Rows, absorb

# R prints 17 digits; two QR decompositions of a 816 x 5 design with condition 1e5 agree to about 1e-12
TOLERANCE = 1e-10
X = ("log(pcap)", "log(pc)", "log(emp)", "unemp")
EFFECTS = {"ind": "unit", "time": "time", "two": "two_way"}
R = reference("produc_regression")

PLM = {
    "pooling": {"effects": "none"},
    "fe_ind": {"effects": "unit"},
    "fe_time": {"effects": "time"},
    "fe_two": {"effects": "two_way"},
    "fd": {"effects": "unit", "estimator": "first_difference"},
    "be": {"effects": "unit", "estimator": "between"},
    "re_ind": {"effects": "random"},
    "re_time": {"effects": "random_time"},
    "re_two": {"effects": "random_two_way"},
    "re_ind.swar": {"effects": "random", "variance": "swamy_arora"},
    "re_ind.walhus": {"effects": "random", "variance": "wallace_hussain"},
    "re_ind.amemiya": {"effects": "random", "variance": "amemiya"},
    "re_ind.nerlove": {"effects": "random", "variance": "nerlove"},
}
PLM_COVARIANCE = {
    "white1": {"cov": "robust"},
    "arellano_group": {"cov": "cluster", "cluster": "unit"},
    "arellano_time": {"cov": "cluster", "cluster": "time"},
    "DC": {"cov": "cluster", "cluster": "both"},
    "SCC_default": {"cov": "driscoll_kraay", "bandwidth": 2},
    "SCC_lag2": {"cov": "driscoll_kraay"},
    "NW": {"cov": "newey_west"},
    "BK_group": {"cov": "beck_katz", "cluster": "unit"},
    "BK_time": {"cov": "beck_katz", "cluster": "time"},
}
PLM_RULE = {"HC0": "none", "HC1": "hc1", "HC3": "hc3", "sss": "sss"}
FIXEST_COVARIANCE = {
    "iid": {"cov": "classic"},
    "hetero": {"cov": "robust"},
    "cl_id": {"cov": "cluster"},
    "cl_time": {"cov": "cluster", "cluster": "time"},
    "cl_two": {"cov": "cluster", "cluster": "both"},
    "DK1": {"cov": "driscoll_kraay", "bandwidth": 1},
    "DK2": {"cov": "driscoll_kraay", "bandwidth": 2},
    "NW1": {"cov": "newey_west", "bandwidth": 1},
    **{
        f"cl_id.{name}": {"cov": "cluster", "small_sample": rule}
        for name, rule in {
            "noK": "none",
            "ssc_Kfull_GTRUE": "full",
            "ssc_Kfull_GFALSE": "full",
            "ssc_Knonnested_GTRUE": "stata",
            "ssc_Knonnested_GFALSE": "stata",
            "ssc_Knone_GTRUE": "sss",
            "ssc_Knone_GFALSE": "sss",
        }.items()
    },
}
N_GROUPS = 48


def named(values: dict[str, float]) -> pd.Series[float]:
    return pd.Series(values).rename({"(Intercept)": "const"})


def fitted(panel: dc.Panel, **fields: object) -> dc.Result:
    return dc.PanelRegression(y="log(gsp)", x=X, **fields).fit(panel)


def test_every_record_is_compared() -> None:
    compared = {f"a.plm.{name}" for name in PLM}
    compared |= {f"a.feols.fe_{effects}.{name}" for effects in EFFECTS for name in FIXEST_COVARIANCE}
    assert compared == set(R)


@pytest.mark.parametrize("name", PLM)
def test_plm(produc: dc.Panel, name: str) -> None:
    record = R[f"a.plm.{name}"]
    result = fitted(produc, **PLM[name])
    coef = named(record["coef"])
    np.testing.assert_allclose(result.estimates.loc[coef.index, "coef"], coef, rtol=TOLERANCE, atol=1e-12)
    assert list(result.terms) == list(coef.index)
    every = record["se"] if isinstance(next(iter(record["se"].values())), dict) else {"classic": record["se"]}
    for kind, values in every.items():
        rule = kind.rsplit("_", 1)[-1]
        fields = {} if kind == "classic" else PLM_COVARIANCE[kind.removesuffix(f"_{rule}")]
        small = {} if kind == "classic" else {"small_sample": PLM_RULE[rule]}
        se = named(values)
        if name == "fd" and rule == "HC1":
            # plm counts the observations before differencing: n / (n - k) is 768/811 there and not 768/763
            se = se * np.sqrt(811 / 763)
        found = fitted(produc, **PLM[name], **fields, **small).estimates
        np.testing.assert_allclose(found.loc[se.index, "se"], se, rtol=TOLERANCE, err_msg=kind)


@pytest.mark.parametrize("name", [name for name in PLM if "." not in name])
def test_goodness_of_fit_and_the_joint_test_are_plms(produc: dc.Panel, name: str) -> None:
    record, statistics = R[f"a.plm.{name}"], fitted(produc, **PLM[name]).statistics
    within = "r2_within" if name.startswith("fe") else "r2"
    assert statistics[within] == pytest.approx(record["rsq"]["rsq"], rel=TOLERANCE)
    assert statistics["sigma2"] * statistics["df_resid"] == pytest.approx(record["ssr"], rel=TOLERANCE)
    assert (statistics["df_resid"], statistics["nobs"]) == (record["df_resid"], record["nobs"])
    joint = "chi2" if name.startswith("re") else "f"
    assert statistics[joint] == pytest.approx(record["fstat"], rel=1e-9)
    assert statistics[f"{joint}_p"] < 1e-100 or name == "be"


@pytest.mark.parametrize(
    ("name", "effects"), [("re_ind", "random"), ("re_time", "random_time"), ("re_two", "random_two_way")]
)
def test_variance_components_are_statistics(produc: dc.Panel, name: str, effects: str) -> None:
    record, statistics = R[f"a.plm.{name}"], fitted(produc, effects=effects).statistics
    ours = {"idios": "sigma2_idiosyncratic", "id": "sigma2_unit", "time": "sigma2_time"}
    for theirs, value in record["sigma2"].items():
        assert statistics[ours[theirs]] == pytest.approx(value, rel=1e-8, abs=1e-15)
    assert ("sigma2_unit" in statistics) == (effects != "random_time")


@pytest.mark.parametrize("effects", EFFECTS)
@pytest.mark.parametrize("name", FIXEST_COVARIANCE)
def test_fixest(produc: dc.Panel, effects: str, name: str) -> None:
    record = R[f"a.feols.fe_{effects}.{name}"]
    result = fitted(produc, effects=EFFECTS[effects], **FIXEST_COVARIANCE[name])
    se = named(record["se"])
    # fixest can leave G/(G-1) out beside the count of parameters, which no named rule does
    grouped = np.sqrt((N_GROUPS - 1) / N_GROUPS) if name.endswith("GFALSE") else 1.0
    np.testing.assert_allclose(result.estimates.loc[se.index, "se"] * grouped, se, rtol=TOLERANCE)
    if "coef" in record:
        coef = named(record["coef"])
        np.testing.assert_allclose(result.estimates.loc[coef.index, "coef"], coef, rtol=TOLERANCE)
        for ours, theirs in (("r2_within", "r2_within"), ("r2", "r2"), ("loglik", "ll")):
            assert result.statistics[ours] == pytest.approx(record[theirs], rel=TOLERANCE)


def test_two_way_dummies_have_the_means_of_plms_effects(produc: dc.Panel) -> None:
    found = fitted(produc, effects="two_way", estimator="lsdv").estimates["coef"]
    np.testing.assert_allclose(found[list(X)], fitted(produc, effects="two_way").coef, rtol=1e-8)
    unit = found[found.index.str.startswith("unit[")]
    time = found[found.index.str.startswith("time[")]
    # each kind of effects is printed with the other one's first value in it
    expected = R["a.plm.fe_two"]["fixef"]
    assert unit.mean() == pytest.approx(expected["ind"], rel=1e-9)
    assert unit.iloc[0] + time.sum() / 17 == pytest.approx(expected["time"], rel=1e-9)


@pytest.mark.parametrize("name", ["ind", "time"])
def test_dummies_are_the_fixed_effects_of_plm(produc: dc.Panel, name: str) -> None:
    within, dummies = (fitted(produc, effects=EFFECTS[name], estimator=kind) for kind in ("within", "lsdv"))
    np.testing.assert_allclose(dummies.estimates.loc[list(X)], within.estimates, rtol=1e-8)
    found = dummies.estimates["coef"]
    fixed = R[f"a.plm.fe_{name}"]["fixef"]
    kind = "time" if name == "time" else "unit"
    ours = pd.Series({label: found[f"{kind}[{label}]"] for label in fixed})
    np.testing.assert_allclose(ours, pd.Series(fixed), rtol=1e-8)


@pytest.mark.parametrize("drop", [[], [3, 50, 51, 400]], ids=["balanced", "unbalanced"])
@pytest.mark.parametrize(
    "cov", [{"cov": "classic"}, {"cov": "robust"}, {"cov": "cluster"}, {"cov": "cluster", "cluster": "time"}]
)
@pytest.mark.parametrize("effects", ["none", "unit", "time", "two_way"])
def test_kernel_equals_linearmodels(produc: dc.Panel, effects: str, cov: dict[str, str], drop: list[int]) -> None:
    frame = produc.frame().reset_index().drop(index=drop)
    panel = dc.Panel.from_frame(frame, "state", "year", gaps="keep")
    ours, theirs = (fitted(panel, effects=effects, engine=engine, **cov) for engine in ("kernel", "linearmodels"))
    np.testing.assert_allclose(ours.coef, theirs.coef, rtol=TOLERANCE)
    np.testing.assert_allclose(
        ours.covariance, theirs.covariance, rtol=1e-9, atol=1e-10 * np.abs(theirs.covariance).max()
    )
    for name, value in theirs.statistics.items():
        assert ours.statistics[name] == pytest.approx(value, rel=1e-9), name


def _brute_force_conley(panel: dc.Panel, kernel: np.ndarray, lags: int) -> np.ndarray:
    """Return the middle matrix by a double loop over rows."""
    z = absorb(panel.array([*X, "log(gsp)"]), Rows(panel.unit_codes, panel.period_codes, *panel.shape), "two_way")
    e = z[:, -1] - z[:, :-1] @ np.linalg.lstsq(z[:, :-1], z[:, -1], rcond=None)[0]
    s = z[:, :-1] * e[:, None]
    distance = panel.period_codes[:, None] - panel.period_codes[None, :]
    same = panel.unit_codes[:, None] == panel.unit_codes[None, :]
    weight = np.where(distance == 0, kernel[panel.unit_codes][:, panel.unit_codes], 0.0)
    weight = weight + np.where(same & (distance != 0), np.maximum(0, 1 - np.abs(distance) / (lags + 1)), 0.0)
    bread = np.linalg.inv(z[:, :-1].T @ z[:, :-1])
    return bread @ s.T @ weight @ s @ bread


@pytest.mark.parametrize("lags", [None, 2])
def test_conley_is_its_double_sum(produc: dc.Panel, usaww: dc.Weights, lags: int | None) -> None:
    kernel = (usaww.align(produc).matrix.toarray() > 0).astype(float)
    kernel = np.maximum(kernel, kernel.T) + np.eye(48)
    model = dc.PanelRegression(y="log(gsp)", x=X, cov="conley", bandwidth=lags, small_sample="none")
    found = model.fit(produc, usaww).covariance
    expected = _brute_force_conley(produc, kernel, lags or 0)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())


def test_conley_lies_between_white_and_clusters_by_period(produc: dc.Panel, usaww: dc.Weights) -> None:
    nobody = dc.Weights.from_matrix(1e-9 * (usaww.matrix.toarray() > 0), usaww.labels)
    alone = dc.PanelRegression(y="log(gsp)", x=X, cov="conley", kernel="weights", small_sample="none").fit(
        produc, nobody
    )
    white = fitted(produc, cov="robust", small_sample="none")
    np.testing.assert_allclose(alone.covariance, white.covariance, rtol=1e-4)
    everybody = dc.Weights.from_matrix(np.ones((48, 48)) - np.eye(48), usaww.labels)
    together = dc.PanelRegression(y="log(gsp)", x=X, cov="conley", small_sample="none").fit(produc, everybody)
    by_period = fitted(produc, cov="cluster", cluster="time", small_sample="none")
    np.testing.assert_allclose(together.covariance, by_period.covariance, rtol=1e-9)


def test_conley_needs_weights(produc: dc.Panel) -> None:
    with pytest.raises(WeightsError, match="cov=conley needs spatial weights"):
        fitted(produc, cov="conley")


def test_a_formula_is_the_lists_that_it_says(produc: dc.Panel) -> None:
    raw = dc.Panel.from_frame(produc.frame().reset_index()[["state", "year", "gsp", "pcap", "unemp"]], "state", "year")
    by_formula = dc.PanelRegression(
        formula="log(gsp) ~ log(pcap) + log(pcap)^2 + lag(unemp) + unemp:log(pcap) | state + year"
    )
    assert (by_formula.y, by_formula.x) == ("ln_gsp", ("ln_pcap", "ln_pcap^2", "unemp:ln_pcap"))
    assert (by_formula.controls, by_formula.effects) == (("L.unemp",), "two_way")
    frame = raw.frame()
    p, u = np.log(frame["pcap"]), frame["unemp"]
    made = (
        frame.assign(y=np.log(frame["gsp"]), a=p, b=p**2, c=u.groupby("state").shift(), d=u * p).dropna().reset_index()
    )
    by_hand = dc.PanelRegression(y="y", x=("a", "b", "d"), controls=("c",)).fit(
        dc.Panel.from_frame(made, "state", "year")
    )
    found = by_formula.fit(raw)
    np.testing.assert_allclose(found.coef, by_hand.coef, rtol=1e-9)
    assert found.statistics["nobs"] == 48 * 16


@pytest.mark.parametrize(
    ("formula", "fields", "effects"),
    [
        ("y ~ x", {}, "none"),
        ("y ~ x", {"effects": "unit"}, "unit"),
        ("y ~ x | year", {"effects": "two_way"}, "time"),
        ("y ~ x | state", {}, "unit"),
        ("y ~ x | unit + time", {}, "two_way"),
    ],
)
def test_effects_of_a_formula(formula: str, fields: dict[str, str], effects: str) -> None:
    assert dc.PanelRegression(formula=formula, **fields).effects == effects


@pytest.mark.parametrize(
    ("term", "own"),
    [
        ("i(g)", "C(g)"),
        ("factor(g)", "C(g)"),
        ("C(g, ref='a b')", "C(g, ref=a b)"),
        ("i(year, ref = -1)", "C(year, ref=-1)"),
        ("i(g, x)", "x:C(g)"),
        ("i(g, lag(x, 2), ref=2)", "L2.x:C(g, ref=2)"),
        ("i(g, log(x))", "ln_x:C(g)"),
        ("i(g, x^2)", "x^2:C(g)"),
        ("i(g, i.h)", "C(h):C(g)"),
    ],
)
def test_categories_of_a_formula(term: str, own: str) -> None:
    assert dc.PanelRegression(formula=f"y ~ {term}").x == (own,)


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("y ~ exp(x)", r"'exp\(x\)' is not known; a formula may use"),
        ("y + x", "must be one outcome, ~ and terms"),
        ("y ~ x | state | z ~ w", r"Instruments belong to PanelIV"),
        ("y ~ x | a + b + c", "of three names or more one must be the unit and one the period"),
        ("y ~ (x", "cannot be read"),
        ("y ~ 1", "no term on the right-hand side"),
        ("y ~ x - 1", "leaves out the constant"),
        ("y ~ `per head`^2", r"has a \^ that cannot be read\. A power is"),
        ("y ~ x^1.5 | state^year", r"'y ~ x\^1\.5 \| state\^year' has a \^ that cannot be read\. A power is"),
        ("y ~ lag(x, 1:2)", "a formula may use names"),
        ("y ~ diff(x, 2)", r"write D2\.x for the latter"),
        ("y ~ i(g, ref=c(1, 2))", r"i\(g, x\), i\(g, ref=a\)"),
        ("y ~ i(g, x, z)", "'x, z' is not known"),
        ("y ~ C(g, x)", r"'C\(g, x\)' is not known"),
        ("y ~ .", "cannot be read"),
        ("y ~ GDP (yuan) | state", r"between backticks, e\.g\. `GDP \(yuan\)`"),
    ],
)
def test_what_a_formula_cannot_say_is_said(formula: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        dc.PanelRegression(formula=formula)


def test_a_name_between_backticks_is_a_column_as_it_is(produc: dc.Panel) -> None:
    names = {"GDP (yuan)": produc.column("gsp"), "log(x)": produc.column("unemp")}
    model = dc.PanelRegression(formula="`GDP (yuan)` ~ `log(x)` + log(pcap) | state")
    assert (model.y, model.x, model.controls) == ("GDP (yuan)", ("log(x)",), ("ln_pcap",))
    lists = dc.PanelRegression(y="gsp", x=("unemp", "log(pcap)"), effects="unit")
    found = model.fit(produc.with_columns(names | {"ln_pcap": produc.column("log(pcap)")}))
    np.testing.assert_allclose(found.coef, lists.fit(produc).coef, rtol=1e-10)


def test_effects_of_a_formula_are_the_panels(produc: dc.Panel) -> None:
    with pytest.raises(ConfigError, match=r"'region' after \| must be state or unit, or year or time"):
        dc.PanelRegression(formula="unemp ~ gsp | region").fit(produc)


def test_singletons_are_named(produc: dc.Panel) -> None:
    frame = produc.frame().reset_index()
    alone = frame[(frame["state"] != "ALABAMA") | (frame["year"] == 1970)]
    notes = tuple(map(str, fitted(dc.Panel.from_frame(alone, "state", "year", gaps="keep")).notes))
    assert any("ALABAMA has one observation only" in note for note in notes)


def test_combinations_that_make_no_sense_are_refused() -> None:
    for fields, words in (
        ({"estimator": "between"}, "between takes effects=unit"),
        ({"estimator": "first_difference", "effects": "time"}, "first_difference takes"),
        ({"estimator": "lsdv", "effects": "random"}, "lsdv takes"),
        ({"estimator": "between", "effects": "unit", "cov": "cluster", "cluster": "time"}, "does not exist for means"),
        ({"cov": "beck_katz", "cluster": "both"}, "beck_katz takes"),
        ({"engine": "linearmodels", "cov": "conley"}, "engine=linearmodels takes"),
        ({"constant": True, "effects": "none"}, "constant=true belongs to fixed effects"),
    ):
        with pytest.raises(ValueError, match=words):
            dc.PanelRegression(y="y", x=("x",), **fields)


def test_rule_g_is_the_grouped_factor_alone(produc: dc.Panel) -> None:
    none, g = (
        dc.PanelRegression(y="log(gsp)", x=X, cov="cluster", small_sample=rule).fit(produc) for rule in ("none", "g")
    )
    np.testing.assert_allclose(g.vcov, none.vcov * 48 / 47, rtol=1e-14)


@pytest.mark.parametrize(
    ("fields", "df"),
    [
        ({"cov": "classic"}, 816 - 4 - 48 - 17 + 1),
        ({"cov": "cluster"}, 47),
        ({"cov": "cluster", "cluster": "time"}, 16),
        ({"cov": "cluster", "df": "residual"}, 816 - 4 - 48 - 17 + 1),
        ({"cov": "robust", "effects": "none"}, 816 - 5),
    ],
)
def test_p_values_come_from_t_with_the_stated_degrees(produc: dc.Panel, fields: dict[str, str], df: int) -> None:
    from scipy import stats

    found = dc.PanelRegression(y="log(gsp)", x=X, **fields).fit(produc).estimates
    np.testing.assert_allclose(found["p"], 2 * stats.t.sf(np.abs(found["stat"]), df), rtol=1e-9)
    half = stats.t.ppf(0.975, df) * found["se"]
    np.testing.assert_allclose(found["high"], found["coef"] + half, rtol=1e-9)
    np.testing.assert_allclose(found["low"], found["coef"] - half, rtol=1e-9)


def test_information_criteria_count_effects_and_not_sigma(produc: dc.Panel) -> None:
    s = dc.PanelRegression(y="log(gsp)", x=X, effects="two_way").fit(produc).statistics
    k = 4 + 48 + 17 - 1
    assert s["aic"] == pytest.approx(2 * k - 2 * s["loglik"])
    assert s["bic"] == pytest.approx(np.log(816) * k - 2 * s["loglik"])
    assert (s["nobs"], s["n_units"], s["n_periods"], s["df_resid"]) == (816, 48, 17, 816 - k)


def test_unbalanced_panel_equals_explicit_dummies(produc: dc.Panel) -> None:
    frame = produc.frame().reset_index().drop(index=[3, 50, 51, 400])
    panel = dc.Panel.from_frame(frame, "state", "year", gaps="keep")
    found = dc.PanelRegression(y="log(gsp)", x=X, effects="two_way").fit(panel)
    dummies = pd.get_dummies(frame[["state", "year"]].astype(str), drop_first=True, dtype=float)
    design = np.column_stack([frame[list(X)], np.ones(len(frame)), dummies])
    y = frame["log(gsp)"].to_numpy()
    beta = np.linalg.lstsq(design, y, rcond=None)[0]
    e = y - design @ beta
    variance = e @ e / (len(y) - design.shape[1]) * np.linalg.inv(design.T @ design)
    np.testing.assert_allclose(found.estimates["coef"], beta[:4], rtol=1e-7)
    np.testing.assert_allclose(found.estimates["se"], np.sqrt(np.diag(variance))[:4], rtol=1e-7)


def test_row_order_does_not_matter(produc: dc.Panel) -> None:
    shuffled = dc.Panel.from_frame(produc.frame().reset_index().sample(frac=1, random_state=1), "state", "year")
    model = dc.PanelRegression(y="log(gsp)", x=X)
    pd.testing.assert_frame_equal(model.fit(shuffled).estimates, model.fit(produc).estimates)


def test_focal_and_controls_are_fitted_together(produc: dc.Panel) -> None:
    split = dc.PanelRegression(y="log(gsp)", x=X[:1], controls=X[1:]).fit(produc)
    together = dc.PanelRegression(y="log(gsp)", x=X).fit(produc)
    assert split.focal == X[:1]
    pd.testing.assert_frame_equal(split.estimates, together.estimates)


@pytest.mark.parametrize("effects", ["random", "unit"])
@pytest.mark.parametrize("variance", ["swamy_arora", "wallace_hussain", "amemiya", "nerlove"])
def test_units_of_measurement_do_not_matter(produc: dc.Panel, effects: str, variance: str) -> None:
    scale = 1e4
    large = produc.with_columns({"pcap": scale * produc.array(["pcap"])[:, 0]})
    terms, fields = ("pcap", "pcap^2", "pcap^3"), {"effects": effects, "variance": variance}
    small, other = (dc.PanelRegression(y="gsp", x=terms, **fields).fit(panel) for panel in (produc, large))
    np.testing.assert_allclose(
        other.estimates.loc[list(terms), "stat"], small.estimates.loc[list(terms), "stat"], rtol=1e-6
    )
    for name in ("sigma2_idiosyncratic", "sigma2_unit"):
        if name in small.statistics:
            assert other.statistics[name] == pytest.approx(small.statistics[name], rel=1e-8)


def test_an_indefinite_covariance_is_found_whatever_the_units() -> None:
    indefinite = np.array([[1.0, 0.9, 0.9], [0.9, 1.0, -0.9], [0.9, -0.9, 1.0]])
    scale = np.diag([1.0, 1e-7, 1e-3])
    assert nearest_semidefinite(indefinite)[1]
    repaired, found = nearest_semidefinite(scale @ indefinite @ scale)
    assert found
    assert (repaired.diagonal() > 0).all()
    assert not nearest_semidefinite(scale @ np.eye(3) @ scale)[1]


def test_newey_west_lags_are_those_of_the_calendar(produc: dc.Panel) -> None:
    frame = produc.frame().reset_index()
    holes = frame[~((frame["year"] % 5 == 0) & (frame["state"] < "M"))]
    panel = dc.Panel.from_frame(holes, "state", "year", gaps="keep")
    z = absorb(panel.array([*X, "log(gsp)"]), Rows(panel.unit_codes, panel.period_codes, *panel.shape), "unit")
    e = z[:, -1] - z[:, :-1] @ np.linalg.lstsq(z[:, :-1], z[:, -1], rcond=None)[0]
    s = z[:, :-1] * e[:, None]
    distance = np.abs(panel.period_codes[:, None] - panel.period_codes[None, :])
    weight = (panel.unit_codes[:, None] == panel.unit_codes[None, :]) * np.maximum(0, 1 - distance / 3)
    bread = np.linalg.inv(z[:, :-1].T @ z[:, :-1])
    found = fitted(panel, effects="unit", cov="newey_west", bandwidth=2, small_sample="none")
    np.testing.assert_allclose(found.covariance, bread @ s.T @ weight @ s @ bread, rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize(
    "cov", [{"cov": "beck_katz", "cluster": "time"}, {"cov": "driscoll_kraay"}, {"cov": "newey_west"}]
)
def test_few_periods_are_refused_where_they_carry_the_errors(produc: dc.Panel, cov: dict[str, str]) -> None:
    short = produc.select(periods=[1970, 1971])
    fields = {"effects": "unit", "estimator": "first_difference"} if cov["cov"] == "newey_west" else {"effects": "unit"}
    with pytest.raises(EstimationError, match="too few"):
        fitted(short, **fields, **cov)


def test_few_clusters_are_refused(produc: dc.Panel) -> None:
    three = produc.select(units=produc.units[:3])
    with pytest.raises(EstimationError, match=r"3 clusters by unit are too few .* inference=classic"):
        dc.PanelRegression(y="log(gsp)", x=X, cov="cluster").fit(three)
    assert dc.PanelRegression(y="log(gsp)", x=X, cov="classic").fit(three).statistics["df_resid"] == 51 - 4 - 19


def with_column(panel: dc.Panel, name: str, values: np.ndarray) -> dc.Panel:
    return panel.with_columns({name: values})


@pytest.mark.parametrize("model", [dc.PanelRegression, partial(dc.SpatialPanel, kind="sar")])
def test_what_is_constant_is_named_where_there_are_no_effects(
    produc: dc.Panel, usaww: dc.Weights, model: Callable[..., dc.Model]
) -> None:
    flat = with_column(produc, "flat", np.full(len(produc.index), 7.3))
    weights = None if model is dc.PanelRegression else usaww
    with pytest.raises(EstimationError, match=r"^flat does not vary, so the constant absorbs it; leave it out\.$"):
        model(y="log(gsp)", x=("unemp", "flat"), effects="none").check(flat, weights)
    with pytest.raises(DataError, match=r"^flat does not vary; there is nothing to explain\.$"):
        model(y="flat", x=("unemp",), effects="none").check(flat, weights)
    with pytest.raises(DataError, match=r"^flat does not vary after unit effects; there is nothing to explain\.$"):
        model(y="flat", x=("unemp",), effects="unit").check(flat, weights)


def test_absorbed_and_collinear_regressors_are_named(produc: dc.Panel) -> None:
    by_unit = with_column(produc, "area", produc.unit_codes.astype(float))
    with pytest.raises(
        EstimationError, match="area does not vary within units and periods, so two_way effects absorb it"
    ):
        dc.PanelRegression(y="log(gsp)", x=("area", "unemp")).fit(by_unit)
    twice = with_column(produc, "double", 2 * produc.array(["unemp"])[:, 0] + produc.period_codes)
    with pytest.raises(EstimationError, match="double is collinear with unemp after two_way effects"):
        dc.PanelRegression(y="log(gsp)", x=("unemp", "double")).fit(twice)


def test_one_period_with_unit_effects_is_refused(produc: dc.Panel) -> None:
    with pytest.raises(DataError, match="two_way effects need at least two periods; there is only 1970"):
        dc.PanelRegression(y="log(gsp)", x=X).fit(produc.select(periods=[1970]))


def test_constant_outcome_is_refused(produc: dc.Panel) -> None:
    with pytest.raises(DataError, match="same does not vary"):
        dc.PanelRegression(y="same", x=X).fit(with_column(produc, "same", np.ones(816)))


def test_unknown_column_suggests_the_nearest(produc: dc.Panel) -> None:
    with pytest.raises(DataError, match=r"no column 'unempl'. Did you mean 'unemp'\?"):
        dc.PanelRegression(y="log(gsp)", x=("unempl",)).fit(produc)


def test_wrong_fields_and_data_are_sentences(produc: dc.Panel) -> None:
    with pytest.raises(
        ConfigError, match=r"PanelRegression.effects must be one of .*; got 'twoways'\. Did you mean 'two_way'"
    ):
        dc.PanelRegression(y="y", x=("x",), effects="twoways")
    with pytest.raises(ConfigError, match=r"PanelRegression.x must be a list, e\.g\. \[3\]"):
        dc.PanelRegression(y="y", x=3)
    with pytest.raises(ConfigError, match=r"effect is not a field of PanelRegression\. Did you mean 'effects'"):
        dc.PanelRegression(y="y", x=("x",), effect="unit")
    with pytest.raises(ConfigError, match="product with itself; write a power"):
        dc.PanelRegression(y="y", x=("x:x",))
    with pytest.raises(DataError, match="not to a DataFrame; make one"):
        dc.PanelRegression(y="gsp", x=("pcap",)).fit(produc.frame())
    with pytest.raises(DataError, match="takes a DataFrame, not a str"):
        dc.Panel.from_frame("panel.csv", unit="state", time="year")
    with pytest.raises(DataError, match="both 'state'"):
        dc.Panel.from_frame(produc.frame().reset_index(), unit="state", time="state")
