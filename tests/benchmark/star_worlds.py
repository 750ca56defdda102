"""Size and power of the wild bootstrap in worlds that are hard for it, by patterns in space and by signs of units.

Run from the repository: ``python tests/benchmark/star_worlds.py [--replications 1000] [--draws 199] [--jobs 2]
[--only NAME …] [--effect 0.25]``.

30 units lie at random in a square, W joins each with its three nearest; x, a control and the error are AR(1) with 0.8
within units and (I - 0.5 W)⁻¹ across them, 8 periods, two-way effects. What a world changes stands in `WORLDS`. The
table has the share of samples with p ≤ 0.05 by the usual test (errors clustered by unit), by signs of units and by the
default draws. With ``--effect`` these are shares of samples in which an effect of x is detected.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy import special

import digicarbon as dc

FloatArray = NDArray[np.float64]
MAP, PANEL = 77, 4242
"""Seeds of the map, and of panels beside their number."""
SHARE = 3
"""Of so many units one has a law."""
MODELS = {
    "FE": dc.PanelRegression(y="y", x=("x",), controls=("c",), cov="cluster", intervals=False),
    "SDM": dc.SpatialPanel(y="y", x=("x",), controls=("c",), kind="sdm", cov="cluster", intervals=False),
}


@dataclass(frozen=True)
class World:
    """How panels are drawn.

    ``units``: units have errors of different variance. ``by_x``: the error's variance rises with the movement of x.
    ``lever``: so many units have six times the movement of x. ``factors``: two factors with loadings that are
    correlated in space, others in x than in the error. ``law``: x is a law of a third of the units that lie together.
    ``hub``: in W all units have three hubs and one neighbour. ``other``: the truth's W is the inverse square of
    distance. ``tails``: degrees of freedom of t errors. ``trend``: x has a trend of its own in each unit.
    """

    t: int = 8
    serial: float = 0.8
    units: bool = False
    by_x: bool = False
    lever: int = 0
    factors: bool = False
    law: bool = False
    hub: bool = False
    other: bool = False
    tails: int = 0
    trend: bool = False


WORLDS = {
    "base": World(),
    "units: unequal variances": World(units=True),
    "hetx: variance by x": World(by_x=True),
    "lever: two units of 6 times the movement": World(lever=2),
    "factors": World(factors=True),
    "dclust: a law of units that lie together": World(law=True),
    "wrongW: truth has inverse squares": World(other=True),
    "hub: three hubs in W": World(hub=True),
    "rw: random walks": World(serial=1.0),
    "kitchen: by x, t(3), factors, trend, lever, T 20": World(
        t=20, by_x=True, tails=3, factors=True, trend=True, lever=2
    ),
}
N = 30


def nearest(distances: FloatArray, number: int) -> FloatArray:
    """Return which units are among the nearest of each, shape (N, N)."""
    out = np.zeros_like(distances)
    np.put_along_axis(out, np.argsort(distances, axis=1)[:, :number], 1.0, axis=1)
    return out


def matrices(world: World) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return places, shape (N, 2), the W of the models and that of the truth, rows of sum one."""
    places = np.random.default_rng(MAP).random((N, 2))
    distances = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    np.fill_diagonal(distances, np.inf)
    near = nearest(distances, 3)
    used = np.maximum(near, near.T)
    if world.hub:
        used = nearest(distances, 1)
        used[:, :3] += 1
        np.fill_diagonal(used, 0)
    true = distances**-2.0 if world.other else used
    return places, used / used.sum(axis=1, keepdims=True), true / true.sum(axis=1, keepdims=True)


def drawn(world: World, effect: float, seed: int) -> tuple[dc.Panel, dc.Weights]:
    """Return a panel with y, x and c, and the W of the models."""
    rng = np.random.default_rng([seed, PANEL])
    places, used, true = matrices(world)
    inverse = np.linalg.inv(np.eye(N) - 0.5 * true)
    burn = 40 if world.serial < 1 else 0

    def paths(scale: FloatArray | float = 1.0, serial: float = world.serial, tails: int = 0) -> FloatArray:
        size = (world.t + burn, N)
        shocks = (rng.standard_t(tails, size) if tails else rng.normal(size=size)) * scale
        for period in range(1, len(shocks)):
            shocks[period] += serial * shocks[period - 1]
        return np.asarray(shocks[burn:].T)

    x, c = inverse @ paths(), inverse @ paths()
    if world.trend:
        x = x + np.outer(inverse @ rng.normal(size=N), np.arange(world.t)) / 2
    x[: world.lever] *= 6
    if world.law:
        x = np.zeros((N, world.t))
        centre = places[rng.integers(N)]
        for unit in np.argsort(((places - centre) ** 2).sum(axis=1))[: N // SHARE]:
            x[unit, rng.integers(2, world.t - 1) :] = 1
    movement = np.abs(x - x.mean(axis=1, keepdims=True))
    if world.by_x:
        error = inverse @ (paths(tails=world.tails) * (0.3 + movement / movement.mean()))
    else:
        error = inverse @ paths(np.exp(rng.normal(scale=0.7, size=N)) if world.units else 1.0, tails=world.tails)
    if world.factors:
        for column in (x, error):
            walks = rng.normal(size=(2, world.t)).cumsum(axis=1) / 2 + rng.normal(size=(2, world.t))
            column += inverse @ rng.normal(size=(N, 2)) @ walks
    y = effect * x + 0.5 * c + 2 * rng.normal(size=(N, 1)) + rng.normal(size=world.t) + error
    labels = [f"u{unit:03d}" for unit in range(N)]
    index = pd.MultiIndex.from_product([labels, range(2000, 2000 + world.t)], names=["unit", "year"])
    frame = pd.DataFrame({name: values.ravel() for name, values in (("y", y), ("x", x), ("c", c))}, index=index)
    weights = dc.Weights.from_matrix(used, labels, name="W")
    return dc.Panel.from_frame(frame.reset_index(), unit="unit", time="year"), weights


def one(world: World, effect: float, draws: int, seed: int) -> dict[str, FloatArray]:
    """Return by quantity whether the usual test, that by signs of units and the default one reject."""
    panel, weights = drawn(world, effect, seed)
    out = {}
    for name, model in MODELS.items():
        result = model.model_copy(update={"draws": draws, "seed": seed}).fit(panel, weights)
        if result.end:
            continue
        tables = {"": result.estimates.loc["x"]}
        if len(result.effects):
            tables = {f"{effect}.": result.effects.loc[(effect, "x")] for effect in ("direct", "indirect", "total")}
        for quantity, row in tables.items():
            usual = special.erfc(abs(row["coef"] / row["se"]) / np.sqrt(2))
            by_unit = result.statistics[f"p_units.{quantity}x"]
            out[f"{name} {quantity[:-1]}".strip()] = np.array([usual, by_unit, row["p"]]) <= 0.05
    return out


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a table of rates."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--replications", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=199)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--effect", type=float, default=0.0)
    parser.add_argument("--only", nargs="*", default=list(WORLDS), help="names, or their first words")
    given = parser.parse_args(arguments)
    start = time.perf_counter()
    sys.stdout.write("| world | quantity | samples | usual | signs of units | default |\n|---|---|---|---|---|---|\n")
    for name, world in WORLDS.items():
        if not {name, name.partition(":")[0]} & set(given.only):
            continue
        results = Parallel(n_jobs=given.jobs)(
            delayed(one)(world, given.effect, given.draws, seed) for seed in range(given.replications)
        )
        for quantity in dict.fromkeys(key for result in results for key in result):
            every = np.array([result[quantity] for result in results if quantity in result])
            cells = " | ".join(f"{rate:.3f}" for rate in every.mean(axis=0))
            sys.stdout.write(f"| {name} | {quantity} | {len(every)} | {cells} |\n")
        sys.stdout.flush()
    sys.stdout.write(f"\n{given.replications} samples x {given.draws} draws; {time.perf_counter() - start:.0f} s\n")


if __name__ == "__main__":
    main()
