"""What is recorded of a run: params that say something, and a profile of its data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from digicarbon.__main__ import main


def recorded(*words: str) -> Run:
    """The only specification of a sweep that is run now."""
    assert main(["run", "executor=sequential", *words]) == 0
    client = MlflowClient(tracking_uri=f"sqlite:///{Path('mlruns/mlflow.db').resolve().as_posix()}")
    (run,) = client.search_runs(["1"], "tags.`digicarbon.kind` = 'specification'")
    return run


def test_params_have_no_columns_of_nothing(project: Path) -> None:
    params = recorded("model=sdm").data.params
    assert not [name for name, value in params.items() if value in ("None", "")]
    assert [name for name in params if name.startswith(("source.", "sample.", "panel."))] == ["source.controls"]
    assert (params["sample"], params["model.effects"], params["source"]) == ("full", "two_way", "simulated")


def test_fields_that_are_set_are_params(project: Path) -> None:
    params = recorded("sample.first=2013", "sample.winsorise=[0.05,0.05]", "source.seed=2").data.params
    assert params["source.seed"] == "2"
    assert params["sample.first"] == "2013"
    assert params["sample.winsorise"] == "0.05, 0.05"
    assert "sample.last" not in params


def test_a_varied_field_is_a_param_of_every_run_even_at_its_default(project: Path) -> None:
    assert main(["run", "-m", "executor=sequential", "sample.first=null,2013"]) == 0
    client = MlflowClient(tracking_uri=f"sqlite:///{Path('mlruns/mlflow.db').resolve().as_posix()}")
    runs = client.search_runs(["1"], "tags.`digicarbon.kind` = 'specification'")
    assert sorted(run.data.params["sample.first"] for run in runs) == ["2013", "None"]


def test_the_data_set_says_what_it_is(project: Path) -> None:
    run = recorded()
    (used,) = run.inputs.dataset_inputs
    profile = json.loads(used.dataset.profile)
    assert (profile["num_rows"], profile["units"], profile["periods"]) == (180, 30, 6)
    assert {"ln_ci", "ln_e"} <= set(profile["columns"])
    assert profile["num_elements"] == 180 * len(profile["columns"])
    assert used.dataset.name == "simulated"
    assert run.data.tags["digicarbon.sign"] in ("+", "-", "+*", "-*")


@pytest.mark.parametrize("quantity", ["coefficient", "direct", "indirect", "total"])
def test_tags_and_metrics_are_of_what_the_curve_shows(quantity: str, project: Path) -> None:
    """The same sweep with another quantity is recorded anew, without a fit."""
    for words in ([], ["report=curve", "report.pictures=[]", f"report.quantity={quantity}"]):
        assert main(["run", "executor=sequential", "model=sdm", *words]) == 0
    client = MlflowClient(tracking_uri=f"sqlite:///{Path('mlruns/mlflow.db').resolve().as_posix()}")
    run = client.search_runs(["1"], "tags.`digicarbon.kind` = 'specification'", order_by=["start_time DESC"])[0]
    numbers, tags = run.data.metrics, run.data.tags
    shown = "focal.coef" if quantity == "coefficient" else f"focal.{quantity}"
    assert numbers["focal.effect"] == numbers[shown]
    assert tags["digicarbon.quantity"] == quantity
    assert tags["digicarbon.sign"].startswith("+" if numbers[shown] > 0 else "-")
