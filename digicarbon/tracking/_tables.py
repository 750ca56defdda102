"""The tables of MLflow that are written and read here; importing its own models costs a second.

Columns are in the order in which rows are written. A test compares them with MLflow's models, and `HEADS` lists
the schemas for which that holds.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

HEADS = frozenset({"dc11669786a5"})
"""Versions of MLflow's schema that are known here: that of MLflow 3.17. `schema/` has the statements for each."""
WORKSPACE = "default"
"""MLflow's name for a store without workspaces."""

METADATA = sa.MetaData()


def _metrics(name: str, *keys: str) -> sa.Table:
    columns: list[sa.Column[Any]] = [
        sa.Column("key", sa.String(250)),
        sa.Column("value", sa.Float(53), nullable=False),
        sa.Column("timestamp", sa.BigInteger),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("is_nan", sa.Boolean, nullable=False),
        sa.Column("run_uuid", sa.String(32)),
    ]
    return sa.Table(name, METADATA, *columns, sa.PrimaryKeyConstraint(*keys))


EXPERIMENTS = sa.Table(
    "experiments",
    METADATA,
    sa.Column("experiment_id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(256), nullable=False),
    sa.Column("workspace", sa.String(63), nullable=False),
    sa.Column("artifact_location", sa.String(256)),
    sa.Column("lifecycle_stage", sa.String(32)),
    sa.Column("creation_time", sa.BigInteger),
    sa.Column("last_update_time", sa.BigInteger),
)
EXPERIMENT_TAGS = sa.Table(
    "experiment_tags",
    METADATA,
    sa.Column("key", sa.String(250), primary_key=True),
    sa.Column("value", sa.Text),
    sa.Column("experiment_id", sa.Integer, primary_key=True),
)
RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("run_uuid", sa.String(32), primary_key=True),
    sa.Column("name", sa.String(250)),
    sa.Column("source_type", sa.String(20)),
    sa.Column("source_name", sa.String(500)),
    sa.Column("entry_point_name", sa.String(50)),
    sa.Column("user_id", sa.String(256)),
    sa.Column("status", sa.String(20)),
    sa.Column("start_time", sa.BigInteger),
    sa.Column("end_time", sa.BigInteger),
    sa.Column("deleted_time", sa.BigInteger),
    sa.Column("source_version", sa.String(50)),
    sa.Column("lifecycle_stage", sa.String(20)),
    sa.Column("artifact_uri", sa.String(200)),
    sa.Column("experiment_id", sa.Integer),
)
TAGS = sa.Table(
    "tags",
    METADATA,
    sa.Column("key", sa.String(250), primary_key=True),
    sa.Column("value", sa.String(8000)),
    sa.Column("run_uuid", sa.String(32), primary_key=True),
)
PARAMS = sa.Table(
    "params",
    METADATA,
    sa.Column("key", sa.String(250), primary_key=True),
    sa.Column("value", sa.String(8000), nullable=False),
    sa.Column("run_uuid", sa.String(32), primary_key=True),
)
METRICS = _metrics("metrics", "key", "timestamp", "step", "run_uuid", "value", "is_nan")
LATEST_METRICS = _metrics("latest_metrics", "key", "run_uuid")
DATASETS = sa.Table(
    "datasets",
    METADATA,
    sa.Column("dataset_uuid", sa.String(36), nullable=False),
    sa.Column("experiment_id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(500), primary_key=True),
    sa.Column("digest", sa.String(36), primary_key=True),
    sa.Column("dataset_source_type", sa.String(36), nullable=False),
    sa.Column("dataset_source", sa.UnicodeText, nullable=False),
    sa.Column("dataset_schema", sa.UnicodeText),
    sa.Column("dataset_profile", sa.UnicodeText),
)
INPUTS = sa.Table(
    "inputs",
    METADATA,
    sa.Column("input_uuid", sa.String(36), nullable=False),
    sa.Column("source_type", sa.String(36), primary_key=True),
    sa.Column("source_id", sa.String(36), primary_key=True),
    sa.Column("destination_type", sa.String(36), primary_key=True),
    sa.Column("destination_id", sa.String(36), primary_key=True),
    sa.Column("step", sa.BigInteger, nullable=False),
)
