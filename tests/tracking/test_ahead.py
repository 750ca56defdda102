"""What is known of planned runs, the same by a store's tables and by the public client."""

from __future__ import annotations

from pathlib import Path

import pytest

from digicarbon import sweep
from digicarbon.compose import Composer, loader
from digicarbon.expand import read_overrides
from digicarbon.plan import Plan, plan
from digicarbon.tracking import Known, Tracking, known


def planned(*overrides: str) -> tuple[Composer, Plan]:
    config_loader = loader()
    plain, axes = read_overrides(["executor=sequential", *overrides], config_loader)
    composer = Composer(config_loader, "config", plain)
    return composer, plan(composer, axes)


@pytest.mark.parametrize("path", ["tables", "client"])
def test_what_is_recorded_and_how_long_it_took(project: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tracking = Tracking(uri="sqlite:///mlruns/mlflow.db")
    composer, fitted = planned("model=twfe,fe")
    _, more = planned("model=twfe,fe,pooled")
    keys = [run.key for run in more.runs]
    assert known(tracking, keys, ["twfe"]) == Known()
    finished = sweep.run(composer, fitted)
    assert finished.done == 2
    if path == "client":
        monkeypatch.setattr("digicarbon.tracking._database.opened", lambda uri: None)
    found = known(tracking, keys, ["twfe", "fe", "pooled"])
    assert found is not None
    assert found.done == {run.key for run in fitted.runs}
    assert set(found.seconds) == {"twfe", "fe"}
    assert all(0 <= seconds < 10 for seconds in found.seconds.values())


def test_nothing_is_made(folder: Path) -> None:
    assert known(Tracking(uri="sqlite:///mlruns/mlflow.db"), ["a"], ["twfe"]) == Known()
    assert list(folder.iterdir()) == []
