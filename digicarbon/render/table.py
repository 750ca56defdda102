"""A finished table of text cells, its file formats, and the common input of all writers: texts that each can store."""

from __future__ import annotations

import re
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import pandas as pd

from digicarbon.disk.files import put
from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut, suggestion
from digicarbon.note.brief import NoteLine, in_brief

SENTENCE = 40
"""A column with a longer cell contains sentences: it is wrapped and left-aligned."""
INDENT = 2
"""How many places the label of an indented row is moved to the right."""

_PIECE = re.compile(
    "[（《「【]*(?:[\u2e80-\U0010ffff][^\\w\\s（《「【]*|[^\\s\u2e80-\U0010ffff]+[）》」】，。：；、]*)\\s*"
)
"""An unbreakable piece of text: a word, or a Chinese character with the sign behind it."""
_NUMBER = re.compile(
    r"(?P<before>(?:\(|[tp] [=<] )?)(?P<digits>-?(?:0|[1-9]\d{0,14})(?:\.\d{1,12})?)(?P<after>\*{0,3}|\))\Z"
)


Line = tuple[tuple[str, int], ...]
"""Words over columns, from the left, and how many columns each covers."""
Spans = tuple[tuple[str, int, int], ...]
"""Words over columns, the first column of each, counted from 0, and how many columns it covers."""


@dataclass(frozen=True)
class Number:
    """A cell with one number, perhaps with stars, in parentheses or after ``t =``, ``p =`` or ``p <``.

    ``before``, ``digits``, ``after``: e.g. ``""``, ``"-0.1234"`` and ``"**"``.
    """

    before: str
    digits: str
    after: str

    @property
    def decimals(self) -> int:
        """How many digits follow the point."""
        return len(self.digits.partition(".")[2])


@dataclass(frozen=True)
class Grid:
    """A table as texts of one line each; fields that say nothing are as in `Table`."""

    title: str
    heads: tuple[str, ...]
    """Heads of the k columns."""
    levels: tuple[Spans, ...]
    """Lines of words over columns, from the top: the first column of each, counted from 0, and how many."""
    corners: tuple[str, ...]
    names: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    """A label and k cells each."""
    rules: frozenset[int]
    blocks: frozenset[int]
    indented: frozenset[int]
    notes: tuple[str, ...]
    language: str = "en"
    label: str = ""

    @property
    def label_length(self) -> int:
        """How many places the longest label takes."""
        return max(map(length, (*self.corners, *self.labels)), default=0)

    @property
    def labels(self) -> list[str]:
        """The label of each row behind the blanks that move it to the right."""
        return [" " * INDENT * (row in self.indented) + label for row, (label, _) in enumerate(self.rows)]

    @property
    def lengths(self) -> list[int]:
        """How many places each column takes: its longest text, or its part of the words over it."""
        own = (max(map(length, column), default=0) for column in self.columns)
        return [max(pair) for pair in zip(own, self.over, strict=True)]

    @property
    def over(self) -> list[int]:
        """How many places each column needs for its part of the words over it."""
        places = [0] * len(self.heads)
        for words, start, count in (span for level in self.levels for span in level):
            part = -(-length(words) // count)
            places[start : start + count] = [max(part, earlier) for earlier in places[start : start + count]]
        return places

    @property
    def above(self) -> list[tuple[str, ...]]:
        """The words over each column, from the top, with blanks where a line has none."""
        words = [[""] * len(self.heads) for _ in self.levels]
        for line, level in zip(words, self.levels, strict=True):
            for text, start, count in level:
                line[start : start + count] = [text] * count
        return list(zip(*words, strict=True)) if words else [()] * len(self.heads)

    def stays(self, row: int) -> bool:
        """Return whether a row stays on one page with the next: a heading, or a row with more beneath it."""
        return row in self.blocks or (row + 1 < len(self.rows) and not self.rows[row + 1][0])

    @property
    def columns(self) -> list[tuple[str, ...]]:
        """The head and the cells of each column."""
        return [(head, *(cells[k] for _, cells in self.rows)) for k, head in enumerate(self.heads)]

    @property
    def columns_of_cells(self) -> list[tuple[str, ...]]:
        """The cells of each column, without its head."""
        return [column[1:] for column in self.columns]

    @property
    def sentences(self) -> list[bool]:
        """Whether each column contains sentences."""
        return [any(length(cell) > SENTENCE for cell in column[1:]) for column in self.columns]


def split(grid: Grid, fits: Callable[[Grid], bool]) -> list[Grid]:
    """Split a table into tables with fewer columns that fit a page.

    Rows that are empty in a part, but not in the whole table, are left out there. Notes are under the last part; the
    other parts refer to it.
    """
    parts: list[Grid] = []
    start, every = 0, len(grid.heads)
    while start < every:
        end = start + 1
        while end < every and fits(columns_of(grid, start, end + 1)):
            end += 1
        end = before_span(grid, start, end)
        parts.append(columns_of(grid, start, end))
        start = end
    if len(parts) < 2:
        return [grid]
    titled = [
        replace(without_empty(part, grid), title=f"{grid.title} ({k}/{len(parts)})".strip())
        for k, part in enumerate(parts, 1)
    ]
    # a label names one table
    titled = [
        replace(part, label=f"{grid.label}-{k}" if grid.label and k > 1 else grid.label)
        for k, part in enumerate(titled, 1)
    ]
    return [*(replace(part, notes=_elsewhere(grid, len(parts))) for part in titled[:-1]), titled[-1]]


def before_span(grid: Grid, start: int, end: int) -> int:
    """Return where a part ends so that it does not cut the topmost words over its last columns, if that is possible."""
    for level in grid.levels:
        for _, first, count in level:
            if start < first < end < first + count:
                return first
    return end


def _elsewhere(grid: Grid, parts: int) -> tuple[str, ...]:
    """Return the line that replaces the notes, in their language."""
    if not grid.notes:
        return ()
    return (
        f"注释见第{parts}/{parts}部分下方。"
        if grid.language == "zh"
        else f"The notes stand below part {parts}/{parts}.",
    )


def without_empty(part: Grid, whole: Grid) -> Grid:
    """Return a part of a table without rows that are empty only there, and without headings of such rows only."""
    # a row without a label belongs to the one above it, e.g. a standard error to its coefficient
    firsts = [row for row, (label, _) in enumerate(part.rows) if label or not row]
    ends = [*firsts[1:], len(part.rows)]
    groups = [range(first, end) for first, end in zip(firsts, ends, strict=True)]
    rows_left: list[int] = []
    for group in groups:
        here, anywhere = (any(any(one.rows[row][1]) for row in group) for one in (part, whole))
        if group[0] in part.blocks or here or not anywhere:
            rows_left += group
    # headings last: only now it is known whether rows remain below them
    sections = sorted({*part.blocks, *part.rules, len(part.rows)})
    for row in part.blocks:
        below = range(row + 1, next(end for end in sections if end > row))
        if below and not any(one in rows_left for one in below):
            rows_left.remove(row)
    if len(rows_left) in (0, len(part.rows)):
        return part
    position = {row: at for at, row in enumerate(rows_left)}
    rules_left = (next((at for row, at in position.items() if row >= rule), None) for rule in part.rules)
    return replace(
        part,
        rows=tuple(part.rows[row] for row in rows_left),
        rules=frozenset(at for at in rules_left if at is not None),
        blocks=frozenset(position[row] for row in part.blocks if row in position),
        indented=frozenset(position[row] for row in part.indented if row in position),
    )


def columns_of(grid: Grid, start: int, end: int) -> Grid:
    """Return a table with some of the columns."""

    def within(level: Spans) -> Spans:
        spans = ((words, max(at, start), min(at + count, end)) for words, at, count in level)
        return tuple((words, first - start, last - first) for words, first, last in spans if first < last)

    return replace(
        grid,
        heads=grid.heads[start:end],
        levels=tuple(map(within, grid.levels)),
        names=grid.names[start:end],
        rows=tuple((label, cells[start:end]) for label, cells in grid.rows),
    )


def underlined(level: Spans) -> bool:
    """Return whether lines are drawn below words over columns: where some are over several."""
    return any(count > 1 for _, _, count in level)


def in_lines(text: str, places: int) -> list[str]:
    """Return a text in lines of at most ``places``, broken at blanks and between Chinese characters only."""
    lines: list[str] = []
    for piece in _PIECE.findall(text):
        if lines and length(lines[-1] + piece.rstrip()) <= places:
            lines[-1] += piece
        else:
            lines.append(piece)
    return [line.strip() for line in lines] or [text]


def clean(text: object) -> str:
    """Return a text in one line, without control characters and surrogates, which file formats cannot store."""
    line = " ".join(str(text).split())
    letters = (letter for letter in line if unicodedata.category(letter) not in ("Cc", "Cs", "Cn", "Co"))
    return "".join(letters).strip()


def number(cell: str) -> Number | None:
    """Return the number of a cell, or None if it contains anything else."""
    match = _NUMBER.match(cell)
    if match is None or (match["before"] == "(") != (match["after"] == ")"):
        return None
    return Number(match["before"], match["digits"], match["after"])


def length(text: str) -> int:
    """Return how many places a text takes where Chinese characters take two."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def spread(spanners: Sequence[tuple[str, int]]) -> Spans:
    """Return a line of words over columns with the column at which each begins, without those that have no words."""
    result, start = [], 0
    for words, count in spanners:
        if words and count:
            result.append((clean(words), start, count))
        start += count
    return tuple(result)


LONGEST_REPR = 900
"""A longer table is not shown by `repr`."""


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """A finished table: text cells, ready for any reader.

    Attributes
    ----------
    title : str
    cells : DataFrame
        Text; the index holds row labels, the columns column heads.
    rules : tuple of int
        Rows with a line above them.
    notes : tuple of str
        All of them. Shown are two lines, and each caution; see `with_notes`.
    below : Table or None
        A second table that is shown below this one.
    spanners : tuple of (str, int), or of several such tuples
        Words over columns, from the left, and how many columns each covers; empty words: no heading. Several lines of
        them, from the top, are a tuple each.
    blocks : tuple of int
        Rows that are the heading of the rows below them, e.g. ``Direct effect``.
    indented : tuple of int
        Rows whose label is moved to the right, since they are parts of a row above them.
    language : {"en", "zh"}
        Language of the notes.
    corners : tuple of str
        What is left of each line of words over columns, from the top, and of the heads, e.g. the name of a choice.
    names : tuple of str
        What each column is called in files for programs and in links, e.g. the label of its run; empty: its head.
    label : str
        By which a LaTeX paper refers to the table, e.g. ``tab:main``; empty: one from the title.
    every_note : bool
        Whether all notes are shown.

    Notes
    -----
    Every format has each text in one line: line breaks become spaces, control characters are left out.
    """

    title: str
    cells: pd.DataFrame
    rules: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    below: Table | None = None
    spanners: Line | tuple[Line, ...] = ()
    blocks: tuple[int, ...] = ()
    indented: tuple[int, ...] = field(default=(), kw_only=True)
    language: str = "en"
    corners: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    label: str = ""
    every_note: bool = field(default=False, kw_only=True)

    def __str__(self) -> str:
        """Return the table as plain text, so that ``print`` shows it; in a terminal, in parts that it has room for."""
        text = self.to_text(shutil.get_terminal_size().columns if sys.stdout.isatty() else None)
        if not (more := self.hidden_notes):
            return text
        remark = Note("notes_more_of_table", notes=more)
        return f"{text}{remark.text('zh' if self.language == 'zh' else 'en')}\n"

    @property
    def levels(self) -> tuple[Line, ...]:
        """The lines of words over columns, from the top."""
        lines: list[Line] = []
        single: list[tuple[str, int]] = []
        for one in self.spanners:
            match one:
                case (str() as words, int() as count):
                    single.append((words, count))
                case _:
                    lines.append(tuple((str(words), int(count)) for words, count in one))
        return (*lines, tuple(single)) if single else tuple(lines)

    @property
    def named(self) -> pd.DataFrame:
        """The cells for files of values: the name of each column is its head, and blanks are before indented labels."""
        cells = self.cells.set_axis(list(self.names), axis="columns") if self.names else self.cells
        if not self.indented:
            return cells
        moved = [" " * INDENT * (row in self.indented) + str(label) for row, label in enumerate(cells.index)]
        return cells.set_axis(moved, axis="index")

    def __repr__(self) -> str:
        text = self.to_text()
        if len(text) <= LONGEST_REPR:
            return text
        rows, columns = self.cells.shape
        title = f" '{self.title[: LONGEST_REPR // 2]}'" if self.title else ""
        return f"Table{title} of {rows} rows and {columns} columns; print() shows it"

    def with_notes(self) -> Table:
        """Return the table with all notes below it, and those of the tables below it."""
        return replace(self, every_note=True, below=None if self.below is None else self.below.with_notes())

    @property
    def shown_notes(self) -> tuple[str, ...]:
        """The notes that stand below the table."""
        return self.notes if self.every_note else in_brief(self.notes, "zh" if self.language == "zh" else "en")

    @property
    def hidden_notes(self) -> int:
        """How many notes are not shown in their own words, here and below."""
        shown = set(self.shown_notes)
        here = sum(isinstance(note, NoteLine) and not note.is_whole and note not in shown for note in self.notes)
        return here + (0 if self.below is None else self.below.hidden_notes)

    def to_markdown(self) -> str:
        """Return the table as Markdown, notes below, and the table below after them."""
        from digicarbon.render.markdown import markdown

        return markdown(self.grids)

    def to_text(self, width: int | None = None) -> str:
        """Return the table as plain text, numbers aligned at their points.

        Parameters
        ----------
        width : int, optional
            How many places a line has; a wider table is split by columns.
        """
        from digicarbon.render.text import text

        return text(self.grids, width)

    def to_html(self) -> str:
        """Return the table as a piece of HTML for any page, with its own style."""
        from digicarbon.render.html import html

        return html(self.grids)

    def to_html_piece(self, links: Mapping[str, str] | None = None) -> str:
        """Return the table as HTML for a page that already has the style of tables (`digicarbon.render.html.STYLE`).

        Parameters
        ----------
        links : mapping of str to str
            Addresses by the name of a column or the label of a row: heads, labels and the cells that belong to them
            link there.
        """
        from digicarbon.render.html import pieces

        return pieces(self.grids, links)

    def to_latex(self) -> str:
        r"""Return the table as LaTeX (booktabs), to be read by ``\input``.

        Its first lines say which packages it needs; one with Chinese characters needs ``xelatex`` and ``ctex``.
        """
        from digicarbon.render.latex import latex

        return latex(self.grids)

    def to_docx(self) -> bytes:
        """Return a Word document with the table as Word's own, in three lines.

        The head is repeated on each page, and a wide table is on a landscape page.

        Raises
        ------
        ConfigError
            If python-docx is not installed.
        """
        from digicarbon.render.word import word

        return word(self.grids)

    def to_xlsx(self) -> bytes:
        """Return an Excel workbook, a sheet per table.

        A cell that is one number is a number, with the printed digits; stars and parentheses are its number format.
        """
        from digicarbon.render.excel import excel

        return excel(self.grids)

    def save(self, path: str | Path) -> Path:
        """Write the table to a file, completely or not at all.

        Parameters
        ----------
        path : str or Path
            Its suffix chooses the format: ``.docx``, ``.xlsx``, ``.tex``, ``.html``, ``.md`` or ``.txt``.

        Returns
        -------
        Path

        Raises
        ------
        ConfigError
            If the suffix is no format of a table, or the file cannot be written.
        """
        path = Path(path)
        refuse_format(path)
        content = FORMATS[path.suffix.lower()](self)
        try:
            put(path, content)
        except OSError as error:
            raise ConfigError(Note("table_not_written", file=path, reason=error.strerror or str(error))) from error
        return path

    def _repr_html_(self) -> str:
        return self.to_html()

    @property
    def by_file(self) -> dict[str, Table]:
        """The table and those below it by the names of their CSV files."""
        parts, one = {"table.csv": self}, self.below
        while one is not None:
            parts[f"table_below{f'_{len(parts)}' if len(parts) > 1 else ''}.csv"] = one
            one = one.below
        return parts

    @property
    def grids(self) -> tuple[Grid, ...]:
        """The table and those below it."""
        rows = tuple(
            (clean(label), tuple(map(clean, row)))
            for label, row in zip(self.cells.index, self.cells.to_numpy(), strict=True)
        )
        heads = tuple(map(clean, self.cells.columns))
        corners = [*map(clean, self.corners), *[""] * (1 + len(self.levels) - len(self.corners))]
        # a line without words is none
        lines = [
            (spread(line), corner) for line, corner in zip(self.levels, corners, strict=False) if any(spread(line))
        ]
        own = Grid(
            title=clean(self.title),
            heads=heads,
            levels=tuple(spans for spans, _ in lines),
            corners=(*(corner for _, corner in lines), corners[len(self.levels)]),
            names=tuple(map(str, self.names)) or heads,
            rows=rows,
            rules=frozenset(self.rules),
            blocks=frozenset(self.blocks),
            indented=frozenset(self.indented),
            notes=tuple(filter(None, map(clean, self.shown_notes))),
            language=self.language,
            label=self.label,
        )
        return (own,) if self.below is None else (own, *self.below.grids)


def stacked(tables: Sequence[Table]) -> Table:
    """Return tables one below the other, each after those that are below the one before."""
    first, *others = tables
    if not others:
        return first
    rest = stacked(others)
    return replace(first, below=rest if first.below is None else stacked([first.below, rest]))


def to_json(table: Table) -> dict[str, Any]:
    """Return a table as plain values, from which `from_json` makes an equal one."""
    return {one.name: getattr(table, one.name) for one in fields(table)} | {
        "heads": list(map(str, table.cells.columns)),
        "labels": list(map(str, table.cells.index)),
        "cells": [list(map(str, row)) for row in table.cells.to_numpy()],
        "notes": [_noted(note) for note in table.notes],
        "below": None if table.below is None else to_json(table.below),
        "spanners": table.levels,
    }


def from_json(plain: Mapping[str, Any]) -> Table:
    """Return the table that `to_json` made plain.

    Raises LookupError, ValueError, TypeError if the values are no table's.
    """
    # tables of earlier versions lack some fields
    own = {one.name: plain[one.name] for one in fields(Table) if one.name in plain}
    return Table(
        **{name: tuple(value) if isinstance(value, list) else value for name, value in own.items()}
        | {
            "cells": pd.DataFrame(plain["cells"], index=plain["labels"], columns=plain["heads"]),
            "below": None if plain["below"] is None else from_json(plain["below"]),
            "spanners": tuple(map(_line, plain["spanners"])),
            # plain texts, and all notes of earlier versions, have neither a kind nor short words
            "notes": tuple(note if isinstance(note, str) else NoteLine(*note) for note in plain["notes"]),
        }
    )


def _noted(note: str) -> str | tuple[str, ...]:
    return note.__getnewargs__() if isinstance(note, NoteLine) else str(note)


def _line(plain: Any) -> Any:
    """Return a line of words over columns, or, of an earlier version, one of its words."""
    return tuple(plain) if isinstance(plain[0], str) else tuple((words, count) for words, count in plain)


def _page(table: Table) -> bytes:
    from digicarbon.render.html import page

    return page(table.grids).encode()


FORMATS: Mapping[str, Callable[[Table], bytes]] = {
    ".docx": Table.to_docx,
    ".xlsx": Table.to_xlsx,
    ".tex": lambda table: table.to_latex().encode(),
    ".html": _page,
    ".md": lambda table: table.to_markdown().encode(),
    ".txt": lambda table: table.to_text().encode(),
}
"""What writes a table, by the suffix of its file."""


def refuse_format(path: Path) -> None:
    """Raise a ConfigError if the suffix of a file is no format of a table."""
    suffix = path.suffix.lower()
    if suffix in FORMATS:
        return
    formats, hint = cut(FORMATS, 9), suggestion(suffix, FORMATS)
    if not suffix:
        raise ConfigError(Note("table_without_suffix", file=path.name, formats=formats, hint=hint))
    raise ConfigError(Note("not_a_table_format", file=path.name, suffix=path.suffix, formats=formats, hint=hint))


def save_all(table: Table, folder: str | Path, stem: str, formats: Iterable[str]) -> dict[str, Path]:
    """Write a table in several formats.

    Parameters
    ----------
    table : Table
    folder : str or Path
        Created if it does not exist.
    stem : str
        The files' name without its suffix.
    formats : iterable of str
        With or without their dots, e.g. ``["docx", "xlsx"]``.

    Returns
    -------
    dict of str to Path
        The file of each format, with the formats of the call as keys.

    Raises
    ------
    ConfigError
        If a format is unknown (then no file is written), or a file cannot be written.
    """
    suffixes = {name: f".{name.lower().removeprefix('.')}" for name in formats}
    known = [suffix.removeprefix(".") for suffix in FORMATS]
    for name, suffix in suffixes.items():
        if suffix not in FORMATS:
            note = Note("no_format_of_table", format=name, formats=cut(known, 9), hint=suggestion(name, known))
            raise ConfigError(note)
    return {name: table.save(Path(folder) / f"{stem}{suffix}") for name, suffix in suffixes.items()}
