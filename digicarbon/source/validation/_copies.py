"""Years and units whose figures are copies of others."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from digicarbon.country import country
from digicarbon.note import Note, cut
from digicarbon.numeric.linear.equal_rows import Twins, equal_rows, unround
from digicarbon.source.validation._blocks import Blocks
from digicarbon.source.validation._matrix import Matrix
from digicarbon.source.validation._words import cells, percent
from digicarbon.source.validation.finding import Finding, Level

FEWEST = 5
"""At least so many units must agree; a few equal numbers happen by chance."""
PARTLY = 0.2
"""A year in which this share of units repeats the year before is reported, too."""


def copied_years(series: Matrix, constant: Level = "note") -> Iterator[Finding]:
    """Yield each year whose values equal those of an earlier year in all units that both have.

    A series that never changes may be an area or a coordinate: it is reported at the level ``constant``, and only if
    its figures are not round. Dummies and other numbers of few distinct values agree anyway and are not checked.
    """
    x = series.values
    if x.shape[1] < 2 or not _distinct(x):
        return
    if not _changes(x):
        yield from _constant(series, constant)
        return
    for later in range(1, x.shape[1]):
        twin = next((earlier for earlier in range(later) if _equal(x[:, earlier], x[:, later])), None)
        year = series.years[later]
        if twin is not None:
            said = Note(
                "copied_year_of_series",
                series=series.name,
                year=year,
                before=series.years[twin],
                units=_common(x[:, twin], x[:, later]),
                noun=series.noun,
            )
            yield series.finding("warning", "copied year", said, year=year)
        else:
            yield from _partly(series, later)


def copied_blocks(blocks: Blocks, file: str, noun: str = "") -> Iterator[Finding]:
    """Yield units and years whose figures are all, or nearly all, those of another unit or year.

    Without ``noun`` a unit is called by the country's own noun.
    """
    noun = noun or country().noun
    keys = blocks.keys
    years: dict[tuple[int | None, int | None], list[tuple[str, Twins]]] = {}
    places: dict[tuple[str, str], list[tuple[Note | str, int | None, Twins]]] = {}
    for twins in equal_rows(blocks.wide.to_numpy(dtype=np.float64)):
        (first, before), (second, year) = keys[twins.first], keys[twins.second]
        if first == second:
            years.setdefault((before, year), []).append((first, twins))
        else:
            places.setdefault((first, second), []).append((_when(first, before), year, twins))
    for (before, year), copies in years.items():
        units = [unit for unit, _ in copies]
        said = Note(
            "copied_year" if _whole(copies[0][1]) else "nearly_copied_year",
            year=year,
            before=before,
            number=len(units),
            noun=noun,
            shared=_shared(copies[0][1]),
            units=cut(units),
        )
        yield Finding("warning", "copied year", file, said, year=year)
    for (_, second), pairs in places.items():
        unit_years = [(second, year) for _, year, _ in pairs if year is not None]
        what = cells(unit_years) if unit_years else second
        source, twins = pairs[0][0], pairs[0][2]
        said = Note(
            "copied_figures" if _whole(twins) else "nearly_copied_figures",
            what=what,
            source=source,
            shared=_shared(twins),
        )
        only = unit_years[0][1] if len(unit_years) == 1 else None
        yield Finding("warning", f"copied {noun}", file, said, unit=second, year=only)


def _when(place: str, year: int | None) -> Note | str:
    return place if year is None else Note("cell", parts=(place, year))


def _whole(twins: Twins) -> bool:
    return twins.equal == twins.compared


def _shared(twins: Twins) -> Note:
    return Note("shared_figures", equal=twins.equal, compared=twins.compared)


def _constant(series: Matrix, level: Level) -> Iterator[Finding]:
    unrounded = unround(series.values).any(axis=1)
    if unrounded.sum() >= FEWEST:
        years = [str(year) for year in series.years]
        said = Note(
            "constant_series",
            series=series.name,
            years=years[:3],
            more=Note("and_so_on") if years[3:] else "",
            units=len(series.units),
            noun=series.noun,
        )
        yield series.finding(level, "copied year", said, year=series.years[-1])


def _partly(series: Matrix, later: int) -> Iterator[Finding]:
    before, now = series.values[:, later - 1], series.values[:, later]
    same = (before == now) & (now != 0)
    common = _common(before, now)
    if same.sum() >= FEWEST and same.sum() >= PARTLY * common:
        units = [unit for unit, equal in zip(series.units, same.tolist(), strict=True) if equal]
        said = Note(
            "partly_copied_year",
            series=series.name,
            year=series.years[later],
            before=series.years[later - 1],
            same=len(units),
            common=common,
            noun=series.noun,
            share=percent(len(units) / common),
            units=cut(units),
        )
        yield series.finding("warning", "repeated values", said, year=series.years[later])


def _common(a: NDArray[np.float64], b: NDArray[np.float64]) -> int:
    return int((np.isfinite(a) & np.isfinite(b)).sum())


def _equal(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    both = np.isfinite(a) & np.isfinite(b)
    enough = int((both & (b != 0)).sum()) >= FEWEST
    return enough and np.array_equal(a[both], b[both]) and _many(b[both])


def _many(values: NDArray[np.float64]) -> bool:
    return len(np.unique(values)) > max(3, len(values) / 4)


def _changes(x: NDArray[np.float64]) -> bool:
    """Return whether any unit has two different values."""
    rows = x[np.isfinite(x).any(axis=1)]
    return not np.array_equal(np.nanmax(rows, axis=1), np.nanmin(rows, axis=1))


def _distinct(x: NDArray[np.float64]) -> bool:
    values = x[np.isfinite(x)]
    return bool(len(np.unique(values)) > max(3, x.shape[0] / 4))
