"""A new SQLite store, laid out by statements in one transaction; MLflow's forty migrations take four seconds."""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

from digicarbon.tracking._places import SQLITE
from digicarbon.tracking._tables import HEADS, WORKSPACE

FOLDER = Path(__file__).parent / "schema"
_REVISION = re.compile(r"""^(down_)?revision\s*(?::[^=]*)?=\s*(?:["'](\w+)["']|None)""", re.MULTILINE)
_DEFAULT = (
    "INSERT INTO experiments (experiment_id, name, lifecycle_stage, workspace, artifact_location, creation_time, "
    "last_update_time) VALUES (0, 'Default', 'active', ?, ?, ?, ?)"
)


def lay_out(uri: str) -> bool:
    """Create MLflow's tables in an empty SQLite database; return False if the installed MLflow has others.

    All tables are created, or none.
    """
    if not uri.startswith(SQLITE) or (head := installed_head()) not in HEADS:
        return False
    now = int(time.time() * 1000)
    # MLflow's own default, which our runs never use
    default = (WORKSPACE, str(Path("mlruns").absolute() / "0"), now, now)
    with closing(sqlite3.connect(uri.removeprefix(SQLITE), isolation_level=None)) as connection:
        statements = (FOLDER / f"{head}.sql").read_text(encoding="utf-8")
        connection.executescript(f"BEGIN IMMEDIATE;\n{statements}")
        connection.execute(_DEFAULT, default)
        connection.execute("COMMIT")
    return True


def installed_head() -> str:
    """Return the version of the tables that the installed MLflow would create, without loading it; empty if unknown."""
    spec = find_spec("mlflow")
    if spec is None or spec.origin is None:
        return ""
    revisions: set[str] = set()
    predecessors: set[str] = set()
    for path in (Path(spec.origin).parent / "store" / "db_migrations" / "versions").glob("*.py"):
        for down, revision in _REVISION.findall(path.read_text(encoding="utf-8")):
            (predecessors if down else revisions).add(revision)
    heads = revisions - predecessors
    return heads.pop() if len(heads) == 1 else ""
