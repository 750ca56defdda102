"""Coverage of intervals of direct, spillover and total effects through mediators in a spatial Durbin model.

python tests/benchmark/mediation_space_size.py 60 200

Arguments are the number of units and of samples; ten years, errors without serial
correlation and with other variances for each unit (``--even``: with equal ones), theta and rho 0.3, places drawn anew
for each sample. ``--first`` is the seed of the first sample.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

import digicarbon as dc
from digicarbon.arrays import FloatArray
from digicarbon.diagnostic import SpatialMediation
from digicarbon.note import Note
from digicarbon.source import SimulatedMediation
from digicarbon.source._drawn import neighbours


class Even(SimulatedMediation):
    """The same world with errors of equal variances."""

    def _columns(self, rng: np.random.Generator, uneven: bool) -> FloatArray:
        return super()._columns(rng, False)


def main() -> None:
    """Print the share of intervals that hold the true effect through all mediators."""
    parser = argparse.ArgumentParser()
    parser.add_argument("units", type=int)
    parser.add_argument("samples", type=int)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--even", action="store_true")
    given = parser.parse_args()
    held: dict[str, dict[str, list[bool]]] = {}
    for cov in ("classic", "cluster"):
        held[cov] = {"direct": [], "spillover effect": [], "total": []}
    for seed in range(given.first, given.first + given.samples):
        source = (Even if given.even else SimulatedMediation)(
            n=given.units, periods=10, theta=0.3, rho=0.3, memory=0.0, seed=seed
        )
        inputs = source.load()
        panel = dc.Panel.from_frame(inputs.frame, unit=inputs.unit_name, time="time")
        w = dc.Weights.from_matrix(neighbours(source.places), panel.units)
        through = source.through_mediators()
        own, every = np.trace(through) / source.n, through.sum() / source.n
        for cov, shares in held.items():
            model = dc.SpatialPanel(kind="sdm", y="y", x=("x",), controls=(), cov=cov, test="errors")
            table = SpatialMediation(model=model, mediators=("m1", "m2")).tables(panel, w)["spatial_mediation"]
            for effect, true in zip(shares, (own, every - own, every), strict=True):
                low, high = table.loc[("x", Note("all_mediators"), effect), ["low", "high"]]
                shares[effect].append(low <= true <= high)
    for cov, shares in held.items():
        words = "  ".join(f"{effect} {np.mean(values):.3f}" for effect, values in shares.items())
        sys.stdout.write(f"N {given.units}, {given.samples} samples, {cov}: {words}\n")


if __name__ == "__main__":
    main()
