"""The panel: labelled, sorted, read-only."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.errors import DataError
from digicarbon.note import Note, columns_there, cut, suggestion
from digicarbon.panel._index import Column, Index, all_finite, in_order, label, owned, periods_of, units_in_order
from digicarbon.panel._terms import SPELLING, evaluate, made_of
from digicarbon.panel.making import Origin, methods
from digicarbon.result import MadeOf

Gaps = Literal["refuse", "drop_units", "keep"]
"""What to do with a unit that lacks a period or a value: stop, leave the unit out, or keep an unbalanced panel."""

_NO_FIGURE = re.compile(r"[^\w%％]+|n\.?/?a\.?|null|none", re.I)
"""A text that often means that there is no value, such as a dash."""
_IN_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+")
"""A number with commas between thousands, unless there is only one, which may be a decimal mark."""
_MARKED = re.compile(r"\s*[+-]?\d+(?:[.,'’\s]\d+)+\s*")
"""A number with marks whose meaning is ambiguous: decimal or thousands."""


class ColumnError(DataError):
    """A column is missing or does not hold numbers."""

    def __init__(self, why: object, column: str = "") -> None:
        super().__init__(why)
        self.column = column


class TextColumnError(ColumnError):
    """A column holds text where a model needs numbers."""


@dataclass(frozen=True, eq=False)
class Panel:
    """Values of units over periods, sorted by unit and then by period.

    Build one with `from_frame`. Arrays are read-only; rows are ordered by unit label, then by period. Labels that are
    all whole numbers are ordered by size (2 before 10), others as text, wherever they stood in the data. Panels that
    are derived from each other share their columns, so that a panel needs little memory.

    Attributes
    ----------
    index : Index
        The unit and period of each row.
    columns : mapping of str to Column
        The k columns of numbers; not-a-number where missing.
    text : mapping of str to ndarray, shape (rows,)
        Columns that hold text, kept for grouping; a model cannot use them.
    origins : mapping of str to Origin
        What columns are made of, by column, where diagnostics read it.

    Packs add methods, such as ``with_policy``.
    """

    index: Index
    columns: Mapping[str, Column]
    text: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for array in self.text.values():
            array.flags.writeable = False

    def __reduce__(self) -> tuple[Any, ...]:
        # one block: with a file per column, mapping a large panel into memory would be slow
        block = np.stack([column.values for column in self.columns.values()]) if self.columns else None
        return _restored, (self.index, tuple(self.columns), block, dict(self.text), dict(self.origins))

    if not TYPE_CHECKING:  # else no name would be unknown to a type checker

        def __getattr__(self, name):
            if name.startswith("_") or name not in methods():
                raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
            return partial(methods()[name], self)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *methods()})

    def __repr__(self) -> str:
        n, t = self.shape
        more = len(self.names) - 12
        columns = ", ".join(self.names[:12]) + (f" and {more} more" if more > 0 else "")
        shape = "" if self.balanced else ", not balanced"
        return f"Panel of {n} units × {t} periods ({self.periods[0]} to {self.periods[-1]}{shape}): {columns}"

    def _repr_html_(self) -> str:
        """Return the numbers of each column for a notebook."""
        numbers = pd.DataFrame(self.values, columns=list(self.names)).describe().T
        heads = {"count": "values", "std": "sd", "50%": "median"}
        shown = numbers[["count", "mean", "std", "min", "50%", "max"]].rename(columns=heads)
        table: str = shown.astype({"values": int}).to_html(float_format="{:,.4g}".format, max_rows=40)
        return f"<p>{html.escape(repr(self))}</p>{table}"

    @classmethod
    def from_frame(
        cls, frame: pd.DataFrame, unit: str = "", time: str = "", gaps: Gaps = "refuse", regions: str = ""
    ) -> Panel:
        """Build a panel from one row per unit and period, in any order.

        Parameters
        ----------
        frame : DataFrame
            One row per unit and period.
        unit, time : str
            The columns that hold the unit's label and the period.
        gaps : {"refuse", "drop_units", "keep"}
            What to do when a unit lacks a period: raise, leave that unit out, or keep the panel unbalanced. Rows with
            missing values stay, since a model may not read them; `complete` leaves them out.
        regions : str
            The column of text whose values ``Sample.regions`` names; empty if there is none.

        Returns
        -------
        Panel

        Raises
        ------
        DataError
            If a key column is missing or empty, a unit-period pair occurs twice, or a unit lacks a period.
        """
        if not isinstance(frame, pd.DataFrame):
            raise DataError(Note("no_data_frame", kind=type(frame).__name__))
        if not unit or not time:
            raise DataError(Note("frame_without_keys", columns=columns_there(map(str, frame.columns))))
        if unit == time:
            raise DataError(Note("unit_is_time", column=unit))
        indexed = not {unit, time} <= set(frame.columns) and {unit, time} & set(frame.index.names)
        flat = frame.reset_index() if indexed else frame
        flat = flat.set_axis([str(name) for name in flat.columns], axis=1)
        if not flat.columns.is_unique:
            twice = flat.columns[flat.columns.duplicated()].unique()
            raise DataError(Note("columns_of_one_name", columns=cut(twice)))
        for key in (unit, time):
            if key not in flat.columns:
                raise DataError(
                    Note(
                        "table_without_column",
                        column=key,
                        hint=suggestion(key, flat.columns),
                        columns=columns_there(flat.columns),
                    )
                )
        if flat.empty:
            raise DataError(Note("table_without_rows"))
        labels = flat[unit].astype(object).map(label)
        empty = flat[unit].isna() | flat[time].isna() | (labels == "")
        if empty.any():
            rows = _row_numbers(flat.index)[empty.to_numpy()]
            hint = Note("row_of_units") if list(rows) == [1] else ""
            raise DataError(Note("empty_key_cells", unit=unit, time=time, rows=cut(rows), hint=hint))
        units, unit_codes = _codes(labels, units_in_order(labels.unique()))
        times = periods_of(flat[time], time)
        known, calendar = in_order(times, time)
        periods, period_codes = _codes(times, known)
        _refuse_duplicates(unit_codes, period_codes, units, periods, _row_numbers(flat.index))
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
        index = Index(units, periods, calendar, unit_codes[order], period_codes[order], unit, time, regions)
        panel = cls(index, {name: Column(values) for name, values in numeric.items()}, text)
        keep = panel._without_gaps(np.ones(len(flat), dtype=bool), gaps)
        return panel if keep is None else panel.rows(keep)

    @property
    def units(self) -> tuple[str, ...]:
        """The N unit labels, sorted."""
        return self.index.units

    @property
    def periods(self) -> tuple[int | str, ...]:
        """The T periods, sorted."""
        return self.index.periods

    @property
    def unit_codes(self) -> IntArray:
        """Position of each row's unit, shape (rows,)."""
        return self.index.unit_codes

    @property
    def period_codes(self) -> IntArray:
        """Position of each row's period, shape (rows,)."""
        return self.index.period_codes

    @property
    def unit_name(self) -> str:
        """What messages and tables call a unit."""
        return self.index.unit_name

    def is_binary(self, name: str) -> bool:
        """Return whether a column is 0 or 1 in every row."""
        column = self.columns[name]
        if "binary" not in column.memory:
            column.memory["binary"] = bool(np.isin(column.values, (0.0, 1.0)).all())
        return bool(column.memory["binary"])

    @property
    def time_name(self) -> str:
        """What messages and tables call a period."""
        return self.index.time_name

    @property
    def regions(self) -> str:
        """The column of the regions that a sample names; empty where none is declared."""
        return self.index.regions

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the k columns of numbers."""
        return tuple(self.columns)

    @cached_property
    def values(self) -> FloatArray:
        """All columns of numbers, shape (rows, k); not-a-number where missing."""
        values = self._stacked(self.names)
        values.flags.writeable = False
        return values

    @property
    def balanced(self) -> bool:
        """Whether each unit has each period."""
        return len(self.unit_codes) == len(self.units) * len(self.periods)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of units and of periods."""
        return len(self.units), len(self.periods)

    def require(self, names: Iterable[str]) -> None:
        """Raise a `DataError` unless each of ``names`` is a column of finite numbers."""
        names = tuple(names)
        columns = [self.columns[name] for name in names if name in self.columns]
        if len(columns) == len(names) and all_finite(columns) and self.text.keys().isdisjoint(names):
            return
        for name in names:
            self.require_column(name)
            if self.columns[name].finite:
                continue
            bad = np.flatnonzero(~np.isfinite(self.column(name)))
            raise DataError(Note("no_finite_value", column=name, cells=cut(map(self.row_name, bad))))

    def require_column(self, name: str) -> None:
        """Raise a `DataError` unless ``name`` is a column of numbers, gaps or not."""
        if name in self.text:
            words = pd.to_numeric(pd.Series(self.text[name]), errors="coerce").isna()
            rows = np.flatnonzero(words.to_numpy() & ~pd.isna(self.text[name]))
            cells = cut((Note("cell_value", cell=self.row_name(i), value=repr(self.text[name][i])) for i in rows), 3)
            texts = {str(self.text[name][row]).strip() for row in rows}
            if all(_NO_FIGURE.fullmatch(text) for text in texts):
                remedy = Note("if_codes_of_missing", codes=cut(map(repr, sorted(texts))))
            elif all(_IN_THOUSANDS.fullmatch(text) for text in texts):
                remedy = Note("if_commas_of_thousands")
            elif any(_MARKED.fullmatch(text) for text in texts):
                remedy = Note("if_numbers_with_marks")
            else:
                remedy = Note("if_text_for_missing")
            raise TextColumnError(Note("text_for_numbers", column=name, cells=cells, remedy=remedy), name)
        if name not in self.columns:
            raise ColumnError(
                Note(
                    "panel_without_column",
                    column=name,
                    about=self.hint(name),
                    hint=suggestion(name, (*self.names, *self.text)),
                    columns=columns_there(self.names, self.text),
                ),
                name,
            )

    def hint(self, name: str) -> Note | str:
        """Return a hint about a term that is no column: a sentence after a blank, or an empty text."""
        if name in (self.unit_name, self.time_name):
            return Note("name_of_units_or_periods", column=name)
        if not re.fullmatch(r"[\w ]+", name):
            return Note("after_blank", said=SPELLING)
        return ""

    def has(self, name: str) -> bool:
        """Return whether ``name`` is a column, of numbers or of text."""
        return name in self.columns or name in self.text

    def column(self, name: str) -> FloatArray:
        """Return a column of numbers as it is, gaps included, shape (rows,)."""
        return self.columns[name].values

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
                raise DataError(Note("empty_cells", column=name, cells=cut(map(self.row_name, empty))))
            values = np.array([label(value) for value in self.text[name]], dtype=object)
        else:
            self.require([name])
            values = self.column(name)
        distinct, codes = np.unique(values, return_inverse=True)
        return tuple(label(value) for value in distinct.tolist()), codes.astype(np.int64)

    def rows_before(self, lag: int) -> IntArray:
        """Return the row of the same unit ``lag`` periods before each row, shape (rows,); -1 where there is none.

        Periods are counted as `positions` says.
        """
        return self.index.before(lag)

    @property
    def ordered(self) -> bool:
        """Whether the order and the distances of the periods are known."""
        return self.index.ordered

    @property
    def positions(self) -> IntArray:
        """Places of the periods on the calendar, from 0, shape (T,).

        The step is the greatest one that divides all distances between the panel's periods: a year that no unit has
        stays a gap, and a survey of every second year has no gaps.

        Raises
        ------
        DataError
            If the periods are labels that are not understood as a calendar.
        """
        return self.index.positions

    def with_terms(self, terms: Iterable[str]) -> Panel:
        """Return the panel with a column for each term that is not a column yet.

        Parameters
        ----------
        terms : iterable of str
            ``a^2`` (a power), ``L.a``, ``L2.a`` (lags within units), ``F.a`` (a lead), ``D.a`` (a difference),
            ``a:b`` (an interaction), ``center(a)`` (a less its mean over the rows that are returned, every row counted
            once), ``C(g)`` (dummies of a column's values), ``a:C(g)`` (a slope per value), ``ln_a``
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
        own = tuple(terms)
        if self.columns.keys() >= {*among, *own}:
            return own
        names = evaluate(self, tuple(dict.fromkeys([*among, *own])))[1]
        return tuple(name for term in own for name in names[term])

    def made_of(self, terms: Iterable[str], among: Iterable[str] = ()) -> dict[str, MadeOf]:
        """Return the constituents of each column of terms, by its name in `expanded`; arguments as there."""
        return made_of(self, tuple(terms), tuple(among))

    def array(self, names: Sequence[str]) -> FloatArray:
        """Return columns as an array of shape (rows, len(names)), ordered by unit, then period.

        Raises
        ------
        DataError
            If a column is missing, holds text or a value that is not finite.
        """
        self.require(names)
        return self._stacked(names)

    def cube(self, names: Sequence[str]) -> FloatArray:
        """Return columns as an array of shape (periods, units, len(names)).

        Raises
        ------
        DataError
            If the panel is not balanced, or as `array` does.
        """
        if not self.balanced:
            raise DataError(Note("not_balanced", cells=cut(self._missing_pairs())))
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

    def with_columns(self, new: Mapping[str, FloatArray | Column]) -> Panel:
        """Return a panel with further or replaced columns, each of shape (rows,)."""
        if not new:
            return self
        columns = {name: column for name, column in self.columns.items() if name not in new}
        text = {name: column for name, column in self.text.items() if name not in new}
        made = columns | {name: owned(values) for name, values in new.items()}
        return Panel(self.index, made, text, self.origins)

    def with_text(self, new: dict[str, NDArray[Any]]) -> Panel:
        """Return a panel with further columns of text, each of shape (rows,)."""
        return replace(self, text={**self.text, **new})

    def with_origins(self, new: Mapping[str, Origin]) -> Panel:
        """Return a panel that knows what further columns are made of."""
        return replace(self, origins={**self.origins, **new})

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
                    Note(
                        "unknown_labels",
                        what=what,
                        labels=cut(map(str, unknown)),
                        hint=suggestion(str(unknown[0]), map(str, known)),
                        known=cut(known, 40),
                    )
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
            raise DataError(Note("no_rows_left"))
        if keep.all():
            return self
        return Panel(
            self.index.cut(keep),
            {name: column.cut(keep) for name, column in self.columns.items()},
            {name: column[keep] for name, column in self.text.items()},
            self.origins,
        )

    def complete(self, names: Sequence[str], gaps: Gaps = "refuse") -> Panel:
        """Return a panel in which ``names`` have finite values, gaps treated as `from_frame` does.

        Raises DataError if a column is missing or holds text, or a value is missing and ``gaps`` is ``"refuse"``.
        """
        keep = self.complete_rows(names, gaps)
        return self if keep is None else self.rows(keep)

    def complete_rows(self, names: Sequence[str], gaps: Gaps = "refuse") -> NDArray[np.bool_] | None:
        """Return the rows of `complete`, shape (rows,), or None if these are all.

        Raises DataError as `complete` does.
        """
        if gaps == "refuse":
            self.require([*(name for name in names if name not in self.columns), *names])
            return None
        self.require([name for name in names if name not in self.columns])
        columns = [self.columns[name] for name in names]
        if self.balanced and all(column.finite for column in columns):
            return None
        good = np.ones(len(self.index), dtype=bool)
        for column in columns:
            good &= np.isfinite(column.values)
        return self._without_gaps(good, gaps)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of labels, names and values: the fingerprint of the data."""
        return self.digest_of(self.names)

    def digest_of(self, names: Iterable[str], beside: Iterable[bytes] = ()) -> str:
        """Return the SHA-256 of labels and of some columns, names and values, and of digests beside them.

        A hash of hashes: a column that many panels share is hashed once.
        """
        parts = [self.index.digest]
        for name in names:
            parts += (f"{len(name)} {name}".encode(), self.columns[name].digest)
        return hashlib.sha256(b"".join((*parts, *beside))).hexdigest()

    def _stacked(self, names: Sequence[str]) -> FloatArray:
        out = np.empty((len(self.index), len(names)))
        for position, name in enumerate(names):
            out[:, position] = self.columns[name].values
        return out

    def _without_gaps(self, good: NDArray[np.bool_], gaps: Gaps) -> NDArray[np.bool_] | None:
        """Return which rows to keep if the ``good`` ones are complete, or None for all."""
        n, t = self.shape
        counts = np.bincount(self.unit_codes[good], minlength=n)
        short = np.flatnonzero(counts < t)
        if len(short) == 0:
            return None
        if gaps == "refuse":
            gap_notes = self._gaps()
            more = Note("more_gaps", more=len(gap_notes) - 6) if len(gap_notes) > 6 else ""
            raise DataError(Note("panel_with_gaps", gaps=gap_notes[:6], more=more))
        if gaps == "keep":
            return good
        keep = good & ~np.isin(self.unit_codes, short)
        if not keep.any():
            raise DataError(Note("no_complete_unit"))
        return keep

    def _missing_pairs(self, among: NDArray[np.bool_] | None = None) -> list[Note]:
        """Return the names of rows that do not exist, only of the cells ``among``, shape (N, T), if these are set."""
        absent = ~self._present() if among is None else ~self._present() & among
        return [Note("cell", parts=(self.units[i], self.periods[j])) for i, j in np.argwhere(absent).tolist()]

    def _present(self) -> NDArray[np.bool_]:
        present = np.zeros(self.shape, dtype=bool)
        present[self.unit_codes, self.period_codes] = True
        return present

    def _gaps(self) -> list[Note]:
        """Return which rows are missing; for a period or unit that lacks most rows, the rows that it has instead."""
        present = self._present()
        n, t = self.shape
        gaps = []
        rare_periods = np.flatnonzero(present.sum(axis=0) < n / 2)
        common = np.delete(present, rare_periods, axis=1)
        # units that only rare periods have are reported with these periods
        only_in_rare = common.sum(axis=1) == 0
        rare_units = np.flatnonzero((common.sum(axis=1) < common.shape[1] / 2) & ~only_in_rare)
        for code in rare_periods.tolist():
            units = cut([self.units[i] for i in np.flatnonzero(present[:, code])], 3)
            gaps.append(Note("period_of_few_units", have=units, period=self.periods[code], units=n))
        for code in rare_units.tolist():
            periods = cut([self.periods[i] for i in np.flatnonzero(present[code])], 3)
            gaps.append(Note("unit_of_few_periods", have=periods, unit=self.units[code], periods=t))
        rest = np.ones(self.shape, dtype=bool)
        rest[:, rare_periods] = rest[rare_units] = rest[only_in_rare] = False
        pairs = self._missing_pairs(rest)
        if pairs:
            gaps.append(Note("without_row", cells=cut(pairs)))
        return gaps

    def row_name(self, row: int | np.integer[Any]) -> Note:
        """Return the unit and period of a row, for messages."""
        return Note("cell", parts=(self.units[self.unit_codes[row]], self.periods[self.period_codes[row]]))

    def cells(self, rows: NDArray[np.intp], values: FloatArray) -> tuple[Note, ...] | Note:
        """Return units, periods and values of the first of some rows, for messages."""
        return cut((Note("cell_value", cell=self.row_name(row), value=values[row]) for row in rows), 4)

    def _period_array(self) -> NDArray[Any]:
        return np.array(self.periods, dtype=np.int64 if isinstance(self.periods[0], int) else object)


def _restored(
    index: Index,
    names: tuple[str, ...],
    block: FloatArray | None,
    text: Mapping[str, NDArray[Any]],
    origins: Mapping[str, Origin],
) -> Panel:
    """Return a pickled panel, whose columns are rows of one array."""
    columns = {} if block is None else {name: Column(row) for name, row in zip(names, block, strict=True)}
    return Panel(index, columns, text, origins)


def _codes(column: pd.Series[Any], known: Sequence[Any]) -> tuple[tuple[Any, ...], IntArray]:
    position = {item: index for index, item in enumerate(known)}
    plain = tuple(int(item) if isinstance(item, int | np.integer) else item for item in known)
    return plain, column.map(position).to_numpy(dtype=np.int64)


def _row_numbers(index: pd.Index[Any]) -> IntArray:
    """Return the numbers of a table's data rows, from 1, shape (rows,); a part of a table keeps those of the whole."""
    usable = pd.api.types.is_integer_dtype(index) and index.is_unique and index.min() >= 0
    return np.asarray(index if usable else range(len(index)), dtype=np.int64) + 1


def _refuse_duplicates(
    unit_codes: IntArray, period_codes: IntArray, units: Sequence[str], periods: Any, numbers: IntArray
) -> None:
    cell = unit_codes * len(periods) + period_codes
    distinct, counts = np.unique(cell, return_counts=True)
    twice = distinct[counts > 1]
    if len(twice):
        order = np.argsort(cell, kind="stable")
        rows = np.split(numbers[order], np.cumsum(counts)[:-1])
        cells = cut(
            Note("cell_of_rows", parts=(units[c // len(periods)], periods[c % len(periods)]), rows=cut(rows[place]))
            for place, c in zip(np.flatnonzero(counts > 1), twice.tolist(), strict=True)
        )
        raise DataError(Note("rows_of_one_cell", cells=cells))
