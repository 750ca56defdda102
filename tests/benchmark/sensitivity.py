"""Bias and coverage of Oster's adjusted coefficient in a world where selection is proportional.

``python tests/benchmark/sensitivity.py [draws]`` prints the table of docs/sensitivity.md: two-way panels of N units
and 8 periods, y = 0.5 x + w + u + e with an observed w and an unobserved u, of variance 1 each and both as strong in
x. So the true delta is 1, and the true largest R² is known.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

import digicarbon as dc
from digicarbon.diagnostic import OmittedVariable, Oster

TRUE = 0.5
SELECTION = 0.5
ERROR = 1.0
PERIODS = 8


def world(units: int, rng: np.random.Generator) -> dc.Panel:
    """Return a panel with unit and time effects in all columns."""
    unit, period = (codes.ravel() for codes in np.indices((units, PERIODS)))
    effects = rng.normal(size=(3, units))[:, unit] + rng.normal(size=(3, PERIODS))[:, period]
    w, u, noise, e = rng.normal(size=(4, len(unit)))
    x = SELECTION * (w + u) + noise
    y = TRUE * x + w + u + ERROR * e
    columns = {"x": x + effects[0], "w": w + effects[1], "y": y + effects[2], "u": u}
    frame = pd.DataFrame({"unit": [f"u{one:03d}" for one in unit], "year": period + 2001, **columns})
    return dc.Panel.from_frame(frame, unit="unit", time="year")


def largest_r2() -> float:
    """Return the R² of the regression on x, w and u after effects, in the population."""
    shared = TRUE * SELECTION + 1
    total = 2 * shared**2 + TRUE**2 + ERROR**2
    return 1 - ERROR**2 / total


def row(units: int, draws: int) -> str:
    """Return a line of the table."""
    numbers, r_max = [], largest_r2()
    for seed in range(draws):
        panel = world(units, np.random.default_rng([units, seed]))
        model = dc.PanelRegression(y="y", x=("x",), controls=("w",), effects="two_way", cov="classic", test="errors")
        table = Oster(model=model, r_max=r_max, draws=299, seed=seed).tables(panel)["oster"]
        long, own = (table.loc[name] for name in ("coefficient with controls", "bias-adjusted coefficient"))
        rest = OmittedVariable(model=model).tables(panel)["omitted_variable_benchmarks"].loc[("w", "1")]
        inside = [line["low"] <= TRUE <= line["high"] for line in (long, own)]
        known = bool(np.isfinite(rest["coef"]))
        covered = float(rest["low"] <= TRUE <= rest["high"]) if known else np.nan
        numbers.append((long["value"], own["value"], *inside, rest["coef"], covered, known))
    # in a small sample w may leave no room for a confounder of its strength
    mean = np.nanmean(numbers, axis=0)
    values = (mean[0] - TRUE, mean[2], mean[1] - TRUE, mean[3], mean[4] - TRUE, mean[5], mean[6])
    return f"| {units} | " + " | ".join(f"{value:z.3f}" for value in values) + " |"


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for size in (30, 300):
        sys.stdout.write(f"{row(size, count)}\n")
