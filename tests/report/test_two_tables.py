"""A table and a second one below it."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from digicarbon.cli.command import show
from digicarbon.errors import ConfigError
from digicarbon.report import DiagnosticTable, Record, RegressionTable, Table, TwoTables
from digicarbon.report.base import Report
from digicarbon.result import Result
from digicarbon.spec import build

PATH = pd.DataFrame({"p": [0.25], "decision": ["kept"]}, index=pd.Index(["F"]))


def record(label: str, tables: dict[str, pd.DataFrame] | None = None) -> Record:
    result = Result(
        "fe_unit", "y", ("x",), ("x",), np.array([1.0]), np.eye(1), tables=tables or {}, notes=("Same for all.",)
    )
    return Record(label, {}, {}, result)


def both() -> Table:
    spec = TwoTables(
        language=None,
        first=RegressionTable(language=None),
        second=DiagnosticTable(language=None, name="path"),
        heading="Path",
    )
    return spec.table("Choice", [record("A"), record("B", {"path": PATH})])


def test_second_table_stands_below_with_the_runs_that_have_it() -> None:
    table = both()
    assert list(table.cells.columns) == ["A", "B"]
    assert table.below is not None
    assert (table.below.title, list(table.below.cells.columns)) == ("Path", ["p", "decision"])
    assert table.below.notes == ()
    text = table.to_markdown()
    assert text.index("**Choice**") < text.index("Same for all.") < text.index("**Path**") < text.index("| F |")


def test_both_are_printed() -> None:
    out = io.StringIO()
    show(both(), Console(file=out, width=100))
    printed = out.getvalue()
    assert printed.index("Choice") < printed.index("Path") < printed.index("kept")


def test_it_is_built_from_a_configuration_and_refuses_what_no_run_has() -> None:
    node = {
        "_target_": "digicarbon.report.TwoTables",
        "first": {"_target_": "digicarbon.report.RegressionTable"},
        "second": {"_target_": "digicarbon.report.DiagnosticTable", "name": "path"},
        "heading": "Path",
    }
    spec = build(node, Report, "report")
    assert spec == TwoTables(
        first=RegressionTable(),
        second=DiagnosticTable(name="path"),
        heading="Path",
    )
    with pytest.raises(ConfigError, match=r"table 'path' of a diagnostic; A, B have no diagnostic\."):
        spec.table("Choice", [record("A"), record("B")])
