"""The raw cells of workbooks and of text tables, without interpretation."""

from __future__ import annotations

import csv
import io
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import xlrd
from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import range_boundaries
from openpyxl.utils.exceptions import InvalidFileException

from digicarbon.disk.files import check_zip
from digicarbon.disk.text import encodings, separator
from digicarbon.errors import DataError
from digicarbon.note import Note, cut

SUFFIXES = (".xlsx", ".xlsm", ".xls", ".csv", ".tsv", ".txt")
"""The kinds of file that `sheets` reads."""

MOST_CELLS = 30_000_000
"""A sheet with more cells is no table: a stray cell is far away from the others."""

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
# errors that third-party parsers raise for damaged workbooks
_BROKEN = (
    ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError, OSError, EOFError, RuntimeError,
    NotImplementedError, OverflowError, SyntaxError, struct.error, zipfile.BadZipFile, zlib.error, csv.Error,
    InvalidFileException, xlrd.XLRDError, xlrd.compdoc.CompDocError,
)  # fmt: skip
_MERGED = re.compile(rb'<mergeCell\b[^>]*?\bref="([A-Z]+\d+:[A-Z]+\d+)"')
# a formula whose result was never saved, as programs write it; t="str" is a formula whose result is an empty text
_UNSAVED = re.compile(
    rb'<c r="([A-Z]+\d+)"(?![^>]*t="str")[^>]*><f[^>]*?(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>'
)


@dataclass(frozen=True, eq=False)
class Sheet:
    """The cells of one sheet, or of one text file.

    ``name``: the sheet's name; empty for a text file. ``cells``: objects as the file has them (text, numbers, dates,
    None), a RangeIndex on both axes; all cells of a text file are text or None. ``merged``: first row, first column,
    last row and last column of each merged block; its value is in the first cell.
    """

    file: Path
    name: str
    cells: pd.DataFrame
    merged: tuple[tuple[int, int, int, int], ...] = ()
    hidden: bool = False

    @cached_property
    def where(self) -> Note | str:
        """File and sheet, as messages name them."""
        return _where(self.file, self.name) if self.name else self.file.name

    @property
    def unended(self) -> bool:
        """Whether this is a text file whose last line has no line break, as if it were cut off."""
        return not self.name and not self.file.read_bytes().rstrip(b"\0").endswith((b"\n", b"\r"))

    def cell(self, row: int, column: int) -> str:
        """Return the A1 name of a cell."""
        return f"{get_column_letter(column + 1)}{row + 1}"

    def place(self, row: int, column: int) -> Note:
        """Return file, sheet and cell, e.g. ``a.xlsx, sheet 2012, cell C7``."""
        return Note("cell_of_sheet", where=self.where, cell=self.cell(row, column))

    def merged_into(self, row: int, column: int) -> str:
        """Return the A1 name of the first cell of the merged block that covers a cell; empty if none does."""
        for top, left, bottom, right in self.merged:
            if top <= row <= bottom and left <= column <= right and (row, column) != (top, left):
                return self.cell(top, left)
        return ""

    def spread(self) -> pd.DataFrame:
        """Return the cells with the value of each merged block in all of its cells."""
        values = self.cells.to_numpy(dtype=object, copy=True)
        for top, left, bottom, right in self.merged:
            if top < len(values) and left < values.shape[1]:
                values[top : bottom + 1, left : right + 1] = values[top, left]
        return pd.DataFrame(values, dtype=object)


def visible(file: Path) -> tuple[list[Sheet], list[Note]]:
    """Return the sheets that are neither hidden nor empty, and a note on those that are.

    Raises DataError as `sheets`, and if all sheets are hidden or empty.
    """
    all_sheets = sheets(file)
    shown = [sheet for sheet in all_sheets if not sheet.hidden and not sheet.cells.empty]
    if not shown:
        workbook = file.suffix.lower().startswith(".xls")
        raise DataError(Note("import_file_without_sheets" if workbook else "import_file_without_cells", file=file.name))
    hidden = [sheet.name for sheet in all_sheets if sheet.hidden and not sheet.cells.empty]
    empty = [sheet.name for sheet in all_sheets if sheet.cells.empty]
    notes = [Note("import_sheets_hidden", file=file.name, sheets=cut(hidden))] if hidden else []
    notes += [Note("import_sheets_empty", file=file.name, sheets=cut(empty))] if empty else []
    return shown, notes


def sheets(file: Path) -> list[Sheet]:
    """Read all sheets of a workbook, hidden and empty ones too, or a text file as one sheet.

    ``file``: ``.xlsx``, ``.xls``, or text separated by commas, tabs or semicolons in UTF-8, UTF-16 (with its mark) or
    GB18030 (which includes GBK and GB2312). The content decides, not the suffix. Raises DataError if the file is
    missing, empty, cut off, damaged, encrypted, in another encoding, or has formulas without saved results.
    """
    try:
        if not file.is_file():
            raise DataError(Note("import_no_file", file=file))
        with file.open("rb") as stream:
            start = stream.read(8)
        if not start:
            raise DataError(Note("import_file_empty", file=file.name))
        if start.startswith(_ZIP):
            check_zip(file)
            return _xlsx(file)
        if start.startswith(_OLE):
            return _xls(file)
        if file.suffix.lower().startswith(".xls") and start.lstrip()[:1] == b"<":
            raise DataError(Note("import_file_is_web_page", file=file.name))
        return [_text(file)]
    except _BROKEN as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(Note("import_file_unreadable", file=file.name, reason=reason[:200])) from error


def _xlsx(file: Path) -> list[Sheet]:
    result = []
    # a stream, since openpyxl refuses a workbook whose name says .xls
    with file.open("rb") as stream, warnings.catch_warnings():
        # openpyxl warns of drawings, styles and the like that no table needs
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        try:
            with zipfile.ZipFile(file) as archive:
                for sheet in book.worksheets:
                    result.append(_xlsx_sheet(file, sheet, archive))
        finally:
            book.close()
    return result


def _xlsx_sheet(file: Path, sheet: Any, archive: zipfile.ZipFile) -> Sheet:
    # a file may state a wrong size, and cells beyond it would be lost
    sheet.reset_dimensions()
    where = _where(file, sheet.title)
    cells = _framed(sheet.iter_rows(values_only=True), where)
    xml = archive.read(sheet._worksheet_path.lstrip("/"))
    unsaved = _UNSAVED.search(xml)
    if unsaved:
        raise DataError(
            Note("import_formula_without_result", where=Note("cell_of_sheet", where=where, cell=unsaved[1].decode()))
        )
    blocks = (range_boundaries(match[1].decode()) for match in _MERGED.finditer(xml))
    merged = tuple((top - 1, left - 1, bottom - 1, right - 1) for left, top, right, bottom in blocks)
    return Sheet(file, str(sheet.title), cells, merged, sheet.sheet_state != "visible")


def _xls(file: Path) -> list[Sheet]:
    # xlrd writes remarks on odd files to its log file
    with xlrd.open_workbook(file, formatting_info=True, logfile=io.StringIO()) as book:
        return [_xls_sheet(file, sheet, book.datemode) for sheet in book.sheets()]


def _xls_sheet(file: Path, sheet: Any, datemode: int) -> Sheet:
    rows = ([_xls_value(cell, datemode) for cell in sheet.row(number)] for number in range(sheet.nrows))
    cells = _framed(rows, _where(file, sheet.name))
    merged = tuple((top, left, bottom - 1, right - 1) for top, bottom, left, right in sheet.merged_cells)
    return Sheet(file, str(sheet.name), cells, merged, sheet.visibility != 0)


def _where(file: Path, sheet: str) -> Note:
    return Note("sheet_of_file", file=file.name, sheet=sheet)


def _xls_value(cell: Any, datemode: int) -> object:
    match cell.ctype:
        case xlrd.XL_CELL_EMPTY | xlrd.XL_CELL_BLANK:
            return None
        case xlrd.XL_CELL_ERROR:
            return xlrd.error_text_from_code[cell.value]
        case xlrd.XL_CELL_BOOLEAN:
            return bool(cell.value)
        case xlrd.XL_CELL_DATE:
            return xlrd.xldate_as_datetime(cell.value, datemode)
        case _:
            return cell.value


def _text(file: Path) -> Sheet:
    content = _decoded(file.read_bytes(), file)
    if "\0" in content:
        raise DataError(Note("import_file_no_text", file=file.name))
    rows = list(csv.reader(io.StringIO(content, newline=""), delimiter=separator(content, ",", headed=False)))
    widths = [len(row) for row in rows if any(row)]
    # a note under the table has one cell; a last line with several cells and no line break is an incomplete row
    if len(widths) > 1 and 1 < widths[-1] < widths[-2] and not content.endswith(("\n", "\r")):
        raise DataError(Note("import_file_cut_off_in_line", file=file.name, cells=widths[-1], usual=widths[-2]))
    return Sheet(file, "", _framed(([cell or None for cell in row] for row in rows), file.name))


def _decoded(content: bytes, file: Path) -> str:
    # imported names are permanent, so no encoding is guessed: cp1252 would accept any bytes
    for name in (one for one in encodings(content) if one != "cp1252"):
        try:
            return content.decode(name)
        except UnicodeDecodeError as error:
            at_end = error.start >= len(content) - 3 and len(content) > 8
            if at_end and (name != "gb18030" or error.reason == "incomplete multibyte sequence"):
                line = content.count(b"\n", 0, error.start) + 1
                raise DataError(
                    Note("import_file_cut_off_in_letter", file=file.name, line=line, bytes=error.start)
                ) from error
    raise DataError(Note("import_file_of_other_encoding", file=file.name))


def _framed(rows: Iterator[Sequence[object]] | Any, where: Note | str) -> pd.DataFrame:
    """Return rows of unequal length as a frame without the empty rows and columns at its end."""
    lines: list[Sequence[object]] = []
    width = height = 0
    for row in rows:
        length = len(row)
        while length and (row[length - 1] is None or row[length - 1] == ""):
            length -= 1
        lines.append(row[:length])
        if length:
            height = len(lines)
            width = max(width, length)
        if height * width > MOST_CELLS:
            raise DataError(Note("import_sheet_too_large", where=where, cell=f"{get_column_letter(width)}{height}"))
    del lines[height:]
    padded = [[*row, *[None] * (width - len(row))] for row in lines]
    frame = pd.DataFrame(padded, dtype=object, columns=range(width))
    return frame.set_axis(pd.RangeIndex(len(frame.columns)), axis=1)
