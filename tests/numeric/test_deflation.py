"""Chained volume indices, by hand and as properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from digicarbon.numeric.accounts.deflation import at_constant_prices

INDEX = arrays(np.float64, (3, 5), elements=st.floats(80, 125))


def test_by_hand_on_both_sides_of_the_base_year() -> None:
    # 100 in the second year; growth of 10 % into it, of 20 % and 50 % after it
    found = at_constant_prices([100.0], [[999.0, 110.0, 120.0, 150.0]], 1)
    np.testing.assert_allclose(found, [[100 / 1.1, 100.0, 120.0, 180.0]], rtol=1e-15)


@given(INDEX, st.integers(0, 4))
def test_growth_is_the_index_and_the_base_year_is_nominal(index: np.ndarray, base: int) -> None:
    found = at_constant_prices([1.0, 2.0, 3.0], index, base)
    np.testing.assert_array_equal(found[:, base], [1.0, 2.0, 3.0])
    np.testing.assert_allclose(found[:, 1:] / found[:, :-1], index[:, 1:] / 100, rtol=1e-12)


@given(INDEX, st.integers(0, 4), st.integers(0, 4))
def test_base_years_differ_by_a_factor_of_each_unit(index: np.ndarray, one: int, other: int) -> None:
    ratio = at_constant_prices([1.0, 2.0, 3.0], index, one) / at_constant_prices([4.0, 5.0, 6.0], index, other)
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:, :1], ratio.shape), rtol=1e-12)


@pytest.mark.parametrize(("base", "lost"), [(0, [False, False, True, True]), (3, [True, True, False, False])])
def test_a_missing_index_ends_the_chain(base: int, lost: list[bool]) -> None:
    found = at_constant_prices([1.0], [[np.nan, 101.0, np.nan, 101.0]], base)
    assert np.isnan(found[0]).tolist() == lost
