"""What a raw cell means: a number, a province, a year, a text; anything else is said, never guessed."""

from __future__ import annotations

import datetime
import difflib
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise

import numpy as np

from digicarbon import data
from digicarbon.arrays import FloatArray
from digicarbon.errors import DataError, nearest
from digicarbon.importer._sheets import Sheet

_BLANKS = frozenset({"", "-", "--", "---", "...", "......", "..", "NA", "NaN", "nan"})
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−﹣－─━", "-"))
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:(?:,\d{3})+|(?: \d{3})+)(\.\d+)?")
_EXCEL_ERROR = re.compile(r"#(REF!|N/A|DIV/0!|VALUE!|NAME\?|NUM!|NULL!|SPILL!|CALC!|GETTING_DATA)")
_YEAR = re.compile(r"(?<!\d)(19[4-9]\d|20\d\d)(?!\d)")
_ENGLISH_END = re.compile(r"(province|municipality|city|autonomousregion|hui|zhuang|uygur|uyghur)$")
_CHINESE_END = re.compile(r"(维吾尔|壮族|回族)?自治区$|[省市]$")


@dataclass(frozen=True)
class Province:
    """A province of mainland China: its English name and its adcode (GB/T 2260, 6 digits)."""

    name: str
    adcode: int


TIBET = Province("Tibet", 540000)

_MORE_SPELLINGS = {
    "neimongol": "Inner Mongolia", "neimenggu": "Inner Mongolia", "内蒙": "Inner Mongolia",
    "xizang": "Tibet", "西藏": "Tibet", "tibet": "Tibet",
}  # fmt: skip


def text(value: object) -> str:
    """Return a cell as text: full-width signs made narrow, each run of blanks and line breaks one blank."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(unicodedata.normalize("NFKC", str(value)).replace("\u200b", "").split())


def number(value: object, place: str | Callable[[], str], blank: float = math.nan) -> float:
    """Return a cell as a number.

    Parameters
    ----------
    value : object
        A number, or text that may have full-width digits, signs and commas, and commas or blanks between thousands.
    place : str or callable
        Where it stands, for the message; a callable is called only if it is needed.
    blank : float
        What an empty cell, a dash (``-``, ``—``) or dots (``…``, ``..``) stand for.

    Raises
    ------
    DataError
        If the cell holds anything else.
    """
    if isinstance(value, (int, float, np.number)) and not isinstance(value, (bool, np.bool_)):
        result = float(value)
        if math.isnan(result):
            return blank
        if math.isfinite(result):
            return result
    shown = text(value)
    plain = shown.translate(_DASHES)
    if plain.replace(" ", "") in _BLANKS:
        return blank
    if isinstance(value, str):
        if _PLAIN.fullmatch(plain) and math.isfinite(float(plain)):
            return float(plain)
        if _GROUPED.fullmatch(plain):
            return float(plain.replace(",", "").replace(" ", ""))
    where = place if isinstance(place, str) else place()
    if _EXCEL_ERROR.fullmatch(plain):
        raise DataError(f"{where} holds the Excel error {shown}; mend the cell or empty it, and import the file again.")
    kind = "date" if isinstance(value, (datetime.date, datetime.time)) else "truth value"
    kind = "text" if isinstance(value, str) else kind
    raise DataError(
        f"{where} holds the {kind} '{_cut(shown)}' where a number belongs; allowed are numbers, with or without commas "
        "between thousands, and an empty cell, - or … for no figure."
    )


def is_number(value: object) -> bool:
    """Return whether `number` takes a cell for a figure, and not for none."""
    try:
        return not math.isnan(number(value, ""))
    except DataError:
        return False


def figure(sheet: Sheet, row: int, column: int) -> float:
    """Return one cell of a sheet as a number, not-a-number where there is no figure.

    Raises
    ------
    DataError
        If the cell is no number, or is empty only because it is merged into another one.
    """
    value = number(sheet.cells.iat[row, column], partial(sheet.place, row, column))
    if math.isnan(value) and sheet.merged_into(row, column):
        raise DataError(
            f"{sheet.place(row, column)} is merged into {sheet.merged_into(row, column)}, so that one figure stands "
            "for several; unmerge the cells."
        )
    return value


def numbers(sheet: Sheet, rows: range, columns: range, blank: float = math.nan) -> FloatArray:
    """Return a block of a sheet as numbers.

    Parameters
    ----------
    sheet : Sheet
    rows, columns : range
        Positions; those beyond the sheet's cells count as empty.
    blank : float
        As in `number`.

    Returns
    -------
    ndarray, shape (len(rows), len(columns))

    Raises
    ------
    DataError
        If a cell is no number; the sentence names the cell.
    """
    block = sheet.cells.reindex(index=rows, columns=columns).to_numpy(dtype=object)
    result = np.empty(block.shape)
    for i, line in enumerate(block):
        for j, value in enumerate(line):
            if type(value) is float and math.isfinite(value):
                result[i, j] = value
            else:
                result[i, j] = number(value, partial(sheet.place, rows[i], columns[j]), blank)
    return result


def province(value: object) -> Province | None:
    """Return the province that a cell names, else None.

    Known are Chinese names, full and short, English names and pinyin without tones in any case and with or without
    blanks, with or without "Province" and the like, and the adcode of 6 or 2 digits. Tibet is known here, though
    it is not among `digicarbon.data.provinces`.
    """
    if isinstance(value, (bool, datetime.date)):
        return None
    key = re.sub(r"[\W_]", "", text(value)).casefold()
    known = _provinces()
    # one word at a time: the end of Anhui is also that of Ningxia Hui
    while key not in known:
        shorter = _CHINESE_END.sub("", _ENGLISH_END.sub("", key))
        if shorter in (key, ""):
            return None
        key = shorter
    return known[key]


def required_province(value: object, place: str) -> Province:
    """Return the province that a cell names.

    Raises
    ------
    DataError
        If it names none; the sentence says where and what is near.
    """
    found = province(value)
    if found is None:
        hint = near_province(value) or nearest(text(value), _names())
        raise DataError(
            f"{place}: '{_cut(text(value))}' is no province of mainland China that is known by this spelling.{hint} "
            "Write its English, Chinese or pinyin name, or its adcode such as 110000."
        )
    return found


def near_province(value: object) -> str:
    """Return the provinces that a misspelt name or a sheet's name may mean, as a question after a blank; else empty."""
    plain = " ".join(_YEAR.sub(" ", text(value)).split()).replace("年", "").strip()
    if len(plain) < 3 and plain.isascii():
        return ""
    known = {name.casefold(): name for name in _names()}
    known |= {key: item.name for key, item in _provinces().items() if not key.isdigit()}
    close = difflib.get_close_matches(plain.casefold(), known, n=4, cutoff=0.8)
    names = list(dict.fromkeys(known[key] for key in close))
    if set(names) & {"Shanxi", "Shaanxi"}:
        # one letter apart, and confused for each other more than any other two
        names = ["Shanxi (山西)", "Shaanxi (陕西)"]
    return f" Did you mean {' or '.join(names[:2])}?" if names else ""


def province_in(name: str) -> Province | None:
    """Return the one province that a sheet's or file's name holds, e.g. ``Beijing2012``; None if none or several."""
    plain = _YEAR.sub(" ", text(name))
    whole = province(plain.replace("年", ""))
    # a sheet called 12 is the twelfth one
    if whole is not None and not re.fullmatch(r"\s*\d\d\s*", plain):
        return whole
    words = re.findall(r"[A-Za-z]+", plain)
    pairs = [first + second for first, second in pairwise(words)]
    found = {province(word) for word in (*words, *pairs)}
    found |= {item for spelling, item in _provinces().items() if not spelling.isascii() and spelling in plain}
    found.discard(None)
    return found.pop() if len(found) == 1 else None


def year(value: object) -> int | None:
    """Return the year that a cell holds (``2012``, ``2012.0``, ``2012年``, a date), else None."""
    if isinstance(value, datetime.date):
        return value.year
    if isinstance(value, bool):
        return None
    match = re.fullmatch(r"(19[4-9]\d|20\d\d)(\.0+)?\s*(年度?)?", text(value))
    return int(match[1]) if match else None


def year_in(name: str) -> int | None:
    """Return the one year that a sheet's or file's name holds; None if it holds none or several."""
    found = set(_YEAR.findall(text(name)))
    return int(found.pop()) if len(found) == 1 else None


def _cut(shown: str) -> str:
    return shown if len(shown) <= 60 else f"{shown[:57]}…"


def _names() -> list[str]:
    return [*data.provinces()["province"], TIBET.name]


@cache
def _provinces() -> Mapping[str, Province]:
    table = data.provinces()
    codes = zip(table["province"].astype(str), table["adcode"].astype(int), strict=True)
    by_name = {name: Province(name, code) for name, code in codes}
    by_name[TIBET.name] = TIBET
    known = {key: by_name[name] for key, name in _MORE_SPELLINGS.items()}
    for column in ("province", "name_zh", "short_zh"):
        for name, spelling in zip(table["province"], table[column].astype(str), strict=True):
            known[spelling.replace(" ", "").casefold()] = by_name[name]
    for item in by_name.values():
        known[str(item.adcode)] = known[str(item.adcode // 10_000)] = item
    return known
