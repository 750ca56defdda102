"""Notes under Chinese tables are Chinese, whatever they are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from digicarbon.config.compose import Composer, loader
from digicarbon.data import notes
from digicarbon.plan.expand import read_overrides
from digicarbon.plan.runs import plan
from digicarbon.report import Labels, Table
from digicarbon.sweep import sweep

PROPER = set(
    re.findall(
        r"\S+",
        """
        Anderson-Rubin CEADs Cragg-Donald Driscoll-Kraay Guan Hansen Holsteen Kraay Lee Lee-Yu Lind-Mehlum Nelson
        Newey-West Shan Simmons Simonsohn Staiger Stock TOPSIS Leontief Windmeijer Yogo Young Yu al et Conley
        CJK Noto Sans Stata fixest ivreg plm reghdfe dofminus
        Baltagi Breusch Breusch-Pagan Driscoll-Kraay Feng Hausman Juodis Kao King LR LM LSDV Pagan Pesaran Reese SAR SDM
        SEM Wald Wooldridge Wu sigmaless sigmamore xtserial xttest xttest0 CD CDw
        AR CO GDP GG HC LIML PLACEBO SIMULATED SLS beta delta gamma lambda ln rho sigma theta tr wild
        fe original revised sdm stata
        """,
    )
)
"""Names of people, programs, data, parameters and options."""
SPECIMENS = {"n": ("7.5", "7.5"), "list": ("alpha, omega", "alpha、omega"), "name": ("so so", "so so")}
EXPERIMENTS = {
    "table3_baseline": [],
    "robustness_emissions": [],
    "robustness_gmm": [],
    "robustness_iv": [],
    "model_choice": [],
    "spatial_choice": ["diagnostic.draws=9"],
    "table5_nonlinear": [],
    "table6_moran": [],
    "table7_spatial_w1": ["model.durbin=all", "inference=cluster"],
    "table9_10_regions": [],
    "figures_3_5_maps": [],
    "placebo_measure": ["measure.permute=1,2,3"],
    "placebo_weights": ["weights.seed=1,5"],
    "robustness": ["draw.n=30", "report.draws=9"],
}
DECIDING = ("model_choice", "spatial_choice", "table5_nonlinear")
"""Experiments whose tables have sentences in their cells."""


def english(note: str) -> list[str]:
    """Words of a note that are neither names nor written as a specification writes them."""
    plain = re.sub(r"`[^`]*`|'[^']*'|\S*[=_.]\w\S*", " ", note)
    return [word for word in re.findall(r"[A-Za-z][A-Za-z-]+", plain) if word not in PROPER]


def walk(table: Table | None) -> Iterator[Table]:
    while table is not None:
        yield table
        table = table.below


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_notes_of_a_shipped_experiment_are_chinese(name: str, project: Path) -> None:
    plain, axes = read_overrides(["executor=sequential", "report.language=zh", *EXPERIMENTS[name]], loader())
    composer = Composer(loader(), name, plain)
    planned = plan(composer, axes)
    found = sweep.run(composer, planned)
    assert found.failures == []
    assert found.table is not None
    assert found.table.title.endswith("（SIMULATED：模拟数据）")
    said = [note for table in walk(found.table) for note in table.notes]
    assert len(said) > 1
    if name in DECIDING:
        for text in [str(cell) for table in walk(found.table) for cell in table.cells.to_numpy().ravel()]:
            assert english(text) == [], text
    # the labels of columns are their author's, and so is what several have in common, e.g. ``outcome=total``
    labels = [run.label for run in planned.runs]
    parts = {part for label in labels for part in label.split(", ")}
    for note in said:
        head, colon, rest = note.partition("：")
        shown = rest if colon and set(head.split(", ")) <= parts else note
        for label in labels:
            shown = shown.replace(label, "")
        assert english(shown) == [], note


@pytest.mark.parametrize("sentence", notes())
def test_every_sentence_has_its_own_translation(sentence: str) -> None:
    """No sentence is taken for another one that stands before it."""
    said, expected = sentence, notes()[sentence]
    for part in dict.fromkeys(re.findall(r"\{(\w+)\}", sentence)):
        specimen, translated = SPECIMENS.get(part.rstrip("0123456789"), SPECIMENS["name"])
        said, expected = said.replace(f"{{{part}}}", specimen), expected.replace(f"{{{part}}}", translated)
    for choice in (r"\1", r"\2"):
        one = re.sub(r"\[([^\[\]]*)\|([^\[\]]*)\]", choice, said)
        assert Labels("zh").notes([one]) == (expected,)
        assert Labels("en").notes([one]) == Labels().notes([one]) == (one,)


@pytest.mark.parametrize(("english_words", "chinese_words"), notes().items())
def test_a_translation_has_the_parts_of_its_sentence_and_no_english(english_words: str, chinese_words: str) -> None:
    assert set(re.findall(r"\{\w+\}", english_words)) == set(re.findall(r"\{\w+\}", chinese_words))
    assert english(re.sub(r"\{\w+\}", "", chinese_words)) == []


def test_labels_of_runs_stay_and_numbers_of_runs_are_chinese() -> None:
    zh = Labels("zh").notes
    classic = "Standard errors: classic."
    assert zh([f"fe, twfe: {classic}"]) == ("fe, twfe：标准误：经典（同方差）。",)
    assert zh([f"classic, classic: {classic}"]) == ("classic, classic：标准误：经典（同方差）。",)
    assert zh([f"3 of 12 runs: {classic}"]) == ("12个回归中的3个：标准误：经典（同方差）。",)
    assert zh([f"a=1, a=2 and 3 more: {classic}"]) == ("a=1, a=2等，另有3个：标准误：经典（同方差）。",)
    boundary = "rho lies at the boundary of its range (-2.0000, 1.0000): standard errors are not reliable."
    assert zh([f"1 of 9 runs: {boundary}"]) == (
        "9个回归中的1个：ρ位于其取值范围（-2.0000, 1.0000）的边界：标准误不可靠。",
    )


def test_variables_and_provinces_in_notes_are_called_as_in_the_table() -> None:
    said = [
        "Two-stage least squares: ln_e instrumented by L.ln_e, z. That the instruments affect ln_ci through it alone "
        "is a claim that the data cannot prove.",
        "Fuels without a value are taken as unused: coke Hainan 2015, coal Inner Mongolia 2016 and 3 more.",
        "Singletons: Beijing, Inner Mongolia has one observation only, which its unit effect explains entirely; it "
        "says nothing of the slopes but is counted (Stata's reghdfe leaves such rows out).",
    ]
    iv, fuels, single = Labels("zh", {"z": "历史邮局数"}).notes(said)
    assert iv.startswith("两阶段最小二乘法（2SLS）：ln(数字经济)的工具变量为ln(数字经济)（滞后1期）、历史邮局数。")
    assert fuels == "无数值的燃料视为未使用：焦炭 海南 2015、煤炭 内蒙古 2016等，另有3个。"
    assert single.startswith("单一观测：北京、内蒙古只有一个观测值，完全由其个体固定效应解释")


@pytest.mark.parametrize(
    "own", ["Preliminary.", "My own source: a file.", "注：初稿。", "", "Left out for want of care"]
)
def test_a_note_without_a_pattern_stays(own: str) -> None:
    assert Labels("zh").notes([own]) == (own,)
