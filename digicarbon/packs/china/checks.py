"""The checks of China's statistics in a data folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import pandas as pd

from digicarbon.note import Note, cut
from digicarbon.packs.china import accounts, facts, vintages
from digicarbon.packs.china.datasets import UNIT
from digicarbon.source.validation import _tables
from digicarbon.source.validation._blocks import by_unit, by_year
from digicarbon.source.validation._copies import copied_blocks
from digicarbon.source.validation._coverage import expected_units
from digicarbon.source.validation._kind import Check, Checks
from digicarbon.source.validation._matrix import Matrix, long, wide
from digicarbon.source.validation.checks import check_tables, odd_series
from digicarbon.source.validation.finding import Finding

_TENS_OF_THOUSAND_PER_100M = 1e4
_ENERGY = {"diesel_oil": "diesel", "raw_coal": "coal"}
"""Plain names of carriers that the energy inventory calls differently."""


def across(sound: Mapping[str, pd.DataFrame], tolerance: float) -> Iterator[Finding]:
    """Yield contradictions between data sets whose columns are sound.

    ``sound``: data sets by name. ``tolerance``: relative difference beyond which an input-output table that does not
    balance is an error.
    """
    for kind in ("io", "mrio"):
        if f"{kind}_sectors" in sound and f"{kind}_flows" in sound:
            sectors, flows = sound[f"{kind}_sectors"], sound[f"{kind}_flows"]
            yield from check_tables(sectors, flows, f"{kind}_sectors", tolerance, UNIT)
            yield from _against_gdp(sectors, sound.get("yearbook"), f"{kind}_sectors")


def _wrong_codes(table: pd.DataFrame, name: str) -> Iterator[Finding]:
    """Yield provinces with the code of another one: one of the two columns has shifted."""
    codes = facts.provinces().set_index("province")["adcode"]
    pairs = table[["province", "adcode"]].drop_duplicates()
    right_codes = pairs["province"].map(codes)
    for province, code, right in zip(pairs["province"], pairs["adcode"], right_codes, strict=True):
        if pd.notna(right) and pd.notna(code) and int(code) != int(right):
            yield Finding(
                "error",
                "schema",
                name,
                Note("province_of_other_code", province=province, code=str(code), right=int(right)),
                unit=str(province),
            )


def _with_codes(accounts_add_up: Check) -> Check:
    def unfit(table: pd.DataFrame, name: str) -> Iterator[Finding]:
        yield from _wrong_codes(table, name)
        yield from accounts_add_up(table, name)

    return unfit


def _copies(table: pd.DataFrame, name: str, by: tuple[str, ...] = ()) -> Iterator[Finding]:
    yield from copied_blocks(by_year(table, UNIT, *by), name)


def _yearbook_copies(table: pd.DataFrame, name: str) -> Iterator[Finding]:
    yield from copied_blocks(by_unit(table, UNIT, "year", "series", "vintage"), name)


def _sectoral_series(table: pd.DataFrame, name: str) -> Iterator[Finding]:
    totals = table[table["sector"] == accounts.TOTAL]
    names = {"scope_1_total": "co2_sectoral", "process": "co2_process"}
    yield from odd_series(_numbers(totals, name), totals["province"], totals["year"], "warning", names)


def _apparent_series(table: pd.DataFrame, name: str) -> Iterator[Finding]:
    yield from odd_series(_numbers(table, name), table["province"], table["year"], "warning")


def _energy_series(table: pd.DataFrame, name: str) -> Iterator[Finding]:
    for sector, totals in table[table["sector"].isin(accounts.ENERGY_TOTALS)].groupby("sector", sort=False):
        series = _numbers(totals, f"{name}, {sector}")
        yield from odd_series(series, totals["province"], totals["year"], "warning", _ENERGY)


def _yearbook_series(table: pd.DataFrame, name: str) -> Iterator[Finding]:
    series = long(table, ["series", "vintage"], name, UNIT)
    yield from odd_series(series, table["province"], table["year"], "warning")


def _numbers(table: pd.DataFrame, file: str) -> Iterator[Matrix]:
    numbers = [column for column in table.select_dtypes("number").columns if column not in ("adcode", "year")]
    # a fuel that is not burnt, or not in the inventory, is a series of zeros: nothing to check
    return wide(table, [column for column in numbers if (table[column] != 0).any()], file, UNIT)


def _tables_span(sectors: pd.DataFrame, file: str) -> Iterator[Finding]:
    """Yield provinces that lack a table in a year when others have one, and tables with another number of sectors."""
    expected = expected_units(list(sectors["province"].unique()))
    for year, rows in sectors.groupby("year"):
        absent = [unit for unit in expected if unit not in set(rows["province"])]
        if absent:
            yield Finding(
                "warning",
                "coverage",
                file,
                Note("no_table_of_year", year=year, provinces=cut(absent)),
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
                Note(
                    "other_number_of_sectors", table=Note("cell", parts=(province, year)), sectors=number, usual=usual
                ),
                unit=str(province),
                year=int(str(year)),
            )


def _against_gdp(sectors: pd.DataFrame, yearbook: pd.DataFrame | None, file: str) -> Iterator[Finding]:
    """Yield tables whose value added is far from the province's GDP: in another unit, or without some sectors."""
    if yearbook is None:
        return
    gdp = yearbook[yearbook["series"] == "gdp"].drop_duplicates(["province", "year"], keep="last")
    value_added = sectors.groupby(["province", "year"])["value_added"].sum() / _TENS_OF_THOUSAND_PER_100M
    ratio = value_added / gdp.set_index(["province", "year"])["value"].reindex(value_added.index)
    odd = ratio[(ratio < 0.75) | (ratio > 1.33)].rename("share").reset_index()
    for province, year, share in odd.itertuples(index=False):
        far = share < 0.1 or share > 10
        yield Finding(
            "error" if far else "warning",
            "unit" if far else "vintage",
            file,
            Note(
                "table_of_other_unit_than_gdp" if far else "table_apart_from_gdp",
                table=Note("cell", parts=(province, year)),
                times=share,
            ),
            unit=str(province),
            year=int(year),
        )


def _sizes(sectors: pd.DataFrame, file: str) -> Iterator[Finding]:
    yield from _tables.sizes(_tables.with_units(sectors, UNIT), file, UNIT)


_by_sector = partial(_copies, by=("sector",))
_SECTORS = Checks(unfit=_wrong_codes, copies=_by_sector, own=_tables_span, on_import=_sizes)

CHECKS: Mapping[str, Checks] = {
    "ceads_sectoral": Checks(unfit=_with_codes(accounts.sectoral), copies=_by_sector, series=_sectoral_series),
    "ceads_apparent": Checks(unfit=_with_codes(accounts.apparent), copies=_copies, series=_apparent_series),
    "ceads_energy": Checks(unfit=_wrong_codes, copies=_by_sector, series=_energy_series, own=accounts.energy),
    "yearbook": Checks(unfit=_wrong_codes, copies=_yearbook_copies, series=_yearbook_series, own=vintages.by_vintage),
    "io_flows": Checks(unfit=_wrong_codes),
    "io_sectors": _SECTORS,
    "mrio_flows": Checks(),
    "mrio_sectors": _SECTORS,
}
"""By name of `digicarbon.packs.china.datasets.DATASETS`."""
