"""The words after run, plan and check, as people type them: put in order, or refused with the right spelling."""

from __future__ import annotations

import io
import itertools
import re
import shlex
from collections.abc import Sequence
from contextlib import redirect_stderr
from typing import NoReturn

from digicarbon.errors import ConfigError, nearest

FLAGS = {"run": {"--force": "force"}, "plan": {"--all": "every"}}
"""Flags of ours, which Hydra does not know, and the verb's argument that each switches on."""
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
    if rest and not rest[0].startswith("-") and "=" not in rest[0]:
        experiment = name_of(rest.pop(0))
    own = [word for word in rest if word in FLAGS.get(verb, ())]
    overrides, flags = _apart([word for word in rest if word not in own])
    if flags:
        _refuse_unknown(verb, flags)
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
    from digicarbon.files import GROUPS, find

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


def _refuse_unknown(verb: str, flags: Sequence[str]) -> None:
    from hydra._internal.utils import get_args_parser

    parser = get_args_parser()
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            _, unknown = parser.parse_known_args(list(flags))
    except SystemExit as end:
        # argparse prints its usage and ends the process, also where it was asked for nothing but that
        if not end.code:
            raise
        wrong = said.getvalue().rpartition("error: ")[2].strip()
        raise ConfigError(f"command line: {wrong}; `digicarbon {verb} --hydra-help` explains Hydra's flags.") from None
    if not unknown:
        return
    flag = unknown[0]
    owner = next((other for other, own in FLAGS.items() if flag in own), "")
    own = list(FLAGS.get(verb, ()))
    hydras = [name for action in parser._actions for name in action.option_strings]
    hint = f" It belongs to `digicarbon {owner}`." if owner else nearest(flag, [*own, *hydras])
    raise ConfigError(
        f"command line: `digicarbon {verb}` has no flag {flag}.{hint} Flags: "
        f"{', '.join([*own, '--help', '-m'])}, and Hydra's (`digicarbon {verb} --hydra-help`)."
    )
