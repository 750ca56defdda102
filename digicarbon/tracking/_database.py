"""Runs written straight into the tables of a database store, a batch in one transaction.

MLflow's public client has no call for several runs and costs some 22 ms a run; rows of the same tables cost a
thirtieth. The rows equal those of the client (a test compares every table about runs), and are written only into a
schema that is known here: any other database is written by the public client.
"""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from digicarbon.note import Note
from digicarbon.tracking._backend import EXPERIMENT_TAGS, Experiment, Parent
from digicarbon.tracking._link import Link, Transaction, linked
from digicarbon.tracking._places import local_folder, put
from digicarbon.tracking._results import sources
from digicarbon.tracking._rows import HASH, KIND, PARENT, SWEEP, Data, Row
from digicarbon.tracking._tables import DATASETS, HEADS, INPUTS, LATEST_METRICS, METRICS, PARAMS, RUNS, TAGS, WORKSPACE
from digicarbon.tracking._tables import EXPERIMENT_TAGS as TAGS_OF_EXPERIMENTS

if TYPE_CHECKING:
    from digicarbon.tracking._spool import Journal

CHUNK = 500
"""Values in one IN list."""
OWN = frozenset({"experiments", "alembic_version"})
"""The tables that every version of MLflow has."""


def opened(uri: str) -> Database | None:
    """Return a database with MLflow's tables, if its schema is known here, else None; nothing is created."""
    link = linked(uri)
    if link is not None:
        if _known(link):
            return Database(link)
        link.close()
    return None


def tables_of(uri: str) -> set[str]:
    """Return the names of a database's tables; nothing is created."""
    link = linked(uri)
    if link is None:
        import sqlalchemy as sa

        engine = sa.create_engine(uri)
        try:
            return set(sa.inspect(engine).get_table_names())
        finally:
            engine.dispose()
    with closing(link):
        return link.tables()


def _known(link: Link) -> bool:
    """Return whether a database has tables that are known here, and MLflow has finished creating them."""
    if "alembic_version" not in link.tables():
        return False
    with link.begin() as now:
        if not {head for (head,) in now.rows("SELECT version_num FROM alembic_version")} <= HEADS:
            return False
        # this row is created last; a store with workspaces is left to MLflow
        first = now.rows("SELECT 1 FROM experiments WHERE experiment_id = 0")
        shared = now.rows("SELECT 1 FROM experiments WHERE workspace <> ? LIMIT 1", [WORKSPACE])
        return bool(first) and not shared


class Database:
    """MLflow's tables of one database."""

    keeps_ids: ClassVar[bool] = True

    def __init__(self, link: Link) -> None:
        self._link = link

    def close(self) -> None:
        """Close the connections; the next call opens them again."""
        self._link.close()

    def experiment(self, name: str, location: str | None) -> Experiment:
        """Return the experiment of a name; make it, or restore it without the runs that were deleted with it."""
        query = (
            "SELECT experiment_id, artifact_location, lifecycle_stage FROM experiments WHERE name = ? AND workspace = ?"
        )
        with self._link.begin() as now:
            found = now.rows(query, [name, WORKSPACE])
            if not found:
                moment = _now()
                # another program may make it just now
                now.run(
                    "INSERT INTO experiments (name, workspace, artifact_location, lifecycle_stage, creation_time, "
                    "last_update_time) VALUES (?, ?, ?, 'active', ?, ?) ON CONFLICT DO NOTHING",
                    [name, WORKSPACE, location, moment, moment],
                )
                found = now.rows(query, [name, WORKSPACE])
                for key, value in EXPERIMENT_TAGS.items():
                    now.run(_of_new(TAGS_OF_EXPERIMENTS.insert), [key, value, found[0][0]])
            elif found[0][2] == "deleted":
                now.run(
                    "UPDATE experiments SET lifecycle_stage = 'active', last_update_time = ? WHERE experiment_id = ?",
                    [_now(), found[0][0]],
                )
        return Experiment(str(found[0][0]), found[0][1])

    def described(self, name: str) -> tuple[str, Mapping[str, str]] | None:
        """Return the id and the tags of the experiment of a name; None if there is none."""
        query = (
            "SELECT experiments.experiment_id, key, value FROM experiments LEFT JOIN experiment_tags "
            "ON experiment_tags.experiment_id = experiments.experiment_id WHERE name = ? AND workspace = ?"
        )
        with self._link.begin() as now:
            rows = now.rows(query, [name, WORKSPACE])
        if not rows:
            return None
        return str(rows[0][0]), {key: value for _, key, value in rows if key is not None}

    def describe(self, experiment_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of an experiment."""
        number = int(experiment_id)
        with self._link.begin() as now:
            query = f"SELECT key, value FROM experiment_tags WHERE experiment_id = ? AND key IN ({_marks(tags)})"
            before = {key: value for key, value in now.rows(query, [number, *tags])} if tags else {}
            # most sweeps find what they would write
            changed = {key: value for key, value in tags.items() if before.get(key) != value}
            if changed:
                deletion = f"DELETE FROM experiment_tags WHERE experiment_id = ? AND key IN ({_marks(changed)})"
                now.run(deletion, [number, *changed])
                now.insert(TAGS_OF_EXPERIMENTS, [(key, value, number) for key, value in changed.items()])

    def begin(
        self,
        experiment_id: str,
        name: str,
        tags: Mapping[str, str],
        params: Mapping[str, str],
        data: Sequence[Data] = (),
    ) -> Parent:
        """Start a sweep of runs on these data sets."""
        run_id, location, number = uuid.uuid4().hex, self._location(experiment_id), int(experiment_id)
        with self._link.begin() as now:
            datasets = self._dataset_ids(now, number, data)
            now.insert(RUNS, [_run(run_id, name, tags, "RUNNING", _now(), None, location, number)])
            now.insert(TAGS, _texts([(run_id, {"mlflow.runName": name, **tags})]))
            now.insert(PARAMS, _texts([(run_id, params)]))
            now.insert(INPUTS, [_input(run_id, one) for one in datasets.values()])
        return Parent(run_id, _artifacts(location, run_id))

    def running(self, experiment_id: str) -> list[Parent]:
        """Return the sweeps that have not ended."""
        query = (
            "SELECT runs.run_uuid, runs.artifact_uri FROM runs JOIN tags ON tags.run_uuid = runs.run_uuid "
            "WHERE tags.key = ? AND tags.value = ? AND runs.status = 'RUNNING' AND runs.experiment_id = ? "
            "AND runs.lifecycle_stage = 'active'"
        )
        return [Parent(*row) for row in self._rows(query, [KIND, SWEEP, int(experiment_id)])]

    def newest(self, experiment_id: str, tags: Mapping[str, str]) -> Parent | None:
        """Return the newest sweep with these tags that is not deleted."""
        tagged = " AND run_uuid IN (SELECT run_uuid FROM tags WHERE key = ? AND value = ?)" * len(tags)
        query = (
            f"SELECT run_uuid, artifact_uri FROM runs WHERE experiment_id = ? AND lifecycle_stage = 'active'{tagged} "
            "ORDER BY start_time DESC, run_uuid LIMIT 1"
        )
        found = self._rows(query, [int(experiment_id), *(part for tag in tags.items() for part in tag)])
        return Parent(*found[0]) if found else None

    def artifacts(self, run_id: str) -> str:
        """Return the address of the artifacts of a sweep."""
        found = self._rows("SELECT artifact_uri FROM runs WHERE run_uuid = ?", [run_id])
        if not found:
            raise LookupError(Note("store_no_sweep", sweep=run_id))
        return str(found[0][0])

    def go_on(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Record that a sweep is running again, under new tags."""
        with self._link.begin() as now:
            _update(now, run_id, status="RUNNING")
            _retag(now, run_id, tags)

    def end(self, run_id: str, status: str, numbers: Mapping[str, float], tags: Mapping[str, str]) -> None:
        """Record how a sweep ended: its metrics, and tags beside its own; a `LookupError` if it was deleted."""
        moment = _now()
        values = [(key, value, moment, 0, False, run_id) for key, value in numbers.items()]
        with self._link.begin() as now:
            _update(now, run_id, status=status, end_time=moment)
            _retag(now, run_id, tags)
            if numbers:
                deletion = f"DELETE FROM latest_metrics WHERE run_uuid = ? AND key IN ({_marks(numbers)})"
                now.run(deletion, [run_id, *numbers])
            now.insert(LATEST_METRICS, values)
            for value in values:
                # the number may exist already, from an end in the same millisecond
                now.run(_of_new(METRICS.insert), value)

    def put(self, parent: Parent, name: str, content: bytes | Path) -> None:
        """Store a file with a sweep, or a copy of a file."""
        put(_folder(parent.artifacts) / name, content)

    def deliver(self, experiment_id: str, rows: Sequence[Row], journal: Journal) -> None:
        """Write the rows that are not in the store yet, in one transaction."""
        present = set(self._first("SELECT run_uuid FROM runs WHERE run_uuid", [row.run_id for row in rows]))
        if missing := [row for row in rows if row.run_id not in present]:
            self.write(experiment_id, missing)
        journal.finish({row.run_id: row.run_id for row in rows})

    def write(self, experiment_id: str, rows: Sequence[Row]) -> None:
        """Write runs and their files: all of them, or none; a `LookupError` if their experiment was deleted.

        Files come first: a run in the database then has its files, and files without a run do no harm.
        """
        location, number = self._location(experiment_id), int(experiment_id)
        _write_files(rows, location)
        with self._link.begin() as now:
            # first, since it takes SQLite's lock: what is read afterwards cannot change before the end
            datasets = self._dataset_ids(now, number, [row.data for row in rows])
            runs = ((row.run_id, row.name, row.tags, row.status, row.start, row.end, location, number) for row in rows)
            now.insert(RUNS, [_run(*run) for run in runs])
            now.insert(TAGS, _texts((row.run_id, {"mlflow.runName": row.name, **row.all_tags}) for row in rows))
            now.insert(PARAMS, _texts((row.run_id, row.params) for row in rows))
            now.insert_into_both(METRICS, LATEST_METRICS, chain.from_iterable(map(_numbers, rows)))
            now.insert(INPUTS, [_input(row.run_id, datasets[row.data.name, row.data.digest]) for row in rows])
            for chunk in _chunks([row.replaces for row in rows if row.replaces]):
                change = "UPDATE runs SET lifecycle_stage = 'deleted', deleted_time = ?"
                now.run(f"{change} WHERE run_uuid IN ({_marks(chunk)})", [_now(), *chunk])

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._link.begin() as now:
            rows: list[tuple[Any, ...]] = now.rows(query, values)
            return rows

    def _location(self, experiment_id: str) -> str:
        """Return the place of the artifacts of an experiment that is not deleted."""
        query = "SELECT artifact_location FROM experiments WHERE experiment_id = ? AND lifecycle_stage = 'active'"
        found = self._rows(query, [int(experiment_id)])
        if not found or found[0][0] is None:
            raise LookupError(Note("store_experiment_deleted"))
        return str(found[0][0])

    def _first(self, query: str, ids: Sequence[str], *before: str) -> list[str]:
        """Return the first column of a query whose last condition is that something is one of some ids."""
        return [
            first
            for chunk in _chunks(ids)
            for (first,) in self._rows(f"{query} IN ({_marks(chunk)})", [*before, *chunk])
        ]

    def children(self, experiment_id: str, parent_id: str) -> list[tuple[str, str, str]]:
        """Return hash, id and status of the runs of a sweep that are not deleted."""
        query = (
            "SELECT own.value, runs.run_uuid, runs.status FROM tags AS parent "
            "JOIN runs ON runs.run_uuid = parent.run_uuid "
            "JOIN tags AS own ON own.run_uuid = parent.run_uuid AND own.key = ? "
            "WHERE parent.key = ? AND parent.value = ? AND runs.lifecycle_stage = 'active'"
        )
        return [(key, run_id, status) for key, run_id, status in self._rows(query, [HASH, PARENT, parent_id])]

    def runs(
        self, tags: Iterable[str], params: Iterable[str]
    ) -> tuple[list[tuple[str, str, int, int | None]], list[tuple[str, str, str]]]:
        """Return id, status, start and end of all runs that are not deleted, and the values of some keys of runs."""
        query = "SELECT run_uuid, status, start_time, end_time FROM runs WHERE lifecycle_stage = 'active'"
        with self._link.begin() as now:
            runs = [(run_id, status, start, end) for run_id, status, start, end in now.rows(query)]
            values = [
                (run_id, key, value)
                for table, keys in (("tags", list(tags)), ("params", list(params)))
                for run_id, key, value in now.rows(
                    f"SELECT run_uuid, key, value FROM {table} WHERE key IN ({_marks(keys)})", keys
                )
            ]
        return runs, values

    def finished(self) -> frozenset[str]:
        """Return the content hashes of all runs that are finished and not deleted."""
        query = f"SELECT tags.value {_FINISHED}"
        return frozenset(key for (key,) in self._rows(query, [HASH]))

    def find(self, keys: Iterable[str]) -> list[tuple[str, str]]:
        """Return hash and id of runs with these hashes that are finished and not deleted, the newest last."""
        hashes = set(keys)
        few = list(hashes) if len(hashes) <= CHUNK else []
        own = f" AND tags.value IN ({_marks(few)})" if few else ""
        query = f"SELECT tags.value, runs.run_uuid {_FINISHED}{own} ORDER BY runs.end_time"
        return [(key, run_id) for key, run_id in self._rows(query, [HASH, *few]) if key in hashes]

    def files(self, parent_id: str, scratch: Path) -> list[Path]:
        """Return the files that hold the results of a sweep; a `LookupError` if there is no such run."""
        found = self._rows("SELECT artifact_uri FROM runs WHERE run_uuid = ?", [parent_id])
        if not found:
            raise LookupError(f"it has no run {parent_id}")
        return sources(_folder(found[0][0]))

    def sources(self, run_ids: Iterable[str], scratch: Path) -> list[Path]:
        """Return the files that hold the results of runs."""
        parents = self._first("SELECT DISTINCT value FROM tags WHERE key = ? AND run_uuid", list(run_ids), PARENT)
        addresses = self._first("SELECT artifact_uri FROM runs WHERE run_uuid", sorted(set(parents)))
        return [path for folder in map(local_folder, addresses) if folder is not None for path in sources(folder)]

    def _dataset_ids(self, now: Transaction, experiment_id: int, data: Sequence[Data]) -> dict[tuple[str, str], str]:
        """Create missing data sets, and return the id of each of these by name and digest."""
        if not data:
            return {}
        # in one order, so that two programs never wait for each other
        every = sorted({(one.name, one.digest): one for one in data}.items())
        for (name, digest), one in every:
            values = (uuid.uuid4().hex, experiment_id, name, digest, "code", "{}", None, one.profile)
            now.run(_of_new(DATASETS.insert), values)
        ids: dict[tuple[str, str], str] = {}
        for chunk in _chunks(list({one.digest for one in data})):
            query = "SELECT name, digest, dataset_uuid FROM datasets WHERE experiment_id = ?"
            found = now.rows(f"{query} AND digest IN ({_marks(chunk)})", [experiment_id, *chunk])
            ids |= {(name, digest): own for name, digest, own in found}
        return {key: ids[key] for key, _ in every}


_FINISHED = (
    "FROM tags JOIN runs ON runs.run_uuid = tags.run_uuid "
    "WHERE tags.key = ? AND runs.status = 'FINISHED' AND runs.lifecycle_stage = 'active'"
)


def _update(now: Transaction, run_id: str, **values: Any) -> None:
    changes = ", ".join(f"{name} = ?" for name in values)
    statement = f"UPDATE runs SET {changes} WHERE run_uuid = ? AND lifecycle_stage = 'active'"
    if now.run(statement, [*values.values(), run_id]) == 0:
        raise LookupError(Note("store_run_deleted", run=run_id))


def _retag(now: Transaction, run_id: str, tags: Mapping[str, str]) -> None:
    """Set tags of a run, which may have some of them."""
    if tags:
        now.run(f"DELETE FROM tags WHERE run_uuid = ? AND key IN ({_marks(tags)})", [run_id, *tags])
        now.insert(TAGS, [(key, value, run_id) for key, value in tags.items()])


def _of_new(insert: str) -> str:
    """Return an insert that leaves a row of the same key unchanged, even if another program adds it just now."""
    return f"{insert} ON CONFLICT DO NOTHING"


def _marks(values: Iterable[str]) -> str:
    return ", ".join("?" for _ in values)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _folder(address: str) -> Path:
    folder = local_folder(address)
    if folder is None:
        raise LookupError(f"the artifacts are not in a folder but at {address}")
    return folder


def _artifacts(location: str, run_id: str) -> str:
    return f"{location.rstrip('/')}/{run_id}/artifacts"


def _run(
    run_id: str, name: str, tags: Mapping[str, str], status: str, start: int, end: int | None, location: str, of: int
) -> tuple[Any, ...]:
    """Return the columns of `RUNS` in their order; ``of`` is the experiment."""
    user, place = tags.get("mlflow.user", "unknown"), _artifacts(location, run_id)
    return run_id, name, "UNKNOWN", "", "", user, status, start, end, None, "", "active", place, of


def _texts(runs: Iterable[tuple[str, Mapping[str, str]]]) -> Iterator[tuple[str, str, str]]:
    """Return rows of `TAGS` or `PARAMS`, one after the other: a batch has tens of thousands."""
    return chain.from_iterable(zip(texts, texts.values(), repeat(run_id)) for run_id, texts in runs)


def _numbers(row: Row) -> Iterator[tuple[str, float, int, int, int, str]]:
    """Return rows of `METRICS`. Whether one is no number is 0 or 1: Python's driver takes long for booleans."""
    missing = [int(math.isnan(value)) for value in row.metrics.values()]
    values = [0.0 if none else value for none, value in zip(missing, row.metrics.values(), strict=True)]
    return zip(row.metrics, values, repeat(row.end), repeat(0), missing, repeat(row.run_id))


def _input(run_id: str, dataset_id: str) -> tuple[Any, ...]:
    return uuid.uuid4().hex, "DATASET", dataset_id, "RUN", run_id, 0


def _write_files(rows: Sequence[Row], location: str) -> None:
    for row in rows:
        for name, content in row.files.items():
            folder = _folder(_artifacts(location, row.run_id))
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)


def _chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
