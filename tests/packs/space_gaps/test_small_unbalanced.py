"""Errors of an unbalanced panel around a cycle."""

from __future__ import annotations

from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError


def cycle(n: int) -> FloatArray:
    """Return one neighbour each, around a circle."""
    return np.asarray(np.roll(np.eye(n), 1, axis=1))


@pytest.mark.parametrize("effects", ["none", "time", "two_way"])
def test_where_two_lambdas_are_one_an_unbalanced_panel_is_refused_as_a_balanced_one(effects: Any) -> None:
    """λ and 1/λ meet at the end of the range of `UnbalancedSpatialPanel`, which holds one of them."""
    n, t, outcomes = 5, 40, []
    for seed in range(8):
        rng, w = np.random.default_rng(seed), cycle(n)
        x, e = rng.normal(size=(2, t, n))
        y = x + e @ np.linalg.inv(np.eye(n) - 0.8 * w).T
        index = pd.MultiIndex.from_product([range(t), [f"u{unit}" for unit in range(n)]], names=["year", "unit"])
        frame = pd.DataFrame({"y": y.ravel(), "x": x.ravel()}, index=index).reset_index()
        weights = dc.Weights.from_matrix(w, [f"u{unit}" for unit in range(n)])
        correction: Any = "none" if effects == "none" else "lee_yu"
        found = []
        for model, more in (
            (dc.UnbalancedSpatialPanel(y="y", x=["x"], kind="sem", effects=effects), frame.index[:1]),
            (dc.UnbalancedSpatialPanel(y="y", x=["x"], kind="sem", effects=effects), frame.index[:0]),
            (dc.SpatialPanel(y="y", x=["x"], kind="sem", effects=effects, bias_correction=correction), frame.index[:0]),
        ):
            try:
                result = model.fit(dc.Panel.from_frame(frame.drop(more), "unit", "year", gaps="keep"), weights)
                found.append(result.statistics["lambda"])
            except EstimationError as error:
                found.append(error.said.code)
        outcomes.append(found[1] == "information_singular")
        if outcomes[-1]:
            assert found[1] == found[2]
            # one unit less in one period breaks the cycle there
            assert found[0] != found[1]
        else:
            assert found[1] == pytest.approx(found[2], abs=1e-4)
    assert any(outcomes) == (effects != "none")
    assert not all(outcomes)
