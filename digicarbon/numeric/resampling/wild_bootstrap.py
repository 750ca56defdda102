"""Wild cluster bootstrap of linear restrictions after least squares."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.slices import slices

WildWeights = Literal["rademacher", "webb"]
Tails = Literal["symmetric", "equal"]

TIES = 1e-9
"""Statistics that differ by less, relative to the observed one, are equal: the weights of plus or minus one for all
clusters give the observed statistic again, but for rounding."""

CELLS = 8_000_000
"""Numbers that one block of draws, or of cluster columns, may hold."""

FARTHEST = 1e6
"""Standard errors from the estimate beyond which an interval is unbounded."""

WEBB = np.sqrt(np.array([0.5, 1.0, 1.5]))


@dataclass(frozen=True, eq=False)
class WildBootstrap:
    """Outcome of a wild cluster bootstrap.

    ``estimate`` is Rb - r, ``se`` its cluster-robust standard error without small-sample factor, ``statistic`` t, or
    the Wald statistic of joint restrictions, of which the former are not-a-number. ``low`` and ``high`` are the ends of
    the interval of Rb that the test does not reject: infinite where it rejects no value, not-a-number for joint
    restrictions or where no interval was requested. ``draws`` are 2^G where all are ``enumerated``; ``smallest_p`` is
    the smallest p that this number of clusters and draws allows.
    """

    estimate: float
    se: float
    statistic: float
    p: float
    low: float
    high: float
    draws: int
    enumerated: bool
    smallest_p: float


@dataclass(frozen=True, eq=False)
class _Scores:
    """The bootstrap's numerators and cluster scores as linear functions of the weights.

    ``numerator`` (q, G) and ``cluster`` (q, G, G) are for residuals of the estimate; ``numerator_null`` and
    ``cluster_null``, with a last axis of q, are their changes per unit of distance from the null.
    """

    numerator: FloatArray
    cluster: FloatArray
    numerator_null: FloatArray
    cluster_null: FloatArray


def wild_cluster_bootstrap(
    x: FloatArray,
    y: FloatArray,
    absorb: Callable[[FloatArray], FloatArray],
    clusters: IntArray,
    restrictions: FloatArray,
    value: float = 0.0,
    weights: WildWeights = "rademacher",
    impose_null: bool = True,
    tails: Tails = "symmetric",
    draws: int = 9999,
    level: float | None = 0.95,
    rng: np.random.Generator | None = None,
) -> WildBootstrap:
    """Return the wild cluster bootstrap test of Rb = r, R of shape (q, k), r the same in each row.

    x, shape (rows, k), and y have fixed effects removed; ``absorb`` removes the same effects from columns: multiplied
    residuals are no longer free of effects that cut across clusters. ``weights`` are ±1, all 2^G of them where that is
    at most ``draws``, or ±√½, ±1, ±√1½ (Webb 2023). With ``impose_null`` residuals are those of the restricted estimate
    (WCR), else of the unrestricted one (WCU). p is of |t*| >= |t|, or twice the smaller tail (one row of R only). A
    ``level`` of None leaves the interval out.

    Cameron, Gelbach & Miller (2008), Review of Economics and Statistics 90; in the form of Roodman, Nielsen, MacKinnon
    & Webb (2019), Stata Journal 19: with Z = X(X′X)⁻¹R′ and residuals ũ multiplied by v by cluster, the numerator is
    Σ_g v_g Z_g′ũ_g and the score of cluster g is Z_g′[M(v∘ũ)]_g, M the residual maker of X and effects, both linear in
    v. Residuals are linear in r under the null, so that five numbers of each draw give p for any r, and the interval is
    found by inverting the test. p counts draws at least as large: with all weights enumerated their share, including
    the sample itself; otherwise (b + 1)/(B + 1).
    """
    rng = np.random.default_rng(0) if rng is None else rng
    q = len(restrictions)
    g = int(clusters.max()) + 1
    bread = np.asarray(np.linalg.inv(x.T @ x), dtype=np.float64)
    beta = bread @ (x.T @ y)
    z = x @ bread @ restrictions.T
    distance = restrictions @ beta - value
    residuals = y - x @ beta
    # restricted minus unrestricted residuals, per unit of distance from the null
    towards_null = z @ np.linalg.inv(restrictions @ bread @ restrictions.T)
    scores = _scores(x, bread, z, residuals, towards_null if impose_null else towards_null * 0, absorb, clusters, g)
    sums = np.stack([np.bincount(clusters, z[:, j] * residuals, g) for j in range(q)])
    variance = sums @ sums.T
    enumerated = weights == "rademacher" and 2**g <= draws
    blocks = _all_weights(g) if enumerated else _random_weights(g, draws, weights, rng)
    count = 2**g if enumerated else draws
    extra = 0 if enumerated else 1
    if q > 1:
        statistic = float(distance @ np.linalg.solve(variance, distance))
        stars = np.concatenate([_walds(scores, distance, block) for block in blocks])
        larger = int((~(stars < statistic * (1 - TIES))).sum())
        p = (larger + extra) / (count + extra)
        nan = math.nan
        return WildBootstrap(nan, nan, statistic, p, nan, nan, count, enumerated, _smallest_p(g, count, enumerated))
    se = math.sqrt(variance[0, 0])
    parts = np.concatenate([_moments(scores, block) for block in blocks], axis=1)

    def p_at(d: float) -> float:
        t = d / se
        top = parts[0] + d * parts[1]
        below = np.sqrt(np.maximum(parts[2] + 2 * d * parts[3] + d * d * parts[4], 0.0))
        return _p(t, top, below, tails, extra)

    d = float(distance[0])
    low = high = math.nan
    if level is not None:
        # a distance of d from the null is a null of value + distance - d
        low, high = (value + d - _crossing(p_at, sign * se, 1 - level) for sign in (1.0, -1.0))
    return WildBootstrap(d, se, d / se, p_at(d), low, high, count, enumerated, _smallest_p(g, count, enumerated))


def _smallest_p(g: int, count: int, enumerated: bool) -> float:
    # the sample itself and its mirror image are always among the draws
    return 2 / count if enumerated else 1 / (count + 1)


def _scores(
    x: FloatArray,
    bread: FloatArray,
    z: FloatArray,
    residuals: FloatArray,
    towards_null: FloatArray,
    absorb: Callable[[FloatArray], FloatArray],
    clusters: IntArray,
    g: int,
) -> _Scores:
    def of(vector: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return numerators (q, G) and cluster scores (q, G, G) of one vector of residuals."""
        numerator = np.array([np.bincount(clusters, column * vector, g) for column in z.T], dtype=np.float64)
        cluster = np.empty((z.shape[1], g, g))
        for some in slices(g, CELLS // len(vector)):
            columns = np.arange(some.start, some.stop)
            blocks = vector[:, None] * (clusters[:, None] == columns)
            rest = absorb(blocks)
            rest = rest - x @ (bread @ (x.T @ rest))
            for j, column in enumerate(z.T):
                products = column[:, None] * rest
                for position, h in enumerate(columns):
                    cluster[j, :, h] = np.bincount(clusters, products[:, position], g)
        return numerator, cluster

    base = of(residuals)
    changes = [of(column) for column in towards_null.T]
    return _Scores(
        *base, np.stack([item[0] for item in changes], axis=-1), np.stack([item[1] for item in changes], axis=-1)
    )


def _moments(scores: _Scores, v: FloatArray) -> FloatArray:
    """Return numerators and squared scores of one restriction as polynomials of the distance, shape (5, B)."""
    s0, s1 = v @ scores.cluster[0].T, v @ scores.cluster_null[0, :, :, 0].T
    return np.stack(
        [
            v @ scores.numerator[0],
            v @ scores.numerator_null[0, :, 0],
            np.einsum("bg,bg->b", s0, s0),
            np.einsum("bg,bg->b", s0, s1),
            np.einsum("bg,bg->b", s1, s1),
        ]
    )


def _walds(scores: _Scores, distance: FloatArray, v: FloatArray) -> FloatArray:
    """Return Wald statistics of joint restrictions, shape (B,)."""
    top = v @ (scores.numerator + scores.numerator_null @ distance).T
    cluster_scores = np.einsum("qgh,bh->bqg", scores.cluster + scores.cluster_null @ distance, v)
    variance = cluster_scores @ np.swapaxes(cluster_scores, 1, 2)
    # draws of so few clusters that the variance is singular count as large
    sizes = np.sqrt(np.einsum("bqq->bq", variance))
    safe = np.where(sizes > 0, sizes, 1.0)
    scaled = variance / safe[:, :, None] / safe[:, None, :]
    regular = (sizes > 0).all(axis=1) & (np.linalg.eigvalsh(scaled)[:, 0] > 1e-12)
    regular_variance = np.where(regular[:, None, None], scaled, np.eye(top.shape[1]))
    ratio = top / safe
    statistics = np.einsum("bq,bq->b", ratio, np.linalg.solve(regular_variance, ratio[..., None])[..., 0])
    return np.where(regular, statistics, np.inf)


def _p(t: float, top: FloatArray, below: FloatArray, tails: Tails, extra: int) -> float:
    """Return the p value of t among top/below, ties counted as large."""
    count = len(top)
    slack = TIES * abs(t) * below
    if tails == "symmetric":
        larger = int((np.abs(top) >= abs(t) * below - slack).sum())
        return (larger + extra) / (count + extra)
    above = int((top >= t * below - slack).sum())
    under = int((top <= t * below + slack).sum())
    return min(1.0, 2 * (min(above, under) + extra) / (count + extra))


def _crossing(p_at: Callable[[float], float], se: float, alpha: float) -> float:
    """Return the distance on one side of zero at which p falls to alpha; infinite if it does not."""
    inside, outside = 0.0, se
    while p_at(outside) > alpha:
        inside, outside = outside, outside * 1.1
        if abs(outside) > FARTHEST * abs(se):
            return math.copysign(math.inf, se)
    return float(
        scipy.optimize.bisect(lambda d: 1.0 if p_at(d) > alpha else -1.0, inside, outside, xtol=1e-10 * abs(se))
    )


def _all_weights(g: int) -> Iterator[FloatArray]:
    """Yield all 2^G vectors of ±1, in blocks of shape (B, G)."""
    size = max(1, CELLS // g)
    for start in range(0, 2**g, size):
        numbers = np.arange(start, min(start + size, 2**g))
        yield np.asarray(1.0 - 2.0 * ((numbers[:, None] >> np.arange(g)) & 1), dtype=np.float64)


def _random_weights(g: int, draws: int, weights: WildWeights, rng: np.random.Generator) -> Iterator[FloatArray]:
    size = max(1, CELLS // g)
    for start in range(0, draws, size):
        shape = (min(size, draws - start), g)
        signs = np.asarray(1.0 - 2.0 * rng.integers(0, 2, shape), dtype=np.float64)
        yield signs if weights == "rademacher" else signs * WEBB[rng.integers(0, 3, shape)]
