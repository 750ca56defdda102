"""The files of a sweep: its planned runs, stored before the first fit, and all results.

Results are a part for each batch as it is written, one Parquet file when the sweep ends. A result is a text and back:
everything but its residuals, every number to the last bit.
"""

from __future__ import annotations

import base64
import json
import os
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from digicarbon.arrays import FloatArray
from digicarbon.disk.frames import Column, Lists
from digicarbon.note import Note, note_of
from digicarbon.note.recorded import read, read_all, read_cell, read_pair
from digicarbon.panel import constituents
from digicarbon.result import (
    CONSTANT,
    DUMMY,
    EFFECTS,
    LAG_ERROR,
    LAG_Y,
    REGRESSOR,
    VARIANCE,
    Constituent,
    Effects,
    Inference,
    MadeOf,
    Resampled,
    Result,
    Role,
    roles_made_of,
)
from digicarbon.tracking._places import put

ROSTER = "runs.parquet"
"""The roster's name among the files of a sweep."""
_MORE = b"digicarbon"
"""Key of the file's metadata for facts that belong to no single run."""


@dataclass(frozen=True, eq=False)
class Planned:
    """A run as it was planned: what reports need and results do not hold.

    ``options``: the option of each config group. ``values``: the choices in which this run differs from others.
    ``twins``: further columns with the same fit. ``notes``: notes on the preparation of its data. ``column``: the
    experiment's column that it belongs to. ``lacking``: the keys of ``values`` that have no effect on this run.
    ``also``: of an experiment with kinds of choices: further choices with the same fit, those that have a kind alone.
    """

    hash: str
    label: str
    options: Mapping[str, str]
    values: Mapping[str, Any]
    twins: tuple[str, ...] = ()
    simulated: bool = False
    notes: tuple[Note, ...] = ()
    column: str | None = None
    lacking: tuple[str, ...] = ()
    also: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, eq=False)
class Roster:
    """All runs of a sweep."""

    runs: Sequence[Planned]
    skipped: Sequence[tuple[str, Note]] = ()
    """Choices that cannot run, with the reason."""
    excluded: int = 0
    """Combinations that the experiment leaves out."""
    failed: Sequence[tuple[str, Note]] = ()
    """Columns that cannot run, with the reason."""
    drawn_from: int = 0
    """The number of combinations from which the runs are drawn; 0 where all are there."""
    kinds: Mapping[str, Any] = field(default_factory=dict)
    """The kinds of choices with their values (`digicarbon.report.kinds`); empty where the experiment names none."""
    claim: Mapping[str, Any] = field(default_factory=dict)
    """The experiment's claim (`digicarbon.report.claim`); empty where it makes none."""
    lost: int = 0
    """Of an experiment with a claim: the number of runs of columns that cannot run."""

    def to_bytes(self) -> bytes:
        """Return it as the content of a Parquet file: equal texts are kept once."""
        names = [field.name for field in fields(Planned)]
        if not any(run.also for run in self.runs):
            names.remove("also")
        columns = {name: [getattr(run, name) for run in self.runs] for name in names}
        for name in columns.keys() & {"options", "values", "twins", "notes", "lacking", "also"}:
            # thousands of runs share their options
            texts = {place: _text(one) for place, one in {id(one): one for one in columns[name]}.items()}
            columns[name] = [texts[id(one)] for one in columns[name]]
        kinds = {"simulated": pa.bool_()}
        arrays = {name: pa.array(values, kinds.get(name, pa.string())) for name, values in columns.items()}
        drawn = {"drawn_from": self.drawn_from} if self.drawn_from else {}
        left_out = {"skipped": list(self.skipped), "excluded": self.excluded, "failed": list(self.failed)}
        stated = {name: value for name in ("kinds", "claim", "lost") if (value := getattr(self, name))}
        more = _text({**left_out, **drawn, **stated})
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table(arrays).replace_schema_metadata({_MORE: more.encode()}), sink, compression="zstd")
        content: bytes = sink.getvalue().to_pybytes()
        return content

    @classmethod
    def read(cls, path: Path) -> Roster:
        """Return what `to_bytes` wrote.

        Raises OSError, ValueError, KeyError if the file is damaged.
        """
        table = pq.read_table(path)
        more = json.loads((table.schema.metadata or {})[_MORE])
        once = cache(json.loads)
        as_tuple = cache(lambda text: tuple(json.loads(text)))
        made_of: dict[str, Callable[[str], Any]] = {
            **{"options": once, "values": once, "notes": cache(lambda text: read_all(json.loads(text)))},
            **dict.fromkeys(("twins", "lacking", "also"), as_tuple),
        }
        # earlier versions did not keep these
        lacking = {"column", "lacking", "also"} - {*table.column_names}
        names = [field.name for field in fields(Planned) if field.name not in lacking]
        columns = {name: table[name].to_pylist() for name in names}
        columns |= {name: list(map(make, columns[name])) for name, make in made_of.items() if name in columns}
        runs = [Planned(**dict(zip(names, row, strict=True))) for row in zip(*columns.values(), strict=True)]
        # an earlier version kept sentences, and no columns that cannot run
        skipped, failed = ([(label, _why(why)) for label, why in more.get(key, ())] for key in ("skipped", "failed"))
        stated = more.get("kinds", {}), more.get("claim", {}), more.get("lost", 0)
        return cls(runs, skipped, more["excluded"], failed, more.get("drawn_from", 0), *stated)


def _why(node: Any) -> Note:
    return Note.from_json(node) if isinstance(node, Mapping) else note_of(str(node))


def _text(content: object) -> str:
    return _ROSTER.encode(content)


def _plain(value: object) -> object:
    return value.to_json() if isinstance(value, Note) else str(value)


_ROSTER = json.JSONEncoder(ensure_ascii=False, default=_plain)

VERSION = 1
SPATIAL = ("rho", "lambda")
SPATIAL_KINDS = ("sar", "sem", "slx", "sdm", "sdem", "sac")
HEAD = f'{{"version": {VERSION},'
"""Beginning of every text that `decode` reads."""
OLD_CELLS = ("decision", "note", "null")
OLD_LABELS = "groups"
"""Columns, and the level of the index, in which earlier versions wrote the English words of notes."""


def encode(result: Result, lists: Mapping[str, Lists] | None = None) -> str:
    """Return a result as JSON text.

    Arrays are base64 of little-endian doubles: quicker than decimals, and exact.

    Raises TypeError if a table holds something other than numbers, texts, notes, booleans and blanks.
    """
    effects = result.spatial_effects
    lists = lists or {name: Lists.of(table) for name, table in result.tables.items()}
    content = {
        "version": VERSION,
        "kind": result.kind,
        "y": result.y,
        "focal": result.focal,
        "terms": result.terms,
        "coef": _array(result.coef),
        "covariance": _array(result.covariance),
        "inference": [result.inference.df, result.inference.level],
        "statistics": {name: float(value) for name, value in result.statistics.items()},
        "effects": effects
        and [
            *(effects.terms, _array(effects.coef), _array(effects.se), effects.names, effects.in_space),
            # left out where roles say what spills over
            *([effects.spilling] if effects.spilling else []),
        ],
        "tables": {name: _frame(table, lists[name]) for name, table in result.tables.items()},
        "absorbed": result.absorbed,
        "notes": [note.to_json() for note in result.notes],
        "random": result.random,
        "trends": result.trends,
        "transformed": result.transformed,
        "boundary": result.boundary,
        "beyond": result.beyond,
        "errors_note": result.errors_note and result.errors_note.to_json(),
        "table_errors": {name: note.to_json() for name, note in result.table_errors.items()},
        "roles": [
            # the number of a W is left out where there is one
            [position, role.kind, role.of, role.by][: 3 + (role.by > 1)]
            for position, role in enumerate(result.roles)
            if role.kind != "regressor"
        ],
        # a term that is a column and nothing else is left out
        "made_of": [
            [position, [_written(part) for part in role.made_of]]
            for position, (term, role) in enumerate(zip(result.terms, result.roles, strict=False))
            if role.kind == "regressor" and role.made_of != (Constituent(term),)
        ],
        "listings": result.listings,
        **({"means": dict(result.means)} if result.means else {}),
        "apart": {name: [note.to_json() for note in notes] for name, notes in result.apart.items()},
        **({"without_errors": result.without_errors} if result.without_errors else {}),
        "resampled": result.resampled and [_array(result.resampled.estimates), _array(result.resampled.effects)],
        **({} if result.resampled is None or result.resampled.wild else {"wild": False}),
        **({"arranged": own.arranged} if (own := result.resampled) is not None and own.arranged else {}),
    }
    return _RESULT.encode(content)


def decode(text: str) -> Result:
    """Return the result of `encode`'s text.

    Raises ValueError if another version wrote it.
    """
    content = json.loads(text)
    if content.get("version") != VERSION:
        raise ValueError(f"a result of version {content.get('version')}")
    effects = content["effects"]
    terms, covariance = tuple(content["terms"]), _read_array(content["covariance"])
    at_end = content.get("boundary")
    if at_end is None:
        # earlier versions wrote a boundary only as a variance that is not a number
        at_end = [
            name for name in SPATIAL if name in terms and np.isnan(covariance[terms.index(name), terms.index(name)])
        ]
    df, level = content["inference"]
    roles = _roles(content["roles"], len(terms)) if "roles" in content else _roles_by_name(content["kind"], terms)
    return Result(
        kind=content["kind"],
        y=content["y"],
        focal=tuple(content["focal"]),
        terms=terms,
        coef=_read_array(content["coef"]),
        covariance=covariance,
        inference=Inference(df, level),
        statistics=content["statistics"],
        spatial_effects=effects and _effects(*effects),
        tables={name: _read_frame(table) for name, table in content["tables"].items()},
        absorbed=tuple(content["absorbed"]),
        random=tuple(content["random"]) if "random" in content else _random(content["kind"], content["absorbed"]),
        trends=tuple(content.get("trends", ())),
        transformed=content.get("transformed", content["kind"] in ("between", "first_difference")),
        notes=read_all(content["notes"]),
        boundary=tuple(at_end),
        beyond=_beyond(content.get("beyond", ()), roles, terms),
        # earlier versions did not write these
        errors_note=read(content["errors_note"]) if content.get("errors_note") else None,
        table_errors={name: read(note) for name, note in content.get("table_errors", {}).items()},
        apart={name: read_all(notes) for name, notes in content.get("apart", {}).items()},
        roles=_with_made_of(terms, roles, content.get("made_of")),
        listings=tuple(content.get("listings", ())),
        means=content.get("means", {}),
        without_errors=tuple(content.get("without_errors", ())),
        resampled=_resampled(content),
    )


def _resampled(content: Mapping[str, Any]) -> Resampled | None:
    if not content.get("resampled"):
        return None
    estimates, effects = map(_read_array, content["resampled"])
    return Resampled(estimates, effects, content.get("wild", True), tuple(content.get("arranged", ())))


def _written(part: Constituent) -> list[Any]:
    written = [part.variable, part.operator, part.order, part.power, part.level]
    # earlier versions read five fields
    if part.regimes:
        return [*written, part.centred, part.regimes]
    return [*written, True] if part.centred else written


def _effects(
    terms: Sequence[str],
    coef: Any,
    se: Any,
    names: Sequence[str] = EFFECTS,
    in_space: bool = True,
    spilling: Sequence[str] = (),
) -> Effects:
    """Return effects as `encode` wrote them; earlier versions knew the effects of spatial models only."""
    return Effects(tuple(terms), _read_array(coef), _read_array(se), tuple(names), in_space, tuple(spilling))


def _random(kind: str, absorbed: Sequence[str]) -> tuple[str, ...]:
    """Return the random effects of a result of an earlier version, which did not record them."""
    known = {"random": ("unit",), "random_time": ("time",), "random_two_way": ("unit", "time")}
    # spatial models have random effects of units only
    return known.get(kind, ("unit",) if "random" in absorbed else ())


def _beyond(node: bool | Sequence[str], roles: Sequence[Role], terms: Sequence[str]) -> tuple[str, ...]:
    """Return the parameters beyond the range of W; earlier versions wrote whether the lags of y are."""
    if isinstance(node, bool):
        return tuple(term for term, role in zip(terms, roles, strict=False) if node and role.kind == "lag_y")
    return tuple(node)


def _roles(node: Sequence[Sequence[Any]], count: int) -> tuple[Role, ...]:
    roles = [REGRESSOR] * count
    for position, kind, of, *by in node:
        roles[position] = Role(kind, of, by=int(by[0]) if by else 1)
    return tuple(roles) if node else ()


def _with_made_of(
    terms: Sequence[str], roles: tuple[Role, ...], node: Sequence[Sequence[Any]] | None
) -> tuple[Role, ...]:
    """Return roles with the constituents of regressors; if a version did not record them, they follow from names."""
    if node is None:
        return roles_made_of(terms, roles, {term: made_of_by_name(term) for term in terms})
    made_of = {term: (Constituent(term),) for term in terms}
    made_of |= {terms[position]: tuple(Constituent(*part) for part in parts) for position, parts in node}
    return roles_made_of(terms, roles, made_of)


def made_of_by_name(term: str) -> MadeOf:
    """Return the constituents of a term of an earlier version; groups and values are in brackets after a name."""
    parts_of_term = []
    # a value may hold a colon
    for part in re.findall(r"(?:\[[^\]]*\]|[^:\[])+", term):
        name, bracket, level = part.partition("[")
        parts_of_term += [replace(one, level=level.removesuffix("]")) if bracket else one for one in constituents(name)]
    return tuple(parts_of_term)


def _roles_by_name(kind: str, terms: Sequence[str]) -> tuple[Role, ...]:
    """Return the roles of terms of a version that recorded their names only."""
    known = {"const": CONSTANT}
    if kind in SPATIAL_KINDS:
        known |= {"rho": LAG_Y, "lambda": LAG_ERROR, "phi": VARIANCE, "sigma2": VARIANCE}
        known |= {f"W_{term}": Role("lag_x", term) for term in terms}
    if kind.startswith("lsdv"):
        known |= {term: DUMMY for term in terms if term.startswith(("unit[", "time["))}
    return tuple(known.get(term, CONSTANT if term.startswith("const[") else REGRESSOR) for term in terms)


def _array(array: FloatArray) -> list[Any]:
    numbers = np.ascontiguousarray(array, dtype="<f8")
    return [numbers.shape, base64.b64encode(numbers.tobytes()).decode("ascii")]


def _read_array(node: Sequence[Any]) -> FloatArray:
    shape, text = node
    # a copy, since the array of frombuffer is read-only
    return np.frombuffer(base64.b64decode(text), dtype="<f8").reshape(shape).astype(np.float64)


def _frame(table: pd.DataFrame, lists: Lists) -> dict[str, Any]:
    data = _plain_columns(lists.columns)
    index = _axis(table.index, lists.rows)
    return {
        # earlier versions read the words; the notes stand beside them
        "notes": [_taken_out(index["levels"]), _taken_out(data)],
        "index": index,
        "columns": _axis(table.columns, lists.heads),
        "data": data,
    }


def _taken_out(columns: Sequence[list[Any]]) -> list[list[Any]]:
    """Replace notes in columns by their English words, and return their places: column, row, note."""
    notes = []
    for position, (dtype, values) in enumerate(columns):
        for row, value in enumerate(values if dtype == "object" else ()):
            if isinstance(value, Note):
                notes.append([position, row, value.to_json()])
                values[row] = str(value)
    return notes


def _read_frame(node: Mapping[str, Any]) -> pd.DataFrame:
    node = _with_notes(node) if "notes" in node else _with_old_notes(node)
    index = _read_axis(node["index"])
    columns = {
        position: pd.Series(values, index=index, dtype=dtype) for position, (dtype, values) in enumerate(node["data"])
    }
    table = pd.DataFrame(columns, index=index)
    table.columns = _read_axis(node["columns"])
    return table


def _with_notes(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a table's node with its notes in their places."""
    for columns, notes in zip((node["index"]["levels"], node["data"]), node["notes"], strict=True):
        for position, row, note in notes:
            columns[position][1][row] = Note.from_json(note)
    return node


def _with_old_notes(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the node of an earlier version's table with notes in place of their words."""
    index, heads = node["index"], node["columns"]["levels"][0][1]
    chosen = [(column, read_cell) for head, column in zip(heads, node["data"], strict=True) if head in OLD_CELLS]
    chosen += [
        (level, read_pair) for name, level in zip(index["names"], index["levels"], strict=True) if name == OLD_LABELS
    ]
    for column, read_one in chosen:
        values = [read_one(value) if isinstance(value, str) else value for value in column[1]]
        if any(isinstance(value, Note) for value in values):
            column[:] = ["object", values]
    return node


def _axis(index: pd.Index[Any], levels: Sequence[Column]) -> dict[str, Any]:
    return {"names": list(index.names), "several": isinstance(index, pd.MultiIndex), "levels": _plain_columns(levels)}


def _plain_columns(columns: Sequence[Column]) -> list[list[Any]]:
    # copies, since words take the places of notes
    return [[str(kind), [*values]] for kind, values in columns]


def _read_axis(node: Mapping[str, Any]) -> pd.Index[Any]:
    levels: list[pd.Index[Any]] = [pd.Index(values, dtype=dtype) for dtype, values in node["levels"]]
    if node["several"]:
        return pd.MultiIndex.from_arrays(levels, names=node["names"])
    return levels[0].rename(node["names"][0])


def _scalar(value: object) -> object:
    """Return NumPy's scalars, which occur in columns of mixed types, as Python's."""
    if isinstance(value, np.generic) and isinstance(plain := value.item(), str | int | float | bool):
        return plain
    raise TypeError(f"{type(value).__name__} cannot be stored")


_RESULT = json.JSONEncoder(ensure_ascii=False, default=_scalar)


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
    """Write the rows of Parquet files and parts into one Parquet file, whole or not at all; return how many these are.

    ``target``: may be one of the files. ``known``: maps an id in a file to the run's id in the store; None leaves the
    row out, since its batch was not recorded or the run was deleted.
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

    ``files``: they must not change. ``by``: the names of results.
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

        Raises KeyError if a name is not known.
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
    if columns is None and os.name != "nt":
        # nothing is copied; Windows does not remove a file that is mapped
        return pa.ipc.open_file(pa.memory_map(str(source))).read_all()
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
        if names == table["run_id"].to_pylist():
            yield table
            continue
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


TEXTS = ("config", "result", "description")
"""Columns of long texts."""


def frame(files: Sequence[Path], columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Return rows as a table for reading, by default without the long texts."""
    names = list(dict.fromkeys(name for file in files for name in _schema(file).names))
    chosen = [name for name in names if name not in TEXTS] if columns is None else columns
    tables: list[pa.Table] = []
    for file in files:
        present = [name for name in chosen if name in _schema(file).names]
        tables.extend(_tables([file], present))
    result: pd.DataFrame = pa.concat_tables(tables, promote_options="default").to_pandas()
    return result
