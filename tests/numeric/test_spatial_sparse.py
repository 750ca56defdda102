"""The sparse operator against the dense one, and what it keeps between fits."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from digicarbon.numeric.spatial import sparse as spatial_sparse
from digicarbon.numeric.spatial.likelihood import Sample, climb, maximise_lag
from digicarbon.numeric.spatial.operator import DenseOperator, find_balance
from digicarbon.numeric.spatial.sparse import SparseOperator

Matrix = sparse.csr_array


def lattice(rows: int, columns: int) -> Matrix:
    """Queen contiguity of a rectangle, 0 and 1."""

    def path(m: int) -> Any:
        return sparse.diags_array([np.ones(m - 1), np.ones(m), np.ones(m - 1)], offsets=[-1, 0, 1])

    out = sparse.csr_array(sparse.kron(path(rows), path(columns)) - sparse.eye_array(rows * columns))
    out.eliminate_zeros()
    return out


def nearest(n: int, k: int) -> Matrix:
    """The k nearest of n random points: not symmetric."""
    points = np.random.default_rng(5).random((n, 2))
    distance = ((points[:, None] - points) ** 2).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    chosen = np.argsort(distance, axis=1)[:, :k]
    return sparse.csr_array((np.ones(n * k), (np.repeat(np.arange(n), k), chosen.ravel())), shape=(n, n))


def standardised(w: Matrix) -> Matrix:
    sums = np.asarray(w.sum(axis=1))
    return sparse.csr_array(sparse.diags_array(1 / np.where(sums > 0, sums, 1)) @ w)


def with_islands() -> Matrix:
    """A lattice with two units of no neighbour and a pair apart."""
    pair = sparse.csr_array([[0.0, 1.0], [1.0, 0.0]])
    return sparse.csr_array(sparse.block_diag([lattice(19, 21), sparse.csr_array((2, 2)), pair], format="csr"))


def operators(name: str) -> tuple[SparseOperator, DenseOperator]:
    w, c = {
        "lattice": (standardised(lattice(20, 21)), 1.0),
        "islands": (standardised(with_islands()), None),
        "raw": (lattice(20, 21) / 8, None),
        "nearest": (standardised(nearest(400, 5)), 1.0),
        "nearest, uneven": (standardised(nearest(400, 5)) * 0.7 + standardised(nearest(400, 9)).T * 0.2, None),
    }[name]
    w = sparse.csr_array(w)
    balance = find_balance(w)
    return SparseOperator(w, c, balance), DenseOperator(w.toarray(), c, balance)


@pytest.fixture(scope="module", params=["lattice", "islands", "raw", "nearest", "nearest, uneven"])
def pair(request: pytest.FixtureRequest) -> tuple[SparseOperator, DenseOperator]:
    return operators(request.param)


PLACES = (-0.999, -0.95, -0.4, -0.01, 0.0, 1e-4, 0.3, 0.7, 0.95, 0.999)
"""Positions of ρ as shares of the bound on its side."""


@pytest.mark.parametrize("place", PLACES)
def test_every_quantity_equals_the_dense_one(pair: tuple[SparseOperator, DenseOperator], place: float) -> None:
    thin, full = pair
    low, high = thin.bounds
    rho = place * high if place > 0 else -place * low
    near_end = abs(place) > 0.99
    assert thin.log_determinant(rho) == pytest.approx(full.log_determinant(rho), rel=1e-10, abs=1e-13 * thin.n)
    first, second = thin.traces(rho)
    expected = full.traces(rho)
    # tr G passes through 0: its error is seen beside N
    assert first == pytest.approx(expected[0], rel=1e-10, abs=1e-11 * thin.n)
    # where the spectrum may be complex and ρ is negative, singularities lie closer to the lower end
    assert second == pytest.approx(expected[1], rel=2e-7 if near_end and thin.balance is None else 1e-9)
    assert thin.trace_gg(rho) == pytest.approx(full.trace_gg(rho), rel=3e-8 if near_end else 1e-9)
    assert thin.trace_gg_error(rho) == 0.0 == full.trace_gg_error(rho)
    columns = np.random.default_rng(1).normal(size=(thin.n, 3))
    scale = np.abs(full.apply_g(rho, columns)).max()
    np.testing.assert_allclose(thin.apply_g(rho, columns), full.apply_g(rho, columns), atol=1e-11 * scale)
    np.testing.assert_allclose(thin.apply_gt(rho, columns), full.apply_gt(rho, columns), atol=1e-11 * scale)


def test_bounds_are_the_dense_ones_or_within(pair: tuple[SparseOperator, DenseOperator]) -> None:
    thin, full = pair
    if thin.balance is not None:
        assert thin.bounds == pytest.approx(full.bounds, rel=1e-8)
    else:
        assert thin.bounds[1] == pytest.approx(full.bounds[1], rel=1e-8)
        assert thin.bounds[0] == -thin.bounds[1] >= full.bounds[0] - 1e-8


def test_the_coarse_table_follows_the_log_determinant(pair: tuple[SparseOperator, DenseOperator]) -> None:
    thin, full = pair
    nodes, values = thin.coarse
    assert nodes[0] > thin.bounds[0]
    assert nodes[-1] < thin.bounds[1]
    assert (np.diff(nodes) > 0).all()
    inner = (nodes > 0.9 * thin.bounds[0]) & (nodes < 0.9 * thin.bounds[1])
    exact = np.array([full.log_determinant(rho) for rho in nodes])
    assert np.abs(values - exact)[inner].max() < 3e-3 * thin.n


def test_lags_are_taken_within_periods(pair: tuple[SparseOperator, DenseOperator]) -> None:
    thin, full = pair
    cube = np.random.default_rng(2).normal(size=(3, thin.n, 2))
    np.testing.assert_allclose(thin.lag(cube), full.lag(cube), atol=1e-14)


@pytest.mark.parametrize("name", ["lattice", "nearest"])
@pytest.mark.parametrize("rho", [-0.5, 0.1, 0.5, 0.9])
def test_the_stochastic_trace_is_within_its_stated_error(
    monkeypatch: pytest.MonkeyPatch, name: str, rho: float
) -> None:
    thin, full = operators(name)
    monkeypatch.setattr(spatial_sparse, "EXACT_FILL", 0)
    probed = SparseOperator(thin.w, thin.constant_row_sum)
    found, error = probed.trace_gg(rho), probed.trace_gg_error(rho)
    assert 0 < error < 0.01 * found
    assert abs(found - full.trace_gg(rho)) < 3 * error
    again = SparseOperator(thin.w, thin.constant_row_sum)
    assert again.trace_gg(rho) == found


def test_both_exact_traces_agree() -> None:
    thin, _ = operators("lattice")
    without = SparseOperator(thin.w, thin.constant_row_sum)
    assert thin.trace_gg(0.6) == pytest.approx(without.trace_gg(0.6), rel=1e-9)


def test_a_value_does_not_depend_on_what_was_asked_before() -> None:
    one, two = operators("lattice")[0], operators("lattice")[0]
    for rho in (0.1, 0.44, 0.52, 0.9):
        one.traces(rho)
    assert one.traces(0.48) == two.traces(0.48)
    assert one.trace_gg(0.48) == two.trace_gg(0.48)


def test_balance_is_found_where_there_is_one() -> None:
    rng = np.random.default_rng(3)
    size = rng.uniform(1, 5, 420)
    # neighbours weighed by their size, as in the study's W2
    w = standardised(sparse.csr_array(lattice(20, 21) @ sparse.diags_array(size)))
    d = find_balance(w)
    assert d is not None
    scaled = (sparse.diags_array(d) @ w).toarray()
    np.testing.assert_allclose(scaled, scaled.T, rtol=1e-11)
    assert find_balance(standardised(nearest(60, 4))) is None
    one_way = sparse.csr_array(np.diag(np.ones(4), 1))
    assert find_balance(one_way) is None
    # a cycle whose ratios do not multiply to one
    ring = np.array([[0, 2.0, 1], [1, 0, 2], [2, 1, 0]])
    assert find_balance(sparse.csr_array(ring)) is None
    np.testing.assert_array_equal(find_balance(sparse.csr_array((3, 3))), np.ones(3))


@pytest.mark.parametrize("name", ["lattice", "islands", "nearest", "raw"])
def test_the_maximum_is_found_wherever_it_lies(name: str) -> None:
    """The coarse table may miss by a node near the ends: the search then moves on."""
    thin, full = operators(name)
    full.__dict__["bounds"] = thin.bounds
    if thin.constant_row_sum:
        full.transformed.__dict__["bounds"] = thin.bounds
    rng = np.random.default_rng(0)
    for _ in range(200):
        effects: Any = rng.choice(["none", "unit", "two_way"] if thin.constant_row_sum else ["unit"])
        sample = Sample(thin.n, int(rng.integers(2, 12)), effects, "lee_yu")
        scale = np.exp(rng.normal())
        moments = (1.0, rng.uniform(-0.999, 0.999) * scale, scale**2)
        rho, boundary = maximise_lag(moments, thin, sample)
        expected = maximise_lag(moments, full, sample)
        assert boundary == expected[1]
        distance = min(rho - thin.bounds[0], thin.bounds[1] - rho)
        assert rho == pytest.approx(expected[0], abs=1e-9 * distance)


def test_the_search_moves_on_from_a_wrong_node() -> None:
    nodes = np.linspace(-1, 1, 11)

    def score(rho: float) -> tuple[float, float]:
        return 0.537 - rho, -1.0

    for wrong in range(11):
        heights = -np.abs(np.arange(11) - wrong).astype(float)
        assert climb(nodes, heights, score) == (pytest.approx(0.537, abs=1e-15), False)
    assert climb(nodes, nodes, lambda rho: (2.0 - rho, -1.0)) == (1.0, True)
    assert climb(nodes, nodes, lambda rho: (-2.0 - rho, -1.0)) == (-1.0, True)


def study(w: dc.Weights, periods: int = 5, seed: int = 4) -> dc.Panel:
    """A panel with spatial dependence in levels along w."""
    rng = np.random.default_rng(seed)
    n = w.n
    x = rng.normal(size=(periods, n, 2)) + rng.normal(size=(n, 2))
    target = x @ [1.0, -0.5] + rng.normal(size=n) + rng.normal(size=(periods, 1)) + rng.normal(size=(periods, n))
    y = np.linalg.solve(np.eye(n) - 0.35 * w.dense(), target.T).T
    frame = pd.DataFrame(
        {"unit": np.tile(w.labels, periods), "year": np.repeat(np.arange(periods), n), "y": y.ravel()}
        | {"a": x[..., 0].ravel(), "b": x[..., 1].ravel()}
    )
    return dc.Panel.from_frame(frame, "unit", "year")


def dense_twin(w: dc.Weights) -> dc.Weights:
    """The same weights with a dense operator in place."""
    twin = copy.copy(w)
    object.__setattr__(twin, "operator", DenseOperator(w.dense(), w.constant_row_sum, find_balance(w.matrix)))
    return twin


def labels(n: int) -> list[str]:
    return [f"{i:04d}" for i in range(n)]


@pytest.fixture(scope="module")
def queen() -> tuple[dc.Weights, dc.Panel]:
    w = dc.Weights.from_matrix(lattice(20, 21), labels(420))
    return w, study(w)


def assert_equal(one: dc.Result, two: dc.Result) -> None:
    np.testing.assert_allclose(one.coef, two.coef, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(one.estimates["se"], two.estimates["se"], rtol=1e-7)
    np.testing.assert_allclose(one.effects["coef"], two.effects["coef"], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(one.effects["se"], two.effects["se"], rtol=1e-7, atol=1e-12)
    assert one.statistics["loglik"] == pytest.approx(two.statistics["loglik"], rel=1e-11)


@pytest.mark.parametrize("kind", ["sar", "sem", "sdm", "sdem"])
@pytest.mark.parametrize("effects", ["none", "unit", "time", "two_way"])
@pytest.mark.parametrize("correction", ["none", "lee_yu"])
def test_fits_equal_the_dense_path(
    queen: tuple[dc.Weights, dc.Panel], kind: str, effects: str, correction: str
) -> None:
    w, panel = queen
    assert isinstance(w.operator, SparseOperator)
    model = dc.SpatialPanel(y="y", x=("a", "b"), kind=kind, effects=effects, bias_correction=correction)
    assert_equal(model.fit(panel, w), model.fit(panel, dense_twin(w)))


@pytest.mark.parametrize(("kind", "effects"), [("sdm", "two_way"), ("sem", "unit")])
@pytest.mark.parametrize(
    ("matrix", "how"), [(with_islands(), "row"), (lattice(20, 21), "minmax"), (lattice(20, 21), "spectral")]
)
def test_fits_with_uneven_rows_equal_the_dense_path(matrix: Matrix, how: Any, kind: str, effects: str) -> None:
    w = dc.Weights.from_matrix(matrix, labels(matrix.shape[0]), islands="keep", normalise=how)
    assert isinstance(w.operator, SparseOperator)
    panel = study(w)
    model = dc.SpatialPanel(y="y", x=("a", "b"), kind=kind, effects=effects, bias_correction="none")
    assert_equal(model.fit(panel, w), model.fit(panel, dense_twin(w)))


def test_estimators_that_need_g_take_a_dense_twin(queen: tuple[dc.Weights, dc.Panel]) -> None:
    w, panel = queen
    model = dc.SpatialPanel(y="y", x=("a", "b"), kind="sdm", cov="robust")
    assert_equal(model.fit(panel, w), model.fit(panel, dense_twin(w)))


def test_effects_by_unit_equal_the_dense_ones(queen: tuple[dc.Weights, dc.Panel]) -> None:
    w, panel = queen
    model = dc.SpatialPanel(y="y", x=("a", "b"), kind="sdm")
    found = model.fit(panel, w)
    pd.testing.assert_frame_equal(
        model.unit_effects(found, panel, w), model.unit_effects(found, panel, dense_twin(w)), rtol=1e-9
    )


def test_a_further_fit_uses_what_is_there(queen: tuple[dc.Weights, dc.Panel], monkeypatch: pytest.MonkeyPatch) -> None:
    w, panel = queen
    model = dc.SpatialPanel(y="y", x=("a", "b"), kind="sdm")
    first = model.fit(panel, w)
    calls: list[str] = []
    factor = spatial_sparse._factor
    monkeypatch.setattr(spatial_sparse, "_factor", lambda *a, **k: (calls.append("one"), factor(*a, **k))[1])
    again = model.fit(panel, w)
    np.testing.assert_array_equal(first.coef, again.coef)
    assert not calls
    # another outcome: at most one more interpolant, the factors at the new ρ, and the exact trace there
    model.model_copy(update={"y": "a", "x": ("b",)}).fit(panel, w)
    assert 0 < len(calls) <= 2 * spatial_sparse.NODES[True] + 3


def test_a_panel_in_another_order_shares_one_operator(queen: tuple[dc.Weights, dc.Panel]) -> None:
    w, panel = queen
    order = np.random.default_rng(6).permutation(w.n)
    shuffled = dc.Weights.from_matrix(w.raw[order][:, order], [w.labels[i] for i in order])
    assert shuffled.align(panel) is shuffled.align(panel)
    model = dc.SpatialPanel(y="y", x=("a", "b"), kind="sdm")
    assert_equal(model.fit(panel, shuffled), model.fit(panel, w))


def test_a_used_operator_travels_to_another_process(queen: tuple[dc.Weights, dc.Panel]) -> None:
    w, panel = queen
    model = dc.SpatialPanel(y="y", x=("a", "b"), kind="sar")
    here = model.fit(panel, w)
    there = model.fit(panel, pickle.loads(pickle.dumps(w)))
    np.testing.assert_array_equal(here.coef, there.coef)


def test_a_stochastic_trace_is_said_in_the_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    w = dc.Weights.from_matrix(nearest(410, 5), labels(410))
    panel = study(w)
    model = dc.SpatialPanel(y="y", x=("a", "b"), kind="sar")
    exact = model.fit(panel, dense_twin(w))
    assert not any("random vectors" in note for note in tuple(map(str, exact.notes)))
    monkeypatch.setattr(spatial_sparse, "EXACT_FILL", 0)
    found = model.fit(panel, w)
    assert sum("an estimate from seeded random vectors" in note for note in tuple(map(str, found.notes))) == 1
    np.testing.assert_allclose(found.coef, exact.coef, rtol=1e-9)
    np.testing.assert_allclose(found.estimates["se"], exact.estimates["se"], rtol=0.01)


def test_dense_weights_keep_the_dense_operator() -> None:
    distance = np.abs(np.subtract.outer(np.arange(410.0), np.arange(410.0)))
    w = dc.Weights.from_matrix(np.divide(1, distance, where=distance > 0, out=np.zeros_like(distance)), labels(410))
    assert isinstance(w.operator, DenseOperator)
    assert w.operator.balance is not None
