"""Gaps, copies, outliers, ranges and vintages of series."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sound_series import UNITS, grid, growing

from digicarbon.note import Note
from digicarbon.source.validation import Finding, check_series, note


def panel(**series: np.ndarray) -> pd.DataFrame:
    keys = grid().rename(columns={"year": "time"})
    return keys.assign(**series)


def cell(frame: pd.DataFrame, unit: str, year: int) -> int:
    return int(frame.index[(frame["unit"] == unit) & (frame["time"] == year)][0])


def only(frame: pd.DataFrame, check: str) -> list[Finding]:
    return [item for item in check_series(frame, "f") if item.check == check]


def test_a_smooth_series_has_no_finding() -> None:
    assert check_series(panel(x=growing(64)), "f") == []


def test_gaps_are_listed_by_unit_with_years() -> None:
    frame = panel(x=growing(64), y=growing(64, 1), z=np.nan)
    frame.loc[[cell(frame, "Hebei", y) for y in (2012, 2013, 2015)], "x"] = np.nan
    frame.loc[frame["unit"] == "Jilin", "x"] = np.nan
    frame.loc[frame["time"] == 2014, "y"] = np.nan
    frame.loc[frame["time"] < 2012, "y"] = np.nan
    texts = [str(item.note) for item in only(frame, "coverage")]
    assert texts == [
        "f: x has no value for Jilin in any year.",
        "f: x lacks 3 of 56 unit-years in 2010-2017: Hebei 2012-2013, 2015.",
        "f: y has no unit with a value in 2014.",
        "f: z has no value at all.",
        "f: y runs from 2012 to 2017 (5 years), the data from 2010 to 2017.",
    ]
    assert [item.level for item in only(frame, "coverage")] == ["warning"] * 4 + ["note"]


def test_a_copied_year_is_found_whichever_it_copies() -> None:
    frame = panel(x=growing(64), y=growing(64, 3))
    for year, twin, name in ((2017, 2016, "x"), (2015, 2011, "y")):
        source = frame.loc[frame["time"] == twin, name].to_numpy()
        frame.loc[frame["time"] == year, name] = source
    found = only(frame, "copied year")
    assert [(item.series, item.year, item.level) for item in found] == [("x", 2017, "warning"), ("y", 2015, "warning")]
    assert "x of 2017 is a copy of 2016 in all 8 units that both have" in str(found[0].note)
    # one differing unit: no copy of the whole year, yet said
    frame.loc[cell(frame, "Hebei", 2017), "x"] += 1
    assert [item.series for item in only(frame, "copied year")] == ["y"]
    (partly,) = only(frame, "repeated values")
    assert "x of 2017 repeats 2016 in 7 of 8 units (88 %)" in str(partly.note)


def test_a_copy_of_a_year_with_gaps() -> None:
    frame = panel(x=growing(64))
    frame.loc[frame["time"] == 2013, "x"] = frame.loc[frame["time"] == 2012, "x"].to_numpy()
    frame.loc[[cell(frame, "Hebei", 2012), cell(frame, "Jilin", 2013)], "x"] = np.nan
    (found,) = only(frame, "copied year")
    assert "in all 6 units that both have" in str(found.note)


def test_what_does_not_change_or_is_a_dummy_is_no_copy() -> None:
    keys = grid()
    area = keys["unit"].map({name: 10.0 + k for k, name in enumerate(UNITS)}).to_numpy()
    policy = ((keys["year"] >= 2013) & (keys["unit"] > "J")).astype(float).to_numpy()
    assert check_series(panel(area=area, policy=policy), "f") == []


def test_a_jump_is_reported_with_its_size_and_never_dropped() -> None:
    frame = panel(x=growing(64))
    before = frame.copy()
    frame.loc[frame["unit"].eq("Shanxi") & (frame["time"] >= 2013), "x"] *= 1.76
    kept = frame.copy()
    (found,) = only(frame, "outlier")
    assert (found.unit, found.year, found.level) == ("Shanxi", 2013, "warning")
    assert "above its usual growth" in str(found.note)
    pd.testing.assert_frame_equal(frame, kept)
    assert only(before, "outlier") == []


def test_a_slip_of_the_decimal_point_is_two_jumps() -> None:
    frame = panel(x=growing(64))
    frame.loc[cell(frame, "Hebei", 2014), "x"] *= 10
    assert [(item.unit, item.year) for item in only(frame, "outlier")] == [("Hebei", 2014), ("Hebei", 2015)]


def test_a_lone_level_beside_a_gap() -> None:
    frame = panel(x=growing(64))
    frame.loc[cell(frame, "Hebei", 2010), "x"] *= 30
    frame.loc[cell(frame, "Hebei", 2011), "x"] = np.nan
    (found,) = only(frame, "outlier")
    assert "Hebei 2010" in str(found.note)
    assert "times its median over the years" in str(found.note)


def test_all_units_at_once_are_a_break_of_the_series() -> None:
    frame = panel(x=growing(64))
    frame.loc[frame["time"] >= 2015, "x"] *= 0.4
    assert only(frame, "outlier") == []
    (found,) = only(frame, "break")
    assert found.year == 2015
    assert "in 8 of 8 units at once" in str(found.note)


def test_a_lone_negative_value() -> None:
    frame = panel(x=growing(64))
    frame.loc[cell(frame, "Hebei", 2014), "x"] = -3.0
    (found,) = only(frame, "sign")
    assert "x of Hebei 2014 is negative (-3), as 1 of 64 values are" in str(found.note)
    assert only(panel(x=growing(64) - 120), "sign") == []
    frame.loc[cell(frame, "Hebei", 2014), "x"] = -1e-15
    assert only(frame, "sign") == []


@pytest.mark.parametrize(
    ("series", "values", "level", "check", "words"),
    [
        ("population", 1e4 * growing(64), "error", "unit", "it seems to be in another unit of measurement"),
        ("gdp_index", np.full(64, 1.07), "error", "unit", "60 to 150 previous year = 100 is plausible"),
        ("co2_sectoral", np.where(np.arange(64) == 9, -1.0, 5.0), "error", "range", "cannot be below 0 Mt, but is for"),
        ("gdp_index", np.where(np.arange(64) == 9, 10.7, 107.0), "warning", "range", "for Tianjin 2011"),
    ],
)
def test_known_series_have_plausible_values(
    series: str, values: np.ndarray, level: str, check: str, words: str
) -> None:
    (found,) = [item for item in only(panel(**{series: values}), check)]
    assert found.level == level
    assert words in str(found.note)


def test_rows_that_stand_twice() -> None:
    frame = panel(x=growing(64))
    (found,) = [item for item in check_series(pd.concat([frame, frame[:1]]), "f") if item.level == "error"]
    assert str(found.note) == "f has more than one row for Beijing 2010; keep one of each."


def test_industries_of_another_vintage_than_gdp() -> None:
    gdp = 1000 * growing(64)
    second, third = 0.45 * gdp, 0.5 * gdp
    assert only(panel(gdp=gdp, secondary_va=second, tertiary_va=third), "vintage") == []
    third[:2] *= 1.2
    (found,) = only(panel(gdp=gdp, secondary_va=second, tertiary_va=third), "vintage")
    assert "exceeds GDP in 2 of 64 rows: Beijing 2010-2011" in str(found.note)
    first = gdp - second - third
    assert only(panel(gdp=gdp, secondary_va=second, tertiary_va=third, primary_va=first), "vintage") == []


def test_panels_of_other_periods_than_years_are_left_alone() -> None:
    assert check_series(panel(x=growing(64)).assign(time="2012q1"), "f") == []


def test_warnings_are_counted_in_a_note() -> None:
    said = Note("no_value_at_all", series="x")
    warning = Finding("warning", "x", "f", said)
    assert tuple(map(str, note([warning, warning], "see"))) == ("The data checks gave 2 warnings; `see` lists them.",)
    assert note([Finding("note", "x", "f", said)], "see") == ()


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(64)), st.integers(0, 3))
def test_findings_do_not_depend_on_the_order_of_rows(order: list[int], seed: int) -> None:
    frame = panel(x=growing(64, seed))
    frame.loc[7:9, "x"] *= 4
    frame.loc[20, "x"] = np.nan
    assert check_series(frame.iloc[order], "f") == check_series(frame, "f")
