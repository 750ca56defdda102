"""digicarbon as a Hydra application: Hydra reads the command line, our engine expands and runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from digicarbon.errors import ConfigError

_ACTIVE: list[bool] = []


@contextmanager
def active() -> Iterator[None]:
    """Mark that our command is running; our Hydra plugins do nothing in other Hydra applications."""
    _ACTIVE.append(True)
    try:
        yield
    finally:
        _ACTIVE.pop()


def is_active() -> bool:
    """Return whether our command is running."""
    return bool(_ACTIVE)


def task(command: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return the function that Hydra hands to our sweeper, which calls it once with the whole request."""
    from digicarbon.command import Request

    def engine(request: Any) -> None:
        if not isinstance(request, Request):
            raise ConfigError(
                "hydra.mode, hydra/sweeper or hydra/launcher was overridden; leave them as they are: digicarbon expands "
                "and runs every sweep itself (choose executor=… for the backend)."
            )
        command(request)

    return engine


def completion_line(line: str, verbs: Sequence[str]) -> str:
    """Return a command line to be completed without our verb and experiment, which Hydra does not know."""
    words = line.split(" ")
    kept = [words[0]]
    rest = words[1:]
    if rest and rest[0] in verbs and len(rest) > 1:
        rest = rest[1:]
        if len(rest) > 1 and "=" not in rest[0] and not rest[0].startswith("-"):
            rest = rest[1:]
    return " ".join([*kept, *rest])
