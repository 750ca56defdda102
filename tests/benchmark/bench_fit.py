"""CPU time of the public models' fits on a small panel, here and in another checkout, in alternating processes.

Run: python tests/benchmark/bench_fit.py [--vs FOLDER] [--changed SHARE] [--only NAME …] [--large]

Without ``--vs`` it measures this checkout. With it each round measures both, one after the other, with the same Python,
and a ratio is that of the two least times: above one where this checkout is slower. A model that another version lacks
has no ratio. ``--changed 0.15`` shows only ratios that differ by more than 15 %. A fit is repeated with the same model
and panel, as neighbours in a sweep share their designs; ``new`` are fits of panels that no model has seen. ``--large``
adds 2,843 units, which takes minutes.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parents[2]
UNITS, CONTROLS, FRESH = 30, 5, 40
LEAST = 0.06
"""Seconds that a round spends on a model."""
TIMES = 4
"""Measurements of which a round takes the least."""
MISSING = (AttributeError, TypeError, ValueError)
"""What an earlier version raises of a model or a field that it lacks."""
# by the names that earlier versions know
WILD = {"test": "wild", "replications": 999}


def panel_of(dc: Any, n: int, t: int, seed: int = 1) -> Any:
    """Return a panel with y, x, controls, an instrument, a mediator, places and the first year of a policy."""
    rng = np.random.default_rng(seed)
    names = ["y", "x", *(f"c{place}" for place in range(CONTROLS)), "z", "m"]
    frame = pd.DataFrame(rng.normal(size=(n * t, len(names))), columns=names)
    frame["x"] += 0.7 * frame["z"]
    frame["m"] += 0.5 * frame["x"]
    frame["y"] += 0.2 * frame["x"] + 0.3 * frame["c0"]
    frame["unit"], frame["year"] = np.repeat(labels(n), t), np.tile(np.arange(2001, 2001 + t), n)
    return dc.Panel.from_frame(frame, unit="unit", time="year")


def labels(n: int) -> list[str]:
    """Return the names of units."""
    return [f"u{unit:04d}" for unit in range(n)]


def weights_of(dc: Any, n: int, symmetric: bool = True) -> Any:
    """Return neighbours on a grid of six columns, or the nearest six of random places."""
    if symmetric:
        at = np.arange(n)
        beside = [(a, a + 1) for a in at[:-1] if a % 6 != 5]
        below = [(a, a + 6) for a in at[:-6]]
        names = labels(n)
        return dc.Weights.from_edges([(names[one], names[other]) for one, other in beside + below])
    places = np.random.default_rng(3).random((n, 2))
    distance = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    links = np.zeros((n, n))
    links[np.arange(n)[:, None], np.argpartition(distance, 6, axis=1)[:, :6]] = 1.0
    return dc.Weights.from_matrix(links, labels(n))


def models(dc: Any) -> Iterator[tuple[str, Callable[[], Any], int, bool]]:
    """Yield names, what makes the models, the periods of their panel, and whether they take weights."""
    fields: dict[str, Any] = {"y": "y", "x": ("x",), "controls": tuple(f"c{place}" for place in range(CONTROLS))}

    def of(name: str, **more: Any) -> Callable[[], Any]:
        return lambda: getattr(dc, name)(**fields | {"test": "errors"} | more)

    for effects in ("two_way", "none", "random"):
        yield f"PanelRegression {effects} clustered", of("PanelRegression", effects=effects, cov="cluster"), 6, False
    for kind in ("slx", "sar", "sdm", "sem", "sdem", "sac"):
        yield f"SpatialPanel {kind}", of("SpatialPanel", kind=kind, cov="classic"), 6, True
    yield "SpatialPanel sdm clustered", of("SpatialPanel", kind="sdm", cov="cluster"), 6, True
    yield "SpatialPanel sdm random", of("SpatialPanel", kind="sdm", effects="random", cov="classic"), 6, True
    yield "UnbalancedSpatialPanel", of("UnbalancedSpatialPanel", kind="sdm", cov="classic"), 6, True
    yield "DynamicSpatialPanel", of("DynamicSpatialPanel", kind="sdm"), 6, True
    yield "SpatialIV", of("SpatialIV", cov="classic"), 6, True
    yield "PanelIV", of("PanelIV", instruments=("z",), cov="cluster"), 6, False
    yield "DynamicPanel", of("DynamicPanel", controls=(), collapse=False), 6, False
    yield "PanelQuantile", of("PanelQuantile"), 6, False
    yield "PanelThreshold", of("PanelThreshold", threshold="c0", draws=99, replications=999, cov="cluster"), 6, False
    yield "Mediation", of("Mediation", mediators=("m",)), 6, False
    yield "PanelRegression p", of("PanelRegression", cov="cluster", intervals=False, **WILD), 17, False
    yield "PanelRegression p and interval", of("PanelRegression", cov="cluster", **WILD), 17, False
    for kind in ("sar", "sdm", "sdem"):
        wild = {"kind": kind, "cov": "cluster", **WILD}
        yield f"SpatialPanel {kind} p", of("SpatialPanel", intervals=False, **wild), 17, True
        if kind == "sdm":
            yield f"SpatialPanel {kind} p and intervals", of("SpatialPanel", **wild), 17, True


def timed(work: Callable[[], object]) -> float:
    """Return CPU seconds of a call, the least of several measurements."""
    started = time.process_time()
    work()
    once = max(time.process_time() - started, 1e-6)
    calls, found = max(1, int(LEAST / TIMES / once)), []
    for _ in range(TIMES if once < LEAST else 1):
        started = time.process_time()
        for _ in range(calls):
            work()
        found.append((time.process_time() - started) / calls)
    return min(found)


def measured(only: list[str], large: bool) -> dict[str, float]:
    """Return CPU milliseconds of each fit of the package that Python imports."""
    dc, found = importlib.import_module("digicarbon"), {}
    panels = {t: panel_of(dc, UNITS, t) for t in (6, 17)}
    weights = weights_of(dc, UNITS)
    for name, make, t, spatial in models(dc):
        if only and not any(part in name for part in only):
            continue
        given = (weights,) if spatial else ()
        try:
            model = make()
            model.fit(panels[t], *given)
        except MISSING as error:
            # an earlier version may lack a model or a field
            sys.stderr.write(f"{name}: {type(error).__name__}\n")
            continue
        found[f"{name}, 30 × {t}"] = timed(partial(model.fit, panels[t], *given))
        if name in ("PanelRegression two_way clustered", "SpatialPanel sdm"):
            # each model has its own: a panel keeps what is known of its columns
            fresh = [panel_of(dc, UNITS, 6, 100 + seed) for seed in range(FRESH)]
            started = time.process_time()
            for panel in fresh:
                model.fit(panel, *given)
            found[f"{name}, new"] = (time.process_time() - started) / FRESH
    if large:
        found |= many_units(dc)
    return {name: 1000 * seconds for name, seconds in found.items()}


def many_units(dc: Any, n: int = 2843, t: int = 10) -> dict[str, float]:
    """Return CPU seconds of the fits of a county panel, each the first one of its weights."""
    panel, found = panel_of(dc, n, t), {}
    cases: list[tuple[str, bool, str, dict[str, str]]] = [
        ("sdm", True, "SpatialPanel", {"cov": "classic"}),
        ("sdm clustered", True, "SpatialPanel", {"cov": "cluster"}),
        ("dynamic, asymmetric W", False, "DynamicSpatialPanel", {}),
    ]
    for name, symmetric, kind, fields in cases:
        weights = weights_of(dc, n, symmetric)
        try:
            model, started = (
                getattr(dc, kind)(y="y", x=("x",), kind="sdm", test="errors", **fields),
                time.process_time(),
            )
            model.fit(panel, weights)
            found[f"{name}, {n:,} × {t}"] = time.process_time() - started
        except MISSING as error:
            sys.stderr.write(f"{name}: {type(error).__name__}\n")
    return found


def child(folder: Path, arguments: list[str]) -> dict[str, float]:
    """Return what a process with the package of a checkout measures."""
    command = [sys.executable, __file__, "--child", str(folder), *arguments]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment = {**os.environ, **threads, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Write a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vs", type=Path, help="folder of another checkout")
    parser.add_argument("--changed", type=float, default=0.0, help="show only ratios that differ from one by more")
    parser.add_argument("--only", nargs="*", default=[], help="parts of names")
    parser.add_argument("--large", action="store_true", help="2,843 units, too")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child is not None:
        found = measured(asked.only, asked.large)
        place = Path(str(importlib.import_module("digicarbon").__file__)).resolve()
        if not place.is_relative_to(asked.child.resolve()):
            raise SystemExit(f"Python imports {place}, not the package in {asked.child}")
        sys.stdout.write(json.dumps(found))
        return
    arguments = [*(["--only", *asked.only] if asked.only else []), *(["--large"] if asked.large else [])]
    folders = [HERE, *([asked.vs.resolve()] if asked.vs else [])]
    best: list[dict[str, float]] = [{} for _ in folders]
    for _, (place, folder) in itertools.product(range(asked.rounds), enumerate(folders)):
        for name, one in child(folder, arguments).items():
            best[place][name] = min(one, best[place].get(name, np.inf))
    write(best, asked.changed)


def write(best: list[dict[str, float]], changed: float) -> None:
    """Write the lines of the table."""
    say, rows = sys.stdout.write, []
    for name, now in best[0].items():
        before = best[1].get(name) if len(best) > 1 else None
        ratio = None if before is None else now / before
        if not changed or (ratio is not None and abs(ratio - 1) > changed):
            then = "" if len(best) == 1 else " |  | " if ratio is None else f" {before:.3f} | {ratio:.2f} |"
            rows.append(f"| {name} | {now:.3f} |{then}\n")
    if changed and not rows:
        say(f"Of {len(best[0])} fits none takes over {changed:.0%} more or less time than before.\n")
        return
    columns = ["fit", "ms of CPU", *(["before", "ratio"] if len(best) > 1 else [])]
    say(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n{''.join(rows)}")


if __name__ == "__main__":
    main()
