"""Fits of one model with a spatial lag of y and a spatial error to many outcomes at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.slices import slices
from digicarbon.numeric.spatial.batch import Errors, joined
from digicarbon.numeric.spatial.error_batch import at_each
from digicarbon.numeric.spatial.lag_outcomes import CELLS, MOST
from digicarbon.numeric.spatial.lag_space import Asked, Combination, LagSpace
from digicarbon.numeric.spatial.likelihood import in_sample
from digicarbon.numeric.spatial.operator import DenseOperator

MATRICES = 1 << 20
"""Numbers in the matrices of a block of draws, one of N × N each."""
ROOT = 1e-12
"""Width of the interval, relative to the first one, at which the search for λ ends."""


@dataclass(frozen=True, eq=False)
class CombinedOutcomes:
    """Outcomes with their lags, effects removed.

    ``columns`` are y, Wy, My and MWy, shape (4, N·T′, J); the outcomes are combinations of them, weights of shape (J,
    M), or with None the columns themselves.
    """

    columns: FloatArray
    weights: FloatArray | None = None

    def __matmul__(self, weights: FloatArray) -> CombinedOutcomes:
        """Return linear combinations of the outcomes, weights of shape (M, draws)."""
        return CombinedOutcomes(self.columns, weights if self.weights is None else self.weights @ weights)

    def blocks(self, size: int) -> Iterator[FloatArray]:
        """Yield blocks of outcomes, shape (4, N·T′, draws)."""
        count = len((self.columns[0] if self.weights is None else self.weights).T)
        for draws in slices(count, size):
            yield self.columns[..., draws] if self.weights is None else self.columns @ self.weights[:, draws]


@dataclass(frozen=True, eq=False)
class _Profile:
    """What is left at given λ of M draws: β (M, k), ρ, the sum of squares, the score of λ's profile likelihood."""

    beta: FloatArray
    rho: FloatArray
    ssr: FloatArray
    score: FloatArray


class CombinedBatch:
    """A combined model with fixed regressors z, raw, shape (T, N, k), to be fitted to many outcomes.

    ``space`` and ``of_error`` are of the weights of the lag and of those of the error, in the same sample and dense. As
    in `digicarbon.numeric.spatial.combined.fit_combined`, ρ is profiled out at each λ, which is sought over its whole
    range; the products that enter are quadratics in λ. Each fit equals a single one up to rounding.
    """

    def __init__(self, z: FloatArray, space: LagSpace, of_error: LagSpace) -> None:
        self.space, self.of_error = space, of_error
        self._w, self._m = (_dense(each) for each in (space, of_error))
        self._z, self._mz = of_error.transform(z.transpose(1, 0, 2))
        cross = self._z.T @ self._mz
        self._normal = self._z.T @ self._z, cross + cross.T, self._mz.T @ self._mz

    def outcomes(self, y: FloatArray) -> CombinedOutcomes:
        """Return outcomes, shape (N, T, M), with their lags."""
        lagged = self.space.w.lag(y.transpose(1, 0, 2)).transpose(1, 0, 2)
        (level, of_m), (wy, of_mw) = self.of_error.transform(y), self.of_error.transform(lagged)
        return CombinedOutcomes(np.stack([level, wy, of_m, of_mw]))

    def several(
        self, outcomes: CombinedOutcomes, asked: Sequence[Asked | Combination], errors: Errors
    ) -> tuple[list[tuple[FloatArray, FloatArray]], FloatArray, FloatArray]:
        """Return effects and their standard errors, ρ and λ, for each outcome, each of shape (M,)."""
        parts, spatial = [], []
        size = int(np.clip(min(CELLS // len(self._z), MATRICES // self.space.w.n**2), 1, MOST))
        for columns in outcomes.blocks(size):
            lam, found = self._estimates(columns)
            spatial.append((found.rho, lam))
            parts.append(self._effects(columns, lam, found, asked, errors))
        rho, lam = (np.concatenate(each) for each in zip(*spatial, strict=True))
        return joined(parts), rho, lam

    def _estimates(self, columns: FloatArray) -> tuple[FloatArray, _Profile]:
        """Return λ of each draw and the other parameters there."""
        profile = self._profiler(columns)
        sample = self.space.sample
        nodes, jacobian = self.of_error.coarse
        at_nodes = [profile(np.full(columns.shape[2], lam)) for lam in nodes.tolist()]
        heights = np.stack(
            [
                height - sample.size / 2 * np.log(found.ssr) + sample.periods * self._log_determinant(found.rho)
                for found, height in zip(at_nodes, jacobian.tolist(), strict=True)
            ]
        )
        scores = np.stack([found.score for found in at_nodes])
        best, last, draws = heights.argmax(axis=0), len(nodes) - 1, np.arange(columns.shape[2])
        left, right = np.maximum(best - 1, 0), np.minimum(best + 1, last)
        # at an end from which the likelihood falls inwards the estimate is that end
        at_end = ((best == 0) & (scores[0] <= 0)) | ((best == last) & (scores[last] >= 0))
        ends = (np.where(at_end, nodes[best], nodes[left]), np.where(at_end, nodes[best], nodes[right]))
        lam = _root(lambda at: profile(at).score, ends, (scores[left, draws], scores[right, draws]))
        return lam, profile(lam)

    def _log_determinant(self, rho: FloatArray) -> FloatArray:
        return in_sample(self._w, self.space.sample).log_determinants(rho)

    def _profiler(self, columns: FloatArray) -> Callable[[FloatArray], _Profile]:
        """Return what maximises the likelihood in β, ρ and σ² at λ of shape (M,)."""
        sample, nodes = self.space.sample, self.space.coarse[0]
        y, wy, my, mwy = columns
        powers = np.stack([np.ones_like(nodes), -2 * nodes, nodes**2], axis=1)

        def inner(one: FloatArray, other: FloatArray) -> FloatArray:
            return np.asarray(np.einsum("im,im->m", one, other))

        # at λ: first - λ second + λ² third
        squares = [
            (inner(one, other), inner(one, other_m) + inner(one_m, other), inner(one_m, other_m))
            for (one, one_m), (other, other_m) in (((y, my), (y, my)), ((y, my), (wy, mwy)), ((wy, mwy), (wy, mwy)))
        ]
        rights = [
            ((self._z.T @ one).T, (self._z.T @ one_m + self._mz.T @ one).T, (self._mz.T @ one_m).T)
            for one, one_m in ((y, my), (wy, mwy))
        ]

        def profile(lam: FloatArray) -> _Profile:
            at = lam[:, None]
            normal = at_each(self._normal, lam)
            right = np.stack([first - at * second + at**2 * third for first, second, third in rights], axis=2)
            coef = np.linalg.solve(normal, right)
            a, b, c = (first - lam * second + lam**2 * third for first, second, third in squares)
            a = a - (right[..., 0] * coef[..., 0]).sum(axis=1)
            b = b - (right[..., 0] * coef[..., 1]).sum(axis=1)
            c = c - (right[..., 1] * coef[..., 1]).sum(axis=1)

            def slopes(rho: FloatArray, traces: tuple[FloatArray, FloatArray]) -> tuple[FloatArray, FloatArray]:
                ssr = a - 2 * rho * b + rho**2 * c
                pull = (b - rho * c) / ssr
                first, second = (sample.periods * trace for trace in traces)
                return sample.size * pull - first, sample.size * (2 * pull**2 - c / ssr) - second

            rho = self.space.climb(self.space.highest(powers @ np.stack([a, b, c])), slopes)
            beta, ssr = coef[..., 0] - rho[:, None] * coef[..., 1], a - 2 * rho * b + rho**2 * c
            # minus half the derivative in λ of the sum of squares at given β and ρ
            (_, a1, a2), (_, b1, b2), (_, c1, c2) = squares
            slope = (2 * lam * a2 - a1) - 2 * rho * (2 * lam * b2 - b1) + rho**2 * (2 * lam * c2 - c1)
            of_right = [2 * at * third - second for _, second, third in rights]
            slope -= 2 * (beta * (of_right[0] - rho[:, None] * of_right[1])).sum(axis=1)
            of_normal = 2 * lam[:, None, None] * self._normal[2] - self._normal[1]
            slope += np.einsum("mk,mkl,ml->m", beta, of_normal, beta)
            score = -sample.size * slope / (2 * ssr) - sample.periods * self.of_error.traces(lam)[0]
            return _Profile(beta, rho, ssr, score)

        return profile

    def _effects(
        self,
        columns: FloatArray,
        lam: FloatArray,
        found: _Profile,
        asked: Sequence[Asked | Combination],
        errors: Errors,
    ) -> list[tuple[FloatArray, FloatArray]]:
        """Return effects and their standard errors, each of shape (M,)."""
        k, draws = self._z.shape[1], len(lam)
        rho, beta = found.rho, found.beta
        sigma2 = found.ssr / self.space.sample.size
        y, wy, my, mwy = columns
        rwy = wy - lam * mwy
        of_m = my - rho * mwy - self._mz @ beta.T
        e = y - rho * wy - self._z @ beta.T - lam * of_m
        g, h = self._matrices(rho, lam)
        q = rwy - self._applied(g, e)
        observed = errors == "observed"
        information = (
            self._observed((rwy, of_m, mwy), e, (lam, rho, sigma2))
            if observed
            else self._expected(q, (g, h), (lam, sigma2))
        )
        covariance = np.linalg.inv(information)
        scores = self._scores((q, e), (g, h), (lam, sigma2)) if errors == "cluster" else None
        traces, out = self.space.traces(rho), []
        for one in asked:
            gradient, value = np.zeros((draws, k + 3)), np.zeros(draws)
            for column, weight, of_weight in zip(*self.space.combination(one, rho, traces), strict=True):
                gradient[:, column] = weight
                gradient[:, k] += beta[:, column] * of_weight
                value = value + beta[:, column] * weight
            influence = np.einsum("mij,mj->mi", covariance, gradient)
            if scores is None:
                variance = np.einsum("mi,mi->m", influence, gradient)
            else:
                sums = np.einsum("mnp,mp->mn", scores[0], influence)
                spatial = influence[:, k : k + 2]
                variance = np.einsum("mn,mn->m", sums, sums) + np.einsum("mi,mij,mj->m", spatial, scores[1], spatial)
                variance = variance * self.space.factor
            out.append((value, np.sqrt(np.maximum(variance, 0))))
        return out

    def _scores(
        self,
        columns: tuple[FloatArray, FloatArray],
        matrices: tuple[FloatArray, FloatArray],
        at: tuple[FloatArray, FloatArray],
    ) -> tuple[FloatArray, FloatArray]:
        """Return scores by unit, shape (M, N, k + 3), and the variance of products of two units', shape (M, 2, 2).

        Where the space has clusters, these are in place of units.

        See `digicarbon.numeric.spatial.robust.unit_clustered`; ``columns`` are (RGZβ)* and the residuals.
        """
        (q, e), (lam, sigma2), k = columns, at, self._z.shape[1]
        n, draws = self.space.w.n, len(lam)
        of_q, cube = (rows.reshape(n, -1, draws) for rows in (q, e))
        squares = np.einsum("itm,itm->mi", cube, cube)
        by_unit = np.empty((draws, n, k + 3))
        for column in range(k):
            filtered = self._z[:, [column]] - lam * self._mz[:, [column]]
            by_unit[..., column] = np.einsum("itm,itm->mi", cube, filtered.reshape(n, -1, draws))
        by_unit[..., k], by_unit[..., k + 1] = np.einsum("itm,itm->mi", cube, of_q), 0.0
        by_unit[..., :-1] /= sigma2[:, None, None]
        by_draw = cube.transpose(2, 0, 1)
        products, members = np.matmul(by_draw, by_draw.transpose(0, 2, 1)), self.space.members
        within, both = np.zeros((2, draws, self.space.independent)), []
        for place, matrix in enumerate(matrices):
            star = self._centred(matrix)
            own = np.einsum("mii->mi", star)
            by_unit[..., k + place] += squares * own / sigma2[:, None] - cube.shape[1] * own
            pair = (star + star.transpose(0, 2, 1)) * products
            np.einsum("mii->mi", pair)[...] = 0.0
            if members is not None:
                pair = members.T @ pair @ members
            inside = np.einsum("mii->mi", pair)
            within[place] = inside / (2 * sigma2[:, None])
            inside[...] = 0.0
            both.append(pair)
        by_unit[..., k + 2] = (squares / sigma2[:, None] - self.space.errors_of_unit) / (2 * sigma2[:, None])
        if members is not None:
            by_unit = members.T @ by_unit
        by_unit[..., k : k + 2] += within.transpose(1, 2, 0)
        by_unit -= by_unit.mean(axis=1, keepdims=True)
        pairs = np.empty((draws, 2, 2))
        for row, one in enumerate(both):
            for column, other in enumerate(both):
                pairs[:, row, column] = np.einsum("mij,mij->m", one, other) / (2 * sigma2**2)
        return by_unit, pairs

    def _matrices(self, rho: FloatArray, lam: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return RGR⁻¹ and MR⁻¹, R = I - λM, without the part that effects remove, each of shape (M, N, N)."""
        sample = self.space.sample
        w, m = (in_sample(each, sample).w for each in (self._w, self._m))
        identity = np.eye(len(w))
        root = identity - lam[:, None, None] * m
        rooted = np.linalg.inv(root)
        g = w @ np.linalg.inv(identity - rho[:, None, None] * w)
        return root @ g @ rooted, m @ rooted

    def _applied(self, matrices: FloatArray, e: FloatArray) -> FloatArray:
        """Return a matrix per draw times its residuals, shape (N·T′, M), with effects removed."""
        n, draws = self.space.w.n, len(matrices)
        out = np.matmul(matrices, e.reshape(n, -1, draws).transpose(2, 0, 1))
        if self.space.by_time:
            out = out - out.mean(axis=1, keepdims=True)
        return np.asarray(out.transpose(1, 2, 0)).reshape(-1, draws)

    def _centred(self, matrices: FloatArray) -> FloatArray:
        """Return JAJ of matrices A, J the centring matrix where there are time effects."""
        if not self.space.by_time:
            return matrices
        out = matrices - matrices.mean(axis=1, keepdims=True)
        return np.asarray(out - out.mean(axis=2, keepdims=True))

    def _expected(
        self, q: FloatArray, matrices: tuple[FloatArray, FloatArray], at: tuple[FloatArray, FloatArray]
    ) -> FloatArray:
        """Return the expected information of (β, ρ, λ, σ²), shape (M, k + 3, k + 3)."""
        (lam, sigma2), sample, k = at, self.space.sample, self._z.shape[1]
        stars = [self._centred(matrix) if sample.drops_constant else matrix for matrix in matrices]
        out = np.zeros((len(lam), k + 3, k + 3))
        out[:, :k, :k] = at_each(self._normal, lam) / sigma2[:, None, None]
        out[:, :k, k] = ((self._z.T @ q - lam * (self._mz.T @ q)) / sigma2).T
        for row, column in ((0, 0), (0, 1), (1, 1)):
            left, right = stars[row], stars[column]
            both = np.einsum("mij,mji->m", left, right) + np.einsum("mij,mij->m", left, right)
            out[:, k + row, k + column] = sample.periods * both
        out[:, k, k] += np.einsum("im,im->m", q, q) / sigma2
        for row in (0, 1):
            out[:, k + row, k + 2] = sample.periods * np.einsum("mii->m", stars[row]) / sigma2
        return self._mirrored(out, sigma2)

    def _observed(
        self,
        columns: tuple[FloatArray, FloatArray, FloatArray],
        e: FloatArray,
        at: tuple[FloatArray, FloatArray, FloatArray],
    ) -> FloatArray:
        """Return the observed information of (β, ρ, λ, σ²), shape (M, k + 3, k + 3)."""
        (rwy, of_m, mwy), (lam, rho, sigma2) = columns, at
        sample, k = self.space.sample, self._z.shape[1]
        out = np.zeros((len(lam), k + 3, k + 3))
        out[:, :k, :k] = at_each(self._normal, lam)
        out[:, :k, k] = (self._z.T @ rwy - lam * (self._mz.T @ rwy)).T
        out[:, :k, k + 1] = (self._z.T @ of_m - lam * (self._mz.T @ of_m) + self._mz.T @ e).T
        for row, column, left, right in ((k, k, rwy, rwy), (k, k + 1, rwy, of_m), (k + 1, k + 1, of_m, of_m)):
            out[:, row, column] = np.einsum("im,im->m", left, right)
        out[:, k, k + 1] += np.einsum("im,im->m", mwy, e)
        for row, column in ((k, rwy), (k + 1, of_m)):
            out[:, row, k + 2] = np.einsum("im,im->m", column, e) / sigma2
        out /= sigma2[:, None, None]
        out[:, k, k] += sample.periods * self.space.traces(rho)[1]
        out[:, k + 1, k + 1] += sample.periods * self.of_error.traces(lam)[1]
        return self._mirrored(out, sigma2)

    def _mirrored(self, upper: FloatArray, sigma2: FloatArray) -> FloatArray:
        """Return symmetric matrices of their upper triangles, with the element of σ²."""
        upper[:, -1, -1] = self.space.sample.size / (2 * sigma2**2)
        upper = np.triu(upper)
        return np.asarray(upper + np.triu(upper, 1).transpose(0, 2, 1))


def _dense(space: LagSpace) -> DenseOperator:
    if not isinstance(space.w, DenseOperator):
        raise TypeError("the matrices of a combined model are dense")
    return space.w


def _root(
    f: Callable[[FloatArray], FloatArray], ends: tuple[FloatArray, FloatArray], values: tuple[FloatArray, FloatArray]
) -> FloatArray:
    """Return where a function of each draw is zero between two ends at which its signs differ.

    Chandrupatla (1997), Advances in Engineering Software 28: inverse quadratic steps where they are safe, else halves.
    """
    (a, b), (fa, fb) = (end.copy() for end in ends), (value.copy() for value in values)
    c, fc, share = a.copy(), fa.copy(), np.full(len(a), 0.5)
    width = np.abs(b - a)
    for _ in range(80):
        best = np.where(np.abs(fa) < np.abs(fb), a, b)
        gap = np.abs(b - a)
        tolerance = ROOT * np.maximum(width, 1e-300)
        if ((gap <= 2 * tolerance) | (np.minimum(np.abs(fa), np.abs(fb)) == 0)).all():
            break
        least = np.where(gap > 0, np.minimum(tolerance / np.where(gap > 0, gap, 1.0), 0.5), 0.5)
        at = a + np.clip(share, least, 1 - least) * (b - a)
        value = f(at)
        same = np.sign(value) == np.sign(fa)
        c, fc = np.where(same, a, b), np.where(same, fa, fb)
        b, fb = np.where(same, b, a), np.where(same, fb, fa)
        a, fa = at, value
        with np.errstate(divide="ignore", invalid="ignore"):
            position, height = (a - b) / (c - b), (fa - fb) / (fc - fb)
            safe = (height**2 < position) & ((1 - height) ** 2 < 1 - position)
            quadratic = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
        share = np.where(safe & np.isfinite(quadratic), quadratic, 0.5)
    return np.asarray(best)
