"""Speed of dynamic spatial Durbin models with two-way effects and the exact score, beside that of the static model.

    python tests/benchmark/bench_dynamic_space.py

One x and its spatial lag; estimates, standard errors and both kinds of effects with theirs. CPU seconds of one thread,
the best of five. "kernel" starts from columns in memory, "fit" from a panel; "draws" are outcomes of a wild bootstrap,
in fits per second. The static model of the same size stands beside it: a busy machine slows both.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from scipy import sparse

import digicarbon as dc
from digicarbon.numeric.linear.within import demean
from digicarbon.numeric.spatial.effects import lag_effects
from digicarbon.numeric.spatial.likelihood import Sample, fit_lag
from digicarbon.numeric.spatial.operator import DenseOperator, SpatialOperator
from digicarbon.numeric.spatial.sparse import SparseOperator
from digicarbon.packs.dynamic_space.numeric.batch import DynamicBatch
from digicarbon.packs.dynamic_space.numeric.effects import long_factors, short_factors
from digicarbon.packs.dynamic_space.numeric.estimator import Setting, fit_dynamic
from digicarbon.packs.dynamic_space.numeric.null import lags_of
from digicarbon.source import SimulatedDynamicSpace
from digicarbon.weights import DelaunayWeights

RHO, TAU, ETA = 0.3, 0.4, -0.1
DRAWS = 20_000


def cpu(run: Callable[[], object], times: int) -> float:
    """The CPU seconds of a call, the best of five loops."""
    run()
    taken = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(times):
            run()
        taken.append((time.process_time() - start) / times)
    return min(taken)


def lattice(rows: int, columns: int) -> sparse.csr_array:
    """A row-standardised lattice."""

    def path(m: int) -> sparse.dia_array:
        return sparse.diags_array([np.ones(m - 1), np.ones(m - 1)], offsets=[-1, 1])

    raw = sparse.kron(path(rows), sparse.eye_array(columns)) + sparse.kron(sparse.eye_array(rows), path(columns))
    w = sparse.csr_array(sparse.diags_array(1 / np.asarray(raw.sum(axis=1)).ravel()) @ raw)
    w.sort_indices()
    return w


def operator(rows: int, columns: int) -> SpatialOperator:
    """Dense up to a thousand units."""
    w = lattice(rows, columns)
    sums = np.round(1 / w.max(axis=1).toarray().ravel())
    return DenseOperator(w.toarray(), 1.0, sums) if w.shape[0] <= 1000 else SparseOperator(w, 1.0, sums)


def drawn(w: SpatialOperator, t: int) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes of t + 1 periods, and x with its lag of the last t."""
    rng = np.random.default_rng(1)
    unit, y = rng.standard_normal((2, w.n))
    outcomes, regressors = [], []
    for _ in range(t + 21):
        x = rng.standard_normal(w.n)
        both = w.lag(np.stack([x, y], axis=1)[None])[0]
        right = TAU * y + ETA * both[:, 1] + x + 0.5 * both[:, 0] + unit + rng.standard_normal(w.n)
        y = right + RHO * w.apply_g(RHO, right[:, None])[:, 0]
        outcomes.append(y)
        regressors.append(np.stack([x, both[:, 0]], axis=1))
    return np.array(outcomes[-t - 1 :]), np.array(regressors[-t:])


def kernels(w: SpatialOperator, t: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """A dynamic fit with its effects, and a static one, from raw columns."""
    y, z = drawn(w, t)
    setting = Setting(w.n, t, "two_way", "score")
    static = Sample(w.n, t, "two_way", "lee_yu")

    def dynamic() -> object:
        lags = lags_of(y[1:], y[:-1], w, setting)
        columns = demean(np.concatenate([z, lags, y[1:, :, None]], axis=2), "two_way")
        fit = fit_dynamic(columns, w, setting)
        covariance = fit.covariance[:-1, :-1]
        for factors in (short_factors(fit.theta, w), long_factors(fit.theta, w)):
            factors.estimates(fit.beta[:1], fit.beta[1:], covariance)
        return fit

    def plain() -> object:
        level = y[1:, :, None]
        columns = demean(np.concatenate([z, level, w.lag(level)], axis=2), "two_way")
        fit = fit_lag(columns, w, static)
        return lag_effects(fit.beta[:1], fit.beta[1:], fit.spatial, fit.covariance[:-1, :-1], w)

    return dynamic, plain


def main() -> None:
    """Print a line for each task."""
    sys.stdout.write(f"{'':28}{'seconds':>12}{'per second':>14}{'static, seconds':>18}\n")

    def say(name: str, seconds: float, static: float | None = None) -> None:
        beside = "" if static is None else f"{static:18.6f}"
        sys.stdout.write(f"{name:28}{seconds:12.6f}{1 / seconds:14,.0f}{beside}\n")
        sys.stdout.flush()

    for (rows, columns), t, times in (((5, 6), 5, 300), ((15, 19), 14, 20), ((50, 56), 19, 2)):
        w = operator(rows, columns)
        dynamic, plain = kernels(w, t)
        say(f"kernel, {rows * columns:,} × {t + 1}", cpu(dynamic, times), cpu(plain, times))
    source = SimulatedDynamicSpace().load()
    panel = dc.Panel.from_frame(source.frame, "unit", "time")
    weights = DelaunayWeights().compute(panel)
    model = dc.DynamicSpatialPanel(y="y", x=("x",), controls=("c",), test="errors")
    beside = dc.SpatialPanel(y="y", x=("x",), controls=("c",), kind="sdm", cov="classic", test="errors")
    say("fit, 30 × 6", cpu(lambda: model.fit(panel, weights), 100), cpu(lambda: beside.fit(panel, weights), 100))
    w = operator(5, 6)
    y, z = drawn(w, 5)
    rng = np.random.default_rng(0)
    batch = DynamicBatch(z, y[0], w, Setting(30, 5, "two_way", "score"))
    base = batch.outcomes(np.concatenate([y[1:, :, None], 0.3 * rng.standard_normal((5, 30, 30))], axis=2))
    signs = np.concatenate([np.ones((1, DRAWS)), rng.choice([-1.0, 1.0], (30, DRAWS))])
    prepared = base @ signs
    say("draw, 30 × 6", cpu(lambda: batch.several(prepared, [(0, 1, "long_total")]), 1) / DRAWS)


if __name__ == "__main__":
    main()
