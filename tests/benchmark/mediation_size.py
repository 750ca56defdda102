"""Coverage of intervals of the indirect effect: delta method, Sobel's standard error, wild bootstrap of units.

python tests/benchmark/mediation_size.py 30 300 0.3 0.3

Arguments are the number of units, the number of samples, and a and b of the one mediator; six periods, errors with
serial correlation 0.5 and other variances for each unit, 399 draws.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

import digicarbon as dc
from digicarbon.source import SimulatedMediation


def main() -> None:
    """Print the share of intervals that hold the true effect, and their mean length."""
    parser = argparse.ArgumentParser()
    parser.add_argument("units", type=int)
    parser.add_argument("samples", type=int)
    parser.add_argument("a", type=float)
    parser.add_argument("b", type=float)
    parser.add_argument("--first", type=int, default=1, help="seed of the first sample")
    given = parser.parse_args()
    fields = {"y": "y", "x": ("x",), "mediators": ("m1",), "controls": ()}
    held: dict[str, list[bool]] = {"delta": [], "sobel": [], "wild": [], "wild a": [], "wild b": []}
    length: dict[str, list[float]] = {"delta": [], "sobel": [], "wild": []}
    start = time.process_time()
    for seed in range(given.first, given.first + given.samples):
        source = SimulatedMediation(n=given.units, periods=6, a=(given.a,), b=(given.b,), seed=seed)
        inputs = source.load()
        panel = dc.Panel.from_frame(inputs.frame, unit=inputs.unit_name, time="time")
        errors = dc.Mediation(**fields, test="errors").fit(panel)
        wild = dc.Mediation(**fields, test="wild", draws=399, seed=seed).fit(panel)
        row = errors.tables["mediation"].iloc[0]
        half = 1.96 * abs(row["indirect"] / row["sobel_z"])
        ends = {
            "delta": tuple(errors.effects.loc[("indirect", "x"), ["low", "high"]]),
            "sobel": (row["indirect"] - half, row["indirect"] + half),
            "wild": tuple(wild.effects.loc[("indirect", "x"), ["low", "high"]]),
        }
        for name, (low, high) in ends.items():
            held[name].append(low <= source.indirect <= high)
            length[name].append(high - low)
        for name, term, true in (("wild a", "m1[x]", given.a), ("wild b", "m1", given.b)):
            low, high = wild.estimates.loc[term, ["low", "high"]]
            held[name].append(low <= true <= high)
    shares = "  ".join(f"{name} {np.mean(values):.3f}" for name, values in held.items())
    lengths = "  ".join(f"{name} {np.mean(values):.3f}" for name, values in length.items())
    per_sample = (time.process_time() - start) / given.samples
    sys.stdout.write(f"N {given.units}, a {given.a:g}, b {given.b:g}: {shares}; length: {lengths}\n")
    sys.stdout.write(f"{per_sample:.2f} s CPU per sample\n")


if __name__ == "__main__":
    main()
