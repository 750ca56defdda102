"""The positions of the parts of an input-output table on a sheet."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from digicarbon.errors import DataError
from digicarbon.importer._cells import text
from digicarbon.importer._sheets import Sheet
from digicarbon.note import Note, cut, suggestion
from digicarbon.packs.china.importer import _io_labels as labels
from digicarbon.packs.china.importer._io_grid import Grid, grid, has_letters
from digicarbon.packs.china.importer._io_sectors import Line, Sectors, sectors

_CODE = re.compile(r"[A-Za-z]{0,4}\d{0,6}")
# other uses are repeated for each province of a multi-regional table
_ONCE = ("intermediate_use", "exports", "final_use", "imports", "inflow", "residual", "output")


@dataclass(frozen=True, eq=False)
class Layout:
    """The parts of an input-output table on a sheet."""

    sheet: Sheet
    lines: tuple[Line, ...]
    """Rows of sectors, from top to bottom."""
    sectors: tuple[Line, ...]
    """The first line of each sector."""
    columns: tuple[int, ...]
    """The column of each of ``sectors``."""
    label: int
    """The column of the sectors' names."""
    rows: Mapping[str, int]
    """Rows below the sectors by role (`_io_labels.ROWS`)."""
    uses: Mapping[str, tuple[int, ...]]
    """Columns right of the sectors by role (`_io_labels.COLUMNS`)."""
    heading: int
    """The lowest row of headings."""
    notes: tuple[Note, ...] = ()


def layout(sheet: Sheet, regional: bool = False, ignore: Collection[str] = ()) -> Layout | None:
    """Return the parts of an input-output table; None if the sheet has none.

    ``regional``: whether it is a multi-regional table, whose rows and columns also have a province. ``ignore``: labels
    of rows below the sectors and of columns right of them that are left out. Raises DataError if a label is unknown or
    missing, or a sector has a row but no column or the reverse.
    """
    table = grid(sheet)
    if table is None:
        return None
    parts = sectors(table, regional)
    ignored = {labels.key(name) for name in ignore}
    rows, below = _rows(table, parts, ignored)
    uses, beyond = _uses(table, parts, ignored, regional)
    first = {line.key: line for line in reversed(parts.lines)}
    return Layout(
        sheet,
        parts.lines,
        tuple(first[key] for key in parts.columns),
        tuple(parts.columns.values()),
        parts.label,
        rows,
        uses,
        table.headings[-1],
        (*parts.notes, *below, *beyond),
    )


def _rows(table: Grid, parts: Sectors, ignored: Collection[str]) -> tuple[dict[str, int], list[Note]]:
    """Return the rows below the sectors by role, down to total input."""
    sheet = table.sheet
    own = [k for k in reversed(range(table.first)) if k not in parts.other_labels]
    rows: dict[str, int] = {}
    for r in range(parts.lines[-1].at + 1, len(table.left)):
        shown = [table.left[r, k] for k in own if has_letters(table.left[r, k])]
        role = _role(shown, labels.row_role)
        has_figures = any(text(value) for value in sheet.cells.iloc[r, list(table.columns)])
        if not has_figures or {labels.key(label) for label in shown} & set(ignored):
            continue
        if "total_input" in rows:
            return rows, [Note("io_left_out_below", where=sheet.where, row=r + 1)]
        place = sheet.place(r, parts.label)
        if role is None:
            raise DataError(_unknown(place, Note("io_row"), shown, labels.ROWS))
        if role in rows:
            raise DataError(Note("io_row_twice", where=place, shown=shown[0], row=rows[role] + 1))
        rows[role] = r
    return rows, []


def _uses(
    table: Grid, parts: Sectors, ignored: Collection[str], regional: bool
) -> tuple[dict[str, tuple[int, ...]], list[Note]]:
    """Return the columns right of the sectors by role, up to total output."""
    sheet = table.sheet
    uses: dict[str, tuple[int, ...]] = {}
    beside = [line.at for line in parts.lines]
    for c in range(table.first_use, table.top.shape[1]):
        shown = table.heads(c)
        role = _role(shown, labels.column_role)
        has_figures = any(text(value) for value in sheet.cells.iloc[beside, c])
        if not has_figures or {labels.key(label) for label in shown} & set(ignored):
            continue
        if "output" in uses:
            return uses, [Note("io_left_out_beside", where=sheet.where, column=_letter(sheet, c))]
        place = sheet.place(table.headings[-1], c)
        if role is None:
            raise DataError(_unknown(place, Note("io_column"), shown, labels.COLUMNS))
        if role in uses and (role in _ONCE or not regional):
            first = _letter(sheet, uses[role][0])
            raise DataError(Note("io_heading_twice", where=place, shown=shown[0], column=first))
        uses[role] = (*uses.get(role, ()), c)
    return uses, []


def _role(shown: list[str], role: Callable[[str], str | None]) -> str | None:
    """Return the role of the nearest label with a role; only codes or translations may be nearer."""
    for i, label in enumerate(shown):
        result = role(label)
        if result:
            return result if all(_CODE.fullmatch(x) or x.isascii() != label.isascii() for x in shown[:i]) else None
    return None


def _letter(sheet: Sheet, column: int) -> str:
    return sheet.cell(0, column)[:-1]


def _unknown(place: Note, kind: Note, shown: list[str], roles: Mapping[str, Iterable[str]]) -> Note:
    if not shown:
        return Note("io_no_label", where=place, kind=kind)
    label = shown[0] if len(shown[0]) <= 60 else f"{shown[0][:57]}…"
    known = [spelling for spellings in roles.values() for spelling in spellings]
    first = cut((next(iter(x)) for x in roles.values()), 20)
    return Note("io_unknown_label", where=place, kind=kind, label=label, hint=suggestion(label, known), known=first)
