"""Indirect effects in many outcomes with the same regressors and mediators."""

from __future__ import annotations

from typing import Literal

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.linear.linear_batch import LinearRule
from digicarbon.numeric.linear.within import Rows
from digicarbon.packs.mediation.numeric.paths import Paths


class IndirectBatch:
    """Indirect effects of one focal column, to be fitted to many outcomes.

    ``fit``: of any outcome: what is used does not depend on it. ``outcome``, ``others``: of the equation of the
    outcome, and of the mediators' ones, which differ in their factors alone. Any but ``both``.
    ``clusters``: those of ``groups``.

    The mediators' equations are the same for all outcomes, and b is linear in the outcome. So Σ a_j b_j is g′y, and its
    influence is the sum of g e, with e the residuals of the outcome, and of b_j times the influence on a_j.
    """

    def __init__(
        self, fit: Paths, rows: Rows, outcome: LinearRule, others: LinearRule, clusters: Groups | None = None
    ) -> None:
        self._fit, self._rows, self._outcome, self._others, self._clusters = fit, rows, outcome, others, clusters

    def fit(
        self, y: FloatArray, focal: int, mediators: FloatArray, combination: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Return a sum of indirect effects and its standard error for each outcome, each of shape (M,).

        ``y``: with the same effects removed, shape (rows, M). ``focal``: place of the focal column among those of the
        fit. ``mediators``: weights of the indirect effects in the sum, shape (m,). ``combination``: the outcomes are
        these linear combinations of the columns of y, which are then not formed, shape (m, M).
        """
        fit, basis = self._fit, self._fit.orthonormal
        g = fit.root[fit.k :].T @ (mediators * fit.a[focal])
        coordinates = basis.T @ y
        e = y - basis @ coordinates
        # weighted b, shape (m, M)
        b = mediators[:, None] * (fit.root[fit.k :] @ coordinates)
        estimate = g @ coordinates
        if combination is not None:
            estimate, b = estimate @ combination, b @ combination
        if self._outcome.middle == "classic":
            return estimate, np.sqrt(np.maximum(self._classic(e, g, b, focal, combination), 0.0))
        first, h = fit.first_residuals, fit.focal_influence[:, focal]
        if self._outcome.leverage:
            squares = basis * basis
            e = e / (1 - squares.sum(axis=1))[:, None]
            first = first / (1 - squares[:, : fit.k].sum(axis=1))[:, None]
        scores, of_a = (basis @ g)[:, None] * e, h[:, None] * first
        if self._clusters is not None and self._outcome.middle == "groups":
            scores, of_a = self._clusters.sums(scores), self._clusters.sums(of_a)
        elif self._outcome.middle != "robust":
            by: Literal["unit", "time"] = "time" if self._outcome.middle == "time" else "unit"
            scores, of_a = self._rows.sums(scores, by), self._rows.sums(of_a, by)
        if combination is not None:
            scores = scores @ combination
        root_y, root_m = (np.sqrt(rule.factors[0]) for rule in (self._outcome, self._others))
        both = root_y * scores + root_m * (of_a @ b)
        return estimate, np.sqrt(np.einsum("im,im->m", both, both))

    def _classic(
        self, e: FloatArray, g: FloatArray, b: FloatArray, focal: int, combination: FloatArray | None
    ) -> FloatArray:
        """Return variances if errors are independent and alike: a and b are uncorrelated."""
        if combination is None:
            ssr = np.einsum("im,im->m", e, e)
        else:
            ssr = np.einsum("im,im->m", combination, (e.T @ e) @ combination)
        first, h = self._fit.first_residuals, self._fit.focal_influence[:, focal]
        of_a = (h @ h) * self._others.factors[0] * (first.T @ first)
        return np.asarray(ssr * self._outcome.factors[0] * (g @ g) + np.einsum("jm,jk,km->m", b, of_a, b))
