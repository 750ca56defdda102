"""Joint tests of models of several packs."""

from __future__ import annotations

from pathlib import Path

import pytest
from joint_fits import experiment, fitted

from digicarbon.config.compose import Composer, loader
from digicarbon.plan.runs import plan
from digicarbon.sweep.joint import joint_test
from digicarbon.sweep.sweep import run as sweep


def test_models_with_weights_of_their_own_have_a_spatial_null(project: Path) -> None:
    spatial = experiment({"model": ["dynamic_sdm", "dynamic_sar", "unbalanced_spatial"]})
    found = joint_test(fitted("own_weights", spatial), draws=9)
    assert found.specifications == 3
    assert "null_without_lag" not in [note.code for note in found.notes]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "quantile_effects",
            ["source.n=20", "source.periods=6", 'report.term="x[0.9]"'],
        ),
        ("shift_share_overid", ["source.n=40", "source.periods=3"]),
    ],
)
def test_a_curve_of_models_without_a_null_model_says_once_that_there_is_no_test(
    project: Path, name: str, words: list[str]
) -> None:
    composer = Composer(loader(), name, ["report=curve", "report.pictures=[]", "report.draws=9", *words])
    done = sweep(composer, plan(composer, []))
    assert done.table is not None
    notes = tuple(map(str, done.table.notes))
    assert any(note.startswith("Coefficient of x") for note in notes)
    assert [note for note in notes if "oint test" in note] == [
        note for note in notes if "no fit under the null" in note
    ]
    assert sum("no fit under the null" in note for note in notes) == 1
