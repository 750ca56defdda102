"""Policies in samples whose outliers are treated."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from digicarbon.panel import Panel
from digicarbon.sample import Sample

FRAME = pd.DataFrame(
    {
        "unit": np.repeat(["a", "b", "c", "d"], 5),
        "time": list(range(2010, 2015)) * 4,
        "gdp": [1.0, 2, 3, 4, 5, 2, 4, 6, 8, 10, 3, 6, 9, 12, 15, 100, 8, 12, 16, 20],
        "per head": np.arange(20.0),
        "area": np.repeat(["north", "south"], 10),
    }
)


@pytest.fixture
def small() -> Panel:
    return Panel.from_frame(FRAME, unit="unit", time="time")


def test_no_policy_is_treated(small: Panel) -> None:
    one = small.with_policy("pilot", {"a": 2012})
    every = Sample(winsorise=(0.2, 0.2)).apply(one).frame()
    pd.testing.assert_frame_equal(every.filter(like="pilot"), one.frame().filter(like="pilot"))
