"""Fits of one spatial lag model by period to many outcomes at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.polynomial import chebyshev

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.spatial.operator import coarse_nodes
from digicarbon.numeric.spatial.period_robust import diagonal_and_pairs, direction, factor, left_of_one, own_share
from digicarbon.numeric.spatial.periods import (
    Effects,
    ErrorPeriods,
    PeriodWeights,
    Traces,
    multipliers,
    products_of,
    solve_lag,
)

CELLS = 1 << 20
"""Numbers in an array of rows and draws that are handled at a time."""
PAIRS = 1 << 22
"""Pairs of units in all periods and draws that are handled at a time."""
LAST = 16
"""The last piece at an end of the range: beyond it a parameter is at the end."""
MOST_MOVES = 40
NEWTON = 50
NODES = 16
"""Chebyshev nodes of a piece of the range of ρ, whose distance to the nearest pole is at least its width.

The error of what is interpolated is about 5.8^-16, twelve digits.
"""

Asked = tuple[int, tuple[int | None, ...], str]
"""The place of a focal column in Z, of its spatial lag by each W if it has one, and which number is asked for."""


@dataclass(frozen=True, eq=False)
class _Table:
    """Functions of G at Chebyshev nodes on a piece of the range of ρ, shape (p, …).

    ``scalars`` are tr QG, tr QG², tr QGQG and tr QGQG′, ``levels`` and ``slopes`` of shape (p, 3, 2) the multipliers of
    β and θ in direct, indirect and total effects, and their derivatives.
    """

    low: float
    high: float
    inverse: FloatArray
    g: FloatArray
    scalars: FloatArray
    levels: FloatArray
    slopes: FloatArray

    def basis(self, rho: FloatArray) -> FloatArray:
        """Return what each node counts at places within the range, shape (M, p)."""
        at = (2 * rho - self.low - self.high) / (self.high - self.low)
        return np.asarray(chebyshev.chebvander(at, len(self.g) - 1) @ self.inverse)


@dataclass(frozen=True, eq=False)
class _Known:
    """Estimates of M outcomes, their lags and residuals, effects removed."""

    rho: FloatArray
    beta: FloatArray
    sigma2: FloatArray
    lagged: FloatArray
    e: FloatArray


class PeriodBatch:
    """A SAR or SDM of one W whose units or weights differ between periods.

    Parameters
    ----------
    z : ndarray, shape (T, N, k)
        Regressors, effects removed.
    weights : PeriodWeights
    effects : Effects
    traces : Traces
        Whose `smooth` is true.
    adjusted : bool
    by_unit : bool
        Whether standard errors are those of `digicarbon.numeric.spatial.period_robust.clustered`.
    """

    def __init__(
        self,
        z: FloatArray,
        weights: PeriodWeights,
        effects: Effects,
        traces: Traces,
        adjusted: bool,
        by_unit: bool = False,
    ) -> None:
        self.weights, self.effects, self.traces, self.by_unit = weights, effects, traces, by_unit
        self.degrees = effects.degrees if adjusted else effects.size
        self._inner = effects if adjusted else None
        # what depends on weights and effects alone is shared by all regressors
        self._tables: dict[int, _Table] = traces.__dict__.setdefault("_tables", {})
        self.q, self.r = np.linalg.qr(z.reshape(-1, z.shape[2]))
        # (Z′Z)⁻¹ = R⁻¹R⁻¹′
        self.root = scipy.linalg.solve_triangular(self.r, np.eye(len(self.r)))

    def several(self, prepared: FloatArray, asked: Sequence[Asked]) -> list[tuple[FloatArray, FloatArray]]:
        """Return estimates and standard errors of each outcome, shape (2, T·N, M): a pair of arrays of shape (M,).

        Not-a-number where ρ is at the end of its range.
        """
        parts = [self._block(block, asked) for block in _blocks(prepared)]
        return [
            (np.concatenate([part[place][0] for part in parts]), np.concatenate([part[place][1] for part in parts]))
            for place in range(len(asked))
        ]

    def _block(self, outcomes: FloatArray, asked: Sequence[Asked]) -> list[tuple[FloatArray, FloatArray]]:
        level, lagged = outcomes
        of_level, of_lagged = self.q.T @ level, self.q.T @ lagged
        y, wy = level - self.q @ of_level, lagged - self.q @ of_lagged
        moments = (y * y).sum(axis=0), (y * wy).sum(axis=0), (wy * wy).sum(axis=0)
        rho, end = solve_lag(moments, self.traces, self.degrees)
        e = y - rho * wy
        sigma2 = (e * e).sum(axis=0) / self.degrees
        beta = self.root @ (of_level - rho * of_lagged)
        out = np.full((len(asked), 2, len(rho)), np.nan)
        piece = pieces(rho, self.weights.bounds)
        for number in np.unique(piece[~end]):
            own = np.flatnonzero((piece == number) & ~end)
            known = _Known(rho[own], beta[:, own], sigma2[own], lagged[:, own], e[:, own])
            out[:, :, own] = self._errors(known, self._table(int(number)), asked)
        return [(both[0], both[1]) for both in out]

    def _errors(self, known: _Known, table: _Table, asked: Sequence[Asked]) -> FloatArray:
        """Return estimates and standard errors of outcomes whose ρ is in one piece, shape (len(asked), 2, M)."""
        basis = table.basis(known.rho)
        q = known.lagged - self._noise(known.e, table, basis)
        trace, bent, square, norm = (basis @ table.scalars).T
        # the adjusted scores of β, ρ and σ²: with d = (Z′Z)⁻¹Z′q, those of β and σ² are partialled out of that of ρ
        of_q = self.q.T @ q
        rest = (np.einsum("im,im->m", q, q) - (of_q * of_q).sum(axis=0)) / known.sigma2
        slope = rest + norm + bent - 2 * trace**2 / self.degrees
        spread = rest + norm + square - 2 * trace**2 / self.degrees
        variance = spread / slope**2
        d = self.root @ of_q
        scores, pairs = self._scores(known, table, basis, q - self.q @ of_q, trace) if self.by_unit else (None, None)
        beta, out = known.beta, np.empty((len(asked), 2, len(known.rho)))
        for place, (focal, (lag,), quantity) in enumerate(asked):
            first, second, dfirst, dsecond = self._multiplied(basis, table, quantity, len(known.rho))
            estimate, along = first * beta[focal], first * d[focal]
            change = dfirst * beta[focal]
            own = np.outer(first, self.root[focal])
            if lag is not None:
                estimate, along = estimate + second * beta[lag], along + second * d[lag]
                change = change + dsecond * beta[lag]
                own = own + np.outer(second, self.root[lag])
            if scores is not None and pairs is not None:
                # what a unit adds to the estimate
                moved = (change - along) / slope
                sums = self._by_unit((self.q @ own.T) * known.e) + moved * scores
                total = of_sums(sums, self.effects) + factor(self.effects) * moved**2 * pairs
            else:
                # Cov(β, ρ) = -d Var(ρ) and Var(β) = σ²(Z′Z)⁻¹ + dd′Var(ρ)
                total = known.sigma2 * (own * own).sum(axis=1) + variance * (change - along) ** 2
            out[place] = estimate, np.sqrt(np.maximum(total, 0.0))
        return out

    def _scores(
        self, known: _Known, table: _Table, basis: FloatArray, rest: FloatArray, trace: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the score of ρ without those of β and σ², by unit, shape (N, M), and of pairs, squared, (M,)."""
        t, n = self.effects.present.shape
        e, sigma2, which = known.e, known.sigma2, self.weights.which
        cube = np.ascontiguousarray(e.T).reshape(-1, t, n)
        zero = direction(known.rho, self.weights, self.effects, False)
        diagonal, pairs = np.empty((len(cube), t, n)), np.empty(len(cube))
        nodes = table.g.reshape(len(table.g), -1)
        step = max(1, PAIRS // (t * n * n))
        for start in range(0, len(cube), step):
            some = slice(start, start + step)
            g = (basis[some] @ nodes).reshape(-1, *table.g.shape[1:])[:, which]
            diagonal[some], both = diagonal_and_pairs(g, cube[some], zero)
            pairs[some] = np.einsum("mij,mij->m", both, both) / 2
        left, share = (one.reshape(-1, 1) for one in (left_of_one(self.effects), own_share(self.effects)))
        squares = e * e
        cells = e * rest - trace / self.degrees * (squares - sigma2 * left)
        cells += diagonal.reshape(len(cube), -1).T * (squares - sigma2 * share)
        return self._by_unit(cells) / sigma2, pairs / sigma2**2

    def _by_unit(self, cells: FloatArray) -> FloatArray:
        """Return sums over periods, shape (N, M)."""
        return np.asarray(cells.reshape(*self.effects.present.shape, -1).sum(axis=0))

    def _multiplied(self, basis: FloatArray, table: _Table, quantity: str, count: int) -> FloatArray:
        """Return what β and θ count in a quantity and the derivatives of it, shape (4, M)."""
        if quantity == "coefficient":
            return np.stack([np.ones(count), *np.zeros((3, count))])
        place = ("direct", "indirect", "total").index(quantity)
        both = np.concatenate([table.levels[:, place], table.slopes[:, place]], axis=1)
        return np.asarray((basis @ both).T)

    def _noise(self, e: FloatArray, table: _Table, basis: FloatArray) -> FloatArray:
        """Return QGe of each outcome at its own ρ."""
        t, n = self.effects.present.shape
        cube = e.reshape(t, n, -1)
        out, which = np.zeros_like(cube), self.weights.which
        for place, g in enumerate(table.g):
            out += g[which] @ (cube * basis[:, place])
        return self.effects.remove(out).reshape(e.shape)

    def _table(self, number: int) -> _Table:
        """Return the functions of G on a piece, made once for the weights and effects."""
        if number not in self._tables:
            self._tables[number] = self._made(*piece_ends(number, self.weights.bounds))
        return self._tables[number]

    def _made(self, low: float, high: float) -> _Table:
        nodes = np.cos(np.pi * (np.arange(NODES) + 0.5) / NODES)
        inverse = np.asarray(np.linalg.inv(chebyshev.chebvander(nodes, NODES - 1)), dtype=np.float64)
        g, scalars, levels, slopes = [], [], [], []
        n = self.effects.size
        for at in (low + high) / 2 + (high - low) / 2 * nodes:
            place = np.array([at])
            own = self.weights.solved(place).g
            made = products_of(own[:, self.weights.which], self._inner)
            g.append(own[0])
            scalars.append([made.trace[0], made.bent[0, 0], made.square[0, 0], made.norm[0, 0]])
            of = multipliers(self.weights, place)
            direct, total = of.direct.sum(axis=0) / n, of.total.sum(axis=0) / n
            levels.append([direct, total - direct, total])
            d_direct, d_total = (part[..., 0].sum(axis=0) / n for part in of.slopes)
            slopes.append([d_direct, d_total - d_direct, d_total])
        return _Table(low, high, inverse, *(np.array(one) for one in (g, scalars, levels, slopes)))


def of_sums(sums: FloatArray, effects: Effects) -> FloatArray:
    """Return the variance of an estimate, shape (M,), to which units add sums, shape (N, M)."""
    own = sums[effects.present.any(axis=0)]
    own = own - own.mean(axis=0)
    return np.asarray((own * own).sum(axis=0) * factor(effects))


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


def _blocks(prepared: FloatArray) -> Iterator[FloatArray]:
    size = max(1, CELLS // prepared.shape[1])
    for start in range(0, prepared.shape[2], size):
        yield prepared[:, :, start : start + size]


class ErrorPeriodBatch:
    """A model with a spatial error by period that is fitted to many outcomes.

    Parameters
    ----------
    model : ErrorPeriods
    by_unit : bool
        Whether standard errors are those of `digicarbon.numeric.spatial.period_robust.clustered`.

    Notes
    -----
    In a piece of the range, see `pieces`, what is maximised is a polynomial in λ through the values at its nodes.
    """

    def __init__(self, model: ErrorPeriods, by_unit: bool = False) -> None:
        self.model, self.by_unit = model, by_unit
        self._factors: dict[float, _Factor] = {}

    def several(self, outcomes: FloatArray, contrasts: Sequence[FloatArray]) -> list[tuple[FloatArray, FloatArray]]:
        """Return combinations of the coefficients of Z, each of shape (k,), and their standard errors.

        Parameters
        ----------
        outcomes : ndarray, shape (T·N, M)
            Raw.
        contrasts : sequence of ndarray, shape (k,)

        Returns
        -------
        list of pairs of ndarrays, shape (M,)
            Not-a-number where λ is at the end of its range.
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
        inside = moved == 0
        for which in range(len(contrasts)):
            estimate = np.einsum("mp,pm->m", basis, coefficients[:, which])
            if self.by_unit:
                variance = of_sums(np.einsum("mp,pnm->nm", basis, sums[which]), model.effects)
            else:
                variance = sigma2 * (basis @ spreads[:, which])
            error = np.sqrt(np.maximum(variance, 0.0))
            out[which][:, own[inside]] = np.stack([estimate, error])[:, inside]
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
