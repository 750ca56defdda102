"""What a person writes in place of a verb is answered with a line that works."""

from __future__ import annotations

from pathlib import Path

import pytest
from answered_line import shown_by_line

from digicarbon import __main__
from digicarbon.cli.elsewhere import line_for


@pytest.mark.parametrize(
    ("verb", "shows"),
    [
        ("vif", "mean"),
        ("xtreg", "Within R²"),
        ("regress", "-0.1410"),
        ("sdm", "W × ln_digital"),
        ("margins", "correlation"),
    ],
)
def test_the_line_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: str, shows: str
) -> None:
    assert shows in shown_by_line(verb, tmp_path, capsys, monkeypatch)


@pytest.mark.parametrize(
    ("verb", "answer"), [("plot", "report EXPERIMENT"), ("ivreg2", "--model iv"), ("none", "Verbs:")]
)
def test_other_words(capsys: pytest.CaptureFixture[str], verb: str, answer: str) -> None:
    assert __main__.main([verb]) == 2
    assert answer in capsys.readouterr().err


def test_a_command_that_is_not_installed_is_no_answer() -> None:
    assert line_for("summarize", [], ["fit", "read"]) == "digicarbon read panel.csv"
    assert line_for("summarize", [], ["fit"]) == ""
