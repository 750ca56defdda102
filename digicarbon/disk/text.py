"""How a text file is written: its encoding, what separates cells, decimals and thousands."""

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

from digicarbon.disk.unpack import gunzip
from digicarbon.errors import DataError
from digicarbon.note import Note

WORDS = {
    "comma": ",",
    "point": ".",
    "semicolon": ";",
    "tab": "\t",
    "\\t": "\t",
    "blank": " ",
    "apostrophe": "'",
}
"""Words for characters that a command line takes only in quotation marks."""

DELIMITERS = (",", ";", "\t", "|")
_SAMPLE = 200
"""Rows that are looked at for the separator."""

# blanks that do not break a line, and the typographic apostrophe, are meant too
_GROUPS = {",": ",", ".": r"\.", " ": "[ \u00a0\u202f]", "'": "['\u2019]"}
_OTHER = {",": ".", ".": ","}
_ALONE = re.compile(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])")
_HIGH = re.compile(rb"[\x80-\xff]")


@dataclass(frozen=True)
class TextFormat:
    """How a text file is written; what is None is found out from the file.

    Attributes
    ----------
    encoding : str or None
    delimiter : str or None
        The character between cells.
    decimal, thousands : str or None
        The characters before decimals and between thousands.
    fields : tuple of str
        Which of these the configuration can say, for messages.
    """

    encoding: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    fields: tuple[str, ...] = ("encoding",)


@dataclass(frozen=True)
class Figures:
    """How numbers are written.

    Attributes
    ----------
    decimal : str
    thousands : str or None
    sure : bool
        Whether the file or the configuration tells it; otherwise it is only the usual way.
    """

    decimal: str = "."
    thousands: str | None = None
    sure: bool = True

    @property
    def plain(self) -> bool:
        """Whether Python reads such numbers by itself."""
        return self.decimal == "." and self.thousands is None

    @cached_property
    def _table(self) -> dict[int, str]:
        # the marks that `_GROUPS` allows, and the blanks at the ends
        between = {"'": "'\u2019"}.get(self.thousands or "", self.thousands or "") + " \u00a0\u202f"
        return {**dict.fromkeys(map(ord, between), ""), ord(self.decimal): "."}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        groups = rf"|\d{{1,3}}(?:{_GROUPS[self.thousands]}\d{{3}})+" if self.thousands else ""
        decimal = re.escape(self.decimal)
        return re.compile(rf"\s*[+-]?(?={decimal}?\d)(?:\d*{groups})(?:{decimal}\d*)?(?:[eE][+-]?\d+)?\s*")

    def fit(self, cells: pd.Series[Any]) -> bool:
        """Return whether all cells that are text are numbers that are written so."""
        matches = self._pattern.fullmatch
        return all(not isinstance(cell, str) or matches(cell) for cell in cells.to_numpy(dtype=object))

    def read(self, cell: object) -> object:
        """Return a cell that fits as Python writes the number; a cell that is no text as it is."""
        return cell.translate(self._table) if isinstance(cell, str) else cell


def decoded(file: Path, where: str, written: TextFormat) -> tuple[str, str]:
    """Return a file's text and the encoding that it is in: the first of `encodings` that fits, where none is given.

    Raises
    ------
    DataError
        If the file is not text of such an encoding.
    """
    raw = gunzip(file) if file.suffix.lower() == ".gz" else file.read_bytes()
    for name in (written.encoding,) if written.encoding else encodings(raw):
        try:
            return raw.decode(name).removeprefix("\ufeff"), name.removesuffix("-sig")
        except UnicodeError:
            continue
        except LookupError as error:
            raise DataError(Note("text_unknown_encoding", key=f"{where}.encoding", encoding=name)) from error
    tried = written.encoding or Note("text_usual_encodings")
    if "encoding" in written.fields:
        raise DataError(Note("text_of_other_encoding", key=f"{where}.encoding", file=file.name, encodings=tried))
    raise DataError(Note("text_not_utf8", file=file.name, encodings=tried))


def shown_mark(mark: str | None) -> str:
    """Return how a character is written on the command line, where most need quotation marks: as a word."""
    return next((word for word, known in WORDS.items() if known == mark), str(mark))


def separator(text: str, usual: str, headed: bool = True) -> str:
    """Return what separates the cells of a text: what gives all rows equally many cells, and the most of them.

    Where nothing does, it is what the first row has most of, or all rows together where the first one may be a title
    (``headed`` false); ``usual`` goes before others that do as well.
    """
    marks = sorted(DELIMITERS, key=lambda mark: mark != usual)
    head = text[: _end_of_row(text, _SAMPLE)]
    rows = {mark: found for mark in marks if (found := _rows(head, mark))}
    widths = {mark: len(found[0]) for mark, found in rows.items()}
    even = {mark: n for mark, n in widths.items() if n > 1 and all(len(row) == n for row in rows[mark])}
    candidates = even or (widths if headed else {mark: head.count(mark) for mark in marks})
    return max(candidates, key=lambda mark: candidates[mark], default=usual)


def figures(cells: Mapping[Hashable, pd.Series[Any]], numeric: Iterable[Hashable], written: TextFormat) -> Figures:
    """Return how the numbers of a table are written.

    They are all written alike: a column that only decimal commas make numbers of (``0,51``, ``1.234,5``) tells it for
    every column, likewise one that only points do (``0.51``, ``1,234.5``). ``1,234`` alone tells nothing.

    Parameters
    ----------
    cells : mapping of name to Series
        The columns without their gaps.
    numeric : iterable of names
        The columns that are numbers as they stand.
    written : TextFormat
        What the configuration says, and the character between cells.
    """
    thousands = written.thousands
    known = set(numeric)
    unread = [column for name, column in cells.items() if name not in known]
    told = written.decimal or _OTHER.get(thousands or "")
    if told is not None:
        return _grouped(told, thousands, unread if told == "." else cells.values())
    points, commas = Figures(".", thousands or ","), Figures(",", thousands or ".")
    # numbers as they stand are looked at only if commas are there, or may be expected
    fits = {(points.fit(column), commas.fit(column)) for column in unread}
    if written.delimiter != ";" and not any(map(any, fits)):
        return Figures(".", thousands)
    fits |= {(points.fit(cells[name]), commas.fit(cells[name])) for name in known}
    if ((True, False) in fits) == ((False, True) in fits):
        return Figures(".", thousands, sure=False)
    return _grouped("." if (True, False) in fits else ",", thousands, cells.values())


def in_doubt(cells: pd.Series[Any], found: Figures) -> str:
    """Return a cell whose point may stand between thousands as well as before decimals, if all are so; else nothing."""
    if found.sure or found.decimal != "." or not Figures(",", ".").fit(cells):
        return ""
    return next((cell for cell in cells if isinstance(cell, str) and "." in cell), "")


def _grouped(decimal: str, thousands: str | None, columns: Iterable[pd.Series[Any]]) -> Figures:
    """Return figures that have marks between thousands where these are given or a column is no number without."""
    bare, grouped = Figures(decimal, thousands), Figures(decimal, thousands or _OTHER[decimal])
    needed = thousands is None and any(not bare.fit(column) and grouped.fit(column) for column in columns)
    return grouped if needed else bare


def encodings(raw: bytes) -> tuple[str, ...]:
    """Return the encodings that bytes may be in, in the order to try them: that of their mark, or UTF-8 and a guess."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ("utf-16",)
    return ("utf-8-sig", guessed_encoding(raw))


def guessed_encoding(raw: bytes) -> str:
    """Return which of cp1252 and gb18030 bytes are that are no UTF-8.

    Accented letters of Western Europe stand alone between plain ones, while GB18030, which includes GBK, takes two such
    bytes for nearly every character: what most bytes do decides. Both often accept the bytes of the other.
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
