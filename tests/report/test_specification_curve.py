"""The curve's summary by hand, what is refused, and the numbers in its picture."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from roles import made_roles, spatial_roles
from scipy.stats import norm

from digicarbon.errors import ConfigError
from digicarbon.report import Joint, Record, SpecificationCurve
from digicarbon.report.picture import Strip, plot_specification_curve
from digicarbon.report.picture.specification_curve import DOWN, FEW, ROW, UP
from digicarbon.result import Effects, Resampled, Result


def record(
    coef: float, p: float, term: str = "ln_x", y: str = "ln_y", simulated: bool = False, **varied: Any
) -> Record:
    """A run whose focal coefficient has this two-sided normal p value."""
    se = abs(coef) / norm.isf(p / 2)
    result = Result("ols", y, focal=(term,), terms=(term,), coef=np.array([coef]), covariance=np.array([[se**2]]))
    return Record(f"run {coef}", {}, varied, result, simulated=simulated)


def spatial(total: float, **varied: Any) -> Record:
    """A run with a coefficient of 9 and a total effect."""
    effects = Effects(("ln_x",), np.array([[0.5], [total - 0.5], [total]]), np.full((3, 1), 0.1))
    result = Result(
        "sdm",
        "ln_y",
        focal=("ln_x",),
        terms=("ln_x", "W_ln_x", "rho"),
        roles=spatial_roles(("ln_x", "W_ln_x", "rho")),
        coef=np.array([9.0, 1.0, 0.3]),
        covariance=np.eye(3),
        spatial_effects=effects,
    )
    return Record(f"spatial {total}", {}, varied, result)


@pytest.fixture(scope="module")
def records() -> list[Record]:
    """A full grid of measure, sample and subsets of two controls; the sample moves the estimate by 1."""
    grid = itertools.product("ab", ("full", "west"), ([], ["ln_k"], ["ln_k", "ln_q"]))
    return [
        record(
            0.1 + (measure == "b") * 0.2 + (sample == "west") - 0.05 * ("ln_k" in controls),
            0.01 if sample == "west" else 0.5,
            measure=measure,
            sample=sample,
            controls=controls,
        )
        for measure, sample, controls in grid
    ]


def test_the_summary_counts_and_the_influence_finds_what_moves(records: list[Record]) -> None:
    table = SpecificationCurve(language=None, decimals=3).table("Curve", records)
    cells = table.cells["all"]
    coef = np.array([one.result.coef[0] for one in records])
    assert cells["specifications"] == "12"
    assert float(cells["median"]) == pytest.approx(np.median(coef), abs=5e-4)
    assert cells["significant +"] == "6 (50%)"
    assert cells["negative"] == "0 (0%)"
    assert float(cells["modelling standard error"]) == pytest.approx(coef.std(), abs=5e-4)
    below = table.below
    assert below is not None
    assert list(below.cells.index) == [
        *("measure", "a", "b", "sample", "full", "west"),
        *("controls", "ln_k", "ln_q", "all choices, additive"),
    ]
    assert below.cells.loc["west", "moves it by"] == "+1.000"
    assert below.cells.loc["west", "points"] == "+100.0"
    assert below.cells.loc["ln_k", "moves it by"] == "-0.050"
    assert below.cells.loc["all choices, additive", "variance, alone"] == "100.0%"
    assert "'sample' accounts for the largest part" in below.notes[0]


@pytest.mark.parametrize("known", [True, False])
def test_a_choice_without_effect_for_some_values_of_another_one_hides_none_of_these(known: bool) -> None:
    """The dummy ignores the comparison; where a store does not say so, ``none`` is a value like others."""
    grid = [("dummy", "none"), *itertools.product(("stacks", "cohorts"), ("never", "not_yet"))]
    runs = [
        replace(
            record(
                {"dummy": 1.0, "stacks": 2.0, "cohorts": 2.5}[estimator] + 0.25 * (compare == "not_yet") + early,
                0.01,
                estimator=estimator,
                compare=compare,
                early=early,
            ),
            lacking=("compare",) if known and estimator == "dummy" else (),
        )
        for (estimator, compare), early in itertools.product(grid, (0, 8))
    ]
    below = SpecificationCurve(language=None).table("Curve", runs).below
    assert below is not None
    moves = below.cells["moves it by"]
    apart = "not separable"
    assert moves.drop(["estimator", "compare", "early", "all choices, additive"]).to_dict() == {
        **{"dummy": "-1.0000" if known else apart, "stacks": "base", "cohorts": "+0.5000"},
        **{"none": apart, "never": "base", "not_yet": "+0.2500", "0": "base", "8": "+8.0000"},
    }


def test_lists_of_one_member_each_are_compared_with_each_other() -> None:
    """No specification has none of them, so that a comparison with such a one would tell no member apart."""
    sizes = {"x": 1.0, "L.x": 0.5, "m": 3.0}
    grid = itertools.product(sizes, (0, 8))
    runs = [record(sizes[name] + shift, 0.01, term=name, x=[name], shift=shift) for name, shift in grid]
    below = SpecificationCurve(language=None).table("Curve", [*runs, record(1.0, 0.01, "x", x=["x"], shift=0)]).below
    assert below is not None
    moves = below.cells["moves it by"].iloc[1:]
    assert moves[["x", "L.x", "m"]].tolist() == ["base", "-0.5000", "+2.0000"]
    # a list of two makes each of them one that is there or not
    both = SpecificationCurve(language=None).table("Curve", [*runs, record(1.5, 0.01, "x", x=["x", "L.x"], shift=0)])
    assert both.below is not None
    assert "base" not in both.below.cells["moves it by"][["x", "L.x", "m"]].tolist()


def test_coefficients_of_several_variables_have_a_warning_about_units() -> None:
    def warned(*terms: str) -> bool:
        runs = [record(0.1 * place + 0.1, 0.01, term=term, x=[term]) for place, term in enumerate(terms)]
        return any("sizes" in note for note in SpecificationCurve(language=None).table("Curve", runs).notes)

    assert warned("x", "m")
    assert not warned("x", "x")
    # percent of percent has no unit
    assert not warned("ln_x", "ln_z")


def test_points_beyond_a_hundred_are_explained() -> None:
    """Significant with one of a and b, never with both; none without a or b was run, so that c is extrapolated."""
    lists = {("a",): 0.01, ("b",): 0.01, ("a", "b"): 0.5, ("c",): 0.5}
    runs = [record(0.1 + 0.01 * place, p, m=list(members)) for place, (members, p) in enumerate(lists.items())]
    below = SpecificationCurve(language=None).table("Curve", runs).below
    assert below is not None
    assert float(below.cells.loc["c", "points"]) < -100
    assert any("extrapolated" in note for note in below.notes)
    usual = SpecificationCurve(language=None).table("Curve", runs[:2]).below
    assert usual is not None
    assert not any("extrapolated" in note for note in usual.notes)


def test_a_total_effect_counts_coefficients_of_models_without_spillovers() -> None:
    runs = [spatial(0.8, model="sdm"), record(0.2, 0.3, model="twfe")]
    cells = SpecificationCurve(language=None, quantity="total").table("Curve", runs).cells["all"]
    assert (cells["specifications"], cells["smallest"], cells["largest"]) == ("2", "0.2000", "0.8000")
    table = SpecificationCurve(language=None, quantity="indirect").table("Curve", runs)
    assert table.cells["all"]["specifications"] == "1"
    assert any(note.startswith("1 run left out: without the indirect effect") for note in table.notes)


def test_each_facet_has_a_summary_of_its_own(records: list[Record]) -> None:
    table = SpecificationCurve(language=None, facet="sample").table("Curve", records)
    assert list(table.cells) == ["all", "sample=full", "sample=west"]
    assert table.cells.loc["significant +", "sample=west"] == "6 (100%)"
    assert table.below is not None
    # a facet moves the estimates like any other choice
    assert table.below.cells.loc["west", "moves it by"] == "+1.0000"
    chinese = SpecificationCurve(facet="sample", language="zh").table("Curve", records)
    assert {"模型设定数", "显著为正", "稳健性比率"} < set(chinese.cells.index)


def test_estimates_of_different_kinds_do_not_stand_on_one_curve() -> None:
    runs = [record(0.1, 0.5, measure="e"), record(2.0, 0.5, term="index", measure="index")]
    with pytest.raises(ConfigError, match=r"focal terms in logarithms \(ln_x\) and others \(index\)"):
        SpecificationCurve(language=None).table("Curve", runs)
    assert list(SpecificationCurve(language=None, facet="measure").table("Curve", runs).cells)[1:] == [
        "measure=e",
        "measure=index",
    ]
    assert (
        SpecificationCurve(language=None, term="index").table("Curve", runs).cells.loc["specifications", "all"] == "1"
    )
    with pytest.raises(ConfigError, match=r"no run has the focal term 'indx'\. Did you mean 'index'"):
        SpecificationCurve(language=None, term="indx").table("Curve", runs)


def test_the_lag_of_a_logarithm_stands_beside_the_logarithm() -> None:
    runs = [record(0.1, 0.5, lag="no"), record(0.3, 0.5, term="L.ln_x", lag="yes")]
    assert SpecificationCurve(language=None).table("Curve", runs).cells.loc["specifications", "all"] == "2"
    with pytest.raises(ConfigError, match=r"logarithms \(L2.ln_x\) and others \(L.index\)"):
        SpecificationCurve(language=None).table(
            "C", [record(1, 0.5, term="L2.ln_x", a="1"), record(1, 0.5, term="L.index", a="2")]
        )


@pytest.mark.parametrize(
    ("field", "report"),
    [
        ("facet", SpecificationCurve(language=None, facet="measur")),
        ("by", SpecificationCurve(language=None, by=("measur",))),
    ],
)
def test_an_unknown_choice_is_refused_with_the_nearest(
    records: list[Record], field: str, report: SpecificationCurve
) -> None:
    with pytest.raises(ConfigError, match=rf"report.{field}: no run varies 'measur'. Did you mean 'measure'"):
        report.table("Curve", records)


def test_polynomials_and_boundaries_are_left_out_and_told(records: list[Record]) -> None:
    terms = ("ln_x", "ln_x^2")
    numbers: dict[str, Any] = {"coef": np.ones(2), "covariance": np.eye(2), "roles": made_roles(terms)}
    power = Result("ols", "ln_y", focal=terms, terms=terms, **numbers)
    lost = Result("ols", "ln_y", focal=("ln_x",), terms=("ln_x",), coef=np.ones(1), covariance=np.array([[np.nan]]))
    more = [Record("power", {}, {"sample": "all"}, power), Record("lost", {}, {"sample": "all"}, lost)]
    table = SpecificationCurve(language=None).table("Curve", [*records, *more])
    assert table.cells.loc["specifications", "all"] == "12"
    assert sum("1 run left out: with" in note for note in table.notes) == 2


def in_pieces(*terms: str, **varied: Any) -> Record:
    """A run with these focal terms, whose coefficients are 1, 2, and so on."""
    coef = np.arange(1.0, len(terms) + 1)
    result = Result(
        "ols", "ln_y", focal=terms, terms=terms, coef=coef, covariance=np.eye(len(terms)), roles=made_roles(terms)
    )
    return Record(" ".join(terms), {}, varied, result)


PIECES = [("ln_x[east]", "ln_x[west]"), ("ln_x", "ln_x:d"), ("ln_x:region[a]", "ln_x:region[b]"), ("d", "ln_x:d")]


def test_a_piece_of_an_effect_is_not_the_effect(records: list[Record]) -> None:
    runs = [*records, *(in_pieces(*terms, sample="all") for terms in PIECES)]
    table = SpecificationCurve(language=None).table("Curve", runs)
    assert table.cells.loc["specifications", "all"] == "12"
    (told,) = (note for note in table.notes if "groups, interactions, quantiles, regimes" in note)
    assert told.startswith("4 runs left out: with several coefficients of one variable")
    # a term that is named is meant
    named = SpecificationCurve(language=None, term="ln_x[west]").table("Curve", runs)
    assert named.cells.loc[["specifications", "median"], "all"].tolist() == ["1", "2.0000"]
    with pytest.raises(ConfigError, match=r"report.term: 1 run with several .* one of ln_x\[east\], ln_x\[west\]"):
        SpecificationCurve(language=None).table("Curve", [in_pieces("ln_x[east]", "ln_x[west]")])


def test_of_several_variables_the_first_is_focal_and_the_curve_says_so(records: list[Record]) -> None:
    runs = [*records, in_pieces("ln_x", "ln_w", "L.ln_x", sample="all")]
    table = SpecificationCurve(language=None).table("Curve", runs)
    assert table.cells.loc[["specifications", "smallest", "largest"], "all"].tolist() == ["13", "0.0500", "1.3000"]
    assert any(note.startswith("1 run with several focal variables: the first one") for note in table.notes)


def test_estimates_that_differ_in_standard_errors_only_are_counted() -> None:
    runs = [
        record(coef, p, outcome=y, inference=inference)
        for y, coef in (("a", 0.1), ("b", 0.2))
        for inference, p in (("classic", 0.01), ("cluster", 0.2))
    ]
    table = SpecificationCurve(language=None, facet="inference").table("Curve", runs)
    assert table.cells.loc["differ in standard errors only"].tolist() == ["2", "0", "0"]
    assert table.rules == (2, 9)
    assert (
        "differ in standard errors only" not in SpecificationCurve(language=None).table("Curve", runs[::2]).cells.index
    )
    # another sample of the same rows is the same estimate, another model with the same coefficient is not
    same = [record(0.1, 0.01, sample="full", inference="classic"), record(0.1, 0.2, sample="all", inference="cluster")]
    assert "differ in standard errors only" in SpecificationCurve(language=None).table("Curve", same).cells.index
    other = [record(0.1, p, **{"model.durbin": value}) for p, value in ((0.01, "x"), (0.2, "all"))]
    assert "differ in standard errors only" not in SpecificationCurve(language=None).table("Curve", other).cells.index


def test_a_few_runs_that_decide_a_variance_are_told() -> None:
    rng = np.random.default_rng(7)
    runs = [record(coef, 0.3, sample="w" if i % 3 else "e") for i, coef in enumerate(rng.normal(size=300))]
    calm = SpecificationCurve(language=None).table("Curve", runs)
    assert not any("squared sum" in note or "of the variance:" in note for note in calm.notes)
    assert calm.below is not None
    assert calm.below.below is None
    wild = [*runs[:-2], *(record(sign * 400.0, 0.5, sample="w") for sign in (1, -1))]
    table = SpecificationCurve(language=None).table("Curve", wild)
    coef = np.array([one.result.coef[0] for one in wild])
    se = np.array([one.result.estimates["se"].iloc[0] for one in wild])

    def top(x: np.ndarray) -> float:
        return np.sort(x)[-3:].sum() / x.sum()

    told = [note for note in table.notes if note.startswith("The 3 ")]
    assert f"have {top(se**2):.1%} of the squared sum" in told[0]
    assert f"have {top((coef - coef.mean()) ** 2):.1%} of the variance" in told[1]
    assert float(table.cells.loc["median standard error", "all"]) == pytest.approx(np.median(se), abs=5e-5)
    assert table.below is not None
    inner = table.below.below
    assert inner is not None
    assert inner.notes == ("Without the 3 smallest and the 3 largest of 300 estimates; read as above.",)
    kept = np.sort(coef)[3:-3]
    east = np.array([c for c, one in zip(coef, wild, strict=True) if one.varied["sample"] == "e" and c in kept])
    assert float(inner.cells.loc["e", "mean"]) == pytest.approx(east.mean(), abs=5e-5)
    assert int(inner.cells.loc["e", "specifications"]) == len(east)


def joint(specifications: int) -> Joint:
    """A joint test as a sweep's end makes it."""
    names = ["median", "share_significant", "mean_z"]
    values = {"observed": 0.5, "null_median": 0.0, "null_low": -0.2, "null_high": 0.2}
    statistics = pd.DataFrame({**values, "p": [0.002, 0.004, 0.123456]}, index=names)
    rank = np.arange(1, specifications + 1)
    band = pd.DataFrame({"rank": rank, "low": rank - 20.0, "median": rank * 0.0, "high": rank + 20.0})
    left_out = ("2 runs are not in it.",)
    return Joint("coefficient", 499, 7, specifications, "+", statistics, band, left_out, "permutation")


def test_the_joint_test_is_asked_for_and_shown(records: list[Record]) -> None:
    assert SpecificationCurve(language=None).joint_request is None
    report = SpecificationCurve(language=None, draws=499, seed=7, quantity="total")
    request = report.joint_request
    assert request is not None
    assert (request.quantity, request.draws, request.seed, request.level) == ("total", 499, 7, 0.05)
    assert any("This joint test is not recorded" in note for note in report.table("Curve", records).notes)
    # a sweep that could not make it says why, and not to ask for it
    assert not any("No joint test" in note for note in report.with_joint(None).table("Curve", records).notes)
    table = report.with_joint(joint(12)).table("Curve", records)
    assert table.cells["all"].tail(3).tolist() == ["0.002", "0.004", "0.123"]
    assert any("499 permutations of whole units" in note for note in table.notes)
    assert "2 runs are not in it." in table.notes
    signs = replace(joint(12), method="wild")
    notes = report.with_joint(signs).table("Curve", records).notes
    assert any("499 draws of a wild bootstrap" in note for note in notes)
    assert not any("permutations" in note for note in notes)
    # the report that asked is as it was
    assert len(report.table("Curve", records).cells) == len(table.cells) - 3


def with_p_values(records: list[Record]) -> Joint:
    """A joint test with p values of all records but the last, the first three of which survive."""
    count = len(records) - 1
    p = np.where(np.arange(count) < 5, 0.01, 0.5)
    each = pd.DataFrame(
        {
            "specification": [one.label for one in records[:-1]],
            "estimate": [float(one.result.coef[0]) for one in records[:-1]],
            "z": np.linspace(5, 1, count),
            **{"p": p, "step_down": np.where(np.arange(count) < 3, 0.02, 0.7), "holm": 1.0, "bh": p * 1.5},
        }
    )
    return replace(joint(count), method="wild", each=each)


def test_the_table_counts_and_lists_which_specifications_survive() -> None:
    records = [record(coef, 0.01, sample=f"s{coef}") for coef in range(1, 14)]
    table = SpecificationCurve(language=None, draws=499).with_joint(with_p_values(records)).table("Curve", records)
    cells = table.cells["all"].tail(4)
    assert cells.to_dict() == {
        "significant: p of the draws": "5 (42%)",
        "significant: step-down p": "3 (25%)",
        "significant: Holm": "0 (0%)",
        "significant: Benjamini-Hochberg": "5 (42%)",
    }
    assert len(table.cells) in {rule + 4 for rule in table.rules}
    last = table
    while last.below is not None:
        last = last.below
    assert list(last.cells.index) == [f"run {coef}" for coef in range(1, 11)]
    assert last.cells.iloc[0].tolist() == ["1.0000", "5.00", "0.010", "0.020", "1.000", "0.015"]
    assert last.notes[0].startswith("3 of 12 specifications survive at 0.05: step-down p")
    assert last.notes[1:] == ("The 10 largest |z| of 12; all are in the sweep's file specifications.csv.",)
    few = (
        SpecificationCurve(language=None, draws=99)
        .with_joint(replace(with_p_values(records), draws=99))
        .table("Curve", records)
    )
    assert few.below is not None
    assert few.below.notes[1] == "With 12 specifications, Holm can reject nothing with fewer than 239 draws."
    chinese = SpecificationCurve(draws=499, language="zh").with_joint(with_p_values(records)).table("Curve", records)
    assert "显著：逐步向下p值" in chinese.cells.index
    assert chinese.below is not None
    assert chinese.below.title == "哪些设定仍然显著"
    assert "逐步向下p值" in chinese.below.cells


def test_a_facet_counts_its_own_survivors(records: list[Record]) -> None:
    named = [replace(one, label=f"run {place}") for place, one in enumerate(records)]
    report = SpecificationCurve(language=None, facet="sample").with_joint(with_p_values(named))
    row = report.table("Curve", named).cells.loc["significant: step-down p"]
    # full and west follow each other in threes; the last one of west has no test
    assert row.tolist() == ["3 (27%)", "3 (50%)", "0 (0%)"]


def test_what_cannot_be_on_one_curve_is_tested_all_the_same() -> None:
    runs = [record(0.1, 0.5, measure="e"), record(2.0, 0.5, term="index", measure="index"), record(1.0, 0.5)]
    apart = replace(
        with_p_values(runs), dominant="", statistics=joint(2).statistics[:0], null_band=joint(2).null_band[:0]
    )
    table = SpecificationCurve(language=None, draws=499).with_joint(apart).table("Curve", runs)
    assert list(table.cells.index) == ["run 0.1", "run 2.0"]
    assert table.title == "Curve"
    assert table.notes[0] == "2 runs are not in it."
    with pytest.raises(ConfigError, match="focal terms in logarithms"):
        SpecificationCurve(language=None, draws=499).files("Curve", runs)
    one_scale = SpecificationCurve(language=None, draws=499, facet="measure").with_joint(apart).table("Curve", runs)
    assert "joint test: median estimate, p" not in one_scale.cells.index
    assert one_scale.cells.loc["significant: step-down p", "all"] == "2 (100%)"


def test_the_picture_marks_which_specifications_survive() -> None:
    coef = np.array([3.0, 1.0, 2.0])
    rows = pd.DataFrame({"coef": coef, "low": coef - 1, "high": coef + 1, "p": 0.01})
    there = np.array([True, False, True])
    tests = {"step-down p": there, "Holm": ~there}
    heads: dict[Literal["en", "zh"], str] = {"en": "significant, p ≤ 0.1", "zh": "显著（p ≤ 0.1）"}
    for language, head in heads.items():
        figure = plot_specification_curve(rows, [Strip("s", "a", there)], level=0.1, language=language, tests=tests)
        _, lower = figure.axes
        labels = [text.get_text() for text in lower.get_yticklabels()]
        assert labels[0] in (head, "significant, p ≤ 0.1")
        # values stand below their choice, set in from it
        assert labels[-2:] == ["s", "   a"]
        marks = [np.asarray(line.get_xdata()).tolist() for line in lower.get_lines() if line.get_marker() == "|"]
        assert marks[:2] == [[2.0, 3.0], [1.0]]


def test_the_picture_has_every_estimate_in_order_and_is_the_same_each_time(records: list[Record]) -> None:
    report = SpecificationCurve(language=None, pictures=("png", "svg")).with_joint(joint(12))
    files = report.files("Curve", records)
    assert list(files) == ["curve.png", "curve.svg"]
    assert files == report.files("Curve", records)
    simulated = [record(one.result.coef[0], 0.5, simulated=True, **one.varied) for one in records]
    # svg draws letters as shapes and keeps the text beside them
    assert b"SIMULATED" in SpecificationCurve(language=None, pictures=("svg",)).files("Curve", simulated)["curve.svg"]
    assert b"SIMULATED" not in files["curve.svg"]


@pytest.mark.parametrize("count", [30, 1000])
def test_the_curve_that_is_drawn_is_the_sorted_estimates(count: int) -> None:
    rng = np.random.default_rng(count)
    coef = rng.normal(size=count)
    rows = pd.DataFrame({"coef": coef, "low": coef - 1, "high": coef + 1, "p": rng.uniform(size=count) ** 3})
    there = rng.uniform(size=count) < 0.5
    strips = [Strip("sample", "west", there), Strip("sample", "east", ~there), Strip("controls", "ln_k", there)]
    figure = plot_specification_curve(rows, strips, level=0.1)
    upper, lower = figure.axes
    drawn = {}
    for line in upper.get_lines():
        if line.get_linestyle() == "None" and line.get_clip_on():
            drawn |= dict(zip(np.asarray(line.get_xdata()), np.asarray(line.get_ydata()), strict=True))
    np.testing.assert_allclose([drawn[x] for x in sorted(drawn)], np.sort(coef))
    labels = [text.get_text() for text in lower.get_yticklabels()]
    choices = ["sample", "   west", "   east", "controls", "   ln_k"]
    assert labels[-5:] == choices
    order = np.argsort(coef)
    if count <= FEW:
        assert len(labels) == 5
        marks = [np.asarray(line.get_xdata()).tolist() for line in lower.get_lines() if line.get_marker() == "|"]
        assert marks[0] == (np.flatnonzero(there[order]) + 1.0).tolist()
        return
    # markers of so many overlap: a row says where the significant ones are
    assert labels[:2] == ["significant, p ≤ 0.1", "   own p value"]
    edges = np.linspace(0, count, 81).astype(int)

    def shares(mask: np.ndarray) -> np.ndarray:
        return np.array([mask[order][a:b].mean() for a, b in itertools.pairwise(edges)])

    areas = [area.get_paths()[0].vertices for area in lower.collections]
    assert len(areas) == 4
    low = rows["p"].to_numpy() < 0.1
    # all values of a choice have the scale of the largest share among them
    for area, y, mask, most in (
        (areas[0], 1, low, shares(low).max()),
        (areas[1], 3, there, max(shares(there).max(), shares(~there).max())),
        (areas[2], 4, ~there, max(shares(there).max(), shares(~there).max())),
    ):
        assert y + ROW / 2 - area[:, 1].min() == pytest.approx(ROW * shares(mask).max() / most)


def test_choices_that_do_not_vary_are_left_out_and_runs_and_medians_are_counted() -> None:
    coef = np.linspace(-0.3, 0.4, 10)
    rows = pd.DataFrame({"coef": coef, "low": coef - 1, "high": coef + 1, "p": 0.2})
    first = np.arange(10) < 4
    strips = [Strip("same", "all", np.ones(10, dtype=bool)), Strip("same", "none", np.zeros(10, dtype=bool))]
    figure = plot_specification_curve(rows, [*strips, Strip("sample", "west", first), Strip("sample", "east", ~first)])
    lower = figure.axes[1]
    assert [text.get_text() for text in lower.get_yticklabels()] == ["sample", "   west", "   east"]
    medians = [f"{np.median(coef[mask]):.3f}".replace("-", "\N{MINUS SIGN}") for mask in (first, ~first)]
    assert [text.get_text() for text in lower.texts] == ["runs", "4", "6", "median", *medians]


def test_significance_shows_without_colour_and_the_legend_has_the_level() -> None:
    coef = np.array([-2.0, -1.0, 0.5, 1.0, 2.0])
    rows = pd.DataFrame({"coef": coef, "low": coef - 0.1, "high": coef + 0.1, "p": [0.01, 0.3, 0.3, 0.07, 0.02]})
    figure = plot_specification_curve(rows, [], level=0.1, coverage=(0.9,))
    marks = {line.get_marker(): line for line in figure.axes[0].get_lines() if line.get_linestyle() == "None"}
    assert {marker: list(line.get_xdata()) for marker, line in marks.items()} == {"v": [1], "^": [4, 5], "o": [2, 3]}
    assert marks["o"].get_markerfacecolor() == "white"
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["positive, p ≤ 0.1", "negative, p ≤ 0.1", "p > 0.1", "90% interval", "median 0.5"]
    many = pd.concat([rows] * 40, ignore_index=True)
    words = [text.get_text() for text in plot_specification_curve(many, [], coverage=(0.9,)).legends[0].get_texts()]
    assert {"90% interval of each", "90% interval, median of neighbours"} < set(words)


def test_a_usual_interval_among_many_is_the_median_of_neighbours() -> None:
    coef = np.linspace(-1, 1, 400)
    half = np.where(np.arange(400) % 10 == 3, 50.0, 0.2)
    rows = pd.DataFrame({"coef": coef, "low": coef - half, "high": coef + half, "p": 0.2})
    axes = plot_specification_curve(rows, []).axes[0]
    usual = axes.collections[1].get_paths()[0].vertices
    assert usual[:, 1].max() == pytest.approx(coef[-10:].mean() + 0.2, abs=0.02)
    # one in ten does not determine the axis, and is counted
    assert axes.get_ylim()[1] < 3
    assert axes.get_title(loc="right") == "beyond the axis: estimates 0, intervals 40"


def test_the_picture_counts_what_is_not_on_it_and_says_what_the_joint_test_says(records: list[Record]) -> None:
    lost = Result("ols", "ln_y", focal=("ln_x",), terms=("ln_x",), coef=np.ones(1), covariance=np.array([[np.nan]]))
    end = replace(lost, terms=("ln_x", "rho"), coef=np.ones(2), covariance=np.eye(2), boundary=("rho",))
    end = replace(end, roles=spatial_roles(("ln_x", "rho")))
    runs = [*records, *(Record("lost", {}, {"sample": "all"}, one) for one in (lost, lost, end))]
    report = SpecificationCurve(quantity="total", pictures=("svg",), language=None).with_joint(joint(12)).with_failed(5)
    svg = report.files("Curve", runs)["curve.svg"].decode()
    assert "12 of 20 fits are on the curve. Not on it: 2 without a standard error, 1 with rho at the end of" in svg
    assert "its range, 5 failed." in svg
    assert "Joint test, 499 draws of no effect: p = 0.002 (median), 0.004 (share significant), 0.123 (mean z)." in svg
    # the title is what readers of screens say
    assert "<title>Curve</title>" in svg
    plain = SpecificationCurve(pictures=("svg",)).files("Curve", records)["curve.svg"].decode()
    assert "fits are on the curve" not in plain
    assert "Joint test" not in plain
    other = SpecificationCurve(pictures=("svg",)).with_joint(joint(9)).files("Curve", records)["curve.svg"].decode()
    assert "It is of 9 specifications." in other


def test_what_has_no_interval_cuts_no_band_and_is_counted() -> None:
    coef = np.linspace(-1, 1, 300)
    half = np.where(np.arange(300) % 2 == 0, np.nan, 0.2)
    half[151] = np.inf
    rows = pd.DataFrame({"coef": coef, "low": coef - half, "high": coef + half, "p": 0.2})
    axes = plot_specification_curve(rows, []).axes[0]
    each, usual = (area.get_paths()[0].vertices for area in axes.collections)
    assert len(np.unique(each[:, 0])) == 150
    assert np.isfinite(each).all()
    assert usual[:, 1].max() < 1.3
    assert axes.get_title(loc="right") == "beyond the axis: estimates 0, intervals 1"
    none = rows.assign(low=np.nan, high=np.nan)
    assert plot_specification_curve(none, []).axes[0].get_ylim()[1] < 1.2
    lost = [record(coef, 0.2, sample=f"s{coef}") for coef in (0.1, 0.2, 0.3)]
    blank = Resampled(np.array([[0.2], [np.nan], [np.nan]]), np.empty((3, 0, 0)))
    lost[0] = replace(lost[0], result=replace(lost[0].result, resampled=blank))
    svg = SpecificationCurve(pictures=("svg",)).files("Curve", lost)["curve.svg"].decode()
    assert "Without an interval: 1." in svg


def test_choices_have_their_words(records: list[Record]) -> None:
    labels = {"measure": "Which measure", "measure=a": "the first", "ln_k": "Capital"}
    svg = SpecificationCurve(pictures=("svg",), labels=labels).files("Curve", records)["curve.svg"].decode()
    for text in ("Which measure", "the first", "Capital", "Coefficient: ln_x"):
        assert text in svg


def test_the_curve_under_no_effect_is_in_the_picture_and_wild_intervals_do_not_flatten_it() -> None:
    coef = np.linspace(1, 2, 30)
    wild = np.where(np.arange(30) == 7, 500.0, 0.5)
    rows = pd.DataFrame({"coef": coef, "low": coef - wild, "high": coef + wild, "p": 0.01})
    rank = np.arange(1, 31)
    band = pd.DataFrame({"rank": rank, "low": -4.0, "median": 0.0, "high": 4.0})
    bottom, top = plot_specification_curve(rows, []).axes[0].get_ylim()
    assert -3 < bottom < 0
    assert 2 < top < 5
    figure = plot_specification_curve(rows, [], bands={"": band})
    bottom, top = figure.axes[0].get_ylim()
    assert bottom <= -4
    assert top >= 4
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "curve under no effect, median" in words
    halves = pd.Series(["a", "b"]).repeat(30).reset_index(drop=True)
    both = plot_specification_curve(
        pd.concat([rows, rows], ignore_index=True), [], facet=halves, bands={"a": band, "b": band}
    )
    assert all(axes.get_ylim()[0] <= -4 for axes in both.axes)


def test_what_lies_far_out_does_not_flatten_the_curve_and_has_an_arrow() -> None:
    coef = np.concatenate([np.linspace(-1, 1, 298), [60.0, 90.0]])
    half = np.where(np.arange(300) == 5, 800.0, 0.2)
    rows = pd.DataFrame({"coef": coef, "low": coef - half, "high": coef + half, "p": 0.2})
    calm = pd.DataFrame({"coef": coef[:30], "low": coef[:30] - 0.1, "high": coef[:30] + 0.1, "p": 0.2})
    both = pd.concat([rows, calm], ignore_index=True)
    figure = plot_specification_curve(both, [], facet=pd.Series(["wild"] * 300 + ["calm"] * 30))
    left, right = figure.axes
    bottom, top = left.get_ylim()
    assert (bottom, top) == right.get_ylim()
    assert -3.2 < bottom <= -1.2
    assert 1.2 <= top < 3.2
    counts = "beyond the axis: estimates 2, intervals 1"
    assert [axes.get_title(loc="right") for axes in (left, right)] == [counts, ""]
    # the line of counts is below those of the names
    assert [axes.get_title(loc="left") for axes in (left, right)] == ["wild\n", "calm\n"]
    marks = {}
    for line in left.get_lines():
        if line.get_marker() in (UP, DOWN, "|") and not line.get_clip_on():
            marks.setdefault(line.get_marker(), []).extend(np.asarray(line.get_xdata()).tolist())
    # arrows for estimates, a tick at both ends for the interval
    assert marks == {UP: [299, 300], "|": [6, 6]}


def test_a_curve_that_is_merely_wide_has_all_of_it_on_the_axis() -> None:
    coef = np.random.default_rng(2).normal(size=400)
    rows = pd.DataFrame({"coef": coef, "low": coef - 0.5, "high": coef + 0.5, "p": 0.2})
    (axes,) = plot_specification_curve(rows, []).axes
    bottom, top = axes.get_ylim()
    assert bottom <= rows["low"].min()
    assert top >= rows["high"].max()
    assert axes.get_title(loc="right") == ""


def test_a_slightly_longer_interval_is_not_cut_off() -> None:
    coef = np.array([-0.1, 0.1, 0.2, 0.4])
    half = np.array([0.3, 0.3, 0.3, 0.5])
    rows = pd.DataFrame({"coef": coef, "low": coef - half, "high": coef + half, "p": 0.2})
    (axes,) = plot_specification_curve(rows, []).axes
    assert axes.get_ylim()[1] >= 0.9
    assert axes.get_title(loc="right") == ""
    half[3] = 5.0
    rows = pd.DataFrame({"coef": coef, "low": coef - half, "high": coef + half, "p": 0.2})
    (axes,) = plot_specification_curve(rows, []).axes
    assert axes.get_ylim()[1] < 2
    assert axes.get_title(loc="right") == "beyond the axis: estimates 0, intervals 1"


def test_facets_share_a_scale() -> None:
    rows = pd.DataFrame({"coef": [1.0, 2.0, -9.0], "low": [0.0, 1, -10], "high": [2.0, 3, -8], "p": [0.01, 0.01, 0.9]})
    figure = plot_specification_curve(rows, [], facet=pd.Series(["a", "a", "b"]))
    left, right = figure.axes
    assert left.get_ylim() == right.get_ylim()
    assert [axes.get_title(loc="left") for axes in (left, right)] == ["a", "b"]
