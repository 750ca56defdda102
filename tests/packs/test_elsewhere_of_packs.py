"""What a person writes in place of a verb is answered with a line that works, also where a pack does it."""

from __future__ import annotations

from pathlib import Path

import pytest
from answered_line import shown_by_line


@pytest.mark.parametrize(("verb", "shows"), [("moran", "Moran's I"), ("lisa", "high-high"), ("summarize", "36")])
def test_the_line_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: str, shows: str
) -> None:
    assert shows in shown_by_line(verb, tmp_path, capsys, monkeypatch)
