"""Speed of the joint test: 1,000 spatial Durbin specifications, 500 draws each, and two-way fixed effects beside them.

Run from the repository: ``python tests/benchmark/bench_joint.py``. The specifications are planned and fitted first; the
time is that of the joint test alone, null models included, on one BLAS thread.
"""

from __future__ import annotations

import itertools
import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")

import yaml

from digicarbon.config.compose import Composer, loader
from digicarbon.plan.runs import Plan, plan
from digicarbon.sweep.joint import joint_test

CONTROLS = ("ln_pgdp", "ln_population", "ln_built_up_area", "ln_ter_sec", "ln_regulation")
DRAWS = 500


def subsets(terms: Sequence[str]) -> list[list[str]]:
    """Return all subsets of terms."""
    return [list(some) for size in range(len(terms) + 1) for some in itertools.combinations(terms, size)]


GRID: dict[str, Any] = {
    "measure": ["sector1", "sector2", "ddl", "ide", "bea"],
    "outcome": ["intensity", "intensity_apparent", "intensity_fuels"],
    "outcome.controls": subsets(CONTROLS),
    "sample.first": [None, 2013],
}
WEIGHTS = {"weights": ["w1_adjacency", "w2_nested"]}


def planned(model: str, grid: dict[str, Any], count: int) -> Plan:
    """Return the plan of the first runs of a grid."""
    head = f"experiments/bench_{model}.yaml"
    Path("experiments").mkdir(exist_ok=True)
    defaults = ["config", {"override model": model}, {"override inference": "classic"}, "_self_"]
    Path(head).write_text(yaml.safe_dump({"defaults": defaults, "grid": grid}), encoding="utf-8")
    made = plan(Composer(loader(), f"bench_{model}", []), [])
    made.runs = made.runs[:count]
    return made


def measure(name: str, made: Plan, quantity: Any) -> None:
    """Write what a joint test of a plan takes."""
    results = [run.specs.model.fit(run.prepared.panel, run.prepared.weights) for run in made.runs]
    wall, cpu = time.perf_counter(), time.process_time()
    found = joint_test(zip(made.runs, results, strict=True), quantity, DRAWS)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(
        f"{name}: {found.specifications:,} specifications x {DRAWS} draws: {cpu:.2f} s CPU, {wall:.2f} s wall, "
        f"{found.specifications * DRAWS / cpu:,.0f} fits per CPU second, peak {peak:.0f} MB; "
        f"p of the median {found.statistics.at['median', 'p']:.3f}\n"
    )


def main() -> None:
    """Measure both."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        measure("SDM, total effect", planned("sdm", GRID | WEIGHTS, 1200), "total")
        measure("two-way FE", planned("twfe", GRID, 1000), "coefficient")
        os.chdir("/")


if __name__ == "__main__":
    main()
