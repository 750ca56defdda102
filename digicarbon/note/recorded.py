"""Sentences recorded by earlier versions, parsed back to the notes that they express.

Stores of early versions, which had no notes, contain English sentences. Each is turned into a note once, here, when a
store is read; no other code parses sentences.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from digicarbon.data import note_words, terms
from digicarbon.note import PLAIN, Note, Value, note_of
from digicarbon.note._words import BETWEEN, ONE, Either, Field, Piece, places, template

_NUMBER = r"(?:-?[\d.,]*\d(?:e[-+]?\d+)?%?|-?inf|nan)"
_SEPARATORS = {
    kind: BETWEEN[kind]["en"] for kind in ("list", "names", "terms", "choices", "runs", "semicolons", "ands")
}
_MORE = re.compile(r"(?P<items>.+) and (?P<more>\d+) more\Z", re.DOTALL)
_FRAMES = (
    *("of_runs", "of_labels", "and_more", "labels_and_more", "sentences", "span", "cell", "unit_of_variable"),
    *("counted", "effect_name", "others_of_cell", "difference_of", "several_terms"),
    *("sweep_effect", "compare_reasons_in_cell"),
)
"""Notes that reports put around other notes: they were never recorded, and match almost any sentence."""
_END = re.compile(r"(?<=\.) ")


@cache
def recognised(sentence: str) -> Note:
    """Return the note with the words of a sentence, or a note that contains the sentence if there is none.

    ``sentence``: as an earlier version wrote it in English. If several notes have these words, the one with most words
    of its own is returned.
    """
    return _whole(sentence) or _several(sentence) or note_of(sentence)


def read(node: Any) -> Note:
    """Return the note of a value in a store: a result of `Note.to_json`, or a sentence of an earlier version."""
    return Note.from_json(node) if isinstance(node, Mapping) else recognised(str(node))


def read_all(nodes: Iterable[Any]) -> tuple[Note, ...]:
    """Return the notes of values in a store."""
    return tuple(map(read, nodes))


def read_cell(text: str) -> Note | str:
    """Return the note of a cell or row of an earlier version's table; a text that is none of ours as it is."""
    note = recognised(text)
    return text if note.code == PLAIN else note


def read_pair(text: str) -> Note | str:
    """Return the note of a row about one group or several, e.g. ``3 groups`` or ``east - west``."""
    halves = text.split(" - ")
    return Note("difference_of", first=halves[0], second=halves[1]) if len(halves) == 2 else read_cell(text)


def _whole(text: str, phrase: bool = False) -> Note | None:
    for code, pattern in _patterns().items():
        match = pattern.fullmatch(text) if phrase or _has_words(code) else None
        if match is not None:
            kinds = {piece.name: piece.kind for piece in template(code, "en") if isinstance(piece, Field)}
            note = Note(code, **{name: _value(part, kinds[name]) for name, part in match.groupdict().items() if part})
            numbers = all(not _is_format(kinds[name]) or not isinstance(value, str) for name, value in note.fields)
            # the words of the note must be exactly the recorded ones
            if numbers and str(note) == text:
                return note
    return None


def _is_format(kind: str) -> bool:
    return bool(kind) and kind not in BETWEEN and kind not in ONE


def _several(text: str) -> Note | None:
    """Return the note of several sentences, each of which is the text of a note."""
    for end in _END.finditer(text):
        first = _whole(text[: end.start()])
        rest = text[end.end() :]
        following = first and (_whole(rest) or _several(rest))
        if first and following:
            return Note(
                "sentences", said=(first, *(following["said"] if following.code == "sentences" else [following]))
            )
    return None


def _value(text: str, kind: str) -> Value | tuple[Value, ...]:
    if kind in _SEPARATORS:
        more = _MORE.fullmatch(text)
        if more is not None:
            return Note("and_more", items=_value(more["items"], kind), more=int(more["more"]))
        items = text.split(_SEPARATORS[kind])
        return tuple(items) if kind in ("names", "runs") else tuple(map(_item, items))
    if kind in ONE:
        return _whole(text, phrase=True) or _several(text) or text
    return _number(text, kind) if _is_format(kind) else text


def _item(text: str) -> Value:
    return _whole(text, phrase=True) or _cell(text) or text


def _cell(text: str) -> Note | None:
    """Return the note of a text such as ``coke Inner Mongolia 2015``, whose parts are known names or numbers."""
    known = "|".join(map(re.escape, places()))
    parts = re.findall(rf"(?:{known})(?= |\Z)|\S+", text)
    words = [part for part in parts if re.search("[A-Za-z]", part)]
    if len(parts) < 2 or not words or not all(part in places() or part in terms() for part in words):
        return None
    note = Note("cell", parts=parts)
    return note if str(note) == text else None


def _number(text: str, kind: str) -> Value:
    plain = text.replace(",", "")
    try:
        number = float(plain.removesuffix("%")) / (100 if plain.endswith("%") else 1)
    except ValueError:
        return text
    for value in (int(number), number) if number.is_integer() else (number,):
        try:
            if format(value, kind) == text:
                return value
        except ValueError:
            # this format needs whole numbers
            continue
    return text


@cache
def _has_words(code: str) -> bool:
    """Return whether a note has English words, not only a number or a name."""
    return any(isinstance(piece, str) and re.search("[A-Za-z]", piece) for piece in template(code, "en"))


@cache
def _patterns() -> Mapping[str, re.Pattern[str]]:
    # free words of one template may hold the words of another: the one with most words of its own comes first
    codes = sorted(note_words(), key=lambda code: -sum(len(part) for part in template(code, "en") if type(part) is str))
    # a comparison was never recorded: it is made anew from two records
    frames = {*_FRAMES, *(code for code in codes if code.startswith("compare_"))}
    return {code: _compiled(template(code, "en")) for code in codes if code not in frames}


def _compiled(pieces: Iterable[Piece]) -> re.Pattern[str]:
    parts: list[str] = []
    seen: set[str] = set()
    before: Piece = ""
    for piece in pieces:
        words_before = isinstance(before, Field) and not _is_format(before.kind)
        if isinstance(piece, Field) and piece.kind == "rest" and words_before:
            # after free words the rest must begin with punctuation, or the end of the words is unclear
            parts.append(f"(?P<{piece.name}>(?:[.;,].*?)?)")
        elif isinstance(piece, str):
            parts.append(re.escape(piece))
        elif isinstance(piece, Either):
            parts.append(f"(?:{re.escape(piece.one)}|{re.escape(piece.many)})")
        elif piece.name in seen:
            parts.append(f"(?P={piece.name})")
        else:
            seen.add(piece.name)
            parts.append(f"(?P<{piece.name}>{_pattern_of(piece.kind)})")
        before = piece
    return re.compile("".join(parts), re.DOTALL)


def _pattern_of(kind: str) -> str:
    if kind == "rest":
        return ".*?"
    return _NUMBER if _is_format(kind) else ".+?"
