"""A store that takes nothing for a while, or for good: nothing is lost, and nothing stands twice."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from entries import FAILED, of
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE

from digicarbon.__main__ import main
from digicarbon.errors import TrackingError
from digicarbon.tracking import Store, Tracking
from digicarbon.tracking import _database as database
from digicarbon.tracking import _rows as rows
from digicarbon.tracking import _store as recording

Outage = Callable[[str, int], None]


@pytest.fixture
def far(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose store is written by the public client, out of the spool, as a server is."""
    monkeypatch.setattr(database, "HEADS", frozenset())
    monkeypatch.setattr(recording, "PAUSE", 0.0)
    return project


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Outage:
    """Lets a call of the client fail after a number of times, until the store is said to answer again."""

    def begin(call: str, after: int) -> None:
        real = getattr(MlflowClient, call)
        left = [after]

        def failing(*arguments: Any, **more: Any) -> Any:
            if left[0] <= 0:
                raise MlflowException("the server does not answer", TEMPORARILY_UNAVAILABLE)
            left[0] -= 1
            return real(*arguments, **more)

        monkeypatch.setattr(MlflowClient, call, failing)

    return begin


def begun(name: str = "x", key: str = "k") -> tuple[Store, dict[str, str]]:
    store = Store(Tracking(), name)
    return store, dict(store.open("A title", "model: {}\n", {}, key))


def client() -> MlflowClient:
    return MlflowClient(tracking_uri=f"sqlite:///{Path('mlruns/mlflow.db').resolve().as_posix()}")


def recorded(store: Store) -> Counter[tuple[str, str]]:
    """How often each hash stands in a sweep, with its status."""
    runs = client().search_runs([store.experiment_id], f"tags.`mlflow.parentRunId` = '{store.parent_id}'")
    return Counter((run.data.tags["digicarbon.hash"], run.info.status) for run in runs)


def whole(*keys: str) -> Counter[tuple[str, str]]:
    return Counter((key, "FINISHED") for key in keys)


def results(store: Store) -> pd.DataFrame:
    path = client().download_artifacts(store.parent_id, "results.parquet")
    return pd.read_parquet(path).set_index("hash")


@pytest.mark.long
@pytest.mark.parametrize("call", ["create_run", "log_batch", "log_inputs", "log_text", "set_terminated"])
@pytest.mark.parametrize("after", [0, 1])
def test_an_outage_in_the_middle_lets_the_sweep_go_on(
    far: Path, outage: Outage, monkeypatch: pytest.MonkeyPatch, call: str, after: int
) -> None:
    store, _ = begun()
    store.write([of("a")])
    with monkeypatch.context():
        outage(call, after)
        # a configuration that is too long for a tag is a file
        store.write([of("b", config=f"x: {'x' * 8000}"), of("c", **FAILED)])
        store.write([of("d")])
        places = store.finish({"table.md": "| 碳 |", "more/data.csv": b"1"}, failed=1, done=3)
        assert set(places) == {"table.md", "more/data.csv"}
        assert len(store.notices) == 2
        assert "wait in mlruns/spool/" in str(store.notices[1]).replace("\\", "/")
        monkeypatch.undo()
    monkeypatch.chdir(far)
    monkeypatch.setattr(database, "HEADS", frozenset())
    assert main(["deliver"]) == 0
    assert recorded(store) == whole("a", "b", "d") + Counter([("c", "FAILED")])
    assert client().get_run(store.parent_id).info.status == "FAILED"
    assert Path(client().download_artifacts(store.parent_id, "table.md")).read_text(encoding="utf-8") == "| 碳 |"
    table = results(store)
    assert list(table.index) == ["a", "b", "c", "d"]
    ids = {
        run.data.tags["digicarbon.hash"]: run.info.run_id
        for run in client().search_runs([store.experiment_id])
        if "digicarbon.hash" in run.data.tags
    }
    assert dict(table["run_id"]) == ids
    assert not list(Path("mlruns/spool").glob("*/sweep.json"))


def test_a_store_that_answers_again_gets_what_waits_before_the_sweep_ends(
    far: Path, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = begun()
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "create_run", _unavailable)
        store.write([of("a")])
        assert recorded(store) == whole()
    store.write([of("b")])
    assert recorded(store) == whole("a", "b")
    store.finish({}, failed=0, done=2)
    assert list(results(store).index) == ["a", "b"]
    assert len(store.notices) == 1


def test_the_same_command_again_delivers_and_goes_on(far: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, _ = begun()
    store.write([of("a")])
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_batch", _unavailable)
        store.write([of("b")])
        store.abort()
    again, done = begun()
    assert again.parent_id == store.parent_id
    assert set(done) == {"a", "b"}
    assert set(again.recorded()) == set(done)
    again.write([of("c")])
    again.finish({}, failed=0, done=3)
    assert recorded(again) == whole("a", "b", "c")
    assert set(results(again).index) == {"a", "b", "c"}


def test_a_run_that_failed_is_replaced_across_sweeps_of_a_server(far: Path) -> None:
    store, _ = begun()
    store.write([of("a", **FAILED), of("b")])
    store.finish({}, failed=1, done=1)
    again, done = begun()
    assert list(done) == ["b"]
    again.write([of("a")])
    again.finish({}, failed=0, done=2)
    assert recorded(again) == whole("a", "b")
    assert dict(results(again)["status"]) == {"a": "FINISHED", "b": "FINISHED"}


def test_what_a_store_refuses_for_good_is_a_sentence(far: Path) -> None:
    store, _ = begun()
    client().delete_experiment(store.experiment_id)
    with pytest.raises(TrackingError, match=r"refuses runs .*Runs written before are kept"):
        store.write([of("a")])
    store.abort()


def _full(connection: sqlite3.Connection) -> None:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")


def _read_only(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA query_only = ON")


def _impatient(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA busy_timeout = 50")


@pytest.mark.parametrize(
    ("mischief", "said"),
    [(_full, "the disk is full"), (_read_only, "it is read-only"), (_impatient, "another program has kept it locked")],
)
def test_a_database_that_takes_nothing_more_keeps_the_batch(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    mischief: Callable[..., None],
    said: str,
) -> None:
    store, _ = begun()
    store.write([of("a")])
    store._connection.tables.close()
    with (
        monkeypatch.context() as patch,
        closing(sqlite3.connect("mlruns/mlflow.db", isolation_level=None)) as other,
    ):
        patch.setattr("digicarbon.tracking._link._prepare", mischief)
        if mischief is _impatient:
            other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TrackingError) as caught:
            store.write([of(f"b{k}") for k in range(50)])
    sentence = str(caught.value)
    assert f"cannot be written: {said}" in sentence
    assert "the last 50 runs in mlruns/spool/" in sentence.replace("\\", "/")
    store.abort()
    assert recorded(store) == whole("a")
    again, done = begun()
    assert set(done) == {"a", *(f"b{k}" for k in range(50))}
    assert set(again.recorded()) == set(done)
    again.write([of("c")])
    again.finish({}, failed=0, done=52)
    assert recorded(again) == whole(*done, "c")
    assert set(results(again).index) == {*done, "c"}
    assert main(["deliver"]) == 0
    assert "0 runs delivered to sqlite:///mlruns/mlflow.db" in capsys.readouterr().out


def test_a_full_disk_keeps_the_batch_elsewhere(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.setattr("digicarbon.tracking._spool.tempfile.gettempdir", lambda: str(elsewhere))
    store, _ = begun()
    real = Path.open

    def full(self: Path, mode: str = "r", *more: Any, **named: Any) -> Any:
        if "w" in mode and elsewhere not in self.parents:
            raise OSError(28, "No space left on device")
        return real(self, mode, *more, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(TrackingError, match="the disk is full"):
            store.write([of("a")])
        store.abort()
    again, done = begun()
    assert set(done) == {"a"}
    again.finish({}, failed=0, done=1)
    assert recorded(again) == whole("a")


def test_a_part_without_its_runs_counts_for_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, _ = begun()
    store.write([of("a")])
    with monkeypatch.context() as patch:
        patch.setattr(database.Database, "write", _killed)
        with pytest.raises(KeyboardInterrupt):
            store.write([of("b")])
    store.abort()
    again, done = begun()
    assert list(done) == ["a"]
    again.write([of("b")])
    again.finish({}, failed=0, done=2)
    assert recorded(again) == whole("a", "b")
    assert list(results(again).index) == ["a", "b"]


def test_a_sweep_that_is_running_is_left_alone(project: Path) -> None:
    first, _ = begun()
    first.write([of("a")])
    second, done = begun()
    assert done == {}
    assert second.parent_id != first.parent_id
    assert "Another command is running the same sweep" in str(second.notices[0])
    for k in range(5):
        first.write([of(f"first {k}")])
        second.write([of(f"second {k}")])
    second.finish({}, failed=0, done=5)
    first.finish({}, failed=0, done=6)
    assert recorded(first) == whole("a", *(f"first {k}" for k in range(5)))
    assert recorded(second) == whole(*(f"second {k}" for k in range(5)))


@pytest.mark.parametrize("heads", [database.HEADS, frozenset()])
def test_the_spool_of_a_running_sweep_is_left_to_it(
    project: Path, monkeypatch: pytest.MonkeyPatch, heads: frozenset[str]
) -> None:
    monkeypatch.setattr(database, "HEADS", heads)
    running, _ = begun()
    table = rows.table(rows.batch([of("a")], running.parent_id, {}))
    running._recording.spool.keep(running._recording.sweep, table)
    other, _ = begun(key="other")
    assert recorded(running) == whole()
    running.abort()
    assert other.deliver() == 1
    assert recorded(running) == whole("a")
    other.abort()


TWO = """
import sys
sys.path.insert(0, sys.argv[1])
from entries import of
from digicarbon.tracking import Store, Tracking
store = Store(Tracking(), "both")
store.open("", "", {}, "key of " + sys.argv[2])
for batch in range(8):
    store.write([of(f"{sys.argv[2]} {batch} {k}") for k in range(40)])
store.finish({}, failed=0, done=320)
print(store.parent_id)
"""


@pytest.mark.long
def test_two_sweeps_at_once_on_one_cold_store_end_both(folder: Path) -> None:
    command = [sys.executable, "-c", TWO, str(Path(__file__).parent)]
    started = [subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True) for name in ("one", "two")]
    said = [process.communicate(timeout=240)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    (experiment,) = [found for found in client().search_experiments() if found.name == "both"]
    for name, parent in zip(("one", "two"), said, strict=True):
        inside = f"tags.`mlflow.parentRunId` = '{parent.strip()}'"
        runs = client().search_runs([experiment.experiment_id], inside)
        assert {run.data.tags["digicarbon.hash"] for run in runs} == {
            f"{name} {batch} {k}" for batch in range(8) for k in range(40)
        }
        assert len(runs) == 320


def test_a_password_is_never_written_nor_shown(project: Path) -> None:
    with pytest.raises(TrackingError) as caught:
        Store(Tracking(uri="postgresql+nothing://me:secret@localhost/db"), "x")
    assert "secret" not in str(caught.value)
    assert "me:***@localhost" in str(caught.value)


def _unavailable(*arguments: Any, **more: Any) -> Any:
    raise MlflowException("the server does not answer", TEMPORARILY_UNAVAILABLE)


def _killed(*arguments: Any, **more: Any) -> Any:
    raise KeyboardInterrupt
