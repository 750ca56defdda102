"""What waits on this disk until a store takes it: batches of runs, files of the sweep, how it ended."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa
from filelock import FileLock, Timeout

from digicarbon.tracking._journal import Journal
from digicarbon.tracking._places import put
from digicarbon.tracking._results import parts, read_part, write_part

SPOOL = Path("mlruns", "spool")
LOCK = "lock"


@dataclass(frozen=True)
class Sweep:
    """The sweep that batches belong to.

    Attributes
    ----------
    uri : str
        The store's full address without its password.
    experiment, experiment_id, parent_id, artifacts : str
        ``artifacts`` is where those of the parent are.
    """

    uri: str
    experiment: str
    experiment_id: str
    parent_id: str
    artifacts: str


@dataclass(frozen=True)
class End:
    """How a sweep ended: numbers of runs, and metrics of the sweep as a whole."""

    failed: int
    done: int
    metrics: dict[str, float] = field(default_factory=dict)


class Spool:
    """A folder of a sweep's batches.

    Attributes
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def sweep(self) -> Sweep:
        """The sweep that it belongs to."""
        return Sweep(**json.loads((self.folder / "sweep.json").read_text(encoding="utf-8")))

    @property
    def end(self) -> End | None:
        """How the sweep ended; None if it did not."""
        path = self.folder / "end.json"
        return End(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None

    @property
    def parts(self) -> list[Path]:
        """The batches in the order of writing."""
        return parts(self.folder)

    @property
    def files(self) -> Mapping[str, Path]:
        """The sweep's own files by name."""
        folder = self.folder / "files"
        return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}

    def journal(self) -> Journal:
        """Return what was delivered."""
        return Journal(self.folder / "journal.jsonl")

    def keep(self, sweep: Sweep, table: pa.Table) -> Path:
        """Keep a batch."""
        self._describe(sweep)
        return write_part(self.folder, table)

    def keep_end(self, sweep: Sweep, end: End, files: Mapping[str, bytes | Path]) -> None:
        """Keep how the sweep ended."""
        self._describe(sweep)
        for name, content in files.items():
            put(self.folder / "files" / name, content)
        put(self.folder / "end.json", json.dumps(asdict(end)).encode())

    def waiting(self) -> int:
        """Return how many runs were not delivered."""
        done = self.journal().done
        return sum(name not in done for part in self.parts for name in read_part(part)["run_id"].to_pylist())

    def remove(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _describe(self, sweep: Sweep) -> None:
        path = self.folder / "sweep.json"
        if not path.is_file():
            put(path, json.dumps(asdict(sweep), ensure_ascii=False).encode())


def fallback() -> Path:
    """Return where batches are kept when the working directory takes nothing more."""
    return Path(tempfile.gettempdir(), "digicarbon-spool")


def spools() -> Iterator[Spool]:
    """Yield the spools that this folder and the system's temporary folder hold."""
    for home in (SPOOL, fallback()):
        for path in sorted(home.glob("*/sweep.json")):
            yield Spool(path.parent)


def lock_path(spool: Spool, folder: Path | None) -> Path:
    """Return the file by whose lock a running sweep is known, also to those who would deliver its spool.

    Parameters
    ----------
    spool : Spool
    folder : Path or None
        Of the sweep's artifacts, where there is one on this machine.
    """
    return spool.folder / LOCK if folder is None else lock_of(folder)


def lock_of(folder: Path) -> Path:
    """Return the same for a sweep whose artifacts are in a folder on this machine."""
    return folder.parent / LOCK


def locked(path: Path) -> FileLock | None:
    """Return a lock that is held, or None where a running command has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(str(path))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return None
    return lock
