"""Least squares on columns from which effects were removed: the kernel of the panel regressions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from digicarbon.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Fit:
    """A least-squares fit.

    ``coef``: shape (k,). ``root``, shape (k, k): P with (Z′Z)⁻¹ = PP′: the columns of ZP are orthonormal. A sandwich
    P(Σ of scores of ZP)P′ keeps the digits that (Z′Z)⁻¹ loses where means are large. ``residuals``: shape (rows,).
    ``ssr``: sum of squared residuals.
    """

    coef: FloatArray
    root: FloatArray
    residuals: FloatArray
    ssr: float

    @property
    def inverse(self) -> FloatArray:
        """(Z′Z)⁻¹, shape (k, k)."""
        return self.root @ self.root.T


def least_squares(columns: FloatArray, slopes: int = 0, factor: FloatArray | None = None) -> Fit:
    """Regress the last column on the others.

    ``columns``, shape (rows, k + 1): regressors of full rank, then the outcome. ``slopes``: number of regressors before
    dummies that add up to the constant; 0 if there are no such dummies. ``factor``, shape (k + 1, k + 1): the
    triangular factor of the columns, where it is known; not with ``slopes``.

    From the triangular factor of all columns: its last column gives the coefficients by back substitution, its inverse
    (Z′Z)⁻¹ = R⁻¹R⁻¹′. The constant, or dummies in its place, must be its first columns: the others then enter as
    deviations from means, and a large mean costs no digits of their rows of R⁻¹.
    """
    k = columns.shape[1] - 1
    if factor is None:
        factor = triangular(columns[:, [*range(slopes, k), *range(slopes), k]] if slopes else columns)
    coef, _ = scipy.linalg.lapack.dtrtrs(factor[:-1, :-1], factor[:-1, -1])
    root, _ = scipy.linalg.lapack.dtrtri(factor[:-1, :-1])
    if slopes:
        # back in the order of the columns
        coef, root = np.roll(coef, slopes), np.roll(root, slopes, axis=0)
    residuals = columns[:, -1] - columns[:, :-1] @ coef
    return Fit(coef, root, residuals, float(residuals @ residuals))


def solve(columns: FloatArray, targets: FloatArray) -> FloatArray:
    """Return coefficients of targets, (rows,) or (rows, m), on columns, of smallest norm where these are dependent.

    Columns are scaled to unit norm first: a column in small units must not be taken for a dependent one.
    """
    norms = np.linalg.norm(columns, axis=0)
    norms = np.where(norms > 0, norms, 1.0)
    coef = np.linalg.lstsq(columns / norms, targets, rcond=None)[0]
    return np.asarray((coef.T / norms).T)


def triangular(columns: FloatArray, gram: FloatArray | None = None) -> FloatArray:
    """Return the upper triangular factor R, shape (m, m), of ``columns`` = QR, up to signs of its rows.

    ``columns``: shape (rows, m). ``gram``, shape (m, m): inner products of the columns, where they are known.
    """
    factor = cholesky(columns.T @ columns if gram is None else gram)
    return np.asarray(np.linalg.qr(columns, mode="r")) if factor is None else factor


def cholesky(gram: FloatArray) -> FloatArray | None:
    """Return the upper triangular factor of inner products of columns, shape (m, m); None where QR should be taken.

    The Cholesky factor of the Gram matrix is many times faster than QR but squares the condition: where a scaled
    diagonal element falls below 1e-3 it would cost more than about ten digits.
    """
    factor, failed = scipy.linalg.lapack.dpotrf(gram, lower=0, clean=1)
    # a column of R has the norm of the column that it represents
    if failed or not (factor.diagonal() > 1e-3 * np.sqrt(gram.diagonal())).all():
        return None
    return np.asarray(factor)
