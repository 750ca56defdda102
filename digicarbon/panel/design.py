"""How raw series become the columns of a panel: derived variables, logarithms, time span and gaps."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, model_validator

from digicarbon.arrays import FloatArray
from digicarbon.errors import DataError
from digicarbon.note import Note, columns_there, cut, suggestion
from digicarbon.panel._arithmetic import columns_of, evaluate
from digicarbon.panel._periods import in_order, periods_of
from digicarbon.panel._terms import LOG_PREFIX, Atom
from digicarbon.panel.base import ColumnError, Gaps, Panel
from digicarbon.panel.selection import Adjust, Selection
from digicarbon.spec import Spec

LogRule = Literal["strict", "log1p", "drop"]
_ROW = "\0row"
"""A column with the number of each row, kept through steps that drop rows; no file has a column of this name."""


class UnknownColumnError(ColumnError):
    """A term needs a column that is neither in the data nor defined."""


class PanelDesign(Spec):
    """How the panel is built.

    A term ``ln_name`` of a model is the natural logarithm of the column ``name``, unless a column ``ln_name`` exists.

    Attributes
    ----------
    first : int or None
        First period, or the year of it where periods are quarters, months or dates; None starts with the first one.
    last : int or None
        Last period, or the year of it; None ends with the last one.
    derive : mapping of str to str
        New columns as arithmetic on columns, e.g. ``pgdp: gdp / population``. Only those that a model needs are
        computed, and a column of the data is used instead of a definition of the same name.
    log : {"strict", "log1p", "drop"}
        What a logarithm does with a value of zero or below: refuse it; use ln(1 + value) for every value of that
        column; or leave the observation out (the panel is then not balanced, unless ``gaps`` is ``"drop_units"``).
    gaps : {"refuse", "drop_units", "keep"}
        What to do with a unit that lacks a period or a needed value.
    """

    role: ClassVar[str] = "panel"

    first: int | None = None
    last: int | None = None
    derive: dict[str, str] = Field(default_factory=dict)
    log: LogRule = "strict"
    gaps: Gaps = "refuse"

    @model_validator(mode="after")
    def _check_derive(self) -> Self:
        needed: dict[str, list[str]] = {}
        for name, expression in self.derive.items():
            try:
                needed[name] = [self._defined(column) for column in columns_of(expression)]
            except ValueError as error:
                raise ValueError(Note("under_key", key=f"derive.{name}", said=error.args[0])) from error
        try:
            TopologicalSorter(needed).prepare()
        except CycleError as error:
            circle = [str(name) for name in error.args[1]][::-1]
            raise ValueError(Note("defined_by_itself", key=f"derive.{circle[0]}", needs=_needs(circle))) from error
        return self

    def assemble(self, frame: pd.DataFrame, unit_name: str, time_name: str, regions: str = "") -> Panel:
        """Return the panel of all series, before terms are taken.

        Parameters
        ----------
        frame : DataFrame
            Columns ``unit``, ``time`` and the series.
        unit_name, time_name : str
            What messages and tables call a unit and a period.
        regions : str
            The column of the regions that a sample names; empty if there is none.

        Raises
        ------
        DataError
            If rows are missing or occur twice, or no row is left in the span.
        """
        clash = {unit_name, time_name} & {str(name) for name in frame.columns} - {"unit", "time"}
        if clash:
            raise DataError(Note("column_of_two_meanings", columns=cut(clash)))
        renamed = self._in_span(frame, time_name).rename(columns={"unit": unit_name, "time": time_name})
        return Panel.from_frame(renamed, unit_name, time_name, self.gaps, regions)

    def take(
        self,
        panel: Panel,
        terms: Sequence[str],
        keep: NDArray[np.bool_] | None = None,
        adjust: Adjust | None = None,
    ) -> Panel:
        """Return the panel with the columns for ``terms``, without gaps.

        Parameters
        ----------
        panel : Panel
            All units and periods, so that the first period of a sample has its lag.
        terms : sequence of str
            Columns, ``ln_`` of columns, and what `Panel.with_terms` reads.
        keep : ndarray of bool, shape (rows,), optional
            The rows of the sample; None keeps all. Values of other rows are used only as lags.
        adjust : callable, optional
            Takes the sample and the names of its variables, before powers and interactions are computed; e.g.
            winsorises them.

        Raises
        ------
        DataError
            If a term cannot be made, a logarithm meets a value of zero or below, or a value is missing.
        """
        return Selection(self, panel, keep, adjust).take(terms)

    def variables(self, panel: Panel, names: Sequence[str]) -> Panel:
        """Return the panel with further variables, not-a-number where they cannot be computed."""
        lenient = self.model_copy(update={"log": "drop"})
        everywhere = np.ones(len(panel.unit_codes), dtype=bool)
        return panel.with_columns({name: lenient._values(panel, name, everywhere)[0] for name in names})

    def can_make(self, panel: Panel, name: str) -> bool:
        """Return whether a variable is no column yet but is defined, or the logarithm of something that is known."""
        return not panel.has(name) and self.is_plain(panel, name)

    def columns_behind(self, names: Iterable[str], known: Container[str]) -> tuple[str, ...]:
        """Return the known columns that variables are computed from, through logarithms and definitions.

        Parameters
        ----------
        names : iterable of str
            Variables, e.g. ``ln_pgdp``.
        known : container of str
            Columns of the data.
        """
        columns: dict[str, None] = {}
        rest = list(names)
        while rest:
            name = rest.pop()
            if name in known:
                columns[name] = None
            elif name in self.derive:
                rest += columns_of(self.derive[name])
            elif name.startswith(LOG_PREFIX):
                rest.append(name.removeprefix(LOG_PREFIX))
        return tuple(columns)

    def is_plain(self, panel: Panel, term: str) -> bool:
        """Return whether a term is a column, a definition, or a logarithm of one."""
        return panel.has(self._defined(term)) or panel.has(term) or self._defined(term) in self.derive

    def atom(
        self, panel: Panel, name: str, atom: Atom, keep: NDArray[np.bool_]
    ) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return a variable, its lag, lead or difference on all rows, and which rows have it, both of shape (rows,).

        Parameters
        ----------
        panel : Panel
        name : str
            Of the atom, for messages.
        atom : Atom
        keep : ndarray of bool, shape (rows,)
            The rows of the sample; other rows are used only where a lag needs them.

        Raises
        ------
        DataError
            If the variable cannot be made, or no row of the sample has the lag.
        """
        total, complete = np.zeros(len(keep)), keep.copy()
        for lag, factor in atom.weights.items():
            source = panel.rows_before(lag)
            known = keep & (source >= 0)
            if not known.any():
                raise DataError(Note("no_row_of_sample", term=name, periods=cut(panel.periods)))
            # lagged rows get the same treatment as the sample, so that ln refuses a zero there, too
            value, exists = self._values(panel, atom.variable, np.isin(np.arange(len(keep)), source[known]))
            complete &= known & exists[source]
            total += factor * value[source]
        return total, complete

    def _values(self, panel: Panel, name: str, rows: NDArray[np.bool_]) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return a variable computed on some rows of a panel, and which rows have it, both of shape (rows,)."""
        count = len(panel.unit_codes)
        extended = self._make(panel.with_columns({_ROW: np.arange(float(count))}).rows(rows), name)
        position = extended.column(_ROW).astype(np.int64)
        value, exists = np.full(count, np.nan), np.zeros(count, dtype=bool)
        value[position], exists[position] = _numbers(extended, name), True
        return value, exists

    def _in_span(self, frame: pd.DataFrame, time_name: str) -> pd.DataFrame:
        if self.first is None and self.last is None:
            return frame
        present = frame["time"].notna().to_numpy()
        if not present.any():
            return frame
        times = periods_of(frame["time"][present], time_name)
        periods, calendar = in_order(times, time_name)
        inside = calendar.within(self.first, self.last, "panel.first", "panel.last")
        # an empty period stays in, for the panel to report
        keep = ~present
        keep[present] = times.isin([period for period, one in zip(periods, inside, strict=True) if one])
        chosen = frame[keep]
        if chosen.empty:
            span = Note("span", low=periods[0], high=periods[-1])
            if self.first is None or self.last is None:
                key, year = ("panel.last", self.last) if self.first is None else ("panel.first", self.first)
                raise DataError(Note("no_row_at_bound", key=key, year=year, data=span))
            raise DataError(Note("no_row_in_span", key="panel.first", first=self.first, last=self.last, data=span))
        return chosen

    def _defined(self, name: str) -> str:
        """Return the definition behind ``name`` where that is a logarithm of one, else ``name``."""
        while name not in self.derive and name.startswith(LOG_PREFIX):
            name = name.removeprefix(LOG_PREFIX)
        return name

    def _make(self, panel: Panel, term: str) -> Panel:
        if term in panel.names or term in panel.text:
            return panel
        if term in self.derive:
            return self._derived(panel, term)
        base = term.removeprefix(LOG_PREFIX)
        if base == term:
            known = [name for name in panel.names if name != _ROW]
            known += [name for name in self.derive if name not in known and self._can_derive(panel, name)]
            raise UnknownColumnError(
                Note(
                    "unknown_term",
                    term=term,
                    about=panel.hint(term),
                    hint=suggestion(term, (*known, *panel.text)),
                    columns=columns_there(known, panel.text),
                ),
                term,
            )
        return self._logged(self._make(panel, base), base)

    def _logged(self, panel: Panel, name: str) -> Panel:
        values = _numbers(panel, name)
        if self.log == "log1p":
            low = np.flatnonzero(values <= -1)
            if len(low):
                raise DataError(Note("no_logarithm_of_one_more", column=name, cells=panel.cells(low, values)))
            return panel.with_columns({LOG_PREFIX + name: np.log1p(values)})
        low = np.flatnonzero(values <= 0)
        if len(low) and self.log == "strict":
            raise DataError(Note("no_logarithm_strict", column=name, cells=panel.cells(low, values)))
        # missing values are not dropped here: ``gaps`` decides on them
        positive = panel.rows(~(values <= 0))
        return positive.with_columns({LOG_PREFIX + name: np.log(_numbers(positive, name))})

    def _can_derive(self, panel: Panel, name: str) -> bool:
        """Return whether all columns that a definition needs exist or can be computed."""
        needed = map(self._defined, columns_of(self.derive[name]))
        return all(panel.has(one) or (one in self.derive and self._can_derive(panel, one)) for one in needed)

    def _derived(self, panel: Panel, name: str) -> Panel:
        expression = self.derive[name]
        names = columns_of(expression)
        extended = panel
        try:
            for needed in names:
                extended = self._make(extended, needed)
            values = evaluate(expression, {needed: _numbers(extended, needed) for needed in names})
        except DataError as error:
            key = f"panel.derive.{name}"
            raise error.anew(Note("in_definition", key=key, expression=expression, said=error)) from error
        return extended.with_columns({name: np.broadcast_to(values, extended.unit_codes.shape)})


def _needs(circle: Sequence[str]) -> Note | str:
    """Return the message that each of some columns needs the next one."""
    first, *others = circle
    return Note("one_needs_other", first=first, others=_needs(others)) if others else first


def _numbers(panel: Panel, name: str) -> NDArray[np.float64]:
    """Return a column with its gaps, shape (rows,); text is refused."""
    if name in panel.text:
        panel.require([name])
    return panel.column(name)
