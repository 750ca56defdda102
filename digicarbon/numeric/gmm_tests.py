"""Tests after GMM: serial correlation of errors, overidentifying restrictions, and sets of instruments."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from digicarbon.numeric.gmm import GmmFit, Inverse, Moments, Step, step, weight
from digicarbon.numeric.gmm_equations import Equations
from digicarbon.numeric.statistic import Statistic, chi2, normal

FloatArray = NDArray[np.float64]
NONE = Statistic(math.nan, math.nan, math.nan)


def serial_correlation(
    order: int,
    fit: GmmFit,
    used: Step,
    moments: Moments,
    differences: Equations,
    y: FloatArray,
    X: FloatArray,
    covariance: FloatArray,
    sigma2: float | None,
    shape: tuple[int, int],
) -> Statistic:
    """Return Arellano and Bond's test of serial correlation in differenced errors (1991, eq. 8; Roodman 2009, 3.5).

    Parameters
    ----------
    order : int
        Distance of the residuals compared, in periods.
    fit : GmmFit
    used : Step
        The step that is reported.
    moments : Moments
    differences : Equations
        The differenced rows; the same as the transformed ones unless these are orthogonal deviations.
    y : ndarray, shape (rows of differences,)
    X : ndarray, shape (rows of differences, k)
        Differences of the outcome and the regressors.
    covariance : ndarray, shape (k, k)
        The one that is reported.
    sigma2 : float or None
        Variance of the errors, where they count as independent; None estimates by unit (robust).
    shape : (int, int)
        Units and periods.

    Returns
    -------
    Statistic
        Standard normal under the null; not-a-number where no two residuals lie that far apart.
    """
    residuals = y - X @ used.coef
    row_of = np.full((shape[0], shape[1] + order), -1)
    row_of[differences.unit, differences.period + order] = np.arange(len(residuals))
    partner = row_of[differences.unit, differences.period]
    before = np.where(partner >= 0, residuals[partner], 0.0)
    products = np.zeros(shape[0])
    np.add.at(products, differences.unit, residuals * before)
    if not (partner >= 0).any():
        return NONE
    xw = X.T @ before
    if sigma2 is None:
        own = float(products @ products)
        scores = moments.by_unit(moments.Z * used.residuals[:, None])
        moved = scores.T @ products[np.unique(moments.unit)]
    else:
        cells = np.asarray(differences.operator.T @ before)
        own, moved = sigma2 * float(cells @ cells), sigma2 * (fit.B.T @ cells)
    variance = own - 2 * float(xw @ used.slope @ moved) + float(xw @ covariance @ xw)
    return normal(float(products.sum()) / math.sqrt(variance)) if variance > 0 else NONE


def overidentification(criterion: float, instruments: int, parameters: int) -> Statistic:
    """Return the test that all moments hold, χ² with as many degrees of freedom as there are moments to spare.

    Parameters
    ----------
    criterion : float
        e′Z W Z′e with W the inverse covariance of moments (Sargan 1958; Hansen 1982).
    instruments : int
        Rank of the first covariance of moments.
    parameters : int
    """
    df = instruments - parameters
    return chi2(criterion, df) if df > 0 else Statistic(0.0, 0.0, math.nan)


def without(keep: NDArray[np.bool_], moments: Moments, fit: GmmFit, inverse: Inverse) -> tuple[Statistic, int] | None:
    """Return the Hansen test without some instruments, after estimation without them, and how many it has.

    Parameters
    ----------
    keep : ndarray of bool, shape (m,)
        The instruments that stay. Their weight is the inverse of their part of the full model's second covariance of
        moments, as in xtabond2, so that the difference of criteria cannot be negative.
    moments : Moments
    fit : GmmFit
    inverse : {"scaled", "plm"}

    Returns
    -------
    Statistic, int
        None where the others do not identify the coefficients.
    """
    k = moments.X.shape[1]
    rank = weight(fit.B[:, keep].T @ fit.B[:, keep]).rank
    if rank < k or rank == fit.first.rank:
        return None
    part = Moments(moments.y, moments.X, moments.Z[:, keep], moments.unit)
    zx, zy = part.Z.T @ part.X, part.Z.T @ part.y
    second = weight(fit.scores[:, keep].T @ fit.scores[:, keep], inverse)
    # of full rank in the second weight alone is not enough: an instrument may say nothing of a coefficient
    if second.rank < k or not identified(zx, fit.B[:, keep]):
        return None
    try:
        found = step(part, second.matrix, zx, zy)
    except linalg.LinAlgError:
        return None
    return overidentification(found.criterion, rank, k), rank


def identified(zx: FloatArray, B: FloatArray, tolerance: float = 1e-9) -> bool:
    """Return whether Z′X, shape (m, k), has rank k, after scaling by the first standard deviations of moments."""
    scale = np.sqrt(np.einsum("ij,ij->j", B, B))
    scaled = zx / np.where(scale > 0, scale, 1.0)[:, None]
    size = np.linalg.norm(scaled, axis=0)
    if not (size > 0).all():
        return False
    values = np.linalg.svd(scaled / size, compute_uv=False)
    return bool(len(values) == zx.shape[1] and values[-1] > tolerance * values[0])
