"""Scaling of a spatial weight matrix, by row or as a whole."""

from __future__ import annotations

from typing import Literal

import numpy as np
import scipy

Normalise = Literal["row", "spectral", "minmax", "none"]
"""Rows that sum to one; a largest eigenvalue of one; a largest row or column sum of one; as given."""

DENSE = 400
"""Up to this number of units all eigenvalues cost less than an iteration for the largest one."""


def row_standardised(raw: scipy.sparse.csr_array) -> scipy.sparse.csr_array:
    """Return weights whose rows sum to one; a row of zeros does not change.

    Parameters
    ----------
    raw : csr_array, shape (N, N)
        Non-negative weights.
    """
    sums = np.asarray(raw.sum(axis=1))
    with np.errstate(divide="ignore"):
        inverse = np.where(sums > 0, 1 / sums, 0.0)
    matrix = scipy.sparse.csr_array(scipy.sparse.diags_array(inverse) @ raw)
    # a product leaves the cells of a row in any order, and the digest depends on it
    matrix.sort_indices()
    return matrix


def scale(raw: scipy.sparse.csr_array, how: Literal["spectral", "minmax", "none"]) -> float:
    """Return the number that all weights are divided by.

    One scalar for the whole matrix leaves the relative sizes of rows as they are, so that the model is the same up to
    the unit of ρ (Kelejian & Prucha 2010, Journal of Econometrics 157, 53-67, section 2.2).

    Parameters
    ----------
    raw : csr_array, shape (N, N)
        Non-negative weights.
    how : {"spectral", "minmax", "none"}

    Returns
    -------
    float
        The spectral radius, min(max_i Σ_j w_ij, max_j Σ_i w_ij), or 1.
    """
    if how == "none":
        return 1.0
    if how == "spectral":
        return spectral_radius(raw)
    return float(min(raw.sum(axis=1).max(), raw.sum(axis=0).max()))


def components(raw: scipy.sparse.csr_array, connection: Literal["weak", "strong"]) -> int:
    """Return the number of parts that no link joins (weak), or within which paths lead both ways (strong)."""
    count: int = scipy.sparse.csgraph.connected_components(
        raw, directed=True, connection=connection, return_labels=True
    )[0]
    return count


def spectral_radius(raw: scipy.sparse.csr_array) -> float:
    """Return the largest absolute eigenvalue, which for non-negative weights is an eigenvalue itself.

    Parameters
    ----------
    raw : csr_array, shape (N, N)
        Non-negative weights with a zero diagonal.

    Returns
    -------
    float
        Exactly 0 if no path leads from a unit back to itself.
    """
    n = raw.shape[0]
    if components(raw, "strong") == n:
        return 0.0
    symmetric = abs(raw - raw.T).max() == 0
    if n <= DENSE:
        dense = raw.toarray()
        values = np.linalg.eigvalsh(dense) if symmetric else np.linalg.eigvals(dense)
        return float(np.abs(values).max())
    # a fixed start makes the same file give the same number
    start = np.ones(n)
    if symmetric:
        return float(scipy.sparse.linalg.eigsh(raw, k=1, which="LA", v0=start, return_eigenvectors=False)[0])
    return float(scipy.sparse.linalg.eigs(raw, k=1, which="LR", v0=start, return_eigenvectors=False)[0].real)
