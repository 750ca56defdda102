"""The curve without each unit, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from digicarbon.packs.one_answer.numeric.left_out import without_units


def test_medians_shares_and_changes_by_hand() -> None:
    estimates, se, p = np.array([1.0, 2.0, -3.0]), np.array([1.0, 2.0, 1.0]), np.array([0.2, 0.01, 0.03])
    left = np.array([[1.1, -0.5, np.nan], [2.0, 2.5, np.nan], [-3.0, np.nan, np.nan]])
    left_p = np.array([[0.01, 0.2, np.nan], [0.04, 0.06, np.nan], [0.03, np.nan, np.nan]])
    found = without_units(estimates, se, p, left, left_p, 0.05)
    np.testing.assert_allclose(found.median, [1.1, 1.0, np.nan])
    # of the specifications that were fitted without the unit, with it
    np.testing.assert_allclose(found.baseline, [1.0, 1.5, np.nan])
    np.testing.assert_allclose(found.significant, [1.0, 0.0, np.nan])
    assert found.signs.tolist() == [0, 1, 0]
    assert found.significance.tolist() == [1, 1, 0]
    assert found.place.tolist() == [0, 0, -1]
    np.testing.assert_allclose(found.change, [0.1, -1.5, np.nan])
    assert found.fits.tolist() == [3, 2, 0]
    np.testing.assert_allclose(found.shift, [0.1 / 3, (1.5 + 0.25) / 2, np.nan])
    assert found.order.tolist() == [1, 0, 2]


def test_changes_up_and_down_do_not_cancel() -> None:
    estimates, p = np.array([1.0, 1.0]), np.array([0.01, 0.01])
    left = np.array([[2.0, 1.1], [0.0, 1.1]])
    found = without_units(estimates, np.ones(2), p, left, np.full((2, 2), 0.01), 0.05)
    assert found.order.tolist() == [0, 1]


def test_a_unit_without_influence_changes_nothing() -> None:
    rng = np.random.default_rng(1)
    estimates, se, p = rng.normal(size=9), rng.uniform(1, 2, 9), rng.uniform(size=9)
    found = without_units(estimates, se, p, estimates[:, None], p[:, None], 0.05)
    assert found.median[0] == pytest.approx(np.median(estimates)) == pytest.approx(found.baseline[0])
    assert not found.signs.any()
    assert not found.significance.any()
    assert found.shift[0] == 0
