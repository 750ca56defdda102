"""A label with quotation marks is run again."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from digicarbon.__main__ import main

Capture = pytest.CaptureFixture[str]


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="Windows has no file names with quotation marks")
def test_quotation_marks_in_the_folder_and_in_a_label(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, label = folder / "a'\"b", 'it\'s "mine"'
    (place / "experiments").mkdir(parents=True)
    monkeypatch.chdir(place)
    content = {"defaults": ["config", "_self_"], "columns": {label: {}, "other": {"measure": "ddl"}}}
    Path("experiments/mine.yaml").write_text(json.dumps(content), encoding="utf-8")
    command = ["run", "mine", "executor=sequential", "source=simulated_fe"]
    assert main(command) == 0
    assert label in capsys.readouterr().out
    assert main(command) == 0
    assert "Nothing to fit" in capsys.readouterr().out
    assert main(["rerun", label, "mine"]) == 0
    said = capsys.readouterr().out
    assert f": {label}, experiment mine" in said
    assert "all are equal" in said
    assert main(["report", "mine", "--out", "page"]) == 0
    assert main(["export", "mine", "--to", "sent"]) == 0
    capsys.readouterr()
    with closing(sqlite3.connect("mlruns/mlflow.db")) as store:
        rows = store.execute("SELECT artifact_location FROM experiments WHERE name IN ('Default', 'mine')").fetchall()
        labels = store.execute("SELECT value FROM tags WHERE key = 'digicarbon.label' ORDER BY 1").fetchall()
    assert labels == [(label,), ("other",)]
    places = [Path(url2pathname(urlsplit(text).path)) for (text,) in rows]
    assert sorted(path.parent for path in places) == [place / "mlruns", place / "mlruns" / "artifacts"]
    assert sorted(path.name for path in place.iterdir()) == ["experiments", "mlruns", "page", "sent"]
