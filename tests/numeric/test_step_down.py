"""Step-down p values: against a plain loop, and what must hold for any draws."""

from __future__ import annotations

import numpy as np
import pytest

from digicarbon.arrays import FloatArray
from digicarbon.numeric.resampling.step_down import StepDown, step_down


def drawn(seed: int, tests: int = 9, draws: int = 199) -> tuple[FloatArray, np.ndarray]:
    """Return z of dependent tests and their draws, some of which have no z."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=draws + 1)
    every = 0.7 * common + rng.normal(size=(tests, draws + 1))
    z = every[:, 0] + rng.uniform(0, 3, size=tests)
    under_null = every[:, 1:].astype(np.float32)
    under_null[rng.uniform(size=under_null.shape) < 0.02] = np.nan
    return z, under_null


def by_hand(z: FloatArray, under_null: np.ndarray) -> tuple[list[float], list[float]]:
    """Return p values and step-down p values, one comparison after the other (Romano & Wolf 2016, algorithm 4.1)."""
    draws = under_null.shape[1]
    left = sorted(range(len(z)), key=lambda test: -abs(z[test]))
    alone, adjusted, before = [0.0] * len(z), [0.0] * len(z), 0.0
    while left:
        test = left[0]
        own, together = 1, 1
        for draw in range(draws):
            lost = np.isnan(under_null[test, draw])
            own += bool(lost or abs(under_null[test, draw]) >= abs(z[test]))
            there = [abs(under_null[other, draw]) for other in left if not np.isnan(under_null[other, draw])]
            together += bool(lost or max(there) >= abs(z[test]))
        alone[test] = own / (1 + draws)
        before = adjusted[test] = max(before, together / (1 + draws))
        left = left[1:]
    return alone, adjusted


@pytest.mark.parametrize("seed", range(5))
def test_it_is_what_a_plain_loop_gives(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    z, under_null = drawn(seed)
    alone, adjusted = by_hand(z, under_null)
    found = step_down(z, under_null)
    np.testing.assert_allclose(found.p, alone, rtol=1e-12)
    np.testing.assert_allclose(found.adjusted, adjusted, rtol=1e-12)
    # blocks of draws change nothing
    monkeypatch.setattr("digicarbon.numeric.resampling.step_down.CELLS", 9 * 17)
    again = step_down(z, under_null)
    assert (again.p == found.p).all()
    assert (again.adjusted == found.adjusted).all()


@pytest.mark.parametrize("seed", range(20))
def test_it_is_monotone_and_never_below_the_p_of_a_test_alone(seed: int) -> None:
    z, under_null = drawn(seed, tests=25, draws=99)
    found = step_down(z, under_null)
    assert (np.diff(found.adjusted[np.argsort(-np.abs(z))]) >= 0).all()
    assert (found.adjusted >= found.p).all()
    # more tests never make a p value smaller
    part = step_down(z[:10], under_null[:10])
    assert (part.p == found.p[:10]).all()
    assert (part.adjusted <= found.adjusted[:10]).all()


def test_the_order_of_tests_means_nothing() -> None:
    z, under_null = drawn(3)
    mixed = np.random.default_rng(1).permutation(len(z))
    np.testing.assert_array_equal(
        step_down(z[mixed], under_null[mixed]).adjusted, step_down(z, under_null).adjusted[mixed]
    )


def test_one_test_has_its_own_p() -> None:
    z, under_null = drawn(2, tests=1)
    found = step_down(z, under_null)
    assert found.p == found.adjusted


def test_the_same_test_many_times_costs_nothing() -> None:
    z, under_null = drawn(4, tests=1)
    again = step_down(np.repeat(z, 50), np.repeat(under_null, 50, axis=0))
    assert (again.adjusted == step_down(z, under_null).p).all()
    # the sign of a measure does not matter either
    other = step_down(np.concatenate([z, -z]), np.concatenate([under_null, -under_null]))
    assert (other.adjusted == again.adjusted[:2]).all()


def test_what_has_no_z_is_no_test() -> None:
    z, under_null = drawn(5)
    with_lost = step_down(np.append(z, np.nan), np.vstack([under_null, under_null[:1]]))
    without = step_down(z, under_null)
    np.testing.assert_array_equal(with_lost.adjusted, np.append(without.adjusted, np.nan))
    nothing: StepDown = step_down(np.array([np.nan]), under_null[:1])
    assert np.isnan(nothing.p).all()


def test_a_draw_that_is_equal_up_to_rounding_counts() -> None:
    z = np.array([2.0])
    close = np.array([[2.0 * (1 - 1e-7), 1.9, -2.0]], dtype=np.float32)
    assert step_down(z, close).p[0] == 3 / 4


def test_false_rejections_of_many_tests_stay_at_the_level() -> None:
    rng = np.random.default_rng(8)
    rejected = 0
    for _ in range(400):
        common = rng.normal(size=200)
        every = 0.8 * common + rng.normal(size=(15, 200))
        rejected += bool((step_down(every[:, 0], every[:, 1:].astype(np.float32)).adjusted <= 0.05).any())
    # 20 are due, standard deviation 4.4
    assert 6 <= rejected <= 36
