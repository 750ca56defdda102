"""`digicarbon data check`: what it prints, and its status."""

from __future__ import annotations

from pathlib import Path

import pytest
from sound_data import io_tables, sectoral, yearbook

from digicarbon.__main__ import main
from digicarbon.source import datafolder

Capture = pytest.CaptureFixture[str]
RECORD = datafolder.Provenance("nbs", (datafolder.RawFile("a.csv", "0" * 64, 3),))


@pytest.fixture
def data(folder: Path) -> Path:
    """A data folder without errors."""
    sectors, flows = io_tables()
    tables = {"ceads_sectoral": sectoral(), "io_sectors": sectors, "io_flows": flows}
    datafolder.write(folder / "data", tables, RECORD)
    return folder / "data"


def lines(capsys: Capture, *arguments: str) -> list[str]:
    capsys.readouterr()
    main(["data", "check", *arguments])
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_a_sound_folder(data: Path, capsys: Capture) -> None:
    assert main(["data", "check", "data"]) == 0
    assert capsys.readouterr().out == "data: 0 errors, 0 warnings, 0 notes. The data are left as they are.\n"


def test_errors_come_first_and_make_the_status(data: Path, capsys: Capture) -> None:
    frame = datafolder.read(data, "ceads_sectoral")
    frame.loc[(frame["province"] == "Jilin") & (frame["sector"] == "Total"), "raw_coal"] *= 2
    frame.loc[(frame["province"] == "Hebei") & (frame["year"] == 2014), "process"] = float("nan")
    frame.to_parquet(data / "ceads_sectoral.parquet")
    assert main(["data", "check", "data"]) == 1
    shown = lines(capsys, "data")
    assert shown[1].startswith("error identity 2 ceads_sectoral raw_coal: the sum of sectors differs from Total in 8")
    assert any(line.startswith("warning provenance 1 ceads_sectoral") for line in shown)
    every = lines(capsys, "data", "--all")
    assert shown[-1] == "--all shows every finding."
    assert sum("differs from" in line for line in shown) == 1
    assert sum("differs from" in line for line in every) == 2


def test_a_source_is_checked_by_its_overrides(data: Path, capsys: Capture) -> None:
    book = yearbook().rename(columns={"value": "gdp"})[["province", "year", "gdp"]]
    book.loc[3, "gdp"] = -1.0
    book.to_csv("mine.csv", index=False)
    words = ["source=table", "source.path=mine.csv", "source.unit=province", "source.time=year"]
    assert main(["data", "check", *words]) == 1
    assert "gdp cannot be below 0 100m CNY, but is for Beijing 2013" in capsys.readouterr().out
    assert lines(capsys, "source=simulated") == [
        "source=simulated: 0 errors, 0 warnings, 0 notes. The data are left as they are."
    ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "Name one data folder, or a source"),
        (["data", "source=china"], "Name one data folder, or a source"),
        (["nowhere"], "There is no folder nowhere"),
        (["data", "--al"], "`digicarbon data check` has no flag --al. Did you mean '--all'?"),
        (["source=table"], "source.path is required by source=table"),
        (["source=tabel"], "tabel"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(data: Path, capsys: Capture, words: list[str], sentence: str) -> None:
    assert main(["data", "check", *words]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert sentence in shown.err
    assert shown.err.count("\n") == 1
