"""The CEADs apparent inventory of provincial CO2 emissions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.country import Place
from digicarbon.errors import DataError
from digicarbon.importer._cells import figure, text, year, year_in
from digicarbon.importer._sheets import Sheet
from digicarbon.importer.base import Imported, Importer
from digicarbon.note import Note, cut
from digicarbon.packs.china.accounts import APPARENT as PARTS
from digicarbon.packs.china.importer._ceads import CITATION, each_sheet, repeated_cell
from digicarbon.packs.china.importer._ceads_sheet import MOST_TITLE_ROWS, OF_ALL, empty_header
from digicarbon.packs.china.importer._notes import (
    absent_notes,
    blank_notes,
    coverage_notes,
    difference_notes,
    lost_totals,
)
from digicarbon.packs.china.importer._words import Words
from digicarbon.packs.china.spelling import province, required_province

UNIT = "Mt CO2"
_BALANCE = {
    "indigenous_production": ["Indigenous production"],
    "import": ["Import"],
    "export": ["Export"],
    "move_in": ["Move in"],
    "move_out": ["Move out"],
    "stock_decrease": ["Stock decrease", "Stock change"],
    "loss": ["Loss"],
    "non_energy_use": ["Non-energy use"],
}
_TOTAL = "total"
_TOTALS = {
    "raw_coal_total": ["Raw coal total", "Raw coal"],
    "crude_oil_total": ["Crude oil total", "Crude oil"],
    "natural_gas_total": ["Natural gas total", "Natural gas"],
    "cement": ["Cement", "Cement process"],
    _TOTAL: ["Total apparent CO2 emissions (mt)", "Total apparent CO2 emissions", "Total apparent emissions", "Total"],
}
_ITEMS = Words(_TOTALS | _BALANCE)
_FUELS = Words({"": ["Raw coal"], "crude_oil_": ["Crude oil"], "natural_gas_": ["Natural gas"]})
_KEYS = Words(
    {
        "province": ["Place", "Provinces", "Region", "省份", "地区", "省"],
        "adcode": ["adcode", "行政区划代码"],
        "year": ["Year", "年份", "年"],
    }
)
_FEWEST_PROVINCES = 2


class CeadsApparentImporter(Importer):
    """CO2 by the apparent consumption of coal, oil and gas, and from cement, million tonnes.

    The workbook of CEADs has a sheet per year with provinces in columns and items in rows:
    three fuel totals, cement, the total, and the balance of each fuel. A sheet per year with a row per province, and
    one long table with the columns province and year, are also accepted.

    Balance items of raw coal have plain names (``import``, ``move_in``, …), those of crude oil and natural gas begin
    with the fuel. That the total is coal + oil + gas + cement is checked; differences are notes.

    Attributes
    ----------
    tolerance : float
        Largest relative difference between total and sum without a note.
    """

    tolerance: float = Field(1e-6, ge=0.0)

    def read(self, files: Sequence[Path]) -> Imported:
        """Return the data set ``ceads_apparent``; without a figure, balance items are zero and emissions missing.

        Raises DataError if a file is damaged or of another layout, a province is unknown, or a province and year is
        repeated.
        """
        inputs = _Inputs()
        inputs.notes += each_sheet(files, lambda sheet: _read_sheet(sheet, inputs), inputs.rows, _absent)
        if inputs.left_out:
            inputs.notes.append(Note("ceads_rows_left_out", rows=cut(inputs.left_out)))
        inputs.notes += lost_totals(inputs.fill_zeros(), Note("ceads_sum_not_zero"))
        inputs.notes += blank_notes(inputs.blanks)
        table = _tidy(inputs.rows)
        notes = [*inputs.notes, *coverage_notes(inputs.rows), *_sum_notes(inputs, self.tolerance), *absent_notes(table)]
        units = dict.fromkeys(table.columns[3:], UNIT)
        return Imported({"ceads_apparent": table}, units, CITATION, tuple(notes))


@dataclass
class _Inputs:
    rows: dict[tuple[Place, int], dict[str, float]] = field(default_factory=dict)
    places: dict[tuple[Place, int], Note] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    left_out: dict[str, None] = field(default_factory=dict)
    blanks: int = 0

    def figure(self, sheet: Sheet, row: int, column: int, name: str) -> float:
        value = figure(sheet, row, column)
        if np.isnan(value) and name not in (*PARTS, _TOTAL):
            self.blanks += 1
            return 0.0
        return value

    def fill_zeros(self) -> list[Note]:
        """Set empty emissions to zero if the stated total leaves nothing for them; return notes on the others."""
        notes = []
        for key, values in self.rows.items():
            empty = [name for name in PARTS if np.isnan(values[name])]
            rest = values.get(_TOTAL, np.nan) - sum(values[name] for name in PARTS if name not in empty)
            if abs(rest) <= 1e-6 * abs(values.get(_TOTAL, np.nan)):
                values.update(dict.fromkeys(empty, 0.0))
                self.blanks += len(empty)
                empty = []
            cell = Note("cell", parts=(key[0].name, key[1]))
            notes += [Note("ceads_lost_total", where=self.places[key], row=cell, column=name) for name in empty]
        return notes

    def add(self, place: Place, when: int, where: Note, values: dict[str, float]) -> None:
        key = (place, when)
        if key in self.places:
            raise DataError(repeated_cell(place, when, self.places[key], where))
        self.places[key] = where
        self.rows[key] = values


def _absent(file: str, sheets: object) -> Note:
    return Note("ceads_no_apparent_inventory", file=file, items=cut(_ITEMS.shown(PARTS)), sheets=sheets)


def _read_sheet(sheet: Sheet, inputs: _Inputs) -> bool:
    """Read one sheet in either layout; return False if it has neither and its name has no year."""
    for row in range(min(MOST_TITLE_ROWS, len(sheet.cells))):
        cells = list(sheet.cells.iloc[row])
        places = [column for column, value in enumerate(cells) if isinstance(value, str) and province(value)]
        if len(places) >= _FEWEST_PROVINCES:
            _read_wide(sheet, row, places[0], inputs)
            return True
        if {_ITEMS.find(value) for value in cells} >= set(PARTS):
            _read_rows(sheet, row, inputs)
            return True
    if year_in(sheet.name):
        items = cut(_ITEMS.shown(PARTS))
        raise DataError(Note("ceads_no_row_of_provinces", where=sheet.where, items=items, rows=MOST_TITLE_ROWS))
    return False


# ---- provinces in columns, items in rows


def _read_wide(sheet: Sheet, header: int, first: int, inputs: _Inputs) -> None:
    when = _year_of(sheet)
    items = _item_rows(sheet, header, first, inputs)
    for column in range(first, sheet.cells.shape[1]):
        value = sheet.cells.iat[header, column]
        if not text(value):
            if sheet.cells.iloc[header + 1 :, column].notna().any():
                raise DataError(empty_header(sheet, header, column))
            continue
        if text(value).casefold() in OF_ALL:
            continue
        place = required_province(value, sheet.place(header, column))
        values = {name: inputs.figure(sheet, row, column, name) for name, row in items.items()}
        inputs.add(place, when, sheet.place(header, column), values)


def _item_rows(sheet: Sheet, header: int, first: int, inputs: _Inputs) -> dict[str, int]:
    """Return the row of each item; balance items belong to the fuel above them in the first column."""
    rows: dict[str, int] = {}
    prefix: str | None = ""
    unknown = []
    for row in range(header + 1, len(sheet.cells)):
        labels = [value for value in sheet.cells.iloc[row, :first] if text(value)]
        if not labels:
            continue
        fuels = [_FUELS.find(label) for label in labels]
        prefix = next((fuel for fuel in fuels if fuel is not None), prefix)
        names = [_ITEMS.find(label) for label in labels]
        name = names[-1]
        if name is None or (name in _TOTALS and fuels[-1] is not None and len(labels) == 1):
            unknown.append(text(labels[-1]))
            continue
        full = f"{prefix}{name}" if name in _BALANCE else name
        if full in rows:
            where = sheet.place(row, first - 1)
            raise DataError(Note("ceads_row_twice", where=where, shown=text(labels[-1]), row=rows[full] + 1))
        rows[full] = row
    _require(PARTS, rows, sheet, unknown)
    inputs.left_out |= dict.fromkeys(unknown)
    return rows


# ---- a row per province, or per province and year


def _read_rows(sheet: Sheet, header: int, inputs: _Inputs) -> None:
    columns = _item_columns(sheet, header)
    if "province" not in columns and "adcode" not in columns:
        raise DataError(Note("ceads_no_column_province", where=sheet.where, row=header + 1))
    name_column = columns.pop("province", None)
    code_column = columns.pop("adcode", None)
    year_column = columns.pop("year", None)
    place_column = name_column if name_column is not None else code_column
    assert place_column is not None
    for row in range(header + 1, len(sheet.cells)):
        if sheet.cells.iloc[row].isna().all():
            continue
        if sheet.cells.iloc[row].notna().sum() == 1:
            # a note below the table
            continue
        place = required_province(sheet.cells.iat[row, place_column], sheet.place(row, place_column))
        if year_column is None:
            when = _year_of(sheet)
        else:
            stated = year(sheet.cells.iat[row, year_column])
            if stated is None:
                shown = text(sheet.cells.iat[row, year_column])
                raise DataError(Note("ceads_no_year", where=sheet.place(row, year_column), shown=shown))
            when = stated
        values = {name: inputs.figure(sheet, row, column, name) for name, column in columns.items()}
        inputs.add(place, when, sheet.place(row, place_column), values)


def _item_columns(sheet: Sheet, header: int) -> dict[str, int]:
    columns: dict[str, int] = {}
    for column, value in enumerate(sheet.cells.iloc[header]):
        if not text(value):
            if sheet.cells.iloc[header + 1 :, column].notna().any():
                raise DataError(empty_header(sheet, header, column))
            continue
        name = _KEYS.find(value) or _ITEMS.find(value)
        if name is None:
            raise DataError(
                Note(
                    "ceads_no_item",
                    where=sheet.place(header, column),
                    shown=text(value),
                    hint=_ITEMS.near(value),
                    items=cut(_ITEMS.shown(_ITEMS.names), 20),
                )
            )
        if name in columns:
            where, cell = sheet.place(header, column), sheet.cell(header, columns[name])
            raise DataError(Note("ceads_item_twice", where=where, cell=cell, shown=text(value)))
        columns[name] = column
    return columns


# ---- all


def _require(names: Sequence[str], found: Mapping[str, int], sheet: Sheet, unknown: Sequence[str]) -> None:
    missing = [name for name in names if name not in found]
    if missing:
        other = Note("ceads_unknown_items", items=cut(map(repr, unknown))) if unknown else ""
        items = cut(_ITEMS.shown(missing))
        raise DataError(Note("ceads_items_lacking", where=sheet.where, items=items, other=other))


def _year_of(sheet: Sheet) -> int:
    result = year_in(sheet.name) or year_in(sheet.file.stem)
    if result is None:
        raise DataError(Note("ceads_which_year_is_it", where=sheet.where))
    return result


def _sum_notes(inputs: _Inputs, tolerance: float) -> list[Note]:
    stated = {key: values for key, values in inputs.rows.items() if _TOTAL in values}
    totals = np.array([[values[_TOTAL]] for values in stated.values()]).reshape(-1, 1)
    sums = np.array([[sum(values[name] for name in PARTS)] for values in stated.values()]).reshape(-1, 1)
    places = [inputs.places[key] for key in stated]
    return difference_notes(Note("ceads_apparent_is_no_sum"), places, totals, sums, [_TOTAL], tolerance)


def _tidy(rows: Mapping[tuple[Place, int], Mapping[str, float]]) -> pd.DataFrame:
    present = {name for values in rows.values() for name in values}
    ordered = [*PARTS, *(f"{prefix}{item}" for prefix in _FUELS.names for item in _BALANCE)]
    keys = pd.DataFrame(
        [(place.name, place.code, when) for place, when in rows], columns=["province", "adcode", "year"]
    )
    columns = [name for name in ordered if name in present]
    return pd.concat([keys, pd.DataFrame(list(rows.values()), columns=columns)], axis=1)
