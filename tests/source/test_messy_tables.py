"""Tables as people have them: titles, several head rows, sheets, years as columns, codes for missing, other formats."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyreadstat
import pytest

from digicarbon.errors import ConfigError, DataError
from digicarbon.panel import Panel
from digicarbon.source import Source, TableSource
from digicarbon.source.base import Inputs
from digicarbon.spec import build


def _load(path: Path, **fields: Any) -> Inputs:
    return TableSource(path=str(path), **fields).load()


def _text(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def _book(path: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    with pd.ExcelWriter(path) as writer:
        for name, rows in sheets.items():
            pd.DataFrame(rows).to_excel(writer, sheet_name=name, header=False, index=False)
    return path


YEARBOOK = [
    ["表3-1 各地区能源与产出", None, None, None],
    [None, None, None, None],
    ["地区", "年份", "碳强度", "人口"],
    ["北京", "2011年", 0.5, "."],
    ["天津", "2011年", 0.7, 12],
    ["北京", "2012年", 0.4, -99],
    ["天津", "2012年", 0.6, 13],
    ["注：人口为年末数。", None, None, None],
]


@pytest.mark.parametrize("header", [None, 3])
def test_a_title_above_the_names_and_a_remark_below_are_left_out_and_listed(tmp_path: Path, header: int | None) -> None:
    path = _book(tmp_path / "年鉴.xlsx", {"a": YEARBOOK})
    inputs = _load(path, unit="地区", time="年份", header=header, missing=[-99, "."])
    assert inputs.frame["time"].tolist() == [2011, 2011, 2012, 2012]
    np.testing.assert_array_equal(inputs.frame["人口"], [np.nan, 12, np.nan, 13])
    notes = [note.text() for note in inputs.notes]
    found = (
        "年鉴.xlsx was read with the names of columns in row 3. If that is right, set data.header=3; "
        "this note then disappears."
    )
    assert (notes[0] == found) == (header is None)
    assert (
        "Rows of 年鉴.xlsx that are no data were left out: 1 ('表3-1 各地区能源与产出'), 8 ('注：人口为年末数。')."
        in notes
    )
    assert "Read as missing in 年鉴.xlsx, with the number of cells: 人口 (.: 1, -99: 1)." in notes


def test_a_title_is_no_row_of_names_also_where_nobody_asks_for_them(tmp_path: Path) -> None:
    path = _book(tmp_path / "a.xlsx", {"a": [*YEARBOOK[:1], [None, None, "单位：亿元", None], *YEARBOOK[2:]]})
    inputs = _load(path)
    assert (inputs.unit_name, inputs.time_name) == ("地区", "年份")
    with pytest.raises(DataError, match=r"has no column '城市'. Columns: 地区, 年份, 碳强度, 人口"):
        _load(path, unit="城市", time="年份")


def test_rows_of_text_files_count_as_excel_shows_them(tmp_path: Path) -> None:
    path = _text(tmp_path / "a.csv", "Table 1\n\nregion,year,x\na,2011,1\n\na,2012,2\nSource: office\n")
    assert _load(path, unit="region", time="year", header=3).frame["x"].tolist() == [1, 2]
    assert _load(path, unit="region", time="year").frame["x"].tolist() == [1, 2]
    with pytest.raises(DataError, match=r"source.header: a.csv has nothing in row 2; its rows with cells end at 7"):
        _load(path, unit="region", time="year", header=2)
    longer = _text(tmp_path / "b.csv", "Table 1\nregion,year,x\na,2011,1\na,2012,2,3\n")
    with pytest.raises(DataError, match=r"row 4 has 4, and there are 3 names"):
        _load(longer, unit="region", time="year")


def test_merged_heads_are_joined_and_rows_of_units_are_skipped(tmp_path: Path) -> None:
    rows = [
        ["省份", "GDP", None, "人口", None],
        [None, 2011, 2012.0, 2011, 2012],
        [None, "亿元", "亿元", "万人", "万人"],
        ["北京", 1, 2, 3, 4],
        ["天津", 5, 6, 7, 8],
    ]
    path = _book(tmp_path / "a.xlsx", {"a": rows})
    with pytest.raises(DataError, match=r"set data.header=\[1,2\] to join both rows"):
        _load(path, unit="省份", time="year", wide=True)
    inputs = _load(path, unit="省份", time="year", wide=True, header=[1, 2], skip=[3], columns={"gdp": "GDP"})
    assert list(inputs.frame.columns) == ["unit", "time", "gdp", "人口"]
    assert inputs.frame.to_numpy().tolist() == [
        ["北京", 2011, 1, 3],
        ["北京", 2012, 2, 4],
        ["天津", 2011, 5, 7],
        ["天津", 2012, 6, 8],
    ]
    assert "3 ('亿元')" in inputs.notes[0].text()


@pytest.mark.parametrize(
    ("head", "wide"),
    [
        ("2011,2012", "ci"),
        ("2011年,2012年", "ci"),
        ("X2011,X2012", "ci"),
        ("2011 [YR2011],2012 [YR2012]", "ci"),
        ("ci2011,ci2012", True),
        ("ci_2011,ci_2012", True),
        ("2011年ci,2012年ci", True),
    ],
)
def test_columns_of_years_become_rows(tmp_path: Path, head: str, wide: str | bool) -> None:
    path = _text(tmp_path / "a.csv", f"p,area,{head},w2030\na,9,1,2,0\nb,8,3,4,1\n", "gbk")
    frame = _load(path, wide=wide).frame
    assert frame["time"].tolist() == [2011, 2012] * 2
    assert frame["ci"].tolist() == [1, 2, 3, 4]
    assert frame["area"].tolist() == [9, 9, 8, 8]
    assert frame["w2030"].tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("head", "fields", "said"),
    [
        (
            "ci2011,ci2012",
            {},
            r"no column of periods, but columns that are named by years \(ci2011, ci2012\). Set data.wide=true",
        ),
        ("2011,2012", {}, r"Set data.wide=NAME"),
        ("2011,2012", {"wide": True}, r"source.wide: columns of a.csv are named by years alone \(2011, 2012\)"),
        ("ci2011,ci2012", {"wide": "x"}, r"source.wide=x names the variable .* Write source.wide=true"),
        ("u,v", {"wide": True}, r"no variable of a.csv has columns that are named by years"),
        ("ci2011,ci_2011,ci2012", {"wide": True}, r"'ci2011', 'ci_2011' for one variable and year"),
        ("ci2011,ci2012,year", {"wide": True}, r"source.time: a.csv has another column 'year'"),
    ],
)
def test_years_that_cannot_become_rows_are_a_sentence(
    tmp_path: Path, head: str, fields: dict[str, Any], said: str
) -> None:
    path = _text(tmp_path / "a.csv", f"p,{head}\na,{','.join('1' for _ in head.split(','))}\n")
    with pytest.raises(DataError, match=said):
        _load(path, unit="p", time="year", **fields)


def test_the_sheet_that_has_the_columns_is_named(tmp_path: Path) -> None:
    rows = [["p", "year", "x"], ["a", 2011, 1], ["a", 2012, 2]]
    path = _book(tmp_path / "a.xlsx", {"说明": [["目录"]], "2012": rows, "c": [["p", "year"]]})
    said = (
        r"source.sheet: sheet '说明' of a.xlsx does not have the columns 'p', 'year'; "
        r"other sheets do: '2012', 'c'. Set data.sheet=2012"
    )
    with pytest.raises(DataError, match=said):
        _load(path, unit="p", time="year")
    for sheet in (2, 2012, "2012"):
        assert _load(path, unit="p", time="year", sheet=sheet).frame["x"].tolist() == [1, 2]


def test_numbers_that_look_like_codes_are_named_and_codes_that_do_not_occur_too(tmp_path: Path) -> None:
    path = _text(tmp_path / "a.csv", "p,year,x,y,t,share\na,1,1,9999,-99,5%\na,2,-99,3,-98,12.5%\nb,1,3,4,5,NA\n")
    inputs = _load(path, unit="p", time="year", missing=["-9"])
    assert inputs.frame["x"].tolist() == [1, -99, 3]
    np.testing.assert_allclose(inputs.frame["share"], [0.05, 0.125, np.nan])
    assert [note.text() for note in inputs.notes] == [
        "Percentages of a.csv are read as shares (5% is 0.05): share.",
        "No cell of a.csv holds '-9', which data.missing names.",
        "Numbers of a.csv that may mean that there is no value, with the number of cells: x (-99: 1), y (9999: 1). "
        "They count as numbers; if they do mean it, set data.missing=[-99,9999].",
    ]


def test_spss_and_sas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"prov": [1.0, 2, 1], "year": [2011.0, 2011, 2012], "ci": [0.5, -99, 0.4]})
    pyreadstat.write_sav(
        frame,
        str(tmp_path / "a.sav"),
        variable_value_labels={"prov": {1: "北京", 2: "天津"}, "ci": {-99: "refused"}},
        missing_ranges={"ci": [-99]},
    )
    inputs = _load(tmp_path / "a.sav", unit="prov", time="year")
    assert inputs.frame["unit"].tolist() == ["北京", "天津", "北京"]
    np.testing.assert_array_equal(inputs.frame["ci"], [0.5, np.nan, 0.4])
    said = "a.sav declares these codes as missing, with the number of cells: ci (-99: 1)."
    assert [note.text() for note in inputs.notes] == [said]
    pyreadstat.write_xport(frame, str(tmp_path / "a.xpt"))
    inputs = _load(tmp_path / "a.xpt", unit="prov", time="year", missing=-99)
    np.testing.assert_array_equal(inputs.frame["ci"], [0.5, np.nan, 0.4])
    with pytest.raises(DataError, match=r"source.header is for text files and workbooks; in a.sav \(.sav\)"):
        _load(tmp_path / "a.sav", unit="prov", time="year", header=2)
    _text(tmp_path / "b.sas7bdat", "no table")
    with pytest.raises(DataError, match=r"b.sas7bdat cannot be read as '.sas7bdat'"):
        _load(tmp_path / "b.sas7bdat", unit="prov", time="year")
    monkeypatch.setitem(sys.modules, "pyreadstat", None)
    with pytest.raises(DataError, match=r"`pip install pyreadstat` \(the extra readers"):
        _load(tmp_path / "a.sav", unit="prov", time="year")


def test_eurostat(tmp_path: Path) -> None:
    tsv = "freq,unit,geo\\TIME_PERIOD\t2011 \t2012 \nA,EUR,DE\t1.5 p\t: \nA,EUR,NO\t: c\t-2 bp\n"
    inputs = _load(_text(tmp_path / "a.tsv", tsv), unit="geo", time="year", wide="gdp", columns={"currency": "unit"})
    assert inputs.frame["unit"].tolist() == ["DE", "DE", "NO", "NO"]
    np.testing.assert_array_equal(inputs.frame["gdp"], [1.5, np.nan, np.nan, -2])
    assert [note.text() for note in inputs.notes] == [
        "Flags behind figures of a.tsv, a file of Eurostat, were left out, with the number of cells: p: 2, c: 1, b: 1.",
        "2 cells of a.tsv with a colon are missing.",
    ]
    sdmx = "DATAFLOW,freq,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG\nE:N(1.0),A,NO,2011,1.5,p\nE:N(1.0),A,NO,2012,,\n"
    path = _text(tmp_path / "a.csv", sdmx)
    frame = _load(path, unit="geo", time="TIME_PERIOD", columns={"gdp": "OBS_VALUE"}).frame
    assert frame["unit"].tolist() == ["NO", "NO"]
    np.testing.assert_array_equal(frame["gdp"], [1.5, np.nan])


def test_the_world_banks_csv(tmp_path: Path) -> None:
    text = (
        '\ufeff"Data Source","World Development Indicators",\n\n"Last Updated Date","2024-06-28",\n\n'
        '"Country Name","Country Code","Indicator Name","Indicator Code","2011","2012",\n'
        '"Norway","NOR","GDP (current US$)","NY.GDP","1.5","",\n"Chad","TCD","GDP (current US$)","NY.GDP","2","3",\n'
    )
    frame = _load(_text(tmp_path / "a.csv", text), unit="Country Name", time="year", wide="gdp").frame
    assert frame["time"].tolist() == [2011, 2012] * 2
    np.testing.assert_array_equal(frame["gdp"], [1.5, np.nan, 2, 3])


@pytest.mark.parametrize(
    "fields",
    [{"header": 0}, {"header": "a"}, {"skip": [0]}, {"sheet": 0}, {"missing": [[1]]}, {"wide": ""}, {"wide": 1}],
)
def test_wrong_fields_name_their_key(fields: dict[str, Any]) -> None:
    node = {"_target_": "digicarbon.source.TableSource", "path": "a.csv", "unit": "u", "time": "t", **fields}
    with pytest.raises(ConfigError, match=rf"source\.{next(iter(fields))}"):
        build(node, Source, "source")


def test_signs_for_no_figure_are_refused_with_the_line_to_write(tmp_path: Path) -> None:
    path = _text(tmp_path / "a.csv", "p,year,x,y\na,1,.,1\na,2,3,-\nb,1,1,n/a\nb,2,4,5\n")
    panel = Panel.from_frame(_load(path, unit="p", time="year").frame, "unit", "time")
    with pytest.raises(DataError, match=r"If these cells mean that there is no value, add data.missing=\['.'\]"):
        panel.array(["x"])
    with pytest.raises(DataError, match=r"data.missing=\['-', 'n/a'\]"):
        panel.array(["y"])


def test_no_without_quotation_marks_is_named_as_what_yaml_makes_of_it() -> None:
    node = {"_target_": "digicarbon.source.TableSource", "path": "a.csv", "unit": False, "time": "t"}
    with pytest.raises(ConfigError, match=r"source.unit: must be a text \(YAML reads NO, .* e.g. 'NO'\); got False"):
        build(node, Source, "source")


def test_wide_digits_are_numbers_and_years_and_other_wide_text_is_not_touched(tmp_path: Path) -> None:
    rows = "p,年,x,z\na,２０１１,１．５,－\na,２０１２年,－２,1\nb,２０１１,3,2\nb,２０１２年,４０％,5\n"
    inputs = _load(_text(tmp_path / "a.csv", rows.replace("４０％", "4")), unit="p", time="年")
    assert inputs.frame["time"].tolist() == [2011, 2012, 2011, 2012]
    np.testing.assert_array_equal(inputs.frame["x"], [1.5, -2, 3, 4])
    assert inputs.frame["z"].tolist() == ["－", "1", "2", "5"]


def test_rows_that_repeat_the_head_are_left_out_and_listed(tmp_path: Path) -> None:
    rows = [["p", 2011, 2012], ["a", 1, 2], ["b", 3, 4], [None, None, None], ["p", 2011, 2012], ["c", 5, 6]]
    path = _book(tmp_path / "a.xlsx", {"s": rows})
    inputs = _load(path, unit="p", time="year", wide="x")
    assert inputs.frame["x"].tolist() == [1, 2, 3, 4, 5, 6]
    assert [note.text() for note in inputs.notes] == [
        "Rows of a.xlsx that repeat the names of the columns were left out: 5. If another table begins there, save it "
        "as a file of its own."
    ]


def test_units_that_are_totals_or_differ_by_blanks_are_named(tmp_path: Path) -> None:
    rows = "p,year,x\nNational,1,1\nNational,2,1\n全国,1,5\n全国,2,5\nb ,1,1\nb,2,4\n平均村,1,0\n平均村,2,0\n"
    inputs = _load(_text(tmp_path / "a.csv", rows), unit="p", time="year")
    assert inputs.frame["unit"].tolist() == ["National"] * 2 + ["全国"] * 2 + ["b"] * 2 + ["平均村"] * 2
    said = [note.text() for note in inputs.notes]
    assert any("sample.without=[National, 全国]" in text for text in said)
    assert "Units of a.csv whose labels differ by blanks at their ends alone are read as one: b." in said


def test_commas_of_thousands_are_refused_with_the_line_to_write(tmp_path: Path) -> None:
    path = _text(tmp_path / "a.csv", 'p,year,x\na,1,"30,168"\na,2,"1,000"\nb,1,"2,222"\nb,2,"3,333"\n')
    panel = Panel.from_frame(_load(path, unit="p", time="year").frame, "unit", "time")
    with pytest.raises(DataError, match=r"add data.thousands=comma; if a comma is the decimal mark"):
        panel.array(["x"])
    inputs = _load(path, unit="p", time="year", thousands="comma")
    assert inputs.frame["x"].tolist() == [30168, 1000, 2222, 3333]
