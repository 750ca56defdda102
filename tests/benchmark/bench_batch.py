"""Speed of batched fits: one spatial Durbin design, many outcomes, the total effect's z of each; permuted groups.

Run: OPENBLAS_NUM_THREADS=1 python tests/benchmark/bench_batch.py
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd

import digicarbon as dc
from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.within import demean
from digicarbon.numeric.spatial.batch import LagBatch
from digicarbon.numeric.spatial.likelihood import Sample, fit_lag
from digicarbon.packs.china import facts
from digicarbon.weights import Weights

N, T, K, DRAWS, SINGLE, PERMUTATIONS = 30, 6, 6, 40_000, 1_000, 1_000


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
    permutations()


def permutations() -> None:
    """Write how fast units change their groups, beside fits of the interacted model."""
    rng = np.random.default_rng(1)
    index = pd.MultiIndex.from_product([range(N), range(T)], names=["unit", "year"])
    frame = pd.DataFrame(rng.normal(size=(N * T, 3)), index=index, columns=["y", "x", "z"]).reset_index()
    panel = dc.Panel.from_frame(frame.assign(zone=np.where(frame["unit"] < N // 2, "a", "b")), "unit", "year")
    model = dc.PanelRegression(y="y", x=("x",), controls=("z",), cov="classic", test="errors")
    dc.compare_groups(model, panel, by="zone", draws=99)
    start = time.process_time()
    dc.compare_groups(model, panel, by="zone", draws=PERMUTATIONS)
    batched = PERMUTATIONS / (time.process_time() - start)
    grouped = dc.GroupedRegression(y="y", x=("x",), controls=("z",), by="zone", cov="classic", test="errors")
    start = time.process_time()
    for _ in range(SINGLE // 10):
        grouped.fit(panel.with_columns({"y": rng.normal(size=N * T)}))
    single = SINGLE // 10 / (time.process_time() - start)
    sys.stdout.write(
        f"permutations of {N} units in two groups: {batched:,.0f} per CPU second, with the rest of the comparison;"
        f" fits of the interacted model: {single:,.0f}; ratio {batched / single:.0f}\n"
    )


if __name__ == "__main__":
    main()
