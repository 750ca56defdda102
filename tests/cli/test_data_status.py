"""`digicarbon data status`: years, units, gaps, unit, file and hash of each series."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digicarbon.__main__ import main
from digicarbon.source import InputFile, Inputs
from digicarbon.source.status import series_status, spans

Capture = pytest.CaptureFixture[str]
NAN = float("nan")


def inputs() -> Inputs:
    frame = pd.DataFrame(
        {
            "unit": ["A", "A", "A", "A", "B", "B", "B", "B"],
            "time": [2011, 2012, 2013, 2015] * 2,
            "gdp": [1.0, 2.0, NAN, 4.0, 5.0, 6.0, 7.0, 8.0],
            "late": [NAN, NAN, 3.0, 4.0, NAN, NAN, NAN, NAN],
            "none": NAN,
        }
    )
    files = (InputFile("/data/a.csv", "ab" * 32, 7, ("gdp", "late")), InputFile("/data/b.csv", "cd" * 32, 7, ("gdp",)))
    return Inputs(frame, "mine", files=files, units={"gdp": "100m CNY"}, geometry="/data/map.json")


def test_years_units_and_gaps() -> None:
    found = series_status(inputs())
    gdp = found.loc["gdp"].to_dict()
    assert gdp == {
        "first": "2011",
        "last": "2015",
        "units": 2,
        # a year that no row has is a gap of both units
        "missing": 3,
        "gaps": "all in 2014; A 2013",
        "unit": "100m CNY",
        "file": "a.csv and 1 file more",
        "sha256": "ababababab",
    }
    late = found.loc["late"]
    assert (late["first"], late["last"], late["units"], late["missing"]) == ("2013", "2015", 1, 1)
    assert found.loc["none", "gaps"] == "no value"
    assert "geometry" in found.index


@given(st.sets(st.integers(1950, 2030), min_size=1))
def test_spans_say_each_year_once(years: set[int]) -> None:
    text = str(spans(sorted(years)))
    if "more" not in text:
        said = [year for run in text.split(", ") for year in range(int(run.split("-")[0]), int(run.split("-")[-1]) + 1)]
        assert said == sorted(years)


def test_spans_of_periods_that_are_no_numbers() -> None:
    assert str(spans(["2012q1", "2012q2"])) == "2012q1, 2012q2"


def test_without_a_folder_or_source_one_is_asked_for(folder: Path, capsys: Capture) -> None:
    assert main(["data", "status"]) == 2
    assert "Name a data folder or a source" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["no"], "there is no folder"),
        (["a", "b"], "'b' is one word too many. Name a data folder or a source"),
        (["--all"], "`digicarbon data status` has no flag --all."),
        (["source=chinna"], "chinna"),
        (["source=table"], "source.path is required"),
    ],
)
def test_a_wrong_command_is_a_sentence(folder: Path, capsys: Capture, words: list[str], sentence: str) -> None:
    assert main(["data", "status", *words]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert sentence in shown.err
    assert shown.err.count("\n") == 1
