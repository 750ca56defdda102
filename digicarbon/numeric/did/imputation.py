"""Effects by imputation (Borusyak, Jaravel and Spiess 2024): what treated rows would have been, from untreated ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Imputed:
    """Effects of treated rows.

    Attributes
    ----------
    effects : ndarray, shape (rows,)
        Not-a-number where a row is not treated, or cannot be imputed.
    leads : ndarray, shape (m,)
        Coefficients of lead dummies among untreated rows; not-a-number where these do not identify them.
    influence_of_leads : ndarray, shape (N, m)
    slopes : ndarray, shape (k,)
        Of the controls among untreated rows.
    influence_of_slopes : ndarray, shape (N, k)
    """

    effects: FloatArray
    leads: FloatArray
    influence_of_leads: FloatArray
    slopes: FloatArray
    influence_of_slopes: FloatArray


class Imputation:
    """The regression of untreated rows on unit effects, period effects and controls.

    Parameters
    ----------
    x : ndarray, shape (rows, k)
        Controls.
    unit, period : ndarray of int, shape (rows,)
        Codes from 0 without gaps; rows are sorted by unit.
    treated : ndarray of bool, shape (rows,)

    Attributes
    ----------
    known : ndarray of bool, shape (rows,)
        Treated rows whose unit and period have untreated rows, so that they can be imputed.
    """

    def __init__(self, x: FloatArray, unit: IntArray, period: IntArray, treated: NDArray[np.bool_]) -> None:
        self._unit, self._n = unit, int(unit.max()) + 1
        self._starts = np.searchsorted(unit, np.arange(self._n))
        self._k, self._free = x.shape[1], ~treated
        self._columns = np.column_stack([x, np.eye(int(period.max()) + 1)[period]])
        self._count = np.bincount(unit[self._free], minlength=self._n)
        by_period = np.bincount(period[self._free], minlength=int(period.max()) + 1)
        self.known = treated & (self._count[unit] > 0) & (by_period[period] > 0)
        self._inner = self._within(self._columns)
        self._design = self._inner[self._free]
        self._inverse, self._rank = _inverse(self._design)

    def fit(self, y: FloatArray, leads: FloatArray) -> Imputed:
        """Return the effects of treated rows, and the coefficients of lead dummies, shape (rows, m)."""
        free, count = self._free, leads.shape[1]
        inner = self._within(y[:, None])[:, 0]
        effects = np.where(self.known, self._residuals(y), np.nan)
        slopes = self._influence(self._design, inner[free], self._k)
        wide = np.column_stack([self._within(leads)[free], self._design])
        early = self._influence(wide, inner[free], count)
        if _inverse(wide)[1] < self._rank + count:
            return Imputed(effects, np.full(count, np.nan), early[1], *slopes)
        return Imputed(effects, *early, *slopes)

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
        design = self._design
        solved = self._inverse @ wanted
        rest = np.abs(design.T @ (design @ solved) - wanted).max(axis=0)
        sums = self._sums(weights)[self._unit] / np.maximum(self._count, 1)[self._unit][:, None]
        out = weights.copy()
        out[free] -= sums[free] + design @ solved
        out[:, rest > 1e-7 * np.maximum(np.abs(wanted).max(axis=0), 1.0)] = np.nan
        return out

    def influence(self, y: FloatArray, effects: FloatArray, weights: FloatArray, cell: IntArray) -> FloatArray:
        """Return the influence of units on weighted sums of effects, shape (N, q), for the conservative variance.

        Parameters
        ----------
        y, effects : ndarray, shape (rows,)
        weights : ndarray, shape (rows, q)
            Those of `weights`.
        cell : ndarray of int, shape (rows,)
            Group of rows within which effects are taken as equal: cohort and period; any number for untreated rows.

        Notes
        -----
        The residual of a treated row is its effect less the mean of its cell, by squares of the weights (their eq. 8).
        """
        free = self._free
        residuals = np.repeat(self._residuals(y)[:, None], weights.shape[1], axis=1)
        rows = np.flatnonzero(self.known)
        squares = weights[rows] ** 2
        codes = np.unique(cell[rows], return_inverse=True)[1]
        total, sums = (np.zeros((codes.max() + 1, weights.shape[1])) for _ in range(2))
        np.add.at(total, codes, squares)
        np.add.at(sums, codes, squares * effects[rows][:, None])
        mean = sums / np.where(total > 0, total, 1.0)
        residuals[rows] = effects[rows][:, None] - mean[codes]
        residuals[~free & ~self.known] = 0.0
        return self._sums(weights * residuals)

    def _influence(self, design: FloatArray, y: FloatArray, first: int) -> tuple[FloatArray, FloatArray]:
        """Return the first coefficients of a regression of untreated rows, and the influence of units on them.

        With Stata's small-sample factor, as did_imputation has them.
        """
        inverse, rank = _inverse(design)
        solved = (design @ inverse).T
        gamma = solved @ y
        scores = np.zeros((len(self._free), first))
        scores[self._free] = solved[:first].T * (y - design @ gamma)[:, None]
        clusters, left = int((self._count > 0).sum()), len(design) - 1 - rank
        return gamma[:first], self._sums(scores) * np.sqrt(clusters / (clusters - 1) * (len(design) - 1) / left)

    def _residuals(self, y: FloatArray) -> FloatArray:
        """Return y less what untreated rows make it, shape (rows,)."""
        inner = self._within(y[:, None])[:, 0]
        return np.asarray(inner - self._inner @ (self._inverse @ (self._design.T @ inner[self._free])))

    def _within(self, columns: FloatArray) -> FloatArray:
        """Return columns less the unit's mean of untreated rows."""
        free = np.where(self._free[:, None], columns, 0.0)
        return np.asarray(columns - (self._sums(free) / np.maximum(self._count, 1)[:, None])[self._unit])

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
