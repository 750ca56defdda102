"""What a sweep leaves in every table of MLflow that knows runs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import sqlalchemy as sa
from entries import ENTRY, FAILED, RESULT, of
from mlflow.store.tracking.dbmodels.models import Base

from digicarbon.tracking import OPENED, Store, Tracking
from digicarbon.tracking import _database as database

LINKS = ("run_uuid", "run_id", "destination_id")
OWN = {
    "run_uuid",
    "run_id",
    "destination_id",
    "input_uuid",
    "source_id",
    "artifact_uri",
    "dataset_uuid",
    "deleted_time",
    "experiment_id",
    "artifact_location",
}
TIMES = {"start_time", "end_time", "timestamp", "creation_time", "last_update_time"}
"""A sweep's own, and an experiment's; those of runs are given."""
MANY = {
    "params": {f"model.extra {k}": str(k) for k in range(230)} | {"model.x": "x" * 9000, "leer": ""},
    "tags": {"digicarbon.hash": "m", "digicarbon.label": "m", "mlflow.note.content": "n" * 9000, "user.碳": "排放"},
    "config": "model:\n  x: " + "x" * 8000,
    "result": replace(RESULT, statistics={f"statistic {k}": k / 7 for k in range(2300)} | {"tiny": 5e-324}),
}
ENTRIES = (
    of("one"),
    of("two", **FAILED),
    replace(ENTRY, label="m" * 400, **MANY),
    of("one again", reused_from="f" * 32),
)


@cache
def tables() -> dict[str, str]:
    """Every table of MLflow that knows runs, with the column that names them: later ones are covered, too."""
    found = {}
    for table in Base.metadata.tables.values():
        for link in LINKS:
            if link in table.columns:
                found[table.name] = link
    return found


def written(monkeypatch: pytest.MonkeyPatch, straight: bool, **fields: str) -> Store:
    """A sweep written straight into the tables, or by the public client, each in an experiment of its own."""
    with monkeypatch.context() as patch:
        if not straight:
            patch.setattr(database, "HEADS", frozenset())
        name = "contract of ours" if straight else "contract of MLflow"
        store = Store(Tracking(**fields), name)
        assert bool(store.notices) is not straight
        store.open("A title", "", {"mine": "one"}, "key", choices={"model": ["fe", "sdm"]})
        store.write(ENTRIES[:2])
        store.abort()
        parent_id = store.parent_id
        store = Store(Tracking(**fields), name)
        store.open("A title", "", {"mine": "two", "more": "排放"}, "key")
        assert store.parent_id == parent_id
        # those that went before failed or have lost their results
        store.write(ENTRIES)
        store.finish({}, failed=1, done=3, description="What came out")
    return store


def dumped(store: Store, uri: str) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Rows of each table by the name of the run, the sweep or the experiment, without what is their own."""
    engine = sa.create_engine(uri)
    out: dict[str, dict[str, list[dict[str, Any]]]] = {}
    with engine.connect() as connection:

        def rows(query: str, **values: Any) -> list[dict[str, Any]]:
            return [dict(row) for row in connection.execute(sa.text(query), values).mappings()]

        def keep(table: str, owner: str, found: list[dict[str, Any]], hidden: set[str]) -> None:
            shown = [{k: v for k, v in row.items() if k not in hidden} for row in found]
            kept = [row for row in shown if row.get("key") not in ("digicarbon.delivery", "mlflow.parentRunId")]
            out.setdefault(table, {}).setdefault(owner, []).extend(sorted(kept, key=repr))

        every = "SELECT runs.run_uuid, name, lifecycle_stage FROM runs JOIN tags USING (run_uuid)"
        query = f"{every} WHERE key = 'mlflow.parentRunId' AND value = :parent ORDER BY name, lifecycle_stage"
        runs = {
            row["run_uuid"]: f"{row['name']}, {row['lifecycle_stage']}" for row in rows(query, parent=store.parent_id)
        }
        sets = {row["dataset_uuid"]: row for row in rows("SELECT * FROM datasets")}
        for table, link in tables().items():
            for run_id, owner in [*runs.items(), (store.parent_id, "the sweep")]:
                found = rows(f"SELECT * FROM {table} WHERE {link} = :run_id", run_id=run_id)
                for row in found:
                    if table == "inputs":
                        row["dataset"] = {k: v for k, v in sets[row["source_id"]].items() if k not in OWN}
                    if owner == "the sweep":
                        assert all(row[time] is None or row[time] > 1_700_000_000_000 for time in TIMES & row.keys())
                        if row.get("key") == OPENED:
                            assert int(row["value"]) > 1_700_000_000_000
                            row["value"] = "of its own"
                        row |= {
                            k: "of its own" for k, v in row.items() if k in ("name", "value") and store.name in str(v)
                        }
                keep(table, owner, found, OWN | TIMES if owner == "the sweep" else OWN)
        number = int(store.experiment_id)
        for table in ("experiments", "experiment_tags", "datasets"):
            found = rows(f"SELECT * FROM {table} WHERE experiment_id = :number", number=number)
            hidden = OWN | TIMES | ({"name"} if table == "experiments" else set())
            keep(table, "the experiment", found, hidden)
    engine.dispose()
    return out
