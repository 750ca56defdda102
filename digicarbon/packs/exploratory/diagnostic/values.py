"""Values by region and period, as maps show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import pandas as pd
from pydantic import Field, model_validator

from digicarbon.diagnostic._arguments import Variables
from digicarbon.diagnostic.base import Diagnostic
from digicarbon.errors import DataError
from digicarbon.note import Note, cut
from digicarbon.panel import Panel
from digicarbon.weights import Weights


class Values(Diagnostic):
    """The panel's own values of variables in some periods, for a map and the table behind it.

    Attributes
    ----------
    variables : tuple of str
        Columns or terms, e.g. ``ci`` or ``ln_e``.
    periods : tuple of int or str
        Empty takes the first and the last one.
    """

    table_names: ClassVar[tuple[str, ...]] = ("values",)
    of_data: ClassVar[bool] = True

    variables: Variables
    periods: Annotated[tuple[int | str, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _at_least_one(self) -> Values:
        if not self.variables:
            raise ValueError(Note("no_variables", key="variables"))
        return self

    @property
    def terms(self) -> tuple[str, ...]:
        """The variables."""
        return self.variables

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if a variable or a period is missing."""
        super().check(panel)
        self._periods(panel)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return the table ``values``: index variable, period, unit; column value."""
        selection = self._periods(panel)
        rows = [row for row, code in enumerate(panel.period_codes) if panel.periods[code] in selection]
        order = sorted(rows, key=lambda row: (selection.index(panel.periods[panel.period_codes[row]]), row))
        periods = [panel.periods[panel.period_codes[row]] for row in order]
        units = [panel.units[panel.unit_codes[row]] for row in order]
        index = pd.MultiIndex.from_arrays([periods, units])
        parts = {name: pd.DataFrame({"value": panel.column(name)[order]}, index=index) for name in self.variables}
        return {"values": pd.concat(parts, names=["variable", "period", "unit"])}

    def _periods(self, panel: Panel) -> list[int | str]:
        by_text = {str(period): period for period in panel.periods}
        unknown = [period for period in self.periods if str(period) not in by_text]
        if unknown:
            names = {"unknown": cut(unknown), "periods": cut(panel.periods, 20)}
            raise DataError(Note("panel_lacks_periods", key="diagnostic.periods", **names))
        selection = self.periods or (panel.periods[0], panel.periods[-1])
        return list(dict.fromkeys(by_text[str(period)] for period in selection))
