"""Global Moran's I by period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import ClassVar

import numpy as np
import pandas as pd

from digicarbon.diagnostic.base import Diagnostic
from digicarbon.errors import DataError, WeightsError
from digicarbon.numeric.moran import Moments, Sides
from digicarbon.numeric.moran import moran as numeric_moran
from digicarbon.panel import Panel
from digicarbon.spec import Names
from digicarbon.weights import Weights


def moran(
    panel: Panel, weights: Weights, variable: str, moments: Moments = "normal", sides: Sides = "two"
) -> pd.DataFrame:
    """Return Moran's I of a variable in each period.

    Parameters
    ----------
    panel : Panel
        Balanced.
    weights : Weights
        For exactly the panel's units, in any order.
    variable : str
    moments : {"normal", "randomisation"}
        Variance under normality or under random permutation.
    sides : {"two", "greater"}

    Returns
    -------
    DataFrame
        Index: period; columns i, expected, variance, z, p.

    Raises
    ------
    DataError, WeightsError
        If the variable is missing or constant in a period, or the weights do not fit the panel.

    References
    ----------
    Cliff & Ord (1981), Spatial Processes, pp. 42-46; the study's Eq 11-12.
    """
    aligned = weights.align(panel)
    cube = panel.cube([variable])[..., 0]
    for period, row in zip(panel.periods, cube, strict=True):
        if np.ptp(row) < 1e-12 * max(float(np.abs(row).max()), 1e-300):
            raise DataError(f"{variable} is the same in every unit in {period}; Moran's I does not exist.")
    rows = [asdict(numeric_moran(row, aligned.matrix, moments, sides)) for row in cube]
    return pd.DataFrame(rows, index=pd.Index(panel.periods, name=panel.time_name))


class Moran(Diagnostic):
    """Global Moran's I of variables by period.

    Attributes
    ----------
    variables : tuple of str
    moments : {"normal", "randomisation"}
    sides : {"two", "greater"}
    """

    takes_weights: ClassVar[bool] = True

    variables: Names
    moments: Moments = "normal"
    sides: Sides = "two"

    @property
    def terms(self) -> tuple[str, ...]:
        """The variables."""
        return self.variables

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise a sentence if Moran's I cannot be computed."""
        super().check(panel)
        if weights is None:
            raise WeightsError("Moran's I needs spatial weights; choose weights=….")
        weights.align(panel)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return the table ``moran``, indexed by variable and period."""
        if weights is None:
            raise WeightsError("Moran's I needs spatial weights; choose weights=….")
        found = {name: moran(panel, weights, name, self.moments, self.sides) for name in self.variables}
        return {"moran": pd.concat(found, names=["variable"])}
