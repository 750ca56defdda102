"""Sums over the eigenvalues of a weight matrix, as weighted sums over few places.

Everything that a dynamic spatial panel needs of W besides its lags is the trace of a function of W: a sum over its
eigenvalues. Small matrices have them; of a large sparse one whose spectrum is real, traces of Chebyshev polynomials are
estimated once, and functions are then sums over Chebyshev's places.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.note import Note
from digicarbon.numeric.spatial.operator import DenseOperator, SpatialOperator
from digicarbon.numeric.spatial.sparse import SparseOperator

Values = NDArray[np.floating[Any]] | NDArray[np.complexfloating[Any, Any]]
"""Numbers at eigenvalues, which may be complex."""
MOST_EXACT = 1000
"""Units up to which all eigenvalues of a sparse W are computed."""
MOST_UNBALANCED = 4000
"""The same for a W whose eigenvalues are complex: there is no other way for it."""
PLACES = 64
"""Chebyshev places of a large W: enough for a largest root of 0.8 with six digits."""
PROBES = 48
"""Vectors of random signs that traces of a large W are estimated from."""
REAL = 1e-9


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Places and weights whose weighted sums are traces of functions of W."""

    nodes: Values
    """Real, or complex with one of each pair, shape (m,)."""
    weights: FloatArray
    """Shape (m,)."""
    ends: Values
    """The eigenvalues between which all others lie; all of them where some are complex."""
    error: float = 0.0
    """Standard error of a trace relative to its size, 0 where the nodes are eigenvalues."""

    @cached_property
    def count(self) -> float:
        """Number of eigenvalues."""
        return float(self.weights.sum())

    @cached_property
    def powers(self) -> Values:
        """Weights times 1, ω and ω², shape (m, 3)."""
        out = np.stack([self.weights, self.weights * self.nodes, self.weights * self.nodes * self.nodes], axis=1)
        return out if np.iscomplexobj(out) else np.asarray(out, dtype=np.float64)

    def sums(self, values: Values) -> FloatArray:
        """Return sums over all eigenvalues of values, shape (..., m), times 1, ω and ω²: shape (..., 3)."""
        return np.asarray((values @ self.powers).real)


@lru_cache(maxsize=16)
def spectrum_of(w: SpatialOperator, drops_constant: bool) -> Spectrum:
    """Return the spectrum of W; without the constant's root c where the transformation drops the constant.

    Raises EstimationError if W is large and its eigenvalues are complex.
    """
    c = float(w.constant_row_sum or 0.0)
    if isinstance(w, DenseOperator):
        return _exact(w.eigenvalues, c, drops_constant)
    if not isinstance(w, SparseOperator) or (w.balance is None and w.n > MOST_UNBALANCED):
        raise EstimationError(Note("no_spectrum", units=w.n))
    if w.balance is None:
        return _exact(_roots(w), c, drops_constant)
    if w.n <= MOST_EXACT:
        return _exact(w.dense.eigenvalues, c, drops_constant)
    return _estimated(w, c, drops_constant)


@lru_cache(maxsize=8)
def _roots(w: SparseOperator) -> Values:
    """Return the eigenvalues of W without its eigenvectors, which take several times as long."""
    roots = np.linalg.eigvals(w.w.toarray())
    return roots if np.abs(roots.imag).max() > REAL * np.abs(roots).max() else roots.real


def _exact(roots: Values, c: float, drops_constant: bool) -> Spectrum:
    if drops_constant:
        roots = roots[np.arange(len(roots)) != np.abs(roots - c).argmin()]
    if np.iscomplexobj(roots):
        size = REAL * np.abs(roots).max()
        # of a pair of complex roots one counts twice
        weights = np.where(np.abs(roots.imag) <= size, 1.0, 2.0)
        keep = roots.imag >= -size
        return Spectrum(roots[keep], weights[keep], roots[keep])
    order = np.sort(roots.real)
    return Spectrum(order, np.ones(len(order)), order[[0, -1]])


def _estimated(w: SparseOperator, c: float, drops_constant: bool) -> Spectrum:
    """Return Chebyshev's places with weights from traces of polynomials.

    tr T_k(W) up to k = 4 is exact; from there on it is Hutchinson's (1990) estimate by random signs, less what the same
    signs give for the exact ones.
    """
    low, high = 1 / w.bounds[0], 1 / w.bounds[1]
    half, middle = (high - low) / 2, (high + low) / 2
    balance = np.ones(w.n) if w.balance is None else np.sqrt(w.balance)
    z = np.random.default_rng(0).choice([-1.0, 1.0], size=(w.n, PROBES))

    def times(columns: FloatArray) -> FloatArray:
        # the symmetric matrix that has the same roots
        return np.asarray((balance[:, None] * (w.w @ (columns / balance[:, None])) - middle * columns) / half)

    before, now = z, times(z)
    moments = np.empty((PLACES, PROBES))
    moments[0], moments[1] = w.n, (z * now).sum(axis=0)
    for k in range(1, PLACES // 2 + 1):
        # T_2k = 2 T_k² - T_0 and T_(2k+1) = 2 T_k T_(k+1) - T_1: half of the products give all moments
        after = 2 * times(now) - before
        if 2 * k < PLACES:
            moments[2 * k] = 2 * (now * now).sum(axis=0) - w.n
        if 2 * k + 1 < PLACES:
            moments[2 * k + 1] = 2 * (now * after).sum(axis=0) - moments[1]
        before, now = now, after
    known = _low_moments(w, middle, half)
    control = moments[1 : len(known)]
    centred = control - control.mean(axis=1, keepdims=True)
    slope = np.linalg.lstsq(centred.T, (moments - moments.mean(axis=1, keepdims=True)).T, rcond=None)[0]
    adjusted = moments - slope.T @ (control - known[1:, None])
    adjusted[: len(known)] = known[:, None]
    angles = (np.arange(PLACES) + 0.5) * np.pi / PLACES
    # discrete orthogonality: the weights of the places are a cosine transform of the moments
    cosines = np.cos(np.outer(angles, np.arange(PLACES)))
    scale = np.where(np.arange(PLACES) == 0, 1.0, 2.0) / PLACES
    by_probe = cosines @ (scale[:, None] * adjusted)
    nodes, weights = middle + half * np.cos(angles), by_probe.mean(axis=1)
    # what a resolvent of 0.5 has as its error stands for all
    probe = (1 / (1 - 0.5 * nodes / high)) @ by_probe
    error = float(probe.std(ddof=1) / np.sqrt(PROBES) / probe.mean())
    if drops_constant:
        nodes, weights = np.append(nodes, c), np.append(weights, -1.0)
    return Spectrum(nodes, weights, np.array([low, high]), error)


def _low_moments(w: SparseOperator, middle: float, half: float) -> FloatArray:
    """Return tr T_k of the scaled W for k = 0, 1, …, 4."""
    square = w.w @ w.w
    raw = [
        float(w.n),
        float(w.w.diagonal().sum()),
        float(square.diagonal().sum()),
        float(square.multiply(w.w.T).sum()),
        float(square.multiply(square.T).sum()),
    ]
    shift = np.polynomial.Polynomial([-middle / half, 1 / half])
    out = []
    for k in range(5):
        coefficients = np.polynomial.Chebyshev.basis(k).convert(kind=np.polynomial.Polynomial)(shift).coef
        out.append(float(coefficients @ np.array(raw[: len(coefficients)])))
    return np.array(out)
