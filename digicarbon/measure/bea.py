"""Value added of the digital economy from input-output tables (BEA method), in years with a table and without one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
import pydantic
from numpy.typing import ArrayLike, NDArray

from digicarbon.arrays import FloatArray
from digicarbon.disk.cells import as_csv, plain
from digicarbon.errors import DataError
from digicarbon.measure.base import Measure, numbers
from digicarbon.note import Note, cut, suggestion
from digicarbon.numeric.accounts import bea
from digicarbon.numeric.accounts.bea import STUDY, Surrounding, nearest_table, surrounding_tables
from digicarbon.numeric.accounts.leontief import technical_coefficients
from digicarbon.source import TABLES, InputOutputTable, Inputs
from digicarbon.spec import Definition, Names, SomeNames

GapYears = Literal["structure", "interpolation"]
"""How years without a table are filled."""

DRIVERS = ("secondary_va", "tertiary_va", "gdp")
"""The series that carry Sector 1, Sector 2 and DDL through the gap years."""


def _nearest(years: ArrayLike, table_years: ArrayLike) -> Surrounding:
    near = nearest_table(years, table_years)
    return Surrounding(near, near, np.zeros(len(near)))


_FILLING: Mapping[GapYears, Callable[[ArrayLike, ArrayLike], Surrounding]] = {
    "structure": _nearest,
    "interpolation": surrounding_tables,
}


def table_years(keys: pd.DataFrame, tables: Collection[tuple[str, int]], how: GapYears, source: str) -> pd.DataFrame:
    """Return the table years of each row and the weight of the later one: columns before, after, weight.

    ``keys``: columns ``unit`` and ``time``. ``tables``: unit and year of each input-output table. ``source``: for
    messages. Raises DataError if a unit has no table.
    """
    years_of: dict[object, list[int]] = {}
    for unit, year in sorted(tables):
        years_of.setdefault(unit, []).append(year)
    missing = [unit for unit in keys["unit"].unique() if unit not in years_of]
    if missing:
        raise DataError(Note("bea_no_table_of_units", group="source", source=source, units=cut(missing)))
    # arrays: setting parts of a data frame for each unit takes a hundred times as long
    before, after, weight = np.zeros(len(keys), int), np.zeros(len(keys), int), np.zeros(len(keys))
    times = keys["time"].to_numpy()
    for name, rows in keys.groupby("unit").indices.items():
        years = np.asarray(years_of[name])
        around = _FILLING[how](times[rows], years)
        before[rows], after[rows], weight[rows] = years[around.before], years[around.after], around.weight
    return pd.DataFrame({"before": before, "after": after, "weight": weight}, index=keys.index)


def growth(inputs: Inputs, keys: pd.DataFrame, table_year: pd.Series[Any]) -> NDArray[np.float64]:
    """Return each driver over its value in the table year, shape (rows, 3); 1 in the table years themselves.

    ``keys``: columns ``unit`` and ``time``, as the rows of the inputs. ``table_year``: the table year of each row.
    Raises DataError if a driver is missing, or has no positive value in a table year.
    """
    result = np.ones((len(keys), len(DRIVERS)))
    gap = (table_year != keys["time"]).to_numpy()
    if not gap.any():
        return result
    table = inputs.series(DRIVERS, "measure=bea (years without an input-output table)")
    series = pd.DataFrame(
        {name: numbers(table, name, inputs.source) for name in DRIVERS},
        index=pd.MultiIndex.from_frame(table[["unit", "time"]]),
    )
    base_keys = pd.MultiIndex.from_arrays([keys.loc[gap, "unit"], table_year[gap]])
    base = series.reindex(base_keys).to_numpy(dtype=float)
    if not (base > 0).all():
        row, column = np.argwhere(~(base > 0))[0]
        cell = Note("cell", parts=base_keys[row])
        raise DataError(Note("bea_no_value_in_table_year", column=DRIVERS[column], cell=cell, source=inputs.source))
    result[gap] = series.to_numpy(dtype=float)[gap] / base
    return result


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


_PARTS = ("sector1", "sector2", "ddl")

_SHARES: Mapping[bea.Coefficient, Note] = {
    "total_input": Note("share_total_input"),
    "intermediate_input": Note("share_intermediate_input"),
    "leontief": Note("share_value_added"),
}

_DDL: Mapping[bea.Coefficient, str] = {
    "total_input": "Σ_j∉D a_j · VA_j, a_j = Σ_i∈D z_ij / x_j",
    "intermediate_input": "Σ_j∉D a_j · VA_j, a_j = Σ_i∈D z_ij / Σ_i z_ij",
    "leontief": "Σ_j∉D a_j · VA_j, a_j = Σ_i∈D v_i l_ij",
}
_ORIGINS: Mapping[bea.Coefficient, str] = {
    "total_input": f"{STUDY}, Eq 1-4",
    "intermediate_input": "",
    "leontief": "Leontief 1936; Miller & Blair 2009, 2.2 and 6.2",
}

_NOT_FINITE: Mapping[bea.Coefficient, Note] = {
    "total_input": Note("bea_digital_inputs_without_output"),
    "intermediate_input": Note("bea_digital_inputs_without_inputs"),
    "leontief": Note("bea_inputs_without_output"),
}


class BeaMeasure(Measure):
    """Value added of the digital economy by the BEA method (Eq 1 to 4 of the study).

    Sector 1 and Sector 2 are the value added of digital manufacturing and of digital services; DDL is the digital part
    of the value added of the other sectors, each sector's share being the ``coefficient``; IDE = Sector 1 + Sector 2;
    E = IDE + DDL. All are in 10k CNY.

    With D the digital sectors, z_ij what sector j buys from sector i, x_j total output, v_i value added over output
    and L = (I - A)⁻¹ with a_ij = z_ij/x_j, the coefficient of sector j is Σ_i∈D z_ij / x_j (``total_input``, the
    study's), Σ_i∈D z_ij / Σ_i z_ij (``intermediate_input``) or Σ_i∈D v_i l_ij (``leontief``).

    In a year t without a table, each part is its share of a driver V (secondary value added for Sector 1, tertiary
    value added for Sector 2, GDP for DDL) times the year's driver. The share is that of the nearest table, a tie going
    to the earlier one (``structure``), or, between the tables of s < t < u, the linear interpolation
    (u - t)/(u - s) S_s/V_s + (t - s)/(u - s) S_u/V_u (``interpolation``; outside of the tables as ``structure``).

    Attributes
    ----------
    terms : tuple of str
        The focal terms: sector1, sector2, ddl, ide and e, or their logarithms ln_sector1 and so on.
    sector1 : tuple of str
        Accepted spellings of the digital manufacturing sector's name in the tables. Sectors are matched by name, never
        by number: the numbers differ between vintages of the tables.
    sector2 : tuple of str
        The same for the digital services sector.
    coefficient : {"total_input", "intermediate_input", "leontief"}
        The measure of the digital share of a sector.
    scope : {"full", "narrow"}
        The whole digital economy, or the digital sectors alone: then E = IDE, and there is no DDL.
    gap_years : {"structure", "interpolation"}
        How years without a table are filled.
    """

    references: ClassVar[tuple[str, ...]] = ("leontief1936", "miller2009")

    in_10k_cny: ClassVar[float] = 1.0

    terms: SomeNames = ("ln_e",)
    sector1: Names = SECTOR1
    sector2: Names = SECTOR2
    coefficient: bea.Coefficient = "total_input"
    scope: Literal["full", "narrow"] = "full"
    gap_years: GapYears = "structure"

    @pydantic.field_validator("terms")
    @classmethod
    def _terms_are_known(cls, terms: tuple[str, ...]) -> tuple[str, ...]:
        known = [f"{prefix}{name}" for name in bea.MEASURES for prefix in ("ln_", "")]
        unknown = [name for name in terms if name not in known]
        if unknown:
            hint = suggestion(unknown[0], known)
            raise ValueError(Note("bea_unknown_terms", terms=cut(unknown), hint=hint, known=cut(known, 10)))
        if not terms:
            raise ValueError(Note("bea_no_terms", known=cut(known, 10)))
        return terms

    @pydantic.model_validator(mode="after")
    def _narrow_has_no_ddl(self) -> Self:
        ddl_terms = [name for name in self.terms if name.removeprefix("ln_") == "ddl"]
        if self.scope == "narrow" and ddl_terms:
            raise ValueError(Note("bea_narrow_without_ddl", key="scope", terms=cut(ddl_terms)))
        return self

    def compute(self, inputs: Inputs) -> pd.DataFrame:
        """Return unit, time and sector1, sector2, ddl, ide, e in 10k CNY for each row of the inputs.

        Raises DataError if there are no tables, a table lacks a digital sector or has no total requirements, a unit has
        no table, or a series that carries the measures through the gap years is missing.
        """
        at_tables = {place: self._one_table(table, place) for place, table in _tables(inputs).items()}
        keys = inputs.series([], "measure=bea").reset_index(drop=True)
        years = table_years(keys, list(inputs.tables), self.gap_years, inputs.source)
        before, after = (_scaled(at_tables, inputs, keys, years[side].astype(int)) for side in ("before", "after"))
        columns = bea.blend(before, after, years["weight"].to_numpy()).columns()
        if self.scope == "narrow":
            columns = {name: column for name, column in columns.items() if name != "ddl"} | {"e": columns["ide"]}
        return keys.assign(**columns)

    def definitions(self) -> Mapping[str, Definition]:
        """Return the formula of each part; years without a table have the words of their filling."""
        filled = Note("interpolated_shares") if self.gap_years == "interpolation" else Note("nearest_shares")
        made = {
            "sector1": ("VA_1", (Note("bea_sector1"), filled), STUDY),
            "sector2": ("VA_2", (Note("bea_sector2"), filled), STUDY),
            "ddl": (_DDL[self.coefficient], (Note("bea_ddl"), filled), _ORIGINS[self.coefficient]),
            "ide": ("sector1 + sector2", (), STUDY),
            "e": ("ide + ddl", (), STUDY),
        }
        if self.scope == "narrow":
            del made["ddl"]
            made["e"] = ("ide", (Note("narrow_scope"),), "")
        return {name: Definition(formula, words, "10k CNY", source) for name, (formula, words, source) in made.items()}

    def notes(self, inputs: Inputs) -> tuple[Note, ...]:
        """Return notes on differences from the study's measure."""
        notes = []
        if self.scope == "narrow":
            notes.append(Note("narrow_scope"))
        elif self.coefficient != "total_input":
            notes.append(Note("digital_share", what=_SHARES[self.coefficient]))
        if self.gap_years == "interpolation":
            notes.append(Note("interpolated_shares"))
        return (*notes, *super().notes(inputs))

    def artifacts(self, inputs: Inputs) -> Mapping[str, str]:
        """Return ``sectors.csv``: every sector of every table with its coefficient and digital value added, 10k CNY.

        Errors are those of `compute` for tables.
        """
        columns: dict[str, list[Any]] = {}
        for (unit, year), table in _tables(inputs).items():
            for name, values in self._sectors(table, unit, year).items():
                columns.setdefault(name, []).extend(values.tolist())
        # quicker than a frame
        cells = zip(*(map(plain, values) for values in columns.values()), strict=True)
        return {"sectors.csv": as_csv(list(columns), cells).decode()}

    def _sectors(self, table: InputOutputTable, unit: str, year: int) -> dict[str, NDArray[Any]]:
        """Return the columns of one table."""
        digital = self._digital(table, (unit, year))
        share = self._shares(table, (unit, year), digital)
        n = len(table.sectors)
        kind = np.full(n, "", dtype=object)
        kind[list(digital)] = "sector1", "sector2"
        # value added of the digital sectors counts in full
        digital_share = np.where(kind != "", 1.0, share)
        return {
            "unit": np.full(n, unit, dtype=object),
            "table_year": np.full(n, year),
            "sector": np.array(table.sectors, dtype=object),
            "digital": kind,
            "output": table.output,
            "value_added": table.value_added,
            "coefficient": share,
            "digital_value_added": digital_share * table.value_added,
        }

    def _one_table(self, table: InputOutputTable, place: tuple[str, int]) -> bea.DigitalValueAdded:
        digital = self._digital(table, place)
        return bea.from_shares(self._shares(table, place, digital), table.value_added, *digital)

    def _digital(self, table: InputOutputTable, place: tuple[str, int]) -> tuple[int, int]:
        """Return the positions of the two digital sectors."""
        first = _position(table.sectors, self.sector1, place, "measure.sector1")
        second = _position(table.sectors, self.sector2, place, "measure.sector2")
        if first == second:
            raise DataError(Note("bea_one_sector_twice", key="measure.sector1", sector=table.sectors[first]))
        return first, second

    def _shares(self, table: InputOutputTable, place: tuple[str, int], digital: tuple[int, int]) -> FloatArray:
        """Return each sector's coefficient, shape (n,); all are 0 in the narrow scope."""
        if self.scope == "narrow":
            return np.zeros(len(table.sectors))
        coefficient = bea.COEFFICIENTS[self.coefficient]
        try:
            share = coefficient(table.flows, table.value_added, table.output, digital)
        except np.linalg.LinAlgError as error:
            raise DataError(Note("bea_no_total_requirements", key="measure.coefficient", table=_name(place))) from error
        if np.isfinite(share).all():
            return share
        leontief = self.coefficient == "leontief"
        bad = (
            ~np.isfinite(technical_coefficients(table.flows, table.output)).all(axis=0)
            if leontief
            else ~np.isfinite(share)
        )
        odd = cut(table.sectors[j] for j in np.flatnonzero(bad))
        raise DataError(Note("bea_not_finite", table=_name(place), what=_NOT_FINITE[self.coefficient], sectors=odd))


def _tables(inputs: Inputs) -> Mapping[tuple[str, int], InputOutputTable]:
    if not inputs.tables:
        remedy = inputs.absent.get(TABLES, Note("choose_another_source"))
        raise DataError(Note("bea_needs_tables", group="measure", source=inputs.source, remedy=remedy))
    return inputs.tables


def _name(place: tuple[str, int]) -> Note:
    """Return the name of the table of a unit and a year."""
    return Note("cell", parts=place)


def _scaled(
    at_tables: Mapping[tuple[str, int], bea.DigitalValueAdded],
    inputs: Inputs,
    keys: pd.DataFrame,
    years: pd.Series[int],
) -> bea.DigitalValueAdded:
    """Return the digital value added of each row, scaled from its table of ``years`` to its own year."""
    rows = [at_tables[place] for place in zip(keys["unit"], years, strict=True)]
    at_table = bea.DigitalValueAdded(*(np.array([getattr(row, name) for row in rows]) for name in _PARTS))
    return bea.scale_to_year(at_table, *growth(inputs, keys, years).T)


def _position(sectors: tuple[str, ...], spellings: tuple[str, ...], place: tuple[str, int], key: str) -> int:
    matches = _matches(sectors, spellings)
    if len(matches) == 1:
        return matches[0]
    if matches:
        names = cut(sectors[index] for index in matches)
        raise DataError(Note("bea_several_sectors", key=key, table=_name(place), number=len(matches), sectors=names))
    if not spellings:
        raise DataError(Note("bea_no_spelling", key=key))
    raise DataError(
        Note(
            "bea_no_such_sector",
            key=key,
            table=_name(place),
            spellings=cut(spellings),
            hint=suggestion(spellings[0], sectors),
            sectors=cut(sectors, 60),
        )
    )


# hundreds of tables have the same sector names
@lru_cache(maxsize=256)
def _matches(sectors: tuple[str, ...], spellings: tuple[str, ...]) -> list[int]:
    """Return the positions of the sectors that have one of the spellings."""
    accepted = {_folded(name) for name in spellings}
    return [index for index, name in enumerate(sectors) if _folded(name) in accepted]


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
