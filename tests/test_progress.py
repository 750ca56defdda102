"""Bars: on a terminal, with times, one below the other; nothing anywhere else."""

from __future__ import annotations

import io
import re
import sys

import pytest

from digicarbon import progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def plain(stream: io.StringIO) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    return stream


def test_nothing_is_shown_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with progress.phase("work", 3) as advance:
        advance(2)
    assert list(progress.counted(range(0, 9, 3), "blocks")) == [0, 3, 6]
    assert stream.getvalue() == ""


def test_a_bar_says_what_is_done_and_how_long_it_takes(terminal: Terminal) -> None:
    with progress.phase("joint test", 4) as advance:
        advance(3)
    shown = plain(terminal)
    assert re.search(r"joint test .* 3 of 4.* 0:00:0\d", shown)


def test_work_within_work_has_a_bar_below(terminal: Terminal) -> None:
    with progress.phase("fitting", 2), progress.phase("bootstrap", 10) as inner:
        inner(5)
    shown = plain(terminal)
    assert "0 of 2" in shown
    assert "5 of 10" in shown
    # the next bars are new ones
    with progress.phase("writing"):
        pass
    assert "writing" in plain(terminal)


def test_long_work_leaves_a_line(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    with progress.phase("pictures"):
        pass
    assert "pictures: " not in plain(terminal)
    monkeypatch.setattr(progress, "LONG", 0.0)
    with progress.phase("pictures"):
        pass
    assert "pictures: 0 s" in plain(terminal)
