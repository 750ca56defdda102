"""Raw cells of workbooks and text files; every damaged file is one sentence."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from openpyxl import Workbook
from openpyxl.chart import BarChart

from digicarbon.errors import DataError
from digicarbon.importer._sheets import sheets, visible
from digicarbon.note.ending import Caught


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    book = Workbook()
    first = book.active
    assert first is not None
    first.title = "2012"
    first["A1"], first["C3"], first["D9"] = "Title", 1.5, ""
    first.merge_cells("A1:C2")
    hidden = book.create_sheet("old")
    hidden["A1"] = 1
    hidden.sheet_state = "hidden"
    book.create_sheet("blank")
    book.create_chartsheet("chart").add_chart(BarChart())
    path = tmp_path / "a.xlsx"
    book.save(path)
    return path


def test_cells_merges_and_hidden_sheets(workbook: Path) -> None:
    found = sheets(workbook)
    assert [(sheet.name, sheet.hidden) for sheet in found] == [("2012", False), ("old", True), ("blank", False)]
    sheet = found[0]
    assert sheet.cells.shape == (3, 3)
    assert isinstance(sheet.cells.columns, pd.RangeIndex)
    assert isinstance(sheet.cells.index, pd.RangeIndex)
    assert sheet.cells.iat[0, 0] == "Title"
    assert sheet.cells.iat[1, 1] is None
    assert sheet.merged == ((0, 0, 1, 2),)
    assert sheet.spread().iat[1, 2] == "Title"
    assert sheet.merged_into(1, 2) == "A1"
    assert sheet.merged_into(0, 0) == sheet.merged_into(2, 2) == ""
    assert sheet.cell(6, 2) == "C7"
    assert str(sheet.place(6, 27)) == "a.xlsx, sheet 2012, cell AB7"


def test_what_is_left_out_is_told(workbook: Path) -> None:
    shown, notes = visible(workbook)
    assert [sheet.name for sheet in shown] == ["2012"]
    assert list(map(str, notes)) == [
        "a.xlsx: hidden and left out: sheet old.",
        "a.xlsx: empty and left out: sheet blank.",
    ]


def test_a_workbook_without_cells(tmp_path: Path) -> None:
    Workbook().save(tmp_path / "a.xlsx")
    with pytest.raises(DataError, match=r"a\.xlsx has only hidden or empty sheets"):
        visible(tmp_path / "a.xlsx")


def test_a_formula_without_its_result(tmp_path: Path) -> None:
    book = Workbook()
    assert book.active is not None
    book.active["A1"], book.active["B7"] = 1, "=SUM(A1:A6)"
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(DataError, match=r"a\.xlsx, sheet Sheet, cell B7: a formula without its result"):
        sheets(tmp_path / "a.xlsx")


def test_a_stray_cell_far_away(tmp_path: Path) -> None:
    book = Workbook()
    assert book.active is not None
    book.active["A1"] = 1
    book.active["XFD9000"] = 1
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(DataError, match="reaches to cell XFD9000, too far for a table"):
        sheets(tmp_path / "a.xlsx")


TABLE = '地区,2012年,2011年\n北京市,"17,879",16251\n合计,1,2\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_encodings_and_delimiters(tmp_path: Path, encoding: str, delimiter: str) -> None:
    path = tmp_path / "a.csv"
    content = TABLE.replace(",", delimiter).replace(f"17{delimiter}879", "17,879").replace("\n", "\r\n")
    path.write_bytes(content.encode(encoding))
    (sheet,) = sheets(path)
    assert sheet.name == ""
    assert sheet.cells.to_numpy().tolist() == [
        ["地区", "2012年", "2011年"], ["北京市", "17,879", "16251"], ["合计", "1", "2"]
    ]  # fmt: skip
    assert str(sheet.place(1, 2)) == "a.csv, cell C2"


def test_a_note_under_the_table_is_no_truncation(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(TABLE + "数据来源：国家统计局", encoding="utf-8")
    (sheet,) = sheets(path)
    assert sheet.cells.iat[3, 0] == "数据来源：国家统计局"
    assert sheet.cells.iat[3, 1] is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", r"is empty \(0 bytes\)"),
        ((TABLE + "上海市,3").encode(), "is cut off: its last line has 2 of 3 cells"),
        ((TABLE + "上海市").encode()[:-1], "is cut off within a letter, in line"),
        ((TABLE + "上海市").encode("gbk")[:-1], "is cut off within a letter, in line"),
        (b"a,b\n\xff\xfe\xff,1\n", "no text in UTF-8"),
        (b"a,b\n\0\0,1\n", "neither a workbook nor text"),
    ],
)
def test_damaged_text(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"^a\.csv .*{said}"):
        sheets(path)


def test_files_that_are_not_what_their_name_says(tmp_path: Path, workbook: Path) -> None:
    page = tmp_path / "b.xls"
    page.write_text("<html><table><tr><td>1</td></tr></table></html>", encoding="utf-8")
    with pytest.raises(DataError, match=r"b\.xls is a web page"):
        sheets(page)
    renamed = tmp_path / "c.xls"
    renamed.write_bytes(workbook.read_bytes())
    assert sheets(renamed)[0].cells.iat[0, 0] == "Title"
    text = tmp_path / "d.xls"
    text.write_text("a\tb\n1\t2\n", encoding="utf-8")
    assert sheets(text)[0].cells.shape == (2, 2)
    locked = tmp_path / "e.xlsx"
    locked.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000)
    with pytest.raises(DataError, match="protected by a password"):
        sheets(locked)
    with pytest.raises(DataError, match="There is no file"):
        sheets(tmp_path / "f.xlsx")


def test_damaged_workbooks_are_sentences(tmp_path: Path, workbook: Path) -> None:
    whole = workbook.read_bytes()
    chance = random.Random(1)
    path = tmp_path / "broken.xlsx"
    for trial in range(60):
        content = bytearray(whole)
        if trial % 2:
            del content[chance.randrange(8, len(content)) :]
        else:
            for _ in range(20):
                content[chance.randrange(8, len(content))] = chance.randrange(256)
        path.write_bytes(content)
        caught = Caught()
        with caught:
            sheets(path)
        assert caught.sentence == "" or caught.sentence.startswith("broken.xlsx"), caught.traceback
        assert "\n" not in caught.sentence


def test_a_workbook_of_the_old_format(tmp_path: Path) -> None:
    path = tmp_path / "a.xls"
    path.write_bytes(old_workbook(2012.5, "北京"))
    (sheet,) = sheets(path)
    assert sheet.name == "2012"
    assert sheet.cells.to_numpy().tolist() == [["北京", None, None], [None, 2012.5, None], [None, None, "#DIV/0!"]]
    assert sheet.merged == ((0, 0, 0, 1),)
    whole = path.read_bytes()
    for length in (100, 600, 2000):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"^a\.xls cannot be read"):
            sheets(path)


def old_workbook(value: float, label: str) -> bytes:
    """Bytes of an .xls file (BIFF8 in an OLE2 container): label in A1 (merged to B1), value in B2, an error in C3."""

    def record(kind: int, *parts: bytes) -> bytes:
        return struct.pack("<HH", kind, len(b"".join(parts))) + b"".join(parts)

    def stream(offset: int) -> tuple[bytes, int]:
        name = b"2012"
        book = record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 0))
        book += record(0x85, struct.pack("<IBBBB", offset, 0, 0, len(name), 0), name) + record(0x0A)
        text = label.encode("utf-16-le")
        cells = record(0x809, struct.pack("<HHHHII", 0x600, 16, 0, 0, 0, 0))
        cells += record(0x204, struct.pack("<HHHHB", 0, 0, 0, len(label), 1), text)
        cells += record(0x203, struct.pack("<HHHd", 1, 1, 0, value))
        cells += record(0x205, struct.pack("<HHHBB", 2, 2, 0, 7, 1))
        cells += record(0xE5, struct.pack("<HHHHH", 1, 0, 0, 0, 1)) + record(0x0A)
        return (book + cells).ljust(4096, b"\0"), len(book)

    content = stream(stream(0)[1])[0]
    end, free, sectors = 0xFFFFFFFE, 0xFFFFFFFF, len(content) // 512
    table = [0xFFFFFFFD, end, *range(3, sectors + 2), end]
    fat = struct.pack("<128I", *table, *[free] * (128 - len(table)))

    def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
        raw = (name + "\0").encode("utf-16-le")
        links = struct.pack("<III", free, free, child)
        return (
            raw.ljust(64, b"\0") + struct.pack("<HBB", len(raw), kind, 1) + links + bytes(36)
            + struct.pack("<III", start, size, 0)
        )  # fmt: skip

    folder = entry("Root Entry", 5, 1, end, 0) + entry("Workbook", 2, free, 2, len(content))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    head += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, end, 0, end, 0) + struct.pack("<109I", 0, *[free] * 108)
    return head + fat + folder.ljust(512, b"\0") + content


def test_values_keep_their_digits(tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(size=(30, 4)) * 1e6
    path = tmp_path / "a.xlsx"
    pd.DataFrame(values).to_excel(path, index=False, header=False)
    # the file holds 16 digits of each number
    np.testing.assert_allclose(sheets(path)[0].cells.to_numpy(dtype=float), values, rtol=1e-15)
