"""Size of tests of effects by group in a spatial Durbin panel, by standard errors and by the wild bootstrap.

    python tests/benchmark/spatial_regions_wild.py [PANELS]

30 units on a ring in three groups of ten neighbours, 6 periods, two-way effects, rho 0.4; x, control and errors AR(1)
with 0.6, in the last two worlds with variances that differ between units, those of x alike. ``none``: x has no effect.
``cancels``: slopes of x are 0.5 and those of its lag -0.5 in all groups, so that total effects are zero. Rejections at
5 % of the total effect of x in each group, clustered by unit, 199 draws.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

import digicarbon as dc

UNITS, PERIODS, RHO = 30, 6, 0.4
GROUPS = np.repeat(["a", "b", "c"], UNITS // 3)
RING = (np.roll(np.eye(UNITS), 1, axis=0) + np.roll(np.eye(UNITS), -1, axis=0)) / 2
NAMES = [f"u{unit:02d}" for unit in range(UNITS)]


def world(seed: int, beta: float, theta: float, spread: float) -> dc.Panel:
    """Return a panel."""
    rng = np.random.default_rng(seed)
    draws = rng.normal(size=(3, UNITS, PERIODS + 20))
    for period in range(1, PERIODS + 20):
        draws[..., period] += 0.6 * draws[..., period - 1]
    x, z, e = draws[..., 20:] * np.exp(spread * rng.normal(size=UNITS))[:, None] ** [[[1]], [[0]], [[1]]]
    y = np.linalg.solve(np.eye(UNITS) - RHO * RING, beta * x + theta * RING @ x + 0.5 * z + e)
    index = pd.MultiIndex.from_product([NAMES, range(PERIODS)], names=["unit", "year"])
    columns = {"zone": np.repeat(GROUPS, PERIODS), "x": x.ravel(), "z": z.ravel(), "y": y.ravel()}
    return dc.Panel.from_frame(index.to_frame(index=False).assign(**columns), "unit", "year")


def main(panels: int) -> None:
    """Print rejections."""
    weights = dc.Weights.from_matrix(RING, NAMES)
    model = dc.GroupedSpatial(
        y="y", x=("x",), controls=("z",), kind="sdm", by="zone", cov="cluster", test="wild", draws=199,
        intervals=False,
    )  # fmt: skip
    sys.stdout.write(f"{'':28}{'errors':>10}{'wild':>10}\n")
    for spread in (0.0, 0.7):
        for called, slopes in {"none": (0.0, 0.0), "cancels": (0.5, -0.5)}.items():
            rows = []
            for seed in range(panels):
                panel = world(seed, *slopes, spread)
                found = [one.fit(panel, weights).effects.loc["total", "p"] for one in (model.by_errors, model)]
                rows.append([(p.loc[[f"x[{g}]" for g in "abc"]] < 0.05).mean() for p in found])
            shares = np.mean(rows, axis=0)
            name = f"{called}, variances {'differ' if spread else 'equal'}"
            sys.stdout.write(f"{name:28}" + "".join(f"{share:10.3f}" for share in shares) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
