"""Bias and coverage of the study's columns with total E over seeds of the simulated study, by its own experiments.

Run in an empty folder: ``python …/tests/benchmark/study_coverage.py [seeds]``. Each seed is a run of `table3_baseline`,
`table7_spatial_w1` and `table8_spatial_w2`, recorded like any other; the estimates are read back from MLflow. The last
two are also fitted without Lee and Yu's correction.
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


def estimates(experiment: str, seeds: int, *overrides: str) -> pd.DataFrame:
    """Run an experiment over seeds and return term, coef, se, low and high of the column with total E."""
    command = [sys.executable, "-m", "digicarbon", "run", experiment, "-m", f"source.seed=range(1,{seeds + 1})"]
    subprocess.run([*command, *overrides], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    parts = []
    for record in sweep(Tracking(), experiment).records:
        if record.result.focal == ("ln_e",):
            columns = pd.DataFrame(dict(record.result.estimate_columns), index=record.result.terms)
            parts.append(columns.loc[[term for term in TRUTH if term in columns.index]])
            if record.result.spatial_effects is not None:
                parts.append(record.result.effects.loc[("total", "ln_e")].to_frame("total").T)
    return pd.concat(parts)


def lines(name: str, found: pd.DataFrame, truth: dict[str, float]) -> list[str]:
    """Return a row of the table for each parameter."""
    rows = []
    for term, value in truth.items():
        part = found.loc[[term]] if term in found.index else found.iloc[:0]
        if len(part):
            coef, covered = part["coef"].to_numpy(), (part["low"] <= value) & (value <= part["high"])
            numbers = (value, coef.mean() - value, coef.std(ddof=1) / np.sqrt(len(coef)), covered.mean())
            rows.append(f"| {name} | {term} | {len(part)} | " + " | ".join(f"{x:.4f}" for x in numbers) + " |")
    return rows


def main() -> None:
    """Print a Markdown table."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    out = [
        "| column | parameter | samples | truth | bias | simulation error | coverage of 95 % |",
        "|---|---|---|---|---|---|---|",
    ]
    out += lines("table3_baseline, FE(7)", estimates("table3_baseline", seeds), {"ln_e": BETA})
    for experiment in ("table7_spatial_w1", "table8_spatial_w2"):
        out += lines(f"{experiment}, SDM(5)", estimates(experiment, seeds), TRUTH)
        plain = estimates(experiment, seeds, "model.bias_correction=none")
        out += lines(f"{experiment}, SDM(5), uncorrected", plain, TRUTH)
    sys.stdout.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
