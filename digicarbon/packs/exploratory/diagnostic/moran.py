"""Moran's I: global by period, of two variables, and local."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Annotated, Any, ClassVar

import numpy as np
import pandas as pd
import scipy
from pydantic import Field

from digicarbon.arrays import FloatArray
from digicarbon.diagnostic._arguments import Variables, with_call
from digicarbon.diagnostic._rows import aligned
from digicarbon.diagnostic.base import Diagnostic
from digicarbon.errors import DataError, EstimationError
from digicarbon.note import Note, cut
from digicarbon.numeric.linear.statistic import Sides
from digicarbon.packs.exploratory.numeric.local_moran import QUADRANTS, LocalMoments, Quadrants
from digicarbon.packs.exploratory.numeric.local_moran import local_moran as numeric_local
from digicarbon.packs.exploratory.numeric.moran import Moments, bivariate_moran
from digicarbon.packs.exploratory.numeric.moran import moran as numeric_moran
from digicarbon.panel import Panel
from digicarbon.weights import Weights

MORANS_I = Note("morans_i")
NO_VARIANCE = 1e-12
"""Largest variance of a statistic, relative to its squared expectation, that is only rounding."""
Draws = Annotated[int, Field(ge=19)]
"""Fewer permutations than 19 cannot give a p value of 0.05."""


@with_call
def moran(
    panel: Panel,
    weights: Weights,
    variable: str,
    moments: Moments = "normal",
    sides: Sides = "two",
    draws: int = 999,
    seed: int = 0,
) -> pd.DataFrame:
    """Return Moran's I of a variable in each period.

    Parameters
    ----------
    panel : Panel
        Balanced.
    weights : Weights
        For exactly the panel's units, in any order.
    variable : str
        A column, or a term such as ``ln_ci``.
    moments : {"normal", "randomisation", "permutation"}
        Variance under normality, under random permutation, or mean, variance and p value over random permutations.
    sides : {"two", "greater"}
    draws, seed : int
        Number of permutations, and the seed of their generator.

    Returns
    -------
    DataFrame
        Index: period; columns i, expected, variance, z, p.

    Raises
    ------
    DataError, WeightsError
        If the variable is missing or constant in a period, or the weights do not fit the panel.
    EstimationError
        If I is the same however values are exchanged between units.

    References
    ----------
    Cliff & Ord (1981), Spatial Processes, pp. 42-46; the study's Eq 11-12.
    """
    panel, w, rng = prepared(panel, weights, MORANS_I, seed, variable)
    rows = [asdict(numeric_moran(row, w, moments, sides, rng, draws)) for row in varying_values(panel, variable)]
    return by_period(panel, rows, Note("moran_fixed"))


def by_period(panel: Panel, rows: list[dict[str, float]], fixed: Note) -> pd.DataFrame:
    """Return a statistic of each period, with ``expected`` and ``variance``, as a table.

    Raises
    ------
    EstimationError
        ``fixed``, if no period's statistic changes with an exchange of values.
    """
    if all(not row["variance"] > NO_VARIANCE * row["expected"] ** 2 for row in rows):
        raise EstimationError(fixed)
    return pd.DataFrame(rows, index=pd.Index(panel.periods, name=panel.time_name))


def by_unit(panel: Panel, columns: Iterable[Mapping[str, object]]) -> pd.DataFrame:
    """Return columns of units, given for each period, as a table indexed by period and unit."""
    units = pd.Index(panel.units, name=panel.unit_name)
    frames = {period: pd.DataFrame(own, index=units) for period, own in zip(panel.periods, columns, strict=True)}
    return pd.concat(frames, names=[panel.time_name])


def moran_bivariate(
    panel: Panel,
    weights: Weights,
    variable: str,
    neighbours: str,
    sides: Sides = "two",
    draws: int = 999,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the bivariate Moran's I of a variable with another variable of the neighbours, in each period.

    Parameters
    ----------
    panel, weights
        As in `moran`.
    variable : str
        The variable of the unit itself, a column or a term; it is the one that is permuted.
    neighbours : str
        The variable that is averaged over neighbours.
    sides, draws, seed
        As in `moran`.

    Returns
    -------
    DataFrame
        Index: period; columns i, expected, variance, z, p.

    Raises
    ------
    DataError, WeightsError
    """
    panel, w, rng = prepared(panel, weights, MORANS_I, seed, variable, neighbours)
    pairs = zip(varying_values(panel, variable), varying_values(panel, neighbours), strict=True)
    rows = [asdict(bivariate_moran(values, others, w, rng, draws, sides)) for values, others in pairs]
    return pd.DataFrame(rows, index=pd.Index(panel.periods, name=panel.time_name))


@with_call
def local_moran(
    panel: Panel,
    weights: Weights,
    variable: str,
    moments: LocalMoments = "conditional",
    ml_variance: bool = True,
    quadrants: Quadrants = "esda",
    sides: Sides = "two",
    draws: int = 999,
    seed: int = 0,
) -> pd.DataFrame:
    """Return local Moran's I of a variable for each unit in each period.

    Parameters
    ----------
    panel, weights
        As in `moran`.
    variable : str
    moments, ml_variance, quadrants
        As in `local_moran` of the pack's ``numeric``.
    sides, draws, seed
        As in `moran`.

    Returns
    -------
    DataFrame
        Index: period, unit; columns i, expected, variance, z, p, quadrant (the unit's own value, then its neighbours').

    Raises
    ------
    DataError, WeightsError
    """
    panel, w, rng = prepared(panel, weights, MORANS_I, seed, variable)
    every = []
    for row in varying_values(panel, variable):
        columns = asdict(numeric_local(row, w, moments, ml_variance, quadrants, sides, rng, draws))
        words = [QUADRANTS[code] for code in columns.pop("quadrant")]
        every.append({"i": columns.pop("value"), **columns, "quadrant": words})
    return by_unit(panel, every)


def prepared(
    panel: Panel, weights: Weights, what: Note, seed: int, *variables: str
) -> tuple[Panel, scipy.sparse.csr_array, np.random.Generator]:
    """Return a panel with columns for variables that are terms, such as ln_ci, W in its order, and a generator."""
    missing = [name for name in variables if not panel.has(name)]
    panel = panel.with_terms(missing) if missing else panel
    return panel, aligned(panel, weights, what).matrix, np.random.default_rng(seed)


def varying_values(panel: Panel, variable: str, what: Note | None = None) -> FloatArray:
    """Return a variable, shape (T, N), after a check that it varies in each period."""
    cube = panel.cube([variable])[..., 0]
    for period, row in zip(panel.periods, cube, strict=True):
        # less is rounding of a logarithm or a quotient
        if np.ptp(row) < 1e-12 * max(float(np.abs(row).max()), 1e-300):
            if what is None:
                raise DataError(Note("moran_without_variation", variable=variable, period=period))
            raise DataError(Note("statistic_without_variation", what=what, variable=variable, period=period))
    return cube


_SIDES: Mapping[Sides, Note] = {"two": Note("two_sided"), "greater": Note("one_sided")}
MOMENT_WORDS: Mapping[str, Note] = {"normal": Note("normality"), "randomisation": Note("randomisation")}


class ByPeriod(Diagnostic):
    """A statistic of single variables by period, which takes weights.

    Attributes
    ----------
    variables : tuple of str
        Terms whose statistic is computed; ln_name is the logarithm of the column name.
    sides : {"two", "greater"}
        ``greater``: the alternative is a statistic above its expectation.
    draws : int
        Number of permutations.
    seed : int
        Seed of the permutations.
    """

    takes_weights: ClassVar[bool] = True
    of_data: ClassVar[bool] = True
    subject: ClassVar[Note] = MORANS_I
    """What the weights are for, for messages."""
    statistic: ClassVar[Callable[..., pd.DataFrame]]
    """What makes the table of a variable, from the panel, weights and the other fields."""

    variables: Variables
    sides: Sides = "two"
    draws: Draws = 999
    seed: int = 0

    @property
    def terms(self) -> tuple[str, ...]:
        """The variables."""
        return self.variables

    @property
    def permuted(self) -> Mapping[str, Any]:
        """The fields of a note about random permutations."""
        return {"draws": self.draws, "seeds": Note("seed", seed=self.seed), "sided": _SIDES[self.sides]}

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the statistic cannot be computed."""
        super().check(panel)
        aligned(panel, weights, self.subject)

    @property
    @abstractmethod
    def notes(self) -> tuple[Note, ...]:
        """How expectation, variance and p come about."""

    def of(self, panel: Panel, weights: Weights, variable: str) -> pd.DataFrame:
        """Return what `statistic` does with the fields."""
        fields = {name: value for name, value in self if name != "variables"}
        return type(self).statistic(panel, weights, variable, **fields)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return the table that `table_names` names, indexed by variable and period, and by unit where it is local."""
        w = aligned(panel, weights, self.subject)
        frames = {name: self.of(panel, w, name) for name in self.variables}
        return {self.table_names[0]: pd.concat(frames, names=["variable"])}


class Moran(ByPeriod):
    """Global Moran's I of variables by period.

    Attributes
    ----------
    moments : {"normal", "randomisation", "permutation"}
    """

    references: ClassVar[tuple[str, ...]] = ("cliff1981", "moran1950")

    table_names: ClassVar[tuple[str, ...]] = ("moran",)
    statistic: ClassVar[Callable[..., pd.DataFrame]] = staticmethod(moran)

    moments: Moments = "normal"

    @property
    def notes(self) -> tuple[Note, ...]:
        """How expectation, variance and p are computed, and the alternative."""
        if self.moments == "permutation":
            return (Note("moran_permuted", **self.permuted),)
        other = "randomisation" if self.moments == "normal" else "normal"
        under = {"given": MOMENT_WORDS[self.moments], "other": MOMENT_WORDS[other]}
        return (Note("moran_moments", option=other, sided=_SIDES[self.sides], **under),)


class LocalMoran(ByPeriod):
    """Local Moran's I of variables by period and unit.

    Attributes
    ----------
    draws
        As in `ByPeriod`. They are conditional, see `local_moran` in the pack's ``numeric``.
    moments : {"conditional", "total", "permutation"}
    ml_variance : bool
    quadrants : {"esda", "spdep"}
    """

    references: ClassVar[tuple[str, ...]] = ("anselin1995",)

    table_names: ClassVar[tuple[str, ...]] = ("local_moran",)
    statistic: ClassVar[Callable[..., pd.DataFrame]] = staticmethod(local_moran)

    moments: LocalMoments = "conditional"
    ml_variance: bool = True
    quadrants: Quadrants = "esda"

    @property
    def notes(self) -> tuple[Note, ...]:
        """How expectation, variance and p come about."""
        if self.moments == "permutation":
            return (Note("local_permuted", **self.permuted),)
        condition = Note("own_value_held") if self.moments == "conditional" else Note("of_all_values")
        return (Note("local_moments", held=condition, sided=_SIDES[self.sides]),)

    def remarks(self, tables: Mapping[str, pd.DataFrame]) -> tuple[Note, ...]:
        """Return `notes`, and which units have no variance."""
        frame = tables["local_moran"]
        units = dict.fromkeys(str(label[-1]) for label in frame.index[frame["variance"].isna()])
        return (*self.notes, *((Note("local_without_variance", units=cut(units)),) if units else ()))


class BivariateMoran(ByPeriod):
    """Bivariate Moran's I of variables with another variable of the neighbours, by period.

    Attributes
    ----------
    neighbours : str
        The variable that is averaged over neighbours.
    """

    references: ClassVar[tuple[str, ...]] = ("anselin1995", "moran1950")

    table_names: ClassVar[tuple[str, ...]] = ("moran",)
    statistic: ClassVar[Callable[..., pd.DataFrame]] = staticmethod(moran_bivariate)

    neighbours: str

    @property
    def notes(self) -> tuple[Note, ...]:
        """How expectation, variance and p come about."""
        return (Note("bivariate_permuted", **self.permuted),)

    @property
    def terms(self) -> tuple[str, ...]:
        """The variables and that of the neighbours."""
        return tuple(dict.fromkeys((*self.variables, self.neighbours)))
