"""Every format is read back by another reader, and holds what the table says."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from docx import Document
from docx.enum.section import WD_ORIENT
from docx.oxml.ns import qn
from hypothesis import given, settings
from random_tables import body, every, one_line, read_latex, tables

from digicarbon.errors import ConfigError
from digicarbon.render import FORMATS, Table, save_all
from digicarbon.render.table import from_json, in_lines, to_json

REGRESSION = Table(
    "Table 3: two-way fixed effects",
    pd.DataFrame(
        [["-0.3000***", "0.1234"], ["(0.1000)", "(9.0000)"], ["", ""], ["180", "1,020"], ["0.25 [0.012]", "-0.0000"]],
        index=["ln_x", "", "Direct effect", "Observations", "AR(1)"],
        columns=["FE(1)", "SDM(2)"],
    ),
    rules=(2, 3),
    notes=("* p < 0.1", "Clustered."),
    spanners=(("ln_ci", 1), ("ln_co2", 1)),
    blocks=(2,),
)


def word(table: Table) -> Any:
    return Document(io.BytesIO(table.to_docx()))


def book(table: Table) -> Any:
    return openpyxl.load_workbook(io.BytesIO(table.to_xlsx()))


def shown(cell: Any) -> str:
    """What a cell shows: a number by its format."""
    if not isinstance(cell.value, int | float):
        return "" if cell.value is None else str(cell.value)
    positive, _, negative = cell.number_format.partition(";")
    match = re.fullmatch(r'(?:"(.*?)")?0(?:\.(0+))?(?:"(.*?)")?', negative if negative and cell.value < 0 else positive)
    assert match is not None, cell.number_format
    value = abs(cell.value) if negative else cell.value
    return f"{match[1] or ''}{value:.{len(match[2] or '')}f}{match[3] or ''}"


@pytest.mark.long
@settings(max_examples=40, deadline=None)
@given(tables())
def test_word_holds_every_text(table: Table) -> None:
    document = word(table)
    parts = every(table)
    assert len(document.tables) == len(parts)
    for part, found in zip(parts, document.tables, strict=True):
        texts = [[cell.text for cell in row.cells] for row in found.rows]
        assert texts[len(texts) - len(body(part)) :] == body(part)
    paragraphs = [paragraph.text for paragraph in document.paragraphs if paragraph.text]
    wanted = [one_line(text) for part in parts for text in (part.title, *part.notes)]
    assert paragraphs == [text for text in wanted if text]


@pytest.mark.long
@settings(max_examples=40, deadline=None)
@given(tables())
def test_excel_shows_every_text_and_runs_none(table: Table) -> None:
    found = book(table)
    assert len(found.sheetnames) == len(every(table))
    for part, sheet in zip(every(table), found, strict=True):
        rows = [[shown(cell) for cell in row] for row in sheet.iter_rows()]
        assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
        width = len(part.cells.columns) + 1
        notes = [one_line(note) for note in part.notes if one_line(note)]
        last = len(rows) - len(notes)
        assert [row[:width] for row in rows[last - len(body(part)) : last]] == body(part)
        assert [row[0] for row in rows[last:]] == notes
        assert rows[0][0] == one_line(part.title)


@settings(max_examples=40, deadline=None)
@given(tables())
def test_html_holds_every_text(table: Table) -> None:
    from lxml import html

    root = html.fromstring(f"<div>{table.to_html()}</div>")
    found = root.findall(".//table")
    assert len(found) == len(every(table))
    for part, one in zip(every(table), found, strict=True):
        rows = [[cell.text_content() for cell in row if cell.tag in ("th", "td")] for row in one.iter("tr")]
        assert rows[len(rows) - len(body(part)) :] == body(part)
    notes = [paragraph.text_content() for paragraph in root.iter("p")]
    assert notes == [one_line(note) for part in every(table) for note in part.notes if one_line(note)]


@settings(max_examples=80, deadline=None)
@given(tables())
def test_latex_holds_every_text(table: Table) -> None:
    found = read_latex(table.to_latex())
    assert len(found) == len(every(table))
    for part, rows in zip(every(table), found, strict=True):
        assert rows[len(rows) - len(body(part)) :] == body(part)


@settings(max_examples=80, deadline=None)
@given(tables())
def test_markdown_keeps_its_columns(table: Table) -> None:
    lines = [line for line in table.to_markdown().splitlines() if line.startswith("|")]
    position = 0
    for part in every(table):
        wanted = body(part)
        block = lines[position : position + len(wanted) + 1]
        position += len(block)
        del block[1]
        cells = [[_seen(cell) for cell in _hidden(line).split("|")[1:-1]] for line in block]
        assert cells[1:] == wanted[1:]
    assert position == len(lines)


def _hidden(line: str) -> str:
    """A line with escaped characters replaced by ones that no table has."""
    return line.replace("\\\\", "\x01").replace("\\|", "\x02").replace("\\*", "\x03").replace("\\<", "<")


def _seen(cell: str) -> str:
    return cell.strip().replace("\x01", "\\").replace("\x02", "|").replace("\x03", "*")


@settings(max_examples=80, deadline=None)
@given(tables())
def test_text_holds_every_text(table: Table) -> None:
    text = table.to_text()
    for part in every(table):
        for row in body(part):
            for cell in row:
                assert cell in text


def test_pandas_reads_the_html() -> None:
    (frame,) = pd.read_html(io.StringIO(REGRESSION.to_html()), keep_default_na=False)
    assert list(frame.columns.get_level_values(0))[1:] == ["ln_ci", "ln_co2"]
    assert list(frame.columns.get_level_values(1))[1:] == ["FE(1)", "SDM(2)"]
    assert frame.iloc[:, 1].tolist() == ["-0.3000***", "(0.1000)", "", "180", "0.25 [0.012]"]


def test_excel_has_numbers_where_a_cell_is_one_number() -> None:
    (sheet,) = book(REGRESSION)
    cells = {sheet.cell(row, 1).value or f"row {row}": sheet.cell(row, 2) for row in range(5, 10)}
    assert (cells["ln_x"].value, cells["ln_x"].number_format) == (-0.3, '0.0000"***"')
    assert (cells["row 6"].value, cells["row 6"].number_format) == (0.1, '"("0.0000")";"(-"0.0000")"')
    assert cells["Observations"].value == 180
    assert cells["AR(1)"].value == "0.25 [0.012]"
    # these would show otherwise: a comma as in no number format, a zero without its sign
    assert sheet.cell(8, 3).value == "1,020"
    assert sheet.cell(9, 3).value == "-0.0000"


def test_excel_names_each_sheet_by_its_table() -> None:
    small = pd.DataFrame([["1"]], columns=["a"])
    table = Table("A/B: " + "long " * 10, small, below=Table("A/B: " + "long " * 10, small, below=Table("", small)))
    names = book(table).sheetnames
    assert len({name.casefold() for name in names}) == 3
    assert all(len(name) <= 31 and not set(name) & set("[]:*?/\\") for name in names)


def test_word_has_three_lines_and_a_head_on_each_page() -> None:
    (table,) = word(REGRESSION).tables
    borders = table._tbl.tblPr.find(qn("w:tblBorders"))
    assert [child.tag for child in borders] == [qn("w:top"), qn("w:bottom")]
    heads = [row._tr.trPr.find(qn("w:tblHeader")) is not None for row in table.rows]
    assert heads == [True, True, False, False, False, False, False]
    lined = [[cell._tc.tcPr.find(qn("w:tcBorders")) is not None for cell in row.cells] for row in table.rows]
    assert lined[1] == [True, True, True]
    assert lined[0] == [False, False, False]
    assert not any(any(row) for row in lined[2:])
    assert table.rows[4].cells[0].paragraphs[0].runs[0].italic


@pytest.mark.parametrize(("columns", "orientation"), [(3, WD_ORIENT.PORTRAIT), (14, WD_ORIENT.LANDSCAPE)])
def test_a_wide_word_table_stands_on_a_landscape_page_and_fits(columns: int, orientation: Any) -> None:
    wide = pd.DataFrame(
        [["-0.1234***"] * columns] * 3, index=["ln_x"] * 3, columns=[f"SDM({k})" for k in range(columns)]
    )
    document = word(Table("Wide", wide))
    section = document.sections[0]
    assert section.orientation == orientation
    room = section.page_width - section.left_margin - section.right_margin
    for row in document.tables[0].rows:
        # Word keeps twentieths of a point
        assert sum(cell.width for cell in row.cells) <= room + 635 * (columns + 1)


def test_a_wide_latex_table_is_small_and_a_long_one_goes_over_pages() -> None:
    wide = pd.DataFrame([["-0.1234***"] * 12] * 60, columns=[f"SDM({k})" for k in range(12)])
    text = Table("Wide", wide).to_latex()
    assert r"\begin{landscape}" in text
    assert r"\begin{longtable}" in text
    assert "% \\usepackage{pdflscape}\n% \\usepackage{longtable}\n" in text
    small = Table("Table 7: spatial", wide.iloc[:3, :2]).to_latex()
    assert "landscape" not in small
    assert "longtable" not in small
    # LaTeX counts tables itself
    assert r"\caption{spatial}\label{tab:table-7-spatial}" in small


def test_what_no_page_holds_is_split_by_columns() -> None:
    heads = [f"ln_digital_finance({k})" for k in range(20)]
    table = Table("Wide", pd.DataFrame([["-0.1234***"] * 20], index=["ln_x"], columns=heads), notes=("n",))
    found = read_latex(table.to_latex())
    assert len(found) > 1
    assert [head for part in found for head in part[0][1:]] == heads
    document = word(table)
    assert [cell.text for part in document.tables for cell in part.rows[0].cells[1:]] == heads
    said = [paragraph.text for paragraph in document.paragraphs if paragraph.text and "Wide" not in paragraph.text]
    parts = len(document.tables)
    assert said == [*[f"The notes stand below part {parts}/{parts}."] * (parts - 1), "n"]
    assert table.to_latex().count("The notes stand below part") == len(found) - 1


def test_a_part_of_a_table_has_no_rows_that_are_empty_there() -> None:
    own = {"a": range(20), "b": range(20), "late": range(18, 20), "only early": range(2)}
    lines = {name: ["-0.1234***" if k in where else "" for k in range(20)] for name, where in own.items()}
    nothing = [""] * 20
    rows = {
        "a": lines["a"], "late": lines["late"], "Direct effect": nothing, "a ": lines["only early"],
        "Controls": nothing, "Observations": lines["b"],
    }  # fmt: skip
    below = {"late": ["(0.1)" if cell else "" for cell in lines["late"]], "a ": [""] * 20}
    labels, cells = [], []
    for name, line in rows.items():
        labels.append(name)
        cells.append(line)
        if name in below:
            labels.append("")
            cells.append(below[name])
    heads = [f"ln_digital_finance({k})" for k in range(20)]
    table = Table("Wide", pd.DataFrame(cells, index=labels, columns=heads), rules=(3, 6), blocks=(3,))
    found = read_latex(table.to_latex())
    first, *_, last = ([row[0] for row in part[1:]] for part in found)
    # what is empty in the whole table stays
    assert first == ["a", "Direct effect", "a", "", "Controls", "Observations"]
    assert last == ["a", "late", "", "Controls", "Observations"]
    assert table.to_latex().split(r"\begin{tabular}")[-1].count(r"\midrule") == 2
    inside = [[cell.text for cell in part.columns[0].cells][1:] for part in word(table).tables]
    assert inside[0] == first
    assert inside[-1] == last


def test_a_long_head_is_written_in_lines_in_latex() -> None:
    heads = [f"Two-way fixed effects without controls ({k})" for k in range(4)]
    text = Table("T", pd.DataFrame([["0.1"] * 4], index=["x"], columns=heads)).to_latex()
    assert r"\shortstack{Two-way fixed\\effects without\\controls (0)}" in text
    assert "landscape" not in text
    assert read_latex(text)[0][0][1:] == heads
    wide = Table("T", pd.DataFrame([["0.1234 [0.0001, 0.0002]"]], index=["x"], columns=["Fixed effects and lags"]))
    assert "shortstack" not in wide.to_latex()


def test_lines_end_at_blanks_and_between_chinese_characters() -> None:
    assert in_lines("ln_a_name_without_a_blank b", 10) == ["ln_a_name_without_a_blank", "b"]
    assert in_lines("数字经济（滞后一期）", 8) == ["数字经济", "（滞后一", "期）"]
    assert in_lines("", 8) == [""]


@pytest.mark.parametrize("columns", [4, 8, 12])
def test_no_letters_are_smaller_than_those_of_notes(columns: int) -> None:
    heads = [f"ln_digital_finance({k})" for k in range(columns)]
    table = Table("Wide", pd.DataFrame([["-0.1234***"] * columns], index=["W_ln_digital_finance"], columns=heads))
    sizes = re.findall(r"^\\(small|footnotesize|scriptsize|tiny)$", table.to_latex(), re.M)
    assert set(sizes) <= {"small", "footnotesize"}
    runs = [run for one in word(table).tables for cell in one._cells for run in cell.paragraphs[0].runs]
    assert min(run.font.size.pt for run in runs) >= 8


def test_labels_of_chinese_titles_differ() -> None:
    cells = pd.DataFrame([["1"]], index=["x"], columns=["(1)"])
    labels = [
        re.findall(r"\\label{(.*)}", Table(title, cells).to_latex()) for title in ("基准回归，CO₂", "异质性：CO₂")
    ]
    assert labels == [["tab:基准回归-co"], ["tab:异质性-co"]]


def test_latex_gives_stars_and_minus_their_width() -> None:
    text = REGRESSION.to_latex()
    assert "lap{" not in text
    assert r"\phantom{***}$-$0.3000***\phantom{$-$}" in text


def test_a_negative_t_has_its_minus_within_the_parentheses() -> None:
    (sheet,) = book(Table("t", pd.DataFrame([["(-3.23)"]], index=["x"], columns=["(1)"])))
    cell = sheet["B4"]
    assert (cell.value, shown(cell)) == (-3.23, "(-3.23)")


def test_chinese_latex_says_that_it_needs_xelatex() -> None:
    table = Table("表3：基准回归", pd.DataFrame([["0.1"]], index=["数字经济"], columns=["(1)"]))
    first = table.to_latex().splitlines()[1]
    assert first == r"% \usepackage{ctex}, and xelatex to compile it"
    assert r"\caption{基准回归}" in table.to_latex()
    assert "xelatex" not in REGRESSION.to_latex()


@pytest.mark.parametrize("suffix", FORMATS)
def test_save_chooses_the_format_by_the_suffix(suffix: str, tmp_path: Path) -> None:
    path = REGRESSION.save(tmp_path / "new" / f"t{suffix.upper()}")
    assert path.read_bytes()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("t.docs", r"the suffix '.docs' is none; choose one of .docx, .xlsx.*Did you mean '.docx'"),
        ("t", "a suffix is missing; choose one of"),
        ("t.pdf", "the suffix '.pdf' is none"),
    ],
)
def test_another_suffix_is_a_sentence(name: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=sentence):
        REGRESSION.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_place_that_takes_no_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be written to"):
        REGRESSION.save(tmp_path / "file" / "t.md")


def test_a_word_document_without_its_package_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "docx", None)
    with pytest.raises(ConfigError, match=r"pip install python-docx"):
        REGRESSION.save(tmp_path / "t.docx")
    assert not list(tmp_path.iterdir())


def test_save_all_writes_all_or_refuses_before_the_first(tmp_path: Path) -> None:
    made = save_all(REGRESSION, tmp_path / "tables", "table3", ["docx", ".xlsx", "md"])
    assert {name: path.name for name, path in made.items()} == {
        "docx": "table3.docx", ".xlsx": "table3.xlsx", "md": "table3.md"
    }  # fmt: skip
    with pytest.raises(ConfigError, match=r"'xls' is no format of a table.*Did you mean 'xlsx'"):
        save_all(REGRESSION, tmp_path / "other", "t", ["md", "xls"])
    assert not (tmp_path / "other").exists()


def test_points_stand_above_each_other_in_text() -> None:
    lines = REGRESSION.to_text().splitlines()
    assert len({line.index(".") for line in lines if "ln_x" in line or line.strip().startswith("(0.1")}) == 1


def test_a_notebook_shows_the_html() -> None:
    assert REGRESSION._repr_html_() == REGRESSION.to_html()


@pytest.mark.parametrize("text", ["a\x00b", "\x1b[31mred", "half \ud800 a character", "￾"])
def test_what_no_file_holds_is_left_out(text: str) -> None:
    # pandas' own kind of text holds no halves of characters either
    names = pd.Index([text], dtype=object)
    table = Table(text, pd.DataFrame([[text]], index=names, columns=names, dtype=object), notes=(text,))
    for write in FORMATS.values():
        assert write(table)
    assert not set("\x00\x1b\ud800￾") & set(table.to_text())


def test_cells_that_are_no_texts_are_written_as_texts() -> None:
    table = Table("", pd.DataFrame([[1.5, "x"]], index=[2], columns=[0, 1]))
    assert table.to_markdown().splitlines() == ["|  | 0 | 1 |", "|---|---|---|", "| 2 | 1.5 | x |"]


def test_print_shows_the_text_of_a_table() -> None:
    table = Table("A title", pd.DataFrame({"(1)": ["0.12"]}, index=pd.Index(["x"])))
    assert str(table) == table.to_text()
    assert "Table(" not in str(table)


NESTED = Table(
    "Shares",
    pd.DataFrame({"share": ["60.0%", "1.000", "1.500", "40.0%"]}, index=["Sample", "full", "west", "Controls"]),
    indented=(1, 2),
)


def test_rows_that_are_parts_of_another_are_indented_in_every_format() -> None:
    (tables_in_word,) = word(NESTED).tables
    moved = [row.cells[0].paragraphs[0].paragraph_format.left_indent for row in tables_in_word.rows]
    assert [one is not None and one.pt >= 8 for one in moved] == [False, False, True, True, False]
    rows = re.findall(r"<tr( class=\"[^\"]*\")?><th scope=\"row\">(\w+)<", NESTED.to_html())
    assert rows == [("", "Sample"), (' class="dc-in"', "full"), (' class="dc-in"', "west"), ("", "Controls")]
    assert ".dc-in th{padding-left" in NESTED.to_html()
    sheet = book(NESTED).active
    assert [int(cell.alignment.indent) for cell in sheet["A"][3:7]] == [0, 1, 1, 0]
    assert [cell.value for cell in sheet["A"][3:7]] == ["Sample", "full", "west", "Controls"]
    assert re.findall(r"^(?:\{\})?(\\quad )?(\w+) &", NESTED.to_latex(), re.MULTILINE) == [
        *(("", "Sample"), ("\\quad ", "full"), ("\\quad ", "west"), ("", "Controls"))
    ]
    assert "\n  full " in NESTED.to_text()
    assert "\nControls " in NESTED.to_text()
    assert "| \N{EM SPACE}full |" in NESTED.to_markdown()
    assert list(NESTED.named.index) == ["Sample", "  full", "  west", "Controls"]


def test_indents_are_kept_with_a_table_and_in_its_parts() -> None:
    assert from_json(to_json(NESTED)).indented == (1, 2)
    wide = pd.DataFrame(
        {f"column {k:02}": ["1", "", "2"] if k < 9 else ["1", "3", "2"] for k in range(18)}, index=["a", "b", "c"]
    )
    first = Table("Wide", wide, indented=(2,)).to_text(60).split("(2/")[0]
    # the second row is empty in the first part, and left out there
    assert "\nb " not in first
    assert "\n  c " in first
