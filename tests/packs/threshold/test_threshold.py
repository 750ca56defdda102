"""Panel thresholds: what the model makes of the search, its inference, and what it refuses."""

from __future__ import annotations

import re
from dataclasses import replace

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.errors import ConfigError, DigicarbonError, EstimationError
from digicarbon.model._panel_columns import rows_of
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.null_model import linear_null
from digicarbon.numeric.resampling.signs import signs_of
from digicarbon.numeric.resampling.unit_wild import corrected, draws_of
from digicarbon.packs.threshold.model._regimes import texts
from digicarbon.packs.threshold.numeric.estimator import Again, critical_ratio
from digicarbon.report import Record, RegressionTable
from digicarbon.script import Names, RPart, StataPart
from digicarbon.script.words import Remarks
from digicarbon.tracking._results import decode, encode

TERMS = {"y": "y", "x": ("x",), "controls": ("c",), "threshold": "q"}


def drawn(thresholds: tuple[float, ...] = (0.3,), n: int = 60, t: int = 8, seed: int = 4) -> pd.DataFrame:
    """Slopes 1, 2, 3, … below, between and above the thresholds."""
    rng = np.random.default_rng(seed)
    unit = np.repeat(np.arange(n), t)
    x, c, q = rng.normal(1, 1, n * t), rng.normal(size=n * t), rng.normal(size=n * t)
    slope = 1 + np.searchsorted(thresholds, q)
    y = slope * x + 0.5 * c + rng.normal(size=n)[unit] + 0.5 * rng.normal(size=n * t)
    year = 2000 + np.tile(np.arange(t), n)
    return pd.DataFrame({"unit": [f"u{i:02d}" for i in unit], "year": year, "y": y, "x": x, "c": c, "q": q})


@pytest.fixture(scope="module")
def panel() -> dc.Panel:
    return dc.Panel.from_frame(drawn(), "unit", "year")


def test_slopes_are_those_of_the_regression_on_regimes(panel: dc.Panel) -> None:
    model = dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=99, cov="cluster")
    assert not model.uses_weights
    result = model.fit(panel)
    value = result.statistics["threshold_1"]
    assert abs(value - 0.3) < 0.05
    below = panel.column("q") <= value
    own = {"low": panel.column("x") * below, "high": panel.column("x") * ~below}
    plain = dc.PanelRegression(y="y", x=("low", "high"), controls=("c",), effects="unit", cov="cluster")
    found = plain.fit(panel.with_columns(own))
    np.testing.assert_allclose(result.coef, found.coef)
    np.testing.assert_allclose(result.covariance, found.covariance)
    assert result.terms == ("x[1]", "x[2]", "c")
    assert result.focal == result.terms[:2]
    parts = result.roles[0].made_of
    assert [(part.variable, part.level, part.regimes) for part in parts] == [("x", "", 0), ("q", "1", 2)]
    np.testing.assert_allclose(result.coef, [1, 2, 0.5], atol=0.1)
    assert result.effect(dc.result.RunEffect()) is None
    assert result.has_note("threshold_known")
    assert result.has_note("threshold_signs")


def test_tables_and_statistics_have_the_same_numbers(panel: dc.Panel) -> None:
    result = dc.PanelThreshold(effects="unit", **TERMS, thresholds=2, threshold_draws=99, level=0.9).fit(panel)
    thresholds, tests, regimes = (result.tables[name] for name in ("thresholds", "threshold_tests", "regimes"))
    for at in (1, 2):
        row = thresholds.loc[at]
        assert row["low"] <= row["estimate"] <= row["high"]
        assert result.statistics[f"threshold_{at}"] == row["estimate"]
        assert result.statistics[f"threshold_{at}_low"] == row["low"]
        assert result.statistics[f"threshold_{at}_high"] == row["high"]
        assert result.statistics[f"threshold_f_{at}"] == tests.loc[at, "F"]
        assert result.statistics[f"threshold_f_{at}_p"] == tests.loc[at, "p"]
        points = result.tables["lr"].query("threshold == @at")
        inside = points[points["ratio"] <= points["critical"]]["value"]
        assert (inside.min(), inside.max()) == (row["low"], row["high"])
        assert (points["ratio"].min(), points["value"][points["ratio"].idxmin()]) == (0, row["estimate"])
    assert tests.loc[1, "p"] == 0.01
    assert tests.loc[2, "p"] > 0.05
    assert list(tests.loc[1, ["critical_10", "critical_5", "critical_1"]]) == sorted(tests.loc[1].iloc[2:])
    assert regimes["rows"].sum() == len(panel.unit_codes)
    assert (regimes["units"] <= 60).all()
    assert len(result.terms) == 4
    assert result.roles[1].made_of[1] == dc.result.Constituent("q", level="2", regimes=3)


def test_models_that_differ_in_errors_share_the_search(panel: dc.Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = panel.with_columns({name: panel.column(name).copy() for name in panel.names})
    first = dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=49).fit(shared)
    monkeypatch.setattr("digicarbon.packs.threshold.model.base.estimate", None)
    second = dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=49, cov="cluster", level=0.9).fit(shared)
    assert second.statistics["threshold_f_1_p"] == first.statistics["threshold_f_1_p"]
    assert second.statistics["threshold_1_low"] >= first.statistics["threshold_1_low"]
    with pytest.raises(TypeError):
        dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=49, seed=2).fit(shared)


def test_wild_draws_are_searched_for_thresholds_again(panel: dc.Panel) -> None:
    """Each draw is fitted as a sample of its own; the largest p of all starts counts."""
    model = dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=0, test="wild", draws=39, cov="cluster")
    result = model.fit(panel)
    regimes = model.regimes(panel)
    (slopes,) = model.restrictions(panel, None, result)
    signs = signs_of(panel.units, 39, model.seed)
    assert slopes.starts[0] == regimes.found.places
    assert {start[0] for start in slopes.starts} <= {*regimes.places_of_sets[0].tolist()}
    single, ps = model.by_errors, []
    for start in slopes.starts:
        at, _ = regimes.at(start)
        regression = dc.PanelRegression(y="y", x=regimes.focal, controls=("c",), effects="unit", cov="cluster")
        truth = regression.fit(at)
        null = linear_null(at.column("y"), at.array((*regimes.focal, "c")), rows_of(at), "unit")
        ts = np.empty((2, 39))
        for draw, y in enumerate(draws_of(null, Draws(signs)).T):
            again = single.fit(panel.with_columns({"y": y}))
            ts[:, draw] = (again.coef - truth.coef)[:2] / np.sqrt(np.diag(again.covariance))[:2]
        observed = (result.coef / np.sqrt(np.diag(result.covariance)))[:2]
        ps.append((1 + (np.abs(ts) >= np.abs(observed)[:, None]).sum(axis=1)) / 40)
    np.testing.assert_allclose(result.estimates["p"].iloc[:2], np.max(ps, axis=0))
    assert result.has_note("threshold_searched")
    assert not result.has_note("threshold_known")


@pytest.mark.parametrize("thresholds", [1, 2, 3])
def test_thresholds_of_many_outcomes_are_those_of_each(panel: dc.Panel, thresholds: int) -> None:
    model = dc.PanelThreshold(effects="unit", **TERMS, thresholds=thresholds, threshold_draws=0)
    y = panel.column("y")
    outcomes = y + np.random.default_rng(3).normal(0, 1, (12, len(y)))
    found = Again(model.searching(panel, None), thresholds, model.trim).places(outcomes)
    for places, outcome in zip(found, outcomes, strict=True):
        assert tuple(places) == model.regimes(panel.with_columns({"y": outcome})).found.places


@pytest.mark.parametrize("seed", range(3))
def test_weak_thresholds_make_intervals_of_slopes_longer(seed: int) -> None:
    """Where no regime has an effect, the search picks slopes that are far from zero."""
    frame = drawn((), n=30, t=8, seed=seed).assign(y=np.random.default_rng([7, seed]).normal(size=240))
    panel = dc.Panel.from_frame(frame, "unit", "year")
    model = dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=0, test="wild", draws=99, cov="cluster")
    result, regimes = model.fit(panel), model.regimes(panel)
    known = regimes.regression.model_copy(update={"test": "wild", "draws": 99}).fit(regimes.panel)
    length, of_known = ((one.estimates["high"] - one.estimates["low"]).iloc[:2] for one in (result, known))
    assert (length > 1.1 * of_known).all()
    assert (result.estimates["p"].iloc[:2] > known.estimates["p"].iloc[:2]).all()


def test_sets_by_draws_hold_the_values_that_a_bootstrap_does_not_reject(panel: dc.Panel) -> None:
    """At a value: its regression's slopes, shrunk change, corrected residuals with signs, each sample fitted singly."""
    model = dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=39, grid=20)
    assert model.kind_of_sets == "draws"
    assert model.fit(panel).has_note("threshold_set_drawn")
    regimes = model.regimes(panel)
    (curve,) = regimes.found.curves
    assert curve.tested is not None
    assert curve.drawn is not None
    signs = 2.0 * np.random.default_rng([model.seed, 0]).integers(0, 2, (39, 60)) - 1
    rows = rows_of(panel)
    for number in curve.tested[:: len(curve.tested) // 2]:
        at, _ = regimes.at([curve.candidates[number]])
        names = (*regimes.focal, "c")
        fit = dc.PanelRegression(y="y", x=names, effects="unit", cov="cluster", small_sample="none").fit(at)
        null = linear_null(at.column("y"), at.array(names), rows, "unit")
        r = np.array([1.0, -1.0, 0.0])
        change, variance = r @ fit.coef, r @ fit.covariance @ r
        shrunk = change * np.sqrt(max(1 - variance / change**2, 0))
        own = corrected(null)[:, None] * signs.T[rows.unit_codes]
        outcomes = at.column("x[1]")[:, None] * shrunk + own
        ratios = []
        for y in outcomes.T:
            (again,) = (
                model.model_copy(update={"threshold_draws": 0, "sets": "likelihood"})
                .regimes(panel.with_columns({"y": y}))
                .found.curves
            )
            ratios.append(again.ratio[number])
        np.testing.assert_allclose(np.sort(ratios), curve.drawn[number == curve.tested][0], atol=1e-8)
    inside = curve.ratio <= curve.critical(0.95)
    assert inside[np.argmin(curve.ratio)]


def test_samples_have_one_sign_for_units_of_a_cluster() -> None:
    """Three clusters have eight vectors of signs, and tests only four outcomes: opposite signs have the same F."""
    frame = drawn((), n=9, t=8)
    region = "r" + (frame["unit"].str[1:].astype(int) // 3).astype(str)
    panel = dc.Panel.from_frame(frame.assign(region=region), "unit", "year")
    by_region = {"cov": "cluster", "cluster": "region"}
    for fields, few in (({}, False), (by_region, True)):
        model = dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=200, **fields)
        (test,), (curve,) = model.regimes(panel).found.tests, model.regimes(panel).found.curves
        assert curve.drawn is not None
        of_test, of_set = (len(np.unique(np.round(drawn, 6))) for drawn in (test.draws, curve.drawn[0]))
        assert (of_test <= 4, of_set <= 8) == (few, few)


def test_sets_by_draws_need_enough_of_them() -> None:
    with pytest.raises(ConfigError, match=re.escape("threshold_draws=10 are too few samples for sets of 95%")):
        dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=10, sets="draws")
    assert dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=10).kind_of_sets == "clustered"
    assert dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=50, level=0.99).kind_of_sets == "clustered"
    assert dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=50, space="sar").kind_of_sets == "likelihood"


def test_unbalanced_panels_change_signs_of_whole_units(panel: dc.Panel) -> None:
    frame = drawn().drop(index=[3, 77, 190])
    result = dc.PanelThreshold(**TERMS, threshold_draws=49, effects="two_way", resampling="units").fit(
        dc.Panel.from_frame(frame, "unit", "year", gaps="keep")
    )
    assert result.has_note("threshold_signs")
    assert result.has_note("threshold_unbalanced")
    assert abs(result.statistics["threshold_1"] - 0.3) < 0.05
    signs = dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=49).fit(panel)
    assert signs.has_note("threshold_signs")
    assert not signs.has_note("threshold_unbalanced")
    assert (
        dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=49, resampling="units")
        .fit(panel)
        .has_note("threshold_units")
    )


def test_a_threshold_may_be_a_lag_and_x_itself() -> None:
    frame = drawn()
    panel = dc.Panel.from_frame(frame, "unit", "year")
    lagged = dc.PanelThreshold(effects="unit", **TERMS | {"threshold": "L.q"}, threshold_draws=0).fit(panel)
    assert lagged.statistics["nobs"] == 60 * 7
    part = lagged.roles[0].made_of[1]
    assert (part.variable, part.operator, part.order) == ("q", "L", 1)
    own = dc.PanelThreshold(effects="unit", **TERMS | {"threshold": "x"}, threshold_draws=0).fit(panel)
    assert [part.variable for part in own.roles[0].made_of] == ["x", "x"]
    product = dc.PanelThreshold(effects="unit", **TERMS | {"x": ("x", "x:q")}, threshold_draws=0).fit(panel)
    assert len(product.focal) == 4


def test_sets_allow_for_variances_that_depend_on_the_threshold(panel: dc.Panel) -> None:
    plain, robust = (
        dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=0, sets=one).fit(panel)
        for one in ("likelihood", "robust")
    )
    assert "lr_scale" not in plain.tables["thresholds"]
    scale = robust.tables["thresholds"].loc[1, "lr_scale"]
    assert scale != 1
    assert plain.has_note("threshold_set")
    assert robust.has_note("threshold_set_robust")
    points = [result.tables["lr"].set_index("value")["ratio"] for result in (plain, robust)]
    common = points[0].index.intersection(points[1].index)
    np.testing.assert_allclose(points[1][common] * scale, points[0][common])


def test_sets_allow_for_errors_of_units_that_stay() -> None:
    """Errors and x of a unit are the same in half of its years, and q in all: sets are longer by the whole ratio."""
    frame, rng = drawn(), np.random.default_rng(2)
    half = (frame["year"] < 2004).to_numpy()
    x, errors = (np.where(half, *(np.repeat(rng.normal(size=60), 8) for _ in range(2))) for _ in range(2))
    q = np.repeat(rng.normal(size=60), 8)
    y = x * (1 + (q > 0.3)) + errors
    panel = dc.Panel.from_frame(frame.assign(x=x, q=q, y=y), "unit", "year")
    plain, clustered = (
        dc.PanelThreshold(effects="unit", **TERMS | {"controls": ()} | fields, threshold_draws=0).fit(panel)
        for fields in ({"sets": "likelihood"}, {})
    )
    assert clustered.has_note("threshold_set_clustered")
    scale = clustered.tables["thresholds"].loc[1, "lr_scale"]
    assert scale > 2
    points = [result.tables["lr"].set_index("value")["ratio"] for result in (plain, clustered)]
    common = points[0].index.intersection(points[1].index)
    np.testing.assert_allclose(points[1][common] * scale, points[0][common])
    low, high = (
        np.array([result.statistics[f"threshold_1_{end}"] for result in (plain, clustered)]) for end in ("low", "high")
    )
    assert low[1] <= low[0]
    assert high[1] >= high[0]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"threshold": "y"}, "threshold is the outcome y"),
        ({"thresholds": 3, "trim": 0.3}, "trim=0.3 leaves too few rows for 4 regimes"),
    ],
)
def test_fields_that_contradict_each_other_are_refused(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        dc.PanelThreshold(effects="unit", **TERMS | fields)


def test_a_variable_without_candidates_is_refused(panel: dc.Panel) -> None:
    two = panel.with_columns({"two": (panel.column("q") > 0).astype(float), "one": np.ones(len(panel.unit_codes))})
    for fields, regimes in (({"threshold": "one"}, 2), ({"threshold": "two", "thresholds": 2}, 3)):
        model = dc.PanelThreshold(effects="unit", **TERMS | fields, threshold_draws=0)
        for refused in (model.fit, model.check):
            with pytest.raises(EstimationError, match=f"at least 0.05 of the rows in each of {regimes} regimes"):
                refused(two)
    dc.PanelThreshold(effects="unit", **TERMS | {"threshold": "two"}).check(two)
    with pytest.raises(DigicarbonError):
        dc.PanelThreshold(effects="unit", **TERMS | {"threshold": "nothing"}).check(two)


def test_a_note_says_that_a_variable_has_few_values(panel: dc.Panel) -> None:
    rounded = panel.with_columns(
        {f"q{values}": np.digitize(panel.column("q"), np.linspace(-1, 1, values - 1)) * 1.0 for values in (2, 10, 11)}
    )
    for values, few in ((2, True), (10, True), (11, False)):
        result = dc.PanelThreshold(effects="unit", **TERMS | {"threshold": f"q{values}"}, threshold_draws=0).fit(
            rounded
        )
        assert result.has_note("threshold_few_values") == few
    assert "q2 has only 2 values" in str(
        next(
            note
            for note in dc.PanelThreshold(effects="unit", **TERMS | {"threshold": "q2"}, threshold_draws=0)
            .fit(rounded)
            .notes
            if note.code == "threshold_few_values"
        )
    )


def test_notes_say_what_a_scale_does_to_the_set(panel: dc.Panel) -> None:
    rng = np.random.default_rng(1)
    q = panel.column("q")
    quiet = panel.with_columns({"y": panel.column("x") * (1 + (q > 0.3)) + rng.normal(size=len(q)) * (q - 0.3) ** 2})
    below = dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=0, sets="robust").fit(quiet)
    assert 0 < below.tables["thresholds"].loc[1, "lr_scale"] < 1
    assert below.has_note("threshold_scale_below")
    assert not below.has_note("threshold_unscaled")
    x = rng.choice([-1.0, 1.0], len(q)) * np.where(np.abs(q - 0.3) > 2, 20.0, 0.01)
    still = panel.with_columns({"x": x, "y": x * (1 + (q > 0.3)) + 0.1 * rng.normal(size=len(q))})
    unscaled = dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=0, sets="robust").fit(still)
    assert unscaled.tables["thresholds"].loc[1, "lr_scale"] == 1
    assert unscaled.has_note("threshold_unscaled")
    assert not unscaled.has_note("threshold_scale_below")
    for sets in ("likelihood", "clustered"):
        other = dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=0, sets=sets).fit(quiet)
        assert not other.has_note("threshold_scale_below")


def test_texts_tell_thresholds_apart() -> None:
    assert texts([0.123456, 2.0]) == ["0.1235", "2"]
    assert texts([1.00001, 1.00002]) == ["1.00001", "1.00002"]


@pytest.mark.long
@pytest.mark.parametrize("clusters", ["region", ("region", "season")])
def test_clusters_of_columns(clusters: str | tuple[str, str]) -> None:
    frame = drawn()
    region = "r" + (frame["unit"].str[1:].astype(int) % 12).astype(str)
    panel = dc.Panel.from_frame(frame.assign(region=region, season=frame["year"] % 7), "unit", "year")
    model = dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=19, cov="cluster", cluster=clusters)
    result = model.fit(panel)
    below = panel.column("q") <= result.statistics["threshold_1"]
    own = {"low": panel.column("x") * below, "high": panel.column("x") * ~below}
    plain = dc.PanelRegression(
        y="y", x=("low", "high"), controls=("c",), effects="unit", cov="cluster", cluster=clusters
    ).fit(panel.with_columns(own))
    np.testing.assert_allclose(result.covariance, plain.covariance)
    assert (result.inference.df, result.errors_note) == (plain.inference.df, plain.errors_note)
    by_unit = model.model_copy(update={"cluster": "unit"}).fit(panel)
    assert np.abs(result.covariance / by_unit.covariance - 1).max() > 0.01
    tests, others = (one.tables["threshold_tests"] for one in (result, by_unit))
    assert tests.loc[1, "F"] == others.loc[1, "F"]
    # units of one cluster have one sign, where each unit is in one
    assert tests.loc[1, "critical_5"] != others.loc[1, "critical_5"]
    assert next(note for note in result.notes if note.code == "threshold_signs_by")["by"] == "region"
    wild = model.model_copy(update={"test": "wild", "draws": 99}).fit(panel)
    assert next(note for note in wild.notes if note.code == "wild_p_by")["by"] == "region"
    assert wild.has_note("wild_of_one") == (clusters != "region")
    assert model.model_copy(update={"cov": "robust"}).own_clusters == ()
    names = ["group_region"] if clusters == "region" else ["group_region", "group_season"]
    assert [name for name in model.extract(panel, None).columns if name.startswith("group_")] == names


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("sets", ["likelihood", "clustered"])
def test_a_set_has_the_values_that_pass_and_no_hole_within_a_piece(seed: int, sets: str) -> None:
    """Values that are near another threshold, and hence no candidates, are in no piece."""
    panel = dc.Panel.from_frame(drawn((0.3,), n=40, t=6, seed=seed), "unit", "year")
    model = dc.PanelThreshold(effects="unit", **TERMS, thresholds=3, sets=sets, threshold_draws=0)
    result = model.fit(panel)
    regimes = model.regimes(panel)
    pieces, values = result.tables["threshold_sets"], np.unique(panel.column("q"))
    for at, curve in enumerate(regimes.found.curves, start=1):
        passed = {
            regimes._ordered.value(place)
            for place, ratio in zip(curve.candidates, curve.ratio, strict=True)
            if ratio <= critical_ratio(0.95)
        }
        own = pieces.loc[at].to_numpy()
        inside = {value for value in values if any(low <= value <= high for low, high in own)}
        assert inside == passed
        assert (own[1:, 0] > own[:-1, 1]).all()
        row = result.tables["thresholds"].loc[at]
        assert (row["low"], row["high"], row["pieces"]) == (own[0, 0], own[-1, 1], len(own))
        said = [note for note in result.notes if note.code == "threshold_set_pieces" and note["number"] == at]
        assert len(said) == (len(own) > 1)
        if said:
            shown = [(piece["low"], piece["high"]) for piece in said[0]["pieces"]]
            assert shown == [tuple(piece) for piece in own.tolist()]
    holes = [
        at
        for at, curve in enumerate(regimes.found.curves, start=1)
        for other in regimes.values
        if other != regimes.values[at - 1] and any(low < other < high for low, high in pieces.loc[at].to_numpy())
    ]
    assert holes == []


@pytest.mark.parametrize("test", ["errors", "wild"])
@pytest.mark.parametrize("cov", ["classic", "cluster"])
def test_slopes_of_tiny_regimes_have_no_stars(test: str, cov: str) -> None:
    frame = drawn((), n=8, t=6, seed=1)
    # four units, and they alone, lie above: a regime of few units, whatever the number of its rows
    high = frame["unit"].isin(["u00", "u01", "u02", "u03"])
    frame["q"] = np.where(high & (frame["year"] > 2002), 5.0, 0.0) + frame["year"] % 2 * 0.1
    frame["y"] += np.where(frame["q"] > 1, frame["x"], 0.0)
    panel = dc.Panel.from_frame(frame, "unit", "year")
    result = dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=0, cov=cov, test=test, draws=99).fit(panel)
    assert result.tables["regimes"]["units"].tolist() == [8, 4]
    row, other = result.estimates.loc["x[2]"], result.estimates.loc["x[1]"]
    assert np.isfinite(row["coef"])
    assert np.isnan(row[["se", "stat", "p", "low", "high"]].astype(float)).all()
    assert np.isfinite(other[["se", "p"]].astype(float)).all()
    (note,) = [note for note in result.notes if note.code == "threshold_tiny_regimes"]
    assert note["numbers"] == ("2",)
    assert result.without_errors == ("x[2]",)
    result.require_numbers()
    with pytest.raises(EstimationError, match=r"standard error of x\[2\] is not a finite number"):
        replace(result, without_errors=()).require_numbers()
    assert decode(encode(result)).without_errors == ("x[2]",)
    shown = RegressionTable().table("t", [Record("a", {}, {}, result)]).cells
    cell = shown.loc["x, q > γ₁"].iloc[0]
    assert "*" not in str(cell)
    more = frame.assign(q=np.where(frame["year"] > 2002, 5.0, 0.0) + frame["year"] % 2 * 0.1)
    enough = dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=0, cov=cov).fit(
        dc.Panel.from_frame(more, "unit", "year")
    )
    assert not enough.has_note("threshold_tiny_regimes")


def test_a_regression_table_shows_tests_and_sets_of_thresholds(panel: dc.Panel) -> None:
    result = dc.PanelThreshold(effects="unit", **TERMS, thresholds=2, threshold_draws=49).fit(panel)
    shown = RegressionTable(decimals=3).table("t", [Record("a", {}, {}, result)]).cells.iloc[:, 0]
    statistics, pieces = result.statistics, result.tables["threshold_sets"]
    for at, name in ((1, "First"), (2, "Second")):
        f, p = statistics[f"threshold_f_{at}"], statistics[f"threshold_f_{at}_p"]
        assert shown[f"{name} threshold, F"] == f"{f:.3f} [{p:.3f}]"
        union = " ∪ ".join(f"[{low:.3f}, {high:.3f}]" for low, high in pieces.loc[at].to_numpy())
        assert shown[f"{name} threshold, confidence set"] == union


def test_a_threshold_made_of_the_outcome(panel: dc.Panel) -> None:
    lagged = {**TERMS, "threshold": "L.y", "threshold_draws": 0}
    for effects in ("unit", "two_way"):
        assert dc.PanelThreshold(**lagged, effects=effects).fit(panel).has_note("threshold_of_lagged_y")
    assert not dc.PanelThreshold(**lagged, effects="none").fit(panel).has_note("threshold_of_lagged_y")
    assert (
        not dc.PanelThreshold(effects="unit", **{**lagged, "threshold": "L.q"})
        .fit(panel)
        .has_note("threshold_of_lagged_y")
    )
    for term in ("D.y", "F.y", "y^2", "y:q", "ln_y"):
        with pytest.raises(ConfigError, match="is made of the outcome y of the same or a later period"):
            dc.PanelThreshold(effects="unit", **{**TERMS, "threshold": term})


def test_thresholds_that_a_loop_in_r_finds_are_compared_by_their_places() -> None:
    panel = dc.Panel.from_frame(drawn((-0.5, 0.5)), "unit", "year")
    model = dc.PanelThreshold(**TERMS, thresholds=2, threshold_draws=0, effects="unit")
    result, extract, names = model.fit(panel), model.extract(panel, None), Names()
    for column in extract.columns:
        names.give(column)
    text = "\n".join(model.r(RPart(extract, result, names, "set_1", "", Remarks("#"))))
    assert "names(found) <- paste0('threshold_', seq_along(found))" in text
    checked = re.findall(r"(threshold_\d) = ([-.\de]+)", text)
    assert [name for name, _ in checked] == ["threshold_1", "threshold_2"]
    assert [float(value) for _, value in checked] == [result.statistics[name] for name, _ in checked]


@pytest.mark.parametrize(("effects", "rows", "there"), [("unit", 0, True), ("two_way", 0, False), ("unit", 1, False)])
def test_xthreg_searches_balanced_panels_with_unit_effects(effects: str, rows: int, there: bool) -> None:
    panel = dc.Panel.from_frame(drawn().iloc[rows:], "unit", "year", gaps="keep")
    model = dc.PanelThreshold(**TERMS, threshold_draws=0, effects=effects, trim=0.1)
    extract, names = model.extract(panel, None), Names()
    for column in extract.columns:
        names.give(column)
    lines = model.stata(StataPart(extract, model.fit(panel), names, "set_1", "", Remarks("*")))
    assert ("xthreg y c, rx(x) qx(q) thnum(1) trim(0.1) grid(400) bs(0)" in lines) == there
    assert ("xthreg takes balanced panels" in " ".join(line.removeprefix("* ") for line in lines)) != there
