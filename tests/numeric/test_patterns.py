"""Patterns of a W, and draws that rotate them."""

from __future__ import annotations

import numpy as np
import pytest
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.within import Rows
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.null_model import LagNulls, NullModel
from digicarbon.numeric.resampling.patterns import WIDEST, bands, patterns_in, rotations
from digicarbon.numeric.resampling.unit_wild import basis_of, corrected, draws_of
from digicarbon.numeric.spatial.likelihood import Sample
from digicarbon.numeric.spatial.operator import DenseOperator, row_standardised

N, T = 10, 5
RNG = np.random.default_rng(4)
ROWS = Rows(np.repeat(np.arange(N), T), np.tile(np.arange(T), N), N, T)


def matrix() -> FloatArray:
    raw = (RNG.random((N, N)) < 0.4).astype(float) + np.roll(np.eye(N), 1, axis=1)
    np.fill_diagonal(raw, 0.0)
    return np.asarray(row_standardised(scipy.sparse.csr_array(raw)).toarray())


W = matrix()
PATTERNS = patterns_in(W)


def draws(number: int = 7, seed: int = 1) -> Draws:
    return Draws(np.ones((1, N)), PATTERNS, number, seed)


def whole(one: FloatArray, n: int = N) -> FloatArray:
    """A rotation within bands as a matrix."""
    out, start = np.zeros((n, n)), 0
    for band in bands(n):
        size = len(band)
        out[np.ix_(band, band)] = one[start : start + size**2].reshape(size, size)
        start += size**2
    return out


def null_model(rows: Rows = ROWS) -> NullModel:
    y, z = RNG.normal(size=N * T), RNG.normal(size=(N * T, 1))
    sample = Sample(N, T, "two_way", "none")
    return LagNulls(y, z, np.empty((N * T, 0)), rows, DenseOperator(W, 1.0), sample).shifted(np.empty(0))


def test_patterns_are_orthonormal_and_the_first_is_the_smoothest() -> None:
    vectors = PATTERNS.vectors
    assert np.allclose(vectors.T @ vectors, np.eye(N))
    centred = vectors - vectors.mean(axis=0)
    assert (np.diff(np.einsum("nk,nk->k", centred, W @ centred)) <= 1e-12).all()
    # the constant has no Moran's I, and is a pattern
    assert np.isclose(np.abs(vectors.sum(axis=0)).max(), np.sqrt(N))


def test_patterns_are_the_same_whatever_a_library_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a ring eigenvalues are equal by pairs; any rotation of their vectors, and any sign, is one of them."""
    ring = (np.roll(np.eye(N), 1, axis=1) + np.roll(np.eye(N), -1, axis=1)) / 2
    expected, solve = patterns_in(ring).vectors, np.linalg.eigh

    def other(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
        values, vectors = solve(matrix)
        for first in range(N - 1):
            if np.isclose(values[first], values[first + 1], atol=1e-9):
                turn = np.array([[0.6, -0.8], [0.8, 0.6]])
                vectors[:, first : first + 2] = vectors[:, first : first + 2] @ turn
        return values, -vectors

    monkeypatch.setattr(np.linalg, "eigh", other)
    assert np.allclose(patterns_in(ring).vectors, expected, atol=1e-9)
    assert np.allclose(expected.T @ expected, np.eye(N))


@pytest.mark.parametrize("n", range(1, 14))
def test_bands_are_neighbours_and_rotations_are_orthogonal(n: int) -> None:
    parts = bands(n)
    assert np.concatenate(parts).tolist() == list(range(n))
    assert {len(band) for band in parts} <= {WIDEST, WIDEST - 1, n}
    for one in rotations(n, 20, 3):
        assert np.allclose(whole(one, n) @ whole(one, n).T, np.eye(n))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_rotations_are_uniform(n: int) -> None:
    """Entries of a uniform orthogonal matrix have mean 0, variance 1/n, and fourth moment 3/(n(n + 2)); det is ±1."""
    entries = rotations(n, 40_000, 1)
    assert np.abs(entries.mean(axis=0)).max() < 0.02
    assert np.allclose((entries**2).mean(axis=0), 1 / n, atol=0.01)
    assert np.allclose((entries**4).mean(axis=0), 3 / (n * (n + 2)), atol=0.015)
    assert abs(np.linalg.det(entries.reshape(-1, n, n)).mean()) < 0.02


def test_rotations_belong_to_a_seed_and_a_name() -> None:
    assert np.array_equal(rotations(N, 5, 1), rotations(N, 5, 1))
    assert not np.allclose(rotations(N, 5, 1), rotations(N, 5, 2))
    assert not np.allclose(rotations(N, 5, 1), rotations(N, 5, 1, "other"))
    # the bands that two samples share turn alike
    assert np.array_equal(rotations(9, 5, 1)[:, :9], rotations(12, 5, 1)[:, :9])


def test_draws_are_those_of_the_formula_and_of_their_basis() -> None:
    null, own = null_model(), draws()
    safe = corrected(null).reshape(N, T)
    scale = np.sqrt(np.sqrt((safe**2).mean(axis=1)))[:, None]
    vectors, rho = PATTERNS.vectors, null.filters[0][1]
    solve = np.linalg.inv(np.eye(N) - rho * W)
    expected = [
        null.y
        + (solve @ (scale * (vectors @ whole(one) @ vectors.T @ (safe / scale)) - null.residuals.reshape(N, T))).ravel()
        for one in rotations(N, 7, 1)
    ]
    assert np.allclose(draws_of(own.of(null), own).T, expected)
    assert np.allclose(draws_of(own.of(null), own, slice(2, 4)).T, expected[2:4])
    assert np.allclose((basis_of(own.of(null)) @ own.combining).T, expected)


def test_bands_keep_their_size_in_each_period_where_units_are_alike() -> None:
    errors = RNG.normal(size=(N, T))
    errors /= np.sqrt((errors**2).mean(axis=1))[:, None]
    drawn = draws().errors(errors.ravel(), ROWS).reshape(N, T, -1)
    for band in bands(N):
        own, of_draws = PATTERNS.vectors[:, band].T @ errors, np.tensordot(PATTERNS.vectors[:, band].T, drawn, axes=1)
        sums = np.einsum("kt,ks->ts", own, own)
        assert np.allclose(np.einsum("ktm,ksm->tsm", of_draws, of_draws), sums[..., None])


@pytest.mark.parametrize("factor", [100.0, 1000.0])
def test_a_unit_of_large_errors_keeps_them(factor: float) -> None:
    errors = RNG.normal(size=(N, T))
    errors[3] *= factor
    drawn = draws(400).errors(errors.ravel(), ROWS).reshape(N, T, -1)
    scale = np.sqrt((drawn**2).mean(axis=(1, 2)))
    assert scale.argmax() == 3
    assert scale[3] > 5 * np.delete(scale, 3).max()


def test_units_without_errors_stay_without() -> None:
    errors = RNG.normal(size=(N, T))
    errors[2] = 0.0
    drawn = draws().errors(errors.ravel(), ROWS).reshape(N, T, -1)
    assert np.abs(drawn[2]).max() < 1e-4 * np.abs(drawn).max()
    assert np.isfinite(draws().errors(np.zeros(N * T), ROWS)).all()


def test_periods_without_all_units_have_the_sample_s_variance() -> None:
    keep = RNG.random(N * T) > 0.3
    rows = Rows(ROWS.unit_codes[keep], ROWS.period_codes[keep], N, T)
    assert not rows.balanced
    errors = RNG.choice([-1.0, 1.0], size=keep.sum())
    drawn = draws(4000).errors(errors, rows)
    for period in range(T):
        assert (drawn[rows.period_codes == period] ** 2).mean() == pytest.approx(1.0, rel=0.15)


def test_a_sample_of_units_shares_the_patterns_of_all() -> None:
    places = np.array([0, 2, 3, 5, 8])
    few = PATTERNS.of(places)
    rows = Rows(np.repeat(np.arange(5), T), np.tile(np.arange(T), 5), 5, T)
    errors = RNG.choice([-1.0, 1.0], size=5 * T)
    spread, paths = few.parts(errors.reshape(5, T), rows)
    same = np.concatenate([np.eye(len(band)).ravel() for band in bands(N)])
    assert np.allclose(spread @ (same[:, None] * paths), np.sqrt(N / 5) * errors.reshape(5, T))


def test_without_patterns_each_unit_has_a_sign() -> None:
    null, signs = null_model(), np.where(RNG.random((6, N)) < 0.5, -1.0, 1.0)
    own = draws().by_unit
    assert own.of(null) is null
    of_units = Draws(signs)
    expected = null.y[:, None] + null.unfiltered(
        corrected(null)[:, None] * signs.T[ROWS.unit_codes] - null.residuals[:, None]
    )
    assert np.allclose(draws_of(null, of_units), expected)
    assert np.allclose(basis_of(null) @ of_units.combining, expected)
