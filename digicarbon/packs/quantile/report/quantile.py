"""Quantile regressions in one report: coefficients, location and scale, tests of equality, and a picture."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from digicarbon.note import Note
from digicarbon.packs.quantile.picture.quantile import plot_quantiles
from digicarbon.report.regression import RegressionTable
from digicarbon.report.tables_below import TablesBelow

SHOWN: Mapping[str, tuple[str, ...]] = {
    "location_scale": ("in_location", "in_location_se", "in_location_p", "in_scale", "in_scale_se", "in_scale_p"),
    "quantiles": ("error_quantile", "se", "error_density"),
    "equality": ("F", "df1", "df2", "p"),
}
"""Tables of a quantile regression and their columns, in the order in which they are read."""


class QuantileReport(TablesBelow):
    """The coefficients of all quantiles; below them those of location and scale, and the test that they are equal.

    Attributes
    ----------
    show_controls : bool
        Whether the coefficients of controls have rows.
    """

    shown = tuple(SHOWN)
    needed = "quantiles"
    picture = ("quantiles", "quantiles", plot_quantiles)

    show_controls: bool = False

    @property
    def coefficients(self) -> RegressionTable:
        """The table of coefficients, with those of controls where they are shown."""
        return super().coefficients.model_copy(update={"show_controls": self.show_controls})

    @classmethod
    def none(cls) -> Note:
        """Return the note that no run has quantiles."""
        return Note("no_quantiles")

    def columns(self, name: str, table: pd.DataFrame) -> list[str]:
        """Return the columns of `SHOWN`."""
        return list(SHOWN[name])
