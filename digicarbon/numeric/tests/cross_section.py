"""Tests for dependence between units in the residuals of a panel model."""

from __future__ import annotations

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.note import Note
from digicarbon.numeric.linear.statistic import Statistic, chi2, normal


def pesaran_cd(residuals: FloatArray) -> Statistic:
    """Return Pesaran's CD test of residuals, shape (T, N), not-a-number where a unit lacks a period.

    CD = √(2T/(N(N - 1))) Σ_{i<j} r_ij with r_ij the correlation of two units' residuals over time (Pesaran 2021,
    Empirical Economics 60, eq. 8); with gaps Σ √T_ij r_ij / √pairs over the T_ij common periods. Time effects make
    residuals sum to zero in each period, which pulls the sum of correlations below zero: the test is then useless.
    """
    if np.isnan(residuals).any():
        r, common = _pairs(residuals)
        return normal(float((np.sqrt(common) * r).sum() / np.sqrt(len(r))))
    t, n = residuals.shape
    z = standardised(residuals)
    # the sum over pairs is the square of a sum less the squares
    total = float((z.sum(axis=1) ** 2).sum() - (z**2).sum()) / 2
    return normal(float(np.sqrt(2 * t / (n * (n - 1)))) * total)


def weighted_cd(residuals: FloatArray, rng: np.random.Generator, draws: int = 1) -> Statistic:
    """Return Juodis & Reese's CD test with random weights, of residuals, shape (T, N).

    CDw = √(2T/(N(N - 1))) Σ_{i<j} w_i w_j r_ij with weights -1 or 1, each with probability one half (Juodis & Reese
    2022, Journal of Business & Economic Statistics 40). The weights undo the bias that time effects cause. Statistics
    of several independent sets are added up and divided by √draws. Many sets depend less on the seed, but reject too
    often at few periods (docs/size.md: 0.075 at T = 6, one set 0.055).
    """
    t, n = residuals.shape
    z = standardised(residuals)
    signs = rng.integers(0, 2, size=(draws, n)) * 2.0 - 1.0
    sums = signs @ z.T
    totals = ((sums**2).sum(axis=1) - float((z**2).sum())) / 2
    return normal(float(np.sqrt(2 * t / (n * (n - 1))) * totals.sum() / np.sqrt(draws)))


def standardised(residuals: FloatArray) -> FloatArray:
    """Return residuals, shape (T, N), with each unit's mean removed and sum of squares 1; 0 where they are constant."""
    z = residuals - residuals.mean(axis=0)
    size = np.sqrt((z**2).sum(axis=0))
    flat = size <= 1e-10 * max(float(size.max()), 1e-300)
    return np.asarray(np.where(flat, 0.0, z / np.where(flat, 1.0, size)))


def breusch_pagan_lm(residuals: FloatArray) -> Statistic:
    """Return Breusch & Pagan's test that no two units are correlated, of residuals (T, N), not-a-number in gaps.

    Σ_{i<j} T_ij r_ij², χ² with one degree of freedom a pair (Breusch & Pagan 1980); plm's ``pcdtest(test = "lm")``,
    Stata's ``xttest2``. It needs many more periods than units: r_ij² has expectation 1/(T - 1), not 1/T.
    """
    total, pairs, _ = _squared_correlations(residuals)
    return chi2(total, pairs)


def scaled_lm(residuals: FloatArray, corrected: bool = False) -> Statistic:
    """Return the Breusch–Pagan statistic standardised, two-sided normal; residuals as in `breusch_pagan_lm`.

    Σ (T_ij r_ij² - 1)/√(2 pairs) (Pesaran 2004, eq. 4); plm's ``pcdtest`` with ``"sclm"`` and ``"bcsclm"``. Corrected,
    N/(2(T - 1)) is subtracted, which is right after unit effects (Baltagi, Feng & Kao 2012, Journal of Econometrics
    170, eq. 11). With gaps the largest T_ij is used as T in the correction, as in plm.
    """
    total, pairs, longest = _squared_correlations(residuals)
    bias = residuals.shape[1] / (2 * (longest - 1)) if corrected else 0.0
    return normal((total - pairs) / float(np.sqrt(2 * pairs)) - bias)


def _squared_correlations(residuals: FloatArray) -> tuple[float, int, int]:
    """Return Σ T_ij r_ij² over pairs, the number of pairs, and the largest T_ij."""
    if np.isnan(residuals).any():
        r, common = _pairs(residuals)
        return float((common * r**2).sum()), len(r), int(common.max())
    t, n = residuals.shape
    gram = standardised(residuals)
    gram = gram @ gram.T
    # squares of all entries of a matrix of correlations are those of the T × T Gram matrix
    return t * (float((gram**2).sum()) - n) / 2, n * (n - 1) // 2, t


def _pairs(residuals: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return correlations over common periods and the number of these, for each pair that has two or more."""
    present = np.isfinite(residuals).astype(np.float64)
    e = np.where(present > 0, residuals, 0.0)
    common = present.T @ present
    lower = np.tril_indices(residuals.shape[1], -1)
    enough = common[lower] > 1
    i, j = lower[0][enough], lower[1][enough]
    if len(i) == 0:
        raise EstimationError(Note("no_common_periods"))
    sums, squares, products = e.T @ present, (e**2).T @ present, e.T @ e
    t = common[i, j]
    variation = (squares[i, j] - sums[i, j] ** 2 / t) * (squares[j, i] - sums[j, i] ** 2 / t)
    size = squares[i, j] * squares[j, i]
    # two periods in common can leave no variation
    flat = variation <= 1e-24 * size
    r = (products[i, j] - sums[i, j] * sums[j, i] / t) / np.sqrt(np.where(flat, 1.0, variation))
    return np.where(flat, 0.0, r), t
