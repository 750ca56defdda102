"""Which units and years a series covers, and which it lacks."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from digicarbon.country import country
from digicarbon.note import Note, cut
from digicarbon.source.validation._matrix import Matrix
from digicarbon.source.validation._words import cells, years
from digicarbon.source.validation.finding import Finding, Level


def expected_units(units: Collection[str]) -> tuple[str, ...]:
    """Return the units that a data set should have: all of the country if it is about the country, else its own."""
    every = country().names
    # a file of one or two units is a case study: the other units are not missing from it
    about_country = len(set(every) & set(units)) >= len(every) / 2
    return tuple(dict.fromkeys([*(every if about_country else ()), *units]))


def coverage(series: Matrix, units: Collection[str], span: tuple[int, int]) -> Iterator[Finding]:
    """Yield the units and years that a series lacks.

    Parameters
    ----------
    series : Matrix
    units : collection of str
        Units that the data set should have.
    span : (int, int)
        First and last year of the data set.
    """

    def finding(level: Level, what: Note) -> Finding:
        return Finding(level, "coverage", series.file, what, series=series.name)

    if not series.years:
        yield finding("warning", Note("no_value_at_all", series=series.name))
        return
    first, last = series.years[0], series.years[-1]
    any_year = np.asarray(np.isfinite(series.values).any(axis=1), dtype=np.bool_)
    present = dict(zip(series.units, any_year.tolist(), strict=True))
    absent = [unit for unit in units if not present.get(unit, False)]
    if absent:
        yield finding("warning", Note("units_without_value", series=series.name, units=cut(absent)))
    empty = sorted(set(range(first, last + 1)) - set(series.years))
    if empty:
        yield finding("warning", Note("years_without_value", series=series.name, noun=series.noun, years=years(empty)))
    gaps = series.cells(~np.isfinite(series.values) & any_year[:, None])
    if gaps:
        total = int(any_year.sum()) * len(series.years)
        yield finding(
            "warning",
            Note(
                "gaps_of_series",
                series=series.name,
                gaps=len(gaps),
                total=total,
                noun=series.noun,
                years=years(series.years),
                places=cells(gaps),
            ),
        )
    if (first, last) != span:
        yield finding(
            "note",
            Note(
                "shorter_series",
                series=series.name,
                first=first,
                last=last,
                years=len(series.years),
                start=span[0],
                end=span[1],
            ),
        )
