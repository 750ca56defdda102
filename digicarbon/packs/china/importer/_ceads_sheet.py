"""One sheet of a CEADs inventory: a column per fuel, a row per sector."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from digicarbon.country import Place
from digicarbon.errors import DataError
from digicarbon.importer._cells import figure, is_number, text, year_in
from digicarbon.importer._sheets import Sheet
from digicarbon.note import Note, cut
from digicarbon.packs.china.importer._words import Words
from digicarbon.packs.china.spelling import near_province, province_in

MOST_TITLE_ROWS = 20
"""Rows in which the header is searched."""
OF_ALL = ("sum", "total", "china", "全国", "合计")
"""Names of what is the whole country's."""

_FEWEST_KNOWN = 5


@dataclass(frozen=True)
class Layout:
    """The layout of the sheets of one kind of inventory."""

    name: Note
    """For messages."""
    columns: Words
    rows: Words
    """`columns`, `rows`: header cells and row labels; all rows are required."""
    required: frozenset[str]
    """Columns that every sheet must have; others are not-a-number where a sheet lacks them."""
    total: str
    """The row that must not be empty."""
    units: Mapping[str, str]
    """Unit by column."""
    unit_spellings: Mapping[str, frozenset[str]]
    """Spellings of each unit, as `unit_key` returns them."""
    total_rows: frozenset[str]
    total_columns: frozenset[str] = frozenset()
    """`total_rows`, `total_columns`: rows and columns that are sums of others: an empty cell there is no zero if one of
    the others has a figure."""

    @property
    def examples(self) -> tuple[str, ...]:
        """Some header cells, for messages."""
        return tuple(self.columns.shown(self.columns.names[:3]))


@dataclass(frozen=True, eq=False)
class Inventory:
    """One province and year."""

    province: Place
    year: int
    where: Note | str
    """File and sheet."""
    values: NDArray[np.float64]
    """In the layout's order; not-a-number where there is no such column or a total has no figure. Shape (rows,
    columns)."""
    blanks: int
    """Cells without a figure that count as zero."""
    lost: tuple[Note, ...] = ()
    """Totals without a figure, with their cells."""
    remarks: tuple[str, ...] = ()
    """Text in rows outside of the table."""


def unit_key(unit: str) -> str:
    """Return a unit without case, blanks and signs, e.g. ``104ton`` for ``10^4 ton``."""
    return re.sub(r"[\W_]", "", text(unit)).casefold()


def empty_header(sheet: Sheet, row: int, column: int) -> Note:
    """Return the message on a cell of the header that names no column because it is merged or empty."""
    head = sheet.merged_into(row, column)
    if head:
        return Note("ceads_header_merged", where=sheet.place(row, column), cell=head)
    filled_rows = [below for below in range(row + 1, len(sheet.cells)) if text(sheet.cells.iat[below, column])]
    if len(filled_rows) == 1:
        shown, cell = text(sheet.cells.iat[filled_rows[0], column])[:60], sheet.cell(row, column)
        return Note("ceads_text_without_header", where=sheet.place(filled_rows[0], column), shown=shown, cell=cell)
    return Note("ceads_header_empty", where=sheet.place(row, column))


def read_inventory(sheet: Sheet, layout: Layout, default_year: int | None) -> Inventory | None:
    """Read one sheet; None if it has no header of this layout and names no province.

    ``default_year``: the year if neither the sheet's nor the file's name contains one. Raises DataError if the sheet is
    a province's and not of this layout, or names are missing or contradictory.
    """
    header = _header_row(sheet, layout)
    place = province_in(sheet.name)
    if header is None:
        if place is not None:
            raise DataError(
                Note(
                    "ceads_no_header",
                    where=sheet.where,
                    layout=layout.name,
                    examples=layout.examples,
                    rows=MOST_TITLE_ROWS,
                )
            )
        return None
    if place is None and sheet.name.strip().casefold() in OF_ALL:
        return None
    stem = sheet.file.stem
    place = place or province_in(stem)
    if place is None:
        raise DataError(Note("ceads_which_province", where=sheet.where, hint=near_province(sheet.name)))
    columns = _columns(sheet, header, layout)
    rows = _rows(sheet, header, min(columns.values()), layout)
    _check_units(sheet, header, min(rows.values()), columns, layout)
    values, blanks, lost = _values(sheet, rows, columns, layout)
    return Inventory(place, _year(sheet, default_year), sheet.where, values, blanks, lost, _remarks(sheet, rows))


def _year(sheet: Sheet, default_year: int | None) -> int:
    by_sheet, by_file = year_in(sheet.name), year_in(sheet.file.stem)
    if by_sheet and by_file and by_sheet != by_file:
        raise DataError(Note("ceads_years_differ", where=sheet.where, by_sheet=by_sheet, by_file=by_file))
    result = by_sheet or by_file or default_year
    if result is None:
        raise DataError(Note("ceads_which_year", where=sheet.where))
    return result


def _header_row(sheet: Sheet, layout: Layout) -> int | None:
    for row in range(min(MOST_TITLE_ROWS, len(sheet.cells))):
        names = {layout.columns.find(value) for value in sheet.cells.iloc[row] if isinstance(value, str)}
        if len(names - {None}) >= _FEWEST_KNOWN:
            return row
    return None


def _columns(sheet: Sheet, header: int, layout: Layout) -> dict[str, int]:
    """Return the position of each known column."""
    cells = sheet.cells.iloc[header]
    positions: dict[str, int] = {}
    for column, value in enumerate(cells):
        name = layout.columns.find(value) if text(value) else None
        place = partial(sheet.place, header, column)
        if name is not None:
            if name in positions:
                raise DataError(
                    Note("ceads_both", where=place(), cell=sheet.cell(header, positions[name]), shown=text(value))
                )
            positions[name] = column
        elif positions and text(value):
            raise DataError(
                Note(
                    "ceads_no_column",
                    where=place(),
                    shown=text(value),
                    layout=layout.name,
                    hint=layout.columns.near(value),
                    columns=cut(layout.columns.shown(layout.columns.names), 30),
                )
            )
        elif positions and sheet.cells.iloc[header + 1 :, column].notna().any():
            raise DataError(empty_header(sheet, header, column))
    missing = [name for name in layout.columns.names if name in layout.required and name not in positions]
    if missing:
        columns = cut(layout.columns.shown(missing))
        raise DataError(Note("ceads_header_lacks", where=sheet.where, row=header + 1, columns=columns))
    return positions


def _rows(sheet: Sheet, header: int, first_column: int, layout: Layout) -> dict[str, int]:
    """Return the position of each row."""
    label = _label_column(sheet, header, first_column, layout)
    positions: dict[str, int] = {}
    for row in range(header + 1, len(sheet.cells)):
        value = sheet.cells.iat[row, label]
        name = layout.rows.find(value) if text(value) else None
        place = partial(sheet.place, row, label)
        if name is not None:
            if name in positions:
                raise DataError(
                    Note("ceads_both", where=place(), cell=sheet.cell(positions[name], label), shown=text(value))
                )
            positions[name] = row
        elif any(is_number(cell) for cell in sheet.cells.iloc[row, first_column:]):
            shown, hint = text(value), layout.rows.near(value)
            raise DataError(
                Note("ceads_no_row", where=place(), shown=shown, layout=layout.name, hint=hint)
                if shown
                else Note("ceads_row_without_name", where=place(), layout=layout.name)
            )
    missing = [name for name in layout.rows.names if name not in positions]
    if missing:
        raise DataError(Note("ceads_rows_missing", where=sheet.where, number=len(missing), rows=cut(missing)))
    return positions


def _remarks(sheet: Sheet, rows: Mapping[str, int]) -> tuple[str, ...]:
    """Return the text of rows below the first row of the table that are not part of it."""
    first, read = min(rows.values()), set(rows.values())
    lines = (sheet.cells.iloc[row] for row in range(first, len(sheet.cells)) if row not in read)
    joined = (" ".join(filter(None, map(text, line))) for line in lines)
    return tuple(line for line in joined if line)


def _label_column(sheet: Sheet, header: int, first_column: int, layout: Layout) -> int:
    counts = [
        sum(layout.rows.find(value) is not None for value in sheet.cells.iloc[header + 1 :, column] if text(value))
        for column in range(first_column)
    ]
    if not counts or max(counts) == 0:
        cell, shown = sheet.cell(header, first_column), text(sheet.cells.iat[header, first_column])
        raise DataError(Note("ceads_no_labels", where=sheet.where, cell=cell, shown=shown))
    return counts.index(max(counts))


def _check_units(sheet: Sheet, header: int, first_row: int, columns: Mapping[str, int], layout: Layout) -> None:
    """Raise if a row between the header and the figures states another unit than the layout's."""
    for row in range(header + 1, first_row):
        for name, column in columns.items():
            stated = text(sheet.cells.iat[row, column])
            unit = layout.units[name]
            if stated and unit_key(stated) not in layout.unit_spellings[unit]:
                raise DataError(
                    Note("ceads_other_unit", where=sheet.place(row, column), column=name, stated=stated, unit=unit)
                )


def _values(
    sheet: Sheet, rows: Mapping[str, int], columns: Mapping[str, int], layout: Layout
) -> tuple[NDArray[np.float64], int, tuple[Note, ...]]:
    """Return the figures, the number of empty cells that count as zero, and notes on the totals without a figure."""
    row_names, column_names = layout.rows.names, layout.columns.names
    values = np.full((len(row_names), len(column_names)), np.nan)
    for i, row in enumerate(row_names):
        for j, column in enumerate(column_names):
            if column in columns:
                values[i, j] = figure(sheet, rows[row], columns[column])
    present = np.array([column in columns for column in column_names])
    blank = np.isnan(values) & present
    total = row_names.index(layout.total)
    if blank[total].sum() == present.sum() or not np.nan_to_num(values[total]).any():
        raise DataError(Note("ceads_total_empty", where=sheet.where, name=layout.total, row=rows[layout.total] + 1))
    empty_totals = blank & _sums_up_something(values, layout)
    total_notes = tuple(
        Note(
            "ceads_lost_total",
            where=sheet.place(rows[row_names[i]], columns[column_names[j]]),
            row=row_names[i],
            column=column_names[j],
        )
        for i, j in np.argwhere(empty_totals)
    )
    values[blank & ~empty_totals] = 0.0
    return values, int((blank & ~empty_totals).sum()), total_notes


def _sums_up_something(values: NDArray[np.float64], layout: Layout) -> NDArray[np.bool_]:
    """Return which cells are totals of others that have a figure, shape as the sheet's values."""
    in_row = np.array([name in layout.total_rows for name in layout.rows.names])
    in_column = np.array([name in layout.total_columns for name in layout.columns.names])
    used = np.nan_to_num(values) != 0
    by_column = in_row[:, None] & used[~in_row].any(axis=0)
    by_row = in_column & used[:, ~in_column].any(axis=1)[:, None]
    return np.asarray(by_column | by_row)
