"""Dynamic spatial panels as joint tests and the wild bootstrap take them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from copy import copy

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.model._spatial_batch import solved
from digicarbon.model._spatial_estimates import MOST_UNITS
from digicarbon.model.batch import Batch, Estimand, Fits, Fitted
from digicarbon.model.restrictions import Ratios
from digicarbon.numeric.linear.within import Rows
from digicarbon.numeric.spatial.lag_space import Asked
from digicarbon.packs.dynamic_space.model._estimates import Design, Estimates, several
from digicarbon.packs.dynamic_space.numeric.batch import DynamicBatch, DynamicOutcomes
from digicarbon.packs.dynamic_space.numeric.effects import (
    LONG,
    SHORT,
    denominators,
    long_factors,
    ratio_interval,
    short_factors,
)
from digicarbon.packs.dynamic_space.numeric.null import DynamicNull, DynamicNulls
from digicarbon.packs.dynamic_space.numeric.robust import vectors_of
from digicarbon.packs.dynamic_space.numeric.spectrum import spectrum_of

STEPS, CLOSE = 25, 1e-9
"""Steps towards the nearest parameters that have a value, and the size of the last one."""
HALVES, NEAR = 12, 1e-3
"""Times that such a step is halved, and how near a pole it may come."""


class DynamicFits(Fitted[DynamicOutcomes]):
    """A dynamic spatial panel that is fitted to many outcomes. ``design``: of a W with constant row sums."""

    def __init__(self, design: Design, estimand: Estimand) -> None:
        w = solved(design.w)
        vectors = vectors_of(w) if design.robust else None
        self._batch = DynamicBatch(design.level, design.before[0], w, design.setting, vectors)
        self._design, self._estimand = design, estimand
        self._value: float | None = None
        self.key: Hashable = ("dynamic", w, design.setting, design.before[0].tobytes())

    def against(self, value: float) -> DynamicFits:
        """Return the same, whose standard errors in the long run are those of the test of a value."""
        out = copy(self)
        out._value = value
        return out

    def prepare(self, outcomes: FloatArray) -> DynamicOutcomes:
        """Return outcomes, shape (rows, M), as they enter the likelihood."""
        return self._batch.outcomes(_cube(outcomes, self._design))

    def fit(self, prepared: DynamicOutcomes) -> tuple[FloatArray, FloatArray]:
        """Return the estimate and its standard error for each outcome, each of shape (M,).

        An effect in the long run is not a number where the model is not stable: it would be on a curve of effects.
        """
        return self._several(prepared, [self._estimand], lasting=True)[0]

    def several(self, prepared: DynamicOutcomes, estimands: Sequence[Estimand]) -> Fits:
        """Return several estimands; draws that are not stable have the statistic of a long-run effect's numerator."""
        return self._several(prepared, estimands, lasting=False)

    def _several(self, prepared: DynamicOutcomes, estimands: Sequence[Estimand], lasting: bool) -> Fits:
        names, asked = self._design.names, list[Asked]()
        for estimand in estimands:
            lag = f"W_{estimand.term}"
            asked.append((names.index(estimand.term), names.index(lag) if lag in names else None, estimand.quantity))
        return self._batch.several(prepared, asked, self._value, lasting)


class EachFit(Fitted[FloatArray]):
    """The same, one outcome after the other, for weights that have no faster way."""

    def __init__(self, design: Design, estimand: Estimand) -> None:
        self._design, self._estimand = design, estimand
        self.key: Hashable = ("dynamic one by one", design.setting, design.before[0].tobytes())

    def prepare(self, outcomes: FloatArray) -> FloatArray:
        """Return the outcomes as they are."""
        return outcomes

    def fit(self, prepared: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the estimate and its standard error for each outcome, as `DynamicFits.fit` does."""
        return self._several(prepared, [self._estimand], lasting=True)[0]

    def several(self, prepared: FloatArray, estimands: Sequence[Estimand]) -> Fits:
        """Return several estimands, as `DynamicFits.several` does."""
        return self._several(prepared, estimands, lasting=False)

    def _several(self, prepared: FloatArray, estimands: Sequence[Estimand], lasting: bool) -> Fits:
        out = np.full((len(estimands), 2, prepared.shape[1]), np.nan)
        cubes = _cube(prepared, self._design)
        for draw in range(prepared.shape[1]):
            try:
                out[:, :, draw] = several(self._design, cubes[..., draw], estimands, lasting)
            except EstimationError:
                continue
        return [(both[0], both[1]) for both in out]


def batch_of(design: Design, estimand: Estimand) -> Batch:
    """Return what fits a design to many outcomes."""
    fast = design.w.constant_row_sum is not None and design.w.n <= MOST_UNITS
    if fast and design.robust:
        fast = vectors_of(solved(design.w)) is not None
    return DynamicFits(design, estimand) if fast else EachFit(design, estimand)


class DynamicRestrictions(Ratios):
    """The quantities of one focal term, restricted; ``found`` is the model's fit.

    The null model in which a quantity f has the value L takes coefficients of the term and ρ, τ, η that are the nearest
    to the estimates in the metric of their covariance. The restriction is d(f - L) = 0, d the denominator of f; for
    total effects it is linear. Intervals in the long run invert the test by d(f - L) over its own standard error.
    """

    def __init__(self, estimands: tuple[Estimand, ...], batch: Batch, found: Estimates, rows: Rows, term: str) -> None:
        self.estimands, self.batch = estimands, batch
        design = found.design
        self._term, self._w = term, design.w
        names, active = design.names, list(design.setting.active)
        own = [names.index(name) for name in (term, f"W_{term}") if name in names]
        stay = [place for place in range(len(names)) if place not in own]
        level = design.level
        self._nulls = DynamicNulls(
            design.y, design.before, level[..., stay], level[..., own], rows, design.w, design.setting
        )
        # of the term's coefficient and its lag's, ρ, τ and η; zero for those that are not in the model
        here = [*range(len(own)), *(2 + place for place in active)]
        there = [*own, *(len(names) + place for place in range(len(active)))]
        self._count = len(own)
        self._ends = spectrum_of(design.w, False).ends
        self._point, self._spread = np.zeros(5), np.zeros((5, 5))
        self._point[here] = np.concatenate([found.fit.beta[own], found.fit.theta[active]])
        self._spread[np.ix_(here, here)] = found.covariance[np.ix_(there, there)]

    def null(self) -> DynamicNull:
        """Return the null model in which the term and its lag have no coefficient."""
        return self._nulls.shifted(np.zeros(self._count))

    def null_at(self, place: int, value: float) -> DynamicNull:
        """Return the null model in which one quantity has a value."""
        at = self._point.copy()
        for _ in range(STEPS):
            gap, slope = self._gap(place, value, at)
            along = self._spread @ slope
            step = self._point + along * ((-gap - slope @ (self._point - at)) / (slope @ along)) - at
            for _ in range(HALVES):
                if self._inside(at + step):
                    break
                step = step / 2
            else:
                # a value that is only reached where the past never dies out
                break
            at = at + step
            if np.abs(step).max() < CLOSE:
                break
        return self._nulls.at(at[: self._count], at[2:])

    def batch_at(self, place: int, value: float) -> Batch:
        """Return the batch whose standard error of a long-run effect is that of d(f - L) over d."""
        long = self.estimands[place].quantity in LONG
        return self.batch.against(value) if long and isinstance(self.batch, DynamicFits) else self.batch

    def value_at(self, place: int) -> Callable[[float], float] | None:
        """Return the ends of Fieller's interval of a long-run effect, by the size of the statistic."""
        if self.estimands[place].quantity not in LONG or not isinstance(self.batch, DynamicFits):
            return None
        effect, gradient, d, of_d = self._ratio(place, self._point)
        moments = tuple(
            float(one @ self._spread @ other) for one, other in ((gradient, gradient), (gradient, of_d), (of_d, of_d))
        )

        def end(size: float) -> float:
            return float(ratio_interval(effect, d, moments, size)[int(size > 0)])

        return end

    def _inside(self, at: FloatArray) -> bool:
        """Return whether I - ρW and (1 - τ)I - (ρ + η)W are as they are where the model is stable."""
        rho, tau, eta = at[2:]
        poles = np.concatenate([1 - rho * self._ends, 1 - tau - (rho + eta) * self._ends]).real
        return bool(poles.min() > NEAR)

    def _gap(self, place: int, value: float, at: FloatArray) -> tuple[float, FloatArray]:
        """Return d(f - L) at a point, and its gradient, shape (5,)."""
        estimand = self.estimands[place]
        if estimand.quantity == "coefficient":
            one = 0 if estimand.term == self._term else 1
            return float(at[one] - value), np.eye(5)[one]
        effect, gradient, d, of_d = self._ratio(place, at)
        return float(d * (effect - value)), d * gradient + (effect - value) * of_d

    def _ratio(self, place: int, at: FloatArray) -> tuple[float, FloatArray, float, FloatArray]:
        """Return an effect at a point, its denominator, and the gradients of both, shape (5,)."""
        estimand, theta = self.estimands[place], at[2:]
        long = estimand.quantity in LONG
        factors = (long_factors if long else short_factors)(theta, self._w)
        row = SHORT.index(estimand.quantity.removeprefix("long_"))
        gradient = factors.gradients(at[:1], at[1:2])[row, 0]
        effect = float(factors.values[row] @ at[:2])
        every, slopes = denominators(theta, self._w, long)
        return effect, gradient, float(every[row]), np.concatenate([np.zeros(2), slopes[row]])


def _cube(outcomes: FloatArray, design: Design) -> FloatArray:
    """Return outcomes, shape (rows, M), with periods first: shape (T, N, M)."""
    n, t = design.setting.n, design.setting.t
    return np.ascontiguousarray(outcomes.reshape(n, t, -1).transpose(1, 0, 2))
