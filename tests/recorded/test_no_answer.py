"""A database server that does not answer ends what reads it, without a pause and with a sentence."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
from cases import listed

from digicarbon.__main__ import main


@pytest.mark.parametrize(
    "words",
    [["report", "table3_baseline", "--out", "out"], ["export", "table3_baseline", "--to", "out"], *listed("READERS")],
)
def test_a_database_that_does_not_answer_is_a_sentence(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    # MLflow's own client tries for some minutes, with pauses
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    with socket.socket() as closed:
        # a port that is taken, and that nobody listens on
        closed.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{closed.getsockname()[1]}"
        assert main([*words, f"tracking.uri=postgresql+psycopg://me:secret@{place}/db"]) == 2
    said = capfd.readouterr().err
    assert f"the store postgresql+psycopg://me:***@{place}/db cannot be read (" in said
    assert "secret" not in said
    assert "Traceback" not in said
    assert said.count("\n") == 1
    assert pauses == []
    assert not list(folder.iterdir())
