"""The words after run, plan and check: put in order, or refused with the right spelling."""

from __future__ import annotations

import io
import itertools
import os
import re
import shlex
from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from functools import cache
from pathlib import Path
from typing import NoReturn

from digicarbon.errors import ConfigError

WITH_VALUE = frozenset(
    (
        *("-c", "--cfg", "-p", "--package", "-cd", "--config-dir", "-cp", "--config-path", "-cn", "--config-name"),
        *("-i", "--info", "--experimental-rerun"),
    )
)
"""Hydra's flags that take the next word as their value."""
_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")


@cache
def flags_of() -> Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return the verbs whose words Hydra reads, each with our own flags: those without a value, and those with one."""
    # which reads words by what is here
    from digicarbon.cli.usage import parser

    return {verb: one.own_flags for verb, one in parser().verbs.items() if one.reader == "hydra"}


def read(verb: str, words: Sequence[str]) -> tuple[str, dict[str, str], list[str]]:
    """Return the experiment (``config`` without one), our own flags with their values, and the words for Hydra.

    ``verb``: one of `flags_of`. ``words``: the words after the verb. Overrides and flags may be in any order; Hydra
    gets the overrides first. Raises ConfigError if an override is split by a blank, a word is not an override, or a
    flag is unknown.
    """
    own, rest = _own(verb, _unquoted(words))
    _refuse_blanks(verb, rest)
    experiment = "config"
    if rest and not rest[0].startswith(("-", "~")) and "=" not in rest[0]:
        experiment = name_of(rest.pop(0))
    overrides, flags = _apart(rest)
    if flags:
        _refuse_misused(verb, _known(verb, flags), overrides)
    if "--shell-completion" in flags or "-sc" in flags:
        _refuse_completion(overrides)
    if stray := next((word for word in overrides if _is_bare(word)), ""):
        _refuse_stray(verb, stray, words)
    return experiment, own, [*overrides, *flags]


def _own(verb: str, words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return our own flags with their values, empty for those without, and the other words."""
    own: dict[str, str] = {}
    others: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        flag, equals, value = word.partition("=")
        if flag not in flags_of()[verb][1]:
            if word in flags_of()[verb][0]:
                own[word] = ""
            else:
                others.append(word)
            continue
        if not equals:
            value = rest.pop(0) if rest and not rest[0].startswith("--") else ""
        if not value.strip():
            from digicarbon.note import Note

            raise ConfigError(Note("line_flag_without_value", flag=flag, verb=verb))
        own[flag] = value
    return own, others


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
        from digicarbon.note import Note

        raise ConfigError(Note("line_blank", words=cut, verb=verb, line=shlex.join(joined)))


def _joined(words: Sequence[str]) -> list[str]:
    """Return the words, with the parts of a split override joined."""
    result: list[str] = []
    for word in words:
        if result and _goes_on(result[-1], word):
            # no comma where a bracket or punctuation mark is at the joint of two parts of a list or mapping
            meets = result[-1].endswith(tuple("[({,:=")) or word.startswith(tuple("])},:="))
            between = "," if _depth(result[-1]) > 0 and not meets else ""
            result[-1] += between + word
        else:
            result.append(word)
    return result


def _goes_on(before: str, word: str) -> bool:
    if before.startswith("-") or word.startswith("-"):
        return False
    if word.startswith("="):
        return True
    if "=" not in before:
        return False
    return _depth(before) > 0 or ("=" not in word and (before.endswith(("=", ",")) or word.startswith(",")))


def _depth(word: str) -> int:
    """Return how many brackets are opened and not closed, without those in quotation marks."""
    text = _QUOTED.sub("", word)
    return sum((sign in "[({") - (sign in "])}") for sign in text)


# ---- unknown words and flags


def _is_bare(word: str) -> bool:
    return bool(word) and "=" not in word and not word.startswith(("-", "~"))


def _refuse_stray(verb: str, stray: str, words: Sequence[str]) -> NoReturn:
    from digicarbon.config.files import GROUPS, find
    from digicarbon.note import Note, suggestion

    for key, value in itertools.pairwise(words):
        if _is_bare(key) and _is_bare(value) and key.partition(".")[0] in GROUPS:
            without = Note("line_write_without_blanks", key=key, value=value)
            raise ConfigError(Note("line_no_override", word=stray, more=without))
    if find(name_of(stray)) is None:
        hint = suggestion(stray.partition(".")[0], GROUPS)
        raise ConfigError(Note("line_no_override", word=stray, more=hint))
    others = [word for word in words if word not in (stray, words[0] if _is_bare(words[0]) else "")]
    first = Note("line_experiment_first", line=shlex.join([verb, stray, *others]))
    raise ConfigError(Note("line_no_override", word=stray, more=first))


def _known(verb: str, flags: Sequence[str]) -> Namespace:
    """Return the values of the flags, or refuse a flag that Hydra lacks."""
    from hydra._internal.utils import get_args_parser

    from digicarbon.note import Note, suggestion

    parser = get_args_parser()
    output = io.StringIO()
    try:
        with redirect_stderr(output):
            options, unknown = parser.parse_known_args(list(flags))
    except SystemExit as end:
        # argparse prints its usage and ends the process, also if the words only request the usage
        if not end.code:
            raise
        reason = output.getvalue().rpartition("error: ")[2].strip()
        raise ConfigError(Note("line_hydra_refuses", reason=reason, verb=verb)) from None
    if not unknown:
        return options
    flag = unknown[0]
    ours = {name: (*plain, *valued) for name, (plain, valued) in flags_of().items()}
    owner = next((other for other, own in ours.items() if flag in own), "")
    own = ours[verb]
    hydras = [name for action in parser._actions for name in action.option_strings]
    hint = Note("line_belongs_to_verb", verb=owner) if owner else suggestion(flag, [*own, *hydras], ours=True)
    flags = [*own, "--help", "-m"]
    raise ConfigError(Note("line_no_flag_of_hydra", verb=verb, flag=flag, hint=hint, flags=flags))


def _refuse_misused(verb: str, options: Namespace, overrides: Sequence[str]) -> None:
    """Refuse flags of Hydra that have no effect here, that need another flag, or that contradict each other."""
    from digicarbon.note import Note

    presence = {
        "--run": options.run,
        "-m": options.multirun,
        "--cfg": options.cfg is not None,
        "--info": options.info is not None,
        "--shell-completion": options.shell_completion,
    }
    modes = [flag for flag, is_given in presence.items() if is_given]
    if len(modes) > 1:
        more: Note | str = "" if "-m" not in modes else Note("line_sweep_alone", verb=verb)
        if "--cfg" in modes and "-m" in modes:
            more = Note("line_cfg_of_sweep")
        raise ConfigError(Note("line_flags_clash", flags=modes, more=more))
    if options.experimental_rerun is not None:
        raise ConfigError(Note("line_experimental_rerun"))
    if options.config_name is not None:
        raise ConfigError(Note("line_config_name", verb=verb, experiment=name_of(options.config_name)))
    if options.config_path is not None:
        raise ConfigError(Note("line_config_path", folder=options.config_path))
    if options.config_dir is not None and not Path(options.config_dir).is_dir():
        raise ConfigError(Note("line_config_dir", folder=options.config_dir, name=Path(options.config_dir).name))
    for flag, is_given in (("--resolve", options.resolve), ("--package", options.package is not None)):
        if is_given and options.cfg is None:
            words = f"{flag} {options.package}" if flag == "--package" else flag
            raise ConfigError(Note("line_belongs_to_cfg", flag=flag, verb=verb, words=words))


def _refuse_completion(overrides: Sequence[str]) -> None:
    pairs = [word.partition("=") for word in overrides]
    shells = ("bash", "fish", "zsh")
    known = len(pairs) == 1 and pairs[0][0] in ("install", "uninstall", "query") and pairs[0][2] in shells
    if not known or (pairs[0][0] == "query" and "COMP_LINE" not in os.environ):
        from digicarbon.note import Note

        raise ConfigError(Note("line_completion", example='eval "$(digicarbon -sc install=bash)"'))
