"""Reports of a regression with further tables of each run below its coefficients, and a picture of each run."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.report.base import MostRuns, Record, Report, Table, heads
from digicarbon.report.pictured import Formats, pictures
from digicarbon.report.regression import RegressionTable
from digicarbon.report.rows import unbounded
from digicarbon.result import Result
from digicarbon.spec import Names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_SHOWN = 12
"""With more runs the tables below the coefficients are longer than what one reads."""


class TablesBelow(Report):
    """Coefficients, tables of each run below them, and a picture of each run.

    Attributes
    ----------
    shown : tuple of str
        Class attribute: the tables below, in the order in which they are read.
    needed : str
        Class attribute: the table that a run must have.
    picture : tuple of two str
        Class attribute: the table that a picture needs, and the name of its file.
    decimals : int
        Digits after the decimal point.
    statistics : tuple of str
        Rows below the coefficients.
    pictures : tuple of {"png", "svg", "pdf"}
        Formats; empty for none.
    most_runs : int
        Up to how many runs have columns each; with more the table is that of coefficients alone, without pictures.
    """

    shown: ClassVar[tuple[str, ...]]
    needed: ClassVar[str]
    picture: ClassVar[tuple[str, str]]

    decimals: Annotated[int, Field(ge=0, le=12)] = 4
    statistics: Names = ("nobs", "n_units")
    pictures: Formats = ("png", "svg")
    most_runs: MostRuns = MOST_SHOWN

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
        )

    def columns(self, name: str, table: pd.DataFrame) -> list[str]:
        """Return the columns of a table that are shown, in their order."""
        return [str(column) for column in table.columns]

    @classmethod
    @abstractmethod
    def none(cls) -> Note:
        """Return the note that no run has such tables."""

    @abstractmethod
    def plot(self, result: Result, title: str, simulated: bool) -> Figure:
        """Return the picture of a run."""

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the coefficients, and a table of each kind below them.

        Raises
        ------
        ConfigError
            If no run has such tables.
        """
        having = [record for record in records if self.needed in record.result.tables]
        if not having:
            raise ConfigError(self.none())
        whole = self.coefficients.table(title, records)
        if len(records) > self.most_runs:
            return whole
        below: Table | None = None
        for name in reversed(self.shown):
            below = replace(self._one(name, having), below=below)
        return replace(whole, below=below)

    def _one(self, name: str, records: Sequence[Record]) -> Table:
        """Return a table of all runs below each other."""
        parts = []
        for run, record in zip(heads(records, self.words), records, strict=True):
            own = record.result.tables[name]
            labels = [self.word(str(key)) for key in own.index]
            if run and len(records) > 1:
                labels = [f"{run}{self.words.colon}{label}" for label in labels]
            parts.append(own.set_axis(labels, axis=0))
        table = pd.concat(parts)
        cells = table[self.columns(name, table)].map(self._cell).rename(columns=self.word)
        corner = self.words.level(str(records[0].result.tables[name].index.name))
        title = self.word(f"table {name}")
        return Table(title, cells.rename_axis(corner), language=self.words.spoken, corners=(corner,))

    def _cell(self, value: float) -> str:
        if not np.isfinite(value):
            return unbounded(value)
        return f"{value:z.{0 if float(value).is_integer() else self.decimals}f}"

    def word(self, name: str) -> str:
        """Return a name as the report's language has it; as it is without one."""
        return name if self.language is None else self.words.word(self.words(name))

    def files(self, title: str, records: Sequence[Record]) -> Mapping[str, bytes]:
        """Return the pictures by file name; of several runs each has its label."""
        if not self.pictures or len(records) > self.most_runs:
            return {}
        needed, name = self.picture
        own = [record for record in records if needed in record.result.tables]
        simulated = any(record.simulated for record in own)
        return pictures(
            name, title, own, self.pictures, self.words, lambda result, above: self.plot(result, above, simulated)
        )
