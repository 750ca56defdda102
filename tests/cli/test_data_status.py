"""`digicarbon data status`: years, units, gaps, unit, file and hash of each series."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digicarbon.__main__ import main
from digicarbon.source import InputFile, Inputs, datafolder
from digicarbon.source.datafolder import Provenance, RawFile
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


@pytest.fixture
def imported(folder: Path) -> Path:
    rows = pd.DataFrame({"province": "Beijing", "adcode": 110000, "year": [2012, 2014]})
    table = rows.assign(series="gdp", vintage="revised", value=[1.0, 2.0], unit="100m CNY", indicator="GDP")
    record = Provenance("nbs", (RawFile("a.csv", "0" * 64, 3),), {"gdp": "100m CNY"}, "Cite the bureau.")
    datafolder.write(folder / "my data", {"yearbook": table}, record)
    return folder / "my data"


def test_an_imported_folder(imported: Path, capsys: Capture) -> None:
    assert main(["data", "status", "my data"]) == 0
    shown = capsys.readouterr().out
    digest = hashlib.sha256((imported / "yearbook.parquet").read_bytes()).hexdigest()
    for words in ("my data: 1 series", "2012", "2014", "all in 2013", "100m CNY", "yearbook.parquet", digest[:10]):
        assert words in shown
    assert "Cite the bureau." in shown
    assert "as imported" in shown
    assert "nbs" in shown
    assert "a.csv" in shown
    assert "revised" in shown
    assert "Not there: co2_sectoral, co2_process. It would be in the file ceads_sectoral.parquet" in shown


def test_vintages_raw_files_and_changes(imported: Path, capsys: Capture) -> None:
    first = datafolder.read(imported, "yearbook")
    record = Provenance("nbs", (RawFile("b.csv", "1" * 64, 3),))
    datafolder.write(imported, {"yearbook": first.assign(vintage="original")}, record, add=True)
    assert main(["data", "status", "my data"]) == 0
    shown = capsys.readouterr().out
    assert "original, revised" in next(line for line in shown.splitlines() if " gdp " in line)
    assert "a.csv, b.csv" in next(line for line in shown.splitlines() if "as imported" in line)
    first.to_parquet(imported / "yearbook.parquet", index=False)
    assert main(["data", "status", "my data"]) == 0
    assert "CHANGED since its import" in capsys.readouterr().out


def test_without_a_folder_or_source_one_is_asked_for(folder: Path, capsys: Capture) -> None:
    assert main(["data", "status"]) == 2
    assert "Name a data folder or a source" in capsys.readouterr().err


def test_a_source_with_overrides(data_folder: Path, capsys: Capture) -> None:
    assert main(["data", "status", "source=china_folder", "source.vintage=original"]) == 0
    lines = capsys.readouterr().out.splitlines()
    sectoral = next(line for line in lines if "co2_sectoral" in line)
    for words in ("1997", "2019", " 30 ", "Mt", "ceads_sectoral_co2_total_by_fuel_1997_2019.csv"):
        assert words in sectoral
    raw = pd.read_csv(data_folder / "china" / "nbs" / "wd_province_energy_macro_1985_2018.csv")
    raw = raw[raw["year"] <= 2017].pivot(index="province", columns="year", values="coke_10kt").dropna(how="all")
    coke = next(line for line in lines if " coke " in line)
    assert f" {int(np.isnan(raw.to_numpy()).sum())} " in coke
    assert any("input-output tables" in line and "2007" in line for line in lines)


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
