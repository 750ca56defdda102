"""Reports of a regression with further tables of each run below its coefficients, and a picture of each run."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
from pydantic import PrivateAttr

from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.render import stacked
from digicarbon.report.base import MostRuns, Record, Table, heads
from digicarbon.report.labels import Labels
from digicarbon.report.pictured import Pictured
from digicarbon.report.regression import RegressionTable
from digicarbon.report.rows import unbounded
from digicarbon.report.supplement import Supplement, SupplementRequest
from digicarbon.spec import Names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from digicarbon.result import Result

MOST_SHOWN = 12
"""With more runs the tables below the coefficients are longer than what one reads."""


class TablesBelow(Pictured):
    """Coefficients, tables of each run below them, and a picture of each run.

    Attributes
    ----------
    statistics : tuple of str
        Rows below the coefficients.
    most_runs : int
        Up to how many runs have columns each; with more the table is that of coefficients alone, without pictures.
    """

    shown: ClassVar[tuple[str, ...]]
    """The tables below, in the order in which they are read."""
    needed: ClassVar[str]
    """The table that a run must have."""
    picture: ClassVar[tuple[str, str, Callable[..., Figure]]]
    """The table that a picture needs, the name of its file, and what draws the result of a run."""

    statistics: Names = ("nobs", "n_units")
    most_runs: MostRuns = MOST_SHOWN

    _supplement: Supplement | None = PrivateAttr(default=None)

    @property
    def supplement_request(self) -> SupplementRequest | None:
        """That of the coefficients."""
        return self.coefficients.supplement_request

    def with_supplement(self, supplement: Supplement | None) -> Self:
        """Return the report with the supplement of its coefficients."""
        report = self.model_copy()
        report._supplement = supplement
        return report

    @property
    def coefficients(self) -> RegressionTable:
        """The table of coefficients."""
        return RegressionTable(
            decimals=self.decimals,
            labels=self.labels,
            language=self.language,
            statistics=self.statistics,
            tests=(),
            most_runs=self.most_runs,
        ).with_supplement(self._supplement)

    def rows_of(self, name: str, result: Result) -> pd.DataFrame:
        """Return a table of a result."""
        return result.tables[name]

    def columns(self, name: str, table: pd.DataFrame) -> list[str]:
        """Return the columns of a table that are shown, in their order."""
        return [str(column) for column in table.columns]

    @classmethod
    @abstractmethod
    def none(cls) -> Note:
        """Return the note that no run has such tables."""

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the coefficients, and a table of each kind below them."""
        having = [record for record in records if self.needed in record.result.tables]
        if not having:
            raise ConfigError(self.none())
        whole = self.coefficients.table(title, records)
        if len(records) > self.most_runs:
            return whole
        return replace(whole, below=stacked([self._one(name, having) for name in self.shown]))

    def _one(self, name: str, records: Sequence[Record]) -> Table:
        """Return a table of all runs below each other."""
        frames = [self.rows_of(name, record.result) for record in records]
        table = below_each_other(records, frames, lambda key: self.word(str(key)), self.words)
        cells = table[self.columns(name, table)].map(self._cell).rename(columns=self.word)
        corner = self.words.level(str(frames[0].index.name))
        title = self.word(f"table {name}")
        return Table(title, cells.rename_axis(corner), language=self.words.spoken, corners=(corner,))

    def _cell(self, value: float) -> str:
        if not np.isfinite(value):
            return unbounded(value)
        return f"{value:z.{0 if float(value).is_integer() else self.decimals}f}"

    def word(self, name: str) -> str:
        """Return a name as the report's language has it; as it is without one."""
        return name if self.language is None else self.words.word(self.words(name))

    def drawn(self, title: str, records: Sequence[Record]) -> Iterator[tuple[str, Figure]]:
        """Yield the picture of each run that has its table."""
        needed, name, plot = self.picture
        having = [record for record in records if needed in record.result.tables]
        return self.of_each(name, title, having, plot, lambda result: result)


def below_each_other(
    records: Sequence[Record], frames: Sequence[pd.DataFrame], label: Callable[[Any], str], words: Labels
) -> pd.DataFrame:
    """Return a frame of each run below each other, rows by their labels in words; of several each names its run."""
    several = len(records) > 1
    above = [f"{run}{words.colon}" if run and several else "" for run in heads(records, words)]
    parts = [
        frame.set_axis([run + label(key) for key in frame.index]) for run, frame in zip(above, frames, strict=True)
    ]
    return pd.concat(parts)
