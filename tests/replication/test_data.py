"""The rows that other tools read."""

from __future__ import annotations

import pandas as pd
import pytest

from digicarbon.panel import Panel
from digicarbon.replication.data import DataSet
from digicarbon.script import Names


@pytest.mark.parametrize(
    ("times", "numbers"),
    [
        ([2010, 2011, 2013], [1, 2, 4]),
        (["Oct 2010", "Nov 2010", "Jan 2011"], [1, 2, 4]),
        # labels without an order are numbered as they are sorted
        (["wave 1", "wave 2", "wave 4"], [1, 2, 3]),
    ],
)
def test_periods_are_numbered_as_the_calendar_has_them(times: list[object], numbers: list[int]) -> None:
    panel = Panel.from_frame(pd.DataFrame({"u": ["a"] * 3, "t": times, "x": [1.0, 2.0, 3.0]}), "u", "t")
    found = DataSet(1, panel.index).frame(Names())
    assert found["time_id"].tolist() == numbers
    assert found["time"].tolist() == times
