"""Robust scores against a computation by hand, and what they must not depend on."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from digicarbon.numeric.accounts.identities import relative_gap
from digicarbon.numeric.tests.robust_scores import log_growth, robust_scores


def test_scores_are_deviations_from_the_median_over_its_mad() -> None:
    x = np.array([[1.0, 2.0, 3.0, 4.0, 100.0], [5.0, 5.0, 6.0, 7.0, np.nan]])
    found = robust_scores(x)
    mad = np.array([stats.median_abs_deviation(row, nan_policy="omit") for row in x])
    median = np.nanmedian(x, axis=1)[:, None]
    pooled = np.nanmedian(np.abs(x - median))
    scale = 1.4826 * np.maximum(mad, pooled)[:, None]
    np.testing.assert_allclose(found.score, (x - median) / scale, rtol=1e-14)


def test_a_unit_of_equal_numbers_is_no_outlier_of_itself() -> None:
    found = robust_scores(np.array([[3.0, 3.0, 3.0], [np.nan, np.nan, np.nan]]))
    np.testing.assert_array_equal(found.score, [[0, 0, 0], [np.nan] * 3])
    # nothing varies but one cell: any distance is beyond measure
    assert robust_scores(np.array([[3.0, 3.0, 3.0, 3.1]])).score[0, 3] == np.inf


@given(st.lists(st.floats(-50, 50), min_size=12, max_size=12), st.floats(0.01, 100), st.floats(-1e3, 1e3))
def test_scores_do_not_depend_on_unit_or_origin(values: list[float], scale: float, shift: float) -> None:
    x = np.round(np.array(values).reshape(3, 4), 3)
    moved = robust_scores(shift + scale * x)
    left = robust_scores(x)
    finite = np.isfinite(left.score) & (np.abs(left.deviation) > 1e-6)
    np.testing.assert_allclose(moved.score[finite], left.score[finite], rtol=1e-6, atol=1e-6)


def test_log_growth_is_missing_where_a_level_is_not_positive() -> None:
    found = log_growth(np.array([[1.0, np.e, 0.0, 2.0, -1.0]]))
    np.testing.assert_allclose(found, [[np.nan, 1.0, np.nan, np.nan, np.nan]])


def test_relative_gap() -> None:
    found = relative_gap([100.0, 0.0, 1e-9, np.nan, 0.0], [101.0, 0.0, 2e-9, 1.0, 5.0], floor=1e-3)
    np.testing.assert_allclose(found, [1 / 101, 0.0, 1e-6, np.nan, 1.0])
    np.testing.assert_array_equal(relative_gap([0.0], [0.0]), [0.0])
