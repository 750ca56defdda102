"""A folder that is written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut

MANIFEST = "manifest.json"
"""Lists what was written, so that the folder can be replaced without losing what others put there."""


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder of files, or replace one that this made before.

    Parameters
    ----------
    folder : Path
    files : mapping of str to bytes
        Contents by name; names may have folders in them, separated by ``/``.

    Raises
    ------
    ConfigError
        If the folder holds anything else, or cannot be written; it is as it was then.
    """
    foreign = _foreign(folder)
    if foreign:
        raise ConfigError(Note("page_folder_of_others", folder=folder, files=cut(sorted(foreign), 4)))
    half = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    before = half.with_name(f"{half.name}-before")
    try:
        _fill(half, files)
        if folder.exists():
            folder.replace(before)
        try:
            half.replace(folder)
        except OSError:
            if before.exists():
                before.replace(folder)
            raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(Note("page_folder_not_written", folder=folder, reason=reason)) from error
    finally:
        for left in (half, before):
            shutil.rmtree(left, ignore_errors=True)


def _fill(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    manifest = json.dumps({"files": hashes}, ensure_ascii=False, indent=1) + "\n"
    for name, content in {**files, MANIFEST: manifest.encode()}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def _foreign(folder: Path) -> list[str]:
    """Return what is in a folder and was not written here, or was changed since."""
    if not folder.exists():
        return []
    if not folder.is_dir():
        return [folder.name]
    known: dict[str, str] = {}
    with suppress(OSError, ValueError, KeyError, TypeError):
        known = dict(json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"])
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not path.is_dir()}
    return [
        name
        for name, path in there.items()
        if not (known and name == MANIFEST) and known.get(name) != hashlib.sha256(path.read_bytes()).hexdigest()
    ]
