"""Runs are found by the beginning of their id; one that fits several of them is a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow import MlflowClient

from digicarbon.__main__ import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def ids(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> list[str]:
    """The ids of three runs that were written in one batch."""
    monkeypatch.setattr("digicarbon.sweep.sweep.FLUSH", 1e9)
    assert main(["run", "-m", "executor=sequential", "measure=ddl,bea,ide"]) == 0
    capsys.readouterr()
    client = MlflowClient(tracking_uri=f"sqlite:///{(project / 'mlruns' / 'mlflow.db').as_posix()}")
    found = client.search_runs(["1"], "tags.`digicarbon.kind` = 'specification'")
    return sorted(run.info.run_id for run in found)


@pytest.mark.long
@pytest.mark.parametrize("verb", [("rerun",), ("data", "show")])
def test_the_beginning_of_several_ids_says_how_many_and_how_to_go_on(
    ids: list[str], capsys: Capture, verb: tuple[str, ...]
) -> None:
    assert main([*verb, ids[0][:6]]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"3 runs have an id that begins with '{ids[0][:6]}'; 10 letters tell them apart. Give more letters" in said
    assert all(one[:10] in said for one in ids)
    assert "(measure=ddl)" in said
    for one in ids:
        assert main([*verb, one[:10]]) == 0
        assert one in capsys.readouterr().out
