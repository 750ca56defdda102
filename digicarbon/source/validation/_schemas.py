"""The columns of each data set as pandera schemas, and pandera's errors as findings."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from digicarbon.country import country
from digicarbon.note import Note, cut, note_of
from digicarbon.source.datafolder import datasets
from digicarbon.source.validation.finding import Finding

YEARS = (1949, 2100)
SHOWN = 5
_WRONG = {
    "finite": Note("must_be_finite"),
    "negative": Note("must_not_be_negative"),
    "empty": Note("must_not_be_empty"),
    "year": Note("must_be_a_year", first=YEARS[0], last=YEARS[1]),
}
"""What is wrong with a cell, by the name of the check."""


def typed(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a data set that has passed its schema with its amounts as numbers, whatever their type in the file."""
    numbers = [column for column, kind in _kinds(name, frame) if kind.startswith(("number", "amount"))]
    return frame.astype(dict.fromkeys(numbers, np.float64))


def schema_findings(name: str, frame: pd.DataFrame, file: str) -> Iterator[Finding]:
    """Yield where a data set of some name breaks its schema: types, empty keys, repeated rows, impossible values."""
    import pandera.pandas as pa

    try:
        _schema(name, _kinds(name, frame)).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        yield from _findings(error.failure_cases, frame, list(datasets()[name].keys), file)


def _kinds(name: str, frame: pd.DataFrame) -> tuple[tuple[str, str], ...]:
    """Return the kind of each column that the data set must have, and of further columns of numbers."""
    kind = datasets()[name]
    required = (*kind.keys, *kind.values)
    further = [str(column) for column in frame.columns if column not in required]
    numbers = [column for column in further if column in kind.numbers or pd.api.types.is_numeric_dtype(frame[column])]
    return tuple((column, _kind(name, column)) for column in (*required, *numbers))


def _kind(name: str, column: str) -> str:
    kind = datasets()[name]
    if column in ("year", country().code):
        return "year" if column == "year" else "code"
    if column in _texts():
        return "text" if column in kind.keys else "any"
    amount = kind.amounts is None or column in kind.amounts
    return f"{'amount' if amount else 'number'}{'' if column in kind.filled else '?'}"


@functools.cache
def _texts() -> frozenset[str]:
    """Return the columns that hold text in any data set; they are no figures in the others either."""
    kinds = datasets().values()
    return frozenset(column for kind in kinds for column in (*kind.keys, *kind.words)) - {"year", country().code}


@functools.cache
def _schema(name: str, kinds: tuple[tuple[str, str], ...]) -> Any:
    import pandera.pandas as pa

    finite = pa.Check(lambda column: np.isfinite(column) | column.isna(), error="finite")
    positive = pa.Check.ge(0, error="negative")
    columns = {
        "text": pa.Column(str, pa.Check.str_length(min_value=1, error="empty")),
        "any": pa.Column(None, nullable=True),
        "year": pa.Column(int, pa.Check.in_range(*YEARS, error="year")),
        "code": pa.Column(int, pa.Check.in_range(*country().codes, error="code")),
        "number": pa.Column(float, finite, coerce=True),
        "number?": pa.Column(float, finite, coerce=True, nullable=True),
        "amount": pa.Column(float, [finite, positive], coerce=True),
        "amount?": pa.Column(float, [finite, positive], coerce=True, nullable=True),
    }
    return pa.DataFrameSchema({column: columns[kind] for column, kind in kinds}, unique=list(datasets()[name].keys))


def _findings(cases: pd.DataFrame, frame: pd.DataFrame, keys: list[str], file: str) -> Iterator[Finding]:
    coerced = set(cases.loc[cases["check"].astype(str).str.startswith("coerce_dtype"), "column"])
    for (column, check), rows in cases.groupby(["column", "check"], sort=False, dropna=False):
        # text where a number belongs is reported once, not again by every check that needs numbers
        repeated = column in coerced and not str(check).startswith("coerce_dtype")
        if repeated or (check == "multiple_fields_uniqueness" and column != keys[0]):
            continue
        name = str(check)
        # a data set with such errors cannot be checked any further
        kind = "columns" if name.startswith(("column_in_dataframe", "coerce_dtype", "dtype")) else "schema"
        yield Finding("error", kind, file, _problem(str(column), name, rows, frame, keys, file), str(column))


def _problem(column: str, check: str, rows: pd.DataFrame, frame: pd.DataFrame, keys: list[str], file: str) -> Note:
    if check == "column_in_dataframe":
        return Note("data_set_lacks_column", file=file, columns=cut(map(str, rows["failure_case"])))
    if check.startswith("dtype"):
        texts, whole = Note("word_text"), Note("word_whole_numbers")
        expected = texts if "str" in check else whole if "int" in check else Note("word_numbers")
        return Note("column_of_other_type", column=column, wanted=expected, kind=rows["failure_case"].iloc[0])
    positions = [int(place) for place in rows["index"].dropna()]
    whole_row = check == "multiple_fields_uniqueness"
    places = [_cell(frame, keys, "" if whole_row else column, place) for place in positions]
    shown = cut(dict.fromkeys(places), SHOWN)
    if whole_row:
        return Note("repeated_rows", file=file, cells=shown)
    if check == "not_nullable":
        return Note("empty_in_rows", column=column, rows=len(positions), cells=shown)
    if check.startswith("coerce_dtype"):
        return Note("text_in_cells", column=column, cells=shown)
    why = Note("must_be_a_code", code=country().code_words) if check == "code" else _WRONG.get(check, note_of(check))
    return Note("wrong_cells", column=column, why=why, number=len(positions), cells=shown)


def _cell(frame: pd.DataFrame, keys: list[str], column: str, index: int) -> Note:
    row = frame.loc[index]
    parts = tuple(str(row[key]) for key in keys if key in frame.columns and key not in (country().code, column))
    place = Note("cell", parts=parts)
    return place if not column or pd.isna(row[column]) else Note("cell_that_holds", cell=place, value=str(row[column]))
