"""The real provincial panel: names, units, vintages and what is said when it is absent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from digicarbon.data import provinces
from digicarbon.errors import DataError
from digicarbon.panel import Panel
from digicarbon.source import ChinaSource, Inputs

CANONICAL = [
    "gdp",
    "population",
    "secondary_va",
    "tertiary_va",
    "ter_sec_ratio",
    "urban_population",
    "urbanization",
    "co2_sectoral",
    "co2_apparent",
    "coal",
    "coke",
    "crude_oil",
    "gasoline",
    "kerosene",
    "diesel",
    "fuel_oil",
    "natural_gas",
    "digeco",
    "digital_finance",
    "fiscal_expenditure",
]


@pytest.fixture(scope="module")
def study(data_folder: Path) -> Inputs:
    return ChinaSource(folder=str(data_folder)).load()


def test_the_study_is_a_balanced_panel_of_the_30_provinces(study: Inputs) -> None:
    panel = Panel.from_frame(study.frame, "unit", "time")
    assert panel.units == tuple(sorted(provinces()["province"]))
    assert panel.periods == tuple(range(2012, 2018))
    assert panel.balanced
    assert list(study.frame.columns[:2]) == ["unit", "time"]
    assert set(CANONICAL) <= set(study.frame.columns)
    assert panel.text == {}
    assert (study.source, study.unit_name, study.time_name, study.simulated) == ("china", "province", "year", False)


def test_units_of_measurement(study: Inputs) -> None:
    beijing = study.frame.set_index(["unit", "time"]).loc[("Beijing", 2012)]
    assert beijing["gdp"] == 19568.3
    assert beijing["population"] == 2078
    assert beijing["co2_sectoral"] == pytest.approx(97.998041)
    assert beijing["natural_gas"] == pytest.approx(92.066591)
    np.testing.assert_allclose(
        study.frame["urbanization"], study.frame["urban_population"] / study.frame["population"], rtol=1e-6
    )


def test_tertiary_value_added_is_derived_from_the_ratio(study: Inputs) -> None:
    frame = study.frame
    np.testing.assert_allclose(frame["tertiary_va"], frame["ter_sec_ratio"] * frame["secondary_va"], rtol=1e-6)


def test_the_vintage_changes_gdp_and_population_only(study: Inputs, data_folder: Path) -> None:
    original = ChinaSource(folder=str(data_folder), gdp_vintage="original").load()
    ratio = original.frame["gdp"] / study.frame["gdp"]
    tianjin = (study.frame["unit"] == "Tianjin") & (study.frame["time"] == 2017)
    assert ratio[tianjin].item() == pytest.approx(1.49, abs=0.005)
    pd.testing.assert_frame_equal(
        original.frame.drop(columns=["gdp", "population"]), study.frame.drop(columns=["gdp", "population"])
    )
    assert "revised" in study.notes[0]
    assert "original" in original.notes[0]
    assert "CEADs" in study.notes[1]


def test_the_merged_span_has_gaps_that_are_kept(data_folder: Path) -> None:
    frame = ChinaSource(folder=str(data_folder), span="merged").load().frame
    assert len(frame) == 360
    assert frame["gdp"].notna().all()
    assert frame.loc[frame["time"] > 2019, "co2_sectoral"].isna().all()


def test_the_folder_is_found_in_the_environment_or_beside_the_working_directory(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIGICARBON_DATA", str(data_folder))
    assert len(ChinaSource().load().frame) == 180
    beside = tmp_path / "shared" / "data" / "china"
    beside.mkdir(parents=True)
    name = "panel_30prov_2012_2017_study.csv"
    (beside / name).write_bytes((data_folder / "china" / name).read_bytes())
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.delenv("DIGICARBON_DATA")
    assert len(ChinaSource().load().frame) == 180


def test_a_missing_folder_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGICARBON_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"DIGICARBON_DATA.*folder that holds china/; source=simulated works") as caught:
        ChinaSource().load()
    assert str(tmp_path / "china") in str(caught.value)


def test_a_file_without_a_column_says_which(tmp_path: Path) -> None:
    (tmp_path / "china").mkdir()
    path = tmp_path / "china" / "panel_30prov_2012_2017_study.csv"
    path.write_text("province,year,gdp_rev_100m\nBeijing,2012,1\n", encoding="utf-8")
    with pytest.raises(DataError, match="lacks the columns pop_rev_10k"):
        ChinaSource(folder=str(tmp_path)).load()
