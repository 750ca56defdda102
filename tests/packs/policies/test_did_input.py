"""Bad input gets a sentence that says what to do; rows that cannot be used are named."""

from __future__ import annotations

from typing import Any

import classic as dc
import numpy as np
import pytest
from policies import close, fit, pair, panel_of, states, with_policy, world

from digicarbon.errors import ConfigError, DataError, DigicarbonError, EstimationError
from digicarbon.note import note_of

FRAME = states()
PANEL = panel_of(FRAME)
EVER = panel_of(FRAME[FRAME["first"] > 0])
ONCE = panel_of(FRAME[FRAME["first"] == 1978])
EVERY = ("twfe", "event_study", "sun_abraham", "imputation", "stacked", "callaway_santanna", "synthetic_did")


def moved(**columns: Any) -> dc.Panel:
    return panel_of(FRAME.assign(**columns))


SHARE = moved(pilot=FRAME["pilot"] / 2)
NOBODY = panel_of(FRAME[FRAME["first"] == 0])
ALWAYS = panel_of(FRAME[(FRAME["first"] > 0) & (FRAME["pilot"] > 0)])
BARE = FRAME.drop(columns=["pilot_event", "pilot_cohort", "first"])
ENDS = panel_of(BARE.assign(pilot=FRAME["pilot"] * (FRAME["year"] < 1984)))
ODD = moved(pilot_event=FRAME["pilot_event"] + (FRAME["year"] == 1980))
GAPS = panel_of(FRAME.drop(FRAME.index[5::31]))
FLAT = moved(log_gsp=FRAME["pilot"])
ALONE = panel_of(FRAME[(FRAME["first"] != 1978) | (FRAME["state"] == "ARIZONA")])
WAVES = moved(year=FRAME["year"].map(lambda year: f"wave {'abc'[year % 3]} {year}"))


@pytest.mark.parametrize(
    ("panel", "fields", "kind", "words"),
    [
        (PANEL, {"policy": "pilots"}, DataError, "pilot"),
        (SHARE, {"estimator": "event_study"}, DataError, "is a share"),
        (NOBODY, {}, DataError, "No unit comes under pilot"),
        (ALWAYS, {}, DataError, "nothing to compare with"),
        (ENDS, {}, DataError, "A policy that ends is not covered"),
        (ODD, {}, DataError, "must count periods since"),
        (WAVES, {}, DataError, "order"),
        (EVER, {"estimator": "event_study"}, EstimationError, "set leads or lags"),
        (EVER, {"estimator": "sun_abraham"}, EstimationError, "compare=not_yet"),
        (EVER, {"estimator": "callaway_santanna"}, EstimationError, "compare=not_yet"),
        (EVER, {"estimator": "synthetic_did"}, EstimationError, "at least two units that never come under pilot"),
        (GAPS, {"estimator": "synthetic_did"}, EstimationError, "needs every unit in every period"),
        (FLAT, {"estimator": "synthetic_did"}, EstimationError, "does not change before"),
        (PANEL, {"estimator": "synthetic_did", "sdid_variance": "placebo"}, EstimationError, "more units that never"),
        (ALONE, {"estimator": "synthetic_did", "sdid_variance": "bootstrap"}, EstimationError, "two units in every"),
        (PANEL, {"estimator": "imputation", "observation_weights": "nothing"}, DataError, "nothing"),
        (PANEL, {"estimator": "imputation", "observation_weights": "pilot"}, DataError, "Every row is under pilot"),
        (PANEL, {"estimator": "callaway_santanna", "observation_weights": "emp"}, DataError, "must not change within"),
        (EVER, {"estimator": "stacked"}, EstimationError, "compare=not_yet"),
        (ONCE, {"estimator": "sun_abraham", "compare": "not_yet"}, EstimationError, "in the same period"),
        (ONCE, {"estimator": "callaway_santanna", "compare": "not_yet"}, EstimationError, "in the same period"),
        (ONCE, {"estimator": "imputation"}, EstimationError, "in the same period"),
        (ONCE, {"estimator": "stacked", "compare": "not_yet"}, EstimationError, "in the same period"),
        (PANEL, {"estimator": "event_study", "anticipation": 12}, EstimationError, "No unit has a period before"),
        (PANEL, {"estimator": "imputation", "anticipation": 12}, EstimationError, "less anticipation"),
        (PANEL, {"estimator": "callaway_santanna", "reference": -15}, EstimationError, "No cohort of pilot"),
        (PANEL, {"estimator": "event_study", "reference": -14}, EstimationError, "event time -14, the reference"),
        (EVER, {"estimator": "stacked", "compare": "not_yet", "lags": 9}, EstimationError, "shorter window"),
        (PANEL, {"controls": ("pilot_cohort",)}, DataError, "pilot_cohort"),
    ],
)
def test_a_sentence_says_what_to_do(
    panel: dc.Panel, fields: dict[str, Any], kind: type[DigicarbonError], words: str
) -> None:
    model = dc.DiD(**{"y": "log_gsp", "policy": "pilot", **fields})
    with pytest.raises(kind, match=words) as caught:
        model.fit(panel)
    assert note_of(caught.value).text("zh") != str(caught.value)
    with pytest.raises(kind, match=words):
        model.check(panel)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"estimator": "event_study", "leads": 1, "anticipation": 1}, "shorter than the reference"),
        ({"estimator": "event_study", "leads": 2, "reference": -3}, "shorter than the reference"),
        ({"estimator": "event_study", "aggregate": "cohort"}, "effects of single cohorts"),
        ({"estimator": "stacked", "aggregate": "calendar"}, "effects of single cohorts"),
        ({"aggregate": "event"}, "estimator=twfe has one coefficient; choose event_study"),
        ({"aggregate": "cohort"}, "aggregate=cohort needs several effects"),
        ({"leads": 0}, "leads"),
        ({"lags": -1}, "lags"),
        ({"reference": 0}, "reference"),
        ({"anticipation": -1}, "anticipation"),
        ({"estimator": "did2s"}, "estimator"),
        ({"controls": ("pilot",)}, "pilot"),
        ({"x": ("unemp",)}, "the focal term of this model is the policy"),
    ],
)
def test_fields_that_do_not_fit_are_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        dc.DiD(**{"y": "log_gsp", "policy": "pilot", **fields})


def test_a_check_of_synthetic_did_searches_no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("digicarbon.packs.policies.model._synthetic.SyntheticCohorts")
    model = dc.DiD(y="log_gsp", policy="pilot", estimator="synthetic_did")
    model.check(PANEL)
    for panel, words in ((GAPS, "every unit in every period"), (FLAT, "does not change before")):
        with pytest.raises(EstimationError, match=words):
            model.check(panel)
    few = model.model_copy(update={"sdid_variance": "placebo"})
    with pytest.raises(EstimationError, match="more units that never"):
        few.check(PANEL)


@pytest.mark.parametrize("estimator", EVERY[1:])
def test_units_without_a_period_before_are_left_out_and_named(estimator: str) -> None:
    frame = with_policy(FRAME.assign(first=FRAME["first"].mask(FRAME["state"] == "OHIO", 1970)), "year")
    found = fit(panel_of(frame), estimator=estimator)
    expected = fit(panel_of(frame[frame["state"] != "OHIO"]), estimator=estimator)
    close([*pair(found)], [*pair(expected)])
    (note,) = [note for note in found.notes if note.code in ("did_units_left_out", "did_units_too_short")]
    assert "OHIO" in str(note)
    assert found.statistics["n_units"] == 47
    model = dc.DiD(y="log_gsp", policy="pilot", estimator=estimator)
    assert model.null(panel_of(frame), None, []) is None
    assert model.null(PANEL, None, []) is not None


def test_units_treated_after_the_panel_are_never_treated_in_it() -> None:
    frame = FRAME[FRAME["year"] < 1982]
    found = fit(panel_of(frame), estimator="callaway_santanna")
    assert found.statistics["n_never"] == 24
    never = frame.assign(pilot_event=frame["pilot_event"].mask(frame["first"] == 1982))
    close([*pair(found)], [*pair(fit(panel_of(never), estimator="callaway_santanna"))])


@pytest.mark.parametrize("estimator", [name for name in EVERY if name != "synthetic_did"])
def test_gaps_are_taken(estimator: str) -> None:
    frame = FRAME.drop(FRAME.index[5::31])
    found = fit(panel_of(frame), estimator=estimator, controls=("unemp",))
    whole = fit(PANEL, estimator=estimator, controls=("unemp",))
    assert abs(pair(found)[0] - pair(whole)[0]) < pair(whole)[1]
    # a unit that lacks its first period under the policy is treated all the same
    lost = FRAME[(FRAME["state"] != "ALABAMA") | (FRAME["year"] != 1975)]
    assert fit(panel_of(lost), estimator=estimator).statistics["n_treated"] == 36


def test_the_mean_is_not_said_to_be_over_rows_that_cannot_be_imputed() -> None:
    found = fit(EVER, estimator="imputation")
    assert found.has_note("did_rows_not_imputed")
    (mean,) = [note for note in found.notes if note.code == "did_overall_overall"]
    assert mean.text().endswith("over rows under the policy whose effect is estimated.")
    assert mean.text("zh").endswith("效应可估计的实施后行的平均效应。")


def test_what_cannot_be_imputed_is_said() -> None:
    found = fit(EVER, estimator="imputation", aggregate="event")
    assert found.has_note("did_rows_not_imputed")
    assert found.has_note("did_leads_unknown")
    assert min(int(term[6:-1]) for term in found.terms[1:]) == 0
    # rows that are left out are behind no effect
    assert (found.tables["event_units"]["units"][0], found.statistics["n_treated"]) == (24, 36)
    wide = fit(EVER, estimator="callaway_santanna", compare="not_yet", aggregate="event")
    assert wide.has_note("did_cells_left_out")
    assert np.isfinite(wide.estimates["se"]).all()


def test_too_many_controls_leave_cells_out() -> None:
    never = FRAME.loc[FRAME["first"] == 0, "state"].unique()[:3]
    few = FRAME[(FRAME["first"] > 0) | FRAME["state"].isin(never)]
    controls = ("unemp", "log_emp", "log_pc")
    with pytest.raises(EstimationError, match="fewer controls"):
        fit(panel_of(few[few["first"].isin([0, 1975])]), estimator="callaway_santanna", controls=controls)


@pytest.mark.parametrize("estimator", EVERY)
def test_quarters_and_lags_are_counted_on_the_calendar(estimator: str) -> None:
    frame = world(1, lambda first, event: 1.0 + 0 * first)
    named = frame.assign(year=[f"{2000 + (year - 1) // 4}Q{(year - 1) % 4 + 1}" for year in frame["year"]])
    fields: dict[str, Any] = {"y": "y", "policy": "pilot", "estimator": estimator}
    found, expected = (dc.DiD(**fields).fit(panel_of(table)) for table in (named, frame))
    close(found.coef.tolist(), expected.coef.tolist())
    shown = dc.DiD(**fields | {"controls": ("L.y",)}).fit(panel_of(frame))
    assert shown.statistics["nobs"] < expected.statistics["nobs"] or estimator == "stacked"


def test_cohorts_are_called_by_their_periods() -> None:
    frame = world(1, lambda first, event: 1.0 + 0 * first)
    named = frame.assign(year=[f"{2000 + (year - 1) // 4}Q{(year - 1) % 4 + 1}" for year in frame["year"]])
    found = dc.DiD(y="y", policy="pilot", estimator="imputation", aggregate="cohort").fit(panel_of(named))
    assert found.terms == ("pilot", "pilot[2000Q3]", "pilot[2001Q1]", "pilot[2001Q3]")
    lost = frame[frame["year"] != 5]
    found = dc.DiD(y="y", policy="pilot", estimator="imputation", aggregate="cohort").fit(panel_of(lost))
    assert found.terms == ("pilot", "pilot[3]", "pilot[5]", "pilot[7]")


def test_fields_that_mean_nothing_are_ignored() -> None:
    def ignored(**fields: Any) -> frozenset[str]:
        return dc.DiD(y="y", policy="pilot", **fields).ignored

    assert {"compare", "leads", "lags", "overall", "base_period"} <= ignored()
    assert "cov" in ignored(estimator="imputation")
    assert "cluster" in ignored(cov="robust")
    assert not {"compare", "leads", "cov"} & ignored(estimator="stacked")
    for name, others in (("base_period", ("varying", "universal")), ("compare", ("never", "not_yet"))):
        for estimator in EVERY:
            if name in ignored(estimator=estimator):
                one, other = (fit(PANEL, estimator=estimator, **{name: value}) for value in others)
                close(one.coef.tolist(), other.coef.tolist())


def test_the_policy_is_the_focal_term() -> None:
    model = dc.DiD(y="y", policy="pilot", controls=("a",))
    assert model.x == ("pilot",)
    assert dc.DiD(**model.model_dump()) == model
    assert model.terms == ("y", "pilot", "a")


@pytest.mark.parametrize("estimator", ["twfe", "sun_abraham", "imputation", "stacked", "callaway_santanna"])
def test_a_year_that_no_unit_has_is_no_period(estimator: str) -> None:
    own = dict(FRAME.groupby("state")["first"].first())
    left = FRAME[FRAME["year"] != 1980].drop(columns=["pilot", "pilot_event", "pilot_cohort"])
    moved_up = left.assign(year=left["year"] + (left["year"] < 1980))
    firsts = {unit: first + (0 < first < 1980) for unit, first in own.items()}
    one, other = (
        dc.Panel.from_frame(frame, unit="state", time="year").with_policy("pilot", dates)
        for frame, dates in ((left, own), (moved_up, firsts))
    )
    fields = {"y": "log_gsp", "policy": "pilot", "estimator": estimator}
    fields |= {} if estimator == "twfe" else {"aggregate": "event"}
    fields |= {"stack_weights": "variance"} if estimator == "stacked" else {}
    close(dc.DiD(**fields).fit(one).coef.tolist(), dc.DiD(**fields).fit(other).coef.tolist())


def test_clusters_that_hold_nothing_leave_effects_without_standard_errors() -> None:
    found = fit(PANEL, estimator="sun_abraham", cluster="time")
    assert found.has_note("did_zero_errors")
    assert found.without_errors
    assert found.estimates.loc[list(found.without_errors), ["se", "p"]].isna().all(axis=None)
    assert not fit(PANEL, estimator="sun_abraham").has_note("did_zero_errors")


def one_against_one() -> dc.Panel:
    """A panel with cohorts of five, five and one unit, and one unit without the policy."""
    frame = world(3, lambda first, event: 1.0 + 0 * event, units=12, periods=8, starts=(3, 4, 5, 0))
    first = dict(zip(sorted(frame["state"].unique()), [3] * 5 + [4] * 5 + [5, 0], strict=True))
    return panel_of(with_policy(frame.assign(first=frame["state"].map(first)), "year"))


@pytest.mark.parametrize("estimator", ["callaway_santanna", "imputation", "sun_abraham"])
def test_one_unit_against_one_has_no_standard_error(estimator: str) -> None:
    panel = one_against_one()
    found = fit(panel, y="y", estimator=estimator, aggregate="cohort")
    # R's did has NA there
    assert found.without_errors == ("pilot[5]",)
    assert found.estimates.loc["pilot[5]", ["se", "stat", "p", "low", "high"]].isna().all()
    assert np.isfinite(found.coef).all()
    assert np.isfinite(pair(found, "pilot[4]")[1])
    (note,) = [note for note in found.notes if note.code == "did_no_errors"]
    assert "No standard error of pilot[5]" in str(note)
    wild = fit(panel, y="y", estimator=estimator, aggregate="cohort", test="wild", draws=39)
    assert np.isnan(wild.estimates["p"]["pilot[5]"])
    assert np.isfinite(wild.estimates["p"]["pilot[4]"])


@pytest.mark.parametrize("estimator", ["callaway_santanna", "sun_abraham"])
def test_leads_of_one_unit_against_one_are_in_no_test(estimator: str) -> None:
    fields: dict[str, Any] = {"estimator": estimator, "aggregate": "event"}
    found = fit(one_against_one(), y="y", **fields)
    wild = fit(one_against_one(), y="y", **fields, test="wild", draws=39)
    (alone,) = found.without_errors
    assert np.isnan(found.estimates["p"][alone])
    assert np.isnan(wild.estimates["p"][alone])
    assert wild.statistics["pretest_df"] == sum(
        event[6] == "-" for event in found.terms[1:] if event not in found.without_errors
    )
    assert 0.01 < wild.statistics["pretest_p"] <= 1


@pytest.mark.parametrize("estimator", ["twfe", "imputation"])
def test_controls_that_effects_absorb_are_refused(estimator: str) -> None:
    still = FRAME.assign(
        place=FRAME["state"].map(len).astype(float), trend=FRAME["year"] - 1970.0, twice=2 * FRAME["unemp"]
    )
    for controls, named in ((("place",), "place"), (("trend",), "trend"), (("unemp", "twice"), "unemp")):
        with pytest.raises(EstimationError, match=named):
            fit(panel_of(still), estimator=estimator, controls=controls)


def test_the_only_policy_of_the_panel_needs_no_name() -> None:
    """What a configuration hands on as ``${panel.policy}``: one policy, several or none."""
    assert dc.DiD(y="y", policy={"mine": "adopted"}) == dc.DiD(y="y", policy="mine")
    with pytest.raises(ConfigError, match=r"has several policies: mine, yours\. Name one of them in model\.policy\."):
        dc.DiD(y="y", policy={"mine": "a", "yours": "b"})
    with pytest.raises(ConfigError, match=r"has no policy\. Give its dates"):
        dc.DiD(y="y", policy={})


def test_units_are_those_that_an_estimate_is_made_of() -> None:
    # cohorts of 15 in periods 3, 5 and 8, and 15 never; 10 periods hold no window of three years after 8
    panel = panel_of(world(5, lambda first, event: 1.0 + 0 * event, starts=(3, 5, 8, 0)))
    fields: dict[str, Any] = {"y": "y", "aggregate": "event", "leads": 2, "lags": 4}
    found = fit(panel, estimator="stacked", **fields)
    counts = [found.statistics[name] for name in ("n_units", "n_treated", "n_never", "n_cohorts")]
    assert counts == [45, 30, 15, 2]
    assert found.tables["event_units"]["units"].tolist() == [30] * 7


def test_nobody_is_counted_as_never_treated_where_all_are_in_the_end() -> None:
    panel = panel_of(world(5, lambda first, event: 1.0 + 0 * event, starts=(3, 5, 8)))
    fields: dict[str, Any] = {"y": "y", "aggregate": "event", "compare": "not_yet"}
    found = fit(panel, estimator="sun_abraham", **fields)
    assert (found.statistics["n_treated"], found.statistics["n_never"]) == (40, 0)
    (cohorts,) = [str(note) for note in found.notes if note.code == "did_cohorts"]
    assert cohorts == "First period under pilot: 20 units in 3, 20 units in 5, 20 units in 8."
    found = fit(panel, estimator="callaway_santanna", base_period="universal", **fields)
    units = found.tables["event_units"]["units"]
    cells = found.tables["group_time"]
    assert units[-1] == 20 * cells["cohort"].nunique() == 40


@pytest.mark.parametrize("estimator", ["callaway_santanna", "sun_abraham", "stacked"])
def test_few_units_of_comparison_are_named(estimator: str) -> None:
    sizes = {3: 8, 5: 8, 0: 3}
    starts = tuple(first for first, units in sizes.items() for _ in range(units))
    panel = panel_of(world(5, lambda first, event: 1.0 + 0 * event, units=len(starts), starts=starts))
    (said,) = [str(note) for note in fit(panel, y="y", estimator=estimator).notes if note.code == "did_small_cohorts"]
    assert said.startswith("Fewer than 5 units: 3 units never. ")
    many = panel_of(world(5, lambda first, event: 1.0 + 0 * event, starts=(3, 5, 0)))
    assert not fit(many, y="y", estimator=estimator).has_note("did_small_cohorts")


def test_a_last_cohort_of_few_units_is_named_by_its_period() -> None:
    panel = panel_of(world(5, lambda first, event: 1.0 + 0 * event, units=10, starts=(3, 3, 3, 8)))
    found = fit(panel, y="y", estimator="sun_abraham", compare="not_yet")
    (said,) = [str(note) for note in found.notes if note.code == "did_small_cohorts"]
    assert said.startswith("Fewer than 5 units: 2 units in 8. ")


@pytest.mark.parametrize("estimator", ["event_study", "sun_abraham", "imputation", "callaway_santanna"])
def test_ends_are_named_where_something_lies_beyond(estimator: str) -> None:
    panel = panel_of(world(5, lambda first, event: 1.0 + 0 * event, starts=(4, 6, 0)))

    def ends(**fields: Any) -> list[str]:
        found = fit(panel, y="y", estimator=estimator, aggregate="event", **fields)
        return [str(note).partition(": ")[2] for note in found.notes if note.code == "did_binned"]

    # periods 1 to 10: event times from -5 to 6
    assert ends(leads=5, lags=6) == []
    assert ends(leads=9, lags=9) == []
    assert ends(leads=3, lags=6) == ["-3 and before."]
    assert ends(leads=5, lags=2) == ["2 and after."]
    assert ends(leads=3, lags=2) == ["-3 and before, 2 and after."]


@pytest.mark.parametrize(
    ("starts", "fields", "mean"),
    [
        ((3, 5, 8, 0), {"estimator": "stacked", "leads": 2, "lags": 4}, "stack_rows"),
        ((5, 6, 0), {"estimator": "stacked", "leads": 2, "lags": 5}, "stack_rows"),
        ((5, 0), {"estimator": "stacked", "leads": 2, "lags": 5}, "treated_rows"),
        ((5, 6, 0), {"estimator": "stacked", "stack_weights": "variance"}, "stack_variance"),
        ((5, 6, 0), {"estimator": "imputation"}, "treated_rows"),
        ((5, 6), {"estimator": "imputation"}, "estimated_rows"),
        ((5, 6, 0), {"estimator": "callaway_santanna"}, "treated_rows"),
        ((5, 6), {"estimator": "callaway_santanna", "compare": "not_yet"}, "estimated_rows"),
        ((1, 6, 0), {"estimator": "callaway_santanna"}, "estimated_rows"),
        ((5, 6), {"estimator": "sun_abraham", "compare": "not_yet"}, "estimated_rows"),
        ((5, 6, 0), {"estimator": "event_study"}, "treated_rows"),
        ((5, 6, 0), {"estimator": "twfe"}, "variance"),
    ],
)
def test_a_mean_over_some_treated_rows_says_so(starts: tuple[int, ...], fields: dict[str, Any], mean: str) -> None:
    panel = panel_of(world(5, lambda first, event: 1.0 + 0 * event, starts=starts))
    by_event = {"aggregate": "event"} if fields["estimator"] != "twfe" and len(starts) != 4 else {}
    for more in ({}, by_event):
        assert fit(panel, y="y", **fields, **more).means == {"pilot": mean}
