"""A table as plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from digicarbon.render.table import Grid, length, number

GAP = 2
"""Spaces between columns."""
LINE = 100
"""A note is wrapped at this width at least."""


def text(grids: Sequence[Grid]) -> str:
    """Return tables one below the other, each with its title and notes."""
    return "\n".join(map(_one, grids))


def _one(grid: Grid) -> str:
    columns = [_aligned(column) for column in grid.columns]
    first = grid.label_length
    widths = [length(column[0]) for column in columns]
    total = first + sum(GAP + width for width in widths)
    gap = " " * GAP

    def line(label: str, place: int) -> str:
        return (_padded(label, first) + "".join(gap + column[place] for column in columns)).rstrip()

    over = [] if not grid.spanners else [_spanned(grid, first, widths)]
    lines = [*([grid.title] if grid.title else []), "=" * total, *over, line("", 0), "-" * total]
    for row, (label, _) in enumerate(grid.rows):
        if row in grid.rules and row:
            lines.append("-" * total)
        lines.append(line(label, row + 1))
    notes = [part for note in grid.notes for part in textwrap.wrap(note, max(total, LINE)) or [""]]
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


def _spanned(grid: Grid, first: int, widths: Sequence[int]) -> str:
    """Return the line of words over several columns; words that are too long run on."""
    line = ""
    for words, start, count in grid.spanners:
        begin = first + sum(GAP + width for width in widths[:start]) + GAP
        room = sum(widths[start : start + count]) + GAP * (count - 1)
        line = _padded(line, max(begin, length(line) + bool(line))) + " " * max(0, (room - length(words)) // 2) + words
    return line
