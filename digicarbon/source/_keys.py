"""Which columns of a table name units and periods, where only one pair of columns can be meant."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pandas as pd

from digicarbon.errors import DataError
from digicarbon.note import Note, columns_there, cut
from digicarbon.source._read import as_periods, numbers_or_text, require_column

FIRST_YEAR, LAST_YEAR = 1700, 2200
"""Whole numbers from and to here may be years."""


def keys_of(frame: pd.DataFrame, file: str, unit: str | None = None, time: str | None = None) -> tuple[str, str]:
    """Return the columns of units and periods of a table.

    A pair can be meant if it names each row once, its periods are years or dates, and its units have several periods.
    Of columns that tell the same units apart, text comes before numbers. ``file``: for messages. ``unit``, ``time``:
    one of them, where it is known.

    Raises DataError if no pair of columns can be meant, or several can.
    """
    names = [str(name) for name in frame.columns]
    for key, name in (("source.unit", unit), ("source.time", time)):
        if name is not None:
            require_column(name, names, file, key)
    periods = [name for name in names if may_be_periods(frame[name])] if time is None else [time]
    if not periods:
        raise _unclear(file, Note("keys_no_period"))
    pairs = [
        (label, period)
        for period in periods
        for label in (_labels(frame, period) if unit is None else [unit])
        if label != period and _are_keys(frame, label, period)
    ]
    pairs = list(_without_codes(frame, pairs))
    if len(pairs) == 1:
        return pairs[0]
    if not pairs:
        raise _unclear(file, Note("keys_of_none", columns=columns_there(names)))
    raise _unclear(file, Note("keys_of_several", pairs=cut([f"{a} + {b}" for a, b in pairs], 6)))


def likely_keys(frame: pd.DataFrame, unit: str | None = None, time: str | None = None) -> tuple[str, str] | None:
    """Return the columns of units and periods that may be meant: those with the fewest rows of one unit and period."""
    names = [str(name) for name in frame.columns]
    periods = [time] if time in names else [name for name in names if may_be_periods(frame[name])]
    labels = (
        [unit]
        if unit in names
        else [
            name
            for name in names
            if name not in periods and not pd.api.types.is_numeric_dtype(frame[name]) and frame[name].nunique() > 1
        ]
    )
    pairs = [(str(label), str(period)) for period in periods for label in labels]
    return min(pairs, key=lambda pair: int(frame.duplicated(list(pair)).sum()), default=None)


def _unclear(file: str, why: Note) -> DataError:
    return DataError(Note("keys_unclear", key="source", file=file, why=why, example="data.unit=city data.time=year"))


def may_be_periods(column: pd.Series[Any]) -> bool:
    """Return whether all cells are years or dates, of several periods."""
    cells = column.dropna()
    if cells.empty or len(cells) < len(column) or cells.nunique() < 2:
        return False
    values = as_periods(cells)
    if pd.api.types.is_numeric_dtype(values):
        return bool((values % 1 == 0).all() and values.between(FIRST_YEAR, LAST_YEAR).all())
    return pd.api.types.is_datetime64_any_dtype(values) or isinstance(values.dtype, pd.PeriodDtype)


def refuse_exchanged(units: pd.Series[Any], periods: pd.Series[Any], file: str, unit: str, time: str) -> None:
    """Raise a `DataError` if the labels of units are years or dates, and those of periods are words without a digit."""
    words = periods.map(lambda label: isinstance(label, str) and not any(sign.isdigit() for sign in label))
    if words.all() and may_be_periods(units):
        raise DataError(Note("keys_exchanged", file=file, unit=unit, time=time))


def _labels(frame: pd.DataFrame, period: str) -> Iterator[str]:
    """Yield the columns that may hold labels of units: text, and whole numbers."""
    for name in map(str, frame.columns):
        column = frame[name]
        if name == period or column.isna().any():
            continue
        numbers = numbers_or_text(column)
        if not pd.api.types.is_numeric_dtype(numbers) or (numbers % 1 == 0).all():
            yield name


def _are_keys(frame: pd.DataFrame, unit: str, time: str) -> bool:
    """Return whether a pair names each row once, and more than half of the units have several periods."""
    if unit not in frame or frame.duplicated([unit, time]).any():
        return False
    counts = frame[unit].value_counts()
    return len(counts) > 1 and bool((counts > 1).mean() > 0.5)


def _without_codes(frame: pd.DataFrame, pairs: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the pairs, without numbers that tell the same units apart as a text does."""
    codes = set()
    for (one, time), (other, again) in combinations(pairs, 2):
        same = time == again and frame.groupby([one, other]).ngroups == frame[one].nunique() == frame[other].nunique()
        numeric = [name for name in (one, other) if pd.api.types.is_numeric_dtype(frame[name])]
        if same and len(numeric) == 1:
            codes.add((numeric[0], time))
    return (pair for pair in pairs if pair not in codes)
