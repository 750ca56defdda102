"""Rows of figures that repeat other rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

SIGNIFICANT = 3
"""Figures of at most so many significant digits are round: they are equal by chance now and then."""


@dataclass(frozen=True)
class Twins:
    """Two rows that hold the same figures.

    Attributes
    ----------
    first, second : int
        Positions of the rows, first < second.
    equal, compared : int
        Cells of which both rows have a figure that is not round in one of them at least, and how many of these are
        equal.
    """

    first: int
    second: int
    equal: int
    compared: int


def unround(values: ArrayLike) -> NDArray[np.bool_]:
    """Return which figures have more than `SIGNIFICANT` significant digits, shape as given; zeros have none."""
    x = np.asarray(values, dtype=np.float64)
    size = np.where(np.isfinite(x) & (x != 0), np.abs(x), 1.0)
    step = 10.0 ** (np.floor(np.log10(size)) - SIGNIFICANT + 1)
    apart = np.abs(size - step * np.round(size / step))
    return np.asarray(np.isfinite(x) & (x != 0) & (apart > 1e-9 * size))


def equal_rows(values: ArrayLike, fewest: int = 10, share: float = 0.9) -> tuple[Twins, ...]:
    """Return pairs of rows whose figures that are not round are the same.

    A column that has the same few figures in all rows tells nothing and is not looked at.

    Parameters
    ----------
    values : array_like, shape (n, k)
        A missing figure equals none.
    fewest : int
        So many figures must be equal.
    share : float
        This share of those compared must be equal.

    Returns
    -------
    tuple of Twins
        By first, then second row; a row that is the second of one pair is the first of no other.
    """
    x = np.asarray(values, dtype=np.float64)
    x = x[:, _telling(x)]
    odd, there = unround(x), np.isfinite(x)
    found: list[Twins] = []
    told: set[int] = set()
    for first in range(len(x) - 1):
        if first in told:
            continue
        both = there[first] & there[first + 1 :] & (odd[first] | odd[first + 1 :])
        equal = (both & (x[first] == x[first + 1 :])).sum(axis=1)
        compared = both.sum(axis=1)
        for later in np.flatnonzero((equal >= fewest) & (equal >= share * compared)).tolist():
            second = first + 1 + later
            found.append(Twins(first, second, int(equal[later]), int(compared[later])))
            told.add(second)
    return tuple(found)


def _telling(x: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which columns have more than a sixth as many different figures as rows, shape (k,)."""
    distinct = 1 + (np.diff(np.sort(x, axis=0), axis=0) > 0).sum(axis=0)
    used = (np.isfinite(x) & (x != 0)).sum(axis=0)
    return np.asarray((used > 0) & (distinct > used / 6))
