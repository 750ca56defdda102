"""Matches the labels of a panel with those of the places or files from which weights are built."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BeforeValidator

from digicarbon.country import country
from digicarbon.errors import WeightsError
from digicarbon.note import Note, cut, suggestion
from digicarbon.panel import label
from digicarbon.source._read import numbers_or_text

Extra = Literal["refuse", "drop"]
"""What to do with labels of the file that are not units of the panel."""


def _without_places(value: object) -> object:
    if value == "nearest":
        raise ValueError(Note("weights_without_places"))
    return value


IslandsUnplaced = Annotated[Literal["refuse", "keep"], BeforeValidator(_without_places)]
"""What to do with a unit without neighbour where it is unknown which unit is nearest."""

IslandsPlaced = Literal["refuse", "keep", "nearest"]
"""What to do with a unit without neighbour where places are known: stop, leave it so, or join it to the nearest."""

ROW, COLUMN = Note("weights_row"), Note("weights_column")
UNIT, POLYGON = Note("weights_unit"), Note("weights_polygon")
"""The parts of a file that have labels, for messages."""


def as_known(units: Sequence[str], asking: Note, remedy: Note | str = "") -> list[str]:
    """Return the English name of the country's unit that each unit is.

    Parameters
    ----------
    units : sequence of str
        Units of the country, in any of their spellings.
    asking : Note
        The option or the field that needs these units, for messages.
    remedy : Note or str
        What a user can do besides correcting the labels or giving weights in a file; may be empty.

    Raises
    ------
    WeightsError
        If a unit is not one of the country's, or two units are the same one.
    """
    home = country()
    matches = {unit: home.find(unit) for unit in units}
    strangers = home.strangers(units)
    if strangers:
        spellings = [*home.names, *home.units["name_zh"]]
        raise WeightsError(
            Note(
                "weights_strangers",
                first=asking,
                known=home.about,
                units=cut(strangers),
                hint=suggestion(strangers[0], spellings),
                remedy=remedy,
            )
        )
    names = [name for name in matches.values() if name is not None]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        alike = [unit for unit, name in matches.items() if name == twice[0]]
        raise WeightsError(Note("weights_same_unit", first=asking, units=cut(alike), unit=twice[0], noun=home.noun))
    return names


def check_coverage(units: Sequence[str], known: Collection[str], file: str, remedy: Note | str = "") -> None:
    """Raise unless ``known``, the labels of the file, has each of the panel's ``units``.

    Parameters
    ----------
    units : sequence of str
    known : collection of str
    file : str
    remedy : Note or str
        What a user may set if a unit is missing and no label resembles it: a sentence after a blank.

    Raises
    ------
    WeightsError
        If a unit is missing.
    """
    missing = [unit for unit in units if unit not in known]
    if missing:
        hint = suggestion(missing[0], set(known) - set(units)) or remedy
        labels = cut(sorted(known), 40)
        raise WeightsError(Note("weights_units_missing", file=file, units=cut(missing), hint=hint, labels=labels))


def refuse_extra(units: Sequence[str], known: Collection[str], file: str) -> None:
    """Raise if ``known``, the labels of the file, has one that is not among the panel's ``units``.

    Raises
    ------
    WeightsError
        If there is such a label.
    """
    extra = sorted(set(known) - set(units))
    if extra:
        raise WeightsError(Note("weights_units_extra", file=file, labels=cut(extra), hint=suggestion(extra[0], units)))


def file_labels(column: pd.Series[Any], file: str) -> list[str]:
    """Return the labels in a file as the panel writes them.

    Raises
    ------
    WeightsError
        If one is empty.
    """
    labels = [label(item) for item in numbers_or_text(column)]
    empty = [str(row) for row, item in enumerate(column, start=1) if pd.isna(item) or labels[row - 1] == ""]
    if empty:
        raise WeightsError(Note("weights_label_empty", file=file, places=cut(empty)))
    return labels


def refuse_twice(labels: Sequence[str], file: str, what: Note = ROW) -> None:
    """Raise if a label occurs more than once.

    Raises
    ------
    WeightsError
    """
    twice = sorted({item for item in labels if labels.count(item) > 1}) if len(set(labels)) < len(labels) else []
    if twice:
        raise WeightsError(Note("weights_label_twice", file=file, what=what, labels=cut(twice)))
