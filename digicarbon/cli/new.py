"""A study of the user's own: a folder that runs at once, to be filled with other data."""

from __future__ import annotations

import json
import re
import shutil
import sys
import uuid
from contextlib import chdir
from pathlib import Path

from digicarbon.cli.schema import FOLDER, editor_settings, write
from digicarbon.config.missing import quoted
from digicarbon.errors import ConfigError, DataError
from digicarbon.note import Note
from digicarbon.note.language import said

TEMPLATE = Path(__file__).resolve().parents[1] / "template"
NAME = "MYSTUDY"
"""The word in the template that is replaced by the study's name."""
IGNORED = "mlruns/\nout/\n.digicarbon/\n"
"""The files that a repository of the study ignores, since they can be created again."""


def new(folder: str, language: str) -> int:
    """Create a study as `make` does, and print how to run it; return the exit status."""
    target = Path(folder)
    make(target, language)
    sys.stdout.write(
        f"{said(Note('study_ready', folder=target))}\n"
        f"  cd {quoted(str(target))}\n  digicarbon run main\n"
        f"{said(Note('study_readme'))}\n"
    )
    return 0


def make(target: Path, language: str = "en") -> None:
    """Create a study, whole or not at all.

    ``target``: a new folder in an existing one. ``language``: of the README and the table. Raises ConfigError if the
    name is not valid or exists; DataError if the parent folder does not exist, or the study cannot be written.
    """
    name = target.name
    if not re.fullmatch(r"\w([\w .-]*\w)?", name):
        raise ConfigError(Note("study_no_name", name=name or target))
    try:
        if target.exists() or target.is_symlink():
            raise ConfigError(Note("study_exists", folder=target))
        if not target.parent.is_dir():
            raise DataError(Note("study_no_folder", folder=target.parent, name=name))
        whole = target.parent.resolve() / name
        half = whole.with_name(f".{name}.{uuid.uuid4().hex[:8]}")
        try:
            half.mkdir()
            _fill(half, name, language)
            half.rename(whole)
        finally:
            shutil.rmtree(half, ignore_errors=True)
    except OSError as error:
        raise DataError(Note("study_not_written", folder=target, reason=error.strerror or error)) from error


def _fill(folder: Path, name: str, language: str) -> None:
    for part in ("both", language):
        for path in sorted((TEMPLATE / part).rglob("*")):
            if path.is_file():
                place = folder / path.relative_to(TEMPLATE / part)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(path.read_text(encoding="utf-8").replace(NAME, name), encoding="utf-8", newline="\n")
    (folder / ".gitignore").write_text(IGNORED, encoding="utf-8")
    (folder / ".vscode").mkdir()
    for file, content in (
        ("settings.json", editor_settings()),
        ("extensions.json", {"recommendations": ["redhat.vscode-yaml"]}),
    ):
        (folder / ".vscode" / file).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    # the schemas describe the options of the new folder
    with chdir(folder):
        write(Path(FOLDER), lambda fault: sys.stderr.write(f"{said(Note('left_out_of_schemas', why=fault))}\n"))
