"""Names decide nothing: controls may be called like parameters of other models."""

from __future__ import annotations

from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.report import Record, RegressionTable
from digicarbon.result import Result, Role, RunEffect
from digicarbon.tracking._results import decode, encode

NAMES = ("W_x", "rho", "const_", "time[2]")


@pytest.fixture(scope="module")
def fitted() -> Result:
    rng = np.random.default_rng(1)
    rows = pd.MultiIndex.from_product([[f"u{k}" for k in range(12)], range(2000, 2006)], names=["unit", "year"])
    frame = pd.DataFrame(rng.normal(size=(len(rows), 6)), columns=["y", "x", *NAMES], index=rows).reset_index()
    panel = dc.Panel.from_frame(frame, unit="unit", time="year")
    return dc.PanelRegression(y="y", x=("x",), controls=NAMES, effects="two_way").fit(panel)


def table(result: Result, **fields: Any) -> Any:
    return RegressionTable(language=None, **fields).table("t", [Record("A", {"weights": "w1_adjacency"}, {}, result)])


def test_a_plain_regression_has_no_spatial_weights(fitted: Result) -> None:
    shown = table(fitted)
    assert not [note for note in shown.notes if "weights" in note.lower()]
    assert [label for label in shown.cells.index if label in ("x", *NAMES)] == ["x", *NAMES]


def test_its_controls_can_be_hidden(fitted: Result) -> None:
    shown = table(fitted, show_controls=False)
    assert not set(NAMES) & set(shown.cells.index)
    assert shown.notes[1] == f"Controls: {', '.join(NAMES)}."


def test_its_coefficient_is_an_effect(fitted: Result) -> None:
    assert fitted.without_spillovers
    for quantity in ("coefficient", "direct", "total"):
        effect = fitted.effect(RunEffect(quantity))
        assert effect is not None
        assert effect[:2] == ("x", fitted.estimates.loc["x", "coef"])


def test_roles_are_recorded() -> None:
    roles = (Role("constant"), Role(), Role("lag_x", "x"), Role("lag_y"))
    made = Result("own", "y", ("x",), ("a", "x", "b", "c"), np.ones(4), np.eye(4), roles=roles)
    assert decode(encode(made)).roles == roles
    assert (made.role("b").of, made.terms_of("lag_x", "lag_y"), made.position("lag_x", "x")) == ("x", ("b", "c"), 2)
    with pytest.raises(TypeError, match="3 roles for 4 terms"):
        Result("own", "y", ("x",), ("a", "x", "b", "c"), np.ones(4), np.eye(4), roles=roles[:3])
