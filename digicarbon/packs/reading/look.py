"""A look at a file: which block reads it, and what stands out in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from digicarbon.errors import DataError
from digicarbon.note import Note, cut
from digicarbon.packs.reading.layout import layout_of
from digicarbon.source import TableSource
from digicarbon.source._gaps import shown_code, signs, suspects
from digicarbon.source._head import Layout
from digicarbon.source._keys import keys_of, likely_keys, may_be_periods
from digicarbon.source._read import Table, raw_sheets, read_table
from digicarbon.source._series import telling
from digicarbon.source._wide import as_rows, year_columns
from digicarbon.source._year_sheets import YEARS, year_sheets
from digicarbon.source.base import Inputs

VALUE = "value"
"""The name of a variable whose columns are named by years alone, until the user writes a better one."""
_ENDS = "市省区县州盟 "


@dataclass(frozen=True, eq=False)
class Look:
    """What a file holds.

    ``block``: the fields of a `TableSource` that reads it. ``sheets``: the rows and columns of each sheet of a
    workbook. ``columns``: the columns of the file, with a row for each. ``inputs``: what the block reads. ``notes``:
    what stands out beside the notes of ``inputs``.
    """

    file: str
    block: dict[str, Any]
    sheets: dict[str, tuple[int, int]]
    inputs: Inputs
    notes: tuple[Note, ...]


def look(path: str) -> Look:
    """Return what a file holds; a `DataError` says that it cannot be read or has no columns of units and periods."""
    file = Path(path)
    sheets = raw_sheets(path, "data")
    options = [
        {**({"sheet": place} if place > 1 else {}), **layout_of(cells, file.name)}
        for place, cells in enumerate(sheets.values(), start=1)
        if cells.size
    ]
    block, frame, ambiguous = _of_years(path, sheets) or _keyed(path, *_table(path, options or [{}]))
    codes, guessed = _codes(frame, block)
    if codes:
        block["missing"] = codes
    in_doubt = _with_commas(frame.drop(columns=[block["unit"], block["time"]], errors="ignore"), codes)
    inputs = TableSource(**block).load()
    notes = [Note("read_keys_guessed", unit=block["unit"], time=block["time"])] if ambiguous else []
    if guessed:
        notes.append(Note("read_codes_guessed", codes=cut(map(str, guessed))))
    if in_doubt:
        notes.append(Note("read_commas", columns=cut(in_doubt)))
    if block.get("wide") == VALUE and "series" not in block:
        notes.append(Note("read_value_unnamed", value=VALUE))
    return Look(
        file.name,
        block,
        {name: cells.shape for name, cells in sheets.items() if name},
        inputs,
        (*notes, *_doubles(inputs), *_renamed(inputs)),
    )


def _of_years(path: str, sheets: Mapping[str, pd.DataFrame]) -> tuple[dict[str, Any], pd.DataFrame, bool] | None:
    """Return what `_keyed` does of a workbook with a sheet for each year; None of another one."""
    years = year_sheets(sheets)
    if not years:
        return None
    first = years[min(years)]
    fields = layout_of(sheets[first], Path(path).name)
    layout = Layout(first, _rows(fields.get("header")), tuple(fields.get("skip", ())))
    if any(may_be_periods(column) for _, column in read_table(path, "data", layout=layout).frame.items()):
        return None
    inputs = TableSource(path=path, sheet=YEARS, **fields).load()
    frame = inputs.frame.rename(columns={"unit": inputs.unit_name, "time": inputs.time_name})
    keys = {"unit": inputs.unit_name, "time": inputs.time_name}
    return {"path": path, "sheet": YEARS, **fields, **keys}, frame, False


def _table(path: str, options: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], Table]:
    """Return the layout and the table of the first sheet that has units and periods, or else of the largest."""
    tables = []
    for fields in options:
        try:
            layout = Layout(fields.get("sheet"), _rows(fields.get("header")), tuple(fields.get("skip", ())))
            tables.append((fields, read_table(path, "data", layout=layout)))
        except DataError:
            if len(options) == 1:
                raise
    for fields, table in tables:
        if _keys(table.frame) or year_columns(map(str, table.frame.columns)):
            return fields, table
    if not tables:
        raise DataError(Note("read_no_sheet", file=Path(path).name))
    return max(tables, key=lambda one: one[1].frame.size)


def _rows(header: int | list[int] | None) -> tuple[int, ...]:
    return () if header is None else (header,) if isinstance(header, int) else tuple(header)


def _keys(frame: pd.DataFrame, time: str | None = None) -> tuple[str, str] | None:
    try:
        return keys_of(frame, "", time=time)
    except DataError:
        return None


def _keyed(path: str, fields: dict[str, Any], table: Table) -> tuple[dict[str, Any], pd.DataFrame, bool]:
    """Return the block with units and periods, the rows that it reads, and whether other columns may be meant."""
    frame, wide = table.frame, {}
    keys = _keys(frame)
    years = year_columns(map(str, frame.columns))
    if keys is None and years and not any(may_be_periods(frame[name]) for name in frame):
        name = "year"
        wide = {"wide": VALUE if "" in years else True}
        frame = as_rows(frame, None, name, wide["wide"], Path(path).name, table.header)
        keys = _keys(frame, name)
    found = keys or likely_keys(frame, time="year" if wide else None)
    if found is None:
        # says why, and what to write
        found = keys_of(frame, Path(path).name)
    block = {"path": path, **fields, "unit": found[0], "time": found[1], **wide}
    if keys is None and (series := telling(frame, found)):
        block["series"] = series
        inputs = TableSource(**block).load()
        return block, inputs.frame.rename(columns={"unit": found[0], "time": found[1]}), False
    return block, frame, keys is None


def _codes(frame: pd.DataFrame, block: dict[str, Any]) -> tuple[list[str | int], list[int]]:
    """Return what the block reads as missing, and which of these are numbers and therefore guesses."""
    columns = {str(name): frame[name] for name in frame if name not in (block["unit"], block["time"])}
    texts = [sign for column in columns.values() for sign in signs(column)]
    numbers = {
        name: pd.to_numeric(column.mask(column.isin(texts)), errors="coerce") for name, column in columns.items()
    }
    odd = [int(code) for codes in suspects(numbers).values() for code in codes if int(code) < 0]
    return [*dict.fromkeys(texts), *dict.fromkeys(odd)], list(dict.fromkeys(odd))


def _with_commas(frame: pd.DataFrame, codes: Sequence[str | int]) -> list[str]:
    """Return the columns whose cells are text, since their commas may stand between thousands or be decimal marks."""
    words = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    texts = {str(name): frame[name].dropna().astype(str).str.strip() for name in words}
    figures = {name: cells[~cells.isin(list(map(str, codes)))] for name, cells in texts.items()}
    marked = r"[+-]?\d{1,3}(?:,\d{3})*|[+-]?\d+"
    return [
        name for name, cells in figures.items() if cells.str.contains(",").any() and cells.str.fullmatch(marked).all()
    ]


def _doubles(inputs: Inputs) -> Iterator[Note]:
    """Yield a note on rows of one unit and period."""
    keys = inputs.frame[["unit", "time"]]
    twice = keys[keys.duplicated(keep=False)].drop_duplicates()
    if len(twice):
        cells = cut((f"{unit} {shown_code(time)}" for unit, time in twice.itertuples(index=False)), 4)
        yield Note("read_rows_twice", pairs=len(twice), cells=cells)


def _renamed(inputs: Inputs) -> Iterator[Note]:
    """Yield notes on units that may be one: of names that differ in an ending, or of one code."""
    alike = defaultdict(list)
    for label in map(str, inputs.frame["unit"].dropna().unique()):
        alike[label.strip().rstrip(_ENDS).casefold()].append(label)
    same = [names for names in alike.values() if len(names) > 1]
    if same:
        yield Note("read_units_alike", units=cut((" = ".join(names) for names in same), 6))
    frame = inputs.frame
    for name in map(str, frame.columns[2:]):
        column = frame[name]
        if column.isna().any() or pd.api.types.is_float_dtype(column):
            continue
        # a code has one name in each period, and names the units nearly as well as their labels do
        for code, label in ((name, "unit"), ("unit", name)):
            names = frame.groupby(code, sort=False)[label].unique()
            several = names[names.map(len) > 1]
            text = not pd.api.types.is_numeric_dtype(frame[label])
            if not text or not len(several) or frame.duplicated([code, "time"]).any():
                continue
            if 5 * len(several) <= max(len(names), 5) and frame[label].nunique() >= len(names):
                shown = cut((f"{one}: {', '.join(map(str, labels))}" for one, labels in several.items()), 6)
                yield Note("read_code_of_several", column=inputs.unit_name if code == "unit" else code, units=shown)
