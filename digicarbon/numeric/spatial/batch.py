"""Fits of one spatial lag model to many outcomes at once: permutation tests, bootstraps, Monte Carlo.

With the same regressors and weights only three moments of each outcome enter the concentrated likelihood, so thousands
of fits are a few matrix products. A `LagSpace` has all that depends on the outcomes and W only, and not on the
regressors: models of the same W and sample share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.numeric.spatial.likelihood import Sample, in_sample, refuse_flat
from digicarbon.numeric.spatial.operator import DenseOperator

FEWEST_NODES, MOST_NODES = 12, 64
"""Chebyshev nodes over the draws' range of ρ, for the functions of G in the standard errors."""
DIGITS = 26.0
"""Natural logarithm of the factor by which the nodes reduce the error: eleven digits."""
CLOSE = 1e-9
"""Size of a last Newton step: each step squares the error."""
STEP = 0.1
"""Ranges of ρ are widened to multiples of this, so that models of the same W share their nodes."""
CHUNK = 2000
"""Draws handled at a time: their arrays stay in the processor's cache."""
KEPT_CELLS = 1 << 20
"""Most numbers in G at all nodes that are stored; for a larger W each G is computed again."""


@dataclass(frozen=True, eq=False)
class BatchFit:
    """Estimates of M fits.

    Attributes
    ----------
    beta : ndarray, shape (M, k)
    rho, sigma2 : ndarray, shape (M,)
    rho_se : ndarray, shape (M,)
    effect, effect_se : ndarray, shape (M,)
        The chosen effect of the focal variable and its delta-method standard error.
    """

    beta: FloatArray
    rho: FloatArray
    sigma2: FloatArray
    rho_se: FloatArray
    effect: FloatArray
    effect_se: FloatArray


@dataclass(frozen=True, eq=False)
class LagParameters:
    """Parameters of M fits, from which every effect follows.

    Attributes
    ----------
    beta : ndarray, shape (M, k)
    rho, sigma2, rho_variance : ndarray, shape (M,)
    d : ndarray, shape (M, k)
        (Z′Z)⁻¹Z′GZβ.
    residuals, lagged : ndarray, shape (N·T′, M), or None
        Residuals, and Wy with effects removed; None where errors are not clustered.
    """

    beta: FloatArray
    rho: FloatArray
    sigma2: FloatArray
    rho_variance: FloatArray
    d: FloatArray
    residuals: FloatArray | None = None
    lagged: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class LagOutcomes:
    """M outcomes and their spatial lags as they enter the likelihood, effects removed.

    Attributes
    ----------
    level, lagged : ndarray, shape (N·T′, M)
        y and Wy; T′ is T, or T - 1 where unit effects are contracted away.
    squares : tuple of three ndarrays, shape (M,)
        y′y, y′Wy and (Wy)′Wy.
    """

    level: FloatArray
    lagged: FloatArray
    squares: tuple[FloatArray, FloatArray, FloatArray]

    @classmethod
    def of(cls, level: FloatArray, lagged: FloatArray) -> LagOutcomes:
        """Return outcomes with their squares."""
        pairs = ((level, level), (level, lagged), (lagged, lagged))
        a, b, c = (np.einsum("im,im->m", one, other) for one, other in pairs)
        return cls(level, lagged, (a, b, c))

    def combined(self, weights: FloatArray) -> LagOutcomes:
        """Return linear combinations of the outcomes, weights of shape (M, draws)."""
        return LagOutcomes.of(self.level @ weights, self.lagged @ weights)

    def part(self, draws: slice) -> LagOutcomes:
        """Return some of the outcomes."""
        a, b, c = self.squares
        return LagOutcomes(self.level[:, draws], self.lagged[:, draws], (a[draws], b[draws], c[draws]))


@dataclass(frozen=True, eq=False)
class Nodes:
    """Places on a range of ρ, and functions of G there that do not depend on the regressors.

    Attributes
    ----------
    low, high : float
    points : ndarray, shape (p,)
    inverse : ndarray, shape (p, p)
        From values at the points to Chebyshev coefficients.
    scalars : ndarray, shape (p, 3)
        ‖G*‖², 1′G1/N and 1′G²1/N.
    diagonals : ndarray, shape (p, N)
        Of G among deviations from period means where there are time effects.
    stars : ndarray, shape (p, N, N), or None
        JG at the points, J the centring matrix where there are time effects; None where it would need too much memory.
    """

    low: float
    high: float
    points: FloatArray
    inverse: FloatArray
    scalars: FloatArray
    diagonals: FloatArray
    stars: FloatArray | None

    def basis(self, rho: FloatArray) -> FloatArray:
        """Return the Chebyshev polynomials at places within the range, shape (M, p)."""
        half = (self.high - self.low) / 2
        return np.asarray(chebyshev.chebvander((rho - (self.low + self.high) / 2) / half, len(self.points) - 1))


class LagSpace:
    """The sample of spatial models of one W: how outcomes and regressors enter it, and the functions of G in use.

    Parameters
    ----------
    w : DenseOperator
        With constant row sums where there are time effects.
    sample : Sample
    """

    def __init__(self, w: DenseOperator, sample: Sample) -> None:
        self.w = w
        # at the nodes G is needed only without the part that the effects remove
        self.used = in_sample(w, sample)
        self.sample = sample
        # an orthonormal contraction of time has the same inner products as demeaning, in one period less
        self._time = _contraction(sample.t) if sample.effects in ("unit", "two_way") else np.eye(sample.t)
        self.centre = np.eye(w.n) - 1 / w.n if sample.effects in ("time", "two_way") else np.eye(w.n)
        self._stack = np.concatenate([self.centre, self.centre @ w.w])
        self._nodes: dict[tuple[float, float], Nodes] = {}

    def transform(self, columns: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return columns and their spatial lags with effects removed.

        Parameters
        ----------
        columns : ndarray, shape (N, T, m)

        Returns
        -------
        level, lagged : ndarray, shape (N·T′, m)
            Rows are sorted by unit.
        """
        n, m = self.w.n, columns.shape[2]
        contraction = np.matmul(self._time, columns)
        both = self._stack @ contraction.reshape(n, -1)
        return both[:n].reshape(-1, m), both[n:].reshape(-1, m)

    def outcomes(self, y: FloatArray) -> LagOutcomes:
        """Return outcomes, shape (N, T, M), in the form that all models of this W and sample use."""
        return LagOutcomes.of(*self.transform(y))

    @cached_property
    def roots(self) -> NDArray[Any]:
        """Eigenvalues of W in the (transformed) sample, 0 for a removed one; complex where some are."""
        return np.asarray(self.used.eigenvalues)

    @cached_property
    def coarse(self) -> tuple[FloatArray, FloatArray]:
        """Places that cover the range of ρ and the log-determinants of all periods there."""
        nodes, log_determinants = self.used.coarse
        return nodes, self.sample.periods * log_determinants

    def traces(self, rho: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return tr G* and tr G*² at each ρ."""
        roots = self.roots / (1 - rho[:, None] * self.roots)
        return np.asarray(roots.sum(axis=1).real), np.asarray(np.einsum("mi,mi->m", roots, roots).real)

    def effect_weights(self, rho: FloatArray, effect: str) -> tuple[FloatArray, ...]:
        """Return the weights of β and θ in an effect and their derivatives in ρ, each of shape (M,).

        Effects are ``coefficient`` (β itself), ``direct``, ``indirect`` and ``total``.
        """
        one, zero = np.ones(len(rho)), np.zeros(len(rho))
        if effect == "coefficient":
            return one, zero, zero, zero
        n = self.w.n
        first, second = self.traces(rho)
        constant = self.w.constant_row_sum
        if constant is None:
            nodes = self.nodes(rho)
            q, dq = (nodes.basis(rho) @ (nodes.inverse @ nodes.scalars[:, 1:])).T
        else:
            q = constant / (1 - constant * rho)
            dq = q**2
        if self.sample.drops_constant:
            first, second = first + q, second + dq
        v, slope_v = first / n, second / n
        direct = (1 + rho * v, v, v + rho * slope_v, slope_v)
        total = (1 + rho * q, q, q + rho * dq, dq)
        if effect == "direct":
            return direct
        if effect == "total":
            return total
        return tuple(t - d for t, d in zip(total, direct, strict=True))

    def own_shares(self, rho: FloatArray) -> FloatArray:
        """Return the diagonal of G* at each ρ, each unit's own share of the trace, shape (M, N)."""
        nodes = self.nodes(rho)
        return np.asarray(nodes.basis(rho) @ (nodes.inverse @ nodes.diagonals))

    def climb(self, best: NDArray[np.intp], slopes: Any) -> FloatArray:
        """Return where the score of each draw is zero, by safeguarded Newton steps from its best coarse node.

        Parameters
        ----------
        best : ndarray of int, shape (M,)
        slopes : callable
            Score and its derivative, each of shape (M,), at ρ of shape (M,).
        """
        nodes = self.coarse[0]
        left, right = nodes[np.maximum(best - 1, 0)], nodes[np.minimum(best + 1, len(nodes) - 1)]
        rho = nodes[best].copy()
        for _ in range(40):
            score, slope = slopes(rho)
            left, right = np.where(score > 0, rho, left), np.where(score > 0, right, rho)
            step = rho - score / slope
            # a step as small as rounding may leave the interval, one end of which is ρ: the search has then ended
            converged = np.abs(step - rho) < CLOSE
            next_rho = np.where(converged | ((step > left) & (step < right)), step, (left + right) / 2)
            done = bool(converged.all())
            rho = next_rho
            if done:
                break
        return np.asarray(rho)

    def nodes(self, rho: FloatArray) -> Nodes:
        """Return nodes on a range that contains all ρ."""
        bounds = self.used.bounds
        low, high = float(rho.min()), float(rho.max())
        wide = float(np.floor(low / STEP) * STEP), float(np.ceil(high / STEP) * STEP)
        # never up to the end, where G has its pole
        low, high = max(wide[0], (low + bounds[0]) / 2), min(wide[1], (high + bounds[1]) / 2)
        if (low, high) not in self._nodes:
            self._nodes[low, high] = self._new_nodes(low, high)
        return self._nodes[low, high]

    def _new_nodes(self, low: float, high: float) -> Nodes:
        half, centre = (high - low) / 2, (low + high) / 2
        # the error falls as the sum of semi-axes of the ellipse through the nearest pole to the power of the nodes
        with np.errstate(divide="ignore"):
            poles = (1 / self.roots[np.abs(self.roots) > 1e-12] - centre) / half
        axes = np.abs(poles + np.sqrt(poles.astype(complex) ** 2 - 1))
        nearest = float(np.maximum(axes, 1 / axes).min()) if len(axes) else np.inf
        count = int(np.clip(np.ceil(DIGITS / np.log(nearest)), FEWEST_NODES, MOST_NODES))
        at = chebyshev.chebpts1(count)
        points = centre + half * at
        n = self.w.n
        keep = count * n * n <= KEPT_CELLS
        stars, scalars = np.empty((count, n, n)) if keep else None, np.empty((count, 3))
        diagonals = np.empty((count, n))
        for place, point in enumerate(points.tolist()):
            g = self.used.g(point)
            star = self.centre @ g
            diagonals[place] = np.einsum("ij,ji->i", star, self.centre)
            if stars is not None:
                stars[place] = star
            norm = np.vdot(star, star) if self.sample.drops_constant else np.vdot(g, g)
            rows = g.sum(axis=1)
            scalars[place] = norm, rows.mean(), float(g.sum(axis=0) @ rows) / n
        inverse = np.asarray(np.linalg.inv(chebyshev.chebvander(at, count - 1)), dtype=np.float64)
        return Nodes(low, high, points, inverse, scalars, diagonals, stars)


class LagBatch:
    """A spatial lag model (SAR or SDM) with fixed regressors and weights, to be fitted to many outcomes.

    Parameters
    ----------
    z : ndarray, shape (T, N, k)
        Raw regressors, spatial lags of x among them.
    w : DenseOperator
        With constant row sums where there are time effects.
    sample : Sample
    space : LagSpace, optional
        That of ``w`` and ``sample``, where several models share it.

    Notes
    -----
    Fixed effects are removed by the within transformation; the formulas are those of
    `digicarbon.numeric.spatial.likelihood.fit_lag` and ``correct_lag``; each fit equals theirs up to rounding.
    """

    def __init__(self, z: FloatArray, w: DenseOperator, sample: Sample, space: LagSpace | None = None) -> None:
        self.space = space or LagSpace(w, sample)
        self.sample = sample
        self._k = z.shape[2]
        self._z = self.space.transform(z.transpose(1, 0, 2))[0]
        self._q, self._r = np.linalg.qr(self._z)

    def fit(self, outcomes: FloatArray | LagOutcomes, focal: int, lag: int | None, effect: str = "total") -> BatchFit:
        """Fit the model to each outcome.

        Parameters
        ----------
        outcomes : ndarray, shape (M, T, N), or LagOutcomes
            Raw, or from `LagSpace.outcomes`.
        focal : int
            Column of z of the focal variable.
        lag : int or None
            Column of z of its spatial lag, if the model has one.
        effect : {"coefficient", "direct", "indirect", "total"}

        Returns
        -------
        BatchFit
        """
        found = self.parameters(outcomes)
        effect_value, effect_se = self.effect(found, focal, lag, effect)
        return BatchFit(found.beta, found.rho, found.sigma2, np.sqrt(found.rho_variance), effect_value, effect_se)

    def parameters(self, outcomes: FloatArray | LagOutcomes, clustered: bool = False) -> LagParameters:
        """Return the parameters for each outcome, as in `fit`; with scores by unit for clustered errors if asked."""
        m = len(outcomes) if isinstance(outcomes, np.ndarray) else outcomes.level.shape[1]
        parts = []
        for start in range(0, m, CHUNK):
            draws = slice(start, start + CHUNK)
            if isinstance(outcomes, np.ndarray):
                part = self.space.outcomes(outcomes[draws].transpose(2, 1, 0))
            else:
                part = outcomes if m <= CHUNK else outcomes.part(draws)
            parts.append(self._parameters(part, clustered))
        return parts[0] if len(parts) == 1 else _joined(parts)

    def _parameters(self, outcomes: LagOutcomes, clustered: bool) -> LagParameters:
        beta, rho, sigma2 = self._estimates(outcomes)
        rho_variance, d = self._precision(beta, rho, sigma2)
        if self.sample.correction == "bias_corrected" and self.sample.effects != "none":
            beta, rho, sigma2 = self._corrected(beta, rho, sigma2, rho_variance, d)
            rho_variance, d = self._precision(beta, rho, sigma2)
        if not clustered:
            return LagParameters(beta, rho, sigma2, rho_variance, d)
        residuals = outcomes.level - rho * outcomes.lagged - self._z @ beta.T
        return LagParameters(beta, rho, sigma2, rho_variance, d, residuals, outcomes.lagged)

    def effect(self, found: LagParameters, focal: int, lag: int | None, effect: str) -> tuple[FloatArray, FloatArray]:
        """Return an effect and its standard error for each outcome, each of shape (M,); arguments as in `fit`.

        The error is that of the inverse information, or is clustered by unit where there are scores.
        """
        beta, rho, sigma2, d = found.beta, found.rho, found.sigma2, found.d
        theta, d_lag = (beta[:, lag], d[:, lag]) if lag is not None else (np.zeros(len(beta)), np.zeros(len(beta)))
        first, second, slope_first, slope_second = self.space.effect_weights(rho, effect)
        values = beta[:, focal] * first + theta * second
        slope = beta[:, focal] * slope_first + theta * slope_second - first * d[:, focal] - second * d_lag
        inverse = self._inverse
        if found.residuals is not None and found.lagged is not None:
            pulled = found.rho_variance * slope
            on_beta = sigma2 * (first * inverse[focal][:, None]) - pulled * d.T
            if lag is not None:
                on_beta += sigma2 * (second * inverse[lag][:, None])
            return values, self._clustered(found.residuals, found.lagged, (on_beta, pulled), (rho, sigma2))
        spread = first**2 * inverse[focal, focal]
        if lag is not None:
            spread = spread + 2 * first * second * inverse[focal, lag] + second**2 * inverse[lag, lag]
        return values, np.sqrt(sigma2 * spread + found.rho_variance * slope**2)

    def _clustered(
        self,
        residuals: FloatArray,
        lagged: FloatArray,
        influence: tuple[FloatArray, FloatArray],
        at: tuple[FloatArray, FloatArray],
    ) -> FloatArray:
        """Return the standard error of an effect, clustered by unit, shape (M,).

        Parameters
        ----------
        residuals, lagged : ndarray, shape (N·T′, M)
        influence : tuple of ndarrays, shapes (k, M) and (M,)
            What the scores of β and of ρ add to the effect; that of σ² follows from ρ's.
        at : tuple of two ndarrays, shape (M,)
            ρ and σ².

        Notes
        -----
        The score of ρ is ε′(Wy)* - σ² tr G* over σ²: of unit i its errors times its own (Wy)*, less its own share g*_ii
        of the trace.
        """
        on_beta, on_rho = influence
        (rho, sigma2), n, m = at, self.space.w.n, len(at[0])
        # σ²'s influence -2σ² tr G*/size times ρ's, on a score of ε²/(2σ⁴)
        on_squares = -self.sample.periods * self.space.traces(rho)[0] / self.sample.size * on_rho / sigma2
        pull = self._z @ (on_beta / sigma2)
        pull += lagged * (on_rho / sigma2)
        pull += residuals * on_squares
        pull *= residuals
        by_unit = pull.reshape(n, -1, m).sum(axis=1)
        by_unit -= self.sample.free_periods * on_rho * self.space.own_shares(rho).T
        by_unit -= by_unit.mean(axis=0)
        return np.asarray(np.sqrt(np.einsum("nm,nm->m", by_unit, by_unit) * n / (n - 1)))

    @cached_property
    def _inverse(self) -> FloatArray:
        upper = np.triu(scipy.linalg.lapack.dpotri(np.ascontiguousarray(self._r), lower=0)[0])
        return np.asarray(upper + np.triu(upper, 1).T)

    def _estimates(self, outcomes: LagOutcomes) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return β (M, k), ρ (M,) and σ² (M,) of a chunk."""
        p0, p1 = self._q.T @ outcomes.level, self._q.T @ outcomes.lagged
        a, b, c = (
            square - np.einsum("im,im->m", one, other)
            for square, (one, other) in zip(outcomes.squares, ((p0, p0), (p0, p1), (p1, p1)), strict=True)
        )
        rho = self._maximise(a, b, c)
        beta = scipy.linalg.solve_triangular(self._r, p0 - rho * p1).T
        return beta, rho, (a - 2 * rho * b + rho**2 * c) / self.sample.size

    def _maximise(self, a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray:
        """Return ρ̂ of each draw."""
        nodes, jacobian = self.space.coarse
        size, periods = self.sample.size, self.sample.periods
        ssr = a[:, None] - 2 * nodes * b[:, None] + nodes**2 * c[:, None]
        heights = jacobian - size / 2 * np.log(ssr)
        refuse_flat(heights, self.sample)
        best = heights.argmax(axis=1)

        def slopes(rho: FloatArray) -> tuple[FloatArray, FloatArray]:
            ssr_at = a - 2 * rho * b + rho**2 * c
            pull = (b - rho * c) / ssr_at
            first, second = self.space.traces(rho)
            return size * pull - periods * first, size * (2 * pull**2 - c / ssr_at) - periods * second

        return self.space.climb(best, slopes)

    def _precision(self, beta: FloatArray, rho: FloatArray, sigma2: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return Var(ρ̂), shape (M,), and d = (Z′Z)⁻¹Z′GZβ, shape (M, k)."""
        k, nodes = self._k, self.space.nodes(rho)
        quadratic, slopes = self._at_nodes(nodes)
        table = np.concatenate([nodes.scalars[:, :1], quadratic.reshape(-1, k * k), slopes.reshape(-1, k * k)], axis=1)
        values = nodes.basis(rho) @ (nodes.inverse @ table)
        d = np.einsum("mrk,mk->mr", values[:, 1 + k * k :].reshape(-1, k, k), beta)
        surplus = np.einsum("mk,mk->m", np.einsum("mkl,ml->mk", values[:, 1 : 1 + k * k].reshape(-1, k, k), beta), beta)
        first, second = self.space.traces(rho)
        periods, size = self.sample.periods, self.sample.size
        precision = periods * (second + values[:, 0]) - 2 * (periods * first) ** 2 / size + surplus / sigma2
        return 1 / precision, d

    def _at_nodes(self, nodes: Nodes) -> tuple[FloatArray, FloatArray]:
        """Return (GZ)′M(GZ) and (Z′Z)⁻¹Z′GZ at each node, each of shape (p, k, k)."""
        n, k = self.space.w.n, self._k
        cells = self._z.reshape(n, -1)
        quadratic, slopes = np.empty((len(nodes.points), k, k)), np.empty((len(nodes.points), k, k))
        for place, point in enumerate(nodes.points.tolist()):
            star = self.space.centre @ self.space.used.g(point) if nodes.stars is None else nodes.stars[place]
            gz = (star @ cells).reshape(-1, k)
            projected = self._q.T @ gz
            quadratic[place] = gz.T @ gz - projected.T @ projected
            slopes[place] = projected
        return quadratic, np.linalg.solve(self._r, slopes) if k else slopes

    def _corrected(
        self, beta: FloatArray, rho: FloatArray, sigma2: FloatArray, variance: FloatArray, d: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return Lee & Yu's correction of direct estimates, as in `digicarbon.numeric.spatial.likelihood`."""
        change, sigma2 = corrections(self.space, rho, sigma2, variance)
        return beta - change[:, None] * d, rho + change, sigma2


def _joined(parts: Sequence[LagParameters]) -> LagParameters:
    first = parts[0]
    rows = [np.concatenate([getattr(part, name) for part in parts]) for name in ("beta", "rho", "sigma2")]
    more = [np.concatenate([getattr(part, name) for part in parts]) for name in ("rho_variance", "d")]
    if first.residuals is None:
        return LagParameters(*rows, *more)
    columns = [np.concatenate([getattr(part, name) for part in parts], axis=1) for name in ("residuals", "lagged")]
    return LagParameters(*rows, *more, *columns)


def corrections(
    space: LagSpace, spatial: FloatArray, sigma2: FloatArray, variance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the change of ρ (or λ) by Lee & Yu's correction and the corrected σ², each of shape (M,).

    Parameters
    ----------
    space : LagSpace
    spatial, sigma2, variance : ndarray, shape (M,)
        ρ̂ or λ̂, σ̂² and Var(ρ̂) of direct estimates.

    Notes
    -----
    With the covariance V = Var(ρ) l l′ + …, l = (-d, 1, -s), and a as in ``_corrected`` of
    `digicarbon.numeric.spatial.likelihood`, T·V a changes ρ by T Var(ρ) l′a, and β by -d times that.
    """
    sample = space.sample
    change, corrected_sigma2 = np.zeros(len(spatial)), sigma2
    if sample.effects in ("time", "two_way"):
        c = float(space.w.constant_row_sum or 0.0)
        slope = 2 * sigma2 * sample.periods * space.traces(spatial)[0] / sample.size
        change = sample.t * variance * (c / (1 - c * spatial) - slope / (2 * sigma2))
        corrected_sigma2 = sigma2 - slope * change + sample.t * sigma2 / sample.size
    return change, corrected_sigma2 * (sample.t / (sample.t - 1) if sample.effects in ("unit", "two_way") else 1.0)


def _contraction(t: int) -> FloatArray:
    """Return an orthonormal basis of the vectors of length T that add up to zero, shape (T - 1, T) (Helmert)."""
    rows = np.tril(np.ones((t - 1, t)))
    rows[np.arange(t - 1), np.arange(1, t)] = -np.arange(1, t)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))
