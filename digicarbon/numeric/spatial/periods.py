"""Spatial panels whose units or weights differ between periods, with one or several weights, by (adjusted) likelihood.

All that differs between periods is block-diagonal: cubes have the shape (T, N, k), with zeros where a unit is not
observed, and a block of weights has no row and no column of such a unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from digicarbon.arrays import BoolArray, FloatArray, IntArray
from digicarbon.errors import EstimationError
from digicarbon.note import Note
from digicarbon.numeric.linear.least_squares import triangular
from digicarbon.numeric.linear.within import EffectsKind
from digicarbon.numeric.spatial.operator import DenseOperator, coarse_nodes, find_balance

FLAT, MOST_FLAT = 1e-8, 1e-3
"""Range of the log-likelihood, per observation and at most, that may be only rounding."""
NEWTON = 60
CLOSE, ROUGH = 1e-12, 1e-7
"""Steps of the search for a parameter, the size of the last one relative to its range, and the largest that may be."""
SQUARED, NEAR = 1e-7, 0.2
"""The size of the last of Newton's steps for several parameters, after which the next one would be about its square,
and of the last one for the likelihood where the zero of the adjusted score is sought near its maximum.
"""
WELL = 1e5
"""Condition of eigenvectors up to which traces are taken from them; beyond it each one is a solution."""
LARGE = 0.1
"""A ρ by which (I - ρW)⁻¹ - I can be divided without a loss of digits."""
SAME = 1e-12
"""The smallest eigenvalue of cosines between weights, or between their lags, from which they are told apart."""
PLACES = 9
"""Places in each direction of the first search over several parameters."""


@dataclass(frozen=True, eq=False)
class Effects:
    """The effects of units and periods that an unbalanced panel has, and how they are removed.

    Attributes
    ----------
    present : ndarray of bool, shape (T, N)
    kind : {"none", "unit", "time", "two_way"}
    basis : ndarray, shape (T, N, r)
        An orthonormal basis L of the dummies, so that Q = I - LL′ removes them.
    shares : ndarray, shape (N,)
        One over the number of a unit's periods; zero without effects of units.
    times : ndarray, shape (T, N, q)
        The part of the basis that effects of periods add.
    """

    present: BoolArray
    kind: EffectsKind
    basis: FloatArray
    shares: FloatArray
    times: FloatArray

    @classmethod
    def of(cls, present: BoolArray, kind: EffectsKind) -> Effects:
        """Return the effects of a kind for the cells that are observed."""
        t, n = present.shape
        units, times, shares = np.empty((t, n, 0)), np.empty((t, n, 0)), np.zeros(n)
        counts = present.sum(axis=0)
        if kind in ("unit", "two_way"):
            units = present[:, :, None] * (np.eye(n) / np.sqrt(np.maximum(counts, 1)))[None]
            units = units[:, :, counts > 0]
            shares = np.where(counts > 0, 1 / np.maximum(counts, 1), 0.0)
        if kind in ("time", "two_way"):
            times = present[:, :, None] * np.eye(t)[:, None, :]
            if kind == "two_way":
                times = times - np.where(present[:, :, None], times.sum(axis=0) / np.maximum(counts, 1)[:, None], 0.0)
            vectors, sizes, _ = np.linalg.svd(times.reshape(t * n, t), full_matrices=False)
            # parts of a panel that share no unit have a dummy less for each of them
            times = vectors[:, sizes > 1e-9 * max(float(sizes[0]), 1e-300)].reshape(t, n, -1)
        basis = np.ascontiguousarray(np.concatenate([units, times], axis=2))
        return cls(present, kind, basis, shares, np.ascontiguousarray(times))

    @cached_property
    def size(self) -> int:
        """Number of observations."""
        return int(self.present.sum())

    @cached_property
    def degrees(self) -> int:
        """The trace of Q: observations less independent effects."""
        return self.size - int(self.basis.shape[2])

    def remove(self, cube: FloatArray) -> FloatArray:
        """Return Qx for x of shape (T, N, …)."""
        if not self.basis.shape[2]:
            return cube
        flat, basis = cube.reshape(self.present.size, -1), self.basis.reshape(self.present.size, self.basis.shape[2])
        return np.asarray(flat - basis @ (basis.T @ flat)).reshape(cube.shape)


def projected_trace(basis: FloatArray, g: FloatArray) -> float:
    """Return tr QG with Q = I - LL′ of the basis L, shape (T, N, r), and G of shape (T, N, N)."""
    return float(np.trace(g, axis1=1, axis2=2).sum() - np.vdot(basis, g @ basis))


def projected_products(basis: FloatArray, g: FloatArray) -> tuple[float, float, float, float]:
    """Return tr QG, tr QG², tr QGQG and tr QGQG′.

    Parameters
    ----------
    basis : ndarray, shape (T, N, r)
    g : ndarray, shape (T, N, N)
    """
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

    Notes
    -----
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
    for s, u in product(range(r), repeat=2):
        mixed, direct = np.einsum("tij,tij->ij", g[s], turned[u]), np.einsum("tij,tij->ij", g[s], g[u])
        rows, columns = mixed.sum(axis=1), mixed.sum(axis=0)
        first = rows @ shares + np.vdot(forth[s], back[u])
        second = columns @ shares + np.vdot(forth[u], back[s])
        bent[s, u] = rows.sum() - first
        square[s, u] = bent[s, u] - second + np.vdot(inner[s], inner[u].T)
        rows, columns = direct.sum(axis=1), direct.sum(axis=0)
        off = (rows + columns) @ shares + np.vdot(forth[s], forth[u]) + np.vdot(back[s], back[u])
        norm[s, u] = rows.sum() - off + np.vdot(inner[s], inner[u])
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


@dataclass(frozen=True, eq=False)
class Solved:
    """The inverse of I - Σ ρ_r W_r, shape (P, N, N), and W_r times it, shape (R, P, N, N)."""

    inverse: FloatArray
    g: FloatArray


def _refuse_same(blocks: FloatArray) -> None:
    """Raise if one of several weights is a combination of those before it."""
    flat = blocks.reshape(len(blocks), -1)
    size = np.linalg.norm(flat, axis=1)
    if not size.all():
        return
    cosines = flat @ flat.T / np.outer(size, size)
    for last in range(1, len(blocks)):
        values, vectors = np.linalg.eigh(cosines[: last + 1, : last + 1])
        if values[0] < SAME:
            others = tuple(str(place + 1) for place in np.flatnonzero(np.abs(vectors[:last, 0]) > np.sqrt(SAME)))
            key, number = "model.further_weights", last + 1
            if len(others) == 1:
                raise EstimationError(Note("weights_same", key=key, number=number, others=others))
            raise EstimationError(Note("weights_combined", key=key, number=number, others=others))


class PeriodWeights:
    """Weights of each period as blocks, one or several in each.

    Parameters
    ----------
    blocks : ndarray, shape (R, P, N, N)
        R weights, each with P different blocks, without rows and columns of units that are not observed.
    which : ndarray of int, shape (T,)
        The block of each period.
    present : ndarray of bool, shape (T, N)

    Raises
    ------
    EstimationError
        If one of several weights is a combination of others.
    """

    def __init__(self, blocks: FloatArray, which: IntArray, present: BoolArray) -> None:
        self.blocks, self.which, self.present = blocks, which, present
        self.times = np.bincount(which, minlength=blocks.shape[1])
        if len(blocks) > 1:
            _refuse_same(blocks)

    @property
    def several(self) -> int:
        """Number of weights R."""
        return len(self.blocks)

    def lag(self, cube: FloatArray, place: int = 0) -> FloatArray:
        """Return Wx of one of the weights for x of shape (T, N, k)."""
        return np.asarray(self.blocks[place][self.which] @ cube)

    @cached_property
    def operators(self) -> list[DenseOperator]:
        """The blocks of the first weights that have a link, with their spectrum."""
        out = []
        for block in self.blocks[0]:
            balance = find_balance(scipy.sparse.csr_array(block)) if block.any() else None
            out.append(DenseOperator(block, None, balance))
        return out

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """The interval around zero in which I - ρW is invertible in each period, of one W."""
        ends = [operator.bounds for operator in self.operators if operator.w.any()]
        return max(low for low, _ in ends), min(high for _, high in ends)

    @cached_property
    def eigenvalues(self) -> NDArray[np.complex128]:
        """Eigenvalues of the blocks of one W, shape (P, N)."""
        return np.stack([np.asarray(operator.eigenvalues, dtype=np.complex128) for operator in self.operators])

    def log_determinant(self, rho: FloatArray) -> FloatArray:
        """Return Σ ln|I - ρW| over periods at places of ρ, shape (m,), of one W."""
        roots = np.abs(1.0 - rho[:, None, None] * self.eigenvalues)
        return np.asarray(np.log(roots).sum(axis=2) @ self.times)

    def filter(self, rho: FloatArray) -> FloatArray:
        """Return I - Σ ρ_r W_r, shape (P, N, N)."""
        return np.asarray(np.eye(self.blocks.shape[2]) - self.mixed(rho))

    def mixed(self, rho: FloatArray) -> FloatArray:
        """Return Σ ρ_r W_r, shape (P, N, N)."""
        return np.asarray((rho @ self.blocks.reshape(self.several, -1)).reshape(self.blocks.shape[1:]))

    def stable(self, rho: FloatArray) -> bool:
        """Return whether I - s Σ ρ_r W_r is invertible for each s from 0 to 1, so that the model is stable."""
        mixed = self.mixed(rho)
        if mixed.min(initial=0.0) >= 0:
            # the largest root of weights that are positive is no less than the least row sum among units with links
            linked = mixed.sum(axis=2) > 0
            least = np.where(linked, (mixed @ linked[..., None])[..., 0], np.inf).min(axis=1)
            if (np.isfinite(least) & (least >= 1.0)).any():
                return False
        return self.largest(rho) < 1.0

    def largest(self, rho: FloatArray) -> float:
        """Return the largest real part of the roots of Σ ρ_r W_r, or, where that is less than 1, a number above it."""
        mixed = self.mixed(rho)
        # no root is larger than the largest row sum
        bound = float(np.abs(mixed).sum(axis=2).max())
        return bound if bound < 1.0 else float(np.linalg.eigvals(mixed).real.max())

    def inverse(self, rho: FloatArray) -> FloatArray:
        """Return the inverse of `filter`, shape (P, N, N)."""
        return self.solved(rho).inverse

    def solved(self, rho: FloatArray) -> Solved:
        """Return the inverse of `filter` and G; those of the latest ρ are kept, which a fit needs several times."""
        key = rho.tobytes()
        known: tuple[bytes, Solved] | None = self.__dict__.get("_solved")
        if known is not None and known[0] == key:
            return known[1]
        inverse = np.asarray(np.linalg.inv(self.filter(rho)))
        if len(rho) == 1 and abs(float(rho[0])) > LARGE:
            # W(I - ρW)⁻¹ = ((I - ρW)⁻¹ - I)/ρ, which costs no product
            g = (inverse - np.eye(len(inverse[0])))[None] / rho[0]
        else:
            g = self.blocks @ inverse
        made = Solved(inverse, np.asarray(g))
        self.__dict__["_solved"] = key, made
        return made

    def g(self, rho: FloatArray) -> FloatArray:
        """Return W_r (I - Σ ρ_r W_r)⁻¹ in each period, shape (R, T, N, N)."""
        g = self.solved(rho).g
        # where all periods differ there is nothing to copy
        return g if len(self.which) == g.shape[1] else np.asarray(g[:, self.which])


class Traces:
    """tr QG of one W as a function of ρ, and the logarithm whose slope is minus it.

    Parameters
    ----------
    weights : PeriodWeights
    basis : ndarray, shape (T, N, r)
        Of what Q removes; nothing for the likelihood with dummies.
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
        own = np.array([float(self.weights.times @ np.trace(self._g_all(node), axis1=1, axis2=2)) for node in nodes])
        gap, exact = own - self.at(nodes)[0], self.weights.log_determinant(nodes)
        changes = np.diff(nodes) * (gap[1:] + gap[:-1]) / 2
        # beside a pole both traces are large, and their ratio changes little
        share = gap / np.where(own == 0, 1.0, own)
        by_share = -np.diff(exact) * (share[1:] + share[:-1]) / 2
        outer = np.r_[0:4, len(changes) - 4 : len(changes)]
        changes[outer] = by_share[outer]
        steps = np.concatenate([[0.0], np.cumsum(changes)])
        return nodes, exact + steps - np.interp(0.0, nodes, steps)

    def _g_all(self, rho: float) -> FloatArray:
        return np.asarray(self.weights.blocks[0] @ self.weights.inverse(np.array([rho])))


def solve_lag(
    moments: tuple[FloatArray, FloatArray, FloatArray], traces: Traces, degrees: int
) -> tuple[FloatArray, BoolArray]:
    """Return ρ of many outcomes, and whether it is at the end of its range, each of shape (M,).

    Parameters
    ----------
    moments : tuple of three ndarrays, shape (M,)
        y′y, y′Wy and (Wy)′Wy, effects and regressors removed.
    traces : Traces
    degrees : int
        What the sum of squares is divided by.

    Raises
    ------
    EstimationError
        If no outcome says anything about ρ.

    Notes
    -----
    The zero of (Wy)′e d/e′e - tr QG(ρ), with e = y - ρWy, near the highest of the places that cover the range. Without
    effects in Q this is the slope of the concentrated likelihood.
    """
    a, b, c = moments
    nodes, jacobian = traces.coarse
    ssr = a - 2 * nodes[:, None] * b + nodes[:, None] ** 2 * c
    heights = jacobian[:, None] - degrees / 2 * np.log(np.maximum(ssr, 1e-300))
    edge = len(nodes) // 8
    if (np.ptp(heights[edge:-edge], axis=0) <= min(FLAT * degrees, MOST_FLAT)).all():
        raise EstimationError(Note("spatial_parameter_flat"))
    best = np.clip(heights.argmax(axis=0), 1, len(nodes) - 2)
    low, high, rho = nodes[best - 1].copy(), nodes[best + 1].copy(), nodes[best].copy()
    left, right = traces.weights.bounds
    active = np.arange(len(rho))
    for _ in range(NEWTON):
        at, own_a, own_b, own_c = rho[active], a[active], b[active], c[active]
        first, second = traces.at(at)
        e = own_a - 2 * at * own_b + at**2 * own_c
        cross = own_b - at * own_c
        slope = degrees * cross / e - first
        bend = degrees * (2 * cross**2 / e - own_c) / e - second
        low[active], high[active] = np.where(slope > 0, at, low[active]), np.where(slope > 0, high[active], at)
        step = np.where(bend < 0, at - slope / np.where(bend < 0, bend, -1.0), np.inf)
        inside = (step > low[active]) & (step < high[active])
        rho[active] = np.where(inside, step, (low[active] + high[active]) / 2)
        active = active[np.abs(rho[active] - at) > CLOSE * (right - left)]
        if not len(active):
            break
    margin = 1e-5 * (right - left)
    return rho, (rho - left < margin) | (right - rho < margin)


@dataclass(frozen=True, eq=False)
class PeriodFit:
    """Estimates of a spatial panel by periods.

    Attributes
    ----------
    beta : ndarray, shape (k,)
    spatial : ndarray, shape (R,)
        ρ of each W, or λ; empty without a spatial parameter.
    sigma2 : float
    covariance : ndarray, shape (k + R + 1, k + R + 1)
        Order β, spatial parameters, σ².
    loglik : float
        Of the model with dummies, at the estimates, with all constants; with the adjusted score σ² is of that one.
    residuals : ndarray, shape (T, N)
        Effects removed; zero where a unit is not observed.
    boundary : bool
    bread : ndarray, shape (k + R + 1, k + R + 1)
        Inverse of minus the mean slope of the scores; without ρ, which is given, at an end of its range.
    linear : ndarray, shape (T, N, k + R)
        What errors are multiplied by in the scores of β and ρ, times σ².
    """

    beta: FloatArray
    spatial: FloatArray
    sigma2: float
    covariance: FloatArray
    loglik: float
    residuals: FloatArray
    boundary: bool
    bread: FloatArray
    linear: FloatArray


def fit_linear(columns: FloatArray, effects: Effects, adjusted: bool) -> PeriodFit:
    """Fit y = Zβ + effects + ε by least squares; ``columns``, shape (T, N, k + 1), are Z and y, effects removed."""
    k = columns.shape[2] - 1
    flat = columns.reshape(-1, k + 1)
    beta = np.asarray(np.linalg.lstsq(flat[:, :k], flat[:, k], rcond=None)[0], dtype=np.float64)
    e = flat[:, k] - flat[:, :k] @ beta
    degrees = effects.degrees if adjusted else effects.size
    sigma2 = float(e @ e) / degrees
    covariance = np.zeros((k + 1, k + 1))
    covariance[:k, :k] = sigma2 * np.linalg.inv(flat[:, :k].T @ flat[:, :k])
    covariance[k, k] = 2 * sigma2**2 / degrees
    residuals, loglik = e.reshape(columns.shape[:2]), _gaussian(float(e @ e), 0.0, effects)
    return PeriodFit(beta, np.empty(0), sigma2, covariance, loglik, residuals, False, covariance, columns[..., :k])


def fit_lags(
    columns: FloatArray, weights: PeriodWeights, effects: Effects, adjusted: bool, traces: Traces | None = None
) -> PeriodFit:
    """Fit y = Σ ρ_r W_r y + Zβ + effects + ε.

    Parameters
    ----------
    columns : ndarray, shape (T, N, k + 1 + R)
        Z, y and W_r y, effects removed.
    weights : PeriodWeights
    effects : Effects
    adjusted : bool
        Whether ρ is the zero of the adjusted score; else the likelihood with dummies is highest there.
    traces : Traces or None
        Of one W, with the effects' basis for the adjusted score, else without; made where it is None.

    Raises
    ------
    EstimationError
        If the outcome says nothing about ρ, or the search for several does not end.

    Notes
    -----
    With Q = I - LL′ the adjusted score is (W_r y)′Qe/σ² - tr QG_r, e′Qe = σ² tr Q (Meng & Yang 2021; for a balanced
    panel with one W the transformation likelihood of Lee & Yu 2010). It is not the slope of a likelihood, so that the
    covariance is J⁻¹ΩJ⁻¹′; see `_lag_covariance`.
    """
    r = weights.several
    k = columns.shape[2] - 1 - r
    flat = columns.reshape(-1, k + 1 + r)
    z = flat[:, :k]
    factor = triangular(flat)
    rest = factor[k:, k:]
    gram = rest.T @ rest
    degrees = effects.degrees if adjusted else effects.size
    if r == 1:
        of_one = traces or Traces(weights, effects.basis if adjusted else effects.basis[..., :0])
        found, end = solve_lag((gram[:1, 0], gram[:1, 1], gram[1:2, 1]), of_one, degrees)
        rho, boundary = found, bool(end[0])
    else:
        rho, boundary = _solve_several(gram, weights, effects, adjusted)
    both = np.concatenate([[1.0], -rho])
    beta = scipy.linalg.solve_triangular(factor[:k, :k], factor[:k, k:] @ both) if k else np.empty(0)
    e = flat[:, k:] @ both - z @ beta
    ssr = float(e @ e)
    residuals = e.reshape(columns.shape[:2])
    if boundary:
        # I - ΣρW is almost singular there
        covariance = np.full((k + r + 1, k + r + 1), np.nan)
        covariance[:k, :k] = ssr / degrees * np.linalg.inv(factor[:k, :k].T @ factor[:k, :k])
        covariance[-1, -1] = 2 * (ssr / degrees) ** 2 / degrees
        bread, linear = np.nan_to_num(covariance), np.zeros((*columns.shape[:2], k + r))
        linear[..., :k] = columns[..., :k]
    else:
        covariance, bread, linear = _lag_covariance(columns, residuals, rho, ssr / degrees, weights, effects, adjusted)
    if r == 1:
        log_determinant = float(weights.log_determinant(rho)[0])
    else:
        log_determinant = float(np.linalg.slogdet(weights.filter(rho))[1] @ weights.times)
    loglik = _gaussian(ssr, log_determinant, effects)
    return PeriodFit(beta, rho, ssr / degrees, covariance, loglik, residuals, boundary, bread, linear)


def _gaussian(ssr: float, log_determinant: float, effects: Effects) -> float:
    n = effects.size
    return float(log_determinant - n / 2 * (np.log(2 * np.pi * ssr / n) + 1))


def _lag_covariance(
    columns: FloatArray,
    residuals: FloatArray,
    rho: FloatArray,
    sigma2: float,
    weights: PeriodWeights,
    effects: Effects,
    adjusted: bool,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the covariance of (β, ρ, σ²), J⁻¹, each of shape (k + R + 1, k + R + 1), and Z with Qη, (T, N, k + R).

    Notes
    -----
    With η_r = G_r(Zβ + effects), under normal errors the variance of the adjusted scores is
    Ω_rs = η_r′Qη_s/σ² + tr QG_rG_s′ + tr QG_rQG_s and minus their mean slope J_rs has tr QG_rG_s in place of the last
    term. What Qη is estimated by, QWy - QGe, has the noise QG(I - Q)ε, whose size tr QG_r(I - Q)G_s′ is taken off.
    """
    r, size = weights.several, columns.shape[0] * columns.shape[1]
    k = columns.shape[2] - 1 - r
    flat = columns.reshape(size, -1)
    z = flat[:, :k]
    g = weights.g(rho)
    degrees = effects.degrees if adjusted else effects.size
    noise = effects.remove(np.moveaxis((g @ residuals[..., None])[..., 0], 0, 2)).reshape(size, r)
    both = np.concatenate([z, flat[:, k + 1 :] - noise], axis=1)
    slope = np.zeros((k + r + 1, k + r + 1))
    slope[: k + r, : k + r] = both.T @ both / sigma2
    spread = slope.copy()
    # the likelihood's own scores are of all errors, effects or not
    of = products_of(g, effects if adjusted else None)
    slope[k:-1, k:-1] += of.norm + of.bent
    spread[k:-1, k:-1] += of.norm + of.square
    for matrix in (slope, spread):
        matrix[k:-1, -1] = matrix[-1, k:-1] = of.trace / sigma2
    slope[-1, -1] = spread[-1, -1] = degrees / (2 * sigma2**2)
    # columns in small units must not cost digits
    scale = 1 / np.sqrt(np.abs(np.diagonal(slope)))
    inverse = np.linalg.inv(slope * scale[:, None] * scale) * scale[:, None] * scale
    return np.asarray(inverse @ spread @ inverse.T), inverse, both.reshape(*columns.shape[:2], k + r)


def _solve_several(
    gram: FloatArray, weights: PeriodWeights, effects: Effects, adjusted: bool
) -> tuple[FloatArray, bool]:
    """Return ρ of several W, shape (R,), and whether it is at the end of the stable region."""
    size = np.sqrt(gram.diagonal()[1:])
    if not size.all() or np.linalg.eigvalsh(gram[1:, 1:] / np.outer(size, size))[0] < SAME:
        raise EstimationError(Note("lags_not_apart", key="model.further_weights"))
    places, jacobian = table_of(weights)
    sides = np.concatenate([np.ones((len(places), 1)), -places], axis=1)
    heights = jacobian - effects.size / 2 * np.log(np.einsum("mi,ij,mj->m", sides, gram, sides))
    if np.ptp(heights) <= min(FLAT * effects.size, MOST_FLAT):
        raise EstimationError(Note("spatial_parameter_flat"))
    rho = places[heights.argmax()]
    least = np.asarray(np.linalg.solve(gram[1:, 1:], gram[1:, 0]), dtype=np.float64)
    if weights.stable(least):
        # where errors are small the maximum is between the places, close to least squares
        side = np.concatenate([[1.0], -least])
        height = float(np.linalg.slogdet(weights.filter(least))[1] @ weights.times)
        rho = least if height - effects.size / 2 * np.log(side @ gram @ side) > heights.max() else rho
    # the likelihood first: its slope leads to a maximum; then the adjusted score, whose zero is near
    rho = _newton(rho, gram, weights, None, effects.size, NEAR if adjusted else SQUARED)
    if rho is not None and adjusted:
        rho = _newton(rho, gram, weights, effects, effects.degrees)
    if rho is None:
        raise EstimationError(Note("several_weights_no_maximum"))
    return rho, weights.largest(rho) > 1 - 1e-5


def _newton(
    rho: FloatArray,
    gram: FloatArray,
    weights: PeriodWeights,
    effects: Effects | None,
    degrees: int,
    close: float = SQUARED,
) -> FloatArray | None:
    """Return the zero of the scores near ρ; None where the steps do not end."""
    step = np.ones_like(rho)
    for _ in range(NEWTON):
        trace, bent = slopes_of(weights.g(rho), effects)
        side = np.concatenate([[1.0], -rho])
        along = gram @ side
        ssr, cross = float(side @ along), along[1:]
        scores = degrees * cross / ssr - trace
        bend = degrees * (2 * np.outer(cross, cross) / ssr - gram[1:, 1:]) / ssr - bent
        if np.linalg.eigvalsh((bend + bend.T) / 2).max() >= 0:
            # far from the maximum: towards the least sum of squares
            bend = -degrees * gram[1:, 1:] / ssr
        step = -np.linalg.solve(bend, scores)
        while not weights.stable(rho + step):
            step = step / 2
            if np.abs(step).max() < CLOSE:
                return rho
        rho = rho + step
        if np.abs(step).max() < close:
            return rho
    # where y has hardly any errors, rounding leaves more than the smallest step
    return rho if np.abs(step).max() < ROUGH else None


def table_of(weights: PeriodWeights) -> tuple[FloatArray, FloatArray]:
    """Return stable places of several ρ, shape (m, R), and Σ ln|I - Σ ρ_r W_r| there; made once for the weights."""
    known = weights.__dict__.get("_table")
    if known is not None:
        return known[0], known[1]
    scale = np.abs(weights.blocks).sum(axis=3).max(axis=(1, 2))
    steps = np.linspace(-0.9, 0.9, PLACES if weights.several < 3 else 5)
    every = np.array(list(product(steps, repeat=weights.several)))
    places = every[np.abs(every).sum(axis=1) < 0.95] / np.maximum(scale, 1e-300)
    jacobian = np.array([np.linalg.slogdet(weights.filter(place))[1] @ weights.times for place in places])
    weights.__dict__["_table"] = places, jacobian
    return places, jacobian


class FilteredEffects:
    """What filtered effects (I - λW)L of a model with a spatial error have in common for all regressors and outcomes.

    Parameters
    ----------
    weights : PeriodWeights
        One W.
    effects : Effects
    """

    def __init__(self, weights: PeriodWeights, effects: Effects) -> None:
        self.weights, self.effects = weights, effects
        self.lagged = weights.lag(effects.basis)
        self.powers = powers_of(effects.basis, self.lagged, effects.basis, self.lagged)

    @cached_property
    def coarse(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Places λ that cover the range, inverse Cholesky factors of L′S′SL there, and half of its log-determinants."""
        nodes = coarse_nodes(self.weights.bounds)
        roots = np.linalg.cholesky(at_each(self.powers, nodes))
        logs = np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1)
        return nodes, np.linalg.inv(roots), logs


def powers_of(level: FloatArray, lagged: FloatArray, other: FloatArray, of_other: FloatArray) -> FloatArray:
    """Return the matrices that 1, -λ and λ² combine to a′S′Sb, shape (3, p, q), of cubes and their lags."""
    size = level.shape[0] * level.shape[1]
    a, wa, b, wb = (cube.reshape(size, cube.shape[2]) for cube in (level, lagged, other, of_other))
    return np.stack([a.T @ b, a.T @ wb + wa.T @ b, wa.T @ wb])


def at_each(powers: FloatArray, lam: FloatArray) -> FloatArray:
    """Return what 1, -λ and λ² combine powers, shape (3, p, q), to at each λ, shape (m, p, q)."""
    return np.asarray(powers[0] - lam[:, None, None] * powers[1] + lam[:, None, None] ** 2 * powers[2])


class ErrorPeriods:
    """A model y = Zβ + effects + u, u = λWu + ε, with the products of its columns that λ combines.

    Parameters
    ----------
    z : ndarray, shape (T, N, k)
        Raw.
    weights : PeriodWeights
        One W.
    effects : Effects
    adjusted : bool
        Whether λ is the zero of the adjusted score.
    filtered : FilteredEffects or None
        Of the weights and effects; made where it is None.

    Notes
    -----
    The filter changes the dummies: Q_λ removes (I - λW)L. The slope of ½ ln|L′S′SL| is -tr (I - Q_λ)G, so that the
    adjusted score is that of a likelihood, the one of what is left of y without the effects.
    """

    def __init__(
        self,
        z: FloatArray,
        weights: PeriodWeights,
        effects: Effects,
        adjusted: bool,
        filtered: FilteredEffects | None = None,
    ) -> None:
        self.weights, self.effects, self.adjusted = weights, effects, adjusted
        self._shared = filtered or FilteredEffects(weights, effects)
        of_z = weights.lag(z)
        self.x = np.concatenate([effects.basis, z], axis=2)
        self.lagged = np.concatenate([self._shared.lagged, of_z], axis=2)
        self.r, self.k = effects.basis.shape[2], z.shape[2]
        self.degrees = effects.degrees if adjusted else effects.size
        sides = powers_of(self.x, self.lagged, z, of_z)
        self._powers = np.empty((3, self.r + self.k, self.r + self.k))
        self._powers[:, : self.r, : self.r] = self._shared.powers
        self._powers[:, :, self.r :] = sides
        self._powers[:, self.r :, : self.r] = np.swapaxes(sides[:, : self.r], 1, 2)

    def _with(self, y: FloatArray) -> FloatArray:
        """Return the products of x and y, shape (3, p + 1, p + 1)."""
        own = y[..., None]
        wy, p = self.weights.lag(own), self.r + self.k
        out = np.empty((3, p + 1, p + 1))
        out[:, :p, :p] = self._powers
        out[:, :p, p] = out[:, p, :p] = powers_of(self.x, self.lagged, own, wy)[..., 0]
        out[:, p, p] = powers_of(own, wy, own, wy)[:, 0, 0]
        return out

    def fit(self, y: FloatArray) -> PeriodFit:
        """Fit the model to an outcome, shape (T, N), raw.

        Raises
        ------
        EstimationError
            If the outcome says nothing about λ.
        """
        powers = self._with(y)
        nodes, heights = self._heights(powers)
        edge = len(nodes) // 8
        if np.ptp(heights[edge:-edge]) <= min(FLAT * self.degrees, MOST_FLAT):
            raise EstimationError(Note("spatial_parameter_flat"))
        best = min(max(int(heights.argmax()), 1), len(nodes) - 2)
        low, high = float(nodes[best - 1]), float(nodes[best + 1])
        slopes = self._slope(powers, low), self._slope(powers, high)
        left, right = self.weights.bounds
        if slopes[0] > 0 > slopes[1]:
            lam = float(scipy.optimize.brentq(lambda at: self._slope(powers, at), low, high, xtol=1e-15, rtol=1e-14))
        else:
            lam = low if slopes[0] <= 0 else high
        margin = 1e-5 * (right - left)
        return self._at(powers, y, lam, bool(lam - left < margin or right - lam < margin))

    def factored(self, lam: float) -> tuple[FloatArray, FloatArray, float]:
        """Return the Cholesky factor of x′S′Sx, the block of Z of its inverse, and what is added to the sum of squares.

        The last one are the log-determinants in what is maximised.
        """
        stack = self._powers[0] - lam * self._powers[1] + lam**2 * self._powers[2]
        root = np.linalg.cholesky(stack)
        constant = float(self.weights.log_determinant(np.array([lam]))[0])
        if self.adjusted:
            constant -= float(np.log(np.diagonal(root)[: self.r]).sum())
        # the last rows of a triangular factor are that of what is left of Z
        own = np.linalg.inv(root[self.r :, self.r :])
        return root, own.T @ own, constant

    def filtered(self, lam: float) -> FloatArray:
        """Return regressors filtered by I - λW, without the filtered effects, shape (T, N, k)."""
        stack = self._powers[0] - lam * self._powers[1] + lam**2 * self._powers[2]
        columns = (self.x - lam * self.lagged).reshape(-1, self.r + self.k)
        along = np.linalg.solve(stack[: self.r, : self.r], stack[: self.r, self.r :])
        return np.asarray(columns[:, self.r :] - columns[:, : self.r] @ along).reshape(*self.x.shape[:2], self.k)

    def _heights(self, powers: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return places that cover the range of λ, and what is maximised there."""
        nodes, inverse, of_effects = self._shared.coarse
        r = self.r
        # regressors and outcome without the filtered effects
        sides = inverse @ at_each(powers[:, :r, r:], nodes)
        left = at_each(powers[:, r:, r:], nodes) - np.swapaxes(sides, 1, 2) @ sides
        # columns in small units must not count as dependent
        scale = 1 / np.sqrt(np.maximum(np.diagonal(left, axis1=1, axis2=2), 1e-300))
        roots = np.linalg.cholesky(left * scale[:, :, None] * scale[:, None, :])
        logs = np.log(roots[:, -1, -1] / scale[:, -1])
        out = self.weights.log_determinant(nodes) - self.degrees * logs
        return nodes, np.asarray(out - of_effects if self.adjusted else out)

    def _slope(self, powers: FloatArray, lam: float) -> float:
        stack = powers[0] - lam * powers[1] + lam**2 * powers[2]
        moved = 2 * lam * powers[2] - powers[1]
        # columns in small units must not cost digits
        scale = 1 / np.sqrt(np.maximum(np.diagonal(stack)[:-1], 1e-300))
        root = scipy.linalg.cholesky(stack[:-1, :-1] * scale[:, None] * scale, lower=True, check_finite=False)
        sides = stack[:-1, -1] * scale
        coefficients = scale * scipy.linalg.cho_solve((root, True), sides, check_finite=False)
        side = np.concatenate([-coefficients, [1.0]])
        ssr, change = float(side @ stack @ side), float(side @ moved @ side)
        roots = self.weights.eigenvalues / (1.0 - lam * self.weights.eigenvalues)
        slope = -float(roots.sum(axis=1).real @ self.weights.times) - self.degrees / 2 * change / ssr
        if self.adjusted and self.r:
            # the first rows of a triangular factor are that of the effects
            inverse = scipy.linalg.lapack.dpotri(root[: self.r, : self.r], lower=True)[0]
            inverse *= scale[: self.r, None] * scale[: self.r]
            side_of = moved[: self.r, : self.r]
            lower = float(np.vdot(np.tril(inverse, -1), side_of)) * 2 + float(
                np.diagonal(inverse) @ np.diagonal(side_of)
            )
            slope -= lower / 2
        return slope

    def _at(self, powers: FloatArray, y: FloatArray, lam: float, boundary: bool) -> PeriodFit:
        stack = powers[0] - lam * powers[1] + lam**2 * powers[2]
        coefficients = np.linalg.solve(stack[:-1, :-1], stack[:-1, -1])
        rest = y - self.x @ coefficients
        residuals = rest - lam * self.weights.lag(rest[..., None])[..., 0]
        ssr = float(np.vdot(residuals, residuals))
        sigma2, r, k = ssr / self.degrees, self.r, self.k
        covariance = np.zeros((k + 2, k + 2))
        covariance[:k, :k] = sigma2 * np.linalg.inv(stack[:-1, :-1])[r:, r:]
        filtered = (self.x - lam * self.lagged)[..., :r]
        basis = filtered[..., :0]
        if self.adjusted and r:
            factor = np.linalg.cholesky(stack[:r, :r])
            flat = scipy.linalg.solve_triangular(factor, filtered.reshape(-1, r).T, lower=True).T
            basis = flat.reshape(filtered.shape)
        g = self.weights.g(np.array([lam]))[0]
        trace, _, square, norm = projected_products(basis, g)
        trace /= sigma2
        information = np.array([[square + norm, trace], [trace, self.degrees / (2 * sigma2**2)]])
        covariance[k:, k:] = np.linalg.inv(information)
        log_determinant = float(self.weights.log_determinant(np.array([lam]))[0])
        loglik = _gaussian(ssr, log_determinant, self.effects)
        linear = np.concatenate([self.filtered(lam), np.zeros((*residuals.shape, 1))], axis=2)
        return PeriodFit(
            coefficients[r:], np.array([lam]), sigma2, covariance, loglik, residuals, boundary, covariance, linear
        )


@dataclass(frozen=True, eq=False)
class Multipliers:
    """What coefficients count in mean effects, by period.

    Attributes
    ----------
    direct, total : ndarray, shape (T, R + 1)
        Sums over a period's units of the diagonal and of the row sums of S⁻¹ and of S⁻¹W_r.
    slopes : ndarray, shape (2, T, R + 1, R)
        Derivatives of both in each ρ; zero without a spatial lag of y.
    """

    direct: FloatArray
    total: FloatArray
    slopes: FloatArray

    def of_period(self, place: int) -> Multipliers:
        """Return those of one period."""
        own = slice(place, place + 1)
        return Multipliers(self.direct[own], self.total[own], self.slopes[:, own])


def multipliers(weights: PeriodWeights, rho: FloatArray | None) -> Multipliers:
    """Return the multipliers at ρ; None stands for a model without a spatial lag of y."""
    r, which = weights.several, weights.which
    t = len(which)
    present = weights.present.astype(np.float64)
    columns = present[..., None]
    counts = present.sum(axis=1)
    lagged = (weights.blocks[:, which] @ columns)[..., 0]
    direct, total, slopes = np.zeros((t, r + 1)), np.zeros((t, r + 1)), np.zeros((2, t, r + 1, r))
    if rho is None:
        direct[:, 0] = total[:, 0] = counts
        total[:, 1:] = (lagged * present).sum(axis=2).T
        return Multipliers(direct, total, slopes)
    solved = weights.solved(rho)
    inverse, g = solved.inverse, solved.g
    turned = np.swapaxes(inverse, 1, 2)
    # units that are not observed have a one on the diagonal of the inverse
    absent = present.shape[1] - counts
    direct[:, 0] = np.trace(inverse, axis1=1, axis2=2)[which] - absent
    # traces of S⁻¹W_r are those of G_r = W_rS⁻¹, those of S⁻¹W_sS⁻¹W_r of G_sG_r
    direct[:, 1:] = np.trace(g, axis1=2, axis2=3)[:, which].T
    left = (turned[which] @ columns)[..., 0]
    along = np.stack([present, *lagged])
    right = (inverse[which] @ along[..., None])[..., 0]
    total[:] = np.einsum("ti,rti->tr", left, along)
    for s in range(r):
        slopes[0, :, 0, s] = np.einsum("pij,pij->p", turned, g[s])[which]
        for u in range(r):
            slopes[0, :, 1 + u, s] = np.einsum("pij,pji->p", g[s], g[u])[which]
        moved = (weights.blocks[s][which] @ right[..., None])[..., 0]
        slopes[1, :, :, s] = np.einsum("ti,rti->tr", left, moved)
    return Multipliers(direct, total, slopes)


def mean_effects(
    coefficients: FloatArray, covariance: FloatArray, of: Multipliers, counts: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return direct, indirect and total effects and their delta errors, each of shape (3, k).

    Parameters
    ----------
    coefficients : ndarray, shape (k, R + 1)
        β and θ_r of each variable; zero where x has no such lag.
    covariance : ndarray, shape (k (R + 1) + R, k (R + 1) + R)
        Of the coefficients by variable, then of ρ.
    of : Multipliers
        Those of the periods of the mean.
    counts : ndarray, shape (T,)
        Observed units of these periods.

    Notes
    -----
    Means are over observations: a period counts as many times as it has units.
    """
    k, width = coefficients.shape
    values, errors = np.empty((3, k)), np.empty((3, k))
    n = float(counts.sum())
    levels = [of.direct.sum(axis=0) / n, of.total.sum(axis=0) / n]
    slopes = [part.sum(axis=0) / n for part in of.slopes]
    levels, slopes = [levels[0], levels[1] - levels[0], levels[1]], [slopes[0], slopes[1] - slopes[0], slopes[1]]
    for place, (level, slope) in enumerate(zip(levels, slopes, strict=True)):
        for variable in range(k):
            gradient = np.zeros(len(covariance))
            gradient[variable * width : (variable + 1) * width] = level
            gradient[k * width :] = coefficients[variable] @ slope
            values[place, variable] = coefficients[variable] @ level
            errors[place, variable] = np.sqrt(max(float(gradient @ covariance @ gradient), 0.0))
    return values, errors


def distinct(blocks: Sequence[FloatArray]) -> tuple[FloatArray, IntArray]:
    """Return different ones of each period's weights, shape (R, N, N) each, and which one a period has.

    Returns
    -------
    blocks : ndarray, shape (R, P, N, N)
    which : ndarray of int, shape (T,)
    """
    places: dict[bytes, int] = {}
    which = np.array([places.setdefault(block.tobytes(), len(places)) for block in blocks], dtype=np.int64)
    first = [int(np.flatnonzero(which == place)[0]) for place in range(len(places))]
    return np.ascontiguousarray(np.stack([blocks[place] for place in first], axis=1)), which
