"""A row that the files hold more than once."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from digicarbon.errors import DataError, counted


def once(rows: pd.DataFrame, keys: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """Return rows with each key once, and a note if some stood there more than once with the same value.

    Parameters
    ----------
    rows : DataFrame
        With ``keys``, ``value`` and ``place`` (where the value stands, for messages).
    keys : sequence of str

    Raises
    ------
    DataError
        If one key has two values; the sentence names both places.
    """
    first = rows.drop_duplicates(list(keys))
    if len(first) == len(rows):
        return rows, []
    both = rows.merge(first, on=list(keys), suffixes=("", "_first"))
    other = both[both["value"] != both["value_first"]]
    if len(other):
        row = other.iloc[0]
        raise DataError(
            f"{row['place']} says {row['value']:.12g} for {' '.join(str(row[key]) for key in keys)}, but "
            f"{row['place_first']} says {row['value_first']:.12g}. Leave one of them out."
        )
    return first.reset_index(drop=True), [
        f"{counted(len(rows) - len(first), 'figure')} stand in the files more than once with the same value; kept once."
    ]
