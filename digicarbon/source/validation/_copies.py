"""Years and provinces whose figures are copies of other ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from digicarbon.errors import counted
from digicarbon.numeric.linear.equal_rows import Twins, equal_rows, unround
from digicarbon.source.validation._blocks import Blocks
from digicarbon.source.validation._matrix import Matrix
from digicarbon.source.validation._words import cells, names, percent
from digicarbon.source.validation.finding import Finding, Level

FEWEST = 5
"""So many units must agree; a few equal numbers happen by chance."""
PARTLY = 0.2
"""A year of which this share of units repeats the year before is told of, too."""


def copied_years(series: Matrix, constant: Level = "note") -> Iterator[Finding]:
    """Yield each year whose values equal those of an earlier year in all units that both have.

    A series that never changes may be an area or a coordinate: that is told at the level ``constant``, and only if its
    figures are not round. Dummies and other numbers of few distinct values agree by themselves and are not looked at.
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
            yield Finding(
                "warning",
                "copied year",
                series.file,
                f"{series.file}: {series.name} of {year} is a copy of {series.years[twin]} in all "
                f"{counted(_common(x[:, twin], x[:, later]), series.noun)} that both have; leave {year} out, or get "
                "its own figures.",
                series=series.name,
                year=year,
            )
        else:
            yield from _partly(series, later)


def copied_blocks(blocks: Blocks, file: str, noun: str = "province") -> Iterator[Finding]:
    """Yield provinces and years whose figures are all, or nearly all, those of another province or year."""
    keys = blocks.keys
    years: dict[tuple[int | None, int | None], list[tuple[str, Twins]]] = {}
    places: dict[tuple[str, str], list[tuple[str, int | None, Twins]]] = {}
    for twins in equal_rows(blocks.wide.to_numpy(dtype=np.float64)):
        (first, before), (second, year) = keys[twins.first], keys[twins.second]
        if first == second:
            years.setdefault((before, year), []).append((first, twins))
        else:
            places.setdefault((first, second), []).append((_when(first, before), year, twins))
    for (before, year), found in years.items():
        units = [unit for unit, _ in found]
        yield Finding(
            "warning",
            "copied year",
            file,
            f"{file}: the figures of {year} are {_nearly(found[0][1])}those of {before} in {counted(len(units), noun)} "
            f"({_shared(found[0][1])}): {names(units)}. Leave {year} out, or get its own figures.",
            year=year,
        )
    for (_, second), pairs in places.items():
        whole = [(second, year) for _, year, _ in pairs if year is not None]
        what = cells(whole) if whole else second
        source, twins = pairs[0][0], pairs[0][2]
        yield Finding(
            "warning",
            f"copied {noun}",
            file,
            f"{file}: the figures of {what} are {_nearly(twins)}those of {source} ({_shared(twins)}); one of the two "
            "has been filled with the other's. Look into the raw file.",
            province=second,
            year=whole[0][1] if len(whole) == 1 else None,
        )


def _when(place: str, year: int | None) -> str:
    return place if year is None else f"{place} {year}"


def _nearly(twins: Twins) -> str:
    return "" if twins.equal == twins.compared else "nearly all "


def _shared(twins: Twins) -> str:
    return f"{twins.equal} of {twins.compared} figures that are not round are equal"


def _constant(series: Matrix, level: Level) -> Iterator[Finding]:
    odd = unround(series.values).any(axis=1)
    if odd.sum() >= FEWEST:
        years = [str(year) for year in series.years]
        yield Finding(
            level,
            "copied year",
            series.file,
            f"{series.file}: {series.name} is the same in {', '.join(years[:3])}{' and so on' if years[3:] else ''} in "
            f"all {counted(len(series.units), series.noun)}: unless it cannot change, as an area, a year is a copy.",
            series=series.name,
            year=series.years[-1],
        )


def _partly(series: Matrix, later: int) -> Iterator[Finding]:
    before, now = series.values[:, later - 1], series.values[:, later]
    same = (before == now) & (now != 0)
    common = _common(before, now)
    if same.sum() >= FEWEST and same.sum() >= PARTLY * common:
        units = [unit for unit, equal in zip(series.units, same.tolist(), strict=True) if equal]
        yield Finding(
            "warning",
            "repeated values",
            series.file,
            f"{series.file}: {series.name} of {series.years[later]} repeats {series.years[later - 1]} in "
            f"{len(units)} of {counted(common, series.noun)} ({percent(len(units) / common)}): {names(units)}.",
            series=series.name,
            year=series.years[later],
        )


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
    found = x[np.isfinite(x).any(axis=1)]
    return not np.array_equal(np.nanmax(found, axis=1), np.nanmin(found, axis=1))


def _distinct(x: NDArray[np.float64]) -> bool:
    values = x[np.isfinite(x)]
    return bool(len(np.unique(values)) > max(3, x.shape[0] / 4))
