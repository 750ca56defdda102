"""Spatial panels whose weights fall with distance at a rate that is estimated: the likelihood profiled over the rate.

Rows of W(γ) sum to one and are w_ij ∝ exp(-γ a_ij), with a the distance (exponential decay) or its logarithm (a power
of distance). With ā_i the mean of a under row i, dW/dγ = -W ∘ (a - ā) and d²W/dγ² = W ∘ ((a - ā)² - var_i a).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.least_squares import triangular
from digicarbon.numeric.linear.within import demean
from digicarbon.numeric.resampling.null_model import without
from digicarbon.numeric.spatial.batch import LagBatch
from digicarbon.numeric.spatial.error_batch import ErrorBatch, ErrorParameters
from digicarbon.numeric.spatial.lag_space import LagSpace
from digicarbon.numeric.spatial.likelihood import (
    Sample,
    concentrated,
    maximise_error,
    maximise_lag,
    root_between,
    star_log_determinant,
    star_log_determinants,
    star_traces,
)
from digicarbon.numeric.spatial.operator import DenseOperator
from digicarbon.numeric.spatial.robust import Score, SpatialTerm, quasi_likelihood, unit_clustered

DecayKind = Literal["slx", "sar", "sem", "sdm", "sdem"]
DecayCovariance = Literal["observed", "robust", "cluster"]
NODES = 25
"""Places of the coarse search."""
STEPS = 12
"""Further places of the profile on each side of the estimate, from it to beyond the end of its interval."""
REACH = 1.8
"""How far these go, in distances between the estimate and the end of its interval: to about three times its limit."""
PRECISION = 1e-9
"""Of the estimate of γ, relative to its range; that of the ends of its interval is a thousandth of the range's part."""


@dataclass(frozen=True, eq=False)
class DecayOperator(DenseOperator):
    """W at one γ.

    ``similar``, shape (N, N): the symmetric matrix with the same roots.

    ρ is sought between -1 and 1, whatever the other roots: with small γ all weights are nearly equal, and a ρ beyond 1
    would undo that.
    """

    similar: FloatArray = field(default_factory=lambda: np.empty((0, 0)))

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """From -1 to 1, or to where I - ρW is singular."""
        low = float(np.min(self.eigenvalues.real))
        return max(-1.0, 1.0 / low) if low < 0 else -1.0, 1.0

    @cached_property
    def transformed(self) -> DenseOperator:
        """W without the root of the constant, with the same range."""
        share = np.ones(self.n) if self.balance is None else self.balance
        out = DenseOperator(self.w - share / share.sum(), 0.0)
        # roots rise, and the last one is 1
        out.__dict__["_spectrum"] = np.append(self.eigenvalues[:-1], 0.0), None, None
        out.__dict__["bounds"] = self.bounds
        return out

    @cached_property
    def _spectrum(self) -> tuple[FloatArray | NDArray[np.complex128], FloatArray | None, FloatArray | None]:
        return np.asarray(np.linalg.eigvalsh(self.similar), dtype=np.float64), None, None


@dataclass(frozen=True, eq=False)
class Distances:
    """What weights are made of."""

    a: FloatArray
    """Distances or their logarithms; infinite where there is no weight. Shape (N, N)."""

    def _scaled(self, gamma: float) -> tuple[FloatArray, FloatArray]:
        """Return exponents -γa, and the logarithm of the sum of each row."""
        with np.errstate(invalid="ignore"):
            exponents = np.where(np.isfinite(self.a), -gamma * self.a, -np.inf)
        return exponents, np.asarray(scipy.special.logsumexp(exponents, axis=1))

    def operator(self, gamma: float) -> DecayOperator:
        """Return W at γ."""
        exponents, sums = self._scaled(gamma)
        balance = np.exp(sums - sums.max())
        similar = np.exp(exponents - (sums[:, None] + sums) / 2)
        return DecayOperator(np.exp(exponents - sums[:, None]), 1.0, balance, similar)

    def slopes(self, w: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the first and second derivative of W in γ, each of shape (N, N)."""
        a = np.where(np.isfinite(self.a), self.a, 0.0)
        gaps = a - (w * a).sum(axis=1, keepdims=True)
        spread = (w * gaps**2).sum(axis=1, keepdims=True)
        return -w * gaps, w * (gaps**2 - spread)


@dataclass(frozen=True, eq=False)
class DecayData:
    """A model whose W depends on γ."""

    kind: DecayKind
    x: FloatArray
    """Raw regressors, the constant among them, shape (T, N, k)."""
    y: FloatArray
    """Shape (T, N, 1)."""
    lagged: tuple[int, ...]
    """The columns of x whose spatial lags are regressors."""
    distances: Distances
    sample: Sample

    @property
    def lag(self) -> bool:
        """Whether y has a spatial lag."""
        return self.kind in ("sar", "sdm")

    @property
    def error(self) -> bool:
        """Whether the error has one."""
        return self.kind in ("sem", "sdem")

    def within(self, cube: FloatArray) -> FloatArray:
        """Return a cube without fixed effects, as rows."""
        return demean(cube, self.sample.effects).reshape(-1, cube.shape[2])

    @cached_property
    def _fixed(self) -> FloatArray:
        return self.within(np.concatenate([self.x, self.y], axis=2))

    def columns(self, w: DecayOperator) -> tuple[FloatArray, FloatArray]:
        """Return regressors and y, and their lags as far as ρ or λ multiplies them, effects removed."""
        moved = np.concatenate([self.x[..., self.lagged], self.y], axis=2)
        lags = w.lag(moved)
        own = self.within(lags)
        k = len(self.lagged)
        flat = np.column_stack([self._fixed[:, :-1], own[:, :k], self._fixed[:, -1]])
        if not self.error:
            return flat, own[:, -1:]
        return flat, self.within(w.lag(np.concatenate([self.x, lags[..., :k], self.y], axis=2)))

    def at(self, gamma: float) -> Point:
        """Return the likelihood's maximum given γ."""
        w = self.distances.operator(gamma)
        flat, moved = self.columns(w)
        z, y, sample = flat[:, :-1], flat[:, -1], self.sample
        if not self.error:
            r, p = triangular(np.column_stack([flat, moved]) if self.lag else flat), z.shape[1]
            rho, at_end = 0.0, False
            if self.lag:
                rho, at_end = maximise_lag(_moments(r), w, sample)
            target = r[:p, p] - rho * r[:p, p + 1] if self.lag else r[:p, p]
            beta = scipy.linalg.lapack.dtrtrs(r[:p, :p], target)[0]
            e = y - z @ beta - (rho * moved[:, 0] if self.lag else 0.0)
            jacobian = star_log_determinant(w, rho, sample) if self.lag else 0.0
            return Point(gamma, rho, beta, e, concentrated(float(e @ e), jacobian, sample), at_end, w, z)
        shape = (*self.y.shape[:2], -1)
        rho, at_end, beta = maximise_error(flat.reshape(shape), moved.reshape(shape), w, sample)
        filtered = flat - rho * moved
        e = filtered[:, -1] - filtered[:, :-1] @ beta
        loglik = concentrated(float(e @ e), star_log_determinant(w, rho, sample), sample)
        return Point(gamma, rho, beta, e, loglik, at_end, w, filtered[:, :-1])

    def along(self, w: DecayOperator) -> Callable[[float], float]:
        """Return the likelihood given γ as a function of ρ or λ alone."""
        flat, moved = self.columns(w)
        if self.lag:
            own, shared, lag = _moments(triangular(np.column_stack([flat, moved])))
            return lambda rho: concentrated(
                own - 2 * rho * shared + rho**2 * lag, star_log_determinant(w, rho, self.sample), self.sample
            )
        still, mixed, both = flat.T @ flat, flat.T @ moved, moved.T @ moved

        def height(lam: float) -> float:
            products = still - lam * (mixed + mixed.T) + lam**2 * both
            factor = np.linalg.cholesky(products)
            return concentrated(float(factor[-1, -1] ** 2), star_log_determinant(w, lam, self.sample), self.sample)

        return height

    def score(self, point: Point) -> float:
        """Return the derivative of the profile likelihood in γ."""
        change = Change(self, point)
        sigma2 = float(point.e @ point.e) / self.sample.size
        value = -float(point.e @ change.first) / sigma2
        return value + self.sample.periods * change.jacobian if self.kind != "slx" else value


def _moments(r: FloatArray) -> tuple[float, float, float]:
    """Return y'y, y'Wy and (Wy)'Wy of what regressors leave, from the triangular factor of regressors, y and Wy."""
    own, shared, left = float(r[-2, -2]), float(r[-2, -1]), float(r[-1, -1])
    return own**2, own * shared, shared**2 + left**2


@dataclass(frozen=True, eq=False)
class Point:
    """The likelihood's maximum given γ."""

    gamma: float
    spatial: float
    """`gamma`, `spatial`: γ, and ρ or λ; 0 for SLX."""
    beta: FloatArray
    """Shape (p,)."""
    e: FloatArray
    """Residuals without fixed effects, shape (rows,)."""
    loglik: float
    at_end: bool
    """Whether ρ or λ is at an end of its range."""
    w: DecayOperator
    z: FloatArray
    """Regressors without effects, filtered where the error has a lag, shape (rows, p)."""


class Change:
    """How residuals and log-determinant change with γ at a point.

    ``first``, shape (rows,): de/dγ, effects removed. ``jacobian``: d ln|S|/dγ.
    """

    def __init__(self, data: DecayData, point: Point) -> None:
        self._data, self._point = data, point
        w = point.w.w
        self.w1, self.w2 = data.distances.slopes(w)
        k = len(data.lagged)
        self.theta = point.beta[len(point.beta) - k :]
        own = data.x[..., data.lagged]
        # the lags of x that W's change brings, and what it does to u = y - Zβ
        self.x1 = self.w1 @ own
        u1 = -self.x1 @ self.theta[:, None]
        rho = point.spatial
        if data.error:
            level = np.concatenate([data.x, w @ own], axis=2)
            self.u = data.y - level @ point.beta[:, None]
            self.u1 = u1
            cube = u1 - rho * (self.w1 @ self.u + w @ u1)
        else:
            cube = u1 - rho * (self.w1 @ data.y) if data.lag else u1
        self.cube = cube
        self.first = data.within(cube)[:, 0]
        self.jacobian = 0.0
        if data.kind != "slx":
            self.inverse = np.linalg.inv(np.eye(len(w)) - rho * w)
            self.jacobian = -rho * float(np.vdot(self.inverse.T, self.w1))

    def bends(self) -> tuple[FloatArray, FloatArray, FloatArray | None, FloatArray | None]:
        """Return d²e/dγ², shape (rows,), d²e/dβdγ, shape (rows, p), and those of dρ dγ and of dβ dρ where they are."""
        data, point = self._data, self._point
        own, w, rho = data.x[..., data.lagged], point.w.w, point.spatial
        x2 = self.w2 @ own
        zeros = np.zeros((*data.x.shape[:2], len(point.beta) - len(self.theta)))
        z1 = np.concatenate([zeros, self.x1], axis=2)
        u2 = -x2 @ self.theta[:, None]
        if not data.error:
            second = u2 - rho * (self.w2 @ data.y) if data.lag else u2
            by_rho = data.within(-(self.w1 @ data.y))[:, 0] if data.lag else None
            return data.within(second)[:, 0], data.within(-z1), by_rho, None
        level = np.concatenate([data.x, w @ own], axis=2)
        second = u2 - rho * (self.w2 @ self.u + 2 * self.w1 @ self.u1 + w @ u2)
        by_beta = -(z1 - rho * (self.w1 @ level + w @ z1))
        by_rho = data.within(-(self.w1 @ self.u + w @ self.u1))[:, 0]
        return data.within(second)[:, 0], data.within(by_beta), by_rho, data.within(w @ level)

    def curvature(self) -> FloatArray:
        """Return second derivatives of ln|S*| in (ρ, γ), shape (2, 2)."""
        data, point = self._data, self._point
        rho, s = point.spatial, self.inverse
        square = star_traces(point.w, rho, data.sample)[1]
        g, h = s @ point.w.w, s @ self.w1
        cross = -float(np.trace(h)) - rho * float(np.vdot(g.T, h))
        own = -rho * float(np.vdot(s.T, self.w2)) - rho**2 * float(np.vdot(h.T, h))
        return np.array([[-square, cross], [cross, own]])


@dataclass(frozen=True, eq=False)
class DecayFit:
    """Estimates of a spatial panel with its decay."""

    beta: FloatArray
    """Of regressors and of their lags, shape (p,)."""
    spatial: float
    """ρ or λ; 0 for SLX."""
    gamma: float
    sigma2: float
    covariance: FloatArray
    """Order β, ρ or λ (not for SLX), γ, σ². Where γ is at an end of its range the others are given γ, and its own are
    not-a-number. Shape (q, q)."""
    loglik: float
    ssr: float
    residuals: FloatArray
    """Shape (T, N)."""
    w: DenseOperator
    """At the estimate."""
    slope: FloatArray
    """dW/dγ there, shape (N, N)."""
    profile: FloatArray
    """γ, the log-likelihood and ρ or λ, by γ, shape (m, 3)."""
    low: float
    high: float
    """`low`, `high`: interval of γ by the likelihood ratio; infinite or at the range's end where it is open."""
    open: tuple[bool, bool]
    """Whether its ends are those of the range."""
    at_end: bool
    """Whether γ is at an end of its range."""
    spatial_at_end: bool
    spatial_low: float
    spatial_high: float
    """`spatial_low`, `spatial_high`: interval of ρ or λ by the likelihood ratio, over every γ of its interval;
    not-a-number for SLX."""
    where_at_end: tuple[float, float] | None
    """The smallest and the largest γ of its interval for which ρ or λ is at an end of its range; None where it never
    is."""


def places_of(low: float, high: float, nodes: int = NODES) -> FloatArray:
    """Return where the profile is computed first, denser at small γ, shape (nodes,)."""
    return np.asarray(low + (high - low) * np.linspace(0, 1, nodes) ** 2)


def heights_of(data: DecayData, outcomes: FloatArray, places: FloatArray) -> FloatArray:
    """Return the profile likelihood of many outcomes at places of γ, up to a constant, shape (places, M).

    ``data``: its y is not used. ``outcomes``: shape (N, T, M).
    """
    sample, out = data.sample, []
    for gamma in places.tolist():
        w = data.distances.operator(gamma)
        z = np.concatenate([data.x, w.lag(data.x[..., data.lagged])], axis=2)
        space = LagSpace(w, sample)
        y = space.outcomes(outcomes)
        if data.kind == "slx":
            q = np.linalg.qr(space.transform(z.transpose(1, 0, 2))[0])[0]
            rest = without(q, y.level)
            out.append(-sample.size / 2 * np.log(np.einsum("im,im->m", rest, rest)))
            continue
        pairs = [
            (part.lam, part.sigma2) if isinstance(part, ErrorParameters) else (part.rho, part.sigma2)
            for part in (
                ErrorBatch(z, space).parameters(y, "observed")
                if data.error
                else LagBatch(z, w, sample, space).parameters(y, "observed")
            )
        ]
        spatial, sigma2 = (np.concatenate(each) for each in zip(*pairs, strict=True))
        jacobian = star_log_determinants(w, spatial, sample)
        out.append(sample.periods * jacobian - sample.size / 2 * np.log(sigma2))
    return np.stack(out)


def fit_decay(
    data: DecayData,
    low: float,
    high: float,
    level: float = 0.95,
    cov: DecayCovariance = "observed",
    nodes: int = NODES,
    heights: FloatArray | None = None,
) -> DecayFit:
    """Fit a model and the rate γ at which its weights fall with distance, in a range.

    ``level``: of γ's interval. ``cov``: inverse of minus the Hessian of the log-likelihood in all parameters; sandwich
    with third and fourth moments of the errors; with scores added up by unit. ``nodes``: places of the first search,
    denser at small γ. ``heights``, shape (nodes,): the profile there where it is known, from `heights_of`; γ then has
    no interval.

    At each γ the other parameters are those of the usual likelihood. From the best place of the first search γ is where
    the derivative of the profile is zero. The interval holds the γ next to the estimate whose log-likelihood is less
    than half of the χ²(1) quantile below the maximum.
    """
    places = places_of(low, high, nodes)
    found: dict[float, Point] = {}

    def at(place: int) -> Point:
        gamma = float(places[place])
        if gamma not in found:
            found[gamma] = data.at(gamma)
        return found[gamma]

    alone = heights is None
    if heights is None:
        heights = np.array([at(place).loglik for place in range(nodes)])
    best, at_end = _highest(data, at, heights, PRECISION * (high - low))
    found[best.gamma] = best
    drop = float(scipy.special.ndtri(0.5 + level / 2)) ** 2 / 2

    def below(gamma: float) -> float:
        point = data.at(gamma)
        found[gamma] = point
        return best.loglik - point.loglik - drop

    ends, is_open = ([], []) if alone else ([np.nan, np.nan], [False, False])
    for side in (places[places < best.gamma][::-1], places[places > best.gamma]) if alone else ():
        inner, outer = best.gamma, None
        for gamma in side.tolist():
            if best.loglik - found[gamma].loglik > drop:
                outer = gamma
                break
            inner = gamma
        is_open.append(outer is None)
        ends.append(inner if outer is None else _crossing(below, inner, outer, best.gamma, drop))
    if at_end and alone:
        ends[0 if best.gamma == low else 1] = best.gamma
    # the curve is shown, and bends most here
    for end in ends if alone else ():
        far = min(max(best.gamma + REACH * (end - best.gamma), low), high)
        for gamma in np.linspace(best.gamma, far, STEPS + 1)[1:].tolist() if far != best.gamma else ():
            found[gamma] = data.at(gamma)
    inside = [point for gamma, point in sorted(found.items()) if alone and ends[0] <= gamma <= ends[1]]
    spatial_ends = (np.nan, np.nan)
    if inside and data.kind != "slx":
        spatial_ends = _ends_of_spatial(data, inside, best.loglik - drop)
    stuck = [point.gamma for point in inside if point.at_end]
    profile = np.array([[p.gamma, p.loglik, p.spatial] for _, p in sorted(found.items())])
    sample = data.sample
    ssr = float(best.e @ best.e)
    sigma2 = ssr / sample.size
    change = Change(data, best)
    covariance = _covariance(data, best, change, sigma2, at_end, cov)
    return DecayFit(
        beta=best.beta,
        spatial=best.spatial,
        gamma=best.gamma,
        sigma2=sigma2,
        covariance=covariance,
        loglik=best.loglik,
        ssr=ssr,
        residuals=best.e.reshape(data.y.shape[:2]),
        w=best.w,
        slope=change.w1,
        profile=profile,
        low=ends[0],
        high=ends[1],
        open=(is_open[0], is_open[1]),
        at_end=at_end,
        spatial_at_end=best.at_end,
        spatial_low=spatial_ends[0],
        spatial_high=spatial_ends[1],
        where_at_end=(stuck[0], stuck[-1]) if stuck else None,
    )


def _highest(
    data: DecayData, points: Callable[[int], Point], heights: FloatArray, precision: float
) -> tuple[Point, bool]:
    """Return the highest point of the profile around the best node, and whether it is an end of the range."""
    at, last = int(heights.argmax()), len(heights) - 1
    if at == 0 and data.score(points(0)) <= 0:
        return points(0), True
    if at == last and data.score(points(last)) >= 0:
        return points(last), True
    left, right = max(at - 1, 0), min(at + 1, last)
    # the profile rises on the left of its top; a second top in between would show as a sign
    if at > 0 and data.score(points(at)) < 0:
        right = at
    elif at < last and data.score(points(at)) > 0:
        left = at
    ends = points(left).gamma, points(right).gamma
    known = dict(zip(ends, (points(left), points(right)), strict=True))

    def score(gamma: float) -> float:
        known[gamma] = known.get(gamma) or data.at(gamma)
        return data.score(known[gamma])

    if score(ends[0]) > 0 > score(ends[1]):
        gamma = root_between(score, *ends, xtol=precision, rtol=1e-12)
    else:
        # another hollow between the nodes: climb by values
        gamma = float(
            scipy.optimize.minimize_scalar(
                lambda value: -data.at(value).loglik, bounds=ends, method="bounded", options={"xatol": precision}
            ).x
        )
    return known.get(gamma) or data.at(gamma), False


def _crossing(below: Callable[[float], float], inner: float, outer: float, top: float, drop: float) -> float:
    """Return where the profile falls below the interval's limit between two places."""
    if inner == top and not below(inner) < 0:
        return top
    return root_between(below, inner, outer, xtol=1e-4 * abs(outer - inner), rtol=1e-6)


def _ends_of_spatial(data: DecayData, points: Sequence[Point], limit: float) -> tuple[float, float]:
    """Return the smallest and the largest ρ or λ whose likelihood, at the best γ, is at least a limit.

    ``points``: over the interval of γ, in order; beyond it the likelihood is below the limit, whatever the ρ.
    """

    def end(gamma: float, side: int) -> float:
        point = known.get(gamma) or data.at(gamma)
        bound = point.w.bounds[side]
        height = data.along(point.w)
        if height(point.spatial) <= limit:
            return point.spatial
        # a likelihood may be infinitely low where I - ρW is singular
        far = point.spatial + (bound - point.spatial) * (1 - 1e-9)
        if height(far) >= limit:
            return bound
        return root_between(lambda rho: height(rho) - limit, point.spatial, far, xtol=1e-8, rtol=1e-12)

    known = {point.gamma: point for point in points}
    gammas = list(known)
    out = []
    for side, sign in ((0, 1.0), (1, -1.0)):
        values = [sign * end(gamma, side) for gamma in gammas]
        best = int(np.argmin(values))
        left, right = gammas[max(best - 1, 0)], gammas[min(best + 1, len(gammas) - 1)]
        lowest = values[best]
        if left < right:
            found = scipy.optimize.minimize_scalar(
                lambda gamma, sign=sign, side=side: sign * end(float(gamma), side),
                bounds=(left, right),
                method="bounded",
                options={"xatol": 1e-3 * (right - left)},
            )
            lowest = min(lowest, float(found.fun))
        out.append(sign * lowest)
    return out[0], out[1]


def _covariance(
    data: DecayData, point: Point, change: Change, sigma2: float, at_end: bool, cov: DecayCovariance
) -> FloatArray:
    sample, p, e = data.sample, len(point.beta), point.e
    spatial = data.kind != "slx"
    second, by_beta, by_rho, mixed = change.bends()
    # with d the slopes of e: -∂²ℓ = (d′d + Σ e ∂²e)/σ² - T ∂² ln|S|, and what σ² adds
    slopes = [-point.z]
    if data.lag:
        slopes.append(-data.within(point.w.lag(data.y)))
    elif data.error:
        slopes.append(-data.within(point.w.lag(change.u)))
    slopes.append(change.first[:, None])
    d = np.concatenate(slopes, axis=1)
    q = d.shape[1]
    products = d.T @ d
    gamma = q - 1
    products[gamma, gamma] += second @ e
    cross = by_beta.T @ e
    products[:p, gamma] += cross
    products[gamma, :p] += cross
    if by_rho is not None:
        products[p, gamma] += by_rho @ e
        products[gamma, p] += by_rho @ e
    if mixed is not None:
        products[:p, p] += mixed.T @ e
        products[p, :p] += mixed.T @ e
    information = np.empty((q + 1, q + 1))
    information[:q, :q] = products / sigma2
    if spatial:
        information[p:q, p:q] -= sample.periods * change.curvature()
    information[:q, q] = information[q, :q] = -(d.T @ e) / sigma2**2
    information[q, q] = e @ e / sigma2**3 - sample.size / (2 * sigma2**2)
    keep = [place for place in range(q + 1) if not (at_end and place == gamma)]
    out = np.full((q + 1, q + 1), np.nan)
    bread = np.linalg.inv(information[np.ix_(keep, keep)])
    if cov != "observed":
        score = score_of(data, point, change, sigma2, spatial)
        terms = score.terms[:-1] if at_end else score.terms
        kept = Score(score.linear[:, keep], score.diagonal[:, keep], score.residuals, terms)
        form = quasi_likelihood if cov == "robust" else unit_clustered
        bread = form(bread, kept, sigma2, sample)
    out[np.ix_(keep, keep)] = bread
    return out


def score_of(data: DecayData, point: Point, change: Change, sigma2: float, spatial: bool) -> Score:
    """Return the score of all parameters as linear and quadratic forms in the errors."""
    sample, e = data.sample, point.e.reshape(data.y.shape[:2])
    terms: list[SpatialTerm] = []
    n = data.y.shape[1]
    if spatial:
        g = (point.w.transformed if sample.drops_constant else point.w).g(point.spatial)
        q = np.zeros(len(point.e))
        if data.lag:
            q = data.within(point.w.lag(data.y) - (e @ g.T)[..., None])[:, 0]
        terms.append(SpatialTerm(q, g))
        quadratic = point.spatial * change.w1 @ change.inverse
    else:
        quadratic = np.zeros((n, n))
    linear = -data.within(change.cube + (e @ quadratic.T)[..., None])[:, 0]
    terms.append(SpatialTerm(linear, quadratic))
    return Score.of(point.z, e, sigma2, terms, sample)
