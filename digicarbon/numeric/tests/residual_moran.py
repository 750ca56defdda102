"""Moran's I of least-squares residuals with the moments of residuals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.statistic import normal
from digicarbon.numeric.linear.within import EffectsKind, absorbed_count, demean


@dataclass(frozen=True)
class Moran:
    """Moran's I of one cross-section, with its moments."""

    i: float
    expected: float
    variance: float
    z: float
    p: float


def residual_moran(columns: FloatArray, w: scipy.sparse.csr_array, effects: EffectsKind) -> Moran:
    """Return Moran's I of the residuals of y on Z and fixed effects, all periods together.

    Columns, shape (T, N, k + 1), are Z, with a constant where there are no effects, and y; the panel's weights are I_T
    ⊗ W. With M the residual maker of Z and the effects, K the dimensions it removes, n = NT and S₀ the sum of all
    weights: E I = n/S₀ · tr(MW)/(n - K) and Var I = (n/S₀)² [tr(MWMW′) + tr(MWMW) + tr(MW)²]/((n - K)(n - K + 2)) - (E
    I)² (Cliff & Ord 1981, pp. 202-203), not the -1/(n - 1) of data that are not residuals. M = Q - UU′ with Q the
    within transformation and U an orthonormal basis of QZ, so that no n × n matrix is formed.
    """
    t, n, _ = columns.shape
    within = demean(columns, effects)
    flat = within.reshape(t * n, -1)
    basis = np.linalg.qr(flat[:, :-1])[0]
    e = flat[:, -1] - basis @ (basis.T @ flat[:, -1])
    a = scipy.sparse.csr_array((w + w.T) / 2)
    size, df = t * n, t * n - absorbed_count(n, t, effects) - basis.shape[1]
    scale = size / (t * float(w.sum()))
    i = scale * float(e @ _lag(a, e.reshape(t, n)).ravel()) / float(e @ e)
    trace, square = _traces(a, basis.reshape(t, n, -1), effects)
    expected = scale * trace / df
    variance = scale**2 * (2 * square + trace**2) / (df * (df + 2)) - expected**2
    score = (i - expected) / float(np.sqrt(variance))
    return Moran(i, expected, variance, score, normal(score).p)


def _traces(a: scipy.sparse.csr_array, basis: FloatArray, effects: EffectsKind) -> tuple[float, float]:
    """Return tr(MA) and tr(MAMA) for a symmetric A of zero diagonal and M = Q - UU′."""
    t, n, k = basis.shape
    trace, square = 0.0, float(a.multiply(a).sum())
    if effects in ("time", "two_way"):
        sums = np.asarray(a.sum(axis=1))
        total = float(sums.sum())
        trace, square = -total / n, square - 2 * float(sums @ sums) / n + (total / n) ** 2
    periods = t - 1 if effects in ("unit", "two_way") else t
    lagged = np.stack([_lag(a, basis[..., j]) for j in range(k)], axis=2) if k else basis
    within = demean(lagged, effects)
    inner = basis.reshape(t * n, k).T @ lagged.reshape(t * n, k)
    cross = float(np.vdot(lagged, within))
    return periods * trace - float(np.trace(inner)), periods * square - 2 * cross + float(np.vdot(inner, inner.T))


def _lag(a: scipy.sparse.csr_array, values: FloatArray) -> FloatArray:
    """Return A x within each period, for x of shape (T, N)."""
    return np.asarray((a @ values.T).T)
