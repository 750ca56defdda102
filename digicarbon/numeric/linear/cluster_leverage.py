"""What clusters weigh in a regression: corrections of their residuals, and estimates without each of them.

H = D(D′D)⁻D′ + QQ′ is the hat matrix of a regression on effects, dummies D, and on regressors whose columns without
effects have the orthonormal basis Q, shape (rows, k). H_g are its rows and columns of cluster g.

References
----------
Bell, R. M. and McCaffrey, D. F. (2002), Bias Reduction in Standard Errors for Linear Regression with Multi-Stage
Samples, Survey Methodology 28(2).
Pustejovsky, J. E. and Tipton, E. (2018), Small-Sample Methods for Cluster-Robust Variance Estimation and Hypothesis
Testing in Fixed Effects Models, Journal of Business & Economic Statistics 36(4).
MacKinnon, J. G., Nielsen, M. Ø. and Webb, M. D. (2023), Leverage, Influence, and the Jackknife in Clustered Regression
Models: Reliable Inference Using summclust, Stata Journal 23(4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.absorbed import Absorber, Groups

_WHOLE = 1e-9
"""One less the share of a direction in the fit, below which the fit takes it whole."""


@dataclass(frozen=True, eq=False)
class Corrected:
    """The basis of the regressors, each cluster's rows times a power of I − H_g."""

    basis: FloatArray
    """(I − H_g)^power Q_g: its products with residuals are the scores of corrected residuals. Shape (rows, k)."""
    alone: Sequence[tuple[int, FloatArray]]
    """Clusters without which the regressors are dependent, and the directions of Q that they alone have, shape (k, m).
    """


def corrected(q: FloatArray, clusters: Groups, power: float, effects: Absorber | None = None) -> Corrected:
    """Return the basis of the regressors, corrected for what each cluster weighs in the fit.

    ``q``, shape (rows, k): orthonormal basis of the regressors without effects; of weighted rows multiplied by roots of
    weights. ``power``: −1/2 is CR2, unbiased where errors are independent with equal variances; with -1 residuals are
    those of fits without the cluster, since β̂ - β̂₍g₎ = (Z′Z)⁻¹ Z_g′ (I - H_g)⁻¹ ê_g. ``effects``: what removed the
    effects.

    Effects of groups that lie within clusters drop out of the powers, which are generalised (Pustejovsky and Tipton's
    theorem 2); others, as those of periods where clusters are units, are in H_g.
    """
    few, many = (None, None) if effects is None else effects.basis(clusters)
    basis, alone = q.copy(), []
    order = np.argsort(clusters.codes, kind="stable")
    for cluster, rows in enumerate(np.split(order, np.cumsum(clusters.sizes.astype(int))[:-1])):
        own = q[rows]
        parts = [own] if few is None else [own, few[rows]]
        if many is not None and many.shape[1]:
            some = many[rows]
            parts.append(some[:, np.unique(some.indices)].toarray())
        # H_g = BB′: its eigenvectors are those of B, which has fewer columns than the cluster has rows, or more
        left, size, _ = np.linalg.svd(np.hstack(parts), full_matrices=False)
        rest = 1 - size**2
        whole = rest < _WHOLE
        factor = np.where(whole, 0.0, np.where(whole, 1.0, rest) ** power) - 1
        basis[rows] += left @ (factor[:, None] * (left.T @ own))
        lost = own.T @ left[:, whole]
        if lost.size and np.abs(lost).max() > np.sqrt(_WHOLE):
            alone.append((cluster, lost))
    return Corrected(basis, alone)


@dataclass(frozen=True, eq=False)
class Influence:
    """What each of G clusters weighs in one coefficient, arrays of shape (G,)."""

    leverage: FloatArray
    """The trace of Q_gQ_g′: these add up to k."""
    partial: FloatArray
    """The cluster's share of the sum of squares of the regressor without effects and the other regressors."""
    change: FloatArray
    """The coefficient without the cluster less that of all; not a number where it cannot be estimated without."""
    effective: tuple[float, float]
    """Effective numbers of clusters G*, with errors within clusters uncorrelated, and equal; not a number where equal
    ones are removed with the effects."""

    @property
    def jackknife(self) -> float:
        """The standard error of CR3, √((G − 1)/G Σ change²)."""
        groups = len(self.change)
        return float(np.sqrt((groups - 1) / groups * (self.change @ self.change)))


def influence(
    q: FloatArray, combination: FloatArray, residuals: FloatArray, clusters: Groups, effects: Absorber | None = None
) -> Influence:
    """Return what clusters weigh in a coefficient; ``q``, ``clusters`` and ``effects`` as in `corrected`.

    The coefficient is ``combination``, shape (k,), times Q′y. ``residuals``: shape (rows,).

    G* = G/(1 + Γ), Γ the squared coefficient of variation of γ_g = a_g′Ω_g a_g, a = Z(Z′Z)⁻¹e_j (Carter, Schnepel and
    Steigerwald 2017, Review of Economics and Statistics 99(4)); Ω_g has ones on its diagonal, and ρ = 0 or 1 elsewhere.
    """
    without = corrected(q, clusters, -1.0, effects)
    change = -clusters.sums(without.basis * residuals[:, None]) @ combination
    size = np.sqrt(combination @ combination)
    for cluster, lost in without.alone:
        if np.abs(combination @ lost).max() > np.sqrt(_WHOLE) * size:
            change[cluster] = np.nan
    a = q @ combination
    apart, equal = clusters.sums((a * a)[:, None])[:, 0], clusters.sums(a[:, None])[:, 0] ** 2
    known = equal.sum() > _WHOLE * apart.sum()
    return Influence(
        clusters.sums(q * q).sum(axis=1),
        apart / apart.sum(),
        change,
        (_effective(apart), _effective(equal) if known else float("nan")),
    )


def _effective(gamma: FloatArray) -> float:
    spread = gamma / gamma.mean() - 1
    return float(len(gamma) / (1 + spread @ spread / len(gamma)))
