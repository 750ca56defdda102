"""A table as lists: a column as pandas takes it out of a table costs more time than a fit.

Each such column has a copy of the table's index, and that of rows of several levels is the dearest part of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

Column = tuple[Any, list[Any]]
"""A dtype and values."""
NUMBERS = "biuf"
"""Kinds of dtypes of numbers."""


@dataclass(frozen=True, eq=False)
class Lists:
    """A table, read once.

    ``rows``, ``heads``: the levels of the index of rows, and of that of columns.
    """

    columns: list[Column]
    rows: list[Column]
    heads: list[Column]

    @classmethod
    def of(cls, table: pd.DataFrame) -> Lists:
        """Read a table."""
        return cls(columns_of(table), _levels(table.index), _levels(table.columns))


def columns_of(table: pd.DataFrame) -> list[Column]:
    """Return the columns of a table."""
    values = table.to_numpy()
    # a view, which cannot be written to, is one array of all columns; asking for their dtypes takes longer
    if not values.flags.writeable and values.dtype.kind in NUMBERS:
        return [(values.dtype, column) for column in values.T.tolist()]
    # rows without names: their copy costs nothing
    plain = table.reset_index(drop=True)
    return [(kind, plain.iloc[:, place].tolist()) for place, kind in enumerate(table.dtypes)]


def names_in(index: pd.Index[Any]) -> Iterator[Column]:
    """Yield values of each level of an index: those of several levels only once, and possibly more than it shows."""
    for level in getattr(index, "levels", [index]):
        yield level.dtype, level.tolist()


def _levels(index: pd.Index[Any]) -> list[Column]:
    if not hasattr(index, "levels"):
        return [(index.dtype, index.tolist())]
    return [_level(index, place) for place in range(index.nlevels)]


def _level(index: Any, place: int) -> Column:
    codes = index.codes[place].tolist()
    if codes and min(codes) < 0:
        # a value that is missing may change what the others are
        level = index.get_level_values(place)
        return level.dtype, level.tolist()
    level = index.levels[place]
    values = level.tolist()
    return level.dtype, [values[code] for code in codes]
