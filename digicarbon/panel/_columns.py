"""What a panel is made of: which unit and period each row is, and frozen columns that several panels share."""

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
    """Which unit and period each row is; rows are ordered by unit, then by period.

    Attributes
    ----------
    units : tuple of str
        The N unit labels, sorted.
    periods : tuple of int or str
        The T periods, sorted.
    calendar : Calendar
        Where the periods stand on the calendar, where that is known.
    unit_codes, period_codes : ndarray of int, shape (rows,)
        Position of each row's unit and period.
    unit_name, time_name : str
        What messages and tables call a unit and a period.
    """

    units: tuple[str, ...]
    periods: tuple[int | str, ...]
    calendar: Calendar
    unit_codes: IntArray
    period_codes: IntArray
    unit_name: str = "unit"
    time_name: str = "time"

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
        """Where the periods stand on the calendar, from 0, shape (T,); see `Panel.positions`."""
        if len(self.periods) == 1:
            return np.zeros(1, dtype=np.int64)
        return self.calendar.positions

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of labels and of each row's place."""
        sha = hashlib.sha256(repr((self.units, self.periods)).encode())
        numbers = self.calendar.numbers
        # labels such as 3/1/2010 do not say by themselves where they stand
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
        )


class Column:
    """Numbers of one column on the rows of one index, frozen.

    Panels that have the same column share this object, and with it what fits have learned of it: whether it is finite,
    its digest, and what it is after effects are removed.

    Parameters
    ----------
    source : ndarray, shape (rows,), or (Column, ndarray of bool)
        The numbers, which then belong to the column; or the column that these are some rows of, which are read when
        they are first needed.
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
        # a view of its own: a memory-mapped array would pay for its class at every operation
        found = np.asarray(self._source).view()
        found.flags.writeable = False
        return found

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
    """Return a column; an array is copied, since whoever gave it may change it."""
    return values if isinstance(values, Column) else Column(np.array(values, dtype=np.float64))
