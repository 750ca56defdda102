"""Least squares of many outcomes on the same regressors, with the standard error of one linear combination."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.linear.covariance import nearest_semidefinite
from digicarbon.numeric.linear.within import Rows
from digicarbon.numeric.slices import slices

Middle = Literal["classic", "robust", "unit", "time", "both", "groups"]
_SCORES = 1 << 21
"""Numbers that scores of one block of outcomes may hold."""
PART = 7
"""Clusters whose part of errors bounds statistics."""
FEW, MANY = 0.01, 20
"""Share of draws up to which, and number of clusters from which on such bounds save time."""
ROUNDING = 1e-9
"""Share by which a bound may be too small."""
_SINGULAR = 1e-10
"""A correlation matrix with a smaller eigenvalue than this is not inverted."""


@dataclass(frozen=True, eq=False)
class LinearRule:
    """How the covariance is computed."""

    middle: Middle
    """Homoskedastic; White's; clustered by unit, by time or by both; by groups of any rows.

    ``both`` is by units and periods, or by two groups where there are groups."""
    factors: tuple[float, ...]
    """Of classic: one over the degrees of freedom; of ``both``: on the parts by the first, the second, and by what is
    in the same one of each; else the small-sample factor."""
    leverage: bool = False
    """Whether residuals are divided by one less their leverage (HC3)."""
    scored: FloatArray | None = None
    """By what residuals are multiplied in scores where that is not the regressors: these, corrected by cluster (CR2).
    Shape (rows, k)."""


@dataclass(frozen=True, eq=False)
class Paths:
    """Outcomes of a balanced panel that are not formed, effects removed: one, (N, T), and what each of C paths adds.

    ``spread``, shape (N, C), is by what a path, in its column, is multiplied in each unit. ``paths``: shape (C, T).
    """

    first: FloatArray
    spread: FloatArray
    paths: FloatArray

    @property
    def formed(self) -> FloatArray:
        """The outcomes, shape (rows, 1 + C)."""
        added = self.spread[:, None, :] * self.paths.T
        return np.column_stack([self.first.ravel(), added.reshape(-1, len(self.paths))])


@dataclass(frozen=True, eq=False)
class _Combination:
    """A combination of coefficients: R⁻¹′g, shape (k,), the regressor of its scores, (rows,), orthonormal regressors q.

    That regressor is a = Z(Z′Z)⁻¹g, corrected where the rule says so.
    """

    weights: FloatArray
    focal: FloatArray
    q: FloatArray
    rows: Rows

    @cached_property
    def by_unit(self) -> FloatArray:
        """Sums of the focal column times the regressors by unit, shape (N, k)."""
        return self.rows.sums(self.focal[:, None] * self.q, "unit")


class LinearBatch:
    """A linear regression with fixed regressors, to be fitted to many outcomes.

    ``z``, shape (rows, k): regressors of full rank with effects removed. ``groups``: the clusters of ``groups``;
    those of the parts of ``both``, where they are not units and periods.

    With a = Z(Z′Z)⁻¹g an estimate is a′y, and its variance σ²a′a, Σ a²e², or the sum of squares of a·e summed by
    cluster (Frisch, Waugh and Lovell: a is the focal regressor with the others partialled out, scaled).
    """

    def __init__(self, z: FloatArray, rows: Rows, rule: LinearRule, groups: Sequence[Groups] = ()) -> None:
        self._q, self._r = np.linalg.qr(z)
        self._scored = self._q if rule.scored is None else np.linalg.solve(self._r.T, rule.scored.T).T
        self._rows, self._rule, self._groups = rows, rule, groups
        self._known: dict[bytes, _Combination] = {}

    def fit(
        self, y: FloatArray | Paths, contrast: FloatArray, combination: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Return g′β and its standard error for each outcome, each of shape (M,).

        ``y``, shape (rows, M): with the same effects removed; paths where `takes_paths`. ``contrast``, shape (k,): g.
        ``combination``, shape (m, M): the outcomes are these linear combinations of the columns of y, shape (rows, m),
        which are then not formed: estimates and sums of scores are linear in an outcome.
        """
        if isinstance(y, Paths) or self._rule.middle in ("robust", "unit", "time", "groups"):
            estimate, scores = self._parts(y, contrast)
            if combination is not None:
                estimate, scores = estimate @ combination, scores @ combination
            return estimate, self._errors(scores)
        weights, e = self._of(contrast).weights, self._residuals(y)
        estimate = weights @ (self._q.T @ y)
        if combination is not None:
            estimate = estimate @ combination
        if self._rule.middle == "classic":
            if combination is None:
                ssr = np.einsum("im,im->m", e, e)
            else:
                ssr = np.einsum("im,im->m", combination, (e.T @ e) @ combination)
            return estimate, np.sqrt(np.maximum(ssr, 0) * self._rule.factors[0] * (weights @ weights))
        e = e if combination is None else e @ combination
        return estimate, np.sqrt(np.maximum(self._two_way(e, contrast), 0))

    def largest(
        self, y: FloatArray | Paths, contrast: FloatArray, combination: FloatArray, value: float, count: int
    ) -> tuple[FloatArray, FloatArray]:
        """Return what `fit` does, where so many |g′β - value|/error that are largest are to be exact.

        ``y``, ``contrast``, ``combination``: as `fit` takes them. Returns ``estimate``, ``error``, shape (M,): the
        error may be infinite for the other outcomes.

        A part of the sum of squares that an error is bounds the statistic from above. Exact ones of the outcomes with
        the largest bounds say which bounds are too small to count.
        """
        draws = combination.shape[1]
        if self._rule.middle not in ("unit", "time", "groups") or not 0 < count <= FEW * draws:
            return self.fit(y, contrast, combination)
        estimate, scores = self._parts(y, contrast)
        if len(scores) < MANY:
            return estimate @ combination, self._errors(scores @ combination)
        heavy = np.argpartition(np.einsum("im,im->i", scores, scores), -PART)[-PART:]
        both = np.concatenate([estimate[None], scores[heavy]]) @ combination
        estimate, distance = both[0], np.abs(both[0] - value)
        with np.errstate(divide="ignore", invalid="ignore"):
            # up to a factor, and squared
            bounds = distance * distance / np.einsum("im,im->m", both[1:], both[1:])
            first = np.argpartition(bounds, -2 * count)[-2 * count :]
            exact = distance[first] / self._errors(scores @ combination[:, first])
            least = np.partition(exact, -count)[-count]
        error = np.full(draws, np.inf)
        # also where a bound is no number
        some = np.flatnonzero(~(bounds < self._rule.factors[0] * least * least * (1 - ROUNDING)))
        error[some] = self._errors(scores @ combination[:, some])
        return estimate, error

    @property
    def takes_paths(self) -> bool:
        """Whether outcomes may be paths: errors are clustered by units of a balanced panel."""
        plain = not self._rule.leverage and self._rule.scored is None
        return self._rule.middle == "unit" and plain and self._rows.balanced

    def _parts(self, y: FloatArray | Paths, contrast: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return estimates, shape (M,), and scores, their sums where there are clusters, shape (groups, M)."""
        of = self._of(contrast)
        if isinstance(y, Paths):
            return self._parts_of_paths(y, of)
        scores = of.focal[:, None] * self._residuals(y)
        if self._rule.middle != "robust":
            scores = self._sums(scores, self._rule.middle)
        return of.weights @ (self._q.T @ y), scores

    def _parts_of_paths(self, y: Paths, of: _Combination) -> tuple[FloatArray, FloatArray]:
        """Return what `_parts` does: a path and its spread are multiplied with the regressors one after the other."""
        (n, c), k = y.spread.shape, self._q.shape[1]
        products = (self._by_unit @ y.paths.T).reshape(k, n, c)
        coordinates, scores = np.empty((k, c + 1)), np.empty((n, c + 1))
        coordinates[:, 0] = self._q.T @ y.first.ravel()
        np.einsum("kij,ij->kj", products, y.spread, out=coordinates[:, 1:])
        np.einsum("it,it->i", of.focal.reshape(y.first.shape), y.first, out=scores[:, 0])
        np.multiply((of.weights @ products.reshape(k, -1)).reshape(n, c), y.spread, out=scores[:, 1:])
        scores -= of.by_unit @ coordinates
        return of.weights @ coordinates, scores

    @cached_property
    def _by_unit(self) -> FloatArray:
        """Orthonormal regressors, those of a unit in a row, shape (k·N, T)."""
        return np.ascontiguousarray(self._q.T).reshape(-1, self._rows.t)

    def _residuals(self, y: FloatArray) -> FloatArray:
        """Return residuals, divided by one less their leverage where the rule says so, shape (rows, M)."""
        e = y - self._q @ (self._q.T @ y)
        if self._rule.leverage and self._rule.middle != "classic":
            e = e / (1 - np.einsum("ik,ik->i", self._q, self._q))[:, None]
        return np.asarray(e)

    def _errors(self, scores: FloatArray) -> FloatArray:
        return np.asarray(np.sqrt(self._rule.factors[0] * np.einsum("im,im->m", scores, scores)))

    def _of(self, contrast: FloatArray) -> _Combination:
        """Return what a combination is made of, once: an interval fits it to many blocks of outcomes."""
        key = contrast.tobytes()
        if key not in self._known:
            weights = np.linalg.solve(self._r.T, contrast)
            self._known[key] = _Combination(weights, self._scored @ weights, self._q, self._rows)
        return self._known[key]

    def _sums(self, scores: FloatArray, middle: Middle) -> FloatArray:
        """Return sums of scores by cluster."""
        if middle == "groups":
            (groups,) = self._groups
            return groups.sums(scores)
        return self._rows.sums(scores, "time" if middle == "time" else "unit")

    def wald(self, y: FloatArray, restrictions: FloatArray) -> FloatArray:
        """Return (Rβ)′(RVR′)⁻¹Rβ for each outcome, shape (M,); not-a-number where RVR′ is singular.

        ``y``: shape (rows, M). ``restrictions``, shape (q, k): R, of full row rank.
        """
        root = np.linalg.solve(self._r.T, restrictions.T).T
        coordinates = self._q.T @ y
        distance = (root @ coordinates).T
        return wald_statistics(distance, self._variances(y, coordinates, root))

    def _variances(self, y: FloatArray, coordinates: FloatArray, root: FloatArray) -> FloatArray:
        """Return the covariance of Rβ for each outcome, shape (M, q, q); ``root`` is RP with (Z′Z)⁻¹ = PP′."""
        rule = self._rule
        e = y - self._q @ coordinates
        if rule.middle == "classic":
            ssr = np.einsum("im,im->m", e, e) * rule.factors[0]
            return np.asarray(ssr[:, None, None] * (root @ root.T))
        if rule.leverage:
            e = e / (1 - np.einsum("ik,ik->i", self._q, self._q))[:, None]
        if rule.middle == "both":
            # which part of an indefinite covariance is cut off depends on all coefficients
            inner = self._middles(self._q, e)
            own = np.linalg.inv(self._r)
            whole = [nearest_semidefinite(own @ one @ own.T)[0] for one in inner]
            back = root @ self._r
            return np.stack([back @ one @ back.T for one in whole])
        return self._middles(self._scored @ root.T, e)

    def _middles(self, z: FloatArray, e: FloatArray) -> FloatArray:
        """Return the sums of outer products of scores of columns z, shape (rows, q), for each outcome: (M, q, q)."""
        rule, q, m = self._rule, z.shape[1], e.shape[1]
        out = np.zeros((m, q, q))
        for some in slices(m, _SCORES // z.size):
            part = e[:, some]
            scores = (z[:, :, None] * part[:, None, :]).reshape(len(part), -1)
            if rule.middle == "robust":
                parts = [scores]
            elif rule.middle == "both" and self._groups:
                parts = [one.sums(scores) for one in self._groups]
            elif rule.middle == "both":
                parts = [self._sums(scores, "unit"), self._sums(scores, "time"), scores]
            else:
                parts = [self._sums(scores, rule.middle)]
            for place, (values, factor) in enumerate(zip(parts, rule.factors, strict=True)):
                stacked = values.reshape(len(values), q, -1).transpose(2, 1, 0)
                sign = -1.0 if place == 2 else 1.0
                out[some] += sign * factor * (stacked @ stacked.transpose(0, 2, 1))
        return out

    def _two_way(self, e: FloatArray, contrast: FloatArray) -> FloatArray:
        """Return the variance clustered by both, made positive semidefinite as for a single fit."""
        root = np.linalg.inv(self._r)
        covariances = root @ self._middles(self._q, e) @ root.T
        return np.array([contrast @ nearest_semidefinite(covariance)[0] @ contrast for covariance in covariances])


def wald_statistics(distance: FloatArray, variance: FloatArray) -> FloatArray:
    """Return d′V⁻¹d of distances (M, q) and variances (M, q, q), shape (M,); not-a-number where V is singular."""
    scale = np.sqrt(np.diagonal(variance, axis1=1, axis2=2))
    sound = np.isfinite(scale).all(axis=1) & (scale > 0).all(axis=1)
    out = np.full(len(distance), np.nan)
    scale = scale[sound]
    values, vectors = np.linalg.eigh(variance[sound] / (scale[:, :, None] * scale[:, None, :]))
    coordinates = np.einsum("mqk,mq->mk", vectors, distance[sound] / scale)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (coordinates**2 / values).sum(axis=1)
    out[sound] = np.where(values[:, 0] < _SINGULAR, np.nan, found)
    return out
