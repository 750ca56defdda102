"""Composite indices of the real provinces."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from digicarbon.measure import CompositeIndex, EntropyIndex, PcaIndex, TopsisIndex
from digicarbon.source import Inputs

KINDS = (EntropyIndex, TopsisIndex, PcaIndex)


@pytest.mark.parametrize("kind", KINDS)
def test_real_indicators(kind: type[CompositeIndex], load_real: Callable[..., Inputs]) -> None:
    directions = {"digital_finance": "positive", "patent_grants": "positive", "coal_related_energy": "negative"}
    measure = kind(indicators=directions, per_capita=("patent_grants",))
    inputs = load_real("china")
    found = measure.compute(inputs)[measure.name]
    assert found.notna().all()
    assert found.between(0, 1.001).all()
    assert found.corr(inputs.frame["digital_finance"]) > 0.3
