"""Functions of one ρ or several, at a place or from polynomials where many places are near one another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
import scipy
from numpy.polynomial import chebyshev

from digicarbon.arrays import BoolArray, FloatArray, IntArray
from digicarbon.numeric.spatial.by_period.effects import Effects
from digicarbon.numeric.spatial.by_period.lag import table_of
from digicarbon.numeric.spatial.by_period.mean_effects import multipliers
from digicarbon.numeric.spatial.by_period.traces import products_of, slopes_of
from digicarbon.numeric.spatial.by_period.weights import PeriodWeights

DEGREE = {1: 11, 2: 9, 3: 9}
"""Total degree of the polynomials in ρ on a cell of its range, by the number of W; four would need 715 nodes."""
WIDTH = 0.125
"""Width of a cell in the direction in which the sum of the scaled ρ stays; in that of the sum it goes with the distance
to one, where the filter may be singular.
"""
EXACT = 1e-9
"""Largest error of a polynomial at the corners of its cell, relative to the number where that is above one."""
MOST_HALVED = 3
"""How often a cell is halved in each direction where its polynomials are not exact."""
WIDE = 1e-3
"""Distance of the sum of the scaled ρ to one from which on a cell is so wide that it reaches beyond no singular filter.
"""
MOST_KEPT = 1 << 25
"""Numbers of inverse filters that are kept, 256 megabytes."""
PAIRS = 1 << 18
"""Pairs of units and draws that are handled at a time, so that those of a period stay in a processor's cache."""


@dataclass(frozen=True, eq=False)
class _Nodes:
    """Places in the cube from -1 to 1 that determine a polynomial of a total degree, shape (K, R).

    ``inverse`` turns values at them into coefficients, shape (K, K); ``powers`` are the degrees of each coefficient.
    """

    places: FloatArray
    powers: IntArray
    inverse: FloatArray

    def basis(self, at: FloatArray) -> FloatArray:
        """Return what each node counts at places in the cube, shape (M, K)."""
        return np.asarray(_polynomials(at, self.powers) @ self.inverse)


@cache
def _nodes(several: int) -> _Nodes:
    """Return nodes for a number of parameters: those of a grid whose polynomials are furthest from dependent."""
    most = DEGREE[several]
    powers = np.array([one for one in product(range(most + 1), repeat=several) if sum(one) <= most])
    steps = np.cos(np.pi * (np.arange(most + 2) + 0.5) / (most + 2))
    grid = np.array(list(product(steps, repeat=several)))
    order = scipy.linalg.qr(_polynomials(grid, powers).T, mode="r", pivoting=True)[1]
    places = grid[order[: len(powers)]]
    return _Nodes(places, powers, np.asarray(np.linalg.inv(_polynomials(places, powers)), dtype=np.float64))


def _polynomials(at: FloatArray, powers: IntArray) -> FloatArray:
    """Return products of Chebyshev polynomials of the given degrees at places, shape (M, K)."""
    each = [chebyshev.chebvander(column, int(powers.max())) for column in at.T]
    out = np.ones((len(at), len(powers)))
    for column, degrees in zip(each, powers.T, strict=True):
        out *= column[:, degrees]
    return out


@dataclass(frozen=True, eq=False)
class Values:
    """What estimates and standard errors need of G at places of ρ, each with the places in its first axis.

    Attributes
    ----------
    own_trace, own_bent : ndarray, shapes (M, R) and (M, R, R)
        tr G_r and tr G_rG_s.
    trace, bent, square, norm : ndarray
        As `digicarbon.numeric.spatial.by_period.traces.Products`.
    levels : ndarray, shape (M, 3, R + 1)
        What β and each θ count in the mean direct, indirect and total effect.
    slopes : ndarray, shape (M, 3, R + 1, R)
        Their derivatives in each ρ.
    """

    own_trace: FloatArray
    own_bent: FloatArray
    trace: FloatArray
    bent: FloatArray
    square: FloatArray
    norm: FloatArray
    levels: FloatArray
    slopes: FloatArray

    @classmethod
    def of(cls, numbers: FloatArray, several: int) -> Values:
        """Return the values of which each row of numbers, shape (M, …), is made."""
        r = several
        shapes = [(r,), (r, r), (r,), (r, r), (r, r), (r, r), (3, r + 1), (3, r + 1, r)]
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
        parts = np.split(numbers, ends[:-1], axis=1)
        return cls(*(part.reshape(len(numbers), *shape) for part, shape in zip(parts, shapes, strict=True)))


@dataclass(eq=False)
class _Cell:
    """A part of the range of ρ, in which polynomials through the nodes have the numbers, and the inverse filters.

    Attributes
    ----------
    nodes : ndarray, shape (K, R)
        ρ at the nodes.
    numbers : ndarray, shape (K, …)
    inverses : ndarray, shape (P, N, K, N), or None
        Of the filters at the nodes; made where they are asked for often.
    asked : int
        Places at which they were asked for before.
    """

    nodes: FloatArray
    numbers: FloatArray
    inverses: FloatArray | None = None
    asked: int = 0


class Surface:
    """Functions of several ρ, computed at a place, or read from polynomials where many places are near one another.

    Parameters
    ----------
    weights : PeriodWeights
    effects : Effects
    adjusted : bool
    """

    def __init__(self, weights: PeriodWeights, effects: Effects, adjusted: bool) -> None:
        self.weights, self.effects = weights, effects
        self._inner = effects if adjusted else None
        # a sum of scaled parameters below one is stable
        self.scale = np.maximum(np.abs(weights.blocks).sum(axis=3).max(axis=(1, 2)), 1e-300)
        if weights.several == 1:
            self.scale = np.array([1 / weights.bounds[1]])
        self._cells: dict[tuple[int, ...], _Cell | None] = {}
        self._asked: dict[tuple[int, ...], int] = {}
        self._starts: dict[int, FloatArray] = {}
        self._kept = 0

    def sure(self, rho: FloatArray) -> BoolArray:
        """Return whether places, shape (M, R), are inside the stable region, being so near zero or in a cell."""
        scaled = rho * self.scale
        sure = np.asarray(np.abs(scaled).sum(axis=1) < 1 - 1e-5)
        for place in np.flatnonzero(~sure & (scaled.sum(axis=1) < 1 - WIDE)):
            key = tuple(int(one) for one in self._keys(rho[place : place + 1])[0])
            sure[place] = self._cells.get(key) is not None
        return sure

    def starts(self, which: IntArray) -> FloatArray:
        """Return the numbers at places of `table_of`, by their number, shape (M, …)."""
        places = table_of(self.weights)[0]
        for one in np.unique(which):
            if int(one) not in self._starts:
                self._starts[int(one)] = self._numbers(places[one])
        return np.stack([self._starts[int(one)] for one in which])

    def numbers(self, rho: FloatArray) -> FloatArray:
        """Return the numbers of which `Values` are made at places of ρ, shape (M, …)."""
        out: FloatArray | None = None
        for key, own in self._groups(rho):
            cell = self._cells.get(key)
            if cell is None:
                part = np.stack([self._numbers(rho[place]) for place in own])
            else:
                part = self._basis(key, rho[own]) @ cell.numbers
            out = np.empty((len(rho), part.shape[1])) if out is None else out
            out[own] = part
        return np.empty((0, 0)) if out is None else out

    def inverses(self, rho: FloatArray) -> Iterator[tuple[IntArray, FloatArray]]:
        """Yield some of the places and the inverse filters there, shape (P, N, m, N)."""
        p, n = self.weights.blocks.shape[1:3]
        step = max(1, PAIRS // (n * n))
        for key, own in self._groups(rho):
            known = self._inverses(self._cells.get(key), len(own))
            for start in range(0, len(own), step):
                some = own[start : start + step]
                if known is None:
                    made = self._inverted(rho[some])
                else:
                    made = self._basis(key, rho[some]) @ known.reshape(p * n, -1, n)
                yield some, np.asarray(made).reshape(p, n, len(some), n)

    def unfiltered(self, rho: FloatArray, e: FloatArray) -> FloatArray:
        """Return S⁻¹e of outcomes, shape (T, N, M), each at its own place of ρ."""
        out, which = np.zeros_like(e), self.weights.which
        for key, own in self._groups(rho):
            known = self._inverses(self._cells.get(key), len(own))
            if known is None:
                for place in own:
                    out[:, :, place] = (self.weights.inverse(rho[place])[which] @ e[:, :, place, None])[..., 0]
                continue
            part, basis = np.zeros((*e.shape[:2], len(own))), self._basis(key, rho[own])
            for node, count in enumerate(basis.T):
                part += known[:, :, node][which] @ (e[:, :, own] * count)
            out[:, :, own] = part
        return out

    def _groups(self, rho: FloatArray) -> Iterator[tuple[tuple[int, ...], IntArray]]:
        """Yield cells and the places in them."""
        yield from self._sorted(self._keys(rho), np.arange(len(rho)), (), rho)

    def _sorted(
        self, keys: IntArray, places: IntArray, cell: tuple[int, ...], rho: FloatArray
    ) -> Iterator[tuple[tuple[int, ...], IntArray]]:
        """Yield parts of a cell, or whole ones, with the places of each; an inexact one is halved in each direction."""
        if not len(places):
            return
        each, back = np.unique(keys, axis=0, return_inverse=True)
        order = np.argsort(back.ravel(), kind="stable")
        ends = np.cumsum(np.bincount(back.ravel(), minlength=len(each)))
        for part, some in zip(each, np.split(order, ends[:-1]), strict=True):
            key, own = (*cell, *(int(one) for one in part)), places[some]
            self._ask(key, len(own))
            halved = key in self._cells and self._cells[key] is None
            if halved and len(key) <= MOST_HALVED * len(self.scale) + 1:
                yield from self._sorted((self._at(key, rho[own]) >= 0).astype(np.int64), own, key, rho)
            else:
                yield key, own

    def _keys(self, rho: FloatArray) -> IntArray:
        """Return the cell of each place: its halving of the distance to one, the quarter of it, and further steps."""
        scaled = rho * self.scale
        total = scaled.sum(axis=1)
        distance = np.maximum(1 - total, 1e-12)
        halving = np.floor(-np.log2(distance)).astype(np.int64)
        quarter = np.floor((2.0**-halving - distance) / 2.0 ** -(halving + 3)).astype(np.int64)
        rest = np.floor(scaled[:, 1:] / WIDTH).astype(np.int64)
        return np.column_stack([halving, quarter, rest])

    def _unit(self, key: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
        """Return the middle and half of the width of a cell: of the sum of scaled parameters, then of further ones."""
        several = len(self.scale)
        halving, quarter, rest = key[0], key[1], np.array(key[2 : several + 1])
        width = 2.0 ** -(halving + 3)
        low = 1 - 2.0**-halving + quarter * width
        middle = np.append(low + width / 2, (rest + 0.5) * WIDTH)
        half = np.append(width / 2, np.full(len(rest), WIDTH / 2))
        for start in range(several + 1, len(key), several):
            half = half / 2
            middle = middle + half * (2 * np.array(key[start : start + several]) - 1)
        return middle, half

    def _at(self, key: tuple[int, ...], rho: FloatArray) -> FloatArray:
        """Return where in a cell ρ is, in the cube from -1 to 1."""
        middle, half = self._unit(key)
        scaled = rho * self.scale
        scaled[:, 0] = scaled.sum(axis=1)
        return np.asarray((scaled - middle) / half)

    def _basis(self, key: tuple[int, ...], rho: FloatArray) -> FloatArray:
        return _nodes(len(self.scale)).basis(self._at(key, rho))

    def _places(self, key: tuple[int, ...], at: FloatArray) -> FloatArray:
        """Return ρ at places in the cube from -1 to 1."""
        middle, half = self._unit(key)
        scaled = middle + half * at
        scaled[:, 0] -= scaled[:, 1:].sum(axis=1)
        return np.asarray(scaled / self.scale)

    def _ask(self, key: tuple[int, ...], places: int) -> None:
        """Make a cell that has been asked for as often as it has nodes."""
        if key in self._cells or len(self.scale) not in DEGREE:
            return
        self._asked[key] = self._asked.get(key, 0) + places
        if self._asked[key] >= len(_nodes(len(self.scale)).places):
            self._cells[key] = self._made(key)

    def _made(self, key: tuple[int, ...]) -> _Cell | None:
        """Return a cell; None where polynomials are not exact at its corners."""
        nodes = _nodes(len(self.scale))
        corners = np.array(list(product((-1.0, 1.0), repeat=len(self.scale))))
        outer = self._places(key, corners)
        if len(self.scale) > 1 and not all(self.weights.stable(place) for place in outer):
            return None
        inner = self._places(key, nodes.places)
        numbers, beside = (np.stack([self._numbers(place) for place in places]) for places in (inner, outer))
        error = np.abs(nodes.basis(corners) @ numbers - beside).max(axis=0)
        if (error > EXACT * np.maximum(np.abs(beside).max(axis=0), 1.0)).any():
            return None
        return _Cell(inner, numbers)

    def _inverses(self, cell: _Cell | None, asked: int) -> FloatArray | None:
        """Return the inverse filters at a cell's nodes; None where they are not worth while or have no room."""
        if cell is None or cell.inverses is not None:
            return None if cell is None else cell.inverses
        cell.asked += asked
        size = len(cell.nodes) * self.weights.blocks[0].size
        if cell.asked < len(cell.nodes) or self._kept + size > MOST_KEPT:
            return None
        self._kept += size
        cell.inverses = self._inverted(cell.nodes)
        return cell.inverses

    def _inverted(self, rho: FloatArray) -> FloatArray:
        """Return the inverse filters at places, shape (P, N, m, N)."""
        return np.stack([np.linalg.inv(self.weights.filter(place)) for place in rho], axis=2)

    def _numbers(self, rho: FloatArray) -> FloatArray:
        """Return the numbers of which `Values` are made at one ρ."""
        g = self.weights.g(rho)
        trace, bent = slopes_of(g, None)
        of = products_of(g, self._inner)
        effects, n = multipliers(self.weights, rho), self.effects.size
        direct, total = effects.direct.sum(axis=0) / n, effects.total.sum(axis=0) / n
        d_direct, d_total = (part.sum(axis=0) / n for part in effects.slopes)
        levels = np.stack([direct, total - direct, total])
        slopes = np.stack([d_direct, d_total - d_direct, d_total])
        parts = (trace, bent, of.trace, of.bent, of.square, of.norm, levels, slopes)
        return np.concatenate([part.ravel() for part in parts])
