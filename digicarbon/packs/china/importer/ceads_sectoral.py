"""The CEADs sectoral inventory of provincial CO2 emissions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from digicarbon.importer.base import Imported
from digicarbon.note import Note
from digicarbon.packs.china.importer import _ceads
from digicarbon.packs.china.importer._ceads import CITATION, InventoryImporter
from digicarbon.packs.china.importer._ceads_sheet import Layout
from digicarbon.packs.china.importer._notes import absent_notes, difference_notes
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

    def read(self, files: Sequence[Path]) -> Imported:
        """Return the data set ``ceads_sectoral``; cells without a figure are zero, totals without one missing.

        Raises
        ------
        DataError
            If a file is damaged or of another layout, a unit is wrong, or a province and year is repeated.
        """
        layout = _layout()
        inputs = _ceads.collect(files, layout, self.year)
        places = [one.where for one in inputs.inventories]
        values = np.stack([one.values for one in inputs.inventories])
        columns = layout.columns.names
        total = layout.rows.names.index(layout.total)
        notes = difference_notes(
            Note("ceads_total_is_no_sum"),
            places,
            values[:, total],
            np.delete(values, total, axis=1).sum(axis=1),
            columns,
            self.tolerance,
        )
        scope_1 = [column for column in columns if column not in (*_OPTIONAL, "scope_1_total")]
        parts = values[:, :, [columns.index(column) for column in scope_1]].sum(axis=2)
        notes += difference_notes(
            Note("ceads_scope_1_is_no_sum"),
            places,
            values[:, :, columns.index("scope_1_total")],
            parts,
            layout.rows.names,
            self.tolerance,
        )
        table = _ceads.tidy(inputs.inventories, layout)
        notes += absent_notes(table[["province", "year", *_OPTIONAL]])
        return Imported({"ceads_sectoral": table}, dict(layout.units), CITATION, (*inputs.notes, *notes))


@cache
def _layout() -> Layout:
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
