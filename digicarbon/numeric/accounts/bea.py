"""The digital economy's value added by the BEA method (Eq 1 to 4 of the study).

The study is *Frontiers in Environmental Science* 2024, doi 10.3389/fenvs.2024.1438927.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.accounts.leontief import value_added_content

STUDY = "doi:10.3389/fenvs.2024.1438927"
"""The study's name in codebooks."""
Coefficient = Literal["total_input", "intermediate_input", "leontief"]
"""The measure of a sector's digital share."""


@dataclass(frozen=True, eq=False)
class DigitalValueAdded:
    """Value added of the digital economy in the money of the table: digital manufacturing, digital services, and DDL.

    ``ddl`` is industrial digitalization, the digital part of the value added of all other sectors.
    """

    sector1: FloatArray
    sector2: FloatArray
    ddl: FloatArray

    @property
    def ide(self) -> FloatArray:
        """Digital industry: Sector 1 plus Sector 2."""
        return self.sector1 + self.sector2

    @property
    def e(self) -> FloatArray:
        """Total digital economy: digital industry plus industrial digitalization."""
        return self.ide + self.ddl

    def columns(self) -> dict[str, FloatArray]:
        """Return the five measures by name: sector1, sector2, ddl, ide, e."""
        return {name: getattr(self, name) for name in MEASURES}


MEASURES = ("sector1", "sector2", "ddl", "ide", "e")
"""The five measures: two digital sectors, industrial digitalization, digital industry, total."""


def adjustment_coefficients(flows: FloatArray, output: FloatArray, digital: Sequence[int]) -> FloatArray:
    """Return each sector's digital share a_j, the adjustment coefficient of Eq 1 to 4, shape (..., n).

    Eq 1 defines it as digital value added over value added. With one value-added rate for a sector (Eq 2: value added
    over total output), digital value added is digital output times that rate (Eq 3), so that the coefficient is digital
    output over total output (Eq 4). Digital output is measured by the inputs that sector j buys from the digital
    sectors; this is our assumption, as the article's own formula is not legible.

    ``flows[..., i, j]`` is what sector j buys from sector i; ``digital`` are positions. The share is 0 where there are
    neither inputs nor output, infinite where there are digital inputs but no output.
    """
    return _share(flows[..., list(digital), :].sum(axis=-2), output)


def input_coefficients(flows: FloatArray, digital: Sequence[int]) -> FloatArray:
    """Return each sector's digital share of its intermediate input, a_j = Σ_i∈D z_ij / Σ_i z_ij, shape (..., n).

    z_ij is ``flows[..., i, j]``, what sector j buys from sector i, D ``digital``. A sector that buys nothing has 0.
    """
    return _share(flows[..., list(digital), :].sum(axis=-2), flows.sum(axis=-2))


COEFFICIENTS: Mapping[Coefficient, Callable[[FloatArray, FloatArray, FloatArray, Sequence[int]], FloatArray]] = {
    "total_input": lambda flows, value_added, output, digital: adjustment_coefficients(flows, output, digital),
    "intermediate_input": lambda flows, value_added, output, digital: input_coefficients(flows, digital),
    "leontief": value_added_content,
}
"""The coefficients as functions of flows, value added, output and the digital sectors' positions."""


def digital_value_added(
    flows: FloatArray,
    value_added: FloatArray,
    output: FloatArray,
    sector1: int,
    sector2: int,
    coefficient: Coefficient = "total_input",
) -> DigitalValueAdded:
    """Return the value added of the digital economy's parts for one table, or for a stack of tables, shape (...).

    DDL is the sum of a_j times value added over the sectors j that are not digital themselves (Eq 1 to 4); the
    coefficient a_j is that of `adjustment_coefficients`, `input_coefficients` or `value_added_content`. ``sector1`` and
    ``sector2`` are the positions of the digital manufacturing and the digital services sector. Negative value added is
    kept. `numpy.linalg.LinAlgError` is raised if the coefficient is ``"leontief"`` and I - A has no inverse.
    """
    share = COEFFICIENTS[coefficient](flows, value_added, output, (sector1, sector2))
    return from_shares(share, value_added, sector1, sector2)


def from_shares(share: FloatArray, value_added: FloatArray, sector1: int, sector2: int) -> DigitalValueAdded:
    """Return the digital economy's parts where each sector's digital share a_j is known, shapes (..., n) to (...).

    The value added of the sectors 1 and 2 themselves counts in full.
    """
    digital_part = np.delete(share * value_added, (sector1, sector2), axis=-1)
    return DigitalValueAdded(value_added[..., sector1], value_added[..., sector2], digital_part.sum(axis=-1))


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((part == 0) & (whole == 0), 0.0, part / whole)


def nearest_table(years: ArrayLike, table_years: ArrayLike) -> IntArray:
    """Return, for each of T years, the position of the nearest table year; a tie goes to the earlier one.

    ``years``: shape (T,). ``table_years``, shape (K,): sorted, at least one.
    """
    distance = np.abs(np.subtract.outer(np.asarray(years), np.asarray(table_years)))
    # argmin takes the first of equals, which is the earlier year
    return np.asarray(distance.argmin(axis=-1), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Surrounding:
    """The tables that each of T years takes its structure from.

    ``before`` and ``after`` are positions of table years, equal where a year takes one table; ``weight``, from 0 to 1,
    is that of the later table.
    """

    before: IntArray
    after: IntArray
    weight: FloatArray


def surrounding_tables(years: ArrayLike, table_years: ArrayLike) -> Surrounding:
    """Return, for each year, the table years (sorted) around it and how near the later one is.

    A year t between the table years s < u weighs them by (u - t)/(u - s) and (t - s)/(u - s). A year with a table, and
    a year before the first or after the last one, takes its nearest table alone.
    """
    year, table = np.asarray(years, dtype=np.int64), np.asarray(table_years, dtype=np.int64)
    after = np.minimum(np.searchsorted(table, year), len(table) - 1)
    before = np.where((table[after] > year) & (after > 0), after - 1, after)
    span = np.maximum(table[after] - table[before], 1)
    weight = np.where(after > before, (year - table[before]) / span, 0.0)
    return Surrounding(np.asarray(before, dtype=np.int64), np.asarray(after, dtype=np.int64), weight)


def blend(before: DigitalValueAdded, after: DigitalValueAdded, weight: FloatArray) -> DigitalValueAdded:
    """Return the weighted mean of the measures as two tables give them, both scaled to the year by `scale_to_year`.

    ``weight`` is that of the later one. As each part is its share of a driver (secondary value added, tertiary value
    added, GDP) times the year's driver, this is the linear interpolation of the shares: ((1 - w) S_s/V_s + w S_u/V_u)
    V_t.
    """
    return DigitalValueAdded(
        *(
            (1 - weight) * getattr(before, name) + weight * getattr(after, name)
            for name in ("sector1", "sector2", "ddl")
        )
    )


def scale_to_year(
    at_table: DigitalValueAdded, secondary: FloatArray, tertiary: FloatArray, total: FloatArray
) -> DigitalValueAdded:
    """Return the measures of other years, shares held constant from the nearest table year.

    Sector 1 grows with the value added of the secondary industry, Sector 2 with that of the tertiary industry and DDL
    with GDP, each over its value in the table year.
    """
    return DigitalValueAdded(at_table.sector1 * secondary, at_table.sector2 * tertiary, at_table.ddl * total)
