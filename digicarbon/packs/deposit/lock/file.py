"""The file of a lock: its versions, each sealed by a hash, and changes with the day on which they were noticed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from digicarbon.config.files import ROOT, find, folders
from digicarbon.disk.files import put
from digicarbon.errors import ConfigError
from digicarbon.note import Note

END = ".lock.json"
FORMAT = 2
"""Version of the file's layout."""
SHOWN = 12
"""Digits of a hash in sentences."""


class LockError(ConfigError):
    """A lock cannot be read or written, or the plan differs from it."""


@dataclass(frozen=True)
class Lock:
    """A locked plan.

    ``versions``: the oldest first; each has ``time``, ``why``, ``software``, ``content``, ``fitted_before``,
    ``earlier`` (the hash of the version before) and ``hash``. ``noticed``: when a change from the latest version was
    noticed first, by the change. ``stamps``: what testifies a version besides this file, by its hash: tags of Git and
    time stamps.
    """

    path: Path
    versions: tuple[Mapping[str, Any], ...]
    noticed: Mapping[str, str]
    stamps: Mapping[str, Sequence[str]]

    @property
    def latest(self) -> Mapping[str, Any]:
        """The version that counts."""
        return self.versions[-1]

    @property
    def hash(self) -> str:
        """The hash of the latest version."""
        return str(self.latest["hash"])

    @property
    def date(self) -> str:
        """The day and minute of the latest version."""
        return moment(str(self.latest["time"]))

    @property
    def broken(self) -> list[int]:
        """The numbers of the versions whose hash is not that of their content, from one: they were edited."""
        before = ""
        out = []
        for number, version in enumerate(self.versions, 1):
            if digest(version) != version["hash"] or version["earlier"] != before:
                out.append(number)
            before = version["hash"]
        return out

    def write(self) -> None:
        """Write the file, whole or not at all; a `LockError` if it cannot be written."""
        node = {
            "format": FORMAT,
            "about": "A plan locked by digicarbon; `digicarbon lock EXPERIMENT --check` compares. Do not edit: each "
            "version is sealed by its hash.",
            "versions": list(self.versions),
            "noticed": dict(sorted(self.noticed.items(), key=lambda pair: (pair[1], pair[0]))),
            "stamps": dict(self.stamps),
        }
        try:
            put(self.path, (laid_out(node) + "\n").encode())
        except OSError as error:
            raise LockError(Note("lock_not_written", file=self.path, reason=error.strerror or str(error))) from error


def read(path: Path) -> Lock | None:
    """Return the lock of a file, None if there is no such file; a `LockError` if it is damaged."""
    try:
        node = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise LockError(Note("lock_damaged", file=path.name, reason=str(error))) from error
    versions: Any = node.get("versions") if isinstance(node, dict) else None
    keys = {"time", "why", "software", "content", "earlier", "hash"}
    whole = isinstance(versions, list) and versions and all(isinstance(v, dict) and keys <= v.keys() for v in versions)
    if not whole or node.get("format") != FORMAT:
        raise LockError(Note("lock_damaged", file=path.name, reason=Note("lock_no_versions", format=FORMAT)))
    return Lock(path, tuple(versions), node.get("noticed") or {}, node.get("stamps") or {})


def path_of(name: str) -> Path:
    """Return a lock's file: beside the user's own experiment, else in ``./experiments``; a `LockError` without one."""
    path = find(name)
    if path is None or name == ROOT:
        raise LockError(Note("lock_needs_experiment"))
    here = Path.cwd().resolve()
    own = [folder for folder in folders() if folder.resolve().is_relative_to(here) and path.is_relative_to(folder)]
    return (own[0] if own else here / "experiments") / f"{name}{END}"


def digest(version: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a version, of all but its own hash: what a time stamp testifies."""
    own = {key: value for key, value in version.items() if key != "hash"}
    return hashlib.sha256(json.dumps(own, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def sealed(version: Mapping[str, Any]) -> dict[str, Any]:
    """Return a version with its hash."""
    # as it will be read: tuples are lists there
    plain = json.loads(json.dumps(version, ensure_ascii=False))
    return {**plain, "hash": digest(plain)}


def laid_out(node: Any, indent: str = "") -> str:
    """Return JSON with a line for each key, in which a list of plain values has one line."""
    inner = f"{indent} "
    if isinstance(node, Mapping) and node:
        lines = [f"{inner}{_dumped(str(key))}: {laid_out(value, inner)}" for key, value in node.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(node, list) and any(isinstance(item, dict | list) and item for item in node):
        return "[\n" + ",\n".join(f"{inner}{laid_out(item, inner)}" for item in node) + f"\n{indent}]"
    return _dumped(node)


def _dumped(node: Any) -> str:
    return json.dumps(node, ensure_ascii=False)


def now() -> str:
    """Return the time in UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(time: str) -> str:
    """Return a time in words: ``2026-11-28 09:30 UTC``."""
    return f"{time[:10]} {time[11:16]} UTC"
