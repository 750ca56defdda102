"""Removing any number of fixed effects and of slopes by group: exact projections on the complement of their dummies.

The largest set of groups is eliminated by means within its groups, with the slopes of the same groups if there are
some. Its complement of the other dummies has few columns; a pivoted Cholesky factor of their inner products tells how
many of them are independent, and solves for these (Frisch, Waugh & Lovell).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy

from digicarbon.arrays import FloatArray, IntArray

MOST = 6000
"""Dummies besides those of the largest set of groups that are solved for."""
_DEPENDENT = 1e-10
"""Share of a dummy's sum of squares below which what others leave of it is rounding."""
_SWEEPS = 2
"""A second pass removes what rounding has left."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups of rows, each with an effect, and with slopes of its own if there are any.

    ``codes``, shape (rows,): from 0, without gaps. ``count``: how many groups there are. ``slope``, shape (rows,): the
    variable whose coefficient each group has for itself.
    """

    codes: IntArray
    count: int
    slope: FloatArray | None = None

    @classmethod
    def of(cls, codes: Sequence[IntArray], slope: FloatArray | None = None) -> Groups:
        """Return the groups of rows that are alike in all of some codes."""
        found = np.zeros(len(codes[0]), dtype=np.int64)
        for one in codes:
            _, own = np.unique(one, return_inverse=True)
            _, found = np.unique(found * (int(own.max()) + 1) + own, return_inverse=True)
        return cls(found.astype(np.int64), int(found.max()) + 1, slope)

    @classmethod
    def coded(cls, codes: IntArray) -> Groups:
        """Return the groups of codes from 0 without gaps."""
        return cls(codes, int(codes.max()) + 1)

    def within(self, other: Groups) -> bool:
        """Return whether each of these groups lies within one group of another kind."""
        return len(np.unique(self.codes * other.count + other.codes)) == self.count

    def sums(self, columns: FloatArray) -> FloatArray:
        """Return sums of columns, shape (rows, k), by group: shape (count, k)."""
        rows = np.arange(len(self.codes))
        members = scipy.sparse.csr_array((np.ones(len(rows)), (self.codes, rows)), shape=(self.count, len(rows)))
        return np.asarray(members @ columns)

    @cached_property
    def sizes(self) -> FloatArray:
        """How many rows each group has, shape (count,)."""
        return np.bincount(self.codes, minlength=self.count).astype(np.float64)

    def averages(self, columns: FloatArray) -> FloatArray:
        """Return means of columns, shape (rows, k), by group: shape (count, k)."""
        return self.sums(columns) / self.sizes[:, None]

    def means(self, columns: FloatArray) -> FloatArray:
        """Return each row's group mean, shape (rows, k)."""
        return self.averages(columns)[self.codes]

    @cached_property
    def singles(self) -> IntArray:
        """The groups with one row, whose own effect explains it without rest."""
        return np.flatnonzero(self.sizes == 1)


class Absorber:
    """The projection of columns on the complement of effects.

    ``effects``: at least one. ``weights``, shape (rows,): positive; by which rows weigh. Raises ValueError if there are
    more than `MOST` dummies besides the largest groups, see `Absorber.small`.
    """

    def __init__(self, effects: Sequence[Groups], weights: FloatArray | None = None) -> None:
        self.effects = tuple(effects)
        self._scale = None if weights is None else np.sqrt(weights)
        outer, inner = _apart(self.effects)
        self._outer = _orthonormal(outer, self._scale)
        self._inner = self._independent(inner)

    @staticmethod
    def small(effects: Sequence[Groups]) -> int:
        """Return how many dummies there are besides the largest groups."""
        return sum(one.count * (1 if one.slope is None else 2) for one in _apart(effects)[1])

    @property
    def rank(self) -> int:
        """How many parameters the effects are: the rank of their dummies and slopes."""
        return self._outer.shape[1] + (0 if self._inner is None else self._inner[0].shape[1])

    @property
    def nbytes(self) -> int:
        """Size of what is kept, about."""
        return int(self._outer.data.nbytes) * 3 + (0 if self._inner is None else self._inner[1].nbytes)

    def basis(self, clusters: Groups) -> tuple[FloatArray, scipy.sparse.csr_array]:
        """Return an orthonormal basis of the dummies without those that lie within clusters.

        The first part has the shape (rows, m); the second one, of the largest groups, is sparse. Of weighted rows it is
        that of dummies times roots of weights.
        """
        rows = np.arange(len(clusters.codes))
        members = scipy.sparse.csr_array(
            (np.ones(len(rows)), (clusters.codes, rows)), shape=(clusters.count, len(rows))
        )
        # a column of length one lies within a cluster where its squares add up to one
        most = (members @ self._outer.multiply(self._outer)).max(axis=0).toarray().ravel()
        outer = scipy.sparse.csr_array(self._outer[:, np.flatnonzero(most < 1 - _DEPENDENT)])
        if self._inner is None:
            return np.empty((len(rows), 0)), outer
        dummies, factor = self._inner
        left = self._without_outer(dummies.toarray())
        return np.asarray(scipy.linalg.solve_triangular(factor, left.T, lower=True).T), outer

    def nested(self, clusters: Sequence[Groups]) -> int:
        """Return how many parameters, but for the constant, are those of groups that lie within clusters.

        ``clusters``: of one or several kinds; groups within those of any kind are nested.
        """
        inside = [one for one in self.effects if any(one.within(cluster) for cluster in clusters)]
        return Absorber(inside).rank - 1 if inside else 0

    def __call__(self, columns: FloatArray) -> FloatArray:
        """Return columns without effects, shape (rows, k): orthogonal to all dummies if rows are weighted."""
        scale = None if self._scale is None else self._scale[:, None]
        left = columns if scale is None else scale * columns
        for _ in range(_SWEEPS):
            left = self._without_outer(left)
            if self._inner is None:
                continue
            dummies, factor = self._inner
            coef = scipy.linalg.cho_solve((factor, True), dummies.T @ left, check_finite=False)
            left = self._without_outer(left - dummies @ coef)
        return np.asarray(left if scale is None else left / scale)

    def _without_outer(self, columns: FloatArray) -> FloatArray:
        return np.asarray(columns - self._outer @ (self._outer.T @ columns))

    def _independent(self, inner: Sequence[Groups]) -> tuple[scipy.sparse.csc_array, FloatArray] | None:
        """Return the dummies that are independent of the largest groups and of each other, and their factor."""
        if not inner:
            return None
        dummies = scipy.sparse.hstack([_dummies(one, self._scale) for one in inner], format="csc")
        if dummies.shape[1] > MOST:
            raise ValueError(f"There are {dummies.shape[1]} dummies besides the largest groups, more than {MOST}.")
        # scaled to correlations: a group of small weights must not be taken for one without
        size = np.sqrt(np.asarray(dummies.multiply(dummies).sum(axis=0)).ravel())
        dummies = scipy.sparse.csc_array(dummies @ scipy.sparse.diags_array(1 / np.where(size > 0, size, 1.0)))
        links = self._outer.T @ dummies
        gram = (dummies.T @ dummies).toarray() - (links.T @ links).toarray()
        factor, pivots, rank, _ = scipy.linalg.lapack.dpstrf(gram, tol=_DEPENDENT, lower=1)
        if rank == 0:
            return None
        kept = pivots[:rank] - 1
        return scipy.sparse.csc_array(dummies[:, kept]), np.tril(factor[:rank, :rank])


def _apart(effects: Sequence[Groups]) -> tuple[Groups, list[Groups]]:
    """Return the largest groups and the others, but for those whose dummies are sums of others' dummies."""
    size = [one.count * (1 if one.slope is None else 2) for one in effects]
    largest = effects[int(np.argmax(size))]
    inner: list[Groups] = []
    for place, one in enumerate(effects):
        if one is largest:
            continue
        others = [largest, *inner, *effects[place + 1 :]]
        if one.slope is None and any(other.within(one) for other in others if other.count >= one.count):
            continue
        inner.append(one)
    return largest, inner


def _dummies(groups: Groups, scale: FloatArray | None) -> scipy.sparse.csc_array:
    """Return dummies and slopes of groups, each row multiplied by its scale, shape (rows, columns)."""
    rows = np.arange(len(groups.codes))
    ones = np.ones(len(rows)) if scale is None else scale
    parts = [ones] if groups.slope is None else [ones, ones * groups.slope]
    shape = (len(rows), groups.count)
    blocks = [scipy.sparse.csc_array((part, (rows, groups.codes)), shape=shape) for part in parts]
    return scipy.sparse.csc_array(scipy.sparse.hstack(blocks, format="csc"))


def _orthonormal(groups: Groups, scale: FloatArray | None) -> scipy.sparse.csr_array:
    """Return an orthonormal basis of the dummies and slopes of the largest groups, shape (rows, columns)."""
    codes, count = groups.codes, groups.count
    rows = np.arange(len(codes))
    ones = np.ones(len(rows)) if scale is None else scale
    unit = ones / np.sqrt(np.bincount(codes, ones**2, count))[codes]
    shape = (len(rows), count)
    blocks = [scipy.sparse.csr_array((unit, (rows, codes)), shape=shape)]
    if groups.slope is not None:
        slope = ones * groups.slope
        before = np.bincount(codes, slope**2, count)
        for _ in range(_SWEEPS):
            slope = slope - unit * np.bincount(codes, unit * slope, count)[codes]
        size = np.bincount(codes, slope**2, count)
        # the only row of a group leaves nothing for its slope
        there = size > 1e-12 * before
        slope = np.where(there[codes], slope / np.sqrt(np.where(there, size, 1.0))[codes], 0.0)
        blocks.append(scipy.sparse.csr_array((slope, (rows, codes)), shape=shape)[:, np.flatnonzero(there)])
    return scipy.sparse.csr_array(scipy.sparse.hstack(blocks, format="csr"))
