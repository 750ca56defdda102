"""Intervals of indirect effects by a wild bootstrap of units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.linear.within import EffectsKind, Rows, absorb
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.null_model import NullModel, without
from digicarbon.numeric.resampling.unit_wild import CELLS, corrected
from digicarbon.numeric.slices import slices
from digicarbon.packs.mediation.numeric.paths import Paths


@dataclass(frozen=True, eq=False)
class Confidence:
    """Draws of what each path may be, given the sample: estimate less standard error times the drawn t statistic."""

    a: FloatArray
    """Shape (M, f, m)."""
    b: FloatArray
    """Shape (M, m)."""
    direct: FloatArray
    """Shape (M, f)."""

    @property
    def via(self) -> FloatArray:
        """Indirect effects by focal column and mediator, shape (M, f, m)."""
        return np.asarray(self.a * self.b[:, None, :])


def confidence(
    fit: Paths,
    rows: Rows,
    effects: EffectsKind,
    of_mediators: Draws,
    of_outcome: Draws,
    clusters: Groups | None = None,
) -> Confidence:
    """Redraw mediators and outcome, and fit all equations to every draw.

    ``effects``: those that were removed. ``of_mediators``, ``of_outcome``: draws of the errors of the mediators, which
    share them, and of the outcome. They must be independent: with equal signs the products of the two equations' errors
    would be the same in all draws. ``clusters``: of rows; None takes units.

    M* = Ba + ε*_M and y* = Bc' + M*b + ε*_y, effects removed, with residuals corrected for leverage by unit (HC2). No
    restriction is imposed. t statistics have standard errors that are clustered in draws as in the sample.
    The equation of the outcome is fitted to what B leaves of M*, so that its design is another one in each draw.
    """
    n, m = len(fit.design), len(fit.b)
    basis, time = fit.orthonormal, effects in ("time", "two_way")
    small = basis[:, : fit.k]
    pushed = np.column_stack(
        [
            corrected(NullModel(residuals, residuals, rows, small, time))
            for residuals in np.ascontiguousarray(fit.first_residuals.T)
        ]
    )
    last = corrected(NullModel(fit.outcome_residuals, fit.outcome_residuals, rows, basis, time))
    clusters = clusters or Groups(rows.unit_codes, rows.n)
    se_a, se_b, se_direct = standard_errors(fit, clusters)
    parts = []
    for some in slices(len(of_mediators.weights), CELLS // (n * (m + 2))):
        changes = [of_mediators.errors(column, rows, some) for column in pushed.T]
        parts.append(_statistics(fit, rows, clusters, effects, changes, of_outcome.errors(last, rows, some)))
    t_a, t_b, t_direct = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Confidence(fit.a - se_a * t_a, fit.b - se_b * t_b, fit.direct - se_direct * t_direct)


def standard_errors(fit: Paths, clusters: Groups) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return those of a, b and c' by clusters, without a small-sample factor: shapes (f, m), (m,), (f,)."""
    sums = clusters.sums(fit.influence())
    se = np.sqrt((sums * sums).sum(axis=0))
    p, (f, m) = len(fit.outcome), fit.a.shape
    return se[p : p + f * m].reshape(f, m), se[fit.k : p], se[list(fit.focal)]


def _statistics(
    fit: Paths, rows: Rows, clusters: Groups, effects: EffectsKind, changes: list[FloatArray], change: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return t statistics of a, b and c' around the estimates: shapes (M, f, m), (M, m), (M, f).

    ``changes``: drawn errors of each mediator, shape (rows, M). ``change``: those of the outcome, shape (rows, M).
    """
    h, small = fit.focal_influence, fit.orthonormal[:, : fit.k]
    draws = change.shape[1]
    *inner, last = (absorb(one, rows, effects) for one in (*changes, change))
    left, errors = np.stack([without(small, one) for one in inner]), without(small, last)
    # what is added to a and c of the focal columns: shapes (m, f, M) and (f, M)
    moved_a, moved_c = np.stack([h.T @ one for one in inner]), h.T @ last
    gram = np.einsum("jrd,krd->djk", left, left)
    right = np.einsum("jrd,rd->dj", left, errors)
    inverse = np.linalg.inv(gram)
    moved_b = np.einsum("djk,dk->dj", inverse, right)
    residuals = errors - np.einsum("jrd,dj->rd", left, moved_b)
    a = fit.a[:, :, None] + np.moveaxis(moved_a, 0, 1)
    moved_direct = moved_c - np.einsum("fjd,dj->fd", a, moved_b)
    of_b = np.stack([clusters.sums(one * residuals) for one in left])
    sums_b = np.einsum("djk,kgd->jgd", inverse, of_b)
    se_b = np.sqrt((sums_b**2).sum(axis=1)).T
    t_a, t_direct = np.empty((draws, *fit.a.shape)), np.empty((draws, len(fit.a)))
    for place, column in enumerate(h.T):
        for j, one in enumerate(left):
            sums = clusters.sums(column[:, None] * one)
            t_a[:, place, j] = moved_a[j, place] / np.sqrt((sums**2).sum(axis=0))
        own = clusters.sums(column[:, None] * residuals) - np.einsum("jd,jgd->gd", a[place], sums_b)
        t_direct[:, place] = moved_direct[place] / np.sqrt((own**2).sum(axis=0))
    return t_a, moved_b / se_b, t_direct


def interval(draws: FloatArray, level: float) -> tuple[float, float, float]:
    """Return the p value that a quantity is zero and the ends of its interval, from draws of it, shape (M,).

    p is twice the share of draws on the smaller side of zero, the sample counted as one of them; it is at most 1 -
    level exactly where the interval does not hold zero. Ends are infinite where there are too few draws.
    """
    known = np.sort(draws[np.isfinite(draws)])
    lost, count = len(draws) - len(known), len(draws)
    below, above = int((known <= 0).sum()) + lost, int((known >= 0).sum()) + lost
    p = min(1.0, 2 * (1 + min(below, above)) / (1 + count))
    # a draw that is no number may lie anywhere
    place = int(np.floor((1 - level) / 2 * (1 + count) * (1 + 1e-12))) - lost
    if place < 1:
        return p, -np.inf, np.inf
    return p, float(known[place - 1]), float(known[-place])
