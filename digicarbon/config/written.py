"""The words that a user wrote for the keys in errors: those of a short file, of the command line, or a formula itself.

Code knows keys in full, e.g. ``model.y``, and so do the fields of notes; only what is shown has the user's own word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from digicarbon.config import flat
from digicarbon.errors import COMMAND_LINE, DigicarbonError
from digicarbon.note import Note, note_of
from digicarbon.note.about import GROUPS

Words = Mapping[str, tuple[str, bool]]
"""What is shown for a key, and whether it stands for all keys below as well, as a formula does."""
_COLUMNS = "columns."
_LISTS = ("grid", "zip")
"""Parts of an experiment in which keys have lists of values."""
_LINE: dict[str, Words] = {}
"""The words of the command that runs, by the part they are in: a column, e.g. ``columns.(2)``, or empty for all."""
_OF_FORMULA = ("y", "x", "controls", "effects", "absorb", "trends", "instruments", "endogenous")
_IN_FULL = {key: word for word, key in flat.WORDS.items()}


def forget() -> None:
    """Forget the words of an earlier command of this process."""
    _LINE.clear()


def on_the_command_line(words: Sequence[str]) -> None:
    """Know the words of a command line, e.g. ``y=ln_ci``, beside those of a formula on it."""
    content = dict(word.lstrip("+~").partition("=")[::2] for word in words if "=" in word)
    _LINE[""] = {**_LINE.get("", {}), **_words_of(content)}


def as_formulas(
    formulas: Sequence[str], others: Mapping[str, str], columns: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
) -> None:
    """Know that what a file would say is in formulas, a column each; the first is that of the table.

    ``others``: what is shown for further keys, e.g. ``--cluster`` for ``inference.cluster``. ``columns``: words of
    columns.
    """
    parts = {f"({number})": _words_of_formula(formula) for number, formula in enumerate(formulas, start=1)}
    parts |= {name: _words_of(words) for name, words in columns.items()}
    first = _words_of_formula(formulas[0]) if formulas else {}
    forget()
    _LINE.update({f"{_COLUMNS}{name}": words for name, words in parts.items()})
    _LINE[""] = {**first, **{key: (word, False) for key, word in others.items()}}


@contextmanager
def in_python(formulas: Sequence[str], others: Mapping[str, str], frames: Mapping[str, str]) -> Iterator[None]:
    """Let errors of a block name formulas and arguments of a call in place of keys, and no command line.

    ``frames``: arguments that are tables, by the names of the files that they are written to.
    """
    before = dict(_LINE)
    as_formulas(formulas, others)
    try:
        yield
    except DigicarbonError as error:
        note = as_written(error)
        # nobody wrote a command line
        own = note["said"] if note.code == "placed" and _place(note)[0] == COMMAND_LINE else note
        raise error.anew(own.with_texts(lambda text: frames.get(text, text))) from error
    finally:
        forget()
        _LINE.update(before)


def word_of(key: str) -> str:
    """Return the word of the command line that sets a key, with its sign; the key itself if there is none."""
    bare = key.lstrip("+~")
    return key.removesuffix(bare) + _LINE.get("", {}).get(bare, (bare, False))[0]


def is_short(place: str) -> bool:
    """Return whether short words stand at a place of an error: a short file, or a formula."""
    return _words(*_parted(place))[1]


def as_written(what: Note | str | DigicarbonError) -> Note:
    """Return a note or an error as a note whose keys are the user's words, where it names what they wrote."""
    return note_of(what).with_parts(_placed)


def _placed(note: Note) -> Note:
    if note.code == "column_cannot_run" and (why := note["why"]).code == "placed":
        # its place is that of the column
        is_there = _place(why) == (note["file"], f"{_COLUMNS}{note['column']}")
        return note.changed(why=why["said"]) if is_there else note
    if note.code != "placed":
        return note
    place, part = _place(note)
    words, is_short = _words(place, part)
    own = note.changed(said=note_of(note["said"]).with_parts(lambda one: _shown(one, words, is_short)))
    limit, _, key = part.partition(".")
    if key and limit in _LISTS and place != COMMAND_LINE:
        # what the file has at that place
        below = _content(place).get(limit)
        word = _word(key, _words_of(below) if isinstance(below, Mapping) else {}) or (_short(key) if is_short else key)
        own = own.changed(where=f"{place}, {limit}.{word}")
    return own


def _place(placed: Note) -> tuple[str, str]:
    """Return the file or the command line that a note names, and the part in it."""
    where = placed["where"]
    if isinstance(where, Note):
        return COMMAND_LINE, str(dict(where.fields).get("key", ""))
    return _parted(where)


def _parted(where: str) -> tuple[str, str]:
    place, _, part = where.partition(", ")
    return place, part


def _words(place: str, part: str) -> tuple[Words, bool]:
    """Return the words of a place and its part, and whether all is short there."""
    if place == COMMAND_LINE:
        # a formula has parts
        return {**_LINE.get("", {}), **_LINE.get(part, {})}, len(_LINE) > 1
    content = _content(place)
    if not content:
        return {}, False
    columns = content.get("columns")
    own = columns.get(part.removeprefix(_COLUMNS)) if isinstance(columns, Mapping) else None
    if not part.startswith(_COLUMNS) or not isinstance(own, Mapping):
        own = {}
    return {**_words_of(content), **_words_of(own)}, "defaults" not in content


def _content(place: str) -> Mapping[Any, Any]:
    """Return what the file of an experiment has; empty for another file, or one that cannot be read."""
    path, content = Path(place), None
    if path.suffix == ".yaml" and flat.FOLDER in path.parts:
        with suppress(OSError, UnicodeDecodeError, yaml.YAMLError):
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content if isinstance(content, Mapping) else {}


def _words_of(content: Mapping[Any, Any]) -> Words:
    """Return what is shown for the keys that a mapping of words sets."""
    words = {}
    for word, value in content.items():
        key = flat.key_of(str(word), value)
        words[key] = (str(word), False)
        if flat.is_file(key, value):
            words[f"{key}.path"] = (str(word), False)
        if isinstance(value, Mapping):
            words |= {f"{key}.{name}": (f"{word}.{name}", False) for name in value}
    return words


def _words_of_formula(formula: str) -> Words:
    return {f"model.{name}": (repr(formula), True) for name in _OF_FORMULA}


def _shown(note: Note, words: Words, is_short: bool) -> Note:
    """Return a note with the user's words for its key, and for other keys that are values of its fields."""
    changed: dict[str, Any] = {}
    for field, value in note.fields:
        if not isinstance(value, str) or value.partition(".")[0] not in GROUPS:
            continue
        if field == "key":
            changed[field] = _word(value, words) or (_short(value) if is_short else value)
        elif value in words and "." in value:
            word, is_all = words[value]
            changed[field] = value.rpartition(".")[2] if is_all else word
    return note.changed(**changed) if changed else note


def _word(key: str, words: Words) -> str:
    """Return the user's word for a key, with the rest of a longer key; empty if there is none."""
    for end in range(len(names := key.split(".")), 0, -1):
        word, is_all = words.get(".".join(names[:end]), ("", False))
        if word and (is_all or end > 1 or end == len(names)):
            return word if is_all else ".".join([word, *names[end:]])
    return ""


def _short(key: str) -> str:
    """Return the short word for a key that nobody wrote."""
    group, _, field = key.partition(".")
    if key in _IN_FULL:
        return _IN_FULL[key]
    if group == "model" and flat.key_of(field) == key:
        return field
    return ".".join(filter(None, [flat.DATA, field])) if group == "source" else key
