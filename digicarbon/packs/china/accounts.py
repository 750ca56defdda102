"""Identities of the emissions and energy accounts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from digicarbon.note import Note, cut
from digicarbon.numeric.accounts.identities import relative_gap
from digicarbon.packs.china import facts
from digicarbon.source.validation._ranges import largest
from digicarbon.source.validation._words import cells, percent
from digicarbon.source.validation.finding import Finding

TOTAL = "Total"
ENERGY_TOTALS = ("Total Final Consumption", "Total Consumption")
FUELS = 17
"""The carriers that are burnt; heat, electricity and other energy follow them in the list of carriers."""
NOTABLE = 1e-6
"""A larger relative difference is reported; the published figures agree to ten digits."""
BROKEN = 1e-3
"""A larger relative difference cannot be rounding: it is an error."""
APPARENT = ("raw_coal_total", "crude_oil_total", "natural_gas_total", "cement")
"""The parts of the apparent inventory."""
_NOTHING_MT = 0.01
_KEYS = ["province", "adcode", "year", "sector"]


def sectoral(frame: pd.DataFrame, file: str) -> Iterator[Finding]:
    """Yield a finding for each identity that the sectoral inventory violates.

    Sectors must sum to the row ``Total`` in every column. If all 17 fuels are there, they and process emissions must
    sum to ``scope_1_total`` in every row (without emissions of bought heat and electricity, ``scope_2_*``).
    """
    numbers = [column for column in frame.select_dtypes("number").columns if column not in _KEYS]
    is_total = frame["sector"] == TOTAL
    stated, summed = (_whole_sums(frame[rows], numbers) for rows in (is_total, ~is_total))
    both = stated.index.intersection(summed.index)
    without_total = summed.index.difference(stated.index)
    if len(without_total):
        yield Finding(
            "warning",
            "identity",
            file,
            Note("no_total_row", file=file, total=TOTAL, places=cells(_places(without_total))),
        )
    for column in numbers:
        gap = relative_gap(stated.loc[both, column], summed.loc[both, column], _NOTHING_MT)
        what = Note("sectors_differ_from_total", column=column, total=TOTAL)
        yield from _broken(what, _places(both), gap, file, column)
    totals = frame[is_total]
    yield from _too_large(totals, totals["scope_1_total"], "scope_1_total", "co2_sectoral", file)
    parts = [*facts.ceads_fuels()["fuel"][:FUELS], "process"]
    if set(parts) <= set(numbers):
        gap = relative_gap(frame["scope_1_total"], frame[parts].sum(axis=1, skipna=False), _NOTHING_MT)
        what = Note("fuels_differ_from_total", column="scope_1_total")
        yield from _broken(what, _cells(frame), gap, file, "scope_1_total")


def apparent(frame: pd.DataFrame, file: str) -> Iterator[Finding]:
    """Yield findings if totals of the apparent inventory are too large, or not coal + oil + gas + cement."""
    parts = frame[list(APPARENT)].sum(axis=1, skipna=False)
    yield from _too_large(frame, parts, Note("parts_of_apparent"), "co2_apparent", file)
    if "total" in frame.columns:
        gap = relative_gap(frame["total"], parts, _NOTHING_MT)
        yield from _broken(Note("total_differs_from_parts"), _cells(frame, by_sector=False), gap, file, "total")


def energy(frame: pd.DataFrame, file: str) -> Iterator[Finding]:
    """Yield negative totals of the energy inventory; other rows may be negative, as outputs of transformation."""
    totals = frame[frame["sector"].isin(ENERGY_TOTALS)]
    for column in totals.select_dtypes("number").columns.difference(_KEYS, sort=False):
        bad = totals[totals[column] < -1e-9 * totals[column].abs().max()]
        if len(bad):
            said = Note("negative_totals", column=column, number=len(bad), places=cells(_cells(bad)))
            yield Finding("warning", "sign", file, said, series=str(column))


def _too_large(
    frame: pd.DataFrame, co2: pd.Series[float], what: Note | str, series: str, file: str
) -> Iterator[Finding]:
    """Yield provinces and years with more CO2 than a province can emit, because of another unit of measurement."""
    most = largest(series)
    bad = frame[co2 > most]
    if len(bad):
        places = cells(_cells(bad, by_sector=False))
        said = Note("more_than_a_province", what=what, most=most, places=places, largest=co2.max())
        yield Finding("error", "unit", file, said, series=series)


def _broken(
    what: Note, places: list[tuple[str, int]], gap: np.typing.NDArray[np.float64], file: str, series: str
) -> Iterator[Finding]:
    """Yield one finding for all places where an identity is off by more than rounding."""
    violations = sorted(
        ((size, place) for place, size in zip(places, gap.tolist(), strict=True) if size > NOTABLE), reverse=True
    )
    if not violations:
        return
    worst, _ = violations[0]
    yield Finding(
        "error" if worst > BROKEN else "warning",
        "identity",
        file,
        Note(
            "account_out_of_balance",
            what=what,
            number=len(violations),
            share=percent(worst),
            worst=cut((Note("cell", parts=place) for _, place in violations), 3),
        ),
        series=series,
    )


def _whole_sums(rows: pd.DataFrame, numbers: list[str]) -> pd.DataFrame:
    """Return sums by province and year; missing if a part is missing, since its size is unknown."""
    keys = ["province", "year"]
    sums = rows.groupby(keys)[numbers].sum()
    return sums.mask(rows[numbers].isna().groupby([rows[key] for key in keys]).any())


def _places(index: pd.Index[Any]) -> list[tuple[str, int]]:
    return [(str(province), int(year)) for province, year in index.tolist()]


def _cells(rows: pd.DataFrame, by_sector: bool = True) -> list[tuple[str, int]]:
    """Return the province, with the sector, and the year of each row."""
    names = rows["province"].astype(str)
    return list(zip(names + " " + rows["sector"] if by_sector else names, rows["year"].astype(int), strict=True))
