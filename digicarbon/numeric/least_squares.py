"""Least squares with what tests need of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digicarbon.errors import EstimationError
from digicarbon.numeric.group_means import Groups
from digicarbon.numeric.within import clearly_independent, dependent, vanishing

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Fit:
    """A least-squares fit.

    Attributes
    ----------
    coef : ndarray, shape (k,)
    residuals : ndarray, shape (rows,)
    design : ndarray, shape (rows, k)
    inverse : ndarray, shape (k, k)
        (Z′Z)⁻¹.
    """

    coef: FloatArray
    residuals: FloatArray
    design: FloatArray
    inverse: FloatArray

    @property
    def squares(self) -> float:
        """Sum of squared residuals."""
        return float(self.residuals @ self.residuals)

    def clustered(self, codes: IntArray) -> FloatArray:
        """Return the covariance of the coefficients, clustered, without a small-sample factor, shape (k, k).

        Parameters
        ----------
        codes : ndarray of int, shape (rows,)
            Each row's cluster; every code from 0 to the largest occurs.

        Notes
        -----
        Arellano (1987), plm's ``vcovHC(method = "arellano", type = "HC0")``.
        """
        scores = Groups(codes).totals(self.design * self.residuals[:, None])
        return np.asarray(self.inverse @ (scores.T @ scores) @ self.inverse)


def least_squares(y: FloatArray, design: FloatArray) -> Fit:
    """Regress ``y``, shape (rows,), on columns, shape (rows, k).

    Raises
    ------
    EstimationError
        If the columns depend on each other.
    """
    q, r = np.linalg.qr(design)
    size = np.linalg.norm(design, axis=0)
    if len(design) < design.shape[1] or not (np.abs(r.diagonal()) > 1e-10 * size).all():
        raise EstimationError(
            "The regressors of this test are collinear or more than its observations; leave some of them out."
        )
    root = np.linalg.inv(r)
    coef = root @ (q.T @ y)
    return Fit(coef, y - design @ coef, design, np.asarray(root @ root.T))


def identified(within: FloatArray, before: FloatArray) -> list[int]:
    """Return which columns still vary and do not depend on those before them.

    Parameters
    ----------
    within, before : ndarray, shape (rows, k)
        Columns after and before effects are taken out.
    """
    if clearly_independent(within, before):
        return list(range(within.shape[1]))
    gone = vanishing(within, before)
    kept = [j for j in range(within.shape[1]) if j not in gone]
    chained = [kept[j] for j, _ in dependent(within[:, kept])] if kept else []
    return [j for j in kept if j not in chained]
