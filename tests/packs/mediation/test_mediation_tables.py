"""Tables of a mediation: equations as the literature prints them, paths, textbook tests, sensitivity."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import classic as dc
import pytest
from matplotlib.figure import Figure

from digicarbon.diagnostic import SpatialMediation
from digicarbon.errors import ConfigError
from digicarbon.report import PathTables, Record, Table
from digicarbon.source import SimulatedMediation
from digicarbon.source._drawn import neighbours


def record(label: str = "", **fields: object) -> Record:
    inputs = SimulatedMediation(n=40).load()
    panel = dc.Panel.from_frame(inputs.frame, unit=inputs.unit_name, time="time")
    model = dc.Mediation(**{"y": "y", "x": ("x",), "mediators": ("m1", "m2")} | fields)
    return Record(label=label, varied={}, options={}, result=model.fit(panel), simulated=True)


def below(table: Table | None) -> list[Table]:
    return [] if table is None else [table, *below(table.below)]


def test_equations_stand_side_by_side_and_products_below() -> None:
    one = record()
    equations, paths, share, textbook, sensitivity, rho = below(PathTables(language="en").table("T", [one]))
    assert list(equations.cells.columns) == ["(1) y", "(2) m1", "(3) m2", "(4) y"]
    assert list(equations.cells.index) == [
        *("x", "", "m1", "", "m2", ""),
        *("Unit effects", "Time effects", "Observations", "Within R²"),
    ]
    total = one.result.effects.loc[("total", "x")]
    assert equations.cells.iloc[0, 0] == f"{total['coef']:.3f}***"
    assert equations.cells.iloc[1, 0] == f"({total['se']:.3f})"
    assert equations.cells.iloc[2, 0] == ""
    assert list(equations.cells.loc["Unit effects"]) == ["yes"] * 4
    assert equations.cells.loc["Within R²"].iloc[-1] == f"{one.result.statistics['r2_within']:.3f}"
    assert "*** p ≤ 0.01" in equations.notes[0]
    assert list(paths.cells.index) == ["x, m1", "x, m2", "x, all mediators"]
    assert paths.cells.iloc[0, 4] == f"{one.result.estimates.loc['x[m1]', 'coef']:.3f}"
    assert paths.cells.iloc[2, 4] == f"{one.result.effects.loc[('indirect', 'x'), 'coef']:.3f}"
    assert list(share.cells.columns) == ["Share mediated", "share from", "share to"]
    for row in range(3):
        low, middle, high = (float(share.cells.iloc[row, place]) for place in (1, 0, 2))
        assert low < middle < high
    assert share.cells.iloc[2, 0] == f"{one.result.statistics['mediated_share']:.3f}"
    assert len(textbook.cells) == len(sensitivity.cells) == 2
    assert list(rho.cells.columns) == ["-0.9", "-0.6", "-0.3", "0.0", "0.3", "0.6", "0.9"]
    assert rho.cells.loc["x, m1", "0.0"] == paths.cells.iloc[0, 4]
    assert rho.notes, "notes stand below the last table"


def test_within_r2_is_that_of_each_regression() -> None:
    inputs = SimulatedMediation(n=40).load()
    panel = dc.Panel.from_frame(inputs.frame, unit=inputs.unit_name, time="time")
    shares = record().result.tables["fits"]["r2_within"]
    for (_, y), x, value in zip(shares.index, (["x"], ["x"], ["x"], ["x", "m1", "m2"]), shares, strict=True):
        single = dc.PanelRegression(y=y, x=x).fit(panel)
        assert value == pytest.approx(single.statistics["r2_within"], rel=1e-12)


def test_runs_stand_below_each_other_and_notes_name_theirs() -> None:
    runs = [record("delta"), record("wild", test="wild", draws=99)]
    tables = below(PathTables(language="en").table("T", runs))
    paths = tables[2]
    assert len(paths.cells.columns) == 9
    assert list(paths.cells.index)[::3] == ["delta: x, m1", "wild: x, m1"]
    assert any(note.startswith("delta: ") and "delta method" in note for note in tables[-1].notes)
    assert any(note.startswith("wild: ") and "outcome redrawn" in note for note in tables[-1].notes)


def test_stars_reach_to_their_bounds_as_in_other_tables() -> None:
    one = record()
    frame = one.result.tables["equations"].assign(p=0.05)
    exact = dataclasses.replace(one.result, tables={**one.result.tables, "equations": frame})
    row = below(PathTables(language="en").table("T", [dataclasses.replace(one, result=exact)]))[0].cells.iloc[0, 0]
    assert row.endswith("**")
    assert not row.endswith("***")
    with pytest.raises(ValueError, match="stars"):
        PathTables(stars=(0.01, 0.05, 0.1))


def test_chinese_heads_have_no_english() -> None:
    tables = below(PathTables(language="zh").table("T", [record()]))
    assert "中介变量" in str(tables[1].cells.index.name)
    assert ", " not in str(tables[1].cells.index.name)
    assert tables[1].cells.columns[0] == "自变量→中介变量（a）"
    assert tables[1].cells.index[2] == "x，全部中介变量"


def in_space() -> Record:
    source = SimulatedMediation(n=30, periods=6, theta=0.3, rho=0.3)
    inputs = source.load()
    panel = dc.Panel.from_frame(inputs.frame, unit=inputs.unit_name, time="time")
    w = dc.Weights.from_matrix(neighbours(source.places), panel.units)
    model = dc.SpatialPanel(kind="sdm", y="y", x=("x",), controls=())
    tables = SpatialMediation(model=model, mediators=("m1", "m2")).tables(panel, w)
    result = dataclasses.replace(model.fit(panel, w), tables=tables)
    return Record(label="space", varied={}, options={}, result=result, simulated=True)


def test_effects_in_space_have_a_table() -> None:
    (space,) = below(PathTables(language="en").table("T", [in_space()]))
    assert space.title == "T: Effects through mediators in space"
    assert space.cells.index[0] == "x, m1, Direct effect"
    assert list(space.cells.columns) == ["Coefficient", "Standard error", "p value", "from", "to"]


def test_first_steps_have_equations_alone() -> None:
    tables = below(PathTables(language="en").table("T", [record(equations="first_step")]))
    assert [list(table.cells.columns) for table in tables] == [["(1) m1", "(2) m2"]]
    assert any("show no effect through a mediator" in note for note in tables[0].notes)


def test_the_picture_is_of_effects() -> None:
    report = PathTables(pictures=("svg",))
    assert set(report.files("T", [record()])) == {"effects.svg"}
    assert report.files("T", [record(equations="first_step")]) == {}
    assert PathTables(pictures=()).files("T", [record()]) == {}


def test_no_picture_has_the_effects_of_a_spatial_model_without_mediators(monkeypatch: pytest.MonkeyPatch) -> None:
    report, space = PathTables(pictures=("svg",)), in_space()
    assert report.files("T", [space]) == {}
    shown: list[str] = []

    def drawn(_: object, name: str, title: str, records: Sequence[Record]) -> Figure:
        shown.extend(record.label for record in records)
        return Figure()

    monkeypatch.setattr("digicarbon.packs.mediation.report.mediation.interval_figure", drawn)
    assert set(report.files("T", [record("paths"), space])) == {"effects.svg"}
    assert shown == ["paths"]


def test_other_results_have_none() -> None:
    other = Record(label="", varied={}, options={}, result=dc.Result(kind="fe", y="y"))
    with pytest.raises(ConfigError, match="model=mediation"):
        PathTables().table("T", [other])
