"""A table as a Word document: three lines, the head repeated on each page, notes below."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.render.table import SENTENCE, Grid, length, split, underlined

CENTIMETRE = 28.35
"""In points."""
PORTRAIT, LANDSCAPE = 16.0 * CENTIMETRE, 24.7 * CENTIMETRE
"""How wide a table can be on A4 with margins of 2.5 cm, in points."""
SIZE, SMALLEST, NOTE = 10.5, 8.0, 9.0
"""Font sizes in points: usual, smallest (a table that still does not fit is split), and of notes."""
PLACE = 0.62
"""How wide a character is at a size of one point, also in the wider font of a machine without Times New Roman."""
AIR = 8.0
"""Points beside the text of each column, half of them on either side."""
THICK, THIN = 12, 6
"""Eighths of a point: the lines above and below the table, and those within."""
FONT, CHINESE = "Times New Roman", "SimSun"
_WORD = re.compile("[!-\u2e7f]+")
"""A piece without line breaks; lines may break between any two Chinese characters."""


def word(grids: Sequence[Grid]) -> bytes:
    """Return a document with tables one below the other; a `ConfigError` without python-docx."""
    try:
        from docx import Document
    except ImportError as error:
        raise ConfigError(Note("needs_python_docx")) from error
    # a line break within a word is worse than a second table
    grids = [part for grid in grids for part in split(grid, lambda one: _width(one, SMALLEST) <= LANDSCAPE)]
    document = Document()
    _set_page(document, landscape=any(_width(grid, SIZE) > PORTRAIT for grid in grids))
    _set_style(document)
    for grid in grids:
        _write(document, grid)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _set_page(document: Any, landscape: bool) -> None:
    from docx.enum.section import WD_ORIENT
    from docx.shared import Cm

    section = document.sections[0]
    short, long = Cm(21.0), Cm(29.7)
    section.orientation = WD_ORIENT.LANDSCAPE if landscape else WD_ORIENT.PORTRAIT
    section.page_width, section.page_height = (long, short) if landscape else (short, long)
    for side in ("left_margin", "right_margin", "top_margin", "bottom_margin"):
        setattr(section, side, Cm(2.5))


def _set_style(document: Any) -> None:
    from docx.oxml.ns import qn
    from docx.shared import Pt

    style = document.styles["Normal"]
    style.font.name, style.font.size = FONT, Pt(SIZE)
    style.element.rPr.rFonts.set(qn("w:eastAsia"), CHINESE)
    style.paragraph_format.space_before = style.paragraph_format.space_after = Pt(0)


def _write(document: Any, grid: Grid) -> None:
    from docx.enum.table import WD_TABLE_ALIGNMENT
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt

    if grid.title:
        title = document.add_paragraph()
        title.add_run(grid.title).bold = True
        title.alignment = WD_ALIGN_PARAGRAPH.CENTER
        title.paragraph_format.keep_with_next = True
        title.paragraph_format.space_after = Pt(4)
    heads = 1 + len(grid.levels)
    table = document.add_table(rows=heads + len(grid.rows), cols=1 + len(grid.heads))
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    room = LANDSCAPE if document.sections[0].page_width > document.sections[0].page_height else PORTRAIT
    size = _size(grid, room)
    _fill(table, grid, heads, size)
    _set_widths(table, _widths(grid, size, room))
    _rule(table, grid, heads)
    for note in grid.notes:
        paragraph = document.add_paragraph()
        paragraph.add_run(note).font.size = Pt(NOTE)
        paragraph.paragraph_format.space_before = Pt(2)
    document.add_paragraph()


def _fill(table: Any, grid: Grid, heads: int, size: float) -> None:
    """Write all texts row by row: python-docx would search the whole table for each single cell."""
    from docx.shared import Pt

    long = grid.sentences
    rows = [row.cells for row in table.rows]
    for cells, level in zip(rows, grid.levels, strict=False):
        for words, start, count in level:
            _write_text(cells[start + 1].merge(cells[start + count]), words, size, centred=True)
    for cells, corner in zip(rows, grid.corners, strict=False):
        _write_text(cells[0], corner, size, centred=False)
    for cell, head in zip(rows[heads - 1][1:], grid.heads, strict=True):
        _write_text(cell, head, size, centred=True)
    for position, (label, texts) in enumerate(grid.rows):
        cells = rows[heads + position]
        apart = 4.0 if position in grid.rules and position else 0.0
        _write_text(cells[0], label, size, centred=False, italic=position in grid.blocks, apart=apart)
        if position in grid.indented:
            cells[0].paragraphs[0].paragraph_format.left_indent = Pt(size)
        for cell, text, sentence in zip(cells[1:], texts, long, strict=True):
            _write_text(cell, text, size, centred=not sentence, apart=apart)
        if grid.stays(position):
            for cell in cells:
                cell.paragraphs[0].paragraph_format.keep_with_next = True


def _write_text(cell: Any, text: str, size: float, centred: bool, italic: bool = False, apart: float = 0.0) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt

    paragraph = cell.paragraphs[0]
    run = paragraph.add_run(text)
    run.font.size, run.italic = Pt(size), italic or None
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER if centred else WD_ALIGN_PARAGRAPH.LEFT
    paragraph.paragraph_format.space_before = Pt(apart)


def _size(grid: Grid, room: float) -> float:
    """Return the largest size of letters at which the table fits, half a point at a time."""
    size = SIZE
    while size > SMALLEST and _width(grid, size) > room:
        size -= 0.5
    return size


def _width(grid: Grid, size: float) -> float:
    return sum(_natural(grid, size))


def _natural(grid: Grid, size: float) -> list[float]:
    """Return the width of each column in points; sentences are wrapped, between words only."""
    columns = ([*grid.corners, *grid.labels], *grid.columns)
    words = (max((length(word) for text in column for word in _WORD.findall(text)), default=0) for column in columns)
    whole = (min(places, SENTENCE) for places in (grid.label_length, *grid.lengths))
    return [max(pair) * PLACE * size + AIR for pair in zip(words, whole, strict=True)]


def _widths(grid: Grid, size: float, room: float) -> list[float]:
    """Return the widths of columns that fill the page's width."""
    natural = _natural(grid, size)
    return [width * room / sum(natural) for width in natural]


def _set_widths(table: Any, widths: Sequence[float]) -> None:
    from docx.shared import Pt

    for column, width in zip(table.columns, widths, strict=True):
        column.width = Pt(width)
    for row in table.rows:
        for cell in row._tr.tc_lst:
            span = cell.grid_span
            start = cell.grid_offset
            cell.width = Pt(sum(widths[start : start + span]))


def _rule(table: Any, grid: Grid, heads: int) -> None:
    """Draw the three lines, have the head repeated on each page, and keep rows in one piece."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    def border(place: str, width: int) -> Any:
        line = OxmlElement(f"w:{place}")
        for name, value in (("val", "single"), ("sz", str(width)), ("space", "0"), ("color", "auto")):
            line.set(qn(f"w:{name}"), value)
        return line

    borders = OxmlElement("w:tblBorders")
    borders.append(border("top", THICK))
    borders.append(border("bottom", THICK))
    layout = table._tbl.tblPr.find(qn("w:tblLayout"))
    layout.addprevious(borders)
    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        margin = OxmlElement(f"w:{side}")
        margin.set(qn("w:w"), str(int(AIR / 2 * 20)))
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    layout.addnext(margins)
    for row in table.rows:
        properties = row._tr.get_or_add_trPr()
        properties.append(OxmlElement("w:cantSplit"))
    for row in list(table.rows)[:heads]:
        row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    starts = [{start + 1 for _, start, _ in level if underlined(level)} for level in grid.levels]
    for position, row in enumerate(list(table.rows)[:heads]):
        for cell in row._tr.tc_lst:
            if position == heads - 1 or cell.grid_offset in starts[position]:
                lines = OxmlElement("w:tcBorders")
                lines.append(border("bottom", THIN))
                _place(cell.get_or_add_tcPr(), lines, qn)


def _place(properties: Any, borders: Any, qn: Any) -> None:
    """Insert borders in the order of Word's schema: after width, span and merging."""
    preceding = [properties.find(qn(f"w:{name}")) for name in ("vMerge", "hMerge", "gridSpan", "tcW", "cnfStyle")]
    last = next((element for element in preceding if element is not None), None)
    if last is None:
        properties.insert(0, borders)
    else:
        last.addnext(borders)
