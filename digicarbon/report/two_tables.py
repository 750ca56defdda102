"""Two tables of the same runs, one below the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Self

from pydantic import BeforeValidator, SerializeAsAny

from digicarbon.report.base import MOST_RUNS, MostRuns, Record, Report, Table
from digicarbon.report.supplement import Supplement, SupplementRequest
from digicarbon.result import RunEffect
from digicarbon.spec import nested

ReportNode = Annotated[SerializeAsAny[Report], BeforeValidator(partial(nested, kind=Report))]
"""A report, or the configuration node of one."""


class TwoTables(Report):
    """A table and a second one below it, of the same runs.

    Attributes
    ----------
    first : Report
        The table above, e.g. a `RegressionTable`.
    second : Report
        The table below, e.g. a `DiagnosticTable`, which takes the runs that have its diagnostic.
    heading : str
        The title of the second table.
    most_runs : int
        For both tables, if their configurations refer to it (``most_runs: ${report.most_runs}``).
    """

    first: ReportNode
    second: ReportNode
    heading: str
    most_runs: MostRuns = MOST_RUNS

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the first table with the second one below; notes that both have are shown under the first one only.

        Raises ConfigError if one of the two cannot be made of these runs.
        """
        first, second = self.first.table(title, records), self.second.table(self.words.word(self.heading), records)
        return replace(
            first, below=replace(second, notes=tuple(note for note in second.notes if note not in first.notes))
        )

    def with_labels(self, labels: Mapping[str, str]) -> Self:
        """Return the report with further words, in both tables."""
        both = {"first": self.first.with_labels(labels), "second": self.second.with_labels(labels)}
        return super().with_labels(labels).model_copy(update=both)

    @property
    def supplement_request(self) -> SupplementRequest | None:
        """That of the first table."""
        return self.first.supplement_request

    def with_supplement(self, supplement: Supplement | None) -> Self:
        """Return the report with the supplement of its first table."""
        return self.model_copy(update={"first": self.first.with_supplement(supplement)})

    @property
    def run_effect(self) -> RunEffect:
        """The number that the first table shows, or else the second one."""
        return self.first.run_effect if self.first.run_effect != RunEffect() else self.second.run_effect

    def files(self, title: str, records: Sequence[Record]) -> Mapping[str, bytes]:
        """Return the pictures of both."""
        return {**self.first.files(title, records), **self.second.files(self.heading, records)}
