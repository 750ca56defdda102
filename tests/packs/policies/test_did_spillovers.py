"""Spillovers of a policy: exposure against loops, regressions against pyfixest, Butts's estimator, and the truth."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
from conftest import REFERENCE
from policies import close, fit, pair, panel_of, with_policy

from digicarbon.errors import DigicarbonError
from digicarbon.model._panel_columns import rows_of
from digicarbon.model.batch import Estimand, OneByOne, estimate_of
from digicarbon.model.wild import Draws, wild_tests
from digicarbon.numeric.linear.within import absorb
from digicarbon.numeric.resampling.signs import signs_of
from digicarbon.numeric.spatial.geography import haversine_km
from digicarbon.result import RunEffect
from digicarbon.script import Names, RPart, StataPart
from digicarbon.script.words import Remarks

RINGS = (0.0, 150.0, 300.0)
ONE, TWO = "pilot[0-150 km]", "pilot[150-300 km]"
SHARE = "pilot[share of neighbours]"


def states() -> pd.DataFrame:
    """Munnell's states with a policy and places that never were, as tests/reference/produc_spillovers.json has them."""
    frame = pd.read_csv(REFERENCE / "produc.csv")
    k = frame["state"].rank(method="dense").astype(int) - 1
    first = (k % 8).map({0: 1975, 1: 1978, 2: 1982}).fillna(0)
    places = {"longitude": -120.0 + (7 * k) % 48, "latitude": 35.0 + (5 * k) % 9}
    logs = {f"log_{name}": np.log(frame[name]) for name in ("gsp", "emp")}
    return with_policy(frame.assign(first=first, **logs, **places), "year")


FRAME = states()
PANEL = panel_of(FRAME)
EDGES = pd.read_csv(REFERENCE / "usaww_edges.csv")
WEIGHTS = dc.Weights.from_edges(EDGES, symmetric=False)


def exposed(frame: pd.DataFrame, ahead: int = 0) -> pd.DataFrame:
    """Return the exposure of each row by plain loops over all pairs, also by neighbours without a row in a year."""
    names = ["first", "longitude", "latitude"]
    one = {state: row.to_numpy() for state, row in FRAME.groupby("state")[names].first().iterrows()}
    matrix, place = WEIGHTS.dense(), WEIGHTS.labels.index
    rows = []
    for state, year in zip(frame["state"], frame["year"], strict=True):
        nearest, share = np.inf, 0.0
        for other, (first, east, north) in one.items():
            if other != state and first > 0 and year >= first - ahead:
                nearest = min(nearest, float(haversine_km(*one[state][1:], east, north)))
                share += matrix[place(state), place(other)]
        rows.append((float(nearest <= 150), float(150 < nearest <= 300), share))
    return frame.assign(**dict(zip(("one", "two", "share"), np.array(rows).T, strict=True)))


LOOP = exposed(FRAME)


def feols(right: str, frame: pd.DataFrame) -> Any:
    import pyfixest

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pyfixest.feols(f"log_gsp ~ {right} | state + year", frame, vcov={"CRV1": "state"})


def same(found: dc.Result, expected: Any, terms: dict[str, str]) -> None:
    """Assert that coefficients and standard errors are those of pyfixest."""
    for term, name in terms.items():
        close(pair(found, term), (expected.coef()[name], expected.se()[name]))


def spillover(result: dc.Result) -> tuple[float, float]:
    coef, se = result.effects.loc[("spillover", "pilot"), ["coef", "se"]]
    return float(coef), float(se)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("on", ["untreated", "all", "interacted"])
def test_rings_are_a_regression_on_what_a_loop_finds(on: str, gaps: bool) -> None:
    frame = LOOP.drop(LOOP.index[5::31]) if gaps else LOOP
    free = 1 - frame["pilot"] if on == "untreated" else 1.0
    frame = frame.assign(r1=frame["one"] * free, r2=frame["two"] * free)
    frame = frame.assign(b1=frame["r1"] * frame["pilot"], b2=frame["r2"] * frame["pilot"])
    terms = {"pilot": "pilot", ONE: "r1", TWO: "r2", "log_emp": "log_emp"}
    if on == "interacted":
        terms |= {f"pilot:{ONE}": "b1", f"pilot:{TWO}": "b2"}
    expected = feols(" + ".join(terms.values()), frame)
    found = fit(panel_of(frame), spillovers="rings", rings=RINGS, spillovers_on=on, controls=("log_emp",))
    same(found, expected, terms)
    assert set(found.terms) == set(terms)
    # the mean spillover is over rows without the policy that are in a ring
    rows = frame[(frame["pilot"] == 0) & ((frame["one"] > 0) | (frame["two"] > 0))]
    g = np.array([rows["one"].mean(), rows["two"].mean()])
    names = ["r1", "r2"]
    at = [list(expected.coef().index).index(name) for name in names]
    vcov = expected._vcov[np.ix_(at, at)]
    close(spillover(found), (g @ expected.coef()[names], np.sqrt(g @ vcov @ g)))
    close(found.effects.loc[("direct", "pilot"), "coef"], pair(found)[0])


@pytest.mark.parametrize("on", [None, "untreated", "interacted"])
def test_the_share_of_neighbours_is_a_regressor(on: str | None) -> None:
    free = 1 - LOOP["pilot"] if on == "untreated" else 1.0
    frame = LOOP.assign(w=LOOP["share"] * free, b=LOOP["share"] * LOOP["pilot"])
    terms = {"pilot": "pilot", SHARE: "w"} | ({f"pilot:{SHARE}": "b"} if on == "interacted" else {})
    model = dc.DiD(y="log_gsp", policy="pilot", spillovers="neighbours", spillovers_on=on)
    found = model.fit(PANEL, WEIGHTS)
    same(found, feols(" + ".join(terms.values()), frame), terms)
    share = frame.loc[(frame["pilot"] == 0) & (frame["share"] > 0), "share"].mean()
    close(spillover(found), tuple(share * number for number in pair(found, SHARE)))


def test_the_share_of_neighbours_is_a_spatial_lag_of_the_policy() -> None:
    found = fit_weighted(spillovers="neighbours")
    slx = dc.SpatialPanel(y="log_gsp", x=("pilot",), kind="slx").fit(PANEL, WEIGHTS)
    close(found.coef.tolist(), slx.coef[:2].tolist())


def fit_weighted(**fields: Any) -> dc.Result:
    return dc.DiD(y="log_gsp", policy="pilot", **fields).fit(PANEL, WEIGHTS)


def test_anticipation_reaches_others_as_early() -> None:
    frame = exposed(FRAME, ahead=2).assign(early=(FRAME["pilot_event"] >= -2).astype(float))
    found = fit_weighted(spillovers="neighbours", anticipation=2)
    same(found, feols("early + share", frame), {"pilot": "early", SHARE: "share"})


def test_event_times_have_spillovers_beside_them() -> None:
    frame = LOOP.assign(r1=LOOP["one"] * (1 - LOOP["pilot"]))
    event = frame["pilot_event"].clip(-3, 2)
    dummies = {f"e{level + 100}": (event == level).astype(float) for level in (-3, -2, 0, 1, 2)}
    expected = feols(" + ".join([*dummies, "r1"]), frame.assign(**dummies))
    fields: dict[str, Any] = {"estimator": "event_study", "aggregate": "event", "leads": 3, "lags": 2}
    found = fit(PANEL, spillovers="rings", rings=RINGS[:2], **fields)
    same(found, expected, {f"pilot[{int(name[1:]) - 100}]": name for name in dummies} | {ONE: "r1"})
    assert found.statistics["pretest_df"] == 2


def test_imputation_with_rings_is_butts_in_diff_diff() -> None:
    """Two stages with the first one on rows that no policy reaches: another package has the same numbers."""
    record = json.loads(Path(REFERENCE, "produc_spillovers.json").read_text(encoding="utf-8"))
    found = fit(PANEL, estimator="imputation", spillovers="rings", rings=RINGS)
    close(pair(found)[0], record["att"], 1e-7)
    close({name: pair(found, f"pilot[{name}]")[0] for name in record["rings"]}, record["rings"], 1e-7)


@pytest.mark.parametrize("spillovers", ["rings", "neighbours"])
def test_imputation_is_a_regression_of_rows_that_no_policy_reaches(spillovers: str) -> None:
    """Dummies of all units and periods written out, and the sums of units that the conservative variance is made of."""
    own = LOOP["pilot"].to_numpy() > 0
    ring = LOOP[["one", "two"]].to_numpy() > 0 if spillovers == "rings" else LOOP[["share"]].to_numpy() > 0
    ring = ring & ~own[:, None]
    free = ~own & ~ring.any(axis=1)
    dummies = [pd.get_dummies(LOOP[name], dtype=float) for name in ("state", "year")]
    design = np.column_stack([*dummies, LOOP["log_emp"]])
    y = LOOP["log_gsp"].to_numpy()
    inverse = np.linalg.pinv(design[free])
    left = y - design @ (inverse @ y[free])
    groups = np.column_stack([own, ring])
    weights = groups / groups.sum(axis=0)
    every = weights.copy()
    every[free] -= inverse.T @ (design.T @ weights)
    # rows that are taken as alike: a cohort in a period, a ring in a period
    kind = np.where(own, LOOP["first"].to_numpy(), ring.argmax(axis=1) + 1) * 10_000 + LOOP["year"].to_numpy()
    residuals = np.repeat(left[:, None], groups.shape[1], axis=1)
    for cell in np.unique(kind[~free]):
        rows = ~free & (kind == cell)
        squares = weights[rows] ** 2
        total = squares.sum(axis=0)
        residuals[rows] -= (squares * left[rows, None]).sum(axis=0) / np.where(total > 0, total, 1.0)
    sums = pd.DataFrame(every * residuals).groupby(LOOP["state"].to_numpy()).sum().to_numpy()
    fields: dict[str, Any] = {"rings": RINGS} if spillovers == "rings" else {}
    found = fit_weighted(estimator="imputation", spillovers=spillovers, controls=("log_emp",), **fields)
    terms = ["pilot", *([ONE, TWO] if spillovers == "rings" else ["pilot[neighbours]"])]
    close([pair(found, term)[0] for term in terms], (weights * left[:, None]).sum(axis=0).tolist(), 1e-7)
    close([pair(found, term)[1] for term in terms], np.sqrt((sums**2).sum(axis=0)).tolist(), 1e-6)
    share = ring.sum(axis=0) / ring.sum()
    close(spillover(found)[0], share @ [pair(found, term)[0] for term in terms[1:]], 1e-7)


def test_leads_of_imputation_stand_before_the_rings() -> None:
    found = fit(PANEL, estimator="imputation", aggregate="event", spillovers="rings", rings=RINGS, leads=3, lags=2)
    events = [int(term[6:-1]) for term in found.terms[1:] if "km" not in term]
    assert found.terms[-2:] == (ONE, TWO)
    assert events == sorted(events)
    assert min(events) < 0
    # the event times from 0 on, and the rings, are those without leads
    alone = fit(PANEL, estimator="imputation", spillovers="rings", rings=RINGS)
    close(pair(found, ONE), pair(alone, ONE))


@pytest.mark.parametrize("fields", [{"spillovers": "neighbours"}, {"spillovers": "rings", "rings": RINGS}])
def test_wild_p_of_the_policy_and_of_spillovers(fields: dict[str, Any]) -> None:
    """Without a filter, each quantity as the focal term of a regression on the same columns."""
    model = dc.DiD(y="log_gsp", policy="pilot", **fields)
    free = 1 - LOOP["pilot"]
    frame = LOOP.assign(r1=LOOP["one"] * free, r2=LOOP["two"] * free)
    names = {"pilot": "pilot", SHARE: "share"} if "rings" not in fields else {"pilot": "pilot", ONE: "r1", TWO: "r2"}
    signs = signs_of(PANEL.units, 99, 1, "rademacher")
    result, tests = model.fit(PANEL, WEIGHTS), {}
    for restrictions in model.expanded(PANEL, WEIGHTS).restrictions(None):
        numbers = {estimand: estimate_of(result, estimand) for estimand in restrictions.estimands}
        known = {one: both for one, both in numbers.items() if both}
        tests |= wild_tests(restrictions, known, Draws(signs), 0.95, intervals=True)
    for term, name in names.items():
        others = tuple(other for other in names.values() if other != name)
        one = dc.PanelRegression(y="log_gsp", x=(name,), controls=others, cov="cluster", test="wild", draws=99)
        nowhere = panel_of(frame.drop(columns=["longitude", "latitude"]))
        expected = one.fit(nowhere).estimates.loc[name, ["p", "low", "high"]].to_list()
        found = tests[Estimand("coefficient", term)]
        close([found.p, found.low, found.high], expected, 1e-5)
    assert tests[Estimand("direct", "pilot")] == tests[Estimand("coefficient", "pilot")]
    mean = tests[Estimand("spillover", "pilot")]
    assert mean.low < spillover(result)[0] < mean.high
    if "rings" not in fields:
        assert mean.p == tests[Estimand("coefficient", SHARE)].p


def test_the_null_model_of_a_share_has_no_other_share_in_it() -> None:
    """A spatial lag of the policy among the regressors of its own null model would let no test reject."""
    model = dc.DiD(y="log_gsp", policy="pilot", spillovers="neighbours", test="wild", draws=99, intervals=False)
    lag = absorb(LOOP[["share"]].to_numpy(), rows_of(PANEL), "two_way")
    (_, of_share, _) = model.expanded(PANEL, WEIGHTS).restrictions(WEIGHTS)
    null = of_share.null()
    assert null.filters
    left = lag - null.basis @ (null.basis.T @ lag)
    assert np.linalg.norm(left) > 0.5 * np.linalg.norm(lag)
    found = model.fit(PANEL, WEIGHTS)
    assert found.has_note("wild_p_space")
    assert 0 < found.estimates.loc[SHARE, "p"] <= 1
    assert found.effects.loc[("direct", "pilot"), "p"] == found.estimates.loc["pilot", "p"]


def test_many_outcomes_are_fitted_as_single_ones() -> None:
    model = dc.DiD(y="log_gsp", policy="pilot", spillovers="rings", rings=RINGS, controls=("log_emp",))
    outcomes = np.random.default_rng(1).standard_normal((len(FRAME), 3)) + PANEL.array(["log_gsp"])
    quantities = (("direct", "pilot"), ("spillover", "pilot"), ("coefficient", ONE))
    estimands = [Estimand(quantity, term) for quantity, term in quantities]
    batch, single = model.batch(PANEL, None, estimands[0]), OneByOne(model, PANEL, None, estimands[0])
    prepared = batch.prepare(outcomes)
    for one, other in zip(batch.several(prepared, estimands), single.several(outcomes, estimands), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8)
    assert estimate_of(model.fit(PANEL), estimands[1]) == spillover(model.fit(PANEL))


def test_the_effect_of_a_run_is_the_direct_one() -> None:
    found = fit_weighted(spillovers="neighbours")
    assert found.effect(RunEffect())[:2] == ("pilot", pair(found)[0])
    assert found.effect(RunEffect("spillover"))[1] == spillover(found)[0]
    assert [part.level for part in found.role(SHARE).made_of] == ["share of neighbours"]
    assert found.has_note("did_share_of_neighbours")
    assert found.has_note("did_net_of_spillovers")
    assert fit_weighted(spillovers="rings", rings=RINGS).has_note("did_with_spillovers")
    assert not fit_weighted(spillovers="neighbours").has_note("did_with_spillovers")
    # what a model does not have is no effect of zero
    assert found.without_indirect == frozenset()


def test_only_spillovers_make_the_effect_a_direct_one() -> None:
    """What a curve shows is the last quantity."""
    plain = dc.DiD(y="log_gsp", policy="pilot")
    assert plain.quantities == ("coefficient",)
    assert plain.fit(PANEL).effect(RunEffect())[0] == "pilot"
    assert plain.fit(PANEL).effects.empty
    for fields in ({"spillovers": "neighbours"}, {"spillovers": "rings", "rings": RINGS}):
        model = dc.DiD(y="log_gsp", policy="pilot", **fields)
        assert set(model.quantities) == {"coefficient", *model.fit(PANEL, WEIGHTS).effects.index.get_level_values(0)}
        assert model.quantities[-1] == "direct"


@pytest.mark.parametrize(
    ("fields", "needed"),
    [
        ({}, False),
        ({"spillovers": "neighbours"}, True),
        ({"spillovers": "rings", "rings": RINGS}, False),
        ({"cov": "conley"}, True),
        ({"estimator": "imputation"}, False),
    ],
)
def test_weights_are_those_of_neighbours_or_of_errors(fields: dict[str, Any], needed: bool) -> None:
    model = dc.DiD(y="log_gsp", policy="pilot", **fields)
    assert model.uses_weights == needed
    if needed:
        with pytest.raises(DigicarbonError, match="weights"):
            model.fit(PANEL)
    else:
        model.fit(PANEL)


def test_a_share_of_a_policy_reaches_neighbours() -> None:
    dose = FRAME["pilot"] * (1 + FRAME["first"] % 3) / 4
    frame = LOOP.assign(dose=dose)
    wide = frame.pivot(index="state", columns="year", values="dose")
    lag = WEIGHTS.align(PANEL).dense() @ wide.loc[list(PANEL.units)].to_numpy()
    found = dc.DiD(y="log_gsp", policy="dose", spillovers="neighbours").fit(panel_of(frame), WEIGHTS)
    expected = feols("dose + w", frame.sort_values(["state", "year"]).assign(w=lag.ravel()))
    same(found, expected, {"dose": "dose", "dose[share of neighbours]": "w"})
    with pytest.raises(DigicarbonError, match="gaps"):
        dc.DiD(y="log_gsp", policy="dose", spillovers="neighbours").fit(panel_of(frame.drop(frame.index[7])), WEIGHTS)


def test_a_distance_is_up_to_the_outer_edge() -> None:
    """Units on a line at 0, 1 and 2 degrees; the first one gets the policy."""
    rows = [(f"u{i}", year) for i in range(4) for year in range(6)]
    frame = pd.DataFrame(rows, columns=["state", "year"]).assign(first=0.0, latitude=0.0)
    place = frame["state"].str[1:].astype(int)
    frame = frame.assign(first=np.where(place == 0, 3, 0), longitude=place.clip(upper=3) * 1.0)
    frame["y"] = np.random.default_rng(3).standard_normal(len(frame))
    degree = float(haversine_km(np.zeros(1), np.zeros(1), np.ones(1), np.zeros(1))[0])
    model = dc.DiD(y="y", policy="pilot", spillovers="rings", rings=(0, degree, 2 * degree))
    extract = model.extract(panel_of(with_policy(frame, "year")), None)
    inner, outer = (extract.columns[name].reshape(4, 6) for name in extract.regressors[1:])
    assert inner[:, 3:].tolist() == [[0.0] * 3, [1.0] * 3, [0.0] * 3, [0.0] * 3]
    assert outer[:, 3:].tolist() == [[0.0] * 3, [0.0] * 3, [1.0] * 3, [0.0] * 3]
    assert not inner[:, :3].any()


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"spillovers": "rings"}, r"\[0, 50, 100\]; got \[\]\."),
    ({"spillovers": "rings", "rings": (100, 50)}, r"got \[100, 50\]\."),
    ({"spillovers": "rings", "rings": (-1, 50)}, "increasing distances"),
    ({"spillovers": "neighbours", "estimator": "stacked"}, "has no spillovers"),
    ({"spillovers": "rings", "rings": (0, 1, 300)}, re.escape("0-1 km")),
    ({"spillovers": "rings", "rings": (0, 90_000)}, "nobody is left for comparison"),
    ({"spillovers": "rings", "rings": RINGS, "latitude": "north"}, "'longitude' and 'north'"),
    ({"spillovers": "neighbours"}, "say who is a neighbour"),
]


@pytest.mark.parametrize(("fields", "words"), WRONG)
def test_what_cannot_be_estimated_is_a_sentence(fields: dict[str, Any], words: str) -> None:
    with pytest.raises((DigicarbonError, ValueError), match=words):
        dc.DiD(y="log_gsp", policy="pilot", **fields).check(PANEL)


def test_weights_without_a_treated_neighbour() -> None:
    apart = [(a, b, 1.0) for a, b in zip(PANEL.units[3:4], PANEL.units[4:5], strict=True)]
    pairs = pd.DataFrame(apart, columns=list(EDGES.columns[:3]))
    matrix = dc.Weights.from_edges(pairs, labels=PANEL.units, islands="keep")
    with pytest.raises(DigicarbonError, match="no spillovers to estimate"):
        dc.DiD(y="log_gsp", policy="pilot", spillovers="neighbours").fit(PANEL, matrix)


@pytest.mark.parametrize("estimator", ["twfe", "imputation"])
def test_scripts_have_the_columns(estimator: str) -> None:
    model = dc.DiD(y="log_gsp", policy="pilot", spillovers="rings", rings=RINGS, estimator=estimator)
    extract = model.extract(PANEL, None)
    assert set(extract.regressors) >= {ONE, TWO}
    np.testing.assert_array_equal(extract.columns[ONE], LOOP["one"] * (1 - LOOP["pilot"]))
    result = model.fit(PANEL)
    for kind, tool in ((RPart, model.r), (StataPart, model.stata)):
        names = Names()
        for column in extract.columns:
            names.give(column)
        mark = "#" if kind is RPart else "*"
        text = "\n".join(tool(kind(extract, result, names, "set_1", "", Remarks(mark))))
        assert (names[ONE] in text) == (estimator == "twfe")


def near(seed: int) -> dc.Panel:
    """A world in which units without the policy get 0.5 where the nearest unit under it is within 200 km."""
    rng = np.random.default_rng(seed)
    units, periods = 60, 10
    unit, year = np.repeat(np.arange(units), periods), np.tile(np.arange(1, periods + 1), units)
    first = rng.permutation(np.resize([4, 6, 0, 0], units))
    east, north = rng.uniform(100, 115, units), rng.uniform(25, 37, units)
    treated = (first > 0) & (np.arange(1, periods + 1)[:, None] >= first)
    distance = haversine_km(east[:, None], north[:, None], east, north)
    np.fill_diagonal(distance, np.inf)
    inside = np.array([[(distance[i, treated[t]] <= 200).any() for t in range(periods)] for i in range(units)])
    own = treated.T
    y = rng.standard_normal(units)[:, None] + own + 0.5 * (inside & ~own) + rng.standard_normal((units, periods))
    columns = {"first": first[unit], "longitude": east[unit], "latitude": north[unit], "y": y.ravel()}
    return panel_of(with_policy(pd.DataFrame({"state": [f"u{i:02d}" for i in unit], "year": year, **columns}), "year"))


@pytest.mark.long
@pytest.mark.parametrize("estimator", ["twfe", "imputation"])
def test_rings_find_the_truth_that_one_dummy_misses(estimator: str) -> None:
    model = dc.DiD(y="y", policy="pilot", spillovers="rings", rings=(0, 200), estimator=estimator)
    plain = dc.DiD(y="y", policy="pilot", estimator=estimator)
    panels = [near(seed) for seed in range(60)]
    results = [model.fit(panel) for panel in panels]
    for number, true in ((pair, 1.0), (spillover, 0.5)):
        found = np.array([number(result) for result in results])
        spread = found[:, 0].std(ddof=1)
        assert abs(found[:, 0].mean() - true) < 3.5 * spread / np.sqrt(len(found))
        assert 0.75 < found[:, 1].mean() / spread < 1.35
        assert (np.abs(found[:, 0] - true) < 2 * found[:, 1]).mean() > 0.85
    assert np.mean([pair(plain.fit(panel))[0] for panel in panels]) < 0.85
