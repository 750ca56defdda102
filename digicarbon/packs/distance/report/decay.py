"""How far spillovers reach, in one report: bands of distance, and the estimated decay of weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from digicarbon.packs.distance.picture.decay import plot_decay, plot_distance_bands
from digicarbon.report.base import Record, Table
from digicarbon.report.diagnostics import DiagnosticTables
from digicarbon.report.regression import RegressionTable, with_lines
from digicarbon.result import Result


class DistanceDecayTables(DiagnosticTables):
    """The bands of ``model=distance_bands`` and the estimates of ``model=decay``, below each other, with pictures."""

    shown = ("distance_bands", "decay")
    options = ("model=distance_bands", "model=decay")
    pictures_of = (("distance_bands", "distance_bands", plot_distance_bands), ("decay_profile", "decay", plot_decay))
    # the names of bands say where they begin and end
    columns_of: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "distance_bands": ("coef", "se", "p", "low", "high", "uniform_low", "uniform_high", "neighbours", "alone")
    }

    def part(self, name: str, title: str, records: Sequence[Record]) -> Table:
        """Return one of the tables; models of an estimated decay have a column each, as regressions have."""
        # very many runs: the median and the range of each number
        if name != "decay" or len(records) > self.most_runs:
            return super().part(name, title, records)
        estimates = RegressionTable(
            decimals=self.decimals,
            labels=self.labels,
            language=self.language,
            show_controls=False,
            statistics=("nobs", "n_units", "loglik"),
            tests=(),
            most_runs=self.most_runs,
        )
        levels = "/".join(f"{level:.0%}" for level in dict.fromkeys(one.result.inference.level for one in records))
        table = estimates.table(title, records)
        for name in dict.fromkeys(name for record in records for name in record.result.tables["decay"].index):
            parameter = self.words(name)
            label = self.words.word("interval of decay").format(level=levels, parameter=parameter)
            table = _with_row(table, parameter, label, [_interval(record.result, name) for record in records])
        return table


def _with_row(table: Table, after: str, label: str, texts: Sequence[str]) -> Table:
    """Return a table with a further row below the first one of a label, and below what stands beneath its numbers."""
    labels = [str(one) for one in table.cells.index]
    place = labels.index(after) + 1
    while place < len(labels) and not labels[place]:
        place += 1
    return with_lines(table, place, [(label, list(texts))])


def _interval(result: Result, name: str) -> str:
    """Return a parameter's interval by likelihood ratio, with significant digits: γ depends on the unit of distance."""
    table = result.tables["decay"]
    if name not in table.index:
        return ""
    low, high = table[["low_ratio", "high_ratio"]].to_numpy(dtype=np.float64)[table.index.get_loc(name)]
    return f"[{low:.4g}, {high:.4g}]" if np.isfinite([low, high]).all() else ""
