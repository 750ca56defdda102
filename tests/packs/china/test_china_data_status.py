"""`digicarbon data status` of folders of provincial statistics."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from digicarbon.__main__ import main
from digicarbon.source import datafolder
from digicarbon.source.datafolder import Provenance, RawFile

Capture = pytest.CaptureFixture[str]


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
