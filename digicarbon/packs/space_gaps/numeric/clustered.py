"""Standard errors of spatial panels by period whose errors are of any kind within a unit."""

from __future__ import annotations

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.packs.space_gaps.numeric.effects import Effects
from digicarbon.packs.space_gaps.numeric.estimates import PeriodFit
from digicarbon.packs.space_gaps.numeric.weights import PeriodWeights


def clustered(
    fit: PeriodFit, weights: PeriodWeights, effects: Effects, error: bool, clusters: Groups | None = None
) -> FloatArray:
    """Return the covariance for errors that are independent between units, and of any kind within them.

    ``error``: whether the errors have the spatial process. The result is zero for a spatial parameter at an end of its
    range, shape (k + R + 1, k + R + 1). ``clusters``: of the units; these are then in place of units, as in the other
    functions here.

    As `digicarbon.numeric.spatial.robust.unit_clustered`, with G of each period. The score of ρ times σ² is
    Σ_i Σ_t (q_it e_it + g_t,ii e_it²) + Σ_{i<j} Σ_t (g_t,ij + g_t,ji) e_it e_jt less its mean. The variance is that of
    the sums over units, plus Σ_{i<j} (Σ_t (g_t,ij + g_t,ji) e_it e_jt)². Products of two units of a cluster belong to
    its sum, and those of two clusters are added up before they are squared.
    """
    e, sigma2 = fit.residuals, fit.sigma2
    k, r = len(fit.beta), len(fit.spatial)
    size = k + r + 1
    sums = np.zeros((e.shape[1], size))
    sums[:, : k + r] = np.einsum("tn,tnk->nk", e, fit.linear) / sigma2
    sums[:, -1] = (e**2 - sigma2 * left_of_one(effects)).sum(axis=0) / (2 * sigma2**2)
    meat = np.zeros((size, size))
    if r and not fit.boundary:
        pairs = []
        zero, share = direction(fit.spatial, weights, effects, error), own_share(effects)
        for place, g in enumerate(weights.g(fit.spatial)):
            diagonal, products = diagonal_and_pairs(g, e, zero)
            sums[:, k + place] += (diagonal * (e**2 - sigma2 * share)).sum(axis=0) / sigma2
            if clusters is not None:
                # each pair of a cluster is there twice; its sum may stand at any unit of it
                first = np.unique(clusters.codes, return_index=True)[1]
                products = clusters.sums(clusters.sums(products).T)
                sums[first, k + place] += products.diagonal() / 2 / sigma2
                np.fill_diagonal(products, 0.0)
            pairs.append(products)
        meat[k : k + r, k : k + r] = np.einsum("rij,sij->rs", pairs, pairs) / 2 / sigma2**2
    sums = centred(sums, effects, clusters)
    meat += sums.T @ sums
    return np.asarray(fit.bread @ meat @ fit.bread.T * factor(effects, clusters))


def factor(effects: Effects, clusters: Groups | None = None) -> float:
    """Return n/(n - 1) of n units or clusters."""
    n = int(effects.present.any(axis=0).sum()) if clusters is None else clusters.count
    return n / max(n - 1, 1)


def centred(sums: FloatArray, effects: Effects, clusters: Groups | None) -> FloatArray:
    """Return sums of units, shape (N, M), of those that are observed or of clusters, less their means."""
    own = sums[effects.present.any(axis=0)] if clusters is None else clusters.sums(sums)
    return np.asarray(own - own.mean(axis=0))


def of_sums(sums: FloatArray, effects: Effects, clusters: Groups | None = None) -> FloatArray:
    """Return the variance of an estimate, shape (M,), to which units add sums, shape (N, M)."""
    own = centred(sums, effects, clusters)
    return np.asarray((own * own).sum(axis=0) * factor(effects, clusters))


def left_of_one(effects: Effects) -> FloatArray:
    """Return what effects leave of the variance of each error, shape (T, N)."""
    return np.asarray(effects.present - (effects.basis**2).sum(axis=2))


def own_share(effects: Effects) -> FloatArray:
    """Return what effects of units leave of the variance of each error, shape (T, N)."""
    present = effects.present.astype(np.float64)
    if effects.kind not in ("unit", "two_way"):
        return present
    return np.asarray(present * (1 - 1 / np.maximum(present.sum(axis=0), 1)))


def direction(spatial: FloatArray, weights: PeriodWeights, effects: Effects, error: bool) -> FloatArray | None:
    """Return the direction in which residuals of a period are zero, shape (T, N); None without effects of periods."""
    if effects.kind not in ("time", "two_way"):
        return None
    ones = effects.present.astype(np.float64)
    if error:
        # the filtered dummy of the period
        ones = (weights.filter(spatial)[weights.which] @ ones[..., None])[..., 0]
    return np.asarray(ones / np.maximum(np.linalg.norm(ones, axis=1), 1e-300)[:, None])


def diagonal_and_pairs(g: FloatArray, e: FloatArray, zero: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """Return the diagonal of G, shape (…, T, N), and Σ_t (g_t,ij + g_t,ji) e_it e_jt, shape (…, N, N), zero for i = j.

    ``g``: shape (…, T, N, N). ``e``: shape (…, T, N). ``zero``: a direction in which residuals are zero, which is taken
    out of G: what errors of other units in the mean of a period would give to a pair is not counted; shape (T, N).
    """
    diagonal = np.diagonal(g, axis1=-2, axis2=-1).copy()
    margins = None
    if zero is not None:
        rows, columns = (zero[:, None, :] @ g)[..., 0, :], (g @ zero[..., None])[..., 0]
        # half of the middle in each, so that G loses the outer products with both
        middle = (columns * zero).sum(axis=-1, keepdims=True) * zero / 2
        margins = rows - middle, columns - middle
        diagonal -= zero * (margins[0] + margins[1])
    both = np.multiply(g, e[..., :, None])
    both *= e[..., None, :]
    pairs = both.sum(axis=-3)
    if zero is not None and margins is not None:
        along = np.swapaxes(zero * e, -1, -2)
        pairs -= along @ (margins[0] * e) + np.swapaxes(along @ (margins[1] * e), -1, -2)
    pairs = pairs + np.swapaxes(pairs, -1, -2)
    place = np.arange(pairs.shape[-1])
    pairs[..., place, place] = 0.0
    return diagonal, pairs
