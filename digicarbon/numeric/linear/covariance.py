"""Covariances of least-squares coefficients: sandwiches, and the small-sample rules that other packages' tables use.

Notation of the docstrings: Z the regressors with effects removed, shape (rows, k); e the residuals; s = Z·e the scores;
a covariance is (Z′Z)⁻¹ M (Z′Z)⁻¹ with the middle M that a function here returns, shape (k, k). With ZP in place of Z,
(Z′Z)⁻¹ = PP′, it is PMP′, which loses no digits to large means.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.linear.within import Rows

SmallSample = Literal["stata", "none", "g", "full", "sss", "hc1", "hc3"]
ByCluster = Literal["cr2", "cr3"]
"""Rules that correct the residuals of each cluster, see `digicarbon.numeric.linear.cluster_leverage`."""
AnySmallSample = Literal[SmallSample, ByCluster]
ClusterBy = Literal["unit", "time", "both"]
Covariance = Literal["classic", "robust", "cluster", "driscoll_kraay", "newey_west", "beck_katz", "conley"]
Kernel = Literal["uniform", "weights"]
FEWEST_CLUSTERS = 5
"""With fewer clusters a clustered covariance is useless: with 3, the smallest p of a sign-flip test is 0.25."""


def small_sample_factor(rule: AnySmallSample, groups: int, nobs: int, k: int, absorbed: int, nested: int) -> float:
    """Return the factor on a sandwich covariance; k counts a constant where there are no effects.

    ``stata``: G/(G-1) · (nobs-1)/(nobs-K), K counting effects but those nested in the clusters (Stata's xtreg and
    reghdfe, fixest's default). ``full``: the same with all effects in K. ``sss``: the same with no effects in K (plm's
    type sss, fixest's ``K.fixef = "none"``). ``g``: G/(G-1). ``hc1``: nobs/(nobs-k), effects not counted (plm's HC1).
    ``cr3``: (G-1)/G, the jackknife's (MacKinnon, Nielsen & Webb 2023). ``none``, and ``hc3`` and ``cr2``, whose
    correction is in the residuals (see `leverages` and `cluster_leverage.corrected`): 1.

    ``groups``: clusters; of a covariance without clusters the observations, of Driscoll and Kraay's the periods.
    ``absorbed``, ``nested``: parameters of the effects, and how many of them are nested in the clusters.
    """
    cluster_factor = groups / (groups - 1)
    if rule in ("none", "hc3", "cr2"):
        return 1.0
    if rule == "cr3":
        return 1 / cluster_factor
    if rule == "g":
        return cluster_factor
    if rule == "hc1":
        return nobs / (nobs - k)
    parameters = {"stata": k + absorbed - nested, "full": k + absorbed, "sss": k}[rule]
    return cluster_factor * (nobs - 1) / (nobs - parameters)


def nested_effects(by: Literal["unit", "time"], effects: str, n: int, t: int) -> int:
    """Return how many parameters of the fixed effects, except their constant, are nested in clusters."""
    if by == "unit" and effects in ("unit", "two_way"):
        return n - 1
    return t - 1 if by == "time" and effects in ("time", "two_way") else 0


def leverages(orthonormal: FloatArray) -> FloatArray:
    """Return the diagonal of Z (Z′Z)⁻¹ Z′ from ZP, (Z′Z)⁻¹ = PP′, shape (rows,): HC3 divides by one minus these."""
    return np.asarray(np.einsum("ij,ij->i", orthonormal, orthonormal))


def white(z: FloatArray, e: FloatArray) -> FloatArray:
    """Return Σ s s′ over rows (White 1980)."""
    scores = z * e[:, None]
    return scores.T @ scores


def clustered(z: FloatArray, e: FloatArray, rows: Rows, by: Literal["unit", "time"]) -> FloatArray:
    """Return Σ_g s_g s_g′ with s_g the sum of a cluster's scores (Liang & Zeger 1986; Arellano 1987)."""
    sums = score_sums(z, e, rows, by)
    return sums.T @ sums


def of_groups(scores: FloatArray, groups: Groups) -> FloatArray:
    """Return Σ_g s_g s_g′ of scores, shape (rows, k), summed by groups of any rows."""
    sums = groups.sums(scores)
    return np.asarray(sums.T @ sums)


def score_sums(z: FloatArray, e: FloatArray, rows: Rows, by: Literal["unit", "time"]) -> FloatArray:
    """Return sums of scores by unit or period, shape (groups, k)."""
    if rows.balanced and z.flags.f_contiguous:
        axes = "kit,it->ik" if by == "unit" else "kit,it->tk"
        return np.asarray(np.einsum(axes, z.T.reshape(-1, rows.n, rows.t), e.reshape(rows.n, rows.t)))
    if by == "unit" and rows.balanced:
        # a stack of small products: the scores themselves would be a copy of the design
        products = z.reshape(rows.n, rows.t, -1).transpose(0, 2, 1) @ e.reshape(rows.n, rows.t, 1)
        return np.asarray(products[:, :, 0])
    return rows.sums(z * e[:, None], by)


def driscoll_kraay(z: FloatArray, e: FloatArray, rows: Rows, lags: int) -> FloatArray:
    """Return Γ₀ + Σ_l (1 - l/(lags+1)) (Γ_l + Γ_l′) of the sums of scores by period (Driscoll & Kraay 1998).

    ``lags`` is the bandwidth; 0 clusters by period.
    """
    sums = score_sums(z, e, rows, "time")
    middle = sums.T @ sums
    for lag in range(1, min(lags, rows.t - 1) + 1):
        gamma = sums[lag:].T @ sums[:-lag]
        middle = middle + (1 - lag / (lags + 1)) * (gamma + gamma.T)
    return np.asarray(middle)


def newey_west(z: FloatArray, e: FloatArray, rows: Rows, lags: int) -> FloatArray:
    """Return Σ_i of each unit's Newey-West middle: serial correlation within units up to ``lags``, none between units.

    A lag is the unit's previous calendar period (fixest's NW); plm's vcovNW takes its previous row, which is the
    same in a panel without gaps.
    """
    scores = z * e[:, None]
    middle = scores.T @ scores
    for lag in range(1, lags + 1):
        before = rows.before(lag)
        gamma = scores[before >= 0].T @ scores[before[before >= 0]]
        middle = middle + (1 - lag / (lags + 1)) * (gamma + gamma.T)
    return np.asarray(middle)


def beck_katz(z: FloatArray, e: FloatArray, rows: Rows, by: Literal["unit", "time"]) -> FloatArray:
    """Return the middle of panel-corrected standard errors of a balanced panel (Beck & Katz 1995).

    ``time``: errors correlated between units within a period, Σ_t Z_t′ Σ̂ Z_t with Σ̂ = Σ_t e_t e_t′ / T (Stata's
    xtpcse; plm's vcovBK with cluster = "time"). ``unit``: the same with units and periods exchanged.
    """
    cube, errors = z.reshape(rows.n, rows.t, -1), e.reshape(rows.n, rows.t)
    if by == "time":
        cube, errors = cube.transpose(1, 0, 2), errors.T
    covariance = errors.T @ errors / len(errors)
    return np.asarray(np.einsum("gik,ij,gjl->kl", cube, covariance, cube, optimize=True))


def conley(z: FloatArray, e: FloatArray, rows: Rows, kernel: scipy.sparse.csr_array, lags: int = 0) -> FloatArray:
    """Return Σ_t Σ_ij κ_ij s_it s_jt′, and serial correlation of units' own scores up to ``lags``.

    The kernel κ, shape (N, N), is symmetric, one on the diagonal, and falls to zero with distance (Conley 1999, Journal
    of Econometrics 92). Lags have Bartlett weights on a unit's own past, 0 for none (Hsiang 2010).
    """
    scores = z * e[:, None]
    middle = np.zeros((z.shape[1], z.shape[1]))
    for period in range(rows.t):
        now = rows.period_codes == period
        here = np.zeros((rows.n, z.shape[1]))
        here[rows.unit_codes[now]] = scores[now]
        middle += here.T @ (kernel @ here)
    if lags:
        middle += newey_west(z, e, rows, lags) - scores.T @ scores
    return middle


def nearest_semidefinite(covariance: FloatArray) -> tuple[FloatArray, bool]:
    """Return the covariance with negative eigenvalues set to zero, and whether there were any.

    A difference of covariances can be indefinite with few periods; fixest and Cameron, Gelbach & Miller (2011)
    repair it in this way.
    """
    sizes = np.sqrt(np.abs(covariance.diagonal()))
    sizes = np.where(sizes > 0, sizes, 1.0)
    # correlations decide: a variance in small units must not be taken for a rounding error of one in large units
    if np.linalg.eigvalsh(covariance / np.outer(sizes, sizes))[0] >= -1e-10:
        return covariance, False
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    return (vectors * np.maximum(values, 0)) @ vectors.T, True
