"""Multi-regional input-output tables of China's provinces."""

from __future__ import annotations

import pandas as pd

from digicarbon.country import Place
from digicarbon.packs.china.importer._io_frames import flows_frame, sectors_frame
from digicarbon.packs.china.importer._io_sheets import InputOutputImporter
from digicarbon.packs.china.importer._io_table import Table
from digicarbon.packs.china.spelling import required_province


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

    kind = "mrio"
    citation = (
        "CEADs China multi-regional input-output tables (Mi et al. 2018, Scientific Data 5, 180155; Zheng et al. 2020, "
        "Structural Change and Economic Dynamics 52)."
    )
    regional = True

    def frames(self, item: Table, place: Place | None, year: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the flows of a table and its sectors."""
        regions, names = [line.region for line in item.layout.sectors], [line.name for line in item.layout.sectors]
        flows = flows_frame(item, ("from_", "to_"), province=regions, sector=names)
        flows.insert(0, "year", year)
        adcodes = {name: required_province(name, "").code for name in dict.fromkeys(regions)}
        keys = {"province": regions, "adcode": [adcodes[name] for name in regions], "year": year}
        return flows, pd.concat([pd.DataFrame(keys), sectors_frame(item)], axis=1)
