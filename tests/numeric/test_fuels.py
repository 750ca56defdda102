"""Eq 9: factors of the seven fuels and their units."""

from __future__ import annotations

import numpy as np
import pytest

from digicarbon import data
from digicarbon.numeric.accounts.fuels import emission_factors, fuel_co2_mt, mt_per_unit

# kg CO2 per kg (gas: per m3) as the literature prints them, four decimals
PRINTED = {
    "coal": 1.9003,
    "coke": 2.8604,
    "gasoline": 2.9251,
    "kerosene": 3.0179,
    "diesel": 3.0959,
    "fuel_oil": 3.1705,
    "natural_gas": 2.1622,
}


def test_seven_factors_to_the_printed_digits() -> None:
    facts = data.fuels().set_index("fuel")
    found = emission_factors(facts["calorific_value_kj"], facts["carbon_content_t_per_tj"], facts["oxidation"])
    assert dict(zip(facts.index, np.round(found, 4), strict=True)) == PRINTED


def test_units_by_hand() -> None:
    # 10k t at 2 kg/kg are 20k t, 0.02 Mt; 100m m3 at 3 kg/m3 are 3e8 kg, 0.3 Mt
    np.testing.assert_allclose(mt_per_unit([2.0, 3.0], [False, True]), [0.02, 0.3], rtol=1e-15)
    assert fuel_co2_mt([[5.0, 7.0]], [2.0, 3.0], [False, True])[0] == pytest.approx(5 * 0.02 + 7 * 0.3)


def test_a_missing_fuel_is_missing_not_zero() -> None:
    found = fuel_co2_mt([[1.0, np.nan], [1.0, 0.0]], [2.0, 3.0], [False, False])
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(0.02)
