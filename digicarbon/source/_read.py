"""Reads tables in the file formats that economists use."""

from __future__ import annotations

import csv
import io
import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from digicarbon.disk.files import check_zip
from digicarbon.disk.text import DELIMITERS, Figures, TextFormat, decoded, figures, in_doubt, separator, shown_mark
from digicarbon.errors import DataError, DigicarbonError
from digicarbon.note import Note, columns_there, cut, suggestion
from digicarbon.source._formats import STATISTICAL, from_eurostat, read_statistical
from digicarbon.source._gaps import emptied
from digicarbon.source._head import (
    MOST_ROWS_ABOVE,
    Layout,
    header_rows,
    joined_names,
    left_out,
    named,
    remarks,
    repeated,
)

SUFFIXES = (
    ".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".xlsx", ".xlsm", ".xls", ".dta", ".parquet", *STATISTICAL,
)  # fmt: skip
"""The suffixes of the files that `read_table` reads."""

# "n/a", "-" and the like stay text: the panel then shows the cell instead of a gap that nobody meant
_MISSING = ("NA", "NaN", "nan")
# 2011, 2011年 and 2011年度
_YEAR = re.compile(r"\s*(\d{4})\s*(?:年度?)?\s*")
# numbers and years as Chinese typing writes them, e.g. ２０１１ and １，２３４．５
_WIDE = re.compile(r"\s*[-+－＋]?[０-９][０-９．，,.]*\s*(?:[%％]|年度?)?\s*")
_PERCENT = re.compile(r"(.*\d)\s*[%％]\s*")
# how R and Stata users write dummies
_LOGICAL = {"TRUE": "1", "True": "1", "FALSE": "0", "False": "0"}
_WAYS: Mapping[str, Callable[[str], Note]] = {
    "header": lambda row: Note("read_header", row=int(row)),
    "encoding": lambda mark: Note("read_encoding", encoding=mark),
    "delimiter": lambda mark: Note("read_delimiter", mark=mark),
    "decimal": lambda mark: Note("read_decimal", mark=mark),
    "thousands": lambda mark: Note("read_thousands", mark=mark),
}
FORM_KEYS = tuple(key for key in _WAYS if key != "header")
# what the packages that parse Excel, Stata and Parquet raise for a damaged file
_BROKEN = (
    ValueError, KeyError, IndexError, TypeError, OSError, EOFError, SyntaxError,
    struct.error, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Table:
    """A table that was read, with notes on what was inferred from the file because no setting gives it.

    Column names are text without blanks at their ends; rows and nameless columns that are wholly empty are left out,
    other nameless columns are called ``column 3``; labelled (categorical) columns are text. ``header``: the rows of
    the names, from 1; empty if the format keeps names apart from rows.
    """

    frame: pd.DataFrame
    notes: tuple[Note, ...] = ()
    header: tuple[int, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    """What the file calls its columns, by their names, where it does."""


TYPED = (".dta", ".parquet", *STATISTICAL)
"""Suffixes of files whose columns have names and types."""
WORKBOOKS = (".xlsx", ".xlsm", ".xls")
"""Suffixes of Excel files."""
Labels = Collection[str] | Callable[[Sequence[str]], Collection[str]]
"""Names of columns that hold labels, or a function that picks them from the names of all columns."""


def read_table(
    path: str,
    where: str,
    text: Labels = (),
    layout: Layout | None = None,
    written: TextFormat | None = None,
    key: str = "path",
) -> Table:
    """Read a table whose first row holds the column names, unless ``layout`` says or shows that another one does.

    ``path``: a file; a relative path starts at the working directory. The suffix decides how it is read. ``where``: the
    group of the configuration that names the file, for messages, e.g. ``"source"``. ``text``: columns whose cells stay
    as the file writes them (a label 01 stays "01", a label NA is no gap). In the others NA and NaN are gaps, and a
    column with nothing but numbers becomes numeric. ``layout``: where the file has its table.
    ``written``: how a text file, and text in the cells of any file, is written; by default it is inferred. ``key``: the
    field of the configuration that names the file, for messages. Raises DataError if the file is missing, empty or
    damaged, has an unknown suffix, encoding or sheet, or two columns of one name.
    """
    file = Path(path)
    suffix = suffix_of(file)
    if file.is_dir():
        raise DataError(is_folder(path, f"{where}.{key}", SUFFIXES))
    if suffix not in SUFFIXES:
        raise DataError(
            Note("file_of_unknown_kind", key=f"{where}.{key}", file=path, suffix=suffix, allowed=cut(SUFFIXES, 20))
        )
    check_present(file, f"{where}.{key}")
    written = written or TextFormat(fields=())
    layout = layout or Layout()
    try:
        if suffix in TYPED:
            table = _typed(file, text, layout, where, written)
        elif suffix in WORKBOOKS:
            form = replace(written, encoding=None, delimiter=None)
            table = _headed(_read_excel(file, where, layout), file, text, written, form, where, layout)
        else:
            if layout.sheet is not None:
                raise DataError(Note("sheet_of_text", key=f"{where}.sheet", file=file.name, suffix=suffix))
            cells, form = _read_text(file, where, written)
            table = _headed(cells, file, text, written, form, where, layout)
    except ImportError as error:
        raise DataError(Note("file_needs_package", file=file.name, suffix=suffix, reason=str(error))) from error
    except _BROKEN as error:
        raise DataError(Note("file_unreadable", file=file.name, suffix=suffix, reason=str(error))) from error
    if table.frame.empty:
        raise DataError(Note("file_without_rows", file=file.name))
    return table


def is_folder(path: str, key: str, suffixes: tuple[str, ...]) -> Note:
    """Return what is said of a folder in place of a file of data, with the first file there that may be meant.

    ``key``: the dotted configuration key that names it. ``suffixes``: those of such files.
    """
    files = sorted(str(one) for one in Path(path).iterdir() if one.name.lower().endswith(suffixes))
    return Note("data_is_folder", key=key, folder=path, example=next(iter(files), "panel.csv"))


def setting(where: str) -> str:
    """Return the word with which the fields of a group are set for one's own file: the short one of data."""
    return "data" if where == "source" else where


def suffix_of(file: Path) -> str:
    """Return the suffix that says how a file is read, in small letters: of two parts if the last is ``.gz``."""
    return "".join(file.suffixes[-2:]).lower() if file.suffix.lower() == ".gz" else file.suffix.lower()


def numbers_or_text(labels: pd.Series[Any]) -> pd.Series[Any]:
    """Return text labels as numbers if all are whole numbers; leading zeros as in "01" keep them text."""
    numbers = pd.to_numeric(labels, errors="coerce")
    padded = labels.astype("string").str.strip().str.match(r"0\d").fillna(False).any()
    whole = (numbers.isna() == labels.isna()).all() and (numbers.dropna() % 1 == 0).all()
    return numbers if whole and not padded else labels


def as_periods(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return periods as a file writes them: whole numbers where all are, dates, or text (03.2010 is no number).

    ``2011年`` is the year 2011.
    """
    cells = column.mask(column.isin(_MISSING)).infer_objects()
    text = cells.dtype == object or isinstance(cells.dtype, pd.StringDtype)
    if text and (years := cells.dropna().astype(str)).str.fullmatch(_YEAR).all() and len(years):
        cells = cells.where(cells.isna(), cells.astype(str).str.replace(_YEAR, r"\1", regex=True))
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
    """Return all cells as text, rows as in the file, and how the file is written.

    A row may have fewer cells than the longest one; `_check_rows` refuses what no title above a table explains.
    """
    text, encoding = decoded(file, where, written)
    first = text.lstrip().partition("\n")[0]
    usual = usual_delimiter(file)
    delimiter = written.delimiter or separator(text, usual, headed=any(mark in first for mark in DELIMITERS))
    form = replace(written, encoding=encoding, delimiter=delimiter)
    try:
        # blank lines count, so that rows have the numbers that Excel shows
        cells = pd.read_csv(
            io.BytesIO(text.encode()), sep=delimiter, header=None, dtype=str, na_filter=False, skip_blank_lines=False
        )
        return cells, form
    except pd.errors.EmptyDataError:
        return pd.DataFrame(), form
    except pd.errors.ParserError:
        # the first row is shorter than another one: a title, or a fault
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        return pd.DataFrame(list(zip_longest(*zip_longest(*rows))), dtype=object), form


def usual_delimiter(file: Path) -> str:
    """Return what separates the cells of a text file unless the file itself or the configuration differs."""
    return "\t" if suffix_of(file) in (".tsv", ".tsv.gz", ".txt") else ","


def _read_excel(file: Path, where: str, layout: Layout) -> pd.DataFrame:
    """Return all cells as the sheet holds them, rows as in the file.

    Without a sheet in the configuration it is the first one; where that lacks the wanted names and another one has
    them, the error names it.
    """
    check_zip(file)
    with pd.ExcelFile(file) as book:
        sheets = [str(name) for name in book.sheet_names]
        asked = layout.sheet
        # a sheet may be called 2012
        name = (
            sheets[asked - 1]
            if isinstance(asked, int) and str(asked) not in sheets and 0 < asked <= len(sheets)
            else asked
        )
        chosen = sheets[0] if name is None else str(name)
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
        cells = _sheet(book, chosen)
        if name is None and layout.wanted and not _has_names(cells, layout):
            others = [one for one in sheets if one != chosen and _has_names(_sheet(book, one, MOST_ROWS_ABOVE), layout)]
            if others:
                columns, remedy = cut(map(repr, layout.wanted)), f"{setting(where)}.sheet={others[0]}"
                raise DataError(
                    Note(
                        "names_in_other_sheet",
                        key=f"{where}.sheet",
                        file=file.name,
                        columns=columns,
                        sheet=chosen,
                        others=cut(map(repr, others)),
                        setting=remedy,
                    )
                )
        return cells


def _sheet(book: pd.ExcelFile, name: str, rows: int | None = None) -> pd.DataFrame:
    return pd.read_excel(book, sheet_name=name, header=None, dtype=object, na_filter=False, nrows=rows)


def _has_names(cells: pd.DataFrame, layout: Layout) -> bool:
    if layout.header:
        return True
    rows = cells.iloc[:MOST_ROWS_ABOVE].to_numpy(dtype=object)
    return any(set(layout.wanted) <= {named(cell) for cell in row} for row in rows)


def sheet_names(path: str, where: str) -> list[str]:
    """Return the names of the sheets of a workbook; none of another file, or of one that is not there."""
    if suffix_of(Path(path)) not in WORKBOOKS or not Path(path).is_file():
        return []
    return list(raw_sheets(path, where, 0))


def raw_sheets(path: str, where: str, rows: int | None = None) -> dict[str, pd.DataFrame]:
    """Return the cells of all sheets of a workbook by name, those of a text file under an empty name.

    ``rows``: how many rows of each sheet; all if None. There are none if the format keeps names of columns apart from
    rows, or has an unknown suffix.
    """
    file, suffix = Path(path), suffix_of(Path(path))
    if suffix in TYPED or suffix not in SUFFIXES:
        return {}
    check_present(file, f"{where}.path")
    try:
        if suffix not in WORKBOOKS:
            return {"": _read_text(file, where, TextFormat(fields=()))[0]}
        check_zip(file)
        with pd.ExcelFile(file) as book:
            return {str(name): _sheet(book, str(name), rows) for name in book.sheet_names}
    except ImportError as error:
        raise DataError(Note("file_needs_package", file=file.name, suffix=suffix, reason=str(error))) from error
    except _BROKEN as error:
        raise DataError(Note("file_unreadable", file=file.name, suffix=suffix, reason=str(error))) from error


def _typed(file: Path, text: Labels, layout: Layout, where: str, written: TextFormat) -> Table:
    """Return the table of a file whose columns have names and types."""
    for name in ("sheet", "header", "skip"):
        if getattr(layout, name):
            raise DataError(
                Note("layout_of_typed_file", key=f"{where}.{name}", file=file.name, suffix=file.suffix.lower())
            )
    suffix, notes = suffix_of(file), tuple[Note, ...]()
    labels: Mapping[str, str | None] = {}
    if suffix in STATISTICAL:
        frame, labels, notes = read_statistical(file, where, written.encoding)
    elif suffix == ".dta":
        reader: Any
        with pd.read_stata(file, iterator=True) as reader:
            frame, labels = reader.read(), reader.variable_labels()
    else:
        frame = pd.read_parquet(file)
    if not isinstance(frame.index, pd.RangeIndex) or frame.index.name is not None:
        frame = frame.reset_index()
    frame = frame.set_axis(_names(frame.columns, file), axis=1).dropna(how="all").reset_index(drop=True)
    labelled = [name for name in frame if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    frame = frame.astype(dict.fromkeys(labelled, object))
    frame, emptied_notes = emptied(frame, layout.missing, _labels(text, frame), file.name)
    # a text such as ${HOME} would be read as a value of the configuration where the words are recorded
    named = {name: text.strip() for name, text in labels.items() if text and text.strip() and "${" not in text}
    return Table(frame, (*notes, *emptied_notes), labels=named)


def _labels(text: Labels, frame: pd.DataFrame) -> set[str]:
    return set(text([str(name) for name in frame]) if callable(text) else text)


def _headed(
    cells: pd.DataFrame, file: Path, text: Labels, written: TextFormat, form: TextFormat, where: str, layout: Layout
) -> Table:
    """Return the table of cells, of which one row, or some, hold the column names."""
    cells, notes = from_eurostat(cells, file.name)
    cells = _in_plain_digits(cells)
    filled = cells.mask(cells == "").dropna(how="all", axis=1)
    if filled.empty:
        raise DataError(Note("file_empty", file=file.name))
    head = header_rows(filled, layout, file.name, where)
    _check_rows(cells, head, file, where, form)
    names = filled.loc[list(head)]
    first = int(filled.dropna(how="all").index[0])
    above = [row for row in filled.index if first <= row < head[0] and filled.loc[row].notna().any()]
    skipped = [row - 1 for row in layout.skip]
    below = filled.loc[head[-1] + 1 :].drop(index=skipped, errors="ignore").dropna(how="all")
    # a column with a title above it, and nothing else, is none
    has_cells = (names.notna().any() | below.notna().any()).to_numpy()
    used = [name for name, has in zip(filled, has_cells, strict=True) if has]
    below, names = below[used], names[used]
    ended = remarks(below)
    again = repeated(names, below)
    body = below.drop(index=[*ended, *again])
    if again:
        notes = (*notes, Note("head_repeated", file=file.name, rows=cut(str(row + 1) for row in again)))
    out = [*above, *(row for row in skipped if row in filled.index), *ended]
    if out:
        notes = (*notes, left_out(filled, out, file.name))
    body = body.set_axis(_names(joined_names(names), file), axis=1).reset_index(drop=True)
    labels = _labels(text, body)
    body, emptied_notes = emptied(body, layout.missing, labels, file.name)
    body, percent = _without_percent(body, labels)
    plain = {name: column if name in labels else _inferred(column, Figures()) for name, column in body.items()}
    texts = {name: body[name][plain[name].notna()] for name in body if name not in labels}
    ways = figures(texts, [name for name in texts if pd.api.types.is_numeric_dtype(plain[name])], form)
    frame = pd.DataFrame(
        {name: plain[name] if ways.plain or name in labels else _inferred(body[name], ways) for name in body}
    )
    for name in percent:
        frame[name] = frame[name] / 100
    if percent:
        notes = (*notes, Note("percent_read", file=file.name, columns=cut(percent)))
    # semicolons go with commas before decimals, so that points may be something else
    odd = form.delimiter == ";" and next(filter(None, (in_doubt(cells, ways) for cells in texts.values())), "")
    form = replace(form, decimal=ways.decimal, thousands=ways.thousands)
    row = str(head[0] + 1) if not layout.header and head[0] != first else ""
    ways_read = _notes(frame, labels, file, written, form, where, odd or "", row)
    return Table(frame, (*ways_read, *notes, *emptied_notes), tuple(row + 1 for row in head))


def _in_plain_digits(cells: pd.DataFrame) -> pd.DataFrame:
    """Return cells whose numbers and years in the wide characters of Chinese typing are in plain ones."""
    plain = cells.copy(deep=False)
    for name, column in cells.items():
        if any(map(_is_wide, column)):
            plain[name] = column.map(lambda cell: unicodedata.normalize("NFKC", cell) if _is_wide(cell) else cell)
    return plain


def _is_wide(cell: object) -> bool:
    return isinstance(cell, str) and not cell.isascii() and _WIDE.fullmatch(cell) is not None


def _check_rows(cells: pd.DataFrame, head: Sequence[int], file: Path, where: str, form: TextFormat) -> None:
    """Raise a `DataError` if a row of a text file has more cells than the row of the names; None is no cell."""
    names = int(cells.loc[list(head)].notna().sum(axis=1).max())
    beyond = cells.loc[head[-1] + 1 :].iloc[:, names:]
    longer = beyond.index[(beyond.notna() & (beyond != "")).any(axis=1).to_numpy()]
    if form.delimiter is None or not len(longer):
        return
    remedy = Note("set_delimiter", key=f"{where}.delimiter") if "delimiter" in form.fields else ""
    reason = Note(
        "row_of_more_cells", row=int(longer[0]) + 1, cells=int(cells.loc[longer[0]].notna().sum()), names=names
    )
    raise DataError(
        Note("rows_of_unequal_length", file=file.name, mark=shown_mark(form.delimiter), reason=reason, remedy=remedy)
    )


def _without_percent(body: pd.DataFrame, labels: Collection[str]) -> tuple[pd.DataFrame, list[str]]:
    """Return a table whose columns with nothing but percentages have no sign, and their names."""
    columns, found = dict(body.items()), []
    for name, column in body.items():
        cells = column[~column.isin(_MISSING)].dropna()
        if (
            name not in labels
            and len(cells)
            and all(isinstance(cell, str) and _PERCENT.fullmatch(cell) for cell in cells)
        ):
            columns[name] = column.str.replace(_PERCENT, r"\1", regex=True)
            found.append(str(name))
    return (pd.DataFrame(columns, index=body.index), found) if found else (body, [])


def _notes(
    frame: pd.DataFrame,
    labels: Collection[str],
    file: Path,
    written: TextFormat,
    form: TextFormat,
    where: str,
    odd: str,
    row: str,
) -> tuple[Note, ...]:
    """Return what was inferred from the file and is unusual, and the settings that would give it.

    ``odd`` is a cell that would be another number if read differently; if there is one, the usual decimal mark is
    reported, too. ``row`` is the row of the names if it was looked for and is not the first one.
    """
    usual = TextFormat("utf-8", usual_delimiter(file), None if odd else ".", None)
    marks = {key: getattr(form, key) for key in FORM_KEYS}
    keys = ["header"] if row else []
    keys += [
        key for key in FORM_KEYS if getattr(written, key) is None and marks[key] not in (None, getattr(usual, key))
    ]
    if not keys:
        return ()
    marks["header"] = row
    ways = [_WAYS[key](shown_mark(marks[key])) for key in keys]
    examples = {"encoding": _example(frame, labels) if "encoding" in keys else "", "decimal": odd}
    ways = [
        Note("read_example", way=way, example=examples[key]) if examples.get(key) else way
        for key, way in zip(keys, ways, strict=True)
    ]
    settings = cut(f"{setting(where)}.{key}={shown_mark(marks[key])}" for key in keys if key in written.fields)
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
    names = [f"column {place}" if pd.isna(name) else named(name) for place, name in enumerate(row, start=1)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        numbers = pd.to_numeric(pd.Series(names), errors="coerce").notna().all()
        hint = Note("names_are_numbers") if numbers else ""
        raise DataError(Note("file_columns_of_one_name", file=file.name, columns=cut(map(repr, twice)), hint=hint))
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
