"""The table of a diagnostic."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

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


def test_unbounded_intervals_are_shown() -> None:
    found = pd.DataFrame({"low": [-np.inf], "high": [np.inf]}, index=["x"])
    assert DiagnosticTable(name="moran").table("t", [record("A", found)]).cells.to_numpy().tolist() == [["-∞", "∞"]]


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
    with pytest.raises(ConfigError, match=r"report\.name: A has no table 'morann'; it has moran\."):
        DiagnosticTable(name="morann").table("t", [record("A")])
    with pytest.raises(ConfigError, match=r"report\.name: A has no table 'moran'; it has none\."):
        DiagnosticTable(name="moran").table("t", [Record("A", {}, {}, Result("none", ""))])
    with pytest.raises(ConfigError, match=r"report\.columns: unknown p; the columns are i, z\."):
        DiagnosticTable(name="moran", columns=("p",)).table("t", [record("A")])
