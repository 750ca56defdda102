"""The checks of data folders, of data sets in memory and of a source's series."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from digicarbon.country import country
from digicarbon.errors import DataError
from digicarbon.note import Note
from digicarbon.source import datafolder
from digicarbon.source.validation import _tables, _vintages
from digicarbon.source.validation._blocks import by_unit
from digicarbon.source.validation._copies import copied_blocks, copied_years
from digicarbon.source.validation._coverage import coverage, expected_units
from digicarbon.source.validation._kind import Checks
from digicarbon.source.validation._matrix import Matrix, long, wide
from digicarbon.source.validation._outliers import outliers
from digicarbon.source.validation._ranges import is_known, never_negative, ranges
from digicarbon.source.validation._schemas import schema_findings, typed
from digicarbon.source.validation.finding import Finding, Level, ordered


def check_folder(folder: Path) -> list[Finding]:
    """Check every data set of a data folder, and whether its files are as they were imported.

    Raises DataError if the folder does not exist or has no data set, or a data set is damaged.
    """
    if not folder.is_dir():
        raise DataError(Note("no_folder_to_check", folder=folder, here=Path.cwd()))
    names = datafolder.present(folder)
    if not names:
        raise DataError(Note("no_data_set_in_folder", folder=folder))
    tables = {name: datafolder.read(folder, name) for name in names}
    changed = [finding for name in names for finding in _changed(folder, name)]
    return ordered([*changed, *check_datasets(tables)])


def check_datasets(tables: Mapping[str, pd.DataFrame]) -> list[Finding]:
    """Check data sets, each by itself and against each other.

    ``tables``: by name of `digicarbon.source.datafolder.datasets`. Errors stand first.
    """
    findings, sound = _sound(tables)
    for name, table in sound.items():
        checks = _checks()[name]
        for check in (checks.unfit, checks.copies, checks.series, checks.own):
            findings += check(table, name)
    if country().checks:
        findings += import_module(country().checks).across(sound, _tables.BROKEN)
    return ordered(findings)


def check_import(tables: Mapping[str, pd.DataFrame]) -> list[Finding]:
    """Check what an import reports at once: impossible and implausible figures, wrong units of measurement, copies.

    ``tables``: by name of `digicarbon.source.datafolder.datasets`, with their columns. Errors stand first.
    """
    findings: list[Finding] = []
    for name, table in tables.items():
        if not _usable(name, table):
            continue
        checks = _checks()[name]
        for check in (checks.unfit, checks.copies, checks.series, checks.on_import):
            findings += check(table, name)
    reported = ("unit", "range", "copied ")
    return ordered(item for item in findings if item.check.startswith(reported) and item.level != "note")


def check_sums(tables: Mapping[str, pd.DataFrame]) -> list[Finding]:
    """Check quickly what makes data sets unfit for use: their schemas and the sums of the emissions accounts.

    ``tables``: by name of `digicarbon.source.datafolder.datasets`. Errors stand first.
    """
    findings, sound = _sound(tables)
    return ordered([*findings, *(item for name, table in sound.items() for item in _checks()[name].unfit(table, name))])


def check_series(frame: pd.DataFrame, file: str, noun: str = "unit") -> list[Finding]:
    """Check the series of a panel: ranges, gaps, copied years, outliers, different vintages.

    ``frame``: a row for each ``unit`` and ``time``; whole-number years. ``file``: for messages. ``noun``: what a unit
    is called. Errors stand first; none for a panel whose periods are no whole numbers.
    """
    unit, time = "unit", "time"
    if not pd.api.types.is_integer_dtype(frame[time]):
        return []
    # columns of text are left out: the panel refuses them if a model uses them
    frame = frame[
        [unit, time, *frame.select_dtypes("number").columns.difference([unit, time, country().code], sort=False)]
    ]
    columns = [str(name) for name in frame.columns if name not in (unit, time)]
    findings = list(_repeated_rows(frame, unit, time, file))
    findings += odd_series(wide(frame, columns, file, unit, time, noun), frame[unit].astype(str), frame[time])
    findings += copied_blocks(by_unit(frame[[unit, time, *columns]], unit, time), file, noun)
    findings += _vintages.industries(frame, file, unit, time)
    return ordered(findings)


def check_tables(
    sectors: pd.DataFrame,
    flows: pd.DataFrame,
    file: str,
    tolerance: float = _tables.BROKEN,
    unit: str = "",
    noun: str = "",
) -> list[Finding]:
    """Check input-output tables; see `digicarbon.source.validation._tables.tables` for the identities.

    ``sectors``, ``flows``: columns as there, but for those of the units. ``file``: for messages. ``tolerance``:
    relative difference beyond which a table that does not balance is an error. ``unit``: the column of the units; of
    flows between units, the sellers and the buyers are in the columns of that name after ``from_`` and ``to_``. Empty:
    as in the data sets of the known country. ``noun``: what a unit is called; empty: as its column. Errors
    stand first.
    """
    unit = unit or country().column
    halves = _tables.with_units(sectors, unit), _tables.with_units(flows, unit)
    return ordered(_tables.tables(*halves, file, tolerance, noun or unit))


@cache
def _checks() -> Mapping[str, Checks]:
    """Return the checks of each data set: those of the known country, and series of any units."""
    own = import_module(country().checks).CHECKS if country().checks else {}
    return {**own, datafolder.LONG.name: Checks(copies=_copies, series=_odd)}


def _copies(table: pd.DataFrame, name: str) -> Iterator[Finding]:
    yield from copied_blocks(by_unit(table, "unit", "year", "series"), name, "unit")


def _odd(table: pd.DataFrame, name: str) -> Iterator[Finding]:
    yield from odd_series(long(table, ["series"], name, "unit"), table["unit"], table["year"])


def _usable(name: str, table: pd.DataFrame) -> bool:
    """Return whether a table has the columns of its data set, with numbers where they belong."""
    kind = datafolder.datasets().get(name)
    if kind is None or not {*kind.keys, *kind.values} <= set(table.columns):
        return False
    numbers = [column for column in kind.values if column not in kind.words]
    whole = pd.api.types.is_integer_dtype(table["year"])
    return whole and all(pd.api.types.is_numeric_dtype(table[column]) for column in numbers)


def _sound(tables: Mapping[str, pd.DataFrame]) -> tuple[list[Finding], dict[str, pd.DataFrame]]:
    """Return what is wrong with columns and keys, and the data sets whose other checks can run."""
    findings: list[Finding] = []
    sound: dict[str, pd.DataFrame] = {}
    for name, table in tables.items():
        problems = list(schema_findings(name, table, name))
        findings += problems
        # identities cannot be computed from text or without their columns
        if not any(item.check == "columns" for item in problems):
            sound[name] = typed(name, table)
    return findings, sound


def odd_series(
    matrices: Iterable[Matrix],
    units: pd.Series[str],
    years: pd.Series[int],
    constant: Level = "note",
    known: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Finding]:
    """Yield odd values, gaps and copies in series.

    ``units``, ``years``: the keys of the data set's rows. ``constant``: the level of the finding for a series that
    never changes. ``known``: the plain names of series that have other names.
    """
    if not len(units):
        return
    expected = expected_units(list(units.dropna().astype(str).unique()))
    span = (int(years.min()), int(years.max()))
    for series in matrices:
        plain = known.get(series.name, "")
        yield from ranges(series, plain)
        yield from coverage(series, expected, span)
        if series.years:
            yield from copied_years(series, "warning" if is_known(series) else constant)
            yield from outliers(series, signs=not never_negative(series, plain))


def _repeated_rows(frame: pd.DataFrame, unit: str, time: str, file: str) -> Iterator[Finding]:
    twice = frame[frame.duplicated([unit, time])]
    if len(twice):
        shown = tuple(Note("cell", parts=(str(row[unit]), str(row[time]))) for _, row in twice.head(6).iterrows())
        yield Finding("error", "schema", file, Note("repeated_rows", file=file, cells=shown))


def _changed(folder: Path, name: str) -> Iterator[Finding]:
    records = datafolder.provenance(folder, name)
    path = datafolder.path_of(folder, name)
    if not records:
        yield Finding("note", "provenance", name, Note("no_provenance", file=name))
    elif records[-1].sha256 and records[-1].sha256 != datafolder.file_hash(path):
        said = Note("changed_after_import", file=path.name, imported=records[-1].imported)
        yield Finding("warning", "provenance", name, said)
