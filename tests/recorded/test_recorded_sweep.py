"""A sweep is read back from MLflow alone: its runs in order, their results, failures, files and what a report needs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import copied, lasting
from mlflow import MlflowClient

import digicarbon as dc
from digicarbon import recorded
from digicarbon.__main__ import main
from digicarbon.errors import DataError, TrackingError
from digicarbon.note import Note, note_of
from digicarbon.recorded import RecordedSweep
from digicarbon.report import Record
from digicarbon.result import Result
from digicarbon.sweep.tables import Records
from digicarbon.tracking import ROSTER, Planned, Roster, Tracking

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

NOTE = "tags.digicarbon.error_note"
LABELS = ["FE(1)", "FE(2)", "again", "FE(3)"]
MINE = """
defaults: [config, {override source: simulated_fe}, _self_]
title: Mine
columns:
  FE(1): {measure: ddl}
  FE(2): {measure: bea}
  again: {measure: bea}
  FE(3): {measure: ide, sample: east}
"""


@pytest.fixture(scope="module")
def run_once(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> tuple[Path, list[Record]]:
    """A project in which an experiment with twins was run, and what the report of the sweep itself read."""
    found: list[Record] = []
    reads = Records.__iter__

    def spied(records: Records) -> Iterator[Record]:
        found[:] = list(reads(records))
        return iter(found)

    with lasting(empty_store, tmp_path_factory.mktemp("run")) as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Records, "__iter__", spied)
        (place / "experiments").mkdir()
        (place / "experiments" / "mine.yaml").write_text(MINE, encoding="utf-8")
        assert main(["run", "mine", "executor=sequential"]) == 0
    return place, found


@pytest.fixture
def seen(project: Path, run_once: tuple[Path, list[Record]]) -> list[Record]:
    """What the report of the sweep itself read; a copy of its project is the working directory."""
    place, found = run_once
    copied(place, project)
    return found


def read(name: str = "mine") -> RecordedSweep:
    return recorded.sweep(Tracking(), name)


def equal(found: Record, made: Record) -> bool:
    said = [(one.label, dict(one.options), dict(one.varied), one.simulated, one.result.terms) for one in (found, made)]
    same = np.array_equal(found.result.coef, made.result.coef)
    return said[0] == said[1] and same and found.result.notes == made.result.notes


def test_records_are_those_that_the_sweep_itself_reported(seen: list[Record]) -> None:
    found = read()
    assert [one.label for one in seen] == LABELS
    assert len(found.records) == len(seen)
    assert all(map(equal, found.records, seen))
    assert [one.label for one in found.records[1:3]] == LABELS[1:3]
    assert equal(found.records[-1], seen[-1])
    assert (found.title, found.status, found.ended, found.simulated) == ("Mine", "FINISHED", True, True)
    assert "override" not in found.config
    assert "again" in found.config
    assert not found.failures
    assert not found.left
    assert found.lacking == 0
    assert found.joint is None


def test_every_label_has_the_run_that_mlflow_has(seen: list[Record], project: Path) -> None:
    found = read()
    client = MlflowClient(tracking_uri=f"sqlite:///{(project / 'mlruns' / 'mlflow.db').as_posix()}")
    assert list(found.run_ids) == LABELS
    assert found.run_ids["again"] == found.run_ids["FE(2)"]
    for record in found.records:
        run = client.get_run(found.run_ids[record.label])
        assert run.data.metrics["nobs"] == record.result.statistics["nobs"]
        assert run.data.tags["mlflow.parentRunId"] == found.parent_id
    assert found.rows["metrics.nobs"].notna().all()


def test_files_and_data_are_there(seen: list[Record]) -> None:
    found = read()
    assert {"data.json", "experiment.yaml", "table.md", ROSTER} <= set(found.files)
    assert found.file("table.md").startswith(b"**Mine (SIMULATED data)**")
    assert {entry["source"] for entry in found.data} == {"simulated"}


def test_a_sweep_of_an_earlier_version_is_read_as_well_as_possible(seen: list[Record]) -> None:
    before = read()
    folder = next(Path("mlruns/artifacts/mine").glob(f"{before.parent_id}/artifacts"))
    (folder / ROSTER).unlink()
    (folder / "data.json").unlink()
    found = read()
    assert [one.label for one in found.records] == ["FE(1)", "FE(2)", "FE(3)"]
    assert [one.options["measure"] for one in found.records] == ["ddl", "bea", "ide"]
    assert found.records[2].varied["sample"] == "east"
    assert found.simulated
    assert found.data == []


def test_a_run_that_was_deleted_is_gone_and_named(seen: list[Record], project: Path) -> None:
    client = MlflowClient(tracking_uri=f"sqlite:///{(project / 'mlruns' / 'mlflow.db').as_posix()}")
    client.delete_run(read().run_ids["FE(3)"])
    found = read()
    assert [one.label for one in found.records] == LABELS[:3]
    assert found.left == ["FE(3)"]


@pytest.mark.parametrize("why", ["It cannot be.", Note("nothing_after_the_effects", y="ln_ci")])
def test_failed_runs_are_told_with_their_reasons(
    why: str | Note, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from digicarbon.errors import EstimationError
    from digicarbon.model import PanelRegression

    fits = PanelRegression.fit

    def fit(self: PanelRegression, panel: dc.Panel, weights: dc.Weights | None = None) -> Result:
        if self.x == ("ln_ide",):
            raise EstimationError(why)
        return fits(self, panel, weights)

    monkeypatch.setattr(PanelRegression, "fit", fit)
    assert main(["run", "-m", "executor=sequential", "measure=ddl,ide,bea"]) == 1
    found = read("digicarbon")
    assert found.failures == [("measure=ide", note_of(why))]
    assert found.rows["tags.digicarbon.error"].dropna().tolist() == [str(why)]
    # an earlier version recorded the sentence alone
    for rows in (found.rows.drop(columns="tags.digicarbon.error_note"), found.rows.assign(**{NOTE: "{damaged"})):
        assert replace(found, rows=rows).failures == [("measure=ide", note_of(str(why)))]
    assert [record.label for record in found.records] == ["measure=ddl", "measure=bea"]
    assert (found.status, found.ended) == ("FAILED", True)


def test_the_newest_sweep_that_has_ended_is_read_and_a_newer_one_is_told(seen: list[Record], project: Path) -> None:
    first = read()
    client = MlflowClient(tracking_uri=f"sqlite:///{(project / 'mlruns' / 'mlflow.db').as_posix()}")
    tags = {"digicarbon.kind": "sweep", "digicarbon.experiment": "mine"}
    newer = client.create_run(first.experiment_id, tags=tags)
    other = client.create_run(first.experiment_id, tags={**tags, "digicarbon.experiment": "another"})
    found = read()
    assert found.parent_id == first.parent_id
    assert found.newer == newer.info.run_id
    assert read(first.parent_id).parent_id == first.parent_id
    with pytest.raises(TrackingError, match=f"The sweep {other.info.run_id} .* has no results; run it again"):
        read(other.info.run_id)


def test_what_is_not_there_is_a_sentence(seen: list[Record]) -> None:
    with pytest.raises(DataError, match=r"No sweep of 'mime' is recorded in .*\.db\. Did you"):
        read("mime")
    with pytest.raises(DataError, match=r"The run \w+ is no sweep. It belongs to the sweep"):
        read(read().run_ids["FE(1)"])
    with pytest.raises(DataError, match=r"The store has no run 0{32}"):
        read("0" * 32)
    shutil.rmtree("mlruns")
    with pytest.raises(DataError, match="There is no store"):
        read()


def test_a_roster_is_read_as_it_was_written(tmp_path: Path) -> None:
    notes = (Note("units_used", units=("东", "b")), note_of("A note."))
    runs = [
        Planned("a" * 64, "区域=东", {"model": "fe"}, {"x": ["ln_e"], "k": None}, ("twin",), True, notes, "东", ("k",)),
        Planned("b" * 64, "b", {"model": "fe"}, {}),
    ]
    path = tmp_path / ROSTER
    path.write_bytes(Roster(runs, [("c", Note("table_without_rows"))], 3).to_bytes())
    found = Roster.read(path)
    assert [vars(run) for run in found.runs] == [vars(run) for run in runs]
    assert (found.skipped, found.excluded) == ([("c", Note("table_without_rows"))], 3)
    # an earlier version kept sentences
    more = {"skipped": [["c", "It cannot run."]], "excluded": 0, "failed": [["d", "Nor can it."]]}
    pq.write_table(pq.read_table(path).replace_schema_metadata({b"digicarbon": json.dumps(more).encode()}), path)
    assert Roster.read(path).skipped == [("c", note_of("It cannot run."))]
    assert Roster.read(path).failed == [("d", note_of("Nor can it."))]
    # one of an earlier version, which kept neither columns nor choices without effect
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["column", "lacking"]), path)
    assert [(run.column, run.lacking) for run in Roster.read(path).runs] == [(None, ()), (None, ())]
    assert [run.label for run in Roster.read(path).runs] == ["区域=东", "b"]


def test_a_sweep_that_was_gone_on_with_is_the_latest(seen: list[Record]) -> None:
    first = read().parent_id
    assert main(["run", "mine", "executor=sequential", "inference.cov=robust", "report=vif"]) == 2
    # a variation is not the experiment as it stands
    assert read().parent_id == first
    assert main(["run", "mine", "executor=sequential", "--force"]) == 0
    second = read().parent_id
    assert second != first
    assert main(["run", "mine", "executor=sequential"]) == 0
    assert read().parent_id == second
    assert recorded.find(Tracking(), "mine").run_id == second
