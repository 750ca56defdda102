"""Maximum likelihood of the combined model: a spatial lag of y and spatially autoregressive errors (SAC, SARAR)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.note import Note
from digicarbon.numeric.linear.least_squares import triangular
from digicarbon.numeric.linear.within import centred, demean
from digicarbon.numeric.spatial.likelihood import (
    SINGULAR,
    Sample,
    bracket,
    coarse_jacobian,
    concentrated,
    in_sample,
    inner,
    inverse_information,
    maximise_lag,
    near_end,
    refuse_flat,
    root_between,
    star_log_determinant,
    star_traces,
)
from digicarbon.numeric.spatial.operator import DenseOperator
from digicarbon.numeric.spatial.robust import SpatialTerm


@dataclass(frozen=True, eq=False)
class CombinedFit:
    """Estimates of the combined model.

    ``beta`` has the shape (k,); ``covariance``, shape (k + 3, k + 3), is the inverse of the expected information, order
    β, ρ, λ, σ²; ``residuals`` (T, N); ``z``, shape (T·N, k), is RZ with effects removed; ``terms`` are those of ρ and λ
    in the score, ``boundary`` says of each whether it is at the end of its range.
    """

    beta: FloatArray
    rho: float
    lam: float
    sigma2: float
    covariance: FloatArray
    loglik: float
    ssr: float
    residuals: FloatArray
    z: FloatArray
    terms: tuple[SpatialTerm, SpatialTerm]
    boundary: tuple[bool, bool]


def fit_combined(
    columns: FloatArray, lagged: FloatArray, w: DenseOperator, m: DenseOperator, sample: Sample
) -> CombinedFit:
    """Fit y = ρWy + Zβ + effects + u, u = λMu + ε.

    ``columns``, shape (T, N, k + 2): Z, y and Wy with fixed effects removed. ``lagged``, shape (T, N, k + 2): their
    lags by M, with fixed effects removed.

    At given λ the model filtered by R = I - λM is a lag model, so ρ is profiled out; the likelihood of SARAR models
    often has two maxima, hence the search over λ's whole range. Information: Lee & Yu (2010), eq. 21, with Ḡ = RGR⁻¹
    and H = MR⁻¹.
    """
    t, n, width = columns.shape
    k = width - 2
    both = np.concatenate([columns, lagged], axis=2).reshape(t * n, 2 * width)
    r = np.asarray(np.linalg.qr(both, mode="r"))

    def profile(lam: float) -> tuple[FloatArray, float, bool]:
        factor = triangular(r[:, :width] - lam * r[:, width:])
        a, b = factor[k, k] ** 2, factor[k, k] * factor[k, k + 1]
        c = factor[k, k + 1] ** 2 + factor[k + 1, k + 1] ** 2
        rho, at_end = maximise_lag((a, b, c), w, sample)
        right = factor[:k, k] - rho * factor[:k, k + 1]
        beta = scipy.linalg.lapack.dtrtrs(factor[:k, :k], right)[0] if k else right
        return np.concatenate([beta, [-1.0, rho]]), rho, at_end

    def error(lam: float, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        return -(r[:, :width] - lam * r[:, width:]) @ weights, -r[:, width:] @ weights

    def loglik(lam: float, jacobian: float) -> float:
        weights, rho, _ = profile(lam)
        e, _ = error(lam, weights)
        return concentrated(float(e @ e), jacobian + star_log_determinant(w, rho, sample), sample)

    def score(lam: float) -> float:
        weights, _, _ = profile(lam)
        e, slope = error(lam, weights)
        return sample.size * float(e @ slope) / float(e @ e) - sample.periods * star_traces(m, lam, sample)[0]

    nodes, jacobian = coarse_jacobian(m, sample)
    heights = np.array([loglik(lam, value) for lam, value in zip(nodes, jacobian, strict=True)])
    refuse_flat(heights, sample)
    left, right, at_end = bracket(nodes, heights, score)
    lam = left if at_end else root_between(score, left, right, 1e-14, 8.9e-16)
    lam = float(inner(lam, m))
    weights, rho, rho_end = profile(lam)
    filtered = both[:, :width] - lam * both[:, width:]
    e = -filtered @ weights
    ssr = float(e @ e)
    z, terms = filtered[:, :k], _terms(filtered[:, k + 1], e.reshape(t, n), (rho, lam), (w, m), sample)
    covariance = _covariance(z, terms, ssr / sample.size, sample)
    return CombinedFit(
        beta=weights[:k],
        rho=rho,
        lam=lam,
        sigma2=ssr / sample.size,
        covariance=covariance,
        loglik=loglik(lam, star_log_determinant(m, lam, sample)),
        ssr=ssr,
        residuals=e.reshape(t, n),
        z=z,
        terms=terms,
        boundary=(rho_end, at_end or near_end(lam, in_sample(m, sample))),
    )


def _terms(
    rwy: FloatArray,
    residuals: FloatArray,
    parameters: tuple[float, float],
    operators: tuple[DenseOperator, DenseOperator],
    sample: Sample,
) -> tuple[SpatialTerm, SpatialTerm]:
    """Return what ρ (with Ḡ and RGZβ) and λ (with H) add to the score."""
    rho, lam = parameters
    w, m = (in_sample(each, sample) for each in operators)
    root = np.eye(m.n) - lam * m.w
    # Ḡ = RGR⁻¹, of the lag model that is left when errors are filtered by R
    g_bar = root @ np.linalg.solve(root.T, w.g(rho).T).T
    noise = demean(np.einsum("ij,tj->ti", g_bar, residuals), sample.effects).ravel()
    return SpatialTerm(rwy - noise, g_bar), SpatialTerm(np.zeros(len(rwy)), m.g(lam))


def _covariance(z: FloatArray, terms: tuple[SpatialTerm, SpatialTerm], sigma2: float, sample: Sample) -> FloatArray:
    """Return the inverse of the expected information of (β, ρ, λ, σ²)."""
    k = z.shape[1]
    q = terms[0].q
    # F′AF has the same traces of products as JAJ
    g_star, h_star = (centred(term.g) if sample.drops_constant else term.g for term in terms)
    out = np.zeros((k + 3, k + 3))
    out[:k, :k] = z.T @ z / sigma2
    out[:k, k] = z.T @ q / sigma2
    for row, column, left, right in (
        (k, k, g_star, g_star),
        (k, k + 1, g_star, h_star),
        (k + 1, k + 1, h_star, h_star),
    ):
        out[row, column] = sample.periods * ((left * right.T).sum() + (left * right).sum())
    out[k, k] += q @ q / sigma2
    out[k, k + 2] = sample.periods * np.trace(g_star) / sigma2
    out[k + 1, k + 2] = sample.periods * np.trace(h_star) / sigma2
    out[k + 2, k + 2] = sample.size / (2 * sigma2**2)
    covariance = inverse_information(np.triu(out) + np.triu(out, 1).T)
    # the share of the information on ρ and on λ that the other parameters leave
    if (1 / (covariance.diagonal() * out.diagonal())[k : k + 2] <= SINGULAR).any():
        raise EstimationError(Note("information_singular"))
    return covariance
