"""A data folder is written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from digicarbon.errors import DataError
from digicarbon.source import datafolder
from digicarbon.source.datafolder import Provenance, RawFile

RECORD = Provenance("nbs", (RawFile("a.csv", "0" * 64, 3),), units={"gdp": "100m CNY"}, citation="NBS")


def yearbook(years: tuple[int, ...], value: float = 1.0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "province": "Beijing",
            "adcode": 110000,
            "year": list(years),
            "series": "gdp",
            "vintage": "revised",
            "value": value,
            "indicator": "地区生产总值(亿元)",
            "unit": "100m CNY",
        }
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith(".import"))


def test_round_trip_with_its_provenance(tmp_path: Path) -> None:
    table = yearbook((2013, 2012))
    datafolder.write(tmp_path / "new", {"yearbook": table}, RECORD)
    assert names(tmp_path / "new") == ["yearbook.parquet", "yearbook.provenance.json"]
    found = datafolder.read(tmp_path / "new", "yearbook")
    assert found["year"].tolist() == [2012, 2013]
    (record,) = datafolder.provenance(tmp_path / "new", "yearbook")
    assert record.files == RECORD.files
    assert record.units == RECORD.units
    assert record.sha256 == datafolder.file_hash(datafolder.path_of(tmp_path / "new", "yearbook"))


def test_add_joins_rows_and_records(tmp_path: Path) -> None:
    datafolder.write(tmp_path, {"yearbook": yearbook((2012, 2013))}, RECORD)
    datafolder.write(tmp_path, {"yearbook": yearbook((2013, 2014))}, RECORD, add=True)
    assert datafolder.read(tmp_path, "yearbook")["year"].tolist() == [2012, 2013, 2014]
    assert len(datafolder.provenance(tmp_path, "yearbook")) == 2


def test_a_refused_write_changes_nothing(tmp_path: Path) -> None:
    datafolder.write(tmp_path, {"yearbook": yearbook((2012,))}, RECORD)
    before = datafolder.file_hash(datafolder.path_of(tmp_path, "yearbook"))
    with pytest.raises(DataError, match="exists already; write --add"):
        datafolder.write(tmp_path, {"yearbook": yearbook((2013,))}, RECORD)
    with pytest.raises(DataError, match="other values for Beijing 110000 2012 gdp"):
        datafolder.write(tmp_path, {"yearbook": yearbook((2012,), 2.0)}, RECORD, add=True)
    with pytest.raises(DataError, match="more than one row"):
        datafolder.write(tmp_path, {"yearbook": yearbook((2014, 2014))}, RECORD, add=True)
    assert datafolder.file_hash(datafolder.path_of(tmp_path, "yearbook")) == before
    assert names(tmp_path) == ["yearbook.parquet", "yearbook.provenance.json"]


def test_a_crash_while_writing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(DataError, match=r"cannot be written .No space left on device.; nothing was changed"):
        datafolder.write(tmp_path / "new", {"yearbook": yearbook((2012,))}, RECORD)
    assert not (tmp_path / "new").exists()


def test_a_refused_first_write_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="more than one row"):
        datafolder.write(tmp_path / "a" / "b", {"yearbook": yearbook((2014, 2014))}, RECORD)
    assert list(tmp_path.iterdir()) == []


def test_damaged_and_missing_files_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no data set 'yearbook'"):
        datafolder.read(tmp_path, "yearbook")
    datafolder.path_of(tmp_path, "yearbook").write_bytes(b"PAR1 nonsense")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        datafolder.read(tmp_path, "yearbook")
    (tmp_path / "yearbook.provenance.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="is damaged"):
        datafolder.provenance(tmp_path, "yearbook")


def test_two_vintages_of_a_series_stand_side_by_side(tmp_path: Path) -> None:
    datafolder.write(tmp_path, {"yearbook": yearbook((2012,))}, RECORD)
    original = yearbook((2012,), 2.0).assign(vintage="original")
    datafolder.write(tmp_path, {"yearbook": original}, RECORD, add=True)
    assert datafolder.read(tmp_path, "yearbook")["vintage"].tolist() == ["original", "revised"]


def test_adding_what_is_there_already_changes_and_records_nothing(tmp_path: Path) -> None:
    datafolder.write(tmp_path, {"yearbook": yearbook((2012, 2013))}, RECORD)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert datafolder.write(tmp_path, {"yearbook": yearbook((2013,))}, RECORD, add=True) == {}
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert datafolder.write(tmp_path, {"yearbook": yearbook((2013, 2014))}, RECORD, add=True)
    assert [record.kind for record in datafolder.provenance(tmp_path, "yearbook")] == ["nbs", "nbs"]


def test_an_interruption_while_files_take_their_places_leaves_them_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    replace = Path.replace

    def interrupted(self: Path, target: Path) -> Path:
        calls.append(self.name)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt, match="was complete by then"):
        datafolder.write(tmp_path, {"yearbook": yearbook((2012,))}, RECORD)
    (record,) = datafolder.provenance(tmp_path, "yearbook")
    assert record.sha256 == datafolder.file_hash(datafolder.path_of(tmp_path, "yearbook"))
