"""Covariances of spatial maximum likelihood that do not rest on normal errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digicarbon.numeric.spatial_likelihood import Sample

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Score:
    """What the score of (β, ρ or λ, σ²) is made of: linear and quadratic forms in the errors.

    Attributes
    ----------
    z : ndarray, shape (T·N, k)
        Regressors with effects removed, filtered by I - λW in the error model.
    q : ndarray, shape (T·N,)
        (GZβ)*; zero in the error model.
    residuals : ndarray, shape (T, N)
    g_residuals : ndarray, shape (T, N)
        (Gε)*, effects removed.
    g_diagonal : ndarray, shape (N,)
        Diagonal of G* in the coordinates of the units: of JGJ with time effects, of G without.
    trace : float
        tr G*.
    """

    z: FloatArray
    q: FloatArray
    residuals: FloatArray
    g_residuals: FloatArray
    g_diagonal: FloatArray
    trace: float


def quasi_likelihood(covariance: FloatArray, score: Score, sigma2: float, sample: Sample) -> FloatArray:
    """Return the sandwich covariance of quasi-maximum likelihood.

    Parameters
    ----------
    covariance : ndarray, shape (k + 2, k + 2)
        Inverse of the expected information under normality.
    score : Score
    sigma2 : float
    sample : Sample

    Returns
    -------
    ndarray, shape (k + 2, k + 2)

    Notes
    -----
    Lee & Yu (2010), eq. 22-23. With independent errors of third and fourth moments μ₃ and μ₄ the variance of the score
    exceeds the information by Ω: a linear form b′ε and a quadratic form ε′Bε have covariance μ₃ Σ b_i B_ii, two
    quadratic forms a surplus (μ₄ - 3σ⁴) Σ B_ii C_ii. The moments are those of the errors, not of the demeaned
    residuals: the known demeaning weights are divided out.
    """
    third, fourth = error_moments(score.residuals, sigma2, sample)
    excess = fourth - 3 * sigma2**2
    unit_share, time_share = _shares(sample)
    k = score.z.shape[1]
    g_diagonal = np.tile(unit_share * score.g_diagonal, sample.t) / sigma2
    own = np.full(sample.t * sample.n, unit_share * time_share / (2 * sigma2**2))
    surplus = np.zeros_like(covariance)
    surplus[:k, k] = third / sigma2 * (score.z.T @ g_diagonal)
    surplus[:k, k + 1] = third / sigma2 * (score.z.T @ own)
    lean = third / sigma2 * score.q
    surplus[k, k] = 2 * lean @ g_diagonal + excess * g_diagonal @ g_diagonal
    surplus[k, k + 1] = lean @ own + excess * g_diagonal @ own
    surplus[k + 1, k + 1] = excess * own @ own
    surplus = np.triu(surplus) + np.triu(surplus, 1).T
    return np.asarray(covariance + covariance @ surplus @ covariance)


def unit_clustered(covariance: FloatArray, score: Score, sigma2: float, sample: Sample) -> FloatArray:
    """Return the sandwich covariance with scores added up by unit.

    The scores of ρ are not independent across units, since a unit's error enters its neighbours' outcomes: this form
    allows for serial correlation of β's scores only in the sense of a rule of thumb.

    Parameters and result are those of `quasi_likelihood`.
    """
    e = score.residuals
    n = sample.n
    linear = (score.z * e.reshape(-1, 1)).reshape(sample.t, n, -1).sum(axis=0) / sigma2
    spatial = ((score.q.reshape(e.shape) + score.g_residuals) * e).sum(axis=0) / sigma2
    spatial = spatial - sample.periods * score.trace / n
    scale = ((e * e).sum(axis=0) - sample.size / n * sigma2) / (2 * sigma2**2)
    scores = np.column_stack([linear, spatial, scale])
    return np.asarray(covariance @ (scores.T @ scores) @ covariance * n / (n - 1))


def error_moments(residuals: FloatArray, sigma2: float, sample: Sample) -> tuple[float, float]:
    """Return third and fourth moments of the errors from demeaned residuals.

    Parameters
    ----------
    residuals : ndarray, shape (T, N)
    sigma2 : float
    sample : Sample

    Notes
    -----
    A residual is Σ p_j ε_j with the weights p of the within transformation, so that its third moment is μ₃ Σ p³ and its
    fourth μ₄ Σ p⁴ + 3σ⁴((Σ p²)² - Σ p⁴).
    """
    second, third, fourth = (_weight_power(sample, power) for power in (2, 3, 4))
    mean4 = float((residuals**4).mean())
    return (
        float((residuals**3).mean()) / third,
        (mean4 - 3 * sigma2**2 * (second**2 - fourth)) / fourth,
    )


def _shares(sample: Sample) -> tuple[float, float]:
    """Return the diagonal elements of the projections over time and over units."""
    over_time = 1 - 1 / sample.t if sample.effects in ("unit", "two_way") else 1.0
    over_units = 1 - 1 / sample.n if sample.effects in ("time", "two_way") else 1.0
    return over_time, over_units


def _weight_power(sample: Sample, power: int) -> float:
    """Return Σ p_j to a power over the weights of the within transformation of one residual."""
    out = 1.0
    for share, count, active in (
        (1 / sample.t, sample.t, sample.effects in ("unit", "two_way")),
        (1 / sample.n, sample.n, sample.effects in ("time", "two_way")),
    ):
        if active:
            out *= (1 - share) ** power + (count - 1) * (-share) ** power
    return out
