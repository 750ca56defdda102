"""The checks of a data folder, of data sets in memory and of a source's series."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from digicarbon import data
from digicarbon.errors import DataError
from digicarbon.source import datafolder
from digicarbon.source.validation import _accounts, _tables, _vintages
from digicarbon.source.validation._blocks import by_unit, by_year
from digicarbon.source.validation._copies import copied_blocks, copied_years
from digicarbon.source.validation._coverage import coverage, expected_units
from digicarbon.source.validation._matrix import Matrix, long, wide
from digicarbon.source.validation._outliers import outliers
from digicarbon.source.validation._ranges import is_known, never_negative, ranges
from digicarbon.source.validation._schemas import schema_findings, typed
from digicarbon.source.validation.finding import Finding, Level, ordered

_TENS_OF_THOUSAND_PER_100M = 1e4
_ENERGY = {"diesel_oil": "diesel", "raw_coal": "coal"}
"""Plain names of the carriers of the energy inventory that have others."""


def check_folder(folder: Path) -> list[Finding]:
    """Check every data set of a data folder, and whether its files are as they were imported.

    Raises
    ------
    DataError
        If the folder is not there or has no data set, or one is damaged.
    """
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder} (the working directory is {Path.cwd()}).")
    names = datafolder.present(folder)
    if not names:
        raise DataError(
            f"{folder} holds no data set; make one with `digicarbon data import KIND FILES… --to {folder}`."
        )
    tables = {name: datafolder.read(folder, name) for name in names}
    changed = [finding for name in names for finding in _changed(folder, name)]
    return ordered([*changed, *check_datasets(tables)])


def check_datasets(tables: Mapping[str, pd.DataFrame], tolerance: float = _tables.BROKEN) -> list[Finding]:
    """Check data sets, each by itself and against each other.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        By name of `digicarbon.source.datafolder.DATASETS`.
    tolerance : float
        Relative difference beyond which an input-output table that does not balance is an error.

    Returns
    -------
    list of Finding
        Errors first.
    """
    found, sound = _sound(tables)
    for name, table in sound.items():
        found += [*_sums(name, table), *_own(name, table)]
    for kind in ("io", "mrio"):
        if f"{kind}_sectors" in sound and f"{kind}_flows" in sound:
            sectors, flows = sound[f"{kind}_sectors"], sound[f"{kind}_flows"]
            found += _tables.tables(sectors, flows, f"{kind}_sectors", tolerance)
            found += _against_gdp(sectors, sound.get("yearbook"), f"{kind}_sectors")
    return ordered(found)


def check_import(tables: Mapping[str, pd.DataFrame]) -> list[Finding]:
    """Check what an import ought to tell at once: impossible and implausible figures, slips of the unit, copies.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        By name of `digicarbon.source.datafolder.DATASETS`, with their columns.

    Returns
    -------
    list of Finding
        Errors first.
    """
    found: list[Finding] = []
    for name, table in tables.items():
        if not _usable(name, table):
            continue
        found += [*_sums(name, table), *_copied(name, table), *_parts(name, table)]
        if name in ("io_sectors", "mrio_sectors"):
            found += _tables.sizes(table, name)
    told = ("unit", "range", "copied year", "copied province", "copied unit")
    return ordered(item for item in found if item.check in told and item.level != "note")


def check_sums(tables: Mapping[str, pd.DataFrame]) -> list[Finding]:
    """Check what makes data sets unfit for use: their schemas and the sums of the emissions accounts; quickly.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        By name of `digicarbon.source.datafolder.DATASETS`.

    Returns
    -------
    list of Finding
        Errors first.
    """
    found, sound = _sound(tables)
    return ordered([*found, *(finding for name, table in sound.items() for finding in _sums(name, table))])


def check_series(
    frame: pd.DataFrame, file: str, unit: str = "unit", time: str = "time", noun: str = "unit"
) -> list[Finding]:
    """Check the series of a panel: ranges, gaps, copied years, outliers, unlike vintages.

    Parameters
    ----------
    frame : DataFrame
        A row per unit and year; whole-number years.
    file : str
        For messages.
    unit, time : str
        The columns of the keys.
    noun : str
        What a unit is called.

    Returns
    -------
    list of Finding
        Errors first; none for a panel whose periods are no whole numbers.
    """
    if not pd.api.types.is_integer_dtype(frame[time]):
        return []
    # a column of text is the panel's to refuse, if a model uses it
    frame = frame[[unit, time, *frame.select_dtypes("number").columns.difference([unit, time, "adcode"], sort=False)]]
    columns = [str(name) for name in frame.columns if name not in (unit, time)]
    found = list(_repeated_rows(frame, unit, time, file))
    found += _series(wide(frame, columns, file, unit, time, noun), frame[unit].astype(str), frame[time])
    found += copied_blocks(by_unit(frame[[unit, time, *columns]], unit, time), file, noun)
    found += _vintages.industries(frame, file, unit, time)
    return ordered(found)


def check_tables(
    sectors: pd.DataFrame, flows: pd.DataFrame, file: str, tolerance: float = _tables.BROKEN
) -> list[Finding]:
    """Check input-output tables; see `digicarbon.source.validation._tables.tables` for the columns and identities."""
    return ordered(_tables.tables(sectors, flows, file, tolerance))


def _usable(name: str, table: pd.DataFrame) -> bool:
    """Return whether a table has the columns of its data set, with numbers where they belong."""
    kind = datafolder.DATASETS.get(name)
    if kind is None or not {*kind.keys, *kind.values} <= set(table.columns):
        return False
    numbers = [column for column in kind.values if column not in ("indicator", "unit")]
    whole = pd.api.types.is_integer_dtype(table["year"])
    return whole and all(pd.api.types.is_numeric_dtype(table[column]) for column in numbers)


def _sound(tables: Mapping[str, pd.DataFrame]) -> tuple[list[Finding], dict[str, pd.DataFrame]]:
    """Return what is wrong with the columns and keys, and the data sets that can be looked at any further."""
    found: list[Finding] = []
    sound: dict[str, pd.DataFrame] = {}
    for name, table in tables.items():
        broken = list(schema_findings(name, table, name))
        found += broken
        # identities of text or of columns that are not there cannot be computed
        if not any(item.check == "columns" for item in broken):
            found += _wrong_codes(name, table)
            sound[name] = typed(name, table)
    return found, sound


def _sums(name: str, table: pd.DataFrame) -> Iterator[Finding]:
    """Yield broken identities of an emissions or energy account."""
    accounts = {"ceads_sectoral": _accounts.sectoral, "ceads_apparent": _accounts.apparent}
    if name in accounts:
        yield from accounts[name](table, name)


def _wrong_codes(name: str, table: pd.DataFrame) -> Iterator[Finding]:
    """Yield provinces beside the code of another one: one of the two columns has slipped."""
    if not {"province", "adcode"} <= set(table.columns):
        return
    codes = data.provinces().set_index("province")["adcode"]
    pairs = table[["province", "adcode"]].drop_duplicates()
    known = pairs["province"].map(codes)
    for province, code, right in zip(pairs["province"], pairs["adcode"], known, strict=True):
        if pd.notna(right) and int(code) != int(right):
            yield Finding(
                "error",
                "schema",
                name,
                f"{name}: {province} stands beside the code {code}, but has the code {int(right)}; import it anew.",
                province=str(province),
            )


def _own(name: str, table: pd.DataFrame) -> Iterator[Finding]:
    """Yield the findings of one data set of sound columns."""
    yield from _copied(name, table)
    yield from _parts(name, table)
    if name == "ceads_energy":
        yield from _accounts.energy(table, name)
    elif name == "yearbook":
        yield from _vintages.by_vintage(table, name)
    elif name in ("io_sectors", "mrio_sectors"):
        yield from _tables_span(table, name)


def _parts(name: str, table: pd.DataFrame) -> Iterator[Finding]:
    """Yield what is odd in the series of a data set; input-output tables have none."""
    match name:
        case "ceads_sectoral":
            totals = table[table["sector"] == _accounts.TOTAL]
            known = {"scope_1_total": "co2_sectoral", "process": "co2_process"}
            yield from _series(_numbers(totals, name), totals["province"], totals["year"], "warning", known)
        case "ceads_apparent":
            yield from _series(_numbers(table, name), table["province"], table["year"], "warning")
        case "ceads_energy":
            for sector, totals in table[table["sector"].isin(_accounts.ENERGY_TOTALS)].groupby("sector", sort=False):
                found = _numbers(totals, f"{name}, {sector}")
                yield from _series(found, totals["province"], totals["year"], "warning", _ENERGY)
        case "yearbook":
            yield from _series(long(table, ["series", "vintage"], name), table["province"], table["year"], "warning")
        case "long":
            yield from _series(long(table, ["series"], name, "unit"), table["unit"], table["year"])


def _copied(name: str, table: pd.DataFrame) -> Iterator[Finding]:
    """Yield provinces and years of a data set that are copies of others."""
    match name:
        case "ceads_sectoral" | "ceads_energy":
            yield from copied_blocks(by_year(table, "sector"), name)
        case "ceads_apparent":
            yield from copied_blocks(by_year(table), name)
        case "io_sectors" | "mrio_sectors":
            yield from copied_blocks(by_year(table, "sector"), name)
        case "yearbook":
            yield from copied_blocks(by_unit(table, "province", "year", "series", "vintage"), name)
        case "long":
            yield from copied_blocks(by_unit(table, "unit", "year", "series"), name, "unit")


def _numbers(table: pd.DataFrame, file: str) -> Iterator[Matrix]:
    numbers = [column for column in table.select_dtypes("number").columns if column not in ("adcode", "year")]
    # a fuel that nobody burns (or that the inventory has not) is no series of zeros to look into
    return wide(table, [column for column in numbers if (table[column] != 0).any()], file)


def _series(
    found: Iterable[Matrix],
    units: pd.Series[str],
    years: pd.Series[int],
    constant: Level = "note",
    known: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Finding]:
    """Yield what is odd in series.

    Parameters
    ----------
    found : iterable of Matrix
    units, years : Series
        Those of the data set.
    constant : {"warning", "note"}
        How a series that never changes is told of.
    known : mapping of str to str
        The plain names of series that have others.
    """
    if not len(units):
        return
    expected = expected_units(list(units.dropna().astype(str).unique()))
    span = (int(years.min()), int(years.max()))
    for series in found:
        plain = known.get(series.name, "")
        yield from ranges(series, plain)
        yield from coverage(series, expected, span)
        if series.years:
            yield from copied_years(series, "warning" if is_known(series) else constant)
            yield from outliers(series, signs=not never_negative(series, plain))


def _repeated_rows(frame: pd.DataFrame, unit: str, time: str, file: str) -> Iterator[Finding]:
    twice = frame[frame.duplicated([unit, time])]
    if len(twice):
        shown = ", ".join(f"{row[unit]} {row[time]}" for _, row in twice.head(6).iterrows())
        yield Finding("error", "schema", file, f"{file} has more than one row for {shown}; keep one of each.")


def _tables_span(sectors: pd.DataFrame, file: str) -> Iterator[Finding]:
    """Yield provinces that lack a table in a year in which others have one, and tables of unlike sectors."""
    expected = expected_units(list(sectors["province"].unique()))
    for year, rows in sectors.groupby("year"):
        absent = [unit for unit in expected if unit not in set(rows["province"])]
        if absent:
            yield Finding(
                "warning",
                "coverage",
                file,
                f"{file}: there is no table of {year} for {', '.join(absent[:6])}"
                f"{f' and {len(absent) - 6} more' if len(absent) > 6 else ''}.",
                year=int(str(year)),
            )
        numbers = rows.dropna(subset=["province", "sector"]).groupby("province")["sector"].nunique()
        if numbers.empty:
            continue
        usual = int(numbers.mode().iloc[0])
        for province, number in numbers[numbers != usual].items():
            yield Finding(
                "warning",
                "coverage",
                file,
                f"{file}: the table of {province} {year} has {number} sectors, the others have {usual}.",
                province=str(province),
                year=int(str(year)),
            )


def _against_gdp(sectors: pd.DataFrame, yearbook: pd.DataFrame | None, file: str) -> Iterator[Finding]:
    """Yield tables whose value added is far from the province's GDP: of another unit, or with sectors left out."""
    if yearbook is None:
        return
    gdp = yearbook[yearbook["series"] == "gdp"].drop_duplicates(["province", "year"], keep="last")
    made = sectors.groupby(["province", "year"])["value_added"].sum() / _TENS_OF_THOUSAND_PER_100M
    ratio = made / gdp.set_index(["province", "year"])["value"].reindex(made.index)
    odd = ratio[(ratio < 0.75) | (ratio > 1.33)].rename("share").reset_index()
    for province, year, share in odd.itertuples(index=False):
        far = share < 0.1 or share > 10
        yield Finding(
            "error" if far else "warning",
            "unit" if far else "vintage",
            file,
            f"{file}: value added of all sectors of {province} {year} is {share:.2g} times its GDP in the yearbook; "
            + (
                "the table seems not to be in 10k CNY." if far else "are sectors missing, or is GDP of another vintage?"
            ),
            province=str(province),
            year=int(year),
        )


def _changed(folder: Path, name: str) -> Iterator[Finding]:
    records = datafolder.provenance(folder, name)
    path = datafolder.path_of(folder, name)
    if not records:
        yield Finding(
            "note", "provenance", name, f"{name} has no provenance file: nobody knows what it was imported from."
        )
    elif records[-1].sha256 and records[-1].sha256 != datafolder.file_hash(path):
        yield Finding(
            "warning",
            "provenance",
            name,
            f"{path.name} was changed after its import of {records[-1].imported}; import it anew.",
        )
