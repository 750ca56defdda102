"""Batches with a large sparse W are those with the same W dense."""

from __future__ import annotations

import numpy as np
import pytest
import scipy

from digicarbon.numeric.linear.within import EffectsKind
from digicarbon.numeric.spatial.batch import LagBatch
from digicarbon.numeric.spatial.error_batch import ErrorBatch
from digicarbon.numeric.spatial.lag_outcomes import LagOutcomes
from digicarbon.numeric.spatial.lag_space import LagSpace
from digicarbon.numeric.spatial.largest import largest
from digicarbon.numeric.spatial.likelihood import Sample
from digicarbon.numeric.spatial.operator import DenseOperator, find_balance
from digicarbon.numeric.spatial.robust import SolvedTerm, SpatialTerm
from digicarbon.numeric.spatial.sparse import SparseOperator

ROWS, COLUMNS, T, DRAWS = 15, 20, 4, 7
N = ROWS * COLUMNS


def operators(symmetric: bool) -> tuple[DenseOperator, SparseOperator]:
    """Return a lattice of 300 units in both forms; if not symmetric, each unit lacks one of its neighbours."""
    grid = np.arange(N).reshape(ROWS, COLUMNS)
    links = np.zeros((N, N))
    for one, other in ((grid[1:], grid[:-1]), (grid[:, 1:], grid[:, :-1])):
        links[one.ravel(), other.ravel()] = links[other.ravel(), one.ravel()] = 1.0
    if not symmetric:
        for unit in range(N):
            links[unit, np.flatnonzero(links[unit])[unit % 2]] = 0.0
    w = links / links.sum(axis=1, keepdims=True)
    sparse = scipy.sparse.csr_array(w)
    balance = find_balance(sparse)
    assert (balance is not None) == symmetric
    return DenseOperator(w, 1.0, balance), SparseOperator(sparse, 1.0, balance)


@pytest.mark.long
@pytest.mark.parametrize("effects", ["unit", "two_way"])
@pytest.mark.parametrize("symmetric", [True, False])
def test_batches_are_the_same(effects: EffectsKind, symmetric: bool) -> None:
    rng, sample = np.random.default_rng(4), Sample(N, T, effects, "lee_yu")
    dense, sparse = operators(symmetric)
    x = rng.normal(size=(T, N, 2))
    z = np.concatenate([x, dense.lag(x)], axis=2)
    y = rng.normal(size=(N, T, DRAWS)) + x[..., 0].T[..., None]
    for draw, rho in enumerate(np.linspace(-0.5, 0.7, DRAWS)):
        y[..., draw] = np.linalg.solve(np.eye(N) - rho * dense.w, y[..., draw])
    asked = [(0, 2, quantity) for quantity in ("coefficient", "direct", "indirect", "total")]
    every = []
    for operator in (dense, sparse):
        space = LagSpace(operator, sample)
        outcomes = space.outcomes(y)
        lag, error = LagBatch(z, operator, sample, space), ErrorBatch(z, space)
        found = []
        for errors in ("classic", "observed", "cluster"):
            parts, rho = lag.several(outcomes, asked, errors)
            of_error, lam = error.several(outcomes, [np.array([1.0, 0.0, 1.0, 0.0])], errors)
            found += [*(side for part in (*parts, *of_error) for side in part), rho, lam]
        every.append(np.array(found))
    np.testing.assert_allclose(every[1], every[0], rtol=1e-8, atol=1e-9)


def test_traces_of_many_places_are_those_of_few() -> None:
    dense, sparse = operators(symmetric=True)
    places = np.linspace(*dense.bounds, 402)[1:-1]
    roots = dense.eigenvalues / (1 - places[:, None] * dense.eigenvalues)
    for operator, tolerance in ((dense, 1e-9), (dense.transformed, None), (sparse, 1e-8)):
        first, second = operator.traces_at(places)
        if tolerance is None:
            singles = np.array([operator.traces(place) for place in places])
            np.testing.assert_allclose(np.column_stack([first, second]), singles, rtol=1e-9, atol=1e-8)
            continue
        np.testing.assert_allclose(first, roots.sum(axis=1), rtol=tolerance, atol=1e-8)
        np.testing.assert_allclose(second, (roots**2).sum(axis=1), rtol=tolerance)
    np.testing.assert_allclose(
        sparse.log_determinants(places[::40]), dense.log_determinants(places[::40]), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("by_time", [True, False])
def test_a_term_that_is_solved_is_one_that_is_formed(by_time: bool) -> None:
    dense, sparse = operators(symmetric=False)
    formed, solved = SpatialTerm(np.zeros(0), dense.g(0.4)), SolvedTerm(np.zeros(0), sparse, 0.4)
    units = slice(7, 19)
    # means over units are not taken from those of many
    np.testing.assert_allclose(solved.both(units, by_time), formed.both(units, by_time=False), atol=1e-12)
    np.testing.assert_allclose(solved.own(by_time), formed.own(by_time), atol=1e-12)


def test_blocks_do_not_depend_on_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    rng, sample = np.random.default_rng(4), Sample(N, T, "two_way", "lee_yu")
    space = LagSpace(operators(symmetric=True)[0], sample)
    batch = LagBatch(rng.normal(size=(T, N, 2)), space.w, sample, space)
    basis, weights = space.outcomes(rng.normal(size=(N, T, 5))), rng.normal(size=(5, 200))
    once, rho = batch.several(basis @ weights, [(0, None, "total")], "cluster")
    monkeypatch.setattr("digicarbon.numeric.spatial.lag_outcomes.CELLS", 1)
    parts, of_parts = batch.several(basis @ weights, [(0, None, "total")], "cluster")
    np.testing.assert_allclose(parts, once, rtol=1e-9)
    np.testing.assert_allclose(of_parts, rho, rtol=1e-9, atol=1e-12)
    plain = LagOutcomes(basis.level @ weights, basis.lagged @ weights)
    # rows that are formed of the same columns differ in their last of seven digits
    np.testing.assert_allclose(batch.several(plain, [(0, None, "total")], "cluster")[0], once, rtol=1e-7)


@pytest.mark.parametrize("effects", ["unit", "two_way"])
def test_the_largest_ratios_are_those_of_all_outcomes(effects: EffectsKind) -> None:
    rng, n = np.random.default_rng(9), 30
    ring = (np.roll(np.eye(n), 1, axis=1) + np.roll(np.eye(n), -1, axis=1)) / 2
    w, sample = DenseOperator(ring, 1.0, None), Sample(n, T, effects, "lee_yu")
    space = LagSpace(w, sample)
    batch = LagBatch(rng.normal(size=(T, n, 2)), w, sample, space)
    outcomes = space.outcomes(rng.normal(size=(n, T, 6))) @ rng.normal(size=(6, 400))
    for one in ((0, None, "total"), (0, 1, "direct"), (1, None, "coefficient")):
        [(effect, error)], rho = batch.several(outcomes, [one], "cluster")
        [(found, errors, places)] = largest(batch, [(outcomes, one, 0.02)], 20)
        np.testing.assert_allclose(found, effect, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(places, rho, rtol=1e-9, atol=1e-12)
        ratios, exact = np.abs(found - 0.02) / errors, np.abs(effect - 0.02) / error
        assert (ratios <= exact * (1 + 1e-6)).all()
        np.testing.assert_allclose(np.sort(ratios)[-20:], np.sort(exact)[-20:], rtol=1e-6)
        assert np.isinf(errors).any()


def test_null_models_together_have_the_errors_of_each_alone() -> None:
    """A draw near the end of the range of ρ makes nodes less exact: not those of other null models."""
    rng, n, t = np.random.default_rng(5), 30, 4
    ring = (np.roll(np.eye(n), 1, axis=1) + np.roll(np.eye(n), -1, axis=1)) / 2
    w, sample = DenseOperator(ring, 1.0, None), Sample(n, t, "two_way", "lee_yu")
    space = LagSpace(w, sample)
    batch, draws = LagBatch(rng.normal(size=(t, n, 2)), w, sample, space), rng.normal(size=(6, 300))
    bases = [space.outcomes(scale * rng.normal(size=(n, t, 6))) for scale in (1.0, 2.0)]
    low, high = space.used.bounds
    smooth = np.linalg.inv(np.eye(n) - (high - 1e-4 * (high - low)) * space.used.w)
    bases.append(space.outcomes(np.einsum("ij,jtm->itm", smooth, rng.normal(size=(n, t, 6)))))
    wanted = [(basis @ draws, one, 0.02) for basis in bases for one in ((0, 1, "direct"), (1, None, "coefficient"))]
    ends = set()
    for (outcomes, one, value), found in zip(wanted, largest(batch, wanted, 15), strict=True):
        [alone] = largest(batch, [(outcomes, one, value)], 15)
        [(effect, error)], rho = batch.several(outcomes, [one], "cluster")
        ends.add(space.range_of(rho))
        np.testing.assert_allclose(found[0], effect, rtol=1e-9, atol=1e-12)
        for side in (found, alone):
            made = np.isfinite(side[1])
            np.testing.assert_allclose(side[1][made], error[made], rtol=1e-5)
            ratios = np.abs(effect - value) / error
            assert set(np.argsort(-ratios)[:15]) <= set(np.flatnonzero(made))
    assert len(ends) > 1


@pytest.mark.parametrize("effects", ["none", "unit", "time", "two_way"])
def test_a_basis_of_draws_is_made_of_g(effects: EffectsKind) -> None:
    rng, n, t, rho = np.random.default_rng(6), 9, 5, 0.4
    links = rng.uniform(size=(n, n)) * (1 - np.eye(n))
    w = DenseOperator(links / links.sum(axis=1, keepdims=True), 1.0, None)
    space = LagSpace(w, Sample(n, t, effects, "lee_yu"))
    y, residuals, corrected = rng.normal(size=(3, n, t))
    inverse = np.linalg.inv(np.eye(n) - rho * space.used.w)
    columns = [y - inverse @ residuals]
    columns += [inverse @ (corrected * (np.arange(n) == unit)[:, None]) for unit in range(n)]
    expected, found = space.outcomes(np.stack(columns, axis=2)), space.drawn(y, residuals, (None, corrected), rho)
    np.testing.assert_allclose(found.level, expected.level, atol=1e-12)
    np.testing.assert_allclose(found.lagged, expected.lagged, atol=1e-12)


def test_a_draw_whose_units_have_no_scores_is_among_the_largest() -> None:
    """Its distance is small by the errors of the information, and large by those that are clustered."""
    rng, n, t = np.random.default_rng(9), 30, 8
    ring = (np.roll(np.eye(n), 1, axis=1) + np.roll(np.eye(n), -1, axis=1)) / 2
    w, sample = DenseOperator(ring, 1.0, None), Sample(n, t, "unit", "lee_yu")
    space, x = LagSpace(w, sample), rng.normal(size=(n, t, 1))
    batch = LagBatch(x.transpose(1, 0, 2), w, sample, space)
    y = rng.normal(size=(n, t, 400))
    inner = x - x.mean(axis=1, keepdims=True)
    slopes = (inner * y[..., 7:8]).sum(axis=1, keepdims=True) / (inner**2).sum(axis=1, keepdims=True)
    y[..., 7:8] -= 0.97 * slopes * x
    outcomes, one = space.outcomes(y), (0, None, "coefficient")
    ratios = []
    for errors in ("classic", "cluster"):
        [(effect, error)], _ = batch.several(outcomes, [one], errors)
        ratios.append(np.abs(effect - 0.06) / error)
    order = [list(np.argsort(-ratio)).index(7) for ratio in ratios]
    assert order[0] > 80
    assert order[1] < 20
    [(found, errors, _)] = largest(batch, [(outcomes, one, 0.06)], 20)
    np.testing.assert_allclose((np.abs(found - 0.06) / errors)[7], ratios[1][7], rtol=1e-6)


def test_own_shares_stay_exact_beside_a_draw_near_the_end() -> None:
    rng, n = np.random.default_rng(2), 10
    links = rng.uniform(size=(n, n)) * (1 - np.eye(n))
    operator = DenseOperator(links / links.sum(axis=1, keepdims=True), 1.0, None)
    space = LagSpace(operator, Sample(n, T, "time", "lee_yu"))
    low, high = space.used.bounds
    places = np.array([low + 0.01 * (high - low), 0.2])
    centring = np.eye(n) - 1 / n
    own = np.diag(centring @ operator.w @ np.linalg.inv(np.eye(n) - 0.2 * operator.w) @ centring)
    np.testing.assert_allclose(space.own_shares(places)[:, 1], own, rtol=1e-8, atol=1e-10)


@pytest.mark.long
@pytest.mark.parametrize(("effects", "close"), [("unit", 1e-6), ("two_way", 2e-3)])
@pytest.mark.parametrize("symmetric", [True, False])
def test_errors_of_many_units_are_those_of_few(
    effects: EffectsKind, close: float, symmetric: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pairs of far units and means over units are left out, and G is not made for each draw."""
    rng, sample = np.random.default_rng(5), Sample(N, T, effects, "lee_yu")
    z, y = rng.normal(size=(T, N, 2)), rng.normal(size=(N, T, 3))
    every = []
    for operator in operators(symmetric):
        for most in (N, 10):
            monkeypatch.setattr("digicarbon.numeric.spatial.batch.ALL_PAIRS", most)
            space = LagSpace(operator, sample)
            batch = LagBatch(z, operator, sample, space)
            found = batch.several(space.outcomes(y), [(0, None, "direct"), (0, None, "total")], "cluster")[0]
            every.append(np.array(found))
            if isinstance(operator, SparseOperator):
                assert len(space.pairs(space.nodes(np.array([-0.3, 0.3]))).first) < N * (N - 1) // 4
    for found in every[1:]:
        np.testing.assert_allclose(found, every[0], rtol=close)


def test_the_search_ends_where_scores_are_zero_and_traces_on_nodes_are_those_of_roots() -> None:
    rng, sample = np.random.default_rng(8), Sample(N, T, "two_way", "lee_yu")
    space = LagSpace(operators(symmetric=True)[0], sample)
    # y and Wy of a few rows: their likelihoods are highest all over the range
    level, lagged = rng.normal(size=(2, 5, 400))
    a, b, c = ((one * other).sum(axis=0) for one, other in ((level, level), (level, lagged), (lagged, lagged)))
    rho = space.maximise(a, b, c)
    assert np.ptp(rho) > 1.0
    roots = space.used.eigenvalues / (1 - rho[:, None] * space.used.eigenvalues)
    first, second = roots.sum(axis=1), (roots**2).sum(axis=1)
    ssr, pull = a - 2 * rho * b + rho**2 * c, b - rho * c
    score, slope = (
        sample.size * pull / ssr - sample.periods * first,
        sample.size * (2 * (pull / ssr) ** 2 - c / ssr) - sample.periods * second,
    )
    np.testing.assert_allclose(score / slope, 0.0, atol=1e-9)
    inner = np.abs(rho) < 0.6
    found = space.traces_at(space.located(rho[inner]), rho[inner])
    np.testing.assert_allclose(found[0], first[inner], rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(found[1], second[inner], rtol=1e-8)


def test_the_least_of_several_minima_is_found() -> None:
    space = LagSpace(operators(symmetric=True)[0], Sample(N, T, "two_way", "lee_yu"))
    scaled = np.random.default_rng(3).uniform(1.0, 2.0, size=(25, 500))
    scaled[:, 0] = np.abs(np.arange(25) - 7.2) + 1.0
    np.testing.assert_array_equal(space.highest(scaled / space._scale[:, None]), scaled.argmin(axis=0))
