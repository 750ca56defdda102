"""The meaning of a raw cell: a number, a year or a text; anything else is an error, never a guess."""

from __future__ import annotations

import datetime
import math
import re
import unicodedata
from collections.abc import Callable
from functools import partial

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.errors import DataError
from digicarbon.importer._sheets import Sheet
from digicarbon.note import Note

_BLANKS = frozenset({"", "-", "--", "---", "...", "......", "..", "NA", "NaN", "nan"})
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−﹣－─━", "-"))
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:(?:,\d{3})+|(?: \d{3})+)(\.\d+)?")
_EXCEL_ERROR = re.compile(r"#(REF!|N/A|DIV/0!|VALUE!|NAME\?|NUM!|NULL!|SPILL!|CALC!|GETTING_DATA)")
YEAR = re.compile(r"(?<!\d)(19[4-9]\d|20\d\d)(?!\d)")
_NAME_WITH_UNIT = re.compile(r"^(?P<name>.+?)\s*\((?P<unit>[^()]*)\)$")


def text(value: object) -> str:
    """Return a cell as text: full-width signs become narrow ones, and runs of blanks and line breaks one blank."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(unicodedata.normalize("NFKC", str(value)).replace("\u200b", "").split())


def number(value: object, place: Note | str | Callable[[], Note]) -> float:
    """Return a cell as a number; an empty one, a dash (``-``, ``—``) or dots (``…``, ``..``) as not-a-number.

    ``value``: a number, or text that may have full-width digits, signs and commas, and commas or blanks between
    thousands. ``place``: where the cell is, for the message; a callable is only called if there is one. Raises
    DataError if the cell holds anything else.
    """
    if isinstance(value, (int, float, np.number)) and not isinstance(value, (bool, np.bool_)):
        result = float(value)
        if not math.isinf(result):
            return result
    shown = text(value)
    plain = shown.translate(_DASHES)
    if plain.replace(" ", "") in _BLANKS:
        return math.nan
    if isinstance(value, str):
        if _PLAIN.fullmatch(plain) and math.isfinite(float(plain)):
            return float(plain)
        if _GROUPED.fullmatch(plain):
            return float(plain.replace(",", "").replace(" ", ""))
    where = place() if callable(place) else place
    if _EXCEL_ERROR.fullmatch(plain):
        raise DataError(Note("import_cell_of_excel_error", where=where, error=shown))
    dated = isinstance(value, (datetime.date, datetime.time))
    kind = (
        Note("import_cell_text")
        if isinstance(value, str)
        else Note("import_cell_date" if dated else "import_cell_truth_value")
    )
    raise DataError(Note("import_cell_no_number", where=where, kind=kind, shown=cut(shown)))


def is_number(value: object) -> bool:
    """Return whether `number` reads a figure from the cell."""
    try:
        return not math.isnan(number(value, ""))
    except DataError:
        return False


def figure(sheet: Sheet, row: int, column: int) -> float:
    """Return one cell of a sheet as a number, not-a-number where there is no figure.

    Raises DataError if the cell is no number, or is empty only because it is merged into another one.
    """
    value = number(sheet.cells.iat[row, column], partial(sheet.place, row, column))
    if math.isnan(value) and sheet.merged_into(row, column):
        raise DataError(
            Note("import_cell_merged_into", where=sheet.place(row, column), cell=sheet.merged_into(row, column))
        )
    return value


def numbers(sheet: Sheet, rows: range, columns: range) -> FloatArray:
    """Return a block of a sheet as numbers.

    ``rows``, ``columns``: positions; those beyond the sheet's cells count as empty. Returns shape (len(rows),
    len(columns)). Raises DataError if a cell is no number; the message names the cell.
    """
    block = sheet.cells.reindex(index=rows, columns=columns).to_numpy(dtype=object)
    result = np.empty(block.shape)
    for i, line in enumerate(block):
        for j, value in enumerate(line):
            if type(value) is float and math.isfinite(value):
                result[i, j] = value
            else:
                result[i, j] = number(value, partial(sheet.place, rows[i], columns[j]))
    return result


def year(value: object) -> int | None:
    """Return the year that a cell contains (``2012``, ``2012.0``, ``2012年``, a date), else None."""
    if isinstance(value, datetime.date):
        return value.year
    if isinstance(value, bool):
        return None
    match = re.fullmatch(r"(19[4-9]\d|20\d\d)(\.0+)?\s*(年度?)?", text(value))
    return int(match[1]) if match else None


def year_in(name: str) -> int | None:
    """Return the only year in the name of a sheet or file; None if there is none or several."""
    years = set(YEAR.findall(text(name)))
    return int(years.pop()) if len(years) == 1 else None


def name_and_unit(text: str) -> tuple[str, str]:
    """Return a series' name and the unit in the parentheses at its end, which is empty if there are none.

    Full-width parentheses, letters and digits become plain ones.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    match = _NAME_WITH_UNIT.match(plain)
    return (match["name"], match["unit"].strip()) if match else (plain, "")


def cut(shown: str) -> str:
    """Return a text for a message, shortened if it is long."""
    return shown if len(shown) <= 60 else f"{shown[:57]}…"
