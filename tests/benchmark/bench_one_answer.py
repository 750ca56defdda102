"""How long one answer takes: Shapley shares, and specifications without each unit.

Shapley shares are those of 2,500 estimates. 96 specifications are fitted without each of 30 units, and estimators of a
policy without each of 285, of 15 years. Beside these stands the time of fits that share nothing and search for weights
of synthetic units by steps that are written out.

``OMP_NUM_THREADS=1 python tests/benchmark/bench_one_answer.py``
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args
from unittest.mock import patch

import numpy as np
import yaml

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.config.compose import Composer, loader
from digicarbon.executor import LocalExecutor
from digicarbon.numeric.latest import Latest
from digicarbon.packs.one_answer.numeric.shapley import shapley
from digicarbon.packs.one_answer.report.evidence import EvidenceRequest, LeftOut
from digicarbon.packs.one_answer.sweep.evidence import evidence
from digicarbon.packs.one_answer.sweep.left_out import without
from digicarbon.packs.policies.model.did import Estimator
from digicarbon.packs.policies.numeric import synthetic
from digicarbon.plan.runs import Run, plan
from digicarbon.result import Result

GRID = {
    "model": ["twfe", "sdm"],
    "measure": ["bea", "ddl", "sector2"],
    "outcome.controls": {"subsets": ["ln_pgdp", "ln_population", "ln_ter_sec"]},
    "weights": ["economic", "k_nearest", "inverse_distance", "w2_nested", "w2_product"],
}


POLICY = {
    "defaults": [
        "config",
        {"override source": "simulated_policy"},
        *({f"override {group}": "none"} for group in ("measure", "outcome")),
        {"override model": "did"},
        {"override inference": "cluster"},
        "_self_",
    ],
    "source": {"world": "heterogeneous"},
    "panel": {"policy": {"pilot": "adopted"}},
    "model": {"y": "y", "controls": []},
}
PLAIN = 40
"""How many plain regressions on sets of choices are made: all would take minutes."""
SAMPLE = 19
"""Every how many units a plain fit is made: all would take minutes."""


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def shares() -> None:
    rng = np.random.default_rng(1)
    for count in (8, 10, 12, 14, 16):
        choices = [np.eye(many)[rng.integers(0, many, 2500)] for many in rng.integers(2, 8, count)]
        y = sum(x @ rng.normal(size=x.shape[1]) for x in choices) + rng.normal(size=2500)
        begun = time.process_time()
        shapley(np.asarray(y), choices)
        seconds = time.process_time() - begun
        begun = time.process_time()
        for _ in range(PLAIN):
            inside = [choice for choice in choices if rng.random() < 0.5]
            np.linalg.lstsq(np.column_stack([np.ones(2500), *inside]), np.asarray(y), rcond=None)
        plain = (time.process_time() - begun) / PLAIN * 2**count
        text = f"Shapley shares of 2,500 estimates, {count} choices: {seconds:.2f} s of CPU"
        say(f"{text}; a regression for each set of choices {plain:,.1f} s, {plain / seconds:,.0f} times as long")


def units() -> None:
    content = {"defaults": ["config", {"override inference": "classic"}, "_self_"], "grid": GRID}
    fits = fitted(content)
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


def policy() -> None:
    for estimator in get_args(Estimator):
        grid = {"model.estimator": [estimator], "model.compare": ["never", "not_yet"], "model.anticipation": [0, 1]}
        fits = fitted({**POLICY, "grid": grid})
        begun = time.process_time()
        left = evidence(fits, EvidenceRequest("coefficient", None, True), LocalExecutor(backend="sequential")).left_out
        shared = time.process_time() - begun
        assert left is not None
        plain, apart = plainly(fits, left)
        what = f"{len(left.labels)} specifications without each of {len(left.units)} units"
        ratio = f"plain fits {plain:.1f} s, {plain / shared:.1f} times as long"
        say(f"{estimator}: {what}: {shared:.1f} s of CPU; {ratio}; relative difference up to {apart:.0e}")


def plainly(fits: Sequence[tuple[Run, Result]], left: LeftOut) -> tuple[float, float]:
    """Return the seconds of plain fits without each unit, from some of them, and how far estimates are apart."""
    seconds, apart, made = 0.0, 0.0, 0
    with (
        patch.object(synthetic, "_frank_wolfe", written_out),
        patch.object(synthetic.SyntheticCohorts, "jackknife", one_by_one),
    ):
        for place in range(0, len(left.units), SAMPLE):
            for row, (run, _) in enumerate(fits):
                selection = without(run.prepared.shared.selection, left.units[place])
                with patch.object(synthetic, "_SEARCHES", Latest()):
                    begun = time.process_time()
                    result = run.specs.model.fit(selection.take(run.prepared.terms), None)
                    seconds += time.process_time() - begun
                made += 1
                [(_, numbers)] = list(result.focal_numbers("coefficient"))[:1]
                apart = max(apart, abs(left.estimates[row, 1 + place] / numbers[0] - 1))
    return seconds * len(left.units) * len(fits) / made, apart


def fitted(content: Mapping[str, Any]) -> list[tuple[Run, Result]]:
    """Return the runs of an experiment with their results."""
    os.chdir(tempfile.mkdtemp())
    Path("experiments").mkdir()
    Path("experiments/bench.yaml").write_text(yaml.safe_dump(dict(content), sort_keys=False), encoding="utf-8")
    made = plan(Composer(loader(), "bench", []))
    return [(run, run.specs.model.fit(run.prepared.panel, run.prepared.weights)) for run in made.runs]


def one_by_one(cohorts: synthetic.SyntheticCohorts) -> tuple[FloatArray, IntArray]:
    """Return the effects without each unit, and its cohort, each unit by itself."""
    cohort = np.full(len(cohorts._y), -1)
    for place, one in enumerate(cohorts._cohorts):
        cohort[one.units] = place
    effects = []
    for unit in range(len(cohorts._y)):
        stay, parts = cohorts._never != unit, []
        for one, found in zip(cohorts._cohorts, cohorts.found, strict=True):
            weights = found.units[stay] / found.units[stay].sum()
            own = cohorts._own(one, one.units[one.units != unit])
            others = cohorts._others(one, cohorts._never[stay])
            parts.append(synthetic.of_weights(others, own, weights, found.times).effects)
        effects.append(np.concatenate(parts))
    return np.array(effects), cohort


def written_out(
    gram: FloatArray, right: FloatArray, size: float, least: float, steps: int, start: FloatArray
) -> FloatArray:
    """Return the weights of the same steps, each made with whole vectors."""
    w, made, value = start.copy(), gram @ start, np.inf
    for _ in range(steps):
        slope = made - right
        to = int(slope.argmin())
        along = float(slope[to] - slope @ w)
        if along >= 0:
            break
        curve = float(gram[to, to] - 2 * made[to] + made @ w)
        step = min(1.0, -along / curve) if curve > 0 else 1.0
        w, made = (1 - step) * w, (1 - step) * made + step * gram[to]
        w[to] += step
        last, value = value, float(w @ made - 2 * right @ w) + size
        if last - value < least:
            break
    return w


if __name__ == "__main__":
    shares()
    units()
    policy()
