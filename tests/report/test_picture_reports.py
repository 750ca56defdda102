"""Reports whose pictures are the point: each number that is drawn stands in the table, and no picture costs a run."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digicarbon as dc
from digicarbon.diagnostic import LocalMoran, Moran, Values
from digicarbon.errors import ConfigError, DataError
from digicarbon.report import (
    BandTable,
    DiagnosticTable,
    IntervalPicture,
    MapTable,
    MoranTable,
    Record,
    RegressionTable,
    TwoTables,
)

X = "log(emp)"


@pytest.fixture(scope="module")
def records(produc: dc.Panel, usaww: dc.Weights) -> list[Record]:
    found = []
    for band, kind in ((600.0, "sar"), (900.0, "sdm")):
        result = dc.SpatialPanel(kind=kind, y="log(gsp)", x=(X,), controls=("unemp",)).fit(produc, usaww)
        found.append(Record(kind.upper(), {}, {"weights.threshold": band}, result, simulated=True))
    return found


def with_tables(tables: dict[str, pd.DataFrame], label: str = "W", simulated: bool = False) -> Record:
    return Record(label, {}, {}, dc.Result(kind="none", y="", tables=tables), simulated=simulated)


def test_every_interval_that_is_drawn_stands_in_the_table(records: list[Record]) -> None:
    table = IntervalPicture(language=None, decimals=3).table("t", records)
    assert list(table.cells.columns) == ["Estimate", "Standard error", "p value", "from", "to"]
    assert list(table.cells.index)[:4] == [f"{X}, SAR", f"{X}, SDM", "rho, SAR", "rho, SDM"]
    names = ("coef", "se", "p", "low", "high")
    for place, term in enumerate((X, X, "rho", "rho")):
        row = records[place % 2].result.estimates.loc[term]
        assert list(table.cells.iloc[place]) == [f"{row[name]:.3f}" for name in names]
    assert table.rules == (2, 4, 6, 8)
    total = records[1].result.effects.loc[("total", X)]
    assert list(table.cells.iloc[-1]) == [f"{total[name]:.3f}" for name in names]
    assert table.notes[0] == "Intervals: 95%."
    named = IntervalPicture(language=None, decimals=3, terms=(X,)).table("t", records)
    assert next(iter(named.cells.columns)) == "Coefficient"
    assert list(named.cells.index) == [f"{X}, SAR", f"{X}, SDM"]
    effects = IntervalPicture(quantity="effects", language="zh", labels={X: "就业"}).table("t", records)
    assert list(effects.cells.index)[:3] == ["直接效应, 就业, SAR", "直接效应, 就业, SDM", "间接效应, 就业, SAR"]
    assert effects.rules == (2, 4)
    total = records[1].result.effects.loc[("total", X)]
    assert effects.cells.iloc[5, 0] == f"{total['coef']:.4f}"
    assert list(IntervalPicture(language=None).files("t", records)) == ["coefficients.png", "coefficients.svg"]
    assert list(IntervalPicture(language=None, quantity="effects", pictures=("pdf",)).files("t", records)) == [
        "effects.pdf"
    ]


def test_of_more_runs_there_is_a_summary_and_no_picture(records: list[Record]) -> None:
    for spec in (IntervalPicture(language=None, most_runs=1), BandTable(language=None, most_runs=1)):
        assert spec.files("t", records) == {}
        assert "A summary of 2 runs" in " ".join(spec.table("t", records).notes)


def test_bands_stand_in_order_with_their_effects(records: list[Record]) -> None:
    table = BandTable(language=None).table("t", records[::-1])
    assert list(table.cells.index) == [f"{X}, 600 km", f"{X}, 900 km"]
    assert list(table.cells.columns) == ["Direct effect", "Indirect effect", "Total effect"]
    row = records[1].result.effects.loc[("indirect", X)]
    assert table.cells.iloc[1, 1] == f"{row['coef']:.4f} [{row['low']:.4f}, {row['high']:.4f}]"
    assert list(BandTable(language=None, pictures=("svg",)).files("t", records)) == ["bands.svg"]
    two = [replace(record, varied={**record.varied, "measure": name}) for name in ("e", "ide") for record in records]
    assert list(BandTable(language=None, pictures=("svg",)).files("t", two)) == [
        "bands_measure_e.svg",
        "bands_measure_ide.svg",
    ]
    assert list(BandTable(language=None).table("t", two).cells.index)[:2] == [
        f"measure=e, {X}, 600 km",
        f"measure=e, {X}, 900 km",
    ]
    for varied in ({}, {"weights.threshold": None}):
        with pytest.raises(ConfigError, match=r"SAR has no number for weights.threshold, but None; vary it, e\.g\."):
            BandTable(language=None).table("t", [replace(records[0], varied=varied)])


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


def test_regression_tables_have_pictures_only_where_asked(records: list[Record]) -> None:
    assert RegressionTable(language=None).files("t", records) == {}
    spec = RegressionTable(language=None, pictures=("svg",))
    assert list(spec.files("t", records)) == ["coefficients.svg", "effects.svg"]
    both = TwoTables(language=None, first=spec, second=RegressionTable(language=None), heading="again")
    assert list(both.files("t", records)) == ["coefficients.svg", "effects.svg"]


def test_tables_without_pictures_do_not_load_matplotlib() -> None:
    script = (
        "import sys\nimport digicarbon.report.picture\nimport digicarbon as dc\ndc.plot_map, dc.plot_lisa\n"
        "assert 'matplotlib' not in sys.modules and 'geopandas' not in sys.modules, 'loaded'"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_local_moran_of_the_package_is_that_of_the_diagnostic(produc: dc.Panel, usaww: dc.Weights) -> None:
    made: Any = LocalMoran(variables=("unemp",)).tables(produc, usaww)["local_moran"]
    pd.testing.assert_frame_equal(made.droplevel("variable"), dc.local_moran(produc, usaww, "unemp"))
