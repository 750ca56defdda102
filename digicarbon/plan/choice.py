"""The points of a sweep: what each chooses, where that is written, and what it is called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from digicarbon.config.files import GROUPS

_REFERENCE = re.compile(r"\$\{([\w.]+?)(?:\.terms\.0)?\}")
COMMAND_LINE = "command line"
"""The place of what is chosen there."""


@dataclass(frozen=True)
class Axis:
    """One varied key and its values.

    Attributes
    ----------
    key : str
        A config group, or a dotted key.
    values : tuple
    place : str
        Where it is written, for messages.
    glob : bool
        Whether the values were found by ``glob(…)``, which takes whatever can run.
    """

    key: str
    values: tuple[Any, ...]
    place: str
    glob: bool = False


@dataclass(frozen=True, eq=False)
class Block:
    """What all choices of a column share.

    Attributes
    ----------
    column : str or None
    fixed : mapping
        The column's own choices.
    axes : tuple of (Axis, int)
        With the position of each one's digit in a choice: lists that are zipped share one.
    texts : tuple of tuple of str
        What a label says for each value of each axis.
    places : mapping of str to str
        Where each key is chosen.
    globbed : frozenset of str
    """

    column: str | None
    fixed: Mapping[str, Any]
    axes: tuple[tuple[Axis, int], ...]
    texts: tuple[tuple[str, ...], ...]
    places: Mapping[str, str]
    globbed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Choice:
    """One point of the sweep; it holds positions only, so that 100,000 of them are small.

    Attributes
    ----------
    block : Block
        What it shares with others.
    digits : tuple of int
        Which column, which row of the zipped lists, and which value of each other axis.
    """

    block: Block
    digits: tuple[int, ...]

    @property
    def label(self) -> str:
        """Its name, unique within the sweep: its column and what the sweep varies."""
        return self.label_without(lambda _: False)

    @property
    def column(self) -> str | None:
        """The column it belongs to."""
        return self.block.column

    @property
    def values(self) -> dict[str, Any]:
        """What is chosen for each varied key, the column's choices among them."""
        return {**self.block.fixed, **self.varied}

    @property
    def varied(self) -> dict[str, Any]:
        """The same without the column's choices."""
        return {axis.key: axis.values[self.digits[position]] for axis, position in self.block.axes}

    @property
    def globbed(self) -> frozenset[str]:
        """Keys whose value a ``glob`` found."""
        return self.block.globbed

    def label_without(self, left_out: Callable[[str], bool]) -> str:
        """Return the label without the keys of which ``left_out`` is true."""
        parts = [
            f"{axis.key}={texts[self.digits[position]]}"
            for (axis, position), texts in zip(self.block.axes, self.block.texts, strict=True)
            if not left_out(axis.key)
        ]
        return ", ".join([self.block.column, *parts] if self.block.column else parts)

    def place(self, key: str) -> str | None:
        """Return where a dotted key is chosen, or None if the sweep does not choose it."""
        places = self.block.places
        found = [name for name in places if key == name or (name not in GROUPS and key.startswith(f"{name}."))]
        return places[found[0]] if found else None


def unique_texts(*lists: Sequence[Any]) -> tuple[tuple[str, ...], ...]:
    """Return what labels say for the values of an axis, or of axes that are zipped: as users write them.

    Each row of texts differs from the others: values that look alike are quoted, a row that comes twice is numbered.
    """
    rows = list(zip(*(_telling(values) for values in lists), strict=True))
    often: Counter[tuple[str, ...]] = Counter()
    numbered = []
    for row in rows:
        often[row] += 1
        numbered.append((f"{row[0]} ({often[row]})", *row[1:]) if often[row] > 1 else row)
    return tuple(zip(*numbered, strict=True))


def _telling(values: Sequence[Any]) -> list[str]:
    meant: dict[str, set[str]] = {}
    for value in values:
        meant.setdefault(as_text(value), set()).add(repr(value))
    # 1 and '1' look alike
    return [as_text(value) if len(meant[as_text(value)]) == 1 else repr(value) for value in values]


def as_text(value: Any) -> str:
    """Return a value as labels have it."""
    return "[" + ",".join(map(said, value)) + "]" if isinstance(value, list | tuple) else said(value)


def said(value: Any) -> str:
    """Return a value as labels and reports have it: ``L.${measure.terms.0}``, the measure's lag, is ``L.measure``."""
    text = str(value)
    return _REFERENCE.sub(r"\1", text) if "${" in text else text
