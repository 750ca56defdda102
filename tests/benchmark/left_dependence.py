"""How often residuals of independent units fail the tests of what is left, and how often dependent ones do.

30 units of a lattice in five regions, 8 periods, errors correlated over time (0.7); spatial dependence by W (0.5) is in
x and y, and filtered. Prints the share of p ≤ 0.05 by pairs of units, and of the smallest p of Holm; with ``--tables``
the share of tables of six columns below which a sentence stands, and of columns that it names. Units are then provinces
in four regions.

    python tests/benchmark/left_dependence.py --samples 400 --draws 199
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

import digicarbon as dc
from digicarbon.country import country
from digicarbon.diagnostic import LeftDependence
from digicarbon.packs.left_dependence.report.below import left_below

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from lattice import lattice

W = lattice(6, 5)
PERIODS = 8
REGION = np.repeat(np.arange(5), 6)
WORLDS = ("independent units", "unequal units", "variance by x", "shocks of regions", "common factor")
MODELS: dict[str, dc.Model] = {
    "two-way FE": dc.PanelRegression(y="y", x=("x",), controls=("q",)),
    "unit FE": dc.PanelRegression(y="y", x=("x",), controls=("q",), effects="unit"),
    "SDM": dc.SpatialPanel(y="y", x=("x",), controls=("q",), kind="sdm"),
}


def paths(rng: np.random.Generator, columns: int, memory: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return autoregressions of order one, shape (PERIODS, columns)."""
    values = rng.normal(size=(PERIODS + 20, columns))
    for period in range(1, len(values)):
        values[period] += memory * values[period - 1]
    return values[20:]


def panel_of(
    world: str,
    seed: int,
    regions: np.ndarray[tuple[int], np.dtype[np.int64]] = REGION,
    labels: Sequence[str] = W.labels,
) -> dc.Panel:
    """Return one sample."""
    rng = np.random.default_rng(seed)
    spread = np.linalg.inv(np.eye(W.n) - 0.5 * W.dense())
    x, error = paths(rng, W.n, 0.8) @ spread.T, paths(rng, W.n, 0.7)
    if world == "unequal units":
        error *= np.exp(rng.normal(size=W.n))
    if world == "variance by x":
        error *= 0.3 + np.abs(x)
    if world == "shocks of regions":
        error += 0.5 * paths(rng, 5, 0.7)[:, regions]
    if world == "common factor":
        error += 1.5 * paths(rng, 1, 0.7) * np.linspace(-1, 1, W.n)
    y = error @ spread.T + rng.normal(size=W.n)
    index = pd.MultiIndex.from_product([range(2001, 2001 + PERIODS), labels], names=["year", "unit"])
    columns = {"y": y.ravel(), "x": x.ravel(), "q": paths(rng, W.n, 0.7).ravel()}
    frame = pd.DataFrame(columns, index=index).assign(region=np.tile(np.array(list("abcde"))[regions], PERIODS))
    return dc.Panel.from_frame(frame.reset_index(), unit="unit", time="year")


def tables(samples: int) -> None:
    """Print how often tables have a sentence; units are provinces, those of a region side by side."""
    regions = country().groups[country().grouping]
    region = country().units[country().grouping].map(regions.index).sort_values(kind="stable").iloc[: W.n]
    weights = replace(W, labels=tuple(map(str, region.index)))
    models = [model.model_copy(update={"controls": controls}) for model in MODELS.values() for controls in ((), ("q",))]
    for world in WORLDS:
        named = []
        for seed in range(samples):
            prepared = SimpleNamespace(panel=panel_of(world, seed, region.to_numpy(), weights.labels), weights=weights)
            runs: list[Any] = [
                SimpleNamespace(label=str(place), specs=SimpleNamespace(model=model), prepared=prepared)
                for place, model in enumerate(models)
            ]
            named.append(len(left_below(runs).notes))
        share, mean = np.mean(np.array(named) > 0), np.mean(named)
        sys.stdout.write(f"{world}: tables with a sentence {share:.3f}, columns named {mean:.2f} of {len(models)}\n")
        sys.stdout.flush()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--draws", type=int, default=199)
    parser.add_argument("--tables", action="store_true")
    asked = parser.parse_args()
    if asked.tables:
        tables(asked.samples)
        return
    for name, model in MODELS.items():
        test = LeftDependence(model=model, by="region", draws=asked.draws)
        for world in WORLDS:
            found = [test.tables(panel_of(world, seed), W)["left_dependence"] for seed in range(asked.samples)]
            shares = (pd.concat({n: one["p"] for n, one in enumerate(found)}, axis=1) <= 0.05).mean(axis=1)
            smallest = np.mean([one["p_holm"].min() <= 0.05 for one in found])
            cells = ", ".join(f"{pairs} {share:.3f}" for pairs, share in shares.items())
            sys.stdout.write(f"{name}, {world}: {cells}; smallest p of Holm {smallest:.3f}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
