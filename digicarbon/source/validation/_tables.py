"""Identities and oddities of input-output tables."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from digicarbon.country import country
from digicarbon.errors import counted, listing
from digicarbon.numeric.accounts.identities import relative_gap
from digicarbon.source.validation._words import names, percent
from digicarbon.source.validation.finding import Finding, Level

BROKEN = 1e-3
"""A larger relative difference is no rounding: an error."""
STEPS = (1e4, 1e3, 1e2, 10.0, 1.0, 0.1, 0.01)
"""What published figures may be rounded to, in 10k CNY: two decimals of 100m CNY are hundreds of it."""
COMPONENTS = ("labour_compensation", "net_production_tax", "depreciation", "operating_surplus")
OPTIONAL = ("intermediate_input", "imported_input", "final_use", "imports", "inflow", "residual")
"""Columns that not every table has."""
LARGEST = 2e9
"""More value added than a province has, 10k CNY."""
APART = (1 / 300, 30.0)
"""Ratios to the median of all provinces of a year that no two have, and a slip of the unit has."""
_FEWEST = 5
_DIGITAL = (
    "通信设备",
    "信息传输",
    "communication equipment",
    "manufacture of communication",
    "information transmission",
)
_KEY = ["province", "year", "sector"]


def tables(sectors: pd.DataFrame, flows: pd.DataFrame, file: str, tolerance: float = BROKEN) -> Iterator[Finding]:
    """Yield where tables do not balance, and sectors and cells that a measure stumbles over.

    Parameters
    ----------
    sectors : DataFrame
        ``province``, ``year``, ``sector``, ``value_added``, ``output``; where a table has them, the components of value
        added, ``intermediate_input``, ``imported_input``, ``final_use``, ``imports``, ``inflow`` and
        ``residual``. 10k CNY.
    flows : DataFrame
        Either ``province``, ``from_sector``, ``to_sector`` (provincial tables) or ``from_province``, ``from_sector``,
        ``to_province``, ``to_sector`` (multi-regional), with ``year`` and ``flow``.
    file : str
    tolerance : float
        Relative difference beyond which a broken identity is an error.

    Notes
    -----
    By column: output = Σᵢ flow(i, j) + imported input + value added. By row: output = Σⱼ flow(i, j) + final use -
    imports - inflow + residual, where final use includes exports and outflow. Value added is the sum of its four
    components.
    Differences are relative to the sector's output (1e-6 of the table's total output for smaller sectors); what n + 1
    rounded figures can add up to is none.
    """
    both = _with_sums(sectors, flows)
    yield from _unknown(sectors, flows, file)
    table = both.groupby(["province", "year"])["output"]
    floor = 1e-6 * table.transform("sum")
    rounding = 0.5 * table.transform(_step) * (table.transform("size") + 1)
    for what, stated, summed in _identities(both):
        gap = relative_gap(stated, summed, np.maximum(floor, np.abs(both["output"])))
        gap = np.where(np.abs(stated - summed) <= rounding, 0.0, gap)
        yield from _broken(both.assign(gap=gap), what, file, tolerance)
    yield from sizes(sectors, file)
    yield from _odd_sectors(both, file)
    yield from _negative_flows(flows, file)


def sizes(sectors: pd.DataFrame, file: str) -> Iterator[Finding]:
    """Yield provinces' tables of too much value added, alone or beside the other provinces of the year."""
    own = sectors[sectors["province"] != country().name]
    made = own.groupby(["province", "year"], as_index=False)["value_added"].sum()
    by_year = made.groupby("year")["value_added"]
    columns = (made["province"], made["year"], made["value_added"], by_year.transform("median"))
    beside = by_year.transform("size") >= _FEWEST
    for province, year, value, usual, enough in zip(*columns, beside, strict=True):
        ratio = value / usual if usual > 0 else 1.0
        level: Level = "error" if value > LARGEST else "warning"
        if value > LARGEST:
            words = f"{value:.3g}, more than {LARGEST:g}, which no province has"
        elif enough and not APART[0] <= ratio <= APART[1]:
            words = f"{value:.3g}, {ratio:.3g} times the median of the year's tables"
        else:
            continue
        yield Finding(
            level,
            "unit",
            file,
            f"{file}: value added of all sectors of {province} {year} in 10k CNY is {words}; is the table in another "
            "unit than it says? Import it anew with unit=….",
            province=str(province),
            year=int(year),
        )


def _identities(both: pd.DataFrame) -> Iterator[tuple[str, pd.Series[float], pd.Series[float]]]:
    have = set(both.columns)
    yield "purchases and value added do not sum to total input", both["output"], both["bought"] + both["value_added"]
    if set(COMPONENTS) <= have:
        parts = both[list(COMPONENTS)].sum(axis=1, skipna=False)
        yield "the components of value added do not sum to it", both["value_added"], parts
    if "intermediate_input" in have:
        yield "purchases do not sum to the stated intermediate input", both["intermediate_input"], both["bought"]
    if "final_use" in have:
        supplied = both["sold"] + both["final_use"] - _optional(both, "imports") - _optional(both, "inflow")
        words = "sales and final use less imports do not sum to total output"
        yield words, both["output"], supplied + _optional(both, "residual")


def _optional(both: pd.DataFrame, name: str) -> pd.Series[float]:
    """Return a column, zero where a table does not have it."""
    return both[name].fillna(0.0) if name in both.columns else pd.Series(0.0, index=both.index)


def _step(values: pd.Series[float]) -> float:
    """Return what the figures of a table are rounded to; 0 for unrounded ones."""
    found = values.to_numpy(dtype=np.float64)
    multiples = (
        step for step in STEPS if np.allclose(found, step * np.round(found / step), rtol=1e-12, atol=1e-6 * step)
    )
    return next(multiples, 0.0)


def _with_sums(sectors: pd.DataFrame, flows: pd.DataFrame) -> pd.DataFrame:
    """Return the sectors with what each bought from and sold to all sectors."""
    multi = "from_province" in flows.columns
    both = sectors.drop_duplicates(_KEY)
    for column, side in (("bought", "to"), ("sold", "from")):
        keys = [f"{side}_province" if multi else "province", "year", f"{side}_sector"]
        sums = flows.groupby(keys, observed=True)["flow"].sum().rename(column)
        both = both.merge(sums.rename_axis(_KEY).reset_index(), on=_KEY, how="left")
    both = both.fillna({"bought": 0.0, "sold": 0.0})
    return both.assign(bought=both["bought"] + _optional(both, "imported_input"))


def _unknown(sectors: pd.DataFrame, flows: pd.DataFrame, file: str) -> Iterator[Finding]:
    multi = "from_province" in flows.columns
    known = pd.MultiIndex.from_frame(sectors[_KEY])
    for side in ("from", "to"):
        keys = [f"{side}_province" if multi else "province", "year", f"{side}_sector"]
        lost = pd.MultiIndex.from_frame(flows[keys].drop_duplicates()).difference(known)
        if len(lost):
            shown = names(" ".join(map(str, key)) for key in lost)
            yield Finding(
                "error", "identity", file, f"{file}: flows name sectors that the table does not have: {shown}."
            )


def _broken(both: pd.DataFrame, what: str, file: str, tolerance: float) -> Iterator[Finding]:
    for (province, year), rows in both[both["gap"] > tolerance / 10].groupby(["province", "year"], sort=False):
        worst = rows.sort_values("gap").iloc[-1]
        level: Level = "error" if worst["gap"] > tolerance else "warning"
        yield Finding(
            level,
            "identity",
            file,
            f"{file}: in the table of {province} {year}, {what} in {counted(len(rows), 'sector')}, most in "
            f"'{worst['sector']}' ({percent(float(worst['gap']))} of its output).",
            province=str(province),
            year=int(worst["year"]),
            sector=str(worst["sector"]),
        )


def _odd_sectors(both: pd.DataFrame, file: str) -> Iterator[Finding]:
    empty = both["output"] == 0
    for check, rows, words in (
        ("negative value added", both[both["value_added"] < 0], "has negative value added ({value_added:g} 10k CNY)"),
        ("zero sector", both[empty], "has no output"),
        ("zero sector", both[~empty & (both["value_added"] == 0)], "has output but no value added"),
    ):
        for _, row in rows.iterrows():
            digital = str(row["sector"]).casefold().startswith(_DIGITAL)
            meaning = "; it is a digital sector, so its logarithm is undefined" if digital and check[0] == "z" else ""
            yield Finding(
                "warning",
                check,
                file,
                f"{file}: sector '{row['sector']}' of {row['province']} {row['year']} "
                f"{words.format(value_added=row['value_added'])}{meaning}.",
                province=str(row["province"]),
                year=int(row["year"]),
                sector=str(row["sector"]),
            )


def _negative_flows(flows: pd.DataFrame, file: str) -> Iterator[Finding]:
    bad = flows[flows["flow"] < 0]
    if len(bad):
        keys = [name for name in flows.columns if name not in ("flow", country().code)]
        shown = listing(" ".join(str(row[key]) for key in keys) for _, row in bad.iterrows())
        yield Finding(
            "warning",
            "negative flow",
            file,
            f"{file}: {counted(len(bad), 'flow')} between sectors negative: {shown}.",
        )
