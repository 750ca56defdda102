"""Critical values for several estimates at once."""

from __future__ import annotations

import numpy as np
from scipy import special

from digicarbon.arrays import FloatArray

DRAWS = 100_000
"""Draws of the largest statistic; the standard error of a 95 % value is about 0.005."""


def joint_critical(covariance: FloatArray, df: float | None, level: float, seed: int = 1) -> float:
    """Return c with P(max |t| <= c) = level over estimates with a joint covariance, shape (k, k).

    Estimates without a variance, or with that of rounding, do not count; without ``df`` t is normal. That of a single
    one is the quantile itself. Bretz, Hothorn & Westfall (2010), Multiple Comparisons Using R, sec. 3.1.
    """
    spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    finite = np.isfinite(spread)
    known = finite & (spread > 1e-12 * spread[finite].max(initial=0.0))
    if not known.any():
        return float("nan")
    if known.sum() == 1:
        half = (1 + level) / 2
        return float(special.ndtri(half) if df is None else special.stdtrit(df, half))
    correlation = covariance[np.ix_(known, known)] / np.outer(spread[known], spread[known])
    values, vectors = np.linalg.eigh(correlation)
    # the symmetric root: the same draws whatever the order of a decomposition's vectors
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    rng = np.random.default_rng(seed)
    largest = np.abs(rng.standard_normal((DRAWS, len(root))) @ root).max(axis=1)
    if df is not None:
        largest /= np.sqrt(rng.chisquare(df, DRAWS) / df)
    return float(np.quantile(largest, level))


def uniform_ends(
    coef: FloatArray, se: FloatArray, low: FloatArray, high: FloatArray, critical: FloatArray | float
) -> tuple[FloatArray, FloatArray]:
    """Return the ends of the band of several estimates at once, nowhere narrower than the interval of each.

    Each of shape (k,). ``low``, ``high``: those of each by itself, which may come from an inverted test and reach
    farther than draws around the estimate.
    """
    return np.fmin(coef - critical * se, low), np.fmax(coef + critical * se, high)
