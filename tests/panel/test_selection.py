"""Panels that share columns equal panels that share nothing."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from classic import PanelRegression

from digicarbon.errors import DataError
from digicarbon.panel import Panel, PanelDesign, Selection, design
from digicarbon.sample import Sample

RANDOM = np.random.default_rng(5)
UNITS, YEARS = [f"u{i:02d}" for i in range(9)], list(range(2008, 2018))
TERMS = ("ln_a", "b", "ln_a^2", "L.b", "D.ln_a", "b:L.b", "C(group)", "b:C(group)", "ratio", "ln_a:b")


def _frame(holes: bool = False) -> pd.DataFrame:
    keys = pd.DataFrame(list(itertools.product(UNITS, YEARS)), columns=["unit", "year"])
    random = np.random.default_rng(11)
    frame = keys.assign(**{name: random.gamma(2.0, 3.0, len(keys)) + 0.1 for name in ("a", "b", "c", "y")})
    frame["group"] = frame["unit"].map({unit: "north" if i % 3 else "south" for i, unit in enumerate(UNITS)})
    if holes:
        frame.loc[[3, 17, 41], "b"] = np.nan
        frame.loc[[55], "c"] = np.nan
        frame = frame.drop(index=[12, 60])
    return frame.sample(frac=1, random_state=2)


def _taken(design: PanelDesign, full: Panel, keep: Any, sample: Sample | None, terms: tuple[str, ...]) -> Panel:
    return Selection(design, full, keep, sample).take(terms)


def _same(one: Panel, other: Panel) -> None:
    assert (one.units, one.periods, set(one.names)) == (other.units, other.periods, set(other.names))
    np.testing.assert_array_equal(one.unit_codes, other.unit_codes)
    np.testing.assert_array_equal(one.period_codes, other.period_codes)
    for name in one.names:
        np.testing.assert_array_equal(one.column(name), other.column(name), err_msg=name)
    assert {name: list(column) for name, column in one.text.items()} == {
        name: list(column) for name, column in other.text.items()
    }


@pytest.mark.parametrize("gaps", ["refuse", "keep", "drop_units"])
@pytest.mark.parametrize("treatment", [{}, {"winsorise": (0.05, 0.05)}, {"trim": (0.05, 0.05)}])
@pytest.mark.parametrize("late", [False, True])
def test_the_order_of_runs_and_what_they_share_change_nothing(gaps: Any, treatment: Any, late: bool) -> None:
    design = PanelDesign(gaps=gaps, derive={"ratio": "a / c"})
    full = Panel.from_frame(_frame(holes=gaps != "refuse"), "unit", "year", "keep")
    keep = full.period_codes >= (4 if late else 0)
    sample = Sample(**treatment) if treatment else None
    shared = Selection(design, full, keep, sample)
    pairs = [("y", *pair) for pair in itertools.permutations(TERMS, 2)]
    for terms in RANDOM.permutation(np.array(pairs, dtype=object)).tolist():
        refusal = ""
        try:
            alone = _taken(design, full, keep, sample, tuple(terms))
        except DataError as error:
            refusal = str(error)
        if not refusal:
            _same(shared.take(tuple(terms)), alone)
            continue
        # a share is trimmed that leaves no unit complete
        with pytest.raises(DataError) as caught:
            shared.take(tuple(terms))
        assert str(caught.value) == refusal


def test_panels_share_their_columns_and_what_fits_learn_of_them() -> None:
    shared = Selection(PanelDesign(), Panel.from_frame(_frame(), "unit", "year"))
    one, other = shared.take(["y", "ln_a", "b"]), shared.take(["y", "ln_a", "ln_a^2"])
    assert one.columns["ln_a"] is other.columns["ln_a"]
    assert one.index is other.index
    first = PanelRegression(y="y", x=("ln_a",), controls=("b",)).fit(one)
    assert "two_way" in other.columns["ln_a"].memory
    alone = PanelRegression(y="y", x=("ln_a", "ln_a^2"))
    fresh = Selection(PanelDesign(), Panel.from_frame(_frame(), "unit", "year")).take(["y", "ln_a", "ln_a^2"])
    np.testing.assert_allclose(alone.fit(other).coef, alone.fit(fresh).coef, rtol=1e-10)
    assert first.terms == ("ln_a", "b")


def test_a_run_that_cannot_be_made_leaves_the_others_as_they_are() -> None:
    frame = _frame()
    frame["zero"] = frame["a"] * (frame["year"] > 2009)
    shared = Selection(PanelDesign(), Panel.from_frame(frame, "unit", "year"))
    for _ in range(2):
        with pytest.raises(DataError, match="ln_zero does not exist where zero is zero or negative"):
            shared.take(["y", "ln_zero"])
    assert shared.take(["y", "zero"]).names[-2:] == ("y", "zero")


def test_what_a_selection_keeps_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(design, "PANELS", (20, 1024))
    monkeypatch.setattr(design, "CELLS", 200_000)
    frame = _frame()
    for number in range(80):
        frame[f"x{number}"] = np.where(np.arange(len(frame)) == number, np.nan, 1.0 + np.arange(len(frame)))
    shared = Selection(PanelDesign(gaps="keep"), Panel.from_frame(frame, "unit", "year"))
    for number in range(80):
        assert len(shared.take(["y", f"x{number}"]).index) == len(frame) - 1
    assert len(shared._panels) == 200_000 // (len(frame) * len(shared.panel.columns))
    monkeypatch.setattr(design, "CELLS", 0)
    assert Selection(shared.design, shared.panel)._most == 20
    assert len(shared._parts) <= 32


def test_a_selection_travels() -> None:
    design = PanelDesign(derive={"ratio": "a / c"})
    sample = Sample(winsorise=(0.1, 0.1))
    shared = Selection(design, Panel.from_frame(_frame(), "unit", "year"), None, sample)
    before = shared.take(["y", "ratio", "L.b"])
    sent = pickle.loads(pickle.dumps(shared))
    assert not sent._panels
    _same(sent.take(["y", "ratio", "L.b"]), before)


def test_a_panel_travels_with_its_columns_and_without_what_fits_learned() -> None:
    panel = Panel.from_frame(_frame(), "unit", "year")
    PanelRegression(y="y", x=("a",)).fit(panel)
    sent = pickle.loads(pickle.dumps(panel))
    _same(sent, panel)
    assert sent.digest == panel.digest
    assert not sent.columns["a"].memory
    with pytest.raises(ValueError, match="read-only"):
        sent.column("a")[0] = 1
    bare = Panel.from_frame(_frame()[["unit", "year", "group"]], "unit", "year")
    assert pickle.loads(pickle.dumps(bare)).names == ()


def test_a_panel_owns_its_columns() -> None:
    panel = Panel.from_frame(_frame(), "unit", "year")
    mine = np.arange(float(len(panel.index)))
    more = panel.with_columns({"mine": mine})
    mine[0] = 99
    assert more.column("mine")[0] == 0


def test_the_digest_of_some_columns_follows_labels_names_and_values() -> None:
    panel = Panel.from_frame(_frame(), "unit", "year")
    one = panel.digest_of(["a", "b"])
    assert panel.with_columns({"c": np.zeros(len(panel.index))}).digest_of(["a", "b"]) == one
    changed = panel.column("a").copy()
    changed[3] += 1e-12
    others = [
        panel.digest_of(["b", "a"]),
        panel.digest_of(["a"]),
        panel.with_columns({"a": changed}).digest_of(["a", "b"]),
        panel.select(periods=YEARS[1:]).digest_of(["a", "b"]),
        Panel.from_frame(_frame().assign(year=lambda frame: frame["year"] + 1), "unit", "year").digest_of(["a", "b"]),
    ]
    assert len({one, *others}) == len(others) + 1
