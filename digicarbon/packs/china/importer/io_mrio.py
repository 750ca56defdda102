"""Multi-regional input-output tables of China's provinces."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from digicarbon.errors import DataError
from digicarbon.importer._sheets import Sheet
from digicarbon.importer.base import Imported
from digicarbon.note import Note
from digicarbon.packs.china.importer._io_frames import AMOUNTS, FLOW_UNIT, UNIT, flows_frame, sectors_frame
from digicarbon.packs.china.importer._io_identities import check
from digicarbon.packs.china.importer._io_layout import layout
from digicarbon.packs.china.importer._io_sheets import (
    InputOutputImporter,
    chosen_sheets,
    missing_provinces,
    no_table,
    scale_of,
    two_tables,
    year_of,
)
from digicarbon.packs.china.importer._io_table import Table, table
from digicarbon.packs.china.spelling import required_province

_CITATION = (
    "CEADs China multi-regional input-output tables (Mi et al. 2018, Scientific Data 5, 180155; Zheng et al. 2020, "
    "Structural Change and Economic Dynamics 52)."
)


class IOMrioImporter(InputOutputImporter):
    """Multi-regional input-output tables of the provinces, a sheet for each year.

    The layout of CEADs: provinces by sectors in rows and in columns (31 × 42), the province in a separate cell, which
    may be merged over its sectors; total intermediate use, final uses of each province (FU101 to FU202), exports,
    errors and total output to the right; imports, total intermediate input, value added and total input below. Province
    and sector are matched by name. Year and unit come from the sheet's name, the title or the file's name unless the
    fields state them; money is converted to 10k CNY. ``final_use`` of a sector is the use of its products in all
    provinces plus its exports; ``imported_input`` is its purchases from abroad, so that inputs from all provinces,
    imported input and value added sum to output.
    """

    def read(self, files: Sequence[Path]) -> Imported:
        """Return mrio_flows (flows that are not zero) and mrio_sectors.

        Raises
        ------
        DataError
            If a file is damaged, has no table, has an unknown label, a cell that is no number or a sum that is
            not its total, if the year or unit of a table is unknown, or if two tables are of one year.
        """
        where_of_year: dict[int, Note | str] = {}
        flows, sectors = [], []
        notes: list[Note] = []
        for file in files:
            chosen, sheet_notes = chosen_sheets(file, self.sheet)
            notes += sheet_notes
            count = len(where_of_year)
            for sheet in chosen:
                result = self._table(sheet, notes)
                if result is None:
                    continue
                year, item = result
                if year in where_of_year:
                    raise DataError(two_tables(Note("cell", parts=(year,)), sheet.where, where_of_year[year]))
                where_of_year[year] = sheet.where
                flows.append(_flows(item, year))
                sectors.append(_sectors(item, year))
            if len(where_of_year) == count:
                raise DataError(no_table(file, chosen))
        tables = {
            "mrio_flows": pd.concat(flows, ignore_index=True),
            "mrio_sectors": pd.concat(sectors, ignore_index=True),
        }
        units = {"flow": FLOW_UNIT, **dict.fromkeys(AMOUNTS, UNIT)}
        provinces = tables["mrio_sectors"][["province", "year"]].drop_duplicates()
        places = {(str(row.province), int(str(row.year))) for row in provinces.itertuples()}
        return Imported(tables, units, _CITATION, (*notes, *missing_provinces(places)))

    def _table(self, sheet: Sheet, notes: list[Note]) -> tuple[int, Table] | None:
        """Return a sheet's year and table; add notes on oddities."""
        parts = layout(sheet, regional=True, ignore=self.ignore)
        if parts is None:
            notes.append(Note("io_sheet_left_out", where=sheet.where))
            return None
        above = parts.sectors[0].at
        year = year_of(sheet, above, self.year)
        scale, note = scale_of(sheet, above, self.unit)
        item = table(parts, scale)
        notes += [*item.notes, *([note] if note else []), *check(item, self.tolerance)]
        return year, item


def _flows(item: Table, year: int) -> pd.DataFrame:
    lines = item.layout.sectors
    frame = flows_frame(
        item, ("from_", "to_"), province=[line.region for line in lines], sector=[line.name for line in lines]
    )
    frame.insert(0, "year", year)
    return frame


def _sectors(item: Table, year: int) -> pd.DataFrame:
    frame = sectors_frame(item)
    regions = [line.region for line in item.layout.sectors]
    adcodes = {name: required_province(name, "").code for name in dict.fromkeys(regions)}
    frame.insert(0, "province", regions)
    frame.insert(1, "adcode", [adcodes[name] for name in regions])
    frame.insert(2, "year", year)
    return frame
