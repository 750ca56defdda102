"""Reading a table file of any of the formats that economists keep their data in."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from digicarbon.errors import DataError, listing, nearest

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".xlsx", ".xls", ".dta", ".parquet")
"""The kinds of file that `read_table` knows."""

# "n/a", "-" and the like stay text: the panel then shows the cell instead of a gap that nobody meant
_MISSING = ("NA", "NaN", "nan")
# R and Stata users write dummies so
_LOGICAL = {"TRUE": "1", "True": "1", "FALSE": "0", "False": "0"}
# what the third parties that parse Excel, Stata and Parquet raise at a damaged file
_BROKEN = (
    ValueError, KeyError, IndexError, TypeError, OSError, EOFError, SyntaxError,
    struct.error, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def read_table(
    path: str,
    where: str,
    text: Collection[str] | None = (),
    sheet: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    key: str = "path",
) -> pd.DataFrame:
    """Read a table whose first row holds the column names.

    Parameters
    ----------
    path : str
        A file; a relative path starts at the working directory. The suffix decides how it is read.
    where : str
        The group of the configuration that names the file, for messages, e.g. ``"source"``.
    text : collection of str or None
        Columns whose cells stay as the file writes them (a label 01 stays "01", a label NA is no gap); None: all.
        In the others NA and NaN are gaps, and a column of nothing but numbers becomes numbers.
    sheet : str, optional
        The sheet of an Excel file; by default the first one.
    encoding : str, optional
        The encoding of a text file; by default UTF-8 and then GB18030 (which includes GBK) are tried.
    delimiter : str, optional
        The character between the cells of a text file; by default a comma, a tab for ``.tsv``.
    key : str
        The field of the configuration that names the file, for messages.

    Returns
    -------
    DataFrame
        Column names are text without blanks at their ends; rows and nameless columns that are wholly empty are left
        out, other nameless columns are called ``column 3``; labelled (categorical) columns are text.

    Raises
    ------
    DataError
        If the file is missing, empty or damaged, has an unknown suffix, encoding or sheet, or two columns of one name.
    """
    file = Path(path)
    suffix = "".join(file.suffixes[-2:]).lower() if file.suffix.lower() == ".gz" else file.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(
            f"{where}.{key}: '{path}' ends in '{suffix}', which is not a known kind of table. "
            f"Allowed: {listing(SUFFIXES, 10)}; save the table as one of these."
        )
    check_present(file, f"{where}.{key}")
    try:
        if suffix in (".dta", ".parquet"):
            frame = _read_typed(file)
        elif suffix in (".xlsx", ".xls"):
            frame = _headed(_read_excel(file, where, sheet), file, text)
        else:
            frame = _headed(_read_text(file, where, encoding, delimiter), file, text)
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
    if frame.empty:
        raise DataError(f"{file.name} has no rows; it needs a row of column names and at least one row below it.")
    return frame


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
    """Return dates that are all a first of January as years (Stata keeps a year so); other columns unchanged."""
    if not pd.api.types.is_datetime64_any_dtype(column) or column.isna().any():
        return column
    dates = column.dt
    return dates.year.astype(np.int64) if ((dates.month == 1) & (dates.day == 1)).all() else column


def check_present(file: Path, key: str) -> None:
    """Raise unless the file exists; ``key`` is the dotted configuration key that names it.

    Raises
    ------
    DataError
        If there is no such file or folder.
    """
    if file.is_file():
        return
    folder = file.absolute().parent
    if not folder.is_dir():
        raise DataError(f"{key}: '{file}' does not exist: there is no folder {folder}.")
    names = sorted(item.name for item in folder.iterdir())
    raise DataError(f"{key}: there is no file '{file.name}' in the folder {folder}.{nearest(file.name, names)}")


def _read_text(file: Path, where: str, encoding: str | None, delimiter: str | None) -> pd.DataFrame:
    """Return all cells as text, the first row included."""
    separator = delimiter or ("\t" if file.suffix.lower() == ".tsv" else ",")
    encodings = [encoding] if encoding else ["utf-8-sig", "gb18030"]
    for name in encodings:
        try:
            return pd.read_csv(file, sep=separator, encoding=name, header=None, dtype=str, na_filter=False)
        except UnicodeError:
            continue
        except LookupError as error:
            raise DataError(
                f"{where}.encoding: '{name}' is not a known encoding; use e.g. utf-8, gbk or latin-1."
            ) from error
        except pd.errors.EmptyDataError:
            return pd.DataFrame()
        except pd.errors.ParserError as error:
            raise DataError(
                f"{file.name}: the rows do not have equally many cells ({error}). Put texts that hold a '{separator}' "
                "into quotation marks, and give every column a name."
            ) from error
    tried = listing(name.removesuffix("-sig") for name in encodings)
    raise DataError(
        f"{file.name} is not text in {tried}. Set {where}.encoding to the encoding that it was saved in, e.g. "
        "utf-16 for Excel's 'Unicode text', or save it as UTF-8."
    )


def _read_excel(file: Path, where: str, sheet: str | None) -> pd.DataFrame:
    """Return all cells as the sheet holds them, the first row included."""
    with pd.ExcelFile(file) as book:
        sheets = [str(name) for name in book.sheet_names]
        chosen = sheet or sheets[0]
        if chosen not in sheets:
            raise DataError(
                f"{where}.sheet: {file.name} has no sheet '{chosen}'.{nearest(chosen, sheets)} "
                f"Sheets: {listing(sheets, 20)}."
            )
        return pd.read_excel(book, sheet_name=chosen, header=None, dtype=object, na_filter=False)


def _read_typed(file: Path) -> pd.DataFrame:
    frame = pd.read_stata(file) if file.suffix.lower() == ".dta" else pd.read_parquet(file)
    if not isinstance(frame.index, pd.RangeIndex) or frame.index.name is not None:
        frame = frame.reset_index()
    frame = frame.set_axis(_names(frame.columns, file), axis=1).dropna(how="all").reset_index(drop=True)
    labelled = [name for name in frame if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    return frame.astype(dict.fromkeys(labelled, object))


def _headed(cells: pd.DataFrame, file: Path, text: Collection[str] | None) -> pd.DataFrame:
    """Return the table of cells whose first row that is not empty holds the column names."""
    filled = cells.mask(cells == "").dropna(how="all").dropna(how="all", axis=1)
    if filled.empty:
        raise DataError(f"{file.name} is empty; it needs a row of column names and at least one row below it.")
    body = filled.iloc[1:].set_axis(_names(filled.iloc[0], file), axis=1).reset_index(drop=True)
    return pd.DataFrame(
        {name: column if text is None or name in text else _inferred(column) for name, column in body.items()}
    )


def _names(row: Any, file: Path) -> list[str]:
    names = [f"column {place}" if pd.isna(name) else str(name).strip() for place, name in enumerate(row, start=1)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{file.name} has more than one column called {listing(map(repr, twice))}; rename all but one.")
    return names


def _inferred(column: pd.Series[Any]) -> pd.Series[Any]:
    cells = column.mask(column.isin(_MISSING)).infer_objects()
    if cells.dtype != object and not isinstance(cells.dtype, pd.StringDtype):
        return cells
    numbers = pd.to_numeric(cells.replace(_LOGICAL), errors="coerce")
    return numbers if (numbers.isna() == cells.isna()).all() else cells
