"""One-step and two-step GMM of a linear panel with instruments, its covariances and its tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from digicarbon.numeric.gmm_equations import Equations

FloatArray = NDArray[np.float64]
Inverse = Literal["scaled", "plm"]

NEGLIGIBLE = 1e-12
"""Largest eigenvalue, relative to the largest of moments scaled to unit variance, that counts as zero."""


@dataclass(frozen=True, eq=False)
class Weight:
    """The inverse of a covariance of moments.

    Attributes
    ----------
    matrix : ndarray, shape (m, m)
    rank : int
    singular : bool
        Whether it is a generalised inverse.
    """

    matrix: FloatArray
    rank: int
    singular: bool


def weight(covariance: FloatArray, inverse: Inverse = "scaled") -> Weight:
    """Return the inverse of a covariance of moments, generalised where it is singular.

    Parameters
    ----------
    covariance : ndarray, shape (m, m)
    inverse : {"scaled", "plm"}
        ``scaled``: Moore and Penrose's inverse of moments scaled to unit variance, so that estimates do not depend on
        the instruments' units of measurement. ``plm``: of the moments as they are, and only where the smallest
        eigenvalue is below 1e-9, singular values below 1.5e-8 of the largest being zero (MASS::ginv).
    """
    scale = np.sqrt(np.where(covariance.diagonal() > 0, covariance.diagonal(), 1.0))
    values, vectors = linalg.eigh(covariance / np.outer(scale, scale), check_finite=False)
    kept = values > NEGLIGIBLE * max(float(values[-1]), 0.0)
    rank = int(kept.sum())
    if inverse == "plm":
        raw, raw_vectors = linalg.eigh(covariance, check_finite=False)
        if raw[0] < 1e-9:
            kept = raw > np.sqrt(np.finfo(float).eps) * raw[-1]
            return Weight((raw_vectors[:, kept] / raw[kept]) @ raw_vectors[:, kept].T, rank, True)
    half = vectors[:, kept] / scale[:, None]
    return Weight((half / values[kept]) @ half.T, rank, rank < len(values))


@dataclass(frozen=True, eq=False)
class Moments:
    """Data of a linear model with instruments, as sums over rows and by unit.

    Attributes
    ----------
    y : ndarray, shape (rows,)
    X : ndarray, shape (rows, k)
    Z : ndarray, shape (rows, m)
    unit : ndarray of int, shape (rows,)
        Sorted.
    """

    y: FloatArray
    X: FloatArray
    Z: FloatArray
    unit: NDArray[np.int64]

    def by_unit(self, rows: FloatArray) -> FloatArray:
        """Return sums over the rows of each unit that has rows, shape (n, ...)."""
        starts = np.flatnonzero(np.diff(self.unit, prepend=-1))
        return np.asarray(np.add.reduceat(rows, starts, axis=0))


@dataclass(frozen=True, eq=False)
class Step:
    """Estimates with one weight.

    Attributes
    ----------
    coef : ndarray, shape (k,)
    residuals : ndarray, shape (rows,)
    bread : ndarray, shape (k, k)
        (X′Z W Z′X)⁻¹.
    slope : ndarray, shape (k, m)
        (X′Z W Z′X)⁻¹ X′Z W: what moments do to coefficients.
    criterion : float
        e′Z W Z′e.
    """

    coef: FloatArray
    residuals: FloatArray
    bread: FloatArray
    slope: FloatArray
    criterion: float


def step(moments: Moments, w: FloatArray, zx: FloatArray, zy: FloatArray) -> Step:
    """Return the GMM estimates with weight W.

    Parameters
    ----------
    moments : Moments
    w : ndarray, shape (m, m)
    zx, zy : ndarray, shape (m, k) and (m,)
        Z′X and Z′y.

    Raises
    ------
    LinAlgError
        If the moments do not identify the coefficients.
    """
    xzw = zx.T @ w
    gram = xzw @ zx
    scale = np.sqrt(np.maximum(gram.diagonal(), np.finfo(float).tiny))
    factor = linalg.cho_factor(gram / np.outer(scale, scale), check_finite=False)
    slope = linalg.cho_solve(factor, xzw / scale[:, None], check_finite=False) / scale[:, None]
    bread = linalg.cho_solve(factor, np.diag(1 / scale), check_finite=False) / scale[:, None]
    coef = slope @ zy
    gap = zy - zx @ coef
    return Step(coef, moments.y - moments.X @ coef, bread, slope, float(gap @ w @ gap))


@dataclass(frozen=True, eq=False)
class GmmFit:
    """What GMM found.

    Attributes
    ----------
    one, two : Step
        ``two`` is None where the second weight does not identify the coefficients.
    first, second : Weight
    covariance_one : ndarray, shape (k, k)
        Robust covariance of the first step.
    windmeijer : ndarray, shape (k, k), or None
        Corrected covariance of the second step.
    scores : ndarray, shape (n, m)
        Z_i′e_i of the first step.
    B : ndarray, shape (cells, m)
        A′Z, so that B′B is the first covariance of moments.
    sigma2 : float
        Of the errors in levels, from transformed residuals of the first step.
    """

    one: Step
    two: Step | None
    first: Weight
    second: Weight
    covariance_one: FloatArray
    windmeijer: FloatArray | None
    scores: FloatArray
    B: FloatArray
    sigma2: float

    @property
    def singular(self) -> bool:
        """Whether the second weight is a generalised inverse."""
        return self.second.singular


def gmm(moments: Moments, rows: Equations, doubled: bool, inverse: Inverse = "scaled") -> GmmFit:
    """Return one-step and two-step GMM (Arellano & Bond 1991; Blundell & Bond 1998).

    Parameters
    ----------
    moments : Moments
    rows : Equations
        The first covariance of moments is Z′AA′Z: the tridiagonal (2, -1) for differences, the identity for orthogonal
        deviations, with the cross terms of both equations for system GMM.
    doubled : bool
        Whether transformed errors have variance 2σ² (differences) or σ² (orthogonal deviations).
    inverse : {"scaled", "plm"}
        As in `weight`.

    Raises
    ------
    LinAlgError
        If the moments do not identify the coefficients.
    """
    zx, zy = moments.Z.T @ moments.X, moments.Z.T @ moments.y
    B = np.asarray(rows.operator.T @ moments.Z)
    first = weight(B.T @ B, inverse)
    one = step(moments, first.matrix, zx, zy)
    transformed = one.residuals[~rows.level]
    df = len(transformed) - moments.X.shape[1]
    sigma2 = float(transformed @ transformed) / ((2 if doubled else 1) * df) if df > 0 else np.nan
    scores = moments.by_unit(moments.Z * one.residuals[:, None])
    meat = scores.T @ scores
    covariance_one = one.slope @ meat @ one.slope.T
    second = weight(meat, inverse)
    two, corrected = None, None
    if second.rank >= moments.X.shape[1]:
        two = step(moments, second.matrix, zx, zy)
        corrected = windmeijer(moments, two, second.matrix, scores, covariance_one)
    return GmmFit(one, two, first, second, covariance_one, corrected, scores, B, sigma2)


def windmeijer(
    moments: Moments, two: Step, w: FloatArray, scores: FloatArray, covariance_one: FloatArray
) -> FloatArray:
    """Return the covariance of two-step estimates corrected for the estimated weight (Windmeijer 2005, eq. 3.3).

    Parameters
    ----------
    moments : Moments
    two : Step
    w : ndarray, shape (m, m)
        The second weight.
    scores : ndarray, shape (n, m)
        Z_i′e_i of the first step.
    covariance_one : ndarray, shape (k, k)

    Returns
    -------
    ndarray, shape (k, k)
    """
    direction = w @ (moments.Z.T @ two.residuals)
    along = moments.Z @ direction
    # Σ_i (e_i′Z_i a) Z_i′X_i + Z_i′e_i (a′Z_i′X_i), a = W Z′e: the derivative of the weight's inverse times a
    swapped = (scores @ direction)[np.cumsum(np.diff(moments.unit, prepend=moments.unit[:1]) != 0)]
    derivative = (moments.Z * swapped[:, None]).T @ moments.X
    derivative += scores.T @ moments.by_unit(moments.X * along[:, None])
    D = two.slope @ derivative
    correction = D @ two.bread
    out = two.bread + correction + correction.T + D @ covariance_one @ D.T
    return np.asarray((out + out.T) / 2)
