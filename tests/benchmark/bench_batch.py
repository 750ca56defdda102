"""Speed of batched fits: one spatial Durbin design, many outcomes, the total effect's z of each.

Run: OPENBLAS_NUM_THREADS=1 python tests/benchmark/bench_batch.py
"""

from __future__ import annotations

import sys
import time

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.china import facts
from digicarbon.numeric.linear.within import demean
from digicarbon.numeric.spatial.batch import LagBatch
from digicarbon.numeric.spatial.likelihood import Sample, fit_lag
from digicarbon.weights import Weights

N, T, K, DRAWS, SINGLE = 30, 6, 6, 40_000, 1_000


def main() -> None:
    operator = Weights.from_edges(facts.adjacency()).operator
    rng = np.random.default_rng(1)
    x = rng.normal(size=(T, N, K))
    z = np.concatenate([x, operator.lag(x)], axis=2)
    y = rng.normal(size=(DRAWS, T, N)) + x[..., 0]
    sample = Sample(N, T, "two_way", "lee_yu")
    batch = LagBatch(z, operator, sample)

    def effects(y: FloatArray) -> None:
        batch.several(batch.space.outcomes(y.transpose(2, 1, 0)), [(0, K, "total")], "classic")

    effects(y[:100])
    best = 0.0
    for _ in range(5):
        start = time.process_time()
        effects(y)
        best = max(best, DRAWS / (time.process_time() - start))
    start = time.process_time()
    for draw in y[:SINGLE]:
        both = np.concatenate([z, draw[..., None], operator.lag(draw[..., None])], axis=2)
        fit_lag(demean(both, "two_way"), operator, sample)
    single = SINGLE / (time.process_time() - start)
    sys.stdout.write(
        f"batched: {best:,.0f} draws per CPU second; one by one: {single:,.0f}; ratio {best / single:.0f}\n"
    )


if __name__ == "__main__":
    main()
