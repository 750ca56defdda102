"""What MLflow gets: structure, names, limits; and a store that cannot be used is a sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from entries import ENTRY, FAILED, RESULT, of
from mlflow import MlflowClient
from mlflow.entities import ViewType
from roles import made_roles

import digicarbon
from digicarbon.errors import TrackingError
from digicarbon.result import Effects, Inference, Result, Role, RunEffect
from digicarbon.tracking import Data, Store, Tracking, described, metrics
from digicarbon.tracking._failures import advice, reason
from digicarbon.tracking._results import decode, encode
from digicarbon.tracking._rows import batch, clean, sign, validate

PATHS = ("tables", "client")


@pytest.fixture(params=PATHS)
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How runs are written: straight into tables, or by the public client as into a schema that is not known."""
    if request.param == "client":
        monkeypatch.setattr("digicarbon.tracking._database.HEADS", frozenset())
    return str(request.param)


@pytest.fixture
def here(project: Path) -> Path:
    """A working directory with an empty store."""
    return project


def opened(name: str, **fields: str) -> Store:
    store = Store(Tracking(**fields), name)
    store.open("A title", "model: {}\n", {"digicarbon.data": "SIMULATED"}, files={"data.json": "{}"})
    return store


def client(here: Path) -> MlflowClient:
    return MlflowClient(tracking_uri=f"sqlite:///{(here / 'mlruns' / 'mlflow.db').as_posix()}")


def test_an_experiment_is_described_to_readers(here: Path, path: str) -> None:
    store = opened("seen")
    client(here).set_experiment_tag(store.experiment_id, "碳", "1")
    client(here).create_experiment("untagged")
    uri = Tracking().uri
    found = described(uri, "seen")
    assert found is not None
    assert found[0] == store.experiment_id
    assert found[1]["碳"] == "1"
    assert found[1] == client(here).get_experiment(store.experiment_id).tags
    untagged = described(uri, "untagged")
    assert untagged is not None
    assert untagged[1] == {}
    assert described(uri, "nothing") is None


def child_of(store: Store, here: Path) -> object:
    runs = client(here).search_runs([store.experiment_id], f"tags.`mlflow.parentRunId` = '{store.parent_id}'")
    assert len(runs) == 1
    return runs[0]


def test_experiment_parent_and_child(here: Path, path: str) -> None:
    store = opened("structure")
    store.write([ENTRY])
    store.finish({"table.md": "| 碳 |"}, failed=0, done=1)
    experiment = client(here).get_experiment_by_name("structure")
    assert experiment is not None
    assert experiment.artifact_location == (here / "mlruns" / "artifacts" / "structure").as_uri()
    parent = client(here).get_run(store.parent_id)
    assert parent.info.status == "FINISHED"
    assert parent.info.run_name.startswith("structure 20")
    assert parent.data.tags["digicarbon.kind"] == "sweep"
    assert parent.data.tags["digicarbon.title"] == "A title"
    assert parent.data.tags["digicarbon.data"] == "SIMULATED"
    assert parent.data.metrics == {"runs.done": 1.0, "runs.failed": 0.0}
    artifacts = here / "mlruns" / "artifacts" / "structure" / store.parent_id / "artifacts"
    assert (artifacts / "table.md").read_text(encoding="utf-8") == "| 碳 |"
    assert (artifacts / "experiment.yaml").read_text(encoding="utf-8") == "model: {}\n"
    child = child_of(store, here)
    assert child.info.run_name == ENTRY.label
    assert (child.info.start_time, child.info.end_time) == (ENTRY.start, ENTRY.end)
    assert child.data.params == ENTRY.params
    assert child.data.tags["digicarbon.version"] == digicarbon.__version__
    assert "numpy" in child.data.tags["digicarbon.packages"]
    assert child.data.tags["digicarbon.hash"] == "0" * 64
    assert child.data.metrics == metrics(RESULT)
    dataset = child.inputs.dataset_inputs[0].dataset
    assert (dataset.name, dataset.digest, dataset.profile) == ("simulated", "d" * 36, '{"units": 30}')


def test_metrics_names_and_values() -> None:
    found = metrics(RESULT)
    assert found["coef.log_pcap_"] == 0.1
    assert found["coef.碳强度"] == -1 / 3
    assert found["coef.a_b_ _c_ 50_"] == 4e10
    assert found["se.log_pcap_"] == pytest.approx(0.1)
    assert found["focal.coef"] == 0.1
    assert (found["focal.effect"], found["focal.effect.p"]) == (found["focal.total"], found["focal.total.p"])
    assert [found[f"{effect}.log_pcap_"] for effect in ("direct", "indirect", "total")] == [0.0, 2.0, 4.0]
    assert found["focal.indirect.se"] == 0.5
    assert not any("碳强度" in name and name.startswith("direct") for name in found)
    assert found["nobs"] == 180.0
    assert found["moran.2012.i"] == 0.2


def test_metrics_are_the_numbers_of_the_tables() -> None:
    found = metrics(RESULT)
    for column in ("coef", "se", "p"):
        for term, value in RESULT.estimates[column].items():
            if np.isfinite(value):
                assert found[clean(f"{column}.{term}")] == value
    for (effect, term), row in RESULT.effects.iterrows():
        if term in RESULT.focal:
            assert found[clean(f"{effect}.{term}")] == row["coef"]
            assert found[clean(f"{effect}.{term}.p")] == row["p"]


def test_no_coefficient_is_lost_where_terms_share_a_name() -> None:
    terms = ("digi:urban", "digi_urban", "x^2", "x_2", "x:2", "a(b", "a)b", "ln_x:z")
    coef = np.arange(1.0, 9.0)
    result = Result(
        "twfe", "y", focal=("digi:urban",), terms=terms, coef=coef, covariance=np.eye(8), inference=Inference(df=10)
    )
    found = metrics(result)
    # what MLflow takes as it is keeps its name, and so does what is alone with it
    assert {name.removeprefix("coef."): value for name, value in found.items() if name.startswith("coef.")} == {
        "digi by urban": 1.0,
        "digi_urban": 2.0,
        "x to 2": 3.0,
        "x_2": 4.0,
        "x by 2": 5.0,
        "a_b": 6.0,
        "a_b 2": 7.0,
        "ln_x_z": 8.0,
    }
    assert found["focal.coef"] == 1.0
    assert sum(name.startswith(("se.", "p.")) for name in found) == 16
    row = batch([replace(ENTRY, result=result)], "p", {})[0]
    validate(row)
    assert "digi:urban is 'digi by urban', x^2 is 'x to 2'" in row.tags["digicarbon.metric_names"]
    assert "digicarbon.metric_names" not in batch([ENTRY], "p", {})[0].tags


def test_what_is_no_finite_number_is_left_out() -> None:
    found = metrics(RESULT)
    assert all(np.isfinite(value) for value in found.values())
    for name in ("se.a_b_ _c_ 50_", "r2", "aic", "moran.2013.i", "moran.2012.verdict"):
        assert name not in found
    assert metrics(Result("none", "")) == {}
    assert "focal.direct" not in metrics(replace(RESULT, focal=()))


def test_failed_run(here: Path, path: str) -> None:
    store = opened("failed")
    store.write([replace(ENTRY, result=None, error="It failed.\n\nTraceback …")])
    store.finish({}, failed=1, done=0)
    child = child_of(store, here)
    assert child.info.status == "FAILED"
    assert child.data.tags["digicarbon.error"] == "It failed."
    assert child.data.metrics == {}
    file = here / "mlruns" / "artifacts" / "failed" / child.info.run_id / "artifacts" / "error.txt"
    assert file.read_text(encoding="utf-8") == "It failed.\n\nTraceback …"
    assert client(here).get_run(store.parent_id).info.status == "FAILED"


def test_long_values_are_cut_and_many_are_all_kept(here: Path, path: str) -> None:
    params = {f"model.extra[{k}]": str(k) for k in range(230)} | {"model.x": "x" * 9000}
    statistics = {f"statistic {k}": float(k) for k in range(2300)}
    store = opened("long")
    long = replace(
        ENTRY,
        label="l" * 400,
        params=params,
        tags={"mlflow.note.content": "n" * 9000},
        result=replace(RESULT, statistics=statistics),
        error="",
    )
    store.write([long])
    store.finish({}, failed=0, done=1)
    child = child_of(store, here)
    assert len(child.data.params) == 231
    assert child.data.params["model.extra_7_"] == "7"
    assert child.data.params["model.x"] == "x" * 6000
    assert child.info.run_name == "l" * 250
    description = child.data.tags["mlflow.note.content"]
    assert len(description) == 8000
    assert description.endswith("n" * 1000)
    assert sum(name.startswith("statistic ") for name in child.data.metrics) == 2300
    assert child.data.metrics["statistic 2299"] == 2299.0


def test_a_deleted_experiment_is_restored_and_its_runs_stay_deleted(here: Path) -> None:
    first = opened("deleted")
    first.write([ENTRY])
    first.finish({}, failed=0, done=1)
    client(here).delete_experiment(first.experiment_id)
    second = opened("deleted")
    assert second.experiment_id == first.experiment_id
    experiment = client(here).get_experiment(second.experiment_id)
    assert experiment.lifecycle_stage == "active"
    visible = client(here).search_runs([second.experiment_id], run_view_type=ViewType.ACTIVE_ONLY)
    assert [run.info.run_id for run in visible] == [second.parent_id]
    second.finish({}, failed=0, done=0)


def test_experiment_of_another_name(here: Path) -> None:
    store = opened("file", experiment="碳 / my paper: (2)")
    store.finish({"a.txt": "a"}, failed=0, done=0)
    assert store.name == "碳 / my paper: (2)"
    assert client(here).get_experiment_by_name("file") is None
    folder = here / "mlruns" / "artifacts" / "碳___my_paper___2_"
    assert (folder / store.parent_id / "artifacts" / "a.txt").is_file()


def test_abort_marks_the_parent_and_keeps_children(here: Path, path: str) -> None:
    store = opened("aborted")
    store.write([ENTRY])
    store.abort()
    assert client(here).get_run(store.parent_id).info.status == "KILLED"
    assert child_of(store, here).info.status == "FINISHED"


def test_two_folders_are_two_stores(
    here: Path, tmp_path_factory: pytest.TempPathFactory, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "mlruns").mkdir()
    (other / "mlruns" / "mlflow.db").write_bytes(empty_store.read_bytes())
    opened("here").finish({}, failed=0, done=0)
    monkeypatch.chdir(other)
    opened("elsewhere").finish({}, failed=0, done=0)
    assert client(here).get_experiment_by_name("elsewhere") is None
    assert client(other).get_experiment_by_name("here") is None
    assert client(other).get_experiment_by_name("elsewhere") is not None


def test_a_store_that_cannot_be_made_is_a_sentence(folder: Path) -> None:
    (folder / "mlruns").write_text("a file where the folder belongs", encoding="utf-8")
    with pytest.raises(TrackingError, match=r"the folder for results cannot be made .*choose tracking\.uri"):
        Store(Tracking(), "x")


@pytest.mark.parametrize("uri", ["sqlite:///notes.txt", "sqlite:///here", "nonsense://x"])
def test_a_store_that_cannot_be_opened_is_a_sentence(folder: Path, uri: str) -> None:
    (folder / "notes.txt").write_text("no database" * 100, encoding="utf-8")
    (folder / "here").mkdir()
    with pytest.raises(TrackingError) as caught:
        Store(Tracking(uri=uri), "x")
    assert str(caught.value).startswith(f"tracking.uri: the store {uri} cannot be opened (")
    assert "\n" not in str(caught.value)


def test_a_server_that_does_not_answer_is_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackingError, match="cannot be opened"):
        Store(Tracking(uri="http://127.0.0.1:9"), "x")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("HTTPConnectionPool(host='h', port=9): Max retries exceeded with url: /x (Caused by NewConnectionError("
         "'<urllib3.connection.HTTPConnection object at 0x7f>: Failed to establish a new connection: [Errno 111] "
         "Connection refused'))", "no server answers there"),
        ("HTTPSConnectionPool(host='h', port=443): Max retries exceeded with url: /x (Caused by ReadTimeoutError("
         "'Read timed out. (read timeout=30)'))", "the server does not answer in time"),
        ("HTTPConnectionPool(host='h', port=9): Max retries exceeded with url: /x (Caused by NameResolutionError("
         "\"Failed to resolve 'h'\"))", "there is no such host"),
    ],
)  # fmt: skip
def test_why_a_server_does_not_answer_is_said_in_few_words(error: str, said: str) -> None:
    assert str(reason(OSError(error))) == said
    assert "Start the server" in str(advice(OSError(error)))
    assert "rights" in str(advice(PermissionError("Permission denied")))


def test_a_store_that_refuses_a_run_is_a_sentence(here: Path, path: str) -> None:
    store = opened("refused")
    with pytest.raises(TrackingError, match=r"refuses the run 'SDM\(1\).*Runs written before are kept"):
        store.write([replace(ENTRY, data=Data("simulated", "d" * 100, "{}"))])
    store.abort()


def test_a_store_that_goes_away_is_a_sentence(here: Path, path: str) -> None:
    store = opened("gone")
    client(here).delete_experiment(store.experiment_id)
    with pytest.raises(TrackingError, match="Runs written before are kept"):
        store.write([ENTRY])
    store.abort()


def begun(name: str, key: str = "k" * 64, resume: bool = True) -> tuple[Store, dict[str, str]]:
    store = Store(Tracking(), name)
    return store, dict(store.open("A title", "model: {}\n", {}, key, resume))


def test_a_sweep_is_gone_on_with_and_each_hash_stands_once(here: Path, path: str) -> None:
    store, done = begun("resumed")
    assert done == {}
    store.write([of("a"), of("b", **FAILED)])
    store.abort()
    again, done = begun("resumed")
    assert again.parent_id == store.parent_id
    assert list(done) == ["a"]
    again.write([of("b"), of("c", **FAILED)])
    again.finish({}, failed=1, done=2)
    third, done = begun("resumed")
    assert set(done) == {"a", "b"}
    third.write([of("c", **FAILED)])
    third.finish({}, failed=1, done=2)
    runs = client(here).search_runs([store.experiment_id], f"tags.`mlflow.parentRunId` = '{store.parent_id}'")
    found = sorted((run.data.tags["digicarbon.hash"], run.info.status) for run in runs)
    assert found == [("a", "FINISHED"), ("b", "FINISHED"), ("c", "FAILED")]
    other, done = begun("resumed", resume=False)
    assert other.parent_id != store.parent_id
    other.abort()
    assert done == {}
    assert begun("resumed", "another key")[1] == {}


def test_a_sweep_whose_command_was_killed_is_marked_when_another_one_starts(here: Path) -> None:
    left, _ = begun("x", key="a" * 64)
    running, _ = begun("x", key="b" * 64)
    other, _ = begun("y", key="c" * 64)
    # a killed process gives its lock back and says nothing
    for store in (left, other):
        store._open_recording()._lock.release()
    newest, _ = begun("x", key="d" * 64)
    states = [client(here).get_run(one.parent_id).info.status for one in (left, running, other, newest)]
    assert states == ["KILLED", "RUNNING", "RUNNING", "RUNNING"]
    for store in (running, newest):
        store.finish({}, failed=0, done=0)
    again, _ = begun("x", key="a" * 64)
    assert again.parent_id == left.parent_id
    assert client(here).get_run(left.parent_id).info.status == "RUNNING"
    again.abort()


def test_a_deleted_sweep_is_not_gone_on_with_and_deleted_runs_do_not_count(here: Path, path: str) -> None:
    store, _ = begun("forgotten")
    store.write([of("a"), of("b")])
    store.finish({}, failed=0, done=2)
    again, done = begun("forgotten")
    again.abort()
    client(here).delete_run(done["a"])
    again, done = begun("forgotten")
    assert list(done) == ["b"]
    again.abort()
    client(here).delete_run(store.parent_id)
    fresh, done = begun("forgotten")
    assert fresh.parent_id != store.parent_id
    assert done == {}


def test_runs_of_other_sweeps_are_found_with_their_results(here: Path, path: str) -> None:
    first, _ = begun("found one")
    first.write([of("f1"), of("f2", **FAILED)])
    first.finish({}, failed=1, done=1)
    second, _ = begun("found two")
    second.write([of("f3")])
    second.abort()
    third, _ = begun("found three")
    third.write([of("f4")])
    found = third.find(["f1", "f2", "f3", "f4", "f5"])
    assert set(found) == {"f1", "f3"}
    assert third.find([f"none {k}" for k in range(50)] + ["f3"]) == {"f3": found["f3"]}
    results = third.results(found.values())
    assert set(results) == set(found.values())
    for result in results.values():
        pd.testing.assert_frame_equal(result.estimates, RESULT.estimates, check_exact=True)
        pd.testing.assert_frame_equal(result.effects, RESULT.effects, check_exact=True)
    third.write([of("f1", reused_from=found["f1"])])
    third.finish({}, failed=0, done=2)
    _, done = begun("found three")
    assert client(here).get_run(done["f1"]).data.tags["digicarbon.reused_from"] == found["f1"]
    client(here).delete_run(found["f3"])
    assert "f3" not in third.find(["f3"])


def test_all_results_stand_in_one_file_on_the_parent(here: Path, path: str) -> None:
    store, _ = begun("one file")
    store.write([of("a"), of("b", **FAILED)])
    store.write([of("c", params={"model": "sar"})])
    store.finish({}, failed=1, done=2)
    again, done = begun("one file")
    again.write([of("b", params={"other": "1"})])
    again.finish({}, failed=0, done=3)
    folder = here / "mlruns" / "artifacts" / "one_file" / store.parent_id / "artifacts"
    table = pd.read_parquet(folder / "results.parquet").set_index("hash")
    assert list(table.index) == ["a", "c", "b"]
    assert set(table["status"]) == {"FINISHED"}
    assert table.loc["c", "params.model"] == "sar"
    assert table.loc["b", "params.other"] == "1"
    assert pd.isna(table.loc["c", "params.other"])
    assert table.loc["a", "metrics.coef.log_pcap_"] == 0.1
    assert table.loc["a", "run_id"] == done["a"]
    assert table.loc["a", "config"] == "model: {}\n"
    assert not (folder / "results").exists()
    assert not (here / "mlruns" / "spool" / store.parent_id / "sweep.json").exists()


def test_a_run_whose_result_was_lost_is_fitted_again_and_stands_once(here: Path, path: str) -> None:
    store, _ = begun("lost")
    store.write([of("a"), of("b")])
    store.finish({}, failed=0, done=2)
    folder = here / "mlruns" / "artifacts" / "lost" / store.parent_id / "artifacts"
    (folder / "results.parquet").unlink()
    again, _ = begun("lost")
    assert len(again.recorded()) == 0
    again.write([of("a"), of("b")])
    again.finish({}, failed=0, done=2)
    runs = client(here).search_runs([store.experiment_id], f"tags.`mlflow.parentRunId` = '{store.parent_id}'")
    assert sorted(run.data.tags["digicarbon.hash"] for run in runs) == ["a", "b"]
    assert len(pd.read_parquet(folder / "results.parquet")) == 2


@pytest.mark.parametrize("focal", [("x[a]", "x[b]"), ("x", "x:d"), ("x", "x^2")])
def test_what_has_no_single_effect_has_no_sign(focal: tuple[str, ...]) -> None:
    roles = made_roles(focal)
    found = Result("fe", "y", focal=focal, terms=focal, coef=np.ones(2), covariance=np.eye(2), roles=roles)
    numbers = metrics(found)
    assert numbers["focal.coef"] == 1
    assert not {"focal.effect", "focal.effect.p"} & set(numbers)
    assert sign(found, RunEffect()) == {}
    several = Result("fe", "y", focal=("x", "z"), terms=("x", "z"), coef=np.ones(2), covariance=np.eye(2))
    assert metrics(several)["focal.effect"] == 1


def test_a_run_says_the_sign_of_its_focal_effect_and_of_what_it_is() -> None:
    def tag(coef: float, z: float, run_effect: RunEffect, level: float = 0.95) -> str:
        terms = ("x",)
        cov = np.array([[(coef / z) ** 2]])
        found = Result("fe", "y", terms, terms, np.array([coef]), cov, inference=Inference(None, level))
        tags = sign(found, run_effect)
        assert (tags["digicarbon.quantity"], tags["digicarbon.term"]) == (run_effect.quantity, "x")
        return tags["digicarbon.sign"]

    assert tag(0.2, 1.0, RunEffect()) == "+"
    assert tag(0.2, 2.1, RunEffect()) == "+*"
    assert tag(-0.2, 2.1, RunEffect("direct")) == "-*"
    assert tag(-0.2, 2.1, RunEffect(), level=0.99) == "-"
    assert tag(-0.2, 2.1, RunEffect(level=0.01)) == "-"
    assert sign(Result(kind="none", y=""), RunEffect()) == {}
    assert sign(None, RunEffect()) == {}


def at_boundary() -> Result:
    covariance = np.diag([0.01, np.nan])
    return Result("sar", "y", ("x",), ("x", "rho"), np.array([-1.0, 0.99]), covariance, boundary=("rho",))


@pytest.mark.parametrize("quantity", ["coefficient", "direct", "indirect", "total"])
def test_at_the_boundary_of_rho_there_is_no_effect_and_a_tag_says_so(quantity: Any) -> None:
    found, asked = at_boundary(), RunEffect(quantity)
    assert not [name for name in metrics(found, asked) if name.startswith("focal.effect")]
    assert sign(found, asked) == {"digicarbon.boundary": "rho"}


@pytest.mark.parametrize("kind", ["sem", "sdem"])
@pytest.mark.parametrize("quantity", ["coefficient", "direct", "total"])
def test_nor_is_there_at_the_boundary_of_lambda(kind: str, quantity: Any) -> None:
    covariance = np.diag([0.01, np.nan])
    effects = Effects(("x",), np.full((3, 1), -1.0), np.full((3, 1), 0.1))
    found = Result(
        kind, "y", ("x",), ("x", "lambda"), np.array([-1.0, 0.99]), covariance, boundary=("lambda",),
        spatial_effects=effects,
    )  # fmt: skip
    asked = RunEffect(quantity)
    assert found.effect(asked) is None
    assert not [name for name in metrics(found, asked) if name.startswith("focal.effect")]
    assert sign(found, asked) == {"digicarbon.boundary": "lambda"}


@pytest.mark.parametrize(
    ("beyond", "boundary", "tag"),
    [(("rho",), (), "rho"), (("lambda",), (), "lambda"), (("lambda",), ("rho",), "lambda, rho"), ((), ("gamma",), "")],
)
def test_the_tag_names_what_takes_the_effect_away(beyond: tuple[str, ...], boundary: tuple[str, ...], tag: str) -> None:
    """A rate of decay at its end takes no effect away."""
    roles = (Role(), Role("lag_y"), Role("lag_error"), Role("decay"))
    found = Result(
        "sac", "y", ("x",), ("x", "rho", "lambda", "gamma"), np.ones(4), np.eye(4), boundary=boundary, beyond=beyond,
        roles=roles,
    )  # fmt: skip
    tags = sign(found, RunEffect("coefficient"))
    assert tags.get("digicarbon.boundary", "") == tag
    assert ("digicarbon.sign" in tags) == (not tag)
    assert decode(encode(found)).beyond == beyond
    earlier = json.loads(encode(found)) | {"beyond": bool(beyond)}
    assert decode(json.dumps(earlier)).beyond == (("rho",) if beyond else ())


def test_the_effect_is_the_quantity_that_the_report_asks_for() -> None:
    numbers = metrics(RESULT, RunEffect("direct"))
    assert (numbers["focal.effect"], numbers["focal.effect.p"]) == (numbers["focal.direct"], numbers["focal.direct.p"])
    assert metrics(RESULT, RunEffect("coefficient"))["focal.effect"] == numbers["focal.coef"]


def test_a_boundary_is_kept_and_read_of_old_stores() -> None:
    text = encode(at_boundary())
    assert decode(text).boundary == ("rho",)
    content = json.loads(text)
    del content["boundary"]
    assert decode(json.dumps(content)).boundary == ("rho",)
    assert decode(encode(RESULT)).boundary == ()
