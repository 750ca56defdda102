"""The parts of a panel: the unit and period of each row, and read-only columns that several panels share."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.linear.within import rows_before
from digicarbon.panel._calendar import Calendar


@dataclass(frozen=True, eq=False)
class Index:
    """The unit and period of each row; rows are ordered by unit, then by period.

    Attributes
    ----------
    units : tuple of str
        The N unit labels, sorted.
    periods : tuple of int or str
        The T periods, sorted.
    calendar : Calendar
        The places of the periods on the calendar, where known.
    unit_codes, period_codes : ndarray of int, shape (rows,)
        Position of each row's unit and period.
    unit_name, time_name : str
        What messages and tables call a unit and a period.
    regions : str
        The column of the regions that a sample names; empty where none is declared.
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


class Column:
    """The numbers of one column for the rows of one index, read-only.

    Panels with the same column share this object, and with it the values that fits have computed: whether it is finite,
    its digest, and its values after effects are removed.

    Parameters
    ----------
    source : ndarray, shape (rows,), or (Column, ndarray of bool)
        The numbers, which then belong to the column; or another column and which of its rows to take, which happens
        when the values are first needed.
    """

    def __init__(self, source: FloatArray | tuple[Column, NDArray[np.bool_]]) -> None:
        self._source = source
        self.memory: dict[Hashable, Any] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Column, (self.values,)

    @cached_property
    def values(self) -> FloatArray:
        """The numbers, shape (rows,)."""
        if isinstance(self._source, tuple):
            whole, keep = self._source
            self._source = whole.values[keep]
        # a plain view: the class of memory-mapped arrays makes every operation slower
        array = np.asarray(self._source).view()
        array.flags.writeable = False
        return array

    @cached_property
    def finite(self) -> bool:
        """Whether every number is finite."""
        return bool(np.isfinite(self.values).all())

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the numbers."""
        return hashlib.sha256(self.values.tobytes()).digest()

    def cut(self, keep: NDArray[np.bool_]) -> Column:
        """Return the rows where ``keep`` is true."""
        return Column((self, keep))


def owned(values: Column | FloatArray) -> Column:
    """Return a column; an array is copied, since the caller may change it."""
    return values if isinstance(values, Column) else Column(np.array(values, dtype=np.float64))
