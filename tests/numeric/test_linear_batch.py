"""Regressions of many outcomes at once: outcomes that are not formed, and the largest statistics alone."""

from __future__ import annotations

import numpy as np
import pytest

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.linear_batch import LinearBatch, LinearRule, Paths
from digicarbon.numeric.linear.within import Rows, absorb

N, T, DRAWS = 25, 6, 400
CONTRAST = np.array([0.0, 1.0, 0.0])


@pytest.fixture(scope="module")
def rows() -> Rows:
    return Rows(np.repeat(np.arange(N), T), np.tile(np.arange(T), N), N, T)


@pytest.fixture(scope="module")
def batch(rows: Rows) -> LinearBatch:
    z = absorb(np.random.default_rng(1).normal(size=(N * T, 3)), rows, "two_way")
    return LinearBatch(z, rows, LinearRule("unit", (1.2,)))


@pytest.fixture(scope="module")
def paths() -> Paths:
    rng = np.random.default_rng(2)
    # one unit moves more than others
    scale = np.where(np.arange(N) == 4, 5.0, 1.0)[:, None]
    return Paths(rng.normal(size=(N, T)), np.eye(N) + 0.1 * rng.normal(size=(N, N)), scale * rng.normal(size=(N, T)))


@pytest.fixture(scope="module")
def signs() -> FloatArray:
    drawn = np.random.default_rng(3).choice([-1.0, 1.0], size=(N, DRAWS))
    return np.concatenate([np.ones((1, DRAWS)), drawn])


def test_paths_are_outcomes_that_are_not_formed(batch: LinearBatch, paths: Paths, signs: FloatArray) -> None:
    unit, period = 7, 2
    formed = paths.formed
    np.testing.assert_array_equal(formed[:, 0], paths.first.ravel())
    assert formed[3 * T + period, 1 + unit] == paths.spread[3, unit] * paths.paths[unit, period]
    for combination in (None, signs):
        own, expected = (batch.fit(y, CONTRAST, combination) for y in (paths, formed))
        np.testing.assert_allclose(own[0], expected[0], rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(own[1], expected[1], rtol=1e-10)


def test_paths_need_sums_by_unit(rows: Rows, batch: LinearBatch) -> None:
    assert batch.takes_paths
    z = np.random.default_rng(1).normal(size=(N * T, 3))
    others = (LinearRule("unit", (1.0,), leverage=True), LinearRule("time", (1.0,)), LinearRule("classic", (1.0,)))
    assert not any(LinearBatch(z, rows, rule).takes_paths for rule in others)


@pytest.mark.parametrize("value", [0.0, 0.3, 1e6])
@pytest.mark.parametrize("count", [1, 2, 4, 5, 100])
@pytest.mark.parametrize("formed", [False, True])
def test_the_largest_statistics_are_exact(
    batch: LinearBatch, paths: Paths, signs: FloatArray, value: float, count: int, formed: bool
) -> None:
    y = paths.formed if formed else paths
    estimate, error = batch.fit(y, CONTRAST, signs)
    found, some = batch.largest(y, CONTRAST, signs, value, count)
    np.testing.assert_allclose(found, estimate, rtol=1e-10, atol=1e-13)
    known = np.isfinite(some)
    np.testing.assert_allclose(some[known], error[known], rtol=1e-10)
    sizes, of_some = np.abs((estimate - value) / error), np.abs((found - value) / some)
    np.testing.assert_allclose(np.sort(of_some)[-count:], np.sort(sizes)[-count:], rtol=1e-10)
    # few draws of few counts are looked at in full
    assert known.all() == (count > 0.01 * DRAWS)


def test_a_statistic_without_error_is_among_the_largest(batch: LinearBatch, signs: FloatArray) -> None:
    nothing = Paths(np.zeros((N, T)), np.eye(N), np.zeros((N, T)))
    estimate, error = batch.largest(nothing, CONTRAST, signs, 0.0, 1)
    np.testing.assert_array_equal(estimate, 0.0)
    np.testing.assert_array_equal(error, 0.0)
