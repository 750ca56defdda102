"""Text in files that a spreadsheet opens stays text: no cell is run as a formula."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_FORMULA = re.compile(r"[=+\-@\t\r]")
# with stars, brackets or a range behind it, no spreadsheet takes it for more than text
_NUMBER = re.compile(r"[+-]?(\d[\d,.]*|\.\d+)([eE][+-]?\d+)?[*%]{0,4}|[+-]?∞|-")


def plain(value: Any) -> Any:
    """Return a cell as it is, or with an apostrophe before a text that a spreadsheet would run as a formula.

    Parameters
    ----------
    value : object
        A text that is a number, e.g. ``-0.12`` or ``-0.12***``, stays as it is, and so does what is no text.
    """
    if not isinstance(value, str) or not is_formula(value):
        return value
    return f"'{value}"


def is_formula(text: str) -> bool:
    """Return whether a spreadsheet would run a text as a formula."""
    return _FORMULA.match(text) is not None and _NUMBER.fullmatch(text) is None


def plain_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with `plain` cells, labels and heads."""
    words = table.select_dtypes(exclude="number").columns
    # most tables have nothing of the kind, and are large
    heads = [*table.columns.to_flat_index(), *table.index.to_flat_index()]
    cells = (value for name in words.unique() for column in _columns(table, name) for value in column.unique())
    if not any(isinstance(value, str) and is_formula(value) for value in (*_flat(heads), *table.index.names, *cells)):
        return table
    return table.map(plain).rename(index=plain, columns=plain).rename_axis(index=plain, columns=plain)


def _columns(table: pd.DataFrame, name: Any) -> list[pd.Series[Any]]:
    found = table[name]
    return [found] if found.ndim == 1 else [found.iloc[:, place] for place in range(found.shape[1])]


def _flat(labels: list[Any]) -> list[Any]:
    return [part for label in labels for part in (label if isinstance(label, tuple) else (label,))]
