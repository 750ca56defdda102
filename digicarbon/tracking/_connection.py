"""From an address to an open store: the tables of a database where they are known, else MLflow's public client."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from digicarbon.config.files import command_line, override
from digicarbon.note import Note, cut
from digicarbon.tracking import _failures
from digicarbon.tracking._backend import Experiment
from digicarbon.tracking._client import Client, public
from digicarbon.tracking._moved import follow
from digicarbon.tracking._places import (
    SERVERS,
    SQLITE,
    Tracking,
    absolute,
    alone,
    artifact_location,
    local_folder,
    masked,
    opening,
    refuse_folder,
    sound,
    try_database,
)

if TYPE_CHECKING:
    from digicarbon.tracking._database import Database

Backend: TypeAlias = "Client | Database"
"""Experiments, sweeps and their children, read and written; both have the same methods, and `keeps_ids`.

`keeps_ids` says whether a run keeps the id of its row, and its artifacts are in a folder on this machine."""


@dataclass(frozen=True, eq=False)
class Connection:
    """An open store.

    ``name``: of the experiment. ``uri``, ``full_uri``: as configured, and with its full path; both without a password.
    ``later``: how to deliver waiting runs later. ``tables``: the backend, where runs go straight into tables.
    ``notices``: sentences for the user.
    """

    name: str
    uri: str
    full_uri: str
    later: Note
    experiment: Experiment
    backend: Backend
    tables: Database | None = None
    notices: list[Note] = field(default_factory=list)

    def folder(self, artifacts: str) -> Path | None:
        """Return the folder of a sweep's artifacts where runs go straight into tables, else None."""
        return None if self.tables is None else local_folder(artifacts)


def connected(tracking: Tracking, name: str) -> Connection:
    """Open a store and the experiment of a name, and create what is missing; a `TrackingError` if that fails.

    MLflow is loaded only where its client is needed: importing it takes longer than recording a thousand runs.
    """
    location = artifact_location(tracking, name)
    with _failures.refused(tracking.uri, _failures.OPENED, advises=True):
        try_database(tracking.uri)
        with alone(tracking.uri):
            follow(tracking.uri)
            return _opened(tracking.uri, name, location)


def reading(uri: str) -> Backend:
    """Open an existing store to read it."""
    follow(uri)
    return tables(uri) or Client(public(opening(uri)))


def described(uri: str, name: str) -> tuple[str, Mapping[str, str]] | None:
    """Return the id and the tags of the experiment of a name in an existing store; None if there is none.

    Raises TrackingError if the store cannot be read.
    """
    with _failures.refused(uri, _failures.READ), closing(reading(uri)) as backend:
        return backend.described(name)


def ask_once(uri: str) -> None:
    """Connect to a database server, and raise at once if it does not answer; MLflow's client tries for minutes.

    Raises SQLAlchemyError, ImportError if it does not answer, or its driver is not installed.
    """
    if not uri.startswith((SQLITE, *SERVERS)):
        database = tables(uri)
        if database is not None:
            database.close()


def refuse_silent(uri: str) -> None:
    """Raise a `TrackingError` if a server does not answer; a file is not checked."""
    with _failures.refused(uri, _failures.OPENED, advises=True):
        if uri.startswith(SERVERS):
            public(uri).search_experiments(max_results=1)
        else:
            ask_once(uri)


def refuse_unreadable(uri: str) -> None:
    """Refuse a database file that holds no runs, or is damaged; nothing is created.

    Raises TrackingError if it cannot be read.
    """
    if not uri.startswith(SQLITE):
        return
    with _failures.refused(uri, _failures.OPENED, advises=True):
        refuse_folder(uri)
        sound(uri)
        laid_out(uri)


def laid_out(uri: str) -> bool:
    """Return whether a database has MLflow's tables, of any version; nothing is created.

    A `LookupError` says that it is a file with the tables of another program.
    """
    from digicarbon.tracking import _database

    tables = _database.tables_of(uri)
    if tables and uri.startswith(SQLITE) and not tables & _database.OWN:
        raise LookupError(Note("store_of_another_program", tables=cut(sorted(tables), 3)))
    return bool(tables & _database.OWN)


def _opened(uri: str, name: str, location: str | None) -> Connection:
    shown, full, later = masked(uri), masked(absolute(uri)), _later(uri)
    database = tables(uri)
    if database is None and not uri.startswith(SERVERS) and not laid_out(uri):
        from digicarbon.tracking._layout import lay_out

        database = tables(uri) if lay_out(uri) else None
    if database is None:
        # creates the tables of a database that has none
        client = Client(public(opening(uri)))
        database = tables(uri)
    if database is None:
        return Connection(name, shown, full, later, client.experiment(name, location), client, notices=_unknown(uri))
    experiment = database.experiment(name, location)
    if local_folder(experiment.location) is not None:
        return Connection(name, shown, full, later, experiment, database, database)
    database.close()
    notice = Note("store_artifacts_elsewhere", address=experiment.location)
    return Connection(name, shown, full, later, experiment, Client(public(opening(uri))), notices=[notice])


def _later(uri: str) -> Note:
    secret = masked(uri) != uri
    named = [] if secret or uri == Tracking().uri else [override("tracking.uri", uri)]
    command = command_line("deliver", words=named)
    return Note("store_delivered_later_with_uri" if secret else "store_delivered_later", command=command)


def tables(uri: str) -> Database | None:
    """Return the tables of a database that is known here, else None."""
    if uri.startswith(SERVERS):
        return None
    from digicarbon.tracking import _database

    return _database.opened(uri)


def _unknown(uri: str) -> list[Note]:
    if uri.startswith(SERVERS):
        return []
    return [Note("store_schema_unknown", store=masked(uri))]
