"""Sweeps: nothing is lost, nothing depends on who fits it, the user's own classes are at home."""

from __future__ import annotations

import io
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from joblib.externals.loky import get_reusable_executor
from mlflow import MlflowClient
from mlflow.entities import Run as StoredRun

from digicarbon.__main__ import main
from digicarbon.config.compose import Composer, loader
from digicarbon.errors import ConfigError, WeightsError
from digicarbon.plan.expand import read_overrides
from digicarbon.plan.runs import plan
from digicarbon.result import RunEffect
from digicarbon.sweep import sweep
from digicarbon.sweep.sweep import Finished

STORE = "sqlite:///mlruns/mlflow.db"

MINE = '''
import numpy as np
from digicarbon.errors import EstimationError
from digicarbon.model import Model, PanelRegression
from digicarbon.result import Result


class Fragile(PanelRegression):
    """Fails for some choices."""

    mood: str = "good"

    def fit(self, panel, weights=None):
        if self.mood == "bad":
            raise ValueError("it does not want to")
        if self.mood == "polite":
            raise EstimationError("this cannot be estimated; take another mood.")
        return super().fit(panel, weights)


class Mean(Model):
    """The mean of the outcome's spatial lag."""

    takes_weights = True

    def fit(self, panel, weights=None):
        n, t = panel.shape
        y = panel.array([self.y])[:, 0].reshape(n, t)
        return Result("mean", self.y, ("mean",), ("mean",), np.array([(weights.matrix @ y).mean()]), np.array([[0.01]]))
'''
MODEL = "y: ${outcome.term}\nx: ${measure.terms}\ncontrols: []\n"


@pytest.fixture
def mine(project: Path) -> Iterator[Path]:
    """A project with classes of the user's own; worker processes that know another `mine` are sent home."""
    get_reusable_executor().shutdown(wait=True)
    (project / "mine.py").write_text(MINE, encoding="utf-8")
    (project / "conf" / "model").mkdir(parents=True)
    (project / "conf" / "weights").mkdir()
    (project / "conf" / "model" / "fragile.yaml").write_text(
        f"# may fail\n_target_: mine.Fragile\nmood: good\n{MODEL}", encoding="utf-8"
    )
    (project / "conf" / "model" / "mean.yaml").write_text(f"# my own\n_target_: mine.Mean\n{MODEL}", encoding="utf-8")
    (project / "conf" / "weights" / "w3_far.yaml").write_text(
        "# my own\n_target_: digicarbon.weights.NestedWeights\neconomy: gdp\npower: 3.0\n", encoding="utf-8"
    )
    yield project
    get_reusable_executor().shutdown(wait=True)


def run(name: str, *overrides: str, force: bool = False) -> Finished:
    config_loader = loader()
    plain, axes = read_overrides(overrides, config_loader)
    composer = Composer(config_loader, name, plain)
    return sweep.run(composer, plan(composer, axes), force=force)


def client() -> MlflowClient:
    return MlflowClient(tracking_uri=f"sqlite:///{Path('mlruns/mlflow.db').resolve().as_posix()}")


def children(experiment: str) -> dict[str, StoredRun]:
    store = client()
    found = store.get_experiment_by_name(experiment)
    assert found is not None
    runs = store.search_runs([found.experiment_id], "tags.`digicarbon.kind` = 'specification'")
    return {run.data.tags["digicarbon.label"]: run for run in runs}


def all_children(experiment: str) -> list[StoredRun]:
    store = client()
    found = store.get_experiment_by_name(experiment)
    assert found is not None
    return list(store.search_runs([found.experiment_id], "tags.`digicarbon.kind` = 'specification'"))


def text_of(run_id: str, name: str) -> str:
    folder = client().get_run(run_id).info.artifact_uri.removeprefix("file://")
    return (Path(folder) / name).read_text(encoding="utf-8")


def estimates(finished: Finished) -> pd.DataFrame:
    table = pd.read_csv(io.StringIO(text_of(finished.parent_id, "estimates.csv")))
    return table.set_index(["run", "term"]).sort_index()


@pytest.mark.long
def test_a_failing_run_is_recorded_and_the_others_go_on(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["run", "executor=sequential", "model=fragile", "model.mood=good,bad,polite,fine"])
    shown = capsys.readouterr()
    assert status == 1
    assert "4 of 4 runs recorded in sqlite:///mlruns/mlflow.db, 2 of them as FAILED, MLflow experiment" in shown.out
    lines = shown.err.splitlines()
    assert lines[-5] == "digicarbon: 2 runs failed; they are recorded as FAILED:"
    assert lines[-4] == "  model.mood=bad: ValueError: it does not want to"
    assert lines[-2] == "  model.mood=polite: this cannot be estimated; take another mood."
    traces = [Path(line.removeprefix("    traceback: ")).read_text(encoding="utf-8") for line in (lines[-3], lines[-1])]
    assert 'raise ValueError("it does not want to")' in traces[0]
    assert "this cannot be estimated; take another mood." in traces[1]
    assert "Traceback" not in shown.err
    stored = children("digicarbon")
    assert {label: run.info.status for label, run in stored.items()} == {
        "model.mood=good": "FINISHED",
        "model.mood=bad": "FAILED",
        "model.mood=polite": "FAILED",
        "model.mood=fine": "FINISHED",
    }
    bad = stored["model.mood=bad"]
    assert bad.data.tags["digicarbon.error"] == "ValueError: it does not want to"
    assert bad.data.params["model.mood"] == "bad"
    assert bad.data.metrics == {}
    trace = text_of(bad.info.run_id, "error.txt")
    assert "Traceback (most recent call last)" in trace
    assert 'raise ValueError("it does not want to")' in trace
    parent = client().get_run(bad.data.tags["mlflow.parentRunId"])
    assert parent.info.status == "FAILED"
    assert parent.data.metrics == {"runs.done": 2.0, "runs.failed": 2.0}
    head = text_of(parent.info.run_id, "table.md").splitlines()[2]
    assert head == "| model.mood | good | fine |"


@pytest.mark.long
def test_failures_are_told_in_the_order_of_the_experiment(mine: Path) -> None:
    finished = run("config", "executor=threading", "executor.batch=1", "model=fragile", "model.mood=bad,good,polite")
    assert [label for label, _ in finished.failures] == ["model.mood=bad", "model.mood=polite"]


@pytest.mark.long
def test_the_curve_counts_runs_that_failed(mine: Path) -> None:
    report = ["report=curve", "report.pictures=[svg]"]
    finished = run("config", "executor=sequential", "model=fragile", "model.mood=bad,good,polite,fine", *report)
    assert len(finished.failures) == 2
    (picture,) = finished.pictures
    svg = Path(picture).read_text(encoding="utf-8")
    assert "2 of 4 fits are on the curve. Not on it: 2 failed." in svg


def test_every_run_failing_leaves_no_table(mine: Path) -> None:
    finished = run("config", "executor=sequential", "model=fragile", "model.mood=bad")
    assert finished.table is None
    assert finished.done == 0
    assert [(label, str(why)) for label, why in finished.failures] == [("fragile", "ValueError: it does not want to")]
    assert not Path("mlruns/artifacts/config", finished.parent_id, "artifacts", "table.md").exists()


@pytest.mark.long
def test_workers_and_batches_do_not_change_a_number(mine: Path) -> None:
    sweep_of = ("model=mean,fragile,sdm", "measure=ddl,bea")
    ways = (
        ("executor=sequential",),
        ("executor=sequential", "executor.batch=2"),
        ("executor=threading", "executor.n_jobs=2", "executor.batch=1"),
        ("executor=threading", "executor.n_jobs=2", "executor.batch=4"),
        ("executor=loky", "executor.n_jobs=2", "executor.batch=1"),
        ("executor=loky", "executor.n_jobs=2", "executor.batch=3"),
    )
    finished = [run("config", *sweep_of, *way, force=True) for way in ways]
    first = estimates(finished[0])
    assert finished[0].table is not None
    assert len(first.index.unique("run")) == 6
    for other in finished[1:]:
        pd.testing.assert_frame_equal(estimates(other), first, rtol=1e-10)
        assert other.failures == []
        assert other.table is not None
        pd.testing.assert_frame_equal(other.table.cells, finished[0].table.cells)
        assert other.table.notes == finished[0].table.notes


@pytest.mark.long
def test_the_parent_holds_table_estimates_and_experiment(project: Path) -> None:
    finished = run("table7_spatial_w1", "executor=sequential")
    assert finished.table is not None
    assert text_of(finished.parent_id, "table.md") == finished.table.with_notes().to_markdown()
    assert text_of(finished.parent_id, "table.csv") == finished.table.cells.to_csv()
    stored = children("table7_spatial_w1")
    for (label, term), row in estimates(finished).iterrows():
        assert stored[label].data.metrics[f"coef.{term}"] == pytest.approx(row["coef"], rel=1e-12)
        assert stored[label].data.tags["digicarbon.hash"] == row["hash"]
    assert "SDM(1)" in text_of(finished.parent_id, "experiment.yaml")
    assert "_target_: digicarbon.model.SpatialPanel" in stored["SDM(1)"].data.tags["digicarbon.config"]


def test_own_weights_and_own_model_are_swept_with_the_shipped_ones(mine: Path) -> None:
    finished = run("config", "executor=sequential", "model=mean,sar,twfe", "weights=glob(w*)")
    names = ("w1_adjacency", "w2_nested", "w2_product", "w3_far")
    expected = {f"model={model}, weights={option}" for model in ("mean", "sar") for option in names} | {"model=twfe"}
    assert set(children("digicarbon")) == expected
    found = estimates(finished)
    assert found.loc[("model=mean, weights=w3_far", "mean"), "coef"] != pytest.approx(
        found.loc[("model=mean, weights=w1_adjacency", "mean"), "coef"], abs=1e-6
    )
    assert found.loc[("model=mean, weights=w3_far", "mean"), "se"] == pytest.approx(0.1)


@pytest.mark.long
def test_multirun_and_experiment_give_the_same_numbers(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "experiments").mkdir()
    (project / "experiments" / "mine.yaml").write_text(
        'defaults: [config, _self_]\ngrid: {model: [twfe, sdm], weights: "glob(*)"}\n', encoding="utf-8"
    )
    assert main(["run", "-m", "executor=sequential", "model=twfe,sdm", "weights=glob(*)"]) == 0
    assert main(["run", "mine", "executor=sequential"]) == 0
    shown = capsys.readouterr()
    assert shown.err.count("skipped model=sdm, weights=matrix: ") == 2
    assert shown.err.count("skipped model=sdm, weights=edges: ") == 2
    assert shown.err.count("skipped model=sdm, weights=queen: ") == 2
    assert shown.err.count("model=twfe: one fit, also for weights=") == 2
    swept, listed = children("digicarbon"), children("mine")
    assert {"model=twfe", "model=sdm, weights=w1_adjacency", "model=sdm, weights=w2_nested"} <= set(swept)
    assert [label for label in swept if label.startswith("model=twfe")] == ["model=twfe"]
    assert set(listed) == set(swept)
    for label, one in swept.items():
        assert one.data.metrics == listed[label].data.metrics
        assert one.data.params == listed[label].data.params
        assert one.data.tags["digicarbon.hash"] == listed[label].data.tags["digicarbon.hash"]


def test_a_report_that_cannot_be_made_does_not_lose_the_runs(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"shows the table 'vif' of a diagnostic; .* have no diagnostic"):
        run("config", "executor=sequential", "report=vif", "measure=ddl,bea")
    stored = children("digicarbon")
    assert {one.info.status for one in stored.values()} == {"FINISHED"}
    assert len(stored) == 2
    parent = client().get_run(next(iter(stored.values())).data.tags["mlflow.parentRunId"])
    assert parent.info.status == "FINISHED"


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("report.decimals=many", "command line: report.decimals"),
        ("executor.backend=threads", "command line: executor.backend must be one of"),
        ("tracking=server", "tracking.uri is required by tracking=server"),
    ],
)
def test_settings_are_checked_before_anything_is_fitted(folder: Path, override: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        run("config", override)
    assert not Path("mlruns").exists()


def test_an_experiment_that_lists_others(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "experiments").mkdir()
    (project / "experiments" / "paper.yaml").write_text(
        "defaults: [config, _self_]\nexperiments: [table3_baseline, part]\n", encoding="utf-8"
    )
    (project / "experiments" / "part.yaml").write_text(
        "defaults: [config, _self_]\nexperiments: [table2_descriptive]\n", encoding="utf-8"
    )
    assert main(["run", "paper", "executor=sequential"]) == 0
    assert capsys.readouterr().out.count("runs recorded in") == 2
    assert set(children("table3_baseline")) == {f"FE({k})" for k in range(1, 8)}
    assert set(children("table2_descriptive")) == {"table2_descriptive"}
    (project / "experiments" / "part.yaml").write_text(
        "defaults: [config, _self_]\nexperiments: [paper]\n", encoding="utf-8"
    )
    assert main(["check", "paper"]) == 2
    assert "paper > part > paper leads back to itself" in capsys.readouterr().err


@pytest.mark.long
def test_a_run_that_ends_its_process_fails_alone(mine: Path) -> None:
    code = MINE.replace('raise ValueError("it does not want to")', "__import__('os')._exit(9)")
    (mine / "mine.py").write_text(code, encoding="utf-8")
    finished = run("config", "executor.n_jobs=2", "executor.batch=1", "model=fragile", "model.mood=good,bad,fine")
    (failure,) = finished.failures
    assert failure[0] == "model.mood=bad"
    assert str(failure[1]).startswith("Its process ended without an answer, also when the run was fitted alone")
    stored = children("digicarbon")
    assert {label: one.info.status for label, one in stored.items()} == {
        "model.mood=good": "FINISHED",
        "model.mood=bad": "FAILED",
        "model.mood=fine": "FINISHED",
    }


@pytest.mark.long
def test_a_second_call_fits_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = run("config", "executor=sequential", "measure=ddl,bea,ide")
    before = children("digicarbon")
    again = run("config", "executor=sequential", "measure=ddl,bea,ide")
    assert again.parent_id == first.parent_id
    assert (again.done, again.kept, again.reused, again.failures) == (3, 3, 0, [])
    assert first.table is not None
    assert again.table is not None
    pd.testing.assert_frame_equal(again.table.cells, first.table.cells)
    assert again.table.notes == first.table.notes
    assert {label: one.info.run_id for label, one in children("digicarbon").items()} == {
        label: one.info.run_id for label, one in before.items()
    }
    assert main(["run", "-m", "executor=sequential", "measure=ddl,bea,ide"]) == 0
    assert "Nothing to fit: all 3 runs were recorded before." in capsys.readouterr().out


@pytest.mark.long
def test_failed_runs_are_fitted_again_and_replaced(mine: Path) -> None:
    overrides = ("executor=sequential", "model=fragile", "model.mood=good,bad,fine")
    code = MINE.replace(
        'if self.mood == "bad":', 'if self.mood == "bad" and not __import__("os").path.exists("mended"):'
    )
    (mine / "mine.py").write_text(code, encoding="utf-8")
    first = run("config", *overrides)
    assert [label for label, _ in first.failures] == ["model.mood=bad"]
    (mine / "mended").touch()
    again = run("config", *overrides)
    assert again.parent_id == first.parent_id
    assert (again.done, again.kept, again.failures) == (3, 2, [])
    every = all_children("digicarbon")
    assert sorted(one.data.tags["digicarbon.label"] for one in every) == [
        "model.mood=bad",
        "model.mood=fine",
        "model.mood=good",
    ]
    assert {one.info.status for one in every} == {"FINISHED"}
    assert client().get_run(again.parent_id).info.status == "FINISHED"


def test_fits_of_another_sweep_are_copied(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = run("config", "executor=sequential", "measure=ddl,bea")
    assert main(["run", "-m", "executor=sequential", "measure=bea,ide"]) == 0
    assert "1 run fitted in another sweep of this store: copied" in capsys.readouterr().out
    old: dict[str, StoredRun] = {}
    new: dict[str, StoredRun] = {}
    for one in all_children("digicarbon"):
        here = old if one.data.tags["mlflow.parentRunId"] == first.parent_id else new
        here[one.data.tags["digicarbon.label"]] = one
    assert set(new) == {"measure=bea", "measure=ide"}
    assert new["measure=bea"].data.tags["digicarbon.reused_from"] == old["measure=bea"].info.run_id
    assert new["measure=bea"].data.metrics == old["measure=bea"].data.metrics
    assert "digicarbon.reused_from" not in new["measure=ide"].data.tags


@pytest.mark.long
def test_force_fits_everything_in_a_new_sweep(project: Path) -> None:
    first = run("config", "executor=sequential", "measure=ddl,bea")
    again = run("config", "executor=sequential", "measure=ddl,bea", force=True)
    assert again.parent_id != first.parent_id
    assert (again.kept, again.reused) == (0, 0)
    assert len(all_children("digicarbon")) == 4
    assert main(["run", "-m", "--force", "executor=sequential", "measure=ddl,bea"]) == 0
    assert len(all_children("digicarbon")) == 6


def test_a_deleted_run_is_fitted_again(project: Path) -> None:
    first = run("config", "executor=sequential", "measure=ddl,bea")
    client().delete_run(children("digicarbon")["measure=bea"].info.run_id)
    again = run("config", "executor=sequential", "measure=ddl,bea")
    assert (again.parent_id, again.kept, again.reused) == (first.parent_id, 1, 0)
    assert set(children("digicarbon")) == {"measure=ddl", "measure=bea"}


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_sweep_is_gone_on_with(
    mine: Path, number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    once = f"""if not __import__("os").path.exists("once"):
                open("once", "w").close()
                __import__("signal").raise_signal({number.value})"""
    code = MINE.replace('raise ValueError("it does not want to")', once)
    (mine / "mine.py").write_text(code, encoding="utf-8")
    words = ["run", "-m", "executor=sequential", "model=fragile", "model.mood=good,bad,fine"]
    before = signal.getsignal(signal.SIGINT)
    assert main(words) == 130
    said = capsys.readouterr().err
    assert "Interrupted; 1 of 3 runs are recorded in sqlite:///mlruns/mlflow.db." in said
    assert "The same command goes on with the 2 runs that are left." in said
    assert "Traceback" not in said
    (stopped,) = all_children("digicarbon")
    parent = stopped.data.tags["mlflow.parentRunId"]
    assert client().get_run(parent).info.status == "KILLED"
    assert main(words) == 0
    assert "1 run of this sweep had been recorded before" in capsys.readouterr().out
    stored = all_children("digicarbon")
    assert sorted(one.data.tags["digicarbon.label"] for one in stored) == [
        "model.mood=bad",
        "model.mood=fine",
        "model.mood=good",
    ]
    assert {one.data.tags["mlflow.parentRunId"] for one in stored} == {parent}
    assert signal.getsignal(signal.SIGINT) is before


def test_varied_weights_are_recorded_where_they_are_used(project: Path) -> None:
    run("config", "executor=sequential", "model=sar", "weights=k_nearest", "weights.k=3,5")
    assert sorted(one.data.params["weights.k"] for one in children("digicarbon").values()) == ["3", "5"]


@pytest.mark.long
def test_a_region_may_keep_an_island_where_the_weights_say_so(project: Path) -> None:
    choices = ("sample.units=[Beijing,Tianjin,Hebei,Hainan,Shanxi,Henan]", "outcome.controls=[]", "model=sar")
    with pytest.raises(WeightsError, match="no neighbour for Hainan"):
        run("config", "executor=sequential", *choices)
    kept = run("config", "executor=sequential", *choices, "weights.islands=keep", "model.bias_correction=none")
    assert kept.failures == []


def test_params_tell_apart_what_the_runs_used(project: Path) -> None:
    run("config", "executor=sequential", "inference=cluster", "model=twfe,sar", "weights=glob(w*)")
    stored = children("digicarbon")
    assert "weights" not in stored["model=twfe"].data.params
    assert stored["model=twfe"].data.params["source"] == "simulated"
    digests = [one.data.tags["digicarbon.weights_digest"] for label, one in stored.items() if label != "model=twfe"]
    assert len(set(digests)) == len(digests) == 3


LARGE = ("executor=sequential", "model=twfe,sar", "measure=ddl,bea,ide")


@pytest.fixture
def books(monkeypatch: pytest.MonkeyPatch) -> list[sweep._Book]:
    """The accounts of the sweeps that follow."""
    made: list[sweep._Book] = []
    begin = sweep._Book.__init__

    def noted(book: sweep._Book, *parts: Any) -> None:
        begin(book, *parts)
        made.append(book)

    monkeypatch.setattr(sweep._Book, "__init__", noted)
    return made


def same(one: Finished, other: Finished) -> bool:
    assert one.table is not None
    assert other.table is not None
    pd.testing.assert_frame_equal(one.table.cells, other.table.cells)
    assert one.table.notes == other.table.notes
    return text_of(one.parent_id, "estimates.csv") == text_of(other.parent_id, "estimates.csv")


@pytest.mark.long
def test_a_large_sweep_holds_no_result_and_says_the_same(
    project: Path, monkeypatch: pytest.MonkeyPatch, books: list[sweep._Book]
) -> None:
    small = run("config", *LARGE)
    monkeypatch.setattr(sweep, "KEPT", 5)
    monkeypatch.setattr(sweep, "BATCH", 2)
    large = run("config", *LARGE, force=True)
    assert same(large, small)
    assert len(books[0].results) == 6
    assert books[1].results == {}
    assert (large.done, books[1].errors, books[1]._waiting) == (6, {}, [])
    again = run("config", *LARGE)
    assert (again.parent_id, again.kept) == (large.parent_id, 6)
    assert same(again, small)
    assert books[2].results == {}


@pytest.mark.long
def test_a_sweep_keeps_no_result_once_there_is_no_room_for_all(
    project: Path, monkeypatch: pytest.MonkeyPatch, books: list[sweep._Book]
) -> None:
    small = run("config", *LARGE)
    # room for what six results take beside their arrays
    monkeypatch.setattr(sweep, "KEPT", 6 * sweep.LEAST)
    large = run("config", *LARGE, force=True)
    assert books[1].results == {}
    assert same(large, small)


@pytest.mark.long
def test_a_large_sweep_copies_what_another_one_has(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("config", *LARGE[:2], "measure=bea")
    small = run("config", *LARGE, force=True)
    for child in all_children("digicarbon"):
        if child.data.tags["mlflow.parentRunId"] == small.parent_id:
            client().delete_run(child.info.run_id)
    client().delete_run(small.parent_id)
    monkeypatch.setattr(sweep, "KEPT", 1)
    large = run("config", *LARGE)
    assert (large.done, large.reused) == (6, 2)
    found = estimates(large)
    stored = {
        child.data.tags["digicarbon.label"]: child.data
        for child in all_children("digicarbon")
        if child.data.tags["mlflow.parentRunId"] == large.parent_id
    }
    assert len(stored) == 6
    for (label, term), row in found.iterrows():
        assert stored[label].metrics[f"coef.{term}"] == row["coef"]
        assert stored[label].metrics[f"se.{term}"] == row["se"]
        assert stored[label].metrics[f"p.{term}"] == row["p"]


def test_a_result_that_no_file_can_hold_is_told_of(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = MINE.replace(
        "        return super().fit(panel, weights)",
        "        from dataclasses import replace\n        import pandas as pd\n"
        "        found = super().fit(panel, weights)\n"
        '        odd = pd.DataFrame({"a": [object()]}) if self.mood == "odd" else pd.DataFrame({"a": [1]})\n'
        '        return replace(found, tables={"mine": odd})',
    )
    (mine / "mine.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(sweep, "KEPT", 1)
    finished = run("config", "executor=sequential", "model=fragile", "model.mood=good,odd,fine")
    assert finished.done == 3
    assert finished.table is not None
    assert list(finished.table.cells.columns) == ["good", "fine"]
    assert "1 run more: recorded, but their results cannot be read back." in finished.table.notes


@pytest.mark.long
def test_many_runs_end_with_a_summary(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    axes = ("model=twfe", "measure=ddl,bea", "outcome=intensity,intensity_apparent", "sample.first=null,2013")
    levels = f"inference.level={','.join(str(k / 100) for k in range(90, 99))}"
    axes = (*axes, "report.language=null")
    assert main(["run", "-m", "executor=sequential", *axes, levels]) == 0
    shown = capsys.readouterr().out
    assert "A summary of 72 runs; report.most_runs=72 lets all of them stand side by side." in shown
    place = next(line for line in shown.splitlines() if line.startswith("All coefficients of all runs: "))
    found = pd.read_csv(place.partition(": ")[2])
    focal = found[found["term"].isin(["ln_ddl", "ln_e"])]
    assert len(focal) == 72
    table = pd.read_csv(Path(place.partition(": ")[2]).with_name("table.csv"), index_col=0, dtype=str)
    significant = (focal["p"] < 0.05) & (focal["coef"] < 0)
    assert table.loc["all", ["runs", "significant -"]].tolist() == ["72", str(significant.sum())]
    assert float(table.loc["measure=bea", "median"]) == pytest.approx(
        focal.loc[focal["term"] == "ln_e", "coef"].median(), abs=5e-5
    )
    assert main(["run", "-m", "executor=sequential", *axes, levels, "report.most_runs=72"]) == 0
    wide = pd.read_csv(Path(place.partition(": ")[2]).with_name("table.csv"), index_col=0, dtype=str)
    assert wide.shape[1] == 72


@pytest.mark.long
def test_a_report_of_the_users_own_reads_a_large_sweep_as_a_sequence(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (mine / "mine.py").write_text(
        MINE + "\n\nimport pandas as pd\nfrom digicarbon.report import Report, Table\n\n\n"
        "class Own(Report):\n"
        '    """Labels."""\n\n'
        "    def table(self, title, records):\n"
        "        labels = [one.label for one in records]\n"
        "        assert labels == [records[k].label for k in range(len(records))]\n"
        "        assert [one.label for one in records[1:]] == labels[1:]\n"
        "        assert records[-1].label == labels[-1]\n"
        '        cells = pd.DataFrame({"rows": [str(len(one.panel().unit_codes)) for one in records]}, index=labels)\n'
        "        return Table(title, cells)\n",
        encoding="utf-8",
    )
    (mine / "conf" / "report").mkdir()
    (mine / "conf" / "report" / "own.yaml").write_text("# my own\n_target_: mine.Own\n", encoding="utf-8")
    choices = ("executor=sequential", "report=own", "model=twfe", "measure=ddl,bea,ide")
    small = run("config", *choices)
    monkeypatch.setattr(sweep, "KEPT", 1)
    large = run("config", *choices, force=True)
    assert same(large, small)
    assert large.table is not None
    assert large.table.cells["rows"].to_dict() == {f"measure={name}": "180" for name in ("ddl", "bea", "ide")}


def test_the_documented_filter_finds_all_runs_without_an_effect_because_of_rho_or_lambda(project: Path) -> None:
    words = ["source=simulated", "model=twfe,sar,sem,sac", "weights=w1_adjacency,inverse_distance", "inference=classic"]
    config_loader = loader()
    plain, axes = read_overrides([*words, "executor=sequential"], config_loader)
    composer = Composer(config_loader, "config", plain)
    planned = plan(composer, axes)
    sweep.run(composer, planned)
    results = {run.label: run.specs.model.fit(run.prepared.panel, run.prepared.weights) for run in planned.runs}
    store = client()
    found = store.get_experiment_by_name("digicarbon")
    assert found is not None
    for name, condition in {"rho": "LIKE '%rho%'", "lambda": "LIKE '%lambda%'", "": "LIKE '%'"}.items():
        runs = store.search_runs([found.experiment_id], f'tags."digicarbon.boundary" {condition}')
        without = {label for label, result in results.items() if result.ends and (not name or name in result.ends)}
        assert {run.data.tags["digicarbon.label"] for run in runs} == without
        assert any(result.beyond for label, result in results.items() if label in without)
        assert not any("focal.effect" in run.data.metrics or "digicarbon.sign" in run.data.tags for run in runs)
    assert all((result.effect(RunEffect("coefficient")) is None) == bool(result.ends) for result in results.values())
    assert {bool(result.ends) for result in results.values()} == {True, False}
