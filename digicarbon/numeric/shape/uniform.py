"""Critical values for several estimates at once."""

from __future__ import annotations

import numpy as np
from scipy import special

from digicarbon.arrays import FloatArray

DRAWS = 100_000
"""Draws of the largest statistic; the standard error of a 95 % value is about 0.005."""


def joint_critical(covariance: FloatArray, df: float | None, level: float, seed: int = 1) -> float:
    """Return c with P(max |t| <= c) = level over estimates with a joint covariance, shape (k, k).

    Estimates without a variance do not count; without ``df`` t is normal. Bretz, Hothorn & Westfall (2010), Multiple
    Comparisons Using R, sec. 3.1. That of a single one is the quantile itself.
    """
    spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    known = np.isfinite(spread) & (spread > 0)
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
