"""Rows that repeat other rows, against a plain double loop."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from digicarbon.numeric.linear.equal_rows import Twins, equal_rows, unround


def test_round_figures_have_three_digits_at_most() -> None:
    found = unround([0.0, np.nan, np.inf, 12.0, 0.125, 1200.0, 1234.0, 0.1234, -98.76, 1e-9, 1.234e-9])
    assert found.tolist() == [False] * 6 + [True, True, True, False, True]


def figures(seed: int, rows: int = 6, columns: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).gamma(2.0, 3.0, (rows, columns))


def test_a_copied_row_is_found_with_its_number_of_figures() -> None:
    x = figures(1)
    assert equal_rows(x) == ()
    x[4] = x[1]
    x[4, :3] = np.nan
    x[1, 5] = x[4, 5] = 7.0
    assert equal_rows(x) == (Twins(1, 4, 36, 36),)
    x[4, 6] += 1
    assert equal_rows(x) == (Twins(1, 4, 35, 36),)
    x[4, 7:12] += 1
    assert equal_rows(x) == ()


def test_figures_that_all_rows_share_tell_nothing() -> None:
    x = figures(2, 20)
    x[:, :38] = x[0, :38]
    assert equal_rows(x) == ()
    assert equal_rows(np.round(x, 0)) == ()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=3))
def test_every_row_that_is_a_copy_is_in_a_pair(seed: int, copies: list[tuple[int, int]]) -> None:
    x = figures(seed)
    for source, target in copies:
        x[target] = x[source]
    pairs = {(i, j) for i, j in itertools.combinations(range(6), 2) if np.array_equal(x[i], x[j])}
    found = {(twins.first, twins.second) for twins in equal_rows(x)}
    # six rows that are all equal would have but one distinct figure per column
    if len(np.unique(x[:, 0])) > 1:
        assert found <= pairs
        assert {j for _, j in found} == {j for _, j in pairs}
