"""Size of tests of a policy's direct effect and of its spillovers, and bias and coverage of both.

Run from the repository: ``python tests/benchmark/did_space_size.py [--replications 500] [--draws 199] [--jobs 2]
[--only NAME …] [--truth]``.

Panels are those of ``source=simulated_policy`` without its errors, plus errors of variance 1 that are an AR(1) with 0.5
within units. ``correlated`` errors are (I - 0.6 W)⁻¹ across units, W the Delaunay neighbours, scaled to variance 1 on
average; of a ``clustered`` policy units lie together (``clustering=0.8``). For size no policy has an effect. With
``--truth`` the effect is 1, and spillovers are 0.5 times the share of neighbours for all units, or with ``near`` 0.5
for units without the policy whose nearest unit under it is in the ring.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

import digicarbon as dc
from digicarbon.errors import EstimationError
from digicarbon.model.tested import Tested
from digicarbon.numeric.spatial.geography import haversine_km
from digicarbon.packs.policies.model._spillovers import exposure
from digicarbon.panel import PanelDesign
from digicarbon.source import SimulatedPolicy
from digicarbon.weights import DelaunayWeights

FloatArray = NDArray[np.float64]
Rates = dict[tuple[str, str], FloatArray]
"""Numbers by model and effect."""
SERIAL, SPATIAL, CLUSTERING, BURN = 0.5, 0.6, 0.8, 20
RINGS = {60: (0.0, 150.0), 285: (0.0, 75.0)}
"""Of which some units without the policy are outside, by the number of units."""


@dataclass(frozen=True)
class World:
    """How panels are drawn."""

    n: int
    correlated: bool = False
    clustered: bool = False
    near: bool = False


WORLDS = {
    "60 × 15": World(60),
    "60 × 15, correlated": World(60, correlated=True),
    "60 × 15, correlated, clustered": World(60, correlated=True, clustered=True),
    "285 × 15": World(285),
    "285 × 15, correlated": World(285, correlated=True),
    "285 × 15, correlated, clustered": World(285, correlated=True, clustered=True),
}
TRUTHS = {
    "285 × 15": World(285),
    "285 × 15, clustered": World(285, clustered=True),
    "285 × 15, clustered, near": World(285, clustered=True, near=True),
}


def models(n: int, truth: bool) -> dict[str, Tested]:
    """Return the models by name."""
    did = {"y": "y", "policy": "pilot"}
    rings = {"spillovers": "rings", "rings": RINGS[n]}
    chosen: dict[str, Tested] = {
        "one dummy": dc.DiD(**did, test="errors"),
        "W·D": dc.DiD(**did, spillovers="neighbours", test="errors"),
        "ring": dc.DiD(**did, **rings, test="errors"),
        "ring, imputation": dc.DiD(**did, **rings, estimator="imputation", test="errors"),
        "SLX": dc.SpatialPanel(y="y", x=("pilot",), kind="slx", cov="cluster", test="errors"),
        "SDM": dc.SpatialPanel(y="y", x=("pilot",), kind="sdm", cov="cluster", test="errors"),
    }
    # in size, W·D and SLX are the same regression
    return chosen if truth else {name: model for name, model in chosen.items() if name != "SLX"}


def drawn(world: World, effect: float, spillover: float, seed: int) -> tuple[dc.Panel, dc.Weights, FloatArray]:
    """Return a panel, its weights, and what each row gets from others."""
    source = SimulatedPolicy(
        world="homogeneous" if world.near else "spillovers",
        seed=seed,
        n=world.n,
        effect=effect,
        spillover=spillover,
        clustering=CLUSTERING * world.clustered,
        sigma=0.0,
    )
    panel = PanelDesign(policy={"pilot": "adopted"}).assemble(source.load().frame, "unit", "year")
    weights = DelaunayWeights().compute(panel)
    rng = np.random.default_rng(10_000 + seed)
    errors = rng.normal(size=(panel.shape[1] + BURN, world.n))
    for period in range(1, len(errors)):
        errors[period] = SERIAL * errors[period - 1] + np.sqrt(1 - SERIAL**2) * errors[period]
    errors = errors[BURN:]
    if world.correlated:
        inverse = np.linalg.inv(np.eye(world.n) - SPATIAL * weights.dense())
        errors = errors @ inverse.T / np.sqrt((inverse**2).sum(axis=1).mean())
    received = source.truth().cells["spillover"].to_numpy()
    y = panel.column("y") + errors.T.ravel()
    if world.near:
        received = spillover * near(panel, RINGS[world.n])
        y = y + received
    return panel.with_columns({"y": y}), weights, received


def near(panel: dc.Panel, ring: tuple[float, float]) -> FloatArray:
    """Return whether a row is without the policy and its nearest unit under it in a ring, by a plain loop."""
    policy = panel.column("pilot").reshape(panel.shape)
    places = [panel.column(name).reshape(panel.shape)[:, 0] for name in ("longitude", "latitude")]
    inside = np.zeros(panel.shape)
    for i in range(panel.shape[0]):
        distance = haversine_km(places[0][i], places[1][i], *places)
        for t in range(panel.shape[1]):
            others = distance[(policy[:, t] > 0) & (np.arange(len(distance)) != i)]
            inside[i, t] = policy[i, t] == 0 and len(others) > 0 and ring[0] < others.min() <= ring[1]
    return inside.ravel()


def numbers(result: dc.Result) -> dict[str, FloatArray]:
    """Return the direct effect and the spillover with coef, se, p, low and high."""
    columns = ["coef", "se", "p", "low", "high"]
    if result.spatial_effects is None:
        return {"direct": result.estimates.loc["pilot", columns].to_numpy()}
    names = [name for name in ("direct", "spillover", "indirect") if name in result.effect_names]
    return {name: result.effects.loc[(name, "pilot"), columns].to_numpy() for name in names}


def size(world: World, draws: int, seed: int) -> Rates:
    """Return, by model and quantity, whether the usual and the wild test reject what is true."""
    panel, weights, _ = drawn(world, 0.0, 0.0, seed)
    out: Rates = {}
    for name, model in models(world.n, truth=False).items():
        try:
            usual = numbers(model.fit(panel, weights))
        except EstimationError:
            # e.g. of rings that all units are in
            continue
        tested: Mapping[str, FloatArray] = {}
        if model.no_wild is None:
            wild = {"test": "wild", "draws": draws, "seed": seed, "intervals": False}
            tested = numbers(model.model_copy(update=wild).fit(panel, weights))
        for quantity, row in usual.items():
            p = tested[quantity][2] if tested else np.nan
            out[name, quantity] = np.array([row[2] <= 0.05, p <= 0.05 if tested else np.nan])
    return out


def truth(world: World, seed: int) -> Rates:
    """Return, by model and quantity, the true number, the estimate, its error, and whether the interval holds it."""
    panel, weights, received = drawn(world, 1.0, 0.5, seed)
    treated = panel.column("pilot") > 0
    out: Rates = {}
    for name, model in models(world.n, truth=True).items():
        true = {"direct": 1.0, "indirect": 0.5, "spillover": np.nan}
        try:
            found = numbers(model.fit(panel, weights))
        except EstimationError:
            continue
        if isinstance(model, dc.DiD) and model.spillovers != "none":
            columns = exposure(model, panel.with_terms(model.terms), weights).columns
            exposed = ~treated & (np.sum(list(columns.values()), axis=0) > 0)
            true["spillover"] = float(received[exposed].mean())
            if model.spillovers == "rings":
                # the effect of the policy has what units under it get from others
                true["direct"] = 1.0 + float(received[treated].mean())
        for quantity, row in found.items():
            held = row[3] <= true[quantity] <= row[4]
            out[name, quantity] = np.array([true[quantity], row[0], row[1], held])
    return out


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a table of rates."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--replications", type=int, default=500)
    parser.add_argument("--draws", type=int, default=199)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--truth", action="store_true", help="with effects: bias and coverage of the usual intervals")
    parser.add_argument("--only", nargs="*")
    asked = parser.parse_args(arguments)
    worlds = TRUTHS if asked.truth else WORLDS
    heads = ("truth", "mean", "sd", "mean se", "coverage") if asked.truth else ("usual", "wild")
    sys.stdout.write(f"| world | model | effect | fits | {' | '.join(heads)} |\n{'|---' * (4 + len(heads))}|\n")
    start = time.perf_counter()
    for label in asked.only or worlds:
        world = worlds[label]
        one = delayed(truth) if asked.truth else delayed(size)
        more = () if asked.truth else (asked.draws,)
        results = Parallel(n_jobs=asked.jobs)(one(world, *more, seed) for seed in range(asked.replications))
        for name, quantity in dict.fromkeys(key for result in results for key in result):
            every = np.array([result[name, quantity] for result in results if (name, quantity) in result])
            rates = list(every.mean(axis=0))
            if asked.truth:
                rates.insert(2, every[:, 1].std(ddof=1))
            cells = " | ".join("" if np.isnan(rate) else f"{rate:.3f}" for rate in rates)
            sys.stdout.write(f"| {label} | {name} | {quantity} | {len(every)} | {cells} |\n")
            sys.stdout.flush()
    sys.stdout.write(f"\n{asked.replications} replications; {time.perf_counter() - start:.0f} s\n")


if __name__ == "__main__":
    main()
