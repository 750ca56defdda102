"""Quasi-maximum likelihood of dynamic spatial panels with fixed effects, and its bias corrections.

y_t = ρWy_t + τy_{t-1} + ηWy_{t-1} + Z_tβ + c + α_t1 + v_t, t = 1, …, T, given y_0 (Yu, de Jong & Lee 2008, Journal of
Econometrics 146; Lee & Yu 2010, Econometric Theory 26). Given y_0 the Jacobian is that of the static model, so that the
likelihood is the one of a spatial lag model whose regressors include y_{-1} and Wy_{-1}. Slopes β are concentrated out:
all estimators here see the inner products of Wy, y_{-1}, Wy_{-1} and y that Z leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from typing import Literal, Protocol

import numpy as np
import scipy

from digicarbon.arrays import BoolArray, FloatArray, IntArray
from digicarbon.numeric.linear.least_squares import triangular
from digicarbon.numeric.linear.within import EffectsKind, demean
from digicarbon.numeric.spatial.lag_space import LagSpace
from digicarbon.numeric.spatial.likelihood import (
    Sample,
    concentrated,
    maximise_lag,
    near_end,
    star_log_determinant,
    star_products,
    star_traces,
)
from digicarbon.numeric.spatial.operator import SpatialOperator
from digicarbon.packs.dynamic_space.numeric.score import expected_score, largest_root, long_run, regular, score_variance
from digicarbon.packs.dynamic_space.numeric.single import CLOSE, HALVES, MOST_CUTS, MOST_STEPS, REACH, One, climb_one
from digicarbon.packs.dynamic_space.numeric.spectrum import Spectrum, spectrum_of

Correction = Literal["score", "lee_yu", "none"]


@dataclass(frozen=True)
class Setting:
    """What kind of sample and estimator it is."""

    n: int
    t: int
    """`n`, `t`: units, and periods after the first one."""
    effects: EffectsKind
    correction: Correction
    time_lag: bool = True
    space_time_lag: bool = True

    @cached_property
    def unit_effects(self) -> bool:
        """Whether there are unit effects, from which the bias comes."""
        return self.effects in ("unit", "two_way")

    @cached_property
    def drops_constant(self) -> bool:
        """Whether the likelihood is that of deviations from period means (Lee & Yu 2010, eq. 8)."""
        return self.effects in ("time", "two_way") and self.correction != "none"

    @cached_property
    def direct(self) -> Sample:
        """The sample of the likelihood with unit dummies, as that of a static model without unit effects."""
        by_time = self.effects in ("time", "two_way")
        return Sample(self.n, self.t, "time" if by_time else "none", "lee_yu" if self.drops_constant else "none")

    @cached_property
    def size(self) -> int:
        """Observations that σ² is a mean over."""
        return self.direct.size // self.t * self.periods

    @cached_property
    def periods(self) -> int:
        """T, or T - 1 where the score allows for unit effects."""
        return self.t - 1 if self.correction == "score" and self.unit_effects else self.t

    def small_sample(self, regressors: int) -> float:
        """Return the factor of covariances that counts the coefficients; 1 for quasi-maximum likelihood itself."""
        if self.correction != "score" or not self.unit_effects:
            return 1.0
        return self.size / (self.size - regressors - len(self.active))

    @cached_property
    def active(self) -> tuple[int, ...]:
        """Which of ρ, τ and η are in the model."""
        return (0, *((1,) * self.time_lag), *((2,) * self.space_time_lag))


@dataclass(frozen=True, eq=False)
class Point:
    """Parameters of M outcomes."""

    theta: FloatArray
    """ρ, τ, η; zero for those that are not in the model. Shape (M, 3)."""
    sigma2: FloatArray
    """Shape (M,)."""
    covariance: FloatArray
    bread: FloatArray
    """`covariance`, `bread`: of those that are in the model, and minus the inverse of the Hessian, shape (M, q, q)."""
    lost: BoolArray
    """Where the adjusted likelihood has no maximum: the estimate is then Lee & Yu's. Where that one would not be
    stable, it is the one without correction. Shape (M,)."""
    end: BoolArray
    """Where ρ is at the end of its range, shape (M,)."""
    ties: FloatArray | None = None
    """See `Solver.ties`; None where they are yet to be computed. Shape (M, 3)."""
    beta: FloatArray | None = None
    moves: FloatArray | None = None
    """`beta`, `moves`: coefficients of Z, and those by which they move with the others, in Lee & Yu's correction; None
    where β is least squares given the others. Shape (M, k) and (M, k, q)."""


@dataclass(frozen=True, eq=False)
class Noise:
    """What errors v add to Wy through G = W(I - ρW)⁻¹, effects removed, of M outcomes."""

    with_lags: FloatArray
    """Inner products of what Z leaves of Gv with the lags, shape (M, q)."""
    own: FloatArray
    """And with itself, shape (M,)."""
    on_z: FloatArray
    """Coefficients of Gv on Z, shape (M, k)."""


class Outcomes(Protocol):
    """Outcomes by their columns, of which inner products do not know what errors add to Wy."""

    @property
    def on_z(self) -> FloatArray:
        """Coefficients of the lags and of y on Z, shape (M, k, q + 1)."""

    def noise(self, theta: FloatArray, beta: FloatArray, which: IntArray) -> Noise:
        """Return the noise of some outcomes at parameters, shapes (m, 3) and (m, k)."""


class Columns:
    """Outcomes that are given by their columns.

    ``z``: effects removed, shape (T·N, k). ``factor``: the triangular factor of z, shape (k, k). ``columns``: returns
    the lags and y of one outcome, effects removed, shape (q + 1, T·N). ``on_z``: shape (M, k, q + 1).
    """

    def __init__(
        self,
        z: FloatArray,
        factor: FloatArray,
        columns: Callable[[int], FloatArray],
        on_z: FloatArray,
        w: SpatialOperator,
        setting: Setting,
    ) -> None:
        self._z, self._factor, self._columns, self._w, self._setting = z, factor, columns, w, setting
        self.on_z = on_z

    def noise(self, theta: FloatArray, beta: FloatArray, which: IntArray) -> Noise:
        """Return the noise of some outcomes, see `Outcomes`."""
        setting, active = self._setting, list(self._setting.active)
        q, k = len(active), self._z.shape[1]
        with_lags, own, on_z = np.empty((len(which), q)), np.empty(len(which)), np.empty((len(which), k))
        for place, draw in enumerate(which.tolist()):
            columns = self._columns(draw)
            # v = y - Σ θ_a y_a - Zβ, then QGv
            v = columns[q] - theta[place, active] @ columns[:q] - self._z @ beta[place]
            passed = self._w.apply_g(float(theta[place, 0]), v.reshape(setting.t, setting.n).T).T
            passed = demean(passed, setting.effects).ravel()
            side = scipy.linalg.blas.dtrsm(1.0, self._factor, (self._z.T @ passed)[:, None], trans_a=1)
            on_z[place] = scipy.linalg.blas.dtrsm(1.0, self._factor, side)[:, 0]
            rest = passed - self._z @ on_z[place]
            with_lags[place], own[place] = columns[:q] @ rest, rest @ rest
        return Noise(with_lags, own, on_z)


@dataclass(frozen=True, eq=False)
class DynamicFit:
    """Estimates of a dynamic spatial panel."""

    beta: FloatArray
    """Shape (k,)."""
    theta: FloatArray
    """ρ, τ, η, shape (3,)."""
    sigma2: float
    covariance: FloatArray
    """Of β, those of (ρ, τ, η) that are in the model, and σ², shape (k + q + 1, k + q + 1)."""
    loglik: float
    """Of the likelihood with dummies at its maximum, with all constants."""
    residuals: FloatArray
    """With fixed effects removed, shape (T, N)."""
    boundary: bool
    """Whether ρ is at the end of its range."""
    lost: bool
    """Whether the adjusted likelihood has no maximum."""
    quasi: FloatArray
    """ρ, τ, η without correction, shape (3,)."""
    make_bread: Callable[[], FloatArray]

    @cached_property
    def bread(self) -> FloatArray:
        """Minus the inverse of the Hessian, in the order of ``covariance``."""
        return self.make_bread()


class Solver:
    """Finds the parameters of outcomes whose inner products are known."""

    def __init__(self, w: SpatialOperator, setting: Setting) -> None:
        self.w, self.setting = w, setting
        self._space = LagSpace(w, setting.direct)

    @cached_property
    def spectrum(self) -> Spectrum:
        """W's eigenvalues in the sample."""
        return spectrum_of(self.w, self.setting.drops_constant)

    def quasi(self, gram: FloatArray) -> tuple[FloatArray, BoolArray]:
        """Return the maximum of the likelihood with dummies, and where ρ is at the end of its range.

        ``gram``: inner products of what Z leaves of the active ones of Wy, y_{-1}, Wy_{-1}, and of y, shape (M, q + 1,
        q + 1).
        """
        places = [0, gram.shape[1] - 1]
        rest = gram[:, places][:, :, places]
        lags = list(range(1, gram.shape[1] - 1))
        if lags:
            own, with_rest = gram[:, lags][:, :, lags], gram[:, lags][:, :, places]
            coef = _solved(own, with_rest)
            rest = rest - np.swapaxes(with_rest, 1, 2) @ coef
        a, b, c = rest[:, 1, 1], rest[:, 0, 1], rest[:, 0, 0]
        sample = self.setting.direct
        if len(gram) == 1:
            found, end = maximise_lag((a[0], b[0], c[0]), self.w, sample)
            rho, ends = np.array([found]), np.array([end])
        else:
            rho = self._space.maximise(a, b, c)
            ends = near_end(rho, self._space.used)
        theta = np.zeros((len(gram), 3))
        theta[:, 0] = rho
        if lags:
            theta[:, self.setting.active[1:]] = coef[:, :, 1] - rho[:, None] * coef[:, :, 0]
        return theta, ends

    def solve(self, gram: FloatArray, outcomes: Outcomes) -> tuple[Point, FloatArray]:
        """Return the estimates of the setting's kind, and those without correction; ``gram`` as in `quasi`."""
        setting = self.setting
        active = list(setting.active)
        if len(gram) == 1 and setting.correction == "score" and setting.unit_effects:
            single = self._single(gram[0])
            if single is not None:
                return single
        quasi, end = self.quasi(gram)
        if setting.correction == "none" or not setting.unit_effects:
            return self._at(gram, quasi, np.zeros(len(gram), dtype=np.bool_), end), quasi
        every = np.arange(len(gram))
        if setting.correction == "lee_yu":
            return self._one_step(gram, quasi, end, outcomes, every), quasi
        start = quasi.copy()
        start[:, active] += self._start(gram, quasi)
        # beside the end of the stable region traces are those of a pole
        without = ~((largest_root(quasi, self.spectrum.ends) < 1) & self._stable(start)) | end
        start[without] = quasi[without]
        theta, solved = self._climb(gram, self._inside(start, quasi))
        lost = ~solved
        point = self._at(gram, np.where(solved[:, None], theta, 0.0), lost, end)
        if not lost.any():
            return point, quasi
        rest = self._one_step(gram[lost], quasi[lost], end[lost], outcomes, every[lost])
        moves, given = outcomes.on_z[:, :, :-1].copy(), outcomes.on_z[:, :, -1]
        beta = given - (moves @ point.theta[:, active, None])[..., 0]
        assert rest.beta is not None
        assert rest.moves is not None
        for whole, part in (
            (point.theta, rest.theta),
            (point.sigma2, rest.sigma2),
            (point.covariance, rest.covariance),
            (point.bread, rest.bread),
            (beta, rest.beta),
            (moves, rest.moves),
        ):
            whole[lost] = part
        return replace(point, beta=beta, moves=moves), quasi

    def _single(self, gram: FloatArray) -> tuple[Point, FloatArray] | None:
        """Return what `solve` does for a single outcome, with plain numbers; None where a step needs care."""
        setting, sample = self.setting, self.setting.direct
        one = One(gram, self.spectrum, setting.t, setting.size, setting.active)
        moments, on_y, on_lag = one.of_rho()
        rho, end = maximise_lag(moments, self.w, sample)
        if end:
            return None
        quasi = np.zeros(3)
        quasi[0] = rho
        if len(on_y):
            quasi[list(setting.active[1:])] = on_y - rho * on_lag
        if not one.stable(quasi, 1.0):
            return None
        sigma2 = one.sum_of_squares(quasi) / sample.size
        first, second = star_traces(self.w, rho, sample)
        start = quasi + one.lee_yu(quasi, sigma2, sample.periods * first, sample.periods * second, sample.size)
        if not one.stable(start, REACH):
            return None
        theta = climb_one(one, start)
        if theta is None or not one.stable(theta, REACH - 1e-6):
            return None
        phi, slope, extra = one.expected(theta, variance=True)
        sigma2 = one.sum_of_squares(theta) / setting.size
        precision = one.gram / sigma2 + slope - np.outer(phi, phi * (2 / setting.size))
        inverse = _solved(precision, np.eye(len(precision)))
        covariance = inverse + inverse @ (extra - slope) @ inverse
        ties, never = np.zeros((1, 3)), np.zeros(1, dtype=np.bool_)
        ties[0, list(setting.active)] = phi
        point = Point(theta[None], np.array([sigma2]), covariance[None], inverse[None], never, never, ties)
        return point, quasi[None]

    def ties(self, point: Point) -> FloatArray:
        """Return what z_a′v/σ² is on average, which ties σ² to ρ, τ and η, shape (M, 3)."""
        if point.ties is not None:
            return point.ties
        setting, out = self.setting, np.zeros_like(point.theta)
        out[:, 0] = setting.direct.periods * self._space.traces(point.theta[:, 0])[0]
        if setting.correction == "score" and setting.unit_effects:
            exact = expected_score(point.theta, self.spectrum, setting.t).phi
            return np.where(point.lost[:, None], out, exact)
        return out

    def _one_step(
        self, gram: FloatArray, quasi: FloatArray, end: BoolArray, outcomes: Outcomes, which: IntArray
    ) -> Point:
        """Return Lee & Yu's correction, or the estimate without it where there is none.

        The score has the expectation -b, b = (0, tr WD⁻¹, tr D⁻¹, tr WD⁻¹, N/(2σ²)) in (β, ρ, τ, η, σ²) but for terms
        of 1/T (Lee & Yu 2010, theorem 3): at r = (ρ + η)/(1 - τ) these are traces of the static model. All parameters
        change by Σ⁻¹b, Σ the expected information. There E Wy, GZδ with all regressors Z and their coefficients δ,
        stands in the place of Wy, and tr GG′ beside tr G².
        """
        active, sample = list(self.setting.active), self.setting.direct
        on_z = outcomes.on_z[which]
        moves, given = on_z[:, :, :-1].copy(), on_z[:, :, -1]
        beta = given - (moves @ quasi[:, active, None])[..., 0]
        theta, sigma2 = quasi.copy(), _ssr(gram, quasi[:, active]) / sample.size
        precision, _ = self._quasi_precision(gram, quasi, sigma2)
        # beside the end of the stable region there is no correction: its traces are those of a pole
        fine = np.flatnonzero((largest_root(quasi, self.spectrum.ends) < 1) & ~end & (sigma2 > 0))
        sums, units = long_run(quasi, self.spectrum), sample.size / sample.t
        for place in fine.tolist():
            one = slice(place, place + 1)
            noise = outcomes.noise(quasi[one], beta[one], which[one])
            found, trace = self._information(gram[one], float(quasi[place, 0]), float(sigma2[place]), noise)
            bias = sums[place, [1, 0, 1]][active]
            # σ² is concentrated out: its part of the bias is moved to the others through their common information
            bias[0] -= trace * units / sample.size
            change = _solved(found, bias[None, :, None])[0, :, 0]
            after = quasi[one].copy()
            after[0, active] += change
            variance = sigma2[place] * (1 + units / sample.size - 2 / sample.size * trace * change[0])
            if not (variance > 0 and self._stable(after)[0]):
                continue
            moves[place, :, 0] -= noise.on_z[0]
            beta[place] -= moves[place] @ change
            theta[place], sigma2[place] = after[0], variance
            noise = outcomes.noise(after, beta[one], which[one])
            precision[place] = self._information(gram[one], float(after[0, 0]), float(variance), noise)[0][0]
            moves[place, :, 0] = on_z[place, :, 0] - noise.on_z[0]
        corrected = np.abs(theta - quasi).max(axis=1) > 0
        inverse = _solved(precision, np.broadcast_to(np.eye(len(active)), precision.shape))
        return Point(theta, sigma2, inverse.copy(), inverse, ~corrected, end, None, beta, moves)

    def _information(self, gram: FloatArray, rho: float, sigma2: float, noise: Noise) -> tuple[FloatArray, float]:
        """Return the expected information of an outcome, β and σ² concentrated out, shape (1, q, q), and T tr G*."""
        sample, q = self.setting.direct, gram.shape[1] - 1
        first, second, norm = star_products(self.w, rho, sample)
        trace = sample.periods * first
        products = gram[:, :q, :q].copy()
        products[:, 0, :] -= noise.with_lags
        products[:, 1:, 0] -= noise.with_lags[:, 1:]
        products[:, 0, 0] += noise.own - noise.with_lags[:, 0]
        precision = products / sigma2
        precision[:, 0, 0] += sample.periods * (second + norm) - 2 * trace**2 / sample.size
        return precision, trace

    def _start(self, gram: FloatArray, theta: FloatArray) -> FloatArray:
        """Return about the change by Lee & Yu's correction, from which a maximum is sought; see `_one_step`.

        It takes minus the Hessian in the place of the expected information.
        """
        active, sample = list(self.setting.active), self.setting.direct
        sigma2 = _ssr(gram, theta[:, active]) / sample.size
        sums = long_run(theta, self.spectrum)
        bias = sums[:, [1, 0, 1]][:, active]
        precision, trace = self._quasi_precision(gram, theta, sigma2)
        bias[:, 0] -= trace / sample.t
        return _solved(precision, bias[..., None])[..., 0]

    def _quasi_precision(
        self, gram: FloatArray, theta: FloatArray, sigma2: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return minus the Hessian of the concentrated likelihood with dummies, and T tr G*."""
        sample = self.setting.direct
        first, second = self._space.traces(theta[:, 0])
        trace = sample.periods * first
        q = gram.shape[1] - 1
        precision = gram[:, :q, :q] / sigma2[:, None, None]
        precision[:, 0, 0] += sample.periods * second - 2 * trace**2 / sample.size
        return precision, trace

    def _inside(self, theta: FloatArray, other: FloatArray) -> FloatArray:
        """Return points moved towards others until they are stable; the uncorrected estimate is nearly always."""
        out = theta.copy()
        for _ in range(8):
            outside = ~self._stable(out)
            if not outside.any():
                return out
            out[outside] = (out[outside] + other[outside]) / 2
        outside = ~self._stable(out)
        out[outside] = 0.0
        return out

    def _stable(self, theta: FloatArray) -> BoolArray:
        ends = self.spectrum.ends
        return regular(theta, ends) & (largest_root(theta, ends) < REACH)

    def _climb(self, gram: FloatArray, start: FloatArray) -> tuple[FloatArray, BoolArray]:
        """Return the local maximum of the adjusted likelihood beside each start, and whether there is one.

        -size/2 ln SSR + (T - 1) ln|S| + Σ H(a) by Newton's steps; where it is not concave, by steps in the metric of
        its first part. Steps end inside the stable region.
        """
        theta, solved = start.copy(), np.zeros(len(start), dtype=np.bool_)
        todo, cuts = np.arange(len(start)), np.zeros(len(start), dtype=np.intp)
        for _ in range(MOST_STEPS):
            now = theta[todo]
            gradient, precision, metric = self._slopes(gram if len(todo) == len(gram) else gram[todo], now)
            concave = _positive(precision)
            if not concave.all():
                precision = np.where(concave[:, None, None], precision, metric)
            step = np.zeros_like(now)
            step[:, self.setting.active] = _solved(precision, gradient[..., None])[..., 0]
            moved = now + step
            outside = ~self._stable(moved)
            if outside.any():
                cuts[todo[outside]] += 1
                for _ in range(HALVES):
                    step[outside] /= 2
                    moved[outside] = now[outside] + step[outside]
                    outside[outside] = ~self._stable(moved[outside])
                    if not outside.any():
                        break
                moved[outside] = now[outside]
            theta[todo] = moved
            small = np.abs(step).max(axis=1) < CLOSE
            solved[todo] = small & concave & ~outside
            todo = todo[~small & ~outside & (cuts[todo] <= MOST_CUTS)]
            if not len(todo):
                break
        # beside the end of the region a step is small because it was cut
        return theta, solved & (cuts <= MOST_CUTS) & (largest_root(theta, self.spectrum.ends) < REACH - 1e-6)

    def _slopes(self, gram: FloatArray, theta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return gradient and minus the Hessian of the adjusted likelihood, and the metric of its first part."""
        setting, active = self.setting, list(self.setting.active)
        q = gram.shape[1] - 1
        ze = gram[:, :q, q] - (gram[:, :q, :q] @ theta[:, active, None])[..., 0]
        ssr = _ssr(gram, theta[:, active])
        expected = expected_score(theta, self.spectrum, setting.t)
        scale = setting.size / ssr
        metric = gram[:, :q, :q] * scale[:, None, None]
        pull = ze * scale[:, None]
        gradient = pull - expected.phi[:, active]
        slope = expected.slope if q == 3 else expected.slope[:, active][:, :, active]
        precision = metric + slope - (2 / setting.size) * pull[:, :, None] * pull[:, None, :]
        return gradient, precision, metric

    def _at(
        self, gram: FloatArray, theta: FloatArray, lost: BoolArray, end: BoolArray, sigma2: FloatArray | None = None
    ) -> Point:
        """Return variance and covariance at given parameters."""
        setting, active = self.setting, list(self.setting.active)
        if sigma2 is None:
            sigma2 = _ssr(gram, theta[:, active]) / setting.size
        corrected = setting.correction == "score" and setting.unit_effects
        q = gram.shape[1] - 1
        if corrected and not lost.all():
            expected = expected_score(theta, self.spectrum, setting.t)
            surplus = score_variance(theta, self.spectrum, setting.t) - expected.slope
            phi = expected.phi[:, active]
            precision = (
                gram[:, :q, :q] / sigma2[:, None, None]
                + expected.slope[:, active][:, :, active]
                - (2 / setting.size) * phi[:, :, None] * phi[:, None, :]
            )
            inverse = _solved(precision, np.broadcast_to(np.eye(q), precision.shape))
            covariance = inverse + inverse @ surplus[:, active][:, :, active] @ inverse
            return Point(theta, sigma2, covariance, inverse, lost, end)
        precision, _ = self._quasi_precision(gram, theta, sigma2)
        inverse = _solved(precision, np.broadcast_to(np.eye(q), precision.shape))
        return Point(theta, sigma2, inverse.copy(), inverse, lost, end)


@lru_cache(maxsize=16)
def solver_of(w: SpatialOperator, setting: Setting) -> Solver:
    """Return the solver of a W and a setting, one for all models that share them."""
    return Solver(w, setting)


def fit_dynamic(columns: FloatArray, w: SpatialOperator, setting: Setting) -> DynamicFit:
    """Fit a dynamic spatial panel.

    ``columns``: Z, then those of Wy, y_{-1} and Wy_{-1} that are in the model, and y; fixed effects removed; shape (T,
    N, k + q + 1).
    """
    t, n, width = columns.shape
    q = len(setting.active)
    k = width - q - 1
    flat = columns.reshape(t * n, width)
    r = triangular(flat)
    gram = r[k:, k:].T @ r[k:, k:]
    solver = solver_of(w, setting)
    # LAPACK's dtrtrs wakes all threads for more than one right-hand side, which costs more than the fit
    on_z = scipy.linalg.blas.dtrsm(1.0, r[:k, :k], r[:k, k:]) if k else np.empty((0, q + 1))
    outcomes = Columns(flat[:, :k], r[:k, :k], lambda _: flat[:, k:].T, on_z[None], w, setting)
    point, quasi = solver.solve(gram[None], outcomes)
    theta, active = point.theta[0], list(setting.active)
    beta = on_z[:, q] - on_z[:, :q] @ theta[active] if point.beta is None else point.beta[0]
    moves = on_z[:, :q] if point.moves is None else point.moves[0]
    residuals = flat @ np.concatenate([-beta, -theta[active], [1.0]])
    sigma2 = float(point.sigma2[0])
    root = scipy.linalg.lapack.dtrtri(r[:k, :k])[0] if k else np.empty((0, 0))
    inverse = root @ root.T
    tie = -2 * sigma2 / setting.size * solver.ties(point)[0, active]
    factor = setting.small_sample(k)
    of_beta, of_sigma2 = sigma2 * inverse, 2 * sigma2**2 / setting.size

    def assembled(of_theta: FloatArray) -> FloatArray:
        return factor * _assembled(of_theta, moves, tie, of_beta, of_sigma2)

    sample = setting.direct
    loglik = concentrated(
        float(_ssr(gram[None], quasi[:, active])[0]), star_log_determinant(w, float(quasi[0, 0]), sample), sample
    )
    return DynamicFit(
        beta,
        theta,
        sigma2,
        assembled(point.covariance[0]),
        loglik,
        residuals.reshape(t, n),
        bool(point.end[0]),
        bool(point.lost[0]),
        quasi[0],
        partial(assembled, point.bread[0]),
    )


def _assembled(
    of_theta: FloatArray, moves: FloatArray, tie: FloatArray, of_beta: FloatArray, of_sigma2: float
) -> FloatArray:
    """Return the covariance of (β, θ, σ²) from that of θ: the other parts are independent given θ.

    ``of_theta``: shape (q, q). ``moves``: coefficients of the lags on Z: β moves by minus these with θ; shape (k, q).
    ``tie``: how σ² moves with θ, shape (q,). ``of_beta``, ``of_sigma2``: covariances given θ.
    """
    k, q = moves.shape
    every = np.concatenate([-moves, np.eye(q), tie[None]])
    out = every @ of_theta @ every.T
    out[:k, :k] += of_beta
    out[-1, -1] += of_sigma2
    return np.asarray(out)


def _ssr(gram: FloatArray, theta: FloatArray) -> FloatArray:
    """Return the sum of squares at given parameters, each of shape (M,)."""
    q = gram.shape[1] - 1
    product = (gram[:, :q, :q] @ theta[..., None])[..., 0]
    return np.asarray(gram[:, q, q] + ((product - 2 * gram[:, :q, q]) * theta).sum(axis=1))


def _solved(matrices: FloatArray, right: FloatArray) -> FloatArray:
    """Return A⁻¹B for many small matrices; not-a-number for singular ones, as of an outcome without errors."""
    try:
        return np.asarray(np.linalg.solve(matrices, right), np.float64)
    except np.linalg.LinAlgError:
        with np.errstate(invalid="ignore"):
            regular = np.abs(np.linalg.det(matrices)) > 1e-14 * np.abs(
                np.prod(np.diagonal(matrices, axis1=-2, axis2=-1), axis=-1)
            )
        safe = np.where(regular[..., None, None], matrices, np.eye(matrices.shape[-1]))
        return np.asarray(np.where(regular[..., None, None], np.linalg.solve(safe, right), np.nan), np.float64)


def _positive(matrices: FloatArray) -> BoolArray:
    """Return whether small symmetric matrices are positive definite, by their leading minors, shape (M,)."""
    out = matrices[:, 0, 0] > 0
    if matrices.shape[1] > 1:
        minor = matrices[:, 0, 0] * matrices[:, 1, 1] - matrices[:, 0, 1] ** 2
        out &= minor > 0
    if matrices.shape[1] > 2:
        out &= np.linalg.det(matrices) > 0
    return np.asarray(out)
