"""Pictures of an experiment: artifacts of its parent run whose places are told, and never at the table's cost."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from digicarbon.config.compose import Composer, loader
from digicarbon.plan.runs import plan
from digicarbon.sweep import sweep

pytestmark = pytest.mark.long


def finished(*overrides: str) -> sweep.Finished:
    composer = Composer(loader(), "table5_nonlinear", ["executor=sequential", *overrides])
    return sweep.run(composer, plan(composer))


def test_pictures_are_stored_beside_the_table(project: Path) -> None:
    found = finished("report.pictures=[png,svg]")
    assert found.failures == []
    names = [f"curve_N({number}).{kind}" for number in (1, 2, 3) for kind in ("png", "svg")]
    assert [Path(place).name for place in found.pictures] == names
    for place in found.pictures:
        assert Path(place).is_file()
        assert project in Path(place).parents
    assert Path(found.pictures[0]).read_bytes().startswith(b"\x89PNG")
    client = MlflowClient(tracking_uri=f"sqlite:///{(project / 'mlruns' / 'mlflow.db').as_posix()}")
    stored = {item.path for item in client.list_artifacts(found.parent_id)}
    assert {*names, "table.md", "table.csv"} <= stored


def test_the_table_stands_without_matplotlib(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    found = finished()
    assert found.pictures == ()
    assert found.table is not None
    assert "No pictures: A picture needs matplotlib; install it: pip install matplotlib" in tuple(
        map(str, found.table.notes)
    )
