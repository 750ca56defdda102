"""A real MLflow server and a real PostgreSQL: what a team shares. Both are started, stopped and started again."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from contract import dumped, written
from entries import FAILED, RESULT, of
from mlflow import MlflowClient
from services import Postgresql, Server, postgresql

from digicarbon.__main__ import main
from digicarbon.recorded import sweep
from digicarbon.tracking import Store, Tracking, store_results
from digicarbon.tracking import _store as recording

pytestmark = [
    pytest.mark.outside,
    # MLflow leaves its connections to the garbage collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgresql]:
    with postgresql() as cluster:
        yield cluster


def on_sqlite(folder: Path, empty_store: Path) -> Server:
    """A server with an empty store, whose tables it need not make."""
    shutil.copy(empty_store, folder / "server.db")
    return Server(folder, "sqlite:///server.db")


@pytest.fixture(params=["sqlite", "postgresql"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, empty_store: Path
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    if request.param == "sqlite":
        server = on_sqlite(folder, empty_store)
    else:
        server = Server(folder, request.getfixturevalue("cluster").uri)
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setattr(recording, "PAUSE", 0.0)


def begun(tracking: Tracking, name: str) -> tuple[Store, dict[str, str]]:
    store = Store(tracking, name)
    return store, dict(store.open("A title", "model: {}\n", {}, "k", files={"data.json": "{}"}))


def recorded(store: Store, uri: str) -> Counter[tuple[str, str]]:
    runs = MlflowClient(tracking_uri=uri).search_runs(
        [store.experiment_id], f"tags.`mlflow.parentRunId` = '{store.parent_id}'", max_results=5000
    )
    return Counter((run.data.tags["digicarbon.hash"], run.info.status) for run in runs)


def whole(*keys: str) -> Counter[tuple[str, str]]:
    return Counter((key, "FINISHED") for key in keys)


def test_a_server_that_stops_in_the_middle_loses_nothing(
    server: Server, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tracking = Tracking(uri=server.uri, artifacts="")
    store, done = begun(tracking, "stopped")
    assert done == {}
    store.write([of("a"), of("b", **FAILED)])
    server.stop()
    store.write([of("c")])
    store.write([of("d")])
    places = store.finish({"table.md": "| 碳 |"}, failed=1, done=3)
    assert places["table.md"].endswith("/table.md")
    assert "does not answer: 2 runs and the tables of this sweep wait in" in str(store.notices[-1])
    server.start()
    assert main(["deliver", "tracking=server", f"tracking.uri={server.uri}"]) == 0
    assert f"2 runs delivered to {server.uri}" in capsys.readouterr().out
    assert recorded(store, server.uri) == whole("a", "c", "d") + Counter([("b", "FAILED")])
    client = MlflowClient(tracking_uri=server.uri)
    assert Path(client.download_artifacts(store.parent_id, "table.md")).read_text(encoding="utf-8") == "| 碳 |"
    again, done = begun(tracking, "stopped")
    assert again.parent_id == store.parent_id
    assert set(done) == {"a", "c", "d"}
    found = again.recorded()
    assert set(found) == set(done)
    for result in found.values():
        pd.testing.assert_frame_equal(result.effects, RESULT.effects, check_exact=True)
    again.write([of("b")])
    again.finish({}, failed=0, done=4)
    assert recorded(again, server.uri) == whole("a", "b", "c", "d")
    table = store_results(tracking, store.parent_id)
    assert sorted(table["hash"]) == ["a", "b", "c", "d"]
    assert set(table["status"]) == {"FINISHED"}
    other, _ = begun(tracking, "another")
    assert set(other.find(["a", "z"])) == {"a"}
    other.finish({}, failed=0, done=0)


def test_postgresql_gets_what_the_public_client_writes(
    cluster: Postgresql, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = dumped(written(monkeypatch, straight=True, uri=cluster.uri), cluster.uri)
    theirs = dumped(written(monkeypatch, straight=False, uri=cluster.uri), cluster.uri)
    assert ours.keys() == theirs.keys()
    for table in theirs:
        assert ours[table] == theirs[table], table
    assert ours["runs"]["the sweep"]
    assert ours["experiments"]["the experiment"]


def test_postgresql_that_stops_in_the_middle_loses_nothing(cluster: Postgresql, folder: Path) -> None:
    tracking = Tracking(uri=cluster.uri)
    store, _ = begun(tracking, "database stopped")
    store.write([of("a"), of("b", **FAILED)])
    cluster.stop()
    store.write([of("c")])
    store.finish({"table.md": "| 碳 |"}, failed=1, done=2)
    assert "1 run and the tables of this sweep wait" in str(store.notices[-1])
    assert "secret" not in " ".join(path.read_text(encoding="utf-8") for path in Path("mlruns").rglob("*.json"))
    cluster.start()
    again, done = begun(tracking, "database stopped")
    assert again.parent_id == store.parent_id
    assert set(done) == {"a", "c"}
    again.write([of("b")])
    cluster.stop()
    again.write([of("d")])
    cluster.start()
    again.write([of("e")])
    places = again.finish({}, failed=0, done=5)
    assert places == {}
    assert recorded(again, cluster.uri) == whole("a", "b", "c", "d", "e")
    table = store_results(tracking, again.parent_id)
    assert sorted(table["hash"]) == ["a", "b", "c", "d", "e"]
    assert not list(Path("mlruns/spool").glob("*/sweep.json"))


@pytest.mark.parametrize("kind", ["server", "postgresql"])
def test_a_shared_sweep_is_read_back_and_becomes_a_page(
    request: pytest.FixtureRequest,
    kind: str,
    folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    empty_store: Path,
) -> None:
    if kind == "server":
        served = on_sqlite(tmp_path_factory.mktemp("served"), empty_store)
        served.start()
        request.addfinalizer(served.stop)
        store = ["tracking=server", f"tracking.uri={served.uri}"]
        tracking, base = Tracking(uri=served.uri), served.uri
    else:
        uri = request.getfixturevalue("cluster").uri
        store, tracking, base = [f"tracking.uri={uri}"], Tracking(uri=uri), ""
    run = ["-m", "executor=sequential", "source=simulated_fe", "measure=ddl,bea", *store]
    assert main(["run", *run]) == 0
    found = sweep(tracking, "digicarbon")
    assert (found.status, found.lacking, found.left) == ("FINISHED", 0, [])
    assert [record.label for record in found.records] == ["measure=ddl", "measure=bea"]
    client = MlflowClient(tracking_uri=tracking.uri)
    for record in found.records:
        numbers = client.get_run(found.run_ids[record.label]).data.metrics
        assert numbers["focal.coef"] == record.result.coef[record.result.terms.index(record.result.focal[0])]
    assert main(["report", *store]) == 0
    page = (folder / "out" / "digicarbon" / "index.html").read_text(encoding="utf-8")
    # a database has no address that a reader's browser could open: its runs are shown within the page
    address = f"{base}/#/experiments/{found.experiment_id}/runs/{found.run_ids['measure=bea']}"
    assert (address if base else '"base":""') in page
    assert "secret" not in page
