"""The folder to which a command is confined: files elsewhere, other machines and the user's own code are refused.

A command that somebody types may read any file. One that a program asks for, e.g. an assistant, is confined by
`confined`; `digicarbon.spec` and `digicarbon.config.files` then ask before they use what they read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from digicarbon import pack
from digicarbon.errors import ConfigError
from digicarbon.note import Note

_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]+)://(?P<rest>[^\s?]*)\S*")
_ON_DISK = ("sqlite", "file")
"""Schemes of addresses that are files."""
_SHIPPED = Path(__file__).resolve().parent


@dataclass(frozen=True)
class _Rule:
    folder: Path
    own_code: bool


_RULES: list[_Rule] = []


@contextmanager
def confined(folder: Path, own_code: bool = False) -> Iterator[None]:
    """Confine this process to a folder in a block; ``own_code``: whether classes of the user's own are allowed."""
    _RULES.append(_Rule(folder.resolve(), own_code))
    try:
        yield
    finally:
        _RULES.pop()


def refuse_code(target: str, key: str) -> None:
    """Raise a ConfigError if a class is of the user's own and such code is not allowed; ``key``: that names it."""
    if _RULES and not _RULES[-1].own_code and not target.startswith("digicarbon.") and not pack.from_elsewhere(target):
        raise ConfigError(Note("confined_code", key=key, target=target))


def refuse_reach(key: str) -> None:
    """Raise a ConfigError if values of a key that reach another machine, or are its commands, are not allowed."""
    if _RULES and not _RULES[-1].own_code:
        raise ConfigError(Note("confined_reach", key=key))


def refuse_places(value: Any, key: str) -> None:
    """Raise a ConfigError if a plain value, or one within it, is a file elsewhere or an address of another machine."""
    if not _RULES:
        return
    if isinstance(value, Mapping):
        for name, item in value.items():
            refuse_places(item, f"{key}.{name}")
    elif isinstance(value, list | tuple):
        for item in value:
            refuse_places(item, key)
    elif isinstance(value, str) and _is_elsewhere(value, _RULES[-1].folder):
        raise ConfigError(Note("confined_place", key=key, place=value, folder=_RULES[-1].folder))


def refuse_file(path: Path, others: Callable[[], Sequence[Path]]) -> None:
    """Raise a ConfigError if a file is not in the folder, nor in one of ``others``."""
    if _RULES and not any(path.resolve().is_relative_to(one) for one in (_RULES[-1].folder, *others())):
        raise ConfigError(Note("confined_file", place=path, folder=_RULES[-1].folder))


def _is_elsewhere(text: str, folder: Path) -> bool:
    if match := _ADDRESS.fullmatch(text):
        if match["scheme"].partition("+")[0] not in _ON_DISK:
            return True
        text = match["rest"].removeprefix("/") if match["scheme"] != "file" else match["rest"]
    # a text may be no path at all, e.g. a formula, or longer than one can be
    with suppress(OSError, ValueError):
        path = Path(text)
        if text.startswith("~/"):
            path = path.expanduser()
        place = (folder / path).resolve()
        is_path = (path.is_absolute() and len(text) > 1) or ".." in path.parts or place.exists()
        return is_path and not any(place.is_relative_to(one) for one in (folder, _SHIPPED))
    return False
