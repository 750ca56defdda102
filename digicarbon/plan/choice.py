"""The points of a sweep: what each one chooses, the file that says so, and its label."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from digicarbon.config.files import GROUPS

_REFERENCE = re.compile(r"\$\{([\w.]+?)(?:\.terms\.0)?\}")


@dataclass(frozen=True)
class Axis:
    """One varied key and its values.

    ``key``: a config group, or a dotted key. ``place``: where it is written, for messages. ``glob``: whether the values
    come from ``glob(…)``, which takes every option that can run.
    """

    key: str
    values: tuple[Any, ...]
    place: str
    glob: bool = False


@dataclass(frozen=True, eq=False)
class Block:
    """The data that all choices of a column share.

    ``fixed``: the column's own choices. ``axes``: each axis with the position of its digit in a choice; zipped lists
    share a position. ``texts``: the text in labels for each value of each axis. ``places``: the place where each key is
    chosen. ``globbed``: keys whose value comes from ``glob``.
    """

    column: str | None
    fixed: Mapping[str, Any]
    axes: tuple[tuple[Axis, int], ...]
    texts: tuple[tuple[str, ...], ...]
    places: Mapping[str, str]
    globbed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Choice:
    """One point of the sweep. It holds only positions, so that 100,000 of them need little memory.

    ``block``: the data that it shares with other choices. ``digits``: which column, which row of the zipped lists, and
    which value of each other axis.
    """

    block: Block
    digits: tuple[int, ...]

    @property
    def label(self) -> str:
        """The name, unique within the sweep: the column and the values of the varied keys."""
        return self.label_without(lambda _: False)

    @property
    def column(self) -> str | None:
        """The column to which it belongs."""
        return self.block.column

    @property
    def values(self) -> dict[str, Any]:
        """The value of each varied key, including the column's choices."""
        return {**self.block.fixed, **self.varied}

    @property
    def varied(self) -> dict[str, Any]:
        """The values without the column's choices."""
        return {axis.key: axis.values[self.digits[position]] for axis, position in self.block.axes}

    @property
    def globbed(self) -> frozenset[str]:
        """Keys whose value comes from ``glob``."""
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
        matches = [name for name in places if key == name or (name not in GROUPS and key.startswith(f"{name}."))]
        return places[matches[0]] if matches else None


def unique_texts(*lists: Sequence[Any]) -> tuple[tuple[str, ...], ...]:
    """Return the texts in labels for the values of one axis, or of zipped axes: as users write them.

    Each row of texts is unique: values that look alike are quoted, and repeated rows are numbered.
    """
    rows = list(zip(*(_distinct_texts(values) for values in lists), strict=True))
    counts: Counter[tuple[str, ...]] = Counter()
    unique = []
    for row in rows:
        counts[row] += 1
        unique.append((f"{row[0]} ({counts[row]})", *row[1:]) if counts[row] > 1 else row)
    return tuple(zip(*unique, strict=True))


def _distinct_texts(values: Sequence[Any]) -> list[str]:
    values_by_text: dict[str, set[str]] = {}
    for value in values:
        values_by_text.setdefault(as_text(value), set()).add(repr(value))
    # 1 and '1' look alike
    return [as_text(value) if len(values_by_text[as_text(value)]) == 1 else repr(value) for value in values]


def as_text(value: Any) -> str:
    """Return a value as labels show it."""
    return "[" + ",".join(map(said, value)) + "]" if isinstance(value, list | tuple) else said(value)


def said(value: Any) -> str:
    """Return a value as labels and reports show it: ``L.${measure.terms.0}``, the measure's lag, is ``L.measure``."""
    text = str(value)
    return _REFERENCE.sub(r"\1", text) if "${" in text else text
