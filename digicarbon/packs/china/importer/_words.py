"""The names of a layout in all their spellings; other spellings are errors, never guesses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from digicarbon.importer._cells import text
from digicarbon.note import Note, suggestion


class Words:
    """Tidy names by their spellings.

    Case, blanks, line breaks, underscores, punctuation, ``and`` or ``&`` and the s of a plural make no difference.

    ``spellings``: each tidy name with its spellings in files; the tidy name itself is one of them.
    """

    def __init__(self, spellings: Mapping[str, Iterable[str]]) -> None:
        self.names = tuple(spellings)
        self._shown = {name: next(iter(more), name) for name, more in spellings.items()}
        self._known = {_key(word): name for name, more in spellings.items() for word in (name, *more) if word}

    def find(self, value: object) -> str | None:
        """Return the tidy name that a cell spells, else None."""
        return self._known.get(_key(text(value)))

    def near(self, value: object) -> Note | str:
        """Return `` Did you mean 'x'?`` for a cell that is unknown, or an empty text."""
        return suggestion(text(value), self._shown.values())

    def shown(self, names: Iterable[str]) -> list[str]:
        """Return tidy names as the files spell them."""
        return [self._shown[name] for name in names]


def _key(word: str) -> str:
    parts = re.findall(r"[a-z]+|\d+|%|[^\W\d_a-z]+", word.casefold())
    return "".join(part.rstrip("s") or part for part in parts if part != "and")
