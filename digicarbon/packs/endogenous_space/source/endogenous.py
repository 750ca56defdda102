"""Simulated units whose outcome moves with that of neighbours and with a regressor that its errors are in."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from digicarbon.arrays import FloatArray
from digicarbon.note import Note
from digicarbon.source._drawn import SimulatedPanel, multiplied, neighbours, places_of
from digicarbon.source.base import Inputs


class SimulatedEndogenous(SimulatedPanel):
    r"""SIMULATED units with spillovers, an endogenous regressor and its instrument, with known effects.

    With i a unit, t a year, W the weights of ``weights=delaunay``, q the instrument, z a control, v and e independent
    normal draws, e with variances that differ by unit, and :math:`S = (I - \text{rho} W)^{-1}`,

    .. math::
        x_{it} &= \text{strength} \cdot q_{it} + 0.3 z_{it} + v_{it} + \text{confounding} \cdot e_{it} + \alpha_i \\
        y_t &= S(\text{beta} \cdot x_t + \text{theta} \cdot W x_t + z_t + \alpha + \delta_t + u_t), \qquad
        u_t = \text{lambda} \cdot W u_t + e_t

    Attributes
    ----------
    beta : float
        Coefficient of x.
    theta : float
        Coefficient of the mean of neighbours' x.
    rho : float
        Coefficient of the mean of neighbours' outcomes.
    error : float
        Coefficient of the mean of neighbours' errors (lambda).
    confounding : float
        How much the errors of the outcome are also in x: estimates without instruments are biased where it is not 0.
    strength : float
        What the instrument adds to x.
    uneven : float
        Spread of the logarithm of units' standard deviations.
    """

    periods: Annotated[int, Field(ge=2)] = 8
    beta: float = 0.5
    theta: float = 0.3
    rho: Annotated[float, Field(gt=-1, lt=1)] = 0.3
    error: Annotated[float, Field(gt=-1, lt=1)] = 0.0
    confounding: float = 0.6
    strength: float = 1.0
    uneven: Annotated[float, Field(ge=0)] = 0.5

    @property
    def places(self) -> FloatArray:
        """Longitudes and latitudes of units, shape (N, 2)."""
        return places_of(np.random.default_rng([self.seed, 1]), self.n)

    def effects(self) -> tuple[float, float]:
        """Return the true direct and total effect of x, means over units."""
        w = neighbours(self.places)
        s = np.linalg.inv(np.eye(self.n) - self.rho * w)
        every = s @ (self.beta * np.eye(self.n) + self.theta * w)
        return float(np.trace(every)) / self.n, float(every.sum()) / self.n

    def load(self) -> Inputs:
        """Draw the units: a frame with unit, time, y, x, z, q, longitude and latitude."""
        rng = np.random.default_rng(self.seed)
        w = neighbours(self.places)
        z, q, v, e = rng.standard_normal((4, self.n, self.periods))
        e = e * np.exp(self.uneven * rng.standard_normal((self.n, 1)))
        unit, period = rng.standard_normal((self.n, 1)), rng.standard_normal(self.periods)
        x = self.strength * q + 0.3 * z + v + self.confounding * e + unit
        u = multiplied(w, self.error, e)
        right = self.beta * x + self.theta * (w @ x) + z + unit + period + u
        y = multiplied(w, self.rho, right)
        direct, total = self.effects()
        facts = {"direct": direct, "indirect": total - direct, "total": total, "confounding": self.confounding}
        note = Note("simulated_endogenous", **self.size, **facts)
        return self.inputs("simulated_endogenous", {"y": y, "x": x, "z": z, "q": q}, note, places=self.places)
