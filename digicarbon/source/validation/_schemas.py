"""The columns of each data set as pandera schemas, and what pandera finds as sentences."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from digicarbon.country import country
from digicarbon.errors import counted, listing
from digicarbon.source.datafolder import datasets
from digicarbon.source.validation.finding import Finding

YEARS = (1949, 2100)
SHOWN = 5


def typed(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a data set that has passed its schema with its amounts as numbers, whatever type a file kept them in."""
    numbers = [column for column, kind in _kinds(name, frame) if kind.startswith(("number", "amount"))]
    return frame.astype(dict.fromkeys(numbers, np.float64))


def schema_findings(name: str, frame: pd.DataFrame, file: str) -> Iterator[Finding]:
    """Yield where a data set breaks its schema: types, empty keys, rows that stand twice, impossible values.

    Parameters
    ----------
    name : str
        Of `digicarbon.source.datafolder.datasets`.
    frame : DataFrame
    file : str
        For messages.
    """
    import pandera.pandas as pa

    try:
        _schema(name, _kinds(name, frame)).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        yield from _told(error.failure_cases, frame, list(datasets()[name].keys), file)


def _kinds(name: str, frame: pd.DataFrame) -> tuple[tuple[str, str], ...]:
    """Return each column's kind: the ones that the data set must have, and further numbers."""
    kind = datasets()[name]
    wanted = (*kind.keys, *kind.values)
    further = [str(column) for column in frame.columns if column not in wanted]
    numbers = [column for column in further if column in kind.numbers or pd.api.types.is_numeric_dtype(frame[column])]
    return tuple((column, _kind(name, column)) for column in (*wanted, *numbers))


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
    """Return the columns that hold text in one data set or another, which are no figures in any."""
    kinds = datasets().values()
    return frozenset(column for kind in kinds for column in (*kind.keys, *kind.words)) - {"year", country().code}


@functools.cache
def _schema(name: str, kinds: tuple[tuple[str, str], ...]) -> Any:
    import pandera.pandas as pa

    finite = pa.Check(lambda column: np.isfinite(column) | column.isna(), error="must be a finite number")
    positive = pa.Check.ge(0, error="must not be negative")
    columns = {
        "text": pa.Column(str, pa.Check.str_length(min_value=1, error="must not be an empty text")),
        "any": pa.Column(None, nullable=True),
        "year": pa.Column(int, pa.Check.in_range(*YEARS, error=f"must be a year from {YEARS[0]} to {YEARS[1]}")),
        "code": pa.Column(int, pa.Check.in_range(*country().codes, error=f"must be {country().code_words}")),
        "number": pa.Column(float, finite, coerce=True),
        "number?": pa.Column(float, finite, coerce=True, nullable=True),
        "amount": pa.Column(float, [finite, positive], coerce=True),
        "amount?": pa.Column(float, [finite, positive], coerce=True, nullable=True),
    }
    return pa.DataFrameSchema({column: columns[kind] for column, kind in kinds}, unique=list(datasets()[name].keys))


def _told(cases: pd.DataFrame, frame: pd.DataFrame, keys: list[str], file: str) -> Iterator[Finding]:
    coerced = set(cases.loc[cases["check"].astype(str).str.startswith("coerce_dtype"), "column"])
    for (column, check), rows in cases.groupby(["column", "check"], sort=False, dropna=False):
        # what cannot be made a number is told of once, not again by every check that needs numbers
        again = column in coerced and not str(check).startswith("coerce_dtype")
        if again or (check == "multiple_fields_uniqueness" and column != keys[0]):
            continue
        words = str(check)
        # without these a data set cannot be looked at any further
        kind = "columns" if words.startswith(("column_in_dataframe", "coerce_dtype", "dtype")) else "schema"
        yield Finding("error", kind, file, _sentence(str(column), words, rows, frame, keys, file), str(column))


def _sentence(column: str, check: str, rows: pd.DataFrame, frame: pd.DataFrame, keys: list[str], file: str) -> str:
    if check == "column_in_dataframe":
        return f"{file} lacks the column {listing(map(str, rows['failure_case']))}; import it anew."
    if check.startswith("dtype"):
        wanted = "text" if "str" in check else "whole numbers" if "int" in check else "numbers"
        return f"{file}: the column {column} must hold {wanted}, but is of type {rows['failure_case'].iloc[0]}."
    positions = [int(place) for place in rows["index"].dropna()]
    whole_row = check == "multiple_fields_uniqueness"
    places = [_cell(frame, keys, "" if whole_row else column, place) for place in positions]
    shown = listing(dict.fromkeys(places), SHOWN)
    if whole_row:
        return f"{file} has more than one row for {shown}; keep one of each."
    if check == "not_nullable":
        return (
            f"{file}: {column} is empty in {counted(len(positions), 'row')}: {shown}; fill it, or leave the rows out."
        )
    if check.startswith("coerce_dtype"):
        return f"{file}: {column} must be a number, but is text in {shown}; import it anew."
    return f"{file}: {column} {check}; {counted(len(positions), 'cell')}: {shown}. Correct the raw file."


def _cell(frame: pd.DataFrame, keys: list[str], column: str, index: int) -> str:
    row = frame.loc[index]
    place = " ".join(str(row[key]) for key in keys if key in frame.columns and key not in (country().code, column))
    return place if not column or pd.isna(row[column]) else f"{place} ({row[column]})"
