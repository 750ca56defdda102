"""Spatial parameters that the likelihood does not know, and the range that it does know."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import digicarbon as dc
from digicarbon.errors import EstimationError
from digicarbon.model.batch import Estimand
from digicarbon.numeric.error_batch import ErrorBatch
from digicarbon.numeric.spatial_batch import LagBatch, LagSpace
from digicarbon.numeric.spatial_likelihood import Sample
from digicarbon.numeric.spatial_operator import DenseOperator


def study(w: Any, t: int, seed: int, rho: float = 0.0) -> tuple[dc.Panel, dc.Weights]:
    n = len(w)
    rng = np.random.default_rng(seed)
    units = [f"u{i:03d}" for i in range(n)]
    x, e = rng.normal(size=(2, n, t))
    y = np.linalg.solve(np.eye(n) - rho * w, x + e)
    frame = pd.DataFrame(
        {"unit": np.repeat(units, t), "year": np.tile(np.arange(t), n), "y": y.ravel(), "x": x.ravel()}
    )
    return dc.Panel.from_frame(frame, "unit", "year"), dc.Weights.from_matrix(w, units, normalise=None)


def complete(n: int) -> Any:
    return (np.ones((n, n)) - np.eye(n)) / (n - 1)


@pytest.mark.parametrize("n", [5, 30, 120])
@pytest.mark.parametrize("effects", ["time", "two_way"])
@pytest.mark.parametrize("kind", ["sar", "sem", "sac"])
def test_equal_weights_between_all_units_identify_nothing(n: int, effects: Any, kind: Any) -> None:
    panel, weights = study(complete(n), 6, 1)
    with pytest.raises(EstimationError, match="not identified"):
        dc.SpatialPanel(y="y", x=("x",), kind=kind, effects=effects).fit(panel, weights)


def test_nor_do_they_for_many_outcomes() -> None:
    rng = np.random.default_rng(2)
    operator, sample = DenseOperator(complete(10), 1.0), Sample(10, 5, "two_way", "lee_yu")
    space, z, y = LagSpace(operator, sample), rng.normal(size=(5, 10, 1)), rng.normal(size=(7, 5, 10))
    lag, error = LagBatch(z, operator, sample, space), ErrorBatch(z, space)
    prepared, contrast = space.outcomes(y.transpose(2, 1, 0)), np.ones(1)
    with pytest.raises(EstimationError, match="not identified"):
        lag.fit(y, 0, None)
    with pytest.raises(EstimationError, match="not identified"):
        error.fit(prepared, contrast)


def test_without_time_effects_they_do() -> None:
    panel, weights = study(complete(12), 6, 1)
    found = dc.SpatialPanel(y="y", x=("x",), kind="sar", effects="unit").fit(panel, weights)
    assert np.isfinite(found.estimates["se"]).all()


def test_the_range_is_that_of_the_likelihood() -> None:
    """Strong dependence in a small ring: rho may exceed 1, but not the reciprocal of the next root."""
    n, beyond = 8, 0
    ring = (np.roll(np.eye(n), 1, axis=1) + np.roll(np.eye(n), -1, axis=1)) / 2
    for seed in range(40):
        panel, weights = study(ring, 4, seed, 0.93)
        for kind, name in (("sar", "rho"), ("sem", "lambda")):
            found = dc.SpatialPanel(y="y", x=("x",), kind=kind, effects="two_way").fit(panel, weights)
            value = found.statistics[name]
            assert value < np.sqrt(2)
            if value > 0.999:
                beyond += 1
                assert np.isfinite(found.estimates.at[name, "se"])
                assert not any("boundary" in note for note in found.notes)
                if name == "rho":
                    assert found.effects.empty
                    assert "effects are not reported" in found.notes[-1]
    assert beyond > 0


def test_many_fits_beyond_one_equal_single_ones() -> None:
    n, t = 8, 4
    ring = (np.roll(np.eye(n), 1, axis=1) + np.roll(np.eye(n), -1, axis=1)) / 2
    panels = [study(ring, t, seed, 0.93) for seed in range(40)]
    weights = panels[0][1]
    x = panels[0][0].cube(("x",))
    outcomes = np.stack([panel.cube(("y",))[..., 0] for panel, _ in panels])
    sample = Sample(n, t, "two_way", "lee_yu")
    many = LagBatch(x, DenseOperator(ring, 1.0, np.ones(n)), sample).fit(outcomes, 0, None, "coefficient")
    assert many.rho.max() > 1
    for place in np.argsort(-many.rho)[:3]:
        panel = panels[0][0].with_columns({"y": outcomes[place].T.ravel()})
        single = dc.SpatialPanel(y="y", x=("x",), kind="sar").fit(panel, weights)
        assert single.statistics["rho"] == pytest.approx(many.rho[place], rel=1e-8)
        assert single.estimates.at["rho", "se"] == pytest.approx(many.rho_se[place], rel=1e-6)
    model = dc.SpatialPanel(y="y", x=("x",), kind="sar")
    fits = model.batch(panels[0][0], weights, Estimand("total", "x"))
    prepared = fits.prepare(outcomes.transpose(2, 1, 0).reshape(n * t, -1))
    assert np.isnan(fits.fit(prepared)[0][many.rho > 1]).all()
