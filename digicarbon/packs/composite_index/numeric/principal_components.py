"""Principal components of a correlation matrix, and an index made of the first ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """Components of k standardised indicators by falling variance.

    ``eigenvalues`` are those of the correlation matrix and sum to k; ``loadings``, shape (k, k), are eigenvectors of
    length one as columns, whose sums are not negative; ``scores``, shape (n, k), have the eigenvalues as variances.
    """

    eigenvalues: FloatArray
    loadings: FloatArray
    scores: FloatArray

    @property
    def shares(self) -> FloatArray:
        """Each component's share of the variance, shape (k,)."""
        return np.asarray(self.eigenvalues / self.eigenvalues.sum())

    def enough(self, variance: float) -> int:
        """Return the smallest number of components that together have at least a share of the variance."""
        # the shares sum to one up to rounding
        return int(np.searchsorted(np.cumsum(self.shares), variance - 1e-12)) + 1

    def weights(self, number: int) -> FloatArray:
        """Return the weight of each standardised indicator in the index of the first components, shape (k,)."""
        return np.asarray(self.loadings[:, :number] @ self._component_weights(number))

    def index(self, number: int) -> FloatArray:
        """Return the mean of the first components' scores, weighted by their variance, shape (n,)."""
        return np.asarray(self.scores[:, :number] @ self._component_weights(number))

    def _component_weights(self, number: int) -> FloatArray:
        first: FloatArray = self.eigenvalues[:number]
        return np.asarray(first / first.sum())


def principal_components(standardised: FloatArray) -> PrincipalComponents:
    """Return the components by a singular value decomposition Z/√(n - 1) = U S V′: eigenvalues S², loadings V.

    Z, shape (n, k), has columns of mean 0 and variance 1 with the divisor n - 1. The sign of a component is not given
    by the data. Here its loadings sum to a value that is not negative, which makes its covariances with the indicators
    sum to one, too; so any index of components correlates positively with the indicators' mean. Jolliffe (2002),
    *Principal Component Analysis*, 2nd edition, sections 2.3 and 3.5.
    """
    n, k = standardised.shape
    _, singular, rows = np.linalg.svd(standardised / np.sqrt(n - 1), full_matrices=n < k)
    eigenvalues = np.zeros(k)
    eigenvalues[: len(singular)] = singular**2
    loadings = rows.T
    sums = loadings.sum(axis=0)
    largest = loadings[np.abs(loadings).argmax(axis=0), np.arange(k)]
    # where the loadings cancel, the largest one decides
    sign = np.where(np.where(np.abs(sums) > 1e-12, sums, largest) < 0, -1.0, 1.0)
    return PrincipalComponents(eigenvalues, loadings * sign, standardised @ (loadings * sign))
