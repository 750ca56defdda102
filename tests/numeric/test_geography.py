"""Great-circle distances and nested weights."""

from __future__ import annotations

import numpy as np
import pytest

from digicarbon.numeric.spatial.geography import EARTH_RADIUS_KM, great_circle_km, nested


def test_known_arcs() -> None:
    found = great_circle_km([0.0, 90.0, 180.0, 0.0], [0.0, 0.0, 0.0, 90.0])
    quarter = np.pi / 2 * EARTH_RADIUS_KM
    np.testing.assert_allclose(found[0], [0, quarter, 2 * quarter, quarter], rtol=1e-12)
    np.testing.assert_allclose(found, found.T, rtol=1e-15)
    np.testing.assert_array_equal(np.diag(found), 0)


def test_nested_by_hand() -> None:
    distance = np.array([[0.0, 2.0, 4.0], [2.0, 0.0, 5.0], [4.0, 5.0, 0.0]])
    found = nested(distance, [10.0, 20.0, 60.0])
    # mean economy 30: the neighbour's size over the mean is 1/3, 2/3 and 2
    np.testing.assert_allclose(found, [[0, 1 / 3, 1 / 2], [1 / 6, 0, 2 / 5], [1 / 12, 2 / 15, 0]], rtol=1e-15)


def test_power_of_the_distance() -> None:
    distance = np.array([[0.0, 2.0], [2.0, 0.0]])
    assert nested(distance, [1.0, 1.0], power=2.0)[0, 1] == pytest.approx(0.25)


def test_row_standardised_nested_is_not_inverse_distance() -> None:
    rng = np.random.default_rng(0)
    distance = great_circle_km(rng.uniform(80, 125, 8), rng.uniform(20, 48, 8))
    economy = rng.uniform(1, 5, 8)
    plain, ours = nested(distance, np.ones(8)), nested(distance, economy)
    left = economy[:, None] * plain
    plain, ours, left = (w / w.sum(axis=1, keepdims=True) for w in (plain, ours, left))
    np.testing.assert_allclose(left, plain, rtol=1e-12)
    assert np.abs(ours - plain).max() > 0.05
