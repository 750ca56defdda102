"""Rows that the files contain more than once."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from digicarbon.errors import DataError
from digicarbon.note import Note


def once(rows: pd.DataFrame, keys: Sequence[str]) -> tuple[pd.DataFrame, list[Note]]:
    """Return rows with each key once, and a note if some keys were repeated with the same value.

    ``rows``: with ``keys``, ``value`` and ``place`` (a callable that returns the value's cell, for messages). Raises
    DataError if one key has two values; the message names both cells.
    """
    first = rows.drop_duplicates(list(keys))
    if len(first) == len(rows):
        return rows, []
    pairs = rows.merge(first, on=list(keys), suffixes=("", "_first"))
    different = pairs[pairs["value"] != pairs["value_first"]]
    if len(different):
        row = different.iloc[0]
        raise DataError(
            Note(
                "import_figures_differ",
                where=row["place"](),
                value=row["value"],
                cell=Note("cell", parts=[row[key] for key in keys]),
                first=row["place_first"](),
                other=row["value_first"],
            )
        )
    return first.reset_index(drop=True), [Note("import_figures_twice", figures=len(rows) - len(first))]
