"""Text files that tell by themselves how they are written: encoding, separator, decimals, thousands."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from digicarbon.country import country
from digicarbon.disk.text import guessed_encoding
from digicarbon.errors import ConfigError, DataError
from digicarbon.panel import Panel
from digicarbon.source import FolderSource, Source, TableSource
from digicarbon.source.base import Inputs
from digicarbon.spec import build

NAMES = ["Trentino-Südtirol", "Valle d'Aosta"]


def _load(path: Path, **fields: Any) -> Inputs:
    return TableSource(**({"path": str(path), "unit": "r", "time": "t"} | fields)).load()


def _file(folder: Path, text: str, encoding: str = "utf-8", name: str = "d.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def _column(folder: Path, cells: list[str], separator: str = ";", other: str = "", **fields: Any) -> list[Any]:
    """Return how cells of a column come in; ``other`` stands in a second column of each row."""
    rows = "".join(f'a{separator}{2000 + n}{separator}"{cell}"{separator}"{other}"\n' for n, cell in enumerate(cells))
    path = _file(folder, separator.join("rtxz") + "\n" + rows)
    return list(_load(path, **fields).frame["x"])


def test_a_western_file_is_not_taken_for_chinese(tmp_path: Path) -> None:
    text = f"r,t,x\n{NAMES[0]},2010,1\n{NAMES[1]},2010,2\n"
    # legal bytes of GB18030, of another word
    assert "黡" in text.encode("cp1252").decode("gb18030")
    inputs = _load(_file(tmp_path, text, "cp1252"))
    assert inputs.frame["unit"].tolist() == NAMES
    (note,) = tuple(map(str, inputs.notes))
    assert note == (
        "d.csv was read as text in cp1252 (e.g. 'Trentino-Südtirol'). If that is right, set "
        "data.encoding=cp1252; this note then disappears."
    )
    assert tuple(map(str, _load(tmp_path / "d.csv", encoding="cp1252").notes)) == ()


def test_a_chinese_file_is_told_of_and_utf8_is_not(tmp_path: Path) -> None:
    text = "r,t,CO2排放\n北京,2010,1\nA省,2010,2\n"
    (note,) = tuple(map(str, _load(_file(tmp_path, text, "gbk")).notes))
    assert "as text in gb18030 (e.g. '北京')" in note
    assert tuple(map(str, _load(_file(tmp_path, text)).notes)) == ()


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Trentino-Südtirol", "cp1252"),
        ("Île-de-France;Côte d’Azur;créée;PIL, mln €", "cp1252"),
        ("Goiás,São Paulo,Paraná", "cp1252"),
        ("北京,x轴,T恤", "gb18030"),
        ("A省,B省", "gb18030"),
        # the second byte of some is that of a Latin letter
        ("朱镕,堃喆", "gb18030"),
    ],
)
def test_the_encoding_that_bytes_are_in(text: str, encoding: str) -> None:
    assert guessed_encoding(text.encode(encoding)) == encoding


def test_what_is_no_text_names_encodings(tmp_path: Path) -> None:
    # DOS's ü is no character of cp1252
    path = _file(tmp_path, "r,t,x\nSüdtirol,2010,1\n", "cp437")
    with pytest.raises(DataError, match=r"not text in utf-8, gb18030 or cp1252.*source\.encoding=cp1252"):
        _load(path)
    assert _load(path, encoding="cp437").frame["unit"].tolist() == ["Südtirol"]


def test_accents_as_marks_of_their_own_are_the_same_labels(tmp_path: Path) -> None:
    apart = unicodedata.normalize("NFD", NAMES[0])
    assert apart != NAMES[0]
    path = _file(tmp_path, f"r,t,x\n{NAMES[0]},2010,1\n{apart},2011,2\n")
    assert Panel.from_frame(_load(path).frame, "unit", "time").units == (NAMES[0],)


def test_the_usual_file_of_german_italian_and_french_excel(tmp_path: Path) -> None:
    text = f'r;t;PIL reale, mln €;pop;g\n{NAMES[0]};2010;1234,5;12;0,123\n"a;b";2010;7;345;-1,5E-03\n'
    inputs = _load(_file(tmp_path, text, "cp1252"))
    assert inputs.frame["PIL reale, mln €"].tolist() == [1234.5, 7]
    assert inputs.frame["pop"].tolist() == [12, 345]
    assert inputs.frame["g"].tolist() == [0.123, -0.0015]
    assert inputs.frame["unit"].tolist() == [NAMES[0], "a;b"]
    (note,) = tuple(map(str, inputs.notes))
    assert "data.encoding=cp1252, data.delimiter=semicolon, data.decimal=comma; this note then disappears" in note
    said: dict[str, Any] = {"encoding": "cp1252", "delimiter": "semicolon", "decimal": "comma"}
    again = _load(tmp_path / "d.csv", **said)
    assert tuple(map(str, again.notes)) == ()
    pd.testing.assert_frame_equal(again.frame, inputs.frame)


@pytest.mark.parametrize("mark", [";", "\t", "|", ","])
def test_the_separator_gives_all_rows_equally_many_cells(tmp_path: Path, mark: str) -> None:
    rows = [["r", "t", "x"], ["a, b; c|d", "2010", "1"], ["e", "2010", "2"]]
    path = _file(tmp_path, "\n".join(mark.join(f'"{cell}"' for cell in row) for row in rows))
    assert _load(path).frame["x"].tolist() == [1, 2]


@pytest.mark.parametrize("written", ["tab", "\\t", "\t"])
def test_a_tab_has_a_name(tmp_path: Path, written: str) -> None:
    path = _file(tmp_path, "r\tt\tx\na\t2010\t1\n")
    assert _load(path, delimiter=written).frame["x"].tolist() == [1]
    with pytest.raises(DataError, match=r"separated by 'tab'\. Set data\.delimiter=tab\."):
        _load(path, delimiter=";")


@pytest.mark.parametrize(
    ("cells", "other", "numbers"),
    [
        # another column of the file tells
        (["1,234", "5,678"], "0,5", [1.234, 5.678]),
        (["1,234", "5,678"], "0.5", [1234, 5678]),
        (["1.234", "5.678"], "0,5", [1234, 5678]),
        (["1.234", "5.678"], "0.5", [1.234, 5.678]),
        # the column itself does
        (["1.234,5", "6"], "", [1234.5, 6]),
        (["1,234.5", "6"], "", [1234.5, 6]),
        (["1,234,567", "8"], "", [1234567, 8]),
        (["1.234.567", "8"], "", [1234567, 8]),
        # text tells nothing
        (["0,5", "1,5"], "v. 1.5", [0.5, 1.5]),
    ],
)
def test_one_column_tells_how_the_numbers_of_a_file_are_written(
    tmp_path: Path, cells: list[str], other: str, numbers: list[float]
) -> None:
    assert _column(tmp_path, cells, other=other) == numbers


@pytest.mark.parametrize("separator", [",", ";"])
def test_what_may_be_two_numbers_is_not_guessed(tmp_path: Path, separator: str) -> None:
    cells = ["1,234", "5,678"]
    assert _column(tmp_path, cells, separator) == cells
    assert _column(tmp_path, cells, separator, decimal="comma") == [1.234, 5.678]
    assert _column(tmp_path, cells, separator, thousands="comma") == [1234, 5678]
    with pytest.raises(DataError, match=r"a 2000: '1,234'.*data\.thousands=comma.*data\.decimal=comma"):
        Panel.from_frame(_load(tmp_path / "d.csv").frame, "unit", "time").array(["x"])


def test_columns_that_contradict_each_other_decide_nothing(tmp_path: Path) -> None:
    assert _column(tmp_path, ["0,5", "1,5"], other="0.5") == ["0,5", "1,5"]


def test_points_in_a_file_with_semicolons_are_told_of(tmp_path: Path) -> None:
    assert _column(tmp_path, ["1.234", "5.678"]) == [1.234, 5.678]
    assert "a point before decimals (e.g. '1.234')" in str(_load(tmp_path / "d.csv").notes[0])
    assert tuple(map(str, _load(tmp_path / "d.csv", delimiter=";", decimal=".").notes)) == ()
    assert _column(tmp_path, ["1.234", "5.678"], thousands="point") == [1234, 5678]
    assert _column(tmp_path, ["1.234", "5.67"]) == [1.234, 5.67]
    assert "decimals" not in str(_load(tmp_path / "d.csv").notes[0])
    # what everybody writes needs no note
    assert _column(tmp_path, ["1.234", "5.678"], ",") == [1.234, 5.678]
    assert tuple(map(str, _load(tmp_path / "d.csv").notes)) == ()


@pytest.mark.parametrize(
    ("thousands", "cells"),
    [("blank", ["1 234,5", "1\u00a0234,5", "1\u202f234,5"]), ("apostrophe", ["1'234,5", "1’234,5"])],
)
def test_marks_between_thousands_stand_before_three_digits(tmp_path: Path, thousands: str, cells: list[str]) -> None:
    assert _column(tmp_path, cells, thousands=thousands) == [1234.5] * len(cells)
    assert _column(tmp_path, ["1,5", "1,23"], ",", thousands="comma") == ["1,5", "1,23"]
    assert _column(tmp_path, ["NA", "TRUE", "", "2,5"], decimal="comma")[1] == 1


def test_labels_stay_as_they_are_written(tmp_path: Path) -> None:
    path = _file(tmp_path, "r;t;x\n1,5;2010;0,5\n01;2010;1,5\n")
    assert _load(path).frame["unit"].tolist() == ["1,5", "01"]


def test_numbers_that_excel_holds_as_text(tmp_path: Path) -> None:
    frame = pd.DataFrame({"r": ["a", "b"], "t": [2010, 2010], "x": ["1.234,5", "0,5"], "y": [0.25, 1]})
    frame.to_excel(tmp_path / "d.xlsx", index=False)
    inputs = _load(tmp_path / "d.xlsx")
    assert inputs.frame["x"].tolist() == [1234.5, 0.5]
    assert inputs.frame["y"].tolist() == [0.25, 1]
    assert "data.decimal=comma, data.thousands=point" in str(inputs.notes[0])


def test_a_folder_reads_such_files_too(tmp_path: Path) -> None:
    _file(tmp_path, f"{country().column};year;x\nSüdtirol;2010;0,5\nLazio;2010;1,5\n", "cp1252")
    source = FolderSource(folder=str(tmp_path), further=("d.csv",))
    inputs = source.load()
    assert inputs.frame.set_index("unit")["x"].to_dict() == {"Südtirol": 0.5, "Lazio": 1.5}
    # there is no field to say it with
    assert (
        "d.csv was read as text in cp1252 (e.g. 'Südtirol'), with a semicolon between cells, with a comma before "
        "decimals."
    ) in tuple(map(str, inputs.notes))


def test_decimals_and_thousands_are_two_characters() -> None:
    node: dict[str, Any] = {"_target_": "digicarbon.source.TableSource", "path": "no.csv", "unit": "p", "time": "y"}
    with pytest.raises(ConfigError, match=r"decimal and thousands are both ','"):
        build(node | {"decimal": "comma", "thousands": ","}, Source, "source")
    with pytest.raises(ConfigError, match=r"source\.decimal must be one of"):
        build(node | {"decimal": ";"}, Source, "source")


def test_rows_of_unequal_length_name_the_separator(tmp_path: Path) -> None:
    path = _file(tmp_path, "r;t;x\na;2010;1\nb;2010;1;2\n")
    with pytest.raises(DataError, match=r"equally many cells where 'semicolon' separates them.*source\.delimiter"):
        _load(path)
