"""The subject of an error: the dotted key that is wrong; and the same error with a place, a key or a file added.

Everything is read from the fields of the error's note:

- ``key``: a dotted key, e.g. ``outcome.base_year``, or a config group whose fields contradict each other;
- ``group``: a config group whose option is wrong, e.g. ``source`` of ``source=mine has no table``;
- ``first``: the note at the beginning of a longer one, which has the same key;
- ``said``: the note after a key, to which the name of a file is added;
- ``in_file``: that name in templates with a place for it, e.g. ``{key}={year}: {in_file:rest}no row lies there``.

A user's own class may raise a sentence. Only this module parses it (`note_of_said`).
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TypeVar

from digicarbon.errors import DigicarbonError
from digicarbon.note import PLAIN, Note, note_of

E = TypeVar("E", bound=DigicarbonError)

GROUPS = (
    "source", "measure", "outcome", "panel", "sample", "weights", "model", "inference", "diagnostic", "report",
    "executor", "tracking",
)  # fmt: skip
"""The config groups; every dotted key begins with one."""
_SUFFIXES = frozenset(
    ("csv", "dta", "gal", "geojson", "gpkg", "gwt", "gz", "json", "parquet",
     "shp", "spmat", "tsv", "txt", "xls", "xlsx", "zip")
)  # fmt: skip
_KEY = re.compile(rf"(?:{'|'.join(GROUPS)})(?:(?:\.\w+)+(?=[\s:=,]|$)|(?=: ))")
_OPTION = re.compile(rf"(?:{'|'.join(GROUPS)})(?==)")


def note_of_said(said: object) -> Note:
    """Return the message of an error as a note; if it is a sentence, the key at its beginning becomes a field.

    A user's sentence gets a place if it begins with the dotted key (``model.x must …``), or with the option that is
    wrong (``source=mine has no …``).
    """
    if isinstance(said, Note):
        return said
    sentence = str(said)
    # a file may be called panel.csv
    if (match := _KEY.match(sentence)) and match[0].rpartition(".")[2].lower() not in _SUFFIXES:
        return Note("of_key", key=match[0], text=sentence[match.end() :])
    if match := _OPTION.match(sentence):
        return Note("of_option", group=match[0], text=sentence[match.end() :])
    return note_of(sentence)


def key_of(error: DigicarbonError) -> str:
    """Return the dotted key, or config group, that an error is about; an empty text if there is none."""
    key = note_of_said(error.said).key
    return key if key.partition(".")[0] in GROUPS else ""


def group_of(error: DigicarbonError) -> str:
    """Return the config group whose option an error is about, if it is not about a field of the group."""
    note = note_of_said(error.said)
    # a note may have an option as its key, e.g. "measure=none"
    group = note.key.partition("=")[0] or str(dict(first_of(note).fields).get("group", ""))
    return group if group in GROUPS and not key_of(error) else ""


def at(error: E, where: str, key: str = "") -> E:
    """Return the same error at a place: the file, or the command line.

    ``key``: the wrong key if it is not the error's own key, e.g. the key that supplies the value.
    """
    note = note_of_said(error.said)
    return error.anew(with_key(note, key) if key else note, where)


def under(error: E, key: str) -> E:
    """Return the same error with a key before it, unless it has one or ``key`` is empty."""
    named = not key or bool(key_of(error))
    return error.anew(error.said, error.where) if named else error.anew(Note("under_key", key=key, said=error))


def with_hint(error: E, hint: Note | str) -> E:
    """Return the same error followed by a hint, which begins with a blank."""
    return error.anew(Note("with_hint", first=note_of_said(error.said), hint=hint), error.where)


def with_file(error: E, file: str) -> E:
    """Return the same error with the name of its file, after its key if it has one, unless it names a file."""
    note = note_of_said(error.said)
    return error.anew(_in_file(note, file) if file else note, error.where)


def of_file(error: E, path: str) -> E:
    """Return the same error about the content of a file with the file's name, unless it already names a file.

    Weights are named by the stem of their file; the stem is replaced by the full name.
    """
    note, stem, name = note_of_said(error.said), PurePath(path).stem, PurePath(path).name
    if note.code == PLAIN:
        text = note["text"]
        if text.startswith(path):
            return error.anew(note, error.where)
        note = note_of(text.removeprefix(f"{stem}: "))
    fields = dict(note.fields)
    if "file" in fields:
        return error.anew(note, error.where)
    by_stem = next((field for field, value in fields.items() if value == stem), "")
    renamed = note.changed(**{by_stem: name}) if by_stem else Note("in_file", file=name, said=note)
    return error.anew(renamed, error.where)


def with_key(note: Note, key: str) -> Note:
    """Return a note with another key."""
    fields = dict(note.fields)
    first = fields.get("first")
    if "key" not in fields and isinstance(first, Note):
        return note.changed(first=with_key(first, key))
    return note.changed(key=key) if "key" in fields else note


def first_of(note: Note) -> Note:
    """Return the note at the beginning of a note, or the note itself."""
    first = dict(note.fields).get("first")
    return first_of(first) if isinstance(first, Note) else note


def rebased(note: Note, old: str, new: str) -> Note:
    """Return a note with another beginning of its keys and of those in nested notes, e.g. ``model.error_weights``."""

    def change(part: Note) -> Note:
        key = dict(part.fields).get("key", "")
        if key == old or str(key).startswith(f"{old}."):
            return part.changed(key=f"{new}{str(key).removeprefix(old)}")
        return part

    return note.with_parts(change)


def _in_file(note: Note, file: str) -> Note:
    fields = dict(note.fields)
    if note.code == "in_file":
        return note
    if not note.key:
        return Note("in_file", file=file, said=note)
    if note.code == "of_key":
        # a user's own sentence: "model.x: no number", "model.x=e: no number"
        head, colon, rest = note["text"].partition(": ")
        return note.changed(text=f"{head}: {file}: {rest}" if colon else note["text"])
    for name in ("first", "said"):
        part = fields.get(name)
        if isinstance(part, Note):
            return note.changed(**{name: _in_file(part, file)})
    return note.changed(in_file=Note("file_before", file=file))
