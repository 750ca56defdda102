"""How long one answer takes: Shapley shares of 2,500 estimates, and 100 specifications without each of 30 units.

``OMP_NUM_THREADS=1 python tests/benchmark/bench_one_answer.py``
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import yaml

from digicarbon.config.compose import Composer, loader
from digicarbon.executor import LocalExecutor
from digicarbon.numeric.multiverse.shapley import shapley
from digicarbon.plan.runs import plan
from digicarbon.report.evidence import EvidenceRequest
from digicarbon.sweep.evidence import evidence

GRID = {
    "model": ["twfe", "sdm"],
    "measure": ["bea", "ddl", "sector2"],
    "outcome.controls": {"subsets": ["ln_pgdp", "ln_population", "ln_ter_sec"]},
    "weights": ["economic", "k_nearest", "inverse_distance", "w2_nested", "w2_product"],
}


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def shares() -> None:
    rng = np.random.default_rng(1)
    for count in (8, 10, 12, 14, 16):
        choices = [np.eye(many)[rng.integers(0, many, 2500)] for many in rng.integers(2, 8, count)]
        y = sum(x @ rng.normal(size=x.shape[1]) for x in choices) + rng.normal(size=2500)
        begun = time.process_time()
        shapley(np.asarray(y), choices)
        say(f"Shapley shares of 2,500 estimates, {count} choices: {time.process_time() - begun:.2f} s of CPU")


def units() -> None:
    os.chdir(tempfile.mkdtemp())
    Path("experiments").mkdir()
    content = {"defaults": ["config", {"override inference": "classic"}, "_self_"], "grid": GRID}
    Path("experiments/bench.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    made = plan(Composer(loader(), "bench", []))
    fits = [(run, run.specs.model.fit(run.prepared.panel, run.prepared.weights)) for run in made.runs]
    for leave_out in (False, True):
        begun = time.process_time()
        found = evidence(fits, EvidenceRequest("coefficient", None, leave_out), LocalExecutor(backend="sequential"))
        seconds = time.process_time() - begun
        what = (
            "likelihoods"
            if found.left_out is None
            else f"these, and fits without each of {len(found.left_out.units)} units"
        )
        say(f"{len(found.each)} specifications, {what}: {seconds:.2f} s of CPU")


if __name__ == "__main__":
    shares()
    units()
