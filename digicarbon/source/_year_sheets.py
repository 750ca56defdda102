"""Workbooks with a sheet for each year, as rows of units and years."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import pandas as pd

from digicarbon.errors import DataError
from digicarbon.note import Note, cut
from digicarbon.source._head import LEFT_OUT
from digicarbon.source._read import Table
from digicarbon.source._wide import named_year

YEARS = "years"
"""What ``sheet`` is where each year has its own."""


def year_sheets(names: Iterable[str]) -> dict[int, str]:
    """Return the sheets that are named by a year alone, by year; none if there is one only."""
    result = {at[1]: name for name in names if (at := named_year(name.strip())) and not at[0]}
    return dict(sorted(result.items())) if len(result) > 1 else {}


def stacked(read: Callable[[str], Table], names: Sequence[str], time: str, file: str) -> Table:
    """Return the rows of all sheets of years, the year in the column ``time``.

    ``read``: returns the table of a sheet. ``names``: all sheets of the file. Raises DataError if no sheets are named
    by years, one has other columns than the first, or they have a column ``time`` of their own.
    """
    sheets = year_sheets(names)
    if not sheets:
        raise DataError(Note("no_year_sheets", key="source.sheet", file=file, sheets=cut(names, 12)))
    tables = {year: read(name) for year, name in sheets.items()}
    _refuse_other_columns(tables, sheets, time, file)
    frames = [table.frame.assign(**{time: year}) for year, table in tables.items()]
    others = [name for name in names if name not in sheets.values()]
    left = Note("sheets_left_out", sheets=cut(others, 12)) if others else ""
    about = Note("year_sheets_read", file=file, sheets=len(sheets), first=min(sheets), last=max(sheets), left=left)
    out = {sheets[year]: note for year, table in tables.items() for note in table.notes if note.code == LEFT_OUT}
    notes = dict.fromkeys(note for table in tables.values() for note in table.notes if note.code != LEFT_OUT)
    if out:
        rows = cut((Note("rows_of_sheet", sheet=name, rows=note["rows"]) for name, note in out.items()), 40)
        notes[Note("rows_left_out_of_sheets", file=file, sheets=rows)] = None
    first = next(iter(tables.values()))
    return Table(pd.concat(frames, ignore_index=True), (about, *notes), first.header, first.labels)


def _refuse_other_columns(tables: Mapping[int, Table], sheets: Mapping[int, str], time: str, file: str) -> None:
    year, *later = tables
    first = list(map(str, tables[year].frame.columns))
    if time in first:
        raise DataError(Note("year_sheets_with_periods", key="source.sheet", file=file, column=time))
    for other in later:
        columns = list(map(str, tables[other].frame.columns))
        lacking = [name for name in first if name not in columns]
        more = [name for name in columns if name not in first]
        if lacking or more:
            raise DataError(
                Note(
                    "year_sheets_differ",
                    key="source.sheet",
                    file=file,
                    sheet=sheets[other],
                    first=sheets[year],
                    columns=cut([*lacking, *more], 6),
                )
            )
