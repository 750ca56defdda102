"""A table as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from digicarbon.render.table import Grid


def markdown(grids: Sequence[Grid]) -> str:
    """Return tables one below the other, each with its title and notes."""
    return "\n".join(map(_one, grids))


def _one(grid: Grid) -> str:
    over = {start + k: words for words, start, count in grid.spanners for k in range(count)}
    heads = [f"{over[k]}: {head}" if k in over else head for k, head in enumerate(grid.heads)]
    head = "| " + " | ".join(["", *map(_escaped, heads)]) + " |"
    line = "|" + "---|" * (len(grid.heads) + 1)
    body = ["| " + " | ".join(map(_escaped, [label, *cells])) + " |" for label, cells in grid.rows]
    notes = [f"{_escaped(note)}\n" for note in grid.notes]
    title = [f"**{_escaped(grid.title)}**", ""] if grid.title else []
    return "\n".join([*title, head, line, *body, "", *notes])


def _escaped(text: str) -> str:
    """Return a text that Markdown shows unchanged: its bars do not end columns, its stars do not mean emphasis."""
    return re.sub(r"([\\|*])", r"\\\1", text)
