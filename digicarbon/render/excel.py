"""Tables as an Excel workbook, a sheet each."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from digicarbon.disk.cells import is_formula
from digicarbon.render.table import SENTENCE, Grid, Number, length, number, underlined

if TYPE_CHECKING:
    from openpyxl.cell import Cell
    from openpyxl.worksheet.worksheet import Worksheet

MOST_LETTERS = 31
"""The longest name of a sheet."""
MOST_TEXT = 32_767
"""The longest text of a cell."""
FONT = "Times New Roman"


def excel(grids: Sequence[Grid]) -> bytes:
    """Return a workbook with a sheet per table."""
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    for grid in grids:
        _write(book.create_sheet(_sheet_name(grid.title, book.sheetnames)), grid)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _sheet_name(title: str, names: Sequence[str]) -> str:
    """Return a name for a sheet that Excel accepts and no other sheet has."""
    words = re.sub(r"[\[\]:*?/\\]", " ", title).strip(" '") or "Table"
    name, used = words[:MOST_LETTERS].strip(" '"), [other.casefold() for other in names]
    copy = 2
    while name.casefold() in used:
        name = f"{words[: MOST_LETTERS - 4].strip()} ({copy})"
        copy += 1
    return name


def _write(sheet: Worksheet, grid: Grid) -> None:
    from openpyxl.styles import Alignment, Border, Font, Side
    from openpyxl.utils import get_column_letter

    columns = 1 + len(grid.heads)
    _write_text(sheet.cell(1, 1), grid.title).font = Font(name=FONT, bold=True)
    head = 3 + len(grid.levels)
    for row, corner in enumerate(grid.corners, start=3):
        _write_text(sheet.cell(row, 1), corner)
    for row, level in enumerate(grid.levels, start=3):
        for words, start, count in level:
            _write_text(sheet.cell(row, start + 2), words).alignment = Alignment(horizontal="center")
            if count > 1:
                sheet.merge_cells(start_row=row, start_column=start + 2, end_row=row, end_column=start + count + 1)
    for column, words in enumerate(grid.heads, start=2):
        _write_text(sheet.cell(head, column), words).alignment = Alignment(horizontal="center", wrap_text=True)
    long = grid.sentences
    for row, (label, cells) in enumerate(grid.rows, start=head + 1):
        first = _write_text(sheet.cell(row, 1), label)
        first.font = Font(name=FONT, italic=row - head - 1 in grid.blocks)
        if row - head - 1 in grid.indented:
            first.alignment = Alignment(horizontal="left", indent=1)
        for column, (text, sentence) in enumerate(zip(cells, long, strict=True), start=2):
            cell = _fill(sheet.cell(row, column), text)
            side = "left" if sentence else "center"
            cell.alignment = Alignment(horizontal=side, vertical="top", wrap_text=sentence)
    bottom_row = head + len(grid.rows)
    thick, thin, hair = Side("medium"), Side("thin"), Side("hair")
    spanned = {
        (row, start + 2 + k)
        for row, level in enumerate(grid.levels, start=3)
        for _, start, count in level
        for k in range(count)
        if underlined(level)
    }
    for row in range(3, bottom_row + 1):
        for column in range(1, columns + 1):
            top = thick if row == 3 else (hair if row - head - 1 in grid.rules and row > head + 1 else None)
            bottom = thick if row == bottom_row else thin if row == head or (row, column) in spanned else None
            if top or bottom:
                sheet.cell(row, column).border = Border(top=top, bottom=bottom)
    widths = [min(max(places, 6), SENTENCE) + 3 for places in (grid.label_length, *grid.lengths)]
    for column, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(column)].width = width
    for row, note in enumerate(grid.notes, start=bottom_row + 1):
        cell = _write_text(sheet.cell(row, 1), note)
        cell.font, cell.alignment = Font(name=FONT, size=9), Alignment(wrap_text=True, vertical="top")
        # Excel does not adapt the height of a row to the text of a merged cell
        sheet.merge_cells(f"A{row}:{get_column_letter(columns)}{row}")
        sheet.row_dimensions[row].height = 13 * -(-length(note) // int(sum(widths)))
    _set_print(sheet, head, columns, bottom_row + len(grid.notes))


def _set_print(sheet: Worksheet, head: int, columns: int, last: int) -> None:
    """Keep head and labels in sight, print all columns on one page's width, and the head on each page."""
    from openpyxl.utils import get_column_letter

    sheet.freeze_panes = f"B{head + 1}"
    sheet.sheet_view.showGridLines = False
    sheet.page_setup.orientation = "landscape" if columns > 6 else "portrait"
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_title_rows = f"3:{head}"
    sheet.print_area = f"A1:{get_column_letter(columns)}{last}"


def _fill(cell: Cell, text: str) -> Cell:
    """Write a number if the text is one, else the text."""
    parsed = number(text)
    value = None if parsed is None else float(parsed.digits)
    # a sheet cannot show a negative zero
    if parsed is None or value is None or (value == 0 and parsed.digits.startswith("-")):
        return _write_text(cell, text)
    cell.value = value if parsed.decimals else int(parsed.digits)
    cell.number_format = _format(parsed)
    cell.font = _font()
    return cell


def _format(parsed: Number) -> str:
    """Return the number format that shows a number as it is printed."""
    digits = f"0.{'0' * parsed.decimals}" if parsed.decimals else "0"
    positive = f"{_quoted(parsed.before)}{digits}{_quoted(parsed.after)}"
    # by default a minus would be outside of the parenthesis
    return f"{positive};{_quoted(parsed.before + '-')}{digits}{_quoted(parsed.after)}" if parsed.before else positive


def _quoted(text: str) -> str:
    return f'"{text}"' if text else ""


def _write_text(cell: Cell, text: str) -> Cell:
    """Write a text as text, even if it looks like a formula."""
    if text:
        cell.value = text[:MOST_TEXT]
        cell.data_type = "s"
        # so that it remains a text when somebody edits the cell
        cell.quotePrefix = is_formula(text)
    cell.font = _font()
    return cell


def _font() -> object:
    from openpyxl.styles import Font

    return Font(name=FONT)
