"""Threshold regressions in one report: slopes of regimes, tests, thresholds with their sets, and a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pandas as pd

from digicarbon.note import Note
from digicarbon.report.beneath import Beneath
from digicarbon.report.picture import plot_threshold
from digicarbon.result import Result
from digicarbon.spec import Names

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class ThresholdReport(Beneath):
    """The slopes of regimes; below them the tests of the number of thresholds, their confidence sets, the regimes.

    Attributes
    ----------
    decimals, statistics, pictures, most_runs
        As in `digicarbon.report.beneath.Beneath`; pictures are ``threshold.<format>``.
    """

    shown: ClassVar[tuple[str, ...]] = ("threshold_tests", "thresholds", "regimes")
    needed: ClassVar[str] = "thresholds"
    picture: ClassVar[tuple[str, str]] = ("lr", "threshold")

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

    def plot(self, result: Result, title: str, simulated: bool) -> Figure:
        """Return the likelihood ratio of each candidate."""
        return plot_threshold(result, title, simulated, self.language or "en", self.words)
