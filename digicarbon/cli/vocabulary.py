"""The output of ``digicarbon list``: an option's fields with defaults and meanings, and the parts of an experiment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hydra.core.config_loader import ConfigLoader
from rich.cells import cell_len

from digicarbon.cli.arguments import name_of
from digicarbon.cli.document import records
from digicarbon.config.compose import Composer
from digicarbon.config.describe import Field, Option, as_yaml, find_option, options
from digicarbon.config.files import GROUPS, ROOT, find, headline, replaced, shown
from digicarbon.config.missing import no_experiment
from digicarbon.errors import ConfigError, listing

WIDTH = 80
"""Columns of a usual terminal."""
LONGEST_VALUE = 160
"""Of a longer default only the length is shown; its value is in the option's file."""


def told(group: str, option: str = "") -> str:
    """Return the fields of an option, or of all options of a group, as text of `WIDTH` columns.

    Raises ConfigError if there is no such option, or the option's file or class is wrong.
    """
    chosen = [find_option(group, option)] if option else options(group)
    return "\n\n".join("\n".join(_option(one, alone=bool(option))) for one in chosen) + "\n"


def plain(config_loader: ConfigLoader, group: str, option: str = "") -> dict[str, Any]:
    """Return for a document what `told` and `experiment` say; the group ``experiments`` needs an option.

    Raises ConfigError as they do.
    """
    if group == "experiments":
        return {"experiment": _experiment_fields(_composer(config_loader, option))}
    chosen = [find_option(group, option)] if option else options(group)
    return {"group": group, "options": [_option_fields(one, alone=bool(option)) for one in chosen]}


def _option_fields(option: Option, alone: bool) -> dict[str, Any]:
    result: dict[str, Any] = {"name": option.name, "text": option.line, "file": shown(option.path)}
    try:
        every = option.fields
    except ConfigError as error:
        if alone:
            raise
        return result | {"errors": records(error)}
    defaults = [(field, option.default(field)) for field in every]
    return result | {
        "class": f"{option.spec.__module__}.{option.spec.__name__}",
        "fields": [
            {
                "name": field.name,
                "required": value == "???",
                "default": None if value == "???" else value,
                "allowed": field.allowed,
                "meaning": field.meaning.replace("``", ""),
            }
            for field, value in defaults
        ],
    }


def _experiment_fields(composer: Composer) -> dict[str, Any]:
    file, *inherited = composer.files
    return {
        "name": composer.name,
        "text": headline(file.path),
        "file": file.shown,
        "inherits": [parent.name for parent in inherited],
        "chooses": _chosen(composer),
        "sets": {f"{group}.{key}": value for group, key, value in _fields_of(composer)},
        **composer.sweep_keys(),
    }


MOST_COLUMNS = 20
"""Largest number of columns of an experiment that are shown."""


def experiment(config_loader: ConfigLoader, name: str) -> str:
    """Return the description of an experiment: its title, what it inherits, chooses and sets, its columns and sweeps.

    Raises ConfigError if there is no such experiment, or its file or an inherited one is wrong.
    """
    return "\n".join(_experiment(_composer(config_loader, name))) + "\n"


def _composer(config_loader: ConfigLoader, name: str) -> Composer:
    composer = Composer(config_loader, name_of(name))
    if not composer.files:
        raise no_experiment(composer.name, composer.options(""))
    return composer


def _chosen(composer: Composer) -> dict[str, str]:
    """Return the options that differ from those of the default sentence."""
    usual = Composer(composer.loader, ROOT).chosen
    return {group: composer.chosen[group] for group in GROUPS if composer.chosen[group] != usual[group]}


def _experiment(composer: Composer) -> Iterator[str]:
    file, *inherited = composer.files
    first = headline(file.path)
    yield from _wrapped(f"{composer.name}: {first}" if first else composer.name, "", "    ")
    chain = " > ".join(parent.name for parent in inherited)
    yield from _wrapped(f"{file.shown}{f', inherits {chain}' if chain else ''}", "  ", "  ")
    keys = composer.sweep_keys()
    if keys["title"] and keys["title"] != f"{composer.name}: {first}":
        yield from _wrapped(f"title: {keys['title']}", "  ", "      ")
    if chosen := _chosen(composer):
        yield from _wrapped(f"chooses {_choices(chosen)}", "  ", "      ")
    if set_here := {f"{group}.{key}": value for group, key, value in _fields_of(composer)}:
        yield from _wrapped(f"sets {_choices(set_here)}", "  ", "      ")
    columns = keys["columns"] or {}
    for number, (label, choices) in enumerate(columns.items()):
        if number == MOST_COLUMNS:
            yield f"  … and {len(columns) - MOST_COLUMNS} more columns"
            break
        yield from _wrapped(f"column {label}: {_choices(choices)}".rstrip(": "), "  ", "      ")
    for key in ("grid", "zip"):
        for axis, values in (keys[key] or {}).items():
            yield from _wrapped(f"{key} {axis}: {_short(values)}", "  ", "      ")
    for key in ("exclude", "draw", "kinds", "claim", "instead"):
        if keys[key]:
            yield from _wrapped(f"{key}: {_short(keys[key])}", "  ", "      ")
    for one in composer.files:
        if names := replaced(one.content.get("replace"), one.shown):
            behind = "" if one is file else f" (in {one.shown})"
            yield from _wrapped(f"replaces the inherited {listing(names)}{behind}", "  ", "      ")
    for other in keys["experiments"] or ():
        path = find(str(other))
        yield from _wrapped(f"runs {other}: {'' if path is None else headline(path)}".rstrip(": "), "  ", "      ")


def _fields_of(composer: Composer) -> Iterator[tuple[str, str, Any]]:
    """Yield the fields that the bodies of an experiment's files set, those of the experiment's own file last."""
    for file in reversed(composer.files):
        for group in GROUPS:
            node = file.content.get(group) if file.name != ROOT else None
            for key, value in (node or {}).items():
                yield group, str(key), value


def _choices(choices: Any) -> str:
    if not isinstance(choices, dict):
        return _short(choices)
    return " ".join(f"{key}={_short(value)}" for key, value in choices.items())


def _short(value: Any) -> str:
    text = as_yaml(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]} …"


def _option(option: Option, alone: bool) -> Iterator[str]:
    yield from _wrapped(f"{option.name}: {option.line}" if option.line else option.name, "", "    ")
    try:
        fields = option.fields
    except ConfigError as error:
        if alone:
            raise
        yield from _wrapped(str(error), "  ", "  ")
        return
    yield from _wrapped(f"{option.spec.__module__}.{option.spec.__name__}, {shown(option.path)}", "  ", "  ")
    for field in fields:
        yield from _field(option, field)


def _field(option: Option, field: Field) -> Iterator[str]:
    yield from _wrapped(f"{field.name}: {_default(option, field)}", "  ", "      ")
    yield from _wrapped(field.allowed, "      ", "      ")
    if field.meaning:
        yield from _wrapped(field.meaning.replace("``", ""), "      ", "      ")


def _default(option: Option, field: Field) -> str:
    value = option.default(field)
    if value == "???":
        return "??? (must be given)"
    text = as_yaml(value)
    if len(text) <= LONGEST_VALUE:
        return text
    return f"{len(value)} {'entries' if isinstance(value, dict) else 'items'}, see {shown(option.path)}"


def _wrapped(text: str, first: str, rest: str) -> Iterator[str]:
    """Yield lines of at most `WIDTH` columns, Chinese letters counting as two; a longer word gets its own line."""
    line, empty = first, True
    for word in text.split():
        if not empty and cell_len(line) + 1 + cell_len(word) > WIDTH:
            yield line
            line, empty = rest, True
        line += word if empty else f" {word}"
        empty = False
    yield line
