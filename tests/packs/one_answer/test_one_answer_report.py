"""One answer from many specifications: what its tables say of known estimates."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from digicarbon.errors import ConfigError, DataError
from digicarbon.note import Note
from digicarbon.packs.one_answer.picture.one_answer import filled
from digicarbon.packs.one_answer.report.evidence import LeftOut, Support
from digicarbon.report import Evidence, OneAnswer, Record, Report, SpecificationCurve, Table
from digicarbon.report.kinds import Kind, Multiverse, Part
from digicarbon.report.picture import plot_paths
from digicarbon.result import Result


def record(label: str, coef: float, p: float, lacking: tuple[str, ...] = (), **varied: Any) -> Record:
    """A run whose focal coefficient has this two-sided normal p value."""
    se = abs(coef) / norm.isf(p / 2)
    result = Result("ols", "ln_y", focal=("ln_x",), terms=("ln_x",), coef=np.array([coef]), covariance=[[se**2]])
    return Record(label, {}, varied, replace(result, covariance=np.array([[se**2]])), lacking=lacking)


@pytest.fixture(scope="module")
def records() -> list[Record]:
    """A grid of three choices; the sign flips in two runs, both two changes away from the first one."""
    found = []
    for measure, sample, controls in itertools.product("ab", ("full", "west"), ([], ["ln_k"])):
        coef = -1.0 + 0.3 * (measure == "b") + 0.2 * (sample == "west") + 0.1 * bool(controls)
        if (measure, sample) == ("b", "west"):
            coef = 0.5 + 0.25 * bool(controls)
        label = f"measure={measure}, sample={sample}, controls=[{','.join(controls)}]"
        found.append(record(label, coef, 0.01 if coef < 0 else 0.2, measure=measure, sample=sample, controls=controls))
    return found


def evidence(records: list[Record], **further: Any) -> Evidence:
    each = [
        Support(
            record.label,
            likelihood="y" if record.varied["sample"] == "full" else "west",
            loglik=-2.0 * record.varied["controls"].__len__(),
            parameters=2.0 + len(record.varied["controls"]),
            observations=100.0,
            correlation=-0.5 * len(record.varied["controls"]),
        )
        for record in records
    ]
    return Evidence("coefficient", None, each, **further)


def tables(table: Table) -> dict[str, Table]:
    """All tables by their titles."""
    out: dict[str, Table] = {}
    below: Table | None = table
    while below is not None:
        out[below.title] = below
        below = below.below
    return out


def test_comparable_specifications_are_averaged_with_the_weights_of_their_likelihoods(records: list[Record]) -> None:
    found = tables(OneAnswer(language=None).with_supplement(evidence(records)).table("T", records))
    first = found["T"].cells
    assert list(first.columns) == ["equal weights", "BIC", "BIC, diluted"]
    # the four runs of the full sample: two measures, with and without a control
    log = np.array([0.0, -2.0 - np.log(100) / 2, 0.0, -2.0 - np.log(100) / 2])
    coef = np.array([-1.0, -0.9, -0.7, -0.6])
    se = np.abs(coef) / norm.isf(0.005)
    for column, heights in (("equal weights", 0 * log), ("BIC", log), ("BIC, diluted", log - [0, 0.5, 0, 0.5])):
        weights = np.exp(heights) / np.exp(heights).sum()
        mean = weights @ coef
        assert float(first.loc["Posterior mean", column]) == pytest.approx(mean, abs=6e-5)
        sd = np.sqrt(weights @ (se**2 + (coef - mean) ** 2))
        assert float(first.loc["Posterior standard deviation", column]) == pytest.approx(sd, abs=6e-5)
        assert float(first.loc["ln_k", column]) == pytest.approx(weights[1] + weights[3], abs=6e-4)
    second = found["Averages of comparable specifications (2)"].cells
    assert float(second.loc["Posterior mean", "equal weights"]) == pytest.approx(np.mean([-0.8, -0.7, 0.5, 0.75]))


def test_likelihoods_have_the_power_of_the_largest_models_design_effect(records: list[Record]) -> None:
    """What is taken off for each parameter stays; without a design effect weights are those of earlier versions."""
    old = evidence(records).each
    effects = [
        replace(one, design_effect=3.0 + len(record.varied["controls"]), size=one.parameters, marginal="m")
        for one, record in zip(old, records, strict=True)
    ]
    each = [replace(one, log_marginal=one.loglik - one.parameters, marginal_loglik=one.loglik) for one in effects]
    # the largest model has the design effect 4
    with_power = [replace(one, loglik=one.loglik / 4) for one in old]
    with_power = [replace(one, marginal="m", log_marginal=one.loglik - one.parameters) for one in with_power]
    found, expected = (
        tables(OneAnswer(language=None).with_supplement(Evidence("coefficient", None, some)).table("T", records))
        for some in (each, with_power)
    )
    said = "k = 4.00"
    assert len(found) == len(expected)
    for title, table in found.items():
        assert table.cells.equals(expected[title].cells), title
    assert said in " ".join(found["T"].notes)
    assert "not recorded" in " ".join(expected["T"].notes)
    assert not any(said in note or "k =" in note for note in expected["T"].notes)


def test_evidence_of_earlier_versions_is_read(records: list[Record]) -> None:
    made = evidence(records)
    content = json.loads(made.to_json())
    for node in content["each"]:
        for name in ("design_effect", "size", "marginal_loglik"):
            del node[name]
    assert Evidence.from_json(json.dumps(content)).to_json() == made.to_json()


def test_the_probability_above_zero_is_that_of_the_runs_own_p(records: list[Record]) -> None:
    cells = OneAnswer(language=None).with_supplement(evidence(records)).table("T", records).cells
    # four estimates below zero with p = .01
    assert cells.loc["Probability that it is above zero", "equal weights"] == "0.005"


def test_without_recorded_likelihoods_weights_are_equal_and_the_table_says_so(records: list[Record]) -> None:
    table = OneAnswer(language=None).with_supplement(None).table("T", records)
    assert list(table.cells.columns) == ["equal weights"]
    assert any("report=one_answer" in note for note in table.notes)
    assert table.notes[0].startswith("8 specifications with equal weights: no two are known")
    # evidence of another number is none
    other = OneAnswer(language=None, quantity="total").with_supplement(evidence(records))
    assert list(other.table("T", records).cells.columns) == ["equal weights"]


def test_a_joint_test_that_is_not_recorded_is_named_unless_none_is_asked_for(records: list[Record]) -> None:
    evidence = Evidence("coefficient", None, ())
    for draws in (999, 0):
        report = OneAnswer(draws=draws).with_supplement(evidence)
        notes = [note for note in report.table("One answer", records).notes if "joint test is not recorded" in note]
        assert [("report.draws=" in note) for note in notes] == ([False] if draws else [])


def test_a_run_without_a_likelihood_is_named_with_the_reason(records: list[Record]) -> None:
    each = [*evidence(records).each[:-1], Support(records[-1].label, why=Note("why_no_likelihood", model="PanelIV"))]
    table = OneAnswer(language=None).with_supplement(Evidence("coefficient", None, each)).table("T", records)
    assert any(note.startswith("1 of 8 specifications has no likelihood") and "PanelIV" in note for note in table.notes)


def test_the_fewest_changes_that_flip_the_sign(records: list[Record]) -> None:
    found = tables(OneAnswer(language=None, decimals=2).table("T", records))["What takes the result away"]
    assert found.cells["Estimate"].to_dict() == {
        "main specification": "-1.00",
        "The other sign (changes needed: 2)": "",
        "measure=b; sample=west": "0.50",
        "No longer significant (changes needed: 2)": "",
    }
    assert any("other sign with p ≤ 0.05" in note for note in found.notes)


def test_another_main_specification(records: list[Record]) -> None:
    report = OneAnswer(language=None, decimals=2, main={"measure": "b", "controls": ["ln_k"]})
    found = tables(report.table("T", records))["What takes the result away"]
    assert "The other sign (changes needed: 1)" in found.cells.index
    assert found.cells["Estimate"]["sample=west"].tolist() == ["0.75", "0.75"]
    with pytest.raises(ConfigError, match="no run varies 'weights'"):
        OneAnswer(main={"weights": "w1"}).table("T", records)
    with pytest.raises(ConfigError, match=r"no specification has measure = c.*Values: a, b"):
        OneAnswer(main={"measure": "c"}).table("T", records)


def test_the_search_takes_the_best_step_each_time_and_says_where_it_ends(records: list[Record]) -> None:
    found = tables(OneAnswer(language=None, decimals=2).table("T", records))
    search = found["The search for the highest and the lowest specification"]
    assert list(search.cells.index) == [
        *("Towards the highest", "main specification", "→ measure=b", "→ sample=west", "→ controls=[ln_k]"),
        *("Towards the lowest", "main specification"),
    ]
    assert list(search.cells["Estimate"]) == ["", "-1.00", "-0.70", "0.50", "0.75", "", "-1.00"]
    assert "The search reaches the highest of all specifications in 3 steps." in search.notes
    # by the estimate over its standard error all significant runs are equal, so that no step leads on
    by_t = tables(OneAnswer(language=None, search="t").table("T", records))
    assert len(by_t["The search for the highest and the lowest specification"].cells) > 3


def test_shares_add_up_to_what_the_choices_explain(records: list[Record]) -> None:
    cells = tables(OneAnswer(language=None).table("T", records))["How much each choice explains"].cells
    share = cells["Shapley share"].str.rstrip("%").astype(float)
    assert share[["measure", "sample", "controls"]].sum() == pytest.approx(share["all choices, additive"], abs=0.16)
    assert share[["all choices, additive", "combinations of choices"]].sum() == pytest.approx(100, abs=0.11)


def test_a_choice_with_very_many_values_has_no_share_but_is_a_change() -> None:
    runs = [
        record(f"{seed}", 1.0 + seed / 1000 if seed else -1.0, 0.01, seed=seed, sample="ab"[seed % 2])
        for seed in range(120)
    ]
    found = tables(OneAnswer(language=None, decimals=2).table("T", runs))
    shares = found["How much each choice explains"]
    assert shares.cells.loc["seed", "Shapley share"] == "0.0%"
    assert any("more than 100 values" in note for note in shares.notes)
    assert "The other sign (changes needed: 1)" in found["What takes the result away"].cells.index


def left_out(records: list[Record]) -> LeftOut:
    whole = np.array([one.result.coef[0] for one in records])
    estimates = np.column_stack([whole, whole, whole + 0.6, np.where(whole < 0, np.nan, whole)])
    p = np.where(np.isnan(estimates), np.nan, 0.01)
    reasons = tuple((one.label, "C", Note("why_not_finite")) for one in records[:5])
    return LeftOut(tuple(one.label for one in records), ("A", "B", "C"), estimates, p, np.full(8, 0.1), reasons)


def test_units_that_move_the_curve_come_first(records: list[Record]) -> None:
    report = OneAnswer(language=None, decimals=2, leave_out=True, most_units=2)
    table = report.with_supplement(evidence(records, left_out=left_out(records))).table("T", records)
    found = tables(table)["The curve without one unit"]
    assert list(found.cells.index) == ["all units", "B", "A"]
    # -0.6 is then zero up to rounding
    assert found.cells.loc["B", "signs that change"] in ("0", "1")
    assert found.cells.loc["B", "change of the median"] == "0.60"
    assert found.cells.loc["A", "change of the median"] == "0.00"
    assert any("2 of 3 units" in note for note in found.notes)
    assert any(note.startswith("6 of these fits are lacking") for note in found.notes)


@pytest.mark.long
def test_kinds_that_are_not_equivalent_are_never_taken_together(records: list[Record]) -> None:
    labels = {
        sample: frozenset(one.label for one in records if one.varied["sample"] == sample) for sample in ("full", "west")
    }
    kinds = {"sample": Kind("uncertain", ("full", "west"))}
    parts = tuple(Part(f"sample={name}", {"sample": name}, True, own) for name, own in labels.items())
    report = OneAnswer(language=None, decimals=2).with_supplement(evidence(records))
    report = report.with_multiverse(Multiverse(kinds, parts))
    assert isinstance(report, OneAnswer)
    found = tables(report.table("T", records))
    assert float(found["T: sample=full"].cells.loc["Posterior mean", "equal weights"]) == pytest.approx(-0.8)
    shares = found["How much each choice explains: sample=west"].cells
    assert "sample" not in shares.index
    flips = found["What takes the result away: sample=full"]
    assert not any("other sign" in label for label in flips.cells.index)
    assert "None of the 4 specifications has the other sign." in flips.notes
    assert set(report.files("T", records)) == {
        f"{name}_sample_{part}.{kind}"
        for name in ("one_answer", "search")
        for part in ("full", "west")
        for kind in ("png", "svg")
    }


def test_a_choice_without_effect_is_no_change() -> None:
    runs = [
        record("fe", -1.0, 0.01, ("weights",), model="fe", weights="none"),
        record("sar w1", -0.5, 0.01, model="sar", weights="w1"),
        record("sar w2", 0.5, 0.01, model="sar", weights="w2"),
    ]
    found = tables(OneAnswer(language=None, decimals=2).table("T", runs))["What takes the result away"]
    assert "The other sign (changes needed: 1)" in found.cells.index
    assert found.cells["Estimate"]["model=sar (weights=w2)"].tolist() == ["0.50", "0.50"]


@pytest.mark.long
def test_pictures_and_words_in_both_languages(records: list[Record]) -> None:
    for language in ("en", "zh"):
        report = OneAnswer(language=language, leave_out=True).with_supplement(
            evidence(records, left_out=left_out(records))
        )
        files = report.files("T", records)
        assert {name.partition(".")[0] for name in files} == {"one_answer", "search", "without_units"}
        assert all(len(content) > 2000 for content in files.values())
        text = report.table("T", records).to_markdown()
        assert ("后验均值" in text) == (language == "zh")
        assert "{" not in text
    assert not OneAnswer(pictures=()).files("T", records)


def test_a_damaged_file_is_a_sentence() -> None:
    with pytest.raises(DataError, match=r"one_answer\.json"):
        Evidence.from_json("{}")


def test_runs_that_are_in_no_average_are_counted_and_named_by_their_option(records: list[Record]) -> None:
    each = list(evidence(records).each)
    each[-1] = Support(records[-1].label, why=Note("why_no_likelihood", model="random"))
    each[0] = replace(each[0], likelihood="of its own")
    report = OneAnswer(language="en", dilution=0).with_supplement(Evidence("coefficient", None, each))
    notes = report.table("T", records).notes
    assert any("1 of 8 specifications has no likelihood" in note and "random effects" in note for note in notes)
    assert any(note.startswith("1 of 8 specifications has a likelihood that compares with no other") for note in notes)
    assert not any(note.startswith("Diluted") for note in notes)
    none = [Support(one.label, why=Note("why_no_likelihood", model="gmm_difference")) for one in records]
    notes = OneAnswer(language="en").with_supplement(Evidence("coefficient", None, none)).table("T", records).notes
    assert notes[0].startswith("8 specifications with equal weights")
    # nothing was diluted
    assert not any(note.startswith("Diluted") for note in notes)


def test_a_choice_that_its_part_fixes_has_no_share() -> None:
    runs = [
        record(f"{model} {w} {y}", coef, 0.01, ("weights",) if model == "fe" else (), model=model, weights=w, y=y)
        for model, w, coef in (("fe", "none", -1.0), ("sar", "w1", -0.5), ("sar", "w2", 0.5), ("sdm", "w1", 0.7))
        for y in "ab"
    ]
    names = ("w1", "w2")
    labels = {w: frozenset(one.label for one in runs if one.varied["weights"] in (w, "none")) for w in names}
    parts = tuple(Part(f"weights={w}", {"weights": w}, True, labels[w]) for w in names)
    multiverse = Multiverse({"weights": Kind("uncertain", names)}, parts)
    report = OneAnswer(language=None).with_multiverse(multiverse)
    assert isinstance(report, OneAnswer)
    found = tables(report.table("T", runs))
    cells = found["How much each choice explains: weights=w1"].cells
    assert "weights" not in cells.index
    # the model has the whole share, none of which goes to the W that its regression lacks
    assert cells.loc["model", "Shapley share"] == cells.loc["model", "variance, alone"] == "100.0%"
    assert not any("none" in str(row) for row in found["T: weights=w1"].cells.index)


def test_outcomes_in_logarithms_and_levels_need_parts_of_their_own() -> None:
    runs = [record(f"{y} {x}", coef, 0.01, y=y, x=x) for y in ("ln_y", "y") for x, coef in (("a", 1.0), ("b", 2.0))]
    runs = [replace(one, result=replace(one.result, y=str(one.varied["y"]))) for one in runs]
    with pytest.raises(ConfigError, match="under kinds as uncertain"):
        OneAnswer(language=None).table("T", runs)
    labels = {y: frozenset(one.label for one in runs if one.varied["y"] == y) for y in ("ln_y", "y")}
    parts = tuple(Part(f"y={y}", {"y": y}, True, own) for y, own in labels.items())
    report = OneAnswer(language=None).with_multiverse(Multiverse({"y": Kind("uncertain", ("ln_y", "y"))}, parts))
    assert isinstance(report, OneAnswer)
    assert {"T: y=ln_y", "How much each choice explains: y=y"} <= set(tables(report.table("T", runs)))


def test_the_order_of_a_list_is_no_other_main_specification() -> None:
    runs = [record("a", 1.0, 0.01, controls=["k", "l"]), record("b", -2.0, 0.01, controls=["l"])]
    for main in ({"controls": ["l", "k"]}, {"controls": ["k", "l"]}, {}, None):
        found = tables(OneAnswer(language=None, decimals=1, main=main).table("T", runs))
        assert found["What takes the result away"].cells["Estimate"]["main specification"] == "1.0"


def test_a_row_of_fewer_fits_says_so(records: list[Record]) -> None:
    report = OneAnswer(language=None, leave_out=True).with_supplement(evidence(records, left_out=left_out(records)))
    cells = tables(report.table("T", records))["The curve without one unit"].cells
    fits = int(np.isfinite(left_out(records).estimates[:, 3]).sum())
    assert cells["fits"].to_dict() == {"all units": "", "A": "8/8", "B": "8/8", "C": f"{fits}/8"}


def test_a_model_with_all_the_weight_leaves_nothing_between_models(records: list[Record]) -> None:
    each = [replace(one, loglik=500.0 * (place == 0)) for place, one in enumerate(evidence(records).each)]
    table = (
        OneAnswer(language=None, dilution=0).with_supplement(Evidence("coefficient", None, each)).table("T", records)
    )
    cells = tables(table)["T"].cells
    assert cells.loc["between models", "BIC"] == "0.0000"


def in_units(*names: tuple[str, str]) -> list[Record]:
    """Runs of several outcomes and focal terms, of two samples each."""
    runs = []
    for (y, x), sample in itertools.product(names, "ab"):
        one = record(f"{y} {x} {sample}", 1.0 + len(runs), 0.01, **{"model.y": y, "model.x": x, "sample": sample})
        made = replace(one.result, y=y, focal=(x,), terms=(x,))
        runs.append(replace(one, result=made))
    return runs


def apart(records: list[Record], key: str) -> Multiverse:
    values = tuple(dict.fromkeys(str(one.varied[key]) for one in records))
    labels = {value: frozenset(one.label for one in records if one.varied[key] == value) for value in values}
    parts = tuple(Part(f"{key}={value}", {key: value}, True, own) for value, own in labels.items())
    return Multiverse({key: Kind("uncertain", values)}, parts)


@pytest.mark.parametrize("report", [OneAnswer(language=None), SpecificationCurve(language=None)])
def test_estimates_of_several_outcomes_or_variables_in_levels_are_not_taken_together_in_silence(report: Report) -> None:
    def said(runs: list[Record], of: Report = report) -> list[str]:
        return [note for note in of.table("T", runs).notes if "in levels are counted together" in note]

    (note,) = said(runs := in_units(("co2", "x"), ("so2", "x")))
    assert note.startswith("Estimates of several outcomes in levels are counted together (co2, so2)")
    assert "'model.y: uncertain' under kinds" in note
    assert not said(runs, report.with_multiverse(apart(runs, "model.y")))
    (note,) = said(runs := in_units(("ln_co2", "x"), ("ln_co2", "z")))
    assert note.startswith("Estimates of several variables in levels are counted together (x, z)")
    assert "'model.x: uncertain' under kinds" in note
    assert not said(runs, report.with_multiverse(apart(runs, "model.x")))
    # one outcome, logarithms, and their differences have one unit
    for names in ([("co2", "x")], [("ln_co2", "ln_x"), ("ln_so2", "ln_z")], [("D.ln_co2", "x"), ("D.ln_so2", "x")]):
        assert not said(in_units(*names))


def test_a_choice_that_only_some_of_a_group_have_is_not_said_of_all() -> None:
    runs = [
        record("fe", -1.0, 0.01, ("weights",), model="fe", weights="none"),
        record("sar w1", -0.5, 0.01, model="sar", weights="w1"),
        record("sar w2", 0.5, 0.01, model="sar", weights="w2"),
    ]
    each = [Support(one.label, likelihood="y" * (place < 2), loglik=1.0, parameters=1.0, observations=9.0)
            for place, one in enumerate(runs)]  # fmt: skip
    table = OneAnswer(language=None).with_supplement(Evidence("coefficient", None, each)).table("T", runs)
    assert {"none", "w1"} <= set(table.cells.index)
    assert not any(note.startswith("All of them") for note in table.notes)
    alike = [replace(one, likelihood="y" * (place > 0)) for place, one in enumerate(each)]
    table = OneAnswer(language=None).with_supplement(Evidence("coefficient", None, alike)).table("T", runs)
    assert "All of them: model=sar." in table.notes


def test_each_part_has_the_title_and_reasons_that_differ_in_the_model_are_one(records: list[Record]) -> None:
    report = OneAnswer(language=None).with_multiverse(apart(records, "sample"))
    titles = list(tables(report.table("T", records)))
    assert [title for title in titles if title.startswith("T: ")] == ["T: sample=full", "T: sample=west"]
    assert not any(title.startswith("Averages") for title in titles)
    models = ("random", "gmm_difference")
    each = list(evidence(records).each)
    for place, model in enumerate(models):
        each[place] = replace(each[place], likelihood="", why=Note("why_no_likelihood", model=model))
    found = OneAnswer(language=None).with_supplement(Evidence("coefficient", None, each)).table("T", records)
    (note,) = (note for note in found.notes if "no likelihood and" in note)
    assert note.startswith("2 of 8 specifications have no likelihood")
    assert all(model in note for model in models)


def test_what_is_said_of_w_needs_a_w(records: list[Record]) -> None:
    for in_space in (True, False):
        left = replace(left_out(records), in_space=in_space)
        report = OneAnswer(language=None, leave_out=True).with_supplement(evidence(records, left_out=left))
        (note,) = (
            note
            for note in tables(report.table("T", records))["The curve without one unit"].notes
            if "fitted again" in note
        )
        assert ("W is the same matrix" in note) == in_space
        again = Evidence.from_json(evidence(records, left_out=left).to_json()).left_out
        assert again is not None
        assert again.in_space == in_space


def test_lines_of_a_picture_end_between_words_and_an_extreme_beyond_the_path_has_a_mark() -> None:
    text = "→ 空间权重：borders；控制变量：第三产业、ctl_b；样本：nearest neighbours（权重：x）"
    for width in range(12, 60):
        lines = filled(text, width).split("\n")
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
        assert all(any(word in line for line in lines) for word in ("borders", "ctl_b", "nearest", "neighbours"))
        assert not any(line.startswith(("，", "；", "：", "、", "）")) for line in lines)
    assert max(map(len, filled("a bb ccc dddd " * 9, 20).split("\n"))) <= 20
    values = np.array([0.0, 1.0, 3.0])
    paths = {"towards the highest": (values[:2], ["a=b"]), "towards the lowest": (values[:1], [])}
    with_mark = plot_paths(values, paths, {"towards the highest": 3.0})
    without = plot_paths(values, paths, {})
    assert [float(line.get_xdata()[0]) for line in with_mark.axes[0].lines if len(line.get_xdata()) == 1] == [3.0]
    assert "circle" in with_mark.axes[-1].get_xlabel()
    assert "circle" not in without.axes[-1].get_xlabel()
