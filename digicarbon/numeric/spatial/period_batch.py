"""Fits of one spatial lag model by period to many outcomes at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.polynomial import chebyshev

from digicarbon.arrays import FloatArray
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
MOST_NODES = 96
DIGITS = 26.0
"""Natural logarithm of the factor by which the nodes reduce the error: eleven digits."""

Asked = tuple[int, int | None, str]
"""The place of a focal column in Z, of its spatial lag if it has one, and which number is asked for."""


@dataclass(frozen=True, eq=False)
class _Table:
    """Functions of G at Chebyshev nodes on a range of ρ, shape (p, …).

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

    def __init__(
        self, z: FloatArray, weights: PeriodWeights, effects: Effects, traces: Traces, adjusted: bool
    ) -> None:
        self.weights, self.effects, self.traces = weights, effects, traces
        self.degrees = effects.degrees if adjusted else effects.size
        self._inner = effects.basis if adjusted else effects.basis[..., :0]
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
        table = self._table(rho[~end]) if not end.all() else None
        if table is None:
            return [(np.full(len(rho), np.nan), np.full(len(rho), np.nan)) for _ in asked]
        basis = table.basis(np.clip(rho, table.low, table.high))
        q = lagged - self._noise(e, table, basis)
        trace, bent, square, norm = (basis @ table.scalars).T
        # the adjusted scores of β, ρ and σ²: with d = (Z′Z)⁻¹Z′q, those of β and σ² are partialled out of that of ρ
        of_q = self.q.T @ q
        rest = ((q * q).sum(axis=0) - (of_q * of_q).sum(axis=0)) / sigma2
        slope = rest + norm + bent - 2 * trace**2 / self.degrees
        spread = rest + norm + square - 2 * trace**2 / self.degrees
        variance = spread / slope**2
        d = self.root @ of_q
        out = []
        for focal, lag, quantity in asked:
            first, second, dfirst, dsecond = self._multiplied(basis, table, quantity, len(rho))
            estimate, along = first * beta[focal], first * d[focal]
            change = dfirst * beta[focal]
            own = np.outer(first, self.root[focal])
            if lag is not None:
                estimate, along = estimate + second * beta[lag], along + second * d[lag]
                change = change + dsecond * beta[lag]
                own = own + np.outer(second, self.root[lag])
            # Cov(β, ρ) = -d Var(ρ) and Var(β) = σ²(Z′Z)⁻¹ + dd′Var(ρ)
            total = sigma2 * (own * own).sum(axis=1) + variance * (change - along) ** 2
            out.append((np.where(end, np.nan, estimate), np.where(end, np.nan, np.sqrt(np.maximum(total, 0.0)))))
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
        out = np.zeros_like(cube)
        for place, g in enumerate(table.g):
            out += (g[self.weights.which] @ cube) * basis[:, place]
        return self.effects.remove(out).reshape(e.shape)

    def _table(self, rho: FloatArray) -> _Table:
        low, high = float(rho.min()), float(rho.max())
        left, right = self.weights.bounds
        width = right - left
        margin = max(0.01 * (high - low), 1e-6 * width)
        low, high = max(low - margin, left + 1e-7 * width), min(high + margin, right - 1e-7 * width)
        half = (high - low) / 2
        # the nearest pole says how fast the error falls
        gap = max(min((low + high) / 2 - left, right - (low + high) / 2) / half, 1 + 1e-9)
        count = int(np.clip(np.ceil(DIGITS / np.log(gap + np.sqrt(gap**2 - 1))), 4, MOST_NODES))
        nodes = np.cos(np.pi * (np.arange(count) + 0.5) / count)
        inverse = np.linalg.inv(chebyshev.chebvander(nodes, count - 1))
        g, scalars, levels, slopes = [], [], [], []
        n = self.effects.size
        for at in (low + high) / 2 + half * nodes:
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
