"""When units come under a policy, read from the columns of a panel."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.errors import DataError
from digicarbon.model._observation_weights import Weighting
from digicarbon.note import Note, cut
from digicarbon.packs.policies.numeric.aggregation import NEVER
from digicarbon.packs.policies.panel.policy import policy_columns
from digicarbon.panel import Column, Index, Panel, label

_KNOWN = "timing of a policy"
_Made = TypeVar("_Made")


@dataclass(frozen=True, eq=False)
class Timing:
    """The rows that a model is fitted to, and when their units come under a policy."""

    panel: Panel
    policy: str
    at: IntArray
    """Each row's place on the calendar, counted as event times are, shape (rows,)."""
    first: IntArray
    """Each unit's first treated place; `NEVER` for units that are not treated in the panel. Shape (N,)."""
    notes: tuple[Note, ...] = ()
    """What a reader must know of rows that were left out."""
    weighted_by: str | None = None
    """The column by which rows weigh."""
    memory: dict[Hashable, Any] = field(default_factory=dict)
    """What follows from ``at`` and ``first`` alone: all panels that share the policy's columns share it."""

    @property
    def weights(self) -> Column | None:
        """The column by which rows weigh; what depends on it has it in its key."""
        return None if self.weighted_by is None else self.panel.columns[self.weighted_by]

    @cached_property
    def observation_weights(self) -> FloatArray | None:
        """By which each row weighs, shape (rows,), with a mean of one; None where all weigh the same."""
        return None if self.weighted_by is None else Weighting.of(self.panel, self.weighted_by).values

    @property
    def weight(self) -> FloatArray:
        """Weights of rows, shape (rows,), with a mean of one."""
        return np.ones(len(self.at)) if self.observation_weights is None else self.observation_weights

    @cached_property
    def unit_weight(self) -> FloatArray:
        """What each unit counts in a mean over units, shape (N,): one, or the mean of the weights of its rows."""
        if self.observation_weights is None:
            return np.ones(len(self.first))
        codes = self.panel.unit_codes
        return np.asarray(np.bincount(codes, self.observation_weights) / np.bincount(codes))

    def once(self, key: Hashable, make: Callable[[], _Made]) -> _Made:
        """Return what is in the memory, made first if it is not there; it must not depend on other columns."""
        if key not in self.memory:
            self.memory[key] = make()
        found: _Made = self.memory[key]
        return found

    @property
    def event(self) -> IntArray:
        """Periods since the unit's first treated one, shape (rows,); far below 0 for units that are never treated."""
        return self.once("event", lambda: np.asarray(self.at - self.first[self.panel.unit_codes]))

    @property
    def ever(self) -> NDArray[np.bool_]:
        """Whether a unit is treated in the panel, shape (N,)."""
        return self.once("ever", lambda: np.asarray(self.first < NEVER))

    @property
    def cohorts(self) -> tuple[int, ...]:
        """First treated places, in their order."""
        return self.once("cohorts", lambda: tuple(np.unique(self.first[self.ever]).tolist()))

    @property
    def treated(self) -> NDArray[np.bool_]:
        """Whether a row is of a unit that is treated in the panel, shape (rows,)."""
        return self.once("treated", lambda: self.ever[self.panel.unit_codes])

    def dummy(self, low: int, high: int, cohort: int | None = None) -> Column:
        """Return the column that is 1 in rows of treated units, or of one cohort, whose event time is in a range.

        Panels share it, and with it what is left of it after effects are removed.
        """

        def make() -> Column:
            own = self.treated if cohort is None else (self.first == cohort)[self.panel.unit_codes]
            return Column((own & (self.event >= low) & (self.event <= high)).astype(np.float64))

        return self.once(("dummy", low, high, cohort), make)

    def label(self, place: int) -> str:
        """Return what the period at a place is called; that of a period without rows by what the policy calls it."""
        return self.once(("label", place), lambda: self._label(place))

    def _label(self, place: int) -> str:
        there = np.flatnonzero(self.at == place)
        if len(there):
            return str(self.panel.periods[self.panel.period_codes[there[0]]])
        column = policy_columns(self.policy).cohort
        units = np.flatnonzero(self.first == place)
        if self.panel.has(column) and len(units):
            return label(float(self.panel.column(column)[self.panel.unit_codes == units[0]][0]))
        return str(place)

    def refuse_weights_that_change(self) -> None:
        """Raise an error if weights are not constant within units. Raises DataError."""
        weights, codes = self.observation_weights, self.panel.unit_codes
        if weights is None:
            return
        changes = np.flatnonzero((np.diff(weights) != 0) & (np.diff(codes) == 0)) + 1
        if len(changes):
            cells = cut(map(self.panel.row_name, changes))
            raise DataError(Note("did_weights_change", column=self.weighted_by, cells=cells))

    def rows(self, keep: NDArray[np.bool_], *notes: Note) -> Timing:
        """Return the timing of some rows."""
        left = np.bincount(self.panel.unit_codes[keep], minlength=len(self.first)) > 0
        panel = self.panel.rows(keep)
        return self.changed(
            panel=panel, at=self.at[keep], first=self.first[left], notes=(*self.notes, *notes)
        ).in_span()

    def changed(self, **fields: Any) -> Timing:
        """Return the timing with new fields, and nothing in its memory."""
        return replace(self, memory={}, **fields)

    def paths(self, anticipation: int) -> FloatArray:
        """Return whether each unit is under the policy, or may react to it, in each period, shape (N, T).

        Periods in which a unit has no row count as well.
        """
        place = np.zeros(self.panel.shape[1], dtype=np.int64)
        place[self.panel.period_codes] = self.at
        return (place >= self.first[:, None] - anticipation).astype(np.float64)

    def given(self, first: IntArray) -> Panel:
        """Return the panel with the columns of a policy that begins at other places, shape (N,), `NEVER` for none."""
        own = first[self.panel.unit_codes]
        ever = own < NEVER
        names = policy_columns(self.policy)
        columns = {
            names.treated: (self.at >= own).astype(np.float64),
            names.event: np.where(ever, self.at - own, np.nan),
            names.cohort: np.where(ever, own, np.nan),
        }
        return self.panel.with_columns(columns)

    def in_span(self) -> Timing:
        """Return the timing with units that are treated after the last period as never treated."""
        return self.changed(first=np.where(self.first > self.at.max(), NEVER, self.first))


class _Known(NamedTuple):
    """What was read from the columns of a policy, for the rows of an index."""

    rows: Index
    event: Column | None
    at: IntArray
    first: IntArray
    memory: dict[Hashable, Any]


def timing_of(panel: Panel, policy: str, weighted_by: str | None = None) -> Timing:
    """Return when units come under a policy.

    ``panel``: with the columns of the policy; of a column of zeros and ones alone the first one counts.
    ``weighted_by``: the column by which rows weigh. Raises DataError if there is no such policy, it ends, it is a
    share, nobody is treated or everybody from the first period on.
    """
    names = policy_columns(policy)
    panel.require((names.treated,))
    column, events = panel.columns[names.treated], panel.columns.get(names.event)
    known: _Known | None = column.memory.get(_KNOWN)
    # the columns stay the same in all models of a sweep
    if known is not None and known.rows is panel.index and known.event is events:
        return Timing(panel, policy, known.at, known.first, weighted_by=weighted_by, memory=known.memory)
    treated = column.values
    if not panel.is_binary(names.treated):
        raise DataError(Note("did_is_a_share", policy=policy))
    positions = panel.positions[panel.period_codes]
    at, first = _of_events(panel, names.event, positions) if panel.has(names.event) else _of_dummy(panel, treated)
    timing = Timing(panel, policy, at, first, weighted_by=weighted_by).in_span()
    if not timing.ever.any():
        raise DataError(Note("did_nobody_treated", policy=policy))
    if (timing.event >= 0).all():
        raise DataError(Note("did_everybody_treated", policy=policy))
    column.memory[_KNOWN] = _Known(panel.index, events, timing.at, timing.first, timing.memory)
    return timing


def _of_events(panel: Panel, name: str, positions: IntArray) -> tuple[IntArray, IntArray]:
    """Return places on the calendar and first treated places, from event times."""
    event, unit = panel.column(name), panel.unit_codes
    known = np.isfinite(event)
    places = _calendar(panel, event, known)
    at = places[panel.period_codes]
    first = np.full(len(panel.units), NEVER, dtype=np.int64)
    first[unit[known]] = np.rint(at[known] - event[known]).astype(np.int64)
    back = np.isin(panel.period_codes, np.flatnonzero(np.diff(places) <= 0) + 1)
    odd = np.flatnonzero(known & (back | (np.abs(at - event - first[unit]) > 1e-6)))
    if len(odd):
        raise DataError(Note("did_not_event_times", column=name, cells=cut(map(panel.row_name, odd))))
    return at, first


def _calendar(panel: Panel, event: FloatArray, known: NDArray[np.bool_]) -> IntArray:
    """Return the place of each period as event times count it, shape (T,).

    A year that no unit has is none of them, and a sample of every second year has two between its periods.
    """
    place = np.full(panel.shape[1], np.nan)
    by_unit = np.flatnonzero(known)
    by_unit = by_unit[np.argsort(panel.unit_codes[by_unit], kind="stable")]
    rows = np.split(by_unit, np.flatnonzero(np.diff(panel.unit_codes[by_unit])) + 1)
    rest = sorted(filter(len, rows), key=len, reverse=True)
    while rest:
        for own in rest:
            periods = panel.period_codes[own]
            there = np.isfinite(place[periods])
            if there.any() or not np.isfinite(place).any():
                shift = np.median((place[periods] - event[own])[there]) if there.any() else 0.0
                place[periods[~there]] = event[own][~there] + shift
                break
        else:
            break
        rest = [some for some in rest if not np.isfinite(place[panel.period_codes[some]]).all()]
    some = np.flatnonzero(np.isfinite(place))
    if not len(some):
        return panel.positions
    steps = np.diff(place[some]) / np.diff(panel.positions[some]) if len(some) > 1 else np.ones(1)
    step = max(float(np.rint(np.median(steps))), 1.0)
    for period in np.flatnonzero(~np.isfinite(place)):
        near = some[np.abs(some - period).argmin()]
        place[period] = place[near] + step * (panel.positions[period] - panel.positions[near])
    return np.asarray(np.rint(place - place.min()), dtype=np.int64)


def _of_dummy(panel: Panel, treated: FloatArray) -> tuple[IntArray, IntArray]:
    """Return places on the calendar and first treated places, from a column of zeros and ones."""
    at, unit = panel.positions[panel.period_codes], panel.unit_codes
    ended = np.flatnonzero((np.diff(treated) < 0) & (np.diff(unit) == 0)) + 1
    if len(ended):
        raise DataError(Note("did_policy_ends", cells=cut(map(panel.row_name, ended))))
    first = np.full(len(panel.units), NEVER, dtype=np.int64)
    np.minimum.at(first, unit[treated > 0], at[treated > 0])
    return at, first
