"""Sets of a coefficient, of ρ and of effects whose level does not depend on how strong the instruments are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.numeric.iv.anderson_rubin import Interval, confidence_set
from digicarbon.numeric.iv.reduced_form import ReducedForm, quadratic_form
from digicarbon.numeric.spatial.effects import multipliers
from digicarbon.numeric.spatial.likelihood import END
from digicarbon.numeric.spatial.operator import SpatialOperator
from digicarbon.result import Quantity

POINTS, ROUNDS = 33, 4
"""Values of ρ in a round, and rounds at most. A round covers what the last one left, with a value beyond each end; the
largest value of a curve that is flat there is met to a thousandth of the set's length."""
HALVES = 7
"""Of the distance of two values of ρ, between which the set ends."""
FILLED = 0.02
"""Share of a set's length: smaller gaps between its intervals are those between values of ρ, and are filled."""
EFFECTS: tuple[Quantity, ...] = ("direct", "indirect", "total")
EVERY: tuple[Interval, ...] = ((-math.inf, math.inf),)


@dataclass(frozen=True, eq=False)
class ProjectedSets:
    """Confidence sets, each as disjoint intervals in order, with infinite ends where it has none.

    ``coefficient`` and ``rho`` are empty where the test rejects every pair. ``effects`` are None where the set reaches
    an end of the range of ρ: they are any value then.
    """

    coefficient: tuple[Interval, ...]
    rho: tuple[Interval, ...]
    effects: Mapping[Quantity, tuple[Interval, ...]] | None


def projected_sets(form: ReducedForm, level: float, start: FloatArray, w: SpatialOperator) -> ProjectedSets:
    """Project the joint Anderson-Rubin set of β and ρ in y = βx + ρWy + … + u (Dufour 1997; Dufour & Taamouti 2005).

    ``form``: of y, x and Wy on the instruments, effects and exogenous regressors partialled out. ``level``: coverage of
    the joint set, which that of each projection is at least. ``start``, shape (2,): an estimate of β and ρ, from which
    the pair with the smallest statistic is looked for, so that a set of few pairs is not missed. W's range of ρ, less a
    thousandth at each end, is the range of the set: beyond it spillovers do not die out.

    The test of a pair (β, ρ) is the F of all instruments in y - βx - ρWy with the model's covariance, which has its
    size under any first stage. Given ρ the β that it does not reject are an exact set; they are put together over
    values of ρ, which are looked for once more between the first and the last that has some. Effects are β times a
    function of ρ.
    """
    low, high = w.bounds
    margin = END * (high - low)
    ends = around = low + margin, high - margin
    known = np.clip(_least(form, start), *ends)
    for _ in range(ROUNDS):
        places = np.unique(np.append(np.linspace(*around, POINTS), known))
        found = [_given(form, rho, level) for rho in places]
        inside = np.flatnonzero([bool(intervals) for intervals in found])
        if not len(inside):
            return ProjectedSets((), (), {})
        if len(inside) > POINTS // 2:
            break
        known, around = places[inside], (places[max(inside[0] - 1, 0)], places[min(inside[-1] + 1, len(places) - 1)])
    reaches = (places[inside[0]], places[inside[-1]])
    effects = None
    if reaches[0] > ends[0] and reaches[1] < ends[1]:
        factors = np.stack([multipliers(float(rho), w)[:, 0, 0] for rho in places[inside]])
        effects = {
            effect: _joined([_times(one, factors[at, k]) for at, place in enumerate(inside) for one in found[place]])
            for k, effect in enumerate(EFFECTS)
        }
    return ProjectedSets(
        _joined([one for at in inside for one in found[at]]),
        tuple(
            (_edge(form, level, places, part[0], -1), _edge(form, level, places, part[-1], 1))
            for part in np.split(inside, np.flatnonzero(np.diff(inside) > 1) + 1)
        ),
        effects,
    )


def statistic(form: ReducedForm, pair: FloatArray) -> float:
    """Return the χ² of all instruments in y - βx - ρWy; infinite where its covariance is singular."""
    made = np.append(1.0, -pair)
    covariance = np.einsum("i,iakb,k->ab", made, form.covariance, made)
    value = quadratic_form(form.coef @ made, covariance)
    return value if math.isfinite(value) else math.inf


def _least(form: ReducedForm, start: FloatArray) -> float:
    """Return ρ of the pair with the smallest statistic, by a search from a start."""

    def of(pair: FloatArray) -> float:
        return statistic(form, pair)

    return float(scipy.optimize.minimize(of, start, method="Nelder-Mead").x[1])


def _given(form: ReducedForm, rho: float, level: float) -> tuple[Interval, ...]:
    """Return the β that the test does not reject beside a value of ρ."""
    made = np.array([[1.0, 0.0, -rho], [0.0, 1.0, 0.0]])
    covariance = np.einsum("ij,jakb,lk->ialb", made, form.covariance, made)
    return confidence_set(replace(form, coef=form.coef @ made.T, covariance=covariance), level)


def _times(interval: Interval, factor: float) -> Interval:
    """Return an interval times a factor; one with an infinite end is zero where the factor is."""
    low, high = sorted(float(factor * end) if factor else 0.0 for end in interval)
    return low, high


def _joined(intervals: Sequence[Interval]) -> tuple[Interval, ...]:
    """Return a union of intervals as disjoint ones, small gaps filled."""
    ends = [end for interval in intervals for end in interval if math.isfinite(end)]
    gap = FILLED * (max(ends) - min(ends)) if ends else 0.0
    out: list[Interval] = []
    for low, high in sorted(intervals):
        if out and low <= out[-1][1] + gap:
            out[-1] = out[-1][0], max(out[-1][1], high)
        else:
            out.append((low, high))
    return tuple(out)


def _edge(form: ReducedForm, level: float, places: FloatArray, at: int, step: int) -> float:
    """Return where the set ends between a ρ that has some β and the next one that has none, looked for by halves."""
    inner = float(places[at])
    if not 0 <= at + step < len(places):
        return inner
    outer = float(places[at + step])
    for _ in range(HALVES):
        middle = (inner + outer) / 2
        inner, outer = (middle, outer) if _given(form, middle, level) else (inner, middle)
    return outer
