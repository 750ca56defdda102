"""What is known to be odd in the real Chinese data is found; counts are taken independently from the raw files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from digicarbon.source.validation import Finding, check_datasets, check_series


def levels(found: list[Finding], level: str) -> list[Finding]:
    return [item for item in found if item.level == level]


@pytest.fixture(scope="module")
def io2007(data_folder: Path) -> list[Finding]:
    folder = data_folder / "china" / "io2007"
    names = pd.read_csv(folder / "io2007_sector_names.csv").set_index("sector")["name_zh"]
    sectors = pd.read_csv(folder / "io2007_province_value_added_output_42s.csv.gz")
    flows = pd.read_csv(folder / "io2007_province_intermediate_42x42.csv.gz").rename(columns={"flow_10k_cny": "flow"})
    sectors = sectors.rename(columns={"total_input": "output"}).assign(position=sectors["sector"])
    sectors["sector"] = sectors["sector"].map(names)
    for side in ("from_sector", "to_sector"):
        flows[side] = flows[side].map(names)
    return check_datasets({"io_sectors": sectors, "io_flows": flows})


@pytest.fixture(scope="module")
def yearbook(data_folder: Path) -> list[Finding]:
    frame = pd.read_csv(data_folder / "china" / "nbs" / "wd_province_energy_macro_1985_2018.csv")
    return check_series(frame.rename(columns={"province": "unit", "year": "time"}), "wd", noun="province")


def test_the_tables_of_2007_balance_but_have_empty_sectors(io2007: list[Finding]) -> None:
    assert [item for item in io2007 if item.check == "identity"] == []
    assert levels(io2007, "error") == []
    zero = [item for item in io2007 if item.check == "zero sector"]
    assert len(zero) == 17
    digital = [item for item in zero if "digital sector" in str(item.note)]
    assert [(item.unit, item.year) for item in digital] == [("Qinghai", 2007)]
    negative = [(item.unit, item.sector) for item in io2007 if item.check == "negative value added"]
    assert negative == [("Gansu", "石油加工、炼焦及核燃料加工业"), ("Xinjiang", "石油加工、炼焦及核燃料加工业")]


@pytest.mark.long
def test_sectoral_totals_hold_in_690_province_years(data_folder: Path) -> None:
    frame = pd.read_csv(data_folder / "china" / "ceads" / "ceads_sectoral_co2_by_fuel_sector_1997_2019.csv.gz")
    assert frame.groupby(["province", "year"]).ngroups == 690
    assert not [item for item in check_datasets({"ceads_sectoral": frame}) if item.check in ("identity", "schema")]
    frame.loc[frame.index[100], "raw_coal"] += 1.0
    assert levels(check_datasets({"ceads_sectoral": frame}), "error")


def test_fuels_and_wastewater_of_2018_are_copies(yearbook: list[Finding]) -> None:
    copied = {(item.series, item.year) for item in yearbook if item.check == "copied year"}
    fuels = ("coal", "coke", "crude_oil", "gasoline", "kerosene", "diesel", "fuel_oil")
    names = [f"{fuel}_10kt" for fuel in fuels] + ["natural_gas_as_labelled_10kt", "wastewater_10kt"]
    assert copied == {(name, 2018) for name in names}


def test_gaps_of_coke_and_kerosene(yearbook: list[Finding]) -> None:
    gaps = {item.series: str(item.note) for item in yearbook if item.check == "coverage" and "lacks" in str(item.note)}
    assert "Hainan 2002, 2015-2016" in gaps["coke_10kt"]
    assert "2012-2014" in gaps["kerosene_10kt"].split("Qinghai")[1]


def test_shanxi_raw_coal_is_an_outlier_and_the_only_one(data_folder: Path) -> None:
    frame = pd.read_csv(data_folder / "china" / "energy" / "ceads_energy_inventory_by_fuel_sector_2011_2022.csv.gz")
    found = check_datasets({"ceads_energy": frame})
    assert levels(found, "error") == []
    coal = [
        item for item in found if item.series == "raw_coal" and item.check == "outlier" and "Final" not in item.file
    ]
    assert [(item.unit, item.year) for item in coal] == [("Shanxi", 2013)]
    assert "from 46049.5 in 2012 to 81185 in 2013 (+76 %)" in str(coal[0].note)


def test_the_market_index_repeats_2019_and_industries_are_of_another_vintage(data_folder: Path) -> None:
    frame = pd.read_csv(data_folder / "china" / "panel_30prov_2011_2022_merged.csv")
    names = {
        "gdp_orig_100m": "gdp",
        "secondary_va_100m_cny": "secondary_va",
        "tertiary_va_100m_derived": "tertiary_va",
    }
    found = check_series(frame.rename(columns={**names, "province": "unit", "year": "time"}), "merged", noun="province")
    copied = [(item.series, item.year) for item in found if item.check == "copied year"]
    assert copied == [("market_index", 2020), ("market_index", 2021), ("market_index", 2022)]
    (vintage,) = [item for item in found if item.check == "vintage"]
    assert "Beijing 2011-2017" in str(vintage.note)


def test_vintages_of_gdp(data_folder: Path) -> None:
    folder = data_folder / "china" / "nbs"
    sides = {
        "revised": pd.read_csv(folder / "nbs_province_2011_2022.csv"),
        "original": pd.read_csv(folder / "cud_gdp_nominal_1952_2022.csv"),
    }
    rows = [
        frame[["province", "adcode", "year"]].assign(
            series="gdp", vintage=vintage, value=frame["gdp_nominal_100m_cny"], indicator="GDP", unit="100m CNY"
        )
        for vintage, frame in sides.items()
    ]
    book = pd.concat(rows).query("province != 'Tibet'")
    (found,) = [i for i in check_datasets({"yearbook": book}) if i.check == "vintage" and i.year == 2017]
    assert "between 0.87 (Yunnan) and 1.49 (Tianjin); 16 of 30 differ by over 5 %" in str(found.note)
