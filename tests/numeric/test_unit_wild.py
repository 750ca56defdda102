"""The inversion of a test into an interval, on draws whose critical values are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.within import Rows
from digicarbon.numeric.resampling.null_model import NullModel
from digicarbon.numeric.resampling.unit_wild import (
    Observed,
    WildTest,
    all_corrected,
    corrected,
    wild_test,
    wild_tests,
)

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


def test_ends_are_looked_for_side_by_side_and_are_those_of_each_alone() -> None:
    estimates, steps = (10.0, 0.5, -3.0), []

    def drawn(place: int, value: float) -> tuple[FloatArray, FloatArray]:
        # errors that grow with the value take several steps
        return value + ERRORS * (1 + 0.02 * abs(value)), np.ones(999)

    def at(asked: Sequence[tuple[int, float]]) -> list[tuple[FloatArray, FloatArray]]:
        steps.append([place for place, _ in asked])
        return [drawn(place, value) for place, value in asked]

    quantities = [Observed(estimate, 1.0, drawn(place, 0.0)) for place, estimate in enumerate(estimates)]
    together = wild_tests(quantities, at, 0.95)
    assert steps[0] == [0, 0, 1, 1, 2, 2]
    assert 2 <= len(steps) <= 6
    for place, (estimate, found) in enumerate(zip(estimates, together, strict=True)):
        alone = wild_test(estimate, 1.0, drawn(place, 0.0), partial(drawn, place), 0.95)
        assert found == alone


@pytest.mark.parametrize("leverage", [1.0, 1e6])
def test_null_models_that_differ_in_a_column_are_corrected_together(leverage: float) -> None:
    rng, n, t, k = np.random.default_rng(4), 9, 8, 4
    rows = Rows(np.repeat(np.arange(n), t), np.tile(np.arange(t), n), n, t)
    columns = rng.normal(size=(n * t, k))
    shared, nulls = np.linalg.qr(columns)[0], []
    for _ in range(3):
        border = rng.normal(size=n * t)
        border[:t] *= leverage
        border -= shared @ (shared.T @ border)
        basis = np.column_stack([shared, border / np.linalg.norm(border)])
        nulls.append(NullModel(columns[:, 0], rng.normal(size=n * t), rows, basis, True, shared=shared))
    for found, null in zip(all_corrected(nulls), nulls, strict=True):
        np.testing.assert_allclose(found, corrected(replace(null, shared=None)), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("by_time", [True, False])
@pytest.mark.parametrize("leverage", [1.0, 1e6])
def test_corrections_of_a_shared_basis_are_those_of_each(by_time: bool, leverage: float) -> None:
    """Where one unit has all of a column, an eigenvalue vanishes, and eigenvectors are taken."""
    rng, n, t, k = np.random.default_rng(3), 9, 8, 4
    rows = Rows(np.repeat(np.arange(n), t), np.tile(np.arange(t), n), n, t)
    columns = rng.normal(size=(n * t, k + 1))
    columns[:t, k] *= leverage
    basis = np.linalg.qr(columns)[0]
    for border in (basis[:, k], 0.6 * basis[:, k]):
        full = np.column_stack([basis[:, :k], border])
        null = NullModel(columns[:, 0], rng.normal(size=n * t), rows, full, by_time, shared=basis[:, :k])
        expected = corrected(replace(null, shared=None))
        np.testing.assert_allclose(corrected(null), expected, rtol=1e-12, atol=1e-13)
        shares = np.eye(t) * (1 - by_time / n)
        for unit in range(n):
            own = slice(unit * t, unit * t + t)
            values, vectors = np.linalg.eigh(shares - full[own] @ full[own].T)
            roots = np.where(values > 1e-8, np.abs(values) ** -0.5, 0.0)
            by_hand = vectors @ (roots * (vectors.T @ null.residuals[own]))
            np.testing.assert_allclose(expected[own], by_hand, rtol=1e-6, atol=1e-9)
