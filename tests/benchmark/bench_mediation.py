"""CPU milliseconds of a mediation, in Python and in a logged sweep.

Run from the repository: ``python tests/benchmark/bench_mediation.py [--sweep] [--rounds 5]``. 300 units x 12 years, two
mediators, four controls. The first lines are means over fits of all 16 subsets of controls to an outcome that was not
fitted before, with the usual standard errors, and over their 96 models of six levels and rules. ``--sweep`` runs 1,000
specifications by the command line, in one process and a folder of its own with an empty store: each is planned, fitted
and logged; start-up with imports, a sweep of one run, is taken off. One BLAS thread; the least of some rounds, since
machines are shared.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", PYTHONUTF8="1")

import numpy as np
import pandas as pd
from logged_sweep import command, emptied, per_run
from process_tree import machine

import digicarbon as dc
from digicarbon.source import SimulatedMediation

CONTROLS = ("c1", "c2", "c3", "c4")
SUBSETS = [list(some) for size in range(5) for some in itertools.combinations(CONTROLS, size)]
RUNS = 1_000
SWEEPS = 2
"""How often a sweep is run."""


def data() -> pd.DataFrame:
    """Return simulated units with controls that vary over time."""
    frame = SimulatedMediation().load().frame
    rng = np.random.default_rng(1)
    return frame.assign(**{name: rng.standard_normal(len(frame)) for name in CONTROLS})


def fits(rounds: int) -> Iterator[str]:
    """Yield a line for models of the usual standard errors, and one for several rules and levels."""
    panel = dc.Panel.from_frame(data(), "unit", "time")
    rules = [("stata", 0.95), ("none", 0.95), ("sss", 0.95), ("stata", 0.9), ("none", 0.9), ("sss", 0.9)]
    for words, chosen in (("fits of other equations", rules[:1]), ("fits that share their equations", rules)):
        models = [
            dc.Mediation(
                y="y",
                x=("x",),
                mediators=("m1", "m2"),
                controls=tuple(some),
                small_sample=rule,
                level=level,
                test="errors",
            )
            for some in SUBSETS
            for rule, level in chosen
        ]
        best = np.inf
        for _ in range(rounds + 1):
            new = panel.with_columns({"y": panel.column("y").copy()})
            start = time.process_time()
            for model in models:
                assert model.fit(new).estimate_columns
            best = min(best, (time.process_time() - start) / len(models))
        yield f"| {words} | {1000 * best:.2f} ms |"


def experiment(runs: int) -> dict[str, Any]:
    """Return a sweep of so many specifications."""
    return {
        "defaults": [
            "config",
            {"override source": "table"},
            {"override measure": "none"},
            {"override outcome": "none"},
            {"override model": "mediation"},
            {"override inference": "cluster"},
            {"override executor": "sequential"},
            {"override report": "signs"},
            "_self_",
        ],
        "source": {"path": "units.csv", "unit": "unit", "time": "time"},
        "model": {"y": "y", "x": ["x"], "controls": [], "mediators": ["m1", "m2"]},
        "grid": {
            "model.controls": SUBSETS,
            "model.mediators": [["m1", "m2"], ["m1"], ["m2"]],
            "model.effects": ["two_way", "unit"],
            "inference.small_sample": ["stata", "none", "g", "full"],
            "inference.level": [0.9, 0.95, 0.99, 0.999],
        },
        "draw": {"n": runs, "seed": 1},
    }


def sweeps() -> Iterator[str]:
    """Yield a line for the logged sweep."""
    with emptied() as work:
        ms, logged, start, whole = per_run(lambda runs: command(work, experiment(runs), data()), RUNS, SWEEPS)
        yield f"| a logged run | {ms:.2f} ms; {logged:,} runs, start-up {start:.1f} s, in all {whole:.1f} s |"


def main(sweep: bool, rounds: int) -> None:
    """Print a Markdown table."""
    sys.stdout.write(f"Machine: {machine()}. {time.strftime('%Y-%m-%d')}\n\n| what | CPU |\n|---|---|\n")
    for line in itertools.chain(fits(rounds), sweeps() if sweep else ()):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sweep", action="store_true", help="1,000 logged specifications, too")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    main(given.sweep, given.rounds)
