"""Connections to a database: a file by Python's own driver, a server by SQLAlchemy, which takes long to import.

Statements are the same for both. Their values stand for question marks.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from digicarbon.tracking._places import SQLITE, absolute, opening
from digicarbon.tracking._tables import Table

if TYPE_CHECKING:
    import sqlalchemy as sa

PATIENCE = 60
"""Seconds that a batch waits for another program that writes into the same SQLite file."""
CACHE = 64
"""Megabytes that SQLite keeps of a file during a batch; with its own 2, batches get slower as a store grows."""

Values = Iterable[tuple[Any, ...]]
Link: TypeAlias = "File | Server"
"""A database."""
Transaction: TypeAlias = "_Statements | _ServersStatements"
"""Statements that all have an effect, or none."""


def linked(uri: str) -> Link | None:
    """Return a database by its address, or None if its driver is none of ours; nothing is created.

    Raises SQLAlchemyError, ImportError if the address is none, or its driver is not installed.
    """
    if uri.startswith(SQLITE) and not uri.startswith(f"{SQLITE}file:"):
        place = absolute(uri).removeprefix(SQLITE)
        return File(lambda: sqlite3.connect(place, timeout=PATIENCE, check_same_thread=False))
    import sqlalchemy as sa

    url = sa.make_url(opening(uri))
    dialect = url.get_dialect()
    if (dialect.name, dialect.driver) == ("sqlite", "pysqlite"):
        (place, *_), options = dialect().create_connect_args(url)
        more: Any = {**options, "timeout": PATIENCE, "check_same_thread": False}
        return File(lambda: sqlite3.connect(str(place), **more))
    if (dialect.name, dialect.driver) == ("postgresql", "psycopg"):
        return Server(sa.create_engine(url, connect_args={"connect_timeout": 10}, pool_pre_ping=True))
    return None


class File:
    """A file of SQLite, with one connection."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """Give statements that all have an effect, or none."""
        if self._connection is None:
            self._connection = self._connect()
            _prepare(self._connection)
        with self._connection:
            yield _Statements(self._connection)

    def tables(self) -> set[str]:
        """Return the names of the tables."""
        with self.begin() as now:
            return {name for (name,) in now.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def close(self) -> None:
        """Close the connection; the next transaction opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA cache_size = -{CACHE * 1024}")


class _Statements:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self._connection.execute(statement, values).fetchall()

    def run(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run a statement, and return how many rows it changed."""
        return self._connection.execute(statement, values).rowcount

    def insert(self, table: Table, values: Values) -> None:
        """Insert rows, whose values are in the order of the table's columns."""
        self._connection.executemany(table.insert, values)

    def insert_into_both(self, table: Table, other: Table, values: Values) -> None:
        """Insert the same new rows into two tables of equal columns."""
        ((last,),) = self.rows(f"SELECT coalesce(max(rowid), 0) FROM {table.name}")
        self.insert(table, values)
        # SQLite copies rows in two thirds of the time in which it takes them from Python
        columns = ", ".join(other.columns)
        self.run(f"INSERT INTO {other.name} ({columns}) SELECT {columns} FROM {table.name} WHERE rowid > ?", [last])


class Server:
    """A server of PostgreSQL."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """Give statements that all have an effect, or none."""
        with self._engine.begin() as connection:
            yield _ServersStatements(connection)

    def tables(self) -> set[str]:
        """Return the names of the tables."""
        import sqlalchemy as sa

        return set(sa.inspect(self._engine).get_table_names())

    def close(self) -> None:
        """Close the connections; the next transaction opens them again."""
        self._engine.dispose()


class _ServersStatements:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return [tuple(row) for row in self._run(statement, values)]

    def run(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run a statement, and return how many rows it changed."""
        return self._run(statement, values).rowcount

    def insert(self, table: Table, values: Values) -> None:
        """Insert rows by PostgreSQL's COPY, in the transaction of the connection."""
        statement = f"COPY {table.name} ({', '.join(table.columns)}) FROM STDIN"
        with closing(self._connection.connection.cursor()) as cursor, cursor.copy(statement) as to:
            for value in values:
                to.write_row(value)

    def insert_into_both(self, table: Table, other: Table, values: Values) -> None:
        """Insert the same new rows into two tables of equal columns."""
        every = list(values)
        self.insert(table, every)
        self.insert(other, every)

    def _run(self, statement: str, values: Sequence[Any]) -> sa.CursorResult[Any]:
        return self._connection.exec_driver_sql(statement.replace("?", "%s"), tuple(values))
