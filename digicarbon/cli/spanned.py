"""Words over several columns of a table in the terminal."""

from __future__ import annotations

from rich.cells import cell_len

from digicarbon.render.table import Grid

_CROSSINGS = {(True, True): "╋", (True, False): "┻", (False, True): "┳", (False, False): "━"}
"""The sign where lines between columns above and below meet a horizontal line."""


def spanned(grid: Grid, printed: str) -> str:
    """Return a printed table with lines of words over its columns.

    ``grid``: has the words. ``printed``: the table in rich's default frame, or in one of plain signs where a terminal
    has no others.
    """
    lines = printed.splitlines()
    top = next((place for place, line in enumerate(lines) if line.startswith("┏")), None)
    if top is None:
        # a frame of plain signs: the words are above it
        texts = (" | ".join(filter(None, (corner, *(text for text, _, _ in level)))) for corner, level in _lines(grid))
        return "\n".join([*texts, *lines, ""])
    widths = [len(piece) for piece in lines[top].strip("┏┓").split("┳")]
    above: list[str] = []
    ends = [_ends(grid, level) for level in range(len(grid.levels))]
    every = set(range(len(widths)))
    for level, (corner, spans) in enumerate(_lines(grid)):
        between = (_CROSSINGS[(level > 0 and k in ends[level - 1], k in ends[level])] for k in range(len(widths) - 1))
        left, right = ("┏", "┓") if level == 0 else ("┣", "┫")
        above.append(_rule(widths, list(between), left, right))
        cells = [_left(corner, widths[0])]
        at = 0
        for text, start, count in spans:
            cells += [" " * width for width in widths[1 + at : 1 + start]]
            cells.append(_centred(text, sum(widths[1 + start : 1 + start + count]) + count - 1))
            at = start + count
        cells += [" " * width for width in widths[1 + at :]]
        above.append(f"┃{'┃'.join(cells)}┃")
    between = (_CROSSINGS[(k in ends[-1], k in every)] for k in range(len(widths) - 1))
    return "\n".join([*lines[:top], *above, _rule(widths, list(between), "┣", "┫"), *lines[top + 1 :], ""])


def _lines(grid: Grid) -> list[tuple[str, tuple[tuple[str, int, int], ...]]]:
    return list(zip(grid.corners, grid.levels, strict=False))


def _ends(grid: Grid, level: int) -> set[int]:
    """Return the columns of the frame, counted with that of the labels, that have a line on their right."""
    inside = {start + k for _, start, count in grid.levels[level] for k in range(1, count)}
    return {column for column in range(len(grid.heads) + 1) if column not in inside}


def _rule(widths: list[int], between: list[str], left: str, right: str) -> str:
    signs = [*between, ""]
    return left + "".join("━" * width + sign for width, sign in zip(widths, signs, strict=True)) + right


def _left(text: str, width: int) -> str:
    return f" {text}{' ' * (width - 1 - cell_len(text))}"


def _centred(text: str, width: int) -> str:
    left = (width - cell_len(text)) // 2
    return " " * left + text + " " * (width - cell_len(text) - left)
