"""CEADs sectoral and energy inventories: every edition's layout, and one sentence for every damage."""

from __future__ import annotations

import random
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
from digicarbon.errors import DataError
from digicarbon.importer import Importer
from digicarbon.note.ending import Caught
from digicarbon.packs.china.importer.ceads_energy import CeadsEnergyImporter
from digicarbon.packs.china.importer.ceads_sectoral import CeadsSectoralImporter


def year_file(folder: Path, year: int, provinces: list[str], edition: str = "2016") -> Path:
    """A file of one year with a sheet per province, as CEADs publishes it."""
    fill = {
        f"{name}{year}": partial(
            layout.write_sectoral, table=layout.sectoral(seed(name, year)), edition=EDITIONS[edition]
        )
        for name in provinces
    }
    note = {"NOTE": lambda sheet: sheet.append(["Please cite CEADs."])}
    return save(folder / f"Emission_Inventories_for_30_Provinces_{year}.xlsx", note | fill)


def seed(province: str, year: int) -> int:
    return sum(map(ord, province)) * 10_000 + year


def expected(province: str, year: int, scope_2: bool = True) -> pd.DataFrame:
    table = layout.sectoral(seed(province, year)).rename(columns=layout.column)
    if not scope_2:
        table[["scope_2_heat", "scope_2_electricity", "other_energy"]] = np.nan
    return table


def agrees(table: pd.DataFrame, province: str, adcode: int, year: int, scope_2: bool = True) -> None:
    part = table[(table["province"] == province) & (table["year"] == year)].set_index("sector")
    assert part["adcode"].unique().tolist() == [adcode]
    wanted = expected(province, year, scope_2)
    assert part.index.tolist() == wanted.index.tolist()
    # a workbook holds 16 digits of each number
    pd.testing.assert_frame_equal(part[wanted.columns], wanted, check_names=False, rtol=1e-14)


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_edition(tmp_path: Path, edition: str) -> None:
    file = year_file(tmp_path, 2012, ["Beijing", "InnerMongolia"], edition)
    found = CeadsSectoralImporter().read([file])
    table = found.tables["ceads_sectoral"]
    assert len(table) == 96
    agrees(table, "Beijing", 110000, 2012, EDITIONS[edition].scope_2)
    assert set(table["province"]) == {"Beijing", "Inner Mongolia"}
    absent = "scope_2_heat, scope_2_electricity, other_energy: not in the files for 2 of 2 provinces and years."
    more = () if EDITIONS[edition].scope_2 else (absent,)
    assert tuple(map(str, found.notes)) == ("Sheets that are no inventory are left out: NOTE (1 file).", *more)
    assert found.units["raw_coal"] == "Mt CO2"
    assert "Shan et al. 2016" in found.citation


@pytest.mark.parametrize(
    "name", ["Beijing", "北京市", "CEADs_北京_1997-2019", "emission inventory of Beijing, 1997-2019"]
)
def test_a_workbook_of_one_province_with_a_sheet_per_year(tmp_path: Path, name: str) -> None:
    fill = {
        str(year): partial(
            layout.write_sectoral, table=layout.sectoral(seed("Beijing", year)), edition=EDITIONS["2016"]
        )
        for year in (2012, 2013)
    }
    found = CeadsSectoralImporter().read([save(tmp_path / f"{name}.xlsx", fill)])
    agrees(found.tables["ceads_sectoral"], "Beijing", 110000, 2012)
    agrees(found.tables["ceads_sectoral"], "Beijing", 110000, 2013)


def test_a_csv_of_one_sheet(tmp_path: Path) -> None:
    source = year_file(tmp_path, 2012, ["Hainan"])
    file = tmp_path / "海南_2012.csv"
    pd.read_excel(source, sheet_name="Hainan2012").to_csv(file, index=False, encoding="gbk")
    agrees(CeadsSectoralImporter().read([file]).tables["ceads_sectoral"], "Hainan", 460000, 2012)


def test_cells_as_they_come(tmp_path: Path) -> None:
    def edit(sheet: Worksheet) -> None:
        sheet.insert_rows(1)
        sheet["A1"] = "Beijing, emissions by sector"
        sheet.merge_cells("A1:W1")
        for cell in sheet["B"][5:]:
            cell.value = f"{cell.value:,.9f}".translate(str.maketrans("0123456789,.", "０１２３４５６７８９，．"))
        for row in sheet.iter_rows(min_row=5, min_col=3):
            for cell in row:
                cell.value = {0: "-", 1: "…", 2: None}[(cell.row + cell.column) % 3] if cell.value == 0 else cell.value
        sheet.append(["Source: CEADs"])

    table = layout.sectoral(seed("Beijing", 2012)) * 1e4
    fill = {"Beijing2012": partial(layout.write_sectoral, table=table, edition=EDITIONS["2016"])}
    found = CeadsSectoralImporter().read([save(tmp_path / "a.xlsx", fill, {"Beijing2012": edit})])
    part = found.tables["ceads_sectoral"].set_index("sector")
    wanted = table.rename(columns=layout.column)
    pd.testing.assert_frame_equal(part[wanted.columns], wanted, check_names=False, rtol=1e-9)
    zeros = int((table.drop(columns="Raw Coal").iloc[1:] == 0).to_numpy().sum())
    assert tuple(map(str, found.notes)) == (
        "Text that is no row of the tables is left out: 'Source: CEADs' (1 sheet).",
        f"{zeros} empty cells or dashes taken as 0.",
    )


def test_differences_of_sums_are_told(tmp_path: Path) -> None:
    def edit(sheet: Worksheet) -> None:
        sheet["B3"] = sheet["B3"].value * 1.01

    fill = {
        f"{name}2012": partial(layout.write_sectoral, table=layout.sectoral(seed(name, 2012)), edition=EDITIONS["2016"])
        for name in ("Beijing", "Hebei")
    }
    file = save(tmp_path / "a.xlsx", fill, {"Hebei2012": edit})
    notes = tuple(map(str, CeadsSectoralImporter().read([file]).notes))
    assert len(notes) == 2
    assert notes[0].startswith(
        "The total row is not the sum of the sectors in 1 place: a.xlsx, sheet Hebei2012, raw_coal: "
    )
    assert notes[1].startswith("The scope 1 total is not the sum of fuels and process emissions in 1 place: a.xlsx, ")
    assert CeadsSectoralImporter(tolerance=0.02).read([file]).notes == ()


def test_a_missing_province_is_told(tmp_path: Path) -> None:
    files = [year_file(tmp_path, 2012, ["Beijing", "Hebei", "Hainan"]), year_file(tmp_path, 2013, ["Beijing", "Hebei"])]
    notes = tuple(map(str, CeadsSectoralImporter().read(files).notes))
    assert notes[-1] == "2013 without Hainan."


# ---- what is refused


def put(cell: str, value: object) -> Callable[[Worksheet], None]:
    def edit(sheet: Worksheet) -> None:
        sheet[cell] = value

    return edit


def merged_header(sheet: Worksheet) -> None:
    sheet.merge_cells("B1:C1")


def cut_rows(sheet: Worksheet) -> None:
    sheet.delete_rows(40, 20)


def cut_columns(sheet: Worksheet) -> None:
    sheet.delete_cols(20, 10)


def no_labels(sheet: Worksheet) -> None:
    sheet.delete_cols(1)


def no_total(sheet: Worksheet) -> None:
    for cell in sheet[3][1:]:
        cell.value = None


DAMAGES: dict[str, tuple[Callable[[Worksheet], None], str]] = {
    "text": (put("C7", "n.k."), "cell C7 holds the text 'n.k.' where a number belongs"),
    "excel error": (put("C7", "#REF!"), "cell C7 holds the Excel error #REF!"),
    "unit": (put("C2", "10^4 ton"), "cell C2: the unit of cleaned_coal is '10^4 ton' where Mt CO2 is expected"),
    "header": (put("C1", "Clean Cole"), "cell C1: 'Clean Cole' is no column of the CEADs sectoral inventory."),
    "merged header": (merged_header, "cell C1, merged into B1 (unmerge them and name each column), is empty"),
    "merged figures": (lambda sheet: sheet.merge_cells("C7:C9"), "cell C8 is merged into C7, so that one figure"),
    "empty header": (put("C1", None), "cell C1 is empty above a column with entries"),
    "stray cell": (put("ZZ90", "x"), "cell ZZ90 holds 'x' in a column without a name; delete it, or name the"),
    "twice": (put("C1", "Raw coal"), "cell C1 and B1 are both 'Raw coal'"),
    "sector": (put("A9", "Metal Mining"), "cell A9: 'Metal Mining' is no row of the CEADs sectoral inventory."),
    "no sector": (put("A9", None), "cell A9: a row without a name is none of the CEADs sectoral inventory."),
    "sector twice": (put("A9", "Metal Products"), "and A9 are both 'Metal Products'"),
    "rows cut off": (cut_rows, "11 rows missing: Other Manufacturing Industry, "),
    "columns cut off": (cut_columns, "the header in row 1 lacks Process, Scope 1 Total"),
    "no labels": (no_labels, "there is no column of sector names to the left of A1"),
    "no header": (lambda sheet: sheet.delete_rows(1, 3), "there is no header of the CEADs sectoral inventory"),
    "no total": (no_total, "the row Total (row 3) is empty"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_sheet_is_refused_with_its_place(tmp_path: Path, damage: str) -> None:
    edit, said = DAMAGES[damage]
    fill = {"Beijing2012": partial(layout.write_sectoral, table=layout.sectoral(1), edition=EDITIONS["2016"])}
    file = save(tmp_path / "a.xlsx", fill, {"Beijing2012": edit})
    with pytest.raises(DataError) as error:
        CeadsSectoralImporter().read([file])
    assert str(error.value).startswith("a.xlsx, sheet Beijing2012")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_names_that_do_not_say_what_is_needed(tmp_path: Path) -> None:
    fill = partial(layout.write_sectoral, table=layout.sectoral(1), edition=EDITIONS["2016"])
    cases = {
        ("a.xlsx", "Beijing"): "a.xlsx, sheet Beijing: neither the sheet's name nor the file's says which year",
        ("a.xlsx", "2012"): "a.xlsx, sheet 2012: neither the sheet's name nor the file's says which province",
        ("a_2013.xlsx", "Beijing2012"): "the sheet's name says 2012, the file's 2013",
        ("a.xlsx", "Bejing2012"): r"nor the file's says which province this is\. Did you mean Beijing\? Rename",
        ("a.xlsx", "Shannxi2012"): r"Did you mean Shanxi \(山西\) or Shaanxi \(陕西\)\?",
    }
    for (file, sheet), said in cases.items():
        with pytest.raises(DataError, match=said):
            CeadsSectoralImporter().read([save(tmp_path / file, {sheet: fill})])
    found = CeadsSectoralImporter(year=2012).read([save(tmp_path / "a.xlsx", {"Beijing": fill})])
    assert found.tables["ceads_sectoral"]["year"].unique().tolist() == [2012]


def test_the_year_on_the_command_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill = partial(layout.write_sectoral, table=layout.sectoral(1), edition=EDITIONS["2016"])
    save(folder / "a.xlsx", {"Beijing": fill})
    assert main(["data", "import", "ceads_sectoral", "a.xlsx", "--to", "data", "year=2012"]) == 0
    assert capsys.readouterr().out.startswith(
        "ceads_sectoral: 48 rows, 1 province, 2012, from 1 file of ceads_sectoral."
    )


def test_one_province_and_year_in_two_places(tmp_path: Path) -> None:
    first = year_file(tmp_path / "one", 2012, ["Beijing", "Hebei"])
    second = year_file(tmp_path / "two", 2012, ["Hebei"])
    with pytest.raises(DataError, match=r"Hebei 2012 is repeated: in .*2012\.xlsx, sheet Hebei2012 and in .*Hebei2012"):
        CeadsSectoralImporter().read([first, second])


def test_another_kind_of_download(tmp_path: Path) -> None:
    file = save(tmp_path / "a.xlsx", {"Data": lambda sheet: sheet.append(["province", "gdp"])})
    for importer in (CeadsSectoralImporter(), CeadsEnergyImporter()):
        with pytest.raises(DataError, match=r"^a\.xlsx has no sheet of the CEADs .* Sheets: Data\. Is it another kind"):
            importer.read([file])


# ---- energy


def energy_file(folder: Path, edits: dict[str, Callable[[Worksheet], None]] | None = None) -> Path:
    fill: dict[str, Callable[[Worksheet], object]] = {"NOTE": lambda sheet: sheet.append(["CEADs"])}
    for number, name in enumerate(["Beijing2012", "Shaanxi2012"]):
        fill[name] = partial(layout.write_energy, table=layout.energy(number))
    return save(folder / "省级能源清单_2012.xlsx", fill, edits)


def test_energy(tmp_path: Path) -> None:
    found = CeadsEnergyImporter().read([energy_file(tmp_path)])
    table = found.tables["ceads_energy"]
    assert table[["province", "adcode", "year"]].drop_duplicates().to_numpy().tolist() == [
        ["Beijing", 110000, 2012], ["Shaanxi", 610000, 2012]
    ]  # fmt: skip
    for number, province in enumerate(["Beijing", "Shaanxi"]):
        part = table[table["province"] == province].set_index("sector")
        wanted = layout.energy(number).rename(columns=layout.column)
        pd.testing.assert_frame_equal(part[wanted.columns], wanted, check_names=False, rtol=1e-14)
    assert found.units["coke_oven_gas"] == "10^8 cu.m"
    assert len(found.notes) == 1


@pytest.mark.parametrize("unit", ["万吨", "10^4 tons", "10 000 t", "10^4 t"])
def test_spellings_of_a_unit(tmp_path: Path, unit: str) -> None:
    file = energy_file(tmp_path, {"Beijing2012": put("B2", unit)})
    if unit == "10 000 t":
        with pytest.raises(DataError, match=r"cell B2: the unit of raw_coal is '10 000 t' where 10\^4 ton is expected"):
            CeadsEnergyImporter().read([file])
    else:
        assert len(CeadsEnergyImporter().read([file]).tables["ceads_energy"]) == 126


def test_energy_sums_are_checked(tmp_path: Path) -> None:
    file = energy_file(tmp_path, {"Shaanxi2012": put("B5", 1e6)})
    notes = tuple(map(str, CeadsEnergyImporter().read([file]).notes))
    assert notes[-1].startswith(
        "Total Final Consumption is not the sum of the sectors in 1 place: 省级能源清单_2012.xlsx, "
    )


# ---- whatever happens to a file


@pytest.mark.parametrize(
    ("kind", "importer"), [("ceads_sectoral", CeadsSectoralImporter()), ("ceads_energy", CeadsEnergyImporter())]
)
def test_damaged_files_are_sentences_and_leave_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], kind: str, importer: Importer
) -> None:
    make = {"ceads_sectoral": partial(year_file, year=2012, provinces=["Beijing"]), "ceads_energy": energy_file}[kind]
    whole = make(folder / "raw").read_bytes()
    chance = random.Random(kind)
    broken = folder / "2012.xlsx"
    for trial in range(12):
        content = bytearray(whole)
        if trial % 2:
            del content[chance.randrange(4, len(content)) :]
        else:
            for _ in range(15):
                content[chance.randrange(4, len(content))] = chance.randrange(256)
        broken.write_bytes(content)
        caught = Caught()
        with caught:
            importer.read([broken])
        if not caught.sentence:
            continue
        capsys.readouterr()
        assert main(["data", "import", kind, str(broken), "--to", "out"]) == 2, caught.traceback
        shown = capsys.readouterr().err
        assert shown.startswith("digicarbon: 2012.xlsx")
        assert shown.count("\n") == 1
        assert not (folder / "out").exists()


def test_round_trip_of_the_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for year in (2012, 2013):
        year_file(folder / "raw", year, ["Beijing", "Hebei"])
    assert main(["data", "import", "ceads_sectoral", "raw", "--to", "data"]) == 0
    assert capsys.readouterr().out.startswith(
        "ceads_sectoral: 192 rows, 2 provinces, 2012 to 2013, from 2 files of ceads_sectoral.\n"
    )
    table = pd.read_parquet(folder / "data" / "ceads_sectoral.parquet")
    for year in (2012, 2013):
        part = table[(table["province"] == "Hebei") & (table["year"] == year)].set_index("sector")
        wanted = expected("Hebei", year)
        np.testing.assert_allclose(part.loc[wanted.index, wanted.columns], wanted, rtol=1e-14)
