"""Simulated units that are not observed in every year, with spatial lags by known weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from digicarbon.arrays import BoolArray, FloatArray
from digicarbon.note import Note
from digicarbon.numeric.spatial.proximity import inverse_gap
from digicarbon.source._drawn import SimulatedPanel, neighbours, places_of
from digicarbon.source.base import Inputs


class SimulatedUnbalanced(SimulatedPanel):
    r"""SIMULATED units of which some are absent in each year, with a spatial lag of y by one or two matrices.

    With i a unit, t a year, and x, c, e independent standard normal draws,

    .. math::
        y_t = \text{rho} W_t y_t + \text{rho\_2} V_t y_t + \alpha + \delta_t + \text{beta} x_t + \text{theta} W_t x_t
            + 0.5 c_t + \text{sigma} e_t

    where W has the neighbours of ``weights=delaunay``, and V_t is the inverse distance between units' ``size`` in the
    year, as ``weights=economic`` has it. Both are standardised among the units of a year.

    Attributes
    ----------
    absent : float
        Share of units that are not observed in a year.
    process : {"observed", "all"}
        Whether a year's process is that of the units which are observed, or of all units, of which some are observed.
    rho : float
        Coefficient of the lag of y by W.
    rho_2 : float
        Coefficient of the lag of y by V, the weights that change every year.
    beta : float
        Coefficient of x.
    theta : float
        Coefficient of the neighbours' x, by W.
    sigma : float
        Standard deviation of the error.
    """

    n: Annotated[int, Field(ge=6)] = 60
    periods: Annotated[int, Field(ge=2)] = 8
    absent: Annotated[float, Field(ge=0, lt=0.9)] = 0.15
    process: Literal["observed", "all"] = "observed"
    rho: Annotated[float, Field(gt=-1, lt=1)] = 0.4
    rho_2: Annotated[float, Field(gt=-1, lt=1)] = 0.0
    beta: float = 1.0
    theta: float = 0.5
    sigma: Annotated[float, Field(ge=0)] = 1.0

    @model_validator(mode="after")
    def _stable(self) -> SimulatedUnbalanced:
        if abs(self.rho) + abs(self.rho_2) >= 1:
            raise ValueError(Note("simulated_lags_unstable", key="rho_2", rho=self.rho, second=self.rho_2))
        return self

    def load(self) -> Inputs:
        """Draw the units: the observed rows, with unit, time, y, x, c, size, longitude and latitude."""
        rng = np.random.default_rng(self.seed)
        shape = self.n, self.periods
        x, c, e, moving = rng.standard_normal((4, *shape))
        unit, large = rng.standard_normal((2, self.n, 1))
        year = rng.standard_normal((1, self.periods))
        places = places_of(rng, self.n)
        size = np.exp(large + 0.5 * moving)
        present = rng.random(shape) >= self.absent
        x = x + 0.5 * unit
        w, y = neighbours(places), np.empty(shape)
        lead = unit + year + self.beta * x + 0.5 * c + self.sigma * e
        for place in range(self.periods):
            inside = present[:, place] if self.process == "observed" else np.ones(self.n, dtype=bool)
            near, alike = (_among(one, inside) for one in (w, inverse_gap(size[:, place])))
            filtered = np.eye(self.n) - self.rho * near - self.rho_2 * alike
            y[:, place] = np.linalg.solve(filtered, lead[:, place] + self.theta * near @ x[:, place])
        facts = {"rho": self.rho, "second": self.rho_2, "beta": self.beta, "theta": self.theta}
        of = Note("simulated_of_observed") if self.process == "observed" else Note("simulated_of_all")
        notes = (
            Note("simulated_unbalanced", **self.size, rows=int(present.sum())),
            Note("simulated_lags", **facts, process=of),
        )
        columns = {"y": y, "x": x, "c": c, "size": size}
        every = self.inputs("simulated_unbalanced", columns, *notes, places=places)
        return replace(every, frame=every.frame[present.ravel()].reset_index(drop=True))


def _among(weights: FloatArray, inside: BoolArray) -> FloatArray:
    """Return weights among some units, row-standardised."""
    own = weights * inside[:, None] * inside
    return np.asarray(own / np.where(own.sum(axis=1) > 0, own.sum(axis=1), 1.0)[:, None])
