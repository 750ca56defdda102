"""The panel: labelled, sorted, frozen; the one place where the order of units and periods is decided."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digicarbon.errors import DataError, listing, nearest
from digicarbon.numeric.within import rows_before
from digicarbon.panel._terms import evaluate

Gaps = Literal["refuse", "drop_units", "keep"]
"""What to do with a unit that lacks a period or a value: stop, leave the unit out, or keep an unbalanced panel."""

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def label(value: object) -> str:
    """Return a unit's name as text, so that 11, 11.0 and "11" are one unit."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


@dataclass(frozen=True, eq=False)
class Panel:
    """Values of units over periods, sorted by unit and then by period.

    Build one with `from_frame`. Arrays are read-only; rows are ordered by unit label, then by period.

    Attributes
    ----------
    units : tuple of str
        The N unit labels, sorted.
    periods : tuple of int or str
        The T periods, sorted.
    names : tuple of str
        Names of the k columns.
    values : ndarray, shape (rows, k)
        Column values; not-a-number where missing.
    unit_codes, period_codes : ndarray of int, shape (rows,)
        Position of each row's unit and period.
    text : dict of str to ndarray
        Columns that hold text, kept for grouping; a model cannot use them.
    """

    units: tuple[str, ...]
    periods: tuple[int | str, ...]
    names: tuple[str, ...]
    values: FloatArray
    unit_codes: IntArray
    period_codes: IntArray
    unit_name: str = "unit"
    time_name: str = "time"
    text: dict[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for array in (self.values, self.unit_codes, self.period_codes, *self.text.values()):
            array.flags.writeable = False

    def __repr__(self) -> str:
        n, t = self.shape
        span = f"{self.periods[0]} to {self.periods[-1]}"
        shape = "" if self.balanced else ", not balanced"
        return f"Panel of {n} units × {t} periods ({span}{shape}): {listing(self.names, 12)}"

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, unit: str, time: str, gaps: Gaps = "refuse") -> Panel:
        """Build a panel from one row per unit and period, in any order.

        Parameters
        ----------
        frame : DataFrame
            One row per unit and period.
        unit, time : str
            The columns that hold the unit's label and the period.
        gaps : {"refuse", "drop_units", "keep"}
            What to do when a unit lacks a period: raise, leave that unit out, or keep the panel unbalanced.

        Returns
        -------
        Panel

        Raises
        ------
        DataError
            If a key column is missing or empty, a unit-period pair stands twice, or a unit lacks a period.
        """
        if not isinstance(frame, pd.DataFrame):
            raise DataError(
                f"Panel.from_frame takes a DataFrame, not a {type(frame).__name__}; read the file first, e.g. with "
                "pandas.read_csv."
            )
        if unit == time:
            raise DataError(f"unit and time are both '{unit}'; name the column of units and the column of periods.")
        indexed = not {unit, time} <= set(frame.columns) and {unit, time} & set(frame.index.names)
        flat = frame.reset_index() if indexed else frame
        flat = flat.set_axis([str(name) for name in flat.columns], axis=1)
        if not flat.columns.is_unique:
            twice = flat.columns[flat.columns.duplicated()].unique()
            raise DataError(f"The table has more than one column called {listing(twice)}; rename all but one.")
        for key in (unit, time):
            if key not in flat.columns:
                raise DataError(
                    f"The table has no column '{key}'.{nearest(key, flat.columns)} "
                    f"Columns: {listing(flat.columns, 20)}."
                )
        if flat.empty:
            raise DataError("The table has no rows.")
        labels = flat[unit].astype(object).map(label)
        empty = flat[unit].isna() | flat[time].isna() | (labels == "")
        if empty.any():
            rows = np.flatnonzero(empty.to_numpy()) + 1
            raise DataError(f"'{unit}' or '{time}' is empty in data row {listing(rows)}; fill or delete these rows.")
        times = _periods(flat[time], time)
        units, unit_codes = _codes(labels)
        periods, period_codes = _codes(times, _natural)
        _refuse_duplicates(unit_codes, period_codes, units, periods)
        order = np.lexsort((period_codes, unit_codes))
        columns = [name for name in flat.columns if name not in (unit, time)]
        numeric: dict[str, FloatArray] = {}
        text: dict[str, NDArray[Any]] = {}
        for name in columns:
            as_number = pd.to_numeric(flat[name], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
            if np.isnan(as_number).sum() > flat[name].isna().sum():
                text[name] = flat[name].to_numpy(dtype=object)[order]
            else:
                numeric[name] = as_number[order]
        values = np.column_stack(list(numeric.values())) if numeric else np.empty((len(flat), 0))
        panel = cls(units, periods, tuple(numeric), values, unit_codes[order], period_codes[order], unit, time, text)
        return panel._fill_gaps(np.ones(len(flat), dtype=bool), gaps, "has no row")

    @property
    def balanced(self) -> bool:
        """Whether each unit has each period."""
        return len(self.unit_codes) == len(self.units) * len(self.periods)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of units and of periods."""
        return len(self.units), len(self.periods)

    @cached_property
    def _position(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.names)}

    @cached_property
    def _finite(self) -> set[str]:
        """Columns that have been found finite everywhere; values never change."""
        return set()

    def require(self, names: Iterable[str]) -> None:
        """Raise a `DataError` unless each of ``names`` is a column of finite numbers."""
        for name in names:
            if name in self._finite:
                continue
            self.require_column(name)
            bad = np.flatnonzero(~np.isfinite(self.values[:, self._position[name]]))
            if len(bad):
                raise DataError(
                    f"Column '{name}' has no finite value for {listing(self.row_name(row) for row in bad)}; fill these "
                    "cells, leave the column out, or choose panel.gaps=drop_units (or keep)."
                )
            self._finite.add(name)

    def require_column(self, name: str) -> None:
        """Raise a `DataError` unless ``name`` is a column of numbers, gaps or not."""
        if name in self.text:
            words = pd.to_numeric(pd.Series(self.text[name]), errors="coerce").isna()
            rows = np.flatnonzero(words.to_numpy() & ~pd.isna(self.text[name]))
            shown = listing([f"{self.row_name(row)}: {self.text[name][row]!r}" for row in rows], 3)
            raise DataError(
                f"Column '{name}' holds text where numbers are needed ({shown}); correct these cells, or write "
                f"C({name}) for dummies of its values."
            )
        if name not in self._position:
            raise DataError(
                f"The panel has no column '{name}'.{self.hint(name)}{nearest(name, self.names)} "
                f"Columns: {listing(self.names, 40)}."
            )

    def hint(self, name: str) -> str:
        """Return what may be meant by a term that is no column, as a sentence after a blank; empty if unknown."""
        if name in (self.unit_name, self.time_name):
            return f" It is the name of the units or periods; C({name}) makes dummies of them."
        if not re.fullmatch(r"[\w ]+", name):
            return (
                " Terms are columns, ln_x (for log(x)), x^2, L.x, L2.x, F.x, D.x (for lag(x) and so on), a:b and C(x) "
                "(for i.x)."
            )
        return ""

    def has(self, name: str) -> bool:
        """Return whether ``name`` is a column, of numbers or of text."""
        return name in self._position or name in self.text

    def column(self, name: str) -> FloatArray:
        """Return a column of numbers as it is, gaps included, shape (rows,)."""
        return self.values[:, self._position[name]]

    def levels(self, name: str) -> tuple[tuple[str, ...], IntArray]:
        """Return the distinct values of a column as text, sorted, and each row's position among them, shape (rows,).

        Parameters
        ----------
        name : str
            A column of text or numbers, or the name of the unit or of the period.

        Raises
        ------
        DataError
            If there is no such column, or it is empty somewhere.
        """
        if name in (self.unit_name, "unit") and not self.has(name):
            return self.units, self.unit_codes
        if name in (self.time_name, "time") and not self.has(name):
            return tuple(map(str, self.periods)), self.period_codes
        if name in self.text:
            empty = np.flatnonzero(pd.isna(self.text[name]))
            if len(empty):
                raise DataError(
                    f"Column '{name}' is empty for {listing(self.row_name(row) for row in empty)}; fill it."
                )
            values = np.array([label(value) for value in self.text[name]], dtype=object)
        else:
            self.require([name])
            values = self.column(name)
        found, codes = np.unique(values, return_inverse=True)
        return tuple(label(value) for value in found.tolist()), codes.astype(np.int64)

    def rows_before(self, lag: int) -> IntArray:
        """Return the row of the same unit ``lag`` periods before each row, shape (rows,); -1 where there is none.

        Periods are counted as `positions` says.
        """
        return rows_before(self.unit_codes, self.positions[self.period_codes], lag)

    @cached_property
    def positions(self) -> IntArray:
        """Where the periods stand on the calendar, from 0, shape (T,).

        The step is the greatest one that divides all distances between the panel's periods, so that a year that nobody
        has stays a gap; periods that are text follow each other, numbers within them by size.
        """
        if not isinstance(self.periods[0], int):
            return np.arange(len(self.periods))
        years = np.array(self.periods) - self.periods[0]
        return np.asarray(years // max(int(np.gcd.reduce(years)), 1), dtype=np.int64)

    def with_terms(self, terms: Iterable[str]) -> Panel:
        """Return the panel with a column for each term that is more than a column.

        Parameters
        ----------
        terms : iterable of str
            ``a^2`` (a power), ``L.a``, ``L2.a`` (lags within units), ``F.a`` (a lead), ``D.a`` (a difference),
            ``a:b`` (an interaction), ``C(g)`` (dummies of a column's values), ``a:C(g)`` (a slope per value), ``ln_a``
            (the natural logarithm of a column ``a`` that is positive everywhere).

        Returns
        -------
        Panel
            Without the rows that have no lag, lead or difference.

        Raises
        ------
        DataError
            If a variable is not a column of numbers, or no row has the lag.
        """
        return evaluate(self, tuple(terms))[0]

    def expanded(self, terms: Iterable[str], among: Iterable[str] = ()) -> tuple[str, ...]:
        """Return the names of the columns of `with_terms`, dummies spelt out as ``g[value]``.

        Parameters
        ----------
        terms : iterable of str
        among : iterable of str
            All terms of the model, where ``terms`` are some of them: whether ``a:C(g)`` has a slope for the first value
            depends on whether ``a`` is a term.
        """
        wanted = tuple(terms)
        names = evaluate(self, tuple(dict.fromkeys([*among, *wanted])))[1]
        return tuple(name for term in wanted for name in names[term])

    @cached_property
    def memory(self) -> dict[tuple[str, str], FloatArray]:
        """What fits to this panel share: columns with effects removed, by kind of effects and name."""
        return {}

    def array(self, names: Sequence[str]) -> FloatArray:
        """Return columns as an array of shape (rows, len(names)), ordered by unit, then period.

        Raises
        ------
        DataError
            If a column is missing, holds text or a value that is not finite.
        """
        self.require(names)
        return self.values[:, [self._position[name] for name in names]]

    def cube(self, names: Sequence[str]) -> FloatArray:
        """Return columns as an array of shape (periods, units, len(names)).

        Raises
        ------
        DataError
            If the panel is not balanced, or as `array` does.
        """
        if not self.balanced:
            raise DataError(
                f"The panel is not balanced: {listing(self._missing_pairs())} missing; a spatial model needs every "
                "unit in every period. Use panel.gaps=drop_units or a shorter span of years."
            )
        n, t = self.shape
        return np.ascontiguousarray(self.array(names).reshape(n, t, len(names)).transpose(1, 0, 2))

    def frame(self) -> pd.DataFrame:
        """Return a copy as a DataFrame indexed by unit and period."""
        index = pd.MultiIndex.from_arrays(
            [np.array(self.units, dtype=object)[self.unit_codes], self._period_array()[self.period_codes]],
            names=[self.unit_name, self.time_name],
        )
        numbers = pd.DataFrame(self.values, index=index, columns=list(self.names))
        return numbers.assign(**self.text) if self.text else numbers

    def with_columns(self, new: dict[str, FloatArray]) -> Panel:
        """Return a panel with further or replaced columns, each of shape (rows,)."""
        kept = [name for name in self.names if name not in new]
        values = np.column_stack([self.values[:, [self._position[name] for name in kept]], *new.values()])
        text = {name: column for name, column in self.text.items() if name not in new}
        return self._replace(names=(*kept, *new), values=values, text=text)

    def with_text(self, new: dict[str, NDArray[Any]]) -> Panel:
        """Return a panel with further columns of text, each of shape (rows,)."""
        return self._replace(text=self.text | new)

    def select(self, units: Iterable[str] | None = None, periods: Iterable[int | str] | None = None) -> Panel:
        """Return the rows of some units and periods.

        Raises
        ------
        DataError
            If a unit or period is unknown.
        """
        keep = np.ones(len(self.unit_codes), dtype=bool)
        for chosen, known, codes, what in (
            (None if units is None else [label(unit) for unit in units], self.units, self.unit_codes, self.unit_name),
            (None if periods is None else list(periods), self.periods, self.period_codes, self.time_name),
        ):
            if chosen is None:
                continue
            unknown = [item for item in chosen if item not in known]
            if unknown:
                raise DataError(
                    f"Unknown {what}: {listing(unknown)}.{nearest(str(unknown[0]), map(str, known))} "
                    f"The panel has {listing(known, 40)}."
                )
            keep &= np.isin(codes, [known.index(item) for item in chosen])
        return self.rows(keep)

    def rows(self, keep: NDArray[np.bool_]) -> Panel:
        """Return the rows where ``keep``, shape (rows,), is true; units and periods without a row are left out.

        Raises
        ------
        DataError
            If no row is left.
        """
        if not keep.any():
            raise DataError("No rows are left in the panel.")
        if keep.all():
            return self
        used_units, unit_codes = np.unique(self.unit_codes[keep], return_inverse=True)
        used_periods, period_codes = np.unique(self.period_codes[keep], return_inverse=True)
        return self._replace(
            units=tuple(self.units[i] for i in used_units),
            periods=tuple(self.periods[i] for i in used_periods),
            values=self.values[keep],
            unit_codes=unit_codes.astype(np.int64),
            period_codes=period_codes.astype(np.int64),
            text={name: column[keep] for name, column in self.text.items()},
        )

    def complete(self, names: Sequence[str], gaps: Gaps = "refuse") -> Panel:
        """Return a panel in which ``names`` have finite values, gaps treated as `from_frame` does.

        Raises
        ------
        DataError
            If a column is missing or holds text, or a value is missing and ``gaps`` is ``"refuse"``.
        """
        known = [name for name in names if name in self._position]
        self.require([name for name in names if name not in self._position])
        values = self.values[:, [self._position[name] for name in known]]
        good: NDArray[np.bool_] = np.asarray(np.isfinite(values).all(axis=1), dtype=np.bool_)
        if gaps == "refuse":
            self.require(names)
            return self
        return self._fill_gaps(good, gaps, "is incomplete")

    @cached_property
    def digest(self) -> str:
        """SHA-256 of labels, names and values: the fingerprint of the data."""
        sha = hashlib.sha256()
        sha.update(repr((self.units, self.periods, self.names)).encode())
        for array in (self.unit_codes, self.period_codes, self.values):
            sha.update(np.ascontiguousarray(array).tobytes())
        return sha.hexdigest()

    def _fill_gaps(self, good: NDArray[np.bool_], gaps: Gaps, problem: str) -> Panel:
        n, t = self.shape
        counts = np.bincount(self.unit_codes[good], minlength=n)
        short = np.flatnonzero(counts < t)
        if len(short) == 0:
            return self
        if gaps == "refuse":
            raise DataError(
                f"The panel has gaps: {listing(self._missing_pairs())} {problem}. Add the rows, or choose "
                "panel.gaps=drop_units (leave these units out) or panel.gaps=keep (unbalanced; not for spatial models)."
            )
        if gaps == "keep":
            return self.rows(good)
        keep = good & ~np.isin(self.unit_codes, short)
        if not keep.any():
            raise DataError("No unit is complete over all periods; shorten the span of years or use gaps=keep.")
        return self.rows(keep)

    def _missing_pairs(self) -> list[str]:
        present = set(zip(self.unit_codes.tolist(), self.period_codes.tolist(), strict=True))
        n, t = self.shape
        return [f"{self.units[i]} {self.periods[j]}" for i in range(n) for j in range(t) if (i, j) not in present]

    def _replace(self, **changes: Any) -> Panel:
        now = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return Panel(**(now | changes))

    def row_name(self, row: int | np.integer[Any]) -> str:
        """Return the unit and period of a row, for messages."""
        return f"{self.units[self.unit_codes[row]]} {self.periods[self.period_codes[row]]}"

    def _period_array(self) -> NDArray[Any]:
        return np.array(self.periods, dtype=np.int64 if isinstance(self.periods[0], int) else object)


def _periods(column: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Return periods as whole numbers where they are numbers, as text otherwise."""
    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.astype(str)
    if pd.api.types.is_datetime64_any_dtype(column):
        return pd.Series(column.dt.strftime("%Y-%m-%d"))
    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.isna().all():
        return column.map(label)
    if numbers.isna().any() or (numbers % 1 != 0).any():
        odd = column[numbers.isna() | (numbers % 1 != 0)]
        raise DataError(f"Column '{name}' mixes whole numbers with other values: {listing(odd.unique())}.")
    return numbers.astype(np.int64)


def _natural(item: object) -> tuple[object, ...]:
    """Return a key that sorts numbers within text by size: 2010m2 comes before 2010m10."""
    if not isinstance(item, str):
        return (item,)
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", item) if part)


def _codes(column: pd.Series[Any], key: Callable[[object], Any] | None = None) -> tuple[tuple[Any, ...], IntArray]:
    known = sorted(column.unique(), key=key)
    position = {item: index for index, item in enumerate(known)}
    plain = tuple(int(item) if isinstance(item, int | np.integer) else item for item in known)
    return plain, column.map(position).to_numpy(dtype=np.int64)


def _refuse_duplicates(unit_codes: IntArray, period_codes: IntArray, units: Sequence[str], periods: Any) -> None:
    cell = unit_codes * len(periods) + period_codes
    found, counts = np.unique(cell, return_counts=True)
    twice = found[counts > 1]
    if len(twice):
        shown = listing([f"{units[c // len(periods)]} {periods[c % len(periods)]}" for c in twice.tolist()])
        raise DataError(f"More than one row for {shown}; keep one row per unit and period.")
