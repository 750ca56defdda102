"""``digicarbon fit``: a table from a file in one line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from digicarbon.cli.arguments import name_of
from digicarbon.cli.command import say
from digicarbon.config import flat
from digicarbon.config.files import command_line, find, is_experiment
from digicarbon.config.written import as_formulas
from digicarbon.disk.files import put
from digicarbon.errors import COMMAND_LINE, ConfigError, DigicarbonError
from digicarbon.note import Note
from digicarbon.note.about import at

_FLAGS = (
    ("model", "model"),
    ("weights", "weights"),
    ("weights", "weights.path"),
    ("cluster", "inference.cluster"),
    ("unit", "source.unit"),
    ("time", "source.time"),
)
"""Flags and the keys that they set."""


def fit(file: str, formulas: Sequence[str], overrides: Sequence[str], **flags: Any) -> int:
    """Fit the models that formulas are to a file, and print their table.

    ``formulas``: a column each. ``overrides``: as those of ``run``. ``flags``: those of the verb; see
    `digicarbon.cli.usage`. Raises what ``run`` raises; ConfigError if a formula or a flag is wrong.
    """
    from digicarbon.cli import application, command
    from digicarbon.render.table import refuse_format
    from digicarbon.sweep.front import composed, experiment

    if "~" in file and any("~" not in one for one in formulas):
        # as in R, where the formula comes first
        data = next(one for one in formulas if "~" not in one)
        file, formulas = data, [file, *(one for one in formulas if one != data)]
    target = _target(flags["save"])
    out_file = Path(flags["to"]) if flags["to"] else None
    if out_file is not None:
        # before the fit, which may take long
        refuse_format(out_file)
    models = re.findall(r"\w+", flags["model"] or "")
    if len(models) > 1:
        raise ConfigError(Note("fit_several_models", model=flags["model"], columns="; ".join(models)))
    chosen = {key: flags[key] for key in ("unit", "time", "model", "weights") if flags[key]}
    if flags["cluster"]:
        chosen["cluster"] = _value(flags["cluster"])
        if isinstance(chosen["cluster"], str) and "," in chosen["cluster"]:
            chosen["cluster"] = [name.strip() for name in chosen["cluster"].split(",")]
    # how the file is read counts before it is read
    read = {word: key for word in overrides if (key := flat.source_field(word))}
    for word, key in read.items():
        chosen.setdefault(flat.DATA, {})[key] = _value(word.partition("=")[2])
    overrides = [word for word in overrides if word not in read]
    # the command line has no names that are not ASCII
    named = [word for word in overrides if word.startswith("labels={")]
    overrides = [word for word in overrides if word not in named]
    for word in named:
        chosen["labels"] = _value(word.partition("=")[2])
    if flags["columns"] and len(formulas) > 1:
        raise ConfigError(Note("fit_columns_twice", formulas=len(formulas)))
    focal = [name.strip() for name in (flags["focal"] or "").split(",") if name.strip()]
    flagged = {key: f"--{flag}" for flag, key in _FLAGS if flags[flag]}
    columns = _columns(flags["columns"]) if flags["columns"] else {}
    keys = dict.fromkeys(("source.unit", "source.time"), repr(formulas[0]))
    as_formulas(formulas, {"source": "FILE", "source.path": "FILE", **keys, **flagged}, columns)
    try:
        content = experiment(file, formulas, chosen, focal, flags["title"] or Path(file).stem)
    except DigicarbonError as error:
        raise error if error.where else at(error, COMMAND_LINE) from error
    if columns:
        content["columns"] = columns
    with composed({"columns": {"(1)": {}}} | content) as name:
        application.run(partial(command.run, notes=flags["notes"], out_file=out_file), name, list(overrides))
    if target is not None:
        put(target, _text(content, overrides).encode())
        say(Note("fit_saved", file=target.as_posix(), command=command_line("run", target.stem)))
    return 0


def _target(name: str | None) -> Path | None:
    """Return the file of an experiment to be written, which must be new."""
    if name is None:
        return None
    stem = name_of(name)
    if not re.fullmatch(r"\w[\w-]*", stem) or not is_experiment(stem):
        raise ConfigError(Note("fit_name_unusable", name=name))
    path = Path(flat.FOLDER) / f"{stem}.yaml"
    if path.exists() or find(stem) is not None:
        raise ConfigError(Note("fit_name_taken", name=stem, file=path.as_posix()))
    return path


def _value(text: str) -> Any:
    """Return what YAML reads of a word of the command line."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(Note("fit_value_unreadable", text=text)) from error


def _columns(text: str) -> dict[str, dict[str, Any]]:
    """Return the columns of ``fe; sdm, weights=borders.csv``: a model or choices each."""
    columns: dict[str, dict[str, Any]] = {}
    for number, part in enumerate(filter(None, map(str.strip, text.split(";"))), start=1):
        column: dict[str, Any] = {}
        # commas within brackets belong to a list
        for word in re.split(r",(?![^\[{]*[\]}])", part):
            key, equals, value = word.strip().partition("=")
            column |= {key.strip(): _value(value)} if equals else {"model": key}
        columns[f"({number})"] = column
    return columns


def _text(content: dict[str, Any], overrides: Sequence[str]) -> str:
    """Return the file of the experiment, with what the command line says beside it."""
    further = dict(word.lstrip("+").partition("=")[::2] for word in overrides if not word.startswith(("-", "~")))
    return "\n".join(flat.lines(content | {key: _value(value) for key, value in further.items()})) + "\n"
