"""The units and periods of the panel that a run uses, and its treatment of outliers."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Annotated, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, field_validator, model_validator

from digicarbon.arrays import FloatArray
from digicarbon.country import country
from digicarbon.errors import ConfigError, DataError
from digicarbon.lazy import lazy
from digicarbon.note import Note, columns_there, cut, suggestion
from digicarbon.numeric.percentiles import tails
from digicarbon.panel import Panel
from digicarbon.panel.making import as_they_are
from digicarbon.spec import Names, Spec

lazy(__name__)

_ROWS = ("query", "periods", "first", "last", "drop_first", "drop_last", "units", "regions", "without")
"""Fields that decide which rows are used."""
Tail = Annotated[float, Field(ge=0, lt=0.5)]


def _both(value: object) -> object:
    """Return one share as that of both tails."""
    alone = value[0] if isinstance(value, list | tuple) and len(value) == 1 else value
    return (alone, alone) if isinstance(alone, int | float) and not isinstance(alone, bool) else value


Tails = Annotated[
    tuple[Tail, Tail], Field(strict=False), BeforeValidator(_both, json_schema_input_type=Tail | tuple[Tail, Tail])
]

_ALLOWED = (
    *(
        ast.Expression,
        ast.BoolOp,
        ast.boolop,
        ast.UnaryOp,
        ast.unaryop,
        ast.BinOp,
        ast.operator,
        ast.Compare,
        ast.cmpop,
    ),
    *(ast.Name, ast.Load, ast.Constant, ast.List, ast.Tuple),
)
"""The syntax allowed in a condition: no calls and no attributes, so that YAML from others cannot run code."""
_BACKTICKS = re.compile(r"`([^`]*)`")


_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
_LOGIC = (ast.BitAnd, ast.BitOr)
MOST = 1e15
"""The largest number in a condition: far beyond it, adding 1 to a float changes nothing."""


def _is_small(node: ast.AST) -> bool:
    """Return whether a part of a condition takes no more time or memory than a column does."""
    if isinstance(node, ast.Constant):
        return not isinstance(node.value, int | float) or abs(node.value) <= MOST
    if not isinstance(node, ast.BinOp) or isinstance(node.op, _LOGIC):
        return True
    # Python's whole numbers have no limit but memory: 9**9**9 has 370 million digits
    powers = isinstance(node.op, ast.Pow) and not any(isinstance(part, ast.Name) for part in ast.walk(node))
    plain = all(not isinstance(part, ast.List | ast.Tuple) and not _is_text(part) for part in (node.left, node.right))
    return isinstance(node.op, _ARITHMETIC) and plain and not powers


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and not isinstance(node.value, int | float)


class Sample(Spec):
    """A subset of units and periods, and the treatment of outliers; an empty list selects all.

    Attributes
    ----------
    regions : tuple of str
        Groups of units to keep: values of the column that the source names as its regions; without one, the groups that
        are known of a country's units, e.g. northeast, east, central and west of China.
    units : tuple of str
        Units to keep; those of a known country in English, in Chinese or by code, whatever their spelling in the data.
    without : tuple of str
        Units to leave out, named as in ``units``.
    periods : tuple of int or str
        Periods to keep, e.g. 2012 or 2012Q1.
    first : int or None
        First period to keep, or its year where periods are quarters, months or dates; None starts with the first one.
    last : int or None
        Last period to keep, or its year; None ends with the last one.
    drop_first : int
        Number of periods to leave out at the beginning of those that ``periods``, ``first`` and ``last`` keep.
    drop_last : int
        Number of periods to leave out at their end.
    query : str or None
        Rows to keep, as pandas' ``DataFrame.query`` reads it: comparisons, ``and``, ``or``, ``not``, ``in`` and
        arithmetic on columns, the unit and the period, e.g. ``"pgdp > 5 and zone != 'west'"``; no functions.
    winsorise : (float, float)
        Shares of the lower and the upper tail, e.g. ``[0.01, 0.01]``: values of a model's variables beyond these
        percentiles are set to them, before lags, differences, powers and products are made; ``ln_x`` is a variable.
        Percentiles are those of all rows of the sample that have the variable, whatever else a model reads, as by
        Stata's ``winsor2 x, cuts(1 99)`` before ``L.x``; see `digicarbon.numeric.percentiles`. A value of an
        earlier row, of which a lag is made, is set to the same percentiles.
    trim : (float, float)
        Shares of the tails as in ``winsorise``, but values beyond the percentiles are taken as missing, so that
        rows are left out that use one of them, also by a lag.
    outliers_of : tuple of str
        The variables that ``winsorise`` or ``trim`` treats, e.g. ``x`` where a model has ``L.x``; empty treats all
        of the model.
    """

    role: ClassVar[str] = "sample"

    regions: Names = ()
    units: Names = ()
    without: Names = ()
    periods: Annotated[tuple[int | str, ...], Field(strict=False)] = ()

    first: int | None = None
    last: int | None = None
    drop_first: Annotated[int, Field(ge=0)] = 0
    drop_last: Annotated[int, Field(ge=0)] = 0
    query: str | None = None
    winsorise: Tails = (0.0, 0.0)
    trim: Tails = (0.0, 0.0)
    outliers_of: Names = ()

    @field_validator("query")
    @classmethod
    def _only_a_condition(cls, query: str | None) -> str | None:
        if query is None:
            return None
        if not query.strip():
            raise ValueError(Note("query_empty"))
        try:
            nodes = list(ast.walk(ast.parse(_BACKTICKS.sub("_", query).strip(), mode="eval")))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            nodes = []
        if not nodes or not all(isinstance(node, _ALLOWED) for node in nodes) or not all(map(_is_small, nodes)):
            raise ValueError(Note("query_no_condition", query=query))
        return query

    @model_validator(mode="after")
    def _one_treatment(self) -> Sample:
        if any(self.winsorise) and any(self.trim):
            raise ValueError(Note("winsorise_and_trim", key="winsorise"))
        if self.outliers_of and not (any(self.winsorise) or any(self.trim)):
            raise ValueError(Note("outliers_untreated", key="outliers_of"))
        return self

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """The names of variables that decide which rows are used."""
        return self._queries

    @cached_property
    def _queries(self) -> tuple[str, ...]:
        """The names that the query reads."""
        if self.query is None:
            return ()
        quoted = _BACKTICKS.findall(self.query)
        nodes = ast.walk(ast.parse(_BACKTICKS.sub("0", self.query).strip(), mode="eval"))
        return tuple(dict.fromkeys([*quoted, *(node.id for node in nodes if isinstance(node, ast.Name))]))

    @cached_property
    def _calculated(self) -> list[str]:
        """The names in arithmetic of the query: these must be numbers, as Python repeats a text that is multiplied."""
        query = self.query or "0"
        quoted = {f"_quoted_{place}": name for place, name in enumerate(_BACKTICKS.findall(query))}
        names = iter(quoted)
        plain = _BACKTICKS.sub(lambda _: next(names), query)
        sums = [node for node in ast.walk(ast.parse(plain.strip(), mode="eval")) if isinstance(node, ast.BinOp)]
        parts = (part for node in sums if isinstance(node.op, _ARITHMETIC) for part in (node.left, node.right))
        return [quoted.get(part.id, part.id) for part in parts if isinstance(part, ast.Name)]

    @property
    def notes(self) -> tuple[Note, ...]:
        """The rows that are used and the treatment of outliers, for the foot of every table."""
        query = "" if self.query is None else self.query.strip()
        rows = (
            (self.regions, Note("regions_used", regions=cut(self.regions))),
            (self.units, Note("units_used", units=cut(self.units))),
            (self.without, Note("units_left_out", units=cut(self.without))),
            (self.periods, Note("periods_used", periods=cut(map(str, self.periods)))),
            (self.first is not None, Note("first_period", period=str(self.first))),
            (self.last is not None, Note("last_period", period=str(self.last))),
            (self.drop_first, Note("left_at_beginning", periods=self.drop_first)),
            (self.drop_last, Note("left_at_end", periods=self.drop_last)),
            (query, Note("rows_used", query=query)),
        )
        notes = [note for holds, note in rows if holds]
        treated = {"more": Note("outliers_of", variables=cut(self.outliers_of))} if self.outliers_of else {}
        if any(self.winsorise):
            notes.append(Note("winsorised", low=self.winsorise[0], high=self.winsorise[1], **treated))
        if any(self.trim):
            notes.append(Note("trimmed", low=self.trim[0], high=self.trim[1], **treated))
        return tuple(notes)

    @property
    def adjusts(self) -> bool:
        """Whether outliers are treated."""
        return any(self.winsorise) or any(self.trim)

    def rows(self, panel: Panel) -> NDArray[np.bool_]:
        """Return which rows belong to this sample, shape (rows,).

        Parameters
        ----------
        panel : Panel
            Has the columns in `variables`.

        Raises
        ------
        DataError
            If a unit, period or column is unknown or no row is left.
        ConfigError
            If a value of `regions` is unknown.
        """
        units, without = _units("units", self.units, panel), _units("without", self.without, panel)
        members = self._members(panel)
        keep = [unit for unit in units or panel.units if unit in members and unit not in without]
        if not keep:
            raise DataError(Note("sample_without_unit"))
        chosen = np.isin(panel.unit_codes, [panel.units.index(unit) for unit in keep])
        chosen &= np.isin(panel.period_codes, self._period_codes(panel))
        if self.query is not None:
            chosen &= self._queried(panel, self.query)
        if not chosen.any():
            fields = [f"sample.{name}" for name in _ROWS if getattr(self, name) not in (None, (), 0, False)]
            raise DataError(Note("sample_without_row", key=fields[0], keys=cut(fields)))
        return chosen

    def columns(self, panel: Panel) -> Mapping[str, FloatArray]:
        """Return columns that the sample makes, by name, each of shape (rows,); arguments and errors as in `rows`."""
        return {}

    @property
    def row_weights(self) -> str | None:
        """The column of the sample by which the model of a run weighs rows; None where all count alike."""
        return None

    def remarks(self, panel: Panel) -> tuple[Note, ...]:
        """Return what a reader must know of the rows beside `notes`; arguments and errors as in `rows`."""
        return ()

    def balance(self, panel: Panel) -> pd.DataFrame | None:
        """Return how alike the units of a matched sample are, None of others; arguments and errors as in `rows`."""
        return None

    def apply(self, panel: Panel) -> Panel:
        """Return the rows of this sample, with the columns that it makes and its treatment of outliers.

        A run treats the variables of its model. A panel in Python has no model yet: `outliers_of` names variables, and
        empty treats all columns of numbers, but for those that policies, or shares and shocks, make. Trimmed values
        are missing in the panel that is returned; ``complete([…], gaps="keep")`` leaves their rows out.

        Raises
        ------
        DataError
            As `rows` and `columns` do, or if `outliers_of` names no column of numbers of the panel.
        ConfigError
            As `rows` does.
        """
        kept, columns = self.rows(panel), self.columns(panel)
        if self.adjusts:
            columns = {**self._without_outliers(panel, kept), **columns}
        return (panel.with_columns(columns) if columns else panel).rows(kept)

    def _without_outliers(self, panel: Panel, kept: NDArray[np.bool_]) -> dict[str, FloatArray]:
        """Return the columns whose outliers are treated, each of shape (rows,); trimmed values are not-a-number."""
        made = as_they_are(panel)
        names = [name for name in panel.names if name not in made]
        unknown = [name for name in self.outliers_of if name not in names]
        if unknown:
            about = {"hint": suggestion(unknown[0], names), "variables": cut(names, 40)}
            raise DataError(Note("outliers_of_no_column", key="outliers_of", unknown=cut(unknown), **about))
        treated = {name: self.treated(name, panel.column(name), kept) for name in self.outliers_of or names}
        return {name: np.where(inside, values, np.nan) for name, (values, inside) in treated.items()}

    def refuse_others(self, names: Sequence[str]) -> None:
        """Raise a `DataError` if `outliers_of` names a variable that is none of a model's ``names``."""
        unknown = [name for name in self.outliers_of if name not in names]
        if unknown:
            raise DataError(
                Note(
                    "outliers_of_others",
                    key="sample.outliers_of",
                    unknown=cut(unknown),
                    hint=suggestion(unknown[0], names),
                    variables=cut(names, 40),
                )
            )

    def treated(self, name: str, values: FloatArray, sample: NDArray[np.bool_]) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return a variable winsorised, and which rows stay where it is trimmed, both of shape (rows,).

        Parameters
        ----------
        name : str
        values : ndarray, shape (rows,)
            Before lags, powers and products; not-a-number where the variable does not exist.
        sample : ndarray of bool, shape (rows,)
            The rows whose percentiles bound all rows; gaps among them do not count.
        """
        everywhere = np.ones(len(values), dtype=bool)
        known = values[sample & np.isfinite(values)]
        if not len(known) or (self.outliers_of and name not in self.outliers_of):
            return values, everywhere
        low, high = tails(known, *(self.winsorise if any(self.winsorise) else self.trim))
        if any(self.winsorise):
            return np.clip(values, low, high), everywhere
        return values, ~((values < low) | (values > high))

    def refuse_nothing_left(self) -> None:
        """Raise a `DataError` if `trim` leaves rows out; called where no row is left."""
        if any(self.trim):
            raise DataError(Note("all_rows_trimmed", key="sample.trim"))

    def _period_codes(self, panel: Panel) -> list[int]:
        # 2012 and "2012" are the same period, whichever of them the data have
        labels, known = list(map(str, self.periods)), list(map(str, panel.periods))
        unknown = [period for period in labels if period not in known]
        if unknown:
            raise DataError(
                Note(
                    "sample_of_unknown_periods",
                    key="sample.periods",
                    what=panel.time_name,
                    periods=cut(unknown),
                    known=cut(known, 40),
                )
            )
        calendar, inside = panel.index.calendar, np.ones(len(known), dtype=bool)
        if (self.first, self.last) != (None, None):
            inside = calendar.within(self.first, self.last, "sample.first", "sample.last")
            _refuse_outside(self.first, self.last, calendar.years)
        if (self.drop_first or self.drop_last) and not panel.ordered:
            raise DataError(Note("drop_without_order", key="sample.drop_first", why=calendar.problem))
        codes = [code for code, name in enumerate(known) if inside[code] and (not labels or name in labels)]
        rest = codes[self.drop_first : len(codes) - self.drop_last]
        if codes and not rest:
            raise DataError(
                Note(
                    "all_periods_dropped",
                    key="sample.drop_first",
                    first=self.drop_first,
                    last=self.drop_last,
                    periods=len(codes),
                )
            )
        return rest

    def _queried(self, panel: Panel, query: str) -> NDArray[np.bool_]:
        frame = panel.frame().reset_index()
        unknown = [name for name in self._queries if name not in frame.columns]
        if unknown:
            raise DataError(
                Note(
                    "query_of_no_column",
                    key="sample.query",
                    names=cut(unknown),
                    hint=suggestion(unknown[0], frame.columns),
                    columns=columns_there(frame.columns),
                )
            )
        text = [name for name in self._calculated if not pd.api.types.is_numeric_dtype(frame[name])]
        if text:
            raise DataError(Note("query_of_text", key="sample.query", query=repr(query), columns=cut(text)))
        try:
            answer = np.asarray(frame.eval(query, engine="python"))
        except (TypeError, ValueError, SyntaxError, ArithmeticError, MemoryError) as error:
            raise DataError(Note("query_failed", key="sample.query", query=repr(query), reason=str(error))) from error
        if answer.dtype != bool or answer.shape != (len(frame),):
            raise DataError(Note("query_without_answer", key="sample.query", query=repr(query)))
        return answer

    def _members(self, panel: Panel) -> set[str]:
        """Return the units in the groups that `regions` names."""
        if not self.regions:
            return set(panel.units)
        home = country()
        strangers = home.without_group(home.grouping, panel.units)
        known: Collection[str] = home.groups.get(home.grouping, {})
        values = set(panel.text[panel.regions].astype(str)) if panel.regions in panel.text else set()
        # a column of the user's own, with other values than the country's groups, comes before these
        if not strangers and values <= set(known):
            _refuse_unknown(self.regions, known, panel)
            return {unit for unit in panel.units if home.group(home.grouping, unit) in self.regions}
        if panel.regions not in panel.text:
            facts = {"key": "sample.regions", "many": home.many, "units": cut(strangers)}
            facts["hint"] = _column_with(self.regions[0], panel)
            if not panel.regions:
                raise DataError(Note("sample_without_group_column", **facts))
            raise DataError(Note("sample_of_no_group_column", column=panel.regions, **facts))
        groups = panel.text[panel.regions].astype(str)
        _refuse_unknown(self.regions, values, panel)
        return {panel.units[code] for code in panel.unit_codes[np.isin(groups, self.regions)]}


def _refuse_outside(first: int | None, last: int | None, years: NDArray[np.int64] | None) -> None:
    """Refuse a bound outside of the years of the panel."""
    for key, bound in (("sample.first", first), ("sample.last", last)):
        if bound is not None and years is not None and len(years) and not years.min() <= bound <= years.max():
            raise DataError(Note("sample_bound_outside", key=key, value=bound, first=years.min(), last=years.max()))


def _units(key: str, names: Sequence[str], panel: Panel) -> list[str]:
    """Return the units with these names; a unit of a known country may be spelled differently in the panel.

    A name that belongs to no unit is a `DataError`.
    """
    matches = [[name] if name in panel.units else _spelled(name, panel) for name in names]
    unknown = [name for name, units in zip(names, matches, strict=True) if not units]
    if unknown:
        raise DataError(
            Note(
                "sample_of_unknown_units",
                key=f"sample.{key}",
                units=cut(unknown),
                hint=suggestion(unknown[0], panel.units),
                known=cut(panel.units, 40),
            )
        )
    return [unit for units in matches for unit in units]


def _spelled(name: str, panel: Panel) -> list[str]:
    """Return the panel's units that are the same unit of the known country as ``name``."""
    english = country().find(name)
    return [unit for unit in panel.units if english is not None and country().find(unit) == english]


def _column_with(name: str, panel: Panel) -> Note | str:
    """Return the note on another column that has the region as a value, with the line that takes it; empty if none."""
    column = next((column for column, values in panel.text.items() if name in values and column != panel.regions), None)
    if column is None:
        return ""
    return Note("regions_of_column", column=column, group=name, line=f"source.regions={column}")


def _refuse_unknown(names: Sequence[str], groups: Collection[str], panel: Panel) -> None:
    known = sorted(groups)
    for name in names:
        if name not in known:
            raise ConfigError(
                Note(
                    "sample_of_unknown_group",
                    key="sample.regions",
                    group=name,
                    hint=_column_with(name, panel) or suggestion(name, known),
                    groups=cut(known),
                )
            )
