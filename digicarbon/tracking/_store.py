"""An open sweep: batches of runs go into its store, or wait on this disk until the store accepts them."""

from __future__ import annotations

import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from digicarbon.errors import TrackingError
from digicarbon.note import Note
from digicarbon.tracking import _failures, _results, _rows, _spool, _view
from digicarbon.tracking._backend import Parent
from digicarbon.tracking._connection import Connection, connected, reading
from digicarbon.tracking._places import SQLITE, Tracking, local_folder, masked, place
from digicarbon.tracking._results import StoredResults
from digicarbon.tracking._rows import (
    DESCRIPTION,
    ERROR,
    KIND,
    LONGEST_NAME,
    LONGEST_TAG,
    OPENED,
    SWEEP,
    SWEEP_KEY,
    Data,
    Entry,
    Row,
    validate,
)
from digicarbon.tracking._spool import End, Spool, Sweep, fallback, lock_of, lock_path, locked, make_own, place_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from filelock import FileLock


PAUSE = 15.0
"""Seconds before the next try of a store that did not answer."""
KEPT = Note("store_kept_runs")
CONFIG = "experiment.yaml"
"""The file of a sweep with its composed configuration."""


def recording_of(store: Connection, parent: Parent) -> Recording | None:
    """Return a sweep that is reserved for this command, or None while another command holds it.

    Raises TrackingError if its waiting files on this disk are damaged; PermissionError if this user has no place for
    waiting runs.
    """
    spool = place_of(parent.run_id)
    folder = store.folder(parent.artifacts)
    if folder is None:
        make_own(spool.folder.parent, spool.folder)
    lock = locked(lock_path(spool, folder))
    if lock is None:
        return None
    try:
        spool.check()
        return Recording(store, parent, spool, lock)
    except TrackingError:
        lock.release()
        raise


class Recording:
    """A sweep that is reserved for this command.

    A batch is first written as a file of results, then in one transaction. With MLflow's public client, and while a
    store does not answer, batches go through the spool.

    ``folder``: of the sweep's artifacts, where runs go straight into tables.
    """

    def __init__(self, store: Connection, parent: Parent, spool: Spool, lock: FileLock) -> None:
        self.parent = parent
        self.folder = store.folder(parent.artifacts)
        self.spool = spool
        experiment = store.experiment
        self.sweep = Sweep(store.full_uri, store.name, experiment.experiment_id, parent.run_id, parent.artifacts)
        self._store = store
        self._lock = lock
        self._journal = spool.journal()
        # batches of an earlier command that the store does not have yet
        self._pending = spool.parts
        self._ask_again = 0.0

    def write(self, rows: Sequence[Row], table: pa.Table) -> None:
        """Record a batch whole or not at all, or keep it in the spool.

        Raises TrackingError if the store refuses it, or cannot be written; the message says where the batch is kept.
        """
        tables = self._store.tables
        if tables is None or self.folder is None or self._pending:
            self._write_by_spool(table)
            return
        try:
            _results.write_part(self.folder / _results.PARTS, table.drop_columns(["description"]))
            tables.write(self._store.experiment.experiment_id, rows)
        except _failures.kinds() as error:
            self._keep(table, error)

    def finish(self, files: Mapping[str, bytes | Path], end: End) -> None:
        """Store the sweep's files and all its results, and close it; the spool keeps what the store does not accept.

        Raises TrackingError if the store refuses them.
        """
        with _failures.refused(self._store.uri, _failures.WRITTEN, KEPT):
            if self.folder is None or self.spool.parts:
                self._finish_by_spool(files, end)
            else:
                for name, content in files.items():
                    self._store.backend.put(self.parent, name, content)
                self._gather(self.folder)
                _spool.close(self._store.backend, self.parent.run_id, end)
        self.release()

    def abort(self) -> None:
        """Mark the sweep as killed; runs that are written stay."""
        # if this fails, it is still recorded as running, and the next command continues it anyway
        with suppress(TrackingError), _failures.refused(self._store.uri, _failures.WRITTEN):
            self._store.backend.end(self.parent.run_id, "KILLED", {}, {})
        self.release()

    def release(self) -> None:
        """Release the sweep for other commands."""
        self._store.backend.close()
        self._lock.release()

    def _write_by_spool(self, table: pa.Table) -> None:
        self._pending.append(self.spool.keep(self.sweep, table))
        if time.monotonic() >= self._ask_again:
            self._deliver_pending()

    def _deliver_pending(self) -> None:
        try:
            while self._pending:
                _spool.deliver_parts(self.spool, self._store.backend, self._journal, self._pending[:1])
                self._pending.pop(0)
        except _failures.kinds() as error:
            if not _failures.passes(error):
                raise _failures.refusal(self._store.uri, _failures.REFUSES_RUNS, error, KEPT) from error
            self._ask_again = time.monotonic() + PAUSE

    def _keep(self, table: pa.Table, error: Exception) -> None:
        """Keep a batch that a database did not accept; raise unless the database may answer again by itself."""
        store = self._store
        if not _failures.passes(error):
            raise _failures.refusal(store.uri, _failures.REFUSES_RUNS, error, KEPT) from error
        try:
            part = self.spool.keep(self.sweep, table)
        except OSError:
            # the same disk may be full
            self.spool = Spool(fallback() / self.parent.run_id)
            what = Note("store_takes_nothing")
            with _failures.refused(store.uri, what, Note("store_batch_lost")):
                part = self.spool.keep(self.sweep, table)
        if store.full_uri.startswith(SQLITE):
            raise TrackingError(
                Note(
                    "store_last_runs_kept",
                    key=_failures.URI,
                    store=store.uri,
                    why=_failures.reason(error),
                    runs=table.num_rows,
                    folder=self.spool.folder,
                    later=store.later,
                )
            ) from error
        self._journal = self.spool.journal()
        self._pending.append(part)
        self._ask_again = time.monotonic() + PAUSE

    def _finish_by_spool(self, files: Mapping[str, bytes | Path], end: End) -> None:
        self.spool.keep_end(self.sweep, end, files)
        self._deliver_pending()
        if not self._pending:
            try:
                _spool.complete(self.spool, self._store.backend, self._journal)
                if self.folder is not None:
                    self._gather(self.folder)
                return
            except _failures.kinds() as error:
                if not _failures.passes(error):
                    raise
        store, runs = self._store, self.spool.waiting()
        wait = Note("store_silent_runs_wait", store=store.uri, runs=runs, folder=self.spool.folder, later=store.later)
        store.notices.append(wait)

    def _gather(self, folder: Path) -> None:
        """Merge the parts into one file."""
        files, target = _results.sources(folder), folder / _results.RESULTS
        if not [path for path in files if path != target]:
            return
        children = self._store.backend.children(self._store.experiment.experiment_id, self.parent.run_id)
        live = {run_id for _, run_id, _ in children}
        _results.merge(files, target, lambda name: name if name in live else None)
        for path in files:
            if path != target:
                path.unlink()
        with suppress(OSError):
            (folder / _results.PARTS).rmdir()


class Store:
    """An open MLflow store with one sweep.

    The database and the experiment are created here, before any worker starts: a cold store that several processes
    create at once loses runs.

    Use it in this order: `open` a sweep, ask `find` and `results` for runs that need no fit, `write` batches, and end
    with `finish` or `abort`.

    A database whose schema is known gets rows straight into its tables; servers and other databases get runs by
    MLflow's public client, out of a spool on this disk: while a server does not answer, `write` and `finish` go on, and
    the next command on this store delivers waiting runs. A database file that cannot be written ends in a
    `TrackingError`; the batch is kept in the spool.

    ``name``, ``uri``, ``experiment_id``, ``parent_id``: ``uri`` is without its password. ``notices``: sentences for the
    user: read them after `open` and after `finish`.
    """

    def __init__(self, tracking: Tracking, name: str) -> None:
        self.name = tracking.experiment or name
        self._connection = connected(tracking, self.name)
        self._backend = self._connection.backend
        self._recording: Recording | None = None
        self._present: dict[str, str] = {}
        self._failed: dict[str, str] = {}
        self._earlier: list[Path] | None = None
        self._ids = _rows.ids()
        self.uri = self._connection.uri
        self.experiment_id = self._connection.experiment.experiment_id
        self.notices = self._connection.notices
        self.parent_id = ""

    def open(
        self,
        title: str,
        config: str | Callable[[str], str],
        tags: Mapping[str, str],
        sweep_key: str = "",
        resume: bool = True,
        files: Mapping[str, str | bytes] | None = None,
        choices: Mapping[str, Sequence[str]] | None = None,
        data: Sequence[Data] = (),
        same: Sequence[str] = (),
    ) -> Mapping[str, str]:
        """Start a sweep, or continue the newest one of the same key.

        Runs that wait in a spool for this store are delivered first.

        Parameters
        ----------
        title : str
            The experiment's title.
        config : str or callable
            Its composed configuration; a function makes it from the one that the continued sweep has, which is empty
            for a new sweep and where it is not on this disk.
        tags : mapping of str to str
        sweep_key : str
            Equal for sweeps of the same runs under the same name; empty for one that is never continued.
        resume : bool
            Whether to reopen the newest sweep of this key that was not deleted, however it ended. If another
            command is running it now, a new one is started.
        files : mapping of str to str or bytes
            Contents by name that are known before the first fit, so that a killed sweep has them too.
        choices : mapping of str to sequence of str
            What the runs take at each key; keys of several values are the columns of the view that MLflow opens with.
        data : sequence of Data
            The data sets of the runs.
        same : sequence of str
            Which of the tags a sweep must share to be continued.

        Returns
        -------
        mapping of str to str
            Ids of runs by content hash: those finished and not deleted in the reopened sweep; empty for a new one.

        Raises
        ------
        TrackingError
            If the store refuses it.
        """
        every = {KIND: SWEEP, "digicarbon.title": title, SWEEP_KEY: sweep_key, **tags}
        every[OPENED] = str(time.time_ns() // 1_000_000)
        every = {key: value[:LONGEST_TAG] for key, value in every.items()}
        with _failures.refused(self.uri, _failures.WRITTEN):
            self.deliver()
            self._backend.describe(self.experiment_id, _view.tags(choices or {}))
            done = self._reopen(every, (SWEEP_KEY, *same)) if resume and sweep_key else None
            if done is None:
                name = f"{self.name} {time.strftime('%Y-%m-%d %H:%M:%S')}"[-LONGEST_NAME:]
                params = _view.params(choices or {})
                self._open_as(self._backend.begin(self.experiment_id, name, every, params, data))
            self._close_abandoned()
            recording = self._open_recording()
            if not isinstance(config, str):
                before = None if done is None else self.kept(CONFIG)
                config = config("" if before is None else before.read_text(encoding="utf-8"))
            for file, content in {CONFIG: config, **(files or {})}.items():
                self._backend.put(recording.parent, file, content.encode() if isinstance(content, str) else content)
        return done or {}

    def find(self, keys: Iterable[str]) -> Mapping[str, str]:
        """Return the runs with these hashes that are finished and not deleted in any other sweep of the store.

        Raises TrackingError if the store cannot be read.
        """
        with _failures.refused(self.uri, _failures.READ):
            own = self._backend.children(self.experiment_id, self.parent_id) if self.parent_id else []
            own_ids = {run_id for _, run_id, _ in own}
            return {key: run_id for key, run_id in self._backend.find(keys) if run_id not in own_ids}

    def results(self, run_ids: Iterable[str]) -> StoredResults:
        """Return results by run id, readable until the sweep ends; missing ones are left out.

        Other results of the same sweeps may be included.

        Raises TrackingError if the store cannot be read.
        """
        with _failures.refused(self.uri, _failures.READ):
            return StoredResults(self._backend.sources(set(run_ids), self._scratch()))

    def recorded(self) -> StoredResults:
        """Return the results of the open sweep by content hash: those written so far.

        They can be read until the sweep ends. Only the first call asks a server, so that a sweep whose server has
        stopped still gets its table.

        Raises TrackingError if the store cannot be read.
        """
        with _failures.refused(self.uri, _failures.READ):
            recording = self._open_recording()
            if recording.folder is not None:
                files = _results.sources(recording.folder)
            else:
                if self._earlier is None:
                    self._earlier = self._backend.files(self.parent_id, self._scratch())
                files = self._earlier
            return StoredResults([*files, *recording.spool.parts], by="hash")

    def write(self, entries: Sequence[Entry]) -> None:
        """Write finished runs as children of the parent: the batch is recorded whole or not at all.

        In a continued sweep, a run is replaced by the entry of the same hash: it failed before, or its result could not
        be read.

        Raises TrackingError if the store refuses them, or cannot be written; the message says where the batch is kept.
        """
        self.write_rows(self.rows(entries))

    def rows(self, entries: Sequence[Entry]) -> list[Row]:
        """Return finished runs as `write_rows` takes them.

        To make them costs least when they were just fitted, since all of their numbers are at hand.

        Raises TrackingError if the store refuses one of them.
        """
        made = _rows.batch(entries, self.parent_id, self._present, self._ids)
        for row in made:
            with _failures.refused(self.uri, Note("store_refuses_run", run=row.label), KEPT):
                validate(row)
        return made

    def write_rows(self, rows: Sequence[Row]) -> None:
        """Write a batch of rows, see `write`.

        Raises TrackingError if the store refuses them, or cannot be written; the message says where the batch is kept.
        """
        if not rows:
            return
        self._ids = _rows.ids()
        table = _rows.table(rows)
        for row in rows:
            self._present.pop(row.hash, None)
        self._failed |= {row.hash: row.run_id for row in rows if row.error}
        self._open_recording().write(rows, table)

    def traceback(self, key: str) -> str:
        """Return the place of the traceback of a run that failed in this sweep, by its content hash."""
        folder = self._open_recording().folder
        if folder is None or key not in self._failed:
            return f"{ERROR}, an artifact of the run in MLflow"
        return str(folder.parent.parent / self._failed[key] / "artifacts" / ERROR)

    def finish(
        self,
        files: Mapping[str, str | bytes | Path],
        failed: int,
        done: int,
        metrics: Mapping[str, float] | None = None,
        description: str = "",
        facts: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """Store the sweep's tables and all its results on the parent and close it.

        ``files``: contents by name: text, e.g. a picture, or the path of a large file, which is copied. ``failed``,
        ``done``: numbers of runs. ``metrics``: of the sweep as a whole. ``description``: Markdown that MLflow shows on
        the page of the sweep; empty for the one that it has. ``facts``: further tags of the sweep. Returns where each
        file is: its path, or its address at a server. Raises TrackingError if the store refuses them.
        """
        recording = self._open_recording()
        contents = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
        tags = {name: value[:LONGEST_TAG] for name, value in (facts or {}).items()}
        tags |= {DESCRIPTION: description[:LONGEST_TAG]} if description else {}
        recording.finish(contents, End(failed, done, dict(metrics or {}), tags))
        return {name: place(recording.parent.artifacts, name) for name in files}

    def kept(self, name: str) -> Path | None:
        """Return where a file of the open sweep is, or None if it is not on this disk."""
        folder = self._open_recording().folder
        path = None if folder is None else folder / name
        return path if path is not None and path.is_file() else None

    @property
    def waiting(self) -> int:
        """How many runs of the sweep wait in the spool."""
        spool = self._open_recording().spool
        return spool.waiting() if spool.folder.is_dir() else 0

    def abort(self) -> None:
        """Mark the parent as killed; children that are written stay."""
        if self._recording is not None:
            self._recording.abort()

    def deliver(self) -> int:
        """Deliver the runs in the spools of this folder for this store; return how many were delivered.

        A spool of a running sweep is left alone. `notices` reports what could not be delivered.
        """
        return _spool.deliver_all(self._connection)

    def _reopen(self, tags: Mapping[str, str], same: Sequence[str]) -> dict[str, str] | None:
        """Continue the newest sweep that shares some tags and return its finished runs; None if there is none."""
        newest = self._backend.newest(self.experiment_id, {key: tags[key] for key in same})
        if newest is None:
            return None
        if not self._open_as(newest):
            self.notices.append(Note("store_sweep_taken"))
            return None
        self._backend.go_on(self.parent_id, tags)
        children = self._backend.children(self.experiment_id, self.parent_id)
        self._present = {key: run_id for key, run_id, _ in children}
        return {key: run_id for key, run_id, status in children if status == "FINISHED"}

    def _close_abandoned(self) -> None:
        """Mark sweeps as killed that are recorded as running and that no command holds: theirs was killed.

        Only for a database file, whose locks this machine can see.
        """
        tables = self._connection.tables
        if tables is None or not self._connection.full_uri.startswith(SQLITE):
            return
        for parent in tables.running(self.experiment_id):
            folder = local_folder(parent.artifacts)
            if parent.run_id == self.parent_id or folder is None or not folder.parent.is_dir():
                continue
            lock = locked(lock_of(folder))
            if lock is not None:
                tables.end(parent.run_id, "KILLED", {}, {})
                lock.release()

    def _open_as(self, parent: Parent) -> bool:
        """Use a run as the open sweep, unless another command holds it; return whether it was possible."""
        recording = recording_of(self._connection, parent)
        if recording is None:
            return False
        self._recording, self.parent_id = recording, parent.run_id
        return True

    def _scratch(self) -> Path:
        """Return a folder for fetched files; it is removed with this object."""
        folder = Path(tempfile.mkdtemp(prefix="digicarbon_results-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _open_recording(self) -> Recording:
        if self._recording is None:
            raise RuntimeError("no sweep is open: call open first")
        return self._recording


def store_results(tracking: Tracking, parent_id: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Return all runs of a sweep as one table, read from one file of the sweep.

    ``parent_id``: the sweep's run. ``columns``: columns of `results.parquet`: ``run_id``, ``hash``, ``label``,
    ``status``, ``error``, ``start``, ``end``, ``config``, ``result``, ``params.<name>``, ``tags.<name>``,
    ``metrics.<name>``. By default all but the two texts ``config`` and ``result``. Raises TrackingError if the store
    cannot be read, or the sweep has no results.
    """
    with _failures.refused(tracking.uri, _failures.READ), tempfile.TemporaryDirectory() as scratch:
        with closing(reading(tracking.uri)) as backend:
            files = backend.files(parent_id, Path(scratch))
        table = _results.frame(files, columns) if files else None
    if table is None:
        raise _without_results(tracking.uri, parent_id)
    return table


@dataclass(frozen=True, eq=False)
class SweepContents:
    """All runs of a sweep as they are recorded.

    ``rows``: as `store_results` returns them, without runs that were deleted. ``results``: by run id; readable as long
    as the folder of fetched files exists.
    """

    rows: pd.DataFrame
    results: StoredResults


def sweep_contents(uri: str, experiment_id: str, parent_id: str, scratch: Path) -> SweepContents:
    """Return the runs of a sweep and their results, whether it has ended or not.

    Files that are fetched from a server go into the folder ``scratch``.

    Raises TrackingError if the store cannot be read, or the sweep has no results.
    """
    with _failures.refused(uri, _failures.READ):
        with closing(reading(uri)) as backend:
            files = backend.files(parent_id, scratch)
            # a server's file holds recorded runs only, and to ask the server for each run takes minutes
            every = backend.children(experiment_id, parent_id) if backend.keeps_ids else None
        live = None if every is None else {run_id for _, run_id, _ in every}
        if not files:
            raise _without_results(uri, parent_id)
        rows = _results.frame(files)
        rows = rows if live is None else rows[rows["run_id"].isin(live)]
        rows = rows.drop_duplicates("run_id")
        return SweepContents(rows.reset_index(drop=True), StoredResults(files))


def _without_results(uri: str, parent_id: str) -> TrackingError:
    return TrackingError(Note("store_without_results", sweep=parent_id, store=masked(uri)))
