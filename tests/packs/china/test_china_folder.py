"""Real provincial data from their own files: numbers against the files themselves, read by pandas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import shipped_source

from digicarbon.errors import DataError
from digicarbon.measure import BeaMeasure
from digicarbon.outcome import Intensity
from digicarbon.packs.china.facts import provinces
from digicarbon.panel import Panel
from digicarbon.source import FolderSource, Inputs

KEYS = ["province", "year"]


def source(name: str, **fields: Any) -> FolderSource:
    made = shipped_source(name, **fields)
    assert isinstance(made, FolderSource)
    return made


_loaded: dict[str, Inputs] = {}


def inputs(name: str, **fields: Any) -> Inputs:
    """What a source loads; the same is loaded once."""
    key = f"{name} {sorted(fields.items())}"
    if key not in _loaded:
        _loaded[key] = source(name, **fields).load()
    return _loaded[key]


def keyed(made: Inputs | pd.DataFrame) -> pd.DataFrame:
    return (made.frame if isinstance(made, Inputs) else made).set_index(["unit", "time"])


@pytest.fixture(scope="module")
def china(data_folder: Path) -> Path:
    return data_folder / "china"


@pytest.fixture(scope="module")
def original(china: Path) -> Inputs:
    return inputs("china_folder", vintage="original")


class TestMergedFile:
    def test_it_is_a_balanced_panel_of_the_30_provinces(self, china: Path) -> None:
        study = inputs("china")
        panel = Panel.from_frame(study.frame, "unit", "time")
        assert panel.units == tuple(sorted(provinces()["province"]))
        assert panel.periods == tuple(range(2012, 2018))
        assert panel.balanced
        assert (study.source, study.unit_name, study.time_name, study.simulated) == (
            "china",
            "province",
            "year",
            False,
        )
        assert any("CEADs" in note for note in tuple(map(str, study.notes)))
        assert len(inputs("china", years=None).frame) == 360

    @pytest.mark.parametrize(("vintage", "gdp"), [("revised", "gdp_rev_100m"), ("original", "gdp_orig_100m")])
    def test_every_number_is_the_file_s(self, china: Path, vintage: str, gdp: str) -> None:
        made = source("china", vintage=vintage)
        raw = pd.read_csv(china / "panel_30prov_2011_2022_merged.csv").set_index(KEYS)
        found = keyed(made.load())
        raw = raw.loc[found.index]
        for name, entry in made.catalogue.items():
            np.testing.assert_array_equal(found[name], raw[entry.column[0]].astype(float), err_msg=name)
        np.testing.assert_array_equal(found["gdp"], raw[gdp])
        assert found["gdp"].nunique() > 150


class TestOwnFiles:
    def test_intensity_of_690_province_years(self, original: Inputs, china: Path) -> None:
        made = keyed(Intensity(account="sectoral").compute(original))["ci"]
        co2 = pd.read_csv(china / "ceads" / "ceads_sectoral_co2_total_by_fuel_1997_2019.csv").set_index(KEYS)
        macro = pd.read_csv(china / "nbs" / "wd_province_energy_macro_1985_2018.csv").set_index(KEYS)
        other = pd.read_csv(china / "nbs" / "cud_gdp_nominal_1952_2022.csv").set_index(KEYS)
        column = "gdp_nominal_100m_cny"
        year = macro.index.get_level_values("year")
        gdp = pd.concat([macro.loc[year <= 2017, column], other[column][lambda s: s.index.get_level_values(1) > 2017]])
        assert made.index.get_level_values("time").unique().tolist() == list(range(1997, 2020))
        assert len(made) == 690
        assert made.notna().all()
        expected = (100 * co2["scope_1_total"] / gdp).reindex(made.index)
        np.testing.assert_allclose(made, expected, rtol=1e-12)

    def test_totals_are_the_sums_of_47_sectors(self, original: Inputs, china: Path) -> None:
        rows = pd.read_csv(china / "ceads" / "ceads_sectoral_co2_by_fuel_sector_1997_2019.csv.gz")
        sectors = rows[rows["sector"] != "Total"].groupby(KEYS)["scope_1_total"]
        assert (sectors.size() == 47).all()
        total = keyed(original)["co2_sectoral"]
        assert len(total) == 690
        np.testing.assert_allclose(total, sectors.sum().reindex(total.index), atol=1e-6, rtol=0)

    def test_the_vintage_changes_gdp_population_and_nothing_else(self, original: Inputs, china: Path) -> None:
        revised = keyed(inputs("china_folder", years=[2012, 2017]))
        first = keyed(original).loc[revised.index]
        same = [name for name in revised if name not in ("gdp", "population", "urban_population")]
        pd.testing.assert_frame_equal(first[same], revised[same])
        ratio = (first["gdp"] / revised["gdp"]).xs(2017, level="time")
        assert ratio["Tianjin"] == pytest.approx(1.49, abs=0.005)
        assert ratio["Yunnan"] == pytest.approx(0.87, abs=0.005)
        assert "original vintage" in str(original.notes[0])

    def test_it_is_the_merged_file_up_to_that_file_s_rounding(self, china: Path) -> None:
        own, merged = keyed(inputs("china_folder", years=[2012, 2017])), keyed(inputs("china"))
        # the share of the tertiary sector is the digital data set's in the merged file, a yearbook's here
        both = [name for name in merged if name in own and name != "tertiary_share"]
        assert len(both) >= 20
        np.testing.assert_allclose(own[both], merged[both], rtol=1e-7)

    def test_a_year_that_repeats_another_is_left_out(self, original: Inputs, china: Path) -> None:
        late = keyed(original).xs(2018, level="time")
        assert late[["coal", "natural_gas", "wastewater"]].isna().all(axis=None)
        assert late["employment"].notna().all()

    def test_co2_of_fuels_moves_with_the_sectoral_account(self, china: Path) -> None:
        made = inputs("china_folder", years=[2012, 2017], vintage="original")
        fuels = ["coal", "coke", "gasoline", "kerosene", "diesel", "fuel_oil", "natural_gas"]
        filled = Inputs(made.frame.fillna(dict.fromkeys(fuels, 0.0)), source="filled")
        gaps = made.frame.loc[made.frame[fuels].isna().any(axis=1), "unit"].unique()
        assert sorted(gaps) == ["Hainan", "Qinghai"]
        assert _within_correlation(filled) == pytest.approx(0.824, abs=5e-4)
        complete = made.frame[~made.frame["unit"].isin(gaps)]
        assert _within_correlation(Inputs(complete, source="complete")) == pytest.approx(0.850, abs=5e-4)

    @pytest.mark.long
    def test_the_energy_inventory_gives_the_yearbook_s_consumption(self, china: Path) -> None:
        fields: dict[str, Any] = {"years": [2012, 2017]}
        yearbook = keyed(inputs("china_folder", energy="yearbook", **fields))
        total = keyed(inputs("china_folder", energy="total", **fields))
        final = keyed(inputs("china_folder", energy="final", **fields))
        for fuel in ("coal", "coke", "gasoline", "kerosene", "diesel"):
            assert (total[fuel] / yearbook[fuel]).median() == pytest.approx(1, abs=0.001), fuel
        assert (total["natural_gas"] / yearbook["natural_gas"]).median() == pytest.approx(0.975, abs=0.01)
        # most coal is burnt in power plants
        assert (final["coal"] / yearbook["coal"]).median() == pytest.approx(0.30, abs=0.01)
        assert (total[["coke", "gasoline", "kerosene", "diesel", "fuel_oil", "natural_gas"]] >= 0).all(axis=None)

    def test_energy_is_what_the_inventory_s_rows_say(self, china: Path) -> None:
        rows = pd.read_csv(china / "energy" / "ceads_energy_inventory_by_fuel_sector_2011_2022.csv.gz")
        rows = rows.set_index([*KEYS, "sector"]).sort_index()
        total = keyed(inputs("china_folder", energy="total", years=[2012, 2017]))
        here = rows.loc[("Guangdong", 2015)]
        coal = ["raw_coal", "cleaned_coal", "other_washed_coal", "briquettes"]
        found = total.loc[("Guangdong", 2015)]
        assert found["coal"] == pytest.approx(here.loc["Total Consumption", coal].sum(), rel=1e-12)
        burnt = ["Total Final Consumption", "Thermal Power", "Heating Supply"]
        assert found["diesel"] == pytest.approx(here.loc[burnt, "diesel_oil"].sum(), rel=1e-12)

    def test_units_files_and_polygons_are_named(self, original: Inputs, china: Path) -> None:
        assert original.units["co2_sectoral"] == "Mt"
        assert original.units["natural_gas"] == "100m m3"
        by_series = {name: file.name for file in original.files for name in file.series}
        assert by_series["co2_process"] == "ceads_sectoral_co2_total_by_fuel_1997_2019.csv"
        assert by_series["geometry"] == Path(original.geometry).name
        assert Path(original.geometry).is_file()
        assert "Tibet" not in set(original.frame["unit"])
        assert any("Tibet" in note for note in tuple(map(str, original.notes)))


class Test2007:
    def test_the_bea_measure_of_30_real_tables(self, china: Path) -> None:
        """Sums taken straight from the files, without arrays of ours."""
        made = keyed(BeaMeasure().compute(inputs("china_2007")))
        flows = pd.read_csv(china / "io2007" / "io2007_province_intermediate_42x42.csv.gz")
        sectors = pd.read_csv(china / "io2007" / "io2007_province_value_added_output_42s.csv.gz")
        bought = flows[flows["from_sector"].isin([19, 29])].groupby(["province", "to_sector"])["flow_10k_cny"].sum()
        sectors["bought"] = [bought.get((row.province, row.sector), 0.0) for row in sectors.itertuples()]
        sectors["share"] = (sectors["bought"] / sectors["total_input"]).fillna(0.0)
        other = sectors[~sectors["sector"].isin([19, 29])]
        ddl = (other["share"] * other["value_added"]).groupby(other["province"]).sum()
        value_added = sectors.set_index(["province", "sector"])["value_added"]
        assert len(made) == 30
        for province in made.index.get_level_values("unit"):
            row = made.loc[(province, 2007)]
            one, two = value_added[province, 19], value_added[province, 29]
            assert row["sector1"] == one
            assert row["sector2"] == two
            assert row["ddl"] == pytest.approx(ddl[province], rel=1e-12)
            assert row["e"] == pytest.approx(one + two + ddl[province], rel=1e-12)
        assert made.loc[("Qinghai", 2007), "sector1"] == 0

    def test_sectors_have_the_names_of_the_tables(self, china: Path) -> None:
        table = inputs("china_2007").tables["Beijing", 2007]
        assert len(table.sectors) == 42
        assert table.sectors[18] == "通信设备、计算机及其它电子设备制造业"
        raw = pd.read_csv(china / "io2007" / "io2007_province_intermediate_42x42.csv.gz")
        cell = raw.query("province == 'Beijing' and from_sector == 19 and to_sector == 26")["flow_10k_cny"].item()
        assert table.flows[18, 25] == cell


def test_a_missing_folder_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGICARBON_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"DIGICARBON_DATA names.*china/; source=simulated works") as caught:
        source("china").load()
    assert str(tmp_path / "china") in str(caught.value)


def test_the_folder_beside_the_working_directory_is_the_default(
    china: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = tmp_path / "shared" / "data" / "china"
    beside.mkdir(parents=True)
    for name in ("panel_30prov_2011_2022_merged.csv", "geo/china_provinces_31_simplified_2km.geojson"):
        (beside / name).parent.mkdir(exist_ok=True)
        (beside / name).write_bytes((china / name).read_bytes())
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.delenv("DIGICARBON_DATA")
    assert len(source("china").load().frame) == 180


def _within_correlation(made: Inputs) -> float:
    """Correlation of ln CO2 of the two accounts after province and year means are taken out."""
    gdp = made.frame.assign(gdp=1.0)
    one = Inputs(gdp, source=made.source)
    logs = [
        np.log(Intensity(account=account).compute(one).set_index(["unit", "time"])["ci"].unstack())
        for account in ("sectoral", "fuels")
    ]
    within = [
        (log.sub(log.mean(axis=1), axis=0).sub(log.mean(axis=0), axis=1) + log.to_numpy().mean()).to_numpy()
        for log in logs
    ]
    return float(np.corrcoef(within[0].ravel(), within[1].ravel())[0, 1])
