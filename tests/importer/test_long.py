"""World Bank files and tables with columns of one's own."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from digicarbon.__main__ import main
from digicarbon.errors import ConfigError, DataError
from digicarbon.importer import Imported, LongImporter
from digicarbon.source import datafolder

GDP, POP = ("GDP (constant 2015 US$)", "NY.GDP.MKTP.KD"), ("Population, total", "SP.POP.TOTL")
COUNTRIES = (("Not classified", "INX"), ("Aruba", "ABW"), ("China", "CHN"))
YEARS = (1960, 1961, 1962)


def figure(country: str, code: str, year: int) -> float | None:
    place = [name for name, _ in COUNTRIES].index(country)
    return None if place == 0 or (place == 1 and year == 1960) else 1e9 * place + year + len(code) / 7


def world_bank(*series: tuple[str, str]) -> list[list[object]]:
    """An indicator's download: preamble, a comma at the end of each line."""
    head: list[list[object]] = [["Data Source", "World Development Indicators", ""], []]
    head += [["Last Updated Date", "2024-03-28", ""], []]
    head += [["Country Name", "Country Code", "Indicator Name", "Indicator Code", *map(str, YEARS), ""]]
    body = [
        [country, iso, name, code, *(figure(country, code, year) for year in YEARS), ""]
        for country, iso in COUNTRIES
        for name, code in series
    ]
    return [*head, *body]


def databank() -> list[list[object]]:
    """A DataBank export: series first, years with their codes, two dots for no figure, its source below."""
    head: list[object] = ["Series Name", "Series Code", "Country Name", "Country Code"]
    rows: list[list[object]] = [[*head, *(f"{year} [YR{year}]" for year in YEARS)]]
    for country, iso in COUNTRIES:
        figures = [figure(country, GDP[1], year) for year in YEARS]
        rows.append([*GDP, country, iso, *(".." if value is None else value for value in figures)])
    return [*rows, [], [], ["Data from database: World Development Indicators"], ["Last Updated: 03/28/2024"]]


def write(file: Path, rows: list[list[object]], encoding: str = "utf-8-sig") -> Path:
    stream = io.StringIO(newline="")
    csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    file.write_bytes(stream.getvalue().encode(encoding))
    return file


def workbook(file: Path, **sheets: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.remove(book["Sheet"])
    book.save(file)
    return file


def read(*files: Path, **options: object) -> Imported:
    return LongImporter(**options).read(files)


def refused(*files: Path, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        read(*files, **options)
    return str(caught.value)


def check(table: pd.DataFrame, code: str, series: str) -> None:
    found = table[table["series"] == series].set_index(["unit", "year"])["value"]
    wanted = {(country, year): figure(country, code, year) for country, _ in COUNTRIES for year in YEARS}
    assert found.to_dict() == {key: value for key, value in wanted.items() if value is not None}


def test_world_bank_download(tmp_path: Path) -> None:
    found = read(write(tmp_path / "API.csv", world_bank(GDP, POP)))
    table = found.tables["long"]
    check(table, GDP[1], GDP[1])
    check(table, POP[1], POP[1])
    assert set(table["indicator"]) == {GDP[0], POP[0]}
    assert table.set_index("unit").loc["China", "code"].unique().tolist() == ["CHN"]
    assert table["adcode"].isna().all()
    assert dict(found.units) == {"NY.GDP.MKTP.KD": "constant 2015 US$"}
    assert found.citation.startswith("World Bank")
    assert any("8 cells without a figure" in note for note in map(str, found.notes))


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_databank_export(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"data.{suffix}"
    if suffix == "csv":
        write(file, databank())
    else:
        workbook(file, Data=databank(), Metadata=[["Code", "Definition"], ["NY.GDP.MKTP.KD", "GDP is …"]])
    found = read(file, series={"NY.GDP.MKTP.KD": "gdp_real"}, units={"gdp_real": "USD of 2015"})
    check(found.tables["long"], GDP[1], "gdp_real")
    assert dict(found.units) == {"gdp_real": "USD of 2015"}
    assert any("Data from database" in note for note in map(str, found.notes))


def test_western_text_is_not_read_as_chinese(tmp_path: Path) -> None:
    rows: list[list[object]] = [["unit", "year", "gdp"], ["Trentino-Südtirol", 2012, 5], ["Lazio", 2012, 7]]
    options = {"unit": "unit", "time": "year", "values": ["gdp"]}
    with pytest.raises(DataError, match=r"l\.csv is no text in UTF-8, .* save it as UTF-8"):
        read(write(tmp_path / "l.csv", rows, "cp1252"), **options)
    found = read(write(tmp_path / "m.csv", rows), **options)
    assert found.tables["long"]["unit"].tolist() == ["Trentino-Südtirol", "Lazio"]


def test_one_row_per_observation(tmp_path: Path) -> None:
    rows: list[list[object]] = [["省份", "年份", "指标", "数值"]]
    rows += [["甲市", "2012年", "x", "１，２３４．５"], ["全国", "2012年", "x", "7"], ["乙市", 2013, "y", "-"]]
    rows += [["乙市", 2014, "y", "3"]]
    found = read(write(tmp_path / "l.csv", rows, "gbk"), unit="省份", time="年份", indicator="指标", values=["数值"])
    table = found.tables["long"]
    assert table[["unit", "year", "series", "value"]].to_numpy().tolist() == [
        ["甲市", 2012, "x", 1234.5],
        ["全国", 2012, "x", 7.0],
        ["乙市", 2014, "y", 3.0],
    ]
    assert found.citation == ""


def test_a_panel_with_a_column_per_series(tmp_path: Path) -> None:
    frame = pd.DataFrame({"firm": [11, 11, 12], "t": [2001, 2002, 2001], "a": [1.0, 2.0, np.nan], "b": [4, 5, 6]})
    frame.to_csv(tmp_path / "p.csv", index=False)
    table = read(tmp_path / "p.csv", unit="firm", time="t", values=["a", "b"]).tables["long"]
    melted = frame.melt(["firm", "t"], var_name="series").dropna()
    wanted = {(str(row.firm), row.t, row.series): row.value for row in melted.itertuples()}
    assert table.set_index(["unit", "year", "series"])["value"].to_dict() == wanted
    # 11 and 12 are adcodes, too, but also anybody's numbers
    assert table["adcode"].isna().all()


def test_years_as_columns_need_the_name_of_the_series(tmp_path: Path) -> None:
    file = write(tmp_path / "w.csv", [["code", "2011年", "2012"], ["a", 1, 2], ["b", 3, ""]])
    assert "no column names the series" in refused(file, unit="code")
    table = read(file, unit="code", name="gdp").tables["long"]
    assert table[["unit", "year", "series", "value"]].to_numpy().tolist() == [
        ["a", 2011, "gdp", 1.0],
        ["a", 2012, "gdp", 2.0],
        ["b", 2011, "gdp", 3.0],
    ]


def test_files_together_and_figures_told_twice(tmp_path: Path) -> None:
    one, two = write(tmp_path / "1.csv", world_bank(GDP)), write(tmp_path / "2.csv", world_bank(GDP, POP))
    found = read(one, two)
    assert found.tables["long"].groupby("series").size().to_dict() == {GDP[1]: 5, POP[1]: 5}
    assert any("5 figures are in the files more than once" in note for note in map(str, found.notes))
    rows = world_bank(GDP)
    rows[7][5] = 1
    said = refused(one, write(tmp_path / "3.csv", rows))
    assert "3.csv, cell F8 says 1 for China 1961 NY.GDP.MKTP.KD, but 1.csv, cell F8 says" in said


@pytest.mark.parametrize(
    ("row", "column", "cell", "sentence"),
    [
        (6, 5, "n.a.", "API.csv, cell F7 holds the text 'n.a.'"),
        (6, 5, "#DIV/0!", "API.csv, cell F7 holds the Excel error"),
        (6, 0, "", "API.csv, cell A7 is empty"),
        (4, 0, "Country", "API.csv has no column 'Country Name'"),
        (4, 1, "Country Name", "more than one column is called 'Country Name'"),
    ],
)
def test_faults_are_told_with_their_place(tmp_path: Path, row: int, column: int, cell: object, sentence: str) -> None:
    rows = world_bank(GDP)
    rows[row][column] = cell
    assert sentence in refused(write(tmp_path / "API.csv", rows))


def test_other_faults(tmp_path: Path) -> None:
    file = write(tmp_path / "l.csv", [["unit", "time", "x"], ["a", "2012Q1", 1]])
    assert "l.csv, cell B2: '2012Q1' is no year" in refused(file, unit="unit", time="time", values=["x"])
    said = refused(file, unit="unit", time="times", values=["x"])
    assert "has no column 'times'" in said
    assert "Did you mean 'time'?" in said
    assert "no column in row 1 is a year" in refused(file, unit="unit", name="x")
    assert "Name" in refused(file)
    good = write(tmp_path / "g.csv", [["unit", "time", "x"], ["a", "2012", 1]])
    assert "Did you mean 'x'?" not in refused(good, unit="unit", time="time", values=["x"], series={"y": "z"})
    assert "series names 'y'" in refused(good, unit="unit", time="time", values=["x"], series={"y": "z"})
    assert "units names 'y'" in refused(good, unit="unit", time="time", values=["x"], units={"y": "z"})
    empty = write(tmp_path / "e.csv", [["unit", "time", "x"], ["a", "2012", ".."]])
    assert "has no figures" in refused(empty, unit="unit", time="time", values=["x"])
    book = workbook(tmp_path / "b.xlsx", one=[["a"]], two=[["b"]])
    assert "b.xlsx has 2 sheets; choose one by sheet=…: one, two" in refused(book)
    assert "no sheet 'tow'. Did you mean 'two'?" in refused(book, sheet="tow")
    assert "it is a text file" in refused(good, sheet="tow")


@pytest.mark.parametrize(
    "options",
    [
        {"time": "t"},
        {"unit": "u", "time": "t"},
        {"unit": "u", "values": ["x"]},
        {"unit": "u", "time": "t", "values": ["x", "y"], "indicator": "i"},
        {"unit": "u", "name": "n", "indicator": "i"},
        {"unit": "u", "name": "n", "time": "t", "values": ["x"]},
    ],
)
def test_options_that_do_not_go_together(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        LongImporter(**options)


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "l.csv", [["省份", "年份", "数值"], ["北京", 2012, 1]])
    to = ["--to", str(tmp_path / "to")]
    assert main(["data", "import", "long", str(file), *to, "unit=省份", "time=年份", "values=[数值]"]) == 0
    assert "long: 1 row, 1 unit, 2012, from 1 file of long." in capsys.readouterr().out
    assert datafolder.read(tmp_path / "to", "long")["series"].tolist() == ["数值"]
    options = datafolder.provenance(tmp_path / "to", "long")[0].options
    assert options["values"] == ["数值"]


def test_every_cut_is_whole_or_a_sentence(tmp_path: Path) -> None:
    content = write(tmp_path / "w.csv", world_bank(GDP)).read_bytes()
    table = read(tmp_path / "w.csv").tables["long"]
    for length in range(len(content)):
        (tmp_path / "cut.csv").write_bytes(content[:length])
        try:
            found = read(tmp_path / "cut.csv").tables["long"]
        except DataError:
            continue
        pd.testing.assert_frame_equal(found, table.head(len(found)))


def test_a_last_figure_without_a_line_end_is_told_of(tmp_path: Path) -> None:
    file = tmp_path / "l.csv"
    file.write_text("unit,time,x\na,2012,1\nb,2012,34", encoding="utf-8")
    options = {"unit": "unit", "time": "time", "values": ["x"]}
    assert "l.csv: the last figure has no line end" in str(read(file, **options).notes[0])
    file.write_text("unit,time,x\na,2012,1\nb,2012,34\n", encoding="utf-8")
    assert read(file, **options).notes == ()
