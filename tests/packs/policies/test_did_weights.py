"""Effects of a policy with weights of observations, against weighted regressions of pyfixest."""

from __future__ import annotations

import math
import warnings
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
from policies import close, fit, pair, panel_of, states

from digicarbon.errors import ConfigError, DataError
from digicarbon.model.batch import Estimand, OneByOne, estimate_of
from digicarbon.script import Names, RPart, StataPart
from digicarbon.script.words import Remarks


def weighted_states() -> pd.DataFrame:
    """Return states with the employment of the first year, and one that changes."""
    frame = states()
    first = frame.groupby("state")["emp"].transform("first")
    return frame.assign(size=first, varying=frame["emp"] * (1 + (frame["year"] % 3) / 4))


FRAME = weighted_states()
FRAMES = {"balanced": FRAME, "gaps": FRAME.drop(FRAME.index[5::31]).reset_index(drop=True)}
PANELS = {name: panel_of(frame) for name, frame in FRAMES.items()}
WEIGHTED: dict[str, Any] = {"observation_weights": "varying", "small_sample": "g"}


def feols(formula: str, frame: pd.DataFrame, weights: str = "varying", vcov: str = "") -> Any:
    """Return the regression with clusters of states, whose factor is G/(G - 1) alone, or with other errors."""
    import pyfixest

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tight: dict[str, Any] = {"fixef_rm": "none", "fixef_tol": 1e-13, "fixef_maxiter": 100_000}
        rule = pyfixest.ssc(k_adj=vcov == "iid", g_adj=not vcov)
        errors = vcov or {"CRV1": "state"}
        return pyfixest.feols(formula, frame, vcov=errors, weights=weights, ssc=rule, **tight)


@pytest.mark.parametrize("rows", FRAMES)
@pytest.mark.parametrize("weights", ["size", "varying"])
@pytest.mark.parametrize("controls", [(), ("log_emp", "unemp")])
def test_two_way_effects_are_pyfixests(controls: tuple[str, ...], weights: str, rows: str) -> None:
    expected = feols(f"log_gsp ~ {' + '.join(['pilot', *controls])} | state + year", FRAMES[rows], weights)
    found = fit(PANELS[rows], **(WEIGHTED | {"observation_weights": weights}), controls=controls)
    close(found.estimates["coef"].to_dict(), expected.coef().to_dict())
    close(found.estimates["se"].to_dict(), expected.se().to_dict())
    assert f"Observations weighted by {weights}." in [str(note) for note in found.notes]


def test_a_share_is_a_regressor() -> None:
    frame = FRAME.assign(dose=FRAME["pilot"] * (1 + FRAME["first"] % 3) / 4)
    expected = feols("log_gsp ~ dose + unemp | state + year", frame)
    found = fit(panel_of(frame), **WEIGHTED, policy="dose", controls=("unemp",))
    close(pair(found, "dose"), (expected.coef()["dose"], expected.se()["dose"]))


def event_dummies(frame: pd.DataFrame, low: int, high: int) -> dict[str, pd.Series]:
    event = frame["pilot_event"].clip(low, high)
    return {f"e{level + 100}": (event == level).astype(float) for level in range(low, high + 1) if level != -1}


@pytest.mark.parametrize("rows", FRAMES)
def test_an_event_study_is_pyfixests(rows: str) -> None:
    frame = FRAMES[rows]
    dummies = event_dummies(frame, -5, 4)
    expected = feols(f"log_gsp ~ {' + '.join(dummies)} | state + year", frame.assign(**dummies))
    found = fit(PANELS[rows], **WEIGHTED, estimator="event_study", aggregate="event", leads=5, lags=4)
    close(found.estimates["coef"].to_list()[1:], expected.coef().to_list())
    close(found.estimates["se"].to_list()[1:], expected.se().to_list())
    # with one overall effect, event times count by the weights of their rows
    overall = fit(PANELS[rows], **WEIGHTED, estimator="event_study", leads=5, lags=4)
    g = np.array([(column * frame["varying"]).sum() * (int(name[1:]) >= 100) for name, column in dummies.items()])
    g = g / g.sum()
    close(pair(overall), (g @ expected.coef(), np.sqrt(g @ expected._vcov @ g)))


@pytest.mark.parametrize("rows", FRAMES)
@pytest.mark.parametrize("controls", [(), ("log_emp",)])
def test_sun_and_abraham_are_means_of_a_saturated_regression(controls: tuple[str, ...], rows: str) -> None:
    """Dummies of cohorts by event times written by hand; cohorts have the shares of their weights, as in fixest."""
    frame = FRAMES[rows]
    cells = frame.loc[(frame["first"] > 0) & (frame["pilot_event"] != -1), ["first", "pilot_event"]].drop_duplicates()
    own = {
        f"c{int(first)}_{int(event) + 100}": ((frame["first"] == first) & (frame["pilot_event"] == event)).astype(float)
        for first, event in cells.itertuples(index=False)
    }
    expected = feols(f"log_gsp ~ {' + '.join([*own, *controls])} | state + year", frame.assign(**own))
    coef, vcov = expected.coef(), expected._vcov
    sizes = {name: float((column * frame["varying"]).sum()) for name, column in own.items()}
    parts: dict[str, dict[str, dict[str, float]]] = {"overall": {}, "event": {}, "cohort": {}, "calendar": {}}
    for name, size in sizes.items():
        first, event = int(name[1:5]), int(name[6:]) - 100
        parts["event"].setdefault(f"pilot[{event}]", {})[name] = size
        if event >= 0:
            parts["overall"].setdefault("pilot", {})[name] = size
            parts["cohort"].setdefault(f"pilot[{first}]", {})[name] = size
            parts["calendar"].setdefault(f"pilot[{first + event}]", {})[name] = size
    for aggregate, of_terms in parts.items():
        found = fit(PANELS[rows], **WEIGHTED, estimator="sun_abraham", aggregate=aggregate, controls=controls)
        for term, own_sizes in of_terms.items():
            g = np.array([own_sizes.get(name, 0.0) for name in coef.index])
            g = g / g.sum()
            close(pair(found, term), (g @ coef, np.sqrt(g @ vcov @ g)))
    # the mean of cohorts is by their units' mean weights
    levels = {"aggregate": "cohort", "overall": "levels"}
    found = fit(PANELS[rows], **WEIGHTED, estimator="sun_abraham", **levels, controls=controls)
    units = (
        frame.groupby("state").agg(first=("first", "first"), size=("varying", "mean")).groupby("first")["size"].sum()
    )
    effects = [pair(found, f"pilot[{first}]")[0] for first in (1975, 1978, 1982)]
    close(pair(found)[0], np.average(effects, weights=units.loc[[1975, 1978, 1982]]))


def stacks(leads: int, lags: int) -> pd.DataFrame:
    """Return stacks with never treated units by a loop over cohorts; rows keep their weight."""
    parts = []
    for cohort in (1975, 1978, 1982):
        part = FRAME[FRAME["year"].between(cohort - leads, cohort + lags) & FRAME["first"].isin([0, cohort])]
        own = part["first"] == cohort
        names = {"stack": cohort, "own": own.astype(float), "event": part["year"] - cohort}
        parts.append(part.assign(**names, dummy=(own & (part["year"] >= cohort)).astype(float)))
    table = pd.concat(parts, ignore_index=True)
    codes = {name: table["stack"].astype(str) + "_" + table[name].astype(str) for name in ("state", "year")}
    return table.assign(stacked_state=codes["state"], stacked_year=codes["year"])


@pytest.mark.parametrize("weights", ["size", "varying"])
def test_stacks_are_pyfixests(weights: str) -> None:
    table = stacks(4, 2)
    own = WEIGHTED | {"observation_weights": weights, "estimator": "stacked", "leads": 4, "lags": 2}
    own |= {"stack_weights": "variance"}
    expected = feols("log_gsp ~ dummy + log_emp | stacked_state + stacked_year", table, weights)
    found = fit(PANELS["balanced"], **own, controls=("log_emp",))
    close(found.coef.tolist(), expected.coef().to_list())
    close(found.estimates["se"].to_list(), expected.se().to_list())
    assert found.has_note("weighted_by")
    dummies = {f"e{event + 100}": table["own"] * (table["event"] == event) for event in (-4, -3, -2, 0, 1, 2)}
    expected = feols(
        f"log_gsp ~ {' + '.join(dummies)} | stacked_state + stacked_year", table.assign(**dummies), weights
    )
    by_event = fit(PANELS["balanced"], **own, aggregate="event")
    close(by_event.coef.tolist()[1:], expected.coef().to_list())
    close(by_event.estimates["se"].to_list()[1:], expected.se().to_list())
    formula = "log_gsp ~ dummy | stacked_state + stacked_year"
    for cov, vcov in (("classic", "iid"), ("robust", "hetero")):
        found = fit(PANELS["balanced"], **(own | {"small_sample": "none"}), cov=cov)
        expected = feols(formula, table, weights, vcov)
        # pyfixest counts the constant of one stack only
        df = found.statistics["df_resid"]
        factor = math.sqrt((df - 2) / df) if cov == "classic" else 1.0
        close(pair(found), (expected.coef()["dummy"], expected.se()["dummy"] * factor))


@pytest.mark.parametrize("estimator", ["twfe", "event_study", "sun_abraham", "stacked"])
def test_equal_weights_are_none(estimator: str) -> None:
    panel = PANELS["gaps"].with_columns({"one": np.full(len(FRAMES["gaps"]), 5.0)})
    aggregate = "overall" if estimator == "twfe" else "event"
    window = {"leads": 4, "lags": 4} if estimator == "stacked" else {}
    fields = {"estimator": estimator, "aggregate": aggregate, "controls": ("unemp",), **window}
    plain = fit(panel, **fields)
    found = fit(panel, **fields, observation_weights="one")
    close(found.coef.tolist(), plain.coef.tolist())
    close(found.covariance.ravel().tolist(), plain.covariance.ravel().tolist())


@pytest.mark.parametrize("estimator", ["twfe", "event_study", "sun_abraham", "stacked"])
def test_rows_that_weigh_nothing_are_left_out(estimator: str) -> None:
    panel = PANELS["balanced"]
    weights = panel.column("varying").copy()
    weights[[3, 40, *range(34, 51)]] = 0.0
    some = panel.with_columns({"some": weights})
    found = fit(some, estimator=estimator, observation_weights="some")
    expected = fit(panel.rows(weights > 0), estimator=estimator, observation_weights="varying")
    close(found.covariance.ravel().tolist(), expected.covariance.ravel().tolist())
    assert found.statistics == expected.statistics
    assert any("18 rows with a weight (some) of zero left out, with all of ARKANSAS." in str(n) for n in found.notes)
    model = dc.DiD(y="log_gsp", policy="pilot", estimator=estimator, observation_weights="some")
    assert model.null(some, None, []) is None


@pytest.mark.parametrize("estimator", ["twfe", "event_study", "sun_abraham"])
def test_the_wild_bootstrap_is_that_of_the_regression(estimator: str) -> None:
    panel = PANELS["balanced"]
    fields = {"observation_weights": "varying", "estimator": estimator, "leads": 3, "lags": 3, "aggregate": "event"}
    fields |= {"aggregate": "overall"} if estimator == "twfe" else {}
    model = dc.DiD(y="log_gsp", policy="pilot", **fields)
    outcomes = np.random.default_rng(5).normal(size=(len(FRAME), 2)) + panel.column("log_gsp")[:, None]
    batch = model.batch(panel, None, Estimand("coefficient", "pilot"))
    assert not isinstance(batch, OneByOne)
    coef, se = batch.fit(batch.prepare(outcomes))
    for draw, y in enumerate(outcomes.T):
        single = model.fit(panel.with_columns({"log_gsp": np.ascontiguousarray(y)}))
        close((coef[draw], se[draw]), estimate_of(single, Estimand("coefficient", "pilot")))
    wild = model.model_copy(update={"test": "wild", "draws": 99})
    found = wild.fit(panel)
    if estimator == "twfe":
        own = {"cov": "cluster", "test": "wild", "draws": 99, "observation_weights": "varying"}
        expected = dc.PanelRegression(y="log_gsp", x=("pilot",), **own).fit(panel)
        assert found.estimates.loc["pilot"].to_list() == expected.estimates.loc["pilot"].to_list()
    low, high = found.estimates.loc["pilot", ["low", "high"]]
    assert low < found.coef[0] < high
    weights = panel.column("varying").copy()
    weights[:17] = 0.0
    fewer = wild.fit(panel.with_columns({"varying": weights})).estimates
    pd.testing.assert_frame_equal(fewer, wild.fit(panel.rows(weights > 0)).estimates)


def test_weights_that_are_refused() -> None:
    with pytest.raises(ConfigError, match="cov=conley is not made with observation_weights"):
        dc.DiD(y="log_gsp", policy="pilot", observation_weights="size", cov="conley")
    with pytest.raises(ConfigError, match="stands in a term with dummies"):
        dc.DiD(y="log_gsp", policy="pilot", observation_weights="size", controls=("size:C(region)",))
    with pytest.raises(DataError, match="no column 'people'"):
        fit(PANELS["balanced"], observation_weights="people")
    negative = PANELS["balanced"].with_columns({"size": -PANELS["balanced"].column("size")})
    for estimator in ("twfe", "stacked", "imputation", "callaway_santanna"):
        with pytest.raises(DataError, match="cannot be negative"):
            fit(negative, observation_weights="size", estimator=estimator)


def test_synthetic_did_has_none() -> None:
    with pytest.raises(ConfigError, match="not used by estimator=synthetic_did"):
        dc.DiD(y="log_gsp", policy="pilot", observation_weights="size", estimator="synthetic_did")


@pytest.mark.parametrize(
    ("estimator", "in_r", "in_stata"),
    [
        ("imputation", 'wname = "size"', "did_imputation log_gsp unit_id time_id first_period [aweight=size],"),
        ("callaway_santanna", 'weightsname = "size"', "csdid log_gsp [iweight=size], ivar(unit_id)"),
    ],
)
def test_scripts_of_estimators_by_unit_name_the_weights(estimator: str, in_r: str, in_stata: str) -> None:
    panel = PANELS["balanced"]
    model = dc.DiD(y="log_gsp", policy="pilot", estimator=estimator, observation_weights="size")
    extract, result = model.extract(panel, None), model.fit(panel)
    for kind, tool, mark, words in ((RPart, model.r, "#", in_r), (StataPart, model.stata, "*", in_stata)):
        names = Names()
        for column in extract.columns:
            names.give(column)
        assert words in "\n".join(tool(kind(extract, result, names, "set_1", "", Remarks(mark))))
