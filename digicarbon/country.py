"""Facts about the units of a country that data need not contain: names, places, groups, neighbours on a map.

Units are recognised by their names; data need not declare which country they are of. A pack fills in the facts, and
all general code asks here, so that it names no unit and no group.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd

from digicarbon import pack

REQUEST = "country"
"""Packs offer a `Country` to this request."""


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
        The name of the whole country where statistics list it among its units.
    noun : str
        What a unit is called where the country is clear, e.g. ``county``.
    one, many : str
        What a unit and several units are called in messages, e.g. ``Irish county``.
    about : Note
        The units that are known, in words, for messages.
    units : DataFrame
        A row per unit, by its English name: ``code``, ``longitude`` and ``latitude``, and a column per group.
    column : str
        The column of the units in data sets; of flows between units, the sellers and the buyers are in the columns of
        that name after ``from_`` and ``to_``.
    code : str
        The column of official codes in data sets; they are numbers but not amounts.
    codes : (int, int)
        The smallest and the largest code.
    code_words : Note
        What a code is, for messages.
    groups : mapping of str to tuple of str
        The groups of each grouping, e.g. of a column ``zone`` of ``units``, in the order in which they are shown.
    grouping : str
        The one of ``groups`` that is meant where no column of groups is named.
    spellings : mapping of str to str
        English name by each spelling, casefolded.
    tiles : DataFrame
        A grid in place of a map: ``place`` (the units, and whatever else a map of the country shows), ``code`` (of
        two letters), ``name_zh`` (short), ``row`` and ``column``.
    outlines : mapping of str to (str, callable)
        Further maps by the name that selects them: their origin, and a function that returns polygons by place.
    read : callable
        Returns the unit that a cell of a raw file names, in any spelling, else None.
    near : callable
        Returns a note (a question after a blank) for a cell that may be a misspelt unit, else an empty text.
    borders : callable or None
        Returns the weights specification of neighbours among the units.
    datasets : str
        The module whose ``DATASETS`` are the layouts of the country's statistics in a data folder.
    checks : str
        The module that checks them: ``CHECKS`` by data set, and ``across`` for several together.
    changes : callable or None
        Returns notes on units, smaller ones than ``units`` among them, that were renamed, merged or split within a
        span: of the labels of a table and its first and last year.
    beyond : DataFrame or None
        Units that many data sets of the country lack, with the columns of ``units``; nothing misses them there.
    """

    name: str
    noun: str
    one: str
    many: str
    about: object
    units: pd.DataFrame
    column: str
    code: str
    codes: tuple[int, int]
    code_words: object
    groups: Mapping[str, tuple[str, ...]]
    grouping: str
    spellings: Mapping[str, str]
    tiles: pd.DataFrame
    outlines: Mapping[str, tuple[str, Callable[[], Mapping[str, Any]]]]
    read: Callable[[object], Place | None]
    near: Callable[[object], object]
    borders: Callable[[], Any] | None
    datasets: str
    checks: str
    changes: Callable[[Sequence[str], int, int], Sequence[Any]] | None = None
    beyond: pd.DataFrame | None = None

    @property
    def names(self) -> list[str]:
        """The English names of the units, without those that data sets may lack."""
        return [str(name) for name in self.units.index]

    @property
    def places(self) -> pd.DataFrame:
        """``units`` and those that data sets may lack."""
        return self.units if self.beyond is None else pd.concat([self.units, self.beyond])

    def find(self, label: str) -> str | None:
        """Return the English name of the unit that a label names, else None."""
        return self.spellings.get(label.strip().casefold())

    def strangers(self, labels: Sequence[str]) -> list[str]:
        """Return the labels that name no unit."""
        return [label for label in labels if self.find(label) is None]

    def group(self, by: str, label: str) -> str | None:
        """Return the group of the unit that a label names, else None."""
        name = self.find(label)
        return None if name is None else str(self.places.at[name, by])

    def without_group(self, by: str, labels: Sequence[str]) -> list[str]:
        """Return the labels whose group is not known."""
        return [label for label in labels if self.group(by, label) is None]


@cache
def country() -> Country:
    """Return the country that is known, the first one of the packs; one without units where no pack has any."""
    known: list[Country] = pack.offered(REQUEST)
    return known[0] if known else _nowhere()


def _nowhere() -> Country:
    places = pd.DataFrame({name: pd.Series(dtype=object) for name in ("place", "code", "name_zh", "row", "column")})
    return Country(
        name="",
        noun="unit",
        one="unit",
        many="units",
        about="",
        units=pd.DataFrame({"code": [], "longitude": [], "latitude": []}),
        column="unit",
        code="code",
        codes=(0, 0),
        code_words="",
        groups={},
        grouping="",
        spellings={},
        tiles=places,
        outlines={},
        read=lambda cell: None,
        near=lambda cell: "",
        borders=None,
        datasets="",
        checks="",
    )
