"""Files that wait on this disk until a store accepts them, and their delivery.

They are batches of runs, files of the sweep and its end. Batches are delivered in their order and each run once; a
journal notes the delivered ones, so that an interrupted delivery continues where it stopped.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import pyarrow as pa
from filelock import FileLock, Timeout

from digicarbon.errors import TrackingError
from digicarbon.note import Note, note_of
from digicarbon.tracking import _failures, _results
from digicarbon.tracking._backend import Parent
from digicarbon.tracking._connection import Backend, Connection, connected, refuse_silent
from digicarbon.tracking._places import Tracking, absolute, local_folder, masked, put
from digicarbon.tracking._results import parts, read_part, write_part
from digicarbon.tracking._rows import Row, rows


class Journal:
    """Lines in a file: a run was begun, a run is done; another line is a `ValueError`.

    ``begun``: our ids of runs that a store may know. ``done``: the store's ids of runs that are complete, by ours.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.begun: set[str] = set()
        self.done: dict[str, str] = {}
        if path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                self._take(line)

    def begin(self, run_id: str) -> None:
        """Note that a run is about to be created."""
        self._note([[run_id]])

    def finish(self, runs: Mapping[str, str]) -> None:
        """Note that runs are complete, with their ids in the store."""
        self._note([[run_id, store_id] for run_id, store_id in runs.items()])

    def _note(self, records: Sequence[list[str]]) -> None:
        lines = [json.dumps(words) for words in records]
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        for line in lines:
            self._take(line)

    def _take(self, line: str) -> None:
        try:
            words = json.loads(line)
        except ValueError:
            if not line.startswith("["):
                raise
            # the last line of a process that was killed while writing it
            return
        if not isinstance(words, list) or len(words) not in (1, 2) or not all(isinstance(word, str) for word in words):
            raise ValueError(line)
        self.begun.add(words[0])
        if len(words) == 2:
            self.done[words[0]] = words[1]


SPOOL = Path("mlruns", "spool")
LOCK = "lock"
_ID = re.compile(r"[0-9A-Za-z_-]+")


class DamagedError(TrackingError):
    """A file of a spool has a content that no command writes."""


@dataclass(frozen=True)
class Sweep:
    """The sweep that batches belong to.

    ``uri``: the store's full address without its password. ``experiment``, ``experiment_id``, ``parent_id``,
    ``artifacts``: ``artifacts`` is the address of the parent's artifacts.
    """

    uri: str
    experiment: str
    experiment_id: str
    parent_id: str
    artifacts: str


@dataclass(frozen=True)
class End:
    """How a sweep ended: numbers of runs, and metrics and tags of the sweep as a whole."""

    failed: int
    done: int
    metrics: dict[str, float] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


class Spool:
    """A folder of a sweep's batches; a `DamagedError` says that a file in it has a content that no command writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def sweep(self) -> Sweep:
        """The sweep that it belongs to.

        Raises ValueError if the file describes no sweep, or one of another folder.
        """
        content = json.loads((self.folder / "sweep.json").read_text(encoding="utf-8"))
        names = {field.name for field in fields(Sweep)}
        if not isinstance(content, dict) or content.keys() != names:
            raise ValueError("sweep.json does not describe a sweep")
        if not all(isinstance(value, str) for value in content.values()):
            raise ValueError("sweep.json holds what is no text")
        if not _ID.fullmatch(content["parent_id"]) or content["parent_id"] != self.folder.name:
            raise ValueError("sweep.json is of another folder")
        return Sweep(**content)

    @property
    def end(self) -> End | None:
        """How the sweep ended; None if it did not."""
        path = self.folder / "end.json"
        if not path.is_file():
            return None
        with _sound(path):
            end = End(**json.loads(path.read_text(encoding="utf-8")))
            if not all(type(value) in (int, float) for value in (end.failed, end.done, *end.metrics.values())):
                raise ValueError("a number is none")
            if not all(isinstance(text, str) for text in end.tags.values()):
                raise ValueError("a tag holds what is no text")
            return end

    @property
    def parts(self) -> list[Path]:
        """The batches in the order of writing."""
        return parts(self.folder)

    @property
    def files(self) -> Mapping[str, Path]:
        """The sweep's own files by name."""
        folder = self.folder / "files"
        return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if _is_file(path)}

    def journal(self) -> Journal:
        """Return the journal of delivered runs."""
        path = self.folder / "journal.jsonl"
        with _sound(path):
            if path.is_symlink():
                raise ValueError("lines would be added to another file")
            return Journal(path)

    def rows(self, part: Path) -> list[Row]:
        """Return the runs of a batch."""
        with _sound(part):
            result = rows(read_part(part))
            # runs have folders of these names
            if not all(_ID.fullmatch(row.run_id) for row in result):
                raise ValueError("a run has a name that is none")
            return result

    def check(self) -> None:
        """Refuse a spool that cannot be delivered, before any delivery."""
        if self.folder.is_dir():
            self.journal()
            for part in self.parts:
                self.rows(part)
            _ = self.end

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
        count = 0
        for part in self.parts:
            with _sound(part):
                count += sum(name not in done for name in read_part(part)["run_id"].to_pylist())
        return count

    def remove(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _describe(self, sweep: Sweep) -> None:
        make_own(self.folder.parent, self.folder)
        path = self.folder / "sweep.json"
        if not path.is_file():
            put(path, json.dumps(asdict(sweep), ensure_ascii=False).encode())


@contextmanager
def _sound(path: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, pa.ArrowException) as error:
        raise DamagedError(Note("spool_damaged", file=path, folder=path.parent)) from error


def place_of(run_id: str) -> Spool:
    """Return the spool of a sweep; it is in the temporary folder if the usual place belongs to another user."""
    folder = SPOOL / run_id
    foreign = any(os.path.lexists(path) and not _is_own(path, private=False) for path in (SPOOL, folder))
    return Spool(fallback() / run_id if foreign else folder)


def fallback() -> Path:
    """Return where batches are kept when the working directory cannot be written."""
    return Path(tempfile.gettempdir(), f"digicarbon-spool-{_user()}")


def spools() -> Iterator[Spool]:
    """Yield the user's spools that this folder and the system's temporary folder hold.

    Folders of other users are skipped, and so are folders in the temporary folder that others may write to, and
    folders without a valid description: anybody could have put their content there.
    """
    for home in (SPOOL, fallback()):
        if not _is_own(home, private=home != SPOOL):
            continue
        for path in sorted(home.glob("*/sweep.json")):
            if _is_own(path.parent, private=home != SPOOL) and _is_file(path) and _described(Spool(path.parent)):
                yield Spool(path.parent)


def make_own(*folders: Path) -> None:
    """Make folders that only their user may enter; refuse one of another user.

    Raises PermissionError if a folder belongs to another user, is a link, or is in the temporary folder and open to
    others.
    """
    for folder in folders:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        if not _is_own(folder, private=fallback() in (folder, folder.parent)):
            raise PermissionError(Note("spool_not_own", folder=folder))


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else "user"


def _is_own(folder: Path, private: bool) -> bool:
    """Return whether a path is a folder of this user, no link, and if ``private``, closed to all others."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    if not stat.S_ISDIR(status.st_mode):
        return False
    if not hasattr(os, "getuid"):
        # Windows has a temporary folder for each user
        return True
    return status.st_uid == os.getuid() and not (private and stat.S_IMODE(status.st_mode) & 0o077)


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _described(spool: Spool) -> bool:
    try:
        return bool(spool.sweep)
    except (OSError, ValueError):
        return False


def lock_path(spool: Spool, folder: Path | None) -> Path:
    """Return the lock file of a running sweep, which also stops a delivery of its spool by others.

    It is beside the folder of its artifacts, if that is on this machine.
    """
    return spool.folder / LOCK if folder is None else lock_of(folder)


def lock_of(folder: Path) -> Path:
    """Return the lock file of a sweep whose artifacts are in a folder on this machine."""
    return folder.parent / LOCK


def locked(path: Path) -> FileLock | None:
    """Acquire and return a lock, or None if a running command holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(str(path))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return None
    return lock


@dataclass(frozen=True)
class Delivered:
    """The outcome of `deliver`.

    ``uri``: of the store, without its password. ``runs``: number of delivered runs. ``waiting``: number of runs that
    still wait for the store. ``notices``: why they wait. ``elsewhere``: number of runs in this folder that wait for
    other stores, by address. ``damaged``: number of waiting sweeps whose files cannot be read; the notices name them.
    """

    uri: str
    runs: int
    waiting: int
    notices: Sequence[Note]
    elsewhere: Mapping[str, int]
    damaged: int = 0


def deliver(tracking: Tracking) -> Delivered:
    """Deliver the runs in this folder that wait for a store.

    Raises TrackingError if the store cannot be opened, or does not answer.
    """
    uri = masked(absolute(tracking.uri))
    own = [spool.sweep.experiment for spool in spools() if spool.sweep.uri == uri]
    count, shown, notices = 0, masked(tracking.uri), []
    if own:
        # with an existing experiment, so that none is created
        store = connected(tracking, own[0])
        count = deliver_all(store)
        store.backend.close()
        shown, notices = store.uri, store.notices
    else:
        refuse_silent(tracking.uri)
    counts: dict[str, int] = {}
    damaged = []
    for spool in spools():
        try:
            spool.check()
            counts[spool.sweep.uri] = counts.get(spool.sweep.uri, 0) + spool.waiting()
        except DamagedError as error:
            damaged.append(note_of(error))
    waiting = counts.pop(uri, 0)
    elsewhere = {address: runs for address, runs in counts.items() if runs}
    return Delivered(shown, count, waiting, list(dict.fromkeys([*notices, *damaged])), elsewhere, len(damaged))


def deliver_all(store: Connection) -> int:
    """Deliver the runs in the spools of this folder for an open store; return how many were delivered.

    A spool of a running sweep is left alone. The store's notices report what could not be delivered.
    """
    count = 0
    for spool in spools():
        sweep = spool.sweep
        own = sweep.uri == store.full_uri
        if own and not _is_of(store, sweep, spool):
            continue
        lock = locked(lock_path(spool, store.folder(sweep.artifacts))) if own else None
        if lock is None:
            continue
        try:
            spool.check()
            waiting = spool.waiting()
            journal = spool.journal()
            deliver_parts(spool, store.backend, journal, spool.parts)
            complete(spool, store.backend, journal)
            count += waiting
        except DamagedError as error:
            store.notices.append(note_of(error))
        except _failures.kinds() as error:
            undelivered = Note(
                "store_runs_undelivered",
                runs=spool.waiting(),
                experiment=sweep.experiment,
                folder=spool.folder,
                store=store.uri,
                why=_failures.reason(error),
                later=store.later,
            )
            store.notices.append(undelivered)
        finally:
            lock.release()
    return count


def _is_of(store: Connection, sweep: Sweep, spool: Spool) -> bool:
    """Return whether a store has a sweep, with the same folder of artifacts: nothing is written anywhere else."""
    try:
        if store.backend.artifacts(sweep.parent_id) == sweep.artifacts:
            return True
        why = Note("store_other_artifacts")
    except _failures.kinds() as error:
        why = _failures.reason(error)
    store.notices.append(Note("store_spool_undelivered", folder=spool.folder, store=store.uri, why=why))
    return False


def deliver_parts(spool: Spool, backend: Backend, journal: Journal, files: Sequence[Path]) -> None:
    """Deliver batches; an interrupted delivery continues where it stopped."""
    sweep = spool.sweep
    for path in files:
        waiting = [row for row in spool.rows(path) if row.run_id not in journal.done]
        if waiting:
            backend.deliver(sweep.experiment_id, waiting, journal)


def complete(spool: Spool, backend: Backend, journal: Journal) -> None:
    """Deliver the results of delivered batches and the files and end of the sweep, and remove the spool."""
    sweep, end = spool.sweep, spool.end
    parent = Parent(sweep.parent_id, sweep.artifacts)
    folder = local_folder(sweep.artifacts) if backend.keeps_ids else None
    if folder is None:
        _upload_results(spool, parent, backend, journal)
    else:
        for part in spool.parts:
            put(folder / _results.PARTS / part.name, part)
    for name, path in spool.files.items():
        backend.put(parent, name, path)
    if end is not None:
        close(backend, sweep.parent_id, end)
    spool.remove()


def close(backend: Backend, parent_id: str, end: End) -> None:
    """Close a sweep."""
    numbers = {**end.metrics, "runs.done": float(end.done), "runs.failed": float(end.failed)}
    backend.end(parent_id, "FAILED" if end.failed else "FINISHED", numbers, end.tags)


def _upload_results(spool: Spool, parent: Parent, backend: Backend, journal: Journal) -> None:
    """Add the batches to the sweep's file of results at the server."""
    files = spool.parts
    if not files:
        return
    with tempfile.TemporaryDirectory() as scratch:
        before = backend.files(parent.run_id, Path(scratch))
        replaced = _results.replaced(files)
        earlier = _results.run_ids(before) - replaced
        target = Path(scratch) / _results.RESULTS

        def store_id(name: str) -> str | None:
            run_id = journal.done.get(name, name if name in earlier else None)
            return None if run_id in replaced else run_id

        _results.merge([*before, *files], target, store_id)
        backend.put(parent, _results.RESULTS, target)
