"""An open sweep: batches of runs go into its store, or wait on this disk until the store accepts them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from digicarbon.errors import TrackingError
from digicarbon.note import Note
from digicarbon.tracking import _delivery, _failures, _results
from digicarbon.tracking._backend import Parent
from digicarbon.tracking._connection import Connection
from digicarbon.tracking._places import SQLITE
from digicarbon.tracking._rows import Row
from digicarbon.tracking._spool import End, Spool, Sweep, fallback, lock_path, locked, make_own, place_of

if TYPE_CHECKING:
    import pyarrow as pa
    from filelock import FileLock

PAUSE = 15.0
"""Seconds before the next try of a store that did not answer."""
KEPT = Note("store_kept_runs")


def recording_of(store: Connection, parent: Parent) -> Recording | None:
    """Return a sweep that is reserved for this command, or None while another command holds it.

    Raises
    ------
    TrackingError
        If its waiting files on this disk are damaged.
    PermissionError
        If this user has no place for waiting runs.
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

    Attributes
    ----------
    parent : Parent
    folder : Path or None
        Of the sweep's artifacts, where runs go straight into tables.
    spool : Spool
    sweep : Sweep
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

        Raises
        ------
        TrackingError
            If the store refuses it, or cannot be written; the message says where the batch is kept.
        """
        tables = self._store.tables
        if tables is None or self.folder is None or self._pending:
            self._write_by_spool(table)
            return
        try:
            _results.write_part(self.folder / _results.PARTS, table)
            tables.write(self._store.experiment.experiment_id, rows)
        except _failures.kinds() as error:
            self._keep(table, error)

    def finish(self, files: Mapping[str, bytes | Path], end: End) -> None:
        """Store the sweep's files and all its results, and close it; the spool keeps what the store does not accept.

        Raises
        ------
        TrackingError
            If the store refuses them.
        """
        with _failures.refused(self._store.uri, _failures.WRITTEN, KEPT):
            if self.folder is None or self.spool.parts:
                self._finish_by_spool(files, end)
            else:
                for name, content in files.items():
                    self._store.backend.put(self.parent, name, content)
                self._gather(self.folder)
                _delivery.close(self._store.backend, self.parent.run_id, end)
        self.release()

    def abort(self, status: str) -> None:
        """Mark the sweep as killed or failed; runs that are written stay."""
        # if this fails, it is still recorded as running, and the next command continues it anyway
        with suppress(TrackingError), _failures.refused(self._store.uri, _failures.WRITTEN):
            self._store.backend.end(self.parent.run_id, status, {})
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
                _delivery.deliver_parts(self.spool, self._store.backend, self._journal, self._pending[:1])
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
                _delivery.complete(self.spool, self._store.backend, self._journal)
                if self.folder is not None:
                    self._gather(self.folder)
                return
            except _failures.kinds() as error:
                if not _failures.passes(error):
                    raise
        store, runs = self._store, self.spool.waiting()
        wait = Note("store_silent_runs_wait", store=store.uri, runs=runs, folder=self.spool.folder, later=store.later)
        store.notices.append(str(wait))

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
