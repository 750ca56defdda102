"""The table of a sweep from an earlier command, used again if nothing that it shows has changed."""

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
"""Name of the table's file among the files of a sweep."""


def key_of(roster: bytes, title: str, report: Report) -> str:
    """Return a key that is equal for sweeps with the same table; empty if that cannot be known.

    Parameters
    ----------
    roster : bytes
        All runs with their hashes, labels, choices and notes.
    title : str
    report : Report
        A class from outside the package may read anything, so that its key is empty.
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
    """Return the file by which a later command shows the table, by name; empty if the table should be made again."""
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
        Returns the path of a file of the sweep, or None if it is not on this disk.
    """
    path = place(TABLE)
    if not key or path is None:
        return None
    try:
        content = json.loads(path.read_bytes())
        if content["key"] != key:
            return None
        table = from_json(content["table"])
        files = {name: where for name in content["files"] if (where := place(name)) is not None}
        return Shown(table, None, (), files, lasts=True) if len(files) == len(content["files"]) else None
    except (OSError, ValueError, LookupError, TypeError):
        # the table of a damaged file is made again
        return None
