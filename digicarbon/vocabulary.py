"""What ``digicarbon list`` says of options: each field with its default, what it takes and what it means."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len

from digicarbon.describe import Field, Option, as_yaml, find_option, options
from digicarbon.errors import ConfigError
from digicarbon.files import shown

WIDTH = 80
"""Columns of a terminal that is not made larger."""
LONGEST_VALUE = 160
"""A longer default is counted instead of shown; it stands in the option's file."""


def told(group: str, option: str = "") -> str:
    """Return the fields of an option, or of all options of a group, as text of `WIDTH` columns.

    Raises
    ------
    ConfigError
        If there is no such option, or the option's file or class is wrong.
    """
    chosen = [find_option(group, option)] if option else options(group)
    return "\n\n".join("\n".join(_option(one, alone=bool(option))) for one in chosen) + "\n"


def _option(option: Option, alone: bool) -> Iterator[str]:
    yield from _wrapped(f"{option.name}: {option.headline}" if option.headline else option.name, "", "    ")
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
    """Yield lines of at most `WIDTH` columns, Chinese letters taking two; a longer word has its own line."""
    line, empty = first, True
    for word in text.split():
        if not empty and cell_len(line) + 1 + cell_len(word) > WIDTH:
            yield line
            line, empty = rest, True
        line += word if empty else f" {word}"
        empty = False
    yield line
