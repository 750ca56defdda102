"""Carbon intensity: CO2 over GDP."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from digicarbon import data
from digicarbon.errors import DataError, listing
from digicarbon.numeric import fuels
from digicarbon.outcome.base import Outcome
from digicarbon.source import Inputs

MT_PER_100M_TO_T_PER_10K = 100.0
"""1 Mt per 100m CNY is 1e6 t per 1e4 times 10k CNY."""


class Intensity(Outcome):
    """Carbon intensity, CO2 over GDP, in tonnes per 10k CNY.

    Attributes
    ----------
    name : str
        The column that `compute` makes.
    term, controls
        As in `Outcome`.
    account : {"sectoral", "apparent", "fuels"}
        The emissions account: the series ``co2_sectoral`` or ``co2_apparent`` (million tonnes), or CO2 from the
        burning of seven fuels (Eq 9 of the study, factors of `digicarbon.data.fuels`).
    gdp : str
        The series of GDP, 100m CNY.
    """

    name: str = "ci"
    term: str = "ln_ci"
    account: Literal["sectoral", "apparent", "fuels"] = "sectoral"
    gdp: str = "gdp"

    def compute(self, inputs: Inputs) -> pd.DataFrame:
        """Return unit, time and carbon intensity; missing where CO2 or GDP is missing.

        Raises
        ------
        DataError
            If a series is missing, or if GDP or CO2 is zero or negative.
        """
        table = inputs.series([self.gdp, *self._series()], f"outcome.account={self.account}")
        gdp, co2 = table[self.gdp], self._co2(table)
        _refuse_non_positive(table, gdp, f"Column '{self.gdp}' (GDP)", inputs.source)
        _refuse_non_positive(table, co2, f"CO2 of outcome.account={self.account}", inputs.source)
        return table[["unit", "time"]].assign(**{self.name: MT_PER_100M_TO_T_PER_10K * co2 / gdp})

    def _series(self) -> list[str]:
        return list(data.fuels()["fuel"]) if self.account == "fuels" else [f"co2_{self.account}"]

    def _co2(self, table: pd.DataFrame) -> pd.Series[float]:
        if self.account != "fuels":
            return table[f"co2_{self.account}"]
        facts = data.fuels()
        factors = fuels.emission_factors(
            facts["calorific_value_kj"], facts["carbon_content_t_per_tj"], facts["oxidation"]
        )
        burnt = table[list(facts["fuel"])].to_numpy(dtype=np.float64)
        return pd.Series(fuels.fuel_co2_mt(burnt, factors, facts["unit"] == "100m_m3"), index=table.index)


def _refuse_non_positive(table: pd.DataFrame, values: pd.Series[float], what: str, source: str) -> None:
    bad = table[(values <= 0).to_numpy()]
    if len(bad):
        cells = listing(f"{unit} {year}" for unit, year in zip(bad["unit"], bad["time"], strict=True))
        raise DataError(
            f"{what} in source={source} is zero or negative for {cells}; carbon intensity and its logarithm need "
            "positive values. Correct these cells, or leave them empty to treat them as missing."
        )
