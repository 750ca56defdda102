"""What is taken out of columns with the effects, and what is left."""

from __future__ import annotations

import numpy as np
import pytest

from digicarbon.numeric.linear.leverage import MUCH, clearly_even
from digicarbon.numeric.linear.within import FEW_COLUMNS, EffectsKind, demean, varies


@pytest.mark.parametrize("columns", [1, 2, 7, FEW_COLUMNS, FEW_COLUMNS + 1])
@pytest.mark.parametrize("effects", ["none", "unit", "time", "two_way"])
def test_means_are_removed_and_the_columns_stay(columns: int, effects: EffectsKind) -> None:
    cube = np.random.default_rng(1).normal(3.0, 1.0, size=(5, 11, columns))
    before, expected = cube.copy(), cube.copy()
    if effects in ("unit", "two_way"):
        expected -= expected.mean(axis=0)
    if effects in ("time", "two_way"):
        expected -= expected.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(demean(cube, effects), expected, atol=1e-14)
    np.testing.assert_array_equal(cube, before)
    np.testing.assert_allclose(demean(cube[..., 0], effects), expected[..., 0], atol=1e-14)


@pytest.mark.parametrize(
    ("within", "before", "expected"),
    [
        ([0.0, 1e-9], [1.0, 2.0], True),
        ([0.0, 1e-13], [1.0, 2.0], False),
        ([0.0, 1e-9], [1.0, 2000.0], False),
        ([0.0, 1e-9], [1.0, -2000.0], False),
        ([3.0, 3.0], [3.0, 3.0], False),
    ],
)
def test_what_is_left_of_an_outcome_is_compared_with_its_size(
    within: list[float], before: list[float], expected: bool
) -> None:
    assert varies(np.array(within), np.array(before)) is expected


def test_what_is_even_for_sure_is_below_much() -> None:
    left = np.ones((10, 4))
    assert clearly_even(left)
    for share, even in ((0.9 * MUCH, True), (MUCH, False), (1.1 * MUCH, False)):
        # one unit has this share of the sum of squares
        left[3] = np.sqrt(share / (1 - share) * 9)
        assert clearly_even(left) is even
