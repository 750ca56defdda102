"""The provinces of China as files spell them; a spelling that is not known is said, never guessed."""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Mapping
from functools import cache
from itertools import pairwise

from digicarbon.china.facts import provinces
from digicarbon.country import Place
from digicarbon.errors import DataError
from digicarbon.importer._cells import YEAR, cut, text
from digicarbon.note import Note, suggestion

_ENGLISH_END = re.compile(r"(province|municipality|city|autonomousregion|hui|zhuang|uygur|uyghur)$")
_CHINESE_END = re.compile(r"(维吾尔|壮族|回族)?自治区$|[省市]$")


TIBET = Place("Tibet", 540000)

_MORE_SPELLINGS = {
    "neimongol": "Inner Mongolia", "neimenggu": "Inner Mongolia", "内蒙": "Inner Mongolia",
    "xizang": "Tibet", "西藏": "Tibet", "tibet": "Tibet",
}  # fmt: skip


def province(value: object) -> Place | None:
    """Return the province that a cell names, else None.

    Known are Chinese names, full and short, English names and pinyin without tones in any case and with or without
    blanks, with or without "Place" and the like, and the adcode of 6 or 2 digits. Tibet is known here, though
    it is not among `digicarbon.china.facts.provinces`.
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


def required_province(value: object, place: Note | str) -> Place:
    """Return the province that a cell names.

    Raises
    ------
    DataError
        If it names none; the sentence says where and what is near.
    """
    found = province(value)
    if found is None:
        hint = near_province(value) or suggestion(text(value), _names())
        raise DataError(Note("china_no_province", where=place, shown=cut(text(value)), hint=hint))
    return found


def near_province(value: object) -> Note | str:
    """Return the provinces that a misspelt name or a sheet's name may mean, as a question after a blank; else empty."""
    plain = " ".join(YEAR.sub(" ", text(value)).split()).replace("年", "").strip()
    if len(plain) < 3 and plain.isascii():
        return ""
    known = {name.casefold(): name for name in _names()}
    known |= {key: item.name for key, item in _provinces().items() if not key.isdigit()}
    close = difflib.get_close_matches(plain.casefold(), known, n=4, cutoff=0.8)
    names = list(dict.fromkeys(known[key] for key in close))
    if set(names) & {"Shanxi", "Shaanxi"}:
        # one letter apart, and confused for each other more than any other two
        names = ["Shanxi (山西)", "Shaanxi (陕西)"]
    if len(names) > 1:
        return Note("china_did_you_mean_either", first=names[0], second=names[1])
    return Note("china_did_you_mean", province=names[0]) if names else ""


def province_in(name: str) -> Place | None:
    """Return the one province that a sheet's or file's name holds, e.g. ``Beijing2012``; None if none or several."""
    plain = YEAR.sub(" ", text(name))
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


def _names() -> list[str]:
    return [*provinces()["province"], TIBET.name]


@cache
def _provinces() -> Mapping[str, Place]:
    table = provinces()
    codes = zip(table["province"].astype(str), table["adcode"].astype(int), strict=True)
    by_name = {name: Place(name, code) for name, code in codes}
    by_name[TIBET.name] = TIBET
    known = {key: by_name[name] for key, name in _MORE_SPELLINGS.items()}
    for column in ("province", "name_zh", "short_zh"):
        for name, spelling in zip(table["province"], table[column].astype(str), strict=True):
            known[spelling.replace(" ", "").casefold()] = by_name[name]
    for item in by_name.values():
        known[str(item.code)] = known[str(item.code // 10_000)] = item
    return known
