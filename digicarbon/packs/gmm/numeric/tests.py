"""Tests after GMM: serial correlation of errors, overidentifying restrictions, and sets of instruments."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.statistic import Statistic, chi2, normal
from digicarbon.packs.gmm.numeric.equations import Equations
from digicarbon.packs.gmm.numeric.estimator import GmmFit, Inverse, Moments, NotIdentifiedError, Step, step, weight

NONE = Statistic(math.nan, math.nan, math.nan)


@dataclass(frozen=True, eq=False)
class Differences:
    """First differences, whose residuals are tested for serial correlation after any transformation."""

    rows: Equations
    y: FloatArray
    """Shape (rows,)."""
    X: FloatArray
    """Shape (rows, k)."""


def serial_correlation(
    order: int,
    fit: GmmFit,
    used: Step,
    moments: Moments,
    differences: Differences,
    covariance: FloatArray,
    sigma2: float | None,
) -> Statistic:
    """Return Arellano and Bond's test of serial correlation in differenced errors (1991, eq. 8; Roodman 2009, 3.5).

    ``order``: distance of the residuals compared, in periods. ``used``: the step that is reported. ``covariance``,
    shape (k, k): the one that is reported. ``sigma2``: variance of the errors, where they count as independent; None
    estimates by unit (robust). The statistic is standard normal under the null, and not-a-number where no two residuals
    are that far apart.
    """
    rows = differences.rows
    residuals = differences.y - differences.X @ used.coef
    row_of = np.full((rows.unit.max() + 1, rows.period.max() + order + 1), -1)
    row_of[rows.unit, rows.period + order] = np.arange(len(residuals))
    partner = row_of[rows.unit, rows.period]
    if not (partner >= 0).any():
        return NONE
    before = np.where(partner >= 0, residuals[partner], 0.0)
    products = np.bincount(rows.unit, residuals * before, minlength=int(moments.unit.max()) + 1)
    xw = differences.X.T @ before
    if sigma2 is None:
        square = float(products @ products)
        scores = moments.by_unit(moments.Z * used.residuals[:, None])
        cross = scores.T @ products[np.unique(moments.unit)]
    else:
        cells = np.asarray(rows.operator.T @ before)
        square, cross = sigma2 * float(cells @ cells), sigma2 * (fit.B.T @ cells)
    # of the products, of the coefficients in them, and the covariance of both (Arellano & Bond 1991, eq. 8)
    variance = square - 2 * float(xw @ used.slope @ cross) + float(xw @ covariance @ xw)
    return normal(float(products.sum()) / math.sqrt(variance)) if variance > 0 else NONE


def overidentification(criterion: float, instruments: int, parameters: int) -> Statistic:
    """Return the χ² test that all moments hold; its degrees of freedom are the number of surplus moments.

    ``criterion``: e′Z W Z′e with W the inverse covariance of moments (Sargan 1958; Hansen 1982). ``instruments``: rank
    of the first covariance of moments.
    """
    df = instruments - parameters
    return chi2(criterion, df) if df > 0 else Statistic(0.0, 0.0, math.nan)


def wald(value: FloatArray, covariance: FloatArray) -> Statistic:
    """Return the Wald test of ``value`` = 0; not-a-number where the covariance has no inverse, as with few units."""
    variance = covariance.diagonal()
    if not (variance > 0).all():
        return NONE
    scale = np.sqrt(variance)
    values, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
    if values[0] < 1e-10 * values[-1]:
        return NONE
    return chi2(float((((value / scale) @ vectors) ** 2 / values).sum()), len(value))


def without(keep: NDArray[np.bool_], moments: Moments, fit: GmmFit, inverse: Inverse) -> tuple[Statistic, int] | None:
    """Return the Hansen test after estimation without some instruments, and the rank of the remaining ones.

    ``keep``: the remaining instruments. Their weight is the inverse of their part of the full model's second covariance
    of moments, as in xtabond2, so that the difference of criteria cannot be negative; shape (m,). Returns None where
    the others do not identify the coefficients.
    """
    k = moments.X.shape[1]
    if int(keep.sum()) < k:
        return None
    first = weight(fit.parts[:, keep])
    if first.rank == fit.first.rank:
        return None
    part = Moments(moments.y, moments.X, moments.Z[:, keep], moments.unit)
    zx, zy = part.Z.T @ part.X, part.Z.T @ part.y
    try:
        # the first weight shows whether the others identify the coefficients: the second may be singular with few units
        step(part, first.root, zx, zy)
        second = step(part, weight(fit.scores[:, keep], inverse).root, zx, zy)
    except NotIdentifiedError:
        return None
    return overidentification(second.criterion, first.rank, k), first.rank
