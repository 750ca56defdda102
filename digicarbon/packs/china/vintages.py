"""Two vintages of a yearbook's series."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from digicarbon.note import Note
from digicarbon.source.validation._matrix import Matrix, matrix
from digicarbon.source.validation._words import years
from digicarbon.source.validation.finding import Finding

APART = 0.05
"""A larger relative difference between vintages is counted."""
EQUAL = 1e-9


def vintages(series: str, original: Matrix, revised: Matrix) -> Iterator[Finding]:
    """Yield the differences of a series between its original and revised vintage, and the years without any."""
    both = _joined(original, revised)
    if both.empty:
        return
    ratio = both["original"] / both["revised"]
    by_year = (ratio - 1).abs().groupby(level="year")
    largest = by_year.max()
    same = [int(year) for year in largest.index[largest <= EQUAL]]
    file = revised.file
    if same:
        yield Finding("note", "vintage", file, Note("equal_vintages", series=series, years=years(same)), series=series)
    for year in map(int, largest.index[largest > EQUAL]):
        own = ratio.xs(year, level="year").dropna()
        low, high = own.idxmin(), own.idxmax()
        apart = own[(own - 1).abs() > APART]
        yield Finding(
            "note",
            "vintage",
            file,
            Note(
                "unlike_vintages",
                series=series,
                year=year,
                least=own.min(),
                low=low,
                most=own.max(),
                high=high,
                apart=len(apart),
                units=len(own),
            ),
            series=series,
            year=year,
        )


def by_vintage(frame: pd.DataFrame, file: str) -> Iterator[Finding]:
    """Yield the differences of all series that a yearbook has in two vintages."""
    distinct = frame.drop_duplicates(["province", "year", "series", "vintage"])
    for series, rows in distinct.groupby("series", sort=False, observed=True):
        sides = {
            str(vintage): matrix(own["province"], own["year"], own["value"], str(series), file)
            for vintage, own in rows.groupby("vintage", observed=True)
        }
        if {"original", "revised"} <= set(sides):
            yield from vintages(str(series), sides["original"], sides["revised"])


def _joined(original: Matrix, revised: Matrix) -> pd.DataFrame:
    sides = {"original": original, "revised": revised}
    stacked = {
        name: pd.Series(
            side.values.ravel(), index=pd.MultiIndex.from_product([side.units, side.years], names=["unit", "year"])
        )
        for name, side in sides.items()
    }
    both = pd.concat(stacked, axis=1)
    return both[both.notna().all(axis=1) & (both["revised"] != 0)]
