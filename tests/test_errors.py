"""Words of messages."""

from __future__ import annotations

import pytest

from digicarbon.errors import counted


@pytest.mark.parametrize(
    ("given", "words"),
    [((1, "unit"), "1 unit"), ((0, "unit"), "0 units"), ((3, "unit"), "3 units"), ((2, "city", "cities"), "2 cities")],
)
def test_a_number_has_its_noun(given: tuple[int, str], words: str) -> None:
    assert counted(*given) == words
