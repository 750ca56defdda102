"""The rows and columns of a panel: labels of units and periods, periods on the calendar, and read-only columns.

Labels of units and periods have one spelling each; the order of periods is decided only here. pandas' own parsers are
not used: they decide label by label whether the day or the month comes first, and read neither half-years nor Chinese.
"""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from calendar import monthrange
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.errors import DataError
from digicarbon.note import Note, cut
from digicarbon.numeric.linear.within import rows_before

FORMS = Note("forms_of_periods")
"""The ways in which periods can be written, for messages."""

_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_WHOLE = re.compile(r"-?[0-9]+")
_CHINESE = {"一": 1, "二": 2, "三": 3, "四": 4, "上": 1, "下": 2}
_YEAR, _DAY, _WORD = r"(?P<year>[12]\d{3})", r"(?P<day>\d{1,2})", r"(?P<word>[a-z]{3,9})\.?"
_SEP, _MIDNIGHT = r"[\s\-/.:_]*", r"(?:[ t]00:00(?::00(?:\.0+)?)?)?"


@dataclass(frozen=True, eq=False)
class Calendar:
    """The numbers of T periods on a calendar, or the reason why they have none.

    ``numbers`` are years, half-years, quarters or months since the year 0, or days, ``years`` the year of each period;
    whole numbers are unchanged. Both are None where the labels are not understood, and ``problem`` says why.
    """

    numbers: IntArray | None
    years: IntArray | None = None
    problem: Note | str = ""

    @cached_property
    def positions(self) -> IntArray:
        """Distances from the first period in the greatest step that divides them all, shape (T,).

        Labels that are not understood are a `DataError`.
        """
        if self.numbers is None:
            raise DataError(Note("order_unknown", why=self.problem))
        return _steps(self.numbers)

    def within(self, first: int | None, last: int | None, key: str, last_key: str = "") -> NDArray[np.bool_]:
        """Return which periods are within a span of years, shape (T,); whole numbers are compared unchanged.

        ``key`` and ``last_key`` are the keys that set the ends, or the one that sets both. Labels that are not
        understood are a `DataError`.
        """
        if self.years is None:
            if last_key:
                raise DataError(Note("years_of_keys_unknown", key=key, last_key=last_key, why=self.problem))
            raise DataError(Note("years_of_key_unknown", key=key, why=self.problem))
        low, high = (-np.inf if first is None else first), (np.inf if last is None else last)
        return np.asarray((self.years >= low) & (self.years <= high))

    def take(self, places: IntArray) -> Calendar:
        """Return the calendar of some periods, in the order of their positions."""
        if self.numbers is None or self.years is None:
            return self
        return Calendar(self.numbers[places], self.years[places])


def calendar_of(labels: Sequence[int | str], name: str) -> Calendar:
    """Return the places of distinct periods on the calendar; ``name`` is their column's, for messages.

    Years, half-years, quarters and months are counted in their own unit. Dates count as months if no two are in the
    same month, else as days. Whole numbers are used unchanged, unless all of them are written like 201003 or 20100331.
    Two labels that mean the same period are a `DataError`.
    """
    calendar = _calendar(labels, name)
    if calendar.numbers is not None:
        _refuse_twice(labels, calendar.numbers, name)
    return calendar


def _calendar(labels: Sequence[int | str], name: str) -> Calendar:
    """Return the calendar of `calendar_of`, in which two labels may mean the same period."""
    if all(isinstance(label, int | np.integer) for label in labels):
        whole = np.array(labels, dtype=np.int64)
        return Calendar(_written_together(whole), whole)
    texts = [unicodedata.normalize("NFKC", str(label)).casefold() for label in labels]
    readings = {kind: [kind.read(text) for text in texts] for kind in _KINDS}
    matches = {kind: np.array(periods, dtype=np.int64) for kind, periods in readings.items() if None not in periods}
    if not matches:
        return Calendar(None, problem=_not_understood(labels, readings, name))
    (kind, periods), *others = matches.items()
    numbers = _counted(kind, periods)
    for other, other_periods in others:
        if not np.array_equal(_steps(numbers), _steps(_counted(other, other_periods))):
            at = int(np.flatnonzero((periods != other_periods).any(axis=1))[0])
            problem = Note(
                "period_of_two_kinds",
                column=name,
                period=labels[at],
                kind=kind.name,
                other=other.name,
                examples=cut(dict.fromkeys(each.example for each in matches)),
            )
            return Calendar(None, problem=problem)
    return Calendar(numbers, periods[:, 0])


def numbers_beside(periods: Sequence[int | str], others: Sequence[str], name: str) -> tuple[IntArray, list[int | None]]:
    """Return the places of periods on their calendar, and those of other labels in any spelling on the same one.

    A label that is not understood has None. Periods are in the order of their calendar, which is known.
    """
    numbers = _calendar(periods, name).numbers
    own = np.arange(len(periods)) if numbers is None else numbers
    read: list[int | None] = []
    for other in others:
        whole = re.fullmatch(r"[+-]?\d{1,15}", other) and isinstance(periods[0], int)
        both = _calendar((*periods, int(other) if whole else other), name).numbers
        # a label of another kind, e.g. a date among years, changes what the periods count
        comparable = both is not None and np.array_equal(both[:-1], own)
        read.append(int(both[-1]) if both is not None and comparable else None)
    return own, read


@dataclass(frozen=True)
class _Kind:
    """One kind of period, with an example that no other kind allows, periods per year (0 for days), and its forms.

    Forms are regular expressions for its labels, in lower case.
    """

    name: Note
    example: str
    per_year: int
    forms: tuple[str, ...]

    def read(self, text: str) -> tuple[int, int] | None:
        """Return the year and the number of a period since the year 0 (a day's ordinal); None if of another kind."""
        for form in self.forms:
            match = re.fullmatch(form, text)
            if match is None:
                continue
            part = match.groupdict()
            year, n, day = int(part["year"]), _number(part), int(part.get("day") or 1)
            if self.per_year and 1 <= n <= self.per_year:
                return year, self.per_year * year + n - 1
            if not self.per_year and 1 <= n <= 12 and 1 <= day <= monthrange(year, n)[1]:
                return year, date(year, n, day).toordinal()
        return None


def _either(part: str) -> tuple[str, str]:
    """Return the forms in which the year comes first and last."""
    return rf"{_YEAR}{_SEP}{part}", rf"{part}{_SEP}{_YEAR}"


# a single digit beside a year may count months, quarters or half-years
_DIGIT = (rf"{_YEAR}[-/:](?P<n>\d)", rf"(?P<n>\d)[-/.:]{_YEAR}")
_MONTH = _Kind(Note("period_month"), "2010M3", 12, (
    *_either(r"m(?P<n>\d{1,2})"), *_either(_WORD), rf"{_YEAR}[-/.:](?P<n>\d\d)", rf"(?P<n>\d\d)[-/.:]{_YEAR}",
    rf"{_YEAR}年(?P<n>\d{{1,2}})月份?", *_DIGIT,
))  # fmt: skip
_DATE = _Kind(Note("period_date"), "2010-03-31", 0, (
    rf"{_YEAR}(?P<mark>[-/.])(?P<n>\d{{1,2}})(?P=mark){_DAY}{_MIDNIGHT}",
    # pandas' form for weeks
    rf"{_YEAR}-(?P<n>\d\d)-{_DAY}/\d{{4}}-\d\d-\d\d",
    rf"{_YEAR}年(?P<n>\d{{1,2}})月{_DAY}日",
    rf"{_DAY}{_SEP}{_WORD}{_SEP}{_YEAR}", rf"{_WORD}{_SEP}{_DAY}[\s,]+{_YEAR}",
))  # fmt: skip
_KINDS = (
    _MONTH,
    _Kind(Note("period_quarter"), "2010Q1", 4, (
        *_either(r"[qt](?P<n>[1-4])"), *_either(r"(?P<n>[1-4])[qt]"),
        rf"{_YEAR}年第?(?P<n>[1-4一二三四])季度?", *_DIGIT,
    )),
    _Kind(Note("period_half_year"), "2010H1", 2, (
        *_either(r"[hs](?P<n>[12])"), *_either(r"(?P<n>[12])[hs]"), rf"{_YEAR}年(?P<n>[上下])半年", *_DIGIT,
    )),
    _Kind(Note("period_year"), "2010", 1, (rf"{_YEAR}(?:年度?)?",)),
    _DATE,
    _Kind(Note("period_day_first"), "2010-03-31", 0, (
        rf"{_DAY}(?P<mark>[-/.])(?P<n>\d{{1,2}})(?P=mark){_YEAR}{_MIDNIGHT}",
    )),
    _Kind(Note("period_month_first"), "2010-03-31", 0, (
        rf"(?P<n>\d{{1,2}})(?P<mark>[-/.]){_DAY}(?P=mark){_YEAR}{_MIDNIGHT}",
    )),
)  # fmt: skip


def _number(part: Mapping[str, str | None]) -> int:
    """Return the number of a month, quarter or half-year, 1 of a year; 0 for a word that is no month."""
    word, digits = part.get("word"), part.get("n")
    if word:
        return next((n for n, month in enumerate(_MONTHS, start=1) if month.startswith(word)), 0)
    return 1 if digits is None else _CHINESE.get(digits) or int(digits)


def _counted(kind: _Kind, periods: IntArray) -> IntArray:
    """Return the numbers of periods; for dates, months if no two are in the same month."""
    numbers = periods[:, 1]
    if kind.per_year:
        return numbers
    months = np.array([12 * day.year + day.month - 1 for day in map(date.fromordinal, numbers.tolist())])
    return months if len(np.unique(months)) == len(np.unique(numbers)) else numbers


def _steps(numbers: IntArray) -> IntArray:
    distance = numbers - numbers.min()
    return np.asarray(distance // max(int(np.gcd.reduce(distance)), 1), dtype=np.int64)


def _written_together(whole: IntArray) -> IntArray:
    """Return months or days if all whole numbers are written like 201003 or 20100331, else the numbers unchanged."""
    for kind, digits in ((_MONTH, 6), (_DATE, 8)):
        texts = [str(number) for number in whole.tolist()]
        dashed = [re.sub(r"(\d{4})(\d\d)(\d\d)?", lambda m: "-".join(filter(None, m.groups())), text) for text in texts]
        periods = [kind.read(text) for text in dashed]
        if all(len(text) == digits for text in texts) and None not in periods:
            return _counted(kind, np.array(periods, dtype=np.int64))
    return whole


def _not_understood(labels: Sequence[int | str], readings: Mapping[_Kind, Sequence[object]], name: str) -> Note:
    kind, periods = max(readings.items(), key=lambda item: len(item[1]) - item[1].count(None))
    odd = [label for label, period in zip(labels, periods, strict=True) if period is None]
    if len(odd) < len(labels) / 2:
        # most labels are of this kind, so the message names the few odd ones
        return Note(
            "periods_of_other_kind",
            column=name,
            odd=cut(map(repr, odd), 3),
            kind=kind.name,
            example=repr(next(label for label in labels if label not in odd)),
            forms=FORMS,
        )
    return Note("no_calendar", column=name, odd=cut(map(repr, odd), 3), forms=FORMS)


def _refuse_twice(labels: Sequence[int | str], numbers: IntArray, name: str) -> None:
    order = np.argsort(numbers, kind="stable")
    equal = np.flatnonzero(np.diff(numbers[order]) == 0)
    if len(equal):
        first, second = (labels[i] for i in order[equal[0] : equal[0] + 2])
        raise DataError(Note("same_period", column=name, first=repr(first), second=repr(second)))


def label(value: object) -> str:
    """Return a unit's name as text: 11, 11.0 and "11" are the same, and so are ü and u with a combining mark."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return unicodedata.normalize("NFC", str(value).strip())


def units_in_order(labels: Iterable[str]) -> list[str]:
    """Return the labels of units in order: by size where all are whole numbers (2, 10), as text otherwise."""
    units = list(labels)
    if all(_WHOLE.fullmatch(unit) for unit in units):
        return sorted(units, key=lambda unit: (int(unit), unit))
    return sorted(units)


def periods_of(column: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Return periods, without gaps, as whole numbers where they are numbers, as text otherwise.

    If only some are whole numbers, and all together, read as text, are no calendar, there is a `DataError`.
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
    """Return the distinct periods of `periods_of` in the order of the calendar, and the calendar.

    Labels that are not understood are ordered as text, numbers within them by size.
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


@dataclass(frozen=True, eq=False)
class Index:
    """The unit and period of each row; rows are ordered by unit, then by period.

    ``units``: the N unit labels, sorted. ``periods``: the T periods, sorted. ``calendar``: the places of the periods on
    the calendar, where known. ``unit_codes``, ``period_codes``, shape (rows,): position of each row's unit and period.
    ``unit_name``, ``time_name``: what messages and tables call a unit and a period. ``regions``: the column of the
    regions that a sample names; empty where none is declared.
    """

    units: tuple[str, ...]
    periods: tuple[int | str, ...]
    calendar: Calendar
    unit_codes: IntArray
    period_codes: IntArray
    unit_name: str = "unit"
    time_name: str = "time"
    regions: str = ""

    def __post_init__(self) -> None:
        for array in (self.unit_codes, self.period_codes):
            array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.unit_codes)

    @property
    def ordered(self) -> bool:
        """Whether the order and the distances of the periods are known."""
        return len(self.periods) == 1 or self.calendar.numbers is not None

    @cached_property
    def positions(self) -> IntArray:
        """Places of the periods on the calendar, from 0, shape (T,); see `Panel.positions`."""
        if len(self.periods) == 1:
            return np.zeros(1, dtype=np.int64)
        return self.calendar.positions

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The position of each unit by its label."""
        return {unit: position for position, unit in enumerate(self.units)}

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of labels and of each row's place."""
        sha = hashlib.sha256(repr((self.units, self.periods)).encode())
        numbers = self.calendar.numbers
        # labels such as 3/1/2010 alone do not give their place on the calendar
        if numbers is not None and self.periods != tuple(numbers.tolist()):
            sha.update(numbers.tobytes())
        for codes in (self.unit_codes, self.period_codes):
            sha.update(np.ascontiguousarray(codes).tobytes())
        return sha.digest()

    def before(self, lag: int) -> IntArray:
        """Return the row of the same unit ``lag`` periods before each row, shape (rows,); -1 where there is none."""
        if lag == 0:
            return np.arange(len(self))
        return rows_before(self.unit_codes, self.positions[self.period_codes], lag)

    def cut(self, keep: NDArray[np.bool_]) -> Index:
        """Return the rows where ``keep`` is true; units and periods without a row are left out."""
        used_units, unit_codes = np.unique(self.unit_codes[keep], return_inverse=True)
        used_periods, period_codes = np.unique(self.period_codes[keep], return_inverse=True)
        return Index(
            tuple(self.units[i] for i in used_units),
            tuple(self.periods[i] for i in used_periods),
            self.calendar.take(used_periods),
            unit_codes.astype(np.int64),
            period_codes.astype(np.int64),
            self.unit_name,
            self.time_name,
            self.regions,
        )


FEW_ROWS = 10_000
"""Number of rows up to which calls of numpy take longer than what they do."""


class Column:
    """The numbers of one column for the rows of one index, read-only.

    Panels with the same column share this object, and with it the values that fits have computed: whether it is finite,
    its digest, and its values after effects are removed. ``source`` are the numbers, which then belong to the column;
    or another column and which of its rows to take, which happens when the values are first needed.
    """

    def __init__(self, source: FloatArray | tuple[Column, NDArray[np.bool_]]) -> None:
        self._source = source if isinstance(source, tuple) else None
        self._values = None if isinstance(source, tuple) else _read_only(source)
        self._square: float | None = None
        self._finite: bool | None = None
        self.memory: dict[Hashable, Any] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Column, (self.values,)

    @property
    def values(self) -> FloatArray:
        """The numbers, shape (rows,)."""
        # in this order: another thread that makes the values lets go of the source last
        source = self._source
        if self._values is None:
            assert source is not None
            whole, keep = source
            self._values = _read_only(whole.values[keep])
            self._source = None
        return self._values

    @property
    def finite(self) -> bool:
        """Whether every number is finite."""
        if self._finite is None:
            self._finite = bool(np.isfinite(self.values).all())
        return self._finite

    @property
    def square(self) -> float:
        """The sum of squares."""
        if self._square is None:
            self._square = float(np.einsum("i,i->", self.values, self.values))
        return self._square

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the numbers."""
        return hashlib.sha256(self.values.tobytes()).digest()

    def cut(self, keep: NDArray[np.bool_]) -> Column:
        """Return the rows where ``keep`` is true."""
        return Column((self, keep))


def _read_only(values: FloatArray) -> FloatArray:
    """Return a plain view of an array: the class of memory-mapped ones makes every operation slower."""
    array = np.asarray(values).view()
    array.flags.writeable = False
    return array


def all_finite(columns: Sequence[Column]) -> bool:
    """Return whether every number of columns of one index is finite; few rows are looked at together."""
    new = [column for column in columns if column._finite is None]
    # many rows are not copied for this
    if new and len(new[0].values) <= FEW_ROWS:
        block = np.array([column.values for column in new])
        for column, square in zip(new, np.einsum("ij,ij->i", block, block).tolist(), strict=True):
            column._square = square
            # a sum that is too large for a number says nothing
            column._finite = math.isfinite(square) or None
    return all([column._finite or column.finite for column in columns])


def owned(values: Column | FloatArray) -> Column:
    """Return a column; an array is copied, since the caller may change it."""
    return values if isinstance(values, Column) else Column(np.array(values, dtype=np.float64))
