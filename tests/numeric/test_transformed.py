"""W without the root of the constant: dense algebra in an orthonormal basis gives the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.linalg import block_diag

from digicarbon.numeric.spatial.operator import DenseOperator


def basis(n: int) -> Any:
    return np.linalg.eigh(np.eye(n) - 1 / n)[1][:, 1:]


def graph(name: str, n: int) -> DenseOperator:
    rng = np.random.default_rng(n)
    w = (rng.random((n, n)) < 0.3).astype(float)
    w[np.arange(n), np.arange(n) - 1] = 1
    np.fill_diagonal(w, 0)
    if name == "directed":
        return DenseOperator(w / w.sum(axis=1, keepdims=True), 1.0)
    if name == "real":
        # symmetric in other units than its rows': real vectors, which nothing tells of beforehand
        w = np.maximum(w, w.T) * (1 + np.arange(n) / n)
        return DenseOperator(w / w.sum(axis=1, keepdims=True), 1.0)
    w = np.maximum(w, w.T)
    if name == "two parts":
        w = np.asarray(
            block_diag(w[: n // 2, : n // 2] + np.eye(n // 2, k=1) + np.eye(n // 2, k=-1), w[n // 2 :, n // 2 :])
        )
        w = np.maximum(w, w.T)
        w[n // 2 :, n // 2 :] += np.eye(n - n // 2, k=1) + np.eye(n - n // 2, k=-1)
    sums = w.sum(axis=1)
    return DenseOperator(w / sums[:, None], 1.0, sums)


@pytest.mark.parametrize("n", [20, 120])
@pytest.mark.parametrize("name", ["directed", "real", "balanced", "two parts"])
def test_equals_dense_algebra(name: str, n: int) -> None:
    w = graph(name, n)
    used, f = w.transformed, basis(n)
    star = f.T @ w.w @ f
    low, high = used.bounds
    x = np.random.default_rng(0).normal(size=(n, 3))
    for rho in np.linspace(low, high, 9)[1:-1]:
        s = np.eye(n - 1) - rho * star
        g = np.linalg.solve(s.T, star.T).T
        assert used.log_determinant(rho) == pytest.approx(np.linalg.slogdet(s)[1], rel=1e-9, abs=1e-9)
        np.testing.assert_allclose(used.traces(rho), (np.trace(g), np.trace(g @ g)), rtol=1e-7, atol=1e-8)
        assert used.centred_norm(rho) == pytest.approx((g * g).sum(), rel=1e-8)
        np.testing.assert_allclose(f.T @ used.apply_g(rho, f @ (f.T @ x)), g @ (f.T @ x), rtol=1e-7, atol=1e-8)
        np.testing.assert_allclose(f.T @ used.apply_gt(rho, f @ (f.T @ x)), g.T @ (f.T @ x), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", ["directed", "real", "balanced"])
def test_the_range_ends_at_the_real_part_of_the_next_root(name: str) -> None:
    w = graph(name, 20)
    roots = np.sort(np.linalg.eigvals(w.w).real)
    assert w.transformed.bounds == pytest.approx((w.bounds[0], 1 / roots[-2]))
    assert w.transformed.bounds[1] > 1.2


def test_where_there_is_no_other_positive_root_it_reaches_as_far_up_as_down() -> None:
    parts = np.kron(np.ones((3, 3)) - np.eye(3), np.ones((2, 2))) / 4
    assert DenseOperator(parts, 1.0, np.ones(6)).transformed.bounds == pytest.approx((-2, 2))


def test_two_parts_without_links_still_end_at_one() -> None:
    assert graph("two parts", 20).transformed.bounds[1] == pytest.approx(1)
