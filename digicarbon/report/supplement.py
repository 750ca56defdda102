"""What a sweep records for its report beyond the results of its runs; a report asks for it, a pack makes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import pandas as pd

    from digicarbon.note import Note
    from digicarbon.plan.runs import Run
    from digicarbon.result import Result


class Supplement(Protocol):
    """Numbers of all runs together that a report needs."""

    def to_json(self) -> str:
        """Return the numbers as JSON, to full precision."""


NOTES_OF_COLUMNS = "notes_of_columns"
"""Under this request a pack offers what returns a `SupplementRequest` of `NotesOfColumns`, of the most columns."""


@runtime_checkable
class NotesOfColumns(Supplement, Protocol):
    """What is said of the columns of a table below it."""

    @property
    def notes(self) -> Mapping[str, tuple[Note, ...]]:
        """The notes of each run that has some, by its label."""


class SupplementRequest(Protocol):
    """What a report requests of all of its runs at the end of a sweep."""

    @property
    def file(self) -> str:
        """The name of the artifact."""

    @property
    def folder(self) -> str:
        """The folder of the artifact: a later command that asks for another number does not replace it."""

    @property
    def places(self) -> tuple[str, ...]:
        """Where the supplement may be, the best place first."""

    @property
    def most(self) -> int | None:
        """Of how many runs it is made, at most; None of any number."""

    @property
    def key(self) -> Mapping[str, object]:
        """What is asked for, as plain values; equal for requests with equal supplements of the same runs."""

    def make(self, fits: Iterable[tuple[Run, Result]], executor: Any) -> Supplement:
        """Return the supplement of runs, which are read once; the executor makes further fits.

        Raises DigicarbonError.
        """

    def read(self, text: str) -> Supplement:
        """Return the supplement that `Supplement.to_json` wrote; a `DataError` if the text is something else."""

    def fits(self, supplement: Supplement) -> bool:
        """Return whether a supplement is what is asked for."""

    def tables(self, supplement: Supplement) -> Mapping[str, pd.DataFrame]:
        """Return what is recorded as CSV files beside the supplement, by name."""
