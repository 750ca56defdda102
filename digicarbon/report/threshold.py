"""Threshold regressions in one report: slopes of regimes, tests, thresholds with their sets, and a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

import pandas as pd
from pydantic import Field

from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.report.base import Record, Report, Table, heads
from digicarbon.report.picture import plot_threshold
from digicarbon.report.pictured import Formats, files_of, results_of
from digicarbon.report.regression import RegressionTable
from digicarbon.report.rows import number_text
from digicarbon.spec import Names

TABLES = ("threshold_tests", "thresholds", "regimes")
"""Tables of a threshold regression, in the order in which they are read."""
MOST_RUNS = 12


class ThresholdReport(Report):
    """The slopes of regimes; below them the tests of the number of thresholds, their confidence sets, the regimes.

    Attributes
    ----------
    decimals : int
        Digits after the decimal point.
    statistics : tuple of str
        Rows below the slopes.
    pictures : tuple of {"png", "svg", "pdf"}
        Formats; empty for none.
    most_runs : int
        Up to how many runs have columns each; with more the table is that of slopes alone, without pictures.
    """

    decimals: Annotated[int, Field(ge=0, le=12)] = 4
    statistics: Names = ("nobs", "n_units", "r2_within")
    pictures: Formats = ("png", "svg")
    most_runs: Annotated[int, Field(ge=1)] = MOST_RUNS

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the slopes, and a table of each kind below them.

        Raises
        ------
        ConfigError
            If no run has thresholds.
        """
        having = [record for record in records if "thresholds" in record.result.tables]
        if not having:
            raise ConfigError(Note("no_thresholds"))
        slopes = RegressionTable(
            decimals=self.decimals,
            labels=self.labels,
            language=self.language,
            statistics=self.statistics,
            tests=(),
            most_runs=self.most_runs,
        )
        whole = slopes.table(title, records)
        if len(records) > self.most_runs:
            return whole
        below: Table | None = None
        for name in reversed(TABLES):
            below = replace(self._one(name, having), below=below)
        return replace(whole, below=below)

    def _one(self, name: str, records: Sequence[Record]) -> Table:
        """Return a table of all runs below each other."""
        parts = []
        for run, record in zip(heads(records, self.words), records, strict=True):
            own = record.result.tables[name]
            labels = [f"{run}{self.words.colon}{key}" if run and len(records) > 1 else f"{key}" for key in own.index]
            parts.append(own.set_axis(labels, axis=0))
        table = pd.concat(parts)
        # where some are likelihood ratios of spatial models, these stand beside F
        first = [column for column in ("F", "LR") if column in table.columns]
        table = table[[*first, *(column for column in table.columns if column not in first)]]
        empty = [column for column in table.columns if table[column].isna().all()]
        # what is 1 or missing in every row says nothing
        empty += [column for column in ("pieces", "lr_scale") if column in table.columns and (table[column] == 1).all()]
        cells = table.drop(columns=empty).map(self._cell).rename(columns=self._word)
        corner = self._word(str(records[0].result.tables[name].index.name))
        title = self._word(f"table {name}")
        return Table(title, cells.rename_axis(corner), language=self.words.spoken, corners=(corner,))

    def _cell(self, value: float) -> str:
        return f"{value:.0f}" if float(value).is_integer() else number_text(value, self.decimals)

    def _word(self, name: str) -> str:
        return name if self.language is None else self.words.word(self.words(name))

    def files(self, title: str, records: Sequence[Record]) -> Mapping[str, bytes]:
        """Return ``threshold.<format>``; of several runs each has its label."""
        if not self.pictures or len(records) > self.most_runs:
            return {}
        own = [record for record in records if "lr" in record.result.tables]
        simulated = any(record.simulated for record in own)
        files: dict[str, bytes] = {}
        for label, result in results_of(own, self.words).items():
            above = title if len(own) == 1 else f"{title}{self.words.colon}{label}"
            figure = plot_threshold(result, above, simulated, self.language or "en", self.words)
            files |= files_of("threshold" if len(own) == 1 else f"threshold_{label}", figure, self.pictures)
        return files
