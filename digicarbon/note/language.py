"""The language in which a command speaks to its user; English in Python, unless a program sets another.

What is recorded or written to files does not follow it: an experiment says in which language its tables are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from digicarbon.errors import DigicarbonError
from digicarbon.note import Language, Note, note_of

_SPOKEN: list[Language] = ["en"]


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Speak a language in a block; `speak` may change it within."""
    _SPOKEN.append(language)
    try:
        yield
    finally:
        _SPOKEN.pop()


def speak(language: Language) -> None:
    """Speak another language until the end of the block of `speaking`, or of the program."""
    _SPOKEN[-1] = language


def spoken() -> Language:
    """Return the language that is spoken now."""
    return _SPOKEN[-1]


def said(what: Note | str | DigicarbonError) -> str:
    """Return the words of a note or an error, with its place, in the language that is spoken; a sentence unchanged."""
    return note_of(what).text(spoken())
