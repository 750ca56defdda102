"""Effects by imputation (Borusyak, Jaravel and Spiess 2024): what treated rows would have been, from untreated ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.slices import slices


@dataclass(frozen=True, eq=False)
class Block:
    """Columns less the unit's mean of untreated rows."""

    inner: FloatArray
    """Shape (rows, k)."""
    free: FloatArray
    weighted: FloatArray
    """`free`, `weighted`: the untreated rows, and these times their weights, shape (untreated rows, k)."""

    @cached_property
    def gram(self) -> FloatArray:
        """Inner products of untreated rows, shape (k, k)."""
        return np.asarray(self.weighted.T @ self.free)


class Untreated:
    """Which rows are untreated, and their effects of units and periods: what regressions on any controls share.

    ``unit``, ``period``: codes from 0 without gaps, shape (rows,). ``treated``: shape (rows,). ``weight``: of squares
    in the regression; None: all alike; shape (rows,).

    ``known``: treated rows whose unit and period have untreated rows, so that they can be imputed, shape (rows,).
    ``free``: the untreated rows. ``count``: how many each unit has, shape (N,). ``periods``: dummies of periods.
    ``of_all``: sums rows by unit, shape (N, rows).
    """

    def __init__(
        self, unit: IntArray, period: IntArray, treated: NDArray[np.bool_], weight: FloatArray | None = None
    ) -> None:
        n, t = int(unit.max()) + 1, int(period.max()) + 1
        self.free = np.flatnonzero(~treated)
        own = unit[self.free]
        self.count = np.bincount(own, minlength=n)
        self.known = treated & (self.count[unit] > 0) & (np.bincount(period[self.free], minlength=t)[period] > 0)
        self.unit, self._weight = unit, None if weight is None else weight[self.free, None]
        self.of_all, self._of_free = members(unit, n), members(own, n)
        total = np.bincount(own, None if weight is None else weight[self.free], minlength=n)
        self._total = np.where(total > 0, total, 1.0)[:, None]
        self.periods = self.block(np.eye(t)[period])

    def block(self, columns: FloatArray) -> Block:
        """Return columns, shape (rows, k), less the unit's mean of untreated rows."""
        means = self._of_free @ self.by_weight(columns[self.free]) / self._total
        inner = columns - means[self.unit]
        free = inner[self.free]
        return Block(inner, free, self.by_weight(free))

    def with_periods(self, columns: FloatArray) -> Block:
        """Return the block of columns, with the dummies of periods after them."""
        own, after = self.block(columns), self.periods
        pairs = (own.inner, after.inner), (own.free, after.free), (own.weighted, after.weighted)
        return Block(*(np.column_stack(pair) for pair in pairs))

    def by_weight(self, columns: FloatArray) -> FloatArray:
        """Return columns of the untreated rows times their weights."""
        return columns if self._weight is None else self._weight * columns

    def means(self, columns: FloatArray) -> FloatArray:
        """Return the unit's sum of columns of all rows over the weight of its untreated ones, in untreated rows."""
        return np.asarray((self.of_all @ columns / self._total)[self.unit[self.free]])

    def sums(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Return sums of products of columns of untreated rows by unit, (rows, q) and (rows, M) to (N, q, M)."""
        return _sums(self._of_free, left, right)


class Imputation:
    """The regression of untreated rows on unit effects, period effects and controls x, shape (rows, k)."""

    def __init__(self, x: FloatArray, untreated: Untreated) -> None:
        self._untreated, self._x = untreated, untreated.block(x)
        self._design = Regression(untreated, untreated.periods, self._x)

    @property
    def free(self) -> FloatArray:
        """The controls of untreated rows less their units' means, shape (untreated, k)."""
        return self._x.free

    @property
    def rank(self) -> int:
        """Of the regression's columns."""
        return self._design.rank

    def fit(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the effects of treated rows in outcomes, and these less what untreated rows make them, (rows, M) each.

        Effects are not-a-number where a row is not treated, or cannot be imputed.
        """
        own = self._untreated.block(y)
        residuals = own.inner - self._design.values(self._design.inverse @ self._design.products(own), inner=True)
        return np.where(self._untreated.known[:, None], residuals, np.nan), residuals

    def slopes(self, y: FloatArray, cluster: IntArray | None = None) -> tuple[FloatArray, FloatArray]:
        """Return the coefficients of the controls and the influence of units, see `Regression.coefficients`."""
        k = self._x.free.shape[1]
        if not k:
            return np.empty((0, y.shape[1])), np.empty((len(self._untreated.count), 0, y.shape[1]))
        return self._design.coefficients(y, slice(-k, None), cluster)

    def leads(self, dummies: Block) -> Regression | None:
        """Return the regression with dummies of `Untreated.with_periods`; None where they are not identified."""
        count = dummies.free.shape[1] - self._untreated.periods.free.shape[1]
        wide = Regression(self._untreated, dummies, self._x)
        return wide if wide.rank == self._design.rank + count else None

    def weights(self, weights: FloatArray) -> FloatArray:
        """Return the weights of all rows of y in weighted sums of effects.

        ``weights``: zero but for imputed rows, shape (rows, q). The result is not-a-number where untreated rows do not
        identify a sum, shape (rows, q).
        """
        untreated = self._untreated
        # rows that are imputed keep their w₁; untreated ones have -Z₀(Z₀′Z₀)⁻¹Z₁′w₁
        wanted = np.concatenate([untreated.periods.inner.T @ weights, self._x.inner.T @ weights])
        solved = self._design.inverse @ wanted
        rest = np.abs(self._design.gram @ solved - wanted).max(axis=0)
        out = weights.copy()
        out[untreated.free] -= untreated.by_weight(untreated.means(weights) + self._design.values(solved))
        out[:, rest > 1e-7 * np.maximum(np.abs(wanted).max(axis=0), 1.0)] = np.nan
        return out

    def influence(
        self, residuals: FloatArray, weights: FloatArray, cell: IntArray, cluster: IntArray | None = None
    ) -> FloatArray:
        """Return the influence of units on weighted sums of effects, shape (N, q, M), for the conservative variance.

        ``residuals``: those of `fit`. ``weights``: those of `weights`, shape (rows, q). ``cell``, shape (rows,): group
        of rows within which effects are taken as equal: cohort and period; any number for untreated rows. ``cluster``,
        shape (N,): over which influences will be summed; None: units.

        The residual of a treated row is its effect less the mean of its cell, by squares of the weights (their eq. 8):
        the value for which the cell's squared sums over units are least. Over clusters it is the mean by weights times
        the sum of the weights of the row's cluster in its cell.
        """
        rows = np.flatnonzero(self._untreated.known)
        own, effects = weights[rows], residuals[rows]
        codes = np.unique(cell[rows], return_inverse=True)[1]
        groups, squares = members(codes, int(codes.max()) + 1), own**2
        if cluster is not None:
            pairs = cluster[self._untreated.unit[rows]] * (int(codes.max()) + 1) + codes
            together = np.unique(pairs, return_inverse=True)[1]
            squares = own * (members(together, int(together.max()) + 1) @ own)[together]
        total = groups @ squares
        means = _sums(groups, squares, effects) / np.where(total > 0, total, 1.0)[:, :, None]
        free, of_rows = self._untreated.free, self._untreated.of_all[:, rows]
        out = self._untreated.sums(weights[free], residuals[free])
        for some in slices(effects.shape[1], 2**20 // max(own.size, 1)):
            left = own[:, :, None] * (effects[:, None, some] - means[codes, :, some])
            out[:, :, some] += (of_rows @ left.reshape(len(rows), -1)).reshape(len(out), own.shape[1], -1)
        return out


class Regression:
    """A regression of untreated rows on two blocks of columns.

    ``gram``, ``inverse``, shape (k, k): Z′Z, and (Z′Z)⁻¹ of smallest norm where columns are dependent as dummies of all
    periods are. ``rank``: of Z.
    """

    def __init__(self, untreated: Untreated, fixed: Block, x: Block) -> None:
        self._untreated, self._fixed, self._x = untreated, fixed, x
        cross = fixed.weighted.T @ x.free
        self.gram = np.block([[fixed.gram, cross], [cross.T, x.gram]])
        norms = np.sqrt(self.gram.diagonal())
        norms = np.where(norms > 0, norms, 1.0)
        values, vectors = np.linalg.eigh(self.gram / np.outer(norms, norms))
        known = values > 1e-11
        scaled = vectors[:, known] / norms[:, None]
        self.inverse, self.rank = (scaled / values[known]) @ scaled.T, int(known.sum())

    def products(self, columns: Block) -> FloatArray:
        """Return Z′ times columns."""
        return np.concatenate([self._fixed.free.T @ columns.weighted, self._x.free.T @ columns.weighted])

    def values(self, coef: FloatArray, inner: bool = False) -> FloatArray:
        """Return Z times coefficients, shape (k, q), in the untreated rows or in all of them."""
        first = self._fixed.free.shape[1]
        fixed, x = (block.inner if inner else block.free for block in (self._fixed, self._x))
        return np.asarray(fixed @ coef[:first] + x @ coef[first:])

    def coefficients(
        self, y: FloatArray, which: slice, cluster: IntArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Return some coefficients of outcomes, shape (rows, M), and the influence of units: (m, M) and (N, m, M).

        Influence has Stata's small-sample factor, as did_imputation has it, of units or of their clusters, shape (N,).
        """
        own = self._untreated.block(y)
        gamma = self.inverse @ self.products(own)
        left = self._untreated.by_weight(own.free - self.values(gamma))
        influence = self._untreated.sums(self.values(self.inverse[:, which]), left)
        there = self._untreated.count > 0
        rows, clusters = len(left), int(there.sum()) if cluster is None else len(np.unique(cluster[there]))
        factor = clusters / (clusters - 1) * (rows - 1) / (rows - 1 - self.rank)
        return gamma[which], influence * np.sqrt(factor)


def members(codes: IntArray, groups: int) -> scipy.sparse.csr_array:
    """Return the matrix that sums rows by group, shape (groups, rows)."""
    rows = np.arange(len(codes))
    return scipy.sparse.csr_array((np.ones(len(codes)), (codes, rows)), shape=(groups, len(codes)))


def _sums(groups: scipy.sparse.csr_array, left: FloatArray, right: FloatArray) -> FloatArray:
    """Return sums of products by group, of columns of shape (rows, q) and (rows, M) to (groups, q, M)."""
    out = np.empty((groups.shape[0], left.shape[1], right.shape[1]))
    for some in slices(right.shape[1], 2**20 // max(left.size, 1)):
        products = (left[:, :, None] * right[:, None, some]).reshape(len(left), -1)
        out[:, :, some] = (groups @ products).reshape(*out.shape[:2], -1)
    return out
