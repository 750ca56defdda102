"""Quantile regressions in one report: coefficients, location and scale, tests of equality, and a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

import pandas as pd
from pydantic import Field

from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.report.base import Record, Report, Table, heads
from digicarbon.report.picture import plot_quantiles
from digicarbon.report.pictured import Formats, files_of, results_of
from digicarbon.report.regression import RegressionTable
from digicarbon.report.rows import number_text
from digicarbon.spec import Names

SHOWN: Mapping[str, tuple[str, ...]] = {
    "location_scale": ("in_location", "in_location_se", "in_location_p", "in_scale", "in_scale_se", "in_scale_p"),
    "quantiles": ("error_quantile", "se", "error_density"),
    "equality": ("F", "df1", "df2", "p"),
}
"""Tables of a quantile regression and their columns, in the order in which they are read."""
MOST_RUNS = 12


class QuantileReport(Report):
    """The coefficients of all quantiles; below them those of location and scale, and the test that they are equal.

    Attributes
    ----------
    decimals : int
        Digits after the decimal point.
    show_controls : bool
        Whether the coefficients of controls have rows.
    statistics : tuple of str
        Rows below the coefficients.
    pictures : tuple of {"png", "svg", "pdf"}
        Formats; empty for none.
    most_runs : int
        Up to how many runs have columns each; with more the table is that of coefficients alone, without pictures.
    """

    decimals: Annotated[int, Field(ge=0, le=12)] = 4
    show_controls: bool = False
    statistics: Names = ("nobs", "n_units")
    pictures: Formats = ("png", "svg")
    most_runs: Annotated[int, Field(ge=1)] = MOST_RUNS

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the coefficients, and a table of each kind below them.

        Raises
        ------
        ConfigError
            If no run has quantiles.
        """
        having = [record for record in records if "quantiles" in record.result.tables]
        if not having:
            raise ConfigError(Note("no_quantiles"))
        coefficients = RegressionTable(
            decimals=self.decimals,
            labels=self.labels,
            language=self.language,
            statistics=self.statistics,
            tests=(),
            show_controls=self.show_controls,
            most_runs=self.most_runs,
        )
        whole = coefficients.table(title, records)
        if len(records) > self.most_runs:
            return whole
        below: Table | None = None
        for name in reversed(list(SHOWN)):
            below = replace(self._one(name, having), below=below)
        return replace(whole, below=below)

    def _one(self, name: str, records: Sequence[Record]) -> Table:
        """Return a table of all runs below each other."""
        parts = []
        for run, record in zip(heads(records, self.words), records, strict=True):
            own = record.result.tables[name][list(SHOWN[name])]
            labels = [self._word(str(key)) for key in own.index]
            if run and len(records) > 1:
                labels = [f"{run}{self.words.colon}{label}" for label in labels]
            parts.append(own.set_axis(labels, axis=0))
        cells = pd.concat(parts).map(self._cell).rename(columns=self._word)
        corner = self._word(str(records[0].result.tables[name].index.name))
        title = self._word(f"table {name}")
        return Table(title, cells.rename_axis(corner), language=self.words.spoken, corners=(corner,))

    def _cell(self, value: float) -> str:
        return f"{value:.0f}" if float(value).is_integer() else number_text(value, self.decimals)

    def _word(self, name: str) -> str:
        return name if self.language is None else self.words.word(self.words(name))

    def files(self, title: str, records: Sequence[Record]) -> Mapping[str, bytes]:
        """Return ``quantiles.<format>``; of several runs each has its label."""
        if not self.pictures or len(records) > self.most_runs:
            return {}
        own = [record for record in records if "quantiles" in record.result.tables]
        simulated = any(record.simulated for record in own)
        files: dict[str, bytes] = {}
        for label, result in results_of(own, self.words).items():
            above = title if len(own) == 1 else f"{title}{self.words.colon}{label}"
            figure = plot_quantiles(result, above, simulated, self.language or "en", self.words)
            files |= files_of("quantiles" if len(own) == 1 else f"quantiles_{label}", figure, self.pictures)
        return files
