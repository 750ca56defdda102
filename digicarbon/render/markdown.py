"""A table as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from digicarbon.render.table import Grid

EM_SPACE = "\N{EM SPACE}"


def markdown(grids: Sequence[Grid]) -> str:
    """Return tables one below the other, each with its title and notes."""
    return "\n".join(map(_one, grids))


def _one(grid: Grid) -> str:
    # Markdown has one line of heads
    heads = [_joined(above, head) for above, head in zip(grid.above, grid.heads, strict=True)]
    head = "| " + " | ".join(_escaped([_joined(grid.corners[:-1], grid.corners[-1]), *heads])) + " |"
    line = "|" + "---|" * (len(grid.heads) + 1)
    body = [
        # Markdown takes usual blanks away
        f"| {EM_SPACE * (row in grid.indented)}{' | '.join(_escaped([label, *cells]))} |"
        for row, (label, cells) in enumerate(grid.rows)
    ]
    notes = [f"{note}\n" for note in _escaped(grid.notes)]
    title = [f"**{text}**" for text in _escaped([grid.title]) if text]
    return "\n".join([*title, *([""] if title else []), head, line, *body, "", *notes])


def _joined(above: Sequence[str], head: str) -> str:
    """Return a head after the words over it, e.g. ``W1, two-way: (2)``."""
    over = ", ".join(filter(None, above))
    return ": ".join(filter(None, (over, head)))


def _escaped(texts: Sequence[str]) -> list[str]:
    """Return texts that Markdown shows unchanged: a bar ends no column, a star is no emphasis, and no tag begins."""
    return [re.sub(r"[\\|*]|<(?=[A-Za-z/!?])", r"\\\g<0>", text) for text in texts]
