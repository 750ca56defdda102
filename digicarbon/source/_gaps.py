"""Codes in a file that mean that there is no value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from digicarbon.note import Note, cut

Code = str | int | float

SIGNS = (
    ".",
    "..",
    "...",
    "…",
    "-",
    "--",
    "—",
    "——",
    "–",
    "/",
    "*",
    "n/a",
    "N/A",
    "n.a.",
    "#N/A",
    "null",
    "NULL",
    "None",
    ":",
)
"""Texts that often mean that there is no value."""

_CODES = np.array([sign * float(digit * length) for sign in (-1, 1) for digit in "89" for length in range(2, 7)])


def emptied(
    body: pd.DataFrame, codes: Sequence[Code], labels: Collection[Hashable], file: str
) -> tuple[pd.DataFrame, tuple[Note, ...]]:
    """Return a table without the cells that hold one of the codes, and what was taken out, by column.

    Codes are compared as texts without blanks around them, and as numbers with numbers. Columns of ``labels`` stay.
    """
    if not codes:
        return body, ()
    texts = {str(code).strip() for code in codes}
    numbers = {number for code in codes if (number := _number(code)) is not None}
    columns, counts, present = {}, [], set[Code]()
    for name, column in body.items():
        if name in labels:
            columns[name] = column
            continue
        hit = column.map(lambda cell: _is_code(cell, texts, numbers)).astype(bool)
        columns[name] = column.mask(hit) if hit.any() else column
        if hit.any():
            seen = Counter(shown_code(cell) for cell in column[hit])
            present |= {
                code for code in codes if any(_is_code(cell, {str(code).strip()}, _numbers(code)) for cell in seen)
            }
            shown = cut((Note("code_cells", code=code, cells=cells) for code, cells in seen.most_common()), 4)
            counts.append(Note("column_emptied", column=str(name), codes=shown))
    absent = [str(code) for code in codes if code not in present]
    notes = [Note("cells_read_as_missing", file=file, columns=cut(counts, 8))] if counts else []
    notes += [Note("missing_code_nowhere", file=file, codes=cut(map(repr, absent)))] if absent else []
    return pd.DataFrame(columns, index=body.index), tuple(notes)


def suspects(columns: Mapping[str, pd.Series[Any]]) -> dict[str, dict[str, int]]:
    """Return numbers that look like codes for missing values, with their cells, by column.

    Only nines or only eights, as in -99, -999 or 9999, in a column whose other numbers are far away: a negative code
    where all others are not negative, or a code of four or more digits that is ten times the largest of the others.
    """
    result: dict[str, dict[str, int]] = {}
    for name, column in columns.items():
        if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
            continue
        values = column.dropna().to_numpy(dtype=float)
        found = np.unique(values[np.isin(values, _CODES)])
        others = values[~np.isin(values, found)] if len(found) else values
        if not len(found) or not len(others):
            continue
        odd = [
            value
            for value in found
            if (value < 0 <= others.min()) or (value >= 8888 and value >= 10 * np.abs(others).max())
        ]
        if odd:
            result[name] = {str(int(value)): int((values == value).sum()) for value in odd}
    return result


def signs(column: pd.Series[Any]) -> dict[str, int]:
    """Return the signs for missing values in a column of text whose other cells are numbers, with their cells."""
    if pd.api.types.is_numeric_dtype(column):
        return {}
    cells = [str(cell).strip() for cell in column.dropna()]
    rest = [cell for cell in cells if cell not in SIGNS]
    if (
        not rest
        or pd.to_numeric(pd.Series(rest).str.replace(r"[,，%％\s]", "", regex=True), errors="coerce").isna().any()
    ):
        return {}
    return dict(Counter(cell for cell in cells if cell in SIGNS))


def shown_code(cell: object) -> str:
    """Return a cell as text, a whole number without decimals."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()


def _is_code(cell: object, texts: Collection[str], numbers: Collection[float]) -> bool:
    if isinstance(cell, str):
        return cell.strip() in texts or _number(cell) in numbers
    return isinstance(cell, int | float | np.number) and not isinstance(cell, bool) and float(cell) in numbers


def _numbers(code: Code) -> set[float]:
    number = _number(code)
    return set() if number is None else {number}


def _number(code: object) -> float | None:
    try:
        return float(str(code).strip())
    except ValueError:
        return None


def suspects_note(suspicious: Mapping[str, Mapping[str, int]], file: str, key: str) -> tuple[Note, ...]:
    """Return a note on numbers that look like codes for missing values."""
    if not suspicious:
        return ()
    columns = [
        Note("column_emptied", column=name, codes=[Note("code_cells", code=code, cells=n) for code, n in codes.items()])
        for name, codes in suspicious.items()
    ]
    return (
        Note("codes_may_be_missing", file=file, columns=cut(columns, 8), setting=setting(key, suspicious.values())),
    )


def setting(key: str, codes: Iterable[Iterable[str]]) -> str:
    """Return the setting that reads codes as missing."""
    return f"{key}=[{','.join(dict.fromkeys(code for some in codes for code in some))}]"
