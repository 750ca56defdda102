"""Input-output tables of single provinces, and of the nation."""

from __future__ import annotations

import pandas as pd

from digicarbon.country import Place
from digicarbon.importer._sheets import Sheet
from digicarbon.packs.china.importer._io_frames import flows_frame, sectors_frame
from digicarbon.packs.china.importer._io_sheets import InputOutputImporter, province_of
from digicarbon.packs.china.importer._io_table import Table


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

    kind = "io"
    citation = (
        "Provincial statistical bureaus and National Bureau of Statistics of China: input-output tables (regional "
        "tables as compiled by CEADs)."
    )

    province: str | None = None

    def place(self, sheet: Sheet, above: int) -> Place:
        """Return the province of a table, or the nation."""
        return province_of(sheet, above, self.province)

    def frames(self, item: Table, place: Place | None, year: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the flows of a table and its sectors."""
        assert place is not None
        names = [line.name for line in item.layout.sectors]
        flows = flows_frame(item, ("from_", "to_"), sector=names)
        return _keyed(flows, place, year), _keyed(sectors_frame(item), place, year)


def _keyed(frame: pd.DataFrame, place: Place, year: int) -> pd.DataFrame:
    keys = pd.DataFrame({"province": place.name, "adcode": place.code, "year": year}, index=frame.index)
    return pd.concat([keys, frame], axis=1)
