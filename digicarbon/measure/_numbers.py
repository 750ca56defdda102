"""Columns of a source as numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from digicarbon.errors import DataError
from digicarbon.note import Note, cut


def numbers(table: pd.DataFrame, name: str, source: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return a column with its gaps as not-a-number, shape (rows,).

    Parameters
    ----------
    table : DataFrame
        With the columns ``unit``, ``time`` and ``name``.
    name, source : str
        The column; the source's name, for messages.

    Raises
    ------
    DataError
        If a cell is text; the message names the first ones.
    """
    column = pd.to_numeric(table[name], errors="coerce")
    words = table[column.isna() & table[name].notna()]
    if len(words):
        cells = (
            Note("measure_text_cell", cell=Note("cell", parts=(unit, time)), text=repr(text))
            for unit, time, text in words[["unit", "time", name]].itertuples(index=False)
        )
        raise DataError(Note("measure_column_of_text", column=name, source=source, cells=cut(cells, 3)))
    return column.to_numpy(dtype=np.float64, na_value=np.nan)
