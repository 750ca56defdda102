"""The draws of spatial lag models whose statistics are largest, without clustered errors of those that cannot be.

An interval asks of the draws under each value only for the critical one. Errors clustered by unit take most of the
time, and are made only for draws whose statistic may reach it: what some units add to the variance bounds it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.numeric.spatial.batch import ALL_PAIRS, Estimates, LagBatch, LagParameters
from digicarbon.numeric.spatial.lag_outcomes import At, Formed, LagOutcomes, Projected, centred
from digicarbon.numeric.spatial.lag_space import Asked, Combination

AT_FIRST = 1.5
"""Outcomes whose scores are made at first, for each that is sought among the largest."""
IN_BOUND = (0.3, 0.75)
"""Shares of the variance that the units have whose scores bound it from below, at first and for what is left then."""
DIGITS: np.dtype[Any] = np.dtype(np.float32)
"""The numbers of bounds: of seven digits."""
ROUNDED = 1e-3
"""What rounding may add to a ratio by such a bound."""

Wanted = tuple[LagOutcomes, Asked | Combination, float]
"""Outcomes, an effect, and a value from which its distance is taken."""


def largest(batch: LagBatch, wanted: Sequence[Wanted], count: int) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
    """Return effects, errors clustered by unit, and ρ, where distances from values are among the ``count`` largest.

    Each |effect - value|/error that is none of the largest has an infinite error. ``wanted``: as many outcomes, M, in
    each.

    All scores by unit are made for the outcomes whose distance is largest by the errors of the information. For the
    others those of some units are: the sum of squares of these around their own mean is at most that of all units, and
    what products of two units add is not negative. Scores in the bound lack the last orders of G's polynomials; what
    these can be at most is taken off. An outcome is left out where its distance, over the error by this bound, is below
    what as many outcomes as are sought reach.
    """
    formed = batch.space.w.n > ALL_PAIRS
    found = [
        _largest(
            batch, [_Part(batch, part, one, value) for part, (_, one, value) in zip(parts, wanted, strict=True)], count
        )
        for parts in zip(*(outcomes.projected(batch.q, formed) for outcomes, _, _ in wanted), strict=True)
    ]
    if len(found) == 1:
        return found[0]
    return [
        (np.concatenate(effect), np.concatenate(error), np.concatenate(rho))
        for effect, error, rho in (zip(*each, strict=True) for each in zip(*found, strict=True))
    ]


def _largest(batch: LagBatch, parts: Sequence[_Part], count: int) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
    """Return `largest` of one block of outcomes of each."""
    draws = parts[0].outcomes.count
    estimates = batch.estimates(_Together([part.outcomes for part in parts]))
    # with a draw near the end of the range of ρ nodes are many, and less exact: they are those of its null model alone
    groups: dict[tuple[float, float], list[int]] = {}
    for place in range(len(parts)):
        own = estimates.rho[place * draws : (place + 1) * draws]
        groups.setdefault(batch.space.range_of(own), []).append(place)
    for places in groups.values():
        chosen = np.concatenate([np.arange(place * draws, (place + 1) * draws) for place in places])
        _search(batch, estimates.some(chosen), [parts[place] for place in places], count)
    return [(part.effect, part.error, part.found.rho) for part in parts]


def _search(batch: LagBatch, estimates: Estimates, parts: Sequence[_Part], count: int) -> None:
    """Search among outcomes whose ρ are on the same nodes."""
    columns, draws = sorted({column for part in parts for column in part.columns}), parts[0].outcomes.count
    every = batch.at(estimates, columns)
    for place, part in enumerate(parts):
        part.take(every.some(slice(place * draws, (place + 1) * draws)))
    sought = min(math.ceil(AT_FIRST * count), draws)
    first = [part.likely(sought) for part in parts]
    for part, chosen, (error, scores) in zip(parts, first, _clustered(batch, every, parts, first), strict=True):
        part.error[chosen] = error
        # of fewer draws all errors are made
        if sought < draws:
            reached = np.partition(part.distance[chosen] / error, -count)[-count]
            part.bound(reached, (scores**2).sum(axis=1))
    left = [np.flatnonzero(part.left) for part in parts]
    for part, chosen, (error, _) in zip(parts, left, _clustered(batch, every, parts, left), strict=True):
        part.error[chosen] = error


@dataclass(frozen=True, eq=False)
class _Chosen:
    """Some outcomes of a null model."""

    outcomes: Projected
    chosen: NDArray[np.intp]

    @property
    def count(self) -> int:
        """Number of outcomes."""
        return len(self.chosen)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.outcomes.rows

    @cached_property
    def own(self) -> Projected:
        """The outcomes without the others."""
        return self.outcomes.some(self.chosen)

    @property
    def moments(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """As `Projected.moments`."""
        return self.own.moments

    @property
    def coordinates(self) -> tuple[FloatArray, FloatArray]:
        """As `Projected.coordinates`."""
        return self.own.coordinates

    def filtered(self, rho: FloatArray) -> FloatArray:
        """As `Projected.filtered`."""
        return self.own.filtered(rho)

    def formed(self, at: At, kind: np.dtype[Any]) -> Formed:
        """As `Projected.formed`."""
        return self.own.formed(at, kind, self.outcomes)

    def standardised(self, rho: FloatArray, sigma2: FloatArray, kind: np.dtype[Any]) -> FloatArray:
        """As `Projected.standardised`."""
        return self.own.standardised(rho, sigma2, kind)


@dataclass(frozen=True, eq=False)
class _Together:
    """Outcomes of several null models, one after the other."""

    parts: Sequence[Projected | _Chosen]

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

    def filtered(self, rho: FloatArray) -> FloatArray:
        """As `Projected.filtered`."""
        return np.concatenate([part.filtered(rho[own]) for part, own in self._slices()], axis=1)

    def formed(self, at: At, kind: np.dtype[Any]) -> Formed:
        """As `Projected.formed`."""
        forms = [(own, part.formed((at[0][own], at[1][own], at[2][:, own]), kind)) for part, own in self._slices()]

        def form(block: slice, out: tuple[FloatArray, FloatArray]) -> None:
            for own, one in forms:
                start, stop = max(own.start, block.start), min(own.stop, block.stop)
                if start < stop:
                    rows = slice(start - block.start, stop - block.start)
                    one(slice(start - own.start, stop - own.start), (out[0][rows], out[1][rows]))

        return form

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.parts[0].rows

    def standardised(self, rho: FloatArray, sigma2: FloatArray, kind: np.dtype[Any]) -> FloatArray:
        """As `Projected.standardised`."""
        every = [part.standardised(rho[block], sigma2[block], kind) for part, block in self._slices()]
        return np.concatenate(every, axis=1)

    def _slices(self) -> Iterator[tuple[Projected | _Chosen, slice]]:
        start = 0
        for part in self.parts:
            yield part, slice(start, start + part.count)
            start += part.count


def _clustered(
    batch: LagBatch, every: LagParameters, parts: Sequence[_Part], chosen: Sequence[NDArray[np.intp]]
) -> list[tuple[FloatArray, FloatArray]]:
    """Return errors clustered by unit of some outcomes of each, shape (m,), and scores by unit, shape (N, m)."""
    n, ends = batch.space.w.n, np.cumsum([len(one) for one in chosen])
    if not ends[-1]:
        return [(np.empty(0), np.empty((n, 0))) for _ in parts]
    draws = parts[0].outcomes.count
    found = every.some(np.concatenate([place * draws + one for place, one in enumerate(chosen)]))
    found = replace(found, image=batch.image(found))
    some = [_Chosen(part.outcomes, one) for part, one in zip(parts, chosen, strict=True)]
    scores, pairs = batch.scores(_Together(some), found)
    of_rho = np.concatenate([part.of_rho[one] for part, one in zip(parts, chosen, strict=True)])
    scores *= of_rho
    scores += centred(np.concatenate([part.of_slopes(one) for part, one in zip(parts, some, strict=True)], axis=1))
    errors = np.sqrt(n / (n - 1) * (np.einsum("nm,nm->m", scores, scores) + of_rho**2 * pairs))
    return list(zip(np.split(errors, ends[:-1]), np.split(scores, ends[:-1], axis=1), strict=True))


@dataclass(frozen=True, eq=False)
class _Short:
    """What bounds take of fits, in numbers of seven digits; the last axis of each is that of the outcomes.

    ``weights``, shape (J, M): of the outcomes. ``by``, shape (2, M): 1/σ and -ρ/σ. ``basis``, shape (p, M): polynomials
    in ρ. ``coordinates``, shape (k, M): of Zβ over σ. ``of_columns``, shape (c, M): what sums by unit of residuals over
    σ times regressors are multiplied by. ``of_rho``, ``of_variance``: shape (M,).
    """

    weights: FloatArray | None
    by: FloatArray
    basis: FloatArray
    coordinates: FloatArray
    of_columns: FloatArray
    of_rho: FloatArray
    of_variance: FloatArray

    def some(self, chosen: NDArray[np.intp]) -> _Short:
        """Return those of some outcomes."""
        weights = None if self.weights is None else self.weights[:, chosen]
        by, basis, coordinates, of_columns = (
            part[:, chosen] for part in (self.by, self.basis, self.coordinates, self.of_columns)
        )
        return _Short(weights, by, basis, coordinates, of_columns, self.of_rho[chosen], self.of_variance[chosen])


class _Part:
    """The outcomes of one null model: their errors as far as they are made, and which of them are left to be made."""

    found: LagParameters
    effect: FloatArray
    of_rho: FloatArray
    distance: FloatArray
    _of_columns: FloatArray

    def __init__(self, batch: LagBatch, outcomes: Projected, one: Asked | Combination, value: float) -> None:
        self.outcomes, self._batch, self._one, self._value = outcomes, batch, one, value
        self.columns = one.columns if isinstance(one, Combination) else [at for at in one[:2] if at is not None]
        self.error = np.full(outcomes.count, np.inf)
        self.left = np.ones(outcomes.count, dtype=bool)
        self._n = batch.space.w.n
        # of coefficients: sums by unit of residuals times regressors without what the others have of them
        weights = (batch.z @ batch.inverse[:, self.columns]).reshape(self._n, -1, len(self.columns))
        self._sums = weights.transpose(0, 2, 1) @ outcomes.both.reshape(self._n, weights.shape[1], -1)

    def take(self, found: LagParameters) -> None:
        """Take the parameters of the outcomes."""
        self.found = found
        self.effect, parts = self._batch.linear(found, self._one, clustered=True)
        *of_columns, self.of_rho = parts.values()
        self._of_columns = np.stack(of_columns)
        self.distance = np.abs(self.effect - self._value)

    def likely(self, sought: int) -> NDArray[np.intp]:
        """Return the outcomes whose distances are largest by the errors of the information."""
        found, inverse = self.found, self._batch.inverse
        of_columns = sum(
            one * other * inverse[a, b]
            for a, one in zip(self.columns, self._of_columns, strict=True)
            for b, other in zip(self.columns, self._of_columns, strict=True)
        )
        ratios = self.distance**2 / (of_columns * found.sigma2 + self.of_rho**2 / found.rho_variance)
        order = np.argpartition(-ratios, sought - 1)[:sought]
        self.left[order] = False
        return order

    def bound(self, reached: float, shares: FloatArray) -> None:
        """Leave out what is below a ratio that enough others reach; ``shares`` are units' of the variance."""
        # in units of an error, squares are not too large for numbers of seven digits
        unit = float(np.median(self.error[~self.left]))
        units, start, short = np.argsort(-shares), 0, self._short(unit)
        heights, chosen = np.cumsum(shares[units]), np.arange(len(self.left))
        sums, slack = np.empty((0, len(chosen)), dtype=DIGITS), np.zeros(len(chosen), dtype=DIGITS)
        for share in IN_BOUND:
            stop = 1 + int(np.searchsorted(heights, share * heights[-1]))
            if stop > start and len(chosen):
                some, of_some = self._some(units[start:stop], short, chosen)
                sums, slack = np.concatenate([sums, some]), slack + of_some
                rest = centred(sums)
                least = np.sqrt(np.einsum("nm,nm->m", rest, rest)) - np.sqrt(slack)
                size = reached * unit * math.sqrt(self._n / (self._n - 1))
                self.left[chosen[(self.distance[chosen] * (1 + ROUNDED) < size * least) & (least < np.inf)]] = False
                stay = np.flatnonzero(self.left[chosen])
                chosen, sums, slack, start = chosen[stay], sums[:, stay], slack[stay], stop
                short = short.some(stay)

    def of_slopes(self, some: _Chosen) -> FloatArray:
        """Return what coefficients have in the scores by unit of some outcomes, shape (N, m)."""
        rho, weights = self.found.rho[some.chosen], some.own.weights
        if weights is None:
            level, lagged = np.split(self._sums, 2, axis=2)
            sums = level[..., some.chosen] - rho * lagged[..., some.chosen]
        else:
            # one product takes less time than one of each unit
            flat = self._sums.reshape(-1, 2 * len(weights)) @ np.concatenate([weights, weights * -rho])
            sums = flat.reshape(*self._sums.shape[:2], -1)
        return np.asarray(np.einsum("ncm,cm->nm", sums, self._of_columns[:, some.chosen]))

    def _some(self, units: NDArray[np.intp], short: _Short, chosen: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
        """Return scores of some units in some outcomes, shape (units, m), and the square of what they lack, (m,).

        They are in numbers of seven digits, without the last orders of G's polynomials.
        """
        rest, beyond = self._batch.short_rest(self.found.located.nodes)
        t, count = self.outcomes.rows // self._n, len(units)
        orders = rest.shape[1] // max(len(short.coordinates), 1)
        along = (short.basis[:orders, None] * short.coordinates).reshape(rest.shape[1], -1)
        factors = (rest.reshape(self._n, t, -1)[units].reshape(count * t, -1) @ along).reshape(count, t, -1)
        values = self._residuals(units, short, chosen).reshape(count, -1, len(chosen))
        cube = values[:, :t]
        own = self._own[units] @ short.basis
        squares = np.einsum("itm,itm->im", cube, cube)
        sums = np.einsum("itm,itm->im", cube, factors)
        sums += squares * (own - short.of_variance)
        own *= t
        sums -= own
        sums *= short.of_rho
        for place, part in enumerate(short.of_columns):
            sums += part * values[:, t + place]
        size = np.einsum("km,km->m", short.coordinates, short.coordinates)
        return sums, short.of_rho**2 * size * (beyond[units] @ squares)

    def _residuals(self, units: NDArray[np.intp], short: _Short, chosen: NDArray[np.intp]) -> FloatArray:
        """Return residuals over σ of some units and their sums times regressors, shape (units·(T′ + c), m)."""
        cells = self._cells[units].reshape(-1, self._cells.shape[2])
        if short.weights is None:
            level, lagged = np.split(cells, 2, axis=1)
            return np.asarray(level[:, chosen] * short.by[0] + lagged[:, chosen] * short.by[1])
        both = short.weights * short.by[:, None]
        return np.asarray(cells @ both.reshape(cells.shape[1], -1))

    def _short(self, unit: float) -> _Short:
        """Return what bounds take of all outcomes, errors in some unit."""
        found, kind, weights = self.found, DIGITS, self.outcomes.weights
        scale = 1 / np.sqrt(found.sigma2)
        return _Short(
            None if weights is None else weights.astype(kind),
            np.stack([scale, -found.rho * scale]).astype(kind),
            found.located.basis.T.astype(kind),
            (found.coordinates * scale).astype(kind),
            (self._of_columns / (scale * unit)).astype(kind),
            (self.of_rho / unit).astype(kind),
            self._batch.of_variance(found).astype(kind),
        )

    @cached_property
    def _cells(self) -> FloatArray:
        """Of y and Wy the columns of each unit, and then its sums times regressors, shape (N, T′ + c, 2 J)."""
        both = self.outcomes.both.reshape(self._n, -1, self._sums.shape[2])
        return np.concatenate([both, self._sums], axis=1, dtype=DIGITS)

    @cached_property
    def _own(self) -> FloatArray:
        """Coefficients of the units' own shares, shape (N, p)."""
        nodes = self.found.located.nodes
        return np.asarray((nodes.inverse @ nodes.diagonals).T, dtype=DIGITS)
