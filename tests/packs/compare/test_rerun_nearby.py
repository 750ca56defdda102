"""A run whose W nobody chose is fitted again with the same neighbours, and has the numbers of Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import digicarbon as dc
from digicarbon.__main__ import main
from digicarbon.config.compose import Composer, loader
from digicarbon.country import country
from digicarbon.plan.prepare import fitted
from digicarbon.plan.runs import plan

EXPERIMENT = """defaults: [config, override /source: table, override /measure: none, override /outcome: none, _self_]
source: {path: panel.csv, unit: place, time: year}
model: {y: y, x: [x], controls: []}
inference: {draws: 99, intervals: false}
columns: {FE: {}}
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("units", "taken"),
    [
        ([f"u{i:02}" for i in range(20)], "the 5 nearest units"),
        ([*country().names[:20]], "W1, units that share a border"),
    ],
)
def test_neighbours_that_nobody_chose_are_recorded(
    units: list[str], taken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(rng.normal(size=(100, 2)), columns=["y", "x"])
    frame["place"], frame["year"] = np.repeat(units, 5), np.tile(range(2010, 2015), 20)
    frame[["longitude", "latitude"]] = rng.uniform(0, 5, size=(20, 2)).repeat(5, axis=0)
    frame.to_csv("panel.csv", index=False)
    Path("experiments").mkdir()
    Path("experiments/mine.yaml").write_text(EXPERIMENT, encoding="utf-8")
    assert main(["run", "mine", "executor=sequential", "--notes"]) == 0
    assert f"No W was chosen: tests take {taken}" in " ".join(capsys.readouterr().out.split())
    assert main(["rerun", "FE", "mine"]) == 0
    out = capsys.readouterr().out
    assert "a sweep would take this run as done" in out
    assert "all are equal" in out
    panel = dc.Panel.from_frame(pd.read_csv("panel.csv"), unit="place", time="year")
    model = dc.PanelRegression(y="y", x=("x",), draws=99, intervals=False)
    (run,) = plan(Composer(loader(), "mine", [])).runs
    pd.testing.assert_frame_equal(fitted(run.specs, run.prepared).estimates, model.fit(panel).estimates)
