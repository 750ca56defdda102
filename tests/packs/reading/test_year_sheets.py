"""A workbook with a sheet for each year."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from digicarbon.__main__ import main
from digicarbon.errors import DataError
from digicarbon.packs.reading.look import look
from digicarbon.source import TableSource

LONG = pd.DataFrame(
    [
        (city, year, 0.5 + at * year % 7, 2.5 * at + year * (at + 1) % 3 + 0.25)
        for year in (2011, 2012, 2013)
        for at, city in enumerate("abcdefg")
    ],
    columns=["city", "year", "y", "x"],
)


def workbook(path: Path, frame: pd.DataFrame = LONG, mark: str = "年", title: int = 1) -> str:
    with pd.ExcelWriter(path) as book:
        for year, rows in frame.groupby("year"):
            rows.drop(columns="year").to_excel(book, sheet_name=f"{year}{mark}", index=False, startrow=title)
            if title:
                book.sheets[f"{year}{mark}"]["A1"] = f"Table of {year}"
        pd.DataFrame({"source": ["yearbook"]}).to_excel(book, sheet_name="notes", index=False)
    return str(path)


@pytest.mark.parametrize("mark", ["", "年"])
def test_sheets_of_years_are_read_as_the_long_file_is(tmp_path: Path, mark: str) -> None:
    long = tmp_path / "long.csv"
    LONG.to_csv(long, index=False)
    expected = TableSource(path=str(long), unit="city", time="year").load()
    inputs = TableSource(path=workbook(tmp_path / "years.xlsx", mark=mark), sheet="years").load()
    pd.testing.assert_frame_equal(inputs.frame, expected.frame, check_dtype=False)
    assert inputs.time_name == "year"
    notes = {note.code: note for note in inputs.notes}
    assert "Sheets left out: notes." in str(notes["year_sheets_read"])
    assert f"2013{mark}: 1 ('Table of 2013')" in str(notes["rows_left_out_of_sheets"])


def test_the_look_writes_a_block_that_reads_them(tmp_path: Path) -> None:
    seen = look(workbook(tmp_path / "years.xlsx"))
    path = seen.block.pop("path")
    assert seen.block == {"sheet": "years", "header": 2, "unit": "city", "time": "year"}
    assert len(TableSource(path=path, **seen.block).load().frame) == len(LONG)


def test_a_file_without_periods_is_answered_with_the_line_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    workbook(Path("years.xlsx"))
    for formula in ("y ~ x | city + year", "y ~ x | city"):
        assert main(["fit", "years.xlsx", formula]) == 2
        assert "sheet=years to take them all" in capsys.readouterr().err
    assert main(["fit", "years.xlsx", "y ~ x | city", "sheet=years", "test=errors"]) == 0


def test_sheets_that_do_not_go_together_are_named(tmp_path: Path) -> None:
    path = tmp_path / "years.xlsx"
    with pd.ExcelWriter(path) as book:
        for year, rows in LONG.groupby("year"):
            rows.rename(columns={"x": "z"} if year == 2012 else {}).to_excel(book, sheet_name=str(year), index=False)
    with pytest.raises(DataError, match="have a column 'year' already"):
        TableSource(path=str(path), sheet="years").load()
    with pytest.raises(DataError, match=r"sheet 2012 of years.xlsx and sheet 2011 do not have the same columns: x, z"):
        TableSource(path=str(path), sheet="years", unit="city", time="sheet_year").load()
    with pytest.raises(DataError, match=r"no two sheets of one.xlsx are named by years"):
        TableSource(path=workbook(tmp_path / "one.xlsx", LONG[LONG["year"] == 2011]), sheet="years").load()
