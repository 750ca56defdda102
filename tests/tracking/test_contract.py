"""Rows written straight into the tables equal those of MLflow's public client, and its readers see them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from contract import ENTRIES, dumped, tables, written
from entries import ENTRY, of
from mlflow import MlflowClient
from mlflow.store.tracking.dbmodels.models import Base

from digicarbon.errors import TrackingError
from digicarbon.tracking import Store, Tracking
from digicarbon.tracking import _database as database
from digicarbon.tracking._tables import TABLES


@pytest.mark.long
def test_every_table_is_as_the_public_client_writes_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = dumped(written(monkeypatch, straight=True), Tracking().uri)
    theirs = dumped(written(monkeypatch, straight=False), Tracking().uri)
    assert set(ours) >= {"runs", "tags", "params", "metrics", "latest_metrics", "inputs", "experiments"}
    assert theirs.keys() == ours.keys()
    for table in theirs:
        assert ours[table] == theirs[table], table
    many = f"{'m' * 250}, active"
    assert all(len(ours[table][many]) for table in ("runs", "tags", "params", "metrics", "latest_metrics", "inputs"))
    assert len(ours["metrics"][many]) > 2300
    assert [row["lifecycle_stage"] for row in ours["runs"]["two, deleted"]] == ["deleted"]
    (sweep,) = ours["runs"]["the sweep"]
    assert (sweep["status"], sweep["user_id"], sweep["source_type"]) == ("FAILED", "unknown", "UNKNOWN")
    assert {row["key"]: row["value"] for row in ours["tags"]["the sweep"]}["mine"] == "two"
    assert {row["key"]: row["value"] for row in ours["latest_metrics"]["the sweep"]} == {
        "runs.done": 3.0,
        "runs.failed": 1.0,
    }
    assert [row["lifecycle_stage"] for row in ours["experiments"]["the experiment"]] == ["active"]
    assert [row["key"] for row in ours["experiment_tags"]["the experiment"]] == [
        "mlflow.experimentKind",
        "mlflow.note.content",
        "mlflow.sharedViewState.digicarbon",
    ]
    assert [row["value"] for row in ours["params"]["the sweep"]] == ["fe | sdm"]
    assert {row["key"]: row["value"] for row in ours["tags"]["the sweep"]}["mlflow.note.content"] == "What came out"


def test_our_tables_are_mlflows() -> None:
    for table in TABLES:
        theirs = Base.metadata.tables[table.name]
        assert set(table.columns) == set(theirs.columns.keys()), table.name
        assert [*table.keys] == [*theirs.primary_key.columns.keys()], table.name


@pytest.mark.long
def test_the_files_of_a_run_are_those_of_the_public_client(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for straight in (True, False):
        store = written(monkeypatch, straight)
        client = MlflowClient(tracking_uri=f"sqlite:///{Path('mlruns/mlflow.db').resolve().as_posix()}")
        runs = client.search_runs([store.experiment_id], f"tags.`mlflow.parentRunId` = '{store.parent_id}'")
        listed = {}
        for run in runs:
            for file in client.list_artifacts(run.info.run_id):
                text = Path(client.download_artifacts(run.info.run_id, file.path)).read_bytes()
                listed[run.info.run_name, file.path] = text
        found.append(listed)
    assert found[0] == found[1]
    assert {path for name, path in found[0] if name == "two"} == {"error.txt"}
    assert found[0]["m" * 250, "config.yaml"] == ENTRIES[2].config.encode()


def test_readers_of_mlflow_see_what_was_written(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = written(monkeypatch, straight=True)
    client = MlflowClient(tracking_uri=f"sqlite:///{Path('mlruns/mlflow.db').resolve().as_posix()}")
    inside = f"tags.`mlflow.parentRunId` = '{store.parent_id}'"

    def named(condition: str) -> set[str]:
        return {run.info.run_name for run in client.search_runs([store.experiment_id], f"{inside} AND {condition}")}

    assert named("metrics.`coef.log_pcap_` > 0.09") == {"one", "one again", "m" * 250}
    assert named("metrics.nobs = 180") == {"one", "one again"}
    assert named("params.column = '数字经济(1)'") == {"one", "two", "one again"}
    assert named("tags.`digicarbon.hash` = 'one'") == {"one"}
    assert named("attributes.status = 'FAILED'") == {"two"}
    assert named("dataset.name = 'simulated'") == {"one", "two", "one again", "m" * 250}
    ordered = client.search_runs([store.experiment_id], inside, order_by=["metrics.`statistic 7` DESC"], max_results=1)
    assert ordered[0].info.run_name == "m" * 250
    one = client.search_runs([store.experiment_id], "tags.`digicarbon.hash` = 'one'")[0]
    history = client.get_metric_history(one.info.run_id, "coef.log_pcap_")
    assert [(point.value, point.timestamp, point.step) for point in history] == [(0.1, ENTRY.end, 0)]
    client.set_tag(one.info.run_id, "mine", "yes")
    client.log_metric(one.info.run_id, "coef.log_pcap_", 0.2, timestamp=ENTRY.end + 1)
    assert client.get_run(one.info.run_id).data.metrics["coef.log_pcap_"] == 0.2


def test_a_batch_is_written_whole_or_not_at_all(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(Tracking(), "atomic")
    store.open("", "", {}, resume=False)
    store.write([of("before")])

    def broken(*arguments: Any) -> Any:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(database, "_input", broken)
        with pytest.raises(TrackingError, match=r"cannot be written: disk I/O error"):
            store.write([of("a"), of("b")])
    with closing(sqlite3.connect("mlruns/mlflow.db")) as connection:
        for table, link in tables().items():
            if table in ("runs", "tags", "params", "metrics", "latest_metrics", "inputs"):
                runs = connection.execute(f"SELECT DISTINCT {link} FROM {table}").fetchall()
                assert len(runs) <= 2, table
    store.abort()


def test_an_unknown_schema_gets_the_public_client_and_one_line(project: Path) -> None:
    with closing(sqlite3.connect("mlruns/mlflow.db")) as connection:
        (head,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert head in database.HEADS, "MLflow has a new schema: compare its tables, then add the head"


def test_ids_of_a_batch_lie_together_and_differ_early(project: Path) -> None:
    store = Store(Tracking(), "ids")
    store.open("", "", {}, resume=False)
    store.write([of(str(k)) for k in range(30)])
    store.write([of(str(k)) for k in range(30, 40)])
    ids = [run_id for _, run_id, _ in database.opened(Tracking().uri).children(store.experiment_id, store.parent_id)]
    assert len({run_id[:10] for run_id in ids}) == 40
    assert len({run_id[:6] for run_id in ids}) == 2
    assert {len(run_id) for run_id in ids} == {32}
    store.abort()
