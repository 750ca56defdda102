"""An MLflow store with one parent run open: what a sweep asks, writes and leaves."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from digicarbon.errors import TrackingError, counted
from digicarbon.tracking import _delivery, _failures, _results, _rows
from digicarbon.tracking._backend import Backend
from digicarbon.tracking._client import Client
from digicarbon.tracking._entry import Entry, Tracking
from digicarbon.tracking._metrics import LONGEST_NAME
from digicarbon.tracking._places import (
    SERVERS,
    SQLITE,
    absolute,
    alone,
    artifact_location,
    local_folder,
    masked,
    place,
    put,
    try_database,
)
from digicarbon.tracking._results import StoredResults
from digicarbon.tracking._rows import LONGEST_TAG
from digicarbon.tracking._spool import SPOOL, End, Spool, Sweep, fallback, locked, spools
from digicarbon.tracking._valid import validate

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from filelock import FileLock
    from mlflow.entities import Run

    from digicarbon.tracking._database import Database

SWEEP_KEY = "digicarbon.sweep_key"
PAUSE = 15.0
"""Seconds before a store that did not answer is asked again."""


class Store:
    """An open MLflow store with one parent run.

    The database and the experiment are created here, before any worker starts: a cold store that several processes
    create at once loses runs.

    Use it in this order: `open` a sweep, ask `find` and `results` what need not be fitted, `write` batches, and end
    with `finish` or `abort`.

    A batch is a file of results first, then one transaction. A database whose schema is known gets rows straight into
    its tables; servers and other databases get runs by MLflow's public client, out of a spool on this disk: while a
    server does not answer, `write` and `finish` go on, and what waits is delivered by the next command on this store.
    A database file that takes nothing more ends in a `TrackingError`, with the batch kept in the spool.

    Attributes
    ----------
    name, uri, experiment_id, parent_id : str
        ``uri`` is without its password.
    notices : list of str
        Sentences for the user: read them after `open` and after `finish`.
    """

    def __init__(self, tracking: Tracking, name: str) -> None:
        from mlflow import MlflowClient

        # by default MLflow asks a server that does not answer for minutes
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
        # MLflow logs what it raises, with a traceback; the sentence of the error says it
        for noisy in ("mlflow", "alembic"):
            logging.getLogger(noisy).setLevel(logging.CRITICAL)
        self.uri = masked(tracking.uri)
        self.name = tracking.experiment or name
        self.parent_id = ""
        self.notices: list[str] = []
        self._full_uri = masked(absolute(tracking.uri))
        self._failures = _failures.kinds()
        artifacts = artifact_location(tracking, self.name)
        with self._refused("cannot be opened", "Check the folder's rights and the address, or choose another."):
            try_database(tracking.uri)
            with alone(tracking.uri):
                self._client = MlflowClient(tracking_uri=absolute(tracking.uri))
                self.experiment_id = self._experiment(artifacts)
            self._tables = self._known_tables(tracking.uri)
        self._backend: Backend = self._tables or Client(self._client)
        self._lock: FileLock | None = None
        self._standing: dict[str, str] = {}
        self._pending: list[Path] = []
        self._ask_again = 0.0
        self._earlier: list[Path] | None = None

    def open(
        self,
        title: str,
        config: str,
        tags: Mapping[str, str],
        sweep_key: str = "",
        resume: bool = True,
        files: Mapping[str, str] | None = None,
    ) -> Mapping[str, str]:
        """Start a sweep, or go on with the newest one of the same key.

        What waits in a spool for this store is delivered first.

        Parameters
        ----------
        title, config : str
            The experiment's title and its composed configuration.
        tags : mapping of str to str
        sweep_key : str
            Equal for sweeps of the same runs under the same name; empty for one that is never gone on with.
        resume : bool
            Whether to reopen the newest sweep of this key that was not deleted, however it ended. One that another
            command is running now is left alone, and a new one started.
        files : mapping of str to str
            Texts by name that are known before anything is fitted, so that a sweep that is killed has them, too.

        Returns
        -------
        mapping of str to str
            Ids of runs by content hash: what is finished and not deleted in the reopened sweep; nothing for a new one.

        Raises
        ------
        TrackingError
            If the store refuses it.
        """
        every = {"digicarbon.kind": "sweep", "digicarbon.title": title, SWEEP_KEY: sweep_key, **tags}
        every = {key: value[:LONGEST_TAG] for key, value in every.items()}
        with self._refused("cannot be written"):
            self.deliver()
            done = self._reopen(sweep_key, every) if resume and sweep_key else None
            if done is None:
                name = f"{self.name} {time.strftime('%Y-%m-%d %H:%M:%S')}"[-LONGEST_NAME:]
                self._take(self._client.create_run(self.experiment_id, run_name=name, tags=every))
            for file, text in {"experiment.yaml": config, **(files or {})}.items():
                self._put(file, text.encode())
        return done or {}

    def find(self, keys: Iterable[str]) -> Mapping[str, str]:
        """Return the runs with these hashes that are finished and not deleted in any other sweep of the store.

        Raises
        ------
        TrackingError
            If the store cannot be read.
        """
        with self._refused("cannot be read"):
            own = self._backend.children(self.experiment_id, self.parent_id) if self.parent_id else []
            besides = {run_id for _, run_id, _ in own}
            return {key: run_id for key, run_id in self._backend.find(keys) if run_id not in besides}

    def results(self, run_ids: Iterable[str]) -> StoredResults:
        """Return results by run id, to be read until the sweep ends; one that is not to be had is left out.

        Others of the same sweeps may be there, too.

        Raises
        ------
        TrackingError
            If the store cannot be read.
        """
        with self._refused("cannot be read"):
            return StoredResults(self._backend.sources(set(run_ids), self._scratch()))

    def recorded(self) -> StoredResults:
        """Return the results of the open sweep by content hash: those that were written until now.

        They can be read until the sweep ends. A server is asked on the first call only, so that a sweep whose server
        has stopped has its table.

        Raises
        ------
        TrackingError
            If the store cannot be read.
        """
        with self._refused("cannot be read"):
            if self._folder is not None:
                files = _results.sources(self._folder)
            else:
                if self._earlier is None:
                    self._earlier = Client(self._client).files(self.parent_id, self._scratch())
                files = self._earlier
            return StoredResults([*files, *self._spool.parts], by="hash")

    def write(self, entries: Sequence[Entry]) -> None:
        """Write finished runs as children of the parent: the batch is recorded whole or not at all.

        A run of the sweep that is gone on with is replaced by its entry of the same hash: it failed before, or its
        result was not to be had.

        Raises
        ------
        TrackingError
            If the store refuses them, or takes nothing more; the sentence says where the batch is kept.
        """
        if not entries:
            return
        rows = _rows.batch(entries, self.parent_id, self._standing)
        for row in rows:
            with self._refused(f"refuses the run '{row.label}'", "Runs written before are kept."):
                validate(row)
        table = _rows.table(rows)
        for row in rows:
            self._standing.pop(row.hash, None)
        if self._tables is None or self._folder is None or self._pending:
            self._write_by_spool(table)
            return
        try:
            _results.write_part(self._folder / _results.PARTS, table)
            self._tables.write(self.experiment_id, rows)
        except self._failures as error:
            self._keep(table, error)

    def finish(self, files: Mapping[str, str | bytes | Path], failed: int, done: int) -> dict[str, str]:
        """Store the sweep's tables and all its results on the parent and close it.

        Parameters
        ----------
        files : mapping of str to str, bytes or Path
            Contents by name: text, e.g. a picture, or the path of a large file, which is copied.
        failed, done : int
            Numbers of runs.

        Returns
        -------
        dict of str to str
            Where each file is: its path, or its address at a server.

        Raises
        ------
        TrackingError
            If the store refuses them.
        """
        contents = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
        with self._refused("cannot be written", "Runs written before are kept."):
            if self._folder is None or self._spool.parts:
                self._finish_by_spool(contents, End(failed, done))
            else:
                for name, content in contents.items():
                    self._put(name, content)
                self._gather(self._folder)
                _delivery.close(self._client, self.parent_id, failed, done)
        self._release()
        return {name: place(self._artifacts, name) for name in files}

    def abort(self, status: str = "KILLED") -> None:
        """Mark the parent as killed or failed; children that are written stay."""
        if self.parent_id:
            with suppress(*self._failures):
                self._client.set_terminated(self.parent_id, status=status)
        self._release()

    def deliver(self) -> int:
        """Deliver what waits in the spools of this folder for this store; return how many runs were delivered.

        A spool of a sweep that is running now is left to it. What cannot be delivered is told in `notices`.
        """
        count = 0
        for spool in spools():
            sweep = spool.sweep
            lock = locked(self._lock_path(spool, sweep.artifacts)) if sweep.uri == self._full_uri else None
            if lock is None:
                continue
            try:
                waiting = spool.waiting()
                journal = spool.journal()
                _delivery.deliver(spool, self._backend, journal, spool.parts)
                _delivery.complete(spool, self._client, self._backend, journal)
                count += waiting
            except self._failures as error:
                self.notices.append(
                    f"{counted(spool.waiting(), 'run')} of {sweep.experiment} in {spool.folder} cannot be delivered to "
                    f"{self.uri} ({_failures.reason(error)}). {_LATER}"
                )
            finally:
                lock.release()
        return count

    def _known_tables(self, uri: str) -> Database | None:
        """Return the database's own tables where they are known; None leaves it to the public client."""
        if uri.startswith(SERVERS):
            return None
        from digicarbon.tracking import _database

        location = self._client.get_experiment(self.experiment_id).artifact_location
        if local_folder(location) is None:
            self.notices.append(f"Artifacts are not in a folder but at {location}: runs are recorded one by one.")
            return None
        found = _database.opened(uri)
        if found is None:
            self.notices.append(
                f"The schema of {self.uri} is not one that digicarbon knows: runs are recorded one by one by MLflow's "
                "public client, which takes longer."
            )
        return found

    def _reopen(self, sweep_key: str, tags: Mapping[str, str]) -> dict[str, str] | None:
        """Go on with the newest sweep of a key and return what is finished in it; None if there is none."""
        newest = self._client.search_runs(
            [self.experiment_id],
            f"tags.`{SWEEP_KEY}` = '{sweep_key}'",
            order_by=["attributes.start_time DESC"],
            max_results=1,
        )
        if not newest:
            return None
        if not self._take(newest[0]):
            self.notices.append("Another command is running the same sweep now; this one is recorded as a sweep apart.")
            return None
        self._client.update_run(self.parent_id, status="RUNNING")
        for key, value in tags.items():
            self._client.set_tag(self.parent_id, key, value)
        children = self._backend.children(self.experiment_id, self.parent_id)
        self._standing = {key: run_id for key, run_id, _ in children}
        return {key: run_id for key, run_id, status in children if status == "FINISHED"}

    def _take(self, run: Run) -> bool:
        """Make a run the parent, unless another command has it."""
        run_id, artifacts = str(run.info.run_id), str(run.info.artifact_uri)
        folder = None if self._tables is None else local_folder(artifacts)
        spool = Spool(SPOOL / run_id)
        lock = locked(self._lock_path(spool, artifacts))
        if lock is None:
            return False
        self.parent_id, self._artifacts, self._folder, self._spool, self._lock = run_id, artifacts, folder, spool, lock
        self._sweep = Sweep(self._full_uri, self.name, self.experiment_id, run_id, artifacts)
        self._journal = spool.journal()
        return True

    def _lock_path(self, spool: Spool, artifacts: str) -> Path:
        """Return the file by whose lock a running sweep is known, also to those who would deliver its spool."""
        folder = None if self._tables is None else local_folder(artifacts)
        return (spool.folder if folder is None else folder.parent) / "lock"

    def _write_by_spool(self, table: pa.Table) -> None:
        self._pending.append(self._spool.keep(self._sweep, table))
        if time.monotonic() >= self._ask_again:
            self._deliver_pending()

    def _deliver_pending(self) -> None:
        try:
            while self._pending:
                _delivery.deliver(self._spool, self._backend, self._journal, self._pending[:1])
                self._pending.pop(0)
        except self._failures as error:
            if not _failures.passes(error):
                raise self._refusal("refuses runs", error, "Runs written before are kept.") from error
            self._ask_again = time.monotonic() + PAUSE

    def _keep(self, table: pa.Table, error: Exception) -> None:
        """Keep a batch that a database did not take; raise unless it is one that may answer again by itself."""
        if not _failures.passes(error):
            raise self._refusal("refuses runs", error, "Runs written before are kept.") from error
        try:
            kept = self._spool.keep(self._sweep, table)
        except OSError:
            # the same disk may be full
            self._spool = Spool(fallback() / self.parent_id)
            with self._refused("takes nothing more and neither does the temporary folder", "This batch is lost."):
                kept = self._spool.keep(self._sweep, table)
        if self._full_uri.startswith(SQLITE):
            many = counted(table.num_rows, "run")
            raise TrackingError(
                f"tracking.uri: the store {self.uri} cannot be written: {_failures.reason(error)}. Runs recorded "
                f"before are kept, and the last {many} in {self._spool.folder}. When that is mended, `digicarbon "
                "deliver` records what waits, and the same command again also fits the runs that are left."
            ) from error
        self._journal = self._spool.journal()
        self._pending.append(kept)
        self._ask_again = time.monotonic() + PAUSE

    def _finish_by_spool(self, files: Mapping[str, bytes | Path], end: End) -> None:
        self._spool.keep_end(self._sweep, end, files)
        self._deliver_pending()
        if not self._pending:
            try:
                _delivery.complete(self._spool, self._client, self._backend, self._journal)
                if self._folder is not None:
                    self._gather(self._folder)
                return
            except self._failures as error:
                if not _failures.passes(error):
                    raise
        self.notices.append(
            f"{self.uri} does not answer: {counted(self._spool.waiting(), 'run')} and the tables of this sweep wait in "
            f"{self._spool.folder}. {_LATER}"
        )

    def _gather(self, folder: Path) -> None:
        """Make the parts one file."""
        files, target = _results.sources(folder), folder / _results.RESULTS
        if not [path for path in files if path != target]:
            return
        live = {run_id for _, run_id, _ in self._backend.children(self.experiment_id, self.parent_id)}
        _results.merge(files, target, lambda name: name if name in live else None)
        for path in files:
            if path != target:
                path.unlink()
        with suppress(OSError):
            (folder / _results.PARTS).rmdir()

    def _put(self, name: str, content: bytes | Path) -> None:
        folder = local_folder(self._artifacts)
        if folder is not None:
            put(folder / name, content)
            return
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / name
            put(path, content)
            self._client.log_artifact(self.parent_id, str(path), name.rpartition("/")[0] or None)

    def _scratch(self) -> Path:
        """Return a folder for what is fetched; it goes when this does."""
        folder = Path(tempfile.mkdtemp(prefix="digicarbon_results-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _release(self) -> None:
        if self._tables is not None:
            self._tables.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    @contextmanager
    def _refused(self, what: str, advice: str = "") -> Iterator[None]:
        try:
            yield
        except self._failures as error:
            raise self._refusal(what, error, advice) from error

    def _refusal(self, what: str, error: Exception, advice: str) -> TrackingError:
        return TrackingError(f"tracking.uri: the store {self.uri} {what} ({_failures.reason(error)}). {advice}".strip())

    def _experiment(self, artifacts: str | None) -> str:
        found = self._client.get_experiment_by_name(self.name)
        if found is None:
            # without this tag MLflow opens the experiment on its pages for language models
            kind = {"mlflow.experimentKind": "custom_model_development"}
            return str(self._client.create_experiment(self.name, artifact_location=artifacts, tags=kind))
        if found.lifecycle_stage == "deleted":
            self._restore(found.experiment_id)
        return str(found.experiment_id)

    def _restore(self, experiment_id: str) -> None:
        """Restore a deleted experiment, whose name MLflow keeps, but not the runs that were deleted with it."""
        self._client.restore_experiment(experiment_id)
        while found := self._client.search_runs([experiment_id]):
            for run in found:
                self._client.delete_run(run.info.run_id)


@dataclass(frozen=True)
class Delivered:
    """What `deliver` did.

    Attributes
    ----------
    uri : str
        Of the store, without its password.
    runs : int
        How many were delivered.
    waiting : int
        How many still wait for it.
    notices : sequence of str
        Why.
    elsewhere : mapping of str to int
        How many runs wait in this folder for other stores, by their address.
    """

    uri: str
    runs: int
    waiting: int
    notices: Sequence[str]
    elsewhere: Mapping[str, int]


def deliver(tracking: Tracking) -> Delivered:
    """Deliver what waits in this folder for a store.

    Raises
    ------
    TrackingError
        If the store cannot be opened.
    """
    uri = masked(absolute(tracking.uri))
    own: list[str] = []
    elsewhere: dict[str, int] = {}
    for spool in spools():
        sweep = spool.sweep
        if sweep.uri == uri:
            own.append(sweep.experiment)
        elif waiting := spool.waiting():
            elsewhere[sweep.uri] = elsewhere.get(sweep.uri, 0) + waiting
    if not own:
        return Delivered(masked(tracking.uri), 0, 0, (), elsewhere)
    # opened by an experiment that is there already, so that none is made
    store = Store(tracking.model_copy(update={"experiment": own[0]}), own[0])
    count = store.deliver()
    waiting = sum(spool.waiting() for spool in spools() if spool.sweep.uri == uri)
    return Delivered(store.uri, count, waiting, store.notices, elsewhere)


def store_results(tracking: Tracking, parent_id: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Return all runs of a sweep as one table, whatever their number: it is one file on the sweep's run.

    Parameters
    ----------
    tracking : Tracking
    parent_id : str
        The sweep's run.
    columns : sequence of str, optional
        Columns of `results.parquet`: ``run_id``, ``hash``, ``label``, ``status``, ``error``, ``start``, ``end``,
        ``config``, ``result``, ``params.<name>``, ``tags.<name>``, ``metrics.<name>``. By default all but the two
        texts ``config`` and ``result``.

    Raises
    ------
    TrackingError
        If the store cannot be read, or the sweep has no results.
    """
    from mlflow import MlflowClient

    uri = masked(tracking.uri)
    try:
        client = MlflowClient(tracking_uri=absolute(tracking.uri))
        with tempfile.TemporaryDirectory() as scratch:
            files = Client(client).files(parent_id, Path(scratch))
            table = _results.frame(files, columns) if files else None
    except _failures.kinds() as error:
        raise TrackingError(f"tracking.uri: the store {uri} cannot be read ({_failures.reason(error)}).") from error
    if table is None:
        raise TrackingError(
            f"The sweep {parent_id} in {uri} has no results; run it again: it goes on where it stopped."
        )
    return table


_LATER = "The next `digicarbon run` on this store from this folder, or `digicarbon deliver`, delivers them."
