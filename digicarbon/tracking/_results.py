"""All results of a sweep in files: a part for each batch as it is written, one Parquet file when the sweep ends."""

from __future__ import annotations

import time
import uuid
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from digicarbon.result import Result
from digicarbon.tracking._codec import decode
from digicarbon.tracking._places import put

RESULTS = "results.parquet"
PARTS = "results"
"""Folder of the parts of a sweep that has not ended, beside its `RESULTS`."""
GROUP = 5_000
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
    with pa.OSFile(str(path)) as file:
        return pa.ipc.open_file(file).read_all()


def merge(sources: Sequence[Path], target: Path, ids: Mapping[str, str]) -> int:
    """Write the rows of Parquet files and parts into one Parquet file, whole or not at all.

    Parameters
    ----------
    sources : sequence of Path
    target : Path
        May be one of the sources.
    ids : mapping of str to str
        The run in the store by the id that stands in a part; rows of others are left out: their batch was not recorded,
        or the run was deleted.

    Returns
    -------
    int
        How many rows were written.
    """
    schema = pa.unify_schemas([_schema(source) for source in sources])
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    count = 0
    try:
        with pq.ParquetWriter(half, schema, compression="zstd") as writer:
            for table in _grouped(_known(_tables(sources), ids)):
                writer.write_table(_aligned(table, schema))
                count += table.num_rows
        half.replace(target)
    finally:
        half.unlink(missing_ok=True)
    return count


def results(sources: Iterable[Path], run_ids: Container[str]) -> dict[str, Result]:
    """Return the results of runs from Parquet files and parts; runs without are left out."""
    found: dict[str, Result] = {}
    for source in sources:
        for table in _tables([source], ["run_id", "result"]):
            for run_id, text in zip(table["run_id"].to_pylist(), table["result"].to_pylist(), strict=True):
                if text and run_id in run_ids and run_id not in found:
                    found[run_id] = decode(text)
    return found


def _schema(source: Path) -> pa.Schema:
    if source.suffix == ".parquet":
        return pq.read_schema(source)
    with pa.OSFile(str(source)) as file:
        return pa.ipc.open_file(file).schema


def _tables(sources: Iterable[Path], columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    for source in sources:
        if source.suffix == ".parquet":
            with pq.ParquetFile(source) as file:
                for group in range(file.num_row_groups):
                    yield file.read_row_group(group, columns)
        else:
            part = read_part(source)
            yield part if columns is None else part.select(columns)


def _known(tables: Iterable[pa.Table], ids: Mapping[str, str]) -> Iterator[pa.Table]:
    """Yield tables with the store's ids and with each run once."""
    seen: set[str] = set()
    for table in tables:
        names = [ids.get(name) for name in table["run_id"].to_pylist()]
        for position, name in enumerate(names):
            if name in seen:
                names[position] = None
            elif name is not None:
                seen.add(name)
        column = pa.array(names, pa.string())
        kept = table.set_column(table.schema.get_field_index("run_id"), "run_id", column)
        yield kept.filter(pc.is_valid(column))


def _grouped(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(one.num_rows for one in held) >= GROUP:
            yield pa.concat_tables(held, promote_options="default")
            held = []
    if held:
        yield pa.concat_tables(held, promote_options="default")


def _aligned(table: pa.Table, schema: pa.Schema) -> pa.Table:
    names = set(table.column_names)
    columns = [table[field.name] if field.name in names else pa.nulls(table.num_rows, field.type) for field in schema]
    return pa.table(columns, schema=schema)
