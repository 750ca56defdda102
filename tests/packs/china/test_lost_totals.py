"""A total without a figure stays missing: taken as zero it would understate CO2 without a word."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import ceads_layout as layout
import numpy as np
import pandas as pd
import pytest
from ceads_layout import EDITIONS, save
from openpyxl.worksheet.worksheet import Worksheet

from digicarbon.__main__ import main
from digicarbon.outcome import Total
from digicarbon.packs.china.importer.ceads_apparent import CeadsApparentImporter
from digicarbon.packs.china.importer.ceads_energy import CeadsEnergyImporter
from digicarbon.packs.china.importer.ceads_sectoral import CeadsSectoralImporter
from digicarbon.source import Inputs
from digicarbon.source.validation import check_datasets

PLACES = ("Beijing2012", "Hebei2012")


def put(**cells: object) -> Callable[[Worksheet], None]:
    def edit(sheet: Worksheet) -> None:
        for cell, value in cells.items():
            sheet[cell] = value

    return edit


def energy(folder: Path, edit: Callable[[Worksheet], None]) -> Path:
    tables = [layout.energy(k).abs() for k, _ in enumerate(PLACES)]
    for table in tables:
        table.iloc[0] = table.iloc[1:48].sum()
    fill = {name: partial(layout.write_energy, table=table) for name, table in zip(PLACES, tables, strict=True)}
    return save(folder / "energy.xlsx", fill, {"Hebei2012": edit})


def sectoral(folder: Path, edit: Callable[[Worksheet], None]) -> Path:
    tables = {name: layout.sectoral(k) for k, name in enumerate(PLACES)}
    fill = {
        name: partial(layout.write_sectoral, table=table, edition=EDITIONS["2016"]) for name, table in tables.items()
    }
    return save(folder / "sectoral.xlsx", fill, {"Hebei2012": edit})


def cell(table: pd.DataFrame, province: str, sector: str, column: str) -> float:
    rows = table[(table["province"] == province) & (table["sector"] == sector)]
    return float(rows[column].item())


@pytest.mark.parametrize("blank", ["…", "-", None])
def test_final_consumption_of_coal_without_a_figure(tmp_path: Path, blank: str | None) -> None:
    found = CeadsEnergyImporter().read([energy(tmp_path, put(B3=blank))])
    table = found.tables["ceads_energy"]
    assert np.isnan(cell(table, "Hebei", "Total Final Consumption", "raw_coal"))
    assert cell(table, "Beijing", "Total Final Consumption", "raw_coal") > 0
    assert tuple(map(str, found.notes)) == (
        "1 total without a figure, though what it sums up has one, left missing: energy.xlsx, sheet Hebei2012, cell B3 "
        "(Total Final Consumption, raw_coal). Fill the cell in the raw file and import it again if you know the "
        "figure.",
    )


def test_a_total_of_nothing_and_a_sector_without_a_figure_are_zero(tmp_path: Path) -> None:
    def edit(sheet: Worksheet) -> None:
        for row in range(3, 66):
            sheet.cell(row, 2).value = "-"
        sheet["C9"] = None

    found = CeadsEnergyImporter().read([energy(tmp_path, edit)])
    table = found.tables["ceads_energy"]
    assert cell(table, "Hebei", "Total Final Consumption", "raw_coal") == 0
    assert (table["raw_coal"].notna() & table["cleaned_coal"].notna()).all()
    assert str(found.notes[0]) == "64 empty cells or dashes taken as 0."


def test_scope_1_without_a_figure(tmp_path: Path) -> None:
    # row 3 is the total, row 5 a sector; column W is Scope 1 Total, column B raw coal
    found = CeadsSectoralImporter().read([sectoral(tmp_path, put(W3="-", W5=None, B3="…"))])
    table = found.tables["ceads_sectoral"]
    sector = layout.sectoral(1).index[2]
    for row, column in (("Total", "scope_1_total"), (sector, "scope_1_total"), ("Total", "raw_coal")):
        assert np.isnan(cell(table, "Hebei", row, column))
    assert "3 totals without a figure" in str(found.notes[0])
    assert "sheet Hebei2012, cell W3 (Total, scope_1_total)" in str(found.notes[0])
    # nothing that differs is invented from what is missing, and the data set can be used
    assert len(found.notes) == 1
    checked = check_datasets(found.tables)
    assert [str(item.note) for item in checked if item.level == "error" or item.check == "identity"] == []


@pytest.fixture
def folder_inputs(folder: Path, load_shipped: Callable[..., Inputs]) -> Inputs:
    """A folder imported by the command line, with a total of energy and one of CO2 that have no figure."""
    energy(folder / "raw", put(B3="…"))
    sectoral(folder / "raw", put(W3="-"))
    words = "地区,2012年\n北京市,100\n河北省,200\n数据来源：国家统计局\n"
    (folder / "raw" / "gdp.csv").write_text(f"指标：地区生产总值(亿元)\n{words}", encoding="utf-8")
    for kind, file, *more in (
        ("ceads_energy", "energy.xlsx"),
        ("ceads_sectoral", "sectoral.xlsx"),
        ("nbs", "gdp.csv", "partial=true"),
    ):
        assert main(["data", "import", kind, f"raw/{file}", "--to", "data", *more]) == 0
    return load_shipped("folder", folder="data")


def test_co2_is_missing_where_a_total_is(folder_inputs: Inputs) -> None:
    for account in ("sectoral", "fuels"):
        made = Total(account=account).compute(folder_inputs).set_index("unit")["co2"]
        assert made["Beijing"] > 0
        assert np.isnan(made["Hebei"])


APPARENT = "raw_coal_total,crude_oil_total,natural_gas_total,cement"


@pytest.mark.parametrize(
    ("row", "gas"),
    [("5,2,…,1,8", 0.0), ("5,2,…,1,9", np.nan), ("5,2,…,1,", np.nan), ("5,2,0,1,8", 0.0)],
    ids=["nothing is left of the total", "something is left", "no total", "a zero"],
)
def test_apparent_emissions_without_a_figure(tmp_path: Path, row: str, gas: float) -> None:
    file = tmp_path / "a.csv"
    file.write_text(f"province,year,{APPARENT},Total\nHebei,2012,{row}\nBeijing,2012,1,1,1,1,4\n", encoding="utf-8")
    found = CeadsApparentImporter().read([file])
    value = found.tables["ceads_apparent"].set_index("province").loc["Hebei", "natural_gas_total"]
    np.testing.assert_equal(float(value), gas)
    lost = "1 total without a figure, which the sum does not show to be zero, left missing: a.csv, cell A2 (Hebei 2012,"
    assert any(note.startswith(lost) for note in map(str, found.notes)) == np.isnan(gas)
