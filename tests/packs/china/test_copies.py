"""Copied years and provinces, figures of another unit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sound_data import grid, growing, io_tables, sectoral, yearbook

from digicarbon.source.validation import Finding, check_datasets, check_import, check_series, check_sums


def of(found: list[Finding], check: str) -> list[Finding]:
    return [item for item in found if item.check == check]


def many_fuels() -> pd.DataFrame:
    """Two years of a sectoral inventory with figures in every fuel."""
    frame = sectoral().query("year < 2012").reset_index(drop=True)
    fuels = frame.columns[frame.columns.get_loc("raw_coal") : frame.columns.get_loc("scope_1_total")]
    sectors = frame["sector"] != "Total"
    frame.loc[sectors, fuels] = np.random.default_rng(5).gamma(2.0, 3.0, (int(sectors.sum()), len(fuels)))
    frame["scope_1_total"] = frame[fuels].sum(axis=1)
    frame["scope_2_electricity"] = 0.1 * frame["scope_1_total"]
    sums = frame[sectors].groupby(["province", "year"]).sum(numeric_only=True)
    keys = pd.MultiIndex.from_frame(frame.loc[~sectors, ["province", "year"]])
    columns = [*fuels, "scope_1_total", "scope_2_electricity"]
    frame.loc[~sectors, columns] = sums.loc[keys, columns].to_numpy()
    return frame


def fill(frame: pd.DataFrame, target: tuple[str, int], source: tuple[str, int]) -> None:
    numbers = frame.columns.difference(["province", "adcode", "year", "sector"])
    rows = [(frame["province"] == place) & (frame["year"] == year) for place, year in (target, source)]
    frame.loc[rows[0], numbers] = frame.loc[rows[1], numbers].to_numpy()


def test_a_file_of_two_equal_years() -> None:
    frame = many_fuels()
    assert of(check_datasets({"ceads_sectoral": frame}), "copied year") == []
    for province in frame["province"].unique():
        fill(frame, (province, 2011), (province, 2010))
    for found in (check_datasets({"ceads_sectoral": frame}), check_import({"ceads_sectoral": frame})):
        copied = [item for item in of(found, "copied year") if not item.series]
        assert [item.level for item in copied] == ["warning"]
        assert str(copied[0].note).startswith(
            "ceads_sectoral: the figures of 2011 are those of 2010 in 8 provinces (80 of 80 figures that are not round "
        )
        # each column alone is said to be a copy, too
        assert {"scope_1_total", "raw_coal"} <= {item.series for item in of(found, "copied year")}


@pytest.mark.parametrize("source", [("Beijing", 2010), ("Beijing", 2011)])
def test_a_province_filled_with_another_ones_figures(source: tuple[str, int]) -> None:
    frame = many_fuels()
    fill(frame, ("Tianjin", 2010), source)
    (found,) = of(check_import({"ceads_sectoral": frame}), "copied province")
    first, second = sorted([f"{source[0]} {source[1]}", "Tianjin 2010"])
    assert str(found.note).startswith(f"ceads_sectoral: the figures of {second} are those of {first} (80 of 80 ")


def test_a_series_of_two_equal_years() -> None:
    book = yearbook().query("year < 2012").reset_index(drop=True)
    book["value"] = book["value"].groupby(book["province"]).transform("first")
    (found,) = of(check_import({"yearbook": book}), "copied year")
    assert "gdp revised is the same in 2010, 2011 in all 8 provinces: unless it cannot change" in str(found.note)
    assert (found.level, found.year) == ("warning", 2011)


def test_an_area_that_never_changes_is_a_note_and_gdp_that_never_changes_a_warning() -> None:
    keys = grid()[["province", "year"]].rename(columns={"province": "unit", "year": "time"})
    fixed = pd.Series(growing(64)).groupby(keys["unit"]).transform("first").to_numpy()
    for name, level in (("area", "note"), ("gdp", "warning")):
        (found,) = of(check_series(keys.assign(**{name: 100 * fixed}), "f"), "copied year")
        assert found.level == level


def test_a_province_of_a_panel_that_is_another_one() -> None:
    keys = grid()[["province", "year"]].rename(columns={"province": "unit", "year": "time"})
    frame = keys.assign(x=growing(64), y=growing(64, 1))
    assert of(check_series(frame, "f", noun="province"), "copied province") == []
    beijing, hebei = (frame["unit"] == name for name in ("Beijing", "Hebei"))
    frame.loc[hebei, ["x", "y"]] = frame.loc[beijing, ["x", "y"]].to_numpy()
    (found,) = of(check_series(frame, "f", noun="province"), "copied province")
    assert str(found.note).startswith("f: the figures of Hebei are those of Beijing (16 of 16 figures")


def test_a_table_filled_with_another_provinces_figures() -> None:
    sectors, flows = io_tables()
    numbers = sectors.columns.difference(["province", "adcode", "year", "sector", "position"])
    rows = [sectors["province"] == name for name in ("Shanxi", "Hebei")]
    sectors.loc[rows[0], numbers] = sectors.loc[rows[1], numbers].to_numpy()
    found = of(check_datasets({"io_sectors": sectors, "io_flows": flows}), "copied province")
    assert ["Shanxi 2012 are those of Hebei 2012" in str(item.note) for item in found] == [True]


def test_qinghai_1998_repeats_1997_in_the_real_inventory(data_folder: Path) -> None:
    frame = pd.read_csv(data_folder / "china" / "ceads" / "ceads_sectoral_co2_by_fuel_sector_1997_2019.csv.gz")
    early = frame[frame["year"] < 2000]
    (found,) = [item for item in of(check_import({"ceads_sectoral": early}), "copied year") if not item.series]
    assert "the figures of 1998 are nearly all those of 1997 in 1 province" in str(found.note)
    both = early[early["province"] == "Qinghai"].set_index(["sector", "year"]).drop(columns=["province", "adcode"])
    one, two = (both.xs(year, level="year").stack() for year in (1997, 1998))
    same = (one == two) & (one != 0)
    # of the figures that are not zero, by a count that knows nothing of rounding
    assert same.sum() > 190
    assert ((one != two) & (one != 0)).sum() < 20


# ---- another unit


def test_a_province_in_kt() -> None:
    frame = sectoral()
    numbers = frame.columns.difference(["province", "adcode", "year", "sector"])
    frame.loc[frame["province"] == "Beijing", numbers] *= 1000
    for found in (check_datasets({"ceads_sectoral": frame}), check_sums({"ceads_sectoral": frame})):
        (unit,) = of(found, "unit")
        assert unit.level == "error"
        assert "scope_1_total is above 3000 Mt, more than a province emits, for Beijing 2010-2017" in str(unit.note)
    assert "error" in {item.level for item in check_import({"ceads_sectoral": frame})}
    apparent = grid().assign(raw_coal_total=5e3, crude_oil_total=1.0, natural_gas_total=1.0, cement=1.0)
    assert "coal + oil + gas + cement is above 4000 Mt" in str(
        of(check_sums({"ceads_apparent": apparent}), "unit")[0].note
    )


def test_a_province_a_thousand_times_smaller_than_the_others() -> None:
    book = yearbook()
    assert of(check_import({"yearbook": book}), "unit") == []
    book.loc[book["province"] == "Hebei", "value"] /= 1000
    (found,) = of(check_import({"yearbook": book}), "unit")
    assert found.level == "warning"
    assert "gdp revised of Hebei 2010-2017 is up to 0.00" in str(found.note)


@pytest.mark.parametrize(("factor", "level"), [(1e4, "error"), (1e2, "warning"), (1e-4, "warning")])
def test_a_table_in_another_unit(factor: float, level: str) -> None:
    sectors, flows = io_tables()
    money = sectors.columns.difference(["province", "adcode", "year", "sector", "position"])
    rows = sectors["province"] == "Hebei"
    sectors.loc[rows, money] *= factor
    flows.loc[flows["province"] == "Hebei", "flow"] *= factor
    (found,) = of(check_datasets({"io_sectors": sectors, "io_flows": flows}), "unit")
    assert (found.level, found.unit) == (level, "Hebei")
    assert "is the table in another unit than it says?" in str(found.note)


def test_negative_gdp_is_told_of_once() -> None:
    book = yearbook()
    book.loc[3, "value"] = -5.0
    negative = [item for item in check_datasets({"yearbook": book}) if item.check in ("range", "sign")]
    assert [(item.level, item.check) for item in negative] == [("error", "range")]
    assert [item.check for item in check_import({"yearbook": book})] == ["range"]
