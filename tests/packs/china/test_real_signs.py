"""Signs on the real panel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from digicarbon.config.compose import Composer, loader
from digicarbon.plan.runs import plan


@pytest.fixture(scope="module")
def raw(data_folder: Path) -> pd.DataFrame:
    """The real panel of 2012-17 with the GDP and population of both vintages, from the raw files."""
    china, keys = data_folder / "china", ["province", "year"]
    read = {
        "co2": ("ceads/ceads_sectoral_co2_total_by_fuel_1997_2019.csv", "scope_1_total"),
        "gdp_revised": ("nbs/nbs_province_2011_2022.csv", "gdp_nominal_100m_cny"),
        "population_revised": ("nbs/nbs_province_2011_2022.csv", "population_10k"),
        "urban_revised": ("nbs/nbs_province_2011_2022.csv", "urban_population_10k"),
        "gdp_original": ("nbs/wd_province_energy_macro_1985_2018.csv", "gdp_nominal_100m_cny"),
        "population_original": ("nbs/wd_province_energy_macro_1985_2018.csv", "population_10k"),
        "urban_original": ("nbs/wd_province_energy_macro_1985_2018.csv", "urban_population_10k"),
        "digeco": ("digital/yao_digital_economy_did_2010_2021.csv", "digeco"),
        "ter_sec": ("digital/yao_digital_economy_did_2010_2021.csv", "stab"),
    }
    columns = {name: pd.read_csv(china / file).set_index(keys)[column] for name, (file, column) in read.items()}
    frame = pd.DataFrame(columns).dropna(subset=["co2", "digeco"]).reset_index()
    return frame[frame["year"].between(2012, 2017)]


def by_dummies(raw: pd.DataFrame, vintage: str, controls: bool, outcome: str = "intensity") -> float:
    gdp, people = raw[f"gdp_{vintage}"], raw[f"population_{vintage}"]
    y = np.log(raw["co2"]) - {"intensity": np.log(gdp), "total": 0.0, "per_capita": np.log(people)}[outcome]
    x = [np.log(raw["digeco"])]
    if controls:
        x += [np.log(gdp / people), np.log(people), np.log(raw[f"urban_{vintage}"] / people), np.log(raw["ter_sec"])]
    dummies = pd.get_dummies(raw[["province", "year"]].astype(str), dtype=float)
    solution = np.linalg.lstsq(np.column_stack([*x, dummies]), y, rcond=None)[0]
    return float(solution[0])


@pytest.mark.long
def test_the_real_panel_s_coefficients(raw: pd.DataFrame) -> None:
    planned = plan(Composer(loader(), "china_choices", ["executor=sequential"]))
    assert len(planned.runs) == 24
    fits = {run.label: run.specs.model.fit(run.prepared.panel, run.prepared.weights) for run in planned.runs}
    for vintage in ("revised", "original"):
        for column in ("no controls", "controls"):
            label = f"{column}, outcome=intensity, source.vintage={vintage}, measure=digeco"
            expected = by_dummies(raw, vintage, column == "controls")
            assert fits[label].estimates.loc["ln_digeco", "coef"] == pytest.approx(expected, rel=1e-8)


@pytest.mark.long
def test_intensity_total_and_per_head_have_one_coefficient(raw: pd.DataFrame) -> None:
    """ln CO2/GDP and ln CO2/population differ from ln CO2 by controls: GDP per head and population."""
    words = ["source=china_folder", "source.years=[2012,2017]", "measure=digeco", "model=twfe"]
    coefs = {}
    for outcome in ("intensity", "total", "per_capita"):
        (run,) = plan(Composer(loader(), "config", [*words, f"outcome={outcome}"])).runs
        coefs[outcome] = run.specs.model.fit(run.prepared.panel, None).estimates.loc["ln_digeco", "coef"]
        assert coefs[outcome] == pytest.approx(by_dummies(raw, "revised", True, outcome), rel=1e-8)
    assert coefs["total"] == pytest.approx(coefs["intensity"], rel=1e-9)
    assert coefs["per_capita"] == pytest.approx(coefs["intensity"], rel=1e-9)
    without = [by_dummies(raw, "revised", False, outcome) for outcome in ("intensity", "total")]
    assert abs(without[0] - without[1]) > 0.05
