"""The BEA measure by hand: three sectors, of which the second and third are digital, and one without output."""

from __future__ import annotations

import numpy as np
import pytest

from digicarbon.numeric.accounts.bea import (
    MEASURES,
    DigitalValueAdded,
    adjustment_coefficients,
    digital_value_added,
    nearest_table,
    scale_to_year,
)

# columns buy from rows: farming, electronics, software, an idle sector
FLOWS = np.array([[10.0, 5.0, 0.0, 0.0], [4.0, 20.0, 3.0, 0.0], [6.0, 5.0, 7.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
OUTPUT = np.array([100.0, 50.0, 40.0, 0.0])
VALUE_ADDED = np.array([80.0, 20.0, 30.0, 0.0])


def test_coefficient_is_digital_inputs_over_total_input() -> None:
    found = adjustment_coefficients(FLOWS, OUTPUT, (1, 2))
    # farming buys 4 + 6 of 100; the idle sector's 0/0 is 0
    np.testing.assert_allclose(found, [0.10, 25 / 50, 10 / 40, 0.0], rtol=1e-15)


def test_digital_inputs_without_output_are_infinite_not_hidden() -> None:
    flows = FLOWS.copy()
    flows[1, 3] = 2.0
    assert np.isposinf(adjustment_coefficients(flows, OUTPUT, (1, 2))[3])


def test_value_added_by_hand() -> None:
    found = digital_value_added(FLOWS, VALUE_ADDED, OUTPUT, 1, 2)
    assert found.sector1 == 20.0
    assert found.sector2 == 30.0
    assert found.ddl == pytest.approx(8.0, rel=1e-15)
    assert found.ide == 50.0
    assert found.e == pytest.approx(58.0, rel=1e-15)
    assert tuple(found.columns()) == MEASURES


def test_equations_1_to_4_agree_with_each_other() -> None:
    digital_output = FLOWS[[1, 2]].sum(axis=0)[:3]
    rate = VALUE_ADDED[:3] / OUTPUT[:3]  # Eq 2
    eq_1 = digital_output * rate / VALUE_ADDED[:3]  # Eq 3 over value added
    np.testing.assert_allclose(adjustment_coefficients(FLOWS, OUTPUT, (1, 2))[:3], eq_1, rtol=1e-14)


def test_negative_value_added_is_kept() -> None:
    found = digital_value_added(FLOWS, np.array([-80.0, 20.0, 30.0, 0.0]), OUTPUT, 1, 2)
    assert found.ddl == pytest.approx(-8.0, rel=1e-15)


def test_a_stack_of_tables_equals_one_by_one() -> None:
    rng = np.random.default_rng(3)
    flows, value_added = rng.random((5, 2, 6, 6)), rng.random((5, 2, 6))
    output = flows.sum(axis=-2) + value_added
    stack = digital_value_added(flows, value_added, output, 4, 1)
    for i in range(5):
        for k in range(2):
            one = digital_value_added(flows[i, k], value_added[i, k], output[i, k], 4, 1)
            for name in MEASURES:
                assert getattr(stack, name)[i, k] == pytest.approx(getattr(one, name), rel=1e-14)


def test_order_of_sectors_changes_nothing() -> None:
    order = np.array([2, 0, 3, 1])
    moved = digital_value_added(FLOWS[order][:, order], VALUE_ADDED[order], OUTPUT[order], 3, 0)
    assert moved.columns() == digital_value_added(FLOWS, VALUE_ADDED, OUTPUT, 1, 2).columns()


def test_nearest_table_and_ties_to_the_earlier() -> None:
    years, tables = np.arange(2010, 2020), np.array([2012, 2015, 2017])
    chosen = tables[nearest_table(years, tables)].tolist()
    assert chosen == [2012, 2012, 2012, 2012, 2015, 2015, 2015, 2017, 2017, 2017]


def test_each_part_is_scaled_with_its_own_driver() -> None:
    one = np.array([1.0])
    found = scale_to_year(DigitalValueAdded(2 * one, 3 * one, 5 * one), 1.1 * one, 1.2 * one, 1.3 * one)
    assert found.sector1[0] == pytest.approx(2.2)
    assert found.sector2[0] == pytest.approx(3.6)
    assert found.ddl[0] == pytest.approx(6.5)
    assert found.e[0] == pytest.approx(2.2 + 3.6 + 6.5)
