"""Heads of a regression table in levels, and rows of the user's own."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from digicarbon.errors import ConfigError
from digicarbon.report import Record, RegressionTable
from digicarbon.report.base import Owner, attributed
from digicarbon.result import Effects, Result

WORDS = {"weights": "Spatial weights", "weights=w1": "W1", "weights=w2": "W2", "model.effects": "Fixed effects"}


def result(**fields: Any) -> Result:
    fields = {"y": "ln_ci", "focal": ("x",), "statistics": {"nobs": 180.0}, **fields}
    return Result("any", terms=("x", "z"), coef=np.array([0.5, 0.1]), covariance=np.diag([0.01, 0.04]), **fields)


def grid(columns: tuple[str | None, ...] = (None,), **fields: Any) -> list[Record]:
    """Records in the order of an experiment: columns first, then the grid."""
    return [
        Record(
            ", ".join(filter(None, (column, f"weights={w}", f"model.effects={effects}"))),
            {"weights": w},
            {"weights": w, "model.effects": effects},
            result(notes=(f"Of {w}.",), **fields),
            column=column,
        )
        for column, w, effects in product(columns, ("w1", "w2"), ("time", "two_way"))
    ]


def test_the_grid_is_over_numbers() -> None:
    table = RegressionTable(language=None, labels=WORDS).table("t", grid())
    assert list(table.cells.columns) == ["(1)", "(2)", "(3)", "(4)"]
    assert table.levels == (
        (("W1", 2), ("W2", 2)),
        (("time", 1), ("two_way", 1), ("time", 1), ("two_way", 1)),
    )
    assert table.corners == ("Spatial weights", "Fixed effects", "")
    assert table.names[3] == "weights=w2, model.effects=two_way"
    assert list(table.named.columns) == list(table.names)
    assert table.notes[-2:] == ("W1: Of w1.", "W2: Of w2.")


def test_columns_are_below_the_grid_unless_heads_say_otherwise() -> None:
    records = grid(("digital", "finance"))
    table = RegressionTable(language=None, labels=WORDS).table("t", records)
    assert [line for line, _ in zip(table.levels, range(3), strict=True)] == [
        (("W1", 4), ("W2", 4)),
        (("time", 2), ("two_way", 2)) * 2,
        (("digital", 1), ("finance", 1)) * 4,
    ]
    assert table.names[1] == "finance, weights=w1, model.effects=time"
    other = RegressionTable(language=None, labels=WORDS, heads=("column", "weights")).table("t", records)
    assert other.levels == ((("digital", 4), ("finance", 4)), (("W1", 2), ("W2", 2)) * 2)
    assert other.cells.columns[-1] == "(8)"
    plain = RegressionTable(language=None, heads=()).table("t", records)
    assert plain.levels == ()
    assert list(plain.cells.columns) == [record.label for record in records]


def test_one_choice_is_the_head_itself() -> None:
    records = [record for record in grid() if record.varied["model.effects"] == "time"]
    table = RegressionTable(language=None, labels=WORDS).table("t", records)
    assert list(table.cells.columns) == ["W1", "W2"]
    assert table.levels == ()
    assert table.corners == ("Spatial weights",)
    assert "Fixed effects: time." in table.notes
    assert table.notes[-2:] == ("W1: Of w1.", "W2: Of w2.")


def test_columns_alone_are_heads_as_ever() -> None:
    records = [Record(name, {}, {"measure": name}, result(), column=name) for name in ("a", "b")]
    table = RegressionTable(language=None).table("t", records)
    assert (list(table.cells.columns), table.levels, table.corners) == (["a", "b"], (), ())


def test_a_head_that_no_run_has_is_a_sentence() -> None:
    with pytest.raises(ConfigError) as caught:
        RegressionTable(language=None, heads=("weight",)).table("t", grid())
    assert str(caught.value) == (
        "report.heads: no run chooses 'weight'. Did you mean 'weights'? There are: weights, model.effects."
    )


def test_outcomes_in_the_grid_are_named_by_what_they_are() -> None:
    records = [
        Record(f"outcome={name}", {}, {"outcome": name}, result(y=y))
        for name, y in (("total", "ln_co2"), ("intensity", "ln_ci"))
    ]
    table = RegressionTable(language="en").table("t", records)
    assert list(table.cells.columns) == ["ln(CO₂ emissions)", "ln(Carbon intensity)"]


def test_rows_of_the_user() -> None:
    rows = {
        "Regional trends": ["yes", False, "East", 2],
        "Matrix": "weights",
        "Income": "z",
        "N": "nobs",
        "Y": "outcome",
        "Controls": "controls",
    }
    table = RegressionTable(language=None, labels=WORDS, rows=rows, show_controls=False).table("t", grid())
    assert list(table.cells.loc["Regional trends"]) == ["yes", "no", "East", "2"]
    assert list(table.cells.loc["Matrix"]) == ["W1", "W1", "W2", "W2"]
    assert set(table.cells.loc["Income"]) == {"yes"}
    assert set(table.cells.loc["N"]) == {"180"}
    assert set(table.cells.loc["Y"]) == {"ln_ci"}
    assert list(table.cells.index).count("Controls") == 1


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"Trends": [True]}, "report.rows: the row 'Trends' has 1 cell, but the table has 4 columns."),
        (
            {"Matrix": "wights"},
            "report.rows: no run has 'wights', which the row 'Matrix' shows. Did you mean 'weights'? There are: "
            "controls, outcome, weights, model.effects, x, z, nobs.",
        ),
    ],
)
def test_rows_that_cannot_be_made(rows: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        RegressionTable(language=None, rows=rows).table("t", grid())
    assert str(caught.value) == said
    assert caught.value.said.text("zh") != said


def test_effects_of_controls_on_request() -> None:
    effects = Effects(("x", "z"), np.array([[1.0, 2], [3, 4], [5, 6]]), np.full((3, 2), 2.0))
    records = [Record("A", {}, {}, result(spatial_effects=effects))]
    for which, terms in (("focal", ["x"]), ("all", ["x", "z"])):
        cells = RegressionTable(language=None, effects_of=which).table("t", records).cells
        labels = list(cells.index)
        part = labels[labels.index("Direct effect") + 1 : labels.index("Total effect")]
        assert [label for label in part if label] == terms


def test_caption_and_label() -> None:
    table = RegressionTable(language=None, caption="Digital economy & carbon", label="tab:main").table("t", grid())
    assert table.title == "Digital economy & carbon"
    assert r"\caption{Digital economy \& carbon}\label{tab:main}" in table.to_latex()


def test_notes_name_runs_by_what_they_have_in_common_in_words() -> None:
    runs = [Owner(f"({k})", (("weights", w), ("effects", e))) for k, (w, e) in enumerate(product("AB", "tu"), 1)]
    notes = attributed([(run, ["W."] if run.parts[0][1] == "A" else []) for run in runs])
    assert [note.text("en") for note in notes] == ["A: W."]
    notes = attributed([(run, ["W."] if run.name in ("(1)", "(4)") else []) for run in runs])
    assert [note.text("en") for note in notes] == ["(1), (4): W."]
