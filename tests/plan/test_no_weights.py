"""``weights=none`` leaves tests without a W, whatever the data show; models that need one refuse it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from planning import experiment, planned

from digicarbon.errors import DigicarbonError
from digicarbon.model import PanelRegression
from digicarbon.panel import Panel
from digicarbon.plan.prepare import Preparation, fitted
from digicarbon.plan.runs import Run

OWN = """source: {path: panel.csv, unit: place, time: year}
model: {y: y, x: [x], controls: []}
inference: {draws: 99, intervals: false}
"""
DATA = ("source=table", "measure=none", "outcome=none")
PREPARATION = Preparation()


@pytest.fixture(autouse=True)
def _study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(rng.normal(size=(100, 2)), columns=["y", "x"])
    frame["place"], frame["year"] = np.repeat([f"u{i:02}" for i in range(20)], 5), np.tile(range(2010, 2015), 20)
    frame[["longitude", "latitude"]] = rng.uniform(0, 5, size=(20, 2)).repeat(5, axis=0)
    frame.to_csv("panel.csv", index=False)


def codes(run: Run) -> set[str]:
    return {note.code for note in (*run.prepared.notes, *fitted(run.specs, run.prepared).notes)}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (OWN, ("weights=none",)),
        (f"{OWN}columns: {{FE: {{weights: none}}}}", ()),
        (f"{OWN}grid: {{weights: [none]}}", ()),
    ],
)
def test_there_is_no_w_wherever_it_is_said(body: str, words: Sequence[str]) -> None:
    (run,) = planned(experiment(body), *DATA, *words, preparation=PREPARATION).runs
    assert run.prepared.weights is None
    assert {"wild_p", "wild_without_chosen"} <= codes(run)
    assert not {"nearby_places", "wild_without_space", "wild_without_places"} & codes(run)


def test_a_file_says_it() -> None:
    name = experiment(OWN)
    text = Path("experiments/mine.yaml").read_text(encoding="utf-8")
    Path("experiments/mine.yaml").write_text(text.replace("[config,", "[config, override weights: none,"))
    (run,) = planned(name, *DATA, preparation=PREPARATION).runs
    assert "wild_without_chosen" in codes(run)


def test_it_is_another_fit_than_one_with_a_w() -> None:
    body = f"{OWN}grid: {{weights: [none, k_nearest]}}"
    none, near = planned(experiment(body), *DATA, preparation=PREPARATION).runs
    assert none.label == "weights=none"
    assert none.key != near.key
    assert "wild_p_space" in codes(near)


@pytest.mark.parametrize("word", ["model=sdm", "model=sar"])
def test_a_model_that_needs_a_w_refuses_it(word: str) -> None:
    with pytest.raises(DigicarbonError, match=f"^command line: {word} needs spatial weights"):
        planned(experiment(OWN), *DATA, word, "weights=none", preparation=PREPARATION)


def test_python_takes_the_neighbours_that_a_panel_shows() -> None:
    panel = Panel.from_frame(pd.read_csv("panel.csv"), unit="place", time="year")
    model = PanelRegression(formula="y ~ x", draws=99, intervals=False)
    assert model.fit(panel).has_note("nearby_places")
    assert model.model_copy(update={"draws": 199}).fit(panel).has_note("nearby_places")
