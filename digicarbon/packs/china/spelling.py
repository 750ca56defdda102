"""The provinces of China as files spell them; an unknown spelling is an error, never a guess."""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise

from digicarbon.country import Place
from digicarbon.errors import DataError
from digicarbon.importer._cells import YEAR, cut, text
from digicarbon.note import Note, suggestion
from digicarbon.packs.china.facts import provinces

_ENGLISH_END = re.compile(r"(province|municipality|city|autonomousregion|hui|zhuang|uygur|uyghur)$")
_CHINESE_END = re.compile(r"(维吾尔|壮族|回族)?自治区$|[省市]$")


_MORE_SPELLINGS = {
    "neimongol": "Inner Mongolia", "neimenggu": "Inner Mongolia", "内蒙": "Inner Mongolia", "xizang": "Tibet",
}  # fmt: skip


def province(value: object) -> Place | None:
    """Return the province that a cell names, else None.

    It knows full and short Chinese names, English names and pinyin without tones (in any case, with or without blanks
    and "Province" and the like), and adcodes of 6 or 2 digits.
    """
    if isinstance(value, (bool, datetime.date)):
        return None
    key = re.sub(r"[\W_]", "", text(value)).casefold()
    by_spelling = _provinces()
    # cut one word at a time: Anhui ends like Ningxia Hui
    while key not in by_spelling:
        shorter = _CHINESE_END.sub("", _ENGLISH_END.sub("", key))
        if shorter in (key, ""):
            return None
        key = shorter
    return by_spelling[key]


def required_province(value: object, where: Note | str | Callable[[], Note]) -> Place:
    """Return the province that a cell names.

    ``where``: where the cell is, for the message; a callable is only called if there is one. Raises DataError if it
    names none; the message says where, and which names are similar.
    """
    result = province(value)
    if result is None:
        hint = near_province(value) or suggestion(text(value), _names())
        raise DataError(
            Note("china_no_province", where=where() if callable(where) else where, shown=cut(text(value)), hint=hint)
        )
    return result


def near_province(value: object) -> Note | str:
    """Return a question that names the provinces meant by a misspelt name, after a blank; else an empty text."""
    plain = " ".join(YEAR.sub(" ", text(value)).split()).replace("年", "").strip()
    if len(plain) < 3 and plain.isascii():
        return ""
    names_by_spelling = {name.casefold(): name for name in _names()}
    names_by_spelling |= {key: item.name for key, item in _provinces().items() if not key.isdigit()}
    similar = difflib.get_close_matches(plain.casefold(), names_by_spelling, n=4, cutoff=0.8)
    names = list(dict.fromkeys(names_by_spelling[key] for key in similar))
    if set(names) & {"Shanxi", "Shaanxi"}:
        # they differ by one letter, and are confused more often than any other two
        names = ["Shanxi (山西)", "Shaanxi (陕西)"]
    if len(names) > 1:
        return Note("china_did_you_mean_either", first=names[0], second=names[1])
    return Note("china_did_you_mean", province=names[0]) if names else ""


def province_in(name: str) -> Place | None:
    """Return the only province in a sheet's or file's name, e.g. ``Beijing2012``; None if there is none or several."""
    plain = YEAR.sub(" ", text(name))
    whole = province(plain.replace("年", ""))
    # a sheet called 12 is the twelfth one
    if whole is not None and not re.fullmatch(r"\s*\d\d\s*", plain):
        return whole
    words = re.findall(r"[A-Za-z]+", plain)
    pairs = [first + second for first, second in pairwise(words)]
    matches = {province(word) for word in (*words, *pairs)}
    matches |= {item for spelling, item in _provinces().items() if not spelling.isascii() and spelling in plain}
    matches.discard(None)
    return matches.pop() if len(matches) == 1 else None


def _names() -> list[str]:
    return [*provinces(tibet=True)["province"]]


@cache
def _provinces() -> Mapping[str, Place]:
    table = provinces(tibet=True)
    codes = zip(table["province"].astype(str), table["adcode"].astype(int), strict=True)
    by_name = {name: Place(name, code) for name, code in codes}
    by_spelling = {key: by_name[name] for key, name in _MORE_SPELLINGS.items()}
    for column in ("province", "name_zh", "short_zh"):
        for name, spelling in zip(table["province"], table[column].astype(str), strict=True):
            by_spelling[spelling.replace(" ", "").casefold()] = by_name[name]
    for item in by_name.values():
        by_spelling[str(item.code)] = by_spelling[str(item.code // 10_000)] = item
    return by_spelling
