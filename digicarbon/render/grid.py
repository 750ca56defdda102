"""The common input of all writers of tables: texts that every format can store."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

SENTENCE = 40
"""A column with a longer cell contains sentences: it is wrapped and left-aligned."""

_PIECE = re.compile(
    "[（《「【]*(?:[\u2e80-\U0010ffff][^\\w\\s（《「【]*|[^\\s\u2e80-\U0010ffff]+[）》」】，。：；、]*)\\s*"
)
"""An unbreakable piece of text: a word, or a Chinese character with the sign behind it."""
_NUMBER = re.compile(r"(?P<before>\(?)(?P<digits>-?(?:0|[1-9]\d{0,14})(?:\.\d{1,12})?)(?P<after>\*{0,3}|\))\Z")


@dataclass(frozen=True)
class Number:
    """A cell with one number, perhaps with stars or in parentheses.

    Attributes
    ----------
    before, digits, after : str
        E.g. ``""``, ``"-0.1234"`` and ``"**"``.
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
    """A table as texts of one line each.

    Attributes
    ----------
    title : str
    heads : tuple of str
        Heads of the k columns.
    spanners : tuple of (str, int, int)
        Words over several columns: the first of them, counted from 0, and how many.
    rows : tuple of (str, tuple of str)
        A label and k cells each.
    rules : frozenset of int
        Rows that begin a new block.
    blocks : frozenset of int
        Rows that are the heading of a block.
    notes : tuple of str
    language : {"en", "zh"}
        Language of the notes.
    """

    title: str
    heads: tuple[str, ...]
    spanners: tuple[tuple[str, int, int], ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    rules: frozenset[int]
    blocks: frozenset[int]
    notes: tuple[str, ...]
    language: str = "en"

    @property
    def label_length(self) -> int:
        """How many places the longest label takes."""
        return max((length(label) for label, _ in self.rows), default=0)

    @property
    def lengths(self) -> list[int]:
        """How many places each column takes: its longest text, or its part of the words over it."""
        own = (max(map(length, column), default=0) for column in self.columns)
        return [max(pair) for pair in zip(own, self.over, strict=True)]

    @property
    def over(self) -> list[int]:
        """How many places each column needs for its part of the words over it."""
        places = [0] * len(self.heads)
        for words, start, count in self.spanners:
            places[start : start + count] = [-(-length(words) // count)] * count
        return places

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
        while end < every and fits(_cut(grid, start, end + 1)):
            end += 1
        parts.append(_cut(grid, start, end))
        start = end
    if len(parts) < 2:
        return [grid]
    titled = [
        replace(_without_empty(part, grid), title=f"{grid.title} ({k}/{len(parts)})".strip())
        for k, part in enumerate(parts, 1)
    ]
    return [*(replace(part, notes=_elsewhere(grid, len(parts))) for part in titled[:-1]), titled[-1]]


def _elsewhere(grid: Grid, parts: int) -> tuple[str, ...]:
    """Return the line that replaces the notes, in their language."""
    if not grid.notes:
        return ()
    return (
        f"注释见第{parts}/{parts}部分下方。"
        if grid.language == "zh"
        else f"The notes stand below part {parts}/{parts}.",
    )


def _without_empty(part: Grid, whole: Grid) -> Grid:
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
    )


def _cut(grid: Grid, start: int, end: int) -> Grid:
    spans = ((words, max(at, start), min(at + count, end)) for words, at, count in grid.spanners)
    return replace(
        grid,
        heads=grid.heads[start:end],
        spanners=tuple((words, first - start, last - first) for words, first, last in spans if first < last),
        rows=tuple((label, cells[start:end]) for label, cells in grid.rows),
    )


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


def spread(spanners: Sequence[tuple[str, int]]) -> tuple[tuple[str, int, int], ...]:
    """Return spanners with the column at which each begins, without those that have no words."""
    result, start = [], 0
    for words, count in spanners:
        if words and count:
            result.append((clean(words), start, count))
        start += count
    return tuple(result)
