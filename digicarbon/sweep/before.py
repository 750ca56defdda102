"""The table of a sweep as it was made before: where nothing that it shows has changed, it is not made again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from digicarbon.plan.reach import PACKAGE
from digicarbon.render import from_json, to_json
from digicarbon.report import Report
from digicarbon.spec import identity
from digicarbon.sweep.tables import Shown

TABLE = "table.json"
"""The file of the table among those of a sweep."""


def key_of(roster: bytes, title: str, report: Report) -> str:
    """Return what is equal for sweeps of the same table; an empty text where that cannot be told.

    Parameters
    ----------
    roster : bytes
        All runs with their hashes, labels, choices and notes.
    title : str
    report : Report
        One from elsewhere may read whatever it likes.
    """
    if type(report).__module__.partition(".")[0] != __package__.partition(".")[0]:
        return ""
    sha = hashlib.sha256(roster)
    for file in sorted([*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.csv")]):
        status = file.stat()
        sha.update(f"{file.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    sha.update(json.dumps([title, identity(report)]).encode())
    return sha.hexdigest()


def recorded(shown: Shown, key: str) -> dict[str, str]:
    """Return the file that lets a later command have the table, by its name; nothing where it should be made anew."""
    if not key or shown.table is None or not shown.lasts:
        return {}
    return {TABLE: json.dumps({"key": key, "files": sorted(shown.files), "table": to_json(shown.table)})}


def found(key: str, place: Callable[[str], Path | None]) -> Shown | None:
    """Return what the sweep showed before, or None if it would show something else today.

    Parameters
    ----------
    key : str
        As from `key_of`.
    place : callable
        Returns where a file of the sweep is, or None if it is not on this disk.
    """
    path = place(TABLE)
    if not key or path is None:
        return None
    try:
        before = json.loads(path.read_bytes())
        if before["key"] != key:
            return None
        table = from_json(before["table"])
        files = {name: where for name in before["files"] if (where := place(name)) is not None}
        return Shown(table, None, (), files, lasts=True) if len(files) == len(before["files"]) else None
    except (OSError, ValueError, LookupError, TypeError):
        # a damaged file is made again
        return None
