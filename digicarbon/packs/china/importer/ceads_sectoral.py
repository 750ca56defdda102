"""The CEADs sectoral inventory of provincial CO2 emissions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.note import Note
from digicarbon.packs.china.importer import _ceads
from digicarbon.packs.china.importer._ceads import InventoryImporter
from digicarbon.packs.china.importer._ceads_sheet import Layout
from digicarbon.packs.china.importer._words import Words

UNIT = "Mt CO2"

_MORE_COLUMNS = {
    "scope_2_heat": ["Scope 2 Heat", "Heat"],
    "scope_2_electricity": ["Scope 2 Electricity", "Electricity"],
    "other_energy": ["Other Energy"],
    "process": ["Process", "Process Emissions", "Industrial Process"],
    "scope_1_total": ["Scope 1 Total", "Total", "Total Emissions", "TotalEmissions"],
}
_OPTIONAL = ("scope_2_heat", "scope_2_electricity", "other_energy")


class CeadsSectoralImporter(InventoryImporter):
    """CO2 by fuel and sector of the IPCC sectoral approach, million tonnes.

    Workbooks of CEADs with a sheet per province (``Beijing2012`` in a file of one year) or a sheet per year (in a file
    of one province): a header of 17 fuels, scope 2 columns (from 2016 on), process emissions and the scope 1 total; a
    row of units; the total and 47 sectors. The spellings of all editions are known, including 2017 to 2019.

    That the total row is the sum of the sectors and the scope 1 total the sum of fuels and process emissions is
    checked; differences are notes.
    """

    dataset = "ceads_sectoral"

    @staticmethod
    @cache
    def layout() -> Layout:
        """Return the layout of its sheets."""
        fuels = {
            name: more
            for name, more in _ceads.fuel_spellings().items()
            if name not in ("heat", "electricity", "other_energy")
        }
        columns = fuels | _MORE_COLUMNS
        return Layout(
            name=Note("ceads_sectoral_inventory"),
            columns=Words(columns),
            rows=Words(_ceads.sector_spellings("sectoral")),
            required=frozenset(columns) - set(_OPTIONAL),
            total="Total",
            total_rows=frozenset({"Total"}),
            total_columns=frozenset({"scope_1_total"}),
            units=dict.fromkeys(columns, UNIT),
            unit_spellings={
                UNIT: frozenset(
                    {"mt", "mtco2", "milliontonnes", "milliontons", "milliontonnesco2", "milliontonsco2", "百万吨"}
                )
            },
        )

    def sums(self, values: FloatArray, layout: Layout) -> Iterator[tuple[Note, FloatArray, FloatArray, Sequence[str]]]:
        """Yield the total row with the sum of the sectors, and the scope 1 total with that of fuels and process."""
        columns, rows = layout.columns.names, layout.rows.names
        total = rows.index(layout.total)
        yield Note("ceads_total_is_no_sum"), values[:, total], np.delete(values, total, axis=1).sum(axis=1), columns
        stated = values[:, :, columns.index("scope_1_total")]
        parts = [at for at, column in enumerate(columns) if column not in (*_OPTIONAL, "scope_1_total")]
        yield Note("ceads_scope_1_is_no_sum"), stated, values[:, :, parts].sum(axis=2), rows
