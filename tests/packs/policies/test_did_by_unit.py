"""Callaway and Sant'Anna's estimator and imputation against csdid, diff-diff, R's did and plain loops."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
from conftest import reference, skip
from policies import close, counties, fit, pair, panel_of, states, world

from digicarbon import DiD
from digicarbon.diagnostic import Leads
from digicarbon.errors import ConfigError
from digicarbon.model.batch import Estimand
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.signs import signs_of
from digicarbon.numeric.resampling.unit_wild import draws_of, p_value
from digicarbon.packs.policies.model._by_unit import ByUnit, UnitBatch

FRAME = states()
PANEL = panel_of(FRAME)
AGGREGATES = {"simple": "overall", "dynamic": "event", "group": "cohort", "calendar": "calendar"}


def unit_of(model: dc.DiD, panel: dc.Panel) -> ByUnit:
    design = model.design(panel)
    assert isinstance(design, ByUnit)
    return design


@pytest.fixture(scope="session")
def mpdta(data_folder: Path) -> dc.Panel:
    if not (data_folder / "panels" / "did_mpdta.csv").is_file():
        skip("the panel did_mpdta.csv is not in the data folder")
    return panel_of(counties(data_folder), "countyreal")


@pytest.fixture(scope="session")
def published(data_folder: Path) -> dict[str, Any]:
    file = data_folder.parent / "golden" / "did_mpdta.json"
    if not file.is_file():
        skip("the published numbers did_mpdta.json are not beside the data folder")
    numbers: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return numbers


def compare_csdid(panel: dc.Panel, record: dict[str, Any], **fields: Any) -> None:
    for name, aggregate in AGGREGATES.items():
        found = fit(panel, estimator="callaway_santanna", aggregate=aggregate, overall="levels", **fields)
        close(found.coef.tolist(), record[name]["coef"])
        close(found.estimates["se"].to_list(), record[name]["se"])
        table = found.tables["group_time"]
        close(table["coef"].to_list(), record["att"])
        close(table["se"].to_list(), record["se"])


@pytest.mark.parametrize("compare", ["never", "not_yet"])
@pytest.mark.parametrize("controls", [(), ("log_emp",)])
@pytest.mark.parametrize("anticipation", [0, 1])
def test_callaway_and_santanna_are_csdids(compare: str, controls: tuple[str, ...], anticipation: int) -> None:
    record = reference("produc_did")[f"csdid.{compare}.{'+'.join(controls) or 'none'}.{anticipation}"]
    compare_csdid(PANEL, record, compare=compare, controls=controls, anticipation=anticipation)


@pytest.mark.parametrize("compare", ["never", "not_yet"])
@pytest.mark.parametrize("controls", [(), ("lpop",)])
def test_counties_are_csdids(mpdta: dc.Panel, compare: str, controls: tuple[str, ...]) -> None:
    record = reference("did_mpdta")[f"csdid.{compare}.{'+'.join(controls) or 'none'}.0"]
    compare_csdid(mpdta, record, y="lemp", compare=compare, controls=controls)


def test_published_numbers(mpdta: dc.Panel, published: dict[str, Any]) -> None:
    """The README of R's did: effects to the printed digits; its standard errors are bootstrapped."""

    def run(aggregate: str) -> dc.Result:
        return fit(mpdta, y="lemp", estimator="callaway_santanna", aggregate=aggregate, overall="levels")

    cells = run("event").tables["group_time"]
    for row, expected in zip(cells.itertuples(), published["att_gt"], strict=True):
        assert (row.cohort, row.period) == (str(expected["group"]), str(expected["time"]))
        assert round(row.coef, 4) == expected["att"]
        assert row.se == pytest.approx(expected["se"], rel=0.15)
    for aggregate, kind, rows, level in (
        ("event", "dynamic", "event_time", "event"),
        ("cohort", "group", "groups", "group"),
    ):
        found = run(aggregate)
        assert round(pair(found)[0], 4) == published[kind]["overall"]["att"]
        for row in published[kind][rows]:
            coef, se = pair(found, f"pilot[{row[level]}]")
            assert round(coef, 4) == row["att"]
            assert se == pytest.approx(row["se"], rel=0.15)
    assert round(pair(run("overall"))[0], 7) == published["simple"]["att"]
    assert round(run("overall").statistics["pretest_p"], 5) == published["pretest_p"]
    imputed = fit(mpdta, y="lemp", estimator="imputation")
    assert round(pair(imputed)[0], 5) == published["others"]["imputation = two-stage = extended two-way Mundlak"]


def test_a_cell_is_a_difference_of_differences() -> None:
    """By a loop: with gaps, each cell takes the units that have both periods."""
    frame = FRAME.drop(FRAME.index[5::31])
    table = fit(panel_of(frame), estimator="callaway_santanna", aggregate="event").tables["group_time"]
    wide = frame.pivot(index="state", columns="year", values="log_gsp")
    first = frame.groupby("state")["first"].first()
    assert len(table) == 3 * 16
    for row in table.itertuples():
        cohort, period = int(row.cohort), int(row.period)
        change = wide[period] - wide[cohort - 1 if period >= cohort else period - 1]
        own, others = change[first == cohort].dropna(), change[first == 0].dropna()
        close(row.coef, own.mean() - others.mean())
        close(row.se, np.sqrt(own.var(ddof=0) / len(own) + others.var(ddof=0) / len(others)))


def test_with_a_universal_base_there_is_one_reference() -> None:
    fields: dict[str, Any] = {"estimator": "callaway_santanna", "aggregate": "event", "base_period": "universal"}
    found = fit(PANEL, **fields)
    assert "pilot[-1]" not in found.terms
    # without controls and with a balanced panel this is Sun and Abraham's regression
    expected = fit(PANEL, estimator="sun_abraham", aggregate="event")
    close(found.coef.tolist(), expected.coef.tolist())
    other = fit(PANEL, **fields, reference=-3)
    assert "pilot[-3]" not in other.terms
    assert "pilot[-1]" in other.terms


def test_aggregate_ends_hold_all_that_lies_beyond() -> None:
    found = fit(PANEL, estimator="callaway_santanna", aggregate="event", leads=2, lags=3)
    assert found.terms == ("pilot", *(f"pilot[{event}]" for event in range(-2, 4)))
    cells = found.tables["group_time"]
    close(pair(found, "pilot[3]")[0], cells.loc[cells["event"] >= 3, "coef"].mean())


@pytest.mark.parametrize("controls", [(), ("log_emp", "unemp")])
def test_imputation_is_diff_diffs(controls: tuple[str, ...]) -> None:
    record = reference("produc_did")[f"imputation.{'+'.join(controls) or 'none'}"]
    close(
        [*pair(fit(PANEL, estimator="imputation", controls=controls))],
        [*record["overall"]["coef"], *record["overall"]["se"]],
    )
    found = fit(PANEL, estimator="imputation", aggregate="event", controls=controls)
    terms = [f"pilot[{level}]" for level in record["event"]["level"]]
    assert found.terms == ("pilot", *terms, *controls)
    close(found.estimates.loc[terms, "coef"].to_list(), record["event"]["coef"], 1e-7)
    close(found.estimates.loc[terms, "se"].to_list(), record["event"]["se"], 1e-7)


def test_counties_imputed_are_diff_diffs(mpdta: dc.Panel) -> None:
    record = reference("did_mpdta")["imputation.none"]
    close([*pair(fit(mpdta, y="lemp", estimator="imputation"))], [*record["overall"]["coef"], *record["overall"]["se"]])
    found = fit(mpdta, y="lemp", estimator="imputation", aggregate="event").estimates.iloc[1:]
    close(found["coef"].to_list(), record["event"]["coef"])
    close(found["se"].to_list(), record["event"]["se"])


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("controls", [(), ("log_emp",)])
def test_imputation_by_a_loop(controls: tuple[str, ...], gaps: bool) -> None:
    """Dummies of all units and periods; the variance from weights that are solved for row by row."""
    frame = FRAME.drop(FRAME.index[5::31]) if gaps else FRAME
    frame = frame.sort_values(["state", "year"]).reset_index(drop=True)
    found = fit(panel_of(frame), estimator="imputation", aggregate="cohort", controls=controls)
    z = pd.get_dummies(frame[["state", "year"]].astype(str), dtype=float).assign(**frame[list(controls)]).to_numpy()
    y, treated = frame["log_gsp"].to_numpy(), frame["pilot"].to_numpy() > 0
    solved = np.linalg.pinv(z[~treated])
    effect = y - z @ solved @ y[~treated]
    for cohort in (1975, 1978, 1982):
        own = treated & (frame["first"] == cohort).to_numpy()
        weights = np.where(own, 1 / own.sum(), 0.0)
        v = weights.copy()
        v[~treated] = -(weights[treated] @ z[treated] @ solved)
        close(v @ y, effect[own].mean(), 1e-6)
        residual = effect.copy()
        for year in frame.loc[own, "year"].unique():
            cell = own & (frame["year"] == year).to_numpy()
            residual[cell] -= effect[cell].mean()
        residual[treated & ~own] = 0.0
        sums = pd.Series(v * residual).groupby(frame["state"]).sum()
        close(pair(found, f"pilot[{cohort}]"), (effect[own].mean(), float(np.sqrt((sums**2).sum()))), 1e-6)


def test_imputation_is_the_regression_on_dummies_of_treated_cells() -> None:
    """In a balanced panel without controls (Wooldridge 2021)."""
    treated = FRAME[FRAME["pilot"] > 0]
    cells = treated[["first", "year"]].drop_duplicates()
    dummies = {
        f"c{first}_{year}": ((FRAME["first"] == first) & (FRAME["year"] == year)).astype(float)
        for first, year in cells.itertuples(index=False)
    }
    model = dc.PanelRegression(y="log_gsp", x=tuple(dummies))
    coef = model.fit(panel_of(FRAME.assign(**dummies))).estimates["coef"]
    found = fit(PANEL, estimator="imputation", aggregate="calendar")
    for year in (1976, 1980, 1985):
        names = [name for name in dummies if name.endswith(str(year))]
        close(pair(found, f"pilot[{year}]")[0], coef[names].mean())


def test_wild_is_said_not_to_be_there() -> None:
    for estimator in ("synthetic_did", "stacked"):
        found = DiD(y="log_gsp", policy="pilot", estimator=estimator).fit(PANEL)
        assert found.has_note("did_without_wild")
        assert found.resampled is None
        with pytest.raises(ConfigError, match="it offers errors"):
            fit(PANEL, estimator=estimator, test="wild", draws=19)


def test_cohorts_of_few_units_have_a_note_and_single_ones_are_no_part_of_the_joint_test() -> None:
    firsts = dict(FRAME.groupby("state")["first"].first())
    lonely, *_ = [unit for unit, first in firsts.items() if first == 1975]
    gone = [unit for unit, first in firsts.items() if first == 1975 and unit != lonely]
    small = fit(panel_of(FRAME[~FRAME["state"].isin(gone)]), estimator="callaway_santanna", base_period="universal")
    assert {"did_small_cohorts", "did_single_left_out"} <= {note.code for note in small.notes}
    without = fit(
        panel_of(FRAME[~FRAME["state"].isin([lonely, *gone])]), estimator="callaway_santanna", base_period="universal"
    )
    assert not without.has_note("did_small_cohorts")
    close(small.statistics["pretest_p"], without.statistics["pretest_p"])
    assert not fit(PANEL).has_note("did_small_cohorts")
    few = [unit for unit, first in firsts.items() if np.isfinite(first) and first > 0 and first != 1975]
    assert fit(panel_of(FRAME[~FRAME["state"].isin([*few, *gone])])).has_note("did_small_cohorts")


def against_one(never: int, controls: int = 0) -> dc.Panel:
    """A panel in which nothing happens, with few units that are never treated."""
    starts = (*(4, 6) * 8, *(0,) * never)
    frame = world(1, lambda first, event: 0.0 * event, units=len(starts), starts=starts)
    drawn = np.random.default_rng(2).normal(size=(len(frame), controls))
    return panel_of(frame.assign(**{f"x{place}": column for place, column in enumerate(drawn.T)}))


@pytest.mark.parametrize("controls", [0, 2])
def test_leads_that_are_compared_with_no_more_units_than_coefficients_have_no_joint_test(controls: int) -> None:
    """What a comparison of one unit differs by cannot be computed: of that side standard errors hold nothing."""
    fields: dict[str, Any] = {
        "y": "y", "estimator": "callaway_santanna", "controls": tuple(f"x{place}" for place in range(controls))
    }  # fmt: skip
    panel = against_one(1 + controls, controls)
    found = fit(panel, **fields)
    assert {"did_single_left_out", "did_small_cohorts"} <= {note.code for note in found.notes}
    assert not found.has_note("did_leads_by_errors")
    assert "pretest_p" not in found.statistics
    row = Leads(model=dc.DiD(policy="pilot", **fields)).tables(panel)["leads"].iloc[0]
    assert np.isnan(row["p"])
    assert "has one unit, or as many as coefficients" in str(row["null"])
    # nothing happens, and draws of signs say so
    assert fit(panel, **fields, test="wild", draws=199).statistics["pretest_p"] > 0.1
    more = fit(against_one(2 + controls, controls), **fields)
    assert not more.has_note("did_single_left_out")
    assert np.isfinite(more.statistics["pretest_p"])


BOTH = ("imputation", "callaway_santanna")
WILD: dict[str, Any] = {"test": "wild", "draws": 99}
FEW = FRAME[FRAME["year"].between(1973, 1980)]


@pytest.mark.parametrize("aggregate", ["overall", "event", "cohort", "calendar"])
@pytest.mark.parametrize("controls", [(), ("log_emp",)])
@pytest.mark.parametrize("estimator", BOTH)
def test_an_effect_has_its_value_in_its_null_model(estimator: str, controls: tuple[str, ...], aggregate: str) -> None:
    """The estimator makes the value, and nothing else, of what the null model fits, with a spatial filter, too."""
    panel = panel_of(FEW)
    ring = (np.roll(np.eye(48), 1, axis=1) + np.roll(np.eye(48), -1, axis=1)) / 2
    fields: dict[str, Any] = {"estimator": estimator, "controls": controls, "aggregate": aggregate}
    model = dc.DiD(y="log_gsp", policy="pilot", **fields)
    own = unit_of(model, panel)
    for weights in (None, dc.Weights.from_matrix(ring, panel.units)):
        found = own.restrictions(weights)
        assert [one.estimands for one in found] == [(Estimand("coefficient", term),) for term in own.reported]
        for place, one in enumerate(found[:4]):
            for value in (0.0, 0.3):
                null = one.null_at(0, value)
                assert bool(null.filters) == (weights is not None)
                made = null.y[:, None] - null.unfiltered(null.residuals[:, None])
                assert own.fits(made)[0][place, 0] == pytest.approx(value, abs=1e-9)


@pytest.mark.long
@pytest.mark.parametrize("estimator", BOTH)
def test_wild_p_by_single_fits_to_drawn_outcomes(estimator: str) -> None:
    fields: dict[str, Any] = {"y": "log_gsp", "policy": "pilot", "estimator": estimator, "aggregate": "cohort"}
    model = dc.DiD(**fields, **WILD)
    found = model.fit(PANEL).estimates
    usual = model.by_errors
    for place, restrictions in enumerate(model.restrictions(PANEL, None, usual.fit(PANEL))):
        term = found.index[place]
        outcomes = draws_of(restrictions.null(), Draws(signs_of(PANEL.units, 99, 1)))
        drawn = [pair(usual.fit(PANEL.with_columns({"log_gsp": y})), term) for y in outcomes.T]
        observed = found.loc[term, "coef"] / found.loc[term, "se"]
        assert found.loc[term, "p"] == p_value(observed, np.array([coef / se for coef, se in drawn]))
        inside = found.loc[term, "low"] < 0 < found.loc[term, "high"]
        assert inside == (found.loc[term, "p"] > 0.05)
        assert found.loc[term, "low"] < found.loc[term, "coef"] < found.loc[term, "high"]


@pytest.mark.parametrize("estimator", BOTH)
def test_an_effect_that_is_not_there_is_not_a_number(estimator: str) -> None:
    model = dc.DiD(y="log_gsp", policy="pilot", estimator=estimator)
    there, other = Estimand("coefficient", "pilot"), Estimand("coefficient", "pilot[3]")
    batch = model.batch(PANEL, None, there)
    prepared = batch.prepare(PANEL.array(["log_gsp"]))
    (one, two) = batch.several(prepared, [there, other])
    assert np.isfinite(one).all()
    assert np.isnan(two).all()
    assert isinstance(batch, UnitBatch)
    assert np.isnan(batch.wald(prepared, [there, other])).all()


def test_effects_before_the_policy_have_a_wild_p() -> None:
    for estimator in BOTH:
        found = fit(PANEL, estimator=estimator, aggregate="event", leads=4, lags=3, **WILD)
        assert found.has_note("wild_p")
        assert found.resampled is not None
        assert np.isfinite(found.estimates["p"]).all()
        usual = fit(PANEL, estimator=estimator, aggregate="event", leads=4, lags=3)
        close(found.estimates["se"].to_list(), usual.estimates["se"].to_list())


SIZES = FRAME.assign(size=FRAME.groupby("state")["emp"].transform("mean") / 1000)


@pytest.mark.parametrize("controls", [(), ("log_emp",)])
def test_weighted_effects_are_diff_diffs(controls: tuple[str, ...]) -> None:
    panel, name = panel_of(SIZES), "+".join(controls) or "none"
    fields: dict[str, Any] = {"controls": controls, "observation_weights": "size"}
    record = reference("produc_policy_weights")[f"callaway_santanna.{name}"]
    found = fit(panel, estimator="callaway_santanna", **fields)
    close(found.tables["group_time"]["coef"].to_list(), record["att"])
    close(found.tables["group_time"]["se"].to_list(), record["se"])
    close([*pair(found)], record["overall"])
    assert found.has_note("weighted_by")
    coef, se = reference("produc_policy_weights")[f"imputation.{name}"]["overall"]
    model = dc.DiD(y="log_gsp", policy="pilot", estimator="imputation", **fields)
    own = unit_of(model, panel)
    effects, influence = own.fits(own.y[:, None])
    close(effects[0, 0], coef, 1e-7)
    # its standard error is that of a survey
    close(np.sqrt(48 * influence[:, 0, 0].var(ddof=1)), se, 1e-7)
    close(pair(model.fit(panel))[1], np.sqrt((influence[:, 0, 0] ** 2).sum()))


@pytest.mark.parametrize("aggregate", ["overall", "event", "cohort", "calendar"])
def test_influence_is_what_a_larger_weight_changes(aggregate: str) -> None:
    fields: dict[str, Any] = {"estimator": "callaway_santanna", "aggregate": aggregate, "observation_weights": "size"}
    model = dc.DiD(y="log_gsp", policy="pilot", controls=("log_emp",), **fields)
    own = unit_of(model, panel_of(SIZES))
    influence = own.fits(own.y[:, None])[1][..., 0]
    for unit in (0, 1, 3, 6):
        state = own.timing.panel.units[unit]
        both = []
        for factor in (1 - 1e-5, 1 + 1e-5):
            moved = SIZES.assign(size=SIZES["size"].where(SIZES["state"] != state, SIZES["size"] * factor))
            both.append(model.fit(panel_of(moved)).coef)
        np.testing.assert_allclose((both[1] - both[0]) / 2e-5, influence[unit], atol=1e-8, rtol=1e-5)


def test_weighted_imputation_by_a_loop() -> None:
    """Weights that change within units: weighted least squares with dummies, and weighted means."""
    frame = FRAME.sort_values(["state", "year"]).reset_index(drop=True)
    found = fit(panel_of(frame), estimator="imputation", aggregate="cohort", observation_weights="emp")
    z = pd.get_dummies(frame[["state", "year"]].astype(str), dtype=float).to_numpy()
    y, treated, w = frame["log_gsp"].to_numpy(), frame["pilot"].to_numpy() > 0, frame["emp"].to_numpy()
    root = np.sqrt(w[~treated])
    solved = np.linalg.pinv(z[~treated] * root[:, None]) * root
    effect = y - z @ solved @ y[~treated]
    for cohort in (1975, 1978, 1982):
        own = treated & (frame["first"] == cohort).to_numpy()
        v = np.where(own, w / w[own].sum(), 0.0)
        mean = v @ effect
        v[~treated] = -(v[treated] @ z[treated] @ solved)
        close(v @ y, mean, 1e-6)
        residual = np.where(treated & ~own, 0.0, effect)
        for year in frame.loc[own, "year"].unique():
            cell = own & (frame["year"] == year).to_numpy()
            residual[cell] -= np.average(effect[cell], weights=v[cell] ** 2)
        sums = pd.Series(v * residual).groupby(frame["state"]).sum()
        close(pair(found, f"pilot[{cohort}]"), (mean, float(np.sqrt((sums**2).sum()))), 1e-6)


@pytest.mark.parametrize("estimator", BOTH)
def test_equal_weights_change_nothing(estimator: str) -> None:
    panel = panel_of(FRAME.assign(size=2.5))
    found = fit(panel, estimator=estimator, aggregate="event", observation_weights="size", controls=("log_emp",))
    expected = fit(panel, estimator=estimator, aggregate="event", controls=("log_emp",))
    close(found.coef.tolist(), expected.coef.tolist())
    close(found.estimates["se"].to_list(), expected.estimates["se"].to_list())


@pytest.mark.parametrize("estimator", BOTH)
def test_the_wild_test_of_leads_has_a_null_model_without_them(estimator: str) -> None:
    panel = panel_of(FEW)
    ring = (np.roll(np.eye(48), 1, axis=1) + np.roll(np.eye(48), -1, axis=1)) / 2
    model = dc.DiD(y="log_gsp", policy="pilot", estimator=estimator, aggregate="event")
    own = unit_of(model, panel)
    early = [place for place, made in enumerate(own.reported.values()) if (made[-1].number or 0) < 0]
    picks = np.eye(len(own.terms))[early]
    for weights in (None, dc.Weights.from_matrix(ring, panel.units)):
        null = own.nulls(picks, early[0], weights).shifted(np.zeros(len(early)))
        made = null.y[:, None] - null.unfiltered(null.residuals[:, None])
        assert own.fits(made)[0][early, 0] == pytest.approx(0.0, abs=1e-9)
    wild = model.model_copy(update=WILD).fit(panel)
    assert wild.statistics["pretest_df"] == len(early)
    assert wild.statistics["pretest_p"] * 100 % 1 == pytest.approx(0.0, abs=1e-9)
    assert not wild.has_note("did_leads_by_errors")
    assert model.fit(panel).has_note("did_leads_by_errors")
    # the test is the same whatever is reported
    overall = model.model_copy(update={**WILD, "aggregate": "overall"}).fit(panel)
    assert overall.statistics["pretest_p"] == wild.statistics["pretest_p"]


@pytest.mark.parametrize("estimator", ["imputation", "callaway_santanna"])
@pytest.mark.parametrize("weight", [None, "size"])
def test_what_follows_from_dates_is_made_once_for_models_with_other_controls(
    estimator: str, weight: str | None
) -> None:
    frame = states()
    frame["size"] = 1.0 + frame["state"].astype("category").cat.codes
    shared, fields = panel_of(frame), {"estimator": estimator, "aggregate": "event", "observation_weights": weight}
    fit(shared, **fields)
    made = dc.DiD(y="log_gsp", policy="pilot", **fields).timing(shared)
    before = set(made.memory)
    found = fit(shared, **fields, controls=("log_emp",))
    assert set(made.memory) == before
    alone = fit(panel_of(frame), **fields, controls=("log_emp",))
    np.testing.assert_array_equal(found.coef, alone.coef)
    np.testing.assert_array_equal(found.covariance, alone.covariance)


def without_constant(frame: pd.DataFrame, controls: tuple[str, ...]) -> dict[tuple[int, int], float]:
    """Effects by plain loops: least squares among never treated units, without controls that are constant there."""
    wide = {name: frame.pivot(index="state", columns="year", values=name) for name in ("y", *controls)}
    first = frame.groupby("state")["first"].first()
    found = {}
    for cohort in sorted(set(first) - {0}):
        for year in sorted(wide["y"].columns)[1:]:
            base = cohort - 1 if year >= cohort else year - 1
            early, change = min(base, year), wide["y"][year] - wide["y"][base]
            never, own = first == 0, first == cohort
            used = [name for name in controls if wide[name][early][never].std() > 0]
            x = np.column_stack([np.ones(len(first)), *(wide[name][early] for name in used)])
            slopes = np.linalg.lstsq(x[never], change[never].to_numpy(), rcond=None)[0]
            found[int(cohort), int(year)] = float((change - x @ slopes)[own].mean())
    return found


def test_a_control_that_is_constant_at_a_base_period_is_left_out_there_and_named() -> None:
    """The cohorts stay, each with the controls that its units of comparison identify."""
    frame = world(4, lambda first, event: 1.0 + 0.0 * event)
    rng = np.random.default_rng(1)
    frame["x"] = rng.standard_normal(len(frame))
    # in place for a third of the units, from 5 on: zero at the base period of the first cohort only
    frame["q"] = ((frame["state"].str[1:].astype(int) // 4 % 3 == 0) & (frame["year"] >= 5)).astype(float)
    panel = panel_of(frame)
    found = fit(panel, y="y", estimator="callaway_santanna", controls=("x", "q"))
    table = found.tables["group_time"]
    expected = without_constant(frame, ("x", "q"))
    assert len(table) == len(expected) == 27
    for row in table.itertuples():
        assert row.coef == pytest.approx(expected[int(row.cohort), int(row.period)], rel=1e-9)
    # cells whose earlier period is before 5: all of the cohorts 3 and 5, and of 7 those before 6
    (note,) = [str(note) for note in found.notes if note.code == "did_controls_not_used"]
    assert note == (
        "Not used in comparisons of a cohort in a period, because there they are constant or a combination of "
        "other controls among the units of comparison: q in 22 of 27 (3, 5, 7)."
    )
    assert not found.has_note("did_cells_left_out")
    whole = fit(panel, y="y", estimator="callaway_santanna", controls=("x",))
    assert not whole.has_note("did_controls_not_used")


def test_a_copy_of_a_control_changes_nothing() -> None:
    frame = world(5, lambda first, event: 1.0 + 0.0 * event)
    frame["x"] = np.random.default_rng(2).standard_normal(len(frame))
    panel = panel_of(frame.assign(copy=3 * frame["x"] - 2))
    one, two = (fit(panel, y="y", estimator="callaway_santanna", controls=x) for x in (("x",), ("x", "copy")))
    np.testing.assert_allclose(two.coef, one.coef, rtol=1e-10)
    np.testing.assert_allclose(two.estimates["se"], one.estimates["se"], rtol=1e-10)
    assert two.has_note("did_controls_not_used")
