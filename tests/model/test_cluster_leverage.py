"""CR2 and CR3: against sandwich in R, against all dummies written out, and against fits without each cluster."""

from __future__ import annotations

from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
from classic import GroupedRegression
from conftest import reference

from digicarbon.arrays import FloatArray
from digicarbon.errors import ConfigError, EstimationError
from digicarbon.model._panel_batch import LinearFits
from digicarbon.model.batch import Estimand

X = ("log(pcap)", "log(pc)", "log(emp)", "unemp")
R = reference("produc_cluster_leverage")
RULES = ("cr2", "cr3")


@pytest.fixture(scope="module")
def states(produc: dc.Panel) -> dc.Panel:
    frame = produc.frame().reset_index()
    return dc.Panel.from_frame(frame.assign(letter=frame["state"].str[0]), unit="state", time="year")


@pytest.mark.parametrize("name", R)
def test_they_are_those_of_sandwich(states: dc.Panel, name: str) -> None:
    effects, cluster, kind = name.split(".")
    fields: dict[str, Any] = {
        "effects": "none" if effects == "pooled" else effects,
        "cluster": "unit" if cluster == "state" else cluster,
        "small_sample": "cr2" if kind == "HC2" else "cr3",
    }
    found = dc.PanelRegression(y="log(gsp)", x=X, cov="cluster", **fields).fit(states)
    groups = found.inference.df
    assert groups == {"state": 47, "letter": 17}[cluster]
    # sandwich multiplies both kinds by (G - 1)/G; CR2, which is unbiased for independent errors, has no factor
    factor = np.sqrt((groups + 1) / groups) if kind == "HC2" else 1.0
    np.testing.assert_allclose(found.estimates.loc[list(X), "se"], factor * np.array(list(R[name].values())), rtol=1e-9)


def world(balanced: bool = True) -> dc.Panel:
    rng = np.random.default_rng(5)
    n, t = 14, 5
    frame = pd.DataFrame({"unit": np.repeat(np.arange(n), t), "time": np.tile(np.arange(2001, 2001 + t), n)})
    frame[["y", "x", "q"]] = rng.normal(size=(n * t, 3))
    frame["x"] += frame["unit"] % 3
    frame["y"] += rng.normal(size=n)[frame["unit"]] * frame["x"]
    frame["size"] = rng.uniform(0.3, 3, size=n * t)
    frame["letter"] = np.array(list("abcdef"))[frame["unit"] % 6]
    frame["pair"] = rng.integers(0, 4, size=n * t)
    return dc.Panel.from_frame(frame if balanced else frame.drop([3, 4, 20, 41]), unit="unit", time="time", gaps="keep")


def dummies(*groups: Any) -> FloatArray:
    return np.column_stack([pd.get_dummies(pd.Series(one), dtype=float) for one in groups])


def powered(matrix: FloatArray, power: float) -> FloatArray:
    values, vectors = np.linalg.eigh(matrix)
    kept = values > 1e-9
    return np.asarray((vectors[:, kept] * values[kept] ** power) @ vectors[:, kept].T)


DESIGNS: list[dict[str, Any]] = [
    {"effects": "none"},
    {"effects": "unit"},
    {"effects": "time"},
    {"effects": "two_way"},
    {"effects": "two_way", "cluster": "time"},
    {"effects": "two_way", "cluster": "letter"},
    {"effects": "two_way", "observation_weights": "size"},
    {"effects": "unit", "cluster": "letter", "observation_weights": "size"},
    {"effects": "unit", "absorb": ["pair"]},
    {"effects": "two_way", "absorb": ["letter^year"], "cluster": "letter"},
    {"effects": "unit", "trends": "unit"},
]


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("fields", DESIGNS, ids=str)
def test_they_are_the_formula_with_all_dummies(fields: dict[str, Any], rule: str, balanced: bool) -> None:
    panel = world(balanced)
    fields = {"cluster": "unit", **fields}
    if "absorb" in fields:
        fields["absorb"] = [name.replace("year", "time") for name in fields["absorb"]]
    model = dc.PanelRegression(y="y", x=("x",), controls=("q",), cov="cluster", small_sample=rule, **fields)
    found = model.fit(panel)
    unit, time = panel.unit_codes, panel.period_codes
    letter = panel.levels("letter")[1]
    parts = [panel.array(["x", "q"])]
    effects = fields["effects"]
    parts += [dummies(unit)] if effects in ("unit", "two_way") else []
    parts += [dummies(time)] if effects in ("time", "two_way") else []
    parts += [np.ones((len(unit), 1))] if effects == "none" else []
    if fields.get("absorb") == ["pair"]:
        parts.append(dummies(panel.column("pair")))
    if fields.get("absorb") == ["letter^time"]:
        parts.append(dummies(letter * 100 + time))
    if "trends" in fields:
        parts.append(dummies(unit) * time[:, None])
    root = np.sqrt(panel.column("size")) if "observation_weights" in fields else np.ones(len(unit))
    design, y = np.column_stack(parts) * root[:, None], panel.column("y") * root
    inverse = np.linalg.pinv(design.T @ design)
    hat, coef = design @ inverse @ design.T, inverse @ design.T @ y
    e = y - design @ coef
    codes = {"unit": unit, "time": time, "letter": letter}[fields["cluster"]]
    middle = np.zeros((len(inverse), len(inverse)))
    for cluster in np.unique(codes):
        own = codes == cluster
        left = np.eye(own.sum()) - hat[np.ix_(own, own)]
        score = design[own].T @ powered(left, -0.5 if rule == "cr2" else -1.0) @ e[own]
        middle += np.outer(score, score)
    groups = len(np.unique(codes))
    expected = (inverse @ middle @ inverse)[:2, :2] * (1 if rule == "cr2" else (groups - 1) / groups)
    np.testing.assert_allclose(found.vcov.loc[["x", "q"], ["x", "q"]], expected, rtol=1e-7)


@pytest.mark.parametrize("effects", ["none", "unit", "time", "two_way"])
def test_cr3_is_the_jackknife_of_units(effects: str) -> None:
    panel = world()
    model = dc.PanelRegression(y="y", x=("x",), controls=("q",), cov="cluster", small_sample="cr3", effects=effects)
    found = model.fit(panel)
    plain = model.model_copy(update={"small_sample": "stata"})
    without = [
        plain.fit(panel.select(units=[one for one in panel.units if one != unit])).estimates["coef"]
        for unit in panel.units
    ]
    apart = np.array(without) - found.estimates["coef"].to_numpy()
    np.testing.assert_allclose(found.covariance, 13 / 14 * apart.T @ apart, rtol=1e-9)


def test_cr2_is_unbiased_where_errors_are_independent() -> None:
    panel, model = world(), dc.PanelRegression(y="y", x=("x",), controls=("q",), cov="cluster", small_sample="cr2")
    # E[V] is a sum over an orthonormal basis of errors, which is exact
    rows = len(panel.unit_codes)
    batch = model.batch(panel, None, Estimand("coefficient", "x"))
    assert isinstance(batch, LinearFits)
    _, errors = batch.fit(batch.prepare(np.eye(rows)))
    design = model.design(panel)
    expected = design.fit.inverse[design.names.index("x"), design.names.index("x")]
    assert (errors**2).sum() == pytest.approx(expected, rel=1e-9)
    plain = model.model_copy(update={"small_sample": "stata"}).batch(panel, None, Estimand("coefficient", "x"))
    assert (plain.fit(plain.prepare(np.eye(rows)))[1] ** 2).sum() < 0.99 * expected


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("cluster", ["unit", "time", "letter"])
def test_many_outcomes_are_single_fits(rule: str, cluster: str) -> None:
    panel = world()
    fields: dict[str, Any] = {"cov": "cluster", "cluster": cluster, "small_sample": rule}
    model = dc.PanelRegression(y="y", x=("x",), controls=("q",), **fields)
    outcomes = np.random.default_rng(2).normal(size=(len(panel.unit_codes), 3))
    batch = model.batch(panel, None, Estimand("coefficient", "x"))
    assert isinstance(batch, LinearFits)
    prepared = batch.prepare(outcomes)
    estimate, se = batch.fit(prepared)
    wald = batch.wald(prepared, [Estimand("coefficient", "x"), Estimand("coefficient", "q")])
    for place, y in enumerate(outcomes.T):
        single = model.fit(panel.with_columns({"y": y.copy()}))
        assert estimate[place] == pytest.approx(single.estimates.loc["x", "coef"])
        assert se[place] == pytest.approx(single.estimates.loc["x", "se"])
        coef = single.estimates["coef"].to_numpy()
        assert wald[place] == pytest.approx(coef @ np.linalg.solve(single.covariance, coef))


def test_wild_draws_have_the_errors_of_the_table() -> None:
    panel = world()
    model = dc.PanelRegression(y="y", x=("q",), controls=("x",), cov="cluster", test="wild", draws=999)
    p = {
        rule: model.model_copy(update={"small_sample": rule}).fit(panel).estimates.loc["q", "p"]
        for rule in ("g", *RULES)
    }
    # a constant factor on all errors changes no p, a correction by cluster does
    assert p["g"] == model.fit(panel).estimates.loc["q", "p"]
    assert len(set(p.values())) > 1


def test_groups_have_them_and_are_separate_regressions() -> None:
    panel = world().with_columns({"half": (world().unit_codes % 2).astype(float)})
    fields: dict[str, Any] = {"cov": "cluster", "small_sample": "cr2", "effects": "two_way"}
    found = GroupedRegression(y="y", x=("x",), controls=("q",), by="half", interact="all", **fields).fit(panel)
    for half in (0, 1):
        units = [unit for place, unit in enumerate(panel.units) if place % 2 == half]
        alone = dc.PanelRegression(y="y", x=("x",), controls=("q",), **fields).fit(panel.select(units=units))
        own = next(term for term in found.focal if term.startswith("x[") and str(half) in term)
        assert found.estimates.loc[own, "se"] == pytest.approx(alone.estimates.loc["x", "se"])


@pytest.mark.parametrize(
    "fields",
    [
        {"cov": "robust"},
        {"cov": "classic"},
        {"cov": "cluster", "cluster": "both"},
        {"cov": "cluster", "cluster": ("letter", "time")},
        {"cov": "cluster", "estimator": "lsdv"},
        {"cov": "cluster", "estimator": "first_difference"},
        {"cov": "cluster", "effects": "random"},
        {"cov": "cluster", "constant": True},
        {"cov": "cluster", "engine": "linearmodels"},
    ],
    ids=str,
)
def test_what_they_are_not_for_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="small_sample=cr2 is for cov=cluster with clusters of one kind"):
        dc.PanelRegression(y="y", x=("x",), small_sample="cr2", **fields)


def test_a_cluster_that_alone_has_a_regressor_is_named() -> None:
    panel = world()
    own = (panel.unit_codes == 3) * (panel.period_codes > 2)
    panel = panel.with_columns({"pilot": own.astype(float)})
    for rule in RULES:
        model = dc.PanelRegression(y="y", x=("pilot",), controls=("x",), cov="cluster", small_sample=rule)
        for do in (model.check, model.fit):
            with pytest.raises(EstimationError, match=f"{rule.upper()} needs .* without 3 pilot cannot be estimated"):
                do(panel)


def test_models_without_them_refuse() -> None:
    with pytest.raises(ConfigError, match="small_sample"):
        dc.PanelIV(y="y", x=("x",), instruments=("q",), cov="cluster", small_sample="cr2")
    model = dc.PanelRegression(y="y", x=("x",), cov="cluster", small_sample="cr2")
    with pytest.raises(ConfigError, match="CR2"):
        dc.wild_bootstrap(model, world())
