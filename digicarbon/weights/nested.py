"""W2 of the study: near and large neighbours weigh more."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from digicarbon.data import provinces
from digicarbon.errors import WeightsError, listing, nearest
from digicarbon.numeric.geography import great_circle_km, nested
from digicarbon.panel import Panel
from digicarbon.spec import Pair
from digicarbon.weights._units import as_provinces
from digicarbon.weights.base import Weights, WeightsSpec


class NestedWeights(WeightsSpec):
    r"""Nested geographic-economic weights between provinces (Eq 10 of the study).

    .. math:: w_{ij} = d_{ij}^{-p} \, \bar Y_j / \bar Y

    with d the great-circle distance between capitals (km), :math:`\bar Y_j` the neighbour's mean of ``economy`` and
    :math:`\bar Y` the mean over all units. Units may be named in English, in Chinese (full or short) or by adcode.

    Attributes
    ----------
    economy : str
        The panel's column that measures the size of an economy, in levels.
    power : float
        The exponent p of the distance.
    window : pair of int or None
        First and last period of the mean; None takes all periods of the panel. GDP is also in the outcome, so that a
        window before the sample is the safer choice where there are data.
    row_standardise : bool
        Divide each row by its sum.
    """

    economy: str = "gdp"
    power: Annotated[float, Field(gt=0)] = 1.0
    window: Pair | None = None
    row_standardise: bool = True

    @model_validator(mode="after")
    def _check_window(self) -> Self:
        if self.window is not None and self.window[0] > self.window[1]:
            raise ValueError(f"window must be [first, last]; {self.window[0]} is after {self.window[1]}.")
        return self

    def compute(self, panel: Panel) -> Weights:
        """Return the weights among the panel's units, labelled and ordered as the panel.

        Raises
        ------
        WeightsError
            If a unit is not a province, ``economy`` is not a column of positive means, or the window has no period.
        DataError
            If a value of ``economy`` in the window is missing or text.
        """
        names = as_provinces(panel.units, "w2_nested")
        capitals = provinces().set_index("province").loc[names]
        distance = great_circle_km(capitals["longitude"].to_numpy(), capitals["latitude"].to_numpy())
        matrix = nested(distance, self._mean_economy(panel), self.power)
        return Weights.from_matrix(matrix, panel.units, self.row_standardise, name="W2")

    def _mean_economy(self, panel: Panel) -> NDArray[np.float64]:
        known = (*panel.names, *panel.text)
        if self.economy not in known:
            raise WeightsError(
                f"weights.economy: the panel has no column '{self.economy}'.{nearest(self.economy, known)} "
                f"Columns: {listing(known, 40)}."
            )
        chosen = self._in_window(panel)
        values = chosen.array([self.economy])[:, 0]
        count = np.bincount(chosen.unit_codes, minlength=len(chosen.units))
        means = np.bincount(chosen.unit_codes, weights=values, minlength=len(chosen.units)) / count
        bad = [unit for unit, mean in zip(chosen.units, means, strict=True) if mean <= 0]
        if bad:
            raise WeightsError(
                f"weights.economy: the mean of '{self.economy}' is not positive for {listing(bad)}; give a column in "
                "levels (no logs, no growth rates), such as GDP."
            )
        return np.asarray(means)

    def _in_window(self, panel: Panel) -> Panel:
        if self.window is None:
            return panel
        first, last = self.window
        periods = [period for period in panel.periods if isinstance(period, int) and first <= period <= last]
        span = f"the panel covers {panel.periods[0]} to {panel.periods[-1]}"
        if not periods:
            raise WeightsError(f"weights.window: no period lies in {first} to {last}; {span}.")
        chosen = panel.select(periods=periods)
        absent = sorted(set(panel.units) - set(chosen.units))
        if absent:
            raise WeightsError(f"weights.window: {listing(absent)} has no row in {first} to {last}; {span}.")
        return chosen
