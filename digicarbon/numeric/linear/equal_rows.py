"""Rows of figures that repeat other rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

SIGNIFICANT = 3
"""Figures with at most this number of significant digits are round: they are sometimes equal by chance."""
FEWEST, SHARE = 10, 0.9
"""How many of the compared figures, and which share of them, are at least equal in twins."""


@dataclass(frozen=True)
class Twins:
    """Two rows with the same figures, first < second.

    Of the ``compared`` cells, in which both rows have a figure and at least one of these is not round, so many are
    ``equal``.
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


def equal_rows(values: ArrayLike) -> tuple[Twins, ...]:
    """Return pairs of rows, shape (n, k), whose figures that are not round are the same.

    A column with only a few different figures is not informative and is skipped; a missing figure is equal to no other.
    Pairs are ordered by first, then second row; a row that is second in one pair is first in no other.
    """
    x = np.asarray(values, dtype=np.float64)
    x = x[:, _informative(x)]
    precise, finite = unround(x), np.isfinite(x)
    twins: list[Twins] = []
    seconds: set[int] = set()
    for first in range(len(x) - 1):
        if first in seconds:
            continue
        both = finite[first] & finite[first + 1 :] & (precise[first] | precise[first + 1 :])
        equal = (both & (x[first] == x[first + 1 :])).sum(axis=1)
        compared = both.sum(axis=1)
        for later in np.flatnonzero((equal >= FEWEST) & (equal >= SHARE * compared)).tolist():
            second = first + 1 + later
            twins.append(Twins(first, second, int(equal[later]), int(compared[later])))
            seconds.add(second)
    return tuple(twins)


def _informative(x: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which columns have more than a sixth as many different figures as rows, shape (k,)."""
    distinct = 1 + (np.diff(np.sort(x, axis=0), axis=0) > 0).sum(axis=0)
    count = (np.isfinite(x) & (x != 0)).sum(axis=0)
    return np.asarray((count > 0) & (distinct > count / 6))
