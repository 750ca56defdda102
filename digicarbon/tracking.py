"""Results to MLflow: a parent run per sweep, a child per specification; written by one process only."""

from __future__ import annotations

import getpass
import json
import logging
import math
import os
import platform
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from numbers import Real
from pathlib import Path
from typing import ClassVar, TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

import digicarbon
from digicarbon.errors import TrackingError
from digicarbon.result import Result
from digicarbon.spec import Spec

T = TypeVar("T")

PACKAGES = ("numpy", "scipy", "pandas", "linearmodels", "spreg", "libpysal", "mlflow", "hydra-core", "joblib")
SQLITE = "sqlite:///"
LONGEST_NAME = 250
LONGEST_PARAM = 6000
LONGEST_TAG = 8000
MOST_PARAMS = 100
MOST_METRICS = 1000


class Tracking(Spec):
    """Where runs are recorded.

    Attributes
    ----------
    uri : str
        MLflow tracking address: ``sqlite:///…`` relative to the working directory, or ``http(s)://…``.
    artifacts : str
        Folder of tables and files; a server decides for itself.
    experiment : str
        MLflow experiment; empty takes the name of the experiment file.
    """

    role: ClassVar[str] = "tracking"

    uri: str = "sqlite:///mlruns/mlflow.db"
    artifacts: str = "mlruns/artifacts"
    experiment: str = ""


@dataclass(frozen=True, eq=False)
class Entry:
    """What is written of one run.

    Attributes
    ----------
    label : str
    params : mapping of str to str
    tags : mapping of str to str
    config : str
        The composed configuration as YAML.
    result : Result or None
        None for a failed run.
    error : str
        The sentence of a failed run, and its traceback.
    start, end : int
        Milliseconds since the epoch.
    data_name, data_digest, data_profile : str
        The data set's name, fingerprint (36 characters at most) and size.
    """

    label: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    config: str
    result: Result | None
    error: str
    start: int
    end: int
    data_name: str
    data_digest: str
    data_profile: str


class Store:
    """An open MLflow store with one parent run.

    The database and the experiment are created here, before any worker starts: a cold store that several processes
    create at once loses runs.
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
        artifacts = _artifact_location(tracking, self.name)
        with self._refused("cannot be opened", "Check the folder's rights and the address, or choose another."):
            _try_database(tracking.uri)
            with _alone(tracking.uri):
                self._client = MlflowClient(tracking_uri=absolute(tracking.uri))
                self.experiment_id = self._open(artifacts)
        self.parent_id = ""

    def start(self, title: str, config: str, tags: Mapping[str, str], files: Mapping[str, str]) -> None:
        """Start the parent run.

        Parameters
        ----------
        title, config : str
            The experiment's title and its composed configuration.
        tags : mapping of str to str
        files : mapping of str to str
            Texts by name that are known before anything is fitted, so that a sweep that is killed has them, too.

        Raises
        ------
        TrackingError
            If the store refuses it.
        """
        name = f"{self.name} {time.strftime('%Y-%m-%d %H:%M:%S')}"
        every = {"digicarbon.kind": "sweep", "digicarbon.title": title, **tags}
        with self._refused("cannot be written"):
            run = self._client.create_run(self.experiment_id, run_name=name[-LONGEST_NAME:], tags=_cut(every))
            self.parent_id = run.info.run_id
            for file, text in {"experiment.yaml": config, **files}.items():
                self._client.log_text(self.parent_id, text, file)

    def write(self, entries: Sequence[Entry]) -> None:
        """Write finished runs as children of the parent.

        Raises
        ------
        TrackingError
            If the store refuses them.
        """
        for entry in entries:
            with self._refused(f"refuses the run '{entry.label}'", "Runs written before are kept."):
                self._write(entry)

    def finish(self, files: Mapping[str, str | bytes], failed: int, done: int) -> dict[str, str]:
        """Store the sweep's tables on the parent and close it.

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
                self._store(name, content)
            for key, value in (("runs.done", done), ("runs.failed", failed)):
                self._client.log_metric(self.parent_id, key, float(value))
            self._client.set_terminated(self.parent_id, status="FAILED" if failed else "FINISHED")
            folder = self._client.get_run(self.parent_id).info.artifact_uri
        return {name: place(folder, name) for name in files}

    def _store(self, name: str, content: str | bytes) -> None:
        if isinstance(content, str):
            self._client.log_text(self.parent_id, content, name)
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(content)
            self._client.log_artifact(self.parent_id, str(path))

    def abort(self) -> None:
        """Mark the parent as killed; children that are written stay."""
        if self.parent_id:
            with suppress(*self._failures):
                self._client.set_terminated(self.parent_id, status="KILLED")

    @contextmanager
    def _refused(self, what: str, advice: str = "") -> Iterator[None]:
        try:
            yield
        except self._failures as error:
            raise TrackingError(
                f"tracking.uri: the store {self.uri} {what} ({_first(error)}). {advice}".strip()
            ) from error

    def _open(self, artifacts: str | None) -> str:
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

    def _write(self, entry: Entry) -> None:
        from mlflow.entities import Dataset, DatasetInput, Metric, Param

        tags = {
            "mlflow.parentRunId": self.parent_id,
            "digicarbon.kind": "specification",
            **provenance(),
            **entry.tags,
        }
        name = entry.label[:LONGEST_NAME]
        run = self._client.create_run(self.experiment_id, start_time=entry.start, tags=_cut(tags), run_name=name)
        run_id = run.info.run_id
        params = [Param(_name(key), value[:LONGEST_PARAM]) for key, value in entry.params.items()]
        values = {} if entry.result is None else metrics(entry.result)
        numbers = [Metric(key, value, entry.end, 0) for key, value in values.items()]
        for batch in _batches(params, MOST_PARAMS):
            self._client.log_batch(run_id, params=batch)
        for batch in _batches(numbers, MOST_METRICS):
            self._client.log_batch(run_id, metrics=batch)
        dataset = Dataset(entry.data_name, entry.data_digest, "code", "{}", profile=entry.data_profile)
        self._client.log_inputs(run_id, datasets=[DatasetInput(dataset, [])])
        self._client.log_text(run_id, entry.config, "config.yaml")
        if entry.error:
            self._client.log_text(run_id, entry.error, "error.txt")
            self._client.set_tag(run_id, "digicarbon.error", entry.error.split("\n")[0][:LONGEST_TAG])
        self._client.set_terminated(run_id, "FAILED" if entry.error else "FINISHED", entry.end)


def metrics(result: Result) -> dict[str, float]:
    """Return a result's numbers under MLflow names, finite ones only.

    ``coef.<term>``, ``se.<term>`` and ``p.<term>`` for every term; ``<effect>.<term>`` with ``.se`` and ``.p`` for
    effects of focal terms; statistics by their own name; ``<table>.<row>.<column>`` for further tables. ``focal.*``
    repeats the first focal term under a name that all runs share, so that runs with different measures can be compared.
    """
    out: dict[str, float] = {}
    if len(result.terms):
        estimates = result.estimates
        for column in ("coef", "se", "p"):
            out |= {f"{column}.{term}": float(value) for term, value in estimates[column].items()}
        if result.focal and result.focal[0] in estimates.index:
            out |= {f"focal.{column}": out[f"{column}.{result.focal[0]}"] for column in ("coef", "se", "p")}
    if result.spatial_effects is not None:
        shown = result.effects[["coef", "se", "p"]]
        for effect in ("direct", "indirect", "total"):
            for term, (coef, se, p) in zip(result.spatial_effects.terms, shown.loc[effect].to_numpy(), strict=True):
                if term in result.focal:
                    out |= {f"{effect}.{term}": coef, f"{effect}.{term}.se": se, f"{effect}.{term}.p": p}
                if result.focal[:1] == (term,):
                    out |= {f"focal.{effect}": coef, f"focal.{effect}.se": se, f"focal.{effect}.p": p}
    out |= {name: float(value) for name, value in result.statistics.items()}
    for name, table in result.tables.items():
        for key, row in table.iterrows():
            parts = key if isinstance(key, tuple) else (key,)
            cells = {column: value for column, value in row.items() if isinstance(value, Real)}
            out |= {".".join(map(str, (name, *parts, column))): float(value) for column, value in cells.items()}
    return {_name(name): value for name, value in out.items() if math.isfinite(value)}


def _name(name: str) -> str:
    # MLflow allows letters, digits and _ - . space on every system; : on some, and / makes folders
    return "".join(letter if letter.isalnum() or letter in "_-. " else "_" for letter in name)[:LONGEST_NAME]


def _cut(tags: Mapping[str, str]) -> dict[str, str]:
    return {key: value[:LONGEST_TAG] for key, value in tags.items()}


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


@cache
def provenance() -> dict[str, str]:
    """Return tags on the code: package versions, and git commit and dirty flag of the working directory."""
    tags = {
        "digicarbon.version": digicarbon.__version__,
        "mlflow.source.name": "digicarbon",
        "mlflow.source.type": "LOCAL",
        "digicarbon.host": platform.node(),
    }
    with suppress(OSError, KeyError, ImportError):
        tags["mlflow.user"] = getpass.getuser()
    found = {}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    tags["digicarbon.packages"] = json.dumps(found)
    commit = _git("rev-parse", "HEAD")
    if commit:
        tags["mlflow.source.git.commit"] = commit
        tags["digicarbon.git_dirty"] = str(bool(_git("status", "--porcelain")))
    return tags


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, encoding="utf-8", timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def absolute(uri: str) -> str:
    """Return a database's address with its full path: MLflow keeps a store open by address, whatever the folder."""
    if not uri.startswith(SQLITE):
        return uri
    return f"{SQLITE}{Path(uri.removeprefix(SQLITE)).resolve().as_posix()}"


@contextmanager
def _alone(uri: str) -> Iterator[None]:
    """Let one command at a time create a database: two that start in an empty folder would both lay out its tables."""
    if not uri.startswith(SQLITE):
        yield
        return
    from filelock import FileLock

    with FileLock(f"{uri.removeprefix(SQLITE)}.lock", timeout=300):
        yield


def _try_database(uri: str) -> None:
    """Raise at once what would stop a database file from being written; MLflow tries for minutes."""
    if uri.startswith(SQLITE):
        with closing(sqlite3.connect(uri.removeprefix(SQLITE), isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")


def _artifact_location(tracking: Tracking, name: str) -> str | None:
    """Return where artifacts go, and make the folder of a database file; a server decides for itself."""
    if tracking.uri.startswith(("http://", "https://")):
        return None
    try:
        if tracking.uri.startswith(SQLITE):
            Path(tracking.uri.removeprefix(SQLITE)).parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tracking.artifacts) / "".join(c if c.isalnum() or c in "-_" else "_" for c in name)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrackingError(
            f"tracking: the folder for results cannot be made ({error}); choose tracking.uri and tracking.artifacts in "
            "a folder that you may write to."
        ) from error
    return folder.resolve().as_uri()


def place(folder: str, name: str) -> str:
    """Return the path of a file in a folder of artifacts, or its address where that is no local folder."""
    parts = urlsplit(folder)
    return str(Path(url2pathname(parts.path)) / name) if parts.scheme in ("file", "") else f"{folder}/{name}"


def _first(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
