"""Maximum likelihood of static spatial panels with fixed effects, by exact log-determinant.

The spatial lag is taken on raw data and the effects are removed afterwards, which is the likelihood of the model with
unit and time dummies; Lee & Yu's (2010) orthonormal transformation changes the effective sample and, with time effects,
the log-determinant, and does not change the moments of the demeaned data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, Protocol, overload

import numpy as np
import scipy
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.note import Note
from digicarbon.numeric.linear.least_squares import solve as least_squares_solve
from digicarbon.numeric.linear.least_squares import triangular
from digicarbon.numeric.linear.within import EffectsKind, demean
from digicarbon.numeric.spatial.operator import DenseOperator, SpatialOperator

Correction = Literal["none", "lee_yu", "bias_corrected"]
Demeaning = Literal["exact", "first"]

FLAT, MOST_FLAT = 1e-8, 1e-3
"""Range of the log-likelihood, per observation and at most, that may be only rounding: no parameter is identified."""

SINGULAR = 1e-10
"""Share of the information on a spatial parameter, the other ones known, below which what is left is rounding."""

END = 1e-3
"""Share of the range of a spatial parameter that counts as its end."""


@dataclass(frozen=True)
class Sample:
    """The size of the likelihood's sample: n units, t periods."""

    n: int
    t: int
    effects: EffectsKind
    correction: Correction

    @cached_property
    def transformed(self) -> bool:
        """Whether the likelihood is that of the transformed sample."""
        return self.correction == "lee_yu" and self.effects != "none"

    @cached_property
    def drops_constant(self) -> bool:
        """Whether the transformation removes the constant vector from each period."""
        return self.transformed and self.effects in ("time", "two_way")

    @cached_property
    def periods(self) -> int:
        """Number of periods in the log-determinant: T, or T - 1 without unit effects (Lee & Yu 2010, eq. 9)."""
        return self.t - 1 if self.transformed and self.effects in ("unit", "two_way") else self.t

    @cached_property
    def size(self) -> int:
        """Effective observations."""
        return (self.n - 1 if self.drops_constant else self.n) * self.periods


@dataclass(frozen=True, eq=False)
class SpatialFit:
    """Estimates of a spatial panel."""

    beta: FloatArray
    """Coefficients of the columns of Z. Shape (k,)."""
    spatial: float
    """ρ of the lag model or λ of the error model."""
    sigma2: float
    covariance: FloatArray
    """Inverse of the expected information, order β, spatial parameter, σ². Shape (k + 2, k + 2)."""
    loglik: float
    """With all constants."""
    ssr: float
    """Sum of squared residuals in the demeaned (and filtered) model."""
    residuals: FloatArray
    """Residuals with fixed effects removed. Shape (T, N)."""
    z: FloatArray
    """Regressors with fixed effects removed, filtered by I - λW in the error model. Shape (T·N, k)."""
    q: FloatArray
    """(GZβ)*; zero in the error model. Shape (T·N,)."""
    boundary: bool
    """Whether the spatial parameter is at the end of its range."""


def fit_lag(
    columns: FloatArray,
    w: SpatialOperator,
    sample: Sample,
    demeaning: Demeaning = "exact",
    factor: FloatArray | None = None,
) -> SpatialFit:
    """Fit y = ρWy + Zβ + effects + ε by maximum likelihood (SAR; SDM if Z contains WX).

    ``columns``, shape (T, N, k + 2): Z, y and Wy with fixed effects removed. With ``demeaning`` ``exact`` Wy is the lag
    of raw y, demeaned; with ``first`` the lag of demeaned y, not demeaned again (splm). ``factor``, shape (k + 2, k +
    2): the triangular factor of the columns, where it is known.

    The concentrated log-likelihood is Elhorst (2014), eq. 3.32; the information matrix Lee & Yu (2010), eq. 21, with G*
    = F′GF in the transformed sample. It is inverted by blocks: with q = (GZβ)*, d = (Z′Z)⁻¹Z′q and M the residual maker
    of Z, 1/Var(ρ) = T*(tr G*² + tr G*G*′) - 2(T* tr G*)²/N* + q′Mq/σ², Var(β) = σ²(Z′Z)⁻¹ + Var(ρ)dd′ and Cov(β, ρ) =
    -Var(ρ)d.
    """
    flat = columns.reshape(-1, columns.shape[2])
    k = flat.shape[1] - 2
    r = triangular(flat) if factor is None else factor
    a, b, c = r[k, k] ** 2, r[k, k] * r[k, k + 1], r[k, k + 1] ** 2 + r[k + 1, k + 1] ** 2
    rho, boundary = maximise_lag((a, b, c), w, sample)
    beta = scipy.linalg.lapack.dtrtrs(r[:k, :k], r[:k, k] - rho * r[:k, k + 1])[0]
    return _lag_at(columns, r[:k, :k], _Point(beta, rho, None, boundary), w, sample, demeaning)


@dataclass(frozen=True, eq=False)
class _Point:
    """Parameters at which a likelihood is evaluated; None for σ² stands for the maximising value."""

    beta: FloatArray
    spatial: float
    sigma2: float | None
    boundary: bool


def _lag_at(
    columns: FloatArray, rz: FloatArray, at: _Point, w: SpatialOperator, sample: Sample, demeaning: Demeaning
) -> SpatialFit:
    """Return residuals, likelihood and covariance of the lag model at given parameters."""
    t, n, width = columns.shape
    flat = columns.reshape(t * n, width)
    z, rho = flat[:, : width - 2], at.spatial
    e = flat[:, width - 2] - rho * flat[:, width - 1] - z @ at.beta
    ssr = float(e @ e)
    sigma2 = ssr / sample.size if at.sigma2 is None else at.sigma2
    residuals = e.reshape(t, n)
    # G(Zβ + effects) = Wy - Gε holds also where the effects do not vanish, i.e. when W's row sums differ
    noise = in_sample(w, sample).apply_g(rho, residuals.T).T
    q = flat[:, width - 1] - (noise if demeaning == "first" else demean(noise, sample.effects)).ravel()
    covariance = _lag_covariance(z, rz, q, sigma2, star_products(w, rho, sample), sample)
    loglik = concentrated(ssr, star_log_determinant(w, rho, sample), sample)
    return SpatialFit(at.beta, rho, sigma2, covariance, loglik, ssr, residuals, z, q, at.boundary)


def correct_lag(
    fit: SpatialFit, columns: FloatArray, w: SpatialOperator, sample: Sample, demeaning: Demeaning = "exact"
) -> SpatialFit:
    """Return the direct estimate of a lag model with Lee & Yu's bias correction; parameters as in `fit_lag`.

    See `_corrected`. Residuals and covariance are those at the corrected parameters; the log-likelihood remains that of
    the direct estimate.
    """
    at = _corrected(fit, w, sample)
    rz = triangular(columns.reshape(-1, columns.shape[2])[:, :-2])
    result = _lag_at(columns, rz, at, w, sample, demeaning)
    return replace(result, loglik=fit.loglik, ssr=fit.ssr)


def fit_error(level: FloatArray, lagged: FloatArray, w: SpatialOperator, sample: Sample) -> SpatialFit:
    """Fit y = Zβ + effects + u, u = λWu + ε by maximum likelihood (SEM; SDEM if Z contains WX).

    ``level``, ``lagged``, shape (T, N, k + 1): Z and y, and their spatial lags, with fixed effects removed.

    Elhorst (2014), eq. 3.39-3.42; at given λ, β is generalised least squares.
    """
    lam, boundary, beta = maximise_error(level, lagged, w, sample)
    return _error_at(level, lagged, _Point(beta, lam, None, boundary), w, sample)


def maximise_error(
    level: FloatArray, lagged: FloatArray, w: SpatialOperator, sample: Sample
) -> tuple[float, bool, FloatArray]:
    """Return λ̂, whether it is at the end of its range, and β̂; arguments as in `fit_error`."""
    t, n, width = level.shape
    k = width - 1
    both = np.concatenate([level.reshape(t * n, -1), lagged.reshape(t * n, -1)], axis=1)
    # least squares at any λ needs only the triangular factor of all columns
    r = np.asarray(np.linalg.qr(both, mode="r"))

    def solve(lam: float) -> tuple[FloatArray, FloatArray]:
        filtered = r[:, :width] - lam * r[:, width:]
        beta = np.asarray(least_squares_solve(filtered[:, :k], filtered[:, k]), np.float64)
        return beta, filtered[:, k] - filtered[:, :k] @ beta

    def loglik(lam: float, jacobian: float) -> float:
        e = solve(lam)[1]
        return concentrated(float(e @ e), jacobian, sample)

    def pull(lam: float) -> float:
        beta, e = solve(lam)
        return sample.size * float(e @ (r[:, -1] - r[:, width:-1] @ beta)) / float(e @ e)

    def score(lam: float) -> tuple[float, float]:
        first, second = star_traces(w, lam, sample)
        # the slope steers Newton's steps and is in no estimate: a difference is precise enough
        value, step = pull(lam), 1e-6
        return value - sample.periods * first, (pull(lam + step) - value) / step - sample.periods * second

    nodes, jacobian = coarse_jacobian(w, sample)
    heights = np.array([loglik(lam, value) for lam, value in zip(nodes, jacobian, strict=True)])
    refuse_flat(heights, sample)
    lam, at_end = climb(nodes, heights, score)
    lam = float(inner(lam, w))
    return lam, at_end or near_end(lam, in_sample(w, sample)), solve(lam)[0]


def _error_at(level: FloatArray, lagged: FloatArray, at: _Point, w: SpatialOperator, sample: Sample) -> SpatialFit:
    """Return residuals, likelihood and covariance of the error model at given parameters."""
    t, n, width = level.shape
    lam = at.spatial
    filtered = (level - lam * lagged).reshape(t * n, width)
    z = filtered[:, :-1]
    e = filtered[:, -1] - z @ at.beta
    ssr = float(e @ e)
    sigma2 = ssr / sample.size if at.sigma2 is None else at.sigma2
    zeros = np.zeros(t * n)
    covariance = _lag_covariance(z, triangular(z), zeros, sigma2, star_products(w, lam, sample), sample)
    loglik = concentrated(ssr, star_log_determinant(w, lam, sample), sample)
    return SpatialFit(at.beta, lam, sigma2, covariance, loglik, ssr, e.reshape(t, n), z, zeros, at.boundary)


def correct_error(
    fit: SpatialFit, level: FloatArray, lagged: FloatArray, w: SpatialOperator, sample: Sample
) -> SpatialFit:
    """Return the direct estimate of an error model with Lee & Yu's bias correction; see `correct_lag`."""
    result = _error_at(level, lagged, _corrected(fit, w, sample), w, sample)
    return replace(result, loglik=fit.loglik, ssr=fit.ssr)


def fit_linear(level: FloatArray, sample: Sample) -> SpatialFit:
    """Fit y = Zβ + effects + ε by maximum likelihood (SLX if Z contains WX); the spatial parameter is known to be 0.

    ``level``, shape (T, N, k + 1), is Z and y with fixed effects removed. Row and column of the spatial parameter in
    the covariance are zero.
    """
    t, n, width = level.shape
    flat = level.reshape(t * n, width)
    k = width - 1
    r = triangular(flat)
    beta = scipy.linalg.lapack.dtrtrs(r[:k, :k], r[:k, k])[0]
    e = flat[:, k] - flat[:, :k] @ beta
    ssr = float(e @ e)
    sigma2 = ssr / sample.size
    covariance = np.zeros((k + 2, k + 2))
    covariance[:k, :k] = sigma2 * gram_inverse(r[:k, :k])
    covariance[k + 1, k + 1] = 2 * sigma2**2 / sample.size
    # ln|I - ρW| is zero at ρ = 0
    loglik = float(-sample.size / 2 * (np.log(2 * np.pi * sigma2) + 1))
    return SpatialFit(beta, 0.0, sigma2, covariance, loglik, ssr, e.reshape(t, n), flat[:, :k], np.zeros(t * n), False)


def _corrected(fit: SpatialFit, w: SpatialOperator, sample: Sample) -> _Point:
    """Return Lee & Yu's correction of the direct estimate θ = (β, ρ, σ²).

    Unit effects alone bias σ² by (T - 1)/T. Time effects bias all of θ; the correction is θ + T·V a with V the
    covariance and a = (0, c/(1 - cρ), 1/(2σ²)), c the constant row sum of W (Lee & Yu 2010, sec. 3; Elhorst 2014,
    eq. 3.45, for c = 1). Both apply with two-way effects.
    """
    theta = np.concatenate([fit.beta, [fit.spatial, fit.sigma2]])
    if sample.effects in ("time", "two_way"):
        c = float(w.constant_row_sum or 0.0)
        bias = np.zeros(len(theta))
        bias[-2:] = c / (1 - c * fit.spatial), 1 / (2 * fit.sigma2)
        theta = theta + sample.t * fit.covariance @ bias
    factor = sample.t / (sample.t - 1) if sample.effects in ("unit", "two_way") else 1.0
    return _Point(theta[:-2], float(theta[-2]), float(theta[-1]) * factor, fit.boundary)


@overload
def in_sample(w: DenseOperator, sample: Sample) -> DenseOperator: ...
@overload
def in_sample(w: SpatialOperator, sample: Sample) -> SpatialOperator: ...
def in_sample(w: SpatialOperator, sample: Sample) -> SpatialOperator:
    """Return W as it enters the likelihood: without the root of the constant where the transformation removes this.

    A sparse W is not changed: its root is removed from sums, and the range of its parameter is that of W.
    """
    return w.transformed if sample.drops_constant and isinstance(w, DenseOperator) else w


def _constant_root(w: SpatialOperator, sample: Sample) -> float:
    """Return the eigenvalue still to be removed from sums over `in_sample`'s operator; 0 if there is none."""
    in_sums = sample.drops_constant and not isinstance(w, DenseOperator)
    return float(w.constant_row_sum or 0.0) if in_sums else 0.0


def coarse_jacobian(w: SpatialOperator, sample: Sample) -> tuple[FloatArray, FloatArray]:
    """Return nodes that cover the range of the parameter, and the log-determinant of one period there."""
    nodes, values = in_sample(w, sample).coarse
    root = _constant_root(w, sample)
    return nodes, values - np.log(1 - nodes * root) if root else values


def star_log_determinant(w: SpatialOperator, rho: float, sample: Sample) -> float:
    """Return the log-determinant in the (transformed) sample of one period."""
    root = _constant_root(w, sample)
    return in_sample(w, sample).log_determinant(rho) - (float(np.log(1 - rho * root)) if root else 0.0)


def star_traces(w: SpatialOperator, rho: float, sample: Sample) -> tuple[float, float]:
    """Return tr G* and tr G*² in the (transformed) sample of one period."""
    c = _constant_root(w, sample)
    first, second = in_sample(w, sample).traces(rho)
    root = c / (1 - rho * c)
    return first - root, second - root**2


def star_log_determinants(w: SpatialOperator, rho: FloatArray, sample: Sample) -> FloatArray:
    """Return `star_log_determinant` at each place, shape (m,)."""
    return in_sample(w, sample).log_determinants(rho) - np.log(1 - rho * _constant_root(w, sample))


def star_traces_at(w: SpatialOperator, rho: FloatArray, sample: Sample) -> tuple[FloatArray, FloatArray]:
    """Return `star_traces` at each place, each of shape (m,)."""
    c = _constant_root(w, sample)
    first, second = in_sample(w, sample).traces_at(rho)
    root = c / (1 - rho * c)
    return first - root, second - root**2


def star_products(w: SpatialOperator, rho: float, sample: Sample) -> tuple[float, float, float]:
    """Return tr G*, tr G*² and tr G*G*′, where F′GF and JG have equal norms since G1 is constant."""
    first, second = star_traces(w, rho, sample)
    operator = in_sample(w, sample)
    if sample.drops_constant and isinstance(operator, DenseOperator):
        return first, second, operator.centred_norm(rho)
    norm = operator.trace_gg(rho)
    if sample.drops_constant:
        column_sums = operator.apply_gt(rho, np.ones((w.n, 1)))
        norm -= float(np.vdot(column_sums, column_sums)) / w.n
    return first, second, norm


def concentrated(ssr: float, jacobian: float, sample: Sample) -> float:
    """Return the concentrated log-likelihood with all constants, given the log-determinant of one period."""
    return gaussian(ssr, sample.periods * jacobian, sample.size)


def gaussian(ssr: float, log_determinant: float, size: int) -> float:
    """Return the log-likelihood of normal errors with all constants, where their variance maximises it."""
    return float(-size / 2 * (np.log(2 * np.pi * ssr / size) + 1) + log_determinant)


def refuse_flat(heights: FloatArray, sample: Sample) -> None:
    """Refuse log-likelihoods at coarse nodes, shape (m,) or (draws, m), that are equal but for rounding in all draws.

    The outermost nodes do not count: near a pole the sum of squares is only rounding.
    """
    if heights.ndim == 1:
        # numpy's range of few numbers takes as long as a step of the search
        edge = len(heights) // 8
        inner = heights[edge:-edge]
        if float(np.maximum.reduce(inner) - np.minimum.reduce(inner)) > min(FLAT * sample.size, MOST_FLAT):
            return
    refuse_flat_ranges(inner_ranges(heights), sample.size)


def inner_ranges(heights: FloatArray) -> FloatArray:
    """Return ranges of log-likelihoods, shape (…, m), over coarse nodes without the outermost eighth at each end."""
    edge = heights.shape[-1] // 8
    return np.asarray(np.ptp(heights[..., edge:-edge], axis=-1))


def refuse_flat_ranges(ranges: FloatArray, size: int) -> None:
    """Refuse log-likelihoods whose ranges over a parameter, of any shape, are all but rounding; see `refuse_flat`."""
    if is_flat(ranges, size).all():
        raise EstimationError(Note("spatial_parameter_flat"))


def is_flat(ranges: FloatArray, size: int) -> NDArray[np.bool_]:
    """Return whether ranges of log-likelihoods of ``size`` observations may be only rounding."""
    return np.asarray(ranges <= min(FLAT * size, MOST_FLAT))


def _lag_covariance(
    z: FloatArray, rz: FloatArray, q: FloatArray, sigma2: float, star: tuple[float, float, float], sample: Sample
) -> FloatArray:
    """Return the inverse of the expected information of (β, ρ, σ²), shape (k + 2, k + 2); see `fit_lag`.

    ``rz`` is the triangular factor of z, shape (rows, k); q is (GZβ)*, zero in the error model, where the parameters
    are independent of λ; ``star`` are tr G*, tr G*², tr G*G*′.
    """
    k = z.shape[1]
    trace, square, norm = star
    # Lee & Yu (2010), eq. 21, inverted by blocks as `fit_lag` says: d = (Z′Z)⁻¹Z′q
    zq = z.T @ q
    d = scipy.linalg.lapack.dpotrs(rz, zq, lower=0)[0] if k else np.empty(0)
    slope = 2 * sigma2 * sample.periods * trace / sample.size
    precision = (
        sample.periods * (square + norm)
        - 2 * (sample.periods * trace) ** 2 / sample.size
        + float(q @ q - zq @ d) / sigma2
    )
    # scores that are zero whatever the errors, as of λ = 1 where λ and 1/λ have the same likelihood
    if precision <= SINGULAR * sample.periods * (abs(square) + norm):
        raise EstimationError(Note("information_singular"))
    variance = 1 / precision
    direction = np.empty(k + 2)
    direction[:k], direction[k], direction[k + 1] = -d, 1.0, -slope
    out = variance * (direction[:, None] * direction)
    if k:
        out[:k, :k] += sigma2 * gram_inverse(rz)
    out[k + 1, k + 1] += 2 * sigma2**2 / sample.size
    return np.asarray(out)


def gram_inverse(rz: FloatArray) -> FloatArray:
    """Return (Z′Z)⁻¹ from the triangular factor of Z, each of shape (k, k)."""
    # below its diagonal the factor has zeros, which the routine leaves as they are
    upper = scipy.linalg.lapack.dpotri(rz, lower=0)[0]
    inverse = upper + upper.T
    inverse.flat[:: len(rz) + 1] = upper.diagonal()
    return np.asarray(inverse)


def maximise_lag(moments: tuple[float, float, float], w: SpatialOperator, sample: Sample) -> tuple[float, bool]:
    """Return ρ̂ and whether it is at the end of its range, by safeguarded Newton steps on the score."""
    # plain numbers: arithmetic on numpy's scalars costs several times as much
    a, b, c = float(moments[0]), float(moments[1]), float(moments[2])
    nodes, jacobian = coarse_jacobian(w, sample)
    heights = sample.periods * jacobian - sample.size / 2 * np.log(a - 2 * nodes * b + nodes**2 * c)
    refuse_flat(heights, sample)
    size, periods = sample.size, sample.periods

    def score(rho: float) -> tuple[float, float]:
        """Return the derivative of the concentrated log-likelihood and its slope."""
        ssr = a - 2 * rho * b + rho**2 * c
        pull = (b - rho * c) / ssr
        first, second = star_traces(w, rho, sample)
        return size * pull - periods * first, size * (2 * pull**2 - c / ssr) - periods * second

    rho, at_end = climb(nodes, heights, score)
    return rho, at_end or near_end(rho, in_sample(w, sample))


def climb(nodes: FloatArray, heights: FloatArray, score: Callable[[float], tuple[float, float]]) -> tuple[float, bool]:
    """Return where the likelihood is highest and whether that is the first or the last node.

    Heights at the nodes may be approximate; ``score`` returns the derivative of the log-likelihood and its slope.
    """
    best, last = int(heights.argmax()), len(nodes) - 1
    for _ in nodes:
        left, right = float(nodes[max(best - 1, 0)]), float(nodes[min(best + 1, last)])
        if (best == 0 and score(left)[0] <= 0) or (best == last and score(right)[0] >= 0):
            break
        rho = _root(score, left, right, _vertex(nodes, heights, best))
        # with approximate heights the best node may be wrong: the search then ends at the end of its interval
        slack = 1e-9 * (right - left)
        step = int(right - rho < slack and best < last) - int(rho - left < slack and best > 0)
        if step == 0:
            return rho, False
        best += step
    return float(nodes[best]), True


def _vertex(nodes: FloatArray, heights: FloatArray, best: int) -> float:
    """Return where the parabola through a node and its neighbours is highest; the node itself at an end."""
    if not 0 < best < len(nodes) - 1:
        return float(nodes[best])
    (left, middle, right), (low, high, last) = (part[best - 1 : best + 2].tolist() for part in (nodes, heights))
    rise, fall = (high - low) / (middle - left), (high - last) / (right - middle)
    if not rise + fall > 0:
        return float(middle)
    # the slope of the parabola falls from ``rise`` at one middle to minus ``fall`` at the other
    return float((left + middle) / 2 + rise / (rise + fall) * (right - left) / 2)


def _root(score: Callable[[float], tuple[float, float]], left: float, right: float, start: float) -> float:
    """Return the zero of a falling score between two places by safeguarded Newton steps from a start."""
    rho = start if left < start < right else (left + right) / 2
    for _ in range(60):
        value, slope = score(rho)
        left, right = (rho, right) if value > 0 else (left, rho)
        step = rho - value / slope
        # Newton's steps square their error: after a step of 1e-10 no digit can be gained
        if abs(step - rho) <= 1e-10 * (1 + abs(rho)):
            return min(max(step, left), right)
        rho = step if left < step < right else (left + right) / 2
        if right - left <= 1e-15 * (1 + abs(rho)):
            break
    return rho


def inverse_information(information: FloatArray) -> FloatArray:
    """Return the inverse of an information matrix, scaled first: units differ. Raises EstimationError if singular."""
    diagonal = np.diagonal(information)
    if np.isfinite(information).all() and (diagonal > 0).all():
        scale = 1 / np.sqrt(diagonal)
        factor, failed = scipy.linalg.lapack.dpotrf(information * np.outer(scale, scale), lower=0)
        if not failed:
            inverse = np.triu(scipy.linalg.lapack.dpotri(factor, lower=0)[0])
            return np.asarray((inverse + np.triu(inverse, 1).T) * np.outer(scale, scale))
    raise EstimationError(Note("information_singular"))


def root_between(score: Callable[[float], float], left: float, right: float, xtol: float, rtol: float) -> float:
    """Return the zero of a score that changes sign between two places.

    Raises EstimationError if it does not, or has no value: the likelihood has no highest value there.
    """
    ends = {left: score(left), right: score(right)}
    if not ends[left] * ends[right] <= 0:
        raise EstimationError(Note("no_maximum"))

    def value(at: float) -> float:
        return ends[at] if at in ends else score(at)

    return float(scipy.optimize.brentq(value, left, right, xtol=xtol, rtol=rtol))


@overload
def inner(lam: float, w: SpatialOperator) -> float: ...
@overload
def inner(lam: FloatArray, w: SpatialOperator) -> FloatArray: ...
def inner(lam: float | FloatArray, w: SpatialOperator) -> float | FloatArray:
    """Return λ, or the one nearer zero of two whose likelihood of spatial errors is the same; see `twin`."""
    c = isometry(w)
    return np.where(c * np.square(lam) > 1, 1 / np.where(c * np.square(lam) > 1, c * lam, 1.0), lam) if c else lam


def twin(lam: float, w: SpatialOperator, sample: Sample) -> float:
    """Return the other λ in the range whose likelihood of spatial errors is the same; not a number if there is none.

    Where W′W = cI, as of a cycle in which each unit has one neighbour, (I - λW)′(I - λW) = (1 + cλ²)I - λ(W + W′), and
    at 1/(cλ) this is a multiple of it, which the variance takes up.
    """
    c = isometry(w)
    low, high = in_sample(w, sample).bounds
    other = 1 / (c * lam) if c * lam else np.nan
    return other if low < other < high else np.nan


def isometry(w: SpatialOperator) -> float:
    """Return c where W′W = cI, 0 for other weights."""
    columns = np.random.default_rng(0).standard_normal((1, w.n, 3))
    ratios = (w.lag(columns) ** 2).sum(axis=(0, 1)) / (columns**2).sum(axis=(0, 1))
    # of other weights the lags of random columns have lengths of different ratios
    return float(ratios[0]) if np.ptp(ratios) < 1e-9 * ratios[0] else 0.0


def bracket(nodes: FloatArray, heights: FloatArray, score: Callable[[float], float]) -> tuple[float, float, bool]:
    """Return an interval around the highest node in which the score changes sign, or that node if it is at the end."""
    best = int(heights.argmax())
    left, right = float(nodes[max(best - 1, 0)]), float(nodes[min(best + 1, len(nodes) - 1)])
    if (best == 0 and score(left) <= 0) or (best == len(nodes) - 1 and score(right) >= 0):
        return float(nodes[best]), float(nodes[best]), True
    return left, right, False


class Bounded(Protocol):
    """What has a range of a spatial parameter: W of all periods, or weights by period."""

    @property
    def bounds(self) -> tuple[float, float]:
        """The first and the last value, where I - ρW is singular."""


@overload
def near_end(rho: float, w: Bounded) -> bool: ...
@overload
def near_end(rho: FloatArray, w: Bounded) -> NDArray[np.bool_]: ...
def near_end(rho: float | FloatArray, w: Bounded) -> bool | NDArray[np.bool_]:
    """Return whether ρ is within a thousandth of the range from its end: I - ρW is almost singular there."""
    low, high = w.bounds
    margin = END * (high - low)
    return (rho - low < margin) | (high - rho < margin)
