"""Simulated units with shares in sectors, and shocks to these sectors, whose effect is known."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from digicarbon.note import Note
from digicarbon.source._drawn import SimulatedPanel
from digicarbon.source.base import Inputs


class SimulatedShiftShare(SimulatedPanel):
    r"""SIMULATED units with shares in sectors, and shocks to sectors that move a regressor.

    With i a unit, t a year, k a sector, shares :math:`s_{ik}` of a Dirichlet distribution, and shocks
    :math:`g_{kt}`, v and e independent standard normal draws,

    .. math::
        x_{it} &= \alpha_i + \delta_t + \sum_k s_{ik} g_{kt} + \text{confounding} \cdot u_{it} + 0.5 v_{it} \\
        y_{it} &= \alpha_i + \delta_t + \text{effect} \cdot x_{it} + u_{it}

    In the world ``shares``, shares tell nothing about errors: :math:`u_{it} = 0.5 e_{it}`. In the world ``shocks``,
    units of like shares have like errors, but shocks are random: :math:`u_{it} = 0.5 e_{it} + \sum_k s_{ik} m_{kt}`,
    where m are shocks of sectors that nobody observes, independent of g.

    Attributes
    ----------
    world : {"shares", "shocks"}
        What is exogenous.
    sectors : int
        Number of sectors.
    effect : float
        The true effect of x.
    confounding : float
        How much the errors of the outcome are also in x: least squares is biased where it is not 0.
    concentration : float
        Of the Dirichlet distribution: small where units specialise.
    """

    world: Literal["shares", "shocks"] = "shocks"
    n: Annotated[int, Field(ge=5)] = 120
    periods: Annotated[int, Field(ge=2)] = 6
    sectors: Annotated[int, Field(ge=2)] = 30
    effect: float = 1.0
    confounding: float = 0.5
    concentration: Annotated[float, Field(gt=0)] = 0.3

    def load(self) -> Inputs:
        """Draw the units.

        Returns
        -------
        Inputs
            Frame with unit, time, y, x, the shares ``share_s01`` ... and the shocks ``shock_s01`` ...
        """
        rng = np.random.default_rng(self.seed)
        n, t, k = self.n, self.periods, self.sectors
        shares = rng.dirichlet(np.full(k, self.concentration), n)
        shocks, hidden = rng.standard_normal((2, t, k))
        own, noise = rng.standard_normal((2, n, t))
        unit, period = rng.standard_normal((n, 1)), rng.standard_normal(t)
        errors = 0.5 * own + (shares @ hidden.T if self.world == "shocks" else 0.0)
        x = unit + period + shares @ shocks.T + self.confounding * errors + 0.5 * noise
        y = unit + period + self.effect * x + errors
        sectors = [f"s{place:0{len(str(k))}d}" for place in range(1, k + 1)]
        columns = {
            "y": y,
            "x": x,
            **{f"share_{name}": shares[:, place, None] for place, name in enumerate(sectors)},
            **{f"shock_{name}": shocks[None, :, place] for place, name in enumerate(sectors)},
        }
        note = Note("simulated_shift_share", **self.size, sectors=k, effect=self.effect, world=self.world)
        return self.inputs("simulated_shift_share", columns, note)
