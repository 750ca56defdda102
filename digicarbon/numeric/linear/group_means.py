"""Sums and means by unit or by period, and columns without effects, also where a panel is not balanced."""

from __future__ import annotations

import numpy as np

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.linear.within import EffectsKind, Rows, absorb, absorbed_rank


class Groups:
    """Rows that share a unit, or a period.

    Parameters
    ----------
    codes : ndarray of int, shape (rows,)
        Each row's group, from 0 without gaps.
    """

    def __init__(self, codes: IntArray) -> None:
        self.codes = codes
        self.sizes = np.bincount(codes).astype(np.float64)

    @property
    def count(self) -> int:
        """Number of groups."""
        return len(self.sizes)

    def totals(self, columns: FloatArray) -> FloatArray:
        """Return sums of columns, shape (rows, k), by group: shape (groups, k)."""
        out = np.zeros((self.count, columns.shape[1]))
        np.add.at(out, self.codes, columns)
        return out

    def averages(self, columns: FloatArray) -> FloatArray:
        """Return means of columns, shape (rows, k), by group: shape (groups, k)."""
        return self.totals(columns) / self.sizes[:, None]

    def means(self, columns: FloatArray) -> FloatArray:
        """Return each row's group mean, shape (rows, k)."""
        return self.averages(columns)[self.codes]


def without_effects(
    columns: FloatArray, unit_codes: IntArray, period_codes: IntArray, effects: EffectsKind
) -> tuple[FloatArray, int]:
    """Return columns less the least-squares fit of unit and period dummies, or of a constant, and the dummies' rank.

    Parameters
    ----------
    columns : ndarray, shape (rows, k)
    unit_codes, period_codes : ndarray of int, shape (rows,)
        Sorted by unit, then by period.
    effects : {"none", "unit", "time", "two_way"}

    Returns
    -------
    ndarray, shape (rows, k)
    int
        How many parameters the effects use; 1 for the constant.
    """
    if effects == "none":
        return columns - columns.mean(axis=0), 1
    rows = Rows(unit_codes, period_codes, int(unit_codes.max()) + 1, int(period_codes.max()) + 1)
    return absorb(columns, rows, effects), absorbed_rank(rows, effects)
