"""Where nobody chose a W, tests take the neighbours that the data show; a table without any says so."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import REPOSITORY

sys.path.append(str(REPOSITORY / "tests" / "plan"))

from test_requests import POLICY, PREPARATION

import digicarbon as dc
from digicarbon.config.compose import Composer, loader
from digicarbon.errors import WeightsError
from digicarbon.plan.expand import read_overrides
from digicarbon.plan.prepare import fitted
from digicarbon.plan.runs import plan

NEIGHBOURS = "unit,neighbour\n" + "".join(f"u{i:02},u{i + 1:02}\n" for i in range(1, 24))


def codes(*words: str) -> set[str]:
    """Return the codes of the notes of a run on places that no known country has."""
    given = [*POLICY, "executor=sequential", "model=did", "inference.draws=19", "inference.intervals=false", *words]
    plain, axes = read_overrides([word for word in given if word != "weights=k_nearest" or word in words], loader())
    (run,) = plan(Composer(loader(), "config", plain), axes, PREPARATION).runs
    return {note.code for note in (*run.prepared.notes, *fitted(run.specs, run.prepared).notes)}


def test_places_of_the_data_are_taken_and_the_table_says_so() -> None:
    assert {"nearby_places", "wild_p_space"} <= codes()
    assert "nearby_places" not in codes("inference.test=errors")
    assert "nearby_places" not in codes("weights=k_nearest")


def test_a_w_that_somebody_chose_has_no_other_in_its_place(tmp_path: Path) -> None:
    file = tmp_path / "neighbours.csv"
    file.write_text(NEIGHBOURS.replace("u23", "elsewhere"), encoding="utf-8")
    with pytest.raises(WeightsError, match="u23"):
        codes("weights=edges", f"weights.path={file}")


@pytest.mark.parametrize("words", [["weights=k_nearest"], ["weights=edges", "weights.path=FILE"]])
def test_the_words_of_the_note_give_the_run_a_w(words: list[str], tmp_path: Path) -> None:
    file = tmp_path / "neighbours.csv"
    file.write_text(NEIGHBOURS, encoding="utf-8")
    found = codes(*(word.replace("FILE", str(file)) for word in words))
    assert "wild_p_space" in found
    assert "wild_without_space" not in found


def test_a_declared_level_is_the_other_way() -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"unit": np.repeat(range(24), 6), "year": np.tile(range(6), 24)})
    frame["district"] = [f"d{unit // 3}" for unit in frame["unit"]]
    frame["y"], frame["x"] = rng.normal(size=(2, len(frame)))
    panel = dc.Panel.from_frame(frame, unit="unit", time="year")
    own, declared = (
        {note.code for note in dc.PanelRegression(y="y", x=("x",), cov="cluster", cluster=level).fit(panel).notes}
        for level in ("unit", "district")
    )
    assert "wild_without_space" in own
    assert "wild_p_by" in declared
    assert "wild_without_space" not in declared
