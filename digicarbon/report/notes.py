"""Chinese words for the notes under tables: sentences that models, sources and reports write in English."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from digicarbon.country import country
from digicarbon.data import notes

_MARK = re.compile(r"\{(?P<part>\w+)\}|\[(?P<either>[^\[\]]*\|[^\[\]]*)\]")
_KIND = re.compile(r"(?P<kind>n|list|name)\d*\Z")
_NUMBER = r"(?:-?[\d.,]*\d(?:e[-+]?\d+)?%?|-?inf|nan)(?: to -?[\d.,]*\d%?)?"
_SEPARATOR = re.compile(r"(, |; | and )")
_BETWEEN = {", ": "、", "; ": "；", " and ": "、"}
_LONG_LIST = "{list} and {n} more"
_OWNERS = ("{n} of {n2} runs", "{name} and {n} more")
"""What stands before the colon of a note that does not hold for all runs, besides labels."""

Named = Callable[[str], str]


def chinese(note: str, named: Named) -> str:
    """Return a note in Chinese; one that no sentence of ``digicarbon/data/notes.csv`` is whole stays as it is.

    Parameters
    ----------
    note : str
        A sentence, or a sentence after the runs that it holds for (``model=fe, model=twfe: …``), whose labels stay.
    named : callable
        Returns what a variable is called, and anything else as it is.

    Notes
    -----
    In the file, ``{n}`` and ``{n2}`` are numbers, ``{list}`` is a list, ``{name}`` stays as it is, and any other part
    is a phrase of the file or a variable. ``[is|are]`` is either, ``unit[|s]`` with or without s. Of several sentences
    that fit the first one counts.
    """
    found = _whole(note, named)
    if found is not None:
        return found
    for colon in re.finditer(": ", note):
        rest = _whole(note[colon.end() :], named)
        if rest is not None:
            return f"{_owners(note[: colon.start()], named)}：{rest}"
    return _places().get(note, note)


def _whole(text: str, named: Named) -> str | None:
    """Return a text that a pattern fits as a whole, in Chinese."""
    for pattern, into in _patterns().values():
        match = pattern.fullmatch(text)
        if match is not None:
            return into.format(**{part: _part(part, said, named) for part, said in match.groupdict().items()})
    return None


def _owners(head: str, named: Named) -> str:
    for english in _OWNERS:
        pattern, into = _patterns()[english]
        match = pattern.fullmatch(head)
        if match is not None:
            return into.format(**{part: _part(part, said, named) for part, said in match.groupdict().items()})
    return head


def _part(part: str, said: str, named: Named) -> str:
    match = _KIND.match(part)
    kind = match["kind"] if match else "phrase"
    if kind == "n":
        return said.replace(" to ", "至")
    if kind == "name":
        return said
    if kind == "list":
        return _listed(said, named)
    return _whole(said, named) or _called(said, named)


def _listed(text: str, named: Named) -> str:
    pattern, into = _patterns()[_LONG_LIST]
    match = pattern.fullmatch(text)
    if match is not None:
        return into.format(n=match["n"], list=_listed(match["list"], named))
    return "".join(_BETWEEN.get(item) or _item(item, named) for item in _SEPARATOR.split(text))


def _item(text: str, named: Named) -> str:
    head, colon, rest = text.partition(": ")
    if colon:
        return f"{_called(head, named)}：{_item(rest, named)}"
    return _whole(text, named) or _called(text, named)


def _called(text: str, named: Named) -> str:
    """Return what a variable or a place is called, or all parts of a place such as ``coke Hainan 2015``."""
    known = _places().get(text) or named(text)
    if known != text:
        return known
    words = re.sub("|".join(map(re.escape, _places())), lambda match: _places()[match[0]], text).split(" ")
    parts = [named(word) for word in words]
    whole = len(parts) > 1 and not any(re.search("[A-Za-z]", part) for part in parts)
    return " ".join(parts) if whole else text


@cache
def _places() -> dict[str, str]:
    """Return the Chinese names of the country's places, long English ones first: one may be a part of another."""
    names = {str(place): str(name) for place, name in country().tiles[["place", "name_zh"]].itertuples(index=False)}
    return dict(sorted(names.items(), key=lambda pair: -len(pair[0])))


@cache
def _patterns() -> dict[str, tuple[re.Pattern[str], str]]:
    return {english: (_compiled(english), into) for english, into in notes().items()}


def _compiled(english: str) -> re.Pattern[str]:
    pieces, end = [], 0
    seen: set[str] = set()
    for mark in _MARK.finditer(english):
        pieces.append(re.escape(english[end : mark.start()]))
        end = mark.end()
        part = mark["part"]
        if part is None:
            pieces.append(f"(?:{'|'.join(map(re.escape, mark['either'].split('|')))})")
        elif part in seen:
            pieces.append(f"(?P={part})")
        else:
            seen.add(part)
            kind = _KIND.match(part)
            # what begins a sentence is not the runs that it holds for
            words = ".+?" if mark.start() else "(?:(?!: ).)+?"
            pieces.append(f"(?P<{part}>{_NUMBER if kind and kind['kind'] == 'n' else words})")
    return re.compile("".join(pieces) + re.escape(english[end:]), re.DOTALL)
