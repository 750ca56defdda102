"""Years that are copies of other years."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from digicarbon.errors import counted
from digicarbon.validation._matrix import Matrix
from digicarbon.validation._words import names, percent
from digicarbon.validation.finding import Finding

FEWEST = 5
"""So many units must agree; a few equal numbers happen by chance."""
PARTLY = 0.2
"""A year of which this share of units repeats the year before is told of, too."""


def copied_years(series: Matrix) -> Iterator[Finding]:
    """Yield each year whose values equal those of an earlier year in all units that both have.

    A series that never changes (coordinates, an area) has no copies. Dummies and other numbers of few distinct values
    agree by themselves and are not looked at.
    """
    x = series.values
    if x.shape[1] < 2 or not _changes(x) or not _distinct(x):
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
