"""Value added of the digital economy from input-output tables (BEA method)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
import pydantic
from numpy.typing import NDArray

from digicarbon.errors import DataError, listing, nearest
from digicarbon.measure.base import Measure
from digicarbon.numeric import bea
from digicarbon.source import InputOutputTable, Inputs
from digicarbon.spec import Names

DRIVERS = ("secondary_va", "tertiary_va", "gdp")
"""The series that carry Sector 1, Sector 2 and DDL through the gap years."""

SECTOR1 = (
    "Communication equipment, computers and other electronic equipment",
    "Manufacture of communication equipment, computers and other electronic equipment",
    "通信设备、计算机和其他电子设备",
    "通信设备、计算机及其它电子设备制造业",
)
SECTOR2 = (
    "Information transmission, software and information technology services",
    "信息传输、软件和信息技术服务",
    "信息传输、计算机服务和软件业",
)


class BeaMeasure(Measure):
    """Value added of the digital economy by the BEA method (Eq 1 to 4 of the study).

    Sector 1 and Sector 2 are the value added of digital manufacturing and of digital services; DDL is the digital part
    of the value added of the other sectors, each sector's share being its inputs from the two digital sectors over its
    total input; IDE = Sector 1 + Sector 2; E = IDE + DDL. In years without a table the nearest table (a tie goes to the
    earlier one) is scaled: Sector 1 with secondary value added, Sector 2 with tertiary value added, DDL with GDP.

    Attributes
    ----------
    terms : tuple of str
        The focal terms: sector1, sector2, ddl, ide and e, or their logarithms ln_sector1 and so on.
    sector1, sector2 : tuple of str
        Accepted spellings of the two digital sectors' names in the tables. Sectors are matched by name, never by
        number: the numbers differ between vintages of the tables.
    gap_years : {"structure"}
        How years without a table are filled: with the nearest table's structure.
    """

    terms: Names = ("ln_e",)
    sector1: Names = SECTOR1
    sector2: Names = SECTOR2
    gap_years: Literal["structure"] = "structure"

    @pydantic.field_validator("terms")
    @classmethod
    def _terms_are_known(cls, terms: tuple[str, ...]) -> tuple[str, ...]:
        known = [f"{prefix}{name}" for name in bea.MEASURES for prefix in ("ln_", "")]
        unknown = [name for name in terms if name not in known]
        if unknown:
            raise ValueError(
                f"there is no measure {listing(unknown)}.{nearest(unknown[0], known)} Terms: {listing(known, 10)}."
            )
        if not terms:
            raise ValueError(f"name at least one of {listing(known, 10)}.")
        return terms

    def compute(self, inputs: Inputs) -> pd.DataFrame:
        """Return unit, time and sector1, sector2, ddl, ide, e in 10k CNY for each row of the inputs.

        Raises
        ------
        DataError
            If there are no tables, a table lacks a digital sector, a unit has no table, or a series that carries the
            measures through the gap years is missing.
        """
        if not inputs.tables:
            raise DataError(
                f"measure=bea needs input-output tables, which source={inputs.source} does not have. Choose a "
                "ready-made column instead (measure=column measure.column=…) or another source."
            )
        at_tables = self._at_tables(inputs.tables)
        keys = inputs.frame[["unit", "time"]].reset_index(drop=True)
        table_year = _table_years(keys, at_tables, inputs.source)
        found = at_tables.loc[pd.MultiIndex.from_arrays([keys["unit"], table_year])]
        at_table = bea.DigitalValueAdded(*(found[name].to_numpy() for name in ("sector1", "sector2", "ddl")))
        growth = _growth(inputs, keys, table_year)
        return keys.assign(**bea.scale_to_year(at_table, *growth.T).columns())

    def _at_tables(self, tables: Mapping[tuple[str, int], InputOutputTable]) -> pd.DataFrame:
        """Sector 1, Sector 2 and DDL, indexed by unit and table year."""
        rows = [self._one_table(table, f"{unit} {year}") for (unit, year), table in tables.items()]
        values = [(part.sector1, part.sector2, part.ddl) for part in rows]
        index = pd.MultiIndex.from_tuples(list(tables), names=["unit", "year"])
        return pd.DataFrame(values, index=index, columns=["sector1", "sector2", "ddl"], dtype=float)

    def _one_table(self, table: InputOutputTable, name: str) -> bea.DigitalValueAdded:
        first = _position(table.sectors, self.sector1, name, "measure.sector1")
        second = _position(table.sectors, self.sector2, name, "measure.sector2")
        if first == second:
            raise DataError(f"measure.sector1 and measure.sector2 name the same sector, '{table.sectors[first]}'.")
        share = bea.adjustment_coefficients(table.flows, table.output, (first, second))
        if not np.isfinite(share).all():
            odd = [table.sectors[j] for j in np.flatnonzero(~np.isfinite(share))]
            raise DataError(
                f"The input-output table of {name} has digital inputs but no finite, non-zero output in "
                f"{listing(odd)}; correct the flows or the output of these sectors."
            )
        return bea.digital_value_added(table.flows, table.value_added, table.output, first, second)


def _position(sectors: Sequence[str], spellings: Sequence[str], table: str, key: str) -> int:
    wanted = {_plain(name) for name in spellings}
    found = [index for index, name in enumerate(sectors) if _plain(name) in wanted]
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError(
            f"The input-output table of {table} has {len(found)} sectors that {key} accepts: "
            f"{listing(sectors[index] for index in found)}; keep one spelling in {key}."
        )
    raise DataError(
        f"The input-output table of {table} has no sector named {listing(spellings)}.{nearest(spellings[0], sectors)} "
        f"Add the table's spelling to {key}. Sectors: {listing(sectors, 60)}."
        if spellings
        else f"{key} is empty; give the name of the digital sector in the input-output tables."
    )


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def _table_years(keys: pd.DataFrame, at_tables: pd.DataFrame, source: str) -> pd.Series[int]:
    """Return the table year that each row takes its structure from."""
    known: dict[object, list[int]] = {}
    for unit, year in sorted(at_tables.index):
        known.setdefault(unit, []).append(year)
    missing = [unit for unit in keys["unit"].unique() if unit not in known]
    if missing:
        raise DataError(
            f"source={source} has no input-output table for {listing(missing)}; add the tables, leave these units out, "
            "or choose a ready-made column (measure=column measure.column=…)."
        )
    chosen = pd.Series(0, index=keys.index)
    for unit, rows in keys.groupby("unit"):
        years = np.asarray(known[unit])
        chosen[rows.index] = years[bea.nearest_table(rows["time"], years)]
    return chosen


def _growth(inputs: Inputs, keys: pd.DataFrame, table_year: pd.Series[int]) -> NDArray[np.float64]:
    """Each driver over its value in the table year, shape (rows, 3); 1 in the table years themselves."""
    growth = np.ones((len(keys), len(DRIVERS)))
    gap = (table_year != keys["time"]).to_numpy()
    if not gap.any():
        return growth
    series = inputs.series(DRIVERS, "measure=bea (years without an input-output table)").set_index(["unit", "time"])
    base_keys = pd.MultiIndex.from_arrays([keys.loc[gap, "unit"], table_year[gap]])
    base = series.reindex(base_keys).to_numpy(dtype=float)
    if not (base > 0).all():
        row, column = np.argwhere(~(base > 0))[0]
        unit, year = base_keys[row]
        raise DataError(
            f"Column '{DRIVERS[column]}' has no positive value for {unit} {year}, the table year from which "
            f"measure=bea carries the nearby years; add it to source={inputs.source}."
        )
    growth[gap] = series.to_numpy(dtype=float)[gap] / base
    return growth
