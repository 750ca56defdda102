"""A store whose folder was moved or copied: the addresses of its files follow.

MLflow keeps the whole path of each sweep's files in its database. In a renamed or copied folder these would lead to the
old place: results could not be read there, or the files of the other copy would be overwritten.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from digicarbon.tracking._places import SQLITE, local_folder


def follow(uri: str) -> None:
    """Let the addresses of files in a database file lead to the folders beside it, where the files are.

    Files in another folder, which `tracking.artifacts` may name, keep their addresses: only a folder beside the
    database that has the files of its sweeps takes the place of another one. A database that cannot be written keeps
    its addresses, too.
    """
    if not uri.startswith(SQLITE) or uri.startswith(f"{SQLITE}file:"):
        return
    path = Path(uri.removeprefix(SQLITE)).resolve()
    # a file that is no database is refused where it is opened
    with suppress(sqlite3.Error):
        if not path.is_file():
            return
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            moved = list(_moved(connection, path.parent))
        if not moved:
            return
        with closing(sqlite3.connect(path, timeout=60)) as connection, connection:
            for experiment, old, new in moved:
                connection.execute(
                    "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", (new, experiment)
                )
                connection.execute(
                    "UPDATE runs SET artifact_uri = ? || substr(artifact_uri, ?) "
                    "WHERE experiment_id = ? AND substr(artifact_uri, 1, ?) = ?",
                    (new, len(old) + 1, experiment, len(old) + 1, f"{old}/"),
                )


def _moved(connection: sqlite3.Connection, beside: Path) -> Iterator[tuple[int, str, str]]:
    """Yield experiments whose files are beside their database: number, old address, new address."""
    for experiment, address in connection.execute("SELECT experiment_id, artifact_location FROM experiments"):
        folder = local_folder(address or "")
        if not address or folder is None or folder.is_relative_to(beside):
            continue
        here = beside / folder.parent.name / folder.name
        names = [one.name for one in here.iterdir()] if here.is_dir() else []
        query = "SELECT 1 FROM runs WHERE run_uuid = ? AND experiment_id = ?"
        if any(connection.execute(query, (name, experiment)).fetchone() for name in names):
            yield int(experiment), address.rstrip("/"), here.as_uri()
