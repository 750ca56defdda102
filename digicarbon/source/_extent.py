"""Which units and years a source delivers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from digicarbon.errors import DataError
from digicarbon.note import Note, cut, suggestion
from digicarbon.source._shelf import KEYS, as_units


@dataclass(frozen=True, eq=False)
class Extent:
    """All rows that a source delivers: each unit and year once, ordered.

    Notes are on units that are left out, grouped by the series that they lack.
    """

    index: pd.MultiIndex
    notes: tuple[Note, ...]


def extent_of(
    table: pd.DataFrame, required: Sequence[str], years: tuple[int, int] | None, units: Sequence[str], source: str
) -> Extent:
    """Return all units that have the required series by all years of the span, of a table by unit and year.

    Without required series any one is enough. Without years they run from the first to the last one in which every
    required series has a value; without units they are those with a value of every required series in these years. A
    `DataError` says that no year or unit has every required series, or that a unit or all years are not in the table.
    """
    has = table[list(required)].notna() if required else table.notna().any(axis=1).to_frame("any series")
    year = has.index.get_level_values("time")
    first, last = years or _span(has, source)
    if first > year.max() or last < year.min():
        span, available = Note("span", low=first, high=last), Note("span", low=year.min(), high=year.max())
        raise DataError(Note("source_years_outside", group="source", source=source, asked=span, there=available))
    every = sorted(set(has.index.get_level_values("unit")))
    if units:
        chosen = sorted(set(as_units(pd.Series(list(units)))))
        unknown = [unit for unit in chosen if unit not in every]
        if unknown:
            raise DataError(
                Note(
                    "source_units_unknown",
                    key="source.units",
                    unknown=cut(unknown),
                    hint=suggestion(unknown[0], every),
                    units=cut(every, 40),
                )
            )
        return Extent(_rows(chosen, first, last), ())
    inside = has[(year >= first) & (year <= last)].groupby(level="unit").any()
    chosen = sorted(inside.index[inside.all(axis=1)])
    if not chosen:
        raise DataError(
            Note(
                "source_no_complete_unit",
                group="source",
                source=source,
                series=cut(required),
                years=Note("span", low=first, high=last),
            )
        )
    inside = inside.reindex(every, fill_value=False)
    lacking: dict[Any, list[str]] = {}
    for unit in every:
        if unit not in chosen:
            lacking.setdefault(cut(map(str, has.columns[~inside.loc[unit].to_numpy()])), []).append(unit)
    notes = tuple(Note("left_out_for_want", series=series, units=cut(units, 12)) for series, units in lacking.items())
    return Extent(_rows(chosen, first, last), notes)


def _rows(units: Sequence[str], first: int, last: int) -> pd.MultiIndex:
    return pd.MultiIndex.from_product([list(units), range(first, last + 1)], names=KEYS)


def _span(has: pd.DataFrame, source: str) -> tuple[int, int]:
    """Return the first and last year in which every series has a value for some unit."""
    by_year = has.groupby(level="time").any()
    complete = by_year.index[by_year.all(axis=1)]
    if complete.empty:
        spans = [
            Note("source_series_years", series=name, years=Note("span", low=years.min(), high=years.max()))
            if len(years := by_year.index[column])
            else Note("source_series_never", series=name)
            for name, column in by_year.items()
        ]
        raise DataError(Note("source_no_complete_year", group="source", source=source, series=cut(spans)))
    return int(complete.min()), int(complete.max())
