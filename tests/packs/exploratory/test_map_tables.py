"""Tables of Moran's I and of maps: each number that is drawn stands in the table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import digicarbon as dc
from digicarbon.diagnostic import LocalMoran, Moran, Values
from digicarbon.errors import ConfigError, DataError
from digicarbon.report import DiagnosticTable, MapTable, MoranTable, Record


def with_tables(tables: dict[str, pd.DataFrame], label: str = "W", simulated: bool = False) -> Record:
    return Record(label, {}, {}, dc.Result(kind="none", y="", tables=tables), simulated=simulated)


def test_moran_by_period_is_a_table_and_a_picture_for_each_variable(produc: dc.Panel, usaww: dc.Weights) -> None:
    made = Moran(variables=("log(gsp)", "unemp")).tables(produc, usaww)
    runs = [with_tables(dict(made), "W1"), with_tables(dict(made), "W2")]
    spec = MoranTable(name="moran", pictures=("svg",))
    assert list(spec.files("t", runs)) == ["moran_log(gsp).svg", "moran_unemp.svg"]
    pd.testing.assert_frame_equal(spec.table("t", runs).cells, DiagnosticTable(name="moran").table("t", runs).cells)


def test_values_behind_a_map(produc: dc.Panel) -> None:
    made = Values(variables=("unemp", "gsp"), periods=(1986, 1970)).tables(produc)
    record = with_tables(dict(made))
    table = MapTable(units={"unemp": "%"}, decimals=1, labels={"unemp": "Unemployment"}).table("t", [record])
    assert list(table.cells.columns) == ["Unemployment, 1986", "Unemployment, 1970", "gsp, 1986", "gsp, 1970"]
    frame = produc.frame()
    assert table.cells.loc["OHIO", "Unemployment, 1970"] == f"{frame.loc[('OHIO', 1970), 'unemp']:.1f}"
    assert table.cells.loc["OHIO", "gsp, 1986"] == f"{frame.loc[('OHIO', 1986), 'gsp']:,.0f}"
    assert table.notes[0] == "Units: Unemployment: %."
    assert list(MapTable(pictures=("svg",)).files("t", [record])) == ["map_W.svg"]
    assert list(MapTable(variables=("gsp",)).table("t", [record]).cells.columns) == ["gsp, 1986", "gsp, 1970"]


def test_of_very_many_regions_the_table_shows_the_distribution() -> None:
    index = pd.MultiIndex.from_product([["x"], [2012], [f"county {number}" for number in range(2001)]])
    record = with_tables({"values": pd.DataFrame({"value": np.arange(2001.0)}, index=index)})
    cells = MapTable(decimals=0, classes=4).table("t", [record]).cells
    assert cells["x, 2012"].to_dict() == {"0%": "0", "25%": "500", "50%": "1000", "75%": "1500", "100%": "2000"}


def test_what_maps_need_is_a_sentence(produc: dc.Panel) -> None:
    with pytest.raises(ConfigError, match=r"no run has a table 'values'\. Choose diagnostic=values"):
        MapTable().table("t", [with_tables({})])
    record = with_tables(dict(Values(variables=("gsp",)).tables(produc)))
    with pytest.raises(ConfigError, match=r"report.variables: W has no emp; it has gsp. Name them in diagnostic"):
        MapTable(variables=("emp",)).table("t", [record])
    with pytest.raises(ConfigError, match=r"2 runs are too many for maps; name fewer, or raise report\.most_runs"):
        MapTable(most_runs=1).table("t", [record, record])
    with pytest.raises(DataError, match=r"diagnostic.periods: the panel has no 1900; it has 1970"):
        Values(variables=("gsp",), periods=(1900,)).check(produc)
    with pytest.raises(ConfigError, match="variables is empty; name at least one"):
        Values(variables=())
    with pytest.raises(DataError, match="has no column 'gps'"):
        Values(variables=("gps",)).check(produc)


def test_values_keep_the_first_and_last_period_by_default(produc: dc.Panel) -> None:
    table = Values(variables=("gsp",)).tables(produc)["values"]
    assert list(dict.fromkeys(table.index.get_level_values("period"))) == [1970, 1986]
    assert len(table) == 96


def test_local_moran_of_the_package_is_that_of_the_diagnostic(produc: dc.Panel, usaww: dc.Weights) -> None:
    made: Any = LocalMoran(variables=("unemp",)).tables(produc, usaww)["local_moran"]
    pd.testing.assert_frame_equal(made.droplevel("variable"), dc.local_moran(produc, usaww, "unemp"))
