"""Numbers of a package: they are read to the last bit, and what differs or is missing is found."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digicarbon.recorded.numbers import compared, compared_cells, read, written

FINITE = st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(NAMES, st.dictionaries(NAMES, FINITE, min_size=1, max_size=5), max_size=4))
def test_numbers_are_read_as_they_were_written(numbers: dict[str, dict[str, float]]) -> None:
    again = read(written(numbers))
    assert again == numbers
    bits = [struct.pack("<d", value) for own in numbers.values() for value in own.values()]
    assert [struct.pack("<d", value) for own in again.values() for value in own.values()] == bits


@settings(max_examples=30, deadline=None)
@given(st.floats(min_value=1e-6, max_value=1e6), st.floats(min_value=1e-5, max_value=0.5))
def test_a_change_is_a_difference_and_rounding_is_none(value: float, share: float) -> None:
    (changed,) = compared("e", {"r": {"x": value}}, {"r": {"x": value * (1 + share)}})
    assert not changed.equal
    assert changed.difference == pytest.approx(share / (1 + share), rel=1e-5)
    (rounded,) = compared("e", {"r": {"x": value}}, {"r": {"x": math.nextafter(value, 2 * value)}})
    assert rounded.equal
    assert rounded.exact
    (elsewhere,) = compared("e", {"r": {"x": value}}, {"r": {"x": value * (1 + 1e-8)}})
    assert elsewhere.equal
    assert not elsewhere.exact


def test_a_number_on_one_side_only_differs() -> None:
    rows = list(compared("e", {"r": {"x": 1.0}, "s": {"x": 1.0}}, {"r": {"x": 1.0, "y": 0.0}}))
    assert [(row.run, row.number, row.expected, row.rebuilt, row.equal) for row in rows] == [
        ("r", "y", "", "0.0", False),
        ("r", "x", "1.0", "1.0", True),
        ("s", "x", "1.0", "", False),
    ]


def test_cells_are_compared_as_they_are_shown() -> None:
    rows = compared_cells("e", "table.csv", b"a,b\n1.20,x\n", b"a,b\n1.2,x\n2,\n")
    assert [(row.number, row.expected, row.rebuilt) for row in rows if not row.equal] == [
        ("row 2, column 1", "1.20", "1.2"),
        ("row 3, column 1", "", "2"),
        ("row 3, column 2", "", ""),
    ]


def test_a_file_with_other_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="the columns are"):
        read(b"run,name,value\nr,x,1\n")
