"""Tables as an Excel workbook, a sheet each."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from digicarbon.disk.cells import is_formula
from digicarbon.render.grid import SENTENCE, Grid, Number, length, number

if TYPE_CHECKING:
    from openpyxl.cell import Cell
    from openpyxl.worksheet.worksheet import Worksheet

MOST_LETTERS = 31
"""A sheet's name is no longer."""
MOST_TEXT = 32_767
"""A cell holds no longer text."""
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


def _sheet_name(title: str, taken: Sequence[str]) -> str:
    """Return a name for a sheet that Excel takes and no other sheet has."""
    words = re.sub(r"[\[\]:*?/\\]", " ", title).strip(" '") or "Table"
    name, others = words[:MOST_LETTERS].strip(" '"), [other.casefold() for other in taken]
    copy = 2
    while name.casefold() in others:
        name = f"{words[: MOST_LETTERS - 4].strip()} ({copy})"
        copy += 1
    return name


def _write(sheet: Worksheet, grid: Grid) -> None:
    from openpyxl.styles import Alignment, Border, Font, Side
    from openpyxl.utils import get_column_letter

    columns = 1 + len(grid.heads)
    _say(sheet.cell(1, 1), grid.title).font = Font(name=FONT, bold=True)
    head = 4 if grid.spanners else 3
    for words, start, count in grid.spanners:
        _say(sheet.cell(head - 1, start + 2), words).alignment = Alignment(horizontal="center")
        if count > 1:
            sheet.merge_cells(
                start_row=head - 1, start_column=start + 2, end_row=head - 1, end_column=start + count + 1
            )
    for column, words in enumerate(grid.heads, start=2):
        _say(sheet.cell(head, column), words).alignment = Alignment(horizontal="center", wrap_text=True)
    long = grid.sentences
    for row, (label, cells) in enumerate(grid.rows, start=head + 1):
        _say(sheet.cell(row, 1), label).font = Font(name=FONT, italic=row - head - 1 in grid.blocks)
        for column, (text, sentence) in enumerate(zip(cells, long, strict=True), start=2):
            cell = _fill(sheet.cell(row, column), text)
            side = "left" if sentence else "center"
            cell.alignment = Alignment(horizontal=side, vertical="top", wrap_text=sentence)
    bottom_row = head + len(grid.rows)
    thick, thin, hair = Side("medium"), Side("thin"), Side("hair")
    above = {3: thick, head: thick if head == 3 else None}
    for row in range(3, bottom_row + 1):
        for column in range(1, columns + 1):
            top = above.get(row) or (hair if row - head - 1 in grid.rules and row > head + 1 else None)
            bottom = thick if row == bottom_row else thin if row == head else None
            if top or bottom:
                sheet.cell(row, column).border = Border(top=top, bottom=bottom)
    widths = [min(max(places, 6), SENTENCE) + 3 for places in (grid.label_length, *grid.lengths)]
    for column, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(column)].width = width
    for row, note in enumerate(grid.notes, start=bottom_row + 1):
        cell = _say(sheet.cell(row, 1), note)
        cell.font, cell.alignment = Font(name=FONT, size=9), Alignment(wrap_text=True, vertical="top")
        # Excel does not make the row of a merged cell as high as its text
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
    sheet.print_title_rows = f"{head}:{head}"
    sheet.print_area = f"A1:{get_column_letter(columns)}{last}"


def _fill(cell: Cell, text: str) -> Cell:
    """Write a number where the text is one, and the text elsewhere."""
    found = number(text)
    value = None if found is None else float(found.digits)
    # a sheet knows no negative zero
    if found is None or value is None or (value == 0 and found.digits.startswith("-")):
        return _say(cell, text)
    cell.value = value if found.decimals else int(found.digits)
    cell.number_format = _format(found)
    cell.font = _font()
    return cell


def _format(found: Number) -> str:
    """Return the number format that shows a number as it is printed."""
    digits = f"0.{'0' * found.decimals}" if found.decimals else "0"
    shown = f"{_quoted(found.before)}{digits}{_quoted(found.after)}"
    # by itself a minus would stand before the parenthesis
    return f"{shown};{_quoted(found.before + '-')}{digits}{_quoted(found.after)}" if found.before else shown


def _quoted(text: str) -> str:
    return f'"{text}"' if text else ""


def _say(cell: Cell, text: str) -> Cell:
    """Write a text as a text, also where it looks like a formula."""
    if text:
        cell.value = text[:MOST_TEXT]
        cell.data_type = "s"
        # so that it stays one when somebody edits the cell
        cell.quotePrefix = is_formula(text)
    cell.font = _font()
    return cell


def _font() -> object:
    from openpyxl.styles import Font

    return Font(name=FONT)
