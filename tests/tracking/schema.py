"""MLflow's tables in SQLite as its own migrations make them: prints the file that a new MLflow needs.

``python tests/tracking/schema.py`` writes ``digicarbon/tracking/schema/HEAD.sql`` for the MLflow that is installed.
"""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "digicarbon" / "tracking" / "schema"


def laid_out(path: Path) -> None:
    """Let MLflow lay out a new database file."""
    from mlflow import MlflowClient

    MlflowClient(tracking_uri=f"sqlite:///{path.as_posix()}").search_experiments()


def head(path: Path) -> str:
    """Return the version of a database's tables."""
    with closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(version)


def statements(path: Path) -> str:
    """Return the statements that make a database's tables and rows, without the first experiment, which has a time."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM experiments")
        lines = [line for line in connection.iterdump() if line not in ("BEGIN TRANSACTION;", "COMMIT;")]
    text = "\n".join(line.rstrip() for statement in lines for line in statement.splitlines())
    title = f"MLflow's tables at version {head(path)} (MLflow: Apache License 2.0); made by tests/tracking/schema.py"
    return f"-- {title}\n{text}\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "mlflow.db"
        laid_out(file)
        (FOLDER / f"{head(file)}.sql").write_text(statements(file), encoding="utf-8")
