"""The figures of a data set, a row per unit and year or a row per unit: the shape in which copies are searched."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from digicarbon.country import country


@dataclass(frozen=True, eq=False)
class Blocks:
    """Figures side by side: a row per unit and year, the year None where a row covers all, and a column per figure."""

    keys: tuple[tuple[str, int | None], ...]
    wide: pd.DataFrame


def by_year(table: pd.DataFrame, unit: str, *by: str) -> Blocks:
    """Return all numbers of each unit and year; ``by`` are the further keys of a row, e.g. ``sector``."""
    keys = [unit, "year", *by]
    numbers = [
        name for name in table.select_dtypes("number").columns if name not in (*keys, country().code, "position")
    ]
    rows = table.drop_duplicates(keys).set_index(keys)[numbers]
    wide = pd.DataFrame(rows.unstack(list(by))) if by else rows
    return Blocks(tuple((str(name), int(year)) for name, year in wide.index), wide)


def by_unit(frame: pd.DataFrame, unit: str, *by: str) -> Blocks:
    """Return all numbers of each unit; ``by`` are the further keys of a row, e.g. ``year``."""
    keys = [unit, *by]
    numbers = [name for name in frame.select_dtypes("number").columns if name not in (*keys, country().code)]
    wide = pd.DataFrame(frame.dropna(subset=keys).drop_duplicates(keys).set_index(keys)[numbers].unstack(list(by)))
    return Blocks(tuple((str(name), None) for name in wide.index), wide)
