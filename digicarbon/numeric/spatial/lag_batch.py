"""Fits of a model with one spatial lag or several, by period, to many outcomes at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
import scipy
from numpy.polynomial import chebyshev

from digicarbon.arrays import BoolArray, FloatArray, IntArray
from digicarbon.numeric.spatial.period_robust import direction, factor, left_of_one, of_sums, own_share
from digicarbon.numeric.spatial.periods import (
    CLOSE,
    FLAT,
    LARGE,
    MOST_FLAT,
    NEAR,
    NEWTON,
    ROUGH,
    SQUARED,
    Effects,
    PeriodWeights,
    Traces,
    multipliers,
    products_of,
    slopes_of,
    solve_lag,
    table_of,
)

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

Asked = tuple[int, tuple[int | None, ...], str]
"""The place of a focal column in Z, of its spatial lag by each W if it has one, and which number is asked for."""


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
        As `digicarbon.numeric.spatial.periods.Products`.
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


class LagBatch:
    """A SAR or SDM whose units or weights differ between periods, of one W or several.

    Parameters
    ----------
    z : ndarray, shape (T, N, k)
        Regressors, effects removed.
    surface : Surface
        Of the weights and effects.
    adjusted : bool
    by_unit : bool
        Whether standard errors are those of `digicarbon.numeric.spatial.period_robust.clustered`.
    traces : Traces or None
        Of one W, whose `smooth` is true.
    """

    def __init__(
        self, z: FloatArray, surface: Surface, adjusted: bool, by_unit: bool = False, traces: Traces | None = None
    ) -> None:
        self.traces = traces
        self.surface, self.weights, self.effects = surface, surface.weights, surface.effects
        self.adjusted, self.by_unit = adjusted, by_unit
        self.degrees = self.effects.degrees if adjusted else self.effects.size
        self.q, self.r = np.linalg.qr(z.reshape(-1, z.shape[2]))
        self.root = scipy.linalg.solve_triangular(self.r, np.eye(len(self.r)))
        # no spatial parameter changes the direction of effects of periods where the outcome is lagged
        self._zero = direction(np.empty(0), self.weights, self.effects, False)

    def several(self, prepared: FloatArray, asked: Sequence[Asked]) -> list[tuple[FloatArray, FloatArray]]:
        """Return estimates and standard errors of each outcome, pairs of arrays of shape (M,).

        Parameters
        ----------
        prepared : ndarray, shape (1 + R, T·N, M)
            Outcomes and their lags, effects removed.
        asked : sequence of Asked

        Returns
        -------
        list of pairs of ndarrays, shape (M,)
            Not-a-number where a single fit has no estimate.
        """
        of_all = np.stack([self.q.T @ one for one in prepared])
        left = np.stack([one - self.q @ own for one, own in zip(prepared, of_all, strict=True)])
        gram = np.einsum("aim,bim->mab", left, left)
        rho, found = self._solve(gram)
        out = np.full((len(asked), 2, len(rho)), np.nan)
        places = np.flatnonzero(found)
        if not len(places):
            return [(both[0], both[1]) for both in out]
        sides = np.concatenate([np.ones((len(places), 1)), -rho[places]], axis=1)
        e = np.einsum("aim,ma->im", left[:, :, places], sides)
        beta = self.root @ np.einsum("akm,ma->km", of_all[:, :, places], sides)
        lagged = prepared[1:, :, places]
        numbers = self.surface.numbers(rho[places])
        if not self.by_unit:
            values = Values.of(numbers, self.weights.several)
            moved = self.surface.unfiltered(rho[places], e.reshape(*self.effects.present.shape, -1))
            out[:, :, places] = self._errors(rho[places], beta, e, lagged, values, moved, None, asked)
            return [(both[0], both[1]) for both in out]
        for some, inverses in self.surface.inverses(rho[places]):
            values = Values.of(numbers[some], self.weights.several)
            cube = e[:, some].reshape(*self.effects.present.shape, -1)
            moved = np.einsum("timj,tjm->tim", inverses[self.weights.which], cube)
            out[:, :, places[some]] = self._errors(
                rho[places[some]], beta[:, some], e[:, some], lagged[:, :, some], values, moved, inverses, asked
            )
        return [(both[0], both[1]) for both in out]

    def _solve(self, gram: FloatArray) -> tuple[FloatArray, BoolArray]:
        """Return ρ of outcomes, shape (M, R), and whether there is one inside its range, shape (M,).

        Parameters
        ----------
        gram : ndarray, shape (M, R + 1, R + 1)
            Products of outcome and lags, effects and regressors removed.
        """
        if self.traces is None:
            return self._solve_several(gram)
        rho, end = solve_lag((gram[:, 0, 0], gram[:, 0, 1], gram[:, 1, 1]), self.traces, self.degrees)
        return rho[:, None], ~end

    def _solve_several(self, gram: FloatArray) -> tuple[FloatArray, BoolArray]:
        size = self.effects.size
        places, jacobian = table_of(self.weights)
        sides = np.concatenate([np.ones((len(places), 1)), -places], axis=1)
        pairs = (sides[:, :, None] * sides[:, None, :]).reshape(len(places), -1)
        ssr = gram.reshape(len(gram), -1) @ pairs.T
        heights = jacobian - size / 2 * np.log(np.maximum(ssr, 1e-300))
        found = np.ptp(heights, axis=1) > min(FLAT * size, MOST_FLAT)
        best = heights.argmax(axis=1)
        rho = places[best].copy()
        first = self.surface.starts(best)
        found &= self._newton(rho, gram, found, False, size, NEAR if self.adjusted else SQUARED, first)
        if self.adjusted:
            found &= self._newton(rho, gram, found, True, self.degrees, SQUARED)
        doubtful = np.flatnonzero(found & ~self.surface.sure(rho))
        found[doubtful] = [self.weights.largest(rho[place]) <= 1 - 1e-5 for place in doubtful]
        return rho, found

    def _newton(
        self,
        rho: FloatArray,
        gram: FloatArray,
        of: BoolArray,
        adjusted: bool,
        degrees: int,
        close: float,
        first: FloatArray | None = None,
    ) -> BoolArray:
        """Move ρ of some outcomes to the zero of their scores, in place; return where the steps end.

        As a single fit's steps, see `digicarbon.numeric.spatial.periods`.
        """
        ended = np.zeros(len(rho), dtype=bool)
        active = np.flatnonzero(of)
        last = np.full(len(rho), np.inf)
        for turn in range(NEWTON):
            numbers = first[active] if first is not None and turn == 0 else self.surface.numbers(rho[active])
            values = Values.of(numbers, rho.shape[1])
            trace, bent = (values.trace, values.bent) if adjusted else (values.own_trace, values.own_bent)
            sides = np.concatenate([np.ones((len(active), 1)), -rho[active]], axis=1)
            own = gram[active]
            along = (own @ sides[:, :, None])[..., 0]
            ssr, cross, inner = (sides * along).sum(axis=1), along[:, 1:], own[:, 1:, 1:]
            scores = degrees * cross / ssr[:, None] - trace
            outer = cross[:, :, None] * cross[:, None, :]
            bend = degrees * (2 * outer / ssr[:, None, None] - inner) / ssr[:, None, None] - bent
            rising = np.linalg.eigvalsh((bend + np.swapaxes(bend, 1, 2)) / 2).max(axis=1) >= 0
            bend[rising] = -degrees * inner[rising] / ssr[rising, None, None]
            steps = -np.linalg.solve(bend, scores[:, :, None])[..., 0]
            stays = self._shortened(rho[active], steps)
            rho[active[~stays]] += steps[~stays]
            last[active] = np.abs(steps).max(axis=1)
            done = stays | (last[active] < close)
            ended[active[done]] = True
            active = active[~done]
            if not len(active):
                break
        # where y has hardly any errors, rounding leaves more than the smallest step
        ended[active] = last[active] < ROUGH
        return ended

    def _shortened(self, rho: FloatArray, steps: FloatArray) -> BoolArray:
        """Halve steps that leave the stable region, in place; return where nothing is left of them."""
        stays = np.zeros(len(rho), dtype=bool)
        for place in np.flatnonzero(~self.surface.sure(rho + steps)):
            while not self.weights.stable(rho[place] + steps[place]):
                steps[place] /= 2
                if np.abs(steps[place]).max() < CLOSE:
                    stays[place] = True
                    break
        return stays

    def _errors(
        self,
        rho: FloatArray,
        beta: FloatArray,
        e: FloatArray,
        lagged: FloatArray,
        values: Values,
        moved: FloatArray,
        inverses: FloatArray | None,
        asked: Sequence[Asked],
    ) -> FloatArray:
        """Return estimates and standard errors, shape (len(asked), 2, m)."""
        w, m = self.weights, e.shape[1]
        noise = [self.effects.remove(w.lag(moved, place)).reshape(e.shape) for place in range(w.several)]
        q = lagged - np.stack(noise)
        of_q = np.stack([self.q.T @ one for one in q])
        sigma2 = (e * e).sum(axis=0) / self.degrees
        rest = np.einsum("rim,sim->mrs", q, q) - np.einsum("rkm,skm->mrs", of_q, of_q)
        rest = rest / sigma2[:, None, None] + values.norm
        # the adjusted scores of β, ρ and σ²: with d = (Z′Z)⁻¹Z′q, those of β and σ² are partialled out of that of ρ
        rest -= 2 * values.trace[:, :, None] * values.trace[:, None, :] / self.degrees
        slope, spread = rest + values.bent, rest + values.square
        # scores of ρ, less those of β and σ²
        own = np.stack([one - self.q @ along for one, along in zip(q, of_q, strict=True)])
        d = np.stack([self.root @ one for one in of_q])
        out = np.empty((len(asked), 2, m))
        for which, (focal, lags, quantity) in enumerate(asked):
            level, change = self._multiplied(values, quantity)
            columns = [(place, column) for place, column in enumerate((focal, *lags)) if column is not None]
            estimate, weights, along, bend = np.zeros(m), np.zeros((m, len(beta))), np.zeros((m, len(d))), 0.0
            for place, column in columns:
                estimate += level[:, place] * beta[column]
                weights += level[:, place, None] * self.root[column]
                along += level[:, place, None] * d[:, column].T
                bend = bend + change[:, place] * beta[column][:, None]
            # how much the estimate moves with the score of each ρ
            turned = np.linalg.solve(np.swapaxes(slope, 1, 2), (bend - along)[:, :, None])[..., 0]
            if inverses is not None:
                variance = self._clustered(rho, e, sigma2, weights, own, turned, values, inverses)
            else:
                variance = sigma2 * (weights * weights).sum(axis=1)
                variance = variance + np.einsum("mr,mrs,ms->m", turned, spread, turned)
            out[which] = estimate, np.sqrt(np.maximum(variance, 0.0))
        return out

    def _clustered(
        self,
        rho: FloatArray,
        e: FloatArray,
        sigma2: FloatArray,
        weights: FloatArray,
        own: FloatArray,
        turned: FloatArray,
        values: Values,
        inverses: FloatArray,
    ) -> FloatArray:
        """Return the variance of an estimate to which scores of units and of pairs of them add."""
        t, n = self.effects.present.shape
        m = e.shape[1]
        diagonal, pairs = self._pairs(rho, e.reshape(t, n, m), turned, inverses)
        left, share = (one.reshape(-1, 1) for one in (left_of_one(self.effects), own_share(self.effects)))
        squares = e * e
        trace = (turned * values.trace).sum(axis=1)
        cells = e * np.einsum("rim,mr->im", own, turned) - trace / self.degrees * (squares - sigma2 * left)
        cells += diagonal.reshape(t * n, m) * (squares - sigma2 * share)
        cells = cells / sigma2 + (self.q @ weights.T) * e
        sums = cells.reshape(t, n, m).sum(axis=0)
        return of_sums(sums, self.effects) + factor(self.effects) * pairs / sigma2**2

    def _pairs(
        self, rho: FloatArray, e: FloatArray, turned: FloatArray, inverses: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the diagonal of H = Σ v_r G_r, shape (T, N, m), and what pairs of units add, shape (m,).

        As `digicarbon.numeric.spatial.period_robust.diagonal_and_pairs`, one period after the other, with draws in the
        middle so that products with W are single ones.
        """
        n, m = e.shape[1:]
        diagonal, products = np.empty_like(e), np.zeros((n, m, n))
        margins = np.zeros((len(e), m, n))
        at = np.arange(n)
        for period, own in enumerate(e):
            h = self._combined(rho, turned, inverses, int(self.weights.which[period]))
            diagonal[period] = h[at, :, at]
            if self._zero is not None:
                # residuals are zero in this direction, which is taken out of H
                z = self._zero[period]
                columns = (h @ z).T
                margins[period] = np.tensordot(z, h, axes=1) + columns - (columns @ z)[:, None] * z
                diagonal[period] -= z[:, None] * margins[period].T
            h *= own[:, :, None]
            h *= own.T
            products += h
        if self._zero is not None:
            margins *= np.swapaxes(e, 1, 2)
            along = self._zero[:, :, None] * e
            products -= np.swapaxes(along.transpose(2, 1, 0) @ margins.transpose(1, 0, 2), 0, 1)
        ends = products[at, :, at]
        # half of the squares of the products and their transposes, without each unit with itself
        both = np.einsum("imj,imj->m", products, products) + np.einsum("imj,jmi->m", products, products)
        return diagonal, both - 2 * (ends * ends).sum(axis=0)

    def _combined(self, rho: FloatArray, turned: FloatArray, inverses: FloatArray, block: int) -> FloatArray:
        """Return Σ v_r W_r S⁻¹ of one block for each draw, shape (N, m, N), with v of shape (m, R).

        Notes
        -----
        S⁻¹ - I = Σ ρ_r W_r S⁻¹ spares one product where a ρ is not small.
        """
        inverse = inverses[block]
        n, m = inverse.shape[:2]
        spared = int(np.abs(rho).min(axis=0).argmax())
        share = np.zeros(m)
        if np.abs(rho[:, spared]).min() > LARGE:
            share = turned[:, spared] / rho[:, spared]
        else:
            spared = -1
        counts = turned - share[:, None] * rho
        out = inverse * share[:, None]
        out[np.arange(n), :, np.arange(n)] -= share
        for place, blocks in enumerate(self.weights.blocks):
            if place != spared:
                lagged = (blocks[block] @ inverse.reshape(n, m * n)).reshape(n, m, n)
                lagged *= counts[:, place, None]
                out += lagged
        return np.asarray(out)

    def _multiplied(self, values: Values, quantity: str) -> tuple[FloatArray, FloatArray]:
        """Return what β and each θ count in a quantity, and the derivatives of it in each ρ."""
        if quantity == "coefficient":
            level = np.zeros_like(values.levels[:, 0])
            level[:, 0] = 1.0
            return level, np.zeros_like(values.slopes[:, 0])
        place = ("direct", "indirect", "total").index(quantity)
        return values.levels[:, place], values.slopes[:, place]
