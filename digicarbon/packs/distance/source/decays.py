"""Simulated units whose neighbours count less the farther away they are, at a rate that is known."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from digicarbon.note import Note
from digicarbon.numeric.spatial.proximity import pairs_within
from digicarbon.packs.distance.numeric.decay import Distances
from digicarbon.source._drawn import SimulatedPanel, multiplied, places_of, remembered
from digicarbon.source.base import Inputs


class SimulatedDecay(SimulatedPanel):
    r"""SIMULATED units with places, whose spillovers fall with distance at a rate that is known.

    With x, c and e independent standard normal draws, and effects of units and years,

    .. math::
        y = \rho W y + \alpha_i + \delta_t + \beta x + \theta W x + 0.5 c + \text{sigma} \cdot u, \quad
        u = \lambda W u + e

    where :math:`w_{ij} \propto d_{ij}^{-\gamma}`, or :math:`\exp(-\gamma d_{ij})`, rows sum to one, and d are
    great-circle distances in kilometres.

    Attributes
    ----------
    decay : {"power", "exponential"}
    gamma : float
        The rate.
    cutoff : float or None
        Units farther apart do not count; None for all.
    beta : float
        Coefficient of x.
    theta : float
        Coefficient of the spatial lag of x.
    rho : float
        Coefficient of the spatial lag of y.
    lam : float
        Coefficient of the spatial lag of the error.
    sigma : float
        Standard deviation of the error.
    memory : float
        Correlation of the errors of successive years.
    """

    n: Annotated[int, Field(ge=6)] = 60
    decay: Literal["power", "exponential"] = "power"
    gamma: Annotated[float, Field(gt=0)] = 2.0
    cutoff: Annotated[float, Field(gt=0)] | None = None
    beta: float = 1.0
    theta: float = 0.5
    rho: Annotated[float, Field(gt=-1, lt=1)] = 0.4
    lam: Annotated[float, Field(gt=-1, lt=1)] = 0.0
    sigma: Annotated[float, Field(ge=0)] = 0.5
    memory: Annotated[float, Field(gt=-1, lt=1)] = 0.0

    def load(self) -> Inputs:
        """Draw the units: a frame with unit, time, y, x, c, longitude and latitude."""
        rng = np.random.default_rng(self.seed)
        shape = self.n, self.periods
        x, c, white = rng.standard_normal((3, *shape))
        unit, year = rng.standard_normal((self.n, 1)), rng.standard_normal((1, self.periods))
        where = places_of(rng, self.n)
        w = self.weights(where)
        error = multiplied(w, self.lam, remembered(white, self.memory))
        mean = unit + year + self.beta * x + self.theta * w @ x + 0.5 * c + self.sigma * error
        y = multiplied(w, self.rho, mean)
        facts = {name: getattr(self, name) for name in ("gamma", "beta", "theta", "rho", "lam")}
        note = Note("simulated_decay", **self.size, **facts)
        return self.inputs("simulated_decay", {"y": y, "x": x, "c": c}, note, places=where)

    def weights(self, where: np.ndarray) -> np.ndarray:
        """Return the weights between places, shape (n, n)."""
        pairs = pairs_within(where, "great_circle", self.cutoff)
        distance = pairs.matrix(pairs.distance).toarray()
        distance[distance == 0] = np.inf
        return Distances(np.log(distance) if self.decay == "power" else distance).operator(self.gamma).w
