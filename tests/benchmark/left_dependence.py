"""How often residuals of independent units fail the tests of what is left, and how often dependent ones do.

30 units of a lattice in five regions, 8 periods, errors correlated over time (0.7); spatial dependence by W (0.5) is in
x and y, and filtered. Prints the share of p ≤ 0.05 by pairs of units, and of the smallest p of Holm.

    python tests/benchmark/left_dependence.py --samples 400 --draws 199
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

import digicarbon as dc
from digicarbon.diagnostic import LeftDependence

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


def panel_of(world: str, seed: int) -> dc.Panel:
    """Return one sample."""
    rng = np.random.default_rng(seed)
    spread = np.linalg.inv(np.eye(W.n) - 0.5 * W.dense())
    x, error = paths(rng, W.n, 0.8) @ spread.T, paths(rng, W.n, 0.7)
    if world == "unequal units":
        error *= np.exp(rng.normal(size=W.n))
    if world == "variance by x":
        error *= 0.3 + np.abs(x)
    if world == "shocks of regions":
        error += 0.5 * paths(rng, 5, 0.7)[:, REGION]
    if world == "common factor":
        error += 1.5 * paths(rng, 1, 0.7) * np.linspace(-1, 1, W.n)
    y = error @ spread.T + rng.normal(size=W.n)
    index = pd.MultiIndex.from_product([range(2001, 2001 + PERIODS), W.labels], names=["year", "unit"])
    columns = {"y": y.ravel(), "x": x.ravel(), "q": paths(rng, W.n, 0.7).ravel()}
    frame = pd.DataFrame(columns, index=index).assign(region=np.tile(np.array(list("abcde"))[REGION], PERIODS))
    return dc.Panel.from_frame(frame.reset_index(), unit="unit", time="year")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--draws", type=int, default=199)
    asked = parser.parse_args()
    for name, model in MODELS.items():
        test = LeftDependence(model=model, by="region", draws=asked.draws)
        for world in WORLDS:
            tables = [test.tables(panel_of(world, seed), W)["left_dependence"] for seed in range(asked.samples)]
            shares = (pd.concat({n: one["p"] for n, one in enumerate(tables)}, axis=1) <= 0.05).mean(axis=1)
            smallest = np.mean([one["p_holm"].min() <= 0.05 for one in tables])
            cells = ", ".join(f"{pairs} {share:.3f}" for pairs, share in shares.items())
            sys.stdout.write(f"{name}, {world}: {cells}; smallest p of Holm {smallest:.3f}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
