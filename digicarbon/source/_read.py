"""Reads tables in the file formats that economists use."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from digicarbon.disk.files import check_zip
from digicarbon.disk.text import Figures, TextFormat, decoded, figures, in_doubt, separator, shown_mark
from digicarbon.errors import DataError, DigicarbonError
from digicarbon.note import Note, columns_there, cut, suggestion

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".xlsx", ".xls", ".dta", ".parquet")
"""The suffixes of the files that `read_table` reads."""

# "n/a", "-" and the like stay text: the panel then shows the cell instead of a gap that nobody meant
_MISSING = ("NA", "NaN", "nan")
# how R and Stata users write dummies
_LOGICAL = {"TRUE": "1", "True": "1", "FALSE": "0", "False": "0"}
_WAYS: Mapping[str, Callable[[str], Note]] = {
    "encoding": lambda mark: Note("read_encoding", encoding=mark),
    "delimiter": lambda mark: Note("read_delimiter", mark=mark),
    "decimal": lambda mark: Note("read_decimal", mark=mark),
    "thousands": lambda mark: Note("read_thousands", mark=mark),
}
# what the packages that parse Excel, Stata and Parquet raise for a damaged file
_BROKEN = (
    ValueError, KeyError, IndexError, TypeError, OSError, EOFError, SyntaxError,
    struct.error, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Table:
    """A table that was read, with notes on what was inferred from the file because no setting gives it.

    Column names are text without blanks at their ends; rows and nameless columns that are wholly empty are left out,
    other nameless columns are called ``column 3``; labelled (categorical) columns are text.
    """

    frame: pd.DataFrame
    notes: tuple[Note, ...] = ()


Labels = Collection[str] | Callable[[Sequence[str]], Collection[str]]
"""Names of columns that hold labels, or a function that picks them from the names of all columns."""


def read_table(
    path: str,
    where: str,
    text: Labels = (),
    sheet: str | None = None,
    written: TextFormat | None = None,
    key: str = "path",
) -> Table:
    """Read a table whose first row holds the column names.

    ``path``: a file; a relative path starts at the working directory. The suffix decides how it is read. ``where``: the
    group of the configuration that names the file, for messages, e.g. ``"source"``. ``text``: columns whose cells stay
    as the file writes them (a label 01 stays "01", a label NA is no gap). In the others NA and NaN are gaps, and a
    column with nothing but numbers becomes numeric. ``sheet``: the sheet of an Excel file; by default the first one.
    ``written``: how a text file, and text in the cells of any file, is written; by default it is inferred. ``key``: the
    field of the configuration that names the file, for messages. Raises DataError if the file is missing, empty or
    damaged, has an unknown suffix, encoding or sheet, or two columns of one name.
    """
    file = Path(path)
    suffix = "".join(file.suffixes[-2:]).lower() if file.suffix.lower() == ".gz" else file.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(
            Note("file_of_unknown_kind", key=f"{where}.{key}", file=path, suffix=suffix, allowed=cut(SUFFIXES, 10))
        )
    check_present(file, f"{where}.{key}")
    written = written or TextFormat(fields=())
    try:
        if suffix in (".dta", ".parquet"):
            table = Table(_read_typed(file))
        elif suffix in (".xlsx", ".xls"):
            check_zip(file)
            form = replace(written, encoding=None, delimiter=None)
            table = _headed(_read_excel(file, where, sheet), file, text, written, form, where)
        else:
            cells, form = _read_text(file, where, written)
            table = _headed(cells, file, text, written, form, where)
    except ImportError as error:
        raise DataError(Note("file_needs_package", file=file.name, suffix=suffix, reason=str(error))) from error
    except _BROKEN as error:
        raise DataError(Note("file_unreadable", file=file.name, suffix=suffix, reason=str(error))) from error
    if table.frame.empty:
        raise DataError(Note("file_without_rows", file=file.name))
    return table


def numbers_or_text(labels: pd.Series[Any]) -> pd.Series[Any]:
    """Return text labels as numbers if all are whole numbers; leading zeros as in "01" keep them text."""
    numbers = pd.to_numeric(labels, errors="coerce")
    padded = labels.astype("string").str.strip().str.match(r"0\d").fillna(False).any()
    whole = (numbers.isna() == labels.isna()).all() and (numbers.dropna() % 1 == 0).all()
    return numbers if whole and not padded else labels


def as_periods(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return periods as a file writes them: whole numbers where all are, dates, or text (03.2010 is no number)."""
    cells = column.mask(column.isin(_MISSING)).infer_objects()
    text = cells.dtype == object or isinstance(cells.dtype, pd.StringDtype)
    return numbers_or_text(cells) if text else as_years(cells)


def as_years(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return dates that are all a first of January as years (Stata stores years like this); other columns unchanged."""
    if not pd.api.types.is_datetime64_any_dtype(column) or column.isna().any():
        return column
    dates = column.dt
    return dates.year.astype(np.int64) if ((dates.month == 1) & (dates.day == 1)).all() else column


def check_present(file: Path, key: str) -> None:
    """Raise a `DataError` unless the file exists; ``key`` is the dotted configuration key that names it."""
    if file.is_file():
        return
    folder = file.absolute().parent
    if not folder.is_dir():
        raise DataError(Note("no_folder_of_file", key=key, file=file, folder=folder))
    names = sorted(item.name for item in folder.iterdir())
    hint = suggestion(file.name, names)
    raise DataError(Note("no_file_in_folder", key=key, file=file.name, folder=folder, hint=hint))


def require_column(
    column: str,
    names: Iterable[object],
    file: str,
    key: str,
    error: type[DigicarbonError] = DataError,
    hint: Note | str | None = None,
) -> None:
    """Raise an error unless a file has a column; ``key`` is the dotted configuration key that names it.

    ``hint`` says what the column may be called; by default it is a name like it.
    """
    known = list(map(str, names))
    if column not in known:
        hint = suggestion(column, known) if hint is None else hint
        there = columns_there(known)
        raise error(Note("file_without_column", key=key, file=file, column=column, hint=hint, columns=there))


def _read_text(file: Path, where: str, written: TextFormat) -> tuple[pd.DataFrame, TextFormat]:
    """Return all cells as text, including the first row, and how the file is written."""
    text, encoding = decoded(file, where, written)
    delimiter = written.delimiter or separator(text, usual_delimiter(file))
    form = replace(written, encoding=encoding, delimiter=delimiter)
    try:
        return pd.read_csv(io.BytesIO(text.encode()), sep=delimiter, header=None, dtype=str, na_filter=False), form
    except pd.errors.EmptyDataError:
        return pd.DataFrame(), form
    except pd.errors.ParserError as error:
        remedy = Note("set_delimiter", key=f"{where}.delimiter") if "delimiter" in written.fields else ""
        raise DataError(
            Note(
                "rows_of_unequal_length",
                file=file.name,
                mark=shown_mark(delimiter),
                reason=str(error).strip(),
                remedy=remedy,
            )
        ) from error


def usual_delimiter(file: Path) -> str:
    """Return what separates the cells of a text file unless the file itself or the configuration differs."""
    return "\t" if file.suffix.lower() == ".tsv" else ","


def _read_excel(file: Path, where: str, sheet: str | None) -> pd.DataFrame:
    """Return all cells as the sheet holds them, including the first row."""
    with pd.ExcelFile(file) as book:
        sheets = [str(name) for name in book.sheet_names]
        chosen = sheet or sheets[0]
        if chosen not in sheets:
            raise DataError(
                Note(
                    "file_without_sheet",
                    key=f"{where}.sheet",
                    file=file.name,
                    sheet=chosen,
                    hint=suggestion(chosen, sheets),
                    sheets=cut(sheets, 20),
                )
            )
        return pd.read_excel(book, sheet_name=chosen, header=None, dtype=object, na_filter=False)


def _read_typed(file: Path) -> pd.DataFrame:
    frame = pd.read_stata(file) if file.suffix.lower() == ".dta" else pd.read_parquet(file)
    if not isinstance(frame.index, pd.RangeIndex) or frame.index.name is not None:
        frame = frame.reset_index()
    frame = frame.set_axis(_names(frame.columns, file), axis=1).dropna(how="all").reset_index(drop=True)
    labelled = [name for name in frame if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    return frame.astype(dict.fromkeys(labelled, object))


def _headed(cells: pd.DataFrame, file: Path, text: Labels, written: TextFormat, form: TextFormat, where: str) -> Table:
    """Return the table of cells whose first row that is not empty holds the column names."""
    filled = cells.mask(cells == "").dropna(how="all").dropna(how="all", axis=1)
    if filled.empty:
        raise DataError(Note("file_empty", file=file.name))
    body = filled.iloc[1:].set_axis(_names(filled.iloc[0], file), axis=1).reset_index(drop=True)
    labels = set(text([str(name) for name in body]) if callable(text) else text)
    plain = {name: column if name in labels else _inferred(column, Figures()) for name, column in body.items()}
    texts = {name: body[name][plain[name].notna()] for name in body if name not in labels}
    ways = figures(texts, [name for name in texts if pd.api.types.is_numeric_dtype(plain[name])], form)
    frame = pd.DataFrame(
        {name: plain[name] if ways.plain or name in labels else _inferred(body[name], ways) for name in body}
    )
    # semicolons go with commas before decimals, so that points may be something else
    odd = form.delimiter == ";" and next(filter(None, (in_doubt(cells, ways) for cells in texts.values())), "")
    form = replace(form, decimal=ways.decimal, thousands=ways.thousands)
    return Table(frame, _notes(frame, labels, file, written, form, where, odd or ""))


def _notes(
    frame: pd.DataFrame,
    labels: Collection[str],
    file: Path,
    written: TextFormat,
    form: TextFormat,
    where: str,
    odd: str,
) -> tuple[Note, ...]:
    """Return what was inferred from the file and is unusual, and the settings that would give it.

    ``odd`` is a cell that would be another number if read differently; if there is one, the usual decimal mark is
    reported, too.
    """
    usual = TextFormat("utf-8", usual_delimiter(file), None if odd else ".", None)
    keys = [
        key for key in _WAYS if getattr(written, key) is None and getattr(form, key) not in (None, getattr(usual, key))
    ]
    if not keys:
        return ()
    ways = [_WAYS[key](shown_mark(getattr(form, key))) for key in keys]
    examples = {"encoding": _example(frame, labels) if "encoding" in keys else "", "decimal": odd}
    ways = [
        Note("read_example", way=way, example=examples[key]) if examples.get(key) else way
        for key, way in zip(keys, ways, strict=True)
    ]
    settings = cut(f"{where}.{key}={shown_mark(getattr(form, key))}" for key in keys if key in written.fields)
    remedy = Note("say_how_to_read", settings=settings) if settings else ""
    return (Note("file_was_read", file=file.name, ways=ways, remedy=remedy),)


def _example(frame: pd.DataFrame, labels: Collection[str]) -> str:
    """Return a label, a column's name or a cell that is not plain ASCII: the user sees whether it was decoded well."""
    for place in (*(frame[name] for name in frame if name in labels), frame.columns, *(frame[name] for name in frame)):
        for cell in place:
            if isinstance(cell, str) and not cell.isascii():
                return cell
    return ""


def _names(row: Any, file: Path) -> list[str]:
    names = [f"column {place}" if pd.isna(name) else str(name).strip() for place, name in enumerate(row, start=1)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(Note("file_columns_of_one_name", file=file.name, columns=cut(map(repr, twice))))
    return names


def _inferred(column: pd.Series[Any], ways: Figures) -> pd.Series[Any]:
    cells = column.mask(column.isin(_MISSING)).infer_objects()
    if cells.dtype != object and not isinstance(cells.dtype, pd.StringDtype):
        return cells
    written = cells.replace(_LOGICAL)
    if not ways.plain:
        if not ways.fit(written.dropna()):
            return cells
        written = written.map(ways.read)
    numbers = pd.to_numeric(written, errors="coerce")
    return numbers if (numbers.isna() == cells.isna()).all() else cells
