"""A data folder: tidy Parquet files, each with a provenance file; an import writes all of its files or none."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from filelock import FileLock, Timeout

from digicarbon.country import country
from digicarbon.errors import DataError
from digicarbon.note import Note, cut, suggestion

_LOCK = ".import.lock"
SUFFIX = ".parquet"
"""The end of the name of a data set's file."""
PROVENANCE = ".provenance.json"
"""What follows a data set's name in the name of its provenance file."""


@dataclass(frozen=True)
class Dataset:
    """The columns of all files of one name in a data folder."""

    name: str
    """The file's name without ``.parquet``."""
    keys: tuple[str, ...]
    """Columns that together identify a row."""
    values: tuple[str, ...]
    """Further columns that a file must have; it may have more."""
    about: str
    """One line for users."""
    words: tuple[str, ...] = ()
    """Those of ``values`` that are no numbers."""
    numbers: tuple[str, ...] = ()
    """Columns that a file may lack, but that hold numbers where it has them."""
    amounts: tuple[str, ...] | None = ()
    """Columns that cannot be negative; None: no column of numbers can."""
    filled: tuple[str, ...] = ()
    """Numbers that may not be missing."""
    of_table: bool = False
    """Whether it is one half of input-output tables, flows or sectors."""
    unit: str = "unit"
    """The column of the units; of flows between units, the sellers and the buyers are in the columns of that name after
    ``from_`` and ``to_``. Messages call a unit so."""


LONG = Dataset("long", ("unit", "year", "series"), ("value",), "series of any units, a row per unit, year and series")


@cache
def datasets() -> Mapping[str, Dataset]:
    """Return the data sets that importers write and a folder source reads, by name: the known country's and `LONG`."""
    own = import_module(country().datasets).DATASETS if country().datasets else {}
    return {**own, LONG.name: LONG}


@dataclass(frozen=True)
class RawFile:
    """A file that was imported: its name, SHA-256 and size in bytes."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Provenance:
    """Where a data set comes from."""

    kind: str
    """The importer."""
    files: tuple[RawFile, ...]
    units: Mapping[str, str] = field(default_factory=dict)
    """Unit of measurement by column (or by series in a long data set)."""
    citation: str = ""
    """What to cite."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Choices of the importer."""
    notes: tuple[str, ...] = ()
    """Odd values that the importer noticed and kept."""
    imported: str = ""
    """Time of the import, UTC, ISO 8601."""
    sha256: str = ""
    """Of the Parquet file as written by this import; empty before it is written."""


def raw_file(path: Path) -> RawFile:
    """Return a file's name, hash and size."""
    return RawFile(path.name, file_hash(path), path.stat().st_size)


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def path_of(folder: Path, name: str) -> Path:
    """Return where a data set is, or would be."""
    return folder / f"{name}{SUFFIX}"


def present(folder: Path) -> list[str]:
    """Return the names of the data sets that a folder has, in the order of `datasets`."""
    return [name for name in datasets() if path_of(folder, name).is_file()]


def read(folder: Path, name: str) -> pd.DataFrame:
    """Read a data set.

    Raises DataError if it does not exist, is damaged or lacks a column.
    """
    path = path_of(folder, name)
    if not path.is_file():
        raise DataError(
            Note(
                "no_data_set",
                folder=folder,
                name=name,
                file=path.name,
                hint=suggestion(name, present(folder)),
                known=cut(present(folder), 20) or Note("word_none"),
            )
        )
    try:
        frame = pd.read_parquet(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(Note("no_parquet", file=path, reason=str(error))) from error
    _check_columns(frame, datasets()[name], str(path))
    return frame


def provenance(folder: Path, name: str) -> tuple[Provenance, ...]:
    """Return the imports that made a data set, oldest first; empty where there is no record.

    Raises DataError if the provenance file is damaged.
    """
    path = folder / f"{name}{PROVENANCE}"
    if not path.is_file():
        return ()
    try:
        records = json.loads(path.read_text(encoding="utf-8"))["imports"]
        return tuple(_provenance(record) for record in records)
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise DataError(Note("provenance_damaged", file=path, reason=str(error), name=name)) from error


def write(folder: Path, tables: Mapping[str, pd.DataFrame], record: Provenance, add: bool = False) -> dict[str, Path]:
    """Write data sets and their provenance: all of them or, if anything fails, nothing.

    ``folder``: created if it does not exist. ``tables``: by name of `datasets`. ``record``: of this import. ``add``:
    whether rows join those that the folder has; rows of equal keys must then have equal values. Returns the data sets
    that were written; those that have all rows already are not. Raises DataError if a data set exists already and
    ``add`` is false, a row exists with other values, a column is missing, a row occurs twice, or the folder cannot be
    written.
    """
    try:
        with _created(folder), FileLock(folder / _LOCK, timeout=60):
            joined = {name: _joined(folder, name, table, add) for name, table in tables.items()}
            new = {name: table for name, table in joined.items() if table is not None}
            return _commit(folder, new, record, add) if new else {}
    except Timeout as error:
        raise DataError(Note("another_import", folder=folder)) from error
    except OSError as error:
        reason = str(error.strerror or error)
        raise DataError(Note("data_folder_unwritable", folder=folder, reason=reason)) from error


@contextmanager
def _created(folder: Path) -> Iterator[None]:
    """Create a folder, and remove it (and parents that were created) if the block fails."""
    absent = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        if absent:
            (folder / _LOCK).unlink(missing_ok=True)
        for path in absent:
            with suppress(OSError):
                path.rmdir()
        raise


def _joined(folder: Path, name: str, table: pd.DataFrame, add: bool) -> pd.DataFrame | None:
    """Return a data set's rows together with the new ones; None if no row is new."""
    kind = datasets()[name]
    keys = list(kind.keys)
    _check_columns(table, kind, name)
    _check_unique(table, kind, name)
    path = path_of(folder, name)
    if not path.is_file():
        return table.sort_values(keys, ignore_index=True)
    if not add:
        raise DataError(Note("data_set_exists", file=path))
    old = read(folder, name)
    both = pd.concat([old, table], ignore_index=True).drop_duplicates(ignore_index=True)
    conflicts = both[both.duplicated(keys, keep=False)]
    if len(conflicts):
        raise DataError(Note("other_values_before", file=path, rows=_shown(conflicts[keys].drop_duplicates())))
    return both.sort_values(keys, ignore_index=True) if len(both) > len(old) else None


def _check_columns(table: pd.DataFrame, kind: Dataset, where: str) -> None:
    missing = [column for column in (*kind.keys, *kind.values) if column not in table.columns]
    if missing:
        raise DataError(Note("data_set_lacks_column", file=where, columns=cut(missing)))


def _check_unique(table: pd.DataFrame, kind: Dataset, where: str) -> None:
    keys = list(kind.keys)
    twice = table[table.duplicated(keys)]
    if len(twice):
        raise DataError(Note("imported_rows_twice", file=where, rows=_shown(twice[keys])))


def _shown(keys: pd.DataFrame) -> tuple[Note, ...] | Note:
    """Return the first rows of some keys, for messages."""
    return cut(Note("cell", parts=tuple(map(str, row))) for row in keys.itertuples(index=False))


def _commit(folder: Path, tables: Mapping[str, pd.DataFrame], record: Provenance, add: bool) -> dict[str, Path]:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with _staged(folder) as stage:
        for name, table in tables.items():
            path = path_of(stage, name)
            table.to_parquet(path, index=False, compression="zstd")
            imports = [asdict(item) for item in provenance(folder, name)] if add else []
            imports.append(asdict(record) | {"imported": now, "sha256": file_hash(path)})
            text = json.dumps({"dataset": name, "imports": imports}, ensure_ascii=False, indent=2)
            (stage / f"{name}{PROVENANCE}").write_text(text + "\n", encoding="utf-8")
    return {name: path_of(folder, name) for name in tables}


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """Yield a folder for new files, which replace the old ones once all are written."""
    with tempfile.TemporaryDirectory(prefix=".import-", dir=folder) as name:
        stage = Path(name)
        yield stage
        try:
            _move(stage, folder)
        except KeyboardInterrupt as stop:
            # finish the move: rows and their provenance belong together
            _move(stage, folder)
            raise KeyboardInterrupt(Note("import_complete", folder=folder)) from stop


def _move(stage: Path, folder: Path) -> None:
    for path in sorted(stage.iterdir()):
        path.replace(folder / path.name)


def _provenance(record: Mapping[str, Any]) -> Provenance:
    files = tuple(RawFile(**item) for item in record["files"])
    return Provenance(**{**record, "files": files, "notes": tuple(record["notes"])})
