"""Settings in which specifications differ, as indicator columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.note import Note, cut
from digicarbon.report.focal import AS_CONFIGURED

MOST_VALUES = 12
"""A choice with more values is not shown below the curve."""


@dataclass(frozen=True, eq=False)
class Choice:
    """A setting in which specifications differ.

    ``values``: the options, or the members of lists. ``columns``, shape (M, d): 1 where a specification has the value,
    else 0. ``base``: the position of the value that others are compared with: the one of most specifications that make
    this choice. None for members of lists, which are either there or not, unless each specification has exactly one of
    them. ``absent``: the position of the value of specifications on which the choice has no effect.
    """

    key: str
    values: tuple[str, ...]
    columns: FloatArray
    base: int | None
    absent: int | None = None


def choices_of(
    rows: pd.DataFrame, keys: Sequence[str], absent: Mapping[str, str] = MappingProxyType({}), most: int = MOST_VALUES
) -> tuple[list[Choice], tuple[Note, ...]]:
    """Return the choices of rows as indicator columns, and a note on those with too many values, which are left out."""
    choices, uncounted = [], []
    for key in keys:
        column = rows[key].astype(str)
        values = list(dict.fromkeys(column))
        if any(_members(value) is not None for value in values):
            choices.append(_list_choice(key, column, absent.get(key)))
        elif len(values) > most:
            uncounted.append(Note("many_values", key=key, values=len(values)))
        else:
            columns = np.array([(column == value).to_numpy() for value in values], dtype=np.float64).T
            chosen = [value != absent.get(key) for value in values]
            base = int(np.where(chosen, columns.sum(axis=0), 0).argmax())
            choices.append(Choice(key, tuple(values), columns, base, _place(values, absent.get(key))))
    return choices, (Note("not_below_curve", keys=cut(uncounted)),) if uncounted else ()


def _place(values: Sequence[str], value: str | None) -> int | None:
    return values.index(value) if value in values else None


def _list_choice(key: str, column: pd.Series[str], absent: str | None) -> Choice:
    """Return a choice of lists, such as subsets of controls, by their members; other values count as one member."""
    parts = {text: (text,) if (members := _members(text)) is None else members for text in column.unique()}
    every = list(dict.fromkeys(member for members in parts.values() for member in members))
    names = [name for name in every if name != AS_CONFIGURED] + [name for name in every if name == AS_CONFIGURED]
    indicators = {
        text: np.array([name in members for name in names], dtype=np.float64) for text, members in parts.items()
    }
    # members that all specifications have are no choice
    columns = np.array([indicators[text] for text in column])
    differs = np.ptp(columns, axis=0) > 0
    varying = [name for name, differing in zip(names, differs, strict=True) if differing]
    columns = columns[:, differs]
    if varying and (columns.sum(axis=1) == 1).all():
        # one of them in each specification: they are compared with each other, not with a model without any
        return Choice(key, tuple(varying), columns, int(columns.sum(axis=0).argmax()), _place(varying, absent))
    return Choice(key, tuple(varying), columns, None, _place(varying, absent))


def _members(text: str) -> tuple[str, ...] | None:
    """Return the members of a list as `text_of` writes it; None for other texts."""
    if not (text.startswith("[") and text.endswith("]")):
        return None
    return tuple(part for part in text[1:-1].split(", ") if part)
