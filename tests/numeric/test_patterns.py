"""Patterns of a W, and draws whose signs are theirs."""

from __future__ import annotations

import numpy as np
import pytest
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.within import Rows
from digicarbon.numeric.resampling.null_model import LagNulls, NullModel
from digicarbon.numeric.resampling.patterns import parts, patterns
from digicarbon.numeric.resampling.unit_wild import basis_of, corrected, draws_of
from digicarbon.numeric.spatial.likelihood import Sample
from digicarbon.numeric.spatial.operator import DenseOperator, row_standardised

N, T = 9, 5
RNG = np.random.default_rng(4)


def operator() -> DenseOperator:
    raw = (RNG.random((N, N)) < 0.4).astype(float) + np.roll(np.eye(N), 1, axis=1)
    np.fill_diagonal(raw, 0.0)
    return DenseOperator(row_standardised(scipy.sparse.csr_array(raw)).toarray(), 1.0)


W = operator()


def null_model() -> NullModel:
    rows = Rows(np.repeat(np.arange(N), T), np.tile(np.arange(T), N), N, T)
    y, z = RNG.normal(size=N * T), RNG.normal(size=(N * T, 1))
    sample = Sample(N, T, "two_way", "none")
    return LagNulls(y, z, np.empty((N * T, 0)), rows, W, sample).shifted(np.empty(0)).by_patterns


def moran(errors: FloatArray) -> FloatArray:
    """Moran's I of each period, up to a factor; errors of shape (N, T)."""
    w = W.lag(np.eye(N)[None])[0]
    centred = errors - errors.mean(axis=0)
    return np.asarray(np.einsum("nt,nt->t", centred, w @ centred) / np.einsum("nt,nt->t", centred, centred))


def test_patterns_are_orthonormal_and_the_first_is_the_smoothest() -> None:
    vectors = patterns(W)
    assert np.allclose(vectors.T @ vectors, np.eye(N))
    w = W.lag(np.eye(N)[None])[0]
    centred = vectors - vectors.mean(axis=0)
    smoothness = np.einsum("nk,nk->k", centred, w @ centred)
    assert (np.diff(smoothness) <= 1e-12).all()
    # the constant has no Moran's I, and is a pattern
    assert np.isclose(np.abs(vectors.sum(axis=0)).max(), np.sqrt(N))


def test_parts_make_the_errors_and_signs_keep_each_period_s_moran() -> None:
    errors = RNG.normal(size=(N, T))
    errors /= np.sqrt((errors**2).mean(axis=1))[:, None]
    spread, paths = parts(errors, patterns(W))
    assert np.allclose(spread @ paths, errors)
    # units of equal scale: patterns are not mixed
    signs = np.where(RNG.random(N) < 0.5, -1.0, 1.0)
    drawn = spread @ (signs[:, None] * paths)
    assert np.allclose((drawn**2).sum(axis=0), (errors**2).sum(axis=0))
    assert np.allclose(moran(drawn), moran(errors))


@pytest.mark.parametrize("power", [1.0, 10.0])
def test_a_unit_of_large_errors_keeps_them(power: float) -> None:
    errors = RNG.normal(size=(N, T))
    errors[3] *= 100.0 * power
    spread, paths = parts(errors, patterns(W))
    signs = np.where(RNG.random((400, N)) < 0.5, -1.0, 1.0)
    drawn = np.einsum("nk,mk,kt->mnt", spread, signs, paths)
    scale = np.sqrt((drawn**2).mean(axis=(0, 2)))
    assert scale.argmax() == 3
    assert scale[3] > 5 * np.delete(scale, 3).max()


def test_draws_are_those_of_the_formula_and_of_their_basis() -> None:
    null = null_model()
    assert null.patterns is not None
    signs = np.where(RNG.random((7, N)) < 0.5, -1.0, 1.0)
    own = corrected(null).reshape(N, T)
    scale = np.sqrt(np.sqrt((own**2).mean(axis=1)))[:, None]
    vectors, rho = patterns(null.filters[0][0]), null.filters[0][1]
    solve = np.linalg.inv(np.eye(N) - rho * null.filters[0][0].lag(np.eye(N)[None])[0])
    expected = [
        null.y + (solve @ (scale * (vectors @ (one[:, None] * (vectors.T @ (own / scale))))
                           - null.residuals.reshape(N, T))).ravel()
        for one in signs
    ]  # fmt: skip
    assert np.allclose(draws_of(null, signs).T, expected)
    combined = basis_of(null) @ np.concatenate([np.ones((1, 7)), signs.T])
    assert np.allclose(combined.T, expected)


def test_a_model_without_filter_has_no_patterns() -> None:
    null = null_model()
    plain = NullModel(null.y, null.residuals, null.rows, null.basis, null.by_time)
    assert plain.by_patterns is plain


def test_units_without_errors_stay_without() -> None:
    errors = RNG.normal(size=(N, T))
    errors[2] = 0.0
    spread, paths = parts(errors, patterns(W))
    assert np.allclose(spread @ paths, errors)
    assert np.isfinite(parts(np.zeros((N, T)), patterns(W))[1]).all()
