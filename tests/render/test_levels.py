"""Lines of words over columns in every format."""

from __future__ import annotations

import io

import openpyxl
import pandas as pd
from docx import Document
from rich.console import Console

from digicarbon.cli.command import show
from digicarbon.render import Table, from_json, to_json

LEVELS = Table(
    "Grid",
    pd.DataFrame([["0.1234***"] * 4, ["p = 0.012"] * 4], index=["ln_x", ""], columns=["(1)", "(2)", "(3)", "(4)"]),
    spanners=((("W1", 2), ("W2", 2)), (("time", 1), ("two-way", 1), ("time", 1), ("two-way", 1))),
    corners=("Spatial weights", "Fixed effects", ""),
    names=("a", "b", "c", "d"),
    label="tab:grid",
)


def test_text_has_a_line_per_level_and_parts_in_a_narrow_place() -> None:
    lines = LEVELS.to_text().splitlines()
    assert lines[2].replace("-", "").split() == ["Spatial", "weights", "W1", "W2"]
    assert lines[2].endswith("--- W2 ------------")
    assert lines[3].split() == ["Fixed", "effects", "time", "two-way", "time", "two-way"]
    assert lines[4].split() == ["(1)", "(2)", "(3)", "(4)"]
    parts = LEVELS.to_text(50)
    assert max(map(len, parts.splitlines())) <= 50
    assert "Grid (1/2)" in parts
    assert [parts.count(words) for words in ("W1", "W2", "(1)", "(4)")] == [1, 1, 1, 1]


def test_a_part_does_not_cut_words_over_columns() -> None:
    # three columns would fit
    assert LEVELS.to_text(56).count("W2") == 1


def test_markdown_has_all_levels_in_its_one_head() -> None:
    head = LEVELS.to_markdown().splitlines()[2]
    assert head == (
        "| Spatial weights, Fixed effects | W1, time: (1) | W1, two-way: (2) | W2, time: (3) | W2, two-way: (4) |"
    )


def test_html_says_what_each_head_is_over() -> None:
    html = LEVELS.to_html()
    assert '<th class="dc-over" scope="colgroup" colspan="2">W1</th>' in html
    assert html.count('<th scope="col">two-way</th>') == 2
    assert '<th scope="row">Spatial weights</th>' in html
    assert "<th></th>" not in html
    (frame,) = pd.read_html(io.StringIO(html), keep_default_na=False)
    assert frame.columns[4] == ("W2", "two-way", "(4)")


def test_links_go_by_the_names_of_columns() -> None:
    html = LEVELS.to_html_piece({"c": "there"})
    assert '<a href="there">(3)</a>' in html
    assert html.count('href="there"') == 3


def test_latex_has_rules_below_words_over_several_columns() -> None:
    lines = LEVELS.to_latex().splitlines()
    at = lines.index(r"Spatial weights & \multicolumn{2}{c}{W1} & \multicolumn{2}{c}{W2} \\")
    assert lines[at + 1] == r"\cmidrule(lr){2-3}\cmidrule(lr){4-5}"
    assert lines[at + 2].startswith(r"Fixed effects & \multicolumn{1}{c}{time}")
    assert not lines[at + 3].startswith(r"\cmidrule")
    assert r"\label{tab:grid}" in "\n".join(lines)


def test_word_merges_cells() -> None:
    (table,) = Document(io.BytesIO(LEVELS.to_docx())).tables
    assert [cell.text for cell in table.rows[0].cells] == ["Spatial weights", "W1", "W1", "W2", "W2"]
    assert [cell.grid_span for cell in table.rows[0]._tr.tc_lst] == [1, 2, 2]
    assert [cell.text for cell in table.rows[2].cells] == ["", "(1)", "(2)", "(3)", "(4)"]


def test_excel_merges_cells_and_repeats_all_heads() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(LEVELS.to_xlsx())).active
    assert {str(cells) for cells in sheet.merged_cells.ranges} == {"B3:C3", "D3:E3"}
    assert [sheet.cell(row, 1).value for row in (3, 4)] == ["Spatial weights", "Fixed effects"]
    assert sheet.print_title_rows == "$3:$5"
    cell = sheet.cell(7, 2)
    assert (cell.value, cell.number_format) == (0.012, '"p = "0.000;"p = -"0.000')


def shown(table: Table, width: int) -> list[str]:
    stream = io.StringIO()
    show(table, Console(file=stream, width=width, force_terminal=True, color_system=None, markup=False))
    return stream.getvalue().splitlines()


def test_the_terminal_shows_words_over_their_columns() -> None:
    lines = shown(LEVELS, 100)
    assert len({len(line.rstrip()) for line in lines[1:]}) == 1
    assert [piece.strip() for piece in lines[2].strip("┃").split("┃")] == ["Spatial weights", "W1", "W2"]
    assert [line[0] for line in lines[1:8]] == ["┏", "┃", "┣", "┃", "┣", "┃", "┡"]
    narrow = shown(LEVELS, 50)
    assert sum(line.startswith("┏") for line in narrow) == 2
    assert max(map(len, (line.rstrip() for line in narrow))) <= 50


def test_json_keeps_levels_and_reads_the_one_line_of_earlier_versions() -> None:
    again = from_json(to_json(LEVELS))
    assert to_json(again) == to_json(LEVELS)
    assert (again.levels, again.corners, again.names, again.label) == (
        LEVELS.levels, LEVELS.corners, LEVELS.names, "tab:grid",
    )  # fmt: skip
    old = {key: value for key, value in to_json(LEVELS).items() if key not in ("corners", "names", "label")}
    assert from_json({**old, "spanners": [["W1", 2], ["W2", 2]]}).levels == ((("W1", 2), ("W2", 2)),)
