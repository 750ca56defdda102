"""The positions of headings and figures on the sheet of an input-output table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from digicarbon.errors import DataError
from digicarbon.importer._cells import text
from digicarbon.importer._sheets import Sheet
from digicarbon.note import Note
from digicarbon.packs.china.importer import _io_labels as labels
from digicarbon.packs.china.spelling import province, required_province

Texts = NDArray[np.object_]

MOST_LABELS = 10
"""Columns that may contain names and codes of rows."""

MOST_HEADINGS = 40
"""Rows that may contain headings."""


@dataclass(frozen=True, eq=False)
class Grid:
    """The labels of a sheet."""

    sheet: Sheet
    left: Texts
    top: Texts
    """`left`, `top`: texts of the first columns and of the first rows."""
    headings: tuple[int, ...] = ()
    """Rows of headings."""
    rows: tuple[int, ...] = ()
    """Rows of sectors."""
    first: int = 0
    first_use: int = 0
    """`first`, `first_use`: the first column of figures, and the first column to the right of the sectors."""

    @property
    def columns(self) -> range:
        """Columns of sectors."""
        return range(self.first, self.first_use)

    def heads(self, column: int) -> list[str]:
        """Return a column's headings, the lowest first; empty ones are left out."""
        return [self.top[r, column] for r in reversed(self.headings) if self.top[r, column]]


def grid(sheet: Sheet) -> Grid | None:
    """Find headings, rows and columns of sectors.

    Returns None if the sheet has no input-output table. Raises DataError if it has one, but headings or the rows below
    the sectors are missing.
    """
    left, top = _texts(sheet, None, MOST_LABELS), _texts(sheet, MOST_HEADINGS, None)
    for block in (left, top):
        _drop_merged(sheet, block)
    below = [r for r, line in enumerate(left) if any(labels.row_role(t) not in (None, "imported_input") for t in line)]
    end = below[0] if below else len(left)
    heading_rows = [r for r, line in enumerate(top[:end]) if len({labels.column_role(t) for t in line} - {None}) > 1]
    if not below and not heading_rows:
        return None
    if not heading_rows:
        raise DataError(Note("io_no_headings", where=sheet.where, row=end + 1))
    if not below:
        raise DataError(Note("io_nothing_below", where=sheet.where))
    bottom = heading_rows[-1]
    uses = [c for c in range(top.shape[1]) if any(_is_use(t) for t in top[: bottom + 1, c])]
    return _with_sectors(Grid(sheet, left, top, tuple(range(bottom + 1)), first_use=min(uses)), end)


def regions_of_rows(table: Grid) -> tuple[int, dict[int, str]]:
    """Return the column of provinces and each sector row's province; an empty cell continues the one above.

    Raises DataError if there is no such column, or a province in it is unknown.
    """
    for k in range(table.first):
        if _mostly_provinces(table.left[list(table.rows), k]):
            return k, _continued(table, {r: (r, k) for r in table.rows}, table.left)
    raise DataError(Note("io_no_column_of_provinces", where=table.sheet.where))


def regions_of_columns(table: Grid) -> tuple[int, dict[int, str]]:
    """Return the row of provinces and each sector column's province; an empty cell continues the one before.

    Raises DataError if there is no such row, or a province in it is unknown.
    """
    for r in table.headings:
        if _mostly_provinces(table.top[r, table.first : table.first_use]):
            return r, _continued(table, {c: (r, c) for c in table.columns}, table.top)
    raise DataError(Note("io_no_row_of_provinces", where=table.sheet.where))


def has_letters(shown: str) -> bool:
    """Return whether a text is a name, not a code, a figure or an Excel error."""
    return any(letter.isalpha() for letter in shown) and not shown.startswith("#")


def _texts(sheet: Sheet, rows: int | None, columns: int | None) -> Texts:
    cells = sheet.cells.iloc[:rows, :columns].to_numpy(dtype=object)
    texts = np.empty(cells.shape, dtype=object)
    for at, value in np.ndenumerate(cells):
        texts[at] = text(value)
    return texts


def _drop_merged(sheet: Sheet, block: Texts) -> None:
    """Remove roles above several columns: the heading of a group is not one of its first column."""
    for top, left, _, right in sheet.merged:
        if right > left and top < block.shape[0] and left < block.shape[1] and labels.column_role(block[top, left]):
            block[top, left] = ""


def _is_use(shown: str) -> bool:
    # a sector may be called "others"
    return labels.column_role(shown) not in (None, "residual")


def _with_sectors(table: Grid, end: int) -> Grid:
    """Add the rows of sectors and the first column of figures, whose heading is also the label of a row."""
    rows = [r for r in range(len(table.headings), end) if any(table.left[r])]
    numbering = [r for r in rows if r < len(table.top) and _is_numbering(table.top[r, : table.first_use])]
    sectors = tuple(r for r in rows if r not in numbering)
    table = replace(table, headings=(*table.headings, *numbering), rows=sectors)
    labels_before: set[str] = set()
    for c in range(min(table.first_use, table.left.shape[1])):
        if labels_before & {labels.sector_key(t) for t in table.heads(c)}:
            return replace(table, first=c, rows=_without_imports(table, c))
        labels_before |= {labels.sector_key(table.left[r, c]) for r in sectors if table.left[r, c]}
    raise DataError(Note("io_nothing_in_common", where=table.sheet.where, row=table.headings[-1] + 1))


def _without_imports(table: Grid, first: int) -> tuple[int, ...]:
    """Return the rows of sectors, without imported inputs if these are the last row."""
    last = [t for t in table.left[table.rows[-1], :first] if has_letters(t)]
    is_import = bool(last) and all(labels.row_role(t) == "imported_input" for t in last)
    return table.rows[:-1] if is_import else table.rows


def _is_numbering(line: Sequence[str] | Texts) -> bool:
    """Return whether a row contains only the numbers 1 to n, the codes of columns."""
    shown = [str(t).lstrip("0") for t in line if t]
    return len(shown) > 1 and shown == [str(i + 1) for i in range(len(shown))]


def _mostly_provinces(texts: Texts) -> bool:
    shown = {t for t in texts if t}
    return bool(shown) and 2 * sum(province(t) is not None for t in shown) > len(shown)


def _continued(table: Grid, cells: dict[int, tuple[int, int]], texts: Texts) -> dict[int, str]:
    names: dict[str, str] = {"": ""}
    current, result = "", {}
    for line, cell in cells.items():
        shown = texts[cell]
        if shown not in names:
            names[shown] = required_province(shown, table.sheet.place(*cell)).name
        current = names[shown] or current
        if not current:
            raise DataError(Note("io_first_without_province", where=table.sheet.place(*cell)))
        result[line] = current
    return result
