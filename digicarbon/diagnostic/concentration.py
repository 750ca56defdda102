"""Geary's c, and Getis and Ord's G, global by period and local."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.diagnostic._arguments import Variables
from digicarbon.diagnostic._rows import aligned
from digicarbon.diagnostic.base import Diagnostic
from digicarbon.diagnostic.moran import (
    MOMENT_WORDS,
    Draws,
    by_period,
    permutation_fields,
    varying_values,
    with_variables,
)
from digicarbon.errors import DataError, EstimationError
from digicarbon.note import Note
from digicarbon.numeric.linear.statistic import Sides
from digicarbon.numeric.tests.concentration import geary as numeric_geary
from digicarbon.numeric.tests.concentration import getis_ord as numeric_global
from digicarbon.numeric.tests.concentration import local_getis_ord as numeric_local
from digicarbon.numeric.tests.moran import Moments
from digicarbon.panel import Panel
from digicarbon.weights import Weights

Links = Literal["binary", "weights"]
GMoments = Literal["randomisation", "permutation"]


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
    panel = with_variables(panel, variable)
    w = aligned(panel, weights, Note("gearys_c")).matrix
    rng = np.random.default_rng(seed)
    values = varying_values(panel, variable, Note("gearys_c"))
    return _by_period(panel, "c", [asdict(numeric_geary(row, w, moments, sides, rng, draws)) for row in values])


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
    panel = with_variables(panel, variable)
    w = _linked(aligned(panel, weights, Note("getis_ords_g")), links)
    rng = np.random.default_rng(seed)
    permute = moments == "permutation"
    values = _positive(panel, variable)
    return _by_period(panel, "g", [asdict(numeric_global(row, w, permute, sides, rng, draws)) for row in values])


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
    panel = with_variables(panel, variable)
    w = _linked(aligned(panel, weights, Note("getis_ords_g")), links)
    rng = np.random.default_rng(seed)
    frames = {}
    for period, row in zip(panel.periods, _positive(panel, variable), strict=True):
        columns = asdict(numeric_local(row, w, star, permute, sides, rng, draws))
        spot = np.where(np.isnan(columns["z"]), "", np.where(columns["z"] > 0, "hot", "cold"))
        index = pd.Index(panel.units, name=panel.unit_name)
        frames[period] = pd.DataFrame({"g": columns.pop("value"), **columns, "spot": spot}, index=index)
    table = pd.concat(frames, names=[panel.time_name])
    if table["z"].isna().all():
        raise EstimationError(Note("association_fixed"))
    return table


def _by_period(panel: Panel, name: str, rows: list[dict[str, float]]) -> pd.DataFrame:
    return by_period(panel, rows, Note("association_fixed")).rename(columns={"value": name})


def _linked(weights: Weights, links: Links) -> scipy.sparse.csr_array:
    matrix = scipy.sparse.csr_array(weights.matrix, copy=True)
    matrix.eliminate_zeros()
    if links == "binary":
        matrix.data = np.ones_like(matrix.data)
    return matrix


def _positive(panel: Panel, variable: str) -> FloatArray:
    """Return a variable, shape (T, N), after a check that it is positive and varies in each period."""
    cube = varying_values(panel, variable, Note("getis_ords_g"))
    low = np.argwhere(cube < 0)
    if len(low):
        period, unit = low[0]
        raise DataError(
            Note("g_needs_positive", variable=variable, unit=panel.units[unit], period=panel.periods[period])
        )
    return cube


class _Association(Diagnostic):
    """A statistic of single variables by period that takes weights."""

    takes_weights: ClassVar[bool] = True

    variables: Variables
    sides: Sides = "two"
    draws: Draws = 999
    seed: int = 0

    @property
    def terms(self) -> tuple[str, ...]:
        """The variables."""
        return self.variables

    @property
    def _permuted(self) -> Mapping[str, object]:
        return permutation_fields(self.draws, self.seed, self.sides)


class Geary(_Association):
    """Geary's c of variables by period.

    Attributes
    ----------
    variables : tuple of str
        Terms whose statistic is computed; ln_name is the logarithm of the column name.
    moments : {"normal", "randomisation", "permutation"}
    sides : {"two", "greater"}
        ``greater``: neighbours are more alike than others, c is below 1.
    draws : int
        Number of permutations.
    seed : int
        Seed of the permutations.
    """

    references: ClassVar[tuple[str, ...]] = ("cliff1981", "geary1954")

    table_names: ClassVar[tuple[str, ...]] = ("geary",)

    moments: Moments = "normal"

    @property
    def notes(self) -> tuple[Note, ...]:
        """How expectation, variance and p are computed, and the alternative."""
        if self.moments == "permutation":
            return (Note("geary_permuted", **self._permuted),)
        return (Note("geary_moments", given=MOMENT_WORDS[self.moments], sided=self._permuted["sided"]),)

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the statistic cannot be computed."""
        super().check(panel)
        aligned(panel, weights, Note("gearys_c"))

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return the table ``geary``, indexed by variable and period."""
        w = aligned(panel, weights, Note("gearys_c"))
        options = (self.moments, self.sides, self.draws, self.seed)
        frames = {name: geary(panel, w, name, *options) for name in self.variables}
        return {"geary": pd.concat(frames, names=["variable"])}


class GetisOrd(_Association):
    """Getis and Ord's global G of variables by period.

    Attributes
    ----------
    variables : tuple of str
        Terms whose statistic is computed; they are positive.
    links : {"binary", "weights"}
        Whether every link counts 1, or its weight.
    moments : {"randomisation", "permutation"}
    sides : {"two", "greater"}
    draws : int
        Number of permutations.
    seed : int
        Seed of the permutations.
    """

    references: ClassVar[tuple[str, ...]] = ("getis1992",)

    table_names: ClassVar[tuple[str, ...]] = ("getis_ord",)

    links: Links = "binary"
    moments: GMoments = "randomisation"

    @property
    def notes(self) -> tuple[Note, ...]:
        """How expectation, variance and p are computed."""
        if self.moments == "permutation":
            return (Note("getis_ord_permuted", **self._permuted),)
        return (Note("getis_ord_moments", sided=self._permuted["sided"]),)

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the statistic cannot be computed."""
        super().check(panel)
        aligned(panel, weights, Note("getis_ords_g"))

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return the table ``getis_ord``, indexed by variable and period."""
        w = aligned(panel, weights, Note("getis_ords_g"))
        options = (self.links, self.moments, self.sides, self.draws, self.seed)
        frames = {name: getis_ord(panel, w, name, *options) for name in self.variables}
        return {"getis_ord": pd.concat(frames, names=["variable"])}


class HotSpots(_Association):
    """Hot and cold spots of variables by period and unit: Getis and Ord's local G or G*.

    Attributes
    ----------
    variables : tuple of str
        Terms whose statistic is computed; they are positive.
    star : bool
        Whether a unit is among its own neighbours (G*), with the largest weight of its row.
    links : {"binary", "weights"}
        Whether every link counts 1, or its weight.
    permute : bool
        Whether p values are those over permutations of the other units' values, or of z from the normal distribution.
    sides : {"two", "greater"}
    draws : int
        Number of permutations.
    seed : int
        Seed of the permutations.
    """

    references: ClassVar[tuple[str, ...]] = ("ord1995",)

    table_names: ClassVar[tuple[str, ...]] = ("hot_spots",)

    star: bool = True
    links: Links = "binary"
    permute: bool = False

    @property
    def notes(self) -> tuple[Note, ...]:
        """What the statistic is, and how p comes about."""
        own = Note("among_own_neighbours") if self.star else Note("not_among_own_neighbours")
        if self.permute:
            return (Note("hot_spots_permuted", own=own, **self._permuted),)
        return (Note("hot_spots_normal", own=own, sided=self._permuted["sided"]),)

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the statistic cannot be computed."""
        super().check(panel)
        aligned(panel, weights, Note("getis_ords_g"))

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return the table ``hot_spots``, indexed by variable, period and unit."""
        w = aligned(panel, weights, Note("getis_ords_g"))
        options = (self.star, self.links, self.permute, self.sides, self.draws, self.seed)
        frames = {name: local_getis_ord(panel, w, name, *options) for name in self.variables}
        return {"hot_spots": pd.concat(frames, names=["variable"])}
