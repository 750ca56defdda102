"""CO2 itself, as a total or per head."""

from __future__ import annotations

from typing import ClassVar

import pandas as pd

from digicarbon.note import Note
from digicarbon.outcome.account import CarbonOutcome, refuse_non_positive
from digicarbon.source import Inputs

MT_PER_10K_TO_T_PER_HEAD = 100.0
"""1 Mt per 10k persons is 1e6 t per 1e4 persons."""


class Total(CarbonOutcome):
    """CO2 in million tonnes.

    It has no divisor in common with GDP per head, unlike `Intensity`.
    """

    name: str = "co2"
    term: str = "ln_co2"

    def _co2_note(self) -> Note:
        return Note("co2_in_mt", account=self._account_note())

    def compute(self, inputs: Inputs) -> pd.DataFrame:
        """Return unit, time and CO2; missing where the account is missing.

        Raises DataError if a series is missing, or if CO2 is zero or negative.
        """
        table, co2 = self._with_co2(inputs)
        return table[["unit", "time"]].assign(**{self.name: co2})


class PerCapita(CarbonOutcome):
    """CO2 per head, in tonnes.

    Attributes
    ----------
    population : str
        The series of the population, 10k persons.
    """

    _unit: ClassVar[str] = "t per head"

    name: str = "co2_per_capita"
    term: str = "ln_co2_per_capita"
    population: str = "population"

    @property
    def divided_by(self) -> tuple[str, ...]:
        """The population."""
        return (self.population,)

    def _formula(self, co2: str) -> str:
        return f"{MT_PER_10K_TO_T_PER_HEAD:g} · {co2} / {self.population}"

    def _co2_note(self) -> Note:
        return Note("co2_per_head", account=self._account_note())

    def compute(self, inputs: Inputs) -> pd.DataFrame:
        """Return unit, time and CO2 per head; missing where CO2 or population is missing.

        Raises DataError if a series is missing, or if population or CO2 is zero or negative.
        """
        table, co2 = self._with_co2(inputs, self.population)
        people = table[self.population]
        refuse_non_positive(table, people, Note("column_of_population", column=self.population), inputs.source)
        return table[["unit", "time"]].assign(**{self.name: MT_PER_10K_TO_T_PER_HEAD * co2 / people})
