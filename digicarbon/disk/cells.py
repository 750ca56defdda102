"""Cells of files for spreadsheets: text stays text, and no cell is run as a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_FORMULA = re.compile(r"[=+\-@\t\r]")
# with stars, brackets or a range after it, every spreadsheet treats a number as text
_NUMBER = re.compile(r"[+-]?(\d[\d,.]*|\.\d+)([eE][+-]?\d+)?[*%]{0,4}|[+-]?∞|-")


def plain(value: Any) -> Any:
    """Return a cell as it is, or with an apostrophe before a text that a spreadsheet would run as a formula.

    ``value``: numbers written as text, e.g. ``-0.12`` or ``-0.12***``, and values other than text are unchanged.
    """
    if not isinstance(value, str) or not is_formula(value):
        return value
    return f"'{value}"


def is_formula(text: str) -> bool:
    """Return whether a spreadsheet would run a text as a formula."""
    return _FORMULA.match(text) is not None and _NUMBER.fullmatch(text) is None


def plain_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with `plain` applied to cells, row labels and column names."""
    names = table.select_dtypes(exclude="number").columns
    # most tables contain no formula, and copying large ones is slow
    labels = [*table.columns.to_flat_index(), *table.index.to_flat_index()]
    cells = (value for name in names.unique() for column in _columns(table, name) for value in column.unique())
    texts = (value for value in (*_flat(labels), *table.index.names, *cells) if isinstance(value, str))
    if not any(_FORMULA.match(text) and is_formula(text) for text in texts):
        return table
    return table.map(plain).rename(index=plain, columns=plain).rename_axis(index=plain, columns=plain)


def as_csv(head: Sequence[str], rows: Iterable[Iterable[object]]) -> bytes:
    """Return rows below a head as a CSV file."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return target.getvalue().encode()


def _columns(table: pd.DataFrame, name: Any) -> list[pd.Series[Any]]:
    columns = table[name]
    return [columns] if columns.ndim == 1 else [columns.iloc[:, position] for position in range(columns.shape[1])]


def _flat(labels: list[Any]) -> list[Any]:
    return [part for label in labels for part in (label if isinstance(label, tuple) else (label,))]
