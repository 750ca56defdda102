"""What an error is about: the dotted key that is wrong, and the same error at a place, under a key or in a file.

All of it is read from fields of the error's note:

- ``key``: a dotted key, e.g. ``outcome.base_year``, or a config group whose fields are at odds;
- ``group``: a config group whose option is wrong, e.g. ``source`` of ``source=mine has no table``;
- ``first``: the note that a longer one begins with, whose key is that of the whole;
- ``said``: what is said behind a key, into which the name of a file goes;
- ``in_file``: in words such as ``{key}={year}: {in_file:rest}no row lies there``, where that name goes otherwise.

A class of a user's own may raise a sentence. Here alone one is read (`note_of_said`).
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
"""The config groups, with which every dotted key begins."""
_SUFFIXES = frozenset(
    ("csv", "dta", "gal", "geojson", "gpkg", "gwt", "gz", "json", "parquet",
     "shp", "spmat", "tsv", "txt", "xls", "xlsx", "zip")
)  # fmt: skip
_KEY = re.compile(rf"(?:{'|'.join(GROUPS)})(?:(?:\.\w+)+(?=[\s:=,]|$)|(?=: ))")
_OPTION = re.compile(rf"(?:{'|'.join(GROUPS)})(?==)")


def note_of_said(said: object) -> Note:
    """Return what an error says as a note; of a sentence the key that it begins with is told apart.

    A sentence of a user's own that is to be placed begins with the dotted key (``model.x must …``), or with the option
    that is wrong (``source=mine has no …``).
    """
    if isinstance(said, Note):
        return said
    sentence = str(said)
    # a file may be called panel.csv
    if (found := _KEY.match(sentence)) and found[0].rpartition(".")[2].lower() not in _SUFFIXES:
        return Note("of_key", key=found[0], text=sentence[found.end() :])
    if found := _OPTION.match(sentence):
        return Note("of_option", group=found[0], text=sentence[found.end() :])
    return note_of(sentence)


def key_of(error: DigicarbonError) -> str:
    """Return the dotted key, or config group, that an error is about; an empty text where there is none."""
    key = note_of_said(error.said).key
    return key if key.partition(".")[0] in GROUPS else ""


def group_of(error: DigicarbonError) -> str:
    """Return the config group whose option an error is about, where it is about none of its fields."""
    note = note_of_said(error.said)
    # what needs something may be told as "measure=none"
    group = note.key.partition("=")[0] or str(dict(first_of(note).fields).get("group", ""))
    return group if group in GROUPS and not key_of(error) else ""


def at(error: E, where: str, key: str = "") -> E:
    """Return the same error at a place: the file, or the command line.

    Parameters
    ----------
    error : DigicarbonError
    where : str
    key : str
        That which is wrong, where it is another one than the error tells, e.g. that which hands over the value.
    """
    note = note_of_said(error.said)
    return error.anew(with_key(note, key) if key else note, where)


def under(error: E, key: str) -> E:
    """Return the same error with a key before it, unless it tells one; an empty key is none."""
    named = not key or bool(key_of(error))
    return error.anew(error.said, error.where) if named else error.anew(Note("under_key", key=key, said=error))


def with_hint(error: E, hint: Note | str) -> E:
    """Return the same error with more behind it, which begins with a blank."""
    return error.anew(Note("with_hint", first=note_of_said(error.said), hint=hint), error.where)


def with_file(error: E, file: str) -> E:
    """Return the same error with the name of the file that it is about, behind its key if it has one."""
    note = note_of_said(error.said)
    return error.anew(_in_file(note, file) if file else note, error.where)


def of_file(error: E, path: str) -> E:
    """Return the same error, about what a file holds, with the name of that file, unless it tells a file.

    Weights are called by the stem of their file; they are then called by its name.
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
    other = note.changed(**{by_stem: name}) if by_stem else Note("in_file", file=name, said=note)
    return error.anew(other, error.where)


def with_key(note: Note, key: str) -> Note:
    """Return a note that tells another key."""
    fields = dict(note.fields)
    first = fields.get("first")
    if "key" not in fields and isinstance(first, Note):
        return note.changed(first=with_key(first, key))
    return note.changed(key=key) if "key" in fields else note


def first_of(note: Note) -> Note:
    """Return the note that a note begins with, or the note itself."""
    first = dict(note.fields).get("first")
    return first_of(first) if isinstance(first, Note) else note


def rebased(note: Note, old: str, new: str) -> Note:
    """Return a note whose keys, and those of the notes in it, begin with another one, e.g. ``model.error_weights``."""

    def change(part: Note) -> Note:
        key = dict(part.fields).get("key", "")
        if key == old or str(key).startswith(f"{old}."):
            return part.changed(key=f"{new}{str(key).removeprefix(old)}")
        return part

    return note.with_parts(change)


def _in_file(note: Note, file: str) -> Note:
    fields = dict(note.fields)
    if not note.key:
        return Note("in_file", file=file, said=note)
    if note.code == "of_key":
        # a user's own: "model.x: no number", "model.x=e: no number"
        head, colon, rest = note["text"].partition(": ")
        return note.changed(text=f"{head}: {file}: {rest}" if colon else note["text"])
    for name in ("first", "said"):
        part = fields.get(name)
        if isinstance(part, Note):
            return note.changed(**{name: _in_file(part, file)})
    return note.changed(in_file=Note("file_before", file=file))
