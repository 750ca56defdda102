"""Thresholds in spatial lag models: likelihoods of all candidates against fits of each."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.within import EffectsKind, Rows, demean
from digicarbon.numeric.resampling.null_model import in_rows
from digicarbon.numeric.spatial.lag_space import LagSpace
from digicarbon.numeric.spatial.likelihood import Sample, fit_lag
from digicarbon.numeric.spatial.operator import DenseOperator, SpatialOperator
from digicarbon.numeric.spatial.sparse import SparseOperator
from digicarbon.packs.threshold.numeric.estimator import Resampling, thresholds_of
from digicarbon.packs.threshold.numeric.search import Ordered
from digicarbon.packs.threshold.numeric.space import SpatialLag

N, T, RHO = 14, 6, 0.4
Case = tuple[EffectsKind, Literal["none", "lee_yu"], int, tuple[int, ...], bool]
CASES: list[Case] = [
    ("unit", "lee_yu", 1, (0,), False),
    ("two_way", "lee_yu", 2, (0, 1), False),
    ("two_way", "none", 2, (1,), True),
    ("time", "none", 1, (), False),
    ("none", "lee_yu", 1, (0,), True),
]


class World:
    """A panel whose slope, and that of the spatial lag, change where q passes 0.2; periods come first."""

    def __init__(self, case: Case, sparse: bool = False, seed: int = 3) -> None:
        self.effects, correction, k, self.lags, ties = case
        rng = np.random.default_rng(seed)
        links = np.zeros((N, N))
        for i in range(N):
            for step in (1, 2):
                links[i, (i + step) % N] = links[(i + step) % N, i] = 1
        w = links / links.sum(axis=1, keepdims=True)
        self.w: SpatialOperator = SparseOperator(scipy.sparse.csr_array(w), 1.0) if sparse else DenseOperator(w, 1.0)
        self.sample = Sample(N, T, self.effects, correction)
        self.x = rng.normal(1, 1, (T, N, k))
        self.common = rng.normal(size=(T, N, 1))
        self.q = rng.normal(size=(T, N))
        if ties:
            self.q = np.round(self.q, 1)
        slopes = self.regimes([0.2])
        mean = self.x.sum(axis=2) + self.common[..., 0] - 1.5 * slopes[..., 0] + rng.normal(size=N)
        self.y = np.linalg.solve(np.eye(N) - RHO * w, (mean + 0.5 * rng.normal(size=(T, N)))[..., None])[..., 0]

    def regimes(self, values: list[float]) -> FloatArray:
        """Columns of lower regimes, their spatial lags behind them."""
        own = [self.x * (self.q <= value)[..., None] for value in values]
        return np.concatenate([part for one in own for part in (one, self.w.lag(one[..., list(self.lags)]))], axis=2)

    def shared(self) -> FloatArray:
        constant = np.ones((T, N, int(self.effects == "none")))
        return np.concatenate([constant, self.x, self.common, self.w.lag(self.x[..., list(self.lags)])], axis=2)

    def loglik(self, values: list[float], y: FloatArray | None = None) -> float:
        """The likelihood of a model with thresholds, fitted as any spatial lag model."""
        y = self.y if y is None else y
        parts = [self.shared(), *([self.regimes(values)] if values else []), y[..., None], self.w.lag(y[..., None])]
        return fit_lag(demean(np.concatenate(parts, axis=2), self.effects), self.w, self.sample).loglik

    def fits(self) -> SpatialLag:
        rows = Rows(np.repeat(np.arange(N), T), np.tile(np.arange(T), N), N, T)
        empty = np.empty((N * T, 0))
        ordered = Ordered(in_rows(self.x), empty, in_rows(self.q[..., None])[:, 0], rows, self.effects)
        both = demean(np.stack([self.y, self.w.lag(self.y[..., None])[..., 0]], axis=2), self.effects)
        shared = in_rows(demean(self.shared(), self.effects))
        level, lagged = in_rows(both).T
        return SpatialLag(ordered, shared, level, lagged, self.lags, LagSpace(self.w, self.sample))


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_every_candidate_is_a_fit_of_its_own(case: Case, sparse: bool) -> None:
    world = World(case, sparse)
    fits = world.fits()
    candidates = fits.ordered.candidates(0.15)
    for known in ([], [int(candidates[3])]):
        others = fits.ordered.candidates(0.15, others=known)
        search = fits.search(others, known)
        assert search.usable.all()
        values = [fits.ordered.value(place) for place in known]
        plain = [world.loglik([*values, fits.ordered.value(place)]) for place in others.tolist()]
        wanted = 2 * (np.array(plain) - world.loglik(values))
        np.testing.assert_allclose(fits.gains(search), wanted, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("case", CASES[:3])
def test_thresholds_and_ratios_are_those_of_a_loop(case: Case) -> None:
    world = World(case)
    fits = world.fits()
    found = thresholds_of(fits, 1, 0.1)
    values = [fits.ordered.value(place) for place in fits.ordered.candidates(0.1).tolist()]
    plain = np.array([world.loglik([value]) for value in values])
    assert fits.ordered.value(found.places[0]) == values[int(plain.argmax())]
    np.testing.assert_allclose(found.tests[0].statistic, 2 * (plain.max() - world.loglik([])), rtol=1e-8)
    np.testing.assert_allclose(found.curves[0].ratio, 2 * (plain.max() - plain), rtol=1e-6, atol=1e-7)
    two = thresholds_of(fits, 2, 0.1)
    assert two.tests[1].statistic > 0
    pair = [fits.ordered.value(place) for place in two.places]
    assert world.loglik(pair) >= max(world.loglik([value]) for value in pair)


@pytest.mark.parametrize("resampling", ["units", "signs"])
@pytest.mark.parametrize("case", CASES[:3])
def test_draws_are_fits_to_outcomes_of_the_null_model(case: Case, resampling: Resampling) -> None:
    """The first draw is made again: (I - ρW)⁻¹ times what the null model says, effects in it, and drawn errors."""
    world = World(case)
    fits = world.fits()
    found = thresholds_of(fits, 1, 0.1, draws=12, seed=7, resampling=resampling)
    assert found.tests[0].draws.shape == (12,)
    values = [fits.ordered.value(place) for place in fits.ordered.candidates(0.1).tolist()]

    def fitted(at: list[float]) -> tuple[float, FloatArray]:
        parts = [world.shared(), *([world.regimes(at)] if at else []), world.y[..., None]]
        columns = np.concatenate([*parts, world.w.lag(world.y[..., None])], axis=2)
        fit = fit_lag(demean(columns, world.effects), world.w, world.sample)
        return fit.spatial, fit.residuals

    rho, errors = fitted([])
    rng = np.random.default_rng(7)
    if resampling == "units":
        of_best = fitted([fits.ordered.value(found.places[0])])[1]
        drawn = of_best[:, rng.integers(0, N, (12, N))[0]]
    else:
        drawn = errors * (2.0 * rng.integers(0, 2, (12, N))[0] - 1)
    s = np.eye(N) - rho * world.w.lag(np.eye(N)[None])[0]
    y = np.linalg.solve(s, (world.y @ s.T - errors + drawn)[..., None])[..., 0]
    wanted = 2 * (max(world.loglik([value], y) for value in values) - world.loglik([], y))
    np.testing.assert_allclose(found.tests[0].draws[0], wanted, rtol=1e-7)
