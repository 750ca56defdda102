"""Words of messages."""

from __future__ import annotations

import pytest

from digicarbon.errors import counted
from digicarbon.note import columns_there, suggestion


@pytest.mark.parametrize(
    ("given", "words"),
    [((1, "unit"), "1 unit"), ((0, "unit"), "0 units"), ((3, "unit"), "3 units"), ((2, "city", "cities"), "2 cities")],
)
def test_a_number_has_its_noun(given: tuple[int, str], words: str) -> None:
    assert counted(*given) == words


def test_columns_are_told_apart_and_text_is_said() -> None:
    said = str(columns_there(["gdp", "PIL reale, mln €", "ICT v.a."], ["co2"]))
    assert said == "Columns: gdp, 'PIL reale, mln €', 'ICT v.a.', co2 (text)."
    assert str(columns_there(f"x{place}" for place in range(42))).endswith(" x39 and 2 more.")


def test_case_makes_no_difference_to_what_is_meant() -> None:
    assert str(suggestion("GDP", ["co2", "gdp"])) == " Did you mean 'gdp'?"
    assert str(suggestion("gpd", ["co2", "GDP"])) == " Did you mean 'GDP'?"
    assert str(suggestion("GDP", ["co2"])) == ""
