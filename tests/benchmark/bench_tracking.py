"""What recording costs: batches into the tables beside MLflow's public client, and results read back.

``python tests/benchmark/bench_tracking.py [RUNS]`` prints a Markdown table (3,000 runs at least). Both ways write into
stores of their own in one process, one after the other; CPU time of this process. The public client writes fewer runs,
which the table says.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from mlflow import MlflowClient

from digicarbon.result import Effects, Inference, Result
from digicarbon.tracking import Data, Entry, Store, Tracking, absolute, store_results
from digicarbon.tracking import _database as database

BATCH = 500
PEER = 100
FEATURES = ("x1", "x2", "x3", "x4", "x5", "x6")


def entry(k: int) -> Entry:
    """A two-way spatial Durbin run with effects: 25 params, 12 tags, some 60 metrics."""
    rng = np.random.default_rng(k)
    terms = (*FEATURES, *(f"W_{name}" for name in FEATURES), "rho", "sigma2")
    root = rng.normal(size=(len(terms), len(terms)))
    result = Result(
        kind="sdm",
        y="ln_ci",
        focal=("x1",),
        terms=terms,
        coef=rng.normal(size=len(terms)),
        covariance=root @ root.T,
        inference=Inference(),
        statistics={f"statistic {j}": float(value) for j, value in enumerate(rng.normal(size=10))},
        spatial_effects=Effects(FEATURES, rng.normal(size=(3, 6)), rng.random((3, 6))),
    )
    groups = ("source", "measure", "outcome", "panel", "sample", "weights", "inference", "model", "diagnostic")
    config = {group: {"_target_": f"digicarbon.{group}", "field": [1, 2, 3], "other": k % 7} for group in groups}
    return Entry(
        label=f"run {k}",
        params={f"model.field {j}": f"value {(k + j) % 5}" for j in range(25)},
        tags={"digicarbon.hash": f"{k:064x}", "digicarbon.label": f"run {k}", "digicarbon.data_digest": "d" * 64},
        config=config,
        result=result,
        error="",
        start=1_700_000_000_000 + k,
        end=1_700_000_000_100 + k,
        data=Data("simulated", "d" * 36, '{"units": 30, "periods": 6}'),
    )


def timed(act: Callable[[], Any]) -> tuple[float, float, Any]:
    """CPU seconds, wall seconds and what came of it."""
    cpu, wall = time.process_time(), time.perf_counter()
    found = act()
    return time.process_time() - cpu, time.perf_counter() - wall, found


def write(store: Store, first: int, last: int) -> float:
    """CPU seconds of writing runs, without making them."""
    spent = 0.0
    for start in range(first, last, BATCH):
        entries = [entry(k) for k in range(start, min(start + BATCH, last))]
        spent += timed(lambda batch=entries: store.write(batch))[0]
    return spent


def main(runs: int) -> None:
    os.chdir(tempfile.mkdtemp())
    heads, database.HEADS = database.HEADS, frozenset()
    peer = Store(Tracking(uri="sqlite:///peer/mlflow.db", artifacts="peer/artifacts"), "peer")
    peer.open("", "", {}, resume=False)
    public = write(peer, 0, PEER) / PEER
    database.HEADS = heads
    store = Store(Tracking(), "ours")
    store.open("", "", {}, "key")
    write(store, 0, 100)
    early = write(store, 100, 1_100) / 1_000
    write(store, 1_100, runs - 1_000)
    late = write(store, runs - 1_000, runs) / 1_000
    finish = timed(lambda: store.finish({}, 0, runs))
    again = Store(Tracking(), "ours")
    opened = timed(lambda: again.open("", "", {}, "key"))
    results = timed(lambda: dict(again.recorded().read(opened[2])))
    found = timed(lambda: again.find([f"{k:064x}" for k in range(runs)]))
    table = timed(lambda: store_results(Tracking(), store.parent_id))
    client = MlflowClient(tracking_uri=absolute(Tracking().uri))
    inside = f"tags.`mlflow.parentRunId` = '{store.parent_id}'"
    search = timed(lambda: list(client.search_runs([again.experiment_id], inside, max_results=50_000)))
    assert len(opened[2]) == len(results[2]) == len(table[2]) == len(search[2]) == runs
    again.abort()
    first, peer_cost = f"{early * 1e3:.2f} ms", f"{public * 1e3:.1f} ms"
    lines = [
        f"{runs:,} runs, batches of {BATCH}; {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}",
        "",
        "| what | CPU | beside it |",
        "|---|---|---|",
        f"| recording a run, the first 1,000 | {first} | public client {peer_cost} ({PEER} runs) |",
        f"| recording a run, the last 1,000 | {late * 1e3:.2f} ms | {late / early:.2f} × the first |",
        f"| results.parquet, closing | {finish[0]:.2f} s | |",
        f"| going on: what is done | {opened[0]:.2f} s | |",
        f"| all results back as objects | {results[0]:.2f} s | |",
        f"| looking up all hashes | {found[0]:.2f} s | |",
        f"| all results as one table | {table[0]:.2f} s | search_runs {search[0]:.1f} s |",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
