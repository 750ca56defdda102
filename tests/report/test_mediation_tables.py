"""Tables of a mediation: equations as the literature prints them, paths, textbook tests, sensitivity."""

from __future__ import annotations

import pytest

import digicarbon as dc
from digicarbon.errors import ConfigError
from digicarbon.report import PathTables, Record, Table
from digicarbon.source import SimulatedMediation


def record(label: str = "", **fields: object) -> Record:
    inputs = SimulatedMediation(n=40).load()
    panel = dc.Panel.from_frame(inputs.frame, unit=inputs.unit_name, time="time")
    model = dc.Mediation(**{"y": "y", "x": ("x",), "mediators": ("m1", "m2")} | fields)
    return Record(label=label, varied={}, options={}, result=model.fit(panel), simulated=True)


def below(table: Table | None) -> list[Table]:
    return [] if table is None else [table, *below(table.below)]


def test_equations_stand_side_by_side_and_products_below() -> None:
    one = record()
    equations, paths, textbook, sensitivity = below(PathTables(language="en").table("T", [one]))
    assert list(equations.cells.columns) == ["(1) y", "(2) Mediator 1", "(3) Mediator 2", "(4) y"]
    assert list(equations.cells.index) == ["x", "", "Mediator 1", "", "Mediator 2", "", "Observations"]
    total = one.result.effects.loc[("total", "x")]
    assert equations.cells.iloc[0, 0] == f"{total['coef']:.3f}***"
    assert equations.cells.iloc[1, 0] == f"({total['se']:.3f})"
    assert equations.cells.iloc[2, 0] == ""
    assert "*** p < 0.01" in equations.notes[0]
    assert paths.cells.iloc[0, 4] == f"{one.result.estimates.loc['x[m1]', 'coef']:.3f}"
    heads = list(textbook.cells.columns)
    assert heads[6:] == ["Share mediated", "share from", "share to"]
    low, share, high = (float(textbook.cells.iloc[0, place]) for place in (7, 6, 8))
    assert low < share < high
    assert len(sensitivity.cells) == 2
    assert sensitivity.notes, "notes stand below the last table"


def test_first_steps_have_equations_alone() -> None:
    tables = below(PathTables(language="en").table("T", [record(equations="first_step")]))
    assert [list(table.cells.columns) for table in tables] == [["(1) Mediator 1", "(2) Mediator 2"]]
    assert any("show no effect through a mediator" in note for note in tables[0].notes)


def test_the_picture_is_of_effects() -> None:
    report = PathTables(pictures=("svg",))
    assert set(report.files("T", [record()])) == {"effects.svg"}
    assert report.files("T", [record(equations="first_step")]) == {}
    assert PathTables(pictures=()).files("T", [record()]) == {}


def test_other_results_have_none() -> None:
    other = Record(label="", varied={}, options={}, result=dc.Result(kind="fe", y="y"))
    with pytest.raises(ConfigError, match="model=mediation"):
        PathTables().table("T", [other])
