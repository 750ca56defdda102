"""A table as plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from digicarbon.render.table import Grid, Spans, length, number, split

GAP = 2
"""Spaces between columns."""
LINE = 100
"""A note is wrapped at this width at least."""


def text(grids: Sequence[Grid], width: int | None = None) -> str:
    """Return tables one below the other, each with its title and notes; those wider than ``width`` in parts."""
    if width is not None:
        grids = [part for grid in grids for part in split(grid, lambda one: _width(one) <= width)]
    return "\n".join(_one(grid, LINE if width is None else width) for grid in grids)


def _width(grid: Grid) -> int:
    return grid.label_length + sum(GAP + length(_aligned(column)[0]) for column in grid.columns)


def _one(grid: Grid, least: int) -> str:
    columns = [_aligned(column) for column in grid.columns]
    first = grid.label_length
    widths = [length(column[0]) for column in columns]
    total = first + sum(GAP + width for width in widths)
    gap = " " * GAP

    def line(label: str, place: int) -> str:
        return (_padded(label, first) + "".join(gap + column[place] for column in columns)).rstrip()

    *corners, corner = grid.corners
    over = [_spanned(level, words, first, widths) for level, words in zip(grid.levels, corners, strict=True)]
    lines = [*([grid.title] if grid.title else []), "=" * total, *over, line(corner, 0), "-" * total]
    for row, label in enumerate(grid.labels):
        if row in grid.rules and row:
            lines.append("-" * total)
        lines.append(line(label, row + 1))
    notes = [part for note in grid.notes for part in textwrap.wrap(note, max(total, least)) or [""]]
    return "\n".join([*lines, "=" * total, *notes, ""])


def _aligned(column: Sequence[str]) -> list[str]:
    """Return a column's texts with equal widths: numbers aligned at their points, others at the right."""
    # whole numbers, such as observations, are right-aligned like words
    parsed = [one if one is not None and one.decimals else None for one in map(number, column)]
    tails = [0 if one is None else one.decimals + 1 + len(one.after) for one in parsed]
    most = max((tail for one, tail in zip(parsed, tails, strict=True) if one is not None), default=0)
    shifted = [
        f"{text}{' ' * (most - tail)}" if one is not None else text
        for text, one, tail in zip(column, parsed, tails, strict=True)
    ]
    width = max(map(length, shifted), default=0)
    return [" " * (width - length(text)) + text for text in shifted]


def _padded(words: str, width: int) -> str:
    return words + " " * (width - length(words))


def _spanned(level: Spans, corner: str, first: int, widths: Sequence[int]) -> str:
    """Return a line of words over columns, between dashes over several; words that are too long run on."""
    line = corner
    for words, start, count in level:
        begin = first + sum(GAP + width for width in widths[:start]) + GAP
        room = sum(widths[start : start + count]) + GAP * (count - 1)
        over = _dashed(words, room) if count > 1 else " " * max(0, room - length(words)) + words
        line = _padded(line, max(begin, length(line) + bool(line))) + over
    return line.rstrip()


def _dashed(words: str, room: int) -> str:
    """Return words in the middle of dashes that show which columns they are over."""
    left = (room - length(words) - 2) // 2
    return words if left < 1 else f"{'-' * left} {words} {'-' * (room - length(words) - 2 - left)}"
