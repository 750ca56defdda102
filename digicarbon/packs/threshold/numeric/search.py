"""The exact search for a threshold over all candidates, by sums over rows in the order of its variable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import scipy
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.linear.within import EffectsKind, Rows
from digicarbon.numeric.slices import slices

_DEPENDENT = 1e-10
"""Share of a column's own sum of squares below which the rest of it counts as none."""
_BATCH = 2**19
"""Numbers of a batch of outcomes, which stay in the processor's cache."""


@dataclass(frozen=True, eq=False)
class Ordered:
    """Rows in the order of the threshold variable, and what the effects remove from sums over them."""

    x: FloatArray
    """Columns whose coefficients differ between regimes, as they are, shape (rows, k)."""
    common: FloatArray
    """Columns that have one coefficient in all regimes, shape (rows, c)."""
    q: FloatArray
    """The threshold variable, shape (rows,)."""
    rows: Rows
    effects: EffectsKind
    """Without effects there is a constant."""

    @cached_property
    def order(self) -> IntArray:
        """Rows from the lowest value of q to the highest one, shape (rows,)."""
        return np.argsort(self.q, kind="stable")

    @cached_property
    def last(self) -> IntArray:
        """Places in this order of the last row of each value of q but the highest one."""
        values = self.q[self.order]
        return np.flatnonzero(values[1:] > values[:-1])

    def value(self, place: int) -> float:
        """Return q at a place of the order."""
        return float(self.q[self.order[place]])

    def below(self, place: int) -> FloatArray:
        """Return x in the rows up to a place of the order, 0 in others, shape (rows, k)."""
        return self.x * (self.q <= self.value(place))[:, None]

    def candidates(self, trim: float, most: int | None = None, others: Sequence[int] = ()) -> IntArray:
        """Return the places that leave enough rows in each regime.

        ``trim``: least share of the rows in a regime. ``most``: number of quantiles of q that are candidates; None:
        every value. ``others``: places of the other thresholds.
        """
        places, n = self.last, len(self.q)
        least = int(np.ceil(trim * n - 1e-9))
        if most is not None:
            wanted = np.round(np.linspace(least - 1, n - least - 1, most))
            at = np.minimum(np.searchsorted(places, wanted), len(places) - 1)
            places = np.unique(places[at]) if len(places) else places
        keep = (places + 1 >= least) & (n - places - 1 >= least)
        for other in others:
            keep &= np.abs(places - other) >= least
        return np.asarray(places[keep])

    def most(self, trim: float, grid: int | None = None) -> int:
        """Return how many thresholds there may be together, with enough rows between them, as in `candidates`."""
        left, count = self.candidates(trim, grid), 0
        least = int(np.ceil(trim * len(self.q) - 1e-9))
        while len(left):
            left, count = left[left - left[0] >= least], count + 1
        return count

    def demeaned(self, columns: FloatArray) -> FloatArray:
        """Return columns, shape (rows, m), without unit means where the model has unit effects."""
        if self.effects not in ("unit", "two_way"):
            return columns
        return np.asarray(columns - self.rows.means(columns, "unit")[self.rows.unit_codes])

    @cached_property
    def _squares(self) -> FloatArray:
        """Sums of xx′ up to each place, less those of unit means, shape (rows, k, k)."""
        x, order = self.x, self.order
        sums = np.einsum("ij,il->ijl", x, x)[order]
        if self.effects in ("unit", "two_way"):
            unit = self.rows.unit_codes
            # within a unit, from its lowest q on
            within = order[np.argsort(unit[order], kind="stable")]
            first = np.flatnonzero(np.diff(unit[within], prepend=-1))
            counts = np.diff(np.append(first, len(unit)))
            running = np.cumsum(x[within], axis=0)
            start = np.vstack([np.zeros((1, x.shape[1])), running])[first]
            after = running - np.repeat(start, counts, axis=0)
            before = after - x[within]
            # a unit takes (Σx)(Σx)′/T_i off the sums; each of its rows changes that by its own step
            change = np.einsum("ij,il->ijl", after, after) - np.einsum("ij,il->ijl", before, before)
            by_row = np.empty_like(change)
            by_row[within] = change / np.repeat(counts, counts)[:, None, None]
            sums = sums - by_row[order]
        return np.asarray(np.cumsum(sums, axis=0))

    @cached_property
    def _time(self) -> FloatArray:
        """Dummies of periods, without unit means where there are unit effects; a constant without effects."""
        if self.effects == "none":
            return np.ones((len(self.q), 1))
        if self.effects == "unit":
            return np.empty((len(self.q), 0))
        return self.demeaned(np.eye(self.rows.t)[self.rows.period_codes])

    def basis(self, thresholds: Sequence[int]) -> FloatArray:
        """Return an orthonormal basis of what regimes of known thresholds share, less unit means, shape (rows, r)."""
        columns = np.column_stack([self.x, self.common, *(self.below(place) for place in thresholds)])
        size = np.linalg.norm(columns, axis=0)
        columns = np.column_stack([self._time, self.demeaned(columns / np.where(size > 0, size, 1.0))])
        vectors, triangle, _ = scipy.linalg.qr(columns, mode="economic", pivoting=True)
        own = np.abs(np.diag(triangle))
        return np.asarray(vectors[:, own > 1e-9 * max(float(own.max(initial=0.0)), 1e-300)])

    def search(self, candidates: IntArray, thresholds: Sequence[int] = ()) -> Search:
        """Return what finds one more threshold among candidates, places in the order, given those that are known."""
        basis = self.basis(thresholds)
        products = np.einsum("ij,il->ijl", self.x[self.order], basis[self.order])
        along = np.cumsum(products.reshape(len(self.q), -1), axis=0)[candidates].reshape(
            len(candidates), *products.shape[1:]
        )
        own = self._squares[candidates]
        rest = own - np.einsum("gjr,glr->gjl", along, along)
        return Search(basis, candidates, roots_of(rest, own), self)


def roots_of(rest: FloatArray, before: FloatArray) -> FloatArray:
    """Return A, AA′ the inverse of what is left of products (G, k, k), by candidate; not a number where nothing is."""
    k = rest.shape[1]
    size = np.sqrt(np.einsum("gjj->gj", before))
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = rest / (size[:, :, None] * size[:, None, :])
        usable = np.isfinite(scaled).all(axis=(1, 2))
        if k == 1:
            usable &= scaled[:, 0, 0] > _DEPENDENT
            return np.where(usable[:, None, None], 1 / np.sqrt(rest), np.nan)
    values, vectors = np.linalg.eigh(np.where(usable[:, None, None], scaled, np.eye(k)))
    usable &= values[:, 0] > _DEPENDENT
    roots = vectors / np.sqrt(np.where(values > 0, values, np.nan))[:, None, :] / size[:, :, None]
    return np.where(usable[:, None, None], roots, np.nan)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Places of one more threshold, and what the columns of the lower regime leave at each."""

    basis: FloatArray
    """Orthonormal, of what all regimes share, shape (rows, r)."""
    candidates: IntArray
    """Places, shape (G,)."""
    roots: FloatArray
    """AA′ is the inverse of products of the columns of the lower regime; not a number where these depend on others.
    Shape (G, m, m)."""

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Which candidates identify all slopes, shape (G,)."""
        return np.asarray(np.isfinite(self.roots).all(axis=(1, 2)))

    def only(self, some: NDArray[np.bool_]) -> Self:
        """Return some of the candidates."""
        return replace(self, candidates=self.candidates[some], roots=self.roots[some])


@dataclass(frozen=True, eq=False)
class Search(Candidates):
    """How much each candidate takes from a sum of squared residuals, for any outcome."""

    ordered: Ordered

    def residuals(self, outcomes: FloatArray) -> FloatArray:
        """Return what the columns of all regimes leave of outcomes, shape (M, rows)."""
        left = self.ordered.demeaned(outcomes.T).T
        return np.asarray(left - (left @ self.basis) @ self.basis.T)

    def drops(self, residuals: FloatArray) -> FloatArray:
        """Return by how much each candidate lowers the sum of squares, shape (M, G). ``residuals``: shape (M, rows)."""
        order, x = self.ordered.order, self.ordered.x
        return self._drops(
            [np.cumsum((residuals * x[:, j])[:, order], axis=1)[:, self.candidates] for j in range(x.shape[1])]
        )

    def _drops(self, sums: list[FloatArray]) -> FloatArray:
        """Return what `drops` does, from the sums of each column of x times residuals up to candidates, (M, G) each."""
        # with r the sums of x e up to a candidate, r′(AA′)r is the length of A′r, squared
        total = np.zeros(sums[0].shape)
        for column in range(len(sums)):
            along = sum(each * self.roots[:, j, column] for j, each in enumerate(sums))
            total += np.square(along)
        return total

    def largest(self, outcomes: FloatArray) -> tuple[FloatArray, FloatArray, IntArray]:
        """Return the sum of squares of outcomes, by how much the best threshold lowers it, and its place, (M,) each."""
        before, drop = np.empty(len(outcomes)), np.empty(len(outcomes))
        best = np.empty(len(outcomes), dtype=np.intp)
        for batch in slices(len(outcomes), _BATCH // outcomes.shape[1]):
            residuals = self.residuals(outcomes[batch])
            drops = self.drops(residuals)
            best[batch] = np.nanargmax(drops, axis=1)
            before[batch] = np.einsum("ij,ij->i", residuals, residuals)
            drop[batch] = np.take_along_axis(drops, best[batch, None], axis=1)[:, 0]
        return before, drop, self.candidates[best]

    def ratios(self, fitted: FloatArray, errors: FloatArray, signs: FloatArray, at: int, df: int) -> FloatArray:
        """Return the likelihood ratio of a candidate, by its number, in samples, shape (M,).

        A sample is ``fitted``, orthogonal to the basis, and ``errors`` with a sign of each unit, both of shape (rows,)
        and without unit means where the model has unit effects; ``signs`` has shape (M, N), of ±1. No sample is formed:
        what is needed of it are sums of x times its residuals up to each candidate.
        """
        ordered, basis = self.ordered, self.basis
        by_row = signs[:, ordered.rows.unit_codes[ordered.order]]
        shares = signs @ ordered.rows.sums(basis * errors[:, None], "unit")
        along = signs @ ordered.rows.sums(fitted[:, None] * errors[:, None], "unit")[:, 0]
        # the sum of squares of a sample, less what the orthonormal columns of the basis take of it
        total = fitted @ fitted + 2 * along + errors @ errors - np.square(shares).sum(axis=1)
        out = np.empty(len(signs))
        sums = []
        for column in ordered.x.T:
            known = np.column_stack([basis, fitted]) * column[:, None]
            known = np.cumsum(known[ordered.order], axis=0)[self.candidates]
            sums.append(((column * errors)[ordered.order], known[:, :-1], known[:, -1]))
        for some in slices(len(signs), _BATCH // len(errors)):
            each = [
                np.cumsum(by_row[some] * own, axis=1)[:, self.candidates] + of_fitted - shares[some] @ of_basis.T
                for own, of_basis, of_fitted in sums
            ]
            drops = self._drops(each)
            most = drops.max(axis=1)
            out[some] = (most - drops[:, at]) / ((total[some] - most) / df)
        return out
