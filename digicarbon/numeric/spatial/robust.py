"""Covariances of spatial maximum likelihood that do not assume normal errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.linear.within import centred
from digicarbon.numeric.slices import slices
from digicarbon.numeric.spatial.effects import diagonal_of_g
from digicarbon.numeric.spatial.likelihood import Sample
from digicarbon.numeric.spatial.operator import SpatialOperator, unit_blocks

BLOCK = 256
"""Units whose columns of G are handled at a time."""
STORED = 4000
"""Up to this number of units a solved G is kept, 0.13 GB: its rows are then no second system of equations."""


@dataclass(frozen=True, eq=False)
class SpatialTerm:
    """The term of one spatial parameter in the score: q′ε + ε′Gε - tr, effects removed, over σ².

    ``q``, shape (T·N,): (GZβ)*, filtered by I - λM where the error is spatial; zero for the parameter of an error.
    ``g``, shape (N, N): G, or M(I - λM)⁻¹ for the parameter of an error.
    """

    q: FloatArray
    g: FloatArray

    @property
    def n(self) -> int:
        """Number of units."""
        return len(self.g)

    def both(self, units: slice, by_time: bool) -> FloatArray:
        """Return columns of G + G′, of deviations from period means where there are time effects, shape (N, units)."""
        g = centred(self.g) if by_time else self.g
        return np.asarray(g[:, units] + g[units].T)

    def between(self, units: slice, by_time: bool) -> FloatArray:
        """Return `both` to the last digit."""
        return self.both(units, by_time)

    def own(self, by_time: bool) -> FloatArray:
        """Return the diagonal of G, among deviations from period means where there are time effects, shape (N,)."""
        g = centred(self.g) if by_time else self.g
        own: FloatArray = np.diagonal(g)
        return own


@dataclass(frozen=True, eq=False)
class SolvedTerm:
    """A `SpatialTerm` whose G is not formed, for a large sparse W; ``spatial`` is ρ or λ."""

    q: FloatArray
    operator: SpatialOperator
    spatial: float

    @property
    def n(self) -> int:
        """Number of units."""
        return self.operator.n

    @cached_property
    def _g(self) -> FloatArray:
        """G, shape (N, N)."""
        out = np.empty((self.n, self.n))
        for units, identity in unit_blocks(self.n, BLOCK):
            out[:, units] = self.operator.apply_g(self.spatial, identity)
        return out

    def both(self, units: slice, by_time: bool) -> FloatArray:
        """Return columns of G + G′, shape (N, units); of many units, the means over units count for little."""
        if self.n <= STORED:
            return np.asarray(self._g[:, units] + self._g[units].T)
        chosen = np.arange(self.n)[units]
        identity = np.zeros((self.n, len(chosen)))
        identity[chosen, np.arange(len(chosen))] = 1.0
        return self.operator.apply_g(self.spatial, identity) + self.operator.apply_gt(self.spatial, identity)

    def between(self, units: slice, by_time: bool) -> FloatArray:
        """Return `both` with the means over units taken out, which add up where many units are one cluster."""
        both = self.both(units, by_time)
        return np.asarray(both - self._means - self._means[units, 0] + self._means.mean()) if by_time else both

    @cached_property
    def _means(self) -> FloatArray:
        """Means of the rows of G + G′, shape (N, 1)."""
        ones = np.full((self.n, 1), 1 / self.n)
        return self.operator.apply_g(self.spatial, ones) + self.operator.apply_gt(self.spatial, ones)

    def own(self, by_time: bool) -> FloatArray:
        """Return the diagonal of G, among deviations from period means where there are time effects, shape (N,)."""
        diagonal = self._g.diagonal() if self.n <= STORED else diagonal_of_g(self.spatial, self.operator)
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

    ``linear``, shape (T·N, p): weights of the linear forms b_r. ``diagonal``, shape (T·N, p): diagonals of B_r.
    ``residuals``: shape (T, N). ``terms``: of the spatial parameters; their B_r is G over σ².
    """

    linear: FloatArray
    diagonal: FloatArray
    residuals: FloatArray
    terms: tuple[SpatialTerm | SolvedTerm, ...]

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

        ``z``, shape (T·N, k): regressors with effects removed, filtered by I - λM where the error is spatial.
        ``residuals``: shape (T, N).
        """
        rows, k = z.shape
        unit_share, time_share = _shares(sample)
        zeros = np.zeros((rows, k))
        linear = [z / sigma2, *(term.q[:, None] / sigma2 for term in terms), np.zeros((rows, 1))]
        diagonal = [zeros]
        by_time = sample.effects in ("time", "two_way")
        for term in terms:
            diagonal.append(np.tile(unit_share * term.own(by_time), sample.t)[:, None] / sigma2)
        diagonal.append(np.full((rows, 1), unit_share * time_share / (2 * sigma2**2)))
        return cls(np.concatenate(linear, axis=1), np.concatenate(diagonal, axis=1), residuals, tuple(terms))


def quasi_likelihood(covariance: FloatArray, score: Score, sigma2: float, sample: Sample) -> FloatArray:
    """Return the sandwich covariance of quasi-maximum likelihood, shape (p, p).

    ``covariance``, shape (p, p): inverse of the expected information under normality.

    Lee & Yu (2010), eq. 22-23. With independent errors of third and fourth moments μ₃ and μ₄ the variance of the score
    exceeds the information by Ω: a linear form b′ε and a quadratic form ε′Bε have covariance μ₃ Σ b_i B_ii, two
    quadratic forms a surplus (μ₄ - 3σ⁴) Σ B_ii C_ii. The moments are those of the errors, not of the demeaned
    residuals: the known demeaning weights are divided out.
    """
    third, fourth = error_moments(score.residuals, sigma2, sample)
    cross = score.linear.T @ score.diagonal
    surplus = third * (cross + cross.T) + (fourth - 3 * sigma2**2) * score.diagonal.T @ score.diagonal
    return np.asarray(covariance + covariance @ surplus @ covariance)


def unit_clustered(
    covariance: FloatArray, score: Score, sigma2: float, sample: Sample, clusters: Groups | None = None
) -> FloatArray:
    """Return the sandwich covariance of errors that are independent between units, and of any kind within them.

    Parameters and result are those of `quasi_likelihood`; ``covariance`` is the inverse of the information, expected or
    observed.

    The score of ρ is Σ_i (q_i′ε_i + g_ii ε_i′ε_i) + Σ_{i<j} (g_ij + g_ji) ε_i′ε_j less its expectation, ε_i the errors
    of a unit over time. If units are independent, its sums over units and its products of two units are uncorrelated,
    and so are the products of any two pairs. The variance is then Σ_i (q_i′e_i + g_ii (e_i′e_i - T*σ²))², centred, plus
    Σ_{i<j} (g_ij + g_ji)² (e_i′e_j)², where e_i′e_j squared stands for tr Ω_iΩ_j, Ω_i the covariance of a unit's errors
    (the martingale differences of Kelejian & Prucha 2001 without their dependence on the order of units).

    ``clusters``: of the units, where units of different ones are independent and those of one need not be. Each is then
    what a unit is above, its errors a matrix: products of two of its units belong to its own sum, and those of two
    clusters are added up before they are squared.
    """
    n, t, k = sample.n, sample.t, len(covariance)
    sums = (score.residuals.reshape(-1, 1) * score.linear).reshape(t, n, k).sum(axis=0)
    squares = (score.residuals**2).sum(axis=0)[:, None]
    shares = score.diagonal.reshape(t, n, k)
    unit_share, time_share = _shares(sample)
    own = shares[0] / unit_share
    own[:, -1] /= time_share
    by_unit = sums + own * squares - sigma2 * shares.sum(axis=0)
    spatial = np.arange(k - 1 - len(score.terms), k - 1)
    if clusters is None:
        pairs = pair_products(score, sample)
    else:
        products = _cluster_products(score, sample, clusters)
        by_unit, n = clusters.sums(by_unit), clusters.count
        inside = np.einsum("sii->is", products)
        by_unit[:, spatial] += inside / (2 * sigma2)
        inside[...] = 0.0
        pairs = np.einsum("rij,sij->rs", products, products) / 2
    by_unit = by_unit - by_unit.mean(axis=0)
    meat = by_unit.T @ by_unit
    meat[np.ix_(spatial, spatial)] += pairs / sigma2**2
    return np.asarray(covariance @ meat @ covariance * n / (n - 1))


def pair_products(score: Score, sample: Sample) -> FloatArray:
    """Return Σ_{i<j} (a_ij + a_ji)(b_ij + b_ji)(e_i′e_j)² of all pairs of spatial parameters, shape (s, s)."""
    count, by_time = len(score.terms), sample.effects in ("time", "two_way")
    out, e = np.zeros((count, count)), score.residuals
    for units in slices(sample.n if count else 0, BLOCK):
        products = (e.T @ e[:, units]) ** 2
        chosen = np.arange(units.start, units.stop)
        products[chosen, chosen - units.start] = 0.0
        both = [term.both(units, by_time) for term in score.terms]
        for row, one in enumerate(both):
            for column, other in enumerate(both):
                out[row, column] += float(np.einsum("ij,ij,ij->", one, other, products)) / 2
    return out


def _cluster_products(score: Score, sample: Sample, clusters: Groups) -> FloatArray:
    """Return Σ (g_ij + g_ji) e_i′e_j over units i ≠ j of each two clusters, shape (s, G, G)."""
    by_time, e, members = sample.effects in ("time", "two_way"), score.residuals, np.eye(clusters.count)[clusters.codes]
    out = np.zeros((len(score.terms), clusters.count, clusters.count))
    for units in slices(sample.n, BLOCK):
        products = e.T @ e[:, units]
        chosen = np.arange(units.start, units.stop)
        products[chosen, chosen - units.start] = 0.0
        for place, term in enumerate(score.terms):
            out[place] += members.T @ (term.between(units, by_time) * products) @ members[units]
    return out


def error_moments(residuals: FloatArray, sigma2: float, sample: Sample) -> tuple[float, float]:
    """Return third and fourth moments of the errors from demeaned residuals, shape (T, N).

    A residual is Σ p_j ε_j with the weights p of the within transformation, so that its third moment is μ₃ Σ p³ and its
    fourth μ₄ Σ p⁴ + 3σ⁴((Σ p²)² - Σ p⁴). In two periods beside unit effects, or of two units beside time effects, Σ p³
    is zero and μ₃ unknown: it is taken as zero. No distribution has a fourth moment below σ⁴ + μ₃²/σ², see
    `least_fourth`.
    """
    second, third, fourth = (weight_power(sample, power) for power in (2, 3, 4))
    mean3, mean4 = float((residuals**3).mean()), float((residuals**4).mean())
    skewed = mean3 / third if third else 0.0
    found = (mean4 - 3 * sigma2**2 * (second**2 - fourth)) / fourth
    return skewed, max(found, float(least_fourth(np.array(sigma2), np.array(skewed))))


def least_fourth(sigma2: FloatArray, third: FloatArray) -> FloatArray:
    """Return the least fourth moment of errors of a variance and a third moment (Pearson 1916).

    Below it a variance that rests on these moments may be negative.
    """
    return np.asarray(sigma2**2 + third**2 / sigma2)


def _shares(sample: Sample) -> tuple[float, float]:
    """Return the diagonal elements of the projections over time and over units."""
    over_time = 1 - 1 / sample.t if sample.effects in ("unit", "two_way") else 1.0
    over_units = 1 - 1 / sample.n if sample.effects in ("time", "two_way") else 1.0
    return over_time, over_units


def weight_power(sample: Sample, power: int) -> float:
    """Return Σ p_j to a power over the weights of the within transformation of one residual."""
    out = 1.0
    for share, count, active in (
        (1 / sample.t, sample.t, sample.effects in ("unit", "two_way")),
        (1 / sample.n, sample.n, sample.effects in ("time", "two_way")),
    ):
        if active:
            out *= (1 - share) ** power + (count - 1) * (-share) ** power
    return out
