"""Generalised moments of spatial errors against plain loops, a grid, and draws."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from spatial_iv_world import groups, ring

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.numeric.linear.within import EffectsKind, demean
from digicarbon.packs.endogenous_space.numeric.moments import QuadraticMoments, smallest

EFFECTS: tuple[EffectsKind, ...] = ("none", "unit", "time", "two_way")
W = groups(12)[0]


def moments(t: int, effects: EffectsKind) -> QuadraticMoments:
    return QuadraticMoments.of(scipy.sparse.csr_array(W), t, effects)


@pytest.mark.parametrize("effects", EFFECTS)
def test_diagonals_are_zero_among_what_effects_leave(effects: EffectsKind) -> None:
    j = np.eye(12) - 1 / 12 if effects in ("time", "two_way") else np.eye(12)
    for own, raw in zip(moments(4, effects).matrices, (W.T @ W, W), strict=True):
        dense = own.toarray()
        np.testing.assert_allclose((j @ dense @ j).diagonal(), 0, atol=1e-12)
        rest = raw - dense
        np.testing.assert_allclose(rest - np.diag(rest.diagonal()), 0, atol=1e-12)


@pytest.mark.parametrize("effects", EFFECTS)
def test_polynomials_are_quadratic_forms_of_filtered_residuals(effects: EffectsKind) -> None:
    rng = np.random.default_rng(1)
    u = demean(rng.normal(size=(4, 12)), effects)
    lagged = demean(u @ W.T, effects)
    found = moments(4, effects)
    g, slopes = found.polynomial(u, lagged)
    for lam in (-0.5, 0.2, 0.9):
        e = u - lam * lagged
        loops = [
            sum(e[t, i] * a.toarray()[i, k] * e[t, k] for t in range(4) for i in range(12) for k in range(12))
            for a in found.matrices
        ]
        np.testing.assert_allclose(g - slopes @ [lam, lam**2], loops, atol=1e-10)


@pytest.mark.parametrize("effects", EFFECTS)
def test_variance_is_that_of_draws_with_unequal_variances(effects: EffectsKind) -> None:
    rng = np.random.default_rng(2)
    found, deviations = moments(5, effects), rng.uniform(0.4, 2.0, 12)
    zero = np.zeros((5, 12))
    drawn = np.stack(
        [found.polynomial(demean(rng.normal(size=(5, 12)) * deviations, effects), zero)[0] for _ in range(6000)]
    )
    centre = drawn.mean(axis=0) / drawn.std(axis=0) * np.sqrt(len(drawn))
    assert np.abs(centre).max() < 4, "moments whose mean is zero whatever the variances"
    if effects in ("none", "unit"):
        squares = np.broadcast_to(deviations**2, (5, 12))
        np.testing.assert_allclose(found.variance(squares), np.cov(drawn.T), rtol=0.12)


def test_the_smallest_value_is_that_of_a_grid() -> None:
    rng = np.random.default_rng(3)
    places = np.linspace(-0.9, 0.9, 200_001)
    for _ in range(20):
        g, slopes, root = rng.normal(size=2), rng.normal(size=(2, 2)), rng.normal(size=(2, 2))
        weights = root @ root.T
        m = g[:, None] - slopes @ np.stack([places, places**2])
        values = np.einsum("im,ij,jm->m", m, weights, m)
        best, end = smallest(g, slopes, weights, (-0.9, 0.9))
        assert best == pytest.approx(places[np.argmin(values)], abs=1e-5)
        assert end == (abs(best) == 0.9)


def test_gradient_is_the_derivative_in_coefficients() -> None:
    rng = np.random.default_rng(4)
    found = QuadraticMoments.of(scipy.sparse.csr_array(ring(12)), 3, "unit")
    columns, u, zero = rng.normal(size=(3, 12, 2)), rng.normal(size=(3, 12)), np.zeros((3, 12))
    steps = [
        (found.polynomial(u - columns @ step, zero)[0] - found.polynomial(u + columns @ step, zero)[0]) / 2e-6
        for step in 1e-6 * np.eye(2)
    ]
    np.testing.assert_allclose(found.gradient(columns, u), np.stack(steps, axis=1), rtol=1e-5, atol=1e-7)


def equal_groups(count: int, size: int) -> FloatArray:
    """Return equal weights within groups of equal size."""
    return np.kron(np.eye(count), (np.ones((size, size)) - np.eye(size)) / (size - 1))


@pytest.mark.parametrize("effects", EFFECTS)
@pytest.mark.parametrize("size", [2, 3, 5])
def test_equal_groups_have_one_moment_whose_zero_is_the_ratio_of_two_variances(size: int, effects: EffectsKind) -> None:
    """(1 - λ)² times the variance between groups is (1 + λ/(m - 1))² times that within, each over its degrees."""
    count, t = 6, 4
    w = equal_groups(count, size)
    found = QuadraticMoments.of(scipy.sparse.csr_array(w), t, effects)
    assert len(found.matrices) == 1
    u = demean(np.random.default_rng(5).normal(size=(t, count * size)), effects)
    lagged = demean(u @ w.T, effects)
    best, end = smallest(*found.polynomial(u, lagged), np.eye(1), (1.0 - size, 1.0))
    means = np.repeat(u.reshape(t, count, size).mean(axis=2), size, axis=1)
    groups_left = count - (effects in ("time", "two_way"))
    between, within = (means**2).sum() / groups_left, ((u - means) ** 2).sum() / (count * (size - 1))
    ratio = np.sqrt(between / within)
    assert best == pytest.approx((ratio - 1) / (ratio + 1 / (size - 1)), abs=1e-9)
    assert not end


@pytest.mark.parametrize("effects", ["none", "unit"])
def test_other_weights_have_two(effects: EffectsKind) -> None:
    for w in (W, ring(12), scipy.linalg.block_diag(equal_groups(2, 3), equal_groups(1, 4))):
        assert len(QuadraticMoments.of(scipy.sparse.csr_array(w), 3, effects).matrices) == 2


def test_a_pentagon_has_one_beside_time_effects() -> None:
    w = (np.roll(np.eye(5), 1, axis=1) + np.roll(np.eye(5), -1, axis=1)) / 2
    sparse = scipy.sparse.csr_array(w)
    assert [len(QuadraticMoments.of(sparse, 3, effects).matrices) for effects in EFFECTS] == [2, 2, 1, 1]


@pytest.mark.parametrize("n", [2, 3, 8])
def test_equal_weights_of_all_units_have_none_beside_time_effects(n: int) -> None:
    w = scipy.sparse.csr_array(equal_groups(1, n))
    assert len(QuadraticMoments.of(w, 3, "unit").matrices) == 1
    with pytest.raises(EstimationError, match="do not identify λ"):
        QuadraticMoments.of(w, 3, "two_way")


def test_of_two_zeros_the_nearer_one_counts() -> None:
    """A directed triangle: λ and 1/λ give the same moment, of which rounding must not choose."""
    for lam in (0.3, 0.7):
        g, slopes = np.array([1.0]), np.array([[1 / lam + lam, -1.0]])
        for scale in np.linspace(0.5, 2.0, 50):
            assert smallest(scale * g, scale * slopes, np.eye(1), (-10.0, 10.0))[0] == pytest.approx(lam, abs=1e-9)
