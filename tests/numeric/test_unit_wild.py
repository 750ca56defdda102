"""The inversion of a test into an interval, on draws whose critical values are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from digicarbon.arrays import FloatArray
from digicarbon.numeric.resampling.unit_wild import WildTest, wild_test

ERRORS = np.random.default_rng(7).standard_normal(999)
CRITICAL = float(np.sort(np.abs(ERRORS))[-50])
"""The size that 50 of 999 draws reach: p of a statistic beyond it is at most 0.05."""


def _of(lost: Callable[[float], bool]) -> WildTest:
    """Return the test of an estimate of 10 with standard error 1; the draws under some values have no estimate."""

    def at(value: float) -> tuple[FloatArray, FloatArray]:
        return np.full(999, np.nan) if lost(value) else value + ERRORS, np.ones(999)

    return wild_test(10.0, 1.0, at(0.0), at, 0.95)


def test_the_ends_are_one_critical_value_away() -> None:
    test = _of(lambda value: False)
    assert test.p == 0.001
    assert [test.low, test.high] == pytest.approx([10 - CRITICAL, 10 + CRITICAL], abs=1e-6)


def test_values_whose_draws_have_no_estimates_are_not_rejected() -> None:
    test = _of(lambda value: value > 11)
    assert test.high == np.inf
    assert test.low == pytest.approx(10 - CRITICAL, abs=1e-6)


def test_draws_lost_about_the_first_guess_move_the_end_to_where_they_return() -> None:
    test = _of(lambda value: 11 < value < 15)
    assert test.high == pytest.approx(15, abs=0.1)


def test_an_end_where_draws_are_few_takes_few_values_as_far_as_256_critical_values() -> None:
    tried = []

    def at(value: float) -> tuple[FloatArray, FloatArray]:
        tried.append(value)
        return value + ERRORS, np.ones(999)

    test, largest = wild_test(10.0, 1.0, at(0.0), at, 0.999), float(np.abs(ERRORS).max())
    assert [test.low, test.high] == pytest.approx([10 - largest, 10 + largest], abs=0.02 * largest)
    assert max(tried) == pytest.approx(10 + 256 * largest)
    assert len(tried) <= 40
