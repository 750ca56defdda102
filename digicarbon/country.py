"""What is known of the units of a country beyond what the data say: names, places, groups, neighbours on a map.

Data need not declare that their units are provinces: they are known by their names. A room of its own fills this in,
and general rooms ask here, so that none of them names a unit or a group.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import pandas as pd

_ROOM = "digicarbon.china.country"
"""The module whose ``COUNTRY`` is the one that is known; it is loaded when it is first asked for."""


@dataclass(frozen=True)
class Place:
    """A unit of a country: its English name and its official code."""

    name: str
    code: int


@dataclass(frozen=True, eq=False)
class Country:
    """A country's units.

    Attributes
    ----------
    name : str
        What the whole is called where statistics list it among its units.
    noun : str
        What a unit is called where the country is meant, e.g. ``province``.
    one, many : str
        What a unit and several units are called in messages, e.g. ``Chinese province``.
    about : Note
        Which units are known, for messages.
    units : DataFrame
        A row per unit, by its English name: ``code``, ``longitude`` and ``latitude``, and a column per group.
    code : str
        The column of official codes in data sets, which are numbers but no figures.
    codes : (int, int)
        The smallest and the largest code.
    code_words : Note
        What a code is, for messages.
    groups : mapping of str to tuple of str
        The groups that units belong to, e.g. ``region``, with their members in the order in which they are shown.
    spellings : mapping of str to str
        English name by each spelling, casefolded.
    tiles : DataFrame
        A grid that stands for a map: ``place`` (the units, and whatever else a map of the country shows), ``code`` (of
        two letters), ``name_zh`` (short), ``row`` and ``column``.
    outlines : mapping of str to (str, callable)
        Further maps by the name that chooses them: where they come from, and what returns polygons by place.
    read : callable
        Returns the unit that a cell of a raw file names, spelled in any way, else None.
    near : callable
        Returns a note, a question after a blank, for a cell that may be a misspelt unit, else an empty text.
    datasets : str
        The module whose ``DATASETS`` are the layouts of the country's statistics in a data folder.
    checks : str
        The module that looks into them: ``CHECKS`` by data set, and ``across`` for several together.
    """

    name: str
    noun: str
    one: str
    many: str
    about: object
    units: pd.DataFrame
    code: str
    codes: tuple[int, int]
    code_words: object
    groups: Mapping[str, tuple[str, ...]]
    spellings: Mapping[str, str]
    tiles: pd.DataFrame
    outlines: Mapping[str, tuple[str, Callable[[], Mapping[str, Any]]]]
    read: Callable[[object], Place | None]
    near: Callable[[object], object]
    datasets: str
    checks: str

    @property
    def names(self) -> list[str]:
        """The English names of the units."""
        return [str(name) for name in self.units.index]

    def find(self, label: str) -> str | None:
        """Return the English name of the unit that a label names, else None."""
        return self.spellings.get(label.strip().casefold())

    def strangers(self, labels: Sequence[str]) -> list[str]:
        """Return the labels that name no unit."""
        return [label for label in labels if self.find(label) is None]

    def group(self, by: str, label: str) -> str | None:
        """Return the group of the unit that a label names, else None."""
        name = self.find(label)
        return None if name is None else str(self.units.at[name, by])


@cache
def country() -> Country:
    """Return the country that is known."""
    found: Country = import_module(_ROOM).COUNTRY
    return found
