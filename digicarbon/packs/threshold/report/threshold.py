"""Threshold regressions in one report: slopes of regimes, tests, thresholds with their sets, and a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from digicarbon.note import Note
from digicarbon.packs.threshold.picture.threshold import plot_threshold
from digicarbon.report.base import Record, Table
from digicarbon.report.sets import set_text
from digicarbon.report.tables_below import TablesBelow
from digicarbon.spec import Names


class ThresholdReport(TablesBelow):
    """The slopes of regimes; below them the tests of the number of thresholds, their confidence sets, the regimes."""

    shown = ("threshold_tests", "thresholds", "regimes")
    needed = "thresholds"
    picture = ("lr", "threshold", plot_threshold)

    statistics: Names = ("nobs", "n_units", "r2_within")

    @classmethod
    def none(cls) -> Note:
        """Return the note that no run has thresholds."""
        return Note("no_thresholds")

    def columns(self, name: str, table: pd.DataFrame) -> list[str]:
        """Return F and LR, which stand beside each other, then those of which a cell says something."""
        first = [column for column in ("F", "LR") if column in table.columns]
        ordered = [*first, *(str(column) for column in table.columns if column not in first)]
        # what is missing in every row says nothing, nor do sets that are all in one piece
        whole = [column for column in ("pieces",) if column in ordered and (table[column] == 1).all()]
        return [column for column in ordered if column not in whole and not table[column].isna().all()]

    def _one(self, name: str, records: Sequence[Record]) -> Table:
        """Return a table of all runs below each other; sets of several pieces as their union in place of their ends."""
        table = super()._one(name, records)
        broken = any((record.result.tables["thresholds"]["pieces"] > 1).any() for record in records)
        if name != "thresholds" or not broken:
            return table
        sets = [
            set_text(record.result, f"threshold_{at}", self.decimals)
            for record in records
            for at in record.result.tables[name].index
        ]
        ends = [self.word(end) for end in ("low", "high", "pieces")]
        cells = table.cells.drop(columns=[end for end in ends if end in table.cells])
        cells.insert(1, self.word("confidence set"), sets)
        return replace(table, cells=cells)
