"""Each column of the study has the truth of its measure."""

from __future__ import annotations

from pathlib import Path

from digicarbon.config.compose import Composer, loader
from digicarbon.plan.runs import plan


def test_each_column_has_the_truth_of_its_measure(project: Path) -> None:
    composer = Composer(loader(), "table5_nonlinear", ["executor=sequential"])
    runs = {run.label: run for run in plan(composer).runs}
    for label, driver in (("N(1)", "sector1"), ("N(2)", "sector2"), ("N(3)", "ddl")):
        note = str(runs[label].prepared.notes[-1])
        assert f"driver ln {driver}, true coefficients" in note
    assert runs["N(3)"].specs.model.x == ("ln_ddl", "ln_ddl^2", "ln_ddl^3")
