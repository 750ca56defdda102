"""CPU milliseconds of a policy's estimators, in Python and in a logged sweep, beside pyfixest and diff-diff.

Run from the repository: ``python tests/benchmark/bench_did.py [--sweep] [--rounds 5]``. 285 units x 15 years, three
cohorts, four controls. A line is the mean over fits of all 16 subsets of controls on one panel, as a sweep has them;
``--sweep`` runs 1,000 specifications by the command line, in one process and a folder of its own with an empty store.
A logged run is planned, fitted and logged; start-up with imports, a sweep of one run, stands beside it. Specifications
that differ in nothing that their estimator reads are one run. Peers that are not installed are left out. One BLAS
thread; the least of some rounds, since machines are shared. ``synthetic_did`` is not measured: its time is that of its
draws.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, get_args

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", PYTHONUTF8="1")

import numpy as np
import pandas as pd
from logged_sweep import command, emptied, per_run
from process_tree import machine

import digicarbon as dc
from digicarbon.diagnostic import PlaceboInSpace
from digicarbon.packs.policies.model.did import Estimator
from digicarbon.source import SimulatedPolicy

CONTROLS = ("c1", "c2", "c3", "c4")
SUBSETS = [list(some) for size in range(5) for some in itertools.combinations(CONTROLS, size)]
RUNS = 1_000
SWEEPS = 3
"""How often a sweep is run."""
ESTIMATORS = [name for name in get_args(Estimator) if name != "synthetic_did"]


def data() -> pd.DataFrame:
    """Return a simulated policy with controls that vary over time; ``adopted`` is 0 for never."""
    frame = SimulatedPolicy(world="heterogeneous").load().frame
    rng = np.random.default_rng(1)
    new = {name: rng.standard_normal(len(frame)) for name in CONTROLS}
    return frame.assign(**new, adopted=frame["adopted"].fillna(0).astype(int))


def cpu(calls: list[Callable[[], object]], rounds: int) -> float:
    """Return CPU milliseconds of a call, after one round that is not counted."""
    for call in calls:
        call()
    best = np.inf
    for _ in range(rounds):
        start = time.process_time()
        for call in calls:
            call()
        best = min(best, (time.process_time() - start) / len(calls))
    return 1000 * float(best)


def ours(panel: dc.Panel, estimator: str, aggregate: str) -> list[Callable[[], object]]:
    """Return a function that fits a model with each subset of controls, none of which was fitted to this outcome."""
    models = [
        dc.DiD(y="y", policy="pilot", estimator=estimator, aggregate=aggregate, controls=tuple(some), test="errors")
        for some in SUBSETS
    ]

    def fits() -> None:
        new = panel.with_columns({"y": panel.column("y").copy()})
        for model in models:
            assert model.fit(new).estimate_columns

    return [fits]


def peers(frame: pd.DataFrame) -> Iterator[tuple[str, str, Callable[[], object]]]:
    """Yield estimator, package and a fit with two controls; without any where the package takes none."""
    if importlib.util.find_spec("pyfixest"):
        feols: Any = importlib.import_module("pyfixest").feols
        event = (frame["time"] - frame["adopted"]).where(frame["adopted"] > 0, -1)
        own = frame.assign(
            pilot=((frame["adopted"] > 0) & (frame["time"] >= frame["adopted"])).astype(int),
            event=event.astype(int),
            treated=(frame["adopted"] > 0).astype(int),
        )
        cluster = {"CRV1": "unit"}
        yield "twfe", "pyfixest", lambda: feols("y ~ pilot + c1 + c2 | unit + time", data=own, vcov=cluster)
        events = "y ~ i(event, treated, ref=-1) + c1 + c2 | unit + time"
        yield "event_study", "pyfixest", lambda: feols(events, data=own, vcov=cluster)
        cells = own.assign(cell=(own["adopted"] * 100 + own["event"] + 50).where((own["event"] != -1), 0))
        interacted = "y ~ i(cell, ref=0) + c1 + c2 | unit + time"
        yield "sun_abraham", "pyfixest", lambda: feols(interacted, data=cells, vcov=cluster)
    if importlib.util.find_spec("diff_diff"):
        package: Any = importlib.import_module("diff_diff")
        where = {"outcome": "y", "unit": "unit", "time": "time", "first_treat": "adopted"}
        two: dict[str, Any] = {"covariates": ["c1", "c2"]}
        for estimator, name, more in (
            ("sun_abraham", "SunAbraham", two),
            ("imputation", "ImputationDiD", two),
            ("stacked", "StackedDiD", {}),
            ("callaway_santanna", "CallawaySantAnna", two),
        ):
            kind = getattr(package, name)
            yield estimator, "diff-diff", lambda kind=kind, more=more: kind().fit(frame, **where, **more)


def fits(rounds: int) -> Iterator[str]:
    """Yield a line for each estimator, and one for placebos."""
    frame = data()
    panel = dc.Panel.from_frame(frame, "unit", "time").with_policy("pilot", "adopted")
    slow: dict[str, list[tuple[str, float]]] = {}
    for estimator, package, call in peers(frame):
        slow.setdefault(estimator, []).append((package, cpu([call], 3)))
    for estimator in ESTIMATORS:
        both = {}
        for aggregate in ("overall", "event") if estimator != "twfe" else ("overall",):
            try:
                both[aggregate] = cpu(ours(panel, estimator, aggregate), rounds) / len(SUBSETS)
            except ValueError:
                # an estimator that has no such mean
                continue
        ratios = [f"{name} {ms:,.0f} ms, {ms / min(both.values()):,.0f} times" for name, ms in slow.get(estimator, [])]
        numbers = ", ".join(f"{aggregate} {ms:.2f} ms" for aggregate, ms in both.items())
        yield f"| {estimator} | {numbers} | {'; '.join(ratios)} |"
    model = dc.DiD(y="y", policy="pilot", controls=("c1", "c2"), test="errors")
    together = cpu([lambda: PlaceboInSpace(model=model).tables(panel)], rounds)
    one = cpu([lambda: model.fit(panel.with_columns({"y": panel.column("y").copy()}))], rounds)
    singly = f"500 fits {500 * one:.0f} ms, {500 * one / together:.0f} times"
    yield f"| 500 placebo assignments | {together:.0f} ms | {singly} |"


def experiment(grid: dict[str, Any], runs: int) -> dict[str, Any]:
    """Return a sweep of so many specifications."""
    return {
        "defaults": [
            "config",
            {"override source": "table"},
            {"override measure": "none"},
            {"override outcome": "none"},
            {"override model": "did"},
            {"override inference": "cluster"},
            {"override executor": "sequential"},
            {"override report": "signs"},
            "_self_",
        ],
        "source": {"path": "policy.csv", "unit": "unit", "time": "time"},
        "panel": {"policy": {"pilot": "adopted"}},
        "model": {"y": "y", "controls": []},
        "grid": grid,
        "draw": {"n": runs, "seed": 1},
    }


def sweeps() -> Iterator[str]:
    """Yield a line for each mixed sweep."""
    common: dict[str, Any] = {
        "model.controls": SUBSETS,
        "inference.small_sample": ["stata", "none", "g", "full"],
        "inference.level": [0.9, 0.95, 0.99, 0.999],
        "model.anticipation": [0, 1],
        "model.reference": [-1, -2],
        "model.compare": ["never", "not_yet"],
    }
    with emptied() as work:
        mixed = {
            "all, one effect": {"model.estimator": ESTIMATORS},
            "all, one effect or event times": {"model.estimator": ESTIMATORS, "model.aggregate": ["overall", "event"]},
        }
        levels = {"inference.level": [0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99, 0.995, 0.999]}
        alone = {f"{one} alone": {"model.estimator": [one], **levels} for one in ESTIMATORS}
        for name, own in {**mixed, **alone}.items():
            grid = {**own, **{key: values for key, values in common.items() if key not in own}}
            ms, logged, start, whole = per_run(
                lambda runs, grid=grid: command(work, experiment(grid, runs), data()), RUNS, SWEEPS
            )
            yield (
                f"| {name} | {ms:.2f} ms a logged run | {logged:,} runs, start-up {start:.1f} s, in all {whole:.1f} s |"
            )


def main(sweep: bool, rounds: int) -> None:
    """Print a Markdown table."""
    sys.stdout.write(f"Machine: {machine()}. {time.strftime('%Y-%m-%d')}\n\n| what | ours | peers |\n|---|---|---|\n")
    for line in itertools.chain(fits(rounds), sweeps() if sweep else ()):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sweep", action="store_true", help="1,000 logged specifications, too")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    main(given.sweep, given.rounds)
