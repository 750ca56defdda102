"""Bias and coverage of spatial panels of units that are not always observed, by simulation.

    python tests/benchmark/unbalanced_truth.py [REPLICATIONS] [UNITS PERIODS ...]

A spatial Durbin model with two-way effects and rho = 0.4, or a spatial error model with lambda = 0.4, of units on a
ring with four neighbours; 15 % of the cells are absent at random. In ``within`` the process of a period is that of its
observed units; in ``lattice`` it is that of all units, of which some are not observed, so that their outcome is missing
in the lag. Lines are estimators: the adjusted score, the likelihood with dummies, the adjusted score of units without
gaps alone, and, of all cells, Lee and Yu's transformation. Of the spatial parameter and of the total effect (of the
coefficient in the error model): bias (of the median of
the total effect), standard deviation, median standard error, and coverage of intervals of 95 %. With
``own`` half of the cells of a unit are absent where its effect is large: selection that effects account for. With
``unequal`` errors and x of a unit are autoregressive, 0.7, and standard deviations of errors lie between 0.5 and 1.5.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from contextlib import suppress

import numpy as np
import pandas as pd

import digicarbon as dc
from digicarbon.arrays import FloatArray
from digicarbon.errors import DigicarbonError

RHO, BETA, THETA = 0.4, 1.0, 0.5
NORMAL = 1.959964


def ring(n: int) -> FloatArray:
    """Weights of the two neighbours on each side of a ring, raw."""
    w = np.zeros((n, n))
    for step in (1, 2):
        w[np.arange(n), (np.arange(n) + step) % n] = w[np.arange(n), (np.arange(n) - step) % n] = 1.0
    return w


def drawn(rng: np.random.Generator, n: int, t: int, process: str, kind: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the observed rows, and all of them, whose process is that of all units."""
    raw = ring(n)
    unit, time = rng.standard_normal(n), rng.standard_normal(t)
    x, e = rng.standard_normal((2, t, n))
    if process == "unequal":
        size = 0.5 + rng.random(n)
        for period in range(1, t):
            x[period] = 0.7 * x[period - 1] + np.sqrt(1 - 0.7**2) * x[period]
            e[period] = 0.7 * e[period - 1] + np.sqrt(1 - 0.7**2) * e[period]
        e = e * size
    x = x + unit
    share = np.where(unit > 0.5, 0.5, 0.05) if process == "own" else np.full(n, 0.15)
    present = rng.random((t, n)) >= share
    levels = []
    for observed in (present, np.ones_like(present)):
        y = np.zeros((t, n))
        for period in range(t):
            inside = observed[period] if process != "lattice" else np.ones(n, dtype=bool)
            w = raw * inside[:, None] * inside
            w = w / np.maximum(w.sum(axis=1, keepdims=True), 1)
            lead, error = BETA * x[period] + unit + time[period], e[period]
            filtered = np.eye(n) - RHO * w
            if kind == "sdm":
                y[period] = np.linalg.solve(filtered, lead + THETA * w @ x[period] + error)
            else:
                y[period] = lead + np.linalg.solve(filtered, error)
        levels.append(y)
    index = pd.MultiIndex.from_product([range(t), [f"u{i:04d}" for i in range(n)]], names=["time", "unit"])
    some, every = (pd.DataFrame({"y": y.ravel(), "x": x.ravel()}, index=index).reset_index() for y in levels)
    return some[present.ravel()], every


def numbers(result: dc.Result, kind: str) -> list[tuple[float, float]]:
    """Return the spatial parameter and the total effect, each with its standard error."""
    term = "rho" if kind == "sdm" else "lambda"
    table = result.estimates
    total = result.spatial_effects
    assert total is not None
    return [
        (float(table.loc[term, "coef"]), float(table.loc[term, "se"])),
        (float(total.coef[2, 0]), float(total.se[2, 0])),
    ]


def once(seed: int, n: int, t: int, process: str, kind: str) -> dict[str, list[tuple[float, float]]]:
    """Return the numbers of each estimator."""
    some, every = drawn(np.random.default_rng(seed), n, t, process, kind)
    spec = {"y": "y", "x": ("x",), "kind": kind, "effects": "two_way"}
    out = {}
    counts = some.groupby("unit")["time"].transform("count")
    tables = {"adjusted": some, "dummies": some, "complete units": some[counts == t], "no gaps": every}
    if process == "unequal":
        tables = {"adjusted": some, "clustered": some}
    for name, table in tables.items():
        correction = "none" if name == "dummies" else "adjusted_score"
        with suppress(DigicarbonError):
            panel = dc.Panel.from_frame(table, unit="unit", time="time", gaps="keep")
            labels = [f"u{i:04d}" for i in range(n)]
            weights = dc.Weights.from_matrix(ring(n), labels).restrict(panel.units, "keep")
            cov = "cluster" if name == "clustered" else "classic"
            model = dc.UnbalancedSpatialPanel(**spec, bias_correction=correction, cov=cov, test="errors")
            out[name] = numbers(model.fit(panel, weights), kind)
    return out


def main(replications: int, shapes: list[tuple[int, int]]) -> None:
    """Print a table for each size and process."""
    for n, t in shapes:
        for kind, process in (
            ("sdm", "within"),
            ("sdm", "own"),
            ("sdm", "lattice"),
            ("sem", "within"),
            ("sdm", "unequal"),
            ("sem", "unequal"),
        ):
            found: dict[str, list[list[tuple[float, float]]]] = defaultdict(list)
            for seed in range(replications):
                for name, both in once(seed, n, t, process, kind).items():
                    found[name].append(both)
            true = (RHO, (BETA + THETA) / (1 - RHO) if kind == "sdm" else BETA)
            sys.stdout.write(f"{n} x {t}, {kind}, {process}, {replications} replications\n")
            for name, fits in found.items():
                values = np.array(fits)
                line = f"  {name:15} {len(fits):5d}"
                for place in range(2):
                    estimate, se = values[:, place, 0], values[:, place, 1]
                    # a total effect of few units has no mean
                    good = np.isfinite(estimate) & np.isfinite(se)
                    covered = np.abs(estimate[good] - true[place]) <= NORMAL * se[good]
                    middle = np.median(estimate[good]) if place else estimate[good].mean()
                    line += (
                        f"   bias {middle - true[place]:7.3f}"
                        f" sd {estimate[good].std():.3f} se {np.median(se[good]):.3f} cover {covered.mean():.3f}"
                    )
                sys.stdout.write(line + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]]
    sizes = list(zip(given[1::2], given[2::2], strict=True)) or [(30, 6), (30, 20), (285, 15)]
    main(given[0] if given else 200, sizes)
