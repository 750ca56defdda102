"""The CO2 of an outcome: from the sectoral or the apparent inventory, or from the burning of fuels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
import pydantic

from digicarbon import data
from digicarbon.arrays import FloatArray
from digicarbon.errors import DataError
from digicarbon.note import Note, cut
from digicarbon.numeric.accounts import fuels
from digicarbon.numeric.accounts.bea import STUDY
from digicarbon.outcome.base import Outcome
from digicarbon.source import Inputs
from digicarbon.spec import Definition, Spec

FuelUnit = Literal["10kt", "100m_m3"]
"""10k tonnes, or 100m cubic metres."""

CONSIDERABLE = 0.05
"""A fuel with a larger share in a unit's CO2 does not count as unused if it has no value."""

# from blast furnace gas (3 MJ per m3) and wood (10 MJ per kg) to liquid fuels (50) and gases (90)
_CALORIFIC = (1_000.0, 100_000.0)
_CARBON = (5.0, 100.0)


class Fuel(Spec):
    """The properties of a fuel that determine its CO2 when it burns.

    Attributes
    ----------
    calorific_value_kj : float
        Low calorific value, kJ per kg, or per m3 of gas: 1,000 to 100,000.
    carbon_content_t_per_tj : float
        Tonnes of carbon per TJ: 5 to 100.
    oxidation : float
        Share of the carbon that is oxidised, from 0 to 1.
    unit : {"10kt", "100m_m3"} or None
        The unit of the source's series: 10k tonnes, or 100m cubic metres; None takes the unit that the source states.
    """

    calorific_value_kj: float
    carbon_content_t_per_tj: float
    oxidation: float = pydantic.Field(default=1.0, gt=0, le=1)
    unit: FuelUnit | None = None

    @pydantic.field_validator("calorific_value_kj")
    @classmethod
    def _in_kj(cls, value: float) -> float:
        if not _CALORIFIC[0] <= value <= _CALORIFIC[1]:
            raise ValueError(Note("fuel_calorific_value_outside", value=value))
        return value

    @pydantic.field_validator("carbon_content_t_per_tj")
    @classmethod
    def _of_carbon(cls, value: float) -> float:
        if not _CARBON[0] <= value <= _CARBON[1]:
            raise ValueError(Note("fuel_carbon_content_outside", value=value))
        return value


class CarbonOutcome(Outcome):
    """An outcome that is made from CO2.

    Attributes
    ----------
    account : {"sectoral", "apparent", "fuels"}
        The emissions account: the series ``co2_sectoral`` or ``co2_apparent`` (million tonnes), or CO2 from the
        burning of fuels (Eq 9 of the study). Whether fuels are counted in final or in total consumption is the
        source's choice.
    factors : mapping of str to Fuel, or None
        The fuels of the account ``fuels``, by the name of their series; None takes the study's seven
        (`digicarbon.data.fuels`).
    missing_fuels : {"refuse", "zero"}
        What happens in the account ``fuels`` if a fuel has no value: the sum is missing, or the fuel counts as unused
        and a note says where. The sum is still missing, with a note, if there is no fuel at all, or if the fuel made
        more than `CONSIDERABLE` of the unit's CO2 in the median year that has it (of all units' CO2 if the unit never
        has it). Other accounts ignore this field.
    """

    _unit: ClassVar[str] = "Mt"

    account: Literal["sectoral", "apparent", "fuels"] = "sectoral"
    factors: dict[str, Fuel] | None = None
    missing_fuels: Literal["refuse", "zero"] = "refuse"

    @pydantic.model_validator(mode="after")
    def _factors_have_a_use(self) -> CarbonOutcome:
        if self.factors is not None and self.account != "fuels":
            raise ValueError(Note("factors_of_other_account", key="factors", account=self.account))
        if self.factors == {}:
            raise ValueError(Note("no_factors", key="factors"))
        return self

    def emission_factors(self) -> pd.DataFrame:
        """Return the emission factor of each fuel of the account ``fuels`` (Table 4 of the study, or the user's).

        Index: the fuels. Columns: ``calorific_value`` (kJ per kg, gas: per m3), ``carbon_content`` (t of carbon
        per TJ), ``oxidation`` (share) and ``emission_factor`` (kg of CO2 per kg, gas: per m3).
        """
        facts = self._facts.values()
        return pd.DataFrame(
            {
                "calorific_value": [fuel.calorific_value_kj for fuel in facts],
                "carbon_content": [fuel.carbon_content_t_per_tj for fuel in facts],
                "oxidation": [fuel.oxidation for fuel in facts],
                "emission_factor": self._per_kg(),
            },
            index=pd.Index(self._fuels, name="fuel"),
        )

    def definitions(self) -> Mapping[str, Definition]:
        """Return the formula of the outcome, with the words of its note."""
        fuels = self.account == "fuels"
        co2 = "(Σ_f E_f · NCV_f · CC_f · O_f · 44/12)" if fuels else f"co2_{self.account}"
        names = f", f = {', '.join(self._fuels)}" if fuels else ""
        words = (self._co2_note(), *((Note("fuel_symbols"),) if fuels else ()))
        source = f"{STUDY}, Eq 9" if fuels and self.factors is None else ""
        return {self.name: Definition(f"{self._formula(co2)}{names}", words, self._unit, source)}

    def _formula(self, co2: str) -> str:
        """Return the formula of the outcome, of which CO2 in million tonnes is a part."""
        return co2

    def notes(self, inputs: Inputs) -> tuple[Note, ...]:
        """Return notes on the CO2 account and on fuels without a value."""
        notes = [self._co2_note()]
        if self.account == "fuels" and self.missing_fuels == "zero":
            table = inputs.series(self._fuels, self._setting)
            notes += self._gap_notes(table, self._shares(table, inputs))
        return tuple(notes)

    def _co2_note(self) -> Note:
        """Return the note on the CO2 account and on its divisor."""
        return Note("co2_account", account=self._account_note())

    def _account_note(self) -> Note:
        if self.account != "fuels":
            return Note("sectoral_account") if self.account == "sectoral" else Note("apparent_account")
        if self.factors is None:
            return Note("fuels_of_study", fuels=len(self._fuels))
        factors = zip(self._fuels, self._per_kg(), strict=True)
        numbers = cut((Note("cell", parts=(fuel, f"{factor:.3g}")) for fuel, factor in factors), 12)
        return Note("fuels_of_own", fuels=len(self._fuels), factors=numbers)

    def _gap_notes(self, table: pd.DataFrame, shares: FloatArray) -> list[Note]:
        gaps = table[self._fuels].isna().to_numpy()
        single_gaps = gaps & ~gaps.all(axis=1, keepdims=True)
        labels = [(str(unit), str(year)) for unit, year in zip(table["unit"], table["time"], strict=True)]
        missing = single_gaps & (shares > CONSIDERABLE)
        unused = single_gaps & ~missing.any(axis=1, keepdims=True)
        notes = []
        if unused.any():
            empty = ((self._fuels[k], *labels[row]) for k, row in np.argwhere(unused.T).tolist())
            notes.append(Note("fuels_unused", cells=cut((Note("cell", parts=parts) for parts in empty), 40)))
        if missing.any():
            cells = (
                Note("cell", parts=(self._fuels[k], *labels[row], f"({shares[row, k]:.0%})"))
                for k, row in np.argwhere(missing.T).tolist()
            )
            notes.append(Note("co2_missing", share=CONSIDERABLE, cells=cut(cells, 40)))
        return notes

    def _with_co2(self, inputs: Inputs, *series: str) -> tuple[pd.DataFrame, pd.Series[float]]:
        """Return unit, time and the series, and CO2 in million tonnes, missing where the account is missing.

        Raises DataError if a series is missing, or if CO2 is zero or negative.
        """
        columns = self._fuels if self.account == "fuels" else [f"co2_{self.account}"]
        table = inputs.series([*series, *columns], self._setting)
        co2 = self._fuel_co2(table, inputs) if self.account == "fuels" else table[columns[0]]
        refuse_non_positive(table, co2, Note("co2_of_account", account=self._setting), inputs.source)
        return table, co2

    @property
    def _setting(self) -> str:
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

    def _per_kg(self) -> FloatArray:
        facts = list(self._facts.values())
        return fuels.emission_factors(
            [fuel.calorific_value_kj for fuel in facts],
            [fuel.carbon_content_t_per_tj for fuel in facts],
            [fuel.oxidation for fuel in facts],
        )

    def _fuel_co2(self, table: pd.DataFrame, inputs: Inputs) -> pd.Series[float]:
        amounts = table[self._fuels].to_numpy(dtype=np.float64)
        gaseous = self._gaseous(inputs)
        gaps = np.isnan(amounts)
        if self.missing_fuels == "zero" and gaps.any():
            unused = gaps & ~gaps.all(axis=1, keepdims=True)
            amounts = np.where(unused & ~(self._shares(table, inputs) > CONSIDERABLE), 0.0, amounts)
        return pd.Series(fuels.fuel_co2_mt(amounts, self._per_kg(), gaseous), index=table.index)

    def _shares(self, table: pd.DataFrame, inputs: Inputs) -> FloatArray:
        """Return the usual share of each fuel in the CO2 of each row's unit, shape (rows, fuels)."""
        units = pd.factorize(table["unit"])[0]
        per_unit = fuels.mt_per_unit(self._per_kg(), self._gaseous(inputs))
        return fuels.usual_shares(table[self._fuels].to_numpy(dtype=np.float64) * per_unit, units)[units]

    def _gaseous(self, inputs: Inputs) -> list[bool]:
        """Return which fuels are measured by volume.

        Raises DataError if the unit of a fuel is unknown, or differs from the source's.
        """
        gaseous = []
        for name, fuel in self._facts.items():
            source_unit = inputs.units.get(name, "")
            unit = _fuel_unit(source_unit)
            if unit == "other" or (fuel.unit is not None and unit not in ("unknown", fuel.unit)):
                raise DataError(
                    Note(
                        "fuel_of_other_unit",
                        key=f"outcome.factors.{name}",
                        series=name,
                        source=inputs.source,
                        stated=source_unit,
                        known=Note("either_fuel_unit") if fuel.unit is None else fuel.unit,
                    )
                )
            if fuel.unit is None and unit == "unknown":
                raise DataError(
                    Note("fuel_without_unit", key=f"outcome.factors.{name}", series=name, source=inputs.source)
                )
            gaseous.append((fuel.unit or unit) == "100m_m3")
        return gaseous


def _fuel_unit(unit: str) -> FuelUnit | Literal["other", "unknown"]:
    """Return the unit that a source's spelling means."""
    rows = data.units()
    # 10kt, 10k t and 10k_t are the same unit
    matches = rows[rows["unit"].map(_bare) == _bare(unit)]
    if matches.empty:
        return "unknown"
    codes: Mapping[tuple[str, int], FuelUnit] = {("mass", 10**4): "10kt", ("volume", 10**8): "100m_m3"}
    return codes.get((str(matches["quantity"].iloc[0]), int(matches["size"].iloc[0])), "other")


def _bare(unit: str) -> str:
    return "".join(letter for letter in unit if letter not in " _")


def refuse_non_positive(table: pd.DataFrame, values: pd.Series[float] | FloatArray, what: Note, source: str) -> None:
    """Raise unless all values that are not missing are positive; ``what`` names them in the message.

    Raises DataError if a value is zero or negative; it names units and years.
    """
    bad = table[np.asarray(values) <= 0]
    if len(bad):
        cells = cut(Note("cell", parts=cell) for cell in zip(bad["unit"], bad["time"], strict=True))
        raise DataError(Note("outcome_not_positive", what=what, source=source, cells=cells))
