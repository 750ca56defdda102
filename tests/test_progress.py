"""Bars: on a terminal, with times, one below the other; nothing anywhere else."""

from __future__ import annotations

import io
import re
import sys
import time

import pytest

from digicarbon import progress

REDRAWN = 0.5
"""Seconds after which a bar has been drawn anew."""


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def plain(stream: io.StringIO) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    # not a fixture: pytest sets the stream anew before each test
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


def test_a_bar_says_what_is_done_and_how_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    with progress.phase("joint test", 4) as advance:
        advance(3)
        time.sleep(REDRAWN)
    shown = plain(stream)
    assert re.search(r"joint test .* 3 of 4.* 0:00:0\d", shown)


def test_work_within_work_has_a_bar_below(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    with progress.phase("fitting", 2), progress.phase("bootstrap", 10) as inner:
        inner(5)
        time.sleep(REDRAWN)
    shown = plain(stream)
    assert "0 of 2" in shown
    assert "5 of 10" in shown
    # the next bars are new ones
    with progress.phase("writing"):
        pass
    assert "writing" in plain(stream)


def test_long_work_leaves_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    with progress.phase("pictures"):
        pass
    assert "pictures: " not in plain(stream)
    monkeypatch.setattr(progress, "LONG", 0.0)
    with progress.phase("pictures"):
        pass
    assert "pictures: 0 s" in plain(stream)
