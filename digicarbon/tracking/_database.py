"""Runs written straight into the tables of a database store, a batch in one transaction.

MLflow's public client has no call for several runs and costs some 22 ms a run; rows of the same tables cost a
thirtieth. What is written is what the client writes (a test compares every table that knows runs), and only into a
schema that is known here: any other database gets the public client.
"""

from __future__ import annotations

import math
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from digicarbon.tracking._journal import Journal
from digicarbon.tracking._places import absolute, local_folder
from digicarbon.tracking._results import sources
from digicarbon.tracking._rows import HASH, PARENT, Row

HEADS = frozenset({"dc11669786a5"})
"""Versions of MLflow's schema that are known here: that of MLflow 3.17."""
DRIVERS = frozenset({"sqlite+pysqlite", "postgresql+psycopg"})
PATIENCE = 60
"""Seconds that a batch waits for another program that writes into the same SQLite file."""
CACHE = 64
"""Megabytes that SQLite keeps of a file while a batch is written; its own 2 let a batch cost more as a store grows."""
CHUNK = 500
"""Values in one IN list."""

Values = Sequence[tuple[Any, ...]]


def opened(uri: str) -> Database | None:
    """Return a database whose schema is known here, else None.

    Parameters
    ----------
    uri : str
        Of a store that MLflow has opened before.
    """
    from alembic.migration import MigrationContext

    driver = sa.make_url(uri).get_dialect()
    if f"{driver.name}+{driver.driver}" not in DRIVERS:
        return None
    wait = {"timeout": PATIENCE} if driver.name == "sqlite" else {"connect_timeout": 10}
    engine = sa.create_engine(absolute(uri), connect_args=wait, pool_pre_ping=driver.name != "sqlite")
    if driver.name == "sqlite":
        sa.event.listen(engine, "connect", _enlarge)
    with engine.connect() as connection:
        if MigrationContext.configure(connection).get_current_revision() in HEADS:
            return Database(engine)
    engine.dispose()
    return None


class Database:
    """MLflow's tables of one database."""

    keeps_ids: ClassVar[bool] = True

    def __init__(self, engine: sa.Engine) -> None:
        from mlflow.store.tracking.dbmodels import models

        self._engine = engine
        self._insert: Callable[[sa.Connection, sa.Table, Values], None] = _INSERTS[engine.dialect.name]
        self._insert_new = _INSERTS_OF_NEW[engine.dialect.name]
        self._experiments = models.SqlExperiment.__table__
        self._runs = models.SqlRun.__table__
        self._tags = models.SqlTag.__table__
        self._params = models.SqlParam.__table__
        self._metrics = models.SqlMetric.__table__
        self._latest = models.SqlLatestMetric.__table__
        self._datasets = models.SqlDataset.__table__
        self._inputs = models.SqlInput.__table__
        self._input_tags = models.SqlInputTag.__table__

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def deliver(self, experiment_id: str, rows: Sequence[Row], journal: Journal) -> None:
        """Write those of the rows that are not there yet in one transaction."""
        missing = self._missing(rows)
        if missing:
            self.write(experiment_id, missing)
        journal.finish({row.run_id: row.run_id for row in rows})

    def write(self, experiment_id: str, rows: Sequence[Row]) -> None:
        """Write runs and their files: all of them, or none.

        Files come first: a run that is in the database has them, and files without a run harm nobody.

        Raises
        ------
        LookupError
            If the experiment is not there, or was deleted.
        """
        with self._engine.connect() as connection:
            chosen = sa.select(self._experiments.c.artifact_location, self._experiments.c.lifecycle_stage)
            found = connection.execute(chosen.where(self._experiments.c.experiment_id == int(experiment_id))).first()
        if found is None or found.lifecycle_stage != "active":
            raise LookupError("the experiment was deleted")
        uris = [f"{found.artifact_location.rstrip('/')}/{row.run_id}/artifacts" for row in rows]
        _write_files(rows, found.artifact_location)
        with self._engine.begin() as connection:
            # first, since it takes SQLite's lock: nothing that is read after it can change before the end
            datasets = self._dataset_ids(connection, int(experiment_id), rows)
            runs = [_run(row, uri, int(experiment_id)) for row, uri in zip(rows, uris, strict=True)]
            self._insert(connection, self._runs, runs)
            self._insert(connection, self._tags, list(_tags(rows)))
            self._insert(connection, self._params, [(k, v, row.run_id) for row in rows for k, v in row.params.items()])
            numbers = list(_numbers(rows))
            self._insert(connection, self._metrics, numbers)
            self._insert(connection, self._latest, numbers)
            inputs = [_input(row, datasets[row.data_name, row.data_digest]) for row in rows]
            self._insert(connection, self._inputs, inputs)
            self._delete(connection, [row.replaces for row in rows if row.replaces])

    def _missing(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows whose runs are not in the database."""
        there: set[str] = set()
        with self._engine.connect() as connection:
            for chunk in _chunks([row.run_id for row in rows]):
                asked = sa.select(self._runs.c.run_uuid).where(self._runs.c.run_uuid.in_(chunk))
                there.update(connection.scalars(asked))
        return [row for row in rows if row.run_id not in there]

    def children(self, experiment_id: str, parent_id: str) -> list[tuple[str, str, str]]:
        """Return hash, id and status of the runs of a sweep that are not deleted."""
        parent, key = self._tags.alias(), self._tags.alias()
        query = (
            sa.select(key.c.value, self._runs.c.run_uuid, self._runs.c.status)
            .select_from(parent)
            .join(self._runs, self._runs.c.run_uuid == parent.c.run_uuid)
            .join(key, (key.c.run_uuid == parent.c.run_uuid) & (key.c.key == HASH))
            .where(parent.c.key == PARENT, parent.c.value == parent_id, self._runs.c.lifecycle_stage == "active")
        )
        with self._engine.connect() as connection:
            return [(row[0], row[1], row[2]) for row in connection.execute(query)]

    def runs(
        self, tags: Iterable[str], params: Iterable[str]
    ) -> tuple[list[tuple[str, str, int, int | None]], list[tuple[str, str, str]]]:
        """Return id, status, start and end of all runs that are not deleted, and the values of some keys of runs."""
        rows = self._runs.c
        query = sa.select(rows.run_uuid, rows.status, rows.start_time, rows.end_time)
        with self._engine.connect() as connection:
            runs = [
                (row[0], row[1], row[2], row[3])
                for row in connection.execute(query.where(rows.lifecycle_stage == "active"))
            ]
            said = [
                (row[0], row[1], row[2])
                for table, keys in ((self._tags, tags), (self._params, params))
                for row in connection.execute(
                    sa.select(table.c.run_uuid, table.c.key, table.c.value).where(table.c.key.in_(list(keys)))
                )
            ]
        return runs, said

    def find(self, keys: Iterable[str]) -> list[tuple[str, str]]:
        """Return hash and id of runs with these hashes that are finished and not deleted, the newest last."""
        asked = set(keys)
        query = (
            sa.select(self._tags.c.value, self._runs.c.run_uuid)
            .join(self._runs, self._runs.c.run_uuid == self._tags.c.run_uuid)
            .where(self._tags.c.key == HASH, self._runs.c.status == "FINISHED")
            .where(self._runs.c.lifecycle_stage == "active")
            .order_by(self._runs.c.end_time)
        )
        if len(asked) <= CHUNK:
            query = query.where(self._tags.c.value.in_(asked))
        with self._engine.connect() as connection:
            return [(row[0], row[1]) for row in connection.execute(query) if row[0] in asked]

    def sources(self, run_ids: Iterable[str], scratch: Path) -> list[Path]:
        """Return the files that hold the results of runs."""
        folders = map(local_folder, self._folders(run_ids))
        return [path for folder in folders if folder is not None for path in sources(folder)]

    def _folders(self, run_ids: Iterable[str]) -> list[str]:
        """Return where the artifacts of the sweeps of runs are."""
        parents: set[str] = set()
        with self._engine.connect() as connection:
            for chunk in _chunks(list(run_ids)):
                query = sa.select(self._tags.c.value).where(self._tags.c.key == PARENT)
                parents.update(connection.scalars(query.where(self._tags.c.run_uuid.in_(chunk)).distinct()))
            found: list[str] = []
            for chunk in _chunks(sorted(parents)):
                chosen = sa.select(self._runs.c.artifact_uri)
                found.extend(connection.scalars(chosen.where(self._runs.c.run_uuid.in_(chunk))))
        return found

    def _dataset_ids(
        self, connection: sa.Connection, experiment_id: int, rows: Sequence[Row]
    ) -> dict[tuple[str, str], str]:
        """Make the data sets that are not there, and return the id of each by name and digest."""
        found = {}
        for name, digest, profile in dict.fromkeys((row.data_name, row.data_digest, row.data_profile) for row in rows):
            content = {
                "dataset_uuid": uuid.uuid4().hex,
                "experiment_id": experiment_id,
                "name": name,
                "digest": digest,
                "dataset_source_type": "code",
                "dataset_source": "{}",
                "dataset_schema": None,
                "dataset_profile": profile,
            }
            connection.execute(self._insert_new(self._datasets), content)
        table = self._datasets.c
        digests = list({row.data_digest for row in rows})
        for chunk in _chunks(digests):
            query = sa.select(table.name, table.digest, table.dataset_uuid)
            for row in connection.execute(query.where(table.experiment_id == experiment_id, table.digest.in_(chunk))):
                found[row.name, row.digest] = row.dataset_uuid
        return found

    def _delete(self, connection: sa.Connection, run_ids: Sequence[str]) -> None:
        now = time.time_ns() // 1_000_000
        for chunk in _chunks(run_ids):
            gone = sa.update(self._runs).where(self._runs.c.run_uuid.in_(chunk))
            connection.execute(gone.values(lifecycle_stage="deleted", deleted_time=now))


def _enlarge(connection: sqlite3.Connection, record: object) -> None:
    connection.execute(f"PRAGMA cache_size = -{CACHE * 1024}")


def _run(row: Row, artifact_uri: str, experiment_id: int) -> tuple[Any, ...]:
    """Return the columns of `runs` in the order of `_COLUMNS`."""
    user = row.tags.get("mlflow.user", "unknown")
    return (
        row.run_id,
        row.name,
        "UNKNOWN",
        "",
        "",
        user,
        row.status,
        row.start,
        row.end,
        None,
        "",
        "active",
        artifact_uri,
        experiment_id,
    )


def _tags(rows: Sequence[Row]) -> Iterator[tuple[str, str, str]]:
    for row in rows:
        run_id = row.run_id
        yield "mlflow.runName", row.name, run_id
        for key, value in row.tags.items():
            yield key, value, run_id


def _numbers(rows: Sequence[Row]) -> Iterator[tuple[str, float, int, bool, int, str]]:
    for row in rows:
        run_id, end = row.run_id, row.end
        for key, value in row.metrics.items():
            blank = math.isnan(value)
            yield key, 0.0 if blank else value, end, blank, 0, run_id


def _input(row: Row, dataset_id: str) -> tuple[Any, ...]:
    return uuid.uuid4().hex, "DATASET", dataset_id, "RUN", row.run_id, 0


def _write_files(rows: Sequence[Row], location: str) -> None:
    home = local_folder(location)
    if home is None:
        raise LookupError(f"the artifacts are not in a folder but at {location}")
    home.mkdir(parents=True, exist_ok=True)
    for row in rows:
        # two plain calls: asking for parents costs more
        (home / row.run_id).mkdir(exist_ok=True)
        folder = home / row.run_id / "artifacts"
        folder.mkdir(exist_ok=True)
        for name, content in row.files.items():
            (folder / name).write_bytes(content)


_COLUMNS: Mapping[str, Sequence[str]] = {
    "runs": (
        "run_uuid",
        "name",
        "source_type",
        "source_name",
        "entry_point_name",
        "user_id",
        "status",
        "start_time",
        "end_time",
        "deleted_time",
        "source_version",
        "lifecycle_stage",
        "artifact_uri",
        "experiment_id",
    ),
    "tags": ("key", "value", "run_uuid"),
    "params": ("key", "value", "run_uuid"),
    "metrics": ("key", "value", "timestamp", "is_nan", "step", "run_uuid"),
    "latest_metrics": ("key", "value", "timestamp", "is_nan", "step", "run_uuid"),
    "inputs": ("input_uuid", "source_type", "source_id", "destination_type", "destination_id", "step"),
}


def _many(connection: sa.Connection, table: sa.Table, values: Values) -> None:
    """Insert tuples by the driver's own call: SQLAlchemy's handling of each value costs more than the insert."""
    if values:
        columns = _COLUMNS[table.name]
        marks = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})", list(values))


def _copy(connection: sa.Connection, table: sa.Table, values: Values) -> None:
    """Insert tuples by PostgreSQL's COPY, in the transaction of the connection."""
    statement = f"COPY {table.name} ({', '.join(_COLUMNS[table.name])}) FROM STDIN"
    with closing(connection.connection.cursor()) as cursor, cursor.copy(statement) as to:
        for value in values:
            to.write_row(value)


_INSERTS: Mapping[str, Callable[[sa.Connection, sa.Table, Values], None]] = {"sqlite": _many, "postgresql": _copy}


# a row of the same key stays as it is, also one that another program makes just now
_INSERTS_OF_NEW: Mapping[str, Callable[[sa.Table], sa.Executable]] = {
    "sqlite": lambda table: sqlite.insert(table).on_conflict_do_nothing(),
    "postgresql": lambda table: postgresql.insert(table).on_conflict_do_nothing(),
}


def _chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
