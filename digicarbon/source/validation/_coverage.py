"""Which units and years a series covers, and which it lacks."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from digicarbon.country import country
from digicarbon.note import Note, cut
from digicarbon.source.validation._matrix import Matrix
from digicarbon.source.validation._words import cells, years
from digicarbon.source.validation.finding import Finding


def expected_units(units: Collection[str]) -> tuple[str, ...]:
    """Return the units that a data set should have: all of the country if it is about the country, else its own."""
    every = country().names
    # a file of one or two units is a case study: the other units are not missing from it
    about_country = len(set(every) & set(units)) >= len(every) / 2
    return tuple(dict.fromkeys([*(every if about_country else ()), *units]))


def coverage(series: Matrix, units: Collection[str], span: tuple[int, int]) -> Iterator[Finding]:
    """Yield the units and years that a series lacks of those that a data set should have and of its span."""
    check = "coverage"
    if not series.years:
        yield series.finding("warning", check, Note("no_value_at_all", series=series.name))
        return
    first, last = series.years[0], series.years[-1]
    any_year = np.asarray(np.isfinite(series.values).any(axis=1), dtype=np.bool_)
    present = dict(zip(series.units, any_year.tolist(), strict=True))
    absent = [unit for unit in units if not present.get(unit, False)]
    if absent:
        yield series.finding("warning", check, Note("units_without_value", series=series.name, units=cut(absent)))
    empty = sorted(set(range(first, last + 1)) - set(series.years))
    if empty:
        missing = Note("years_without_value", series=series.name, noun=series.noun, years=years(empty))
        yield series.finding("warning", check, missing)
    gaps = series.cells(~np.isfinite(series.values) & any_year[:, None])
    if gaps:
        total, count = int(any_year.sum()) * len(series.years), {"gaps": len(gaps), "noun": series.noun}
        among = {"total": total, "years": years(series.years), "places": cells(gaps)}
        yield series.finding("warning", check, Note("gaps_of_series", series=series.name, **count, **among))
    if (first, last) != span:
        own = {"first": first, "last": last, "years": len(series.years)}
        yield series.finding(
            "note", check, Note("shorter_series", series=series.name, **own, start=span[0], end=span[1])
        )
