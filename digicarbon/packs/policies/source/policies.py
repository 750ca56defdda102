"""Simulated units that get a policy at different times, with effects that are known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, model_validator

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.note import Note, cut
from digicarbon.source._drawn import SimulatedPanel, frame, multiplied, neighbours, places_of, remembered
from digicarbon.source.base import Inputs

World = Literal["homogeneous", "heterogeneous", "anticipation", "spillovers"]
Years = Annotated[tuple[int, ...], Field(strict=False, min_length=1)]
"""Years in YAML, at least one."""
Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, eq=False)
class PolicyTruth:
    """The effects of a simulated policy.

    Attributes
    ----------
    cells : DataFrame
        A row per unit and period: ``unit``, ``time``, ``cohort`` (the unit's first period under the policy) and
        ``event`` (periods since then), both missing for units that never have it, ``direct`` (what the unit's own
        policy adds to its outcome) and ``spillover`` (what its neighbours' policies add).
    coefficient : float
        The coefficient of the share of neighbours under the policy.
    """

    cells: pd.DataFrame
    coefficient: float = 0.0

    @cached_property
    def overall(self) -> float:
        """The mean direct effect on units under the policy: the average treatment effect on the treated (ATT)."""
        return float(self._treated["direct"].mean())

    @cached_property
    def by_event(self) -> dict[int, float]:
        """The mean direct effect by periods since the first one, negative ones included."""
        return _means(self.cells, "event")

    @cached_property
    def by_cohort(self) -> dict[int, float]:
        """The mean direct effect on units under the policy, by their first period."""
        return _means(self._treated, "cohort")

    @cached_property
    def by_period(self) -> dict[int, float]:
        """The mean direct effect on units under the policy, by period."""
        return _means(self._treated, "time")

    @cached_property
    def spillover(self) -> float:
        """The mean of what units without the policy get from neighbours, over cells with such a neighbour."""
        rest = self.cells[~(self.cells["event"] >= 0) & (self.cells["spillover"] != 0)]
        return float(rest["spillover"].mean()) if len(rest) else 0.0

    @cached_property
    def with_spillovers(self) -> float:
        """The mean effect on units under the policy together with what they get from neighbours."""
        return float((self._treated["direct"] + self._treated["spillover"]).mean())

    @property
    def _treated(self) -> pd.DataFrame:
        return self.cells[self.cells["event"] >= 0]


class SimulatedPolicy(SimulatedPanel):
    r"""SIMULATED units that get a policy in different years, with known effects.

    With i a unit, t a year, s = t - ``first_year``, n independent standard normal draws and
    :math:`x_i = (income_i - industry_i) / \sqrt 2` of two normal covariates,

    .. math::
        y_{it} = \alpha_i + \lambda_t + \text{trend} \cdot s x_i + \tau_{it} + \text{spillover} \cdot (W D_t)_i
            + \sigma e_{it}

    with :math:`\alpha_i = n_i + 0.5 x_i + 0.5` for units that get the policy (without 0.5 for others),
    :math:`\lambda_t = 0.05 s + 0.1 n_t`, and e an autoregression of variance 1 and coefficient ``memory``. The units
    with the largest :math:`\text{selection} \cdot x_i` plus a logistic draw get the policy; their years are drawn, the
    same number for each. With ``clustering`` units under the policy lie together: what decides is the sum along a
    spatial autoregression with this coefficient among neighbours. With ``trend`` and ``selection`` trends are parallel
    only given the covariates.

    The effect :math:`\tau_{it}` of the own policy, k years after the first one:

    - ``homogeneous``: ``effect`` for k >= 0;
    - ``heterogeneous``: ``effect`` times a factor that falls evenly from 1.5 for the first cohort to 0.5 for the last
      one, plus ``growth`` times k;
    - ``anticipation``: ``effect`` for k >= 0, and ``anticipated`` times it in the ``lead`` years before;
    - ``spillovers``: ``effect`` for k >= 0, and ``spillover`` times the share of neighbours under the policy for all
      units. Neighbours are those of ``weights=delaunay``.

    `truth` returns these effects.

    Attributes
    ----------
    cohorts : tuple of int
        The years in which units get the policy.
    never : float
        Share of units that never get it.
    world : {"homogeneous", "heterogeneous", "anticipation", "spillovers"}
        How the effect behaves.
    effect : float
        The effect in the first year.
    growth : float
        What the effect gains each year (heterogeneous only).
    lead : int
        Years before the first one in which units react already (anticipation only).
    anticipated : float
        The share of the effect in these years (anticipation only).
    spillover : float
        Coefficient of the share of neighbours under the policy (spillovers only).
    selection : float
        How strongly covariates decide who gets the policy.
    clustering : float
        How strongly units that get the policy lie together in space; 0 for not at all.
    trend : float
        What the covariates add to the outcome each year.
    sigma : float
        Standard deviation of the error.
    memory : float
        Correlation of the errors of successive years.
    """

    n: Annotated[int, Field(ge=6)] = 285
    periods: Annotated[int, Field(ge=3)] = 15
    first_year: int = 2006
    cohorts: Years = (2011, 2013, 2016)
    never: Share = 0.4
    world: World = "homogeneous"
    effect: float = 1.0
    growth: float = 0.2
    lead: Annotated[int, Field(ge=1)] = 1
    anticipated: float = 0.5
    spillover: float = 0.5
    selection: float = 0.0
    clustering: Annotated[float, Field(ge=0, lt=1)] = 0.0
    trend: float = 0.0
    sigma: Annotated[float, Field(ge=0)] = 1.0
    memory: Annotated[float, Field(gt=-1, lt=1)] = 0.0

    @model_validator(mode="after")
    def _some_are_treated(self) -> SimulatedPolicy:
        last = self.first_year + self.periods - 1
        outside = [year for year in self.cohorts if not self.first_year < year <= last]
        if outside or len(set(self.cohorts)) < len(self.cohorts):
            raise ValueError(
                Note("simulated_cohorts", key="cohorts", given=cut(self.cohorts), first=self.first_year + 1, last=last)
            )
        treated = self.n - round(self.never * self.n)
        if treated < len(self.cohorts):
            raise ValueError(Note("simulated_too_few", key="never", units=treated, cohorts=len(self.cohorts)))
        return self

    def load(self) -> Inputs:
        """Draw the units.

        Returns
        -------
        Inputs
            Frame with unit, time, y, adopted (the first year under the policy, missing if never), income, industry,
            longitude and latitude.
        """
        columns, places, truth = self._drawn()
        return self.inputs("simulated_policy", columns, self._att(PolicyTruth(truth)), places=places)

    def truth(self) -> PolicyTruth:
        """Return the effects that are in the outcome of `load`."""
        return PolicyTruth(self._drawn()[2], self.spillover if self.world == "spillovers" else 0.0)

    def _drawn(self) -> tuple[dict[str, FloatArray], FloatArray, pd.DataFrame]:
        """Return what a study sees, shape (N, T) or (N, 1), places, shape (N, 2), and `PolicyTruth.cells`."""
        # one generator in one order: a seed gives the same units, dates and errors in each world
        rng = np.random.default_rng(self.seed)
        income, industry = rng.standard_normal((2, self.n))
        places = places_of(rng, self.n)
        x = (income - industry) / np.sqrt(2)
        cohort = self._cohorts(rng, x, places)
        years = self.first_year + np.arange(self.periods)
        event = years - cohort[:, None]
        direct = self._effect(cohort, event)
        spillover = np.zeros_like(direct)
        if self.world == "spillovers":
            spillover = self.spillover * (neighbours(places) @ (event >= 0))
        s = np.arange(self.periods)
        unit = rng.standard_normal(self.n) + 0.5 * x + 0.5 * ~np.isnan(cohort)
        time = 0.05 * s + 0.1 * rng.standard_normal(self.periods)
        errors = self.sigma * remembered(rng.standard_normal((self.n, self.periods)), self.memory)
        y = unit[:, None] + time + self.trend * s * x[:, None] + direct + spillover + errors
        columns = {"cohort": cohort[:, None], "event": event, "direct": direct, "spillover": spillover}
        truth = frame(self.n, self.periods, self.first_year, columns)
        fixed = {"adopted": cohort, "income": income, "industry": industry}
        return {"y": y} | {name: values[:, None] for name, values in fixed.items()}, places, truth

    def _cohorts(self, rng: np.random.Generator, x: FloatArray, places: FloatArray) -> FloatArray:
        """Return the first year under the policy by unit, not a number if there is none, shape (N,)."""
        treated = self.n - round(self.never * self.n)
        score: FloatArray = self.selection * x + rng.logistic(size=self.n)
        if self.clustering:
            score = multiplied(neighbours(places), self.clustering, score)
        chosen: IntArray = np.argsort(-score, kind="stable")[:treated]
        cohort = np.full(self.n, np.nan)
        cohort[rng.permutation(chosen)] = np.resize(self.cohorts, treated)
        return cohort

    def _effect(self, cohort: FloatArray, event: FloatArray) -> FloatArray:
        """Return the direct effect, shape (N, T)."""
        under: NDArray[np.bool_] = event >= 0
        if self.world == "heterogeneous":
            # of mean 1
            falling = np.ones(1) if len(self.cohorts) == 1 else np.linspace(1.5, 0.5, len(self.cohorts))
            factors = dict(zip(sorted(self.cohorts), falling, strict=True))
            own = np.array([factors.get(year, 0.0) for year in cohort])[:, None]
            return np.where(under, self.effect * own + self.growth * np.nan_to_num(event), 0.0)
        result = np.where(under, self.effect, 0.0)
        if self.world == "anticipation":
            result[(event < 0) & (event >= -self.lead)] = self.anticipated * self.effect
        return result

    def _att(self, truth: PolicyTruth) -> Note:
        """Return the note that says the mean effect."""
        facts = {"cohorts": cut(map(str, sorted(self.cohorts))), "world": self.world, "att": truth.overall}
        if self.world == "spillovers":
            return Note("simulated_policy_spillovers", **self.size, spillover=self.spillover, **facts)
        return Note("simulated_policy", **self.size, **facts)


def _means(cells: pd.DataFrame, by: str) -> dict[int, float]:
    known = cells.dropna(subset=[by])
    means = known["direct"].groupby(known[by].astype(np.int64)).mean()
    return dict(zip(map(int, means.index.to_numpy()), map(float, means.to_numpy()), strict=True))
