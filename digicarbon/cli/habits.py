"""Words of Hydra's that have a word of ours: a launcher is an executor, and a folder of a sweep has configurations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from digicarbon.config.describe import as_yaml
from digicarbon.config.flat import LAUNCHER, executor_of
from digicarbon.disk import folder as whole
from digicarbon.errors import COMMAND_LINE, ConfigError
from digicarbon.note import Note
from digicarbon.secret import masked

if TYPE_CHECKING:
    from digicarbon.config.compose import Composer
    from digicarbon.plan.runs import Plan

SWEEP_DIR = "hydra.sweep.dir"


def translated(words: Sequence[str]) -> tuple[list[str], list[Note]]:
    """Return words with an executor in the place of a launcher, and a note on it.

    Raises ConfigError for another launcher, or one beside an executor.
    """
    out: list[str] = []
    notes: list[Note] = []
    for word in words:
        key, _, name = word.lstrip("+").partition("=")
        if key != LAUNCHER:
            out.append(word)
            continue
        other = next((one for one in words if one.partition("=")[0] == "executor"), "")
        out.append(f"executor={executor_of(name, f'{COMMAND_LINE}, {word}', other)}")
        notes.append(Note("hydra_launcher_is", word=word, executor=out[-1]))
    return out, notes


def folder_of(words: Sequence[str]) -> tuple[list[str], str]:
    """Return words without the folder of a sweep, and that folder, empty if there is none.

    Raises ConfigError if the folder is empty, or named by an interpolation.
    """
    named = [word for word in words if word.lstrip("+").partition("=")[0] == SWEEP_DIR]
    if not named:
        return list(words), ""
    folder = named[-1].partition("=")[2].strip("'\" ")
    if not folder or "$" in folder:
        raise ConfigError(Note("hydra_no_folder", word=named[-1]))
    return [word for word in words if word not in named], folder


def write(folder: Path, plans: Sequence[tuple[Composer, Plan]]) -> None:
    """Write the configuration of each run, and what it chooses, as Hydra does.

    The runs of one experiment are in folders ``0``, ``1`` …, those of several in a folder for each experiment. Raises
    ConfigError if the folder has files of others, or cannot be written.
    """
    files: dict[str, bytes] = {}
    for composer, planned in plans:
        above = f"{planned.name}/" if len(plans) > 1 else ""
        for number, run in enumerate(planned.runs):
            chosen = [f"{key}={as_yaml(value)}" for key, value in run.choice.values.items()]
            for name, content in (
                ("config", dict(run.recorded)),
                ("overrides", [*map(masked, composer.overrides), *chosen]),
            ):
                text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
                files[f"{above}{number}/.hydra/{name}.yaml"] = text.encode()
    whole.write(folder, files, SWEEP_DIR)
