"""The language in which a command speaks: asked for, that of its experiment, or that of the system."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from os import environ
from typing import TYPE_CHECKING, Any

from digicarbon.errors import ConfigError, DigicarbonError
from digicarbon.note import Language, Note
from digicarbon.note.language import spoken

if TYPE_CHECKING:
    from pathlib import Path

FLAG = "--language"
LANGUAGES: tuple[Language, ...] = ("en", "zh")
_OVERRIDE = re.compile(rf"\+{{0,2}}report\.language=({'|'.join(LANGUAGES)})")
_KEY = "report.language"
_OF_TABLES = ("fit", "run", "report")
"""Verbs whose tables are in the language that is asked for."""
_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""Variables of the system, the strongest first."""


def of_system() -> Language:
    """Return Chinese if the first of `_VARIABLES` that is set begins with ``zh``, else English."""
    first = next(filter(None, map(environ.get, _VARIABLES)), "")
    return "zh" if first.lower().startswith("zh") else "en"


def asked(words: Sequence[str]) -> tuple[Language | None, list[str]]:
    """Return the language that the flag asks for, None without it, and the words without the flag.

    Raises ConfigError if it asks for another language, or for none.
    """
    language: Language | None = None
    rest: list[str] = []
    left = iter(words)
    for word in left:
        flag, equals, value = word.partition("=")
        if flag != FLAG:
            rest.append(word)
            continue
        given = value if equals else next(left, "")
        language = _known(given)
        if language is None:
            raise ConfigError(Note("line_language", flag=FLAG, choices=LANGUAGES, given=repr(given)))
    return language, rest


def of_tables(words: Sequence[str], asked: Language | None) -> list[str]:
    """Return the words of a command with the language of its tables, where nothing else in the words sets it.

    ``asked``: by the flag. The tables of ``fit`` have no experiment that sets a language: they are in that of the
    command.
    """
    if not words or words[0] not in _OF_TABLES or any(word.lstrip("+").startswith(f"{_KEY}=") for word in words):
        return list(words)
    language = asked or (spoken() if words[0] == "fit" and spoken() != LANGUAGES[0] else None)
    return list(words) if language is None else [*words, f"{_KEY}={language}"]


def of_experiment(words: Sequence[str]) -> Language | None:
    """Return the language of the tables that a command is about; None if it does not say.

    ``words``: the words after the verb: ``report.language=…``, or the first that names an experiment, whose file or one
    that it inherits sets it. A file that cannot be read says nothing here; the command itself refuses it.
    """
    for word in words:
        if match := _OVERRIDE.fullmatch(word):
            return _known(match[1])
    from digicarbon.cli.arguments import name_of
    from digicarbon.config.files import find

    for word in words:
        # a word may be longer than a path can be
        with suppress(OSError, ValueError):
            name = name_of(word)
            if not word.startswith("-") and "=" not in word and (path := find(name)) is not None:
                return _of_file(name, path, set())
    return None


def _of_file(name: str, path: Path, seen: set[str]) -> Language | None:
    from digicarbon.config.files import ConfigFile, find, read

    seen.add(name)
    try:
        file = ConfigFile(name, path, read(path))
    except DigicarbonError:
        return None
    if (language := _known(_set_in(file.content))) is not None:
        return language
    parents = [(parent, find(parent)) for parent in file.parents if parent not in seen]
    inherited = (_of_file(parent, there, seen) for parent, there in parents if there is not None)
    return next(filter(None, inherited), None)


def _set_in(content: Mapping[Any, Any]) -> object:
    report = content.get("report")
    return report.get("language") if isinstance(report, Mapping) else content.get("report.language")


def _known(value: object) -> Language | None:
    return next((language for language in LANGUAGES if language == value), None)
