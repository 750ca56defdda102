"""Size, power and coverage of the wild bootstrap beside the usual p values.

Run from the repository: ``python tests/benchmark/wild_size.py [--replications 1000] [--draws 199] [--jobs 2]
[--coverage] [--effect 0.4] [--only NAME …]``.

Measure, control and error are AR(1) with 0.7 within units and (I - 0.6 W)⁻¹ across them, W the neighbours of 30 units,
as in `joint_size.py`; what a world changes stands in its name. Under the null the measure has no effect; for power and
coverage it has one of 0.4, or what ``--effect`` says. This effect stays with its unit, except for the spatial lag
model, for which it enters a lag process with 0.6: there is no other panel with spatial errors that it describes.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray

import digicarbon as dc
from digicarbon.packs.china import facts

FloatArray = NDArray[np.float64]
SERIAL, SPATIAL, BURN = 0.7, 0.6, 30
MODELS = {
    "FE": dc.PanelRegression(y="y", x=("x",), controls=("c",), cov="cluster", test="errors"),
    "FE time": dc.PanelRegression(y="y", x=("x",), controls=("c",), cov="cluster", effects="time", test="errors"),
    "SLX": dc.SpatialPanel(y="y", x=("x",), controls=("c",), kind="slx", cov="cluster", test="errors"),
    "SAR": dc.SpatialPanel(y="y", x=("x",), controls=("c",), kind="sar", cov="cluster", test="errors"),
    "SEM": dc.SpatialPanel(y="y", x=("x",), controls=("c",), kind="sem", cov="cluster", test="errors"),
    "SDM": dc.SpatialPanel(y="y", x=("x",), controls=("c",), kind="sdm", cov="cluster", test="errors"),
    "SDM classic": dc.SpatialPanel(y="y", x=("x",), controls=("c",), kind="sdm", cov="classic", test="errors"),
    "SDM time": dc.SpatialPanel(
        y="y", x=("x",), controls=("c",), kind="sdm", cov="cluster", effects="time", test="errors"
    ),
    "SDEM": dc.SpatialPanel(y="y", x=("x",), controls=("c",), kind="sdem", cov="cluster", test="errors"),
    "Filter": dc.SpatialFilter(y="y", x=("x",), controls=("c",), cov="cluster", test="errors"),
    "Filter forward": dc.SpatialFilter(
        y="y", x=("x",), controls=("c",), cov="cluster", method="forward", test="errors"
    ),
    "Filter all": dc.SpatialFilter(y="y", x=("x",), controls=("c",), cov="cluster", method="all", test="errors"),
    "SAC": dc.SpatialPanel(y="y", x=("x",), controls=("c",), kind="sac", cov="cluster", test="errors"),
    "SDM with gaps": dc.UnbalancedSpatialPanel(
        y="y", x=("x",), controls=("c",), kind="sdm", cov="cluster", test="errors"
    ),
}
MAIN = ("FE", "SLX", "SAR", "SEM", "SDM", "SDM classic", "SDEM")


@dataclass(frozen=True)
class World:
    """How panels are drawn.

    ``unequal`` units have errors of different variance, ``alike`` a measure of the same different variance. ``tails``
    are the degrees of freedom of t errors; ``factors`` adds a factor with loadings that are correlated in space to
    measure and error, ``common`` the same one to both; ``missing`` is the share of rows that are left out. With ``lag``
    measure and control enter y = 0.6 Wy + …, else only errors spill over. ``noise`` is the size of an error in the
    measure that the model gets, in terms of the measure itself.
    """

    n: int = 30
    t: int = 6
    effect: float = 0.0
    unequal: bool = False
    alike: bool = False
    tails: int = 0
    factors: bool = False
    common: bool = False
    missing: float = 0.0
    lag: bool = False
    noise: float = 0.0

    def truths(self, w: dc.Weights) -> dict[str, float]:
        """Return the effects of x by quantity."""
        inverse = spill(w) if self.lag else np.eye(w.n)
        direct, total = self.effect * np.trace(inverse) / w.n, self.effect * inverse.sum() / w.n
        return {"coefficient": self.effect, "direct": direct, "indirect": total - direct, "total": total}


WORLDS = {
    "30 × 6": World(),
    "30 × 6, unequal units, measure alike": World(unequal=True, alike=True),
    "30 × 15": World(t=15),
    "30 × 15, unequal units, measure alike": World(t=15, unequal=True, alike=True),
    "errors t(3)": World(tails=3),
    "factors": World(factors=True),
    "the same factor in both": World(factors=True, common=True),
    "12 units": World(n=12),
    "12 units, unequal, alike": World(n=12, unequal=True, alike=True),
    "8 units": World(n=8),
    "100 units, unequal, alike": World(n=100, unequal=True, alike=True),
    "a tenth of the rows missing": World(missing=0.1),
    "measure with an error": World(noise=0.5),
}
LARGE = {"285 units": World(n=285, unequal=True, alike=True)}


def weights_of(n: int) -> dc.Weights:
    """Return the neighbours of 30 provinces; of other numbers a ring."""
    if n == 30:
        return dc.Weights.from_edges(facts.adjacency())
    labels = [f"u{unit:03d}" for unit in range(n)]
    ring = np.roll(np.eye(n), 1, axis=1) + np.roll(np.eye(n), -1, axis=1)
    return dc.Weights.from_matrix(ring / 2, labels)


def spill(w: dc.Weights) -> FloatArray:
    """Return (I - 0.6 W)⁻¹."""
    return np.asarray(np.linalg.inv(np.eye(w.n) - SPATIAL * w.dense()))


def drawn(world: World, w: dc.Weights, seed: int) -> dc.Panel:
    """Return a panel with y, x and c."""
    rng = np.random.default_rng(seed)
    inverse = spill(w)

    def paths(scale: FloatArray | float, tails: int = 0) -> FloatArray:
        shocks = rng.standard_t(tails, (world.t + BURN, w.n)) if tails else rng.normal(size=(world.t + BURN, w.n))
        e = shocks.copy()
        for period in range(1, world.t + BURN):
            e[period] += SERIAL * e[period - 1]
        return np.asarray(inverse @ (e[BURN:] * scale).T)

    scale = np.exp(rng.normal(scale=0.7, size=w.n)) if world.unequal else np.ones(w.n)
    x, c = paths(scale if world.alike else 1.0), paths(1.0)
    error = paths(scale, world.tails)
    if world.factors:
        loadings = inverse @ rng.normal(size=(w.n, 2))
        path = rng.normal(size=(2, world.t))
        x = x + np.outer(loadings[:, 0], path[0])
        error = error + np.outer(loadings[:, 1], path[0 if world.common else 1])
    signal = world.effect * x + 0.5 * c
    y = (inverse @ signal if world.lag else signal) + error
    if world.noise:
        x = x + world.noise * paths(1.0)
    index = pd.MultiIndex.from_product([w.labels, range(2001, 2001 + world.t)], names=["unit", "year"])
    frame = pd.DataFrame({name: values.ravel() for name, values in (("y", y), ("x", x), ("c", c))}, index=index)
    if world.missing:
        frame = frame[rng.random(len(frame)) > world.missing]
    return dc.Panel.from_frame(frame.reset_index(), unit="unit", time="year", gaps="keep")


def numbers(result: dc.Result) -> Iterator[tuple[str, FloatArray]]:
    """Yield the quantities of x with coef, p, low and high."""
    columns = ["coef", "p", "low", "high"]
    if not len(result.effects):
        yield "coefficient", result.estimates.loc["x", columns].to_numpy()
        return
    for effect in ("direct", "indirect", "total"):
        row = result.effects.loc[(effect, "x"), columns].to_numpy()
        if np.isfinite(row[1]):
            yield effect, row


def one(world: World, model: dc.Model, w: dc.Weights, fields: dict[str, object], seed: int) -> dict[str, FloatArray]:
    """Return by quantity whether each test rejects, each interval holds the truth, and the wild one lacks an end."""
    panel = drawn(world, w, seed)
    usual = model.fit(panel, w)
    if usual.end:
        return {}
    wild = type(model)(
        **model.model_dump(exclude={"test", "draws", "signs", "seed", "intervals", "formula"})
        | fields
        | {"test": "wild", "seed": seed}
    ).fit(panel, w)
    out, truths = {}, world.truths(w)
    for (name, before), (_, after) in zip(numbers(usual), numbers(wild), strict=True):
        held = [float(low <= truths[name] <= high) for _, _, low, high in (before, after)]
        no_end = np.isinf(after[2:]).any()
        out[name] = np.array([before[1] <= 0.05, after[1] <= 0.05, *held, no_end], dtype=np.float64)
    return out


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a table of rates."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--replications", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=199)
    parser.add_argument("--signs", choices=["patterns", "units"], default="patterns")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--coverage", action="store_true", help="with an effect, and intervals")
    parser.add_argument("--effect", type=float, default=0.4, help="of the measure, for power and coverage")
    parser.add_argument("--only", nargs="*", default=list(WORLDS))
    parser.add_argument("--models", nargs="*", default=list(MAIN))
    asked = parser.parse_args(arguments)
    head = "power | coverage" if asked.coverage else "size"
    sys.stdout.write(f"{head} at 5 %: usual, wild\n\n| world | model | quantity | fits | usual | wild |")
    sys.stdout.write(" usual interval | wild interval | without an end |\n" if asked.coverage else "\n")
    sys.stdout.write("|---" * (9 if asked.coverage else 6) + "|\n")
    start, fields = time.perf_counter(), {"draws": asked.draws, "signs": asked.signs, "intervals": asked.coverage}
    for name in asked.only:
        world = (WORLDS | LARGE)[name]
        w = weights_of(world.n)
        for model in asked.models:
            if asked.coverage:
                world = replace(world, effect=asked.effect, lag=model == "SAR")
            if world.missing and isinstance(MODELS[model], dc.SpatialPanel):
                continue
            results = Parallel(n_jobs=asked.jobs)(
                delayed(one)(world, MODELS[model], w, fields, seed) for seed in range(asked.replications)
            )
            for quantity in dict.fromkeys(key for result in results for key in result):
                every = np.array([result[quantity] for result in results if quantity in result])
                rates = every.mean(axis=0)[: 5 if asked.coverage else 2]
                cells = " | ".join(f"{rate:.3f}" for rate in rates)
                sys.stdout.write(f"| {name} | {model} | {quantity} | {len(every)} | {cells} |\n")
                sys.stdout.flush()
    sys.stdout.write(
        f"\n{asked.replications} replications x {asked.draws} draws; {time.perf_counter() - start:.0f} s\n"
    )


if __name__ == "__main__":
    main()
