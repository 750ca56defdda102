"""Sums that must hold: sectors, fuels, input-output tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sound_data import grid, growing, io_tables, sectoral, yearbook

from digicarbon.source.validation import Finding, InvalidDataError, check_datasets, check_tables, refuse


def identities(tables: dict[str, pd.DataFrame]) -> list[Finding]:
    return [item for item in check_datasets(tables) if item.check == "identity"]


def test_sectors_sum_to_the_total() -> None:
    frame = sectoral()
    row = (frame["province"] == "Tianjin") & (frame["year"] == 2014) & (frame["sector"] == "Total")
    frame.loc[row, ["raw_coal", "scope_1_total"]] *= 1.02
    frame.loc[row, "scope_1_total"] = frame.loc[row, ["raw_coal", "diesel_oil", "process"]].sum(axis=1)
    coal, scope = identities({"ceads_sectoral": frame})
    assert coal.level == "error"
    assert coal.series == "raw_coal"
    assert "raw_coal: the sum of sectors differs from Total in 1 place, by up to 2 % (worst: Tianjin 2014)" in str(
        coal.note
    )
    assert scope.series == "scope_1_total"


def test_a_small_difference_is_a_warning_and_rounding_is_none() -> None:
    frame = sectoral()
    row = (frame["province"] == "Tianjin") & (frame["year"] == 2014) & (frame["sector"] == "Total")
    frame.loc[row, "scope_2_electricity"] *= 1 + 1e-4
    assert [item.level for item in identities({"ceads_sectoral": frame})] == ["warning"]
    assert identities({"ceads_sectoral": sectoral().round(7)}) == []


def test_fuels_and_process_sum_to_scope_1() -> None:
    frame = sectoral()
    row = (frame["province"] == "Jilin") & (frame["year"] == 2011) & (frame["sector"] != "Total")
    frame.loc[row, "process"] += 5.0
    frame.loc[(frame["province"] == "Jilin") & (frame["year"] == 2011) & (frame["sector"] == "Total"), "process"] += (
        15.0
    )
    (found,) = identities({"ceads_sectoral": frame})
    assert "fuels and process emissions differs from scope_1_total in 4 places" in str(found.note)
    assert "Jilin Total 2011" in str(found.note) or "Jilin Farming 2011" in str(found.note)


def test_a_province_without_total() -> None:
    frame = sectoral()
    lacks = (frame["province"] == "Jilin") & (frame["year"] < 2013) & (frame["sector"] == "Total")
    (found,) = identities({"ceads_sectoral": frame[~lacks]})
    assert str(found.note) == "ceads_sectoral has no row Total for Jilin 2010-2012."


def test_the_apparent_total() -> None:
    frame = grid()
    parts = ("raw_coal_total", "crude_oil_total", "natural_gas_total", "cement")
    for seed, part in enumerate(parts):
        frame[part] = growing(len(frame), seed)
    frame["total"] = frame[list(parts)].sum(axis=1)
    assert identities({"ceads_apparent": frame}) == []
    frame.loc[5, "total"] *= 1.1
    (found,) = identities({"ceads_apparent": frame})
    assert found.level == "error"
    assert "Beijing 2015" in str(found.note)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("value_added", "purchases and value added do not sum to total input"),
        ("depreciation", "the components of value added do not sum to it"),
        ("intermediate_input", "purchases do not sum to the stated intermediate input"),
        ("imports", "sales and final use less imports do not sum to total output"),
    ],
)
def test_tables_balance(column: str, words: str) -> None:
    sectors, flows = io_tables()
    assert [item for item in check_tables(sectors, flows, "t")] == []
    place = sectors.index[(sectors["province"] == "Shanxi") & (sectors["sector"] == "Farming")][0]
    sectors.loc[place, column] += 0.05 * sectors.loc[place, "output"]
    found = check_tables(sectors, flows, "t")
    assert all(item.level == "error" for item in found)
    start = f"t: in the table of Shanxi 2012, {words} in 1 sector, most in 'Farming' ("
    assert any(str(item.note).startswith(start) for item in found)
    # who says that a wider tolerance is fine gets no errors
    assert {item.level for item in check_tables(sectors, flows, "t", tolerance=0.06)} == {"warning"}


def test_whole_numbers_are_rounding() -> None:
    sectors, flows = io_tables()
    money = sectors.columns.difference(["province", "adcode", "year", "sector", "position"])
    sectors[money] = sectors[money].round(0)
    assert check_tables(sectors, flows.round({"flow": 0}), "t") == []


def test_figures_in_100m_with_two_decimals_are_rounded_to_a_million() -> None:
    sectors, flows = io_tables()
    money = sectors.columns.difference(["province", "adcode", "year", "sector", "position"])
    sectors[money] = sectors[money].round(-2)
    assert check_tables(sectors, flows.assign(flow=flows["flow"].round(-2)), "t") == []
    # the same differences in a table of whole numbers are no rounding
    assert check_tables(sectors.assign(output=sectors["output"] + 1), flows, "t")


def test_inputs_from_abroad_and_inflow_from_other_provinces_count() -> None:
    sectors, flows = io_tables()
    sectors["imported_input"] = 500.0
    sectors["inflow"] = 300.0
    sectors["output"] += 500.0
    sectors["intermediate_input"] += 500.0
    sectors["final_use"] += 800.0
    assert check_tables(sectors, flows, "t") == []


def test_a_table_without_final_use_has_no_row_balance() -> None:
    sectors, flows = io_tables()
    assert check_tables(sectors.assign(final_use=np.nan), flows, "t") == []


def test_multi_regional_tables_balance_over_all_sellers() -> None:
    sectors, flows = io_tables()
    half = flows.assign(flow=0.5 * flows["flow"], to_province=flows["province"])
    multi = pd.concat([half.assign(from_province="Beijing"), half.assign(from_province="Hebei")])
    multi = multi.groupby(["year", "from_province", "from_sector", "to_province", "to_sector"], as_index=False)["flow"]
    summed = multi.sum()
    kept = sectors.drop(columns=["final_use", "imports", "residual"])
    assert check_tables(kept, summed, "m") == []
    broken = summed.assign(flow=summed["flow"].where(summed["to_province"] != "Jilin", 0.0))
    assert {item.unit for item in check_tables(kept, broken, "m")} == {"Jilin"}


def test_zero_sectors_and_negative_value_added_are_said_and_kept() -> None:
    sectors, flows = io_tables()
    zero = (sectors["province"] == "Jilin") & sectors["sector"].str.startswith("通信")
    sectors.loc[zero, sectors.columns[5:]] = 0.0
    gone = (flows["province"] == "Jilin") & flows["to_sector"].str.startswith("通信")
    flows.loc[gone, "flow"] = 0.0
    rows = (flows["province"] == "Jilin") & flows["from_sector"].str.startswith("通信")
    sectors.loc[sectors["province"] == "Jilin", "final_use"] = np.nan
    assert rows.any()
    loss = sectors.index[(sectors["province"] == "Hebei") & (sectors["sector"] == "Farming")][0]
    shift = sectors.loc[loss, "value_added"] + 1000
    sectors.loc[loss, ["value_added", "operating_surplus"]] -= shift
    sectors.loc[loss, "output"] -= shift
    sectors.loc[loss, "final_use"] -= shift
    found = check_tables(sectors, flows, "t")
    assert [(item.level, item.check, item.unit) for item in found] == [
        ("warning", "negative value added", "Hebei"),
        ("warning", "zero sector", "Jilin"),
    ]
    assert "negative value added (-1000 10k CNY)" in str(found[0].note)
    assert "it is a digital sector, so its logarithm is undefined" in str(found[1].note)


def test_flows_of_unknown_sectors() -> None:
    sectors, flows = io_tables()
    flows.loc[0, "from_sector"] = "Framing"
    found = check_tables(sectors, flows, "t")
    assert "t: flows name sectors that the table does not have: Beijing 2012 Framing." in [str(f.note) for f in found]


def test_value_added_against_gdp_tells_the_unit() -> None:
    sectors, flows = io_tables()
    gdp = yearbook()
    made = sectors.groupby("province")["value_added"].sum() / 1e4
    gdp["value"] = gdp["province"].map(made)
    tables = {"io_sectors": sectors, "io_flows": flows, "yearbook": gdp}
    assert [item for item in check_datasets(tables) if item.check in ("unit", "vintage")] == []
    tables["yearbook"] = gdp.assign(value=gdp["value"] * 1e4)
    units = [item for item in check_datasets(tables) if item.check == "unit" and item.file == "io_sectors"]
    assert len(units) == 8
    assert "0.0001 times its GDP" in str(units[0].note)
    assert "seems not to be in 10k CNY" in str(units[0].note)


def test_errors_refuse_and_carry_all_findings() -> None:
    sectors, flows = io_tables()
    sectors.loc[:4, "value_added"] *= 2
    found = check_tables(sectors, flows, "t")
    with pytest.raises(InvalidDataError, match=r"The folder x cannot be used: .* `see` shows all findings") as caught:
        refuse(found, "The folder x", "see")
    assert caught.value.findings == tuple(found)
    refuse([item for item in found if item.level != "error"], "x", "see")
