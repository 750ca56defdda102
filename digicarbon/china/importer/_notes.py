"""Sentences on what is odd in imported inventories and kept as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digicarbon.china import facts
from digicarbon.country import Place
from digicarbon.errors import counted, listing


def coverage_notes(pairs: Iterable[tuple[Place, int]]) -> list[str]:
    """Return a note on each year that lacks provinces which the other years, or a national data set, have."""
    by_year: dict[int, set[str]] = {}
    for place, year in pairs:
        by_year.setdefault(year, set()).add(place.name)
    wanted = set().union(*by_year.values())
    if len(wanted) > len(facts.provinces()) / 2:
        wanted |= set(facts.provinces()["province"])
    lacking: dict[str, list[int]] = {}
    for year in sorted(by_year):
        absent = sorted(wanted - by_year[year])
        if absent:
            lacking.setdefault(listing(absent), []).append(year)
    return [f"{_years(years)} without {absent}." for absent, years in lacking.items()]


def difference_notes(
    what: str,
    places: Sequence[str],
    left: NDArray[np.float64],
    right: NDArray[np.float64],
    columns: Sequence[str],
    tolerance: float,
) -> list[str]:
    """Return a note if two figures that ought to be equal are not, naming the largest differences first.

    Parameters
    ----------
    what : str
        The beginning of the sentence, e.g. ``"The total row is not the sum of the sectors"``.
    places : sequence of str
        Where each row of figures stands.
    left, right : ndarray, shape (places, columns)
    columns : sequence of str
    tolerance : float
        Largest difference relative to the larger of the two; what is below 1e-6 of the unit is rounding.
    """
    size = np.maximum(np.abs(left), np.abs(right))
    gap = np.abs(left - right)
    wrong = np.argwhere(gap > np.maximum(tolerance * size, 1e-6))
    if not len(wrong):
        return []
    wrong = wrong[np.argsort(-gap[tuple(wrong.T)], kind="stable")]
    items = (f"{places[i]}, {columns[j]}: {left[i, j]:.6g} against {right[i, j]:.6g}" for i, j in wrong)
    return [f"{what} in {counted(len(wrong), 'place')}: {listing(items, 4)}."]


def left_out(sheets: Mapping[str, int]) -> list[str]:
    """Return a note on the names of sheets that are no inventory, with the number of files that have one."""
    if not sheets:
        return []
    items = (f"{name} ({counted(files, 'file')})" for name, files in sheets.items())
    return [f"Sheets that are no inventory are left out: {listing(items)}."]


def lost_totals(places: Sequence[str], why: str = "though what it sums up has one") -> list[str]:
    """Return a note on totals that have no figure and are not known to be zero."""
    if not places:
        return []
    return [
        f"{counted(len(places), 'total')} without a figure, {why}, left missing: {listing(places)}. Fill the cell in "
        "the raw file and import it again if you know the figure."
    ]


def absent_notes(table: pd.DataFrame) -> list[str]:
    """Return a note on the columns of a tidy table that some provinces and years have and others have not.

    Parameters
    ----------
    table : DataFrame
        With the columns province and year; not-a-number where a sheet has no such column.
    """
    absent = table.drop(columns=["province", "year"]).isna().groupby([table["province"], table["year"]]).any()
    groups: dict[int, list[str]] = {}
    for name, number in absent.sum().items():
        if number:
            groups.setdefault(int(number), []).append(str(name))
    return [
        f"{listing(names)}: not in the files for {number} of {len(absent)} provinces and years."
        for number, names in groups.items()
    ]


def _years(years: Sequence[int]) -> str:
    spans: list[list[int]] = []
    for year in years:
        if spans and spans[-1][1] == year - 1:
            spans[-1][1] = year
        else:
            spans.append([year, year])
    return listing((str(a) if a == b else f"{a} to {b}" for a, b in spans), 10)
