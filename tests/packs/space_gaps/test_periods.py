"""Spatial panels by period against brute force: explicit dummies, explicit projections, numerical derivatives."""

from __future__ import annotations

import numpy as np
import pytest
import scipy

from digicarbon.arrays import BoolArray, FloatArray
from digicarbon.errors import EstimationError
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.linear.within import EffectsKind
from digicarbon.packs.space_gaps.numeric.clustered import clustered, own_share
from digicarbon.packs.space_gaps.numeric.effects import Effects
from digicarbon.packs.space_gaps.numeric.error import ErrorPeriods
from digicarbon.packs.space_gaps.numeric.estimates import PeriodFit
from digicarbon.packs.space_gaps.numeric.lag import fit_lags
from digicarbon.packs.space_gaps.numeric.mean_effects import mean_effects, multipliers
from digicarbon.packs.space_gaps.numeric.traces import (
    Traces,
    products_of,
    projected_products,
    projected_trace,
    slopes_of,
)
from digicarbon.packs.space_gaps.numeric.weights import PeriodWeights, distinct

T, N = 5, 9
KINDS: list[EffectsKind] = ["none", "unit", "time", "two_way"]


class World:
    """Unbalanced data of a model with given parameters, and everything again as plain matrices of observed rows."""

    def __init__(self, seed: int, several: int = 1, symmetric: bool = False, lam: float = 0.0) -> None:
        rng = np.random.default_rng(seed)
        self.present = rng.random((T, N)) > 0.2
        blocks = np.zeros((T, several, N, N))
        for period in range(T):
            for place in range(several):
                raw = (rng.random((N, N)) < 0.5) * 1.0
                raw = np.triu(raw, 1) + np.triu(raw, 1).T if symmetric else raw
                np.fill_diagonal(raw, 0.0)
                raw = raw * self.present[period][:, None] * self.present[period]
                blocks[period, place] = raw / np.maximum(raw.sum(axis=1, keepdims=True), 1)
        self.weights = PeriodWeights(*distinct(list(blocks)), self.present)
        self.x = rng.standard_normal((T, N, 2)) * self.present[..., None]
        own, time, e = rng.standard_normal(N), rng.standard_normal(T), rng.standard_normal((T, N))
        self.rho = np.array([0.35, 0.25])[:several] * (lam == 0)
        inverse = self.weights.inverse(self.rho)[self.weights.which]
        noise = np.linalg.inv(np.eye(N) - lam * blocks[:, 0]) @ e[..., None]
        lead = (self.x @ [1.0, -0.5] + own + time[:, None])[..., None] + noise
        self.y = (inverse @ (lead * self.present[..., None]))[..., 0] * self.present
        self.keep = self.present.ravel()
        self.big = [
            scipy.linalg.block_diag(*blocks[:, place])[np.ix_(self.keep, self.keep)] for place in range(several)
        ]

    def dummies(self, kind: EffectsKind) -> FloatArray:
        period, unit = np.divmod(np.arange(T * N), N)
        parts = [np.empty((T * N, 0))]
        if kind in ("unit", "two_way"):
            parts.append(np.equal.outer(unit, np.arange(N)).astype(float))
        if kind in ("time", "two_way"):
            parts.append(np.equal.outer(period, np.arange(T)).astype(float))
        return np.concatenate(parts, axis=1)[self.keep]

    def rows(self, cube: FloatArray) -> FloatArray:
        return cube.reshape(T * N, -1)[self.keep]

    def fit(self, kind: EffectsKind, adjusted: bool) -> PeriodFit:
        effects = Effects.of(self.present, kind)
        lags = [self.weights.lag(self.y[..., None], place) for place in range(self.weights.several)]
        columns = effects.remove(np.concatenate([self.x, self.y[..., None], *lags], axis=2))
        return fit_lags(columns, self.weights, effects, adjusted)

    def fit_error(self, kind: EffectsKind, adjusted: bool) -> PeriodFit:
        return ErrorPeriods(self.x, self.weights, Effects.of(self.present, kind), adjusted).fit(self.y)


def maker(columns: FloatArray, rows: int) -> FloatArray:
    """The projection that removes columns."""
    return np.eye(rows) - columns @ np.linalg.pinv(columns)


def lag_scores(world: World, kind: EffectsKind, adjusted: bool, parameters: FloatArray) -> FloatArray:
    """The (adjusted) scores of β, ρ and σ² with explicit matrices."""
    x, y = world.rows(world.x), world.rows(world.y)[:, 0]
    several = len(world.big)
    beta, rho, sigma2 = parameters[:2], parameters[2 : 2 + several], parameters[-1]
    removing = maker(world.dummies(kind), len(y))
    filtered = np.eye(len(y)) - sum(r * w for r, w in zip(rho, world.big, strict=True))
    e = removing @ (filtered @ y - x @ beta)
    count = np.trace(removing) if adjusted else len(y)
    of_trace = removing if adjusted else np.eye(len(y))
    inverse = np.linalg.inv(filtered)
    scores = [x.T @ e / sigma2]
    scores += [np.array([(w @ y) @ e / sigma2 - np.trace(of_trace @ w @ inverse)]) for w in world.big]
    return np.concatenate([*scores, [e @ e / (2 * sigma2**2) - count / (2 * sigma2)]])


def error_scores(world: World, kind: EffectsKind, adjusted: bool, parameters: FloatArray) -> FloatArray:
    """The same of a spatial error, whose filter changes the dummies."""
    x, y = world.rows(world.x), world.rows(world.y)[:, 0]
    beta, lam, sigma2 = parameters[:2], parameters[2], parameters[3]
    filtered = np.eye(len(y)) - lam * world.big[0]
    removing = maker(filtered @ world.dummies(kind), len(y))
    e = removing @ filtered @ (y - x @ beta)
    g = world.big[0] @ np.linalg.inv(filtered)
    count = np.trace(removing) if adjusted else len(y)
    trace = np.trace((removing if adjusted else np.eye(len(y))) @ g)
    return np.concatenate(
        [(filtered @ x).T @ e / sigma2, [e @ g @ e / sigma2 - trace], [e @ e / (2 * sigma2**2) - count / (2 * sigma2)]]
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("adjusted", [True, False])
@pytest.mark.parametrize(("several", "symmetric"), [(1, True), (1, False), (2, False)])
def test_scores_with_explicit_dummies_are_zero(
    kind: EffectsKind, adjusted: bool, several: int, symmetric: bool
) -> None:
    world = World(31, several, symmetric)
    found = world.fit(kind, adjusted)
    assert not found.boundary
    parameters = np.concatenate([found.beta, found.spatial, [found.sigma2]])
    np.testing.assert_allclose(lag_scores(world, kind, adjusted, parameters), 0, atol=1e-8)


@pytest.mark.parametrize("several", [1, 2])
def test_scores_without_regressors_are_zero(several: int) -> None:
    world = World(31, several)
    world.x = world.x[..., :0]
    found = world.fit("unit", True)
    assert found.beta.shape == (0,)
    effects = maker(world.dummies("unit"), int(world.keep.sum()))
    y = world.rows(world.y)[:, 0]
    filtered = np.eye(len(y)) - sum(r * w for r, w in zip(found.spatial, world.big, strict=True))
    e = effects @ filtered @ y
    assert e @ e / np.trace(effects) == pytest.approx(found.sigma2)
    for w in world.big:
        assert (w @ y) @ e / found.sigma2 == pytest.approx(np.trace(effects @ w @ np.linalg.inv(filtered)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("adjusted", [True, False])
def test_error_scores_with_explicit_dummies_are_zero(kind: EffectsKind, adjusted: bool) -> None:
    world = World(5, lam=0.4)
    found = world.fit_error(kind, adjusted)
    parameters = np.concatenate([found.beta, found.spatial, [found.sigma2]])
    np.testing.assert_allclose(error_scores(world, kind, adjusted, parameters), 0, atol=1e-8)


@pytest.mark.parametrize("kind", ["unit", "two_way"])
@pytest.mark.parametrize("several", [1, 2])
def test_the_likelihood_is_highest_where_an_optimiser_finds_it(kind: EffectsKind, several: int) -> None:
    world = World(7, several)
    x, y = world.rows(world.x), world.rows(world.y)[:, 0]
    z = np.concatenate([x, world.dummies(kind)], axis=1)
    rest = maker(z, len(y))

    def minus(rho: FloatArray) -> float:
        filtered = np.eye(len(y)) - sum(r * w for r, w in zip(rho, world.big, strict=True))
        e = rest @ filtered @ y
        return float(len(y) / 2 * np.log(e @ e) - np.linalg.slogdet(filtered)[1])

    best = scipy.optimize.minimize(minus, np.zeros(several), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 0})
    found = world.fit(kind, False)
    np.testing.assert_allclose(found.spatial, best.x, atol=1e-6)
    n = len(y)
    loglik = -best.fun - n / 2 * (np.log(2 * np.pi / n) + 1)
    assert found.loglik == pytest.approx(loglik, abs=1e-8)


@pytest.mark.parametrize("kind", ["unit", "two_way"])
@pytest.mark.parametrize("several", [1, 2])
def test_covariance_is_that_of_many_simulated_scores_and_slopes(kind: EffectsKind, several: int) -> None:
    """Ω and J from explicit matrices at the true parameters, with the expectations that normal errors have."""
    world = World(11, several)
    found = world.fit(kind, True)
    n = int(world.keep.sum())
    removing = maker(world.dummies(kind), n)
    x, y = world.rows(world.x), world.rows(world.y)[:, 0]
    filtered = np.eye(n) - sum(r * w for r, w in zip(found.spatial, world.big, strict=True))
    inverse = np.linalg.inv(filtered)
    g = [w @ inverse for w in world.big]
    e = removing @ (filtered @ y - x @ found.beta)
    columns = [x[:, 0], x[:, 1], *(w @ y - own @ e for w, own in zip(world.big, g, strict=True))]
    columns = [removing @ column for column in columns]
    k = 2 + several
    slope = np.array([[a @ b for a in columns] for b in columns]) / found.sigma2
    slope = np.block([[slope, np.zeros((k, 1))], [np.zeros((1, k + 1))]])
    spread = slope.copy()
    for s in range(several):
        for u in range(several):
            # the noise of the estimate of η is taken off
            off = np.trace(removing @ g[s] @ (np.eye(n) - removing) @ g[u].T)
            base = np.trace(g[s].T @ removing @ g[u]) - off
            slope[2 + s, 2 + u] += base + np.trace(removing @ g[s] @ g[u])
            spread[2 + s, 2 + u] += base + np.trace(removing @ g[s] @ removing @ g[u])
        for matrix in (slope, spread):
            matrix[2 + s, -1] = matrix[-1, 2 + s] = np.trace(removing @ g[s]) / found.sigma2
    slope[-1, -1] = spread[-1, -1] = np.trace(removing) / (2 * found.sigma2**2)
    inner = np.linalg.inv(slope)
    np.testing.assert_allclose(found.covariance, inner @ spread @ inner.T, rtol=1e-8, atol=1e-12)


def test_slopes_of_the_adjusted_scores_are_minus_j_on_average() -> None:
    """Numerical derivatives of the scores at the true parameters, averaged over outcomes, and the scores' variance."""
    world, kind = World(13), "two_way"
    rng = np.random.default_rng(1)
    n = int(world.keep.sum())
    removing = maker(world.dummies("two_way"), n)
    x = world.rows(world.x)
    true = np.array([1.0, -0.5, 0.35, 1.0])
    inverse = np.linalg.inv(np.eye(n) - 0.35 * world.big[0])
    lead = x @ true[:2] + world.dummies("two_way") @ rng.standard_normal(N + T)
    draws = 4000
    scores, slopes = np.empty((draws, 4)), np.zeros((4, 4))
    for draw in range(draws):
        world.y = np.zeros((T, N))
        world.y[world.present] = inverse @ (lead + rng.standard_normal(n))
        scores[draw] = lag_scores(world, kind, True, true)
        if draw < 60:
            for place in range(4):
                step = np.eye(4)[place] * 1e-5
                up, down = (lag_scores(world, kind, True, true + sign * step) for sign in (1, -1))
                slopes[:, place] -= (up - down) / 2e-5 / 60
    g = world.big[0] @ inverse
    eta = removing @ g @ lead
    both = np.trace(g.T @ removing @ g)
    j = eta @ eta + both + np.trace(removing @ g @ g)
    omega = eta @ eta + both + np.trace(removing @ g @ removing @ g)
    assert np.abs(scores.mean(axis=0) / (scores.std(axis=0) / np.sqrt(draws))).max() < 4
    assert scores[:, 2].var() == pytest.approx(omega, rel=0.1)
    assert slopes[2, 2] == pytest.approx(j, rel=0.1)


def test_error_covariance_is_the_inverse_information_with_explicit_matrices() -> None:
    world = World(5, lam=0.4)
    found = world.fit_error("two_way", True)
    n = int(world.keep.sum())
    filtered = np.eye(n) - found.spatial[0] * world.big[0]
    removing = maker(filtered @ world.dummies("two_way"), n)
    g = world.big[0] @ np.linalg.inv(filtered)
    z = filtered @ world.rows(world.x)
    np.testing.assert_allclose(found.covariance[:2, :2], found.sigma2 * np.linalg.inv(z.T @ removing @ z), rtol=1e-8)
    inner = removing @ g @ removing
    information = np.array(
        [
            [np.trace(inner @ inner) + np.trace(inner @ inner.T), np.trace(inner) / found.sigma2],
            [np.trace(inner) / found.sigma2, np.trace(removing) / (2 * found.sigma2**2)],
        ]
    )
    np.testing.assert_allclose(found.covariance[2:, 2:], np.linalg.inv(information), rtol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("several", "error"), [(1, False), (2, False), (1, True)])
@pytest.mark.parametrize("by", ["unit", "cluster"])
def test_clustered_covariance_is_that_of_loops_over_units_and_pairs(
    kind: EffectsKind, several: int, error: bool, by: str
) -> None:
    world = World(5, lam=0.4) if error else World(11, several)
    effects = Effects.of(world.present, kind)
    found = world.fit_error(kind, True) if error else world.fit(kind, True)
    period, unit = (one.ravel()[world.keep] for one in np.indices((T, N)))
    n = len(unit)
    filtered = np.eye(n) - sum(r * w for r, w in zip(found.spatial, world.big, strict=True))
    dummies = world.dummies(kind)
    removing = maker(filtered @ dummies if error else dummies, n)
    x, y = world.rows(world.x), world.rows(world.y)[:, 0]
    e = removing @ (filtered @ (y - x @ found.beta) if error else filtered @ y - x @ found.beta)
    z = removing @ (filtered @ x if error else x)
    times = np.equal.outer(period, np.arange(T)).astype(float)
    means = maker(filtered @ times if error else times, n) if kind in ("time", "two_way") else np.eye(n)
    inverse = np.linalg.inv(filtered)
    g = [means @ w @ inverse @ means for w in world.big]
    q = [0 * e if error else removing @ (w @ y - w @ inverse @ e) for w in world.big]
    counts = np.bincount(unit, minlength=N)
    share = 1 - 1 / counts[unit] if kind in ("unit", "two_way") else np.ones(n)
    left = np.diag(maker(dummies, n))
    sums = []
    meat = np.zeros((3 + several, 3 + several))
    members = np.arange(N) if by == "unit" else np.arange(N) ** 2 % 5
    group = members[unit]
    for i in np.unique(group):
        own = group == i
        own_errors = e[own]
        line = list(z[own].T @ own_errors / found.sigma2)
        for of_q, of_g in zip(q, g, strict=True):
            inner = of_g[np.ix_(own, own)]
            diagonal = np.diag(inner)
            squares = diagonal @ (own_errors**2 - found.sigma2 * share[own])
            # products of different units of a cluster; there is no G between periods
            apart = own_errors @ (inner - np.diag(diagonal)) @ own_errors
            line.append((of_q[own] @ own_errors + squares + apart) / found.sigma2)
        sums.append([*line, (own_errors**2 - found.sigma2 * left[own]).sum() / (2 * found.sigma2**2)])
        for j in np.unique(group[group < i]):
            other = group == j
            products = np.array(
                [own_errors @ (of_g[np.ix_(own, other)] + of_g[np.ix_(other, own)].T) @ e[other] for of_g in g]
            )
            meat[2 : 2 + several, 2 : 2 + several] += np.outer(products, products) / found.sigma2**2
    centred = np.array(sums) - np.mean(sums, axis=0)
    meat += centred.T @ centred
    want = found.bread @ meat @ found.bread.T * len(sums) / (len(sums) - 1)
    clusters = None if by == "unit" else Groups.of([members])
    np.testing.assert_allclose(clustered(found, world.weights, effects, error, clusters), want, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_traces_are_those_of_explicit_matrices(kind: EffectsKind) -> None:
    world = World(19)
    effects = Effects.of(world.present, kind)
    g = world.weights.g(np.array([0.3]))[0]
    removing = maker(world.dummies(kind), int(world.keep.sum()))
    big = world.big[0] @ np.linalg.inv(np.eye(len(removing)) - 0.3 * world.big[0])
    want = [removing @ big, removing @ big @ big, removing @ big @ removing @ big, removing @ big @ removing @ big.T]
    traces = [np.trace(one) for one in want]
    np.testing.assert_allclose(projected_products(effects.basis, g), traces, rtol=1e-10)
    made = products_of(g[None], effects)
    np.testing.assert_allclose([made.trace[0], made.bent[0, 0], made.square[0, 0], made.norm[0, 0]], traces, rtol=1e-9)
    np.testing.assert_allclose([one.item() for one in slopes_of(g[None], effects)], traces[:2], rtol=1e-9)
    assert projected_trace(effects.basis, g) == pytest.approx(np.trace(removing @ big), rel=1e-10)
    assert effects.degrees == pytest.approx(np.trace(removing))
    by_roots = Traces(world.weights, effects.basis)
    solved = Traces(world.weights, effects.basis)
    solved._shares = None
    places = np.array([-0.5, 0.3, 0.8])
    np.testing.assert_allclose(by_roots.at(places), solved.at(places), rtol=1e-8)


def test_weights_without_good_eigenvectors_give_the_same_estimate() -> None:
    """A directed chain has one eigenvector for all of its zeros."""
    chain = np.zeros((N, N))
    chain[np.arange(1, N), np.arange(N - 1)] = 1.0
    chain[0, 1] = 1.0
    chain[4, [2, 3]] = 0.5
    world = World(23)
    present = np.ones((T, N), dtype=bool)
    weights = PeriodWeights(chain[None, None], np.zeros(T, dtype=np.int64), present)
    effects = Effects.of(present, "unit")
    rng = np.random.default_rng(2)
    y = np.linalg.solve(np.eye(N) - 0.4 * chain, rng.standard_normal((N, T))).T
    columns = effects.remove(
        np.stack([world.x[..., 0] + rng.standard_normal((T, N)), y, weights.lag(y[..., None])[..., 0]], axis=2)
    )
    traces = Traces(weights, effects.basis)
    assert not traces.smooth
    # the search begins from integrals of tr QG, (T - 1) tr G here
    nodes, heights = traces.coarse
    logs = np.linalg.slogdet(np.eye(N) - nodes[:, None, None] * chain)[1]
    np.testing.assert_allclose(heights, (T - 1) * logs, atol=0.05)
    found = fit_lags(columns, weights, effects, True, traces)
    z, own, lag = columns.reshape(-1, 3).T
    rest = maker(z[:, None], len(z))

    def slope(rho: float) -> float:
        e = rest @ (own - rho * lag)
        return float(effects.degrees * (lag @ e) / (e @ e) - traces.at(np.array([rho]))[0][0])

    assert found.spatial[0] == pytest.approx(scipy.optimize.brentq(slope, -0.3, 0.9, xtol=1e-14), abs=1e-9)


def test_effects_and_their_errors_are_numerical_derivatives() -> None:
    world = World(29, several=2)
    rho, rng = np.array([0.3, 0.2]), np.random.default_rng(3)
    coefficients = rng.standard_normal((2, 3))
    root = rng.standard_normal((8, 8))
    covariance = root @ root.T / 50
    counts = world.present.sum(axis=1)

    def plain(parameters: FloatArray) -> FloatArray:
        inverse = np.linalg.inv(
            np.eye(len(world.big[0])) - sum(r * w for r, w in zip(parameters[6:], world.big, strict=True))
        )
        out = []
        for beta, first, second in parameters[:6].reshape(2, 3):
            every = inverse @ (beta * np.eye(len(inverse)) + first * world.big[0] + second * world.big[1])
            direct, total = np.trace(every) / len(every), every.sum() / len(every)
            out.append([direct, total - direct, total])
        return np.array(out).T

    point = np.concatenate([coefficients.ravel(), rho])
    values, errors = mean_effects(coefficients, covariance, multipliers(world.weights, rho), counts)
    np.testing.assert_allclose(values, plain(point), rtol=1e-10)
    steps = np.eye(8) * 1e-6
    slopes = np.stack([(plain(point + step) - plain(point - step)) / 2e-6 for step in steps], axis=-1)
    np.testing.assert_allclose(errors, np.sqrt(np.einsum("eki,ij,ekj->ek", slopes, covariance, slopes)), rtol=1e-6)


def test_effects_of_units_leave_nothing_of_a_unit_that_is_there_once() -> None:
    present = np.ones((4, 3), dtype=bool)
    present[1:, 0] = present[2:, 1] = False
    share = own_share(Effects.of(present, "unit"))
    np.testing.assert_allclose(share[0], [0, 1 / 2, 3 / 4])
    np.testing.assert_array_equal(own_share(Effects.of(present, "time")), present)


def test_parts_that_share_no_unit_have_a_dummy_less_each() -> None:
    present = np.zeros((4, 6), dtype=bool)
    present[:2, :3] = present[2:, 3:] = True
    assert Effects.of(present, "two_way").degrees == 12 - (6 + 4 - 2)


def test_outcomes_that_say_nothing_of_rho_are_refused() -> None:
    present: BoolArray = np.ones((T, N), dtype=bool)
    everyone = (np.ones((N, N)) - np.eye(N)) / (N - 1)
    weights = PeriodWeights(everyone[None, None], np.zeros(T, dtype=np.int64), present)
    effects = Effects.of(present, "time")
    rng = np.random.default_rng(4)
    y, x = rng.standard_normal((2, T, N))
    columns = effects.remove(np.stack([x, y, weights.lag(y[..., None])[..., 0]], axis=2))
    with pytest.raises(EstimationError, match="not identified"):
        fit_lags(columns, weights, effects, True)
