"""A table read as lists is what pandas says column by column."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from digicarbon.disk.frames import Lists, names_in
from digicarbon.note import Note

ROWS = pd.MultiIndex.from_tuples([("a", 1), ("b", 2), ("a", 3)], names=["term", "year"])
WHOLE = pd.RangeIndex(3)
TABLES = {
    "numbers": pd.DataFrame([[1.0, np.nan], [2.5, 3.0], [0.0, -1.0]], index=ROWS, columns=["x", "y"]),
    "whole numbers": pd.DataFrame({"x": [1, 2, 3], "y": [4, 5, 6]}, index=["a", "b", "c"]),
    "mixed": pd.DataFrame({"x": [1, 2, 3], "y": [0.5, 1.0, 2.0], "z": ["a", None, "c"], "w": [True, False, True]}),
    "notes": pd.DataFrame({"x": [Note("few_units"), 1.0, "text"]}, index=ROWS),
    "categories": pd.DataFrame({"x": pd.Categorical(["a", "b", "a"])}, index=[0.1, 0.2, 0.3]),
    "twice the same head": pd.DataFrame(np.arange(6.0).reshape(3, 2), columns=["x", "x"], index=WHOLE),
    "heads of two levels": pd.DataFrame(np.arange(6.0).reshape(2, 3), columns=ROWS),
    "missing label": pd.DataFrame(
        {"x": [1.0, 2.0]}, index=pd.MultiIndex.from_arrays([["a", None], [1, np.nan]], names=["term", "year"])
    ),
    "no rows": pd.DataFrame({"x": [], "y": []}),
    "no columns": pd.DataFrame(index=["a", "b"]),
}


def columns(table: pd.DataFrame) -> list[tuple[object, list[object]]]:
    """Return what pandas takes out of a table."""
    return [(column.dtype, column.tolist()) for _, column in table.items()]


def levels(index: pd.Index) -> list[tuple[object, list[object]]]:
    """Return the levels of an index as pandas shows them."""
    shown = [index.get_level_values(level) for level in range(index.nlevels)]
    return [(level.dtype, level.tolist()) for level in shown]


@pytest.mark.parametrize("name", TABLES)
def test_lists_are_those_of_pandas(name: str) -> None:
    table = TABLES[name]
    lists = Lists.of(table)
    for own, theirs in (
        (lists.columns, columns(table)),
        (lists.rows, levels(table.index)),
        (lists.heads, levels(table.columns)),
    ):
        assert [kind for kind, _ in own] == [kind for kind, _ in theirs]
        # a missing value does not equal itself
        assert repr([values for _, values in own]) == repr([values for _, values in theirs])


@pytest.mark.parametrize("name", TABLES)
def test_names_hold_all_texts(name: str) -> None:
    index = TABLES[name].index
    for (_, every), (_, shown) in zip(names_in(index), levels(index), strict=True):
        assert {value for value in shown if isinstance(value, str)} <= set(every)
