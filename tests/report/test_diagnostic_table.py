"""The table of a diagnostic."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import classic as dc
import numpy as np
import pandas as pd
import pytest
from cases import listed

from digicarbon.data import terms, words
from digicarbon.diagnostic import (
    Correlation,
    Descriptive,
    Diagnose,
    Diagnostic,
    GroupComparison,
    PanelChoice,
    TurningPoints,
    Vif,
    WildClusterBootstrap,
)
from digicarbon.errors import ConfigError
from digicarbon.report import DiagnosticTable, Record
from digicarbon.result import Result

MORAN = pd.DataFrame({"i": [0.25, -0.5], "z": [2.0, np.nan]}, index=pd.Index([2012, 2013], name="period"))


def record(label: str, table: pd.DataFrame = MORAN, notes: tuple[str, ...] = ()) -> Record:
    return Record(label, {}, {}, Result("none", "", tables={"moran": table}, notes=notes))


def test_one_run() -> None:
    cells = DiagnosticTable(name="moran", decimals=2).table("t", [record("only")]).cells
    assert list(cells.columns) == ["i", "z"]
    assert list(cells.index) == ["2012", "2013"]
    assert cells.to_numpy().tolist() == [["0.25", "2"], ["-0.50", ""]]


def test_a_column_of_small_numbers_has_digits_and_p_values_have_none() -> None:
    small = pd.DataFrame({"variance": [3.21987e-6, 4e-7], "z": [1e-6, 1.0], "p": [1e-9, 1e-8]}, index=[2012, 2013])
    cells = DiagnosticTable(name="moran").table("t", [record("only", small)]).cells
    assert cells.to_numpy().tolist() == [["3.22e-06", "0.0000", "0.0000"], ["4e-07", "1", "0.0000"]]


def test_the_first_column_has_a_head_in_each_language() -> None:
    plain = pd.DataFrame({"i": [1.0]}, index=["a"])
    local = pd.DataFrame({"i": [1.0]}, index=pd.MultiIndex.from_tuples([("x", 2012)], names=["variable", "period"]))
    for table, english, chinese in (
        (MORAN, "Period", "时期"),
        (local, "Variable, Period", "变量, 时期"),
        (plain, "", ""),
    ):
        for language, head in ((None, english.lower()), ("en", english), ("zh", chinese)):
            made = DiagnosticTable(name="moran", language=language).table("t", [record("only", table)])
            assert made.corners == (head,)
            assert head in made.to_text()


def test_unbounded_intervals_are_shown() -> None:
    found = pd.DataFrame({"low": [-np.inf], "high": [np.inf]}, index=["x"])
    assert DiagnosticTable(name="moran").table("t", [record("A", found)]).cells.to_numpy().tolist() == [["−∞", "∞"]]


def test_runs_side_by_side_with_blanks_where_one_has_no_row() -> None:
    more = pd.DataFrame({"i": [0.1]}, index=pd.Index([2014]))
    table = DiagnosticTable(name="moran", columns=("i",), decimals=1).table("t", [record("W1"), record("W2", more)])
    assert list(table.cells.columns) == ["W1: i", "W2: i"]
    assert list(table.cells.index) == ["2012", "2013", "2014"]
    assert table.cells.to_numpy().tolist() == [["0.2", ""], ["-0.5", ""], ["", "0.1"]]


def test_rows_of_several_keys_and_text() -> None:
    index = pd.MultiIndex.from_tuples([("lag", 2012), ("error", 2012)])
    found = pd.DataFrame({"verdict": ["yes", "no"], "n": [30, 31]}, index=index)
    cells = DiagnosticTable(name="moran").table("t", [record("A", found)]).cells
    assert list(cells.index) == ["lag, 2012", "error, 2012"]
    assert cells.to_numpy().tolist() == [["yes", "30"], ["no", "31"]]


def test_notes() -> None:
    table = DiagnosticTable(name="moran").table("t", [record("A", notes=("n",)), record("B", notes=("n", "m"))])
    assert table.notes == ("n", "B: m")


def test_an_unknown_table_or_column_is_a_sentence() -> None:
    with pytest.raises(ConfigError, match=r"report\.name: .* 'morann' .*; A has no such table, but moran\."):
        DiagnosticTable(name="morann").table("t", [record("A")])
    with pytest.raises(
        ConfigError, match=r"report\.name: .* 'vif' of a diagnostic; A has no diagnostic\. Add diagnostic="
    ):
        DiagnosticTable(name="vif").table("t", [Record("A", {}, {}, Result("none", ""))])
    with pytest.raises(ConfigError, match=r"report\.columns: unknown p; the columns are i, z\."):
        DiagnosticTable(name="moran", columns=("p",)).table("t", [record("A")])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("groups", "Add diagnostic=group_comparison, which makes it, or choose"),
        ("tests", "Add diagnostic=spatial_tests, which makes it, or choose"),
        ("mystery", "config has no diagnostic."),
        *listed("TABLE_MAKERS"),
    ],
)
def test_a_lacking_table_names_its_diagnostic(name: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        DiagnosticTable(name=name).table("t", [Record("config", {}, {}, Result("none", ""))])
    assert words in str(caught.value)


def test_a_diagnostic_of_the_user_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(Diagnostic):
        table_names: ClassVar[tuple[str, ...]] = ("own",)

    mine = ModuleType("mine")
    vars(mine)["Own"] = Own
    monkeypatch.setitem(sys.modules, "mine", mine)
    (folder / "conf" / "diagnostic").mkdir(parents=True)
    (folder / "conf" / "diagnostic" / "own.yaml").write_text("_target_: mine.Own\n")
    (folder / "conf" / "diagnostic" / "broken.yaml").write_text("a: [\n")
    (folder / "conf" / "diagnostic" / "list.yaml").write_text("[1]\n")
    with pytest.raises(ConfigError, match=r"Add diagnostic=own, which makes it, or"):
        DiagnosticTable(name="own").table("t", [Record("config", {}, {}, Result("none", ""))])


def test_declared_tables_are_those_that_are_made(produc: dc.Panel, usaww: dc.Weights) -> None:
    unemp, pcap = "unemp", "log(pcap)"
    model = dc.PanelRegression(y="log(gsp)", x=(unemp, f"{unemp}^2"))
    halves = {unit: "a" if k < 24 else "b" for k, unit in enumerate(produc.units)}
    made = produc.with_terms([f"{unemp}^2"])
    plain = dc.PanelRegression(y="log(gsp)", x=(unemp,))
    for diagnostic in (
        Correlation(variables=(unemp, pcap)),
        Descriptive(variables=(unemp,)),
        Vif(model=model),
        TurningPoints(model=model),
        PanelChoice(model=plain),
        GroupComparison(model=plain, by=halves, draws=99),
        WildClusterBootstrap(model=plain, draws=99),
        Diagnose(model=plain, draws=0),
        *listed("DECLARED_TABLES"),
    ):
        tables = diagnostic.tables(made, usaww)
        assert tuple(tables) == type(diagnostic).table_names
        # the head of the first column
        names = {name for table in tables.values() for name in table.index.names}
        assert names - {produc.unit_name, produc.time_name, None} <= words().keys() | terms().keys()
