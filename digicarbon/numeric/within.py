"""Removing unit and time effects from a balanced panel, and finding regressors that do not survive it."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

FloatArray = NDArray[np.float64]
EffectsKind = Literal["none", "unit", "time", "two_way"]


def demean(cube: FloatArray, effects: EffectsKind) -> FloatArray:
    """Remove fixed effects from balanced columns.

    Parameters
    ----------
    cube : ndarray, shape (T, N, ...)
        Periods by units by anything.
    effects : {"none", "unit", "time", "two_way"}
        The within transformation: unit means over time, period means over units, or both with the grand mean added
        back (Baltagi 2021, eq. 3.3).

    Returns
    -------
    ndarray, shape (T, N, ...)
    """
    out = cube
    if effects in ("unit", "two_way"):
        out = out - out.mean(axis=0, keepdims=True)
    if effects in ("time", "two_way"):
        out = out - out.mean(axis=1, keepdims=True)
    return out


def centred(matrix: FloatArray) -> FloatArray:
    """Return JAJ, J = I - 11′/N, for A of shape (N, N): the operator A among deviations from the mean over units."""
    rows = matrix - matrix.mean(axis=0, keepdims=True)
    return np.asarray(rows - rows.mean(axis=1, keepdims=True))


def absorbed_count(n: int, t: int, effects: EffectsKind) -> int:
    """Return how many parameters the fixed effects use: N, T or N + T - 1."""
    return {"none": 0, "unit": n, "time": t, "two_way": n + t - 1}[effects]


def clearly_independent(within: FloatArray, before: FloatArray) -> bool:
    """Return whether columns are so far from vanishing and from dependence that nothing more need be checked.

    Parameters
    ----------
    within, before : ndarray, shape (rows, k)
        The demeaned columns and the columns before.
    """
    gram = within.T @ within
    squares = gram.diagonal()
    if not (squares > 1e-12 * np.einsum("ij,ij->j", before, before)).all():
        return False
    factor, failed = lapack.dpotrf(gram, lower=0)
    return bool(not failed and (factor.diagonal() > 1e-5 * np.sqrt(squares)).all())


def vanishing(within: FloatArray, before: FloatArray, tolerance: float = 1e-9) -> list[int]:
    """Return the columns whose variation is gone after demeaning.

    Parameters
    ----------
    within, before : ndarray, shape (rows, k)
        The demeaned columns and the columns before.
    tolerance : float
        Largest ratio of norms that counts as gone.
    """
    size = np.linalg.norm(before, axis=0)
    left = np.linalg.norm(within, axis=0)
    return [int(j) for j in np.flatnonzero(left <= tolerance * np.where(size > 0, size, 1.0))]


def dependent(columns: FloatArray, tolerance: float = 1e-9) -> list[tuple[int, list[int]]]:
    """Return each column that is a linear combination of columns before it, with those columns.

    Parameters
    ----------
    columns : ndarray, shape (rows, k)
        None of them zero.
    tolerance : float
        Largest residual norm, relative to the column's own, that counts as dependence.
    """
    scaled = columns / np.linalg.norm(columns, axis=0)
    independent: list[int] = []
    found: list[tuple[int, list[int]]] = []
    for j in range(scaled.shape[1]):
        base = scaled[:, independent]
        weights = np.linalg.lstsq(base, scaled[:, j], rcond=None)[0]
        if np.linalg.norm(scaled[:, j] - base @ weights) <= tolerance:
            found.append((j, [independent[i] for i in np.flatnonzero(np.abs(weights) > 1e-6)]))
        else:
            independent.append(j)
    return found
