"""How often the uniform band of an event study holds all effects.

    python tests/benchmark/event_band.py [--samples 300]

40 units, 9 years, one cohort of 2012, an outcome of noise alone, Callaway and Sant'Anna's estimator; the band from the
joint covariance and from 199 wild draws, and ±1.96 standard errors at each event time.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

import digicarbon as dc
from digicarbon.packs.policies.picture.event_study import event_critical
from digicarbon.panel import PanelDesign
from digicarbon.report.picture import event_numbers
from digicarbon.source import SimulatedPolicy


def main() -> None:
    """Print a line for each test."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=300)
    held: dict[str, list[tuple[bool, bool]]] = {"errors": [], "wild": []}
    for seed in range(parser.parse_args().samples):
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
    for test, own in held.items():
        band, each = np.mean(own, axis=0)
        sys.stdout.write(f"{test}: uniform {band:.3f}, each by itself {each:.3f}\n")


if __name__ == "__main__":
    main()
