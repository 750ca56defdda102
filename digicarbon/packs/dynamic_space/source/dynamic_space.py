"""Simulated units whose outcome depends on its own past and on its neighbours' present and past, known exactly."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from digicarbon.errors import DataError
from digicarbon.note import Note
from digicarbon.source._drawn import SimulatedPanel, neighbours, places_of, remembered
from digicarbon.source.base import Inputs

BURN = 60
"""Years before the first one that is kept: the first outcome is then one of a long history."""


class SimulatedDynamicSpace(SimulatedPanel):
    r"""SIMULATED units of a dynamic spatial Durbin model whose parameters are known.

    With t a year, W the neighbours as ``weights=delaunay`` has them, and n, c and v independent standard normal draws,

    .. math::
        y_t = \rho W y_t + \tau y_{t-1} + \eta W y_{t-1} + \beta x_t + \theta W x_t + 0.5 c_t + n + \text{year}_t +
            \sigma v_t

    where x is an autoregression of coefficient 0.5 that is higher in units with a larger effect n. The first year is
    the last of a long history.

    Attributes
    ----------
    rho : float
        Coefficient of the neighbours' outcome.
    tau : float
        Coefficient of the outcome's own past.
    eta : float
        Coefficient of the neighbours' past.
    beta : float
        Coefficient of x.
    theta : float
        Coefficient of the neighbours' x.
    sigma : float
        Standard deviation of the error.
    """

    n: Annotated[int, Field(ge=6)] = 30
    periods: Annotated[int, Field(ge=3)] = 6
    first_year: int = 2012
    rho: Annotated[float, Field(gt=-1, lt=1)] = 0.3
    tau: Annotated[float, Field(gt=-1, lt=1)] = 0.4
    eta: float = -0.1
    beta: float = 1.0
    theta: float = 0.5
    sigma: Annotated[float, Field(ge=0)] = 1.0

    def load(self) -> Inputs:
        """Draw the units: a frame with unit, time, y, x, c, longitude and latitude.

        A DataError says that the outcome would have no end.
        """
        rng = np.random.default_rng(self.seed)
        where = places_of(rng, self.n)
        w = neighbours(where)
        inverse = np.linalg.inv(np.eye(self.n) - self.rho * w)
        step = inverse @ (self.tau * np.eye(self.n) + self.eta * w)
        largest = float(np.abs(np.linalg.eigvals(step)).max())
        if largest >= 1:
            raise DataError(Note("simulated_unstable", key="source.tau", largest=round(largest, 3)))
        years = BURN + self.periods
        own, c, v = rng.standard_normal((3, self.n, years))
        unit, common = rng.standard_normal((self.n, 1)), 0.3 * rng.standard_normal(years)
        x = remembered(own, 0.5) + 0.5 * unit
        right = self.beta * x + self.theta * (w @ x) + 0.5 * c + unit + common + self.sigma * v
        y = np.empty((self.n, years))
        before = inverse @ unit[:, 0]
        for year in range(years):
            before = step @ before + inverse @ right[:, year]
            y[:, year] = before
        kept = {name: columns[:, BURN:] for name, columns in {"y": y, "x": x, "c": c}.items()}
        long = (self.beta + self.theta) / (1 - self.tau - self.rho - self.eta)
        facts = {"rho": self.rho, "tau": self.tau, "eta": self.eta, "beta": self.beta, "theta": self.theta}
        facts |= {"short": (self.beta + self.theta) / (1 - self.rho), "long": long}
        note = Note("simulated_dynamic_space", **self.size, **facts)
        return self.inputs("simulated_dynamic_space", kept, note, places=where)
