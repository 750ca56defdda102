"""A series as units by years, the shape in which gaps, copies and outliers are searched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.country import country
from digicarbon.note import Note
from digicarbon.source.validation.finding import Finding, Level


@dataclass(frozen=True, eq=False)
class Matrix:
    """One series of N units and T years, not-a-number where there is no row or the cell is empty.

    Years in which no unit has a value are left out; ``noun`` is what a unit is called, e.g. ``"county"``.
    """

    name: str
    file: str
    units: tuple[str, ...]
    years: tuple[int, ...]
    values: FloatArray
    noun: str

    def at(self, row: int, column: int) -> tuple[str, int]:
        """Return the unit and year of a cell."""
        return self.units[row], self.years[column]

    def finding(self, level: Level, check: str, said: Note, unit: str = "", year: int | None = None) -> Finding:
        """Return a finding about the series."""
        return Finding(level, check, self.file, said, series=self.name, unit=unit, year=year)

    def cells(self, chosen: NDArray[np.bool_]) -> list[tuple[str, int]]:
        """Return the units and years of chosen cells, shape (N, T), unit by unit."""
        return [self.at(row, column) for row, column in np.argwhere(chosen).tolist()]


def wide(
    frame: pd.DataFrame, columns: Iterable[str], file: str, unit: str, year: str = "year", noun: str = ""
) -> Iterator[Matrix]:
    """Yield a matrix per numeric column of a table with a row per unit and year."""
    rows = frame.dropna(subset=[unit, year]).drop_duplicates([unit, year])
    for column in columns:
        if pd.api.types.is_numeric_dtype(rows[column]):
            yield matrix(rows[unit], rows[year], rows[column], str(column), file, noun or unit)


def long(frame: pd.DataFrame, by: list[str], file: str, unit: str) -> Iterator[Matrix]:
    """Yield a matrix per series of a table with a row per unit, year and series."""
    complete = frame.dropna(subset=[unit, "year"]).drop_duplicates([*by, unit, "year"])
    for key, rows in complete.groupby(by, sort=False, observed=True):
        name = " ".join(str(part) for part in key if str(part)) if isinstance(key, tuple) else str(key)
        yield matrix(rows[unit], rows["year"], rows["value"], name, file, unit)


def matrix(
    units: pd.Series[str], years: pd.Series[int], values: pd.Series[float], name: str, file: str, noun: str = ""
) -> Matrix:
    """Return cells as a matrix; each unit and year occurs at most once. Without ``noun``, units have the country's."""
    long = pd.DataFrame({"unit": units.astype(str), "year": years.astype(int), "value": values.astype(float)})
    table = long.pivot(index="unit", columns="year", values="value").sort_index(axis=1)
    table = table.replace([np.inf, -np.inf], np.nan).dropna(axis=1, how="all")
    array = table.to_numpy(dtype=np.float64)
    noun = noun or country().noun
    return Matrix(name, file, tuple(map(str, table.index)), tuple(map(int, table.columns)), array, noun)
