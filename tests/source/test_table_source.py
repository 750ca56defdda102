"""The user's own file: formats, encodings, names, and the sentence for each thing that can be wrong."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from digicarbon.errors import ConfigError, DataError
from digicarbon.panel import Panel, PanelDesign
from digicarbon.sample import Sample
from digicarbon.source import Source, TableSource
from digicarbon.spec import build

FRAME = pd.DataFrame(
    {
        "省份": ["北京", "内蒙古", "北京", "内蒙古"],
        "年份": [2012, 2012, 2013, 2013],
        "碳强度": [0.5, 2.25, 0.1 + 0.2, 2.0],
        "产值(亿元)": [17879.4, 15880.58, 19800.81, 16916.5],
        "备注": ["a", "b", "c", "d"],
    }
)


def _source(path: Path, **fields: Any) -> TableSource:
    return TableSource(**({"path": str(path), "unit": "省份", "time": "年份"} | fields))


def _csv(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


WRITERS: dict[str, Callable[[Path], object]] = {
    "data.csv": lambda path: FRAME.to_csv(path, index=False),
    "data.tsv": lambda path: FRAME.to_csv(path, index=False, sep="\t"),
    "data.xlsx": lambda path: FRAME.to_excel(path, index=False),
    "DATA.XLSX": lambda path: FRAME.to_excel(path, index=False, engine="openpyxl"),
    "data.parquet": lambda path: FRAME.to_parquet(path),
    "indexed.parquet": lambda path: FRAME.set_index(["省份", "年份"]).to_parquet(path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_inputs(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    inputs = _source(tmp_path / name).load()
    assert list(inputs.frame.columns) == ["unit", "time", "碳强度", "产值(亿元)", "备注"]
    assert inputs.frame["unit"].tolist() == FRAME["省份"].tolist()
    assert inputs.frame["time"].tolist() == FRAME["年份"].tolist()
    # openpyxl writes 16 digits
    np.testing.assert_allclose(inputs.frame["碳强度"], FRAME["碳强度"], rtol=1e-15 if "xls" in name.lower() else 0)
    assert inputs.frame["备注"].tolist() == ["a", "b", "c", "d"]
    assert (inputs.source, inputs.unit_name, inputs.time_name) == ("table", "省份", "年份")
    assert inputs.simulated is False
    assert inputs.tables == {}


def test_stata_labels_become_text_and_annual_dates_become_years(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "prov": pd.Categorical(["Beijing", "Inner Mongolia", "Beijing", "Inner Mongolia"]),
            "year": [datetime.datetime(2012, 1, 1)] * 2 + [datetime.datetime(2013, 1, 1)] * 2,
            "ci": [0.5, 2.25, np.nan, 2.0],
        }
    )
    frame.to_stata(tmp_path / "d.dta", write_index=False, convert_dates={"year": "ty"}, version=118)
    inputs = _source(tmp_path / "d.dta", unit="prov", time="year").load()
    assert inputs.frame["unit"].tolist() == frame["prov"].tolist()
    assert inputs.frame["unit"].dtype == object
    assert inputs.frame["time"].tolist() == [2012, 2012, 2013, 2013]
    assert np.isnan(inputs.frame["ci"][2])


def test_units_and_periods_may_be_whole_numbers(tmp_path: Path) -> None:
    path = _csv(tmp_path / "d.csv", "id,year,x\n2,2012,1\n11,2012,2\n2,2013,3\n11,2013,4\n")
    frame = _source(path, unit="id", time="year").load().frame
    panel = Panel.from_frame(frame, "unit", "time")
    assert panel.units == ("2", "11")
    assert panel.array(["x"])[:, 0].tolist() == [1, 3, 2, 4]


def test_leading_zeros_and_the_label_na_are_kept(tmp_path: Path) -> None:
    path = _csv(tmp_path / "d.csv", "fips,country,year,x\n01,NA,2012,NA\n36,NaN,2012,2\n")
    assert _source(path, unit="fips", time="year").load().frame["unit"].tolist() == ["01", "36"]
    frame = _source(path, unit="country", time="year").load().frame
    assert frame["unit"].tolist() == ["NA", "NaN"]
    assert frame["x"].isna().tolist() == [True, False]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
def test_chinese_text_files_are_read_without_being_told_the_encoding(tmp_path: Path, encoding: str) -> None:
    path = _csv(tmp_path / "面板.csv", FRAME.to_csv(index=False), encoding)
    inputs = _source(path).load()
    assert inputs.frame["unit"].tolist() == FRAME["省份"].tolist()
    assert "碳强度" in inputs.frame


def test_an_encoding_may_be_named(tmp_path: Path) -> None:
    path = _csv(tmp_path / "d.csv", "région,an,x\nProvence-Alpes-Côte d’Azur,2012,1\n", "cp1252")
    inputs = _source(path, unit="région", time="an", encoding="cp1252").load()
    assert inputs.frame["unit"].tolist() == ["Provence-Alpes-Côte d’Azur"]


def test_blanks_around_names_are_cut_and_inside_are_kept(tmp_path: Path) -> None:
    path = _csv(tmp_path / "d.csv", "\u3000省份 , 年份,ＧＤＰ（亿元）\nInner Mongolia,2012,1\n 北京\u3000,2012,2\n")
    inputs = _source(path).load()
    assert list(inputs.frame.columns) == ["unit", "time", "ＧＤＰ（亿元）"]
    assert Panel.from_frame(inputs.frame, "unit", "time").units == ("Inner Mongolia", "北京")


def test_numbers_that_are_text_stay_text_and_the_panel_names_the_cells(tmp_path: Path) -> None:
    path = _csv(tmp_path / "d.csv", 'p,y,gdp,co2\na,1,"1,234",5\na,2,7,n/a\n')
    frame = _source(path, unit="p", time="y").load().frame
    assert frame["gdp"].tolist() == ["1,234", "7"]
    panel = Panel.from_frame(frame, "unit", "time")
    with pytest.raises(DataError, match=r"'gdp' holds text .*a 1: '1,234'"):
        panel.array(["gdp"])
    with pytest.raises(DataError, match=r"'co2' holds text .*a 2: 'n/a'"):
        panel.array(["co2"])


def test_a_renamed_column_keeps_only_the_new_name(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    FRAME.to_csv(path, index=False)
    source = _source(path, unit="province", columns={"province": "省份", "ci": "碳强度"})
    frame = source.load().frame
    assert list(frame.columns) == ["unit", "time", "ci", "产值(亿元)", "备注"]
    assert frame["unit"].tolist() == FRAME["省份"].tolist()


def test_the_source_names_the_column_of_regions(tmp_path: Path) -> None:
    file = _csv(tmp_path / "a.csv", "city,year,area,x\na,2012,north,1\nb,2012,south,2\n")
    fields = {"unit": "city", "time": "year", "columns": {"zone": "area"}}
    for declared, units in (("zone", ("b",)), (None, ())):
        inputs = _source(file, **fields, regions=declared).load()
        panel = PanelDesign().assemble(inputs.frame, inputs.unit_name, inputs.time_name, inputs.regions)
        if units:
            assert Sample(regions=("south",)).apply(panel).units == units
        else:
            with pytest.raises(DataError, match=r"source\.regions"):
                Sample(regions=("south",)).apply(panel)


def test_two_columns_may_swap_names(tmp_path: Path) -> None:
    path = _csv(tmp_path / "d.csv", "p,y,a,b\nx,1,10,20\n")
    frame = _source(path, unit="p", time="y", columns={"a": "b", "b": "a"}).load().frame
    assert (frame["a"].tolist(), frame["b"].tolist()) == ([20], [10])


def test_the_key_columns_may_be_called_unit_and_time(tmp_path: Path) -> None:
    path = _csv(tmp_path / "d.csv", "x,time,unit\n1,2012,a\n")
    inputs = _source(path, unit="unit", time="time").load()
    assert list(inputs.frame.columns) == ["unit", "time", "x"]


def test_sheet_and_delimiter_are_honoured(tmp_path: Path) -> None:
    with pd.ExcelWriter(tmp_path / "d.xlsx") as book:
        FRAME.head(1).to_excel(book, sheet_name="说明", index=False)
        FRAME.to_excel(book, sheet_name="数据", index=False)
    assert len(_source(tmp_path / "d.xlsx").load().frame) == 1
    assert len(_source(tmp_path / "d.xlsx", sheet="数据").load().frame) == 4
    FRAME.to_csv(tmp_path / "d.csv", index=False, sep=";")
    assert len(_source(tmp_path / "d.csv", delimiter=";").load().frame) == 4


def test_empty_rows_and_nameless_empty_columns_are_left_out(tmp_path: Path) -> None:
    path = _csv(tmp_path / "d.csv", "p,y,x,,\na,1,2,,\n,,,,\n")
    frame = _source(path, unit="p", time="y").load().frame
    assert list(frame.columns) == ["unit", "time", "x"]
    assert len(frame) == 1


def test_a_nameless_column_with_values_is_named_by_its_place(tmp_path: Path) -> None:
    path = _csv(tmp_path / "d.csv", ",,\n,p,y\n1,a,2012\n2,b,2012\n")
    assert list(_source(path, unit="p", time="y").load().frame.columns) == ["unit", "time", "column 1"]


def test_numbers_logicals_and_gaps_are_inferred_alike_in_text_and_excel(tmp_path: Path) -> None:
    frame = pd.DataFrame({"p": ["01", "NA"], "y": [2012, 2012], "city": [True, False], "x": ["NA", "1e-3"]})
    frame.to_csv(tmp_path / "d.csv", index=False)
    frame.to_excel(tmp_path / "d.xlsx", index=False)
    for name in ("d.csv", "d.xlsx"):
        read = _source(tmp_path / name, unit="p", time="y").load().frame
        assert read["unit"].tolist() == ["01", "NA"]
        assert read["city"].tolist() == [1, 0]
        assert np.isnan(read["x"][0])
        assert read["x"][1] == 0.001


def test_numbers_of_a_text_file_are_read_to_the_last_digit(tmp_path: Path) -> None:
    numbers = np.random.default_rng(1).lognormal(sigma=12, size=500)
    lines = "".join(f"a,{year},{value!r}\n" for year, value in enumerate(numbers.tolist()))
    path = _csv(tmp_path / "d.csv", "p,y,x\n" + lines)
    np.testing.assert_array_equal(_source(path, unit="p", time="y").load().frame["x"], numbers)


def test_dates_of_an_excel_file_that_are_years_become_years(tmp_path: Path) -> None:
    dates = [datetime.datetime(2012, 1, 1), datetime.datetime(2013, 1, 1)]
    pd.DataFrame({"p": ["a", "a"], "y": dates, "x": [1, 2]}).to_excel(tmp_path / "d.xlsx", index=False)
    assert _source(tmp_path / "d.xlsx", unit="p", time="y").load().frame["time"].tolist() == [2012, 2013]


@pytest.mark.parametrize(
    ("times", "periods"),
    [
        (["03.2010", "12.2010", "06.2010", "09.2010"], ("03.2010", "06.2010", "09.2010", "12.2010")),
        (["3/2010", "12/2010", "6/2010", "9/2010"], ("3/2010", "6/2010", "9/2010", "12/2010")),
        (["Q1 2010", "Q4 2010", "Q2 2010", "Q3 2010"], ("Q1 2010", "Q2 2010", "Q3 2010", "Q4 2010")),
        (["2010", "2013", "2011", "2012"], (2010, 2011, 2012, 2013)),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "xlsx", "dta", "parquet"])
def test_periods_are_taken_as_they_are_written(
    tmp_path: Path, suffix: str, times: list[str], periods: tuple[object, ...]
) -> None:
    frame = pd.DataFrame({"p": ["a"] * 4, "t": times, "x": [1.0, 4.0, 2.0, 3.0]})
    path = tmp_path / f"d.{suffix}"
    write = {"csv": frame.to_csv, "xlsx": frame.to_excel, "parquet": frame.to_parquet, "dta": frame.to_stata}[suffix]
    write(path, **({"write_index": False} if suffix == "dta" else {"index": False}))
    loaded = _source(path, unit="p", time="t").load().frame
    panel = Panel.from_frame(loaded, "unit", "time")
    assert panel.periods == periods
    assert panel.column("x").tolist() == [1, 2, 3, 4]


def test_quarters_of_stata_and_dates_of_excel_keep_their_gaps(tmp_path: Path) -> None:
    dates = pd.to_datetime(["2010-01-01", "2010-04-01", "2010-10-01", "2011-01-01"])
    frame = pd.DataFrame({"p": ["a"] * 4, "t": dates, "x": [1.0, 2.0, 3.0, 4.0]})
    frame.to_stata(tmp_path / "d.dta", write_index=False, convert_dates={"t": "tq"})
    frame.to_excel(tmp_path / "d.xlsx", index=False)
    for name in ("d.dta", "d.xlsx"):
        loaded = _source(tmp_path / name, unit="p", time="t").load().frame
        assert Panel.from_frame(loaded, "unit", "time").positions.tolist() == [0, 1, 3, 4]


def test_a_number_that_is_no_period_is_shown(tmp_path: Path) -> None:
    path = _csv(tmp_path / "d.csv", "p,y,x\na,2010,1\na,2011.5,2\na,2012,3\n")
    with pytest.raises(DataError, match=r"mixes whole numbers with other values: 2011\.5"):
        Panel.from_frame(_source(path, unit="p", time="y").load().frame, "unit", "time")


def test_a_relative_path_starts_at_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FRAME.to_csv(tmp_path / "d.csv", index=False)
    monkeypatch.chdir(tmp_path)
    assert len(_source(Path("d.csv")).load().frame) == 4


def test_rows_are_neither_sorted_nor_checked(tmp_path: Path) -> None:
    path = _csv(tmp_path / "d.csv", "p,y,x\nb,2,1\na,1,2\nb,2,3\n")
    assert _source(path, unit="p", time="y").load().frame["x"].tolist() == [1, 2, 3]


def _refused(source: TableSource, *parts: str) -> None:
    with pytest.raises(DataError) as caught:
        source.load()
    for part in parts:
        assert part in str(caught.value)


def test_a_missing_file_is_looked_for_nearby(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "panel_2012.csv", index=False)
    _refused(_source(tmp_path / "panel2012.csv"), "panel2012.csv", str(tmp_path), "Did you mean 'panel_2012.csv'?")
    _refused(_source(tmp_path / "no" / "d.csv"), "there is no folder", str(tmp_path / "no"))
    _refused(_source(tmp_path), "is a folder. Name a file of data, e.g.", "panel_2012.csv")


def test_an_unknown_suffix_lists_those_allowed(tmp_path: Path) -> None:
    (tmp_path / "d.ods").write_bytes(b"x")
    _refused(_source(tmp_path / "d.ods"), "'.ods'", ".csv, .csv.gz, .tsv, .tsv.gz, .txt, .xlsx")


@pytest.mark.parametrize("text", ["", "\n\n", "省份,年份,x\n", "省份,年份,x\n,,\n"])
def test_an_empty_file_is_said_to_be_empty(tmp_path: Path, text: str) -> None:
    path = _csv(tmp_path / "d.csv", text)
    with pytest.raises(DataError, match=r"d\.csv (is empty|has no rows)"):
        _source(path).load()


def test_an_empty_sheet_is_said_to_be_empty(tmp_path: Path) -> None:
    pd.DataFrame().to_excel(tmp_path / "d.xlsx", index=False)
    _refused(_source(tmp_path / "d.xlsx"), "d.xlsx is empty")


def test_a_missing_key_column_shows_the_nearest(tmp_path: Path) -> None:
    path = _csv(tmp_path / "d.csv", "province,year,x\na,1,2\n")
    _refused(_source(path, unit="provinces", time="year"), "source.unit", "d.csv", "'province'", "Columns: province")
    _refused(_source(path, unit="province", time="yaer"), "source.time", "Did you mean 'year'?")
    renamed = _source(path, unit="province", time="year", columns={"p": "province"})
    _refused(renamed, "no column 'province'", "Did you mean 'p'?")


def test_the_columns_map_must_name_columns_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    FRAME.to_csv(path, index=False)
    _refused(_source(path, columns={"ci": "碳强"}), "source.columns.ci", "d.csv", "'碳强'", "'碳强度'")


def test_a_new_name_must_be_free(tmp_path: Path) -> None:
    path = _csv(tmp_path / "d.csv", "p,y,gdp,gdp_rev,unit\na,1,2,3,kg\n")
    _refused(_source(path, unit="p", time="y", columns={"gdp": "gdp_rev"}), "source.columns.gdp", "already has")
    _refused(_source(path, unit="p", time="y"), "a column 'unit' that is not the unit of the panel", "source.columns")


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = _csv(tmp_path / "d.csv", "p,y,x,x \na,1,2,3\n")
    _refused(_source(path, unit="p", time="y"), "d.csv", "more than one column called 'x'")
    pd.DataFrame([["a", 1, 2, 3]], columns=["p", "y", "x", "x"]).to_excel(tmp_path / "d.xlsx", index=False)
    _refused(_source(tmp_path / "d.xlsx", unit="p", time="y"), "d.xlsx", "more than one column called 'x'")


def test_a_missing_sheet_lists_the_sheets(tmp_path: Path) -> None:
    FRAME.to_excel(tmp_path / "d.xlsx", sheet_name="data", index=False)
    _refused(_source(tmp_path / "d.xlsx", sheet="Data"), "source.sheet", "Did you mean 'data'?", "Sheets: data")


def test_text_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_bytes(b"p,y\n\xff\0,1\n")
    _refused(_source(path, unit="p", time="y"), "d.csv is not text in utf-8, gb18030", "source.encoding")
    # its first two bytes say what it is
    marked = _csv(tmp_path / "m.csv", "p,y\na,1\n", "utf-16")
    found = _source(marked, unit="p", time="y").load()
    assert len(found.frame) == 1
    assert "m.csv was read as text in utf-16" in str(found.notes[0])
    _refused(_source(path, encoding="utf-99"), "source.encoding", "'utf-99'")
    gbk = _csv(tmp_path / "g.csv", FRAME.to_csv(index=False), "gbk")
    _refused(_source(gbk, encoding="utf-8"), "g.csv is not text in utf-8.")


@pytest.mark.parametrize("name", ["data.xlsx", "data.parquet", "data.dta"])
@pytest.mark.parametrize("damage", ["cut", "text", "nothing"])
def test_a_damaged_file_is_a_sentence(tmp_path: Path, name: str, damage: str) -> None:
    path = tmp_path / name
    if name == "data.dta":
        FRAME.set_axis(["p", "y", "ci", "va", "note"], axis=1).to_stata(path, version=118, write_index=False)
    else:
        WRITERS[name](path)
    whole = path.read_bytes()
    path.write_bytes(
        {"cut": whole[: len(whole) // 2], "text": b"province,year\nBeijing,2012\n", "nothing": b""}[damage]
    )
    _refused(_source(path), name, "cannot be read", "damaged")


def test_ragged_rows_are_refused(tmp_path: Path) -> None:
    path = _csv(tmp_path / "d.csv", "p,y,x\na,1,2\nb,1,2,3\n")
    _refused(_source(path, unit="p", time="y"), "d.csv", "equally many cells")
    path = _csv(tmp_path / "e.csv", "p,y,x\na,1,2,3\nb,1,2,3\n")
    _refused(_source(path, unit="p", time="y"), "e.csv", "equally many cells", "give every column a name")


def test_a_wrong_delimiter_is_told(tmp_path: Path) -> None:
    path = _csv(tmp_path / "d.csv", "p;y;x\na;1;2\n")
    _refused(_source(path, unit="p", time="y", delimiter="|"), "separated by 'semicolon'", "data.delimiter=semicolon")


def test_wrong_fields_are_refused_before_any_file_is_read() -> None:
    node: dict[str, Any] = {"_target_": "digicarbon.source.TableSource", "path": "no.csv", "unit": "p", "time": "y"}
    assert isinstance(build(node, Source, "source"), TableSource)
    with pytest.raises(ConfigError, match="unit and time both name 'p'"):
        build(node | {"time": "p"}, Source, "source")
    with pytest.raises(ConfigError, match="more than one new name"):
        build(node | {"columns": {"a": "x", "b": "x"}}, Source, "source")
    with pytest.raises(ConfigError, match=r"source\.delimiter"):
        build(node | {"delimiter": "||"}, Source, "source")
    with pytest.raises(ConfigError, match=r"source\.path is required"):
        build({key: value for key, value in node.items() if key != "path"}, Source, "source")


def test_the_file_is_recorded_with_the_hash_of_its_exact_bytes(folder: Path) -> None:
    path = _csv(folder / "a.csv", "省份,年份,ci\n北京,2012,1\n", "gbk")
    (record,) = _source(Path("a.csv")).load().files
    assert record.path == str(folder / "a.csv")
    assert record.name == "a.csv"
    assert record.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert record.size == len(path.read_bytes())
    assert record.series == ("ci",)
