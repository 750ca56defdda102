"""What every writer of a table starts from: texts without anything that a format cannot hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

SENTENCE = 40
"""A column with a longer cell holds sentences: it is wrapped and set flush left."""

_NUMBER = re.compile(r"(?P<before>\(?)(?P<digits>-?(?:0|[1-9]\d{0,14})(?:\.\d{1,12})?)(?P<after>\*{0,3}|\))\Z")


@dataclass(frozen=True)
class Number:
    """A cell that holds one number, perhaps with stars or in parentheses.

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
        """How many digits stand behind the point."""
        return len(self.digits.partition(".")[2])


@dataclass(frozen=True)
class Grid:
    """A table as texts of one line each.

    Attributes
    ----------
    title : str
    heads : tuple of str
        Of the k columns.
    spanners : tuple of (str, int, int)
        Words over several columns: the first of them, counted from 0, and how many.
    rows : tuple of (str, tuple of str)
        A label and k cells each.
    rules : frozenset of int
        Rows before which a block ends.
    blocks : frozenset of int
        Rows that are the heading of a block.
    notes : tuple of str
    """

    title: str
    heads: tuple[str, ...]
    spanners: tuple[tuple[str, int, int], ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    rules: frozenset[int]
    blocks: frozenset[int]
    notes: tuple[str, ...]

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
        found = [0] * len(self.heads)
        for words, start, count in self.spanners:
            found[start : start + count] = [-(-length(words) // count)] * count
        return found

    def stays(self, row: int) -> bool:
        """Return whether a row stands on one page with the next: a heading, or one with more beneath it."""
        return row in self.blocks or (row + 1 < len(self.rows) and not self.rows[row + 1][0])

    @property
    def columns(self) -> list[tuple[str, ...]]:
        """The head and the cells of each column."""
        return [(head, *(cells[k] for _, cells in self.rows)) for k, head in enumerate(self.heads)]

    @property
    def sentences(self) -> list[bool]:
        """Whether each column holds sentences."""
        return [any(length(cell) > SENTENCE for cell in column[1:]) for column in self.columns]


def split(grid: Grid, fits: Callable[[Grid], bool]) -> list[Grid]:
    """Return a table as tables of fewer columns that fit a page; notes stand under the last one."""
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
    titled = [replace(part, title=f"{grid.title} ({k}/{len(parts)})".strip()) for k, part in enumerate(parts, 1)]
    return [*(replace(part, notes=()) for part in titled[:-1]), titled[-1]]


def _cut(grid: Grid, start: int, end: int) -> Grid:
    spans = ((words, max(at, start), min(at + count, end)) for words, at, count in grid.spanners)
    return replace(
        grid,
        heads=grid.heads[start:end],
        spanners=tuple((words, first - start, last - first) for words, first, last in spans if first < last),
        rows=tuple((label, cells[start:end]) for label, cells in grid.rows),
    )


def clean(text: object) -> str:
    """Return a text in one line, without control characters and halves of characters, which no file format holds."""
    line = " ".join(str(text).split())
    kept = (letter for letter in line if unicodedata.category(letter) not in ("Cc", "Cs", "Cn", "Co"))
    return "".join(kept).strip()


def number(cell: str) -> Number | None:
    """Return the number of a cell, or None where it holds anything else."""
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
    """Return spanners with the column at which each begins, those without words left out."""
    found, start = [], 0
    for words, count in spanners:
        if words and count:
            found.append((clean(words), start, count))
        start += count
    return tuple(found)
