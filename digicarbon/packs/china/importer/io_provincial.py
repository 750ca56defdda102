"""Input-output tables of single provinces, and of the nation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from digicarbon.country import Place
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
    province_of,
    scale_of,
    two_tables,
    year_of,
)
from digicarbon.packs.china.importer._io_table import Table, table

_CITATION = (
    "Provincial statistical bureaus and National Bureau of Statistics of China: input-output tables (regional tables "
    "as compiled by CEADs)."
)


class IOProvincialImporter(InputOutputImporter):
    """Competitive input-output tables, a sheet for each province and year.

    The bureaus' layout: sectors by sectors, total intermediate use, final use, imports and inflow, residual and total
    output to the right; total intermediate input, value added and total input below. Headings may be in
    Chinese, in English or codes (TIU, FU101, VA001, …). Sectors are matched by name. Province, year and unit come
    from the sheet's name, the title or the file's name unless the fields state them; money is converted to 10k CNY.
    National tables are imported as the province China (adcode 100000); in tables that distinguish domestic and
    imported products, the two are added, and the latter are the imports.

    Checked are: inputs against total intermediate input, the parts of value added and of final use against their
    totals, the column (inputs + value added = output) and the row (intermediate + final use − imports − inflow +
    residual = output).

    Attributes
    ----------
    province : str or None
        The province of all tables, if files and sheets do not state it.
    """

    province: str | None = None

    def read(self, files: Sequence[Path]) -> Imported:
        """Return io_flows (flows that are not zero) and io_sectors.

        Raises
        ------
        DataError
            If a file is damaged, has no table, has an unknown label, a cell that is no number or a sum that is
            not its total, if the province, year or unit of a table is unknown, or if two tables are of one province
            and year.
        """
        where_of_table: dict[tuple[str, int], Note | str] = {}
        flows, sectors = [], []
        notes: list[Note] = []
        for file in files:
            chosen, sheet_notes = chosen_sheets(file, self.sheet)
            tables = [item for item in (self._table(sheet, notes) for sheet in chosen) if item is not None]
            notes += sheet_notes
            if not tables:
                raise DataError(no_table(file, chosen))
            for place, year, item in tables:
                where = item.layout.sheet.where
                if where_of_table.setdefault((place.name, year), where) != where:
                    cell = Note("cell", parts=(place.name, year))
                    raise DataError(two_tables(cell, where, where_of_table[place.name, year]))
                names = [line.name for line in item.layout.sectors]
                flows.append(_keyed(flows_frame(item, ("from_", "to_"), sector=names), place, year))
                sectors.append(_keyed(sectors_frame(item), place, year))
        units = {"flow": FLOW_UNIT, **dict.fromkeys(AMOUNTS, UNIT)}
        datasets = {
            "io_flows": pd.concat(flows, ignore_index=True),
            "io_sectors": pd.concat(sectors, ignore_index=True),
        }
        return Imported(datasets, units, _CITATION, (*notes, *missing_provinces(where_of_table)))

    def _table(self, sheet: Sheet, notes: list[Note]) -> tuple[Place, int, Table] | None:
        """Return a sheet's table with its province and year; add notes on oddities."""
        parts = layout(sheet, ignore=self.ignore)
        if parts is None:
            notes.append(Note("io_sheet_left_out", where=sheet.where))
            return None
        above = parts.sectors[0].at
        scale, note = scale_of(sheet, above, self.unit)
        item = table(parts, scale)
        notes += [*item.notes, *([note] if note else []), *check(item, self.tolerance)]
        return province_of(sheet, above, self.province), year_of(sheet, above, self.year), item


def _keyed(frame: pd.DataFrame, place: Place, year: int) -> pd.DataFrame:
    keys = pd.DataFrame({"province": place.name, "adcode": place.code, "year": year}, index=frame.index)
    return pd.concat([keys, frame], axis=1)
