"""A command of the server: words on the command line, its answer as a JSON document on standard output."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from digicarbon.__main__ import main as digicarbon
from digicarbon.cli import document
from digicarbon.cli.arguments import name_of
from digicarbon.cli.document import Document
from digicarbon.cli.language import of_system
from digicarbon.config.files import ROOT
from digicarbon.confined import confined, refuse_places
from digicarbon.errors import ConfigError, DigicarbonError
from digicarbon.note import Note
from digicarbon.note.ending import Caught
from digicarbon.note.language import speaking

OWN_CODE = "--own-code"


def answer(verb: str, words: Sequence[str], folder: Path, own_code: bool) -> Mapping[str, object]:
    """Return the document of a verb, confined to a folder, which is the working directory.

    ``verb``: one of the command line, ``schema`` of an option, or ``table``. ``own_code``: whether classes of the
    user's own are allowed.
    """
    with (
        speaking(of_system()),
        confined(folder, own_code),
        document.opened(verb) as made,
        redirect_stdout(StringIO()) as printed,
    ):
        status = 70
        with Caught() as caught:
            status = _answered(made, verb, words)
        if caught.note is not None:
            made.refuse(Note("unforeseen", error=caught.note))
        if printed.getvalue():
            made.add(text=printed.getvalue())
        return made.fields(status)


def _answered(made: Document, verb: str, words: Sequence[str]) -> int:
    try:
        for word in words:
            _refuse_word(word)
        if verb not in OWN:
            return digicarbon([verb, *words])
        OWN[verb](made, *words)
    except DigicarbonError as error:
        made.refuse(error)
        return 2
    return 0


def _refuse_word(word: str) -> None:
    """Raise a ConfigError for a flag, a setting of Hydra, and a place outside of the folder."""
    if word.startswith("-") or word.lstrip("+~").startswith("hydra"):
        raise ConfigError(Note("mcp_word", word=word))
    key, _, value = word.rpartition("=")
    refuse_places(value, key or word)


def _table(made: Document, name: str = "") -> None:
    """Add the tables of the newest recorded sweep of an experiment, or of each one that it lists."""
    from digicarbon import page, recorded
    from digicarbon.page.words import Words

    for own, tracking in recorded.members(name_of(name) or ROOT, ()):
        sweep = recorded.sweep(tracking, own)
        report = recorded.report_of(sweep)
        one = page.section(sweep, own, report, False, Words(report.language or "en"))
        shown = None if one.table is None else one.table.with_notes().to_markdown()
        made.begin(own, title=one.title, table=shown, answer=[*one.answer, *one.count], sweep=sweep.parent_id)
        for note in (*sweep.statements.values(), *([one.complaint] if one.complaint else [])):
            made.note(note)


def _schema(made: Document, group: str, option: str) -> None:
    from digicarbon.cli import schema

    made.add(json_schema=schema.of_option(group, option))


OWN: Mapping[str, Callable[..., None]] = {"table": _table, "schema": _schema}
"""Verbs that the command line has in another form."""


def main() -> int:
    """Write the document of the words of the command line and return whether it was written."""
    words = sys.argv[1:]
    own_code = words[0] == OWN_CODE
    verb, *words = words[own_code:]
    return 0 if document.written(answer(verb, words, Path.cwd(), own_code)) else 1


if __name__ == "__main__":
    sys.exit(main())
