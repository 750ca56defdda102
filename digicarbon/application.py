"""digicarbon as a Hydra application: Hydra reads the command line, our engine expands and runs it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from digicarbon.errors import ConfigError

_ACTIVE: list[bool] = []
_MAPPING = re.compile(r"\w+(\.\w+)+=\s*\{.*\}\s*", re.DOTALL)
_OURS = ("hydra/sweeper", "hydra/launcher", "hydra.mode", "hydra.sweep", "hydra.run", "hydra.output_subdir")


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


def run(command: Callable[[Any], None], experiment: str, arguments: Sequence[str]) -> None:
    """Let Hydra read the command line and hand it to a command.

    Parameters
    ----------
    command : callable
        Takes a `digicarbon.command.Request`.
    experiment : str
    arguments : sequence of str
        Flags and overrides in Hydra's grammar.

    Raises
    ------
    ConfigError
        If the experiment or an override is wrong.
    """
    from digicarbon.command import Request
    from digicarbon.compose import Composer, loader

    if not arguments:
        # there is nothing for Hydra to read, and it would compose the experiment twice before it hands it over
        command(Request(loader(), experiment, ()))
        return
    import hydra
    from hydra.errors import OverrideParseException

    from digicarbon.expand import laid_over, read_overrides
    from digicarbon.explain import COMPOSITION_ERRORS, explain, is_unknown_key
    from digicarbon.files import lineage

    for argument in arguments:
        if argument.lstrip("+~").startswith(_OURS):
            raise ConfigError(_keep_engine(argument))
    lineage(experiment)
    # a mapping that is given as a whole may have names that the option has not; Hydra adds them with plus signs only
    arguments = [f"++{word}" if _MAPPING.fullmatch(word) else word for word in arguments]
    try:
        with active(), _command_line(arguments):
            hydra.main(config_path=None, config_name=experiment, version_base="1.3")(_task(command))()
    except COMPOSITION_ERRORS as error:
        overrides = [argument for argument in arguments if "=" in argument and not argument.startswith("-")]
        if isinstance(error, OverrideParseException):
            raise explain(error, experiment, Composer(loader(), experiment)) from error
        plain, axes = read_overrides(overrides, loader())
        laid = laid_over(plain, axes)
        if not laid or not is_unknown_key(error):
            raise explain(error, experiment, Composer(loader(), experiment, plain)) from error
        arguments = [laid.get(argument, argument) for argument in arguments]
    else:
        return
    # outside the handler, so that an error of the second attempt does not drag the first along
    run(command, experiment, arguments)


@contextmanager
def _command_line(arguments: Sequence[str]) -> Iterator[None]:
    """Give Hydra its arguments, and have it raise errors instead of printing them."""
    before, full = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv = [before[0] if before else "digicarbon", *arguments]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        sys.argv = before
        if full is None:
            del os.environ["HYDRA_FULL_ERROR"]


def _task(command: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return the function that Hydra hands to our sweeper, which calls it once with the whole request."""
    from digicarbon.command import Request

    def engine(request: Any) -> None:
        if not isinstance(request, Request):
            raise ConfigError(_keep_engine("the configuration"))
        command(request)

    return engine


def _keep_engine(what: str) -> str:
    return (
        f"{what} changes Hydra's mode, sweeper, launcher or folders; leave them as they are: digicarbon expands and "
        "runs every sweep itself (choose executor=… for the backend)."
    )


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
