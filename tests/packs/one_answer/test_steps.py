"""The fewest changes and greedy searches against exhaustive ones."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from digicarbon.packs.one_answer.numeric.steps import distances, nearest, search


def drawn(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A part of a grid, in which the last choice has no effect where the first one is 0."""
    rng = np.random.default_rng(seed)
    grid = np.array(list(itertools.product(range(3), range(2), range(2), range(3))))
    codes = grid[np.sort(rng.choice(len(grid), rows, replace=False))]
    applies = np.ones(codes.shape, dtype=bool)
    applies[:, 3] = codes[:, 0] > 0
    # one fit stands for all values of a choice without effect
    codes[~applies] = -1
    codes, first = np.unique(codes, axis=0, return_index=True)
    return codes, applies[first], rng.normal(size=len(codes))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 36))
def test_the_smallest_sets_are_those_of_all_sets(seed: int, rows: int) -> None:
    codes, applies, values = drawn(seed, rows)
    changes, near = nearest(codes, applies, 0, values < -0.5)
    # try every set of choices, the smallest first
    for size in range(codes.shape[1] + 1):
        for_size = set()
        for changed in itertools.combinations(range(codes.shape[1]), size):
            for row in np.flatnonzero(values < -0.5):
                both = applies[0] & applies[row]
                if {place for place in range(4) if both[place] and codes[0, place] != codes[row, place]} == set(
                    changed
                ):
                    for_size.add(int(row))
        if for_size:
            assert changes == size
            assert set(near.tolist()) == for_size
            return
    assert not len(near)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 36))
def test_each_step_is_the_best_single_change_and_no_further_one_helps(seed: int, rows: int) -> None:
    codes, applies, values = drawn(seed, rows)
    path = search(codes, applies, 0, values)
    assert path.rows[0] == 0
    for at, after in itertools.pairwise([*path.rows, None]):
        near = [
            other
            for other in range(len(values))
            if sum(a != b for a, b, c in zip(codes[at], codes[other], applies[at] & applies[other], strict=True) if c)
            == 1
        ]
        better = [other for other in near if values[other] > values[at]]
        if after is None:
            assert not better
        else:
            assert after in better
            assert values[after] == max(values[better])
    assert values[path.best] == values.max()
    assert path.reaches == (values[path.rows[-1]] == values.max())


def test_a_choice_without_effect_is_no_difference() -> None:
    codes = np.array([[0, -1], [1, 0], [1, 1]])
    applies = np.array([[True, False], [True, True], [True, True]])
    assert distances(codes, applies, 0).tolist() == [0, 1, 1]
    assert distances(codes, applies, 1).tolist() == [1, 0, 1]


def test_a_search_can_fall_short_of_the_highest() -> None:
    codes = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    path = search(codes, np.ones(codes.shape, dtype=bool), 0, np.array([1.0, 0.5, 0.2, 9.0]))
    assert (path.rows, path.best, path.reaches) == ((0,), 3, False)


def test_where_no_specification_is_of_the_set_none_is_near() -> None:
    codes, applies = np.zeros((3, 2), dtype=np.int64), np.ones((3, 2), dtype=bool)
    changes, near = nearest(codes, applies, 0, np.zeros(3, dtype=bool))
    assert (changes, len(near)) == (0, 0)
