"""Composite indices against pymcdm, numpy's eigenvalues and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymcdm import weights as mcdm_weights
from pymcdm.methods import TOPSIS
from sklearn.decomposition import PCA

from digicarbon.numeric.accounts.indicators import z_scores
from digicarbon.packs.composite_index.numeric.entropy_weights import entropy_weights
from digicarbon.packs.composite_index.numeric.min_max import min_max
from digicarbon.packs.composite_index.numeric.principal_components import principal_components
from digicarbon.packs.composite_index.numeric.topsis import closeness

EXACT = 1e-12


def indicators(seed: int, n: int = 40, k: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.exp(rng.standard_normal((n, k)) @ rng.standard_normal((k, k))) * 10.0 ** rng.integers(-2, 6, k)


def test_min_max_by_hand() -> None:
    values = np.array([[1.0, 10.0], [3.0, 30.0], [2.0, 20.0]])
    found = min_max(values, np.array([False, True]), 0.01)
    np.testing.assert_allclose(found, [[0.01, 1.01], [1.01, 0.01], [0.51, 0.51]], rtol=1e-14)


def test_entropy_by_hand() -> None:
    # one indicator all in one row: entropy 0; one shared equally by two of four rows: ln 2 / ln 4
    values = np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    found = entropy_weights(values)
    np.testing.assert_allclose(found.entropy, [0.0, 0.5], atol=1e-15)
    np.testing.assert_allclose(found.weights, [2 / 3, 1 / 3], rtol=1e-15)


@pytest.mark.parametrize("seed", range(5))
def test_entropy_weights_agree_with_pymcdm(seed: int) -> None:
    scaled = min_max(indicators(seed), np.arange(5) % 2 == 1, 0.0001)
    found = entropy_weights(scaled)
    np.testing.assert_allclose(found.weights, mcdm_weights.entropy_weights(scaled), rtol=EXACT)
    assert found.weights.sum() == pytest.approx(1.0, rel=1e-14)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shift", [0.0, 0.0001, 1.0])
def test_topsis_agrees_with_pymcdm_whatever_the_shift(seed: int, shift: float) -> None:
    values, negative = indicators(seed), np.arange(5) % 2 == 1
    weights = np.random.default_rng(seed).dirichlet(np.ones(5))
    found = closeness(min_max(values, negative, shift), weights)
    expected = TOPSIS()(values, weights, np.where(negative, -1, 1))
    np.testing.assert_allclose(found, expected, rtol=EXACT)


def test_best_and_worst_of_topsis() -> None:
    values = np.array([[0.0, 0.0], [0.3, 0.9], [1.0, 1.0]])
    assert closeness(values, np.array([0.2, 0.8]))[[0, 2]].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("seed", range(5))
def test_components_agree_with_eigenvalues_and_scikit_learn(seed: int) -> None:
    values = np.log(indicators(seed))
    z = z_scores(values)
    np.testing.assert_allclose(z.std(axis=0, ddof=1), 1.0, rtol=1e-14)
    found = principal_components(z)
    eigenvalues, vectors = np.linalg.eigh(np.corrcoef(values.T))
    np.testing.assert_allclose(found.eigenvalues, eigenvalues[::-1], rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(np.abs(found.loadings), np.abs(vectors[:, ::-1]), atol=1e-10)
    peer = PCA(svd_solver="full").fit(z)
    np.testing.assert_allclose(found.shares, peer.explained_variance_ratio_, rtol=EXACT, atol=1e-15)
    scores = peer.transform(z)
    sign = np.sign((scores * found.scores).sum(axis=0))
    np.testing.assert_allclose(found.scores, scores * sign, atol=EXACT)
    np.testing.assert_allclose(z @ found.weights(3), found.index(3), atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_sign_of_the_index_is_that_of_the_indicators(seed: int, number: int) -> None:
    z = z_scores(np.random.default_rng(seed).standard_normal((12, 4)))
    found = principal_components(z)
    assert found.index(number) @ z.sum(axis=1) >= -1e-12
    turned = principal_components(-z)
    np.testing.assert_allclose(turned.index(number), -found.index(number), atol=1e-10)


def test_number_of_components_by_share() -> None:
    found = principal_components(z_scores(np.log(indicators(2))))
    cumulative = np.cumsum(found.shares)
    for share in (0.01, 0.5, 0.8, 0.95, 1.0):
        number = found.enough(share)
        assert cumulative[number - 1] >= share - 1e-12
        assert number == 1 or cumulative[number - 2] < share
    assert found.enough(1.0) <= 5


def test_fewer_rows_than_indicators() -> None:
    found = principal_components(z_scores(np.random.default_rng(1).standard_normal((3, 5))))
    assert found.eigenvalues.sum() == pytest.approx(5.0)
    np.testing.assert_allclose(found.loadings.T @ found.loadings, np.eye(5), atol=1e-12)
    assert found.enough(0.999) <= 2


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_units_of_measurement_and_order_of_rows_change_nothing(seed: int) -> None:
    values, negative = indicators(seed, n=9, k=3), np.array([False, True, False])
    order = np.random.default_rng(seed).permutation(9)
    moved = (values * np.array([1e3, 0.5, 7.0]) + np.array([0.0, 0.0, 5.0]))[order]
    for index in (
        lambda x: closeness(min_max(x, negative), entropy_weights(min_max(x, negative, 0.001)).weights),
        lambda x: principal_components(z_scores(x)).index(2),
    ):
        np.testing.assert_allclose(index(moved), index(values)[order], rtol=1e-8, atol=1e-9)
