"""Identities and odd values of input-output tables."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from digicarbon.country import country
from digicarbon.note import Note, cut
from digicarbon.numeric.accounts.identities import relative_gap
from digicarbon.source.validation._words import percent
from digicarbon.source.validation.finding import Finding, Level

BROKEN = 1e-3
"""A larger relative difference cannot come from rounding: it is an error."""
STEPS = (1e4, 1e3, 1e2, 10.0, 1.0, 0.1, 0.01)
"""What published figures may be rounded to, in 10k CNY: two decimals of 100m CNY are steps of 100."""
COMPONENTS = ("labour_compensation", "net_production_tax", "depreciation", "operating_surplus")
OPTIONAL = ("intermediate_input", "imported_input", "final_use", "imports", "inflow", "residual")
"""Columns that not every table has."""
LARGEST = 2e9
"""More value added than any unit has, 10k CNY."""
APART = (1 / 300, 30.0)
"""Ratios to the median of a year's tables; beyond them the unit of measurement is likely wrong."""
_FEWEST = 5
_DIGITAL = (
    "通信设备",
    "信息传输",
    "communication equipment",
    "manufacture of communication",
    "information transmission",
)
_KEY = ["unit", "year", "sector"]


def with_units(table: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Return a data set with its units in the column ``unit``, or in ``from_unit`` and ``to_unit``.

    ``unit`` is what the column is called now; for flows between units, after ``from_`` and ``to_``.
    """
    names = {f"{end}{unit}": f"{end}unit" for end in ("", "from_", "to_")}
    # a file may have a column ``unit`` of another meaning, e.g. the unit of measurement
    others = [new for old, new in names.items() if new != old and new in table.columns]
    return table.drop(columns=others).rename(columns=names)


def tables(
    sectors: pd.DataFrame, flows: pd.DataFrame, file: str, tolerance: float = BROKEN, noun: str = "unit"
) -> Iterator[Finding]:
    """Yield where tables do not balance, and sectors and cells that measures cannot use.

    Sectors have ``unit``, ``year``, ``sector``, ``value_added``, ``output``; where a table has them, the components of
    value added, ``intermediate_input``, ``imported_input``, ``final_use``, ``imports``, ``inflow`` and ``residual``;
    10k CNY. Flows have either ``unit``, ``from_sector``, ``to_sector`` (a table for each unit) or ``from_unit``,
    ``from_sector``, ``to_unit``, ``to_sector`` (multi-regional), with ``year`` and ``flow``. A broken identity is an
    error beyond a relative difference of ``tolerance``.

    By column: output = Σᵢ flow(i, j) + imported input + value added. By row: output = Σⱼ flow(i, j) + final use -
    imports - inflow + residual, where final use includes exports and outflow. Value added is the sum of its four
    components. Differences are relative to the sector's output (1e-6 of the table's total output for smaller sectors);
    a difference that rounding of n + 1 figures can make is ignored.
    """
    both = _with_sums(sectors, flows)
    yield from _unknown(sectors, flows, file)
    table = both.groupby(["unit", "year"])["output"]
    floor = 1e-6 * table.transform("sum")
    rounding = 0.5 * table.transform(_step) * (table.transform("size") + 1)
    for what, stated, summed in _identities(both):
        gap = relative_gap(stated, summed, np.maximum(floor, np.abs(both["output"])))
        gap = np.where(np.abs(stated - summed) <= rounding, 0.0, gap)
        yield from _broken(both.assign(gap=gap), what, file, tolerance)
    yield from sizes(sectors, file, noun)
    yield from _odd_sectors(both, file)
    yield from _negative_flows(flows, file)


def sizes(sectors: pd.DataFrame, file: str, noun: str = "unit") -> Iterator[Finding]:
    """Yield tables with too much value added, by itself or compared with the other tables of the year."""
    own = sectors[sectors["unit"] != country().name]
    totals = own.groupby(["unit", "year"], as_index=False)["value_added"].sum()
    by_year = totals.groupby("year")["value_added"]
    columns = (totals["unit"], totals["year"], totals["value_added"], by_year.transform("median"))
    comparable = by_year.transform("size") >= _FEWEST
    for unit, year, value, median, enough in zip(*columns, comparable, strict=True):
        ratio = value / median if median > 0 else 1.0
        level: Level = "error" if value > LARGEST else "warning"
        if value > LARGEST:
            how = Note("more_than_any_unit", value=value, most=LARGEST, noun=noun)
        elif enough and not APART[0] <= ratio <= APART[1]:
            how = Note("far_from_tables", value=value, times=ratio)
        else:
            continue
        said = Note("table_of_other_unit", table=Note("cell", parts=(unit, year)), how=how)
        yield Finding(level, "unit", file, said, unit=str(unit), year=int(year))


def _identities(both: pd.DataFrame) -> Iterator[tuple[Note, pd.Series[float], pd.Series[float]]]:
    columns = set(both.columns)
    yield Note("inputs_do_not_sum"), both["output"], both["bought"] + both["value_added"]
    if set(COMPONENTS) <= columns:
        parts = both[list(COMPONENTS)].sum(axis=1, skipna=False)
        yield Note("components_do_not_sum"), both["value_added"], parts
    if "intermediate_input" in columns:
        yield Note("purchases_do_not_sum"), both["intermediate_input"], both["bought"]
    if "final_use" in columns:
        supplied = both["sold"] + both["final_use"] - _optional(both, "imports") - _optional(both, "inflow")
        yield Note("uses_do_not_sum"), both["output"], supplied + _optional(both, "residual")


def _optional(both: pd.DataFrame, name: str) -> pd.Series[float]:
    """Return a column, zero where a table does not have it."""
    return both[name].fillna(0.0) if name in both.columns else pd.Series(0.0, index=both.index)


def _step(values: pd.Series[float]) -> float:
    """Return what the figures of a table are rounded to; 0 for unrounded ones."""
    figures = values.to_numpy(dtype=np.float64)
    multiples = (
        step for step in STEPS if np.allclose(figures, step * np.round(figures / step), rtol=1e-12, atol=1e-6 * step)
    )
    return next(multiples, 0.0)


def _with_sums(sectors: pd.DataFrame, flows: pd.DataFrame) -> pd.DataFrame:
    """Return the sectors with what each bought from and sold to all sectors."""
    multi = "from_unit" in flows.columns
    both = sectors.drop_duplicates(_KEY)
    for column, side in (("bought", "to"), ("sold", "from")):
        keys = [f"{side}_unit" if multi else "unit", "year", f"{side}_sector"]
        sums = flows.groupby(keys, observed=True)["flow"].sum().rename(column)
        both = both.merge(sums.rename_axis(_KEY).reset_index(), on=_KEY, how="left")
    both = both.fillna({"bought": 0.0, "sold": 0.0})
    return both.assign(bought=both["bought"] + _optional(both, "imported_input"))


def _unknown(sectors: pd.DataFrame, flows: pd.DataFrame, file: str) -> Iterator[Finding]:
    multi = "from_unit" in flows.columns
    known = pd.MultiIndex.from_frame(sectors[_KEY])
    for side in ("from", "to"):
        keys = [f"{side}_unit" if multi else "unit", "year", f"{side}_sector"]
        unlisted = pd.MultiIndex.from_frame(flows[keys].drop_duplicates()).difference(known)
        if len(unlisted):
            shown = cut(Note("cell", parts=key) for key in unlisted)
            yield Finding("error", "identity", file, Note("flows_of_other_sectors", sectors=shown))


def _broken(both: pd.DataFrame, what: Note, file: str, tolerance: float) -> Iterator[Finding]:
    for (unit, year), rows in both[both["gap"] > tolerance / 10].groupby(["unit", "year"], sort=False):
        worst = rows.sort_values("gap").iloc[-1]
        level: Level = "error" if worst["gap"] > tolerance else "warning"
        said = Note(
            "table_out_of_balance",
            table=Note("cell", parts=(unit, year)),
            what=what,
            sectors=len(rows),
            sector=worst["sector"],
            share=percent(float(worst["gap"])),
        )
        yield Finding(level, "identity", file, said, "", str(unit), int(worst["year"]), str(worst["sector"]))


def _odd_sectors(both: pd.DataFrame, file: str) -> Iterator[Finding]:
    empty = both["output"] == 0
    for check, rows in (
        ("negative value added", both[both["value_added"] < 0]),
        ("zero sector", both[empty]),
        ("zero sector", both[~empty & (both["value_added"] == 0)]),
    ):
        for _, row in rows.iterrows():
            digital = str(row["sector"]).casefold().startswith(_DIGITAL)
            negative = check == "negative value added"
            why = Note("no_value_added") if row["output"] else Note("no_output")
            said = Note(
                "odd_sector",
                sector=row["sector"],
                table=Note("cell", parts=(row["unit"], row["year"])),
                why=Note("negative_value_added", value=row["value_added"]) if negative else why,
                more=Note("digital_logarithm") if digital and not negative else "",
            )
            yield Finding("warning", check, file, said, "", str(row["unit"]), int(row["year"]), str(row["sector"]))


def _negative_flows(flows: pd.DataFrame, file: str) -> Iterator[Finding]:
    bad = flows[flows["flow"] < 0]
    if len(bad):
        keys = [name for name in flows.columns if name not in ("flow", country().code)]
        shown = cut(Note("cell", parts=tuple(str(row[key]) for key in keys)) for _, row in bad.iterrows())
        yield Finding("warning", "negative flow", file, Note("negative_flows", flows=len(bad), cells=shown))
