"""The digital economy's value added by the BEA method (Eq 1 to 4 of the study).

The study is *Frontiers in Environmental Science* 2024, doi 10.3389/fenvs.2024.1438927. In the gap years between two
input-output tables the nearest table's shares are held constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class DigitalValueAdded:
    """Value added of the digital economy, in the money of the table.

    Attributes
    ----------
    sector1 : ndarray, shape (...)
        Value added of the digital manufacturing sector.
    sector2 : ndarray, shape (...)
        Value added of the digital services sector.
    ddl : ndarray, shape (...)
        Industrial digitalization: the digital part of the value added of all other sectors.
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
    """Return each sector's digital share a_j, the adjustment coefficient of Eq 1 to 4.

    Eq 1 defines it as digital value added over value added. With one value-added rate for a sector (Eq 2: value added
    over total output), digital value added is digital output times that rate (Eq 3), so that the coefficient is digital
    output over total output (Eq 4). Digital output is measured by the inputs that sector j buys from the digital
    sectors; this is our assumption, as the article's own formula is not legible.

    Parameters
    ----------
    flows : ndarray, shape (..., n, n)
        ``flows[..., i, j]`` is what sector j buys from sector i.
    output : ndarray, shape (..., n)
        Total output, equal to total input.
    digital : sequence of int
        Positions of the digital sectors.

    Returns
    -------
    ndarray, shape (..., n)
        Coefficients; 0 where neither inputs nor output, infinite where digital inputs but no output.
    """
    bought = flows[..., list(digital), :].sum(axis=-2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((bought == 0) & (output == 0), 0.0, bought / output)


def digital_value_added(
    flows: FloatArray, value_added: FloatArray, output: FloatArray, sector1: int, sector2: int
) -> DigitalValueAdded:
    """Return the value added of the digital economy's parts for one table, or for a stack of tables.

    DDL is the sum of a_j times value added over the sectors j that are not digital themselves (Eq 1 to 4). Negative
    value added is kept.

    Parameters
    ----------
    flows : ndarray, shape (..., n, n)
    value_added, output : ndarray, shape (..., n)
    sector1, sector2 : int
        Positions of the digital manufacturing and the digital services sector.

    Returns
    -------
    DigitalValueAdded
        Arrays of shape (...).
    """
    share = adjustment_coefficients(flows, output, (sector1, sector2))
    digital_part = np.delete(share * value_added, (sector1, sector2), axis=-1)
    return DigitalValueAdded(value_added[..., sector1], value_added[..., sector2], digital_part.sum(axis=-1))


def nearest_table(years: ArrayLike, table_years: ArrayLike) -> IntArray:
    """Return, for each year, the position of the nearest table year; a tie goes to the earlier one.

    Parameters
    ----------
    years : array of int, shape (T,)
    table_years : array of int, shape (K,)
        Sorted, at least one.

    Returns
    -------
    ndarray of int, shape (T,)
    """
    distance = np.abs(np.subtract.outer(np.asarray(years), np.asarray(table_years)))
    # argmin takes the first of equals, which is the earlier year
    return np.asarray(distance.argmin(axis=-1), dtype=np.int64)


def scale_to_year(
    at_table: DigitalValueAdded, secondary: FloatArray, tertiary: FloatArray, total: FloatArray
) -> DigitalValueAdded:
    """Return the measures of other years, shares held constant from the table year.

    Sector 1 grows with the value added of the secondary industry, Sector 2 with that of the tertiary industry and DDL
    with GDP.

    Parameters
    ----------
    at_table : DigitalValueAdded
        Values in the nearest table year.
    secondary, tertiary, total : ndarray, shape (...)
        Secondary value added, tertiary value added and GDP of the year, each over its value in the table year.

    Returns
    -------
    DigitalValueAdded
    """
    return DigitalValueAdded(at_table.sector1 * secondary, at_table.sector2 * tertiary, at_table.ddl * total)
