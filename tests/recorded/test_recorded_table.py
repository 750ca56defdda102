"""Tables made of what MLflow holds are those of the sweep, and every file of them holds MLflow's numbers."""

from __future__ import annotations

import io
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from docx import Document

from digicarbon import recorded
from digicarbon.__main__ import main
from digicarbon.recorded import RecordedSweep
from digicarbon.report import RegressionTable, Table, save_all
from digicarbon.tracking import Tracking

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

MINE = """
defaults: [config, {override source: simulated_w1}, {override model: sdm}, _self_]
title: "Table 7: mine | yours"
columns:
  SDM(1): {measure: sector1}
  SDM(2): {measure: bea, outcome: total}
"""
DECIMALS = 4


@pytest.fixture
def sweep(project: Path) -> RecordedSweep:
    (project / "experiments").mkdir(exist_ok=True)
    (project / "experiments" / "mine.yaml").write_text(MINE, encoding="utf-8")
    assert main(["run", "mine", "executor=sequential"]) == 0
    return recorded.sweep(Tracking(), "mine")


def grids(table: Table, folder: Path) -> dict[str, pd.DataFrame]:
    """The cells of each file as another reader finds them, label and columns, heads left out."""
    made = save_all(table, folder, "table7", ["docx", "xlsx", "html"])
    rows, columns = len(table.cells), len(table.cells.columns) + 1
    word = [[cell.text for cell in row.cells] for row in Document(str(made["docx"])).tables[0].rows]
    (sheet,) = openpyxl.load_workbook(made["xlsx"])
    excel = [[_shown(cell) for cell in row[:columns]] for row in sheet.iter_rows(min_row=5, max_row=4 + rows)]
    text = made["html"].read_text(encoding="utf-8")
    texts = dict.fromkeys(range(columns), str)
    (html,) = pd.read_html(io.StringIO(text), keep_default_na=False, converters=texts)
    return {
        "docx": pd.DataFrame(word[-rows:]),
        "xlsx": pd.DataFrame(excel),
        "html": html.iloc[-rows:].reset_index(drop=True).set_axis(range(columns), axis=1),
    }


def _shown(cell: object) -> str:
    value, form = getattr(cell, "value", None), str(getattr(cell, "number_format", ""))
    if isinstance(value, float):
        before, after = ("(", ")") if form.startswith('"("') else ("", "*" * form.count("*"))
        return f"{before}{value:.{DECIMALS}f}{after}"
    return "" if value is None else str(value)


@pytest.mark.long
def test_the_table_is_that_of_the_sweep(sweep: RecordedSweep) -> None:
    table = RegressionTable().table(sweep.title, sweep.records)
    written = sweep.file("table.md").decode().splitlines()
    again = table.with_notes().to_markdown().splitlines()
    assert len(again) > 30
    # the sweep adds to the title that its data are simulated, and notes on its data
    assert [line for line in again if line and not line.startswith("**")] == [
        line for line in written if line in again and line
    ]
    assert "SDM(2)" in again[2]
    assert table.levels == ((("ln(Carbon intensity)", 1), ("ln(CO₂ emissions)", 1)),)
    assert "Spatial weights: W1 (shared borders)." in table.notes


@pytest.mark.long
def test_every_file_holds_the_metrics_of_mlflow(sweep: RecordedSweep, tmp_path: Path) -> None:
    table = RegressionTable(language=None, decimals=DECIMALS).table(sweep.title, sweep.records)
    metrics = sweep.rows.set_index("label").filter(like="metrics.")
    for name, grid in grids(table, tmp_path).items():
        assert grid.shape == (len(table.cells), 3), name
        labels = list(grid[0])
        for column, label in enumerate(["SDM(1)", "SDM(2)"], start=1):
            numbers = metrics.loc[label].dropna()
            checked = 0
            for term in ("ln_sector1", "ln_e", "W_ln_e", "ln_pgdp", "rho"):
                if f"metrics.coef.{term}" not in numbers:
                    continue
                row = labels.index(term)
                assert grid.iloc[row, column].rstrip("*") == f"{numbers[f'metrics.coef.{term}']:.4f}", (name, term)
                assert grid.iloc[row + 1, column] == f"({numbers[f'metrics.se.{term}']:.4f})", (name, term)
                checked += 1
            assert checked >= 3
            assert grid.iloc[labels.index("Log-likelihood"), column] == f"{numbers['metrics.loglik']:.4f}"
            assert grid.iloc[labels.index("Observations"), column] == "180"
