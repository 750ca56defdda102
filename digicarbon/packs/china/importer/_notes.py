"""Notes on oddities of imported inventories that are kept unchanged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digicarbon.country import Place
from digicarbon.note import Note, cut
from digicarbon.packs.china import facts


def coverage_notes(pairs: Iterable[tuple[Place, int]]) -> list[Note]:
    """Return a note on each year without some provinces of the other years, or of a national data set."""
    by_year: dict[int, set[str]] = {}
    for place, year in pairs:
        by_year.setdefault(year, set()).add(place.name)
    expected = set().union(*by_year.values())
    if len(expected) > len(facts.provinces()) / 2:
        expected |= set(facts.provinces()["province"])
    years_by_absent: dict[tuple[str, ...], list[int]] = {}
    for year in sorted(by_year):
        absent = sorted(expected - by_year[year])
        if absent:
            years_by_absent.setdefault(tuple(absent), []).append(year)
    return [
        Note("ceads_years_without", years=_years(years), places=cut(absent))
        for absent, years in years_by_absent.items()
    ]


def difference_notes(
    what: Note,
    places: Sequence[Note | str],
    left: NDArray[np.float64],
    right: NDArray[np.float64],
    columns: Sequence[str],
    tolerance: float,
) -> list[Note]:
    """Return a note if figures that should be equal differ, with the largest differences first.

    ``what``: the beginning of the sentence, e.g. ``The total row is not the sum of the sectors``. ``places``: the place
    of each row of figures. ``left``, ``right``: shape (places, columns). ``tolerance``: largest difference relative to
    the larger figure; less than 1e-6 of the unit is rounding.
    """
    size = np.maximum(np.abs(left), np.abs(right))
    gap = np.abs(left - right)
    wrong = np.argwhere(gap > np.maximum(tolerance * size, 1e-6))
    if not len(wrong):
        return []
    wrong = wrong[np.argsort(-gap[tuple(wrong.T)], kind="stable")]
    items = (
        Note("ceads_difference", where=places[i], column=columns[j], left=left[i, j], right=right[i, j])
        for i, j in wrong
    )
    return [Note("ceads_differences", what=what, places=len(wrong), items=cut(items, 4))]


def left_out(sheets: Mapping[str, int]) -> list[Note]:
    """Return a note on the names of sheets that are no inventory, with the number of files for each name."""
    if not sheets:
        return []
    items = (Note("ceads_sheet_of_files", sheet=name, files=files) for name, files in sheets.items())
    return [Note("ceads_sheets_left_out", sheets=cut(items))]


def blank_notes(cells: int) -> list[Note]:
    """Return a note on cells without a figure that count as zero."""
    return [Note("ceads_blanks", cells=cells)] if cells else []


def lost_totals(places: Sequence[Note], why: Note) -> list[Note]:
    """Return a note on totals without a figure that may differ from zero."""
    return [Note("ceads_lost_totals", totals=len(places), why=why, places=cut(places))] if places else []


def absent_notes(table: pd.DataFrame) -> list[Note]:
    """Return a note on the columns of a tidy table that only some provinces and years have.

    ``table``: with the columns province and year; not-a-number where a sheet has no such column.
    """
    absent = table.drop(columns=["province", "year"]).isna().groupby([table["province"], table["year"]]).any()
    groups: dict[int, list[str]] = {}
    for name, number in absent.sum().items():
        if number:
            groups.setdefault(int(number), []).append(str(name))
    return [
        Note("ceads_columns_absent", columns=cut(names), number=number, every=len(absent))
        for number, names in groups.items()
    ]


def _years(years: Sequence[int]) -> tuple[Any, ...] | Note:
    spans: list[list[int]] = []
    for year in years:
        if spans and spans[-1][1] == year - 1:
            spans[-1][1] = year
        else:
            spans.append([year, year])
    return cut((a if a == b else Note("span", low=a, high=b) for a, b in spans), 10)
