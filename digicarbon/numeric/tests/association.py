"""Correlations and their significance, and how far regressors explain each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from digicarbon.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Correlations:
    """Pairwise correlations of k columns: Pearson's r, the two-sided p of r = 0, and the rows that both columns have.

    r and p are not-a-number where there is no variation or fewer than two degrees of freedom are left.
    """

    r: FloatArray
    p: FloatArray
    count: FloatArray


def correlations(columns: FloatArray, lost: int = 0) -> Correlations:
    """Return pairwise correlations of columns, (rows, k), each pair over the rows that both have.

    t = r √(df/(1 - r²)) with df = rows - 2 - lost, degrees of freedom that a transformation of the columns has used,
    e.g. N - 1 for unit means; Stata's pwcorr, R's cor.test.
    """
    k = columns.shape[1]
    r, p, count = np.full((k, k), np.nan), np.full((k, k), np.nan), np.zeros((k, k))
    for i in range(k):
        for j in range(i + 1):
            both = columns[np.isfinite(columns[:, [i, j]]).all(axis=1)][:, [i, j]]
            count[i, j] = count[j, i] = len(both)
            r[i, j] = r[j, i] = _pearson(both)
            p[i, j] = p[j, i] = _p_value(r[i, j], len(both) - 2 - lost) if i != j else np.nan
    return Correlations(r, p, count)


def _pearson(pair: FloatArray) -> float:
    if len(pair) < 2:
        return np.nan
    deviations = pair - pair.mean(axis=0)
    norms = np.linalg.norm(deviations, axis=0)
    # a constant has no variation: its deviations are only rounding
    if (norms <= 1e-12 * np.maximum(np.linalg.norm(pair, axis=0), 1e-300)).any():
        return np.nan
    x, y = (deviations / norms).T
    return float(np.clip(x @ y, -1, 1))


def _p_value(r: float, df: int) -> float:
    if df < 1 or np.isnan(r):
        return np.nan
    if 1 - r**2 <= 0:
        return 0.0
    return float(2 * scipy.special.stdtr(df, -abs(r) * np.sqrt(df / (1 - r**2))))


def inflation_factors(columns: FloatArray) -> FloatArray:
    """Return the variance inflation factor 1/(1 - R²_j) of each column, R²_j from regressing it on the others.

    Columns, shape (rows, k), are in deviations from means (or with effects removed) and independent of each other. The
    factors are the diagonal of the inverse correlation matrix (Belsley, Kuh & Welsch 1980, sec. 3.2).
    """
    scaled = columns / np.linalg.norm(columns, axis=0)
    root = np.linalg.qr(scaled, mode="r")
    inverse = np.linalg.inv(root)
    return np.asarray((inverse**2).sum(axis=1))
