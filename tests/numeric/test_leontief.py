"""Input-output algebra against pymrio and by hand; the three coefficients of the BEA method."""

from __future__ import annotations

import numpy as np
import pymrio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digicarbon.numeric.accounts.bea import (
    COEFFICIENTS,
    DigitalValueAdded,
    blend,
    digital_value_added,
    input_coefficients,
    nearest_table,
    scale_to_year,
    surrounding_tables,
)
from digicarbon.numeric.accounts.leontief import technical_coefficients, value_added_content


def economy(seed: int, n: int = 7) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flows, value added and output of a table whose columns balance; its last sector is idle."""
    rng = np.random.default_rng(seed)
    flows, value_added = rng.random((n, n)), rng.random(n) * n
    flows[-1] = flows[:, -1] = value_added[-1] = 0.0
    return flows, value_added, flows.sum(axis=0) + value_added


def test_two_sectors_by_hand() -> None:
    # A = [[0.2, 0.3], [0.4, 0.1]], det(I - A) = 0.6, L = [[1.5, 0.5], [2/3, 4/3]], v = (0.4, 0.6)
    flows, output = np.array([[20.0, 60.0], [40.0, 20.0]]), np.array([100.0, 200.0])
    value_added = np.array([40.0, 120.0])
    found = value_added_content(flows, value_added, output, [0])
    np.testing.assert_allclose(found, [0.4 * 1.5, 0.4 * 0.5], rtol=1e-14)
    np.testing.assert_allclose(input_coefficients(flows, [0]), [20 / 60, 60 / 80], rtol=1e-15)


@pytest.mark.parametrize("seed", range(5))
def test_against_pymrio(seed: int) -> None:
    flows, value_added, output = economy(seed)
    a = pymrio.calc_A(flows, output)
    np.testing.assert_allclose(technical_coefficients(flows, output), a, rtol=1e-14)
    rate = np.divide(value_added, output, out=np.zeros_like(output), where=output > 0)
    expected = rate[[1, 4]] @ pymrio.calc_L(a)[[1, 4]]
    np.testing.assert_allclose(value_added_content(flows, value_added, output, [1, 4]), expected, rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_contents_of_all_sectors_sum_to_one_where_the_table_balances(seed: int) -> None:
    flows, value_added, output = economy(seed)
    parts = [value_added_content(flows, value_added, output, [i]) for i in range(7)]
    np.testing.assert_allclose(np.sum(parts, axis=0)[:-1], 1.0, rtol=1e-11)
    assert np.sum(parts, axis=0)[-1] == 0
    both = value_added_content(flows, value_added, output, [2, 3])
    np.testing.assert_allclose(both, parts[2] + parts[3], rtol=1e-11)


@pytest.mark.parametrize("coefficient", COEFFICIENTS)
def test_a_stack_of_tables_equals_one_by_one(coefficient: str) -> None:
    tables = [economy(seed) for seed in range(4)]
    stacked = [np.stack(part) for part in zip(*tables, strict=True)]
    found = digital_value_added(*stacked, 1, 4, coefficient)
    for place, table in enumerate(tables):
        one = digital_value_added(*table, 1, 4, coefficient)
        assert found.e[place] == pytest.approx(one.e, rel=1e-13)


def test_total_input_is_below_intermediate_input() -> None:
    flows, value_added, output = economy(8)
    total, intermediate = (
        COEFFICIENTS[name](flows, value_added, output, (1, 4)) for name in ("total_input", "intermediate_input")
    )
    np.testing.assert_allclose(total * output, intermediate * flows.sum(axis=0), rtol=1e-14)
    assert (total <= intermediate).all()


def test_singular_table_raises() -> None:
    # each sells all of its output to the other
    flows, output = np.array([[0.0, 10.0], [10.0, 0.0]]), np.array([10.0, 10.0])
    with pytest.raises(np.linalg.LinAlgError):
        value_added_content(flows, np.zeros(2), output, [0])


def test_inputs_without_output_are_not_hidden() -> None:
    flows, value_added, output = economy(3)
    flows[0, -1] = 1.0
    assert np.isnan(value_added_content(flows, value_added, output, [1])).all()


def test_surrounding_tables_by_hand() -> None:
    found = surrounding_tables(np.arange(2010, 2020), [2012, 2015, 2017])
    assert found.before.tolist() == [0, 0, 0, 0, 0, 1, 1, 2, 2, 2]
    assert found.after.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 2]
    np.testing.assert_allclose(found.weight, [0, 0, 0, 1 / 3, 2 / 3, 0, 1 / 2, 0, 0, 0], rtol=1e-15)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1990, 2020), min_size=1, max_size=5, unique=True), st.integers(1980, 2030))
def test_interpolation_agrees_with_numpy_and_with_the_nearest_table_outside(tables: list[int], year: int) -> None:
    known = np.array(sorted(tables))
    shares = np.linspace(1.0, 2.0, len(known)) ** 2
    at = surrounding_tables([year], known)
    found = (1 - at.weight) * shares[at.before] + at.weight * shares[at.after]
    assert found[0] == pytest.approx(np.interp(year, known, shares), rel=1e-12)
    if not known[0] < year < known[-1]:
        assert at.before[0] == at.after[0] == nearest_table([year], known)[0]


def test_blend_is_the_interpolation_of_shares() -> None:
    # Sector 1 of 20 at secondary value added 4 (share 5), of 90 at 9 (share 10); a third of the way, value added 6
    one = np.ones(1)
    early = scale_to_year(DigitalValueAdded(20 * one, one, one), 6 / 4 * one, one, one)
    late = scale_to_year(DigitalValueAdded(90 * one, one, one), 6 / 9 * one, one, one)
    assert blend(early, late, one / 3).sector1[0] == pytest.approx((5 + (10 - 5) / 3) * 6, rel=1e-15)
