"""The format of a text file: its encoding, and the separators of cells, decimals and thousands."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from digicarbon.disk.files import gunzip
from digicarbon.errors import DataError
from digicarbon.note import Note

WORDS = {"comma": ",", "point": ".", "semicolon": ";", "tab": "\t", "\\t": "\t", "blank": " ", "apostrophe": "'"}
"""Words for characters that need quotation marks on a command line."""

DELIMITERS = (",", ";", "\t", "|")
_SAMPLE = 200
"""The number of rows used to detect the separator."""

# including non-breaking blanks and the typographic apostrophe
_GROUPS = {",": ",", ".": r"\.", " ": "[ \u00a0\u202f]", "'": "['\u2019]"}
_OTHER = {",": ".", ".": ","}
_ALONE = re.compile(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])")
_HIGH = re.compile(rb"[\x80-\xff]")


@dataclass(frozen=True)
class TextFormat:
    """The format of a text file; None means that it is detected from the file.

    ``delimiter``: the character between cells. ``decimal``, ``thousands``: the characters before decimals and between
    thousands. ``fields``: the settings above that the configuration can set, for messages.
    """

    encoding: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    fields: tuple[str, ...] = ("encoding",)


@dataclass(frozen=True)
class Figures:
    """The notation of numbers.

    ``sure``: whether the file or the configuration determines it; otherwise it is only the usual notation.
    """

    decimal: str = "."
    thousands: str | None = None
    sure: bool = True

    @property
    def plain(self) -> bool:
        """Whether Python can read such numbers without a conversion."""
        return self.decimal == "." and self.thousands is None

    @cached_property
    def _table(self) -> dict[int, str]:
        # the thousands marks in `_GROUPS`, and blanks at both ends
        between = {"'": "'\u2019"}.get(self.thousands or "", self.thousands or "") + " \u00a0\u202f"
        return {**dict.fromkeys(map(ord, between), ""), ord(self.decimal): "."}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        groups = rf"|\d{{1,3}}(?:{_GROUPS[self.thousands]}\d{{3}})+" if self.thousands else ""
        decimal = re.escape(self.decimal)
        return re.compile(rf"\s*[+-]?(?={decimal}?\d)(?:\d*{groups})(?:{decimal}\d*)?(?:[eE][+-]?\d+)?\s*")

    def fit(self, cells: pd.Series[Any]) -> bool:
        """Return whether all text cells are numbers in this notation."""
        matches = self._pattern.fullmatch
        return all(not isinstance(cell, str) or matches(cell) for cell in cells.to_numpy(dtype=object))

    def read(self, cell: object) -> object:
        """Return the number in a matching text cell in Python's notation; other cells unchanged."""
        return cell.translate(self._table) if isinstance(cell, str) else cell


def decoded(file: Path, where: str, written: TextFormat) -> tuple[str, str]:
    """Return a file's text and its encoding: the configured one, or the first of `encodings` that fits.

    Raises DataError if the file is not text in such an encoding.
    """
    raw = gunzip(file) if file.suffix.lower() == ".gz" else file.read_bytes()
    for name in (written.encoding,) if written.encoding else encodings(raw):
        try:
            return raw.decode(name).removeprefix("\ufeff"), name.removesuffix("-sig")
        except UnicodeError:
            continue
        except LookupError as error:
            raise DataError(Note("text_unknown_encoding", key=f"{where}.encoding", encoding=name)) from error
    names = written.encoding or Note("text_usual_encodings")
    if "encoding" in written.fields:
        raise DataError(Note("text_of_other_encoding", key=f"{where}.encoding", file=file.name, encodings=names))
    raise DataError(Note("text_not_utf8", file=file.name, encodings=names))


def shown_mark(mark: str | None) -> str:
    """Return the word for a character on the command line, where most characters need quotation marks."""
    return next((word for word, known in WORDS.items() if known == mark), str(mark))


def separator(text: str, usual: str, headed: bool = True) -> str:
    """Return the cell separator of a text: the mark that gives all rows the same number of cells, and the most cells.

    If no mark does, it is the most frequent mark in the first row, or in all rows if the first one may be a title
    (``headed`` false). In a tie ``usual`` wins.
    """
    marks = sorted(DELIMITERS, key=lambda mark: mark != usual)
    head = text[: _end_of_row(text, _SAMPLE)]
    rows = {mark: cells for mark in marks if (cells := _rows(head, mark))}
    widths = {mark: len(cells[0]) for mark, cells in rows.items()}
    even = {mark: n for mark, n in widths.items() if n > 1 and all(len(row) == n for row in rows[mark])}
    candidates = even or (widths if headed else {mark: head.count(mark) for mark in marks})
    return max(candidates, key=lambda mark: candidates[mark], default=usual)


def figures(cells: Mapping[Hashable, pd.Series[Any]], numeric: Iterable[Hashable], written: TextFormat) -> Figures:
    """Return the notation of the numbers in a table.

    All columns share one notation: a column that can be read only with decimal commas (``0,51``, ``1.234,5``) decides
    for all columns, and so does one that needs decimal points (``0.51``, ``1,234.5``). ``1,234`` alone is ambiguous.

    ``cells``: the columns without their gaps. ``numeric``: the columns that are numbers without a conversion.
    ``written``: the format in the configuration, and the character between cells.
    """
    thousands = written.thousands
    known = set(numeric)
    other = [column for name, column in cells.items() if name not in known]
    decimal = written.decimal or _OTHER.get(thousands or "")
    if decimal is not None:
        return _grouped(decimal, thousands, other if decimal == "." else cells.values())
    points, commas = Figures(".", thousands or ","), Figures(",", thousands or ".")
    # numeric columns are checked only if other columns hold such marks, or if commas are likely
    fits = {(points.fit(column), commas.fit(column)) for column in other}
    if written.delimiter != ";" and not any(map(any, fits)):
        return Figures(".", thousands)
    fits |= {(points.fit(cells[name]), commas.fit(cells[name])) for name in known}
    if ((True, False) in fits) == ((False, True) in fits):
        return Figures(".", thousands, sure=False)
    return _grouped("." if (True, False) in fits else ",", thousands, cells.values())


def in_doubt(cells: pd.Series[Any], notation: Figures) -> str:
    """Return a cell whose point may separate thousands or decimals, if all cells are ambiguous; else an empty text."""
    if notation.sure or notation.decimal != "." or not Figures(",", ".").fit(cells):
        return ""
    return next((cell for cell in cells if isinstance(cell, str) and "." in cell), "")


def _grouped(decimal: str, thousands: str | None, columns: Iterable[pd.Series[Any]]) -> Figures:
    """Return figures with a mark between thousands if it is configured or a column needs it to be numeric."""
    bare, grouped = Figures(decimal, thousands), Figures(decimal, thousands or _OTHER[decimal])
    needed = thousands is None and any(not bare.fit(column) and grouped.fit(column) for column in columns)
    return grouped if needed else bare


def encodings(raw: bytes) -> tuple[str, ...]:
    """Return the possible encodings of bytes, likeliest first: that of a byte order mark, or UTF-8 and a guess."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ("utf-16",)
    return ("utf-8-sig", guessed_encoding(raw))


def guessed_encoding(raw: bytes) -> str:
    """Return the likely encoding, cp1252 or gb18030, of bytes that are not UTF-8.

    A Western European accented letter is one high byte, mostly between plain letters. GB18030, which includes GBK, uses
    two high bytes for nearly every character. The majority decides, because both often accept the other's bytes.
    """
    high = len(_HIGH.findall(raw))
    alone = len(_ALONE.findall(raw))
    return "cp1252" if 2 * alone > high and b"\0" not in raw else "gb18030"


def _end_of_row(text: str, number: int) -> int:
    end = 0
    for _ in range(number):
        end = text.find("\n", end) + 1
        if not end:
            return len(text)
    return end


def _rows(text: str, mark: str) -> list[list[str]]:
    lines = (line for line in io.StringIO(text, newline=None) if line.strip())
    try:
        return list(csv.reader(lines, delimiter=mark))
    except csv.Error:
        return []
