"""Fits of one model with a spatial error by period to many outcomes at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.polynomial import chebyshev

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.spatial.likelihood import near_end
from digicarbon.numeric.spatial.operator import coarse_nodes
from digicarbon.packs.space_gaps.numeric.clustered import of_sums
from digicarbon.packs.space_gaps.numeric.error import ErrorPeriods

LAST = 16
"""The last piece at an end of the range: beyond it a parameter is at the end."""
MOST_MOVES = 40
NEWTON = 50
NODES = 16
"""Chebyshev nodes of a piece of the range of λ, whose distance to the nearest pole is at least its width.

The error of what is interpolated is about 5.8^-16, twelve digits.
"""


def pieces(places: FloatArray, bounds: tuple[float, float]) -> IntArray:
    """Return the piece of the range in which each place lies, shape (M,): they shrink towards both ends."""
    left, right = bounds
    distance = np.maximum(np.minimum(places - left, right - places), 1e-300)
    steps = np.clip(np.floor(np.log2((right - left) / 2 / distance)), 0, LAST).astype(np.int64)
    return np.where(places < (left + right) / 2, -1 - steps, steps)


def piece_ends(number: int, bounds: tuple[float, float]) -> tuple[float, float]:
    """Return the ends of a piece: its distance to the end of the range is at least its width."""
    left, right = bounds
    far = (right - left) / 2 / 2 ** (number if number >= 0 else -1 - number)
    return (right - far, right - far / 2) if number >= 0 else (left + far / 2, left + far)


class ErrorPeriodBatch:
    """A model with a spatial error by period that is fitted to many outcomes.

    ``by_unit``: whether standard errors are those of `digicarbon.packs.space_gaps.numeric.clustered.clustered`.
    ``clusters``: of the units, in place of which they are.

    In a piece of the range, see `pieces`, what is maximised is a polynomial in λ through the values at its nodes.
    """

    def __init__(self, model: ErrorPeriods, by_unit: bool = False, clusters: Groups | None = None) -> None:
        self.model, self.by_unit, self.clusters = model, by_unit, clusters
        self._factors: dict[float, _Factor] = {}

    def several(self, outcomes: FloatArray, contrasts: Sequence[FloatArray]) -> list[tuple[FloatArray, FloatArray]]:
        """Return combinations of the coefficients of Z, each of shape (k,), and their standard errors.

        ``outcomes``: raw, shape (T·N, M). ``contrasts``: shape (k,). The result is not-a-number where λ is at the end
        of its range, shape (M,).
        """
        sides, squares = self._sides(outcomes)
        count = outcomes.shape[1]
        nodes = coarse_nodes(self.model.weights.bounds)
        heights = np.stack([self._height(node, sides, squares) for node in nodes])
        lam = nodes[np.clip(heights.argmax(axis=0), 1, len(nodes) - 2)]
        out = np.full((len(contrasts), 2, count), np.nan)
        bounds = self.model.weights.bounds
        piece = pieces(lam, bounds)
        active = np.arange(count)
        for _ in range(MOST_MOVES):
            moving = []
            for number in np.unique(piece[active]):
                own = active[piece[active] == number]
                moved = self._within(int(number), own, sides, squares, contrasts, out, outcomes)
                piece[own] += moved
                moving.append(own[(moved != 0) & (np.abs(piece[own]) < LAST)])
            active = np.concatenate(moving)
            if not len(active):
                break
        return [(both[0], both[1]) for both in out]

    def _within(
        self,
        number: int,
        own: IntArray,
        sides: FloatArray,
        squares: FloatArray,
        contrasts: Sequence[FloatArray],
        out: FloatArray,
        outcomes: FloatArray,
    ) -> IntArray:
        """Fill in the estimates of outcomes whose λ is in a piece; return where the others' is: -1, 0 or 1."""
        model = self.model
        low, high = piece_ends(number, model.weights.bounds)
        nodes = np.cos(np.pi * (np.arange(NODES) + 0.5) / NODES)
        places = (low + high) / 2 + (high - low) / 2 * nodes
        inverse = np.linalg.inv(chebyshev.chebvander(nodes, NODES - 1))
        heights, ssr = np.empty((2, NODES, len(own)))
        coefficients = np.empty((NODES, len(contrasts), len(own)))
        spreads = np.empty((NODES, len(contrasts)))
        units = model.effects.present.shape[1]
        sums = np.zeros((len(contrasts), NODES, units if self.by_unit else 0, len(own)))
        level = outcomes[:, own]
        lagged = self._lag(level) if self.by_unit else level
        for place, lam in enumerate(places):
            factor = self._factor(float(lam))
            solved, ssr[place] = self._solved(factor, sides[..., own], squares[:, own])
            heights[place] = factor.constant - model.degrees / 2 * np.log(np.maximum(ssr[place], 1e-300))
            for which, contrast in enumerate(contrasts):
                coefficients[place, which] = contrast @ solved[model.r :]
                spreads[place, which] = contrast @ factor.inverse @ contrast
            if self.by_unit:
                x = (model.x - lam * model.lagged).reshape(len(level), -1)
                e = level - lam * lagged - x @ solved
                for which, contrast in enumerate(contrasts):
                    side = np.concatenate([np.zeros(model.r), contrast])
                    along = x @ scipy.linalg.cho_solve((factor.root, True), side, check_finite=False)
                    sums[which, place] = (along[:, None] * e).reshape(-1, units, len(own)).sum(axis=0)
        series = inverse @ heights
        first, second = chebyshev.chebder(series), chebyshev.chebder(series, 2)
        ends = [chebyshev.chebval(np.full(len(own), end), first, tensor=False) for end in (-1.0, 1.0)]
        moved = np.where(ends[1] > 0, 1, np.where(ends[0] < 0, -1, 0)).astype(np.int64)
        # Newton's steps while they stay where the slope changes its sign, else halves
        at = np.zeros(len(own))
        left, right = -np.ones(len(own)), np.ones(len(own))
        for _ in range(NEWTON):
            slope = chebyshev.chebval(at, first, tensor=False)
            bend = chebyshev.chebval(at, second, tensor=False)
            left, right = np.where(slope > 0, at, left), np.where(slope > 0, right, at)
            step = np.where(bend < 0, at - slope / np.where(bend < 0, bend, -1.0), np.inf)
            new = np.where((step > left) & (step < right), step, (left + right) / 2)
            change, at = np.abs(new - at).max(), new
            if change < 1e-12:
                break
        basis = chebyshev.chebvander(at, NODES - 1) @ inverse
        sigma2 = np.einsum("mp,pm->m", basis, ssr) / model.degrees
        inside, lost = moved == 0, near_end((low + high) / 2 + (high - low) / 2 * at, model.weights)
        for which in range(len(contrasts)):
            estimate = np.einsum("mp,pm->m", basis, coefficients[:, which])
            if self.by_unit:
                variance = of_sums(np.einsum("mp,pnm->nm", basis, sums[which]), model.effects, self.clusters)
            else:
                variance = sigma2 * (basis @ spreads[:, which])
            error = np.sqrt(np.maximum(variance, 0.0))
            out[which][:, own[inside]] = np.where(lost, np.nan, np.stack([estimate, error]))[:, inside]
        return moved

    def _sides(self, outcomes: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return what 1, -λ and λ² combine to x′S′Sy and y′S′Sy, shapes (3, p, M) and (3, M)."""
        model, wy = self.model, self._lag(outcomes)
        a, b = (columns.reshape(len(outcomes), -1) for columns in (model.x, model.lagged))
        sides = np.stack([a.T @ outcomes, a.T @ wy + b.T @ outcomes, b.T @ wy])
        pairs = ((outcomes, outcomes, 1.0), (outcomes, wy, 2.0), (wy, wy, 1.0))
        return sides, np.stack([many * np.einsum("im,im->m", one, other) for one, other, many in pairs])

    def _lag(self, outcomes: FloatArray) -> FloatArray:
        cube = outcomes.reshape(*self.model.effects.present.shape, -1)
        return self.model.weights.lag(cube).reshape(outcomes.shape)

    def _solved(self, factor: _Factor, sides: FloatArray, squares: FloatArray) -> tuple[FloatArray, FloatArray]:
        powers = np.array([1.0, -factor.lam, factor.lam**2])
        right = np.tensordot(powers, sides, axes=1)
        solved = scipy.linalg.cho_solve((factor.root, True), right, check_finite=False)
        return solved, powers @ squares - np.einsum("pm,pm->m", right, solved)

    def _height(self, lam: float, sides: FloatArray, squares: FloatArray) -> FloatArray:
        factor = self._factor(float(lam))
        ssr = self._solved(factor, sides, squares)[1]
        return np.asarray(factor.constant - self.model.degrees / 2 * np.log(np.maximum(ssr, 1e-300)))

    def _factor(self, lam: float) -> _Factor:
        if lam not in self._factors:
            self._factors[lam] = _Factor(lam, *self.model.factored(lam))
        return self._factors[lam]


@dataclass(frozen=True, eq=False)
class _Factor:
    """What outcomes share at a λ: the Cholesky factor of x′S′Sx, the inverse's block of Z, and the log-determinants."""

    lam: float
    root: FloatArray
    inverse: FloatArray
    constant: float
