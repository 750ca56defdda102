"""A pack of somebody else that is wrong: a sentence names the pack, its distribution and what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

DECLARED = """from digicarbon.pack import Pack

PACK = Pack(names={"model": {"Own": "model"}, "report": {"OwnTable": "report"}}, offers={})
"""
MODEL = "from digicarbon.model import PanelRegression\n\n\nclass Own(PanelRegression):\n    pass\n"
REPORT = """from digicarbon.report import DiagnosticTable


class OwnTable(DiagnosticTable):
    name: str = "moran"

    def files(self, title, records):
        return {"own.txt": str(records[0].result.tables["own_rows"]).encode()}
"""
TABLE = """from digicarbon.report import Report


class OwnTable(Report):
    def table(self, title, records):
        return records[0].result.tables["own_rows"]
"""
OPTIONS = {
    "model/own.yaml": (
        "# own\n_target_: digicarbon.model.Own\ny: ${outcome.term}\nx: ${measure.terms}\neffects: two_way\n"
    ),
    "report/own.yaml": "# own\n_target_: digicarbon.report.OwnTable\n",
}
NAMED = "pack own_pack (distribution digicarbon-own)"
TO_DO = "Correct it, or remove it: pip uninstall digicarbon-own"


def digicarbon(folder: Path, files: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Install a pack of the files in the folder, and run a command there."""
    about = folder / "digicarbon_own-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: digicarbon-own\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[digicarbon.packs]\nown = own_pack\n")
    options = {f"conf/{name}": text for name, text in OPTIONS.items()}
    for name, text in {"__init__.py": DECLARED, "model.py": MODEL, "report.py": REPORT, **options, **files}.items():
        file = folder / "own_pack" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONUTF8": "1"}
    return subprocess.run(
        [sys.executable, "-m", "digicarbon", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (
            {"__init__.py": DECLARED.replace('"model"}', '"modell"}')},
            "PACK names the module modell, but there is no own_pack.modell",
        ),
        (
            {"__init__.py": DECLARED.replace("offers={}", 'offers={"verbs": "cli:VERBS"}')},
            "PACK names the module cli, but there is no own_pack.cli",
        ),
        (
            {"__init__.py": f"import no_such_module\n{DECLARED}"},
            "ModuleNotFoundError: No module named 'no_such_module'",
        ),
        ({"__init__.py": "raise SystemExit(3)\n"}, "SystemExit: 3"),
        ({"__init__.py": "PACKS = 1\n"}, "AttributeError: module 'own_pack' has no attribute 'PACK'"),
        ({"__init__.py": "PACK = {}\n"}, "PACK in own_pack is no digicarbon.pack.Pack"),
    ],
)
def test_a_pack_that_cannot_be_loaded_is_named_with_what_to_do(
    files: dict[str, str], reason: str, tmp_path: Path
) -> None:
    done = digicarbon(tmp_path, files, "list", "model")
    assert done.returncode == 2
    assert done.stderr == f"digicarbon: The {NAMED} cannot be loaded: {reason}. {TO_DO}\n"


@pytest.mark.long
@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"model.py": f"import no_such_module\n{MODEL}"}, "ModuleNotFoundError: No module named 'no_such_module'"),
        ({"model.py": "class Other:\n    pass\n"}, "AttributeError: module 'own_pack.model' has no attribute 'Own'"),
    ],
)
def test_a_module_of_a_pack_that_fails_is_named_where_a_run_needs_it(
    files: dict[str, str], reason: str, tmp_path: Path
) -> None:
    done = digicarbon(tmp_path, files, "check", "config", "model=own")
    assert done.returncode == 2
    assert f"he {NAMED} cannot be loaded: {reason}. {TO_DO}" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.long
@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        # the picture fails, too, and the table's own sentence comes
        ({}, "this report shows the table 'moran' of a diagnostic"),
        (
            {"report.py": TABLE},
            "The code of own_pack.report.OwnTable (pack own_pack, distribution digicarbon-own) fails: "
            "KeyError: 'own_rows'.",
        ),
    ],
)
def test_a_report_that_lacks_a_table_says_so_in_a_sentence(
    files: dict[str, str], sentence: str, tmp_path: Path
) -> None:
    words = ("run", "model=twfe", "report=own", "diagnostic=none", "executor=sequential")
    done = digicarbon(tmp_path, files, *words)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "report it" not in done.stderr
