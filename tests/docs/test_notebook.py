"""The notebook of the tutorial runs from its first cell to its last, and its objects are shown as tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.long

NOTEBOOK = Path(__file__).parents[2] / "docs" / "tutorial.ipynb"


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()
    assert (folder / "table.docx").is_file()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def output(cells: list[Any], code: str) -> dict[str, str]:
    (cell,) = [cell for cell in cells if cell.source.rstrip().endswith(code)]
    (shown,) = [item["data"] for item in cell.outputs if item.output_type == "execute_result"]
    return dict(shown)


def test_no_cell_of_the_file_holds_an_output() -> None:
    stored = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in stored.cells)


def test_objects_are_shown_in_a_few_lines(cells: list[Any]) -> None:
    shown = output(cells, "\npanel")["text/plain"]
    assert shown.startswith("Panel of 36 units × 8 periods (2012 to 2019): ci, digital, pgdp")
    for code in ("\nfixed_effects", "\nspatial", "\nweights", "\ntable"):
        shown = output(cells, code)
        assert len(shown["text/plain"]) < 1000
        assert max(map(len, shown["text/plain"].splitlines())) <= 100
    for code in ("\npanel", "\nweights", "\nspatial"):
        assert "<table" in output(cells, code)["text/html"]
    assert "<table" in output(cells, "\ntable")["text/html"]


def test_tests_are_shown_as_a_table(cells: list[Any]) -> None:
    shown = output(cells, "dc.diagnose(twfe, panel, draws=0)")
    assert "Hausman" in shown["text/plain"]
    assert max(map(len, shown["text/plain"].splitlines())) <= 80
    assert "There is no" in shown["text/html"]


def test_the_curve_is_shown(cells: list[Any]) -> None:
    assert output(cells, 'rglob("curve.png"))))')["image/png"]
