"""Carbon intensity by hand, by account."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from digicarbon import data
from digicarbon.errors import DataError
from digicarbon.outcome import Intensity
from digicarbon.source import Inputs


def inputs(**changes: list[float]) -> Inputs:
    columns: dict[str, object] = {
        "unit": ["A", "A", "B"],
        "time": [2012, 2013, 2012],
        "gdp": [20000.0, 10000.0, 5000.0],
    }
    columns |= {"co2_sectoral": [100.0, 200.0, 300.0], "co2_apparent": [50.0, 100.0, 150.0]}
    columns |= {fuel: [0.0, 0.0, 0.0] for fuel in data.fuels()["fuel"]}
    columns |= {"coal": [1000.0, 2000.0, 0.0], "natural_gas": [0.0, 10.0, 20.0]}
    return Inputs(frame=pd.DataFrame(columns | changes), source="mine")


def test_tonnes_per_10k_cny() -> None:
    # 100 Mt over 20,000 x 100m CNY: 1e8 t over 2e8 x 10k CNY
    found = Intensity().compute(inputs())
    assert list(found.columns) == ["unit", "time", "ci"]
    assert found["ci"].tolist() == pytest.approx([0.5, 2.0, 6.0])


def test_apparent_account_and_other_name() -> None:
    found = Intensity(account="apparent", name="ci_apparent").compute(inputs())
    assert found["ci_apparent"].tolist() == pytest.approx([0.25, 1.0, 3.0])


def test_other_gdp_series() -> None:
    found = Intensity(gdp="gdp_revised").compute(inputs(gdp_revised=[10000.0, 10000.0, 10000.0]))
    assert found["ci"].tolist() == pytest.approx([1.0, 2.0, 3.0])


def test_seven_fuels() -> None:
    # coal 1.9003 kg/kg on 10k t, gas 2.1622 kg/m3 on 100m m3: Mt are 0.01 and 0.1 times these
    coal, gas = 20908e-6 * 26.37 * 0.94 * 44 / 12, 38931e-6 * 15.3 * 0.99 * 44 / 12
    mt = np.array([1000 * coal / 100, 2000 * coal / 100 + 10 * gas / 10, 20 * gas / 10])
    found = Intensity(account="fuels").compute(inputs())
    np.testing.assert_allclose(found["ci"], 100 * mt / [20000, 10000, 5000], rtol=1e-13)


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_non_positive_gdp_names_unit_and_year(value: float) -> None:
    with pytest.raises(DataError, match=r"Column 'gdp' \(GDP\) in source=mine is zero or negative for A 2013;"):
        Intensity().compute(inputs(gdp=[1.0, value, 1.0]))


def test_zero_co2_names_unit_and_year() -> None:
    with pytest.raises(DataError, match=r"outcome\.account=sectoral in source=mine is zero or negative for B 2012;"):
        Intensity().compute(inputs(co2_sectoral=[1.0, 1.0, 0.0]))
    with pytest.raises(
        DataError, match=r"outcome\.account=fuels in source=mine is zero or negative for A 2012, B 2012"
    ):
        Intensity(account="fuels").compute(inputs(coal=[0.0, 1.0, 0.0], natural_gas=[0.0, 0.0, 0.0]))


def test_missing_values_stay_missing() -> None:
    found = Intensity().compute(inputs(co2_sectoral=[np.nan, 200.0, 300.0], gdp=[20000.0, np.nan, 5000.0]))
    assert found["ci"].isna().tolist() == [True, True, False]


def test_missing_series_says_who_wants_it() -> None:
    lacking = Inputs(frame=inputs().frame.drop(columns="coke"), source="mine")
    with pytest.raises(DataError, match=r"outcome\.account=fuels needs the series coke, which source=mine"):
        Intensity(account="fuels").compute(lacking)
