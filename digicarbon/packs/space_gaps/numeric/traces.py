"""Traces of products of block-diagonal matrices from which effects are removed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.numeric.spatial.operator import coarse_nodes
from digicarbon.packs.space_gaps.numeric.effects import Effects
from digicarbon.packs.space_gaps.numeric.weights import PeriodWeights

WELL = 1e5
"""Condition of eigenvectors up to which traces are taken from them; beyond it each one is a solution."""


def projected_trace(basis: FloatArray, g: FloatArray) -> float:
    """Return tr QG with Q = I - LL′ of the basis L, shape (T, N, r), and G of shape (T, N, N)."""
    return float(np.trace(g, axis1=1, axis2=2).sum() - np.vdot(basis, g @ basis))


def projected_products(basis: FloatArray, g: FloatArray) -> tuple[float, float, float, float]:
    """Return tr QG, tr QG², tr QGQG and tr QGQG′. ``basis``: shape (T, N, r). ``g``: shape (T, N, N)."""
    forth, back = np.swapaxes(g, 1, 2) @ basis, g @ basis
    trace = float(np.trace(g, axis1=1, axis2=2).sum() - np.vdot(basis, back))
    r = basis.shape[2]
    rows = basis.shape[0] * basis.shape[1]
    inner = basis.reshape(rows, r).T @ back.reshape(rows, r)
    own, norm = float(np.einsum("tij,tji->", g, g)), float(np.vdot(g, g))
    # the trace of L′G²L
    first = float(np.vdot(forth, back))
    square = own - 2 * first + float(np.einsum("ij,ji->", inner, inner))
    mixed = norm - float(np.vdot(forth, forth)) - float(np.vdot(back, back)) + float(np.vdot(inner, inner))
    return trace, own - first, square, mixed


@dataclass(frozen=True, eq=False)
class Products:
    """Traces of R matrices G without effects: tr QG, and tr QG_rG_s, tr QG_rQG_s and tr QG_rQG_s′, shape (R, R)."""

    trace: FloatArray
    bent: FloatArray
    square: FloatArray
    norm: FloatArray


def products_of(g: FloatArray, effects: Effects | None) -> Products:
    """Return traces of G, shape (R, T, N, N); None stands for no effects.

    As `projected_products` with the basis of the effects, whose part of units has one number in each row.
    """
    r, t, n = g.shape[:3]
    turned = np.swapaxes(g, 2, 3)
    trace = np.trace(g, axis1=2, axis2=3).sum(axis=1)
    if effects is None:
        flat = g.reshape(r, -1)
        same, norm = flat @ turned.reshape(r, -1).T, flat @ flat.T
        return Products(trace, same, same, norm)
    shares, times = effects.shares, effects.times
    trace = trace - np.diagonal(g, axis1=2, axis2=3).sum(axis=1) @ shares
    back, forth = g @ times, turned @ times
    trace = trace - np.tensordot(back, times, axes=3)
    q = times.shape[2]
    # L′GL: units, then periods
    root = np.sqrt(shares)
    inner = np.empty((r, n + q, n + q))
    inner[:, :n, :n] = root[:, None] * g.sum(axis=1) * root
    inner[:, :n, n:] = root[:, None] * back.sum(axis=1)
    inner[:, n:, :n] = np.swapaxes(root[:, None] * forth.sum(axis=1), 1, 2)
    inner[:, n:, n:] = times.reshape(t * n, q).T @ back.reshape(r, t * n, q)
    bent, square, norm = np.empty((3, r, r))
    for s, u in combinations_with_replacement(range(r), 2):
        mixed, direct = np.einsum("tij,tij->ij", g[s], turned[u]), np.einsum("tij,tij->ij", g[s], g[u])
        rows, columns = mixed.sum(axis=1), mixed.sum(axis=0)
        first = rows @ shares + np.vdot(forth[s], back[u])
        second = columns @ shares + np.vdot(forth[u], back[s])
        bent[s, u], bent[u, s] = rows.sum() - first, columns.sum() - second
        square[s, u] = square[u, s] = bent[s, u] - second + np.vdot(inner[s], inner[u].T)
        rows, columns = direct.sum(axis=1), direct.sum(axis=0)
        off = (rows + columns) @ shares + np.vdot(forth[s], forth[u]) + np.vdot(back[s], back[u])
        norm[s, u] = norm[u, s] = rows.sum() - off + np.vdot(inner[s], inner[u])
    return Products(trace, bent, square, norm)


def slopes_of(g: FloatArray, effects: Effects | None) -> tuple[FloatArray, FloatArray]:
    """Return tr QG, shape (R,), and tr QG_rG_s, shape (R, R), of `products_of`."""
    r = len(g)
    trace = np.trace(g, axis1=2, axis2=3).sum(axis=1)
    turned = np.swapaxes(g, 2, 3)
    if effects is None:
        return trace, g.reshape(r, -1) @ turned.reshape(r, -1).T
    shares, times = effects.shares, effects.times
    back, forth = g @ times, turned @ times
    trace = trace - np.diagonal(g, axis1=2, axis2=3).sum(axis=1) @ shares - np.tensordot(back, times, axes=3)
    bent = (g * (1 - shares)[:, None]).reshape(r, -1) @ turned.reshape(r, -1).T
    return trace, bent - forth.reshape(r, -1) @ back.reshape(r, -1).T


class Traces:
    """tr QG of one W as a function of ρ, and the logarithm whose slope is minus it.

    ``basis``: a basis of what Q removes; nothing for the likelihood with dummies; shape (T, N, r).
    """

    def __init__(self, weights: PeriodWeights, basis: FloatArray) -> None:
        self.weights, self.basis = weights, basis
        self._shares = self._of_roots()

    def _of_roots(self) -> NDArray[np.complex128] | None:
        """Return what each eigenvalue counts in tr QG, shape (P, N); None where eigenvectors are no good basis."""
        w, basis = self.weights, self.basis
        counts = np.repeat(w.times[:, None], w.blocks.shape[2], axis=1).astype(np.complex128)
        if not basis.shape[2]:
            return counts
        for place, operator in enumerate(w.operators):
            own = basis[w.which == place]
            # Σ LL′ over the periods of this block
            flat = np.ascontiguousarray(own.transpose(1, 0, 2)).reshape(own.shape[1], -1)
            if operator.balance is not None or not operator.w.any():
                root = np.ones(len(flat)) if operator.balance is None else np.sqrt(operator.balance)
                vectors = (
                    np.linalg.eigh(root[:, None] * operator.w / root)[1] if operator.w.any() else np.eye(len(flat))
                )
                left, right = (vectors * root[:, None]).T @ flat, (vectors / root[:, None]).T @ flat
            else:
                # eigenvalues in the order of the operator's own
                vectors = np.linalg.eig(operator.w)[1]
                if np.linalg.cond(vectors) > WELL:
                    return None
                left, right = np.linalg.inv(vectors) @ flat, vectors.T @ flat
            counts[place] -= (left * right).sum(axis=1)
        return counts

    @property
    def smooth(self) -> bool:
        """Whether traces at many places are sums over eigenvalues."""
        return self._shares is not None

    def at(self, rho: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return tr QG and tr QG² at places of ρ, each of shape (m,)."""
        if self._flat is None:
            both = [self._solved(float(one)) for one in rho]
            return np.array([one for one, _ in both]), np.array([two for _, two in both])
        values, shares = self._flat
        roots = values / (1.0 - rho[:, None] * values)
        first = (roots @ shares).real
        roots *= roots
        return np.asarray(first), np.asarray((roots @ shares).real)

    @cached_property
    def _flat(self) -> tuple[NDArray[Any], NDArray[Any]] | None:
        """Eigenvalues that count, and what each counts; real ones where all are."""
        if self._shares is None:
            return None
        values, shares = self.weights.eigenvalues.ravel(), self._shares.ravel()
        counting = np.abs(values) > 0
        values, shares = values[counting], shares[counting]
        real = not values.imag.any() and np.abs(shares.imag).max(initial=0.0) <= 1e-12 * np.abs(shares).max(initial=1.0)
        return (values.real.copy(), shares.real.copy()) if real else (values, shares)

    def _solved(self, rho: float) -> tuple[float, float]:
        g = self.weights.g(np.array([rho]))[0]
        return projected_trace(self.basis, g), projected_trace(self.basis, g @ g)

    @cached_property
    def coarse(self) -> tuple[FloatArray, FloatArray]:
        """Places that cover the range of ρ, and minus the integral of tr QG from zero to them."""
        nodes = coarse_nodes(self.weights.bounds)
        if self._shares is not None:
            logs = np.log(1.0 - nodes[:, None, None] * self.weights.eigenvalues)
            return nodes, np.asarray(np.einsum("mpn,pn->m", logs, self._shares).real)
        if not self.basis.shape[2]:
            return nodes, self.weights.log_determinant(nodes)
        # ln|S| is exact; what Q takes from it is smooth
        known = {float(node): self._g_all(float(node)) for node in nodes}
        nodes = np.array([node for node, g in known.items() if g is not None])
        own = np.array([self.weights.times @ np.trace(g, axis1=1, axis2=2) for g in known.values() if g is not None])
        gap, exact = own - self.at(nodes)[0], self.weights.log_determinant(nodes)
        changes = np.diff(nodes) * (gap[1:] + gap[:-1]) / 2
        # beside a pole both traces are large, and their ratio changes little
        share = gap / np.where(own == 0, 1.0, own)
        by_share = -np.diff(exact) * (share[1:] + share[:-1]) / 2
        outer = np.r_[0:4, len(changes) - 4 : len(changes)]
        changes[outer] = by_share[outer]
        steps = np.concatenate([[0.0], np.cumsum(changes)])
        return nodes, exact + steps - np.interp(0.0, nodes, steps)

    def _g_all(self, rho: float) -> FloatArray | None:
        """Return G; None beside an end of the range, where I - ρW is singular but for rounding."""
        try:
            return np.asarray(self.weights.blocks[0] @ self.weights.inverse(np.array([rho])))
        except np.linalg.LinAlgError:
            return None
