"""MLflow's own rules, asked before anything is written: SQL would take what the public client refuses."""

from __future__ import annotations

from functools import lru_cache

from digicarbon.tracking._rows import Row


def validate(row: Row) -> None:
    """Raise MLflow's own exception if it does not take the row.

    Most names and values repeat from run to run, so that each is looked at once.
    """
    for key, value in row.params.items():
        _param(key, value)
    for key, value in row.tags.items():
        _tag(key, value)
    for key in row.metrics:
        _metric(key)
    _dataset(row.data_name, row.data_digest, row.data_profile)


@lru_cache(maxsize=50_000)
def _param(key: str, value: str) -> None:
    from mlflow.utils.validation import _validate_param

    _validate_param(key, value)


@lru_cache(maxsize=50_000)
def _tag(key: str, value: str) -> None:
    from mlflow.utils.validation import _validate_tag

    _validate_tag(key, value)


@lru_cache(maxsize=50_000)
def _metric(key: str) -> None:
    from mlflow.utils.validation import _validate_length_limit, _validate_metric_name

    _validate_metric_name(key)
    _validate_length_limit("Metric name", 250, key)


@lru_cache(maxsize=1_000)
def _dataset(name: str, digest: str, profile: str) -> None:
    from mlflow.entities import Dataset
    from mlflow.utils.validation import _validate_dataset

    _validate_dataset(Dataset(name, digest, "code", "{}", profile=profile))
