"""Cases of this pack in tests of all measures, see `tests/cases.py`."""

from __future__ import annotations

from digicarbon.measure import EntropyIndex, PcaIndex, TopsisIndex

INDICATORS = {"gdp": "positive", "population": "negative"}
DEFINED_MEASURES = [
    EntropyIndex(indicators=INDICATORS),
    TopsisIndex(indicators=INDICATORS, weights="given", given={"gdp": 2, "population": 1}),
    PcaIndex(indicators=INDICATORS),
]
"""Measures whose columns have definitions, with formulas that give the numbers."""
