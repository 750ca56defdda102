"""Shares of variance and model influence against sums over groups, differences of means and a planted model."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digicarbon.numeric.shape.influence import concentration, influence, robustness, shares, without_ends


def indicators(codes: list[int]) -> np.ndarray:
    """Return a column per value."""
    return (np.array(codes)[:, None] == np.unique(codes)[None, :]).astype(float)


GRID = list(itertools.product(range(3), range(2), range(2)))
CHOICES = [indicators([row[axis] for row in GRID]) for axis in range(3)]


def test_on_a_full_grid_a_choice_alone_and_unique_is_the_sum_of_squares_between_its_means() -> None:
    y = np.random.default_rng(1).normal(size=len(GRID))
    found = shares(y, CHOICES)
    every = ((y - y.mean()) ** 2).sum()
    for axis, columns in enumerate(CHOICES):
        means = columns.T @ y / columns.sum(axis=0)
        between = (columns.sum(axis=0) * (means - y.mean()) ** 2).sum() / every
        assert found.alone[axis] == pytest.approx(between, abs=1e-12)
        assert found.unique[axis] == pytest.approx(between, abs=1e-12)
    assert found.additive == pytest.approx(found.alone.sum(), abs=1e-12)


def test_planted_moves_are_found_whatever_the_grid_lacks() -> None:
    some = [row for row in GRID if row != (2, 1, 1)]
    choices = [indicators([row[axis] for row in some]) for axis in range(3)]
    y = np.array([1 + [0, 0.5, -2][a] + [0, 0.25][b] + [0, 3][c] for a, b, c in some])
    moves = influence(y, choices, [0, 0, 0])
    np.testing.assert_allclose(moves[0], [0, 0.5, -2], atol=1e-12)
    np.testing.assert_allclose(moves[1], [0, 0.25], atol=1e-12)
    np.testing.assert_allclose(moves[2], [0, 3], atol=1e-12)
    assert shares(y, choices).additive == pytest.approx(1, abs=1e-12)


def test_a_control_that_is_there_or_not_has_no_base() -> None:
    members = np.array(list(itertools.product([0.0, 1.0], repeat=3)))
    y = 2 + members @ np.array([0.3, -0.1, 0.0])
    (moves,) = influence(y, [members], [None])
    np.testing.assert_allclose(moves, [0.3, -0.1, 0.0], atol=1e-12)


def test_choices_that_always_go_together_are_not_told_apart() -> None:
    twin = indicators([0, 0, 1, 1, 0, 1])
    other = indicators([0, 1, 0, 1, 1, 0])
    y = np.arange(6.0)
    first, second, third = influence(y, [twin, twin, other], [0, 0, 0])
    assert np.isnan(first[1])
    assert np.isnan(second[1])
    assert np.isfinite(third).all()
    found = shares(y, [twin, twin, other])
    np.testing.assert_allclose(found.unique[:2], 0, atol=1e-10)
    assert found.alone[0] == pytest.approx(found.alone[1])


def test_a_choice_that_some_values_of_another_one_ignore_is_compared_where_it_has_an_effect() -> None:
    # estimators 0 and 3 ignore the comparison, whose value is then 0; 2 is at one comparison more often
    grid = [(e, c, s) for e in range(4) for c in ((0,) if e in (0, 3) else (1, 2)) for s in range(2)]
    grid.remove((1, 2, 1))
    choices = [indicators([row[axis] for row in grid]) for axis in range(3)]
    y = np.array([1 + [-3, 0, 0.5, 4][e] + [0, 0, 0.25][c] + [0, 7][s] for e, c, s in grid])
    first, second, third = influence(y, choices, [2, 1, 0], [None, 0, None])
    np.testing.assert_allclose(first, [-3.5, -0.5, 0, 3.5], atol=1e-12)
    np.testing.assert_allclose(second, [np.nan, 0, 0.25], atol=1e-12)
    np.testing.assert_allclose(third, [0, 7], atol=1e-12)
    # an estimator that ignores it can be the base, too
    first, second, _ = influence(y, choices, [0, 2, 0], [None, 0, None])
    np.testing.assert_allclose(first, [0, 3.25, 3.75, 7], atol=1e-12)
    np.testing.assert_allclose(second, [np.nan, -0.25, 0], atol=1e-12)


def test_a_choice_within_a_nested_choice_is_compared_there() -> None:
    # the second choice has an effect at 1 of the first, the third one at 2 of the second
    grid = [(0, 0, 0), (1, 1, 0), (1, 2, 1), (1, 2, 2)]
    choices = [indicators([row[axis] for row in grid]) for axis in range(3)]
    y = np.array([1.0, 3.0, 7.0, 15.0])
    first, second, third = influence(y, choices, [0, 1, 1], [None, 0, 0])
    np.testing.assert_allclose(first, [0, 2], atol=1e-12)
    np.testing.assert_allclose(second, [np.nan, 0, 4], atol=1e-12)
    np.testing.assert_allclose(third, [np.nan, 0, 8], atol=1e-12)


def test_an_absence_that_no_other_choice_explains_moves_as_a_value_does() -> None:
    grid = [(a, b) for a in range(2) for b in range(3)]
    choices = [indicators([row[axis] for row in grid]) for axis in range(2)]
    y = np.array([1 + [0, 0.5][a] + [4, 0, 0.25][b] for a, b in grid])
    for absent in (None, [None, 0]):
        first, second = influence(y, choices, [0, 1], absent)
        np.testing.assert_allclose(first, [0, 0.5], atol=1e-12)
        np.testing.assert_allclose(second, [4, 0, 0.25], atol=1e-12)


@pytest.mark.parametrize(
    "grid",
    [
        # two absences that go together, without another choice that explains them
        [(0, 0), (1, 1), (1, 2), (2, 1), (2, 2)],
        # each choice has an effect where the other one has none
        [(0, 1), (0, 2), (1, 0), (2, 0)],
    ],
)
def test_absences_that_explain_each_other_are_not_told_apart(grid: list[tuple[int, int]]) -> None:
    choices = [indicators([row[axis] for row in grid]) for axis in range(2)]
    y = np.array([1 + [9, 0, 0.5][a] + [5, 0, 0.25][b] for a, b in grid])
    first, second = influence(y, choices, [1, 1], [0, 0])
    np.testing.assert_allclose(first, [np.nan, 0, 0.5], atol=1e-12)
    np.testing.assert_allclose(second, [np.nan, 0, 0.25], atol=1e-12)


def test_equal_estimates_have_no_variance_to_share() -> None:
    found = shares(np.full(len(GRID), 0.1), CHOICES)
    np.testing.assert_array_equal(found.alone, 0)
    assert found.additive == 0


def test_robustness_adds_both_variances() -> None:
    found = robustness(np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.5, 0.7]))
    assert found.mean == 2
    assert found.modelling == pytest.approx(np.sqrt(2 / 3))
    assert found.sampling == pytest.approx(np.sqrt((0.25 + 0.25 + 0.49) / 3))
    assert found.total**2 == pytest.approx(found.modelling**2 + found.sampling**2)
    assert found.ratio == pytest.approx(2 / found.total)
    assert found.median_se == 0.5


def test_the_share_of_the_largest_and_what_is_left_without_the_ends() -> None:
    assert concentration(np.array([1.0, 5.0, 2.0, 2.0]), 1) == 0.5
    assert concentration(np.array([1.0, 5.0, 2.0, 2.0]), 0) == 0
    assert concentration(np.zeros(3), 1) == 0
    values = np.array([3.0, -9.0, 1.0, 8.0, 2.0])
    np.testing.assert_array_equal(values[without_ends(values, 1)], [3, 1, 2])
    assert without_ends(values, 0).all()


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(-5, 5), min_size=12, max_size=12), st.floats(0.1, 9), st.floats(-9, 9))
def test_shares_do_not_depend_on_level_and_scale(values: list[float], scale: float, level: float) -> None:
    y = np.array(values)
    if np.ptp(y) < 1e-3:
        return
    one, other = shares(y, CHOICES), shares(level + scale * y, CHOICES)
    np.testing.assert_allclose(one.alone, other.alone, atol=1e-7)
    assert 0 <= one.additive <= 1 + 1e-9
    assert (one.unique <= one.additive + 1e-9).all()
