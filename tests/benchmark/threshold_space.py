"""Size of the test of a threshold in a spatial Durbin model, and coverage of its confidence sets, by simulation.

    python tests/benchmark/threshold_space.py [N] [REPLICATIONS]

N units on a map, 10 periods, unit effects, rho = 0.4, and errors of equal variance, of a variance that grows with q, or
with a correlation over time of 0.5. Size: the slopes of x and of neighbours' x are the same everywhere; the share of p
values up to 0.05 with 199 draws of signs of units; with more than 300 rows candidates are 100 quantiles. Coverage, from
twice as many replications: both slopes grow by 1 at N = 30, and by less for more units, where q passes 0.3; the share
of sets of 95 % that have this value.
"""

from __future__ import annotations

import sys

import numpy as np

import digicarbon as dc
from digicarbon.packs.threshold.numeric.estimator import critical_ratio
from digicarbon.source import SimulatedThreshold
from digicarbon.weights import DelaunayWeights

TRUE, DRAWS = 0.3, 199
WORLDS = {"equal variance": (0.0, 0.0), "variance grows with q": (0.4, 0.0), "correlation over time": (0.0, 0.5)}
"""How the errors grow with q, and their correlation over time."""


def drawn(seed: int, n: int, change: float, world: tuple[float, float]) -> tuple[dc.Panel, dc.Weights]:
    """A panel and its weights."""
    slopes, spillovers, (spread, memory) = (0.5, 0.5 + change), (0.2, 0.2 + change), world
    source = SimulatedThreshold(
        seed=seed, n=n, slopes=slopes, spillovers=spillovers, rho=0.4, spread=spread, memory=memory
    )
    panel = dc.Panel.from_frame(source.load().frame, "unit", "time")
    return panel, DelaunayWeights().compute(panel)


def model(draws: int, grid: int | None = None) -> dc.PanelThreshold:
    """The model as the worlds have it."""
    return dc.PanelThreshold(
        effects="unit",
        y="y",
        x=("x",),
        controls=("c",),
        threshold="q",
        space="sdm",
        sets="likelihood",
        threshold_draws=draws,
        grid=grid,
        cov="classic",
        test="errors",
    )


def rejects(seed: int, n: int, world: tuple[float, float]) -> bool:
    """Whether the test rejects slopes without a threshold."""
    panel, weights = drawn(seed, n, 0.0, world)
    grid = None if len(panel.unit_codes) <= 300 else 100
    return model(DRAWS, grid).regimes(panel, weights).found.tests[0].p <= 0.05


def covers(seed: int, n: int, world: tuple[float, float]) -> bool:
    """Whether the set of 95 % has the true threshold."""
    values, ratio, _ = model(0).regimes(*drawn(seed, n, np.sqrt(30 / n), world)).sets[0]
    # the last candidate up to the true threshold has its regimes
    at = max(int(np.searchsorted(values, TRUE, side="right")) - 1, 0)
    return bool(ratio[at] <= critical_ratio(0.95))


def main(n: int, replications: int) -> None:
    """Print a line for each world."""
    sys.stdout.write(f"{'N':>4} {'errors':24} {'size':>6} {'coverage':>8}\n")
    for name, world in WORLDS.items():
        size = np.mean([rejects(seed, n, world) for seed in range(replications)])
        covered = np.mean([covers(seed, n, world) for seed in range(2 * replications)])
        sys.stdout.write(f"{n:4} {name:24} {size:6.3f} {covered:8.3f}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(*given, *(30, 500)[len(given) :])
