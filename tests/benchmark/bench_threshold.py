"""Speed of the threshold search against least squares on each candidate.

    python tests/benchmark/bench_threshold.py

565 units of 14 periods, one x, two controls, unit effects, every value of the threshold variable a candidate (7,119 of
them); CPU seconds of one thread, the best of three. In the spatial Durbin model W is dense, with 5 neighbours each.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

from digicarbon.numeric.linear.within import Rows
from digicarbon.numeric.spatial.lag_space import LagSpace
from digicarbon.numeric.spatial.likelihood import Sample
from digicarbon.numeric.spatial.operator import DenseOperator
from digicarbon.packs.threshold.numeric.estimator import Resampling, Sets, estimate, thresholds_of
from digicarbon.packs.threshold.numeric.search import Ordered
from digicarbon.packs.threshold.numeric.space import SpatialLag

N, T, DRAWS, LOOPS = 565, 14, 300, 200


def cpu(run: Callable[[], object]) -> float:
    """The CPU seconds of the fastest of three runs."""
    taken = []
    for _ in range(3):
        start = time.process_time()
        run()
        taken.append(time.process_time() - start)
    return min(taken)


def main() -> None:
    """Print a line for each task."""
    rng = np.random.default_rng(1)
    unit, period = np.divmod(np.arange(N * T), T)
    rows = Rows(unit, period, N, T)
    x, common, q = rng.standard_normal((N * T, 1)), rng.standard_normal((N * T, 2)), rng.standard_normal(N * T)
    slope = 1 + 0.5 * (q > -0.5) + 0.5 * (q > 0.5)
    y = slope * x[:, 0] + common.sum(axis=1) + rng.standard_normal(N)[unit] + rng.standard_normal(N * T)

    def fit(count: int, draws: int, resampling: Resampling = "units", sets: Sets = "likelihood") -> object:
        return estimate(Ordered(x, common, q, rows, "unit"), y, count, 0.05, None, draws, 1, resampling, sets)

    ordered = Ordered(x, common, q, rows, "unit")
    candidates = ordered.candidates(0.05)

    def loop() -> None:
        inner = ordered.demeaned(np.column_stack([x, common, y]))
        for place in candidates[:LOOPS].tolist():
            columns = np.column_stack([inner[:, :-1], ordered.demeaned(ordered.below(place))])
            b = np.linalg.solve(columns.T @ columns, columns.T @ inner[:, -1])
            float(np.square(inner[:, -1] - columns @ b).sum())

    one = cpu(loop) / LOOPS * len(candidates)
    neighbours = np.zeros((N, N))
    np.put_along_axis(neighbours, rng.integers(0, N, (N, 5)), 0.2, axis=1)
    np.fill_diagonal(neighbours, 0)
    space = LagSpace(DenseOperator(neighbours, None), Sample(N, T, "unit", "lee_yu"))
    lagged = (neighbours @ np.column_stack([x, common, y]).reshape(N, -1)).reshape(N * T, -1)
    within = ordered.demeaned(np.column_stack([x, common, lagged[:, :-1], y, lagged[:, -1:]]))
    lag = SpatialLag(ordered, within[:, :-2], within[:, -2], within[:, -1], (0,), space)

    lines = {
        "one threshold, no bootstrap": cpu(lambda: fit(1, 0)),
        "one threshold, 300 draws of units": cpu(lambda: fit(1, DRAWS)),
        "one threshold, 300 draws of signs": cpu(lambda: fit(1, DRAWS, "signs")),
        "the same, and the set by draws": cpu(lambda: fit(1, DRAWS, "signs", "draws")),
        "three thresholds, 300 draws each": cpu(lambda: fit(3, DRAWS)),
        "SDM, 400 quantiles, 300 draws": cpu(lambda: thresholds_of(lag, 1, 0.05, 400, DRAWS, 1, "signs")),
        "SDM, every value, no bootstrap": cpu(lambda: thresholds_of(lag, 1, 0.05)),
        "loop of least squares, one search": one,
        "loop of least squares, 300 draws": one * (DRAWS + 1),
    }
    sys.stdout.writelines(f"{name:36} {seconds:10.3f} s\n" for name, seconds in lines.items())


if __name__ == "__main__":
    main()
