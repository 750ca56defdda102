"""Checks of the words of a pack: tables that are read as they were meant, and words for every note of its code."""

from __future__ import annotations

import ast
import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from io import StringIO

from digicarbon import pack
from digicarbon.data import command_words, error_words, note_words
from digicarbon.errors import ConfigError
from digicarbon.note import PLAIN, Note, suggestion
from digicarbon.note._words import BETWEEN, CALLED, CHOICES, ONE, Either, Field, pieces_of

KINDS = {
    "variable": "terms", "parameter": "terms", "word": "words", "unit": "units", "choice": "choices",
    "option": "options", "column": "columns",
}  # fmt: skip
"""The kinds of rows of ``labels.csv``, and which of them are looked up together."""
_HEADS = {
    "labels": ("term", "kind", "en", "zh"),
    "notes": ("code", "en", "zh"),
    "brief": ("code", "en", "zh"),
    "errors": ("code", "en", "zh"),
    "commands": ("code", "en", "zh"),
    "page": ("code", "en", "zh"),
}
_KINDS_OF_FIELDS = {*BETWEEN, *CALLED, *CHOICES, *ONE}


@dataclass(frozen=True)
class _Row:
    """A row of a table of words: its place, the names that no other row may have, and its cells by column."""

    place: str
    line: int
    names: tuple[str, str]
    cells: Mapping[str, str]


def check_words(package: str, code: bool = True) -> None:
    """Raise an error if words of a pack are not read as they were meant; for the tests of a pack.

    Parameters
    ----------
    package : str
        The package of an installed pack, e.g. ``gravity``.
    code : bool
        Whether to look at its modules, too: each ``Note("code", …)`` in them must have words, and all of their fields.

    Raises
    ------
    ConfigError
        With a line for each row and each note that is wrong.
    """
    wrong = [*_wrong_rows(package), *(_wrong_notes(package) if code else ())]
    if wrong:
        about = Note("pack_words_wrong", pack=package, distribution=pack.distribution(package))
        raise ConfigError(Note("lines", lines=[about, *wrong]))


def check_packs() -> None:
    """Raise an error as `check_words` does if a table of words of another distribution's pack is wrong.

    Raises ConfigError.
    """
    for package in pack.distributions():
        check_words(package, code=False)


def _wrong_rows(package: str) -> Iterator[Note]:
    owners = [owner for owner in (*pack.packs(), "digicarbon") if owner != package]
    taken = {row.names: pack.named(owner) for owner in owners for row in _rows(owner)}
    for file in sorted((pack.folder(package) / "words").glob("*.csv")):
        if file.stem not in _HEADS:
            yield Note("pack_words_unknown_table", file=f"words/{file.name}", tables=[f"{one}.csv" for one in _HEADS])
            continue
        lines = list(csv.reader(StringIO(file.read_text(encoding="utf-8"))))
        if tuple(lines[0] if lines else ()) != _HEADS[file.stem]:
            yield Note("pack_words_head", file=f"words/{file.name}", head=",".join(_HEADS[file.stem]))
            continue
        for row in _rows_of(f"words/{file.name}", file.stem, lines):
            if isinstance(row, Note):
                yield row
                continue
            if row.names in taken:
                yield Note("pack_words_taken", **_at(row), name=row.names[1], by=taken[row.names])
            taken.setdefault(row.names, pack.named(package))
            yield from _wrong_words(row)


def _rows(owner: str) -> Iterator[_Row]:
    """Yield the rows of the core, or of a pack, without those that are wrong."""
    for table in _HEADS:
        name = f"{table}.csv"
        file = files("digicarbon.data") / name if owner == "digicarbon" else pack.folder(owner) / "words" / name
        if file.is_file():
            lines = list(csv.reader(StringIO(file.read_text(encoding="utf-8"))))
            yield from (row for row in _rows_of(name, table, lines) if not isinstance(row, Note))


def _rows_of(place: str, table: str, lines: Sequence[Sequence[str]]) -> Iterator[_Row | Note]:
    """Yield each row of a table, or what is wrong with its cells."""
    head = _HEADS[table]
    for number, line in enumerate(lines[1:], start=2):
        if not line:
            continue
        here = {"file": place, "row": number}
        cells = dict(zip(head, line, strict=False))
        if len(line) != len(head) or not all(cells.values()):
            yield Note("pack_words_ragged", **here, first=line[0], cells=len(list(filter(None, line))), head=head)
        elif table == "labels" and cells["kind"] not in KINDS:
            hint = suggestion(cells["kind"], KINDS)
            yield Note("pack_words_kind", **here, first=line[0], kind=cells["kind"], hint=hint, kinds=tuple(KINDS))
        else:
            of = KINDS[cells["kind"]] if table == "labels" else table if table in ("brief", "page") else "codes"
            yield _Row(place, number, (of, line[0]), cells)


def _at(row: _Row) -> dict[str, object]:
    return {"file": row.place, "row": row.line}


def _wrong_words(row: _Row) -> Iterator[Note]:
    """Yield what is wrong with the fields of a row's words."""
    fields = {language: _fields(row.cells[language]) for language in ("en", "zh")}
    if alone := sorted({*fields["en"]} ^ {*fields["zh"]}):
        yield Note("pack_words_one_language", **_at(row), name=row.names[1], fields=alone)
    if row.names[0] in ("brief", "codes"):
        kinds = {kind for own in fields.values() for kind in own.values() if kind not in _KINDS_OF_FIELDS}
        for kind in sorted(kind for kind in kinds if not _is_format(kind)):
            hint = suggestion(kind, _KINDS_OF_FIELDS)
            yield Note("pack_words_format", **_at(row), name=row.names[1], kind=kind, hint=hint)


def _fields(text: str) -> dict[str, str]:
    """Return the kind of each field of a template by its name."""
    found: dict[str, str] = {}
    for piece in pieces_of(text):
        if isinstance(piece, Field):
            found[piece.name] = piece.kind or found.get(piece.name, "")
        elif isinstance(piece, Either):
            found.setdefault(piece.by, "")
    return found


def _is_format(kind: str) -> bool:
    """Return whether Python can write a number so."""
    for number in (1, 1.0):
        with suppress(ValueError):
            return bool(format(number, kind))
    return False


def _wrong_notes(package: str) -> Iterator[Note]:
    """Yield the notes of a pack's modules that have no words, or lack a field of these."""
    known = {**command_words(), **error_words(), **note_words()}
    folder = pack.folder(package)
    for file in sorted(folder.rglob("*.py")):
        place = file.relative_to(folder).as_posix()
        for node in ast.walk(ast.parse(file.read_bytes())):
            if not (isinstance(node, ast.Call) and _name(node.func) == "Note" and node.args):
                continue
            first = node.args[0]
            if not isinstance(first, ast.Constant) or first.value == PLAIN:
                continue
            here = {"file": place, "row": node.lineno, "code": str(first.value)}
            if first.value not in known:
                yield Note("pack_note_without_words", **here, hint=suggestion(str(first.value), known))
            elif all(keyword.arg for keyword in node.keywords):
                wanted = {*_fields(known[first.value]["en"])}
                if lacking := sorted(wanted - {keyword.arg for keyword in node.keywords}):
                    yield Note("pack_note_without_fields", **here, fields=lacking)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
