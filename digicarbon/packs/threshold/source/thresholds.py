"""Simulated units whose slope changes where a variable passes thresholds that are known."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from digicarbon.note import Note, cut
from digicarbon.source._drawn import SimulatedPanel, multiplied, neighbours, places_of, remembered
from digicarbon.source.base import Inputs

Numbers = Annotated[tuple[float, ...], Field(strict=False, min_length=1)]
"""Numbers in YAML, at least one."""


class SimulatedThreshold(SimulatedPanel):
    r"""SIMULATED units whose slope changes where a variable passes thresholds, which are known.

    With i a unit, t a year, and x, c, q, n and e independent standard normal draws,

    .. math::
        y_{it} = \alpha_i + \text{slopes}_{r(q_{it})} x_{it} + 0.5 c_{it} + \text{sigma} \cdot \exp(\text{spread}
            \cdot q_{it}) e_{it}

    where :math:`r(q)` is the regime, 1 for q up to the first threshold, :math:`\alpha_i = n_i`, and q has half of its
    variance between units. The errors of a unit are an autoregression of coefficient ``memory``.

    With ``rho`` or ``spillovers`` units have places, neighbours W as ``weights=delaunay`` has them, and

    .. math::
        y = \rho W y + \alpha + \text{slopes}_r x + W (\text{spillovers}_r x) + 0.5 c + e

    Attributes
    ----------
    thresholds : tuple of float
        Values of q at which the slope changes, increasing.
    slopes : tuple of float
        The slope in each regime, one more than thresholds.
    sigma : float
        Standard deviation of the error where q is 0.
    spread : float
        How the standard deviation of the error grows with q; 0 for not at all.
    memory : float
        Correlation of the errors of successive years.
    rho : float
        Coefficient of the spatial lag of y.
    spillovers : tuple of float
        The slope of neighbours' x in each of their regimes, as many as ``slopes``; empty for none.
    """

    periods: Annotated[int, Field(ge=3)] = 10
    thresholds: Numbers = (0.3,)
    slopes: Numbers = (0.5, 1.0)
    sigma: Annotated[float, Field(ge=0)] = 1.0
    spread: float = 0.0
    memory: Annotated[float, Field(gt=-1, lt=1)] = 0.0
    rho: Annotated[float, Field(gt=-1, lt=1)] = 0.0
    spillovers: Annotated[tuple[float, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _a_slope_for_each_regime(self) -> SimulatedThreshold:
        if any(low >= high for low, high in pairwise(self.thresholds)):
            raise ValueError(Note("simulated_thresholds_order", key="thresholds", given=cut(map(str, self.thresholds))))
        regimes = len(self.thresholds) + 1
        for field, given in (("slopes", len(self.slopes)), ("spillovers", len(self.spillovers) or regimes)):
            if given != regimes:
                raise ValueError(Note("simulated_slopes", key=field, given=given, regimes=regimes))
        return self

    def load(self) -> Inputs:
        """Draw the units.

        Returns
        -------
        Inputs
            Frame with unit, time, y, x, c and q, and longitude and latitude where units have neighbours.
        """
        rng = np.random.default_rng(self.seed)
        shape = self.n, self.periods
        x, c, moving, white = rng.standard_normal((4, *shape))
        unit, place = rng.standard_normal((2, self.n, 1))
        q = (place + moving) / np.sqrt(2)
        errors = remembered(white, self.memory)
        regime = np.searchsorted(self.thresholds, q)
        y = unit + np.asarray(self.slopes)[regime] * x + 0.5 * c + self.sigma * np.exp(self.spread * q) * errors
        slopes, thresholds = (cut(map(str, values)) for values in (self.slopes, self.thresholds))
        notes = [Note("simulated_threshold", **self.size, slopes=slopes, thresholds=thresholds)]
        where = None
        if self.rho or self.spillovers:
            where = places_of(rng, self.n)
            w = neighbours(where)
            reached = np.asarray(self.spillovers or np.zeros(len(self.slopes)))[regime] * x
            y = multiplied(w, self.rho, y + w @ reached)
            spillovers = cut(map(str, self.spillovers or (0.0,)))
            notes.append(Note("simulated_spillovers", rho=self.rho, spillovers=spillovers))
        return self.inputs("simulated_threshold", {"y": y, "x": x, "c": c, "q": q}, *notes, places=where)
