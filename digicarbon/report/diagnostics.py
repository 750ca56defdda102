"""Reports of several diagnostics: their tables below each other, and a picture of those that have one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut
from digicarbon.report.base import MOST_RUNS, MostRuns, Record, Report, Table
from digicarbon.report.diagnostic import DiagnosticTable
from digicarbon.report.pictured import Formats, pictures
from digicarbon.result import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class DiagnosticTables(Report):
    """The tables of several diagnostics that the runs have, below each other, with pictures.

    Attributes
    ----------
    shown : tuple of str
        Class attribute: names of the tables, in the order in which they are read.
    options : tuple of str
        Class attribute: options of the diagnostics that make them.
    pictures_of : mapping of str to (str, callable)
        Class attribute: the table that a picture needs, and what draws it, by the name of its file.
    columns_of : mapping of str to tuple of str
        Class attribute: which columns of a table are shown; of a table that is not in it, all.
    decimals : int
        Digits after the decimal point.
    pictures : tuple of {"png", "svg", "pdf"}
        Formats; empty for none.
    most_runs : int
        As in `digicarbon.report.DiagnosticTable`; with more runs there are no pictures.
    """

    shown: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[tuple[str, ...]] = ()
    pictures_of: ClassVar[Mapping[str, tuple[str, Callable[..., Figure]]]] = {}
    columns_of: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    decimals: Annotated[int, Field(ge=0, le=12)] = 3
    pictures: Formats = ("png", "svg")
    most_runs: MostRuns = MOST_RUNS

    @classmethod
    def none(cls) -> Note:
        """Return the note that no run has such a table."""
        return Note("no_diagnostics_of_report", options=cut(cls.options, len(cls.options)))

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return a table for each check, below each other.

        Raises
        ------
        ConfigError
            If no run has one.
        """
        having = {name: _different(name, records) for name in self.shown}
        tables = [self.part(name, self.words.word(f"check {name}"), own) for name, own in having.items() if own]
        if not tables:
            raise ConfigError(self.none())
        whole, *further = _each_note_once(tables)
        for table in reversed(further):
            whole = replace(whole, below=replace(table, below=whole.below))
        own = self.words.title(title, simulated=False)
        return replace(whole, title=f"{own}{self.words.colon}{whole.title}" if own else whole.title)

    def files(self, title: str, records: Sequence[Record]) -> Mapping[str, bytes]:
        """Return the pictures by file name; of several runs each has its label."""
        if not self.pictures or len(records) > self.most_runs:
            return {}
        simulated = any(record.simulated for record in records)
        how = {"simulated": simulated, "language": self.language or "en", "naming": self.words}
        files: dict[str, bytes] = {}
        for name, (needed, plot) in self.pictures_of.items():
            own = [record for record in records if needed in record.result.tables]

            def draw(result: Result, above: str, plot: Callable[..., Figure] = plot) -> Figure:
                return plot(result.tables, title=above, **how)

            files |= pictures(name, title, own, self.pictures, self.words, draw)
        return files

    def part(self, name: str, title: str, records: Sequence[Record]) -> Table:
        """Return one of the tables, of the runs that have it: its rows, the runs side by side."""
        return DiagnosticTable(
            name=name,
            columns=self.columns_of.get(name, ()),
            decimals=self.decimals,
            most_runs=self.most_runs,
            labels=self.labels,
            language=self.language,
        ).table(title, records)


def _different(name: str, records: Sequence[Record]) -> list[Record]:
    """Return the runs that have a table, each table once: some are of the single dummy, whatever the estimator."""
    kept: list[Record] = []
    for record in records:
        table = record.result.tables.get(name)
        if table is not None and not any(table.equals(other.result.tables[name]) for other in kept):
            kept.append(record)
    return kept


def _each_note_once(tables: Sequence[Table]) -> list[Table]:
    """Return tables without the notes that stand below one before."""
    shown: set[str] = set()
    kept = []
    for table in tables:
        kept.append(replace(table, notes=tuple(note for note in table.notes if note not in shown)))
        shown |= set(table.notes)
    return kept
