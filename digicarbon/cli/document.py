"""A command's answer as one JSON document on standard output: `docs/commands.md` says what its fields are."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any

from digicarbon.config.written import as_written
from digicarbon.errors import COMMAND_LINE, ConfigError, DigicarbonError
from digicarbon.note import Note, Value, note_of
from digicarbon.note.about import GROUPS, first_of
from digicarbon.note.language import said
from digicarbon.secret import hidden, mapped

FLAG = "--json"
SCHEMA = "digicarbon/1"
"""The version of the fields; a field that goes, or means something else, changes it, and a new one does not."""
_WITHIN = {
    "placed": "said",
    "in_file": "said",
    "under_key": "said",
    "with_hint": "first",
    "choice_cannot_run": "why",
    "experiment_cannot_run": "why",
}
"""Codes of notes that add a place or a hint to another one, and the field that has it."""
_SHOWING = ("-c", "--cfg", "-i", "--info", "-sc", "--shell-completion", "--hydra-help")
"""Flags of Hydra that print something else in place of the answer."""
_OPEN: list[Document] = []


class Document:
    """The answer of a verb.

    ``verb``: its name.
    """

    def __init__(self, verb: str) -> None:
        self._notes: list[dict[str, Any]] = []
        self._fields: dict[str, Any] = {"schema": SCHEMA, "verb": verb, "status": 0, "errors": [], "notes": self._notes}

    def add(self, **fields: Any) -> None:
        """Add fields of the verb's own."""
        self._fields |= fields

    def begin(self, name: str, **fields: Any) -> dict[str, Any]:
        """Begin an experiment, to which the notes that follow belong, and return its fields, which may become more."""
        self._notes = []
        experiment = {"name": name, **fields, "notes": self._notes}
        self._fields.setdefault("experiments", []).append(experiment)
        return experiment

    def note(self, note: Note) -> None:
        """Add a note."""
        self._notes += records(note)

    def refuse(self, error: Note | DigicarbonError) -> None:
        """Add an error."""
        self._fields["errors"] += records(error)

    def refuse_flags(self, words: Sequence[str]) -> None:
        """Raise a ConfigError if words have a flag of Hydra that prints something else."""
        if flag := next((word for word in words if word.partition("=")[0] in _SHOWING), ""):
            raise ConfigError(Note("json_alone", flag=flag))

    def fields(self, status: int) -> dict[str, Any]:
        """Return all fields without secrets; ``status``: the exit status."""
        result: dict[str, Any] = mapped(self._fields | {"status": status}, hidden)
        return result


def current() -> Document | None:
    """Return the document that this command writes; None if it prints sentences."""
    return _OPEN[-1] if _OPEN else None


@contextmanager
def opened(verb: str) -> Iterator[Document]:
    """Collect the answer of a verb; what code prints meanwhile goes to standard error."""
    _OPEN.append(Document(verb))
    try:
        with redirect_stdout(sys.stderr):
            yield _OPEN[-1]
    finally:
        _OPEN.pop()


def written(fields: Mapping[str, Any]) -> bool:
    """Write fields as JSON to standard output and return whether its reader was there."""
    # an output of another encoding gets escapes, which say the same
    is_ascii = (sys.stdout.encoding or "").lower() not in ("utf-8", "utf8")
    try:
        sys.stdout.write(f"{json.dumps(fields, indent=1, ensure_ascii=is_ascii, allow_nan=False, default=str)}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # what is still in the buffer must not fail again when the process ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def records(what: Note | DigicarbonError) -> list[dict[str, Any]]:
    """Return a note or an error, or each line of one that has several, as its code, words, file and key."""
    note = note_of(what)
    return [one for line in note["lines"] for one in records(line)] if note.code == "lines" else [_record(note)]


def _record(note: Note) -> dict[str, Any]:
    inner: Value = note
    file = key = ""
    while isinstance(inner, Note):
        last, fields = inner, dict(inner.fields)
        own_file, own_key = _place(fields.get("where", ""))
        file = file or own_file or str(fields.get("file", ""))
        key = key or inner.key or own_key
        inner = fields.get(_WITHIN.get(inner.code, ""), "")
    first = first_of(last)
    group = dict(first.fields).get("group", "")
    key = key or (str(group) if group in GROUPS else "")
    return {"code": first.code, "text": said(as_written(note)).strip(), "file": file or None, "key": key or None}


def _place(where: object) -> tuple[str, str]:
    """Return the file of a place and the key in it."""
    if isinstance(where, Note):
        return COMMAND_LINE, str(dict(where.fields).get("key", ""))
    file, _, key = str(where).partition(", ")
    return file, key
