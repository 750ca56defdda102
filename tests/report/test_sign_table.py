"""Counts of signs: by hand, and on the real panel against least squares with dummies from the raw files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.report import Record, SignTable, attributed
from digicarbon.result import Result, Role

CELLS = ["runs", "positive", "significant +", "negative", "significant -"]


def record(coef: float, p: float, note: str = "", **varied: Any) -> Record:
    """A run whose focal coefficient has this two-sided normal p value, beside a control of no interest."""
    se = abs(coef) / norm.isf(p / 2)
    result = Result(
        "ols",
        "y",
        focal=("x",),
        terms=("c", "x"),
        coef=np.array([9.0, coef]),
        covariance=np.diag([1.0, se**2]),
        notes=(note,) if note else (),
    )
    return Record(", ".join(f"{key}={value}" for key, value in varied.items()), {}, varied, result)


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return [
        record(0.5, 0.01, "Cite me.", measure="a", outcome="x"),
        record(0.1, 0.20, "Cite me.", measure="a", outcome="y"),
        record(-0.3, 0.04, measure="b", outcome="x"),
        record(-0.2, 0.90, measure="b"),
    ]


def test_numbers_that_would_be_zero_have_digits(records: list[Record]) -> None:
    table = SignTable(language=None).table(
        "Signs", [record(-3.21e-6, 0.00001, measure="a"), record(0.5, 0.01, measure="b")]
    )
    assert table.below is not None
    assert table.below.cells[["sign", "coef", "p"]].to_numpy().tolist() == [
        ["-", "-3.21e-06", "0.0000"],
        ["+", "0.5000", "0.0100"],
    ]
    assert table.cells.loc["all", "smallest"] == "-3.21e-06"


def test_notes_name_what_their_runs_have_in_common() -> None:
    labels = [f"{c}, outcome={o}, vintage={v}" for c in ("bare", "full") for o in "abc" for v in "xy"]

    def said(*wanted: str) -> tuple[str, ...]:
        return tuple(map(str, attributed([(label, ["N."] if label in wanted else []) for label in labels])))

    assert said(*labels) == ("N.",)
    assert said(*(label for label in labels if "outcome=b" in label)) == ("outcome=b: N.",)
    assert said(*(label for label in labels if "outcome=b" not in label)) == ("outcome=a, outcome=c: N.",)
    assert said(*(label for label in labels if label.startswith("full"))) == ("full: N.",)
    assert said(*labels[:2]) == (f"{labels[0]}, {labels[1]}: N.",)
    assert said(*(labels[k] for k in (0, 3, 5, 6, 8))) == ("5 of 12 runs: N.",)
    # a label without parts is one itself
    found = attributed([("FE(1)", ["N."]), ("FE(2)", ["N."]), ("FE(3)", [])])
    assert tuple(map(str, found)) == ("FE(1), FE(2): N.",)


def test_counts_by_every_choice_that_differs(records: list[Record]) -> None:
    table = SignTable(language=None).table("Signs", records)
    assert table.cells[CELLS].to_numpy().tolist() == [
        ["4", "2", "1", "2", "1"],
        ["2", "2", "1", "0", "0"],
        ["2", "0", "0", "2", "1"],
        ["2", "1", "1", "1", "1"],
        ["1", "1", "0", "0", "0"],
        ["1", "0", "0", "1", "0"],
    ]
    assert list(table.cells.index) == [
        "all", "measure=a", "measure=b", "outcome=x", "outcome=y", "outcome=as configured",
    ]  # fmt: skip
    assert table.rules == (1, 3)
    assert table.cells.loc["all", ["smallest", "median", "largest"]].tolist() == ["-0.3000", "-0.0500", "0.5000"]
    assert "2 of 4 runs: Cite me." in table.notes
    assert table.below is not None
    assert table.below.cells["sign"].tolist() == ["+", "+", "-", "-"]
    assert table.below.cells["p"].tolist() == ["0.0100", "0.2000", "0.0400", "0.9000"]


def test_counts_by_the_columns_of_the_experiment(records: list[Record]) -> None:
    columns = ("SDM, time", "SDM, time", "SDM, time", "FE")
    every = [replace(one, column=name) for one, name in zip(records, columns, strict=True)]
    table = SignTable(language=None, by=("column",)).table("Signs", every)
    assert list(table.cells.index) == ["all", "SDM, time", "FE"]
    assert table.cells[["runs", "significant +", "significant -", "% significant"]].to_numpy().tolist() == [
        ["4", "1", "1", "50.0"],
        ["3", "1", "1", "66.7"],
        ["1", "0", "0", "0.0"],
    ]
    # by default they stand before the keys that differ
    assert list(SignTable(language=None).table("Signs", every).cells.index)[:4] == [
        "all",
        "SDM, time",
        "FE",
        "measure=a",
    ]
    with pytest.raises(ConfigError, match="no run varies 'column'"):
        SignTable(language=None, by=("column",)).table("Signs", records)


def test_notes_that_differ_in_a_seed_are_one() -> None:
    labels = [f"SDM, weights.seed={seed}" for seed in (3, 1, 2)]
    drawn = Note("moran_permuted", draws=9, seeds=Note("seed", seed=4), sided=Note("two_sided"))
    permuted = [Note("placebo_weights", weights="W", seeds=Note("seed", seed=int(label[-1]))) for label in labels]
    said = [(label, [note, drawn]) for label, note in zip(labels, permuted, strict=True)]

    def shown(*runs: tuple[str, list[Note]]) -> list[str]:
        found = list(map(str, attributed(runs)))
        assert found[-1] == str(drawn)
        return found[:-1]

    words = "PLACEBO: the units of W exchange their neighbours at random ({})."
    assert shown(*said) == [words.format("seeds 1 to 3")]
    assert shown(*said, ("FE", [drawn])) == [f"SDM: {words.format('seeds 1 to 3')}"]
    assert shown(*said[:2]) == [words.format("2 seeds: 1, 3")]
    assert shown(*said[:1]) == [words.format("seed 3")]


def test_level_and_keys(records: list[Record]) -> None:
    table = SignTable(language=None, level=0.25, by=("measure",)).table("Signs", records)
    assert list(table.cells.index) == ["all", "measure=a", "measure=b"]
    assert table.cells["significant +"].tolist() == ["2", "2", "0"]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"by": ("measures",)}, r"report\.by: no run varies 'measures'\. Did you mean 'measure'\?"),
        ({"quantity": "indirect"}, r"report\.quantity: no run has an indirect effect of a focal term"),
        ({"quantity": "long_run"}, r"report\.quantity: no run has effect 'long_run' of a focal term"),
    ],
)
def test_what_is_not_there(records: list[Record], fields: Mapping[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        SignTable(language=None, **fields).table("Signs", records)


def test_runs_at_a_boundary_are_left_out_and_the_note_names_the_parameter() -> None:
    def record(label: str, *boundary: str, beyond: tuple[str, ...] = ()) -> Record:
        result = Result(
            "sac", "y", ("x",), ("x", "rho"), np.ones(2), np.eye(2), boundary=boundary, notes=("Said.",),
            roles=(Role(), Role("lag_y")), beyond=beyond,
        )  # fmt: skip
        return Record(label, {}, {"weights": label}, result)

    ends = [
        record("b", "lambda"),
        record("c", "rho"),
        record("d", "lambda"),
        record("e", beyond=("rho",)),
        record("f", beyond=("lambda",)),
    ]
    table = SignTable(language=None).table("T", [record("a"), *ends])
    assert table.cells.loc["all", "runs"] == "1"
    assert "2 runs left out: lambda lies at the boundary of its range." in table.notes
    assert "1 run left out: rho lies at the boundary of its range." in table.notes
    beyond = "1 run left out: rho lies beyond the range of W itself, where a model has no effects."
    assert beyond in table.notes
    assert beyond.replace("rho", "lambda") in table.notes
    chinese = SignTable(language="zh").table("T", [record("a"), *ends]).notes
    assert "剔除1个回归：ρ超出W自身的取值范围，模型在此没有效应。" in chinese
