"""digicarbon as a Hydra application: Hydra reads the command line, our engine expands and runs it."""

from __future__ import annotations

import io
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from typing import Any

from digicarbon.config import flat, former, settings
from digicarbon.config.files import GROUPS, SWEEP_KEYS, find
from digicarbon.config.written import on_the_command_line
from digicarbon.errors import COMMAND_LINE, ConfigError
from digicarbon.note import Note, cut, suggestion
from digicarbon.secret import hidden, learn, mapped

_ACTIVE: list[bool] = []
_MODE = "get_mode"
"""The method of Hydra that reads ``hydra.mode`` from a configuration; no file and no command may change the mode."""
_WITH_NONE = ("measure", "outcome", "model", "diagnostic")
"""Groups that have the option ``none``."""
_MAPPING = re.compile(rf"(?:\w+(\.\w+)+|{'|'.join(SWEEP_KEYS)})=\s*\{{.*\}}\s*", re.DOTALL)
_SHOWING = frozenset({"--cfg", "-c", "--info", "-i"})
"""Flags of Hydra that print a configuration or parts of it."""
_OF_HYDRA = ("-", "hydra", "+hydra", "++hydra")
"""What flags and settings of Hydra's own begin with."""
_SWEEPS = ("-m", "--multirun")
"""Flags of Hydra for a sweep, which every command here takes without them."""
_NUMBER = re.compile(r"\s*[-+]?(?:(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:e[-+]?\d+)?|nan|inf)\s*", re.IGNORECASE)
_NO_NAME = re.compile(rf"\s*(?:[\[{{].*|null|true|false)\s*|{_NUMBER.pattern}", re.DOTALL | re.IGNORECASE)
"""A value that cannot be the name of an option."""


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
    """Let Hydra read the command line and pass it to a command.

    ``command``: takes a `digicarbon.cli.command.Request`. ``arguments``: flags and overrides: those in Hydra's grammar,
    and those of `digicarbon.config.compose.column_taken_away`. Raises ConfigError if the experiment or an override is
    wrong.
    """
    from digicarbon.cli.command import Request, warn
    from digicarbon.config.compose import Composer, column_taken_away, loader, replacing

    for note in former.remarks({word.partition("=")[0].lstrip("+~") for word in arguments}, COMMAND_LINE):
        warn(note)
    on_the_command_line(arguments)
    arguments = flat.overrides(list(map(former.current, arguments)))
    if not arguments:
        # Hydra has nothing to read, and would compose the experiment twice
        command(Request(loader(), experiment, ()))
        return
    import hydra
    from hydra.errors import OverrideParseException

    from digicarbon.config.explain import COMPOSITION_ERRORS, explain, is_unknown_key
    from digicarbon.config.files import lineage
    from digicarbon.plan.expand import laid_over, read_overrides

    for argument in arguments:
        _refuse(argument)
    lineage(experiment)
    # a whole mapping may have names that the option lacks; Hydra adds them only with plus signs
    arguments = [f"++{word}" if _MAPPING.fullmatch(word) else word for word in arguments]
    # where Hydra itself shows the configuration, it would show these columns, and refuses the word
    taken_away = [] if _shows(arguments) else [word for word in arguments if column_taken_away(word)]
    arguments = [word for word in arguments if word not in taken_away]
    words = [word for argument in arguments for word in replacing(argument)]
    try:
        if any(word.startswith(_OF_HYDRA) and word not in _SWEEPS for word in arguments):
            task = _task(command, taken_away, [word for word in words if word not in arguments])
            _refuse_package(experiment, words)
            with active(), _command_line(words), _mode_is_known(), _no_secrets(experiment, words):
                hydra.main(config_path=None, config_name=experiment, version_base="1.3")(task)()
        else:
            # Hydra's application would compose what the command composes again, and set up a log that nobody reads
            config_loader = loader()
            overrides = [word for word in arguments if word not in _SWEEPS]
            plain, _ = read_overrides([part for word in overrides for part in replacing(word)], config_loader)
            Composer(config_loader, experiment).by_hydra(plain)
            command(Request(config_loader, experiment, [*overrides, *taken_away]))
    except COMPOSITION_ERRORS as error:
        overrides = [argument for argument in arguments if "=" in argument and not argument.startswith("-")]
        if isinstance(error, OverrideParseException):
            raise explain(error, experiment, Composer(loader(), experiment)) from error
        plain, axes = read_overrides(overrides, loader())
        laid = laid_over(plain, axes)
        if is_unknown_key(error):
            laid = Composer(loader(), experiment).of_classes(overrides, plain) | laid
        if not laid or not is_unknown_key(error):
            raise explain(error, experiment, Composer(loader(), experiment, plain)) from error
        arguments = [*(laid.get(argument, argument) for argument in arguments), *taken_away]
    else:
        return
    # outside the handler, so that an error of the second attempt does not include the first one
    run(command, experiment, arguments)


def _refuse_package(experiment: str, arguments: Sequence[str]) -> None:
    """Refuse to show a part of the configuration that does not exist."""
    if not {"--cfg", "-c"} & {word.partition("=")[0] for word in arguments}:
        return
    from hydra._internal.utils import get_args_parser
    from hydra.types import RunMode
    from omegaconf import OmegaConf

    from digicarbon.config.compose import loader

    options = get_args_parser().parse_args(list(arguments))
    if options.package in (None, "_global_"):
        return
    config = loader().load_configuration(experiment, options.overrides, run_mode=RunMode.RUN)
    keys = [str(key) for key in config if options.cfg != "job" or key != "hydra"]
    shown = OmegaConf.masked_copy(config, keys)
    if OmegaConf.select(shown, options.package) is None:
        hint = suggestion(options.package, keys)
        raise ConfigError(Note("line_no_package", package=options.package, hint=hint, parts=cut(keys, 30)))


@contextmanager
def _no_secrets(experiment: str, arguments: Sequence[str]) -> Iterator[None]:
    """Hide secrets in configurations that Hydra prints; environment variables stay interpolations there."""
    if not _shows(arguments):
        yield
        return
    from hydra._internal.utils import get_args_parser
    from hydra.types import RunMode
    from omegaconf import OmegaConf
    from omegaconf.resolvers import oc

    from digicarbon.config.compose import loader

    options = get_args_parser().parse_args(list(arguments))
    config = loader().load_configuration(experiment, options.overrides, run_mode=RunMode.RUN)
    mapped(OmegaConf.to_container(config), _learned)

    def interpolation(name: str, *default: str | None) -> str | None:
        # raises if there is neither a variable nor a default
        value = oc.env(name, *default)
        return f"${{oc.env:{name}}}" if name in os.environ else value

    output, log = io.StringIO(), logging.getLogger()
    level, handlers = log.level, log.handlers[:]
    # Hydra adds a handler of its own to those that are there
    log.handlers.clear()
    OmegaConf.register_new_resolver("oc.env", interpolation, replace=True)
    try:
        with redirect_stdout(output):
            yield
    finally:
        OmegaConf.register_new_resolver("oc.env", oc.env, replace=True)
        # Hydra has its log write to the stream of this block, at the level at which all is written
        log.setLevel(level)
        log.handlers[:] = handlers
        sys.stdout.write(hidden(output.getvalue()))


def _shows(arguments: Sequence[str]) -> bool:
    """Return whether Hydra is to print a configuration or parts of it."""
    return bool(_SHOWING & {word.partition("=")[0] for word in arguments})


def _learned(text: str) -> str:
    if "${" not in text:
        learn(text)
    return text


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


@contextmanager
def _mode_is_known() -> Iterator[None]:
    """Spare Hydra the composition of the whole configuration that checks whether this is a sweep: it always is."""
    from hydra._internal.hydra import Hydra
    from hydra.types import RunMode

    before = getattr(Hydra, _MODE)
    setattr(Hydra, _MODE, lambda self, config_name, overrides: RunMode.MULTIRUN)
    try:
        yield
    finally:
        setattr(Hydra, _MODE, before)


def _task(command: Callable[[Any], None], more: Sequence[str], cleared: Sequence[str]) -> Callable[[Any], None]:
    """Return the function that Hydra hands to our sweeper, which calls it once with the whole request.

    Hydra did not get the overrides ``more``, and it alone got those ``cleared``.
    """
    from digicarbon.cli.command import Request

    def engine(request: Any) -> None:
        if not isinstance(request, Request):
            raise ConfigError(Note("sweeper_changed"))
        command(replace(request, overrides=[*(word for word in request.overrides if word not in cleared), *more]))

    return engine


def _refuse(argument: str) -> None:
    """Refuse an override of a Hydra setting without effect here, or one that removes what every run needs."""
    if "=" not in argument and not argument.startswith("~"):
        return
    if "hydra" in argument and (why := settings.on_command_line(argument)):
        raise ConfigError(Note("line_refused", word=argument, why=why))
    key, _, value = argument.lstrip("+").partition("=")
    if key in GROUPS and _NO_NAME.fullmatch(value):
        own = _NUMBER.fullmatch(value) and find(f"{key}/{value.strip()}") is not None
        more = Note("option_in_quotes", group=key, option=value.strip()) if own else ""
        raise ConfigError(Note("line_chooses_by_name", group=key, value=value, more=more))
    group = argument.removeprefix("~").partition("=")[0].partition("@")[0]
    if argument.startswith("~") and group in GROUPS:
        others = Note("line_weights_unread") if group == "weights" else ""
        none = Note("line_none_has_none", group=group) if group in _WITH_NONE else others
        raise ConfigError(Note("line_group_taken_away", word=argument, group=group, more=none))


def completion_line(line: str, verbs: Sequence[str]) -> str:
    """Return the command line for completion without our verb and experiment, which Hydra does not know."""
    words = line.split(" ")
    program = words[0]
    rest = words[1:]
    if rest and rest[0] in verbs and len(rest) > 1:
        rest = rest[1:]
        if len(rest) > 1 and "=" not in rest[0] and not rest[0].startswith("-"):
            rest = rest[1:]
    return " ".join([program, *rest])
