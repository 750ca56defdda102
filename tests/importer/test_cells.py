"""What a raw cell means; anything else is a sentence that names the cell."""

from __future__ import annotations

import datetime
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digicarbon.errors import DataError
from digicarbon.importer._cells import number, numbers, text, year, year_in
from digicarbon.importer._sheets import Sheet


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (12, 12.0), (1.5, 1.5), (np.int64(3), 3.0), ("12", 12.0), (" 1.5 ", 1.5), ("-3.25", -3.25), ("1e-05", 1e-05),
        ("1,234", 1234.0), ("1,234,567.89", 1234567.89), ("-12,345", -12345.0), ("1 234.5", 1234.5),
        ("1\xa0234", 1234.0),
        ("１２３．４５", 123.45), ("１，２３４", 1234.0), ("－７", -7.0), ("−7", -7.0), (".5", 0.5), ("+2", 2.0),
    ],
)  # fmt: skip
def test_numbers_as_the_statistics_write_them(value: object, expected: float) -> None:
    assert number(value, "here") == expected


@pytest.mark.parametrize(
    "value", [None, "", " ", "-", "—", "——", "–", "…", "……", "...", "..", "－", "\u3000", math.nan, "NA"]
)
def test_no_figure_is_not_a_number(value: object) -> None:
    assert math.isnan(number(value, "here"))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("abc", "the text 'abc'"), ("1,23", "the text '1,23'"), ("12,34.5", "the text"), ("1.2.3", "the text"),
        ("#REF!", "the Excel error #REF!"), ("#DIV/0!", "the Excel error"), (True, "the truth value 'True'"),
        (datetime.datetime(2012, 1, 1), "the date"), (math.inf, "the"), ("1e999", "the text"), ("5%", "the text '5%'"),
        ("x" * 500, "…'"), ("(12)", "the text"), ("1 23", "the text"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_its_place(value: object, said: str) -> None:
    with pytest.raises(DataError) as error:
        number(value, lambda: "a.xlsx, sheet 2012, cell C7")
    assert str(error.value).startswith("a.xlsx, sheet 2012, cell C7 holds ")
    assert said in str(error.value)
    assert len(str(error.value)) < 300


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_survives_its_text(value: float) -> None:
    assert number(repr(value), "here") == value == number(value, "here")


@given(st.integers(-(10**15), 10**15))
def test_thousands_separators_change_nothing(value: int) -> None:
    full_width = f"{value:,}".translate(str.maketrans("0123456789,-", "０１２３４５６７８９，－"))
    assert number(f"{value:,}", "here") == number(full_width, "here") == value


def test_block_of_numbers() -> None:
    cells = pd.DataFrame([["x", 1, "1,000"], [None, "-", 2.5]], dtype=object)
    sheet = Sheet(Path("a.xlsx"), "2012", cells)
    found = numbers(sheet, range(0, 3), range(1, 3))
    np.testing.assert_array_equal(found, [[1, 1000], [np.nan, 2.5], [np.nan, np.nan]])
    with pytest.raises(DataError, match=r"a\.xlsx, sheet 2012, cell A1 holds the text 'x'"):
        numbers(sheet, range(0, 1), range(0, 1))


def test_text_of_a_cell() -> None:
    assert text(" Raw\n  Coal\u3000") == "Raw Coal"
    assert text("（亿元）") == "(亿元)"
    assert text(2012.0) == "2012"
    assert text(None) == text(math.nan) == ""


def test_years_in_the_names_of_sheets() -> None:
    assert year_in("Emission_Inventories_for_30_Provinces_2012") == 2012
    assert year_in("省级能源清单_2011") == 2011
    assert year_in("表观碳排放清单_1997-2022") is None
    assert year_in("110000") is None
    assert year_in("Sheet1") is None


@pytest.mark.parametrize(
    "value", [2012, 2012.0, "2012", "2012年", "２０１２", " 2012 ", "2012.0", datetime.date(2012, 12, 31), "2012年度"]
)
def test_years(value: object) -> None:
    assert year(value) == 2012


@pytest.mark.parametrize("value", [None, "", "12", 110000, "2012-13", "2012.5", True, "GDP", 1812])
def test_what_is_no_year(value: object) -> None:
    assert year(value) is None
