"""Simulated units whose regressor moves location and scale of the outcome, so that its effect differs by quantile."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import scipy
from pydantic import Field

from digicarbon.arrays import FloatArray
from digicarbon.note import Note
from digicarbon.source._drawn import SimulatedPanel, remembered
from digicarbon.source.base import Inputs

MEAN_ABSOLUTE = {"normal": np.sqrt(2 / np.pi), "skewed": 2 / np.e}
"""Mean of |e| of a standard normal, and of an exponential less its mean."""


class SimulatedQuantiles(SimulatedPanel):
    r"""SIMULATED units whose x moves location and scale of the outcome: its coefficient at each quantile is known.

    With i a unit, t a year, and z, c, n standard normal and v uniform draws,

    .. math::
        y_{it} = n_i + \text{location} \cdot x_{it} + 0.5 c_{it} + (0.5 + v_i + \text{scale} \cdot x_{it}) u_{it},
        \quad x_{it} = |z_{it} + n_i / 2|

    where u has mean 0 and mean absolute value 1: the coefficient of x at quantile :math:`\tau` is location + scale ·
    :math:`q(\tau)`, that of c is 0.5.

    Attributes
    ----------
    location : float
        The coefficient of x in the location.
    scale : float
        The coefficient of x in the scale; 0 for the same effect at all quantiles.
    errors : {"normal", "skewed"}
        Whether u is normal or exponential.
    memory : float
        Correlation of the normal errors of successive years, before they become exponential.
    """

    periods: Annotated[int, Field(ge=3)] = 20
    first_year: int = 2001
    location: float = 1.0
    scale: Annotated[float, Field(ge=0)] = 0.5
    errors: Literal["normal", "skewed"] = "normal"
    memory: Annotated[float, Field(gt=-1, lt=1)] = 0.0

    def truth(self, taus: FloatArray) -> FloatArray:
        """Return the coefficients of x at quantiles."""
        taus = np.asarray(taus, dtype=float)
        plain = scipy.special.ndtri(taus) if self.errors == "normal" else -np.log1p(-taus) - 1
        return np.asarray(self.location + self.scale * plain / MEAN_ABSOLUTE[self.errors])

    def load(self) -> Inputs:
        """Draw the units.

        Returns
        -------
        Inputs
            Frame with unit, time, y, x and c.
        """
        rng = np.random.default_rng(self.seed)
        shape = self.n, self.periods
        z, c, white = rng.standard_normal((3, *shape))
        unit, share = rng.standard_normal((self.n, 1)), rng.uniform(size=(self.n, 1))
        normal = remembered(white, self.memory)
        plain = normal if self.errors == "normal" else -np.log(scipy.special.ndtr(-normal)) - 1
        u = plain / MEAN_ABSOLUTE[self.errors]
        x = np.abs(z + unit / 2)
        y = unit + self.location * x + 0.5 * c + (0.5 + share + self.scale * x) * u
        low, middle, high = (float(value) for value in self.truth(np.array([0.1, 0.5, 0.9])))
        note = Note("simulated_quantiles", **self.size, low=low, middle=middle, high=high)
        return self.inputs("simulated_quantiles", {"y": y, "x": x, "c": c}, note)
