"""The input-output tables that a year without one uses, and the growth between the table year and that year."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from digicarbon.errors import DataError
from digicarbon.measure._numbers import numbers
from digicarbon.note import Note, cut
from digicarbon.numeric.accounts.bea import Surrounding, nearest_table, surrounding_tables
from digicarbon.source import Inputs

GapYears = Literal["structure", "interpolation"]
"""How years without a table are filled."""

DRIVERS = ("secondary_va", "tertiary_va", "gdp")
"""The series that carry Sector 1, Sector 2 and DDL through the gap years."""


def _nearest(years: ArrayLike, table_years: ArrayLike) -> Surrounding:
    near = nearest_table(years, table_years)
    return Surrounding(near, near, np.zeros(len(near)))


_FILLING: Mapping[GapYears, Callable[[ArrayLike, ArrayLike], Surrounding]] = {
    "structure": _nearest,
    "interpolation": surrounding_tables,
}


def table_years(keys: pd.DataFrame, tables: Collection[tuple[str, int]], how: GapYears, source: str) -> pd.DataFrame:
    """Return the table years of each row and the weight of the later one: columns before, after, weight.

    Parameters
    ----------
    keys : DataFrame
        Columns ``unit`` and ``time``.
    tables : collection of (str, int)
        Unit and year of each input-output table.
    how : {"structure", "interpolation"}
    source : str
        For messages.

    Raises
    ------
    DataError
        If a unit has no table.
    """
    years_of: dict[object, list[int]] = {}
    for unit, year in sorted(tables):
        years_of.setdefault(unit, []).append(year)
    missing = [unit for unit in keys["unit"].unique() if unit not in years_of]
    if missing:
        raise DataError(Note("bea_no_table_of_units", group="source", source=source, units=cut(missing)))
    # arrays: setting parts of a data frame for each unit takes a hundred times as long
    before, after, weight = np.zeros(len(keys), int), np.zeros(len(keys), int), np.zeros(len(keys))
    times = keys["time"].to_numpy()
    for name, rows in keys.groupby("unit").indices.items():
        years = np.asarray(years_of[name])
        around = _FILLING[how](times[rows], years)
        before[rows], after[rows], weight[rows] = years[around.before], years[around.after], around.weight
    return pd.DataFrame({"before": before, "after": after, "weight": weight}, index=keys.index)


def growth(inputs: Inputs, keys: pd.DataFrame, table_year: pd.Series[Any]) -> NDArray[np.float64]:
    """Return each driver over its value in the table year, shape (rows, 3); 1 in the table years themselves.

    Parameters
    ----------
    inputs : Inputs
    keys : DataFrame
        Columns ``unit`` and ``time``, as the rows of the inputs.
    table_year : Series
        The table year of each row.

    Raises
    ------
    DataError
        If a driver is missing, or has no positive value in a table year.
    """
    result = np.ones((len(keys), len(DRIVERS)))
    gap = (table_year != keys["time"]).to_numpy()
    if not gap.any():
        return result
    table = inputs.series(DRIVERS, "measure=bea (years without an input-output table)")
    series = pd.DataFrame(
        {name: numbers(table, name, inputs.source) for name in DRIVERS},
        index=pd.MultiIndex.from_frame(table[["unit", "time"]]),
    )
    base_keys = pd.MultiIndex.from_arrays([keys.loc[gap, "unit"], table_year[gap]])
    base = series.reindex(base_keys).to_numpy(dtype=float)
    if not (base > 0).all():
        row, column = np.argwhere(~(base > 0))[0]
        cell = Note("cell", parts=base_keys[row])
        raise DataError(Note("bea_no_value_in_table_year", column=DRIVERS[column], cell=cell, source=inputs.source))
    result[gap] = series.to_numpy(dtype=float)[gap] / base
    return result
