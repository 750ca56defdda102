"""Which units and years a series has, and which it lacks."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from digicarbon.country import country
from digicarbon.errors import counted
from digicarbon.source.validation._matrix import Matrix
from digicarbon.source.validation._words import cells, names, years
from digicarbon.source.validation.finding import Finding


def expected_units(found: Collection[str]) -> tuple[str, ...]:
    """Return the units that a data set should have: all of a country if it is about one, else those it has."""
    every = country().names
    # a file of one or two units is somebody's case study, no gap of all the others
    about_country = len(set(every) & set(found)) >= len(every) / 2
    return tuple(dict.fromkeys([*(every if about_country else ()), *found]))


def coverage(series: Matrix, units: Collection[str], span: tuple[int, int]) -> Iterator[Finding]:
    """Yield what a series lacks of the units and years that it could have.

    Parameters
    ----------
    series : Matrix
    units : collection of str
        Those that the data set should have.
    span : (int, int)
        First and last year of the data set.
    """

    def finding(level: str, sentence: str) -> Finding:
        return Finding(
            "warning" if level == "warning" else "note", "coverage", series.file, sentence, series=series.name
        )

    if not series.years:
        yield finding("warning", f"{series.file}: {series.name} has no value at all.")
        return
    first, last = series.years[0], series.years[-1]
    some = np.asarray(np.isfinite(series.values).any(axis=1), dtype=np.bool_)
    has = dict(zip(series.units, some.tolist(), strict=True))
    absent = [unit for unit in units if not has.get(unit, False)]
    if absent:
        yield finding("warning", f"{series.file}: {series.name} has no value for {names(absent)} in any year.")
    empty = sorted(set(range(first, last + 1)) - set(series.years))
    if empty:
        yield finding("warning", f"{series.file}: {series.name} has no {series.noun} with a value in {years(empty)}.")
    gaps = series.cells(~np.isfinite(series.values) & some[:, None])
    if gaps:
        total = int(some.sum()) * len(series.years)
        yield finding(
            "warning",
            f"{series.file}: {series.name} lacks {len(gaps)} of {total} {series.noun}-years in {years(series.years)}: "
            f"{cells(gaps)}.",
        )
    if (first, last) != span:
        yield finding(
            "note",
            f"{series.file}: {series.name} runs from {first} to {last} "
            f"({counted(len(series.years), 'year')}), the data from {span[0]} to {span[1]}.",
        )
