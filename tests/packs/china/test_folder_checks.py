"""A source of a data folder refuses what is impossible and counts what is odd."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from sound_data import io_tables, sectoral, yearbook

from digicarbon.__main__ import main
from digicarbon.cli.data_check import source_of
from digicarbon.errors import DataError
from digicarbon.source import Inputs, datafolder

WORDS = ("source=folder", "source.folder=data", "source.required=[co2_sectoral, gdp]", "source.energy=null")


@pytest.fixture
def sound(folder: Path) -> dict[str, pd.DataFrame]:
    sectors, flows = io_tables()
    return {"ceads_sectoral": sectoral(), "yearbook": yearbook(), "io_sectors": sectors, "io_flows": flows}


def write(tables: dict[str, pd.DataFrame], **options: float) -> None:
    record = datafolder.Provenance("nbs", (datafolder.RawFile("a.csv", "0" * 64, 3),), options=options)
    datafolder.write(Path("data"), tables, record)


def load(*more: str) -> Inputs:
    return source_of([*WORDS, *more])[1].load()


def test_sound_data_have_no_note(sound: dict[str, pd.DataFrame]) -> None:
    write(sound)
    inputs = load("source.io=provincial")
    assert inputs.findings == ()
    assert not [note for note in tuple(map(str, inputs.notes)) if "data check" in note]


def test_a_broken_sum_is_refused_in_a_sentence(
    sound: dict[str, pd.DataFrame], capsys: pytest.CaptureFixture[str]
) -> None:
    frame = sound["ceads_sectoral"]
    frame.loc[(frame["province"] == "Jilin") & (frame["sector"] == "Others"), "raw_coal"] *= 1.5
    write(sound)
    with pytest.raises(DataError, match="source=folder cannot be used: ceads_sectoral: raw_coal: the sum of sectors"):
        load()
    assert main(["data", "check", *WORDS]) == 1
    assert "sum of sectors differs from Total in 8 places" in capsys.readouterr().out


def test_tables_are_as_strict_as_their_import(sound: dict[str, pd.DataFrame]) -> None:
    sound["io_sectors"].loc[0, "depreciation"] *= 1.2
    write(sound)
    with pytest.raises(DataError, match="the components of value added do not sum to it in 1 sector"):
        load("source.io=provincial")
    assert load().findings == ()
    for path in Path("data").iterdir():
        path.unlink()
    write(sound, tolerance=0.2)
    inputs = load("source.io=provincial")
    assert [item.level for item in inputs.findings or ()] == ["warning"]
    assert "The data checks gave 1 warning; `digicarbon data check data` lists them." in tuple(map(str, inputs.notes))


def test_impossible_series_are_refused(sound: dict[str, pd.DataFrame]) -> None:
    sound["yearbook"]["value"] *= 1e4
    write(sound)
    with pytest.raises(DataError, match=r"gdp has a median of .* seems to be in another unit of measurement"):
        load()


def test_oddities_are_counted_and_left_as_they_are(sound: dict[str, pd.DataFrame]) -> None:
    book = sound["yearbook"]
    book.loc[book["year"] == 2017, "value"] = book.loc[book["year"] == 2016, "value"].to_numpy()
    write(sound)
    inputs = load()
    copied = [item for item in inputs.findings or () if item.check == "copied year"]
    assert [(item.series, item.year) for item in copied] == [("gdp", 2017)]
    assert inputs.frame["gdp"].tolist() == book.sort_values(["province", "year"])["value"].tolist()
    assert sum("The data checks gave" in note for note in tuple(map(str, inputs.notes))) == 1
