"""Experiments that choose from several packs."""

from __future__ import annotations

from pathlib import Path

import pytest

from digicarbon.__main__ import main

EXPERIMENT = """\
# what it is for
defaults: [base, override weights: w2_nested, _self_]
columns:
  (1): {model.controls: []}
  (2): {}
grid: {inference: [classic, cluster]}
exclude: [{inference: cluster, measure: ddl}]
"""


def test_an_experiment_is_told_by_what_it_is_made_of(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "experiments").mkdir()
    base = "defaults: [config, override model: sdm, _self_]\ntitle: A title\nmodel: {effects: time, durbin: all}\n"
    (folder / "experiments" / "base.yaml").write_text(base, encoding="utf-8")
    (folder / "experiments" / "mine.yaml").write_text(f"{EXPERIMENT}model: {{durbin: x}}\n", encoding="utf-8")
    for words in (["experiments", "mine"], ["experiments", "experiments/mine.yaml"], ["mine"]):
        assert main(["list", *words]) == 0
        assert capsys.readouterr().out.splitlines() == [
            "mine: what it is for",
            "  experiments/mine.yaml, inherits base > config",
            "  chooses weights=w2_nested model=sdm",
            "  sets model.effects=time model.durbin=x",
            "  column (1): model.controls=[]",
            "  column (2)",
            "  grid inference: [classic, cluster]",
            "  exclude: [{inference: cluster, measure: ddl}]",
        ]
    assert main(["list", "experiments", "paper"]) == 0
    assert "\n  runs table2_descriptive: Table 2: descriptive statistics of the main variables\n" in (
        capsys.readouterr().out
    )
    assert main(["list", "experiments", "mien"]) == 2
    assert "There is no experiment 'mien'. Did you mean 'mine'?" in capsys.readouterr().err
    (folder / "experiments" / "mine.yaml").write_text("defaults: [config, _self_]\nweights: w2\n", encoding="utf-8")
    assert main(["list", "mine"]) == 2
    assert "'weights: w2' does not choose an option" in capsys.readouterr().err
