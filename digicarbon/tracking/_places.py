"""Where runs are recorded: addresses of stores, folders of artifacts."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote, unquote, urlsplit

from pydantic import field_validator

from digicarbon.disk.files import put as put
from digicarbon.errors import TrackingError
from digicarbon.note import Note
from digicarbon.secret import learn
from digicarbon.secret import masked as masked
from digicarbon.spec import Spec

SQLITE = "sqlite:///"
SERVERS = ("http://", "https://")


class Tracking(Spec):
    """Where runs are recorded.

    Attributes
    ----------
    uri : str
        MLflow tracking address: ``sqlite:///…`` relative to the working directory, ``postgresql+psycopg://…``, or
        ``http(s)://…``.
    artifacts : str
        Folder of tables and files; a server decides for itself.
    experiment : str
        MLflow experiment; empty takes the name of the experiment file.
    """

    role: ClassVar[str] = "tracking"

    uri: str = "sqlite:///mlruns/mlflow.db"
    artifacts: str = "mlruns/artifacts"
    experiment: str = ""

    @field_validator("uri")
    @classmethod
    def _no_query(cls, uri: str) -> str:
        if uri.startswith("sqlite:///") and not uri.startswith("sqlite:///file:") and "?" in uri:
            # the text behind the mark, maybe a password, would be part of the file's name
            learn(uri)
            raise ValueError(Note("store_with_query", example="sqlite:///mlruns/mlflow.db"))
        return uri

    @field_validator("uri")
    @classmethod
    def _port_is_a_number(cls, uri: str) -> str:
        _, separator, rest = uri.partition("://")
        host = re.split("[/?]", rest.rpartition("@")[2])[0]
        port = host.rpartition("]")[2].partition(":")[2]
        if separator and port and not port.isdecimal():
            # the text may be a password
            learn(uri if "@" in rest else f"{uri}@")
            example = "postgresql+psycopg://name:${oc.env:WORD}@host:5432/db"
            raise ValueError(Note("store_port_no_number", example=example))
        return uri

    def model_post_init(self, context: Any) -> None:
        """Learn the secrets of the address, so that messages made from a driver's errors hide them."""
        learn(self.uri)


def absolute(uri: str) -> str:
    """Return a database's address with its full path: MLflow keeps stores open by address, in any folder."""
    if not uri.startswith(SQLITE) or uri.startswith(f"{SQLITE}file:"):
        return uri
    return f"{SQLITE}{Path(uri.removeprefix(SQLITE)).resolve().as_posix()}"


def opening(uri: str) -> str:
    """Return the address by which MLflow and SQLAlchemy open a store: they read ``%41`` in a path as a letter."""
    full = absolute(uri)
    if not uri.startswith(SQLITE) or uri.startswith(f"{SQLITE}file:") or not set("%?") & set(full):
        return full
    return _rendered(full.removeprefix(SQLITE))


def for_reading(uri: str) -> str:
    """Return the address that opens a database file for reading only; that of another store is unchanged."""
    if not uri.startswith(SQLITE):
        return uri
    path = quote(Path(uri.removeprefix(SQLITE)).resolve().as_posix())
    return _rendered(f"file:{path}", mode="ro", uri="true")


def _rendered(database: str, **query: str) -> str:
    from sqlalchemy import URL

    # with a driver: without one, MLflow would create the folders of the path before it is decoded
    return URL.create("sqlite+pysqlite", database=database, query=query).render_as_string(hide_password=False)


@contextmanager
def alone(uri: str) -> Iterator[None]:
    """Let one command at a time create a database: two that start in an empty folder would both create its tables."""
    if not uri.startswith(SQLITE):
        yield
        return
    from filelock import FileLock

    with FileLock(f"{uri.removeprefix(SQLITE)}.lock", timeout=300):
        yield


def refuse_folder(uri: str) -> None:
    """Raise an `IsADirectoryError` if the address of a database file is a folder."""
    if uri.startswith(SQLITE) and Path(uri.removeprefix(SQLITE)).is_dir():
        raise IsADirectoryError(Note("store_is_folder"))


def obstacle(uri: str) -> Note | None:
    """Return why a database file cannot be written, as far as can be seen without trying."""
    if not uri.startswith(SQLITE):
        return None
    path = Path(uri.removeprefix(SQLITE)).absolute()
    folder = next(one for one in path.parents if one.exists())
    if not folder.is_dir():
        return Note("store_obstacle_file", folder=folder)
    if path.is_file() and not os.access(path, os.W_OK):
        return Note("store_obstacle_read_only")
    return None if os.access(folder, os.W_OK) else Note("store_obstacle_folder_read_only", folder=folder)


def try_database(uri: str) -> None:
    """Raise at once if a database file cannot be written; MLflow would try for minutes."""
    refuse_folder(uri)
    if uri.startswith(SQLITE):
        with closing(sqlite3.connect(uri.removeprefix(SQLITE), timeout=60, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")


def sound(uri: str) -> None:
    """Raise a `sqlite3.DatabaseError` if a database file is damaged; all of it is read."""
    address = f"{Path(uri.removeprefix(SQLITE)).absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as connection:
        answer = connection.execute("PRAGMA quick_check(1)").fetchone()
    if answer != ("ok",):
        raise sqlite3.DatabaseError("database disk image is malformed")


def artifact_location(tracking: Tracking, name: str) -> str | None:
    """Return where artifacts go, and make the folder of a database file; a server decides for itself."""
    if tracking.uri.startswith(SERVERS):
        return None
    try:
        if tracking.uri.startswith(SQLITE):
            Path(tracking.uri.removeprefix(SQLITE)).parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tracking.artifacts) / "".join(c if c.isalnum() or c in "-_" else "_" for c in name)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrackingError(Note("store_folder_not_made", key="tracking", reason=error)) from error
    return folder.resolve().as_uri()


def local_folder(artifact_uri: str) -> Path | None:
    """Return the folder on this machine that an address of artifacts names, or None."""
    parts = urlsplit(artifact_uri)
    if parts.scheme not in ("file", ""):
        return None
    if os.name == "nt":
        # importing it takes as long as a fit of a hundred runs
        from urllib.request import url2pathname

        return Path(url2pathname(parts.path))
    return Path(unquote(parts.path))


def place(folder: str, name: str) -> str:
    """Return the path of a file in a folder of artifacts, or its address if the folder is not local."""
    local = local_folder(folder)
    return f"{folder}/{name}" if local is None else str(local / name)
