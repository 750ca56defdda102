"""A store laid out by statements equals one that MLflow's migrations make; MLflow makes a schema that is not known."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from schema import FOLDER, head, laid_out

from digicarbon.tracking import Store, Tracking, _layout
from digicarbon.tracking import _database as database


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    laid_out(path)
    return path


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def test_the_installed_version_is_seen_without_loading_mlflow(theirs: Path) -> None:
    assert _layout.installed_head() == head(theirs)
    code = "import sys; from digicarbon.tracking._layout import installed_head; installed_head()"
    code += "; assert 'mlflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_tables_indexes_and_rows_are_mlflows(theirs: Path, folder: Path) -> None:
    assert _layout.lay_out("sqlite:///mlflow.db")
    here = Path("mlflow.db")
    for query in (
        "SELECT type, name, tbl_name FROM sqlite_master ORDER BY 1, 2",
        "SELECT * FROM workspaces",
        "SELECT experiment_id, name, lifecycle_stage, workspace FROM experiments",
        "PRAGMA user_version",
        "PRAGMA encoding",
    ):
        assert rows(here, query) == rows(theirs, query), query
    for (table,) in rows(theirs, "SELECT name FROM sqlite_master WHERE type = 'table'"):
        columns = f"SELECT * FROM pragma_table_xinfo('{table}')"
        assert rows(here, columns) == rows(theirs, columns), table
        # MLflow makes keys and indexes of a table in any order
        keys = f'SELECT "table", "from", "to", on_update, on_delete, match FROM pragma_foreign_key_list(\'{table}\')'
        assert sorted(rows(here, keys)) == sorted(rows(theirs, keys)), table
        indexes = f"SELECT i.name, \"unique\", origin, partial, c.* FROM pragma_index_list('{table}') i, "
        indexes += "pragma_index_xinfo(i.name) c ORDER BY 1, 5"
        assert rows(here, indexes) == rows(theirs, indexes), table


def test_each_version_that_is_known_has_its_statements() -> None:
    assert {path.stem for path in FOLDER.glob("*.sql")} == database.HEADS


def test_mlflow_reads_and_writes_a_store_that_was_laid_out_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "mlflow" in sys.modules
    monkeypatch.setattr("digicarbon.tracking._connection.public", None)
    store = Store(Tracking(), "mine")
    store.open("", "", {}, resume=False)
    store.abort()
    client = MlflowClient(tracking_uri=f"sqlite:///{Path('mlruns/mlflow.db').resolve().as_posix()}")
    assert {experiment.name for experiment in client.search_experiments()} == {"Default", "mine"}
    default = client.get_experiment("0")
    assert default.artifact_location == str(Path("mlruns").resolve() / "0")
    run = client.create_run("0")
    client.log_metric(run.info.run_id, "a", 1.0)
    assert client.get_run(run.info.run_id).data.metrics == {"a": 1.0}


def test_a_version_that_is_not_known_is_laid_out_by_mlflow(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_layout, "installed_head", lambda: "0" * 12)
    assert not _layout.lay_out("sqlite:///mlflow.db")
    assert not Path("mlflow.db").exists()
    store = Store(Tracking(), "mine")
    store.open("", "", {}, resume=False)
    store.abort()
    assert head(Path("mlruns/mlflow.db")) in database.HEADS


def test_a_layout_that_breaks_off_leaves_no_table(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_layout, "_DEFAULT", "INSERT INTO nothing VALUES (?, ?, ?, ?)")
    with pytest.raises(sqlite3.OperationalError):
        _layout.lay_out("sqlite:///mlflow.db")
    assert rows(Path("mlflow.db"), "SELECT * FROM sqlite_master") == []
