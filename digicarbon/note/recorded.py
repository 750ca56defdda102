"""Sentences that earlier versions recorded, read back as the notes that they were made of.

Stores of versions that knew no notes hold English sentences. Whoever reads such a store turns each into a note once,
here; nothing else reads a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from digicarbon.data import note_words, terms
from digicarbon.note import Note, Value, note_of
from digicarbon.note._words import BETWEEN, Either, Field, Piece, places, template

_NUMBER = r"(?:-?[\d.,]*\d(?:e[-+]?\d+)?%?|-?inf|nan)"
_SEPARATORS = {"list": ", ", "names": ", ", "semicolons": "; ", "ands": " and "}
_MORE = re.compile(r"(?P<items>.+) and (?P<more>\d+) more\Z", re.DOTALL)
_FRAMES = frozenset(
    {"of_runs", "of_labels", "and_more", "sentences", "span", "cell", "unit_of_variable", "clusters_of_period"}
)
"""Notes that reports put around others: they were never recorded, and fit almost any sentence."""
_END = re.compile(r"(?<=\.) ")


@cache
def recognised(sentence: str) -> Note:
    """Return the note that is shown as a sentence; one that holds the sentence itself where no note is.

    Parameters
    ----------
    sentence : str
        As an earlier version wrote it in English. Of several notes that would be shown so the first one counts.
    """
    return _whole(sentence) or _several(sentence) or note_of(sentence)


def read(node: Any) -> Note:
    """Return a note as a store holds it: as `Note.to_json` gives it, or as an earlier version wrote it."""
    return Note.from_json(node) if isinstance(node, Mapping) else recognised(str(node))


def read_all(nodes: Iterable[Any]) -> tuple[Note, ...]:
    """Return notes as a store holds them."""
    return tuple(map(read, nodes))


def _whole(text: str, phrase: bool = False) -> Note | None:
    for code, pattern in _patterns().items():
        match = pattern.fullmatch(text) if phrase or _has_words(code) else None
        if match is not None:
            kinds = {piece.name: piece.kind for piece in template(code, "en") if isinstance(piece, Field)}
            found = Note(code, **{name: _value(said, kinds[name]) for name, said in match.groupdict().items() if said})
            numbers = all(not _is_format(kinds[name]) or not isinstance(value, str) for name, value in found.fields)
            # what is read must be shown as it was written
            if numbers and str(found) == text:
                return found
    return None


def _is_format(kind: str) -> bool:
    return bool(kind) and kind not in BETWEEN and kind not in ("words", "rest")


def _several(text: str) -> Note | None:
    """Return sentences one after the other, of which each is known."""
    for end in _END.finditer(text):
        first = _whole(text[: end.start()])
        rest = text[end.end() :]
        following = first and (_whole(rest) or _several(rest))
        if first and following:
            return Note(
                "sentences", said=(first, *(following["said"] if following.code == "sentences" else [following]))
            )
    return None


def _value(said: str, kind: str) -> Value | tuple[Value, ...]:
    if kind in _SEPARATORS:
        more = _MORE.fullmatch(said)
        if more is not None:
            return Note("and_more", items=_value(more["items"], kind), more=int(more["more"]))
        items = said.split(_SEPARATORS[kind])
        return tuple(items) if kind == "names" else tuple(map(_item, items))
    if kind in ("words", "rest"):
        return _whole(said, phrase=True) or _several(said) or said
    return _number(said, kind) if _is_format(kind) else said


def _item(said: str) -> Value:
    return _whole(said, phrase=True) or _cell(said) or said


def _cell(said: str) -> Note | None:
    """Return a text such as ``coke Inner Mongolia 2015``, of which each part is a name that is known or a number."""
    known = "|".join(map(re.escape, places()))
    parts = re.findall(rf"(?:{known})(?= |\Z)|\S+", said)
    words = [part for part in parts if re.search("[A-Za-z]", part)]
    if len(parts) < 2 or not words or not all(part in places() or part in terms() for part in words):
        return None
    found = Note("cell", parts=parts)
    return found if str(found) == said else None


def _number(said: str, kind: str) -> Value:
    plain = said.replace(",", "")
    try:
        number = float(plain.removesuffix("%")) / (100 if plain.endswith("%") else 1)
    except ValueError:
        return said
    for value in (int(number), number) if number.is_integer() else (number,):
        try:
            if format(value, kind) == said:
                return value
        except ValueError:
            # a format of whole numbers
            continue
    return said


@cache
def _has_words(code: str) -> bool:
    """Return whether a note has words of its own, and is no frame of a number or a name."""
    return any(isinstance(piece, str) and re.search("[A-Za-z]", piece) for piece in template(code, "en"))


@cache
def _patterns() -> Mapping[str, re.Pattern[str]]:
    return {code: _compiled(template(code, "en")) for code in note_words() if code not in _FRAMES}


def _compiled(pieces: Iterable[Piece]) -> re.Pattern[str]:
    parts: list[str] = []
    seen: set[str] = set()
    before: Piece = ""
    for piece in pieces:
        words_before = isinstance(before, Field) and not _is_format(before.kind)
        if isinstance(piece, Field) and piece.kind == "rest" and words_before:
            # words after words: the second ones begin a clause, or nothing tells where the first ones end
            parts.append(f"(?P<{piece.name}>(?:[.;,].*?)?)")
        elif isinstance(piece, str):
            parts.append(re.escape(piece))
        elif isinstance(piece, Either):
            parts.append(f"(?:{re.escape(piece.one)}|{re.escape(piece.many)})")
        elif piece.name in seen:
            parts.append(f"(?P={piece.name})")
        else:
            seen.add(piece.name)
            parts.append(f"(?P<{piece.name}>{_likeness(piece.kind)})")
        before = piece
    return re.compile("".join(parts), re.DOTALL)


def _likeness(kind: str) -> str:
    if kind == "rest":
        return ".*?"
    return _NUMBER if _is_format(kind) else ".+?"
