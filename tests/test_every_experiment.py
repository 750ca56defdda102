"""Every shipped experiment plans, runs, is in MLflow with the numbers that were fitted, and is in one language."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import REPOSITORY
from mlflow import MlflowClient
from mlflow.entities import Run as StoredRun
from one_language import assert_chinese, assert_english

from digicarbon.__main__ import main
from digicarbon.config.compose import Composer, loader
from digicarbon.plan.expand import read_overrides
from digicarbon.plan.runs import Plan, plan
from digicarbon.sweep import sweep

pytestmark = pytest.mark.long

LISTS = {"paper", "china_paper", "placebo"}
STUDIES = LISTS - {"placebo"}
FEW_DRAWS = ["inference.draws=99"]
SMALLER = {
    "robustness": ["draw.n=40", "report.draws=0"],
    "robustness_china": ["draw.n=40", "report.draws=0"],
    "robustness_kinds": ["report.draws=0"],
    "robustness_china_within": ["draw.n=40", "report.draws=0"],
    "robustness_china_between": ["draw.n=40", "report.draws=0"],
    "which_weights": [*FEW_DRAWS, "diagnostic.draws=99"],
    "china_which_weights": [*FEW_DRAWS, "diagnostic.draws=99"],
    "several_weights": FEW_DRAWS,
    "spatial_regions": FEW_DRAWS,
    "china_spatial_regions": FEW_DRAWS,
    "unbalanced_spatial": FEW_DRAWS,
    "china_weights_by_period": FEW_DRAWS,
    "placebo_laws": [*FEW_DRAWS, "diagnostic.laws=99"],
    "placebo_measure": ["measure.permute=1,2,3"],
    "placebo_weights": ["weights.seed=1,2,3"],
}
"""What makes the experiments of thousands of runs, or of many draws, small enough for a test."""
EXPERIMENTS = sorted({path.stem for path in (REPOSITORY / "experiments").glob("*.yaml")} - LISTS)


@pytest.fixture(scope="module")
def client(
    tmp_path_factory: pytest.TempPathFactory, empty_store: Path, request: pytest.FixtureRequest
) -> Iterator[MlflowClient]:
    """One store for all experiments of the module."""
    here = tmp_path_factory.mktemp("experiments")
    (here / "mlruns").mkdir()
    (here / "mlruns" / "mlflow.db").write_bytes(empty_store.read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        yield MlflowClient(tracking_uri=f"sqlite:///{(here / 'mlruns' / 'mlflow.db').as_posix()}")


def _children(client: MlflowClient, parent_id: str) -> dict[str, StoredRun]:
    parent = client.get_run(parent_id)
    found = client.search_runs(
        [parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent_id}'", max_results=1000
    )
    return {run.data.tags["digicarbon.label"]: run for run in found}


def _planned(name: str, request: pytest.FixtureRequest, *words: str) -> tuple[Composer, Plan]:
    if _real(name):
        request.getfixturevalue("data_folder")
    plain, axes = read_overrides(["executor=sequential", *SMALLER.get(name, ()), *words], loader())
    composer = Composer(loader(), name, plain)
    return composer, plan(composer, axes)


def _real(name: str) -> bool:
    return "china" in name.split("_")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiment_runs_and_is_recorded(name: str, client: MlflowClient, request: pytest.FixtureRequest) -> None:
    composer, planned = _planned(name, request, *([] if _real(name) else ["report.language=zh"]))
    finished = sweep.run(composer, planned)
    assert finished.failures == []
    assert finished.done == len(planned.runs)
    assert finished.table is not None
    assert ("SIMULATED" in finished.table.title) == (not _real(name))
    stored = _children(client, finished.parent_id)
    assert set(stored) == {run.label for run in planned.runs}
    for run in planned.runs:
        child = stored[run.label]
        assert child.info.status == "FINISHED"
        assert child.data.tags["digicarbon.hash"] == run.key
        assert child.data.tags["digicarbon.kind"] == "specification"
        assert ("digicarbon.data" in child.data.tags) == run.prepared.simulated
        assert child.data.params["measure"] == run.options["measure"]
        assert child.data.params["model"] == run.options["model"]
        assert ("weights" in child.data.params) == (run.specs.weights is not None and run.specs.model.uses_weights)
        assert child.inputs.dataset_inputs[0].dataset.digest == run.prepared.panel.digest[:36]
        fitted = run.specs.model.fit(run.prepared.panel, run.prepared.weights)
        _assert_same_numbers(child, fitted.estimates)
    parent = client.get_run(finished.parent_id)
    assert parent.data.tags["digicarbon.kind"] == "sweep"
    of_runs = {name: value for name, value in parent.data.metrics.items() if not name.startswith("joint.")}
    assert of_runs == {"runs.done": float(len(planned.runs)), "runs.failed": 0.0}
    if not _real(name):
        assert_chinese(finished.table)
        # the same results again, without a fit
        again = sweep.run(*_planned(name, request))
        assert again.kept == len(planned.runs)
        assert_english(again.table)


def _assert_same_numbers(child: StoredRun, estimates: pd.DataFrame) -> None:
    for column in ("coef", "se", "p"):
        for term, value in estimates[column].items():
            name = re.sub(r"[^\w\-. ]", "_", f"{column}.{term}")  # MLflow takes no brackets
            if math.isfinite(value):
                assert child.data.metrics[name] == pytest.approx(value, rel=1e-9)
            else:
                assert name not in child.data.metrics


def test_china_is_the_study_s_panel(request: pytest.FixtureRequest) -> None:
    for name in ("china_baseline", "china_spatial"):
        _, planned = _planned(name, request)
        assert {run.prepared.panel.shape for run in planned.runs} == {(30, 6)}
        assert all(len(run.prepared.panel.unit_codes) == 180 for run in planned.runs)


@pytest.mark.parametrize("name", sorted(STUDIES))
def test_whole_study_with_one_command(
    name: str, client: MlflowClient, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    if _real(name):
        request.getfixturevalue("data_folder")
    items: Any = Composer(loader(), name).sweep_keys()["experiments"]
    assert set(items) <= set(EXPERIMENTS)
    assert len(set(items)) == len(items) == 12
    assert main(["run", name, "executor=sequential"]) == 0
    said = capsys.readouterr().out
    assert said.count("MLflow experiment ") == 12
    assert [said.index(f"MLflow experiment {item},") for item in items] == sorted(
        said.index(f"MLflow experiment {item},") for item in items
    )
    assert main(["report", name, "--out", f"out/{name}"]) == 0
    page = Path("out", name, "index.html").read_text(encoding="utf-8")
    for item in items:
        title = str(Composer(loader(), item).sweep_keys()["title"])
        assert html.escape(title, quote=False) in page or html.escape(title) in page


def test_placebo_lists_both_permutations() -> None:
    assert Composer(loader(), "placebo").sweep_keys()["experiments"] == ["placebo_measure", "placebo_weights"]


def test_a_placebo_says_what_is_exchanged_and_counts_by_column(
    client: MlflowClient, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["executor=sequential"]
    assert main(["run", "placebo_weights", "weights.seed=1,2,3", *words]) == 0
    assert main(["run", "placebo_measure", "measure.permute=2,5", *words]) == 0
    said = capsys.readouterr().out
    assert "PLACEBO: the units of W1 exchange their neighbours at random (seeds 1 to 3)." in said.splitlines()
    paths = "PLACEBO: measures are exchanged between units at random, each with its path over time (2 seeds: 2, 5)."
    assert paths in said.splitlines()
    counted = re.findall(r"(?m)^│ (\S.*?) +│ +(\d+) │", said)
    assert counted[:4] == [("all", "9"), ("SDM time", "3"), ("SDM two-way", "3"), ("SLX two-way", "3")]
    others = [
        *("FE, classic", "FE, clustered", "FE, Driscoll-Kraay", "FE, wild"),
        *("SDM two-way, classic", "SDM two-way, wild", "SDM time, classic", "SDM time, wild"),
    ]
    assert [row for row in counted if row[1] in ("16", "2")] == [("all", "16"), *((name, "2") for name in others)]
    assert main(["report", "placebo_weights", "--out", "out/placebo"]) == 0
    page = Path("out/placebo/index.html").read_text(encoding="utf-8")
    assert "PLACEBO: the units of W1 exchange their neighbours at random (seeds 1 to 3)." in page
    assert "SDM two-way" in page


def test_a_table_of_moran_says_under_what_its_variance_is(
    client: MlflowClient, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "table6_moran", "executor=sequential"]) == 0
    assert "\nMoran's I: expectation, variance and z under the assumption of normality" in capsys.readouterr().out
    assert main(["run", "table6_moran", "executor=sequential", "diagnostic.moments=randomisation"]) == 0
    assert "\nMoran's I: expectation, variance and z under the assumption of randomisation" in capsys.readouterr().out


def test_a_study_says_what_each_of_its_items_lacks(
    client: MlflowClient, data_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "paper", "source=china"]) == 0
    said = capsys.readouterr().err
    assert "paper with source=china is china_paper: the whole study on the real panel" in " ".join(said.split())
    # who chooses a measure as well means the experiments themselves
    assert main(["plan", "paper", "source=china", "measure=bea"]) == 2
    said = capsys.readouterr().err
    assert "of 12 experiments cannot run, and nothing was fitted" in said
    assert "table2_descriptive: command line: measure=bea needs input-output tables" in " ".join(said.split())


def test_choice_of_the_panel_regression_has_its_path_below(client: MlflowClient) -> None:
    composer = Composer(loader(), "model_choice", ["executor=sequential"])
    planned = plan(composer)
    finished = sweep.run(composer, planned)
    assert finished.table is not None
    assert list(finished.table.cells.columns) == ["Pooled", "FE", "RE", "Two-way FE"]
    below = finished.table.below
    assert below is not None
    assert below.cells.index[-1] == "choice, model"
    assert {item.path for item in client.list_artifacts(finished.parent_id)} >= {"table.csv", "table_below.csv"}


def test_choice_of_the_panel_regression_on_the_real_panel(client: MlflowClient, data_folder: Path) -> None:
    words = ["executor=sequential", "source=china", "measure=digital_finance"]
    composer = Composer(loader(), "model_choice", words)
    finished = sweep.run(composer, plan(composer))
    assert finished.failures == []
    assert finished.table is not None
    assert finished.table.below is not None
    cells = finished.table.below.cells
    assert "The statistic is negative" in cells.loc["fixed or random, Hausman", "Decision"]
    assert str(cells.loc["choice, model", "Decision"]).startswith("Fixed unit and time effects")
