"""Functions that all CEADs inventories use: a sheet per province and year, a column per fuel, a row per sector."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Sized
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.arrays import FloatArray
from digicarbon.country import Place
from digicarbon.errors import DataError
from digicarbon.importer._sheets import Sheet, visible
from digicarbon.importer.base import Imported, Importer
from digicarbon.note import Note, cut
from digicarbon.packs.china import facts
from digicarbon.packs.china.importer._ceads_sheet import Inventory, Layout, read_inventory
from digicarbon.packs.china.importer._notes import (
    absent_notes,
    blank_notes,
    coverage_notes,
    difference_notes,
    left_out,
    lost_totals,
)

CITATION = (
    "Carbon Emission Accounts and Datasets, CEADs: Shan et al. 2016 (Applied Energy 184), 2018 (Scientific Data 5), "
    "2020 (Scientific Data 7); Guan et al. 2021 (Earth's Future 9)."
)


class InventoryImporter(Importer):
    """An importer of inventories by fuel and sector.

    Attributes
    ----------
    year : int or None
        The year of sheets if neither the sheet's nor the file's name contains one.
    tolerance : float
        Largest relative difference between totals and sums without a note.
    """

    dataset: ClassVar[str]
    """What its data set is called."""

    year: int | None = None
    tolerance: float = Field(1e-6, ge=0.0)

    def read(self, files: Sequence[Path]) -> Imported:
        """Return the data set; cells without a figure are zero, totals without one missing.

        Raises DataError if a file is damaged or of another layout, a unit is wrong, or a province and year is repeated.
        """
        layout = self.layout()
        inventories, notes = collect(files, layout, self.year)
        places = [one.where for one in inventories]
        values = np.stack([one.values for one in inventories])
        for what, stated, summed, names in self.sums(values, layout):
            notes += difference_notes(what, places, stated, summed, names, self.tolerance)
        table = tidy(inventories, layout)
        optional = [name for name in layout.columns.names if name not in layout.required]
        notes += absent_notes(table[["province", "year", *optional]])
        return Imported({self.dataset: table}, dict(layout.units), CITATION, tuple(notes))

    @staticmethod
    @abstractmethod
    def layout() -> Layout:
        """Return the layout of its sheets."""

    @abstractmethod
    def sums(self, values: FloatArray, layout: Layout) -> Iterator[tuple[Note, FloatArray, FloatArray, Sequence[str]]]:
        """Yield what is to be said of totals that are no sums, the totals, the sums, and the names of their columns.

        ``values``: shape (inventories, rows, columns). Totals and sums have shape (inventories, names).
        """


def split(more: str) -> list[str]:
    """Return the spellings in one cell of a table of spellings."""
    return more.split("|") if more else []


def fuel_spellings() -> dict[str, list[str]]:
    """Return the spellings of each energy carrier, the published one first."""
    rows = facts.ceads_fuels().to_dict("records")
    return {str(row["fuel"]): [row["name"], row["name_zh"], *split(str(row["more"]))] for row in rows}


def sector_spellings(inventory: str) -> dict[str, list[str]]:
    """Return the spellings of each row of the ``sectoral`` or ``energy`` inventory."""
    other = {"sectoral": "energy", "energy": "sectoral"}[inventory]
    rows = [row for row in facts.ceads_sectors().to_dict("records") if row[inventory]]
    return {str(row[inventory]): [row[inventory], row[other], *split(str(row["more"]))] for row in rows}


def collect(files: Sequence[Path], layout: Layout, year: int | None) -> tuple[list[Inventory], list[Note]]:
    """Read the inventories of all sheets of some workbooks; return notes on their oddities, too.

    ``files``: the province and the year of a sheet are read from its name, or else from the file's. ``year``: the year
    of sheets if neither name contains one. Raises DataError if a sheet of a province is not of this layout, names are
    missing or contradictory, a province and year is repeated, or no sheet is an inventory.
    """
    inventories: list[Inventory] = []
    places: dict[tuple[Place, int], Note | str] = {}

    def read(sheet: Sheet) -> bool:
        inventory = read_inventory(sheet, layout, year)
        if inventory is None:
            return False
        key = (inventory.province, inventory.year)
        if key in places:
            raise DataError(repeated_cell(*key, places[key], inventory.where))
        places[key] = inventory.where
        inventories.append(inventory)
        return True

    def absent(file: str, sheets: object) -> Note:
        return Note("ceads_no_inventory", file=file, layout=layout.name, examples=layout.examples, sheets=sheets)

    notes = each_sheet(files, read, inventories, absent)
    remarks = Counter(remark for inventory in inventories for remark in inventory.remarks)
    if remarks:
        texts = (Note("ceads_text_of_sheets", text=remark[:100], sheets=number) for remark, number in remarks.items())
        notes.append(Note("ceads_text_left_out", texts=cut(texts, 4)))
    notes += blank_notes(sum(inventory.blanks for inventory in inventories))
    total_notes = [place for inventory in inventories for place in inventory.lost]
    notes += lost_totals(total_notes, Note("ceads_summed_up_has_one"))
    notes += coverage_notes(places)
    return inventories, notes


def each_sheet(
    files: Sequence[Path], read: Callable[[Sheet], bool], found: Sized, absent: Callable[[str, object], Note]
) -> list[Note]:
    """Read all sheets of some workbooks; return notes on those left out.

    ``read``: returns False for a sheet of another layout. ``found``: what it adds to. ``absent``: the message on a file
    of which nothing is added, from its name and its sheets of other layouts.
    """
    notes: list[Note] = []
    strangers: Counter[str] = Counter()
    for file in files:
        visible_sheets, remarks = visible(file)
        notes += remarks
        count = len(found)
        others = [sheet.name for sheet in visible_sheets if not read(sheet)]
        if len(found) == count:
            raise DataError(absent(file.name, _named(others)))
        strangers.update(others)
    return notes + left_out(strangers)


def repeated_cell(place: Place, year: int, first: Note | str, second: Note | str) -> Note:
    """Return the message on a province and year that is in two places."""
    return Note("ceads_repeated_cell", cell=Note("cell", parts=(place.name, year)), first=first, second=second)


def _named(sheets: Sequence[str]) -> tuple[Any, ...] | Note:
    """Return the names of sheets for a message; a text file has none."""
    return cut(filter(None, sheets)) or Note("ceads_unnamed")


def tidy(inventories: Sequence[Inventory], layout: Layout) -> pd.DataFrame:
    """Return inventories as one table, a row per province, year and sector."""
    rows, columns = layout.rows.names, layout.columns.names
    values = pd.DataFrame(np.concatenate([one.values for one in inventories]), columns=list(columns))
    count = len(rows)
    keys = pd.DataFrame(
        {
            "province": np.repeat([one.province.name for one in inventories], count),
            "adcode": np.repeat([one.province.code for one in inventories], count),
            "year": np.repeat([one.year for one in inventories], count),
            "sector": list(rows) * len(inventories),
        }
    )
    return pd.concat([keys, values], axis=1)
