"""Spatial parameters that the likelihood does not know, and the range that it does know."""

from __future__ import annotations

from typing import Any

import classic as dc
import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from spatial_study import complete, study

from digicarbon.errors import DigicarbonError, EstimationError
from digicarbon.model.batch import Estimand
from digicarbon.numeric.spatial.batch import LagBatch
from digicarbon.numeric.spatial.error_batch import ErrorBatch
from digicarbon.numeric.spatial.lag_space import LagSpace
from digicarbon.numeric.spatial.likelihood import Sample
from digicarbon.numeric.spatial.operator import DenseOperator
from digicarbon.numeric.spatial.sparse import SparseOperator
from digicarbon.result import RunEffect


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
        lag.several(prepared, [(0, None, "total")], "classic")
    with pytest.raises(EstimationError, match="not identified"):
        error.several(prepared, [contrast], "classic")


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
                assert found.boundary == ()
                assert not any("boundary" in note for note in tuple(map(str, found.notes)))
                assert found.effects.empty
                assert found.has_note(f"{name}_beyond")
                assert found.beyond == found.ends == (name,)
                assert found.end_beyond
                for quantity in ("coefficient", "direct", "total"):
                    assert found.effect(RunEffect(quantity)) is None
    assert beyond > 1


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sem", "sdem", "sac"])
def test_where_lambda_is_beyond_one_neither_a_run_nor_a_batch_has_an_effect(kind: Any) -> None:
    n, t = 12, 5
    ring = (np.roll(np.eye(n), 1, axis=1) + np.roll(np.eye(n), -1, axis=1)) / 2
    panels = [study(ring, t, seed, lam=0.99) for seed in range(20)]
    first, weights = panels[0]
    model = dc.SpatialPanel(y="y", x=("x",), kind=kind, test="wild", draws=19, intervals=False)
    outcomes = np.stack([panel.cube(("y",))[..., 0] for panel, _ in panels]).transpose(2, 1, 0).reshape(n * t, -1)
    fits = model.by_errors.batch(first, weights, Estimand("total", "x"))
    many = fits.fit(fits.prepare(outcomes))[0]
    singles = [model.fit(first.with_columns({"y": y}), weights) for y in outcomes.T]
    without = [bool(found.ends) for found in singles]
    assert np.isnan(many).tolist() == without
    outside = [found for found in singles if "lambda" in found.beyond]
    assert outside
    for found in outside:
        assert found.spatial_effects is None
        assert found.resampled is None
        assert found.has_note("wild_not_at_end")
        assert found.effect(RunEffect("coefficient")) is None


def test_many_fits_beyond_one_equal_single_ones() -> None:
    n, t = 8, 4
    ring = (np.roll(np.eye(n), 1, axis=1) + np.roll(np.eye(n), -1, axis=1)) / 2
    panels = [study(ring, t, seed, 0.93) for seed in range(40)]
    weights = panels[0][1]
    x = panels[0][0].cube(("x",))
    outcomes = np.stack([panel.cube(("y",))[..., 0] for panel, _ in panels])
    sample = Sample(n, t, "two_way", "lee_yu")
    batch = LagBatch(x, DenseOperator(ring, 1.0, np.ones(n)), sample)
    [many] = batch.parameters(batch.space.outcomes(outcomes.transpose(2, 1, 0)))
    assert many.rho.max() > 1
    for place in np.argsort(-many.rho)[:3]:
        panel = panels[0][0].with_columns({"y": outcomes[place].T.ravel()})
        single = dc.SpatialPanel(y="y", x=("x",), kind="sar").fit(panel, weights)
        assert single.statistics["rho"] == pytest.approx(many.rho[place], rel=1e-8)
        assert single.estimates.at["rho", "se"] == pytest.approx(np.sqrt(many.rho_variance[place]), rel=1e-6)
    model = dc.SpatialPanel(y="y", x=("x",), kind="sar")
    fits = model.batch(panels[0][0], weights, Estimand("total", "x"))
    prepared = fits.prepare(outcomes.transpose(2, 1, 0).reshape(n * t, -1))
    assert np.isnan(fits.fit(prepared)[0][many.rho > 1]).all()


def nearest(n: int, k: int) -> Any:
    """Row-standardised k nearest of random points: not symmetric, with complex roots."""
    points = np.random.default_rng(1).random((n, 2))
    distance = ((points[:, None] - points) ** 2).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    w = np.zeros((n, n))
    np.put_along_axis(w, np.argsort(distance, axis=1)[:, :k], 1 / k, axis=1)
    return w


def brute_force(kind: str, panel: dc.Panel, w: Any) -> tuple[float, float]:
    """Return the spatial parameter and the log-likelihood of the sample in orthonormal bases of units and periods."""
    y, x = panel.cube(("y", "x")).transpose(2, 1, 0)
    f, h = (np.linalg.eigh(np.eye(m) - 1 / m)[1][:, 1:] for m in y.shape)
    star, y, x = f.T @ w @ f, f.T @ y @ h, f.T @ x @ h
    roots = np.linalg.eigvals(star)
    real = roots[np.abs(roots.imag) < 1e-9].real

    def loglik(at: float) -> float:
        s = np.eye(len(star)) - at * star
        a, b = (s @ y).ravel(), (x if kind == "sar" else s @ x).ravel()
        e = a - b * (a @ b) / (b @ b)
        return float(-y.size / 2 * (np.log(2 * np.pi * e @ e / y.size) + 1) + y.shape[1] * np.linalg.slogdet(s)[1])

    places = np.linspace(1 / real.min(), 1 / roots.real.max(), 302)[1:-1]
    best = int(np.argmax([loglik(at) for at in places]))
    bounds = places[max(best - 1, 0)], places[min(best + 1, len(places) - 1)]
    found = minimize_scalar(lambda at: -loglik(at), bounds=bounds, method="bounded", options={"xatol": 1e-11})
    return float(found.x), -float(found.fun)


@pytest.mark.long
@pytest.mark.parametrize(("kind", "name"), [("sar", "rho"), ("sem", "lambda")])
@pytest.mark.parametrize(("n", "true"), [(8, 0.5), (12, 0.8)])
def test_moderate_dependence_in_small_samples_has_no_boundary(n: int, true: float, kind: Any, name: str) -> None:
    w, beyond = nearest(n, 4), 0
    for seed in range(40):
        panel, weights = study(w, 4, seed, true)
        found = dc.SpatialPanel(y="y", x=("x",), kind=kind, effects="two_way").fit(panel, weights)
        place, height = brute_force(kind, panel, w)
        assert found.boundary == ()
        assert found.statistics[name] == pytest.approx(place, abs=1e-6)
        assert found.statistics["loglik"] == pytest.approx(height, abs=1e-6)
        beyond += place > 1
    assert beyond > 0


@pytest.mark.parametrize("kind", ["slx", "sdm", "sdem"])
@pytest.mark.parametrize("effects", ["time", "two_way"])
def test_nor_are_lags_of_regressors(kind: Any, effects: Any) -> None:
    """A unit's lag is then the mean of all, less its own value: what time effects leave of it is its own value."""
    panel, weights = study(complete(12), 6, 1)
    with pytest.raises(DigicarbonError, match=r"collinear|not identified"):
        dc.SpatialPanel(y="y", x=("x",), kind=kind, effects=effects).fit(panel, weights)


@pytest.mark.parametrize(("kind", "name"), [("sar", "rho"), ("sem", "lambda")])
def test_a_sparse_w_keeps_its_own_range(kind: Any, name: str) -> None:
    n = 450
    parts = np.kron(np.eye(n // 10), complete(10))
    # a ring of dense groups, so that strong dependence is likely to end at 1
    parts[np.arange(n), np.arange(n) - 10] += 0.01
    parts = parts / parts.sum(axis=1, keepdims=True)
    rng = np.random.default_rng(0)
    level = rng.normal(size=n)
    for seed in range(3):
        panel, weights = study(parts, 2, seed, 0.99999)
        panel = panel.with_columns({"y": panel.column("y") + np.repeat(level, 2)})
        found = dc.SpatialPanel(y="y", x=("x",), kind=kind, effects="two_way").fit(panel, weights)
        assert found.statistics[name] < 1
        assert isinstance(weights.align(panel).operator, SparseOperator)
        if found.boundary:
            assert found.boundary == (name,)
            assert any(f"{name} lies at the boundary of its range" in note for note in tuple(map(str, found.notes)))
            return
    raise AssertionError("no draw ended at the boundary")
