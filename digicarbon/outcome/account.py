"""Which CO2 an outcome counts: the sectoral or the apparent inventory, or the burning of fuels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd
import pydantic
from numpy.typing import NDArray

from digicarbon import data
from digicarbon.errors import DataError, listing
from digicarbon.numeric import fuels
from digicarbon.outcome.base import Outcome
from digicarbon.source import Inputs
from digicarbon.spec import Spec


class Fuel(Spec):
    """What a fuel emits when it burns.

    Attributes
    ----------
    calorific_value_kj : float
        Low calorific value, kJ per kg, or per m3 of gas.
    carbon_content_t_per_tj : float
        Tonnes of carbon per TJ.
    oxidation : float
        Share of the carbon that is oxidised, from 0 to 1.
    unit : {"10kt", "100m_m3"}
        The unit of the source's series: 10k tonnes, or 100m cubic metres.
    """

    calorific_value_kj: float = pydantic.Field(gt=0)
    carbon_content_t_per_tj: float = pydantic.Field(gt=0)
    oxidation: float = pydantic.Field(default=1.0, gt=0, le=1)
    unit: Literal["10kt", "100m_m3"] = "10kt"


class CarbonOutcome(Outcome):
    """An outcome that is made from CO2.

    Attributes
    ----------
    name, term, controls
        As in `Outcome`.
    account : {"sectoral", "apparent", "fuels"}
        The emissions account: the series ``co2_sectoral`` or ``co2_apparent`` (million tonnes), or CO2 from the
        burning of fuels (Eq 9 of the study). Whether fuels are counted in final or in total consumption is the
        source's choice.
    factors : mapping of str to Fuel, or None
        The fuels of the account ``fuels``, by the name of their series; None takes the study's seven
        (`digicarbon.data.fuels`).
    missing_fuels : {"refuse", "zero"}
        What a fuel without a value does to the account ``fuels``: the sum is missing, or the fuel counts as unused and
        a note says where. A unit and year without any fuel stays missing.
    """

    account: Literal["sectoral", "apparent", "fuels"] = "sectoral"
    factors: dict[str, Fuel] | None = None
    missing_fuels: Literal["refuse", "zero"] = "refuse"

    @pydantic.model_validator(mode="after")
    def _factors_have_a_use(self) -> CarbonOutcome:
        if self.factors is not None and self.account != "fuels":
            raise ValueError(
                f"factors belong to account=fuels; account={self.account} takes CO2 as its inventory has it."
            )
        if self.factors == {}:
            raise ValueError("factors is empty; name at least one fuel, or leave it null for the study's seven.")
        return self

    def notes(self, inputs: Inputs) -> tuple[str, ...]:
        """Return where a fuel without a value is taken as unused."""
        if self.account != "fuels" or self.missing_fuels == "refuse":
            return ()
        table = inputs.series(self._fuels, self._asks)
        gaps = table[self._fuels].isna()
        partly = gaps.any(axis=1) & ~gaps.all(axis=1)
        cells = [
            f"{fuel} {unit} {year}"
            for fuel in self._fuels
            for unit, year in table.loc[partly & gaps[fuel], ["unit", "time"]].itertuples(index=False)
        ]
        return (f"Fuels without a value are taken as unused: {listing(cells, 40)}.",) if cells else ()

    def _with_co2(self, inputs: Inputs, *series: str) -> tuple[pd.DataFrame, pd.Series[float]]:
        """Return unit, time and the wanted series, and CO2 in million tonnes, missing where the account is.

        Raises
        ------
        DataError
            If a series is missing, or if CO2 is zero or negative.
        """
        counted = self._fuels if self.account == "fuels" else [f"co2_{self.account}"]
        table = inputs.series([*series, *counted], self._asks)
        co2 = self._burnt(table) if self.account == "fuels" else table[counted[0]]
        refuse_non_positive(table, co2, f"CO2 of {self._asks}", inputs.source)
        return table, co2

    @property
    def _asks(self) -> str:
        return f"outcome.account={self.account}"

    @property
    def _fuels(self) -> list[str]:
        return list(self._facts)

    @property
    def _facts(self) -> Mapping[str, Fuel]:
        if self.factors is not None:
            return self.factors
        rows = data.fuels().to_dict("records")
        return {str(row.pop("fuel")): Fuel(**{str(name): value for name, value in row.items()}) for row in rows}

    def _burnt(self, table: pd.DataFrame) -> pd.Series[float]:
        facts = list(self._facts.values())
        factors = fuels.emission_factors(
            [fuel.calorific_value_kj for fuel in facts],
            [fuel.carbon_content_t_per_tj for fuel in facts],
            [fuel.oxidation for fuel in facts],
        )
        burnt = table[self._fuels].to_numpy(dtype=np.float64)
        if self.missing_fuels == "zero":
            gaps = np.isnan(burnt)
            burnt = np.where(gaps & ~gaps.all(axis=1, keepdims=True), 0.0, burnt)
        gaseous = [fuel.unit == "100m_m3" for fuel in facts]
        return pd.Series(fuels.fuel_co2_mt(burnt, factors, gaseous), index=table.index)


def refuse_non_positive(
    table: pd.DataFrame, values: pd.Series[float] | NDArray[np.float64], what: str, source: str
) -> None:
    """Raise unless all values that are not missing are positive; ``what`` names them in the message.

    Raises
    ------
    DataError
        If a value is zero or negative; it names units and years.
    """
    bad = table[np.asarray(values) <= 0]
    if len(bad):
        cells = listing(f"{unit} {year}" for unit, year in zip(bad["unit"], bad["time"], strict=True))
        raise DataError(
            f"{what} in source={source} is zero or negative for {cells}; the outcome and its logarithm need positive "
            "values. Correct these cells, or leave them empty to treat them as missing."
        )
