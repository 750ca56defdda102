"""All results of a sweep in files: a part for each batch as it is written, one Parquet file when the sweep ends."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pandas as pd
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


def sources(folder: Path) -> list[Path]:
    """Return the files of results in a sweep's folder: the whole of an earlier end, and parts since."""
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
        Takes the id that stands in a file, gives the run's id in the store; None for rows that are left out since their
        batch was not recorded, or the run was deleted.

    Returns
    -------
    int
        How many rows were written.
    """
    schema = pa.unify_schemas([_schema(file) for file in files])
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    count = 0
    try:
        with pq.ParquetWriter(half, schema, compression="zstd") as writer:
            for table in _grouped(_known(_tables(files), known)):
                writer.write_table(_aligned(table, schema))
                count += table.num_rows
        half.replace(target)
    finally:
        half.unlink(missing_ok=True)
    return count


def results(files: Iterable[Path], run_ids: Container[str], known: Mapping[str, str]) -> dict[str, Result]:
    """Return the results of runs from Parquet files and parts; runs without are left out.

    Parameters
    ----------
    files : iterable of Path
    run_ids : container of str
        Of the store.
    known : mapping of str to str
        The store's ids by those in the files, where they differ.
    """
    found: dict[str, Result] = {}
    for table in _tables(files, ["run_id", "result"]):
        for name, text in zip(table["run_id"].to_pylist(), table["result"].to_pylist(), strict=True):
            run_id = known.get(name, name)
            if text and run_id in run_ids and run_id not in found:
                # a file of another version is no reason to fail: its runs are fitted again
                with suppress(ValueError):
                    found[run_id] = decode(text)
    return found


def _schema(source: Path) -> pa.Schema:
    if source.suffix == ".parquet":
        return pq.read_schema(source)
    with pa.OSFile(str(source)) as file:
        return pa.ipc.open_file(file).schema


def _tables(files: Iterable[Path], columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    for source in files:
        if source.suffix == ".parquet":
            with pq.ParquetFile(source) as whole:
                for group in range(whole.num_row_groups):
                    yield whole.read_row_group(group, columns)
        else:
            part = read_part(source)
            yield part if columns is None else part.select(columns)


def _known(tables: Iterable[pa.Table], known: Callable[[str], str | None]) -> Iterator[pa.Table]:
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


def replaced(files: Iterable[Path]) -> set[str]:
    """Return the runs whose place was taken by another."""
    return {name for table in _tables(files, ["replaces"]) for name in table["replaces"].to_pylist() if name}


def run_ids(files: Iterable[Path]) -> set[str]:
    """Return the ids that stand in files."""
    return {name for table in _tables(files, ["run_id"]) for name in table["run_id"].to_pylist()}


def frame(files: Sequence[Path], columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Return rows as a table for reading, by default without the two long texts."""
    names = list(dict.fromkeys(name for file in files for name in _schema(file).names))
    wanted = [name for name in names if name not in ("config", "result")] if columns is None else columns
    tables: list[pa.Table] = []
    for file in files:
        there = [name for name in wanted if name in _schema(file).names]
        tables.extend(_tables([file], there))
    found: pd.DataFrame = pa.concat_tables(tables, promote_options="default").to_pandas()
    return found
