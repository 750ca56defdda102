"""Fits of one spatial lag model by period to many outcomes at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.polynomial import chebyshev

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.spatial.periods import (
    Effects,
    PeriodWeights,
    Traces,
    multipliers,
    projected_products,
    projected_trace,
    solve_lag,
)

CELLS = 1 << 20
"""Numbers in an array of rows and draws that are handled at a time."""
NODES = 16
"""Chebyshev nodes of a piece of the range of ρ, whose distance to the nearest pole is at least its width.

The error of what is interpolated is about 5.8^-16, twelve digits.
"""

Asked = tuple[int, int | None, str]
"""The place of a focal column in Z, of its spatial lag if it has one, and which number is asked for."""


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
    """

    def __init__(self, z: FloatArray, weights: PeriodWeights, effects: Effects, traces: Traces, adjusted: bool) -> None:
        self.weights, self.effects, self.traces = weights, effects, traces
        self.degrees = effects.degrees if adjusted else effects.size
        self._inner = effects.basis if adjusted else effects.basis[..., :0]
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
        piece = self._piece(rho)
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
        beta, out = known.beta, np.empty((len(asked), 2, len(known.rho)))
        for place, (focal, lag, quantity) in enumerate(asked):
            first, second, dfirst, dsecond = self._multiplied(basis, table, quantity, len(known.rho))
            estimate, along = first * beta[focal], first * d[focal]
            change = dfirst * beta[focal]
            own = np.outer(first, self.root[focal])
            if lag is not None:
                estimate, along = estimate + second * beta[lag], along + second * d[lag]
                change = change + dsecond * beta[lag]
                own = own + np.outer(second, self.root[lag])
            # Cov(β, ρ) = -d Var(ρ) and Var(β) = σ²(Z′Z)⁻¹ + dd′Var(ρ)
            total = known.sigma2 * (own * own).sum(axis=1) + variance * (change - along) ** 2
            out[place] = estimate, np.sqrt(np.maximum(total, 0.0))
        return out

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

    def _piece(self, rho: FloatArray) -> IntArray:
        """Return the piece of the range in which each ρ lies, shape (M,): they shrink towards the ends."""
        left, right = self.weights.bounds
        middle = (left + right) / 2
        distance = np.maximum(np.minimum(rho - left, right - rho), 1e-300)
        # a piece at distance d of its centre reaches from 2d/3 to 4d/3
        steps = np.floor(np.log2((right - left) / 2 / distance)).astype(np.int64)
        return np.where(rho < middle, -1 - steps, steps)

    def _table(self, number: int) -> _Table:
        """Return the functions of G on a piece, made once for the weights and effects."""
        if number not in self._tables:
            left, right = self.weights.bounds
            steps = number if number >= 0 else -1 - number
            far = (right - left) / 2 / 2**steps
            low, high = (right - far, right - far / 2) if number >= 0 else (left + far / 2, left + far)
            self._tables[number] = self._made(low, high)
        return self._tables[number]

    def _made(self, low: float, high: float) -> _Table:
        nodes = np.cos(np.pi * (np.arange(NODES) + 0.5) / NODES)
        inverse = np.asarray(np.linalg.inv(chebyshev.chebvander(nodes, NODES - 1)), dtype=np.float64)
        g, scalars, levels, slopes = [], [], [], []
        n = self.effects.size
        for at in (low + high) / 2 + (high - low) / 2 * nodes:
            place = np.array([at])
            own = self.weights.blocks[0] @ self.weights.inverse(place)
            each = own[self.weights.which]
            bent, square, norm = projected_products(self._inner, each, each)
            g.append(own)
            scalars.append([projected_trace(self._inner, each), bent, square, norm])
            of = multipliers(self.weights, place)
            direct, total = of.direct.sum(axis=0) / n, of.total.sum(axis=0) / n
            levels.append([direct, total - direct, total])
            d_direct, d_total = (part[..., 0].sum(axis=0) / n for part in of.slopes)
            slopes.append([d_direct, d_total - d_direct, d_total])
        return _Table(low, high, inverse, *(np.array(one) for one in (g, scalars, levels, slopes)))


def _blocks(prepared: FloatArray) -> Iterator[FloatArray]:
    size = max(1, CELLS // prepared.shape[1])
    for start in range(0, prepared.shape[2], size):
        yield prepared[:, :, start : start + size]
