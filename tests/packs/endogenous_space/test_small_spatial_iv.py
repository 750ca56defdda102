"""Instrumented spatial lags in the smallest panels."""

from __future__ import annotations

from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
from spatial_iv_world import world
from tiny_panels import pairs, tiny

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError


def ring(n: int) -> FloatArray:
    """Return neighbours on a circle."""
    return np.asarray(np.roll(np.eye(n), 1, axis=1) + np.roll(np.eye(n), -1, axis=1))


def star(n: int) -> FloatArray:
    """Return one unit that is everybody's only neighbour."""
    w = np.zeros((n, n))
    w[0, 1:] = w[1:, 0] = 1.0
    return w


def test_an_instrumented_lag_that_lags_of_regressors_say_exactly_is_refused() -> None:
    """As `SpatialPanel` refuses it."""
    panel, weights = tiny(star(8), 2, 1)
    with pytest.raises(EstimationError, match=r"^W_y is collinear with W_x, W_c after unit effects"):
        dc.SpatialIV(y="y", x=["x"], controls=["c"], kind="sdm", effects="unit", lags=1).fit(panel, weights)
    with pytest.raises(EstimationError, match="do not identify λ"):
        dc.SpatialIV(y="y", x=["x"], controls=["c"], kind="sdem", effects="unit").fit(panel, weights)


@pytest.mark.parametrize(
    ("shape", "periods", "kind", "effects", "seed", "said"),
    [
        # a root of a high order at the lower end, which rounding moves or makes complex
        (1 - np.eye(4), 3, "sdem", "none", 43, "moments_singular"),
        (1 - np.eye(8), 2, "sarar", "unit", 82, "moments_singular"),
        (pairs(4), 3, "sdem", "two_way", 43, "moments_singular"),
        # the lag of the residuals is zero
        (star(8), 2, "sdem", "unit", 82, "moments_flat"),
        # nothing is left of the filtered outcome
        (ring(6), 2, "sdem", "two_way", 3062, "moments_without_errors"),
    ],
)
def test_the_order_of_units_decides_nothing(
    shape: FloatArray, periods: int, kind: Any, effects: Any, seed: int, said: str
) -> None:
    n, rng = len(shape), np.random.default_rng(seed)
    x, c, e = rng.normal(size=(3, periods, n))
    model = dc.SpatialIV(y="y", x=["x"], controls=["c"], kind=kind, effects=effects)
    columns = {"y": (x + 0.5 * c + e).ravel(), "x": x.ravel(), "c": c.ravel()}
    found = []
    for order in [np.arange(n), *(rng.permutation(n) for _ in range(9))]:
        units = [f"u{place}" for place in order]
        index = pd.MultiIndex.from_product([range(periods), units], names=["year", "unit"])
        panel = dc.Panel.from_frame(pd.DataFrame(columns, index=index).reset_index(), "unit", "year")
        try:
            model.fit(panel, dc.Weights.from_matrix(shape / shape.sum(axis=1, keepdims=True), units))
            found.append("")
        except EstimationError as error:
            found.append(error.said.code)
    assert set(found) == {said}


def test_residuals_of_first_stages_count_as_parameters() -> None:
    """The test of exogeneity has those of two endogenous columns beside four regressors: more than all instruments."""
    model = dc.SpatialIV(
        y="y", x=["x"], controls=["z"], endogenous=["x"], instruments=["q"], kind="sar", effects="none", lags=1
    )
    with pytest.raises(EstimationError, match=r"^6 \(effective\) observations cannot identify 6 parameters"):
        model.fit(*world(6, 1))
    found = model.fit(*world(7, 1)).statistics
    # one degree of freedom is left: the survival function of F(2, 1)
    assert found["endogeneity_p"] == pytest.approx((1 + 2 * found["endogeneity"]) ** -0.5)
