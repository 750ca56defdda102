"""Reading a table file of any of the formats that economists keep their data in."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from digicarbon.errors import DataError, listing, nearest

SUFFIXES = (".csv", ".tsv", ".xlsx", ".xls", ".dta", ".parquet")
"""The kinds of file that `read_table` knows."""

# "n/a", "-" and the like stay text: the panel then shows the cell instead of a gap that nobody meant
_MISSING = ["", "NA", "NaN", "nan"]
_BROKEN = (ValueError, KeyError, IndexError, TypeError, OSError, EOFError, SyntaxError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class _Options:
    """How a file is to be read; see `read_table`."""

    text: Collection[str] | None
    sheet: str | None
    encoding: str | None
    delimiter: str | None
    where: str


def read_table(
    path: str,
    where: str,
    text: Collection[str] | None = (),
    sheet: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> pd.DataFrame:
    """Read a table whose first row holds the column names.

    Parameters
    ----------
    path : str
        A file; a relative path starts at the working directory. The suffix decides how it is read.
    where : str
        The group of the configuration that names the file, for messages, e.g. ``"source"``.
    text : collection of str or None
        Columns of a text or Excel file that are read as text (a label 01 stays "01"); None reads all of them so.
    sheet : str, optional
        The sheet of an Excel file; by default the first one.
    encoding : str, optional
        The encoding of a text file; by default UTF-8 and then GB18030 (which includes GBK) are tried.
    delimiter : str, optional
        What separates the cells of a text file; by default a comma, a tab for ``.tsv``.

    Returns
    -------
    DataFrame
        Column names are text without blanks at their ends; rows and nameless columns that are wholly empty are left
        out; labelled (categorical) columns are text.

    Raises
    ------
    DataError
        If the file is missing, empty or damaged, has an unknown suffix, encoding or sheet, or two columns of one name.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(
            f"{where}.path: '{path}' ends in '{file.suffix}', which is not a known kind of table. "
            f"Allowed: {listing(SUFFIXES)}; save the table as one of these."
        )
    _check_present(file, where)
    options = _Options(text, sheet, encoding, delimiter, where)
    try:
        frame = _READERS[suffix](file, options)
    except pd.errors.EmptyDataError as error:
        raise DataError(f"{file.name} is empty; {where}.path must name a table with column names and rows.") from error
    except ImportError as error:
        raise DataError(
            f"{file.name}: reading '{suffix}' needs a package that is not installed ({error}). "
            "Install it, or save the table as .xlsx or .csv."
        ) from error
    except _BROKEN as error:
        raise DataError(
            f"{file.name} cannot be read as '{suffix}' ({error}); the file may be damaged, cut off, open elsewhere or "
            "of another kind than its name says. Save it anew."
        ) from error
    return _tidy(frame, file)


def numbers_or_text(labels: pd.Series[Any]) -> pd.Series[Any]:
    """Return text labels as numbers if all are whole numbers; leading zeros as in "01" keep them text."""
    numbers = pd.to_numeric(labels, errors="coerce")
    padded = labels.astype("string").str.strip().str.match(r"0\d").fillna(False).any()
    whole = (numbers.isna() == labels.isna()).all() and (numbers.dropna() % 1 == 0).all()
    return numbers if whole and not padded else labels


def _check_present(file: Path, where: str) -> None:
    if file.is_file():
        return
    folder = file.absolute().parent
    if not folder.is_dir():
        raise DataError(f"{where}.path: '{file}' does not exist: there is no folder {folder}.")
    names = sorted(item.name for item in folder.iterdir())
    raise DataError(f"{where}.path: there is no file '{file.name}' in the folder {folder}.{nearest(file.name, names)}")


def _tidy(frame: pd.DataFrame, file: Path) -> pd.DataFrame:
    if frame.index.names != [None]:
        frame = frame.reset_index()
    names = [str(name).strip() for name in frame.columns]
    _refuse_twice(names, file)
    frame = frame.set_axis(names, axis=1).dropna(how="all").reset_index(drop=True)
    blank = [name for name in names if name.startswith("Unnamed: ") and frame[name].isna().all()]
    frame = frame.drop(columns=blank)
    if frame.empty:
        raise DataError(f"{file.name} has no rows; it needs a row of column names and at least one row below it.")
    labelled = [name for name in frame if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    return frame.astype(dict.fromkeys(labelled, object))


def _refuse_twice(names: list[str], file: Path) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{file.name} has more than one column called {listing(map(repr, twice))}; rename all but one.")


def _read_text(file: Path, options: _Options) -> pd.DataFrame:
    encodings = [options.encoding] if options.encoding else ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            return _read_encoded(file, encoding, options)
        except UnicodeError:
            continue
        except LookupError as error:
            raise DataError(
                f"{options.where}.encoding: '{encoding}' is not a known encoding; use e.g. utf-8, gbk or latin-1."
            ) from error
    tried = listing(name.removesuffix("-sig") for name in encodings)
    raise DataError(
        f"{file.name} is not text in {tried}. Set {options.where}.encoding to the encoding that it was saved in, e.g. "
        "utf-16 for Excel's 'Unicode text', or save it as UTF-8."
    )


def _read_encoded(file: Path, encoding: str, options: _Options) -> pd.DataFrame:
    delimiter = options.delimiter or ("\t" if file.suffix.lower() == ".tsv" else ",")
    header = pd.read_csv(file, sep=delimiter, encoding=encoding, header=None, nrows=1, dtype=str, engine="python")
    names = _header(header, file)
    try:
        frame = pd.read_csv(
            file,
            sep=delimiter,
            encoding=encoding,
            dtype=_types(names, options.text),
            na_values=_missing(names, options.text),
            keep_default_na=False,
            low_memory=False,
        )
    except pd.errors.ParserError as error:
        raise DataError(
            f"{file.name}: the rows do not have equally many cells ({error}). Put texts that hold a '{delimiter}' into "
            "quotation marks, or mend these rows."
        ) from error
    if not isinstance(frame.index, pd.RangeIndex):
        raise DataError(f"{file.name}: the rows have more cells than there are column names; name every column.")
    return frame


def _read_excel(file: Path, options: _Options) -> pd.DataFrame:
    with pd.ExcelFile(file) as book:
        sheets = [str(name) for name in book.sheet_names]
        sheet = options.sheet or sheets[0]
        if sheet not in sheets:
            raise DataError(
                f"{options.where}.sheet: {file.name} has no sheet '{sheet}'.{nearest(sheet, sheets)} "
                f"Sheets: {listing(sheets, 20)}."
            )
        names = _header(book.parse(sheet, header=None, nrows=1), file)
        return book.parse(
            sheet,
            dtype=_types(names, options.text),
            na_values=_missing(names, options.text),
            keep_default_na=False,
        )


def _read_stata(file: Path, options: _Options) -> pd.DataFrame:
    return pd.read_stata(file)


def _read_parquet(file: Path, options: _Options) -> pd.DataFrame:
    return pd.read_parquet(file)


_READERS = {
    ".csv": _read_text,
    ".tsv": _read_text,
    ".xlsx": _read_excel,
    ".xls": _read_excel,
    ".dta": _read_stata,
    ".parquet": _read_parquet,
}


def _header(first: pd.DataFrame, file: Path) -> list[Any]:
    """Return the column names; pandas would rename a second column of one name, so it is refused here."""
    if first.empty:
        raise DataError(f"{file.name} is empty; it needs a row of column names and at least one row below it.")
    names = [name for name in first.iloc[0].tolist() if not pd.isna(name)]
    _refuse_twice([str(name).strip() for name in names], file)
    return names


def _is_text(name: object, text: Collection[str] | None) -> bool:
    return text is None or str(name).strip() in text


def _types(names: list[Any], text: Collection[str] | None) -> Any:
    return str if text is None else {name: str for name in names if _is_text(name, text)}


def _missing(names: list[Any], text: Collection[str] | None) -> Any:
    # the label NA (Namibia) is a label, not a gap
    return [""] if text is None else {name: [""] if _is_text(name, text) else _MISSING for name in names}


def as_years(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return dates that are all a first of January as years (Stata keeps a year so); other columns unchanged."""
    if not pd.api.types.is_datetime64_any_dtype(column) or column.isna().any():
        return column
    dates = column.dt
    return dates.year.astype(np.int64) if ((dates.month == 1) & (dates.day == 1)).all() else column
