"""Bias and coverage of the two-way spatial Durbin model on whole simulated studies, with the true W.

Run: python tests/benchmark/recovery.py [cities|provinces|counties] [seeds]

Each seed is a new study: yearbook, input-output tables, the measure computed from them, CO2. Truth: β = -0.12 and
θ = 0.05 (of ln E), ρ = 0.4, five controls without spatial lags, normal errors of standard deviation 0.05, unit and time
effects, 2012-17. docs/simulated.md holds the equations and what came out.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd

import digicarbon as dc
from digicarbon.measure import BeaMeasure
from digicarbon.outcome import Intensity
from digicarbon.panel import PanelDesign
from digicarbon.source import SimulatedSource
from digicarbon.weights import DelaunayWeights

CONTROLS = ("ln_pgdp", "ln_population", "ln_built_up_area", "ln_ter_sec", "ln_regulation")
DESIGN = PanelDesign(
    derive={
        "pgdp": "gdp / population",
        "ter_sec": "tertiary_va / secondary_va",
        "regulation": "pollution_investment / industrial_output",
    }
)
TRUTH = {"beta": -0.12, "theta": 0.05, "rho": 0.4, "total": (-0.12 + 0.05) / (1 - 0.4)}


def study(size: str, seed: int) -> dc.Panel:
    """Return the panel of one simulated study."""
    inputs = SimulatedSource(size=size, seed=seed, neighbours="delaunay").load()
    frame = inputs.frame
    for made in (BeaMeasure().compute(inputs), Intensity().compute(inputs)):
        frame = frame.merge(made, on=["unit", "time"])
    return DESIGN.take(DESIGN.assemble(frame, inputs.unit_name, "year"), ("ln_ci", "ln_e", *CONTROLS))


def recovered(size: str, seeds: range, correction: str) -> pd.DataFrame:
    """Return a row per seed and parameter: estimate, its standard error and the interval's ends."""
    model = dc.SpatialPanel(
        y="ln_ci",
        x=("ln_e",),
        controls=CONTROLS,
        kind="sdm",
        durbin="x",
        bias_correction=correction,
        cov="classic",
        test="errors",
    )
    rows, weights = [], None
    for seed in seeds:
        panel = study(size, seed)
        # who is a neighbour does not hang on the seed
        weights = weights or DelaunayWeights().compute(panel)
        result = model.fit(panel, weights)
        found = result.estimates.loc[["ln_e", "W_ln_e", "rho"]].set_axis(["beta", "theta", "rho"], axis=0)
        found.loc["total"] = result.effects.loc[("total", "ln_e")]
        rows.append(found.assign(seed=seed))
    return pd.concat(rows).rename_axis("parameter").reset_index()


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """Return bias, its simulation error, spread, mean standard error and coverage by parameter."""
    truth = found["parameter"].map(TRUTH)
    table = found.assign(error=found["coef"] - truth, inside=(found["low"] <= truth) & (truth <= found["high"]))
    by = table.groupby("parameter", sort=False)
    return pd.DataFrame(
        {
            "truth": pd.Series(TRUTH),
            "bias": by["error"].mean(),
            "simulation error": by["error"].std() / np.sqrt(by.size()),
            "spread": by["error"].std(),
            "mean se": by["se"].mean(),
            "coverage": by["inside"].mean(),
        }
    )


def main(size: str, seeds: int) -> None:
    out = sys.stdout
    start = time.process_time()
    for correction in ("lee_yu", "none"):
        table = summary(recovered(size, range(1, seeds + 1), correction))
        out.write(f"{size}, {seeds} seeds, bias_correction={correction}\n\n| parameter | {' | '.join(table)} |\n")
        out.write("|---" * (len(table.columns) + 1) + "|\n")
        for name, row in table.iterrows():
            out.write(f"| {name} | {' | '.join(f'{value:.4f}' for value in row)} |\n")
        out.write("\n")
    out.write(f"{time.process_time() - start:.0f} CPU seconds\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "cities", int(sys.argv[2]) if len(sys.argv) > 2 else 200)
