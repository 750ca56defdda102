"""The regressions that tests run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.errors import EstimationError
from digicarbon.note import Note
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.linear.least_squares import Fit, least_squares, triangular
from digicarbon.numeric.linear.within import clearly_independent, dependent, vanishing


@dataclass(frozen=True, eq=False)
class Regression(Fit):
    """A least-squares fit with its design, shape (rows, k)."""

    design: FloatArray

    def clustered(self, codes: IntArray) -> FloatArray:
        """Return the covariance of the coefficients, clustered, without a small-sample factor, shape (k, k).

        ``codes``, shape (rows,): each row's cluster; every code from 0 to the largest occurs.

        Arellano (1987), plm's ``vcovHC(method = "arellano", type = "HC0")``.
        """
        scores = Groups.coded(codes).sums((self.design @ self.root) * self.residuals[:, None])
        return np.asarray(self.root @ (scores.T @ scores) @ self.root.T)


def regress(y: FloatArray, design: FloatArray) -> Regression:
    """Regress ``y``, shape (rows,), on columns, (rows, k). Raises EstimationError if these depend on each other."""
    rows, k = design.shape
    if k == 0:
        return Regression(np.empty(0), np.empty((0, 0)), y, float(y @ y), design)
    size = np.linalg.norm(design, axis=0)
    if rows < k or not (np.abs(triangular(design).diagonal()) > 1e-10 * size).all():
        raise EstimationError(Note("test_regressors_collinear"))
    fit = least_squares(np.column_stack([design, y]))
    return Regression(fit.coef, fit.root, fit.residuals, fit.ssr, design)


def identified(within: FloatArray, before: FloatArray) -> list[int]:
    """Return which columns still vary and do not depend on those before them.

    ``within``, ``before``, shape (rows, k): columns after and before effects are removed.
    """
    if within.shape[1] == 0 or clearly_independent(within, before):
        return list(range(within.shape[1]))
    constants = vanishing(within, before)
    varying = [j for j in range(within.shape[1]) if j not in constants]
    combinations = [varying[j] for j, _ in dependent(within[:, varying])] if varying else []
    return [j for j in varying if j not in combinations]
