"""The sample of spatial models of one W, for many outcomes: functions of G on nodes of ρ, likelihoods, pairs of units.

Nothing here depends on the regressors: models of the same W and sample share a `LagSpace`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.numeric.latest import Latest
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.slices import slices
from digicarbon.numeric.spatial.lag_outcomes import EVERY, At, Block, LagOutcomes, centred
from digicarbon.numeric.spatial.likelihood import (
    Sample,
    coarse_jacobian,
    in_sample,
    is_flat,
    refuse_flat_ranges,
    star_traces_at,
)
from digicarbon.numeric.spatial.operator import DenseOperator, SpatialOperator
from digicarbon.numeric.spatial.sparse import SparseOperator

FEWEST_NODES, MOST_NODES = 12, 512
"""Chebyshev nodes over the draws' range of ρ, for the functions of G in the standard errors."""
DIGITS = 26.0
"""Natural logarithm of the factor by which the nodes reduce the error: eleven digits."""
CLOSE = 1e-6
"""Size of a last Newton step, relative to the interval of the search: each step squares the error."""
CLOSE_AT_FIRST = 1e-4
"""Size of a last first step, relative to the distance of two coarse nodes.

The step is that of a cubic between ρ and one of the nodes. It is about the error of the cubic between both nodes, and
its own error is smaller by the square of it.
"""
STEP = 0.2
"""Ranges of ρ are widened to multiples of this, so that models of the same W share their nodes."""
SOLVED = 256
"""Columns of a sparse G that are made at a time."""
KEPT_CELLS = 1 << 20
"""Most numbers in G at all nodes that are stored; for a larger W each G is computed again."""
SHORT = 24
"""From this number of units on products of units are sums of numbers of seven digits; of fewer units draws may be the
sample itself, whose statistic must be the same."""
LEAST = 1e-9
"""Share of the largest coefficient below which one is not counted in such sums."""
LEAST_PAIR = 1e-9
"""Of more units, pairs are left out whose weight is at most this share of the largest one."""
PAIR_CELLS, FEWEST_PAIRED = 1 << 17, 16
"""Products of two units that are handled at a time, and the fewest draws."""

_Made = TypeVar("_Made")
Slopes = Callable[[FloatArray, tuple[FloatArray, FloatArray]], tuple[FloatArray, FloatArray]]
Asked = tuple[int, int | None, str]
"""Column of a term and of its spatial lag, and an effect of it."""


@dataclass(frozen=True, eq=False)
class Combination:
    """A quantity that is a combination of coefficients whose weights depend on ρ.

    ``columns``: of z. ``weights``: from ρ, shape (M,), to the weights of the columns' coefficients and their
    derivatives, each of shape (m, M).
    """

    columns: tuple[int, ...]
    weights: Callable[[FloatArray], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True, eq=False)
class Nodes:
    """Places on a range of ρ, and functions of G there that do not depend on the regressors."""

    low: float
    high: float
    points: FloatArray
    """Shape (p,)."""
    inverse: FloatArray
    """From values at the points to Chebyshev coefficients. Shape (p, p)."""
    scalars: FloatArray
    """‖G*‖², 1′G1/N and 1′G²1/N. Shape (p, 3)."""
    diagonals: FloatArray
    """Of G among deviations from period means where there are time effects. Shape (p, N)."""
    stars: FloatArray | None
    """JG at the points, J the centring matrix where there are time effects; None where it would need too much memory.
    Shape (p, N, N)."""

    def basis(self, rho: FloatArray) -> FloatArray:
        """Return the Chebyshev polynomials at places within the range, shape (M, p)."""
        half = (self.high - self.low) / 2
        at = (rho - (self.low + self.high) / 2) / half
        out = np.empty((len(self.points), len(rho)))
        out[0], out[1], twice = 1.0, at, 2 * at
        for power in range(2, len(out)):
            np.multiply(twice, out[power - 1], out=out[power])
            out[power] -= out[power - 2]
        return out.T


@dataclass(frozen=True, eq=False)
class Located:
    """Places of ρ on the range of some nodes, by `Nodes.basis` at the places, shape (M, p)."""

    nodes: Nodes
    basis: FloatArray

    def some(self, chosen: slice | NDArray[np.intp]) -> Located:
        """Return some of the places."""
        return Located(self.nodes, self.basis[chosen])

    def own_shares(self, units: slice | NDArray[np.intp]) -> FloatArray:
        """Return the diagonal of G* at each place for some units, shape (n, M)."""
        return np.asarray((self.nodes.inverse @ self.nodes.diagonals[:, units]).T @ self.basis.T)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Weights of products of two units' errors in the variance of ρ's score.

    ``first``, ``second``, shape (pairs,): units i < j. ``coefficients``, shape (pairs, p): Chebyshev coefficients of
    (g_ij + g_ji)².
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    coefficients: FloatArray

    def sums(self, residuals: FloatArray, basis: FloatArray) -> FloatArray:
        """Return Σ_{i<j} (g_ij + g_ji)² (e_i′e_j)², shape (M,).

        ``residuals``: shape (N, T′, M). ``basis``, shape (M, p): of `Nodes.basis`, for the nodes of the coefficients.
        """
        out = np.empty(residuals.shape[2])
        for block in slices(len(out), PAIR_CELLS // len(self.first)):
            e = np.ascontiguousarray(residuals[..., block].transpose(2, 0, 1))
            products = np.einsum("mpt,mpt->mp", e[:, self.first], e[:, self.second]) ** 2
            out[block] = np.einsum("mp,mp->m", products @ self.coefficients, basis[block])
        return out


class LagSpace:
    """The sample of spatial models of one W: how outcomes and regressors enter it, and the functions of G in use.

    ``w``: with constant row sums where there are time effects. Of a sparse one nothing of size N × N is formed.
    ``clusters``: of the N units, whose errors may depend on each other; each its own where there are none. Of more than
    `ALL_PAIRS` units there are none.
    """

    def __init__(self, w: SpatialOperator, sample: Sample, clusters: Groups | None = None) -> None:
        self.w = w
        self.clusters = clusters
        self.members = None if clusters is None else np.eye(clusters.count)[clusters.codes]
        self.independent = w.n if clusters is None else clusters.count
        # at the nodes G is needed only without the part that the effects remove
        self.used = in_sample(w, sample)
        self.sample = sample
        self.by_time = sample.effects in ("time", "two_way")
        # an orthonormal contraction of time has the same inner products as demeaning, in one period less
        self._time = _contraction(sample.t) if sample.effects in ("unit", "two_way") else np.eye(sample.t)
        # ranges near a pole are other ones for each outcome: of a long sweep they would add up
        self._latest = Latest()

    def transform(self, columns: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return columns and their spatial lags with effects removed.

        ``columns``: shape (N, T, m). Returns ``level``, ``lagged``, shape (N·T′, m): rows are sorted by unit.
        """
        n, m = self.w.n, columns.shape[2]
        contraction = np.matmul(self._time, columns).reshape(n, -1)
        both = self.centre(contraction), self.centre(self.w.lag(contraction[None])[0])
        return both[0].reshape(-1, m), both[1].reshape(-1, m)

    @property
    def factor(self) -> float:
        """G/(G - 1), by which the variance of scores is multiplied; G clusters or units."""
        return self.independent / (self.independent - 1)

    @property
    def errors_of_unit(self) -> float:
        """How many errors of a unit effects leave, T′ or T′(1 - 1/N)."""
        return len(self._time) * (1 - 1 / self.w.n if self.by_time else 1.0)

    def summed(self, by_unit: FloatArray) -> FloatArray:
        """Return scores by unit, shape (N, M), added up by cluster and centred: shape (G, M)."""
        return centred(by_unit if self.members is None else self.members.T @ by_unit)

    def centre(self, columns: FloatArray) -> FloatArray:
        """Return columns, shape (N, m), less their means where there are time effects."""
        return centred(columns) if self.by_time else columns

    def outcomes(self, y: FloatArray) -> LagOutcomes:
        """Return outcomes, shape (N, T, M), in the form that all models of this W and sample use."""
        return LagOutcomes(*self.transform(y))

    def drawn(
        self, y: FloatArray, residuals: FloatArray, parts: tuple[FloatArray | None, FloatArray], rho: float
    ) -> LagOutcomes:
        """Return y - S⁻¹e and, for each path, S⁻¹ of what it adds to errors, as outcomes: C + 1 columns.

        ``y``, ``residuals``, shape (N, T): e. ``parts``: P, shape (N, C), and paths, shape (C, T); without a P a path
        is that of a unit. ``rho``: of S = I - ρW.
        """
        n, w = self.w.n, self.used
        spread, paths = parts
        flat, e, own = (one @ self._time.T for one in (y, residuals, paths))
        g = self.centre(w.g(rho)) if isinstance(w, DenseOperator) else self.centre(w.apply_g(rho, np.eye(n)))
        lagged = np.empty((n, flat.shape[1], len(paths) + 1))
        level = np.empty_like(lagged)
        # WS⁻¹ is G, and S⁻¹ is I + ρG
        lagged[..., 0] = self.centre(self.w.lag(flat[None])[0]) - g @ e
        level[..., 0] = self.centre(flat - e) - rho * (g @ e)
        of_level = self.centre(np.eye(n)) + rho * g
        if spread is not None:
            g, of_level = g @ spread, of_level @ spread
        np.multiply(g[:, None], own.T, out=lagged[..., 1:])
        np.multiply(of_level[:, None], own.T, out=level[..., 1:])
        return LagOutcomes(level.reshape(-1, len(paths) + 1), lagged.reshape(-1, len(paths) + 1))

    @cached_property
    def coarse(self) -> tuple[FloatArray, FloatArray]:
        """Places that cover the range of ρ and the log-determinants of all periods there."""
        nodes, log_determinants = coarse_jacobian(self.w, self.sample)
        return nodes, self.sample.periods * log_determinants

    def traces(self, rho: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return tr G* and tr G*² at each ρ."""
        return star_traces_at(self.w, rho, self.sample)

    def traces_at(self, at: Located, rho: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return `traces` at places that are located on nodes: many of a dense W by the nodes' polynomials."""
        nodes = at.nodes
        if len(rho) < len(nodes.points) or not isinstance(self.used, DenseOperator) or len(nodes.points) == MOST_NODES:
            return self.traces(rho)
        table = self._once("traces", nodes, lambda: nodes.inverse @ np.stack(self.traces(nodes.points), axis=1))
        first, second = table.T @ at.basis.T
        return first, second

    def effect_weights(
        self, rho: FloatArray, effect: str, traces: tuple[FloatArray, FloatArray] | None = None
    ) -> tuple[FloatArray, ...]:
        """Return the weights of β and θ in an effect and their derivatives in ρ, each of shape (M,).

        Effects are ``coefficient`` (β itself), ``direct``, ``indirect`` and ``total``; ``traces`` are those at ρ where
        they are known.
        """
        one, zero = np.ones(len(rho)), np.zeros(len(rho))
        if effect == "coefficient":
            return one, zero, zero, zero
        n, constant = self.w.n, self.w.constant_row_sum
        if constant is None:
            nodes = self.nodes(rho)
            q, dq = (nodes.basis(rho) @ (nodes.inverse @ nodes.scalars[:, 1:])).T
        else:
            q = constant / (1 - constant * rho)
            dq = q**2
        total = (1 + rho * q, q, q + rho * dq, dq)
        if effect == "total":
            return total
        first, second = traces or self.traces(rho)
        if self.sample.drops_constant:
            first, second = first + q, second + dq
        v, slope_v = first / n, second / n
        direct = (1 + rho * v, v, v + rho * slope_v, slope_v)
        if effect == "direct":
            return direct
        return tuple(t - d for t, d in zip(total, direct, strict=True))

    def combination(
        self, one: Asked | Combination, rho: FloatArray, traces: tuple[FloatArray, FloatArray]
    ) -> tuple[tuple[int, ...], Sequence[FloatArray], Sequence[FloatArray]]:
        """Return the columns that a quantity has, the weights of their coefficients at each ρ, and derivatives."""
        if isinstance(one, Combination):
            weights, slopes = one.weights(rho)
            return one.columns, list(weights), list(slopes)
        focal, lag, effect = one
        first, second, of_first, of_second = self.effect_weights(rho, effect, traces)
        if lag is None:
            return (focal,), [first], [of_first]
        return (focal, lag), [first, second], [of_first, of_second]

    def own_shares(self, rho: FloatArray) -> FloatArray:
        """Return the diagonal of G* at each ρ, each unit's own share of the trace, shape (N, M)."""
        return self.located(rho).own_shares(EVERY)

    def located(self, rho: FloatArray) -> Located:
        """Return places on the nodes of a range that contains them."""
        nodes = self.nodes(rho)
        return Located(nodes, nodes.basis(rho))

    def highest(self, ssr: FloatArray) -> NDArray[np.intp]:
        """Return the coarse node with the highest likelihood of each draw, by sums of squares, shape (nodes, M)."""
        return self._lowest(ssr * self._scale[:, None])

    def _lowest(self, scaled: FloatArray) -> NDArray[np.intp]:
        """Return where sums of squares times ``_scale`` are least: without logarithms of each, the likelihoods' maxima.

        ``scaled``: shape (nodes, M).
        """
        inner, size = scaled[len(scaled) // 8 : -(len(scaled) // 8)], self.sample.size
        # they are refused where all are flat: mostly the first one is not
        for some in (slice(0, 1), EVERY):
            ranges = size / 2 * np.log(inner[:, some].max(axis=0) / inner[:, some].min(axis=0))
            if not is_flat(ranges, size).all():
                break
        else:
            refuse_flat_ranges(ranges, size)
        falls = scaled[1:] < scaled[:-1]
        best = np.add.reduce(falls, axis=0, dtype=np.intp)
        # that many falls lead to the least one if no fall follows a rise
        again = np.flatnonzero((falls[1:] > falls[:-1]).any(axis=0))
        best[again] = scaled[:, again].argmin(axis=0)
        return np.asarray(best)

    @cached_property
    def _scale(self) -> FloatArray:
        jacobian = self.coarse[1]
        return np.asarray(np.exp((jacobian.max() - jacobian) * (2 / self.sample.size)))

    @cached_property
    def coarse_traces(self) -> tuple[FloatArray, FloatArray]:
        """Traces of G* and G*² at the coarse nodes."""
        return self.traces(self.coarse[0])

    def maximise(self, a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray:
        """Return the ρ at which each likelihood is highest, shape (M,); the sum of squares is a - 2ρb + ρ²c."""
        size, periods = self.sample.size, self.sample.periods
        nodes = self.coarse[0]
        powers = np.stack([np.ones_like(nodes), -2 * nodes, nodes**2], axis=1) * self._scale[:, None]
        best = self._lowest(powers @ np.stack([a, b, c]))

        def slopes(rho: FloatArray, traces: tuple[FloatArray, FloatArray]) -> tuple[FloatArray, FloatArray]:
            pull = b - rho * c
            # one over a - 2ρb + ρ²c
            inverse = 1 / (a - rho * (b + pull))
            pull *= inverse
            return size * pull - periods * traces[0], size * (2 * pull * pull - c * inverse) - periods * traces[1]

        return self.climb(best, slopes)

    def climb(self, best: NDArray[np.intp], slopes: Slopes) -> FloatArray:
        """Return where the score of each draw is zero, by safeguarded Newton steps from beside its best coarse node.

        ``best``: shape (M,). ``slopes``: from ρ of shape (M,) and tr G* and tr G*² there to the score and its
        derivative, each of shape (M,).
        """
        nodes, traces = self.coarse[0], self.coarse_traces
        middle = nodes[best]
        score_middle, slope_middle = slopes(middle, (traces[0][best], traces[1][best]))
        towards = np.clip(best + np.where(score_middle > 0, 1, -1), 0, len(nodes) - 1)
        other = nodes[towards]
        score_other, slope_other = slopes(other, (traces[0][towards], traces[1][towards]))
        left, right = np.minimum(middle, other), np.maximum(middle, other)
        rho = _between(middle, other, (score_middle, score_other), (slope_middle, slope_other))
        rho = np.where((rho > left) & (rho < right), rho, (left + right) / 2)
        width = right - left
        for steps in range(60):
            score, slope = slopes(rho, self.traces(rho))
            up = score > 0
            left, right = np.where(up, rho, left), np.where(up, right, rho)
            if steps == 0:
                # the zero is between here and one of both places, whose scores and slopes are known, too
                back = up != (score_middle > 0)
                end, of_end = np.where(back, middle, other), np.where(back, score_middle, score_other)
                slope_end = np.where(back, slope_middle, slope_other)
                step = _between(rho, end, (score, of_end), (slope, slope_end))
                converged = (np.abs(step - rho) < CLOSE_AT_FIRST * width) & (step >= left) & (step <= right)
                converged &= np.maximum(slope, slope_end) < 0
                step = np.where(converged, step, rho - score / slope)
            else:
                step = rho - score / slope
                # a step as small as rounding may leave the interval, one end of which is ρ: the search has then ended
                converged = np.abs(step - rho) < CLOSE * (right - left) + 1e-12
            rho = np.where(converged | ((step > left) & (step < right)), step, (left + right) / 2)
            if converged.all():
                break
        return np.asarray(rho)

    def range_of(self, rho: FloatArray) -> tuple[float, float]:
        """Return the ends of the nodes for some ρ."""
        bounds = self.used.bounds
        low, high = float(rho.min()), float(rho.max())
        wide = float(np.floor(low / STEP) * STEP), float(np.ceil(high / STEP) * STEP)
        # never up to the end, where G has its pole
        return max(wide[0], (low + bounds[0]) / 2), min(wide[1], (high + bounds[1]) / 2)

    def nodes(self, rho: FloatArray) -> Nodes:
        """Return nodes on a range that contains all ρ."""
        ends = self.range_of(rho)
        return self._latest.once(("nodes", *ends), lambda: self._new_nodes(*ends), _bytes)

    def _once(self, what: str, nodes: Nodes, make: Callable[[], _Made]) -> _Made:
        """Return what is made of nodes, the latest ones kept."""
        return self._latest.once((what, nodes.low, nodes.high), make, _bytes)

    def star(self, nodes: Nodes, place: int, columns: FloatArray) -> FloatArray:
        """Return JG at a node times columns of shape (N, m)."""
        if nodes.stars is not None:
            return np.asarray(nodes.stars[place] @ columns)
        return self.centre(self.used.apply_g(float(nodes.points[place]), columns))

    def products(
        self, outcomes: Block, at: At, nodes: Nodes, basis: FloatArray, of_variance: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return each unit's part of ρ's score, and what products of two units add to its variance.

        For up to `ALL_PAIRS` units.

        ``basis``, shape (M, p): of `Nodes.basis` at ρ. ``of_variance``, shape (M,): what a squared error takes from the
        score of ρ by that of σ². Returns ``of_units``, shape (N, M): Σ_t e_it (Wy)*_it - Σ_{j≠i} g*_ij e_i′e_j -
        e_i′e_i times ``of_variance``, over σ². ``pairs``, shape (M,): `Pairs.sums` over σ⁴. Units of a cluster stay in
        its score: j is in another one, and pairs are those of clusters, whose products are added up before they are
        squared.
        """
        n, table = self.w.n, self._matrices_at(nodes)
        kind, count = table.dtype, len(basis)
        form, basis = outcomes.formed(at, kind), basis[:, : len(table)].astype(kind)
        by_variance = of_variance[:, None].astype(kind)
        members = None if self.members is None else self.members.astype(kind)
        ones, size = np.ones(n, dtype=kind), min(max(PAIR_CELLS // (n * n), FEWEST_PAIRED), count)
        of_units, sums = np.empty((count, n)), np.empty(count)
        # blocks write into the same arrays, which stay in the processor's cache
        errors, lagged, beside = np.empty((3, size, outcomes.rows), dtype=kind)
        products, weights, turned = np.empty((3, size, n, n), dtype=kind)
        for block in slices(count, size):
            some = slice(0, block.stop - block.start)
            form(block, (errors[some], lagged[some]))
            e, wy = (part[some].reshape(some.stop, n, -1) for part in (errors, lagged))
            # of the same array on both sides, numpy would make one half and copy it, which takes longer
            beside[some] = errors[some]
            inner = np.matmul(e, beside[some].reshape(e.shape).transpose(0, 2, 1), out=products[some])
            weighted = weights[some]
            flat = weighted.reshape(some.stop, -1)
            np.matmul(basis[block], table, out=flat)
            weighted *= inner
            parts = np.einsum("mnt,mnt->mn", e, wy)
            parts -= weighted @ ones
            parts -= np.einsum("mii->mi", inner) * by_variance[block]
            of_units[block] = parts
            if members is not None:
                between = members.T @ weighted @ members
                sums[block] = np.einsum("mcd,mcd->m", between, between + between.transpose(0, 2, 1))
                continue
            # copying all of them takes less time than reading one by one in another order
            np.copyto(turned[some], weighted.transpose(0, 2, 1))
            turned[some] += weighted
            sums[block] = np.vecdot(flat, turned[some].reshape(flat.shape))
        return np.ascontiguousarray(of_units.T), sums

    def _matrices_at(self, nodes: Nodes) -> FloatArray:
        """Return Chebyshev coefficients of G* between units of different clusters, shape (p, N²)."""
        return self._once("matrices", nodes, lambda: self._new_matrices(nodes))

    def _new_matrices(self, nodes: Nodes) -> FloatArray:
        identity = self.centre(np.eye(self.w.n))
        values = np.stack([self.centre(self.used.apply_g(float(point), identity)) for point in nodes.points])
        inside = np.eye(self.w.n) if self.members is None else self.members @ self.members.T
        values[:, inside > 0] = 0.0
        table = nodes.inverse @ values.reshape(len(values), -1)
        if self.independent < SHORT:
            return np.asarray(table)
        # polynomials are at most one: the last ones have coefficients that are no longer counted
        sizes = np.abs(table).max(axis=1)
        return np.asarray(table[: 1 + np.flatnonzero(sizes > LEAST * sizes.max())[-1]].astype(np.float32))

    def pairs(self, nodes: Nodes) -> Pairs:
        """Return the weights of pairs of units, which models of this W and sample share; for many units."""
        return self._once("pairs", nodes, lambda: self._new_pairs(nodes))

    def _new_pairs(self, nodes: Nodes) -> Pairs:
        # G is largest at the ends of the range
        ends = [np.concatenate([part for _, part in self._both(nodes.points[place])], axis=1) for place in (0, -1)]
        largest = np.maximum(*ends)
        first, second = np.nonzero(np.triu(largest, 1) > LEAST_PAIR * largest.max())
        values = np.empty((len(nodes.points), len(first)))
        blocks = [(units, (second >= units.start) & (second < units.stop)) for units in self._blocks()]
        for place, point in enumerate(nodes.points.tolist()):
            for (units, part), (_, chosen) in zip(self._both(point), blocks, strict=True):
                values[place, chosen] = part[first[chosen], second[chosen] - units.start]
        return Pairs(first, second, np.ascontiguousarray((nodes.inverse @ values).T))

    def _blocks(self) -> list[slice]:
        """Return the units whose columns are handled at a time."""
        return list(slices(self.w.n, self.w.n if isinstance(self.used, DenseOperator) else SOLVED))

    def _both(self, point: float) -> Iterator[tuple[slice, FloatArray]]:
        """Yield columns of (G + G′)² at a place; of many units, the means over units count for little."""
        n = self.w.n
        for units in self._blocks():
            unit = np.zeros((n, units.stop - units.start))
            unit[np.arange(units.start, units.stop), np.arange(units.stop - units.start)] = 1.0
            yield units, (self.used.apply_g(point, unit) + self.used.apply_gt(point, unit)) ** 2

    @cached_property
    def _poles(self) -> NDArray[np.complex128]:
        """Places where G has a pole, or that are nearer than any."""
        if isinstance(self.used, DenseOperator):
            roots = self.used.eigenvalues
            return np.asarray(1 / roots[np.abs(roots) > 1e-12], dtype=np.complex128)
        low, high = self.used.bounds
        # complex roots are not larger than the largest real one
        turns = np.exp(2j * np.pi * np.arange(128) / 128)
        real = isinstance(self.used, SparseOperator) and self.used.balance is not None
        return np.array([low, high], dtype=np.complex128) if real else high * turns

    def _new_nodes(self, low: float, high: float) -> Nodes:
        half, centre = (high - low) / 2, (low + high) / 2
        # the error falls as the sum of semi-axes of the ellipse through the nearest pole to the power of the nodes
        poles = (self._poles - centre) / half
        axes = np.abs(poles + np.sqrt(poles**2 - 1))
        with np.errstate(divide="ignore"):
            # the pole of a root that is almost zero is so far away that one of the two is rounded to zero
            nearest = float(np.maximum(axes, 1 / axes).min()) if len(axes) else np.inf
        count = int(np.clip(np.ceil(DIGITS / np.log(nearest)), FEWEST_NODES, MOST_NODES))
        at = chebyshev.chebpts1(count)
        points = centre + half * at
        n = self.w.n
        keep = isinstance(self.used, DenseOperator) and count * n * n <= KEPT_CELLS
        stars, scalars = np.empty((count, n, n)) if keep else None, np.empty((count, 3))
        diagonals = np.empty((count, n))
        for place, point in enumerate(points.tolist()):
            norm, rows, columns, diagonal = 0.0, np.empty(n), np.empty(n), np.empty(n)
            for units, g in self._columns(point):
                star = self.centre(g)
                if stars is not None:
                    stars[place][:, units] = star
                norm += float(np.vdot(star, star) if self.sample.drops_constant else np.vdot(g, g))
                columns[units] = g.sum(axis=0)
                diagonal[units] = star[units].diagonal()
            rows = self.used.apply_g(point, np.ones((n, 1)))[:, 0]
            scalars[place] = norm, rows.mean(), float(columns @ rows) / n
            # JGJ: G's rows are centred, too
            diagonals[place] = diagonal - self.centre(rows[:, None])[:, 0] / n if self.by_time else diagonal
        inverse = np.asarray(np.linalg.inv(chebyshev.chebvander(at, count - 1)), dtype=np.float64)
        return Nodes(low, high, points, inverse, scalars, diagonals, stars)

    def _columns(self, point: float) -> Iterator[tuple[slice, FloatArray]]:
        """Yield G's columns at a place, all at once or by solving for some at a time."""
        if isinstance(self.used, DenseOperator):
            yield slice(0, self.w.n), self.used.g(point)
            return
        for units in self._blocks():
            identity = np.zeros((self.w.n, units.stop - units.start))
            identity[np.arange(units.start, units.stop), np.arange(units.stop - units.start)] = 1.0
            yield units, self.used.apply_g(point, identity)


def _between(
    one: FloatArray, other: FloatArray, score: tuple[FloatArray, FloatArray], slope: tuple[FloatArray, FloatArray]
) -> FloatArray:
    """Return about where a score between two places is zero, by the cubic that has its places as those of scores.

    The place as a function of the score has the derivative one over the slope.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = score[0] / (score[0] - score[1])
        width = score[1] - score[0]
        first, last = width / slope[0], width / slope[1]
        rest = 1 - share
        return np.asarray(
            one * (1 + 2 * share) * rest**2
            + first * share * rest**2
            + other * share**2 * (3 - 2 * share)
            - last * share**2 * rest
        )


def _bytes(made: object) -> int:
    """Return about the bytes of an array, or of the arrays of an object."""
    parts = [made] if isinstance(made, np.ndarray) else list(vars(made).values())
    return sum(part.nbytes for part in parts if isinstance(part, np.ndarray))


def _contraction(t: int) -> FloatArray:
    """Return an orthonormal basis of the vectors of length T that add up to zero, shape (T - 1, T) (Helmert)."""
    rows = np.tril(np.ones((t - 1, t)))
    rows[np.arange(t - 1), np.arange(1, t)] = -np.arange(1, t)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))
