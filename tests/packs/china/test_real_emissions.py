"""Emissions of the real provinces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from digicarbon.outcome import Intensity, PerCapita, Total
from digicarbon.source import Inputs


def test_coal_that_is_missing_in_real_provinces_leaves_co2_missing(load_real: Callable[..., Inputs]) -> None:
    real = load_real("china_folder", vintage="original")
    outcome = Total(account="fuels", missing_fuels="zero")
    found = outcome.compute(real).set_index(["unit", "time"])["co2"]
    lost = found.index[found.isna()]
    assert {("Ningxia", 2001), ("Ningxia", 2002), ("Hainan", 2001), ("Hainan", 2002)} <= set(lost)
    assert [key for key in lost if key[1] <= 2017 and key[0] not in ("Ningxia", "Hainan")] == []
    assert "coal Ningxia 2001 (8" in str(outcome.notes(real)[2])
    assert "coke Hainan 2015" in str(outcome.notes(real)[1])


def within(x: object, years: int) -> np.ndarray:
    a = np.asarray(x, dtype=float).reshape(-1, years)
    return np.asarray(a - a.mean(axis=0) - a.mean(axis=1, keepdims=True) + a.mean())


def test_fuel_account_of_the_real_provinces_moves_with_the_sectoral_one(load_real: Callable[..., Inputs]) -> None:
    real = load_real("china")
    outcomes = (Total(account="fuels", missing_fuels="zero"), Total(), Total(account="apparent"))
    fuels, sectoral, apparent = (within(np.log(item.compute(real)["co2"]), 6).ravel() for item in outcomes)
    assert np.corrcoef(fuels, sectoral)[0, 1] == pytest.approx(0.82, abs=0.05)
    assert np.corrcoef(apparent, sectoral)[0, 1] == pytest.approx(0.42, abs=0.05)
    _, note = tuple(map(str, outcomes[0].notes(real)))
    for cell in ("coke Hainan 2015", "coke Hainan 2016", "kerosene Qinghai 2012", "kerosene Qinghai 2014"):
        assert cell in note


def test_totals_of_the_real_provinces_are_the_raw_file(data_folder: Path, load_real: Callable[..., Inputs]) -> None:
    raw = pd.read_csv(data_folder / "china" / "ceads" / "ceads_sectoral_co2_total_by_fuel_1997_2019.csv")
    total = raw.set_index(["province", "year"])["scope_1_total"]
    found = Total().compute(load_real("china")).set_index(["unit", "time"])["co2"]
    assert len(found) == 180
    np.testing.assert_allclose(found, total.loc[found.index], rtol=1e-6)


def test_per_head_of_the_real_provinces_by_hand(load_real: Callable[..., Inputs]) -> None:
    real = load_real("china")
    found = PerCapita().compute(real).set_index(["unit", "time"])["co2_per_capita"]
    # Beijing 2012: 97.998041 Mt and 20.78 million people
    assert found["Beijing", 2012] == pytest.approx(97.998041 / 20.78, rel=1e-9)
    intensity = Intensity().compute(real).set_index(["unit", "time"])["ci"]
    assert intensity["Beijing", 2012] == pytest.approx(97.998041e6 / 19568.3e4, rel=1e-9)
