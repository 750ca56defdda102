"""Carbon intensity: CO2 over GDP, at current or at constant prices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pandas as pd

from digicarbon.errors import DataError
from digicarbon.note import Note, cut
from digicarbon.numeric.accounts.deflation import at_constant_prices
from digicarbon.outcome.account import CarbonOutcome, refuse_non_positive
from digicarbon.source import Inputs
from digicarbon.spec import Definition

MT_PER_100M_TO_T_PER_10K = 100.0
"""1 Mt per 100m CNY is 1e6 t per 1e4 times 10k CNY."""

REAL_GDP = "real_gdp"
"""The column of deflated GDP, 100m CNY at the prices of the base year."""


class Intensity(CarbonOutcome):
    """Carbon intensity, CO2 over GDP, in tonnes per 10k CNY.

    GDP is also the numerator of GDP per head. Where that is a control, the regression has one variable on both sides
    (a common divisor), and an error in GDP moves both; `digicarbon.outcome.Total` is the variant without it.

    Attributes
    ----------
    gdp : str
        The series of GDP at current prices, 100m CNY.
    base_year : int or None
        The year whose prices GDP is measured at: ``gdp_index`` carries its GDP to the other years, and the column
        ``real_gdp`` holds the result. None takes GDP as it is.
    gdp_index : str
        The series of the volume index of GDP, previous year = 100; used with a base year only.
    """

    _unit: ClassVar[str] = "t per 10k CNY"

    name: str = "ci"
    term: str = "ln_ci"
    gdp: str = "gdp"
    base_year: int | None = None
    gdp_index: str = "gdp_index"

    @property
    def divided_by(self) -> tuple[str, ...]:
        """GDP."""
        return (self.gdp,)

    def compute(self, inputs: Inputs) -> pd.DataFrame:
        """Return unit, time and carbon intensity (with a base year also ``real_gdp``); missing where CO2 or GDP is.

        Raises DataError if a series is missing, if GDP or CO2 is zero or negative, if the source does not have the base
        year, or if the index lacks a year between the base year and one that has GDP and CO2.
        """
        table, co2 = self._with_co2(inputs, self.gdp)
        refuse_non_positive(table, table[self.gdp], Note("column_of_gdp", column=self.gdp), inputs.source)
        if self.base_year is None:
            return table[["unit", "time"]].assign(**{self.name: MT_PER_100M_TO_T_PER_10K * co2 / table[self.gdp]})
        real = self._real_gdp(inputs, self.base_year, required=co2.notna() & table[self.gdp].notna())
        columns = {self.name: MT_PER_100M_TO_T_PER_10K * co2 / real, REAL_GDP: real}
        return table[["unit", "time"]].assign(**columns)

    def definitions(self) -> Mapping[str, Definition]:
        """Return the formula of the outcome, and with a base year that of GDP at its prices."""
        if self.base_year is None:
            return super().definitions()
        real = f"{self.gdp}[{self.base_year}] · Π_s {self.gdp_index}[s]/100, s = {self.base_year + 1} … t"
        return {**super().definitions(), REAL_GDP: Definition(real, (*self._deflation,), "100m CNY")}

    def notes(self, inputs: Inputs) -> tuple[Note, ...]:
        """Return how GDP is deflated, after the notes of the account."""
        return (*super().notes(inputs), *self._deflation)

    @property
    def _deflation(self) -> tuple[Note, ...]:
        years = () if self.base_year is None else (self.base_year,)
        return tuple(Note("constant_prices", year=year, index=self.gdp_index) for year in years)

    def _formula(self, co2: str) -> str:
        return f"{MT_PER_100M_TO_T_PER_10K:g} · {co2} / {self.gdp if self.base_year is None else REAL_GDP}"

    def _co2_note(self) -> Note:
        return Note("co2_over_gdp", account=self._account_note())

    def _real_gdp(self, inputs: Inputs, base_year: int, required: pd.Series[bool]) -> pd.Series[float]:
        """Return GDP at the prices of the base year for each row of the inputs."""
        table = inputs.series([self.gdp, self.gdp_index], "outcome.base_year")
        refuse_non_positive(
            table, table[self.gdp_index], Note("column_of_source", column=self.gdp_index), inputs.source
        )
        years = _years(table["time"], inputs.source)
        if base_year not in set(years):
            raise DataError(
                Note(
                    "base_year_outside",
                    key="outcome.base_year",
                    year=base_year,
                    source=inputs.source,
                    first=years.min(),
                    last=years.max(),
                )
            )
        # the panel reports repeated units and years
        wide = table.assign(time=years).drop_duplicates(["unit", "time"]).set_index(["unit", "time"])
        span = range(int(years.min()), int(years.max()) + 1)
        index = wide[self.gdp_index].unstack("time").reindex(columns=span)
        nominal = wide[self.gdp].unstack("time")[base_year]
        real = at_constant_prices(nominal, index, base_year - span.start)
        place = index.index.get_indexer(pd.Index(table["unit"])), (years - span.start).to_numpy()
        result = pd.Series(real[place], index=table.index)
        gaps = table.assign(time=years)[required & result.isna()]
        if len(gaps):
            self._raise_gaps(gaps, nominal, index, base_year, inputs.source)
        return result

    def _raise_gaps(
        self, gaps: pd.DataFrame, nominal: pd.Series[float], index: pd.DataFrame, base_year: int, source: str
    ) -> None:
        """Raise an error that names the values missing for real GDP."""
        no_base = [unit for unit in gaps["unit"].unique() if np.isnan(nominal[unit])]
        if no_base:
            raise DataError(
                Note(
                    "no_value_in_base_year",
                    key="outcome.base_year",
                    year=base_year,
                    column=self.gdp,
                    source=source,
                    units=cut(no_base),
                )
            )
        gap = index.isna()
        cells = {
            (unit, year): None
            for unit, row_year in zip(gaps["unit"], gaps["time"], strict=True)
            for year in range(min(row_year, base_year) + 1, max(row_year, base_year) + 1)
            if gap.loc[unit, year]
        }
        raise DataError(
            Note(
                "gap_of_index",
                key="outcome.base_year",
                year=base_year,
                column=self.gdp_index,
                source=source,
                cells=cut(Note("cell", parts=cell) for cell in cells),
                rows=len(gaps),
            )
        )


def _years(times: pd.Series[int], source: str) -> pd.Series[int]:
    numbers = pd.to_numeric(times, errors="coerce")
    bad = times[numbers.isna() | (numbers % 1 != 0)]
    if len(bad):
        periods = cut(map(repr, bad.unique()), 3)
        raise DataError(Note("base_year_needs_years", key="outcome.base_year", source=source, periods=periods))
    return numbers.astype(np.int64)
