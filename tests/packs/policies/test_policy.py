"""Policy dates become columns; dates that cannot be used are a sentence each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import digicarbon as dc
from digicarbon.__main__ import main
from digicarbon.errors import ConfigError, DataError, DigicarbonError
from digicarbon.panel import PanelDesign, Policy, policy_columns
from digicarbon.sample import Sample
from digicarbon.spec import build, identity

YEARS = tuple(range(2010, 2016))
QUARTERS = ("2010Q1", "2010Q2", "2010Q3", "2010Q4", "2011Q1")
FIRST = {"a": 2012, "b": 2014}


def frame(periods: tuple[int | str, ...] = YEARS, units: str = "abcd", **columns: Any) -> pd.DataFrame:
    rows = pd.DataFrame([(unit, period) for unit in units for period in periods], columns=["city", "year"])
    return rows.assign(y=np.arange(len(rows), dtype=float), **columns)


def panel(data: pd.DataFrame | None = None, **keywords: Any) -> dc.Panel:
    return dc.Panel.from_frame(frame() if data is None else data, "city", "year", **keywords)


def dated(first: dict[str, Any], data: pd.DataFrame | None = None) -> pd.DataFrame:
    whole = frame() if data is None else data
    return whole.assign(start=whole["city"].map(first))


def design(**fields: Any) -> PanelDesign:
    return build({"_target_": "digicarbon.panel.PanelDesign", **fields}, PanelDesign, "panel")


def assembled(data: pd.DataFrame, **fields: Any) -> dc.Panel:
    return design(**fields).assemble(data.rename(columns={"city": "unit", "year": "time"}), "city", "year")


def of_unit(one: dc.Panel, unit: str, name: str = "pilot") -> list[list[float]]:
    rows = one.unit_codes == one.units.index(unit)
    return [one.column(column)[rows].tolist() for column in policy_columns(name)]


def test_dates_make_three_columns() -> None:
    made = panel(dated(FIRST)).with_policy("pilot", "start")
    assert policy_columns("pilot") == ("pilot", "pilot_event", "pilot_cohort")
    assert of_unit(made, "a") == [[0, 0, 1, 1, 1, 1], [-2, -1, 0, 1, 2, 3], [2012] * 6]
    assert of_unit(made, "b") == [[0, 0, 0, 0, 1, 1], [-4, -3, -2, -1, 0, 1], [2014] * 6]
    for unit in "cd":
        treated, event, cohort = of_unit(made, unit)
        assert treated == [0] * 6
        assert np.isnan([event, cohort]).all()


@pytest.mark.parametrize(
    "first",
    [
        {**FIRST, "c": 0, "d": None},
        {"a": "2012", "b": 2014.0, "c": "", "d": float("nan")},
        {"a": "2012.0", "b": "2014.00", "c": "0.0"},
        {"a": "2012年", "b": "2014", "c": "0", "d": pd.NaT},
        {"a": 2012, "b": 2014, "c": float("inf")},
    ],
)
def test_dates_have_several_spellings(first: dict[str, Any]) -> None:
    expected = panel(dated(FIRST)).with_policy("pilot", "start")
    made = panel().with_policy("pilot", first)
    for column in policy_columns("pilot"):
        np.testing.assert_array_equal(made.column(column), expected.column(column))


def test_quarters_are_counted_in_quarters() -> None:
    data = frame(QUARTERS)
    made = panel(dated({"a": "2010 Q3", "b": "Q1 2011"}, data)).with_policy("pilot", "start")
    assert of_unit(made, "a") == [[0, 0, 1, 1, 1], [-2, -1, 0, 1, 2], [2] * 5]
    assert of_unit(made, "b") == [[0, 0, 0, 0, 1], [-4, -3, -2, -1, 0], [4] * 5]


def test_waves_count_as_periods_only_in_a_known_order() -> None:
    with pytest.raises(DataError, match="order"):
        panel(frame(("wave 1", "wave 2", "wave 3"))).with_policy("pilot", {"a": "wave 2"})


def test_a_year_that_no_unit_has_is_no_period() -> None:
    made = panel(frame((2010, 2011, 2013, 2014))).with_policy("pilot", {"a": 2013})
    assert of_unit(made, "a") == [[0, 0, 1, 1], [-2, -1, 0, 1], [2013] * 4]


def test_gaps_of_a_unit_leave_its_event_time() -> None:
    data = dated(FIRST).drop(index=[1, 2])
    made = panel(data, gaps="keep").with_policy("pilot", "start")
    assert of_unit(made, "a") == [[0, 1, 1, 1], [-2, 1, 2, 3], [2012] * 4]


def test_a_unit_that_enters_after_its_policy_has_nothing_before_it() -> None:
    data = dated(FIRST).drop(index=[0, 1])
    with pytest.raises(DataError, match="1 of 4 units has no year before the policy \\(a: 2012"):
        panel(data, gaps="keep").with_policy("pilot", "start")


def test_a_dummy_gives_the_same_columns() -> None:
    data = dated(FIRST)
    data["did"] = (data["year"] >= data["start"]).astype(int)
    made = panel(data).with_policy("pilot", Policy(dummy="did"))
    expected = panel(data).with_policy("pilot", "start")
    for column in policy_columns("pilot"):
        np.testing.assert_array_equal(made.column(column), expected.column(column))
    assert panel(data).with_policy("did", Policy(dummy="did")).column("did_event")[2] == 0


def test_a_share_is_taken_as_it_is() -> None:
    dose = np.linspace(0, 1, 24)
    made = panel(frame(dose=dose)).with_policy("pilot", Policy(share="dose"))
    np.testing.assert_array_equal(made.column("pilot"), dose)
    assert not made.has("pilot_event")


@settings(deadline=None, max_examples=40)
@given(
    starts=st.lists(st.none() | st.integers(1, 5), min_size=4, max_size=4),
    absent=st.sets(st.integers(0, 23), max_size=6),
)
def test_columns_are_those_of_a_plain_loop(starts: list[int | None], absent: set[int]) -> None:
    first = {unit: None if start is None else YEARS[start] for unit, start in zip("abcd", starts, strict=True)}
    data = frame().drop(index=sorted(absent))
    try:
        made = panel(data, gaps="keep").with_policy("pilot", first)
    except DataError:
        # none or all are treated, or a unit has no row before its policy
        return
    known = sorted(data["year"].unique())
    for row in range(len(made.index)):
        unit, year = made.units[made.unit_codes[row]], made.periods[made.period_codes[row]]
        start = first.get(unit)
        values = [made.column(column)[row] for column in policy_columns("pilot")]
        if start is None:
            assert values[0] == 0
            assert np.isnan(values[1:]).all()
        elif start in known:
            assert values == [float(year >= start), known.index(year) - known.index(start), start]


# what is refused


def _with(data: pd.DataFrame, first: Any) -> Callable[[], object]:
    return lambda: panel(data).with_policy("pilot", first)


DATA = dated(FIRST)
BACK = frame(back=[0, 0, 1, 1, 0, 0] + [0] * 18)
WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "policy_not_constant": (_with(frame(start=range(24)), "start"), "differs within a (0, 1), but a unit has one"),
    "policy_is_dummy": (_with(frame(did=[0, 0, 1, 1, 1, 1] + [0] * 18), "did"), "write {dummy: did} instead"),
    "policy_who_not_when": (_with(dated({"a": 1, "b": 1}), "start"), "who has the policy (1), not when"),
    "policy_always": (_with(DATA, {"a": 2010, "b": 2005}), "2 of 4 units have no year before the policy (a: 2010, b: "),
    "policy_no_period": (_with(DATA, {"a": "2012-03-15"}), "'2012-03-15' (a) cannot be read as a year of the panel"),
    "policy_between_periods": (_with(DATA[DATA["year"] != 2013], {"b": 2013}), "'2013' (b) is between periods"),
    "policy_unknown_units": (_with(DATA, {"A": 2012}), "does not have: A. Did you mean 'a'?"),
    "policy_all_at_once": (_with(DATA, dict.fromkeys("abcd", 2012)), "All 4 units get the policy in 2012"),
    "policy_nobody": (_with(DATA, {}), "None of 4 units gets the policy up to the last year, 2015"),
    "policy_reversed": (_with(BACK, Policy(dummy="back")), "goes back from 1 to 0 (a 2014)"),
    "policy_dummy_values": (_with(DATA, Policy(dummy="y")), "is not 0 or 1 for a 2012: 2"),
    "policy_share_values": (_with(DATA, Policy(share="y")), "outside of 0 to 1 for a 2012: 2"),
    "policy_share_nothing": (_with(frame(z=0.0), Policy(share="z")), "nobody has the policy"),
    "policy_name_taken": (lambda: panel(DATA).with_policy("y", "start"), "already have y"),
    "policy_name_no_word": (lambda: panel(DATA).with_policy("my pilot", "start"), "write one word"),
    "panel_without_column": (_with(DATA, "strat"), "Did you mean 'start'?"),
}


@pytest.mark.parametrize("code", WRONG)
def test_what_cannot_be_used_is_a_sentence(code: str) -> None:
    make, words = WRONG[code]
    with pytest.raises(DataError) as raised:
        make()
    assert words in str(raised.value)
    assert code in {part.code for part in raised.value.said.parts()}
    # Chinese is owed for each
    assert any("\u4e00" <= letter <= "\u9fff" for letter in raised.value.said.text("zh"))


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({}, "panel.policy.pilot: A policy takes one of first, dummy, share and dates, not none of them"),
        ({"first": "a", "share": "b"}, "not first, share"),
        ({"frist": "a"}, "panel.policy.pilot.frist is not a field of Policy. Did you mean 'first'?"),
        ({"first": "a", "always": "stop"}, "panel.policy.pilot.always must be one of 'refuse', 'drop', 'keep'"),
        ({"dummy": "a", "file": "b.csv"}, "panel.policy.pilot.file holds first periods"),
        (3, "panel.policy.pilot: must be a mapping with the fields of Policy; got 3"),
    ],
)
def test_wrong_fields_name_their_key(policy: object, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        design(policy={"pilot": policy})
    assert words in str(raised.value)


# in a design


def test_dates_can_stand_in_the_configuration() -> None:
    data = dated(FIRST).rename(columns={"city": "unit", "year": "time"})
    one, other = (
        design(policy={"pilot": policy}).assemble(data, "city", "year")
        for policy in ("start", {"dates": {"a": 2012, "b": "2014", "c": None}})
    )
    for column in policy_columns("pilot"):
        np.testing.assert_array_equal(one.column(column), other.column(column))
    with pytest.raises(DataError, match="units that the panel does not have: z"):
        design(policy={"pilot": {"dates": {"z": 2012}}}).assemble(data, "city", "year")


def test_dates_in_the_configuration_need_no_column() -> None:
    one = design(policy={"pilot": {"dates": {"a": 2012}}})
    assert one.columns_behind(("y", "pilot", "pilot_event"), {"y", "start"}) == ("y",)


def test_units_without_a_period_before_are_left_out_or_kept() -> None:
    data = dated({"a": 2010, "b": 2014})
    dropped = design(policy={"pilot": {"first": "start", "always": "drop"}}).assembled(
        data.rename(columns={"city": "unit", "year": "time"}), "city", "year"
    )
    assert dropped.panel.units == ("b", "c", "d")
    assert dropped.left_out == {"a"}
    assert [str(note) for note in dropped.notes] == ["Policy pilot: 1 unit has no period before it and is left out: a."]
    kept = assembled(data.replace({"start": {2010: 2007}}), policy={"pilot": {"first": "start", "always": "keep"}})
    assert of_unit(kept, "a") == [[1] * 6, [3, 4, 5, 6, 7, 8], [2007] * 6]


def test_a_policy_after_the_last_period_is_none_in_this_panel() -> None:
    whole = design(policy={"pilot": "start"}, last=2013).assembled(
        dated(FIRST).rename(columns={"city": "unit", "year": "time"}), "city", "year"
    )
    assert np.isnan(of_unit(whole.panel, "b")[1]).all()
    assert [(note.code, note["names"]) for note in whole.notes] == [("policy_after_end", ("b",))]


def test_never_treated_is_no_gap_and_a_policy_has_no_outliers() -> None:
    rule = design(policy={"pilot": "start"})
    whole = rule.assemble(dated(FIRST).rename(columns={"city": "unit", "year": "time"}), "city", "year")
    for gaps in ("refuse", "keep", "drop_units"):
        taken = rule.model_copy(update={"gaps": gaps}).take(whole, ["y", *policy_columns("pilot")])
        assert taken.shape == (4, 6)
    sample = Sample(winsorise=(0.2, 0.2))
    terms = ["y", "L.pilot", *policy_columns("pilot")]
    taken, plain = rule.take(whole, terms, outliers=sample), rule.take(whole, terms)
    assert (taken.column("y") != plain.column("y")).any()
    for name in terms[1:]:
        np.testing.assert_array_equal(taken.column(name), plain.column(name))
    with pytest.raises(DataError, match=r"names pilot, which the model does not use.* Its variables: y\."):
        rule.take(whole, terms, outliers=Sample(winsorise=(0.2, 0.2), outliers_of=["pilot"]))


def test_dates_of_excel_in_years_are_refused_with_what_to_write() -> None:
    data = dated({"a": pd.Timestamp(2012, 6, 1), "b": pd.NaT})
    with pytest.raises(
        DataError, match=r"panel.policy.pilot: '2012-06-01' \(a\) cannot be read as a year of the panel"
    ):
        assembled(data, policy={"pilot": "start"})


def test_two_policies_stand_beside_each_other() -> None:
    data = dated(FIRST).assign(city_first=lambda rows: rows["city"].map({"c": 2013}))
    made = assembled(data, policy={"pilot": "start", "smart": {"first": "city_first"}})
    assert of_unit(made, "c", "smart")[1] == [-3, -2, -1, 0, 1, 2]
    assert of_unit(made, "a")[1][0] == -2


def test_a_design_without_policies_has_the_text_of_earlier_versions() -> None:
    assert "policy" not in identity(PanelDesign())
    assert identity(PanelDesign(policy={"pilot": "a"})) != identity(PanelDesign(policy={"pilot": "b"}))
    assert PanelDesign(**json.loads(PanelDesign(policy={"pilot": "a"}).model_dump_json())) == PanelDesign(
        policy={"pilot": Policy(first="a")}
    )


# from a file, in an empty folder

RUN = (
    *("source=table", "source.path=panel.csv", "source.unit=city", "source.time=year", "measure=none", "outcome=none"),
    *("model=twfe", "model.y=y", "model.x=[pilot]", "model.controls=[]", "inference=classic", "executor=sequential"),
)
FILE = "panel.policy={pilot: {file: pilots.csv, unit: name, first: since}}"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    data = dated({**FIRST, "e": 2013}, frame(units="abcdef"))
    data.assign(y=rng.standard_normal(len(data))).to_csv("panel.csv", index=False)
    Path("pilots.csv").write_text("name,since\na,2012\nb,2014\ne,2013\nf,\n", encoding="utf-8")
    return tmp_path


@pytest.mark.long
def test_a_file_of_dates_is_the_same_run_as_a_column(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", *RUN, "panel.policy={pilot: start}"]) == 0
    assert "Pilot policy" in capsys.readouterr().out
    assert main(["run", *RUN, FILE]) == 0
    # a sweep of other files, with the same fit
    assert "1 run fitted in another sweep of this store: copied" in "".join(capsys.readouterr())
    Path("pilots.csv").write_text("name,since\na,2013\nb,2014\ne,2013\n", encoding="utf-8")
    assert main(["run", *RUN, FILE]) == 0
    # another date is another run
    assert "Nothing to fit" not in "".join(capsys.readouterr())
    assert main(["data", "show", "twfe"]) == 0
    shown = capsys.readouterr().out
    assert "pilots.csv: the same today" in shown
    assert "panel.csv: the same today" in shown


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,sinc\na,2012\n", "has no column 'since', which first names. Did you mean 'sinc'?"),
        ("nam,since\na,2012\n", "has no column 'name', which unit names. Did you mean 'nam'?"),
        ("name,since\na,2012\nA,2013\n", "The policy names units that the panel does not have: A. Did you mean 'a'?"),
        ("name,since\na,2012\na,2013\n", "a has two first periods, '2012', '2013'"),
        ("name,since\na,2012\n,2013\n", "Column 'name' names no unit in data row 2"),
        ("name,since\na,spring 2012\n", "'spring 2012' (a) cannot be read as a year"),
        ("name,since\na,2009\n", "1 of 6 units has no year before the policy (a: 2009"),
    ],
)
def test_a_wrong_file_is_a_sentence(here: Path, capsys: pytest.CaptureFixture[str], text: str, words: str) -> None:
    Path("pilots.csv").write_text(text, encoding="utf-8")
    assert main(["plan", *RUN, FILE]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert "panel.policy.pilot: pilots.csv: " in lines[0]
    assert words in lines[0]


def test_a_file_that_is_not_there(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", *RUN, FILE.replace("pilots", "pilot")]) == 2
    assert "panel.policy.pilot: there is no file 'pilot.csv'" in capsys.readouterr().err


def test_a_file_may_name_units_that_gaps_leave_out(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = pd.read_csv("panel.csv")
    data[~((data["city"] == "e") & (data["year"] == 2011))].to_csv("panel.csv", index=False)
    assert main(["run", *RUN, FILE, "panel.gaps=drop_units"]) == 0
    assert "1 of 6 units lack a row or a value and are left out: e" in capsys.readouterr().out


def test_event_time_of_units_without_a_policy_is_no_regressor(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", *RUN, "panel.policy={pilot: start}", "model.x=[pilot_event]"]) == 2
    assert "'pilot_event' has no finite value for c 2010" in capsys.readouterr().err


def test_provinces_are_found_in_any_spelling(tmp_path: Path) -> None:
    file = tmp_path / "pilots.csv"
    file.write_text("省,年\n北京市,2012\n", encoding="utf-8")
    data = pd.DataFrame(
        [(unit, year) for unit in ("Beijing", "Shanghai", "Tianjin") for year in YEARS], columns=["unit", "time"]
    )
    rule = design(policy={"pilot": {"file": str(file), "unit": "省", "first": "年"}})
    made = rule.assemble(data.assign(y=1.0), "province", "year")
    assert of_unit(made, "Beijing")[0] == [0, 0, 1, 1, 1, 1]


def test_the_error_of_a_file_is_for_the_user_to_correct(tmp_path: Path) -> None:
    file = tmp_path / "pilots.csv"
    file.write_text("unit,year\nz,2012\n", encoding="utf-8")
    with pytest.raises(DigicarbonError) as raised:
        panel().with_policy("pilot", Policy(file=str(file), first="year"))
    assert raised.value.to_correct


def test_a_policy_that_the_panel_does_not_have_has_the_key_of_the_policy(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ("model=did", "model.y=y", "model.controls=[]", "inference=cluster")
    assert main(["run", *RUN[:6], *model]) == 2
    error = capsys.readouterr().err
    assert "model.policy" in error
    assert "panel.policy" in error
