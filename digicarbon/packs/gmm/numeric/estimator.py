"""One-step and two-step GMM of a linear panel with instruments, its covariances and its tests."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.packs.gmm.numeric.equations import Equations

Inverse = Literal["scaled", "plm"]

NEGLIGIBLE = 1e-10
"""Smallest singular value, relative to the largest of instruments scaled to one length, that counts as more than zero;
also for regressors in the space of moments."""


@dataclass(frozen=True, eq=False)
class Weight:
    """The inverse W of a covariance of moments."""

    root: FloatArray
    """T with W = TT′, shape (m, r)."""
    rank: int
    singular: bool
    """Whether it is a generalised inverse."""


def reduced(parts: FloatArray) -> FloatArray:
    """Return a matrix of at most m rows with the same P′P, for P of shape (p, m)."""
    if len(parts) <= parts.shape[1]:
        return parts
    return np.asarray(scipy.linalg.qr(parts, mode="r", check_finite=False)[0][: parts.shape[1]], dtype=np.float64)


def weight(parts: FloatArray, inverse: Inverse = "scaled") -> Weight:
    """Return the inverse of a covariance of moments P′P, generalised where it is singular.

    ``parts``: P, shape (p, m); the covariance itself is not formed, which would cost half of the digits. ``inverse``:
    ``scaled`` is Moore and Penrose's inverse of moments scaled to unit variance, so that estimates do not depend on the
    instruments' units of measurement; ``plm``, if the smallest eigenvalue of the unscaled moments is below 1e-9, their
    inverse with eigenvalues below 1.5e-8 of the largest set to zero (MASS::ginv), otherwise the same.
    """
    parts = reduced(parts)
    norms = np.linalg.norm(parts, axis=0)
    scale = np.where(norms > 0, norms, 1.0)
    _, values, right = scipy.linalg.svd(parts / scale, full_matrices=False, check_finite=False)
    nonzero = values > NEGLIGIBLE * values[0]
    rank = int(nonzero.sum())
    if inverse == "plm":
        _, raw, raw_right = scipy.linalg.svd(parts, full_matrices=False, check_finite=False)
        if len(raw) < parts.shape[1] or raw[-1] ** 2 < 1e-9:
            nonzero = raw**2 > np.sqrt(np.finfo(float).eps) * raw[0] ** 2
            return Weight(raw_right[nonzero].T / raw[nonzero], rank, True)
    return Weight((right[:rank] / scale).T / values[:rank], rank, rank < parts.shape[1])


@dataclass(frozen=True, eq=False)
class Moments:
    """Data of a linear model with instruments, as sums over rows and by unit."""

    y: FloatArray
    """Shape (rows,)."""
    X: FloatArray
    """Shape (rows, k)."""
    Z: FloatArray
    """Shape (rows, m)."""
    unit: NDArray[np.int64]
    """Sorted, shape (rows,)."""

    def by_unit(self, rows: FloatArray) -> FloatArray:
        """Return sums over the rows of each unit that has rows, shape (n, ...)."""
        starts = np.flatnonzero(np.diff(self.unit, prepend=-1))
        return np.asarray(np.add.reduceat(rows, starts, axis=0))


@dataclass(frozen=True, eq=False)
class Step:
    """Estimates with one weight."""

    coef: FloatArray
    """Shape (k,)."""
    residuals: FloatArray
    """Shape (rows,)."""
    bread: FloatArray
    """(X′Z W Z′X)⁻¹, shape (k, k)."""
    slope: FloatArray
    """(X′Z W Z′X)⁻¹ X′Z W: the effect of moments on coefficients, shape (k, m)."""
    criterion: float
    """e′Z W Z′e."""


class NotIdentifiedError(ArithmeticError):
    """The moments do not identify the coefficients."""


def step(moments: Moments, root: FloatArray, zx: FloatArray, zy: FloatArray) -> Step:
    """Return the GMM estimates with weight TT′: least squares of T′Z′y on T′Z′X.

    ``root``: T, shape (m, r). ``zx``, ``zy``: Z′X and Z′y, shape (m, k) and (m,). Raises NotIdentifiedError.
    """
    design, target = root.T @ zx, root.T @ zy
    scale = np.linalg.norm(design, axis=0)
    if design.shape[0] < design.shape[1] or not (scale > 0).all():
        raise NotIdentifiedError
    left, values, right = scipy.linalg.svd(design / scale, full_matrices=False, check_finite=False)
    if values[-1] <= NEGLIGIBLE * values[0]:
        raise NotIdentifiedError
    half = (right / scale).T / values
    slope = half @ left.T
    coef = slope @ target
    gap = target - design @ coef
    return Step(coef, moments.y - moments.X @ coef, half @ half.T, slope @ root.T, float(gap @ gap))


@dataclass(frozen=True, eq=False)
class GmmFit:
    """Results of GMM."""

    one: Step
    two: Step | None
    """`one`, `two`: ``two`` is None where the second weight does not identify the coefficients."""
    first: Weight
    second: Weight
    covariance_one: FloatArray
    """Robust covariance of the first step, shape (k, k)."""
    windmeijer: FloatArray | None
    """Corrected covariance of the second step, shape (k, k)."""
    scores: FloatArray
    """Z_i′e_i of the first step, shape (n, m)."""
    B: FloatArray
    """A′Z, so that B′B is the first covariance of moments, shape (cells, m)."""
    parts: FloatArray
    """B after `reduced`, shape (at most m, m)."""
    sigma2: float
    """Of the errors in levels, from transformed residuals of the first step."""


def gmm(moments: Moments, rows: Equations, doubled: bool, inverse: Inverse = "scaled") -> GmmFit:
    """Return one-step and two-step GMM (Arellano & Bond 1991; Blundell & Bond 1998).

    ``rows``: the first covariance of moments is Z′AA′Z: the tridiagonal (2, -1) for differences, the identity for
    orthogonal deviations, with the cross terms of both equations for system GMM. ``doubled``: whether transformed
    errors have variance 2σ² (differences) or σ² (orthogonal deviations). ``inverse``: as in `weight`.
    """
    zx, zy = moments.Z.T @ moments.X, moments.Z.T @ moments.y
    B = np.asarray(rows.operator.T @ moments.Z)
    parts = reduced(B)
    first = weight(parts, inverse)
    one = step(moments, first.root, zx, zy)
    residuals = one.residuals[~rows.level]
    df = len(residuals) - moments.X.shape[1]
    sigma2 = float(residuals @ residuals) / ((2 if doubled else 1) * df) if df > 0 else np.nan
    scores = moments.by_unit(moments.Z * one.residuals[:, None])
    half = scores @ one.slope.T
    covariance_one = half.T @ half
    second = weight(scores, inverse)
    two, corrected = None, None
    with suppress(NotIdentifiedError):
        two = step(moments, second.root, zx, zy)
        corrected = windmeijer(moments, two, second.root, scores, covariance_one)
    return GmmFit(one, two, first, second, covariance_one, corrected, scores, B, parts, sigma2)


def windmeijer(
    moments: Moments, two: Step, root: FloatArray, scores: FloatArray, covariance_one: FloatArray
) -> FloatArray:
    """Return the covariance of two-step estimates corrected for the estimated weight (Windmeijer 2005, eq. 3.3).

    ``root``: of the second weight, shape (m, r). ``scores``: Z_i′e_i of the first step, shape (n, m).
    ``covariance_one``: shape (k, k). The result has shape (k, k).
    """
    direction = root @ (root.T @ (moments.Z.T @ two.residuals))
    along = moments.Z @ direction
    # Σ_i (e_i′Z_i a) Z_i′X_i + Z_i′e_i (a′Z_i′X_i), a = W Z′e: the derivative of the weight's inverse times a
    row_scores = (scores @ direction)[np.cumsum(np.diff(moments.unit, prepend=moments.unit[:1]) != 0)]
    derivative = (moments.Z * row_scores[:, None]).T @ moments.X
    derivative += scores.T @ moments.by_unit(moments.X * along[:, None])
    D = two.slope @ derivative
    correction = D @ two.bread
    out = two.bread + correction + correction.T + D @ covariance_one @ D.T
    return np.asarray((out + out.T) / 2)
