"""Geary's c, and Getis and Ord's G, global by period and local."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.diagnostic._arguments import with_call
from digicarbon.errors import DataError, EstimationError
from digicarbon.note import Note
from digicarbon.numeric.linear.statistic import Sides
from digicarbon.packs.exploratory.diagnostic.moran import (
    MOMENT_WORDS,
    ByPeriod,
    by_period,
    by_unit,
    prepared,
    varying_values,
)
from digicarbon.packs.exploratory.numeric.concentration import geary as numeric_geary
from digicarbon.packs.exploratory.numeric.concentration import getis_ord as numeric_global
from digicarbon.packs.exploratory.numeric.concentration import local_getis_ord as numeric_local
from digicarbon.packs.exploratory.numeric.moran import Moments
from digicarbon.panel import Panel
from digicarbon.weights import Weights

GEARYS_C, GETIS_ORDS_G = Note("gearys_c"), Note("getis_ords_g")
Links = Literal["binary", "weights"]
GMoments = Literal["randomisation", "permutation"]


@with_call
def geary(
    panel: Panel,
    weights: Weights,
    variable: str,
    moments: Moments = "normal",
    sides: Sides = "two",
    draws: int = 999,
    seed: int = 0,
) -> pd.DataFrame:
    """Return Geary's c of a variable in each period.

    Parameters
    ----------
    panel, weights, variable, moments, draws, seed
        As in `digicarbon.moran`.
    sides : {"two", "greater"}
        ``greater`` asks whether neighbours are more alike than others, i.e. whether c is below 1.

    Returns
    -------
    DataFrame
        Index: period; columns c, expected (1 without spatial correlation), variance, z, p.

    Raises
    ------
    DataError, WeightsError
        If the variable is missing or constant in a period, or the weights do not fit the panel.
    EstimationError
        If c is the same however values are exchanged between units.

    References
    ----------
    Geary (1954); Cliff & Ord (1981), Spatial Processes, pp. 17-21.
    """
    panel, w, rng = prepared(panel, weights, GEARYS_C, seed, variable)
    values = varying_values(panel, variable, GEARYS_C)
    return _by_period(panel, "c", [asdict(numeric_geary(row, w, moments, sides, rng, draws)) for row in values])


@with_call
def getis_ord(
    panel: Panel,
    weights: Weights,
    variable: str,
    links: Links = "binary",
    moments: GMoments = "randomisation",
    sides: Sides = "two",
    draws: int = 999,
    seed: int = 0,
) -> pd.DataFrame:
    """Return Getis and Ord's global G of a variable in each period: whether high values gather, or low ones.

    Parameters
    ----------
    panel, weights, draws, seed
        As in `digicarbon.moran`.
    variable : str
        Positive; a logarithm may be negative, its column itself is not.
    links : {"binary", "weights"}
        Whether every link counts 1, as the authors have it, or its weight.
    moments : {"randomisation", "permutation"}
        Exact moments over all permutations with p from the normal distribution, or those of drawn permutations.
    sides : {"two", "greater"}

    Returns
    -------
    DataFrame
        Index: period; columns g, expected, variance, z, p. z above 0: high values are near each other; below 0: low
        ones.

    Raises
    ------
    DataError, WeightsError
        If a value is not positive, else as in `geary`.
    EstimationError
        If G is the same however values are exchanged between units.

    References
    ----------
    Getis & Ord (1992), Geographical Analysis 24.
    """
    panel, w, rng = prepared(panel, weights, GETIS_ORDS_G, seed, variable)
    w = _linked(w, links)
    permute = moments == "permutation"
    values = _positive(panel, variable)
    return _by_period(panel, "g", [asdict(numeric_global(row, w, permute, sides, rng, draws)) for row in values])


@with_call
def local_getis_ord(
    panel: Panel,
    weights: Weights,
    variable: str,
    star: bool = True,
    links: Links = "binary",
    permute: bool = False,
    sides: Sides = "two",
    draws: int = 999,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the local G or G* of each unit in each period: where high values gather, and where low ones.

    Parameters
    ----------
    panel, weights, variable, links, sides, draws, seed
        As in `getis_ord`.
    star : bool
        Whether a unit is among its own neighbours (G*), with the largest weight of its row.
    permute : bool
        Whether p values are those over permutations of the other units' values, or of z from the normal distribution.

    Returns
    -------
    DataFrame
        Index: period, unit; columns g, expected, variance, z, p, spot (hot: z above 0, high values gather; cold: below
        0, low ones; whatever p is).

    Raises
    ------
    DataError, WeightsError, EstimationError
        As in `getis_ord`; of the last kind where G of no unit depends on how values are exchanged.

    References
    ----------
    Ord & Getis (1995), Geographical Analysis 27.
    """
    panel, w, rng = prepared(panel, weights, GETIS_ORDS_G, seed, variable)
    w = _linked(w, links)
    every = []
    for row in _positive(panel, variable):
        columns = asdict(numeric_local(row, w, star, permute, sides, rng, draws))
        spot = np.where(np.isnan(columns["z"]), "", np.where(columns["z"] > 0, "hot", "cold"))
        every.append({"g": columns.pop("value"), **columns, "spot": spot})
    table = by_unit(panel, every)
    if table["z"].isna().all():
        raise EstimationError(Note("association_fixed"))
    return table


def _by_period(panel: Panel, name: str, rows: list[dict[str, float]]) -> pd.DataFrame:
    return by_period(panel, rows, Note("association_fixed")).rename(columns={"value": name})


def _linked(w: scipy.sparse.csr_array, links: Links) -> scipy.sparse.csr_array:
    matrix = scipy.sparse.csr_array(w, copy=True)
    matrix.eliminate_zeros()
    if links == "binary":
        matrix.data = np.ones_like(matrix.data)
    return matrix


def _positive(panel: Panel, variable: str) -> FloatArray:
    """Return a variable, shape (T, N), after a check that it is positive and varies in each period."""
    cube = varying_values(panel, variable, GETIS_ORDS_G)
    low = np.argwhere(cube < 0)
    if len(low):
        period, unit = low[0]
        raise DataError(
            Note("g_needs_positive", variable=variable, unit=panel.units[unit], period=panel.periods[period])
        )
    return cube


class Geary(ByPeriod):
    """Geary's c of variables by period.

    Attributes
    ----------
    moments : {"normal", "randomisation", "permutation"}
    sides : {"two", "greater"}
        ``greater``: neighbours are more alike than others, c is below 1.
    """

    references: ClassVar[tuple[str, ...]] = ("cliff1981", "geary1954")

    table_names: ClassVar[tuple[str, ...]] = ("geary",)
    subject: ClassVar[Note] = GEARYS_C
    statistic: ClassVar[Callable[..., pd.DataFrame]] = staticmethod(geary)

    moments: Moments = "normal"

    @property
    def notes(self) -> tuple[Note, ...]:
        """How expectation, variance and p are computed, and the alternative."""
        if self.moments == "permutation":
            return (Note("geary_permuted", **self.permuted),)
        return (Note("geary_moments", given=MOMENT_WORDS[self.moments], sided=self.permuted["sided"]),)


class GetisOrd(ByPeriod):
    """Getis and Ord's global G of variables by period.

    Attributes
    ----------
    variables
        As in `ByPeriod`; they are positive.
    links : {"binary", "weights"}
        Whether every link counts 1, or its weight.
    moments : {"randomisation", "permutation"}
    """

    references: ClassVar[tuple[str, ...]] = ("getis1992",)

    table_names: ClassVar[tuple[str, ...]] = ("getis_ord",)
    subject: ClassVar[Note] = GETIS_ORDS_G
    statistic: ClassVar[Callable[..., pd.DataFrame]] = staticmethod(getis_ord)

    links: Links = "binary"
    moments: GMoments = "randomisation"

    @property
    def notes(self) -> tuple[Note, ...]:
        """How expectation, variance and p are computed."""
        if self.moments == "permutation":
            return (Note("getis_ord_permuted", **self.permuted),)
        return (Note("getis_ord_moments", sided=self.permuted["sided"]),)


class HotSpots(ByPeriod):
    """Hot and cold spots of variables by period and unit: Getis and Ord's local G or G*.

    Attributes
    ----------
    variables
        As in `ByPeriod`; they are positive.
    star : bool
        Whether a unit is among its own neighbours (G*), with the largest weight of its row.
    links : {"binary", "weights"}
        Whether every link counts 1, or its weight.
    permute : bool
        Whether p values are those over permutations of the other units' values, or of z from the normal distribution.
    """

    references: ClassVar[tuple[str, ...]] = ("ord1995",)

    table_names: ClassVar[tuple[str, ...]] = ("hot_spots",)
    subject: ClassVar[Note] = GETIS_ORDS_G
    statistic: ClassVar[Callable[..., pd.DataFrame]] = staticmethod(local_getis_ord)

    star: bool = True
    links: Links = "binary"
    permute: bool = False

    @property
    def notes(self) -> tuple[Note, ...]:
        """What the statistic is, and how p comes about."""
        own = Note("among_own_neighbours") if self.star else Note("not_among_own_neighbours")
        if self.permute:
            return (Note("hot_spots_permuted", own=own, **self.permuted),)
        return (Note("hot_spots_normal", own=own, sided=self.permuted["sided"]),)
