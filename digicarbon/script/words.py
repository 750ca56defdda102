"""Sentences that stand in scripts of every tool: what is checked with what, and what differs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

WIDTH = 110


class Remarks:
    """Sentences that many runs of a script need: each stands once at its head, behind a mark; runs name its number."""

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._numbers: dict[str, int] = {}

    def refer(self, text: str) -> str:
        """Return a comment line that names a remark."""
        return f"{self._mark} See remark {self._numbers.setdefault(text, len(self._numbers) + 1)} at the head."

    def head(self) -> list[str]:
        """Return all remarks as comment lines."""
        return [line for text, n in self._numbers.items() for line in wrapped(self._mark, f"Remark {n}. {text}")]


def wrapped(mark: str, text: str) -> list[str]:
    """Return a text as comment lines, each with a mark before it."""
    return textwrap.wrap(text, WIDTH, initial_indent=f"{mark} ", subsequent_indent=f"{mark} ")


def number(value: float) -> str:
    """Return a number with all its digits."""
    return repr(float(value))


def chunks(words: Sequence[str], before: str, between: str, after: str) -> list[str]:
    """Return words in lines of at most `WIDTH` letters."""
    lines, line = [], before
    for position, word in enumerate(words):
        piece = word + (between if position < len(words) - 1 else after)
        if len(line) + len(piece) > WIDTH and line.strip():
            lines.append(line.rstrip())
            line = "  "
        line += piece
    return [*lines, line]


def quoted(text: str) -> str:
    """Return a text without what ends a string or begins a macro in either tool."""
    return "".join(letter for letter in " ".join(text.split()) if letter not in '"`$\\')


def unique(items: Iterable[str]) -> list[str]:
    """Return each item once, in order."""
    return list(dict.fromkeys(items))
