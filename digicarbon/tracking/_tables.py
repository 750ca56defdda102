"""The tables of MLflow that are written and read here; importing its own models costs a second.

Columns are in the order in which rows are written. A test compares them with MLflow's models, and `HEADS` lists
the schemas for which that holds.
"""

from __future__ import annotations

from dataclasses import dataclass

HEADS = frozenset({"dc11669786a5"})
"""Versions of MLflow's schema that are known here: that of MLflow 3.17. `schema/` has the statements for each."""
WORKSPACE = "default"
"""MLflow's name for a store without workspaces."""


@dataclass(frozen=True)
class Table:
    """A table; `keys` are columns of which no two rows have the same values."""

    name: str
    columns: tuple[str, ...]
    keys: tuple[str, ...]

    @property
    def insert(self) -> str:
        """The statement that inserts a row."""
        marks = ", ".join("?" * len(self.columns))
        return f"INSERT INTO {self.name} ({', '.join(self.columns)}) VALUES ({marks})"


def _table(name: str, columns: str, keys: str) -> Table:
    return Table(name, tuple(columns.split()), tuple(keys.split()))


_METRICS = "key value timestamp step is_nan run_uuid"
EXPERIMENTS = _table(
    "experiments",
    "experiment_id name workspace artifact_location lifecycle_stage creation_time last_update_time",
    "experiment_id",
)
EXPERIMENT_TAGS = _table("experiment_tags", "key value experiment_id", "key experiment_id")
RUNS = _table(
    "runs",
    "run_uuid name source_type source_name entry_point_name user_id status start_time end_time deleted_time "
    "source_version lifecycle_stage artifact_uri experiment_id",
    "run_uuid",
)
TAGS = _table("tags", "key value run_uuid", "key run_uuid")
PARAMS = _table("params", "key value run_uuid", "key run_uuid")
METRICS = _table("metrics", _METRICS, "key timestamp step run_uuid value is_nan")
LATEST_METRICS = _table("latest_metrics", _METRICS, "key run_uuid")
DATASETS = _table(
    "datasets",
    "dataset_uuid experiment_id name digest dataset_source_type dataset_source dataset_schema dataset_profile",
    "experiment_id name digest",
)
INPUTS = _table(
    "inputs",
    "input_uuid source_type source_id destination_type destination_id step",
    "source_type source_id destination_type destination_id",
)
TABLES = (EXPERIMENTS, EXPERIMENT_TAGS, RUNS, TAGS, PARAMS, METRICS, LATEST_METRICS, DATASETS, INPUTS)
