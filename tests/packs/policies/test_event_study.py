"""Event studies: the table has every number of the picture, the reference is hollow, the roll-out is the panel's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.numeric.resampling.unit_wild import uniform_critical
from digicarbon.packs.policies.picture.event_study import event_critical, rollout
from digicarbon.panel import PanelDesign
from digicarbon.report import EventStudy, Record, RegressionTable, SpecificationCurve
from digicarbon.report.picture import event_numbers, plot_coefficients, plot_event_study, plot_rollout
from digicarbon.source import SimulatedPolicy
from digicarbon.tracking._results import decode, encode

ESTIMATORS = ("event_study", "sun_abraham", "imputation", "callaway_santanna", "stacked")


@pytest.fixture(scope="module")
def panel() -> dc.Panel:
    source = SimulatedPolicy(n=40, periods=9, first_year=2009, cohorts=(2012, 2014), world="heterogeneous", seed=3)
    return PanelDesign(policy={"pilot": "adopted"}).assemble(source.load().frame, "unit", "year")


def fit(panel: dc.Panel, estimator: str, **fields: Any) -> dc.Result:
    whole = {"stack_weights": "variance"} if estimator == "stacked" else {}
    fields = {"aggregate": "overall" if estimator == "twfe" else "event", **whole} | fields
    return dc.DiD(y="y", policy="pilot", estimator=estimator, **fields).fit(panel)


@pytest.fixture(scope="module")
def results(panel: dc.Panel) -> dict[str, dc.Result]:
    return {name: fit(panel, name) for name in ESTIMATORS}


def records(results: dict[str, dc.Result], panel: dc.Panel) -> list[Record]:
    return [Record(name, {}, {}, result, lambda: panel, simulated=True) for name, result in results.items()]


def points(axes: Any, hollow: bool) -> list[list[tuple[float, float]]]:
    """The markers of each run."""
    lines = [line for line in axes.lines if line.get_marker() not in ("None", "", None, "x") and len(line.get_xdata())]
    return [
        list(zip(line.get_xdata(), line.get_ydata(), strict=True))
        for line in lines
        if (line.get_markerfacecolor() == "white") == hollow
    ]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_numbers_by_event_time_are_those_of_the_result(results: dict[str, dc.Result], estimator: str) -> None:
    result = results[estimator]
    table = event_numbers(result)
    assert list(table.index) == sorted(table.index)
    drawn = table[~table["reference"] & ~table["of_leads"]]
    assert [f"pilot[{event}]" for event in drawn.index] == sorted(
        result.terms[1:], key=lambda term: float(result.role(term).made_of[0].level)
    )
    for event, row in drawn.iterrows():
        expected = result.estimates.loc[f"pilot[{event}]", ["coef", "se", "p", "low", "high"]]
        np.testing.assert_array_equal(row[["coef", "se", "p", "low", "high"]].astype(float), expected)
    # changes from period to period have no reference, and imputation compares with all untreated rows
    references = [] if estimator in ("callaway_santanna", "imputation") else [-1]
    assert list(table.index[table["reference"]]) == references
    of_leads = [-1] if estimator == "imputation" else []
    assert list(table.index[table["of_leads"]]) == of_leads
    assert table.loc[references + of_leads, "coef"].tolist() == [0.0] * len(references + of_leads)


def test_the_reference_moves_with_anticipation_and_is_recorded(panel: dc.Panel) -> None:
    result = fit(panel, "sun_abraham", anticipation=1)
    assert result.statistics["reference_event"] == -2
    assert -1 in event_numbers(result).index
    assert event_numbers(decode(encode(result))).equals(event_numbers(result))
    universal = fit(panel, "callaway_santanna", base_period="universal")
    assert universal.statistics["reference_event"] == -1


@pytest.mark.parametrize("aggregate", ["overall", "cohort", "calendar"])
def test_other_aggregates_have_no_event_times(panel: dc.Panel, aggregate: str) -> None:
    assert event_numbers(fit(panel, "imputation", aggregate=aggregate)).empty


def test_the_picture_has_a_marker_for_each_number(results: dict[str, dc.Result]) -> None:
    figure = plot_event_study(results)
    axes = figure.axes[0]
    solid, hollow = points(axes, False), points(axes, True)
    assert len(solid) == len(ESTIMATORS)
    # not of callaway_santanna and imputation
    assert len(hollow) == len(ESTIMATORS) - 2
    (cross,) = [line for line in axes.lines if line.get_marker() == "x" and len(line.get_xdata())]
    assert (round(float(cross.get_xdata()[0])), list(cross.get_ydata())) == (-1, [0.0])
    for name, run in zip(ESTIMATORS, solid, strict=True):
        table = event_numbers(results[name])
        table = table[~table["reference"] & ~table["of_leads"]]
        np.testing.assert_array_equal([y for _, y in run], table["coef"])
        assert np.abs(np.array([x for x, _ in run]) - table.index).max() < 0.5
    assert all(y == 0 and -1.5 < x < -0.5 for run in hollow for x, y in run)
    # side by side, none on another
    assert len({x for run in solid for x, _ in run if round(x) == 2}) == len(ESTIMATORS)
    markers = [line.get_marker() for line in axes.lines if line.get_label() in ESTIMATORS]
    assert len(set(markers)) == len(ESTIMATORS)
    dashed = [line for line in axes.lines if list(line.get_xdata()) == [-0.5, -0.5]]
    assert len(dashed) == 1
    assert dashed[0].is_dashed()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        *ESTIMATORS,
        "band of all event times",
        "reference period",
        "reference of earlier periods only",
    ]


def test_a_single_run_is_named_by_nothing_but_its_reference(results: dict[str, dc.Result]) -> None:
    (legend,) = plot_event_study(results["event_study"]).legends
    assert [text.get_text() for text in legend.get_texts()] == ["band of all event times", "reference period"]
    (legend,) = plot_event_study(results["imputation"]).legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == ["band of all event times", "reference of earlier periods only"]
    (legend,) = plot_event_study(results["callaway_santanna"]).legends
    assert [text.get_text() for text in legend.get_texts()] == ["band of all event times"]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_uniform_band_holds_the_largest_t(results: dict[str, dc.Result], estimator: str) -> None:
    """Its critical value by a plain simulation of the effects; the band is nowhere narrower than the intervals."""
    result = results[estimator]
    table = event_numbers(result)
    drawn = table[~table["reference"] & ~table["of_leads"]]
    places = [result.terms.index(f"pilot[{event}]") for event in drawn.index]
    covariance = result.covariance[np.ix_(places, places)]
    rng = np.random.default_rng(8)
    sample = rng.multivariate_normal(np.zeros(len(places)), covariance, 40_000, method="svd")
    df = result.inference.df
    scale = 1.0 if df is None else np.sqrt(rng.chisquare(df, len(sample)) / df)
    by_hand = np.quantile(np.abs(sample / np.sqrt(np.diag(covariance))).max(axis=1) / scale, 0.95)
    critical = event_critical(result)
    assert critical == pytest.approx(by_hand, rel=0.02)
    np.testing.assert_allclose(drawn["high_uniform"], drawn["coef"] + critical * drawn["se"])
    assert (drawn["low_uniform"] < drawn["low"]).all()


@pytest.mark.parametrize("estimator", ["event_study", "imputation", "callaway_santanna"])
def test_the_uniform_band_of_wild_draws(panel: dc.Panel, estimator: str) -> None:
    """The fifth largest of the largest |t| over event times in 99 draws around the estimates, by a plain loop."""
    model = dc.DiD(
        y="y", policy="pilot", estimator=estimator, aggregate="event", test="wild", draws=99, intervals=False
    )
    # without places there is no W
    frame = panel.frame().drop(columns=["longitude", "latitude"]).reset_index()
    panel = dc.Panel.from_frame(frame, panel.unit_name, panel.time_name)
    result = model.fit(panel)
    critical = result.statistics["uniform_critical"]
    assert critical == event_critical(result)
    design = model.design(panel)
    terms = [f"pilot[{part.number:.0f}]" for part in result.focal_levels.values()]
    centre, fits = design.drawn(terms, None, model.draws_for(design.units, None))
    np.testing.assert_allclose(centre, result.estimates.loc[terms, "coef"], rtol=1e-8)
    largest = [
        max(abs(coef[draw] - at) / se[draw] for at, (coef, se) in zip(centre, fits, strict=True)) for draw in range(99)
    ]
    assert critical == pytest.approx(sorted(largest)[-5])
    # one effect alone has a smaller critical value
    assert critical > uniform_critical(centre[:1], fits[:1], 0.95)


@pytest.mark.parametrize(
    ("adopters", "test", "none"), [(3, "wild", True), (9, "wild", False), (9, "randomisation", True)]
)
def test_there_is_no_band_where_p_is_from_arrangements(adopters: int, test: str, none: bool) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"unit": np.repeat(np.arange(30), 8), "time": np.tile(np.arange(2000, 2008), 30)})
    frame["adopted"] = np.where(frame["unit"] < adopters, 2004.0, np.nan)
    frame["y"] = rng.normal(size=240)
    panel = PanelDesign(policy={"pilot": "adopted"}).assemble(frame, "unit", "time")
    model = dc.DiD(
        y="y", policy="pilot", estimator="imputation", aggregate="event", test=test, draws=19, intervals=False
    )
    numbers = event_numbers(model.fit(panel))
    assert numbers[["low_uniform", "high_uniform"]].isna().all(axis=None) == none


def test_the_table_has_the_band_that_is_chosen(results: dict[str, dc.Result], panel: dc.Panel) -> None:
    table = EventStudy(decimals=2, band="uniform").table("t", records(results, panel))
    row = event_numbers(results["sun_abraham"]).loc[2]
    expected = f"{row['coef']:.2f} [{row['low_uniform']:.2f}, {row['high_uniform']:.2f}]"
    assert table.cells["sun_abraham"].iloc[list(table.cells.index).index("2")] == expected
    assert (
        table.cells.loc["critical value of the uniform band", "stacked"] == f"{event_critical(results['stacked']):.2f}"
    )
    codes = ("event_band_uniform", "event_band_joint")
    assert {Note(code).text() for code in codes} <= set(table.notes)


def test_imputed_effects_alone_have_no_reference(panel: dc.Panel) -> None:
    """Where all units are under the policy nothing before it is identified, and nothing is compared with one period."""
    event = panel.column("pilot_event")
    ever = panel.rows(np.isfinite(event))
    found = fit(ever, "imputation")
    assert not {"reference_event", "reference_of_leads"} & set(found.statistics)
    assert not event_numbers(found)[["reference", "of_leads"]].to_numpy().any()


@pytest.mark.parametrize("estimator", ["event_study", "sun_abraham", "imputation", "callaway_santanna"])
def test_ends_that_hold_farther_event_times_are_marked(panel: dc.Panel, estimator: str) -> None:
    found = fit(panel, estimator, leads=3, lags=5)
    # no unit is seen later than five years after its first one
    assert found.bins == {-3: "≤"}
    assert decode(encode(found)).bins == {-3: "≤"}
    shown = plot_event_study(found).axes[0].get_xticklabels()
    assert [label.get_text() for label in shown][:2] == ["≤ −3", "−2"]
    assert shown[-1].get_text() == "5"
    shorter = fit(panel, estimator, leads=3, lags=2)
    rows = list(EventStudy().table("t", records({"a": shorter}, panel)).cells.index)
    assert rows[2:8] == ["≤ -3", "-2", "-1", "0", "1", "≥ 2"]
    rows = list(RegressionTable(language="en").table("t", records({"a": shorter}, panel)).cells.index)
    # one kind of minus in a table
    assert {"Pilot policy: ≤ -3", "Pilot policy: -2", "Pilot policy: ≥ 2", "Pilot policy: 1"} <= set(rows)
    both = {"a": shorter, "b": fit(panel, estimator)}
    rows = list(EventStudy().table("t", records(both, panel)).cells.index)
    assert "(≥) 2" in rows
    assert "3" in rows


def test_event_times_among_other_lines_of_a_picture_have_its_minus(panel: dc.Panel) -> None:
    naming = {"pilot": "Pilot-policy", "pilot[-2]": "Pilot-policy: -2", "pilot[1]": "Pilot-policy: 1"}
    figure = plot_coefficients(fit(panel, "event_study"), terms=list(naming), naming=naming)
    shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert shown == ["Pilot-policy", "Pilot-policy: −2", "Pilot-policy: 1"]


def test_effects_that_are_other_means_have_rows_of_their_own(panel: dc.Panel) -> None:
    found = {
        "dummy": fit(panel, "twfe"),
        "rows": fit(panel, "imputation"),
        "events": fit(panel, "callaway_santanna", overall="levels"),
        "cohorts": fit(panel, "sun_abraham", aggregate="cohort", overall="levels"),
        "periods": fit(panel, "sun_abraham", aggregate="calendar", overall="levels"),
        "stacks": fit(panel, "stacked", aggregate="overall", anticipation=1, stack_weights="corrective"),
    }
    assert {name: decode(encode(one)).means["pilot"] for name, one in found.items()} == {
        "dummy": "variance",
        "rows": "treated_rows",
        "events": "event_times",
        "cohorts": "cohorts",
        "periods": "periods",
        "stacks": "anticipating_rows",
    }
    table = RegressionTable(language="en").table("t", records(found, panel)).cells
    kinds = {
        "variance-weighted mean": "dummy",
        "mean over treated rows": "rows",
        "mean over event times": "events",
        "mean over cohorts": "cohorts",
        "mean over periods": "periods",
        "mean over treated and anticipating rows": "stacks",
    }
    for kind, run in kinds.items():
        row = table.loc[f"Pilot policy, {kind}"]
        assert [name for name, cell in row.items() if cell] == [run]
    chinese = RegressionTable(language="zh").table("t", records(found, panel)).cells.index
    assert "试点政策，方差加权均值" in chinese
    overall = list(EventStudy().table("t", records(found, panel)).cells.index)[:6]
    assert overall == [f"Overall effect, {kind}" for kind in kinds]


def test_the_table_has_the_overall_effect_first_and_each_number_of_the_picture(
    results: dict[str, dc.Result], panel: dc.Panel
) -> None:
    found = {**results, "twfe": fit(panel, "twfe")}
    table = EventStudy(decimals=2).table("t", records(found, panel))
    rows = list(table.cells.index)
    means = ("mean over treated rows", "variance-weighted mean in stacks", "variance-weighted mean")
    assert rows[:3] == [f"Overall effect, {mean}" for mean in means]
    assert table.rules == (3, *table.blocks[1:], len(rows) - 5)
    assert table.blocks == (3, 15)
    events = rows[4:15]
    assert events == list(map(str, range(-5, 6)))
    assert rows[15:27] == ["Units behind each effect", *events]
    units = table.cells.iloc[16:27]
    # 12 units in 2012 and 12 in 2014, of 2009 to 2017
    assert units["event_study"].tolist() == ["12"] * 2 + ["24"] * 7 + ["12"] * 2
    assert units["twfe"].tolist() == [""] * 11
    assert EventStudy(language="zh").table("t", records(results, panel)).cells.index[14] == "各期效应的个体数"
    table = replace(table, cells=table.cells.iloc[[*range(15), *range(27, len(rows))]])
    rows = list(table.cells.index)
    row = results["sun_abraham"].estimates.loc["pilot[2]"]
    assert table.cells.loc["2", "sun_abraham"] == f"{row['coef']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
    assert table.cells.loc["-1", "sun_abraham"] == "0 (reference)"
    assert table.cells.loc["2", "twfe"] == ""
    whole = found["twfe"].estimates.loc["pilot"]
    assert table.cells.loc["Overall effect, variance-weighted mean", "twfe"].startswith(f"{whole['coef']:.2f} [")
    assert rows[15:] == [
        "critical value of the uniform band",
        "Leads jointly zero, p",
        "Observations",
        "Treated units",
        "Never-treated units",
    ]
    assert "First period under Pilot policy: 12 units in 2012, 12 units in 2014, 16 units never." in table.notes


def test_results_of_earlier_versions_have_no_units(results: dict[str, dc.Result], panel: dc.Panel) -> None:
    old = {name: replace(result, tables={}) for name, result in results.items()}
    table = EventStudy().table("t", records(old, panel))
    assert (table.blocks, table.rules) == ((2,), (2, 14))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_units_at_an_end_are_those_with_a_row_there_or_beyond(panel: dc.Panel, estimator: str) -> None:
    event, whole = panel.column("pilot_event"), {-2: 24, -1: 24, 0: 24, 1: 24, 2: 24}
    assert fit(panel, estimator, leads=2, lags=2).tables["event_units"]["units"].to_dict() == whole
    # one unit without its row at 2, and with later ones: a stack is cut off there
    lost = panel.rows(np.arange(len(event)) != np.flatnonzero(event == 2)[0])
    found = fit(lost, estimator, leads=2, lags=2).tables["event_units"]["units"].to_dict()
    assert found == {**whole, 2: 23 if estimator == "stacked" else 24}


def test_pictures_are_files_and_many_runs_are_a_summary(results: dict[str, dc.Result], panel: dc.Panel) -> None:
    shown = records(results, panel)
    assert list(EventStudy(pictures=("svg",)).files("t", shown)) == ["event_study.svg", "rollout.svg"]
    assert list(EventStudy(pictures=("png",), rollout=False).files("t", shown)) == ["event_study.png"]
    assert EventStudy(pictures=()).files("t", shown) == {}
    assert EventStudy(most_runs=2).files("t", shown) == {}
    assert "A summary of 5 runs" in " ".join(EventStudy(most_runs=2).table("t", shown).notes)
    stored = [Record(name, {}, {}, result) for name, result in results.items()]
    assert list(EventStudy(pictures=("svg",)).files("t", stored)) == ["event_study.svg"]


def test_without_effects_by_event_time_a_sentence_says_what_to_choose(panel: dc.Panel) -> None:
    only = {"twfe": fit(panel, "twfe")}
    for draw in (lambda: plot_event_study(only), lambda: EventStudy().table("t", records(only, panel))):
        with pytest.raises(ConfigError, match=r"choose model\.aggregate=event"):
            draw()


def test_more_runs_than_markers_are_refused(results: dict[str, dc.Result]) -> None:
    with pytest.raises(ConfigError, match="9 runs are too many"):
        plot_event_study([results["event_study"]] * 9)


def test_the_roll_out_is_the_panel_s(panel: dc.Panel) -> None:
    first, grid = rollout(panel, "pilot")
    event = panel.column("pilot_event")
    for unit in range(len(panel.units)):
        rows = panel.unit_codes == unit
        np.testing.assert_array_equal(grid[unit], np.where(event[rows] >= 0, 1.0, 0.0))
        began = panel.period_codes[rows][event[rows] == 0]
        assert first[unit] == (began[0] if len(began) else len(panel.periods))
    axes = plot_rollout(panel, "pilot").axes[0]
    assert [text.get_text() for text in axes.texts] == ["2012: 12", "2014: 12", "never: 16"]
    shown = np.asarray(axes.collections[0].get_array()).reshape(40, 9)
    # each line is at least as late as the one above it
    assert (np.diff(shown.sum(axis=1)) <= 0).all()
    assert len(axes.get_yticklabels()) == 40


def test_a_row_that_is_not_there_is_empty(panel: dc.Panel) -> None:
    keep = np.ones(len(panel.unit_codes), dtype=bool)
    keep[4] = False
    _, grid = rollout(panel.rows(keep), "pilot")
    assert np.isnan(grid).sum() == 1
    assert np.isnan(grid[panel.unit_codes[4], panel.period_codes[4]])


def test_a_curve_of_other_means_names_them(panel: dc.Panel) -> None:
    fits = {name: fit(panel, name, aggregate="overall") for name in ("twfe", "imputation", "sun_abraham")}
    runs = [Record(name, {"model.estimator": name}, {}, result) for name, result in fits.items()]
    notes = " ".join(SpecificationCurve(draws=0, language="en").table("t", runs).notes)
    said = "means over different things: variance-weighted mean, mean over treated rows."
    assert said in notes
    notes = " ".join(SpecificationCurve(draws=0, language="en").table("t", runs[1:]).notes)
    assert "means over different things" not in notes
