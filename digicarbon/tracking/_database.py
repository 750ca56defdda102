"""Runs written straight into the tables of a database store, a batch in one transaction.

MLflow's public client has no call for several runs and costs some 22 ms a run; rows of the same tables cost a
thirtieth. The rows equal those of the client (a test compares every table about runs), and are written only into a
schema that is known here: any other database is written by the public client.
"""

from __future__ import annotations

import math
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from digicarbon.note import Note
from digicarbon.tracking._backend import EXPERIMENT_TAGS, Experiment, Parent
from digicarbon.tracking._places import local_folder, opening, put
from digicarbon.tracking._results import sources
from digicarbon.tracking._rows import HASH, KIND, PARENT, SWEEP, Data, Row
from digicarbon.tracking._tables import (
    DATASETS,
    EXPERIMENTS,
    HEADS,
    INPUTS,
    LATEST_METRICS,
    METRICS,
    PARAMS,
    RUNS,
    TAGS,
    WORKSPACE,
)
from digicarbon.tracking._tables import EXPERIMENT_TAGS as TAGS_OF_EXPERIMENTS

if TYPE_CHECKING:
    from digicarbon.tracking._spool import Journal

DRIVERS = frozenset({"sqlite+pysqlite", "postgresql+psycopg"})
PATIENCE = 60
"""Seconds that a batch waits for another program that writes into the same SQLite file."""
CACHE = 64
"""Megabytes that SQLite keeps of a file during a batch; with its own 2, batches get slower as a store grows."""
CHUNK = 500
"""Values in one IN list."""
OWN = frozenset({"experiments", "alembic_version"})
"""The tables that every version of MLflow has."""

Values = Sequence[tuple[Any, ...]]


def opened(uri: str) -> Database | None:
    """Return a database with MLflow's tables, if its schema is known here, else None; nothing is created.

    Raises
    ------
    SQLAlchemyError
        If the database does not answer, or is none.
    """
    driver = sa.make_url(uri).get_dialect()
    if f"{driver.name}+{driver.driver}" not in DRIVERS:
        return None
    wait = {"timeout": PATIENCE} if driver.name == "sqlite" else {"connect_timeout": 10}
    engine = sa.create_engine(opening(uri), connect_args=wait, pool_pre_ping=driver.name != "sqlite")
    if driver.name == "sqlite":
        sa.event.listen(engine, "connect", _enlarge)
    with engine.connect() as connection:
        if _known(connection):
            return Database(engine)
    engine.dispose()
    return None


def tables_of(uri: str) -> set[str]:
    """Return the names of a database's tables; nothing is created.

    Raises
    ------
    SQLAlchemyError
        If the database does not answer, or is none.
    """
    engine = sa.create_engine(opening(uri))
    try:
        return set(sa.inspect(engine).get_table_names())
    finally:
        engine.dispose()


def _known(connection: sa.Connection) -> bool:
    """Return whether a database has tables that are known here, and MLflow has finished creating them."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return False
    if connection.scalar(sa.text("SELECT version_num FROM alembic_version")) not in HEADS:
        return False
    # this row is created last; a store with workspaces is left to MLflow
    first = sa.exists().where(EXPERIMENTS.c.experiment_id == 0)
    shared = sa.exists().where(EXPERIMENTS.c.workspace != WORKSPACE)
    return bool(connection.scalar(sa.select(first & ~shared)))


class Database:
    """MLflow's tables of one database."""

    keeps_ids: ClassVar[bool] = True

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._insert: Callable[[sa.Connection, sa.Table, Values], None] = _INSERTS[engine.dialect.name]
        self._new = partial(_insert_of_new, engine.dialect.name)

    def close(self) -> None:
        """Close the connections; the next call opens them again."""
        self._engine.dispose()

    def experiment(self, name: str, location: str | None) -> Experiment:
        """Return the experiment of a name; make it, or restore it without the runs that were deleted with it."""
        now = _now()
        columns = EXPERIMENTS.c
        query = sa.select(columns.experiment_id, columns.artifact_location, columns.lifecycle_stage)
        query = query.where(columns.name == name, columns.workspace == WORKSPACE)
        with self._engine.begin() as connection:
            row = connection.execute(query).first()
            if row is None:
                content = {
                    "name": name,
                    "workspace": WORKSPACE,
                    "artifact_location": location,
                    "lifecycle_stage": "active",
                    "creation_time": now,
                    "last_update_time": now,
                }
                connection.execute(self._new(EXPERIMENTS), content)
                row = connection.execute(query).one()
                tags = [
                    {"experiment_id": row.experiment_id, "key": key, "value": value}
                    for key, value in EXPERIMENT_TAGS.items()
                ]
                connection.execute(self._new(TAGS_OF_EXPERIMENTS), tags)
            elif row.lifecycle_stage == "deleted":
                restoration = sa.update(EXPERIMENTS).where(columns.experiment_id == row.experiment_id)
                connection.execute(restoration.values(lifecycle_stage="active", last_update_time=now))
        return Experiment(str(row.experiment_id), row.artifact_location)

    def describe(self, experiment_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of an experiment."""
        columns, number = TAGS_OF_EXPERIMENTS.c, int(experiment_id)
        with self._engine.begin() as connection:
            known = sa.select(columns.key, columns.value).where(columns.experiment_id == number)
            before = {row.key: row.value for row in connection.execute(known.where(columns.key.in_(list(tags))))}
            # most sweeps find what they would write
            changed = {key: value for key, value in tags.items() if before.get(key) != value}
            deletion = sa.delete(TAGS_OF_EXPERIMENTS).where(columns.experiment_id == number)
            connection.execute(deletion.where(columns.key.in_(list(changed))))
            values = [(key, value, number) for key, value in changed.items()]
            self._insert(connection, TAGS_OF_EXPERIMENTS, values)

    def begin(
        self,
        experiment_id: str,
        name: str,
        tags: Mapping[str, str],
        params: Mapping[str, str],
        data: Sequence[Data] = (),
    ) -> Parent:
        """Start a sweep of runs on these data sets."""
        run_id = uuid.uuid4().hex
        parent = Parent(run_id, _artifacts(self._location(experiment_id), run_id))
        with self._engine.begin() as connection:
            datasets = self._dataset_ids(connection, int(experiment_id), data)
            user = tags.get("mlflow.user", "unknown")
            run = (parent.run_id, name, "UNKNOWN", "", "", user, "RUNNING", _now(), None, None, "", "active")
            self._insert(connection, RUNS, [(*run, parent.artifacts, int(experiment_id))])
            every = {"mlflow.runName": name, **tags}
            self._insert(connection, TAGS, [(key, value, parent.run_id) for key, value in every.items()])
            self._insert(connection, PARAMS, [(key, value, parent.run_id) for key, value in params.items()])
            self._insert(connection, INPUTS, [_input(run_id, one) for one in datasets.values()])
        return parent

    def running(self, experiment_id: str) -> list[Parent]:
        """Return the sweeps that have not ended."""
        query = (
            sa.select(RUNS.c.run_uuid, RUNS.c.artifact_uri)
            .join(TAGS, TAGS.c.run_uuid == RUNS.c.run_uuid)
            .where(TAGS.c.key == KIND, TAGS.c.value == SWEEP, RUNS.c.status == "RUNNING")
            .where(RUNS.c.experiment_id == int(experiment_id), RUNS.c.lifecycle_stage == "active")
        )
        with self._engine.connect() as connection:
            return [Parent(row.run_uuid, row.artifact_uri) for row in connection.execute(query)]

    def newest(self, experiment_id: str, tags: Mapping[str, str]) -> Parent | None:
        """Return the newest sweep with these tags that is not deleted."""
        tagged = [
            sa.select(TAGS.c.run_uuid).where(TAGS.c.key == key, TAGS.c.value == text) for key, text in tags.items()
        ]
        query = (
            sa.select(RUNS.c.run_uuid, RUNS.c.artifact_uri)
            .where(*(RUNS.c.run_uuid.in_(runs) for runs in tagged))
            .where(RUNS.c.experiment_id == int(experiment_id), RUNS.c.lifecycle_stage == "active")
            .order_by(RUNS.c.start_time.desc(), RUNS.c.run_uuid)
            .limit(1)
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else Parent(row.run_uuid, row.artifact_uri)

    def artifacts(self, run_id: str) -> str:
        """Return the address of the artifacts of a sweep."""
        with self._engine.connect() as connection:
            address = connection.scalar(sa.select(RUNS.c.artifact_uri).where(RUNS.c.run_uuid == run_id))
        if address is None:
            raise LookupError(Note("store_no_sweep", sweep=run_id))
        return str(address)

    def go_on(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Record that a sweep is running again, under new tags."""
        with self._engine.begin() as connection:
            self._update(connection, run_id, status="RUNNING")
            self._retag(connection, run_id, tags)

    def _retag(self, connection: sa.Connection, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of a run, which may have some of them."""
        connection.execute(sa.delete(TAGS).where(TAGS.c.run_uuid == run_id, TAGS.c.key.in_(list(tags))))
        self._insert(connection, TAGS, [(key, value, run_id) for key, value in tags.items()])

    def end(self, run_id: str, status: str, numbers: Mapping[str, float], tags: Mapping[str, str]) -> None:
        """Record how a sweep ended: its metrics, and tags beside those that it has.

        Raises
        ------
        LookupError
            If it was deleted.
        """
        now = _now()
        values = [(key, value, now, 0, False, run_id) for key, value in numbers.items()]
        with self._engine.begin() as connection:
            self._update(connection, run_id, status=status, end_time=now)
            self._retag(connection, run_id, tags)
            deletion = sa.delete(LATEST_METRICS).where(LATEST_METRICS.c.run_uuid == run_id)
            connection.execute(deletion.where(LATEST_METRICS.c.key.in_(list(numbers))))
            self._insert(connection, LATEST_METRICS, values)
            names = METRICS.c.keys()
            for value in values:
                # the number may exist already, from an end in the same millisecond
                connection.execute(self._new(METRICS), dict(zip(names, value, strict=True)))

    def put(self, parent: Parent, name: str, content: bytes | Path) -> None:
        """Store a file with a sweep, or a copy of a file."""
        put(_folder(parent.artifacts) / name, content)

    def deliver(self, experiment_id: str, rows: Sequence[Row], journal: Journal) -> None:
        """Write the rows that are not in the store yet, in one transaction."""
        missing = self._missing(rows)
        if missing:
            self.write(experiment_id, missing)
        journal.finish({row.run_id: row.run_id for row in rows})

    def write(self, experiment_id: str, rows: Sequence[Row]) -> None:
        """Write runs and their files: all of them, or none.

        Files come first: a run in the database then has its files, and files without a run do no harm.

        Raises
        ------
        LookupError
            If the experiment is not there, or was deleted.
        """
        location = self._location(experiment_id)
        _write_files(rows, location)
        with self._engine.begin() as connection:
            # first, since it takes SQLite's lock: what is read afterwards cannot change before the end
            datasets = self._dataset_ids(connection, int(experiment_id), [row.data for row in rows])
            self._insert(connection, RUNS, [_run(row, location, int(experiment_id)) for row in rows])
            self._insert(connection, TAGS, _tags(rows))
            self._insert(connection, PARAMS, [(k, v, row.run_id) for row in rows for k, v in row.params.items()])
            numbers = _numbers(rows)
            self._insert(connection, METRICS, numbers)
            self._insert(connection, LATEST_METRICS, numbers)
            inputs = [_input(row.run_id, datasets[row.data.name, row.data.digest]) for row in rows]
            self._insert(connection, INPUTS, inputs)
            self._delete(connection, [row.replaces for row in rows if row.replaces])

    def _location(self, experiment_id: str) -> str:
        """Return the place of the artifacts of an experiment that is not deleted."""
        query = sa.select(EXPERIMENTS.c.artifact_location).where(EXPERIMENTS.c.experiment_id == int(experiment_id))
        with self._engine.connect() as connection:
            location = connection.scalar(query.where(EXPERIMENTS.c.lifecycle_stage == "active"))
        if location is None:
            raise LookupError(Note("store_experiment_deleted"))
        return str(location)

    def _update(self, connection: sa.Connection, run_id: str, **values: Any) -> None:
        run = sa.update(RUNS).where(RUNS.c.run_uuid == run_id, RUNS.c.lifecycle_stage == "active")
        if connection.execute(run.values(**values)).rowcount == 0:
            raise LookupError(Note("store_run_deleted", run=run_id))

    def _missing(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows whose runs are not in the database."""
        present: set[str] = set()
        with self._engine.connect() as connection:
            for chunk in _chunks([row.run_id for row in rows]):
                query = sa.select(RUNS.c.run_uuid).where(RUNS.c.run_uuid.in_(chunk))
                present.update(connection.scalars(query))
        return [row for row in rows if row.run_id not in present]

    def children(self, experiment_id: str, parent_id: str) -> list[tuple[str, str, str]]:
        """Return hash, id and status of the runs of a sweep that are not deleted."""
        parent, key = TAGS.alias(), TAGS.alias()
        query = (
            sa.select(key.c.value, RUNS.c.run_uuid, RUNS.c.status)
            .select_from(parent)
            .join(RUNS, RUNS.c.run_uuid == parent.c.run_uuid)
            .join(key, (key.c.run_uuid == parent.c.run_uuid) & (key.c.key == HASH))
            .where(parent.c.key == PARENT, parent.c.value == parent_id, RUNS.c.lifecycle_stage == "active")
        )
        with self._engine.connect() as connection:
            return [(row[0], row[1], row[2]) for row in connection.execute(query)]

    def runs(
        self, tags: Iterable[str], params: Iterable[str]
    ) -> tuple[list[tuple[str, str, int, int | None]], list[tuple[str, str, str]]]:
        """Return id, status, start and end of all runs that are not deleted, and the values of some keys of runs."""
        rows = RUNS.c
        query = sa.select(rows.run_uuid, rows.status, rows.start_time, rows.end_time)
        with self._engine.connect() as connection:
            runs = [
                (row[0], row[1], row[2], row[3])
                for row in connection.execute(query.where(rows.lifecycle_stage == "active"))
            ]
            values = [
                (row[0], row[1], row[2])
                for table, keys in ((TAGS, tags), (PARAMS, params))
                for row in connection.execute(
                    sa.select(table.c.run_uuid, table.c.key, table.c.value).where(table.c.key.in_(list(keys)))
                )
            ]
        return runs, values

    def finished(self) -> frozenset[str]:
        """Return the content hashes of all runs that are finished and not deleted."""
        query = (
            sa.select(TAGS.c.value)
            .join(RUNS, RUNS.c.run_uuid == TAGS.c.run_uuid)
            .where(TAGS.c.key == HASH, RUNS.c.status == "FINISHED", RUNS.c.lifecycle_stage == "active")
        )
        with self._engine.connect() as connection:
            return frozenset(connection.scalars(query).all())

    def find(self, keys: Iterable[str]) -> list[tuple[str, str]]:
        """Return hash and id of runs with these hashes that are finished and not deleted, the newest last."""
        hashes = set(keys)
        query = (
            sa.select(TAGS.c.value, RUNS.c.run_uuid)
            .join(RUNS, RUNS.c.run_uuid == TAGS.c.run_uuid)
            .where(TAGS.c.key == HASH, RUNS.c.status == "FINISHED")
            .where(RUNS.c.lifecycle_stage == "active")
            .order_by(RUNS.c.end_time)
        )
        if len(hashes) <= CHUNK:
            query = query.where(TAGS.c.value.in_(hashes))
        with self._engine.connect() as connection:
            return [(row[0], row[1]) for row in connection.execute(query) if row[0] in hashes]

    def files(self, parent_id: str, scratch: Path) -> list[Path]:
        """Return the files that hold the results of a sweep.

        Raises
        ------
        LookupError
            If there is no such run.
        """
        with self._engine.connect() as connection:
            address = connection.scalar(sa.select(RUNS.c.artifact_uri).where(RUNS.c.run_uuid == parent_id))
        if address is None:
            raise LookupError(f"it has no run {parent_id}")
        return sources(_folder(address))

    def sources(self, run_ids: Iterable[str], scratch: Path) -> list[Path]:
        """Return the files that hold the results of runs."""
        folders = map(local_folder, self._folders(run_ids))
        return [path for folder in folders if folder is not None for path in sources(folder)]

    def _folders(self, run_ids: Iterable[str]) -> list[str]:
        """Return where the artifacts of the sweeps of runs are."""
        parents: set[str] = set()
        with self._engine.connect() as connection:
            for chunk in _chunks(list(run_ids)):
                query = sa.select(TAGS.c.value).where(TAGS.c.key == PARENT)
                parents.update(connection.scalars(query.where(TAGS.c.run_uuid.in_(chunk)).distinct()))
            folders: list[str] = []
            for chunk in _chunks(sorted(parents)):
                selection = sa.select(RUNS.c.artifact_uri)
                folders.extend(connection.scalars(selection.where(RUNS.c.run_uuid.in_(chunk))))
        return folders

    def _dataset_ids(
        self, connection: sa.Connection, experiment_id: int, data: Sequence[Data]
    ) -> dict[tuple[str, str], str]:
        """Create missing data sets, and return the id of each of these by name and digest."""
        if not data:
            return {}
        # in one order, so that two programs never wait for each other
        every = sorted({(one.name, one.digest): one for one in data}.items())
        contents = [
            {
                "dataset_uuid": uuid.uuid4().hex,
                "experiment_id": experiment_id,
                "name": name,
                "digest": digest,
                "dataset_source_type": "code",
                "dataset_source": "{}",
                "dataset_schema": None,
                "dataset_profile": one.profile,
            }
            for (name, digest), one in every
        ]
        connection.execute(self._new(DATASETS), contents)
        ids: dict[tuple[str, str], str] = {}
        table = DATASETS.c
        digests = list({one.digest for one in data})
        for chunk in _chunks(digests):
            query = sa.select(table.name, table.digest, table.dataset_uuid)
            for row in connection.execute(query.where(table.experiment_id == experiment_id, table.digest.in_(chunk))):
                ids[row.name, row.digest] = row.dataset_uuid
        return {key: ids[key] for key, _ in every}

    def _delete(self, connection: sa.Connection, run_ids: Sequence[str]) -> None:
        for chunk in _chunks(run_ids):
            update = sa.update(RUNS).where(RUNS.c.run_uuid.in_(chunk))
            connection.execute(update.values(lifecycle_stage="deleted", deleted_time=_now()))


def _enlarge(connection: sqlite3.Connection, record: object) -> None:
    connection.execute(f"PRAGMA cache_size = -{CACHE * 1024}")


def _now() -> int:
    return time.time_ns() // 1_000_000


def _folder(address: str) -> Path:
    folder = local_folder(address)
    if folder is None:
        raise LookupError(f"the artifacts are not in a folder but at {address}")
    return folder


def _artifacts(location: str, run_id: str) -> str:
    return f"{location.rstrip('/')}/{run_id}/artifacts"


def _run(row: Row, location: str, experiment_id: int) -> tuple[Any, ...]:
    """Return the columns of `RUNS` in their order."""
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
        _artifacts(location, row.run_id),
        experiment_id,
    )


def _tags(rows: Sequence[Row]) -> list[tuple[str, str, str]]:
    return [
        (key, value, row.run_id) for row in rows for key, value in (("mlflow.runName", row.name), *row.all_tags.items())
    ]


def _numbers(rows: Sequence[Row]) -> list[tuple[str, float, int, int, bool, str]]:
    return [
        (key, 0.0 if math.isnan(value) else value, row.end, 0, math.isnan(value), row.run_id)
        for row in rows
        for key, value in row.metrics.items()
    ]


def _input(run_id: str, dataset_id: str) -> tuple[Any, ...]:
    return uuid.uuid4().hex, "DATASET", dataset_id, "RUN", run_id, 0


def _write_files(rows: Sequence[Row], location: str) -> None:
    for row in rows:
        for name, content in row.files.items():
            folder = _folder(_artifacts(location, row.run_id))
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)


def _many(connection: sa.Connection, table: sa.Table, values: Values) -> None:
    """Insert tuples by the driver's own call: SQLAlchemy's work on each value costs more than the insert."""
    if values:
        columns = table.columns.keys()
        marks = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})", list(values))


def _copy(connection: sa.Connection, table: sa.Table, values: Values) -> None:
    """Insert tuples by PostgreSQL's COPY, in the transaction of the connection."""
    statement = f"COPY {table.name} ({', '.join(table.columns.keys())}) FROM STDIN"
    with closing(connection.connection.cursor()) as cursor, cursor.copy(statement) as to:
        for value in values:
            to.write_row(value)


_INSERTS: Mapping[str, Callable[[sa.Connection, sa.Table, Values], None]] = {"sqlite": _many, "postgresql": _copy}


def _insert_of_new(dialect: str, table: sa.Table) -> sa.Executable:
    """Return an insert that leaves a row of the same key unchanged, even if another program adds it just now."""
    # PostgreSQL's dialect is slow to import, and few stores need it
    statement: sa.Executable = import_module(f"sqlalchemy.dialects.{dialect}").insert(table).on_conflict_do_nothing()
    return statement


def _chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
