"""Tables with a row per unit, period and series, as a column for each series."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from digicarbon.errors import DataError
from digicarbon.note import Note, columns_there, cut


def by_series(
    frame: pd.DataFrame, keys: Sequence[str], series: Sequence[str], value: str | None, file: str
) -> tuple[pd.DataFrame, Note]:
    """Return a table with a row per unit and period, and a note on its columns and those that are left out.

    ``keys``: the columns of units and periods. ``series``: the columns whose values, joined by _, name the series.
    ``value``: the column of the figures; None: the only one of numbers that are not all equal. Raises DataError if a
    column is missing, figures cannot be told, or a series has two rows of one unit and period.
    """
    names = [str(name) for name in frame.columns]
    for field, column in (*(("series", one) for one in series), *((("value", value),) if value else ())):
        if column not in names:
            there = columns_there(names)
            raise DataError(
                Note("series_without_column", key=f"source.{field}", file=file, column=column, columns=there)
            )
    figures = value or _figures(frame, [*keys, *series], file)
    if frame[list(series)].isna().to_numpy().any():
        raise DataError(Note("series_without_name", key="source.series", file=file, columns=cut(series)))
    named = frame[list(series)].astype(str).agg("_".join, axis=1)
    parts = pd.DataFrame({**{key: frame[key] for key in keys}, "series": named, "value": frame[figures]})
    twice = parts[parts.duplicated([*keys, "series"], keep=False)]
    if len(twice):
        first = twice.iloc[0]
        rows = frame.loc[(parts[[*keys, "series"]] == first[[*keys, "series"]]).all(axis=1)]
        others = [name for name in names if name not in (*keys, *series, figures) and rows[name].nunique() > 1]
        raise DataError(
            Note(
                "series_twice",
                key="source.series",
                file=file,
                series=str(first["series"]),
                cell=f"{first[keys[0]]} {first[keys[1]]}",
                more=Note("series_names_more", columns=cut([*series, *others])) if others else "",
            )
        )
    order = list(dict.fromkeys(named))
    wide = parts.pivot(index=list(keys), columns="series", values="value")[order].reset_index()
    wide.columns = pd.Index([*keys, *order])
    left = [name for name in names if name not in (*keys, *series, figures)]
    dropped = Note("series_leave_out", columns=cut(left, 12)) if left else ""
    return wide, Note("series_read", file=file, columns=cut(order, 12), by=cut(series), left=dropped)


def _figures(frame: pd.DataFrame, others: Sequence[str], file: str) -> str:
    """Return the only column of numbers that are not all equal, beside the others."""
    numbers = [
        str(name)
        for name in frame
        if name not in others and pd.api.types.is_numeric_dtype(frame[name]) and frame[name].nunique() > 1
    ]
    if len(numbers) != 1:
        raise DataError(Note("series_of_which_figures", key="source.value", file=file, columns=cut(numbers, 12)))
    return numbers[0]


def telling(frame: pd.DataFrame, keys: Sequence[str]) -> list[str]:
    """Return the text columns by which rows of one unit and period differ; none if there are no such rows, or others.

    A column that adds nothing to the ones before it, e.g. the code of a name, is left out.
    """
    if not frame.duplicated(list(keys)).any():
        return []
    chosen: list[str] = []
    rows = int(frame.duplicated(list(keys)).sum())
    texts = [str(name) for name in frame if name not in keys and not pd.api.types.is_numeric_dtype(frame[name])]
    for name in texts:
        left = int(frame.duplicated([*keys, *chosen, name]).sum())
        if left < rows and frame[name].notna().all():
            chosen, rows = [*chosen, name], left
    return [] if rows else chosen
