"""The words of notes: templates from a table, and how field values are inserted.

A template is a sentence or a phrase with fields in braces, ``{name:kind}``. Kinds are

- ``words``: a nested note, or a name with a Chinese translation, e.g. of a variable or a place;
- ``rest``: the same, or nothing;
- ``list``, ``semicolons``, ``ands``, ``withs``: several of them, with commas, semicolons, "and" or "with" between;
- ``term``, ``terms``: a name, or several, of variables, with the report's words in every language;
- ``choice``, ``choices``: a key of the configuration, or several; ``option``: a value, or several, of the choice that
  the field names; ``runs``: labels of runs;
- ``names``: several names that are the same in every language;
- ``blanks``: the words of a table cell, e.g. fuel, place and year, in Chinese if all of them have Chinese words;
- ``sentences``: notes one after another, each but the last with a stop; ``lines``: notes on separate lines;
- anything else, e.g. ``.2f``: Python's format of a number; no kind for a name that is the same in every language.

The stop at the end of a nested note gives way to a mark that follows it in the template, and a stop that follows to a
question mark at its end.

``[|s]`` and ``[is|are]`` depend on the number before them, ``[units: is|are]`` on the named field; for a list the
number is its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from digicarbon.data import brief_words, command_words, error_words, note_words

MARK = re.compile(
    r"\{(?P<field>\w+)(?::(?P<kind>[^{}]+))?\}|\[(?:(?P<by>\w+): )?(?P<one>[^\[\]|]*)\|(?P<many>[^\[\]|]*)\]"
)
BETWEEN = {
    "list": {"en": ", ", "zh": "、"},
    "names": {"en": ", ", "zh": ", "},
    "terms": {"en": ", ", "zh": "、"},
    "choices": {"en": ", ", "zh": "、"},
    "runs": {"en": ", ", "zh": ", "},
    "semicolons": {"en": "; ", "zh": "；"},
    "ands": {"en": " and ", "zh": "、"},
    "withs": {"en": " with ", "zh": "且"},
    "blanks": {"en": " ", "zh": " "},
    "sentences": {"en": " ", "zh": ""},
    "lines": {"en": "\n", "zh": "\n"},
}
"""The separator of a list, by its kind."""
CALLED = ("words", "rest", "list", "semicolons", "ands", "term", "terms")
"""Kinds whose names are translated into Chinese."""
ONE = ("words", "rest", "term", "choice", "option")
"""Kinds of a single name."""
TERMS = ("term", "terms")
CHOICES = ("choice", "choices", "option", "runs")
_STOP = {"en": ".", "zh": "。"}
_STOPS = (".", "。")
_MARKS = (*_STOPS, *",，;；:：)）")
_QUESTIONS = ("?", "？")
_ENDS = (*_STOPS, *_QUESTIONS, *"!！…:：")


class Naming(Protocol):
    """What a report calls variables, choices and runs."""

    def __call__(self, term: str, /) -> str:
        """Return the words of a variable, and other texts unchanged."""

    def choice(self, key: str) -> str:
        """Return the words of a key of the configuration."""

    def option(self, key: str, value: str) -> str:
        """Return the words of a value of a choice."""

    def run(self, label: str) -> str:
        """Return the words of a run's label."""


@dataclass(frozen=True, slots=True)
class Field:
    """The place of a value in a template."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Either:
    """A part of a template that depends on whether a field is one or many."""

    by: str
    one: str
    many: str


Piece = str | Field | Either


def in_words(code: str, fields: Mapping[str, Any], language: str, named: Naming | None = None, kind: str = "") -> str:
    """Return the words of a note.

    ``named``: returns the Chinese name of a variable. ``kind``: the kind of fields without a kind in the template: that
    of the field that contains this note.
    """
    if _row(code) is None:
        # a later version recorded it
        return f"{code}: {', '.join(f'{name} {value}' for name, value in fields.items())}".removesuffix(": ")
    return _filled(template(code, language), fields, language, named, kind)


def in_short(code: str, fields: Mapping[str, Any], language: str, named: Naming | None = None) -> str:
    """Return the short words of a note, empty if it has none; ``+`` and ``=``: see `digicarbon.data.brief_words`."""
    return _filled(pieces_of(brief_words().get(code, {}).get(language, "")), fields, language, named)


def _filled(
    pieces: Iterable[Piece], fields: Mapping[str, Any], language: str, named: Naming | None, kind: str = ""
) -> str:
    """Return the words of a template with the values of its fields."""
    words: list[str] = []
    nested = False
    for piece in pieces:
        if isinstance(piece, str):
            if nested and piece.startswith(_MARKS):
                words[-1] = _without_stop(words[-1])
            asked = nested and words[-1].endswith(_QUESTIONS) and piece.startswith(_STOPS)
            words.append(piece[1:] if asked else piece)
            nested = False
        elif isinstance(piece, Either):
            words.append(piece.one if _is_one(fields.get(piece.by)) else piece.many)
            nested = False
        else:
            value = fields.get(piece.name, "")
            words.append(_shown(value, piece.kind or kind, language, named, piece.name))
            # a name may end with a point of its own
            nested = not isinstance(value, str | int | float)
    return "".join(words)


@cache
def template(code: str, language: str) -> tuple[Piece, ...]:
    """Return the pieces of a code's words in a language.

    Raises KeyError if no table has a row of that code.
    """
    row = _row(code)
    if row is None:
        raise KeyError(_NO_ROW.format(code=code))
    return pieces_of(row[language])


_NO_ROW = (
    "The note '{code}' has no words: add the row `{code},ENGLISH,CHINESE` to digicarbon/data/notes.csv, to errors.csv "
    "there if only errors use it, or to commands.csv if a command prints it; for a pack, to the table of the same name "
    "in its words/."
)


def _row(code: str) -> Mapping[str, str] | None:
    """Return the words of a code by language; None if no table has it."""
    # the least table first: many commands need no other
    return command_words().get(code) or note_words().get(code) or error_words().get(code)


def pieces_of(text: str) -> tuple[Piece, ...]:
    """Return the pieces of a template: texts, fields, and endings that depend on a number."""
    pieces: list[Piece] = []
    end, counted = 0, ""
    for mark in MARK.finditer(text):
        if text[end : mark.start()]:
            pieces.append(text[end : mark.start()])
        end = mark.end()
        if mark["field"]:
            counted = mark["field"]
            pieces.append(Field(counted, mark["kind"] or ""))
        else:
            pieces.append(Either(mark["by"] or counted, mark["one"], mark["many"]))
    return (*pieces, text[end:]) if text[end:] else tuple(pieces)


def called(name: str, named: Naming | None) -> str:
    """Return the Chinese name of a place or a variable; other texts unchanged."""
    return places().get(name) or (name if named is None else named(name))


@cache
def places() -> Mapping[str, str]:
    """Return the Chinese names of the country's places, longest English name first: one may be part of another."""
    # most notes name no place, and the table of places is slow to load
    from digicarbon.country import country

    names = {str(place): str(name) for place, name in country().tiles[["place", "name_zh"]].itertuples(index=False)}
    return dict(sorted(names.items(), key=lambda pair: -len(pair[0])))


def _without_stop(text: str) -> str:
    return text if text.endswith("..") else text.removesuffix(".").removesuffix("。")


def _is_one(value: Any) -> bool:
    return len(value) == 1 if isinstance(value, tuple) else value in (1, "1")


def _shown(value: Any, kind: str, language: str, named: Naming | None, field: str = "") -> str:
    if isinstance(value, tuple):
        inner = kind if kind in CALLED or kind in CHOICES else ""
        parts = [_shown(item, inner, language, named, field) for item in value]
        if kind == "blanks" and language == "zh":
            chinese = [called(part, named) for part in parts]
            parts = parts if any(re.search("[A-Za-z]", part) for part in chinese) else chinese
        if kind == "sentences":
            parts = [part if part.endswith(_ENDS) else f"{part}{_STOP[language]}" for part in parts[:-1]] + parts[-1:]
        between = "choices" if kind == "option" else kind
        return BETWEEN.get(between, BETWEEN["names"])[language].join(parts)
    if isinstance(value, str):
        if named is not None and kind in CHOICES:
            return _of_choice(value, kind, named, field)
        if named is not None and kind in TERMS and language == "en":
            return named(value)
        return called(value, named) if language == "zh" and kind in CALLED else value
    if isinstance(value, int | float):
        if kind and kind not in BETWEEN and kind not in CALLED:
            return format(value, kind)
        return str(value) if isinstance(value, int) else f"{value:g}"
    fields = dict(value.fields)
    if value.code == "span":
        low, high = (_shown(fields[end], kind, language, named) for end in ("low", "high"))
        if low == high:
            # rounded to what is shown, both ends are one number
            return low
    return in_words(value.code, fields, language, named, kind) if value.code != "text" else value.text()


def _of_choice(value: str, kind: str, named: Naming, field: str) -> str:
    if kind == "runs":
        return named.run(value)
    return named.option(field, value) if kind == "option" else named.choice(value)
