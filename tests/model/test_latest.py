"""Designs that models share give the numbers of models that share none."""

from __future__ import annotations

import itertools
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.model._spatial_estimates import Kind
from digicarbon.numeric.latest import MOST, MOST_BYTES, Latest


@pytest.fixture(scope="module")
def panel() -> dc.Panel:
    rng = np.random.default_rng(1)
    units = [f"u{unit:02d}" for unit in range(50)]
    index = pd.MultiIndex.from_product([units, range(2008, 2020)], names=["unit", "time"])
    frame = pd.DataFrame(rng.standard_normal((len(index), 2)), index=index, columns=["y", "c"])
    return dc.Panel.from_frame(frame.reset_index(), "unit", "time")


def fresh(panel: dc.Panel) -> dc.Panel:
    """Return the panel with columns that no model has seen."""
    return panel.with_columns({name: panel.column(name).copy() for name in panel.names})


def test_a_result_that_is_changed_changes_no_other(panel: dc.Panel) -> None:
    plain = dc.PanelRegression(y="y", x=("c",), cov="cluster")
    one = plain.fit(panel)
    kept = one.coef.copy()
    one.coef[:] = 0.0
    np.testing.assert_array_equal(plain.fit(panel).coef, kept)


def test_other_numbers_of_a_column_are_another_design(panel: dc.Panel) -> None:
    model = dc.PanelRegression(y="y", x=("c",), cov="cluster")
    before = model.fit(panel)
    other = panel.with_columns({"c": 2 * panel.column("c")})
    assert model.fit(other).coef == pytest.approx(before.coef / 2)
    half = panel.rows(panel.unit_codes % 2 == 0)
    assert model.fit(half).coef == pytest.approx(model.fit(fresh(half)).coef, rel=1e-12)
    assert model.fit(half).coef != pytest.approx(before.coef, rel=1e-6)


def test_only_the_latest_are_kept() -> None:
    made: list[int] = []

    def ask(latest: Latest, key: int, size: int) -> int:
        def make() -> int:
            made.append(key)
            return key

        return latest.once(key, make, lambda _: size)

    many = Latest()
    for key in range(MOST + 1):
        assert ask(many, key, 1) == key
    ask(many, MOST, 1)
    assert made == list(range(MOST + 1))
    ask(many, 0, 1)
    assert made[-1] == 0
    # one that is too large is kept alone
    made.clear()
    large = Latest()
    for key in (1, 2, 2, 1):
        ask(large, key, MOST_BYTES + 1)
    assert made == [1, 2, 1]


@pytest.mark.parametrize("kind", ["sdm", "sar", "sem", "sac", "slx"])
def test_spatial_models_share_a_design_and_keep_their_numbers(panel: dc.Panel, kind: Kind) -> None:
    names, shared = panel.units, fresh(panel)
    ring = dc.Weights.from_edges([(names[place - 1], name) for place, name in enumerate(names)])
    pairs = dc.Weights.from_edges([(names[place - 2], name) for place, name in enumerate(names)])
    errors = [ring, pairs] if kind in ("sem", "sac") else [None]
    for effects, weights, other in itertools.product(("unit", "two_way"), (ring, pairs), errors):
        fields: dict[str, Any] = {"y": "y", "x": ("c",), "kind": kind, "effects": effects}
        rules: list[dict[str, Any]] = [
            {"cov": cov, "level": level} for cov in ("classic", "cluster") for level in (0.9, 0.95)
        ]
        models = [dc.SpatialPanel(**fields, **rule) for rule in rules]
        designs = {id(model.design(shared, weights, other)) for model in models}
        assert len(designs) == 1
        for model in models:
            again, alone = model.fit(shared, weights, other), model.fit(fresh(panel), weights, other)
            assert again.notes == alone.notes
            np.testing.assert_allclose(again.coef, alone.coef, rtol=1e-10, atol=1e-13)
            np.testing.assert_allclose(again.covariance, alone.covariance, rtol=1e-8, atol=1e-14)
            again.coef[:] = 0.0
            again.covariance[:] = 0.0
            assert again.residuals is not None
            again.residuals[:] = 0.0


def test_notes_on_a_unit_of_much_weight_are_those_of_the_regressors(panel: dc.Panel) -> None:
    heavy = panel.column("c") * np.where(panel.unit_codes == 3, 30.0, 1.0)
    model = dc.PanelRegression(y="y", x=("c",), cov="cluster")
    changed = panel.with_columns({"c": heavy})
    for _ in range(2):
        assert not model.fit(panel).has_note("unit_leverage")
        assert model.fit(changed).has_note("unit_leverage")
        assert not model.fit(changed.rows(changed.unit_codes != 3)).has_note("unit_leverage")
    another = panel.with_columns({"c": np.roll(heavy, 2 * len(panel.periods))})
    found = [note for note in model.fit(another).notes if note.code == "unit_leverage"]
    assert [note["unit"] for note in found] == [panel.units[5]]
