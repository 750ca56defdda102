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
    head = "| " + " | ".join(_escaped(["", *heads])) + " |"
    line = "|" + "---|" * (len(grid.heads) + 1)
    body = ["| " + " | ".join(_escaped([label, *cells])) + " |" for label, cells in grid.rows]
    notes = [f"{note}\n" for note in _escaped(grid.notes)]
    title = [f"**{text}**" for text in _escaped([grid.title]) if text]
    return "\n".join([*title, *([""] if title else []), head, line, *body, "", *notes])


def _escaped(texts: Sequence[str]) -> list[str]:
    """Return texts that Markdown shows unchanged: their bars do not end columns, their stars do not mean emphasis."""
    return [re.sub(r"([\\|*])", r"\\\1", text) for text in texts]
