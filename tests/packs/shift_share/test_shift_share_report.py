"""The report of shift-share estimates: its tables and the picture of the weights."""

from __future__ import annotations

from collections.abc import Mapping

import classic as dc
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from digicarbon.diagnostic import AkmErrors, RotembergWeights
from digicarbon.errors import ConfigError
from digicarbon.report import ShiftShareTables
from digicarbon.report.base import Record
from digicarbon.result import Result
from digicarbon.source import SimulatedShiftShare


@pytest.fixture(scope="module")
def tables() -> Mapping[str, pd.DataFrame]:
    frame = SimulatedShiftShare(n=40, periods=4, sectors=10).load().frame
    panel = dc.Panel.from_frame(frame, "unit", "time").with_shift_share("bartik", "share_*", "shock_*")
    model = dc.PanelIV(y="y", x=("x",), instruments=("bartik",))
    return {**RotembergWeights(model=model, top=10).tables(panel), **AkmErrors(model=model).tables(panel)}


def test_the_tables_stand_below_each_other(tables: Mapping[str, pd.DataFrame]) -> None:
    record = Record("", {}, {}, Result("iv", "y", tables=dict(tables)), simulated=True)
    report = ShiftShareTables(pictures=("png",))
    table, sizes = report.table("t", [record]), []
    while table is not None:
        sizes.append(table.cells.shape)
        table = table.below
    names = ("rotemberg", "rotemberg_periods", "rotemberg_summary", "akm")
    assert sizes == [tables[name].shape for name in names]
    assert set(report.files("t", [record])) == {"rotemberg.png"}
    with pytest.raises(ConfigError, match="diagnostic=rotemberg, diagnostic=akm"):
        report.table("t", [Record("", {}, {}, Result("iv", "y"))])


def test_the_picture_has_the_numbers(tables: Mapping[str, pd.DataFrame]) -> None:
    sectors = tables["rotemberg"].copy()
    sectors.iloc[0, 0] *= -1
    figure = dc.plot_rotemberg({**tables, "rotemberg": sectors}, title="t", simulated=True, language="zh")
    (axes,) = figure.axes
    line, *points = axes.get_lines()
    assert set(line.get_ydata()) == {tables["rotemberg_summary"]["value"].iloc[0]}
    found = np.array([[*point.get_xdata(), *point.get_ydata()] for point in points])
    np.testing.assert_array_equal(found, sectors[["weight", "coefficient"]])
    hollow = [to_hex(point.get_markerfacecolor()) == "#ffffff" for point in points]
    assert hollow == (sectors["weight"] < 0).tolist()
    assert [text.get_text() for text in axes.texts] == sectors.index.tolist()


@pytest.mark.parametrize("name", ["rotemberg", "rotemberg_summary"])
def test_a_picture_without_its_tables_is_refused(tables: Mapping[str, pd.DataFrame], name: str) -> None:
    with pytest.raises(ConfigError, match="diagnostic=rotemberg"):
        dc.plot_rotemberg({key: table for key, table in tables.items() if key != name})
