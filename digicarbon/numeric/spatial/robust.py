"""Covariances of spatial maximum likelihood that do not assume normal errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.within import centred, demean
from digicarbon.numeric.spatial.effects import diagonal_of_g
from digicarbon.numeric.spatial.likelihood import Sample
from digicarbon.numeric.spatial.operator import SpatialOperator


@dataclass(frozen=True, eq=False)
class SpatialTerm:
    """The term of one spatial parameter in the score: q′ε + ε′Gε - tr, effects removed, over σ².

    Attributes
    ----------
    q : ndarray, shape (T·N,)
        (GZβ)*, filtered by I - λM where the error is spatial; zero for the parameter of an error.
    g : ndarray, shape (N, N)
        G, or M(I - λM)⁻¹ for the parameter of an error.
    """

    q: FloatArray
    g: FloatArray


@dataclass(frozen=True, eq=False)
class Score:
    """The score of (β, spatial parameters, σ²) as linear and quadratic forms in the errors.

    Attributes
    ----------
    linear : ndarray, shape (T·N, p)
        Weights of the linear forms b_r.
    applied : ndarray, shape (T·N, p)
        B_r times the residuals, B_r the matrices of the quadratic forms.
    diagonal : ndarray, shape (T·N, p)
        Diagonals of B_r.
    residuals : ndarray, shape (T, N)
    """

    linear: FloatArray
    applied: FloatArray
    diagonal: FloatArray
    residuals: FloatArray

    @classmethod
    def of(
        cls, z: FloatArray, residuals: FloatArray, sigma2: float, terms: Sequence[SpatialTerm], sample: Sample
    ) -> Score:
        """Return the score.

        Parameters
        ----------
        z : ndarray, shape (T·N, k)
            Regressors with effects removed, filtered by I - λM where the error is spatial.
        residuals : ndarray, shape (T, N)
        sigma2 : float
        terms : sequence of SpatialTerm
        sample : Sample
        """
        rows, k = z.shape
        e = residuals.ravel()
        unit_share, time_share = _shares(sample)
        zeros = np.zeros((rows, k))
        linear = [z / sigma2, *(term.q[:, None] / sigma2 for term in terms), np.zeros((rows, 1))]
        applied, diagonal = [zeros], [zeros]
        by_time = sample.effects in ("time", "two_way")
        for term in terms:
            g_star = centred(term.g) if by_time else term.g
            noise = demean(np.einsum("ij,tj->ti", term.g, residuals), sample.effects)
            applied.append(noise.reshape(-1, 1) / sigma2)
            diagonal.append(np.tile(unit_share * g_star.diagonal(), sample.t)[:, None] / sigma2)
        applied.append(e[:, None] / (2 * sigma2**2))
        diagonal.append(np.full((rows, 1), unit_share * time_share / (2 * sigma2**2)))
        return cls(
            np.concatenate(linear, axis=1),
            np.concatenate(applied, axis=1),
            np.concatenate(diagonal, axis=1),
            residuals,
        )


def quasi_likelihood(covariance: FloatArray, score: Score, sigma2: float, sample: Sample) -> FloatArray:
    """Return the sandwich covariance of quasi-maximum likelihood.

    Parameters
    ----------
    covariance : ndarray, shape (p, p)
        Inverse of the expected information under normality.
    score : Score
    sigma2 : float
    sample : Sample

    Returns
    -------
    ndarray, shape (p, p)

    Notes
    -----
    Lee & Yu (2010), eq. 22-23. With independent errors of third and fourth moments μ₃ and μ₄ the variance of the score
    exceeds the information by Ω: a linear form b′ε and a quadratic form ε′Bε have covariance μ₃ Σ b_i B_ii, two
    quadratic forms a surplus (μ₄ - 3σ⁴) Σ B_ii C_ii. The moments are those of the errors, not of the demeaned
    residuals: the known demeaning weights are divided out.
    """
    third, fourth = error_moments(score.residuals, sigma2, sample)
    cross = score.linear.T @ score.diagonal
    surplus = third * (cross + cross.T) + (fourth - 3 * sigma2**2) * score.diagonal.T @ score.diagonal
    return np.asarray(covariance + covariance @ surplus @ covariance)


def unit_clustered(covariance: FloatArray, score: Score, sigma2: float, sample: Sample) -> FloatArray:
    """Return the sandwich covariance with scores added up by unit, centred.

    The score of ρ is ε′q + ε′Gε less its expectation σ² tr G: a unit's part is its own errors times its own rows of q
    and Gε, less its own share g_ii of the trace. These parts are not independent across units, since a unit's error
    enters its neighbours' outcomes: this form is only a rule of thumb that allows for serial correlation of β's scores.

    Parameters and result are those of `quasi_likelihood`.
    """
    products = score.residuals.reshape(-1, 1) * (score.linear + score.applied) - sigma2 * score.diagonal
    by_unit = products.reshape(sample.t, sample.n, -1).sum(axis=0)
    by_unit = by_unit - by_unit.mean(axis=0)
    return np.asarray(covariance @ (by_unit.T @ by_unit) @ covariance * sample.n / (sample.n - 1))


@dataclass(frozen=True, eq=False)
class UnitScores:
    """What the scores of a model with one spatial parameter are made of.

    Attributes
    ----------
    z : ndarray, shape (T·N, k)
        Regressors with effects removed, filtered where the error is spatial.
    pull : ndarray, shape (T·N,)
        What the errors meet in the score of the spatial parameter, effects removed: Wy, or the spatial lag of the
        unfiltered errors; ε′q + ε′Gε of `Score` is their product, since Gε = Wy - GZβ.
    residuals : ndarray, shape (T, N)
    own : ndarray, shape (N,)
        Each unit's share in the trace of G, see `own_shares`.
    """

    z: FloatArray
    pull: FloatArray
    residuals: FloatArray
    own: FloatArray


def clustered_by_unit(covariance: FloatArray, scores: UnitScores, sigma2: float, sample: Sample) -> FloatArray:
    """Return the sandwich of `unit_clustered` without G itself, for the parameters (β, ρ or λ, σ²)."""
    e = scores.residuals.reshape(-1, 1)
    products = np.concatenate([scores.z * e, scores.pull[:, None] * e, e**2 / (2 * sigma2)], axis=1) / sigma2
    by_unit = products.reshape(sample.t, sample.n, -1).sum(axis=0)
    by_unit[:, -2] -= sample.free_periods * scores.own
    by_unit = by_unit - by_unit.mean(axis=0)
    return np.asarray(covariance @ (by_unit.T @ by_unit) @ covariance * sample.n / (sample.n - 1))


def own_shares(rho: float, w: SpatialOperator, sample: Sample) -> FloatArray:
    """Return the diagonal of G, among deviations from period means where there are time effects, shape (N,)."""
    diagonal = diagonal_of_g(rho, w)
    if sample.effects not in ("time", "two_way"):
        return diagonal
    ones = np.ones((w.n, 1))
    rows, columns = w.apply_g(rho, ones)[:, 0], w.apply_gt(rho, ones)[:, 0]
    return np.asarray(diagonal - (rows + columns) / w.n + rows.sum() / w.n**2)


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
