"""A true autoregressive panel over 300 seeds: bias, and coverage of corrected and of plain standard errors."""

from __future__ import annotations

from functools import cache
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.long

SEEDS = range(300)
RHO = BETA = 0.5


def panel(seed: int, n: int = 60, t: int = 7, burn: int = 30) -> dc.Panel:
    """y_t = 0.5 y_t-1 + a_i + 0.5 x_t + e_t, x correlated with a_i, e of a variance of its own in each unit."""
    rng = np.random.default_rng(seed)
    effect = rng.normal(size=n)
    x = rng.normal(size=(n, t + burn)) + 0.5 * effect[:, None]
    e = rng.uniform(0.5, 1.5, size=(n, 1)) * rng.normal(size=(n, t + burn))
    y = np.zeros((n, t + burn))
    y[:, 0] = effect / (1 - RHO)
    for s in range(1, t + burn):
        y[:, s] = RHO * y[:, s - 1] + effect + BETA * x[:, s] + e[:, s]
    return dc.Panel.from_frame(
        pd.DataFrame(
            {
                "u": np.repeat(range(n), t),
                "t": np.tile(range(t), n),
                "y": y[:, burn:].ravel(),
                "x": x[:, burn:].ravel(),
            }
        ),
        "u",
        "t",
    )


@cache
def panels() -> list[dc.Panel]:
    """The panels of all seeds, which all tests fit; only the process that fits them draws them."""
    return [panel(seed) for seed in SEEDS]


def measured(**fields: Any) -> dict[str, float]:
    model = dc.DynamicPanel(y="y", x=("x",), effects="unit", exogenous_equation="transformed", **fields)
    rows = []
    for data in panels():
        found = model.fit(data)
        own, statistics = found.estimates, found.statistics
        rows.append(
            {
                "bias": own.loc["L.y", "coef"] - RHO,
                "bias of x": own.loc["x", "coef"] - BETA,
                "coverage": own.loc["L.y", "low"] <= RHO <= own.loc["L.y", "high"],
                "coverage of x": own.loc["x", "low"] <= BETA <= own.loc["x", "high"],
                **{f"{name} rejects": statistics[f"{name}_p"] < 0.05 for name in ("ar1", "ar2", "hansen")},
            }
        )
    return pd.DataFrame(rows).astype(float).mean().to_dict()


@pytest.mark.parametrize(
    ("kind", "bias", "coverage"),
    # 60 units are few: difference GMM is biased downwards, system GMM upwards where unit effects vary much
    [("difference", (-0.09, -0.05), 0.87), ("system", (0.05, 0.11), 0.80)],
)
def test_autoregression_is_recovered(kind: str, bias: tuple[float, float], coverage: float) -> None:
    corrected, plain = (measured(kind=kind, steps=2, windmeijer=windmeijer) for windmeijer in (True, False))
    assert bias[0] < corrected["bias"] < bias[1]
    assert abs(corrected["bias of x"]) < 0.03
    assert corrected["coverage"] > coverage
    assert 0.91 < corrected["coverage of x"] < 0.98
    # the plain covariance of two-step estimates is far too small (Windmeijer 2005)
    assert corrected["coverage"] > plain["coverage"] + 0.1
    assert corrected["coverage of x"] > plain["coverage of x"] + 0.08
    # errors are not serially correlated, their differences are
    assert corrected["ar1 rejects"] > 0.95
    assert 0.02 < corrected["ar2 rejects"] < 0.09
    assert corrected["hansen rejects"] < 0.09


def test_one_step_and_deviations_cover() -> None:
    for fields in ({"steps": 1}, {"steps": 2, "transformation": "orthogonal_deviations"}):
        found = measured(kind="difference", **fields)
        assert -0.09 < found["bias"] < -0.05
        assert found["coverage"] > 0.87
        assert found["coverage of x"] > 0.91
