"""Simulated units in which x moves the outcome through mediators, with effects that are known."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from digicarbon.arrays import FloatArray
from digicarbon.note import Note
from digicarbon.source._drawn import SimulatedPanel, multiplied, neighbours, places_of, remembered
from digicarbon.source.base import Inputs

Slopes = Annotated[tuple[float, ...], Field(strict=False, min_length=1, max_length=9)]
"""Numbers in YAML, at least one."""


class SimulatedMediation(SimulatedPanel):
    r"""SIMULATED units in which x moves the outcome through mediators, with known effects.

    With i a unit, t a year, and effects of units and of years in every column,

    .. math::
        m_{jit} = a_j x_{it} + u_{jit} + \text{confounding} \cdot h_{it}, \qquad
        y_{it} = \text{direct} \cdot x_{it} + \sum_j b_j m_{jit} + e_{it} + \text{confounding} \cdot h_{it}

    With ``theta`` or ``rho``, units have places, W the weights of ``weights=delaunay``, and with
    :math:`S = (I - \text{rho} W)^{-1}` mediators are :math:`S(a_j x + \text{theta} W x + u_j)`; the
    outcome is S times the right-hand side above.

    The indirect effect is :math:`\sum_j a_j b_j`. x, u, e and h are autoregressions of coefficient ``memory``; errors
    of units have different variances. With ``confounding`` the unobserved h makes the estimate wrong.

    Attributes
    ----------
    a : tuple of float
        What x adds to each mediator.
    b : tuple of float
        What each mediator adds to the outcome.
    direct : float
        What x adds to the outcome beside the mediators.
    confounding : float
        What the unobserved h adds to mediators and outcome.
    memory : float
        Correlation of successive years.
    theta : float
        What the mean of neighbours' x adds to each mediator.
    rho : float
        What the mean of neighbours' mediators and outcomes adds to them.
    """

    n: Annotated[int, Field(ge=6)] = 300
    periods: Annotated[int, Field(ge=3)] = 12
    first_year: int = 2006
    a: Slopes = (0.5, -0.3)
    b: Slopes = (0.4, 0.0)
    direct: float = 0.2
    confounding: float = 0.0
    memory: Annotated[float, Field(gt=-1, lt=1)] = 0.5
    theta: float = 0.0
    rho: Annotated[float, Field(gt=-1, lt=1)] = 0.0

    @model_validator(mode="after")
    def _as_many(self) -> SimulatedMediation:
        if len(self.a) != len(self.b):
            raise ValueError(Note("simulated_mediators", key="b", a=len(self.a), b=len(self.b)))
        return self

    @property
    def indirect(self) -> float:
        """The true indirect effect through all mediators."""
        return float(np.dot(self.a, self.b))

    @property
    def total(self) -> float:
        """The true total effect."""
        return self.direct + self.indirect

    @property
    def in_space(self) -> bool:
        """Whether units have neighbours."""
        return bool(self.theta or self.rho)

    @property
    def places(self) -> FloatArray:
        """Longitudes and latitudes of units, shape (N, 2)."""
        return places_of(np.random.default_rng([self.seed, 1]), self.n)

    def through_mediators(self) -> FloatArray:
        """Return the true derivatives of units' outcomes by units' x through all mediators, shape (N, N)."""
        if not self.in_space:
            return np.eye(self.n) * self.indirect
        w = neighbours(self.places)
        s = np.linalg.inv(np.eye(self.n) - self.rho * w)
        return np.asarray(s @ s @ (self.indirect * np.eye(self.n) + sum(self.b) * self.theta * w))

    def load(self) -> Inputs:
        """Draw the units.

        Returns
        -------
        Inputs
            Frame with unit, time, y, x, and the mediators m1, m2, …
        """
        rng = np.random.default_rng(self.seed)
        x, hidden = self._columns(rng, False), self._columns(rng, False)
        w = neighbours(self.places) if self.in_space else np.zeros((1, 1))

        def spread(column: FloatArray) -> FloatArray:
            return multiplied(w, self.rho, column) if self.rho else column

        nearby = self.theta * (w @ x) if self.theta else 0.0
        mediators = [
            spread(slope * x + nearby + self._columns(rng, True) + self.confounding * hidden + self._effects(rng))
            for slope in self.a
        ]
        y = self.direct * x + self._columns(rng, True) + self.confounding * hidden + self._effects(rng)
        for slope, mediator in zip(self.b, mediators, strict=True):
            y = y + slope * mediator
        y = spread(y)
        columns = {"y": y, "x": x + self._effects(rng)}
        columns |= {f"m{place}": mediator for place, mediator in enumerate(mediators, 1)}
        places = self.places if self.in_space else None
        return self.inputs("simulated_mediation", columns, self._truth(), places=places)

    def _truth(self) -> Note:
        """Return the note that says the effects."""
        if self.in_space:
            through = self.through_mediators()
            own, every = float(np.trace(through)) / self.n, float(through.sum()) / self.n
            facts = {"own": own, "spillover": every - own, "every": every}
            return Note("simulated_mediation_space", **self.size, confounding=self.confounding, **facts)
        facts = {"direct": self.direct, "indirect": self.indirect}
        return Note("simulated_mediation", **self.size, confounding=self.confounding, **facts)

    def _columns(self, rng: np.random.Generator, uneven: bool) -> FloatArray:
        """Return an autoregression of variance 1, or of units' own variances, shape (N, T)."""
        out = remembered(rng.standard_normal((self.n, self.periods)), self.memory)
        return out * np.exp(0.5 * rng.standard_normal((self.n, 1))) if uneven else out

    def _effects(self, rng: np.random.Generator) -> FloatArray:
        return np.asarray(rng.standard_normal((self.n, 1)) + 0.3 * rng.standard_normal(self.periods))
