"""What runs share, and how it reaches workers."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from joblib import Parallel, delayed

from digicarbon.config.compose import Composer, loader
from digicarbon.errors import DigicarbonError
from digicarbon.measure import BeaMeasure, ColumnMeasure, Measure
from digicarbon.outcome import Intensity
from digicarbon.plan.prepare import Preparation
from digicarbon.plan.runs import Run, plan
from digicarbon.source import Inputs
from digicarbon.sweep import shared as staging
from digicarbon.sweep.provenance import RECORD, ledger
from digicarbon.sweep.shared import Received, SharedPanels, Task

SHOP = Preparation()


def _run(*overrides: str, preparation: Preparation = SHOP) -> Run:
    (run,) = plan(Composer(loader(), "config", overrides), preparation=preparation).runs
    return run


def _fit(task: Task) -> tuple[int, Any, int]:
    panel, weights = task.open()
    return task.index, task.model.fit(panel, weights).coef, id(task.selection.value)


def test_runs_that_differ_in_what_models_take_share_their_stage() -> None:
    one = _run("model=twfe").prepared
    assert _run("model=sdm", "outcome.controls=[ln_pgdp]").prepared.shared is one.shared
    assert _run("measure=sector1").prepared.shared is one.shared
    assert _run("measure=bea_narrow").prepared.shared is not one.shared
    assert _run("outcome=intensity_apparent").prepared.shared is not one.shared
    east = _run("sample=east").prepared.shared
    assert east is not one.shared
    assert east.selection.panel is one.shared.selection.panel


@pytest.mark.long
def test_measures_and_outcomes_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for cls in (BeaMeasure, Intensity):
        compute = cls.compute

        def counted(self: Any, inputs: Inputs, compute: Any = compute, name: str = cls.__name__) -> pd.DataFrame:
            calls.append(name)
            return compute(self, inputs)

        monkeypatch.setattr(cls, "compute", counted)
    preparation = Preparation()
    for terms in ("[ln_e]", "[ln_sector1]", "[ln_ddl,ln_ide]"):
        for controls in ("[]", "[ln_pgdp]", "[ln_population,ln_pgdp]"):
            _run(f"measure.terms={terms}", f"outcome.controls={controls}", preparation=preparation)
    assert sorted(calls) == ["BeaMeasure", "Intensity"]
    _run("measure=bea", "outcome=intensity_fuels", preparation=preparation)
    assert sorted(calls) == ["BeaMeasure", "Intensity", "Intensity"]


class ReadsItsTerms(BeaMeasure):
    """A measure of the user's whose numbers depend on its terms."""

    def compute(self, inputs: Inputs) -> pd.DataFrame:
        made = super().compute(inputs)
        return made.assign(e=made["e"] * (1 + 0.5 * len(self.terms)))


def test_a_class_that_computes_anew_shares_nothing_by_what_its_parent_says() -> None:
    assert BeaMeasure().left_to_models == {"terms"}
    assert ReadsItsTerms().left_to_models == frozenset()
    assert Intensity().left_to_models == {"term", "controls"}
    # a standardised column has no logarithm, and the terms say whether one is taken
    assert ColumnMeasure(column="a", name="z", standardise=True, terms=["z"]).left_to_models == frozenset()
    assert Measure(terms=["a"]).left_to_models == {"terms"}
    target = f"measure._target_={__name__}.ReadsItsTerms"
    one, two = (_run(target, f"measure.terms={terms}").prepared for terms in ("[ln_e]", "[ln_e,ln_ide]"))
    assert one.shared is not two.shared
    np.testing.assert_allclose(two.panel.column("e") / one.panel.column("e"), 2 / 1.5)


def test_every_run_is_checked_though_its_stage_is_shared() -> None:
    _run("measure.terms=[ln_e]")
    with pytest.raises(DigicarbonError, match="collinear"):
        _run("+panel.derive.double='ln_e + ln_e'", "measure.terms=[ln_e]", "outcome.controls=[double]")
    with pytest.raises(DigicarbonError, match="neither a column"):
        _run("outcome.controls=[ln_nothing]")


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize("large", [0, staging.LARGE])
def test_a_task_opens_to_the_same_panel_and_weights_wherever_it_is(
    local: bool, large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "LARGE", large)
    run = _run("model=sdm", "outcome.controls=[ln_pgdp,ln_population]", "sample=east")
    with SharedPanels(local) as stages:
        task = stages.task(3, run)
        panel, weights = task.open()
        assert panel is run.prepared.panel
        assert weights is run.prepared.weights
        sent = pickle.loads(pickle.dumps(task))
        assert sent.index == 3
        there, moved = sent.open()
        assert there.digest == panel.digest
        assert moved is not None
        assert weights is not None
        assert moved.digest == weights.digest
        assert type(there.column("ln_e")) is np.ndarray
        coef = run.specs.model.fit(panel, weights).coef
        np.testing.assert_allclose(sent.model.fit(there, moved).coef, coef, rtol=1e-10)
        again = pickle.loads(pickle.dumps(sent))
        assert isinstance(again.selection, Received)
        assert again.selection is sent.selection


def test_large_arrays_are_mapped_and_small_ones_read(monkeypatch: pytest.MonkeyPatch) -> None:
    run = _run("model=sdm")
    for large, mapped in ((0, True), (staging.LARGE, False)):
        monkeypatch.setattr(staging, "LARGE", large)
        with SharedPanels() as stages:
            sent = pickle.loads(pickle.dumps(stages.task(0, run)))
            assert isinstance(sent.weights.value.matrix.data, np.memmap) == mapped


def test_nothing_is_written_before_a_task_is_sent_and_all_is_removed_after() -> None:
    runs = [_run("model=sdm"), _run("model=sar"), _run("model=twfe", "outcome.controls=[]")]
    with SharedPanels() as stages:
        assert stages._scratch is not None
        folder = stages._scratch.path
        tasks = [stages.task(index, run) for index, run in enumerate(runs)]
        assert not list(folder.iterdir())
        sent = [pickle.loads(pickle.dumps(task)) for task in tasks]
        # one file of the stage, one of the weights
        assert len(list(folder.iterdir())) == 2
        assert sent[0].selection is sent[2].selection
    assert not folder.exists()


def test_a_task_is_small() -> None:
    run = _run("model=sdm")
    with SharedPanels() as stages:
        tasks = [stages.task(index, run) for index in range(100)]
        assert len(pickle.dumps(tasks)) < 100 * 500


def test_a_full_disk_for_temporary_files_costs_nothing_but_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(value: object, file: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("joblib.dump", full)
    run = _run("model=sdm")
    with SharedPanels() as stages:
        sent = pickle.loads(pickle.dumps(stages.task(0, run)))
        assert sent.open()[0].digest == run.prepared.panel.digest


def test_a_worker_reads_what_is_shared_once() -> None:
    runs = [_run("model=sdm", f"model.kind={kind}") for kind in ("sdm", "sar", "sem")]
    expected = [run.specs.model.fit(run.prepared.panel, run.prepared.weights).coef for run in runs]
    with SharedPanels() as stages:
        tasks = [stages.task(index, runs[index % 3]) for index in range(12)]
        found = Parallel(n_jobs=2, batch_size=1)(delayed(_fit)(task) for task in tasks)
    for index, coef, _ in found:
        np.testing.assert_allclose(coef, expected[index % 3], rtol=1e-10)
    assert len({place for _, _, place in found}) <= 2


def test_what_a_worker_keeps_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "MOST_RECEIVED", 1)
    runs = [_run("sample=east"), _run("sample=west")]
    with SharedPanels() as stages:
        for _ in range(2):
            for run in runs:
                sent = pickle.loads(pickle.dumps(stages.task(0, run)))
                assert sent.open()[0].digest == run.prepared.panel.digest
                assert len(staging._received) == 1


def test_prepared_runs_hold_no_panels() -> None:
    prepared = [_run(f"outcome.controls={controls}").prepared for controls in ("[]", "[ln_pgdp]")]
    assert prepared[0].panel is prepared[0].panel
    assert not hasattr(prepared[0], "__dict__")
    assert prepared[0].panel.digest != prepared[1].panel.digest


def test_the_record_of_data_grows_with_panels_not_with_what_models_take() -> None:
    subsets = ("[]", "[ln_pgdp]", "[ln_population]", "[ln_pgdp,ln_population]")
    taken = [(f"outcome.controls={controls}", f"measure.terms={x}") for controls in subsets for x in ("[e]", "[ide]")]
    runs = [_run(*overrides) for overrides in taken]
    record = json.loads(ledger([replace(run, label=str(k)) for k, run in enumerate(runs)]).files[RECORD])
    (entry,) = record["data"]
    assert len(entry["runs"]) == len(runs)
    assert "controls" not in entry["choices"]["outcome"]
    assert sorted(own["columns"] for own in entry["runs"].values()) == sorted(list(run.specs.terms) for run in runs)
    (panels,) = entry["panels"]
    assert set(panels["digests"]) == {run.prepared.panel.digest for run in runs}
