"""An MLflow store with one parent run open: what a sweep asks, writes and leaves."""

from __future__ import annotations

import logging
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from digicarbon.errors import TrackingError
from digicarbon.result import Result
from digicarbon.tracking import _client, _results, _rows
from digicarbon.tracking._entry import Entry, Tracking
from digicarbon.tracking._metrics import LONGEST_NAME
from digicarbon.tracking._places import (
    absolute,
    alone,
    artifact_location,
    first_line,
    local_folder,
    place,
    put,
    try_database,
)
from digicarbon.tracking._rows import HASH, LONGEST_TAG, Row

if TYPE_CHECKING:
    from mlflow.entities import Run

SWEEP_KEY = "digicarbon.sweep_key"
PARENT = "mlflow.parentRunId"
FEW_KEYS = 20
"""Up to here a server is asked for each run by its hash; beyond, all runs are read."""


class Store:
    """An open MLflow store with one parent run.

    The database and the experiment are created here, before any worker starts: a cold store that several processes
    create at once loses runs.

    Use it in this order: `open` a sweep, ask `find` and `results` what need not be fitted, `write` batches, and end
    with `finish` or `abort`.

    Attributes
    ----------
    name, uri, experiment_id, parent_id : str
    """

    def __init__(self, tracking: Tracking, name: str) -> None:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        # by default MLflow asks a server that does not answer for minutes
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
        for noisy in ("mlflow", "alembic"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        self.uri = tracking.uri
        self.name = tracking.experiment or name
        # each layer has its own class for the same refusal
        self._failures = (MlflowException, SQLAlchemyError, OSError, sqlite3.Error)
        artifacts = artifact_location(tracking, self.name)
        with self._refused("cannot be opened", "Check the folder's rights and the address, or choose another."):
            try_database(tracking.uri)
            with alone(tracking.uri):
                self._client = MlflowClient(tracking_uri=absolute(tracking.uri))
                self.experiment_id = self._experiment(artifacts)
        self.parent_id = ""
        self._unfinished: dict[str, str] = {}

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

        Parameters
        ----------
        title, config : str
            The experiment's title and its composed configuration.
        tags : mapping of str to str
        sweep_key : str
            Equal for sweeps of the same runs under the same name; empty for one that is never gone on with.
        resume : bool
            Whether to reopen the newest sweep of this key that was not deleted, however it ended.
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
            before = self._newest(sweep_key) if resume and sweep_key else None
            if before is None:
                name = f"{self.name} {time.strftime('%Y-%m-%d %H:%M:%S')}"[-LONGEST_NAME:]
                run = self._client.create_run(self.experiment_id, run_name=name, tags=every)
                done: dict[str, str] = {}
            else:
                run = before
                done = self._children(run.info.run_id)
                self._client.update_run(run.info.run_id, status="RUNNING")
                for key, value in every.items():
                    self._client.set_tag(run.info.run_id, key, value)
            self.parent_id = run.info.run_id
            self._artifacts = run.info.artifact_uri
            self._folder = local_folder(self._artifacts) or Path("mlruns", "spool", self.parent_id)
            for file, text in {"experiment.yaml": config, **(files or {})}.items():
                self._put(file, text)
        return done

    def find(self, keys: Iterable[str]) -> Mapping[str, str]:
        """Return the runs with these hashes that are finished and not deleted in any other sweep of the store.

        Raises
        ------
        TrackingError
            If the store cannot be read.
        """
        asked = set(keys)
        with self._refused("cannot be read"):
            ids = [experiment.experiment_id for experiment in self._client.search_experiments()]
            if len(asked) <= FEW_KEYS:
                filters = [f"tags.`{HASH}` = '{key}'" for key in asked]
            else:
                filters = ["tags.`digicarbon.kind` = 'specification'"]
            runs = [
                run
                for one in filters
                for run in self._all(ids, f"{one} AND attributes.status = 'FINISHED'")
                if run.data.tags.get(PARENT) != self.parent_id
            ]
        found = {run.data.tags.get(HASH, ""): run.info.run_id for run in reversed(runs)}
        return {key: run_id for key, run_id in found.items() if key in asked}

    def results(self, run_ids: Iterable[str]) -> Mapping[str, Result]:
        """Return results by run id; a run whose result is not to be had is left out (fit it again).

        Raises
        ------
        TrackingError
            If the store cannot be read.
        """
        asked = set(run_ids)
        with self._refused("cannot be read"):
            parents = dict.fromkeys(self._client.get_run(run_id).data.tags.get(PARENT, "") for run_id in asked)
            found: dict[str, Result] = {}
            for parent in filter(None, parents):
                folder = local_folder(self._client.get_run(parent).info.artifact_uri)
                sources = [] if folder is None else _sources(folder)
                found |= _results.results(sources, asked)
        return found

    def write(self, entries: Sequence[Entry]) -> None:
        """Write finished runs as children of the parent, one batch.

        A run of the sweep that failed before is replaced by its entry of the same hash.

        Raises
        ------
        TrackingError
            If the store refuses them.
        """
        if not entries:
            return
        rows = [
            _rows.row(entry, self.parent_id, self._unfinished.get(entry.tags.get(HASH, ""), "")) for entry in entries
        ]
        written: list[Row] = []
        for row in rows:
            with self._refused(f"refuses the run '{row.label}'", "Runs written before are kept."):
                run_id = _client.write(self._client, self.experiment_id, row)
                self._unfinished.pop(row.hash, None)
                written.append(_with_id(row, run_id))
        _results.write_part(self._folder / _results.PARTS, _rows.table(written))

    def finish(self, files: Mapping[str, str | bytes], failed: int, done: int) -> dict[str, str]:
        """Store the sweep's tables and all its results on the parent and close it.

        Parameters
        ----------
        files : mapping of str to str or bytes
            Contents by name: text, or e.g. a picture.
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
        with self._refused("cannot be written", "Runs written before are kept."):
            for name, content in files.items():
                self._put(name, content)
            self._gather()
            for key, value in (("runs.done", done), ("runs.failed", failed)):
                self._client.log_metric(self.parent_id, key, float(value))
            self._client.set_terminated(self.parent_id, status="FAILED" if failed else "FINISHED")
        return {name: place(self._artifacts, name) for name in files}

    def abort(self, status: str = "KILLED") -> None:
        """Mark the parent as killed or failed; children that are written stay."""
        if self.parent_id:
            with suppress(*self._failures):
                self._client.set_terminated(self.parent_id, status=status)

    def _gather(self) -> None:
        """Make the parts one file."""
        sources = _sources(self._folder)
        if not sources:
            return
        target = self._folder / _results.RESULTS
        ids = {run.info.run_id: run.info.run_id for run in self._all([self.experiment_id], self._inside())}
        _results.merge(sources, target, ids)
        for source in sources:
            if source != target:
                source.unlink()
        if local_folder(self._artifacts) is None:
            self._client.log_artifact(self.parent_id, str(target))

    def _put(self, name: str, content: str | bytes) -> None:
        data = content.encode() if isinstance(content, str) else content
        folder = local_folder(self._artifacts)
        if folder is not None:
            put(folder / name, data)
            return
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / name
            put(path, data)
            self._client.log_artifact(self.parent_id, str(path), name.rpartition("/")[0] or None)

    def _newest(self, sweep_key: str) -> Run | None:
        found = self._client.search_runs(
            [self.experiment_id],
            f"tags.`{SWEEP_KEY}` = '{sweep_key}'",
            order_by=["attributes.start_time DESC"],
            max_results=1,
        )
        return found[0] if found else None

    def _children(self, parent_id: str) -> dict[str, str]:
        """Return the finished runs of a sweep by hash, and remember the others, which are to be replaced."""
        done = {}
        for run in self._all([self.experiment_id], self._inside(parent_id)):
            key = run.data.tags.get(HASH, "")
            if run.info.status == "FINISHED":
                done[key] = run.info.run_id
            else:
                self._unfinished[key] = run.info.run_id
        return done

    def _inside(self, parent_id: str = "") -> str:
        return f"tags.`{PARENT}` = '{parent_id or self.parent_id}'"

    def _all(self, experiment_ids: Sequence[str], condition: str) -> Iterator[Run]:
        token = None
        while True:
            page = self._client.search_runs(experiment_ids, condition, max_results=1000, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    @contextmanager
    def _refused(self, what: str, advice: str = "") -> Iterator[None]:
        try:
            yield
        except self._failures as error:
            raise TrackingError(
                f"tracking.uri: the store {self.uri} {what} ({first_line(error)}). {advice}".strip()
            ) from error

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


def _sources(folder: Path) -> list[Path]:
    """Return the files of results in a sweep's folder."""
    whole = folder / _results.RESULTS
    return [*([whole] if whole.is_file() else []), *_results.parts(folder / _results.PARTS)]


def _with_id(row: Row, run_id: str) -> Row:
    from dataclasses import replace

    return replace(row, run_id=run_id)
