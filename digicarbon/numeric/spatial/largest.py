"""The draws of spatial lag models whose statistics are largest, without clustered errors of those that cannot be.

An interval asks of the draws under each value only for the critical one. Errors clustered by unit take most of the
time, and are made only for draws whose statistic may reach it: what some units add to the variance bounds it from below.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.numeric.spatial.batch import (
    ALL_PAIRS,
    Asked,
    Combination,
    LagBatch,
    LagOutcomes,
    LagParameters,
    Projected,
    centred,
)

AT_FIRST = 1.5
"""Outcomes whose scores are made at first, for each that is sought among the largest."""
IN_BOUND = (0.3, 0.75)
"""Shares of the variance that the units have whose scores bound it from below, at first and for what is left then."""
ROUNDED = 1e-3
"""What rounding may add to a ratio by such a bound."""

Wanted = tuple[LagOutcomes, Asked | Combination, float]
"""Outcomes, an effect, and a value from which its distance is taken."""


def largest(
    batch: LagBatch, wanted: Sequence[Wanted], count: int
) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
    """Return effects with errors clustered by unit where their distances from values are among the largest, and ρ.

    Parameters
    ----------
    batch : LagBatch
    wanted : sequence of Wanted
        As many outcomes in each.
    count : int
        How many of the largest |effect - value|/error are sought of each.

    Returns
    -------
    list of (effect, error, rho), each ndarray, shape (M,)
        An error is infinite where the ratio is none of the largest.

    Notes
    -----
    All scores by unit are made for the outcomes whose distance is largest by the errors of the information. For the
    others those of some units are: the sum of squares of these around their own mean is at most that of all units,
    and what products of two units add is not negative. An outcome is left out where its distance, over the error
    by this bound, is below what as many outcomes as are sought reach.
    """
    formed = batch.space.w.n > ALL_PAIRS
    columns = sorted({column for _, one, _ in wanted for column in _columns(one)})
    blocks = []
    for parts in zip(*(outcomes.projected(batch.q, formed) for outcomes, _, _ in wanted), strict=True):
        found, start = batch.fitted(Together(parts), columns), 0
        block = []
        for part, (_, one, value) in zip(parts, wanted, strict=True):
            own = found.some(slice(start, start + part.count))
            start += part.count
            block.append(_Search(batch, part, own, one).largest(value, count))
        blocks.append(block)
    if len(blocks) == 1:
        return blocks[0]
    return [
        (np.concatenate([one[0] for one in each]), np.concatenate([one[1] for one in each]), np.concatenate([one[2] for one in each]))
        for each in zip(*blocks, strict=True)
    ]


def _columns(one: Asked | Combination) -> tuple[int, ...]:
    return one.columns if isinstance(one, Combination) else tuple(column for column in one[:2] if column is not None)


@dataclass(frozen=True, eq=False)
class Together:
    """Outcomes of several null models, one after the other."""

    parts: Sequence[Projected]

    @property
    def moments(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """As `Projected.moments`."""
        a, b, c = (np.concatenate(each) for each in zip(*(part.moments for part in self.parts), strict=True))
        return a, b, c

    @property
    def coordinates(self) -> tuple[FloatArray, FloatArray]:
        """As `Projected.coordinates`."""
        level, lagged = (
            np.concatenate(each, axis=1) for each in zip(*(part.coordinates for part in self.parts), strict=True)
        )
        return level, lagged


class _Search:
    """The search among the outcomes of one null model.

    Parameters
    ----------
    batch : LagBatch
    outcomes : Projected
    found : LagParameters
        Of these outcomes.
    one : Asked or Combination
    """

    def __init__(self, batch: LagBatch, outcomes: Projected, found: LagParameters, one: Asked | Combination) -> None:
        self._batch, self._found = batch, found
        self._n, self._rows = batch.space.w.n, len(outcomes.level)
        self._effect, parts = batch.linear(found, one, clustered=True)
        *self._of_columns, self._of_rho = parts.values()
        self._columns = [column for column in parts if column >= 0]
        self._every = outcomes.with_sums([batch.z @ batch.inverse[column] for column in self._columns], self._n)

    def largest(self, value: float, count: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the effect, errors where its distance from a value may be among the largest, and ρ."""
        distance, error = np.abs(self._effect - value), np.full(len(self._effect), np.inf)
        sought = math.ceil(AT_FIRST * count)
        if sought >= len(error):
            return self._effect, self._clustered(np.arange(len(error)))[0], self._found.rho
        order = np.argpartition(-distance / self._plain, sought)
        first, left = order[:sought], order[sought:]
        error[first], scores = self._clustered(first)
        reached = np.partition(distance[first] / error[first], -count)[-count]
        shares = (scores**2).sum(axis=1)
        units = np.argsort(-shares)
        heights = np.cumsum(shares[units])
        sums, start = np.empty((0, len(left))), 0
        for share in IN_BOUND:
            stop = 1 + int(np.searchsorted(heights, share * heights[-1]))
            if stop > start and len(left):
                sums = np.concatenate([sums, self._some_scores(units[start:stop], left)])
                rest = centred(sums)
                least = np.sqrt(self._n / (self._n - 1) * np.einsum("nm,nm->m", rest, rest))
                stay = np.flatnonzero(~(distance[left] * (1 + ROUNDED) < reached * least))
                left, sums, start = left[stay], sums[:, stay], stop
        if len(left):
            error[left] = self._clustered(left)[0]
        return self._effect, error, self._found.rho

    @cached_property
    def _plain(self) -> FloatArray:
        """Errors of the effect by the information, shape (M,)."""
        found, inverse = self._found, self._batch.inverse
        of_columns = sum(
            one * other * inverse[a, b]
            for a, one in zip(self._columns, self._of_columns, strict=True)
            for b, other in zip(self._columns, self._of_columns, strict=True)
        )
        return np.asarray(np.sqrt(of_columns * found.sigma2 + self._of_rho**2 / found.rho_variance))

    def _clustered(self, chosen: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
        """Return errors clustered by unit of some outcomes, shape (m,), and scores by unit, shape (N, m)."""
        n, outcomes = self._n, self._every.some(chosen)
        found = self._found.some(chosen)
        found = replace(found, d=self._batch.slopes(found.located, found.beta))
        own = self._batch.scores(outcomes.rows(slice(self._rows)), found)
        of_rho = self._of_rho[chosen]
        sums = of_rho * own.of_rho
        by_unit = outcomes.rows(slice(self._rows, None)).residuals(found.rho).reshape(len(self._columns), n, -1)
        for part, score in zip(self._of_columns, by_unit, strict=True):
            sums += part[chosen] * centred(score)
        return np.sqrt(n / (n - 1) * (np.einsum("nm,nm->m", sums, sums) + of_rho**2 * own.pairs)), sums

    def _some_scores(self, units: NDArray[np.intp], chosen: NDArray[np.intp]) -> FloatArray:
        """Return scores of some units in some outcomes, shape (units, m), in numbers of seven digits."""
        n, periods, found = self._n, self._rows // self._n, self._found.some(chosen)
        cells = (units[:, None] * periods + np.arange(periods)).ravel()
        by_unit = self._rows + np.arange(len(self._columns))[:, None] * n + units
        rest = self._batch.short_rest(found.located.nodes)[cells]
        some = self._every.rows(np.concatenate([cells, by_unit.ravel()])).some(chosen)
        values = some.standardised(found.rho, found.sigma2, rest.dtype)
        own = found.located.own_shares(units)
        sums = self._of_rho[chosen] * self._batch.of_rho(found, rest, values[: len(cells)], own)
        scores = values[len(cells) :].reshape(len(self._columns), len(units), -1)
        for part, score in zip(self._of_columns, scores, strict=True):
            sums += part[chosen] * np.sqrt(found.sigma2) * score
        return np.asarray(sums)
