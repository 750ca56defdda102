"""What a store of runs can do, be it by MLflow's public client or by its tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar, Protocol

from digicarbon.tracking._journal import Journal
from digicarbon.tracking._rows import Row


class Backend(Protocol):
    """Children of sweeps, read and written.

    Attributes
    ----------
    keeps_ids : bool
        Whether a run has the id that stands in its row.
    """

    keeps_ids: ClassVar[bool]

    def deliver(self, experiment_id: str, rows: Sequence[Row], journal: Journal) -> None:
        """Write those of the rows that are not there yet; what went before is noted in the journal."""

    def children(self, experiment_id: str, parent_id: str) -> list[tuple[str, str, str]]:
        """Return hash, id and status of the runs of a sweep that are not deleted."""

    def find(self, keys: Iterable[str]) -> list[tuple[str, str]]:
        """Return hash and id of runs with these hashes that are finished and not deleted, the newest last."""

    def sources(self, run_ids: Iterable[str], scratch: Path) -> list[Path]:
        """Return the files that hold the results of runs; ``scratch`` takes what has to be fetched."""
