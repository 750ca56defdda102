"""What is recorded of a run: params that say something, and a profile of its data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from digicarbon.__main__ import main
from digicarbon.report import Record, SpecificationCurve

pytestmark = pytest.mark.long


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
    assert used.dataset.name == "simulated (30 units, 2012 to 2017)"
    assert run.data.tags["digicarbon.sign"] in ("+", "-", "+*", "-*")


SWEEP = ["run", "-m", "executor=sequential", "model=fe,slx,sar,sdm", "source.rho=0.4,0.999"]


def specifications() -> list[Run]:
    """The runs of all sweeps of the store."""
    client = MlflowClient(tracking_uri=f"sqlite:///{Path('mlruns/mlflow.db').resolve().as_posix()}")
    return list(client.search_runs(["1"], "tags.`digicarbon.kind` = 'specification'"))


@pytest.mark.parametrize("quantity", ["coefficient", "direct", "indirect", "total"])
def test_tags_and_metrics_are_of_what_the_curve_shows(
    quantity: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    curve: dict[str, tuple[str, float, float]] = {}
    drawn = SpecificationCurve.curve

    def watched(self: SpecificationCurve, records: Sequence[Record]) -> Any:
        found = drawn(self, records)
        rows = found.rows[["record", "term", "coef", "p"]].itertuples(index=False)
        curve.update({records[place].label: (term, coef, p) for place, term, coef, p in rows})
        return found

    monkeypatch.setattr(SpecificationCurve, "curve", watched)
    assert main([*SWEEP, "report=curve", "report.pictures=[]", f"report.quantity={quantity}"]) == 0
    recorded = {}
    for run in specifications():
        numbers, tags = run.data.metrics, run.data.tags
        if "focal.effect" in numbers:
            term, coef, p = tags["digicarbon.term"], numbers["focal.effect"], numbers["focal.effect.p"]
            recorded[run.info.run_name] = (term, coef, p)
            assert tags["digicarbon.quantity"] == quantity
            assert tags["digicarbon.sign"] == f"{'+' if coef > 0 else '-'}{'*' if p <= 0.05 else ''}"
        else:
            assert "digicarbon.sign" not in tags
    # a rho at or beyond the end of W's range leaves a run without effect
    assert any("digicarbon.sign" not in run.data.tags for run in specifications())
    assert 1 < len(curve) < 8
    assert recorded == curve


def test_a_finished_sweep_keeps_its_runs_when_only_the_report_asks_for_another_quantity(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def tags() -> dict[str, str]:
        return {run.info.run_id: run.data.tags.get("digicarbon.quantity", "none") for run in specifications()}

    words = [*SWEEP, "report=curve", "report.pictures=[]"]
    assert main([*words, "report.quantity=direct"]) == 0
    before = tags()
    capsys.readouterr()
    assert main([*words, "report.quantity=total"]) == 0
    assert "Total effect of ln(Digital economy)" in " ".join(capsys.readouterr().out.split())
    # none is fitted or recorded anew; its tags are of the first quantity, and say so
    assert tags() == before
    assert sorted(set(before.values())) == ["direct", "none"]
