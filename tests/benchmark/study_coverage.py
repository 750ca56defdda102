"""Bias and coverage of the study's columns with total E over seeds of the simulated study, by its own experiments.

Run in an empty folder: ``python …/tests/benchmark/study_coverage.py [seeds]``. Each seed is a run of `table3_baseline`,
`table7_spatial_w1` and `table8_spatial_w2`, recorded like any other; the estimates are read back from MLflow. The last
two are also fitted without Lee and Yu's correction. Coverage is that of intervals by standard errors clustered by unit,
and by the wild bootstrap where a parameter has it.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd

from digicarbon.recorded import sweep
from digicarbon.tracking import Tracking

BETA, THETA, RHO = -0.12, 0.05, 0.4
TRUTH = {"ln_e": BETA, "W_ln_e": THETA, "rho": RHO, "total": (BETA + THETA) / (1 - RHO)}
WILD = ("ln_e", "W_ln_e", "total")
"""Parameters that have intervals of the bootstrap."""


def estimates(experiment: str, seeds: int, *overrides: str) -> pd.DataFrame:
    """Run the column with total E over seeds; return coef, low and high, and the ends by errors, by term."""
    command = [sys.executable, "-m", "digicarbon", "run", experiment, "-m", f"source.seed=range(1,{seeds + 1})"]
    command += ["replace=columns", "measure=bea"]
    subprocess.run([*command, *overrides], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    parts = []
    for record in sweep(Tracking(), experiment).records:
        result = record.result
        part = result.estimates.loc[[term for term in TRUTH if term in result.terms]]
        if result.spatial_effects is not None:
            part = pd.concat([part, result.effects.loc[("total", "ln_e")].to_frame("total").T])
        by_errors = result.inference.columns(part["coef"].to_numpy(), part["se"].to_numpy())
        parts.append(part.assign(errors_low=by_errors["low"], errors_high=by_errors["high"]))
    return pd.concat(parts)


def lines(name: str, found: pd.DataFrame, truth: dict[str, float]) -> list[str]:
    """Return a row of the table for each parameter."""
    rows = []
    for term, value in truth.items():
        part = found.loc[[term]] if term in found.index else found.iloc[:0]
        if len(part):
            coef = part["coef"].to_numpy()
            errors = part["errors_low"].le(value) & part["errors_high"].ge(value)
            numbers = (value, coef.mean() - value, coef.std(ddof=1) / np.sqrt(len(coef)), errors.mean())
            wild = part["low"].le(value) & part["high"].ge(value)
            cells = [*(f"{number:.4f}" for number in numbers), f"{wild.mean():.4f}" if term in WILD else "–"]
            rows.append(f"| {name} | {term} | {len(part)} | " + " | ".join(cells) + " |")
    return rows


def main() -> None:
    """Print a Markdown table."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    out = [
        "| column | parameter | samples | truth | bias | simulation error | covered by errors | by the bootstrap |",
        "|---|---|---|---|---|---|---|---|",
    ]
    out += lines("table3_baseline, FE(7)", estimates("table3_baseline", seeds), {"ln_e": BETA})
    for experiment in ("table7_spatial_w1", "table8_spatial_w2"):
        out += lines(f"{experiment}, SDM(5)", estimates(experiment, seeds), TRUTH)
        plain = estimates(experiment, seeds, "model.bias_correction=none")
        out += lines(f"{experiment}, SDM(5), uncorrected", plain, TRUTH)
    sys.stdout.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
