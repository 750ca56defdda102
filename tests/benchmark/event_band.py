"""How often the uniform band of an event study, or of coefficients over quantiles, holds all effects.

    python tests/benchmark/event_band.py [--samples 300] [--quantiles]

40 units, 9 years, one cohort of 2012, an outcome of noise alone, Callaway and Sant'Anna's estimator; the band from the
joint covariance and from 199 wild draws, and ±1.96 standard errors at each event time. With ``--quantiles`` 60 units, 6
years, an outcome of noise that is correlated within units, without effects; the band over five quantiles from the joint
covariance and from 299 samples of units, and the intervals of each quantile.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import pandas as pd

import digicarbon as dc
from digicarbon.packs.policies.picture.event_study import event_critical
from digicarbon.packs.quantile.picture.quantile import quantile_numbers
from digicarbon.panel import PanelDesign
from digicarbon.report.picture import event_numbers
from digicarbon.source import SimulatedPolicy

Held = dict[str, list[tuple[bool, bool]]]
"""Whether the band, and whether each interval by itself, holds all effects, by where the critical value is from."""


def events(samples: int) -> Held:
    """Return what holds all effects by event time."""
    held: Held = {"errors": [], "wild": []}
    for seed in range(samples):
        source = SimulatedPolicy(n=40, periods=9, first_year=2009, cohorts=(2012,), seed=seed)
        frame = source.load().frame.reset_index()
        frame["z"] = np.random.default_rng(seed).normal(size=len(frame))
        panel = PanelDesign(policy={"pilot": "adopted"}).assemble(frame, "unit", "year")
        fields = {"estimator": "callaway_santanna", "aggregate": "event", "base_period": "universal"}
        for test, own in held.items():
            model = dc.DiD(y="z", policy="pilot", test=test, draws=199, intervals=False, **fields)
            result = model.fit(panel)
            table = event_numbers(result)
            table = table[~table["reference"] & ~table["of_leads"]]
            largest = float((table["coef"] / table["se"]).abs().max())
            own.append((largest <= event_critical(result), largest <= 1.96))
    return held


def quantiles(samples: int) -> Held:
    """Return what holds all coefficients over quantiles."""
    held: Held = {"analytic": [], "bootstrap": []}
    index = pd.MultiIndex.from_product([range(60), range(2001, 2007)], names=["unit", "year"])
    for seed in range(samples):
        rng = np.random.default_rng(seed)
        noise = rng.normal(size=(2, 60, 6)) + rng.normal(size=(2, 60, 1))
        frame = pd.DataFrame(dict(zip("xy", noise.reshape(2, -1), strict=True)), index)
        panel = dc.Panel.from_frame(frame.reset_index(), unit="unit", time="year")
        for errors, own in held.items():
            model = dc.PanelQuantile(y="y", x=("x",), effects="none", errors=errors, bootstrap_draws=299)
            table = quantile_numbers(model.fit(panel))
            ends = (("low_uniform", "high_uniform"), ("low", "high"))
            band, each = (bool(((table[low] <= 0) & (table[high] >= 0)).all()) for low, high in ends)
            own.append((band, each))
    return held


def main() -> None:
    """Print a line for each test."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=300)
    parser.add_argument("--quantiles", action="store_true")
    asked = parser.parse_args()
    held = quantiles(asked.samples) if asked.quantiles else events(asked.samples)
    for test, own in held.items():
        band, each = np.mean(own, axis=0)
        sys.stdout.write(f"{test}: uniform {band:.3f}, each by itself {each:.3f}\n")


if __name__ == "__main__":
    main()
