"""What a sweep leaves in every table of MLflow that knows runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from entries import ENTRY, FAILED, RESULT, of
from mlflow.store.db.base_sql_model import Base

from digicarbon.tracking import Store, Tracking
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
}
MANY = {
    "params": {f"model.extra {k}": str(k) for k in range(230)} | {"model.x": "x" * 9000, "leer": ""},
    "tags": {"digicarbon.hash": "m", "digicarbon.label": "m", "mlflow.note.content": "n" * 9000, "user.碳": "排放"},
    "result": replace(RESULT, statistics={f"statistic {k}": k / 7 for k in range(2300)} | {"tiny": 5e-324}),
}
ENTRIES = (
    of("one"),
    of("two", **FAILED),
    replace(ENTRY, label="m" * 400, **MANY),
    of("one again", reused_from="f" * 32),
)


def tables() -> dict[str, str]:
    """Every table of MLflow that knows runs, with the column that names them: later ones are covered, too."""
    found = {}
    for table in Base.metadata.tables.values():
        for link in LINKS:
            if link in table.columns:
                found[table.name] = link
    return found


def written(monkeypatch: pytest.MonkeyPatch, straight: bool, **fields: str) -> Store:
    """A sweep written straight into the tables, or by the public client."""
    with monkeypatch.context() as patch:
        if not straight:
            patch.setattr(database, "HEADS", frozenset())
        store = Store(Tracking(**fields), "contract")
        assert bool(store.notices) is not straight
        store.open("A title", "", {}, resume=False)
        store.write(ENTRIES[:2])
        store.write(ENTRIES[2:])
        store.finish({}, failed=1, done=3)
    return store


def dumped(store: Store, uri: str) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Rows of each table by the run's name, without what is a run's own."""
    engine = sa.create_engine(uri)
    with engine.connect() as connection:

        def rows(query: str, **values: str) -> list[dict[str, Any]]:
            return [dict(row) for row in connection.execute(sa.text(query), values).mappings()]

        ids = [
            row["run_uuid"]
            for row in rows(
                "SELECT run_uuid FROM tags WHERE key = 'mlflow.parentRunId' AND value = :parent", parent=store.parent_id
            )
        ]
        names = {row["run_uuid"]: row["name"] for row in rows("SELECT run_uuid, name FROM runs")}
        sets = {row["dataset_uuid"]: row for row in rows("SELECT * FROM datasets")}
        out: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for table, link in tables().items():
            for run_id in ids:
                found = rows(f"SELECT * FROM {table} WHERE {link} = :run_id", run_id=run_id)
                if table == "inputs":
                    for row in found:
                        row["dataset"] = {k: v for k, v in sets[row["source_id"]].items() if k not in OWN}
                shown = [{k: v for k, v in row.items() if k not in OWN} for row in found]
                kept = [row for row in shown if row.get("key") not in ("digicarbon.delivery", "mlflow.parentRunId")]
                out.setdefault(table, {})[names[run_id]] = sorted(kept, key=repr)
    engine.dispose()
    return out
