"""The CEADs apparent inventory in its published layout and as tables; one sentence for every damage."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import ceads_layout as layout
import numpy as np
import pandas as pd
import pytest
from ceads_layout import save
from openpyxl.worksheet.worksheet import Worksheet

from digicarbon.errors import DataError
from digicarbon.packs.china.importer.ceads_apparent import CeadsApparentImporter

PLACES = {"Beijing": 110000, "Shanxi": 140000, "Inner mongolia": 150000, "Hainan": 460000}
PARTS = {
    "Raw coal total": "raw_coal_total", "Crude oil total": "crude_oil_total", "Natural gas total": "natural_gas_total",
    "Cement": "cement",
}  # fmt: skip


def workbook(folder: Path, edit: Callable[[Worksheet], None] | None = None) -> Path:
    fill: dict[str, Callable[[Worksheet], object]] = {"NOTE": lambda sheet: sheet.append(["CEADs"])}
    for year in (2012, 2013):
        fill[str(year)] = partial(layout.write_apparent, table=layout.apparent(year, list(PLACES)))
    return save(folder / "表观碳排放清单_1997-2022.xlsx", fill, {"2012": edit} if edit else None)


def agrees(table: pd.DataFrame, columns: dict[str, str]) -> None:
    for year in (2012, 2013):
        part = table[table["year"] == year].set_index("adcode").loc[list(PLACES.values())]
        wanted = layout.apparent(year, list(PLACES))
        for item, column in columns.items():
            np.testing.assert_allclose(part[column], wanted.loc[item], rtol=1e-14, err_msg=f"{year} {item}")


def test_the_published_layout(tmp_path: Path) -> None:
    found = CeadsApparentImporter().read([workbook(tmp_path)])
    table = found.tables["ceads_apparent"]
    assert len(table) == 8
    assert set(table["province"]) == {"Beijing", "Shanxi", "Inner Mongolia", "Hainan"}
    balance = {
        f"{fuel} {item}": prefix + item.lower().replace(" ", "_").replace("-", "_")
        for fuel, prefix in [("Raw coal", ""), ("Crude oil", "crude_oil_"), ("Natural gas", "natural_gas_")]
        for item in layout.BALANCE
    }
    agrees(table, PARTS | balance)
    assert set(table.columns) == {"province", "adcode", "year", *PARTS.values(), *balance.values()}
    flows = ["indigenous_production", "import", "export", "move_in", "move_out", "stock_decrease"]
    coal = table[flows].sum(axis=1) - table["loss"] - table["non_energy_use"]
    np.testing.assert_allclose(coal, table["raw_coal_total"])
    assert tuple(map(str, found.notes)) == ("Sheets that are no inventory are left out: NOTE (1 file).",)
    assert found.units["cement"] == "Mt CO2"


def test_two_provinces_are_a_heading_and_every_item_has_its_unit(tmp_path: Path) -> None:
    wanted = layout.apparent(2012, ["Hainan", "Beijing"])
    file = save(tmp_path / "a.xlsx", {"2012": partial(layout.write_apparent, table=wanted)})
    found = CeadsApparentImporter().read([file])
    table = found.tables["ceads_apparent"].set_index("province")
    np.testing.assert_allclose(table.loc[["Hainan", "Beijing"], "cement"], wanted.loc["Cement"])
    assert found.units == dict.fromkeys(table.columns.drop(["adcode", "year"]), "Mt CO2")


def test_rows_that_are_unknown_are_told(tmp_path: Path) -> None:
    file = workbook(tmp_path, lambda sheet: sheet.append([None, "Bunkers", 1]))
    notes = tuple(map(str, CeadsApparentImporter().read([file]).notes))
    assert notes[-1] == "Rows that are no known item are left out: Bunkers."


def test_a_balance_item_that_a_year_lacks_is_told(tmp_path: Path) -> None:
    found = CeadsApparentImporter().read([workbook(tmp_path, lambda sheet: sheet.delete_rows(8))])
    assert str(found.notes[-1]) == "import: not in the files for 4 of 8 provinces and years."
    assert found.tables["ceads_apparent"]["import"].isna().sum() == 4


def long(encoding: str, folder: Path) -> Path:
    tables = [layout.apparent(year, list(PLACES)).loc[[*PARTS, "Total"]].T.assign(年份=year) for year in (2012, 2013)]
    file = folder / "apparent.csv"
    pd.concat(tables).rename_axis("省份").reset_index().to_csv(file, index=False, encoding=encoding)
    return file


@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "utf-16"])
def test_one_long_table(tmp_path: Path, encoding: str) -> None:
    agrees(CeadsApparentImporter().read([long(encoding, tmp_path)]).tables["ceads_apparent"], PARTS)


def test_a_sheet_per_year_with_a_row_per_province(tmp_path: Path) -> None:
    file = tmp_path / "a.xlsx"
    with pd.ExcelWriter(file) as writer:
        for year in (2012, 2013):
            layout.apparent(year, list(PLACES)).loc[list(PARTS)].T.rename_axis("Province").to_excel(
                writer, sheet_name=str(year)
            )
    agrees(CeadsApparentImporter().read([file]).tables["ceads_apparent"], PARTS)


def test_the_tidy_file_itself(data_folder: Path) -> None:
    file = data_folder / "china" / "ceads" / "ceads_apparent_co2_1997_2022.csv"
    found = CeadsApparentImporter().read([file])
    table = found.tables["ceads_apparent"]
    wanted = pd.read_csv(file)
    pd.testing.assert_frame_equal(table[wanted.columns], wanted, check_dtype=False, check_exact=True)
    assert tuple(map(str, found.notes)) == ()


def test_a_wrong_total_is_told(tmp_path: Path) -> None:
    def edit(sheet: Worksheet) -> None:
        sheet["D6"] = sheet["D6"].value + 1

    notes = tuple(map(str, CeadsApparentImporter().read([workbook(tmp_path, edit)]).notes))
    assert notes[-1].startswith("The total is not coal + oil + gas + cement in 1 place: ")
    assert "sheet 2012, cell D1, total: " in notes[-1]


def put(cell: str, value: object) -> Callable[[Worksheet], None]:
    def edit(sheet: Worksheet) -> None:
        sheet[cell] = value

    return edit


def merged(sheet: Worksheet) -> None:
    sheet.merge_cells("D1:E1")


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (put("D3", "x"), "cell D3 holds the text 'x'"),
        (put("D1", "Shannxi"), "cell D1: 'Shannxi' is no province of mainland China"),
        (put("D1", "Beijing"), "Beijing 2012 is repeated: in "),
        (put("D1", None), "cell D1 is empty above a column with entries"),
        (merged, "cell E1, merged into D1 (unmerge them and name each column), is empty above a column with entries"),
        (lambda sheet: sheet.merge_cells("D3:E3"), "cell E3 is merged into D3"),
        (put("B4", "Gas"), "there is no Natural gas total. Unknown are 'Gas'."),
        (put("B8", "Indigenous production"), "'Indigenous production' is already in row 7"),
        (lambda sheet: sheet.delete_rows(1), "sheet 2012: there is no row of provinces"),
        (lambda sheet: sheet.delete_rows(4, 40), "there is no Natural gas total, Cement"),
    ],
)
def test_a_damaged_sheet_is_refused_with_its_place(
    tmp_path: Path, edit: Callable[[Worksheet], None], said: str
) -> None:
    with pytest.raises(DataError) as error:
        CeadsApparentImporter().read([workbook(tmp_path, edit)])
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert "sheet 2012" in str(error.value)


def test_damaged_tables(tmp_path: Path) -> None:
    items = ",".join(PARTS)
    for text, said in {
        f"province,year,{items}\nBeijing,12,1,2,3,4\n": "cell B2: '12' is no year",
        f"year,{items}\n2012,1,2,3,4\n": "has no column province",
        f"province,{items}\nHebei,1,2,3,4\n": "says which year this is",
        "province,year,gdp\nBeijing,2012,1\n": "has no sheet of the CEADs apparent inventory",
        f"province,year,{items},Steel\nHebei,2012,1,2,3,4,5\n": "'Steel' is no item",
    }.items():
        file = tmp_path / "a.csv"
        file.write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match=said):
            CeadsApparentImporter().read([file])
