"""Speed of the wild bootstrap: p values and intervals of a spatial Durbin model beside a plain loop of single fits.

Run: OPENBLAS_NUM_THREADS=1 python tests/benchmark/bench_wild.py [--large]

Figures are CPU time, the best of several; the peer is the same command's loop of single fits, scaled to 999 draws.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

import digicarbon as dc
from digicarbon.model.batch import estimate_of
from digicarbon.model.wild import one_thread, wild_tests
from digicarbon.packs.china import facts

DRAWS, CONTROLS, SPECIFICATIONS = 999, 5, 50


def lattice(rows: int, columns: int) -> dc.Weights:
    """Return the neighbours on a grid."""
    grid = np.array([[f"u{row:03d}.{column:03d}" for column in range(columns)] for row in range(rows)])
    pairs = [(grid[1:], grid[:-1]), (grid[:, 1:], grid[:, :-1])]
    return dc.Weights.from_edges(
        [edge for one, other in pairs for edge in zip(one.ravel(), other.ravel(), strict=True)]
    )


def panel_of(w: dc.Weights, t: int) -> dc.Panel:
    """Return a panel with y, x and controls."""
    rng = np.random.default_rng(1)
    names = ["y", "x", *(f"c{place}" for place in range(CONTROLS))]
    index = pd.MultiIndex.from_product([w.labels, range(2001, 2001 + t)], names=["unit", "year"])
    frame = pd.DataFrame(rng.normal(size=(len(index), len(names))), index=index, columns=names)
    frame["y"] += 0.2 * frame["x"] + 0.3 * frame["c0"]
    return dc.Panel.from_frame(frame.reset_index(), unit="unit", time="year")


def best(work: Callable[[], object], times: int) -> float:
    """Return the least CPU time in milliseconds."""
    seconds = []
    for _ in range(times):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return 1000 * min(seconds)


def durbin(kind: str = "sdm", controls: int = CONTROLS, **fields: object) -> dc.SpatialPanel:
    """Return a model with errors clustered by unit."""
    names = tuple(f"c{place}" for place in range(controls))
    return dc.SpatialPanel(y="y", x=("x",), controls=names, kind=kind, cov="cluster", **{"test": "errors"} | fields)


def effects_only(model: dc.SpatialPanel, panel: dc.Panel, w: dc.Weights) -> None:
    """Fit a model, and test its direct, indirect and total effect of x."""
    result = model.by_errors.fit(panel, w)
    [restrictions] = model.restrictions(panel, w, result)
    effects = {one: estimate_of(result, one) for one in restrictions.estimands if one.quantity != "coefficient"}
    draws = model.draws_for(panel.units, w)
    with one_thread():
        assert len(wild_tests(restrictions, effects, draws, model.level, intervals=True)) == 3


def row(name: str, found: float, goal: str, single: float) -> None:
    """Write a row of the table."""
    sys.stdout.write(f"| {name} | {found:,.1f} ms | {goal} | {single * DRAWS / found:,.0f} |\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a table of CPU times, goals and ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--large", action="store_true", help="2,800 units, too")
    asked = parser.parse_args(arguments)
    sys.stdout.write("| work, 999 draws | CPU | goal | single fits take times as long |\n|---|---|---|---|\n")
    wild = {"test": "wild", "draws": DRAWS}
    w = dc.Weights.from_edges(facts.adjacency())
    panel = panel_of(w, 6)
    for kind in ("sdm", "sar", "sdem", "sac"):
        goals = ("12 ms", "60 ms") if kind == "sdm" else ("", "")
        single = best(lambda kind=kind: durbin(kind).fit(panel, w), 20)
        tested = durbin(kind, **wild, intervals=False)
        tested.fit(panel, w)
        row(f"30 × 6 {kind}, p", best(lambda tested=tested: tested.fit(panel, w), 10), goals[0], single)
        if kind in ("sdm", "sar"):
            whole = durbin(kind, **wild)
            both = "p and intervals of effects and coefficients"
            row(f"30 × 6 {kind}, {both}", best(lambda whole=whole: whole.fit(panel, w), 5), "", single)
            three = best(lambda whole=whole: effects_only(whole, panel, w), 5)
            row(f"30 × 6 {kind}, p and intervals of three effects", three, goals[1], single)
    models = [
        durbin(controls=1 + place % CONTROLS, **wild, intervals=False, seed=place) for place in range(SPECIFICATIONS)
    ]
    each = best(lambda: [model.fit(panel, w) for model in models], 2) / SPECIFICATIONS
    row(f"one of {SPECIFICATIONS} SDM specifications, p", each, "14 ms", best(lambda: durbin().fit(panel, w), 20))
    sizes = [(15, 19, 15, "1,000 ms"), *([(40, 70, 20, "90,000 ms")] if asked.large else [])]
    for rows, columns, t, goal in sizes:
        w = lattice(rows, columns)
        panel, tested = panel_of(w, t), durbin(**wild, intervals=False)
        single = best(lambda w=w, panel=panel: durbin().fit(panel, w), 3)
        found = best(lambda w=w, panel=panel, tested=tested: tested.fit(panel, w), 1 if rows == 40 else 2)
        row(f"{w.n:,} × {t} sdm, p", found, goal, single)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    sys.stdout.write(f"\nmost memory: {peak:.2f} GB\n")


if __name__ == "__main__":
    main()
