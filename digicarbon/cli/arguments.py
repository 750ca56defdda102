"""The words after run, plan and check, as people type them: put in order, or refused with the right spelling."""

from __future__ import annotations

import io
import itertools
import os
import re
import shlex
from argparse import Namespace
from collections.abc import Sequence
from contextlib import redirect_stderr
from pathlib import Path
from typing import NoReturn

from digicarbon.errors import ConfigError, nearest

FLAGS = {"run": ("--force",), "plan": ("--all",), "check": ()}
"""The verbs whose words Hydra reads, and flags of ours, which it does not know."""
WITH_VALUE = frozenset(
    {
        "-c",
        "--cfg",
        "-p",
        "--package",
        "-cd",
        "--config-dir",
        "-cp",
        "--config-path",
        "-cn",
        "--config-name",
        "-i",
        "--info",
        "--experimental-rerun",
    }
)
"""Hydra's flags that the next word belongs to."""
_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")


def read(verb: str, words: Sequence[str]) -> tuple[str, list[str], list[str]]:
    """Return the experiment (``config`` without one), our own flags, and what Hydra reads.

    Parameters
    ----------
    verb : str
        One of run, plan and check.
    words : sequence of str
        What follows it. Overrides and flags may stand in any order; Hydra gets the overrides first.

    Raises
    ------
    ConfigError
        If a blank has cut an override apart, a word is no override, or a flag is unknown.
    """
    rest = _unquoted(words)
    _refuse_blanks(verb, rest)
    experiment = "config"
    if rest and not rest[0].startswith(("-", "~")) and "=" not in rest[0]:
        experiment = name_of(rest.pop(0))
    own = [word for word in rest if word in FLAGS[verb]]
    overrides, flags = _apart([word for word in rest if word not in own])
    if flags:
        _refuse_misused(verb, _known(verb, flags), overrides)
    if "--shell-completion" in flags or "-sc" in flags:
        _refuse_completion(overrides)
    if stray := next((word for word in overrides if _is_bare(word)), ""):
        _refuse_stray(verb, stray, words)
    return experiment, own, [*overrides, *flags]


def name_of(word: str) -> str:
    """Return the experiment that a word means: its name, or the path of its file."""
    return word.replace("\\", "/").removeprefix("./").removeprefix("experiments/").removesuffix(".yaml")


def _apart(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return overrides, and flags with their values."""
    overrides: list[str] = []
    flags: list[str] = []
    for before, word in zip(("", *words), words, strict=False):
        is_value = before in WITH_VALUE and not (before in ("-i", "--info") and "=" in word)
        (flags if word.startswith("-") or is_value else overrides).append(word)
    return overrides, flags


# ---- blanks


def _unquoted(words: Sequence[str]) -> list[str]:
    """Return the words without single quotes around them, which cmd.exe leaves."""
    return [word[1:-1] if len(word) > 2 and word[0] == word[-1] == "'" else word for word in words]


def _refuse_blanks(verb: str, words: Sequence[str]) -> None:
    joined = _unquoted(_joined(words))
    cut = [word for word in joined if word not in words]
    if cut and not any(map(_depth, cut)):
        raise ConfigError(
            f"command line: a blank cuts {' and '.join(cut)} into several words. Write it without blanks, items "
            f"separated by commas, or in quotes: digicarbon {verb} {shlex.join(joined)}"
        )


def _joined(words: Sequence[str]) -> list[str]:
    """Return the words with those that belong to one override put together."""
    found: list[str] = []
    for word in words:
        if found and _goes_on(found[-1], word):
            between = "," if _depth(found[-1]) > 0 and not _meet(found[-1], word) else ""
            found[-1] += between + word
        else:
            found.append(word)
    return found


def _goes_on(before: str, word: str) -> bool:
    if before.startswith("-") or word.startswith("-"):
        return False
    if word.startswith("="):
        return True
    if "=" not in before:
        return False
    return _depth(before) > 0 or ("=" not in word and (before.endswith(("=", ",")) or word.startswith(",")))


def _meet(before: str, word: str) -> bool:
    """Return whether two parts of a list or mapping have a sign between them."""
    return before.endswith(tuple("[({,:=")) or word.startswith(tuple("])},:="))


def _depth(word: str) -> int:
    """Return how many brackets are opened and not closed, those in quotation marks aside."""
    text = _QUOTED.sub("", word)
    return sum((sign in "[({") - (sign in "])}") for sign in text)


# ---- words and flags that nothing knows


def _is_bare(word: str) -> bool:
    return bool(word) and "=" not in word and not word.startswith(("-", "~"))


def _refuse_stray(verb: str, stray: str, words: Sequence[str]) -> NoReturn:
    from digicarbon.config.files import GROUPS, find

    said = f"command line: '{stray}' is no override (group=option or group.field=value)."
    for key, value in itertools.pairwise(words):
        if _is_bare(key) and _is_bare(value) and key.partition(".")[0] in GROUPS:
            raise ConfigError(f"{said} Write {key}={value}, without blanks.")
    if find(name_of(stray)) is None:
        raise ConfigError(f"{said}{nearest(stray.partition('.')[0], GROUPS)}")
    others = [word for word in words if word not in (stray, words[0] if _is_bare(words[0]) else "")]
    raise ConfigError(
        f"{said} An experiment comes first, before flags such as -m, and one at a time: "
        f"digicarbon {shlex.join([verb, stray, *others])}"
    )


def _known(verb: str, flags: Sequence[str]) -> Namespace:
    """Return what the flags say, or refuse one that Hydra has not."""
    from hydra._internal.utils import get_args_parser

    parser = get_args_parser()
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            given, unknown = parser.parse_known_args(list(flags))
    except SystemExit as end:
        # argparse prints its usage and ends the process, also where it was asked for nothing but that
        if not end.code:
            raise
        wrong = said.getvalue().rpartition("error: ")[2].strip()
        raise ConfigError(f"command line: {wrong}; `digicarbon {verb} --hydra-help` explains Hydra's flags.") from None
    if not unknown:
        return given
    flag = unknown[0]
    owner = next((other for other, own in FLAGS.items() if flag in own), "")
    own = FLAGS[verb]
    hydras = [name for action in parser._actions for name in action.option_strings]
    hint = f" It belongs to `digicarbon {owner}`." if owner else nearest(flag, [*own, *hydras])
    raise ConfigError(
        f"command line: `digicarbon {verb}` has no flag {flag}.{hint} Flags: "
        f"{', '.join([*own, '--help', '-m'])}, and Hydra's (`digicarbon {verb} --hydra-help`)."
    )


def _refuse_misused(verb: str, given: Namespace, overrides: Sequence[str]) -> None:
    """Refuse flags of Hydra's that do nothing here, that need another one, or that go against each other."""
    asked = {
        "--run": given.run,
        "-m": given.multirun,
        "--cfg": given.cfg is not None,
        "--info": given.info is not None,
        "--shell-completion": given.shell_completion,
    }
    modes = [flag for flag, is_given in asked.items() if is_given]
    if len(modes) > 1:
        shown = "" if "-m" not in modes else f" `digicarbon {verb}` without the others runs the sweep."
        if "--cfg" in modes and "-m" in modes:
            shown = " --cfg shows one configuration, and a sweep has several; `digicarbon plan -m …` lists its runs."
        raise ConfigError(f"command line: {' and '.join(modes)} go against each other; give one of them.{shown}")
    if given.experimental_rerun is not None:
        raise ConfigError(
            "command line: --experimental-rerun reads a file that Hydra writes of a run, and none is written here. "
            "`digicarbon rerun RUN` fits a recorded run again and compares every number."
        )
    if given.config_name is not None:
        raise ConfigError(
            f"command line: --config-name: the experiment is the first word; write digicarbon {verb} "
            f"{name_of(given.config_name)}."
        )
    if given.config_path is not None:
        raise ConfigError(
            "command line: --config-path: ./experiments, ./conf and the shipped folders are read always; write "
            f"--config-dir {given.config_path} to read another folder, too."
        )
    if given.config_dir is not None and not Path(given.config_dir).is_dir():
        raise ConfigError(
            f"command line: --config-dir: there is no folder {given.config_dir}; it names one that holds groups, such "
            f"as {Path(given.config_dir).name}/weights/mine.yaml."
        )
    for flag, is_given in (("--resolve", given.resolve), ("--package", given.package is not None)):
        if is_given and given.cfg is None:
            raise ConfigError(
                f"command line: {flag} belongs to --cfg; write digicarbon {verb} --cfg job {flag}"
                f"{f' {given.package}' if flag == '--package' else ''}."
            )


def _refuse_completion(overrides: Sequence[str]) -> None:
    wanted = [word.partition("=") for word in overrides]
    shells = ("bash", "fish", "zsh")
    known = len(wanted) == 1 and wanted[0][0] in ("install", "uninstall", "query") and wanted[0][2] in shells
    if not known or (wanted[0][0] == "query" and "COMP_LINE" not in os.environ):
        raise ConfigError(
            "command line: --shell-completion takes install or uninstall with a shell, bash, fish or zsh: "
            'eval "$(digicarbon -sc install=bash)". A shell asks with query itself.'
        )
