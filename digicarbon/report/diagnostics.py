"""Reports of several diagnostics: their tables below each other, and a picture of those that have one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut
from digicarbon.render import stacked
from digicarbon.report.base import Decimals, Record, Table
from digicarbon.report.diagnostic import DiagnosticTable
from digicarbon.report.pictured import Pictured

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class DiagnosticTables(Pictured):
    """The tables of several diagnostics that the runs have, below each other, with pictures.

    Attributes
    ----------
    most_runs : int
        As in `digicarbon.report.DiagnosticTable`; with more runs there are no pictures.
    """

    shown: ClassVar[tuple[str, ...]] = ()
    """Names of the tables, in the order in which they are read."""
    options: ClassVar[tuple[str, ...]] = ()
    """Options of the diagnostics that make them."""
    pictures_of: ClassVar[tuple[tuple[str, str, Callable[..., Figure]], ...]] = ()
    """The table that a picture needs, the name of its file, and what draws the tables of a run."""
    columns_of: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Which columns of a table are shown; of a table that is not in it, all."""

    decimals: Decimals = 3

    @classmethod
    def none(cls) -> Note:
        """Return the note that no run has such a table."""
        return Note("no_diagnostics_of_report", options=cut(cls.options, len(cls.options)))

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return a table for each check, below each other."""
        having = {name: _different(name, records) for name in self.shown}
        tables = [self.part(name, self.words.word(f"check {name}"), runs) for name, runs in having.items() if runs]
        if not tables:
            raise ConfigError(self.none())
        whole = stacked(_each_note_once(tables))
        above = self.words.title(title, simulated=False)
        return replace(whole, title=f"{above}{self.words.colon}{whole.title}" if above else whole.title)

    def drawn(self, title: str, records: Sequence[Record]) -> Iterator[tuple[str, Figure]]:
        """Yield the pictures of each run that has their table."""
        for needed, name, plot in self.pictures_of:
            having = [record for record in records if needed in record.result.tables]
            yield from self.of_each(name, title, having, plot, lambda result: result.tables)

    def columns(self, name: str) -> tuple[str, ...]:
        """Return which columns of a table are shown; empty for all."""
        return self.columns_of.get(name, ())

    def part(self, name: str, title: str, records: Sequence[Record]) -> Table:
        """Return one of the tables, of the runs that have it: its rows, the runs side by side."""
        return DiagnosticTable(
            name=name,
            columns=self.columns(name),
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
