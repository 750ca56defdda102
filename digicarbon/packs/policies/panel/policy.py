"""Policies: from the first period of each unit under a policy to the columns that models read.

A policy that all units keep once they have it is three columns of a panel. Their names are made here and nowhere else;
no other room takes a name apart to learn what a column is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BeforeValidator, SerializerFunctionWrapHandler, model_serializer, model_validator

from digicarbon.arrays import FloatArray
from digicarbon.errors import DataError
from digicarbon.note import Note, columns_there, cut, suggestion
from digicarbon.note.about import of_file
from digicarbon.panel._index import Index, label, numbers_beside
from digicarbon.panel.making import Maker, Making, refuse_name, units_as_spelt
from digicarbon.spec import fields_of

if TYPE_CHECKING:
    from digicarbon.panel.base import Panel

Always = Literal["refuse", "drop", "keep"]
"""What to do with a unit that has no period before its policy: stop, leave it out, or keep it."""

Dates = dict[str, int | str | None]
"""First periods by unit, e.g. ``{Guizhou: 2015}``."""

NEVER = frozenset({"", "0", "inf", "nan"})
"""What stands for no first period, besides an empty cell."""


class PolicyColumns(NamedTuple):
    """The names of a policy's columns.

    ``treated``: 1 from the unit's first period under the policy on, else 0; of a share, the share itself. ``event``:
    periods since the first one, in periods of the panel: 0 in the first one, -1 in the last one before; not a number
    for a unit that never has the policy. ``cohort``: the first period: the period itself where periods are whole
    numbers, else its position from 0 among the panel's periods; not a number for a unit that never has the policy.
    """

    treated: str
    event: str
    cohort: str


def policy_columns(name: str) -> PolicyColumns:
    """Return the names of the columns of a policy; of a share, only the first one exists."""
    return PolicyColumns(name, f"{name}_event", f"{name}_cohort")


def match_weight(policy: str) -> str:
    """Return the name of the column of weights that a matched sample makes for a policy."""
    return f"{policy}_weight"


class Policy(Making):
    """Where the dates of a policy are; a bare text in YAML is `first`.

    Attributes
    ----------
    first : str or None
        The column of the first period under the policy; empty or 0: never.
    dummy : str or None
        A column that is 1 under the policy and 0 before; its first 1 is the first period.
    share : str or None
        A column of a dose between 0 and 1, used as it is: a share has no event time and no cohort.
    dates : mapping of str to int or str, or None
        The first period by unit, written here; a unit that is not named never has the policy.
    file : str or None
        A table with a row per unit, which has the column ``first``; a unit without a row never has the policy. None:
        ``first`` is a column of the data.
    unit : str
        The column of the unit's label in ``file``.
    always : {"refuse", "drop", "keep"}
        What to do with units that have no period before their policy: stop with their names, leave them out of the
        panel, or keep them.
    """

    first: str | None = None
    dummy: str | None = None
    share: str | None = None
    dates: Dates | None = None
    file: str | None = None
    unit: str = "unit"
    always: Always = "refuse"

    @model_serializer(mode="wrap")
    def _without_empty(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave fields that are not used out of records."""
        return {name: value for name, value in plain(self).items() if value is not None}

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [name for name in ("first", "dummy", "share", "dates") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(Note("policy_of_one_kind", given=cut(given or [Note("policy_no_field")])))
        if self.file is not None and self.first is None:
            raise ValueError(Note("policy_file_of_dates", key="file", given=given[0]))
        return self

    @property
    def column(self) -> str | None:
        """The column of the data, or of the file, that the policy is made of; None of dates that are written here."""
        return self.first or self.dummy or self.share

    @property
    def dated(self) -> str | None:
        """The column of the data that holds periods."""
        return self.column

    def behind(self, name: str, column: str, known: Collection[str]) -> Iterator[str]:
        """Yield the column of the data, or of a file of its own, that a policy's column is made of."""
        behind = column if self.files else self.column
        if behind is not None:
            yield behind

    @property
    def files(self) -> tuple[Path, ...]:
        """The file of the dates, if there is one."""
        return () if self.file is None else (Path(self.file),)

    def made(self, panel: Panel, name: str, units: Iterable[str] = ()) -> tuple[Panel, tuple[Note, ...]]:
        """Return the panel with the columns of this policy, and what a reader has to know of them.

        ``name``: what the policy is called. ``units``: further units that the file may name: those that the panel has
        left out because of gaps. Raises DataError as `with_policy` does, or if a column or the file is missing, or has
        values that are no dates.
        """
        _refuse_taken(panel, name, self.dummy or self.share or "")
        if self.share is not None:
            return panel.with_columns({name: _share(panel, self.share)}), ()
        try:
            if self.first is None:
                firsts = _first_ones(panel, self.dummy) if self.dummy else self._of_dates(panel, set(units))
            else:
                firsts = self._of_file(panel, name, set(units)) if self.file else _constant(panel, self.first)
            return _with_firsts(panel, name, firsts, self.always)
        except DataError as error:
            if self.file is None:
                raise
            # the file is wrong, whatever else the run chooses
            error.to_correct = True
            raise of_file(error, self.file) from error

    def _of_dates(self, panel: Panel, others: set[str]) -> dict[str, str]:
        dates = [(unit, _written(date)) for unit, date in (self.dates or {}).items()]
        return _by_unit(dates, panel, others)

    def _of_file(self, panel: Panel, name: str, others: set[str]) -> dict[str, str]:
        """Return the first period by unit of the panel, as the file writes it."""
        from digicarbon.source._read import numbers_or_text, read_table

        assert self.file is not None
        assert self.first is not None
        table = read_table(self.file, self.role, [self.unit, self.first], key=f"policy.{name}").frame
        names = [str(column) for column in table.columns]
        for key, column in (("unit", self.unit), ("first", self.first)):
            if column not in names:
                hint = suggestion(column, names)
                raise DataError(
                    Note("policy_file_column", field=key, column=column, hint=hint, columns=columns_there(names))
                )
        labels = [label(item) if not pd.isna(item) else "" for item in numbers_or_text(table[self.unit])]
        empty = [row for row, item in enumerate(labels, start=1) if not item]
        if empty:
            raise DataError(Note("policy_file_unit_empty", column=self.unit, rows=cut(empty)))
        dates = [_written(item) for item in numbers_or_text(table[self.first])]
        return _by_unit(list(zip(labels, dates, strict=True)), panel, others)


def _of_node(value: object) -> object:
    if isinstance(value, str):
        return Policy(first=value)
    return fields_of(value, Policy)


SomePolicy = Annotated[Policy, BeforeValidator(_of_node, json_schema_input_type=str | Policy)]
"""A `Policy` in YAML, or the name of the column of its first periods."""


def with_policy(
    panel: Panel, name: str, first: str | Policy | Mapping[str, int | str], always: Always = "refuse"
) -> Panel:
    """Return a panel with the columns of a policy, see `policy_columns`.

    Parameters
    ----------
    panel : Panel
    name : str
        What the policy is called, and its column of 0 and 1.
    first : str, Policy or mapping of str to int or str
        The column of the first period under the policy; or a `Policy`, for a dummy, a share or a file; or the
        first period by unit, where a unit that is not named never has the policy (a Series goes as ``dict``).
    always : {"refuse", "drop", "keep"}
        What to do with units that have no period before their policy: stop with their names, leave them out, or
        keep them. A `Policy` brings its own rule.

    Raises
    ------
    DataError
        If a column of that name exists; a unit is unknown; a first period is not one of the panel's, or differs
        within a unit; a unit has no period before its policy; nobody gets the policy, or all in the same period.
    """
    try:
        refuse_name(name)
    except ValueError as error:
        raise DataError(error.args[0]) from error
    if isinstance(first, Mapping):
        policy = Policy(dates={label(unit): _written(date) for unit, date in first.items()}, always=always)
    else:
        policy = first if isinstance(first, Policy) else Policy(first=first, always=always)
    return policy.made(panel, name)[0]


def _with_firsts(
    panel: Panel, name: str, by_unit: Mapping[str, object], always: Always
) -> tuple[Panel, tuple[Note, ...]]:
    """Return the panel with the three columns of a policy, and what a reader has to know of them.

    ``by_unit``: the first period under the policy; a unit that is not named, or has one of `NEVER`, never has it. A
    unit whose policy begins after the last period counts as never treated. Raises DataError as `with_policy` does, or
    if the order of the periods is unknown.
    """
    index, firsts = panel.index, [_written(by_unit.get(unit, "")) for unit in panel.units]
    # of periods whose order is unknown, none is the first
    _ = index.positions
    rank = _ranks(index, firsts)
    late = np.isposinf(rank)
    rank[late] = np.nan
    start = np.full(len(index.units), len(index.periods))
    np.minimum.at(start, index.unit_codes, index.period_codes)
    earliest = rank <= start
    if earliest.any() and always == "refuse":
        who = zip(index.units, firsts, earliest, strict=True)
        cells = cut((Note("policy_first_of", unit=unit, first=first) for unit, first, early in who if early), 4)
        counts = {"units": int(earliest.sum()), "every": len(index.units)}
        raise DataError(Note("policy_always", **counts, cells=cells, what=index.time_name, begin=index.periods[0]))
    stays = ~earliest if always == "drop" else np.ones_like(earliest)
    _refuse_no_contrast(index, rank[stays], firsts)
    event = index.period_codes - rank[index.unit_codes]
    values = (np.where(event >= 0, 1.0, 0.0), event, _shown(index, rank, firsts)[index.unit_codes])
    whole = panel.with_columns(dict(zip(policy_columns(name), values, strict=True)))
    notes: list[Note] = []
    if gone := _named(index, earliest & ~stays):
        notes.append(Note("policy_always_dropped", policy=name, units=len(gone), names=cut(gone)))
    if early := _named(index, earliest & stays):
        notes.append(Note("policy_always_kept", policy=name, units=len(early), names=cut(early)))
    if after := _named(index, late):
        notes.append(Note("policy_after_end", policy=name, units=len(after), names=cut(after)))
    return whole if stays.all() else whole.rows(stays[index.unit_codes]), tuple(notes)


def _named(index: Index, who: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(unit for unit, one in zip(index.units, who, strict=True) if one)


def _ranks(index: Index, firsts: Sequence[str]) -> FloatArray:
    """Return the position of each unit's first period among the panel's, shape (N,).

    It is not a number where there is none, negative before the first period, and infinite after the last one.
    """
    place: dict[str, float] = {str(period): code for code, period in enumerate(index.periods)}
    distinct = list(dict.fromkeys(first for first in firsts if first.casefold() not in NEVER))
    others = [first for first in distinct if first not in place]
    if others and others == distinct == ["1"]:
        raise DataError(Note("policy_who_not_when", example=index.periods[-1]))
    unread: list[str] = []
    between: list[str] = []
    numbers, read = numbers_beside(index.periods, others, index.time_name)
    step = int(np.gcd.reduce(np.diff(numbers))) if len(numbers) > 1 else 1
    for first, number in zip(others, read, strict=True):
        if number is None:
            unread.append(first)
        elif number < numbers[0]:
            place[first] = float(np.floor((number - numbers[0]) / step))
        elif number > numbers[-1]:
            place[first] = np.inf
        else:
            same = np.flatnonzero(numbers == number)
            if len(same):
                place[first] = float(same[0])
            else:
                between.append(first)
    known: dict[str, Any] = {"what": index.time_name, "periods": cut(map(str, index.periods), 8)}
    if unread:
        raise DataError(Note("policy_no_period", **_of_units(index, firsts, unread), **known))
    if between:
        raise DataError(Note("policy_between_periods", **_of_units(index, firsts, between), **known))
    ranks = [np.nan if first.casefold() in NEVER else place[first] for first in firsts]
    return np.array(ranks, dtype=np.float64)


def _of_units(index: Index, firsts: Sequence[str], bad: Sequence[str]) -> dict[str, Any]:
    """Return some first periods, and the units that have them, for a note."""
    units = _named(index, np.isin(np.array(firsts, dtype=object), bad))
    return {"firsts": cut(map(repr, bad), 3), "units": cut(units, 3)}


def _refuse_no_contrast(index: Index, rank: FloatArray, firsts: Sequence[str]) -> None:
    treated = ~np.isnan(rank)
    if not treated.any():
        raise DataError(Note("policy_nobody", last=index.periods[-1], what=index.time_name, every=len(rank)))
    if treated.all() and len(np.unique(rank)) == 1:
        when = next(first for first in firsts if first.casefold() not in NEVER)
        raise DataError(Note("policy_all_at_once", every=len(rank), first=when))


def _shown(index: Index, rank: FloatArray, firsts: Sequence[str]) -> FloatArray:
    """Return the number of each unit's first period, shape (N,)."""
    if not isinstance(index.periods[0], int):
        return rank
    shown = rank.copy()
    inside = rank >= 0
    shown[inside] = np.array(index.periods, dtype=np.float64)[rank[inside].astype(np.int64)]
    before = rank < 0
    shown[before] = [float(first) for first, early in zip(firsts, before, strict=True) if early]
    return shown


def _written(value: object) -> str:
    """Return a first period as text; an empty text if there is none."""
    if value is None or value is pd.NaT or value is pd.NA or value != value:
        return ""
    # a column of numbers with a word in one cell is text, and has 2015.0
    return re.sub(r"(?<=\d)\.0+$", "", label(value))


def _refuse_taken(panel: Panel, name: str, same: str) -> None:
    """Refuse columns that exist; that of the policy itself may be the one that it is made of."""
    taken = [column for column in policy_columns(name) if panel.has(column) and column != same]
    if taken:
        raise DataError(Note("policy_name_taken", policy=name, columns=cut(taken)))


def _constant(panel: Panel, column: str) -> dict[str, str]:
    """Return the value of a column by unit, as text."""
    if column not in panel.text:
        panel.require_column(column)
    values: NDArray[Any] = panel.text[column] if column in panel.text else panel.column(column).astype(object)
    dates = np.array([_written(value) for value in values], dtype=object)
    starts = np.flatnonzero(np.diff(panel.unit_codes, prepend=-1))
    first = dates[starts][panel.unit_codes]
    changes = np.flatnonzero(dates != first)
    if len(changes):
        row = changes[0]
        only_dummy = set(dates) <= {"", "0", "1"}
        remedy = Note("policy_is_dummy", column=column) if only_dummy else Note("policy_write_in_all_rows")
        both = [Note("policy_nothing") if item == "" else item for item in (first[row], dates[row])]
        unit = panel.units[panel.unit_codes[row]]
        raise DataError(Note("policy_not_constant", column=column, unit=unit, values=cut(both), remedy=remedy))
    return dict(zip(panel.units, dates[starts].tolist(), strict=True))


def _first_ones(panel: Panel, column: str) -> dict[str, str]:
    """Return the first period in which a dummy is 1, by unit."""
    panel.require([column])
    values = panel.column(column)
    odd = np.flatnonzero((values != 0) & (values != 1))
    if len(odd):
        raise DataError(Note("policy_dummy_values", column=column, cells=panel.cells(odd, values)))
    same = panel.unit_codes[1:] == panel.unit_codes[:-1]
    back = np.flatnonzero(same & (values[1:] < values[:-1])) + 1
    if len(back):
        raise DataError(Note("policy_reversed", column=column, cells=cut(map(panel.row_name, back), 4)))
    rows = np.flatnonzero(values == 1)
    units, at = np.unique(panel.unit_codes[rows], return_index=True)
    periods = panel.period_codes[rows[at]]
    return {panel.units[i]: str(panel.periods[t]) for i, t in zip(units, periods, strict=True)}


def _share(panel: Panel, column: str) -> FloatArray:
    panel.require_column(column)
    values = panel.column(column)
    odd = np.flatnonzero((values < 0) | (values > 1))
    if len(odd):
        raise DataError(Note("policy_share_values", column=column, cells=panel.cells(odd, values)))
    if not (np.nan_to_num(values) > 0).any():
        raise DataError(Note("policy_share_nothing", column=column))
    return values


def _by_unit(rows: Sequence[tuple[str, str]], panel: Panel, others: set[str]) -> dict[str, str]:
    """Return the first periods of a file by the panel's units, however the file spells them."""
    units, unknown = units_as_spelt([written for written, _ in rows], panel, others)
    dates: dict[str, str] = {}
    for written, date in rows:
        unit = units[written]
        if unit is not None and dates.setdefault(unit, date) != date:
            raise DataError(Note("policy_two_dates", unit=unit, firsts=cut(repr(each) for each in (dates[unit], date))))
    if unknown:
        raise DataError(Note("policy_unknown_units", **unknown))
    return dates


class _Maker(Maker):
    field = "policy"
    kind = SomePolicy
    about = """
    policy : mapping of str to Policy
        The dates of policies by the policy's name, e.g. ``pilot: first_year``: the panel gets the columns ``pilot`` (1
        under the policy, else 0), ``pilot_event`` (periods since its first one) and ``pilot_cohort`` (the first one).
    """
    methods = MappingProxyType({"with_policy": with_policy})

    def columns(self, name: str) -> tuple[str, ...]:
        """Return the columns of a policy."""
        return policy_columns(name)

    def with_gaps(self, name: str) -> tuple[str, ...]:
        """Return event time and cohort, which a unit has not that never gets the policy."""
        return policy_columns(name)[1:]

    def as_they_are(self, name: str) -> tuple[str, ...]:
        """Return the columns, and that of the weights of matched rows."""
        return (*policy_columns(name), match_weight(name))

    def there(self, panel: Panel) -> Iterator[str]:
        """Yield the policies of a panel that have dates."""
        return (name for name in panel.names if all(map(panel.has, policy_columns(name))))


MAKER = _Maker()
