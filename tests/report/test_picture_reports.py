"""Reports whose pictures are the point: each number that is drawn stands in the table, and no picture costs a run."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import classic as dc
import pytest

from digicarbon.errors import ConfigError
from digicarbon.report import (
    BandTable,
    IntervalPicture,
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


def test_regression_tables_have_pictures_only_where_asked(records: list[Record]) -> None:
    assert RegressionTable(language=None).files("t", records) == {}
    spec = RegressionTable(language=None, pictures=("svg",))
    assert list(spec.files("t", records)) == ["coefficients.svg", "effects.svg"]
    both = TwoTables(language=None, first=spec, second=RegressionTable(language=None), heading="again")
    assert list(both.files("t", records)) == ["coefficients.svg", "effects.svg"]


def test_tables_without_pictures_do_not_load_matplotlib() -> None:
    script = (
        "import sys\nimport digicarbon.report.picture\nimport digicarbon as dc\ndc.plot_map, dc.plot_bands\n"
        "assert 'matplotlib' not in sys.modules and 'geopandas' not in sys.modules, 'loaded'"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
