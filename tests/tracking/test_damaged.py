"""Stores with flipped bytes, and folders and labels with quotation marks: sentences, never tracebacks."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from digicarbon.__main__ import main
from digicarbon.cli import ui

Capture = pytest.CaptureFixture[str]
FIT = ("executor=sequential", "source=simulated_fe", "measure=ddl,bea")

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def text_places(path: Path) -> list[int]:
    """Where the texts of tags and names stand in a database file."""
    content = path.read_bytes()
    with closing(sqlite3.connect(path)) as connection:
        values = [row[0] for row in connection.execute("SELECT value FROM tags UNION SELECT name FROM experiments")]
    return [at for value in values if 3 < len(value) < 200 and (at := content.find(value.encode())) > 0]


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
def test_flipped_bytes_are_no_traceback(
    project: Path, seed: int, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ui, "_served", lambda command, **variables: 0)
    assert main(["run", "-m", *FIT]) == 0
    capsys.readouterr()
    store = Path("mlruns/mlflow.db")
    places = text_places(store)
    chosen = random.Random(seed)
    content = bytearray(store.read_bytes())
    for place in chosen.sample(places, min(12, len(places))):
        content[place + 1] = chosen.choice((0xFF, 0xC3, 0xFE))
    sound = bytes(content)
    refused = 0
    for command in (
        ["plan", "-m", *FIT],
        ["run", "-m", *FIT],
        ["report", "--out", "page"],
        ["rerun", "measure=ddl", "digicarbon"],
        ["export", "digicarbon", "--to", "sent"],
        ["ui", "--port", "0"],
        ["deliver"],
    ):
        store.write_bytes(sound)
        shutil.rmtree("sent", ignore_errors=True)
        status = main(command)
        shown = capsys.readouterr()
        assert status in (0, 1, 2), (command, shown.err)
        assert "unexpected error" not in shown.err, command
        assert "Traceback" not in shown.err
        refused += "damaged" in shown.err or "cannot be read" in shown.err
    assert refused
