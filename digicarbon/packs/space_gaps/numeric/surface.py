"""Functions of one ρ or several, at a place or from polynomials where many places are near one another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product

import numpy as np
import scipy
from numpy.polynomial import chebyshev

from digicarbon.arrays import BoolArray, FloatArray, IntArray
from digicarbon.numeric.slices import slices
from digicarbon.packs.space_gaps.numeric.clustered import direction
from digicarbon.packs.space_gaps.numeric.effects import Effects
from digicarbon.packs.space_gaps.numeric.lag import table_of
from digicarbon.packs.space_gaps.numeric.mean_effects import multipliers
from digicarbon.packs.space_gaps.numeric.traces import products_of, slopes_of
from digicarbon.packs.space_gaps.numeric.weights import STABLE, PeriodWeights

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
SMALL = 1e-11
"""Largest element of a polynomial's coefficient, relative to that of the largest, that counts for nothing."""
FEW = 8
"""Places that are handled at a time where each has inverse filters of its own."""


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
    """What estimates and standard errors need of G at places of ρ, each with the places in its first axis."""

    own_trace: FloatArray
    own_bent: FloatArray
    """`own_trace`, `own_bent`: tr G_r and tr G_rG_s, shapes (M, R) and (M, R, R)."""
    trace: FloatArray
    bent: FloatArray
    square: FloatArray
    norm: FloatArray
    """`trace`, `bent`, `square`, `norm`: as `digicarbon.packs.space_gaps.numeric.traces.Products`."""
    levels: FloatArray
    """What β and each θ count in the mean direct, indirect and total effect, shape (M, 3, R + 1)."""
    slopes: FloatArray
    """Their derivatives in each ρ, shape (M, 3, R + 1, R)."""

    @classmethod
    def of(cls, numbers: FloatArray, several: int) -> Values:
        """Return the values of which each row of numbers, shape (M, …), is made."""
        r = several
        shapes = [(r,), (r, r), (r,), (r, r), (r, r), (r, r), (3, r + 1), (3, r + 1, r)]
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
        parts = np.split(numbers, ends[:-1], axis=1)
        return cls(*(part.reshape(len(numbers), *shape) for part, shape in zip(parts, shapes, strict=True)))


class Filters:
    """Inverse filters as sums of K matrices, each times a function of ρ.

    ``nodes``: values of ρ at which the filters are inverted, shape (K, R). ``coefficients``: makes coefficients of
    polynomials of inverses at the nodes; None where each place is a node. Polynomials that count for nothing are left
    out; shape (K, K). ``zero``: as in `digicarbon.packs.space_gaps.numeric.clustered.diagonal_and_pairs`, shape (T, N).
    """

    def __init__(
        self, weights: PeriodWeights, nodes: FloatArray, coefficients: FloatArray | None, zero: FloatArray | None
    ) -> None:
        self.weights, self.zero = weights, zero
        n = weights.blocks.shape[2]
        self.first, self.second = np.triu_indices(n, 1)
        # shape (P, N, K, N)
        every = np.stack([np.linalg.inv(weights.filter(node)) for node in nodes], axis=2)
        self._counting = np.ones(len(nodes), dtype=bool)
        if coefficients is not None:
            every = coefficients @ every
            sizes = np.abs(every).max(axis=(0, 1, 3))
            self._counting = sizes > SMALL * sizes.max()
        self._inverses = np.ascontiguousarray(every[:, :, self._counting])
        rows = weights.which[:, None] if zero is None else np.column_stack([weights.which, weights.present])
        _, self._some, kinds = np.unique(rows, axis=0, return_index=True, return_inverse=True)
        self._kinds = kinds.ravel()

    @property
    def size(self) -> int:
        """How many numbers are kept."""
        r, n = self.weights.several, self.weights.blocks.shape[2]
        return int(self._inverses.size + r * self._inverses.shape[2] * len(self._some) * n * (n + 1) // 2)

    def unfiltered(self, basis: FloatArray, e: FloatArray) -> FloatArray:
        """Return S⁻¹e of outcomes, shape (T, N, m), the functions at the ρ of each being of shape (m, K)."""
        n, k = self._inverses.shape[1:3]
        out, counts = np.empty_like(e), np.ascontiguousarray(basis[:, self._counting].T)
        for period, block in enumerate(self.weights.which):
            parts = self._inverses[block].reshape(n * k, n) @ e[period]
            out[period] = np.einsum("ikm,km->im", parts.reshape(n, k, -1), counts)
        return out

    def diagonal_and_pairs(self, basis: FloatArray, turned: FloatArray, e: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the diagonal of H = Σ v_r G_r, shape (T, N, m), and Σ_t (h_t,ij + h_t,ji) e_it e_jt, shape (pairs, m).

        As `digicarbon.packs.space_gaps.numeric.clustered.diagonal_and_pairs`, of units i < j.

        ``basis``: shape (m, K). ``turned``: v of each outcome, shape (m, R). ``e``: shape (T, N, m).
        """
        counts = (turned[:, :, None] * basis[:, None, self._counting]).reshape(len(basis), -1).T
        many = len(self.first)
        diagonal, pairs = np.empty_like(e), np.zeros((many, e.shape[2]))
        for kind, own in enumerate(self._own):
            h = own @ counts
            periods = np.flatnonzero(self._kinds == kind)
            diagonal[periods] = h[many:]
            products = e[periods[0]][self.first] * e[periods[0]][self.second]
            for period in periods[1:]:
                products += e[period][self.first] * e[period][self.second]
            products *= h[:many]
            pairs += products
        return diagonal, pairs

    @cached_property
    def _own(self) -> FloatArray:
        """G_r + G_r′ of pairs, then the diagonal of G_r, of the K matrices, for each kind of period.

        The shape is (kinds, pairs + N, R·K).
        """
        w, (n, k), many = self.weights, self._inverses.shape[1:3], len(self.first)
        out = np.empty((len(self._some), many + n, w.several, k))
        for kind, period in enumerate(self._some):
            block = int(w.which[period])
            inverse = self._inverses[block].reshape(n, k * n)
            for place in range(w.several):
                g = (w.blocks[place, block] @ inverse).reshape(n, k, n)
                pairs = g[self.first, :, self.second] + g[self.second, :, self.first]
                own = np.diagonal(g, axis1=0, axis2=2).T
                if self.zero is not None:
                    z = self.zero[period]
                    columns = g @ z
                    margins = np.tensordot(g, z, axes=(0, 0)).T + columns - np.outer(z, z @ columns)
                    pairs -= z[self.first, None] * margins[self.second] + z[self.second, None] * margins[self.first]
                    own = own - z[:, None] * margins
                out[kind, :many, place], out[kind, many:, place] = pairs, own
        return out.reshape(len(out), many + n, -1)


@dataclass(eq=False)
class _Cell:
    """A part of the range of ρ, in which polynomials through the nodes have the numbers."""

    nodes: FloatArray
    """ρ at the nodes, shape (K, R)."""
    numbers: FloatArray
    """Shape (K, …)."""
    asked: int = 0
    """Places at which inverse filters were asked for while there were none at the nodes."""


class Surface:
    """Functions of several ρ, computed at a place, or read from polynomials where many places are near one another."""

    def __init__(self, weights: PeriodWeights, effects: Effects, adjusted: bool) -> None:
        self.weights, self.effects = weights, effects
        self._inner = effects if adjusted else None
        # no spatial parameter changes the direction of effects of periods where the outcome is lagged
        self._zero = direction(np.empty(0), weights, effects, False)
        # a sum of scaled parameters below one is stable
        self.scale = np.maximum(np.abs(weights.blocks).sum(axis=3).max(axis=(1, 2)), 1e-300)
        if weights.several == 1:
            self.scale = np.array([1 / weights.bounds[1]])
        self._cells: dict[tuple[int, ...], _Cell | None] = {}
        self._asked: dict[tuple[int, ...], int] = {}
        self._starts: dict[int, FloatArray] = {}
        self._kept: dict[tuple[int, ...], Filters] = {}

    def sure(self, rho: FloatArray) -> BoolArray:
        """Return whether places, shape (M, R), are inside the stable region, being so near zero or in a cell."""
        scaled = rho * self.scale
        sure = np.asarray(np.abs(scaled).sum(axis=1) < STABLE)
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

    def filters(self, rho: FloatArray) -> Iterator[tuple[IntArray, Filters, FloatArray]]:
        """Yield some of the places, their inverse filters, and the functions of these at the places, shape (m, K)."""
        for key, own in self._groups(rho):
            known = self._filters(key, len(own))
            if known is not None:
                for place in slices(len(own), PAIRS // self.weights.blocks.shape[2] ** 2):
                    some = own[place]
                    yield some, known, _polynomials(self._at(key, rho[some]), _nodes(len(self.scale)).powers)
                continue
            for place in slices(len(own), FEW):
                some = own[place]
                yield some, Filters(self.weights, rho[some], None, self._zero), np.eye(len(some))

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
        if len(self.scale) > 1:
            inside = all(self.weights.stable(place) for place in outer)
        else:
            # a corner at an end of the range is a pole
            left, right = self.weights.bounds
            margin = 1e-9 * (right - left)
            inside = bool(outer.min() > left + margin and outer.max() < right - margin)
        if not inside:
            return None
        inner = self._places(key, nodes.places)
        numbers, beside = (np.stack([self._numbers(place) for place in places]) for places in (inner, outer))
        error = np.abs(nodes.basis(corners) @ numbers - beside).max(axis=0)
        if (error > EXACT * np.maximum(np.abs(beside).max(axis=0), 1.0)).any():
            return None
        return _Cell(inner, numbers)

    def _filters(self, key: tuple[int, ...], asked: int) -> Filters | None:
        """Return the inverse filters at a cell's nodes; None where there is no cell, or they are not worth while."""
        cell = self._cells.get(key)
        if cell is None:
            return None
        known = self._kept.pop(key, None)
        if known is None:
            cell.asked += asked
            if cell.asked < len(cell.nodes):
                return None
            cell.asked = 0
            known = Filters(self.weights, cell.nodes, _nodes(len(self.scale)).inverse, self._zero)
            # those that were not used for longest make room
            while self._kept and known.size + sum(one.size for one in self._kept.values()) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]
        self._kept[key] = known
        return known

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
