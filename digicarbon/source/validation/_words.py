"""How findings write places and shares."""

from __future__ import annotations

from collections.abc import Iterable

from digicarbon.note import Note


def years(numbers: Iterable[int]) -> tuple[str, ...]:
    """Return years with runs joined, e.g. ``2012-2014`` and ``2016``."""
    runs: list[list[int]] = []
    for year in sorted(set(numbers)):
        if runs and year == runs[-1][-1] + 1:
            runs[-1].append(year)
        else:
            runs.append([year])
    return tuple(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def cells(unit_years: Iterable[tuple[str, int]], most: int = 6) -> Note:
    """Return units with their years, e.g. ``Hainan 2015-2016; Qinghai 2012``."""
    by_unit: dict[str, list[int]] = {}
    for unit, year in unit_years:
        by_unit.setdefault(unit, []).append(year)
    places = [Note("unit_and_years", unit=unit, years=years(own)) for unit, own in by_unit.items()]
    more = Note("more_places", more=len(places) - most) if len(places) > most else ""
    return Note("units_and_years", places=places[:most], more=more)


def percent(share: float) -> float:
    """Return a share in per cent: with two digits below 100, as a whole number from there on."""
    return float(f"{100 * share:.2g}") if abs(share) < 1 else round(100 * share)
