"""Notes under Chinese tables are Chinese, whatever they are made of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import REPOSITORY
from english import english
from one_language import assert_chinese, assert_english, walk

from digicarbon.config.compose import Composer, loader
from digicarbon.data import note_words
from digicarbon.diagnostic._rows import Row, not_tested, table, where_possible
from digicarbon.errors import EstimationError
from digicarbon.note import Note, cut
from digicarbon.note._words import BETWEEN, ONE, Either, Field, places, template
from digicarbon.note.recorded import recognised
from digicarbon.plan.expand import read_overrides
from digicarbon.plan.runs import plan
from digicarbon.report import DiagnosticTable, Labels, Table, attributed
from digicarbon.report.base import Record, counted_notes
from digicarbon.result import Result
from digicarbon.sweep import sweep

pytestmark = pytest.mark.long

VARIED = {
    "robustness": ["draw.n=30", "report.draws=9"],
    "robustness_kinds": ["report.draws=9"],
    "table7_spatial_w1": ["model.durbin=all", "inference=cluster"],
    "threshold_one": ["model.resampling=units"],
    "threshold_two": ["model.sets=robust"],
    "unbalanced_spatial": ["model.test=errors"],
    "which_weights": ["diagnostic.draws=99", "model.kind=sar,sem"],
}
"""Experiments with choices that have other notes; as they ship they are read where all of them are fitted."""


DIAGNOSTICS = {
    "akm": ("shift_share_rotemberg", []),
    "bacon": ("policy_did", ["report=tests", "report.name=bacon"]),
    "balance": (
        "policy_did",
        [
            *("source.selection=1", "sample=matched", "sample.policy=pilot", "sample.covariates=[income,industry]"),
            *("columns=null", "report=tests", "report.name=balance"),
            *("+report.labels.income='收入'", "+report.labels.industry='工业'"),
        ],
    ),
    "bivariate_moran": ("table6_moran", ["report=moran", "measure=bea"]),
    "choice": ("spatial_choice", ["diagnostic.draws=9"]),
    "correlation": ("table3_baseline", ["report=correlation"]),
    "descriptive": ("table2_descriptive", []),
    "emission_factors": ("table3_baseline", ["outcome=intensity_fuels", "report=emission_factors"]),
    "group_comparison": ("table3_baseline", ["diagnostic.draws=99", "report=group_comparison"]),
    "honest": ("policy_event_study", ["~columns.imputation", "report=tests", "report.name=honest_bounds"]),
    "impulse_responses": ("dynamic_spatial_responses", []),
    "influence": ("table3_baseline", ["report=influence"]),
    "left_dependence": ("table3_baseline", ["report=left_dependence", "diagnostic.draws=99"]),
    "leads": ("policy_event_study", ["report=tests", "report.name=leads"]),
    "geary": ("table6_moran", ["report=geary"]),
    "getis_ord": ("table6_moran", ["report=getis_ord", "diagnostic.links=weights"]),
    "hot_spots": ("table6_moran", ["~columns.W2", "report=hot_spots"]),
    "local_effects": ("local_effects", []),
    "local_moran": ("table6_moran", ["report=lisa"]),
    "marginal_effects": ("moderation_income", ["report=tests", "report.name=johnson_neyman"]),
    "moran": ("table6_moran", []),
    "negative_weights": ("policy_did", ["report=tests", "report.name=negative_weights"]),
    "omitted_variable": ("sensitivity_controls", []),
    "oster": ("sensitivity_controls", []),
    "panel_choice": ("table3_baseline", ["report=panel_choice"]),
    "placebo_laws": ("placebo_laws", ["diagnostic.laws=99"]),
    "placebo_space": (
        "policy_did",
        ["columns=null", "diagnostic.draws=99", "report=tests", "report.name=placebo_space"],
    ),
    "placebo_time": ("policy_event_study", ["report=tests", "report.name=placebo_time"]),
    "rotemberg": ("shift_share_rotemberg", []),
    "spatial_choice": ("which_weights", ["diagnostic.draws=99", "model.kind=sar,sem"]),
    "spatial_mediation": ("mediation_space", []),
    "spatial_tests": ("table7_spatial_w1", ["diagnostic.draws=9", "report=tests", "inference=classic"]),
    "turning_points": ("table5_nonlinear", ["report=tests", "report.name=turning_points"]),
    "values": ("figures_3_5_maps", []),
    "vif": ("table3_baseline", ["report=vif"]),
    "wild_bootstrap": ("table3_baseline", ["diagnostic.draws=99", "report=wild_bootstrap"]),
}
"""Experiment and choices with which each diagnostic is shown."""


@pytest.mark.parametrize("name", VARIED)
def test_an_experiment_with_other_choices_is_in_one_language(name: str, project: Path) -> None:
    plain, axes = read_overrides(["executor=sequential", "report.language=zh", *VARIED[name]], loader())
    composer = Composer(loader(), name, plain)
    planned = plan(composer, axes)
    found = sweep.run(composer, planned)
    assert found.failures == []
    assert_chinese(found.table)
    # the same results again, without a fit
    composer = Composer(loader(), name, [*plain, "report.language=en"])
    again = sweep.run(composer, plan(composer, axes))
    assert again.kept == len(planned.runs)
    assert_english(again.table)


def test_every_diagnostic_is_shown() -> None:
    options = {path.stem for path in (REPOSITORY / "conf" / "diagnostic").glob("*.yaml")}
    assert set(DIAGNOSTICS) == options - {"none"}


@pytest.mark.parametrize("option", DIAGNOSTICS)
def test_cells_of_a_diagnostic_are_chinese_when_they_are_fitted_and_when_they_are_read(
    option: str, project: Path
) -> None:
    name, words = DIAGNOSTICS[option]
    # the second report differs, so that its table is made of what the store has
    fitted, stored = (
        table_of(name, ["report.language=zh", f"diagnostic={option}", *words, *more])
        for more in ([], ["+report.labels.nothing=nothing"])
    )
    assert str(fitted) == str(stored)
    for part in walk(stored):
        cells = [str(cell) for cell in (*part.cells.index, *part.cells.to_numpy().ravel())]
        assert cells
        for cell in cells:
            # units are called as the data call them
            unit = next((place for place in places() if cell.endswith(place)), "")
            assert english(cell.removesuffix(unit)) == [], cell


def test_the_reason_of_a_test_that_was_not_made_is_in_the_language_of_the_table() -> None:
    def refused() -> list[Row]:
        raise EstimationError(Note("explained_exactly", y="ln_ci"))

    rows = [*where_possible("LM", refused), Row("Hausman", not_tested(Note("no_random_form", kind="slx")))]
    result = Result("sar", "ln_ci", tables={"tests": table(rows).set_index("test")})
    english_cells, chinese_cells = (
        DiagnosticTable(name="tests", language=language).table("t", [Record("A", {}, {}, result)]).cells
        for language in ("en", "zh")
    )
    assert all(cell.startswith("Not tested: ") for cell in english_cells.iloc[:, 0])
    for cell in chinese_cells.iloc[:, 0]:
        assert cell.startswith("未检验：")
        assert english(cell.replace("slx", "")) == []


def table_of(name: str, words: list[str]) -> Table:
    plain, axes = read_overrides(["executor=sequential", *words], loader())
    composer = Composer(loader(), name, plain)
    made = sweep.run(composer, plan(composer, axes))
    assert made.failures == []
    assert made.table is not None
    return made.table


def shown(code: str, specimen: str, one: bool) -> str:
    """Return the English words of a note, a specimen in place of each field that is no number."""
    pieces = []
    for piece in template(code, "en"):
        if isinstance(piece, Either):
            pieces.append(piece.one if one else piece.many)
        elif isinstance(piece, Field):
            pieces.append(specimen_of(piece.kind, specimen, one))
        else:
            pieces.append(piece)
    return "".join(pieces)


def specimen_of(kind: str, words: str, one: bool) -> str:
    if kind in ("", *ONE):
        return words
    if kind in BETWEEN:
        return words if one else BETWEEN[kind]["en"].join([words, words])
    return format(1 if one else 7, kind)


FRAMES = {"of_runs", "and_more", "of_labels", "sentences", "span", "cell", "unit_of_variable", "clusters_of_period"}
FRAMES |= {"counted", "others_of_cell", "difference_of", "several_terms", "sweep_effect"}
"""Notes around others, which no earlier version recorded."""
WHOLE = [
    code
    for code in note_words()
    if code not in FRAMES
    and any(isinstance(piece, str) and re.search("[A-Za-z]", piece) for piece in template(code, "en"))
]


@pytest.mark.parametrize("one", [True, False])
def test_a_sentence_that_was_recorded_is_read_as_the_note_that_it_was(one: bool) -> None:
    """No sentence is taken for another one that stands before it."""
    for code in WHOLE:
        said = shown(code, "so so", one)
        found = recognised(said)
        assert (str(found), found.code) == (said, code)
        assert Labels("en").notes([found]) == Labels().notes([found]) == (said,), code
        assert english(found.text("zh").replace("so so", "")) == [], code


def test_sentences_one_after_the_other_are_read_as_several_notes() -> None:
    found = recognised(
        "There is no variance between units. Two-sided: a negative deviation counts as much as a positive one."
    )
    assert [note.code for note in found["said"]] == ["no_variance_units", "squared_deviation"]
    assert found.text("zh") == "个体之间没有方差。双侧检验：负偏离与正偏离同等计入。"


def test_the_words_of_a_note_have_the_same_fields_in_both_languages_and_no_english() -> None:
    for code in note_words():
        fields = [{piece for piece in template(code, one) if isinstance(piece, Field)} for one in ("en", "zh")]
        assert fields[0] == fields[1], code
        assert english("".join(piece for piece in template(code, "zh") if isinstance(piece, str))) == [], code


def test_labels_of_runs_stay_and_numbers_of_runs_are_chinese() -> None:
    def zh(labels: list[str], runs: int, note: Note) -> str:
        others = [(f"other{k}", ()) for k in range(runs - len(labels))]
        (found,) = Labels("zh").notes(attributed([*((label, (note,)) for label in labels), *others]))
        return found

    classic = Note("errors_are", errors=Note("classic"))
    assert zh(["fe", "twfe"], 3, classic) == "fe, twfe：标准误：经典（同方差）。"
    assert zh([f"{letter}x" for letter in "abcde"], 12, classic) == "ax, bx, cx, dx, ex：标准误：经典（同方差）。"
    boundary = recognised("rho lies at the boundary of its range (-2.0000, 1.0000): standard errors are not reliable.")
    assert Labels("zh").notes(counted_notes({boundary: 1, classic: 9}, 9)) == (
        "9个回归中的1个：ρ位于其取值范围（-2.0000, 1.0000）的边界：标准误不可靠。",
        "标准误：经典（同方差）。",
    )
    assert Labels("zh").notes([Note("of_runs", runs=3, every=12, note=classic)]) == (
        "12个回归中的3个：标准误：经典（同方差）。",
    )
    several = Note("of_labels", labels=cut(["a=1", "a=2", "a=3", "a=4", "a=5"], 2), note=classic)
    assert Labels("zh").notes([several]) == ("a=1, a=2等，另有3个：标准误：经典（同方差）。",)
    assert str(several) == "a=1, a=2 and 3 more: Standard errors: classic."


def test_variables_and_provinces_in_notes_are_called_as_in_the_table() -> None:
    said = [
        "Two-stage least squares: ln_e instrumented by L.ln_e, z. That the instruments affect ln_ci through it alone "
        "is a claim that the data cannot prove.",
        "Fuels without a value are taken as unused: coke Hainan 2015, coal Inner Mongolia 2016 and 3 more.",
        "Singletons: Beijing, Inner Mongolia has one observation only, which its unit effect explains entirely; it "
        "says nothing of the slopes but is counted (Stata's reghdfe leaves such rows out).",
    ]
    iv, fuels, single = Labels("zh", {"z": "历史邮局数"}).notes(map(recognised, said))
    assert iv.startswith("两阶段最小二乘法（2SLS）：ln(数字经济)的工具变量为ln(数字经济)（滞后1期）、历史邮局数。")
    assert fuels == "无数值的燃料视为未使用：焦炭 海南 2015、煤炭 内蒙古 2016等，另有3个。"
    assert single.startswith("单一观测：北京、内蒙古只有一个观测值，完全由其个体固定效应解释")
    cells = [Note("cell", parts=parts) for parts in (("coke", "Hainan", "2015"), ("coal", "Inner Mongolia", "2016"))]
    made = Note("fuels_unused", cells=Note("and_more", items=cells, more=3))
    assert (str(made), made.text("zh", Labels("zh"))) == (said[1], fuels)


@pytest.mark.parametrize(
    "own", ["Preliminary.", "My own source: a file.", "注：初稿。", "", "Left out for want of care"]
)
def test_a_sentence_of_ones_own_stays(own: str) -> None:
    assert Labels("zh").notes([own]) == Labels("zh").notes([recognised(own)]) == (own,)
