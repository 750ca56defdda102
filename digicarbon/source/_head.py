"""The rows of a table that hold the names of its columns, and rows around it that are no data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from digicarbon.errors import DataError
from digicarbon.note import Note, cut
from digicarbon.source._wide import named_year

MOST_ROWS_ABOVE = 30
"""Names of columns are looked for in as many rows."""

LEFT_OUT = "rows_left_out"
"""The code of the note of `left_out`."""
_REMARK = re.compile(
    r"\s*(?:注|资料来源|数据来源|来源|说明|备注|单位|sources?\b|notes?\b|data (?:from|source)|last updated)|\s*[*＊]",
    re.I,
)


@dataclass(frozen=True)
class Layout:
    """Where a file has its table, as far as the configuration says it.

    ``sheet``: of a workbook, its name or its number from 1. ``header``: the rows of the names of columns, counted
    from 1. ``skip``: rows that are no data. ``missing``: codes that mean that there is no value. ``wanted``: names of
    columns by which the row of names, and the sheet, are recognised.
    """

    sheet: str | int | None = None
    header: tuple[int, ...] = ()
    skip: tuple[int, ...] = ()
    missing: tuple[str | int | float, ...] = ()
    wanted: tuple[str, ...] = ()


def named(cell: object) -> str:
    """Return the name of a column as text in one line; a year that a workbook holds as a number is a whole number."""
    number = int(cell) if isinstance(cell, float) and cell.is_integer() else cell
    return " ".join(str(number).split("\n")).strip()


def header_rows(filled: pd.DataFrame, layout: Layout, file: str, where: str) -> tuple[int, ...]:
    """Return the positions, from 0, of the rows that hold the names of columns.

    Those of the configuration, or the first row that has all wanted names; if there is none, the first row that is not
    empty; or, if that has fewer than half as many cells as the longest and is a title therefore, the first one with
    more, unless it has numbers. ``filled``: all cells with NaN where they are empty, rows as in the file.
    """
    rows = tuple(row - 1 for row in layout.header)
    for row in rows:
        if row not in filled.index or filled.loc[row].isna().all():
            last = int(np.flatnonzero(filled.notna().any(axis=1).to_numpy()).max()) + 1
            raise DataError(Note("header_of_no_row", key=f"{where}.header", file=file, row=row + 1, last=last))
    if rows:
        return rows
    present = filled.dropna(how="all").index[:MOST_ROWS_ABOVE]
    wanted = set(layout.wanted)
    has_all = [row for row in present if wanted <= {named(cell) for cell in filled.loc[row].dropna()}] if wanted else []
    if has_all:
        return (int(has_all[0]),)
    cells = filled.loc[present].notna().sum(axis=1)
    full = [row for row in present if 2 * cells[row] >= cells.max() > 1]
    return (int(full[0] if full and all(map(_may_be_name, filled.loc[full[0]].dropna())) else present[0]),)


def _may_be_name(cell: object) -> bool:
    """Return whether a cell is a text, or a year as a number."""
    return named_year(named(cell)) is not None or pd.isna(pd.to_numeric(str(cell), errors="coerce"))


def joined_names(rows: pd.DataFrame) -> list[Any]:
    """Return a name for each column of one or several header rows, NaN where no row has one.

    The parts of a name are joined by an underscore. A cell of an upper row stands for the empty cells at its right, as
    merged cells do, unless it has nothing below it: it is then merged downwards.
    """
    cells = rows.to_numpy(dtype=object, copy=True)
    for upper, lower in pairwise(range(len(cells))):
        over: Any = None
        for column in range(cells.shape[1]):
            if not pd.isna(cells[upper, column]):
                over = cells[upper, column] if not pd.isna(cells[lower, column]) else None
            elif over is not None and not pd.isna(cells[lower, column]):
                cells[upper, column] = over
    names = []
    for parts_of_one in cells.T:
        parts = list(dict.fromkeys(named(cell) for cell in parts_of_one if not pd.isna(cell)))
        names.append("_".join(parts) if parts else float("nan"))
    return names


def remarks(body: pd.DataFrame) -> list[int]:
    """Return the labels of rows at the end that are a remark, such as the source of the table: one text and no more."""
    result: list[int] = []
    if body.shape[1] < 3:
        return result
    for row in reversed(body.index):
        cells = body.loc[row].dropna()
        if len(cells) != 1 or not _REMARK.match(str(cells.iloc[0])):
            break
        result.append(int(row))
    return result[::-1]


def repeated(names: pd.DataFrame, body: pd.DataFrame) -> list[int]:
    """Return the labels of rows that hold the names of the columns again, as printed pages and second tables do.

    ``names``: the rows of the names; with several of them none is looked for, nor where a name is a value of other
    rows, too: in a list of pairs with the head ``a,b``, ``a,b`` may be a pair.
    """
    if len(names) != 1 or names.shape[1] < 2:
        return []
    head = _words(names.iloc[0])
    first = body.iloc[:, 0].map(lambda cell: not pd.isna(cell) and named(cell) == head[0])
    rows = [int(row) for row in body.index[first.to_numpy(dtype=bool)] if _words(body.loc[row]) == head]
    if not rows:
        return []
    others = body.drop(index=rows)
    values = {named(cell) for name in others for cell in others[name].dropna()}
    return [] if values.intersection(head) else rows


def _words(row: pd.Series[Any]) -> list[str | None]:
    return [None if pd.isna(cell) else named(cell) for cell in row]


def left_out(filled: pd.DataFrame, rows: Sequence[int], file: str) -> Note:
    """Return a note on rows that are no data, with the first text of each."""
    shown = cut(
        (Note("row_left_out", row=row + 1, text=named(next(iter(filled.loc[row].dropna()), ""))[:60]) for row in rows),
        5,
    )
    return Note("rows_left_out", file=file, rows=shown)
