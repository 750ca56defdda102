"""Words of an experiment and of the options of its runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from digicarbon.__main__ import main
from digicarbon.config.compose import Composer, loader
from digicarbon.errors import ConfigError
from digicarbon.plan.runs import plan
from digicarbon.plan.words import labels
from digicarbon.sweep.sweep import settings_for

MINE = """
defaults: [w2_nested, _self_]
labels: {"weights=mine": Roads, W: by road}
"""
EXPERIMENT = """
defaults: [config, override executor: sequential, _self_]
title: Own words
source:
  labels: {ln_e: Size, ln_pgdp: Wealth, ln_population: People}
labels: {ln_pgdp: Income, model.effects: Dummies, ln_population: Heads}
report:
  labels: {ln_population: Inhabitants}
grid:
  weights: [w1_adjacency, mine]
  model: [sdm]
model: {effects: two_way}
inference: {test: errors}
"""


@pytest.fixture
def own(project: Path) -> Path:
    for folder in ("conf/weights", "experiments"):
        (project / folder).mkdir(parents=True, exist_ok=True)
    (project / "conf/weights/mine.yaml").write_text(f"# roads{MINE}", encoding="utf-8")
    (project / "experiments/own.yaml").write_text(f"# own words{EXPERIMENT}", encoding="utf-8")
    return project


def test_source_options_experiment_and_report_are_merged_in_this_order(own: Path) -> None:
    composer = Composer(loader(), "own", ["inference=classic"])
    planned = plan(composer)
    words = labels(composer, planned)
    assert words == {
        "ln_e": "Size",
        "ln_pgdp": "Income",
        "ln_population": "Heads",
        "weights=mine": "Roads",
        "W": "by road",
        "model.effects": "Dummies",
    }
    report = settings_for(composer, planned).report
    assert report.words("ln_population") == "Inhabitants"
    assert report.words("ln_pgdp") == "Income"
    assert report.words.option("weights", "mine") == "Roads"


def test_words_change_no_number(own: Path) -> None:
    plain = (own / "experiments/own.yaml").read_text(encoding="utf-8")
    keys = [run.key for run in plan(Composer(loader(), "own", ["inference=classic"])).runs]
    without = "".join(
        line for line in plain.splitlines(keepends=True) if "labels" not in line and "source:" not in line
    )
    (own / "experiments/other.yaml").write_text(without.replace("report:\n", ""), encoding="utf-8")
    assert [run.key for run in plan(Composer(loader(), "other", ["inference=classic"])).runs] == keys


@pytest.mark.long
def test_a_recorded_sweep_has_the_words_again(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "own", "inference=classic", "report=signs"]) == 0
    table = capsys.readouterr().out
    assert "Roads" in table
    (own / "conf/weights/mine.yaml").unlink()
    assert main(["report", "own", "report=coefficients", "report.language=zh", "--out", "page"]) == 0
    page = (own / "page/index.html").read_text(encoding="utf-8")
    assert "Roads" in page
    assert "Size" in page


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("labels: [e]", r"labels must be a mapping of names to their words, e\.g\. `e: Digital economy`; got \['e'\]"),
        ("labels: {e: 5}", r"labels\.e must be a text; got 5"),
        ("source: {labels: {e: [a]}}", r"source\.labels\.e must be a text; got \['a'\]"),
        ("source: {labels: Size}", r"source\.labels must be a mapping of names to their words"),
    ],
)
def test_words_of_a_wrong_kind_are_refused(lines: str, message: str, project: Path) -> None:
    (project / "experiments").mkdir(exist_ok=True)
    (project / "experiments/wrong.yaml").write_text(f"# wrong\ndefaults: [config, _self_]\n{lines}\n", encoding="utf-8")

    def settings() -> None:
        composer = Composer(loader(), "wrong", ["inference=classic"])
        settings_for(composer, plan(composer))

    with pytest.raises(ConfigError, match=message):
        settings()
