"""Effects by imputation (Borusyak, Jaravel and Spiess 2024): what treated rows would have been, from untreated ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Imputed:
    """Effects of treated rows in M outcomes.

    Attributes
    ----------
    effects : ndarray, shape (rows, M)
        Not-a-number where a row is not treated, or cannot be imputed.
    residuals : ndarray, shape (rows, M)
        The outcome less what untreated rows make it.
    """

    effects: FloatArray
    residuals: FloatArray


@dataclass(frozen=True, eq=False)
class Coefficients:
    """Coefficients of a regression of untreated rows.

    Attributes
    ----------
    coef : ndarray, shape (m, M)
    influence : ndarray, shape (N, m, M)
        Of units, with Stata's small-sample factor, as did_imputation has them.
    """

    coef: FloatArray
    influence: FloatArray


class Imputation:
    """The regression of untreated rows on unit effects, period effects and controls.

    Parameters
    ----------
    x : ndarray, shape (rows, k)
        Controls.
    unit, period : ndarray of int, shape (rows,)
        Codes from 0 without gaps; rows are sorted by unit.
    treated : ndarray of bool, shape (rows,)
    weight : ndarray, shape (rows,), or None
        Weights of squares in the regression; None: all alike.

    Attributes
    ----------
    known : ndarray of bool, shape (rows,)
        Treated rows whose unit and period have untreated rows, so that they can be imputed.
    """

    def __init__(
        self,
        x: FloatArray,
        unit: IntArray,
        period: IntArray,
        treated: NDArray[np.bool_],
        weight: FloatArray | None = None,
    ) -> None:
        self._unit, self._n = unit, int(unit.max()) + 1
        self._starts = np.searchsorted(unit, np.arange(self._n))
        self._k, self._free = x.shape[1], ~treated
        self._weight = np.ones(len(unit)) if weight is None else weight
        columns = np.column_stack([x, np.eye(int(period.max()) + 1)[period]])
        self._count = np.bincount(unit[self._free], minlength=self._n)
        total = np.bincount(unit[self._free], self._weight[self._free], minlength=self._n)
        self._total = np.where(total > 0, total, 1.0)
        by_period = np.bincount(period[self._free], minlength=int(period.max()) + 1)
        self.known = treated & (self._count[unit] > 0) & (by_period[period] > 0)
        self._inner = self._within(columns)
        self._design, self._root = self._inner[self._free], np.sqrt(self._weight[self._free])[:, None]
        self._inverse, self._rank = _inverse(self._design * self._root)

    def fit(self, y: FloatArray) -> Imputed:
        """Return the effects of treated rows in outcomes, shape (rows, M)."""
        inner = self._within(y)
        solved = self._inverse @ (self._design.T @ (self._root**2 * inner[self._free]))
        residuals = np.asarray(inner - self._inner @ solved)
        return Imputed(np.where(self.known[:, None], residuals, np.nan), residuals)

    def slopes(self, y: FloatArray) -> Coefficients:
        """Return the coefficients of the controls."""
        return self._coefficients(self._design, y, self._k)

    def leads(self, y: FloatArray, dummies: FloatArray) -> Coefficients | None:
        """Return the coefficients of dummies, shape (rows, m); None where untreated rows do not identify them."""
        wide = np.column_stack([self._within(dummies)[self._free], self._design])
        if _inverse(wide * self._root)[1] < self._rank + dummies.shape[1]:
            return None
        return self._coefficients(wide, y, dummies.shape[1])

    def weights(self, weights: FloatArray) -> FloatArray:
        """Return the weights of all rows of y in weighted sums of effects.

        Parameters
        ----------
        weights : ndarray, shape (rows, q)
            Zero but for imputed rows.

        Returns
        -------
        ndarray, shape (rows, q)
            Not-a-number where untreated rows do not identify a sum.
        """
        free = self._free
        wanted = self._inner.T @ weights
        solved = self._design @ (self._inverse @ wanted)
        rest = np.abs((self._design * self._root**2).T @ solved - wanted).max(axis=0)
        sums = (self._sums(weights) / self._total[:, None])[self._unit]
        out = weights.copy()
        out[free] -= self._root**2 * (sums[free] + solved)
        out[:, rest > 1e-7 * np.maximum(np.abs(wanted).max(axis=0), 1.0)] = np.nan
        return out

    def influence(self, imputed: Imputed, weights: FloatArray, cell: IntArray) -> FloatArray:
        """Return the influence of units on weighted sums of effects, shape (N, q, M), for the conservative variance.

        Parameters
        ----------
        imputed : Imputed
        weights : ndarray, shape (rows, q)
            Those of `weights`.
        cell : ndarray of int, shape (rows,)
            Group of rows within which effects are taken as equal: cohort and period; any number for untreated rows.

        Notes
        -----
        The residual of a treated row is its effect less the mean of its cell, by squares of the weights (their eq. 8).
        """
        rows = np.flatnonzero(self.known)
        effects, codes = imputed.effects[rows], np.unique(cell[rows], return_inverse=True)[1]
        residuals = np.where(self._free[:, None], imputed.residuals, 0.0)
        out = np.empty((self._n, weights.shape[1], effects.shape[1]))
        for place, own in enumerate(weights.T):
            squares = own[rows] ** 2
            total = np.bincount(codes, squares)
            shares = squares / np.where(total > 0, total, 1.0)[codes]
            means = scipy.sparse.csr_array((shares, (codes, np.arange(len(rows)))))
            residuals[rows] = effects - (means @ effects)[codes]
            out[:, place] = self._sums(own[:, None] * residuals)
        return out

    def _coefficients(self, design: FloatArray, y: FloatArray, first: int) -> Coefficients:
        """Return the first coefficients of a regression of untreated rows."""
        inverse, rank = _inverse(design * self._root)
        solved = (design @ inverse).T * self._root.T**2
        inner = self._within(y)[self._free]
        gamma = solved @ inner
        left = inner - design @ gamma
        clusters, df = int((self._count > 0).sum()), len(design) - 1 - rank
        factor = np.sqrt(clusters / (clusters - 1) * (len(design) - 1) / df)
        influence = np.empty((self._n, first, y.shape[1]))
        scores = np.zeros_like(y)
        for place, own in enumerate(solved[:first]):
            scores[self._free] = own[:, None] * left
            influence[:, place] = self._sums(scores) * factor
        return Coefficients(gamma[:first], influence)

    def _within(self, columns: FloatArray) -> FloatArray:
        """Return columns less the unit's mean of untreated rows."""
        free = np.where(self._free, self._weight, 0.0)[:, None] * columns
        return np.asarray(columns - (self._sums(free) / self._total[:, None])[self._unit])

    def _sums(self, columns: FloatArray) -> FloatArray:
        return np.asarray(np.add.reduceat(columns, self._starts, axis=0))


def _inverse(design: FloatArray) -> tuple[FloatArray, int]:
    """Return (Z′Z)⁻¹, of smallest norm where columns are dependent as dummies of all periods are, and the rank of Z."""
    norms = np.sqrt(np.einsum("ij,ij->j", design, design))
    norms = np.where(norms > 0, norms, 1.0)
    values, vectors = np.linalg.eigh(design.T @ design / np.outer(norms, norms))
    known = values > 1e-11
    scaled = vectors[:, known] / norms[:, None]
    return (scaled / values[known]) @ scaled.T, int(known.sum())
