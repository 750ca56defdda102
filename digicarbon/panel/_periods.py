"""Labels of units and periods in one spelling each; the order of periods is decided only here."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import numpy as np
import pandas as pd

from digicarbon.errors import DataError
from digicarbon.note import Note, cut
from digicarbon.panel._calendar import FORMS, Calendar, calendar_of


def label(value: object) -> str:
    """Return a unit's name as text: 11, 11.0 and "11" are the same, and so are ü and u with a combining mark."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return unicodedata.normalize("NFC", str(value).strip())


def periods_of(column: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Return periods as whole numbers where they are numbers, as text otherwise.

    Parameters
    ----------
    column : Series
        Without gaps.
    name : str
        Of the column, for messages.

    Raises
    ------
    DataError
        If only some are whole numbers, and all together, read as text, are no calendar.
    """
    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.astype(str)
    if pd.api.types.is_datetime64_any_dtype(column):
        return pd.Series(column.dt.strftime("%Y-%m-%d"), dtype=object)
    numbers = pd.to_numeric(column, errors="coerce")
    odd = numbers.isna() | (numbers % 1 != 0)
    if not odd.any():
        return numbers.astype(np.int64)
    texts = column.map(label)
    # 03.2010 looks like a number with a fraction
    if numbers.isna().all() or (
        column.map(lambda value: isinstance(value, str)).all()
        and calendar_of(tuple(texts.unique()), name).numbers is not None
    ):
        return texts
    raise DataError(Note("mixed_periods", column=name, values=cut(map(str, column[odd].unique())), forms=FORMS))


def in_order(periods: pd.Series[Any], name: str) -> tuple[list[Any], Calendar]:
    """Return the distinct periods in the order of the calendar, and the calendar.

    Labels that are not understood are ordered as text, numbers within them by size.

    Parameters
    ----------
    periods : Series
        As `periods_of` returns them.
    name : str
        Of the column, for messages.
    """
    labels = sorted(periods.unique(), key=_natural)
    calendar = calendar_of(labels, name)
    if calendar.numbers is None:
        return labels, calendar
    order = np.argsort(calendar.numbers)
    return [labels[place] for place in order], calendar.take(order)


def _natural(item: object) -> tuple[object, ...]:
    """Return a key that sorts numbers within text by size: wave 2 comes before wave 10."""
    if not isinstance(item, str):
        return (item,)
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", item) if part)
