"""What the line prints that answers a word in place of a verb."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from digicarbon import __main__

EXAMPLE = Path(__file__).parents[1] / "docs/example"
FORMULA = "ln_ci ~ ln_digital + ln_pgdp | city + year"


def shown_by_line(verb: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Write the verb with a file and a formula, run the line of the answer, and return what it prints."""
    monkeypatch.chdir(folder)
    for path in EXAMPLE.glob("*.csv"):
        (folder / path.name).write_bytes(path.read_bytes())
    assert __main__.main([verb, "panel.csv", FORMULA]) == 2
    answer = re.search(r"Write `digicarbon (.*?)`\.", capsys.readouterr().err)
    assert answer is not None
    words = shlex.split(answer[1])
    assert __main__.main([*words, *(["test=errors"] if words[0] == "fit" else [])]) == 0
    return capsys.readouterr().out
