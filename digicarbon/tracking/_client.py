"""Runs written by MLflow's public client, which any store takes, one run after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from digicarbon.tracking._rows import Row

if TYPE_CHECKING:
    from mlflow import MlflowClient

T = TypeVar("T")

MOST_PARAMS = 100
MOST_METRICS = 1000


def write(client: MlflowClient, experiment_id: str, row: Row) -> str:
    """Write one run and return its id."""
    from mlflow.entities import Dataset, DatasetInput, Metric, Param

    run = client.create_run(experiment_id, start_time=row.start, tags=dict(row.tags), run_name=row.name)
    run_id = str(run.info.run_id)
    params = [Param(key, value) for key, value in row.params.items()]
    numbers = [Metric(key, value, row.end, 0) for key, value in row.metrics.items()]
    for batch in _batches(params, MOST_PARAMS):
        client.log_batch(run_id, params=batch)
    for batch in _batches(numbers, MOST_METRICS):
        client.log_batch(run_id, metrics=batch)
    dataset = Dataset(row.data_name, row.data_digest, "code", "{}", profile=row.data_profile)
    client.log_inputs(run_id, datasets=[DatasetInput(dataset, [])])
    for name, content in row.files.items():
        client.log_text(run_id, content.decode(), name)
    client.set_terminated(run_id, row.status, row.end)
    if row.replaces:
        client.delete_run(row.replaces)
    return run_id


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
