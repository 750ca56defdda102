"""Diagnostics of a policy's effects: leads, Goodman-Bacon, negative weights, placebos in space and in time."""

from __future__ import annotations

import math
import sys
from itertools import permutations
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
import scipy
from conftest import REFERENCE, reference

from digicarbon.diagnostic import GoodmanBacon, HonestBounds, Leads, NegativeWeights, PlaceboInSpace, PlaceboInTime
from digicarbon.diagnostic.base import Diagnostic
from digicarbon.errors import ConfigError, DataError, DigicarbonError
from digicarbon.note import Note, note_of
from digicarbon.packs.policies.numeric.placebo import every_other, number_of_assignments
from digicarbon.report import DiagnosticTable, Record
from digicarbon.result import Result
from digicarbon.tracking._results import decode, encode

KINDS = {
    "treated_vs_never": "never",
    "earlier_vs_later": "not_yet",
    "later_vs_earlier": "already",
}
EVERY = ("twfe", "event_study", "sun_abraham", "imputation", "stacked", "callaway_santanna")


def states(ever: bool = False) -> pd.DataFrame:
    """Return Munnell's states with a policy that never was, as the reference has it."""
    frame = pd.read_csv(REFERENCE / "produc.csv")
    number = {state: place for place, state in enumerate(sorted(frame["state"].unique()))}
    first = frame["state"].map(lambda state: {0: 1975, 1: 1978, 2: 1982}.get(number[state] % 4, 0))
    logs = {f"log_{name}": np.log(frame[name]) for name in ("gsp", "emp")}
    out = frame.assign(first=first, **logs)
    return out[out["first"] > 0] if ever else out


def panel_of(frame: pd.DataFrame) -> dc.Panel:
    return dc.Panel.from_frame(frame, unit="state", time="year", gaps="keep").with_policy("pilot", "first")


def world(effect: float, lead: float = 0.0, seed: int = 1, units: int = 40, slope: float = 0.0) -> pd.DataFrame:
    """Return a panel of ten years in which a policy has an effect, and another one in the year before it."""
    rng = np.random.default_rng(seed)
    unit, year = (codes.ravel() for codes in np.indices((units, 10)))
    first = np.array([4, 6, 0, 0])[unit % 4]
    event = np.where(first > 0, year - first, -99)
    y = rng.normal(size=units)[unit] + rng.normal(size=10)[year] + 0.3 * rng.normal(size=len(unit))
    y += effect * (event >= 0) + lead * (event == -1) + slope * np.where(first > 0, year, 0)
    return pd.DataFrame({"state": [f"u{one:02d}" for one in unit], "year": year + 2001, "y": y}).assign(
        first=np.where(first > 0, first + 2001, 0), x=rng.normal(size=len(unit))
    )


PANEL, GAPS = panel_of(states()), panel_of(states().drop(index=[5, 40, 100, 333]))
SMALL = panel_of(world(1.0))


def did(y: str = "log_gsp", **fields: Any) -> dc.DiD:
    return dc.DiD(**{"y": y, "policy": "pilot", **fields})


def tables(diagnostic: Diagnostic, panel: dc.Panel) -> dict[str, pd.DataFrame]:
    diagnostic.check(panel)
    found = dict(diagnostic.tables(panel))
    assert tuple(found) == type(diagnostic).table_names
    return found


# -- decomposition and weights --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["never", "ever"])
def test_the_decomposition_is_that_of_diff_diff(name: str) -> None:
    expected = reference("produc_policy")[f"bacon.{name}"]
    found = tables(GoodmanBacon(model=did()), panel_of(states(name == "ever")))["bacon_pairs"]
    pairs = {(one.treated, one.comparison, one.kind): (one.estimate, one.weight) for one in found.itertuples()}
    others = {
        (str(treated), "" if other == "never_treated" else other, KINDS[kind]): (estimate, weight)
        for treated, other, kind, estimate, weight in expected["comparisons"]
    }
    assert pairs.keys() == others.keys()
    for pair, numbers in pairs.items():
        assert numbers == pytest.approx(others[pair], abs=1e-11)


@pytest.mark.parametrize("name", ["never", "ever"])
def test_negative_weights_are_those_of_diff_diff(name: str) -> None:
    expected = reference("produc_policy")[f"negative_weights.{name}"]
    row = tables(NegativeWeights(model=did()), panel_of(states(name == "ever")))["negative_weights"].loc["pilot"]
    numbers = (row["coef"], row["share_negative"], row["sum_negative"], row["heterogeneity"])
    wanted = (expected["coef"], expected["share"], expected["sum_negative"], expected["sigma"])
    assert numbers == pytest.approx(wanted, rel=1e-8)
    assert row["negative_rows"] == pytest.approx(row["share_negative"] * row["treated_rows"])


@pytest.mark.parametrize("anticipation", [0, 2])
@pytest.mark.parametrize("estimator", ["twfe", "callaway_santanna"])
def test_kinds_add_up_to_the_two_way_coefficient(estimator: str, anticipation: int) -> None:
    found = tables(GoodmanBacon(model=did(estimator=estimator, anticipation=anticipation)), PANEL)["bacon"]
    parts, total = found.iloc[:-1], found.iloc[-1]
    expected = did(anticipation=anticipation).fit(PANEL).coef[0]
    assert total["estimate"] == pytest.approx(expected, abs=1e-10)
    assert (parts["weight"] @ parts["estimate"], parts["weight"].sum()) == pytest.approx((expected, 1), abs=1e-10)
    assert parts["pairs"].sum() == total["pairs"] == 9
    assert [label.code for label in found.index] == [
        "bacon_never",
        "bacon_not_yet",
        "bacon_already",
        "bacon_coefficient",
    ]


def test_units_that_are_always_treated_are_a_cohort() -> None:
    frame = states()
    frame.loc[frame["state"].isin(["ALABAMA", "OHIO"]), "first"] = 1970
    panel = dc.Panel.from_frame(frame, unit="state", time="year").with_policy("pilot", "first", always="keep")
    found = tables(GoodmanBacon(model=did()), panel)["bacon_pairs"]
    assert (found.loc[found["comparison"] == "1970", "kind"] == "always").all()
    assert set(found["kind"]) == {"never", "not_yet", "already", "always"}
    assert found["weight"] @ found["estimate"] == pytest.approx(did().fit(panel).coef[0], abs=1e-10)


@pytest.mark.parametrize("controls", [(), ("log_emp", "unemp")])
@pytest.mark.parametrize("panel", [PANEL, GAPS], ids=["balanced", "gaps"])
def test_the_coefficient_of_negative_weights_is_the_models(panel: dc.Panel, controls: tuple[str, ...]) -> None:
    model = did(controls=controls, estimator="imputation")
    found = tables(NegativeWeights(model=model), panel)["negative_weights"]
    expected = did(controls=controls).fit(panel)
    assert found.loc["pilot", "coef"] == pytest.approx(expected.coef[0], rel=1e-9)


@pytest.mark.parametrize("panel", [PANEL, GAPS], ids=["balanced", "gaps"])
def test_weighted_rows_count_by_their_weights(panel: dc.Panel) -> None:
    """The weights of effects by a plain loop: a weighted regression of the policy on dummies and a control."""
    model = did(controls=("unemp",), observation_weights="emp")
    diagnostic = NegativeWeights(model=model)
    row = tables(diagnostic, panel)["negative_weights"].loc["pilot"]
    assert row["coef"] == pytest.approx(model.fit(panel).coef[0], rel=1e-9)
    policy, size = panel.column("pilot"), panel.column("emp")
    dummies = np.column_stack([np.eye(48)[panel.unit_codes], np.eye(17)[panel.period_codes], panel.column("unemp")])
    root = np.sqrt(size)
    left = policy - dummies @ np.linalg.lstsq(root[:, None] * dummies, root * policy, rcond=None)[0]
    shares = (size * left * policy)[policy > 0]
    shares = shares / shares.sum()
    assert row["sum_negative"] == pytest.approx(shares[shares < 0].sum(), rel=1e-8)
    assert row["negative_rows"] == (shares < 0).sum()
    doses = size[policy > 0] / size[policy > 0].sum()
    spread = np.sqrt(doses @ (shares / doses - 1) ** 2)
    assert row["heterogeneity"] == pytest.approx(abs(row["coef"]) / spread, rel=1e-8)
    assert [note.code for note in diagnostic.notes] == ["negative_weights", "weighted_by"]


def test_controls_are_said_to_be_left_out() -> None:
    assert [note.code for note in GoodmanBacon(model=did(controls=("unemp",))).notes] == [
        "bacon_without_controls",
        "negative_weights",
    ]
    assert "bacon_without_controls" not in {note.code for note in GoodmanBacon(model=did()).notes}


# -- leads ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", EVERY)
def test_leads_are_those_of_the_event_study(estimator: str) -> None:
    window = {"leads": 4, "lags": 4} if estimator == "stacked" else {}
    found = tables(Leads(model=did(estimator=estimator, **window)), PANEL)
    model = did(estimator="event_study" if estimator == "twfe" else estimator, aggregate="event", **window)
    result = model.fit(PANEL)
    row = found["leads"].loc["joint test of leads"]
    assert (row["df"], row["p"]) == (result.statistics["pretest_df"], result.statistics["pretest_p"])
    effects = found["lead_effects"]
    assert list(effects.index) == sorted(effects.index)
    assert effects.index.max() < 0
    terms = [f"pilot[{event}]" for event in effects.index]
    pd.testing.assert_frame_equal(
        effects.reset_index(drop=True), result.estimates.loc[terms].reset_index(drop=True), check_exact=True
    )


def test_leads_of_stacks_need_a_window() -> None:
    with pytest.raises(ConfigError, match=r"^model\.lags is needed: effects by event time of estimator=stacked"):
        Leads(model=did(estimator="stacked", leads=3)).check(PANEL)


def test_the_joint_test_is_a_wald_test() -> None:
    found = tables(Leads(model=did(estimator="event_study", leads=4)), PANEL)["leads"].iloc[0]
    result = did(estimator="event_study", aggregate="event", leads=4).fit(PANEL)
    at = [result.terms.index(f"pilot[{event}]") for event in (-4, -3, -2)]
    b, v = result.coef[at], result.covariance[np.ix_(at, at)]
    assert found["statistic"] == pytest.approx(b @ np.linalg.solve(v, b) / 3, rel=1e-9)
    assert (found["df"], found["df2"]) == (3, 47)
    assert found["p"] == pytest.approx(scipy.stats.f.sf(found["statistic"], 3, 47), rel=1e-9)
    assert str(found["null"]) == "no effect of pilot before it"


def test_trends_that_differ_are_found_and_equal_ones_are_not() -> None:
    def p(slope: float) -> float:
        found = tables(Leads(model=did("y", leads=3)), panel_of(world(1.0, slope=slope)))
        return float(found["leads"]["p"].iloc[0])

    assert p(0.0) > 0.05
    assert p(0.3) < 1e-4


def test_without_leads_there_is_a_reason() -> None:
    late = panel_of(world(1.0).query("year >= 2004 and first != 2007"))
    row = tables(Leads(model=did("y")), late)["leads"].iloc[0]
    assert np.isnan(row["p"])
    assert "no event time before pilot" in str(row["null"])


def test_a_wild_test_of_effects_is_one_of_leads() -> None:
    model = did("y", test="wild", draws=99)
    found = tables(Leads(model=model), SMALL)
    assert "by the wild bootstrap" in str(found["leads"]["null"].iloc[0])
    by_errors = tables(Leads(model=did("y")), SMALL)
    # the same statistic, another distribution
    assert found["leads"]["statistic"].to_list() == pytest.approx(by_errors["leads"]["statistic"].to_list())
    assert (found["leads"]["p"] * 100 % 1).round(9).isin([0, 1]).all()
    assert (found["lead_effects"]["p"] * 100 % 1).round(9).isin([0, 1]).all()


# -- placebos in space ----------------------------------------------------------------------------------------------


def exchanged(frame: pd.DataFrame, given: list[int]) -> dc.Panel:
    """Return the panel with each unit's policy that of another unit."""
    names = sorted(frame["state"].unique())
    first = frame.groupby("state")["first"].first()
    new = {name: first[names[place]] for name, place in zip(names, given, strict=True)}
    return panel_of(frame.assign(first=frame["state"].map(new)))


@pytest.mark.long
@pytest.mark.parametrize("estimator", ["twfe", "event_study", "stacked"])
@pytest.mark.parametrize("gaps", [False, True])
def test_weights_stay_with_their_units(gaps: bool, estimator: str) -> None:
    frame = world(0.1, units=20)
    frame = frame.assign(size=1.0 + frame["state"].factorize()[0] + frame["year"] % 3)
    frame = frame.drop(index=frame.index[7::19]) if gaps else frame
    model = did("y", controls=("x",), estimator=estimator, observation_weights="size")
    diagnostic = PlaceboInSpace(model=model, draws=99, seed=5)
    found = tables(diagnostic, panel_of(frame))
    given = np.random.default_rng(5).permuted(np.tile(np.arange(20), (99, 1)), axis=1)
    for draw in (1, 99):
        expected = model.fit(exchanged(frame, given[draw - 1].tolist())).estimates.loc["pilot", ["coef", "se", "p"]]
        assert found["placebo_space_draws"].loc[draw].to_list() == pytest.approx(expected.to_list(), rel=1e-8)
    assert found["placebo_space"].loc["pilot", "coef"] == pytest.approx(model.fit(panel_of(frame)).coef[0], rel=1e-9)
    assert [note.code for note in diagnostic.remarks(found)] == ["placebo_in_space", "placebo_weights_stay"]


@pytest.mark.long
@pytest.mark.parametrize("controls", [(), ("x",)])
@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("small_sample", ["stata", "none"])
def test_placebos_are_fits_of_exchanged_policies(controls: tuple[str, ...], gaps: bool, small_sample: str) -> None:
    frame = world(0.1)
    frame = frame.drop(index=frame.index[7::19]) if gaps else frame
    model = did("y", controls=controls, small_sample=small_sample, anticipation=1)
    found = tables(PlaceboInSpace(model=model, draws=120, seed=5), panel_of(frame))
    draws, row = found["placebo_space_draws"], found["placebo_space"].loc["pilot"]
    given = np.random.default_rng(5).permuted(np.tile(np.arange(40), (120, 1)), axis=1)
    for draw in (1, 60, 120):
        expected = model.fit(exchanged(frame, given[draw - 1].tolist())).estimates.loc["pilot", ["coef", "se", "p"]]
        assert draws.loc[draw].to_list() == pytest.approx(expected.to_list(), rel=1e-8)
    assert row["coef"] == pytest.approx(model.fit(panel_of(frame)).coef[0], rel=1e-9)
    larger = int((draws["coef"].abs() >= abs(row["coef"])).sum())
    assert (row["as_large"], row["p"], row["draws"]) == (larger / 120, (1 + larger) / 121, 120)
    assert (row["mean"], row["sd"]) == pytest.approx((draws["coef"].mean(), draws["coef"].std()))
    assert (row["low"], row["high"]) == pytest.approx(draws["coef"].quantile([0.025, 0.975]).to_list())


@pytest.mark.parametrize(
    "errors", [{"cov": "robust"}, {"cluster": "time"}, {"cluster": "zone"}, {"cluster": ("zone", "time")}]
)
def test_placebos_have_the_errors_of_the_model(errors: dict[str, Any]) -> None:
    frame = world(0.5, units=20)
    frame = frame.assign(zone=frame["state"].factorize()[0] % 7)
    model = did("y", **errors)
    draws = tables(PlaceboInSpace(model=model, draws=99, seed=2), panel_of(frame))["placebo_space_draws"]
    given = np.random.default_rng(2).permuted(np.tile(np.arange(20), (99, 1)), axis=1)
    expected = model.fit(exchanged(frame, given[41].tolist())).estimates.loc["pilot", ["coef", "se", "p"]]
    assert draws.loc[42].to_list() == pytest.approx(expected.to_list(), rel=1e-8)


@pytest.mark.parametrize("estimator", EVERY[1:])
def test_other_estimators_are_fitted_one_by_one(estimator: str) -> None:
    frame = world(0.5, units=20)
    model = did("y", estimator=estimator)
    found = tables(PlaceboInSpace(model=model, draws=99, seed=2), panel_of(frame))
    given = np.random.default_rng(2).permuted(np.tile(np.arange(20), (99, 1)), axis=1)
    expected = model.fit(exchanged(frame, given[41].tolist())).estimates.iloc[0]
    numbers = found["placebo_space_draws"].loc[42]
    assert numbers.to_list() == pytest.approx(expected[["coef", "se", "p"]].to_list(), rel=1e-8)
    assert found["placebo_space"].loc["pilot", "coef"] == model.fit(panel_of(frame)).coef[0]


def test_a_true_effect_is_larger_than_placebos_and_none_is_not() -> None:
    effect = tables(PlaceboInSpace(model=did("y")), SMALL)["placebo_space"].loc["pilot"]
    assert (effect["as_large"], effect["p"], effect["draws"]) == (0, 1 / 501, 500)
    nothing = tables(PlaceboInSpace(model=did("y")), panel_of(world(0.0, seed=3)))["placebo_space"].loc["pilot"]
    assert nothing["p"] > 0.05


@pytest.mark.long
def test_p_holds_its_size() -> None:
    p = [
        PlaceboInSpace(model=did("y"), draws=99).tables(panel_of(world(0.0, seed=seed, units=12)))["placebo_space"]
        for seed in range(200)
    ]
    rejected = int(np.sum([one["p"].iloc[0] <= 0.1 for one in p]))
    assert scipy.stats.binomtest(rejected, 200, 0.1).pvalue > 0.01


def test_an_exchange_of_equal_policies_is_as_large_as_the_estimate() -> None:
    # of two units, half of the assignments are the policy itself, and the others its opposite
    frame = world(1.0).query("state in ['u00', 'u02']")
    found = tables(PlaceboInSpace(model=did("y", cov="robust"), draws=99), panel_of(frame))
    assert found["placebo_space"].loc["pilot", "as_large"] == 1
    values = found["placebo_space_draws"]["coef"].round(9).abs().unique()
    assert len(values) == 1


@pytest.mark.parametrize("estimator", ["twfe", "imputation"])
def test_few_assignments_are_all_fitted_once(estimator: str) -> None:
    """Of one treated unit each other unit gets the policy once, and p is a rank among all units."""
    frame = world(0.2, units=20)
    names = sorted(frame["state"].unique())
    only = frame.assign(first=np.where(frame["state"] == names[3], 2004, 0))
    model, panel = did("y", estimator=estimator, cov="robust" if estimator == "twfe" else "cluster"), panel_of(only)
    diagnostic = PlaceboInSpace(model=model, draws=99)
    found = tables(diagnostic, panel)
    every = [
        model.fit(panel_of(frame.assign(first=np.where(frame["state"] == name, 2004, 0)))).coef[0] for name in names
    ]
    others = every[:3] + every[4:]
    assert sorted(found["placebo_space_draws"]["coef"]) == pytest.approx(sorted(others), rel=1e-8)
    row = found["placebo_space"].loc["pilot"]
    assert (row["draws"], row["possible"]) == (19, 20)
    assert row["p"] == pytest.approx(np.mean(np.abs(every) >= abs(every[3]) * (1 - 1e-9)))
    (note,) = diagnostic.remarks(found)
    assert "in each of the 19 other possible ways, once" in str(note)
    many = tables(diagnostic, panel_of(frame))
    assert len(many["placebo_space_draws"]) == 99
    assert [note.code for note in diagnostic.remarks(many)] == ["placebo_in_space"]


@pytest.mark.parametrize(("units", "words"), [(500, ("2.8e67", "2.8e67")), (6000, ("10^843 or more", "10^843或更多"))])
def test_a_number_of_assignments_that_nobody_counts_has_no_digits(units: int, words: tuple[str, str]) -> None:
    treated = units // 10 - 2
    frame = pd.DataFrame(
        {
            "state": np.repeat([f"u{one:04d}" for one in range(units)], 2),
            "year": np.tile([2001, 2002], units),
            "first": np.repeat(np.where(np.arange(units) < treated, 2002, 0), 2),
            "y": np.random.default_rng(1).normal(size=2 * units),
        }
    )
    panel, diagnostic = panel_of(frame), PlaceboInSpace(model=did("y"), draws=99)
    found = tables(diagnostic, panel)
    result = decode(encode(Result("none", "", tables=found)))
    (row,) = result.tables["placebo_space"].to_dict("records")
    exact = math.comb(units, treated)
    if isinstance(row["possible"], Note):
        assert row["possible"]["power"] == int(math.log10(exact))
    else:
        assert row["possible"] == float(exact)
    assert [note.code for note in diagnostic.remarks(found)] == ["placebo_in_space"]
    reports = [DiagnosticTable(name="placebo_space", columns=("possible",), language=one) for one in ("en", "zh")]
    cells = [report.table("t", [Record("a", {}, {}, result)]).cells for report in reports]
    assert tuple(frame.iloc[0, 0] for frame in cells) == words


def test_every_other_assignment_is_there_once() -> None:
    kinds = np.array([5, 9, 9, 7, 9])
    assert number_of_assignments(kinds) == 20
    given = kinds[every_other(kinds)]
    rows = {tuple(row) for row in given.tolist()}
    assert rows == set(permutations(kinds.tolist())) - {tuple(kinds.tolist())}
    assert len(given) == len(rows) == 19


def test_a_share_is_given_with_its_path() -> None:
    frame = world(0.0).assign(dose=lambda one: np.where(one["first"] > 0, (one["year"] - 2000) / 10, 0.0))
    columns = dc.Panel.from_frame(frame, unit="state", time="year")
    panel = columns.with_policy("pilot", dc.panel.Policy(share="dose"))
    found = tables(PlaceboInSpace(model=did("y"), draws=99), panel)
    assert found["placebo_space"].loc["pilot", "coef"] == pytest.approx(did("y").fit(panel).coef[0])


def test_seeds_decide_draws() -> None:
    def drawn(seed: int) -> list[float]:
        return (
            PlaceboInSpace(model=did("y"), draws=99, seed=seed).tables(SMALL)["placebo_space_draws"]["coef"].to_list()
        )

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    with pytest.raises(ConfigError):
        PlaceboInSpace(model=did("y"), seed=-1)
    with pytest.raises(ConfigError):
        PlaceboInSpace(model=did("y"), draws=10)


# -- placebos in time -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("anticipation", [0, 1])
@pytest.mark.parametrize("estimator", EVERY)
def test_a_placebo_in_time_is_a_fit_of_earlier_rows(estimator: str, anticipation: int) -> None:
    frame = world(1.0)
    model = did("y", estimator=estimator, anticipation=anticipation)
    found = tables(PlaceboInTime(model=model, periods=[2, 1]), panel_of(frame))["placebo_time"]
    assert list(found.index) == [1, 2]
    for periods, row in found.iterrows():
        begin = frame["first"] - anticipation
        before = frame[(frame["first"] == 0) | (frame["year"] < begin)]
        moved = before.assign(first=np.where(before["first"] > 0, before["first"] - anticipation - periods, 0))
        expected = did("y", estimator=estimator).fit(panel_of(moved))
        assert row["coef"] == pytest.approx(expected.coef[0], rel=1e-9)
        assert row[["se", "p"]].to_list() == pytest.approx(expected.estimates.iloc[0][["se", "p"]].to_list(), rel=1e-7)
        assert (row["nobs"], row["left_out"], row["note"]) == (expected.statistics["nobs"], 0, "")


def test_effects_before_the_policy_are_found_and_those_under_it_do_not_count() -> None:
    quiet = tables(PlaceboInTime(model=did("y")), panel_of(world(50.0)))["placebo_time"]
    assert (quiet["coef"].abs() < 0.2).all()
    early = tables(PlaceboInTime(model=did("y"), periods=[1]), panel_of(world(1.0, lead=2.0)))["placebo_time"]
    assert early.loc[1, "coef"] == pytest.approx(2, abs=0.2)


def test_units_without_rows_before_are_left_out_with_a_reason_if_none_is_left() -> None:
    found = tables(PlaceboInTime(model=did("y"), periods=[3, 4, 6]), SMALL)["placebo_time"]
    assert found["left_out"].to_list() == [0, 10, 20]
    assert np.isfinite(found["coef"]).to_list() == [True, True, False]
    assert "No unit has a row before pilot if it is moved 6 periods earlier" in str(found.loc[6, "note"])
    frame = world(1.0)
    other = frame[(frame["first"] != 2005) & ((frame["first"] == 0) | (frame["year"] < 2007))]
    expected = did("y").fit(panel_of(other.assign(first=np.where(other["first"] > 0, 2003, 0))))
    assert found.loc[4, "coef"] == pytest.approx(expected.coef[0], rel=1e-9)


# -- honest bounds --------------------------------------------------------------------------------------------------

NARROW = {"leads": 4, "lags": 2}


def horizons(model: dc.DiD) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return event times, effects and their covariance without the reference, at -1."""
    update = {"aggregate": "event", "base_period": "universal"}
    result = model.model_copy(update=update | ({"estimator": "event_study"} if model.estimator == "twfe" else {})).fit(
        SMALL
    )
    events = np.array([-4, -3, -2, 0, 1, 2])
    at = [result.terms.index(f"pilot[{event}]") for event in events]
    return events, result.coef[at], result.covariance[np.ix_(at, at)]


@pytest.mark.parametrize("event", [None, 1])
@pytest.mark.parametrize("estimator", ["twfe", "callaway_santanna"])
def test_relative_bounds_add_up_the_largest_difference_before(estimator: str, event: int | None) -> None:
    model = did("y", estimator=estimator, **NARROW)
    found = tables(HonestBounds(model=model, event=event, sizes=[0, 0.5, 2]), SMALL)["honest_bounds"]
    events, b, v = horizons(model)
    weight = np.where(events >= 0, 1 / 3, 0.0) if event is None else (events == event).astype(float)
    effect, se = weight @ b, np.sqrt(weight @ v @ weight)
    largest = np.abs(np.diff([*b[:3], 0])).max()
    # a difference in one period moves all effects from there on
    reach = largest * np.cumsum(weight[3:][::-1]).sum()
    z = scipy.stats.norm.ppf(0.975)
    for size, row in found.iterrows():
        low, high = effect - size * reach, effect + size * reach
        wanted = (effect, se, low, high, low - z * se, high + z * se)
        assert row.to_list() == pytest.approx(wanted, abs=1e-7)


def test_a_smooth_trend_of_size_zero_is_a_line() -> None:
    model = did("y", **NARROW)
    found = tables(HonestBounds(model=model, restriction="smooth", sizes=[0, 0.1]), SMALL)["honest_bounds"]
    events, b, v = horizons(model)
    weight = np.where(events >= 0, 1 / 3, 0.0)
    # weights of effects before the policy with the smallest variance that remove any line through the reference
    line = (events + 1.0)[:3]
    normal = np.block([[v[:3, :3], line[:, None]], [line[None], np.zeros((1, 1))]])
    weight[:3] = np.linalg.solve(normal, [*(-v[:3] @ weight), -(events + 1.0) @ weight])[:3]
    effect, se = weight @ b, np.sqrt(weight @ v @ weight)
    z = scipy.stats.norm.ppf(0.975)
    assert found.loc[0.0, ["low", "high"]].to_list() == pytest.approx((effect - z * se, effect + z * se), abs=1e-3 * se)
    assert np.isnan(found.loc[0.0, "bound_low"])
    assert found.loc[0.1, "low"] < found.loc[0.0, "low"]
    assert found.loc[0.1, "high"] > found.loc[0.0, "high"]


@pytest.mark.parametrize(
    ("fields", "more", "words"),
    [
        ({"estimator": "imputation"}, {}, "not measured from the same period"),
        ({"estimator": "event_study", "reference": -2}, {}, "choose model.reference=-1"),
        (NARROW, {"event": 3}, "no effect at event time 3; the last one is 2"),
        ({"leads": 1}, {}, "in a row before and after"),
    ],
)
def test_bounds_that_do_not_exist_have_a_sentence(fields: dict[str, Any], more: dict[str, Any], words: str) -> None:
    with pytest.raises(DigicarbonError, match=words) as caught:
        HonestBounds(model=did("y", **fields), **more).tables(SMALL)
    assert note_of(caught.value).text("zh") != str(caught.value)


def test_a_missing_package_has_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "diff_diff", None)
    with pytest.raises(ConfigError, match=r"pip install 'diff-diff==3"):
        HonestBounds(model=did("y")).check(SMALL)


# -- sentences ------------------------------------------------------------------------------------------------------

SHARE = dc.Panel.from_frame(states().assign(pilot=0.0), unit="state", time="year").with_columns(
    {"pilot": np.where(PANEL.column("pilot") > 0, 0.5, 0.0)}
)


def gone(panel: dc.Panel) -> dc.Panel:
    return panel.rows(np.arange(len(panel.unit_codes)) != 20)


@pytest.mark.parametrize(
    ("diagnostic", "panel", "words"),
    [
        (GoodmanBacon(model=did()), GAPS, "needs a balanced panel"),
        (GoodmanBacon(model=did(observation_weights="emp")), PANEL, "this one is weighted by 'emp'"),
        (GoodmanBacon(model=did()), SHARE, "choose diagnostic=negative_weights"),
        (PlaceboInSpace(model=did()), gone(SHARE), "this panel is not balanced"),
        (PlaceboInTime(model=did()), SHARE, "is a share"),
        (Leads(model=did()), SHARE, "is a share"),
        (GoodmanBacon(model=did(policy="pilots")), PANEL, "pilot"),
        (PlaceboInSpace(model=did(policy="pilots")), PANEL, "pilot"),
        *(
            (kind(model=dc.PanelRegression(y="log_gsp", x=("unemp",))), PANEL, "choose model=did")
            for kind in (Leads, GoodmanBacon, NegativeWeights, PlaceboInSpace, PlaceboInTime, HonestBounds)
        ),
    ],
)
def test_a_sentence_says_what_to_do(diagnostic: Diagnostic, panel: dc.Panel, words: str) -> None:
    with pytest.raises((ConfigError, DataError), match=words) as caught:
        diagnostic.check(panel)
    assert note_of(caught.value).text("zh") != str(caught.value)
    with pytest.raises(DigicarbonError, match=words):
        diagnostic.tables(panel)


@pytest.mark.parametrize("kind", [Leads, GoodmanBacon, NegativeWeights, PlaceboInSpace, PlaceboInTime, HonestBounds])
def test_tables_are_recorded_and_have_words(kind: type[Diagnostic]) -> None:
    diagnostic = kind(model=did("y"))
    found = tables(diagnostic, SMALL)
    result = dc.Result("did", "y", tables=found, notes=diagnostic.remarks(found))
    again = decode(encode(result))
    for name, frame in found.items():
        pd.testing.assert_frame_equal(again.tables[name], frame, check_dtype=False, check_index_type=False)
        cells = [*frame.index, *frame.to_numpy(dtype=object).ravel()]
        assert all(cell.text("zh") != str(cell) for cell in cells if isinstance(cell, Note))
    assert diagnostic.terms == ("y", "pilot")
