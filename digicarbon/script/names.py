"""Names that Stata and R take, for columns that are called as their owners like."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

LONGEST = 28
"""Letters of a name: Stata takes 32, and a number may follow."""
TAKEN = frozenset(
    {"unit", "unit_id", "time", "time_id", "const"}
    # Stata
    | {"byte", "int", "long", "float", "double", "str", "if", "in", "using", "with"}
    # R
    | {"else", "repeat", "while", "function", "for", "next", "break", "true", "false", "null", "inf", "nan", "na"}
)
"""Our own columns and what the tools keep for themselves, in small letters."""


class Names(Mapping[str, str]):
    """Valid names by column, each given once: letters, digits and underscores, a letter first, 32 at most.

    They differ in more than the size of letters. A column that has no such letter is called ``v1``, ``v2`` and so on.
    """

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        self._used = set(TAKEN)

    def __getitem__(self, column: str) -> str:
        return self._given[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)

    def give(self, column: str) -> str:
        """Return the name of a column, a new one where it has none; that of a spatial lag says whose it is."""
        if column not in self._given:
            base = self._given.get(column.removeprefix("W_"))
            name = self._free(f"W_{base}" if base and column.startswith("W_") else _letters(column))
            self._used.add(name.lower())
            self._given[column] = name
        return self._given[column]

    def _free(self, wish: str) -> str:
        numbered = f"{wish}_" if wish != "v" else wish
        number, name = 1, wish
        while name.lower() in self._used or name == "v":
            name = f"{numbered}{number}"
            number += 1
        return name


def _letters(column: str) -> str:
    """Return what is left of a name, or ``v`` if that says nothing."""
    # of event times -2 and 2
    signed = re.sub(r"\[-(?=\d)", "_m", column)
    text = re.sub(r"[^A-Za-z0-9]+", "_", signed).strip("_")[:LONGEST].strip("_")
    if not re.search("[A-Za-z]", text):
        return "v"
    return text if text[0].isalpha() else f"v_{text}"[:LONGEST]
