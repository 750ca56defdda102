"""Effects by imputation (Borusyak, Jaravel and Spiess 2024): what treated rows would have been, from untreated ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Imputed:
    """Effects of treated rows.

    Attributes
    ----------
    effects : ndarray, shape (rows,)
        Not-a-number where a row is not treated, or cannot be imputed.
    residuals : ndarray, shape (rows,)
        The outcome less what untreated rows make it.
    """

    effects: FloatArray
    residuals: FloatArray


@dataclass(frozen=True, eq=False)
class Coefficients:
    """Some coefficients of a regression of untreated rows.

    Attributes
    ----------
    coef : ndarray, shape (m,)
    influence : ndarray, shape (N, m)
        Of units, with Stata's small-sample factor, as did_imputation has them.
    """

    coef: FloatArray
    influence: FloatArray


@dataclass(frozen=True, eq=False)
class Block:
    """Columns less the unit's mean of untreated rows.

    Attributes
    ----------
    inner : ndarray, shape (rows, k)
    free : ndarray, shape (untreated rows, k)
    """

    inner: FloatArray
    free: FloatArray

    @cached_property
    def gram(self) -> FloatArray:
        """Inner products of untreated rows, shape (k, k)."""
        return np.asarray(self.free.T @ self.free)


class Untreated:
    """Which rows are untreated, and their effects of units and periods: what all regressions of a policy share.

    Parameters
    ----------
    unit, period : ndarray of int, shape (rows,)
        Codes from 0 without gaps; rows are sorted by unit.
    treated : ndarray of bool, shape (rows,)

    Attributes
    ----------
    known : ndarray of bool, shape (rows,)
        Treated rows whose unit and period have untreated rows, so that they can be imputed.
    free : ndarray of int
        The untreated rows.
    count : ndarray of int, shape (N,)
        How many each unit has.
    periods : Block
        Dummies of periods.
    """

    def __init__(self, unit: IntArray, period: IntArray, treated: NDArray[np.bool_]) -> None:
        n = int(unit.max()) + 1
        self.unit, self.free = unit, np.flatnonzero(~treated)
        self.count = np.bincount(unit[self.free], minlength=n)
        by_period = np.bincount(period[self.free], minlength=int(period.max()) + 1)
        self.known = treated & (self.count[unit] > 0) & (by_period[period] > 0)
        self._of_all, self._of_free = (_membership(codes, n) for codes in (unit, unit[self.free]))
        self.periods = self.block(np.eye(int(period.max()) + 1)[period])

    def block(self, columns: FloatArray) -> Block:
        """Return columns, shape (rows, k), less the unit's mean of untreated rows."""
        inner = columns - (self._of_free @ columns[self.free] / np.maximum(self.count, 1)[:, None])[self.unit]
        return Block(inner, inner[self.free])

    def with_periods(self, columns: FloatArray) -> Block:
        """Return the block of columns, with the dummies of periods after them."""
        own = self.block(columns)
        both = (np.column_stack(pair) for pair in ((own.inner, self.periods.inner), (own.free, self.periods.free)))
        return Block(*both)

    def sums(self, columns: FloatArray) -> FloatArray:
        """Return sums by unit of columns of all rows, shape (N, k)."""
        return np.asarray(self._of_all @ columns)

    def sums_of_free(self, columns: FloatArray) -> FloatArray:
        """Return sums by unit of columns of the untreated rows, shape (N, k)."""
        return np.asarray(self._of_free @ columns)


class Imputation:
    """The regression of untreated rows on unit effects, period effects and controls.

    Parameters
    ----------
    x : ndarray, shape (rows, k)
        Controls.
    untreated : Untreated
    """

    def __init__(self, x: FloatArray, untreated: Untreated) -> None:
        self._untreated = untreated
        self._x = untreated.block(x)
        self._design = _Regression(untreated, untreated.periods, self._x)

    def fit(self, y: FloatArray) -> Imputed:
        """Return the effects of treated rows."""
        own = self._untreated.block(y[:, None])
        solved = self._design.inverse @ self._design.products(own.free)
        residuals = (own.inner - self._design.values(solved, inner=True))[:, 0]
        return Imputed(np.where(self._untreated.known, residuals, np.nan), residuals)

    def slopes(self, y: FloatArray) -> Coefficients:
        """Return the coefficients of the controls."""
        k = self._x.free.shape[1]
        if not k:
            return Coefficients(np.empty(0), np.empty((len(self._untreated.count), 0)))
        return self._design.coefficients(y, slice(-k, None))

    def leads(self, y: FloatArray, dummies: Block) -> Coefficients | None:
        """Return the coefficients of dummies; None where untreated rows do not identify them.

        Parameters
        ----------
        y : ndarray, shape (rows,)
        dummies : Block
            Of `Untreated.with_periods`.
        """
        count = dummies.free.shape[1] - self._untreated.periods.free.shape[1]
        wide = _Regression(self._untreated, dummies, self._x)
        return None if wide.rank < self._design.rank + count else wide.coefficients(y, slice(count))

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
        untreated, free = self._untreated, self._untreated.free
        wanted = np.vstack([self._untreated.periods.inner.T @ weights, self._x.inner.T @ weights])
        solved = self._design.inverse @ wanted
        rest = np.abs(self._design.gram @ solved - wanted).max(axis=0)
        sums = untreated.sums(weights) / np.maximum(untreated.count, 1)[:, None]
        out = weights.copy()
        out[free] -= sums[untreated.unit[free]] + self._design.values(solved)
        out[:, rest > 1e-7 * np.maximum(np.abs(wanted).max(axis=0), 1.0)] = np.nan
        return out

    def influence(self, imputed: Imputed, weights: FloatArray, cell: IntArray) -> FloatArray:
        """Return the influence of units on weighted sums of effects, shape (N, q), for the conservative variance.

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
        rows = np.flatnonzero(self._untreated.known)
        effects, codes = imputed.effects[rows], cell[rows]
        squares = weights[rows] ** 2
        members = _membership(codes, int(codes.max()) + 1)
        total = members @ squares
        mean = (members @ (squares * effects[:, None])) / np.where(total > 0, total, 1.0)
        residuals = np.zeros_like(weights)
        residuals[self._untreated.free] = imputed.residuals[self._untreated.free, None]
        residuals[rows] = effects[:, None] - mean[codes]
        return self._untreated.sums(weights * residuals)


class _Regression:
    """A regression of untreated rows on two blocks of columns.

    Parameters
    ----------
    untreated : Untreated
    fixed, x : Block
        The second one is of few columns.

    Attributes
    ----------
    gram, inverse : ndarray, shape (k, k)
        Z′Z, and (Z′Z)⁻¹ of smallest norm where columns are dependent as dummies of all periods are.
    rank : int
        Of Z.
    """

    def __init__(self, untreated: Untreated, fixed: Block, x: Block) -> None:
        self._untreated, self._fixed, self._x = untreated, fixed, x
        self._first = fixed.free.shape[1]
        cross = fixed.free.T @ x.free
        self.gram = np.block([[fixed.gram, cross], [cross.T, x.gram]]) if x.free.shape[1] else fixed.gram
        norms = np.sqrt(self.gram.diagonal())
        norms = np.where(norms > 0, norms, 1.0)
        values, vectors = np.linalg.eigh(self.gram / np.outer(norms, norms))
        known = values > 1e-11
        scaled = vectors[:, known] / norms[:, None]
        self.inverse, self.rank = (scaled / values[known]) @ scaled.T, int(known.sum())

    def products(self, columns: FloatArray) -> FloatArray:
        """Return Z′ times columns of the untreated rows."""
        return np.concatenate([self._fixed.free.T @ columns, self._x.free.T @ columns])

    def values(self, coef: FloatArray, inner: bool = False) -> FloatArray:
        """Return Z times coefficients, shape (k, q), in the untreated rows or in all of them."""
        parts = [(self._fixed, coef[: self._first]), (self._x, coef[self._first :])]
        return np.asarray(sum((block.inner if inner else block.free) @ some for block, some in parts))

    def coefficients(self, y: FloatArray, which: slice) -> Coefficients:
        """Return some coefficients, and the influence of units on them."""
        untreated = self._untreated
        own = untreated.block(y[:, None]).free
        gamma = self.inverse @ self.products(own)
        left = own - self.values(gamma)
        scores = [untreated.sums_of_free(block.free * left) for block in (self._fixed, self._x)]
        influence = np.column_stack(scores) @ self.inverse[:, which]
        rows, clusters = len(own), int((untreated.count > 0).sum())
        factor = clusters / (clusters - 1) * (rows - 1) / (rows - 1 - self.rank)
        return Coefficients(gamma[which, 0], influence * np.sqrt(factor))


def _membership(codes: IntArray, groups: int) -> scipy.sparse.csr_array:
    """Return the matrix that sums rows by group, shape (groups, rows)."""
    rows = np.arange(len(codes))
    return scipy.sparse.csr_array((np.ones(len(codes)), (codes, rows)), shape=(groups, len(codes)))
