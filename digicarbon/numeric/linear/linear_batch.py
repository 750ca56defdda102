"""Least squares of many outcomes on the same regressors, with the standard error of one linear combination."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.covariance import nearest_semidefinite
from digicarbon.numeric.linear.within import Rows

Middle = Literal["classic", "robust", "unit", "time", "both"]


@dataclass(frozen=True)
class LinearRule:
    """How the covariance is computed.

    Attributes
    ----------
    middle : {"classic", "robust", "unit", "time", "both"}
        Homoskedastic; White's; clustered by unit, by time or by both.
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

    Notes
    -----
    With a = Z(Z′Z)⁻¹g an estimate is a′y, and its variance σ²a′a, Σ a²e², or the sum of squares of a·e summed by
    cluster (Frisch, Waugh and Lovell: a is the focal regressor with the others partialled out, scaled).
    """

    def __init__(self, z: FloatArray, rows: Rows, rule: LinearRule) -> None:
        self._q, self._r = np.linalg.qr(z)
        self._rows, self._rule = rows, rule

    def fit(self, y: FloatArray, contrast: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return g′β and its standard error for each outcome, each of shape (M,).

        Parameters
        ----------
        y : ndarray, shape (rows, M)
            With the same effects removed.
        contrast : ndarray, shape (k,)
            g.
        """
        weights = np.linalg.solve(self._r.T, contrast)
        coordinates = self._q.T @ y
        estimate = weights @ coordinates
        if self._rule.middle == "classic":
            ssr = np.einsum("im,im->m", y, y) - np.einsum("km,km->m", coordinates, coordinates)
            return estimate, np.sqrt(np.maximum(ssr, 0) * self._rule.factors[0] * (weights @ weights))
        e = y - self._q @ coordinates
        if self._rule.leverage:
            e = e / (1 - np.einsum("ik,ik->i", self._q, self._q))[:, None]
        if self._rule.middle == "both":
            return estimate, np.sqrt(np.maximum(self._two_way(e, contrast), 0))
        scores = (self._q @ weights)[:, None] * e
        if self._rule.middle != "robust":
            scores = self._rows.sums(scores, self._rule.middle)
        return estimate, np.sqrt(self._rule.factors[0] * np.einsum("im,im->m", scores, scores))

    def _two_way(self, e: FloatArray, contrast: FloatArray) -> FloatArray:
        """Return the variance clustered by unit and time, made positive semidefinite as for a single fit."""
        k, m = self._q.shape[1], e.shape[1]
        root = np.linalg.inv(self._r)
        out = np.empty(m)
        # whether a covariance is indefinite depends on all its elements, so that all of them are needed
        for start in range(0, m, 64):
            part = e[:, start : start + 64]
            scores = (self._q[:, :, None] * part[:, None, :]).reshape(len(part), -1)
            middle = np.zeros((part.shape[1], k, k))
            sums = self._rows.sums(scores, "unit"), self._rows.sums(scores, "time"), scores
            for values, factor in zip(sums, self._rule.factors, strict=True):
                stacked = values.reshape(len(values), k, -1).transpose(2, 1, 0)
                middle += (factor if values is not scores else -factor) * (stacked @ stacked.transpose(0, 2, 1))
            covariances = root @ middle @ root.T
            for place, covariance in enumerate(covariances):
                out[start + place] = contrast @ nearest_semidefinite(covariance)[0] @ contrast
        return out
