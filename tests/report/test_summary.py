"""Reports on more runs than stand side by side: numbers by hand, in one pass over the records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, overload

import numpy as np
import pandas as pd
import pytest
from roles import made_roles

from digicarbon.errors import ConfigError
from digicarbon.note import Note, note_of
from digicarbon.note.recorded import recognised
from digicarbon.report import (
    DiagnosticTable,
    Record,
    RegressionTable,
    SignTable,
    SpecificationCurve,
    TurningPointTable,
    TwoTables,
)
from digicarbon.report.base import counted_notes
from digicarbon.report.focal import AS_CONFIGURED, Quantity, focal
from digicarbon.result import Effects, Result

COEFS = (-0.4, -0.2, -0.1, 0.3)
SE = 0.1


class Once(Sequence[Record]):
    """Records that are made anew on each pass; counts the passes."""

    def __init__(self, made: Sequence[Record]) -> None:
        self.made, self.passes = made, 0

    def __len__(self) -> int:
        return len(self.made)

    def __iter__(self) -> Iterator[Record]:
        self.passes += 1
        return iter(self.made)

    @overload
    def __getitem__(self, position: int) -> Record: ...
    @overload
    def __getitem__(self, position: slice) -> list[Record]: ...
    def __getitem__(self, position: int | slice) -> Record | list[Record]:
        raise AssertionError("a summary asks for no single record")


def record(number: int, coef: float, **more: Any) -> Record:
    table = pd.DataFrame({"i": [coef, 2.0], "decision": ["yes" if coef > 0 else "no", "kept"]}, index=["a", "b"])
    result = Result(
        "sdm",
        "ln_ci",
        focal=("x",),
        terms=("c", "x"),
        coef=np.array([5.0, coef]),
        covariance=np.diag([1.0, SE**2]),
        spatial_effects=Effects(("x",), np.array([[coef], [1.0], [coef + 1]]), np.full((3, 1), SE)),
        tables={"moran": table},
        notes=("Cite me.", "Few clusters.") if number == 0 else ("Cite me.",),
        **more,
    )
    varied = {"measure": "ddl" if number < 2 else "bea", "controls": [str(number)]}
    return Record(f"measure={varied['measure']}, controls=[{number}]", {}, varied, result)


@pytest.fixture
def records() -> Once:
    return Once([record(number, coef) for number, coef in enumerate(COEFS)])


def test_more_runs_than_columns_are_summarised_in_one_pass(records: Once) -> None:
    table = RegressionTable(language=None, most_runs=3, decimals=2).table("t", records)
    assert records.passes == 1
    assert list(table.cells.loc["all"]) == ["4", "1", "1", "3", "2", "-0.40", "-0.15", "0.30"]
    assert list(table.cells.loc["measure=ddl"]) == ["2", "0", "0", "2", "2", "-0.40", "-0.30", "-0.20"]
    assert list(table.cells.loc["measure=bea"]) == ["2", "1", "1", "1", "0", "-0.10", "0.10", "0.30"]
    assert list(table.cells.index)[-4:] == [f"controls=[{number}]" for number in range(4)]
    assert table.rules == (1, 3)
    assert table.notes[0] == "Outcome: ln_ci. Focal coefficients. Significant: p ≤ 0.05."
    assert table.notes[1:3] == ("Cite me.", "1 of 4 runs: Few clusters.")
    assert table.notes[-1].startswith("A summary of 4 runs; report.most_runs=4 lets all of them stand side by side.")


def test_a_fit_that_several_columns_show_is_counted_once(records: Once) -> None:
    twins = [replace(records.made[0], label=f"twin {number}", again=True) for number in range(2)]
    every = Once([records.made[0], *twins, *records.made[1:]])
    note = "2 more choices came to the same fits; each fit is counted once."
    for report in (
        RegressionTable(language=None, most_runs=3, decimals=2),
        SignTable(language=None, most_runs=3),
        DiagnosticTable(language=None, name="moran", most_runs=3),
        SpecificationCurve(language=None, pictures=()),
    ):
        table, alone = report.table("t", every), report.table("t", records)
        pd.testing.assert_frame_equal(table.cells, alone.cells)
        assert note in table.notes
        assert set(alone.notes) - set(table.notes) <= {alone.notes[-1]}
        if not isinstance(report, SpecificationCurve):
            # the list below signs has each fit once; columns stand for choices
            room = 4 if isinstance(report, SignTable) else 6
            assert f"A summary of 4 runs; report.most_runs={room} lets" in table.notes[-1]
    below = SignTable(language=None).table("t", every).below
    assert below is not None
    assert list(below.cells.index) == [one.label for one in records]
    assert list(RegressionTable(language=None).table("t", every).cells.columns) == [one.label for one in every]


def test_as_many_runs_as_columns_stand_side_by_side(records: Once) -> None:
    table = RegressionTable(language=None, most_runs=4, decimals=2, effects=False).table("t", records)
    assert list(table.names or table.cells.columns) == [one.label for one in records]
    assert table.cells.loc["x"].tolist() == ["-0.40***", "-0.20**", "-0.10", "0.30***"]


def test_significance_is_that_of_the_second_star(records: Once) -> None:
    cells = RegressionTable(language=None, most_runs=1, stars=(0.5, 0.4, 0.3)).table("t", records).cells
    assert cells.loc["all", ["significant +", "significant -"]].tolist() == ["1", "3"]


def test_a_choice_of_many_values_is_no_row_each() -> None:
    every = [record(number, 0.1 + number) for number in range(61)]
    table = RegressionTable(language=None).table("t", every)
    assert list(table.cells.index) == ["all", "measure=ddl", "measure=bea"]
    assert "Not counted by controls (61 values); report=signs 'report.by=[KEY]' does." in table.notes
    counted = SignTable(language=None, by=("controls",)).table("t", every)
    assert len(counted.cells) == 62
    assert counted.below is None


def test_runs_without_a_focal_term_are_counted() -> None:
    table = RegressionTable(language=None, most_runs=1).table(
        "t", [Record(k, {}, {}, Result("none", "y")) for k in "ab"]
    )
    assert table.cells.to_dict() == {"runs": {"all": "2"}}
    assert table.notes[0] == "Outcome: y. No run has a focal term."


def test_the_list_below_signs_is_left_out_of_many_runs(records: Once) -> None:
    few = SignTable(language=None, most_runs=4).table("t", list(records))
    assert few.below is not None
    assert few.below.cells["coef"].tolist() == ["-0.4000", "-0.2000", "-0.1000", "0.3000"]
    many = SignTable(language=None, most_runs=3).table("t", records)
    assert many.below is None
    pd.testing.assert_frame_equal(many.cells, few.cells)
    assert "report.most_runs=4 lets all of them be listed below it" in many.notes[-1]


def test_notes_of_many_runs_are_counted_and_said_in_the_language_of_the_report() -> None:
    nulls = [Note("no_variance_units"), Note("no_variance_units"), Note("one_sided_test"), Note("u_shape"), "Mine."]
    records = [
        Record(str(number), {}, {}, Result("x", "y", tables={"t": pd.DataFrame({"null": [null]}, index=["a"])}))
        for number, null in enumerate(nulls)
    ]
    said = [
        DiagnosticTable(name="t", most_runs=1, language=language).table("t", records).cells.iloc[0, 1]
        for language in ("en", "zh")
    ]
    assert said == [
        "There is no variance between units. (2); One-sided. (1); U shape (1); 1 others",
        "个体之间没有方差。（2）; 单侧检验。（1）; U形（1）; 另有1种",
    ]


def test_a_diagnostic_of_many_runs_shows_median_range_and_texts(records: Once) -> None:
    table = DiagnosticTable(language=None, name="moran", most_runs=3, decimals=2).table("t", records)
    assert records.passes == 1
    assert table.cells.to_dict("index") == {
        "a": {"runs": "4", "i": "-0.15 [-0.40, 0.30]", "decision": "no (3); yes (1)"},
        "b": {"runs": "4", "i": "2", "decision": "kept"},
    }
    with pytest.raises(ConfigError, match="have no such table, but moran"):
        DiagnosticTable(language=None, name="nothing", most_runs=3).table("t", list(records))
    with pytest.raises(ConfigError, match=r"report\.columns: unknown p; the columns are i, decision"):
        DiagnosticTable(language=None, name="moran", columns=("p",), most_runs=3).table("t", records)


def test_two_tables_of_many_runs(records: Once) -> None:
    first, second = (
        RegressionTable(language=None, most_runs=3),
        DiagnosticTable(language=None, name="moran", most_runs=3),
    )
    table = TwoTables(language=None, first=first, second=second, heading="h").table("t", records)
    assert table.below is not None
    assert (table.cells.loc["all", "runs"], table.below.cells.loc["a", "runs"]) == ("4", "4")


def test_turning_points_of_many_runs_have_no_pictures() -> None:
    frame = pd.DataFrame(
        {"coef": [2.0], "se": [0.1], "p": [np.nan], "low": [1.8], "high": [2.2], "note": ["maximum"]},
        index=["turning point"],
    )
    every = [
        Record(
            f"N({k})",
            {},
            {},
            Result("ols", "y", ("x",), ("x",), np.ones(1), np.eye(1), tables={"turning_points": frame.assign(coef=k)}),
            panel=lambda: pytest.fail("no picture, no panel"),
        )
        for k in (1, 2, 3)
    ]
    report = TurningPointTable(language=None, most_runs=2)
    assert report.files("t", every) == {}
    table = report.table("t", every)
    assert table.below is not None
    assert table.below.cells.loc["turning point", "coef"] == "2.0000 [1.0000, 3.0000]"
    assert "No pictures: they are made of up to 2 runs (report.most_runs)." in table.notes


def test_focal_numbers_are_those_of_the_results(records: Once) -> None:
    found = focal(records)
    assert found.rows["coef"].tolist() == list(COEFS)
    wanted: dict[Quantity, Any] = {"direct": COEFS, "total": [coef + 1 for coef in COEFS]}
    for quantity, expected in wanted.items():
        rows = focal(records, quantity).rows
        np.testing.assert_array_equal(rows["coef"], expected)
        p = [one.result.effects.loc[(quantity, "x"), "p"] for one in records]
        np.testing.assert_array_equal(rows["p"], p)


def test_a_key_that_comes_late_was_left_as_configured() -> None:
    every = [Record("a", {}, {}, record(0, 1.0).result), Record("b", {}, {"k": 1}, record(1, 2.0).result)]
    found = focal(every)
    assert {key: list(values) for key, values in found.varied.items()} == {"k": [AS_CONFIGURED, "1"]}
    assert found.rows["k"].tolist() == [AS_CONFIGURED, "1"]


def test_notes_that_differ_in_the_number_of_observations_are_one() -> None:
    said = (
        "Lee-Yu transformation: the log-likelihood is that of {} effective observations, not of all rows. Compare it, "
        "AIC and BIC only between models of equal effects and correction, not with columns without this note."
    )
    number = {recognised(said.format(145)): 2, note_of("Weights: w1."): 5}
    number |= {recognised(said.format(174)): 3, note_of("Weights: w2."): 4}
    assert tuple(map(str, counted_notes(number, 9))) == (
        f"5 of 9 runs: {said.format('145 to 174')}",
        "5 of 9 runs: Weights: w1.",
        "4 of 9 runs: Weights: w2.",
    )


def test_boundaries_with_different_ranges_are_one_note() -> None:
    said = "{} lies at the boundary of its range ({}, {}): standard errors are not reliable."
    number = {said.format("rho", "-4.5364", "1.0000"): 2, said.format("rho", "-1.9213", "1.0000"): 3}
    number |= {said.format("rho", "-12.1000", "0.9500"): 1, said.format("lambda", "-1.9213", "1.0000"): 4}
    notes = {recognised(sentence): count for sentence, count in number.items()}
    assert tuple(map(str, counted_notes(notes, 20))) == (
        f"6 of 20 runs: {said.format('rho', '-12.1000 to -1.9213', '0.9500 to 1.0000')}",
        f"4 of 20 runs: {said.format('lambda', '-1.9213', '1.0000')}",
    )


def test_pieces_of_an_effect_are_counted_piece_by_piece_only(records: Once) -> None:
    terms = ("x[a]", "x[b]")
    coef, roles = np.array([7.0, -8.0]), made_roles(terms)
    pieces = Result("fe", "ln_ci", focal=terms, terms=terms, coef=coef, covariance=np.eye(2), roles=roles)
    apart = [Record(f"All({i})", {}, {"measure": "ddl", "controls": []}, pieces) for i in (1, 2)]
    runs = Once([*records.made, *apart])
    note = (
        "2 runs with several coefficients of one variable (groups, interactions, quantiles, regimes): "
        "counted piece by piece only"
    )
    for table in (
        RegressionTable(language=None, most_runs=3, decimals=2).table("t", runs),
        SignTable(language=None, decimals=2).table("t", runs.made),
    ):
        cells = table.cells.drop(columns="% significant", errors="ignore")
        assert list(cells.loc["all"]) == ["4", "1", "1", "3", "2", "-0.40", "-0.15", "0.30"]
        assert table.cells.loc["measure=ddl", "runs"] == "2"
        assert list(cells.loc["piece=x[a]"]) == ["2", "2", "2", "0", "0", "7.00", "7.00", "7.00"]
        assert table.cells.loc["piece=x[b]", "negative"] == "2"
        assert any(text.startswith(note) for text in table.notes)
        assert table.rules[-1] == list(table.cells.index).index("piece=x[a]")
    alone = SignTable(language=None).table("t", apart)
    assert list(alone.cells.index) == ["piece=x[a]", "piece=x[b]"]
    assert alone.rules == ()
