"""Files of statistical programs, and tables in the formats of statistical offices."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from digicarbon.errors import DataError
from digicarbon.note import Note, cut
from digicarbon.source._gaps import shown_code

STATISTICAL = (".sav", ".zsav", ".por", ".sas7bdat", ".xpt")
"""Suffixes of files of SPSS and SAS."""

# Eurostat's first cell names the dimensions in the cells below it, and what the columns are
_EUROSTAT = re.compile(r"([\w,]+)\\(time|time_period)\s*", re.I)
_FIGURE = re.compile(r"\s*(:|[-+]?[\d.]+(?:[eE][-+]?\d+)?)?\s*([a-z]{0,4})\s*")


def read_statistical(
    file: Path, where: str, encoding: str | None
) -> tuple[pd.DataFrame, Mapping[str, str | None], tuple[Note, ...]]:
    """Return the table of a file of SPSS or SAS, its labels of columns, and notes on what it declares as missing.

    Numbers that all have a label are text, as those of Stata are.
    """
    try:
        import pyreadstat
    except ImportError as error:
        raise DataError(Note("file_needs_extra", file=file.name, extra="readers")) from error
    suffix = file.suffix.lower()
    name = {".sas7bdat": "read_sas7bdat", ".xpt": "read_xport", ".por": "read_por"}.get(suffix, "read_sav")
    of_spss = suffix in (".sav", ".zsav")
    options: dict[str, Any] = {} if encoding is None else {"encoding": encoding}
    if of_spss:
        options |= {"user_missing": True}
    try:
        frame, meta = getattr(pyreadstat, name)(str(file), **options)
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, UnicodeError, LookupError) as error:
        key = f"{where}.encoding"
        raise DataError(
            Note("statistical_unreadable", key=key, file=file.name, suffix=suffix, reason=str(error))
        ) from error
    counts = []
    for column, ranges in meta.missing_ranges.items() if of_spss else ():
        hit = _declared(frame[column], ranges)
        if hit.any():
            codes = Counter(shown_code(value) for value in frame[column][hit])
            shown = cut((Note("code_cells", code=code, cells=cells) for code, cells in codes.most_common()), 4)
            counts.append(Note("column_emptied", column=column, codes=shown))
            frame[column] = frame[column].mask(hit)
    for column, labels in meta.variable_value_labels.items():
        values = frame[column].dropna()
        if len(values) and set(values) <= set(labels):
            frame[column] = frame[column].map(labels)
    notes = (Note("cells_declared_missing", file=file.name, columns=cut(counts, 8)),) if counts else ()
    return frame, meta.column_names_to_labels, notes


def _declared(column: pd.Series[Any], ranges: list[dict[str, Any]]) -> pd.Series[bool]:
    hit = pd.Series(False, index=column.index)
    for one in ranges:
        low, high = one["lo"], one["hi"]
        hit |= column.eq(low) if low == high else column.between(low, high)
    return hit


def from_eurostat(cells: pd.DataFrame, file: str) -> tuple[pd.DataFrame, tuple[Note, ...]]:
    r"""Return cells of Eurostat's TSV with a column per dimension and without flags; other cells unchanged.

    The first cell of such a file is like ``freq,unit,geo\TIME_PERIOD``. A colon means that there is no figure; letters
    behind a figure are flags, such as p for provisional.
    """
    head = _EUROSTAT.fullmatch(str(cells.iat[0, 0])) if cells.size else None
    if head is None:
        return cells, ()
    dimensions = head[1].split(",")
    keys = cells.iloc[1:, 0].str.split(",", expand=True)
    if keys.shape[1] != len(dimensions):
        return cells, ()
    flags, missing = Counter[str](), 0
    columns: dict[int, list[Any]] = {}
    for place, name in enumerate(dimensions):
        columns[place] = [name, *keys[place].str.strip()]
    for place in range(1, cells.shape[1]):
        column: list[Any] = [str(cells.iat[0, place]).strip()]
        for cell in cells.iloc[1:, place]:
            match = _FIGURE.fullmatch(str(cell))
            if match is None:
                column.append(cell)
                continue
            flags.update(match[2])
            missing += match[1] == ":"
            column.append("" if match[1] in (None, ":") else match[1])
        columns[len(dimensions) + place - 1] = column
    shown = [Note("flag_cells", flag=flag, cells=number) for flag, number in flags.most_common()]
    notes = [Note("eurostat_flags", file=file, flags=cut(shown, 8))] if shown else []
    notes += [Note("eurostat_missing", file=file, missing=missing)] if missing else []
    return pd.DataFrame(columns), tuple(notes)
