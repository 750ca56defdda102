"""The CEADs provincial energy inventory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from digicarbon.arrays import FloatArray
from digicarbon.note import Note
from digicarbon.packs.china import facts
from digicarbon.packs.china.importer import _ceads
from digicarbon.packs.china.importer._ceads import InventoryImporter
from digicarbon.packs.china.importer._ceads_sheet import Layout
from digicarbon.packs.china.importer._words import Words

FINAL = "Total Final Consumption"

_UNITS = {
    "10^4 ton": {"104ton", "104tons", "104t", "10000ton", "10000tons", "万吨"},
    "10^8 cu.m": {"108cum", "108m3", "108cubicmeter", "108cubicmeters", "100millioncum", "亿立方米"},
    "10^10 kj": {"1010kj", "百亿千焦"},
    "10^8 kwh": {"108kwh", "100millionkwh", "亿千瓦时", "亿千瓦小时"},
    "10^4 tce": {"104tce", "104tonsce", "10000tce", "万吨标准煤"},
}


class CeadsEnergyImporter(InventoryImporter):
    """Energy use by carrier and sector in physical units.

    Workbooks of CEADs with a sheet per province (``Beijing2012`` in a file of one year) or a sheet per year (in a file
    of one province): a header of 20 carriers, a row of units, which is checked, and 63 rows: final consumption in total
    and by 47 sectors, transformation, losses, total consumption and memo items.

    That final consumption is the sum of the sectors is checked; differences are notes.
    """

    dataset = "ceads_energy"

    @staticmethod
    @cache
    def layout() -> Layout:
        """Return the layout of its sheets."""
        columns = _ceads.fuel_spellings()
        table = facts.ceads_fuels()
        return Layout(
            name=Note("ceads_energy_inventory"),
            columns=Words(columns),
            rows=Words(_ceads.sector_spellings("energy")),
            required=frozenset(columns),
            total=FINAL,
            total_rows=frozenset({FINAL, "Total Consumption"}),
            units=dict(zip(table["fuel"].astype(str), table["unit"].astype(str), strict=True)),
            unit_spellings={unit: frozenset(spellings) for unit, spellings in _UNITS.items()},
        )

    def sums(self, values: FloatArray, layout: Layout) -> Iterator[tuple[Note, FloatArray, FloatArray, Sequence[str]]]:
        """Yield final consumption with the sum of the sectors."""
        rows = layout.rows.names
        table = facts.ceads_sectors()
        sectors = table.loc[(table["sectoral"] != "") & (table["energy"] != ""), "energy"].map(rows.index)
        yield (
            Note("ceads_final_is_no_sum", row=FINAL),
            values[:, rows.index(FINAL)],
            values[:, sectors].sum(axis=1),
            layout.columns.names,
        )
