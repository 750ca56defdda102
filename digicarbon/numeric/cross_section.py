"""Tests for dependence between units in the residuals of a panel model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from digicarbon.numeric.statistic import Statistic, normal

FloatArray = NDArray[np.float64]


def pesaran_cd(residuals: FloatArray) -> Statistic:
    """Return Pesaran's CD test.

    Parameters
    ----------
    residuals : ndarray, shape (T, N)

    Notes
    -----
    CD = √(2T/(N(N - 1))) Σ_{i<j} r_ij with r_ij the correlation of two units' residuals over time (Pesaran 2021,
    Empirical Economics 60, eq. 8). Time effects make residuals sum to zero in each period, which pulls the sum of
    correlations below zero: the test then says nothing.
    """
    t, n = residuals.shape
    z = standardised(residuals)
    # the sum over pairs is the square of a sum less the squares
    total = float((z.sum(axis=1) ** 2).sum() - (z**2).sum()) / 2
    return normal(float(np.sqrt(2 * t / (n * (n - 1)))) * total)


def weighted_cd(residuals: FloatArray, rng: np.random.Generator, draws: int = 1) -> Statistic:
    """Return Juodis & Reese's CD test with random weights.

    Parameters
    ----------
    residuals : ndarray, shape (T, N)
    rng : Generator
    draws : int
        Independent sets of weights; their statistics are added up and divided by √draws. Many sets depend less on the
        seed, but reject too often at few periods (docs/size.md: 0.075 at T = 6, one set 0.055).

    Notes
    -----
    CDw = √(2T/(N(N - 1))) Σ_{i<j} w_i w_j r_ij with weights -1 or 1, each with probability one half (Juodis & Reese
    2022, Journal of Business & Economic Statistics 40). The weights undo the bias that time effects cause.
    """
    t, n = residuals.shape
    z = standardised(residuals)
    signs = rng.integers(0, 2, size=(draws, n)) * 2.0 - 1.0
    sums = signs @ z.T
    totals = ((sums**2).sum(axis=1) - float((z**2).sum())) / 2
    return normal(float(np.sqrt(2 * t / (n * (n - 1))) * totals.sum() / np.sqrt(draws)))


def standardised(residuals: FloatArray) -> FloatArray:
    """Return residuals, shape (T, N), with each unit's mean removed and its sum of squares 1."""
    z = residuals - residuals.mean(axis=0)
    return np.asarray(z / np.sqrt((z**2).sum(axis=0)))
