"""Tidy input-output data to tables of arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.errors import DataError
from digicarbon.note import Note, cut, suggestion
from digicarbon.source.base import InputOutputTable


def io_tables(flows: pd.DataFrame, sectors: pd.DataFrame) -> dict[tuple[str, int], InputOutputTable]:
    """Return the input-output table of each unit and year, sectors in the order of their positions.

    Rows of ``flows`` are purchases (unit, year, from_sector, to_sector, flow; or year, from_unit, from_sector, to_unit,
    to_sector, flow), those of ``sectors`` unit, year, sector, position, value_added, output; 10k CNY. A pair of sectors
    without a row is zero. A multi-regional table (recognised by its column ``from_unit``) is summed over the selling
    units to get each unit's own table: ``flows[i, j]`` is then what sector j of the unit buys from sector i in all
    units.

    A `DataError` says that a table has a flow without a number, from or to a sector that is not among its sectors, a
    sector twice or without value added or output, or that one data set has a table that the other lacks.
    """
    buyer = "to_unit" if "from_unit" in flows.columns else "unit"
    purchases, listings = _split(flows, buyer), _split(sectors, "unit")
    _refuse_halves(set(purchases), set(listings))
    return {key: _table(purchases[key], listings[key], Note("cell", parts=key)) for key in sorted(listings)}


def _split(frame: pd.DataFrame, place: str) -> dict[tuple[str, int], pd.DataFrame]:
    parts = frame.groupby([place, "year"], observed=True)
    return {(str(unit), int(str(year))): part for (unit, year), part in parts}


def _refuse_halves(purchases: set[tuple[str, int]], listings: set[tuple[str, int]]) -> None:
    halves = sorted(purchases ^ listings)
    if halves:
        lacking = Note("word_flows") if halves[0] in listings else Note("word_sectors")
        tables = cut(Note("cell", parts=half) for half in halves)
        raise DataError(Note("half_of_tables", lacking=lacking, tables=tables))


def _table(flows: pd.DataFrame, sectors: pd.DataFrame, name: Note) -> InputOutputTable:
    """Return one table; ``name`` is the unit and year, for messages."""
    ordered = sectors.sort_values("position", kind="stable")
    labels = pd.Index(ordered["sector"].astype(str))
    if not labels.is_unique:
        twice = cut(labels[labels.duplicated()].unique())
        raise DataError(Note("sectors_of_one_name", table=name, sectors=twice))
    amounts = ordered[["value_added", "output"]].to_numpy(dtype=float)
    if not np.isfinite(amounts).all():
        row, column = np.argwhere(~np.isfinite(amounts))[0]
        what = (Note("word_value_added"), Note("word_output"))[column]
        raise DataError(Note("sector_without_amount", table=name, what=what, sector=labels[row]))
    matrix = np.zeros((len(labels), len(labels)))
    values = flows["flow"].to_numpy(dtype=float)
    rows, columns = (_positions(flows[end], labels, name) for end in ("from_sector", "to_sector"))
    if not np.isfinite(values).all():
        odd = int(np.flatnonzero(~np.isfinite(values))[0])
        start, end = labels[rows[odd]], labels[columns[odd]]
        raise DataError(Note("flow_without_number", table=name, start=start, end=end))
    np.add.at(matrix, (rows, columns), values)
    return InputOutputTable(tuple(labels), matrix, *_columns(amounts))


def _columns(amounts: FloatArray) -> tuple[FloatArray, FloatArray]:
    return amounts[:, 0].copy(), amounts[:, 1].copy()


def _positions(names: pd.Series[str], labels: pd.Index[str], table: Note) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    positions = labels.get_indexer(pd.Index(names.astype(str)))
    if (positions < 0).any():
        unknown = str(names.iloc[int(np.flatnonzero(positions < 0)[0])])
        raise DataError(
            Note(
                "flow_of_unknown_sector",
                table=table,
                sector=unknown,
                hint=suggestion(unknown, labels),
                sectors=cut(labels, 60),
            )
        )
    return positions
