"""Least squares of many outcomes on the same regressors, with the standard error of one linear combination."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.linear.covariance import nearest_semidefinite
from digicarbon.numeric.linear.within import Rows

Middle = Literal["classic", "robust", "unit", "time", "both", "groups"]
_SCORES = 1 << 21
"""Numbers that scores of one block of outcomes may hold."""
_SINGULAR = 1e-10
"""A correlation matrix with a smaller eigenvalue than this is not inverted."""


@dataclass(frozen=True)
class LinearRule:
    """How the covariance is computed.

    Attributes
    ----------
    middle : {"classic", "robust", "unit", "time", "both", "groups"}
        Homoskedastic; White's; clustered by unit, by time or by both; by groups of any rows.
    factors : tuple of float
        Of classic: one over the degrees of freedom; of ``both``: on the parts by unit, by time and White's; else the
        small-sample factor.
    leverage : bool
        Whether residuals are divided by one less their leverage (HC3).
    """

    middle: Middle
    factors: tuple[float, ...]
    leverage: bool = False


class LinearBatch:
    """A linear regression with fixed regressors, to be fitted to many outcomes.

    Parameters
    ----------
    z : ndarray, shape (rows, k)
        Regressors of full rank with effects removed.
    rows : Rows
    rule : LinearRule
    groups : Groups or None
        The clusters of ``groups``.

    Notes
    -----
    With a = Z(Z′Z)⁻¹g an estimate is a′y, and its variance σ²a′a, Σ a²e², or the sum of squares of a·e summed by
    cluster (Frisch, Waugh and Lovell: a is the focal regressor with the others partialled out, scaled).
    """

    def __init__(self, z: FloatArray, rows: Rows, rule: LinearRule, groups: Groups | None = None) -> None:
        self._q, self._r = np.linalg.qr(z)
        self._rows, self._rule, self._groups = rows, rule, groups
        self._known: dict[bytes, tuple[FloatArray, FloatArray]] = {}

    def fit(
        self, y: FloatArray, contrast: FloatArray, combination: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Return g′β and its standard error for each outcome, each of shape (M,).

        Parameters
        ----------
        y : ndarray, shape (rows, M)
            With the same effects removed.
        contrast : ndarray, shape (k,)
            g.
        combination : ndarray, shape (m, M), or None
            The outcomes are these linear combinations of the columns of y, shape (rows, m), which are then not formed:
            estimates and sums of scores are linear in an outcome.
        """
        weights, focal = self._of(contrast)
        coordinates = self._q.T @ y
        estimate = weights @ coordinates
        e = y - self._q @ coordinates
        if combination is not None:
            estimate = estimate @ combination
        if self._rule.middle == "classic":
            if combination is None:
                ssr = np.einsum("im,im->m", e, e)
            else:
                ssr = np.einsum("im,im->m", combination, (e.T @ e) @ combination)
            return estimate, np.sqrt(np.maximum(ssr, 0) * self._rule.factors[0] * (weights @ weights))
        if self._rule.leverage:
            e = e / (1 - np.einsum("ik,ik->i", self._q, self._q))[:, None]
        if self._rule.middle == "both":
            e = e if combination is None else e @ combination
            return estimate, np.sqrt(np.maximum(self._two_way(e, contrast), 0))
        scores = focal[:, None] * e
        if self._rule.middle != "robust":
            scores = self._sums(scores, self._rule.middle)
        if combination is not None:
            scores = scores @ combination
        return estimate, np.sqrt(self._rule.factors[0] * np.einsum("im,im->m", scores, scores))

    def _of(self, contrast: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return R⁻¹′g and Z(Z′Z)⁻¹g, made once: an interval fits the same combination to many blocks of outcomes."""
        key = contrast.tobytes()
        if key not in self._known:
            weights = np.linalg.solve(self._r.T, contrast)
            self._known[key] = weights, self._q @ weights
        return self._known[key]

    def _sums(self, scores: FloatArray, middle: Middle) -> FloatArray:
        """Return sums of scores by cluster."""
        if middle == "groups":
            if self._groups is None:
                raise TypeError("Clusters of groups need their groups.")
            return self._groups.sums(scores)
        return self._rows.sums(scores, "time" if middle == "time" else "unit")

    def wald(self, y: FloatArray, restrictions: FloatArray) -> FloatArray:
        """Return (Rβ)′(RVR′)⁻¹Rβ for each outcome, shape (M,); not-a-number where RVR′ is singular.

        Parameters
        ----------
        y : ndarray, shape (rows, M)
        restrictions : ndarray, shape (q, k)
            R, of full row rank.
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
        return self._middles(self._q @ root.T, e)

    def _middles(self, z: FloatArray, e: FloatArray) -> FloatArray:
        """Return the sums of outer products of scores of columns z, shape (rows, q), for each outcome: (M, q, q)."""
        rule, q, m = self._rule, z.shape[1], e.shape[1]
        out = np.zeros((m, q, q))
        size = max(1, _SCORES // z.size)
        for start in range(0, m, size):
            part = e[:, start : start + size]
            scores = (z[:, :, None] * part[:, None, :]).reshape(len(part), -1)
            if rule.middle == "robust":
                parts = [scores]
            elif rule.middle == "both":
                parts = [self._sums(scores, "unit"), self._sums(scores, "time"), scores]
            else:
                parts = [self._sums(scores, rule.middle)]
            for place, (values, factor) in enumerate(zip(parts, rule.factors, strict=True)):
                stacked = values.reshape(len(values), q, -1).transpose(2, 1, 0)
                sign = -1.0 if place == 2 else 1.0
                out[start : start + size] += sign * factor * (stacked @ stacked.transpose(0, 2, 1))
        return out

    def _two_way(self, e: FloatArray, contrast: FloatArray) -> FloatArray:
        """Return the variance clustered by unit and time, made positive semidefinite as for a single fit."""
        root = np.linalg.inv(self._r)
        covariances = root @ self._middles(self._q, e) @ root.T
        return np.array([contrast @ nearest_semidefinite(covariance)[0] @ contrast for covariance in covariances])


def wald_statistics(distance: FloatArray, variance: FloatArray) -> FloatArray:
    """Return d′V⁻¹d of each outcome, shape (M,); not-a-number where V is singular.

    Parameters
    ----------
    distance : ndarray, shape (M, q)
    variance : ndarray, shape (M, q, q)
    """
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
