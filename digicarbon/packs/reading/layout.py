"""What the rows of a sheet are: titles, names of columns, rows of units of measurement, data."""

from __future__ import annotations

from typing import Any

import pandas as pd

from digicarbon.source._formats import from_eurostat
from digicarbon.source._gaps import SIGNS
from digicarbon.source._head import Layout, header_rows, named
from digicarbon.source._wide import named_year

_SAMPLE = 30
_MOST_BELOW = 2
"""Rows of units or second names below the names of columns, as CSMAR and EPS write them."""


def layout_of(cells: pd.DataFrame, file: str) -> dict[str, Any]:
    """Return ``header`` and ``skip`` of the table in some cells where they differ from the first row and none."""
    cells, _ = from_eurostat(cells, file)
    filled = cells.mask(cells == "").dropna(how="all", axis=1)
    present = [int(row) for row in filled.dropna(how="all").index]
    if not present:
        return {}
    (head,) = header_rows(filled, Layout(), file, "data")
    rows = _joined(filled, present, head)
    skip = _no_data(filled, present[present.index(rows[-1]) + 1 :])
    result: dict[str, Any] = {}
    if rows != [present[0]]:
        result["header"] = [row + 1 for row in rows] if len(rows) > 1 else rows[0] + 1
    if skip:
        result["skip"] = [row + 1 for row in skip]
    return result


def _joined(filled: pd.DataFrame, present: list[int], head: int) -> list[int]:
    """Return the rows of names: that one, or with one below or above it if years are apart from variables."""
    at = present.index(head)
    years = [_years(filled.loc[[row]].iloc[0]) for row in present[at : at + 3]]
    # two years in the first row of data would be in the next rows too
    if len(years) == 3 and years[0] < 2 <= years[1] and years[2] < years[1]:
        return [head, present[at + 1]]
    if at and years[0] >= 2:
        above, names = filled.loc[present[at - 1]], filled.loc[head]
        if above.notna().sum() > 1 and (above.notna() & names.isna()).any():
            return [present[at - 1], head]
    return [head]


def _years(row: pd.Series[Any]) -> int:
    at = [named_year(named(cell)) for cell in row.dropna()]
    return sum(one is not None and not one[0] for one in at)


def _no_data(filled: pd.DataFrame, body: list[int]) -> list[int]:
    """Return the first rows below the names that hold texts where the rows below them hold numbers."""
    sample = filled.loc[body[_MOST_BELOW : _MOST_BELOW + _SAMPLE]]
    numeric = [
        name for name in sample if sample[name].notna().any() and sample[name].dropna().map(_is_figure).mean() > 0.8
    ]
    result: list[int] = []
    for row in body[:_MOST_BELOW] if len(sample) > 1 else ():
        cells = filled[numeric].loc[[row]].iloc[0].dropna()
        if not len(cells) or 2 * len(cells) < len(numeric) or cells.map(_is_figure).any():
            break
        result.append(row)
    return result


def _is_figure(cell: object) -> bool:
    text = str(cell).strip()
    return text in SIGNS or not pd.isna(pd.to_numeric(text.rstrip("%％年度").replace(",", ""), errors="coerce"))
