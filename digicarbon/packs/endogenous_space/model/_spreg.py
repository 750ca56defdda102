"""Estimators of spreg, which is slow to import."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from digicarbon.arrays import FloatArray

SEARCHED = 0.99
"""spreg looks for λ between this number's negative and itself."""
MARGIN = 2e-3
"""A thousandth of that range: an estimate so close to an end of it stopped there."""


@dataclass(frozen=True, eq=False)
class RandomErrorFit:
    """Kapoor, Kelejian and Prucha's estimator."""

    coef: FloatArray
    """Shape (k,)."""
    covariance: FloatArray
    """Shape (k, k)."""
    lam: float
    sigma2: float
    """Variance of the errors."""
    innovations: FloatArray
    """Filtered residuals, shape (T, N)."""

    @property
    def at_end(self) -> bool:
        """Whether the search for λ stopped at an end of its range."""
        return abs(self.lam) > SEARCHED - MARGIN


def random_error(level: FloatArray, w: scipy.sparse.csr_array) -> RandomErrorFit:
    """Fit random effects with a spatial error by spreg's ``GM_KKP``.

    ``level``: regressors, the constant among them, and the outcome, shape (T, N, k + 1). ``w``: shape (N, N).
    """
    from libpysal.weights import WSP
    from spreg.sp_panels import BaseGM_KKP

    t, n, columns = level.shape
    flat = level.reshape(t * n, columns)
    found = BaseGM_KKP(flat[:, -1:], flat[:, :-1], WSP(scipy.sparse.csr_matrix(w)))
    coef = np.asarray(found.betas, dtype=float).ravel()
    k = columns - 1
    lam, sigma2 = (float(value) for value in coef[k : k + 2])
    innovations = np.asarray(found.e_filtered, dtype=float).reshape(t, n)
    return RandomErrorFit(coef[:k], np.asarray(found.vm, dtype=float), lam, sigma2, innovations)
