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

    def applied(self, residuals: FloatArray) -> FloatArray:
        """Return G times the residuals, shape (T, N)."""
        return np.asarray(np.einsum("ij,tj->ti", self.g, residuals))

    def own(self, by_time: bool) -> FloatArray:
        """Return the diagonal of G, among deviations from period means where there are time effects, shape (N,)."""
        g = centred(self.g) if by_time else self.g
        own: FloatArray = np.diagonal(g)
        return own


@dataclass(frozen=True, eq=False)
class SolvedTerm:
    """A `SpatialTerm` whose G is not formed, for a large sparse W.

    Attributes
    ----------
    q : ndarray, shape (T·N,)
    operator : SpatialOperator
    spatial : float
        ρ or λ.
    """

    q: FloatArray
    operator: SpatialOperator
    spatial: float

    def applied(self, residuals: FloatArray) -> FloatArray:
        """Return G times the residuals, shape (T, N)."""
        return self.operator.apply_g(self.spatial, residuals.T).T

    def own(self, by_time: bool) -> FloatArray:
        """Return the diagonal of G, among deviations from period means where there are time effects, shape (N,)."""
        diagonal = diagonal_of_g(self.spatial, self.operator)
        if not by_time:
            return diagonal
        n = self.operator.n
        ones = np.ones((n, 1))
        rows = self.operator.apply_g(self.spatial, ones)[:, 0]
        columns = self.operator.apply_gt(self.spatial, ones)[:, 0]
        return np.asarray(diagonal - (rows + columns - rows.mean()) / n)


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
        cls,
        z: FloatArray,
        residuals: FloatArray,
        sigma2: float,
        terms: Sequence[SpatialTerm | SolvedTerm],
        sample: Sample,
    ) -> Score:
        """Return the score.

        Parameters
        ----------
        z : ndarray, shape (T·N, k)
            Regressors with effects removed, filtered by I - λM where the error is spatial.
        residuals : ndarray, shape (T, N)
        sigma2 : float
        terms : sequence of SpatialTerm or SolvedTerm
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
            noise = demean(term.applied(residuals), sample.effects)
            applied.append(noise.reshape(-1, 1) / sigma2)
            diagonal.append(np.tile(unit_share * term.own(by_time), sample.t)[:, None] / sigma2)
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
