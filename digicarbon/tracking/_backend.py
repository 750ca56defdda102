"""The operations of a store of runs, by MLflow's public client or by its tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from digicarbon.tracking._rows import Data, Row

if TYPE_CHECKING:
    from digicarbon.tracking._spool import Journal

NOTE = """\
Each sweep is a run; its specifications are the runs below it. To see them side by side, write into the search field

- all specifications: `tags."digicarbon.kind" = 'specification'`
- the effect is significant: `metrics."focal.effect.p" < 0.05`
- positive, or positive and significant: `tags."digicarbon.sign" LIKE '+%'`, `tags."digicarbon.sign" = '+*'`
- of one quantity only: `tags."digicarbon.quantity" = 'direct'`
- no effect because of rho, of lambda, of either: `tags."digicarbon.boundary" LIKE '%rho%'`, `… '%lambda%'`, `… '%'`
- one sweep: `tags."mlflow.parentRunId" = '<id of the sweep>'`

**What changes the sign?** Group by the tag `digicarbon.sign`, or choose runs, press Compare and draw parallel
coordinates of what was varied against `focal.effect`. Both are of one number, which the tags `digicarbon.quantity` and
`digicarbon.term` name: `report.quantity` of a curve or a sign table, else the total effect. Runs with rho or
lambda at an end of its range, or beyond the range of W, have the tag `digicarbon.boundary` and no effect.
The sweep's own run has the table, the pictures, `estimates.csv` and `data.json`.
"""
"""The text of an experiment's page: how to search its runs."""
EXPERIMENT_TAGS: Mapping[str, str] = {
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.note.content": NOTE,
}
"""Without the kind, MLflow opens an experiment on its pages for language models."""


@dataclass(frozen=True)
class Experiment:
    """An MLflow experiment.

    Attributes
    ----------
    experiment_id : str
    location : str
        Address of its artifacts.
    """

    experiment_id: str
    location: str


@dataclass(frozen=True)
class Parent:
    """The run of a sweep.

    Attributes
    ----------
    run_id : str
    artifacts : str
        Address of its artifacts.
    """

    run_id: str
    artifacts: str


class Backend(Protocol):
    """Experiments, sweeps and their children, read and written.

    Attributes
    ----------
    keeps_ids : bool
        Whether a run keeps the id of its row, and its artifacts are in a folder on this machine.
    """

    keeps_ids: ClassVar[bool]

    def close(self) -> None:
        """Close the connections; the next call opens them again."""

    def experiment(self, name: str, location: str | None) -> Experiment:
        """Return the experiment of a name; make it, or restore it without the runs that were deleted with it."""

    def described(self, name: str) -> tuple[str, Mapping[str, str]] | None:
        """Return the id and the tags of the experiment of a name; None if there is none."""

    def describe(self, experiment_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of an experiment."""

    def begin(
        self,
        experiment_id: str,
        name: str,
        tags: Mapping[str, str],
        params: Mapping[str, str],
        data: Sequence[Data] = (),
    ) -> Parent:
        """Start a sweep of runs on these data sets."""

    def newest(self, experiment_id: str, tags: Mapping[str, str]) -> Parent | None:
        """Return the newest sweep with these tags that is not deleted."""

    def artifacts(self, run_id: str) -> str:
        """Return the address of the artifacts of a sweep; a `LookupError` if there is no such sweep."""

    def go_on(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Record that a sweep is running again, under new tags."""

    def end(self, run_id: str, status: str, numbers: Mapping[str, float], tags: Mapping[str, str]) -> None:
        """Record how a sweep ended: its metrics, and tags beside those that it has."""

    def put(self, parent: Parent, name: str, content: bytes | Path) -> None:
        """Store a file with a sweep, or a copy of a file."""

    def deliver(self, experiment_id: str, rows: Sequence[Row], journal: Journal) -> None:
        """Write the rows that are not in the store yet; the journal notes those that are."""

    def children(self, experiment_id: str, parent_id: str) -> list[tuple[str, str, str]]:
        """Return hash, id and status of the runs of a sweep that are not deleted."""

    def find(self, keys: Iterable[str]) -> list[tuple[str, str]]:
        """Return hash and id of runs with these hashes that are finished and not deleted, the newest last."""

    def files(self, parent_id: str, scratch: Path) -> list[Path]:
        """Return the files that hold the results of a sweep; ``scratch`` receives fetched files."""

    def sources(self, run_ids: Iterable[str], scratch: Path) -> list[Path]:
        """Return the files that hold the results of runs; ``scratch`` receives fetched files."""
