"""All results of a sweep in files: a part for each batch as it is written, one Parquet file when the sweep ends."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from digicarbon.result import Result
from digicarbon.tracking._codec import HEAD, decode
from digicarbon.tracking._places import put

RESULTS = "results.parquet"
PARTS = "results"
"""Folder of the parts of a sweep that has not ended, beside its `RESULTS`."""
GROUP = 2_000
"""Rows of a row group: enough to be compressed well, few enough for any memory."""


def write_part(folder: Path, table: pa.Table) -> Path:
    """Write a batch into a folder, whole or not at all; names are in the order of writing."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    path = folder / f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}.arrow"
    put(path, sink.getvalue())
    return path


def parts(folder: Path) -> list[Path]:
    """Return the parts in a folder in the order of writing."""
    return sorted(folder.glob("[0-9]*.arrow"))


def read_part(path: Path) -> pa.Table:
    """Return a part."""
    return _read(path, 0)


def sources(folder: Path) -> list[Path]:
    """Return the files of results in a sweep's folder: the merged file of an earlier end, and later parts."""
    whole = folder / RESULTS
    return [*([whole] if whole.is_file() else []), *parts(folder / PARTS)]


def merge(files: Sequence[Path], target: Path, known: Callable[[str], str | None]) -> int:
    """Write the rows of Parquet files and parts into one Parquet file, whole or not at all.

    Parameters
    ----------
    files : sequence of Path
    target : Path
        May be one of the files.
    known : callable
        Maps an id in a file to the run's id in the store; None leaves the row out, since its batch was not recorded or
        the run was deleted.

    Returns
    -------
    int
        Number of rows written.
    """
    schema = pa.unify_schemas([_schema(file) for file in files])
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    count = 0
    try:
        with pq.ParquetWriter(half, schema, compression="zstd") as writer:
            for table in _grouped(_with_store_ids(_tables(files), known)):
                writer.write_table(_aligned(table, schema))
                count += table.num_rows
        half.replace(target)
    finally:
        half.unlink(missing_ok=True)
    return count


class StoredResults(Mapping[str, Result]):
    """Results in Parquet files and parts: listed at once, read and decoded when they are needed.

    It holds only the name and the place of each result; results that cannot be read are left out.

    Parameters
    ----------
    files : sequence of Path
        They must not change.
    by : {"run_id", "hash"}
        The names of results.
    """

    def __init__(self, files: Sequence[Path], by: str = "run_id") -> None:
        self._groups = [(file, group) for file in files for group in range(_groups(file))]
        self._places: dict[str, tuple[int, int]] = {}
        for number, (file, group) in enumerate(self._groups):
            table = _read(file, group, [by, "result"])
            # a file of another version is no reason to fail: its runs are fitted again
            readable = pc.fill_null(pc.starts_with(table["result"], HEAD), False)
            for row, (name, good) in enumerate(zip(table[by].to_pylist(), readable.to_pylist(), strict=True)):
                if good and name:
                    self._places.setdefault(name, (number, row))

    def __getitem__(self, name: str) -> Result:
        _, result = next(self.read([name]))
        return result

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def read(self, names: Iterable[str]) -> Iterator[tuple[str, Result]]:
        """Yield results with their names in the order of ``names``; few of them are in memory at once.

        Raises
        ------
        KeyError
            If a name is not known.
        """
        rest = iter(names)
        while window := list(islice(rest, GROUP)):
            texts = self._texts(window)
            for name in window:
                yield name, decode(texts[name])

    def _texts(self, names: Sequence[str]) -> dict[str, str]:
        rows_of: dict[int, list[tuple[str, int]]] = {}
        for name in names:
            number, row = self._places[name]
            rows_of.setdefault(number, []).append((name, row))
        result: dict[str, str] = {}
        for number, rows in rows_of.items():
            column = _read(*self._groups[number], ["result"])["result"]
            texts = column.take(pa.array([row for _, row in rows])).to_pylist()
            result |= zip((name for name, _ in rows), texts, strict=True)
        return result


def _schema(source: Path) -> pa.Schema:
    if source.suffix == ".parquet":
        return pq.read_schema(source)
    with pa.OSFile(str(source)) as file:
        return pa.ipc.open_file(file).schema


def _groups(source: Path) -> int:
    """Return how many groups of rows a file has; a part is one."""
    return pq.read_metadata(source).num_row_groups if source.suffix == ".parquet" else 1


def _read(source: Path, group: int, columns: Sequence[str] | None = None) -> pa.Table:
    """Return some columns of a group of rows, by default all."""
    if source.suffix == ".parquet":
        with pq.ParquetFile(source) as whole:
            return whole.read_row_group(group, columns)
    with pa.OSFile(str(source)) as file:
        if columns is None:
            return pa.ipc.open_file(file).read_all()
        names = pa.ipc.open_file(file).schema.names
        options = pa.ipc.IpcReadOptions(included_fields=[names.index(name) for name in columns])
        return pa.ipc.open_file(file, options=options).read_all().select(columns)


def _tables(files: Iterable[Path], columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    for source in files:
        for group in range(_groups(source)):
            yield _read(source, group, columns)


def _with_store_ids(tables: Iterable[pa.Table], known: Callable[[str], str | None]) -> Iterator[pa.Table]:
    """Yield tables with the store's ids and with each run once."""
    seen: set[str] = set()
    for table in tables:
        names = [known(name) for name in table["run_id"].to_pylist()]
        for position, name in enumerate(names):
            if name in seen:
                names[position] = None
            elif name is not None:
                seen.add(name)
        column = pa.array(names, pa.string())
        renamed = table.set_column(table.schema.get_field_index("run_id"), "run_id", column)
        yield renamed.filter(pc.is_valid(column))


def _grouped(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    pending: list[pa.Table] = []
    for table in tables:
        pending.append(table)
        if sum(one.num_rows for one in pending) >= GROUP:
            yield pa.concat_tables(pending, promote_options="default")
            pending = []
    if pending:
        yield pa.concat_tables(pending, promote_options="default")


def _aligned(table: pa.Table, schema: pa.Schema) -> pa.Table:
    names = set(table.column_names)
    columns = [table[field.name] if field.name in names else pa.nulls(table.num_rows, field.type) for field in schema]
    return pa.table(columns, schema=schema)


def replaced(files: Iterable[Path]) -> set[str]:
    """Return the ids of runs that were replaced by another."""
    return {name for table in _tables(files, ["replaces"]) for name in table["replaces"].to_pylist() if name}


def run_ids(files: Iterable[Path]) -> set[str]:
    """Return the run ids in files."""
    return {name for table in _tables(files, ["run_id"]) for name in table["run_id"].to_pylist()}


def frame(files: Sequence[Path], columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Return rows as a table for reading, by default without the two long texts."""
    names = list(dict.fromkeys(name for file in files for name in _schema(file).names))
    chosen = [name for name in names if name not in ("config", "result")] if columns is None else columns
    tables: list[pa.Table] = []
    for file in files:
        present = [name for name in chosen if name in _schema(file).names]
        tables.extend(_tables([file], present))
    result: pd.DataFrame = pa.concat_tables(tables, promote_options="default").to_pandas()
    return result
