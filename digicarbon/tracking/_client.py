"""Runs written and read by MLflow's public client, which works with any store, one run after the other."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from digicarbon.tracking._backend import EXPERIMENT_TAGS, Experiment, Parent
from digicarbon.tracking._places import local_folder, put
from digicarbon.tracking._results import RESULTS, sources
from digicarbon.tracking._rows import HASH, PARENT, Data, Row

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, Run

    from digicarbon.tracking._spool import Journal

T = TypeVar("T")

# MLflow reports its use to its makers unless this is set before it is loaded; who wants that sets it to false
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

DELIVERY = "digicarbon.delivery"
"""The tag that finds a run whose creation was interrupted."""
MOST_PARAMS = 100
MOST_METRICS = 1000
FEW_KEYS = 20
"""Up to this number of hashes, each run is searched by its hash; beyond it, all runs are read."""


def public(address: str) -> MlflowClient:
    """Return MLflow's client of a store by its address for opening or reading; it creates lacking tables."""
    # by default MLflow tries a silent server for minutes
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    from mlflow import MlflowClient

    # MLflow sets its own level when it is loaded, and logs its errors with tracebacks; our message replaces them
    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    return MlflowClient(tracking_uri=address)


class Client:
    """A store as the public client sees it."""

    keeps_ids: ClassVar[bool] = False

    def __init__(self, client: MlflowClient) -> None:
        self._client = client

    def close(self) -> None:
        """Do nothing: MLflow keeps its connections."""

    def experiment(self, name: str, location: str | None) -> Experiment:
        """Return the experiment of a name; make it, or restore it without the runs that were deleted with it."""
        experiment = self._client.get_experiment_by_name(name)
        if experiment is None:
            experiment_id = self._client.create_experiment(name, artifact_location=location, tags=dict(EXPERIMENT_TAGS))
            experiment = self._client.get_experiment(experiment_id)
        elif experiment.lifecycle_stage == "deleted":
            self._client.restore_experiment(experiment.experiment_id)
            while runs := self._client.search_runs([experiment.experiment_id]):
                for run in runs:
                    self._client.delete_run(run.info.run_id)
        return Experiment(str(experiment.experiment_id), str(experiment.artifact_location))

    def described(self, name: str) -> tuple[str, Mapping[str, str]] | None:
        """Return the id and the tags of the experiment of a name; None if there is none."""
        experiment = self._client.get_experiment_by_name(name)
        return None if experiment is None else (str(experiment.experiment_id), dict(experiment.tags))

    def describe(self, experiment_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of an experiment."""
        for key, value in tags.items():
            self._client.set_experiment_tag(experiment_id, key, value)

    def begin(
        self,
        experiment_id: str,
        name: str,
        tags: Mapping[str, str],
        params: Mapping[str, str],
        data: Sequence[Data] = (),
    ) -> Parent:
        """Start a sweep of runs on these data sets."""
        from mlflow.entities import Param

        run = self._client.create_run(experiment_id, run_name=name, tags=dict(tags))
        for batch in _batches([Param(key, value) for key, value in params.items()], MOST_PARAMS):
            self._client.log_batch(run.info.run_id, params=batch)
        if data:
            self._client.log_inputs(run.info.run_id, datasets=list(map(_input, data)))
        return _parent(run)

    def newest(self, experiment_id: str, tags: Mapping[str, str]) -> Parent | None:
        """Return the newest sweep with these tags that is not deleted."""
        runs = self._client.search_runs(
            [experiment_id],
            " and ".join(f"tags.`{key}` = '{text}'" for key, text in tags.items()),
            order_by=["attributes.start_time DESC"],
            max_results=1,
        )
        return _parent(runs[0]) if runs else None

    def artifacts(self, run_id: str) -> str:
        """Return the address of the artifacts of a sweep."""
        return str(self._client.get_run(run_id).info.artifact_uri)

    def go_on(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Record that a sweep is running again, under new tags."""
        self._client.update_run(run_id, status="RUNNING")
        for key, value in tags.items():
            self._client.set_tag(run_id, key, value)

    def end(self, run_id: str, status: str, numbers: Mapping[str, float], tags: Mapping[str, str]) -> None:
        """Record how a sweep ended: its metrics, and tags beside those that it has."""
        for key, value in numbers.items():
            self._client.log_metric(run_id, key, value)
        for key, text in tags.items():
            self._client.set_tag(run_id, key, text)
        self._client.set_terminated(run_id, status=status)

    def put(self, parent: Parent, name: str, content: bytes | Path) -> None:
        """Store a file with a sweep, or a copy of a file."""
        folder = local_folder(parent.artifacts)
        if folder is not None:
            put(folder / name, content)
            return
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / name
            put(path, content)
            self._client.log_artifact(parent.run_id, str(path), name.rpartition("/")[0] or None)

    def deliver(self, experiment_id: str, rows: Sequence[Row], journal: Journal) -> None:
        """Write the rows that are not in the store yet, in their order."""
        for row in rows:
            if row.run_id in journal.done:
                continue
            half = self._half(experiment_id, row) if row.run_id in journal.begun else ""
            journal.begin(row.run_id)
            journal.finish({row.run_id: self.write(experiment_id, row, half)})

    def write(self, experiment_id: str, row: Row, run_id: str = "") -> str:
        """Write one run, or complete the one of this id, and return its id."""
        from mlflow.entities import Metric, Param

        if not run_id:
            tags = {**row.all_tags, DELIVERY: row.run_id}
            run = self._client.create_run(experiment_id, start_time=row.start, tags=tags, run_name=row.name)
            run_id = str(run.info.run_id)
        params = [Param(key, value) for key, value in row.params.items()]
        numbers = [Metric(key, value, row.end, 0) for key, value in row.metrics.items()]
        # the first of each in one call
        self._client.log_batch(run_id, params=params[:MOST_PARAMS], metrics=numbers[: MOST_METRICS - MOST_PARAMS])
        for batch in _batches(params[MOST_PARAMS:], MOST_PARAMS):
            self._client.log_batch(run_id, params=batch)
        for batch in _batches(numbers[MOST_METRICS - MOST_PARAMS :], MOST_METRICS):
            self._client.log_batch(run_id, metrics=batch)
        self._client.log_inputs(run_id, datasets=[_input(row.data)])
        for name, content in row.files.items():
            self._client.log_text(run_id, content.decode(), name)
        self._client.set_terminated(run_id, row.status, row.end)
        if row.replaces:
            self._client.delete_run(row.replaces)
        return run_id

    def children(self, experiment_id: str, parent_id: str) -> list[tuple[str, str, str]]:
        """Return hash, id and status of the runs of a sweep that are not deleted."""
        runs = every(self._client, [experiment_id], f"tags.`{PARENT}` = '{parent_id}'")
        return [(run.data.tags.get(HASH, ""), run.info.run_id, run.info.status) for run in runs]

    def find(self, keys: Iterable[str]) -> list[tuple[str, str]]:
        """Return hash and id of runs with these hashes that are finished and not deleted, the newest last."""
        hashes = set(keys)
        ids = [experiment.experiment_id for experiment in self._client.search_experiments()]
        few = [f"tags.`{HASH}` = '{key}'" for key in hashes]
        filters = few if len(hashes) <= FEW_KEYS else ["tags.`digicarbon.kind` = 'specification'"]
        finished = (f"{one} AND attributes.status = 'FINISHED'" for one in filters)
        runs = [run for one in finished for run in every(self._client, ids, one)]
        runs.sort(key=lambda run: run.info.end_time)
        pairs = [(run.data.tags.get(HASH, ""), run.info.run_id) for run in runs]
        return [(key, run_id) for key, run_id in pairs if key in hashes]

    def sources(self, run_ids: Iterable[str], scratch: Path) -> list[Path]:
        """Return the files that hold the results of runs; files of servers are fetched into ``scratch``."""
        runs = (self._client.get_run(run_id) for run_id in run_ids)
        parents = dict.fromkeys(filter(None, (run.data.tags.get(PARENT) for run in runs)))
        return [path for parent in parents for path in self.files(parent, scratch)]

    def files(self, parent_id: str, scratch: Path) -> list[Path]:
        """Return the files that hold the results of a sweep."""
        folder = local_folder(self._client.get_run(parent_id).info.artifact_uri)
        if folder is not None:
            return sources(folder)
        if not any(file.path == RESULTS for file in self._client.list_artifacts(parent_id)):
            return []
        own = scratch / parent_id
        own.mkdir(exist_ok=True)
        return [Path(self._client.download_artifacts(parent_id, RESULTS, str(own)))]

    def _half(self, experiment_id: str, row: Row) -> str:
        """Return the id of the run that an interrupted delivery created; empty if it created none."""
        runs = self._client.search_runs([experiment_id], f"tags.`{DELIVERY}` = '{row.run_id}'", max_results=1)
        return str(runs[0].info.run_id) if runs else ""


def every(client: MlflowClient, experiment_ids: Sequence[str], condition: str = "") -> Iterator[Run]:
    """Yield all runs of some experiments that meet a condition, a page after the other."""
    token = None
    while experiment_ids:
        page = client.search_runs(experiment_ids, condition, max_results=1000, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _input(data: Data) -> DatasetInput:
    from mlflow.entities import Dataset, DatasetInput

    return DatasetInput(Dataset(data.name, data.digest, "code", "{}", profile=data.profile), [])


def _parent(run: Run) -> Parent:
    return Parent(str(run.info.run_id), str(run.info.artifact_uri))


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
