"""Borders of provinces that nobody chose are named below the table, and have the numbers of those that somebody did."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from planning import experiment, planned

from digicarbon.country import country
from digicarbon.plan.prepare import Preparation, fitted

OWN = """source: {path: panel.csv, unit: place, time: year}
model: {y: y, x: [x], controls: []}
"""
DATA = ("source=table", "measure=none", "outcome=none")


@pytest.fixture(autouse=True)
def _study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame(np.random.default_rng(5).normal(size=(150, 2)), columns=["y", "x"])
    frame["place"], frame["year"] = np.repeat(country().names, 5), np.tile(range(2010, 2015), 30)
    frame.to_csv("panel.csv", index=False)


def test_borders_of_the_default_are_said_to_be_nobodys_choice() -> None:
    (own,) = planned(experiment(OWN), *DATA).runs
    (chosen,) = planned(experiment(OWN), *DATA, "weights=w1_adjacency").runs
    assert "nearby_borders" in {note.code for note in own.prepared.notes}
    assert "nearby_borders" not in {note.code for note in chosen.prepared.notes}
    assert own.key == chosen.key
    assert own.recorded["weights"] == {"_target_": "digicarbon.weights.NearbyWeights"}


@pytest.mark.parametrize("words", [("inference.test=errors",), ("model=sdm", "weights=w1_adjacency")])
def test_there_is_no_note_where_tests_have_no_w_or_models_their_own(words: tuple[str, ...]) -> None:
    (run,) = planned(experiment(OWN), *DATA, *words).runs
    assert "nearby_borders" not in {note.code for note in run.prepared.notes}


def test_a_name_that_is_no_province_is_why_there_are_no_borders() -> None:
    Path("panel.csv").write_text(Path("panel.csv").read_text(encoding="utf-8").replace("Beijing", "Capital"))
    words = ("inference.draws=19", "inference.intervals=false")
    (run,) = planned(experiment(OWN), *DATA, *words, preparation=Preparation()).runs
    (said,) = [str(note) for note in fitted(run.specs, run.prepared).notes if note.code == "wild_without_places"]
    assert "not among them: Capital" in said
