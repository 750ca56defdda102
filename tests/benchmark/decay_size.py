"""Size of the joint test's p value of a single model with an estimated decay: python tests/benchmark/decay_size.py.

x has no effect and no spillover; c has an effect. Each sample has its null model and draws from it, as a joint test of
one run has, with signs of units. Prints the share of samples with p of the coefficient of x at or below 0.05 and 0.10,
and the largest share of draws without a number.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

import digicarbon as dc
from digicarbon.model.batch import Estimand
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.signs import signs_of
from digicarbon.numeric.resampling.unit_wild import draws_of, p_value
from digicarbon.source import SimulatedDecay


def p_of(kind: str, n: int, periods: int, seed: int, draws: int) -> tuple[float, float]:
    """Return the p value of a sample, and the share of its draws that have no number."""
    lag = kind in ("sar", "sdm")
    source = SimulatedDecay(
        seed=seed, n=n, periods=periods, gamma=2.0, beta=0.0, theta=0.0,
        rho=0.4 if lag else 0.0, lam=0.4 if kind in ("sem", "sdem") else 0.0, sigma=0.5,
    )  # fmt: skip
    panel = dc.Panel.from_frame(source.load().frame, unit="unit", time="time")
    model = dc.DecayPanel(y="y", x=("x",), controls=("c",), kind=kind, test="errors")
    null = model.null(panel, None, [])
    if null is None:
        raise SystemExit(f"{kind} has no null model.")
    made, estimand = null.fit(), Estimand("coefficient", "x")
    batch = model.batch(panel, None, estimand)
    outcomes = np.column_stack([made.y, draws_of(made, Draws(signs_of(panel.units, draws, seed, every=False)))])
    coef, se = batch.fit(batch.prepare(outcomes))
    z = coef / se
    return p_value(float(z[0]), z[1:]), float(1 - np.isfinite(z[1:]).mean())


def main() -> None:
    """Print a line for each kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", default=["slx", "sar", "sdm"])
    for name, default in (("units", 30), ("periods", 6), ("seeds", 200), ("draws", 99)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    for kind in given.kinds:
        rows = [p_of(kind, given.units, given.periods, seed, given.draws) for seed in range(1, given.seeds + 1)]
        p, lost = np.array(rows).T
        low, high = (float((p <= level).mean()) for level in (0.05, 0.10))
        sys.stdout.write(
            f"{kind} {given.units}x{given.periods}, {given.seeds} samples, {given.draws} draws: "
            f"{low:.3f} at 0.05, {high:.3f} at 0.10; draws lost at most {lost.max():.2f}\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
