"""Size of the wild bootstrap of dynamic spatial panels, by simulation.

    python tests/benchmark/dynamic_space_size.py [REPLICATIONS]

30 units, 6 and 15 years besides the first one, two-way effects, x and neighbours' x without effect; 199 draws of signs.
The share of p values up to 0.05 of the effects at once and in the long run, beside that of the standard errors (for the
long run Fieller's).
"""

from __future__ import annotations

import sys

import numpy as np

import digicarbon as dc
from digicarbon.source import SimulatedDynamicSpace
from digicarbon.weights import DelaunayWeights

EFFECTS = ("direct", "indirect", "total", "long_direct", "long_indirect", "long_total")


def p_values(seed: int, periods: int) -> np.ndarray:
    """p of each effect, by errors and by signs, shape (2, 6); not a number where there is none."""
    source = SimulatedDynamicSpace(seed=seed, periods=periods, beta=0.0, theta=0.0)
    panel = dc.Panel.from_frame(source.load().frame, "unit", "time")
    weights = DelaunayWeights().compute(panel)
    out = np.full((2, len(EFFECTS)), np.nan)
    for row, test in enumerate(("errors", "wild")):
        model = dc.DynamicSpatialPanel(
            y="y", x=("x",), controls=("c",), test=test, draws=199, seed=seed, intervals=False
        )
        effects = model.fit(panel, weights).effects["p"]
        for place, name in enumerate(EFFECTS):
            out[row, place] = effects.get((name, "x"), np.nan)
    return out


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(replications: int) -> None:
    """Print the table."""
    say(f"{replications} replications; standard error of 0.05: {np.sqrt(0.05 * 0.95 / replications):.4f}")
    say(f"{'':18}" + "".join(f"{name:>15}" for name in EFFECTS))
    for periods in (7, 16):
        found = np.array([p_values(seed, periods) for seed in range(1, replications + 1)])
        for row, called in enumerate(("errors", "wild")):
            known = ~np.isnan(found[:, row])
            shares = ((found[:, row] <= 0.05) & known).sum(axis=0) / known.sum(axis=0)
            say(f"{f'30 × {periods - 1} {called}':18}" + "".join(f"{share:15.3f}" for share in shares))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
