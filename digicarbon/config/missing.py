"""The error for an experiment that does not exist: where it was searched, and where it may be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from pathlib import Path

from digicarbon.config.files import ROOT, is_experiment
from digicarbon.config.flat import FOLDER as FOLDER
from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut, suggestion

MOST = 20
"""The largest number of the user's own experiments that are listed."""


def no_experiment(name: str, known: Sequence[str], place: str = "") -> ConfigError:
    """Return the error for an experiment that does not exist.

    ``known``: all experiments, the user's and the shipped ones. ``place``: the file that names it, if it is not the
    command line.
    """
    here = Path.cwd()
    there = sorted(own_experiments() & set(known))
    hint = Note("root_of_sub_folder", root=ROOT) if name == ROOT else suggestion(name, [*known, ROOT])
    parts = list(_almost(here, name))
    if not (here / FOLDER).is_dir():
        parts.append(Note("no_folder_of_experiments", folder=here, name=FOLDER, way=_elsewhere(here, name)))
    elif there:
        parts.append(Note("experiments_there", folder=here / FOLDER, names=cut(there, MOST)))
    else:
        parts.append(Note("no_yaml_there", folder=here / FOLDER))
    return ConfigError(Note("no_such_experiment", name=name, hint=hint, parts=parts), place)


def own_experiments() -> Set[str]:
    """Return the experiments of the working directory."""
    return {path.stem for path in (Path.cwd() / FOLDER).glob("*.yaml") if is_experiment(path.stem)}


def _almost(here: Path, name: str) -> Iterator[Note]:
    """Yield a note on each file that the user may have meant, e.g. one saved by an editor as ``main.yaml.txt``."""
    target = Path(f"{name}.yaml")
    for folder in (FOLDER,) if here.name == FOLDER else (FOLDER, ""):
        for path in _files((here / folder / target).parent):
            if path.name.partition(".")[0].casefold() != target.name.partition(".")[0].casefold():
                continue
            shown = path.relative_to(here).as_posix()
            right = f"{FOLDER}/{target.as_posix()}"
            if shown != right and path.suffix.lower() in (".yaml", ".yml", ".txt"):
                yield Note("experiment_elsewhere", file=shown, right=right)


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file())
    except OSError:
        return []


def _elsewhere(here: Path, name: str) -> Note:
    """Return the way to a folder with experiments, preferably one with the file; else advice to go to the study."""
    try:
        below = sorted(path for path in here.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        below = []
    near = [path for path in (*here.parents, *below) if _is_dir(path / FOLDER)]
    near.sort(key=lambda path: not (path / FOLDER / f"{name}.yaml").is_file())
    if not near:
        return Note("go_to_study")
    way = near[0].relative_to(here) if near[0].is_relative_to(here) else near[0]
    return Note("go_there_first", folder=near[0], way=quoted(str(way)))


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def quoted(text: str) -> str:
    """Return a path as a shell takes it."""
    return f'"{text}"' if " " in text else text
