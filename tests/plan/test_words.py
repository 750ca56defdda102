"""Words of an experiment and of the options of its runs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import digicarbon as dc
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


def test_columns_of_ones_own_file_have_labels_of_the_file_alone(project: Path) -> None:
    rows = [
        (f"c{unit}", year, *(1 + (unit * k + year) % 7 for k in range(1, 5)))
        for unit in range(6)
        for year in range(1, 5)
    ]
    frame = pd.DataFrame(rows, columns=["city", "year", "ci", "digital", "pgdp", "e"])
    frame.to_csv(project / "mine.csv", index=False)
    frame.to_stata(project / "mine.dta", write_index=False, variable_labels={"ci": "Cost index", "digital": "Score"})
    text = """
defaults: [config, override source: table, override measure: none, override outcome: none, override weights: none,
  _self_]
source: {path: mine.csv, unit: city, time: year}
model: {y: ln_ci, x: [ln_digital], controls: [L.ln_e, ln_pgdp]}
"""
    (project / "experiments").mkdir(exist_ok=True)
    (project / "experiments/mine.yaml").write_text(text, encoding="utf-8")

    named = "defaults: [mine, _self_]\nlabels: {ci: Carbon}\n"
    (project / "experiments/named.yaml").write_text(named, encoding="utf-8")

    def called(*overrides: str, experiment: str = "mine") -> list[str]:
        composer = Composer(loader(), experiment, list(overrides))
        words = settings_for(composer, plan(composer)).report.words
        return [words(term) for term in ("ln_ci", "ln_digital", "L.ln_e", "ln_e^2", "ln_pgdp", "W_ln_e")]

    assert called() == ["ln_ci", "ln_digital", "L.ln_e", "ln_e^2", "ln_pgdp", "W_ln_e"]
    assert called("source.path=mine.dta") == ["ln(Cost index)", "ln(Score)", "L.ln_e", "ln_e^2", "ln_pgdp", "W_ln_e"]
    assert called("source.path=mine.dta", experiment="named")[0] == "ln(Carbon)"
    assert called("report.language=zh")[0] == "ln_ci"


def test_a_table_of_python_has_no_words_of_the_package_for_variables() -> None:
    frame = pd.DataFrame({"u": [*"aabbcc"], "t": [1, 2] * 3, "ci": [1.0, 2, 3, 5, 4, 1], "e": [2.0, 1, 4, 4, 1, 3]})
    result = dc.PanelRegression(y="ci", x="e", effects="unit", cov="classic", test="errors").fit(
        dc.Panel.from_frame(frame, "u", "t")
    )
    assert dc.table([result]).cells.index[0] == "e"
    assert dc.table([result], words={"e": "Effort"}).cells.index[0] == "Effort"
