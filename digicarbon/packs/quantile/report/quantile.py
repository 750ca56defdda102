"""Quantile regressions in one report: coefficients, location and scale, tests of equality, and a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from digicarbon.note import Note
from digicarbon.packs.quantile.model.base import CRITICAL
from digicarbon.packs.quantile.picture.quantile import plot_quantiles, quantile_numbers
from digicarbon.report.base import Record, Table
from digicarbon.report.pictured import Band, band_notes, ends
from digicarbon.report.regression import RegressionTable
from digicarbon.report.tables_below import TablesBelow
from digicarbon.result import Result

SHOWN: Mapping[str, tuple[str, ...]] = {
    "location_scale": ("in_location", "in_location_se", "in_location_p", "in_scale", "in_scale_se", "in_scale_p"),
    "quantiles": ("error_quantile", "se", "error_density"),
    "equality": ("F", "df1", "df2", "p"),
}
BANDS = "bands"
"""The table of coefficients over quantiles with their band, which is made of a result."""
"""Tables of a quantile regression and their columns, in the order in which they are read."""


class QuantileReport(TablesBelow):
    """The coefficients of all quantiles; below them those of location and scale, and the test that they are equal.

    Attributes
    ----------
    show_controls : bool
        Whether the coefficients of controls have rows.
    band : {"pointwise", "uniform"}
        Intervals in the table of coefficients over quantiles: of each quantile, or of all of them at once.
    """

    shown = (*SHOWN, BANDS)
    needed = "quantiles"
    picture = ("quantiles", "quantiles", plot_quantiles)

    show_controls: bool = False
    band: Band = "pointwise"

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the tables, with notes on the band."""
        whole = super().table(title, records)
        if whole.below is None:
            return whole
        drawn = any(f"{CRITICAL}." in name for record in records for name in record.result.statistics)
        return replace(
            whole, notes=(*whole.notes, *self.words.notes(band_notes(self.band, Note("along_quantiles"), drawn)))
        )

    def rows_of(self, name: str, result: Result) -> pd.DataFrame:
        """Return a table of a result; that of coefficients over quantiles is made of it."""
        if name != BANDS:
            return super().rows_of(name, result)
        numbers = quantile_numbers(result)
        index = pd.Index([f"{term}[{tau}]" for term, tau in numbers.index], name="term")
        return numbers.set_axis(index)

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
        return list(SHOWN[name]) if name != BANDS else ["coef", *ends(self.band), CRITICAL]
