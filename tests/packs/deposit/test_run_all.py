"""The program of a package: what it makes of the exit status of each run and of the comparison."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from digicarbon.packs.deposit.package import run_all

PLAN: dict[str, Any] = {
    "simulated": "Some data are SIMULATED.",
    "data": [],
    "least_python": "3.11.0",
    "python": "3.11.9",
    "environment": {},
    "packs": [],
    "study": [],
    "experiments": [{"name": "main", "title": "The main table", "folder": "main", "words": ["main"]}],
}


@pytest.mark.parametrize(
    ("run", "compared", "status"),
    # 1 of a run: some of its specifications failed, as they did when the package was made
    [(0, 0, 0), (0, 1, 1), (1, 0, 0), (1, 1, 1), (2, 0, 2)],
)
def test_only_a_run_that_cannot_be_done_ends_the_rebuild(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    run: int,
    compared: int,
    status: int,
) -> None:
    (tmp_path / "software").mkdir()
    (tmp_path / "software" / "rebuild.json").write_text(json.dumps(PLAN), encoding="utf-8")
    (tmp_path / "manifest.json").write_text('{"files": {}}', encoding="utf-8")
    spec = importlib.util.spec_from_file_location("rebuild", shutil.copy(run_all.__file__, tmp_path))
    assert spec is not None
    assert spec.loader is not None
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    called: list[str] = []

    def call(words: list[str], settings: dict[str, str], quiet: bool = True) -> int:
        called.append(words[2].rpartition(".")[2])
        return run if called[-1] == "digicarbon" else compared

    monkeypatch.setattr(program, "call", call)
    monkeypatch.setattr("sys.argv", ["run_all.py", "--here"])
    assert program.main() == status
    assert called == (["digicarbon"] if run > 1 else ["digicarbon", "check"])
    assert ("main failed; its output is above." in capsys.readouterr().err) == (run > 1)
    assert (tmp_path / "build" / "measured.json").is_file() == (run < 2)
