"""A folder that is written completely or not at all."""

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
"""Lists the written files, so that a replacement loses no files of others."""


def write(folder: Path, files: Mapping[str, bytes], key: str = "--out", keep: str = "") -> None:
    """Make a folder of files, or replace one that this function made earlier.

    ``files``: contents by name; names may have folders in them, separated by ``/``. ``key``: what names the folder, for
    messages. ``keep``: a folder in it that a replacement leaves as it is, whatever it holds. Raises ConfigError if the
    folder contains other files, or cannot be written; it then remains unchanged.
    """
    refuse_others(folder, key, keep)
    kept = bool(keep) and (folder / keep).is_dir()
    half = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    old = half.with_name(f"{half.name}-before")
    try:
        _fill(half, files)
        if folder.exists():
            folder.replace(old)
        try:
            if kept:
                (old / keep).replace(half / keep)
            half.replace(folder)
        except OSError:
            if kept and (half / keep).is_dir():
                (half / keep).replace(old / keep)
            if old.exists():
                old.replace(folder)
            raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(Note("folder_not_written", key=key, folder=folder, reason=reason)) from error
    finally:
        for path in (half, old):
            shutil.rmtree(path, ignore_errors=True)


def refuse_others(folder: Path, key: str, keep: str = "") -> None:
    """Raise a `ConfigError` if a folder holds files that `write` would lose; ``key`` names it in the message."""
    foreign = _foreign(folder, keep)
    if foreign:
        raise ConfigError(Note("folder_of_others", key=key, folder=folder, files=cut(sorted(foreign), 4)))


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


def _foreign(folder: Path, keep: str) -> list[str]:
    """Return the files of a folder that were not written here, or were changed since."""
    if not folder.exists():
        return []
    if not folder.is_dir():
        return [folder.name]
    hashes: dict[str, str] = {}
    with suppress(OSError, ValueError, KeyError, TypeError):
        hashes = dict(json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"])
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not path.is_dir()}
    return [
        name
        for name, path in paths.items()
        if not (hashes and (name == MANIFEST or (keep and name.startswith(f"{keep}/"))))
        and hashes.get(name) != hashlib.sha256(path.read_bytes()).hexdigest()
    ]
