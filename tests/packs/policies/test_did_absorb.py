"""Effects of a policy beside further absorbed effects and trends, and clusters by columns, against pyfixest."""

from __future__ import annotations

import warnings
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
from policies import close, fit, pair, panel_of, states

from digicarbon.diagnostic import GoodmanBacon, NegativeWeights, PlaceboInSpace
from digicarbon.errors import ConfigError
from digicarbon.model.batch import Estimand, OneByOne, estimate_of
from digicarbon.script import Names, RPart, StataPart
from digicarbon.script.words import Remarks


def regions() -> pd.DataFrame:
    """Return states in six regions, and a column that changes over time within them."""
    frame = states()
    number = frame["state"].factorize()[0]
    kind = (number * 7 + frame["year"] * 3) % 11
    return frame.assign(region="r" + pd.Series(number % 5).astype(str), kind=kind.astype(float))


FRAMES = {"balanced": regions(), "gaps": regions().drop(regions().index[5::31]).reset_index(drop=True)}
PANELS = {name: panel_of(frame) for name, frame in FRAMES.items()}
FURTHER: dict[str, tuple[dict[str, Any], str]] = {
    "region by year": ({"absorb": ("region^year",)}, "state + year + region^year"),
    "kind": ({"absorb": ("kind",)}, "state + year + kind"),
    "both": ({"absorb": ("region^year", "kind")}, "state + year + region^year + kind"),
}
CLUSTERS: dict[str, tuple[Any, Any]] = {
    "unit": ("unit", {"CRV1": "state"}),
    "region": ("region", {"CRV1": "region"}),
    "two": (("region", "time"), {"CRV1": "region + year"}),
}
ESTIMATORS = ("twfe", "event_study", "sun_abraham")


def feols(formula: str, frame: pd.DataFrame, vcov: Any) -> Any:
    import pyfixest

    tight: dict[str, Any] = {"fixef_rm": "none", "fixef_tol": 1e-13, "fixef_maxiter": 100_000}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pyfixest.feols(formula, frame, vcov=vcov, ssc=pyfixest.ssc(k_adj=False), **tight)


def cells(frame: pd.DataFrame, estimator: str) -> dict[str, pd.Series]:
    """Return the dummies that an estimator has, by names that a formula can have."""
    if estimator == "twfe":
        return {"pilot": frame["pilot"]}
    event = frame["pilot_event"]
    if estimator == "event_study":
        event = event.clip(-4, 3)
        return {f"e{level + 100}": (event == level).astype(float) for level in range(-4, 4) if level != -1}
    there = frame.loc[(frame["first"] > 0) & (event != -1), ["first", "pilot_event"]].drop_duplicates()
    return {
        f"c{int(first)}_{int(at) + 100}": ((frame["first"] == first) & (event == at)).astype(float)
        for first, at in there.itertuples(index=False)
    }


def effects(dummies: dict[str, pd.Series], estimator: str) -> dict[str, dict[str, float]]:
    """Return the weights of dummies in each effect, by event time where there are several."""
    if estimator == "twfe":
        return {"pilot": {"pilot": 1.0}}
    sizes = {name: float(column.sum()) for name, column in dummies.items()}
    by_event: dict[str, dict[str, float]] = {}
    for name, size in sizes.items():
        by_event.setdefault(f"pilot[{int(name.split('_')[-1].lstrip('e')) - 100}]", {})[name] = size
    return by_event


def model_of(estimator: str, **fields: Any) -> dc.DiD:
    binned = {"leads": 4, "lags": 3} if estimator == "event_study" else {}
    aggregate = {} if estimator == "twfe" else {"aggregate": "event"}
    return dc.DiD(
        **{"y": "log_gsp", "policy": "pilot", "estimator": estimator, "controls": ("log_emp",), "small_sample": "g"}
        | binned
        | aggregate
        | fields
    )


@pytest.mark.parametrize("rows", FRAMES)
@pytest.mark.parametrize("effect", FURTHER)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_numbers_are_pyfixests(estimator: str, effect: str, rows: str) -> None:
    fields, right = FURTHER[effect]
    dummies = cells(FRAMES[rows], estimator)
    for name, (cluster, vcov) in CLUSTERS.items():
        if name == "two" and estimator != "twfe":
            # of more dummies than clusters: indefinite
            continue
        formula = f"log_gsp ~ {' + '.join([*dummies, 'log_emp'])} | {right}"
        expected = feols(formula, FRAMES[rows].assign(**dummies), vcov)
        found = model_of(estimator, cluster=cluster, **fields).fit(PANELS[rows])
        coef, names = expected.coef(), list(expected.coef().index)
        for term, sizes in effects(dummies, estimator).items():
            g = np.array([sizes.get(one, 0.0) for one in names])
            g = g / g.sum()
            close(pair(found, term)[0], g @ coef)
            close(pair(found, term)[1], np.sqrt(g @ expected._vcov @ g))
        assert found.has_note("absorbs_further")


def test_trends_are_those_of_a_regression() -> None:
    frame = FRAMES["gaps"]
    dummies = cells(frame, "event_study")
    found = model_of("event_study", trends="unit").fit(PANELS["gaps"])
    expected = dc.PanelRegression(
        y="log_gsp", x=tuple(dummies), controls=("log_emp",), trends="unit", cov="cluster", small_sample="g"
    ).fit(panel_of(frame.assign(**dummies)))
    terms = [f"pilot[{int(name[1:]) - 100}]" for name in dummies]
    close(found.estimates.loc[terms, "coef"].to_list(), expected.estimates.loc[list(dummies), "coef"].to_list())
    close(found.estimates.loc[terms, "se"].to_list(), expected.estimates.loc[list(dummies), "se"].to_list())
    assert found.has_note("absorbs_trends")


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_many_outcomes_are_fitted_as_single_ones(estimator: str) -> None:
    panel = PANELS["gaps"]
    model = model_of(estimator, absorb=("region^year", "kind"), cluster="region")
    outcomes = np.random.default_rng(1).standard_normal((len(FRAMES["gaps"]), 3)) + panel.array(["log_gsp"])
    estimand = Estimand("coefficient", "pilot")
    batch = model.batch(panel, None, estimand)
    assert not isinstance(batch, OneByOne)
    coef, se = batch.fit(batch.prepare(outcomes))
    for draw in range(3):
        single = model.fit(panel.with_columns({"log_gsp": outcomes[:, draw]}))
        close(estimate_of(single, estimand), (coef[draw], se[draw]))


@pytest.mark.parametrize("cluster", ["region", "unit"])
def test_the_wild_bootstrap_is_that_of_the_regression(cluster: str) -> None:
    fields: dict[str, Any] = {"absorb": ("region^year",), "cluster": cluster, "test": "wild", "draws": 199}
    found = model_of("twfe", **fields).fit(PANELS["balanced"])
    expected = dc.PanelRegression(
        y="log_gsp", x=("pilot",), controls=("log_emp",), cov="cluster", small_sample="g", **fields
    ).fit(PANELS["balanced"])
    shown = ["coef", "se", "p", "low", "high"]
    close(found.estimates.loc["pilot", shown].to_list(), expected.estimates.loc["pilot", shown].to_list(), 1e-6)
    assert found.has_note("wild_p_by") == (cluster == "region")
    leads = model_of("event_study", **fields).fit(PANELS["balanced"])
    assert 0 < leads.statistics["pretest_p"] <= 1
    own = model_of("event_study", absorb=("region^year",))
    null = own.null(PANELS["balanced"], None, ())
    assert null is not None
    alone = dc.PanelRegression(y="log_gsp", x=("log_emp",), absorb=("region^year",))
    np.testing.assert_allclose(null.fit().residuals, alone.design(PANELS["balanced"]).fit.residuals, atol=1e-9)


@pytest.mark.parametrize("estimator", ["imputation", "stacked", "callaway_santanna", "synthetic_did"])
def test_other_estimators_absorb_nothing(estimator: str) -> None:
    with pytest.raises(ConfigError, match=f"event_study, sun_abraham\\), not for {estimator}"):
        dc.DiD(y="log_gsp", policy="pilot", estimator=estimator, absorb=("region^year",))
    with pytest.raises(ConfigError, match="trends is for the estimators"):
        dc.DiD(y="log_gsp", policy="pilot", estimator=estimator, trends="unit")
    assert "cluster" not in dc.DiD(y="log_gsp", policy="pilot", estimator=estimator, cluster="region").ignored


def test_diagnostics_of_a_policy_know_further_effects() -> None:
    panel, frame = PANELS["balanced"], FRAMES["balanced"]
    model = model_of("twfe", absorb=("region^year",))
    whole = fit(panel, absorb=("region^year",), controls=("log_emp",))
    table = NegativeWeights(model=model).tables(panel)["negative_weights"]
    close(table.loc["pilot", "coef"], pair(whole)[0])
    # what effects and controls leave of the policy, by dense dummies
    keys = [frame["state"], frame["year"], frame["region"] + frame["year"].astype(str)]
    right = np.column_stack([*(pd.get_dummies(key).to_numpy(float) for key in keys), frame["log_emp"]])
    left = frame["pilot"] - right @ np.linalg.lstsq(right, frame["pilot"], rcond=None)[0]
    assert table.loc["pilot", "negative_rows"] == ((left < -1e-9) & (frame["pilot"] == 1)).sum()
    with pytest.raises(ConfigError, match=r"choose absorb=\[\] and trends=null"):
        GoodmanBacon(model=model).tables(panel)
    draws = PlaceboInSpace(model=model, draws=99).tables(panel)
    close(draws["placebo_space"].loc["pilot", "coef"], pair(whole)[0])


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_scripts_name_further_effects(estimator: str) -> None:
    panel = PANELS["balanced"]
    binned = {"leads": None, "lags": None}
    model = model_of(estimator, absorb=("region^year",), trends="unit", cluster="region", **binned)
    if estimator != "twfe":
        model = model_of(estimator, absorb=("region^year",), cluster="region", **binned)
    extract, result = model.extract(panel, None), model.fit(panel)
    assert {"group_region_year", "group_region"} <= set(extract.columns)
    for kind, tool, mark in ((RPart, model.r, "#"), (StataPart, model.stata, "*")):
        names = Names()
        for column in extract.columns:
            names.give(column)
        lines = "\n".join(tool(kind(extract, result, names, "set_1", "", Remarks(mark))))
        assert names["group_region_year"] in lines
