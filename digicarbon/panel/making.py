"""Columns that a panel makes from choices, e.g. those of a policy from its dates: what a pack adds to a panel."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from digicarbon import pack
from digicarbon.country import country
from digicarbon.note import Note, cut, suggestion
from digicarbon.source.base import InputFile
from digicarbon.spec import Spec

if TYPE_CHECKING:
    from digicarbon.panel.base import Panel

REQUEST = "panel_columns"
"""Packs offer a `Maker` to this request."""


class Origin(Protocol):
    """What a column is made of, where diagnostics read it; the panel keeps it beside the column."""

    @property
    def digest(self) -> bytes:
        """A hash of all of it."""


class Making(Spec):
    """How columns of one name are made: what a user writes below that name in ``panel``."""

    role: ClassVar[str] = "panel"

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that are read."""
        return ()

    @property
    def dated(self) -> str | None:
        """The column of the data that holds periods, if there is one."""
        return None

    @abstractmethod
    def made(self, panel: Panel, name: str, units: Iterable[str] = ()) -> tuple[Panel, tuple[Note, ...]]:
        """Return the panel with the columns, and what a reader has to know of them.

        ``units``: further units that a file may name: those that the panel has left out because of gaps. Raises
        DataError.
        """

    @abstractmethod
    def behind(self, name: str, column: str, known: Collection[str]) -> Iterator[str]:
        """Yield the ``known`` columns of the data that one of the columns is made of; itself where that is a file."""


class Maker:
    """A kind of columns that a panel makes from choices.

    Attributes
    ----------
    field : str
        The field of `PanelDesign`, a mapping of names to specifications.
    kind : object
        The type of a specification in YAML; it becomes a `Making`.
    about : str
        The field in the numpydoc docstring of `PanelDesign`.
    methods : mapping of str to callable
        Methods of `Panel` that make such columns.
    """

    field: ClassVar[str]
    kind: ClassVar[Any]
    about: ClassVar[str]
    methods: ClassVar[Mapping[str, Callable[..., Panel]]] = {}

    def columns(self, name: str) -> tuple[str, ...]:
        """Return the columns of a name, the one of that name first."""
        return (name,)

    def with_gaps(self, name: str) -> tuple[str, ...]:
        """Return those of the columns in which a value that is not a number is no gap."""
        return ()

    def as_they_are(self, name: str) -> tuple[str, ...]:
        """Return the columns whose outliers are never treated."""
        return self.columns(name)

    def there(self, panel: Panel) -> Iterator[str]:
        """Yield the names of this kind that a panel has."""
        return iter(())


@cache
def makers() -> tuple[Maker, ...]:
    """Return the kinds of columns that packs add to a panel."""
    return tuple(pack.offered(REQUEST))


@cache
def methods() -> Mapping[str, Callable[..., Any]]:
    """Return the methods that packs add to `Panel`."""
    return {name: method for maker in makers() for name, method in maker.methods.items()}


def as_they_are(panel: Panel) -> frozenset[str]:
    """Return the columns of a panel that packs made, and whose outliers are never treated."""
    return frozenset(column for maker in makers() for name in maker.there(panel) for column in maker.as_they_are(name))


@cache
def hidden(name: str) -> tuple[str, ...]:
    """Return the columns beside one of this name whose gaps mean something: a first period counts even in a gap."""
    return tuple(column for maker in makers() for column in maker.with_gaps(name))


def refuse_name(name: str) -> None:
    """Raise a `ValueError` unless columns can be called this in a model: one word of letters, digits, underscores."""
    if not re.fullmatch(r"[^\W\d]\w*", name):
        raise ValueError(Note("policy_name_no_word", name=name))


def units_as_spelt(
    labels: Iterable[str], panel: Panel, others: Collection[str]
) -> tuple[dict[str, str | None], dict[str, Any]]:
    """Return the panel's unit of each label of a file, however the file spells it, None of one that the panel left out.

    ``others``: those that it left out. Then the fields of an error about labels of no unit; none where there are none.
    """
    english = {name: unit for unit in panel.units if (name := country().find(unit)) is not None}
    own = set(panel.units)
    found = {one: one if one in own else english.get(country().find(one) or "") for one in dict.fromkeys(labels)}
    unknown = [one for one, unit in found.items() if unit is None and one not in others]
    if not unknown:
        return found, {}
    hint = suggestion(unknown[0], panel.units)
    return found, {"units": cut(unknown), "hint": hint, "known": cut(panel.units, 40)}


def files_of(maker: Maker, specs: Mapping[str, Making]) -> tuple[InputFile, ...]:
    """Return the records of the files of specifications, as they are now."""
    return tuple(InputFile.of(path, maker.columns(name)) for name, one in specs.items() for path in one.files)
